"""Training and validation of the generator of images and its critic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA

from skdeep import engine
from skdeep.adversarial.base import player
from skdeep.adversarial.image_kinds import draw_kinds
from skdeep.adversarial.play import BestAverage, Play, two_player_step, warn_where_collapsed
from skdeep.base.learning import Mode, Plan, Task, Validator
from skdeep.base.training import make_batches, single_phase
from skdeep.data.batches import n_batches
from skdeep.engine.recipe import epochs_of_steps
from skdeep.inputs.rows import Rows
from skdeep.metrics import frechet_distance

_STEPS = 5000  # of max_iter='auto'
_COMPARED = 1000  # images that are compared after each epoch
_N_COMPONENTS = 32  # of held-out images, over which they are compared
_AT_A_TIME = 512


def plan(estimator: Any, rows: Rows, mode: Mode, rng: np.random.RandomState) -> Plan:
    """Hold out images if early stopping or a callback needs a score."""
    if not (estimator.early_stopping or mode.watched):
        return Plan(train=rows)
    share = estimator.validation_fraction
    n = min(int(np.ceil(share * len(rows))), _COMPARED, len(rows) - 2)
    if n < 2:
        purpose = "early_stopping=True" if estimator.early_stopping else "Pruning"
        raise ValueError(
            f"{purpose}: validation_fraction={share} of {len(rows)} images leaves fewer than 2 to "
            "judge by, or to learn from."
        )
    order = rng.permutation(len(rows))
    return Plan(
        train=rows[order[n:]],
        held_out=rows[order[:n]],
        stops_early=estimator.early_stopping,
        scores=True,
    )


def recipe(estimator: Any, plan: Plan) -> engine.Recipe:
    """Recipe of generator and critic for the images of a plan."""
    n_samples, n_epochs = len(plan.train), estimator.max_iter
    size = min(64 if estimator.batch_size == "auto" else estimator.batch_size, n_samples)
    if n_epochs == "auto":
        n_epochs = epochs_of_steps(_STEPS, n_batches(n_samples, size, smallest=2))
    is_r3gan, rate = estimator.recipe == "r3gan", estimator.learning_rate_init
    if rate == "auto":
        rate = 1e-3 if is_r3gan else 2e-4
    options = player(rate, 0.0 if is_r3gan else 0.5, estimator.beta_2)
    return engine.Recipe.of(
        estimator,
        learning_rate_init=rate,
        batch_size=size,
        smallest_batch=2,
        max_iter=n_epochs,
        n_iter_no_change=estimator.n_iter_no_change if plan.stops_early else math.inf,
        draws_noise=True,
        players={"generator": options, "critic": options},
    )


def play(estimator: Any, task: Task, shared: engine.Shared) -> engine.Training:
    """Adversarial training of generator and critic."""
    net, recipe, is_r3gan = task.net, task.recipe, estimator.recipe == "r3gan"
    generator, critic = net.flat_optimizers_
    average = engine.MovingAverage(generator.flat, estimator.ema if is_r3gan else 0.0)
    game = Play(
        net.module_.generator,
        net.module_.critic,
        "relativistic" if is_r3gan else "vanilla",
        estimator.gradient_penalty,
        net.module_.config["latent_size"],
        task.noise,
        conditional=net.module_.config["n_classes"] > 0,
    )

    def follow(t: float) -> None:
        critic.learning_rate = generator.learning_rate
        game.penalty = estimator.gradient_penalty * (0.1 + 0.9 * engine.CURVES["cosine"](t))

    def curve(t: float) -> float:
        return 0.25 + 0.75 * engine.CURVES["cosine"](t) if is_r3gan else 1.0

    batches = make_batches(estimator, task)
    phase = single_phase(
        estimator,
        task,
        {},
        batches=batches,
        step=two_player_step(estimator, task, game),
        average=average,
        schedule=engine.Course(
            generator,
            recipe.learning_rate_init,
            recipe.max_iter * len(batches),
            curve,
            [follow] if is_r3gan else [],
            shared.max_time,
        ),
        validator=judge(task, estimator._kind_share),
        best=BestAverage(average) if task.plan.stops_early else None,
    )
    return phase(shared)


def judge(task: Task, share: np.ndarray) -> Validator | None:
    """Function that returns the Frechet distance of synthetic images to held-out ones, and its
    negative."""
    seed = task.rng.randint(2**31 - 1)
    if task.plan.held_out is None:
        return None
    rows = task.plan.held_out.x.reshape(len(task.plan.held_out), -1)
    pca = PCA(min(_N_COMPONENTS, *rows.shape), random_state=seed).fit(rows)
    wanted = pca.transform(rows)

    def validate() -> tuple[float, float | None]:
        noise = torch.Generator(device=task.net.device)
        noise.manual_seed(seed)  # the same codes each time
        made = draw_images(task.net.module_, _COMPARED, share, noise).flatten(1).cpu().numpy()
        distance = frechet_distance(wanted, pca.transform(made))
        return distance, -distance

    return validate


def warn_of_collapse(task: Task, share: np.ndarray) -> None:
    """Warn if synthetic images vary far less than the training images."""
    real = task.data[0]
    made = draw_images(task.net.module_, min(_COMPARED, 4 * len(real)), share, task.noise)
    warn_where_collapsed(made, real[:_COMPARED])


def draw_images(
    module: Any, n_samples: int, share: np.ndarray, noise: torch.Generator
) -> torch.Tensor:
    """Images of random codes, with classes of frequencies `share`."""
    kinds = draw_kinds(share, n_samples, noise)
    return decode(module, draw_codes(module, n_samples, noise), kinds)


def draw_codes(module: Any, n_samples: int, noise: torch.Generator) -> torch.Tensor:
    """Random codes, of shape (n_samples, latent_size)."""
    size = module.config["latent_size"]
    return torch.randn(n_samples, size, device=noise.device, generator=noise)


@torch.no_grad()
def decode(module: Any, codes: torch.Tensor, kinds: torch.Tensor | None) -> torch.Tensor:
    """Images of the given codes and classes, in [-1, 1], channels first."""
    generator = module.generator
    dtype = generator.first.weight.dtype
    was_training = generator.training
    generator.eval()
    parts = [
        generator(
            codes[start : start + _AT_A_TIME].to(dtype),
            None if kinds is None else kinds[start : start + _AT_A_TIME],
        )
        for start in range(0, len(codes), _AT_A_TIME)
    ]
    generator.train(was_training)
    return torch.cat(parts)
