"""What the tests of this folder share."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.datasets import make_classification

from skdeep.persistence import _file


@pytest.fixture(scope="session")
def data():
    """Sixty rows with six features and three classes."""
    return make_classification(60, 6, n_informative=4, n_classes=3, random_state=0)


@pytest.fixture
def forge(tmp_path):
    """Write a file by hand, in good order but for what is asked for; return its path."""

    def write(tree, *, arrays=None, **header):
        text = tree if isinstance(tree, str) else json.dumps(tree)
        arrays = {**(arrays or {}), _file._STRUCTURE: np.frombuffer(text.encode(), np.uint8)}
        header = {"format": _file.FORMAT, "crc32": _file._checksum(arrays), **header}
        path = tmp_path / "forged.skdeep"
        save_file(arrays, path, {"skdeep": json.dumps(header)})
        return path

    return write
