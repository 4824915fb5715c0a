"""Full-batch training, on problems whose solution is known."""

import warnings

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from skdeep.engine import LBFGS, Autograd, DeepNet, NonFiniteLoss, Penalty, Shared, SingleStep
from skdeep.losses import SquaredError

ALPHA = 3.0


def rows(n=40):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    y = X @ [1.0, -2.0, 0.5, 3.0] + 1.5 + rng.normal(size=n)
    return torch.as_tensor(X), torch.as_tensor(y)[:, None], torch.as_tensor(rng.uniform(1, 3, n))


def ridge(X, y, weight):
    """Minimiser of ``(sum(w (Xb + c - y)^2) + ALPHA |b|^2) / (2 sum(w))``, by linear algebra."""
    A = np.c_[X, np.ones(len(X))]
    w = np.ones(len(X)) if weight is None else weight.numpy()
    return np.linalg.solve(
        A.T * w @ A + ALPHA * np.diag([1, 1, 1, 1, 0]), A.T * w @ y[:, 0].numpy()
    )


def make(batch, *, gradient=None, max_iter=200, max_fun=1000, tol=1e-10, **options):
    module = nn.Linear(4, 1).double()
    nn.init.zeros_(module.weight)
    nn.init.zeros_(module.bias)
    players = {"": {"solver": "sgd", "learning_rate": 1.0}}
    net = DeepNet(module, SquaredError(), players=players).initialize()
    optimizer = net.flat_optimizers_[0]
    step = SingleStep(
        optimizer,
        gradient or Autograd(module, SquaredError(), optimizer.flat),
        Penalty(optimizer.flat, ALPHA),
    )
    shared = Shared(rng=np.random.RandomState(0), **options)
    return module, LBFGS(net, step, batch, shared, max_iter=max_iter, max_fun=max_fun, tol=tol)


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_regression_is_solved(weighted):
    X, y, weight = rows()
    weight = weight if weighted else None
    module, run = make((X, y, weight))
    run.run()
    expected = ridge(X, y, weight)
    np.testing.assert_allclose(module.weight.detach()[0], expected[:4], rtol=1e-4)
    assert module.bias.item() == pytest.approx(expected[4], rel=1e-4)


def test_loss_is_that_of_the_final_weights():
    X, y, weight = rows()
    module, run = make((X, y, weight))
    run.run()
    w = weight.numpy()
    residual = (module(X) - y).detach().numpy()[:, 0]
    penalty = ALPHA * float(module.weight.detach().square().sum())
    expected = (w @ residual**2 + penalty) / (2 * w.sum())
    assert run.loss == pytest.approx(expected, rel=1e-12)


def test_iterations_are_scipys():
    X, y, _ = rows()
    _, run = make((X, y, None), tol=1e-5)
    run.run()

    A, target = np.c_[X, np.ones(len(X))], y[:, 0].numpy()
    shrink = ALPHA * np.array([1, 1, 1, 1, 0])

    def function(b):
        residual = A @ b - target
        value = (residual @ residual + b @ (shrink * b)) / (2 * len(A))
        return value, (A.T @ residual + shrink * b) / len(A)

    theirs = minimize(function, np.zeros(5), jac=True, method="L-BFGS-B", options={"gtol": 1e-5})
    assert run.n_iter == theirs.nit > 1
    assert run.loss == pytest.approx(theirs.fun, rel=1e-8)


@pytest.mark.parametrize("limit", [{"max_iter": 2}, {"max_fun": 2}])
def test_limits_end_it_with_a_warning(limit):
    X, y, _ = rows()
    _, run = make((X, y, None), **limit)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        run.run()
    assert 1 <= run.n_iter <= 2


def test_time_limit_keeps_what_was_reached_silently():
    X, y, _ = rows()
    module, run = make((X, y, None), max_time=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.run()
    assert run.n_iter == 1
    assert module.weight.norm() > 0 and run.loss < float(y.square().mean() / 2)


class Report:
    """Asks for the end after so many iterations, and notes the weights of each."""

    def __init__(self, module, n):
        self.module, self.n, self.seen, self.begun = module, n, [], 0

    def begin(self):
        self.begun += 1

    def end(self, training):
        self.seen.append((training.n_iter, training.loss, self.module.weight.detach().clone()))
        return len(self.seen) == self.n


def test_a_report_sees_each_iteration_and_can_end_the_run():
    X, y, _ = rows()
    module, run = make((X, y, None))
    run.report = report = Report(module, 3)
    run.run()
    assert run.n_iter == report.begun == 3
    assert [n for n, _, _ in report.seen] == [1, 2, 3]
    losses = [loss for _, loss, _ in report.seen]
    assert losses == sorted(losses, reverse=True) and run.loss == losses[-1]
    assert torch.equal(module.weight, report.seen[-1][2])


def steep_rows():
    X, y, weight = rows()
    return X * torch.tensor([1.0, 30.0, 0.1, 5.0]), y, weight


class Interrupted:
    """A gradient during whose n-th evaluation the user presses Ctrl-C."""

    def __init__(self, n):
        self.n, self.losses, self.run = n, [], None

    def __call__(self, x, target, weight):
        if len(self.losses) == self.n:
            raise KeyboardInterrupt
        flat, module = self.run.flat, self.run.net.module_
        loss = Autograd(module, SquaredError(), flat)(x, target, weight)
        self.losses.append(float(loss) + ALPHA * float(flat.weights.square().sum()) / 2 / len(x))
        return loss


def interrupted(n, **options):
    """On columns of unequal size: the second evaluation is far worse than the first."""
    X, y, _ = steep_rows()
    gradient = Interrupted(n)
    module, run = make((X, y, None), gradient=gradient, **options)
    gradient.run = run
    return module, run, gradient


@pytest.mark.parametrize("n", [2, 4, 9])
def test_ctrl_c_keeps_the_best_weights(n):
    module, run, gradient = interrupted(n)
    with pytest.warns(UserWarning, match="interrupted by user"):
        run.run()
    assert run.loss == pytest.approx(min(gradient.losses))
    X, y, _ = steep_rows()
    now = (module(X) - y).square().mean() / 2 + ALPHA * module.weight.square().sum() / 2 / len(X)
    assert float(now.detach()) == pytest.approx(run.loss)


@pytest.mark.parametrize(
    "n, options",
    [(0, {}), (4, {"interruptible": False}), (1, {"replaces": True})],
    ids=["nothing was evaluated", "not interruptible", "no iteration to replace a model with"],
)
def test_ctrl_c_goes_on_to_the_caller(n, options):
    _, run, _ = interrupted(n, **options)
    with pytest.raises(KeyboardInterrupt):
        run.run()


def test_losses_that_are_no_numbers():
    X, y, _ = rows()
    _, run = make((X, y * torch.nan, None))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(NonFiniteLoss):
            run.run()


def test_verbose_prints_iterations(capsys):
    X, y, _ = rows()
    _, run = make((X, y, None), verbose=True)
    run.run()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == run.n_iter
    assert lines[-1] == f"Iteration {run.n_iter}, loss = {run.loss:.8f}"


def test_the_network_ends_in_evaluation_mode():
    X, y, _ = rows()
    module, run = make((X, y, None))
    run.run()
    assert not module.training
