"""Fidelity, utility and privacy of synthetic rows and images."""

from skdeep.metrics.attacks import attribute_inference, membership_inference_score
from skdeep.metrics.images import (
    classifier_features,
    classifier_frechet_distance,
    frechet_distance,
    precision_recall,
)
from skdeep.metrics.report import column_utility, synthesis_report
from skdeep.metrics.tables import (
    closest_record_share,
    column_shapes,
    copy_share,
    pair_trends,
    train_on_synthetic_score,
    two_sample_score,
)

__all__ = [
    "attribute_inference",
    "classifier_features",
    "classifier_frechet_distance",
    "closest_record_share",
    "column_shapes",
    "column_utility",
    "copy_share",
    "frechet_distance",
    "membership_inference_score",
    "pair_trends",
    "precision_recall",
    "synthesis_report",
    "train_on_synthetic_score",
    "two_sample_score",
]
