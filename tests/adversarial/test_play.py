"""What generator and critic minimise."""

import numpy as np
import pandas as pd
import pytest
import torch
from generator_data import LIGHT

from skdeep import TabularGAN, engine
from skdeep.adversarial.play import critic_loss
from skdeep.adversarial.table_rows import RowPlay

pytestmark = [
    # The data of the checks are tiny: validation splits are refused, generators hardly trained.
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]


def linear(pac=1):
    """A critic whose gradient at each sample is known: its weights, of norm 3 over a pack."""
    weights = torch.tensor([[2.0, 1.0], [2.0, 0.0]]) if pac == 2 else torch.tensor([[3.0, 0.0]])
    return lambda x: (x.reshape(-1, pac, 2) * weights).sum((1, 2))


def loss_of(critic, loss, pac=1, penalty=0.5):
    draw = torch.Generator().manual_seed(0)
    real, made = torch.randn(2, 6, 2, generator=draw)
    noise = torch.Generator().manual_seed(1)
    value = critic_loss(critic, real, made, loss=loss, penalty=penalty, noise=noise, pac=pac)
    assert not real.requires_grad and not made.requires_grad
    return value.item(), critic(real), critic(made)


@pytest.mark.parametrize("pac", [1, 2])
def test_relativistic_loss_with_penalties_at_real_and_synthetic_samples(pac):
    value, at_real, at_made = loss_of(linear(pac), "relativistic", pac)
    wanted = torch.log1p(torch.exp(at_made - at_real)).mean() + 0.5 * 0.5 * (9 + 9)
    np.testing.assert_allclose(value, float(wanted), rtol=1e-5)


@pytest.mark.parametrize("pac", [1, 2])
def test_wasserstein_loss_with_a_penalty_between_the_samples(pac):
    value, at_real, at_made = loss_of(linear(pac), "wgan-gp", pac)
    wanted = (at_made - at_real).mean() + 0.5 * (3 - 1) ** 2
    np.testing.assert_allclose(value, float(wanted), rtol=1e-5)


def test_the_penalty_between_is_asked_for_once_in_each_pack():
    """The samples of a pack are mixed in the same proportion."""
    seen = []

    def critic(x):
        seen.append(x)
        return x.reshape(-1, 2, 2).sum((1, 2))

    real, made = torch.zeros(8, 2), torch.ones(8, 2)
    noise = torch.Generator().manual_seed(0)
    critic_loss(critic, real, made, loss="wgan-gp", penalty=1.0, noise=noise, pac=2)
    packs = seen[0].detach().reshape(4, 4)
    assert (packs == packs[:, :1]).all() and len(packs[:, 0].unique()) == 4


def test_cross_entropy_has_no_penalty():
    value, at_real, at_made = loss_of(linear(), "vanilla", penalty=1e9)
    wanted = -torch.log(torch.sigmoid(at_real)) - torch.log(1 - torch.sigmoid(at_made))
    np.testing.assert_allclose(value, float(wanted.mean()), rtol=1e-5)


def test_the_play_brings_a_poor_generator_nearer_to_the_data():
    """Without its likelihood term the generator can only learn from the critic."""
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"a": rng.choice(list("xyz"), size=600, p=[0.7, 0.2, 0.1])})
    gan = TabularGAN(order="fixed", **LIGHT, random_state=0).fit(table)
    net = gan.net_
    with torch.no_grad():
        net.module_.generator.nets[0].bias.zero_()
    net.resume()
    noise = torch.Generator().manual_seed(0)
    x = torch.as_tensor(gan.modes_[0].encode(table["a"]), dtype=torch.float32)[:, None]
    play = RowPlay(
        net.module_.generator,
        net.module_.critic,
        lambda p, t: -p.sum(1),
        "relativistic",
        0.1,
        noise,
    )

    def without_likelihood(batch):
        value = play.generator_loss(batch)
        return value + net.module_.generator(batch[0]).sum(1).mean()

    for optimizer in net.flat_optimizers_:
        optimizer.learning_rate = 0.01
    step = engine.TwoPlayerStep(without_likelihood, play.critic_loss, *net.flat_optimizers_)
    with torch.no_grad():
        for _ in range(150):
            step((x, None, None))
    share = torch.softmax(net.module_.generator.nets[0].bias, 0).detach().numpy()
    wanted = table["a"].value_counts(normalize=True)[gan.modes_[0].levels].to_numpy()
    np.testing.assert_allclose(share, wanted, atol=0.1)
