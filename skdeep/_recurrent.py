"""What the recurrent classifier and regressor share: the network, its batches, what is in it."""

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdeep._base import DeepEstimator
from skdeep._sequences import SequenceInput
from skdeep._validation import to_host
from skdeep.data.batches import Batches, LengthBatches
from skdeep.data.rows import PaddedRows
from skdeep.nets.conv import BatchNorm, set_row_weight
from skdeep.nets.recurrent import RecurrentNet, initialize

BATCH = 64
STEPS = 800
"""Training steps that ``max_iter='auto'`` is good for: where the accuracy on held-out rows of the
film reviews and of the small series sets stopped growing."""
FEWEST_EPOCHS = 3
BRANCH = ((64, 7), (64, 5), (64, 3))
"""``convolutional='auto'`` for numbers: LSTM-FCN's three layers (Karim et al., 2018) with a half
to a quarter of its filters, which take a tenth of the time, and odd kernels instead of 8."""
_PIECE = {"cpu": 256}  # rows in a forward pass; a GPU takes more
_SHARED_BY_NETS = ("cell", "bidirectional", "pooling", "embedding_size")


class DeepSequence(SequenceInput, ClassNamePrefixFeaturesOutMixin, TransformerMixin, DeepEstimator):
    """Base of the recurrent estimators; a subclass adds the constructor and the target."""

    # What `DeepEstimator` leaves to the parameters of a perceptron is settled here.
    l1_ratio, power_t = 0.0, 0.5
    momentum, nesterovs_momentum = 0.9, True
    _has_scaled_output = False

    # --- the network -----------------------------------------------------------------------

    def _hidden_sizes(self):
        sizes = [int(n) for n in np.atleast_1d(self.hidden_layer_sizes)]
        if not sizes or min(sizes) < 1:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r}: expected one positive number "
                "for each recurrent layer."
            )
        return sizes

    def _branch(self):
        """(filters, kernel size) of each layer of the convolutional branch."""
        if isinstance(self.convolutional, str):
            return () if self._reads_tokens else BRANCH
        if self.convolutional is None:
            return ()
        layers = [tuple(np.atleast_1d(layer).tolist()) for layer in self.convolutional]
        if not all(len(p) == 2 and p[0] > 0 and p[1] > 0 and p[1] % 2 == 1 for p in layers):
            raise ValueError(
                f"convolutional={self.convolutional!r}: expected 'auto', None or a pair (filters, "
                "kernel_size) for each layer, with positive numbers and an odd kernel size."
            )
        return tuple(layers)

    def _settings(self, n_channels, n_outputs):
        return {
            "n_channels": 1 if self._reads_tokens else n_channels,
            "n_outputs": n_outputs,
            "vocabulary_size": self.vocabulary_size_ if self._reads_tokens else 0,
            "hidden_sizes": tuple(self._hidden_sizes()),
            "dropout": float(self.dropout),
            "recurrent_dropout": float(self.recurrent_dropout),
            "convolutional": self._branch(),
            "scaled_output": self._has_scaled_output,
            "has_missing": self.missing == "mask" and not self._reads_tokens,
            **{name: getattr(self, name) for name in _SHARED_BY_NETS},
        }

    def _make_module(self, shape, n_outputs, rng):
        net = RecurrentNet(**self._settings(shape[0], n_outputs)).double()
        initialize(net, rng)
        return net

    def _check_combinations(self):
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

    def _compare_nets(self, config):
        """Raise where a warm start would need another network."""
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

    def _draws_noise(self):
        return bool(self.dropout or self.recurrent_dropout)

    # --- training --------------------------------------------------------------------------

    def _most_epochs(self):
        return None if self.max_iter == "auto" else self.max_iter

    def _n_epochs(self, batches):
        if self.max_iter != "auto":
            return self.max_iter
        return max(FEWEST_EPOCHS, -(-STEPS // len(batches)))

    def _batch_size(self, n_samples):
        return (
            min(BATCH, n_samples) if self.batch_size == "auto" else super()._batch_size(n_samples)
        )

    def _patience_limit(self, mode):
        return self.n_iter_no_change if mode.stops_early else np.inf

    def _make_batches(self, data, batch_size):
        if isinstance(data[0], PaddedRows):
            lengths = data[0].lengths.cpu().numpy()
            return LengthBatches(*data, batch_size=batch_size, lengths=lengths)
        return Batches(*data, batch_size=batch_size)

    def _uses_of_parameters(self, net):
        rows = getattr(net, "_mean_length", 1)
        return net.n_parameters * rows

    def _make_step(self, net):
        step = super()._make_step(net)
        if any(isinstance(layer, BatchNorm) for layer in net.module_.modules()):
            step.gradient = _Weighing(net.module_, step.gradient)
        return step

    def _train(self, net, data, validation, rng, mode, report):
        if not mode.resumed:
            self._learn_scales(net.module_, data)
        net._mean_length = _mean_length(data[0])
        return super()._train(net, data, validation, rng, mode, report)

    def _learn_scales(self, module, data):
        """Give the network the mean and the spread of what comes in and of what goes out."""
        x, target, weight = data
        if not self._reads_tokens:
            mean, spread = moments(_pieces_of(x, weight))
            module.standardize.mean.copy_(mean)
            module.standardize.scale.copy_(1 / spread)
        if self._has_scaled_output:
            mean, spread = moments([(target, weight)])
            module.output.shift.copy_(mean)
            module.output.scale.copy_(spread)

    # --- prediction ------------------------------------------------------------------------

    def _forward(self, module, x):
        return self._in_pieces(module, x)

    def _in_pieces(self, function, x):
        """`function` of all rows, those of about the same length together."""
        n = x.shape[0]
        device = x.device
        size = _PIECE.get(torch.device(device).type, 2048)
        if not isinstance(x, PaddedRows):
            return torch.cat([function(x[i : i + size]) for i in range(0, n, size)])
        order = torch.argsort(x.lengths, stable=True)
        out = torch.cat([function(x[rows]) for rows in order.split(size)])
        return out[torch.argsort(order)]

    def transform(self, X):
        """Return what the last layer sees of each sequence.

        Parameters
        ----------
        X : array-like, list of arrays, or Tensor
            Sequences as in `fit`.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out)
            The pooled outputs of the recurrent layers (forward, then backward), then those of
            the convolutional branch.
        """
        check_is_fitted(self)
        module = self.net_.module_
        parameter = next(module.parameters())
        with torch.inference_mode():
            x = self._as_input(self._check_inputs(X), parameter.dtype, parameter.device)
            return to_host(self._in_pieces(module.features, x))

    @property
    def _n_features_out(self):
        return self.net_.module_.head.in_features


class _Weighing:
    """A gradient for networks whose normalisation must know the weights of the rows."""

    def __init__(self, module, gradient):
        self.module, self.gradient = module, gradient

    def __call__(self, x, target, weight):
        set_row_weight(self.module, weight)
        try:
            return self.gradient(x, target, weight)
        finally:
            set_row_weight(self.module, None)


def _mean_length(x):
    if isinstance(x, PaddedRows):
        return max(1, len(x.values) // len(x.lengths))
    return x.shape[2]


def _pieces_of(x, weight, size=1024):
    """Values of shape (n_values, n_channels) with their weights, piece by piece."""
    for start in range(0, x.shape[0], size):
        rows = slice(start, start + size)
        piece = x[rows]
        w = None if weight is None else weight[rows]
        if isinstance(piece, tuple):
            piece, lengths = piece
            inside = torch.arange(piece.shape[2], device=piece.device) < lengths[:, None]
        else:
            inside = torch.ones(len(piece), piece.shape[2], dtype=torch.bool, device=piece.device)
        w = None if w is None else w[:, None].expand(inside.shape)[inside]
        yield piece.transpose(1, 2)[inside], w


def moments(pieces):
    """Weighted mean and standard deviation of each column; NaN does not count.

    Parameters
    ----------
    pieces : iterable of (Tensor of shape (n_rows, n_columns), Tensor of shape (n_rows,) or None)

    Returns
    -------
    mean, spread : Tensor of float64 of shape (n_columns,)
        The spread of a column that is constant, or never there, is 1.
    """
    total = shift = None
    for x, weight in pieces:
        x = x.to(torch.float64 if x.device.type != "mps" else torch.float32)
        weight = x.new_ones(len(x)) if weight is None else weight.to(x.dtype)
        there = ~torch.isnan(x)
        if shift is None:  # near the mean, so that the difference of squares below is exact
            shift = torch.nan_to_num(x[:1].mean(0), nan=0.0)
        x = torch.where(there, x - shift, x.new_zeros(()))
        weight = weight[:, None] * there
        sums = torch.stack([weight.sum(0), (weight * x).sum(0), (weight * x * x).sum(0)])
        total = sums if total is None else total + sums
    count = total[0].clamp(min=torch.finfo(total.dtype).tiny)
    mean = total[1] / count
    variance = (total[2] / count - mean.square()).clamp(min=0)
    spread = variance.sqrt()
    floor = 1e-7 * torch.maximum(mean.abs(), (mean + shift).abs())
    return mean + shift, torch.where(spread > floor, spread, torch.ones_like(spread))
