"""Data and small estimators for tests of siamese networks."""

import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import StandardScaler

from skdeep import SiameseClassifier, SiameseTransformer

IRIS = load_iris()
X, y = StandardScaler().fit_transform(IRIS.data), IRIS.target
DIGITS = load_digits()
X32 = X.astype(np.float32)
PICTURES, NUMBERS = (DIGITS.images / 16).astype(np.float32), DIGITS.target
PAIRS = np.random.RandomState(0).randint(150, size=(300, 2))
SAME = y[PAIRS[:, 0]] == y[PAIRS[:, 1]]


def make(**params):
    return SiameseTransformer(**{"n_components": 8, "max_iter": 15, "random_state": 0} | params)


def classifier(**params):
    return SiameseClassifier(**{"n_components": 8, "max_iter": 15, "random_state": 0} | params)


def triplets_of(y, n):
    rng = np.random.RandomState(1)
    anchor, other = rng.randint(len(y), size=(2, 20 * n))
    similar = rng.randint(len(y), size=20 * n)
    ok = (y[anchor] == y[similar]) & (y[anchor] != y[other]) & (anchor != similar)
    return np.stack([anchor, similar, other], 1)[ok][:n]


def series(n=60):
    rng = np.random.RandomState(0)
    labels = np.arange(n) % 3
    lengths = rng.randint(12, 20, n)
    return [
        np.sin(np.arange(length) * (c + 1) / 2 + rng.uniform(6))[:, None] + 0.1
        for length, c in zip(lengths, labels)
    ], labels
