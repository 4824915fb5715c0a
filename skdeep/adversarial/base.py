"""Shared methods of estimators that train a generator against a critic."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, Self

import torch
from sklearn.utils import Tags, check_random_state

from skdeep import losses
from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context, with_callbacks
from skdeep.base.estimator import DeepEstimator, new_random_state
from skdeep.base.learning import Given, Task, fitted_attributes


class DeepGenerator(DeepEstimator):
    """Base of the estimators whose network is a generator and a critic.

    The network has the submodules ``generator`` and ``critic``; the recipe has an optimizer for
    each, made by `player`. Losses are defined by the phases of training.
    """

    critic_loss_curve_: list[float]

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train a generator on the samples X.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : array-like
            The samples, along the first axis; see the description of the class for the shapes
            and types that are supported.

        y : array-like of shape (n_samples,), default=None
            A target of each sample, generated along with it.

        Returns
        -------
        self : estimator
        """
        return self._fit_and_report(Given(X=X, y=y))

    def _make_loss(self) -> torch.nn.Module:
        return losses.LogLikelihood()

    def _target_tensor(self, target: Any, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        tensor = torch.as_tensor(target)
        return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype).to(device)

    def _stratify_by(self, target: Any) -> None:
        return None

    def _target_too_large(self, target: Any) -> str | None:
        return None

    def _reported_share(self) -> float:
        return 1.0

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.target_tags.required = False
        return tags


def player(learning_rate: float, beta_1: float, beta_2: float, weight_decay: float = 0.0) -> dict:
    """Options of the optimizer of one player; see `skdeep.engine.Recipe`."""
    return {
        "solver": "adamw",
        "learning_rate": float(learning_rate),
        "beta_1": beta_1,
        "beta_2": float(beta_2),
        "weight_decay": weight_decay,
    }


def refuse_single_sample(n_samples: int) -> None:
    """Raise if there are fewer than two samples."""
    if n_samples < 2:
        raise ValueError(
            f"Found array with {n_samples} sample(s) while a minimum of 2 is required."
        )


def player_attributes(task: Task, runs: list, losses: list[float]) -> dict[str, Any]:
    """Fitted attributes of a generator and its critic.

    Parameters
    ----------
    task : Task
    runs : list of Training
    losses : list of float
        The generator's, of each epoch that it was trained in.
    """
    fitted = fitted_attributes(task.net, runs, task.plan)
    scores = fitted["validation_scores_"]
    return fitted | {
        "loss_": losses[-1] if losses else math.inf,
        "loss_curve_": losses,
        "critic_loss_curve_": [loss[1] for loss in losses_of_play(runs)],
        "best_loss_": None if task.plan.stops_early else min(losses, default=math.inf),
        "best_validation_score_": max(scores) if scores else None,
    }


def losses_of_play(runs: list) -> list[tuple[float, float]]:
    """Losses of generator and critic in each epoch in which both were trained."""
    return [loss for loss in runs[-1].curves.losses if isinstance(loss, tuple)]


def check_n_samples(n_samples: Any) -> int:
    """Check the number of samples to generate; return an integer."""
    if not isinstance(n_samples, Integral) or isinstance(n_samples, bool) or n_samples < 1:
        raise ValueError(f"n_samples={n_samples!r}: expected an integer of at least 1.")
    return int(n_samples)


def noise_for(estimator: DeepGenerator, random_state: Any) -> torch.Generator:
    """A generator of noise on the device of a fitted estimator, seeded by `random_state`, or by
    the estimator's where that is None."""
    random_state = estimator.random_state if random_state is None else random_state
    try:
        rng = check_random_state(new_random_state(random_state))
    except (TypeError, ValueError) as error:
        raise ValueError(f"random_state={random_state!r}: {error}") from None
    generator = torch.Generator(device=next(estimator.net_.module_.parameters()).device)
    generator.manual_seed(int(rng.randint(2**31 - 1)))
    return generator
