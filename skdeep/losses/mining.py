"""Mining of the pairs and triplets of a batch that a loss compares.

Rows of the same class are similar, all others are not. Functions return row numbers inside the
batch, possibly none.
"""

from __future__ import annotations

import torch
from torch import Tensor


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances, (n_a, n_b), from one matrix product; never below 0.

    Parameters
    ----------
    a : Tensor of shape (n_a, n_components)
    b : Tensor of shape (n_b, n_components)
    """
    squares = a.square().sum(1)[:, None] + b.square().sum(1)
    return torch.addmm(squares, a, b.t(), alpha=-2).clamp_min(0)


def relations(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows are similar and which are not: boolean matrices of shape (n, n).

    Parameters
    ----------
    labels : Tensor of int64 of shape (n,)

    Returns
    -------
    positive : Tensor
        Two different rows of one class.
    negative : Tensor
        Two rows of different classes.
    """
    same = labels[:, None] == labels
    negative = ~same
    return same.fill_diagonal_(False), negative


def all_pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Every pair of rows once.

    Returns
    -------
    pairs : Tensor of int64 of shape (n * (n - 1) / 2, 2)
    similar : Tensor of bool of shape (n_pairs,)
    """
    n = len(labels)
    pairs = torch.combinations(torch.arange(n, device=labels.device))
    return pairs, labels[pairs[:, 0]] == labels[pairs[:, 1]]


def all_triplets(distances: Tensor, labels: Tensor) -> Tensor:
    """Every triplet of an anchor, another row of its class and a row of another class.

    Returns
    -------
    Tensor of int64 of shape (n_triplets, 3)
    """
    positive, negative = relations(labels)
    return (positive[:, :, None] & negative[:, None, :]).nonzero()


def batch_hard(distances: Tensor, labels: Tensor) -> Tensor:
    """For each row the farthest row of its class and the nearest of another (Hermans, Beyer and
    Leibe, 2017, "In defense of the triplet loss").

    Parameters
    ----------
    distances : Tensor of shape (n, n)
        Any function of the distance that grows with it.
    labels : Tensor of int64 of shape (n,)

    Returns
    -------
    Tensor of int64 of shape (n_triplets, 3)
        At most one triplet a row: those that have both.
    """
    positive, negative = relations(labels)
    farthest = distances.masked_fill(~positive, -torch.inf).argmax(1)
    nearest = distances.masked_fill(~negative, torch.inf).argmin(1)
    anchors = torch.arange(len(labels), device=labels.device)
    triplets = torch.stack([anchors, farthest, nearest], 1)
    return triplets[positive.any(1) & negative.any(1)]


def semi_hard(distances: Tensor, labels: Tensor) -> Tensor:
    """For each anchor and row of its class the nearest negative that is farther than that row;
    the farthest negative where none is (Schroff, Kalenichenko and Philbin, 2015, "FaceNet").

    Negatives nearer than the positive, which batch-hard mining takes, can make all embeddings
    collapse into a point early in training.

    Parameters
    ----------
    distances : Tensor of shape (n, n)
        Any function of the distance that grows with it.
    labels : Tensor of int64 of shape (n,)

    Returns
    -------
    Tensor of int64 of shape (n_triplets, 3)
    """
    positive, negative = relations(labels)
    positive &= negative.any(1)[:, None]
    anchor, other = positive.nonzero().unbind(1)
    rows, is_negative = distances[anchor], negative[anchor]
    beyond = is_negative & (rows > distances[anchor, other][:, None])
    nearest_beyond = rows.masked_fill(~beyond, torch.inf).argmin(1)
    farthest = rows.masked_fill(~is_negative, -torch.inf).argmax(1)
    chosen = torch.where(beyond.any(1), nearest_beyond, farthest)
    return torch.stack([anchor, other, chosen], 1)


MINERS = {"all": all_triplets, "batch_hard": batch_hard, "semi_hard": semi_hard}
"""By name: functions of distances and labels that return triplets."""
