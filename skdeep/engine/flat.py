"""All parameters of a network in one tensor, so that a training step touches few tensors.

An optimizer step over a list of parameters costs Python time for each of them; over one flat
tensor it is one call. The network's own parameters become views of that tensor, so that modules,
`state_dict` and autograd see no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

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
    >>> from skdeep.engine.flat import FlatParameters
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
        """Make room for gradients and give the module's parameters their views of it."""
        self.grads = torch.zeros_like(self.values, requires_grad=False)
        self.values.grad = self.grads
        self.weight_grads = self.grads[: self.n_weights]
        for p, grad in zip(self.parameters, self.grads.split(self.sizes)):
            p.grad = grad.view_as(p)

    def release(self) -> None:
        """Give the gradients' memory back, once training is over."""
        self.grads = self.weight_grads = self.values.grad = None  # type: ignore  # until `attach`
        for p in self.parameters:
            p.grad = None

    def owns(self, module: nn.Module) -> bool:
        """Whether `module` still computes with views of these tensors."""
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
        """Bring back what `snapshot` returned."""
        values, buffers = snapshot
        self.values.copy_(values)
        for mine, saved in zip(self.buffers, buffers):
            mine.copy_(saved)


def _stretches(
    factors: Sequence[tuple[float, float]], sizes: Sequence[int]
) -> list[tuple[slice, float, float]]:
    """Neighbours with the same factors, as one slice each."""
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
