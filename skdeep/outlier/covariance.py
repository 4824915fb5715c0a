"""Shrunk covariance matrices of tables, also of those with many columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from sklearn.covariance import LedoitWolf

_TINY = 1e-12
_WIDE = 256  # columns from which Cholesky factors take the place of eigenvalues
_SMALLEST_RIDGE = 1e-10  # of the trace: rounding must not make a matrix indefinite


class Precision(NamedTuple):
    """Inverse of a covariance matrix: a matrix, or ``(I - basis.T @ basis) / ridge``.

    Attributes
    ----------
    location : ndarray of shape (n_columns,)
        Mean of the rows.
    matrix : ndarray of shape (n_columns, n_columns) or None
    basis : ndarray of shape (n_samples, n_columns) or None
        With more columns than rows.
    ridge : float
        Multiple of the identity in the covariance matrix; 1 with `matrix`.
    """

    location: np.ndarray
    matrix: np.ndarray | None
    basis: np.ndarray | None = None
    ridge: float = 1.0

    def parts(self, v: np.ndarray) -> np.ndarray:
        """Share of each column in the squared Mahalanobis distance of each row."""
        v = v - self.location
        if self.basis is None:
            return v * (v @ self.matrix)
        out = v - (v @ self.basis.T) @ self.basis
        out *= v
        out /= self.ridge
        return out

    def distances(self, v: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distance of each row: the sum of its `parts`."""
        if self.basis is None:
            return self.parts(v).sum(1)
        v = v - self.location
        return (_squares(v) - _squares(v @ self.basis.T)) / self.ridge


class _Factor(NamedTuple):
    """Centred rows `c` of a wide table, ``products`` of their columns (``c.T @ c``) or, if these
    are more, of the rows (``c @ c.T``), and the lower Cholesky factor `root` of
    ``weight * products + ridge * I``."""

    location: np.ndarray
    c: np.ndarray
    products: np.ndarray
    root: np.ndarray
    weight: float
    ridge: float

    @property
    def is_of_rows(self) -> bool:
        return self.c.shape[1] > len(self.c)

    def precision(self) -> Precision:
        """Inverse of the covariance matrix; with more columns than rows by the identity of
        Woodbury (1950)."""
        if not self.is_of_rows:
            identity = np.eye(len(self.root))
            matrix = cho_solve((self.root, True), identity, overwrite_b=True, check_finite=False)
            return Precision(self.location, matrix)
        basis = solve_triangular(self.root, self.c, lower=True, check_finite=False)
        basis *= np.sqrt(self.weight)
        return Precision(self.location, None, basis, self.ridge)

    def distances(self) -> np.ndarray:
        """Squared Mahalanobis distances of the rows themselves, which need no inverse."""
        if not self.is_of_rows:
            return _squares(solve_triangular(self.root, self.c.T, lower=True, check_finite=False).T)
        seen = solve_triangular(self.root, self.products, lower=True, check_finite=False)
        return (np.diag(self.products) - self.weight * _squares(seen.T)) / self.ridge


def shrunk_precision(v: np.ndarray, trim: float = 0.0) -> Precision:
    """Inverse of the covariance matrix of Ledoit and Wolf (2004), which few rows do not make
    singular.

    Up to 256 columns it is that of `sklearn.covariance.LedoitWolf`. With more columns the same
    matrix is inverted by a Cholesky factor, and with more columns than rows never formed: time and
    memory are then linear in the columns.

    Parameters
    ----------
    v : ndarray of shape (n_samples, n_columns)
    trim : float in [0, 1), default=0.0
        Share of the rows, the farthest ones, without which the centre and the matrix are worked
        out again.
    """
    if v.shape[1] <= _WIDE:
        fit = LedoitWolf().fit(v)
        flat = fit.covariance_.trace() < _TINY  # rows that differ by rounding alone
        known = Precision(fit.location_, fit.precision_ * (not flat))
        if not trim:
            return known
        distance = known.distances(v)
    else:
        factor = _factor(v)
        if factor is None:
            return Precision(v.mean(0), None, np.zeros((0, v.shape[1])), np.inf)
        if not trim:
            return factor.precision()
        distance = factor.distances()
        del factor
    return shrunk_precision(v[distance <= np.quantile(distance, 1 - trim)])


def _factor(v: np.ndarray) -> _Factor | None:
    """Factor of a wide table; None of rows that differ by rounding alone."""
    n_rows, n_columns = v.shape
    location = v.mean(0)
    c = v - location
    products = c.T @ c if n_columns <= n_rows else c @ c.T
    shrinkage, mu = ledoit_wolf_weights(c, products)
    if mu * n_columns < _TINY:
        return None
    weight, ridge = (1 - shrinkage) / n_rows, shrinkage * mu
    ridge = max(ridge, _SMALLEST_RIDGE * mu * n_columns)
    matrix = weight * products
    matrix.flat[:: len(matrix) + 1] += ridge
    root = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    return _Factor(location, c, products, root, weight, ridge)


def ledoit_wolf_weights(c: np.ndarray, products: np.ndarray) -> tuple[float, float]:
    """Shrinkage of the covariance matrix of centred rows, and the mean of its diagonal.

    `sklearn.covariance.ledoit_wolf_shrinkage` for wide tables: the sum of the products of squares
    over all pairs of columns is one number per row, and the sum of squares of the matrix that of
    the products of rows.

    Parameters
    ----------
    c : ndarray of shape (n_samples, n_columns)
        Centred rows.
    products : ndarray
        ``c.T @ c`` or ``c @ c.T``.
    """
    n_rows, n_columns = c.shape
    squares = _squares(c)
    trace = squares.sum() / n_rows
    mu = trace / n_columns
    whole = np.square(products).sum() / n_rows**2
    noise = (np.square(squares).sum() / n_rows - whole) / (n_columns * n_rows)
    spread = (whole - 2 * mu * trace + n_columns * mu**2) / n_columns
    noise = min(noise, spread)
    return (noise / spread if noise > 0 else 0.0), mu


def _squares(v: np.ndarray) -> np.ndarray:
    """Sum of squares of each row."""
    return np.einsum("ij,ij->i", v, v)
