"""Formulas: each loss gives one value per sample; `reduce` alone averages."""

from skdeep.losses.adversarial import LogLikelihood
from skdeep.losses.classification import BinaryCrossEntropy, CrossEntropy
from skdeep.losses.reduce import weighted_mean
from skdeep.losses.regression import AbsoluteError, Huber, Poisson, Quantile, SquaredError

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "LogLikelihood",
    "Poisson",
    "Quantile",
    "SquaredError",
    "weighted_mean",
]
