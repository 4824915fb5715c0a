"""Training by the workers of a dask cluster: seconds with one worker and with two.

Each worker is one process on one core. Rows are made on the workers. Beside the wall time, which
other work on the machine lengthens, the script shows the processor time of each worker, and how
long it was in the exchange of gradients, which includes waiting for the other.

    python benchmarks/bench_cluster.py --rows 2000000
"""

import argparse
import os
import time
import warnings

import dask.array as da
import distributed

from skdeep import MLPClassifier
from skdeep.engine.group import Group

N_COLUMNS = 50


def watch_exchange():
    """Have this worker add up the seconds of its exchanges."""
    if hasattr(Group, "seconds"):
        return
    Group.seconds, exchange = 0.0, Group.sum

    def timed(self, values):
        started = time.perf_counter()
        try:
            return exchange(self, values)
        finally:
            Group.seconds += time.perf_counter() - started

    Group.sum = timed


def exchange_seconds():
    """Seconds since `watch_exchange`."""
    return Group.seconds


def on_core(number):
    """Bind this worker to a core."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def measured(n_workers, n_rows, batch_size):
    """Wall time of an epoch, and the largest processor and exchange times of a worker."""
    options = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        client.run(watch_exchange)
        for number, worker in enumerate(client.nthreads()):
            client.run(on_core, number, workers=[worker])
        shape, chunks = (n_rows, N_COLUMNS), (-(-n_rows // 16), N_COLUMNS)
        X = da.random.default_rng(0).standard_normal(shape, chunks=chunks, dtype="float32")
        y = (X[:, 0] + X[:, 1] > 0).astype("int64")
        X, y = client.persist([X, y])
        distributed.wait([X, y])
        clf = MLPClassifier((256,) * 3, max_iter=1, batch_size=batch_size, random_state=0)
        clf.set_params(device="cpu")
        before, started = client.run(time.process_time), time.perf_counter()
        clf.fit(X, y)
        wall, after = time.perf_counter() - started, client.run(time.process_time)
        busy = max(after[worker] - before[worker] for worker in before)
        return wall, busy, max(client.run(exchange_seconds).values())


class Cluster:
    """For asv."""

    params = [1, 2]
    param_names = ["n_workers"]
    timeout = 600

    def track_processor_seconds(self, n_workers):
        return measured(n_workers, 50_000, 4096)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--batch-size", type=int, default=4096)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| workers | wall, s | busiest worker, s of processor | in the exchange, s |")
    print("|---|---|---|---|")
    for n_workers in (1, 2):
        figures = measured(n_workers, args.rows, args.batch_size)
        print(f"| {n_workers} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()
