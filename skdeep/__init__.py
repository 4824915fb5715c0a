"""scikit-learn estimators whose models are PyTorch networks."""

from skdeep._show_versions import show_versions
from skdeep._version import __version__
from skdeep.cnn import CNNClassifier, CNNRegressor
from skdeep.gan_outlier import GANOutlierDetector
from skdeep.image_gan import ImageGAN
from skdeep.lstm import LSTMClassifier, LSTMRegressor
from skdeep.mlp import MLPClassifier, MLPRegressor
from skdeep.oversampler import GANOverSampler
from skdeep.preprocessing import SequenceVectorizer
from skdeep.realmlp import RealMLPClassifier, RealMLPRegressor
from skdeep.tabm import TabMClassifier, TabMRegressor
from skdeep.tabular_gan import TabularGAN

__all__ = [
    "GANOutlierDetector",
    "GANOverSampler",
    "ImageGAN",
    "CNNClassifier",
    "CNNRegressor",
    "LSTMClassifier",
    "LSTMRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "SequenceVectorizer",
    "TabMClassifier",
    "TabMRegressor",
    "TabularGAN",
    "__version__",
    "show_versions",
]
