"""Transformer of series to features of fixed and random convolution kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdeep import engine
from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context
from skdeep.base.estimator import new_random_state
from skdeep.data.pieces import channel_statistics
from skdeep.data.rows import PaddedRows
from skdeep.inputs.arrays import ArrayInput, wants_own_scale
from skdeep.kernels.batch import Batch, differences, weights_of
from skdeep.kernels.draw import dilations_of, draw_channels, draw_weights, powers_of_2
from skdeep.nets import kernels
from skdeep.nets.conv import mask_of, masked, with_own_scale
from skdeep.parameters.entry import public
from skdeep.parameters.kernels import RANDOM_KERNELS, RANDOM_KERNELS_ATTRIBUTES

N_EXAMPLES = 64
"""Series, at most, whose responses give the biases of a dilation."""
GOLDEN = (math.sqrt(5) + 1) / 2
GRID = 2.0**12
"""Standardised values are multiples of 1 over this, as weights of kernels are of 1/256: responses
are then exact in single precision (below 16), and comparisons of them do not depend on the order in
which they are summed, that is on the device or the number of series."""
ROWS, VALUES = 128, 2**21
"""Most series, and most responses, that are held in memory at once: of a cache's size."""


@public(RANDOM_KERNELS, RANDOM_KERNELS_ATTRIBUTES, module="skdeep.preprocessing")
class RandomKernels(TransformerMixin, BaseEstimator):
    """Transform series to features of convolution kernels that are not trained.

    Three sources of features are combined: the 84 fixed kernels of MiniRocket [1]_, with biases
    that are quantiles of responses in the training series, the four poolings of MultiRocket [2]_,
    and the competing random kernels of Hydra [3]_, each on the series and on its first difference.
    A linear model on these features, standardised, is often close to a deep network, in a small
    part of its time, particularly for few series of some hundred steps; of sounds of 2,000 steps
    the network recognised more (``benchmarks/README.md``).

    X is an array (n_samples, length) or (n_samples, length, n_channels), or a list of 2-D arrays
    (length, n_channels) for series of unequal length. Channels are standardised internally.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    CNNClassifier : Network for series, which combines these features with its own.

    Notes
    -----
    Half of the fixed kernels, alternating with the dilation, count only where they do not reach
    over the ends of a series [1]_; a series that is shorter than a kernel is padded with zeros.
    Memory is bounded: features are computed for a few series at a time. Standardised values are
    rounded to multiples of 1 / 4096, so that responses are exact in single precision.

    References
    ----------
    .. [1] A. Dempster, D. F. Schmidt and G. I. Webb (2021). MiniRocket: a very fast (almost)
           deterministic transform for time series classification. KDD.

    .. [2] C. W. Tan, A. Dempster, C. Bergmeir and G. I. Webb (2022). MultiRocket: multiple pooling
           operators and transformations for fast and effective time series classification. Data
           Mining and Knowledge Discovery 36.

    .. [3] A. Dempster, D. F. Schmidt and G. I. Webb (2023). Hydra: competing convolutional kernels
           for fast and accurate time series classification. Data Mining and Knowledge Discovery 37.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import RidgeClassifierCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep.preprocessing import RandomKernels
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 40)
    >>> t = np.arange(60) + rng.uniform(0, 60, (80, 1))
    >>> X = np.sin(t / (2 + y[:, None])) + 0.3 * rng.normal(size=(80, 60))
    >>> clf = make_pipeline(RandomKernels(random_state=0), StandardScaler(), RidgeClassifierCV())
    >>> clf.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    True
    """

    fixed_: list[dict[str, Any]]
    competing_: list[dict[str, Any]]
    mean_: np.ndarray
    scale_: np.ndarray
    own_scale_: bool
    input_shape_: tuple[int | None, ...]
    n_features_in_: int

    def __init__(
        self,
        n_kernels: int = 2400,
        *,
        n_groups: int = 32,
        poolings: Sequence[str] = ("ppv", "mean", "index", "stretch"),
        difference: bool = True,
        own_scale: bool | Literal["auto"] = "auto",
        data_format: str = "channels_last",
        missing: str = "error",
        device: str | torch.device = "auto",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_kernels = n_kernels
        self.n_groups = n_groups
        self.poolings = poolings
        self.difference = difference
        self.own_scale = own_scale
        self.data_format = data_format
        self.missing = missing
        self.device = device
        self.random_state = random_state

    @property
    def _input(self) -> ArrayInput:
        return ArrayInput.of(self, ranks=(2, 3))

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Draw kernels for series like X.

        Parameters
        ----------
        X : array-like, Tensor or list of ndarray
            Series of shape (n_samples, length) or (n_samples, length, n_channels), or a list of
            arrays (length, n_channels).

        y : None
            Not used.

        Returns
        -------
        self : RandomKernels
        """
        rows = self._input.check(self, X, reset=True)
        device = engine.resolve_device(self.device, X)
        rng = new_random_state(self.random_state)
        return self.fit_rows(rows, device, rng, self.input_shape_)

    def fit_rows(
        self, rows: Any, device: torch.device, rng: np.random.RandomState, shape: tuple
    ) -> Self:
        """Draw kernels for series that are already checked.

        Parameters
        ----------
        rows : ndarray, Tensor, MappedRows or RaggedRows of shape (n_samples, n_channels, length)
            As an `ArrayInput` returns them.

        device : torch.device
            Where to compute.

        rng : numpy.random.RandomState
            Source of the random numbers.

        shape : tuple
            Shape of a series as given, for `input_shape_`.

        Returns
        -------
        self : RandomKernels
        """
        self._check_parameters()
        self.input_shape_ = shape
        x = self._placed(rows, device)
        mean, deviation = channel_statistics(x)
        self.mean_, self.scale_ = mean.cpu().numpy(), (1 / deviation).cpu().numpy()
        self.own_scale_ = wants_own_scale(self.own_scale, rows)
        n_channels = len(self.mean_) * (2 if self.own_scale_ else 1)
        length = x.shape[2] or int(x.lengths.median())
        self.fixed_, self.competing_ = [], []
        for difference in (False, True) if self.difference else (False,):
            dilations = dilations_of(length - difference)
            for number, dilation in enumerate(dilations):
                place = {"difference": difference, "dilation": dilation}
                if n_biases := self._n_biases(number, len(dilations)):
                    channels = draw_channels(len(kernels.TRIPLES), n_channels, rng)
                    block = place | {"channels": channels}
                    block["biases"] = self._draw_biases(x, block, n_biases, rng)
                    self.fixed_.append(block)
            n_groups = self._n_groups(difference)
            for dilation in powers_of_2(dilations[-1]) if n_groups else ():
                place = {"difference": difference, "dilation": dilation}
                weights = draw_weights(n_groups, n_channels, rng)
                self.competing_.append(place | {"weights": weights})
        return self

    def _check_parameters(self) -> None:
        unknown = [name for name in self.poolings if name not in kernels.POOLINGS]
        if unknown or not len(self.poolings):
            raise ValueError(
                f"poolings={self.poolings!r}: expected some of {list(kernels.POOLINGS)}."
            )
        if self.n_kernels == 0 and self.n_groups == 0:
            raise ValueError("n_kernels=0 and n_groups=0: expected one of them to be positive.")

    def _n_biases(self, number: int, n_dilations: int) -> int:
        """Biases of the kernels of a dilation: the first ones have one more than the others."""
        wanted = self.n_kernels / len(kernels.TRIPLES) / (2 if self.difference else 1)
        total = max(round(wanted), 1) if self.n_kernels else 0
        return total // n_dilations + (number < total % n_dilations)

    def _n_groups(self, difference: bool) -> int:
        """Groups of competing kernels of a representation."""
        if not self.difference:
            return self.n_groups
        return self.n_groups // 2 if difference else -(-self.n_groups // 2)

    def _draw_biases(
        self, x: Any, block: dict[str, Any], n_biases: int, rng: np.random.RandomState
    ) -> np.ndarray:
        """Quantiles of responses, each in a series drawn for its kernel: (n_biases, 84)."""
        n = x.shape[0]
        chosen = np.sort(rng.choice(n, min(n, N_EXAMPLES), replace=False))
        batch = self._batch(x, torch.as_tensor(chosen, device=x.device), block["difference"])
        answers = kernels.convolved(batch.x, weights_of(block, x.device), block["dilation"])
        responses = answers.cpu().numpy()
        there = batch.there.cpu().numpy()
        order = np.arange(1, n_biases * len(kernels.TRIPLES) + 1)
        levels = (order * GOLDEN % 1).reshape(n_biases, -1)  # a sequence without gaps or clusters
        biases = np.zeros(levels.shape, np.float32)
        for kernel, example in enumerate(rng.randint(len(chosen), size=len(kernels.TRIPLES))):
            found = responses[there[:, example], example, kernel]
            if len(found) and np.isfinite(found).all():
                biases[:, kernel] = np.quantile(found, levels[:, kernel])
        return biases

    def transform(self, X: Any) -> np.ndarray:
        """Return the features of series.

        Parameters
        ----------
        X : array-like, Tensor or list of ndarray
            Series like those of `fit`.

        Returns
        -------
        X_out : ndarray of float32 of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        rows = self._input.check(self, X)
        out = self.transform_rows(rows, engine.resolve_device(self.device, X))
        if not np.isfinite(out).all():
            raise ValueError(
                f"X holds values up to {self._input.largest(rows):.3g}, for which this "
                "RandomKernels returns infinity or NaN: scale it before fit and transform."
            )
        return out

    @torch.inference_mode()
    def transform_rows(self, rows: Any, device: torch.device) -> np.ndarray:
        """Return the features of series that are already checked.

        Parameters
        ----------
        rows : ndarray, Tensor, MappedRows or RaggedRows of shape (n_samples, n_channels, length)
            As an `ArrayInput` returns them.

        device : torch.device
            Where to compute.

        Returns
        -------
        X_out : ndarray of float32 of shape (n_samples, n_features_out)
        """
        x = self._placed(rows, device)
        out = np.empty((x.shape[0], self._n_features_out), np.float32)
        for piece in _pieces(x):
            out[piece.cpu().numpy()] = self._features(x, piece.to(x.device)).cpu().numpy()
        return out

    def _placed(self, rows: Any, device: torch.device) -> Any:
        """Rows on the device, in the precision that they have."""
        engine.one_thread_after_fork()
        return self._input.place(rows, engine.resolve_dtype(None, rows.dtype, device), device)

    def _features(self, x: Any, piece: Tensor) -> Tensor:
        out = []
        views = {d: self._batch(x, piece, d) for d in {b["difference"] for b in self._blocks}}
        poolings = list(self.poolings)
        for number, block in enumerate(self.fixed_):
            out.append(views[block["difference"]].pooled(block, number % 2, poolings))
        out.extend(views[block["difference"]].competed(block) for block in self.competing_)
        return torch.cat(out, 1)

    @property
    def _blocks(self) -> list[dict[str, Any]]:
        return self.fixed_ + self.competing_

    def _batch(self, x: Any, piece: Tensor, difference: bool) -> Batch:
        """Standardised series, or their differences, with time first."""
        double = engine.resolve_dtype("float64", x.dtype, x.device)
        mean, scale = (
            torch.as_tensor(of[:, None]).to(x.device, double) for of in (self.mean_, self.scale_)
        )
        given = x[piece]
        values, lengths = given if isinstance(given, tuple) else (given, None)
        mask = None if lengths is None else mask_of(values, lengths)
        if lengths is None:
            lengths = torch.full((len(values),), values.shape[2], device=values.device)
        counts = mask_of(values, lengths) if mask is None else mask
        if values.is_floating_point():
            counts = counts * ~torch.isnan(values).all(1, keepdim=True)
        series = masked(((values.to(double) - mean) * scale).nan_to_num_(nan=0.0), mask)
        if self.own_scale_:
            series = with_own_scale(series, counts)
        series = (series * GRID).round_().div_(GRID).permute(2, 0, 1).float().contiguous()
        there = counts[:, 0].T > 0
        if difference:
            return differences(series, there, lengths)
        return Batch(series, there, lengths)

    @property
    def _n_features_out(self) -> int:
        fixed = sum(block["biases"].size for block in self.fixed_) * len(self.poolings)
        return fixed + sum(2 * len(block["weights"]) for block in self.competing_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features.

        Parameters
        ----------
        input_features : None
            Not used.

        Returns
        -------
        names : ndarray of str of shape (n_features_out,)
            ``series_dilation4_ppv_kernel83_bias0`` and ``difference_dilation1_largest_kernel7`` for
            example.
        """
        check_is_fitted(self)
        names = []
        for block in self.fixed_:
            place = _place(block)
            names += [
                f"{place}_{pooling}_kernel{kernel}_bias{bias}"
                for pooling in self.poolings
                for bias, row in enumerate(block["biases"])
                for kernel in range(len(row))
            ]
        for block in self.competing_:
            names += [
                f"{_place(block)}_{kind}_kernel{kernel}"
                for kind in ("largest", "smallest")
                for kernel in range(len(block["weights"]))
            ]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        self._input.tag(tags.input_tags)
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _place(block: dict[str, Any]) -> str:
    kind = "difference" if block["difference"] else "series"
    return f"{kind}_dilation{block['dilation']}"


def _pieces(x: Any) -> tuple[Tensor, ...]:
    """Row numbers of the series that are transformed at once; those of similar length together."""
    order, length = torch.arange(x.shape[0]), x.shape[2]
    if isinstance(x, PaddedRows):
        order, length = x.lengths.cpu().argsort(stable=True), int(x.lengths.max())
    return order.split(int(np.clip(VALUES // (length * len(kernels.TRIPLES)), 1, ROWS)))
