"""CPU time of `fit` of `AutoencoderOutlierDetector` on small, long and wide tables, one thread."""

import functools
import statistics
import time

import numpy as np

import skdeep

if __package__:
    from . import _common as common
else:
    import _common as common

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
    args = common.arguments(__doc__.split("\n")[0], repeat=3)
    common.one_thread()
    for shape in SHAPES:
        X = make_data(*shape)
        for novelty in (False, True):
            times = [cpu_time(functools.partial(fit, X, novelty)) for _ in range(args.repeat)]
            median = common.seconds(statistics.median(times))
            print(f"{shape[0]:7,} x {shape[1]:5,}  novelty={novelty!s:5} {median:>10}")


if __name__ == "__main__":
    main()
