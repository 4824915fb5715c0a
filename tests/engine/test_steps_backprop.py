"""The hand-written passes against autograd."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skdeep import losses
from skdeep.data.rows import sparse_to_tensor
from skdeep.engine import Autograd
from skdeep.engine.optim import FlatParameters
from skdeep.engine.steps import PlainBackprop
from skdeep.nets.blocks import MLPNet, initialize

CASES = {
    "softmax": (losses.CrossEntropy(), 3, "labels"),
    "softmax, many classes": (losses.CrossEntropy(), 40, "labels"),
    "softmax, smoothed": (losses.CrossEntropy(0.2), 5, "labels"),
    "sigmoid": (losses.BinaryCrossEntropy(), 1, "binary"),
    "sigmoids, smoothed": (losses.BinaryCrossEntropy(0.1), 4, "binary"),
    "squared": (losses.SquaredError(), 2, "numbers"),
    "absolute": (losses.AbsoluteError(), 1, "numbers"),
    "huber": (losses.Huber(0.5), 2, "numbers"),
    "quantile": (losses.Quantile(0.8), 1, "numbers"),
    "poisson": (losses.Poisson(), 2, "counts"),
}


def make_target(kind, n, n_outputs, generator):
    if kind == "labels":
        return torch.randint(0, n_outputs, (n,), generator=generator)
    if kind == "binary":
        return torch.randint(0, 2, (n, n_outputs), generator=generator).double()
    numbers = torch.randn(n, n_outputs, generator=generator, dtype=torch.float64)
    return numbers.abs().round() if kind == "counts" else numbers


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_same_as_autograd(case, activation, weighted, sparse):
    loss, n_outputs, kind = CASES[case]
    g = torch.Generator().manual_seed(0)
    x = torch.randn(13, 6, generator=g, dtype=torch.float64)
    x[torch.rand(13, 6, generator=g) < 0.5] = 0.0
    target = make_target(kind, 13, n_outputs, g)
    weight = torch.rand(13, generator=g, dtype=torch.float64) if weighted else None
    net = MLPNet((6, 7, 5, n_outputs), activation).double()
    initialize(net, "auto", np.random.RandomState(1))
    flat = FlatParameters(net)
    batch = sparse_to_tensor(sp.csr_array(x.numpy()), torch.float64) if sparse else x

    assert PlainBackprop.applies_to(net, loss)
    with torch.no_grad():
        by_hand = PlainBackprop(net, loss)(batch, target, weight)
    grads = flat.grads.clone()
    by_autograd = Autograd(net, loss, flat)(x, target, weight)
    torch.testing.assert_close(by_hand, by_autograd, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(grads, flat.grads, rtol=1e-10, atol=1e-12)
    assert grads.abs().sum() > 0


@pytest.mark.parametrize(
    "options",
    [{"dropout": 0.5}, {"normalization": "batch"}, {"input_noise": 1.0}, {"activation": "gelu"}],
)
def test_does_not_apply(options):
    assert not PlainBackprop.applies_to(MLPNet((2, 3, 1), **options), losses.SquaredError())
