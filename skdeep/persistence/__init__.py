"""Saving and loading estimators without executing code.

`save` writes one file in the safetensors format: the weights under their names, and the rest as
JSON. `load` reads it back; where the file speaks of a type that it does not know to be harmless,
it raises an `UntrustedTypeError` before anything is made. Pickles of estimators work too, but a
pickle runs whatever its author wrote.

The files are not those of `skops.io`, which open here too (``skops.io.dump(estimator, path)``;
`trusted_types` lists what skops and MLflow ask for). `save` is for what skops leaves open: any
reader of safetensors finds the weights by their names; types are kept to the bit, orders of arrays
in memory and generators among them; networks are made from their settings, so that no module of
torch's is rebuilt from the names of its parts; and a file that was tampered with can neither make a
model whose arrays do not fit each other, which compiled code would read beyond their ends, nor one
much larger than itself.
"""

from skdeep.persistence._file import load, save
from skdeep.persistence._skops import trusted_types
from skdeep.persistence._trust import UntrustedTypeError

__all__ = ["UntrustedTypeError", "load", "save", "trusted_types"]
