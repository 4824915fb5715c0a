"""Networks as pictures and as text."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier, MLPClassifier, MLPRegressor, RealMLPClassifier
from skdeep.plotting import NetworkDisplay, summary

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def small(iris):
    mlp = MLPClassifier((5, 4), solver="lbfgs", alpha=1e-2, max_iter=2000, random_state=0)
    return make_pipeline(StandardScaler().set_output(transform="pandas"), mlp).fit(*iris)


def totals(text):
    words = text.splitlines()[-1].replace(",", "").split()
    return int(words[0]), int(words[2])


def test_numbers_of_the_summary_are_those_of_the_module(iris):
    clf = RealMLPClassifier(max_iter=1, n_estimators=2, random_state=0, device="cpu").fit(*iris)
    module = clf.net_.module_
    n_parameters = sum(p.numel() for p in module.parameters())
    header, *lines, _ = summary(clf).splitlines()
    assert header.split() == ["layer", "class", "parameters", "number"]
    assert sum(int(line.split()[-1].replace(",", "")) for line in lines) == n_parameters
    assert totals(summary(clf)) == (n_parameters, n_parameters)
    next(module.parameters()).requires_grad_(False)
    assert totals(summary(clf))[1] == n_parameters - next(module.parameters()).numel()
    shape = tuple(module.linears[0].weight.shape)
    assert re.search(
        rf"^linears.0 +PackedLinear +weight {re.escape(str(shape))}", summary(clf), re.M
    )


def test_shared_parameters_count_once(small):
    module = small[-1].net_.module_
    before = totals(summary(small))[0]
    module.again = module.linears[0]
    twin = type(module.linears[0])(4, 5)
    twin.weight = module.linears[0].weight
    module.twin = twin
    assert totals(summary(small))[0] == before + 5  # the twin's bias
    del module.again, module.twin


def test_weights_of_small_perceptrons_are_drawn(small, iris):
    search = GridSearchCV(small, {"mlpclassifier__alpha": [1e-2]}, cv=2).fit(*iris)
    display = NetworkDisplay.from_estimator(search)
    (lines,) = display.ax_.collections
    coefs = search.best_estimator_[-1].coefs_
    values = np.concatenate([c.ravel() for c in coefs])
    np.testing.assert_allclose(lines.get_array(), values)
    assert lines.get_clim() == pytest.approx((-abs(values).max(), abs(values).max()))
    ends = lines.get_segments()
    dots = {tuple(xy) for line in display.ax_.lines for xy in line.get_xydata()}
    assert len(dots) == 4 + 5 + 4 + 3
    assert {tuple(end) for segment in ends for end in segment} == dots
    # The first weight joins the first input, at the top, with the first unit.
    top = [max(xy for xy in dots if xy[0] == column) for column in (0, 1)]
    np.testing.assert_array_equal(ends[0], top)
    written = [text.get_text() for text in display.ax_.texts]
    assert written == [*iris[0].columns, "0", "1", "2"]
    assert display.ax_.get_title() == "MLPClassifier: 64 parameters"


def test_outputs_of_two_classes_and_of_regressors(iris):
    X, y = iris
    options = {"hidden_layer_sizes": (3,), "solver": "lbfgs", "random_state": 0, "device": "cpu"}
    display = NetworkDisplay.from_estimator(MLPClassifier(**options).fit(X, y == 2))
    assert list(map(str, display.outputs)) == ["True"]
    display = NetworkDisplay.from_estimator(MLPRegressor(**options).fit(X.to_numpy(), y))
    assert display.outputs == [""] and display.inputs == ["x0", "x1", "x2", "x3"]


def test_layers_are_bars(small):
    display = NetworkDisplay.from_estimator(small, kind="layers", name="iris")
    assert [bar.get_width() for bar in display.ax_.patches] == [25, 24, 15]
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["linears.0", "linears.1", "linears.2"]
    assert "Linear (5, 4)   25" in display.ax_.texts[0].get_text()
    assert display.ax_.get_title() == "iris: 64 parameters"
    wide = MLPClassifier((17,), solver="lbfgs", random_state=0, device="cpu")
    assert NetworkDisplay.from_estimator(wide.fit(*load_iris(return_X_y=True))).weights is None


def test_deep_networks_are_drawn_by_blocks():
    digits = load_digits()
    options = {"image_shape": (8, 8), "max_iter": 1, "random_state": 0, "device": "cpu"}
    cnn = CNNClassifier(n_estimators=2, **options)
    display = NetworkDisplay.from_estimator(cnn.fit(digits.data[:100], digits.target[:100]))
    bars = [bar.get_width() for bar in display.ax_.patches]
    assert len(bars) <= 24 < sum(layer.n_parameters > 0 for layer in display.layers)
    assert sum(bars) == sum(p.numel() for p in cnn.net_.module_.parameters())
    assert any(" layers " in text.get_text() for text in display.ax_.texts)


def test_what_cannot_be_drawn(small, iris):
    with pytest.raises(ValueError, match="DummyClassifier has no network"):
        summary(DummyClassifier().fit(*iris))
    with pytest.raises(ValueError, match="kind='units'"):
        NetworkDisplay.from_estimator(small, kind="units")
    clf = RealMLPClassifier(max_iter=1, n_estimators=1, random_state=0, device="cpu").fit(*iris)
    with pytest.raises(ValueError, match="RealMLPClassifier is no perceptron"):
        NetworkDisplay.from_estimator(clf, kind="weights")
