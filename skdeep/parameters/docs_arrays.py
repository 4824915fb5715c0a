"""Descriptions of the parameters and attributes of estimators for pictures and series."""

import inspect

from skdeep.parameters.docs import _ALL, _entries

PARAMETERS = """
architecture : {'auto', 'lenet', 'resnet', 'inception'}, torch.nn.Module or callable
    The network below its last layer. 'auto' is 'inception' for series and 'resnet' for pictures.

    - 'lenet': convolutions with an activation and pooling after each, then dense layers (LeCun et
      al., 1998), after `n_filters`, `kernel_size`, `activation`, `pooling`, `pool_size` and
      `hidden_layer_sizes`.
    - 'resnet': for series that of Wang et al. (2017), for pictures a small one (He et al., 2016).
    - 'inception': for series, Ismail Fawaz et al. (2020).
    - a module, which is copied with its weights, or a callable that is given the shape of a row,
      channels first, and returns a module. It takes (n_samples, n_channels, length) or
      (n_samples, n_channels, height, width) with numbers as they are in X (bytes divided by 255).
      A linear layer at its end is replaced by one for the targets at hand.

n_filters : int, array-like of int or None
    Channels: of each convolution of 'lenet' (None is 20, 50), of each stage of 'resnet' (None is
    32, 64, 128 for pictures and 64, 128, 128 for series), of each of the four branches of
    'inception' (None is 16; the paper has 32).

kernel_size : int, array-like of int or None
    Steps or pixels of a side that a convolution of 'lenet' (None is 5) or 'inception' (None is 9)
    sees; those of 'inception' are odd, and also spread over 17 and 33 steps.

activation : {'identity', 'logistic', 'tanh', 'relu', 'elu', 'leaky_relu', 'prelu', 'selu', \
'softplus', 'gelu', 'silu', 'mish'}
    Of 'lenet'.

pooling : {'max', 'mean'}
    Of 'lenet'.

pool_size : int
    Of 'lenet': steps, or pixels of a side, that become one.

hidden_layer_sizes : array-like of int or int
    Dense layers of 'lenet'.

dropout : float
    Share of the units before the last layer ('lenet': of all dense layers) that each training
    step leaves out, in [0, 1) (Srivastava et al., 2014).

n_estimators : int
    Networks that train side by side on the same batches and whose probabilities (or values) are
    averaged (Lakshminarayanan et al., 2017).

augment : 'auto', str, list of str, dict of str to float, or None
    Random changes of the rows in training, on the device. For pictures 'shift' (up to a share of
    0.08 of each side), 'flip' (left to right, with a probability of 0.5), 'crop' (sides of 0.8 to
    1, stretched), 'noise' (standard deviation of 0.05 of a channel's), 'scale' (factor of
    standard deviation 0.1), 'mixup' (Zhang et al., 2018; beta distribution of 0.2) and 'cutmix'
    (Yun et al., 2019; of 1); for series 'jitter' (as 'noise'), 'scale', 'warp' (a window of 0.1 of
    the length at half or twice its speed; Le Guennec et al., 2016), 'mixup' and 'cutmix'. A dict
    gives strengths in place of these numbers. 'auto' is 'shift' for pictures, which suits digits
    and clothes alike, and none for series.

pretrained : str or path, dict of tensors, torch.nn.Module, fitted estimator, or None
    Weights to begin with, of the same architecture; those of its last layer are not used. A file
    holds a state dict as `torch.save` writes it; a dict of tensors is what safetensors reads.

freeze : bool
    Whether only the last layer is trained.

data_format : {'channels_last', 'channels_first'}
    Where the channels are: (n_samples, length, n_channels) and (n_samples, height, width,
    n_channels), or (n_samples, n_channels, length) and (n_samples, n_channels, height, width).

image_shape : tuple of int or None
    (height, width), or with the number of channels where `data_format` has it: X are then flat
    pictures (n_samples, height * width * n_channels), grey ones (n_samples, height, width), or
    pictures of this shape.

missing : {'error', 'mask'}
    What to do with NaN: raise, or leave it out. Left out means that it counts as the mean of its
    channel; series that end in NaN are shorter than the others.

solver : {'sgd', 'adam', 'adamw', 'amsgrad', 'nadam', 'adamax', 'adagrad', 'adadelta', 'rmsprop'}
    How the weights are optimised, in mini-batches; see `MLPClassifier`.

alpha : float
    Strength of the penalty on the weights, not negative. For 'adamw' it is the decoupled decay
    (Loshchilov and Hutter, 2019): each step takes ``learning_rate * alpha`` of the weights away.

batch_size : int or 'auto'
    Rows in a mini-batch; 'auto' is all rows up to 64 of them, then a hundredth of them, but at
    least 32 and at most 128, all batches of an epoch being made as equal as they can be.

learning_rate_init : float
    The learning rate to start from, or the largest one of 'one_cycle'; positive.

max_iter : int or 'auto'
    Epochs. 'auto' plans about {steps_1} steps for series and {steps_2} for pictures, with at
    least {few_1} and {few_2} epochs and at most {many_1} and {many_2}.

early_stopping : bool
    Whether to hold out `validation_fraction` of the rows, to score each epoch on them and to end
    with the weights of the best epoch, at the latest after `max_iter` epochs.

n_iter_no_change : int or inf
    Training stops after more than this number of epochs in a row without an improvement of the
    validation score (without `early_stopping`, of the training loss) by `tol`. While a planned
    learning rate is high there often is none, and the best epoch is one of the last.

amp : 'auto' or bool
    Whether training computes in mixed precision (bfloat16; Kalamkar et al., 2019); 'auto': on
    GPUs and processors that have units for it, for float32. Convolutions take half the time in
    it, or less. Weights, moments of batches and predictions stay in full precision.

dtype : {'float32', 'float64'} or None
    Precision of the network; None is float32, but for 2-D rows of float64 float64.

loss : {'squared_error', 'absolute_error', 'quantile'}
    'squared_error' is half the squared error, 'absolute_error' estimates the median, 'quantile'
    the given `quantile` (Koenker and Bassett, 1978). Targets are standardised inside.
"""

ATTRIBUTES = """
input_shape_ : tuple
    Shape of one row of X as it was given (after `image_shape`); None for a length that differs.

n_features_in_ : int
    Number of columns of X seen in `fit`, where X was 2-D.
"""

_SHARED = [
    *("loss_", "loss_curve_", "best_loss_", "validation_loss_curve_", "validation_scores_"),
    *("best_validation_score_", "n_iter_", "n_outputs_", "t_", "input_shape_", "n_features_in_"),
    *("feature_names_in_", "net_"),
]


def array_docs(numbers=None, **overrides):
    """A decorator that fills ``{parameters}`` and ``{attributes}`` in a class's docstring.

    Parameters
    ----------
    numbers : dict of str to int, default=None
        What descriptions have in braces.
    **overrides : dict
        Descriptions of parameters that differ from the shared ones.
    """
    entries = _ALL | _entries(PARAMETERS) | _entries(ATTRIBUTES) | overrides
    entries["classes_"] = (
        "classes_ : ndarray of shape (n_classes,)\n"
        "    The class labels; for multilabel targets the numbers of the labels."
    )

    def fill(cls):
        described = [
            _with_default(entries[name], parameter.default)
            for name, parameter in inspect.signature(cls).parameters.items()
        ]
        names = ["classes_"] if hasattr(cls, "predict_proba") else []
        attributes = [entries[name] for name in names + _SHARED if name in entries]
        for key, blocks in (("{parameters}", described), ("{attributes}", attributes)):
            text = "\n\n".join(blocks)
            for name, number in (numbers or {}).items():
                text = text.replace("{" + name + "}", f"{number:,}")
            text = text.replace("\n", "\n    ").replace("\n    \n", "\n\n")
            cls.__doc__ = cls.__doc__.replace(key, text)
        return cls

    return fill


def _with_default(entry, default):
    head, _, body = entry.partition("\n")
    while head.endswith("\\"):
        line, _, body = body.partition("\n")
        head = head[:-1] + line.strip()
    head = head.split(", default=")[0]
    return f"{head}, default={default!r}\n{body}"
