"""Files that are damaged or made to do harm, in a process with little memory and time.

`hostile.py` opens them. What is not refused with a ValueError is opened and predicts, and the
process is still there.
"""

import copy
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import save
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdeep import MLPClassifier, RealMLPClassifier
from skdeep.persistence import _file, load
from skdeep.persistence import save as save_model
from skdeep.persistence._registry import PLAIN

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them"),
]
HOSTILE = Path(__file__).with_name("hostile.py")
ENDS = {"ValueError", "UntrustedTypeError", "loaded"}


@pytest.fixture(scope="module")
def models(tmp_path_factory, data):
    """Bytes of three saved models, and rows for them."""
    X, y = data
    X = X.astype(np.float64)
    mlp = MLPClassifier((4,), max_iter=2, random_state=0, device="cpu")
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(color=np.array(list("rgb"))[y])
    voters = [
        ("mlp", mlp),
        ("forest", RandomForestClassifier(2, max_depth=3, random_state=0)),
        ("hist", HistGradientBoostingClassifier(max_iter=2, max_depth=2, random_state=0)),
        ("stages", GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0)),
        ("neighbors", KNeighborsClassifier()),
        ("vectors", SVC()),
    ]
    fitted = {
        "pipe": make_pipeline(StandardScaler(), mlp).fit(X, y),
        "table": RealMLPClassifier(
            hidden_layer_sizes=(4,), max_iter=1, random_state=0, device="cpu"
        ).fit(frame, y),
        "vote": VotingClassifier(voters).fit(X, y),
    }
    folder, contents = tmp_path_factory.mktemp("models"), {}
    for name, model in fitted.items():
        save_model(model, folder / name)
        contents[name] = (folder / name).read_bytes()
    return contents, {"pipe": X, "table": frame, "vote": X, "tree": X}


def opened(content, folder):
    """Structure and arrays of a saved model."""
    path = folder / "opened"
    path.write_bytes(content)
    with safe_open(path, framework="np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return json.loads(arrays.pop(_file._STRUCTURE).tobytes()), arrays


def sealed(tree, arrays):
    """A file in good order around a structure and arrays of whatever kind."""
    text = tree if isinstance(tree, str) else json.dumps(tree)
    arrays = {**arrays, _file._STRUCTURE: np.frombuffer(text.encode(), np.uint8)}
    header = {"format": _file.FORMAT, **_file._VERSIONS, "crc32": _file._checksum(arrays)}
    return save(arrays, {"skdeep": json.dumps(header)})


def damaged(content, rng):
    """Bytes flipped, cut off, swapped or put in."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 3, 30])):
        at, to = sorted(rng.randrange(len(content) + 1) for _ in range(2))
        kind = rng.randrange(5)
        if kind == 0 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del content[at : min(to, at + rng.choice([1, 8, 10**6]))]
        elif kind == 2:
            content[at:to] = content[at:to][::-1]
        elif kind == 3:
            content[at:at] = rng.randbytes(rng.choice([1, 8, 100]))
        else:
            content = content[to:] + content[at:to] + content[:at]
        content = content or bytearray(b"x")
    return bytes(content)


ATOMS = [None, True, -1, 0, 1, 2, 7, 600, 2**31, 2**40, 2**62, 10**30, 0.5, 1e308, -1.0]
ATOMS += ["", "a", "<f8", "|O", "|V0", "csr", "dia", "lil", "MT19937", "__array_interface__"]
NAMES = [
    *(
        "sklearn.preprocessing._data.StandardScaler",
        "skdeep.perceptron.mlp.MLPClassifier",
        "numpy.log1p",
    ),
    *("skdeep.engine.net.DeepNet", "sklearn.utils._bunch.Bunch", "builtins.list", "os.system"),
    *("sklearn.metrics._scorer.get_scorer", "sklearn.isotonic.IsotonicRegression", "numpy.void"),
    *(
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.svm._classes.SVC",
        "builtins.object",
    ),
    *("sklearn.experimental.enable_halving_search_cv.x", "sklearn.tests.test_base.MyEstimator"),
    *("sklearn.neighbors._classification.KNeighborsClassifier", "numpy.testing", "sklearn"),
]
ATTRIBUTES = [
    *("net_", "extend", "pop", "items", "fit", "mean_", "tree_", "n_features_in_", "_fit_X"),
    *("__array__", "__array_interface__", "__deepcopy__", "__class__", "module_state", "device"),
    *("X_thresholds_", "y_thresholds_", "classes_", "_sklearn_version", "state", "epochs"),
]


def places(node, found):
    """Every container in a structure."""
    if isinstance(node, (list, dict)) and node:
        found.append(node)
        for child in node.values() if isinstance(node, dict) else node:
            places(child, found)
    return found


def edited(tree, arrays, rng):
    """A structure and arrays with some parts changed, exchanged, doubled or left out."""
    tree, arrays = copy.deepcopy(tree), dict(arrays)
    for _ in range(rng.choice([1, 1, 2, 5])):
        found = places(tree, [])
        where, other = rng.choice(found), rng.choice(found)
        keys = list(where) if isinstance(where, dict) else range(len(where))
        kind, key = rng.randrange(8), rng.choice(keys)
        if kind == 0:
            where[key] = rng.choice(ATOMS)
        elif kind == 1 and isinstance(where[key], (int, float)) and where[key] is not True:
            where[key] = where[key] * rng.choice([-1, 2, 1000]) + rng.choice([-1, 0, 1])
        elif kind == 2:
            where[key] = copy.deepcopy(other)
        elif kind == 3:
            del where[key]
        elif kind == 4:
            where[key] = branch(rng, 3)
        elif kind == 5 and isinstance(where, list):
            where.append(copy.deepcopy(where[key]))
        elif kind == 6:
            a, b = rng.choice(list(arrays)), rng.choice(list(arrays))
            arrays[a], arrays[b] = arrays[b], arrays[a]
        else:
            name = rng.choice(list(arrays))
            arrays[name] = changed(arrays[name], rng)
    return tree, arrays


def changed(array, rng):
    """An array with other numbers, another shape or another type."""
    kind = rng.randrange(4)
    if kind == 0 and array.size:
        array = array.copy()
        raw = array.reshape(-1).view(np.uint8)
        for _ in range(rng.choice([1, 20])):
            raw[rng.randrange(len(raw))] = rng.choice([0, 1, 127, 128, 255])
        return array
    if kind == 1:
        return np.ascontiguousarray(array[: rng.randrange(3)] if array.ndim else array)
    if kind == 2:
        return array.reshape(-1).copy()
    return array.astype(rng.choice([np.int8, np.float32, np.float64, np.int64, bool]))


def branch(rng, depth):
    """A part of a structure, by a small grammar that knows every kind of node."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(ATOMS)

    def some(most=3):
        return [branch(rng, depth - 1) for _ in range(rng.randrange(most + 1))]

    tag = rng.choice(["list", "same", "dict", "array", "objects", "name", "object", "call", *PLAIN])
    if tag == "list":
        return some()
    if tag == "same":
        return {"same": rng.randrange(4)}
    if tag == "array":
        node = {"array": rng.choice("abcd")}
        if rng.random() < 0.5:
            kind = rng.choice(["<f8", "|V0", "|O", "<U0", "<M8[ns]", "|S9999999", "<i4", ""])
            node |= {"type": {"dtype": kind}, "shape": some()}
        node |= {"order": "F"} if rng.random() < 0.3 else {}
    elif tag == "objects":
        node = {"objects": branch(rng, depth - 1), "shape": some()}
    elif tag == "name":
        node = {"name": rng.choice(NAMES)}
    elif tag in ("object", "call"):
        state = [[rng.choice(ATTRIBUTES), branch(rng, depth - 1)] for _ in range(3)]
        node = {tag: rng.choice(NAMES), "args": some(1)}
        node["state"] = {"dict": state} if rng.random() < 0.8 else branch(rng, depth - 1)
        if rng.random() < 0.3:
            node["items"] = some()
    elif tag == "dict":
        node = {"dict": [[branch(rng, depth - 1), branch(rng, depth - 1)] for _ in range(2)]}
    else:
        node = {tag: payload(rng, depth, tag)}
    if rng.random() < 0.5:
        node["id"] = rng.randrange(4)
    return node


def payload(rng, depth, tag):
    """What might stand in a node of plain data, most often of the right number of parts."""
    number = {"range": 3, "interval": 3, "masked": 3, "sparse": 6, "tree": 6, "neighbors": 6}
    if tag in number and rng.random() < 0.8:
        if tag == "range":
            return [0, rng.choice([3, 10**10, 2**62]), 1]
        start = [False, rng.choice(["csr", "coo", "dia", "lil", "bsr"])] if tag == "sparse" else []
        shape = [{"tuple": rng.choices([0, 1, 9, 10**10, 2**62], k=2)}] if start else []
        rest = [branch(rng, 1) for _ in range(number[tag] - len(start) - len(shape))]
        return start + shape + [{"array": rng.choice("abcd")} if r is None else r for r in rest]
    return branch(rng, depth - 1)


def crafted(rng):
    """An estimator with a state by the grammar."""
    state = [[rng.choice(ATTRIBUTES), branch(rng, 5)] for _ in range(3)]
    tree = {"object": rng.choice(NAMES[:2]), "args": [], "state": {"dict": state}}
    arrays = {
        "a": np.zeros(8, np.uint8),
        "b": np.arange(3, dtype=np.int64),
        "c": np.zeros((0, 5)),
        "d": np.full((2, 3), 2**31 - 1, np.int32),
    }
    return sealed(tree if rng.random() < 0.8 else branch(rng, 6), arrays)


def ends(folder, rows):
    """Run `hostile.py` over a folder; how each file ended."""
    (folder / "rows.pickle").write_bytes(pickle.dumps(rows))
    done = subprocess.run(
        [sys.executable, str(HOSTILE), str(folder)], capture_output=True, text=True, timeout=1500
    )
    lines = [line for line in done.stdout.split("\n") if "outcome" in line]
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-2000:]
    return [json.loads(line[line.rindex("{") :]) for line in lines]


def attack(models, folder, n_mutations, n_trees, seed):
    """Files of every kind, and how they ended."""
    contents, rows = models
    rng = random.Random(seed)
    parsed = {name: opened(content, folder) for name, content in contents.items()}
    for i in range(n_mutations):
        name = rng.choice(list(contents))
        if rng.random() < 0.3:
            content = damaged(contents[name], rng)
        else:
            content = sealed(*edited(*parsed[name], rng))
        (folder / f"{name}-{i:05}.skdeep").write_bytes(content)
    for i in range(n_trees):
        (folder / f"tree-{i:05}.skdeep").write_bytes(crafted(rng))
    found = ends(folder, rows)
    assert len(found) == n_mutations + n_trees
    return found


def bad(found):
    return [f for f in found if f["outcome"] not in ENDS or f["MB"] > 300 or f["s"] > 10]


def test_damaged_and_crafted_files(models, tmp_path):
    found = attack(models, tmp_path, n_mutations=200, n_trees=100, seed=0)
    assert not bad(found)
    # Neither all is refused, nor all is taken.
    n_loaded = sum(f["outcome"] == "loaded" for f in found)
    assert 0.05 < n_loaded / len(found) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_many_damaged_and_crafted_files(seed, models, tmp_path):
    assert not bad(attack(models, tmp_path, n_mutations=2000, n_trees=200, seed=seed))


def test_the_models_open_as_they_are(models, tmp_path):
    contents, rows = models
    for name, content in contents.items():
        (tmp_path / name).write_bytes(sealed(*opened(content, tmp_path)))
        assert len(load(tmp_path / name).predict(rows[name])) == len(rows[name])
