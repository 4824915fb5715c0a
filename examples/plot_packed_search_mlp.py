"""
==============================================================
Networks of a search that train as one, and end in an ensemble
==============================================================

A search trains the same small network again and again, with other parameters and on other folds.
Each of them is too small to fill a processor's core: most of the time goes into calls, not into
arithmetic. `OptunaSearchCV` trains the networks of all candidates and folds side by side in the
same tensor operations. The scores are those of the networks alone.

With ``refit='ensemble'`` the search does not end with the best candidate, but with a weighted mean
of several, chosen on the folds that they were not trained on.
"""

# %%
# Data and pipeline
# -----------------
# Handwritten digits, of which a part is held out for the end. The scaler of the pipeline is fitted
# once for each fold, not for each candidate.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier
from skdeep.tuning import OptunaSearchCV

# Candidates train for 15 epochs, whether they have converged or not.
warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)

network = {"max_iter": 15, "batch_size": 32, "random_state": 0}
space = {
    "mlpclassifier__learning_rate_init": loguniform(3e-4, 3e-2),
    "mlpclassifier__alpha": loguniform(1e-5, 10),
    "mlpclassifier__hidden_layer_sizes": [(32,), (64,)],
    "mlpclassifier__activation": ["relu", "tanh"],
    "mlpclassifier__random_state": [0, 1, 2, 3],
}

# %%
# The search
# ----------
# With `n_jobs`, each process would train its share of the networks as one.

search = OptunaSearchCV(
    make_pipeline(StandardScaler(), MLPClassifier(**network)),
    space,
    n_trials=24,
    sampler="random",
    scoring="neg_log_loss",
    refit="ensemble",
    random_state=0,
)
started = time.perf_counter()
search.fit(X_train, y_train)
budget = time.perf_counter() - started
print(f"24 candidates x 5 folds and the ensemble: {budget:.1f} s")

ensemble = search.best_estimator_
for name, weight in zip(ensemble.named_estimators_, ensemble.weights_):
    number = int(name.removeprefix("candidate_"))
    params = search.cv_results_["params"][number]
    shown = {k.split("__")[1]: f"{v:.2g}" if isinstance(v, float) else v for k, v in params.items()}
    print(f"{weight:.2f}", *(f"{name}={value}" for name, value in shown.items()))

# %%
# The same time with RandomizedSearchCV
# -------------------------------------
# It gets as many candidates as fit into the same time, one after the other, with scikit-learn's
# network.


def random_search(n_iter):
    """Seconds of a random search, and the search."""
    other = RandomizedSearchCV(
        make_pipeline(StandardScaler(), SklearnClassifier(**network)),
        space,
        n_iter=n_iter,
        scoring="neg_log_loss",
        random_state=0,
    )
    started = time.perf_counter()
    other.fit(X_train, y_train)
    return time.perf_counter() - started, other


one, _ = random_search(1)
n_candidates = max(1, round(budget / one))
seconds, other = random_search(n_candidates)
print(f"RandomizedSearchCV: {n_candidates} candidates in {seconds:.1f} s")

# %%
# On the rows that were held out
# ------------------------------

best = search.best_index_
alone = [
    make_pipeline(StandardScaler(), MLPClassifier(**network)).set_params(**params)
    for params in search.cv_results_["params"]
]
losses = {
    "RandomizedSearchCV,\nbest candidate": -other.score(X_test, y_test),
    "OptunaSearchCV,\nbest candidate": -search.scorer_(
        alone[best].fit(X_train, y_train), X_test, y_test
    ),
    "OptunaSearchCV,\nensemble": -search.score(X_test, y_test),
}
for name, loss in losses.items():
    print(f"log loss {loss:.4f}: {' '.join(name.split())}")

fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
bars = ax.barh(list(losses), list(losses.values()), color=["0.7", "tab:blue", "tab:orange"])
ax.bar_label(bars, fmt="%.3f", padding=3)
ax.set(xlabel="log loss on held-out digits (lower is better)", xlim=(0, 1.2 * max(losses.values())))
ax.set_title(f"Searches of {np.round(budget):.0f} s", fontsize=10)
plt.show()
