"""Parameters and attributes of the generators that are trained against a critic."""

from dataclasses import replace
from numbers import Integral

from skdeep._compat import Interval, StrOptions
from skdeep.parameters.arrays import ARRAYS
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import (
    AT_LEAST_1,
    AT_LEAST_2,
    AUTO,
    BELOW_1,
    NOT_NEGATIVE,
    POSITIVE,
    UP_TO_1,
    Parameter,
)
from skdeep.parameters.outlier import OUTLIER
from skdeep.parameters.training import ATTRIBUTES, MAX_ITER, PROGRESS, TRAINING

ADVERSARIAL = {
    **TRAINING,
    "gradient_penalty": Parameter(
        [NOT_NEGATIVE],
        """float
        Strength of the gradient penalties of the critic, not negative.""",
    ),
    "critic_ratio": Parameter(
        [AT_LEAST_1],
        """int
        Number of steps of the critic per step of the generator.""",
    ),
    "latent_size": Parameter(
        [AT_LEAST_1],
        """int
        Size of the latent code.""",
    ),
    "max_iter": MAX_ITER,
    "ema": Parameter(
        [BELOW_1],
        """float
        Decay of the moving average of the generator's weights, in [0, 1).""",
    ),
    "beta_2": replace(
        TRAINING["beta_2"],
        text="""float
        Decay rate of the second moment estimate in Adam, in [0, 1).""",
    ),
}

TABULAR_GAN = {
    **ADVERSARIAL,
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of shape (n_layers,) or int
        Number of units in each hidden layer of the generator, for each column.""",
    ),
    "critic_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of shape (n_layers,) or int
        Number of units in each hidden layer of the critic.""",
    ),
    "loss": Parameter(
        [StrOptions({"relativistic", "wgan-gp"})],
        """{'relativistic', 'wgan-gp'}
        Loss of the critic: the relativistic loss with gradient penalties at real and synthetic
        rows (Huang et al., NeurIPS 2024), or the Wasserstein loss with a gradient penalty
        (Gulrajani et al., NeurIPS 2017).""",
    ),
    "gradient_penalty": replace(
        ADVERSARIAL["gradient_penalty"],
        text="""float
        Strength of these penalties, not negative; 10 in Gulrajani et al.""",
    ),
    "pac": Parameter(
        [AT_LEAST_1],
        """int
        Number of rows that the critic discriminates together (PacGAN: Lin et al., NeurIPS 2018);
        at least 1.""",
    ),
    "order": Parameter(
        [StrOptions({"random", "fixed"})],
        """{'random', 'fixed'}
        Which columns each column is learned to follow from. 'random': from any others, in half of
        the rows from columns that are drawn at random, so that conditions are exact and `impute`,
        `predict_proba` and densities of incomplete rows are available. 'fixed': from those before
        it in the table only.""",
    ),
    "warm_up": Parameter(
        [UP_TO_1],
        """float
        Fraction of the epochs in which the generator is trained by maximum likelihood only, in
        [0, 1]; with 1 there is no adversarial training. See Notes.""",
    ),
    "n_bins": Parameter(
        [AUTO, AT_LEAST_2],
        """int or 'auto'
        Approximate number of modes of a numeric column; at least 2. 'auto' is a 25th of the rows,
        between 8 and 64. If a column has fewer distinct values, or values as frequent as a mode,
        these are modes of their own; 'auto' with ``order='random'`` does so for up to a 25th of
        the rows, at most 256, distinct values.""",
    ),
    "max_categories": Parameter(
        [AT_LEAST_1],
        """int
        Maximum number of levels of a category that are modelled separately. The rarest levels
        beyond it are modelled as one, with a warning.""",
    ),
    "ema": replace(
        ADVERSARIAL["ema"],
        text="""float
        Decay of the moving average of the generator's weights with which `sample` generates rows,
        in [0, 1).""",
    ),
    "dropout": DENSE["dropout"],
    "alpha": replace(
        TRAINING["alpha"],
        text="""float
        Decoupled weight decay of the generator (Loshchilov and Hutter, 2019), not negative.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch; 'auto' is a twentieth of the rows, between 32 and 256.""",
    ),
    "learning_rate_init": replace(
        TRAINING["learning_rate_init"],
        text="""float
        Initial learning rate of the warm-up, which decreases to 0 along a cosine.""",
    ),
    "play_learning_rate": Parameter(
        [POSITIVE],
        """float
        Learning rate of generator and critic in the adversarial training.""",
    ),
    "max_iter": replace(
        MAX_ITER,
        text="""int or 'auto'
        Number of epochs, warm-up included. 'auto' is 30 with ``order='random'``, or up to 60 if
        1,200 steps need more; with ``order='fixed'`` 50, or more for 1,000 steps.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to hold out rows, and restore the weights with the highest likelihood on them: those
        of the best epoch of the warm-up (with ``order='fixed'`` of each column by itself), then
        those of the best epoch of the adversarial training, if one is better than the warm-up. See
        `validation_fraction`. With ``order='random'`` models of all rows were better, from 150
        rows on.""",
    ),
    "n_iter_no_change": replace(
        TRAINING["n_iter_no_change"],
        text="""int or inf
        Number of consecutive epochs without an improvement by `tol` after which the warm-up, or
        the adversarial training, stops.""",
    ),
    "tol": replace(
        TRAINING["tol"],
        text="""float
        Minimum improvement of the mean log-likelihood of the held-out rows.""",
    ),
}

IMAGE_GAN = {
    **ADVERSARIAL,
    "recipe": Parameter(
        [StrOptions({"r3gan", "dcgan"})],
        """{'r3gan', 'dcgan'}
        Losses and optimisation. 'r3gan' is Huang et al. (NeurIPS 2024): the relativistic loss with
        gradient penalties at real and synthetic images, no normalisation, Adam without momentum, a
        moving average of the generator. 'dcgan' is Radford et al. (ICLR 2016): cross-entropy,
        batch normalisation, Adam with beta_1=0.5.""",
    ),
    "n_clusters": Parameter(
        [AUTO, AT_LEAST_1],
        """int or 'auto'
        Without y in `fit`, images are clustered with k-means; generator and critic are conditioned
        on the cluster index instead of the class (Sage et al., 2018; Liu et al., 2020), because an
        unconditional generator produces some kinds of images too often. 'auto' is one cluster per
        50 images, at most 50, with 'r3gan', and 1 (no clusters) with 'dcgan'.""",
    ),
    "channels": Parameter(
        ["array-like"],
        """array-like of int of shape (n_sizes,)
        Number of channels of the generator at each resolution, which doubles from one to the next
        up to that of the images; the critic has them in reverse order.""",
    ),
    "gradient_penalty": replace(
        ADVERSARIAL["gradient_penalty"],
        text="""float
        Strength of the gradient penalties of 'r3gan', not negative. It decreases to a tenth along
        a cosine.""",
    ),
    "image_shape": replace(
        ARRAYS["image_shape"],
        ranges=["array-like", None],
        text="""tuple of int or None
        Height and width, or height, width and channels, of images that are flat rows of X.""",
    ),
    "data_format": replace(
        ARRAYS["data_format"],
        text="""{'channels_last', 'channels_first'}
        Position of the channels in 4-D X.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of images in a mini-batch; 'auto' is ``min(64, n_samples)``.""",
    ),
    "learning_rate_init": replace(
        TRAINING["learning_rate_init"],
        ranges=[AUTO, POSITIVE],
        text="""float or 'auto'
        Learning rate of generator and critic. 'auto' is 0.001 for 'r3gan', where it decreases to a
        quarter along a cosine, and 0.0002 for 'dcgan', where it is constant.""",
    ),
    "max_iter": replace(
        MAX_ITER,
        text="""int or 'auto'
        Number of epochs; 'auto' plans 5,000 steps.""",
    ),
    "ema": replace(
        ADVERSARIAL["ema"],
        text="""float
        Decay of the moving average of the generator's weights with which `sample` generates images
        for 'r3gan', in [0, 1).""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to hold out images and restore the generator of the epoch whose images are closest
        to them; see `validation_scores_`.""",
    ),
    "validation_fraction": replace(
        TRAINING["validation_fraction"],
        text="""float
        Fraction of the images that `early_stopping` holds out, in [0, 1), at most 1,000 images.""",
    ),
    "n_iter_no_change": OUTLIER["n_iter_no_change"],
    "tol": replace(
        TRAINING["tol"],
        text="""float
        Minimum improvement of the score on the held-out images.""",
    ),
}

GAN_OUTLIER = {
    **ADVERSARIAL,
    "network": Parameter(
        [StrOptions({"dense", "lstm"})],
        """{'dense', 'lstm'}
        'dense' for rows of features; 'lstm' for windows of a series, of shape (n_windows, length)
        or (n_windows, length, n_channels).""",
    ),
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of shape (n_layers,) or int
        Number of units in each hidden layer of the generator, and in reverse order of critic and
        encoder. With 'lstm' the first is that of critic and encoder, the last that of the
        generator.""",
    ),
    "latent_size": replace(
        ADVERSARIAL["latent_size"],
        ranges=[AUTO, AT_LEAST_1],
        text="""int or 'auto'
        Size of the latent code. 'auto' is a quarter of the number of features, between 2 and
        16.""",
    ),
    "loss": Parameter(
        [StrOptions({"auto", "relativistic", "vanilla", "wgan-gp"})],
        """{'auto', 'relativistic', 'vanilla', 'wgan-gp'}
        Loss of the critic: the relativistic loss with gradient penalties (Huang et al., NeurIPS
        2024), cross-entropy (Goodfellow et al., 2014) or the Wasserstein loss with a gradient
        penalty (Gulrajani et al., NeurIPS 2017). 'auto' is 'relativistic' for 'dense' and
        'vanilla' for 'lstm', for which GPUs lack second derivatives.""",
    ),
    "gradient_penalty": replace(
        ADVERSARIAL["gradient_penalty"],
        text="""float
        Strength of these penalties, not negative.""",
    ),
    "cycle_weight": Parameter(
        [AUTO, NOT_NEGATIVE],
        """float or 'auto'
        Weight of the reconstruction error of rows from their codes, for which generator and
        encoder are trained jointly, not negative. 'auto' is 0 for 'dense' and 10 for 'lstm' (as in
        TadGAN: Geiger et al., 2020).""",
    ),
    "feature_weight": Parameter(
        [UP_TO_1],
        """float
        Weight of the critic's features in the score, relative to the residuals, in [0, 1] (lambda
        of Schlegl et al., 2017).""",
    ),
    "search_steps": Parameter(
        [Interval(Integral, 0, None, closed="left")],
        """int
        Number of steps of the search for the code, which starts from the encoder's output; 0 uses
        that output.""",
    ),
    "search_learning_rate": Parameter(
        [POSITIVE],
        """float
        Learning rate of Adam in the search.""",
    ),
    "contamination": replace(
        OUTLIER["contamination"],
        text="""'auto' or float in (0, 0.5]
        Fraction of the training rows that `predict` labels as outliers. With 'auto' these are rows
        that are farther out than the upper quartile of held-out rows plus 1.5 interquartile ranges
        (Tukey, 1977) and than 95 % of them.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch; 'auto' is ``min(128, n_samples)``.""",
    ),
    "learning_rate_init": replace(
        TRAINING["learning_rate_init"],
        text="""float
        Learning rate of generator, critic and encoder.""",
    ),
    "max_iter": replace(
        MAX_ITER,
        text="""int or 'auto'
        Number of epochs. 'auto' plans 2,500 steps, two thirds for generator and critic and one
        third for the encoder.""",
    ),
    "validation_fraction": replace(
        TRAINING["validation_fraction"],
        text="""float
        Fraction of the rows that is held out from training, in [0, 1), for `offset_` with
        ``contamination='auto'``. With fewer than 20 rows none are held out.""",
    ),
}

CRITIC_LOSS = {
    "critic_loss_curve_": """list of float
        Loss of the critic in each epoch of the adversarial training.""",
}
TABULAR_GAN_ATTRIBUTES = {
    "modes_": """list of NumberModes or LevelModes
        Modes of each column, y being the last.""",
    "column_names_": """list
        Names of the columns that `sample` returns.""",
    **CRITIC_LOSS,
    "n_iter_warm_up_": """int
        Number of epochs of the warm-up.""",
    **ATTRIBUTES,
}
IMAGE_GAN_ATTRIBUTES = {
    "input_shape_": """tuple
        Shape of one image of X as passed (after `image_shape`).""",
    "classes_": """ndarray of shape (n_classes,)
        The class labels; defined only if `fit` was given y.""",
    **CRITIC_LOSS,
    **PROGRESS,
    "t_": ATTRIBUTES["t_"],
    "validation_scores_": """list of float or None
        Negative Frechet distance between synthetic and held-out images, over 32 principal
        components, in their units; None without early stopping.""",
}
GAN_OUTLIER_ATTRIBUTES = {
    "offset_": """float
        ``decision_function(X) = score_samples(X) - offset_``.""",
    **CRITIC_LOSS,
    "encoder_loss_curve_": """list of float
        Loss of the encoder in each epoch of its training.""",
    "window_shape_": """tuple
        Length and number of channels of one row of X.""",
    **ATTRIBUTES,
}
