"""Settings of sphinx for the documentation: see the section "Contributing" of README.md."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference  # noqa: E402
from sklearn.experimental import enable_iterative_imputer  # noqa: E402, F401

import skdeep  # noqa: E402

project = "skdeep"
author = "The skdeep developers"
copyright = f"2026, {author}"
version = release = skdeep.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "numpydoc",
]
templates_path = ["templates"]
exclude_patterns = ["templates"]
default_role = "py:obj"

autosummary_generate = reference.write(HERE / "reference")  # what is new as well
autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False  # the template lists them

html_theme = "pydata_sphinx_theme"
toc_object_entries_show_parents = "hide"
html_title = f"skdeep {release}"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}

# Names in examples are looked up even where the examples are not run, so that what scikit-learn
# calls experimental is enabled above.
sphinx_gallery_conf = {
    "examples_dirs": "..",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "nested_sections": False,
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "backreferences",
    "doc_module": ("skdeep",),
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "show_memory": False,
}


def skip_inherited(app, what, name, member, skip, options):
    """Leave out what scikit-learn's base classes bring along, which has its own documentation."""
    member = getattr(member, "fget", member)  # of a property
    module = getattr(member, "__module__", None) or "skdeep"
    return True if not module.startswith("skdeep") else None


def setup(app):
    app.connect("autodoc-skip-member", skip_inherited)
