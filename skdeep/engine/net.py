"""A skorch net that trains on batches of tensors and can be pickled.

`NeuralNet` provides the history, callbacks, `initialize` and a familiar interface; the loop over
batches is in `skdeep.engine.training`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from skorch.history import History
from torch import Tensor, nn

from skdeep.data.batches import n_rows
from skdeep.engine.device import is_available
from skdeep.engine.fork import one_thread_after_fork
from skdeep.engine.modules import copy_module, module_from_state, module_state, to_array
from skdeep.engine.optim import FlatOptimizer, FlatParameters

if TYPE_CHECKING:
    from skdeep.data.batches import Batch
    from skdeep.engine.optim import Snapshot
    from skdeep.engine.protocols import Step

    Checkpoint: TypeAlias = tuple[list[tuple[Snapshot, dict[str, Any]]], int]

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class DeepNet(NeuralNet):
    """A network with its optimizers, held by an estimator as ``net_``.

    Parameters
    ----------
    module, criterion : torch.nn.Module
        Instances, not classes. The module has its initial weights, type and device.
    players : dict of str to dict, default=None
        For each optimizer the name of the submodule that it trains and the options of its
        `FlatOptimizer`; the name '' stands for the whole module.
    callbacks : list of skorch callbacks, default=None
    device : torch.device or str, default='cpu'
    **kwargs : dict
        skorch's other parameters.
    """

    def __init__(
        self,
        module: nn.Module,
        criterion: nn.Module,
        *,
        players: Mapping[str, Mapping[str, Any]] | None = None,
        callbacks: Sequence | None = None,
        device: str | torch.device = "cpu",
        **kwargs: Any,
    ) -> None:
        one_thread_after_fork()
        # skorch has it that None means its default callbacks, which cost more than training.
        self.players = players
        kwargs = {"train_split": None, "verbose": 0, "predict_nonlinearity": None, **kwargs}
        super().__init__(
            module,
            criterion,
            callbacks=callbacks or "disable",
            device=str(device),
            use_caching=False,
            **kwargs,
        )

    @property
    def wants_batches(self) -> bool:
        """Whether a user's callback implements hooks of batches, not only of epochs."""
        return any(
            getattr(type(callback), hook, None) is not getattr(Callback, hook, None)
            for _, callback in self.callbacks_
            for hook in _BATCH_HOOKS
        )

    def step_with_hooks(self, step: Step, batch: Batch) -> Tensor:
        """A step with skorch's batch callbacks, which synchronises with the device."""
        data = {"batch": batch[:2], "training": True}

        def on_gradient() -> None:
            parameters = list(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=parameters, **data)

        self.notify("on_batch_begin", **data)
        losses = step(batch, on_gradient)
        self.history.record_batch("train_loss", float(losses.flatten()[0]))
        self.history.record_batch("train_batch_size", n_rows(batch[0]))
        self.notify("on_batch_end", loss=losses, y_pred=None, **data)
        return losses

    @property
    def is_frozen(self) -> bool:
        """Whether this is a `frozen_copy`, which no optimizer trains."""
        return not getattr(self, "flat_optimizers_", ())

    @property
    def parameter(self) -> nn.Parameter:
        """The first parameter, for the type and device of all; cached, since torch's search for it
        takes as long as the prediction for one row of a small network."""
        known = self.__dict__.get("parameter_")
        if known is None or known[0] is not self.module_:
            known = self.module_, next(self.module_.parameters())
            self.__dict__["parameter_"] = known
        return known[1]

    @property
    def dtype(self) -> torch.dtype:
        """Type of the parameters."""
        return self.parameter.dtype

    @property
    def n_parameters(self) -> int:
        """Number of trainable and fixed parameters."""
        return sum(p.numel() for p in self.module_.parameters())

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> None:
        """Create the flat optimizers described by `players`; skorch sees the first's torch
        optimizer."""
        self.flat_optimizers_ = tuple(
            FlatOptimizer(FlatParameters(self.module_.get_submodule(name)), **options)
            for name, options in (self.players or {}).items()
        )
        if self.flat_optimizers_:
            self.optimizer_ = self.flat_optimizers_[0].torch_optimizer

    def restart(
        self,
        criterion: nn.Module,
        players: Mapping[str, Mapping[str, Any]] | None,
        callbacks: Sequence | None,
    ) -> None:
        """Set another loss, optimizers and callbacks; weights and history are kept."""
        self.criterion, self.players, self.callbacks = criterion, players, callbacks or "disable"
        self._initialize_callbacks()
        self._initialize_criterion()
        self._initialize_optimizer()
        self.__dict__.pop("optimizer_states_", None)

    def set_sizes(self, batch_size: int, max_epochs: int) -> None:
        """Set the sizes of the next run, which skorch's callbacks may read."""
        self.batch_size, self.max_epochs = batch_size, max_epochs

    def resume(self) -> None:
        """Flatten the parameters again if they were replaced (by a copy or a move)."""
        self.__dict__.pop("double_", None)
        optimizers = getattr(self, "flat_optimizers_", ())
        modules = [self.module_.get_submodule(name) for name in self.players or ()]
        if len(optimizers) == len(modules) and all(
            o.flat.owns(m) for o, m in zip(optimizers, modules)
        ):
            for optimizer in optimizers:
                optimizer.flat.attach()
            return
        states = self.__dict__.pop("optimizer_states_", None) or [o.state() for o in optimizers]
        self._initialize_optimizer()
        for optimizer, state in zip(self.flat_optimizers_, states):
            optimizer.load(state)

    def finish(self, keep_moments: bool) -> None:
        """End a run: release gradients, and the optimizers' moments unless a stream goes on."""
        self.__dict__.pop("double_", None)  # steps change weights behind the parameters' back
        for optimizer in self.flat_optimizers_:
            optimizer.flat.release()
            if not keep_moments:
                optimizer.forget()

    def checkpoint(self) -> Checkpoint:
        """Copies of weights and optimizer states, and the length of the history."""
        players = [(o.flat.snapshot(), o.state()) for o in self.flat_optimizers_]
        return players, len(self.history)

    def rollback(self, saved: Checkpoint) -> None:
        """Restore what `checkpoint` returned."""
        players, n_epochs = saved
        for optimizer, (weights, state) in zip(self.flat_optimizers_, players):
            optimizer.flat.restore(weights)
            optimizer.load(state)
        del self.history[n_epochs:]

    def move(self, device: str | torch.device) -> None:
        """Move the network to another device."""
        self.device = str(device)
        self.module_.to(device)
        self.criterion_.to(device)

    def in_double(self) -> nn.Module:
        """A copy of the network in double precision for predictions, cached until its weights
        change."""
        tensors = list(self.module_.parameters())
        state = [(t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors]
        known = self.__dict__.get("double_")
        if known is None or known[0] != state:
            with torch.inference_mode(False):
                known = state, copy_module(self.module_).double()
            self.__dict__["double_"] = known
        return known[1]

    def frozen_copy(self) -> DeepNet:
        """A copy for predictions, which later training does not change."""
        clone = copy.copy(self)
        # Placed through __dict__: skorch takes modules only while it initialises.
        clone.__dict__.update(
            module_=copy_module(self.module_), history_=History(self.history), flat_optimizers_=()
        )
        clone.__dict__.pop("optimizer_", None)
        clone.__dict__.pop("double_", None)
        return clone

    def __repr__(self) -> str:
        name, count = type(self.module_).__name__, self.n_parameters
        return f"<DeepNet: {name}, {count:,} parameters on {self.device}>"

    def __getstate__(self) -> dict[str, Any]:
        """Plain data and NumPy arrays, without devices and unused optimizers."""
        live: tuple[str, ...] = (
            "module",
            "criterion",
            "callbacks",
            "callbacks_",
            "optimizer_",
            "history_",
            "double_",
            "parameter_",
        )
        live += ("module_", "criterion_", "flat_optimizers_", "optimizer", "optimizer_states_")
        live += ("iterator_train", "iterator_valid", "dataset", "virtual_params_")
        state = {k: v for k, v in self.__dict__.items() if k not in live}
        states = [o.state(to_array) for o in getattr(self, "flat_optimizers_", ())]
        return state | {
            "module_state": module_state(self.module_),
            "criterion_state": module_state(self.criterion_),
            "epochs": [dict(epoch) for epoch in self.history],
            "optimizer_states_": states or getattr(self, "optimizer_states_", None),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        one_thread_after_fork()
        state = dict(state)
        module = module_from_state(state.pop("module_state"))
        criterion = module_from_state(state.pop("criterion_state"))
        history = History(state.pop("epochs"))
        blank = NeuralNet(module, criterion)
        device = torch.device(state["device"])
        state["device"] = str(device if is_available(device) else torch.device("cpu"))
        module.to(state["device"])
        self.__dict__.update(blank.__dict__)
        self.__dict__.update(state)
        self.__dict__.update(
            callbacks="disable",
            callbacks_=[],
            module_=module,
            criterion_=criterion.to(state["device"]),
            history_=history,
        )


def checked_callbacks(given: Any) -> list:
    """Copy skorch callbacks, so that those of the user are not changed by a fit.

    Parameters
    ----------
    given : list of skorch callbacks, one of them, or None
        The parameter `skorch_callbacks`.

    Raises
    ------
    ValueError
        If one of them is of another kind.
    """
    callbacks = given or []
    callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    for entry in callbacks:
        callback = entry[-1] if isinstance(entry, (tuple, list)) and entry else entry
        if not (hasattr(callback, "on_train_begin") and hasattr(callback, "initialize")):
            raise ValueError(
                f"skorch_callbacks={given!r}: expected callbacks of skorch, or pairs of a name "
                f"and one, got {entry!r}."
            )
    return copy.deepcopy(callbacks)


def skorch_dataset(net: DeepNet, data: Sequence[Any] | None) -> Dataset | None:
    """Rows as skorch's callbacks expect them, if there are callbacks."""
    if data is None or not net.callbacks_ or not isinstance(data[0], torch.Tensor):
        return None
    if not isinstance(data[1], torch.Tensor):
        return None  # pairs of rows: skorch wants as many targets as rows
    return Dataset(*data[:2])
