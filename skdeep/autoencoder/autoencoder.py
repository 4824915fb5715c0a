"""Autoencoders: features, reconstructions, and scores of rows."""

from numbers import Integral, Real

from sklearn.utils.validation import check_is_fitted

from skdeep._compat import Interval, StrOptions
from skdeep.autoencoder.arrays import ArrayAutoencoding
from skdeep.autoencoder.dense import DenseAutoencoding
from skdeep.base.codes import check_codes
from skdeep.base.old_estimator import DeepEstimator
from skdeep.inputs import arrays
from skdeep.parameters import ranges
from skdeep.parameters.docs import shared_docs

_NOISES = {"masking", "gaussian", "salt_and_pepper"}


@shared_docs
class Autoencoder(ArrayAutoencoding, DenseAutoencoding, DeepEstimator):
    """Autoencoder: learns a code for rows from which they can be restored.

    Plain, denoising (`noise`), contractive (`contraction`), sparse (`sparsity`), with tied
    weights, trained at once or layer by layer first (`pretraining`). Rows are vectors, or with
    another `encoder` pictures, signals and series.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(128, 32)
        Number of units in each layer of the encoder; the last is the code. With 'conv' these are
        the dense layers behind the convolutions, and with ``()`` the maps of the last convolution
        are the code. With 'lstm' all but the last are recurrent layers; where there is the code
        alone, one recurrent layer is as wide.

    activation : str, default='relu'
        Function of the hidden units: one of those of `MLPClassifier`. Not used by 'lstm'.

    encoder : {'dense', 'conv', 'lstm'}, default='dense'
        What reads a row, and what writes it again:

        - 'dense': rows are vectors.
        - 'conv': convolutions that halve the sides, and transposed ones back (Masci et al., 2011),
          with batch normalisation, for pictures and for series of one length.
        - 'lstm': a recurrent network from the first step to the last and another one back, from
          the last step to the first (Srivastava et al., 2015; Malhotra et al., 2016), for
          sequences, also of unequal length.

        With 'conv' and 'lstm' the rank of X says what it is: 2-D rows are signals of one channel,
        3-D arrays (n_samples, length, n_channels) and lists of 2-D arrays are series, 4-D arrays
        (n_samples, height, width, n_channels) are pictures. Channels are standardised inside, and
        so is what 'squared_error' compares; bytes count as 0 to 1 for other outputs and for
        noise.

    n_filters : array-like of int or int, default=(32, 64)
        Channels after each convolution of 'conv'.

    image_shape : tuple of int or None, default=None
        (height, width), or with the number of channels where `data_format` has it: X are then flat
        pictures, grey ones (n_samples, height, width), or as without it. With 'conv' only.

    data_format : {'channels_last', 'channels_first'}, default='channels_last'
        Where the channels are: (n_samples, length, n_channels) and (n_samples, height, width,
        n_channels), or (n_samples, n_channels, length) and (n_samples, n_channels, height, width).

    decoder_layer_sizes : array-like of shape (n_layers,) or None, default=None
        Hidden layers of the decoder. None mirrors the encoder.

    code_activation : str, default='identity'
        Function of the units of the code.

    output_activation : str, default='identity'
        Function of the output for the loss 'squared_error'. The output of 'cross_entropy' is a
        probability whatever it says.

    loss : {'squared_error', 'cross_entropy', 'mixed'}, default='squared_error'
        Mean over the features: squared error; cross-entropy, for values in [0, 1]; or
        cross-entropy for features that are 0 or 1 in all training rows and squared error for
        the others ('dense' only).

    tied : bool, default=False
        Whether the decoder's weights are the encoder's, transposed ('dense' only).

    noise : {None, 'masking', 'gaussian', 'salt_and_pepper'}, default=None
        What training does to the input, so that the network learns to undo it (Vincent et al.,
        2010): set values to 0, add Gaussian noise, or set values to the smallest or largest of
        their feature (of their channel).

    noise_rate : float, default=0.3
        Share of values that `noise` spoils, at most 1; for 'gaussian' the standard deviation.

    contraction : float, default=0.0
        Weight of the squared Frobenius norm of the derivative of the code by the input, not
        negative (Rifai et al., 2011). 'dense' only.

    sparsity : {None, 'l1', 'kl'}, default=None
        'l1' penalises the absolute activations of the code; 'kl' the divergence of their means
        over a batch from `sparsity_target` (Lee et al., 2008) and needs
        ``code_activation='logistic'``.

    sparsity_weight : float, default=0.001
        Weight of `sparsity`, not negative.

    sparsity_target : float, default=0.05
        Wanted mean activation for 'kl', in (0, 1).

    pretraining : {None, 'autoencoder', 'rbm'}, default=None
        Train one layer after the other before all together: each as an autoencoder with the
        same noise (Vincent et al., 2010), or as a restricted Boltzmann machine (Hinton and
        Salakhutdinov, 2006), for which `activation` and `code_activation` must be 'logistic'.
        The decoder must mirror the encoder. 'dense' only.

    pretraining_iter : int, default=10
        Epochs for each layer.

    transform_layer : 'code' or int, default='code'
        The layer whose activations `transform` returns; hidden layers of the encoder and the
        decoder are numbered from 1, those of 'dense' only.

    solver : str, default='adam'
        How the weights are optimised: one of the solvers of `MLPClassifier` but 'lbfgs'.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows (or take `X_val`), to stop when their
        reconstruction no longer gets better and to end with the best epoch's weights.

    {parameters}

    Attributes
    ----------
    input_shape_ : tuple
        Shape of one row of X as it was given (after `image_shape`); None for a length that differs.

    {attributes}

    See Also
    --------
    VariationalAutoencoder : With a distribution over codes, to draw new rows from.
    AutoencoderOutlierDetector : Finds odd rows.
    sklearn.decomposition.PCA : The best linear code.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import Autoencoder
    >>> X = load_digits().data / 16.0
    >>> ae = Autoencoder((64, 8), learning_rate="cosine", learning_rate_init=0.01, max_iter=20,
    ...                  random_state=0, device="cpu").fit(X)
    >>> ae.transform(X).shape
    (1797, 8)
    >>> bool(((ae.reconstruct(X) - X) ** 2).mean() < 0.5 * X.var(axis=0).mean())
    True
    >>> ae = Autoencoder((32, 8), encoder="conv", n_filters=(8, 16), image_shape=(8, 8),
    ...                  learning_rate="cosine", max_iter=3, random_state=0, device="cpu").fit(X)
    >>> ae.reconstruct(X[:2].reshape(-1, 8, 8)).shape, ae.inverse_transform(ae.transform(X)).shape
    ((2, 8, 8), (1797, 64))
    """

    _parameter_constraints: dict = {
        **{
            name: ranges.TRAINING[name]
            for name in (
                *("alpha", "batch_size", "learning_rate", "learning_rate_init", "max_iter"),
                *("shuffle", "random_state", "tol", "verbose", "warm_start", "early_stopping"),
                *("validation_fraction", "n_iter_no_change", "device", "dtype"),
                *("gradient_clip_norm", "max_time", "skorch_callbacks"),
            )
        },
        "solver": [StrOptions(set(ranges.SOLVERS))],
        "hidden_layer_sizes": ranges.DENSE["hidden_layer_sizes"],
        "activation": ranges.DENSE["activation"],
        "encoder": [StrOptions({"dense", "conv", "lstm"})],
        "n_filters": ["array-like", Interval(Integral, 1, None, closed="left")],
        **{k: arrays.PARAMETERS[k] for k in ("image_shape", "data_format")},
        "decoder_layer_sizes": ["array-like", None],
        "code_activation": ranges.DENSE["activation"],
        "output_activation": ranges.DENSE["activation"],
        "loss": [StrOptions({"squared_error", "cross_entropy", "mixed"})],
        "tied": ["boolean"],
        "noise": [StrOptions(_NOISES), None],
        "noise_rate": [Interval(Real, 0, None, closed="left")],
        "contraction": [Interval(Real, 0, None, closed="left")],
        "sparsity": [StrOptions({"l1", "kl"}), None],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "sparsity_target": [Interval(Real, 0, 1, closed="neither")],
        "pretraining": [StrOptions({"autoencoder", "rbm"}), None],
        "pretraining_iter": [Interval(Integral, 1, None, closed="left")],
        "transform_layer": [StrOptions({"code"}), Interval(Integral, 1, None, closed="left")],
        "weight_init": ranges.DENSE["weight_init"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 32),
        activation="relu",
        *,
        encoder="dense",
        n_filters=(32, 64),
        image_shape=None,
        data_format="channels_last",
        decoder_layer_sizes=None,
        code_activation="identity",
        output_activation="identity",
        loss="squared_error",
        tied=False,
        noise=None,
        noise_rate=0.3,
        contraction=0.0,
        sparsity=None,
        sparsity_weight=0.001,
        sparsity_target=0.05,
        pretraining=None,
        pretraining_iter=10,
        transform_layer="code",
        solver="adam",
        early_stopping=False,
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        device="auto",
        dtype=None,
        gradient_clip_norm=None,
        weight_init="auto",
        max_time=None,
        skorch_callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.encoder = encoder
        self.n_filters = n_filters
        self.image_shape = image_shape
        self.data_format = data_format
        self.decoder_layer_sizes = decoder_layer_sizes
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.loss = loss
        self.tied = tied
        self.noise = noise
        self.noise_rate = noise_rate
        self.contraction = contraction
        self.sparsity = sparsity
        self.sparsity_weight = sparsity_weight
        self.sparsity_target = sparsity_target
        self.pretraining = pretraining
        self.pretraining_iter = pretraining_iter
        self.transform_layer = transform_layer
        self.solver = solver
        self.early_stopping = early_stopping
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.dtype = dtype
        self.gradient_clip_norm = gradient_clip_norm
        self.weight_init = weight_init
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    def fit(self, X, y=None, sample_weight=None, *, X_val=None, sample_weight_val=None):
        """Train on X.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, Tensor} of shape (n_samples, n_features), or list of ndarray
            The rows; with 'conv' and 'lstm' pictures, signals or series, as `encoder` has it. A
            tensor on a GPU stays there.

        y : None
            Not used, present for the sake of pipelines.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; a row of weight 0 is not there.

        X_val : array-like, default=None
            Rows like X whose loss is recorded after each epoch, and which decide under
            `early_stopping`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of `X_val`.

        Returns
        -------
        self : Autoencoder
        """
        return super().fit(X, y, sample_weight, X_val=X_val, sample_weight_val=sample_weight_val)

    def transform(self, X):
        """Activations of the code, or of the layer `transform_layer`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or rows like those of `fit`

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_units)
        """
        check_is_fitted(self)
        return self._encoded(X)

    def inverse_transform(self, X, lengths=None):
        """Rows from the activations that `transform` returns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_units)

        lengths : array-like of int of shape (n_samples,), default=None
            Number of steps of each series, where those of `fit` were of unequal length.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features), or in the layout of `fit`
            A list of arrays where `lengths` are given.
        """
        check_is_fitted(self)
        codes = check_codes(X, self._n_features_out, type(self).__name__)
        return self._decoded(codes, lengths)

    def reconstruct(self, X):
        """Rows after a way through the network: their codes decoded, noise gone.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or rows like those of `fit`

        Returns
        -------
        X_new : ndarray of the shape of X, or list of ndarray
            Floating-point numbers, in the units of X.
        """
        check_is_fitted(self)
        return self._reconstructed(X)

    def score_samples(self, X):
        """Minus the loss of each row's reconstruction: the lower, the more abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or rows like those of `fit`

        Returns
        -------
        scores : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self._scores(X)
