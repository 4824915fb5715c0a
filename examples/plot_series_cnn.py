"""
===========================================
Series of unequal length, classified by CNN
===========================================

Machines differ in how a start-up looks: some overshoot, some ring, some creep. The recordings
begin at any time and are as long as somebody let them run, so there are no columns to compare.
`skdeep.CNNClassifier` takes a list of arrays as it is.
"""

# %%
# Data
# ----
# Three kinds of answers to a step, at random times, with noise; 80 to 200 samples each. The second
# channel is a temperature that says nothing.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from skdeep import CNNClassifier
from skdeep.plotting import SaliencyDisplay, TrainingCurveDisplay

KINDS = ("overshoots", "rings", "creeps")
rng = np.random.default_rng(0)


def recording(kind):
    """An array of shape (length, 2)."""
    length = rng.integers(80, 201)
    t = np.arange(length) - rng.integers(5, length - 50)
    age = np.maximum(t, 0) / rng.uniform(6, 10)
    answer = {
        "overshoots": 1 - np.exp(-age) * (1 - 2 * age),
        "rings": 1 - np.exp(-age / 2) * np.cos(3 * age),
        "creeps": 1 - np.exp(-age / 2),
    }[kind]
    signal = np.where(t < 0, 0, answer) + rng.normal(0, 0.15, length)
    return np.column_stack([signal, 20 + rng.normal(0, 0.1, length).cumsum()])


y = rng.choice(KINDS, 300)
X = [recording(kind) for kind in y]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# Networks
# --------
# Recordings of like length train together, so that there is little padding, and what is padded
# counts for nothing: a recording gets the same answer whatever it stands beside.

clf = CNNClassifier(n_filters=8, max_iter=25, random_state=0).fit(X_train, y_train)
alone = clf.predict_proba(X_test[:1])
print(f"accuracy of the CNN:             {clf.score(X_test, y_test):.3f}")
print(f"alone or in company, difference: {abs(alone - clf.predict_proba(X_test)[:1]).max():.0e}")


def summary(series):
    """Numbers that do not care for the length."""
    return np.column_stack(
        [[f(x[:, 0]) for x in series] for f in (np.mean, np.std, np.min, np.max, np.median)]
    )


forest = RandomForestClassifier(random_state=0).fit(summary(X_train), y_train)
print(f"accuracy from summary numbers:   {forest.score(summary(X_test), y_test):.3f}")

# %%
# What speaks for the answer
# --------------------------
# The signal where the answer happens, not the temperature below it.

fig, axes = plt.subplots(1, 3, layout="constrained", figsize=(13, 3.8))
for ax, kind in zip(axes, ("overshoots", "rings")):
    row = list(y_test).index(kind)
    shown = SaliencyDisplay.from_estimator(clf, X_test[row], ax=ax)
    ax.set_ylim(-0.6, 2.2)
TrainingCurveDisplay.from_estimator(clf, ax=axes[2])

plt.show()
