"""Shared methods of convolutional classifiers and regressors: network, recipe, features."""

from __future__ import annotations

import math
from typing import Any

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.base.disk import piece_by_piece
from skdeep.base.saliency import saliency
from skdeep.base.training import make_batches, single_phase
from skdeep.base.window import learn_window, start_at_skip, window_options
from skdeep.convolutional.pretrained import is_factory, load_pretrained, user_trunk
from skdeep.data.batches import MIXED_WINDOW, n_batches
from skdeep.data.pieces import channel_statistics, forward, in_pieces
from skdeep.data.rows import LoadedRows
from skdeep.engine.recipe import capped_batch_size, epochs_of_steps, even_batch_size
from skdeep.inputs.arrays import ArrayInput, wants_own_scale
from skdeep.kernels.mixture import KernelMixture
from skdeep.nets.augment import CHANGES, MIXES
from skdeep.nets.conv import draw_weights, widths_of
from skdeep.nets.convnet import ConvNet

AUTO_STEPS = {1: 1000, 2: 6500}
"""Steps of training that max_iter='auto' plans for: of series, of images."""
AUTO_EPOCHS = {1: (12, 300), 2: (12, 100)}
"""Fewest and most epochs of max_iter='auto'."""
FULL_BATCH = 64
_SMALLEST_BATCH = 2  # batch normalisation
N_LENET_LAYERS = 2
"""Convolutions of 'lenet' by default."""


class BaseCNN(ClassNamePrefixFeaturesOutMixin, TransformerMixin, KernelMixture):
    """Base of `CNNClassifier` and `CNNRegressor`."""

    saliency = saliency
    _reads_from_disk = True

    @property
    def _input(self):
        return ArrayInput.of(self)

    # --- the network -----------------------------------------------------------------------

    def _module(self, rows, rng):
        shape = rows.x.shape[1:]
        architecture, options = self._architecture(shape)
        members, own_scale = architecture, False
        if is_factory(architecture):
            members = [user_trunk(architecture, shape, rng) for _ in range(self.n_estimators)]
        elif len(shape) == 2:
            own_scale = wants_own_scale(self.own_scale, rows.x)
        window = window_options(self, shape)
        net = ConvNet(
            shape,
            members,
            options,
            self.n_outputs_,
            self.n_estimators,
            0.0 if architecture == "lenet" else float(self.dropout),
            self._augmentation(len(shape) - 1),
            frozen=self.freeze,
            own_scale=own_scale,
            transforms=[change for change in self._changes() if callable(change)],
            window=window,
        )
        draw_weights(net.heads if is_factory(architecture) else net, rng)
        start_at_skip(window, net.heads)
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
                "architecture='inception' is for series, and X holds images: use 'resnet' or "
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
        """Filters, kernels and hidden units of each layer; empty if the network decides."""
        given = (
            [] if self.n_filters is None else layer_sizes(self.n_filters, "n_filters"),
            [] if self.kernel_size is None else layer_sizes(self.kernel_size, "kernel_size"),
        )
        hidden = self.hidden_layer_sizes
        return *given, layer_sizes(hidden, "hidden_layer_sizes", may_be_empty=True)

    def _check_numbers_of_sizes(self, name, filters, kernels):
        """Raise unless there is one number for each layer."""
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

    def _changes(self):
        """Names and functions given as `augment`."""
        chosen = self.augment
        if chosen is None:
            return []
        if isinstance(chosen, str) or callable(chosen):
            return [chosen]
        return [chosen.item()] if getattr(chosen, "ndim", 1) == 0 else list(chosen)

    def _augmentation(self, dims):
        """Names and strengths of augmentations."""
        known, chosen = CHANGES | MIXES, self.augment
        fitting = sorted(name for name, (_, _, ranks) in known.items() if dims in ranks)
        names = [change for change in self._changes() if not callable(change)]
        if names == ["auto"]:
            names = ["shift"] if dims == 2 else []
        strengths = {}
        for name in names:
            if name not in fitting:
                kind = "images" if dims == 2 else "series"
                raise ValueError(
                    f"augment={name!r}: for {kind} expected any of {fitting}, or a function."
                )
            strengths[name] = chosen[name] if isinstance(chosen, dict) else known[name][1]
        if len(strengths.keys() & MIXES.keys()) > 1:
            raise ValueError(f"augment={self.augment!r}: expected one of {sorted(MIXES)} at most.")
        return strengths or None

    def _check_parameters(self):
        self._sizes()
        if self.freeze and self.pretrained is None and not is_factory(self.architecture):
            raise ValueError(
                "freeze=True trains the last layer alone: it needs weights from elsewhere, by "
                "`pretrained` or by a module given as `architecture`."
            )

    # --- training --------------------------------------------------------------------------

    def _recipe(self, plan):
        n_samples, shape = plan.train.n_rows, plan.train.x.shape[1:]
        size, epochs, dims = self.batch_size, self.max_iter, len(shape) - 1
        if size != "auto":
            size = capped_batch_size(size, n_samples)
        elif n_samples <= FULL_BATCH:
            size = n_samples
        else:
            size = even_batch_size(min(max(n_samples // 100, 32), 128), n_samples)
        if epochs == "auto":
            n_steps = n_batches(n_samples, size, _SMALLEST_BATCH)
            epochs = epochs_of_steps(AUTO_STEPS[dims], n_steps, *AUTO_EPOCHS[dims])
        return engine.Recipe.of(
            self,
            recordable=not any(map(callable, self._changes())),  # what they draw is not known
            batch_size=size,
            smallest_batch=_SMALLEST_BATCH,
            max_iter=epochs,
            draws_noise=True,
            uses=math.prod(n or 100 for n in shape) / 8,
        )

    def _phases(self, task, past):
        net = task.net
        if not task.mode.resumed:
            self._learn_scale(task)
        widths = widths_of(net.module_)
        mixed = engine.wants_mixed(self.amp, net.dtype, net.device, on_cpu=True, widths=widths)
        flat = net.flat_optimizers_[0].flat
        gradient = engine.MixingAutograd(net.module_, net.criterion_, flat, mixed)
        batches = make_batches(self, task, window=MIXED_WINDOW)
        return [single_phase(self, task, past, gradient=gradient, batches=batches)]

    def _learn_scale(self, task):
        """Set the scale of each channel in the network."""
        scale, (x, _, weight) = task.net.module_.scale, task.data
        if is_factory(self.architecture):
            scale.scale.fill_(1 / 255 if _is_bytes(x) else 1.0)
        elif not getattr(scale, "is_given", False):
            mean, deviation = channel_statistics(x, weight)
            scale.mean.copy_(mean)
            scale.scale.copy_(1 / deviation)
        net = task.net.module_
        if net.window is not None:
            learn_window(net, lambda x: net.window.normed(*net.prepared(x)), task.data, self._units)

    # --- prediction ------------------------------------------------------------------------

    def _forward(self, module, x):
        return self._pool(forward(module, x))

    @piece_by_piece
    @torch.inference_mode()
    def transform(self, X: Any):
        """Return the features of each row: the input of the last layer.

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
        checked, x = self._placed(X)

        def features(x):
            return torch.cat(module.features(*module.prepared(x)), 1)

        return self._only_finite(in_pieces(module, x, features), checked).cpu().numpy()

    @property
    def _n_features_out(self):
        return sum(trunk.width for trunk in self.net_.module_.trunks)

    def _scored_input(self, module, x):
        """Standardised rows, and the function that gives their raw scores."""
        x, mask = module.prepared(x)
        return x, lambda x: self._pool(module.scores(x, mask))

    def _pool(self, raw):
        """Combined scores of the members."""
        return raw if raw.ndim == 2 else self._mean_scores(raw)


def _is_bytes(x):
    kind = x.source.dtype if isinstance(x, LoadedRows) else x.dtype
    return str(kind).removeprefix("torch.") == "uint8"
