"""Processes that train one network together: as if one had all rows. Here they are threads."""

import threading
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import skdeep
from skdeep.callbacks import Checkpoint, EarlyStopping
from skdeep.engine.group import GROUP, Group, ProcessLost
from skdeep.scale import DiskRows

dist = pytest.importorskip("torch.distributed")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 301
FEATURES = list("abcde")


@pytest.fixture(scope="module")
def frame():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.normal(size=(N, 5)), columns=FEATURES)
    frame["label"] = np.where(frame["a"] + frame["b"] > 0.2, "yes", "no")
    frame["number"] = 100 * frame["a"] - 50 * frame["b"] + 1000
    frame["weight"] = rng.randint(0, 3, N).astype(float)
    return frame


def together(fit, size=2, **options):
    """Results of `fit`, called with the rank, of members of a group; their errors, too."""
    store, found = dist.HashStore(), [None] * size

    def work(rank):
        group = None
        try:
            group = Group(dist.PrefixStore("fit", store), rank, size, **options)
            GROUP.set(group)
            found[rank] = fit(rank)
        except BaseException as error:
            found[rank] = error
        finally:
            if group is not None:
                group.close()

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return found


def models(estimator, *args, size=2, **kwargs):
    """The estimators of all members, which are equal."""
    found = together(lambda rank: clone(estimator).fit(*args, **kwargs), size)
    for model in found:
        if isinstance(model, BaseException):
            raise model
        np.testing.assert_array_equal(weights_of(model), weights_of(found[0]))
    return found


def weights_of(model):
    return np.concatenate([p.detach().numpy().ravel() for p in model.net_.module_.parameters()])


EXACT = {"random_state": 0, "device": "cpu", "dtype": "float64", "learning_rate_init": 0.01}


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"dropout": 0.0, "gradient_clip_norm": 0.1}], ids=str)
def test_full_batches_of_several_are_those_of_one(frame, size, options):
    X, y, weight = frame[FEATURES].to_numpy(), frame["label"], frame["weight"]
    clf = skdeep.MLPClassifier((16,), max_iter=30, batch_size=int((weight > 0).sum()), alpha=0.1)
    clf.set_params(**EXACT, class_weight="balanced", **options).fit(X, y, weight)
    found = models(clf, DiskRows(X), y, weight, size=size)
    for model in found:
        np.testing.assert_allclose(weights_of(model), weights_of(clf), atol=1e-10)
        np.testing.assert_allclose(model.loss_curve_, clf.loss_curve_, rtol=1e-10)
        assert (model.t_, model.n_iter_) == (clf.t_, clf.n_iter_)
        assert model.classes_.tolist() == ["no", "yes"]


def test_regression_of_rows_that_are_dealt_out_unequally(frame):
    X, y = frame[FEATURES].to_numpy(), frame["number"].to_numpy()
    reg = skdeep.MLPRegressor(hidden_layer_sizes=(16,), max_iter=20, batch_size=N, **EXACT)
    reg.fit(X, y)
    cuts = [slice(0, 20), slice(20, N)]
    found = together(
        lambda rank: clone(reg).fit(DiskRows(X[cuts[rank]]), y[cuts[rank]]), divides=False
    )
    for model in found:
        np.testing.assert_allclose(weights_of(model), weights_of(reg), atol=1e-10)


def test_many_rows_are_sampled_held_out_and_learned(frame):
    rows = DiskRows(frame[FEATURES].to_numpy(), buffer_rows=40)
    clf = skdeep.MLPClassifier((16,), max_iter=40, batch_size=32, early_stopping=True)
    clf.set_params(random_state=None, device="cpu", learning_rate_init=0.01)
    one, other = models(clf, rows, frame["label"].to_numpy())
    assert one.validation_scores_ == other.validation_scores_
    assert one.t_ == other.t_ and one.t_ / one.n_iter_ < N
    assert one.score(frame[FEATURES].to_numpy(), frame["label"]) > 0.9


@pytest.mark.parametrize("size", [1, 5])
def test_batches_that_one_process_has_not(frame, size):
    """Fewer rows in a batch than processes; more steps than a process has rows."""
    X, y = frame[FEATURES].to_numpy()[:7], frame["number"].to_numpy()[:7]
    reg = skdeep.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, batch_size=size, random_state=0)
    for model in models(reg, DiskRows(X), y, size=3):
        assert model.t_ == 21 and np.isfinite(model.loss_curve_).all()


class EndsAt(EarlyStopping):
    """Ends training after an epoch, and counts them."""

    seen = None

    def on_fit_task_end(self, estimator, context, **kwargs):
        if hasattr(context, "epoch_values"):
            self.seen.append(context.epoch_values["loss"])
            return len(self.seen) == 2
        return None


def test_callbacks_are_called_by_the_first_process_and_stop_all(frame):
    X, y = DiskRows(frame[FEATURES].to_numpy()), frame["number"].to_numpy()
    seen = [[], []]

    def fit(rank):
        watching = EndsAt("loss", patience=100)
        watching.seen = seen[rank]
        reg = skdeep.MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
        return reg.set_callbacks(watching).fit(X, y)

    one, other = together(fit)
    assert one.n_iter_ == other.n_iter_ == 2
    assert (len(seen[0]), len(seen[1])) == (2, 0)


def test_a_fit_goes_on_from_a_checkpoint(frame, tmp_path):
    X, y = DiskRows(frame[FEATURES].to_numpy()), frame["number"].to_numpy()
    reg = skdeep.MLPRegressor(hidden_layer_sizes=(8,), max_iter=6, batch_size=N, **EXACT)
    whole, _ = models(reg, X, y)

    class Dies(EndsAt):
        def on_fit_task_end(self, estimator, context, **kwargs):
            if hasattr(context, "epoch_values") and len(self.seen) == 3:
                raise OSError("the power went off")
            return super().on_fit_task_end(estimator, context, **kwargs) and False

    def fit(rank, dies):
        callbacks = [Checkpoint(tmp_path / "model", resume=True)]
        if dies:
            callbacks.append(Dies("loss", patience=100))
            callbacks[-1].seen = []
        return clone(reg).set_callbacks(*callbacks).fit(X, y)

    for error in together(lambda rank: fit(rank, True)):
        assert isinstance(error, OSError)
    for model in together(lambda rank: fit(rank, False)):
        assert model.n_iter_ == 6 and len(model.loss_curve_) == 6
        np.testing.assert_allclose(weights_of(model), weights_of(whole), atol=1e-10)


def test_time_is_up_for_all(frame):
    X, y = DiskRows(frame[FEATURES].to_numpy()), frame["number"].to_numpy()

    def fit(rank):  # the second has far more time
        reg = skdeep.MLPRegressor(max_iter=10**6, random_state=0, max_time=[0.5, 1e6][rank])
        return reg.set_params(n_iter_no_change=np.inf, hidden_layer_sizes=(4,)).fit(X, y)

    one, other = together(fit)
    assert one.n_iter_ == other.n_iter_ > 1
    np.testing.assert_array_equal(weights_of(one), weights_of(other))


def test_who_is_interrupted_ends_all(frame):
    X, y = DiskRows(frame[FEATURES].to_numpy()), frame["number"].to_numpy()

    class Presses(EndsAt):
        def on_fit_task_end(self, estimator, context, **kwargs):
            super().on_fit_task_end(estimator, context, **kwargs)
            if len(self.seen) == 3:
                GROUP.get().interrupt = True

    def fit(rank):
        pressing = Presses("loss", patience=100)
        pressing.seen = []
        reg = skdeep.MLPRegressor(hidden_layer_sizes=(4,), max_iter=100, random_state=0)
        return reg.set_callbacks(pressing).fit(X, y)

    with pytest.warns(UserWarning, match="interrupted by user"):
        one, other = together(fit)
    assert one.n_iter_ == other.n_iter_ == 4  # the fourth was begun
    np.testing.assert_array_equal(weights_of(one), weights_of(other))


def test_an_error_in_one_process_is_an_error_in_all(frame):
    X = frame[FEATURES].to_numpy()
    y = frame["number"].to_numpy().copy()
    y[-1] = np.nan  # which the second process reads
    reg = skdeep.MLPRegressor(hidden_layer_sizes=(4,), random_state=0)
    parts = [slice(0, 150), slice(150, N)]

    found = together(
        lambda rank: clone(reg).fit(DiskRows(X[parts[rank]]), y[parts[rank]]), divides=False
    )
    for error in found:
        assert isinstance(error, ValueError) and "y contains NaN" in str(error)


def test_a_process_that_dies_is_noticed_at_once(frame):
    X, y = DiskRows(frame[FEATURES].to_numpy()), frame["number"].to_numpy()
    reg = skdeep.MLPRegressor(hidden_layer_sizes=(4,), max_iter=10**6, random_state=0)
    reg.set_params(n_iter_no_change=np.inf)

    class Dies(skdeep.MLPRegressor):
        def _reported_share(self):
            raise MemoryError

    started = time.monotonic()
    dying = Dies(**reg.get_params())
    lost, died = together(lambda rank: (dying if rank else clone(reg)).fit(X, y))
    assert isinstance(died, MemoryError)
    assert isinstance(lost, ProcessLost) and "Process 0 of 2" in str(lost)
    assert time.monotonic() - started < 30
