"""Files made to take the machine: each is refused at once, with little memory."""

import json
import os
import sys
import time
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdeep import MLPClassifier
from skdeep.persistence import UntrustedTypeError, load, save
from skdeep.persistence._registry import PLAIN

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SCALER = "sklearn.preprocessing._data.StandardScaler"
SCORER = {"name": "sklearn.metrics._scorer.get_scorer"}


def model(*attributes, name=SCALER, **rest):
    return {"object": name, "args": [], "state": {"dict": [list(a) for a in attributes]}, **rest}


def holding(node):
    return model(("mean_", node))


def shared(first, second, n=3000):
    """A list of `first`, which has an id, and of many mentions of it."""
    return holding([first, *[second] * n])


RANGE = {"range": [0, 10**10, 1]}
BIG = {"array": "big", "id": 0}
SAME = {"same": 0}
EMPTY = {"array": "none"}

MEMORY = {
    "set of a range": holding({"set": RANGE}),
    "frozenset of a range": holding({"frozenset": RANGE}),
    "tuple of a range": holding({"tuple": RANGE}),
    "array of a range": holding({"objects": RANGE, "shape": [10**10]}),
    "items of a range": {"object": "builtins.list", "args": [RANGE]},
    "state of a range": {"object": SCALER, "args": [], "items": RANGE},
    "void of a size": {"object": "numpy.void", "args": [10**10]},
    "bytes of a size": {"object": "numpy.bytes_", "args": [10**10]},
    "items of no bytes": holding({"array": "none", "type": {"dtype": "|V0"}, "shape": [2**62]}),
    "many sizes": holding({"array": "none", "type": {"dtype": "|V0"}, "shape": [2**20] * 3}),
    "one tensor taken often": holding([{"array": "big"}] * 3000),
    "bytes taken often": shared(BIG, {"bytes": SAME}),
    "masks taken often": shared(BIG, {"masked": [SAME, False, 0]}),
    "neighbors built often": shared(
        {"array": "floats", "id": 0}, {"neighbors": ["KDTree", SAME, 1, "euclidean", 2.0, None]}
    ),
    "rows of a sparse matrix": holding(
        {"sparse": [False, "lil", [10**10, 1], EMPTY, EMPTY, EMPTY]}
    ),
    "blocks of a sparse matrix": holding(
        {"sparse": [False, "bsr", [10**12, 1], EMPTY, EMPTY, EMPTY]}
    ),
    "diagonals of a sparse matrix": holding(
        {
            "sparse": [
                False,
                "dia",
                [2**40, 2**40],
                {"array": "one"},
                {"array": "row"},
                {"array": "far"},
            ]
        }
    ),
    "ranges that a state computes with": model(
        ("X_thresholds_", {"range": [0, 2 * 10**8, 1]}),
        ("y_thresholds_", [{"range": [0, 2 * 10**8, 1]}]),
        ("out_of_bounds", "nan"),
        name="sklearn.isotonic.IsotonicRegression",
    ),
    "negative shape": holding({"sparse": [False, "csr", [-1, 1], EMPTY, EMPTY, EMPTY]}),
    "spaces of a dtype": holding({"dtype": "f8," * 10**5}),
}


@pytest.fixture
def arrays():
    return {
        "big": np.zeros(10**6, np.uint8),
        "floats": np.zeros((10**5, 1)),
        "none": np.zeros(0, np.int64),
        "one": np.ones(1),
        "row": np.zeros(1, np.int64),
        "far": np.full(1, 2**39),
    }


@pytest.mark.parametrize("name", MEMORY)
def test_memory(name, forge, arrays):
    path = forge(MEMORY[name], arrays=arrays)
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(ValueError, match="cannot be rebuilt|not trusted"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 5


def test_tuples_that_are_shared(forge):
    """Each holds the one before twice: a hash would take 2**60 steps."""
    nodes = [{"tuple": [1, 2], "id": 0}]
    nodes += [{"tuple": [{"same": i}, {"same": i}], "id": i + 1} for i in range(60)]
    with pytest.raises(ValueError, match="cannot be rebuilt"):
        load(forge(holding([*nodes, {"set": [{"same": 60}]}])))


@pytest.mark.parametrize("kind", ["set", "frozenset", "dict"])
def test_keys_of_one_hash(kind, forge):
    keys = [i * sys.hash_info.modulus for i in range(20_000)]
    node = {kind: [[key, 0] for key in keys] if kind == "dict" else keys}
    with pytest.raises(ValueError, match="20000 keys with the same hash"):
        load(forge(holding(node)))


@pytest.fixture
def no_scorer(monkeypatch):
    """A function that a file may name, and that must not be called."""
    from sklearn import metrics

    def called(*args, **kwargs):
        raise AssertionError(f"called with {args}")

    called.__module__, called.__qualname__ = "sklearn.metrics._scorer", "get_scorer"
    called.__name__ = "get_scorer"
    monkeypatch.setattr(sys.modules["sklearn.metrics._scorer"], "get_scorer", called)
    monkeypatch.setattr(metrics, "get_scorer", called)


INTERFACE = {"dict": [["data", {"tuple": [1, False]}], ["typestr", "<f8"], ["shape", [9]]]}
ISOTONIC = "sklearn.isotonic.IsotonicRegression"
CALLS = {
    "extend": model(("extend", SCORER), items=["a"]),
    "method of an estimator": model(("fit", SCORER)),
    "method of some": model(("predict", SCORER), name="sklearn.pipeline.Pipeline"),
    "pop of a state": {"object": SCALER, "args": [], "state": model(("pop", SCORER))},
    "items of a state": {
        "object": "skdeep.engine.net.DeepNet",
        "args": [],
        "state": model(("items", SCORER), ("keys", SCORER)),
    },
    "copy": model(("__deepcopy__", SCORER)),
    "array": model(("__array__", SCORER)),
    "memory": model(("__array_interface__", INTERFACE)),
    "keys that are attributes": model(
        (
            "X_thresholds_",
            {
                "object": "sklearn.utils._bunch.Bunch",
                "args": [],
                "pairs": [["__array_interface__", INTERFACE]],
            },
        ),
        name=ISOTONIC,
    ),
    "version": model(("_sklearn_version", model())),
    "arguments": {"object": SCALER, "args": [1]},
    "network": model(("net_", model()), name="skdeep.perceptron.mlp.MLPClassifier"),
    "network, copied": model(
        (
            "net_",
            {
                "object": "skdeep.engine.net.DeepNet",
                "args": [],
                "state": {
                    "dict": [
                        ["device", "cpu"],
                        ["epochs", []],
                        *(
                            [
                                f"{part}_state",
                                {"dict": [["skeleton", model()], ["tensors", {"dict": []}]]},
                            ]
                            for part in ("module", "criterion")
                        ),
                    ]
                },
            },
        ),
        name="skdeep.perceptron.mlp.MLPClassifier",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_looked_up_on_instances(name, forge, no_scorer):
    with pytest.raises(ValueError, match="cannot be rebuilt"):
        load(forge(CALLS[name]))


@pytest.mark.parametrize(
    "name",
    [
        "sklearn.experimental.enable_halving_search_cv.HalvingGridSearchCV",
        "sklearn.tests.test_base.MyEstimator",
        "sklearn.utils.tests.test_bunch.Bunch",
        "sklearn.utils._testing.CheckingClassifier",
        "sklearn.utils._test_common.instance_generator.x",
        "sklearn.externals._arff.ArffDecoder",
        "sklearn.conftest.x",
        "sklearn.datasets._openml.fetch_openml",
        "numpy.testing",
        "numpy.f2py",
        "scipy.special.tests",
        "builtins.open",
    ],
)
def test_modules_that_are_never_imported(name, forge):
    before = set(sys.modules)
    for node in ({"object": name, "args": []}, {"name": name}):
        with pytest.raises(UntrustedTypeError, match="not trusted"):
            load(forge(holding(node)))
    assert set(sys.modules) == before


@pytest.fixture
def network(data, tmp_path):
    """The parts of a saved network, to change: its settings, and the file's arrays."""
    save(MLPClassifier((4,), max_iter=1, random_state=0).fit(*data), tmp_path / "model")
    arrays = load_file(tmp_path / "model")
    tree = json.loads(arrays.pop("estimator.json").tobytes())
    net = dict(tree["state"]["dict"])["net_"]
    config = dict(dict(net["state"]["dict"])["module_state"]["dict"])["config"]
    return tree, arrays, config["dict"]


@pytest.mark.parametrize(
    "units",
    [
        {"tuple": [6, 10**9, 3]},
        {"tuple": [6] + [10**4] * 9 + [3]},
        {"tuple": [6, 5, 3]},
        {"tuple": [6, -4, 3]},
        {"tuple": [6, "4", 3]},
        {"tuple": [1] * 10**5},
        10**30,
        model(),
    ],
    ids=lambda v: str(v)[:40],
)
def test_networks_of_a_size(units, network, forge):
    tree, arrays, config = network
    settings = next(pair for pair in config if pair[0] == "layer_units")
    settings[1] = units
    start = time.process_time()
    with pytest.raises(ValueError, match="cannot be rebuilt"):
        load(forge(tree, arrays=arrays))
    assert time.process_time() - start < 5


def test_weights_of_another_type(network, forge):
    tree, arrays, _ = network
    for name in [name for name in arrays if "weight" in name]:
        arrays[name] = arrays[name].astype(np.int64)
    with pytest.raises(ValueError, match="weights that do not fit MLPNet"):
        load(forge(tree, arrays=arrays))


@pytest.mark.parametrize("tree", [None, True, 1.5, [1], {"dict": []}, {"name": SCALER}])
def test_no_estimator(tree, forge):
    with pytest.raises(ValueError, match="it does not hold an estimator"):
        load(forge(tree))


@pytest.mark.parametrize("header", ["[" * 10**5, '{"a":' * 10**5, "1" * 10**5, "null", "[]"])
def test_headers(header, tmp_path):
    save_file({"a": np.zeros(1)}, tmp_path / "model", {"skdeep": header})
    with pytest.raises(ValueError, match="is not a file written by skdeep"):
        load(tmp_path / "model")


def test_tensors_of_a_type_that_numpy_lacks(tmp_path):
    head = {"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}
    head["__metadata__"] = {"skdeep": json.dumps({"format": 1})}
    text = json.dumps(head).encode()
    (tmp_path / "model").write_bytes(len(text).to_bytes(8, "little") + text + b"\0")
    with pytest.raises(ValueError, match="is not a file written by skdeep"):
        load(tmp_path / "model")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")
def test_pipes_devices_and_folders(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    mode = pipe.stat().st_mode
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for path in (pipe, link, "/dev/null"):
        with pytest.raises(OSError, match="a pipe or a device"):
            save(StandardScaler(), path)
        with pytest.raises(ValueError, match="a pipe or a device"):
            load(path)
    assert pipe.stat().st_mode == mode
    with pytest.raises(IsADirectoryError):
        save(StandardScaler(), tmp_path)
    with pytest.raises(OSError):
        load(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (10**5000, "an integer of 16610 bits"),
        (np.zeros(2, [("a", object)]), "an array of"),
        (
            np.array(["a"], np.dtypes.StringDType())
            if hasattr(np.dtypes, "StringDType")
            else np.zeros(2, [("a", object)]),
            "an array of",
        ),
        (memoryview(b""), "memoryview"),
    ],
    ids=["integer", "fields", "strings", "view"],
)
def test_what_could_not_be_opened_is_not_saved(value, why, tmp_path):
    with pytest.raises(TypeError, match=f"kw_args.value.* cannot be saved.*{why}"):
        save(FunctionTransformer(kw_args={"value": value}), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_depth(tmp_path):
    """What is not too deep to save is not too deep to open."""

    def nested(n, wrap):
        value = 0
        for _ in range(n):
            value = wrap(value)
        return FunctionTransformer(kw_args={"value": value})

    for wrap in (
        lambda v: [v],
        lambda v: (v,),
        lambda v: {"a": v},
        lambda v: FunctionTransformer(kw_args={"value": v}),
    ):
        save(nested(30, wrap), tmp_path / "model")
        load(tmp_path / "model")
        with pytest.raises(TypeError, match="levels of objects"):
            save(nested(150, wrap), tmp_path / "model")
    save(nested(95, lambda v: {"a": v}), tmp_path / "model")
    load(tmp_path / "model")


@pytest.mark.parametrize("tag", sorted(PLAIN))
def test_long_ranges_are_not_walked(tag, forge):
    """Neither in a node, nor in a list in it, nor where a fitted model has arrays."""
    parts = [RANGE, *[0] * 5]
    for node in ({tag: RANGE}, {tag: [RANGE]}, {tag: parts[:3]}, {tag: parts}):
        start = time.process_time()
        try:
            load(forge(holding(node)))
        except ValueError as error:
            assert "cannot be rebuilt" in str(error)
        assert time.process_time() - start < 5


RANGED = {
    "sklearn.linear_model._logistic.LogisticRegression": ["coef_", "classes_"],
    "sklearn.tree._classes.DecisionTreeClassifier": ["tree_", "classes_"],
    "sklearn.ensemble._forest.RandomForestClassifier": ["estimators_", "classes_"],
    "sklearn.ensemble._gb.GradientBoostingClassifier": ["estimators_", "classes_", "init_"],
    "sklearn.svm._classes.SVC": ["support_", "_dual_coef_", "support_vectors_", "_n_support"],
    "sklearn.neighbors._classification.KNeighborsClassifier": ["_y", "_tree", "_fit_X"],
    "sklearn.cluster._kmeans.KMeans": ["cluster_centers_"],
    "skdeep.perceptron.mlp.MLPClassifier": [
        "classes_",
        "feature_names_in_",
        "input_shape_",
        "encoder_",
    ],
}


@pytest.mark.parametrize("name", RANGED)
def test_long_ranges_in_fitted_models(name, forge):
    attributes = [("n_features_in_", 10**10), ("feature_names_in_", RANGE)]
    tree = model(*attributes, *((a, RANGE) for a in RANGED[name]), name=name)
    start = time.process_time()
    with pytest.raises(ValueError, match="cannot be rebuilt"):
        load(forge(tree))
    with pytest.raises(ValueError, match="cannot be rebuilt"):
        load(forge(model(*((a, RANGE) for a in RANGED[name]), ("net_", model()), name=name)))
    assert time.process_time() - start < 5
