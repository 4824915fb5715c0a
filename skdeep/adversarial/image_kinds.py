"""Conditions of image generators: classes, or clusters of similar images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pandas.api.types import is_hashable, is_list_like
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skdeep.inputs.rows import to_host

_MOST, _FEWEST_IMAGES = 50, 50  # clusters of 'auto', and images for each
_ROWS = 20_000  # that centers are found from


def learn_classes(y: Any, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted labels in y, and the index of the label of each image."""
    y = column_or_1d(to_host(y))
    check_consistent_length(images, y)
    check_classification_targets(y)
    classes, kinds = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y has one class, {classes[0]!r}: expected two or more, or y=None.")
    return classes, kinds.astype(np.int64)


def automatic_clusters(n_samples: int) -> int:
    """Value of ``n_clusters='auto'``."""
    return min(_MOST, n_samples // _FEWEST_IMAGES)


def cluster(images: np.ndarray, n_clusters: int, rng: np.random.RandomState) -> np.ndarray:
    """Cluster index of each image, by k-means."""
    n = len(images)
    if n_clusters > n:
        raise ValueError(f"n_clusters={n_clusters}: expected at most the number of images, {n}.")
    if n_clusters < 2:
        return np.zeros(n, dtype=np.int64)
    rows = images.reshape(n, -1).astype(np.float32)
    # Without the stops that look at sums over threads: their last bits are not settled.
    means = MiniBatchKMeans(
        n_clusters, n_init=1, max_no_improvement=None, random_state=rng.randint(2**31 - 1)
    )
    means.fit(rows[rng.permutation(n)[:_ROWS]])
    return np.unique(means.predict(rows), return_inverse=True)[1].astype(np.int64)


def shares(kinds: np.ndarray) -> np.ndarray:
    """Frequency of each class; empty for a single one."""
    share = np.bincount(kinds) / len(kinds)
    return share if len(share) > 1 else np.empty(0)


def draw_kinds(share: np.ndarray, n_samples: int, noise: torch.Generator) -> torch.Tensor | None:
    """Sample classes with the frequencies of `fit`; None for a single one."""
    if not len(share):
        return None
    weights = torch.as_tensor(share, device=noise.device, dtype=torch.float32)
    return torch.multinomial(weights, n_samples, replacement=True, generator=noise)


def kinds_of(y: Any, classes: np.ndarray, n_samples: int, device: torch.device) -> torch.Tensor:
    """Indices of the labels in y: one label for all images, or one for each."""
    if is_list_like(y) and not isinstance(y, (set, dict)) and len(np.shape(y)):
        y = list(np.asarray(y).tolist())
        if len(y) != n_samples:
            raise ValueError(
                f"y has {len(y)} labels for n_samples={n_samples}; expected one, or one for each."
            )
    else:
        y = [y.item() if hasattr(y, "item") else y] * n_samples
    numbers = {label: i for i, label in enumerate(classes.tolist())}
    unknown = [label for label in y if not is_hashable(label) or label not in numbers]
    if unknown:
        raise ValueError(f"y has labels that fit did not see: {unknown[:1]}.")
    return torch.as_tensor([numbers[label] for label in y], device=device)
