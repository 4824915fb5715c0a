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


def shrunk_precision(v: np.ndarray) -> Precision:
    """Inverse of the covariance matrix of Ledoit and Wolf (2004), which few rows do not make
    singular.

    Up to 256 columns it is that of `sklearn.covariance.LedoitWolf`. With more columns the same
    matrix is inverted by a Cholesky factor, and with more columns than rows never formed, by the
    identity of Woodbury (1950): time and memory are then linear in the columns.

    Parameters
    ----------
    v : ndarray of shape (n_samples, n_columns)
    """
    n_rows, n_columns = v.shape
    if n_columns <= _WIDE:
        known = LedoitWolf().fit(v)
        flat = known.covariance_.trace() < _TINY  # rows that differ by rounding alone
        return Precision(known.location_, known.precision_ * (not flat))
    location = v.mean(0)
    c = v - location
    products = c.T @ c if n_columns <= n_rows else c @ c.T
    shrinkage, mu = ledoit_wolf_weights(c, products)
    if mu * n_columns < _TINY:
        return Precision(location, None, np.zeros((0, n_columns)), np.inf)
    ridge = max(shrinkage * mu, _SMALLEST_RIDGE * mu * n_columns)
    products *= (1 - shrinkage) / n_rows
    products.flat[:: len(products) + 1] += ridge
    factor = cholesky(products, lower=True, overwrite_a=True, check_finite=False)
    if n_columns <= n_rows:
        return Precision(location, cho_solve((factor, True), np.eye(n_columns), overwrite_b=True))
    c *= np.sqrt((1 - shrinkage) / n_rows)
    basis = solve_triangular(factor, c, lower=True, check_finite=False)
    return Precision(location, None, basis, ridge)


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
    squares = np.einsum("ij,ij->i", c, c)
    trace = squares.sum() / n_rows
    mu = trace / n_columns
    whole = np.square(products).sum() / n_rows**2
    noise = (np.square(squares).sum() / n_rows - whole) / (n_columns * n_rows)
    spread = (whole - 2 * mu * trace + n_columns * mu**2) / n_columns
    noise = min(noise, spread)
    return (noise / spread if noise > 0 else 0.0), mu
