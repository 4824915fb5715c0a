"""What the benchmarks share: data, reference implementations, the interleaved timer, tables.

Two timings that were not taken side by side can differ by more than the candidates do: clocks
change, and other processes come and go. `interleave` therefore runs the candidates in turns,
A B C A B C ..., and ratios are medians over the turns.
"""

import argparse
import gc
import statistics
import time
import warnings
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from skorch import NeuralNetClassifier, NeuralNetRegressor
from threadpoolctl import threadpool_limits
from torch import nn

import skdeep

N_CLASSES = 5
NEVER = 10**9  # epochs without improvement that training waits for: it never stops early

# --- tasks ---------------------------------------------------------------------------------


class Task(NamedTuple):
    """One problem and one network for all candidates."""

    n: int
    d: int
    hidden: tuple
    batch: int
    epochs: int
    kind: str = "classifier"
    dtype: str = "float32"
    dropout: float = 0.0
    batch_norm: bool = False
    density: float | None = None  # share of X that is not zero in CSR; None is a dense X

    def __str__(self):
        words = [f"{self.kind}, n={self.n:,} d={self.d} hidden={self.hidden} batch={self.batch}"]
        words.append(f"{self.epochs} epochs of {self.steps // self.epochs} steps")
        words.append(self.dtype)
        if self.dropout:
            words.append(f"dropout={self.dropout}")
        if self.batch_norm:
            words.append("batch normalisation")
        if self.density is not None:
            words.append(f"CSR with density {self.density}")
        return ", ".join(words)

    @property
    def steps(self):
        """Number of batches in the whole fit."""
        return self.epochs * -(-self.n // self.batch)


TASKS = {
    "small": Task(2_000, 10, (100,), 32, 10),
    "medium": Task(10_000, 20, (100,), 200, 10),
    "large": Task(50_000, 50, (256, 256, 256), 256, 1),
}
MORE_TASKS = {
    "one batch": Task(150, 4, (100,), 150, 1),
    "regression": TASKS["medium"]._replace(kind="regressor"),
    "float64": TASKS["medium"]._replace(dtype="float64"),
    "dropout, norm": TASKS["medium"]._replace(dropout=0.2, batch_norm=True),
    "sparse": Task(10_000, 1_000, (100,), 200, 5, density=0.01),
}


def make_data(task, seed=0):
    """X and y of a task; the labels follow a noisy linear rule.

    Returns
    -------
    X : ndarray or CSR matrix of shape (n, d)
    y : ndarray of shape (n,), of int64 or of the type of X
    """
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((task.d, N_CLASSES), dtype=np.float32)
    if task.density is None:
        X = rng.standard_normal((task.n, task.d), dtype=np.float32).astype(task.dtype, copy=False)
    else:
        X = sp.random(task.n, task.d, density=task.density, format="csr", dtype=task.dtype, rng=rng)
    scores = X @ weights.astype(task.dtype, copy=False)
    scores += rng.standard_normal(scores.shape, dtype=task.dtype)
    if task.kind == "classifier":
        return X, scores.argmax(1)
    return X, np.ascontiguousarray(scores[:, 0] / np.sqrt(task.d))


def one_thread():
    """Let torch and the BLAS compute on one thread each, as the figures are meant."""
    torch.set_num_threads(1)
    threadpool_limits(1)


# --- reference implementations -------------------------------------------------------------


def perceptron(task):
    """The network of a task as a tutorial writes it."""
    layers, width = [], task.d
    for n_units in task.hidden:
        layers.append(nn.Linear(width, n_units))
        if task.batch_norm:
            layers.append(nn.BatchNorm1d(n_units))
        layers.append(nn.ReLU())
        if task.dropout:
            layers.append(nn.Dropout(task.dropout))
        width = n_units
    layers.append(nn.Linear(width, N_CLASSES if task.kind == "classifier" else 1))
    return nn.Sequential(*layers)


class Perceptron(nn.Module):
    """The same as a class, which is how skorch takes it."""

    def __init__(self, task):
        super().__init__()
        self.layers = perceptron(task)

    def forward(self, x):
        return self.layers(x)


def plain_fit(task, X, y, device="cpu", **options):
    """The textbook loop: `nn.Sequential`, `torch.optim.Adam`, batches by index, data on the device.

    A sparse X becomes dense batch by batch; `options` are Adam's.
    """
    sparse = sp.issparse(X)
    if not sparse:
        X = torch.as_tensor(X, device=device)
    y = torch.as_tensor(y, device=device)
    loss_of = nn.CrossEntropyLoss()
    if task.kind == "regressor":
        y, loss_of = y[:, None], nn.MSELoss()
    model = perceptron(task).to(device, getattr(torch, task.dtype))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **options)
    model.train()
    for _ in range(task.epochs):
        order = torch.randperm(len(y), device=device)
        for start in range(0, len(y), task.batch):
            idx = order[start : start + task.batch]
            x = torch.as_tensor(X[idx.numpy()].toarray()) if sparse else X[idx]
            optimizer.zero_grad()
            loss = loss_of(model(x), y[idx])
            loss.backward()
            optimizer.step()
    return model


def skdeep_estimator(task, device="cpu"):
    """skdeep's estimator for a task, with nothing that ends training early."""
    name = "MLPClassifier" if task.kind == "classifier" else "MLPRegressor"
    return getattr(skdeep, name)(
        hidden_layer_sizes=task.hidden,
        batch_size=task.batch,
        max_iter=task.epochs,
        n_iter_no_change=NEVER,
        dropout=task.dropout,
        normalization="batch" if task.batch_norm else None,
        device=device,
        random_state=0,
    )


def sklearn_estimator(task):
    """scikit-learn's estimator for a task, with nothing that ends training early."""
    cls = SklearnClassifier if task.kind == "classifier" else SklearnRegressor
    return cls(
        hidden_layer_sizes=task.hidden,
        batch_size=task.batch,
        max_iter=task.epochs,
        n_iter_no_change=NEVER,
        random_state=0,
    )


def skorch_estimator(task):
    """skorch's net as its documentation has it: its data loader, its default callbacks.

    The default iterator does not shuffle, so it does a little less than the others.
    """
    cls, loss = NeuralNetClassifier, nn.CrossEntropyLoss
    if task.kind == "regressor":
        cls, loss = NeuralNetRegressor, nn.MSELoss
    return cls(
        Perceptron,
        module__task=task,
        criterion=loss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=task.epochs,
        batch_size=task.batch,
        train_split=None,
        verbose=0,
    )


def fit(estimator, X, y):
    """Fit without the remark that training ended at `max_iter`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


def fits(task, device="cpu"):
    """A function for each candidate that can do the task; it fits and returns the model.

    Returns
    -------
    dict of str to callable
        On a GPU there are the plain loop and skdeep, given tensors there and arrays here.
    """
    X, y = make_data(task)
    found = {"skdeep": lambda: fit(skdeep_estimator(task, device), X, y)}
    if device != "cpu":
        X_there = torch.as_tensor(X, device=device)
        y_there = torch.as_tensor(y, device=device)
        return {
            "skdeep": lambda: fit(skdeep_estimator(task, device), X_there, y),
            "skdeep, from arrays": found["skdeep"],
            "plain": lambda: plain_fit(task, X_there, y_there, device),
        }
    found["plain"] = lambda: plain_fit(task, X, y)
    if not (task.dropout or task.batch_norm):
        found["sklearn"] = lambda: fit(sklearn_estimator(task), X, y)
    if task.density is None:
        y_skorch = y if task.kind == "classifier" else y[:, None]
        if task.dtype == "float32":  # skorch leaves the network's precision to the module
            found["skorch"] = lambda: fit(skorch_estimator(task), X, y_skorch)
    return found


# --- timing --------------------------------------------------------------------------------


class Times(NamedTuple):
    """Seconds per call of one candidate, one entry for each turn."""

    process: list
    wall: list


def interleave(candidates, repeat, *, number=1, device="cpu"):
    """Time callables in turns, after one turn that does not count.

    Parameters
    ----------
    candidates : dict of str to callable
    repeat : int
        Number of turns.
    number : int, default=1
        Calls per turn and candidate; their mean is the time of the turn.
    device : str, default='cpu'
        Clocks are read when this device has finished its work.

    Returns
    -------
    dict of str to Times
    """
    times = {name: Times([], []) for name in candidates}
    for turn in range(repeat + 1):
        for name, call in candidates.items():
            gc.collect()
            _wait(device)
            wall, process = time.perf_counter(), time.process_time()
            for _ in range(number):
                call()
            _wait(device)
            process, wall = time.process_time() - process, time.perf_counter() - wall
            if turn:
                times[name].process.append(process / number)
                times[name].wall.append(wall / number)
    return times


def _wait(device):
    if str(device).startswith("cuda"):
        torch.cuda.synchronize(device)


def ratios(times, ours, other, clock):
    """Time of `ours` over `other` in each turn, in ascending order."""
    mine, theirs = getattr(times[ours], clock), getattr(times[other], clock)
    return sorted(a / b for a, b in zip(mine, theirs))


def quartiles(values):
    """Lower quartile, median and upper quartile."""
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def seconds(value):
    """A duration with three digits and a unit."""
    units = (("s", 1), ("ms", 1e3), ("us", 1e6))
    unit, factor = next((u for u in units if value * u[1] >= 0.9995), units[-1])
    number = f"{value:.0f}" if value >= 999.5 else f"{value * factor:#.3g}".rstrip(".")
    return f"{number} {unit}"


def print_times(title, times, *, clock="process", ours="skdeep", steps=None):
    """Print the medians of each candidate and how `ours` compares.

    Parameters
    ----------
    title : str
    times : dict of str to Times
    clock : {'process', 'wall'}, default='process'
        Decides the ratios and the time per step.
    ours : str, default='skdeep'
    steps : int, default=None
        Training steps per call; adds a column.
    """
    width = max(len(name) for name in times) + 2
    step = "" if steps is None else f"{'per step':>10}"
    print(f"\n{title}")
    print(f"  {'':<{width}}{'process':>10}{'wall':>10}{step}   {ours} / it [quartiles], {clock}")
    for name, its in times.items():
        line = f"  {name:<{width}}{seconds(statistics.median(its.process)):>10}"
        line += f"{seconds(statistics.median(its.wall)):>10}"
        if steps is not None:
            line += f"{seconds(statistics.median(getattr(its, clock)) / steps):>10}"
        if name != ours:
            low, middle, high = quartiles(ratios(times, ours, name, clock))
            line += f"   {middle:.2f} [{low:.2f}, {high:.2f}]"
        print(line, flush=True)


def arguments(description, repeat, **flags):
    """Parse ``--repeat`` and what a script adds: names to options of `add_argument`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeat", type=int, default=repeat, help="turns (default %(default)s)")
    for name, options in flags.items():
        parser.add_argument(f"--{name}", **options)
    return parser.parse_args()
