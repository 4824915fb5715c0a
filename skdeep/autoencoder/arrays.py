"""What `Autoencoder` does with rows that are pictures, signals or series."""

import math

import numpy as np
import torch
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import column_or_1d

from skdeep import losses
from skdeep.base.training import weighing
from skdeep.data.batches import LengthBatches
from skdeep.data.pieces import channel_statistics, in_pieces, pieces
from skdeep.data.rows import MappedRows, PaddedRows, RaggedRows
from skdeep.inputs.array_checks import chunks_of
from skdeep.inputs.old_arrays import ArrayInput
from skdeep.inputs.rows import to_host
from skdeep.inputs.sequences import like_series
from skdeep.losses.reduce import weighted_mean
from skdeep.nets.array_autoencoder import (
    CROSS_ENTROPY,
    STANDARDIZED,
    ConvAutoencoderNet,
    SequenceAutoencoderNet,
    initialize,
)
from skdeep.parameters.sizes import layer_sizes

_SERIES_AT_A_TIME = 256  # that are made of codes
_RANKS = {"dense": (2,), "conv": (2, 3, 4), "lstm": (2, 3)}


class ArrayAutoencoding(ArrayInput):
    """Methods of `Autoencoder` for ``encoder='conv'`` and 'lstm'.

    It stands left of `DenseAutoencoding`; where rows are vectors each method hands on to that.
    """

    @property
    def _ranks(self):
        return _RANKS[self.encoder]

    @property
    def _reads_vectors(self):
        return self.encoder == "dense"

    # --- before training -------------------------------------------------------------------

    def _reasons_against(self, encoder, decoder):
        shared = super()._reasons_against(encoder, decoder)
        kind = f"encoder={self.encoder!r}"
        self._filters()
        if self._reads_vectors:
            return shared | {
                f"image_shape={self.image_shape} is for encoder='conv'": self.image_shape
                is not None
            }
        dense_only = {
            "tied=True": self.tied,
            f"pretraining={self.pretraining!r}": self.pretraining,
            f"contraction={self.contraction}": self.contraction,
            f"transform_layer={self.transform_layer}": self.transform_layer != "code",
            f"weight_init={self.weight_init!r}": self.weight_init != "auto",
            "loss='mixed'": self.loss == "mixed",
        }
        reasons = {
            f"{option} is about dense layers and their columns: it cannot be had with {kind}": holds
            for option, holds in dense_only.items()
        }
        return (
            reasons
            | {
                f"image_shape={self.image_shape} is for encoder='conv', got {kind}": (
                    self.encoder == "lstm" and self.image_shape is not None
                ),
                f"decoder_layer_sizes={decoder} with hidden_layer_sizes=(): the maps of the "
                "convolutions are the code, and no dense layer follows": decoder and not encoder,
            }
            | shared
        )

    def _filters(self):
        return layer_sizes(self.n_filters, "n_filters")

    def _wanted_layers(self):
        wanted = super()._wanted_layers()
        return [*wanted, self._filters()] if self.encoder == "conv" else wanted

    def _fitted_layers(self, module):
        config = module.config
        sizes = [list(config["encoder_units"]), list(config["decoder_units"])]
        if isinstance(module, ConvAutoencoderNet):
            return ["conv", *sizes, list(config["n_filters"])]
        if isinstance(module, SequenceAutoencoderNet):
            return ["lstm", *sizes]
        return super()._fitted_layers(module)

    def _check_training_data(self, X, y, *, reset):
        if self._reads_vectors:  # checked as tables are: past `ArrayInput`
            X, target = super(ArrayInput, self)._check_training_data(X, y, reset=reset)
            if reset:
                self.input_shape_ = (self.n_features_in_,)
            return X, target
        rows = self._check_arrays(X, reset=reset)
        if reset:
            self._unit = _unit(rows)
            self._row_shape = None if isinstance(rows, RaggedRows) else _row_shape(X)
        self._check_bounds(rows)
        return rows, np.empty((len(rows), 0))

    def _check_arrays(self, X, *, reset):
        rows = super()._check_arrays(X, reset=reset)
        if self.encoder == "conv" and isinstance(rows, RaggedRows):
            raise ValueError(
                "encoder='conv' needs series of one length, as one array (n_samples, length, "
                "n_channels): series of unequal length, and lists of series, are for "
                "encoder='lstm'."
            )
        return rows

    def _check_bounds(self, X):
        if self._reads_vectors:
            super()._check_bounds(X)
        elif self.loss == "cross_entropy":
            low, high = (bounds / self._unit for bounds in _bounds_of_channels(X))
            if low.min() < 0 or high.max() > 1:
                raise ValueError(
                    "loss='cross_entropy' needs values in [0, 1], or bytes, got "
                    f"{low.min():.3g} to {high.max():.3g}: scale X."
                )

    def _encode_target(self, y, resumed, incremental):
        if self._reads_vectors:
            return super()._encode_target(y, resumed, incremental)
        self.out_activation_ = (
            "logistic" if self.loss == "cross_entropy" else self.output_activation
        )
        self.n_outputs_ = math.prod(n for n in self.input_shape_ if n)
        return y

    # --- network and training --------------------------------------------------------------

    def _look_at(self, X):
        if self._reads_vectors:
            super()._look_at(X)
            return
        self._range = ((), ())
        if self.noise == "salt_and_pepper":
            self._range = tuple((bounds / self._unit).tolist() for bounds in _bounds_of_channels(X))

    def _make_module(self, shape, n_outputs, rng):
        if self._reads_vectors:
            return super()._make_module(shape, n_outputs, rng)
        encoder, decoder = self._sizes()
        output = self.output_activation
        if self.loss == "cross_entropy":
            output = CROSS_ENTROPY
        elif output == "identity":
            output = STANDARDIZED
        options = {
            "code_activation": self.code_activation,
            "output": output,
            "unit": self._unit,
            "noise": self.noise,
            "noise_rate": float(self.noise_rate),
            "low": self._range[0],
            "high": self._range[1],
        }
        if self.encoder == "lstm":
            net = SequenceAutoencoderNet(shape, encoder, decoder, **options)
        else:
            net = ConvAutoencoderNet(
                shape, self._filters(), encoder, decoder, self.activation, **options
            )
        initialize(net.double(), rng)
        return net

    def _make_loss(self):
        if self._reads_vectors:
            return super()._make_loss()
        return losses.ArrayReconstruction(self.loss, **self._penalties())

    def _tensors(self, net, X, target, weight):
        x, target, weight = super()._tensors(net, X, target, weight)
        if not self._reads_vectors:  # the network itself says what it should have restored
            target = torch.empty((len(x), 0), device=x.device)
        return x, target, weight

    def _train(self, net, data, validation, rng, mode, report):
        if not (self._reads_vectors or mode.resumed):
            module = net.module_
            mean, deviation = channel_statistics(data[0], data[2])
            module.learn_scale(mean / module.unit, deviation / module.unit)
        return super()._train(net, data, validation, rng, mode, report)

    def _make_batches(self, net, data, rng):
        if not isinstance(data[0], PaddedRows):
            return super()._make_batches(net, data, rng)
        lengths = to_host(data[0].lengths)
        return LengthBatches(*data, batch_size=net.batch_size, lengths=lengths)

    def _smallest_batch(self):
        return 2 if self.encoder == "conv" else 1  # batch normalisation

    def _make_step(self, net):
        step = super()._make_step(net)
        step.gradient = weighing(net.module_, step.gradient)
        return step

    def _make_validator(self, net, validation, with_score):
        if self._reads_vectors or validation is None:
            return super()._make_validator(net, validation, with_score)
        x, _, weight = validation

        def validate():
            with torch.inference_mode():
                loss = float(weighted_mean(self._row_losses(net, x), weight))
            return loss, -loss if with_score else None

        return validate

    def _row_losses(self, net, x):
        return in_pieces(net.module_, x, lambda rows: net.criterion_(net.module_(rows), None))

    def _uses_of_parameters(self, net):
        if self._reads_vectors:
            return super()._uses_of_parameters(net)
        places = math.prod(n or 100 for n in net.module_.shape[1:])
        return net.n_parameters * (places if self.encoder == "lstm" else places / 8)

    # --- after training --------------------------------------------------------------------

    @property
    def _n_features_out(self):
        return super()._n_features_out if self._reads_vectors else self.net_.module_.n_code

    def _input(self, X):
        """Checked X where the network lives."""
        parameter = next(self.net_.module_.parameters())
        X = self._check_arrays(X, reset=False)
        return self._as_input(X, parameter.dtype, parameter.device)

    @torch.inference_mode()
    def _encoded(self, X):
        if self._reads_vectors:
            return super()._encoded(X)
        module, x = self.net_.module_, self._input(X)
        return to_host(self._only_finite(in_pieces(module, x, module.encode), x))

    @torch.inference_mode()
    def _reconstructed(self, X):
        if self._reads_vectors:
            return super()._reconstructed(X)
        module, x = self.net_.module_, self._input(X)
        if not isinstance(x, PaddedRows):
            made = in_pieces(module, x, lambda rows: module.restored(module(rows)[0]))
            return self._as_given(self._only_finite(made, x), _row_shape(X))
        out = [None] * len(x)
        for rows in pieces(module, x):
            batch, lengths = x[rows.to(x.device)]
            made = self._only_finite(module.restored(module((batch, lengths))[0]), batch)
            made = to_host(made)
            for row, values, length in zip(rows.tolist(), made, lengths.tolist()):
                out[row] = values[:, :length].T
        return like_series(X, out, self.data_format)

    @torch.inference_mode()
    def _decoded(self, codes, lengths):
        is_ragged = None in self.input_shape_
        if lengths is not None and not is_ragged:
            raise ValueError(
                f"lengths={lengths!r}: rows of `fit` were of one shape, and so are those made of "
                "codes; expected None."
            )
        if self._reads_vectors:
            return super()._decoded(codes, lengths)
        module = self.net_.module_
        parameter = next(module.parameters())
        z = torch.as_tensor(codes, dtype=parameter.dtype, device=parameter.device)
        if not is_ragged:
            sides = module.shape[1:]
            as_large = z.view(*z.shape, *[1] * len(sides)).expand(*z.shape, *sides)
            made = [
                module.restored(module.decode(z[rows.to(z.device)], None, sides[-1]))
                for rows in pieces(module, as_large)  # as many as of the rows themselves
            ]
            return self._as_given(self._only_finite(torch.cat(made), z), self._row_shape)
        lengths = _checked_lengths(lengths, codes)
        out = []
        for start in range(0, len(z), _SERIES_AT_A_TIME):
            rows = slice(start, start + _SERIES_AT_A_TIME)
            steps = torch.as_tensor(lengths[rows], device=z.device)
            made = module.restored(module.decode(z[rows], steps, int(steps.max())))
            made = self._only_finite(made, z)
            out += [values[:, :n].T for values, n in zip(to_host(made), lengths[rows])]
        return [row.T for row in out] if self.data_format == "channels_first" else out

    @torch.inference_mode()
    def _scores(self, X):
        if self._reads_vectors:
            return super()._scores(X)
        x = self._input(X)
        return to_host(self._only_finite(-self._row_losses(self.net_, x), x))

    def _as_given(self, made, row_shape):
        """Rows with channels first in the user's layout."""
        made = to_host(made)
        if self.data_format == "channels_last":
            made = np.moveaxis(made, 1, -1)
        return np.ascontiguousarray(made).reshape(len(made), *row_shape)


def _row_shape(X):
    """Shape of one row as the user gave it."""
    return tuple(X.shape[1:]) if hasattr(X, "shape") else np.asarray(X).shape[1:]


def _unit(X):
    """What the numbers of checked rows are divided by: 255 for bytes."""
    return 255.0 if str(X.dtype).removeprefix("torch.") == "uint8" else 1.0


def _bounds_of_channels(X):
    """Smallest and largest value of each channel of checked rows."""
    if isinstance(X, RaggedRows):
        return X.values.min(0), X.values.max(0)
    parts = chunks_of(X.array) if isinstance(X, MappedRows) else [to_host(X)]
    axes = (0, *range(2, len(X.shape)))
    bounds = [(part.min(axes), part.max(axes)) for part in parts]
    return np.min([low for low, _ in bounds], 0), np.max([high for _, high in bounds], 0)


def _checked_lengths(lengths, codes):
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
