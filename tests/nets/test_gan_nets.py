"""Networks of the generators."""

import numpy as np
import torch

from skdeep.nets import image_gan, latent_gan, tabular_gan
from skdeep.nets.modes import ModeFeatures

COLUMNS = [
    {"n_modes": 3, "has_missing": False, "edges": None},
    {"n_modes": 4, "has_missing": True, "edges": [[-1, 0], [0, 1], [1, 1], [0, 0]]},
    {"n_modes": 2, "has_missing": False, "edges": None},
]


def tabular(seed=0):
    net = tabular_gan.TabularGANNet(COLUMNS, [8], [8], 0.0, 2).double()
    rng = np.random.RandomState(seed)
    tabular_gan.initialize(net, rng, [np.ones(c["n_modes"]) for c in COLUMNS])
    with torch.no_grad():
        for column in net.generator.nets:  # not as it begins: with dependence
            for p in column.parameters():
                p.copy_(torch.as_tensor(rng.normal(0, 1, p.shape)))
    return net


def every_row():
    modes = np.stack(np.meshgrid(*(np.arange(c["n_modes"]) for c in COLUMNS), indexing="ij"), -1)
    return torch.as_tensor(modes.reshape(-1, 3) + 0.5)


def test_probabilities_of_all_rows_sum_to_one():
    rows = every_row()
    # A number's place in its mode changes what follows: with one place they sum to one.
    assert torch.allclose(tabular().generator(rows).sum(1).exp().sum(), torch.tensor(1.0).double())


def test_no_column_sees_those_behind_it():
    generator, rows = tabular().generator, every_row()
    changed = rows.clone()
    changed[:, 2] = 1.5 - (changed[:, 2] - 0.5)
    before, after = generator(rows), generator(changed)
    assert torch.equal(before[:, :2], after[:, :2])
    # its two modes share the probability of what stands before them
    torch.testing.assert_close(before[:, 2].exp() + after[:, 2].exp(), torch.ones(24).double())


def test_samples_follow_the_probabilities():
    generator = tabular().generator
    drawn = generator.sample(40_000, torch.Generator().manual_seed(0))
    first = np.bincount(drawn[:, 0].long(), minlength=3) / len(drawn)
    wanted = torch.softmax(generator.nets[0].bias, 0).detach().numpy()
    np.testing.assert_allclose(first, wanted, atol=0.01)


def test_given_columns_weigh_the_free_ones_by_bayes():
    generator = tabular(3).generator
    noise = torch.Generator().manual_seed(0)
    known = torch.full((4000, 3), torch.nan, dtype=torch.float64)
    known[:, 2] = 1.5
    drawn = generator.sample_given(known, {}, 64, noise)
    assert (drawn[:, 2] == 1.5).all()
    plain = generator.sample(200_000, noise)
    matching = plain[plain[:, 2] >= 1]
    for j, n in ((0, 3), (1, 4)):
        shares = [np.bincount(d[:, j].long(), minlength=n) / len(d) for d in (drawn, matching)]
        np.testing.assert_allclose(*shares, atol=0.03)


def test_features_of_positions_by_hand():
    features = ModeFeatures(COLUMNS)
    assert features.widths == [0, 3, 8, 10]
    x = features(torch.tensor([[1.2, 0.5, 0.0], [0.0, 3.5, 1.9]]))
    assert x[0].tolist() == [0, 1, 0, 0.5, 0, 0, -0.5, 0, 1, 0]
    assert x[1].tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 0, 1]  # missing: an indicator alone


def test_images_of_odd_sizes_and_second_derivatives():
    net = image_gan.ImageGANNet([3, 11, 6], [6, 4, 2], 5, 4, False)
    image_gan.initialize(net, np.random.RandomState(0))
    label = torch.tensor([0, 3])
    made = net.generator(torch.zeros(2, 5), label)
    assert made.shape == (2, 3, 11, 6) and made.abs().max() <= 1
    x = made.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(net.critic(x, label).sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert net.critic.first.weight.grad.abs().sum() > 0


def test_windows_are_read_and_written_in_patches():
    for length in (5, 16, 17, 40):
        net = latent_gan.LatentGANNet("lstm", length, 2, [6], 3)
        latent_gan.initialize(net, np.random.RandomState(0))
        x = torch.randn(4, 2 * length, generator=torch.Generator().manual_seed(0))
        assert net(x).shape == x.shape and net.critic(x).shape == (4,)
        assert len(net.generator.writer.places) <= 16
        torch.testing.assert_close(net.critic(x)[:1], net.critic(x[:1]))
