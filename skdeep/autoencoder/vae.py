"""Variational autoencoder: a distribution over codes, and over rows."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skdeep import engine, losses
from skdeep._checks import layer_sizes
from skdeep.base.estimator import new_random_state
from skdeep.base.learning import Given, Mode, Plan
from skdeep.base.unsupervised import DeepTransformer, check_codes
from skdeep.inputs.rows import VECTORS, Rows, to_host
from skdeep.nets.blocks import initialize
from skdeep.nets.vae import VAENet
from skdeep.parameters import autoencoder as tables
from skdeep.parameters.entry import public


@public(tables.VARIATIONAL, tables.VARIATIONAL_ATTRIBUTES)
class VariationalAutoencoder(DeepTransformer):
    """Variational autoencoder (Kingma and Welling, 2014).

    Codes are standard normal a priori, so that new rows can be sampled (`sample`) and the
    likelihood of a row has a lower bound (`score_samples`).

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    Autoencoder : Without a distribution.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import VariationalAutoencoder
    >>> X = load_digits().data / 16.0
    >>> vae = VariationalAutoencoder(likelihood="bernoulli", max_iter=5, n_iter_no_change=5,
    ...                              learning_rate="cosine", random_state=0, device="cpu").fit(X)
    >>> vae.sample(3, random_state=0).shape
    (3, 64)
    >>> bool(vae.score_samples(X).mean() > vae.score_samples(1 - X).mean())
    True
    """

    _input = VECTORS

    def __init__(
        self,
        n_components: int = 8,
        *,
        hidden_layer_sizes: ArrayLike = (128,),
        activation: str = "relu",
        likelihood: str = "gaussian",
        beta: float = 1.0,
        draw_codes: bool = True,
        n_draws: int = 50,
        solver: str = "adam",
        early_stopping: bool = False,
        alpha: float = 0.0,
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
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.likelihood = likelihood
        self.beta = beta
        self.draw_codes = draw_codes
        self.n_draws = n_draws
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
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    # --- training --------------------------------------------------------------------------

    def _sizes(self) -> Any:
        return layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes", may_be_empty=True)

    def _check_parameters(self) -> None:
        known = self.__dict__.get("net_")
        wanted = (self.n_components, self._sizes(), self.likelihood, self.draw_codes)
        if self.warm_start and known is not None:
            config = known.module_.config
            fitted = (
                config["n_components"],
                list(config["hidden_layer_sizes"]),
                config["likelihood"],
                config["draws_codes"],
            )
            if fitted != wanted:
                raise ValueError(
                    "warm_start can only be used with the n_components, hidden_layer_sizes, "
                    "likelihood and draw_codes of the previous call to fit. Previously got "
                    f"{fitted}, now {wanted}."
                )

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        rows, validation = super()._read(given, mode, rng)
        if self.likelihood == "bernoulli":
            for part in (rows, validation):
                if part is not None and (part.x.min() < 0 or part.x.max() > 1):
                    raise ValueError(
                        "likelihood='bernoulli' needs values in [0, 1], got "
                        f"{float(part.x.min()):.3g} to {float(part.x.max()):.3g}: scale X, with "
                        "MinMaxScaler for example."
                    )
        self.out_activation_ = "logistic" if self.likelihood == "bernoulli" else "identity"
        return rows, validation

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        (n_components,) = layer_sizes(self.n_components, "n_components")
        net = VAENet(
            rows.x.shape[1],
            self._sizes(),
            n_components,
            self.activation,
            self.likelihood,
            self.draw_codes,
        ).double()
        initialize(net, "auto", rng, factor=2.0 if self.activation == "logistic" else 6.0)
        return net

    def _make_loss(self) -> torch.nn.Module:
        return losses.EvidenceBound(self.likelihood, float(self.beta))

    def _recipe(self, plan: Plan) -> engine.Recipe:
        return replace(super()._recipe(plan), draws_noise=self.draw_codes)

    def _forward(self, module: Any, x: torch.Tensor) -> Any:
        return module(x)

    # --- after training --------------------------------------------------------------------

    def _width(self) -> int:
        return max([self.n_features_in_, *self._sizes()])

    @property
    def _n_features_out(self) -> int:
        return self.net_.module_.config["n_components"]

    def transform(self, X: Any) -> np.ndarray:
        """Means of the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components)
        """
        return self._run(self._checked(X), lambda module, x: module.encode(x)[0], self._width())

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Expected rows of codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = check_codes(X, self._n_features_out, type(self).__name__)
        return self._run(X, lambda module, z: module.means(module.decode(z)), self._width())

    def reconstruct(self, X: Any) -> np.ndarray:
        """Expected rows of the means of the codes of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
        """
        X = self._checked(X)
        return self._run(X, lambda module, x: module.means(module(x)[0]), self._width())

    def score_samples(self, X: Any) -> np.ndarray:
        """Lower bound of the log-likelihood of each row, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The lower, the more abnormal. The same for the same `random_state`, an int.
        """
        X = self._checked(X)
        draws = new_random_state(self.random_state).standard_normal(
            (self.n_draws, self._n_features_out)
        )

        def bound(module: Any, x: torch.Tensor) -> torch.Tensor:
            noise = torch.as_tensor(draws, dtype=x.dtype, device=x.device)
            return module.log_likelihood_bound(x, noise)

        return self._run(X, bound, self._width())

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | np.random.RandomState | None = None,
        *,
        mean: bool = True,
    ) -> np.ndarray:
        """Sample new rows.

        Parameters
        ----------
        n_samples : int, default=1

        random_state : int, RandomState instance or None, default=None
            Seed of the rows. None takes the `random_state` of the estimator: with an int there,
            each call returns the same rows.

        mean : bool, default=True
            Whether to return the expected rows of the codes that were drawn, or draws from the
            distribution over rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r}: expected a whole number from 1.")
        random_state = self.random_state if random_state is None else random_state
        rng, module = new_random_state(random_state), self.net_.module_
        X = self.inverse_transform(rng.standard_normal((n_samples, self._n_features_out)))
        if mean:
            return X
        if self.likelihood == "bernoulli":
            return (rng.random_sample(X.shape) < X).astype(X.dtype)
        spread = np.exp(0.5 * to_host(module.log_variance))
        return (X + spread * rng.standard_normal(X.shape)).astype(X.dtype)
