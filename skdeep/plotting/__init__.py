"""Displays of estimators: classes named ``*Display``, as in scikit-learn; a network as text.

Matplotlib is imported only when something is drawn.
"""

from skdeep.plotting.anomaly import AnomalyScoreDisplay
from skdeep.plotting.embedding import EmbeddingDisplay
from skdeep.plotting.forecast import ForecastDisplay
from skdeep.plotting.network import NetworkDisplay, summary
from skdeep.plotting.policy import ActionValueDisplay, ReturnDisplay
from skdeep.plotting.reconstruction import ReconstructionDisplay
from skdeep.plotting.saliency import SaliencyDisplay
from skdeep.plotting.samples import SampleDisplay
from skdeep.plotting.search import SearchDisplay
from skdeep.plotting.synthesis import SynthesisReportDisplay
from skdeep.plotting.training_curve import TrainingCurveDisplay

__all__ = [
    "ActionValueDisplay",
    "AnomalyScoreDisplay",
    "EmbeddingDisplay",
    "ForecastDisplay",
    "NetworkDisplay",
    "ReconstructionDisplay",
    "ReturnDisplay",
    "SaliencyDisplay",
    "SampleDisplay",
    "SearchDisplay",
    "SynthesisReportDisplay",
    "TrainingCurveDisplay",
    "summary",
]
