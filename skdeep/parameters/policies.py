"""Parameters and attributes of policies."""

from dataclasses import replace
from numbers import Integral, Real

from skdeep._compat import Interval
from skdeep.parameters.arrays import ARRAYS
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import AT_LEAST_1, NOT_NEGATIVE, POSITIVE, UP_TO_1, Parameter
from skdeep.parameters.training import FEATURES, MAX_ITER, OUTPUTS, PROGRESS, TRAINING

FITTED_Q = {
    **TRAINING,
    **DENSE,
    "gamma": Parameter(
        [UP_TO_1],
        """float
        Discount factor of future rewards, in [0, 1].""",
    ),
    "n_steps": Parameter(
        [AT_LEAST_1],
        """int
        Number of steps whose rewards are summed before the value of the next state is added
        (Sutton and Barto, 2018, chapter 7). More than 1 propagates rewards faster, but values
        those steps as if the policy were the logged one.""",
    ),
    "double_q": Parameter(
        ["boolean"],
        """bool
        Whether the network, and not its target copy, chooses the action whose value the copy
        estimates (double Q-learning; van Hasselt et al., 2016), which overestimates less.""",
    ),
    "target_update": Parameter(
        [Interval(Real, 0, 1, closed="neither"), AT_LEAST_1],
        """float or int
        How the target network follows the network: an int is the number of updates after which
        it is copied (Mnih et al., 2015), a float below 1 the share by which it approaches the
        network after each update (Lillicrap et al., 2016).""",
    ),
    "conservative": Parameter(
        [NOT_NEGATIVE],
        """float
        Weight of a term that lowers the values of actions that were not logged (conservative
        Q-learning; Kumar et al., 2020, CQL(H)), not negative; 0 turns it off. The more, the nearer
        the policy is to the logged one.""",
    ),
    "huber_delta": Parameter(
        [POSITIVE],
        """float
        Error of a value beyond which the loss is linear, in units of the root mean square of the
        rewards that are not 0.""",
    ),
    "temperature": Parameter(
        [POSITIVE],
        """float
        `predict_proba` is the softmax of the values divided by this; positive. The lower, the
        nearer to always taking the best action.""",
    ),
    "image_shape": replace(
        ARRAYS["image_shape"],
        text="""tuple of int or None
        (height, width), or with the number of channels where `data_format` has it: observations
        are then images, flat, grey or with channels, for a network of convolutions. None stands
        for vectors.""",
    ),
    "data_format": replace(
        ARRAYS["data_format"],
        text="""{'channels_last', 'channels_first'}
        Position of the channels of images.""",
    ),
    "n_filters": Parameter(
        ["array-like", AT_LEAST_1],
        """int or array-like of int
        Number of channels of each convolution. Used with `image_shape` only.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of transitions of an update; 'auto' is 64 (``min(200, n_samples)`` for behaviour
        cloning).""",
    ),
    "max_iter": replace(
        MAX_ITER,
        text="""int or 'auto'
        Number of iterations of `updates_per_iter` updates; for behaviour cloning of passes over
        the rows. 'auto' plans one update a row, but at least 6,000 and at most 100,000, and 2,000
        for behaviour cloning.""",
    ),
    "updates_per_iter": Parameter(
        [Interval(Integral, 1, None, closed="left")],
        """int
        Number of updates after which the policy is evaluated and callbacks are called. Not used
        for behaviour cloning.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to keep the policy of the best iteration, since more updates often make a policy
        worse. `validation_fraction` of the episodes are held out, the value of each iteration's
        policy in their first states is estimated by fitted-Q evaluation with linear functions of
        random features (Rahimi and Recht, 2007), and of the policies whose value is within a fifth
        of the highest, which is about the error of the estimates, the last is kept. For behaviour
        cloning it is the accuracy on held-out rows that decides.""",
    ),
    "validation_fraction": replace(
        TRAINING["validation_fraction"],
        text="""float
        Fraction of the episodes (of the rows for behaviour cloning) that `early_stopping` holds
        out, in [0, 1).""",
    ),
    "n_iter_no_change": replace(
        TRAINING["n_iter_no_change"],
        text="""int or inf
        Training stops after more than this number of iterations in a row without a better score
        (without `early_stopping`, without a lower loss).""",
    ),
    "warm_start": replace(
        TRAINING["warm_start"],
        text="""bool
        Whether `fit` and `fit_env` continue from the weights of the previous fit.""",
    ),
    "dtype": replace(
        TRAINING["dtype"],
        text="""{'float32', 'float64'} or None
        Precision of the network. None uses that of `X`.""",
    ),
}

FITTED_Q_ATTRIBUTES = {
    "classes_": """ndarray of shape (n_actions,)
        The actions.""",
    **PROGRESS,
    "loss_": """float
        Loss of the last iteration, penalty included.""",
    "validation_loss_curve_": """list of float or None
        Temporal-difference error on held-out episodes after each iteration; None without such
        episodes.""",
    "validation_scores_": """list of float or None
        Estimated value of each iteration's policy; None without early stopping.""",
    "n_iter_": """int
        Number of iterations of the last fit.""",
    "t_": """int
        Number of transitions in all updates.""",
    "episode_returns_": """list of float
        Return of each episode that was learned from; defined only after `fit_env`.""",
    "n_steps_": """int
        Number of steps in the environment; defined only after `fit_env`.""",
    **OUTPUTS,
    **FEATURES,
    "input_shape_": """tuple
        Shape of an observation as passed; defined only for images.""",
}
