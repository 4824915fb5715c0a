"""scikit-learn estimators whose models are PyTorch networks.

A line of code finds its room by one question: whose word is it?

- a parameter's text or range: `parameters`; what X is: `inputs`
- what one family does: `perceptron`, `tabular`, `convolutional`, `recurrent`, `autoencoder`,
  `outlier`, `siamese`, `adversarial`, `policies`; what all of them do: `base`
- an epoch, a batch, an optimizer, a device: `engine` (skorch lives here alone)
- a layer: `nets`; a formula: `losses`; a row, an index: `data`
- a kernel that is not trained: `kernels`
- a column, a category, a scale: `preprocessing`; a measure of synthetic data: `metrics`
- a candidate, a trial, a fold: `tuning`; several estimators as one: `ensemble`
- a season, a horizon: `forecast`; a file of rows, a cluster: `scale`
- a figure: `plotting`; a file: `persistence`, or `onnx`; what watches epochs: `callbacks`

Families import base, base imports inputs, inputs import parameters, and all of them the engine and
what is below it; no family imports another (`tests/test_imports.py` holds this).
"""

import importlib
from typing import TYPE_CHECKING

from skdeep._version import __version__

if TYPE_CHECKING:
    from skdeep import callbacks as callbacks
    from skdeep import ensemble as ensemble
    from skdeep import forecast as forecast
    from skdeep import metrics as metrics
    from skdeep import onnx as onnx
    from skdeep import persistence as persistence
    from skdeep import plotting as plotting
    from skdeep import policies as policies
    from skdeep import preprocessing as preprocessing
    from skdeep import scale as scale
    from skdeep import tuning as tuning
    from skdeep._show_versions import show_versions
    from skdeep.adversarial.gan_outlier import GANOutlierDetector
    from skdeep.adversarial.image_gan import ImageGAN
    from skdeep.adversarial.imputer import TabularImputer
    from skdeep.adversarial.oversampler import GANOverSampler
    from skdeep.adversarial.tabular_gan import TabularGAN
    from skdeep.autoencoder.autoencoder import Autoencoder
    from skdeep.autoencoder.rbm import RBM
    from skdeep.autoencoder.vae import VariationalAutoencoder
    from skdeep.convolutional.cnn import CNNClassifier, CNNRegressor
    from skdeep.outlier.detector import AutoencoderOutlierDetector
    from skdeep.perceptron.mlp import MLPClassifier, MLPRegressor
    from skdeep.policies.fitted_q import FittedQClassifier
    from skdeep.preprocessing.sequences import SequenceVectorizer
    from skdeep.recurrent.lstm import LSTMClassifier, LSTMRegressor
    from skdeep.siamese.classifier import SiameseClassifier
    from skdeep.siamese.transformer import SiameseTransformer
    from skdeep.tabular.realmlp import RealMLPClassifier, RealMLPRegressor
    from skdeep.tabular.tabm import TabMClassifier, TabMRegressor

_PLACES = {
    "Autoencoder": "autoencoder.autoencoder",
    "AutoencoderOutlierDetector": "outlier.detector",
    "CNNClassifier": "convolutional.cnn",
    "CNNRegressor": "convolutional.cnn",
    "FittedQClassifier": "policies.fitted_q",
    "GANOutlierDetector": "adversarial.gan_outlier",
    "GANOverSampler": "adversarial.oversampler",
    "ImageGAN": "adversarial.image_gan",
    "LSTMClassifier": "recurrent.lstm",
    "LSTMRegressor": "recurrent.lstm",
    "MLPClassifier": "perceptron.mlp",
    "MLPRegressor": "perceptron.mlp",
    "RBM": "autoencoder.rbm",
    "RealMLPClassifier": "tabular.realmlp",
    "RealMLPRegressor": "tabular.realmlp",
    "SequenceVectorizer": "preprocessing.sequences",
    "SiameseClassifier": "siamese.classifier",
    "SiameseTransformer": "siamese.transformer",
    "TabMClassifier": "tabular.tabm",
    "TabMRegressor": "tabular.tabm",
    "TabularGAN": "adversarial.tabular_gan",
    "TabularImputer": "adversarial.imputer",
    "VariationalAutoencoder": "autoencoder.vae",
    "show_versions": "_show_versions",
}
_PACKAGES = (
    "callbacks",
    "ensemble",
    "forecast",
    "metrics",
    "onnx",
    "persistence",
    "plotting",
    "policies",
    "preprocessing",
    "scale",
    "tuning",
)

__all__ = [
    "RBM",
    "Autoencoder",
    "AutoencoderOutlierDetector",
    "CNNClassifier",
    "CNNRegressor",
    "FittedQClassifier",
    "GANOutlierDetector",
    "GANOverSampler",
    "ImageGAN",
    "LSTMClassifier",
    "LSTMRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "SequenceVectorizer",
    "SiameseClassifier",
    "SiameseTransformer",
    "TabMClassifier",
    "TabMRegressor",
    "TabularGAN",
    "TabularImputer",
    "VariationalAutoencoder",
    "__version__",
    "show_versions",
]


def __getattr__(name):
    """Load a public name when it is first asked for (PEP 562): torch takes a second to import."""
    if name in _PLACES:
        value = getattr(importlib.import_module(f"skdeep.{_PLACES[name]}"), name)
    elif name in _PACKAGES:
        value = importlib.import_module(f"skdeep.{name}")
    else:
        raise AttributeError(f"module 'skdeep' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__, *_PACKAGES} - {"importlib", "TYPE_CHECKING"})
