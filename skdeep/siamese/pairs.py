"""Methods for pairs and triplets of rows."""

from __future__ import annotations

import functools
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context
from skdeep.base.learning import Mode
from skdeep.inputs.rows import to_host
from skdeep.siamese.base import BaseSiamese
from skdeep.siamese.rows import GivenTuples, check_tuples
from skdeep.siamese.thresholds import (
    STRATEGIES,
    best_threshold,
    check_pair_labels,
    draw_pairs,
    fit_sigmoid,
    sigmoid_proba,
)

_DRAWN_PAIRS = 4000  # that a threshold is set by after `fit` on classes


class PairAnswers(BaseSiamese):
    """Methods for pairs and triplets of estimators with an embedding."""

    threshold_: float
    pair_labels_: np.ndarray
    _sigmoid: tuple[float, float]

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit_pairs(self, pairs: Any, y: Any, *, X: Any = None) -> Self:
        """Learn the embedding from pairs of rows that are similar or not.

        scikit-learn's callbacks (`set_callbacks`) are called by `fit` alone.

        Parameters
        ----------
        pairs : array-like of shape (n_pairs, 2, n_features) or (n_pairs, 2)
            The rows of each pair; with X, their numbers in X.

        y : array-like of shape (n_pairs,)
            1 for similar pairs and -1, or 0, for others.

        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features), default=None
            The rows that pairs of numbers name.

        Returns
        -------
        self : estimator
        """
        return self._fit(GivenTuples(X=X, y=y, tuples=pairs, size=2), Mode())

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit_triplets(self, triplets: Any, *, X: Any = None) -> Self:
        """Learn the embedding from triplets: an anchor, a similar row and a less similar one.

        scikit-learn's callbacks (`set_callbacks`) are called by `fit` alone.

        Parameters
        ----------
        triplets : array-like of shape (n_triplets, 3, n_features) or (n_triplets, 3)
            The rows of each triplet; with X, their numbers in X.

        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features), default=None
            The rows that triplets of numbers name.

        Returns
        -------
        self : estimator
        """
        return self._fit(GivenTuples(X=X, tuples=triplets, size=3), Mode())

    def pair_distance(self, pairs: Any, *, X: Any = None) -> np.ndarray:
        """Euclidean distance between the embeddings of each pair's rows.

        Parameters
        ----------
        pairs : array-like of shape (n_pairs, 2, n_features) or (n_pairs, 2)
            The rows of each pair; with X, their numbers in X.

        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features), default=None
            The rows that pairs of numbers name.

        Returns
        -------
        distances : ndarray of shape (n_pairs,)
            At most 2 under `normalize`.
        """
        check_is_fitted(self)
        X, pairs = check_tuples(functools.partial(self._input.check, self), pairs, X, 2)
        embed = functools.partial(self._embed_checked, self.net_.module_, axes=self._axes)
        return tuple_distances(embed, X, pairs)[:, 0]

    def pair_score(self, pairs: Any, *, X: Any = None) -> np.ndarray:
        """Similarity of each pair's rows: minus their distance.

        Parameters
        ----------
        pairs : array-like of shape (n_pairs, 2, n_features) or (n_pairs, 2)
            The rows of each pair; with X, their numbers in X.

        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features), default=None
            The rows that pairs of numbers name.

        Returns
        -------
        scores : ndarray of shape (n_pairs,)
            What `roc_auc_score` wants.
        """
        return -self.pair_distance(pairs, X=X)

    def predict_pairs(self, pairs: Any, *, X: Any = None) -> np.ndarray:
        """Predict which pairs are similar: those no farther apart than `threshold_`.

        Parameters
        ----------
        pairs : array-like of shape (n_pairs, 2, n_features) or (n_pairs, 2)
            The rows of each pair; with X, their numbers in X.

        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features), default=None
            The rows that pairs of numbers name.

        Returns
        -------
        y : ndarray of shape (n_pairs,)
            Of `pair_labels_`.
        """
        similar = self.pair_distance(pairs, X=X) <= self.threshold_
        return self.pair_labels_[similar.astype(int)]

    def predict_pairs_proba(self, pairs: Any, *, X: Any = None) -> np.ndarray:
        """Predict the probability of each pair being similar.

        It is a sigmoid of the distance (Platt, 1999), fitted to the pairs that the threshold was
        set by; among them is its share of similar pairs.

        Parameters
        ----------
        pairs : array-like of shape (n_pairs, 2, n_features) or (n_pairs, 2)
            The rows of each pair; with X, their numbers in X.

        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features), default=None
            The rows that pairs of numbers name.

        Returns
        -------
        y_prob : ndarray of shape (n_pairs, 2)
            Of dissimilar and of similar, in the order of `pair_labels_`.
        """
        similar = sigmoid_proba(self.pair_distance(pairs, X=X), *self._sigmoid)
        return np.stack([1 - similar, similar], 1)

    @all_or_nothing
    def calibrate_threshold(
        self,
        pairs: Any,
        y: Any,
        *,
        X: Any = None,
        strategy: str = "accuracy",
        beta: float = 1.0,
        min_rate: float = 0.9,
    ) -> Self:
        """Set `threshold_` and the sigmoid of `predict_pairs_proba` by pairs.

        Fitting does this too: by held-out pairs under `early_stopping`, else by pairs of rows
        trained on, which are easier than new ones. Pairs that training has not seen, mixed as
        those to come, make threshold and probabilities honest.

        Parameters
        ----------
        pairs : array-like of shape (n_pairs, 2, n_features) or (n_pairs, 2)
            The rows of each pair; with X, their numbers in X.

        y : array-like of shape (n_pairs,)
            1 for similar pairs and -1, or 0, for others.

        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features), default=None
            The rows that pairs of numbers name.

        strategy : {'accuracy', 'f_beta', 'max_tpr', 'max_tnr'}, default='accuracy'
            What is largest: the share of pairs that are called right; F-beta of similar pairs;
            the share of similar pairs that are called so, at least `min_rate` of the others being
            called right too; the share of dissimilar pairs that are called so, at least
            `min_rate` of the similar being called right too.

        beta : float, default=1.0
            Weight of recall in F-beta, positive.

        min_rate : float, default=0.9
            In [0, 1].

        Returns
        -------
        self : estimator
        """
        if strategy not in STRATEGIES:
            raise ValueError(f"strategy={strategy!r}: expected one of {', '.join(STRATEGIES)}.")
        if not (isinstance(beta, Real) and 0 < float(beta) < np.inf):
            raise ValueError(f"beta={beta!r}: expected a positive number.")
        if not (isinstance(min_rate, Real) and 0 <= float(min_rate) <= 1):
            raise ValueError(f"min_rate={min_rate!r}: expected a number from 0 to 1.")
        distances = self.pair_distance(pairs, X=X)
        similar, self.pair_labels_ = check_pair_labels(to_host(y), len(distances))
        options: dict[str, Any] = {"beta": beta, "min_rate": min_rate}
        self.__dict__.update(calibrated(distances, similar, strategy, **options))
        return self


def calibrated(
    distances: np.ndarray, similar: np.ndarray, strategy: str = "accuracy", **options: float
) -> dict[str, Any]:
    """Threshold and sigmoid as fitted attributes, from the distances of pairs."""
    distances = distances.astype(np.float64)
    return {
        "threshold_": best_threshold(distances, similar, strategy, **options),
        "_sigmoid": fit_sigmoid(distances, similar),
    }


def calibrate_on(rows: Any, embed: Any, rng: np.random.RandomState) -> dict[str, Any]:
    """Calibrate the threshold on rows with classes, pairs or triplets.

    Parameters
    ----------
    rows : ComparedRows
        Of rows with classes random pairs are drawn.
    embed : callable
        Embeddings of checked rows.
    rng : numpy.random.RandomState

    Returns
    -------
    dict
        Fitted attributes.
    """
    if rows.kind == "classes":
        pairs, similar = draw_pairs(rows.target, _DRAWN_PAIRS, rng)
        distances = tuple_distances(embed, rows.x, pairs)[:, 0]
        coding = np.array([-1, 1])
    else:
        tuples, label = rows.target
        distances = tuple_distances(embed, rows.x, tuples)
        similar = np.repeat([True, False], len(distances)) if label is None else label
        distances, coding = distances.T.ravel(), rows.coding
    return calibrated(distances, similar) | {"pair_labels_": coding}


def tuple_distances(embed: Any, X: Any, tuples: np.ndarray) -> np.ndarray:
    """Distances from the first row of each tuple to its others, (n_tuples, size - 1)."""
    used, inside = np.unique(tuples, return_inverse=True)
    Z = embed(X[used])[inside.reshape(tuples.shape)]
    return np.linalg.norm(Z[:, :1] - Z[:, 1:], axis=2)
