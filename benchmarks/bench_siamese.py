"""Fit time of a siamese network against a plain PyTorch loop with the same network and batches.

    OMP_NUM_THREADS=1 python benchmarks/bench_siamese.py [--classes 100] [--repeat 5] [--device cpu]

Process time, interleaved, medians. Pictures are made; they are not changed in training, since a
plain loop has nothing for that. The plain loop computes in float32; skdeep as it does by default,
in bfloat16 where the processor or the GPU has units for it, and with amp=False.
"""

import argparse
import functools
import time

import numpy as np
import torch
from torch import nn

from skdeep import SiameseTransformer

N_EPOCHS, P, K = 2, 64, 4


def make_pictures(n_classes, n_rows=20, seed=0):
    """Blurred noise, the same for the rows of a class up to more noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(size=(n_classes, 1, 7, 7)).repeat(4, 2).repeat(4, 3)
    pictures = coarse + rng.normal(0, 0.3, (n_classes, n_rows, 28, 28))
    return pictures.reshape(-1, 28, 28).astype(np.float32), np.arange(n_classes).repeat(n_rows)


def plain_network():
    """A strided block, two that pool, one that does not, and a linear layer."""
    layers = []
    blocks = ((1, 32, 5, 2, 0), (32, 64, 3, 1, 2), (64, 128, 3, 1, 2), (128, 128, 3, 1, 0))
    for n_in, n_out, kernel, stride, pool in blocks:
        layers += [nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False)]
        layers += [nn.BatchNorm2d(n_out), nn.ReLU(), *([nn.MaxPool2d(pool)] if pool else [])]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1152, 128))


def supervised_contrastive(z, labels, temperature=0.1):
    """Khosla et al. (2020), as one writes it down."""
    z = nn.functional.normalize(z, dim=1)
    scores = (z @ z.t() / temperature).fill_diagonal_(-1e9)
    logp = scores - scores.logsumexp(1, keepdim=True)
    same = (labels[:, None] == labels).fill_diagonal_(False)
    return -((logp * same).sum(1) / same.sum(1).clamp(min=1)).mean()


def plain_fit(X, y, device):
    x, y = torch.from_numpy(X)[:, None].to(device), torch.from_numpy(y).to(device)
    net = plain_network().to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.05)
    n_classes = int(y.max()) + 1
    members = [torch.nonzero(y == c)[:, 0] for c in range(n_classes)]
    for _ in range(N_EPOCHS * len(y) // (P * K)):
        chosen = torch.randperm(n_classes)[:P].tolist()
        rows = torch.cat([members[c][torch.randperm(len(members[c]))[:K]] for c in chosen])
        loss = supervised_contrastive(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def skdeep_fit(X, y, device, amp="auto"):
    siamese = SiameseTransformer(
        image_shape=(28, 28),
        augment=None,
        batch_size=P * K,
        n_rows_per_class=K,
        max_iter=N_EPOCHS,
        random_state=0,
        amp=amp,
        device=device,
    )
    return siamese.fit(X, y).loss_


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    X, y = make_pictures(args.classes)
    ways = {
        "plain loop": plain_fit,
        "skdeep": skdeep_fit,
        "skdeep, amp=False": functools.partial(skdeep_fit, amp=False),
    }
    times = {name: [] for name in ways}
    for _ in range(args.repeat + 1):  # the first is to warm up
        for name, function in ways.items():
            started = time.process_time()
            function(X, y, args.device)
            times[name].append(time.process_time() - started)
    plain = np.array(times["plain loop"][1:])
    for name, seconds in times.items():
        median = np.median(seconds[1:])
        per_row = 1e3 * median / (N_EPOCHS * len(y))
        ratio = np.median(np.array(seconds[1:]) / plain)
        print(f"{name:18} {median:.2f} s, {per_row:.2f} ms a picture, / plain loop {ratio:.2f}")


if __name__ == "__main__":
    main()
