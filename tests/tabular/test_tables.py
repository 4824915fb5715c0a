"""RealMLP and TabM: mixed tables, bad input, calibration, intervals, weights."""

import pickle
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification, make_friedman1
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data
from skorch.callbacks import Callback

import skdeep
from skdeep.engine import wants_mixed

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
]

SHORT = {"max_iter": 8, "random_state": 0, "device": "cpu", "hidden_layer_sizes": (32, 32)}
CLASSIFIERS = [
    skdeep.RealMLPClassifier(**SHORT),
    skdeep.TabMClassifier(n_estimators=4, **SHORT),
]
REGRESSORS = [skdeep.RealMLPRegressor(**SHORT), skdeep.TabMRegressor(n_estimators=4, **SHORT)]
EVERYONE = CLASSIFIERS + REGRESSORS
everyone = pytest.mark.parametrize("estimator", EVERYONE, ids=lambda e: type(e).__name__)
classifiers = pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda e: type(e).__name__)
regressors = pytest.mark.parametrize("estimator", REGRESSORS, ids=lambda e: type(e).__name__)


def mixed(n=240, seed=0):
    rng = np.random.RandomState(seed)
    X = pd.DataFrame(
        {
            "age": rng.normal(40, 12, n).round(),
            "income": np.where(rng.uniform(size=n) < 0.1, np.nan, rng.lognormal(10, 1, n)),
            "town": rng.choice(["Bern", "Graz", "Lyon"], n),
            "job": pd.Categorical(rng.choice([f"job {i}" for i in range(20)], n)),
            "owner": rng.uniform(size=n) < 0.5,
        }
    )
    signal = (X["age"] - 40) / 12 + (X["town"] == "Lyon") - X["owner"] + rng.normal(0, 0.3, n)
    return X, signal.to_numpy()


def fitted(estimator, n=240):
    X, y = mixed(n)
    if hasattr(estimator, "predict_proba"):
        y = np.where(y > 0, "yes", "no")
    return clone(estimator).fit(X, y), X, y


@everyone
def test_mixed_frame(estimator):
    model, X, y = fitted(clone(estimator).set_params(max_iter=40))
    assert model.score(X, y) > 0.6
    assert model.n_features_in_ == 5
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert "net_" in vars(model)
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


@everyone
def test_polars(estimator):
    """The same bits from a polars frame as from the pandas frame it was made of."""
    pl = pytest.importorskip("polars")
    X, y = mixed()
    frame = pl.DataFrame({name: X[name].tolist() for name in X}, nan_to_null=True)
    frame = frame.with_columns(pl.col("job").cast(pl.Categorical))
    y = y > 0 if estimator in CLASSIFIERS else y
    models = [clone(estimator).fit(data, y) for data in (X, frame)]
    assert models[1].feature_names_in_.tolist() == list(X)
    for data in (X, frame, frame[:1]):
        rows = X[: len(data)]
        np.testing.assert_array_equal(models[0].predict(rows), models[1].predict(data))
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        models[1].predict(frame.select(frame.columns[::-1]))


@everyone
def test_columns_at_predict_time(estimator):
    model, X, _ = fitted(estimator)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(X[X.columns[::-1]])
    with pytest.raises(ValueError, match="Feature names seen at fit time, yet now missing"):
        model.predict(X.drop(columns="town"))
    with pytest.raises(ValueError, match="Feature names unseen at fit time"):
        model.predict(X.assign(more=1))
    with pytest.raises(ValueError, match="'age' is not numeric"):
        model.predict(X.assign(age="old"))
    with pytest.raises(ValueError, match="'town' held text in fit"):
        model.predict(X.assign(town=1.0))
    with pytest.raises(ValueError, match="infinity"):
        model.predict(X.assign(age=np.inf))


@everyone
def test_unseen_levels_and_gaps_are_predicted(estimator):
    model, X, _ = fitted(estimator)
    new = X.iloc[:5].assign(town="Oslo", age=np.nan, income=np.nan)
    new["job"] = pd.Categorical(["new job"] * 5)
    new["owner"] = pd.array([None] * 5, dtype="boolean")
    other = new.assign(town="Bergen", job=pd.Categorical(["another job"] * 5))
    np.testing.assert_array_equal(model.predict(new), model.predict(other))
    missing = X.iloc[:1].assign(town=None)
    np.testing.assert_array_equal(
        model.predict(missing), model.predict(missing.assign(town="Oslo"))
    )


@everyone
@pytest.mark.parametrize(
    "column",
    [
        pytest.param(np.nan, id="missing"),
        pytest.param(7.0, id="constant"),
        pytest.param("same", id="one level"),
    ],
)
def test_columns_without_content(estimator, column):
    X, y = mixed(60)
    y = y > 0 if estimator in CLASSIFIERS else y
    assert len(clone(estimator).fit(X.assign(odd=column), y).predict(X.assign(odd=column))) == 60
    alone = pd.DataFrame({"odd": [column] * 60})
    assert len(clone(estimator).fit(alone, y).predict(alone)) == 60


@everyone
def test_dates_are_refused_by_name(estimator):
    X, y = mixed(30)
    with pytest.raises(ValueError, match="'born' holds dates"):
        clone(estimator).fit(X.assign(born=pd.Timestamp("2001-02-03")), y > 0)


@everyone
def test_infinity_is_refused(estimator):
    X, y = mixed(30)
    with pytest.raises(ValueError, match="infinity"):
        clone(estimator).fit(X.assign(age=-np.inf), y > 0)


@everyone
def test_one_row(estimator):
    X, y = mixed(1)
    assert len(clone(estimator).fit(X, y > 0).predict(X)) == 1


@classifiers
def test_one_class(estimator):
    X, _ = mixed(40)
    model = clone(estimator).fit(X, ["only"] * 40)
    assert set(model.predict(X)) == {"only"}


@everyone
def test_ten_thousand_levels(estimator):
    X = pd.DataFrame({"user": [f"user {i}" for i in range(10_000)]})
    y = np.arange(10_000) % 2
    model = clone(estimator).set_params(max_iter=1).fit(X, y)
    seen, unseen = X.iloc[:10], pd.DataFrame({"user": ["user -1", "user -2"]})
    np.testing.assert_allclose(model.predict(seen), model.predict(X)[:10], rtol=1e-5)
    assert len(set(model.predict(unseen))) == 1


@everyone
def test_wide_integers(estimator):
    X = pd.DataFrame({"id": 2**50 + np.arange(200)})
    y = (np.arange(200) >= 100).astype(int)
    model = clone(estimator).set_params(max_iter=60).fit(X, y)
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("cls", [skdeep.RealMLPClassifier, skdeep.RealMLPRegressor])
def test_weights_are_rows_without_noise_and_looks_at_rows(cls):
    plain = cls(
        dropout=0.0,
        early_stopping=False,
        weight_init="normal",
        dtype="float64",
        max_iter=20,
        shuffle=False,
        n_estimators=1,
    )
    check_sample_weight_equivalence_on_dense_data(cls.__name__, plain)


@pytest.mark.parametrize("cls", [skdeep.TabMClassifier, skdeep.TabMRegressor])
def test_weights_are_rows_for_tabm_without_noise(cls):
    plain = cls(
        dropout=0.0,
        early_stopping=False,
        dtype="float64",
        max_iter=20,
        shuffle=False,
        n_estimators=2,
    )
    check_sample_weight_equivalence_on_dense_data(cls.__name__, plain)


@everyone
def test_validation_rows_of_the_user(estimator):
    X, y = mixed(300)
    y = y > 0 if estimator in CLASSIFIERS else y
    model = clone(estimator).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert len(model.validation_scores_) == model.n_iter_
    assert model.feature_names_in_.tolist() == list(X)
    with pytest.raises(ValueError, match="y_val was not provided"):
        clone(estimator).fit(X, y, X_val=X)


@everyone
def test_refit(estimator):
    model, _, _ = fitted(clone(estimator).set_params(refit=True))
    once, _, _ = fitted(estimator)
    assert model.best_epochs_ == once.best_epochs_
    assert not np.array_equal(
        model.net_.module_.state_dict()["linears.0.weight"],
        once.net_.module_.state_dict()["linears.0.weight"],
    )


@everyone
def test_refit_shares_the_time(estimator):
    X, y = mixed(1000)
    model = clone(estimator).set_params(max_iter=100_000, max_time=1.0, n_iter_no_change=10**5)
    spent = []

    class Clock(Callback):
        def on_train_begin(self, net, **_):
            self.started = time.monotonic()

        def on_train_end(self, net, **_):
            spent.append(time.monotonic() - self.started)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the second training may be cut short, which it says
        model.set_params(refit=True, skorch_callbacks=[("clock", Clock())]).fit(X, y > 0)
    assert len(spent) == 2
    assert sum(spent) < 1.6


class Looker:
    """A scikit-learn callback that looks at the estimator after each epoch."""

    def __init__(self):
        self.models = []

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.models.append(fitted_estimator)


@everyone
def test_callback_that_looks_starts_no_refit(estimator):
    """What it sees is the training under way; the second one comes after the last epoch."""
    X, y = mixed(120)
    looker, model = Looker(), clone(estimator).set_params(refit=True, max_iter=3)
    model.set_callbacks(looker).fit(X, y > 0)
    *epochs, last = looker.models
    assert [seen.n_iter_ for seen in epochs] == [1, 2, 3]
    np.testing.assert_array_equal(last.predict(X), model.predict(X))
    once = clone(estimator).set_params(max_iter=3).fit(X, y > 0)
    for name in ("best_epochs_", "loss_curve_", "validation_scores_"):
        assert getattr(epochs[-1], name) == getattr(once, name) == getattr(model, name)


@everyone
def test_refit_warns_of_no_last_epoch(estimator):
    """The second training ends where it is meant to end."""
    X, y = mixed(120)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clone(estimator).set_params(refit=True, max_iter=3).fit(X, y > 0)
        n_refit = len(caught)
        clone(estimator).set_params(max_iter=3).fit(X, y > 0)
    assert n_refit == len(caught) - n_refit


@everyone
@pytest.mark.parametrize("weighted", ["rows", "validation rows", "both"])
@pytest.mark.parametrize("refit", [False, True])
def test_weights_and_validation_rows(estimator, weighted, refit):
    """Weights of 1 change nothing, wherever they are given."""
    X, y = mixed(90)
    y = y > 0 if estimator in CLASSIFIERS else y
    weights = {"sample_weight": np.ones(60)} if weighted != "validation rows" else {}
    if weighted != "rows":
        weights["sample_weight_val"] = np.ones(30)
    model = clone(estimator).set_params(refit=refit)
    if estimator in CLASSIFIERS:
        model.set_params(calibrate=True)
    held_out = {"X_val": X[60:], "y_val": y[60:]}
    plain = clone(model).fit(X[:60], y[:60], **held_out).predict(X)
    same = clone(model).fit(X[:60], y[:60], **held_out, **weights).predict(X)
    other = {name: np.linspace(0.1, 3, len(w)) for name, w in weights.items()}
    model.fit(X[:60], y[:60], **held_out, **other)
    if estimator in CLASSIFIERS:
        model.set_params(class_weight="balanced").fit(X[:60], y[:60], **held_out, **other)
        assert np.mean(plain == same) > 0.95
    else:
        np.testing.assert_allclose(plain, same, atol=1e-3)


@everyone
def test_max_time(estimator):
    X, y = mixed(3000)
    started = time.monotonic()
    clone(estimator).set_params(max_iter=100_000, max_time=0.5).fit(X, y > 0)
    assert time.monotonic() - started < 20


@classifiers
def test_calibration_lowers_the_log_loss(estimator):
    X, y = make_classification(1500, 8, flip_y=0.3, random_state=0)
    long = clone(estimator).set_params(max_iter=30, label_smoothing=0.0)
    plain = clone(long).fit(X[:700], y[:700])
    calibrated = long.set_params(calibrate=True).fit(X[:700], y[:700])
    assert plain.temperature_ == 1.0
    assert calibrated.temperature_ != 1.0
    losses = [log_loss(y[700:], m.predict_proba(X[700:])) for m in (plain, calibrated)]
    assert losses[1] < losses[0] + 0.01
    np.testing.assert_array_equal(plain.predict(X), calibrated.predict(X))


@regressors
@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_cover(estimator, coverage):
    X, y = make_friedman1(2000, noise=2.0, random_state=0)
    model = clone(estimator).fit(X[:1000], y[:1000])
    low, high = model.predict_interval(X[1000:], coverage).T
    assert abs(np.mean((low <= y[1000:]) & (y[1000:] <= high)) - coverage) < 0.08
    with pytest.raises(ValueError, match="coverage must be in"):
        model.predict_interval(X, 1.5)
    unheld = clone(estimator).set_params(early_stopping=False).fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="held out"):
        unheld.predict_interval(X)


@regressors
def test_several_targets_of_different_scales(estimator):
    X, y = make_friedman1(600, random_state=0)
    Y = np.column_stack([y * 1e6, 3 - y * 1e-3])
    model = clone(estimator).set_params(max_iter=40).fit(X, Y)
    assert model.predict(X).shape == (600, 2)
    assert model.score(X, Y) > 0.7
    assert model.predict_interval(X).shape == (600, 2, 2)


@regressors
def test_quantile_regression(estimator):
    X, y = make_friedman1(1000, noise=2.0, random_state=0)
    model = clone(estimator).set_params(loss="quantile", quantile=0.8, max_iter=25)
    assert abs(np.mean(y <= model.fit(X, y).predict(X)) - 0.8) < 0.1


@classifiers
def test_multilabel_and_scoring(estimator):
    X, y = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)
    Y = np.column_stack([y == 0, y == 1]).astype(int)
    assert clone(estimator).fit(X, Y).predict_proba(X).shape == (300, 2)
    by_loss = clone(estimator).set_params(scoring="log_loss").fit(X, y)
    assert by_loss.net_.criterion_.label_smoothing == 0.0
    assert by_loss.best_validation_score_ < 0


@everyone
def test_one_row_is_quick(estimator):
    """Generous bounds: they fail for work per column of the training data or a data loader."""
    model, X, _ = fitted(estimator)
    one = X.iloc[[0]]
    model.predict(one)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        model.predict(one)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.02


@pytest.mark.parametrize("cls", [skdeep.TabMClassifier, skdeep.TabMRegressor])
@pytest.mark.parametrize("variant", ["mini", "full"])
def test_pruning(cls, variant):
    X, y = make_friedman1(500, random_state=0)
    y = y > np.median(y) if cls is skdeep.TabMClassifier else y
    model = cls(n_estimators=6, variant=variant, **SHORT).fit(X[:300], y[:300])
    before = model.predict(X)
    assert model.prune(X[300:], y[300:], 2).members_ is not None
    assert len(model.members_) == 2
    assert model.score(X[300:], y[300:]) > 0.5
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(model.prune(X, y, 6).predict(X), before)
    with pytest.raises(ValueError, match="n_members must be from 1 to 6"):
        model.prune(X, y, 7)


@pytest.mark.parametrize("cls", [skdeep.TabMClassifier, skdeep.TabMRegressor])
def test_networks_of_tabm_hold_out_their_own_rows(cls):
    X, y = make_friedman1(400, random_state=0)
    y = y > np.median(y) if cls is skdeep.TabMClassifier else y
    model = cls(n_estimators=6, n_networks=3, **SHORT).fit(X, y)
    assert model.net_.module_.n_networks == len(model.best_epochs_) == 3
    one = cls(n_estimators=6, n_networks=1, **SHORT).fit(X, y)
    assert one.net_.module_.n_networks == len(one.best_epochs_) == 1
    odd = cls(n_estimators=6, n_networks=4, **SHORT).fit(X, y)
    assert odd.net_.module_.n_networks == 2
    if cls is skdeep.TabMRegressor:  # five rows of six are held out by one network or another
        assert len(model._residuals) == 3 * len(one._residuals)


@pytest.mark.parametrize("cls", [skdeep.TabMClassifier, skdeep.TabMRegressor])
def test_weight_average_is_what_is_kept(cls):
    X, y = make_friedman1(400, random_state=0)
    y = y > np.median(y) if cls is skdeep.TabMClassifier else y
    settings = {**SHORT, "max_iter": 3, "n_estimators": 2, "learning_rate_init": 0.1}
    for early_stopping in (True, False):
        settings["early_stopping"] = early_stopping
        plain, short, long = (
            cls(averaging=a, **settings).fit(X, y).net_.module_.head_weight for a in (0, 0.2, 5)
        )
        assert not torch.equal(plain, short)
        assert not torch.equal(short, long)


@everyone
def test_mixed_precision(estimator):
    """bfloat16 has 8 bits: results move a little, and not at all where it is off."""
    on_cpu = estimator._design.mixes_on_cpu and wants_mixed(
        "auto", torch.float32, "cpu", on_cpu=True
    )
    model, X, y = fitted(clone(estimator).set_params(amp=True, max_iter=40))
    full, _, _ = fitted(clone(estimator).set_params(amp=False, max_iter=40))
    auto, _, _ = fitted(clone(estimator).set_params(max_iter=40))
    assert next(model.net_.module_.parameters()).dtype == torch.float32
    assert model.score(X, y) > 0.6
    weights = [m.net_.module_.linears[0].weight for m in (model, full, auto)]
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(weights[not on_cpu], weights[2])


@everyone
def test_tol_is_what_a_better_epoch_needs(estimator):
    X, y = mixed(240)
    y = y > 0 if estimator in CLASSIFIERS else y
    strict = clone(estimator).set_params(tol=5.0, n_iter_no_change=3).fit(X, y)
    assert strict.best_epochs_ == [1] * len(strict.best_epochs_)
    assert strict.n_iter_ < 8


def test_members_do_not_mix():
    """What a member learns does not depend on the members beside it."""
    X, y = make_friedman1(300, random_state=0)
    model = skdeep.RealMLPRegressor(n_estimators=3, **SHORT).fit(X, y)
    gradients = model.net_.module_.train()
    x = torch.as_tensor(model.encoder_.transform(X[:8])).expand(3, 8, -1).contiguous()
    out = gradients(x).unflatten(0, (3, 8))
    out[1].sum().backward()
    for parameter in gradients.parameters():
        assert not parameter.grad[[0, 2]].any()
    assert any(p.grad[1].any() for p in gradients.parameters())
