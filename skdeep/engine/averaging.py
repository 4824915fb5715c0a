"""Moving averages of weights."""

import contextlib

import torch

from skdeep.engine.steps import SingleStep


class WeightAverage:
    """Exponential moving average of all parameters (Polyak and Juditsky, 1992; Tarvainen and
    Valpola, 2017).

    The average of step n keeps the share ``min(1 - 1 / horizon, n / (n + 9))`` of what it was:
    early on it looks back a tenth of the way only.

    Parameters
    ----------
    flat : FlatParameters
    horizon : float
        Steps that the average looks back.
    """

    def __init__(self, flat, horizon):
        self.values, self.horizon = flat.values, max(horizon, 1.0)
        self.average = flat.values.detach().clone()
        self.n_steps = 0

    @torch.no_grad()
    def update(self):
        """Take the weights of a finished step."""
        self.n_steps += 1
        fresh = max(1 / self.horizon, 9 / (self.n_steps + 9))
        self.average.lerp_(self.values.detach(), fresh)

    @contextlib.contextmanager
    def swapped(self):
        """The network has its average weights inside, and its own again afterwards."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def under(self, validator):
        """The same validator, judging the average; None stays None."""
        if validator is None:
            return None

        def validate():
            with self.swapped():
                return validator()

        return validate

    @torch.no_grad()
    def _swap(self):
        own = self.values.detach().clone()
        self.values.copy_(self.average)
        self.average = own

    @torch.no_grad()
    def settle(self):
        """The average becomes the weights of the network."""
        self.values.copy_(self.average)


class AveragedStep(SingleStep):
    """A `SingleStep` after which an average takes the weights.

    Parameters
    ----------
    step : SingleStep
    average : WeightAverage
    """

    def __init__(self, step, average):
        self.__dict__.update(vars(step))
        self.average = average

    def __call__(self, batch, on_gradient=None):
        loss = super().__call__(batch, on_gradient)
        self.average.update()
        return loss

    def finish(self):
        """The average becomes the weights of the network, training being over."""
        self.average.settle()
