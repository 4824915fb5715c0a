"""scikit-learn's checks that apply to an estimator whose `fit` takes series, y before X, and whose
`predict` takes a number of steps: all but those that call `predict(X)`."""

import pytest
from sklearn.linear_model import Ridge
from sklearn.utils import estimator_checks as checks

from skdeep.forecast import Forecaster

CHECKS = [
    checks.check_estimator_cloneable,
    checks.check_estimator_tags_renamed,
    checks.check_valid_tag_types,
    checks.check_estimator_repr,
    checks.check_no_attributes_set_in_init,
    checks.check_estimators_overwrite_params,
    checks.check_estimators_fit_returns_self,
    checks.check_parameters_default_constructible,
    checks.check_get_params_invariance,
    checks.check_set_params,
    checks.check_param_validation,
    checks.check_fit_check_is_fitted,
    checks.check_estimators_unfitted,
    checks.check_readonly_memmap_input,
    checks.check_positive_only_tag_during_fit,
    checks.check_n_features_in_after_fitting,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("regressor", [Ridge(), None], ids=["ridge", "default"])
def test_check(check, regressor):
    check("Forecaster", Forecaster(regressor, horizon=2, window=3, random_state=0))
