"""Outlier detection by a masked autoencoder."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeep import engine
from skdeep._checks import all_or_nothing
from skdeep._compat import _fit_context, with_callbacks
from skdeep.base.disk import piece_by_piece
from skdeep.base.estimator import DeepEstimator
from skdeep.base.explanation import like_columns
from skdeep.base.learning import Given, Mode, Plan, Task
from skdeep.base.outliers import OutlierAnswers
from skdeep.base.training import single_phase
from skdeep.engine.recipe import epochs_of_steps, even_batch_size
from skdeep.inputs.rows import VECTORS
from skdeep.losses import MaskedSquaredError
from skdeep.outlier.rows import EncodedRows, plan_rows, read_rows, read_table
from skdeep.outlier.scorers import Tail
from skdeep.outlier.scores import ResidualModel, RowScorer, ScoreRule, learn_scores
from skdeep.outlier.training import masked_net, parts_of_training, plan_steps
from skdeep.parameters import outlier as tables
from skdeep.parameters.entry import public
from skdeep.preprocessing.outliers import OutlierEncoder


def _scores_its_own_rows(estimator: Any) -> bool:
    if estimator.novelty:
        raise AttributeError(
            "fit_predict is not available when novelty=True: the training rows are taken for "
            "normal. Use novelty=False to find outliers among them."
        )
    return True


@public(tables.OUTLIER, tables.OUTLIER_ATTRIBUTES)
class AutoencoderOutlierDetector(OutlierAnswers, DeepEstimator):
    """Outlier detection with a masked autoencoder.

    A network learns to restore features that are hidden at random. Each value of a row is then
    compared with its prediction from the other features: the differences (residuals) show whether
    the row follows the relations of the data, its values whether it is near other rows. The score
    combines both; a plain reconstruction error sees only the first, and is dominated by columns
    that nothing predicts. Tables may hold categories and missing values.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
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

    Limits. With more than 256 rows the number of training steps is fixed, and the time of each is
    linear in the columns; scores take time linear in rows. Scores, their tail and `offset_` are
    learned from at most 50,000 rows drawn at random, so that with more rows `contamination` holds
    up to the error of such a sample. 'mahalanobis' and 'sampled' invert a matrix with twice as many
    columns as the encoded rows, or as many as the rows if these are fewer: in the smaller of both
    numbers time is cubic and memory quadratic, in the larger both are linear. More than 32 features
    are hidden several at a time (32 groups, drawn at random), so that a feature is predicted
    without those of its group; `explain` still has a number for each. On 1,000,000 x 20 numbers the
    peak memory of `fit` and `score_samples` is below three times that of X in double precision, X
    included.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep import AutoencoderOutlierDetector
    >>> rng = np.random.RandomState(0)
    >>> a = rng.normal(size=300)
    >>> X = np.column_stack([a, a + 0.1 * rng.normal(size=300), rng.normal(size=300)])
    >>> detector = AutoencoderOutlierDetector(novelty=True, random_state=0, device="cpu").fit(X)
    >>> X_new = [[1.5, -1.5, 0.0], [1.5, 1.5, 0.0]]  # each value of both is a common one
    >>> detector.predict(X_new)
    array([-1,  1])
    >>> int(detector.explain(X_new)[0].argmin())
    2
    """

    offset_: float
    encoder_: OutlierEncoder
    score_method_: str
    _groups: list[list[int]]
    _latent_scale: tuple[np.ndarray, float] | None
    _scorer: Any
    _tail: Tail
    _stream: tuple[np.ndarray, int] | None

    _input = VECTORS
    _reads_from_disk = True

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (128, 128, 128),
        activation: str = "silu",
        *,
        novelty: bool = False,
        contamination: float | Literal["auto"] = "auto",
        score_method: str = "auto",
        n_neighbors: int = 5,
        max_reference_rows: int = 10_000,
        n_estimators: int = 1,
        mask_rate: float = 0.5,
        trim: float | Literal["auto"] = "auto",
        missing: str = "mask",
        categorical_features: Any = "from_dtype",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 0.002,
        max_iter: int | Literal["auto"] = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 20,
        tol: float = 0.0,
        gradient_clip_norm: float | None = 1.0,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
        device: str | torch.device = "auto",
        max_time: float | None = None,
        skorch_callbacks: Any = None,
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
    def fit(self, X: Any, y: Any = None, *, X_val: Any = None) -> Self:
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
        return self._fit_and_report(Given(X=X, X_val=X_val))

    @available_if(_scores_its_own_rows)
    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit on X and predict which of its rows are outliers; not available with `novelty`.

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
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one epoch on the rows of a stream, starting from the current weights.

        The first call determines scales and categories. A uniform sample of the stream so far, of
        up to `max_reference_rows` rows, is kept; scores and `offset_` are computed from it with
        the network as it is now. A smaller `max_reference_rows` makes the sample smaller, a
        greater one does not bring back rows that were dropped. `early_stopping` is not used.

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
        return self._fit(Given(X=X), Mode(incremental=True))

    @piece_by_piece
    def score_samples(self, X: Any) -> np.ndarray:
        """Score rows: the lower, the more abnormal.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
            Minus the sum of what `explain` returns.
        """
        scorer, rows = self._encoded(X)
        return -scorer(rows)

    @piece_by_piece
    def predict_tail_proba(self, X: Any) -> np.ndarray:
        """Estimate how rare such a low score is among normal rows.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        p : ndarray of shape (n_samples,)
            ``(1 + k) / (1 + n)``, k being how many of the n held-out training rows score as low
            or lower. Small for outliers, and comparable between detectors.
        """
        scorer, rows = self._encoded(X)
        return self._tail.probability(scorer(rows))

    @piece_by_piece
    def explain(self, X: Any) -> Any:
        """Split the outlier score of each row among the features.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        contributions : ndarray of shape (n_samples, n_features), or DataFrame
            In the columns of X, a DataFrame like X where X is one; each row sums to
            ``-score_samples``. Negative numbers make the row more normal. With 'latent_knn' the
            share of the code goes to the features in proportion to their residuals.
        """
        scorer, rows = self._encoded(X)
        varying, constant = scorer.contributions(rows)
        out = np.zeros((self.n_features_in_, len(rows)))
        sources = self.encoder_.sources_
        np.add.at(out, sources[sources >= 0], varying.T[sources >= 0])
        np.add.at(out, self.encoder_.constant_sources_, constant.T)
        return like_columns(out.T, X)

    def _encoded(self, X: Any) -> tuple[RowScorer, Any]:
        """What scores rows, and the rows as it takes them."""
        check_is_fitted(self)
        rows = self.encoder_.encode(read_table(self, X, reset=False))
        model = ResidualModel.of(self.net_, self._groups, self._latent_scale)
        return RowScorer(model, self._scorer), rows

    # --- training --------------------------------------------------------------------------

    def _read(
        self, given: Given, mode: Mode, rng: np.random.RandomState
    ) -> tuple[EncodedRows, EncodedRows | None]:
        rows, validation = read_rows(self, given, mode, rng)
        self.n_outputs_ = len(rows.encoder.sources_)
        return rows, validation

    def _read_more(self, X: Any, y: Any, rows: Any) -> EncodedRows:
        x = rows.encoder.encode(read_table(self, X, reset=False))
        return replace(rows, x=x, weight=None, stream=None)

    def _module(self, rows: EncodedRows, rng: np.random.RandomState) -> torch.nn.Module:
        return masked_net(self, rows, rng)

    def _plan(
        self,
        rows: EncodedRows,
        validation: EncodedRows | None,
        mode: Mode,
        rng: np.random.RandomState,
    ) -> Plan:
        return plan_rows(self, rows, validation, mode, rng)

    def _recipe(self, plan: Plan) -> engine.Recipe:
        n_samples = plan.train.n_rows
        size, n_steps = plan_steps(n_samples, self.novelty)
        size = min(size if self.batch_size == "auto" else self.batch_size, n_samples)
        size, n_epochs = even_batch_size(size, n_samples), self.max_iter
        if n_epochs == "auto":
            n_epochs = epochs_of_steps(n_steps, -(-n_samples // size))
        # The batches shuffle, for each member.
        return engine.Recipe.of(
            self, batch_size=size, max_iter=n_epochs, shuffle=False, draws_noise=True
        )

    def _phases(self, task: Task, past: dict[str, Any]) -> list[engine.Phase]:
        parts = parts_of_training(self, task, task.plan.rows.groups, ScoreRule.of(self).trim)
        return [single_phase(self, task, past, **parts)]

    def _keep(self, task: Task, runs: list) -> dict[str, Any]:
        plan = task.plan
        learned = learn_scores(
            ScoreRule.of(self),
            ResidualModel.of(task.net, plan.rows.groups),
            plan.rows.x,
            plan.held_places,
            None if plan.unseen is None else plan.unseen.x,
            task.rng if task.ended else copy.deepcopy(task.rng),
        )
        kept = {"encoder_": plan.rows.encoder, "_groups": plan.rows.groups, "_stream": plan.stream}
        return super()._keep(task, runs) | kept | learned

    def _make_loss(self) -> torch.nn.Module:
        return MaskedSquaredError()

    def _reported_share(self) -> float:
        return 1.0

    def _target_too_large(self, target: Any) -> None:
        return None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = self.missing == "mask"
        tags.input_tags.categorical = True
        return tags
