"""Search spaces in Optuna's terms, from scikit-learn's distributions and lists.

Optuna writes a choice to a storage only if it is None or a bool, int, float or str. Others (a
tuple of layer sizes, an estimator) go there under a label and come back from the list.
"""

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from sklearn.base import BaseEstimator, clone

_PLAIN = (bool, int, float, str)
_TAIL = 1e-6
"""Share of a scipy distribution that is left out at each end, where its quantiles may be
infinite; a search of a thousand trials would draw from there once in 500 times."""


class Space:
    """Names, Optuna distributions, and the way back to the values of parameters.

    Parameters
    ----------
    param_distributions : dict of str to distribution or list
        Distributions of Optuna or of scipy.stats, or sequences of values.

    Attributes
    ----------
    distributions : dict of str to optuna.distributions.BaseDistribution
    """

    def __init__(self, param_distributions):
        if not isinstance(param_distributions, Mapping):
            raise TypeError(
                "param_distributions must be a dict of names to distributions or lists, got "
                f"{param_distributions!r}."
            )
        if not param_distributions:
            raise ValueError("param_distributions is empty: there is nothing to search.")
        self.distributions, self._decoders = {}, {}
        for name, given in param_distributions.items():
            if not isinstance(name, str):
                raise TypeError(f"Names of parameters must be str, got {name!r}.")
            distribution, decode = _translate(name, given)
            self.distributions[name] = distribution
            if decode is not None:
                self._decoders[name] = decode

    def decode(self, params):
        """Values of the estimator's parameters from those of a trial."""
        return {
            name: self._decoders[name](params[name]) if name in self._decoders else params[name]
            for name in self.distributions
        }

    def grid(self):
        """All values of each parameter.

        Raises
        ------
        ValueError
            Where a parameter has no finite number of them.
        """
        return {name: _values(name, d) for name, d in self.distributions.items()}


def check_names(space, estimator):
    """Raise if the estimator lacks a parameter, and name the closest one.

    Parameters
    ----------
    space : Space
    estimator : estimator

    Raises
    ------
    ValueError
    """
    known = estimator.get_params(deep=True)
    for name in space.distributions:
        parts = name.split("__")
        owners = ("__".join(parts[:i]) for i in range(1, len(parts)))
        # The candidates bring their own estimator: what it has is known at fit alone.
        if name in known or any(owner in space.distributions for owner in owners):
            continue
        if _takes(estimator, name):
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        ending = [k for k in known if k.endswith(f"__{name}")]
        nearest = (ending or near)[0] if known else None
        hint = f" Did you mean {nearest!r}?" if nearest else ""
        raise ValueError(
            f"Invalid parameter {name!r} for estimator {estimator}.{hint} Valid parameters are: "
            f"{sorted(known)}."
        )


def _takes(estimator, name):
    """Whether `set_params` accepts a name that `get_params` does not return."""
    try:
        clone(estimator).set_params(**{name: None})
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def _translate(name, given):
    """(Optuna distribution, function from its values to those of the parameter or None)."""
    if isinstance(given, CategoricalDistribution):
        return _choices(name, given.choices)
    if isinstance(given, BaseDistribution):
        return given, None
    if hasattr(given, "rvs"):
        return _from_scipy(name, given)
    if isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str):
        return _choices(name, list(given))
    raise TypeError(
        f"Parameter {name!r} needs a distribution of optuna.distributions or scipy.stats, or a "
        f"list of values; got {given!r}. (A single value needs to be wrapped in a list with one "
        "element.)"
    )


def _choices(name, values):
    if not values:
        raise ValueError(f"Parameter {name!r} has an empty list of values: nothing to choose.")
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    labels = [v if v is None or isinstance(v, _PLAIN) else _label(v) for v in values]
    if all(label is value for label, value in zip(labels, values)):
        return CategoricalDistribution(labels), None
    for i, label in enumerate(labels):  # equal labels would be one choice
        if labels.index(label) != i:
            labels[i] = f"{label} #{i}"
    by_label = list(zip(labels, values))
    return CategoricalDistribution(labels), lambda chosen: _look_up(by_label, chosen)


def _look_up(by_label, chosen):
    for label, value in by_label:
        if label == chosen and type(label) is type(chosen):
            return value
    raise KeyError(chosen)


def _label(value):
    """Text for a value that is equal in other processes."""
    if isinstance(value, (tuple, list, dict, np.ndarray, BaseEstimator)):
        return repr(value)
    return getattr(value, "__qualname__", type(value).__qualname__)


def _from_scipy(name, frozen):
    kind = getattr(getattr(frozen, "dist", None), "name", None)
    if kind in ("uniform", "loguniform", "reciprocal", "randint"):
        low, high = (float(bound) for bound in frozen.support())
        if kind == "randint":
            return IntDistribution(int(low), int(high)), None
        return FloatDistribution(low, high, log=kind != "uniform"), None
    if not hasattr(frozen, "ppf"):
        raise TypeError(
            f"Parameter {name!r} needs a distribution with the method `ppf` (quantiles), as those "
            f"of scipy.stats have; got {frozen!r}."
        )
    # Any other distribution: Optuna searches over its quantiles.
    discrete = hasattr(frozen, "pmf") or hasattr(getattr(frozen, "dist", None), "pmf")

    def decode(quantile):
        value = frozen.ppf(quantile)
        return int(value) if discrete else float(value)

    return FloatDistribution(_TAIL, 1 - _TAIL), decode


def _values(name, distribution):
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution) and not distribution.log:
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        n = round((distribution.high - distribution.low) / distribution.step) + 1
        return [distribution.low + distribution.step * i for i in range(n)]
    if distribution.single():
        return [distribution.low]
    raise ValueError(
        f"sampler='grid' needs a finite number of values of each parameter; {name!r} is searched "
        f"in {distribution}. Give a list."
    )
