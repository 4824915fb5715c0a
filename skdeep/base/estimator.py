"""What every estimator of skdeep does: check, train, remember, predict.

`DeepEstimator._fit` is the one road from data to fitted attributes. A family says what it wants on
it, as data: how X is read (`_input`), its network (`_module`), which rows are held out (`_plan`),
how it is trained (`_recipe`, `_phases`) and what is kept (`_keep`). What a target is, and what a
prediction, stands in `classifier.py` and `regressor.py`.
"""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import all_or_nothing, layer_sizes
from skdeep._compat import _fit_context, evaluated_candidate, with_callbacks
from skdeep.base.cluster import fit_on_cluster
from skdeep.base.disk import device_of_fit, from_disk, sharing
from skdeep.base.learning import CURVES, Given, Mode, Plan, Task, fitted_attributes
from skdeep.base.training import learn, single_phase
from skdeep.data.pieces import forward
from skdeep.data.split import split_rows
from skdeep.engine.recipe import capped_batch_size
from skdeep.inputs.disk import collection_of
from skdeep.inputs.rows import Rows, read_target
from skdeep.inputs.weights import check_weights


def new_random_state(random_state: Any) -> np.random.RandomState:
    """scikit-learn's `check_random_state`, but None creates a new generator with fresh entropy:
    NumPy's global generator belongs to the user and would be shared between threads."""
    if random_state is None:
        return np.random.RandomState()
    try:
        return check_random_state(random_state)
    except ValueError as error:
        if isinstance(random_state, numbers.Integral):
            raise ValueError(
                f"random_state={random_state}: expected an integer from 0 to 2**32 - 1."
            ) from error
        raise


def _is_in_memory(X: Any) -> bool:
    """Whether X is an array or a frame (or None), and not a place of rows or a collection."""
    kind = type(X)
    return X is None or (hasattr(kind, "shape") and not hasattr(kind, "__dask_graph__"))


_FEW = 64  # numbers that are added up one by one


class DeepEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of the estimators that train one network on rows with targets.

    A subclass has `_input`, `_module` and the target methods of `DeepClassifier`, `DeepRegressor`
    or of its own.
    """

    if TYPE_CHECKING:

        @property
        def _input(self) -> Any:
            """How X is read: see `skdeep.inputs.rows.RowInput`."""

        def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
            """The network for the rows, with its initial weights."""

    net_: engine.DeepNet
    n_features_in_: int
    feature_names_in_: np.ndarray
    n_iter_: int
    n_outputs_: int
    out_activation_: str
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    best_validation_score_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on X and y.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, sparse matrix, Tensor} of shape (n_samples, n_features)
            Sparse rows become sparse tensors batch by batch. A tensor on a GPU stays there. Rows
            that are not in memory, but in files or on a cluster: see `skdeep.scale.DiskRows`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            For a classifier labels of any kind, or a matrix of 0 and 1 for several labels at
            once; numbers for a regressor.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows of weight zero are ignored.

        X_val : array-like of shape (n_val, n_features), default=None
            Rows whose loss is recorded after each epoch, and whose score decides under
            `early_stopping`. In a Pipeline, ``Pipeline(..., transform_input=["X_val"])``
            transforms them like X. scikit-learn's searches take any argument of `fit` that has
            as many rows as X for data of these rows and slice it: there, X_val must have
            another number of rows than X.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of `X_val`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of `X_val`.

        Returns
        -------
        self : estimator
        """
        return self._fit_and_report(
            Given(
                X=X,
                y=y,
                sample_weight=sample_weight,
                X_val=X_val,
                y_val=y_val,
                sample_weight_val=sample_weight_val,
            )
        )

    def _fit_and_report(self, given: Given) -> Self:
        """Call `_fit` with the callbacks of the user."""
        known = getattr(self, "max_iter", None)
        context = self._init_callback_context(max_subtasks=None if known == "auto" else known)
        weight = given.sample_weight
        metadata = {} if weight is None else {"sample_weight": weight}
        data = {"X": given.X, "y": given.y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=self, **data)
        report, watched, callbacks = None, False, getattr(self, "_skl_callbacks", None)
        if callbacks:
            watched = engine.wants_score(callbacks, context)
            report = functools.partial(
                engine.EpochReport, self, context, given.X, given.y, metadata
            )
        in_search = context.parent is not None and evaluated_candidate(context) is not None
        mode = Mode(watched=watched, in_search=in_search)
        if _is_in_memory(given.X):
            self._fit(given, mode, report)
        elif collection_of(given.X) is not None:
            self.__dict__.update(fit_on_cluster(self, given, in_search=in_search))
        else:
            with sharing(given.X):
                self._fit(given, mode, report)
        context.call_on_fit_task_end(estimator=self, **data, reconstruction_attributes=dict)
        return self

    def _fit(self, given: Given, mode: Mode, report: Callable[..., Any] | None = None) -> Self:
        """Train on the given data; `report` creates the `EpochReport`, if there are callbacks."""
        mode = replace(mode, resumed=hasattr(self, "net_") and self._goes_on(mode))
        self._check_parameters()
        rng = new_random_state(self.random_state)
        streamed = None
        if not (_is_in_memory(given.X) and _is_in_memory(given.X_val)):
            given, streamed = from_disk(self, given, mode, rng)
        rows, validation = self._read(given, mode, rng)
        rows = rows if streamed is None else streamed(rows)
        device = engine.resolve_device(self.device, given.X)
        device = device if streamed is None else device_of_fit(device)
        if mode.resumed:
            module = self.net_.module_
        else:
            dtype = self._input.precision(getattr(self, "dtype", None), rows.x, device)
            module = self._module(rows, rng).to(dtype)
        plan = self._plan(rows, validation, mode, rng)
        task, runs = learn(self, module, plan, mode, device, rng, report)
        fitted = self._keep(task, runs)
        if not mode.resumed or task.recipe.solver == "lbfgs":
            for name in CURVES:
                self.__dict__.pop(name, None)
        self.__dict__.update(fitted)
        return self

    def _goes_on(self, mode: Mode) -> bool:
        """Whether training continues from a fitted estimator."""
        return mode.incremental or getattr(self, "warm_start", False)

    # --- what a family says -------------------------------------------------------------------

    def _check_parameters(self) -> None:
        """Raise where parameters contradict each other, or the network of a warm start."""
        known = self.__dict__.get("net_")
        fitted = None if known is None else getattr(known.module_, "hidden_layer_sizes", None)
        if fitted is None or not getattr(self, "warm_start", False):
            return
        sizes = layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes", may_be_empty=True)
        if fitted != sizes:
            raise ValueError(
                "warm_start can only be used with the hidden_layer_sizes of the previous call "
                f"to fit. Previously got {fitted}, now {sizes}."
            )

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        """Check the given data: rows with targets and weights, and validation rows."""
        X, y = self._input.check_with_target(self, given.X, given.y, reset=not mode.resumed)
        target = self._encode_target(y, mode.resumed, mode.incremental)
        counts = None if given.sample_weight is None else check_weights(given.sample_weight, X)
        weight = self._times_class_weight(target, counts, mode.incremental)
        weight = None if weight is None or (weight == 1).all() else weight
        validation = self._read_validation(given)
        if not mode.resumed:
            self._learn_target_scale(target, weight)
        return Rows(X, target, weight, counts), validation

    def _read_validation(self, given: Given) -> Rows | None:
        """Check the user's validation data, as HistGradientBoosting does."""
        if given.X_val is None and given.y_val is None:
            if given.sample_weight_val is not None:
                raise ValueError("sample_weight_val is provided, but X_val was not provided.")
            return None
        if given.y_val is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if given.X_val is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        y = read_target(given.y_val, numeric=self._target_is_numeric, name="y_val")
        X, y = self._input.check_with_target(self, given.X_val, y, reset=False)
        weight = given.sample_weight_val
        weight = None if weight is None else check_weights(weight, X, "sample_weight_val")
        return Rows(X, self._encode_known_target(y, "y_val"), weight)

    def _plan(
        self, rows: Rows, validation: Rows | None, mode: Mode, rng: np.random.RandomState
    ) -> Plan:
        """Choose the rows to train on, and those to validate on."""
        trains = getattr(self, "solver", None) != "lbfgs"
        stops_early = getattr(self, "early_stopping", False) and not mode.incremental and trains
        watched = mode.watched and trains
        if (stops_early or watched) and validation is None:
            target = np.empty((len(rows), 0)) if rows.target is None else rows.target
            split = split_rows(
                functools.partial(self._input.keys, rows.x, target),
                len(rows),
                getattr(self, "validation_fraction", 0.1),
                rng,
                labels=self._stratify_by(rows.target),
                weight=rows.weight,
                purpose="early_stopping=True" if stops_early else "Pruning",
                target=target,
                counts=rows.counts,
            )
            if split is None:
                stops_early = watched = False
            else:
                rows, validation = (
                    replace(part, weight=weight)
                    for part, weight in zip(rows.divided(*split), split.weights(rows.weight))
                )
        return Plan(
            train=rows.with_weight(),
            held_out=validation,
            stops_early=stops_early,
            scores=stops_early or watched,
        )

    def _recipe(self, plan: Plan) -> engine.Recipe:
        """Parameters of the training run."""
        size = capped_batch_size(self.batch_size, plan.train.n_rows)
        return engine.Recipe.of(self, batch_size=size)

    def _prepare(self, task: Task) -> None:
        """Set what a new network derives from the rows, such as their scale."""

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        """Phases of training; `past` holds fitted attributes that training continues from."""
        return [single_phase(self, task, past)]

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        """Fitted attributes after training."""
        fitted = fitted_attributes(task.net, runs, task.plan)
        return {"t_": getattr(self, "t_", 0), "n_outputs_": self.n_outputs_} | fitted

    def _forward(self, module: torch.nn.Module, x: Any) -> torch.Tensor:
        """Raw scores of all rows; families whose layers are not dense chunk rows differently."""
        return forward(module, x)

    def _read_more(self, X: Any, y: Any, rows: Rows) -> Rows:
        """Check further rows of a stream of which `rows` are a sample."""
        target = None if y is None else self._encode_known_target(y, "y")
        return replace(
            rows, x=self._input.check(self, X), target=target, weight=None, counts=None, stream=None
        )

    # --- prediction ---------------------------------------------------------------------------

    def _predict_raw(self, X: Any) -> torch.Tensor:
        """Raw scores for X, as a tensor on the network's device."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # for its error; its search for attributes is slow
        checked, x = self._placed(X)
        with torch.inference_mode():
            return self._only_finite(self._forward(self.net_.module_, x), checked)

    def _placed(self, X: Any) -> tuple[Any, Any]:
        """Checked rows of a fitted estimator, and the same on the network's device."""
        reader, parameter = self._input, self.net_.parameter
        checked = reader.check(self, X)
        return checked, reader.place(checked, parameter.dtype, parameter.device)

    def _only_finite(self, out: torch.Tensor, X: Any) -> torch.Tensor:
        """Return the network's output if it is finite, else raise."""
        # Sums may overflow where `out` does not. Python's is faster for a few numbers on the host.
        few = out.numel() <= _FEW and out.device.type == "cpu"
        total = sum(out.reshape(-1).tolist()) if few else out.sum()
        if math.isfinite(total) or torch.isfinite(out).all():
            return out
        raise ValueError(
            f"X holds values up to {self._input.largest(X):.3g}, for which this "
            f"{type(self).__name__} returns infinity or NaN: scale it, with StandardScaler for "
            "example, before fit and before predictions."
        )

    def __sklearn_is_fitted__(self) -> bool:
        return "net_" in self.__dict__

    def __sklearn_validate_model__(self) -> None:
        """Raise if what `fit` left is not whole, as it may be in a file that was changed.

        `skdeep.persistence.load` calls it.

        Raises
        ------
        ValueError
            If there is no network, or its weights are not finite.
        """
        net = self.__dict__.get("net_")
        if net is None:
            return
        if not isinstance(net, engine.DeepNet):
            raise ValueError(f"a network of type {type(net).__name__}")
        for name, weights in net.module_.named_parameters():
            if not torch.isfinite(weights).all():
                raise ValueError(f"weights {name!r} that are not finite")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        self._input.tag(tags.input_tags)
        return tags
