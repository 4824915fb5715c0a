"""Files of generators: what `sample` makes of given noise."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from agreement import assert_close, session
from rows import SIZES, rng

from skdeep import GANOverSampler, ImageGAN, TabularGAN
from skdeep.adversarial.base import noise_for
from skdeep.adversarial.image_play import draw_codes
from skdeep.onnx import to_onnx

pytestmark = pytest.mark.filterwarnings("ignore")  # of generators that are hardly trained
DIGITS = load_digits()
N = 400


def table():
    draws = rng()
    with_gaps = np.where(draws.random(N) < 0.2, np.nan, draws.normal(size=N).round(2))
    counts = draws.integers(0, 50, N)
    return pd.DataFrame(
        {
            "a size": draws.normal(size=N),
            "single": draws.normal(size=N).astype(np.float32),
            "count": draws.poisson(3, N),
            "even": 2 * draws.integers(-200, 200, N),
            "number": draws.integers(0, 2**60, N) * 4,
            "few of many": draws.choice(draws.integers(-(2**62), 2**62, 40), N),
            "kind": draws.choice(["x", "y", "z w"], N),
            "pooled": draws.choice([f"level {i}" for i in range(40)], N),
            "flag": draws.random(N) > 0.5,
            "code": pd.Categorical(draws.choice([3, 5, 9], N)),
            "share": pd.Categorical(draws.choice([0.5, 1.5], N)),
            "with gaps": with_gaps,
            "nothing": np.full(N, np.nan),
            "text with gaps": np.where(np.isnan(with_gaps), None, np.array(["p", "q"])[counts % 2]),
            "count with gaps": pd.array(np.where(np.isnan(with_gaps), None, counts), dtype="Int64"),
        }
    )


def gan(X, y=None, **parameters):
    options = {"hidden_layer_sizes": (16,), "max_iter": 2, "max_categories": 10, "n_bins": 12}
    return TabularGAN(random_state=0, device="cpu", **{**options, **parameters}).fit(X, y)


def plain(values):
    """A column of a sample as ONNX has it: texts are never missing, numbers are NaN."""
    values = pd.Series(values)
    if values.dtype == object or isinstance(values.dtype, pd.StringDtype):
        return values.fillna("").astype(str).to_numpy(dtype=object)
    if values.isna().any():
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.to_numpy()


def noise_of(generator, n, n_columns):
    """What `RowGenerator.sample` draws, as a file takes it."""
    draws = [torch.rand(2, n, generator=generator).T for _ in range(n_columns)]
    return torch.cat(draws, 1).numpy()


def test_tables():
    frame = table()
    model = gan(frame)
    proto = to_onnx(model, None)
    run = session(proto)
    assert [output.name for output in run.get_outputs()] == list(frame.columns)
    for n in SIZES:
        found = run.run(None, {"noise": noise_of(noise_for(model, 3), n, frame.shape[1])})
        positions = model.net_.module_.generator.sample(n, noise_for(model, 3)).double().numpy()
        for values, modes, column in zip(found, model.modes_, positions.T):
            assert values.shape == (n, 1)
            expected = plain(modes.decode(column))
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(values[:, 0], expected, rtol=1e-12, atol=1e-12)
            else:
                assert values[:, 0].tolist() == expected.tolist()
    sample = model.sample(7, random_state=3)
    found = run.run(None, {"noise": noise_of(noise_for(model, 3), 7, frame.shape[1])})
    for values, name in zip(found, frame.columns):
        assert_close(values[:, 0], plain(sample[name]), 1e-12)


def test_arrays_and_a_target():
    X, y = rng().normal(size=(N, 2)), np.array(["u", "v"])[np.arange(N) % 2]
    model = gan(X, y, hidden_layer_sizes=(8, 8))
    run = session(to_onnx(model, None))
    assert [output.name for output in run.get_outputs()] == ["x0", "x1", "target"]
    found = run.run(None, {"noise": noise_of(noise_for(model, 3), 7, 3)})
    assert np.concatenate(found, 1).tolist() == model.sample(7, random_state=3).tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.date_range("2020", periods=N), r"column 'when' holds dates or times \(instant\)"),
        ([datetime.date(2020, 1, 1 + i % 28) for i in range(N)], r"dates or times \(date\)"),
        (pd.to_timedelta(np.arange(N), "s"), r"dates or times \(duration\)"),
        ([decimal.Decimal(i) / 8 for i in range(N)], "column 'when' holds decimals"),
        (np.arange(N, dtype=np.uint64) * 3 + 2**63, "column 'when' holds integers beyond"),
        (pd.Categorical(pd.date_range("2020", periods=3)[np.arange(N) % 3]), "such as Timestamp"),
    ],
)
def test_columns_that_onnx_has_not(values, message):
    frame = pd.DataFrame({"n": rng().normal(size=N), "when": values})
    with pytest.raises(ValueError, match=message):
        to_onnx(gan(frame, max_iter=1), None)


@pytest.mark.parametrize("recipe", ["r3gan", "dcgan"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", ["numbers", "texts", "clusters", "one kind"])
def test_images(kind, data_format, recipe):
    X, y = DIGITS.images[:N, :, :7], DIGITS.target[:N]
    if kind == "texts":
        X, y = X.astype(np.uint8), np.array(list("abcdefghij"))[y]
    if kind in ("clusters", "texts"):  # of three channels
        X = np.stack([X, X[:, ::-1], X.mean((1, 2), keepdims=True) + 0 * X], -1).astype(X.dtype)
        X = X if data_format == "channels_last" else np.moveaxis(X, -1, 1)
    model = ImageGAN(
        recipe,
        channels=(8, 4),
        n_clusters=3 if kind == "clusters" else 1,
        data_format=data_format,
        max_iter=1,
        random_state=0,
        device="cpu",
    ).fit(X, None if kind in ("clusters", "one kind") else y)
    run = session(to_onnx(model, None))
    if kind in ("numbers", "texts"):
        classes = json.loads(run.get_modelmeta().custom_metadata_map["classes"])
        assert classes == model.classes_.tolist()
    for n in (1, 7, 300):
        labels = y[:n] if kind in ("numbers", "texts") else None
        noise = noise_for(model, 3)
        kinds = model._kinds(labels, n, noise)
        feed = {"noise": draw_codes(model.net_.module_, n, noise).numpy()}
        if labels is not None:
            feed["y"] = labels[:, None].astype(object if kind == "texts" else labels.dtype)
        elif kinds is not None:  # a place in the middle of the share of each cluster
            share = model._kind_share
            middle = (np.cumsum(share) - share / 2)[kinds.numpy()]
            feed["cluster_noise"] = middle[:, None].astype(np.float32)
        (found,) = run.run(None, feed)
        expected = model.sample(n, y=labels, random_state=3)
        expected = expected[0] if labels is not None else expected
        assert found.dtype == X.dtype
        if X.dtype == np.uint8:  # rounding to whole numbers may go either way
            assert np.abs(found.astype(int) - expected).max() <= 1
            assert (found == expected).mean() > 0.99
        else:
            assert_close(found, expected)


def test_flat_images_of_a_range():
    X = -1000 + DIGITS.data[:N]
    model = ImageGAN(image_shape=(8, 8), channels=(8, 4), max_iter=1, random_state=0, device="cpu")
    model.set_params(n_clusters=1).fit(X)
    codes = draw_codes(model.net_.module_, 7, noise_for(model, 3)).numpy()
    (found,) = session(to_onnx(model, None)).run(None, {"noise": codes})
    assert_close(found + 1000, model.sample(7, random_state=3) + 1000)


def test_generators_take_no_rows():
    model = gan(rng().normal(size=(N, 2)), max_iter=1)
    with pytest.raises(ValueError, match="'sample' of TabularGAN takes no rows: expected X=None"):
        to_onnx(model, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="sample of a TabularGAN has no argument 'conditions'"):
        to_onnx(model, None, methods={"sample": {"conditions": {0: 1}}})
    with pytest.raises(ValueError, match="score_samples of a TabularGAN cannot be written"):
        to_onnx(model, np.zeros((2, 2)), methods=["score_samples"])


def test_a_sampler_cannot_be_written():
    X, y = rng().normal(size=(60, 3)), np.arange(60) % 3 == 0
    sampler = GANOverSampler(generator=TabularGAN(max_iter=1), random_state=0)
    sampler.fit_resample(X, y)
    with pytest.raises(ValueError, match="GANOverSampler acts in fit alone: .* `generator_`"):
        to_onnx(sampler, X)
