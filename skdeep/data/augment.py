"""Random augmentation of images, batch by batch on the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


class AffineJitter:
    """Rotate, scale, shear and shift each image of a batch by random amounts.

    Parameters
    ----------
    generator : torch.Generator
        On the device of the images.
    rotation : float, default=10.0
        Largest turn, in degrees.
    scale, shear : float, default=0.1
        Largest relative change of size, and largest slant.
    shift : float, default=0.1
        Largest shift to either side, as a share of half the image's side.

    Shapes
    ------
    x : (n_samples, n_channels, height, width), of a floating type; returns the same. What comes
    in at an edge repeats the edge.

    Notes
    -----
    The kinds of distortion are those of Koch, Zemel and Salakhutdinov (2015, "Siamese neural
    networks for one-shot image recognition": turns up to 10 degrees, shears up to 0.3, scales from
    0.8 to 1.2, shifts up to 2 of 105 pixels), the others but the turn somewhat weaker, and the
    shift stronger.

    Examples
    --------
    >>> import torch
    >>> from skdeep.data.augment import AffineJitter
    >>> jitter = AffineJitter(torch.Generator().manual_seed(0))
    >>> jitter(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        generator: torch.Generator,
        rotation: float = 10.0,
        scale: float = 0.1,
        shear: float = 0.1,
        shift: float = 0.1,
    ) -> None:
        self.generator = generator
        self.rotation, self.scale, self.shear, self.shift = rotation, scale, shear, shift

    def __call__(self, x: Tensor) -> Tensor:
        spread = torch.tensor(
            [self.rotation * math.pi / 180, self.scale, self.shear, self.shift, self.shift]
        ).to(x)
        drawn = torch.empty(len(x), 5).to(x).uniform_(-1, 1, generator=self.generator) * spread
        angle, size, slant, right, down = drawn.unbind(1)
        c, s = (1 + size) * angle.cos(), (1 + size) * angle.sin()
        matrix = torch.stack([c, slant - s, right, s, c, down], 1).view(-1, 2, 3)
        grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


class QuarterTurns:
    """Rotate a whole batch by 0, 90, 180 or 270 degrees (by 0 or 180 unless images are square).

    In few-shot learning rotated classes are treated as new classes (Santoro et al., 2016, "Meta-
    learning with memory-augmented neural networks"). Here all images of a batch are rotated by the
    same angle, so that a rotated 6 is never compared with a 9.

    Parameters
    ----------
    rng : numpy.random.RandomState
    """

    def __init__(self, rng: np.random.RandomState) -> None:
        self.rng = rng

    def __call__(self, x: Tensor) -> Tensor:
        turns = int(self.rng.randint(4))
        if x.shape[2] != x.shape[3]:
            turns -= turns % 2
        return torch.rot90(x, turns, (2, 3)) if turns else x


class Augmentation:
    """Apply augmentations in sequence, in the precision of the network.

    Parameters
    ----------
    changes : list of callable
    dtype : torch.dtype
    """

    def __init__(self, changes: Sequence[Callable[[Tensor], Tensor]], dtype: torch.dtype) -> None:
        self.changes, self.dtype = changes, dtype

    def __call__(self, x: Tensor) -> Tensor:
        x = x.to(self.dtype)
        for change in self.changes:
            x = change(x)
        return x
