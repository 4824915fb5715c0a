"""Logged transitions: what was observed, done and rewarded, and what followed, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from skdeep._checks import checked_array
from skdeep.base.learning import Given
from skdeep.data.batches import to_tensor
from skdeep.data.transitions import n_steps, starts_of
from skdeep.inputs.rows import Rows, read_target


class Evaluated(NamedTuple):
    """A policy whose values are to be learned, in place of those of the best one.

    Attributes
    ----------
    classes : ndarray of shape (n_actions,)
        All actions.
    after : ndarray of shape (n_samples, n_actions)
        Their probabilities in the next states.
    """

    classes: np.ndarray
    after: np.ndarray


@dataclass(frozen=True, kw_only=True)
class GivenTransitions(Given):
    """What a user handed to a fitting method of a policy."""

    reward: Any = None
    next_X: Any = None
    terminated: Any = None
    episode: Any = None
    evaluated: Evaluated | None = None


@dataclass(frozen=True)
class Log:
    """Rewards and ends of rows in the order of time.

    Attributes
    ----------
    reward : ndarray of float64 of shape (n_samples,)
    terminated : ndarray of bool of shape (n_samples,)
    episode : ndarray of int of shape (n_samples,)
        Number of the episode, from 0.
    """

    reward: np.ndarray
    terminated: np.ndarray
    episode: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """The first row of each episode."""
        return starts_of(self.episode)


@dataclass(frozen=True)
class TransitionRows(Rows):
    """Rows with what followed them; the target is the number of the action.

    Attributes
    ----------
    next_x : like x
        Observations after the action; of no meaning where `terminated`.
    log : Log
    policy : ndarray of shape (n_samples, n_actions) or None
        Probabilities of the actions after `next_x`, where the values of a given policy are
        learned.
    """

    next_x: Any = None
    log: Any = None
    policy: np.ndarray | None = None

    def __getitem__(self, rows: np.ndarray) -> Self:
        part = super().__getitem__(rows)
        log = Log(self.log.reward[rows], self.log.terminated[rows], self.log.episode[rows])
        policy = None if self.policy is None else self.policy[rows]
        return replace(part, next_x=self.next_x[rows], log=log, policy=policy)

    def with_weight(self) -> Self:
        """All rows: those of weight zero are steps of their episode like the others."""
        return self

    def tensors(self, estimator: Any, net: Any) -> tuple[Any, Any, Any]:
        """Pairs of observations, before and after; the target has the number of the action, the
        rewards in between, the discount of what follows and, if given, a policy's probabilities."""
        log, place, device = self.log, estimator._input.place, torch.device(net.device)
        gamma, n = estimator.gamma, estimator.n_steps
        steps = n_steps(log.reward, log.terminated, log.episode, gamma, n)
        unit = float(net.module_.unit)
        target = np.column_stack([self.target, steps.reward / unit, steps.discount])
        if self.policy is not None:
            target = np.hstack([target, self.policy[steps.last]])
        x, next_x, weight = self.x, self.next_x[steps.last], None
        if self.weight is not None:
            counted = np.flatnonzero(self.weight)
            x, next_x, target = (part[counted] for part in (x, next_x, target))
            weight = to_tensor(self.weight[counted], net.dtype, device)
        both = place(x, net.dtype, device), place(next_x, net.dtype, device)
        return both, to_tensor(target, net.dtype, device), weight


def read_log(
    reward: Any, terminated: Any, episode: Any, n_samples: int, has_next: bool
) -> tuple[Log, np.ndarray]:
    """Check rewards, ends and episodes of rows.

    Parameters
    ----------
    reward, terminated, episode : array-like of shape (n_samples,)
        All but `reward` may be None.
    n_samples : int
    has_next : bool
        Whether the observations that followed are given.

    Returns
    -------
    log : Log
        Of the rows of which it is known what followed.
    kept : ndarray of int
        The numbers of these rows.
    """
    log = _checked(reward, terminated, episode, n_samples)
    early = np.flatnonzero(log.terminated[:-1] & (log.episode[1:] == log.episode[:-1]))
    if len(early):
        row = int(early[0])
        raise ValueError(
            f"terminated is True in row {row}, but row {row + 1} belongs to the same episode: give "
            "`episode` a label of its own for each, and rows in the order of time."
        )
    if has_next:
        return log, np.arange(n_samples)
    is_last = np.r_[log.episode[1:] != log.episode[:-1], True]
    kept = np.flatnonzero(log.terminated | ~is_last)
    if not len(kept):
        raise ValueError(
            "Each episode has one row that is not terminated, and next_X=None: there is no row "
            "that is known to follow another. Pass `next_X`, or `terminated`."
        )
    return Log(log.reward[kept], log.terminated[kept], log.episode[kept]), kept


def _checked(reward: Any, terminated: Any, episode: Any, n_samples: int) -> Log:
    given = {"reward": reward, "terminated": terminated, "episode": episode}
    arrays = {}
    for name, values in given.items():
        if values is None:
            continue
        values = read_target(values, numeric=name != "episode", name=name)
        values = checked_array(values, name, ensure_2d=False, dtype=None)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.shape != (n_samples,):
            raise ValueError(
                f"{name} has the shape {values.shape}: expected one value for each of the "
                f"{n_samples} rows of X."
            )
        arrays[name] = values
    numbers = np.zeros(n_samples, dtype=int)
    if episode is not None:
        numbers = _numbered(arrays["episode"])
    if terminated is None:
        ended = np.r_[numbers[1:] != numbers[:-1], True]
    else:
        ended = arrays["terminated"]
        if not np.isin(ended, (0, 1)).all():
            raise ValueError(
                f"terminated holds {ended[~np.isin(ended, (0, 1))][0]}: expected True or False."
            )
    return Log(arrays["reward"].astype(np.float64), ended.astype(bool), numbers)


def _numbered(episode: np.ndarray) -> np.ndarray:
    """Episodes numbered in the order of their rows, which must be consecutive."""
    labels, codes = np.unique(episode, return_inverse=True)
    starts = starts_of(codes)
    first = codes[starts]
    if len(first) > len(labels):
        seen: set = set()
        for code, row in zip(first, starts):
            if code in seen:
                raise ValueError(
                    f"Rows of episode {labels[code]!r} are not consecutive: row {row} is one, but "
                    f"row {row - 1} is not. Sort the rows by episode and time."
                )
            seen.add(code)
    return np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(codes)]))


def refuse_orphans(given: GivenTransitions) -> None:
    """Raise where something is said of transitions, but not their rewards."""
    for name in ("next_X", "terminated"):
        if getattr(given, name) is not None:
            raise ValueError(f"{name} is provided, but reward was not provided.")


def followed_by(X: Any, next_X: Any, kept: np.ndarray, terminated: np.ndarray) -> tuple[Any, Any]:
    """Rows of which it is known what followed, and the observations that did.

    Parameters
    ----------
    X : checked rows
    next_X : checked rows, or None
        None stands for the next row of X.
    kept : ndarray of int
    terminated : ndarray of bool
        Of the kept rows: nothing follows them.
    """
    if next_X is not None:
        return X, next_X
    return X[kept], X[np.where(terminated, kept, kept + 1)]
