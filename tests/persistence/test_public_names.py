"""Pickles and saved files name the places that users import from."""

import inspect
import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone

import skdeep
from skdeep import MLPClassifier
from skdeep.engine.modules import module_class
from skdeep.nets.blocks import MLPNet
from skdeep.persistence import load, save
from skdeep.persistence._trust import harmless
from skdeep.preprocessing import RandomKernels, SlidingWindow, TabularEncoder

CLASSES = [cls for name in skdeep.__all__ if inspect.isclass(cls := getattr(skdeep, name))]
FORMERLY = {  # of version 0.1
    "skdeep.autoencoder": ["Autoencoder"],
    "skdeep.cnn": ["CNNClassifier", "CNNRegressor"],
    "skdeep.gan_outlier": ["GANOutlierDetector"],
    "skdeep.image_gan": ["ImageGAN"],
    "skdeep.lstm": ["LSTMClassifier", "LSTMRegressor"],
    "skdeep.mlp": ["MLPClassifier", "MLPRegressor"],
    "skdeep.outlier": ["AutoencoderOutlierDetector"],
    "skdeep.oversampler": ["GANOverSampler"],
    "skdeep.rbm": ["RBM"],
    "skdeep.realmlp": ["RealMLPClassifier", "RealMLPRegressor"],
    "skdeep.siamese": ["SiameseClassifier", "SiameseTransformer"],
    "skdeep.tabm": ["TabMClassifier", "TabMRegressor"],
    "skdeep.tabular_gan": ["TabularGAN"],
    "skdeep.vae": ["VariationalAutoencoder"],
    "skdeep.preprocessing.sequences": ["SequenceVectorizer"],
}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_public_class_names_the_package(cls):
    assert cls.__module__ == "skdeep"
    assert repr(cls) == f"<class 'skdeep.{cls.__name__}'>"
    assert type(clone(cls())) is cls
    strings = [argument for _, argument, _ in pickletools.genops(pickle.dumps(cls(), protocol=4))]
    assert strings.count(cls.__name__) == 1
    assert not [s for s in strings if isinstance(s, str) and s.startswith("skdeep.")]


@pytest.mark.parametrize("cls", [RandomKernels, SlidingWindow, TabularEncoder])
def test_a_transformer_names_its_package(cls):
    assert cls.__module__ == "skdeep.preprocessing"
    assert harmless(f"skdeep.preprocessing.{cls.__name__}", "object") is cls


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_file_names_the_package(data, tmp_path):
    X, y = data
    model = MLPClassifier((4,), max_iter=1, random_state=0, device="cpu").fit(X, y)
    save(model, tmp_path / "model.skdeep")
    content = (tmp_path / "model.skdeep").read_bytes()
    assert b"skdeep.MLPClassifier" in content
    assert b"perceptron" not in content
    loaded = load(tmp_path / "model.skdeep")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    "name", [f"{module}.{cls}" for module, classes in FORMERLY.items() for cls in classes]
)
def test_files_of_earlier_versions_find_their_classes(name):
    assert harmless(name, "object") is getattr(skdeep, name.rpartition(".")[2])


def test_files_of_earlier_versions_find_their_networks():
    assert module_class("skdeep.nets.mlp:MLPNet") is MLPNet


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_module_of_the_day_is_known(cls):
    """Where classes stood when files first named the package."""
    place = skdeep._PLACES[cls.__name__]
    assert harmless(f"skdeep.{place}.{cls.__name__}", "object") is cls


@pytest.mark.parametrize(
    "name",
    [
        "skdeep.show_versions",
        "skdeep.__version__",
        "skdeep.perceptron.mlp.importlib",
        "skdeep.mlp.RBM.fit",
        "skdeep.nothing.MLPClassifier",
        "skdeep.MLPClassifiers",
    ],
)
@pytest.mark.parametrize("use", ["object", "name", "call"])
def test_what_is_not_a_public_class_is_not_found(name, use):
    try:
        found = harmless(name, use)
    except ModuleNotFoundError:
        found = None
    assert found is None


def test_a_public_name_is_loaded_for_a_file():
    """In a process that has not asked for the class before."""
    code = "from skdeep.persistence._trust import harmless as h; print(h('skdeep.RBM', 'object'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "<class 'skdeep.RBM'>"
