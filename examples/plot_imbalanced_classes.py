"""
===================================
Rare classes: weights and smoothing
===================================

Where one row in twenty is of the class that matters, a network that minimises the mean loss
learns the other class first. `skdeep.MLPClassifier` has three means that scikit-learn's perceptron
lacks: `class_weight` makes rows of the rare class count for more, `label_smoothing` keeps the
network from being too sure of labels that may be wrong, `dropout` keeps it from learning rows by
heart.

They do different things: weights move the decision towards the rare class, smoothing and dropout
make the probabilities better.
"""

# %%
# Data
# ----
# 5 % of the rows are of the rare class, and one label in fifty is drawn anew at random.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    PrecisionRecallDisplay,
    balanced_accuracy_score,
    log_loss,
    precision_score,
    recall_score,
)
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier

X, y = make_classification(
    n_samples=6000,
    n_features=20,
    n_informative=8,
    n_redundant=4,
    n_clusters_per_class=3,
    weights=[0.95],
    flip_y=0.02,
    class_sep=1.2,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0, test_size=0.5)
print(f"{y_train.sum()} of {len(y_train)} training rows are of the rare class")

# %%
# Training
# --------
# The same network for all, trained for 80 epochs, which is long enough to learn rows by heart.

shape = {"hidden_layer_sizes": (64, 64), "max_iter": 80, "random_state": 0}
models = {
    "scikit-learn": SklearnMLPClassifier(**shape),
    "plain": MLPClassifier(**shape),
    "class_weight": MLPClassifier(class_weight="balanced", **shape),
    "label_smoothing": MLPClassifier(label_smoothing=0.05, **shape),
    "dropout": MLPClassifier(dropout=0.4, **shape),
    "weight + dropout": MLPClassifier(class_weight="balanced", dropout=0.4, **shape),
}
warnings.filterwarnings("ignore", category=ConvergenceWarning)  # 80 epochs are what we want

columns = ("recall", "precision", "balanced accuracy", "log loss")
print(f"{'':<18}" + "".join(f"{name:>19}" for name in columns))
scores, probabilities = {}, {}
for name, model in models.items():
    pipeline = make_pipeline(StandardScaler(), model).fit(X_train, y_train)
    predicted = pipeline.predict(X_test)
    probabilities[name] = pipeline.predict_proba(X_test)[:, 1]
    scores[name] = (
        recall_score(y_test, predicted),
        precision_score(y_test, predicted),
        balanced_accuracy_score(y_test, predicted),
        log_loss(y_test, probabilities[name]),
    )
    print(f"{name:<18}" + "".join(f"{score:19.3f}" for score in scores[name]))

# %%
# Decisions
# ---------
# Of the rare rows, how many are found (recall), and how many of those that are called rare are so
# (precision).

fig, ax = plt.subplots(layout="constrained", figsize=(8, 4))
for i in range(3):
    ax.bar(np.arange(len(scores)) + 0.27 * (i - 1), [s[i] for s in scores.values()], 0.25)
ax.set_xticks(np.arange(len(scores)), scores)
ax.set_ylabel("Score on the test rows")
ax.set_ylim(0, 1)
fig.legend(columns[:3], loc="outside upper center", ncols=3)

# %%
# All thresholds
# --------------
# The threshold of 0.5 is one choice among many. The curves have them all: those of better
# probabilities lie higher.

fig, ax = plt.subplots(layout="constrained")
for name in ("scikit-learn", "class_weight", "label_smoothing", "dropout"):
    PrecisionRecallDisplay.from_predictions(y_test, probabilities[name], name=name, ax=ax)
ax.set_title("Rare class, test rows")
ax.legend(loc="lower left")

plt.show()
