"""Time of `fit`: skdeep against a textbook PyTorch loop, scikit-learn and skorch, on one thread."""

if __package__:
    from . import _common as common
else:
    import _common as common

CANDIDATES = ("skdeep", "plain", "sklearn", "skorch")


class Fit:
    """Time of one fit with a fixed number of epochs, in seconds."""

    tasks = common.TASKS
    params = (tuple(tasks), CANDIDATES)
    param_names = ("task", "candidate")
    timeout = 600

    def setup(self, task, candidate):
        common.one_thread()
        found = common.fits(self.tasks[task])
        if candidate not in found:
            raise NotImplementedError(f"{candidate} does not do this task")  # asv leaves it out
        self.fit = found[candidate]

    def time_fit(self, task, candidate):
        self.fit()


class FitMore(Fit):
    """The same for a regressor, double precision, regularised networks and sparse rows."""

    tasks = common.MORE_TASKS
    params = (tuple(tasks), CANDIDATES)


def main():
    args = common.arguments(
        __doc__,
        repeat=7,
        all={"action": "store_true", "help": "also the rarer tasks"},
        device={"default": "cpu", "help": "'cuda' compares with the plain loop on the GPU"},
    )
    common.one_thread()
    tasks = common.TASKS | (common.MORE_TASKS if args.all else {})
    for name, task in tasks.items():
        if args.device != "cpu" and task.density is not None:
            continue  # the plain loop would wait for the host
        times = common.interleave(
            common.fits(task, args.device),
            args.repeat,
            number=20 if task.steps == 1 else 1,
            device=args.device,
        )
        clock = "process" if args.device == "cpu" else "wall"
        common.print_times(f"{name}: {task}", times, clock=clock, steps=task.steps)


if __name__ == "__main__":
    main()
