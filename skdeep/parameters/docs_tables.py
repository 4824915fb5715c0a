"""Descriptions of the parameters and attributes of the estimators for mixed tables."""

import inspect

from skdeep.parameters.docs import _ALL, _entries

PARAMETERS = """
hidden_layer_sizes : array-like of int or int
    Number of units in each hidden layer.

activation : {'selu', 'mish', 'relu', 'silu'}
    Function of the hidden units: SELU (Klambauer et al., 2017), Mish (Misra, 2020), ReLU or SiLU
    (Elfwing et al., 2018).

loss : {'squared_error', 'absolute_error', 'quantile'}
    'squared_error' is half the squared error, 'absolute_error' estimates the median, 'quantile'
    the given `quantile` (Koenker and Bassett, 1978). Targets are standardised inside.

quantile : float
    The quantile that the loss 'quantile' estimates, in (0, 1).

n_estimators : int
    Number of members: networks that train side by side as one and whose probabilities (or
    values) are averaged; at least 1.

n_networks : int
    Networks without a common weight that the members are spread over, at least 1; the greatest
    common divisor of it and `n_estimators` is taken. Each holds out other rows.

variant : {'mini', 'full'}
    'mini': members differ in the scales of their inputs and in their last layer alone; 'full':
    each has factors of its own in every layer (BatchEnsemble; Wen et al., 2020).

categorical_features : 'from_dtype', array-like of {bool, int, str} or None
    Which columns hold categories: a mask, numbers or names, as in
    `HistGradientBoostingClassifier`. 'from_dtype' takes the columns of a DataFrame that are of
    the category type and, beyond HistGradientBoosting, strings, booleans and objects; a column
    of objects that are all numbers (decimals, say) holds numbers.

max_one_hot : int
    Categories with more levels are embedded instead of one-hot encoded; at least 1.

n_bins : int
    Bins of the piecewise linear embedding of numbers, at least 2.

embedding_size : int
    Numbers that stand for a number after its embedding; below 2 (TabM: at 0) there is none.

frequency_scale : float
    Standard deviation of the frequencies of the number embedding at the start, in periods per
    unit of the scaled number; not negative.

dropout : float
    Share of hidden units that each training step leaves out, in [0, 1) (Srivastava et al.,
    2014). RealMLP lowers it to 0 along half a cosine in the second half of `max_iter`.

alpha : float
    Decoupled weight decay (Loshchilov and Hutter, 2019), not negative: each step takes
    ``learning_rate * alpha`` of the weights away, none of the biases. RealMLP lowers it like
    `dropout`.

label_smoothing : float
    Share of each target that is spread evenly over all classes, in [0, 1) (Szegedy et al.,
    2016). It helps accuracy and harms log loss and AUC: see `scoring`.

scoring : {'accuracy', 'log_loss'}
    What the best epoch is chosen by. 'log_loss' also switches label smoothing off, as suits
    users of probabilities and of rankings (Holzmueller et al., 2024, appendix B.5).

calibrate : bool
    Whether to divide log probabilities by a temperature that minimises the log loss of held-out
    rows (Guo et al., 2017).

refit : bool
    Whether to train again on all rows and keep each member's weights of the epoch that was best
    before. Takes twice the time; `max_time` holds for both trainings together.

batch_size : int or 'auto'
    Rows in a mini-batch of each member; batches of an epoch are made as equal as they can be.

learning_rate : {'coslog4', 'flat_cos', 'cosine', 'constant'}
    Course of the learning rate over `max_iter` epochs. 'coslog4' goes through four waves, each
    twice as long as the one before it, ``(1 - cos(2 pi log2(1 + 15 t))) / 2`` (Holzmueller et
    al., 2024); 'flat_cos' falls along a cosine in the second half, 'cosine' all the time.

learning_rate_init : float
    The (largest) learning rate; positive.

averaging : float
    Epochs that the moving average of the weights, which is what is judged and kept, looks back
    (Polyak and Juditsky, 1992); 0 for the weights themselves.

max_iter : int
    Largest number of epochs.

tol : float
    By how much an epoch must improve the score of held-out rows to be a new best epoch.

early_stopping : bool
    Whether to hold out `validation_fraction` of the rows, to score each epoch on them and to end
    with the weights of the best epoch. Rows given as `X_val` are used whatever it says.

validation_fraction : float
    Share of the rows that is held out, in [0, 1).

amp : 'auto' or bool
    Whether training multiplies matrices in bfloat16 and keeps all else in `dtype`, which must be
    'float32': about twice as fast where the processor has units for it. 'auto' does so on GPUs
    that have them.

compile : bool
    Whether training goes through torch's compiler, which takes a minute before the first step. It
    needs a compiler for C++; without one a warning says so. On GPUs it has no effect but a warning:
    compiled networks with dropout do not train right there.

scaling_layer : bool
    Whether inputs have a learnt scale.

parametric_activation : bool
    Whether activations have a learnt slope for each unit.

weight_init : {'data', 'normal'}
    'data' looks at up to 10,000 rows: outputs of unit variance, hyperplanes through the data;
    'normal' draws weights and biases from the normal distribution.
"""

ATTRIBUTES = """
encoder_ : TabularEncoder
    From the columns of X to what the network takes.

best_epochs_ : list of int or None
    The epoch, from 1, whose weights were kept, of each network. None where nothing was held out.

temperature_ : float
    What `calibrate` found; else 1. Above 1 it makes probabilities less extreme.
"""

_TABLES = _ALL | _entries(PARAMETERS) | _entries(ATTRIBUTES)

_SHARED = "encoder_ loss_ loss_curve_ validation_loss_curve_ validation_scores_ "
_SHARED += "best_validation_score_ best_epochs_ n_iter_ n_outputs_ n_features_in_ "
_SHARED += "feature_names_in_ net_"


def table_docs(**overrides):
    """A decorator that fills ``{parameters}`` and ``{attributes}`` in a class's docstring.

    Parameters
    ----------
    **overrides : dict
        Descriptions of parameters that differ from the shared ones.
    """

    def fill(cls):
        text = [
            _with_default(overrides.get(name) or _TABLES[name], parameter.default)
            for name, parameter in inspect.signature(cls).parameters.items()
        ]
        attributes = _SHARED.split()
        if hasattr(cls, "predict_proba"):
            attributes = ["classes_", "temperature_", *attributes]
        entries = _TABLES | {
            "classes_": "classes_ : ndarray of shape (n_classes,)\n"
            "    The class labels; for multilabel targets the numbers of the labels."
        }
        described = [entries[name] for name in attributes]
        for key, blocks in (("{parameters}", text), ("{attributes}", described)):
            block = "\n\n".join(blocks).replace("\n", "\n    ").replace("\n    \n", "\n\n")
            cls.__doc__ = cls.__doc__.replace(key, block)
        return cls

    return fill


def _with_default(entry, default):
    head, _, body = entry.partition("\n")
    head = head.split(", default=")[0]
    return f"{head}, default={default!r}\n{body}"
