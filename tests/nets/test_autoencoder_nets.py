"""Masked networks and autoencoders: fast formulas against slow ones."""

import numpy as np
import torch

from skdeep.losses import EvidenceBound, MaskedSquaredError, Reconstruction
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.blocks import initialize, set_generator
from skdeep.nets.masked import MaskedNet
from skdeep.nets.vae import VAENet

SOURCES = (0, 1, 1, 2, 3, 3)


def masked_net(n_members=2):
    net = MaskedNet(n_members, SOURCES, (7, 5)).double()
    net.initialize(np.random.RandomState(0))
    for linear in net.linears:
        linear.bias.data.normal_(generator=torch.Generator().manual_seed(0))
    return net.eval()


def test_residuals_are_those_of_one_pass_for_each_group():
    net = masked_net()
    x = torch.randn(9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[2, 3] = x[5, 0] = float("nan")
    fast = net.residuals(x, [[0, 2], [1], [3]])
    for columns in ([0, 3], [1, 2], [4, 5]):
        hidden = x.clone()
        hidden[:, columns] = float("nan")  # what is missing is what is hidden
        prediction, mask = net(hidden.expand(2, -1, -1))
        assert not mask.any()
        slow = (x - prediction.mean(0))[:, columns].nan_to_num()
        torch.testing.assert_close(fast[:, columns], slow)
    assert fast[2, 3] == fast[5, 0] == 0


def test_a_hidden_value_does_not_reach_its_own_prediction():
    net = masked_net(1)
    x = torch.randn(4, 6, dtype=torch.float64)
    other = x.clone()
    other[:, [1, 2]] += 5
    change = net.residuals(other, [[1]]) - net.residuals(x, [[1]])
    torch.testing.assert_close(change[:, [1, 2]], torch.full_like(change[:, [1, 2]], 5))


def test_masks_hide_whole_features_at_the_wanted_rate():
    net = masked_net(1).train()
    set_generator(net, torch.Generator().manual_seed(0))
    x = torch.zeros(1, 4000, 6, dtype=torch.float64)
    x[0, 0, 0] = float("nan")
    _, mask = net(x)
    assert mask[0, :, 1].equal(mask[0, :, 2]) and mask[0, :, 4].equal(mask[0, :, 5])
    features = mask[0][:, [0, 1, 3, 4]]
    assert features[1:].sum(1).min() >= 1 and mask[0, 0, 0] == 0
    # of 4 features a share of u / 2 on average, u uniform; at least one
    share = torch.rand(200_000, 1, generator=torch.Generator().manual_seed(1)) / 2
    drawn = torch.rand(200_000, 4, generator=torch.Generator().manual_seed(2)) < share
    expected = drawn.sum(1).clamp(min=1).double().mean() / 4
    assert abs(features.mean() - expected) < 0.01
    first, again = net(x)[1], net(x)[1]
    assert not first.equal(again)


def test_masked_error_is_a_mean_over_hidden_values():
    prediction = torch.randn(2, 3, 6)
    mask = (torch.rand(2, 3, 6) < 0.5).float()
    mask[0, 0] = 0
    target = torch.randn(6, 6)
    target[1, 0], mask[0, 1, 0] = float("nan"), 0
    elements = MaskedSquaredError()((prediction, mask), target)
    for i, value in enumerate(elements):
        errors = [
            (prediction.flatten(0, 1)[i, j] - target[i, j]) ** 2
            for j in range(6)
            if mask.flatten(0, 1)[i, j]
        ]
        torch.testing.assert_close(value, sum(errors) / len(errors) if errors else value * 0)


def test_jacobian_is_autograds():
    net = AutoencoderNet((5, 7, 3), (3, 7, 5), "tanh", "logistic", gives_jacobian=True).double()
    initialize(net, "xavier_normal", np.random.RandomState(0))
    x = torch.randn(4, 5, dtype=torch.float64)
    _, code, norms = net.train()(x)
    torch.testing.assert_close(code, net.run(x, 0, 2))
    for row, norm in zip(x, norms):
        full = torch.autograd.functional.jacobian(lambda r: net.run(r[None], 0, 2)[0], row)
        torch.testing.assert_close(norm, full.square().sum())
    norms.sum().backward()
    first, last = net.encoder
    middle = torch.tanh(first(x)).detach()
    weight = last.weight.detach().clone().requires_grad_()
    slopes = (1 - middle.square())[:, :, None] * first.weight.detach()  # of the layer before it
    code = torch.sigmoid(middle @ weight.T + last.bias.detach())
    slow = torch.einsum("ni,ij,njk->nik", code * (1 - code), weight, slopes)
    (expected,) = torch.autograd.grad(slow.square().sum(), weight)
    torch.testing.assert_close(last.weight.grad, expected)
    assert first.weight.grad.abs().max() > 0


def test_penalties_of_codes():
    raw, code = torch.zeros(4, 3), torch.rand(4, 2)
    target, norms = torch.ones(4, 3), torch.arange(4.0)
    loss = Reconstruction("squared_error", l1=0.1, kl=0.2, kl_target=0.3, contraction=0.4)
    mean = code.mean(0)
    kl = (0.3 * (0.3 / mean).log() + 0.7 * (0.7 / (1 - mean)).log()).sum()
    expected = 1 + 0.1 * code.sum(1) + 0.2 * kl + 0.4 * norms
    torch.testing.assert_close(loss((raw, code, norms), target), expected)


def test_evidence_bound_is_below_the_weighted_bound_and_made_of_normal_densities():
    net = VAENet(3, (6,), 2).double()
    initialize(net, "xavier_normal", np.random.RandomState(0))
    net.eval()
    draws = torch.Generator().manual_seed(0)
    # near the rows that the network makes: far from them few draws would count, on either side
    x = 0.3 * torch.randn(5, 3, dtype=torch.float64, generator=draws)
    output, spread, mean, log_variance = net(x)
    normal = torch.distributions.Normal
    likelihood = normal(output, (0.5 * spread).exp()).log_prob(x).sum(1)
    divergence = torch.distributions.kl_divergence(
        normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0)
    ).sum(1)
    torch.testing.assert_close(
        EvidenceBound(beta=3.0)((output, spread, mean, log_variance), x),
        3 * divergence - likelihood,
    )
    noise = torch.randn(20_000, 2, dtype=torch.float64, generator=draws)
    # the evidence by brute force, with codes from the prior
    z = torch.randn(200_000, 2, dtype=torch.float64, generator=draws)
    density = normal(net.decode(z), (0.5 * spread).exp()).log_prob(x[0]).sum(1)
    exact = torch.logsumexp(density, 0) - np.log(len(z))
    torch.testing.assert_close(
        net.log_likelihood_bound(x[:1], noise)[0], exact, rtol=0.02, atol=0.02
    )
