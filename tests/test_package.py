"""What is built of the project: a wheel that works elsewhere, an sdist that tests itself."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml  # Optuna needs it

import skdeep

pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]


def run(*command, cwd, **environment):
    """Run a Python that finds skdeep in PYTHONPATH only, where it stands before site-packages."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folders of the unpacked wheel and of the unpacked sdist, and of what was built."""
    folder = tmp_path_factory.mktemp("built")
    run("-m", "hatchling", "build", "-d", str(folder), cwd=ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    zipfile.ZipFile(wheel).extractall(folder / "wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "sdist", filter="data")
    return folder / "wheel", folder / "sdist" / f"skdeep-{skdeep.__version__}"


def test_the_wheel_holds_the_package_and_nothing_else(built):
    wheel, _ = built
    top = {path.name for path in wheel.iterdir()}
    assert top == {"skdeep", f"skdeep-{skdeep.__version__}.dist-info"}
    packed = {path.relative_to(wheel / "skdeep") for path in (wheel / "skdeep").rglob("*.*")}
    here = {path.relative_to(ROOT / "skdeep") for path in (ROOT / "skdeep").rglob("*.py")}
    assert packed == here | {Path("py.typed")}


def test_metadata(built):
    wheel, _ = built
    (path,) = wheel.glob("*.dist-info/METADATA")
    found = Parser().parsestr(path.read_text())
    assert found["Version"] == skdeep.__version__ and found["Author"]
    assert found["License-Expression"] == "BSD-3-Clause"
    assert "Typing :: Typed" in found.get_all("Classifier")
    assert found.get_all("Project-URL")
    assert found.get_payload().startswith("# skdeep")


def test_the_citation_agrees_with_the_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0" and cited["type"] == "software" and cited["message"]
    assert cited["version"] == skdeep.__version__
    assert cited["title"] == f"{project['name']}: {project['description']}"
    assert cited["authors"] == project["authors"]
    assert cited["license"] == project["license"]
    assert cited["url"] == project["urls"]["Documentation"]
    assert set(cited["keywords"]) <= set(project["keywords"])
    (entry,) = re.findall(r"```bibtex\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert f"title = {{{cited['title']}}}" in entry
    assert f"version = {{{cited['version']}}}" in entry
    assert f"author = {{{{{cited['authors'][0]['name']}}}}}" in entry


def test_the_wheel_works_elsewhere(built, tmp_path):
    wheel, _ = built
    code = (
        "import numpy, skdeep; from skdeep import *; "
        "X = numpy.arange(40.0).reshape(20, 2); y = numpy.arange(20) % 2; "
        "clf = MLPClassifier(max_iter=2, device='cpu', tol=1e9, n_iter_no_change=1).fit(X, y); "
        "print(skdeep.__file__, clf.predict(X).shape)"
    )
    printed = run("-c", code, cwd=tmp_path, PYTHONPATH=str(wheel))
    assert printed.split() == [str(wheel / "skdeep" / "__init__.py"), "(20,)"]


def test_the_sdist_holds_what_the_tests_read(built):
    _, sdist = built
    for name in (
        "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt", "constraints-lowest.txt",
        "pyproject.toml", ".ci/run", "CITATION.cff", "benchmarks/README.md",
        "examples/docs/conf.py",
    ):  # fmt: skip
        assert (sdist / name).read_text() == (ROOT / name).read_text()
    for folder in ("tests", "examples", "benchmarks"):
        packed = {path.relative_to(sdist) for path in (sdist / folder).rglob("*.py")}
        here = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")}
        here = {path for path in here if "gallery" not in path.parts}
        assert packed == here


def test_the_example_of_the_readme_runs_from_the_wheel(built, tmp_path):
    wheel, _ = built
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    code = f"{example}\nimport skdeep\nprint(skdeep.__file__)"
    *printed, place = run("-c", code, cwd=tmp_path, PYTHONPATH=str(wheel)).splitlines()
    assert place == str(wheel / "skdeep" / "__init__.py")
    promised = re.findall(r"^# (\w+: error \d+)", example, re.M)
    assert [line.partition(".")[0] for line in printed] == promised


@pytest.mark.slow
def test_tests_run_from_the_sdist(built):
    _, sdist = built
    tests = ["tests/test_imports.py", "tests/test_benchmarks.py", "tests/test_docs.py"]
    tests += ["tests/test_text.py", "tests/plotting", "tests/parameters"]
    options = ["-q", "-n0", "-p", "no:cacheprovider"]
    printed = run("-m", "pytest", *options, *tests, cwd=sdist, PYTHONPATH=str(sdist))
    assert " passed" in printed and "failed" not in printed
