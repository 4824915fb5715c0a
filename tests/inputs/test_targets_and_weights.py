"""Targets, weights and interrupts: what comes in is numbers or labels, and no fit loses a model."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone, is_classifier

import skdeep
from skdeep.data.pieces import channel_statistics
from skdeep.inputs.rows import read_target
from skdeep.inputs.weights import check_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Training interrupted"),
]

SHORT = {"max_iter": 2, "random_state": 0, "device": "cpu"}
SMALL = {"n_estimators": 2, **SHORT}
CLASSIFIERS = {
    "mlp": skdeep.MLPClassifier((8,), **SHORT),
    "cnn": skdeep.CNNClassifier(**{**SMALL, "n_estimators": 1}),
    "lstm": skdeep.LSTMClassifier((4,), **SHORT),
    "realmlp": skdeep.RealMLPClassifier((8,), **SMALL),
    "tabm": skdeep.TabMClassifier((8,), n_networks=1, **SMALL),
}
REGRESSORS = {
    "mlp": skdeep.MLPRegressor(hidden_layer_sizes=(8,), **SHORT),
    "cnn": skdeep.CNNRegressor(**{**SMALL, "n_estimators": 1}),
    "lstm": skdeep.LSTMRegressor((4,), **SHORT),
    "realmlp": skdeep.RealMLPRegressor((8,), **SMALL),
    "tabm": skdeep.TabMRegressor((8,), n_networks=1, **SMALL),
}
WITHOUT_TARGET = {
    "dense": skdeep.Autoencoder((3,), **SHORT),
    "conv": skdeep.Autoencoder((3,), encoder="conv", n_filters=(4,), **SHORT),
    "series": skdeep.Autoencoder((3,), encoder="lstm", **SHORT),
    "vae": skdeep.VariationalAutoencoder(2, **SHORT),
    "rbm": skdeep.RBM(4, **SHORT),
}
RNG = np.random.RandomState(0)
X = RNG.normal(size=(24, 6))
LABELS = (X[:, 0] > 0).astype(int)
NUMBERS = X[:, 0] + X[:, 1]
classifiers = pytest.mark.parametrize("name", CLASSIFIERS)
regressors = pytest.mark.parametrize("name", REGRESSORS)


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


# --- targets -------------------------------------------------------------------------------

NO_NUMBERS = {
    "text": np.array(["a", "b"] * 12),
    "text as objects": objects(["a", "b"] * 12),
    "bytes": np.array([b"a", b"b"] * 12),
    "dates": np.arange(24).astype("M8[D]"),
    "sparse": sp.csr_matrix(np.eye(24)[:, :3]),
    "lists": objects([[1, 2], [3]] * 12),
    "unequal lists": [[1, 2], [3]] * 12,
    "one number too large": objects([10**400, *range(23)]),
    "text of pandas": pd.Series(["a", None] * 12, dtype="string"),
    "text of polars": pl.Series(["a", "b"] * 12),
}


@regressors
@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_targets_that_are_no_numbers_are_named(name, kind):
    y = NO_NUMBERS[kind]
    with pytest.raises((ValueError, TypeError), match=r"\by\b"):
        clone(REGRESSORS[name]).fit(X, y)
    with pytest.raises((ValueError, TypeError), match=r"\by_val\b"):
        clone(REGRESSORS[name]).fit(X, NUMBERS, X_val=X, y_val=y)


@pytest.mark.parametrize(
    "y",
    [
        NUMBERS.astype(np.longdouble),
        pd.Series(NUMBERS, dtype="Float64"),
        pd.Series(NUMBERS, dtype="double[pyarrow]"),
        pl.Series(NUMBERS),
        objects(NUMBERS.tolist()),
        torch.tensor(NUMBERS, requires_grad=True),
        torch.tensor(NUMBERS).to_sparse(),
        NUMBERS.astype(">f8"),
    ],
    ids=lambda y: f"{type(y).__module__}-{y.dtype}",
)
@regressors
def test_numbers_are_the_same_in_any_container(name, y):
    expected = clone(REGRESSORS[name]).fit(X, NUMBERS).predict(X)
    np.testing.assert_array_equal(clone(REGRESSORS[name]).fit(X, y).predict(X), expected)


def test_half_precision_is_read_exactly():
    for y in (torch.arange(24).bfloat16(), torch.arange(24).half(), np.arange(24, dtype="f2")):
        read = read_target(y, numeric=True)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, np.arange(24))


NO_LABELS = {
    "None": objects(["a", None] * 12),
    "NA": objects(["a", pd.NA] * 12),
    "text and numbers": objects(["a", 1] * 12),
    "dicts": objects([{}, {}] * 12),
    "NA of pandas": pd.Series(["a", None] * 12, dtype="string"),
    "null of polars": pl.Series(["a", None] * 12),
    "structures": np.zeros(24, dtype=[("a", "f4")]),
    "complex tensor": torch.ones(24) * 1j,
}


@classifiers
@pytest.mark.parametrize("kind", NO_LABELS)
def test_labels_that_are_missing_or_of_two_kinds_are_named(name, kind):
    with pytest.raises(ValueError, match=r"\by\b|Complex data"):
        clone(CLASSIFIERS[name]).fit(X, NO_LABELS[kind])
    with pytest.raises(ValueError, match=r"\by_val\b|Complex data"):
        clone(CLASSIFIERS[name]).fit(X, LABELS, X_val=X, y_val=NO_LABELS[kind])


@classifiers
def test_a_matrix_of_labels_is_not_validated_on_classes(name):
    matrix = np.column_stack([LABELS, 1 - LABELS])
    with pytest.raises(ValueError, match=r"y_val has the shape \(24, 2\): expected \(n_samples,\)"):
        clone(CLASSIFIERS[name]).fit(X, LABELS, X_val=X, y_val=matrix)
    with pytest.raises(ValueError, match=r"y_val has the shape .*expected \(n_samples, 2\)"):
        clone(CLASSIFIERS[name]).fit(X, matrix, X_val=X, y_val=LABELS)


@pytest.mark.parametrize(
    "classes, message",
    [
        (np.array([[0, 1]]), r"classes has the shape \(1, 2\)"),
        (np.eye(3, dtype=int), r"classes has the shape \(3, 3\)"),
        (sp.eye(3), r"classes has the shape"),
        ([0, None], "classes contains NaN"),
        ([0.0, np.nan], "classes contains NaN"),
        (np.arange(2).astype("M8[D]"), "classes not in `self.classes_`"),
    ],
)
def test_classes_of_a_stream(classes, message):
    with pytest.raises(ValueError, match=message):
        skdeep.MLPClassifier((4,)).partial_fit(X, LABELS, classes=classes)


@regressors
@pytest.mark.parametrize("factor", [1.5e308, 1e307])
def test_targets_too_large_to_compute_with_are_named(name, factor):
    y = NUMBERS.copy()
    y[0] = factor
    with pytest.raises(ValueError, match=r"\by\b.* holds values up to 1"):
        clone(REGRESSORS[name]).fit(X, y)
    with pytest.raises(ValueError, match=r"\by_val\b.* holds values up to 1"):
        clone(REGRESSORS[name]).set_params(early_stopping=True).fit(X, NUMBERS, X_val=X, y_val=y)


# --- weights -------------------------------------------------------------------------------

EXTREME = {
    "tiny": np.full(24, 1e-320),
    "huge": np.full(24, 1e308),
    "beyond float32": np.full(24, 1e-60),
    "one": np.r_[1e300, np.ones(23)],
    "all sizes": np.logspace(-300, 300, 24),
}


@pytest.mark.parametrize("kind", EXTREME)
@pytest.mark.parametrize("family", [*CLASSIFIERS, *WITHOUT_TARGET])
def test_weights_of_any_size_give_numbers(family, kind):
    weight = EXTREME[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for table, y in ((CLASSIFIERS, LABELS), (REGRESSORS, NUMBERS), (WITHOUT_TARGET, None)):
            if family not in table:
                continue
            given = {"sample_weight": weight, "X_val": X, "sample_weight_val": weight}
            if y is not None:
                given["y_val"] = y
            estimator = clone(table[family])
            if is_classifier(estimator):
                estimator.set_params(class_weight="balanced")
            if "early_stopping" in estimator.get_params():
                estimator.set_params(early_stopping=True)
            estimator.fit(X, y, **given)
            out = getattr(estimator, "predict_proba", None) or getattr(estimator, "predict", None)
            assert np.isfinite((out or estimator.transform)(X)).all()


@pytest.mark.parametrize("scale", [1e-320, 1e-100, 1e-30, 1e30, 1e300])
def test_the_scale_of_weights_does_not_matter(scale):
    """Without penalties; a power of two changes no bit of the proportions."""
    exact = 2.0 ** np.round(np.log2(scale))
    weight = RNG.randint(1, 5, size=24).astype(float)
    reg = clone(REGRESSORS["mlp"]).set_params(alpha=0.0)
    expected = reg.fit(X, NUMBERS, weight).predict(X)
    got = reg.fit(X, NUMBERS, weight * exact).predict(X)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("scale", [1e-15, 1e-12])
def test_small_weights_that_make_penalties_large_are_named(scale):
    reg = clone(REGRESSORS["mlp"]).set_params(solver="sgd", max_iter=100)
    with pytest.raises(ValueError, match="the weights of rows, which sum to .*scale sample_weight"):
        reg.fit(X, NUMBERS, np.full(24, scale))


def test_usual_weights_are_left_alone():
    weight = np.array([0.0, 0.3, 2.0, 1e-20, 1e15])
    np.testing.assert_array_equal(check_weights(weight, weight[:, None]), weight)
    faint = check_weights([0.0, 1e-300, 1.0], weight[:3, None])
    assert faint[0] == 0 and 0 < np.float32(faint[1]) < 1e-20 * faint[2]


NO_WEIGHTS = {
    "too few": np.ones(5),
    "a matrix": np.ones((24, 2)),
    "negative": np.r_[-1.0, np.ones(23)],
    "NaN": np.r_[np.nan, np.ones(23)],
    "text": np.array(["a"] * 24),
    "a word": "balanced",
    "a dict": {0: 1.0},
    "unequal lists": [[1], [1, 2]],
    "nothing": np.zeros(24),
}


@pytest.mark.parametrize("kind", NO_WEIGHTS)
@pytest.mark.parametrize("family", [*CLASSIFIERS, *WITHOUT_TARGET])
def test_weights_of_no_kind_are_named(family, kind):
    estimator = {**CLASSIFIERS, **WITHOUT_TARGET}[family]
    y = LABELS if family in CLASSIFIERS else None
    with pytest.raises(ValueError, match="sample_weight|Sample weights"):
        clone(estimator).fit(X, y, sample_weight=NO_WEIGHTS[kind])
    given = {"X_val": X} if y is None else {"X_val": X, "y_val": y}
    with pytest.raises(ValueError, match="sample_weight_val"):
        clone(estimator).fit(X, y, **given, sample_weight_val=NO_WEIGHTS[kind])
    with pytest.raises(ValueError, match="sample_weight_val is provided, but X_val was not"):
        clone(estimator).fit(X, y, sample_weight_val=np.ones(24))


@classifiers
@pytest.mark.parametrize(
    "class_weight",
    [
        {0: 0, 1: 0},
        {0: -1, 1: 1},
        {0: np.nan, 1: 1},
        {0: np.inf, 1: 1},
        {0: "a", 1: 1},
        {0: None, 1: 1},
        {5: 1, 7: 2},
        [1, 2],
    ],
    ids=str,
)
def test_class_weights_of_no_kind_are_named(name, class_weight):
    with pytest.raises(ValueError, match=r"class_weight") as caught:
        clone(CLASSIFIERS[name]).set_params(class_weight=class_weight).fit(X, LABELS)
    assert "learning_rate" not in str(caught.value)


@classifiers
@pytest.mark.parametrize("class_weight", [{0: 1e300, 1: 1e-300}, {0: 1e-320, 1: 1e-320}], ids=str)
def test_class_weights_of_any_size_give_numbers(name, class_weight):
    clf = clone(CLASSIFIERS[name]).set_params(class_weight=class_weight).fit(X, LABELS)
    assert np.isfinite(clf.predict_proba(X)).all()


def test_rbm_validates_by_weight():
    X_val, weight = np.vstack([X[:12], 5 + X[12:]]), np.repeat([1.0, 0.0], 12)
    rbm = clone(WITHOUT_TARGET["rbm"]).set_params(visible="gaussian")
    known = clone(rbm).fit(X, X_val=X[:12]).validation_loss_curve_
    got = rbm.fit(X, X_val=X_val, sample_weight_val=weight).validation_loss_curve_
    np.testing.assert_allclose(got, known)


# --- rows of extreme size, rows far from zero ------------------------------------------------


@pytest.mark.parametrize("family", [*CLASSIFIERS, *WITHOUT_TARGET, "siamese", "outliers"])
@pytest.mark.parametrize("size", [1e-320, 1e155, 1.7e308])
def test_rows_of_any_size_give_numbers_or_an_error(family, size):
    others = {
        "siamese": skdeep.SiameseTransformer(2, **SHORT),
        "outliers": skdeep.AutoencoderOutlierDetector((8,), **SHORT),
    }
    estimator = {**CLASSIFIERS, **WITHOUT_TARGET, **others}[family]
    wild = np.where(X > 1, 0.5 * size, np.sign(X) * size)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.filterwarnings("ignore", "early_stopping=True has no effect")
        for train, rows in ((X, wild), (wild, wild)):
            fitted = clone(estimator)
            try:
                fitted.fit(train, LABELS)
            except ValueError as error:
                assert "X holds values" in str(error)
                continue
            for method in ("predict_proba", "transform", "reconstruct", "score_samples"):
                try:
                    out = getattr(fitted, method, lambda rows: 0.0)(rows)
                except ValueError as error:
                    assert "X holds values" in str(error)
                else:
                    assert np.isfinite(out).all(), method


@pytest.mark.parametrize("encoder", ["conv", "lstm"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_autoencoders_of_time_stamps(encoder, ndim):
    """The same as for the rows around 0, moved, in float64 to 1e-6 of their spread."""
    near = 30 * RNG.normal(size=(60, 6))
    near = near[:, :, None] if ndim == 3 else near
    far = 1.7e9 + near
    options = {"n_filters": (4,)} if encoder == "conv" else {}
    ae = skdeep.Autoencoder((3,), encoder=encoder, dtype="float64", **options, **SHORT)
    expected = clone(ae).fit(near).reconstruct(near)
    ae.set_params(dtype=None).fit(far)
    for made in (ae.reconstruct(far), ae.inverse_transform(ae.transform(far))):
        assert made.dtype == np.float64
        np.testing.assert_allclose(made - 1.7e9, expected, atol=1e-4)
    scores = clone(ae).set_params(dtype="float64").fit(near).score_samples(near)
    np.testing.assert_allclose(ae.score_samples(far), scores, rtol=1e-5)


def test_moments_far_from_zero():
    near = torch.tensor(RNG.normal(size=(50, 2, 3)))
    known = channel_statistics(near)
    far = channel_statistics(near + torch.tensor([1e9, 0.0])[:, None].double())
    np.testing.assert_allclose(far[0] - torch.tensor([1e9, 0.0]), known[0], atol=1e-6)
    np.testing.assert_allclose(far[1], known[1], rtol=1e-6)
    same = channel_statistics(torch.full((50, 1, 3), 1.7e9).double())
    assert same[1].item() == 1.0


def test_outlier_scores_of_time_stamps():
    near = RNG.normal(size=(60, 4))
    detector = skdeep.AutoencoderOutlierDetector((8,), **SHORT)
    expected = clone(detector).fit(30 * near).score_samples(30 * near)
    scores = detector.fit(1.7e9 + 30 * near).score_samples(1.7e9 + 30 * near)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


# --- Ctrl-C --------------------------------------------------------------------------------


class _Press:
    """Ctrl-C in each step after the first `after` of them."""

    def __init__(self, monkeypatch):
        from skdeep.engine import SingleStep

        self.n_steps, self.after = 0, np.inf
        step = SingleStep.__call__

        def counted(single_step, *args, **kwargs):
            self.n_steps += 1
            if self.n_steps > self.after:
                raise KeyboardInterrupt
            return step(single_step, *args, **kwargs)

        monkeypatch.setattr(SingleStep, "__call__", counted)


MORE = {
    "siamese": skdeep.SiameseClassifier(2, **SHORT),
    "outliers": skdeep.AutoencoderOutlierDetector((8,), batch_size=4, **SHORT),
}


@pytest.mark.parametrize("family", [*CLASSIFIERS, *WITHOUT_TARGET, *MORE])
def test_ctrl_c_in_the_first_epoch_of_another_fit_keeps_the_model(family, monkeypatch):
    estimator = clone({**CLASSIFIERS, **WITHOUT_TARGET, **MORE}[family])
    if "batch_size" in estimator.get_params() and family != "siamese":
        estimator.set_params(batch_size=4)
    if family == "lstm":
        estimator.set_params(dropout=0.5)
    press = _Press(monkeypatch)
    estimator.fit(X, LABELS)
    answer = next(getattr(estimator, n) for n in ("predict_proba", "transform", "score_samples")
                  if hasattr(estimator, n))  # fmt: skip
    before, state = answer(X), dict(vars(estimator))
    fits = [("fit", False)]
    if "warm_start" in estimator.get_params():
        fits.append(("fit", True))
    if hasattr(estimator, "partial_fit") and family != "siamese":
        fits.append(("partial_fit", False))
    for method, warm in fits:
        if "warm_start" in estimator.get_params():
            estimator.set_params(warm_start=warm)
        press.after = press.n_steps + (family != "siamese")
        with pytest.raises(KeyboardInterrupt):
            getattr(estimator, method)(X, LABELS)
        np.testing.assert_array_equal(answer(X), before)
        assert state.keys() == vars(estimator).keys()


def test_ctrl_c_in_the_first_epoch_of_the_first_fit_ends_it(monkeypatch):
    press = _Press(monkeypatch)
    press.after = 1
    clf = clone(CLASSIFIERS["mlp"]).set_params(batch_size=4)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(X, LABELS)
    assert np.isfinite(clf.predict_proba(X)).all()


def test_ctrl_c_in_lbfgs_before_its_first_iteration(monkeypatch):
    from skdeep.engine import SingleStep

    clf = clone(CLASSIFIERS["mlp"]).set_params(solver="lbfgs").fit(X, LABELS)
    before = clf.predict_proba(X)

    def pressed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(SingleStep, "objective", pressed)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, LABELS)
    np.testing.assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("name", ["realmlp", "tabm"])
def test_ctrl_c_in_the_first_epoch_leaves_out_the_refit(name, monkeypatch):
    press = _Press(monkeypatch)
    press.after = 1
    clf = clone(CLASSIFIERS[name]).set_params(refit=True, batch_size=4)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(X, LABELS)
    assert np.isfinite(clf.predict_proba(X)).all()
