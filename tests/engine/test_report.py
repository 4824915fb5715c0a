"""Epochs as tasks of scikit-learn's callback protocol."""

from types import SimpleNamespace

import pytest

from skdeep.engine.report import EpochReport, wants_score


class Task:
    """A context of scikit-learn's that notes its calls and answers as it was given to."""

    def __init__(self, name, answers, calls):
        self.name, self.answers, self.calls = name, answers, calls

    def call_on_fit_task_begin(self, **arguments):
        self.calls.append(("begin", self.name, arguments))

    def call_on_fit_task_end(self, *, reconstruction_attributes, **arguments):
        self.reconstruction_attributes = reconstruction_attributes
        self.calls.append(("end", self.name, arguments))
        return self.answers.pop(0)


class Fit:
    def __init__(self, *answers):
        self.answers, self.calls, self.tasks = list(answers), [], []

    def subcontext(self, task_name):
        self.tasks.append(Task(task_name, self.answers, self.calls))
        return self.tasks[-1]


def training(scores=None):
    epoch = {"batches": [], "train_loss": 2.0, "valid_loss": None, "learning_rate": 0.1, "dur": 3.0}
    return SimpleNamespace(
        curves=SimpleNamespace(scores=scores),
        net=SimpleNamespace(history=[{}, epoch]),
        step=SimpleNamespace(loss_names=("train_loss",)),
    )


def test_values_of_the_epoch_are_with_the_task():
    fit = Fit(False)
    told = report(fit)
    told.begin()
    told.end(training())
    assert fit.tasks[0].epoch_values == {"loss": 2.0, "learning_rate": 0.1, "seconds": 3.0}


def report(fit, reconstruct=lambda training: {}, estimator="estimator", **options):
    return EpochReport(estimator, fit, "X", "y", {"sample_weight": [1]}, reconstruct, **options)


def test_each_epoch_is_a_task_with_the_data_of_the_fit():
    fit = Fit(False, False)
    told = report(fit)
    for _ in range(2):
        told.begin()
        told.end(training())
    given = {"estimator": "estimator", "X": "X", "y": "y", "metadata": {"sample_weight": [1]}}
    assert fit.calls == [("begin", "epoch", given), ("end", "epoch", given)] * 2
    assert len(fit.tasks) == 2


def test_tasks_can_have_another_name():
    fit = Fit(False)
    report(fit, task_name="iteration").begin()
    assert fit.tasks[0].name == "iteration"


@pytest.mark.parametrize(
    "answer, expected", [(True, True), (False, False), (None, False), (1, True)]
)
def test_the_answer_is_whether_to_stop(answer, expected):
    stops = []
    listener = SimpleNamespace(on_stop=lambda fitted, task: stops.append((fitted.loss_, task)))
    estimator = SimpleNamespace(_skl_callbacks=[SimpleNamespace(), listener])
    fit = Fit(answer)
    told = report(fit, lambda training: {"loss_": 2.0}, estimator)
    told.begin()
    assert told.asked is False
    assert told.end(training()) is expected
    assert told.asked is expected
    assert stops == ([(2.0, fit.tasks[0])] if expected else [])  # the others are told of the end
    assert not hasattr(estimator, "loss_")


@pytest.mark.parametrize(
    "given, expected",
    [(training([0.5, 0.75]), 0.75), (training([]), None), (training(), None), (object(), None)],
    ids=["scores", "none yet", "no scores", "no curves"],
)
def test_the_last_score_is_with_the_task(given, expected):
    fit = Fit(False)
    told = report(fit)
    told.begin()
    told.end(given)
    assert fit.tasks[0].validation_score == expected


def test_attributes_are_made_only_when_asked_for():
    made, fit = [], Fit(False)

    def reconstruct(training):
        made.append(training)
        return {"coef_": 1}

    told, run = report(fit, reconstruct), training()
    told.begin()
    told.end(run)
    assert made == []
    assert fit.tasks[0].reconstruction_attributes() == {"coef_": 1}
    assert made == [run]


class Wants:
    def __init__(self, answer):
        self.answer, self.seen = answer, []

    def wants_validation_score(self, context):
        self.seen.append(context)
        return self.answer


@pytest.mark.parametrize(
    "callbacks, expected",
    [
        ([], False),
        ([object()], False),
        ([Wants(False)], False),
        ([object(), Wants(False), Wants(True)], True),
    ],
)
def test_scores_are_wanted_where_a_callback_wants_them(callbacks, expected):
    assert wants_score(callbacks, "context") is expected
    assert all(c.seen == ["context"] for c in callbacks if isinstance(c, Wants))
