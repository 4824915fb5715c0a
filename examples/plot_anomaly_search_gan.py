"""
==============================
Anomalies by search for a code
==============================

A generator that has only learned normal rows cannot make an abnormal one. `GANOutlierDetector`
searches, for each row, the code from which the generator comes closest to it (AnoGAN), from where
an encoder says; what remains is the score. First for images of digits, then for windows of a
sensor's series.
"""

# %%
# One digit is normal
# -------------------
# Beside the distance to the nearest neighbours, which is hard to beat on so small images.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from skdeep import GANOutlierDetector

X, y = load_digits(return_X_y=True)
normal = np.flatnonzero(y == 8)
train, rest = normal[:100], np.setdiff1d(np.arange(len(y)), normal[:100])[::4]
detector = GANOutlierDetector(
    hidden_layer_sizes=(128, 128), max_iter=600, search_steps=10, random_state=0
)
scores = detector.fit(X[train]).score_samples(X[rest])
neighbours = NearestNeighbors(n_neighbors=5).fit(X[train]).kneighbors(X[rest])[0].mean(1)
print(f"AUC of the search {roc_auc_score(y[rest] == 8, scores):.3f}, of neighbours ", end="")
print(f"{roc_auc_score(y[rest] == 8, -neighbours):.3f}")

# %%
# A sensor
# --------
# Windows of a series, of which the test series has three stretches that are wrong: stuck, shifted,
# too fast. `score_steps` spreads the scores of windows over their time steps.


def sensor(n, seed):
    t = np.arange(n)
    noise = np.random.RandomState(seed).normal(scale=0.08, size=n)
    return np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(2 * np.pi * t / 60) + noise


def windows(series, length=36):
    return np.lib.stride_tricks.sliding_window_view(series, length)


series, is_wrong = sensor(700, 1), np.zeros(700, dtype=bool)
series[150:180] = series[150]
series[350:380] += 1.2
series[550:580] = np.sin(2 * np.pi * np.arange(30) / 8)
for start in (150, 350, 550):
    is_wrong[start : start + 30] = True

lstm = GANOutlierDetector(
    "lstm",
    hidden_layer_sizes=48,
    max_iter=120,
    learning_rate_init=0.003,
    search_steps=5,
    random_state=0,
)
lstm.fit(windows(sensor(1200, 0))[::2])
stride = 4
odd = -lstm.score_steps(windows(series)[::stride], stride=stride)
is_wrong, series = is_wrong[: len(odd)], series[: len(odd)]
print(f"AUC over the time steps {roc_auc_score(is_wrong, odd):.3f}")

figure, axes = plt.subplots(2, 1, figsize=(9, 4), sharex=True, layout="constrained")
axes[0].plot(series)
axes[0].set(ylabel="sensor")
axes[1].plot(odd, color="tab:red")
axes[1].set(xlabel="time step", ylabel="minus the score")
for ax in axes:
    ax.fill_between(
        np.arange(len(odd)), 0, 1, is_wrong, transform=ax.get_xaxis_transform(), alpha=0.2
    )
plt.show()
