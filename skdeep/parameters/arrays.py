"""Parameters and attributes of the estimators for images, signals and series."""

from dataclasses import replace

from skdeep._compat import HasMethods, StrOptions
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import AT_LEAST_1, AUTO, Parameter
from skdeep.parameters.training import (
    AMP,
    ATTRIBUTES,
    CLASSES,
    CLASSIFIER,
    MAX_ITER,
    N_ESTIMATORS,
    SCALED_REGRESSOR,
    TRAINING,
)

ARRAYS = {
    "data_format": Parameter(
        [StrOptions({"channels_last", "channels_first"})],
        """{'channels_last', 'channels_first'}
        Position of the channels in X: (n_samples, length, n_channels) and (n_samples, height,
        width, n_channels), or (n_samples, n_channels, length) and (n_samples, n_channels, height,
        width).""",
    ),
    "image_shape": Parameter(
        [tuple, list, None],
        """tuple of int or None
        (height, width), or with the number of channels where `data_format` has it: X then holds
        flat images (n_samples, height * width * n_channels), grey images (n_samples, height,
        width), or images of this shape.""",
    ),
    "own_scale": Parameter(
        ["boolean", AUTO],
        """bool or 'auto'
        Whether to add to each series further channels in which it is standardised by its own mean
        and standard deviation over time (not used for images and token ids). 'auto' does so if
        the standard deviations of the series differ by more than a factor of 10 (their 5 % and
        95 % quantiles in any channel), because small ones would otherwise be negligible beside
        large ones.""",
    ),
    "missing": Parameter(
        [StrOptions({"error", "mask"})],
        """{'error', 'mask'}
        How to handle NaN: 'error' raises; 'mask' replaces NaN by the mean of its channel, and NaN
        at the end of a series are padding.""",
    ),
}

WINDOW = {
    "instance_norm": Parameter(
        [StrOptions({"last", "mean"}), None],
        """{'last', 'mean'} or None
        Whether each channel of a series is less its last value (Zeng et al., 2023) or its mean
        (reversible instance normalisation; Kim et al., 2022) and divided by its own standard
        deviation, which is undone on the predictions: y is taken to be in the units of the first
        channel, as forecasts are. Levels that `fit` has not seen are predicted like those that it
        has. Not for images and missing values.""",
    ),
    "linear_skip": Parameter(
        ["boolean"],
        """bool
        Whether a linear model of all steps of all channels is added to the network's output: a
        ridge regression whose penalty is chosen by leave-one-out (of more than 10,000 rows, 10,000
        at equal distances are used). It is fitted before the network, which starts at it and
        learns what it leaves. Needs series of one length, without missing values.""",
    ),
}

CNN = {
    **TRAINING,
    **CLASSIFIER,
    **SCALED_REGRESSOR,
    **ARRAYS,
    **WINDOW,
    "architecture": Parameter(
        [StrOptions({"auto", "lenet", "resnet", "inception"}), HasMethods("forward"), callable],
        """{'auto', 'lenet', 'resnet', 'inception'}, torch.nn.Module or callable
        The network up to its last layer. 'auto' is 'inception' for series and 'resnet' for images.

        - 'lenet': convolutions, each followed by an activation and pooling, then dense layers
          (LeCun et al., 1998); see `n_filters`, `kernel_size`, `activation`, `pooling`,
          `pool_size` and `hidden_layer_sizes`.
        - 'resnet': for series that of Wang et al. (2017), for images a small one (He et al.,
          2016).
        - 'inception': for series, Ismail Fawaz et al. (2020).
        - a module, which is copied with its weights, or a callable that takes the shape of a row,
          channels first, and returns a module. Its input is (n_samples, n_channels, length) or
          (n_samples, n_channels, height, width) with values as in X (bytes divided by 255). A
          linear layer at its end is replaced by one for the targets.""",
    ),
    "n_filters": Parameter(
        ["array-like", AT_LEAST_1, None],
        """int, array-like of int or None
        Number of channels of each convolution of 'lenet' (None is 20, 50), of each stage of
        'resnet' (None is 32, 64, 128 for images and 64, 128, 128 for series), or of each of the
        four branches of 'inception' (None is 16; 32 in the paper).""",
    ),
    "kernel_size": Parameter(
        ["array-like", AT_LEAST_1, None],
        """int, array-like of int or None
        Kernel size of the convolutions of 'lenet' (None is 5) or 'inception' (None is 9), in steps
        or in pixels per side. That of 'inception' is odd; it also has kernels of 17 and 33
        steps.""",
    ),
    "activation": replace(
        DENSE["activation"],
        text="""{'identity', 'logistic', 'tanh', 'relu', 'elu', 'leaky_relu', 'prelu', 'selu', \
'softplus', 'gelu', 'silu', 'mish'}
        Activation function. Used by architecture='lenet' only.""",
    ),
    "pooling": Parameter(
        [StrOptions({"max", "mean"})],
        """{'max', 'mean'}
        Kind of pooling. Used by architecture='lenet' only.""",
    ),
    "pool_size": Parameter(
        [AT_LEAST_1],
        """int
        Number of steps, or of pixels per side, that are pooled. Used by architecture='lenet'
        only.""",
    ),
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of int or int
        Number of units in each dense layer. Used by architecture='lenet' only.""",
    ),
    "dropout": replace(
        DENSE["dropout"],
        text="""float
        Dropout rate of the units before the last layer (of all dense layers for 'lenet'), in
        [0, 1) (Srivastava et al., 2014).""",
    ),
    "n_estimators": replace(
        N_ESTIMATORS,
        text="""int
        Number of networks that are trained in parallel on the same batches and whose
        probabilities (or values) are averaged (Lakshminarayanan et al., 2017).""",
    ),
    "kernels": Parameter(
        [AUTO, HasMethods("fit_rows"), None],
        """'auto', RandomKernels or None
        Features of series for a linear model (a ridge regression with the penalty of the smallest
        leave-one-out error) whose probabilities (or values) are averaged with those of the network;
        the weight is `kernel_weight_`. With few series it is often the better of the two. 'auto' is
        `skdeep.preprocessing.RandomKernels` for 10 to 10,000 series of at least 12 steps (their
        median), with fewer features above 2,000; for X of two dimensions, which may hold any
        vectors, for images, for losses other than the squared error, and with `instance_norm` or
        `linear_skip`, it is None. None is the
        network alone. A row of weight 2 is not the same as the row given twice, because each row is
        left out for itself. `transform` and `saliency` are those of the
        network.""",
    ),
    "augment": Parameter(
        [str, "array-like", dict, callable, None],
        """'auto', str, callable, list of these, dict of str to float, or None
        Random changes of the rows in training, computed on the device. For images: 'shift' (up to
        0.08 of each side), 'flip' (left to right, with a probability of 0.5), 'crop' (sides of
        0.8 to 1, resized), 'noise' (standard deviation of 0.05 of that of the channel), 'scale'
        (factor with standard deviation 0.1), 'mixup' (Zhang et al., 2018; beta distribution with
        0.2) and 'cutmix' (Yun et al., 2019; with 1). For series: 'jitter' (same as 'noise'),
        'scale', 'warp' (a window of 0.1 of the length at half or double speed; Le Guennec et al.,
        2016), 'mixup' and 'cutmix'. A dict sets other strengths. 'auto' is 'shift' for images,
        which is suitable for digits as well as clothes, and None for series. A callable, such as
        a transform of torchvision or kornia, is given a batch of the training rows on their
        device, (n_samples, n_channels, ...) in the units of X, as floats and padded where series
        differ in length, and returns one of the same shape; what it draws is its own matter, and
        not repeated by `random_state`.""",
    ),
    "pretrained": Parameter(
        "no_validation",
        """str or path, dict of tensors, torch.nn.Module, fitted estimator, or None
        Initial weights, of the same architecture; those of the last layer are not used. A file
        holds a state dict as written by `torch.save`; safetensors reads a dict of tensors.""",
    ),
    "freeze": Parameter(
        ["boolean"],
        """bool
        Whether to train the last layer only.""",
    ),
    "alpha": replace(
        TRAINING["alpha"],
        text="""float
        Strength of the penalty on the weights, not negative. For 'adamw' it is the decoupled decay
        (Loshchilov and Hutter, 2019): each step subtracts ``learning_rate * alpha`` of the
        weights.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch; 'auto' is all rows if there are at most 64, otherwise a
        hundredth of them, but at least 32 and at most 128. The batches of an epoch are of nearly
        equal size.""",
    ),
    "max_iter": replace(
        MAX_ITER,
        text="""int or 'auto'
        Number of epochs. 'auto' plans about 1,000 steps for series, in 12 to 300 epochs, and 6,500
        for images, in 12 to 100 epochs.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to hold out `validation_fraction` of the rows, score each epoch on them and
        restore the weights of the best epoch, at the latest after `max_iter` epochs.""",
    ),
    "n_iter_no_change": replace(
        TRAINING["n_iter_no_change"],
        text="""int or inf
        Training stops after more than this number of consecutive epochs without an improvement of
        the validation score (without `early_stopping`, of the training loss) by `tol`. As long as
        a scheduled learning rate is high there is often none, and the best epoch is one of the
        last.""",
    ),
    "dtype": replace(
        TRAINING["dtype"],
        text="""{'float32', 'float64'} or None
        Precision of the network. None is float32, but float64 for 2-D X of float64.""",
    ),
    "amp": replace(
        AMP,
        text="""bool or 'auto'
        Whether to train in mixed precision (bfloat16; Kalamkar et al., 2019), in which
        convolutions take at most half the time. Weights, batch statistics and predictions stay in
        full precision. 'auto' enables it for float32 on GPUs and processors that support it.""",
    ),
}

ARRAY_ATTRIBUTES = {
    **ATTRIBUTES,
    "input_shape_": """tuple
        Shape of one row of X as passed (after `image_shape`); None stands for lengths that
        differ.""",
    "n_features_in_": """int
        Number of features seen during `fit`; defined only if X is 2-D.""",
}
KERNEL_ATTRIBUTES = {
    "kernels_": """RandomKernels or None
        The fitted features of the linear model, if there is one.""",
    "kernel_weight_": """float
        Weight of the linear model's predictions: the best on held-out rows, with a preference for
        0.5, where there are any (`early_stopping`, `X_val`), else 0.5; 0 if there is none.""",
}
ARRAY_CLASSIFIER_ATTRIBUTES = {**CLASSES, **ARRAY_ATTRIBUTES}
