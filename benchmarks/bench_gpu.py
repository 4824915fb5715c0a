"""What a GPU makes of training: steps, fixed costs and whole fits beside plain loops on it.

A plain loop has torch's fused Adam; 'captured' is the same loop whose step is one CUDA graph, which
is what the device allows. A step and the fixed cost of a fit are from the times of a short and of
a longer fit. All of it takes less than three minutes on one card; ``--device cpu`` shows that the
script works where there is none.
"""

import functools
import time
import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

import skdeep
from skdeep.engine.device import device_names
from skdeep.nets.conv import draw_weights
from skdeep.nets.convnet import ConvNet

if __package__:
    from . import _common as common
    from .bench_images import LENET, lenet
else:
    import _common as common
    from bench_images import LENET, lenet

MLPS = {
    "20-100-5, 2,000 rows, batch 32": common.Task(2_000, 20, (100,), 32, 20),
    "20-100-5, 10,000 rows, batch 200": common.Task(10_000, 20, (100,), 200, 20),
    "3 x 256, 50,000 rows, batch 256": common.Task(50_000, 50, (256, 256, 256), 256, 4),
    "3 x 1,024, 200,000 rows, batch 4,096": common.Task(200_000, 100, (1024,) * 3, 4096, 6),
}
"""Shapes of perceptrons, and of their fits."""

MEMBERS = (1, 32, 128)
"""Networks whose step is one batched product after the other."""


def plain(task, X, y, device):
    """The loop of `_common` with torch's fused Adam."""
    return common.plain_fit(task, X, y, device, fused=True)


def captured_step(task, X, y, device, n_steps=500):
    """Seconds of a step of the plain loop that is replayed as a CUDA graph."""
    model = common.perceptron(task).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)
    loss_of, at = nn.CrossEntropyLoss(), torch.arange(task.batch, device=device)

    def step():
        optimizer.zero_grad()
        loss_of(model(X[at]), y[at]).backward()
        optimizer.step()
        at.add_(1)

    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    n_steps = min(n_steps, task.n - task.batch - 10)
    return timed(lambda: [graph.replay() for _ in range(n_steps)], device) / n_steps


def timed(call, device, repeat=1):
    """Median seconds of a call, after one that does not count."""
    times = common.interleave({"it": call}, repeat, device=device)["it"].wall
    return float(np.median(times))


def step_and_fixed(fit, task, device):
    """Seconds of a step, and those of a fit that steps do not explain."""
    short = task._replace(epochs=max(task.epochs // 4, 1))
    a, b = (timed(functools.partial(fit, t), device) for t in (short, task))
    step = (b - a) / (task.steps - short.steps)
    return step, b - step * task.steps


def perceptrons(device):
    """Steps, fixed costs and fits of all shapes."""
    print(f"\n{'':<38}{'step':>10}{'plain':>10}{'captured':>10}{'fixed':>10}{'fit / plain':>13}")
    for name, task in MLPS.items():
        X, y = common.make_data(task)
        X_there, y_there = (torch.as_tensor(a, device=device) for a in (X, y))

        def ours(t, X=X_there, y=y):
            return common.fit(common.skdeep_estimator(t, device), X, y)

        def theirs(t, X=X_there, y=y_there):
            return plain(t, X, y, device)

        step, fixed = step_and_fixed(ours, task, device)
        plain_step, _ = step_and_fixed(theirs, task, device)
        best = captured_step(task, X_there, y_there, device) if device != "cpu" else np.nan
        times = common.interleave(
            {"skdeep": lambda f=ours, t=task: f(t), "plain": lambda f=theirs, t=task: f(t)},
            2,
            device=device,
        )
        ratio = np.median(common.ratios(times, "skdeep", "plain", "wall"))
        cells = [common.seconds(s) if np.isfinite(s) else "-" for s in (step, plain_step, best)]
        fixed = common.seconds(max(fixed, 0.0))
        print(f"{name:<38}{''.join(f'{c:>10}' for c in cells)}{fixed:>10}{ratio:>13.2f}")


def resnet():
    """The network that `CNNClassifier` trains by default."""
    net = ConvNet((1, 28, 28), "resnet", {}, 10)
    draw_weights(net, np.random.RandomState(0))
    return net.train()


def images(device, n=20_000, epochs=3):
    """Fits of the tutorials' LeNet and of the default network beside plain loops over the same
    networks, with the same batches and without augmentation."""
    rng = np.random.default_rng(0)
    X, y = rng.random((n, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, n)
    x, target = (torch.as_tensor(a, device=device) for a in (np.moveaxis(X, -1, 1).copy(), y))
    default = {"batch_size": 128, "augment": None}
    for name, params, make in (("LeNet", LENET, lenet), ("ResNet", default, resnet)):
        size = params["batch_size"]

        def ours(params=params):
            with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
                return skdeep.CNNClassifier(**params, max_iter=epochs, device=device).fit(X, y)

        def theirs(size=size, make=make):
            net = make().to(device)
            optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
            for _ in range(epochs):
                order = torch.randperm(n, device=device)
                for start in range(0, n, size):
                    rows = order[start : start + size]
                    optimizer.zero_grad()
                    nn.functional.cross_entropy(net(x[rows]), target[rows]).backward()
                    optimizer.step()

        times = common.interleave({"skdeep": ours, "plain": theirs}, 2, device=device)
        common.print_times(f"{name}, {n:,} images, {epochs} epochs", times, clock="wall")


def members(device):
    """Step of networks that are members of one, by their number, and a search that packs."""
    for n in MEMBERS:
        x = torch.randn(n, 200, 20, device=device)
        parts = [
            torch.randn(n, a, b, device=device, requires_grad=True)
            for a, b in ((20, 100), (100, 5))
        ]

        def step(x=x, parts=parts):
            for _ in range(50):
                torch.bmm(torch.bmm(x, parts[0]).relu(), parts[1]).square().mean().backward()

        print(f"step of {n:>3} members, bmm, batch 200: {common.seconds(timed(step, device) / 50)}")
    X, y = common.make_data(common.Task(2_000, 20, (100,), 200, 1))
    for packed in (True, False):
        search = skdeep.tuning.OptunaSearchCV(
            skdeep.MLPClassifier(max_iter=20, device=device, random_state=0),
            n_trials=16, cv=2, sampler="random", packed=packed, random_state=0, refit=False,
        )  # fmt: skip
        began = time.perf_counter()
        common.fit(search, X, y)
        print(
            f"search, 16 candidates x 2 folds, packed={packed}: {time.perf_counter() - began:.1f} s"
        )


def tables(device, n=3_000):
    """Seconds of the defaults for mixed tables."""
    X, y = common.make_data(common.Task(n, 20, (100,), 200, 1))
    for cls in (skdeep.RealMLPClassifier, skdeep.TabMClassifier):
        seconds = timed(lambda c=cls: c(device=device, random_state=0).fit(X, y), device)
        print(f"{cls.__name__}, {n:,} rows: {seconds:.1f} s")


class FitOnGPU:
    """Time of one fit on the first GPU, in seconds."""

    params = (tuple(MLPS), ("skdeep", "plain"))
    param_names = ("task", "candidate")
    timeout = 600

    def setup(self, task, candidate):
        if not device_names():
            raise NotImplementedError("there is no GPU")  # asv leaves it out
        found = common.fits(MLPS[task], "cuda")
        self.fit = found[candidate]

    def time_fit(self, task, candidate):
        self.fit()
        torch.cuda.synchronize()


def main():
    args = common.arguments(
        __doc__.split("\n\n")[0],
        repeat=1,
        device={"default": "cuda", "help": "another device than the first GPU"},
        rows={"type": int, "default": None, "help": "fewer rows, to try the script"},
    )
    if args.rows is not None:
        few = {"n": args.rows, "batch": min(args.rows // 4, 200)}
        MLPS.update({name: task._replace(**few) for name, task in MLPS.items()})
    card = dict(device_names()).get(str(torch.device(args.device, 0)), args.device)
    print(f"{card}, torch {torch.__version__}")
    began = time.perf_counter()
    perceptrons(args.device)
    images(args.device, args.rows or 20_000)
    members(args.device)
    tables(args.device, args.rows or 3_000)
    print(f"all of it: {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
