"""Outlier detection by the distance of rows to those that a generator can produce."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.adversarial import outlier_play
from skdeep.adversarial.base import (
    DeepGenerator,
    losses_of_play,
    player_attributes,
    refuse_single_sample,
)
from skdeep.adversarial.code_search import search
from skdeep.adversarial.windows import center_and_spread, read_windows, standardised
from skdeep.base.learning import Given, Mode, Plan, Task
from skdeep.base.outliers import OutlierAnswers, upper_fence
from skdeep.inputs.rows import VECTORS, Rows
from skdeep.nets.latent_gan import LatentGANNet, initialize
from skdeep.parameters import adversarial as tables
from skdeep.parameters.entry import public


@public(tables.GAN_OUTLIER, tables.GAN_OUTLIER_ATTRIBUTES)
class GANOutlierDetector(OutlierAnswers, DeepGenerator):
    """Outlier detection by a search for the code of each row (AnoGAN).

    A generator learns, against a critic, to make rows like those of `fit`, and an encoder learns
    to find the code of a given row. The score of a row is its distance to the nearest row that the
    generator can make: a search by gradient, which starts at the encoder's code, for all rows of
    a call at once.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    sklearn.ensemble.IsolationForest : Splits at random instead of a network.

    Notes
    -----
    The score is that of AnoGAN (Schlegl et al., IPMI 2017), the encoder that of f-AnoGAN (Schlegl
    et al., 2019, "izi_f"), the windows those of TAnoGAN (Bashar and Nayak, 2020). The encoder is
    trained on real and on synthetic rows. Codes far from the origin, which the generator was never
    asked for, cost a little. Scores are computed in double precision. Distances to neighbours
    often do better on tables; they need all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import GANOutlierDetector
    >>> a = np.random.RandomState(0).normal(size=(300, 1))
    >>> X = np.hstack([a, -a, 2 * a])
    >>> detector = GANOutlierDetector(
    ...     hidden_layer_sizes=(64, 64), latent_size=1, learning_rate_init=0.003, max_iter=200,
    ...     random_state=0, device="cpu",
    ... ).fit(X)
    >>> detector.predict([[1.0, 1.0, 2.0], [1.0, -1.0, 2.0]])
    array([-1,  1])
    """

    encoder_loss_curve_: list[float]
    window_shape_: tuple[int, ...]
    out_activation_ = "identity"

    _input = VECTORS

    def __init__(
        self,
        network: str = "dense",
        hidden_layer_sizes: ArrayLike = (256, 256),
        *,
        latent_size: int | Literal["auto"] = "auto",
        loss: str = "auto",
        gradient_penalty: float = 1.0,
        critic_ratio: int = 1,
        cycle_weight: float | Literal["auto"] = "auto",
        feature_weight: float = 0.1,
        search_steps: int = 20,
        search_learning_rate: float = 0.05,
        contamination: float | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int | Literal["auto"] = "auto",
        ema: float = 0.99,
        beta_2: float = 0.99,
        validation_fraction: float = 0.1,
        gradient_clip_norm: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
        device: str | torch.device = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_size = latent_size
        self.loss = loss
        self.gradient_penalty = gradient_penalty
        self.critic_ratio = critic_ratio
        self.cycle_weight = cycle_weight
        self.feature_weight = feature_weight
        self.search_steps = search_steps
        self.search_learning_rate = search_learning_rate
        self.contamination = contamination
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.ema = ema
        self.beta_2 = beta_2
        self.validation_fraction = validation_fraction
        self.gradient_clip_norm = gradient_clip_norm
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    # --- fit -------------------------------------------------------------------------------

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        X = read_windows(self, given.X, reset=True)
        refuse_single_sample(len(X))
        self.n_outputs_ = X.shape[1]
        n_channels = self.window_shape_[1] if self.network == "lstm" else None
        self._center, self._spread = center_and_spread(X, n_channels)
        x = standardised(X, self._center, self._spread)
        return Rows(x.astype(np.float32), x), None

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        latent_size = self.latent_size
        if latent_size == "auto":
            latent_size = int(np.clip(rows.x.shape[1] // 4, 2, 16))
        sizes = layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes")
        length, n_channels = self.window_shape_
        net = LatentGANNet(self.network, length, n_channels, sizes, latent_size).double()
        initialize(net, rng)
        return net

    def _plan(
        self, rows: Rows, validation: Rows | None, mode: Mode, rng: np.random.RandomState
    ) -> Plan:
        return outlier_play.plan(self, rows, mode, rng)

    def _recipe(self, plan: Plan) -> engine.Recipe:
        return outlier_play.recipe(self, plan)

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        return outlier_play.phases(self, task)

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        if not task.net.is_frozen:
            outlier_play.warn_of_collapse(task)
        losses = runs[-1].curves.losses
        own = [loss[0] for loss in losses_of_play(runs)]
        found = self._search(task.net.module_, task.plan.reference)[0]
        return player_attributes(task, runs, own) | {
            "n_outputs_": self.n_outputs_,
            "encoder_loss_curve_": [loss for loss in losses if not isinstance(loss, tuple)],
            "offset_": -self._threshold(found),
        }

    def _threshold(self, losses: np.ndarray) -> float:
        if self.contamination != "auto":
            return np.percentile(losses, 100 * (1 - self.contamination))
        return max(upper_fence(losses), np.quantile(losses, 0.95))

    # --- scores ----------------------------------------------------------------------------

    def _search(self, module: torch.nn.Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Losses of standardised rows, and squared residuals of each value."""
        return search(
            module,
            x,
            n_steps=self.search_steps,
            learning_rate=self.search_learning_rate,
            feature_weight=self.feature_weight,
        )

    def _searched(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        x = standardised(read_windows(self, X), self._center, self._spread)
        return self._search(self.net_.module_, x)

    def score_samples(self, X: Any) -> np.ndarray:
        """Compute how normal each row is: the lower, the more abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_windows, length, n_channels)
            The rows or windows.

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
            Minus the loss at the end of the search.
        """
        check_is_fitted(self)
        return -self._searched(X)[0]

    def score_steps(self, X: Any, stride: int = 1) -> np.ndarray:
        """Compute how normal each time step of a series is, from windows that overlap.

        Parameters
        ----------
        X : array-like of shape (n_windows, length) or (n_windows, length, n_channels)
            The windows of one series in their order.

        stride : int, default=1
            Time steps from the start of a window to that of the next.

        Returns
        -------
        scores : ndarray of float64 of shape ((n_windows - 1) * stride + length,)
            Minus the mean squared residual of each time step, averaged over the windows that
            cover it; NaN where none does.
        """
        check_is_fitted(self)
        if self.network != "lstm":
            raise ValueError(f"network={self.network!r}: time steps need network='lstm'.")
        if not isinstance(stride, Integral) or isinstance(stride, bool) or stride < 1:
            raise ValueError(f"stride={stride!r}: expected an integer of at least 1.")
        length, n_channels = self.window_shape_
        squares = self._searched(X)[1].reshape(-1, length, n_channels).mean(2)
        steps = np.arange(len(squares))[:, None] * stride + np.arange(length)
        n_steps = int(steps[-1, -1]) + 1
        total = np.bincount(steps.ravel(), squares.ravel(), minlength=n_steps)
        count = np.bincount(steps.ravel(), minlength=n_steps)
        with np.errstate(invalid="ignore"):
            return -total / count
