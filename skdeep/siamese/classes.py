"""Classes as places in an embedding: means, neighbours, calibration, rows of no known class."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import euclidean_distances

_CHUNK = 2**24  # numbers in a piece of the matrix of distances to all rows kept


class NearestClasses:
    """Methods of `SiameseClassifier` that read classes off the embedding of rows.

    It reads `n_neighbors` and `rejection_rate` and keeps `classes_`, `class_count_`,
    `prototypes_`, `temperature_` and `rejection_threshold_`.
    """

    def _wants_held_out(self):
        return True

    def _after_training(self, data, validation, rng):
        self._check_label_of_unknown(self.classes_)
        (X, target), classes = data, self.classes_
        self._forget_rows()
        if validation is None:
            Z = self._embed_checked(X)
            self._add(Z, classes[target])
            alone = self.class_count_[target] == 1
            distances = self._distances(Z, own=target)[~alone]
            self._calibrate(distances, target[~alone])
            return
        (X, target), (X_out, target_out) = validation
        self._add(self._embed_checked(X), classes[target])
        Z_out = self._embed_checked(X_out)
        self._calibrate(self._distances(Z_out), target_out)
        if len(target) < len(data[1]):  # they are rows of `fit` that were held out
            self._add(Z_out, classes[target_out])

    def _forget_rows(self):
        self.classes_ = self.classes_[:0]
        self.class_count_ = np.zeros(0, dtype=np.int64)
        self.prototypes_ = np.zeros((0, self.n_outputs_))
        self._rows, self._row_numbers = None, None

    def _add(self, Z, y):
        """Take the rows with embeddings Z for rows of the classes y."""
        labels, numbers, counts = np.unique(y, return_inverse=True, return_counts=True)
        classes = np.union1d(self.classes_, labels)
        old, new = np.searchsorted(classes, self.classes_), np.searchsorted(classes, labels)
        sums = np.zeros((len(classes), Z.shape[1]))
        sums[old] = self.prototypes_ * self.class_count_[:, None]
        np.add.at(sums, new[numbers], Z)
        count = np.zeros(len(classes), dtype=np.int64)
        count[old] = self.class_count_
        count[new] += counts
        if self.n_neighbors is not None:
            before = [] if self._rows is None else [self._rows]
            known = np.zeros(0, np.int64) if self._rows is None else old[self._row_numbers]
            self._rows = np.concatenate([*before, Z])
            self._row_numbers = np.concatenate([known, new[numbers]])
        self.classes_, self.class_count_ = classes, count
        self.prototypes_ = sums / count[:, None]

    def _distances(self, Z, own=None):
        """Distances (n_samples, n_classes); `own` are the classes of rows that count as rows of
        them already, the last that were added, and are left out there."""
        if self.n_neighbors is not None:
            return self._neighbor_distances(Z, own)
        distances = euclidean_distances(Z, self.prototypes_)
        if own is not None:
            rows, count = np.arange(len(Z)), self.class_count_[own][:, None]
            without = (self.prototypes_[own] * count - Z) / np.maximum(count - 1, 1)
            distances[rows, own] = np.linalg.norm(Z - without, axis=1)
        return distances

    def _neighbor_distances(self, Z, own):
        if self._rows is None:
            raise ValueError(
                f"n_neighbors={self.n_neighbors}: this {type(self).__name__} was fitted with "
                "n_neighbors=None and has kept no rows; fit it again."
            )
        distances = np.empty((len(Z), len(self.classes_)))
        members = [np.flatnonzero(self._row_numbers == c) for c in range(len(self.classes_))]
        size = max(1, _CHUNK // len(self._rows))
        for start in range(0, len(Z), size):
            part = euclidean_distances(Z[start : start + size], self._rows)
            if own is not None:
                here = np.arange(len(part))
                part[here, len(self._rows) - len(Z) + start + here] = np.inf
            for c, rows in enumerate(members):
                k = min(self.n_neighbors, len(rows))
                near = np.partition(part[:, rows], k - 1, axis=1)[:, :k]
                near = np.where(np.isfinite(near), near, np.nan)
                distances[start : start + size, c] = np.nanmean(near, axis=1)
        return distances

    def _calibrate(self, distances, target):
        """Set the temperature and the rejection threshold from rows of known classes."""
        scale = float(distances.mean()) or 1.0

        def cost(log_temperature):
            scores = log_softmax(-distances / (scale * np.exp(log_temperature)), axis=1)
            # As if one more row were of any class: else no temperature is low enough for rows
            # that are all right.
            right = scores[np.arange(len(target)), target].sum()
            return -(right + scores.mean()) / (len(target) + 1)

        best = minimize_scalar(cost, bounds=(-10, 5), method="bounded")
        self.temperature_ = scale * float(np.exp(best.x))
        self.rejection_threshold_ = np.inf
        if self.rejection_rate is not None:
            nearest = distances.min(1)
            self.rejection_threshold_ = float(np.quantile(nearest, 1 - self.rejection_rate))

    def _label_of_unknown(self):
        return "unknown" if self.classes_.dtype.kind in "OUS" else -1

    def _check_label_of_unknown(self, labels):
        if self.rejection_rate is not None and self._label_of_unknown() in labels:
            raise ValueError(
                f"y holds the label {self._label_of_unknown()!r}, which with rejection_rate="
                f"{self.rejection_rate} stands for rows of no known class."
            )
