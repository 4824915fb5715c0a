"""Types as a type checker of users sees them: ``py.typed`` is true for what is public."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skdeep

ROOT = Path(__file__).parents[1]
ROOMS = (
    "callbacks",
    "ensemble",
    "forecast",
    "metrics",
    "onnx",
    "persistence",
    "plotting",
    "policies",
    "preprocessing",
    "tuning",
)
CLASSES = [cls for name in skdeep.__all__ if inspect.isclass(cls := getattr(skdeep, name))]
FOREIGN = ("base class", "metaclass")
"""Words of complaints about scikit-learn's classes, which have no types."""

pytest.importorskip("pyright")


def pyright(*arguments, cwd):
    """What pyright says of the package as it is installed for users, as data."""
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
        + list(arguments),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # it finds no package by a hook of imports
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    return json.loads(done.stdout)


def public_places():
    """Where public classes and functions are defined."""
    for name in skdeep.__all__:
        if name in skdeep._PLACES:
            yield f"skdeep.{skdeep._PLACES[name]}.{name}"
    for room in ROOMS:
        for node in ast.walk(ast.parse((ROOT / "skdeep" / room / "__init__.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith(f"skdeep.{room}."):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def completeness():
    """Of each symbol the complaints about its type."""
    told = pyright("--verifytypes", "skdeep", "--ignoreexternal", cwd=ROOT)
    return {
        symbol["name"]: [
            d["message"].splitlines()[0]
            for d in symbol["diagnostics"]
            if d["severity"] == "error" and not any(word in d["message"] for word in FOREIGN)
        ]
        for symbol in told["typeCompleteness"]["symbols"]
    }


@pytest.mark.parametrize("place", sorted(set(public_places())))
def test_what_is_public_has_types(place, completeness):
    """Signatures of functions and public methods, and attributes."""
    module, _, name = place.rpartition(".")
    if "._" in module:  # private modules, from which packages export functions
        _check_function(getattr(importlib.import_module(module), name))
        return
    found = {
        name: complaints
        for name, complaints in completeness.items()
        if name == place or re.match(rf"{re.escape(place)}\.([^_]|__init__)", name)
    }
    assert found, "pyright does not know it"
    assert {name: complaints for name, complaints in found.items() if complaints} == {}


def _check_function(function):
    if isinstance(function, type):
        function = function.__init__
    signature = inspect.signature(function)
    types = [p.annotation for p in signature.parameters.values() if p.name != "self"]
    assert inspect.Parameter.empty not in types
    assert signature.return_annotation is not inspect.Signature.empty


def attributes_of(cls):
    """Names under "Attributes" in the docstring of a class."""
    section = inspect.getdoc(cls).partition("\nAttributes\n")[2].partition("\n\nSee Also\n")[0]
    section = section.partition("\n\nExamples\n")[0]
    heads = [line.partition(" : ") for line in section.splitlines() if line[:1].isalpha()]
    return [name.strip() for names, colon, _ in heads if colon for name in names.split(",")]


def test_fitted_attributes_are_known(tmp_path):
    """A script of a user's reads each of them; pyright knows all, and none that is not there."""
    lines = ["import skdeep"]
    for cls in CLASSES:
        names = attributes_of(cls)
        assert len(names) > 1 or not hasattr(cls, "fit"), cls
        lines += [f"skdeep.{cls.__name__}().{name}" for name in names]
    wrong = len(lines) + 1
    lines.append("skdeep.MLPClassifier().losses_")
    (tmp_path / "script.py").write_text("\n".join(lines) + "\n")
    config = {"extraPaths": [str(ROOT)], "reportUnusedExpression": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    told = pyright("script.py", cwd=tmp_path)["generalDiagnostics"]
    errors = [d for d in told if d["severity"] == "error"]
    assert [d["range"]["start"]["line"] + 1 for d in errors] == [wrong], errors
