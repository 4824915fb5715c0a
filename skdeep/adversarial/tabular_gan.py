"""Generator of synthetic rows, by likelihood and against a critic."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.adversarial import table_rows
from skdeep.adversarial.any_order import AnyColumns, in_parts
from skdeep.adversarial.base import (
    check_n_samples,
    losses_of_play,
    noise_for,
    player_attributes,
    refuse_single_sample,
)
from skdeep.adversarial.conditions import (
    ROWS_AT_A_TIME,
    draw_rows,
    read_conditions,
    warn_of_contradiction,
)
from skdeep.adversarial.table_rows import (
    POSITIONS,
    described,
    joined,
    layout_of,
    positions_of,
    to_layout,
)
from skdeep.base.learning import Given, Mode, Plan, Task
from skdeep.inputs.rows import Rows
from skdeep.nets.tabular_gan import AnyOrderGenerator, TabularGANNet, initialize
from skdeep.parameters import adversarial as tables
from skdeep.parameters.entry import public
from skdeep.preprocessing.modes import LevelModes, NumberModes, learn_modes


@public(tables.TABULAR_GAN, tables.TABULAR_GAN_ATTRIBUTES)
class TabularGAN(AnyColumns):
    """Generator of synthetic rows for mixed tables: any columns given, any columns asked.

    Tables may have numbers, integers, booleans, categories, dates and missing values; synthetic
    rows have the same columns and types. The generator samples a row column by column, each
    given others: with ``order='random'`` any others, so that one model samples rows
    (`sample`), also given values, intervals or sets of values of any columns, fills gaps
    (`impute`), predicts any column (`predict_proba`) and scores rows (`score_samples`). Rows are
    independent of each other: tables with several rows for one key, like the purchases of a
    customer over time, are not modelled as such.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    GANOverSampler : Synthetic rows of the rarer classes.
    TabularImputer : Transformer that fills gaps.
    sklearn.neighbors.KernelDensity : Samples of numbers.
    skdeep.metrics : Measures of synthetic rows.

    Notes
    -----
    Modes are those of CTGAN (Xu et al., NeurIPS 2019), found by quantiles instead of a mixture. The
    column-wise networks are those of NADE (Larochelle and Murray, 2011), for random orders as in
    Uria, Murray and Larochelle (2014).

    Training is by maximum likelihood. With `warm_up` below 1 the last epochs go against a critic
    that learns to tell synthetic rows from real ones, as in MaliGAN (Che et al., 2017): the
    gradient of the log-probability of synthetic rows is weighted by the ratio of the densities
    that the critic has found. On four tables (``benchmarks/README.md``) this gave no better rows
    and doubled the time, and so is left out by default.

    Numbers lie evenly between eight quantiles inside their mode, in the range and with the
    decimals of the training data. Quantiles, levels and extremes are values that occurred: columns
    that identify persons have to be left out, and a synthetic table is not thereby anonymous.
    Integers, dates, periods and decimals are multiples of the step between those of the training
    data; days of a time zone start where its days do. A column whose range has more than 2**53
    steps, like hashes, gets only values that occurred. Of two equal times on a clock that is set
    back the first one is meant where times are even on that clock.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skdeep import TabularGAN
    >>> rng = np.random.default_rng(0)
    >>> kind = rng.choice(["cat", "dog"], size=600)
    >>> weight = np.where(kind == "cat", 4, 20) + rng.normal(size=600).round(1)
    >>> animals = pd.DataFrame({"kind": kind, "weight": weight})
    >>> gan = TabularGAN(max_iter=20, random_state=0, device="cpu").fit(animals)
    >>> rows = gan.sample(200, conditions={"kind": "cat"})
    >>> rows["kind"].unique().tolist(), bool(rows["weight"].mean() < 6)
    (['cat'], True)
    """

    column_names_: list[Any]
    n_iter_warm_up_: int
    out_activation_ = "softmax"

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (128, 128),
        *,
        critic_layer_sizes: ArrayLike = (128, 128),
        loss: str = "relativistic",
        gradient_penalty: float = 1.0,
        pac: int = 1,
        critic_ratio: int = 1,
        order: str = "random",
        warm_up: float = 1.0,
        n_bins: int | Literal["auto"] = "auto",
        max_categories: int = 100,
        ema: float = 0.99,
        dropout: float = 0.1,
        alpha: float = 0.01,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 0.002,
        play_learning_rate: float = 0.0002,
        max_iter: int | Literal["auto"] = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 15,
        tol: float = 0.0,
        beta_2: float = 0.99,
        gradient_clip_norm: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
        device: str | torch.device = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.critic_layer_sizes = critic_layer_sizes
        self.loss = loss
        self.gradient_penalty = gradient_penalty
        self.pac = pac
        self.critic_ratio = critic_ratio
        self.order = order
        self.warm_up = warm_up
        self.n_bins = n_bins
        self.max_categories = max_categories
        self.ema = ema
        self.dropout = dropout
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.play_learning_rate = play_learning_rate
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.beta_2 = beta_2
        self.gradient_clip_norm = gradient_clip_norm
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    # --- fit -------------------------------------------------------------------------------

    @property
    def _input(self) -> Any:
        return POSITIONS

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        columns, names = joined(self, given.X, given.y, reset=True)
        if given.y is not None and names[-1] in names[:-1]:
            raise ValueError(
                f"y is called {names[-1]!r} in synthetic rows, as a column of X is: rename one of "
                "them, y = y.rename(...) for example."
            )
        n_samples, n_bins, n_single = len(columns[0]), self.n_bins, 0
        refuse_single_sample(n_samples)
        if n_bins == "auto":
            n_bins = int(np.clip(n_samples // 25, 8, 64))
            n_single = min(n_samples // 25, 256) if self.order == "random" else 0
        modes = [learn_modes(c, n_bins, self.max_categories, n_single) for c in columns]
        self._modes = [(m.is_number, dict(vars(m))) for m in modes]
        self.column_names_ = names
        self.n_outputs_ = len(names)
        self._layout = layout_of(given.X, columns)
        positions = positions_of(modes, columns).astype(np.float32)
        return Rows(positions, None), None

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        modes = self.modes_
        net = TabularGANNet(
            [described(m) for m in modes],
            layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes"),
            layer_sizes(self.critic_layer_sizes, "critic_layer_sizes"),
            self.dropout,
            self.pac,
            self.order,
        ).double()
        initialize(net, rng, [m.counts for m in modes])
        return net

    def _recipe(self, plan: Plan) -> engine.Recipe:
        return table_rows.recipe(self, plan)

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        return table_rows.phases(self, task)

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        losses = runs[-1].curves.losses
        if not task.net.is_frozen:
            table_rows.warn_of_collapse(task)
        own = [loss[0] if isinstance(loss, tuple) else loss for loss in losses]
        return player_attributes(task, runs, own) | {
            "n_iter_warm_up_": len(losses) - len(losses_of_play(runs)),
            "n_outputs_": self.n_outputs_,
        }

    @property
    def modes_(self) -> list[Any]:
        """Modes of each column, with those of y last."""
        return [
            (NumberModes if is_number else LevelModes)(**fields)
            for is_number, fields in self._modes  # plain data, which files without code can hold
        ]

    # --- use -------------------------------------------------------------------------------

    def sample(
        self,
        n_samples: int = 1,
        *,
        conditions: dict[Any, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Sample synthetic rows.

        Parameters
        ----------
        n_samples : int, default=1
            How many; at least 1.

        conditions : dict or DataFrame of shape (n_samples, n_given), default=None
            What some columns are, by name (of an array: by number): one value for all rows, a
            list of one for each, a set of values, or an interval, which is a slice with both ends
            included (as in pandas, None being no end) or a `pandas.Interval`. They hold exactly,
            and the other columns follow from them.

        random_state : int, RandomState instance or None, default=None
            Seed of the rows. None takes the `random_state` of the estimator: with an int there,
            each call returns the same rows.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_columns)
            With the columns and types of the X of `fit` (of pandas or polars), and its y, if
            there was one, as the last column.

        Raises
        ------
        ValueError
            If `n_samples` is less than 1, or a condition cannot be met: no such column, a level
            or missing value that `fit` did not see, a number outside the range that it saw, an
            interval without values, an empty set.

        Warns
        -----
        UserWarning
            If conditions contradict each other (with ``order='random'``): each may hold, but they
            hardly ever occur together.
        """
        check_is_fitted(self)
        n_samples, modes = check_n_samples(n_samples), self.modes_
        noise = noise_for(self, random_state)
        by_number = isinstance(self._layout, np.dtype)
        wanted = read_conditions(conditions, n_samples, modes, self.column_names_, by_number)
        generator = self.net_.module_.generator
        with engine.threads_for(ROWS_AT_A_TIME, self.net_.n_parameters):
            positions = draw_rows(generator, n_samples, len(modes), wanted, noise)
            n_conditions = len(wanted.given) + len(wanted.allowed)
            if n_conditions > 1 and isinstance(generator, AnyOrderGenerator):
                warn_of_contradiction(generator, len(modes), wanted, noise)
        made = [m.decode(positions[:, j]) for j, m in enumerate(modes)]
        for j, (values, _) in wanted.given.items():
            made[j] = values
        for j, allowed in wanted.allowed.items():
            made[j] = allowed.decode(modes[j], positions[:, j])
        return to_layout(made, self.column_names_, self._layout)

    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Compute the logarithm of the density of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows as in `fit`. With ``order='random'`` they may have gaps: a missing value in a
            column that had none in `fit` is unknown, and the density is that of the other cells.

        y : array-like of shape (n_samples,), default=None
            Their y, if `fit` had one; without it the density is that of X alone.

        Returns
        -------
        density : ndarray of shape (n_samples,)
            The probability of categories and of frequent or few numbers, times the density of
            other numbers in the units of the data. A number outside the range of `fit` counts as
            the nearest one inside.

        Raises
        ------
        ValueError
            If there is a level that `fit` did not see, or with ``order='fixed'`` a missing value
            in a column that `fit` saw none in.
        """
        check_is_fitted(self)
        columns, _ = joined(self, X, y, reset=False)
        n_columns = len(self.modes_)
        if len(columns) > n_columns:
            raise ValueError("y was given, but fit had none.")
        modes, generator = self.modes_[: len(columns)], self.net_.module_.generator
        takes_gaps = isinstance(generator, AnyOrderGenerator)
        positions = positions_of(modes, columns, "unexpected" if takes_gaps else None)
        known = ~np.isnan(positions)
        filled = np.where(known, positions, 0.5)
        density = sum(m.log_densities(p) * k for m, p, k in zip(modes, filled.T, known.T))
        rows = np.full((len(positions), n_columns), np.nan if takes_gaps else 0.5)
        rows[:, : len(columns)] = positions
        log_p = generator.log_probabilities if takes_gaps else self.net_.module_
        return density + in_parts(log_p, rows, self.net_.parameter)[:, : len(columns)].sum(1)

    def score(self, X: Any, y: Any = None) -> float:
        """Compute the mean log-density of rows, a figure of quality where `fit` has not seen them.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows as in `fit`.

        y : array-like of shape (n_samples,), default=None
            Their y, if `fit` had one.

        Returns
        -------
        score : float
            Greater is better.
        """
        return float(self.score_samples(X, y).mean())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
