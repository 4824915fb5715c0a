"""Types of tensors: between NumPy's, those of ONNX and those of skl2onnx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from skl2onnx.common import data_types

STRING = np.dtype(np.str_)

_KINDS: dict[np.dtype, Any] = {
    np.dtype(np.float32): data_types.FloatTensorType,
    np.dtype(np.float64): data_types.DoubleTensorType,
    np.dtype(np.int64): data_types.Int64TensorType,
    np.dtype(np.int32): data_types.Int32TensorType,
    np.dtype(np.int16): data_types.Int16TensorType,
    np.dtype(np.int8): data_types.Int8TensorType,
    np.dtype(np.uint64): data_types.UInt64TensorType,
    np.dtype(np.uint32): data_types.UInt32TensorType,
    np.dtype(np.uint16): data_types.UInt16TensorType,
    np.dtype(np.uint8): data_types.UInt8TensorType,
    np.dtype(np.float16): data_types.Float16TensorType,
    np.dtype(np.bool_): data_types.BooleanTensorType,
    STRING: data_types.StringTensorType,
}
_DTYPES = {kind: dtype for dtype, kind in _KINDS.items()}


def tensor_type(dtype: Any, shape: Any) -> Any:
    """skl2onnx's type for a tensor of a NumPy type; texts of any length are `STRING`."""
    dtype = np.dtype(dtype)
    return _KINDS[STRING if dtype.kind == "U" else dtype](list(shape))


def dtype_of(kind: Any) -> np.dtype:
    """The NumPy type of one of skl2onnx's types."""
    return _DTYPES[type(kind)]


def proto_of(dtype: Any) -> int:
    """The number of a NumPy type in ONNX."""
    dtype = np.dtype(dtype)
    return TensorProto.STRING if dtype.kind == "U" else helper.np_dtype_to_tensor_dtype(dtype)


def float_type(variables: Sequence[Any]) -> np.dtype:
    """float64 where one of skl2onnx's variables is of that type, else float32."""
    is_double = any(dtype_of(v.type) == np.float64 for v in variables)
    return np.dtype(np.float64 if is_double else np.float32)


def of_tensor(tensor: Any) -> np.dtype:
    """The NumPy type of a tensor of torch."""
    return np.dtype(str(tensor.dtype).removeprefix("torch."))
