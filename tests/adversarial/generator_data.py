"""Data and light settings for tests of generators."""

import numpy as np
import pandas as pd

LIGHT = {"max_iter": 5, "n_bins": 8, "hidden_layer_sizes": 16, "device": "cpu"}
SMALL = {"channels": (8, 4), "max_iter": 2, "random_state": 0, "device": "cpu"}


def mixed_table(n=400, seed=0):
    """Every type that a column can have, with rules between them."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c"], size=n, p=[0.5, 0.3, 0.2])
    size = np.select([kind == "a", kind == "b"], [0.0, 4.0], 9.0) + rng.normal(size=n)
    gaps = size.copy()
    gaps[rng.random(n) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "kind": pd.Categorical(kind, categories=["a", "b", "c", "unused"]),
            "size": size.round(2),
            "gaps": gaps,
            "count": rng.poisson(3, size=n),
            "even": 2 * rng.integers(0, 1000, size=n),
            "flag": size > 3,
            "text": pd.Series(kind, dtype=object).where(rng.random(n) > 0.1, None),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, n), "D"),
            "maybe": pd.array(np.where(rng.random(n) < 0.1, None, rng.integers(0, 9, n)), "Int64"),
            "nothing": np.full(n, np.nan),
        }
    )
