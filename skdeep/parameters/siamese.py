"""Parameters and attributes of the siamese estimators."""

from dataclasses import replace

from torch import nn

from skdeep._compat import StrOptions
from skdeep.parameters.arrays import ARRAYS
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import (
    AT_LEAST_1,
    AT_LEAST_2,
    AUTO,
    BELOW_1,
    POSITIVE,
    Parameter,
)
from skdeep.parameters.training import AMP, FEATURES, PROGRESS, TRAINING

SIAMESE = {
    **TRAINING,
    **DENSE,
    **ARRAYS,
    "n_components": Parameter(
        [AT_LEAST_1],
        """int
        Size of the embedding; at least 1. A module passed as `encoder` has its own.""",
    ),
    "encoder": Parameter(
        [StrOptions({"auto", "dense", "conv", "lstm"}), nn.Module],
        """{'auto', 'dense', 'conv', 'lstm'} or torch.nn.Module
        The network that embeds a row.

        - 'auto': 'dense' for vectors and 'conv' for images and series.
        - 'dense': a stack of dense layers.
        - 'conv': four blocks of convolutions (Vinyals et al., 2016; Snell et al., 2017; for images
          with a strided first block and more channels, in the same time).
        - 'lstm': bidirectional recurrent layers over series, and over vectors as series of one
          channel.
        - a module, which is copied. It takes batches of rows, (n_rows, n_features) or with
          channels first, and returns (n_rows, n_components). Training starts from its weights;
          noise inside it, such as torch's dropout, comes from torch's global generator.""",
    ),
    "image_shape": replace(
        ARRAYS["image_shape"],
        text="""tuple of int or None
        (height, width) of grey images that are passed as (n_samples, height, width) or flat, or
        with the number of channels. Without it, 2-D X are vectors, 3-D arrays and lists of 2-D
        arrays are series, and 4-D arrays are images.""",
    ),
    "augment": Parameter(
        [StrOptions({"auto", "affine", "affine_turns"}), callable, None],
        """{'auto', 'affine', 'affine_turns'}, callable or None
        How images are changed in training. 'affine': each is rotated by up to 10 degrees, and
        scaled, sheared and shifted by up to a tenth (similar to Koch et al., 2015);
        'affine_turns': batches are also rotated as a whole by multiples of 90 degrees, so that
        rotated classes count as further classes (Santoro et al., 2016). 'auto' is 'affine' for
        images of fewer than 100 classes, which are best separated unrotated, and 'affine_turns'
        for more, whose embedding should generalise to other classes. These are for images only. A
        callable, such as a transform of torchvision or kornia, is given a batch of the training
        rows on their device, with the channels first, and returns one of the same shape; what it
        draws is not repeated by `random_state`.""",
    ),
    "n_views": Parameter(
        [AUTO, AT_LEAST_1],
        """int or 'auto'
        Number of orientations in which an image is embedded after training: as it is, rotated by
        90, 180 and 270 degrees, then mirrored and rotated, 8 at most (4, by 180 degrees, unless
        images are square). The embeddings of all, side by side, are reduced to as many principal
        components as one has. A network that was trained with 'affine_turns' compares rotated
        images as those of other classes, so that each view has errors of its own; predictions take
        `n_views` times as long, training does not. 'auto' is all of them where training rotates
        images ('affine_turns', or 'auto' with 100 classes or more), else 1. Scores of
        `early_stopping` are those of one view.""",
    ),
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of int or int
        Number of units in each hidden layer of a dense encoder, and in each direction of each
        layer of a recurrent encoder.""",
    ),
    "loss": Parameter(
        [
            StrOptions(
                {
                    *("auto", "nt_xent", "prototypical"),
                    *("triplet", "contrastive", "contrastive_squared"),
                }
            )
        ],
        """{'auto', 'nt_xent', 'prototypical', 'triplet', 'contrastive', 'contrastive_squared'}
        Loss function. 'auto' is 'nt_xent' for classes, 'contrastive' for pairs and 'triplet' for
        triplets.

        - 'nt_xent': cross-entropy of picking similar rows from a batch by cosine similarity (Chen
          et al., 2020); with several rows of a class, the supervised contrastive loss (Khosla et
          al., 2020). For classes and pairs.
        - 'prototypical': cross-entropy of the class by the squared distance to the class means in
          the batch (Snell et al., 2017), each row left out of the mean of its own class. For
          classes.
        - 'triplet': ``max(0, d(anchor, similar) - d(anchor, other) + margin)`` (Hermans et al.,
          2017). For classes and triplets.
        - 'contrastive': half of ``d ** 2`` for similar rows and of ``max(0, margin - d) ** 2`` for
          others (Hadsell et al., 2006). For classes, pairs and triplets.
        - 'contrastive_squared': half of ``max(0, margin - d ** 2)`` for others, where the margin is
          one of squared distances, the energies of Chopra et al. (2005).""",
    ),
    "mining": Parameter(
        [StrOptions({"semi_hard", "batch_hard", "all"})],
        """{'semi_hard', 'batch_hard', 'all'}
        Which triplets of a batch are used by the losses 'triplet', 'contrastive' and
        'contrastive_squared' when `fit` is given classes.

        - 'semi_hard': for each two rows of a class, the nearest row of another class that is
          farther away (Schroff et al., 2015).
        - 'batch_hard': for each row, the farthest row of its class and the nearest of another
          (Hermans et al., 2017).
        - 'all': all of them.

        The contrastive losses use the pairs of these triplets, or all pairs.""",
    ),
    "margin": Parameter(
        [AUTO, POSITIVE],
        """float or 'auto'
        Margin of 'triplet' and of the contrastive losses: the distance to keep between dissimilar
        rows; positive. 'auto' is 0.2 for 'triplet' (Schroff et al., 2015) and 1 for the
        contrastive losses.""",
    ),
    "temperature": Parameter(
        [POSITIVE],
        """float
        Divisor of the cosine similarities of 'nt_xent' and of the squared distances of
        'prototypical'; positive.""",
    ),
    "normalize": Parameter(
        ["boolean"],
        """bool
        Whether embeddings have unit length, in the losses and in `transform`. The published
        prototypical networks are ``normalize=False, temperature=1.0``.""",
    ),
    "n_rows_per_class": Parameter(
        [AT_LEAST_2],
        """int
        Number of rows of each class in a batch, at least 2 (fewer for classes with fewer rows). A
        batch holds ``batch_size // n_rows_per_class`` classes, or several groups of rows of each
        if there are fewer classes (Hermans et al., 2017).""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch for classes, otherwise of pairs or triplets. 'auto' is an
        eighth of all, between 32 and 256.""",
    ),
    "learning_rate_init": replace(
        TRAINING["learning_rate_init"],
        ranges=[AUTO, POSITIVE],
        text="""float or 'auto'
        Initial learning rate, or the largest one of 'one_cycle'; positive. 'auto' is 0.01 for
        convolutions and 0.005 otherwise.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to hold out `validation_fraction` of each class (or of the pairs or triplets),
        score each epoch on it, stop when the score no longer improves and restore the weights of
        the best epoch. The score is the fraction of held-out rows that are nearest to the mean of
        five training rows of their class; for pairs the area under the ROC curve, for triplets
        the fraction whose similar row is the nearer one. `X_val` replaces the held-out rows.""",
    ),
    "amp": replace(
        AMP,
        text="""bool or 'auto'
        Whether to multiply in bfloat16 in training and keep weights, embeddings, losses and sums
        in `dtype`, which must be 'float32'; a step takes about half the time. 'auto' enables it on
        GPUs that support it and, for convolutions, on processors that do.""",
    ),
}

SIAMESE_CLASSIFIER = {
    **SIAMESE,
    "n_neighbors": Parameter(
        [AT_LEAST_1, None],
        """int or None
        None: the distance to a class is the distance to the mean embedding of its rows, its
        prototype (Snell et al., 2017). An int: the mean distance to this number of nearest rows of
        the class (to all, if it has fewer), whose embeddings are then kept.""",
    ),
    "rejection_rate": Parameter(
        [BELOW_1, None],
        """float or None
        None: every row is assigned to a known class. A float in [0, 1): `predict` labels rows that
        are far from all classes -1 (or 'unknown' if labels are strings), from the distance on
        that is exceeded by this fraction of the held-out rows of known classes.""",
    ),
    "validation_fraction": replace(
        TRAINING["validation_fraction"],
        text="""float
        Fraction of the rows of each class, in [0, 1), on which the embedding is not trained. They
        are used to calibrate distances (`predict_proba`, `rejection_rate`) and by
        `early_stopping`, and count as rows of their class. With 0, or too few rows, the training
        rows are used for calibration, each left out of its own class, which is overconfident.""",
    ),
}

SIAMESE_ATTRIBUTES = {
    **PROGRESS,
    "n_outputs_": """int
        Size of the embedding.""",
    "t_": """int
        Number of rows, pairs or triplets seen in training.""",
    "input_shape_": """tuple
        Shape of one row of X as passed (after `image_shape`); None stands for lengths that
        differ.""",
    **FEATURES,
}
SIAMESE_TRANSFORMER_ATTRIBUTES = {
    "threshold_": """float
        Distance up to which a pair counts as similar.""",
    "pair_labels_": """ndarray of shape (2,)
        Labels of dissimilar and similar pairs in `predict_pairs`: [-1, 1], or [0, 1] if pairs were
        passed with these labels.""",
    "classes_": """ndarray of shape (n_classes,)
        The class labels; not defined after `fit_pairs` and `fit_triplets`.""",
    **SIAMESE_ATTRIBUTES,
}
SIAMESE_CLASSIFIER_ATTRIBUTES = {
    "classes_": """ndarray of shape (n_classes,)
        The class labels, sorted; `partial_fit` adds to them.""",
    "class_count_": """ndarray of shape (n_classes,)
        Number of rows seen of each class.""",
    "prototypes_": """ndarray of shape (n_classes, n_components)
        Mean embedding of each class.""",
    "temperature_": """float
        Divisor of the distances before the softmax of `predict_proba`.""",
    "rejection_threshold_": """float
        Distance to the nearest class beyond which `predict` rejects a row; infinite without
        `rejection_rate`. It may be set.""",
    **SIAMESE_ATTRIBUTES,
}
