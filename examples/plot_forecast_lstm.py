"""
============================
A series several steps ahead
============================

`LSTMRegressor` predicts all steps of a forecast at once: X are windows of the past, y the values
that follow each. Here the windows have two channels, the value and the time of the year, and the
forecast is of two years. It is compared with what the same month brought the year before.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import mean_absolute_error

from skdeep import LSTMRegressor

PAST, AHEAD = 36, 24  # months

rng = np.random.RandomState(0)
months = np.arange(900)
cycle = np.sin(2 * np.pi * months / 132)  # eleven years
season = (1 + 0.5 * cycle) * np.sin(2 * np.pi * months / 12)
series = 100 + 10 * cycle + 8 * season + rng.normal(0, 1.0, len(months))

starts = np.arange(len(series) - PAST - AHEAD)
calendar = np.cos(2 * np.pi * months / 12)
channels = np.stack([series, calendar], axis=1)
X = np.stack([channels[s : s + PAST] for s in starts])
y = np.stack([series[s + PAST : s + PAST + AHEAD] for s in starts])

n_train = 640
gap = AHEAD + PAST  # no test window shares a value with a training window
X_train, y_train, X_test, y_test = X[:n_train], y[:n_train], X[n_train + gap :], y[n_train + gap :]

reg = LSTMRegressor((24,), max_iter=25, random_state=0, device="cpu").fit(X_train, y_train)
predicted = reg.predict(X_test)
last_year = np.tile(X_test[:, -12:, 0], 2)

for name, forecast in (("last year again", last_year), ("LSTMRegressor", predicted)):
    print(f"{name}: mean absolute error {mean_absolute_error(y_test, forecast):.2f}")

figure, axes = plt.subplots(2, 1, figsize=(8, 6), layout="constrained")
past, ahead = np.arange(-PAST, 0), np.arange(AHEAD)
axes[0].plot(past, X_test[0, :, 0], color="tab:gray", label="past")
axes[0].plot(ahead, y_test[0], color="black", label="what came")
axes[0].plot(ahead, predicted[0], color="tab:blue", label="LSTMRegressor")
axes[0].plot(ahead, last_year[0], color="tab:orange", linestyle=":", label="last year again")
axes[0].set(xlabel="month", ylabel="value", title="One forecast")
axes[0].legend()
for name, forecast in (("last year again", last_year), ("LSTMRegressor", predicted)):
    axes[1].plot(ahead + 1, np.abs(forecast - y_test).mean(0), label=name)
axes[1].set(xlabel="months ahead", ylabel="mean absolute error", ylim=(0, None))
axes[1].legend()
plt.show()
