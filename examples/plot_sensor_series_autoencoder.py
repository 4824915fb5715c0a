"""
===================================
Faults in the series of two sensors
===================================

Each value of a series is seldom odd by itself; the way it came about is. `SlidingWindow` makes of
each time step the window that ends there, with as many rows as before, so that the scores of
`AutoencoderOutlierDetector` belong to the time steps.
"""

# %%
# Data
# ----
# Two sensors of a machine that runs in cycles. In the second half there are three faults: a sensor
# that hangs, a cycle that is too fast, and sensors that no longer agree.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from skdeep import AutoencoderOutlierDetector
from skdeep.plotting import AnomalyScoreDisplay
from skdeep.preprocessing import SlidingWindow

rng = np.random.RandomState(0)
n = 4000
phase = np.cumsum(2 * np.pi / 50 * (1 + 0.05 * rng.normal(size=n)))
series = np.column_stack([np.sin(phase), np.cos(phase) + 0.5 * np.sin(2 * phase)])
series += 0.05 * rng.normal(size=series.shape)
is_fault = np.zeros(n, dtype=bool)
for start, stop in ((2400, 2440), (3000, 3050), (3600, 3660)):
    is_fault[start:stop] = True
series[2400:2440, 0] = series[2400, 0]
fast = np.linspace(0, 4 * np.pi, 50)
series[3000:3050] = np.column_stack([np.sin(fast), np.cos(fast) + 0.5 * np.sin(2 * fast)])
series[3600:3660, 1] *= -1

# %%
# Learn from the first half, score the second
# -------------------------------------------
# ``novelty=True`` says that the machine worked well when the training rows were measured.

train, test = slice(0, 2000), slice(2000, n)
y = np.where(is_fault[test], -1, 1)
for window in (1, 20):
    pipe = make_pipeline(
        SlidingWindow(window), AutoencoderOutlierDetector(novelty=True, random_state=0)
    ).fit(series[train])
    auc = roc_auc_score(y, pipe.score_samples(series[test]))
    print(f"window of {window:2d} steps: AUC {auc:.3f} over time steps")

# %%
# Scores in time
# --------------
# The scale is logarithmic below -1, so that the threshold and the depth of a fault are both seen.

fig, axes = plt.subplots(2, 1, figsize=(10, 6), sharex=True, layout="constrained")
axes[0].plot(series[test], linewidth=0.8, label=["sensor 1", "sensor 2"])
axes[0].set(ylabel="reading")
axes[0].legend(loc="upper left", ncols=2)
AnomalyScoreDisplay.from_estimator(pipe, series[test], y, kind="time", ax=axes[1])
axes[1].set_yscale("symlog", linthresh=1)
plt.show()
