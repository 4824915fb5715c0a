"""What the project says about itself is true: README, docstrings, examples, changelog."""

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import itertools
import pkgutil
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import skdeep
from skdeep import _compat

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = ("plot", "progress", "persistence", "onnx", "test")  # that the tests are run with
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MODULES = ["skdeep", *(m.name for m in pkgutil.walk_packages(skdeep.__path__, "skdeep."))]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def tracked_texts():
    """(path, text) of each file that belongs to the project."""
    try:
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git repository")
    for name in names:
        path = ROOT / name
        with contextlib.suppress(UnicodeDecodeError, FileNotFoundError):
            yield name, path.read_text()


# --- README and what it speaks of -----------------------------------------------------------


def test_readme_has_two_commands_of_one_line():
    commands = blocks("sh")
    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)


@pytest.mark.parametrize("command", blocks("sh"), ids=["main job", "tests"])
def test_readme_commands_name_what_exists(command):
    extras = PROJECT["project"]["optional-dependencies"]
    for words in re.split(r"\s*&&\s*", command.strip()):
        words = itertools.dropwhile(lambda w: re.match(r"[A-Z_]+=", w), shlex.split(words))
        program, *arguments = words
        assert program == "python3" or program.startswith(".venv/bin/")
        for argument in arguments:
            if argument.startswith(".["):
                assert argument[2:-1] in extras
            elif "." in argument and argument != ".venv":
                assert (ROOT / argument).is_file(), argument


def test_the_example_of_the_readme_prints_what_it_says():
    (example,) = blocks("python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "README.md", "exec"), {})
    line = re.compile(r"(\w+): error ([\d.]+), [\d.]+ s$", re.M)  # times are of one machine
    promised, found = (dict(line.findall(text)) for text in (example, printed.getvalue()))
    assert list(promised) == list(found) == ["RealMLPRegressor", "HistGradientBoostingRegressor"]
    for name, error in promised.items():
        assert float(found[name]) == pytest.approx(float(error), rel=0.02)


def tasks():
    """Cells of the table of tasks."""
    table = README.split("| task |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


@pytest.mark.parametrize("row", tasks(), ids=lambda row: row[1].strip("`").split("`")[0])
def test_tasks_of_the_readme(row):
    """Classes exist, lines use their parameters, examples use them, pictures are small."""
    _, classes, line, example, picture = row
    names = re.findall(r"[\w.]+", classes.replace("`", " "))
    for name in names:
        module, _, cls = f"skdeep.{name}".rpartition(".")
        assert cls in importlib.import_module(module).__all__
    called = set()
    for call in (n for n in ast.walk(ast.parse(line.strip("`"))) if isinstance(n, ast.Call)):
        name = getattr(call.func, "id", None)
        place = "skdeep.forecast" if name == "Forecaster" else "skdeep"
        if name and name != "make_pipeline":
            parameters = inspect.signature(getattr(importlib.import_module(place), name)).parameters
            assert {keyword.arg for keyword in call.keywords} <= set(parameters)
            called.add(name)
    assert called & {name.rpartition(".")[2] for name in names}
    text = (ROOT / example.strip("`")).read_text()
    assert any(name.rpartition(".")[2] in text for name in names)
    source = re.search(r'src="([\w/.]+)"', picture)[1]
    assert Path(source).stem == Path(example.strip("`")).stem.removeprefix("plot_")
    assert 1_000 < (ROOT / source).stat().st_size < 60_000


def test_the_readme_is_short_and_says_what_people_search_for():
    assert len(README.split()) < 1275  # half of what it had before there was a documentation
    for words in (
        "tabular", "images", "synthetic data", "anomaly detection", "calibrated probabilities",
        "forecasting",
    ):  # fmt: skip
        assert words in README
    assert f"version = {{{skdeep.__version__}}}" in README


def test_each_result_of_the_readme_has_its_command():
    table = README.split("| | result | fit | command |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert len(rows) > 5
    for *_, command in rows:
        program, script, *_ = shlex.split(command.strip("`"))
        assert program == "python" and (ROOT / script).is_file()


def test_the_address_of_the_documentation_is_one():
    assert PROJECT["project"]["urls"]["Documentation"] == _compat.DOCUMENTATION


def test_readme_names_files_markers_and_names_that_exist():
    in_quotes = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))
    files = [q for q in in_quotes if re.fullmatch(r"[\w./-]+\.(py|txt|md|toml)|LICENSE", q)]
    assert len(files) > 5
    for name in files:
        assert (ROOT / name).is_file(), name
    markers = [line.split(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]]
    assert sorted(q.removeprefix("-m ") for q in in_quotes if q.startswith("-m ")) == sorted(
        markers
    )
    for dotted in re.findall(r"skdeep(?:\.\w+)+", " ".join(in_quotes)):
        found = skdeep
        for part in dotted.split(".")[1:]:
            with contextlib.suppress(ImportError):
                importlib.import_module(f"{found.__name__}.{part}")
            found = getattr(found, part)


def test_new_parameters_of_perceptrons_are_in_the_guide():
    guide = (ROOT / "examples/docs/guide/perceptrons.rst").read_text()
    table = guide.split("list-table:: What is new")[1].split("How to choose")[0]
    known = set()
    for cls in (skdeep.MLPClassifier, skdeep.MLPRegressor):
        known |= set(inspect.signature(cls).parameters)
    used = set(re.findall(r"``(\w+)=", table)) - {"clf"}
    assert used and used <= known
    # What the table lists is what scikit-learn's have not, all of it.
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    old = set(inspect.signature(MLPClassifier).parameters)
    old |= set(inspect.signature(MLPRegressor).parameters)
    without = {"huber_delta", "quantile", "weight_init"}  # parts of what is listed
    assert known - old - without <= set(re.findall(r"\w+", table))


def test_ci_runs_the_command_of_the_readme():
    assert blocks("sh")[1] in (ROOT / ".ci" / "run").read_text()


def test_constraints_pin_what_the_project_needs():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    assert not [version for version in pins.values() if "+" in version]
    wanted = [*PROJECT["project"]["dependencies"], "skdeep[plot,test,docs]"]
    while wanted:
        requirement = Requirement(wanted.pop())
        if requirement.name == "skdeep":
            for extra in requirement.extras:
                wanted += PROJECT["project"]["optional-dependencies"][extra]
        else:
            assert requirement.specifier.contains(pins[requirement.name]), requirement


def test_lowest_versions_are_those_of_the_project():
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    tested = {"torch"}  # of its lowest version there is no build without CUDA everywhere
    for line in [
        *PROJECT["project"]["dependencies"],
        *itertools.chain(*(PROJECT["project"]["optional-dependencies"][e] for e in EXTRAS)),
    ]:
        requirement = Requirement(line)
        if requirement.name == "skdeep":
            continue
        (lowest,) = (s.version for s in requirement.specifier if s.operator == ">=")
        assert requirement.specifier.contains(pins[requirement.name]), requirement
        if requirement.name not in tested:
            assert Version(pins[requirement.name]) == Version(lowest), requirement


def test_changelog_has_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[{re.escape(skdeep.__version__)}\]", text, flags=re.MULTILINE)


# --- all files ------------------------------------------------------------------------------


def test_no_paths_of_a_machine():
    pattern = re.compile(
        r"(?<![\w.~:/])/(?:home|root|Users|work|mnt|opt|tmp|var|srv)/\w|\b[A-Z]:\\\\?Users"
    )
    found = [(name, match[0]) for name, text in tracked_texts() for match in pattern.finditer(text)]
    assert not found


def test_no_hosts_of_package_registries():
    pattern = re.compile(
        r"pypi\.(?:org|python)|pythonhosted\.org|(?:ana)?conda\.(?:org|com|io)|download\.pytorch"
        r"|registry\.npmjs|deb\.debian|crates\.io|proxy\.golang"
    )
    found = [(name, match[0]) for name, text in tracked_texts() for match in pattern.finditer(text)]
    assert not found


def test_no_leftovers():
    pattern = re.compile(r"\b(?:TO-?DO|FIX-?ME|XX[X])\b")
    for path in (ROOT / "skdeep").rglob("*.py"):
        assert not pattern.search(path.read_text()), path.name


# --- docstrings -----------------------------------------------------------------------------


def public_objects():
    """The names in `__all__` of skdeep and of its packages that users import from."""
    rooms = (
        "callbacks",
        "forecast",
        "plotting",
        "persistence",
        "policies",
        "preprocessing",
        "tuning",
        "metrics",
    )
    for name in ["skdeep", *(f"skdeep.{room}" for room in rooms)]:
        if name in MODULES:
            module = importlib.import_module(name)
            for public in getattr(module, "__all__", ()):
                found = getattr(module, public)
                if inspect.isclass(found) or inspect.isfunction(found):
                    yield f"{name}.{public}", found


OBJECTS = dict(public_objects())
CLASSES = {name: found for name, found in OBJECTS.items() if inspect.isclass(found)}
METHODS = {  # those that skdeep itself wrote
    f"{name}.{method}": getattr(cls, method)
    for name, cls in CLASSES.items()
    for method in dir(cls)
    if not method.startswith("_")
    and (getattr(getattr(cls, method), "__module__", None) or "").startswith("skdeep")
}


def documented_parameters(doc):
    """Names in the section "Parameters", in order; each must say its type."""
    section = re.search(r"^Parameters\n-{10}\n(.*?)(?=^\w[\w ]+\n-{3,}\n|\Z)", doc, re.M | re.S)
    if section is None:
        return []
    names = []
    for entry in re.split(r"^(?=\S)", section[1], flags=re.MULTILINE)[1:]:
        head = entry.split("\n")[0]
        assert " : " in head, f"no type: {head!r}"
        names += [name.strip() for name in head.split(" : ")[0].split(",")]
    return names


def parameters_of(function):
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    signature = inspect.signature(function).parameters
    return [marks.get(p.kind, "") + name for name, p in signature.items() if name != "self"]


def check_summary(doc):
    assert doc, "no docstring"
    summary = doc.split("\n\n")[0]
    assert "\n" not in summary and summary.endswith("."), (
        f"the first line is no sentence: {summary}"
    )


@pytest.mark.parametrize("name", OBJECTS)
def test_docstring_names_the_parameters(name):
    documented = OBJECTS[name]
    doc = inspect.getdoc(documented)
    check_summary(doc)
    if name in CLASSES and "__init__" not in vars(documented):
        return
    assert documented_parameters(doc) == parameters_of(documented)


@pytest.mark.parametrize("name", METHODS)
def test_docstring_of_methods(name):
    doc = inspect.getdoc(METHODS[name])
    check_summary(doc)
    assert documented_parameters(doc) == parameters_of(METHODS[name])


@pytest.mark.parametrize("name", CLASSES)
def test_shared_descriptions_are_filled_in(name):
    doc = inspect.getdoc(CLASSES[name])
    assert not re.findall(r"^ *\{\w+\}$", doc, flags=re.MULTILINE)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_have_an_example(name):
    if not issubclass(CLASSES[name], BaseException):
        assert re.search(r"^Examples\n-{8}\n>>> ", inspect.getdoc(CLASSES[name]), re.MULTILINE)


def examples():
    """Doctests by name, those of public classes, which name another module, included."""
    find = doctest.DocTestFinder().find
    found = [test for name in MODULES for test in find(importlib.import_module(name), name)]
    for name, cls in CLASSES.items():
        if name == f"{cls.__module__}.{cls.__qualname__}":
            found += find(cls, name, module=False)
    return {test.name: test for test in found if test.examples}


DOCTESTS = examples()


def test_examples_are_found():
    for cls in CLASSES.values():
        assert f"{cls.__module__}.{cls.__qualname__}" in DOCTESTS


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("name", DOCTESTS)
def test_examples_in_docstrings(name):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    output = io.StringIO()
    doctest.DocTestRunner(optionflags=flags).run(DOCTESTS[name], out=output.write)
    plt.close("all")
    assert not output.getvalue()


# --- examples -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_made_alike(path):
    assert re.fullmatch(r"plot(_[a-z0-9]+)+\.py", path.name)
    tree = ast.parse(path.read_text())
    top, title, bottom, empty, *text = ast.get_docstring(tree).split("\n")
    assert top == bottom == "=" * len(title)
    assert empty == "" and text
    assert ast.unparse(tree.body[-1]) == "plt.show()"
