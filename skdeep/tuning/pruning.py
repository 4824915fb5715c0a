"""Pruning of candidates in the middle of their training."""

from __future__ import annotations

import warnings
from typing import Any, Self

import optuna
import pandas as pd

from skdeep.tuning._ledger import Ledger, default_pruner
from skdeep.tuning._stopping import Stopper
from skdeep.tuning._trial import OwnTrial

_HINT = (
    "cross_val_score and its like catch what a fit raises, so that the trial fails: write `with "
    "PruneTrials(trial=trial) as prune:`, set `prune` on the estimator, and return their mean in "
    "the block."
)


class PruneTrials(Stopper):
    """Callback of scikit-learn that prunes unpromising candidates.

    While a search evaluates candidates, each network of skdeep in them is scored after each
    epoch: on `X_val` if it is passed to `fit`, otherwise on `validation_fraction` of the rows of
    the training fold, which are held out. An Optuna pruner compares the scores with those of the
    other candidates on the same fold. A candidate that is pruned on one fold is stopped there and,
    at the end of the current epoch, on its other folds. The test fold is never used, and the refit
    of the best candidate is complete and uses all rows.

    It is set on the outermost estimator, ``GridSearchCV(...).set_callbacks(PruneTrials())``, and
    works in all processes of the search. `OptunaSearchCV` creates one if it has a `pruner`.

    In your own objective, ``with PruneTrials(trial=trial) as prune:`` makes one that reports to
    that trial. A fit that is pruned stops, the others, in all processes of the machine, stop after
    one epoch, and the block ends with `optuna.TrialPruned`; see the examples. Without the block
    the fit itself raises `optuna.TrialPruned`. That is sufficient for an objective which calls
    `fit`, but `cross_val_score` catches what a fit raises, so that its trial would fail.

    Parameters
    ----------
    pruner : optuna.pruners.BasePruner, default=None
        Pruner, for scores of which greater is better. None is
        ``PercentilePruner(60.0, n_startup_trials=5, n_warmup_steps=5)``: the best score so far
        is in the lower 40 % of the scores at this epoch (after Golovin et al., Google Vizier,
        KDD 2017). ``MedianPruner`` saves more time but more often prunes late starters. Not used
        with `trial`.

    trial : optuna.Trial, default=None
        The trial of your own objective. The first of its fits (folds) reports to it; further ones
        are completed unless that one is pruned.

    storage : str or path-like, default=None
        Journal file or URL of a database that all workers can access. Required only for several
        machines: on one machine, a temporary file is created if needed.

    Attributes
    ----------
    fits_ : DataFrame
        Report of the last search, a row for each fit: 'round' (of successive halving, else 0),
        'fold', 'candidate' (its number in the round), 'n_epochs', 'score' (of the last epoch, on
        the held-out rows) and 'pruned'.

    Notes
    -----
    With `n_jobs` > 1 results may differ from run to run, because the progress of the other
    candidates depends on timing. A pruned candidate keeps the test scores that it has reached;
    `GridSearchCV` ranks them with the others, `OptunaSearchCV` behind them.

    Networks with ``solver='lbfgs'``, which has no epochs, and estimators of other libraries are
    not pruned. `GANOutlierDetector`, whose epochs have no score, raises an error.
    Without ``early_stopping``, the held-out rows are used by the pruner only and do not select an
    epoch.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdeep import MLPClassifier
    >>> from skdeep.tuning import PruneTrials
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"learning_rate_init": [0.05, 0.02, 0.01, 0.02, 0.05, 1e-5, 1e-6, 1e-7]}
    >>> clf = MLPClassifier(random_state=0, max_iter=50, tol=0, n_iter_no_change=50)
    >>> prune = PruneTrials()
    >>> search = GridSearchCV(clf, grid, cv=3).set_callbacks(prune)
    >>> with warnings.catch_warnings(action="ignore"):  # training ends before it converges
    ...     search = search.fit(X, y)
    >>> prune.fits_[prune.fits_["pruned"]]["candidate"].unique()
    array([5, 6, 7])

    An objective of one's own:

    >>> import optuna
    >>> from sklearn.model_selection import cross_val_score
    >>> def objective(trial):
    ...     rate = trial.suggest_float("rate", 1e-7, 0.1, log=True)
    ...     clf = MLPClassifier(learning_rate_init=rate, random_state=0, max_iter=50)
    ...     with PruneTrials(trial=trial) as prune:
    ...         return cross_val_score(clf.set_callbacks(prune), X, y, n_jobs=2).mean()
    >>> study = optuna.create_study(direction="maximize")
    >>> study.optimize(objective, n_trials=20)  # doctest: +SKIP
    """

    __module__ = "skdeep.tuning"

    fits_: pd.DataFrame

    def __init__(self, pruner: Any = None, *, trial: Any = None, storage: Any = None):
        if pruner is not None and not isinstance(pruner, optuna.pruners.BasePruner):
            raise TypeError(f"pruner must be an Optuna pruner or None, got {pruner!r}.")
        self.pruner = pruner
        self.trial = trial
        self.storage = storage
        super().__init__()
        self._fits: dict[Any, Any] = {}  # that run in this process
        self._own = OwnTrial(trial)

    def __enter__(self) -> Self:
        if self.trial is None:
            raise ValueError(
                "trial=None: `with PruneTrials(trial=trial)` expected the trial of your objective. "
                "For a search, set the callback on it: `search.set_callbacks(PruneTrials())`."
            )
        self._own.share()
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self._own.close()
        if error is None and self._own.is_pruned():
            raise optuna.TrialPruned(f"Trial was pruned at epoch {self._own.pruned_at}.")

    @property
    def max_propagation_depth(self) -> int:
        """Depth to which scikit-learn propagates the callback: to candidates, or not at all."""
        return 1 if self.trial is None else 0

    def _new_ledger(self, context):
        prefix = "" if self.storage is None else f"{context.root_uuid} "
        return Ledger(self.pruner or default_pruner(), self.storage, prefix)

    def setup(self, estimator: Any, context: Any) -> None:
        """Called by scikit-learn where the outermost `fit` begins.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        if self._own.is_pruned() and not self._own.is_shared:
            warnings.warn(f"The trial was pruned, but another fit begins. {_HINT}")
        super().setup(estimator, context)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called by scikit-learn at the end of the outermost `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext
        """
        rows = [
            (*map(int, series.split()[:2]), candidate, len(scores), scores[-1], pruned)
            for series, candidate, scores, pruned in self.ledger(context).fits()
            if scores and candidate is not None
        ]
        columns = ["round", "fold", "candidate", "n_epochs", "score", "pruned"]
        self.fits_ = pd.DataFrame(rows, columns=columns).sort_values(
            ["round", "candidate", "fold"], ignore_index=True
        )
        self._fits = {k: fit for k, fit in self._fits.items() if k[0] != context.root_uuid}
        super().teardown(estimator, context)

    def __getstate__(self):
        return {**super().__getstate__(), "_fits": {}}

    def wants_validation_score(self, context: Any) -> bool:
        """Whether a fit has to be scored after each epoch; skdeep's estimators ask.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext
            Of the fit.

        Returns
        -------
        bool
        """
        if self.trial is not None:
            return self._own.claims(str(context.root_uuid))
        return self._place(context) is not None

    def _listens(self, context):
        return self.trial is not None or super()._listens(context)

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Called by scikit-learn after each task; an epoch is compared with those of others.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext

        Returns
        -------
        bool
            Whether to stop training.

        Raises
        ------
        optuna.TrialPruned
            With `trial`, where it loses.
        """
        stops = super().on_fit_task_end(estimator, context)
        if self.trial is None and getattr(context, "validation_score", None) is None:
            return self._end(context)
        return stops

    def on_epoch_end(self, context: Any) -> bool:
        """Compare the score of an epoch, if any, with those of other candidates.

        Parameters
        ----------
        context : sklearn.callback.CallbackContext
            Context of the epoch.

        Returns
        -------
        bool
            Whether to stop training.
        """
        score = context.validation_score
        if self.trial is not None:
            return self._report_to_trial(context, score)
        if score is None:
            return False
        place = self._place(context)
        return place is not None and self._report(place, context, score)

    def _report(self, place, context, score):
        (series, candidate), ledger = place, self.ledger(context)
        key = (context.root_uuid, *place)
        if key not in self._fits:
            self._fits[key] = [ledger.begin(series, candidate), False]
        fit = self._fits[key]
        fit[0].report(score, context.task_id)
        name = f"{series.split()[0]} {candidate}"
        lost = fit[0].should_prune()
        if lost:
            ledger.give_up(name)
        fit[1] = lost or ledger.is_given_up(name)
        return fit[1]

    def _end(self, context):
        place: Any = self._place(context) if self._fits else None
        key = (context.root_uuid, *(place or ()))
        if key in self._fits:
            self.ledger(context).end(place[0], *self._fits.pop(key))
        return False

    def _report_to_trial(self, context, score):
        own = self._own
        if score is None or own.is_pruned() or not own.claims(str(context.root_uuid)):
            return own.is_pruned()
        own.report(score, context.task_id)
        if own.is_pruned() and not own.is_shared:
            hint = f" {_HINT}" if own.is_elsewhere else ""
            raise optuna.TrialPruned(f"Trial was pruned at epoch {own.pruned_at}.{hint}")
        return own.is_pruned()
