"""Parameters and attributes of the estimators that hold a generator of rows."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Real

from skdeep._compat import HasMethods, Interval, StrOptions
from skdeep.parameters.entry import Parameter
from skdeep.parameters.training import FEATURES, TRAINING

OVERSAMPLER = {
    "sampling_strategy": Parameter(
        [
            StrOptions({"auto", "minority", "not minority", "not majority", "all"}),
            Interval(Real, 0, 1, closed="right"),
            Mapping,
            callable,
        ],
        """{'auto', 'minority', 'not minority', 'not majority', 'all'}, float, dict or callable
        Number of rows of each class after resampling, as in imbalanced-learn. A str selects the
        classes that are resampled to the size of the most frequent one; 'auto' is 'not majority'.
        A float is the desired ratio of the minority to the majority class, for two classes. A dict
        maps classes to numbers of rows; a callable takes y and returns such a dict.""",
    ),
    "generator": Parameter(
        [HasMethods(["fit", "sample"]), None],
        """TabularGAN or None
        Generator of the synthetic rows; it is cloned, with its callbacks. None is
        ``TabularGAN(order='fixed', early_stopping=True)``, which is exact as well: the class is its
        first column.""",
    ),
    "random_state": replace(
        TRAINING["random_state"],
        text="""int, RandomState instance or None
        Seed of the generator, unless it has its own, and of the synthetic rows.""",
    ),
}

IMPUTER = {
    "generator": Parameter(
        [HasMethods(["fit", "sample"]), None],
        """TabularGAN or None
        Generator that learns the rows, with ``order='random'``; it is cloned. None is a
        `TabularGAN` with its defaults.""",
    ),
    "sample_posterior": Parameter(
        ["boolean"],
        """bool
        Whether to draw the values that are filled in, all of a row together, instead of means and
        most probable levels.""",
    ),
    "random_state": replace(
        TRAINING["random_state"],
        text="""int, RandomState instance or None
        Seed of the generator, unless it has its own, and of the draws.""",
    ),
}

IMPUTER_ATTRIBUTES = {
    "generator_": """TabularGAN
        The fitted generator.""",
    **FEATURES,
}
OVERSAMPLER_ATTRIBUTES = {
    "sampling_strategy_": """dict
        Number of rows to generate, for each class that needs any.""",
    "generator_": """TabularGAN
        The generator, fitted on X with y as the first column; defined after `fit_resample`.""",
    "classes_": """ndarray of shape (n_classes,)
        The class labels.""",
    **FEATURES,
}
