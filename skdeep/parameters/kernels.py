"""Parameters and attributes of `RandomKernels`."""

from dataclasses import replace
from numbers import Integral

from skdeep._compat import Interval
from skdeep.parameters.arrays import ARRAYS
from skdeep.parameters.entry import Parameter
from skdeep.parameters.training import TRAINING

_COUNT = Interval(Integral, 0, None, closed="left")

RANDOM_KERNELS = {
    **{name: ARRAYS[name] for name in ("own_scale", "data_format")},
    "n_kernels": Parameter(
        [_COUNT],
        """int
        Number of pairs of a fixed kernel and a bias, rounded to a multiple of 84 for each
        representation; 0 leaves the fixed kernels out. Each has one feature for each pooling.""",
    ),
    "n_groups": Parameter(
        [_COUNT],
        """int
        Number of groups of 8 competing kernels for each dilation, divided among the
        representations; 0 leaves them out. Each kernel has two features.""",
    ),
    "poolings": Parameter(
        ["array-like"],
        """sequence of {'ppv', 'mean', 'index', 'stretch'}
        Poolings of the responses of fixed kernels minus the bias: the share of positive values,
        their mean, the mean of their places in time, and their longest run. ``('ppv',)`` is
        MiniRocket's.""",
    ),
    "difference": Parameter(
        ["boolean"],
        """bool
        Whether the first difference of the series is a second representation.""",
    ),
    "missing": replace(
        ARRAYS["missing"],
        text="""{'error', 'mask'}
        How to handle NaN: 'error' raises; 'mask' replaces NaN by the mean of its channel, does not
        count steps at which all channels are missing, nor their differences, and takes NaN at the
        end of a series for padding.""",
    ),
    "device": TRAINING["device"],
    "random_state": Parameter(
        ["random_state"],
        """int, RandomState instance or None
        Seed of the random kernels, of the channels that kernels sum, and of the series that biases
        are taken from.""",
    ),
}

RANDOM_KERNELS_ATTRIBUTES = {
    "fixed_": """list of dict
        For each dilation of each representation: 'difference', 'dilation', 'channels', a boolean
        array of shape (84, n_channels), and 'biases', an array of shape (n_biases, 84).""",
    "competing_": """list of dict
        For each dilation of each representation: 'difference', 'dilation' and 'weights', an array
        of shape (n_kernels, n_channels, 9).""",
    "mean_": """ndarray of shape (n_channels,)
        Mean of each channel.""",
    "scale_": """ndarray of shape (n_channels,)
        Reciprocal of the standard deviation of each channel.""",
    "own_scale_": """bool
        Whether kernels also see each series standardised by itself, as further channels.""",
    "input_shape_": """tuple
        Shape of a series; None stands for lengths that differ.""",
    "n_features_in_": """int
        Number of columns of X; defined only if X is 2-D.""",
}
