"""Descriptions of the parameters and attributes of the siamese estimators."""

import inspect

from skdeep.parameters.docs import _ALL, _entries
from skdeep.parameters.docs_tables import _with_default

PARAMETERS = """
n_components : int
    Length of the embedding; at least 1. A module given as `encoder` has its own.

encoder : {'auto', 'dense', 'conv', 'lstm'} or torch.nn.Module
    The network from a row to its embedding. 'dense' is a stack of dense layers, and what 'auto'
    takes for vectors; 'conv' four blocks of convolutions (Vinyals et al., 2016; Snell et al.,
    2017; for pictures with a strided first block and more channels, in the same time), which it
    takes for pictures and series; 'lstm' recurrent layers in both directions over
    series, and over vectors as series of one channel. A module is copied; it gets batches of rows,
    (n_rows, n_features) or with channels first, and returns (n_rows, n_components). Its weights
    are where training starts; noise inside it, such as torch's dropout, comes from torch's global
    generator.

image_shape : tuple of int or None
    (height, width) of grey pictures that come as (n_samples, height, width) or flat, or with the
    number of channels. Without it, rows of numbers are vectors, 3-D arrays and lists of 2-D
    arrays are series, 4-D arrays pictures.

data_format : {'channels_last', 'channels_first'}
    Where X has its channels: (n_samples, length, n_channels) and (n_samples, height, width,
    n_channels), or behind the first axis.

augment : {'auto', 'affine', 'affine_turns'} or None
    How pictures are changed in training. 'affine': each is turned by up to 10 degrees, and
    scaled, sheared and shifted by up to a tenth (in the manner of Koch et al., 2015);
    'affine_turns': batches are also turned as a whole by multiples of 90 degrees, so that turned
    classes count as classes of their own (Santoro et al., 2016). 'auto' is 'affine' for pictures,
    'affine_turns' where they have 100 classes or more: an embedding of so many is one for others
    too, and few are told apart better as they stand. Rows of other kinds stay as they are.

hidden_layer_sizes : array-like of int or int
    Number of units in each hidden layer of a dense encoder, and in each direction of each layer
    of a recurrent one.

loss : {'auto', 'nt_xent', 'prototypical', 'triplet', 'contrastive', 'contrastive_squared'}
    What is minimised; 'auto' is 'nt_xent' for classes, 'contrastive' for pairs and 'triplet' for
    triplets.

    - 'nt_xent': cross-entropy of picking similar rows from a batch by cosine (Chen et al., 2020);
      with several rows of a class, the supervised contrastive loss (Khosla et al., 2020). For
      classes and pairs.
    - 'prototypical': cross-entropy of picking a row's class by the squared distance to the means
      of classes in the batch (Snell et al., 2017), each row left out of its own class's mean. For
      classes.
    - 'triplet': ``max(0, d(anchor, similar) - d(anchor, other) + margin)`` (Hermans et al., 2017).
      For classes and triplets.
    - 'contrastive': half of ``d ** 2`` for similar rows and of ``max(0, margin - d) ** 2`` for
      others (Hadsell et al., 2006). For classes, pairs and triplets.
    - 'contrastive_squared': half of ``max(0, margin - d ** 2)`` for others, the margin being one
      of squared distances, the energies of Chopra et al. (2005).

mining : {'semi_hard', 'batch_hard', 'all'}
    Which triplets of a batch the losses 'triplet', 'contrastive' and 'contrastive_squared' make
    of classes: for each two rows of a class the nearest row of another class that is farther
    away (Schroff et al., 2015), for each row the farthest of its class and the nearest of
    another (Hermans et al., 2017), or all. The contrastive losses take the pairs of these
    triplets, or all pairs.

margin : float or 'auto'
    Distance that the losses with a margin keep between rows that are not similar; positive.
    'auto' is 0.2 for 'triplet' (Schroff et al., 2015) and 1 for the contrastive losses.

temperature : float
    What 'nt_xent' divides cosines by, and 'prototypical' squared distances; positive.

normalize : bool
    Whether embeddings have unit length, in the losses and from `transform`. The published
    prototypical networks are ``normalize=False, temperature=1.0``.

n_rows_per_class : int
    Rows of each class in a batch, at least 2 (fewer where a class has not as many); a batch
    holds ``batch_size // n_rows_per_class`` classes, or several groups of the rows of each where
    there are fewer classes (Hermans et al., 2017).

batch_size : int or 'auto'
    Rows in a mini-batch, for classes; pairs or triplets otherwise. 'auto' is an eighth of them,
    from 32 up to 256.

solver : {'sgd', 'adam', 'adamw', 'amsgrad', 'nadam', 'adamax', 'adagrad', 'adadelta', 'rmsprop'}
    How the weights are optimised; see `MLPClassifier`.

learning_rate_init : float or 'auto'
    The learning rate to start from, or the largest one of 'one_cycle'; positive. 'auto' is 0.01
    for convolutions and 0.005 for others.

amp : 'auto' or bool
    Whether training multiplies in bfloat16, and keeps weights, embeddings, losses and all that is
    added up in `dtype`, which must be 'float32'. 'auto' does so on GPUs that have units for it
    and, for convolutions, on processors that have: a step then takes about half the time.

early_stopping : bool
    Whether to hold out `validation_fraction` of each class (or of the pairs or triplets), to
    score each epoch on it, to stop when the score no longer improves and to end with the best
    epoch's weights. The score is the share of held-out rows that are nearest to the mean of five
    training rows of their class; for pairs the area under the ROC curve, for triplets the share
    whose similar row is the nearer one. `X_val` takes the place of held-out rows.

validation_fraction : float
    Share of the rows that `early_stopping` holds out, in [0, 1).
"""

ATTRIBUTES = """
loss_ : float
    Loss of the last epoch, penalty included.

best_loss_ : float or None
    Lowest loss of an epoch. None under early stopping.

n_outputs_ : int
    Length of the embedding.

n_iter_ : int
    Number of epochs of the last fit.

t_ : int
    Number of rows, pairs or triplets that training has seen.
"""

_SIAMESE = _ALL | _entries(PARAMETERS) | _entries(ATTRIBUTES)
_SHARED = "loss_ best_loss_ loss_curve_ validation_loss_curve_ validation_scores_ "
_SHARED += "best_validation_score_ t_ n_iter_ n_outputs_ n_features_in_ feature_names_in_ net_"


def siamese_docs(**own):
    """A decorator that fills ``{parameters}`` and ``{attributes}`` in a class's docstring.

    Parameters
    ----------
    **own : dict
        Descriptions of parameters that the other class has not, or has with another meaning.
    """

    def fill(cls):
        described = {
            "{parameters}": [
                _with_default(own.get(name) or _SIAMESE[name], parameter.default)
                for name, parameter in inspect.signature(cls).parameters.items()
            ],
            "{attributes}": [_SIAMESE[name] for name in _SHARED.split()],
        }
        for key, entries in described.items():
            block = "\n\n".join(entries).replace("\n", "\n    ").replace("\n    \n", "\n\n")
            cls.__doc__ = cls.__doc__.replace(key, block)
        return cls

    return fill
