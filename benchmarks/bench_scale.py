"""Rows on disk: growth of memory, time of an epoch, accuracy of shuffling by blocks, simulation.

The script makes its Parquet files in a temporary folder and deletes them. Each fit whose memory is
measured runs in a process of its own, which is given a bounded time: its memory has reached the
peak long before.

    python benchmarks/bench_scale.py --gigabytes 8
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if __package__:
    from . import _common as common
    from .bench_memory import _reset_peak, _status
else:
    import _common as common
    from bench_memory import _reset_peak, _status

from skdeep import AutoencoderOutlierDetector, MLPClassifier, RealMLPClassifier
from skdeep.scale import DiskRows

N_COLUMNS = 50
NAMES = [f"x{i}" for i in range(N_COLUMNS)]
FAMILIES = ("MLP", "RealMLP", "outlier detector")


def write_rows(path, n_rows, group=100_000, seed=0, by_class=False, n_columns=N_COLUMNS):
    """Write numbers with labels of a noisy rule, group by group.

    Returns
    -------
    float
        Size of X in bytes.
    """
    rng = np.random.default_rng(seed)
    rule = rng.standard_normal(n_columns, dtype=np.float32) / np.sqrt(n_columns)
    names = [f"x{i}" for i in range(n_columns)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("y", pa.int8())])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, n_rows, group):
            n = min(group, n_rows - start)
            X = rng.standard_normal((n, n_columns), dtype=np.float32)
            noisy = X @ rule + 0.5 * rng.standard_normal(n, dtype=np.float32)
            if by_class:  # groups of one class, the rare one last
                label = int(start >= 0.75 * n_rows)
                X[:, 0] += 1.5 * label
                noisy = np.full(n, 2.0 * label - 1)
            y = (noisy > 0).astype(np.int8)
            writer.write_table(pa.table([*X.T.copy(), y], schema=schema), row_group_size=group)
    return 4.0 * n_rows * n_columns


def model_of(family, max_time):
    """A small model, which is given a bounded time."""
    options = {"random_state": 0, "device": "cpu", "max_time": max_time}
    if family == "MLP":
        return MLPClassifier((256, 256), batch_size=256, max_iter=1, **options)
    if family == "RealMLP":
        return RealMLPClassifier(n_estimators=1, max_iter=1, **options)
    return AutoencoderOutlierDetector(max_iter=1, **options)


def growth(family, path, max_time):
    """Growth of the peak memory, in MB, of a fit in this process."""
    common.one_thread()
    warnings.simplefilter("ignore")
    few = path.parent / "few.parquet"
    y = None if family == "outlier detector" else "y"
    model_of(family, 2.0).fit(DiskRows(few, columns=NAMES, buffer_rows=2000), y)  # loads code
    _reset_peak()
    before = _status("VmRSS")
    started = time.perf_counter()
    model_of(family, max_time).fit(DiskRows(path, columns=NAMES), y)
    took = time.perf_counter() - started
    return {"growth": (_status("VmHWM") - before) / 1e6, "seconds": took}


def measured_growth(family, path, max_time):
    """`growth` in a fresh process."""
    command = [sys.executable, str(pathlib.Path(__file__).resolve()), "--family", family]
    command += ["--path", str(path), "--max-time", str(max_time)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def epoch_times(folder, n_rows, repeat):
    """Seconds of an epoch of MLP (256, 256), from Parquet and from the same rows in memory."""
    path = folder / "epoch.parquet"
    write_rows(path, n_rows, group=20_000)
    frame = pq.read_table(path).to_pandas()
    X, y = frame[NAMES], frame["y"]
    options = {"random_state": 0, "device": "cpu", "batch_size": 256}

    def seconds(*data):
        """Of the second and third epoch."""
        model = MLPClassifier((256, 256), max_iter=3, **options)
        common.fit(model, *data)
        return min(epoch["dur"] for epoch in model.net_.history[1:])

    turns = [
        (seconds(DiskRows(path, buffer_rows=n_rows // 8), "y"), seconds(X, y))
        for _ in range(repeat)
    ]
    return [float(np.median(column)) for column in zip(*turns)]


def accuracies(folder, n_rows):
    """Accuracy on new rows after streaming rows sorted by class, and after a full shuffle."""
    path, test = folder / "sorted.parquet", folder / "test.parquet"
    write_rows(path, n_rows, group=5_000, by_class=True, n_columns=14)
    write_rows(test, 40_000, group=5_000, by_class=True, n_columns=14)
    frame, new = (pq.read_table(p).to_pandas() for p in (path, test))
    options = {"random_state": 0, "device": "cpu", "batch_size": 256, "max_iter": 5}
    options["learning_rate"] = "cosine"
    found = []
    for data in (
        (DiskRows(path, buffer_rows=n_rows // 10), "y"),
        (frame.drop(columns="y"), frame["y"]),
    ):
        model = MLPClassifier((64,), **options).fit(*data)
        found.append(model.score(new.drop(columns="y"), new["y"]))
    return found


def simulated(n_rows, rows_read, rows_trained, n_parameters, batch=4096):
    """Seconds of an epoch on several machines, from measured parts.

    Each reads its share in the background of training. After each step of `batch` rows in each, a
    ring exchanges the gradient: ``2 (p - 1) / p`` times its bytes at 10 Gbit/s, and 50 us for each
    of ``2 (p - 1)`` messages. These two are assumptions, not measurements.
    """
    print(f"\n{n_rows:,} rows, {n_parameters:,} parameters, simulated")
    print(f"  {'machines':>8}{'reading':>12}{'training':>12}{'exchange':>12}{'epoch':>12}")
    for p in (1, 8, 64):
        share = n_rows / p
        steps = np.ceil(share / batch)
        reading, training = share / rows_read, share / rows_trained
        ring = 2 * (p - 1)
        exchange = steps * (ring / p * 4 * n_parameters / 1.25e9 + ring * 50e-6)
        total = max(reading, training + exchange)
        row = [common.seconds(v) for v in (reading, training, exchange, total)]
        print(f"  {p:>8}" + "".join(f"{v:>12}" for v in row))


def reading_speed(path):
    """Rows a second of blocks that are read, checked and mixed, without training."""
    from skdeep.inputs.disk import open_rows

    opened = open_rows(DiskRows(path))
    started, n = time.perf_counter(), 0
    for _, piece in opened.pieces(NAMES):
        n += len(np.asarray(piece))
    return n / (time.perf_counter() - started)


class Epoch:
    """Time of an epoch of perceptrons from Parquet over that from memory."""

    unit = "ratio"

    def track_epoch_from_parquet(self):
        with tempfile.TemporaryDirectory() as folder:
            on_disk, in_memory = epoch_times(pathlib.Path(folder), 20_000, 1)
        return on_disk / in_memory


def main():
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--max-time", type=float, default=60.0, help="seconds of training")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200_000, help="of the epoch that is timed")
    parser.add_argument("--sorted-rows", type=int, default=500_000)
    parser.add_argument("--families", nargs="*", default=FAMILIES)
    parser.add_argument("--family")
    parser.add_argument("--path", type=pathlib.Path)
    given = parser.parse_args()
    if given.family:
        print(json.dumps(growth(given.family, given.path, given.max_time)))
        return
    common.one_thread()
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        needed, free = given.gigabytes * 1.1e9, shutil.disk_usage(folder).free
        if needed > free:
            raise SystemExit(f"{folder} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} needed.")
        from_disk, in_memory = epoch_times(folder, given.rows, given.repeat)
        print(f"epoch of {given.rows:,} rows, MLP (256, 256): from Parquet ", end="")
        print(f"{common.seconds(from_disk)}, in memory {common.seconds(in_memory)}, ", end="")
        print(f"ratio {from_disk / in_memory:.2f}", flush=True)
        blocks, full = accuracies(folder, given.sorted_rows)
        print(
            f"{given.sorted_rows:,} rows sorted by class: accuracy {blocks:.4f} by blocks, ", end=""
        )
        print(f"{full:.4f} by a full shuffle", flush=True)
        read = reading_speed(folder / "epoch.parquet")
        n_parameters = 51 * 256 + 257 * 256 + 257
        simulated(100_000_000, read, given.rows / in_memory, n_parameters)
        write_rows(folder / "few.parquet", 20_000, group=1000)
        size = write_rows(folder / "rows.parquet", int(given.gigabytes * 1e9 / 4 / N_COLUMNS))
        for family in given.families:
            found = measured_growth(family, folder / "rows.parquet", given.max_time)
            print(f"{family}: {size / 1e9:.1f} GB on disk, peak memory ", end="")
            print(f"+{found['growth']:.0f} MB in {found['seconds']:.0f} s", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
