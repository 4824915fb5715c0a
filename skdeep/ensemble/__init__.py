"""Ensembles of unlike estimators, weighted by what they add to each other on held-out rows."""

from typing import TYPE_CHECKING

from skdeep.ensemble.weighted import WeightedEnsembleClassifier, WeightedEnsembleRegressor

if TYPE_CHECKING:
    from skdeep.ensemble.tabular import TabularEnsembleClassifier, TabularEnsembleRegressor

__all__ = [
    "TabularEnsembleClassifier",
    "TabularEnsembleRegressor",
    "WeightedEnsembleClassifier",
    "WeightedEnsembleRegressor",
]


def __getattr__(name: str) -> type:
    """Load what needs torch when it is first asked for."""
    if name not in ("TabularEnsembleClassifier", "TabularEnsembleRegressor"):
        raise AttributeError(f"module 'skdeep.ensemble' has no attribute {name!r}")
    from skdeep.ensemble import tabular

    return getattr(tabular, name)
