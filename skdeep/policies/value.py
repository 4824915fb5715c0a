"""Fitted-Q evaluation by a network of its own, on the road of every other fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdeep.base.learning import Mode
from skdeep.policies.evaluation import as_array, limits_of
from skdeep.policies.transitions import Evaluated, GivenTransitions, Log, TransitionRows

_UPDATES = (1_000, 10_000)
_UPDATES_PER_ROW = 3
_PER_ITER = 250


def evaluator(n_samples: int) -> dict[str, Any]:
    """Parameters of a `FittedQClassifier` that learns the values of a given policy.

    The target network follows faster than in the search for a policy: there is no maximum that
    would run away with errors.
    """
    n_updates = int(np.clip(_UPDATES_PER_ROW * n_samples, *_UPDATES))
    return {
        "hidden_layer_sizes": (128, 128),
        "learning_rate": "cosine",
        "learning_rate_init": 0.003,
        "target_update": 0.02,
        "batch_size": 128,
        "max_iter": -(-n_updates // _PER_ITER),
        "updates_per_iter": _PER_ITER,
        "early_stopping": False,
        "random_state": 0,  # scores of several policies are compared: all meet the same draws
        "dtype": "float32",
    }


def fitted_value(
    network: Any, rows: TransitionRows, classes: np.ndarray, after: np.ndarray, at_start: np.ndarray
) -> float:
    """Mean value of the first states of episodes.

    Parameters
    ----------
    network : FittedQClassifier
        Unfitted, with the parameters of `evaluator`; of images with channels first.
    rows : TransitionRows
        Checked; actions are numbers.
    classes : ndarray of shape (n_actions,)
    after : ndarray of shape (n_samples, n_actions)
        Probabilities of the policy's actions in the next states.
    at_start : ndarray of shape (n_episodes, n_actions)
        In the first states of the episodes.
    """
    log: Log = rows.log
    x = as_array(rows.x)
    given = GivenTransitions(
        X=x,
        y=classes[rows.target],
        sample_weight=rows.weight,
        reward=log.reward,
        next_X=as_array(rows.next_x),
        terminated=log.terminated,
        episode=log.episode,
        evaluated=Evaluated(classes, after),
    )
    network._fit(given, Mode(in_search=True, quiet=True))
    values = np.sum(network.action_values(x[log.starts]) * at_start, 1)
    return float(np.clip(values, *limits_of(log.reward, network.gamma)).mean())
