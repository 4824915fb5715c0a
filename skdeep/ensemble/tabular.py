"""RealMLP, TabM and trees as one estimator for tables."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.metrics import check_scoring
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state, indexable

from skdeep._compat import (
    Interval,
    StrOptions,
    _fit_context,
    _raise_for_params,
    _routing_enabled,
)
from skdeep.ensemble.base import WeightedEnsemble
from skdeep.ensemble.held_out import fit_and_hold_out
from skdeep.ensemble.selection import greedy_weights, scores_of_predictions
from skdeep.ensemble.weighted import WeightedEnsembleClassifier, WeightedEnsembleRegressor
from skdeep.preprocessing import TabularEncoder
from skdeep.tabular.realmlp import RealMLPClassifier, RealMLPRegressor
from skdeep.tabular.tabm import TabMClassifier, TabMRegressor

_FEWEST = 20  # held-out rows that all members have in common, to choose weights by
_N_TREES = 300


class _TabularEnsemble(WeightedEnsemble):
    """What the classifier and the regressor share."""

    _parameter_constraints: dict = {
        "estimators": [list, None],
        "scoring": [str, callable, None],
        "n_rounds": [Interval(Integral, 0, None, closed="left")],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "random_state": ["random_state"],
        "device": [str, object],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimators: list[tuple[str, Any]] | None = None,
        *,
        scoring: Any = None,
        n_rounds: int = 20,
        categorical_features: Any = "from_dtype",
        max_time: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: Any = "auto",
        n_jobs: int | None = None,
    ):
        self.estimators = estimators
        self.scoring = scoring
        self.n_rounds = n_rounds
        self.categorical_features = categorical_features
        self.max_time = max_time
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, **fit_params: Any) -> Self:
        """Fit all members on all rows, and choose their weights on rows that they held out.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; several outputs for a regressor alone.

        **fit_params : dict
            Passed to the `fit` of the members: `sample_weight`, and anything with metadata
            routing enabled. The weights of members are chosen without sample weights.

        Returns
        -------
        self : estimator
        """
        _raise_for_params(fit_params, self, "fit", allow=["sample_weight"])
        X, y = indexable(X, self._given_target(y))
        y = self._check_target(y)
        classes = self._learn_classes(y)
        members = self._members()
        params = self._params_of_members(members, fit_params)
        fitted, held_out = [], []
        clock = _Clock(self.max_time)
        for i, (name, member) in enumerate(members):
            limited = clock.limit(clone(member), [m for _, m in members[i:]])
            held_out.append(fit_and_hold_out(limited, X, y, params[name], classes))
            fitted.append(limited)
        weights = self._weigh(held_out, y, classes, members)
        return self._keep([name for name, _ in members], fitted, weights, classes)

    def _members(self) -> list[tuple[str, Any]]:
        """The estimators that are fitted."""
        if self.estimators is not None:
            names, estimators = self._validate_estimators()
            return [(n, e) for n, e in zip(names, estimators) if e != "drop"]
        rng = check_random_state(self.random_state)
        seeds = [int(rng.randint(2**31 - 1)) for _ in range(3)]
        columns = {"categorical_features": self.categorical_features}
        networks, trees = self._default_members
        forest = trees(
            _N_TREES, bootstrap=True, oob_score=True, random_state=seeds[2], n_jobs=self.n_jobs
        )
        made = [
            kind(random_state=seed, device=self.device, **columns)
            for kind, seed in zip(networks, seeds)
        ]
        encoder = TabularEncoder(**columns)
        if _routing_enabled():
            encoder.set_fit_request(sample_weight=False)
            for estimator in (forest, *made):
                estimator.set_fit_request(sample_weight=True)
        encoded: Any = make_pipeline(encoder, forest)
        if is_regressor(self):  # trees do not split where targets are small or far from 0
            encoded = TransformedTargetRegressor(encoded, transformer=StandardScaler())
        return [("trees", encoded), ("realmlp", made[0]), ("tabm", made[1])]

    def _weigh(
        self, held_out: Sequence[Any], y: np.ndarray, classes: Any, members: Sequence[Any]
    ) -> np.ndarray:
        """Weights of the members by the rows that all of them held out; equal ones where there are
        too few."""
        n = len(members)
        common = functools.reduce(np.intersect1d, [rows for rows, _ in held_out])
        if len(common) < _FEWEST or n == 1:
            return np.full(n, 1 / n)
        predictions = np.stack([p[np.searchsorted(rows, common)] for rows, p in held_out])
        scorer = check_scoring(members[0][1], scoring=self.scoring or self._default_scoring)
        score = scores_of_predictions(scorer, classes)
        return greedy_weights(predictions, y[common], score, self.n_rounds, start=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimators is None:
            tags.input_tags.allow_nan = tags.input_tags.categorical = True
            tags.input_tags.sparse = False
        return tags


class _Clock:
    """Shares a time limit among the networks that are still to be trained."""

    def __init__(self, max_time: float | None) -> None:
        self.deadline = None if max_time is None else time.monotonic() + max_time

    def limit(self, member: Any, left: Sequence[Any]) -> Any:
        """The member with its share of the time that is left."""
        if self.deadline is not None and "max_time" in member.get_params(deep=False):
            n_networks = sum("max_time" in m.get_params(deep=False) for m in left)
            seconds = max(self.deadline - time.monotonic(), 1e-3)
            member.set_params(max_time=seconds / n_networks)
        return member


_PARAMETERS = """
    Parameters
    ----------
    estimators : list of (str, estimator) tuples, default=None
        Other members than these three, with their names; 'drop' leaves one out. The held-out rows
        of RealMLP and TabM with `early_stopping`, and the out-of-bag rows of forests with
        `oob_score`, are used; others are fitted on 5 folds, too.

    scoring : str or callable, default=None
        What the weights maximise, as in `GridSearchCV`. None is {scoring!r}.

    n_rounds : int, default=20
        Rounds of the selection, which starts from equal weights; 0 leaves these as they are. They
        also stay where members have fewer than 20 held-out rows in common.

    categorical_features : 'from_dtype', array-like of {{bool, int, str}} or None, \
default='from_dtype'
        Which columns are categorical, as for `{network}`. Not used with `estimators`.

    max_time : float, default=None
        Seconds for training, which the networks share; trees are not limited.

    random_state : int, RandomState instance or None, default=None
        Seed of the members. Not used with `estimators`.

    device : str or torch.device, default='auto'
        Where networks are trained. Not used with `estimators`.

    n_jobs : int, default=None
        Number of parallel jobs of the trees.

    Attributes
    ----------
    estimators_ : list of estimators
        The members, fitted on all rows.

    named_estimators_ : Bunch
        The same by their names: 'trees', 'realmlp' and 'tabm'.

    weights_ : ndarray of shape (n_members,)
        Their weights, with the sum 1.
{classes}
    n_features_in_ : int
        Number of features in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    {network} : The first member alone.
    WeightedEnsemble{kind} : Any estimators, weighted by cross-validation.
"""


def _documented(cls: type) -> type:
    """Put the parameters that both classes have into a class's docstring."""
    is_for_classes = issubclass(cls, WeightedEnsembleClassifier)
    kind = "Classifier" if is_for_classes else "Regressor"
    classes = """
    classes_ : ndarray of shape (n_classes,)
        Class labels.
"""
    text = _PARAMETERS.format(
        scoring=cls._default_scoring,  # type: ignore[attr-defined]  # of the two below
        network=f"skdeep.RealMLP{kind}",
        kind=kind,
        classes=classes if is_for_classes else "",
    )
    cls.__doc__ = (cls.__doc__ or "").replace("    {parameters}\n", text.lstrip("\n"))
    return cls


@_documented
class TabularEnsembleClassifier(_TabularEnsemble, WeightedEnsembleClassifier):
    """RealMLP, TabM and extremely randomised trees as one classifier for mixed tables.

    Unlike models make unlike errors: the mean of the probabilities of two kinds of networks and of
    trees (Geurts et al., 2006) has fewer than each of them. Weights are chosen greedily (Caruana et
    al., 2004) by the rows that the members held out while they were trained on the others, and
    out-of-bag; nothing is trained twice.

    {parameters}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep.ensemble import TabularEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = TabularEnsembleClassifier(max_time=4, random_state=0, device="cpu").fit(X, y)
    >>> clf.score(X, y) > 0.9
    True
    """

    __module__ = "skdeep.ensemble"
    _default_members = ((RealMLPClassifier, TabMClassifier), ExtraTreesClassifier)


@_documented
class TabularEnsembleRegressor(_TabularEnsemble, WeightedEnsembleRegressor):
    """RealMLP, TabM and extremely randomised trees as one regressor for mixed tables.

    Unlike models make unlike errors: the mean of two kinds of networks and of trees (Geurts et
    al., 2006) has smaller ones than each of them. Weights are chosen greedily (Caruana et al.,
    2004) by the rows that the members held out while they were trained on the others, and
    out-of-bag; nothing is trained twice.

    {parameters}

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdeep.ensemble import TabularEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> reg = TabularEnsembleRegressor(max_time=4, random_state=0, device="cpu").fit(X, y)
    >>> reg.score(X, y) > 0.4
    True
    """

    __module__ = "skdeep.ensemble"
    _default_members = ((RealMLPRegressor, TabMRegressor), ExtraTreesRegressor)
