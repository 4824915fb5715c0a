"""The file itself: other files, damaged ones, and writing."""

import json
import os
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
import sklearn
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep.persistence import UntrustedTypeError, _file, load, save


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.skdeep"
    save(StandardScaler().fit(np.arange(6.0).reshape(3, 2)), path)
    return path


def test_header(path):
    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["skdeep"])
    assert header.pop("crc32")
    assert header == {
        "format": 1,
        "skdeep": skdeep.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
    }


@pytest.mark.parametrize("convert", [str, os.fsencode, lambda p: p])
def test_kinds_of_path(convert, path, tmp_path):
    save(load(convert(path)), convert(tmp_path / "other"))
    assert load(tmp_path / "other").n_samples_seen_ == 3


def test_newer_format(forge):
    with pytest.raises(
        ValueError, match=r"format=2, written by skdeep 9\.9.*up to 1.*newer skdeep"
    ):
        load(forge({}, format=2, skdeep="9.9"))


@pytest.mark.parametrize("number", [None, "1", 1.5, True, 0, [1]])
def test_no_format(number, forge):
    with pytest.raises(ValueError, match="is not a file written by skdeep"):
        load(forge({}, format=number))


def test_truncated_anywhere(path):
    content = path.read_bytes()
    for length in (0, 1, 7, 8, 9, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"model\.skdeep is not a file.*truncated or damaged"):
            load(path)


def test_any_changed_byte(path):
    content = bytearray(path.read_bytes())
    for i in range(0, len(content), 7):
        content[i] ^= 1
        path.write_bytes(content)
        content[i] ^= 1
        try:
            loaded = load(path)
        except ValueError:
            continue
        # Names of versions are the only bytes that may be lost without notice.
        assert loaded.mean_.tolist() == [2.0, 3.0]


def test_other_kinds_of_file(tmp_path):
    other = tmp_path / "other"
    joblib.dump(StandardScaler(), other)
    with pytest.raises(ValueError, match="is not a file written by skdeep"):
        load(other)
    other.write_text("a text " * 100)
    with pytest.raises(ValueError, match="is not a file written by skdeep"):
        load(other)
    for metadata in (None, {"format": "pt"}, {"skdeep": "{"}, {"skdeep": "3"}):
        save_file({"weight": np.zeros(3)}, other, metadata)
        with pytest.raises(ValueError, match="its metadata has no skdeep header"):
            load(other)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")
    with pytest.raises(OSError):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        save(StandardScaler(), tmp_path / "no folder" / "model")


SCALER = "sklearn.preprocessing._data.StandardScaler"


@pytest.mark.parametrize(
    "tree",
    [
        "{",
        "[" * 100_000,
        {},
        {"unknown": 1},
        {"tuple": [], "set": []},
        {"object": SCALER},
        {"object": [SCALER], "args": []},
        {"object": SCALER, "args": [], "state": 3},
        {"object": SCALER, "args": [], "items": [1]},
        {"object": SCALER, "args": [], "pairs": [[1, 2]]},
        {"object": "sklearn.no_module.Nothing", "args": []},
        {"object": "sklearn.preprocessing._data.Nothing", "args": []},
        {"object": "numpy.log1p", "args": []},
        {"name": 3},
        {"name": ""},
        {"array": "missing"},
        {"array": "bytes", "type": {"dtype": "|O"}, "shape": [1]},
        {"array": "bytes", "type": {"dtype": "<f8"}, "shape": [99]},
        {"array": "bytes", "type": 3, "shape": [1]},
        {"objects": [1, 2], "shape": [3]},
        {"same": 0},
        {"dict": [[[], 1]]},
        {"dict": [1]},
        {"device": "nowhere"},
        {"sparse": [False, "coo", {"tuple": [1, 1]}, {"array": "bytes"}, [9] * 8, [9] * 8]},
        {"sparse": [False, "csr", {"tuple": [1, 1]}, {"array": "bytes"}, [9] * 8, [0, 8]]},
        {"sparse": [False, "csr", {"tuple": [2, 1]}, {"array": "bytes"}, [0] * 8, [0, 9, 8]]},
        {"sparse": [False, "file", {"tuple": [1, 1]}, {"array": "bytes"}, [0] * 8, [0] * 8]},
        {"random_state": {"dict": [["state", {"dict": [["pos", 10**6]]}]]}},
    ],
    ids=lambda tree: str(tree)[:60],
)
def test_what_makes_no_sense(tree, forge):
    arrays = {"bytes": np.zeros(8, np.uint8)}
    with pytest.raises(ValueError, match="cannot be rebuilt.*It was written with|not trusted"):
        load(forge(tree, arrays=arrays))


def test_other_version_of_sklearn(path, forge):
    with safe_open(path, framework="np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    text = arrays.pop("estimator.json").tobytes().decode()
    forged = forge(text.replace(json.dumps(sklearn.__version__), '"1.0"'), arrays=arrays)
    with pytest.warns(InconsistentVersionWarning, match=r"from version 1\.0"):
        load(forged)


@pytest.mark.parametrize("thing", [StandardScaler, 3, None, {"a": 1}])
def test_saves_estimators_only(thing, tmp_path):
    with pytest.raises(TypeError, match="expected an instance of an estimator"):
        save(thing, tmp_path / "model")


class Broken(StandardScaler):
    """Cannot be saved."""

    def __getstate__(self):
        raise RuntimeError("no state")


def test_a_failed_save_leaves_the_old_file(path, monkeypatch):
    content = path.read_bytes()
    with pytest.raises(RuntimeError, match="no state"):
        save(Broken(), path)

    def full(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(StandardScaler(), path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_save_takes_the_place_of_the_old_file(path):
    save(StandardScaler(with_mean=False), path)
    assert load(path).with_mean is False
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links(path):
    plain = path.with_name("plain")
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode
    link = path.with_name("link")
    link.symlink_to(path)
    save(StandardScaler(with_std=False), link)
    assert link.is_symlink()
    assert load(path).with_std is False


def test_without_safetensors(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (lambda: load(path), lambda: save(StandardScaler(), path)):
        with pytest.raises(ImportError, match=r"pip install skdeep\[persistence\]"):
            call()


def test_fresh_process(path):
    """The import is lazy, and a file brings with it the imports that it needs."""
    code = f"""if True:
        import sys
        from skdeep.persistence import load
        assert "safetensors" not in sys.modules
        assert load({str(path)!r}).n_features_in_ == 2
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_errors_are_one_family():
    assert issubclass(UntrustedTypeError, ValueError)


def test_docstrings():
    import doctest

    from skdeep.persistence import _compiled, _decode, _encode, _plain, _registry, _trust

    for module in (_file, _encode, _decode, _plain, _registry, _compiled, _trust):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            failed, attempted = doctest.testmod(module)
        assert attempted and not failed


@pytest.mark.parametrize("when", ["save", "load"])
def test_weights_that_are_not_finite(tmp_path, monkeypatch, when):
    model = skdeep.MLPClassifier(learning_rate="cosine", device="cpu").fit(np.eye(4), [0, 1, 0, 1])
    with torch.no_grad():
        next(model.net_.module_.parameters())[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        model.__sklearn_validate_model__()
    if when == "load":
        with monkeypatch.context() as patch:
            patch.setattr("skdeep.persistence._encode.check_model", lambda model: None)
            save(model, tmp_path / "model")
        with pytest.raises(ValueError, match="cannot be rebuilt: .* that are not finite"):
            load(tmp_path / "model")
    else:
        with pytest.raises(TypeError, match="cannot be saved: weights .* not finite"):
            save(model, tmp_path / "model")
        assert not (tmp_path / "model").exists()
    skdeep.MLPClassifier().__sklearn_validate_model__()  # nothing fitted, nothing to say
