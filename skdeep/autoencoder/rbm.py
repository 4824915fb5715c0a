"""Restricted Boltzmann machines."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skdeep import engine, losses
from skdeep._checks import all_or_nothing, layer_sizes
from skdeep._compat import _fit_context
from skdeep.base.estimator import new_random_state
from skdeep.base.learning import Given, Mode, Plan, Task, Validator
from skdeep.base.training import single_phase
from skdeep.base.unsupervised import DeepTransformer, check_codes
from skdeep.data.batches import chunks
from skdeep.inputs.rows import VECTORS, Rows, to_host
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.rbm import (
    ContrastiveDivergence,
    RBMNet,
    initialize_rbm,
)
from skdeep.parameters import autoencoder as tables
from skdeep.parameters.entry import public


@public(tables.RBM, tables.RBM_ATTRIBUTES)
class RBM(DeepTransformer):
    """Restricted Boltzmann machine with binary hidden units.

    It is trained by contrastive divergence. `transform` returns the probabilities of the hidden
    units, `score_samples` the negative free energy.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : Binary visible units, on the CPU.
    Autoencoder : Has `pretraining='rbm'` for several machines on top of each other.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import RBM
    >>> X = load_digits().data / 16.0
    >>> RBM(32, max_iter=2, random_state=0, device="cpu").fit_transform(X).shape
    (1797, 32)
    """

    visible_: str
    _input = VECTORS

    def __init__(
        self,
        n_components: int = 256,
        *,
        visible: str = "auto",
        method: str = "pcd",
        n_gibbs_steps: int = 1,
        draw_states: bool = True,
        learning_rate_init: float | Literal["auto"] = "auto",
        momentum: float = 0.0,
        alpha: float = 0.0,
        batch_size: int = 10,
        max_iter: int = 10,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        gradient_clip_norm: float | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.n_components = n_components
        self.visible = visible
        self.method = method
        self.n_gibbs_steps = n_gibbs_steps
        self.draw_states = draw_states
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.dtype = dtype
        self.gradient_clip_norm = gradient_clip_norm
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one epoch on X, starting from the current weights.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)

        y : None
            Not used, present for API consistency.

        Returns
        -------
        self : RBM
        """
        return self._fit(Given(X=X), Mode(incremental=True))

    # --- training --------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        if self.method == "pcd" and not self.draw_states:
            raise ValueError(
                "draw_states=False needs method='cd': deterministic chains that persist end in the "
                "same few states, wherever they start."
            )

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        rows, validation = super()._read(given, mode, rng)
        if not mode.resumed:
            automatic = "bernoulli" if _in_unit_interval(rows.x) else "gaussian"
            self.visible_ = automatic if self.visible == "auto" else self.visible
        for part in (rows, validation):
            if part is None or self.visible_ != "bernoulli" or _in_unit_interval(part.x):
                continue
            raise ValueError(
                f"visible='bernoulli' needs values in [0, 1], got {float(part.x.min()):.3g} to "
                f"{float(part.x.max()):.3g}: scale X, with MinMaxScaler for example, or take "
                "visible='gaussian'."
            )
        self.out_activation_ = "logistic"
        rows = replace(rows, target=np.empty((len(rows), 0)))  # contrastive divergence has none
        if validation is not None:
            validation = replace(validation, target=np.empty((len(validation), 0)))
        return rows, validation

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        n_visible = rows.x.shape[1]
        n_chains = int(self.batch_size) if self.method == "pcd" else 0
        (n_components,) = layer_sizes(self.n_components, "n_components", n_inputs=n_visible)
        net = RBMNet(n_visible, n_components, self.visible_, n_chains).double()
        initialize_rbm(net, rng, _means(rows))
        return net

    def _make_loss(self) -> torch.nn.Module:
        return losses.Reconstruction()  # only in name: no derivative of it is ever taken

    def _recipe(self, plan: Plan) -> engine.Recipe:
        rate = self.learning_rate_init
        if rate == "auto":
            rate = 0.05 if self.visible_ == "bernoulli" else 0.001
        return engine.Recipe.of(
            self,
            solver="sgd",
            nesterovs_momentum=False,
            learning_rate_init=float(rate),
            batch_size=min(self.batch_size, len(plan.train)),
            ends=True,
            draws_noise=self.draw_states,
        )

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        module = task.net.module_
        noise = task.noise if self.draw_states else None
        gradient = ContrastiveDivergence(module, noise, self.n_gibbs_steps)
        validator = None if task.held_out is None else self._validator(task, task.held_out)
        return [single_phase(self, task, past, gradient=gradient, validator=validator)]

    def _validator(self, task: Task, held_out: tuple[Any, Any, Any]) -> Validator:
        """Mean free energy of held-out rows: if it rises above that of the training rows, the
        machine overfits (Hinton, 2012, section 6)."""
        module, (x, _, weight) = task.net.module_, held_out

        def validate() -> tuple[float, float | None]:
            with torch.inference_mode():
                energies = self._free_energies(module, x)
                loss = float(weighted_mean(energies, weight))
            return loss, -loss if task.plan.scores else None

        return validate

    def _free_energies(self, module: Any, x: Any) -> torch.Tensor:
        if isinstance(x, torch.Tensor):
            return module.free_energy(x)
        pieces = chunks(x.shape[0], self._width(), x.device)
        return torch.cat([module.free_energy(x[p]) for p in pieces])

    # --- after training --------------------------------------------------------------------

    def _width(self) -> int:
        return max(self.n_components, self.n_features_in_)

    @property
    def _n_features_out(self) -> int:
        return len(self.net_.module_.hidden.bias)

    @property
    def components_(self) -> np.ndarray:
        """Weights, of shape (n_components, n_features)."""
        return to_host(self.net_.module_.hidden.weight)

    @property
    def intercept_hidden_(self) -> np.ndarray:
        """Biases of the hidden units, of shape (n_components,)."""
        return to_host(self.net_.module_.hidden.bias)

    @property
    def intercept_visible_(self) -> np.ndarray:
        """Biases of the visible units, of shape (n_features,)."""
        return to_host(self.net_.module_.visible_bias)

    def transform(self, X: Any) -> np.ndarray:
        """Probabilities of the hidden units.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
        """
        return self._run(self._checked(X), lambda module, x: module(x), self._width())

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Means of the visible units given the hidden ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = check_codes(X, self._n_features_out, type(self).__name__)
        return self._run(X, lambda module, h: module.visible_means(h), self._width())

    def score_samples(self, X: Any) -> np.ndarray:
        """Negative free energy: the log-likelihood up to a constant.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The lower, the more abnormal.
        """
        return self._run(self._checked(X), lambda module, x: -module.free_energy(x), self._width())

    def gibbs(self, X: Any, n_steps: int = 1) -> np.ndarray:
        """Sample new rows, starting at X.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)

        n_steps : int, default=1
            Rounds of sampling, hidden units and then visible ones.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
        """
        X = self._checked(X)
        if not isinstance(n_steps, Integral) or n_steps < 1:
            raise ValueError(f"n_steps={n_steps!r}: expected a whole number from 1.")
        module = self.net_.module_
        v = self._input.place(X, module.visible_bias.dtype, module.visible_bias.device)[:]
        generator = torch.Generator(device=v.device)
        generator.manual_seed(int(new_random_state(self.random_state).randint(2**31 - 1)))
        with torch.inference_mode():
            for _ in range(n_steps):
                v = module.gibbs_step(v, generator)
        return to_host(v)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _in_unit_interval(x: Any) -> bool:
    return bool(x.min() >= 0 and x.max() <= 1)


def _means(rows: Rows) -> Any:
    """Weighted mean of each column."""
    x, weight = rows.x, rows.weight
    with np.errstate(over="ignore"):  # training will say that they are too large
        if weight is None:
            return np.asarray(to_host(x.mean(0))).ravel()
        share = weight / weight.sum()
        if isinstance(x, torch.Tensor):
            share = torch.as_tensor(share, dtype=x.dtype, device=x.device)
        return to_host(x.T @ share)
