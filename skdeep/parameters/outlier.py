"""Parameters and attributes of the outlier detector for tables."""

from dataclasses import replace
from numbers import Real

from skdeep._compat import Interval, StrOptions
from skdeep.parameters.dense import DENSE
from skdeep.parameters.entry import AT_LEAST_1, AUTO, Parameter
from skdeep.parameters.training import ATTRIBUTES, MAX_ITER, N_ESTIMATORS, TRAINING

OUTLIER = {
    **TRAINING,
    "hidden_layer_sizes": replace(
        DENSE["hidden_layer_sizes"],
        text="""array-like of shape (n_layers,) or int
        Number of units in each hidden layer. No bottleneck is needed: hidden features cannot be
        copied.""",
    ),
    "activation": replace(
        DENSE["activation"],
        text="""str
        Activation function of the hidden layers: one of those of `MLPClassifier`.""",
    ),
    "novelty": Parameter(
        ["boolean"],
        """bool
        Whether the training rows are all normal. False: they may contain outliers, which are to
        be found among them. Training is short and leaves out the rows with the largest losses
        (see `trim`), since outliers would otherwise be learned too; the score is a distance from
        the centre. True: new rows are compared with normal ones. Training is long; the score is
        the distance to neighbours.""",
    ),
    "contamination": Parameter(
        [AUTO, Interval(Real, 0, 0.5, closed="right")],
        """'auto' or float in (0, 0.5]
        Sets `offset_`: the fraction of the training rows (with `novelty`, of the held-out rows)
        that are outliers, or 'auto' for the rows beyond the upper quartile plus 1.5 interquartile
        ranges (Tukey, 1977). With `novelty` their score must also be below that of 95 % of the
        held-out rows.""",
    ),
    "score_method": Parameter(
        [
            StrOptions(
                {
                    *("auto", "mse", "normalized", "robust", "mahalanobis"),
                    *("neighbors", "latent_knn", "local", "sampled"),
                }
            )
        ],
        """{'auto', 'mse', 'normalized', 'robust', 'mahalanobis', 'neighbors', 'latent_knn', \
'local', 'sampled'}
        Outlier score of a row, from its standardised values x and residuals r:

        - 'mse': sum of r**2.
        - 'normalized': sum of ``(r / s)**2``, where s is the spread of the training residuals.
        - 'robust': the same with the median absolute residual as s.
        - 'mahalanobis': squared Mahalanobis distance of [x, r / s], with the covariance matrix
          of Ledoit and Wolf (2004).
        - 'neighbors': mean squared distance to the `n_neighbors` nearest training rows in
          [x, r / s].
        - 'latent_knn': the same in [z, r / s], where z is the narrowest hidden layer.
        - 'local': geometric mean of the distance to the `n_neighbors` nearest training rows in x
          and of the mean of ``(r / s)**2``, each divided by the square root of its typical value
          among these rows: between a distance to neighbours and a local outlier factor (Breunig
          et al., 2000).
        - 'sampled': geometric mean of 'mahalanobis' and of the mean squared distance in x to
          the nearest tenth of 100 randomly sampled training rows (Sugiyama and Borgwardt, 2013).
        - 'auto': 'local' with `novelty`, otherwise 'sampled'.""",
    ),
    "n_neighbors": Parameter(
        [AT_LEAST_1],
        """int
        Number of neighbours of 'neighbors', 'latent_knn' and 'local'.""",
    ),
    "max_reference_rows": Parameter(
        [AT_LEAST_1],
        """int
        Maximum number of training rows that 'neighbors', 'latent_knn' and 'local' keep, sampled at
        random if there are more (also in streams, see `partial_fit`). 'sampled' keeps 100, other
        scores none.""",
    ),
    "n_estimators": replace(
        N_ESTIMATORS,
        text="""int
        Number of networks (members) whose predictions are averaged, trained in parallel, each with
        its own initial weights, order of rows and masks.""",
    ),
    "mask_rate": Parameter(
        [Interval(Real, 0, 1, closed="right")],
        """float
        Maximum fraction of the features of a row that are hidden in training, in (0, 1]; the
        fraction is drawn uniformly for each row.""",
    ),
    "trim": Parameter(
        [AUTO, Interval(Real, 0, 0.5, closed="both")],
        """float or 'auto'
        Fraction of the rows of each batch, those with the largest loss, that are left out after
        the first fifth of training, in [0, 0.5]; also the fraction of all rows, the farthest ones,
        that 'mahalanobis' leaves out of its centre and covariance matrix. 'auto' is 0 with
        `novelty`, otherwise 0.1.""",
    ),
    "missing": Parameter(
        [StrOptions({"mask", "error"})],
        """{'mask', 'error'}
        How to handle NaN: 'mask' hides missing numbers from the network and ignores their error,
        and adds an indicator feature for columns with missing values in `fit`; 'error' raises.""",
    ),
    "categorical_features": Parameter(
        ["array-like", StrOptions({"from_dtype"}), None],
        """'from_dtype', array-like of {bool, int, str} or None
        Which columns are categorical: a mask, indices or names; 'from_dtype' selects the columns
        of a DataFrame that are categories, strings, booleans or objects other than numbers. A
        category is one-hot encoded up to 32 levels; with more it is one column with the rarity of
        the level.""",
    ),
    "alpha": replace(
        TRAINING["alpha"],
        text="""float
        Decoupled weight decay (Loshchilov and Hutter, 2019), not negative.""",
    ),
    "batch_size": replace(
        TRAINING["batch_size"],
        text="""int or 'auto'
        Number of rows in a mini-batch of each member; 'auto' is 256, or 64 with up to 256 rows to
        train on, and never more than there are rows.""",
    ),
    "learning_rate_init": replace(
        TRAINING["learning_rate_init"],
        text="""float
        Largest learning rate of a one-cycle schedule (Smith and Topin, 2018).""",
    ),
    "max_iter": replace(
        MAX_ITER,
        text="""int or 'auto'
        Number of epochs. 'auto' plans 700 training steps with `novelty`, otherwise 300, whatever
        the number of rows; with up to 256 rows to train on 500 and 200.""",
    ),
    "early_stopping": replace(
        TRAINING["early_stopping"],
        text="""bool
        Whether to restore the weights of the epoch that predicts the held-out rows best.""",
    ),
    "validation_fraction": replace(
        TRAINING["validation_fraction"],
        text="""float
        Fraction of the rows that is held out from training, in [0, 1), for `predict_tail_proba`,
        `offset_` and `early_stopping`. With fewer than 20 rows, or if it is 0, the training rows
        are used instead. Rows passed as `X_val` take precedence.""",
    ),
    "n_iter_no_change": replace(
        TRAINING["n_iter_no_change"],
        text="""int or inf
        Number of epochs without improvement after which `early_stopping` stops training.""",
    ),
    "tol": replace(
        TRAINING["tol"],
        text="""float
        Minimum improvement of the loss on the held-out rows.""",
    ),
}

OUTLIER_ATTRIBUTES = {
    "offset_": """float
        ``decision_function(X) = score_samples(X) - offset_``.""",
    "encoder_": """OutlierEncoder
        Encodes the columns of X as the input of the network.""",
    "score_method_": """str
        The outlier score, as `score_method`, with 'auto' resolved.""",
    **ATTRIBUTES,
}
