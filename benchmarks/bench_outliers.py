"""CPU time of `fit` of `AutoencoderOutlierDetector` on small, long and wide tables, one thread.

With `--long` CPU time of `fit` and of `score_samples` on 1,000,000 x 20, and by how much the peak
memory grows from before X is made, as a multiple of the size of X.
"""

import functools
import multiprocessing
import resource
import statistics
import sys
import time

import numpy as np

import skdeep

if __package__:
    from . import _common as common
else:
    import _common as common

LONG = (1_000_000, 20)
SHAPES = ((200, 20), (20_000, 20), (2_000, 300), (2_000, 1_500))


def make_data(n_samples, n_columns):
    """Columns that follow a tenth as many hidden numbers, with noise."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(n_samples, n_columns // 10))
    mixed = hidden @ rng.normal(size=(n_columns // 10, n_columns)) / np.sqrt(n_columns // 10)
    return mixed + 0.5 * rng.normal(size=(n_samples, n_columns))


def fit(X, novelty):
    """Fit with the defaults."""
    detector = skdeep.AutoencoderOutlierDetector(novelty=novelty, random_state=0, device="cpu")
    return detector.fit(X)


def cpu_time(call):
    """Seconds of the processor that a call takes, all threads together."""
    start = time.process_time()
    call()
    return time.process_time() - start


def long_table(novelty, shape=LONG):
    """Seconds of a fit and of scores, and the growth of the peak memory of this process."""
    common.one_thread()
    fit(make_data(200, shape[1]), novelty)  # loads what is loaded lazily
    before = _peak()
    X = make_data(*shape)
    start = time.process_time()
    detector = fit(X, novelty)
    fitted = time.process_time()
    detector.score_samples(X)
    seconds = fitted - start, time.process_time() - fitted
    return *seconds, (_peak() - before) / X.nbytes


def _peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def in_a_process(function, *args):
    """What a function returns in a process of its own, since none forgets its peak."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


class LongTable:
    """CPU time of `fit` and of `score_samples`, in seconds, and peak memory in sizes of X."""

    params = (False, True)
    param_names = ("novelty",)
    timeout = 900

    def track_seconds(self, novelty):
        return sum(in_a_process(long_table, novelty)[:2])

    def track_memory(self, novelty):
        return in_a_process(long_table, novelty)[2]

    track_seconds.unit = "s"
    track_memory.unit = "sizes of X"


class Outliers:
    """CPU time, in seconds, of `fit` and of `score_samples`."""

    params = (SHAPES, (False, True))
    param_names = ("shape", "novelty")
    timeout = 300
    unit = "s"

    def setup(self, shape, novelty):
        common.one_thread()
        self.X = make_data(*shape)

    def track_fit(self, shape, novelty):
        return cpu_time(functools.partial(fit, self.X, novelty))

    def track_score(self, shape, novelty):
        return cpu_time(functools.partial(fit(self.X, novelty).score_samples, self.X))


def main():
    """Print a table."""
    flag = {"action": "store_true", "help": "1,000,000 rows instead, with the peak memory"}
    args = common.arguments(__doc__.split("\n")[0], repeat=3, long=flag)
    common.one_thread()
    if args.long:
        for novelty in (False, True):
            seconds_fit, seconds_score, growth = in_a_process(long_table, novelty)
            print(
                f"novelty={novelty!s:5} fit {common.seconds(seconds_fit)}, score "
                f"{common.seconds(seconds_score)}, peak memory {growth:.2f} of X",
                flush=True,
            )
        return
    fit(make_data(200, 20), False)  # loads what is loaded lazily
    for shape in SHAPES:
        X = make_data(*shape)
        for novelty in (False, True):
            times = [cpu_time(functools.partial(fit, X, novelty)) for _ in range(args.repeat)]
            median = common.seconds(statistics.median(times))
            print(f"{shape[0]:7,} x {shape[1]:5,}  novelty={novelty!s:5} {median:>10}")


if __name__ == "__main__":
    main()
