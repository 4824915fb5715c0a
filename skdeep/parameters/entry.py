"""Entry of the table of parameters, and the decorator that applies the table to a class."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeVar

from skdeep._compat import Interval, StrOptions, with_doc_link

AUTO = StrOptions({"auto"})
AT_LEAST_1 = Interval(Integral, 1, None, closed="left")
AT_LEAST_2 = Interval(Integral, 2, None, closed="left")
MOST = 2**16
"""Of networks, bins and numbers of an embedding: more would only fill the memory."""
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
BELOW_1 = Interval(Real, 0, 1, closed="left")
UP_TO_1 = Interval(Real, 0, 1, closed="both")

Estimator = TypeVar("Estimator", bound=type[Any])


@dataclass(frozen=True, eq=False)
class Parameter:
    """Valid values and description of a constructor parameter.

    Parameters
    ----------
    ranges : list or 'no_validation'
        Valid values, as in scikit-learn's `_parameter_constraints`.
    text : str
        The type on the first line, without a default, and below it the description.
    """

    ranges: Any
    text: str


def public(
    parameters: Mapping[str, Parameter],
    attributes: Mapping[str, str] | None = None,
    *,
    module: str = "skdeep",
) -> Callable[[Estimator], Estimator]:
    """Make an estimator of a class: ranges, docstring and public place.

    The parameters are those of the constructor's signature, from which the defaults are taken as
    well. In the docstring they replace the line ``{parameters}``; the attributes replace the line
    ``{attributes}``.

    Parameters
    ----------
    parameters : dict of str to Parameter
        Entries by name; it may hold more than the class has.
    attributes : dict of str to str, default=None
        Descriptions of fitted attributes, with the type on the first line.
    module : str, default='skdeep'
        Where users import the class from. Pickles and saved files name this place, so that they
        open after the class has moved within the package.

    Returns
    -------
    callable
        Decorator of a class.
    """

    def decorate(cls: Estimator) -> Estimator:
        signature = inspect.signature(cls).parameters
        cls._parameter_constraints = {name: parameters[name].ranges for name in signature}
        if cls.__doc__ is not None:  # as it is under python -OO
            described = (
                _described(name, parameters[name].text, f", default={parameter.default!r}")
                for name, parameter in signature.items()
            )
            fitted = (_described(name, text) for name, text in (attributes or {}).items())
            doc = _filled(cls.__doc__, "{parameters}", described)
            cls.__doc__ = _filled(doc, "{attributes}", fitted)
        cls.__module__ = module
        return with_doc_link(cls)

    return decorate


def _described(name: str, text: str, default: str = "") -> str:
    kind, _, body = text.partition("\n")
    body = inspect.cleandoc(body).replace("\n", "\n    ").replace("\n    \n", "\n\n")
    return f"{name} : {kind}{default}\n    {body}"


def _filled(doc: str, place: str, entries: Iterable[str]) -> str:
    text = "\n\n".join(entries)

    def indented(match: re.Match[str]) -> str:
        return re.sub(r"(?m)^(?=.)", match[1], text)

    return re.sub(rf"(?m)^( *){re.escape(place)}$", indented, doc)
