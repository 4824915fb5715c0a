"""Time of `CNNClassifier.fit` beside textbook PyTorch loops over the same networks, on one thread.

'lenet' has convolutions of 20 and 50 channels (5 x 5, tanh, max-pooling), 500 dense units, Adam and
batches of 500, as tutorials for MNIST have it; 'resnet' and 'inception' are the defaults for
images and series, without augmentation, their loops calling the same trunks. The loops compute
in float32, skdeep with its default `amp`, which is bfloat16 on processors that have units for it.
With ``--data DIR``, a folder with ``mnist.npz`` (X_train, y_train, X_test, y_test), the lenet is
also trained for ten epochs on all of it, and its test accuracy printed.
"""

import os
import time
import warnings

import numpy as np
import torch
from torch import nn

from skdeep import CNNClassifier
from skdeep.nets.conv import draw_weights
from skdeep.nets.trunks import TRUNKS

if __package__:
    from . import _common as common
else:
    import _common as common

LENET = {
    "architecture": "lenet",
    "n_filters": [20, 50],
    "kernel_size": 5,
    "activation": "tanh",
    "hidden_layer_sizes": [500],
    "solver": "adam",
    "alpha": 0,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "batch_size": 500,
    "augment": None,
}
"""The tutorials' network, as parameters."""

TASKS = {  # name -> shape of X, parameters, epochs
    "lenet": ((2_000, 28, 28, 1), LENET, 2),
    "resnet": ((1_280, 28, 28, 1), {"batch_size": 128, "augment": None}, 1),
    "inception": ((128, 128, 1), {"batch_size": 32}, 2),
}


def lenet():
    """The network as a tutorial writes it."""
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 50, 5), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.Tanh(), nn.Linear(500, 10)),
    )


def trunk(name, shape):
    """A trunk with a linear layer."""
    body = TRUNKS[name](shape)
    net = nn.Sequential(body, nn.Linear(body.width, 10))
    draw_weights(net, np.random.RandomState(0))
    return net


def plain_fit(net, X, y, batch, epochs, optimizer, **options):
    """The textbook loop."""
    x = torch.from_numpy(np.moveaxis(X, -1, 1)).contiguous()
    y = torch.from_numpy(y)
    optimizer, loss_of = optimizer(net.parameters(), **options), nn.CrossEntropyLoss()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            optimizer.zero_grad()
            loss_of(net(x[rows]), y[rows]).backward()
            optimizer.step()
    return net


def candidates(name):
    """The two fits of a task."""
    shape, parameters, epochs = TASKS[name]
    rng = np.random.default_rng(0)
    X, y = rng.random(shape, dtype=np.float32), rng.integers(0, 10, shape[0])
    y[:10] = np.arange(10)

    def plain():
        first = (shape[-1], *shape[1:-1])
        if name == "lenet":
            return plain_fit(lenet(), X, y, 500, epochs, torch.optim.Adam, lr=1e-3)
        net, batch = trunk(name, first), parameters["batch_size"]
        return plain_fit(net, X, y, batch, epochs, torch.optim.AdamW, lr=1e-3)

    def ours():
        with warnings.catch_warnings(action="ignore"):  # of few epochs
            return CNNClassifier(**parameters, max_iter=epochs, device="cpu").fit(X, y)

    return {"skdeep": ours, "plain": plain}


class FitImages:
    """Time of one fit, in seconds."""

    params = (tuple(TASKS), ("skdeep", "plain"))
    param_names = ("task", "candidate")
    timeout = 600

    def setup(self, task, candidate):
        common.one_thread()
        self.fit = candidates(task)[candidate]

    def time_fit(self, task, candidate):
        self.fit()


def whole_mnist(folder):
    """Ten epochs of the lenet on all images, both ways."""
    data = np.load(os.path.join(folder, "mnist.npz"))
    X, X_test = ((data[f"X_{part}"][..., None] / 255).astype("f4") for part in ("train", "test"))
    y, y_test = data["y_train"].astype("i8"), data["y_test"]
    began = time.process_time()
    with warnings.catch_warnings(action="ignore"):
        clf = CNNClassifier(**LENET, max_iter=10, random_state=0, device="cpu").fit(X, y)
    ours = time.process_time() - began
    began = time.process_time()
    net = plain_fit(lenet(), X, y, 500, 10, torch.optim.Adam, lr=1e-3)
    plain = time.process_time() - began
    with torch.inference_mode():
        images = torch.from_numpy(np.moveaxis(X_test, -1, 1))
        found = torch.cat([net(x).argmax(1) for x in images.split(1000)]).numpy()
    print(f"\nMNIST, skdeep: {ours:.0f} s, test accuracy {clf.score(X_test, y_test):.4f}")
    print(f"MNIST, plain:  {plain:.0f} s, test accuracy {np.mean(found == y_test):.4f}")
    print(f"ratio of times {ours / plain:.2f}")


def main():
    args = common.arguments(
        __doc__.split("\n\n")[0],
        repeat=5,
        data={"default": None, "help": "folder with mnist.npz"},
    )
    common.one_thread()
    for name, (shape, _, epochs) in TASKS.items():
        times = common.interleave(candidates(name), args.repeat)
        common.print_times(f"{name}: X {shape}, {epochs} epochs", times)
    if args.data is not None:
        whole_mnist(args.data)


if __name__ == "__main__":
    main()
