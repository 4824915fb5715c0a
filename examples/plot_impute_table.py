"""
=================================
Missing values of a table of wine
=================================

A fifth of the cells of a table is missing: chemical measurements of wine, and which of three
cultivars it is from. `TabularImputer` fills numbers and categories together, in any pattern of
gaps; scikit-learn's imputers see the category as numbers.
"""

# %%
# A table with gaps
# -----------------

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.preprocessing import StandardScaler

from skdeep import TabularImputer

wine = load_wine(as_frame=True).frame
wine["target"] = wine["target"].map({0: "first", 1: "second", 2: "third"})
wine = wine.rename(columns={"target": "cultivar"})
removed = np.random.default_rng(0).random(wine.shape) < 0.2
gaps = wine.mask(removed)
numbers = wine.columns[:-1]
print(gaps.iloc[:3, -4:].to_string())

# %%
# Three imputers
# --------------
# A network takes the table as it is. For the others the numbers are standardised, and a column of
# zeros and ones for each cultivar is filled: the largest of the three decides.

filled = {"TabularImputer": TabularImputer(random_state=0).fit_transform(gaps)}

scaler = StandardScaler().fit(gaps[numbers])
is_cultivar = pd.get_dummies(gaps["cultivar"], dtype=float)
is_cultivar[gaps["cultivar"].isna()] = np.nan
matrix = np.hstack([scaler.transform(gaps[numbers]), is_cultivar])
for imputer in (IterativeImputer(random_state=0, max_iter=25, tol=0.01), KNNImputer()):
    found = imputer.fit_transform(matrix)
    frame = pd.DataFrame(scaler.inverse_transform(found[:, :-3]), columns=numbers)
    frame["cultivar"] = is_cultivar.columns[found[:, -3:].argmax(1)]
    filled[type(imputer).__name__] = frame

# %%
# How far off they are
# --------------------
# The root mean squared error of each number, in units of its standard deviation, and the share of
# the cultivars that are right.

missing = pd.DataFrame(removed, columns=wine.columns)
error = {
    name: [np.sqrt(((table[c] - wine[c])[missing[c]] ** 2).mean()) / wine[c].std() for c in numbers]
    for name, table in filled.items()
}
report = pd.DataFrame(
    {
        name: {
            "error of numbers": np.mean(error[name]),
            "cultivars that are right": (table == wine)["cultivar"][missing["cultivar"]].mean(),
        }
        for name, table in filled.items()
    }
)
print(report.round(3).to_string())

# %%
# Means or draws
# --------------
# Means are closest to the values that were removed, but lie on a line where the data are a cloud.
# With ``sample_posterior=True`` values are drawn, which keeps the spread of the columns: what a
# statistic over the filled table needs.

drawn = TabularImputer(sample_posterior=True, random_state=0).fit_transform(gaps)
pair = ["flavanoids", "total_phenols"]
here = missing[pair].any(axis=1)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, (title, table) in zip(
    axes, {"removed": wine, "means": filled["TabularImputer"], "draws": drawn}.items(), strict=True
):
    ax.scatter(*wine.loc[~here, pair].to_numpy().T, s=8, color="0.8", label="complete rows")
    ax.scatter(*table.loc[here, pair].to_numpy().T, s=14, color="tab:blue", label="rows with gaps")
    spread = table.loc[here, pair].std().mean()
    ax.set(title=f"{title}: standard deviation {spread:.2f}", xlabel=pair[0])
axes[0].set_ylabel(pair[1])
axes[0].legend(loc="lower right")
plt.show()
