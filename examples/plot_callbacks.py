"""
========================================
Watching training, and stopping it early
========================================

Networks of skdeep tell scikit-learn's own callbacks about each epoch. A callback works where its
estimator does: alone, in a `Pipeline` and in a search. `ProgressBar` shows how far training is,
`ScoringMonitor` keeps scores of every epoch.

The last part stops training by rows of one's own choice. They pass through the pipeline's scaler
on the way to the network.
"""

# %%
# Data
# ----

import matplotlib.pyplot as plt
import sklearn
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier
from skdeep.plotting import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(
    X_train, y_train, test_size=200, stratify=y_train, random_state=0
)
parameters = {"hidden_layer_sizes": (64,), "learning_rate_init": 0.01, "random_state": 0}

# %%
# An estimator alone
# ------------------
# The monitor scores the training rows with the weights of each epoch. Scores cost a prediction
# each: without a monitor there are none.

monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
clf = MLPClassifier(tol=1e-2, **parameters).set_callbacks(ProgressBar(), monitor)
clf.fit(X_train / 16, y_train)

log = monitor.get_logs().data_as_pandas
epochs = log[log["task_name"] == "epoch"]
print("alone, the last epochs:")
print(epochs[["task_id", "accuracy", "neg_log_loss"]].tail(3).to_string(index=False))

# %%
# In a pipeline
# -------------
# A callback of the pipeline goes to all its steps, one of the network stays there.

monitor = ScoringMonitor(scoring="accuracy")
clf = MLPClassifier(tol=1e-2, **parameters).set_callbacks(monitor)
pipeline = make_pipeline(StandardScaler(), clf).set_callbacks(ProgressBar())
pipeline.fit(X_train, y_train)
log = monitor.get_logs().data_as_pandas
n_epochs = (log["task_name"] == "epoch").sum()
print(f"in a pipeline: {n_epochs} epochs, accuracy {log['accuracy'].max():.3f}")

# %%
# In a search
# -----------
# Every fit of the search reports to the one monitor. `parent_task_id_path` tells the fits apart:
# (0, 0, ...) are those of the candidates on the folds, the others fit the best candidate anew.

monitor = ScoringMonitor(scoring="accuracy")
clf = MLPClassifier(tol=1e-2, **parameters).set_callbacks(monitor)
search = GridSearchCV(
    make_pipeline(StandardScaler(), clf),
    {"mlpclassifier__learning_rate_init": [0.001, 0.01, 0.1]},
    cv=2,
).set_callbacks(ProgressBar())
search.fit(X_train, y_train)

log = monitor.get_logs().data_as_pandas
epochs = log[log["task_name"] == "epoch"]
fits = epochs.groupby("parent_task_id_path")
print(f"in a search: {fits.ngroups} fits, {len(epochs)} epochs, best {search.best_params_}")

fig, ax = plt.subplots(layout="constrained")
rates = search.cv_results_["param_mlpclassifier__learning_rate_init"]
for path, fit in fits:
    if path[:2] == (0, 0):
        candidate, fold = divmod(path[2], search.n_splits_)
        ax.plot(
            fit["task_id"] + 1,
            fit["accuracy"],
            color=f"C{candidate}",
            linestyle="-" if fold == 0 else "--",
            label=f"learning_rate_init={rates[candidate]}, fold {fold}",
        )
ax.set_xlabel("Epoch")
ax.set_ylabel("Accuracy on the training rows")
ax.set_title("All fits of a search")
ax.grid(alpha=0.25)
ax.legend()

# %%
# Early stopping on rows of one's own
# -----------------------------------
# `X_val` and `y_val` are arguments of `fit`. With scikit-learn's metadata routing the network asks
# for them, and `transform_input` has the pipeline scale `X_val` like the training rows.

with sklearn.config_context(enable_metadata_routing=True):
    clf = MLPClassifier(early_stopping=True, max_iter=300, **parameters)
    clf.set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", clf)], transform_input=["X_val"])
    pipeline.fit(X_train, y_train, X_val=X_val, y_val=y_val)

display = TrainingCurveDisplay.from_estimator(pipeline, score_name="accuracy")
display.ax_.set_title("Early stopping on given rows")
print(
    f"early stopping: best epoch {display.best_epoch} of {pipeline[-1].n_iter_}, accuracy "
    f"{pipeline[-1].best_validation_score_:.3f} on the validation rows, "
    f"{pipeline.score(X_test, y_test):.3f} on the test rows"
)

plt.show()
