"""Figures of reports about synthetic rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from skdeep.metrics import synthesis_report
from skdeep.plotting import SynthesisReportDisplay

plt = pytest.importorskip("matplotlib.pyplot")


def table(seed, n_columns=2):
    rng = np.random.default_rng(seed)
    numbers = {f"x{j}": rng.normal(size=120) for j in range(n_columns)}
    return pd.DataFrame({**numbers, "kind": rng.choice(list("ab"), 120)})


class Generator:
    def sample(self, n_samples):
        return table(7)[:n_samples]


def test_panels_show_the_report():
    real, made, held_out = (table(seed) for seed in range(3))
    report = synthesis_report(real, made, held_out)
    display = SynthesisReportDisplay.from_rows(real, made, held_out)
    bars = [bar.get_width() for bar in display.axes_[0, 0].patches]
    np.testing.assert_allclose(bars, report.shapes)
    np.testing.assert_allclose(display.axes_[0, 1].images[0].get_array(), report.trends)
    first, second = display.axes_[1, 0].get_lines()
    np.testing.assert_allclose(first.get_xdata(), report.utility["real"])
    np.testing.assert_allclose(second.get_xdata(), report.utility["synthetic"])
    assert f"{report.summary.loc['membership AUC', 'synthetic']:.3f}" in (
        display.figure_.get_suptitle()
    )
    plt.close("all")


def test_from_estimator_samples():
    display = SynthesisReportDisplay.from_estimator(Generator(), table(0), table(1), max_rows=100)
    labels = [t.get_text() for t in display.axes_[0, 0].get_yticklabels()]
    assert labels == ["x0", "x1", "kind"]
    plt.close("all")


def test_many_columns_have_room():
    names = [f"x{j}" for j in range(45)]
    half = pd.Series(0.5, index=names)
    summary = pd.DataFrame(
        0.5,
        index=["two-sample AUC", "membership AUC", "nearest to real"],
        columns=["synthetic", "reference"],
    )
    report = Bunch(
        summary=summary,
        shapes=half,
        trends=pd.DataFrame(0.5, index=names, columns=names),
        utility=pd.DataFrame({"real": half, "synthetic": half}),
        attributes=pd.DataFrame({"real": half, "held_out": half}),
    )
    display = SynthesisReportDisplay(report=report).plot(cmap="gray")
    assert 10 < len(display.axes_[1, 1].get_yticks()) <= 20
    plt.close("all")
