"""A study belongs to the code that its scores are from."""

import functools
import os
import subprocess
import sys
import textwrap

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdeep.tuning import OptunaSearchCV
from skdeep.tuning._describe import describe
from skdeep.tuning._optuna import open_storage

EDITS = {  # what a user might have written, before and after
    "body": ("def f(e, X, y): return 0.1", "def f(e, X, y): return 0.9"),
    "default": ("def f(e, X, y, a=1): return a", "def f(e, X, y, a=2): return a"),
    "keyword": ("def f(e, X, y, *, a=1): return a", "def f(e, X, y, *, a=2): return a"),
    "lambda": ("f = lambda e, X, y: 0.1", "f = lambda e, X, y: 0.9"),
    "operator": ("f = lambda e, X, y: len(y) + 1", "f = lambda e, X, y: len(y) - 1"),
    "attribute": ("f = lambda e, X, y: e.coef_", "f = lambda e, X, y: e.bias_"),
    "closure": (
        "def make(a):\n    return lambda e, X, y: a\nf = make(1)",
        "def make(a):\n    return lambda e, X, y: a\nf = make(2)",
    ),
    "helper": (
        "def g(): return 1\ndef f(e, X, y): return g()",
        "def g(): return 2\ndef f(e, X, y): return g()",
    ),
    "constant": ("A = 1\ndef f(e, X, y): return A", "A = 2\ndef f(e, X, y): return A"),
    "inner": (
        "def f(e, X, y):\n    return max(map(lambda v: v + 1, y))",
        "def f(e, X, y):\n    return max(map(lambda v: v + 2, y))",
    ),
    "partial": (
        "from functools import partial\nf = partial(lambda e, X, y, a: a, a=1)",
        "from functools import partial\nf = partial(lambda e, X, y, a: a, a=2)",
    ),
    "method": (
        "class f:\n    def fit(self): return 1",
        "class f:\n    def fit(self): return 2",
    ),
    "class method": (
        "class f:\n    @classmethod\n    def fit(cls): return 1",
        "class f:\n    @classmethod\n    def fit(cls): return 2",
    ),
    "property": (
        "class f:\n    @property\n    def fit(cls): return 1",
        "class f:\n    @property\n    def fit(cls): return 2",
    ),
    "class attribute": ("class f: a = 0.1", "class f: a = 0.9"),
    "base": (
        "class b:\n    def fit(self): return 1\nclass f(b): pass",
        "class b:\n    def fit(self): return 2\nclass f(b): pass",
    ),
    "instance": (
        "class c:\n    def __call__(self): return 1\nf = c()",
        "class c:\n    def __call__(self): return 2\nf = c()",
    ),
    "state": (
        "class c:\n    def __init__(self, a): self.a = a\nf = c(1)",
        "class c:\n    def __init__(self, a): self.a = a\nf = c(2)",
    ),
    "cached": (
        "import functools\n@functools.cache\ndef f(e): return 1",
        "import functools\n@functools.cache\ndef f(e): return 2",
    ),
    "wrapped": (
        "import functools\ndef w(g):\n    @functools.wraps(g)\n    def h(*a): return g(*a)\n"
        "    return h\n@w\ndef f(e): return 1",
        "import functools\ndef w(g):\n    @functools.wraps(g)\n    def h(*a): return g(*a)\n"
        "    return h\n@w\ndef f(e): return 2",
    ),
    "module": (
        "import torch\nclass N(torch.nn.Module):\n    def forward(self, x): return x\nf = N",
        "import torch\nclass N(torch.nn.Module):\n    def forward(self, x): return 2 * x\nf = N",
    ),
}


def written(source):
    namespace = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace["f"]


@pytest.mark.parametrize("edit", EDITS)
def test_edits_are_seen(edit):
    before, after = EDITS[edit]
    assert describe(written(before)) == describe(written(before))
    assert describe(written(before)) == describe(written("\n\n" + before))  # it only moved
    assert describe(written(before)) != describe(written(after))


def test_where_edits_may_be():
    one, two = (written(EDITS["body"][i]) for i in (0, 1))
    for wrap in (
        lambda f: make_scorer(f),
        lambda f: {"a": f},
        lambda f: functools.partial(f, y=1),
        lambda f: make_pipeline(FunctionTransformer(f), LogisticRegression()),
        lambda f: [f, f],
    ):
        assert describe(wrap(one)) == describe(wrap(one)) != describe(wrap(two))


def test_settings_are_seen():
    long, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1.0  # `repr` does not show it
    pairs = [
        (FunctionTransformer(kw_args={"a": long}), FunctionTransformer(kw_args={"a": other})),
        (make_scorer(fbeta_score, beta=1), make_scorer(fbeta_score, beta=2)),
        (StandardScaler(), StandardScaler(with_mean=False)),
        (norm(0, 1), norm(5, 1)),
        (np.random.RandomState(0), np.random.RandomState(1)),
        (1, 1.0),
        (True, 1),
    ]
    for one, two in pairs:
        assert describe(one) == describe(one) != describe(two)


def test_same_text_in_another_process():
    source = textwrap.dedent(
        """
        from skdeep.tuning._describe import describe
        def f(e, X, y, a={"b", "c", "d"}):
            return y in {"p", "q", "r"} or g
        g = frozenset({"s", "t", "u"}),
        class C:
            a = {"x", "y", "z"}
            def fit(self, b={"x": {"k", "l"}}): return f
        print(describe([f, C, C(), C().fit]))
        """
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", source],
            capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1


def test_resuming(data, tmp_path):
    def run(edited, study=None):
        search = OptunaSearchCV(
            LogisticRegression(),
            {"C": FloatDistribution(0.1, 1.0)},
            n_trials=2,
            cv=2,
            random_state=0,
            storage=None if study else tmp_path / "journal",
            study=study,
            scoring=written(EDITS["body"][edited]),
        )
        return search.fit(*data).best_score_

    assert [run(0), run(1), run(0)] == [0.1, 0.9, 0.1]
    storage = open_storage(str(tmp_path / "journal"))
    assert len(optuna.get_all_study_names(storage)) == 2
    study = optuna.create_study(direction="maximize")
    assert run(0, study) == 0.1
    with pytest.raises(ValueError, match="the code of a step, a module or a scorer was edited"):
        run(1, study)
