"""How useful and how even ImageGAN's images of digits are.

    python benchmarks/studies/image_gan.py --data DIR [--device cuda] [--steps 5000]
        [--unconditional]

DIR holds `mnist.npz` with X_train, y_train, X_test, y_test. Conditional: ImageGAN learns the
60,000 training digits with their labels and makes 10,000; a small convolutional network trained on
these is tested on the real test digits (TSTR), beside one trained on 10,000 real digits.
Unconditional: a network trained on real digits counts the classes among 10,000 synthetic ones.
Without --data the 8 x 8 digits of scikit-learn take their place.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skdeep import ImageGAN
from skdeep.metrics import frechet_distance, precision_recall


def read(folder):
    if folder is None:
        digits = load_digits()
        images = digits.images.astype(np.float32)
        return train_test_split(images, digits.target, random_state=0, stratify=digits.target)
    data = np.load(Path(folder) / "mnist.npz")
    return data["X_train"], data["X_test"], data["y_train"], data["y_test"]


def train_judge(X, y, device, epochs=6):
    """A convolutional network of two layers, by the textbook loop."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        area = (X.shape[1] // 4) * (X.shape[2] // 4)
        net = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * area, 64), nn.ReLU(), nn.Linear(64, 10)),
        ).to(device)
    x, target = as_tensor(X, device), torch.as_tensor(y).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), target[rows]).backward()
            optimizer.step()
        schedule.step()
    return net


def as_tensor(X, device):
    top = 255.0 if X.dtype == np.uint8 else float(X.max())
    return torch.as_tensor(np.asarray(X, np.float32) / top)[:, None].to(device)


@torch.no_grad()
def answers(net, X, device, n_layers=None):
    layers = net if n_layers is None else net[:n_layers]
    return torch.cat([layers(part) for part in as_tensor(X, device).split(1000)]).cpu().numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder of mnist.npz")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--unconditional", action="store_true")
    parser.add_argument("--params", default="{}", help="of ImageGAN, as JSON")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, X_test, y, y_test = read(options.data)
    params = {"batch_size": 64} | json.loads(options.params)
    n_epochs = max(round(options.steps * params["batch_size"] / len(X)), 1)
    gan = ImageGAN(max_iter=n_epochs, random_state=options.seed, device=options.device, **params)
    wall, cpu = time.perf_counter(), time.process_time()
    gan.fit(X, None if options.unconditional else y)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"fit: {n_epochs} epochs, {cpu:.0f} s of CPU, {wall:.0f} s", flush=True)
    n = min(10_000, len(X))
    judge = train_judge(X[:n], y[:n], options.device)
    real = float(np.mean(answers(judge, X_test, options.device).argmax(1) == y_test))
    if options.unconditional:
        made = gan.sample(10_000)
        found = answers(judge, made, options.device).argmax(1)
        share = np.bincount(found, minlength=10) / len(made)
        wanted = np.bincount(y, minlength=10) / len(y)
        print("share of each class over its share in the data:", np.round(share / wanted, 3))
    else:
        balanced = np.arange(10_000) % 10
        made, labels = gan.sample(len(balanced), y=balanced)
        student = train_judge(made, labels, options.device)
        tstr = float(np.mean(answers(student, X_test, options.device).argmax(1) == y_test))
        agree = float(np.mean(answers(judge, made, options.device).argmax(1) == labels))
        print(f"trained on synthetic digits, right on real ones: {tstr:.4f}")
        print(
            f"trained on {n} real digits: {real:.4f}; share of synthetic digits that it gives "
            f"their label: {agree:.4f}"
        )
    features = [answers(judge, x[:2000], options.device, -1) for x in (X_test, made)]
    precision, recall = precision_recall(*features)
    print(
        f"Frechet distance over the judge's features {frechet_distance(*features):.2f}, precision "
        f"{precision:.3f}, recall {recall:.3f}"
    )


if __name__ == "__main__":
    main()
