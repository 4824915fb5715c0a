"""Training of masked networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.base.learning import Task, Validator
from skdeep.base.training import of_rows_or_stream
from skdeep.data.batches import MemberBatches
from skdeep.nets.masked import MaskedNet
from skdeep.outlier.gradient import MaskedBackprop
from skdeep.outlier.rows import EncodedRows

FEW_ROWS = 256


def plan_steps(n_samples: int, novelty: bool) -> tuple[int, int]:
    """Rows in a batch and training steps of a fit with 'auto'.

    Where training rows may be outliers, a longer training learns them too. Up to
    `FEW_ROWS` rows, which would be one batch, smaller batches and fewer steps rank outliers about
    as well, in half the time.
    """
    if n_samples <= FEW_ROWS:
        return 64, 500 if novelty else 200
    return FEW_ROWS, 700 if novelty else 300


TRIM_FROM = 0.2  # share of the training after which the worst rows are left out
_JUDGED = 1000  # held-out rows that an epoch is judged by, at most


def masked_net(detector: Any, rows: EncodedRows, rng: np.random.RandomState) -> MaskedNet:
    """Network of a detector, with initial weights."""
    _, sources = np.unique(rows.encoder.sources_, return_inverse=True)
    net = MaskedNet(
        int(detector.n_estimators),
        sources.tolist(),
        layer_sizes(detector.hidden_layer_sizes, "hidden_layer_sizes"),
        detector.activation,
        detector.mask_rate,
    ).double()
    net.initialize(rng)
    return net


def parts_of_training(
    estimator: Any, task: Task, groups: list[list[int]], trim: float
) -> dict[str, Any]:
    """Parts of the training of a masked network that differ from other estimators.

    Parameters
    ----------
    estimator : AutoencoderOutlierDetector
    task : Task
    groups : list of list of int
        Features that are hidden together when an epoch is judged.
    trim : float
        Share of the rows of largest loss that is left out.

    Returns
    -------
    dict
        Arguments of `skdeep.base.training.single_phase`.
    """
    net, recipe, mode, stops = task.net, task.recipe, task.mode, task.plan.stops_early
    module = net.module_

    def make(data: Any) -> MemberBatches:
        x = data[0][:, : module.n_columns]
        members = np.tile(np.arange(len(x)), (module.n_members, 1))
        return MemberBatches(x, x, None, members, batch_size=task.batch_size, rng=task.rng)

    batches = of_rows_or_stream(estimator, task, make, shuffle=True)
    optimizer = net.flat_optimizers_[0]
    gradient = MaskedBackprop(module, net.criterion_, optimizer.flat, module.n_members)

    def set_trim(t: float) -> None:
        gradient.share = trim if t >= TRIM_FROM else 0.0

    schedule = engine.Course(
        optimizer,
        recipe.learning_rate_init,
        recipe.max_iter * len(batches),
        engine.CURVES["constant" if mode.incremental else "one_cycle"],
        [] if mode.incremental else [set_trim],
        None if task.team is not None else recipe.max_time,  # clocks of processes differ
    )
    patience = engine.Patience(
        recipe.tol, recipe.n_iter_no_change if stops else np.inf, higher_is_better=stops
    )
    validator = None
    if task.held_out is not None:
        validator = _validator(module, task.held_out[0], groups, task.plan.scores)
    return {
        "batches": batches,
        "gradient": gradient,
        "schedule": schedule,
        "patience": patience,
        "validator": validator,
    }


def _validator(module: MaskedNet, x: torch.Tensor, groups: Any, scores: bool) -> Validator:
    """Mean squared residual of held-out rows, without masks and so without noise."""
    x = x[:_JUDGED, : module.n_columns]

    def validate() -> tuple[float, float | None]:
        with torch.inference_mode():
            loss = float(module.residuals(x, groups).square().mean())
        return loss, -loss if scores else None

    return validate
