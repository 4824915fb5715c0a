"""Fit time of a siamese network against a plain PyTorch loop with the same network and batches.

    OMP_NUM_THREADS=1 python benchmarks/bench_siamese.py [--classes 100] [--repeat 5] [--device cpu]

Process time, interleaved, medians. Images are generated; they are not changed in training, since a
plain loop has nothing for that. The plain loop computes in float32; skdeep as it does by default,
in bfloat16 where the processor or the GPU has units for it, and with amp=False.
"""

import numpy as np
import torch
from torch import nn

from skdeep import SiameseTransformer

if __package__:
    from . import _common as common
else:
    import _common as common

N_EPOCHS, P, K = 2, 64, 4


def make_images(n_classes, n_rows=20, seed=0):
    """Blurred noise, the same for the rows of a class up to more noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(size=(n_classes, 1, 7, 7)).repeat(4, 2).repeat(4, 3)
    images = coarse + rng.normal(0, 0.3, (n_classes, n_rows, 28, 28))
    return images.reshape(-1, 28, 28).astype(np.float32), np.arange(n_classes).repeat(n_rows)


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


def candidates(n_classes, device="cpu"):
    """A function for each way to fit, and the number of images that it sees."""
    X, y = make_images(n_classes)
    ways = {
        "skdeep": lambda: skdeep_fit(X, y, device),
        "skdeep, amp=False": lambda: skdeep_fit(X, y, device, amp=False),
        "plain": lambda: plain_fit(X, y, device),
    }
    return ways, N_EPOCHS * len(y)


class FitSiamese:
    """Time of one fit, in seconds."""

    params = (("skdeep", "skdeep, amp=False", "plain"),)
    param_names = ("candidate",)
    timeout = 600

    def setup(self, candidate):
        common.one_thread()
        self.fit = candidates(100)[0][candidate]

    def time_fit(self, candidate):
        self.fit()


def main():
    args = common.arguments(
        __doc__.split("\n")[0],
        repeat=5,
        classes={"type": int, "default": 100},
        device={"default": "cpu"},
    )
    common.one_thread()
    ways, n_seen = candidates(args.classes, args.device)
    times = common.interleave(ways, args.repeat, device=args.device)
    clock = "process" if args.device == "cpu" else "wall"
    common.print_times(f"{n_seen:,} images in {N_EPOCHS} epochs", times, clock=clock)


if __name__ == "__main__":
    main()
