"""Attacks on the persons behind synthetic rows: who was in the training table, and with what.

The rows that a generator was trained on are compared with held-out rows of the same source: what
an attack finds out about both is knowledge about people in general, and what it finds out only
about the former was given away by the synthetic rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state, check_scalar

from skdeep.metrics._encoding import drawn, points_of, small, texts
from skdeep.metrics._unlike import comparable_tables, is_number


def membership_inference_score(
    real: Any,
    synthetic: Any,
    held_out: Any,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = 0,
) -> float:
    """ROC AUC of an attack that guesses which rows a generator was trained on.

    The attacker knows the synthetic rows and half of the held-out rows. A row that is near to a
    synthetic row, compared with its distance to those reference rows, is taken for a training row:
    the distance to the closest record calibrated by one of the whole population (GAN-Leaks: Chen
    et al., CCS 2020). The training rows and the other half of the held-out rows are attacked.
    Numbers are standardised, categories one-hot encoded.

    Parameters
    ----------
    real : DataFrame or array-like of shape (n_samples, n_columns)
        Rows that the generator was trained on.
    synthetic : DataFrame or array-like of shape (n_synthetic, n_columns)
        Synthetic rows.
    held_out : DataFrame or array-like of shape (n_held_out, n_columns)
        At least two rows of the same source that the generator was not trained on.
    max_rows : int, default=2000
        At most this many rows of either kind, sampled at random, are attacked.
    random_state : int, RandomState instance or None, default=0
        Seed of the halves and of this sample.

    Returns
    -------
    float
        0.5 if training rows cannot be told from others, 1 if all can.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.metrics import membership_inference_score
    >>> rng = np.random.default_rng(0)
    >>> real, held_out = rng.normal(size=(2, 200, 5))
    >>> membership_inference_score(real, real, held_out)
    1.0
    >>> 0.4 < membership_inference_score(real, rng.normal(size=(200, 5)), held_out) < 0.6
    True
    """
    check_scalar(max_rows, "max_rows", Integral, min_val=1)
    real, synthetic, held_out = comparable_tables(real=real, synthetic=synthetic, held_out=held_out)
    if len(held_out) < 2:
        raise ValueError("held_out has a single row: expected at least two, to split in halves.")
    rng = check_random_state(random_state)
    synthetic, real, held_out = points_of(synthetic, real, held_out)
    order = rng.permutation(len(held_out))
    reference, others = np.array_split(held_out[order], 2)
    members = real[rng.permutation(len(real))[:max_rows]]
    others = others[:max_rows]
    attacked = np.concatenate([members, others])
    near, usual = (_nearest(points, attacked)[0] for points in (synthetic, reference))
    total = near + usual
    score = np.divide(usual, total, out=np.full(len(total), 0.5), where=total > 0)
    return float(roc_auc_score(np.arange(len(attacked)) < len(members), score))


def attribute_inference(
    real: Any,
    synthetic: Any,
    held_out: Any,
    columns: Sequence[Any] | None = None,
    tolerance: float = 0.05,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = 0,
) -> pd.DataFrame:
    """Success of an attack that guesses a secret column of a row from all others.

    The attacker guesses the value of the synthetic row that is closest in the known columns. The
    success beyond that on held-out rows is the risk of the training rows (Giomi et al., 2023:
    "Anonymeter").

    Parameters
    ----------
    real : DataFrame or array-like of shape (n_samples, n_columns)
        Rows that the generator was trained on.
    synthetic, held_out : DataFrame or array-like of shape (n_rows, n_columns)
        Synthetic rows, and rows of the same source that the generator was not trained on.
    columns : list, default=None
        The columns that are attacked, one at a time; None is all.
    tolerance : float, default=0.05
        Largest error of a guessed number that counts as success, in standard deviations; not
        negative.
    max_rows : int, default=2000
        At most this many rows of `real` and of `held_out` are attacked.
    random_state : int, RandomState instance or None, default=0
        Seed of the choice of these rows.

    Returns
    -------
    DataFrame of shape (n_columns, 3)
        For each column the share of right guesses among training rows (``'real'``) and held-out
        rows (``'held_out'``), and the ``'risk'``, ``(real - held_out) / (1 - held_out)``: about 0
        if training rows are not more exposed than others, 1 if they all are.

    Raises
    ------
    ValueError
        If there is one column only, or `columns` names one that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.metrics import attribute_inference
    >>> rng = np.random.default_rng(0)
    >>> real, held_out = rng.normal(size=(2, 200, 3))
    >>> attribute_inference(real, real, held_out)["real"].tolist()
    [1.0, 1.0, 1.0]
    """
    check_scalar(max_rows, "max_rows", Integral, min_val=1)
    check_scalar(tolerance, "tolerance", Real, min_val=0)
    real, synthetic, held_out = comparable_tables(real=real, synthetic=synthetic, held_out=held_out)
    names = _secrets(real, columns)
    rng = check_random_state(random_state)
    real, held_out = (drawn(frame, max_rows, rng) for frame in (real, held_out))
    rows = {name: _risk(name, tolerance, synthetic, real, held_out) for name in names}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["real", "held_out", "risk"])


def _secrets(real: pd.DataFrame, columns: Sequence[Any] | None) -> list[Any]:
    """Columns that are attacked."""
    names = list(real.columns) if columns is None else list(columns)
    unknown = [name for name in names if name not in real.columns]
    if unknown:
        raise ValueError(
            f"columns: there is no column {unknown[0]!r}; the columns are {list(real.columns)}."
        )
    if real.shape[1] < 2:
        raise ValueError("The tables have one column: expected others to guess it from.")
    return names


def _risk(secret: Any, tolerance: float, *frames: pd.DataFrame) -> tuple[float, float, float]:
    """Shares of right guesses of a column from synthetic rows, among two tables, and the risk."""
    points, *attacked = points_of(*(frame.drop(columns=secret) for frame in frames))
    guess, *truth = _comparable_values(*(frame[secret] for frame in frames))
    hits = [
        float(np.mean(np.abs(guess[_nearest(points, rows)[1]] - values) <= tolerance))
        for rows, values in zip(attacked, truth)
    ]
    risk = (hits[0] - hits[1]) / (1 - hits[1]) if hits[1] < 1 else 0.0
    return hits[0], hits[1], risk


def _nearest(points: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance and number of the point that is nearest to each row."""
    distance, index = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(rows)
    return distance[:, 0], index[:, 0]


def _comparable_values(*columns: pd.Series) -> list[np.ndarray]:
    """Numbers in units of their spread, with one far off for missing values; or codes of levels."""
    cuts = np.cumsum([len(c) for c in columns])[:-1]
    if not is_number(columns[0]):
        levels = np.concatenate([texts(c) for c in columns])
        return np.split(np.unique(levels, return_inverse=True)[1] * 1e9, cuts)
    values, _ = small(np.concatenate([c.to_numpy() for c in columns]))
    known = values[~np.isnan(values)]
    values = values / ((known.std() if len(known) else 0.0) or 1.0)
    return np.split(np.nan_to_num(values, nan=1e9), cuts)
