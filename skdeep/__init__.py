"""scikit-learn estimators whose models are PyTorch networks."""

from skdeep._show_versions import show_versions
from skdeep._version import __version__
from skdeep.autoencoder import Autoencoder
from skdeep.cnn import CNNClassifier, CNNRegressor
from skdeep.lstm import LSTMClassifier, LSTMRegressor
from skdeep.mlp import MLPClassifier, MLPRegressor
from skdeep.outlier import AutoencoderOutlierDetector
from skdeep.preprocessing import SequenceVectorizer
from skdeep.rbm import RBM
from skdeep.realmlp import RealMLPClassifier, RealMLPRegressor
from skdeep.siamese import SiameseClassifier, SiameseTransformer
from skdeep.tabm import TabMClassifier, TabMRegressor
from skdeep.vae import VariationalAutoencoder

__all__ = [
    "RBM",
    "Autoencoder",
    "AutoencoderOutlierDetector",
    "CNNClassifier",
    "CNNRegressor",
    "LSTMClassifier",
    "LSTMRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "SiameseClassifier",
    "SiameseTransformer",
    "SequenceVectorizer",
    "TabMClassifier",
    "TabMRegressor",
    "VariationalAutoencoder",
    "__version__",
    "show_versions",
]
