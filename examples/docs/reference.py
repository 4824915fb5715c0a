"""Pages of the reference, from the names that the package itself says are public.

No page is written by hand: a name that is added to ``__all__`` of skdeep or of one of its packages
is in the next build.
"""

import importlib
import inspect
from pathlib import Path

import skdeep

FAMILIES = {
    "perceptron": "Perceptrons",
    "tabular": "Mixed tables",
    "convolutional": "Images and series",
    "recurrent": "Sequences and texts",
    "siamese": "Embeddings",
    "autoencoder": "Autoencoders",
    "outlier": "Outliers",
    "adversarial": "Generators",
    "policies": "Policies",
    "preprocessing": "Preprocessing",
    "_show_versions": "Utilities",
}
"""Titles of the rooms in which the estimators of `skdeep.__all__` live, in order."""


def sections():
    """Return {name of a page: (title, module, names, whether the module's own text is shown)}."""
    found = {}
    for room, title in FAMILIES.items():
        names = [n for n, place in skdeep._PLACES.items() if place.split(".")[0] == room]
        if names:
            found[room.strip("_")] = (title, "skdeep", sorted(names), False)
    for package in skdeep._PACKAGES:
        name = f"skdeep.{package}"
        module = importlib.import_module(name)
        names = [n for n in sorted(module.__all__) if not hasattr(skdeep, n)]
        found[name] = (name, name, names, True)
    return found


def public_names():
    """Return the full name of everything that is in the reference."""
    return {f"{module}.{name}" for _, module, names, _ in sections().values() for name in names}


def page(title, module, names, with_text):
    """Return the text of one page."""
    lines = [title, "=" * len(title), ""]
    if with_text:
        lines += [f".. automodule:: {module}", "   :no-members:", "   :no-index:", ""]
    lines += [f".. currentmodule:: {module}", ""]
    kinds = {"Classes": inspect.isclass, "Functions": inspect.isfunction}
    for heading, is_kind in kinds.items():
        chosen = [n for n in names if is_kind(getattr(importlib.import_module(module), n))]
        if chosen:
            template = "class.rst" if heading == "Classes" else "base.rst"
            lines += [heading, "-" * len(heading), "", ".. autosummary::"]
            lines += ["   :toctree: generated", f"   :template: {template}", ""]
            lines += [*(f"   {name}" for name in chosen), ""]
    return "\n".join(lines)


def write(folder):
    """Write the pages, and one that lists them, where their text has changed.

    Returns the names of the files, from the folder above.
    """
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    index = ["Reference", "=========", "", "Every public name, by family and by package.", ""]
    index += [".. toctree::", "   :maxdepth: 2", ""]
    pages = {}
    for name, section in sections().items():
        pages[name] = page(*section)
        index.append(f"   {name}")
    pages["index"] = "\n".join([*index, ""])
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    return [f"{folder.name}/{name}.rst" for name in pages]
