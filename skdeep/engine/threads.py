"""How many threads a training run may use.

A step of a small network takes less time than waking threads for it; where other work keeps the
cores busy, waiting for these threads makes such a fit ten times slower. Large steps keep what the
process allows.
"""

from __future__ import annotations

import contextlib
import functools

import torch
from threadpoolctl import ThreadpoolController

SMALL_STEP = 1e8
"""Multiplications and additions in a step, about a millisecond of one core's time, up to which one
thread is used."""


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries: 10 ms


def threads_for(n_rows: int, n_parameters: float) -> contextlib.AbstractContextManager:
    """A context in which the calling thread trains with as many threads as a step is worth.

    OpenMP keeps this number for each thread: other threads and later calls are not touched.

    Parameters
    ----------
    n_rows : int
        Rows in a batch.
    n_parameters : int
        Of the network. A pass forward takes two operations per row and parameter, a pass
        backward four.

    Returns
    -------
    context manager
    """
    if 6 * int(n_rows) * n_parameters > SMALL_STEP:
        return contextlib.nullcontext()
    torch.get_num_threads()  # a thread's first call to torch sets its number; let that be past
    return _controller().limit(limits=1, user_api="openmp")
