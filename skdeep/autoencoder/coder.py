"""What the encoders of `Autoencoder` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.base.rows import Plan, Rows, Task

BOUNDED = ("cross_entropy", "mixed")
"""Losses whose output is a probability."""


@dataclass(frozen=True)
class Coder:
    """The work of an `Autoencoder` that depends on what a row is.

    A subclass reads rows, makes the network and runs it. It keeps nothing of what it computes.

    Attributes
    ----------
    of : Autoencoder
        The estimator whose parameters and network it uses.
    """

    of: Any

    @property
    def input(self) -> Any:
        """How X is read."""
        raise NotImplementedError

    def sizes(self) -> tuple[list[int], list[int]]:
        """Hidden layers of the encoder (the code last) and of the decoder."""
        encoder = layer_sizes(
            self.of.hidden_layer_sizes,
            "hidden_layer_sizes",
            may_be_empty=self.of.encoder == "conv",  # the maps are the code then
        )
        given = self.of.decoder_layer_sizes
        if given is None:
            return encoder, encoder[-2::-1]
        return encoder, layer_sizes(given, "decoder_layer_sizes", may_be_empty=True)

    def layers(self) -> list:
        """Kind and sizes of the network that the parameters ask for."""
        return [self.of.encoder, *self.sizes()]

    def check(self) -> None:
        """Raise where parameters contradict each other."""
        layer_sizes(self.of.n_filters, "n_filters")
        for reason, holds in self.reasons_against(*self.sizes()).items():
            if holds:
                raise ValueError(f"{reason}.")

    def reasons_against(self, encoder: list[int], decoder: list[int]) -> dict[str, Any]:
        """What makes no sense, and whether the parameters ask for it."""
        of, mirrored = self.of, decoder == encoder[-2::-1]
        n_hidden = len(encoder) + len(decoder)
        return {
            f"tied=True needs a mirrored decoder, got {encoder} and {decoder}": (
                of.tied and not mirrored
            ),
            f"pretraining needs a mirrored decoder, got {encoder} and {decoder}": (
                of.pretraining and not mirrored
            ),
            "pretraining='rbm' needs activation='logistic' and code_activation='logistic', whose "
            f"units are probabilities; got {of.activation!r} and {of.code_activation!r}": (
                of.pretraining == "rbm" and {of.activation, of.code_activation} != {"logistic"}
            ),
            "sparsity='kl' needs code_activation='logistic', whose units are probabilities; got "
            f"{of.code_activation!r}": of.sparsity == "kl" and of.code_activation != "logistic",
            f"noise_rate={of.noise_rate} is the share of values that noise={of.noise!r} "
            "corrupts: expected at most 1": (
                of.noise in ("masking", "salt_and_pepper") and of.noise_rate > 1
            ),
            f"loss={of.loss!r} has its own output: leave output_activation='identity', got "
            f"{of.output_activation!r}": (
                of.loss in BOUNDED and of.output_activation != "identity"
            ),
            f"transform_layer={of.transform_layer}: expected 'code' or a number up to "
            f"{n_hidden}, the number of hidden layers": (
                of.transform_layer != "code" and of.transform_layer > n_hidden
            ),
        }

    def penalties(self) -> dict[str, Any]:
        """Options of the loss for what the code costs."""
        of, weight = self.of, float(self.of.sparsity_weight)
        return {
            "l1": weight if of.sparsity == "l1" else 0.0,
            "kl": weight if of.sparsity == "kl" else 0.0,
            "kl_target": float(of.sparsity_target),
            "contraction": float(of.contraction),
        }

    # --- training --------------------------------------------------------------------------

    def facts(self, X: Any, x: Any) -> dict[str, Any]:
        """Attributes that the estimator has from X as given and as checked rows."""
        raise NotImplementedError

    def checked(self, rows: Rows) -> Rows:
        """Rows whose values suit the loss, with their target."""
        raise NotImplementedError

    def module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        """The network for the rows, with its initial weights."""
        raise NotImplementedError

    def loss(self) -> torch.nn.Module:
        """The loss of the network."""
        raise NotImplementedError

    def recipe(self, plan: Plan) -> dict[str, Any]:
        """Fields of the recipe that depend on the network."""
        return {}

    def phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        """The phases of training."""
        raise NotImplementedError

    # --- after training --------------------------------------------------------------------

    @property
    def n_codes(self) -> int:
        """Number of columns of `encode`."""
        raise NotImplementedError

    def encode(self, X: Any) -> np.ndarray:
        """Codes of rows."""
        raise NotImplementedError

    def decode(self, codes: np.ndarray, lengths: Any) -> Any:
        """Rows from checked codes."""
        raise NotImplementedError

    def reconstruct(self, X: Any) -> Any:
        """Rows, encoded and decoded."""
        raise NotImplementedError

    def score(self, X: Any) -> np.ndarray:
        """Minus the loss of each row."""
        raise NotImplementedError
