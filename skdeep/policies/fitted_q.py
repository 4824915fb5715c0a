"""Fitted Q iteration: policies from logged transitions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import Tags

from skdeep import engine
from skdeep._compat import _fit_context, with_callbacks
from skdeep._fitting import all_or_nothing
from skdeep.base.classifier import DeepClassifier
from skdeep.base.estimator import DeepEstimator
from skdeep.base.rows import Mode, Plan, Rows
from skdeep.data.pieces import channel_statistics
from skdeep.data.tensors import to_tensor
from skdeep.data.transitions import n_steps
from skdeep.inputs.arrays import ArrayInput
from skdeep.inputs.rows import to_host
from skdeep.inputs.vectors import VECTORS
from skdeep.nets.conv import draw_weights
from skdeep.nets.init import initialize
from skdeep.nets.q import QNet
from skdeep.parameters import policies as tables
from skdeep.parameters.entry import public
from skdeep.parameters.sizes import layer_sizes
from skdeep.policies import learning
from skdeep.policies.transitions import (
    GivenTransitions,
    TransitionRows,
    followed_by,
    read_log,
    refuse_orphans,
)

_ROUTED = {"reward": True, "next_X": True, "terminated": True, "episode": True}
"""Metadata that has one meaning only, and is requested unless a user says otherwise."""


@public(tables.FITTED_Q, tables.FITTED_Q_ATTRIBUTES)
class FittedQClassifier(DeepClassifier, DeepEstimator):
    """Policy for discrete actions, learned from logged transitions or from an environment.

    X are observations and y the actions that were taken. A network learns the value of each
    action, the expected sum of discounted rewards that follow it, by fitted Q iteration (Ernst et
    al., 2005; Riedmiller, 2005; with a target network Mnih et al., 2015); `predict` returns the
    action of the highest value. Without rewards the policy imitates the logged one (behaviour
    cloning), as any classifier does.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    skdeep.policies.collect : Transitions of a policy in an environment, as `fit` takes them.
    skdeep.policies.FittedQEvaluation : Scorer of policies for searches.

    Notes
    -----
    `decision_function` follows scikit-learn: for two actions it is the value of the second less
    that of the first, of shape (n_samples,). `action_values` has a column for each action.

    Rewards are divided by the root mean square of those that are not 0, and observations are
    standardised, inside the network; values are returned in the units of the rewards.

    Examples
    --------
    A corridor of five places, whose right end is worth 1:

    >>> import numpy as np
    >>> from skdeep import FittedQClassifier
    >>> rng = np.random.RandomState(0)
    >>> place, action = rng.randint(5, size=(2, 500)) * [[1], [0]] + [[0], [1]] * rng.randint(
    ...     2, size=500)
    >>> after = place + 2 * action - 1
    >>> policy = FittedQClassifier(
    ...     (16,), gamma=0.9, max_iter=4, early_stopping=False, random_state=0, device="cpu",
    ... ).fit(
    ...     place[:, None], np.where(action, "right", "left"), reward=(after == 5) * 1.0,
    ...     next_X=after[:, None], terminated=(after < 0) | (after == 5),
    ... )
    >>> policy.predict([[1], [4]])
    array(['right', 'right'], dtype='<U5')
    """

    input_shape_: tuple

    __metadata_request__fit = _ROUTED
    __metadata_request__partial_fit = _ROUTED
    __metadata_request__score = _ROUTED

    def __init__(
        self,
        hidden_layer_sizes=(128, 128),
        activation="relu",
        *,
        gamma=0.99,
        n_steps=1,
        double_q=True,
        target_update=0.005,
        conservative=0.0,
        huber_delta=1.0,
        temperature=1.0,
        image_shape=None,
        data_format="channels_last",
        n_filters=(16, 32),
        solver="adam",
        alpha=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        max_iter="auto",
        updates_per_iter=250,
        random_state=None,
        verbose=False,
        warm_start=False,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=np.inf,
        gradient_clip_norm=None,
        device="auto",
        dtype="float32",
        max_time=None,
        skorch_callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.gamma = gamma
        self.n_steps = n_steps
        self.double_q = double_q
        self.target_update = target_update
        self.conservative = conservative
        self.huber_delta = huber_delta
        self.temperature = temperature
        self.image_shape = image_shape
        self.data_format = data_format
        self.n_filters = n_filters
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.updates_per_iter = updates_per_iter
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.gradient_clip_norm = gradient_clip_norm
        self.device = device
        self.dtype = dtype
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        reward: Any = None,
        next_X: Any = None,
        terminated: Any = None,
        episode: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Learn from logged transitions.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first iteration of another fit it raises, too.

        With metadata routing, `reward`, `next_X`, `terminated` and `episode` are requested by
        default. In a Pipeline, ``Pipeline(..., transform_input=["next_X"])`` transforms `next_X`
        like X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; with `image_shape` images.

        y : array-like of shape (n_samples,)
            The actions that were taken: labels of any kind, at least two different ones.

        reward : array-like of shape (n_samples,), default=None
            The reward that followed each action. None stands for behaviour cloning.

        next_X : array-like of shape (n_samples, n_features), default=None
            The observation that followed. None: rows are in the order of time within an episode,
            and the next row is what followed. The last row of an episode that is not `terminated`
            is then known as the end of the row before it alone.

        terminated : array-like of bool of shape (n_samples,), default=None
            Whether the episode ended after the action, so that there is nothing more to gain. An
            episode that was only cut off, by a limit of time for example, is not terminated. None
            stands for the last row of each episode.

        episode : array-like of shape (n_samples,), default=None
            Label of the episode that a row belongs to; the rows of an episode are consecutive.
            None: all rows are of one episode.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows of weight zero are not learned from.

        Returns
        -------
        self : FittedQClassifier
        """
        return self._fit_and_report(
            GivenTransitions(
                X=X,
                y=y,
                sample_weight=sample_weight,
                reward=reward,
                next_X=next_X,
                terminated=terminated,
                episode=episode,
            )
        )

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(
        self,
        X: Any,
        y: Any,
        *,
        reward: Any = None,
        next_X: Any = None,
        terminated: Any = None,
        episode: Any = None,
        sample_weight: Any = None,
        classes: Any = None,
    ) -> Self:
        """Learn from new transitions, as many as are given, starting from the current weights.

        The target network starts as a copy of the network; the optimizer's moments are kept from
        call to call. `early_stopping` is not used.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations.

        y : array-like of shape (n_samples,)
            Actions.

        reward, next_X, terminated, episode, sample_weight : array-like, default=None
            As for `fit`.

        classes : array-like of shape (n_actions,), default=None
            All actions that any call will see; needed in the first call.

        Returns
        -------
        self : FittedQClassifier
        """
        self._learn_classes_of_stream(y, classes)
        given = GivenTransitions(
            X=X,
            y=y,
            sample_weight=sample_weight,
            reward=reward,
            next_X=next_X,
            terminated=terminated,
            episode=episode,
        )
        return self._fit(given, Mode(incremental=True))

    # --- training --------------------------------------------------------------------------

    @property
    def _input(self) -> Any:
        return VECTORS if self.image_shape is None else ArrayInput.of(self, ranks=(2, 3, 4))

    def _check_parameters(self) -> None:
        sizes = self._sizes()
        known = self.__dict__.get("net_")
        if self.warm_start and known is not None:
            fitted = [*known.module_.config["hidden_layer_sizes"]]
            if fitted != sizes[0]:
                raise ValueError(
                    "warm_start can only be used with the hidden_layer_sizes of the previous call "
                    f"to fit. Previously got {fitted}, now {sizes[0]}."
                )

    def _sizes(self) -> tuple[list[int], list[int]]:
        """Units of the hidden layers, and filters of the convolutions."""
        hidden = layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes", may_be_empty=True)
        return hidden, layer_sizes(self.n_filters, "n_filters")

    def _learn_classes(self, y: Any) -> None:
        super()._learn_classes(y)
        if self._target_type.startswith("multilabel"):
            raise ValueError(
                "y has several columns, but one action per row is expected: give each combination "
                "of actions a label (a class) of its own."
            )
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class of actions, {self.classes_[0]!r}: expected at least two, to "
                "choose from."
            )
        self._target_type, self.out_activation_ = "multiclass", "identity"
        self.n_outputs_ = len(self.classes_)

    def _times_class_weight(self, target: Any, weight: Any, incremental: bool) -> Any:
        return weight

    def _read(
        self, given: Any, mode: Mode, rng: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        rows, _ = super()._read(given, mode, rng)
        if given.reward is None:
            refuse_orphans(given)
            return rows, None
        return self._transitions(rows, given), None

    def _transitions(self, rows: Rows, given: GivenTransitions) -> TransitionRows:
        """Checked rows with what followed them."""
        next_X, n_samples = given.next_X, len(rows)
        if next_X is not None:
            next_X = self._check_next(next_X, n_samples)
        log, kept = read_log(
            given.reward, given.terminated, given.episode, n_samples, next_X is not None
        )
        x, next_x = followed_by(rows.x, next_X, kept, log.terminated)
        weight = None if rows.weight is None else rows.weight[kept]
        if weight is not None and not weight.any():
            raise ValueError("sample_weight is 0 for each row of which it is known what followed.")
        return TransitionRows(x, rows.target[kept], weight, next_x=next_x, log=log)

    def _check_next(self, next_X: Any, n_samples: int) -> Any:
        try:
            next_X = self._input.check(self, next_X)
        except (TypeError, ValueError) as error:
            raise type(error)(f"next_X: {error}") from None
        if len(next_X) != n_samples:
            raise ValueError(
                f"next_X has {len(next_X)} rows: expected one for each of the {n_samples} rows of "
                "X."
            )
        return next_X

    def _module(self, rows: Rows, rng: np.random.RandomState) -> torch.nn.Module:
        hidden, filters = self._sizes()
        net = QNet(rows.x.shape[1:], self.n_outputs_, hidden, self.activation, filters).double()
        if self.image_shape is None:
            initialize(net, "auto", rng)
        else:
            draw_weights(net, rng)
        if isinstance(rows, TransitionRows):
            net.unit.fill_(_unit(rows.log.reward))
        return net

    def _plan(
        self, rows: Rows, validation: Rows | None, mode: Mode, rng: np.random.RandomState
    ) -> Plan:
        if isinstance(rows, TransitionRows):
            return learning.plan(self, rows, mode, rng)
        return super()._plan(rows, validation, mode, rng)

    def _recipe(self, plan: Plan) -> engine.Recipe:
        return learning.recipe(self, plan.train)

    def _tensors(self, net: engine.DeepNet, rows: Rows) -> tuple[Any, Any, Any]:
        if not isinstance(rows, TransitionRows):
            return super()._tensors(net, rows)
        dtype, device = net.dtype, torch.device(net.device)
        steps = n_steps(
            rows.log.reward, rows.log.terminated, rows.log.episode, self.gamma, self.n_steps
        )
        unit = float(net.module_.unit)
        target = np.column_stack([rows.target, steps.reward / unit, steps.discount])
        x, next_x, weight = rows.x, rows.next_x[steps.last], rows.weight
        if weight is not None:
            counted = np.flatnonzero(weight)
            x, next_x, target, weight = (part[counted] for part in (x, next_x, target, weight))
            weight = to_tensor(weight, dtype, device)
        place = self._input.place
        both = place(x, dtype, device), place(next_x, dtype, device)
        return both, to_tensor(target, dtype, device), weight

    def _prepare(self, task: Any) -> None:
        x, _, weight = task.data
        x = x[0] if isinstance(x, tuple) else x
        mean, deviation = channel_statistics(x[:, :, None] if len(x.shape) == 2 else x, weight)
        scale = task.net.module_.scale
        scale.mean.copy_(mean)
        scale.scale.copy_(1 / deviation)

    def _phases(self, task: Any, past: dict[str, Any]) -> list[engine.Phase]:
        return learning.phases(self, task, past)

    def _make_loss(self) -> Any:
        raise AssertionError("the recipe has the loss")

    # --- answers ---------------------------------------------------------------------------

    def _proba(self, raw: torch.Tensor) -> np.ndarray:
        return torch.softmax(raw / self.temperature, 1).cpu().numpy()

    def action_values(self, X: Any) -> np.ndarray:
        """Estimate the value of each action.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations.

        Returns
        -------
        values : ndarray of shape (n_samples, n_actions)
            Expected sums of discounted rewards, in the order of `classes_`; for behaviour cloning
            logits.
        """
        return to_host(self._predict_raw(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Values of the actions, as scikit-learn's classifiers return their scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations.

        Returns
        -------
        values : ndarray of shape (n_samples, n_actions) or (n_samples,)
            For two actions the value of the second less that of the first: see `action_values`.
        """
        values = self.action_values(X)
        return values[:, 1] - values[:, 0] if values.shape[1] == 2 else values

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.classifier_tags.multi_label = False
        return tags


def _unit(reward: np.ndarray) -> float:
    """Root mean square of the rewards that are not 0."""
    some = reward[reward != 0]
    return float(np.sqrt(np.mean(np.square(some)))) if len(some) else 1.0
