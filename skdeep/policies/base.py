"""What a policy does whatever it learns from: read transitions, train, answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import layer_sizes
from skdeep.base.classifier import DeepClassifier
from skdeep.base.estimator import DeepEstimator
from skdeep.base.learning import Mode, Plan
from skdeep.inputs.arrays import ArrayInput
from skdeep.inputs.rows import VECTORS, Rows, to_host
from skdeep.inputs.weights import check_weights
from skdeep.nets.blocks import initialize
from skdeep.nets.conv import draw_weights
from skdeep.nets.q import QNet
from skdeep.policies import learning, online
from skdeep.policies.evaluation import chosen_actions
from skdeep.policies.online import FirstRows, GivenEnvironment, first_rows
from skdeep.policies.transitions import (
    GivenTransitions,
    TransitionRows,
    followed_by,
    read_log,
    refuse_orphans,
)
from skdeep.policies.value import evaluator, fitted_value


class BasePolicy(DeepClassifier, DeepEstimator):
    """Base of `FittedQClassifier`."""

    input_shape_: tuple[int | None, ...]
    n_steps_: int

    # --- training --------------------------------------------------------------------------

    @property
    def _input(self) -> Any:
        return VECTORS if self.image_shape is None else ArrayInput.of(self, ranks=(2, 3, 4))

    def _learn_classes(self, y: Any) -> None:
        super()._learn_classes(y)
        if self._target_type.startswith("multilabel"):
            raise ValueError(
                "y has several columns, but one action per row is expected: give each combination "
                "of actions a label (a class) of its own."
            )
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class of actions, {self.classes_.tolist()[0]!r}: expected at least "
                "two, to choose from."
            )
        self._target_type, self.out_activation_ = "multiclass", "identity"
        self.n_outputs_ = len(self.classes_)

    def _read(self, given: Any, mode: Mode, rng: np.random.RandomState) -> tuple[Rows, Rows | None]:
        if isinstance(given, GivenEnvironment):
            known = self.classes_ if mode.resumed else None
            return first_rows(self, given, known, rng), None
        if given.reward is not None:
            return self._logged(given, mode), None
        refuse_orphans(given)
        return super()._read(given, mode, rng)

    def _logged(self, given: GivenTransitions, mode: Mode) -> TransitionRows:
        """Checked rows with what followed them."""
        X, y = self._input.check_with_target(self, given.X, given.y, reset=not mode.resumed)
        n_samples, next_X, evaluated = len(X), given.next_X, given.evaluated
        if evaluated is None:
            target = self._encode_target(y, mode.resumed, mode.incremental)
        else:
            self._learn_classes(evaluated.classes)
            target = self._class_numbers(y)
        weight = given.sample_weight
        weight = None if weight is None else check_weights(weight, X)
        if next_X is not None:
            next_X = self._check_next(next_X, n_samples)
        log, kept = read_log(
            given.reward, given.terminated, given.episode, n_samples, next_X is not None
        )
        x, next_x = followed_by(X, next_X, kept, log.terminated)
        if weight is not None:
            weight = weight[kept]
            if not weight.any():
                raise ValueError(
                    "sample_weight is 0 for each row of which it is known what followed."
                )
        policy = None if evaluated is None else evaluated.after[kept]
        return TransitionRows(x, target[kept], weight, next_x=next_x, log=log, policy=policy)

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
        hidden = layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes", may_be_empty=True)
        filters = layer_sizes(self.n_filters, "n_filters")
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
        if isinstance(rows, FirstRows):
            return Plan(train=rows, stops_early=True, scores=True)
        if isinstance(rows, TransitionRows):
            return learning.plan(self, rows, mode, rng)
        return super()._plan(rows, validation, mode, rng)

    def _recipe(self, plan: Plan) -> engine.Recipe:
        if isinstance(plan.train, FirstRows):
            return online.recipe(self, plan.train)
        return learning.recipe(self, plan.train)

    def _phases(self, task: Any, past: dict[str, Any]) -> list[engine.Phase]:
        if not task.mode.resumed:
            learning.standardise(task)
        if isinstance(task.plan.train, FirstRows):
            return online.phases(self, task, past)
        return learning.phases(self, task, past)

    def _keep(self, task: Any, runs: list) -> dict[str, Any]:
        fitted = super()._keep(task, runs)
        if isinstance(task.plan.train, FirstRows):
            runner = task.plan.train.runner
            fitted |= {"validation_loss_curve_": None, "n_steps_": runner.n_steps}
            fitted |= {"episode_returns_": list(runner.returns)}
        return fitted

    # --- answers ---------------------------------------------------------------------------

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

    def score(
        self,
        X: Any,
        y: Any,
        *,
        reward: Any = None,
        next_X: Any = None,
        terminated: Any = None,
        episode: Any = None,
        sample_weight: Any = None,
    ) -> float:
        """Estimate what the policy is worth, or how often it agrees with logged actions.

        With rewards it is the value of the policy, the mean discounted return of episodes that
        begin like those of X, by fitted-Q evaluation on these rows; see
        `skdeep.policies.FittedQEvaluation`. Without rewards it is the share of rows whose action
        is predicted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations.

        y : array-like of shape (n_samples,)
            Actions that were taken.

        reward, next_X, terminated, episode : array-like, default=None
            As for `fit`. At the end of a Pipeline `next_X` is not transformed: use the scorer, or
            rows in the order of time.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
        """
        given = GivenTransitions(
            X=X,
            y=y,
            sample_weight=sample_weight,
            reward=reward,
            next_X=next_X,
            terminated=terminated,
            episode=episode,
        )
        if reward is None:
            refuse_orphans(given)
            return super().score(X, y, sample_weight)
        check_is_fitted(self)
        return self._value(self._logged(given, Mode(resumed=True, incremental=True)))

    def _value(self, rows: TransitionRows) -> float:
        """Fitted-Q evaluation on checked transitions."""
        place, known = self._input.place, self.net_.parameter
        with torch.inference_mode():
            after, at_start = (
                chosen_actions(
                    to_host(self._forward(self.net_.module_, place(x, known.dtype, known.device)))
                    .argmax(1), self.n_outputs_,
                )
                for x in (rows.next_x, rows.x[rows.log.starts])
            )  # fmt: skip
        parameters = evaluator(len(rows))
        if self.image_shape is not None:
            shape = tuple(rows.x.shape[1:])
            parameters |= {"image_shape": shape, "data_format": "channels_first"}
        network = type(self)(
            **parameters, gamma=self.gamma, n_filters=self.n_filters, device=self.device
        )
        return fitted_value(network, rows, self.classes_, after, at_start)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.classifier_tags.multi_label = False
        return tags


def _unit(reward: np.ndarray) -> float:
    """Root mean square of the rewards that are not 0."""
    some = reward[reward != 0]
    return float(np.sqrt(np.mean(np.square(some)))) if len(some) else 1.0
