"""Training of generator and critic of an outlier detector, and of its encoder."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep.adversarial.base import player
from skdeep.adversarial.play import Play, two_player_step, warn_where_collapsed
from skdeep.base.learning import Mode, Plan, Task
from skdeep.base.training import make_batches, single_phase
from skdeep.data.batches import n_batches
from skdeep.engine.recipe import epochs_of_steps, even_batch_size
from skdeep.inputs.rows import Rows

_STEPS = 2500  # of max_iter='auto'
_FEWEST = 20  # rows from which some are held out for the offset


@dataclass(frozen=True, kw_only=True)
class OutlierPlan(Plan):
    """A `Plan` with the rows that the offset is computed from, in double precision."""

    reference: np.ndarray


def plan(estimator: Any, rows: Rows, mode: Mode, rng: np.random.RandomState) -> OutlierPlan:
    """Hold out rows for the offset; a given contamination refers to all rows."""
    if mode.watched:
        raise ValueError(
            f"{type(estimator).__name__} has no validation score of an epoch, which a callback "
            "asks for (PruneTrials, the pruner of a search): fit it without that."
        )
    n = int(np.ceil(estimator.validation_fraction * len(rows))) if len(rows) >= _FEWEST else 0
    order = rng.permutation(len(rows))
    reference = rows.target
    if n and estimator.contamination == "auto":
        reference = reference[order[:n]]
    return OutlierPlan(train=rows[order[n:]], reference=reference)


def recipe(estimator: Any, plan: Plan) -> engine.Recipe:
    """Recipe of all parts of the network for the rows of a plan."""
    n_samples, n_epochs = len(plan.train), estimator.max_iter
    size = 128 if estimator.batch_size == "auto" else estimator.batch_size
    size = even_batch_size(min(size, n_samples), n_samples)
    if n_epochs == "auto":
        n_epochs = epochs_of_steps(_STEPS, n_batches(n_samples, size, smallest=2))
    options = player(estimator.learning_rate_init, 0.0, estimator.beta_2)
    return engine.Recipe.of(
        estimator,
        batch_size=size,
        smallest_batch=2,
        max_iter=n_epochs,
        draws_noise=True,
        players={"generator": options, "critic": options},
    )


def phases(estimator: Any, task: Task) -> list[engine.Phase]:
    """Adversarial training, and that of the encoder if there are epochs for it: a third of all."""
    n_epochs = task.recipe.max_iter
    n_encoder = n_epochs // 3
    parts = ((play, n_epochs - n_encoder), (encode, n_encoder))
    return [functools.partial(phase, estimator, task, n) for phase, n in parts if n]


def play(estimator: Any, task: Task, n_epochs: int, shared: engine.Shared) -> engine.Training:
    """Adversarial training of generator and critic, within their share of the time."""
    net, is_lstm = task.net, estimator.network == "lstm"
    loss, cycle = estimator.loss, estimator.cycle_weight
    if loss == "auto":
        loss = "vanilla" if is_lstm else "relativistic"
    if cycle == "auto":
        cycle = 10.0 if is_lstm else 0.0
    game = Play(
        net.module_.generator,
        net.module_.critic,
        loss,
        estimator.gradient_penalty,
        net.module_.config["latent_size"],
        task.noise,
        cycle=cycle,
    )
    optimizer = net.flat_optimizers_[0]
    if shared.max_time is not None:
        shared = replace(shared, max_time=shared.max_time * n_epochs / task.recipe.max_iter)
    return _phase(
        estimator,
        task,
        n_epochs,
        "constant",
        step=two_player_step(estimator, task, game),
        average=engine.MovingAverage(optimizer.flat, estimator.ema),
    )(shared)


def encode(estimator: Any, task: Task, n_epochs: int, shared: engine.Shared) -> engine.Training:
    """Training of the encoder alone, with a rate that decays to 0."""
    optimizer = task.net.flat_optimizers_[0]
    optimizer.forget()
    step = engine.SingleStep(
        optimizer,
        EncoderGradient(task.net.module_, optimizer.flat, task.noise),
        engine.Penalty(optimizer.flat, 0.0),
        clip=task.recipe.gradient_clip_norm,
    )
    return _phase(estimator, task, n_epochs, "cosine", step=step)(shared)


def _phase(estimator: Any, task: Task, n_epochs: int, curve: str, **parts: Any) -> engine.Phase:
    batches = make_batches(estimator, task)
    schedule = engine.Course(
        task.net.flat_optimizers_[0],
        task.recipe.learning_rate_init,
        n_epochs * len(batches),
        engine.CURVES[curve],
    )
    parts |= {"batches": batches, "schedule": schedule, "n_epochs": n_epochs}
    return single_phase(estimator, task, {}, **parts)


def warn_of_collapse(task: Task) -> None:
    """Warn if synthetic rows vary far less than the training rows."""
    real, size = task.data[0], task.net.module_.config["latent_size"]
    z = torch.randn(len(real), size, device=real.device, generator=task.noise)
    with torch.no_grad():
        warn_where_collapsed(task.net.module_.generator(z.to(real.dtype)), real)


class EncoderGradient:
    """Gradient of the encoder: ``|x - G(E(x))|^2 + |f(x) - f(G(E(x)))|^2`` for real rows (Schlegl
    et al., 2019, "izi_f") and ``|z - E(G(z))|^2`` for synthetic ones.

    Parameters
    ----------
    module : LatentGANNet
    flat : FlatParameters
        Of its generator and encoder.
    noise : torch.Generator
    """

    def __init__(self, module: Any, flat: Any, noise: Any):
        self.module, self.flat, self.noise = module, flat, noise

    def __call__(self, x: torch.Tensor, target: Any, weight: Any) -> torch.Tensor:
        module = self.module
        self.flat.grads.zero_()
        size = module.config["latent_size"]
        code = torch.randn(len(x), size, device=x.device, generator=self.noise).to(x.dtype)
        with torch.no_grad():
            made = module.generator(code)
            features = module.critic.hidden(x)
        with torch.enable_grad():
            again = module(x)
            loss = (x - again).square().mean()
            loss = loss + (features - module.critic.hidden(again)).square().mean()
            loss = loss + (code - module.generator.encode(made)).square().mean()
            # The generator's gradients stay zero, and without moments so do its steps.
            loss.backward(inputs=list(module.generator.reader.parameters()))
        return loss.detach()
