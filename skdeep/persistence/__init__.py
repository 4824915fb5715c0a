"""Saving and loading estimators without executing code.

`save` writes one file in the safetensors format: the weights under their names, and the rest as
JSON. `load` reads it back; where the file speaks of a type that it does not know to be harmless,
it raises an `UntrustedTypeError` before anything is made. Pickles of estimators work too, but a
pickle runs whatever its author wrote.
"""

from skdeep.persistence._file import load, save
from skdeep.persistence._trust import UntrustedTypeError

__all__ = ["UntrustedTypeError", "load", "save"]
