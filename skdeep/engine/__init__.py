"""Training; skorch is used in this package only."""

from skdeep.engine.device import (
    mixed_precision,
    resolve_device,
    resolve_dtype,
    wants_mixed,
)
from skdeep.engine.fork import one_thread_after_fork
from skdeep.engine.lbfgs import LBFGS
from skdeep.engine.mixing import MixingAutograd
from skdeep.engine.modules import module_from_state, module_state
from skdeep.engine.net import (
    DeepNet,
    checked_callbacks,
    skorch_dataset,
)
from skdeep.engine.optim import SOLVERS
from skdeep.engine.recipe import Curves, Phase, Recipe, Shared, run_phases, threads_for
from skdeep.engine.report import EpochReport, wants_score
from skdeep.engine.schedules import (
    BOUNDED_SCHEDULES,
    CURVES,
    BestMembers,
    BestWeights,
    Constant,
    Course,
    LastBestPatience,
    Patience,
    make_schedule,
)
from skdeep.engine.steps import Autograd, MovingAverage, Penalty, SingleStep, TwoPlayerStep
from skdeep.engine.team import Team
from skdeep.engine.training import NonFiniteLoss, Training

__all__ = [
    "BOUNDED_SCHEDULES",
    "CURVES",
    "LBFGS",
    "LastBestPatience",
    "SOLVERS",
    "Autograd",
    "BestMembers",
    "BestWeights",
    "Constant",
    "Course",
    "Curves",
    "DeepNet",
    "EpochReport",
    "MovingAverage",
    "MixingAutograd",
    "NonFiniteLoss",
    "Patience",
    "Penalty",
    "Phase",
    "Recipe",
    "Shared",
    "SingleStep",
    "Team",
    "Training",
    "TwoPlayerStep",
    "make_schedule",
    "mixed_precision",
    "module_from_state",
    "module_state",
    "one_thread_after_fork",
    "resolve_device",
    "resolve_dtype",
    "run_phases",
    "skorch_dataset",
    "checked_callbacks",
    "threads_for",
    "wants_mixed",
    "wants_score",
]
