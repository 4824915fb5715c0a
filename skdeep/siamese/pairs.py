"""Pairs and triplets of rows: what `SiameseTransformer` learns from them and says of them."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeep._compat import _fit_context
from skdeep.base.old_estimator import all_or_nothing, new_random_state
from skdeep.base.old_training import Mode
from skdeep.data.split import split_classes
from skdeep.inputs.rows import to_host
from skdeep.siamese.thresholds import (
    STRATEGIES,
    best_threshold,
    check_numbers,
    check_pair_labels,
    draw_pairs,
    fit_sigmoid,
    sigmoid_proba,
    split_tuples,
)

_DRAWN_PAIRS = 4000  # that a threshold is set by after `fit` on classes


class PairsMixin:
    """Methods of an estimator with an embedding that take pairs and triplets."""

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit_pairs(self, pairs, y, *, X=None):
        """Learn the embedding from pairs of rows that are similar or not.

        scikit-learn's callbacks (`set_callbacks`) are told of `fit` alone.

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
        X, pairs = self._check_tuples(pairs, X, 2, reset=True)
        similar, coding = check_pair_labels(to_host(y), len(pairs))
        held_out = self._fit_tuples("pairs", X, pairs, similar)
        self.pair_labels_ = coding
        judged = slice(None) if held_out is None else held_out
        self._set_threshold(self._tuple_distances(X, pairs[judged])[:, 0], similar[judged])
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit_triplets(self, triplets, *, X=None):
        """Learn the embedding from triplets: an anchor, a similar row and a less similar one.

        scikit-learn's callbacks (`set_callbacks`) are told of `fit` alone.

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
        X, triplets = self._check_tuples(triplets, X, 3, reset=True)
        held_out = self._fit_tuples("triplets", X, triplets, None)
        self.pair_labels_ = np.array([-1, 1])
        distances = self._tuple_distances(X, triplets if held_out is None else triplets[held_out])
        similar = np.repeat([True, False], len(distances))
        self._set_threshold(distances.T.ravel(), similar)
        return self

    def pair_distance(self, pairs, *, X=None):
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
        X, pairs = self._check_tuples(pairs, X, 2, reset=False)
        return self._tuple_distances(X, pairs)[:, 0]

    def pair_score(self, pairs, *, X=None):
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

    def predict_pairs(self, pairs, *, X=None):
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

    def predict_pairs_proba(self, pairs, *, X=None):
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
    def calibrate_threshold(self, pairs, y, *, X=None, strategy="accuracy", beta=1.0, min_rate=0.9):
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
        if not (isinstance(beta, Real) and 0 < beta < np.inf):
            raise ValueError(f"beta={beta!r}: expected a positive number.")
        if not (isinstance(min_rate, Real) and 0 <= min_rate <= 1):
            raise ValueError(f"min_rate={min_rate!r}: expected a number from 0 to 1.")
        distances = self.pair_distance(pairs, X=X)
        similar, self.pair_labels_ = check_pair_labels(to_host(y), len(distances))
        self._set_threshold(distances, similar, strategy, beta=beta, min_rate=min_rate)
        return self

    def _set_threshold(self, distances, similar, strategy="accuracy", **options):
        distances = distances.astype(np.float64)
        self.threshold_ = best_threshold(distances, similar, strategy, **options)
        self._sigmoid = fit_sigmoid(distances, similar)

    def _calibrate_on_rows(self, data, rng):
        """Set the threshold by random pairs of rows with classes."""
        X, target = data
        pairs, similar = draw_pairs(target, _DRAWN_PAIRS, rng)
        self.pair_labels_ = np.array([-1, 1])
        self._set_threshold(self._tuple_distances(X, pairs)[:, 0], similar)

    def _check_tuples(self, tuples, X, size, *, reset):
        """Checked rows, and tuples of their numbers."""
        tuples = to_host(tuples)
        if X is None:
            X, tuples = split_tuples(tuples, size)
            return self._check_arrays(X, reset=reset), tuples
        X = self._check_arrays(X, reset=reset)
        return X, check_numbers(tuples, size, X.shape[0])

    def _tuple_distances(self, X, tuples):
        """Distances from the first row of each tuple to its others, (n_tuples, size - 1)."""
        used, inside = np.unique(tuples, return_inverse=True)
        Z = self._embed_checked(X[used])[inside.reshape(tuples.shape)]
        return np.linalg.norm(Z[:, :1] - Z[:, 1:], axis=2)

    def _fit_tuples(self, kind, X, tuples, label):
        """Train on tuples; return the numbers of those held out, if any."""
        self.__dict__.pop("classes_", None)
        rng = new_random_state(self.random_state)
        held_out, validation, known = None, None, (tuples, label)
        if self.early_stopping:
            strata = np.zeros(len(tuples), np.int64) if label is None else label.astype(np.int64)
            train, held_out = split_classes(strata, self.validation_fraction, rng)
            if len(held_out):
                known = _take(known, train)
                validation = (X, known), (X, _take((tuples, label), held_out))
            else:
                held_out = None
        mode = Mode(False, False, stops_early=validation is not None)
        self._learn(kind, (X, known), validation, rng, mode)
        return held_out


def _take(arrays, rows):
    return tuple(None if a is None else a[rows] for a in arrays)
