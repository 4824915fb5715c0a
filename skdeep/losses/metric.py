"""Losses of embeddings: rows of a class close together, others apart.

The target is either the class numbers of the rows of a batch, inside which the loss then forms
pairs or triplets, or ``(tuples, label)``: pairs with 1 for similar ones and 0 for others, or
triplets of anchor, similar and dissimilar row, each as row numbers inside the batch. There is one
value for each pair, triplet or anchor; without any in the batch, there is no value.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from skdeep.losses.base import Loss
from skdeep.losses.mining import MINERS, all_pairs, relations, squared_distances


def unit_length(embedding: Tensor) -> Tensor:
    """Each row divided by its Euclidean norm; rows of zeros stay zero."""
    return F.normalize(embedding, dim=1, eps=1e-6)


def lengths(squares: Tensor) -> Tensor:
    """Square roots, with gradient 0 at 0, where it would be infinite.

    Parameters
    ----------
    squares : Tensor
        Not negative.
    """
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)


class MetricLoss(Loss):
    """Base class of metric losses.

    Parameters
    ----------
    normalize : bool, default=True
        Whether embeddings are put on the unit sphere first.

    Shapes
    ------
    raw : (n_rows, n_components); target : (n_rows,) of int64, or ``(tuples, label)`` of shapes
    (n_tuples, 2 or 3) and (n_tuples,); returns (n_values,).
    """

    takes: tuple[str, ...] = ("classes",)  # what the loss can be made of: classes, pairs, triplets

    def __init__(self, normalize: bool = True) -> None:
        super().__init__()
        self.normalize = normalize

    def forward(self, raw: Tensor, target: Tensor | tuple[Tensor, Tensor | None]) -> Tensor:
        embedding = unit_length(raw) if self.normalize else raw
        if isinstance(target, tuple):
            return self.of_tuples(embedding, *target)
        return self.of_classes(embedding, target)

    def of_classes(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """Values of the pairs or triplets formed by class numbers."""
        raise NotImplementedError

    def of_tuples(self, embedding: Tensor, tuples: Tensor, label: Tensor | None) -> Tensor:
        """Values of given pairs or triplets."""
        raise NotImplementedError


class Contrastive(MetricLoss):
    """Half of ``d ** 2`` for a similar pair and of ``max(0, margin - d) ** 2`` for another
    (Hadsell, Chopra and LeCun, 2006, "Dimensionality reduction by learning an invariant mapping").

    Of classes, the pairs are those of the mined triplets (see `skdeep.losses.mining`), or every
    pair of the batch. A triplet counts as the sum of its two pairs.

    Parameters
    ----------
    margin : float > 0, default=1.0
        Distance beyond which dissimilar rows have no loss; squared distance under `squared`.
    mining : {'semi_hard', 'batch_hard', 'all'}, default='semi_hard'
    squared : bool, default=False
        Whether a dissimilar pair costs half of ``max(0, margin - d ** 2)`` instead. The energy of
        a pair is then its squared distance, and the margin one of energies, as in the general
        loss of Chopra, Hadsell and LeCun (2005).
    normalize : bool, default=True
    """

    takes = ("classes", "pairs", "triplets")

    def __init__(
        self,
        margin: float = 1.0,
        mining: str = "semi_hard",
        squared: bool = False,
        normalize: bool = True,
    ) -> None:
        super().__init__(normalize)
        self.margin, self.mining, self.squared = margin, mining, squared

    def of_classes(self, embedding: Tensor, labels: Tensor) -> Tensor:
        if self.mining == "all":
            return self.of_tuples(embedding, *all_pairs(labels))
        distances = squared_distances(embedding.detach(), embedding.detach())
        return self.of_tuples(embedding, MINERS[self.mining](distances, labels), None)

    def of_tuples(self, embedding: Tensor, tuples: Tensor, label: Tensor | None) -> Tensor:
        first, *others = (_between(embedding, tuples, i) for i in range(1, tuples.shape[1]))
        if others:
            return self._similar(first) + self._dissimilar(others[0])
        assert label is not None  # triplets alone go without
        return torch.where(label.bool(), self._similar(first), self._dissimilar(first))

    def _similar(self, squares: Tensor) -> Tensor:
        return 0.5 * squares

    def _dissimilar(self, squares: Tensor) -> Tensor:
        if self.squared:
            return 0.5 * (self.margin - squares).clamp_min(0)
        return 0.5 * (self.margin - lengths(squares)).clamp_min(0).square()


class Triplet(MetricLoss):
    """``max(0, d(anchor, similar) - d(anchor, dissimilar) + margin)`` (Weinberger and Saul, 2009;
    with Euclidean distances as in Hermans, Beyer and Leibe, 2017).

    Parameters
    ----------
    margin : float > 0, default=0.2
        FaceNet's (Schroff et al., 2015), for embeddings of unit length.
    mining : {'semi_hard', 'batch_hard', 'all'}, default='semi_hard'
        Under 'all', triplets that cost nothing are left out: there are many, and a mean over all
        would be dominated by them (Hermans et al., 2017).
    normalize : bool, default=True
    """

    takes = ("classes", "triplets")

    def __init__(
        self, margin: float = 0.2, mining: str = "semi_hard", normalize: bool = True
    ) -> None:
        super().__init__(normalize)
        self.margin, self.mining = margin, mining

    def of_classes(self, embedding: Tensor, labels: Tensor) -> Tensor:
        distances = squared_distances(embedding.detach(), embedding.detach())
        triplets = MINERS[self.mining](distances, labels)
        if self.mining == "all":
            roots = distances.sqrt()
            anchor, similar, dissimilar = triplets.unbind(1)
            costs = roots[anchor, similar] - roots[anchor, dissimilar] + self.margin > 0
            triplets = triplets[costs]
        return self.of_tuples(embedding, triplets, None)

    def of_tuples(self, embedding: Tensor, tuples: Tensor, label: Tensor | None) -> Tensor:
        similar, dissimilar = (lengths(_between(embedding, tuples, i)) for i in (1, 2))
        return (similar - dissimilar + self.margin).clamp_min(0)


class NTXent(MetricLoss):
    """Normalised temperature-scaled cross-entropy (Chen et al., 2020, "SimCLR"), for each row with
    similar ones in the batch; with several of them, as the supervised contrastive loss (Khosla et
    al., 2020, their "out" form).

    For a row it is the mean over similar rows p of
    ``-log(exp(s_p / temperature) / sum_q exp(s_q / temperature))``, s being cosines and q all
    rows but the row itself. Of pairs, the similar ones name who is similar; all other rows of the
    batch count as dissimilar.

    Parameters
    ----------
    temperature : float > 0, default=0.1
        That of Khosla et al. (2020).
    normalize : bool, default=True
        If False, negative squared distances replace cosines.
    """

    takes = ("classes", "pairs")

    def __init__(self, temperature: float = 0.1, normalize: bool = True) -> None:
        super().__init__(normalize)
        self.temperature = temperature

    def of_classes(self, embedding: Tensor, labels: Tensor) -> Tensor:
        return self._values(embedding, relations(labels)[0])

    def of_tuples(self, embedding: Tensor, tuples: Tensor, label: Tensor | None) -> Tensor:
        assert label is not None  # triplets alone go without
        left, right = tuples[label.bool()].unbind(1)
        positive = torch.zeros(2 * (len(embedding),), dtype=torch.bool, device=embedding.device)
        positive[left, right] = positive[right, left] = True
        return self._values(embedding, positive.fill_diagonal_(False))

    def _values(self, embedding: Tensor, positive: Tensor) -> Tensor:
        if self.normalize:
            scores = embedding @ embedding.t() / self.temperature
        else:
            scores = -squared_distances(embedding, embedding) / self.temperature
        itself = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        logp = torch.log_softmax(scores.masked_fill(itself, -torch.inf), 1)
        counts = positive.sum(1)
        total = torch.where(positive, logp, 0.0).sum(1)  # 0 times minus infinity would be NaN
        has_any = counts > 0
        return -total[has_any] / counts[has_any]


class Prototypical(MetricLoss):
    """Cross-entropy of a row's class under ``softmax(-d ** 2 / temperature)``, d being the
    distances to the classes' means (Snell, Swersky and Zemel, 2017, "Prototypical networks").

    Every row of a batch is a query: the mean of its own class leaves it out, so that no rows are
    needed as a support set. A row that is alone with its class in the batch has no value, but its
    class is one of those that the others are not.

    Parameters
    ----------
    temperature : float > 0, default=0.1
        1 is the paper's, for embeddings that are not normalised.
    normalize : bool, default=True
    """

    def __init__(self, temperature: float = 0.1, normalize: bool = True) -> None:
        super().__init__(normalize)
        self.temperature = temperature

    def of_classes(self, embedding: Tensor, labels: Tensor) -> Tensor:
        classes, number = torch.unique(labels, return_inverse=True)
        counts = torch.bincount(number, minlength=len(classes)).to(embedding.dtype)[:, None]
        sums = torch.zeros(len(classes), embedding.shape[1]).to(embedding)
        sums = sums.index_add(0, number, embedding)
        squares = squared_distances(embedding, sums / counts)
        without = (sums[number] - embedding) / (counts[number] - 1).clamp_min(1)
        own = (embedding - without).square().sum(1)
        is_own = F.one_hot(number, len(classes)).bool()
        scores = -torch.where(is_own, own[:, None], squares) / self.temperature
        values = F.cross_entropy(scores, number, reduction="none")
        return values[counts[number, 0] > 1]


def _between(embedding: Tensor, tuples: Tensor, i: int) -> Tensor:
    """Squared distances between the first and the i-th rows of tuples."""
    return (embedding[tuples[:, 0]] - embedding[tuples[:, i]]).square().sum(1)
