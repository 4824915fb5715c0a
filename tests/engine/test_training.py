"""The loop, for one network, for pairs and for two players."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from skdeep import engine
from skdeep.data.batches import Batches
from skdeep.data.pairs import ClassBatches, TupleBatches
from skdeep.engine.training import Training
from skdeep.losses import SquaredError
from skdeep.nets.blocks import MLPNet, initialize


def make_net(module, players=None, **options):
    players = players or {"": {"solver": "adam", "learning_rate": 1e-3, **options}}
    return engine.DeepNet(module, SquaredError(), players=players).initialize()


def run(net, step, batches, *, max_iter, **options):
    net.resume()
    training = Training(
        net,
        step,
        batches,
        engine.Shared(rng=np.random.RandomState(0), curves=engine.Curves([], [], [])),
        schedule=engine.make_schedule(
            "constant",
            step.optimizers[0],
            base=step.optimizers[0].learning_rate,
            power_t=0.5,
            n_epochs=max_iter,
            steps_per_epoch=len(batches),
        ),
        patience=options.pop("patience", engine.Patience(0.0, np.inf, False)),
        max_iter=max_iter,
        single_epoch=True,
        **options,
    )
    training.run()
    return training


def mlp(*units, seed=0):
    net = MLPNet(units)
    initialize(net, "auto", np.random.RandomState(seed))
    return net


def contrastive(embeddings, target, margin=1.0):
    """Hadsell et al. (2006), on pairs that point into the batch."""
    pairs, same = target
    a, b = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    distance = (a - b).square().sum(1).add(1e-9).sqrt()
    return 0.5 * torch.where(
        same.bool(), distance.square(), (margin - distance).clamp(min=0).square()
    )


def batch_hard(embeddings, y, margin=0.5):
    """The hardest triplet of each anchor (Hermans et al., 2017)."""
    distance = torch.cdist(embeddings, embeddings)
    same = y[:, None] == y[None, :]
    positive = torch.where(same, distance, -1.0).amax(1)
    negative = torch.where(same, torch.inf, distance).amin(1)
    return (positive - negative + margin).clamp(min=0)[negative.isfinite()]


def ratio_of_distances(net, x, y):
    """Mean distance inside classes over that between classes."""
    with torch.no_grad():
        distance = torch.cdist(net.module_(x), net.module_(x))
    same = y[:, None] == y[None, :]
    return (distance[same].mean() / distance[~same].mean()).item()


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=5, return_X_y=True)
    return torch.from_numpy(X / 16).float(), torch.from_numpy(y)


def test_pairs_bring_classes_together(digits):
    x, y = digits
    net = make_net(mlp(64, 32, 8))
    rng = np.random.RandomState(0)
    pairs = torch.from_numpy(rng.randint(0, 400, (2000, 2)))
    same = (y[pairs[:, 0]] == y[pairs[:, 1]]).float()
    optimizer = net.flat_optimizers_[0]
    before = ratio_of_distances(net, x[400:], y[400:])
    step = engine.SingleStep(
        optimizer,
        engine.Autograd(net.module_, contrastive, optimizer.flat),
        engine.Penalty(optimizer.flat, 1e-4),
    )
    training = run(net, step, TupleBatches(x, pairs, same, batch_size=64), max_iter=15)
    assert training.curves.losses[-1] < 0.3 * training.curves.losses[0]
    assert ratio_of_distances(net, x[400:], y[400:]) < 0.6 * before


def test_mined_triplets_bring_classes_together(digits):
    x, y = digits
    net = make_net(mlp(64, 32, 8))
    optimizer = net.flat_optimizers_[0]
    batches = ClassBatches(
        x[:400], y[:400], n_classes_per_batch=5, n_rows_per_class=8, rng=np.random.RandomState(0)
    )
    before = ratio_of_distances(net, x[400:], y[400:])
    step = engine.SingleStep(
        optimizer,
        engine.Autograd(net.module_, batch_hard, optimizer.flat),
        engine.Penalty(optimizer.flat, 0.0),
    )
    run(net, step, batches, max_iter=25)
    assert ratio_of_distances(net, x[400:], y[400:]) < 0.6 * before


def test_two_players_learn_a_distribution():
    """A generator learns the mean and the spread of a line of points in the plane."""
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(1000, 1, generator=generator) * torch.tensor([[1.0, 0.5]]) + 2.0
    players = nn.ModuleDict({"generator": mlp(2, 16, 2), "discriminator": mlp(2, 32, 1, seed=1)})
    options = {"solver": "adam", "beta_1": 0.5}
    net = make_net(
        players,
        {
            "generator": {"learning_rate": 2e-3, **options},
            "discriminator": {"learning_rate": 4e-3, **options},
        },
    )

    def noise(n):
        return torch.randn(n, 2, generator=generator)

    def discriminator_loss(batch):
        real = batch[0]
        fake = players["generator"](noise(len(real))).detach()
        return F.softplus(-players["discriminator"](real)).mean() + (
            F.softplus(players["discriminator"](fake)).mean()
        )

    def generator_loss(batch):
        fake = players["generator"](noise(len(batch[0])))
        return F.softplus(-players["discriminator"](fake)).mean()

    with torch.no_grad():
        before = players["generator"](noise(2000)).mean(0)
    step = engine.TwoPlayerStep(generator_loss, discriminator_loss, *net.flat_optimizers_, ratio=2)
    batches = Batches(data, torch.zeros(1000), batch_size=100)
    training = run(net, step, batches, max_iter=60)
    with torch.no_grad():
        made = players["generator"](noise(2000))
    assert (before - 2.0).abs().max() > 1.0
    assert (made.mean(0) - 2.0).abs().max() < 0.5
    assert made[:, 0].std() > 0.3
    generator_losses, discriminator_losses = zip(*training.curves.losses)
    assert net.history[:, "generator_loss"] == list(generator_losses)
    assert net.history[:, "discriminator_loss"] == list(discriminator_losses)
    steps = [o.torch_optimizer.state[o.flat.values]["count"] for o in net.flat_optimizers_]
    assert steps == [301, 600]  # the generator plays once at the start, then every second time
