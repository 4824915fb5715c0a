"""What each piece of the recipes of RealMLP and TabM gains: errors with it removed.

    OMP_NUM_THREADS=1 python benchmarks/studies/ablation.py [--data DIR] [--rows 1000] [--seeds 2]
        [--family RealMLP] [--only NAME,NAME] [--pieces NAME,NAME] [--single] [--each]

DIR holds tables as ``NAME__clf.parquet`` and ``NAME__reg.parquet`` with a last column `target`;
without it the tables are generated. Numbers are ratios to the defaults, of geometric means over
tables and seeds: of 1 - accuracy (class) and of the root mean squared error (reg), each with its
standard error. Above 1 the piece gains something; both members of a ratio have the same seed and
rows. All ratios of a table share the noise of the fit with all of it: below 1 in all lines, it is
that one. ``--single`` removes the pieces from one network, as the papers do, and not from the
several whose predictions the defaults average; ``--each`` prints the ratio on each table, too, and
the errors with all of it.

Families "pytabkit RealMLP" and "pytabkit TabM" (where pytabkit is installed) do the same to the
reference implementations, each one network, with gaps in numbers filled by medians: a piece that
gains nothing in either gains nothing on these tables.
"""

import argparse
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification, make_friedman1
from sklearn.model_selection import train_test_split

import skdeep

PIECES = {
    "RealMLP": {
        "number embeddings": {"embedding_size": 0},
        "scaling layer": {"scaling_layer": False},
        "learned activations": {"parametric_activation": False},
        "data-driven weights": {"weight_init": "normal"},
        "waves of the learning rate": {"learning_rate": "constant"},
        "beta_2=0.95": {"beta_2": 0.999},
        "dropout": {"dropout": 0.0},
        "weight decay": {"alpha": 0.0},
        "label smoothing": {"label_smoothing": 0.0},
        "four members": {"n_estimators": 1},
    },
    "TabM": {
        "number embeddings": {"embedding_size": 0},
        "eight networks": {"n_networks": 1},
        "members": {"n_estimators": 1},
        "average of weights": {"averaging": 0.0},
        "dropout": {"dropout": 0.0},
        "weight decay": {"alpha": 0.0},
        "gradient clipping": {"gradient_clip_norm": None},
        "mini": {"variant": "full"},
    },
}

REFERENCE = "pytabkit "
PIECES |= {
    REFERENCE + "RealMLP": {
        "number embeddings": {"num_emb_type": "none"},
        "scaling layer": {"add_front_scale": False},
        "learned activations": {"use_parametric_act": False},
        "data-driven weights": {"weight_init_mode": "normal", "bias_init_mode": "normal"},
        "waves of the learning rate": {"lr_sched": "constant"},
        "beta_2=0.95": {"sq_mom": 0.999},
        "dropout": {"p_drop": 0.0},
        "weight decay": {"wd": 0.0},
        "label smoothing": {"use_ls": False},
    },
    REFERENCE + "TabM": {
        "number embeddings": {"num_emb_type": "none"},
        "members": {"tabm_k": 1},
        "dropout": {"dropout": 0.0},
        "weight decay": {"weight_decay": 0.0},
    },
}
# As `RealMLPClassifier` and `TabMClassifier` have them by default.
REFERENCE_CLASSES = {
    REFERENCE + "RealMLP": ("RealMLP_TD_", {}),
    REFERENCE + "TabM": (
        "TabM_D_",
        {
            "arch_type": "tabm-mini",
            "num_emb_type": "pwl",
            "weight_decay": 3e-4,
            "gradient_clipping_norm": 1.0,
        },
    ),
}

SINGLE = {"RealMLP": {"n_estimators": 1}, "TabM": {"n_networks": 1, "n_estimators": 32}}


def generated(n_rows):
    """Two tables with text, gaps and noise, from `make_classification` and `make_friedman1`."""
    numbers = make_classification(
        n_rows, 8, n_informative=6, n_classes=3, flip_y=0.05, random_state=0
    )
    for task, (X, y) in (("clf", numbers), ("reg", make_friedman1(n_rows, 8, random_state=0))):
        X = pd.DataFrame(X, columns=[f"x{i}" for i in range(8)])
        X["x0"] = pd.cut(X["x0"], 6, labels=list("abcdef")).astype(str)
        yield f"generated {task}", X.mask(np.random.default_rng(0).uniform(size=X.shape) < 0.02), y


def tables(folder, only):
    """Name, rows and targets of the tables in a folder."""
    for path in sorted(Path(folder).glob("*__*.parquet")):
        name, _, task = path.stem.partition("__")
        if only and name not in only:
            continue
        X = pd.read_parquet(path)
        y = X.pop("target")
        yield f"{name} {task}", X, pd.factorize(y)[0] if task == "clf" else y.to_numpy()


def error(family, params, X, y, is_class, n_rows, seed):
    """Error on rows that training has not seen."""
    n_test = min(len(y) - n_rows, 20_000)  # noise of the errors is that of few rows
    split = {"train_size": n_rows, "test_size": n_test, "stratify": y if is_class else None}
    a, b, ya, yb = train_test_split(X, y, random_state=seed, **split)
    kind = "Classifier" if is_class else "Regressor"
    if family.startswith(REFERENCE):
        predicted = reference_prediction(family, kind, params, a, ya, b, seed)
    else:
        cls = getattr(skdeep, family + kind)
        known = {k: v for k, v in params.items() if k in cls().get_params()}
        predicted = cls(random_state=seed, **known).fit(a, ya).predict(b)
    return np.mean(predicted != yb) if is_class else np.sqrt(np.mean((predicted - yb) ** 2))


def reference_prediction(family, kind, params, X, y, X_test, seed):
    """What pytabkit's estimator predicts, which takes no missing numbers."""
    from pytabkit.models.sklearn import sklearn_interfaces

    prefix, shared = REFERENCE_CLASSES[family]
    cls = getattr(sklearn_interfaces, prefix + kind)
    medians = X.median(numeric_only=True)
    X, X_test = (part.fillna(medians) for part in (X, X_test))
    texts = [name for name in X if name not in medians]
    X, X_test = (part.astype(dict.fromkeys(texts, "category")) for part in (X, X_test))
    estimator = cls(device="cpu", n_threads=1, random_state=seed, **shared | params)
    return estimator.fit(X, y).predict(X_test)


def summary(logs):
    """Geometric mean of ratios, and its standard error."""
    if not logs:
        return f"{'-':>14s}"
    error = np.std(logs, ddof=1) / np.sqrt(len(logs)) if len(logs) > 1 else np.nan
    return f"{np.exp(np.mean(logs)):8.3f} ±{error:.3f}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--only", default="", help="names of tables, with commas")
    parser.add_argument("--rows", type=int, default=1000, help="rows to train on")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--family", choices=PIECES, action="append")
    parser.add_argument("--pieces", default="", help="names of pieces, with commas")
    parser.add_argument("--single", action="store_true", help="one network, as the papers have it")
    parser.add_argument("--each", action="store_true", help="a line for each table")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    only = {name for name in args.only.split(",") if name}
    chosen = list(tables(args.data, only) if args.data else generated(args.rows + 10_000))
    for family in args.family or SINGLE:
        print(f"\n{family} without {'':17s} {'class':>14s} {'reg':>14s}", flush=True)
        base, shared = {}, SINGLE.get(family, {}) if args.single else {}
        wanted = args.pieces.split(",") if args.pieces else PIECES[family]
        pieces = {k: v for k, v in PIECES[family].items() if v != shared and k in wanted}
        for piece, params in ({"(all of it)": {}} | pieces).items():
            params = shared | params
            logs, by_table = defaultdict(list), defaultdict(list)
            for name, X, y in chosen:
                is_class = name.endswith("clf")
                if "label_smoothing" in params and not is_class:
                    continue
                for seed in range(args.seeds):
                    e = error(family, params, X, y, is_class, args.rows, seed)
                    reference = base.setdefault((name, seed), e)
                    by_table[name].append(np.log((e + 1e-4) / (reference + 1e-4)))
                    logs[is_class].append(by_table[name][-1])
            print(f"  {piece:28s} {summary(logs[True])} {summary(logs[False])}", flush=True)
            for name in by_table if args.each else ():
                shown = summary(by_table[name])
                if not params.keys() - shared.keys():
                    errors = [base[name, seed] for seed in range(args.seeds)]
                    shown = "  error" + "".join(f" {e:.5g}" for e in errors)
                print(f"    {name:26s} {shown}", flush=True)


if __name__ == "__main__":
    main()
