"""Descriptions of the parameters and attributes that estimators share, written once.

In an estimator's docstring, ``{parameters}`` on a line of its own stands for all parameters of the
constructor that the docstring does not describe itself, ``{attributes}`` for the attributes that
every estimator has, and ``{coefs_}`` for one description. `shared_docs` puts the texts there, so
that `help`, documentation and the HTML representation show all of it.
"""

import inspect
import re

PARAMETERS = """
solver : {'lbfgs', 'sgd', 'adam', 'adamw', 'amsgrad', 'nadam', 'adamax', 'adagrad', \
'adadelta', 'rmsprop'}, default='adam'
    How the weights are optimised: 'lbfgs' with all rows at once (L-BFGS-B of SciPy), the others
    in mini-batches. 'adam' is Kingma and Ba (2015) as scikit-learn has it; 'adamw' decouples the
    weight decay (Loshchilov and Hutter, 2019); 'amsgrad' is Reddi et al. (2018), 'nadam' Dozat
    (2016), 'adamax' Kingma and Ba (2015), 'adagrad' Duchi et al. (2011), 'adadelta' Zeiler
    (2012), 'rmsprop' Tieleman and Hinton (2012), each with torch's defaults for what has no
    parameter here.

alpha : float, default=0.0001
    Strength of the penalty on the weights (not on the biases), not negative. It is divided by
    the number of rows of a batch (by their weight, if they have one), as in scikit-learn. For
    'adamw' it is the decay rate instead: each step takes ``learning_rate * alpha`` of the
    weights away.

batch_size : int or 'auto', default='auto'
    Rows in a mini-batch; 'auto' is ``min(200, n_samples)``. Not used by 'lbfgs'.

learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle', 'exponential', \
'plateau'}, default='constant'
    Schedule of the learning rate. The first three are scikit-learn's; the second and third act
    on solver 'sgd' alone, as there. The others act on every solver but 'lbfgs':

    - 'constant': `learning_rate_init` throughout.
    - 'invscaling': ``learning_rate_init / (t + 1) ** power_t``, t being the rows seen.
    - 'adaptive': divided by 5 each time patience runs out (see `n_iter_no_change`).
    - 'cosine': half a cosine from `learning_rate_init` to 0 over `max_iter` epochs (Loshchilov
      and Hutter, 2017).
    - 'one_cycle' (or 'one-cycle'): up to `learning_rate_init` during the first 30 % of
      `max_iter` epochs, then down, along cosines (Smith and Topin, 2018).
    - 'exponential': falls by the same factor each epoch, to 1 % in epoch `max_iter`.
    - 'plateau': divided by 5 each time patience runs out, down to a thousandth.

    Where 'cosine', 'one_cycle' and 'exponential' reach `max_iter`, that is their end and no cause
    for a warning. `partial_fit` cannot know when training ends: there the rate of these three
    stays at `learning_rate_init`.

learning_rate_init : float, default=0.001
    The learning rate to start from, or the largest one of 'one_cycle'; positive.

power_t : float, default=0.5
    Exponent of 'invscaling'.

max_iter : int, default=200
    Largest number of epochs (passes over the data); of iterations for 'lbfgs'.

shuffle : bool, default=True
    Whether each epoch takes the rows in a new order. Not used by 'lbfgs'.

random_state : int, RandomState instance or None, default=None
    Seed of the initial weights, the validation split, the order of the rows and all noise. With
    an int, two fits give the same bits on the CPU. None takes fresh entropy: unlike
    scikit-learn, NumPy's global generator is neither read nor moved.

tol : float, default=1e-4
    An epoch that does not improve the training loss (the validation score under
    `early_stopping`) by this much counts as no improvement. For 'lbfgs', the largest component
    of the gradient at which to stop.

verbose : bool or int, default=False
    Whether to print the loss of each epoch.

warm_start : bool, default=False
    Whether `fit` goes on from the weights of the last fit.

momentum : float, default=0.9
    Of 'sgd', in [0, 1].

nesterovs_momentum : bool, default=True
    Whether the momentum of 'sgd' is Nesterov's.

early_stopping : bool, default=False
    Whether to hold out a part of the rows, to score each epoch on it, to stop when the score no
    longer improves and to end with the best epoch's weights (of equal scores, the one with the
    lowest loss on these rows). The held-out rows are `validation_fraction` of the data, stratified
    by class (in scikit-learn only where there are two), or `X_val` if given to `fit`. Where the
    split would hold fewer than 2 rows or could not hold each class, there is a warning and no
    split; with fewer than 4 rows, or 4 with a class of one row, an error. Up to 200 rows, equal
    rows stay on one side. The score is the accuracy, or R2; D2 of the absolute error for the losses
    'absolute_error' and 'huber', D2 of the pinball loss for 'quantile'. `partial_fit` does not stop
    early (nor does it raise, as scikit-learn's does).

validation_fraction : float, default=0.1
    Share of the rows that `early_stopping` holds out, in [0, 1).

beta_1 : float, default=0.9
    Decay rate of the mean of gradients in the solvers of the Adam family, in [0, 1).

beta_2 : float, default=0.999
    Decay rate of the mean of squared gradients in the solvers of the Adam family, in [0, 1).

epsilon : float, default=1e-8
    Added to denominators in the solvers of the Adam family; positive.

n_iter_no_change : int or inf, default=10
    Patience runs out after more than this number of epochs in a row without an improvement by
    `tol`; training then stops, or the learning rate falls.

max_fun : int, default=15000
    Largest number of evaluations of the loss by 'lbfgs'.

device : str or torch.device, default='auto'
    Where the network lives: 'auto' is the GPU that the process sees, if any, else the CPU (and
    the GPU of `X` where X is a tensor on one); or 'cpu', 'cuda', 'cuda:1', 'mps'.

dtype : {'float32', 'float64'} or None, default=None
    Precision of the network. None takes that of `X`, as scikit-learn does: float32 for float32,
    float64 for all else. On 'mps' it is always float32.

l1_ratio : float, default=0.0
    Share of `alpha` that goes to an L1 penalty, in [0, 1].

gradient_clip_norm : float or None, default=None
    Largest norm of the gradient of a batch; longer ones are scaled down (Pascanu et al., 2013).

max_time : float or None, default=None
    Seconds after which training ends, in the middle of an epoch if need be, with the best
    weights so far: those of the best validation score or loss, else of the lowest training loss.

skorch_callbacks : list of skorch callbacks or None, default=None
    Copied, then told of epochs (and of batches, if they listen to them, which costs time).
    scikit-learn's own callbacks are set with `set_callbacks`.

hidden_layer_sizes : array-like of shape (n_layers - 2,) or int, default=(100,)
    Number of units in each hidden layer.

activation : {'identity', 'logistic', 'tanh', 'relu', 'elu', 'leaky_relu', 'prelu', 'selu', \
'softplus', 'gelu', 'silu', 'mish'}, default='relu'
    Function of the hidden units. The first four are scikit-learn's; the others are torch's with
    their default constants, 'prelu' with one learnt slope a layer.

dropout : float, default=0.0
    Share of hidden units that each training step leaves out, in [0, 1) (Srivastava et al., 2014).

normalization : {None, 'batch', 'layer'}, default=None
    Normalisation before each activation: over the batch (Ioffe and Szegedy, 2015) or over the
    units (Ba et al., 2016).

weight_init : {'auto', 'orthogonal', 'xavier_uniform', 'xavier_normal', 'he_uniform', \
'he_normal'}, default='auto'
    Initial weights. 'auto' is scikit-learn's (Glorot and Bengio, 2010, uniform, biases too): the
    same `random_state` gives the same weights as there. The others start with biases of 0.

input_noise : float, default=0.0
    Standard deviation of Gaussian noise added to the input in training, in its units.

class_weight : dict, list of dict, 'balanced' or None, default=None
    Weight of each class, by label; 'balanced' is ``n_samples / (n_classes * count)``; a list of
    dicts for multilabel targets. Multiplied with `sample_weight`.

label_smoothing : float, default=0.0
    Share of each target that is spread evenly over all classes, in [0, 1) (Szegedy et al., 2016).

huber_delta : float, default=1.0
    Error from which the loss 'huber' grows linearly, in the units of y.

quantile : float, default=0.5
    The quantile that the loss 'quantile' estimates, in (0, 1).

own_scale : 'auto' or bool, default='auto'
    Whether each series is also given in units of its own, less its mean over time and over its
    standard deviation, in further channels (pictures and token ids never are). 'auto': where the
    standard deviations of the series differ by more than a factor of 10 (their 5 % and 95 %
    quantiles in any channel), so that small ones would be no more than noise beside large ones.
"""

WEIGHTS = """
coefs_ : list of ndarray, length n_layers - 1
    Weight matrix of each layer, of shape (n_units_in, n_units_out). On the CPU they share the
    network's memory: writing into them changes predictions.

intercepts_ : list of ndarray, length n_layers - 1
    Bias vector of each layer but the input.

n_layers_ : int
    Number of layers, input and output included.
"""

ATTRIBUTES = """
loss_ : float
    Loss of the last epoch, penalty included; of the solution for 'lbfgs'.

best_loss_ : float or None
    Lowest loss of an epoch. None under early stopping; absent for 'lbfgs', as are the curves.

loss_curve_ : list of float
    Training loss of each epoch, penalty included.

validation_loss_curve_ : list of float or None
    Loss on the validation rows after each epoch, without the penalty; None without such rows.

validation_scores_ : list of float or None
    Score on the validation rows after each epoch; None without early stopping.

best_validation_score_ : float or None
    Best of `validation_scores_`.

t_ : int
    Number of training rows that the solver has seen.

n_iter_ : int
    Number of epochs of the last `fit` or `partial_fit`; of iterations for 'lbfgs'.

n_outputs_ : int
    Number of columns of the network's output.

out_activation_ : str
    Name of the function between the network's output and the prediction.

n_features_in_ : int
    Number of features seen in `fit`.

feature_names_in_ : ndarray of shape (n_features_in_,)
    Names of the features seen in `fit`, where all of them are strings.

net_ : skorch.NeuralNet
    The skorch net: ``net_.module_`` is the network, ``net_.history`` the record of epochs.
"""


def _entries(text):
    text = inspect.cleandoc(text)
    blocks = re.split(r"\n\n(?=\w+ : )", text)
    return {block.split(" : ", 1)[0]: block for block in blocks}


_SHARED_ATTRIBUTES = _entries(ATTRIBUTES)
_ALL = _entries(PARAMETERS) | _entries(WEIGHTS) | _SHARED_ATTRIBUTES


def shared_docs(cls):
    """Replace each line ``{name}`` of a class's docstring by what the name stands for."""
    described = set(re.findall(r"(?m)^    (\w+) : ", cls.__doc__))
    groups = {
        "parameters": [n for n in inspect.signature(cls).parameters if n not in described],
        "attributes": list(_SHARED_ATTRIBUTES),
    }

    def fill(match):
        indent, name = match.groups()
        text = "\n\n".join(_ALL[n] for n in groups.get(name, [name]))
        return "\n".join(indent + line if line else "" for line in text.splitlines())

    cls.__doc__ = re.sub(r"(?m)^( *)\{(\w+)\}$", fill, cls.__doc__)
    return cls
