"""How searches are drawn."""

import warnings
from datetime import datetime, timedelta

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from scipy.stats import loguniform
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skdeep.plotting import SearchDisplay
from skdeep.tuning import OptunaSearchCV

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, y = make_classification(n_samples=120, n_features=6, random_state=0)
SPACE = {"C": loguniform(1e-3, 1e3), "class_weight": ["balanced", None]}


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def searched(**parameters):
    options = {"n_trials": 8, "random_state": 0, "cv": 3, **parameters}
    return OptunaSearchCV(LogisticRegression(), SPACE, **options).fit(X, y)


def study_of(*trials, directions=("maximize",)):
    """A study of (state, start in seconds, end in seconds, values)."""
    study = optuna.create_study(directions=directions)
    origin = datetime(2020, 1, 1)
    for state, start, end, values in trials:
        study.add_trial(
            create_trial(
                state=state,
                values=values,
                params={"a": start / 100},
                distributions={"a": FloatDistribution(0, 1)},
                intermediate_values={0: values[0]} if state == TrialState.PRUNED else {},
            )
        )
        frozen = study._storage._get_trial(len(study.trials) - 1)
        frozen.datetime_start = origin + timedelta(seconds=start)
        frozen.datetime_complete = origin + timedelta(seconds=end)
    return study


DONE, STOPPED, FAILED = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def test_history_of_a_search():
    search = searched(scoring="balanced_accuracy")
    display = SearchDisplay.from_estimator(search, x="trial")
    best = display.best_line_.get_ydata()
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(best[:-1], np.maximum.accumulate(scores))
    assert best[-1] == pytest.approx(search.best_score_)
    dots = display.ax_.get_lines()[1]
    np.testing.assert_array_equal(dots.get_xdata(), np.arange(1, 9))
    np.testing.assert_allclose(dots.get_ydata(), scores)
    assert display.ax_.get_ylabel() == "Balanced accuracy"
    assert display.ax_.get_xlabel() == "Candidate"
    assert display.figure_ is display.ax_.figure


def test_time_counts_only_while_a_candidate_is_in_work():
    study = study_of((DONE, 0, 10, [0.5]), (DONE, 2, 14, [0.7]), (DONE, 100, 106, [0.6]))
    display = SearchDisplay.from_estimator(study)
    np.testing.assert_allclose(display.ax_.get_lines()[1].get_xdata(), [10, 14, 20])
    np.testing.assert_allclose(display.best_line_.get_ydata(), [0.5, 0.7, 0.7, 0.7])


def test_candidates_are_in_the_order_in_which_they_ended():
    study = study_of((DONE, 0, 10, [0.5]), (DONE, 0, 4, [0.7]))
    best = SearchDisplay.from_estimator(study).best_line_
    np.testing.assert_allclose(best.get_xdata(), [4, 10, 10])
    np.testing.assert_allclose(best.get_ydata(), [0.7, 0.7, 0.7])


def test_stopped_candidates_are_shown_and_never_the_best():
    study = study_of((DONE, 0, 1, [0.5]), (STOPPED, 1, 2, [0.9]), (FAILED, 2, 3, None))
    display = SearchDisplay.from_estimator(study)
    assert display.best_line_.get_ydata().max() == 0.5
    labels = [line.get_label() for line in display.ax_.get_lines()]
    assert labels == ["Best so far", "Candidates", "Stopped early"]
    np.testing.assert_allclose(display.ax_.get_lines()[2].get_data(), [[2], [0.9]])
    assert display.best_line_.get_xdata()[-1] == 2  # the best holds until the search ends


def test_a_study_that_minimises():
    study = study_of((DONE, 0, 1, [0.5]), (DONE, 1, 2, [0.4]), directions=["minimize"])
    display = SearchDisplay.from_estimator(study, score_name="loss")
    np.testing.assert_allclose(display.best_line_.get_ydata(), [0.5, 0.4, 0.4])
    assert display.ax_.get_ylabel() == "Loss"


def test_one_of_several_objectives():
    metrics = ["accuracy", "neg_log_loss"]
    search = searched(scoring=metrics, objectives=metrics, refit="accuracy")
    assert search.objective_names_ == metrics
    display = SearchDisplay.from_estimator(search, metric="neg_log_loss", x="trial")
    scores = search.cv_results_["mean_test_neg_log_loss"]
    np.testing.assert_allclose(display.ax_.get_lines()[1].get_ydata(), scores)
    for kind in ("importance", "parallel_coordinates"):
        SearchDisplay.from_estimator(search, metric="neg_log_loss", kind=kind)
    with pytest.raises(ValueError, match="metric='r2': the objectives of the search are"):
        SearchDisplay.from_estimator(search, metric="r2")


def test_names_of_objectives():
    assert searched().objective_names_ == ["score"]
    assert searched(scoring="accuracy").objective_names_ == ["accuracy"]
    several = {"b": "accuracy", "a": "roc_auc"}
    assert searched(scoring=several, refit="a").objective_names_ == ["a"]
    with pytest.raises(NotFittedError):
        _ = OptunaSearchCV(LogisticRegression()).objective_names_


def test_names_that_a_callable_gives():
    def scoring(estimator, X, y):
        return {"first": estimator.score(X, y), "second": 0.0}

    assert searched(scoring=scoring, refit="second").objective_names_ == ["second"]


def test_importance_is_optunas():
    search = searched()
    display = SearchDisplay.from_estimator(search, kind="importance")
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    expected = optuna.importance.get_param_importances(search.study_, evaluator=evaluator)
    drawn = {
        tick.get_text(): bar.get_width()
        for tick, bar in zip(display.ax_.get_yticklabels(), display.ax_.patches)
    }
    assert drawn == pytest.approx(expected)
    assert display.best_line_ is None


def test_parallel_coordinates_show_the_chosen_parameters():
    display = SearchDisplay.from_estimator(searched(), kind="parallel_coordinates", params=["C"])
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["Score", "C"]
    colors = display.ax_.collections[0].cmap
    assert sum(colors(1.0)[:3]) < sum(colors(0.0)[:3])  # the best are dark


def test_style_of_the_user_is_kept():
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings(action="error"):
        SearchDisplay.from_estimator(searched(), kind="importance")
    assert dict(matplotlib.rcParams) == before


def test_drawn_on_given_axes():
    _, ax = plt.subplots()
    assert SearchDisplay.from_estimator(searched(), ax=ax).ax_ is ax


@pytest.mark.parametrize(
    "options, message",
    [
        ({"kind": "contour"}, "kind='contour': expected one of"),
        ({"x": "epochs"}, "x='epochs': expected 'time' or 'trial'"),
        ({"params": ["C"]}, "kind='history' does not show parameters"),
        ({"kind": "importance", "params": ["c"]}, r"the parameters searched are \['C', "),
    ],
)
def test_bad_choices(options, message):
    with pytest.raises(ValueError, match=message):
        SearchDisplay.from_estimator(searched(n_trials=2), **options)


def test_optunas_images_take_no_axes():
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="creates its own figure"):
        SearchDisplay.from_estimator(searched(n_trials=2), kind="importance", ax=ax)


def test_nothing_to_show():
    with pytest.raises(ValueError, match="No candidate has finished"):
        SearchDisplay.from_estimator(optuna.create_study())
    with pytest.raises(ValueError, match="requires two finished candidates"):
        study = study_of((DONE, 0, 1, [0.5]), (DONE, 1, 2, [0.5]))
        SearchDisplay.from_estimator(study, kind="importance")


def test_what_is_no_search_with_optuna():
    with pytest.raises(ValueError, match="GridSearchCV has no Optuna study"):
        SearchDisplay.from_estimator(GridSearchCV(LogisticRegression(), {"C": [1]}))
    with pytest.raises(NotFittedError):
        SearchDisplay.from_estimator(OptunaSearchCV(LogisticRegression()))


def test_an_interrupted_search_is_shown():
    calls = []

    def scoring(estimator, X, y):
        calls.append(1)
        if len(calls) > 6:
            raise KeyboardInterrupt
        return estimator.score(X, y)

    with pytest.warns(UserWarning, match="Search interrupted"):
        search = searched(scoring=scoring)
    display = SearchDisplay.from_estimator(search, x="trial")
    assert len(display.best_line_.get_ydata()) == 3
