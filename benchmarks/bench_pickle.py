"""Size of a pickled classifier and the time to write and read it: skdeep and scikit-learn."""

import functools
import pickle

if __package__:
    from . import _common as common
else:
    import _common as common

TASKS = {"small": common.TASKS["medium"], "large": common.TASKS["large"]}
CALLS = 20  # in a turn


MODELS = {"skdeep": common.skdeep_estimator, "sklearn": common.sklearn_estimator}


def fitted(candidate, task):
    """A classifier trained on few rows for one epoch."""
    task = task._replace(n=1_000, epochs=1)
    return common.fit(MODELS[candidate](task), *common.make_data(task))


class Pickle:
    """Time to pickle a fitted classifier and back, in seconds, and its size."""

    params = (tuple(TASKS), tuple(MODELS))
    param_names = ("network", "candidate")

    def setup(self, network, candidate):
        common.one_thread()
        self.model = fitted(candidate, TASKS[network])
        self.pickled = pickle.dumps(self.model)

    def time_dumps(self, network, candidate):
        pickle.dumps(self.model)

    def time_loads(self, network, candidate):
        pickle.loads(self.pickled)

    def track_size(self, network, candidate):
        return len(self.pickled)

    track_size.unit = "bytes"


def main():
    args = common.arguments(__doc__, repeat=15)
    common.one_thread()
    for task in TASKS.values():
        models = {candidate: fitted(candidate, task) for candidate in MODELS}
        pickled = {name: pickle.dumps(model) for name, model in models.items()}
        network = f"d={task.d} hidden={task.hidden}, {task.dtype}"
        sizes = {name: len(dump) for name, dump in pickled.items()}
        ratio = sizes["skdeep"] / sizes["sklearn"]
        words = ", ".join(f"{name} {size / 1024:,.1f} KiB" for name, size in sizes.items())
        print(f"\nsize, {network}: {words}; skdeep / sklearn {ratio:.2f}")
        for verb, calls in (
            ("dumps", {k: functools.partial(pickle.dumps, m) for k, m in models.items()}),
            ("loads", {k: functools.partial(pickle.loads, p) for k, p in pickled.items()}),
        ):
            times = common.interleave(calls, args.repeat, number=CALLS)
            common.print_times(f"{verb}, {network}", times)


if __name__ == "__main__":
    main()
