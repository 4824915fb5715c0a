"""One table that says, for each public estimator, how tests build it and what they feed it.

Tests that go over all estimators look a class up here instead of guessing its family from the
attributes that it has. A class that is exported and not in the table fails `test_common.py`.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits, make_classification, make_regression

import skdeep


@dataclass(frozen=True)
class Settings:
    """How tests build an estimator.

    Attributes
    ----------
    family : str
        Folder of `skdeep` that the class belongs to.
    data : str
        Key of `DATA`: what it is fitted on.
    light : dict
        Parameters for few epochs, units and members, with which it still learns something.
    quick : dict
        Parameters for few epochs where `light` has none: there is no quality to check.
    unequal_weights : str
        Why a row of weight 2 is not the same as the row given twice; empty where it is.
    pins : tuple of dict
        Parameters of the settings whose results `test_pin.py` holds fixed, each on its own data
        if it has an entry 'data'.
    """

    family: str
    data: str
    light: dict = field(default_factory=dict)
    quick: dict = field(default_factory=dict)
    unequal_weights: str = ""
    pins: tuple = ()


def _classes():
    return make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)


def _numbers():
    return make_regression(120, 6, noise=5.0, random_state=0)


def _frame(n=260):
    rng = np.random.default_rng(0)
    z = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.1, np.nan, z),
            "kind": rng.choice(["a", "b", "c"], size=n),
            "count": rng.poisson(3, size=n),
            "flag": z > 0.5,
        }
    )
    return frame, z + (frame["kind"] == "a") + 0.1 * rng.normal(size=n)


def _frame_classes():
    X, y = _frame()
    return X, np.where(y > 1, "high", np.where(y > 0, "middle", "low"))


def _images():
    X, y = load_digits(return_X_y=True)
    return X[:150].reshape(-1, 8, 8, 1) / 16, y[:150] % 3


def _image_numbers():
    X, y = _images()
    return X, X.mean((1, 2, 3)) + 0.1 * y


def _series(n=90):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    time = np.linspace(0, 6, 24)
    X = np.sin(time[None] * (1 + y[:, None])) + 0.2 * rng.normal(size=(n, 24))
    return X[:, :, None], y


def _ragged():
    X, y = _series()
    lengths = np.random.default_rng(1).integers(10, 25, len(X))
    return [x[:n] for x, n in zip(X, lengths)], y


def _series_numbers():
    X, y = _series()
    return X, y + X.mean((1, 2))


def _tokens():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 2
    return np.where(rng.random((90, 12)) < 0.3, 2 + y[:, None], rng.integers(4, 30, (90, 12))), y


def _texts():
    words = np.array(["cold", "warm", "rain", "sun", "wind", "snow", "calm", "storm"])
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(words, 6)) for _ in range(40)], None


def _unit():
    return load_digits().data[:150, 16:48] / 16, None


def _vectors():
    return _classes()[0], None


def _outliers():
    X, y = make_classification(160, 6, flip_y=0, weights=[0.1], random_state=0)
    return X, 2 * y - 1


DATA = {
    "classes": _classes,
    "numbers": _numbers,
    "frame_classes": _frame_classes,
    "frame_numbers": _frame,
    "frame": lambda: (_frame()[0], None),
    "images": _images,
    "image_numbers": _image_numbers,
    "image": lambda: (_images()[0], None),
    "series": _series,
    "ragged": _ragged,
    "series_numbers": _series_numbers,
    "tokens": _tokens,
    "texts": _texts,
    "unit": _unit,
    "vectors": _vectors,
    "outliers": _outliers,
}
"""What estimators are fitted on: functions that make X and y (None where there is none)."""

_TABLE = {"n_estimators": 2, "max_iter": 40}
_SHORT = {"max_iter": 40}
_DROPOUT = (
    "dropout, a validation split and initial weights that look at single rows; the tests of tables "
    "run the check with these switched off"
)
_NOISE = (
    "training draws noise for each row of a batch: a row given twice meets it twice; the tests of "
    "autoencoders run the check without noise"
)
_CONV = {"architecture": "resnet", "n_filters": (8,), "max_iter": 40}
_CONV |= {"learning_rate": "cosine", "learning_rate_init": 0.02}
_LSTM = {"hidden_layer_sizes": (8,), "convolutional": [(16, 5), (16, 5), (16, 3)], "max_iter": 40}
_LSTM |= {"learning_rate": "constant", "learning_rate_init": 0.03}
_GAN = {"max_iter": 5, "n_bins": 8, "hidden_layer_sizes": 16}
_PLAY = {**_GAN, "order": "fixed", "warm_up": 0.8, "early_stopping": True}


def _perceptron(data):
    return Settings(
        "perceptron",
        data,
        pins=(
            {"max_iter": 15},
            {"max_iter": 15, "early_stopping": True, "dropout": 0.2, "solver": "adamw"},
            {"max_iter": 15, "solver": "lbfgs"},
            {"max_iter": 8, "normalization": "batch", "learning_rate": "cosine", "l1_ratio": 0.5},
        ),
    )


def _table(data, extra):
    few = {"n_estimators": 2, "max_iter": 6, "hidden_layer_sizes": (32,), "amp": False}
    pins = (few, {**few, "refit": True, **extra}, {**few, "early_stopping": False})
    return Settings("tabular", data, _TABLE, unequal_weights=_DROPOUT, pins=pins)


def _convolutional(images, series, ragged):
    few = {"max_iter": 3, "n_filters": (4, 8), "amp": False}
    lenet = {"architecture": "lenet", "kernel_size": 3, "hidden_layer_sizes": (8,)}
    time = {"max_iter": 3, "n_filters": 4, "kernels": None, "amp": False}
    return Settings(
        "convolutional",
        "classes" if images == "images" else "numbers",
        _CONV,
        pins=(
            {"data": images, **few, "early_stopping": True},
            {"data": images, **few, **lenet},
            {"data": series, **time},
            {"data": ragged, **time, "early_stopping": True},
        ),
    )


def _recurrent(series, ragged, tokens):
    few = {"hidden_layer_sizes": (8,), "max_iter": 3}
    pins = (
        {"data": series, **few, "kernels": None},
        {"data": ragged, **few, "convolutional": None, "kernels": None, "early_stopping": True},
        {"data": tokens, **few, "vocabulary_size": 40},
    )
    data = "classes" if series == "series" else "numbers"
    return Settings("recurrent", data, _LSTM, pins=pins)


_EMBED = {"n_components": 4, "max_iter": 3}

SETTINGS = {
    "MLPClassifier": _perceptron("classes"),
    "MLPRegressor": _perceptron("numbers"),
    "RealMLPClassifier": _table("frame_classes", {"calibrate": True}),
    "RealMLPRegressor": _table("frame_numbers", {"loss": "quantile", "quantile": 0.8}),
    "TabMClassifier": _table("frame_classes", {"calibrate": True, "variant": "mini"}),
    "TabMRegressor": _table("frame_numbers", {"averaging": 0.5}),
    "CNNClassifier": _convolutional("images", "series", "ragged"),
    "CNNRegressor": _convolutional("image_numbers", "series_numbers", "series_numbers"),
    "LSTMClassifier": _recurrent("series", "ragged", "tokens"),
    "LSTMRegressor": _recurrent("series_numbers", "series_numbers", "tokens"),
    "Autoencoder": Settings(
        "autoencoder",
        "vectors",
        quick=_SHORT,
        pins=(
            {"max_iter": 5, "hidden_layer_sizes": (8, 3)},
            {
                "data": "unit",
                "max_iter": 4,
                "hidden_layer_sizes": (12, 4),
                "noise": "masking",
                "loss": "mixed",
                "sparsity": "l1",
                "pretraining": "autoencoder",
                "pretraining_iter": 2,
                "early_stopping": True,
            },
            {"data": "image", "encoder": "conv", "n_filters": (4,), "max_iter": 2},
            {"data": "ragged", "encoder": "lstm", "hidden_layer_sizes": (6, 3), "max_iter": 2},
        ),
    ),
    "VariationalAutoencoder": Settings(
        "autoencoder",
        "vectors",
        quick=_SHORT,
        unequal_weights=_NOISE,
        pins=(
            {"max_iter": 5, "hidden_layer_sizes": (8, 3)},
            {"data": "unit", "max_iter": 4, "likelihood": "bernoulli", "early_stopping": True},
        ),
    ),
    "RBM": Settings(
        "autoencoder",
        "vectors",
        quick=_SHORT,
        unequal_weights=_NOISE,
        pins=({"max_iter": 3}, {"data": "unit", "max_iter": 3, "method": "cd", "n_components": 8}),
    ),
    "AutoencoderOutlierDetector": Settings(
        "outlier",
        "outliers",
        _TABLE,
        unequal_weights=_DROPOUT,
        pins=(
            {"max_iter": 10, "hidden_layer_sizes": (16,)},
            {"data": "frame", "max_iter": 10, "hidden_layer_sizes": (16,), "novelty": True},
            {"max_iter": 6, "score_method": "latent_knn", "n_estimators": 2},
        ),
    ),
    "SiameseTransformer": Settings(
        "siamese",
        "classes",
        {"max_iter": 10},
        pins=(
            {**_EMBED, "hidden_layer_sizes": (8,)},
            {"data": "images", **_EMBED, "loss": "triplet", "early_stopping": True},
            {"data": "series", **_EMBED, "encoder": "lstm", "hidden_layer_sizes": (6,)},
        ),
    ),
    "SiameseClassifier": Settings(
        "siamese",
        "classes",
        {"max_iter": 10},
        pins=(
            {**_EMBED, "hidden_layer_sizes": (8,)},
            {**_EMBED, "n_neighbors": 2, "rejection_rate": 0.1, "loss": "contrastive"},
        ),
    ),
    "TabularGAN": Settings(
        "adversarial",
        "frame",
        _GAN,
        pins=(
            _PLAY,
            {**_PLAY, "loss": "wgan-gp", "pac": 2, "warm_up": 0.4, "early_stopping": True},
            _GAN,
        ),
    ),
    "TabularImputer": Settings(
        "adversarial", "frame", pins=({"generator": {"class": "TabularGAN", **_GAN}},)
    ),
    "ImageGAN": Settings(
        "adversarial",
        "images",
        {"max_iter": 2, "channels": (8, 8), "latent_size": 4},
        pins=(
            {"max_iter": 2, "channels": (8, 8), "latent_size": 4},
            {
                "data": "image",
                "recipe": "dcgan",
                "max_iter": 2,
                "channels": (8, 8),
                "latent_size": 4,
            },
        ),
    ),
    "GANOutlierDetector": Settings(
        "adversarial",
        "outliers",
        {"hidden_layer_sizes": 32, "max_iter": 60, "search_steps": 3},
        pins=(
            {"hidden_layer_sizes": 16, "max_iter": 6, "search_steps": 3},
            {"network": "lstm", "hidden_layer_sizes": 8, "max_iter": 4, "search_steps": 2},
        ),
    ),
    "GANOverSampler": Settings(
        "adversarial",
        "outliers",
        pins=(
            {"generator": {"class": "TabularGAN", **_PLAY}},
            {"data": "frame_classes", "generator": {"class": "TabularGAN", **_PLAY}},
        ),
    ),
    "FittedQClassifier": Settings(
        "policies",
        "classes",
        quick=_SHORT,
        pins=(
            {"max_iter": 3, "hidden_layer_sizes": (16,)},
            {"data": "images", "image_shape": (8, 8), "max_iter": 2, "n_filters": (4,)},
        ),
    ),
    "SequenceVectorizer": Settings(
        "preprocessing", "texts", pins=({}, {"lowercase": False, "max_features": 5})
    ),
}
"""Settings by name of the class, over all that `skdeep` exports."""


def build(name, parameters):
    """The estimator `name` with parameters of the table, on one CPU with a fixed seed.

    Returns
    -------
    estimator : estimator
    X, y : what it is fitted on
    """
    parameters = dict(parameters)
    X, y = DATA[parameters.pop("data", SETTINGS[name].data)]()
    generator = parameters.pop("generator", None)
    if generator is not None:
        generator = dict(generator)
        parameters["generator"] = getattr(skdeep, generator.pop("class"))(**generator, device="cpu")
    cls = getattr(skdeep, name)
    known = cls().get_params(deep=False)
    fixed = {"random_state": 0, "device": "cpu"}
    return cls(**parameters, **{k: v for k, v in fixed.items() if k in known}), X, y
