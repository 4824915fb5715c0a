"""Time of `predict_proba` for one row and of `predict` for many: skdeep, scikit-learn, skorch."""

import functools

import numpy as np

if __package__:
    from . import _common as common
else:
    import _common as common

TASKS = {"small": common.TASKS["medium"], "large": common.TASKS["large"]}
MANY = 100_000
CALLS = 100  # of one row, in a turn


MODELS = {
    "skdeep": common.skdeep_estimator,
    "sklearn": common.sklearn_estimator,
    "skorch": common.skorch_estimator,
}


def fitted(candidate, task):
    """A classifier trained on few rows for one epoch, and these rows."""
    task = task._replace(n=1_000, epochs=1)
    X, y = common.make_data(task)
    return common.fit(MODELS[candidate](task), X, y), X


class Predict:
    """Time of one prediction, in seconds."""

    params = (tuple(TASKS), tuple(MODELS))
    param_names = ("network", "candidate")

    def setup(self, network, candidate):
        common.one_thread()
        self.model, X = fitted(candidate, TASKS[network])
        self.row, self.rows = X[:1], np.resize(X, (MANY, X.shape[1]))
        self.model.predict_proba(self.row)

    def time_one_row(self, network, candidate):
        self.model.predict_proba(self.row)

    def time_many_rows(self, network, candidate):
        self.model.predict(self.rows)

    def peakmem_many_rows(self, network, candidate):
        self.model.predict(self.rows)


def main():
    args = common.arguments(__doc__, repeat=15)
    common.one_thread()
    for task in TASKS.values():
        models = {candidate: fitted(candidate, task)[0] for candidate in MODELS}
        X, _ = common.make_data(task._replace(n=1_000))
        network = f"d={task.d} hidden={task.hidden}, {task.dtype}"
        for method, rows, number in (
            ("predict_proba", X[:1], CALLS),
            ("predict", np.resize(X, (MANY, task.d)), 1),
        ):
            calls = {k: functools.partial(getattr(m, method), rows) for k, m in models.items()}
            times = common.interleave(calls, args.repeat, number=number)
            common.print_times(f"{method}, n={len(rows):,} {network}", times)


if __name__ == "__main__":
    main()
