"""Who imports whom: the rooms of the package and the directions between them."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "skdeep"

LOW = {"_compat", "_checks"}  # may be imported from everywhere
INNER = {"engine", "nets", "losses", "data"}
BASE = INNER | {"preprocessing", "metrics", "parameters", "inputs", "base", "kernels"}
FAMILIES = {
    *("perceptron", "tabular", "convolutional", "recurrent", "autoencoder"),
    *("outlier", "siamese", "adversarial", "policies"),
}
ROOMS = {  # room -> rooms that it may import from
    "nets": set(),
    "losses": set(),
    "data": set(),
    "preprocessing": set(),
    "metrics": {"preprocessing"},
    "engine": {"data", "losses.reduce", "nets.blocks"},
    "parameters": {"engine"},
    "inputs": {"engine", "data", "preprocessing", "parameters"},
    "base": INNER | {"preprocessing", "parameters", "inputs"},
    "kernels": INNER | {"parameters", "inputs", "base"},
    **{family: BASE for family in FAMILIES},  # no family imports another
    "root": BASE
    | FAMILIES
    | {"callbacks", "ensemble", "forecast", "tuning", "plotting", "persistence", "onnx", "scale"},
    "callbacks": {"persistence"},
    "scale": {"root", "base", "inputs", "data"},
    "tuning": {"root", "base", "engine", "ensemble"},
    "ensemble": {"tabular", "preprocessing"},
    "forecast": {"parameters", "recurrent", "base"},
    "plotting": {"root", "tuning", "inputs", "base", "forecast", "metrics"},
    "persistence": {"root", "engine", "nets", "preprocessing"},
    "onnx": {"root", "ensemble"} | FAMILIES | (BASE - {"losses", "data", "metrics", "parameters"}),
}
LIBRARIES = {  # libraries that live in some rooms only
    "skorch": {"engine"},
    "optuna": {"tuning", "plotting"},
    "matplotlib": {"plotting"},
    "safetensors": {"persistence"},
    "onnx": {"onnx"},
    "skl2onnx": {"onnx"},
}
ONLY = {  # rooms that may use nothing but these libraries
    "nets": {"torch", "math"},
    "losses": {"torch", "math"},
    "preprocessing": {"sklearn", "numpy", "pandas", "scipy", "pyarrow", "polars"},
}
STANDARD = {
    "functools",
    "itertools",
    "math",
    "importlib",
    "inspect",
    "warnings",
    "dataclasses",
    "numbers",
    "re",
    "copy",
    "collections",
    "datetime",
    "decimal",
    "typing",
    "__future__",
}


def room_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "root"


def imports(path, at_run_time=False):
    tree = ast.parse(path.read_text())
    if at_run_time:
        tree.body = [node for node in tree.body if not _is_for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def _is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_directions(path):
    room = room_of(path)
    for name in imports(path):
        library, *rest = name.split(".")
        if library != "skdeep":
            assert room in LIBRARIES.get(library, {room}), f"{room} imports {library}"
            continue
        if not rest or rest[0] in LOW:
            continue
        target = rest[0] if (PACKAGE / rest[0]).is_dir() else "root"
        if target == room:
            continue
        may = ROOMS[room]
        ok = target in may or any(".".join(rest).startswith(entry) for entry in may)
        assert ok, f"{path.relative_to(PACKAGE)} ({room}) imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries(path):
    allowed = ONLY.get(room_of(path))
    if allowed is not None:
        libraries = {name.split(".")[0] for name in imports(path, at_run_time=True)}
        assert libraries <= allowed | STANDARD | {"skdeep"}


def test_no_room_for_utils():
    assert not [p for p in FILES if p.stem in ("utils", "helpers", "misc", "common")]


def test_private_sklearn_names_come_through_compat():
    for path in FILES:
        if path.stem == "_compat":
            continue
        for name in imports(path):
            if name.startswith("sklearn."):
                assert not any(part.startswith("_") for part in name.split(".")), (path.name, name)
