"""What estimators share that make new samples: fit without a target, noise from a seed."""

from numbers import Integral

import torch
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state

from skdeep._compat import _fit_context
from skdeep.base.old_estimator import DeepEstimator, all_or_nothing, new_random_state


class DeepGenerator(DeepEstimator):
    """Base of the generators: two players, of which the first makes samples.

    A subclass has `_fit`, and `_players` that names the generator first.
    """

    solver, learning_rate, l1_ratio, warm_start = "adam", "constant", 0.0, False
    momentum, nesterovs_momentum, shuffle = 0.9, True, True
    _target_is_numeric = False

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X, y=None):
        """Learn to make samples like those of X.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : array-like
            The samples, along the first axis; which shapes and types there may be, the
            description of the class says.

        y : array-like of shape (n_samples,), default=None
            What belongs to each sample, to be made along with it.

        Returns
        -------
        self : estimator
        """
        return self._fit_and_report(X, y, None, (None, None, None))

    def _check_n_samples(self, n_samples):
        if not isinstance(n_samples, Integral) or isinstance(n_samples, bool) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r}: expected an integer of at least 1.")
        return int(n_samples)

    def _noise(self, random_state):
        """A generator of noise on the network's device."""
        random_state = self.random_state if random_state is None else random_state
        try:
            rng = new_random_state(random_state)
        except (TypeError, ValueError) as error:
            raise ValueError(f"random_state={random_state!r}: {error}") from None
        device = next(self.net_.module_.parameters()).device
        return seeded(device, check_random_state(rng))

    def _player_options(self, learning_rate, beta_1, weight_decay=0.0):
        return {
            "solver": "adamw",
            "learning_rate": float(learning_rate),
            "beta_1": beta_1,
            "beta_2": float(self.beta_2),
            "weight_decay": weight_decay,
        }

    def _explain(self, error, X, target):
        return (
            f"Training produced non-finite parameter weights: a loss became infinite or NaN in "
            f"epoch {error.epoch}. Lower learning_rate_init={self.learning_rate_init}, or set "
            "gradient_clip_norm=1.0."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.target_tags.required = False
        return tags


def seeded(device, rng):
    """A torch generator on a device, seeded from NumPy's."""
    generator = torch.Generator(device=device)
    generator.manual_seed(int(rng.randint(2**31 - 1)))
    return generator
