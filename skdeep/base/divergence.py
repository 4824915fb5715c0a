"""Why a loss became infinite or NaN."""

from __future__ import annotations

import math
from typing import Any

from skdeep import engine
from skdeep.inputs.rows import Rows

_NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
_LARGE = 1e3  # beyond it a value is named as the likely cause


def cause_of(error: engine.NonFiniteLoss, estimator: Any, rows: Rows) -> str:
    """Likely cause of a loss that is not finite."""
    largest = estimator._input.largest(rows.x)
    total = math.inf if rows.weight is None else float(rows.weight.sum())
    alpha = getattr(estimator, "alpha", 0.0)
    cause = (
        f"X holds values up to {largest:.3g}: scale it, with StandardScaler for example"
        if largest > _LARGE
        else estimator._target_too_large(rows.target)
    )
    if cause is None and alpha > total:
        cause = (
            f"the weights of rows, which sum to {total:.3g}: against them alpha={alpha} "
            "is large; scale sample_weight or class_weight, or lower alpha"
        )
    if cause is None:
        cause = (
            f"learning_rate_init={estimator.learning_rate_init} is too large: lower it, or set "
            "gradient_clip_norm=1.0"
        )
    return f"{_NON_FINITE} The loss became infinite or NaN in epoch {error.epoch}; likely {cause}."
