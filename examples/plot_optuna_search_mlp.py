"""
=================================================
Searching with Optuna, and stopping losing trials
=================================================

`OptunaSearchCV` takes the place of `RandomizedSearchCV`. It learns from the candidates that it has
seen where better ones are likely, and with a pruner it stops the training of those that lose, so
that more candidates fit into the same time.

The table is raw: findings on tumours, with a column of text and missing numbers. An encoder turns
it into numbers, behind it is the network; both are one pipeline, and each fold fits it anew.
"""

# %%
# Data
# ----

import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import optuna
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import RandomizedSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeep import MLPClassifier
from skdeep.plotting import SearchDisplay
from skdeep.tuning import OptunaSearchCV, search_space

# Candidates train for as long as they may: the search compares what comes of it.
warnings.simplefilter("ignore", ConvergenceWarning)

table, y = load_breast_cancer(return_X_y=True, as_frame=True)
table = table[[name for name in table if name.startswith("mean ")][1:8]]
smooth = pd.cut(table.pop("mean smoothness"), [0, 0.09, 0.1, 1], labels=["yes", "so-so", "no"])
table["smooth"] = smooth.astype(str)
table = table.mask(np.random.default_rng(0).random(table.shape) < 0.05)
X_train, X_test, y_train, y_test = train_test_split(table, y, stratify=y, random_state=0)

encoder = make_column_transformer(
    (
        make_pipeline(
            SimpleImputer(strategy="constant", fill_value="?"),
            OneHotEncoder(handle_unknown="ignore"),
        ),
        make_column_selector(dtype_exclude="number"),
    ),
    (
        make_pipeline(SimpleImputer(), StandardScaler()),
        make_column_selector(dtype_include="number"),
    ),
)
pipeline = make_pipeline(
    encoder, MLPClassifier(max_iter=40, validation_fraction=0.2, random_state=0)
)

# %%
# What is searched
# ----------------
# Nothing has to be named: the space of the network comes with its prefix, and with the source of
# each range. It is a dict, and here its large networks are left out.

space = search_space(pipeline)
print(f"learning rate: {space.sources['mlpclassifier__learning_rate_init'][:68]} ...")
space["mlpclassifier__hidden_layer_sizes"] = [(16,), (64,), (64, 64)]

# %%
# A search with a time limit
# --------------------------
# Each trial is written to a journal file. A search that ends early, even by a power cut, goes on
# from there: the same call evaluates only what is missing.

folder = tempfile.TemporaryDirectory()
search = OptunaSearchCV(
    pipeline,
    space,
    n_trials=15,
    timeout=10,
    storage=Path(folder.name) / "journal",
    pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=3),
    cv=3,
    random_state=0,
)
search.fit(X_train, y_train)
n_first = len(search.cv_results_["params"])
search.set_params(n_trials=n_first + 5).fit(X_train, y_train)
pruned = search.cv_results_["pruned"]
print(f"{n_first} candidates, then {len(pruned) - n_first} more; {pruned.sum()} stopped early")
print(f"best in cross-validation: {search.best_score_:.3f}")
print(f"on the test rows:         {search.score(X_test, y_test):.3f}")
for name, value in search.best_params_.items():
    print(f"  {name.removeprefix('mlpclassifier__')}: {value}")

# %%
# As many candidates at random
# ----------------------------
# `RandomizedSearchCV` trains each candidate in full. On a table of 426 rows both find networks that
# are equally good, up to what chance does to a score; what pruning saves is training.

parameters = {
    "mlpclassifier__hidden_layer_sizes": [(16,), (64,), (64, 64)],
    "mlpclassifier__learning_rate_init": np.geomspace(1e-4, 1e-2, 20).tolist(),
    "mlpclassifier__dropout": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
    "mlpclassifier__alpha": np.geomspace(1e-6, 1e-1, 20).tolist(),
}
at_random = RandomizedSearchCV(pipeline, parameters, n_iter=len(pruned), cv=3, random_state=0)
at_random.fit(X_train, y_train)
print(f"at random, {len(pruned)} candidates: best {at_random.best_score_:.3f}")
full, stopped = (search.cv_results_["mean_fit_time"][rows].mean() for rows in (~pruned, pruned))
print(f"seconds of a fit: {full:.2f} to the end, {stopped:.2f} where it was stopped")

# %%
# An honest estimate
# ------------------
# The best of many scores is too good to be true. Nested cross-validation repeats the whole search
# for each outer fold, whose rows it never sees.

nested = cross_val_score(search.set_params(n_trials=4, timeout=None), X_train, y_train, cv=3)
print(f"nested cross-validation: {nested.mean():.3f} +- {nested.std():.3f}")

# %%
# How the search went
# -------------------
# Crosses are networks that were stopped early; their scores are those of the folds and epochs that
# they had, and cannot be compared with the others. What a parameter matters is Optuna's estimate
# from the networks that were trained to the end.

SearchDisplay.from_estimator(search, score_name="accuracy in cross-validation")
SearchDisplay.from_estimator(search, kind="importance")
folder.cleanup()

plt.show()
