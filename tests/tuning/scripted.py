"""An estimator that does as it is told, where worker processes can import it too."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Scripted(ClassifierMixin, BaseEstimator):
    """Predicts the first class; fails, interrupts or notes its fit where it is told to."""

    def __init__(self, a=0.0, fail_above=np.inf, interrupt_above=np.inf, log=None):
        self.a = a
        self.fail_above = fail_above
        self.interrupt_above = interrupt_above
        self.log = log

    def fit(self, X, y):
        if self.log is not None:
            with open(self.log, "a") as file:
                file.write(f"{self.a!r}\n")
        if self.a > self.fail_above:
            raise RuntimeError(f"a={self.a:.1f} is too much")
        if self.a > self.interrupt_above:
            raise KeyboardInterrupt
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return 1.0 - (self.a - 0.3) ** 2
