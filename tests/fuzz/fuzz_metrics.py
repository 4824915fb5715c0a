"""Cases of `skdeep.metrics` for the fuzzer: two tables or clouds that may be unlike."""

import zlib

import fuzz_rows
import numpy as np
from fuzz_judge import call, judge_answer

from skdeep import metrics

TABLES = ["column_shapes", "pair_trends", "closest_record_share", "copy_share"]
CLOUDS = ["frechet_distance", "precision_recall"]
ODD = [0, 1, 3, -1, 2.5, 100, "a", None, np.nan, [2], True]


class MetricCase:
    """What a metric said of two samples; as `fuzz_cases.Case`."""

    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
        self.steps, self.faults = [], []

    def run(self):
        """Do it; returns self."""
        of_tables = self.rng.random() < 0.7
        names = TABLES if of_tables else CLOUDS
        name = names[self.rng.integers(len(names))]
        kind = "frame" if of_tables and self.rng.random() < 0.7 else "numbers"
        samples = [self._sample(kind) for _ in range(3 if name == "closest_record_share" else 2)]
        kwargs = {}
        if name == "precision_recall" and self.rng.random() < 0.4:
            kwargs["n_neighbors"] = ODD[self.rng.integers(len(ODD))]
        if name == "closest_record_share" and self.rng.random() < 0.4:
            kwargs["max_rows"] = ODD[self.rng.integers(len(ODD))]
        answer, error, faults = call(getattr(metrics, name), *samples, **kwargs)
        end = type(answer).__name__ if error is None else f"{type(error).__name__}: {error}"
        self.steps.append(f"{name}(..., **{kwargs}) -> {' '.join(end.split())[:200]}")
        self.faults = faults or judge_answer(answer, name)
        return self

    def _sample(self, kind):
        X = fuzz_rows.KINDS[kind](self.rng, int(self.rng.integers(2, 12)))
        if self.rng.random() < 0.5:
            return X
        what, X = fuzz_rows.mutated(X, self.rng)
        self.steps.append(f"sample: {what}")
        return X

    def __str__(self):
        line = f"python tests/fuzz/replay.py {self.name} {self.seed}"
        told = [f"    {s}" for s in self.steps] + [f"  {f}" for f in self.faults]
        return "\n".join([line, *told])
