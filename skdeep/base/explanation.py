"""Attribution of predictions to the columns of X, for networks that read tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdeep._checks import is_frame
from skdeep.base.saliency import outputs_meant
from skdeep.engine.device import has_double

_ROWS = 512  # of a forward pass


class TableScores(NamedTuple):
    """A network as a function of what columns of X become.

    Attributes
    ----------
    split : callable
        From rows (n_samples, n_columns), as the network reads them, to their parts: numbers, and
        vectors of categories; Tensors whose first axis is that of rows.
    score : callable
        From parts to the network's raw output, (n_samples, n_outputs).
    sources : list of ndarray of int
        Of each part, the column of X that an entry of the last axis comes from, -1 for none.
    unknown : ndarray
        A row of which nothing is known, as the network reads it.
    """

    split: Callable[[Tensor], list[Tensor]]
    score: Callable[[Sequence[Tensor]], Tensor]
    sources: list[np.ndarray]
    unknown: np.ndarray


def number_scores(estimator: Any, module: Any) -> TableScores:
    """Scores of a network that reads the numbers of X as they are."""
    n_inputs = estimator.n_features_in_
    return TableScores(
        split=lambda x: [x],
        score=lambda parts: module(parts[0]),
        sources=[np.arange(n_inputs)],
        unknown=np.zeros(n_inputs),
    )


def explain(self: Any, X: Any, y: Any = None, *, baseline: Any = None, n_steps: int = 32) -> Any:
    """Split the prediction of each row among the columns of X, by integrated gradients.

    The gradient of the raw output is integrated along the straight line from a baseline to the
    row, and multiplied by the difference (Sundararajan et al., 2017). The contributions of a row
    sum up to the difference between the outputs for the row and for the baseline, as far as the
    integral is accurate.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Rows like those of `fit`.

    y : array-like of shape (n_samples,), default=None
        Classes whose output is meant (numbers of outputs, for a regressor); None stands for the
        predicted ones (the first output).

    baseline : {array-like, DataFrame} of shape (n_baselines, n_features), default=None
        Rows like those of `fit` to compare with: the mean over several is taken. None is 0 in each
        column for `MLPClassifier` and `MLPRegressor`; for RealMLP and TabM, the median of numbers,
        and of categories a level that `fit` did not see.

    n_steps : int, default=32
        Points on the line at which the gradient is taken (Gauss-Legendre quadrature).

    Returns
    -------
    contributions : ndarray of shape (n_samples, n_features), or DataFrame
        A DataFrame like X where X is one. In units of y for regressors (of its logarithm with
        ``loss='poisson'``); of log-odds for two classes, else of the score of the class before
        softmax, which of several networks is the logarithm of their mean probability.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdeep import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> reg = MLPRegressor(learning_rate="cosine", random_state=0).fit(X, y)
    >>> reg.explain(X[:2]).columns[:4].tolist()
    ['age', 'sex', 'bmi', 'bp']
    """
    check_is_fitted(self)
    if not (isinstance(n_steps, (int, np.integer)) and n_steps >= 1):
        raise ValueError(f"n_steps={n_steps!r}: expected a positive integer.")
    checked, rows = self._placed(X)
    of = None if baseline is None else self._placed(baseline)[1]
    out = _explained(self, rows, outputs_meant(self, y, rows.shape[0]), of, n_steps)
    self._only_finite(torch.as_tensor(out), checked)
    return like_columns(out, X)


def like_columns(values: np.ndarray, X: Any) -> np.ndarray | pd.DataFrame:
    """A number for each number of X, as a DataFrame with its names and index if X is a frame."""
    if not is_frame(X):
        return values
    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(values, index=index, columns=list(X.columns))


def _explained(
    estimator: Any, rows: Any, chosen: Tensor | None, of: Any, n_steps: int
) -> np.ndarray:
    """Contributions of placed rows; `of` are the baselines, or None."""
    net = estimator.net_
    module = net.in_double() if has_double(rows.device) else net.module_
    scores, dtype = estimator._table_scores(module), next(module.parameters()).dtype
    if of is None:
        of = torch.as_tensor(scores.unknown).to(rows.device)[None]

    def parts_of(rows: Any, numbers: Any) -> list[Tensor]:
        return [part.to(dtype) for part in scores.split(_dense(rows, numbers))]

    ends = [parts_of(of, [i]) for i in range(of.shape[0])]
    out = np.zeros((rows.shape[0], estimator.n_features_in_))
    for start in range(0, len(out), _ROWS):
        some = np.arange(start, min(start + _ROWS, len(out)))
        there = parts_of(rows, some)
        if chosen is not None:
            whose = chosen[torch.as_tensor(some)].to(rows.device)
        else:
            with torch.no_grad():
                whose = estimator._predicted_outputs(scores.score(there))
        units = estimator._output_units(whose.cpu().numpy()) / len(ends)
        for end in ends:
            out[some] += units * _contributions(estimator, scores, there, end, whose, n_steps)
    return out


def _dense(rows: Any, numbers: Any) -> Tensor:
    """Some rows, which may be stored sparse."""
    found = rows.index_select(0, torch.as_tensor(numbers).to(rows.device))
    return found if found.layout == torch.strided else found.to_dense()


def _contributions(
    estimator: Any,
    scores: TableScores,
    there: list[Tensor],
    start: list[Tensor],
    chosen: Tensor,
    n_steps: int,
) -> np.ndarray:
    """Contributions for some rows and one baseline, in the network's units."""
    points, weights = np.polynomial.legendre.leggauss(n_steps)
    differences = [a - b for a, b in zip(there, start)]
    sums = [torch.zeros_like(difference) for difference in differences]
    for share, weight in zip((points + 1) / 2, weights / 2):
        at = [(b + share * d).requires_grad_() for b, d in zip(start, differences)]
        with torch.enable_grad():
            total = estimator._score_of(scores.score(at), chosen).sum()
            for known, gradient in zip(sums, torch.autograd.grad(total, at)):
                known.add_(gradient, alpha=weight)
    out = np.zeros((estimator.n_features_in_, len(there[0])))
    for difference, gradient, sources in zip(differences, sums, scores.sources):
        parts = (difference * gradient).detach()
        parts = parts.flatten(1, -2).sum(1) if parts.dim() > 2 else parts
        from_column = sources >= 0
        np.add.at(out, sources[from_column], parts.double().cpu().numpy().T[from_column])
    return out.T
