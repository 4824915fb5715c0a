"""
============================================
Series by a network, by kernels, and by both
============================================

A network and a linear model on features of fixed and random convolution kernels make different
errors. `skdeep.CNNClassifier` averages the predictions of the two, which helps most where there are
few series.
"""

# %%
# Data
# ----
# Waves of four frequencies that begin anywhere, with noise.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier
from skdeep.preprocessing import RandomKernels

rng = np.random.default_rng(0)


def waves(n_samples, length=80):
    """Series of shape (n_samples, length, 1), and their classes."""
    y = np.arange(n_samples) % 4
    t = np.arange(length) + rng.uniform(0, 60, (n_samples, 1))
    X = np.sin(t / (2 + 0.5 * y[:, None])) + rng.normal(0, 1.2, (n_samples, length))
    return X[:, :, None], y


X_test, y_test = waves(400)

# %%
# Accuracy by the number of series
# --------------------------------

models = {
    "network": CNNClassifier(n_filters=8, max_iter=40, kernels=None, random_state=0),
    "kernels and ridge": make_pipeline(
        RandomKernels(random_state=0), StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 10))
    ),
    "both (the default)": CNNClassifier(n_filters=8, max_iter=40, random_state=0),
}
sizes = (20, 60, 180)
scores: dict = {name: [] for name in models}
for size in sizes:
    X, y = waves(size)
    for name, model in models.items():
        scores[name].append(model.fit(X, y).score(X_test, y_test))
for name, found in scores.items():
    print(f"{name:20s}", *(f"{n} series: {score:.3f}" for n, score in zip(sizes, found)), sep="  ")

# %%

fig, ax = plt.subplots(layout="constrained")
for name, found in scores.items():
    ax.plot(sizes, found, marker="o", label=name)
ax.set(xscale="log", xlabel="series for training", ylabel="accuracy on test series")
ax.set_xticks(sizes, [str(n) for n in sizes])
ax.minorticks_off()
ax.legend()
plt.show()
