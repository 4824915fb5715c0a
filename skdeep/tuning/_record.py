"""Record of a candidate in the study: the outcome of each fold.

With it `cv_results_` is made anew from a storage, without a second evaluation.
"""

import hashlib
import json

import joblib
import numpy as np
import pandas as pd
from optuna.distributions import distribution_to_json

from skdeep.tuning._describe import describe

FOLDS = "skdeep:folds"
"""User attribute of a trial: a list with the outcome of each fold."""

CURVES = "skdeep:curves"
"""User attribute of a trial: the validation scores of each epoch, by series (a fold) of fits."""

PRUNED = "skdeep:pruned"
"""User attribute of a trial that was stopped in the middle of its training."""

SEED = "skdeep:seed"
"""User attribute of a study: the seed of its sampler."""

SEARCH = "skdeep:search"
"""User attribute of a study: fingerprint of the search that it belongs to."""

_LONGEST_ERROR = 4000  # characters of a traceback; columns of some databases end at 65,535


def store(trial, outcomes, curves=None, pruned=False):
    """Write the outcomes of a candidate's folds to its trial.

    The outcomes are written last: where they are, all is there.
    """
    if curves:
        trial.set_user_attr(CURVES, curves)
    if pruned or PRUNED in trial.user_attrs:
        trial.set_user_attr(PRUNED, pruned)
    plain = [{k: _plain(v) for k, v in outcome.items()} for outcome in outcomes]
    trial.set_user_attr(FOLDS, plain)


def restore(frozen):
    """The outcomes of a candidate's folds, or None where the trial has none."""
    return frozen.user_attrs.get(FOLDS)


def curves(frozen):
    """Validation scores of each epoch of each series of fits."""
    return frozen.user_attrs.get(CURVES, {})


def was_pruned(frozen):
    """Whether a candidate was stopped during training."""
    return bool(frozen.user_attrs.get(PRUNED))


def _plain(value):
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, str):
        return value[-_LONGEST_ERROR:]
    return value.item() if isinstance(value, np.generic) else value


def fingerprint(search, space, X, y, params, splits):
    """Text that two searches share if and only if they may share trials.

    That is so for the same rows, targets and further arguments of `fit`, the same folds, the same
    estimator, space and scoring, with the code of what is not of an installed package: all that
    the score of a candidate depends on. `n_trials` and such are free.

    Parameters
    ----------
    search : OptunaSearchCV
    space : Space
    X, y : array-like
    params : dict
        Further arguments of `fit`.
    splits : list of (train, test)

    Returns
    -------
    str
    """
    parts = [
        _hash(X),
        _hash(y),
        *(f"{name}={_hash(value)}" for name, value in sorted(params.items())),
        joblib.hash([[np.asarray(rows) for rows in split] for split in splits]),
        describe(search.estimator),
        describe(search.scoring),
        describe(search.objectives),
        describe(search.refit if isinstance(search.refit, str) else None),
        describe(search.param_distributions),
        json.dumps({k: distribution_to_json(v) for k, v in space.distributions.items()}),
        repr(search.random_state),  # of a RandomState its kind: it goes on from search to search
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _hash(data):
    if isinstance(data, (pd.DataFrame, pd.Series)):
        try:
            rows = pd.util.hash_pandas_object(data, index=False).to_numpy()
        except TypeError:  # cells that cannot be hashed
            return joblib.hash(data)
        names = list(data.columns) if isinstance(data, pd.DataFrame) else data.name
        return f"{names} {joblib.hash(rows)}"
    return str(joblib.hash(data))
