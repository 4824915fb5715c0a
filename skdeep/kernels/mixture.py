"""A network for series and a linear model on `RandomKernels`: what their estimators share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from skdeep.base.estimator import DeepEstimator, new_random_state
from skdeep.base.learning import Mode, Plan, Task
from skdeep.inputs.rows import Rows, to_host
from skdeep.kernels.head import PRIOR_WEIGHT, choose_weight, fit_head, head_scores, mixed
from skdeep.kernels.transformer import RandomKernels
from skdeep.nets.kernels import LENGTH

FEWEST_ROWS, FEWEST_STEPS = 10, LENGTH + 3
"""Rows, and steps of the median series, from which kernels='auto' uses kernels."""
MANY_ROWS, MOST_ROWS = 2000, 10_000
"""Rows above which kernels='auto' has fewer features, which a solver in closed form can bear, and
above which it leaves kernels to the network."""
FEW: dict[str, Any] = {"n_kernels": 500, "n_groups": 8}
"""Features for many rows."""


class KernelMixture(DeepEstimator):
    """Base of estimators whose network for series is averaged with a linear model on kernels."""

    input_shape_: tuple[int | None, ...]
    kernels_: RandomKernels | None
    kernel_weight_: float

    def _plan(
        self, rows: Rows, validation: Rows | None, mode: Mode, rng: np.random.RandomState
    ) -> Plan:
        kernels_for(self, rows)  # raises before training
        return super()._plan(rows, validation, mode, rng)

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        if not task.ended:  # what a callback sees is the network
            return super()._keep(task, runs)
        return super()._keep(task, runs) | fit_mixture(self, task)

    def _predict_raw(self, X: Any) -> Tensor:
        if getattr(self, "kernels_", None) is None:
            return super()._predict_raw(X)
        checked, x = self._placed(X)
        with torch.inference_mode():
            raw = self._only_finite(self._forward(self.net_.module_, x), checked)
            return self._only_finite(mix(self, checked, raw), checked)


def kernels_for(estimator: Any, rows: Rows) -> RandomKernels | None:
    """The transformer that the parameter `kernels` asks for, not fitted, or None.

    Raises
    ------
    ValueError
        If it is given for images or token ids, or for another loss than the squared error.
    """
    chosen, n, shape = estimator.kernels, rows.n_rows, rows.x.shape[1:]
    if chosen is None:
        return None
    has_tokens = getattr(estimator, "vocabulary_size", None) is not None
    is_mean = getattr(estimator, "loss", "squared_error") == "squared_error"
    own = {name: getattr(estimator, name) for name in ("data_format", "missing")}
    if isinstance(chosen, RandomKernels):
        if len(shape) != 2 or has_tokens:
            held = "token ids" if has_tokens else "images"
            raise ValueError(f"kernels={chosen!r} is for series, and X holds {held}: use None.")
        if not is_mean:
            raise ValueError(
                f"kernels={chosen!r}: with loss={estimator.loss!r} expected None, for the linear "
                "model on the kernels predicts the mean."
            )
        return clone(chosen).set_params(**own)
    length = 0
    if len(estimator.input_shape_) == 2:  # a matrix may hold any vectors, or token ids
        length = shape[1] or int(np.median(rows.x.lengths))
    fits = FEWEST_ROWS <= n <= MOST_ROWS and length >= FEWEST_STEPS
    has_window = getattr(estimator, "instance_norm", None) or getattr(
        estimator, "linear_skip", False
    )
    if has_window or not (is_mean and fits) or len(getattr(estimator, "classes_", "ab")) < 2:
        return None
    size: dict[str, Any] = FEW if n > MANY_ROWS else {}
    return RandomKernels(own_scale=estimator.own_scale, device=estimator.device, **own, **size)


def fit_mixture(estimator: Any, task: Task) -> dict[str, Any]:
    """Fit the kernels and their linear model on the rows that the network was trained on.

    Returns
    -------
    dict
        Fitted attributes: 'kernels_' and 'kernel_weight_', None and 0.0 where there are none, and
        '_kernel_head', the linear model.
    """
    kernels = kernels_for(estimator, task.plan.train)
    if kernels is None:
        return {"kernels_": None, "kernel_weight_": 0.0, "_kernel_head": None}
    train, device = task.plan.train, torch.device(task.net.device)
    rng = task.rng if kernels.random_state is None else new_random_state(kernels.random_state)
    kernels.fit_rows(train.x, device, rng, estimator.input_shape_)
    features, activation = kernels.transform_rows(train.x, device), estimator.out_activation_
    head = fit_head(features, to_host(task.data[1]), train.weight, activation).state
    share = PRIOR_WEIGHT
    if task.plan.held_out is not None and task.held_out is not None:
        x, target, weight = task.held_out
        with torch.inference_mode():
            raw = estimator._forward(task.net.module_, x)
        scores = _scores(kernels, head, task.plan.held_out.x, raw)
        share = choose_weight(raw, scores, target, weight, activation)
    return {"kernels_": kernels, "kernel_weight_": share, "_kernel_head": head}


def mix(estimator: Any, rows: Any, raw: Tensor) -> Tensor:
    """Raw scores of checked rows, of the network and of the linear model together."""
    scores = _scores(estimator.kernels_, estimator._kernel_head, rows, raw)
    return mixed(raw, scores, estimator.kernel_weight_, estimator.out_activation_)


def _scores(kernels: RandomKernels, head: dict[str, Any], rows: Any, raw: Tensor) -> Tensor:
    """Scores of the linear model, where and in the precision that those of the network have."""
    features = kernels.transform_rows(rows, raw.device)
    return torch.as_tensor(head_scores(head, features)).to(raw)
