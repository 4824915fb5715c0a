"""Parameters and attributes of the forecaster."""

from skdeep._compat import HasMethods, StrOptions
from skdeep.parameters.entry import AT_LEAST_1, AT_LEAST_2, AUTO, Parameter

FORECASTER = {
    "regressor": Parameter(
        [HasMethods(["fit", "predict"]), None],
        """estimator or None
        What learns the step from a window to what follows it. A regressor that reads series
        (`LSTMRegressor`, `CNNRegressor`; the tag `three_d_array`) gets rows of shape (window,
        n_columns), others a table. Regressors whose tags do not say that they predict several
        outputs are fitted once for each (`sklearn.multioutput.MultiOutputRegressor`). None is a
        small `LSTMRegressor` with `linear_skip`.""",
    ),
    "horizon": Parameter(
        [AT_LEAST_1],
        """int
        Steps to forecast.""",
    ),
    "window": Parameter(
        [AT_LEAST_1, AUTO],
        """int or 'auto'
        Steps of the past that a forecast sees. 'auto' is two seasons and at least `horizon` and 12
        steps, but at most a third of the shortest series.""",
    ),
    "season": Parameter(
        [AT_LEAST_1, AUTO],
        """int or 'auto'
        Steps of a season, for `score`, the window and lags. 'auto' is that of the frequency: a day
        for steps below a day, a week for days, a year for weeks, months and quarters. Without an
        index of times and for years it is the distance of the highest peak of the
        autocorrelation of differences, or 1 if no peak is above 0.3.""",
    ),
    "seasonal_lags": Parameter(
        [AUTO, "array-like", None],
        """array-like of int, 'auto' or None
        Distances of values before the window that a forecast sees as well: those that lie the
        distance (or its least multiple that is known) before each step to come. 'auto' is seven
        days for steps below a day, if the series has four weeks, and None otherwise.""",
    ),
    "strategy": Parameter(
        [StrOptions({"direct", "recursive"})],
        """{'direct', 'recursive'}
        Whether the regressor predicts all steps of the horizon at once, or one step, which is then
        appended to the window for the next.""",
    ),
    "instance_norm": Parameter(
        [StrOptions({"last", "mean"}), None],
        """{'last', 'mean'} or None
        Units of a window: less its last value (NLinear of Zeng et al., 2023) or its mean (Kim et
        al., 2022), divided by its standard deviation. Forecasts are in the same units, so that
        levels that `fit` has not seen are forecast like those that it has. None leaves values as
        they are.""",
    ),
    "calendar": Parameter(
        ["boolean", AUTO],
        """bool or 'auto'
        Whether to add columns of the calendar: sines and cosines of the time of day, week and
        year, as far as the series holds two or more of them, and whether it is a weekend. 'auto'
        does so if y has an index of times.""",
    ),
    "exogenous": Parameter(
        [StrOptions({"future", "lagged"})],
        """{'future', 'lagged'}
        Whether the columns of X are known for the steps to come (holidays, prices), so that
        `predict` is given them, or for the past alone (measurements).""",
    ),
    "calibration_folds": Parameter(
        [AT_LEAST_2, None],
        """int or None
        Parts of the series, in the order of time, each of which a further fit does not see; its
        errors there are the widths of `predict_interval`. None saves these fits, and
        `predict_interval` cannot be used.""",
    ),
    "random_state": Parameter(
        ["random_state"],
        """int, RandomState instance or None
        Of the default regressor; a given one has its own.""",
    ),
}

FORECASTER_ATTRIBUTES = {
    "regressor_": """estimator
        The fitted regressor.""",
    "window_": """int
        Steps of the past in a window.""",
    "season_": """int
        Steps of a season.""",
    "seasonal_lags_": """tuple of int
        Distances of the values before the window.""",
    "n_channels_": """int
        Number of channels of y.""",
    "n_exogenous_": """int
        Number of columns of X.""",
    "residuals_": """ndarray of shape (n_windows, horizon, n_channels) or None
        Errors of models that were fitted without the window, in units of each window.""",
}
