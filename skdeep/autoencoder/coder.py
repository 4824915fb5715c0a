"""Coders, which do what depends on the encoder of an `Autoencoder`; that of dense encoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skdeep import engine, losses
from skdeep._checks import layer_sizes
from skdeep.autoencoder.pretraining import pretrain
from skdeep.base.learning import Plan, Task
from skdeep.base.training import single_phase
from skdeep.inputs.rows import VECTORS, RowInput, Rows, to_host
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.blocks import initialize

BOUNDED = ("cross_entropy", "mixed")
"""Losses whose output is a probability."""


@dataclass(frozen=True)
class Coder:
    """Part of an `Autoencoder` that depends on the kind of rows.

    A subclass reads rows, creates the network and runs it, without a state of its own: it has the
    methods of `DenseCoder`.

    Attributes
    ----------
    of : Autoencoder
        The estimator whose parameters and network it uses.
    """

    of: Any

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
        """Kind and layer sizes that the parameters request."""
        return [self.of.encoder, *self.sizes()]

    def check(self) -> None:
        """Raise where parameters contradict each other."""
        layer_sizes(self.of.n_filters, "n_filters")
        for reason, holds in self.reasons_against(*self.sizes()).items():
            if holds:
                raise ValueError(f"{reason}.")

    def reasons_against(self, encoder: list[int], decoder: list[int]) -> dict[str, Any]:
        """Contradictions, and whether the parameters have them."""
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
        """Loss options of the penalties on the code."""
        of, weight = self.of, float(self.of.sparsity_weight)
        return {
            "l1": weight if of.sparsity == "l1" else 0.0,
            "kl": weight if of.sparsity == "kl" else 0.0,
            "kl_target": float(of.sparsity_target),
            "contraction": float(of.contraction),
        }

    def recipe(self, plan: Plan) -> dict[str, Any]:
        """Fields of the recipe that depend on the network."""
        return {}


@dataclass(frozen=True)
class DenseCoder(Coder):
    """Coder of `Autoencoder` with ``encoder='dense'``."""

    @property
    def input(self) -> RowInput:
        """How X is read."""
        return VECTORS

    def reasons_against(self, encoder: list[int], decoder: list[int]) -> dict[str, Any]:
        shape = self.of.image_shape
        return super().reasons_against(encoder, decoder) | {
            f"image_shape={shape} requires encoder='conv', got encoder='dense'": shape is not None
        }

    # --- training --------------------------------------------------------------------------

    def facts(self, X: Any, x: Any) -> dict[str, Any]:
        """Fitted attributes computed from X as given and as checked."""
        binary = []
        if self.of.loss == "mixed":
            host = to_host(x)
            binary = ((host == 0) | (host == 1)).all(0).tolist()
        return {"input_shape_": (x.shape[1],), "_is_binary": binary}

    def checked(self, rows: Rows) -> Rows:
        """Check the range of the rows for the loss; return rows with their target."""
        x = rows.x
        if self.of.loss == "cross_entropy" and (x.min() < 0 or x.max() > 1):
            raise ValueError(
                f"loss='cross_entropy' needs values in [0, 1], got {float(x.min()):.3g} to "
                f"{float(x.max()):.3g}: scale X, with MinMaxScaler for example."
            )
        return rows

    def module(self, rows: Rows, rng: np.random.RandomState) -> AutoencoderNet:
        """Network for the rows, with initial weights."""
        of, (encoder, decoder) = self.of, self.sizes()
        host, n_features = to_host(rows.x), rows.x.shape[1]
        salted = of.noise == "salt_and_pepper"
        low, high = (host.min(0), host.max(0)) if salted else ((), ())
        net = AutoencoderNet(
            [n_features, *encoder],
            [encoder[-1], *decoder, n_features],
            of.activation,
            of.code_activation,
            of.output_activation,
            of.tied,
            of.noise,
            of.noise_rate,
            low,
            high,
            gives_code=of.sparsity is not None,
            gives_jacobian=of.contraction > 0,
        ).double()
        initialize(net, of.weight_init, rng, factor=2.0 if of.activation == "logistic" else 6.0)
        if of.pretraining is not None:
            device = engine.resolve_device(of.device, rows.x)
            net = net.to(self.input.precision(of.dtype, rows.x, device)).to(device)
            pretrain(of, net, host, rng)
        return net

    def loss(self) -> losses.Reconstruction:
        """Loss of the network."""
        return losses.Reconstruction(self.of.loss, self.of._is_binary, **self.penalties())

    def phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        """Phases of training."""
        return [single_phase(self.of, task, past)]

    # --- after training --------------------------------------------------------------------

    def _layer(self) -> int:
        """Number of the layer that `transform` returns."""
        self.of._check_parameters()
        layer = self.of.transform_layer
        return len(self.sizes()[0]) if layer == "code" else int(layer)

    def _width(self) -> int:
        config = self.of.net_.module_.config
        return max(*config["encoder_units"], *config["decoder_units"])

    @property
    def n_codes(self) -> int:
        """Number of columns of `encode`."""
        config = self.of.net_.module_.config
        return [*config["encoder_units"], *config["decoder_units"][1:]][self._layer()]

    def encode(self, X: Any) -> np.ndarray:
        """Codes of rows."""
        X, layer = self.of._checked(X), self._layer()
        return self.of._run(X, lambda module, x: module.run(x, 0, layer), self._width())

    def decode(self, codes: Any, lengths: Any) -> np.ndarray:
        """Decode checked codes."""
        layer = self._layer()

        def decode(module: Any, z: torch.Tensor) -> torch.Tensor:
            return self._restored(module.run(z, layer, module.n_layers))

        return self.of._run(codes, decode, self._width())

    def reconstruct(self, X: Any) -> np.ndarray:
        """Encode and decode rows."""
        X = self.of._checked(X)
        return self.of._run(X, lambda module, x: self._restored(module(x)), self._width())

    def score(self, X: Any) -> np.ndarray:
        """Negative loss of each row."""
        X, loss = self.of._checked(X), self.of.net_.criterion_
        return self.of._run(X, lambda module, x: -loss(module(x), x), self._width())

    def _restored(self, raw: torch.Tensor) -> torch.Tensor:
        if self.of.loss == "cross_entropy":
            return torch.sigmoid(raw)
        if self.of.loss == "mixed":
            binary = torch.tensor(self.of._is_binary, device=raw.device)
            return torch.where(binary, torch.sigmoid(raw), raw)
        return raw
