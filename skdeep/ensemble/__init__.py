"""Ensembles of unlike estimators, weighted by what they add to each other on held-out rows."""

from skdeep.ensemble.weighted import WeightedEnsembleClassifier, WeightedEnsembleRegressor

__all__ = ["WeightedEnsembleClassifier", "WeightedEnsembleRegressor"]
