"""The kinds of pictures that `ImageGAN` tells its players: classes, or clusters that it found."""

import numpy as np
import torch
from pandas.api.types import is_hashable, is_list_like
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skdeep.inputs.rows import to_host

_MOST, _FEWEST_PICTURES = 50, 50  # clusters of 'auto', and pictures for each
_ROWS = 20_000  # that centers are found from


class PictureKinds:
    """Methods of `ImageGAN` about kinds of pictures.

    It reads the parameters `recipe` and `n_clusters`; `fit` leaves ``_kind_share``, how often each
    kind is, empty where there is but one.
    """

    @property
    def _n_kinds(self):
        return len(self._kind_share)

    def _learn_kinds(self, y, pictures, rng):
        """Number of the kind of each picture."""
        self.__dict__.pop("classes_", None)
        if y is None:
            kinds = self._clusters(pictures, rng)
        else:
            y = column_or_1d(to_host(y))
            check_consistent_length(pictures, y)
            check_classification_targets(y)
            self.classes_, kinds = np.unique(y, return_inverse=True)
            if len(self.classes_) < 2:
                raise ValueError(
                    f"y has one class, {self.classes_[0]!r}: expected two or more, or y=None."
                )
        share = np.bincount(kinds) / len(kinds)
        self._kind_share = share if len(share) > 1 else np.empty(0)
        return kinds.astype(np.int64)

    def _clusters(self, pictures, rng):
        n, wanted = len(pictures), self.n_clusters
        if wanted == "auto":
            wanted = min(_MOST, n // _FEWEST_PICTURES) if self.recipe == "r3gan" else 1
        if wanted > n:
            raise ValueError(f"n_clusters={wanted}: expected at most the number of pictures, {n}.")
        if wanted < 2:
            return np.zeros(n, dtype=np.int64)
        rows = pictures.reshape(n, -1).astype(np.float32)
        # Without the stops that look at sums over threads: their last bits are not settled.
        means = MiniBatchKMeans(
            wanted, n_init=1, max_no_improvement=None, random_state=rng.randint(2**31 - 1)
        )
        means.fit(rows[rng.permutation(n)[:_ROWS]])
        return np.unique(means.predict(rows), return_inverse=True)[1]

    def _kinds(self, y, n_samples, noise):
        """Numbers of the kinds of pictures to make, or None where there is but one."""
        has_classes = hasattr(self, "classes_")
        if y is not None and not has_classes:
            raise ValueError("y was given, but fit had none: the pictures have no classes.")
        if not self._n_kinds:
            return None
        if y is None:
            share = torch.as_tensor(self._kind_share, device=noise.device, dtype=torch.float32)
            return torch.multinomial(share, n_samples, replacement=True, generator=noise)
        if is_list_like(y) and not isinstance(y, (set, dict)) and len(np.shape(y)):
            y = list(np.asarray(y).tolist())
            if len(y) != n_samples:
                raise ValueError(
                    f"y has {len(y)} labels for n_samples={n_samples}; expected one, or one for "
                    "each."
                )
        else:
            y = [y.item() if hasattr(y, "item") else y] * n_samples
        numbers = {label: i for i, label in enumerate(self.classes_.tolist())}
        unknown = [label for label in y if not is_hashable(label) or label not in numbers]
        if unknown:
            raise ValueError(f"y has labels that fit did not see: {unknown[:1]}.")
        return torch.as_tensor([numbers[label] for label in y], device=noise.device)
