"""Random label-preserving changes of a batch, vectorised on its device.

They act on standardised rows, (n, channels, length) or (n, channels, height, width), and draw from
the generator set by training. `Mixing` changes the labels too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from skdeep.nets.blocks import RandomModule

if TYPE_CHECKING:
    Mixed: TypeAlias = tuple[Tensor, Tensor, Tensor]  # rows, partners, shares


class Augmentation(RandomModule):
    """Base of augmentations: ``change(x, lengths)`` in training, identity otherwise.

    Parameters
    ----------
    strength : float

    Shapes
    ------
    x : (n_samples, n_channels, ...); lengths : (n_samples,), steps of each series; returns x's.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = float(strength)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.change(x, lengths) if self.is_drawing() else x

    def uniform(self, x: Tensor, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Random numbers in [low, high) of the type of `x`."""
        return torch.empty(shape, dtype=x.dtype, device=x.device).uniform_(
            low, high, generator=self.generator
        )

    def change(self, x: Tensor, lengths: Tensor) -> Tensor:
        raise NotImplementedError


class Shift(Augmentation):
    """Shift images by whole pixels, up to `strength` times their sides, in each direction; edge
    pixels are repeated."""

    def change(self, x: Tensor, lengths: Tensor) -> Tensor:
        places = []
        for axis in (2, 3):
            side = x.shape[axis]
            most = int(self.strength * side)
            by = torch.randint(
                -most, most + 1, (len(x), 1), generator=self.generator, device=x.device
            )
            places.append((torch.arange(side, device=x.device) + by).clamp_(0, side - 1))
        flat = (places[0][:, :, None] * x.shape[3] + places[1][:, None, :]).flatten(1)
        flat = flat[:, None].expand(-1, x.shape[1], -1)
        return x.flatten(2).gather(2, flat).view(x.shape)


class Flip(Augmentation):
    """Mirror images left to right with probability `strength`."""

    def change(self, x: Tensor, lengths: Tensor) -> Tensor:
        flips = self.uniform(x, len(x), 1, 1, 1) < self.strength
        return torch.where(flips, x.flip(3), x)


class Crop(Augmentation):
    """Crop a part whose sides are between ``1 - strength`` and 1 of the image's and resize it to
    the image's size (after Szegedy et al., 2015)."""

    def change(self, x: Tensor, lengths: Tensor) -> Tensor:
        part = self.uniform(x, len(x), 2, low=1 - self.strength)
        middle = (1 - part) * self.uniform(x, len(x), 2, low=-1.0)
        theta = torch.cat([torch.diag_embed(part), middle[:, :, None]], 2)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


class Noise(Augmentation):
    """Add Gaussian noise of standard deviation `strength`, in standard deviations of the channel
    (jitter of series: Um et al., 2017)."""

    def change(self, x: Tensor, lengths: Tensor) -> Tensor:
        return x + torch.empty_like(x).normal_(0.0, self.strength, generator=self.generator)


class Scale(Augmentation):
    """Multiply each channel of a row by a factor drawn from N(1, strength) (Um et al., 2017)."""

    def change(self, x: Tensor, lengths: Tensor) -> Tensor:
        factor = x.new_empty(*x.shape[:2], *[1] * (x.ndim - 2))
        return x * factor.normal_(1.0, self.strength, generator=self.generator)


class Warp(Augmentation):
    """Window warping (Le Guennec et al., 2016): play a window of the share `strength` of a series
    at half or twice its speed, and resample the series to its length."""

    def change(self, x: Tensor, lengths: Tensor) -> Tensor:
        n = lengths.to(x.dtype)[:, None]
        width = self.strength * n
        start = self.uniform(x, len(x), 1) * (n - width)
        speed = torch.where(self.uniform(x, len(x), 1) < 0.5, 0.5, 2.0).to(x.dtype)
        stretched = width / speed
        steps = torch.arange(x.shape[2], device=x.device, dtype=x.dtype)
        t = steps * (n - 1 - width + stretched) / (n - 1).clamp(min=1)
        inside = start + (t - start) * speed
        place = torch.where(t < start, t, torch.where(t < start + stretched, inside, t))
        place = torch.where(t >= start + stretched, t - stretched + width, place)
        place = torch.minimum(place.clamp(min=0), n - 1)
        low = place.floor().clamp(max=x.shape[2] - 1)
        share = (place - low)[:, None]
        low = low.long()
        high = torch.minimum(low + 1, lengths[:, None] - 1)
        left, right = (x.gather(2, i[:, None].expand(-1, x.shape[1], -1)) for i in (low, high))
        return torch.where(steps < n, 1.0, 0.0)[:, None].to(x.dtype) * torch.lerp(
            left, right, share
        )


class Mixing(RandomModule):
    """Base of augmentations that mix pairs of rows and their labels.

    Called with x it returns ``(mixed, partner, share)``: row i is the share ``share[i]`` of itself
    and the rest of row ``partner[i]``; outside training, ``(x, None, None)``.

    Parameters
    ----------
    strength : float
        Both parameters of the beta distribution of the shares.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = float(strength)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        if not self.is_drawing():
            return x, None, None
        partner = torch.randperm(len(x), generator=self.generator, device=x.device)
        # A beta distribution from two gamma distributions.
        alpha = x.new_full((2, len(x)), self.strength)
        gamma = torch._standard_gamma(alpha, generator=self.generator).clamp_(min=1e-12)
        return self.mix(x, partner, gamma[0] / gamma.sum(0))

    def mix(self, x: Tensor, partner: Tensor, share: Tensor) -> Mixed:
        raise NotImplementedError


class Mixup(Mixing):
    """Weighted means of two rows (Zhang et al., 2018)."""

    def mix(self, x: Tensor, partner: Tensor, share: Tensor) -> Mixed:
        weight = share.view(-1, *[1] * (x.ndim - 1))
        return torch.lerp(x[partner], x, weight), partner, share


class CutMix(Mixing):
    """A box (a stretch, of series) of one row is that of another (Yun et al., 2019)."""

    def mix(self, x: Tensor, partner: Tensor, share: Tensor) -> Mixed:
        sizes, inside = x.shape[2:], None
        side = (1 - share) ** (1 / len(sizes))
        for axis, n in enumerate(sizes):
            shape = [1] * len(sizes)
            shape[axis] = n
            center = torch.empty_like(share).uniform_(generator=self.generator)
            place = (torch.arange(n, device=x.device) + 0.5) / n
            near = (place - center[:, None]).abs() < side[:, None] / 2
            near = near.view(-1, 1, *shape)
            inside = near if inside is None else inside & near
        assert inside is not None  # there is an axis
        kept = 1 - inside.to(x.dtype).mean(tuple(range(1, x.ndim)))
        return torch.where(inside, x[partner], x), partner, kept


def transformed(x: Tensor, transforms: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Apply a user's functions to a batch.

    Raises
    ------
    ValueError
        If a function returns anything but a Tensor of the same shape.
    """
    for transform in transforms:
        if isinstance(transform, type):
            raise ValueError(
                f"augment={transform!r} is a class: expected a function or an instance of it."
            )
        out = transform(x)
        if not isinstance(out, Tensor) or out.shape != x.shape:
            got = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else f"a {type(out)}"
            raise ValueError(
                f"augment={transform!r} was given a batch of shape {tuple(x.shape)} and returned "
                f"{got}: expected a Tensor of the same shape."
            )
        x = out.to(x)
    return x


CHANGES = {
    "shift": (Shift, 0.08, (2,)),
    "flip": (Flip, 0.5, (2,)),
    "crop": (Crop, 0.2, (2,)),
    "noise": (Noise, 0.05, (1, 2)),
    "jitter": (Noise, 0.05, (1, 2)),
    "scale": (Scale, 0.1, (1, 2)),
    "warp": (Warp, 0.1, (1,)),
}
"""By name: the class, its default strength, and for how many dimensions of a row it is meant."""

MIXES = {"mixup": (Mixup, 0.2, (1, 2)), "cutmix": (CutMix, 1.0, (1, 2))}
"""The same of those that mix labels; at most one of them acts."""
