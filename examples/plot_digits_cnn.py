"""
==================================
Digits with a CNN in a grid search
==================================

A `skdeep.CNNClassifier` is one step of scikit-learn like any other: here `GridSearchCV` chooses
between a LeNet and a small residual network, with and without random shifts of the images in
training, for handwritten digits of 8 x 8 pixels. Afterwards the best network shows what it looks
at.
"""

# %%
# Data
# ----
# The digits come as flat rows; ``image_shape`` says what they are. Test rows are by other writers
# than training rows: the set is in the order of its writers.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV

from skdeep import CNNClassifier
from skdeep.plotting import SaliencyDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = X[:1000], X[1000:], y[:1000], y[1000:]

# %%
# Search
# ------
# Augmentation that helps with one network may hurt another one, so both are searched together.
# 8 x 8 pixels leave room for a shift by one: an eighth of the side.

cnn = CNNClassifier(image_shape=(8, 8), n_filters=(16, 32), hidden_layer_sizes=(64,), max_iter=8)
grid = {"architecture": ["lenet", "resnet"], "augment": [None, {"shift": 0.125}]}
search = GridSearchCV(cnn.set_params(random_state=0), grid, cv=3).fit(X_train, y_train)

print("accuracy in cross-validation")
for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"]):
    shift = "no shift" if params["augment"] is None else "shift by a pixel"
    print(f"  {params['architecture']:8}{shift:18}{score:.3f}")
linear = LogisticRegression(max_iter=1000).fit(X_train / 16, y_train)
print(f"best network, other writers: {search.score(X_test, y_test):.3f}")
print(f"logistic regression:         {linear.score(X_test / 16, y_test):.3f}")

# %%
# What it confuses, and what it looks at
# --------------------------------------
# Red pixels speak for the digit that the network sees, blue ones against it. Of the rows that it
# gets wrong, the one that it is surest of is shown.

proba = search.predict_proba(X_test)
predicted = search.classes_[proba.argmax(1)]
wrong = np.flatnonzero(predicted != y_test)
worst = wrong[proba[wrong].max(1).argmax()]

fig, axes = plt.subplots(1, 3, layout="constrained", figsize=(12, 3.8))
ConfusionMatrixDisplay.from_predictions(y_test, predicted, ax=axes[0], colorbar=False)
SaliencyDisplay.from_estimator(search.best_estimator_, X_test[0], ax=axes[1])
SaliencyDisplay.from_estimator(search.best_estimator_, X_test[worst], ax=axes[2])
axes[2].set_title(f"A {y_test[worst]}, seen as {predicted[worst]}")

plt.show()
