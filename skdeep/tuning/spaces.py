"""Default search spaces of estimators."""

from __future__ import annotations

from typing import Any

from skdeep.tuning.ranges import SPACES


class SearchSpace(dict[str, Any]):
    """Dict of parameter names to distributions.

    Attributes
    ----------
    sources : dict of str to str
        Source of each range.
    """

    sources: dict[str, str]

    def __init__(self, ranges: Any = ()) -> None:
        ranges = list(ranges)
        super().__init__({name: entry.values for name, entry in ranges})
        self.sources = {name: entry.source for name, entry in ranges}


def search_space(estimator: Any) -> SearchSpace:
    """Return the default search space of an estimator, or of the estimators inside it.

    Parameters
    ----------
    estimator : estimator
        An estimator of skdeep, or a `Pipeline` or another meta-estimator with such estimators,
        whose parameters have the prefixes of `set_params`.

    Returns
    -------
    space : SearchSpace
        A dict of parameter names to Optuna distributions or lists, which may be modified.
        ``space.sources`` has the source of each range. Empty if there is no estimator of skdeep.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep import MLPClassifier
    >>> from skdeep.tuning import search_space
    >>> space = search_space(make_pipeline(StandardScaler(), MLPClassifier()))
    >>> sorted(space)
    ['mlpclassifier__alpha', 'mlpclassifier__dropout', 'mlpclassifier__hidden_layer_sizes', \
'mlpclassifier__learning_rate_init']
    >>> print(space.sources["mlpclassifier__alpha"])
    scikit-learn's user guide, 'Tips on practical use' of neural networks: 10.0 ** -np.arange(1, 7)
    """
    parts = {"": estimator} | {
        f"{name}__": value
        for name, value in estimator.get_params(deep=True).items()
        if hasattr(value, "get_params") and not isinstance(value, type)
    }
    return SearchSpace(
        (prefix + entry.parameter, entry)
        for prefix, part in parts.items()
        for entry in _ranges(part)
        if entry.applies(part.get_params(deep=False))
    )


def _ranges(estimator):
    for cls in type(estimator).__mro__:
        if cls.__name__ in SPACES and cls.__module__.partition(".")[0] == "skdeep":
            return SPACES[cls.__name__]
    return ()
