"""Displays of policies: returns of episodes, actions and values over two features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeep.plotting._faces import axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


class ReturnDisplay:
    """Return of each episode, with a moving mean.

    It is recommended to use `from_estimator` or `from_transitions` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    returns : array-like of shape (n_episodes,)
        Sums of rewards.

    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.

    figure_ : matplotlib Figure
        Figure containing them.

    mean_ : ndarray of shape (n_episodes,)
        Mean of each episode and those before it, up to `window`.

    Examples
    --------
    >>> from skdeep.plotting import ReturnDisplay
    >>> ReturnDisplay([1.0, 3.0, 5.0]).plot(window=2).mean_
    array([1., 2., 4.])
    """

    ax_: Axes
    figure_: Any
    mean_: np.ndarray

    def __init__(self, returns: ArrayLike, *, name: str | None = None) -> None:
        self.returns = returns
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, ax: Axes | None = None
    ) -> Self:
        """Draw the returns of the episodes that a policy learned from in `fit_env`.

        Parameters
        ----------
        estimator : FittedQClassifier
            Fitted by `fit_env`.

        name : str, default=None
            Title of the axes. If None, the name of the estimator's class is used.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        Returns
        -------
        display : ReturnDisplay
        """
        check_is_fitted(estimator)
        returns = getattr(estimator, "episode_returns_", None)
        if returns is None:
            raise ValueError(
                f"This {type(estimator).__name__} has learned from logged transitions, not by "
                "`fit_env`: use from_transitions."
            )
        name = type(estimator).__name__ if name is None else name
        return cls(returns, name=name).plot(ax)

    @classmethod
    def from_transitions(
        cls,
        reward: ArrayLike,
        episode: ArrayLike,
        *,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the returns of logged episodes.

        Parameters
        ----------
        reward : array-like of shape (n_samples,)
            Rewards.

        episode : array-like of shape (n_samples,)
            Label of the episode of each, whose rows are consecutive.

        name : str, default=None
            Title of the axes.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        Returns
        -------
        display : ReturnDisplay
        """
        labels = np.asarray(episode)
        starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
        returns = np.add.reduceat(np.asarray(reward, dtype=float), starts)
        return cls(returns, name=name).plot(ax)

    def plot(self, ax: Axes | None = None, *, window: int = 20) -> Self:
        """Draw the returns.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        window : int, default=20
            Episodes of the moving mean.

        Returns
        -------
        display : ReturnDisplay
        """
        ax = axes_for("ReturnDisplay", ax)
        returns = np.asarray(self.returns, dtype=float)
        total = np.r_[0.0, np.cumsum(returns)]
        last = np.arange(1, len(returns) + 1)
        first = np.maximum(last - window, 0)
        self.mean_ = (total[last] - total[first]) / (last - first)
        ax.plot(last, returns, ".", markersize=4, alpha=0.5, label="episode")
        ax.plot(last, self.mean_, label=f"mean of {window}")
        ax.set(xlabel="episode", ylabel="return", title=self.name or "")
        ax.legend(fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self


class ActionValueDisplay:
    """Actions or values of a policy over two features.

    It is recommended to use `from_estimator` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    grid : tuple of two ndarray of shape (n_columns,) and (n_rows,)
        Places of the first and the second feature.

    values : ndarray of shape (n_rows, n_columns, n_actions)
        Values of the actions.

    actions : ndarray of shape (n_actions,)
        Labels of the actions.

    names : tuple of two str, default=("feature 0", "feature 1")
        Of the features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.

    figure_ : matplotlib Figure
        Figure containing them.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.plotting import ActionValueDisplay
    >>> values = np.random.RandomState(0).normal(size=(5, 4, 2))
    >>> display = ActionValueDisplay((np.arange(4), np.arange(5)), values, np.array(["a", "b"]))
    >>> display.plot(kind="value").ax_.get_xlabel()
    'feature 0'
    """

    ax_: Axes
    figure_: Any

    def __init__(
        self,
        grid: tuple[np.ndarray, np.ndarray],
        values: np.ndarray,
        actions: np.ndarray,
        *,
        names: tuple[str, str] = ("feature 0", "feature 1"),
    ) -> None:
        self.grid = grid
        self.values = values
        self.actions = actions
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        features: tuple[int, int] = (0, 1),
        *,
        kind: str = "action",
        grid_resolution: int = 60,
        ax: Axes | None = None,
    ) -> Self:
        """Draw a fitted policy; the other features are at their median in X.

        Parameters
        ----------
        estimator : FittedQClassifier
            Fitted, or a Pipeline that ends with one.

        X : array-like of shape (n_samples, n_features)
            Observations, whose range is drawn.

        features : tuple of two int, default=(0, 1)
            Columns of X.

        kind : {'action', 'value'}, default='action'
            The action that is taken, or the value of it.

        grid_resolution : int, default=60
            Number of places in each direction.

        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        Returns
        -------
        display : ActionValueDisplay
        """
        check_is_fitted(estimator)
        columns = getattr(X, "columns", None)
        rows = np.asarray(X, dtype=float)
        first, second = (
            np.linspace(rows[:, f].min(), rows[:, f].max(), grid_resolution) for f in features
        )
        places: Any = np.tile(np.median(rows, 0), (grid_resolution**2, 1))
        places[:, features[0]] = np.tile(first, grid_resolution)
        places[:, features[1]] = np.repeat(second, grid_resolution)
        if columns is not None:
            places = type(X)(places, columns=columns)
        policy = estimator
        if hasattr(estimator, "steps"):
            policy = estimator[-1]
            places = estimator[:-1].transform(places) if len(estimator.steps) > 1 else places
        values = policy.action_values(places)
        names = [f"feature {f}" if columns is None else str(columns[f]) for f in features]
        display = cls(
            (first, second),
            values.reshape(grid_resolution, grid_resolution, -1),
            policy.classes_,
            names=(names[0], names[1]),
        )
        return display.plot(ax, kind=kind)

    def plot(self, ax: Axes | None = None, *, kind: str = "action") -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If None, a new figure is created.

        kind : {'action', 'value'}, default='action'
            The action that is taken, or the value of it.

        Returns
        -------
        display : ActionValueDisplay
        """
        if kind not in ("action", "value"):
            raise ValueError(f"kind={kind!r}: expected 'action' or 'value'.")
        ax = axes_for("ActionValueDisplay", ax)
        if kind == "value":
            mesh = ax.pcolormesh(*self.grid, self.values.max(2))
            ax.figure.colorbar(mesh, ax=ax, label="value")
        else:
            n_actions = len(self.actions)
            import matplotlib

            cmap = matplotlib.colormaps["viridis"].resampled(n_actions)
            chosen = self.values.argmax(2)
            mesh = ax.pcolormesh(*self.grid, chosen, cmap=cmap, vmin=-0.5, vmax=n_actions - 0.5)
            bar = ax.figure.colorbar(mesh, ax=ax, ticks=range(n_actions), label="action")
            bar.set_ticklabels([str(action) for action in self.actions])
        ax.set(xlabel=self.names[0], ylabel=self.names[1])
        self.ax_, self.figure_ = ax, ax.figure
        return self
