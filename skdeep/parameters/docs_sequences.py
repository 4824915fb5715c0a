"""Descriptions of the parameters and attributes of the recurrent estimators."""

import inspect

from skdeep.parameters.docs import _ALL, _entries
from skdeep.parameters.docs_tables import _with_default

PARAMETERS = """
hidden_layer_sizes : array-like of int or int
    Units of each recurrent layer, in each direction.

cell : {'lstm', 'gru', 'rnn'}
    What a layer is made of: LSTM (Hochreiter and Schmidhuber, 1997; with the forget gate of Gers
    et al., 2000), GRU (Cho et al., 2014) or Elman's network (1990) with tanh.

vocabulary_size : int, 'auto' or None
    None: X is numbers. Otherwise X is token ids, integers from 0 on, of which 0 is padding
    (anywhere; it is skipped) and 1 an unknown token; each id has an embedding. An int is the
    number of ids, 'auto' one more than the largest id in `fit`. Ids that `fit` did not see become
    unknown; with an int, ids that it does not reach are an error.

embedding_size : int
    Length of the vector that stands for a token; used with a vocabulary.

bidirectional : bool
    Whether each layer also reads from the end to the beginning (Schuster and Paliwal, 1997).

pooling : {'last', 'max', 'mean', 'attention'}
    How the outputs of a layer at all steps become one vector: the output at the last step that a
    direction reads, the largest or the mean over time of each unit, or the mean over time with
    learnt weights (Yang et al., 2016).

convolutional : 'auto', None or list of (int, int)
    Filters and (odd) kernel size of each layer of a convolutional branch with batch normalisation
    that reads the same input beside the recurrent layers and ends in the mean over time, as in
    LSTM-FCN (Karim et al., 2018). 'auto' is [(64, 7), (64, 5), (64, 3)] for numbers and None for
    token ids; LSTM-FCN itself has 128, 256 and 128 filters of sizes 8, 5 and 3.

dropout : float or 'auto'
    Share of the units of a layer that training leaves out before the next layer, in [0, 1): of
    embeddings and of recurrent layers the same ones in all steps of a sequence (Gal and
    Ghahramani, 2016). Numbers in X are never left out. 'auto' is 0.5 for token ids, 0 for numbers.

recurrent_dropout : float
    Share of the recurrent weights that each training step leaves out, in [0, 1), the same ones in
    all steps of a sequence (Merity, Keskar and Socher, 2018).

data_format : {'channels_last', 'channels_first'}
    Whether 3-D arrays are (n_samples, length, n_channels) or (n_samples, n_channels, length), and
    the arrays of a list (length, n_channels) or (n_channels, length).

missing : {'error', 'mask'}
    What NaN in X is: an error; or with 'mask' a number that is not known and counts as the mean
    of its channel, and at the end of a series padding.

solver : {'adam', 'adamw', 'amsgrad', 'nadam', 'adamax', 'adagrad', 'adadelta', 'rmsprop', 'sgd'}
    How the weights are optimised, in mini-batches; see `MLPClassifier`.

batch_size : int or 'auto'
    Sequences in a mini-batch; 'auto' is all of up to 64 sequences, 32 of up to 2,000, and 64 of
    more. Sequences of about the same length go together.

max_iter : int or 'auto'
    Largest number of epochs (passes over the data); 'auto' is as many as make 2,000 steps of
    training (1,100 over token ids), but at least 3 and at most 1,000.

n_iter_no_change : int or inf
    With `early_stopping`, training ends after more than this number of epochs in a row whose
    validation score did not improve by `tol`; for 'one_cycle' more than 30 % of all epochs, in
    which its rate grows. Without `early_stopping` the loss of training is watched, and that only
    where `learning_rate` plans for no end: 'cosine', 'one_cycle' and 'exponential' go on to
    `max_iter`.

loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson'}
    'squared_error' is half the squared error; 'absolute_error' estimates the median; 'huber' is
    squared up to `huber_delta` and linear beyond it (Huber, 1964); 'quantile' estimates the given
    `quantile` (Koenker and Bassett, 1978); 'poisson' is half the Poisson deviance with ``exp`` as
    the last function, for targets that are not negative.
"""

ATTRIBUTES = """
classes_ : ndarray of shape (n_classes,)
    The class labels; for multilabel targets the numbers of the labels.

vocabulary_size_ : int
    Number of token ids, padding and unknown included; not there where X is numbers.

input_shape_ : tuple
    Shape of one sequence in `fit`, None standing for lengths that differ.

n_features_in_ : int
    Number of columns of a 2-D X of numbers.
"""

_SEQUENCES = _ALL | _entries(PARAMETERS) | _entries(ATTRIBUTES)
_SHARED = "vocabulary_size_ input_shape_ loss_ best_loss_ loss_curve_ validation_loss_curve_ "
_SHARED += "validation_scores_ best_validation_score_ t_ n_iter_ n_outputs_ out_activation_ "
_SHARED += "n_features_in_ feature_names_in_ net_"


def sequence_docs(cls):
    """Fill ``{parameters}`` and ``{attributes}`` in a class's docstring."""
    text = [
        _with_default(_SEQUENCES[name], parameter.default)
        for name, parameter in inspect.signature(cls).parameters.items()
    ]
    names = (["classes_"] if hasattr(cls, "predict_proba") else []) + _SHARED.split()
    for key, blocks in (
        ("{parameters}", text),
        ("{attributes}", [_SEQUENCES[name] for name in names]),
    ):
        block = "\n\n".join(blocks).replace("\n", "\n    ").replace("\n    \n", "\n\n")
        cls.__doc__ = cls.__doc__.replace(key, block)
    return cls
