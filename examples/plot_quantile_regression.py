"""
==================================
Intervals from quantile regression
==================================

A prediction is worth more with the range in which the truth is likely to be. With
``loss="quantile"`` a `skdeep.MLPRegressor` learns the value that a given share of the targets
stays below. Networks for 5 % and 95 % make an interval that should hold 90 % of the targets, and
that is wide where the data are noisy and narrow where they are not.

The usual way without quantiles, the predicted mean and a width that is the same everywhere, is
right on average only.
"""

# %%
# Data
# ----
# A wave whose noise grows from the left to the right.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_pinball_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPRegressor

rng = np.random.default_rng(0)


def sample(n_samples):
    """Rows x and targets y."""
    x = rng.uniform(0, 10, n_samples)
    return x[:, None], 4 * np.sin(x) + rng.normal(0, 0.2 + 0.3 * x)


X_train, y_train = sample(3000)
X_test, y_test = sample(3000)

# %%
# Networks
# --------
# One for each quantile and one for the mean. The targets are scaled like the rows; a quantile of
# scaled targets is the scaled quantile. The learning rate falls to zero along a cosine, so that
# training has settled by its last epoch.

warnings.filterwarnings("ignore", category=ConvergenceWarning)  # the last epoch is the planned end


def fitted(**parameters):
    """A pipeline that scales rows and targets."""
    mlp = MLPRegressor(
        hidden_layer_sizes=(32, 32),
        activation="silu",
        learning_rate="cosine",
        learning_rate_init=0.01,
        max_iter=100,
        n_iter_no_change=100,
        random_state=0,
        **parameters,
    )
    scaled = TransformedTargetRegressor(mlp, transformer=StandardScaler())
    return make_pipeline(StandardScaler(), scaled).fit(X_train, y_train)


levels = (0.05, 0.5, 0.95)
quantiles = {level: fitted(loss="quantile", quantile=level) for level in levels}
mean = fitted(loss="squared_error")

# %%
# Coverage
# --------
# The share of test targets inside each interval, over all rows and at both ends.

low, median, high = (quantiles[level].predict(X_test) for level in levels)
width = 1.645 * np.std(y_train - mean.predict(X_train))  # 90 % of a normal distribution
center = mean.predict(X_test)
inside = {
    "quantiles": (low <= y_test) & (y_test <= high),
    "mean +- constant": np.abs(y_test - center) <= width,
}
calm, noisy = X_test[:, 0] < 3, X_test[:, 0] > 7
print("coverage of 90 % intervals      all   x < 3   x > 7")
for name, hits in inside.items():
    print(f"{name:<26}{hits.mean():9.3f}{hits[calm].mean():8.3f}{hits[noisy].mean():8.3f}")
print(f"mean width: quantiles {np.mean(high - low):.2f}, constant {2 * width:.2f}")
print(f"rows where the quantiles cross: {np.sum(low > high)}")
for level, predicted in zip(levels, (low, median, high)):
    loss = mean_pinball_loss(y_test, predicted, alpha=level)
    constant = mean_pinball_loss(
        y_test, np.full(len(y_test), np.quantile(y_train, level)), alpha=level
    )
    print(f"pinball loss at {level:.2f}: {loss:.3f} (of the best constant: {constant:.3f})")

# %%
# The two intervals
# -----------------

grid = np.linspace(0, 10, 300)[:, None]
fig, axes = plt.subplots(1, 2, sharey=True, layout="constrained", figsize=(10, 4))
shown = rng.choice(len(X_test), 600, replace=False)
bands = {
    "Quantile regression": [quantiles[level].predict(grid) for level in levels],
    "Mean and constant width": [mean.predict(grid) + shift * width for shift in (-1, 0, 1)],
}
for ax, (title, (lower, middle, upper)) in zip(axes, bands.items()):
    ax.scatter(X_test[shown, 0], y_test[shown], s=6, color="0.6", label="test rows")
    ax.fill_between(grid[:, 0], lower, upper, alpha=0.3, label="90 % interval")
    ax.plot(grid[:, 0], middle, label="median" if ax is axes[0] else "mean")
    ax.set_title(title)
    ax.set_xlabel("x")
    ax.legend(loc="lower left")
axes[0].set_ylabel("y")

plt.show()
