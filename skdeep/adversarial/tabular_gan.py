"""Generator of table rows, against a critic."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np
import pandas as pd
import torch
from pandas.api.types import is_list_like
from sklearn.utils.validation import check_is_fitted

from skdeep import engine, losses
from skdeep.adversarial.base import DeepGenerator
from skdeep.adversarial.table_rows import as_made, joined, layout_of
from skdeep.adversarial.tabular_play import TabularPlay
from skdeep.base.old_estimator import new_random_state
from skdeep.base.old_training import Mode
from skdeep.data.split import split_rows
from skdeep.nets.tabular_gan import TabularGANNet, initialize
from skdeep.parameters import adversarial as tables
from skdeep.parameters.entry import public
from skdeep.parameters.sizes import layer_sizes
from skdeep.preprocessing.columns import is_frame
from skdeep.preprocessing.modes import LevelModes, NumberModes, learn_modes

_ROWS_AT_A_TIME = 8192


@public(tables.TABULAR_GAN, tables.TABULAR_GAN_ATTRIBUTES)
class TabularGAN(TabularPlay, DeepGenerator):
    """Generator of made rows for mixed tables.

    It takes a table as it is, with numbers, integers, booleans, categories, dates and missing
    values, and makes rows of the same columns and types. The generator draws a row column by
    column, each with the probabilities that the columns before it imply. It first learns these
    from the rows themselves (by likelihood), then plays against a critic that learns to tell made
    rows from real ones: rows that pass for real are made more probable. Because it knows the
    probability of a row, it can be asked for it (`score_samples`), judged on rows it has not
    seen, and given some of the columns (`conditions`).

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    GANOverSampler : Makes rows of the rarer classes.
    sklearn.neighbors.KernelDensity : Samples of numbers.
    skdeep.metrics : Measures of made rows.

    Notes
    -----
    Modes are those of CTGAN (Xu et al., NeurIPS 2019), found by quantiles instead of a mixture. The
    column-wise networks are those of NADE (Larochelle and Murray, 2011); learning by likelihood
    before the play is usual where samples are discrete (Yu et al., AAAI 2017). The generator
    learns from the critic as in MaliGAN (Che et al., 2017): the gradient of the log-probability
    of made rows is weighted by the ratio of the densities that the critic has found.

    Numbers lie evenly between eight quantiles inside their mode, in the range and with the
    decimals of the training data. Quantiles, levels and extremes are values that occurred: columns
    that identify persons have to be left out, and a made table is not thereby anonymous. Integers,
    dates, periods and decimals are multiples of the step between those of the training data;
    days of a time zone start where its days do. A column whose range has more than 2**53 steps,
    like hashes, gets values that occurred alone. Of two equal times on a clock that is set back the
    first one is meant where times are even on that clock.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skdeep import TabularGAN
    >>> rng = np.random.default_rng(0)
    >>> kind = rng.choice(["cat", "dog"], size=600)
    >>> weight = np.where(kind == "cat", 4, 20) + rng.normal(size=600).round(1)
    >>> animals = pd.DataFrame({"kind": kind, "weight": weight})
    >>> gan = TabularGAN(max_iter=20, random_state=0, device="cpu").fit(animals)
    >>> made = gan.sample(200, conditions={"kind": "cat"})
    >>> made["kind"].unique().tolist(), bool(made["weight"].mean() < 6)
    (['cat'], True)
    """

    dtype, out_activation_ = "float32", "softmax"

    def __init__(
        self,
        hidden_layer_sizes=(192, 192),
        *,
        critic_layer_sizes=(128, 128),
        loss="relativistic",
        gradient_penalty=1.0,
        pac=1,
        critic_ratio=1,
        warm_up=0.8,
        n_bins="auto",
        max_categories=100,
        ema=0.99,
        dropout=0.1,
        alpha=0.01,
        batch_size="auto",
        learning_rate_init=0.002,
        play_learning_rate=0.0002,
        max_iter="auto",
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=15,
        tol=0.0,
        beta_2=0.99,
        gradient_clip_norm=None,
        random_state=None,
        verbose=False,
        device="auto",
        max_time=None,
        skorch_callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.critic_layer_sizes = critic_layer_sizes
        self.loss = loss
        self.gradient_penalty = gradient_penalty
        self.pac = pac
        self.critic_ratio = critic_ratio
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

    def _fit(
        self,
        X,
        y,
        sample_weight,
        validation,
        *,
        incremental=False,
        report=None,
        watched=False,
        in_search=False,
    ):
        columns, names = joined(self, X, y, reset=True)
        n_samples = len(columns[0])
        if n_samples < 2:
            raise ValueError(
                f"Found array with {n_samples} sample(s) while a minimum of 2 is required."
            )
        n_bins = self.n_bins
        if n_bins == "auto":
            n_bins = int(np.clip(n_samples // 25, 8, 64))
        modes = [learn_modes(c, n_bins, self.max_categories) for c in columns]
        self._modes = [(m.is_number, dict(vars(m))) for m in modes]
        self.column_names_ = names
        self._layout = layout_of(X, columns)
        self._n_targets = len(names) - self.n_features_in_
        positions = _positions(self.modes_, columns).astype(self.dtype)
        self.n_outputs_ = len(names)
        rng = new_random_state(self.random_state)
        net = self._new_net(engine.resolve_device(self.device, X), positions, rng)
        held_out = None
        if self.early_stopping or watched:
            rows = split_rows(
                lambda: [row.tobytes() for row in positions],
                n_samples,
                self.validation_fraction,
                rng,
                purpose="early_stopping=True" if self.early_stopping else "Pruning",
            )
            if rows is not None:
                held_out = self._tensors(net, positions[rows[1]], positions[rows[1]], None)
                positions = positions[rows[0]]
        data = self._tensors(net, positions, positions, None)
        stops_early = self.early_stopping and held_out is not None
        mode = Mode(False, False, stops_early, held_out is not None, in_search)
        try:
            fitted = self._train(net, data, held_out, rng, mode, report)
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, None, None)) from None
        self._forget_training()
        self.__dict__.update(fitted)
        return self

    def _make_module(self, shape, n_outputs, rng):
        columns = [
            {
                "n_modes": len(m),
                "has_missing": bool(m.has_missing),
                "edges": m.scaled_edges().tolist() if m.is_number else None,
            }
            for m in self.modes_
        ]
        net = TabularGANNet(
            columns,
            layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes"),
            layer_sizes(self.critic_layer_sizes, "critic_layer_sizes"),
            self.dropout,
            self.pac,
        ).double()
        initialize(net, rng, [m.counts for m in self.modes_])
        return net

    def _make_loss(self):
        return losses.LogLikelihood()

    def _target_tensor(self, target, dtype, device):
        return self._as_input(target, dtype, device)

    def _batch_size(self, n_samples):
        size = self.batch_size
        if size == "auto":
            size = int(np.clip(n_samples // 20, 32, 256))
        return -(-n_samples // max(1, round(n_samples / min(size, n_samples))))

    @property
    def modes_(self):
        """What the generator knows of each column, y being the last."""
        return [
            (NumberModes if is_number else LevelModes)(**fields)
            for is_number, fields in self._modes  # plain data, which files without code can hold
        ]

    # --- use -------------------------------------------------------------------------------

    def sample(self, n_samples=1, *, conditions=None, random_state=None):
        """Make rows.

        Parameters
        ----------
        n_samples : int, default=1
            How many; at least 1.

        conditions : dict or DataFrame of shape (n_samples, n_given), default=None
            Values of some columns, by name (of an array: by number): one for all rows, or one
            for each row. They hold exactly, and the other columns follow from them.

        random_state : int, RandomState instance or None, default=None
            Seed of the rows. None takes the `random_state` of the estimator: with an int there,
            each call makes the same rows.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_columns)
            With the columns and types of the X of `fit` (of pandas or polars), and its y, if
            there was one, as the last column.

        Raises
        ------
        ValueError
            If `n_samples` is less than 1, or a condition cannot be met: no such column, a level
            or missing value that `fit` did not see, a number outside the range that it saw.
        """
        check_is_fitted(self)
        n_samples = self._check_n_samples(n_samples)
        noise = self._noise(random_state)
        given = self._given(conditions, n_samples)
        generator = self.net_.module_.generator
        n_particles = 1 if conditions is None else 32
        size = max(_ROWS_AT_A_TIME // n_particles, 1)
        parts = []
        with torch.no_grad(), engine.threads_for(size, self.net_.n_parameters):
            for start in range(0, n_samples, size):
                stop = min(start + size, n_samples)
                if not given:
                    parts.append(generator.sample(stop - start, noise))
                    continue
                known = self._known_positions(given, start, stop, noise.device)
                parts.append(generator.sample_given(known, n_particles, noise))
        positions = torch.cat(parts).double().cpu().numpy()
        made = [m.decode(positions[:, j]) for j, m in enumerate(self.modes_)]
        for j, (values, _) in given.items():
            made[j] = values
        return as_made(made, self.column_names_, self._layout)

    def _given(self, conditions, n_samples):
        """Column number -> (values, positions) of what is given."""
        if conditions is None:
            return {}
        if is_frame(conditions) and conditions.shape[1] == len(set(conditions.columns)):
            conditions = {name: conditions[name] for name in conditions.columns}
        if not isinstance(conditions, Mapping):
            raise ValueError(
                f"conditions={conditions!r}: expected a dict, or a DataFrame whose columns have "
                "different names."
            )
        given = {}
        for name, value in conditions.items():
            j = self._column_number(name)
            if j in given:
                raise ValueError(f"conditions: column {name!r} is given twice.")
            if is_list_like(value) and not isinstance(value, (set, frozenset, Mapping)):
                value = list(value)
                if len(value) != n_samples:
                    raise ValueError(
                        f"conditions: column {name!r} has {len(value)} values for "
                        f"n_samples={n_samples}; expected one value, or one for each row."
                    )
            else:
                value = [value] * n_samples
            given[j] = self._condition(j, name, value)
        return given

    def _column_number(self, name):
        names = self.column_names_
        if isinstance(self._layout, np.dtype) and isinstance(name, Integral):
            if not 0 <= name < len(names):
                raise ValueError(f"conditions: there is no column {name} among {len(names)}.")
            return int(name)
        places = [j for j, known in enumerate(names) if _is_same(known, name)]
        if len(places) != 1:
            what = "there is no" if not places else f"there are {len(places)} of the"
            raise ValueError(f"conditions: {what} column {name!r}; the columns are {names}.")
        return places[0]

    def _condition(self, j, name, value):
        modes = self.modes_[j]
        try:
            if isinstance(modes.dtype, pd.CategoricalDtype):
                known = set(modes.dtype.categories)
                unknown = [v for v in value if not pd.isna(v) and v not in known]
                if unknown:
                    raise ValueError(f"{unknown[0]!r} is none of its levels")
            values = pd.Series(value, dtype=object, name=name)
            positions = modes.encode(values)
            low, high = modes.out_of_range(values)
            if low is None:
                return modes.exactly(values), positions
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"conditions: column {name!r} cannot be that: {error}") from None
        raise ValueError(
            f"conditions: column {name!r} was between {low} and {high} in fit, so that "
            f"{value[0]!r} cannot be met."
        )

    def _known_positions(self, given, start, stop, device):
        dtype = self.net_.dtype
        known = torch.full((stop - start, len(self.modes_)), torch.nan, dtype=dtype, device=device)
        for j, (_, positions) in given.items():
            known[:, j] = torch.as_tensor(positions[start:stop], dtype=dtype, device=device)
        return known

    def score_samples(self, X, y=None):
        """Compute the logarithm of the density of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows as in `fit`.

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
            If there is a level, or a missing value, in a column that `fit` saw none in.
        """
        check_is_fitted(self)
        columns, _ = joined(self, X, y, reset=False)
        if len(columns) > len(self.modes_):
            raise ValueError("y was given, but fit had none.")
        modes = self.modes_[: len(columns)]
        positions = _positions(modes, columns)
        density = sum(m.log_densities(p) for m, p in zip(modes, positions.T))
        full = np.full((len(positions), len(self.modes_)), 0.5)
        full[:, : len(columns)] = positions
        x = self._as_input(full, self.net_.dtype, torch.device(self.net_.device))
        with torch.no_grad():
            log_p = torch.cat([self.net_.module_(part) for part in x.split(_ROWS_AT_A_TIME)])
        return density + log_p[:, : len(columns)].double().sum(1).cpu().numpy()

    def score(self, X, y=None):
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _is_same(known, name):
    try:
        return bool(known == name)
    except (TypeError, ValueError):
        return False


def _positions(modes, columns):
    return np.column_stack([m.encode(c) for m, c in zip(modes, columns)])
