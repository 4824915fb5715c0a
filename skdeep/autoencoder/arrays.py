"""Autoencoders of rows that are images, signals or series."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skdeep import engine, losses
from skdeep._checks import layer_sizes
from skdeep.autoencoder.coder import Coder
from skdeep.base.learning import Plan, Task, Validator
from skdeep.base.training import plain_gradient, single_phase
from skdeep.data.pieces import channel_statistics, in_pieces, pieces
from skdeep.data.rows import MappedRows, PaddedRows, RaggedRows
from skdeep.inputs.array_checks import chunks_of
from skdeep.inputs.arrays import ArrayInput
from skdeep.inputs.rows import Rows, to_host
from skdeep.inputs.sequences import like_series
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.array_autoencoder import (
    CROSS_ENTROPY,
    STANDARDIZED,
    ArrayAutoencoder,
    ConvAutoencoderNet,
    SequenceAutoencoderNet,
    initialize,
)
from skdeep.nets.batch_norm import weighing

_SERIES_AT_A_TIME = 256  # that are decoded
_USUAL_LENGTH = 100  # of series of unequal length, for an estimate of the work


@dataclass(frozen=True, kw_only=True)
class _EvenInput(ArrayInput):
    """Reader of images, signals and series of equal length."""

    def check(self, estimator: Any, X: Any, *, reset: bool = False) -> Any:
        rows = super().check(estimator, X, reset=reset)
        if isinstance(rows, RaggedRows):
            raise ValueError(
                "encoder='conv' needs series of one length, as one array (n_samples, length, "
                "n_channels): series of unequal length, and lists of series, are for "
                "encoder='lstm'."
            )
        return rows


@dataclass(frozen=True)
class ArrayCoder(Coder):
    """Coder of `Autoencoder` with ``encoder='conv'`` and 'lstm'."""

    @property
    def input(self) -> ArrayInput:
        if self.of.encoder == "lstm":
            return ArrayInput.of(self.of, ranks=(2, 3))
        return _EvenInput.of(self.of)

    def layers(self) -> Any:
        sizes = super().layers()
        return [*sizes, self._filters()] if self.of.encoder == "conv" else sizes

    def _filters(self) -> list[int]:
        return layer_sizes(self.of.n_filters, "n_filters")

    def reasons_against(self, encoder: list[int], decoder: list[int]) -> Any:
        of, kind = self.of, f"encoder={self.of.encoder!r}"
        dense_only = {
            "tied=True": of.tied,
            f"pretraining={of.pretraining!r}": of.pretraining,
            f"contraction={of.contraction}": of.contraction,
            f"transform_layer={of.transform_layer}": of.transform_layer != "code",
            f"weight_init={of.weight_init!r}": of.weight_init != "auto",
            "loss='mixed'": of.loss == "mixed",
        }
        reasons = {
            f"{option} requires encoder='dense', got {kind}": holds
            for option, holds in dense_only.items()
        }
        return (
            reasons
            | {
                f"image_shape={of.image_shape} requires encoder='conv', got {kind}": (
                    of.encoder == "lstm" and of.image_shape is not None
                ),
                f"decoder_layer_sizes={decoder} with hidden_layer_sizes=(): the maps of the "
                "convolutions are the code, and no dense layer follows": decoder and not encoder,
            }
            | super().reasons_against(encoder, decoder)
        )

    # --- training --------------------------------------------------------------------------

    def facts(self, X: Any, x: Any) -> dict[str, Any]:
        row_shape = None if isinstance(x, RaggedRows) else _row_shape(X)
        return {"_row_shape": row_shape, "_unit": _unit(x)}

    def checked(self, rows: Rows) -> Rows:
        """Check the range of the rows for the loss; the network defines the target."""
        if self.of.loss == "cross_entropy":
            low, high = (bounds / self.of._unit for bounds in _bounds_of_channels(rows.x))
            if low.min() < 0 or high.max() > 1:
                raise ValueError(
                    "loss='cross_entropy' needs values in [0, 1], or bytes, got "
                    f"{low.min():.3g} to {high.max():.3g}: scale X."
                )
        return replace(rows, target=np.empty((len(rows), 0)))

    def module(self, rows: Rows, rng: np.random.RandomState) -> ArrayAutoencoder:
        of, (encoder, decoder) = self.of, self.sizes()
        shape, unit = rows.x.shape[1:], of._unit
        low, high = (), ()
        if of.noise == "salt_and_pepper":
            low, high = ((bounds / unit).tolist() for bounds in _bounds_of_channels(rows.x))
        output = of.output_activation
        if of.loss == "cross_entropy":
            output = CROSS_ENTROPY
        elif output == "identity":
            output = STANDARDIZED
        options = {
            "code_activation": of.code_activation,
            "output": output,
            "unit": unit,
            "noise": of.noise,
            "noise_rate": float(of.noise_rate),
            "low": low,
            "high": high,
        }
        net: ArrayAutoencoder
        if of.encoder == "lstm":
            net = SequenceAutoencoderNet(shape, encoder, decoder, **options)
        else:
            net = ConvAutoencoderNet(
                shape, self._filters(), encoder, decoder, of.activation, **options
            )
        initialize(net.double(), rng)
        return net

    def loss(self) -> losses.ArrayReconstruction:
        return losses.ArrayReconstruction(self.of.loss, **self.penalties())

    def recipe(self, plan: Plan) -> dict[str, Any]:
        places = math.prod(n or _USUAL_LENGTH for n in plan.train.x.shape[2:])
        if self.of.encoder == "lstm":
            return {"uses": places}
        return {"uses": places / 8, "smallest_batch": 2}  # batch normalisation

    def phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        module = task.net.module_
        if not task.mode.resumed:
            mean, deviation = channel_statistics(task.data[0], task.data[2])
            module.learn_scale(mean / module.unit, deviation / module.unit)
        return [
            single_phase(
                self.of,
                task,
                past,
                gradient=weighing(module, plain_gradient(module, task)),
                validator=None if task.held_out is None else _validator(task, task.held_out),
            )
        ]

    # --- after training --------------------------------------------------------------------

    @property
    def n_codes(self) -> int:
        return self.of.net_.module_.n_code

    def _placed(self, X: Any) -> tuple[ArrayAutoencoder, Any, Any]:
        """The network, checked rows, and the rows on its device."""
        check_is_fitted(self.of)
        return self.of.net_.module_, *self.of._placed(X)

    @torch.inference_mode()
    def encode(self, X: Any) -> np.ndarray:
        module, X, x = self._placed(X)
        return to_host(self.of._only_finite(in_pieces(module, x, module.encode), X))

    @torch.inference_mode()
    def reconstruct(self, X: Any) -> Any:
        module, checked, x = self._placed(X)
        if not isinstance(x, PaddedRows):
            made = in_pieces(module, x, lambda rows: module.restored(module(rows)[0]))
            return self._as_given(self.of._only_finite(made, checked), _row_shape(X))
        out: list[Any] = [None] * len(x)
        for rows in pieces(module, x):
            batch, lengths = x[rows.to(x.device)]
            made = self.of._only_finite(module.restored(module((batch, lengths))[0]), batch)
            made = to_host(made)
            for row, values, length in zip(rows.tolist(), made, lengths.tolist()):
                out[row] = values[:, :length].T
        return like_series(X, out, self.of.data_format)

    @torch.inference_mode()
    def decode(self, codes: Any, lengths: Any) -> Any:
        of, module = self.of, self.of.net_.module_
        parameter = next(module.parameters())
        z = torch.as_tensor(codes, dtype=parameter.dtype, device=parameter.device)
        if None not in of.input_shape_:
            sides = module.shape[1:]
            as_large = z.view(*z.shape, *[1] * len(sides)).expand(*z.shape, *sides)
            made = [
                module.restored(module.decode(z[rows.to(z.device)], None, sides[-1]))
                for rows in pieces(module, as_large)  # as many as of the rows themselves
            ]
            return self._as_given(of._only_finite(torch.cat(made), z), of._row_shape)
        lengths = _checked_lengths(lengths, codes)
        out = []
        for start in range(0, len(z), _SERIES_AT_A_TIME):
            rows = slice(start, start + _SERIES_AT_A_TIME)
            steps = torch.as_tensor(lengths[rows], device=z.device)
            made = module.restored(module.decode(z[rows], steps, int(steps.max())))
            made = of._only_finite(made, z)
            out += [values[:, :n].T for values, n in zip(to_host(made), lengths[rows])]
        return [row.T for row in out] if of.data_format == "channels_first" else out

    @torch.inference_mode()
    def score(self, X: Any) -> np.ndarray:
        _, X, x = self._placed(X)
        return to_host(self.of._only_finite(-_row_losses(self.of.net_, x), X))

    def _as_given(self, made: torch.Tensor, row_shape: tuple) -> np.ndarray:
        """Rows with channels first in the user's layout."""
        rows = to_host(made)
        if self.of.data_format == "channels_last":
            rows = np.moveaxis(rows, 1, -1)
        if math.prod(row_shape) != math.prod(rows.shape[1:]):
            row_shape = rows.shape[1:]  # of arrays in an array of objects
        return np.ascontiguousarray(rows).reshape(len(rows), *row_shape)


def _row_losses(net: engine.DeepNet, x: Any) -> torch.Tensor:
    return in_pieces(net.module_, x, lambda rows: net.criterion_(net.module_(rows), None))


def _validator(task: Task, held_out: tuple[Any, Any, Any]) -> Validator:
    """Function that returns the mean loss of held-out rows, and its negative as their score."""
    x, _, weight = held_out

    def validate() -> tuple[float, float | None]:
        with torch.inference_mode():
            loss = float(weighted_mean(_row_losses(task.net, x), weight))
        return loss, -loss if task.plan.scores else None

    return validate


def _row_shape(X: Any) -> tuple[int | None, ...]:
    """Shape of one row as given by the user."""
    return tuple(X.shape[1:]) if hasattr(X, "shape") else np.asarray(X).shape[1:]


def _unit(X: Any) -> float:
    """Divisor of the numbers of checked rows: 255 for bytes."""
    return 255.0 if str(X.dtype).removeprefix("torch.") == "uint8" else 1.0


def _bounds_of_channels(X: Any) -> Any:
    """Smallest and largest value of each channel of checked rows."""
    if isinstance(X, RaggedRows):
        return X.values.min(0), X.values.max(0)
    parts = chunks_of(X.array) if isinstance(X, MappedRows) else [to_host(X)]
    axes = (0, *range(2, len(X.shape)))
    bounds = [(part.min(axes), part.max(axes)) for part in parts]
    return np.min([low for low, _ in bounds], 0), np.max([high for _, high in bounds], 0)


def _checked_lengths(lengths: Any, codes: np.ndarray) -> Any:
    if lengths is None:
        raise ValueError(
            "The series of `fit` were of unequal length, and a code does not say how long its row "
            "was: expected lengths, one for each row."
        )
    lengths = column_or_1d(lengths)
    check_consistent_length(codes, lengths)
    if lengths.dtype.kind not in "iu" or lengths.min() < 1:
        raise ValueError(f"lengths={lengths}: expected whole numbers from 1.")
    return lengths
