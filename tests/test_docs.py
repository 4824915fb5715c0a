"""The documentation in examples/docs: whole, true, and built without a warning."""

import ast
import builtins
import contextlib
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import skdeep

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "examples" / "docs"
GUIDE = sorted((DOCS / "guide").glob("*.rst"))
_table = (DOCS / "guide" / "index.rst").read_text()
FAMILIES = [DOCS / "guide" / f"{name}.rst" for name in re.findall(r":doc:`(\w+)`", _table)]

_spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

# What the snippets of the guide take for granted: data of the reader, and what was fitted before.
GIVEN = {
    "X", "X_new", "ages", "characters", "clf", "env", "episode", "frame", "frame_new", "homes",
    "images", "labels", "list_of_series", "new_images", "next_values", "pairs", "price", "reward",
    "series", "terminated", "texts", "windows", "y", "y_new",
}  # fmt: skip


def find(dotted):
    """The object with this full name."""
    found, _, rest = dotted.partition(".")
    found = importlib.import_module(found)
    for part in rest.split("."):
        with contextlib.suppress(ImportError, AttributeError):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def snippets(path):
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?:(?: {3}.*)?\n)+)", path.read_text(), re.M
    )
    return [textwrap.dedent(block) for block in blocks]


# --- reference ------------------------------------------------------------------------------


def test_every_public_name_is_in_the_reference():
    public = {f"skdeep.{name}" for name in skdeep.__all__ if name != "__version__"}
    for package in skdeep._PACKAGES:
        module = importlib.import_module(f"skdeep.{package}")
        public |= {f"skdeep.{package}.{n}" for n in module.__all__ if not hasattr(skdeep, n)}
    assert len(public) > 50
    assert reference.public_names() == public


def test_pages_list_each_name_once(tmp_path):
    reference.write(tmp_path)
    pages = {path.stem: path.read_text() for path in tmp_path.glob("*.rst")}
    listed = []
    for name, (_, module, _, _) in reference.sections().items():
        assert re.search(rf"^   {re.escape(name)}$", pages["index"], re.M)
        entries = re.findall(r"^   (\w+)$", pages[name], re.M)
        listed += [f"{module}.{entry}" for entry in entries]
    assert sorted(listed) == sorted(reference.public_names())


def test_html_of_estimators_links_to_the_reference():
    estimators = {
        name: cls
        for name in reference.public_names()
        if inspect.isclass(cls := find(name))
        and issubclass(cls, BaseEstimator)
        and (hasattr(cls, "fit") or hasattr(cls, "fit_resample"))
    }
    assert len(estimators) > 25
    for name, cls in estimators.items():
        arguments = {"OptunaSearchCV": [skdeep.MLPClassifier(), {}]}.get(cls.__name__)
        if arguments is None:
            needs_some = "estimators" in inspect.signature(cls).parameters
            arguments = [[("mlp", skdeep.MLPClassifier())]] if needs_some else []
        html = cls(*arguments)._repr_html_()
        address = f"reference/generated/{name}.html"
        assert f'href="https://skdeep.readthedocs.io/en/stable/{address}"' in html
        assert "param-doc-description" in html


# --- user guide -----------------------------------------------------------------------------


def test_the_guide_lists_its_pages():
    index = (DOCS / "guide" / "index.rst").read_text()
    assert sorted(re.findall(r"^   (\w+)$", index, re.M)) == sorted(
        path.stem for path in GUIDE if path.stem != "index"
    )


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_pages_of_families_answer_the_same_questions(path):
    assert len(FAMILIES) == len(set(FAMILIES)) > 8
    headings = re.findall(r"^(.+)\n=+\n", path.read_text(), re.M)
    assert headings[1:] == ["Defaults", "How to choose", "Limits", "Cost"]


def test_every_estimator_is_in_the_guide():
    text = "".join(path.read_text() for path in GUIDE)
    missing = [name for name in skdeep._PLACES if name not in text and name != "show_versions"]
    assert not missing


@pytest.mark.parametrize("path", [DOCS / "index.rst", *GUIDE], ids=lambda path: path.stem)
def test_names_in_the_guide_exist(path):
    text = path.read_text()
    for dotted in re.findall(r"\b(?:skdeep|sklearn)(?:\.[A-Za-z]\w*)+", text):
        find(dotted)
    for name in re.findall(r"``(benchmarks/[\w/]+\.\w+)``", text):
        assert (ROOT / name).is_file(), name
    for target in re.findall(r":doc:`([\w/]+)`", text):
        if not target.startswith(("/reference", "/gallery")):
            assert (path.parent / f"{target}.rst").is_file(), target


@pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.stem)
def test_snippets_of_the_guide(path):
    """Names are defined, and arguments are those of the classes that are called."""
    known = {}
    for snippet in snippets(path):
        tree = ast.parse(snippet)
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                with contextlib.suppress(ModuleNotFoundError):  # an optional library
                    module = importlib.import_module(node.module)
                    known |= {a.asname or a.name: getattr(module, a.name) for a in node.names}
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        assigned = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            assigned |= {function.name, *(argument.arg for argument in function.args.args)}
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        used = {name.id for name in names}
        assert used <= set(known) | assigned | imported | GIVEN | set(dir(builtins))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            cls = known.get(getattr(call.func, "id", None))
            if cls is not None:
                keywords = {keyword.arg for keyword in call.keywords}
                assert keywords <= set(inspect.signature(cls).parameters), ast.unparse(call)


def _tests_in(*paths):
    texts = (path.read_text() for path in paths)
    return {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.M)}


def test_every_row_of_other_libraries_has_its_test():
    text = (DOCS / "guide" / "tools.rst").read_text()
    rows = text.split("\n   * - ")[2:]
    named = [set(re.findall(r"``(test_\w+)``", row)) for row in rows]
    assert len(rows) > 24 and all(named)
    assert set().union(*named) <= _tests_in(*(ROOT / "tests").rglob("test_*.py"))
    assert _tests_in(ROOT / "tests" / "test_tools.py") <= set().union(*named)


# --- build ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_documentation_builds_without_warnings(tmp_path):
    for name in ("sphinx", "pydata_sphinx_theme", "sphinx_gallery", "numpydoc", "sphinx_design"):
        pytest.importorskip(name)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-D", "plot_gallery=0"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees"), "examples/docs", str(tmp_path / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    built = {path.stem for path in (tmp_path / "html/reference/generated").glob("*.html")}
    assert built == reference.public_names()
    gallery = {path.stem for path in (tmp_path / "html/gallery").glob("plot_*.html")}
    assert gallery == {path.stem for path in (ROOT / "examples").glob("plot_*.py")}
