"""Training that ends when nothing gets better."""

from __future__ import annotations

from typing import Any

from sklearn.callback import CallbackContext

from skdeep.callbacks.base import MonitorCallback, fit_of, values_of


class EarlyStopping(MonitorCallback):
    """Stop training when a value has not improved for some epochs (Prechelt, 1998).

    The parameter `early_stopping` of the estimators does this too, and brings back the weights of
    the best epoch. The callback watches what that does not, such as the training loss of a GAN or
    the loss on validation rows, and leaves the weights of the last epoch.

    Parameters
    ----------
    monitor : {'loss', 'valid_loss', 'valid_score'}, default='valid_loss'
        'loss' is the training loss, of a GAN its generator's. The other two are of the validation
        rows: `X_val` if it is passed to `fit`, else `validation_fraction` of the rows, which are
        held out.
    patience : int, default=10
        Epochs without a better value after which training stops.
    tol : float, default=0.0
        By which a value has to be better.

    Notes
    -----
    What trains in phases, such as a GAN, ends the phase and goes on to the next one, which is
    counted anew.

    Raises
    ------
    ValueError
        In `fit`, if an estimator has no such value.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.callbacks import EarlyStopping
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(max_iter=300, learning_rate_init=0.1, random_state=0)
    >>> clf = clf.set_callbacks(EarlyStopping("valid_loss", patience=3)).fit(X, y)
    >>> clf.n_iter_ < 100
    True
    """

    __module__ = "skdeep.callbacks"

    def __init__(self, monitor: str = "valid_loss", *, patience: int = 10, tol: float = 0.0):
        super().__init__(monitor, tol)
        if not patience >= 1:
            raise ValueError(f"patience={patience!r}: expected a positive integer.")
        if not tol >= 0:
            raise ValueError(f"tol={tol!r}: expected a number of at least 0.")
        self.patience: int = patience
        self.tol: float = tol

    def on_fit_task_end(self, estimator: Any, context: CallbackContext) -> bool:
        """Called by scikit-learn after each task of `fit`.

        Parameters
        ----------
        estimator : estimator
        context : sklearn.callback.CallbackContext

        Returns
        -------
        bool
            Whether to stop training.
        """
        if values_of(context) is None:
            return False
        stops = self._since_best(estimator, context) >= self.patience
        if stops:
            self._best.forget(fit_of(context))
        return stops
