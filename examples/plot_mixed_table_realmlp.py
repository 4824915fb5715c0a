"""
=================================
A table as it comes, with RealMLP
=================================

Numbers, categories, missing values and levels that were not there in training: a
`skdeep.RealMLPClassifier` takes the DataFrame as it is. Beside it
`sklearn.ensemble.HistGradientBoostingClassifier` on the same table, as it is and tuned, and how far
the probabilities of each can be believed.
"""

# %%
# Data
# ----
# Generated loans: a smooth function of two numbers, an interaction with a category, gaps, noise.

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibrationDisplay
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import RandomizedSearchCV

from skdeep import RealMLPClassifier

rng = np.random.default_rng(0)
n = 4000
table = pd.DataFrame(
    {
        "income": rng.lognormal(8, 0.5, n),
        "age": rng.integers(18, 80, n),
        "home": rng.choice(["owned", "rented", "with parents"], n),
        "branch": pd.Categorical(rng.choice([f"branch {i:02d}" for i in range(30)], n)),
    }
)
signal = (
    2 * np.sin(table["age"] / 8)
    + 1.5 * np.log(table["income"] / 3000) * np.where(table["home"] == "owned", 2, -1)
    + 0.05 * (table["branch"].cat.codes - 15)
)
defaults = np.where(rng.logistic(size=n) < signal, "no", "yes")
table.loc[rng.random(n) < 0.1, "income"] = np.nan
train, test = slice(0, 1500), slice(1500, n)

# %%
# With defaults, and tuned
# ------------------------
# `calibrate=True` fits a temperature to rows that the members of the model had not seen. Boosting
# is fitted with its defaults, in a small part of the time, and after a search over its learning
# rate, its leaves and its number of trees.

boosting = HistGradientBoostingClassifier(categorical_features=["home", "branch"], random_state=0)
grid = {
    "learning_rate": [0.02, 0.05, 0.1],
    "max_leaf_nodes": [4, 8, 16, 31],
    "max_iter": [50, 100, 200],
}
models = {
    "RealMLP": RealMLPClassifier(
        max_iter=64, calibrate=True, scoring="log_loss", random_state=0, device="cpu"
    ),
    "boosting": boosting,
    "boosting, tuned": RandomizedSearchCV(
        boosting, grid, n_iter=12, scoring="neg_log_loss", cv=3, random_state=0
    ),
}
print(f"{'':17}accuracy  log loss  seconds of fit")
for name, model in models.items():
    started = time.perf_counter()
    model.fit(table[train], defaults[train])
    seconds = time.perf_counter() - started
    proba = model.predict_proba(table[test])
    accuracy = accuracy_score(defaults[test], model.classes_[proba.argmax(1)])
    print(f"{name:17}{accuracy:8.3f}{log_loss(defaults[test], proba):10.3f}{seconds:16.1f}")

# %%
# Rows that are not like those of training
# ----------------------------------------
# An unknown branch and missing numbers are predicted; a column that is missing is an error.

stranger = table[test].iloc[[0]].assign(branch="abroad", age=np.nan)
print(models["RealMLP"].predict_proba(stranger).round(2))
try:
    models["RealMLP"].predict(stranger.drop(columns="home"))
except ValueError as error:
    print(error)

# %%
# Reliability
# -----------
# Of the rows with a predicted probability of 0.7, 70 % should be what was predicted.

figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
for name, model in models.items():
    CalibrationDisplay.from_estimator(
        model, table[test], defaults[test], n_bins=10, name=name, ax=axes
    )
axes.set_title("Reliability on new rows")
plt.show()
