"""Losses: each gives one value per sample; `reduce` alone averages."""

from skdeep.losses.action_value import ActionValue
from skdeep.losses.adversarial import LogLikelihood
from skdeep.losses.classification import BinaryCrossEntropy, CrossEntropy, mean_scores
from skdeep.losses.metric import Contrastive, NTXent, Prototypical, Triplet, unit_length
from skdeep.losses.reconstruction import (
    ArrayReconstruction,
    EvidenceBound,
    MaskedSquaredError,
    Reconstruction,
)
from skdeep.losses.reduce import weighted_mean
from skdeep.losses.regression import AbsoluteError, Huber, Poisson, Quantile, SquaredError

__all__ = [
    "AbsoluteError",
    "ActionValue",
    "ArrayReconstruction",
    "BinaryCrossEntropy",
    "Contrastive",
    "CrossEntropy",
    "EvidenceBound",
    "Huber",
    "LogLikelihood",
    "MaskedSquaredError",
    "NTXent",
    "Poisson",
    "Prototypical",
    "Quantile",
    "Reconstruction",
    "SquaredError",
    "Triplet",
    "mean_scores",
    "unit_length",
    "weighted_mean",
]
