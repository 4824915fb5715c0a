"""optuna-dashboard, which looks at a search, where it is installed."""

import json
import warnings
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from scipy.stats import loguniform

from skdeep import MLPClassifier
from skdeep.tuning import OptunaSearchCV

pytestmark = [
    pytest.mark.scale,
    # Of the programs themselves: nothing of ours warns here, the other tests see to that.
    pytest.mark.filterwarnings("ignore"),
]


def search(**parameters):
    return OptunaSearchCV(
        MLPClassifier((8,), max_iter=5, random_state=0),
        {"learning_rate_init": loguniform(1e-4, 1e-1), "hidden_layer_sizes": [(8,), (16, 16)]},
        n_trials=3,
        cv=3,
        random_state=0,
        refit=False,
        **parameters,
    )


def test_the_dashboard_shows_the_search(data, tmp_path):
    with warnings.catch_warnings(action="ignore"):
        dashboard = pytest.importorskip("optuna_dashboard")
    url = f"sqlite:///{tmp_path / 'search.db'}"
    found = search(storage=url).fit(*data)
    app = dashboard.wsgi(optuna.storages.RDBStorage(url))
    (study,) = _get(app, "/api/studies")["study_summaries"]
    assert study["study_name"] == found.study_.study_name
    trials = _get(app, f"/api/studies/{study['study_id']}")["trials"]
    assert [trial["values"] for trial in trials] == [
        [pytest.approx(score)] for score in found.cv_results_["mean_test_score"]
    ]


def _get(app, path):
    """What a browser would be given."""
    environment, status = {"PATH_INFO": path}, []
    setup_testing_defaults(environment)
    body = b"".join(app(environment, lambda line, *_: status.append(line)))
    assert status == ["200 OK"]
    return json.loads(body)
