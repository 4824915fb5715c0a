"""Recurrent fits against a plain loop over the same batches, and vectorizers of texts.

    OMP_NUM_THREADS=1 python benchmarks/bench_sequences.py [--data DIR] [--repeat 5] [--device cpu]

The plain loop trains the same network with `torch.optim.Adam` on batches of about one length, which
it pads itself. With ``--data`` the texts are those of ``DIR/imdb_50k.parquet``, else generated.
"""

import os

import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import CountVectorizer

from skdeep import LSTMClassifier, SequenceVectorizer
from skdeep.data.batches import MIXED_WINDOW
from skdeep.nets.recurrent import RecurrentNet, initialize

if __package__:
    from . import _common as common
else:
    import _common as common

BATCH, RATE = 64, 1e-3


def make_texts(n_texts, seed=0):
    """Random words of a law like Zipf's, in texts of the lengths of film reviews."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word{i}" for i in range(50_000)])
    lengths = np.clip(rng.lognormal(5.2, 0.7, n_texts), 5, 1500).astype(int)
    drawn = rng.zipf(1.2, lengths.sum()) % len(words)
    return [" ".join(words[part]) for part in np.split(drawn, lengths.cumsum()[:-1])]


def read_texts(folder):
    """The training texts of the film reviews."""
    table = pd.read_parquet(os.path.join(folder, "imdb_50k.parquet"))
    return list(table[table.split == "train"].text)


def sequences(kind, n=2_000, seed=0):
    """Sequences of 5 to 100 steps: numbers of one channel, or token ids."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 100, n)
    y = rng.integers(0, 2, n)
    if kind == "tokens":
        return [rng.integers(2, 5_000, k) for k in lengths], y
    return [rng.standard_normal((k, 1), dtype=np.float32) for k in lengths], y


def plain_fit(X, y, epochs, device, **params):
    """The textbook loop: sort by length, pad each batch, step."""
    net = RecurrentNet(1, 1, **params)
    initialize(net, np.random.RandomState(0))
    net = net.to(device)
    rows = [torch.as_tensor(x, device=device) for x in X]
    lengths = torch.tensor([len(x) for x in X])
    target = torch.as_tensor(y, dtype=torch.float32, device=device)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    loss_of = torch.nn.BCEWithLogitsLoss()
    n_sorted = MIXED_WINDOW if params.get("convolutional") else 50  # batches, as in skdeep
    net.train()
    for _ in range(epochs):
        order = torch.randperm(len(rows))
        for window in order.split(n_sorted * BATCH):
            window = window[lengths[window].argsort()]
            for idx in window.split(BATCH):
                batch = [rows[i] for i in idx]
                x = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
                x = x[:, None] if x.ndim == 2 else x.transpose(1, 2)
                optimizer.zero_grad()
                loss = loss_of(net((x, lengths[idx].to(device)))[:, 0], target[idx])
                loss.backward()
                optimizer.step()
    return net


def fits(kind, epochs, device):
    """A function for each candidate."""
    X, y = sequences(kind)
    params = {"hidden_sizes": (32,)}
    if kind == "tokens":
        params["vocabulary_size"] = 5_000
    else:
        params["convolutional"] = ((64, 7), (64, 5), (64, 3))
    estimator = LSTMClassifier(
        vocabulary_size=params.get("vocabulary_size"),
        dropout=0.0,
        own_scale=False,
        batch_size=BATCH,
        max_iter=epochs,
        learning_rate="constant",
        learning_rate_init=RATE,
        random_state=0,
        device=device,
    )
    return {
        "skdeep": lambda: common.fit(estimator, X, y),
        "plain": lambda: plain_fit(X, y, epochs, device, **params),
    }


def vectorizers(texts):
    """A function for each vectorizer of texts."""
    return {
        "skdeep": lambda: SequenceVectorizer().fit_transform(texts),
        "CountVectorizer": lambda: CountVectorizer().fit_transform(texts),
    }


class FitSequences:
    """Time of one fit, in seconds."""

    params = (("tokens", "series"), ("skdeep", "plain"))
    param_names = ("kind", "candidate")
    timeout = 600

    def setup(self, kind, candidate):
        common.one_thread()
        self.fit = fits(kind, 2, "cpu")[candidate]

    def time_fit(self, kind, candidate):
        self.fit()


class Vectorize:
    """Time and memory of the vectors of generated texts."""

    params = (("skdeep", "CountVectorizer"),)
    param_names = ("candidate",)
    timeout = 600

    def setup(self, candidate):
        self.vectorize = vectorizers(make_texts(5_000))[candidate]

    def time_fit_transform(self, candidate):
        self.vectorize()

    def peakmem_fit_transform(self, candidate):
        self.vectorize()


def main():
    args = common.arguments(
        __doc__.split("\n")[0],
        5,
        data={"default": None, "help": "folder with imdb_50k.parquet"},
        device={"default": "cpu"},
        epochs={"type": int, "default": 2},
    )
    common.one_thread()
    for kind in ("tokens", "series"):
        times = common.interleave(
            fits(kind, args.epochs, args.device), args.repeat, device=args.device
        )
        clock = "process" if args.device == "cpu" else "wall"
        common.print_times(f"2,000 {kind} of 5 to 100 steps", times, clock=clock)
    texts = make_texts(25_000) if args.data is None else read_texts(args.data)
    times = common.interleave(vectorizers(texts), args.repeat)
    common.print_times(f"fit_transform of {len(texts):,} texts", times)


if __name__ == "__main__":
    main()
