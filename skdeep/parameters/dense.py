"""Parameters and attributes of dense layers and of the multi-layer perceptrons."""

from dataclasses import replace

from skdeep._compat import StrOptions
from skdeep.engine.optim import SOLVERS
from skdeep.parameters.entry import AT_LEAST_1, BELOW_1, NOT_NEGATIVE, Parameter
from skdeep.parameters.training import ATTRIBUTES, CLASSES, CLASSIFIER, REGRESSOR, TRAINING

DENSE = {
    "hidden_layer_sizes": Parameter(
        ["array-like", AT_LEAST_1],
        """array-like of shape (n_layers - 2,) or int
        Number of units in each hidden layer.""",
    ),
    "activation": Parameter(
        [
            StrOptions(
                {
                    *("identity", "logistic", "tanh", "relu", "elu", "leaky_relu"),
                    *("prelu", "selu", "softplus", "gelu", "silu", "mish"),
                }
            )
        ],
        """{'identity', 'logistic', 'tanh', 'relu', 'elu', 'leaky_relu', 'prelu', 'selu', \
'softplus', 'gelu', 'silu', 'mish'}
        Activation function of the hidden layers. The first four are scikit-learn's; the others
        are torch's with their default constants, 'prelu' with one learned slope per layer.""",
    ),
    "dropout": Parameter(
        [BELOW_1],
        """float
        Dropout rate of the hidden units, in [0, 1) (Srivastava et al., 2014).""",
    ),
    "normalization": Parameter(
        [StrOptions({"batch", "layer"}), None],
        """{'batch', 'layer'} or None
        Normalisation before each activation: batch normalisation (Ioffe and Szegedy, 2015) or
        layer normalisation (Ba et al., 2016).""",
    ),
    "weight_init": Parameter(
        [
            StrOptions(
                {
                    *("auto", "orthogonal", "xavier_uniform"),
                    *("xavier_normal", "he_uniform", "he_normal"),
                }
            )
        ],
        """{'auto', 'orthogonal', 'xavier_uniform', 'xavier_normal', 'he_uniform', 'he_normal'}
        Initial weights. 'auto' is scikit-learn's (Glorot and Bengio, 2010, uniform, biases too):
        the same `random_state` gives the same weights as there. With the others the biases are
        initially 0.""",
    ),
    "input_noise": Parameter(
        [NOT_NEGATIVE],
        """float
        Standard deviation of the Gaussian noise that is added to the input in training, in the
        units of X.""",
    ),
}

MLP = {
    **TRAINING,
    **CLASSIFIER,
    **REGRESSOR,
    **DENSE,
    "solver": Parameter(
        [StrOptions({"lbfgs", *SOLVERS})],
        """{'lbfgs', 'sgd', 'adam', 'adamw', 'amsgrad', 'nadam', 'adamax', 'adagrad', \
'adadelta', 'rmsprop'}
        The optimizer of the weights: 'lbfgs' on all rows at once (L-BFGS-B of SciPy), the others
        in mini-batches. 'adam' is Kingma and Ba (2015) as implemented in scikit-learn; 'adamw'
        decouples the weight decay (Loshchilov and Hutter, 2019); 'amsgrad' is Reddi et al.
        (2018), 'nadam' Dozat (2016), 'adamax' Kingma and Ba (2015), 'adagrad' Duchi et al.
        (2011), 'adadelta' Zeiler (2012), 'rmsprop' Tieleman and Hinton (2012), each with torch's
        defaults for settings that are not parameters here.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch; 'auto' is ``min(200, n_samples)``. Not used by 'lbfgs'.""",
    ),
    "max_iter": replace(
        TRAINING["max_iter"],
        text="""int
        Maximum number of epochs (passes over the data); of iterations for 'lbfgs'.""",
    ),
    "shuffle": replace(
        TRAINING["shuffle"],
        text="""bool
        Whether to shuffle the rows in each epoch. Not used by 'lbfgs'.""",
    ),
    "tol": replace(
        TRAINING["tol"],
        text="""float
        An epoch that does not improve the training loss (with `early_stopping`, the validation
        score) by at least this much counts as no improvement. For 'lbfgs', the largest component
        of the gradient at which to stop.""",
    ),
    "max_fun": Parameter(
        [AT_LEAST_1],
        """int
        Maximum number of evaluations of the loss by 'lbfgs'.""",
    ),
}

MLP_ATTRIBUTES = {
    "coefs_": """list of ndarray of length n_layers - 1
        Weight matrix of each layer, of shape (n_units_in, n_units_out). On the CPU they share the
        network's memory: writing into them changes predictions.""",
    "intercepts_": """list of ndarray of length n_layers - 1
        Bias vector of each layer but the input.""",
    "n_layers_": """int
        Number of layers, input and output included.""",
    **ATTRIBUTES,
    "loss_": """float
        Loss of the last epoch, penalty included; of the solution for 'lbfgs'.""",
    "best_loss_": """float or None
        Lowest loss of an epoch; None with early stopping. With 'lbfgs' neither this nor the
        curves are defined.""",
    "n_iter_": """int
        Number of epochs of the last `fit` or `partial_fit`; of iterations for 'lbfgs'.""",
}
MLP_CLASSIFIER_ATTRIBUTES = {**CLASSES, **MLP_ATTRIBUTES}
