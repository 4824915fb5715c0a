"""State of one `fit` of a search: space, folds, study, pruner."""

import time
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skdeep._compat import _yields_constant_splits
from skdeep.tuning import _record
from skdeep.tuning._ensemble import Library, check_ensemble
from skdeep.tuning._optuna import open_storage, open_study
from skdeep.tuning._samplers import make_sampler
from skdeep.tuning._space import Space, check_names
from skdeep.tuning._stopping import TimeLimit
from skdeep.tuning.pruning import PruneTrials
from skdeep.tuning.spaces import search_space


class FrozenSplits:
    """A splitter with fixed folds: each batch of candidates gets the same ones."""

    def __init__(self, cv, X, y, params):
        self.cv = cv
        self.is_constant = _yields_constant_splits(cv)
        self.folds = list(cv.split(X, y, **params))

    def get_n_splits(self, X=None, y=None, **params):
        """Number of folds of the splitter."""
        return self.cv.get_n_splits(X, y, **params)

    def split(self, X=None, y=None, **params):
        """Yield the folds."""
        return iter(self.folds)


class Session:
    """Checked parameters of a search and objects derived from them.

    Parameters
    ----------
    search : OptunaSearchCV
    fit_params : dict
        Further arguments of `fit`.
    """

    def __init__(self, search, fit_params):
        self.search, self.fit_params = search, fit_params
        found = [c for c in getattr(search, "_skl_callbacks", []) if isinstance(c, PruneTrials)]
        self.prune: Any = found[0] if found else None
        if search.pruner is not None:
            if found:
                raise ValueError(
                    "The search has a pruner and a callback PruneTrials: set one of them."
                )
            self.prune = PruneTrials(search.pruner)
        self.callbacks = list(getattr(search, "_skl_callbacks", []))
        if search.pruner is not None:
            self.callbacks.append(self.prune)
        self.stoppers: list[Any] = [] if self.prune is None else [self.prune]
        self.deadline = np.inf
        if search.timeout is not None:
            self.deadline = time.monotonic() + search.timeout
            if hasattr(search.estimator, "set_callbacks"):
                limit = TimeLimit(time.time() + search.timeout)
                self.callbacks.append(limit)
                self.stoppers.append(limit)

    def check(self, cv, X, y, split_params):
        """Check everything that can be checked before the first candidate, and compute the folds.

        Returns
        -------
        FrozenSplits
        """
        search = self.search
        for i, callback in enumerate(search.study_callbacks or ()):
            if not callable(callback):
                raise TypeError(
                    f"study_callbacks[{i}]={callback!r}: expected a callable that takes a study "
                    "and a trial."
                )
        if search.n_trials is None and search.timeout is None and not self._is_grid():
            raise ValueError(
                "n_trials=None and timeout=None: the search would never end. Give one of them."
            )
        if search.study is not None and search.storage is not None:
            raise ValueError("study and storage are both given; a study has its storage.")
        self.library: Library | None = None
        if isinstance(search.refit, str) and search.refit == "ensemble":
            check_ensemble(search, y)
            self.library = Library(search, y)
        self.space = self._make_space()
        check_names(self.space, search.estimator)
        self.folds = splits = FrozenSplits(cv, X, y, split_params)
        if search.storage is not None and not splits.is_constant:
            raise ValueError(
                f"storage needs folds that another process can make again, got cv={cv}: give it "
                "an int as random_state."
            )
        self.fingerprint = None
        if search.storage is not None or search.study is not None:
            self.fingerprint = _record.fingerprint(
                search, self.space, X, y, self.fit_params, splits.folds
            )
        return splits

    def _is_grid(self):
        return type(self.search.sampler).__name__ == "GridSampler" or (
            isinstance(self.search.sampler, str) and self.search.sampler == "grid"
        )

    def _make_space(self):
        given, estimator = self.search.param_distributions, self.search.estimator
        if given is None:
            given = search_space(estimator)
            if not given:
                raise ValueError(
                    f"There is no default search space for {estimator}: give param_distributions."
                )
        return Space(given)

    def open_study(self):
        """The study and its target number of trials."""
        search, study = self.search, self.search.study
        if study is None:
            storage = open_storage(search.storage)
            name = f"{type(search.estimator).__name__} {self.fingerprint or ''}".strip()
            study = open_study(storage, name, n_objectives=_n_objectives(search.objectives))
            self._claim(study)
            study.sampler, grid_size = make_sampler(search.sampler, self.space, self._seed(study))
        else:
            _check_directions(study, search.objectives)
            self._claim(study)
            self.sampler_before = study.sampler
            sampler = study.sampler if search.sampler is None else search.sampler
            study.sampler, grid_size = make_sampler(sampler, self.space, self._seed(study))
        return study, min(np.inf if search.n_trials is None else search.n_trials, grid_size)

    def _claim(self, study):
        """Raise for a study of other data, which would leak into this search."""
        if self.fingerprint is None:
            return
        of = study.user_attrs.get(_record.SEARCH)
        if of is None:
            study.set_user_attr(_record.SEARCH, self.fingerprint)
        elif of != self.fingerprint:
            raise ValueError(
                f"The study {study.study_name!r} has trials of another search: of other data, "
                "folds, estimator, parameters, scoring or random_state, or the code of a step, a "
                "module or a scorer was edited since. Give a new study, or a storage, where each "
                "search finds its own study."
            )

    def _seed(self, study):
        if _record.SEED not in study.user_attrs:
            study.set_user_attr(_record.SEED, _draw(self.search.random_state))
        return study.user_attrs[_record.SEED]

    def recall(self, study, context):
        """Add candidates of an earlier process to the comparison."""
        trials = study.get_trials(deepcopy=False) if self.prune else ()
        for trial in (t for t in trials if _record.restore(t) is not None):
            for series, scores in _record.curves(trial).items():
                pruned = _record.was_pruned(trial)
                self.prune.ledger(context).add(series, None, scores, pruned)


def _draw(random_state):
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31 - 1))
    return int(random_state)


def _n_objectives(objectives):
    return 1 if objectives is None or isinstance(objectives, str) else len(objectives)


def _check_directions(study, objectives):
    if any(direction.name != "MAXIMIZE" for direction in study.directions):
        raise ValueError(
            f"The study {study.study_name!r} has directions {study.directions}; scores are to be "
            "maximised (scikit-learn's scorers negate errors)."
        )
    if objectives is not None and _n_objectives(objectives) != len(study.directions):
        raise ValueError(
            f"objectives={objectives!r} needs a study of {_n_objectives(objectives)} directions, "
            f"got one of {len(study.directions)}."
        )
