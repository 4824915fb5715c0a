"""Time of `Autoencoder.fit` beside plain PyTorch loops with the same network and steps.

On scikit-learn's digits, for dense, convolutional and recurrent networks, on one thread.
"""

import warnings

import numpy as np
import torch
from sklearn.datasets import load_digits

from skdeep import Autoencoder

if __package__:
    from . import _common as common
else:
    import _common as common

PARAMETERS = {
    "learning_rate": "cosine",
    "tol": 0,
    "n_iter_no_change": np.inf,
    "random_state": 0,
    "device": "cpu",
}


def dense_net():
    """The default network for the digits as rows."""
    nn = torch.nn
    return nn.Sequential(
        *(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32)),
        *(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64)),
    )


def conv_net():
    """The default network for the digits as images."""
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


NETS = {"dense": dense_net, "conv": conv_net, "lstm": RecurrentNet}


def digits(encoder):
    """The digits as the encoder takes them."""
    X = (load_digits().images / 16).astype(np.float32)
    return {"dense": X.reshape(-1, 64), "conv": X[:, None], "lstm": X}[encoder]


def candidates(encoder, epochs=5):
    """The two fits of an encoder."""
    x = digits(encoder)
    options = {"data_format": "channels_first"} if encoder == "conv" else {}

    def ours():
        with warnings.catch_warnings(action="ignore"):  # of few epochs
            return Autoencoder(encoder=encoder, max_iter=epochs, **options, **PARAMETERS).fit(x)

    return {"skdeep": ours, "plain": lambda: plain_loop(NETS[encoder], x, epochs)}


class FitAutoencoder:
    """Time of one fit, in seconds."""

    params = (tuple(NETS), ("skdeep", "plain"))
    param_names = ("encoder", "candidate")
    timeout = 600

    def setup(self, encoder, candidate):
        common.one_thread()
        self.fit = candidates(encoder)[candidate]

    def time_fit(self, encoder, candidate):
        self.fit()


def main():
    args = common.arguments(__doc__.split("\n\n")[0], repeat=7, epochs={"type": int, "default": 5})
    common.one_thread()
    for encoder in NETS:
        times = common.interleave(candidates(encoder, args.epochs), args.repeat)
        common.print_times(f"digits, encoder={encoder!r}, {args.epochs} epochs", times)


if __name__ == "__main__":
    main()
