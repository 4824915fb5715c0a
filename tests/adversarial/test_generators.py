"""What all estimators with a generator and a critic have in common."""

import checks
import numpy as np
import pytest
from generator_data import LIGHT, SMALL, mixed_table
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep import GANOutlierDetector, GANOverSampler, ImageGAN, TabularGAN

pytestmark = [
    # The data of the checks are tiny: validation splits are refused, generators hardly trained.
    pytest.mark.filterwarnings("ignore:early_stopping=True has no effect"),
    pytest.mark.filterwarnings("ignore:The generator has collapsed"),
]


ESTIMATORS = [
    TabularGAN(**LIGHT),
    TabularGAN(**LIGHT, loss="wgan-gp", pac=2, warm_up=0.4, early_stopping=False),
    GANOutlierDetector(hidden_layer_sizes=32, max_iter=60, search_steps=3, device="cpu"),
    GANOutlierDetector(
        "lstm", hidden_layer_sizes=8, max_iter=15, search_steps=2, contamination=0.1, device="cpu"
    ),
    GANOverSampler(generator=TabularGAN(**LIGHT)),
]


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_checks(estimator, check):
    check(estimator)


OWN_CHECKS = [
    checks.check_same_seed_same_bits,
    checks.check_global_state_untouched,
    checks.check_pickle_round_trip,
    checks.check_pickle_holds_no_rows,
    checks.check_threads,
    checks.check_inputs_unchanged,
    checks.check_failed_fit_keeps_model,
    checks.check_init_only_stores,
]


@pytest.mark.parametrize("check", OWN_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[2]], ids=repr)
def test_own_checks(estimator, check):
    if check is checks.check_failed_fit_keeps_model and isinstance(estimator, GANOutlierDetector):
        pytest.skip("y is not looked at; see test_bad_windows")
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS[:3], ids=repr)
def test_read_only_memmap(estimator, tmp_path):
    checks.check_read_only_memmap(estimator, tmp_path)


@pytest.mark.parametrize("cls", [GANOverSampler, ImageGAN])
def test_init_only_stores(cls):
    checks.check_init_only_stores(cls())


@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[2], ImageGAN(**SMALL)], ids=repr)
def test_files_without_code(estimator, tmp_path, digits):
    pytest.importorskip("safetensors")
    from skdeep.persistence import load, save

    X = mixed_table(60) if isinstance(estimator, TabularGAN) else digits[0][:60]
    X = X.reshape(60, -1) if isinstance(estimator, GANOutlierDetector) else X
    fitted = clone(estimator).set_params(random_state=0).fit(X)
    save(fitted, tmp_path / "model.skdeep")
    again = load(tmp_path / "model.skdeep")
    if hasattr(fitted, "score_samples"):
        np.testing.assert_array_equal(again.score_samples(X), fitted.score_samples(X))
    if hasattr(fitted, "sample"):
        assert str(again.sample(3)) == str(fitted.sample(3))


@pytest.mark.parametrize(
    "estimator",
    [
        TabularGAN(**{**LIGHT, "max_iter": 20}, random_state=0),
        ImageGAN(**{**SMALL, "max_iter": 20}),
        GANOutlierDetector(hidden_layer_sizes=8, max_iter=20, device="cpu", random_state=0),
    ],
    ids=repr,
)
def test_interrupt_before_anything_is_finished_keeps_the_old_model(estimator, monkeypatch):
    X = load_digits().images[:40]
    X = X if isinstance(estimator, ImageGAN) else X.reshape(40, -1)[:, 20:24]
    old = estimator.fit(X).net_

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("skdeep.engine.training.Training._one_pass", interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X)
    assert estimator.net_ is old and not old.module_.training
    with pytest.warns(UserWarning, match="interrupted by user"):
        assert clone(estimator).fit(X).n_iter_ == 1


@pytest.mark.parametrize("cls", [TabularGAN, GANOutlierDetector])
def test_interrupt_ends_all_of_the_training(cls, monkeypatch):
    """Not the first of its parts alone."""
    from skdeep.engine.training import Training

    one_pass, n_passes = Training._one_pass, []

    def third_interrupted(self):
        n_passes.append(1)
        if len(n_passes) == 3:
            raise KeyboardInterrupt
        return one_pass(self)

    monkeypatch.setattr(Training, "_one_pass", third_interrupted)
    X = np.random.RandomState(0).normal(size=(40, 2))
    with pytest.warns(UserWarning, match="interrupted by user"):
        cls(hidden_layer_sizes=8, max_iter=20, random_state=0, device="cpu").fit(X)
    assert len(n_passes) == 3


@pytest.mark.parametrize("cls", [TabularGAN, GANOutlierDetector])
def test_interrupt_of_a_later_part_keeps_what_the_first_has_trained(cls, monkeypatch):
    """In another fit, too: only before anything is trained does the old model stay."""
    from skdeep.engine.training import Training

    one_pass, n_passes = Training._one_pass, []
    first = {TabularGAN: 8, GANOutlierDetector: 7}[cls]  # epochs of the warm-up, or the play

    def interrupted(self):
        n_passes.append(1)
        if len(n_passes) == first + 1:
            raise KeyboardInterrupt
        return one_pass(self)

    X = np.random.RandomState(0).normal(size=(40, 2))
    estimator = cls(hidden_layer_sizes=8, max_iter=10, random_state=0, device="cpu").fit(X)
    old = estimator.net_
    monkeypatch.setattr(Training, "_one_pass", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        estimator.fit(X)
    assert estimator.net_ is not old and estimator.n_iter_ == first + 1
