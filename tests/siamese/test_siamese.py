"""Siamese estimators: pairs, triplets, thresholds, new classes, pictures, series, bad input."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skdeep import SiameseClassifier, SiameseTransformer
from skdeep.persistence import load, save
from skdeep.siamese.thresholds import best_threshold, draw_pairs, fit_sigmoid

IRIS = load_iris()
X, y = StandardScaler().fit_transform(IRIS.data), IRIS.target
DIGITS = load_digits()
X32 = X.astype(np.float32)
PICTURES, NUMBERS = (DIGITS.images / 16).astype(np.float32), DIGITS.target
RNG = np.random.RandomState(0)
PAIRS = RNG.randint(150, size=(300, 2))
SAME = y[PAIRS[:, 0]] == y[PAIRS[:, 1]]


def make(**params):
    return SiameseTransformer(**{"n_components": 8, "max_iter": 15, "random_state": 0} | params)


def classifier(**params):
    return SiameseClassifier(**{"n_components": 8, "max_iter": 15, "random_state": 0} | params)


@pytest.fixture(scope="module")
def fitted():
    return make().fit(X, y)


def triplets_of(y, n):
    rng = np.random.RandomState(1)
    anchor, other = rng.randint(len(y), size=(2, 20 * n))
    similar = rng.randint(len(y), size=20 * n)
    ok = (y[anchor] == y[similar]) & (y[anchor] != y[other]) & (anchor != similar)
    return np.stack([anchor, similar, other], 1)[ok][:n]


# --- the embedding ----------------------------------------------------------------------------

OF_CLASSES = ["nt_xent", "prototypical", "triplet", "contrastive", "contrastive_squared"]


@pytest.mark.parametrize("loss", OF_CLASSES)
def test_every_loss_brings_classes_together(loss):
    Z = make(loss=loss).fit(X[::2], y[::2]).transform(X)
    assert KNeighborsClassifier(1).fit(Z[::2], y[::2]).score(Z[1::2], y[1::2]) > 0.9
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1)


@pytest.mark.parametrize("mining", ["semi_hard", "batch_hard", "all"])
def test_every_way_of_mining(mining):
    est = make(loss="triplet", mining=mining, max_iter=5).fit(X, y)
    assert np.isfinite(est.loss_)


@pytest.mark.parametrize(
    "params", [{"normalize": False, "loss": "triplet"}, {"temperature": 1.0}, {"margin": 0.5}]
)
def test_parameters_of_losses_matter(params, fitted):
    base = {"loss": "triplet"} if "temperature" not in params else {}
    first, second = make(**base).fit(X, y), make(**base | params).fit(X, y)
    assert not np.array_equal(first.transform(X), second.transform(X))


def test_embedding_in_a_pipeline_with_names():
    frame = pd.DataFrame(X, columns=list("abcd"))
    est = make(n_components=3).set_output(transform="pandas").fit(frame, y)
    out = est.transform(frame)
    assert list(out.columns) == [f"siamesetransformer{i}" for i in range(3)]
    assert est.feature_names_in_.tolist() == list("abcd")
    pipe = make_pipeline(StandardScaler(), make(), KNeighborsClassifier(3)).fit(X, y)
    assert pipe.score(X, y) > 0.9


def test_early_stopping_scores_held_out_rows():
    est = make(early_stopping=True, max_iter=60, n_iter_no_change=3).fit(X, y)
    assert len(est.validation_scores_) == est.n_iter_ == len(est.validation_loss_curve_)
    assert 0.8 < est.best_validation_score_ <= 1
    given = make(early_stopping=True, max_iter=3).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    Z = given.transform(X)
    assert max(given.validation_scores_) == given.best_validation_score_
    assert len(Z) == 150


def test_held_out_score_is_that_of_a_slow_loop():
    train, held = np.arange(0, 150, 2), np.arange(1, 150, 2)
    est = make(early_stopping=True, max_iter=1).fit(
        X[train], y[train], X_val=X[held], y_val=y[held]
    )
    Z = est.transform(X)
    means = np.stack([Z[train][y[train] == c][:5].mean(0) for c in range(3)])
    right = [np.linalg.norm(means - Z[i], axis=1).argmin() == y[i] for i in held]
    assert est.validation_scores_[-1] == pytest.approx(np.mean(right))


def test_module_of_the_user():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))
    before = [p.detach().clone() for p in module.parameters()]
    est = make(encoder=module).fit(X, y)
    assert est.transform(X).shape == (150, 3) and est.n_outputs_ == 3
    assert len(est.get_feature_names_out()) == 3
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters()))
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.transform(X), est.transform(X))
    np.testing.assert_array_equal(clone(est).fit(X, y).transform(X), est.transform(X))


# --- pairs and triplets -----------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["auto", "contrastive_squared", "nt_xent"])
@pytest.mark.parametrize("low", [-1, 0])
def test_pairs(loss, low):
    labels = np.where(SAME, 1, low)
    est = make(loss=loss).fit_pairs(X[PAIRS], labels)
    assert not hasattr(est, "classes_")
    numbers = RNG.randint(150, size=(200, 2))
    same = y[numbers[:, 0]] == y[numbers[:, 1]]
    assert roc_auc_score(same, est.pair_score(X[numbers])) > 0.9
    assert set(est.predict_pairs(X[numbers])) == {low, 1}
    assert np.mean((est.predict_pairs(X[numbers]) == 1) == same) > 0.85
    np.testing.assert_allclose(est.pair_distance(numbers, X=X), est.pair_distance(X[numbers]))


def test_pairs_of_numbers_train_like_pairs_of_distinct_rows():
    rows = RNG.permutation(150).reshape(-1, 2)  # each row once: the same batches
    labels = (y[rows[:, 0]] == y[rows[:, 1]]).astype(int)
    settings = {"max_iter": 1, "batch_size": 75, "dtype": "float64", "loss": "contrastive"}
    first = make(**settings).fit_pairs(X[rows], labels)
    second = make(**settings).fit_pairs(rows, labels, X=X)
    np.testing.assert_allclose(first.transform(X), second.transform(X), atol=1e-9)


@pytest.mark.parametrize("loss", ["auto", "contrastive"])
def test_triplets(loss):
    triplets = triplets_of(y, 300)
    est = make(loss=loss).fit_triplets(triplets, X=X)
    assert roc_auc_score(SAME, est.pair_score(PAIRS, X=X)) > 0.9
    assert np.mean((est.predict_pairs(PAIRS, X=X) == 1) == SAME) > 0.85
    assert make(max_iter=2).fit_triplets(X[triplets]).n_iter_ == 2


def test_early_stopping_on_pairs_and_triplets():
    est = make(early_stopping=True).fit_pairs(PAIRS, SAME, X=X)
    assert 0.8 < est.best_validation_score_ <= 1
    est = make(early_stopping=True).fit_triplets(triplets_of(y, 200), X=X)
    assert 0.8 < est.best_validation_score_ <= 1


class CountEpochs(Callback):
    epochs = []

    def on_epoch_end(self, net, **kwargs):
        self.epochs.append(len(net.history))


def test_skorch_callbacks_hear_of_pairs():
    make(max_iter=3, skorch_callbacks=[CountEpochs()]).fit_pairs(PAIRS, SAME, X=X)
    assert CountEpochs.epochs == [1, 2, 3]


# --- thresholds -------------------------------------------------------------------------------


def rates(distances, similar, threshold):
    called = distances <= threshold
    tp, fp = (called & similar).sum(), (called & ~similar).sum()
    tpr, tnr = tp / similar.sum(), 1 - fp / (~similar).sum()
    return tp, fp, tpr, tnr


def f_beta(tp, fp, n_similar, beta):
    return (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * (n_similar - tp) + fp)


def slow_best(distances, similar, strategy, beta, min_rate):
    best = -1
    for threshold in [distances.min() - 1, *distances]:
        tp, fp, tpr, tnr = rates(distances, similar, threshold)
        quality = {
            "accuracy": ((distances <= threshold) == similar).mean(),
            "f_beta": f_beta(tp, fp, similar.sum(), beta),
            "max_tpr": tpr if tnr >= min_rate else -1,
            "max_tnr": tnr if tpr >= min_rate else -1,
        }[strategy]
        best = max(best, quality)
    return best


@pytest.mark.parametrize("strategy", ["accuracy", "f_beta", "max_tpr", "max_tnr"])
@pytest.mark.parametrize("seed", range(6))
def test_best_threshold_against_a_slow_loop(strategy, seed):
    rng = np.random.RandomState(seed)
    distances = rng.uniform(size=40) if seed % 2 else rng.randint(6, size=40).astype(float)
    similar = rng.uniform(size=40) > distances / max(distances.max(), 1)
    similar[:2] = True, False
    threshold = best_threshold(distances, similar, strategy, beta=2.0, min_rate=0.7)
    tp, fp, tpr, tnr = rates(distances, similar, threshold)
    reached = {
        "accuracy": ((distances <= threshold) == similar).mean(),
        "f_beta": f_beta(tp, fp, similar.sum(), 2.0),
        "max_tpr": tpr if tnr >= 0.7 else -1,
        "max_tnr": tnr if tpr >= 0.7 else -1,
    }[strategy]
    assert reached == pytest.approx(slow_best(distances, similar, strategy, 2.0, 0.7))


def test_threshold_lies_in_the_widest_gap():
    distances = np.array([0.1, 0.2, 1.0, 1.1])
    assert best_threshold(distances, np.array([1, 1, 0, 0], bool)) == pytest.approx(0.6)


def test_sigmoid_is_the_minimum_of_platts_likelihood():
    rng = np.random.RandomState(0)
    similar = rng.uniform(size=200) < 0.4
    distances = np.where(similar, 0.5, 1.0) + rng.normal(0, 0.3, 200)
    slope, intercept = fit_sigmoid(distances, similar)
    n1, n0 = similar.sum(), (~similar).sum()
    target = np.where(similar, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

    def cost(slope, intercept):
        p = 1 / (1 + np.exp(-(slope * distances + intercept)))
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum()

    best = cost(slope, intercept)
    for d_slope, d_intercept in np.random.RandomState(1).normal(0, 0.2, (50, 2)):
        assert cost(slope + d_slope, intercept + d_intercept) >= best - 1e-6
    assert slope < 0


def test_separable_pairs_keep_finite_probabilities():
    slope, intercept = fit_sigmoid(np.array([0.1, 0.2, 0.9, 1.0]), np.array([1, 1, 0, 0], bool))
    assert np.isfinite([slope, intercept]).all() and slope < 0


def test_calibrated_pairs(fitted):
    est = clone(fitted).fit(X[::2], y[::2])
    held = np.arange(1, 150, 2)
    numbers = held[RNG.randint(75, size=(400, 2))]
    same = y[numbers[:, 0]] == y[numbers[:, 1]]
    half = slice(0, 200), slice(200, 400)
    assert est.calibrate_threshold(numbers[half[0]], same[half[0]].astype(int), X=X) is est
    proba = est.predict_pairs_proba(numbers[half[1]], X=X)
    np.testing.assert_allclose(proba.sum(1), 1)
    constant = np.full(200, same.mean())
    assert log_loss(same[half[1]], proba[:, 1]) < 0.6 * log_loss(same[half[1]], constant)
    assert set(est.predict_pairs(numbers, X=X)) == {0, 1}
    before = est.threshold_
    est.calibrate_threshold(numbers, same, X=X, strategy="max_tpr", min_rate=0.99)
    called = est.predict_pairs(numbers, X=X) == 1
    assert (~called[~same]).mean() >= 0.99
    est.calibrate_threshold(numbers, same, X=X, strategy="max_tnr", min_rate=1.0)
    assert (est.predict_pairs(numbers, X=X) == 1)[same].all()
    assert est.threshold_ > before


def test_drawn_pairs():
    labels = np.array([0, 0, 1, 2, 2, 2])
    pairs, similar = draw_pairs(labels, 1000, np.random.RandomState(0))
    np.testing.assert_array_equal(labels[pairs[:, 0]] == labels[pairs[:, 1]], similar)
    assert (pairs[:, 0] != pairs[:, 1]).all() and similar.sum() == 500
    assert {tuple(p) for p in pairs[similar]} == {(0, 1), (1, 0)} | {
        (i, j) for i in (3, 4, 5) for j in (3, 4, 5) if i != j
    }


# --- classes ----------------------------------------------------------------------------------


def test_new_classes_without_training():
    known, new = NUMBERS < 7, NUMBERS >= 7
    rows = PICTURES.reshape(-1, 64)
    clf = classifier(n_components=32, max_iter=30).fit(rows[known], NUMBERS[known])
    before = [p.detach().clone() for p in clf.net_.module_.parameters()]
    few = np.concatenate([np.flatnonzero(c == NUMBERS)[:5] for c in (7, 8, 9)])
    clf.partial_fit(rows[few], NUMBERS[few])
    assert all(torch.equal(a, b) for a, b in zip(before, clf.net_.module_.parameters()))
    assert clf.classes_.tolist() == list(range(10))
    assert clf.class_count_.sum() == known.sum() + 15
    rest = np.setdiff1d(np.flatnonzero(new), few)
    assert clf.score(rows[rest], NUMBERS[rest]) > 0.3  # of ten classes, three by five rows each
    assert clf.score(rows[known], NUMBERS[known]) > 0.9


def test_partial_fit_is_fit_on_the_same_embedding():
    clf = classifier().fit(X, y)
    Z = clf._embed(X)
    for c in range(3):
        np.testing.assert_allclose(clf.prototypes_[c], Z[y == c].mean(0))
    more = RNG.normal(size=(10, 4))
    labels = np.array([1] * 5 + [7] * 5)
    clf.partial_fit(more, labels)
    Z_all, y_all = np.concatenate([Z, clf._embed(more)]), np.concatenate([y, labels])
    assert clf.classes_.tolist() == [0, 1, 2, 7]
    for c, label in enumerate(clf.classes_):
        np.testing.assert_allclose(clf.prototypes_[c], Z_all[y_all == label].mean(0))
    assert clf.class_count_.tolist() == [50, 55, 50, 5]


def test_distances_to_prototypes_and_neighbors():
    clf = classifier().fit(X, y)
    Z = clf._embed(X)
    slow = [[np.linalg.norm(z - Z[y == c].mean(0)) for c in range(3)] for z in Z]
    np.testing.assert_allclose(clf.class_distance(X), slow, atol=1e-7)
    np.testing.assert_allclose(clf.decision_function(X), -clf.class_distance(X))
    near = classifier(n_neighbors=3).fit(X, y)
    Z = near._embed(X)
    slow = [
        [np.sort(np.linalg.norm(Z[y == c] - z, axis=1))[:3].mean() for c in range(3)] for z in Z
    ]
    np.testing.assert_allclose(near.class_distance(X), slow, atol=1e-6)
    near.partial_fit(X[:2] + 5, [9, 9])
    assert near.class_distance(X).shape == (150, 4)
    assert near.predict(X[:2] + 5).tolist() == [9, 9]


def test_two_classes_have_one_score():
    two = y < 2
    clf = classifier().fit(X[two], y[two])
    distance = clf.class_distance(X)
    np.testing.assert_allclose(clf.decision_function(X), distance[:, 0] - distance[:, 1])


def test_probabilities_are_calibrated_on_held_out_rows():
    rng = np.random.RandomState(0)
    labels = rng.randint(3, size=900)
    rows = rng.normal(size=(900, 6)) + np.eye(6)[labels] * 1.5  # classes overlap
    clf = classifier(max_iter=40).fit(rows[:600], labels[:600])
    assert clf.loss_ > 0 and clf.temperature_ > 0
    proba = clf.predict_proba(rows[600:])
    np.testing.assert_allclose(proba.sum(1), 1)
    np.testing.assert_array_equal(clf.classes_[proba.argmax(1)], clf.predict(rows[600:]))
    prior = np.tile(np.bincount(labels) / 900, (300, 1))
    assert log_loss(labels[600:], proba) < 0.95 * log_loss(labels[600:], prior)
    assert abs(proba.max(1).mean() - clf.score(rows[600:], labels[600:])) < 0.12


@pytest.mark.parametrize("strings", [False, True])
def test_rejection(strings):
    labels = np.array(["a", "bb", "c"])[y] if strings else y
    known = y < 2
    clf = classifier(rejection_rate=0.1, max_iter=30).fit(X[known], labels[known])
    unknown = "unknown" if strings else -1
    far = np.full((5, 4), [8.0, -9.0, 7.0, -8.0])
    predicted = clf.predict(X[known])
    assert 0 < (predicted == unknown).mean() < 0.35
    assert (clf.is_known(X[known]) == (predicted != unknown)).all()
    clf.rejection_threshold_ = 0.0
    assert (clf.predict(far) == unknown).all()
    clf.rejection_threshold_ = np.inf
    assert set(clf.predict(X)) <= set(labels[known])
    with pytest.raises(ValueError, match="stands for rows of no known class"):
        clf.partial_fit(X[:2], [unknown, unknown])


def test_classifier_in_a_grid_search():
    search = GridSearchCV(classifier(max_iter=5), {"n_neighbors": [None, 3]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


# --- pictures and series ----------------------------------------------------------------------


def test_pictures():
    settings = {"image_shape": (8, 8), "max_iter": 4}
    grey = make(**settings).fit(PICTURES[:300], NUMBERS[:300])
    flat = make(**settings).fit(PICTURES[:300].reshape(300, -1), NUMBERS[:300])
    with_channel = make(max_iter=4).fit(PICTURES[:300, ..., None], NUMBERS[:300])
    expected = grey.transform(PICTURES[:20])
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(expected, flat.transform(PICTURES[:20].reshape(20, -1)))
    np.testing.assert_array_equal(expected, with_channel.transform(PICTURES[:20, ..., None]))
    np.testing.assert_allclose(expected[7:8], grey.transform(PICTURES[7:8]), atol=1e-5)


@pytest.mark.parametrize(
    "data, params",
    [
        ((PICTURES[:200], NUMBERS[:200]), {"image_shape": (8, 8)}),
        ((X32, y), {}),
        ((X32, y), {"encoder": "lstm", "hidden_layer_sizes": 8}),
        ((X32, y), {"encoder": "conv"}),
    ],
)
def test_mixed_precision_on_request(data, params):
    settings = {"max_iter": 3, "n_components": 32, "amp": True} | params
    mixed, again, full = (make(**settings | {"amp": amp}).fit(*data) for amp in (True, True, False))
    rows = data[0]
    Z = mixed.transform(rows)
    np.testing.assert_array_equal(Z, again.transform(rows))
    other = full.transform(rows)
    assert Z.dtype == other.dtype and not np.array_equal(Z, other)
    near = np.linalg.norm(Z - other, axis=1)  # of unit vectors; of unlike ones it is about 1.4
    assert np.median(near) < 0.5


def test_learning_rate_suits_the_encoder():
    rows = {"image_shape": (8, 8), "max_iter": 1}, PICTURES[:100], NUMBERS[:100]
    flat = rows[0], PICTURES[:100].reshape(100, -1), NUMBERS[:100]
    for (params, A, labels), rate in ((rows, 0.01), (flat, 0.01), (({"max_iter": 1}, X, y), 0.005)):
        auto = make(**params).fit(A, labels).transform(A)
        given = make(**params, learning_rate_init=rate).fit(A, labels).transform(A)
        np.testing.assert_array_equal(auto, given)


def test_bytes_are_like_numbers():
    settings = {"image_shape": (8, 8), "max_iter": 2, "augment": None, "amp": False}
    as_bytes = DIGITS.images[:200].astype(np.uint8)
    first = make(**settings).fit(as_bytes, NUMBERS[:200]).transform(as_bytes)
    numbers = as_bytes.astype(np.float32)
    second = make(**settings).fit(numbers, NUMBERS[:200]).transform(numbers)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_pairs_and_triplets_of_pictures():
    numbers = RNG.randint(200, size=(100, 2))
    same = NUMBERS[numbers[:, 0]] == NUMBERS[numbers[:, 1]]
    est = make(image_shape=(8, 8), max_iter=2).fit_pairs(PICTURES[numbers], same)
    assert est.pair_distance(PICTURES[numbers]).shape == (100,)
    triplets = triplets_of(NUMBERS[:200], 50)
    est.fit_triplets(triplets, X=PICTURES[:200])
    assert est.pair_distance(numbers, X=PICTURES[:200]).shape == (100,)


@pytest.mark.parametrize("augment", [None, "affine", "affine_turns"])
def test_augmentation_is_the_seeds(augment):
    settings = {"image_shape": (8, 8), "max_iter": 2, "augment": augment}
    first, second = (make(**settings).fit(PICTURES[:200], NUMBERS[:200]) for _ in "ab")
    Z = first.transform(PICTURES)
    np.testing.assert_array_equal(Z, second.transform(PICTURES))
    other = make(**settings | {"augment": "affine" if augment is None else None})
    assert not np.array_equal(Z, other.fit(PICTURES[:200], NUMBERS[:200]).transform(PICTURES))


@pytest.mark.filterwarnings("ignore:.* classes in y have 1 row")
def test_auto_turns_pictures_of_many_classes():
    many = np.arange(300) % 120
    settings = {"image_shape": (8, 8), "max_iter": 1}
    auto = make(**settings).fit(PICTURES[:300], many)
    turned = make(**settings, augment="affine_turns").fit(PICTURES[:300], many)
    np.testing.assert_array_equal(auto.transform(PICTURES), turned.transform(PICTURES))


def series(n=60):
    rng = np.random.RandomState(0)
    labels = np.arange(n) % 3
    lengths = rng.randint(12, 20, n)
    return [
        np.sin(np.arange(length) * (c + 1) / 2 + rng.uniform(6))[:, None] + 0.1
        for length, c in zip(lengths, labels)
    ], labels


def test_series_of_unequal_length():
    rows, labels = series()
    est = make(max_iter=10).fit(rows, labels)
    Z = est.transform(rows)
    assert Z.shape == (60, 8)
    np.testing.assert_allclose(est.transform(rows[:3]), Z[:3], atol=1e-5)
    assert KNeighborsClassifier(1).fit(Z[::2], labels[::2]).score(Z[1::2], labels[1::2]) > 0.6


def test_recurrent_encoder():
    rows, labels = series()
    est = make(encoder="lstm", hidden_layer_sizes=16, max_iter=15).fit(rows, labels)
    Z = est.transform(rows)
    assert KNeighborsClassifier(1).fit(Z[::2], labels[::2]).score(Z[1::2], labels[1::2]) > 0.6
    np.testing.assert_allclose(est.transform(rows[:3]), Z[:3], atol=1e-5)
    assert make(encoder="lstm", hidden_layer_sizes=4, max_iter=2).fit(X, y).n_features_in_ == 4
    with pytest.raises(ValueError, match="encoder='lstm' is for vectors and series"):
        make(encoder="lstm", image_shape=(8, 8)).fit(PICTURES[:50], NUMBERS[:50])


def test_memory_map(tmp_path):
    np.save(tmp_path / "x.npy", PICTURES[:200])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    settings = {"image_shape": (8, 8), "max_iter": 2}
    first = make(**settings).fit(mapped, NUMBERS[:200]).transform(mapped)
    second = make(**settings).fit(PICTURES[:200], NUMBERS[:200]).transform(PICTURES[:200])
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_files_without_code(tmp_path):
    pytest.importorskip("safetensors")
    clf = classifier(image_shape=(8, 8), max_iter=1, n_neighbors=2, rejection_rate=0.1)
    clf.fit(PICTURES[:200], NUMBERS[:200])
    save(clf, tmp_path / "model")
    again = load(tmp_path / "model")
    expected = clf.predict_proba(PICTURES[:50])
    np.testing.assert_array_equal(again.predict_proba(PICTURES[:50]), expected)
    again.partial_fit(PICTURES[200:210], np.full(10, 99))
    assert again.classes_[-1] == 99 and clf.classes_[-1] == 9


# --- bad input --------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("build", [make, classifier])


@BOTH
@pytest.mark.parametrize(
    "labels, message",
    [
        (np.zeros(150, int), "y holds 1 class"),
        (np.linspace(0, 1, 150), "Unknown label type"),
        (np.eye(3)[y], "1d array"),
        (y[:100], "inconsistent numbers of samples"),
    ],
)
def test_bad_classes(build, labels, message):
    with pytest.raises(ValueError, match=message):
        build().fit(X, labels)


@BOTH
def test_classes_of_one_row_each(build):
    with pytest.raises(ValueError, match="Each of the 20 classes in y has 1 row"):
        build().fit(X[:20], np.arange(20))


@BOTH
def test_a_class_with_one_row_is_a_warning(build):
    labels = y.copy()
    labels[0] = 9
    with pytest.warns(UserWarning, match="1 of 4 classes in y have 1 row"):
        est = build(max_iter=2).fit(X, labels)
    assert est.classes_.tolist() == [0, 1, 2, 9]


def test_no_rows_to_hold_out_is_a_warning():
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        make(early_stopping=True, max_iter=2).fit(X[:4], [0, 0, 1, 1])
    with pytest.warns(UserWarning, match="validation_fraction=0"):
        make(early_stopping=True, max_iter=2, validation_fraction=0).fit(X, y)


@pytest.mark.parametrize(
    "pairs, labels, message",
    [
        ([[X[0], X[1, :3]]], [1], "pairs of unequal shape"),
        (X[:10], y[:10], r"pairs of shape \(10, 4\)"),
        (X[triplets_of(y, 4)], [1, 0, 1, 0], r"pairs of shape \(4, 3, 4\)"),
        (X[PAIRS][:0], [], "0 sample"),
        (X[PAIRS], np.where(SAME, 2, 1), r"y holds \[1, 2\]: expected 1 for similar"),
        (X[PAIRS], np.where(SAME, 0, -1), r"y holds \[-1, 0\]"),
        (X[PAIRS], np.where(SAME, "s", "d"), r"y holds \['d', 's'\]"),
        (X[PAIRS], np.ones(300), "y holds only 1.0: expected similar and dissimilar"),
        (X[PAIRS], SAME[:10], "300 pairs"),
        (X[PAIRS] * np.nan, SAME, "NaN"),
    ],
)
def test_bad_pairs(pairs, labels, message):
    with pytest.raises(ValueError, match=message):
        make().fit_pairs(pairs, labels)


@pytest.mark.parametrize(
    "pairs, message",
    [
        (PAIRS + 1, "X has 150 rows: expected numbers from 0 to 149"),
        (PAIRS - 1, "pairs name the rows -1 to"),
        (PAIRS.astype(float), "type float64"),
        (X[PAIRS], r"expected row numbers of shape \(n_pairs, 2\)"),
        (PAIRS[:0], "pairs is empty"),
    ],
)
def test_bad_row_numbers(pairs, message, fitted):
    with pytest.raises(ValueError, match=message):
        make().fit_pairs(pairs, SAME, X=X)
    with pytest.raises(ValueError, match=message):
        fitted.pair_distance(pairs, X=X)


def test_other_bad_input(fitted):
    with pytest.raises(ValueError, match="triplets of shape"):
        make().fit_triplets(X[PAIRS])
    with pytest.raises(ValueError, match="loss='triplet' cannot be made of pairs"):
        make(loss="triplet").fit_pairs(PAIRS, SAME, X=X)
    with pytest.raises(ValueError, match="loss='prototypical' cannot be made of triplets"):
        make(loss="prototypical").fit_triplets(triplets_of(y, 9), X=X)
    with pytest.raises(ValueError, match="X has 3 features"):
        fitted.pair_distance(X[PAIRS][..., :3])
    with pytest.raises(ValueError, match="strategy='best'"):
        fitted.calibrate_threshold(PAIRS, SAME, X=X, strategy="best")
    with pytest.raises(ValueError, match="beta=-1"):
        fitted.calibrate_threshold(PAIRS, SAME, X=X, strategy="f_beta", beta=-1)
    with pytest.raises(ValueError, match="min_rate=2"):
        fitted.calibrate_threshold(PAIRS, SAME, X=X, min_rate=2)
    with pytest.raises(ValueError, match="augment='affine' is for images"):
        make(augment="affine").fit(X, y)
    with pytest.raises(ValueError, match="encoder made"):
        make(encoder=torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Flatten(0))).fit(X, y)
    with pytest.raises(ValueError, match="needs rows of one length"):
        make(encoder="dense").fit(*series())
    with pytest.raises(ValueError, match="'y_val' has also"):
        make().fit(X, y, X_val=X[:2], y_val=[0, 5])


def test_bad_labels_of_new_classes():
    clf = classifier(max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="expected the same kind"):
        clf.partial_fit(X[:2], ["a", "b"])
    with pytest.raises(ValueError, match="not in `classes`"):
        clf.partial_fit(X[:2], [0, 5], classes=[0, 1, 2])
    clf.set_params(n_neighbors=2)
    with pytest.raises(ValueError, match="fitted with n_neighbors=None"):
        clf.predict(X)
    with pytest.raises(ValueError, match="stands for rows of no known class"):
        classifier(rejection_rate=0.1).fit(X, y - 1)


@pytest.mark.parametrize("method", ["fit_pairs", "calibrate_threshold"])
def test_a_failed_call_changes_nothing(method, fitted):
    est = clone(fitted).fit(X, y)
    expected, attributes = est.transform(X), dict(vars(est))
    with pytest.raises(ValueError):
        getattr(est, method)(X[PAIRS], np.full(300, 3))
    assert vars(est) == attributes
    np.testing.assert_array_equal(est.transform(X), expected)


def test_a_monitor_scores_each_epoch_and_changes_nothing():
    monitor = ScoringMonitor(scoring={"accuracy": lambda clf, X, y: clf.score(X, y)})
    watched = classifier(max_iter=4).set_callbacks(monitor).fit(X, y)
    scores = [e["accuracy"] for e in monitor.get_logs().data if e["task_name"] == "epoch"]
    alone = classifier(max_iter=4).fit(X, y)
    np.testing.assert_array_equal(watched.predict_proba(X), alone.predict_proba(X))
    assert len(scores) == 4 and scores[-1] == pytest.approx(alone.score(X, y), abs=0.02)


def test_no_fit_of_pairs_leaves_classes_or_labels_of_another():
    est = make(max_iter=2).fit(X, y)
    est.fit_pairs(PAIRS, np.where(np.asarray(SAME) > 0, 1, 0), X=X)
    assert not hasattr(est, "classes_") and est.pair_labels_.tolist() == [0, 1]
    assert est.fit(X, y).pair_labels_.tolist() == [-1, 1]
