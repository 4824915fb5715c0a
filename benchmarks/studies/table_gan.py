"""What adversarial training adds to TabularGAN's likelihood: synthetic rows with and without it.

    OMP_NUM_THREADS=1 python benchmarks/studies/table_gan.py [--data DIR] [--rows 5000]
        [--only NAME] [--defaults]

DIR holds tables as ``NAME__clf.parquet`` and ``NAME__reg.parquet`` with a last column `target`;
without it a table is generated. Both fits have the seed and the warm-up in common, up to the bits;
one ends with it. ``--defaults`` makes one fit with all defaults instead. ``log-likelihood`` is the
mean over rows that the fit has not seen; the others are measures of `skdeep.metrics` on as many
synthetic rows as there were to learn from: TSTR, a boosted model trained on synthetic rows and
tested on real ones (AUC or R2), and how well another tells synthetic from real rows (AUC, 0.5 being
the best).
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from skdeep import TabularGAN
from skdeep.metrics import (
    column_shapes,
    pair_trends,
    train_on_synthetic_score,
    two_sample_score,
)

WITHOUT = {"warm_up": 1.0, "max_iter": 40}  # the warm-up that 'auto' makes of 50 epochs
WAYS = {"likelihood alone": WITHOUT, "and play": {"warm_up": 0.8, "max_iter": 50}}


def tables(folder, only):
    """Name and rows of tables."""
    if folder is None:
        yield "generated", generated(6000)
        return
    for path in sorted(Path(folder).glob("*__*.parquet")):
        name, _, task = path.stem.partition("__")
        if only and name not in only:
            continue
        table = pd.read_parquet(path).dropna().reset_index(drop=True)
        if task == "clf":
            table["target"] = table["target"].astype(str)
        yield name, table


def generated(n, seed=0):
    """Numbers and categories that depend on one another."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(list("abc"), n, p=[0.6, 0.3, 0.1])
    size = rng.gamma(2.0, np.where(kind == "a", 1.0, 3.0)).round(2)
    colour = np.where(rng.uniform(size=n) < 1 / (1 + size), "red", "blue")
    weight = size**1.5 + rng.normal(0, 0.3, n)
    target = np.where(weight + 3 * (colour == "red") + rng.normal(size=n) > 5, "yes", "no")
    columns = {"kind": kind, "size": size, "colour": colour, "weight": weight, "target": target}
    return pd.DataFrame(columns)


def measures(gan, train, test):
    made = gan.sample(len(train))
    levels = [c for c in train if not pd.api.types.is_numeric_dtype(train[c])]
    known = test[np.all([test[c].isin(train[c]) for c in levels], axis=0)] if levels else test
    trends = pair_trends(train, made).to_numpy()
    trends = trends[np.tri(len(trends), k=-1, dtype=bool)]
    return (
        f"log-likelihood {gan.score_samples(known).mean():8.3f}   "
        f"TSTR {train_on_synthetic_score(made, test, 'target'):.4f}   "
        f"shapes {column_shapes(train, made).mean():.4f}   "
        f"trends {trends.mean():.4f}   "
        f"told apart {two_sample_score(train, made):.4f}"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder of the tables")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--only", type=lambda names: names.split(","))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--defaults", action="store_true", help="a fit with all defaults only")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, table in tables(options.data, options.only):
        train, test = train_test_split(table, test_size=0.3, random_state=0)
        train = train[: options.rows].reset_index(drop=True)
        print(f"{name}, {len(train):,} rows", flush=True)
        for way, params in ({"defaults": {}} if options.defaults else WAYS).items():
            started = time.process_time()
            gan = TabularGAN(random_state=options.seed, device="cpu", **params).fit(train)
            seconds = time.process_time() - started
            epochs = f"{gan.n_iter_warm_up_} + {gan.n_iter_ - gan.n_iter_warm_up_} epochs"
            print(
                f"  {way:17} {measures(gan, train, test)}   {epochs}, {seconds:.0f} s", flush=True
            )


if __name__ == "__main__":
    main()
