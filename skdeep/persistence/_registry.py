"""Registry of the types stored as plain data."""

from skdeep.persistence._compiled import COMPILED, is_number_check
from skdeep.persistence._plain import BASIC
from skdeep.persistence._values import VALUES

PLAIN = BASIC | VALUES | COMPILED

_types = {
    tag: plain.type if isinstance(plain.type, tuple) else (plain.type,)
    for tag, plain in PLAIN.items()
}
_EXACT = {kind: tag for tag, kinds in _types.items() for kind in kinds}
_WITH_SUBCLASSES = [(_types[tag], tag) for tag, plain in PLAIN.items() if plain.with_subclasses]


def tag_of(obj):
    """The key in `PLAIN` for `obj`, or None.

    Examples
    --------
    >>> from skdeep.persistence._registry import tag_of
    >>> tag_of((1, 2)), tag_of(object())
    ('tuple', None)
    """
    kind = type(obj)
    tag = _EXACT.get(kind) or _EXACT.get(f"{kind.__module__}.{kind.__qualname__}")
    if tag == "number_check" and not is_number_check(obj):
        return None  # a `partial` of another function
    if tag is None:
        tag = next((t for kinds, t in _WITH_SUBCLASSES if isinstance(obj, kinds)), None)
    return tag
