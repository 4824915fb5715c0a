"""What convolutional classifiers and regressors share: network, batches, features, saliency."""

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep.base.old_estimator import DeepEstimator
from skdeep.convolutional.pretrained import is_factory, load_pretrained, user_trunk
from skdeep.data.batches import MIXED_WINDOW, LengthBatches
from skdeep.data.pieces import channel_statistics, in_pieces, pieces
from skdeep.data.rows import LoadedRows, PaddedRows
from skdeep.inputs.old_arrays import ArrayInput
from skdeep.nets.augment import CHANGES, MIXES
from skdeep.nets.conv import draw_weights
from skdeep.nets.convnet import ConvNet
from skdeep.parameters.sizes import layer_sizes

AUTO_STEPS = {1: 1000, 2: 6500}
"""Steps of training that max_iter='auto' plans for: of series, of pictures."""
AUTO_EPOCHS = {1: (12, 300), 2: (12, 100)}
"""Fewest and most epochs of max_iter='auto'."""
FULL_BATCH = 64
N_LENET_LAYERS = 2
"""Convolutions of 'lenet' by default."""


class BaseCNN(ArrayInput, ClassNamePrefixFeaturesOutMixin, TransformerMixin, DeepEstimator):
    """Base of `CNNClassifier` and `CNNRegressor`."""

    # What `DeepEstimator` leaves to the parameters of a perceptron is settled here.
    l1_ratio, power_t = 0.0, 0.5
    momentum, nesterovs_momentum = 0.9, True
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8
    warm_start = False

    # --- the network -----------------------------------------------------------------------

    def _new_net(self, device, X, rng):
        series = len(X.shape) == 3 and not is_factory(self.architecture)
        self._own_scale = series and self._wants_own_scale(X)
        return super()._new_net(device, X, rng)

    def _make_module(self, shape, n_outputs, rng):
        architecture, options = self._architecture(shape)
        members = architecture
        if is_factory(architecture):
            members = [user_trunk(architecture, shape, rng) for _ in range(self.n_estimators)]
        net = ConvNet(
            shape,
            members,
            options,
            n_outputs,
            self.n_estimators,
            0.0 if architecture == "lenet" else float(self.dropout),
            self._augmentation(len(shape) - 1),
            frozen=self.freeze,
            own_scale=self._own_scale,
        )
        draw_weights(net.heads if is_factory(architecture) else net, rng)
        if self.pretrained is not None:
            load_pretrained(net, self.pretrained)
        net.scale.has_missing = self.missing == "mask"
        return net

    def _architecture(self, shape):
        """Name (or the user's module) and options of the trunk."""
        name = self.architecture
        if is_factory(name):
            return name, {}
        if name == "auto":
            name = "inception" if len(shape) == 2 else "resnet"
        if name == "inception" and len(shape) == 3:
            raise ValueError(
                "architecture='inception' is for series, and X holds pictures: use 'resnet' or "
                "'lenet'."
            )
        options = {}
        filters, kernels, hidden = self._sizes()
        if filters:
            options["n_filters"] = filters[0] if name == "inception" else tuple(filters)
        if kernels and name in ("lenet", "inception"):
            options["kernel_size"] = kernels[0] if len(kernels) == 1 else tuple(kernels)
        self._check_numbers_of_sizes(name, filters, kernels)
        if name == "lenet":
            options |= {
                "activation": self.activation,
                "pooling": self.pooling,
                "pool_size": int(self.pool_size),
                "hidden_layer_sizes": tuple(hidden),
                "dropout": float(self.dropout),
            }
        return name, options

    def _sizes(self):
        """Filters, kernels and hidden units of each layer; empty where the network decides."""
        given = (
            [] if self.n_filters is None else layer_sizes(self.n_filters, "n_filters"),
            [] if self.kernel_size is None else layer_sizes(self.kernel_size, "kernel_size"),
        )
        hidden = self.hidden_layer_sizes
        return *given, layer_sizes(hidden, "hidden_layer_sizes", may_be_empty=True)

    def _check_numbers_of_sizes(self, name, filters, kernels):
        """Raise where there is not one number for each layer."""
        wanted = {"lenet": len(filters) or N_LENET_LAYERS, "inception": 1}.get(name)
        if name == "inception" and len(filters) > 1:
            raise ValueError(
                f"n_filters={self.n_filters!r}: architecture='inception' has one number of "
                "filters, that of each branch."
            )
        if wanted is not None and len(kernels) > 1 and len(kernels) != wanted:
            raise ValueError(
                f"kernel_size={self.kernel_size!r}: architecture={name!r} has {wanted} "
                "convolutions to give a size each, expected as many numbers or one for all."
            )

    def _augmentation(self, dims):
        """Names of the changes and their strengths."""
        chosen = self.augment
        if chosen is None:
            return None
        known = CHANGES | MIXES
        fitting = sorted(name for name, (_, _, ranks) in known.items() if dims in ranks)
        if isinstance(chosen, str):
            chosen = (["shift"] if dims == 2 else []) if chosen == "auto" else [chosen]
        elif getattr(chosen, "ndim", 1) == 0:
            chosen = [chosen.item()]
        strengths = {}
        for name in chosen:
            if name not in fitting:
                kind = "pictures" if dims == 2 else "series"
                raise ValueError(f"augment={name!r}: for {kind} expected any of {fitting}.")
            strengths[name] = chosen[name] if isinstance(chosen, dict) else known[name][1]
        if len(strengths.keys() & MIXES.keys()) > 1:
            raise ValueError(f"augment={self.augment!r}: expected one of {sorted(MIXES)} at most.")
        return strengths or None

    def _check_combinations(self):
        self._sizes()
        if self.freeze and self.pretrained is None and not is_factory(self.architecture):
            raise ValueError(
                "freeze=True trains the last layer alone: it needs weights from elsewhere, by "
                "`pretrained` or by a module given as `architecture`."
            )

    def _draws_noise(self):
        return True

    # --- training --------------------------------------------------------------------------

    def _train(self, net, data, validation, rng, mode, report):
        scale = net.module_.scale
        if is_factory(self.architecture):
            scale.scale.fill_(1 / 255 if _is_bytes(data[0]) else 1.0)
        elif not getattr(scale, "is_given", False):
            mean, deviation = channel_statistics(data[0], data[2])
            scale.mean.copy_(mean)
            scale.scale.copy_(1 / deviation)
        return super()._train(net, data, validation, rng, mode, report)

    def _automatic_epochs(self):
        return AUTO_STEPS[self._dims()], *AUTO_EPOCHS[self._dims()]

    def _batch_size(self, n_samples):
        if self.batch_size != "auto":
            return super()._batch_size(n_samples)
        if n_samples <= FULL_BATCH:
            return n_samples
        size = min(max(n_samples // 100, 32), 128)
        # Batches of nearly equal size: a small last one would be a noisy step.
        return -(-n_samples // max(1, round(n_samples / size)))

    def _dims(self):
        """1 for series, 2 for pictures."""
        return 2 if len(self.input_shape_) == 3 else 1

    def _make_batches(self, net, data, rng):
        if isinstance(data[0], PaddedRows):
            return LengthBatches(
                *data,
                batch_size=net.batch_size,
                smallest=2,
                lengths=data[0].lengths.cpu().numpy(),
                window=MIXED_WINDOW,
            )
        return super()._make_batches(net, data, rng)

    def _smallest_batch(self):
        return 2  # batch normalisation

    def _make_step(self, net):
        optimizer = net.flat_optimizers_[0]
        mixed = engine.wants_mixed(self.amp, net.dtype, net.device, on_cpu=True)
        return engine.SingleStep(
            optimizer,
            engine.MixingAutograd(net.module_, net.criterion_, optimizer.flat, mixed),
            engine.Penalty(optimizer.flat, 0.0 if self.solver == "adamw" else self.alpha),
            clip=self.gradient_clip_norm,
            data_scale=self._reported_share(),
        )

    def _uses_of_parameters(self, net):
        places = np.prod([n or 100 for n in net.module_.shape], dtype=float)
        return net.n_parameters * places / 8

    # --- prediction ------------------------------------------------------------------------

    def _forward(self, module, x):
        return self._pool(in_pieces(module, x, module))

    @torch.inference_mode()
    def transform(self, X):
        """Return what the last layer sees: the features that the network has made of X.

        Parameters
        ----------
        X : array-like, Tensor or list of ndarray
            Rows like those of `fit`.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out)
            Those of each member, one after the other.
        """
        check_is_fitted(self)
        module = self.net_.module_
        x = self._input(X, module)

        def features(x):
            return torch.cat(module.features(*module.prepared(x)), 1)

        return self._only_finite(in_pieces(module, x, features), x).cpu().numpy()

    @property
    def _n_features_out(self):
        return sum(trunk.width for trunk in self.net_.module_.trunks)

    def saliency(self, X, y=None):
        """Return how much each number of X speaks for the prediction: gradient times input.

        The gradient of the raw score (of the predicted class, or of `y`; of several networks the
        logarithm of their mean probability) by each number, times
        that number less the mean of its channel in `fit` (Shrikumar et al., 2017): what the score
        would lose, to first order, if the number were the mean.

        Parameters
        ----------
        X : array-like, Tensor or list of ndarray
            Rows like those of `fit`.

        y : array-like of shape (n_samples,), default=None
            Classes whose score is meant (numbers of outputs, for a regressor); None stands for
            the predicted ones (the first output).

        Returns
        -------
        saliency : ndarray of the shape of X, or list of ndarray
        """
        check_is_fitted(self)
        X = self._check_inputs(X)
        module = self.net_.module_
        parameter = next(module.parameters())
        x = self._as_input(X, parameter.dtype, parameter.device)
        chosen = self._outputs_meant(y, len(X))
        out = [None] * len(X)
        for rows in pieces(module, x):
            chunk = None if chosen is None else chosen[rows].to(parameter.device)
            for row, values in zip(rows.tolist(), self._saliency(module, x[rows], chunk)):
                out[row] = self._as_given(values)
        return out if isinstance(x, PaddedRows) else np.stack(out)

    def _saliency(self, module, x, chosen):
        """Gradient times input for one piece of rows, with channels first."""
        lengths = x[1].tolist() if isinstance(x, tuple) else None
        x, mask = module.prepared(x)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            raw = module.scores(x, mask)
            score = self._score_of(self._pool(raw), chosen).sum()
            (gradient,) = torch.autograd.grad(score, x)
        values = self._only_finite(gradient * x.detach(), x.detach()).cpu().numpy()
        return values if lengths is None else [v[:, :n] for v, n in zip(values, lengths)]

    def _as_given(self, values):
        """One row in the user's layout."""
        if self.data_format == "channels_last":
            values = np.moveaxis(values, 0, -1)
        if self.image_shape is None and len(self.input_shape_) == 1:
            return values.reshape(self.input_shape_)
        return values

    def _input(self, X, module):
        """Checked X where the network lives."""
        parameter = next(module.parameters())
        return self._as_input(self._check_inputs(X), parameter.dtype, parameter.device)

    def _pool(self, raw):
        """Scores of the members together."""
        return raw if raw.ndim == 2 else self._mean_scores(raw)


def _is_bytes(x):
    kind = x.source.dtype if isinstance(x, LoadedRows) else x.dtype
    return str(kind).removeprefix("torch.") == "uint8"
