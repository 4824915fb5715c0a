"""Dense autoencoders: features, reconstructions, and scores of rows."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skdeep import _params, losses
from skdeep._base import DeepEstimator
from skdeep._compat import Interval, StrOptions
from skdeep._docs import shared_docs
from skdeep._transformers import DeepTransformer, check_codes
from skdeep._validation import to_host
from skdeep.data.batches import chunks
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.init import initialize

_NOISES = {"masking", "gaussian", "salt_and_pepper"}
_BOUNDED = ("cross_entropy", "mixed")


@shared_docs
class Autoencoder(DeepTransformer, DeepEstimator):
    """Autoencoder: learns a code for rows from which they can be restored.

    Plain, denoising (`noise`), contractive (`contraction`), sparse (`sparsity`), with tied
    weights, trained at once or layer by layer first (`pretraining`).

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(128, 32)
        Number of units in each layer of the encoder; the last is the code.

    activation : str, default='relu'
        Function of the hidden units: one of those of `MLPClassifier`.

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
        the others.

    tied : bool, default=False
        Whether the decoder's weights are the encoder's, transposed.

    noise : {None, 'masking', 'gaussian', 'salt_and_pepper'}, default=None
        What training does to the input, so that the network learns to undo it (Vincent et al.,
        2010): set values to 0, add Gaussian noise, or set values to the smallest or largest of
        their feature.

    noise_rate : float, default=0.3
        Share of values that `noise` spoils, at most 1; for 'gaussian' the standard deviation.

    contraction : float, default=0.0
        Weight of the squared Frobenius norm of the derivative of the code by the input, not
        negative (Rifai et al., 2011).

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
        The decoder must mirror the encoder.

    pretraining_iter : int, default=10
        Epochs for each layer.

    transform_layer : 'code' or int, default='code'
        The layer whose activations `transform` returns; hidden layers of the encoder and the
        decoder are numbered from 1.

    solver : str, default='adam'
        How the weights are optimised: one of the solvers of `MLPClassifier` but 'lbfgs'.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows (or take `X_val`), to stop when their
        reconstruction no longer gets better and to end with the best epoch's weights.

    {parameters}

    Attributes
    ----------
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
    """

    _parameter_constraints: dict = {
        **{
            name: _params.TRAINING[name]
            for name in (
                *("alpha", "batch_size", "learning_rate", "learning_rate_init", "max_iter"),
                *("shuffle", "random_state", "tol", "verbose", "warm_start", "early_stopping"),
                *("validation_fraction", "n_iter_no_change", "device", "dtype"),
                *("gradient_clip_norm", "max_time", "skorch_callbacks"),
            )
        },
        "solver": [StrOptions(set(_params.SOLVERS))],
        "hidden_layer_sizes": _params.DENSE["hidden_layer_sizes"],
        "activation": _params.DENSE["activation"],
        "decoder_layer_sizes": ["array-like", None],
        "code_activation": _params.DENSE["activation"],
        "output_activation": _params.DENSE["activation"],
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
        "weight_init": _params.DENSE["weight_init"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 32),
        activation="relu",
        *,
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

    # --- before training -------------------------------------------------------------------

    def _sizes(self):
        """Hidden layers of the encoder (the code last) and of the decoder."""
        sizes = self.hidden_layer_sizes
        encoder = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        given = self.decoder_layer_sizes
        decoder = encoder[-2::-1] if given is None else list(given)
        if not encoder or np.any(np.array(encoder + decoder) <= 0):
            raise ValueError(
                "hidden_layer_sizes and decoder_layer_sizes must be > 0, the encoder with one "
                f"layer or more; got {encoder} and {decoder}."
            )
        return encoder, decoder

    def _check_combinations(self):
        encoder, decoder = self._sizes()
        mirrored = decoder == encoder[-2::-1]
        n_hidden = len(encoder) + len(decoder)
        reasons = {
            f"tied=True needs a mirrored decoder, got {encoder} and {decoder}": self.tied
            and not mirrored,
            f"pretraining needs a mirrored decoder, got {encoder} and {decoder}": self.pretraining
            and not mirrored,
            "pretraining='rbm' needs activation='logistic' and code_activation='logistic', whose "
            f"units are probabilities; got {self.activation!r} and {self.code_activation!r}": (
                self.pretraining == "rbm"
                and {self.activation, self.code_activation} != {"logistic"}
            ),
            "sparsity='kl' needs code_activation='logistic', whose units are probabilities; got "
            f"{self.code_activation!r}": self.sparsity == "kl"
            and self.code_activation != "logistic",
            f"noise_rate={self.noise_rate} is the share of values that noise={self.noise!r} "
            "spoils: expected at most 1": self.noise in ("masking", "salt_and_pepper")
            and self.noise_rate > 1,
            f"loss={self.loss!r} has its own output: leave output_activation='identity', got "
            f"{self.output_activation!r}": self.loss in _BOUNDED
            and self.output_activation != "identity",
            f"transform_layer={self.transform_layer}: expected 'code' or a number up to "
            f"{n_hidden}, the number of hidden layers": self.transform_layer != "code"
            and self.transform_layer > n_hidden,
        }
        for reason, holds in reasons.items():
            if holds:
                raise ValueError(f"{reason}.")
        self._check_warm_start(encoder, decoder)

    def _check_warm_start(self, encoder, decoder):
        known = self.__dict__.get("net_")
        if self.warm_start and known is not None:
            config = known.module_.config
            fitted = [list(config["encoder_units"][1:]), list(config["decoder_units"][1:-1])]
            if fitted != [encoder, decoder]:
                raise ValueError(
                    "warm_start can only be used with the layers of the previous call to fit. "
                    f"Previously got {fitted}, now {[encoder, decoder]}."
                )

    def _check_training_data(self, X, y, *, reset):
        X, target = super()._check_training_data(X, y, reset=reset)
        if self.loss == "cross_entropy" and (X.min() < 0 or X.max() > 1):
            raise ValueError(
                f"loss='cross_entropy' needs values in [0, 1], got {float(X.min()):.3g} to "
                f"{float(X.max()):.3g}: scale X, with MinMaxScaler for example."
            )
        return X, target

    def _encode_target(self, y, resumed, incremental):
        self.out_activation_ = "logistic" if self.loss in _BOUNDED else self.output_activation
        return super()._encode_target(y, resumed, incremental)

    def _new_net(self, device, X, rng):
        host = to_host(X)
        self._is_binary = (
            ((host == 0) | (host == 1)).all(0).tolist() if self.loss == "mixed" else []
        )
        self._range = (host.min(0), host.max(0)) if self.noise == "salt_and_pepper" else ((), ())
        net = super()._new_net(device, X, rng)
        if self.pretraining is not None:
            self._pretrain(net.module_, host, rng)
        return net

    def _make_module(self, shape, n_outputs, rng):
        encoder, decoder = self._sizes()
        net = AutoencoderNet(
            [*shape, *encoder],
            [encoder[-1], *decoder, n_outputs],
            self.activation,
            self.code_activation,
            self.output_activation,
            self.tied,
            self.noise,
            self.noise_rate,
            *self._range,
            gives_code=self.sparsity is not None,
            gives_jacobian=self.contraction > 0,
        ).double()
        initialize(net, self.weight_init, rng, factor=2.0 if self.activation == "logistic" else 6.0)
        return net

    def _make_loss(self):
        weight = float(self.sparsity_weight)
        return losses.Reconstruction(
            self.loss,
            self._is_binary,
            l1=weight if self.sparsity == "l1" else 0.0,
            kl=weight if self.sparsity == "kl" else 0.0,
            kl_target=float(self.sparsity_target),
            contraction=float(self.contraction),
        )

    def _draws_noise(self):
        return bool(self.noise and self.noise_rate)

    # --- layer after layer -----------------------------------------------------------------

    @torch.no_grad()
    def _pretrain(self, module, X, rng):
        """Train each layer of the encoder on the output of the one before, with its mirror image
        in the decoder."""
        for i, layer in enumerate(module.encoder):
            make = self._layer_rbm if self.pretraining == "rbm" else self._layer_autoencoder
            weights = make(i, len(layer.bias), rng).fit(X)._layer_weights()
            mirror = module.decoder[len(module.encoder) - 1 - i]
            _copy(layer.weight, weights[0])
            _copy(layer.bias, weights[1])
            if self.tied:
                _copy(mirror, weights[3])
            else:
                _copy(mirror.weight, weights[2])
                _copy(mirror.bias, weights[3])
            x = torch.as_tensor(X, dtype=layer.weight.dtype, device=layer.weight.device)
            pieces = chunks(len(x), max(layer.weight.shape), x.device)
            X = to_host(torch.cat([module.run(x[p], i, i + 1) for p in pieces]))

    def _layer_autoencoder(self, i, width, rng):
        """An autoencoder of one layer, whose input is the output of layer i (0 is X)."""
        encoder, _ = self._sizes()
        is_code = i == len(encoder) - 1
        parameters = self.get_params(deep=False) | {
            "hidden_layer_sizes": (width,),
            "decoder_layer_sizes": None,
            "code_activation": self.code_activation if is_code else self.activation,
            "sparsity": self.sparsity if is_code else None,
            "pretraining": None,
            "transform_layer": "code",
            "max_iter": self.pretraining_iter,
            "n_iter_no_change": np.inf,
            "early_stopping": False,
            "warm_start": False,
            "learning_rate": "constant",
            "skorch_callbacks": None,
            "random_state": rng.randint(2**31),
        }
        if i:  # it restores hidden units instead of X
            is_logistic = self.activation == "logistic"
            parameters |= {
                "loss": "cross_entropy" if is_logistic else "squared_error",
                "output_activation": "identity" if is_logistic else self.activation,
            }
        return _Quiet(**parameters)

    def _layer_rbm(self, i, width, rng):
        from skdeep.rbm import RBM

        return RBM(
            width,
            visible="bernoulli" if i or self.loss == "cross_entropy" else "auto",
            max_iter=self.pretraining_iter,
            random_state=rng.randint(2**31),
            device=self.device,
            dtype=self.dtype,
            verbose=self.verbose,
        )

    def _layer_weights(self):
        module = self.net_.module_
        encoder, decoder = module.encoder[0], module.decoder[0]
        weight, bias = (
            (encoder.weight.t(), decoder) if self.tied else (decoder.weight, decoder.bias)
        )
        return encoder.weight, encoder.bias, weight, bias

    # --- after training --------------------------------------------------------------------

    def _layer(self):
        """Number of the layer that `transform` returns."""
        self._check_combinations()
        encoder, _ = self._sizes()
        return len(encoder) if self.transform_layer == "code" else int(self.transform_layer)

    def _width(self):
        config = self.net_.module_.config
        return max(*config["encoder_units"], *config["decoder_units"])

    @property
    def _n_features_out(self):
        config = self.net_.module_.config
        return [*config["encoder_units"], *config["decoder_units"][1:]][self._layer()]

    def transform(self, X):
        """Activations of the code, or of the layer `transform_layer`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_units)
        """
        X, layer = self._checked(X), self._layer()
        return self._run(X, lambda module, x: module.run(x, 0, layer), self._width())

    def inverse_transform(self, X):
        """Rows from the activations that `transform` returns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_units)

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        layer, width = self._layer(), self._n_features_out
        X = check_codes(X, width, type(self).__name__)

        def decode(module, z):
            return self._restored(module.run(z, layer, module.n_layers))

        return self._run(X, decode, self._width())

    def reconstruct(self, X):
        """Rows after a way through the network: their codes decoded, noise gone.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
        """
        X = self._checked(X)
        return self._run(X, lambda module, x: self._restored(module(x)), self._width())

    def score_samples(self, X):
        """Minus the loss of each row's reconstruction: the lower, the more abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
        """
        X, loss = self._checked(X), self.net_.criterion_
        return self._run(X, lambda module, x: -loss(module(x), x), self._width())

    def _restored(self, raw):
        if self.loss == "cross_entropy":
            return torch.sigmoid(raw)
        if self.loss == "mixed":
            binary = torch.tensor(self._is_binary, device=raw.device)
            return torch.where(binary, torch.sigmoid(raw), raw)
        return raw


class _Quiet(Autoencoder):
    """One layer in `pretraining`: that it ends with its last epoch is no cause for a warning."""

    __init__ = Autoencoder.__init__

    def _make_run(self, *args):
        run = super()._make_run(*args)
        run.single_epoch = True
        return run


@torch.no_grad()
def _copy(target, value):
    target.copy_(value.detach().to(target.dtype))
