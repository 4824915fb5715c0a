"""Samplers whose randomness depends only on a seed and the number of the trial."""

import copy
import itertools

import numpy as np
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler
from optuna.samplers._lazy_random_state import LazyRandomState


class PerTrialSampler(BaseSampler):
    """A sampler whose randomness depends only on the seed and the number of the trial.

    A storage keeps no state of a generator. With this, a search that is resumed draws what it
    would have drawn.

    Parameters
    ----------
    make : callable
        ``make(seed)`` gives an Optuna sampler.
    seed : int
    """

    def __init__(self, make, seed):
        self.make, self.seed = make, seed
        self._running = {}

    def _of(self, trial):
        if trial.number not in self._running:
            words = np.random.SeedSequence([self.seed, trial.number]).generate_state(1)
            self._running[trial.number] = self.make(int(words[0]))
        return self._running[trial.number]

    def before_trial(self, study, trial):
        self._of(trial).before_trial(study, trial)

    def infer_relative_search_space(self, study, trial):
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study, trial, search_space):
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study, trial, param_name, param_distribution):
        sampler = self._of(trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study, trial, state, values):
        self._of(trial).after_trial(study, trial, state, values)
        self._running.pop(trial.number, None)


def reseeded(sampler, seed):
    """Copy of a sampler with generators seeded by `seed`.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler
    seed : int

    Returns
    -------
    optuna.samplers.BaseSampler
    """
    sampler = copy.deepcopy(sampler)
    _reseed(sampler, seed)
    return sampler


def _reseed(sampler, seed):
    for name, value in sorted(vars(sampler).items()):
        if isinstance(value, LazyRandomState):
            setattr(sampler, name, LazyRandomState(seed))
        elif isinstance(value, BaseSampler):
            _reseed(value, seed)


class OrderedGrid(GridSampler):
    """All combinations of values, in the order of scikit-learn's `ParameterGrid`."""

    def __init__(self, grid):
        super().__init__(grid)
        self._all_grids = list(itertools.product(*self._search_space.values()))


def make_sampler(sampler, space, seed):
    """Sampler with randomness by trial number, and the number of trials that it can give.

    Parameters
    ----------
    sampler : {'tpe', 'random', 'grid'}, optuna.samplers.BaseSampler, callable or None
    space : skdeep.tuning._space.Space
    seed : int

    Returns
    -------
    sampler : PerTrialSampler or OrderedGrid
    limit : float
        Infinite but for a grid.

    Raises
    ------
    TypeError
        If a callable gives no sampler.
    """
    if isinstance(sampler, str) and sampler == "grid":
        sampler = OrderedGrid(space.grid())
    if isinstance(sampler, GridSampler):
        return sampler, len(sampler._all_grids)
    if isinstance(sampler, BaseSampler):
        return PerTrialSampler(_Reseeded(sampler), seed), np.inf
    make = {None: _tpe, "tpe": _tpe, "random": RandomSampler}.get(sampler, sampler)
    made = make(seed)
    if not isinstance(made, BaseSampler):
        raise TypeError(
            f"sampler={sampler!r} gave {made!r} for a seed: expected a sampler of Optuna "
            "(optuna.samplers.BaseSampler)."
        )
    return PerTrialSampler(make, seed), np.inf


def draws_apart(sampler):
    """Whether the sampler's draws for a trial are independent of other trials.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler

    Returns
    -------
    bool
    """
    make = getattr(sampler, "make", None)
    made = make.sampler if isinstance(make, _Reseeded) else None
    return isinstance(sampler, GridSampler) or make is RandomSampler or type(made) is RandomSampler


def _tpe(seed):
    return TPESampler(seed=seed)


class _Reseeded:
    def __init__(self, sampler):
        self.sampler = sampler

    def __call__(self, seed):
        return reseeded(self.sampler, seed)

    def __repr__(self):
        return repr(self.sampler)
