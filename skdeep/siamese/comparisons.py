"""Rows and what is known of them: batches to compare rows in, and how an epoch is judged."""

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from skdeep.data.augment import AffineJitter, Augmentation, QuarterTurns
from skdeep.data.pairs import ClassBatches, TupleBatches
from skdeep.inputs.rows import to_host

_LARGEST_BATCH, _SMALLEST_BATCH, _STEPS = 256, 32, 8  # of batch_size='auto'
_MANY_CLASSES = 100  # from which on what sets classes apart matters more than these classes
_GALLERY = 5  # training rows of a class that held-out rows are compared with after each epoch


class Comparisons:
    """Methods of `BaseSiamese` that make batches of classes, pairs or triplets."""

    def _batch_size(self, n_samples):
        if self.batch_size == "auto":
            return max(_SMALLEST_BATCH, min(_LARGEST_BATCH, n_samples // _STEPS))
        return self.batch_size

    def _make_batches(self, net, data, rng, changed=True):
        """Batches of rows with what is known of them; `changed` by augmentation or as they are."""
        x, target, _ = data
        transform = self._augmentation(net, x, rng) if changed else None
        if isinstance(target, tuple):
            size = self._batch_size(len(target[0]))
            return TupleBatches(x, *target, batch_size=size, transform=transform)
        return ClassBatches(
            x,
            target,
            n_classes_per_batch=max(2, net.batch_size // self.n_rows_per_class),
            n_rows_per_class=self.n_rows_per_class,
            rng=rng,
            transform=transform,
        )

    def _augmentation(self, net, x, rng):
        are_pictures = len(x.shape) == 4
        if self.augment is None or (self.augment == "auto" and not are_pictures):
            return None
        if not are_pictures:
            raise ValueError(
                f"augment={self.augment!r} is for pictures, but rows have the shape "
                f"{self.input_shape_}: expected 'auto' or None, or image_shape=(height, width)."
            )
        generator = torch.Generator(device=net.device)
        generator.manual_seed(int(rng.randint(2**31 - 1)))
        turns = self.augment == "affine_turns"
        if self.augment == "auto":
            turns = self._kind == "classes" and len(self.classes_) >= _MANY_CLASSES
        changes = [QuarterTurns(rng)] if turns else []
        return Augmentation([*changes, AffineJitter(generator)], net.dtype)

    def _validation_tensors(self, net, validation):
        """The held-out rows, and training rows of each class to compare them with."""
        (X, target), (X_val, target_val) = validation
        held_out = self._tensors(net, X_val, target_val, None)
        if isinstance(target, tuple):
            return held_out, None
        order = np.argsort(target, kind="stable")
        labels = target[order]
        rank = np.arange(len(order)) - np.searchsorted(labels, labels)
        gallery = order[rank < _GALLERY]
        return held_out, self._tensors(net, X[gallery], target[gallery], None)

    def _make_validator(self, net, validation, with_score):
        if validation is None:
            return None
        held_out, gallery = validation

        def validate():
            rng = np.random.RandomState(0)  # the same comparisons after each epoch
            batches = self._make_batches(net, held_out, rng, changed=False)
            with torch.inference_mode():
                loss = _mean_loss(net, batches)
                return loss, self._held_out_score(net, held_out, gallery) if with_score else None

        return validate

    def _held_out_score(self, net, held_out, gallery):
        """Share of rows nearest to the mean of their class; for pairs the area under the ROC
        curve, for triplets the share whose similar row is the nearer one."""
        x, target, _ = held_out
        z = self._embedded(net.module_, x)
        if gallery is not None:
            known = self._embedded(net.module_, gallery[0])
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


def _mean_loss(net, batches):
    """Mean over all values that the loss has in the batches; 0 where it has none."""
    values = [net.criterion_(net.module_(x), target) for x, target, _ in batches.epoch()]
    values = torch.cat(values)
    return float(values.mean()) if len(values) else 0.0
