"""Learning from an environment: deep Q-learning with a replay buffer, on the road of a fit."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep.base.learning import Given, Task, Validator
from skdeep.base.training import single_phase, single_step
from skdeep.data.batches import to_tensor
from skdeep.data.transitions import ReplayBuffer, n_steps
from skdeep.policies import learning
from skdeep.policies.environment import (
    Runner,
    actions_of,
    check_count,
    check_environment,
    check_share,
    exploring,
)
from skdeep.policies.transitions import Log, TransitionRows


@dataclass(frozen=True)
class Interaction:
    """How a policy meets an environment.

    Attributes
    ----------
    n_steps : int
        In all.
    learning_starts : int
        Random steps before the first update.
    epsilon : float
        Share of random actions after the exploration.
    exploration_fraction : float
        Share of `n_steps` over which random actions become rare.
    train_frequency : int
        Steps between updates.
    updates_per_step : float
    buffer_size : int
    n_eval_episodes : int
        Episodes whose mean return is the score of an iteration.
    stop_return : float or None
        Score at which training ends.
    """

    n_steps: int
    learning_starts: int
    epsilon: float
    exploration_fraction: float
    train_frequency: int
    updates_per_step: float
    buffer_size: int
    n_eval_episodes: int
    stop_return: float | None

    def check(self) -> None:
        """Raise where a value is out of its range."""
        for name in ("n_steps", "learning_starts", "train_frequency", "buffer_size"):
            check_count(getattr(self, name), name)
        check_count(self.n_eval_episodes, "n_eval_episodes")
        for name in ("epsilon", "exploration_fraction"):
            check_share(getattr(self, name), name)
        if not 0 < self.updates_per_step < math.inf:
            raise ValueError(
                f"updates_per_step={self.updates_per_step!r}: expected a positive number."
            )
        if self.learning_starts >= self.n_steps:
            raise ValueError(
                f"learning_starts={self.learning_starts} leaves none of n_steps={self.n_steps} to "
                "learn from."
            )

    def epsilon_at(self, step: int) -> float:
        """Share of random actions: from 1 down along a line."""
        span = self.exploration_fraction * self.n_steps
        return self.epsilon + (1 - self.epsilon) * max(0.0, 1 - step / span if span else 0.0)


@dataclass(frozen=True, kw_only=True)
class GivenEnvironment(Given):
    """What a user handed to `fit_env`."""

    X: Any = None
    env: Any
    eval_env: Any
    interaction: Interaction


@dataclass(frozen=True)
class FirstRows(TransitionRows):
    """The first, random steps in an environment.

    Attributes
    ----------
    runner : Runner
    eval_runner : Runner or None
    interaction : Interaction
    returns : list of float
        Of the episodes that ended.
    """

    runner: Any = None
    eval_runner: Any = None
    interaction: Any = None
    returns: Any = None


def first_rows(
    estimator: Any, given: GivenEnvironment, known: np.ndarray | None, rng: np.random.RandomState
) -> FirstRows:
    """Random steps in the environment, whose actions become the classes of the estimator."""
    for env in (given.env, given.eval_env):
        if env is not None:
            check_environment(env)
    given.interaction.check()
    actions = actions_of(given.env, known)
    runner, eval_runner = (
        None if env is None else Runner(env, actions, int(rng.randint(2**31 - 1)))
        for env in (given.env, given.eval_env)
    )
    assert runner is not None
    explore = exploring(None, 1.0, len(actions), rng)
    chunk = runner.run(explore, given.interaction.learning_starts)
    if known is None:
        estimator._learn_classes(actions)
    x = estimator._input.check(estimator, chunk.observation, reset=known is None)
    next_x = estimator._input.check(estimator, chunk.next_observation)
    return FirstRows(
        x,
        chunk.action,
        next_x=next_x,
        log=Log(chunk.reward, chunk.terminated, chunk.episode),
        runner=runner,
        eval_runner=eval_runner,
        interaction=given.interaction,
        returns=chunk.returns,
    )


def recipe(estimator: Any, first: FirstRows) -> engine.Recipe:
    """Iterations of `updates_per_iter` updates, as many as there are steps for."""
    of = first.interaction
    size = learning.BATCH if estimator.batch_size == "auto" else estimator.batch_size
    n_updates = (of.n_steps - of.learning_starts) * of.updates_per_step
    n_iter = max(1, math.ceil(n_updates / estimator.updates_per_iter))
    return learning.q_recipe(estimator, size, n_iter)


def phases(estimator: Any, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
    """The one phase of deep Q-learning (Mnih et al., 2015)."""
    gradient = learning.bellman_gradient(estimator, task, learning.gradient_of_body(task))
    batches = EnvironmentBatches(estimator, task)
    stop = batches.interaction.stop_return
    parts = {
        "batches": batches,
        "step": single_step(estimator, task, gradient),
        "validator": _validator(task.plan.train, batches),
        "patience": ReturnPatience(task.recipe.n_iter_no_change, stop),
    }
    return [single_phase(estimator, task, past, **parts)]


class ReturnPatience(engine.Patience):
    """Patience that also ends training once a return is reached; of equal returns the last counts,
    since its policy has been trained longer.

    Parameters
    ----------
    n_iter_no_change : int or inf
    stop_return : float or None
    """

    def __init__(self, n_iter_no_change: float, stop_return: float | None) -> None:
        super().__init__(0.0, n_iter_no_change, higher_is_better=True)
        self.stop_return = math.inf if stop_return is None else stop_return

    def update(self, value: float) -> bool:
        """Take the score of an iteration; return whether it is the best so far."""
        return super().update(value) or value == self.best

    @property
    def ran_out(self) -> bool:
        """Whether training ends."""
        return super().ran_out or self.best >= self.stop_return


class EnvironmentBatches:
    """Batches of a replay buffer, which steps in an environment fill on the way.

    An epoch is an iteration: `updates_per_iter` updates, and the steps that belong to them.

    Parameters
    ----------
    estimator : FittedQClassifier
    task : Task
        Its rows to train on are `FirstRows`.
    """

    def __init__(self, estimator: Any, task: Task) -> None:
        rows: FirstRows = task.plan.train
        self.runner, self.interaction, self.rng = rows.runner, rows.interaction, task.rng
        self.returns = deque(rows.returns, maxlen=self.interaction.n_eval_episodes)
        self.reader, self.module, net = estimator._input, task.net.module_, task.net
        self.dtype, self.device = net.dtype, torch.device(net.device)
        self.gamma, self.n_steps = estimator.gamma, estimator.n_steps
        self.batch_size, self.n_batches = task.recipe.batch_size, estimator.updates_per_iter
        self.estimator, self.unit = estimator, float(task.net.module_.unit)
        size = min(self.interaction.buffer_size, self.interaction.n_steps)
        self.buffer = ReplayBuffer(size, rows.x.shape[1:], rows.x.dtype)
        self._store(rows.x, rows.next_x, rows.target, rows.log)
        self.n_samples = 1
        self._owed = 0.0

    def __len__(self) -> int:
        return self.n_batches

    @property
    def is_spent(self) -> bool:
        """Whether all steps have been taken."""
        return self.runner.n_steps >= self.interaction.n_steps

    def choose(self, observation: np.ndarray) -> np.ndarray:
        """Numbers of the best actions."""
        x = self.reader.place(self._checked(observation), self.dtype, self.device)
        with torch.inference_mode():
            return self.module.body(self.module.scale(x)).argmax(1).cpu().numpy()

    def _checked(self, observation: np.ndarray) -> np.ndarray:
        return (
            observation if observation.ndim == 2 else self.reader.check(self.estimator, observation)
        )

    def epoch(self, order: Any = None) -> Iterator[Any]:
        """Yield the batches of an iteration, steps being taken between them."""
        for _ in range(self.n_batches):
            if self._owed < 1 and not self.is_spent:
                self._interact()
            self._owed -= 1
            yield self._draw()

    def _interact(self) -> None:
        of, before = self.interaction, self.runner.n_steps
        explore = exploring(self.choose, of.epsilon_at(before), len(self.runner.actions), self.rng)
        chunk = self.runner.run(explore, min(of.train_frequency, of.n_steps - before))
        self.returns.extend(chunk.returns)
        log = Log(chunk.reward, chunk.terminated, chunk.episode)
        here, after = map(self._checked, (chunk.observation, chunk.next_observation))
        self._store(here, after, chunk.action, log)
        self._owed += (self.runner.n_steps - before) * of.updates_per_step

    def _store(self, x: Any, next_x: Any, action: np.ndarray, log: Log) -> None:
        steps = n_steps(log.reward, log.terminated, log.episode, self.gamma, self.n_steps)
        self.buffer.add(x, action, steps.reward / self.unit, next_x[steps.last], steps.discount)

    def _draw(self) -> tuple:
        kept = self.buffer
        rows = self.rng.randint(kept.n_stored, size=self.batch_size)
        x, next_x = (
            self.reader.place(part[rows], self.dtype, self.device)
            for part in (kept.observation, kept.next_observation)
        )
        return (x, next_x), to_tensor(kept.target[rows], self.dtype, self.device), None


def _validator(first: FirstRows, batches: EnvironmentBatches) -> Validator:
    """Mean return of episodes: of those without random actions where there is an environment for
    them, else of the last ones that were learned from."""
    n_episodes, runner = batches.interaction.n_eval_episodes, first.eval_runner

    def validate() -> tuple[Any, float]:
        if runner is None:
            return None, float(np.mean(batches.returns)) if batches.returns else -math.inf
        runner.reset()
        each = -(-n_episodes // runner.n_envs)
        return None, float(np.mean(runner.run(batches.choose, math.inf, each).returns))

    return validate
