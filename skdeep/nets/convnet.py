"""Networks for images and series: one or several trunks, each with a linear head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from skdeep.nets.augment import CHANGES, MIXES, transformed
from skdeep.nets.batch_norm import set_row_weight
from skdeep.nets.blocks import Dropout, Linear
from skdeep.nets.conv import (
    Standardize,
    channels_last,
    global_mean,
    mask_of,
    masked,
    with_own_scale,
)
from skdeep.nets.trunks import TRUNKS
from skdeep.nets.window import Window

if TYPE_CHECKING:
    from skdeep.nets.blocks import Input, Shape


class ConvNet(nn.Module):
    """Standardised rows through one or several trunks, each with a linear layer (its head).

    Parameters
    ----------
    shape : tuple
        Of a row, with the channels first; None for a length that differs.
    architecture : str
        A key of `skdeep.nets.trunks.TRUNKS`.
    options : dict
        For the trunk.
    n_outputs : int
    n_members : int, default=1
        Trunks, which see the same batches and differ in their initial weights.
    dropout : float in [0, 1), default=0.0
        Before the head.
    augment : dict of str to float, default=None
        Augmentations and their strengths; see `skdeep.nets.augment`.
    frozen : bool, default=False
        Whether the trunks are frozen.
    own_scale : bool, default=False
        Whether trunks get series by their own scales, too: see `skdeep.nets.conv.with_own_scale`.
    transforms : list of callable, default=()
        The user's augmentations of batches, before they are standardised.
    window : dict, default=None
        Options of a `skdeep.nets.window.Window` around the network; None for none.

    Attributes
    ----------
    partner, share : Tensor or None
        Of the last training batch, where rows were mixed: see `skdeep.nets.augment.Mixing`.

    Shapes
    ------
    x : (n_samples, *shape), or a tuple of it and the lengths (n_samples,);
    row_weight : (n_samples,) or None;
    returns (n_samples, n_outputs), for several members (n_samples, n_members, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.convnet import ConvNet
    >>> net = ConvNet((1, 28, 28), "resnet", {}, 10)
    >>> net(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape
    torch.Size([2, 10])
    """

    partner: Tensor | None = None
    share: Tensor | None = None

    def __init__(
        self,
        shape: Shape,
        architecture: str | Sequence[nn.Module],
        options: Mapping[str, Any],
        n_outputs: int,
        n_members: int = 1,
        dropout: float = 0.0,
        augment: Mapping[str, float] | None = None,
        frozen: bool = False,
        own_scale: bool = False,
        transforms: Sequence[Callable[[Tensor], Tensor]] = (),
        window: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        trunks: list[Any]
        # What is the user's has no recipe, and is copied.
        if isinstance(architecture, str) and not transforms:
            self.config = {
                "shape": tuple(shape),
                "architecture": architecture,
                "options": dict(options),
                "n_outputs": n_outputs,
                "n_members": n_members,
                "dropout": dropout,
                "augment": augment,
                "frozen": frozen,
                "own_scale": own_scale,
                "window": None if window is None else dict(window),
            }
        if isinstance(architecture, str):
            seen = (shape[0] * (2 if own_scale else 1), *shape[1:])
            trunks = [TRUNKS[architecture](seen, **options) for _ in range(n_members)]
        else:
            trunks = list(architecture)
        self.shape = tuple(shape)
        self.scale = Standardize(shape[0])
        self.window = None if window is None else Window(shape[0], n_outputs, **window)
        self.trunks = nn.ModuleList(trunks)
        self.drop = Dropout(dropout) if dropout else None
        self.heads = nn.ModuleList(Linear(trunk.width, n_outputs) for trunk in trunks)
        augment = augment or {}
        names = list(augment)
        self.changes = nn.ModuleList(CHANGES[n][0](augment[n]) for n in names if n in CHANGES)
        mixes = [MIXES[n][0](augment[n]) for n in names if n in MIXES]
        self.mixing = mixes[0] if mixes else None
        self.own_scale = own_scale
        self.transforms = list(transforms)
        self.frozen = frozen
        if frozen:
            self.trunks.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> ConvNet:
        """torch's `train`, but frozen trunks keep their running means."""
        super().train(mode)
        if self.frozen:
            self.trunks.eval()
        return self

    def prepared(self, x: Input) -> tuple[Tensor, Tensor | None]:
        """Standardised rows and the mask of their padding."""
        rows, lengths = x if isinstance(x, tuple) else (x, None)
        if self.training and self.transforms:
            rows = transformed(rows.to(self.scale.mean.dtype), self.transforms)
        mask = None if lengths is None else mask_of(rows, lengths).to(self.scale.mean.dtype)
        rows = self.scale(rows, mask)
        if self.training and len(self.changes):
            if lengths is None:
                lengths = torch.full((len(rows),), rows.shape[2], device=rows.device)
            for change in self.changes:
                rows = change(rows, lengths)
            rows = masked(rows, mask)
        return (channels_last(rows) if rows.ndim == 4 else rows), mask

    def features(self, x: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        """Inputs of the heads: (n_samples, width) for each member."""
        x = x if self.window is None else self.window.normed(x, mask)[0]
        return self._encode(x, mask)

    def _encode(self, x: Tensor, mask: Tensor | None) -> list[Tensor]:
        x = with_own_scale(x, mask) if self.own_scale else x
        return [trunk(x, mask) for trunk in self.trunks]

    def scores(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Raw scores of prepared rows."""
        if self.window is None:
            return self._heads(self._encode(x, mask))
        x, units = self.window.normed(x, mask)
        return self.window.finish(self._heads(self._encode(x, mask)), x, units)

    def _heads(self, features: list[Tensor]) -> Tensor:
        out = [
            head(f if self.drop is None else self.drop(f)) for head, f in zip(self.heads, features)
        ]
        return out[0] if len(out) == 1 else torch.stack(out, 1)

    def forward(
        self, x: Tensor | tuple[Tensor, Tensor], row_weight: Tensor | None = None
    ) -> Tensor:
        if row_weight is not None:
            set_row_weight(self, row_weight)
        try:
            rows, mask = self.prepared(x)
            if self.mixing is not None:
                rows, self.partner, self.share = self.mixing(rows)
            return self.scores(rows, mask)
        finally:
            if row_weight is not None:
                set_row_weight(self, None)


class UserTrunk(nn.Module):
    """A user's module as a trunk.

    If its last layer is linear, it is replaced by the head. Feature maps are averaged over their
    places. Dropout draws from skdeep's generator.

    Parameters
    ----------
    module : torch.nn.Module
        Takes (n_samples, *shape).
    shape : tuple

    Attributes
    ----------
    head_name : str or None
        Outputs of the removed layer.

    Examples
    --------
    >>> import torch
    >>> from skdeep.nets.convnet import UserTrunk
    >>> layers = [torch.nn.Conv1d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(24, 5)]
    >>> trunk = UserTrunk(torch.nn.Sequential(*layers), (1, 8))
    >>> trunk.width, trunk.head_name
    (24, '2')
    """

    def __init__(self, module: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.module = module
        leaves = [name for name, m in module.named_modules() if not list(m.children())]
        last = leaves[-1]
        self.head_name = None
        if last and isinstance(module.get_submodule(last), nn.Linear):
            self.head_name = last
            _put(module, last, nn.Identity())
        for name in leaves[:-1]:
            layer = module.get_submodule(name)
            if isinstance(layer, nn.Dropout):
                _put(module, name, Dropout(layer.p))
        self.width = self._measure(shape)

    @torch.no_grad()
    def _measure(self, shape: Shape) -> int:
        was_training = self.module.training
        parameter = next(self.module.parameters(), torch.zeros(()))
        x = torch.zeros(2, *(n or 32 for n in shape), dtype=parameter.dtype)
        width = self.module.eval().cpu()(x).shape[1]
        self.module.train(was_training)
        return width

    def maps(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Output of the user's module."""
        return self.module(x)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.module(x)
        return x if x.ndim == 2 else global_mean(x)


def _put(module: nn.Module, name: str, layer: nn.Module) -> None:
    """Replace a submodule."""
    place, _, own = name.rpartition(".")
    setattr(module.get_submodule(place), own, layer)
