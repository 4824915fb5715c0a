"""What a reader goes through: files entered before the first training step, classes, names.

    OMP_NUM_THREADS=1 python benchmarks/bench_road.py

files     Files of `skdeep` of which a function is entered between the call of `fit` and the first
          training step, by a profile hook, in a second fit (what is imported or made once in a
          process is there already); and how many of these before the first pass over the rows.
classes   Classes of `skdeep` that an estimator is made of, itself among them.
names     Names that more than one of these classes defines; without those between double
          underscores and the methods that scikit-learn generates for the routing of metadata.
"""

import inspect
import os
import pathlib
import sys
import warnings
from collections import Counter

import numpy as np

import skdeep
from skdeep.engine import steps
from skdeep.engine.training import Training

if __package__:
    from . import _common as common
else:
    import _common as common

PACKAGE = str(pathlib.Path(skdeep.__file__).parent) + os.sep
FAMILIES = {
    "MLPClassifier": {"hidden_layer_sizes": (4,)},
    "RealMLPClassifier": {"hidden_layer_sizes": (4,)},
    "Autoencoder": {"hidden_layer_sizes": (4,)},
    "TabularGAN": {},
}
"""Estimators whose way to the first step is followed, with parameters of a small network."""


def first_steps():
    """The code of all kinds of training steps."""
    kinds = [kind for kind in vars(steps).values() if hasattr(kind, "loss_names")]
    return {inspect.unwrap(kind.__call__).__code__ for kind in kinds}


def files_entered(name):
    """Files that a fit enters before its first pass, and before its first step.

    Parameters
    ----------
    name : str
        Of an estimator in `FAMILIES`.

    Returns
    -------
    before_pass, before_step : list of str
    """
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(60, 4)), np.arange(60) % 2
    estimator = getattr(skdeep, name)(**FAMILIES[name], max_iter=1, random_state=0, device="cpu")
    files, reached = {}, {}
    marks = dict.fromkeys(first_steps(), "step") | {
        inspect.unwrap(Training._one_pass).__code__: "pass"
    }

    def follow(frame, event, argument):
        if event != "call":
            return
        mark = marks.get(frame.f_code)
        if mark is not None:
            reached.setdefault(mark, len(files))
        if frame.f_code.co_filename.startswith(PACKAGE):
            files.setdefault(frame.f_code.co_filename.removeprefix(PACKAGE))

    with warnings.catch_warnings(action="ignore"):  # of a single epoch
        estimator.fit(X, y)
        before = sys.getprofile()
        sys.setprofile(follow)
        try:
            estimator.fit(X, y)
        finally:
            sys.setprofile(before)
    return list(files)[: reached["pass"]], list(files)[: reached["step"]]


def public_estimators():
    """Name and class of every estimator that `skdeep` exports."""
    exported = {name: getattr(skdeep, name) for name in skdeep.__all__}
    return {
        name: each
        for name, each in sorted(exported.items())
        if inspect.isclass(each) and hasattr(each, "get_params")
    }


def own_classes(estimator):
    """The classes of `skdeep` in the MRO of an estimator, itself first."""
    return [each for each in estimator.__mro__ if each.__module__.partition(".")[0] == "skdeep"]


def redefined_names(estimator):
    """What more than one of the estimator's own classes defines."""
    found = Counter(name for each in own_classes(estimator) for name in vars(each))
    return sorted(name for name, count in found.items() if count > 1 and _is_ours(name))


def _is_ours(name):
    routed = name.startswith("set_") and name.endswith("_request")
    return not (routed or (name.startswith("__") and name.endswith("__")) or name == "_abc_impl")


class Road:
    """Files entered on the way from `fit` to training."""

    params = (tuple(FAMILIES),)
    param_names = ("estimator",)
    unit = "files"

    def setup(self, name):
        common.one_thread()

    def track_before_first_pass(self, name):
        return len(files_entered(name)[0])

    def track_before_first_step(self, name):
        return len(files_entered(name)[1])


class Layers:
    """Classes that an estimator is made of, and names that they define more than once."""

    params = (tuple(public_estimators()),)
    param_names = ("estimator",)

    def track_own_classes(self, name):
        return len(own_classes(public_estimators()[name]))

    track_own_classes.unit = "classes"

    def track_redefined_names(self, name):
        return len(redefined_names(public_estimators()[name]))

    track_redefined_names.unit = "names"


def main():
    args = common.arguments(
        __doc__.split("\n")[0],
        repeat=1,
        list={"action": "store_true", "help": "also the files and the names themselves"},
    )
    common.one_thread()
    print(f"{'files entered before the first':32}{'pass':>6}{'step':>6}")
    for name in FAMILIES:
        before_pass, before_step = files_entered(name)
        print(f"  {name:30}{len(before_pass):6}{len(before_step):6}", flush=True)
        if args.list:
            print("    " + "\n    ".join(before_step))
    print(f"\n{'made of':32}{'classes':>8}{'names':>8}")
    rows = {}
    for name, estimator in public_estimators().items():
        names = redefined_names(estimator)
        rows[name] = len(own_classes(estimator)), len(names)
        print(f"  {name:30}{rows[name][0]:8}{rows[name][1]:8}")
        if args.list:
            print("    " + "\n    ".join(names))
    print(f"  {'largest':30}" + "".join(f"{max(column):8}" for column in zip(*rows.values())))


if __name__ == "__main__":
    main()
