"""Base of the siamese estimators: one network, trained on comparisons of rows.

Classes, pairs and triplets are handled alike: rows and their relations (`rows`) become batches
(`data.pairs`), whose loss (`losses.metric`) uses the embedding of every row of a batch once.
"""

from __future__ import annotations

import functools
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skdeep import engine
from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context, with_callbacks
from skdeep.base.estimator import DeepEstimator
from skdeep.base.learning import Given, Mode, Plan, Task
from skdeep.base.training import of_rows_or_stream, plain_gradient, single_phase
from skdeep.data.batches import to_tensor
from skdeep.inputs.arrays import ArrayInput
from skdeep.inputs.disk import collection_of, is_on_disk
from skdeep.inputs.rows import Rows
from skdeep.siamese.comparisons import (
    augmentation,
    comparing_validator,
    make_batches,
    make_loss,
    settled_batch_size,
)
from skdeep.siamese.encoders import (
    embed,
    encoder_kind,
    make_encoder,
    set_scale,
    training_forward,
    width_of_embedding,
)
from skdeep.siamese.rows import ComparedRows, plan_comparisons
from skdeep.siamese.views import number_of_views, principal_axes

_RATES = {"conv": 0.01}  # of learning_rate_init='auto', by encoder
_RATE = 0.005  # of the others


class BaseSiamese(DeepEstimator):
    """Base of `SiameseTransformer` and `SiameseClassifier`."""

    _target_is_numeric = False

    classes_: np.ndarray
    input_shape_: tuple[int | None, ...]
    _axes: np.ndarray | None = None  # see `views.principal_axes`

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(
        self, X: Any, y: Any, *, groups: Any = None, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Learn the embedding from rows with classes.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their classes: at least two, one of them with two rows.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows whose classes are to be told apart, such as the alphabet of a character
            or the kind of an article: half of the batches are drawn inside groups, each of which
            has rows of at least two classes. For rows in memory only.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows whose loss is recorded after each epoch, and whose score decides under
            `early_stopping`.

        y_val : array-like of shape (n_val,), default=None
            Classes of `X_val`, each known from y.

        Returns
        -------
        self : estimator
        """
        if groups is not None and (is_on_disk(X) or collection_of(X) is not None):
            raise ValueError(
                f"groups are for rows in memory, and X stands for rows that are not: {X!r}."
            )
        return self._fit_and_report(Given(X=X, y=y, groups=groups, X_val=X_val, y_val=y_val))

    @property
    def _input(self) -> Any:
        is_module = isinstance(self.encoder, nn.Module)
        # A row that is a vector has no channel for the other encoders.
        flat = is_module or self.encoder not in ("conv", "lstm")
        return ArrayInput.of(self, flat=flat, keeps_bytes=not is_module)

    def _module(self, rows: ComparedRows, rng: np.random.RandomState) -> torch.nn.Module:
        number_of_views(self, rows)  # for its error, before training
        module = make_encoder(self, rows.x.shape[1:], rng)
        set_scale(module, rows.x, rows.numbers)
        self.n_outputs_ = width_of_embedding(module, rows.x, self._input.place)
        return module

    def _plan(
        self, rows: ComparedRows, validation: Rows | None, mode: Mode, rng: np.random.RandomState
    ) -> Plan:
        return plan_comparisons(rows, validation, mode, self.early_stopping)

    def _recipe(self, plan: Plan) -> engine.Recipe:
        rows: Any = plan.train
        rate = self.learning_rate_init
        if rate == "auto":
            rate = _RATES.get(encoder_kind(self.encoder, rows.x.shape[1:]), _RATE)
        return engine.Recipe.of(
            self,
            batch_size=settled_batch_size(self.batch_size, rows.n_rows),
            learning_rate_init=rate,
            loss=make_loss(self, rows.kind),
        )

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        net, x = task.net, task.plan.train.x
        largest = self._input.largest(x)
        if largest > torch.finfo(net.dtype).max ** 0.5:
            raise ValueError(
                f"X holds values up to {largest:.3g}, whose squares overflow: scale "
                "it, with StandardScaler for example."
            )
        forward = training_forward(net, encoder_kind(self.encoder, x.shape[1:]), self.amp)
        transform = augmentation(self, task)

        def make(data: Any) -> Any:
            return make_batches(self, task, data, task.rng, transform, task.plan.train.groups)

        parts = {
            "batches": of_rows_or_stream(self, task, make, shuffle=True),
            "gradient": plain_gradient(forward, task),
            "validator": comparing_validator(self, task, task.plan.gallery),
        }
        return [single_phase(self, task, past, **parts)]

    def _encode_known_target(self, y: Any, name: str) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. '{name}' has also {unknown}."
            )
        return np.searchsorted(self.classes_, y)

    def _target_tensor(self, target: Any, dtype: torch.dtype, device: torch.device) -> Any:
        if isinstance(target, tuple):
            tuples, label = target
            label = None if label is None else to_tensor(label, torch.bool, device)
            return to_tensor(tuples, torch.int64, device), label
        return to_tensor(target, torch.int64, device)

    def _target_too_large(self, target: Any) -> None:
        return None

    def _reported_share(self) -> float:
        return 1.0

    # --- the embedding ---------------------------------------------------------------------

    def _embed(self, X: Any) -> np.ndarray:
        """Embeddings of rows as given by the user, on the CPU."""
        check_is_fitted(self)
        return self._embed_checked(self.net_.module_, self._input.check(self, X), self._axes)

    def _embed_checked(self, module: torch.nn.Module, X: Any, axes: Any) -> np.ndarray:
        reader, parameter = self._input, next(module.parameters())
        with torch.inference_mode():
            x = reader.place(X, parameter.dtype, parameter.device)
            if axes is not None:
                axes = torch.as_tensor(axes, dtype=parameter.dtype, device=parameter.device)
            return self._only_finite(embed(module, x, self.normalize, axes), X).cpu().numpy()

    def _found_axes(self, task: Task) -> Any:
        """Principal axes of the views of the rows trained on; None for one view."""
        embed = functools.partial(self._embed_checked, task.net.module_)
        return principal_axes(embed, task.plan.rows, number_of_views(self, task.plan.rows))
