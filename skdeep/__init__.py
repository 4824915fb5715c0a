"""scikit-learn estimators whose models are PyTorch networks."""

from skdeep._show_versions import show_versions
from skdeep._version import __version__
from skdeep.adversarial.gan_outlier import GANOutlierDetector
from skdeep.adversarial.image_gan import ImageGAN
from skdeep.adversarial.oversampler import GANOverSampler
from skdeep.adversarial.tabular_gan import TabularGAN
from skdeep.autoencoder.autoencoder import Autoencoder
from skdeep.autoencoder.rbm import RBM
from skdeep.autoencoder.vae import VariationalAutoencoder
from skdeep.convolutional.cnn import CNNClassifier, CNNRegressor
from skdeep.outlier.detector import AutoencoderOutlierDetector
from skdeep.perceptron.mlp import MLPClassifier, MLPRegressor
from skdeep.preprocessing import SequenceVectorizer
from skdeep.recurrent.lstm import LSTMClassifier, LSTMRegressor
from skdeep.siamese.estimators import SiameseClassifier, SiameseTransformer
from skdeep.tabular.realmlp import RealMLPClassifier, RealMLPRegressor
from skdeep.tabular.tabm import TabMClassifier, TabMRegressor

__all__ = [
    "RBM",
    "Autoencoder",
    "AutoencoderOutlierDetector",
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
    "SiameseClassifier",
    "SiameseTransformer",
    "SequenceVectorizer",
    "TabMClassifier",
    "TabMRegressor",
    "TabularGAN",
    "VariationalAutoencoder",
    "__version__",
    "show_versions",
]
