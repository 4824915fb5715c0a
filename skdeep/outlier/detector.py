"""Autoencoder that says how odd a row is."""

from numbers import Integral, Real

from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if

from skdeep._compat import Interval, StrOptions, _fit_context
from skdeep.base.old_estimator import DeepEstimator, all_or_nothing
from skdeep.base.unsupervised import DeepUnsupervised
from skdeep.outlier.scores import SCORES, OutlierScores
from skdeep.outlier.training import OutlierTraining
from skdeep.parameters import ranges
from skdeep.parameters.docs import shared_docs


def _scores_its_own_rows(estimator):
    if estimator.novelty:
        raise AttributeError(
            "fit_predict is not available when novelty=True: the training rows are taken for "
            "normal. Use novelty=False to find outliers among them."
        )
    return True


@shared_docs
class AutoencoderOutlierDetector(OutlierTraining, OutlierScores, DeepUnsupervised, DeepEstimator):
    """Outlier detection by what a network cannot predict of a row from the rest of it.

    A network learns to restore features that are hidden at random. A row is then asked about
    feature by feature: what each value is above its prediction from the others (its residual)
    says whether the row keeps the rules of the data, its values say whether it is near other
    rows. Both together make the score; a plain reconstruction error knows only half of it, and
    lets columns that nothing predicts drown the others. Tables may be mixed and have gaps.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(128, 128, 128)
        Number of units in each hidden layer. There need be no bottleneck: what is hidden cannot
        be copied.

    activation : str, default='silu'
        Function of the hidden units: one of those of `MLPClassifier`.

    novelty : bool, default=False
        What the training rows are. False: a sample in which outliers may be, to be found among
        themselves. Training is short and leaves out the worst rows (see `trim`), or outliers
        would be learnt too; the score is a distance from the centre. True: normal rows, with which
        new rows are to be compared. Training is long; the score is the distance to neighbours.

    contamination : 'auto' or float in (0, 0.5], default='auto'
        Where `offset_` is. A share of the training rows (with `novelty` of the held-out ones)
        that is to be called outliers, or 'auto' for the rows that are far out among them: a
        quartile distance and a half above the upper quartile (Tukey, 1977). With `novelty` the
        row must also be odder than 95 % of the held-out rows.

    score_method : {'auto', 'mse', 'normalized', 'robust', 'mahalanobis', 'neighbors', \
'latent_knn', 'local', 'sampled'}, default='auto'
        How odd a row is, from its standardised values x and residuals r:

        - 'mse': sum of r**2.
        - 'normalized': of ``(r / s)**2``, s being the spread of the training rows' residuals.
        - 'robust': the same with the median absolute residual as s.
        - 'mahalanobis': squared Mahalanobis distance of [x, r / s], with the covariance matrix
          of Ledoit and Wolf (2004).
        - 'neighbors': mean squared distance to the `n_neighbors` nearest training rows in
          [x, r / s].
        - 'latent_knn': the same in [z, r / s], z being the narrowest hidden layer.
        - 'local': geometric mean of the distance to the `n_neighbors` nearest training rows in x
          and of the mean of ``(r / s)**2``, each divided by the square root of what is usual
          among these rows: halfway between a distance to neighbours and a local outlier factor
          (Breunig et al., 2000).
        - 'sampled': geometric mean of 'mahalanobis' and of the mean squared distance in x to
          the nearest tenth of 100 training rows drawn at random (Sugiyama and Borgwardt, 2013).
        - 'auto': 'local' with `novelty`, else 'sampled'.

    n_neighbors : int, default=5
        Of 'neighbors', 'latent_knn' and 'local'.

    max_reference_rows : int, default=10_000
        Training rows that 'neighbors', 'latent_knn' and 'local' keep, drawn at random if there
        are more; so do streams, see `partial_fit`. 'sampled' keeps 100, other scores none.

    n_estimators : int, default=1
        Networks (members) whose mean predicts, trained side by side as one, each from its own
        weights with its own order of rows and its own masks.

    mask_rate : float, default=0.5
        Training hides of each row a share drawn evenly between 0 and this, in (0, 1].

    trim : 'auto' or float, default='auto'
        Share of the rows of each batch, those of largest loss, that training leaves out after its
        first fifth, in [0, 0.5]; of all rows, those farthest out, that 'mahalanobis' leaves out
        when it works out its centre and its matrix. 'auto' is 0 with `novelty`, else 0.1.

    missing : {'mask', 'error'}, default='mask'
        What to do with missing numbers (NaN): hide them from the network, and count no error for
        them; that they are missing is a feature of its own where `fit` saw some. Or raise.

    categorical_features : 'from_dtype', array-like of {bool, int, str} or None, \
default='from_dtype'
        Which columns hold categories: a mask, numbers or names; 'from_dtype' takes the columns of
        a DataFrame that are categories, strings, booleans or objects other than numbers. A
        category has a column for each level, or, with more than 32 levels, one column with the
        rarity of the level.

    alpha : float, default=0.0001
        Decoupled weight decay (Loshchilov and Hutter, 2019), not negative.

    batch_size : int or 'auto', default='auto'
        Rows in a mini-batch of each member; 'auto' is ``min(256, n_samples)``.

    learning_rate_init : float, default=0.002
        Largest learning rate; it goes up and down once (Smith and Topin, 2018).

    max_iter : int or 'auto', default='auto'
        Number of epochs. 'auto' counts steps, not epochs, so that small tables are not trained
        less than large ones: as many epochs as make 700 steps with `novelty`, else 300.

    early_stopping : bool, default=False
        Whether to end with the weights that predict the held-out rows best.

    validation_fraction : float, default=0.1
        Share of the rows that is held out from training, in [0, 1), for `predict_tail_proba`, for
        `offset_` and for `early_stopping`. With fewer than 20 rows, or where it is 0, the training
        rows themselves take their place. Rows given as `X_val` are used instead.

    n_iter_no_change : int or inf, default=20
        Epochs without improvement after which `early_stopping` ends training.

    tol : float, default=0.0
        An epoch that does not improve the loss on the held-out rows by more counts as none.

    gradient_clip_norm : float or None, default=1.0
        Largest norm of the gradient of a batch; longer ones are scaled down (Pascanu et al., 2013).

    {parameters}

    Attributes
    ----------
    offset_ : float
        ``decision_function(X) = score_samples(X) - offset_``.

    encoder_ : OutlierEncoder
        From the columns of X to what the network takes.

    score_method_ : str
        What `score_method` stands for.

    {attributes}

    See Also
    --------
    sklearn.ensemble.IsolationForest : Splits at random instead of a network.
    sklearn.neighbors.LocalOutlierFactor : Distances to neighbours alone.

    Notes
    -----
    Predicting each feature from the others is the pseudo-likelihood of Besag (1975); one network
    for all of them goes back to MADE (Germain et al., 2015). The network is trained in single
    precision, scores are computed in double precision.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import AutoencoderOutlierDetector
    >>> rng = np.random.RandomState(0)
    >>> a = rng.normal(size=300)
    >>> X = np.column_stack([a, a + 0.1 * rng.normal(size=300), rng.normal(size=300)])
    >>> detector = AutoencoderOutlierDetector(novelty=True, random_state=0, device="cpu").fit(X)
    >>> odd = [[1.5, -1.5, 0.0], [1.5, 1.5, 0.0]]  # each value of both is a common one
    >>> detector.predict(odd)
    array([-1,  1])
    >>> detector.explain(odd)[0].argmin()
    np.int64(2)
    """

    solver, learning_rate, l1_ratio, warm_start = "adamw", "one_cycle", 0.0, False
    momentum, nesterovs_momentum, beta_1, beta_2, epsilon = 0.9, True, 0.9, 0.999, 1e-8
    shuffle, dtype = True, None

    _parameter_constraints: dict = {
        **{
            name: ranges.TRAINING[name]
            for name in (
                *("alpha", "batch_size", "learning_rate_init", "early_stopping", "tol"),
                *("validation_fraction", "n_iter_no_change", "gradient_clip_norm"),
                *("random_state", "verbose", "device", "max_time", "skorch_callbacks"),
            )
        },
        "hidden_layer_sizes": ranges.DENSE["hidden_layer_sizes"],
        "activation": ranges.DENSE["activation"],
        "novelty": ["boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "score_method": [StrOptions(SCORES)],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "max_reference_rows": [Interval(Integral, 1, None, closed="left")],
        "n_estimators": [Interval(Integral, 1, 2**16, closed="both")],
        "mask_rate": [Interval(Real, 0, 1, closed="right")],
        "trim": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="both")],
        "missing": [StrOptions({"mask", "error"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 128, 128),
        activation="silu",
        *,
        novelty=False,
        contamination="auto",
        score_method="auto",
        n_neighbors=5,
        max_reference_rows=10_000,
        n_estimators=1,
        mask_rate=0.5,
        trim="auto",
        missing="mask",
        categorical_features="from_dtype",
        alpha=0.0001,
        batch_size="auto",
        learning_rate_init=0.002,
        max_iter="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=20,
        tol=0.0,
        gradient_clip_norm=1.0,
        random_state=None,
        verbose=False,
        device="auto",
        max_time=None,
        skorch_callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.novelty = novelty
        self.contamination = contamination
        self.score_method = score_method
        self.n_neighbors = n_neighbors
        self.max_reference_rows = max_reference_rows
        self.n_estimators = n_estimators
        self.mask_rate = mask_rate
        self.trim = trim
        self.missing = missing
        self.categorical_features = categorical_features
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.gradient_clip_norm = gradient_clip_norm
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.max_time = max_time
        self.skorch_callbacks = skorch_callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
    def fit(self, X, y=None, *, X_val=None):
        """Learn what is normal in X.

        A fit that raises leaves the estimator as it was. Ctrl-C ends training with the best
        weights so far and a warning; in the first epoch of another fit it raises, too.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            At least 2 rows.

        y : None
            Not used, present for the sake of pipelines and searches.

        X_val : {array-like, DataFrame} of shape (n_val, n_features), default=None
            Rows to hold out in place of `validation_fraction` of X.

        Returns
        -------
        self : AutoencoderOutlierDetector
        """
        return self._fit_and_report(X, None, None, X_val)

    @available_if(_scores_its_own_rows)
    def fit_predict(self, X, y=None):
        """Fit on X and say which of its rows are outliers; not with `novelty`.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)

        y : None
            Not used.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            -1 for outliers, 1 for normal rows.
        """
        return self.fit(X).predict(X)

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(self, X, y=None):
        """Train for one epoch on the rows of a stream, going on from where the estimator is.

        The first call settles scales and categories. Up to `max_reference_rows` rows, an even
        sample of the stream so far, are kept: scores and `offset_` follow from them, so that
        they belong to the network as it is now. `early_stopping` is not used.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            The rows to learn from; at least 2 in the first call.

        y : None
            Not used.

        Returns
        -------
        self : AutoencoderOutlierDetector
        """
        return self._fit(X, None, None, incremental=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "mask"
        tags.input_tags.categorical = True
        return tags
