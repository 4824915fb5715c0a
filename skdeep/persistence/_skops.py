"""What skops, and MLflow with it, ask for."""

from __future__ import annotations

from typing import Any


def trusted_types(estimator: Any) -> list[str]:
    """Return the types of an estimator that `skops.io.load` asks to trust.

    skops opens scikit-learn's types by itself and wants to be told of any others:
    ``skops.io.load(path, trusted=trusted_types(estimator))``. MLflow, whose
    ``mlflow.sklearn.log_model`` writes such files, wants to be told where the estimator is logged:
    ``log_model(estimator, skops_trusted_types=trusted_types(estimator))``.

    Parameters
    ----------
    estimator : estimator
        One that you made or otherwise trust: its types are listed, whatever they are.

    Returns
    -------
    types : list of str
        Names of types and functions, sorted.

    Raises
    ------
    ImportError
        If skops is not installed.

    See Also
    --------
    save : A file of safetensors instead, which opens without such a list.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import MLPClassifier
    >>> from skdeep.persistence import trusted_types
    >>> clf = MLPClassifier(learning_rate="cosine").fit(*load_iris(return_X_y=True))
    >>> trusted_types(clf)
    ['skdeep.MLPClassifier', 'skdeep.engine.net.DeepNet']
    """
    try:
        from skops import io
    except ImportError as error:
        raise ImportError("trusted_types needs skops: pip install skops") from error
    return sorted(io.get_untrusted_types(data=io.dumps(estimator)))
