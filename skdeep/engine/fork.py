"""What torch computes with in a forked process.

The threads of OpenMP, with which torch computes on the CPU, are not in a process that is forked,
but libgomp waits for them: after a fit with several threads, one in the child would never end. Such
children are those of joblib's backend 'multiprocessing', and of web servers that load a model
before they fork.
"""

from __future__ import annotations

import functools
import os

import torch


@functools.cache
def one_thread_after_fork() -> None:
    """Have torch compute with one thread in processes that are forked from this one from now on."""
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))
