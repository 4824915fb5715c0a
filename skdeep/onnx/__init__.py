"""Models without Python: files in the ONNX format, of estimators and whole pipelines.

`to_onnx` converts a fitted model, `save` writes it to a file. Such a file is run by onnxruntime, in
Python or not, without torch, scikit-learn or skdeep. It takes the extra ``skdeep[onnx]``.
"""

from skdeep.onnx._convert import save, to_onnx

__all__ = ["save", "to_onnx"]
