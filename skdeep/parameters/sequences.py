"""Parameters and attributes of the recurrent estimators."""

from dataclasses import replace
from numbers import Integral

from skdeep._compat import Interval, StrOptions
from skdeep.parameters.arrays import ARRAYS, CNN, KERNEL_ATTRIBUTES, WINDOW
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import AT_LEAST_2, AUTO, BELOW_1, MOST, Parameter
from skdeep.parameters.training import (
    ATTRIBUTES,
    CLASSES,
    CLASSIFIER,
    MAX_ITER,
    REGRESSOR,
    TRAINING,
)

LSTM = {
    **TRAINING,
    **CLASSIFIER,
    **REGRESSOR,
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of int or int
        Number of units of each recurrent layer, in each direction.""",
    ),
    "cell": Parameter(
        [StrOptions({"lstm", "gru", "rnn"})],
        """{'lstm', 'gru', 'rnn'}
        Recurrent unit: LSTM (Hochreiter and Schmidhuber, 1997; with the forget gate of Gers et
        al., 2000), GRU (Cho et al., 2014) or Elman's network (1990) with tanh.""",
    ),
    "vocabulary_size": Parameter(
        [AUTO, AT_LEAST_2, None],
        """int, 'auto' or None
        None: X is numeric. Otherwise X consists of token ids, non-negative integers of which 0 is
        padding (at any position; it is skipped) and 1 an unknown token; each id has an embedding.
        An int is the number of ids, 'auto' the largest id in `fit` plus one. Ids that were not
        seen in `fit` are mapped to unknown; with an int, ids beyond it raise an error.""",
    ),
    "embedding_size": Parameter(
        [Interval(Integral, 1, MOST, closed="both")],
        """int
        Size of the embedding of a token, up to 65,536; used with `vocabulary_size` only.""",
    ),
    "bidirectional": Parameter(
        ["boolean"],
        """bool
        Whether each layer also reads the sequence backwards (Schuster and Paliwal, 1997).""",
    ),
    "pooling": Parameter(
        [StrOptions({"last", "max", "mean", "attention"})],
        """{'last', 'max', 'mean', 'attention'}
        How the outputs of a layer at all steps are reduced to one vector: the output at the last
        step of each direction, the maximum or the mean over time of each unit, or the mean over
        time with learned weights (Yang et al., 2016).""",
    ),
    "convolutional": Parameter(
        [AUTO, list, tuple, None],
        """'auto', list of (int, int) or None
        Number of filters and (odd) kernel size of each layer of a convolutional branch with batch
        normalisation, which reads the same input in parallel to the recurrent layers and ends in
        the mean over time, as in LSTM-FCN (Karim et al., 2018). 'auto' is [(64, 7), (64, 5),
        (64, 3)] for numbers and None for token ids; LSTM-FCN itself has 128, 256 and 128 filters
        of sizes 8, 5 and 3.""",
    ),
    "kernels": replace(
        CNN["kernels"],
        text="""'auto', RandomKernels or None
        Features of series of numbers for a linear model (a ridge regression with the penalty of the
        smallest leave-one-out error) whose probabilities (or values) are averaged with those of the
        network; the weight is `kernel_weight_`. 'auto' is `skdeep.preprocessing.RandomKernels` for
        10 to 10,000 series of at least 12 steps (their median), with fewer features above 2,000;
        for X of two dimensions, which may hold any vectors, for token ids, and for losses other
        than the squared error, it is None. None is the network alone. A row of weight 2 is not the
        same as the row given twice, because each row is left out for itself. `transform` and
        `saliency` are those of the network.""",
    ),
    "dropout": Parameter(
        [AUTO, BELOW_1],
        """float or 'auto'
        Dropout rate between layers, in [0, 1), after embeddings and recurrent layers with the same
        mask at all steps of a sequence (Gal and Ghahramani, 2016). Numbers in X are never dropped.
        'auto' is 0.5 for token ids and 0 for numbers.""",
    ),
    "recurrent_dropout": Parameter(
        [BELOW_1],
        """float
        Dropout rate of the recurrent weights, in [0, 1), with the same mask at all steps of a
        sequence (Merity, Keskar and Socher, 2018).""",
    ),
    "data_format": replace(
        ARRAYS["data_format"],
        text="""{'channels_last', 'channels_first'}
        Whether 3-D arrays are (n_samples, length, n_channels) or (n_samples, n_channels, length),
        and the arrays of a list (length, n_channels) or (n_channels, length).""",
    ),
    **WINDOW,
    "own_scale": ARRAYS["own_scale"],
    "missing": ARRAYS["missing"],
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of sequences in a mini-batch; 'auto' is all of up to 64 sequences, 32 for up to
        2,000, and 64 for more. Sequences of similar length are batched together.""",
    ),
    "max_iter": replace(
        MAX_ITER,
        text="""int or 'auto'
        Maximum number of epochs (passes over the data); 'auto' plans 2,000 training steps (1,100
        for token ids), in at least 3 and at most 1,000 epochs.""",
    ),
    "n_iter_no_change": replace(
        TRAINING["n_iter_no_change"],
        text="""int or inf
        With `early_stopping`, training stops after more than this number of consecutive epochs
        without an improvement of the validation score by `tol`; for 'one_cycle', after at least
        30 % of all epochs, during which its learning rate increases. Without `early_stopping` the
        training loss is used, but not for 'cosine', 'one_cycle' and 'exponential', which always
        continue to `max_iter`.""",
    ),
}

LSTM_ATTRIBUTES = {
    **ATTRIBUTES,
    **KERNEL_ATTRIBUTES,
    "vocabulary_size_": """int
        Number of token ids, padding and unknown included; defined only for token ids.""",
    "input_shape_": """tuple
        Shape of one sequence in `fit`; None stands for lengths that differ.""",
    "n_features_in_": """int
        Number of features seen during `fit`; defined only if X is 2-D and numeric.""",
}
LSTM_CLASSIFIER_ATTRIBUTES = {**CLASSES, **LSTM_ATTRIBUTES}
