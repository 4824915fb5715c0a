"""Autoencoders: features, reconstructions, and scores of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep.autoencoder.arrays import ArrayCoder
from skdeep.autoencoder.coder import BOUNDED, DenseCoder
from skdeep.base.disk import piece_by_piece
from skdeep.base.learning import Given, Mode, Plan, Task
from skdeep.base.unsupervised import DeepTransformer, check_codes
from skdeep.inputs.rows import Rows
from skdeep.nets.array_autoencoder import ConvAutoencoderNet, SequenceAutoencoderNet
from skdeep.parameters import autoencoder as tables
from skdeep.parameters.entry import public


@public(tables.AUTOENCODER, tables.AUTOENCODER_ATTRIBUTES)
class Autoencoder(DeepTransformer):
    """Autoencoder, which learns codes from which rows can be reconstructed.

    Plain, denoising (`noise`), contractive (`contraction`), sparse (`sparsity`), with tied
    weights, optionally with layer-wise pretraining (`pretraining`). Rows are vectors, or with
    another `encoder` images, signals and series.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    VariationalAutoencoder : With a distribution over codes, to draw new rows from.
    AutoencoderOutlierDetector : Detects outliers.
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

    input_shape_: tuple[int | None, ...]
    _reads_from_disk = True

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (128, 32),
        activation: str = "relu",
        *,
        encoder: Any = "dense",
        n_filters: ArrayLike = (32, 64),
        image_shape: Sequence[int] | None = None,
        data_format: str = "channels_last",
        decoder_layer_sizes: ArrayLike | None = None,
        code_activation: str = "identity",
        output_activation: str = "identity",
        loss: str = "squared_error",
        tied: bool = False,
        noise: str | None = None,
        noise_rate: float = 0.3,
        contraction: float = 0.0,
        sparsity: str | None = None,
        sparsity_weight: float = 0.001,
        sparsity_target: float = 0.05,
        pretraining: str | None = None,
        pretraining_iter: int = 10,
        transform_layer: int | Literal["code"] = "code",
        solver: str = "adam",
        early_stopping: bool = False,
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        gradient_clip_norm: float | None = None,
        weight_init: str = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
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

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on X.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, Tensor} of shape (n_samples, n_features), or list of ndarray
            The rows; with 'conv' and 'lstm' images, signals or series, as `encoder` has it. A
            tensor on a GPU stays there.

        y : None
            Not used, present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows with zero weight are ignored.

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

    # --- training --------------------------------------------------------------------------

    @property
    def _coder(self) -> DenseCoder | ArrayCoder:
        """Coder for the rows that `encoder` reads."""
        return (DenseCoder if self.encoder == "dense" else ArrayCoder)(self)

    @property
    def _input(self) -> Any:
        return self._coder.input

    def _check_parameters(self) -> None:
        coder, known = self._coder, self.__dict__.get("net_")
        coder.check()
        if self.warm_start and known is not None:
            fitted, wanted = _layers(known.module_), coder.layers()
            if fitted != wanted:
                raise ValueError(
                    "warm_start can only be used with the layers of the previous call to fit. "
                    f"Previously got {fitted}, now {wanted}."
                )

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        rows, validation = super()._read(given, mode, rng)
        coder = self._coder
        if not mode.resumed:
            self.__dict__.update(coder.facts(given.X, rows.x))
        self.out_activation_ = "logistic" if self.loss in BOUNDED else self.output_activation
        return coder.checked(rows), None if validation is None else coder.checked(validation)

    def _read_more(self, X: Any, y: Any, rows: Rows) -> Rows:
        return self._coder.checked(super()._read_more(X, y, rows))

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        return self._coder.module(rows, rng)

    def _make_loss(self) -> torch.nn.Module:
        return self._coder.loss()

    def _recipe(self, plan: Plan) -> engine.Recipe:
        noise = bool(self.noise and self.noise_rate)
        return replace(super()._recipe(plan), draws_noise=noise, **self._coder.recipe(plan))

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        return self._coder.phases(task, past)

    # --- after training --------------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        return self._coder.n_codes

    @piece_by_piece
    def transform(self, X: Any) -> np.ndarray:
        """Activations of the code, or of the layer `transform_layer`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or rows like those of `fit`

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_units)
        """
        check_is_fitted(self)
        return self._coder.encode(X)

    def inverse_transform(self, X: Any, lengths: Any = None) -> np.ndarray:
        """Decode the activations that `transform` returns.

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
        if lengths is not None and None not in self.input_shape_:
            raise ValueError(
                f"lengths={lengths!r}: rows of `fit` were of one shape, and so are those decoded "
                "from codes; expected None."
            )
        return self._coder.decode(codes, lengths)

    @piece_by_piece
    def reconstruct(self, X: Any) -> Any:
        """Encode and decode X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or rows like those of `fit`

        Returns
        -------
        X_new : ndarray of the shape of X, or list of ndarray
            Floating-point numbers, in the units of X.
        """
        check_is_fitted(self)
        return self._coder.reconstruct(X)

    @piece_by_piece
    def score_samples(self, X: Any) -> np.ndarray:
        """Negative reconstruction loss of each row: the lower, the more abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or rows like those of `fit`

        Returns
        -------
        scores : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self._coder.score(X)


def _layers(module: Any) -> Any:
    """Kind and layer sizes of a network."""
    config = module.config
    encoder, decoder = list(config["encoder_units"]), list(config["decoder_units"])
    if isinstance(module, ConvAutoencoderNet):
        return ["conv", encoder, decoder, list(config["n_filters"])]
    if isinstance(module, SequenceAutoencoderNet):
        return ["lstm", encoder, decoder]
    return ["dense", encoder[1:], decoder[1:-1]]
