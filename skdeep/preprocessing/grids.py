"""Numbers of a column, sorted: their quantiles, steps and decimals."""

import numpy as np

_MAX_DECIMALS = 8


def quantile_grid(known, n_bins, n_places):
    """Quantiles of the modes of sorted numbers.

    Parameters
    ----------
    known : ndarray of shape (n_samples,)
    n_bins : int
        Number of modes, about.
    n_places : int
        Quantiles that divide a mode.

    Returns
    -------
    ndarray of shape (n_modes, n_places + 1)
    """
    uniques, counts = np.unique(known, return_counts=True)
    if len(uniques) <= n_bins:
        return np.repeat(uniques[:, None], n_places + 1, axis=1)
    is_single = counts >= 1.5 * len(known) / n_bins
    n_free = counts[~is_single].sum()
    bins_left = max(n_bins - is_single.sum(), 8)
    run = np.cumsum(np.r_[False, is_single[:-1]] | is_single)  # a new number at each single value
    grids = []
    for number in np.unique(run):
        members = run == number
        if is_single[members].any():
            grids.append(np.repeat(uniques[members], n_places + 1)[None])
            continue
        rows = np.repeat(uniques[members], counts[members])
        n = int(np.clip(round(bins_left * len(rows) / n_free), 1, members.sum()))
        edges = np.quantile(rows, np.linspace(0, 1, n * n_places + 1))
        index = np.arange(n)[:, None] * n_places + np.arange(n_places + 1)
        grids.append(edges[index])
    return np.concatenate(grids)


def granularity(known, kind):
    """The step of sorted integers, and the decimals of sorted numbers: 0.0 and None for none."""
    if kind["name"] == "integer":
        gaps = np.diff(np.unique(known)).astype(np.int64)
        return (float(np.gcd.reduce(gaps)) if len(gaps) else 1.0), None
    with np.errstate(over="ignore", invalid="ignore"):
        for decimals in range(_MAX_DECIMALS):
            if np.array_equal(np.round(known, decimals), known):
                return 0.0, decimals
    return 0.0, None


def counts_rows(x, steps):
    """Whether integers, in steps or not, are as different as row numbers."""
    if steps is not None and (steps.step != 1 or len(steps.known)):
        return False
    x = np.sort(x)
    return len(x) > 100 and not np.isnan(x).any() and bool((np.diff(x) == 1).all())
