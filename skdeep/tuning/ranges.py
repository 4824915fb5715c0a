"""Ranges of the default search spaces, as data: for each parameter, with their sources."""

from dataclasses import dataclass

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

TABM = "the space for MLPs of Gorishniy, Kotelnikov and Babenko (TabM, ICLR 2025)"
RTDL = "the space for MLPs of Gorishniy et al. (Revisiting deep learning models, NeurIPS 2021)"


@dataclass(frozen=True)
class Range:
    """Search range of one parameter.

    Attributes
    ----------
    parameter : str
    values : optuna distribution or list
    source : str
        Where the range is from.
    unless : dict of str to tuple
        Settings of the estimator under which the parameter is left alone.
    only : dict of str to tuple
        Settings under which alone the range holds.
    """

    parameter: str
    values: BaseDistribution | list
    source: str
    unless: dict | None = None
    only: dict | None = None

    def applies(self, settings):
        """Whether the range applies to an estimator with these parameters."""
        ruled_out = any(settings.get(k) in v for k, v in (self.unless or {}).items())
        return not ruled_out and all(settings.get(k) in v for k, v in (self.only or {}).items())


_LBFGS = {"solver": ("lbfgs",)}
_WIDTHS = (64, 128, 256, 512)

DENSE = (
    Range(
        "hidden_layer_sizes",
        [(width,) * depth for depth in (1, 2, 3) for width in _WIDTHS],
        f"within {TABM}: 1 to 6 layers of 64 to 1024 units. Powers of two, the largest quarter "
        "left out: networks of scikit-learn's size of data seldom gain from it and cost most",
    ),
    Range(
        "learning_rate_init",
        FloatDistribution(1e-4, 1e-2, log=True),
        f"{TABM} has 3e-5 to 1e-3, {RTDL} 1e-5 to 1e-2, both log-uniform; below 1e-4 the default "
        "`max_iter` of 200 epochs ends before training does",
        unless=_LBFGS,
    ),
    Range(
        "dropout",
        CategoricalDistribution([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        f"{TABM} and {RTDL} have 0 or uniform up to 0.5; here in steps, so that 0 is one of them",
        unless=_LBFGS,
    ),
    Range(
        "alpha",
        FloatDistribution(1e-6, 1e-1, log=True),
        "scikit-learn's user guide, 'Tips on practical use' of neural networks: 10.0 ** "
        "-np.arange(1, 7)",
        unless={"solver": ("adamw",)},
    ),
    Range(
        "alpha",
        FloatDistribution(1e-4, 1e-1, log=True),
        f"weight decay of AdamW in {TABM}, log-uniform",
        only={"solver": ("adamw",)},
    ),
)
"""Of stacks of dense layers."""

_TABM = "the space for TabM of Gorishniy, Kotelnikov and Babenko (TabM, ICLR 2025)"

TABM_RANGES = (
    Range(
        "hidden_layer_sizes",
        [(width,) * depth for depth in (1, 2, 3, 4) for width in _WIDTHS],
        f"{_TABM}: 1 to 4 layers of 64 to 1024 units with embeddings; powers of two up to 512",
    ),
    Range("learning_rate_init", FloatDistribution(1e-4, 5e-3, log=True), f"{_TABM}, log-uniform"),
    Range("alpha", FloatDistribution(1e-4, 1e-1, log=True), f"{_TABM}, log-uniform"),
    Range(
        "dropout",
        CategoricalDistribution([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        "the space for TabM of TabArena (Erickson et al., 2025): 0 or uniform up to 0.5; in steps",
    ),
    Range("n_bins", IntDistribution(2, 128), _TABM),
    Range("embedding_size", IntDistribution(8, 32, step=4), _TABM),
)
"""Of TabM."""

_REALMLP = "the space for RealMLP of TabArena (Erickson et al., 2025)"

REALMLP_RANGES = (
    Range(
        "hidden_layer_sizes",
        [(width,) * depth for depth in (2, 3, 4) for width in (256, 384, 512)],
        _REALMLP,
    ),
    Range("learning_rate_init", FloatDistribution(0.02, 0.3, log=True), f"{_REALMLP}, log-uniform"),
    Range("alpha", FloatDistribution(1e-3, 5e-2, log=True), f"{_REALMLP}, log-uniform"),
    Range("dropout", FloatDistribution(0.0, 0.5), f"{_REALMLP}, uniform"),
    Range("frequency_scale", FloatDistribution(1e-2, 50.0, log=True), f"{_REALMLP}, log-uniform"),
)
"""Of RealMLP."""

_KHOSLA = "supervised contrastive learning (Khosla et al., NeurIPS 2020)"

SIAMESE_RANGES = (
    Range(
        "hidden_layer_sizes",
        [(width,) * depth for depth in (1, 2, 3) for width in _WIDTHS],
        f"as for MLPs: within {TABM}",
        unless={"encoder": ("conv", "lstm")},
    ),
    Range(
        "n_components",
        [32, 64, 128, 256],
        "Schroff et al. (FaceNet, CVPR 2015) compare 64 to 512 components, 128 being best; shifted "
        "down for smaller data",
    ),
    Range(
        "temperature",
        FloatDistribution(0.05, 0.5, log=True),
        f"{_KHOSLA} takes 0.1, SimCLR (Chen et al., ICML 2020) compares 0.05 to 1; the largest, "
        "which is worst there, left out",
        only={"loss": ("auto", "nt_xent")},
    ),
    Range(
        "learning_rate_init",
        FloatDistribution(3e-4, 3e-2, log=True),
        "from about 1e-3, where prototypical networks start (Snell et al., NeurIPS 2017), to three "
        "times the default for convolutions, log-uniform",
    ),
    Range(
        "dropout",
        CategoricalDistribution([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        f"as for MLPs: {TABM}",
        unless={"encoder": ("conv", "lstm")},
    ),
    Range(
        "alpha",
        FloatDistribution(1e-3, 5e-1, log=True),
        "the default's decade to either side; decoupled decay (Loshchilov and Hutter, ICLR 2019)",
    ),
)
"""Of the siamese estimators."""
_CODE = "Hinton and Salakhutdinov (2006) and Vincent et al. (JMLR 2010): "
_RATE = Range(
    "learning_rate_init",
    FloatDistribution(1e-4, 1e-2, log=True),
    f"as for MLPs: {RTDL} has 1e-5 to 1e-2, log-uniform",
)

AUTOENCODER_RANGES = (
    Range(
        "hidden_layer_sizes",
        [(width, code) for width in (64, 128, 256, 512) for code in (4, 8, 16, 32, 64)],
        f"{_CODE}a wide layer before a narrow code, in powers of two",
    ),
    _RATE,
    Range(
        "noise_rate",
        CategoricalDistribution([0.1, 0.25, 0.4]),
        f"{_CODE}masking noise of 10, 25 and 40 %",
        unless={"noise": (None,)},
    ),
)
"""Of autoencoders."""

VAE_RANGES = (
    Range(
        "n_components",
        [3, 5, 10, 20, 50],
        "within the 3 to 200 dimensions of Kingma and Welling (2014), figure 2",
    ),
    Range(
        "beta",
        FloatDistribution(0.1, 10.0, log=True),
        "around the 1 of Kingma and Welling; Higgins et al. (2017) go up from there",
    ),
    _RATE,
)
"""Of variational autoencoders."""

RBM_RANGES = (
    Range("n_components", [64, 128, 256, 512], "powers of two around scikit-learn's default, 256"),
    Range(
        "learning_rate_init",
        FloatDistribution(1e-3, 1e-1, log=True),
        "scikit-learn's advice for BernoulliRBM: reasonable values are in 10**[-3, 0]; above 0.1 "
        "persistent chains fall behind (Tieleman, 2008)",
    ),
)
"""Of restricted Boltzmann machines."""

OUTLIER_RANGES = (
    Range(
        "hidden_layer_sizes",
        [(width,) * depth for depth in (2, 3) for width in (64, 128, 256)],
        "around the default: 64 to 256 units, as in the autoencoders of PyOD and DeepOD",
    ),
    Range(
        "mask_rate",
        FloatDistribution(0.15, 0.8),
        "from the 15 % of BERT (Devlin et al., 2019) to about the 75 % of masked autoencoders (He "
        "et al., 2022)",
    ),
    Range(
        "learning_rate_init",
        FloatDistribution(5e-4, 1e-2, log=True),
        "a factor of about five on either side of the default, 0.002",
    ),
)
"""Of the outlier detector; without labels only its loss on held-out rows can be compared."""

_CTGAN = "around the settings of CTGAN (Xu et al., NeurIPS 2019) and R3GAN (Huang et al., 2024)"

TABULAR_GAN_RANGES = (
    Range("hidden_layer_sizes", [(n, n) for n in (64, 128, 256)], f"{_CTGAN}: two layers of 256"),
    Range("learning_rate_init", FloatDistribution(5e-4, 5e-3, log=True), f"{_CTGAN}, above 2e-4"),
    Range("dropout", CategoricalDistribution([0.0, 0.1, 0.2, 0.3]), f"{RTDL}: 0 or up to 0.5"),
    Range("n_bins", IntDistribution(16, 128, log=True), f"{_TABM}: 2 to 128 bins a number"),
)
"""Of TabularGAN, by the log-likelihood of held-out rows (its `score`)."""

IMAGE_GAN_RANGES = (
    Range("learning_rate_init", FloatDistribution(2e-4, 2e-3, log=True), f"{_CTGAN}, from 2e-4"),
    Range(
        "gradient_penalty",
        FloatDistribution(0.05, 5.0, log=True),
        "R3GAN (Huang et al., 2024): 0.05 for CIFAR-10 to 2 for faces of 64 x 64, and more beyond",
    ),
)
"""Of ImageGAN."""

GAN_OUTLIER_RANGES = (
    Range(
        "latent_size",
        IntDistribution(4, 32, log=True),
        "AnoGAN and TAnoGAN: 32 to 100 codes "
        "for larger inputs (Schlegl et al., 2017; Bashar and Nayak, 2020)",
    ),
    Range("feature_weight", FloatDistribution(0.0, 0.5), "around the 0.1 of Schlegl et al., 2017"),
    Range("learning_rate_init", FloatDistribution(2e-4, 5e-3, log=True), f"{_CTGAN}, from 2e-4"),
)
"""Of GANOutlierDetector."""
CNN_RANGES = (
    Range(
        "learning_rate_init",
        FloatDistribution(1e-4, 1e-2, log=True),
        "the range for Adam of Schmidt, Schneider and Hennig (Descending through a crowded valley, "
        "ICML 2021), 1e-4 to 1, cut where one-cycle training of small networks diverges",
    ),
    Range(
        "alpha",
        FloatDistribution(1e-4, 1e-1, log=True),
        "decoupled decay around the 0.01 to 0.1 that He et al. (Bag of tricks, CVPR 2019) and "
        "Wightman et al. (ResNet strikes back, 2021) train residual networks with",
    ),
    Range(
        "dropout",
        CategoricalDistribution([0.0, 0.2, 0.5]),
        "0.5 before the last layer is that of Krizhevsky et al. (NeurIPS 2012), 0.2 that of "
        "Szegedy et al. (GoogLeNet has 0.4; CVPR 2015), halved for smaller networks",
    ),
    Range(
        "label_smoothing",
        CategoricalDistribution([0.0, 0.1]),
        "0.1 is that of Szegedy et al. (Rethinking the Inception architecture, CVPR 2016)",
    ),
)
"""Of convolutional networks."""

_ODYSSEY = "the search of Greff et al. (LSTM: a search space odyssey, TNNLS 2017)"

LSTM_RANGES = (
    Range(
        "hidden_layer_sizes",
        [(width,) * depth for depth in (1, 2) for width in (16, 32, 64, 128)],
        f"{_ODYSSEY}, one layer of 20 to 200 units, log-uniform; powers of two, and a second "
        "layer, which Zaremba et al. (Recurrent neural network regularization, 2014) use",
    ),
    Range(
        "learning_rate_init",
        FloatDistribution(5e-4, 2e-2, log=True),
        f"{_ODYSSEY} has 1e-6 to 1e-2, log-uniform, for SGD; here the upper end of it and a little "
        "more, since one-cycle training with Adam takes larger rates for a part of the epochs",
    ),
    Range(
        "dropout",
        CategoricalDistribution([0.0, 0.2, 0.35, 0.5, 0.65]),
        "0.5 and 0.65 are those of the medium and large networks of Zaremba et al. (2014), 0 that "
        "of their small one; 0.2 and 0.35 lie between",
    ),
    Range(
        "recurrent_dropout",
        CategoricalDistribution([0.0, 0.25, 0.5]),
        "0.5 is that of Merity, Keskar and Socher (Regularizing and optimizing LSTM language "
        "models, ICLR 2018); none and a half of it",
    ),
    Range(
        "pooling",
        CategoricalDistribution(["max", "mean", "last", "attention"]),
        "all that there are: which is best depends on where in a sequence the signal is",
    ),
)
"""Of recurrent networks."""

FITTED_Q_RANGES = (
    Range(
        "learning_rate_init",
        FloatDistribution(1e-4, 5e-3, log=True),
        "around the 3e-4 of Fujimoto et al. (Addressing function approximation error, ICML 2018) "
        "and the 2.3e-3 that the zoo of stable-baselines3 (Raffin, 2020) has for CartPole",
    ),
    Range(
        "n_steps",
        [1, 3, 5, 10],
        "1 is plain Q-learning, 3 that of Rainbow (Hessel et al., AAAI 2018), 5 to 10 that of "
        "Mnih et al. (Asynchronous methods, ICML 2016)",
    ),
    Range(
        "target_update",
        FloatDistribution(1e-3, 5e-2, log=True),
        "around the 0.005 of Fujimoto et al., from the 0.001 of Lillicrap et al. (ICLR 2016)",
    ),
    Range(
        "conservative",
        CategoricalDistribution([0.0, 0.1, 0.5, 1.0]),
        "none, and up to the 1.0 to 4.0 of Kumar et al. (CQL, NeurIPS 2020) for discrete actions",
    ),
)
"""Of FittedQClassifier."""

SPACES = {
    "Autoencoder": AUTOENCODER_RANGES,
    "AutoencoderOutlierDetector": OUTLIER_RANGES,
    "CNNClassifier": CNN_RANGES,
    "CNNRegressor": CNN_RANGES[:-1],
    "FittedQClassifier": FITTED_Q_RANGES,
    "GANOutlierDetector": GAN_OUTLIER_RANGES,
    "ImageGAN": IMAGE_GAN_RANGES,
    "LSTMClassifier": LSTM_RANGES,
    "LSTMRegressor": LSTM_RANGES,
    "MLPClassifier": DENSE,
    "MLPRegressor": DENSE,
    "RBM": RBM_RANGES,
    "RealMLPClassifier": REALMLP_RANGES,
    "RealMLPRegressor": REALMLP_RANGES,
    "SiameseClassifier": SIAMESE_RANGES,
    "SiameseTransformer": SIAMESE_RANGES,
    "TabMClassifier": TABM_RANGES,
    "TabMRegressor": TABM_RANGES,
    "TabularGAN": TABULAR_GAN_RANGES,
    "VariationalAutoencoder": VAE_RANGES,
}
"""By name of the class; classes that inherit from these have their spaces."""
