"""Files of skops, which MLflow writes too."""

import numpy as np
import pytest
from settings import SETTINGS, build
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_pin import flat, outputs_of

from skdeep import MLPClassifier
from skdeep.persistence import trusted_types

io = pytest.importorskip("skops.io")

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations"),
]


def again(estimator):
    return io.loads(io.dumps(estimator), trusted=trusted_types(estimator))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_family_comes_back(name):
    estimator, X, y = build(name, SETTINGS[name].pins[0])
    if hasattr(estimator, "fit_resample"):
        expected, loaded = estimator.fit_resample(X, y), again(estimator).fit_resample(X, y)
        np.testing.assert_array_equal(flat(loaded), flat(expected))
        return
    estimator.fit(X) if y is None else estimator.fit(X, y)
    expected, loaded = outputs_of(estimator, X), outputs_of(again(estimator), X)
    assert expected.keys() == loaded.keys() and expected
    for method, value in expected.items():
        np.testing.assert_array_equal(flat(loaded[method]), flat(value), err_msg=method)


def test_ours_in_a_search_over_a_pipeline():
    X, y = load_iris(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), MLPClassifier(max_iter=3, random_state=0))
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-4, 1e-2]}, cv=2).fit(X, y)
    np.testing.assert_array_equal(again(search).predict_proba(X), search.predict_proba(X))


@pytest.mark.filterwarnings("ignore")  # MLflow's own, while it is imported
def test_mlflow_logs_and_loads(tmp_path):
    sklearn = pytest.importorskip("mlflow.sklearn")
    X, y = load_iris(return_X_y=True)
    clf = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    path = tmp_path / "model"
    sklearn.save_model(
        clf, path, serialization_format="skops", skops_trusted_types=trusted_types(clf)
    )
    loaded = sklearn.load_model(path)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
