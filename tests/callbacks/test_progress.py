"""`ProgressBar`: lines where no bars can be drawn, of all families and processes."""

import io
import re

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import (
    GANOutlierDetector,
    GANOverSampler,
    ImageGAN,
    MLPClassifier,
    TabularGAN,
)
from skdeep.callbacks import ProgressBar

rich = pytest.importorskip("rich")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
ALWAYS = 1e-9  # seconds: a line for each task
LINE = re.compile(r"(\w+ - fit): (\d+) %(, \d+ s left)?")


@pytest.fixture(autouse=True)
def no_terminal():
    rich.reconfigure(file=io.StringIO(), force_terminal=False, force_jupyter=False)
    yield
    rich.reconfigure()


def check(printed, name):
    *lines, last = printed.splitlines()
    assert re.fullmatch(rf"{name} - fit: done after \d+ s", last)
    found = [LINE.match(line) for line in lines]
    assert found and all(match and match[1] == f"{name} - fit" for match in found)
    percents = [int(match[2]) for match in found]
    assert percents == sorted(percents) and percents[0] < 30 and percents[-1] > 70
    assert any(match[3] for match in found)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MLPClassifier(max_iter=10, random_state=0),
        lambda: TabularGAN(max_iter=10, random_state=0),
        lambda: TabularGAN(max_iter=10, order="fixed", random_state=0),
        lambda: GANOutlierDetector(max_iter=10, random_state=0),
    ],
    ids=["MLPClassifier", "TabularGAN", "TabularGAN-fixed", "GANOutlierDetector"],
)
def test_lines(make, capsys):
    estimator = make().set_callbacks(ProgressBar(every=ALWAYS))
    estimator.fit(X, y) if isinstance(estimator, MLPClassifier) else estimator.fit(X)
    check(capsys.readouterr().out, type(estimator).__name__)


def test_images(capsys):
    images = np.random.RandomState(0).rand(20, 8, 8)
    gan = ImageGAN(max_iter=10, random_state=0).set_callbacks(ProgressBar(every=ALWAYS))
    gan.fit(images)
    check(capsys.readouterr().out, "ImageGAN")


def test_oversampler_by_its_generator(capsys):
    gan = TabularGAN(max_iter=10, order="fixed").set_callbacks(ProgressBar(every=ALWAYS))
    GANOverSampler(generator=gan, random_state=0).fit_resample(X[:70], y[:70])
    check(capsys.readouterr().out, "TabularGAN")


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_search(n_jobs, capsys):
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=4, random_state=0))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(None, every=ALWAYS)).fit(X, y)
    *lines, last = capsys.readouterr().out.splitlines()
    assert last.startswith("GridSearchCV - fit: done")
    assert all(line.startswith("GridSearchCV - fit: ") for line in lines)
    running = {name for line in lines for name in re.findall(r"\w+ - fit #\d+", line)}
    assert running >= {f"Pipeline - fit #{i}" for i in range(4)}  # candidates x folds
    assert any("MLPClassifier - fit" in name for name in running)


def test_a_line_every_few_seconds(capsys):
    clf = MLPClassifier(max_iter=10, random_state=0).set_callbacks(ProgressBar(every=3600.0))
    clf.fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_bars_in_a_terminal(capsys):
    drawn = io.StringIO()
    rich.reconfigure(file=drawn, force_terminal=True, force_jupyter=False)
    MLPClassifier(max_iter=3, random_state=0).set_callbacks(ProgressBar(every=ALWAYS)).fit(X, y)
    assert "MLPClassifier - fit" in drawn.getvalue() and "100%" in drawn.getvalue()
    assert "done after" not in capsys.readouterr().out


def test_a_fit_that_fails_ends_its_lines(capsys):
    clf = MLPClassifier(max_iter=3, random_state=0).set_callbacks(ProgressBar(every=ALWAYS))
    with pytest.raises(ValueError, match="NaN"):
        clf.fit(np.where(X > 5, np.nan, X), y)
    capsys.readouterr()
    clf.fit(X, y)
    assert capsys.readouterr().out.endswith(" s\n")


def test_seconds():
    with pytest.raises(ValueError, match=r"every=0: expected a positive number"):
        ProgressBar(every=0)
