"""Fitted Q iteration: policies from logged transitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike

from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context, with_callbacks
from skdeep.base.learning import Mode
from skdeep.parameters import policies as tables
from skdeep.parameters.entry import public
from skdeep.policies.base import BasePolicy
from skdeep.policies.online import GivenEnvironment, Interaction
from skdeep.policies.transitions import GivenTransitions

_ROUTED = {"reward": True, "next_X": True, "terminated": True, "episode": True}
"""Metadata that has one meaning only, and is requested unless a user says otherwise."""


@public(tables.FITTED_Q, tables.FITTED_Q_ATTRIBUTES)
class FittedQClassifier(BasePolicy):
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
    >>> import numpy as np
    >>> from skdeep import FittedQClassifier
    >>> rng = np.random.RandomState(0)  # a corridor of five places, whose right end is worth 1
    >>> place, right = rng.randint(5, size=500), rng.randint(2, size=500)
    >>> after = place + 2 * right - 1
    >>> policy = FittedQClassifier(
    ...     (16,), gamma=0.9, max_iter=4, early_stopping=False, random_state=0, device="cpu"
    ... ).fit(
    ...     place[:, None], np.where(right, "right", "left"), next_X=after[:, None],
    ...     reward=(after == 5) * 1.0, terminated=(after < 0) | (after == 5),
    ...     episode=np.arange(500),
    ... )
    >>> policy.predict([[1], [4]])
    array(['right', 'right'], dtype='<U5')
    """

    classes_: np.ndarray
    episode_returns_: list[float]
    n_steps_: int

    __metadata_request__fit = _ROUTED
    __metadata_request__partial_fit = _ROUTED
    __metadata_request__score = _ROUTED

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (128, 128),
        activation: str = "relu",
        *,
        gamma: float = 0.99,
        n_steps: int = 1,
        double_q: bool = True,
        target_update: float = 0.005,
        conservative: float = 0.0,
        huber_delta: float = 1.0,
        temperature: float = 1.0,
        image_shape: Sequence[int] | None = None,
        data_format: str = "channels_last",
        n_filters: ArrayLike = (16, 32),
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int | Literal["auto"] = "auto",
        updates_per_iter: int = 250,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
        warm_start: bool = False,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        n_iter_no_change: float = np.inf,
        gradient_clip_norm: float | None = None,
        device: str | torch.device = "auto",
        dtype: str | None = None,
        max_time: float | None = None,
        skorch_callbacks: Any = None,
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

        With metadata routing all arguments but `sample_weight` are requested by default. In a
        Pipeline, ``Pipeline(..., transform_input=["next_X"])`` transforms `next_X` like X.

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
            and the next row is what followed (nothing is learned from the last).

        terminated : array-like of bool of shape (n_samples,), default=None
            Whether the episode ended after the action, so that there is nothing more to gain. An
            episode that was only cut off, by a limit of time for example, is not terminated. None
            stands for the last row of each episode.

        episode : array-like of shape (n_samples,), default=None
            Labels of episodes, whose rows are consecutive. None: all rows are of one episode.

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
    @with_callbacks
    def fit_env(
        self,
        env: Any,
        n_steps: int = 50_000,
        *,
        eval_env: Any = None,
        n_eval_episodes: int = 5,
        stop_return: float | None = None,
        learning_starts: int = 1000,
        epsilon: float = 0.05,
        exploration_fraction: float = 0.2,
        train_frequency: int = 16,
        updates_per_step: float = 1.0,
        buffer_size: int = 100_000,
    ) -> Self:
        """Learn from an environment by deep Q-learning (Mnih et al., 2015).

        The policy takes steps, at first random ones, which go into a replay buffer that updates
        draw from. After each iteration the policy is scored by a mean return, and that of the
        best iteration is kept. `max_iter`, `early_stopping` and `validation_fraction` are not
        used.

        Parameters
        ----------
        env : environment
            With gymnasium's `reset` and `step` and discrete actions, or a vector of environments.
        n_steps : int, default=50_000
            Steps to take, in all environments of a vector together.
        eval_env : environment, default=None
            For episodes without random actions that score an iteration; their steps do not count.
            None: the last episodes that were learned from do.
        n_eval_episodes : int, default=5
            Episodes whose mean return, not discounted, is the score of an iteration.
        stop_return : float, default=None
            Score at which training ends.
        learning_starts : int, default=1000
            Random steps before the first update.
        epsilon : float, default=0.05
            Probability of a random action at the end of the exploration.
        exploration_fraction : float, default=0.2
            Share of the steps over which this probability falls from 1.
        train_frequency : int, default=16
            Steps that are taken between updates.
        updates_per_step : float, default=1.0
            Updates for each step.
        buffer_size : int, default=100_000
            Transitions that the replay buffer holds.

        Returns
        -------
        self : FittedQClassifier
        """
        interaction = Interaction(
            n_steps, learning_starts, epsilon, exploration_fraction, train_frequency,
            updates_per_step, buffer_size, n_eval_episodes, stop_return,
        )  # fmt: skip
        given = GivenEnvironment(env=env, eval_env=eval_env, interaction=interaction)
        return self._fit_and_report(given)

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
