"""Forecasts of one or several series by a regressor over windows."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context
from skdeep.forecast import plan
from skdeep.forecast.backtest import Backtest, n_steps, rolled
from skdeep.forecast.clock import following
from skdeep.forecast.contexts import of_context, read_like_fit
from skdeep.forecast.measures import half_widths, naive_scale
from skdeep.forecast.series import Form, Series, is_list, joined, read_all, read_future
from skdeep.parameters import forecast as tables
from skdeep.parameters.entry import public
from skdeep.recurrent.lstm import LSTMRegressor


def default_regressor(random_state: Any) -> LSTMRegressor:
    """What learns where no regressor is given: windows are short, and their ends matter most.

    Most series have few rows, from which a linear model learns most; more training of the network
    on what it leaves had larger errors within the training parts of seven of nine short series.
    """
    return LSTMRegressor(
        (16,),
        convolutional=None,
        own_scale=False,
        linear_skip=True,
        bidirectional=False,
        pooling="last",
        dropout=0.0,
        learning_rate_init=0.002,
        max_iter=10,
        random_state=random_state,
    )


@public(tables.FORECASTER, tables.FORECASTER_ATTRIBUTES, module="skdeep.forecast")
class Forecaster(MetaEstimatorMixin, BaseEstimator):
    """Forecasts of a series by any regressor.

    Each window of the past, in units of its own, is a row, and what follows it the target. One
    model is fitted on all windows of all series. Nothing of a forecast depends on values after its
    window.

    y is an array (n_steps,) or (n_steps, n_channels), a Series or DataFrame with a DatetimeIndex,
    a PeriodIndex or integers, or a list of these: then one model is fitted on all of them, and
    `predict` returns a list. X are exogenous columns for each step. y comes first in all methods;
    scikit-learn's searches pass their first argument on as the first:
    ``GridSearchCV(Forecaster(horizon=12), grid, cv=TimeSeriesSplit(3)).fit(y, X)``.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> from skdeep.forecast import Forecaster
    >>> months = pd.period_range("2010-01", periods=120, freq="M")
    >>> y = pd.Series(np.arange(120) + 5 * np.sin(np.arange(120) * np.pi / 6), months)
    >>> forecaster = Forecaster(Ridge(alpha=0.01), horizon=3).fit(y)
    >>> forecaster.predict().round()
    2020-01    120.0
    2020-02    123.0
    2020-03    126.0
    Freq: M, dtype: float64
    >>> forecaster.predict_interval(0.9).shape
    (3, 2)
    >>> forecaster.season_, forecaster.window_
    (12, 24)
    """

    regressor_: Any
    window_: int
    season_: int
    seasonal_lags_: tuple[int, ...]
    n_channels_: int
    n_exogenous_: int
    residuals_: np.ndarray | None

    def __init__(
        self,
        regressor: Any = None,
        *,
        horizon: int = 1,
        window: int | Literal["auto"] = "auto",
        season: int | Literal["auto"] = "auto",
        seasonal_lags: ArrayLike | str | None = "auto",
        strategy: str = "direct",
        instance_norm: str | None = "last",
        calendar: bool | Literal["auto"] = "auto",
        exogenous: str = "future",
        calibration_folds: int | None = 3,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.regressor = regressor
        self.horizon = horizon
        self.window = window
        self.season = season
        self.seasonal_lags = seasonal_lags
        self.strategy = strategy
        self.instance_norm = instance_norm
        self.calendar = calendar
        self.exogenous = exogenous
        self.calibration_folds = calibration_folds
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, y: Any, X: Any = None) -> Self:
        """Learn from one or several series.

        Parameters
        ----------
        y : array-like of shape (n_steps,) or (n_steps, n_channels), or a list of such
            The series in the order of time, without missing values.

        X : array-like of shape (n_steps, n_exogenous) or a list of such, default=None
            Exogenous columns of the same steps; see `exogenous`.

        Returns
        -------
        self : Forecaster

        Raises
        ------
        TypeError
            If an index is of another kind.
        ValueError
            If a series is too short, holds NaN, or has an index with gaps, duplicates or no
            frequency.
        """
        series = read_all(y, X)
        regressor = self.regressor
        if regressor is None:
            regressor = default_regressor(self.random_state)
        windows, season = plan.windows(self, series, regressor)
        known = [windows.covariates(s, s.index, 0) for s in series]
        folds, residuals = self.calibration_folds, None
        if folds is not None:
            residuals = plan.calibration_errors(
                regressor, windows, series, known, int(folds), int(self.horizon)
            )
        parts = [windows.training_rows(s, k) for s, k in zip(series, known)]
        self.regressor_ = plan.fitted(regressor, parts)
        self.window_, self.season_ = windows.window, season
        self.seasonal_lags_ = windows.lags
        self.n_channels_ = series[0].values.shape[1]
        self.n_exogenous_ = series[0].n_exog
        self.residuals_ = residuals
        self._windows = windows
        self._forms = [Form.of(one) for one in y] if is_list(y) else [Form.of(y)]
        self._is_list = is_list(y)
        self._ends = [s.end(windows.past) for s in series]
        self._scales = [naive_scale(s.values, season) for s in series]
        return self

    # --- forecasts ---------------------------------------------------------------------------

    def predict(self, horizon: int | None = None, X: Any = None, context: Any = None) -> Any:
        """Forecast what follows the series of `fit`, or a given context.

        Parameters
        ----------
        horizon : int, default=None
            Steps; None is `horizon` of the constructor. Beyond it, forecasts are appended to the
            window for the next.

        X : array-like of shape (horizon, n_exogenous) or a list of such, default=None
            Exogenous columns of the steps to come. With a `context`, of its steps and of those to
            come, one after the other. Columns that are 'lagged' are given for the context only.

        context : array-like or a list of such, default=None
            Another series of the kind of `fit`, or more of the same, of at least as many steps as
            a window needs. None is the series of `fit`.

        Returns
        -------
        forecast : ndarray, Series or DataFrame, or a list of these
            Of the kind of the series, with the index of the steps to come.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LinearRegression
        >>> from skdeep.forecast import Forecaster
        >>> forecaster = Forecaster(LinearRegression(), horizon=2, window=3)
        >>> forecaster.fit(np.arange(30.0)).predict()
        array([30., 31.])
        >>> forecaster.predict(context=[100.0, 102.0, 104.0]).round(6)
        array([106., 108.])
        """
        made = [
            form.forecast(values, index)
            for form, values, index, _ in self._forecasts(horizon, X, context)
        ]
        return made if self._returns_list(context) else made[0]

    def predict_interval(
        self,
        coverage: float = 0.9,
        horizon: int | None = None,
        X: Any = None,
        context: Any = None,
    ) -> Any:
        """Intervals that hold the value of each step with a given probability.

        Conformal intervals of each step (Papadopoulos et al., 2002; Lei et al., 2018), with
        cross-validation (Vovk, 2015): the forecast plus and minus a quantile of the absolute
        errors, in units of their windows, of models that were fitted without that part of the
        series; see `calibration_folds`. The probability is that of one step, not of the whole path,
        and relies on a future like the past: after a change of regime it is lower, and of few
        windows, which overlap, it is uncertain.

        Parameters
        ----------
        coverage : float, default=0.9
            Wanted probability, in (0, 1).

        horizon, X, context : see `predict`
            At most `horizon` of the constructor.

        Returns
        -------
        interval : ndarray of shape (horizon, 2) or (horizon, n_channels, 2), or DataFrame
            Lower and upper ends; a DataFrame has the columns 'lower' and 'upper', below the
            names of the channels if y was a DataFrame. They are infinite where the series has
            too few windows for the coverage.

        Raises
        ------
        ValueError
            If `coverage` is out of range, `horizon` is longer than that of the constructor, or
            `calibration_folds` is None.
        """
        check_is_fitted(self)
        ends = []
        for form, values, index, scale in self._forecasts(horizon, X, context):
            half = half_widths(self.residuals_, coverage, len(values)) * scale
            ends.append(form.interval(np.stack([values - half, values + half], -1), index))
        return ends if self._returns_list(context) else ends[0]

    def _returns_list(self, context):
        return self._is_list if context is None else is_list(context)

    def _forecasts(self, horizon, X, context):
        """Form, values, index and scale of the forecast of each series."""
        check_is_fitted(self)
        n = n_steps("horizon", horizon, self.horizon)
        if context is None:
            ends, forms = self._ends, self._forms
            ahead = [X] if not self._is_list else X
            if self._is_list and X is None:
                ahead = [None] * len(ends)
            elif len(ahead) != len(ends):
                raise ValueError(f"X has {len(ahead)} entries, expected one for each series.")
        else:
            contexts = context if is_list(context) else [context]
            given = X if is_list(context) and X is not None else [X] * len(contexts)
            forms = [Form.of(one) for one in contexts]
            read = [of_context(self, c, x, n) for c, x in zip(contexts, given)]
            ends, ahead = map(list, zip(*read))
        return [(form, *self._forecast(end, x, n)) for form, end, x in zip(forms, ends, ahead)]

    def _forecast(self, end: Series, X: Any, n: int) -> tuple[np.ndarray, Any, np.ndarray]:
        windows = self._windows
        if len(end) < windows.past:
            raise ValueError(
                f"context has {len(end)} steps: expected {windows.past} or more, which a window of "
                f"{windows.window} with its lags needs."
            )
        plan.check_lagged(windows, n, self.n_exogenous_)
        n_ahead = -(-n // windows.block) * windows.block
        ahead: Any = n_ahead
        if self.n_exogenous_ and not windows.lagged:
            ahead = read_future(X, n, end.index, self._ends[0])
            ahead = np.concatenate([ahead, np.repeat(ahead[-1:], n_ahead - n, 0)])
        elif X is not None:
            raise ValueError(
                "X was given, but this Forecaster was fitted "
                + ("with lagged columns, of the past alone." if self.n_exogenous_ else "without X.")
            )
        index = None if end.index is None else following(end.index, n)
        times = end.index.append(following(end.index, n_ahead)) if windows.cycles else None
        known = windows.covariates(end, times, ahead)
        past = end.values[None]
        made = windows.roll_out(self.regressor_.predict, past, known[None], self.n_exogenous_, n)
        scale = windows.units(past[:, len(end) - windows.window :]).scale
        return made[0], index, np.broadcast_to(scale, (1, 1, self.n_channels_))[0]

    # --- judging -----------------------------------------------------------------------------

    def score(self, y: Any, X: Any = None) -> float:
        """Minus the mean absolute scaled error (MASE) of forecasts of y.

        Forecasts start `horizon` steps apart, each from all values before it, without another
        fit. An array continues the series of `fit`; so does a series whose index starts where
        that of `fit` ends. Otherwise, and for a list, y is a series of its own, and its first
        window is not forecast.

        Parameters
        ----------
        y : array-like, or a list of such
            What came.

        X : array-like, or a list of such, default=None
            Exogenous columns of the same steps.

        Returns
        -------
        score : float
            Errors are in units of those of the seasonal naive forecast within the series of
            `fit` (Hyndman and Koehler, 2006); of a list, within each of its series. 0 is best.
        """
        check_is_fitted(self)
        errors = []
        for i, one in enumerate(y if is_list(y) else [y]):
            exog = X[i] if is_list(y) and X is not None else X
            series = read_like_fit(self, one, exog, f"y[{i}]" if is_list(y) else "y")
            continues = not is_list(y) and not self._is_list and self._continues(series)
            scale = self._scales[0] if continues else naive_scale(series.values, self.season_)
            if continues:
                series = joined(self._ends[0], series)
            truth, made, _ = rolled(self, series, self._windows.past, int(self.horizon))
            errors.append(np.abs(truth - made) / scale)
        return -float(np.nanmean(np.concatenate([e.reshape(-1) for e in errors])))

    def _continues(self, series):
        end = self._ends[0].index
        if series.index is None or end is None or isinstance(end, pd.RangeIndex):
            return True
        return series.index[0] == following(end, 1)[0]

    def backtest(
        self,
        y: Any,
        X: Any = None,
        *,
        test_size: float | int = 0.2,
        stride: int | None = None,
        refit: bool = False,
        coverage: float | None = 0.9,
    ) -> Backtest:
        """Forecast the end of a series from many origins, by models that have not seen it.

        Parameters
        ----------
        y : array-like, Series or DataFrame
            One series.

        X : array-like of shape (n_steps, n_exogenous), default=None
            Exogenous columns of the same steps.

        test_size : float or int, default=0.2
            Share of the steps, or their number, that are forecast.

        stride : int, default=None
            Steps between origins; None is `horizon`.

        refit : bool, default=False
            Whether a new clone is fitted at each origin. Otherwise one clone is fitted on what
            lies before the first.

        coverage : float, default=0.9
            Of the intervals; None for none.

        Returns
        -------
        backtest : Backtest
            Errors by step: `mae`, `mase`, `naive_mase`, `coverage`; forecasts and what came.
        """
        return Backtest.of(
            self, y, X, test_size=test_size, stride=stride, refit=refit, coverage=coverage
        )

    def __sklearn_is_fitted__(self) -> bool:
        return "regressor_" in self.__dict__

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags
