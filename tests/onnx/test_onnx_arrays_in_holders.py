"""Files of pipelines, searches and ensembles that hold networks over arrays, and encoders."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingClassifier, VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from rows import QUICK, check_sizes, rng, unequal

from skdeep import (
    RBM,
    Autoencoder,
    AutoencoderOutlierDetector,
    CNNClassifier,
    CNNRegressor,
    LSTMClassifier,
    LSTMRegressor,
    SiameseClassifier,
    SiameseTransformer,
    VariationalAutoencoder,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ROWS = rng().normal(size=(1000, 12))
SERIES = rng().normal(size=(1000, 12, 2))
CLASSES = np.arange(1000) % 3
NUMBERS = SERIES.mean((1, 2)) + 5
BOTH = ["predict", "predict_proba"]


def cnn(**parameters):
    return CNNClassifier("resnet", n_filters=(4,), kernels=None, **QUICK, **parameters)


def lstm(**parameters):
    return LSTMClassifier((4,), convolutional=None, kernels=None, **QUICK, **parameters)


CLASSIFIERS = {
    "search": (GridSearchCV(cnn(), {"alpha": [0.0, 0.1]}, cv=2), SERIES),
    "votes": (VotingClassifier([("a", cnn()), ("b", lstm())], voting="soft"), SERIES),
    "votes on unequal": (
        VotingClassifier([("a", cnn()), ("b", lstm())], voting="soft", weights=[1, 2]),
        unequal(1000),
    ),
    "calibrated": (CalibratedClassifierCV(cnn(), cv=2), SERIES),
    "calibrated signals": (CalibratedClassifierCV(lstm(), cv=2), ROWS),
    "images of scaled rows": (make_pipeline(StandardScaler(), cnn(image_shape=(4, 3))), ROWS),
    "features of a CNN": (make_pipeline(cnn(), LogisticRegression()), SERIES),
    "features of a GRU": (make_pipeline(lstm(cell="gru"), LogisticRegression()), unequal(1000)),
    "codes": (make_pipeline(Autoencoder((6, 3), **QUICK), LogisticRegression()), ROWS),
    "codes of series": (
        make_pipeline(Autoencoder((6, 3), encoder="conv", **QUICK), LogisticRegression()),
        SERIES,
    ),
    "union": (
        make_pipeline(
            FeatureUnion(
                [
                    ("codes", VariationalAutoencoder(3, **QUICK)),
                    ("embedding", SiameseTransformer(3, **QUICK)),
                    ("components", PCA(2)),
                ]
            ),
            LogisticRegression(),
        ),
        ROWS,
    ),
    "columns": (
        make_pipeline(
            ColumnTransformer(
                [
                    ("codes", Autoencoder((4, 2), **QUICK), [0, 3, 4]),
                    ("units", make_pipeline(MinMaxScaler(), RBM(3, **QUICK)), slice(5, 9)),
                ],
                remainder="passthrough",
            ),
            LogisticRegression(),
        ),
        ROWS,
    ),
    "stack": (
        StackingClassifier(
            [("a", SiameseClassifier(3, **QUICK)), ("b", cnn())], LogisticRegression(), cv=2
        ),
        ROWS,
    ),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name):
    model, X = CLASSIFIERS[name]
    check_sizes(model.fit(X[:60], CLASSES[:60]), X, BOTH)


REGRESSORS = {
    "target": TransformedTargetRegressor(
        LSTMRegressor((4,), convolutional=None, **QUICK), func=np.log, inverse_func=np.exp
    ),
    "votes": VotingRegressor(
        [
            ("a", CNNRegressor("resnet", n_filters=(4,), kernels=None, **QUICK)),
            ("b", LSTMRegressor((4,), **QUICK)),
        ]
    ),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name):
    X = SERIES[:, :, 0]
    check_sizes(REGRESSORS[name].fit(X[:60], NUMBERS[:60]), X, ["predict"])


def test_outlier_detector_behind_a_scaler():
    detector = AutoencoderOutlierDetector((8,), **QUICK)
    pipe = make_pipeline(StandardScaler(), detector).fit(ROWS[:200])
    check_sizes(pipe, ROWS, ["predict", "decision_function", "score_samples"])
