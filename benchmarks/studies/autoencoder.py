"""Autoencoders on handwritten digits: denoising, pretraining, features for a classifier.

    OMP_NUM_THREADS=1 python benchmarks/studies/autoencoder.py --data DIR [--part denoise]

DIR holds ``mnist.npz`` with ``X_train`` (60,000, 28, 28) and ``X_test`` of uint8.

denoise   one network for each share of pixels that are set to 0; the error of its reconstruction
          over the error of the noisy image itself, on test images with fresh noise.
pretrain  the deep encoder 784-1000-500-250-30 of logistic units (Hinton and Salakhutdinov, 2006)
          on 10,000 images: trained from scratch, and after pretraining layer by layer, in the
          same number of epochs (from scratch also in as many as pretraining adds); errors on
          test images.
rbm       features of a restricted Boltzmann machine under logistic regression, on scikit-learn's
          digits moved by a pixel, as in scikit-learn's example; needs no DIR.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import minmax_scale

from skdeep import RBM, Autoencoder

COMMON = {"learning_rate": "cosine", "tol": 0, "n_iter_no_change": np.inf, "random_state": 0}


def images(folder, name, n):
    """The first n images as rows of float32 from 0 to 1."""
    return (np.load(Path(folder) / "mnist.npz")[name][:n].reshape(n, -1) / 255).astype(np.float32)


def denoise(folder, n=20_000, epochs=10):
    """Print, for each rate of masking noise, what is left of its error."""
    X, X_test = images(folder, "X_train", n), images(folder, "X_test", 2_000)
    print(f"denoising: {n:,} images, {epochs} epochs, convolutions 32-64 and back")
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
    X, X_test = images(folder, "X_train", n), images(folder, "X_test", 2_000)
    print(f"pretraining: {n:,} images, {epochs} epochs, 784-1000-500-250-30, logistic units")
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
    images = X.reshape(-1, 8, 8)
    moved = [images]
    for axis, by in ((1, 1), (1, -1), (2, 1), (2, -1)):
        shifted = np.roll(images, by, axis)
        edge = [slice(None)] * 3
        edge[axis] = 0 if by == 1 else -1
        shifted[tuple(edge)] = 0
        moved.append(shifted)
    return minmax_scale(np.concatenate(moved).reshape(-1, 64)), np.tile(y, 5)


def main():
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder with mnist.npz")
    parser.add_argument("--part", choices=["denoise", "pretrain", "rbm"], action="append")
    options = parser.parse_args()
    parts = options.part or ["denoise", "pretrain", "rbm"]
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    for part in parts:
        if part == "rbm":
            rbm()
        elif options.data is None:
            parser.error(f"--part {part} needs --data")
        else:
            {"denoise": denoise, "pretrain": pretrain}[part](options.data)


if __name__ == "__main__":
    main()
