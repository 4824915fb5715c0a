"""Outlier scores of rows, from a trained masked network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from skdeep.base.outliers import upper_fence
from skdeep.data.batches import chunks, to_tensor
from skdeep.engine import DeepNet
from skdeep.engine.device import has_double
from skdeep.nets.masked import MaskedNet
from skdeep.outlier.scorers import (
    Local,
    Mahalanobis,
    Neighbors,
    Sampled,
    SquaredResiduals,
    Tail,
    total,
)

TRIMMED = 0.1  # share of rows that may be outliers
_ROUNDING = 1e-9  # equal rows may differ by it
_SUMS = {"mse": None, "normalized": "standard", "robust": "robust"}
_STORE_ROWS = ("neighbors", "latent_knn", "local")
MOST_ROWS = 50_000
"""Rows that scores are fitted on, at most: of more a random sample is taken."""
_PASS = 2**16  # rows that are scored at a time, so that memory stays bounded


class Measured(NamedTuple):
    """Inputs of a scorer."""

    values: np.ndarray  # or the code
    residuals: np.ndarray
    deviations: np.ndarray  # of columns that were constant in fit

    def at(self, places: Any) -> Measured:
        """Those of some of the rows."""
        return Measured(*(part[places] for part in self))

    def scores(self, scorer: Any) -> np.ndarray:
        """Outlier score of each row: the higher, the more abnormal."""
        return total(scorer, self.values, self.residuals) + np.square(self.deviations).sum(1)


@dataclass(frozen=True)
class ResidualModel:
    """A trained network that predicts values from the others.

    Attributes
    ----------
    module : MaskedNet
    groups : list of list of int
        Features that are hidden together.
    code_scale : tuple of (ndarray, float) or None
        Mean and spread of the network's code, which then takes the place of the values.
    """

    module: MaskedNet
    groups: list[list[int]]
    code_scale: tuple[np.ndarray, float] | None = None

    @classmethod
    def of(cls, net: DeepNet, groups: Any, code_scale: Any = None) -> ResidualModel:
        """The network in double precision, if its device supports it: a row's score must not
        depend, by rounding, on the other rows of the call."""
        module: Any = net.in_double() if has_double(torch.device(net.device)) else net.module_
        return cls(module, groups, code_scale)

    def with_code(self, rows: np.ndarray) -> ResidualModel:
        """The same model with its code as values, scaled on these rows: the whole code has the
        weight of all values."""
        (z,) = self._run(rows, self.module.latent)
        spread = np.sqrt(z.var(0).sum() / self.module.n_columns) + 1e-12
        return replace(self, code_scale=(z.mean(0), spread))

    def __call__(self, rows: np.ndarray) -> Measured:
        """Compute the inputs of a scorer for rows encoded by `OutlierEncoder`."""
        n = self.module.n_columns
        deviations = np.nan_to_num(rows[:, n:].astype(np.float64))

        def residuals(x: torch.Tensor) -> torch.Tensor:
            return self.module.residuals(x, self.groups)

        if self.code_scale is None:
            values, r = self._run(rows, torch.nan_to_num, residuals)
            return Measured(values, r, deviations)
        z, r = self._run(rows, self.module.latent, residuals)
        center, spread = self.code_scale
        return Measured((z - center) / spread, r, deviations)

    @torch.inference_mode()
    def _run(self, rows: np.ndarray, *functions: Any) -> list[np.ndarray]:
        """Apply functions to the rows in chunks; arrays in double precision."""
        parameter, config = next(self.module.parameters()), self.module.config
        x = to_tensor(rows[:, : self.module.n_columns], parameter.dtype, parameter.device)
        width = config["n_members"] * max(config["hidden_layer_sizes"])
        pieces = chunks(len(x), width, x.device)
        return [torch.cat([f(x[p]) for p in pieces]).cpu().double().numpy() for f in functions]


@dataclass(frozen=True)
class RowScorer:
    """Scores of rows: a network that computes their residuals, and a scorer."""

    model: ResidualModel
    scorer: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Outlier score of each row: the higher, the more abnormal."""
        return np.concatenate([self.model(part).scores(self.scorer) for part in _passes(rows)])

    def contributions(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Contribution of each varying column, and of each constant one, to the score."""
        varying, constant = zip(*(self._parts(part) for part in _passes(rows)))
        return np.concatenate(varying), np.concatenate(constant)

    def _parts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, r, deviations = self.model(rows)
        if self.model.code_scale is None:
            parts = self.scorer.contributions(x, r)
        else:
            parts = np.square(r / self.scorer.scale_) + 1e-12
            parts *= (total(self.scorer, x, r) / parts.sum(1))[:, None]
        return parts, np.square(deviations)


def _passes(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[i : i + _PASS] for i in range(0, len(rows), _PASS)]


def _sample(rows: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """The rows, or `MOST_ROWS` of them."""
    if len(rows) <= MOST_ROWS:
        return rows
    return rows[rng.choice(len(rows), MOST_ROWS, replace=False)]


@dataclass(frozen=True, kw_only=True)
class ScoreRule:
    """Method of scoring by the parameters of a detector, with 'auto' resolved."""

    method: str
    novelty: bool
    contamination: Any
    n_neighbors: int
    max_reference_rows: int
    trim: float

    @classmethod
    def of(cls, detector: Any) -> ScoreRule:
        """Read the parameters of a detector."""
        novelty, method, trim = detector.novelty, detector.score_method, detector.trim
        if method == "auto":
            method = "local" if novelty else "sampled"
        if trim == "auto":
            trim = 0.0 if novelty else TRIMMED
        return cls(
            method=method,
            novelty=novelty,
            contamination=detector.contamination,
            n_neighbors=detector.n_neighbors,
            max_reference_rows=detector.max_reference_rows,
            trim=float(trim),
        )

    @property
    def stores_rows(self) -> bool:
        """Whether rows are compared with stored training rows."""
        return self.method in _STORE_ROWS

    def scorer(self, n_rows: int, rng: np.random.RandomState) -> Any:
        """Scorer to be fitted on the given number of rows, for rows that are not among them."""
        if self.method == "mahalanobis":
            return Mahalanobis(self.trim)
        if self.method == "sampled":
            return Sampled(self.trim, rng.permutation(n_rows)[: Sampled.SAMPLE])
        if self.method == "local":
            return Local(self.n_neighbors, False)
        if self.stores_rows:
            return Neighbors(self.n_neighbors, False)
        return SquaredResiduals(_SUMS[self.method])

    def threshold(self, scores: np.ndarray) -> float:
        """Outlier score above which a row is an outlier."""
        if self.contamination != "auto":
            return np.percentile(scores, 100 * (1 - self.contamination))
        fence = upper_fence(scores) * (1 + _ROUNDING) + _ROUNDING
        return max(fence, np.quantile(scores, 0.95)) if self.novelty else fence


def _chosen(
    rule: ScoreRule, n_rows: int, held_out: np.ndarray, has_tail: bool, rng: np.random.RandomState
) -> tuple[np.ndarray, Any, Any]:
    """Places of the rows whose residuals are computed; which of these the scorer is fitted on, and
    which the one that scores rows that the network was not trained on."""
    places = _sample(np.arange(n_rows), rng)
    seen = np.flatnonzero(~np.isin(places, held_out))
    if not rule.stores_rows or len(places) <= rule.max_reference_rows:
        return places, slice(None), seen
    # Drawn once: what is kept of the training rows is kept of all rows, too.
    kept = rng.permutation(seen)[: rule.max_reference_rows]
    if rule.novelty and has_tail:  # no other rows are scored
        everything = slice(None)
        return places[kept], everything, everything
    return places, kept, kept


def learn_scores(
    rule: ScoreRule,
    model: ResidualModel,
    rows: np.ndarray,
    held_out: np.ndarray,
    unseen: np.ndarray | None,
    rng: np.random.RandomState,
) -> dict[str, Any]:
    """Fit the scorer, the tail of normal scores and the threshold.

    Parameters
    ----------
    rule : ScoreRule
    model : ResidualModel
    rows : ndarray
        All rows, encoded.
    held_out : ndarray of int
        Places of those of them that the network was not trained on.
    unseen : ndarray or None
        Rows that the network was not trained on, the ones held out or others; None for no tail
        of their own.
    rng : numpy.random.RandomState

    Returns
    -------
    dict
        Fitted attributes of a detector.
    """
    places, known, seen = _chosen(rule, len(rows), held_out, unseen is not None, rng)
    part = rows[places]
    if rule.method == "latent_knn":
        model = model.with_code(part[known if unseen is None else seen])
    measured = model(part)  # once: it takes most of the time

    def fitted(which: Any) -> Any:
        x, r, _ = measured.at(which)
        return rule.scorer(len(x), rng).fit(x, r)

    tail = scorer = None
    if unseen is not None:  # they must not be among the rows that they are compared with
        scorer = fitted(seen)
        all_measured = len(held_out) and len(places) == len(rows)
        others = measured.at(held_out) if all_measured else model(_sample(unseen, rng))
        tail = Tail().fit(others.scores(scorer))
    if scorer is None or known is not seen:
        scorer = fitted(known)
    if rule.stores_rows:
        scorer.set_params(leave_out_self=True)
    usual = tail.values_ if tail is not None and rule.novelty else measured.scores(scorer)
    if rule.stores_rows:
        scorer.set_params(leave_out_self=not rule.novelty)
    return {
        "score_method_": rule.method,
        "offset_": -rule.threshold(usual),
        "_scorer": scorer,
        "_tail": Tail().fit(usual) if tail is None else tail,
        "_latent_scale": model.code_scale,
    }
