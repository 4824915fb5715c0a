"""Images in several orientations, each of which is embedded; one embedding of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from skdeep.siamese.rows import ComparedRows

_MANY_CLASSES = 100  # from which on what sets classes apart matters more than these classes
_PCA_ROWS = 2000  # that the principal components are taken from


def turns_images(estimator: Any, rows: ComparedRows) -> bool:
    """Whether training rotates batches of images by multiples of 90 degrees."""
    if not isinstance(estimator.augment, str) or len(rows.x.shape) != 4:
        return False
    if estimator.augment != "auto":
        return estimator.augment == "affine_turns"
    return rows.kind == "classes" and len(estimator.classes_) >= _MANY_CLASSES


def number_of_views(estimator: Any, rows: ComparedRows) -> int:
    """Number of orientations in which the rows are embedded, by `n_views`.

    Raises
    ------
    ValueError
        If rows have fewer.
    """
    asked, shape = estimator.n_views, rows.x.shape[1:]
    most = len(orientations(shape)) if len(shape) == 3 else 1
    if asked == "auto":
        return most if turns_images(estimator, rows) else 1
    if asked > most:
        raise ValueError(
            f"n_views={asked}, but rows have the shape {estimator.input_shape_}: expected 'auto' "
            "or at most 8 for square images, 4 for others and 1 for other rows."
        )
    return int(asked)


def views(x: Any, n_views: int) -> list[Any]:
    """Rows in their orientations: turned, then mirrored and turned.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_channels, height, width)
    n_views : int

    Returns
    -------
    list of Tensor
        The rows as they are come first.
    """
    chosen = orientations(x.shape[1:])[:n_views]
    return [torch.rot90(x.flip(3) if mirrored else x, n, (2, 3)) for mirrored, n in chosen]


def orientations(shape: tuple) -> list[tuple[bool, int]]:
    """Whether an image of a shape, channels first, is mirrored, and by how many quarters it is
    turned then."""
    turns = range(4) if shape[1] == shape[2] else (0, 2)
    return [(mirrored, n) for mirrored in (False, True) for n in turns]


def principal_axes(embed: Callable[..., np.ndarray], rows: ComparedRows, n_views: int) -> Any:
    """Principal axes of the embeddings of all views side by side.

    Distances along them are nearly those of all components: views are correlated.

    Parameters
    ----------
    embed : callable
        ``embed(x, axes)`` gives embeddings of rows.
    rows : ComparedRows
        Those trained on.
    n_views : int

    Returns
    -------
    ndarray of shape (n_views, n_components, n_components), or None for one view
    """
    if n_views == 1:
        return None
    places = np.unique(np.linspace(0, len(rows.numbers) - 1, _PCA_ROWS).astype(int))
    some = rows.x[rows.numbers[places]]
    width = embed(some[:1], None).shape[1]
    whole = embed(some, np.eye(n_views * width).reshape(n_views, width, -1))
    centered = whole.astype(np.float64) - whole.mean(0, dtype=np.float64)
    _, axes = np.linalg.eigh(centered.T @ centered)
    return axes[:, : -width - 1 : -1].copy().reshape(n_views, width, width)
