"""Callbacks for the epochs of any estimator of skdeep, on scikit-learn's callback protocol.

They are set by ``estimator.set_callbacks(...)``, before a `Pipeline` or a search is made of it too.
scikit-learn's own callbacks (`sklearn.callback`) and `skdeep.tuning.PruneTrials` go with them.
"""

from skdeep.callbacks.checkpoint import Checkpoint
from skdeep.callbacks.early_stopping import EarlyStopping
from skdeep.callbacks.loggers import CSVLogger
from skdeep.callbacks.progress import ProgressBar
from skdeep.callbacks.tracking import MLflowCallback, TensorBoard

__all__ = [
    "CSVLogger",
    "Checkpoint",
    "EarlyStopping",
    "MLflowCallback",
    "ProgressBar",
    "TensorBoard",
]
