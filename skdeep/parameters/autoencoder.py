"""Parameters and attributes of the autoencoders and the restricted Boltzmann machine."""

from dataclasses import replace
from numbers import Real

from skdeep._compat import Interval, StrOptions
from skdeep.parameters.arrays import ARRAYS
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import (
    AT_LEAST_1,
    AUTO,
    NOT_NEGATIVE,
    POSITIVE,
    Parameter,
)
from skdeep.parameters.training import ATTRIBUTES, TRAINING

AUTOENCODER = {
    **TRAINING,
    **DENSE,
    **ARRAYS,
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of shape (n_layers,) or int
        Number of units in each layer of the encoder; the last layer is the code. With 'conv' these
        are the dense layers after the convolutions, and with ``()`` the maps of the last
        convolution are the code. With 'lstm' all but the last are recurrent layers; if there is
        only the code, one recurrent layer has the same size.""",
    ),
    "activation": replace(
        DENSE["activation"],
        text="""str
        Activation function of the hidden layers: one of those of `MLPClassifier`. Not used by
        'lstm'.""",
    ),
    "encoder": Parameter(
        [StrOptions({"dense", "conv", "lstm"})],
        """{'dense', 'conv', 'lstm'}
        Kind of encoder and decoder:

        - 'dense': dense layers, for vectors.
        - 'conv': convolutions that halve the sides, and transposed convolutions in the decoder
          (Masci et al., 2011), with batch normalisation, for images and for series of equal
          length.
        - 'lstm': a recurrent network that reads from the first step to the last, and another that
          writes from the last step to the first (Srivastava et al., 2015; Malhotra et al., 2016),
          for sequences, also of unequal length.

        With 'conv' and 'lstm' the number of dimensions of X decides: 2-D rows are signals of one
        channel, 3-D arrays (n_samples, length, n_channels) and lists of 2-D arrays are series, 4-D
        arrays (n_samples, height, width, n_channels) are images. Channels are standardised
        internally, and 'squared_error' compares standardised values; bytes are scaled to [0, 1]
        for other outputs and for noise.""",
    ),
    "n_filters": Parameter(
        ["array-like", AT_LEAST_1],
        """array-like of int or int
        Number of channels after each convolution. Used by encoder='conv' only.""",
    ),
    "image_shape": replace(
        ARRAYS["image_shape"],
        text="""tuple of int or None
        (height, width), or with the number of channels where `data_format` has it: X then holds
        flat images, grey images (n_samples, height, width), or images of this shape. Requires
        encoder='conv'.""",
    ),
    "decoder_layer_sizes": Parameter(
        ["array-like", None],
        """array-like of shape (n_layers,) or None
        Number of units in each hidden layer of the decoder. None mirrors the encoder.""",
    ),
    "code_activation": replace(
        DENSE["activation"],
        text="""str
        Activation function of the code.""",
    ),
    "output_activation": replace(
        DENSE["activation"],
        text="""str
        Activation function of the output for the loss 'squared_error'. The output for
        'cross_entropy' is always a probability.""",
    ),
    "loss": Parameter(
        [StrOptions({"squared_error", "cross_entropy", "mixed"})],
        """{'squared_error', 'cross_entropy', 'mixed'}
        Loss function, averaged over the features: squared error; cross-entropy, for values in
        [0, 1]; or cross-entropy for features that are 0 or 1 in all training rows and squared
        error for the others (requires encoder='dense').""",
    ),
    "tied": Parameter(
        ["boolean"],
        """bool
        Whether the weights of the decoder are the transposed weights of the encoder. Requires
        encoder='dense'.""",
    ),
    "noise": Parameter(
        [StrOptions({"masking", "gaussian", "salt_and_pepper"}), None],
        """{'masking', 'gaussian', 'salt_and_pepper'} or None
        Corruption of the input in training, which the network learns to remove (Vincent et al.,
        2010): set values to 0, add Gaussian noise, or set values to the minimum or maximum of
        their feature (of their channel).""",
    ),
    "noise_rate": Parameter(
        [NOT_NEGATIVE],
        """float
        Fraction of values that `noise` corrupts, at most 1; for 'gaussian' the standard
        deviation.""",
    ),
    "contraction": Parameter(
        [NOT_NEGATIVE],
        """float
        Weight of the squared Frobenius norm of the Jacobian of the code, not negative (Rifai et
        al., 2011). Requires encoder='dense'.""",
    ),
    "sparsity": Parameter(
        [StrOptions({"l1", "kl"}), None],
        """{'l1', 'kl'} or None
        Sparsity penalty. 'l1' penalises the absolute activations of the code; 'kl' the divergence
        of their batch means from `sparsity_target` (Lee et al., 2008), which requires
        ``code_activation='logistic'``.""",
    ),
    "sparsity_weight": Parameter(
        [NOT_NEGATIVE],
        """float
        Weight of `sparsity`, not negative.""",
    ),
    "sparsity_target": Parameter(
        [Interval(Real, 0, 1, closed="neither")],
        """float
        Target mean activation for 'kl', in (0, 1).""",
    ),
    "pretraining": Parameter(
        [StrOptions({"autoencoder", "rbm"}), None],
        """{'autoencoder', 'rbm'} or None
        Layer-wise pretraining: each layer as an autoencoder with the same noise (Vincent et al.,
        2010), or as a restricted Boltzmann machine (Hinton and Salakhutdinov, 2006), for which
        `activation` and `code_activation` must be 'logistic'. The decoder must mirror the encoder.
        Requires encoder='dense'.""",
    ),
    "pretraining_iter": Parameter(
        [AT_LEAST_1],
        """int
        Number of pretraining epochs of each layer.""",
    ),
    "transform_layer": Parameter(
        [StrOptions({"code"}), AT_LEAST_1],
        """'code' or int
        The layer whose activations `transform` returns. Hidden layers of the encoder and the
        decoder are numbered from 1; an int requires encoder='dense'.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to hold out `validation_fraction` of the rows (or use `X_val`), stop when their
        reconstruction error no longer improves and restore the weights of the best epoch.""",
    ),
}

VARIATIONAL = {
    **TRAINING,
    "n_components": Parameter(
        [AT_LEAST_1],
        """int
        Size of the code.""",
    ),
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of shape (n_layers,) or int
        Number of units in each hidden layer of the encoder; the decoder mirrors it.""",
    ),
    "activation": replace(
        DENSE["activation"],
        text="""str
        Activation function of the hidden layers: one of those of `MLPClassifier`.""",
    ),
    "likelihood": Parameter(
        [StrOptions({"gaussian", "bernoulli"})],
        """{'gaussian', 'bernoulli'}
        Distribution of a row given its code: 'gaussian' with a learned variance of each feature
        (scale X to about unit variance; the standard deviation is at least 0.05), or 'bernoulli'
        with independent values, for X in [0, 1].""",
    ),
    "beta": Parameter(
        [NOT_NEGATIVE],
        """float
        Weight of the divergence of the codes from the standard normal distribution, not negative
        (Higgins et al., 2017). Values above 1 make codes less informative, values below 1
        reconstructions sharper.""",
    ),
    "draw_codes": Parameter(
        ["boolean"],
        """bool
        Whether to sample the code of each row from its distribution in training. False uses the
        mean: a deterministic autoencoder with codes regularised towards 0 (Ghosh et al., 2020).
        Reconstructions are then sharper and only the order of the rows is random;
        `score_samples` is still a bound, but a loose one.""",
    ),
    "n_draws": Parameter(
        [AT_LEAST_1],
        """int
        Number of samples of the code with which `score_samples` bounds the likelihood (Burda et
        al., 2016); more samples give a tighter bound.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to hold out `validation_fraction` of the rows (or use `X_val`), stop when their
        loss, without noise, no longer improves and restore the weights of the best epoch.""",
    ),
}

RBM = {
    **TRAINING,
    "n_components": Parameter(
        [AT_LEAST_1],
        """int
        Number of hidden units.""",
    ),
    "visible": Parameter(
        [StrOptions({"auto", "bernoulli", "gaussian"})],
        """{'auto', 'bernoulli', 'gaussian'}
        Kind of visible units: 'bernoulli' for values in [0, 1], which are used as probabilities;
        'gaussian' for numbers with a standard deviation of about 1 (see `StandardScaler`). 'auto'
        is 'bernoulli' if all training values are in [0, 1].""",
    ),
    "method": Parameter(
        [StrOptions({"cd", "pcd"})],
        """{'cd', 'pcd'}
        Where sampling starts: from the rows of the batch (contrastive divergence, Hinton, 2002),
        or from its state after the last batch (persistent, Tieleman, 2008), as in
        `sklearn.neural_network.BernoulliRBM`.""",
    ),
    "n_gibbs_steps": Parameter(
        [AT_LEAST_1],
        """int
        Number of Gibbs steps in each training step.""",
    ),
    "draw_states": Parameter(
        ["boolean"],
        """bool
        Whether to sample the states of units in Gibbs steps. False uses their means instead
        (mean-field contrastive divergence, Welling and Hinton, 2002), so that only the order of
        the rows is random; it requires ``method='cd'``. Hinton (2012, section 3) recommends
        sampling: a hidden unit could otherwise encode more than a bit of a row.""",
    ),
    "learning_rate_init": replace(
        TRAINING["learning_rate_init"],
        ranges=[AUTO, POSITIVE],
        text="""float or 'auto'
        Learning rate of the gradient descent; positive. 'auto' is 0.05 for 'bernoulli' and 0.001
        for 'gaussian', which requires smaller steps (Hinton, 2012).""",
    ),
    "momentum": replace(
        TRAINING["momentum"],
        text="""float
        Momentum of the gradient descent, in [0, 1].""",
    ),
    "alpha": replace(
        TRAINING["alpha"],
        text="""float
        Strength of the L2 penalty on the weights, not negative, divided by the number of rows in
        the batch.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        ranges=[AT_LEAST_1],
        text="""int
        Number of rows in a mini-batch.""",
    ),
    "max_iter": replace(
        TRAINING["max_iter"],
        text="""int
        Number of epochs.""",
    ),
}

AUTOENCODER_ATTRIBUTES = {
    "input_shape_": """tuple
        Shape of one row of X as passed (after `image_shape`); None stands for lengths that
        differ.""",
    **ATTRIBUTES,
}
VARIATIONAL_ATTRIBUTES = ATTRIBUTES
RBM_ATTRIBUTES = {
    "components_": """ndarray of shape (n_components, n_features)
        Weights.""",
    "intercept_hidden_": """ndarray of shape (n_components,)
        Biases of the hidden units.""",
    "intercept_visible_": """ndarray of shape (n_features,)
        Biases of the visible units.""",
    "visible_": """str
        Kind of visible units, as `visible`, with 'auto' resolved.""",
    **ATTRIBUTES,
}
