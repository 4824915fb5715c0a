"""The state of a run after an epoch, from which another process goes on with the same bits."""

from __future__ import annotations

import functools
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from skdeep.engine.modules import to_array

if TYPE_CHECKING:
    from skdeep.engine.training import Training

_COUNTERS = ("n_iter", "n_seen", "_n_finished", "_steps", "_tie_loss", "_order", "_next_order")
_CLOCKS = ("_started",)  # of schedules: another process has another clock


def training_state(run: Training) -> dict[str, Any]:
    """Everything that the epochs to come depend on, as arrays and plain values.

    Parameters
    ----------
    run : Training
        At the end of an epoch.
    """
    return {
        "begin": run.begin,
        "counters": {name: getattr(run, name) for name in _COUNTERS},
        "spent": time.monotonic() - run._began,
        "players": [
            {
                "values": to_array(optimizer.flat.values.detach()),
                "buffers": [to_array(b) for b in optimizer.flat.buffers],
                "optimizer": optimizer.state(to_array),
            }
            for optimizer in run.step.optimizers
        ],
        "parts": [_plain_parts(part) for part in _parts(run)],
        "draws": drawn(run),
        "curves": [run.curves.losses, run.curves.validation_losses, run.curves.scores],
        "history": [dict(epoch) for epoch in run.net.history],
        "asked": run.report is not None and run.report.asked,
    }


def drawn(run: Training) -> list[Any]:
    """States of all generators."""
    return [_state_of(source) for source in _sources(run)]


def fingerprint(run: Training) -> dict[str, Any]:
    """What tells a run from others before its first step: its rows, steps and initial weights."""
    weights = [np.ascontiguousarray(to_array(flat.values.detach())) for flat in run.flats]
    checksum = functools.reduce(lambda crc, w: zlib.crc32(w.tobytes(), crc), weights, 0)
    return {
        "rows": int(run.batches.n_samples),
        "batches": len(run.batches),
        "epochs": int(run.max_iter),
        "initial weights": checksum,
    }


def go_on_from(run: Training, state: dict[str, Any]) -> None:
    """Put a run that has not begun where another one was.

    Raises
    ------
    ValueError
        If the state is of another run.
    """
    for name, value in run.begin.items():
        if state["begin"].get(name) != value:
            raise ValueError(
                f"The checkpoint is of another fit ({name}: {state['begin'].get(name)} there, "
                f"{value} here): call `fit` with what it was called with, or delete the file."
            )
    for name, value in state["counters"].items():
        setattr(run, name, value)
    run.spent = state["spent"]
    for optimizer, player in zip(run.step.optimizers, state["players"]):
        flat = optimizer.flat
        values, *buffers = (torch.from_numpy(a) for a in (player["values"], *player["buffers"]))
        flat.restore((values, buffers))
        optimizer.load(player["optimizer"])
    device = run.flats[0].values.device
    for part, known in zip(_parts(run), state["parts"]):
        for name, value in known.items():
            setattr(part, name, _from_plain(value, device))
    for source, known in zip(_sources(run), state["draws"]):
        if isinstance(source, torch.Generator):
            source.set_state(torch.from_numpy(known))
        else:
            source.set_state(tuple(known))
    losses, validation_losses, scores = state["curves"]
    run.curves.losses, run.curves.validation_losses = list(losses), validation_losses
    run.curves.scores = scores
    if run.report is not None:
        run.report.asked = state.get("asked", False)
    del run.net.history[:]
    run.net.history.extend(state["history"])


def _parts(run: Training) -> list[Any]:
    """What changes in the course of a run beside weights and generators."""
    parts = [run.patience, run._kept, run.best, run.schedule]
    return parts if run.average is None else [*parts, run.average]


def _plain_parts(part: Any) -> dict[str, Any]:
    return {
        name: _to_plain(value)
        for name, value in vars(part).items()
        if name not in _CLOCKS and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    is_tensor = isinstance(value, Tensor) and not isinstance(value, nn.Parameter)
    return is_tensor or value is None or isinstance(value, (bool, int, float, str))


def _to_plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return {"tensor": to_array(value.detach()), "on_host": value.device.type == "cpu"}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_to_plain, value))
    return value


def _from_plain(value: Any, device: torch.device) -> Any:
    if isinstance(value, dict):
        tensor = torch.from_numpy(np.array(value["tensor"]))
        return tensor if value["on_host"] else tensor.to(device)
    if isinstance(value, (list, tuple)):
        return type(value)(_from_plain(v, device) for v in value)
    return value


def _state_of(source: Any) -> Any:
    if isinstance(source, torch.Generator):
        return source.get_state().numpy().copy()
    return list(source.get_state())


def _sources(run: Training) -> list[Any]:
    """All generators that training draws from, each once, in a certain order."""
    found: dict[int, Any] = {id(run.rng): run.rng}
    seen: set[int] = set()
    for root in (run.batches, run.step, *run.net.module_.modules()):
        for source in _walk(root, seen):
            found.setdefault(id(source), source)
    return list(found.values())


def _walk(node: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(node, (torch.Generator, np.random.RandomState)):
        yield node
        return
    if id(node) in seen or isinstance(node, (Tensor, np.ndarray, str)):
        return
    seen.add(id(node))
    inside: list[Any] = []
    if isinstance(node, (list, tuple)) and len(node) < 1000:
        inside = list(node)
    elif isinstance(node, functools.partial):
        inside = [node.func, *node.args, *node.keywords.values()]
    elif getattr(node, "__closure__", None):
        inside = [cell.cell_contents for cell in node.__closure__ if _is_filled(cell)]
    elif type(node).__module__.startswith("skdeep.") and hasattr(node, "__dict__"):
        inside = [v for v in vars(node).values() if not isinstance(v, nn.Module)]
    for each in inside:
        yield from _walk(each, seen)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
