"""What the fuzzer knows of each public estimator: small settings, kinds of rows, kind of target."""

import functools

import fuzz_rows
import numpy as np
import pandas as pd
from fuzz_judge import call
from fuzz_targets import labels, numbers

import skdeep
from skdeep.preprocessing import RandomKernels, SlidingWindow, TabularEncoder

_DENSE = {"hidden_layer_sizes": (3,), "max_iter": 1}
_CNN = {**_DENSE, "architecture": "lenet", "n_filters": (2,), "kernel_size": 3}
_LSTM = {**_DENSE, "hidden_layer_sizes": (2,), "convolutional": [(2, 3)]}
_REALMLP = {**_DENSE, "n_estimators": 1}
_TABM = {**_DENSE, "n_estimators": 2, "n_networks": 1, "n_bins": 4}
_SIAMESE = {**_DENSE, "n_components": 2}
_GAN = {**_DENSE, "critic_layer_sizes": (3,), "n_bins": 3}


class Subject:
    """One public estimator.

    Parameters
    ----------
    cls : type
    params : dict
        Of a network that is trained in milliseconds.
    kinds : list of (str, dict)
        Kinds of rows that suit it (`fuzz_rows.KINDS`), with the parameters that they need.
    target : {'labels', 'numbers', None}
        What y is; None where `fit` needs none.
    """

    def __init__(self, cls, params, kinds, target=None, n_samples=14):
        self.cls, self.params, self.kinds, self.target = cls, params, kinds, target
        self.name, self.n_samples = cls.__name__, n_samples

    def make(self, extra=None, **changed):
        """An estimator; scikit-learn's rules let any value be stored."""
        return self.cls(**{**self.params, "random_state": 0, **(extra or {}), **changed})


class Plain(Subject):
    """An estimator without random numbers."""

    def make(self, extra=None, **changed):
        return self.cls(**{**self.params, **(extra or {}), **changed})


_arrays = [("pictures", {}), ("series", {}), ("ragged", {}), ("signals", {})]
_sequences = [("series", {}), ("ragged", {}), ("signals", {}), ("tokens", {"vocabulary_size": 5})]
_tables = [("frame", {}), ("frame", {}), ("numbers", {})]
_conv = {"encoder": "conv", "n_filters": (2,), "hidden_layer_sizes": (2,)}
_recurrent = {"encoder": "lstm", "hidden_layer_sizes": (2,)}
_any_rank = [
    *[("numbers", {})] * 3,
    *[
        ("pictures", {**_conv}),
        ("series", {**_conv}),
        ("series", _recurrent),
        ("ragged", _recurrent),
    ],
]
_embedded = [("numbers", {}), ("numbers", {}), ("series", {}), ("pictures", {})]
_windows = [("numbers", {}), ("series", {"network": "lstm"})]

SUBJECTS = [
    Subject(skdeep.MLPClassifier, _DENSE, [("numbers", {})], "labels"),
    Subject(skdeep.MLPRegressor, _DENSE, [("numbers", {})], "numbers"),
    Subject(
        skdeep.FittedQClassifier, {**_DENSE, "updates_per_iter": 2}, [("numbers", {})], "labels"
    ),
    Subject(skdeep.RealMLPClassifier, _REALMLP, _tables, "labels"),
    Subject(skdeep.RealMLPRegressor, _REALMLP, _tables, "numbers"),
    Subject(skdeep.TabMClassifier, _TABM, _tables, "labels"),
    Subject(skdeep.TabMRegressor, _TABM, _tables, "numbers"),
    Subject(skdeep.CNNClassifier, _CNN, _arrays, "labels"),
    Subject(skdeep.CNNRegressor, _CNN, _arrays, "numbers"),
    Subject(skdeep.LSTMClassifier, _LSTM, _sequences, "labels"),
    Subject(skdeep.LSTMRegressor, _LSTM, _sequences, "numbers"),
    Subject(skdeep.SiameseClassifier, _SIAMESE, _embedded, "labels"),
    Subject(skdeep.SiameseTransformer, _SIAMESE, _embedded, "labels"),
    Subject(skdeep.Autoencoder, {**_DENSE, "hidden_layer_sizes": (3, 2)}, _any_rank),
    Subject(skdeep.VariationalAutoencoder, {**_DENSE, "n_draws": 2}, [("numbers", {})]),
    Subject(skdeep.RBM, {"n_components": 3, "max_iter": 1}, [("shares", {})]),
    Subject(skdeep.AutoencoderOutlierDetector, _DENSE, _tables),
    Subject(
        skdeep.GANOutlierDetector,
        {**_DENSE, "latent_size": 2, "search_steps": 1},
        _windows,
    ),
    Subject(skdeep.TabularGAN, _GAN, _tables),
    Subject(
        skdeep.ImageGAN, {"channels": (3, 2), "latent_size": 2, "max_iter": 1}, [("pictures", {})]
    ),
    Subject(skdeep.GANOverSampler, {"generator": skdeep.TabularGAN(**_GAN)}, _tables, "labels", 22),
    Subject(skdeep.TabularImputer, {"generator": skdeep.TabularGAN(**_GAN)}, _tables),
    Plain(skdeep.SequenceVectorizer, {"token_pattern": r"\w+"}, [("texts", {})]),
    Plain(RandomKernels, {"n_kernels": 84, "n_groups": 2}, [("numbers", {}), ("signals", {})]),
    Plain(SlidingWindow, {"window": 3}, [("numbers", {}), ("signals", {})]),
    Plain(TabularEncoder, {}, _tables),
]
"""All of them."""

BY_NAME = {s.name: s for s in SUBJECTS}


def target(subject, rng, n):
    """A plain target for n rows, or None."""
    if subject.target is None:
        return None
    return (labels if subject.target == "labels" else numbers)(rng, n)


def codes(estimator, X):
    """What `inverse_transform` takes."""
    return np.asarray(estimator.transform(X))


@functools.cache
def fitted(name, which):
    """A fitted estimator and the rows that it saw; neither is to be changed."""
    subject = BY_NAME[name]
    kind, extra = subject.kinds[which]
    rng = np.random.default_rng(0)
    rows = fuzz_rows.KINDS[kind](rng, subject.n_samples)
    y = target(subject, rng, subject.n_samples)
    estimator = subject.make(extra)
    _, error, faults = call(estimator.fit, *((rows,) if y is None else (rows, y)))
    assert error is None and not faults, (error, faults)
    return estimator, rows


def has_method(estimator, method):
    try:
        return callable(getattr(estimator, method))
    except AttributeError:
        return False


def is_sized(X):
    return isinstance(X, (list, tuple, np.ndarray, pd.DataFrame)) and getattr(X, "ndim", 1) > 0


def same(a, b):
    if isinstance(a, (list, tuple)):
        return all(same(x, y) for x, y in zip(a, b))
    return np.array_equal(np.asarray(a), np.asarray(b))
