"""Search for the code from which a generator produces a given row (Schlegl et al., IPMI 2017)."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from skdeep import engine
from skdeep.engine.device import has_double

_ROWS_AT_A_TIME = 1024
PRIOR = 0.02  # weight of a code's distance from the origin


def search(
    module: torch.nn.Module,
    x: np.ndarray,
    *,
    n_steps: int,
    learning_rate: float,
    feature_weight: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest loss of each row over codes, and the squared residuals there.

    Parameters
    ----------
    module : LatentGANNet
    x : ndarray of shape (n_samples, n_numbers)
        Standardised rows.
    n_steps : int
        Steps of Adam that begin at the encoder's code.
    learning_rate : float
    feature_weight : float
        Share of the critic's features in the loss.

    Returns
    -------
    losses : ndarray of float64 of shape (n_samples,)
    squares : ndarray of float64 of shape (n_samples, n_numbers)
    """
    # Double precision: a row's score must not depend, even by rounding, on its neighbours.
    module = copy.deepcopy(module)
    module.train()  # nothing here behaves otherwise then, and cuDNN's LSTM has gradients
    device = next(module.parameters()).device
    if has_double(device):
        module = module.double()
    for p in module.parameters():
        p.requires_grad_(False)
    rows = torch.as_tensor(x).to(next(module.parameters()).dtype).to(device)
    found = [
        _searched(module, part, n_steps, learning_rate, feature_weight)
        for part in rows.split(_ROWS_AT_A_TIME)
    ]
    losses, squares = (torch.cat(parts).double().cpu().numpy() for parts in zip(*found))
    return losses, squares


def _searched(
    module: Any, x: torch.Tensor, n_steps: int, learning_rate: float, feature_weight: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lowest loss along the search for each row, and its residuals."""
    with torch.no_grad():
        z = module.generator.encode(x)
        features = module.critic.hidden(x)
    z.requires_grad_()
    adam: Any = engine.SOLVERS["adam"]
    optimizer = adam([z], lr=learning_rate)
    least = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)
    residuals = torch.zeros_like(x)
    for step in range(n_steps + 1):
        with torch.enable_grad():
            made = module.generator(z)
            r = (x - made).square()
            f = (features - module.critic.hidden(made)).square().mean(1)
            loss = (1 - feature_weight) * r.mean(1) + feature_weight * f
            loss = loss + PRIOR * z.square().mean(1)
            if step < n_steps:
                (z.grad,) = torch.autograd.grad(loss.sum(), z)
        loss = loss.detach()
        better = loss < least
        least = torch.where(better, loss, least)
        residuals = torch.where(better[:, None], r.detach(), residuals)
        with torch.no_grad():
            optimizer.step()
    return least, residuals
