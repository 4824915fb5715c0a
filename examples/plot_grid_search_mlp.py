"""
=========================================================
Grid search over a pipeline with a multi-layer perceptron
=========================================================

`skdeep.MLPClassifier` is an estimator like any other of scikit-learn: it stands behind a scaler
in a `Pipeline`, and `GridSearchCV` chooses its parameters. Here they are the shape of the network,
the dropout and the learning rate, for images of handwritten digits.

The search compares the candidates by cross-validation on the training rows. The test rows are seen
once, by the best one.
"""

# %%
# Data
# ----
# 1,797 images of 8 x 8 pixels, a quarter of them for the test.

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdeep import MLPClassifier
from skdeep.plotting import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Search
# ------
# Early stopping holds out rows of each training fold, so that no candidate trains for too long,
# and ends with the weights of its best epoch.

pipeline = make_pipeline(
    MinMaxScaler(),
    MLPClassifier(early_stopping=True, max_iter=300, random_state=0),
)
grid = {
    "mlpclassifier__hidden_layer_sizes": [(32,), (128,), (128, 128)],
    "mlpclassifier__dropout": [0.0, 0.2],
    "mlpclassifier__learning_rate_init": [0.001, 0.005],
}
search = GridSearchCV(pipeline, grid, cv=3)
started = perf_counter()
search.fit(X_train, y_train)
seconds = perf_counter() - started

best = search.best_estimator_[-1]
n_weights = sum(w.size for w in best.coefs_ + best.intercepts_)
n_candidates = len(search.cv_results_["params"])
print(f"{n_candidates} candidates, {search.n_splits_} folds, {seconds:.1f} s on {best.net_.device}")
for name, value in search.best_params_.items():
    print(f"  best {name.removeprefix('mlpclassifier__')}: {value}")
print(f"  weights of the best: {n_weights:,}, epochs: {best.n_iter_}")
print(f"accuracy in cross-validation: {search.best_score_:.3f}")
print(f"accuracy on the test rows:    {search.score(X_test, y_test):.3f}")

# %%
# All candidates
# --------------
# Mean accuracy over the folds; the lines span one standard deviation to each side.

results = search.cv_results_
order = np.argsort(results["mean_test_score"])
names = [
    f"{p['mlpclassifier__hidden_layer_sizes']}, dropout {p['mlpclassifier__dropout']}, "
    f"rate {p['mlpclassifier__learning_rate_init']}"
    for p in results["params"]
]
fig, ax = plt.subplots(layout="constrained", figsize=(7, 4))
mean, std = results["mean_test_score"][order], results["std_test_score"][order]
ax.errorbar(mean, np.arange(len(order)), xerr=std, fmt="o")
ax.set_yticks(np.arange(len(order)), [names[i] for i in order])
ax.set_xlabel("Accuracy in cross-validation")
ax.set_title("Candidates of the search")
ax.grid(alpha=0.25)

# %%
# The best one
# ------------
# How it was trained, and what it takes for what.

display = TrainingCurveDisplay.from_estimator(search, score_name="accuracy")
display.ax_.set_title("Training of the best candidate")

fig, ax = plt.subplots(layout="constrained")
ConfusionMatrixDisplay.from_estimator(search, X_test, y_test, ax=ax, colorbar=False)
ax.set_title("Test rows")

plt.show()
