"""Autoencoders on handwritten digits: denoising, pretraining, time beside a plain loop.

    OMP_NUM_THREADS=1 python benchmarks/bench_autoencoder.py --data DIR [--part denoise]

DIR holds ``mnist.npz`` with ``X_train`` (60,000, 28, 28) and ``X_test`` of uint8.

denoise   one network for each share of pixels that are set to 0; the error of its reconstruction
          over the error of the noisy picture itself, on test pictures with fresh noise.
pretrain  the deep encoder 784-1000-500-250-30 of logistic units (Hinton and Salakhutdinov, 2006)
          on 10,000 pictures: trained from scratch, and after pretraining layer by layer, in the
          same number of epochs (from scratch also in as many as pretraining adds); errors on
          test pictures.
time      process time of a fit over that of a plain PyTorch loop with the same network and steps,
          for dense, convolutional and recurrent networks.
rbm       features of a restricted Boltzmann machine under logistic regression, on scikit-learn's
          digits moved by a pixel, as in scikit-learn's example; needs no DIR.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from _common import interleave, print_times
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import minmax_scale

from skdeep import RBM, Autoencoder

COMMON = {"learning_rate": "cosine", "tol": 0, "n_iter_no_change": np.inf, "random_state": 0}


def pictures(folder, name, n):
    """The first n pictures as rows of float32 from 0 to 1."""
    return (np.load(Path(folder) / "mnist.npz")[name][:n].reshape(n, -1) / 255).astype(np.float32)


def denoise(folder, n=20_000, epochs=10):
    """Print, for each rate of masking noise, what is left of its error."""
    X, X_test = pictures(folder, "X_train", n), pictures(folder, "X_test", 2_000)
    print(f"denoising: {n:,} pictures, {epochs} epochs, convolutions 32-64 and back")
    for rate in (0.1, 0.2, 0.3, 0.4):
        started = time.process_time()
        net = Autoencoder(
            (),
            encoder="conv",
            n_filters=(32, 64),
            image_shape=(28, 28),
            code_activation="relu",
            loss="cross_entropy",
            batch_size=100,
            learning_rate_init=0.005,
            noise="masking",
            noise_rate=rate,
            max_iter=epochs,
            **COMMON,
        ).fit(X)
        seconds = time.process_time() - started
        noisy = X_test * (np.random.RandomState(1).uniform(size=X_test.shape) >= rate)
        before = np.square(noisy - X_test).mean()
        after = np.square(net.reconstruct(noisy) - X_test).mean()
        print(
            f"  {rate:.0%} masked: {before:.4f} -> {after:.4f}, {1 - after / before:.1%} below, "
            f"{seconds:.0f} s",
            flush=True,
        )


def pretrain(folder, n=10_000, epochs=10, epochs_a_layer=5):
    """Print the error from scratch, in as many epochs and in as many as pretraining has in all, and
    after both kinds of pretraining."""
    X, X_test = pictures(folder, "X_train", n), pictures(folder, "X_test", 2_000)
    print(f"pretraining: {n:,} pictures, {epochs} epochs, 784-1000-500-250-30, logistic units")
    in_all = epochs + 4 * epochs_a_layer
    for kind, n_epochs in (
        (None, epochs),
        (None, in_all),
        ("autoencoder", epochs),
        ("rbm", epochs),
    ):
        started = time.process_time()
        net = Autoencoder(
            (1000, 500, 250, 30),
            "logistic",
            code_activation="logistic",
            loss="cross_entropy",
            pretraining=kind,
            pretraining_iter=epochs_a_layer,
            max_iter=n_epochs,
            **COMMON,
        ).fit(X)
        error = np.square(net.reconstruct(X_test) - X_test).mean()
        seconds = time.process_time() - started
        print(
            f"  pretraining={kind!r}, then {n_epochs} epochs: squared error {error:.5f}, "
            f"{seconds:.0f} s",
            flush=True,
        )


def dense_net():
    """The default network for the digits as rows."""
    nn = torch.nn
    return nn.Sequential(
        *(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32)),
        *(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64)),
    )


def conv_net():
    """The default network for the digits as pictures."""
    nn = torch.nn

    def normed(layer, n):
        return layer, nn.BatchNorm2d(n), nn.ReLU()

    return nn.Sequential(
        *normed(nn.Conv2d(1, 32, 3, 2, 1, bias=False), 32),
        *normed(nn.Conv2d(32, 64, 3, 2, 1, bias=False), 64),
        *(nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 32), nn.Linear(32, 128)),
        *(nn.ReLU(), nn.Linear(128, 256), *normed(nn.Unflatten(1, (64, 2, 2)), 64)),
        *normed(nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), 32),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
    )


class RecurrentNet(torch.nn.Module):
    """The default network for the digits as eight steps of eight numbers."""

    def __init__(self):
        super().__init__()
        self.reader = torch.nn.LSTM(8, 128, batch_first=True)
        self.writer = torch.nn.LSTM(32, 128, batch_first=True)
        self.to_code, self.from_code = torch.nn.Linear(128, 32), torch.nn.Linear(32, 128)
        self.last = torch.nn.Linear(128, 8)

    def forward(self, x):
        code = self.to_code(self.reader(x)[0][:, -1])
        start = torch.tanh(self.from_code(code))[None]
        h, _ = self.writer(code[:, None].expand(-1, 8, -1), (start, torch.zeros_like(start)))
        return self.last(h).flip(1)


def plain_loop(make, X, epochs):
    """The loop that a user would write."""
    torch.manual_seed(0)
    net = make()
    optimizer = torch.optim.Adam(net.parameters())
    X = torch.as_tensor(X)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(200):
            batch = X[rows]
            loss = (net(batch) - batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net


def compare_time(repeat=7, epochs=5):
    """Print the ratios of process times."""
    X = (load_digits().images / 16).astype(np.float32)
    rows = {"dense": X.reshape(-1, 64), "conv": X[:, None], "lstm": X}
    nets = {"dense": dense_net, "conv": conv_net, "lstm": RecurrentNet}
    for encoder, x in rows.items():

        def ours(encoder=encoder, x=x):
            options = {"data_format": "channels_first"} if encoder == "conv" else {}
            Autoencoder(encoder=encoder, max_iter=epochs, device="cpu", **options, **COMMON).fit(x)

        def theirs(encoder=encoder, x=x):
            plain_loop(nets[encoder], x, epochs)

        times = interleave({"skdeep": ours, "plain loop": theirs}, repeat)
        print_times(f"time: digits, encoder={encoder!r}, {epochs} epochs", times)


def rbm():
    """Print the accuracy of logistic regression on pixels and on features of a machine."""
    X, y = nudged()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    raw = LogisticRegression(C=100.0, max_iter=1000).fit(X_train, y_train)
    machine = RBM(100, learning_rate_init=0.06, batch_size=10, max_iter=10, random_state=0)
    pipe = make_pipeline(machine, LogisticRegression(C=6000, max_iter=1000)).fit(X_train, y_train)
    print(
        f"rbm: accuracy on pixels {raw.score(X_test, y_test):.3f}, on features "
        f"{pipe.score(X_test, y_test):.3f}"
    )


def nudged():
    """Digits, and the same a pixel up, down, left and right."""
    X, y = load_digits(return_X_y=True)
    pictures = X.reshape(-1, 8, 8)
    moved = [pictures]
    for axis, by in ((1, 1), (1, -1), (2, 1), (2, -1)):
        shifted = np.roll(pictures, by, axis)
        edge = [slice(None)] * 3
        edge[axis] = 0 if by == 1 else -1
        shifted[tuple(edge)] = 0
        moved.append(shifted)
    return minmax_scale(np.concatenate(moved).reshape(-1, 64)), np.tile(y, 5)


def main():
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder with mnist.npz")
    parser.add_argument("--part", choices=["denoise", "pretrain", "time", "rbm"], action="append")
    options = parser.parse_args()
    parts = options.part or ["denoise", "pretrain", "time", "rbm"]
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    for part in parts:
        if part in ("denoise", "pretrain"):
            if options.data is None:
                parser.error(f"--part {part} needs --data")
            {"denoise": denoise, "pretrain": pretrain}[part](options.data)
        else:
            {"time": compare_time, "rbm": rbm}[part]()


if __name__ == "__main__":
    main()
