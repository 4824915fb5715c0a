"""Batches of compared rows, their loss and validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from skdeep import engine, losses
from skdeep.base.learning import Task, Validator
from skdeep.data.augment import AffineJitter, Augmentation, QuarterTurns
from skdeep.data.pairs import ClassBatches, TupleBatches
from skdeep.inputs.rows import to_host
from skdeep.nets.augment import transformed
from skdeep.siamese.encoders import embed
from skdeep.siamese.views import turns_images

_LARGEST_BATCH, _SMALLEST_BATCH, _STEPS = 256, 32, 8  # of batch_size='auto'
_DEFAULT_LOSS = {"classes": "nt_xent", "pairs": "contrastive", "triplets": "triplet"}
_DEFAULT_MARGIN = {"contrastive": 1.0, "contrastive_squared": 1.0, "triplet": 0.2}
LOSSES: dict[str, Any] = {
    "nt_xent": losses.NTXent,
    "prototypical": losses.Prototypical,
    "triplet": losses.Triplet,
    "contrastive": losses.Contrastive,
    "contrastive_squared": losses.Contrastive,
}


def make_loss(estimator: Any, kind: str) -> torch.nn.Module:
    """Loss of classes, pairs or triplets by the parameters of an estimator."""
    name = _DEFAULT_LOSS[kind] if estimator.loss == "auto" else estimator.loss
    if kind not in LOSSES[name].takes:
        possible = sorted(n for n, c in LOSSES.items() if kind in c.takes)
        raise ValueError(
            f"loss={estimator.loss!r} cannot be made of {kind}: expected one of {possible}, or "
            "'auto'."
        )
    options: dict[str, Any] = {"normalize": bool(estimator.normalize)}
    if name in _DEFAULT_MARGIN:
        margin = _DEFAULT_MARGIN[name] if estimator.margin == "auto" else estimator.margin
        options |= {"margin": float(margin), "mining": estimator.mining}
    else:
        options["temperature"] = float(estimator.temperature)
    if name == "contrastive_squared":
        options["squared"] = True
    return LOSSES[name](**options)


def settled_batch_size(batch_size: int | str, n_comparisons: int) -> int:
    """Batch size: for 'auto' an eighth of the rows, pairs or triplets, from 32 up to 256."""
    if isinstance(batch_size, str):
        return max(_SMALLEST_BATCH, min(_LARGEST_BATCH, n_comparisons // _STEPS))
    return batch_size


def make_batches(
    estimator: Any,
    task: Task,
    data: tuple,
    rng: np.random.RandomState,
    transform: Any = None,
    groups: np.ndarray | None = None,
) -> Any:
    """Batches of rows with their classes, pairs or triplets.

    Parameters
    ----------
    estimator : estimator
    task : Task
    data : tuple of (x, target, None)
    rng : numpy.random.RandomState
    transform : callable, default=None
        Augmentation.
    groups : ndarray of int of shape (n_rows,), default=None
        Half of the batches of classes are drawn inside these.
    """
    x, target, _ = data
    if isinstance(target, tuple):
        size = settled_batch_size(estimator.batch_size, len(target[0]))
        return TupleBatches(x, *target, batch_size=size, transform=transform)
    return ClassBatches(
        x,
        target,
        n_classes_per_batch=max(2, task.batch_size // estimator.n_rows_per_class),
        n_rows_per_class=estimator.n_rows_per_class,
        rng=rng,
        transform=transform,
        groups=groups,
    )


def augmentation(estimator: Any, task: Task) -> Any:
    """Augmentation of the images of a batch, or None."""
    x, augment, rng = task.data[0], estimator.augment, task.rng
    are_images = len(x.shape) == 4
    if augment is None or (augment == "auto" and not are_images):
        return None
    if callable(augment):
        return Augmentation([lambda x: transformed(x, [augment])], task.net.dtype)
    if not are_images:
        raise ValueError(
            f"augment={augment!r} is for images, but rows have the shape "
            f"{estimator.input_shape_}: expected 'auto', None or a function, or "
            "image_shape=(height, width)."
        )
    generator = torch.Generator(device=task.net.device)
    generator.manual_seed(int(rng.randint(2**31 - 1)))
    turns = turns_images(estimator, task.plan.rows)
    changes = [QuarterTurns(rng)] if turns else []
    return Augmentation([*changes, AffineJitter(generator)], task.net.dtype)


def comparing_validator(estimator: Any, task: Task, gallery: Any) -> Validator | None:
    """Function that returns loss and score on the held-out comparisons, or None if there are none.

    Parameters
    ----------
    estimator : estimator
    task : Task
    gallery : ComparedRows or None
        Rows to compare held-out ones with; see `SiamesePlan`.
    """
    net, held_out, plan = task.net, task.held_out, task.plan
    if held_out is None:
        return None
    known = None if gallery is None else gallery.tensors(estimator, net)

    def validate() -> tuple[float, float | None]:
        rng = np.random.RandomState(0)  # the same comparisons after each epoch
        batches = make_batches(estimator, task, held_out, rng)
        with torch.inference_mode():
            loss = _mean_loss(net, batches)
            if not plan.scores:
                return loss, None
            return loss, _held_out_score(net.module_, estimator.normalize, held_out, known)

    return validate


def _held_out_score(module: torch.nn.Module, normalize: bool, held_out: Any, gallery: Any) -> float:
    """Share of rows nearest to the mean of their class; for pairs the area under the ROC curve,
    for triplets the share whose similar row is the nearer one."""
    x, target, _ = held_out
    z = embed(module, x, normalize)
    if gallery is not None:
        known = embed(module, gallery[0], normalize)
        classes, numbers = gallery[1].unique(return_inverse=True)
        means = torch.zeros(len(classes), z.shape[1]).to(z).index_add_(0, numbers, known)
        means /= numbers.bincount()[:, None]
        return float((classes[torch.cdist(z, means).argmin(1)] == target).double().mean())
    tuples, label = target
    near, *far = (
        torch.linalg.vector_norm(z[tuples[:, 0]] - z[tuples[:, i]], dim=1)
        for i in range(1, tuples.shape[1])
    )
    if far:
        return float((near < far[0]).double().mean())
    return float(roc_auc_score(to_host(label), -to_host(near)))


def _mean_loss(net: engine.DeepNet, batches: Any) -> float:
    """Mean over all values of the loss in the batches; 0 if there are none."""
    found = [net.criterion_(net.module_(x), target) for x, target, _ in batches.epoch()]
    values = torch.cat(found)
    return float(values.mean()) if len(values) else 0.0
