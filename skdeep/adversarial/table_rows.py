"""Rows of mixed tables: read as positions, and learned by likelihood, then against a critic."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_consistent_length, column_or_1d

from skdeep import engine
from skdeep._checks import checked_data, column_names, is_frame
from skdeep.adversarial.base import player
from skdeep.adversarial.play import (
    BestAverage,
    BestParts,
    critic_loss,
    two_player_step,
    warn_where_collapsed,
)
from skdeep.base.learning import Plan, Task, Validator
from skdeep.base.training import make_batches, single_phase
from skdeep.data.batches import n_batches
from skdeep.engine.recipe import epochs_of_steps, even_batch_size
from skdeep.inputs.rows import RowInput, to_host
from skdeep.preprocessing.cells import object_kinds
from skdeep.preprocessing.columns import check_columns
from skdeep.preprocessing.modes import LARGEST
from skdeep.preprocessing.typed import described_polars, from_polars, to_polars

_EPOCHS, _STEPS = {"fixed": 50, "random": 30}, {"fixed": 1000, "random": 1200}  # the least
_MOST_EPOCHS = {"fixed": None, "random": 60}  # after more of them rows of small tables are copied
_COMPARED = 2000  # synthetic rows that are compared with real ones for a sign of collapse
_LARGEST_WEIGHT = 5.0  # of a synthetic row, in means; a critic far off must not rule alone
_WARM = 1000  # steps that the weights of the warm-up count for in the average of the play
_AT_A_TIME = 4096  # held-out rows


def joined(estimator: Any, X: Any, y: Any, *, reset: bool) -> tuple[list[pd.Series], list]:
    """Check X; return its columns with y as the last.

    Returns
    -------
    frame : DataFrame of shape (n_samples, n_columns)
        With columns 0, 1, ...; the names may be of any type.
    names : list
        What the columns are called, in messages and in synthetic tables.
    """
    X = to_host(X)
    if is_frame(X):
        check_columns(estimator, X, reset=reset)
        frame = X if isinstance(X, pd.DataFrame) else from_polars(X)
        names = list(frame.columns)
    else:
        X = checked_data(estimator, X, dtype=None, ensure_all_finite=False, reset=reset)
        frame = pd.DataFrame(X)
        if frame.dtypes.eq(object).any():
            frame = frame.apply(_inferred)
        names = column_names(estimator)
    columns = [frame.iloc[:, j] for j in range(frame.shape[1])]
    for column, name in zip(columns, names):
        if column.dtype == object:
            object_kinds(column, name)  # for its error
    if y is not None:
        y = to_host(y)
        check_consistent_length(frame, y)
        if hasattr(y, "to_pandas"):  # of polars
            y = from_polars(y.to_frame()).iloc[:, 0].rename(y.name or None)
        if not isinstance(y, pd.Series):
            y = pd.Series(column_or_1d(np.asarray(y)))
        columns.append(y)
        names = [*names, "target" if y.name is None else y.name]
    columns = [c.reset_index(drop=True).rename(n) for c, n in zip(columns, names)]
    return columns, names


def _inferred(column: pd.Series) -> pd.Series:
    """Infer the type of a column of objects, if no value is changed."""
    better = column.infer_objects()
    whole = better.dtype.kind != "f" or pd.api.types.infer_dtype(column) != "integer"
    return better if whole else column


def layout_of(X: Any, columns: list[pd.Series]) -> Any:
    """Layout of X as plain data: None for a pandas DataFrame, a dict with the types of `columns`
    for polars, and the dtype of an array otherwise."""
    if isinstance(X, pd.DataFrame):
        return None
    if is_frame(X):
        schema = [described_polars(dtype) for dtype in X.dtypes]
        return {"polars": schema + [None] * (len(columns) - len(schema))}
    kinds = {c.dtype for c in columns}
    if any(not isinstance(k, np.dtype) or k.kind not in "iufb" for k in kinds):
        return np.dtype(object)
    common = np.result_type(*kinds)
    if common.kind == "f" and any(k.kind in "iu" and k.itemsize == 8 for k in kinds):
        exact = [c for c in columns if c.dtype.kind in "iu"]
        if any(np.abs(c.astype(object)).max() > LARGEST for c in exact):
            return np.dtype(object)  # floats would change these integers
    return common


def to_layout(arrays: list, names: list, layout: Any) -> Any:
    """Convert columns of synthetic values to the layout of X.

    Parameters
    ----------
    arrays : list of array of shape (n_samples,)
    names : list
    layout : numpy.dtype, dict or None
        See `layout_of`.
    """
    if isinstance(layout, dict):
        return to_polars(arrays, names, layout["polars"])
    # With its type: pandas would make text of objects.
    frame = pd.DataFrame({j: pd.Series(a, dtype=a.dtype) for j, a in enumerate(arrays)})
    frame.columns = names
    return frame if layout is None else frame.to_numpy(dtype=layout)


def positions_of(modes: list, columns: list[pd.Series], unknown: Any = None) -> np.ndarray:
    """Positions of the cells of columns among their modes, (n_samples, n_columns).

    Parameters
    ----------
    modes : list of NumberModes or LevelModes
    columns : list of Series
    unknown : {'missing', 'unexpected'}, default=None
        Cells whose position is NaN: all missing ones, or those of columns that had none in fit,
        where None raises.
    """
    out = np.full((len(columns[0]), len(columns)), np.nan)
    for j, (m, column) in enumerate(zip(modes, columns)):
        skipped = unknown == "missing" or (unknown == "unexpected" and not m.has_missing)
        known = ~column.isna().to_numpy(dtype=bool) if skipped else np.ones(len(column), dtype=bool)
        if known.any():
            out[known, j] = m.encode(column[known] if skipped else column)
    return out


def described(modes: Any) -> dict[str, Any]:
    """Description of the modes of a column for a network."""
    return {
        "n_modes": len(modes),
        "has_missing": bool(modes.has_missing),
        "edges": modes.scaled_edges().tolist() if modes.is_number else None,
    }


class _Positions(RowInput):
    """Reader of rows of positions, whose magnitude is not informative about the data."""

    def keys(self, X: Any, target: Any) -> list[bytes]:
        return [row.tobytes() for row in X]

    def largest(self, X: Any) -> float:
        return 0.0


POSITIONS = _Positions()


def recipe(estimator: Any, plan: Plan) -> engine.Recipe:
    """Recipe of generator and critic for the rows of a plan."""
    n_samples, smallest = len(plan.train), 2 * estimator.pac
    size, n_epochs = estimator.batch_size, estimator.max_iter
    if size == "auto":
        size = int(np.clip(n_samples // 20, 32, 256))
    size = even_batch_size(min(size, n_samples), n_samples)
    if n_epochs == "auto":
        n_epochs = epochs_of_steps(
            _STEPS[estimator.order],
            n_batches(n_samples, size, smallest),
            _EPOCHS[estimator.order],
            _MOST_EPOCHS[estimator.order],
        )
    rate, play_rate = estimator.learning_rate_init, estimator.play_learning_rate
    return engine.Recipe.of(
        estimator,
        batch_size=size,
        smallest_batch=smallest,
        max_iter=n_epochs,
        n_iter_no_change=estimator.n_iter_no_change if plan.stops_early else math.inf,
        draws_noise=True,
        players={
            "generator": player(rate, 0.9, estimator.beta_2, estimator.alpha),
            "critic": player(play_rate, 0.0, estimator.beta_2),
        },
    )


def phases(estimator: Any, task: Task) -> list[engine.Phase]:
    """Warm-up and adversarial training, each if it has an epoch."""
    n_epochs = task.recipe.max_iter
    n_warm_up = min(round(n_epochs * estimator.warm_up), n_epochs)
    parts = ((warm_up, n_warm_up), (play, n_epochs - n_warm_up))
    return [functools.partial(phase, estimator, task, n) for phase, n in parts if n]


def warn_of_collapse(task: Task) -> None:
    """Warn if synthetic rows vary far less than the training rows."""
    generator, real = task.net.module_.generator, task.data[0]
    made = generator.sample(min(_COMPARED, 8 * len(real)), task.noise)
    features = generator.features
    warn_where_collapsed(features(made), features(real[:_COMPARED]))


def warm_up(estimator: Any, task: Task, n_epochs: int, shared: engine.Shared) -> engine.Training:
    """Training of the generator by likelihood alone, with a rate that decays to 0."""
    net, recipe = task.net, task.recipe
    generator, optimizer = net.module_.generator, net.flat_optimizers_[0]
    best = BestParts(generator.parts) if task.plan.stops_early else None
    gradient = engine.Autograd(generator, net.criterion_, optimizer.flat)
    batches = make_batches(estimator, task)
    phase = single_phase(
        estimator,
        task,
        {},
        batches=batches,
        step=engine.SingleStep(
            optimizer,
            gradient,
            engine.Penalty(optimizer.flat, 0.0),
            clip=recipe.gradient_clip_norm,
        ),
        average=engine.MovingAverage(optimizer.flat, estimator.ema),
        schedule=engine.Course(
            optimizer,
            recipe.learning_rate_init,
            n_epochs * len(batches),
            engine.CURVES["cosine"],
            max_time=shared.max_time,
        ),
        validator=likelihood(task, None if best is None else best.observe),
        best=best,
        n_epochs=n_epochs,
    )
    return phase(shared)


def play(estimator: Any, task: Task, n_epochs: int, shared: engine.Shared) -> engine.Training:
    """Adversarial training of generator and critic, both with new moments."""
    net, recipe, plan = task.net, task.recipe, task.plan
    generator, optimizer = net.module_.generator, net.flat_optimizers_[0]
    optimizer.forget()
    average = engine.MovingAverage(optimizer.flat, estimator.ema, count=_WARM)
    game = RowPlay(
        generator,
        net.module_.critic,
        net.criterion_,
        estimator.loss,
        estimator.gradient_penalty,
        task.noise,
    )
    batches = make_batches(estimator, task)
    judge = likelihood(task)
    phase = single_phase(
        estimator,
        task,
        {},
        batches=batches,
        step=two_player_step(estimator, task, game),
        average=average,
        schedule=engine.Course(
            optimizer,
            estimator.play_learning_rate,
            n_epochs * len(batches),
            engine.CURVES["constant"],
        ),
        patience=engine.Patience(
            recipe.tol,
            recipe.n_iter_no_change,
            higher_is_better=plan.stops_early,
            best=judge()[1] if plan.stops_early and judge is not None else None,
        ),
        validator=judge,
        best=BestAverage(average) if plan.stops_early else None,
        n_epochs=n_epochs,
    )
    return phase(shared)


def likelihood(task: Task, observe: Callable[[list[float]], Any] | None = None) -> Validator | None:
    """Function that returns the loss and the log-likelihood of held-out rows and passes the loss of
    each part of the generator to `observe`."""
    if task.held_out is None:
        return None
    generator, x = task.net.module_.generator, task.held_out[0]

    def validate() -> tuple[float, float | None]:
        generator.eval()
        with torch.no_grad():
            parts = -torch.cat([generator(part) for part in x.split(_AT_A_TIME)]).mean(0)
        loss = float(parts.sum())
        if observe is not None:
            observe(parts.tolist() if len(generator.parts) > 1 else [loss])
        return loss, -loss

    return validate


class RowPlay:
    """Losses of generator and critic of table rows.

    Parameters
    ----------
    generator : RowGenerator
    critic : RowCritic
    likelihood : callable
        Minus the log-likelihood of each row, from the generator's output.
    loss : {'relativistic', 'wgan-gp'}
    penalty : float
    noise : torch.Generator
    """

    def __init__(
        self, generator: Any, critic: Any, likelihood: Any, loss: Any, penalty: float, noise: Any
    ):
        self.generator, self.critic, self.likelihood = generator, critic, likelihood
        self.loss, self.penalty, self.noise = loss, penalty, noise

    def _synthetic(self, n: int) -> torch.Tensor:
        self.generator.eval()
        made = self.generator.sample(n, self.noise)
        self.generator.train()
        return made

    def critic_loss(self, batch: Any) -> torch.Tensor:
        """Loss of the critic on packs of rows."""
        pac = self.critic.pac
        x = batch[0][: len(batch[0]) // pac * pac]
        with torch.no_grad():
            real = self.generator.features(x)
            made = self.generator.features(self._synthetic(len(x)))
        return critic_loss(
            self.critic,
            real,
            made,
            loss=self.loss,
            penalty=self.penalty,
            noise=self.noise,
            pac=pac,
        )

    def generator_loss(self, batch: Any) -> torch.Tensor:
        """Minus the log-likelihood of real rows, and of synthetic ones as the critic weighs them.

        The weights are the critic's estimates of the ratio of the densities, ``exp(C)``, over
        their mean; less one, so that a critic that cannot tell weighs nothing (Che et al., 2017).
        A Wasserstein critic is no such ratio: its standardised score takes its place.
        """
        x, pac = batch[0], self.critic.pac
        made = self._synthetic(len(x) // pac * pac)
        with torch.no_grad():
            score = self.critic(self.generator.features(made))
            if self.loss == "wgan-gp":
                weight = (score - score.mean()) / (score.std(correction=0) + 1e-6)
            else:
                weight = torch.softmax(score, 0) * len(score)
                weight = weight.clamp(max=_LARGEST_WEIGHT) - 1
            weight = weight.repeat_interleave(pac)
        both = self.likelihood(self.generator(torch.cat([x, made])), None)
        return both[: len(x)].mean() + (weight * both[len(x) :]).mean()
