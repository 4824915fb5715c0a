"""A series, its forecast and the interval around it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skdeep.plotting._panels import Panels, check_matplotlib


class ForecastDisplay:
    """The end of a series, its forecast, the interval around it and, where known, what came.

    It is recommended to use `from_estimator` or `from_predictions` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    forecast : array-like of shape (horizon,) or (horizon, n_channels), Series or DataFrame
        Values of the steps to come. With an index, it places them in time.

    history : array-like of shape (n_steps,) or (n_steps, n_channels), default=None
        The series until then, of the kind of `forecast`.

    interval : array-like of shape (horizon, 2) or (horizon, n_channels, 2), or DataFrame, \
default=None
        Lower and upper ends, as returned by `Forecaster.predict_interval`.

    truth : array-like of shape (n_steps,) or (n_steps, n_channels), default=None
        What came, from the first step of the forecast on; it may be shorter or longer.

    channel : int, default=0
        Number of the channel that is drawn.

    coverage : float, default=None
        Of the interval, for its label.

    name : str, default=None
        Name of the forecaster, for the labels of its curves.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure containing them.

    line_ : matplotlib Line2D
        The forecast.

    history_line_, truth_line_ : matplotlib Line2D or None
        The series until the forecast, and what came.

    interval_ : matplotlib FillBetweenPolyCollection or None
        The interval.

    legend_ : matplotlib Legend
        The common legend of all displays on the axes.

    See Also
    --------
    skdeep.forecast.Forecaster : Forecasts by any regressor.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from skdeep.forecast import Forecaster
    >>> from skdeep.plotting import ForecastDisplay
    >>> y = np.sin(np.arange(200) / 4)
    >>> forecaster = Forecaster(Ridge(), horizon=20).fit(y[:180])
    >>> display = ForecastDisplay.from_estimator(forecaster, y[:180], truth=y[180:])
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['History', 'What came', 'Forecast', '90 % interval']
    >>> plt.show()
    """

    ax_: Any
    figure_: Any
    line_: Any
    history_line_: Any
    truth_line_: Any
    interval_: Any
    legend_: Any

    def __init__(
        self,
        forecast: Any,
        *,
        history: Any = None,
        interval: Any = None,
        truth: Any = None,
        channel: int = 0,
        coverage: float | None = None,
        name: str | None = None,
    ):
        self.forecast = forecast
        self.history = history
        self.interval = interval
        self.truth = truth
        self.channel = channel
        self.coverage = coverage
        self.name = name

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        n_history: int | None = None,
        line_kw: dict[str, Any] | None = None,
        history_kw: dict[str, Any] | None = None,
        interval_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the forecast.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, those of another display to compare: the series and what came are
            then drawn once, and the forecast in the next colour. If None, a new figure is created.

        name : str, default=None
            Name of the forecaster. If None, the display's `name` is used.

        n_history : int, default=None
            Steps of the series to draw, its last ones. If None, all are drawn.

        line_kw, history_kw, interval_kw : dict, default=None
            Keyword arguments of matplotlib's `plot` for the forecast, and for the series and what
            came, and of its `fill_between` for the interval.

        Returns
        -------
        display : ForecastDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the interval has another number of steps than the forecast, or there is no such
            channel.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        name = self.name if name is None else name
        forecast = self._values(self.forecast, "forecast")
        ends = self._ends(len(forecast))
        ax = plt.subplots(layout="constrained")[1] if ax is None else ax
        panels = Panels.of(ax)
        self.ax_, self.figure_ = ax, ax.figure
        first, color = not panels.entries, panels.next_color()
        places = self._places()
        self.history_line_ = self.truth_line_ = None
        if first:
            self._draw_series(places, n_history, history_kw or {})
        self._draw_forecast(places["forecast"], forecast, ends, color, name, line_kw, interval_kw)
        drawn = (self.history_line_, self.truth_line_, self.line_, self.interval_)
        panels.entries += [artist for artist in drawn if artist is not None]
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        self.legend_ = panels.draw_legend()
        return self

    @classmethod
    def from_estimator(
        cls,
        forecaster: Any,
        history: Any,
        X: Any = None,
        *,
        truth: Any = None,
        coverage: float | None = 0.9,
        channel: int = 0,
        name: str | None = None,
        ax: Any = None,
        n_history: int | None = None,
        line_kw: dict[str, Any] | None = None,
        history_kw: dict[str, Any] | None = None,
        interval_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Forecast what follows a series and draw it.

        Parameters
        ----------
        forecaster : Forecaster
            A fitted forecaster, or a fitted search with one.

        history : array-like, Series or DataFrame
            The series of `fit`, or another one that is to go on, of at least as many steps as a
            window needs.

        X : array-like, default=None
            Exogenous columns of its steps and of those to come, one after the other; see
            `Forecaster.predict`.

        truth : array-like, Series or DataFrame, default=None
            What came.

        coverage : float, default=0.9
            Of the interval; None draws none.

        channel, name, ax, n_history, line_kw, history_kw, interval_kw : see `plot`

        Returns
        -------
        display : ForecastDisplay
            The display that has been drawn.

        Raises
        ------
        NotFittedError
            If the forecaster is not fitted.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        forecaster = getattr(forecaster, "best_estimator_", forecaster)
        interval = None
        if coverage is not None:
            interval = forecaster.predict_interval(coverage, X=X, context=history)
        return cls.from_predictions(
            history, forecaster.predict(X=X, context=history), interval=interval, truth=truth,
            coverage=coverage, channel=channel, name=name, ax=ax, n_history=n_history,
            line_kw=line_kw, history_kw=history_kw, interval_kw=interval_kw,
        )  # fmt: skip

    @classmethod
    def from_predictions(
        cls,
        history: Any,
        forecast: Any,
        *,
        interval: Any = None,
        truth: Any = None,
        coverage: float | None = None,
        channel: int = 0,
        name: str | None = None,
        ax: Any = None,
        n_history: int | None = None,
        line_kw: dict[str, Any] | None = None,
        history_kw: dict[str, Any] | None = None,
        interval_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw a given forecast.

        Parameters
        ----------
        history : array-like, Series or DataFrame, or None
            The series until the forecast.

        forecast : array-like, Series or DataFrame
            Values of the steps to come.

        interval : array-like of shape (horizon, 2) or (horizon, n_channels, 2), or DataFrame, \
default=None
            Lower and upper ends.

        truth : array-like, Series or DataFrame, default=None
            What came.

        coverage : float, default=None
            Of the interval, for its label.

        channel, name, ax, n_history, line_kw, history_kw, interval_kw : see `plot`

        Returns
        -------
        display : ForecastDisplay
            The display that has been drawn.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        display = cls(
            forecast, history=history, interval=interval, truth=truth, channel=channel,
            coverage=coverage, name=name,
        )  # fmt: skip
        return display.plot(
            ax, n_history=n_history, line_kw=line_kw, history_kw=history_kw, interval_kw=interval_kw
        )

    def _draw_series(self, places, n_history, history_kw):
        """Draw the series until the forecast, and what came."""
        if self.history is not None:
            cut = slice(-n_history if n_history else None, None)
            values = self._values(self.history, "history")[cut]
            style = {"color": "0.35", "label": "History"} | history_kw
            (self.history_line_,) = self.ax_.plot(places["history"][cut], values, **style)
        if self.truth is not None:
            style = {"color": "0.15", "linestyle": ":", "zorder": 3} | history_kw
            values = self._values(self.truth, "truth")
            style["label"] = "What came"
            (self.truth_line_,) = self.ax_.plot(places["truth"], values, **style)

    def _draw_forecast(self, x, forecast, ends, color, name, line_kw, interval_kw):
        """Draw the forecast and its interval."""
        options = {"color": color, "label": name or "Forecast", **(line_kw or {})}
        if len(forecast) == 1:
            options = {"marker": "o"} | options
        (self.line_,) = self.ax_.plot(x, forecast, **options)
        self.interval_ = None
        if ends is not None:
            options = {"color": self.line_.get_color(), "alpha": 0.2, "linewidth": 0}
            options |= {"label": self._interval_label(name)} | (interval_kw or {})
            self.interval_ = self.ax_.fill_between(x, *ends, **options)

    def _values(self, values, name):
        """Those of the channel, (n_steps,)."""
        array = np.asarray(values, dtype=float)
        array = array.reshape(len(array), -1)
        return array[:, self._checked_channel(array.shape[1], name)]

    def _ends(self, n):
        """Lower and upper ends of the interval, or None."""
        if self.interval is None:
            return None
        ends = np.asarray(self.interval, dtype=float)
        if len(ends) != n or ends.size % (2 * n):
            raise ValueError(
                f"interval has the shape {ends.shape}: expected two ends for each of the {n} steps "
                "of the forecast."
            )
        ends = ends.reshape(n, -1, 2)
        return ends[:, self._checked_channel(ends.shape[1], "interval")].T

    def _checked_channel(self, n, name):
        if not 0 <= self.channel < n:
            raise ValueError(f"channel={self.channel!r}: {name} has {n}, numbered from 0.")
        return self.channel

    def _interval_label(self, name):
        label = "interval" if self.coverage is None else f"{100 * self.coverage:g} % interval"
        return f"{name}: {label}" if name else label[:1].upper() + label[1:]

    def _places(self):
        """Horizontal positions of each part: times, or numbers of steps from the forecast's first
        on if there is no index."""
        places = {}
        for name in ("history", "truth", "forecast"):
            values = getattr(self, name)
            if values is None:
                continue
            index = getattr(values, "index", None)
            if index is None or callable(index):  # a list has a method of this name
                start = -len(values) if name == "history" else 0
                places[name] = np.arange(start, start + len(values))
            else:
                index = index.to_timestamp() if hasattr(index, "to_timestamp") else index
                places[name] = index.to_numpy()
        return places
