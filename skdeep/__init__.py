"""scikit-learn estimators whose models are PyTorch networks."""

from skdeep._show_versions import show_versions
from skdeep._version import __version__
from skdeep.gan_outlier import GANOutlierDetector
from skdeep.image_gan import ImageGAN
from skdeep.mlp import MLPClassifier, MLPRegressor
from skdeep.oversampler import GANOverSampler
from skdeep.realmlp import RealMLPClassifier, RealMLPRegressor
from skdeep.tabm import TabMClassifier, TabMRegressor
from skdeep.tabular_gan import TabularGAN

__all__ = [
    "GANOutlierDetector",
    "GANOverSampler",
    "ImageGAN",
    "MLPClassifier",
    "MLPRegressor",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "TabMClassifier",
    "TabMRegressor",
    "TabularGAN",
    "__version__",
    "show_versions",
]
