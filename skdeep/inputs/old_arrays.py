"""The readers of arrays and sequences as mixins, for estimators that still are made so."""

import numpy as np
import torch
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from skdeep.inputs import arrays, sequences
from skdeep.inputs.rows import to_host
from skdeep.inputs.supervision import check_target


class ArrayInput:
    """Input methods of estimators whose rows are signals, series or pictures.

    Stands left of `DeepEstimator`. It reads the parameters `data_format`, and where the estimator
    has them `image_shape` and `missing`. A subclass names the ranks that it takes in `_ranks`.
    """

    data_format = "channels_last"
    image_shape = None
    missing = "error"
    _ranks: tuple = (2, 3, 4)

    @property
    def _reader(self):
        return arrays.ArrayInput.of(self, ranks=self._ranks)

    def _check_training_data(self, X, y, *, reset):
        if y is None:
            validate_data(self, "no_validation", y)  # for its error
        X = self._check_arrays(X, reset=reset)
        y = check_target(self, y)
        check_consistent_length(np.empty((len(X), 0)), y)
        return X, y

    def _check_inputs(self, X):
        return self._check_arrays(X, reset=False)

    def _check_arrays(self, X, *, reset):
        return self._reader.check(self, X, reset=reset)

    def _as_input(self, X, dtype, device):
        return self._reader.place(X, dtype, device)

    def _precision(self, X, device):
        return self._reader.precision(self.dtype, X, device)

    def _outputs_meant(self, y, n_samples):
        """The output of each row whose score `saliency` is asked about, None for the default."""
        if y is None:
            return None
        y = column_or_1d(to_host(y))
        check_consistent_length(np.empty((n_samples, 0)), y)
        return torch.as_tensor(self._output_numbers(y))

    def _wants_own_scale(self, X):
        return arrays.wants_own_scale(self.own_scale, X)

    def _row_keys(self, X, target):
        return self._reader.keys(X, target)

    def _largest(self, X):
        return self._reader.largest(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        self._reader.tag(tags.input_tags)
        return tags


class SequenceInput(ArrayInput):
    """Input methods of estimators that read sequences; see `ArrayInput`."""

    @property
    def _reads_tokens(self):
        return self.vocabulary_size is not None

    @property
    def _reader(self):
        return sequences.sequence_input(self)
