"""The table of parameters and the decorator that applies it."""

import importlib
import inspect
import pkgutil
import re
from numbers import Integral

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError

import skdeep
from skdeep import parameters
from skdeep._compat import Interval, StrOptions
from skdeep.parameters import arrays
from skdeep.parameters.entry import Parameter, public

TABLE = {
    "size": Parameter(
        [Interval(Integral, 1, None, closed="left"), None],
        """int or None
        Number of units;

        - None: as many as inputs.""",
    ),
    "mode": Parameter([StrOptions({"fast"})], "{'fast'}\nHow to do it."),
    "other": Parameter(["boolean"], "bool\nOf another class."),
}


def small():
    @public(TABLE, {"size_": "int\n        Number of units."})
    class Small(BaseEstimator):
        """Small estimator.

        Parameters
        ----------
        {parameters}

        Attributes
        ----------
        {attributes}

        Examples
        --------
        >>> {"{parameters}": 1}
        {'{parameters}': 1}
        """

        def __init__(self, mode="fast", *, size=None):
            self.mode = mode
            self.size = size

    return Small


def test_docstring_has_the_entries_in_the_order_of_the_signature():
    expected = """Small estimator.

Parameters
----------
mode : {'fast'}, default='fast'
    How to do it.

size : int or None, default=None
    Number of units;

    - None: as many as inputs.

Attributes
----------
size_ : int
    Number of units.

Examples
--------
>>> {"{parameters}": 1}
{'{parameters}': 1}"""
    assert inspect.getdoc(small()) == expected


def test_ranges_are_those_of_the_signature():
    cls = small()
    assert cls._parameter_constraints == {n: TABLE[n].ranges for n in ("mode", "size")}
    cls(size=3)._validate_params()
    with pytest.raises(InvalidParameterError, match="'size' parameter of Small must be an int"):
        cls(size=0)._validate_params()


def test_place():
    assert small().__module__ == "skdeep"
    assert public({}, module="skdeep.preprocessing")(type("A", (), {})).__module__ == (
        "skdeep.preprocessing"
    )


def test_a_parameter_without_an_entry_is_named():
    class Unknown(BaseEstimator):
        """{parameters}"""

        def __init__(self, width=1):
            self.width = width

    with pytest.raises(KeyError, match="width"):
        public(TABLE)(Unknown)


def entries():
    """Each entry of each table once, by the name of its table."""
    found = {}
    for info in pkgutil.iter_modules(parameters.__path__):
        module = importlib.import_module(f"skdeep.parameters.{info.name}")
        for table, value in vars(module).items():
            if isinstance(value, dict) and table.isupper():
                for name, entry in value.items():
                    if isinstance(entry, Parameter):
                        found.setdefault(entry, f"{table}-{name}")
    return found


ENTRIES = entries()


@pytest.mark.parametrize("entry", ENTRIES, ids=ENTRIES.get)
def test_types_in_words_are_those_of_the_ranges(entry):
    kind, _, body = entry.text.partition("\n")
    if entry.ranges == "no_validation":
        return
    may_be_none = None in entry.ranges or "random_state" in entry.ranges
    assert may_be_none == ("None" in kind)
    assert any(r in ("boolean", "verbose") for r in entry.ranges) == kind.startswith("bool")
    for constraint in entry.ranges:
        if isinstance(constraint, StrOptions) and kind != "str":  # a list in another docstring
            named = {option for option in constraint.options if f"'{option}'" in kind}
            assert constraint.options - named <= {"one-cycle"}  # the same as 'one_cycle'
    assert body


def test_epochs_of_convolutional_networks_are_those_that_are_planned():
    from skdeep.convolutional.base import AUTO_EPOCHS, AUTO_STEPS

    text = " ".join(arrays.CNN["max_iter"].text.split())
    for dims, kind in ((1, "for series"), (2, "for images")):
        few, many = AUTO_EPOCHS[dims]
        assert f"{AUTO_STEPS[dims]:,} steps" in text or f"{AUTO_STEPS[dims]:,} {kind}" in text
        assert f"{few} to {many} epochs" in text


@pytest.mark.parametrize(
    "cls",
    [cls for name in skdeep.__all__ if inspect.isclass(cls := getattr(skdeep, name))],
    ids=lambda cls: cls.__name__,
)
def test_documented_attributes_are_declared(cls):
    """A type checker, which does not run `fit`, knows them."""
    section = inspect.getdoc(cls).split("\nAttributes\n----------\n")[1].split("\n\nSee Also")[0]
    documented = set(re.findall(r"(?m)^(\w+_) : ", section.split("\n\nExamples")[0]))
    declared = set()
    for base in cls.__mro__:
        declared |= vars(base).keys() | inspect.get_annotations(base).keys()
    assert documented
    assert documented <= declared
