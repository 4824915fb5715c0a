"""Siamese networks as transformers: embeddings from classes, pairs or triplets."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags

from skdeep.base.disk import piece_by_piece
from skdeep.base.learning import Given, Mode, Task
from skdeep.inputs.rows import Rows
from skdeep.parameters import siamese as tables
from skdeep.parameters.entry import public
from skdeep.siamese.pairs import PairAnswers, calibrate_on
from skdeep.siamese.rows import GivenTuples, read_classes, read_tuples


@public(tables.SIAMESE, tables.SIAMESE_TRANSFORMER_ATTRIBUTES)
class SiameseTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, PairAnswers):
    """Embedding by a siamese network, in which similar rows are near each other.

    The network learns from classes (`fit`), from pairs that are similar or not (`fit_pairs`) or
    from triplets (`fit_triplets`). `transform` embeds rows, of known or of other classes;
    `pair_distance` compares pairs, and `predict_pairs` predicts which are similar, with a
    threshold set by `calibrate_threshold`.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    SiameseClassifier : Classes by distance in such an embedding.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import SiameseTransformer
    >>> X, y = load_iris(return_X_y=True)
    >>> siamese = SiameseTransformer(n_components=2, random_state=0, device="cpu").fit(X, y)
    >>> siamese.transform(X[:3]).shape
    (3, 2)
    >>> same, other = siamese.pair_distance([X[[0, 1]], X[[0, 100]]])
    >>> bool(same < other)
    True
    >>> siamese.predict_pairs([X[[0, 1]], X[[0, 100]]]).tolist()
    [1, -1]
    """

    _reads_from_disk = True

    def __init__(
        self,
        n_components: int = 128,
        *,
        encoder: Any = "auto",
        image_shape: Sequence[int] | None = None,
        data_format: str = "channels_last",
        augment: str | None = "auto",
        n_views: int | Literal["auto"] = "auto",
        hidden_layer_sizes: ArrayLike = (256,),
        activation: str = "relu",
        dropout: float = 0.0,
        loss: str = "auto",
        mining: str = "semi_hard",
        margin: float | Literal["auto"] = "auto",
        temperature: float = 0.1,
        normalize: bool = True,
        n_rows_per_class: int = 4,
        solver: str = "adamw",
        alpha: float = 0.05,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float | Literal["auto"] = "auto",
        max_iter: int = 150,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 20,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        gradient_clip_norm: float | None = None,
        amp: bool | Literal["auto"] = "auto",
        device: str | torch.device = "auto",
        dtype: str | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
    ):
        self.n_components = n_components
        self.encoder = encoder
        self.image_shape = image_shape
        self.data_format = data_format
        self.augment = augment
        self.n_views = n_views
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.loss = loss
        self.mining = mining
        self.margin = margin
        self.temperature = temperature
        self.normalize = normalize
        self.n_rows_per_class = n_rows_per_class
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.gradient_clip_norm = gradient_clip_norm
        self.amp = amp
        self.device = device
        self.dtype = dtype
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @piece_by_piece
    def transform(self, X: Any) -> np.ndarray:
        """Embed rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Their embeddings, of unit length under `normalize`.
        """
        return self._embed(X)

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        if not isinstance(given, GivenTuples):
            return read_classes(self, given, mode, rng, holds_out=False)
        self.__dict__.pop("classes_", None)
        check = functools.partial(self._input.check, self, reset=True)
        return read_tuples(self, check, given, rng), None

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        plan, axes = task.plan, self._found_axes(task)
        embed = functools.partial(self._embed_checked, task.net.module_, axes=axes)
        judged = plan.rows
        if judged.kind != "classes" and plan.held_out is not None:
            judged = plan.held_out
        rng = task.rng if task.ended else copy.deepcopy(task.rng)
        return super()._keep(task, runs) | {"_axes": axes} | calibrate_on(judged, embed, rng)

    @property
    def _n_features_out(self) -> int:
        return self.n_outputs_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
