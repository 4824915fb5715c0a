"""TabularGAN with any columns given: missing values and conditions.

    OMP_NUM_THREADS=1 python benchmarks/studies/any_columns.py [--data DIR] [--rows 4000]
        [--only NAMES] [--part imputation|conditions]

DIR holds tables as ``NAME__clf.parquet`` and ``NAME__reg.parquet`` with a last column `target`;
without it a table is generated. CPU seconds are those of one thread.

- imputation: a fifth of the cells is removed at random. ``same rows``: `fit_transform` of the table
  with gaps; ``new rows``: `fit` on half of the rows without gaps and `transform` of the other half
  with them. Errors at the removed cells: of numbers the root mean squared error over the standard
  deviation, of categories the accuracy, both as means over columns. IterativeImputer and KNNImputer
  have scikit-learn's defaults, on standardised numbers and one-hot categories.
- conditions: random pairs of columns are restricted, each to the level or the third of the numbers
  that a row has, if that holds for at least 300 rows. The distributions of the other columns of as
  many rows made under the condition are compared with those of the real ones (`column_shapes`);
  ``real`` is what half of these rows give, compared with the other half, which is as far off as
  chance makes it, with half as many rows.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.preprocessing import StandardScaler
from table_gan import tables

from skdeep import TabularGAN, TabularImputer
from skdeep.metrics import column_shapes

_N_PAIRS = 20


class OneHot:
    """A scikit-learn imputer of numbers as one of mixed tables."""

    def __init__(self, imputer):
        self.imputer, self.scaler = imputer, StandardScaler()

    def _matrix(self, table):
        numbers = self.scaler.transform(table[self.numbers].astype(float))
        parts = [
            np.where(table[[c]].isna(), np.nan, table[[c]].to_numpy() == np.array(levels))
            for c, levels in self.levels.items()
        ]
        return np.hstack([numbers, *parts]).astype(float)

    def fit(self, table):
        self.numbers = [c for c in table if pd.api.types.is_numeric_dtype(table[c])]
        self.levels = {
            c: sorted(table[c].dropna().unique()) for c in table.drop(columns=self.numbers)
        }
        self.scaler.fit(table[self.numbers].astype(float))
        self.imputer.fit(self._matrix(table))
        return self

    def transform(self, table):
        filled = self.imputer.transform(self._matrix(table))
        out = table.copy()
        out[self.numbers] = self.scaler.inverse_transform(filled[:, : len(self.numbers)])
        start = len(self.numbers)
        for c, levels in self.levels.items():
            best = filled[:, start : start + len(levels)].argmax(1)
            out[c] = np.where(table[c].isna(), np.array(levels, dtype=object)[best], table[c])
            start += len(levels)
        return out


def errors(table, filled, removed):
    """Mean error of numbers, and mean accuracy of categories, at removed cells."""
    numbers, levels = [], []
    for j, c in enumerate(table):
        true, found = table[c][removed[:, j]], filled[c][removed[:, j]]
        if pd.api.types.is_numeric_dtype(table[c]):
            distance = true.astype(float) - found.astype(float)
            numbers.append(np.sqrt((distance**2).mean()) / table[c].std())
        else:
            levels.append((true == found).mean())
    return f"error {np.mean(numbers):.3f}" + (f" accuracy {np.mean(levels):.3f}" if levels else "")


def imputation(table, seed):
    removed = np.random.default_rng(seed).random(table.shape) < 0.2
    gaps = table.mask(removed)
    half = len(table) // 2
    old, new = table[:half], table[half:]
    for c in table:
        if not pd.api.types.is_numeric_dtype(table[c]):
            new = new[new[c].isin(old[c])]  # a level that is new cannot be imputed with
    new_gaps, new_removed = gaps.loc[new.index], removed[new.index]
    imputers = {
        "TabularImputer": lambda: TabularImputer(TabularGAN(device="cpu"), random_state=seed),
        "IterativeImputer": lambda: OneHot(IterativeImputer(random_state=seed)),
        "KNNImputer": lambda: OneHot(KNNImputer()),
    }
    for name, make in imputers.items():
        started = time.process_time()
        same = errors(table, make().fit(gaps).transform(gaps), removed)
        seconds = time.process_time() - started
        other = errors(new, make().fit(old).transform(new_gaps), new_removed)
        print(f"  {name:16} same rows: {same}, {seconds:.0f} s   new rows: {other}", flush=True)


def restricted(table, name, row):
    """Which rows have about the value of a row in a column, and the condition that says so."""
    column = table[name]
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() < 10:
        return column == column[row], {column[row]}
    rank = np.clip((column <= column[row]).mean(), 1 / 6, 5 / 6)
    low, high = column.quantile([rank - 1 / 6, rank + 1 / 6], interpolation="nearest")
    return column.between(low, high), slice(low, high)


def conditions(table, seed):
    rng = np.random.default_rng(seed)
    started = time.process_time()
    gan = TabularGAN(random_state=seed, device="cpu").fit(table)
    seconds = time.process_time() - started
    found, real = [], []
    while len(found) < _N_PAIRS:
        names, row = rng.choice(table.columns, 2, replace=False), rng.integers(len(table))
        (meets, a), (also, b) = (restricted(table, name, row) for name in names)
        rows = table[meets & also].drop(columns=names)
        if len(rows) < 300:
            continue
        made = gan.sample(len(rows), conditions=dict(zip(names, (a, b))), random_state=len(found))
        found.append(column_shapes(rows, made.drop(columns=names)).mean())
        halves = rng.permutation(len(rows)) % 2 == 0
        real.append(column_shapes(rows[halves], rows[~halves]).mean())
    print(
        f"  conditions: shapes {np.mean(found):.3f} (lowest {np.min(found):.3f}), "
        f"real {np.mean(real):.3f}; fit {seconds:.0f} s",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder of the tables")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--only", type=lambda names: names.split(","))
    parser.add_argument("--part", choices=("imputation", "conditions"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, table in tables(options.data, options.only):
        table = table.sample(min(options.rows, len(table)), random_state=options.seed)
        table = table.reset_index(drop=True)
        print(f"{name}, {len(table):,} rows", flush=True)
        for part in (imputation, conditions):
            if options.part in (None, part.__name__):
                part(table, options.seed)


if __name__ == "__main__":
    main()
