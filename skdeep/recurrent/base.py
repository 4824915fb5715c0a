"""Shared methods of the recurrent classifier and regressor: network, recipe, features."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.base.disk import piece_by_piece
from skdeep.base.learning import Plan, Task
from skdeep.base.saliency import saliency
from skdeep.base.training import make_batches, plain_gradient, single_phase
from skdeep.base.window import check_same_window, learn_window, start_at_skip, window_options
from skdeep.data.batches import MIXED_WINDOW, n_batches
from skdeep.data.pieces import channel_statistics, in_pieces
from skdeep.data.rows import RaggedRows
from skdeep.engine.recipe import capped_batch_size, epochs_of_steps
from skdeep.inputs.arrays import wants_own_scale
from skdeep.inputs.rows import Rows, to_host
from skdeep.inputs.sequences import sequence_input
from skdeep.kernels.mixture import KernelMixture
from skdeep.nets.batch_norm import weighing
from skdeep.nets.recurrent import RecurrentNet, initialize

SMALL_SET, SMALL_BATCH, BATCH = 2000, 32, 64
"""``batch_size='auto'`` is 32 up to 2,000 sequences, which need many steps, and 64 beyond; up to
64 sequences it is all of them, so that a sequence of weight 2 is one that is there twice."""
SERIES_STEPS, TOKEN_STEPS = 2000, 1100
"""Training steps that ``max_iter='auto'`` is good for. On series held out of the training parts of
eight UCR sets, 2,500 steps had 12 % fewer errors than 1,100. Over tokens it is three epochs of
25,000 film reviews, after which the accuracy on reviews held out of them no longer grew."""
TOKEN_DROPOUT = 0.5
"""``dropout='auto'`` over tokens, as for words in Kim (2014): on 5,000 film reviews held out of the
training ones the log loss fell from 0.338 to 0.301, the error from 0.116 to 0.111. On series held
out of five UCR sets 0.3 gained nothing."""
FEWEST_EPOCHS, MOST_EPOCHS = 3, 1000
"""Of ``max_iter='auto'``: with one step an epoch, more would take long and gain little."""
BRANCH = ((64, 7), (64, 5), (64, 3))
"""``convolutional='auto'`` for numbers: LSTM-FCN's three layers (Karim et al., 2018) with a half
to a quarter of its filters, which take a sixth of the time, and odd kernels instead of 8."""
WARM_UP = 0.3
"""Share of the epochs in which the rate of 'one_cycle' grows: patience is at least as long."""
_SHARED_BY_NETS = ("cell", "bidirectional", "pooling", "embedding_size")


class DeepSequence(ClassNamePrefixFeaturesOutMixin, TransformerMixin, KernelMixture):
    """Base of the recurrent estimators; a subclass adds the constructor and the target."""

    vocabulary_size_: int
    saliency = saliency
    _reads_from_disk = True

    @property
    def _input(self) -> Any:
        return sequence_input(self)

    @property
    def _reads_tokens(self) -> bool:
        return self.vocabulary_size is not None

    # --- the network -----------------------------------------------------------------------

    def _hidden_sizes(self) -> list[int]:
        return layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes")

    def _branch(self) -> tuple[tuple[int, ...], ...]:
        """(filters, kernel size) of each layer of the convolutional branch."""
        if isinstance(self.convolutional, str):
            return () if self._reads_tokens else BRANCH
        if self.convolutional is None:
            return ()
        layers = [tuple(layer_sizes(layer, "convolutional")) for layer in self.convolutional]
        if not all(len(p) == 2 and p[1] % 2 == 1 for p in layers):
            raise ValueError(
                f"convolutional={self.convolutional!r}: expected 'auto', None or a pair (filters, "
                "kernel_size) for each layer, with positive numbers and an odd kernel size."
            )
        return tuple(layers)

    def _dropout(self) -> float:
        if self.dropout == "auto":
            return TOKEN_DROPOUT if self._reads_tokens else 0.0
        return float(self.dropout)

    def _settings(self, n_channels: int, n_outputs: int) -> dict[str, Any]:
        return {
            "n_channels": 1 if self._reads_tokens else n_channels,
            "n_outputs": n_outputs,
            "vocabulary_size": self.vocabulary_size_ if self._reads_tokens else 0,
            "hidden_sizes": tuple(self._hidden_sizes()),
            "dropout": self._dropout(),
            "recurrent_dropout": float(self.recurrent_dropout),
            "convolutional": self._branch(),
            "scaled_output": self.out_activation_ == "identity",
            "has_missing": self.missing == "mask" and not self._reads_tokens,
            **{name: getattr(self, name) for name in _SHARED_BY_NETS},
        }

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        tokens = self._reads_tokens
        n_inputs = self.vocabulary_size_ if tokens else 1
        layer_sizes(self.embedding_size, "embedding_size", n_inputs=n_inputs)
        settings = self._settings(rows.x.shape[1], self.n_outputs_)
        own_scale = not tokens and wants_own_scale(self.own_scale, rows.x)
        window = window_options(self, rows.x.shape[1:])
        net = RecurrentNet(**settings, own_scale=own_scale, window=window).double()
        initialize(net, rng)
        start_at_skip(window, [net.head])
        return net

    def _check_parameters(self) -> None:
        self._hidden_sizes()
        self._branch()
        if self.missing == "mask" and self._reads_tokens:
            raise ValueError(
                "missing='mask' is for series of numbers: with a vocabulary_size nothing is "
                "missing, and padding has the id 0."
            )
        known = self.__dict__.get("net_")
        if self.warm_start and known is not None:
            self._compare_nets(known.module_.config)

    def _compare_nets(self, config: dict[str, Any]) -> None:
        """Raise if a warm start needs another network."""
        if self._reads_tokens != bool(config["vocabulary_size"]):
            raise ValueError(
                "warm_start can only be used with the same kind of input as in the previous call "
                f"to fit, now vocabulary_size={self.vocabulary_size!r}."
            )
        settings = self._settings(config["n_channels"], config["n_outputs"])
        for name in (*_SHARED_BY_NETS, "hidden_sizes", "convolutional"):
            if settings[name] != config[name]:
                shown = "hidden_layer_sizes" if name == "hidden_sizes" else name
                raise ValueError(
                    f"warm_start can only be used with the {shown} of the previous call to fit. "
                    f"Previously got {config[name]}, now {settings[name]}."
                )
        check_same_window(self, config["window"])

    # --- training --------------------------------------------------------------------------

    def _recipe(self, plan: Plan) -> engine.Recipe:
        n_samples, size, epochs = plan.train.n_rows, self.batch_size, self.max_iter
        if size != "auto":
            size = capped_batch_size(size, n_samples)
        else:
            size = SMALL_BATCH if BATCH < n_samples <= SMALL_SET else min(BATCH, n_samples)
        if epochs == "auto":
            n_steps = TOKEN_STEPS if self._reads_tokens else SERIES_STEPS
            epochs = epochs_of_steps(
                n_steps, n_batches(n_samples, size), FEWEST_EPOCHS, MOST_EPOCHS
            )
        patience = self.n_iter_no_change
        if not plan.stops_early and self.learning_rate in engine.BOUNDED_SCHEDULES:
            patience = math.inf  # while a planned rate is high the loss may well rise
        elif self.learning_rate in ("one_cycle", "one-cycle"):
            patience = max(patience, WARM_UP * epochs)
        return engine.Recipe.of(
            self,
            batch_size=size,
            max_iter=epochs,
            n_iter_no_change=patience,
            draws_noise=bool(self._dropout() or self.recurrent_dropout),
            uses=_mean_length(plan.train.x),
        )

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        module = task.net.module_
        if not task.mode.resumed:
            self._learn_scales(task)
        window = {"window": MIXED_WINDOW} if module.branch is not None else {}
        gradient = weighing(module, plain_gradient(module, task))
        batches = make_batches(self, task, **window)
        return [single_phase(self, task, past, gradient=gradient, batches=batches)]

    def _learn_scales(self, task: Task) -> None:
        """Set the scales of inputs and outputs in the network."""
        module, (x, target, weight) = task.net.module_, task.data
        if not self._reads_tokens:
            mean, spread = channel_statistics(x, weight)
            module.standardize.mean.copy_(mean)
            module.standardize.scale.copy_(1 / spread)
        if module.window is not None:
            target = learn_window(module, lambda x: _normed(module, x), task.data, self._units)
        if module.output is not None:
            mean, spread = channel_statistics(target[:, :, None], weight)
            module.output.shift.copy_(mean)
            module.output.scale.copy_(spread)

    # --- prediction ------------------------------------------------------------------------

    @piece_by_piece
    def transform(self, X: Any) -> np.ndarray:
        """Return the features of each sequence: the input of the last layer.

        Parameters
        ----------
        X : array-like, Tensor or list of array-like
            Sequences like those of `fit`.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out)
            The pooled outputs of the recurrent layers (forward, then backward), then those of
            the convolutional branch.
        """
        check_is_fitted(self)
        module = self.net_.module_
        with torch.inference_mode():
            checked, x = self._placed(X)
            return to_host(self._only_finite(in_pieces(module, x, module.features), checked))

    @property
    def _n_features_out(self) -> int:
        return self.net_.module_.head.in_features

    def _scored_input(
        self, module: Any, x: Any
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
        """Standardised or embedded sequences, and the function that gives their raw scores."""
        x, lengths = x if isinstance(x, tuple) else (x, None)
        embedded = module.embed(x).permute(1, 2, 0)
        return embedded, lambda x: module.scored(x.permute(2, 0, 1), lengths)


def _normed(module: Any, x: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Series as the window of a network has them, and their units."""
    x, lengths = x if isinstance(x, tuple) else (x, None)
    return module.normed(module.embed(x), lengths)


def _mean_length(x: Any) -> int:
    """Mean number of steps of checked sequences."""
    if isinstance(x, RaggedRows):
        return max(1, len(x.values) // len(x.lengths))
    return x.shape[2]
