"""Restricted Boltzmann machines."""

from numbers import Integral

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.validation import check_is_fitted

from skdeep import engine, losses
from skdeep._compat import _fit_context
from skdeep.base.codes import DeepTransformer, check_codes
from skdeep.base.old_estimator import DeepEstimator, all_or_nothing, new_random_state
from skdeep.data.batches import DenseBatches, chunks
from skdeep.data.tensors import to_tensor
from skdeep.inputs.rows import to_host
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.rbm import (
    ContrastiveDivergence,
    RBMNet,
    initialize_rbm,
    set_visible_means,
)
from skdeep.parameters import autoencoder as tables
from skdeep.parameters.entry import public
from skdeep.parameters.sizes import layer_sizes


@public(tables.RBM, tables.RBM_ATTRIBUTES)
class RBM(DeepTransformer, DeepEstimator):
    """Restricted Boltzmann machine with binary hidden units.

    It is trained by contrastive divergence. `transform` gives the probabilities of the hidden
    units, `score_samples` minus the free energy.

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

    solver, learning_rate, warm_start = "sgd", "constant", False
    nesterovs_momentum, early_stopping = False, False
    n_iter_no_change, tol, validation_fraction = np.inf, 0.0, 0.1

    def __init__(
        self,
        n_components=256,
        *,
        visible="auto",
        method="pcd",
        n_gibbs_steps=1,
        draw_states=True,
        learning_rate_init="auto",
        momentum=0.0,
        alpha=0.0,
        batch_size=10,
        max_iter=10,
        shuffle=True,
        random_state=None,
        verbose=False,
        device="auto",
        dtype=None,
        gradient_clip_norm=None,
        max_time=None,
        skorch_callbacks=None,
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
    def partial_fit(self, X, y=None):
        """Train for one epoch on X, going on from where the machine is.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)

        y : None
            Not used.

        Returns
        -------
        self : RBM
        """
        return self._fit(X, None, None, incremental=True)

    # --- training --------------------------------------------------------------------------

    def _check_combinations(self):
        if self.method == "pcd" and not self.draw_states:
            raise ValueError(
                "draw_states=False needs method='cd': persistent chains without chance, wherever "
                "they start, end in the same few places."
            )

    def _check_training_data(self, X, y, *, reset):
        X, target = super()._check_training_data(X, y, reset=reset)
        low, high = float(X.min()), float(X.max())
        if reset:
            fits = low >= 0 and high <= 1
            automatic = "bernoulli" if fits else "gaussian"
            self.visible_ = automatic if self.visible == "auto" else self.visible
        if self.visible_ == "bernoulli" and not (low >= 0 and high <= 1):
            raise ValueError(
                f"visible='bernoulli' needs values in [0, 1], got {low:.3g} to {high:.3g}: scale "
                "X, with MinMaxScaler for example, or take visible='gaussian'."
            )
        return X, target

    def _encode_target(self, y, resumed, incremental):
        self.out_activation_ = "logistic"
        return super()._encode_target(y, resumed, incremental)

    def _new_net(self, device, X, rng):
        net = super()._new_net(device, X, rng)
        with np.errstate(over="ignore"):  # training will say that they are too large
            initialize_rbm(net.module_, rng, np.asarray(to_host(X).mean(0)).ravel())
        return net

    def _make_module(self, shape, n_outputs, rng):
        n_chains = int(self.batch_size) if self.method == "pcd" else 0
        (n_components,) = layer_sizes(self.n_components, "n_components", n_inputs=n_outputs)
        return RBMNet(n_outputs, n_components, self.visible_, n_chains).double()

    def _make_loss(self):
        return losses.Reconstruction()  # only in name: no derivative of it is ever taken

    def _draws_noise(self):
        return self.draw_states

    def _base_rate(self):
        if self.learning_rate_init == "auto":
            return 0.05 if self.visible_ == "bernoulli" else 0.001
        return float(self.learning_rate_init)

    def _players(self):
        return {
            "": {"solver": "sgd", "learning_rate": self._base_rate(), "momentum": self.momentum}
        }

    def _batch_size(self, n_samples):
        return min(self.batch_size, n_samples)

    def _make_schedule(self, optimizer, n_batches, mode, n_epochs):
        return engine.Constant(optimizer, self._base_rate())

    def _make_run(self, net, data, validation, rng, mode):
        run = super()._make_run(net, data, validation, rng, mode)
        run.single_epoch = True  # the last epoch is where it means to end
        return run

    def _make_step(self, net):
        generator = None
        if self.draw_states:
            generator = torch.Generator(device=net.device)
            generator.manual_seed(self._seed)
        optimizer = net.flat_optimizers_[0]
        return engine.SingleStep(
            optimizer,
            ContrastiveDivergence(net.module_, generator, self.n_gibbs_steps),
            engine.Penalty(optimizer.flat, self.alpha),
            clip=self.gradient_clip_norm,
        )

    def _as_input(self, X, dtype, device):
        return DenseBatches(X, dtype, device) if sp.issparse(X) else to_tensor(X, dtype, device)

    def _tensors(self, net, X, target, weight):
        x, target, weight = super()._tensors(net, X, target, weight)
        # Contrastive divergence has no target; rows that are made dense are not made twice.
        return x, torch.empty((x.shape[0], 0)) if sp.issparse(X) else target, weight

    def _train(self, net, data, validation, rng, mode, report):
        self._seed = int(rng.randint(2**31 - 1))
        x, _, weight = data
        if weight is not None and not mode.resumed:
            sums = x.sums(weight) if isinstance(x, DenseBatches) else weight @ x
            set_visible_means(net.module_, sums / weight.sum())
        return super()._train(net, data, validation, rng, mode, report)

    def _make_validator(self, net, validation, with_score):
        """Mean free energy of held-out rows: where it parts from that of the training rows, the
        machine learns them by heart (Hinton, 2012, section 6)."""
        if validation is None:
            return None

        def validate():
            with torch.inference_mode():
                energies = self._free_energies(net.module_, validation[0])
                loss = float(weighted_mean(energies, validation[2]))
            return loss, -loss if with_score else None

        return validate

    def _free_energies(self, module, x):
        if isinstance(x, torch.Tensor):
            return module.free_energy(x)
        pieces = chunks(x.shape[0], self._width(), x.device)
        return torch.cat([module.free_energy(x[p]) for p in pieces])

    # --- after training --------------------------------------------------------------------

    def _width(self):
        return max(self.n_components, self.n_features_in_)

    @property
    def _n_features_out(self):
        return len(self.net_.module_.hidden.bias)

    @property
    def components_(self):
        """Weights, of shape (n_components, n_features)."""
        return to_host(self.net_.module_.hidden.weight)

    @property
    def intercept_hidden_(self):
        """Biases of the hidden units, of shape (n_components,)."""
        return to_host(self.net_.module_.hidden.bias)

    @property
    def intercept_visible_(self):
        """Biases of the visible units, of shape (n_features,)."""
        return to_host(self.net_.module_.visible_bias)

    def _layer_weights(self):
        net = self.net_.module_
        return net.hidden.weight, net.hidden.bias, net.hidden.weight.t(), net.visible_bias

    def transform(self, X):
        """Probabilities of the hidden units.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
        """
        return self._run(self._checked(X), lambda module, x: module(x), self._width())

    def inverse_transform(self, X):
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

    def score_samples(self, X):
        """Minus the free energy: log-likelihood but for a constant.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The lower, the more abnormal.
        """
        return self._run(self._checked(X), lambda module, x: -module.free_energy(x), self._width())

    def gibbs(self, X, n_steps=1):
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
        v = self._as_input(X, module.visible_bias.dtype, module.visible_bias.device)[:]
        generator = torch.Generator(device=v.device)
        generator.manual_seed(int(new_random_state(self.random_state).randint(2**31 - 1)))
        with torch.inference_mode():
            for _ in range(n_steps):
                v = module.gibbs_step(v, generator)
        return to_host(v)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
