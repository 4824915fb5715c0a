"""Base class of losses."""

from __future__ import annotations

from typing import Any

from torch import nn


class Loss(nn.Module):
    """Loss of raw scores and targets, one value per sample.

    A loss whose derivative has a closed form offers it as ``with_gradient(raw, target)``, which
    returns the losses and one row of derivatives by `raw` per sample.
    """

    @property
    def config(self) -> dict[str, Any]:
        """Constructor parameters, from which the same loss can be made again."""
        return {k: v for k, v in vars(self).items() if k[0] != "_" and k != "training"}
