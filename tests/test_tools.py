"""Other libraries that take estimators of skdeep, or whose data skdeep takes.

Each test is skipped where its library is not installed; they were all run with the versions that
the documentation names.
"""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

import skdeep
from skdeep import CNNClassifier, MLPClassifier, MLPRegressor, RealMLPClassifier, TabularGAN

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the libraries themselves
]

X, y = load_iris(return_X_y=True, as_frame=True)
R, t = load_diabetes(return_X_y=True, as_frame=True)
KINDS = X.assign(kind=np.where(X.iloc[:, 0] > 5.8, "long", "short"))


def classifier(**params):
    return MLPClassifier(max_iter=60, learning_rate_init=0.02, random_state=0, **params)


def test_skrub():
    skrub = pytest.importorskip("skrub")
    model = make_pipeline(skrub.TableVectorizer(), classifier()).fit(KINDS, y)
    assert model.score(KINDS, y) > 0.8
    assert skrub.tabular_pipeline(classifier()).fit(KINDS, y).score(KINDS, y) > 0.8


def test_category_encoders():
    encoders = pytest.importorskip("category_encoders")
    model = make_pipeline(encoders.OneHotEncoder(cols=["kind"]), classifier()).fit(KINDS, y)
    assert model.score(KINDS, y) > 0.8


def test_feature_engine():
    imputation = pytest.importorskip("feature_engine.imputation")
    gaps = X.mask(np.random.RandomState(0).rand(*X.shape) < 0.1)
    model = make_pipeline(imputation.MeanMedianImputer(), classifier()).fit(gaps, y)
    assert model.score(gaps, y) > 0.7


def test_fairlearn():
    reductions = pytest.importorskip("fairlearn.reductions")
    group = (X.iloc[:, 1] > 3).astype(int)
    fair = reductions.ExponentiatedGradient(
        classifier(), reductions.DemographicParity(), max_iter=3
    )
    fair.fit(X, (y > 0).astype(int), sensitive_features=group)
    plain = classifier().fit(X, (y > 0).astype(int))

    def gap(predicted):
        return abs(predicted[group == 1].mean() - predicted[group == 0].mean())

    assert gap(fair.predict(X, random_state=0)) < gap(plain.predict(X))


def test_lime():
    lime = pytest.importorskip("lime.lime_tabular")
    clf = classifier().fit(X.to_numpy(), y)
    explainer = lime.LimeTabularExplainer(X.to_numpy(), random_state=0)
    assert len(explainer.explain_instance(X.to_numpy()[0], clf.predict_proba).as_list()) == 4


def test_yellowbrick():
    """Of estimators that are not scikit-learn's own it has to be told what they are."""
    import matplotlib

    matplotlib.use("Agg")
    classification = pytest.importorskip("yellowbrick.classifier")
    report = classification.ConfusionMatrix(classifier(), force_model=True)
    report.fit(X, y)
    assert report.score(X, y) > 0.7


def test_cleanlab():
    cleanlab = pytest.importorskip("cleanlab.classification")
    wrong = y.to_numpy().copy()
    wrong[:3] = 2
    issues = cleanlab.CleanLearning(classifier(), cv_n_folds=3, seed=0).find_label_issues(X, wrong)
    assert issues["is_label_issue"].iloc[:3].all()


def test_mapie():
    mapie = pytest.importorskip("mapie.regression")
    train, rest, t_train, t_rest = train_test_split(R, t, test_size=0.6, random_state=0)
    conform, new, t_conform, t_new = train_test_split(rest, t_rest, random_state=0)
    reg = MLPRegressor(solver="lbfgs", max_iter=50, random_state=0).fit(train, t_train)
    split = mapie.SplitConformalRegressor(reg, confidence_level=0.8, prefit=True)
    split.conformalize(conform, t_conform)
    low, high = split.predict_interval(new)[1][:, :, 0].T
    assert 0.6 < ((low <= t_new) & (t_new <= high)).mean() < 0.95


def test_skore():
    skore = pytest.importorskip("skore")
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    report = skore.EstimatorReport(
        classifier(), X_train=train, y_train=y_train, X_test=test, y_test=y_test
    )
    assert report.metrics.accuracy() > 0.7


def test_sdmetrics():
    single = pytest.importorskip("sdmetrics.single_column")
    made = TabularGAN(max_iter=30, random_state=0).fit(KINDS).sample(150)
    assert single.TVComplement.compute(KINDS["kind"], made["kind"]) > 0.7
    first = X.columns[0]
    assert single.KSComplement.compute(KINDS[first], made[first]) > 0.6


def test_sktime():
    """A forecaster by reduction to rows of lags."""
    compose = pytest.importorskip("sktime.forecasting.compose")
    months = pd.Series(
        np.sin(np.arange(120) * 2 * np.pi / 12),
        index=pd.period_range("2000", periods=120, freq="M"),
    )
    reg = MLPRegressor(solver="lbfgs", max_iter=60, random_state=0)
    forecaster = compose.make_reduction(reg, window_length=12, strategy="recursive")
    found = forecaster.fit(months[:108], fh=range(1, 13)).predict()
    np.testing.assert_allclose(found, months[108:], atol=0.2)


def test_aeon():
    """Its arrays of series have channels first."""
    datasets = pytest.importorskip("aeon.datasets")
    series, labels = datasets.load_unit_test()
    clf = CNNClassifier(data_format="channels_first", max_iter=40, random_state=0)
    clf.fit(series, labels)
    assert clf.score(series, labels) > 0.7


def test_dask_ml():
    wrappers = pytest.importorskip("dask_ml.wrappers")
    array = pytest.importorskip("dask.array")
    rows = array.from_array(X.to_numpy(), chunks=(50, 4))
    found = wrappers.ParallelPostFit(classifier()).fit(X.to_numpy(), y).predict(rows)
    np.testing.assert_array_equal(
        found.compute(), classifier().fit(X.to_numpy(), y).predict(X.to_numpy())
    )


def test_ray():
    """Its pool as the backend of joblib, for the folds of a search."""
    ray = pytest.importorskip("ray")
    import joblib
    from ray.util.joblib import register_ray
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(classifier(), {"alpha": [1e-4, 1e-2]}, cv=3, refit=False)
    here = search.fit(X, y).cv_results_["mean_test_score"]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with joblib.parallel_config("ray", n_jobs=2):
            there = search.fit(X, y).cv_results_["mean_test_score"]
    finally:
        ray.shutdown()
    np.testing.assert_array_equal(there, here)


SERIES = np.random.RandomState(0).rand(60, 20, 2).astype("f")
IDS = (SERIES[:, :, 0] * 49).astype(int)
DIGITS, NUMBERS = (array[:200] for array in load_digits(return_X_y=True))
HALVES = np.arange(60) % 2
EXPORTED = {  # class, parameters, X, y; X of an autoencoder goes into its network as it is
    "MLPClassifier": ({}, X.to_numpy("f"), y),
    "MLPRegressor": ({}, R.to_numpy("f"), t),
    "RealMLPClassifier": ({"n_estimators": 2}, X.to_numpy("f"), y),
    "RealMLPRegressor": ({"n_estimators": 2}, R.to_numpy("f"), t),
    "TabMClassifier": ({}, X.to_numpy("f"), y),
    "TabMRegressor": ({}, R.to_numpy("f"), t),
    "CNNClassifier": ({"kernels": None}, SERIES, HALVES),
    "CNNClassifier images": ({"image_shape": (8, 8)}, DIGITS, NUMBERS),
    "CNNRegressor": ({}, SERIES, HALVES / 3),
    "LSTMClassifier": ({"kernels": None}, SERIES, HALVES),
    "LSTMClassifier tokens": ({"vocabulary_size": 50}, IDS, HALVES),
    "LSTMRegressor": ({}, SERIES, HALVES / 3),
    "SiameseTransformer": ({}, X.to_numpy("f"), y),
    "SiameseClassifier": ({}, X.to_numpy("f"), y),
    "RBM": ({"n_components": 5}, (DIGITS > 8).astype("f"), None),
    "Autoencoder": ({"hidden_layer_sizes": (8, 2)}, X.to_numpy("f"), None),
    "VariationalAutoencoder": ({"n_components": 2}, X.to_numpy("f"), None),
}


@pytest.mark.parametrize("case", EXPORTED)
def test_torch_export(case):
    """The network of a fitted estimator as a program, for what it was given in a prediction."""
    import torch

    params, rows, target = EXPORTED[case]
    name = case.partition(" ")[0]
    limit = {} if name == "RBM" else {"max_iter": 1}
    estimator = getattr(skdeep, name)(**params, **limit, random_state=0, device="cpu")
    estimator.fit(rows, target) if target is not None else estimator.fit(rows)
    module, given = estimator.net_.module_.eval(), []
    hook = module.register_forward_pre_hook(
        lambda _, args, kwargs: given.append((args, kwargs)), with_kwargs=True
    )
    if "utoencoder" in name:
        module(torch.as_tensor(rows[:10]))
    elif name in ("RBM", "SiameseTransformer"):
        estimator.transform(rows[:10])
    else:
        estimator.predict(rows[:10])
    hook.remove()
    args, kwargs = given[0]
    with torch.no_grad():
        program = torch.export.export(module, args, kwargs).module()
        torch.testing.assert_close(program(*args, **kwargs), module(*args, **kwargs))


def test_polars():
    polars = pytest.importorskip("polars")
    clf = RealMLPClassifier(max_iter=5, n_estimators=2, random_state=0)
    frame = polars.DataFrame(KINDS.to_dict("list"))
    np.testing.assert_array_equal(
        clf.fit(frame, y).predict_proba(frame), clf.fit(KINDS, y).predict_proba(KINDS)
    )


@pytest.mark.parametrize("name", ["torchvision", "kornia"])
def test_augmentations(name):
    pytest.importorskip(name)
    if name == "torchvision":
        from torchvision.transforms.v2 import RandomRotation as Rotation
    else:
        from kornia.augmentation import RandomRotation as Rotation
    images, labels = load_digits(return_X_y=True)
    clf = CNNClassifier(image_shape=(8, 8), augment=[Rotation(10.0)], max_iter=3, random_state=0)
    assert clf.fit(images[:600], labels[:600]).score(images[600:], labels[600:]) > 0.7


NOTEBOOK = """
from sklearn.datasets import load_iris
from skdeep import MLPClassifier
from skdeep.callbacks import ProgressBar
X, y = load_iris(return_X_y=True)
clf = MLPClassifier(max_iter=20, random_state=0).set_callbacks(ProgressBar(every=1e-9))
clf.fit(X, y)
"""


def test_jupyter():
    """Bars if ipywidgets is installed, lines if not."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cell = nbformat.v4.new_code_cell(NOTEBOOK)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    lines = "".join(output.get("text", "") for output in cell.outputs)
    if importlib.util.find_spec("ipywidgets"):
        assert "MLPClassifier - fit" not in lines
        assert "MLPClassifier - fit" in str(notebook.metadata["widgets"])
    else:
        assert "MLPClassifier - fit: done after" in lines


@pytest.mark.parametrize("name", ["BaggingClassifier", "SelfTrainingClassifier"])
def test_scikit_learns_that_hand_on_arrays(name):
    """Two of its meta-estimators make an array of a frame: columns of text are encoded before."""
    some = y.where(np.arange(150) % 2 == 0, -1)
    inner = classifier()
    outer = {
        "BaggingClassifier": BaggingClassifier(inner, 3, random_state=0),
        "SelfTrainingClassifier": SelfTrainingClassifier(inner),
    }[name]
    target = some if name == "SelfTrainingClassifier" else y
    with pytest.raises(ValueError, match="could not convert string to float: '(short|long)'"):
        clone(outer).fit(KINDS, target)
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder=StandardScaler())
    assert make_pipeline(encoder, outer).fit(KINDS, target).score(KINDS, y) > 0.8


def test_shap():
    shap = pytest.importorskip("shap")
    clf = RealMLPClassifier(max_iter=10, n_estimators=2, random_state=0).fit(X, y)
    explainer = shap.Explainer(clf.predict_proba, X.iloc[:40])
    values = explainer(X.iloc[:2])
    sums = values.values.sum(1) + values.base_values
    np.testing.assert_allclose(sums, clf.predict_proba(X.iloc[:2]), atol=1e-6)


def test_statsmodels():
    """A Series with an index of dates, such as its data sets have."""
    datasets = pytest.importorskip("statsmodels.datasets")
    from skdeep.forecast import Forecaster

    sunspots = datasets.sunspots.load_pandas().data["SUNACTIVITY"]
    sunspots.index = pd.period_range("1700", periods=len(sunspots), freq="Y")
    from sklearn.linear_model import Ridge

    found = Forecaster(Ridge(), horizon=5).fit(sunspots[:300]).predict()
    assert found.index.equals(sunspots.index[300:305])


def test_imbalanced_learn():
    pipeline = pytest.importorskip("imblearn.pipeline")
    sampling = pytest.importorskip("imblearn.over_sampling")
    few = np.r_[0:50, 50:60]
    model = pipeline.make_pipeline(sampling.RandomOverSampler(random_state=0), classifier())
    assert model.fit(X.iloc[few], y.iloc[few]).score(X.iloc[:100], y.iloc[:100]) > 0.9
