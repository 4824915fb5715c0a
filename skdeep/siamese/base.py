"""What the siamese estimators share: one network, trained on comparisons of rows.

Classes, pairs and triplets go the same road: rows and what is known of them become batches
(`data.pairs`), whose loss (`losses.metric`) sees the embedding of every row of a batch once.
"""

import copy
import math
import warnings

import numpy as np
import torch
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skdeep import engine, losses
from skdeep.base.old_estimator import DeepEstimator, new_random_state
from skdeep.base.old_training import Mode
from skdeep.data.batches import chunks
from skdeep.data.rows import MappedRows, RaggedRows
from skdeep.data.split import split_classes
from skdeep.data.tensors import to_tensor
from skdeep.inputs.old_arrays import ArrayInput
from skdeep.inputs.rows import to_host
from skdeep.losses import unit_length
from skdeep.nets import recurrent
from skdeep.nets.conv import Standardize, draw_weights
from skdeep.nets.init import initialize
from skdeep.nets.recurrent import RecurrentNet
from skdeep.nets.siamese import ConvEmbedding, DenseEmbedding
from skdeep.parameters.sizes import layer_sizes
from skdeep.siamese.comparisons import Comparisons

_DEFAULT_LOSS = {"classes": "nt_xent", "pairs": "contrastive", "triplets": "triplet"}
_DEFAULT_MARGIN = {"contrastive": 1.0, "contrastive_squared": 1.0, "triplet": 0.2}
_RATES = {"conv": 0.01, "other": 0.005}  # of learning_rate_init='auto', by encoder
_SCALE_ROWS = 1000  # that the scale of channels is taken from


class BaseSiamese(Comparisons, ArrayInput, DeepEstimator):
    """Base of `SiameseTransformer` and `SiameseClassifier`."""

    # What `DeepEstimator` leaves to the parameters of a perceptron is settled here.
    l1_ratio, warm_start, shuffle, power_t = 0.0, False, True, 0.5
    momentum, nesterovs_momentum = 0.9, True
    _target_is_numeric = False

    def fit(self, X, y, *, X_val=None, y_val=None):
        """Learn the embedding from rows with classes.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their classes: at least two, one of them with two rows.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows whose loss is recorded after each epoch, and whose score decides under
            `early_stopping`.

        y_val : array-like of shape (n_val,), default=None
            Classes of `X_val`, each known from y.

        Returns
        -------
        self : estimator
        """
        return super().fit(X, y, X_val=X_val, y_val=y_val)

    def _fit(
        self,
        X,
        y,
        sample_weight=None,
        validation=(None, None, None),
        *,
        incremental=False,
        report=None,
        watched=False,
        in_search=False,
    ):
        X, y = self._check_training_data(X, y, reset=True)
        target = self._encode_target(y, False, False)
        validation = self._check_validation(*validation)
        rng = new_random_state(self.random_state)
        if validation is not None:
            validation = (X, target), validation[:2]
        elif self.early_stopping or watched or self._wants_held_out():
            train, held_out = split_classes(target, self.validation_fraction, rng)
            if len(held_out):
                validation = (X[train], target[train]), (X[held_out], target[held_out])
            elif self.early_stopping:
                warnings.warn(
                    "early_stopping=True has no effect: no class has enough rows for "
                    f"validation_fraction={self.validation_fraction}."
                )
            elif watched:
                warnings.warn(
                    "Pruning has no effect: no class has enough rows for "
                    f"validation_fraction={self.validation_fraction}."
                )
        known = (X, target) if validation is None else validation[0]
        stops = self.early_stopping and validation is not None
        watched = watched and validation is not None
        mode = Mode(False, False, stops, watched, in_search)
        self._learn("classes", known, validation, rng, mode, report)
        self._after_training((X, target), validation, rng)
        return self

    def _learn(self, kind, data, validation, rng, mode, report=None):
        """Train a new network on ``(X, target)`` of a kind and set the fitted attributes."""
        self._kind = kind
        self._hidden_sizes()
        X, target = data
        self._is_conv = self.encoder in ("auto", "conv") and not self._is_dense(X.shape[1:])
        device = engine.resolve_device(self.device, X)
        (self.n_outputs_,) = layer_sizes(self.n_components, "n_components")
        net = self._new_net(device, X, rng)
        largest = self._largest(X)
        if largest > math.sqrt(torch.finfo(net.dtype).max):
            raise ValueError(
                f"X holds values up to {largest:.3g}, whose squares are no numbers any more: scale "
                "it, with StandardScaler for example."
            )
        self.n_outputs_ = self._width_of_embedding(net, X)
        for layer in net.module_.modules():
            if isinstance(layer, Standardize):
                _set_scale(layer, X)
        try:
            fitted = self._train(
                net,
                self._tensors(net, X, target, None),
                None if validation is None else self._validation_tensors(net, validation),
                rng,
                mode,
                report,
            )
        except engine.NonFiniteLoss as error:
            raise ValueError(self._explain(error, X, target)) from None
        self._forget_training()
        self.__dict__.update(fitted)

    def _after_training(self, data, validation, rng):
        """Learn what is read off the embedding."""

    def _wants_held_out(self):
        """Whether rows are held out even without early stopping."""
        return False

    # --- targets ---------------------------------------------------------------------------

    def _encode_target(self, y, resumed, incremental):
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, numbers, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds 1 class, {self.classes_[0]!r}: what sets rows apart can be learnt from "
                "at least 2 classes."
            )
        if counts.max() < 2:
            raise ValueError(
                f"Each of the {len(counts)} classes in y has 1 row: what rows of a class have in "
                "common can be learnt only where some class has 2."
            )
        alone = int((counts == 1).sum())
        if alone:
            warnings.warn(
                f"{alone} of {len(counts)} classes in y have 1 row, which is compared with rows of "
                "other classes alone."
            )
        return numbers

    def _encode_known_target(self, y, name):
        y = column_or_1d(y, warn=True)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. '{name}' has also {unknown}."
            )
        return np.searchsorted(self.classes_, y)

    def _target_tensor(self, target, dtype, device):
        if isinstance(target, tuple):
            tuples, label = target
            label = None if label is None else to_tensor(label, torch.bool, device)
            return to_tensor(tuples, torch.int64, device), label
        return to_tensor(target, torch.int64, device)

    def _target_too_large(self, target):
        return None

    # --- network and loss ------------------------------------------------------------------

    def _make_loss(self):
        kind = self._kind
        name = _DEFAULT_LOSS[kind] if self.loss == "auto" else self.loss
        if kind not in _LOSSES[name].takes:
            possible = sorted(n for n, c in _LOSSES.items() if kind in c.takes)
            raise ValueError(
                f"loss={self.loss!r} cannot be made of {kind}: expected one of {possible}, or "
                "'auto'."
            )
        options = {"normalize": bool(self.normalize)}
        if name in _DEFAULT_MARGIN:
            margin = _DEFAULT_MARGIN[name] if self.margin == "auto" else self.margin
            options |= {"margin": float(margin), "mining": self.mining}
        else:
            options["temperature"] = float(self.temperature)
        if name == "contrastive_squared":
            options["squared"] = True
        return _LOSSES[name](**options)

    def _make_module(self, shape, n_outputs, rng):
        if isinstance(self.encoder, nn.Module):
            return copy.deepcopy(self.encoder)
        if self._is_dense(shape):
            if None in shape:
                raise ValueError(
                    "encoder='dense' needs rows of one length: series of unequal length are for "
                    "encoder='conv'."
                )
            units = [math.prod(shape), *self._hidden_sizes(math.prod(shape)), n_outputs]
            net = DenseEmbedding(units, self.activation, self.dropout).double()
            initialize(net, "auto", rng, factor=2.0 if self.activation == "logistic" else 6.0)
            return net
        if self.encoder == "lstm":
            if len(shape) > 2:
                raise ValueError(
                    "encoder='lstm' is for vectors and series: pictures are for encoder='conv'."
                )
            net = RecurrentNet(
                shape[0], n_outputs, hidden_sizes=self._hidden_sizes(), dropout=self.dropout
            )
            recurrent.initialize(net.double(), rng)
            return net
        net = ConvEmbedding(shape, n_outputs).double()
        draw_weights(net, rng)
        return net

    def _hidden_sizes(self, n_inputs=1):
        # A perceptron may have no hidden layer.
        no_layer = self.encoder in ("auto", "dense")
        return layer_sizes(
            self.hidden_layer_sizes,
            "hidden_layer_sizes",
            n_inputs=n_inputs,
            may_be_empty=no_layer,
        )

    def _base_rate(self):
        if self.learning_rate_init != "auto":
            return float(self.learning_rate_init)
        return _RATES["conv" if self._is_conv else "other"]

    def _training_forward(self, net):
        module, device = net.module_, torch.device(net.device)
        if not engine.wants_mixed(self.amp, net.dtype, device, on_cpu=self._is_conv):
            return module
        if not self._is_conv:
            return engine.mixed_precision(module, net.dtype, device)
        features = engine.mixed_precision(module.features, net.dtype, device)
        return lambda x: module.head(features(x))  # embeddings tell rows apart by small numbers

    def _is_dense(self, shape):
        return self.encoder == "dense" or (self.encoder == "auto" and len(shape) == 1)

    def _width_of_embedding(self, net, X):
        """What the network makes of a row; a user's module may make anything."""
        module = net.module_.eval()
        with torch.inference_mode():
            z = module(self._as_input(X[:2], net.dtype, torch.device(net.device))[:2])
        if not (isinstance(z, torch.Tensor) and z.ndim == 2):
            shape = tuple(z.shape) if isinstance(z, torch.Tensor) else type(z).__name__
            raise ValueError(
                f"encoder made {shape} of 2 rows: expected a tensor of shape (2, n_components)."
            )
        return z.shape[1]

    def _draws_noise(self):
        return bool(self.dropout)

    def _reported_share(self):
        return 1.0

    def _forward(self, module, x):
        widest = max(p.shape[0] for p in module.parameters())
        places = math.prod(n or 1000 for n in x.shape[2:])  # where channels are, in any series
        pieces = chunks(x.shape[0], widest * places, x.device)
        return torch.cat([module(x[piece]) for piece in pieces])

    def _embedded(self, module, x):
        """Embeddings of rows on the device."""
        raw = self._forward(module, x)
        return unit_length(raw) if self.normalize else raw

    def _embed(self, X):
        """Embeddings of rows as users give them, on the host."""
        check_is_fitted(self)
        return self._embed_checked(self._check_arrays(X, reset=False))

    def _embed_checked(self, X):
        module = self.net_.module_
        parameter = next(module.parameters())
        with torch.inference_mode():
            x = self._as_input(X, parameter.dtype, parameter.device)
            return self._only_finite(self._embedded(module, x), X).cpu().numpy()

    def _check_arrays(self, X, *, reset):
        """As `ArrayInput`, but a row that is a vector has no channel."""
        X = super()._check_arrays(X, reset=reset)
        if len(self.input_shape_) > 1 or self.encoder in ("conv", "lstm"):
            return X
        return MappedRows(X.array[:, 0], X.rows) if isinstance(X, MappedRows) else X[:, 0]

    def _as_input(self, X, dtype, device):
        x = super()._as_input(X, dtype, device)
        if isinstance(self.encoder, nn.Module) and isinstance(x, torch.Tensor):
            return x.to(dtype)  # skdeep's own networks take bytes as they are
        return x

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


_LOSSES = {
    "nt_xent": losses.NTXent,
    "prototypical": losses.Prototypical,
    "triplet": losses.Triplet,
    "contrastive": losses.Contrastive,
    "contrastive_squared": losses.Contrastive,
}


def _set_scale(layer, X):
    """Let a `Standardize` take the level off each channel and divide by its spread.

    The level is the median: of pictures with a background it is the background, which the zeros
    around them then go on with.
    """
    if isinstance(X, RaggedRows):
        values = X.values.T
    else:
        some = X[np.unique(np.linspace(0, len(X) - 1, _SCALE_ROWS).astype(int))]
        some = some.load() if isinstance(some, MappedRows) else to_host(some)
        some = some[:, None] if some.ndim == 2 else some
        values = np.moveaxis(some, 1, 0).reshape(some.shape[1], -1)
    values = values.astype(np.float64)
    spread = values.std(1)
    scale = 1 / np.where(spread > 0, spread, 1.0)
    for place, value in ((layer.mean, np.median(values, axis=1)), (layer.scale, scale)):
        place.copy_(torch.from_numpy(value).to(place.dtype))
