"""All parameters of a network in one tensor, and optimizers over it.

An optimizer step over a list of parameters costs Python time for each of them; over one flat
tensor it is one call. The network's own parameters become views of that tensor, so that modules,
`state_dict` and autograd see no difference.

All optimizers are torch's own. 'adam', 'adamw', 'amsgrad' and 'sgd' call torch's fused kernel
directly where it is there: the Python code around it costs five times the update itself on the
networks that tables need.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    Snapshot: TypeAlias = tuple[Tensor, list[Tensor]]


class FlatParameters:
    """Parameters and gradients of a module, each as one tensor.

    Weights (parameters with two or more dimensions: the ones that an L2 penalty is for) come
    first, then biases, slopes and the scales of normalisation layers.

    Parameters
    ----------
    module : torch.nn.Module
        A network whose trainable parameters share one dtype and one device.

    Attributes
    ----------
    values : torch.nn.Parameter of shape (n_parameters,)
        What the optimizer updates; its ``.grad`` is `grads`.
    grads : Tensor of shape (n_parameters,)
    weights, weight_grads : Tensor of shape (n_weights,)
        The penalised share of both.
    groups : list of (slice, float, float), or None
        Where the module has a method ``parameter_group(name)``, which gives two factors for a
        parameter, of the learning rate and of the decay: stretches of equal factors.

    Examples
    --------
    >>> import torch
    >>> from skdeep.engine.optim import FlatParameters
    >>> net = torch.nn.Linear(2, 1)
    >>> flat = FlatParameters(net)
    >>> _ = flat.values.data.fill_(1.0)
    >>> net(torch.ones(1, 2)).item()
    3.0
    """

    def __init__(self, module: nn.Module) -> None:
        trainable = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        rule = getattr(module, "parameter_group", None)
        factors: list[Any] = [None if rule is None else rule(name) for name, _ in trainable]
        numbered = {pair: i for i, pair in enumerate(dict.fromkeys(factors))}
        keys = [(p.ndim < 2, numbered[pair]) for (_, p), pair in zip(trainable, factors)]
        order = sorted(range(len(keys)), key=keys.__getitem__)  # stable: weights first
        self.parameters = [trainable[i][1] for i in order]
        self.sizes = [p.numel() for p in self.parameters]
        self.groups = None if rule is None else _stretches([factors[i] for i in order], self.sizes)
        flat = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        for p, value in zip(self.parameters, flat.split(self.sizes)):
            p.data = value.view_as(p)
        self.values = nn.Parameter(flat)
        self.n_weights = sum(s for s, p in zip(self.sizes, self.parameters) if p.ndim >= 2)
        self.weights = flat[: self.n_weights]
        self.buffers = list(module.buffers())
        self.attach()

    def attach(self) -> None:
        """Allocate gradients and set the parameters' ``.grad`` to views of them."""
        self.grads = torch.zeros_like(self.values, requires_grad=False)
        self.values.grad = self.grads
        self.weight_grads = self.grads[: self.n_weights]
        for p, grad in zip(self.parameters, self.grads.split(self.sizes)):
            p.grad = grad.view_as(p)

    def backward(self, loss: Tensor) -> None:
        """Write the gradient of `loss`."""
        if self.values.device.type != "cpu":
            self.join(loss)
            return
        self.grads.zero_()
        loss.backward()

    def join(self, loss: Tensor) -> None:
        """Write the gradient of `loss` by one kernel of a device; accumulating it takes one for
        each parameter."""
        found = torch.autograd.grad(
            loss, self.parameters, allow_unused=True, materialize_grads=True
        )
        with torch.no_grad():
            torch.cat([grad.reshape(-1) for grad in found], out=self.grads)

    def release(self) -> None:
        """Release the memory of gradients after training."""
        self.grads = self.weight_grads = self.values.grad = None  # type: ignore  # until `attach`
        for p in self.parameters:
            p.grad = None

    def owns(self, module: nn.Module) -> bool:
        """Whether the parameters of `module` are still views of these tensors."""
        mine = [p for p in module.parameters() if p.requires_grad]
        if len(mine) != len(self.parameters):
            return False
        begin = self.values.data_ptr()
        end = begin + self.values.numel() * self.values.element_size()
        return all(begin <= p.data_ptr() < end or not p.numel() for p in mine)

    def snapshot(self) -> Snapshot:
        """A copy of the parameters and buffers (running means and the like)."""
        return self.values.detach().clone(), [b.clone() for b in self.buffers]

    @torch.no_grad()
    def restore(self, snapshot: Snapshot) -> None:
        """Restore what `snapshot` returned."""
        values, buffers = snapshot
        self.values.copy_(values)
        for mine, saved in zip(self.buffers, buffers):
            mine.copy_(saved)


def _stretches(
    factors: Sequence[tuple[float, float]], sizes: Sequence[int]
) -> list[tuple[slice, float, float]]:
    """Merge neighbours with equal factors into one slice each."""
    found: list[tuple[slice, float, float]] = []
    start = 0
    for pair, size in zip(factors, sizes):
        stop = start + size
        if found and found[-1][1:] == pair:
            found[-1] = (slice(found[-1][0].start, stop), *pair)
        else:
            found.append((slice(start, stop), *pair))
        start = stop
    return found


def _lean(optimizer: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """The optimizer without the wrappers that import torch's compiler: a second in every process,
    and a variable in its environment. They would switch autograd off, which is off here."""
    add = torch.optim.Optimizer.add_param_group
    bare = {
        "add_param_group": getattr(add, "__wrapped__", add),
        "step": inspect.unwrap(optimizer.step),
    }
    return type(optimizer.__name__, (optimizer,), bare)


SOLVERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": _lean(torch.optim.Adam),
    "adamw": _lean(torch.optim.Adam),  # its decay is applied here, to the weights alone
    "amsgrad": _lean(torch.optim.Adam),
    "nadam": _lean(torch.optim.NAdam),
    "adamax": _lean(torch.optim.Adamax),
    "adagrad": _lean(torch.optim.Adagrad),
    "adadelta": _lean(torch.optim.Adadelta),
    "rmsprop": _lean(torch.optim.RMSprop),
    "sgd": _lean(torch.optim.SGD),
}


class FlatOptimizer:
    """An optimizer for `FlatParameters`.

    Parameters
    ----------
    flat : FlatParameters
    solver : {'adam', 'adamw', 'amsgrad', 'nadam', 'adamax', 'adagrad', 'adadelta', 'rmsprop', \
'sgd'}
    learning_rate : float
    momentum : float, default=0.9
        For 'sgd' alone.
    nesterov : bool, default=True
        For 'sgd' with a momentum.
    beta_1, beta_2 : float, default=0.9, 0.999
        For adam, adamw, amsgrad, nadam and adamax.
    epsilon : float, default=1e-8
        'adam' adds it to the root of the uncorrected second moment ("epsilon hat" of Kingma and
        Ba, 2015, section 2, and what scikit-learn does); the others as torch does.
    weight_decay : float, default=0.0
        Decoupled decay of the weights: ``W -= learning_rate * weight_decay * W`` before each
        step (Loshchilov and Hutter, 2019).

    Attributes
    ----------
    torch_optimizer : torch.optim.Optimizer
        Holds all state, so that ``state_dict`` resumes a run.
    """

    def __init__(
        self,
        flat: FlatParameters,
        solver: str,
        learning_rate: float,
        *,
        momentum: float = 0.9,
        nesterov: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.flat = flat
        self.solver = solver
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self._options = (momentum, nesterov, beta_1, beta_2)
        options: dict[str, Any] = {"lr": learning_rate}
        if solver == "sgd":
            options |= {"momentum": float(momentum), "nesterov": bool(nesterov and momentum > 0)}
        elif solver in ("adam", "adamw", "amsgrad", "nadam", "adamax"):
            options |= {"betas": (float(beta_1), float(beta_2)), "eps": epsilon}
            if solver == "amsgrad":
                options["amsgrad"] = True
        self.torch_optimizer = SOLVERS[solver]([flat.values], **options)
        # torch's schedulers look here whether steps were taken; the fused kernels do not tell.
        self.torch_optimizer._opt_called = True  # type: ignore[attr-defined]  # not in its stubs
        self._group = self.torch_optimizer.param_groups[0]
        self._update = self._pick_update()

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        return self._group["lr"]

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._group["lr"] = value

    @property
    def settings(self) -> tuple[Any, ...]:
        """All but the rate: optimizers with the same settings can be one."""
        return (self.solver, *self._options, self.epsilon, self.weight_decay)

    def like(self, flat: FlatParameters, learning_rate: float, decay: float) -> FlatOptimizer:
        """An optimizer for other parameters, with the settings of this one but for two."""
        solver, momentum, nesterov, beta_1, beta_2, epsilon, _ = self.settings
        return FlatOptimizer(
            flat, solver, learning_rate, momentum=momentum, nesterov=nesterov,
            beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, weight_decay=decay,
        )  # fmt: skip

    def rescale_momentum(self, factor: float) -> None:
        """Multiply the momentum of 'sgd'.

        scikit-learn keeps the rate inside the velocity, torch outside: after the rate fell by a
        factor, dividing the momentum by it gives scikit-learn's steps.
        """
        buffer = self.torch_optimizer.state[self.flat.values].get("momentum_buffer")
        if buffer is not None:
            buffer.mul_(factor)

    def step(self) -> None:
        """Update the parameters from the gradient in `flat.grads`; autograd must be off."""
        if self.weight_decay:
            self._decay()
        self._update()

    def _decay(self) -> None:
        rate = self._group["lr"] * self.weight_decay
        if self.flat.groups is None:
            self.flat.weights.mul_(1 - rate)
            return
        for part, lr_factor, decay_factor in self.flat.groups:
            if decay_factor:
                self.flat.values[part].mul_(1 - rate * lr_factor * decay_factor)

    def forget(self) -> None:
        """Clear moments and step counts."""
        self.torch_optimizer.state.clear()

    def state(self, convert: Callable[[Tensor], Any] = torch.clone) -> dict[str, Any]:
        """Moments, step counts and the rate; tensors go through `convert`."""
        moments = self.torch_optimizer.state.get(self.flat.values, {})
        return {
            "learning_rate": self.learning_rate,
            "moments": {
                k: convert(v) if isinstance(v, torch.Tensor) else v for k, v in moments.items()
            },
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.learning_rate = state["learning_rate"]
        values = self.flat.values
        self.torch_optimizer.state[values] = {
            k: _to_tensor(v, values.device) for k, v in state["moments"].items()
        }

    def _pick_update(self) -> Callable[[], Any]:
        fused_device = self.flat.values.device.type in ("cpu", "cuda")
        if self.flat.groups is not None:
            return self._fused_adam  # families with groups use Adam alone
        if self.solver in ("adam", "adamw", "amsgrad"):
            if fused_device and hasattr(torch, "_fused_adam_"):
                return self._fused_adam
            return self._plain_adam if self.solver == "adam" else self.torch_optimizer.step
        if self.solver == "sgd" and fused_device and hasattr(torch, "_fused_sgd_"):
            return self._fused_sgd
        return self.torch_optimizer.step

    def _epsilon_at(self, step: int) -> float:
        if self.solver == "adam":
            return self.epsilon / math.sqrt(1 - self._group["betas"][1] ** step)
        return self.epsilon

    def _fused_adam(self) -> None:
        values, group = self.flat.values, self._group
        state = self.torch_optimizer.state[values]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=values.device)
            state["exp_avg"] = torch.zeros_like(values, requires_grad=False)
            state["exp_avg_sq"] = torch.zeros_like(values, requires_grad=False)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = torch.zeros_like(values, requires_grad=False)
            state["count"] = 0  # the same number on the host: reading `step` would synchronise
        state["count"] += 1
        state["step"] += 1
        for part, lr_factor, _ in self.flat.groups or [(slice(None), 1.0, 1.0)]:
            self._fused_adam_part(part, lr_factor, state, group)

    def _fused_adam_part(
        self, part: slice, lr_factor: float, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        torch._fused_adam_(
            [self.flat.values[part]],
            [self.flat.grads[part]],
            [state["exp_avg"][part]],
            [state["exp_avg_sq"][part]],
            [state["max_exp_avg_sq"][part]] if group["amsgrad"] else [],
            [state["step"]],
            lr=group["lr"] * lr_factor,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=0.0,
            eps=self._epsilon_at(state["count"]),
            amsgrad=group["amsgrad"],
            maximize=False,
        )

    def _plain_adam(self) -> None:
        steps = self.torch_optimizer.state[self.flat.values].get("step", torch.zeros(()))
        self._group["eps"] = self._epsilon_at(int(steps) + 1)
        self.torch_optimizer.step()

    def _fused_sgd(self) -> None:
        values, group = self.flat.values, self._group
        state = self.torch_optimizer.state[values]
        if group["momentum"] and not state:
            state["momentum_buffer"] = torch.zeros_like(values, requires_grad=False)
        torch._fused_sgd_(
            [values],
            [self.flat.grads],
            [state["momentum_buffer"]] if group["momentum"] else [],
            weight_decay=0.0,
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=0.0,
            nesterov=group["nesterov"],
            maximize=False,
            is_first_step=False,
        )


def _to_tensor(value: Any, device: str | torch.device) -> Any:
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value.copy())
    return value.to(device) if isinstance(value, torch.Tensor) else value
