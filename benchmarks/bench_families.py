"""Time of a short `fit` and latency of one row for an estimator of each family, on one thread.

Small rows and few epochs: what a family does around its network weighs as much here as the network.
"""

import functools
import statistics
import warnings

import numpy as np

import skdeep

if __package__:
    from . import _common as common
else:
    import _common as common

IMAGES = {"image_shape": (8, 8)}
FAMILIES = {  # name -> columns, parameters, epochs, what is asked for one row
    "MLPClassifier": (64, {}, 10, "predict_proba"),
    "RealMLPClassifier": (64, {"n_estimators": 1}, 3, "predict_proba"),
    "TabMClassifier": (64, {"n_networks": 1, "n_estimators": 4}, 3, "predict_proba"),
    "CNNClassifier": (64, {"architecture": "lenet", **IMAGES}, 2, "predict_proba"),
    "LSTMClassifier": (32, {"hidden_layer_sizes": (16,)}, 2, "predict_proba"),
    "Autoencoder": (64, {}, 10, "transform"),
    "VariationalAutoencoder": (64, {}, 10, "transform"),
    "RBM": (64, {}, 10, "transform"),
    "AutoencoderOutlierDetector": (64, {"novelty": True}, 3, "score_samples"),
    "SiameseTransformer": (64, IMAGES, 2, "transform"),
    "TabularGAN": (6, {}, 3, "score_samples"),
}
CALLS = 20  # of one row, in a turn


def make_data(n_columns, n_samples=500):
    """Numbers in [0, 1] with two digits, of four classes with means of their own."""
    rng = np.random.default_rng(0)
    y = np.arange(n_samples) % 4
    X = rng.uniform(size=(4, n_columns))[y] + rng.normal(0, 0.3, (n_samples, n_columns))
    return X.clip(0, 1).round(2).astype(np.float32), y


def fit(name):
    """Fit an estimator for its few epochs."""
    n_columns, parameters, epochs, _ = FAMILIES[name]
    options = {"max_iter": epochs, "random_state": 0, "device": "cpu"}
    with warnings.catch_warnings(action="ignore"):  # of few epochs
        return getattr(skdeep, name)(**parameters, **options).fit(*make_data(n_columns))


def one_row(name, estimator):
    """A call for one row."""
    n_columns, *_, method = FAMILIES[name]
    return functools.partial(getattr(estimator, method), make_data(n_columns)[0][:1])


class Families:
    """Time of a short fit and of one row, in seconds, and the peak memory of the fit."""

    params = (tuple(FAMILIES),)
    param_names = ("estimator",)
    timeout = 600

    def setup(self, name):
        common.one_thread()
        self.call = one_row(name, fit(name))
        self.call()

    def time_fit(self, name):
        fit(name)

    def time_one_row(self, name):
        self.call()

    def peakmem_fit(self, name):
        fit(name)


def main():
    args = common.arguments(
        __doc__.split("\n")[0],
        repeat=5,
        only={"nargs": "+", "choices": list(FAMILIES), "default": list(FAMILIES)},
    )
    common.one_thread()
    fits = {name: functools.partial(fit, name) for name in args.only}
    rows = {name: one_row(name, call()) for name, call in fits.items()}
    fits = common.interleave(fits, args.repeat)
    rows = common.interleave(rows, args.repeat, number=CALLS)
    print(f"{'process time, medians':30}{'fit':>10}{'one row':>10}")
    for name in args.only:
        medians = (statistics.median(times[name].process) for times in (fits, rows))
        print(f"{name:30}" + "".join(f"{common.seconds(median):>10}" for median in medians))


if __name__ == "__main__":
    main()
