"""
========================================
Training curves of solvers and schedules
========================================

How fast the loss falls depends on the solver and on the schedule of its learning rate.
`skdeep.plotting.TrainingCurveDisplay` shows it for any fitted estimator, also from inside a
pipeline or a search, and several displays can share the axes.

All networks here start from the same weights and see the rows in the same order: `random_state`
decides both.
"""

# %%
# Data
# ----
# Images of handwritten digits, scaled to values from 0 to 1. The test rows go to `fit` as
# validation rows: their loss is recorded after each epoch, and nothing else is done with them.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skdeep import MLPClassifier
from skdeep.plotting import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, stratify=y, random_state=0)

# The curves are to have the same length: each training ends at `max_iter`, which it says.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def trained(**parameters):
    """A network after 30 epochs."""
    clf = MLPClassifier((64,), max_iter=30, n_iter_no_change=30, random_state=0, **parameters)
    return clf.fit(X_train, y_train, X_val=X_test, y_val=y_test)


# %%
# Solvers
# -------
# Each with a learning rate that suits it.

solvers = {
    "sgd": {"learning_rate_init": 0.1},
    "adam": {"learning_rate_init": 0.01},
    "adamw": {"learning_rate_init": 0.01, "alpha": 0.1},
    "nadam": {"learning_rate_init": 0.01},
    "rmsprop": {"learning_rate_init": 0.003},
    "adagrad": {"learning_rate_init": 0.03},
}
fig, ax = plt.subplots(layout="constrained")
print("solver      training loss  validation loss  accuracy")
for solver, parameters in solvers.items():
    clf = trained(solver=solver, **parameters)
    TrainingCurveDisplay.from_estimator(clf, name=solver, ax=ax, curves="loss", mark_best=False)
    print(
        f"{solver:<12}{clf.loss_:13.4f}{clf.validation_loss_curve_[-1]:17.4f}"
        f"{clf.score(X_test, y_test):10.3f}"
    )
ax.set_yscale("log")
ax.set_title("Solvers")

# %%
# Schedules
# ---------
# 'adam' in small batches with a large learning rate. Where it stays, the loss keeps jumping;
# schedules bring it down, each in its way, and the loss comes to rest. The strip below shows the
# rates.

schedules = ["constant", "exponential", "cosine", "one_cycle"]
fig, ax = plt.subplots(layout="constrained", figsize=(6.4, 5.6))
print("\nschedule    training loss  validation loss  accuracy")
for schedule in schedules:
    clf = trained(learning_rate=schedule, learning_rate_init=0.02, batch_size=32)
    display = TrainingCurveDisplay.from_estimator(
        clf, name=schedule, ax=ax, curves=["loss", "learning_rate"], mark_best=False
    )
    print(
        f"{schedule:<12}{clf.loss_:13.4f}{clf.validation_loss_curve_[-1]:17.4f}"
        f"{clf.score(X_test, y_test):10.3f}"
    )
ax.set_yscale("log")
ax.set_title("Schedules")

# %%
# One training in full
# --------------------
# Under early stopping there are the scores of the held-out rows too, and the best epoch, whose
# weights the estimator keeps.

clf = MLPClassifier(
    (64,),
    solver="sgd",
    learning_rate="adaptive",
    learning_rate_init=0.2,
    early_stopping=True,
    n_iter_no_change=3,
    max_iter=100,
    random_state=0,
)
clf.fit(X_train, y_train)
display = TrainingCurveDisplay.from_estimator(clf, score_name="accuracy")
display.ax_.set_title("Adaptive learning rate with early stopping")
print(
    f"\nadaptive: best epoch {display.best_epoch} of {clf.n_iter_}, validation accuracy "
    f"{clf.best_validation_score_:.3f}, test accuracy {clf.score(X_test, y_test):.3f}"
)

plt.show()
