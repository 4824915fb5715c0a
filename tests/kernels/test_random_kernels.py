"""`RandomKernels`: features against plain loops, inputs, missing values, scikit-learn's rules."""

import itertools
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from skdeep import persistence
from skdeep.kernels.draw import dilations_of, draw_channels
from skdeep.preprocessing import RandomKernels

SMALL = {"n_kernels": 700, "n_groups": 4, "random_state": 0, "device": "cpu", "own_scale": False}


def series(n=12, length=40, channels=1, seed=0):
    """Multiples of 1/8: sums of few of them are exact in single precision."""
    rng = np.random.default_rng(seed)
    return np.round(8 * rng.normal(size=(n, length, channels)).cumsum(1) / 4) / 8


def fit(X, **params):
    return RandomKernels(**SMALL | params).fit(X)


def standardised(model, x):
    """A series, (length, n_channels), as kernels see it; NaN stay."""
    return np.round(4096 * (x - model.mean_) * model.scale_) / 4096


def loops(model, x):
    """All features of a series by plain loops over kernels, biases and steps."""
    views = {False: standardised(model, x)}
    views[True] = np.diff(views[False], axis=0)
    parts = [pooled_by_loops(model, b, i % 2, views) for i, b in enumerate(model.fixed_)]
    parts += [competed_by_loops(b, views[b["difference"]]) for b in model.competing_]
    return np.concatenate(parts)


def at(x, step, channel):
    value = x[step, channel] if 0 <= step < len(x) else 0.0
    return 0.0 if np.isnan(value) else float(value)


def pooled_by_loops(model, block, turn, views):
    x, d = views[block["difference"]], block["dilation"]
    n, out = len(x), {name: [] for name in model.poolings}
    there = [not np.isnan(row).all() for row in x]
    for biases in block["biases"]:
        for kernel, places in enumerate(itertools.combinations(range(9), 3)):
            weights = [2.0 if k in places else -1.0 for k in range(9)]
            only_inside = kernel % 2 == turn and n > 8 * d
            counted, positives, run, longest = 0, [], 0, 0
            for t in range(n):
                if not there[t] or (only_inside and not 4 * d <= t < n - 4 * d):
                    run = 0
                    continue
                counted += 1
                response = sum(
                    weights[k] * at(x, t + (k - 4) * d, c)
                    for k in range(9)
                    for c in range(x.shape[1])
                    if block["channels"][kernel, c]
                )
                above = response - biases[kernel]
                run = run + 1 if above > 0 else 0
                longest = max(longest, run)
                if above > 0:
                    positives.append((t, above))
            some = max(len(positives), 1)
            found = {
                "ppv": len(positives) / max(counted, 1),
                "mean": sum(v for _, v in positives) / some,
                "index": sum(t for t, _ in positives) / some / n,
                "stretch": longest / n,
            }
            for name in model.poolings:
                out[name].append(found[name])
    return np.concatenate([out[name] for name in model.poolings])


def competed_by_loops(block, x):
    n_kernels = len(block["weights"])
    n_groups, d = n_kernels // 8, block["dilation"]
    largest, smallest = np.zeros(n_kernels), np.zeros(n_kernels)
    steps = [t for t in range(len(x)) if not np.isnan(x[t]).all()]
    for t in steps:
        responses = [
            sum(w[c, k] * at(x, t + (k - 4) * d, c) for k in range(9) for c in range(x.shape[1]))
            for w in block["weights"]
        ]
        for group in range(n_groups):
            members = range(group, n_kernels, n_groups)
            values = [responses[k] for k in members]
            for k in members:  # equals all win
                largest[k] += max(responses[k], 0) * (responses[k] == max(values))
                smallest[k] += responses[k] == min(values)
    return np.sqrt(np.concatenate([largest, smallest]) / max(len(steps), 1))


def exact(model):
    """With scale 1, mean 0 and biases between the values that responses may have, the comparison of
    a response with its bias is the same in single and in double precision."""
    model.mean_, model.scale_ = np.zeros_like(model.mean_), np.ones_like(model.scale_)
    for block in model.fixed_:
        block["biases"] = (np.floor(8 * block["biases"]) / 8 + 1 / 16).astype(np.float32)
    return model


@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_plain_loops(channels):
    X = series(channels=channels)
    model = exact(fit(X, n_kernels=340, n_groups=2))
    found = model.transform(X[:3])
    wanted = [loops(model, x) for x in X[:3]]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_missing_steps_do_not_count():
    X = series(channels=2)
    X[0, 5:9] = X[1, 20, 0] = X[2, 0] = np.nan
    model = exact(fit(X, n_kernels=340, n_groups=2, missing="mask"))
    found = model.transform(X[:3])
    # The difference of a channel to a step where it is missing is 0 where another channel is there.
    views = [standardised(model, x) for x in X[:3]]
    assert all(np.isfinite(found).ravel())
    series_only = clone(model).set_params(difference=False)
    series_only.fit(X)
    exact(series_only)
    wanted = [loops(series_only, x) for x in X[:3]]
    np.testing.assert_allclose(series_only.transform(X[:3]), wanted, rtol=1e-5, atol=1e-5)
    assert np.isnan(views[0][5:9]).all()


def test_ppv_against_convolutions_of_numpy():
    """MiniRocket's formula (Dempster et al., 2021) by `np.convolve` with dilated kernels."""
    X = series(length=50)
    model = exact(fit(X, n_kernels=84 * 14, n_groups=0, poolings=("ppv",), difference=False))
    kernels = -np.ones((84, 9))
    for row, places in zip(kernels, itertools.combinations(range(9), 3)):
        row[list(places)] = 2
    wanted = []
    for i, block in enumerate(model.fixed_):
        d = block["dilation"]
        for biases in block["biases"]:
            for k, kernel in enumerate(kernels):
                dilated = np.zeros(8 * d + 1)
                dilated[::d] = kernel
                full = np.array(
                    [np.convolve(x[:, 0], dilated[::-1])[4 * d : 4 * d + 50] for x in X]
                )
                part = full[:, 4 * d : 50 - 4 * d] if k % 2 == i % 2 else full
                wanted.append((part > biases[k]).mean(1))
    np.testing.assert_allclose(model.transform(X), np.transpose(wanted), atol=1e-5)


def test_biases_are_quantiles_of_responses_in_the_training_series():
    model = fit(series(n=200, length=60), poolings=("ppv",), n_groups=0, n_kernels=2000)
    ppv = model.transform(series(n=200, length=60))
    assert 0.4 < ppv.mean() < 0.6
    assert (ppv.std(0) > 0).mean() > 0.9


def test_lengths_and_padding():
    """A series has the same features alone, in a batch of others, and behind NaN."""
    X = [x[:n] for x, n in zip(series(8), (40, 9, 1, 17, 33, 40, 2, 28))]
    model = fit(X)
    together = model.transform(X)
    for i, x in enumerate(X):
        np.testing.assert_allclose(model.transform([x])[0], together[i], rtol=1e-5, atol=1e-6)
    padded = np.full((8, 40, 1), np.nan)
    for row, x in zip(padded, X):
        row[: len(x)] = x
    masked = fit(padded, missing="mask")
    np.testing.assert_allclose(masked.transform(padded), together, rtol=1e-5, atol=1e-6)
    assert np.isfinite(together).all()


def test_forms_of_input():
    X = series(channels=2)
    model = fit(X)
    wanted = model.transform(X)
    first = fit(X.transpose(0, 2, 1), data_format="channels_first")
    np.testing.assert_array_equal(first.transform(X.transpose(0, 2, 1)), wanted)
    np.testing.assert_allclose(model.transform(torch.tensor(X)), wanted, rtol=1e-5, atol=1e-6)
    flat = series()
    np.testing.assert_array_equal(
        fit(flat).transform(flat), fit(flat[..., 0]).transform(flat[..., 0])
    )
    whole = (8 * series()).astype(int)
    np.testing.assert_array_equal(
        fit(whole).transform(whole), fit(whole.astype(float)).transform(whole.astype(float))
    )


def test_values_far_from_zero():
    X = series()
    near, far = fit(X), fit(X + 2.0**30)
    np.testing.assert_allclose(
        far.transform(X[:4] + 2.0**30).mean(0), near.transform(X[:4]).mean(0), atol=0.2
    )
    assert np.isfinite(far.transform(X + 2.0**30)).all()


@pytest.mark.parametrize("X", [np.ones((5, 30, 1)), np.zeros((5, 1, 2)), np.ones((1, 4))])
def test_constant_and_short_series(X):
    features = fit(X).transform(X)
    assert np.isfinite(features).all()
    assert len(features) == len(X)


def test_memory_is_bounded_and_pieces_do_not_matter(monkeypatch):
    X = series(30)
    model = fit(X)
    wanted = model.transform(X)
    monkeypatch.setattr("skdeep.kernels.transformer.ROWS", 7)
    np.testing.assert_allclose(model.transform(X), wanted, rtol=1e-5, atol=1e-6)


def test_seeds():
    X = series()
    one, two, other = fit(X), fit(X), fit(X, random_state=1)
    np.testing.assert_array_equal(one.transform(X), two.transform(X))
    assert not np.array_equal(one.transform(X), other.transform(X))


def test_names_and_frames():
    X = series()[..., 0]
    model = fit(X).set_output(transform="pandas")
    frame = model.transform(X)
    names = model.get_feature_names_out()
    assert list(frame.columns) == list(names)
    assert len(set(names)) == len(names)
    assert names[0] == "series_dilation1_ppv_kernel0_bias0"
    assert names[-1].startswith("difference_dilation")
    assert frame.to_numpy().dtype == np.float32


def test_files(tmp_path):
    X = series()
    model = fit(X)
    wanted = model.transform(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).transform(X), wanted)
    persistence.save(model, tmp_path / "model")
    np.testing.assert_array_equal(persistence.load(tmp_path / "model").transform(X), wanted)


def test_a_linear_model_classifies_frequencies():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    t = np.arange(60) + rng.uniform(0, 60, (60, 1))
    X = np.sin(t / (2 + 0.7 * y[:, None])) + 0.5 * rng.normal(size=(60, 60))
    clf = make_pipeline(RandomKernels(**SMALL), StandardScaler(), RidgeClassifierCV())
    assert clf.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"poolings": ("ppv", "max")}, "poolings=.*expected some of"),
        ({"poolings": ()}, "poolings=.*expected some of"),
        ({"n_kernels": 0, "n_groups": 0}, "n_kernels=0 and n_groups=0"),
        ({"n_kernels": -1}, "n_kernels"),
    ],
)
def test_errors(params, message):
    with pytest.raises(ValueError, match=message):
        fit(series(), **params)


def test_errors_of_input():
    model = fit(series())
    with pytest.raises(ValueError, match="contains NaN"):
        fit(np.full((3, 20, 1), np.nan))
    with pytest.raises(ValueError, match="length 30, but RandomKernels is expecting the length 40"):
        model.transform(series(length=30))
    with pytest.raises(ValueError, match="2 channels"):
        model.transform(series(channels=2))
    with pytest.raises(ValueError, match="dim|shape"):
        fit(np.zeros((3, 8, 8, 1)))


def test_dilations_and_channels():
    assert dilations_of(9) == dilations_of(3) == [1]
    assert all(8 * d + 1 <= n for n in range(9, 500, 7) for d in dilations_of(n))
    assert dilations_of(1000)[-1] == 124
    drawn = draw_channels(1000, 5, np.random.RandomState(0)).sum(1)
    assert set(drawn) == {1, 2, 3, 4, 5}
    assert (drawn == 1).mean() > (drawn == 5).mean()


@pytest.mark.filterwarnings("ignore")
def test_check_estimator():
    check_estimator(RandomKernels(n_kernels=84, n_groups=2, device="cpu"))
