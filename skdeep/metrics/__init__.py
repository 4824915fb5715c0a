"""Fidelity, utility and privacy of synthetic rows and images."""

from skdeep.metrics.images import (
    classifier_features,
    classifier_frechet_distance,
    frechet_distance,
    precision_recall,
)
from skdeep.metrics.tables import (
    closest_record_share,
    column_shapes,
    copy_share,
    pair_trends,
    train_on_synthetic_score,
    two_sample_score,
)

__all__ = [
    "classifier_features",
    "classifier_frechet_distance",
    "closest_record_share",
    "column_shapes",
    "copy_share",
    "frechet_distance",
    "pair_trends",
    "precision_recall",
    "train_on_synthetic_score",
    "two_sample_score",
]
