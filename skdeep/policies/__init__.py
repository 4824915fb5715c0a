"""Policies, learned from logged transitions or from an environment."""

from skdeep.policies.environment import collect, play
from skdeep.policies.importance import WeightedImportanceSampling
from skdeep.policies.scorers import (
    EnvironmentReturn,
    FittedQEvaluation,
    TemporalDifferenceError,
)

__all__ = [
    "EnvironmentReturn",
    "FittedQEvaluation",
    "TemporalDifferenceError",
    "WeightedImportanceSampling",
    "collect",
    "play",
]
