"""Fit and predict times on a generated mixed table: RealMLP, TabM and boosted trees.

    OMP_NUM_THREADS=1 python benchmarks/studies/tables.py [--rows 4000] [--device cpu]

CatBoost and pytabkit take part where they are installed.
"""

import argparse
import importlib
import time

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score

from skdeep import RealMLPClassifier, TabMClassifier

CATEGORIES = ("town", "trade")


def make_table(n_rows, seed=0):
    """A mixed table without missing values (pytabkit takes none) and two classes."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_rows, 8)), columns=[f"number {i}" for i in range(8)])
    X["town"] = pd.Categorical(rng.choice([f"town {i}" for i in range(6)], n_rows))
    X["trade"] = pd.Categorical(rng.choice([f"trade {i:02d}" for i in range(40)], n_rows))
    signal = np.sin(2 * X["number 0"]) + X["number 1"] * X["number 2"]
    signal += 0.3 * X["town"].cat.codes - 0.02 * X["trade"].cat.codes
    return X, (signal + rng.normal(0, 0.5, n_rows) > signal.median()).to_numpy().astype(int)


def candidates(device):
    """Name and unfitted estimator of everything that is installed."""
    yield "RealMLPClassifier", RealMLPClassifier(random_state=0, device=device)
    yield "TabMClassifier", TabMClassifier(random_state=0, device=device)
    boosting = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    yield "HistGradientBoosting", boosting
    for module, name, options in (
        ("catboost", "CatBoostClassifier", {"verbose": 0, "cat_features": list(CATEGORIES)}),
        ("pytabkit", "RealMLP_TD_Classifier", {"random_state": 0}),
        ("pytabkit", "TabM_D_Classifier", {"random_state": 0}),
    ):
        try:
            found = getattr(importlib.import_module(module), name)
        except ImportError:
            continue
        yield f"{module} {name}", found(**options)


def seconds(function, repeat=1):
    """Result, and the median seconds of a call."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - started)
    return result, float(np.median(times))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    X, y = make_table(args.rows + 10_000)
    X_train, y_train = X[: args.rows], y[: args.rows]
    X_test, y_test = X[args.rows :], y[args.rows :]
    one = X_test.iloc[[0]]
    print(f"{'':36s} {'accuracy':>8s} {'fit s':>8s} {'10,000 rows s':>14s} {'one row ms':>11s}")
    for name, model in candidates(args.device):
        _, fit = seconds(lambda model=model: model.fit(X_train, y_train))
        predicted, many = seconds(lambda model=model: model.predict(X_test), 3)
        _, single = seconds(lambda model=model: model.predict_proba(one), 50)
        accuracy = accuracy_score(y_test, np.ravel(predicted))
        print(f"{name:36s} {accuracy:8.3f} {fit:8.2f} {many:14.3f} {1e3 * single:11.2f}")


if __name__ == "__main__":
    main()
