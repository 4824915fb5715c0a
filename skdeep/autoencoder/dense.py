"""Autoencoders of rows that are vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skdeep import engine, losses
from skdeep.autoencoder.coder import Coder
from skdeep.autoencoder.pretraining import pretrain
from skdeep.base.rows import Rows, Task
from skdeep.base.training import single_phase
from skdeep.inputs.rows import to_host
from skdeep.inputs.vectors import VECTORS, RowInput
from skdeep.nets.autoencoder import AutoencoderNet
from skdeep.nets.blocks import initialize


@dataclass(frozen=True)
class DenseCoder(Coder):
    """What `Autoencoder` does with ``encoder='dense'``."""

    @property
    def input(self) -> RowInput:
        return VECTORS

    def reasons_against(self, encoder, decoder):
        shape = self.of.image_shape
        return super().reasons_against(encoder, decoder) | {
            f"image_shape={shape} requires encoder='conv', got encoder='dense'": shape is not None
        }

    # --- training --------------------------------------------------------------------------

    def facts(self, X, x):
        binary = []
        if self.of.loss == "mixed":
            host = to_host(x)
            binary = ((host == 0) | (host == 1)).all(0).tolist()
        return {"input_shape_": (x.shape[1],), "_is_binary": binary}

    def checked(self, rows: Rows) -> Rows:
        x = rows.x
        if self.of.loss == "cross_entropy" and (x.min() < 0 or x.max() > 1):
            raise ValueError(
                f"loss='cross_entropy' needs values in [0, 1], got {float(x.min()):.3g} to "
                f"{float(x.max()):.3g}: scale X, with MinMaxScaler for example."
            )
        return rows

    def module(self, rows: Rows, rng: np.random.RandomState) -> AutoencoderNet:
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
        return losses.Reconstruction(self.of.loss, self.of._is_binary, **self.penalties())

    def phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
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
        config = self.of.net_.module_.config
        return [*config["encoder_units"], *config["decoder_units"][1:]][self._layer()]

    def encode(self, X):
        X, layer = self.of._checked(X), self._layer()
        return self.of._run(X, lambda module, x: module.run(x, 0, layer), self._width())

    def decode(self, codes, lengths):
        layer = self._layer()

        def decode(module, z):
            return self._restored(module.run(z, layer, module.n_layers))

        return self.of._run(codes, decode, self._width())

    def reconstruct(self, X):
        X = self.of._checked(X)
        return self.of._run(X, lambda module, x: self._restored(module(x)), self._width())

    def score(self, X):
        X, loss = self.of._checked(X), self.of.net_.criterion_
        return self.of._run(X, lambda module, x: -loss(module(x), x), self._width())

    def _restored(self, raw: torch.Tensor) -> torch.Tensor:
        if self.of.loss == "cross_entropy":
            return torch.sigmoid(raw)
        if self.of.loss == "mixed":
            binary = torch.tensor(self.of._is_binary, device=raw.device)
            return torch.where(binary, torch.sigmoid(raw), raw)
        return raw
