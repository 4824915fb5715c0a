"""Which rows the networks of the estimators for tables train on, and which judge them."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass
class Plan:
    """Which rows each member trains on and is judged by.

    Attributes
    ----------
    train : ndarray of int of shape (n_members, n_train)
    held_out : ndarray of int of shape (n_networks, n_held_out) or (1, n_held_out), or None
        Of each network, or the same rows for all.
    watched : ndarray like held_out, or None
        Rows whose scores a callback wants, and which decide about nothing here.
    epochs : list of int, or None
        Instead of held-out rows: the epoch whose weights each network keeps.
    max_time : float or None
        Seconds that training may take.
    """

    train: np.ndarray
    held_out: np.ndarray | None = None
    watched: np.ndarray | None = None
    epochs: list | None = None
    max_time: float | None = None


def folds(n_samples, keys, fraction, n_draws, rng):
    """Rows to train on and to hold out, for each member, as equal as counts allow.

    The rows are dealt out in the order of `keys` (labels or numbers), so that each share has
    about the same mix of them; members hold out different shares until all are used up.

    Returns
    -------
    train : ndarray of int of shape (n_draws, n_train)
    held_out : ndarray of int of shape (n_draws, n_held_out)
    """
    n_folds = max(2, round(1 / fraction)) if fraction else 2
    train, held_out = [], []
    for draw in range(n_draws):
        if draw % n_folds == 0:
            order = rng.permutation(n_samples)
            if keys is not None:
                order = order[np.argsort(keys[order], kind="stable")]
            fold = np.empty(n_samples, dtype=np.int64)
            fold[order] = np.arange(n_samples) % n_folds
        is_out = fold == draw % n_folds
        train.append(np.flatnonzero(~is_out))
        held_out.append(np.flatnonzero(is_out))
    return _equal_length(train), _equal_length(held_out)


def _equal_length(rows):
    n = min(map(len, rows))
    return np.stack([r[:n] for r in rows])


def spread(t, n):
    """Rows of each network, or of all, as rows of n members or networks."""
    if t is None:
        return None
    return t.expand(n, *t.shape[1:]) if len(t) == 1 else t.repeat_interleave(n // len(t), 0)


def stack(data, added):
    """The rows, targets and weights of `added` below those of `data`."""
    out = [np.concatenate([a, b]) for a, b in zip(data[:2], added[:2])]
    if data[2] is None and added[2] is None:
        return *out, None
    filled = [np.ones(len(d[0])) if d[2] is None else d[2] for d in (data, added)]
    return *out, np.concatenate(filled)


def count_epochs(epochs, best):
    """A validator that makes `best` keep the weights of the planned epochs."""
    wanted = torch.tensor(epochs)
    done = [0]

    def validate():
        done[0] += 1
        best.observe((wanted == done[0]).float())
        return 0.0, float(done[0])

    return validate
