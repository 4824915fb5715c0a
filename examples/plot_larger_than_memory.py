"""
==============================
Rows that do not fit in memory
==============================

`fit` and `predict` take the path of a Parquet file, whose rows are read in pieces by a thread of
its own. Rows are shuffled within a buffer. Where a file is sorted, as the one here by class, it
depends on the buffer and on the size of the file's row groups how well they are mixed: a buffer
should hold many row groups. A `dask.dataframe` of the same file is trained on by the workers of a
cluster, as the end of this page has it.
"""

import tempfile
from pathlib import Path

import dask.dataframe as dd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skdeep import MLPClassifier
from skdeep.scale import DiskRows, write_predictions

rng = np.random.default_rng(0)


def made(n):
    """Rows whose label depends on their distance from two centers."""
    rows = rng.normal(size=(n, 8)).astype(np.float32)
    near = np.square(rows - 0.7).sum(1) < np.square(rows + 0.7).sum(1) + 6 * np.sin(3 * rows[:, 0])
    frame = pd.DataFrame(rows, columns=[f"x{i}" for i in range(8)])
    return frame.assign(label=np.where(near, "near", "far"))


folder = tempfile.TemporaryDirectory()
path = Path(folder.name)
frame, new = made(40_000).sort_values("label"), made(10_000)
group_sizes = (200, 5_000)
for size in group_sizes:
    frame.to_parquet(path / f"{size}.parquet", row_group_size=size)
new.to_parquet(path / "new.parquet")

# %%
# The same network, from memory and from both files with buffers of several sizes: the mean of three
# seeds, after one epoch.


def accuracy(*rows):
    """Mean accuracy on new rows of networks that are trained on `rows`."""
    options = {"max_iter": 1, "batch_size": 200, "learning_rate": "one_cycle", "device": "cpu"}
    fits = [MLPClassifier((32,), random_state=i, **options).fit(*rows) for i in range(3)]
    return np.mean([clf.score(path / "new.parquet", "label") for clf in fits])


in_memory = accuracy(frame.drop(columns="label"), frame["label"])
print(f"in memory: accuracy {in_memory:.3f}")
buffers = (2_000, 8_000, 30_000)
accuracies = {}
for size in group_sizes:
    for buffer_rows in buffers:
        rows = DiskRows(path / f"{size}.parquet", buffer_rows=buffer_rows)
        accuracies[size, buffer_rows] = found = accuracy(rows, "label")
        print(f"row groups of {size:,} rows, a buffer of {buffer_rows:,}: accuracy {found:.3f}")

figure, ax = plt.subplots(layout="constrained")
for size in group_sizes:
    values = [accuracies[size, buffer_rows] for buffer_rows in buffers]
    ax.plot(buffers, values, "o-", label=f"row groups of {size:,} rows")
ax.axhline(in_memory, color="0.3", linestyle="--", label="in memory")
ax.set(xscale="log", xlabel="rows in the buffer", ylabel="accuracy on new rows")
ax.set_title(f"{len(frame):,} rows in a file that is sorted by class")
ax.legend()

# %%
# Predictions for a file go to another one. For a dask collection they are a collection, of which
# nothing is computed until it is asked for.

clf = MLPClassifier((32,), max_iter=5, learning_rate="one_cycle", random_state=0, device="cpu")
clf.fit(path / "200.parquet", "label")
write_predictions(clf, path / "new.parquet", path / "out.parquet", method="predict_proba")
print(pd.read_parquet(path / "out.parquet").head(3).round(3))
lazy = dd.read_parquet(path / "new.parquet")
lazy = lazy.assign(p=clf.predict_proba(lazy)["near"])
print(lazy.groupby("label")["p"].mean().compute().round(3))

# %%
# On a cluster, `fit` takes the collection as well: each worker trains on the partitions that it
# holds, and all train one network. A script that ``torchrun`` starts does the same with the path.
#
# .. code-block:: python
#
#    from distributed import Client
#
#    client = Client()  # of this machine, or the address of a scheduler
#    clf.fit(dd.read_parquet("rows.parquet"), "label")

folder.cleanup()
plt.show()
