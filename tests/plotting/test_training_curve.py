"""The training curves of estimators, and of what holds them."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import MLPClassifier, MLPRegressor
from skdeep.plotting import TrainingCurveDisplay

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, y = make_classification(n_samples=120, n_features=6, random_state=0)


def fitted(estimator=None, **parameters):
    estimator = estimator or MLPClassifier(
        **{"hidden_layer_sizes": 8, "max_iter": 6, "random_state": 0, "device": "cpu", **parameters}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


def labels(display):
    return [line.get_label() for line in display.lines_]


def legend_texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def test_plain_training_shows_its_loss():
    clf = fitted()
    display = TrainingCurveDisplay.from_estimator(clf)
    assert labels(display) == ["Training loss"]
    epochs, loss = display.lines_[0].get_data()
    np.testing.assert_array_equal(epochs, np.arange(1, 7))
    np.testing.assert_array_equal(loss, clf.loss_curve_)
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.ax_.get_ylabel() == "Loss"
    assert display.figure_ is display.ax_.figure
    assert display.score_ax_ is None
    assert display.learning_rate_ax_ is None


def test_early_stopping_shows_scores_on_a_second_axis():
    clf = fitted(early_stopping=True)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert labels(display) == ["Training loss", "Validation loss", "Validation score (right)"]
    assert [line.axes for line in display.lines_] == [display.ax_] * 2 + [display.score_ax_]
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), clf.validation_loss_curve_)
    np.testing.assert_array_equal(display.lines_[2].get_ydata(), clf.validation_scores_)
    assert display.score_ax_.get_ylabel() == "Validation score"
    assert display.score_ax_.yaxis.get_label_position() == "right"


def test_a_learning_rate_that_changes_gets_a_strip():
    clf = fitted(learning_rate="cosine")
    display = TrainingCurveDisplay.from_estimator(clf)
    strip = display.learning_rate_ax_
    assert labels(display) == ["Training loss", "Learning rate"]
    assert display.lines_[1].axes is strip
    np.testing.assert_array_equal(
        display.lines_[1].get_ydata(), clf.net_.history[:, "learning_rate"]
    )
    assert strip.get_xlabel() == "Epoch"
    assert display.ax_.get_xlabel() == ""
    display.figure_.canvas.draw()
    assert strip.get_position().y1 < display.ax_.get_position().y0


@pytest.mark.parametrize("own_axes", [True, False])
def test_the_strip_takes_room_from_the_axes_alone(own_axes):
    figure = plt.figure()
    ax = figure.add_axes([0.1, 0.2, 0.8, 0.7]) if own_axes else figure.add_subplot(1, 2, 1)
    before = ax.get_position().bounds
    clf = fitted(learning_rate="cosine", early_stopping=True)
    display = TrainingCurveDisplay.from_estimator(clf, ax=ax)
    strip, upper = display.learning_rate_ax_.get_position(), ax.get_position()
    assert display.score_ax_.get_position().bounds == upper.bounds
    assert strip.y1 < upper.y0
    np.testing.assert_allclose([strip.x0, strip.y0, strip.width], before[:3])
    np.testing.assert_allclose(upper.y1 - strip.y0, before[3])


def test_curves_chooses():
    clf = fitted(early_stopping=True)
    draw = TrainingCurveDisplay.from_estimator
    everything = ["Training loss", "Validation loss", "Validation score (right)", "Learning rate"]
    assert labels(draw(clf)) == everything[:3]  # a constant learning rate says nothing
    assert labels(draw(clf, curves="all")) == everything
    assert labels(draw(clf, curves=["auto", "learning_rate"])) == everything
    assert labels(draw(clf, curves="loss")) == ["Training loss"]
    assert labels(draw(clf, curves=["validation_loss", "loss"])) == everything[:2]


@pytest.mark.parametrize("curve", ["validation_score", "learning_rate", "validation_loss"])
def test_a_curve_alone_gets_the_main_axes(curve):
    display = TrainingCurveDisplay.from_estimator(fitted(early_stopping=True), curves=curve)
    (line,) = display.lines_
    assert line.axes is display.ax_
    assert display.figure_.axes == [display.ax_]
    assert line.get_label() == curve.replace("_", " ").capitalize()
    assert display.ax_.get_xlabel() == "Epoch"


def test_curves_that_are_not_there():
    clf = fitted()
    with pytest.raises(ValueError, match=r"curves='gradient' is not one of \['all', 'auto'"):
        TrainingCurveDisplay.from_estimator(clf, curves="gradient")
    with pytest.raises(ValueError, match=r"curves=\[\] is not one of"):
        TrainingCurveDisplay.from_estimator(clf, curves=[])
    with pytest.raises(ValueError, match=r"requires validation_score, but .* only loss, learning"):
        TrainingCurveDisplay.from_estimator(clf, curves=["loss", "validation_score"])
    assert plt.get_fignums() == []


def test_best_epoch_under_early_stopping():
    clf = fitted(early_stopping=True, max_iter=30)
    display = TrainingCurveDisplay.from_estimator(clf)
    scores = clf.validation_scores_
    assert scores[display.best_epoch - 1] == max(scores) == clf.best_validation_score_
    assert display.best_line_.get_xdata() == [display.best_epoch] * 2
    assert legend_texts(display)[-1] == f"Best epoch ({display.best_epoch})"


def test_best_epoch_is_the_one_whose_weights_are_kept():
    # Many epochs reach the same score on so few rows: the loss tells them apart.
    clf = fitted(early_stopping=True, max_iter=40, learning_rate_init=0.02, solver="sgd")
    display = TrainingCurveDisplay.from_estimator(clf, curves="loss")
    again = fitted(
        early_stopping=True,
        max_iter=display.best_epoch,
        learning_rate_init=0.02,
        solver="sgd",
    )
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))
    assert len(again.loss_curve_) == display.best_epoch


def test_best_epoch_without_scores():
    clf = MLPClassifier(8, max_iter=6, random_state=0, device="cpu")
    with pytest.warns(ConvergenceWarning):
        clf.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    display = TrainingCurveDisplay.from_estimator(clf)
    assert labels(display) == ["Training loss", "Validation loss"]
    assert display.best_epoch == np.argmin(clf.validation_loss_curve_) + 1
    clf = fitted()
    display = TrainingCurveDisplay.from_estimator(clf, mark_best=False)
    assert display.best_epoch == np.argmin(clf.loss_curve_) + 1
    assert display.best_line_ is None
    assert legend_texts(display) == ["Training loss"]


def test_curves_that_began_later_end_together():
    clf = MLPClassifier(8, max_iter=3, random_state=0, device="cpu", warm_start=True)
    fitted(clf)
    fitted(clf.set_params(early_stopping=True))
    display = TrainingCurveDisplay.from_estimator(clf)
    training, validation, score = display.lines_
    np.testing.assert_array_equal(training.get_xdata(), np.arange(1, 7))
    np.testing.assert_array_equal(validation.get_xdata(), [4, 5, 6])
    np.testing.assert_array_equal(score.get_xdata(), [4, 5, 6])
    assert 4 <= display.best_epoch <= 6
    display = TrainingCurveDisplay.from_estimator(clf, curves="validation_score")
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), [4, 5, 6])


def test_partial_fit_and_a_single_epoch():
    clf = MLPClassifier(8, random_state=0, device="cpu").partial_fit(X, y, classes=[0, 1])
    display = TrainingCurveDisplay.from_estimator(clf)
    assert display.lines_[0].get_marker() == "."
    clf.partial_fit(X, y)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert len(display.lines_[0].get_xdata()) == 2


@pytest.mark.parametrize(
    "holder",
    [
        lambda clf: make_pipeline(StandardScaler(), clf),
        lambda clf: GridSearchCV(clf, {"alpha": [1e-4, 1e-3]}, cv=2),
        lambda clf: GridSearchCV(make_pipeline(StandardScaler(), clf), {}, cv=2),
        lambda clf: make_pipeline(StandardScaler(), GridSearchCV(clf, {}, cv=2)),
    ],
    ids=["pipeline", "search", "search of pipeline", "pipeline of search"],
)
def test_what_holds_an_estimator(holder):
    clf = MLPClassifier(8, max_iter=3, random_state=0, device="cpu")
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(holder(clf))
    display = TrainingCurveDisplay.from_estimator(fitted(holder(clf)))
    assert len(display.lines_[0].get_xdata()) == 3


def test_transformed_target():
    data = make_regression(n_samples=60, n_features=4, random_state=0)
    reg = MLPRegressor(hidden_layer_sizes=8, max_iter=3, random_state=0, device="cpu")
    reg = TransformedTargetRegressor(reg, transformer=StandardScaler())
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(reg)
    with pytest.warns(ConvergenceWarning):
        reg.fit(*data)
    display = TrainingCurveDisplay.from_estimator(reg)
    np.testing.assert_array_equal(display.loss, reg.regressor_.loss_curve_)


def test_scikit_learns_own_perceptron():
    clf = fitted(SklearnMLPClassifier(8, max_iter=4, early_stopping=True, random_state=0))
    display = TrainingCurveDisplay.from_estimator(clf)
    assert labels(display) == ["Training loss", "Validation score (right)"]


def test_errors_say_why():
    with pytest.raises(NotFittedError, match="MLPClassifier instance is not fitted"):
        TrainingCurveDisplay.from_estimator(MLPClassifier())
    lbfgs = fitted(solver="lbfgs", max_iter=200)
    with pytest.raises(ValueError, match="MLPClassifier has no training curves: solver='lbfgs'"):
        TrainingCurveDisplay.from_estimator(lbfgs)
    with pytest.raises(ValueError, match="LogisticRegression has no training curves: it needs"):
        TrainingCurveDisplay.from_estimator(fitted(LogisticRegression()))
    search = GridSearchCV(MLPClassifier(8, max_iter=2, device="cpu"), {}, cv=2, refit=False)
    with pytest.raises(ValueError, match="GridSearchCV has no training curves: with refit=False"):
        TrainingCurveDisplay.from_estimator(fitted(search))
    with pytest.raises(TypeError, match="not an estimator instance"):
        TrainingCurveDisplay.from_estimator("MLPClassifier")
    assert plt.get_fignums() == []


def test_names_of_estimator_and_score():
    clf = fitted(early_stopping=True)
    display = TrainingCurveDisplay.from_estimator(clf, name="net", score_name="accuracy")
    assert labels(display) == [
        "net: training loss",
        "net: validation loss",
        "net: validation accuracy (right)",
    ]
    assert display.score_ax_.get_ylabel() == "Validation accuracy"
    display.plot(name="other", score_name="share")
    assert labels(display)[2] == "other: validation share (right)"
    assert display.name == "net"


def test_several_losses_with_names():
    display = TrainingCurveDisplay(
        loss={"generator loss": [1.0, 2.0, 3.0], "discriminator loss": [3.0, 2.0, 1.0]},
        learning_rate={"generator": [0.1, 0.01, 0.001], "discriminator": [0.2, 0.02, 0.002]},
    ).plot()
    assert labels(display) == ["Generator loss", "Discriminator loss", "Generator", "Discriminator"]
    assert legend_texts(display) == ["Generator loss", "Discriminator loss"]
    assert [line.get_color() for line in display.lines_] == ["C0", "C1", "C0", "C1"]
    assert display.best_line_ is None


def test_losses_of_two_players_are_named_by_the_history():
    class TwoPlayers(MLPClassifier):
        """As an estimator whose training records two losses would be after `fit`."""

    clf = fitted(TwoPlayers(8, max_iter=3, random_state=0, device="cpu"))
    clf.loss_curve_ = [(loss, 2 * loss) for loss in clf.loss_curve_]
    display = TrainingCurveDisplay.from_estimator(clf)
    assert labels(display) == ["Training loss 1", "Training loss 2"]
    for epoch, losses in zip(clf.net_.history, clf.loss_curve_):
        del epoch["train_loss"]
        epoch["generator_loss"], epoch["discriminator_loss"] = losses
    display = TrainingCurveDisplay.from_estimator(clf)
    assert labels(display) == ["Generator loss", "Discriminator loss"]
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), np.array(clf.loss_curve_)[:, 1])
    assert display.best_epoch is None


def test_displays_on_the_same_axes():
    first = TrainingCurveDisplay.from_estimator(fitted(), name="first")
    second = TrainingCurveDisplay.from_estimator(
        fitted(early_stopping=True, learning_rate="cosine"), name="second", ax=first.ax_
    )
    third = TrainingCurveDisplay.from_estimator(
        fitted(early_stopping=True, learning_rate="exponential"), name="third", ax=first.ax_
    )
    assert first.ax_ is second.ax_ is third.ax_
    assert second.score_ax_ is third.score_ax_
    assert second.learning_rate_ax_ is third.learning_rate_ax_
    assert len(first.figure_.axes) == 3
    colors = [line.get_color() for d in (first, second, third) for line in d.lines_]
    assert colors == ["C0", "C1", "C2", "C3", "C1", "C4", "C5", "C6", "C4"]
    assert [text.split(":")[0] for text in legend_texts(third)] == (
        ["first"] * 2 + ["second"] * 4 + ["third"] * 4
    )
    legends = [ax.get_legend() for ax in first.figure_.axes]
    assert sum(legend is not None for legend in legends) == 1


def test_line_kw_goes_to_all_curves():
    display = TrainingCurveDisplay.from_estimator(
        fitted(early_stopping=True), line_kw={"c": "red", "lw": 3}
    )
    assert {line.get_color() for line in display.lines_} == {"red"}
    assert {line.get_linewidth() for line in display.lines_} == {3}


def test_plot_again_makes_a_new_figure():
    display = TrainingCurveDisplay.from_estimator(fitted())
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


def test_given_axes_are_used_and_nothing_else_changes():
    figure, axes = plt.subplots(1, 3)
    before = dict(matplotlib.rcParams)
    plt.sca(axes[2])
    display = TrainingCurveDisplay.from_estimator(
        fitted(early_stopping=True), curves="all", ax=axes[0]
    )
    assert display.ax_ is axes[0]
    assert plt.get_fignums() == [figure.number]
    assert plt.gca() is axes[2]
    assert dict(matplotlib.rcParams) == before
    assert axes[1].get_lines() == [] and axes[1].get_legend() is None
    assert axes[1].get_title() == axes[0].get_title() == ""


def test_the_legend_hides_no_curve():
    """A falling loss and a rising score leave the middle of the right side free."""
    epochs = np.arange(1, 61)
    display = TrainingCurveDisplay(
        loss=2 * np.exp(-epochs / 3), validation_score=1 - np.exp(-epochs / 3)
    ).plot()
    figure = display.figure_
    figure.canvas.draw()
    box = display.legend_.get_window_extent()
    assert display.legend_.axes is display.score_ax_  # the topmost
    for line in display.lines_:
        points = line.get_transform().transform(np.column_stack(line.get_data()))
        assert not any(box.contains(*point) for point in points)


def test_labels_do_not_overlap():
    display = TrainingCurveDisplay.from_estimator(
        fitted(early_stopping=True, learning_rate="one_cycle"), name="net"
    )
    display.ax_.set_title("Title")
    display.figure_.canvas.draw()
    boxes = [
        artist.get_window_extent()
        for ax in (display.ax_, display.score_ax_, display.learning_rate_ax_)
        for artist in (ax.title, ax.xaxis.label, ax.yaxis.label, ax.get_legend())
        if artist is not None and (not hasattr(artist, "get_text") or artist.get_text())
    ]
    assert len(boxes) == 6
    width, height = display.figure_.canvas.get_width_height()
    for i, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_small_rates_are_shown_on_a_logarithmic_scale():
    rates = [0.1] * 3 + [0.001] * 5
    display = TrainingCurveDisplay(loss=np.ones(8), learning_rate=rates).plot()
    assert display.learning_rate_ax_.get_yscale() == "log"
    display = TrainingCurveDisplay(loss=np.ones(8), learning_rate=np.linspace(1, 0, 8)).plot()
    assert display.learning_rate_ax_.get_yscale() == "linear"


def test_losses_that_are_not_finite():
    display = TrainingCurveDisplay(loss=[1.0, np.nan, np.inf, 0.5], best_epoch=4).plot()
    display.figure_.canvas.draw()
    TrainingCurveDisplay(loss=[np.nan, np.nan]).plot().figure_.canvas.draw()


def test_display_and_estimator_survive_pickling():
    clf = pickle.loads(pickle.dumps(fitted(learning_rate="cosine", early_stopping=True)))
    display = TrainingCurveDisplay.from_estimator(clf)
    assert len(display.lines_) == 4
    figure = pickle.loads(pickle.dumps(display.figure_))
    assert len(figure.axes) == 3


def test_matplotlib_is_imported_late():
    code = (
        "import sys, skdeep, skdeep.plotting\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'matplotlib']\n"
        "sys.modules['matplotlib'] = None\n"
        "try:\n"
        "    skdeep.plotting.TrainingCurveDisplay(loss=[1.0]).plot()\n"
        "except ImportError as error:\n"
        "    assert 'TrainingCurveDisplay.plot requires matplotlib' in str(error), error\n"
        "else:\n"
        "    raise AssertionError('no ImportError')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
