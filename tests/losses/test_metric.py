"""Losses of embeddings and their miners against slow loops."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from skdeep import losses
from skdeep.losses.mining import MINERS, squared_distances

RNG = np.random.RandomState(0)
RAW = RNG.normal(size=(11, 4))
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 3, 0, 2])  # class 3 has one row
PAIRS = np.array([[0, 1], [2, 5], [5, 2], [3, 3], [10, 8]])
PAIR_LABELS = np.array([0, 1, 1, 1, 0])
TRIPLETS = np.array([[0, 3, 1], [4, 1, 8], [2, 2, 0]])


def embed(raw, normalize):
    return raw / np.linalg.norm(raw, axis=1, keepdims=True) if normalize else raw


def distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))


def slow_triplets(z, mining):
    rows = range(len(z))
    found = []
    for a in rows:
        positives = [i for i in rows if i != a and LABELS[i] == LABELS[a]]
        negatives = [i for i in rows if LABELS[i] != LABELS[a]]
        if not positives or not negatives:
            continue
        if mining == "all":
            found += [(a, p, n) for p in positives for n in negatives]
        elif mining == "batch_hard":
            p = max(positives, key=lambda i: distance(z[a], z[i]))
            n = min(negatives, key=lambda i: distance(z[a], z[i]))
            found.append((a, p, n))
        else:
            for p in positives:
                beyond = [n for n in negatives if distance(z[a], z[n]) > distance(z[a], z[p])]
                if beyond:
                    found.append((a, p, min(beyond, key=lambda i: distance(z[a], z[i]))))
                else:
                    found.append((a, p, max(negatives, key=lambda i: distance(z[a], z[i]))))
    return found


def contrastive(d, similar, margin, squared):
    if similar:
        return d**2 / 2
    return max(0, margin - d**2) / 2 if squared else max(0, margin - d) ** 2 / 2


def slow_contrastive(z, target, margin, mining, squared):
    def pair(i, j, similar):
        return contrastive(distance(z[i], z[j]), similar, margin, squared)

    if target == "pairs":
        return [pair(i, j, s) for (i, j), s in zip(PAIRS, PAIR_LABELS)]
    if target == "classes" and mining == "all":
        return [pair(i, j, LABELS[i] == LABELS[j]) for i, j in combinations(range(len(z)), 2)]
    triplets = TRIPLETS if target == "triplets" else slow_triplets(z, mining)
    return [pair(a, p, True) + pair(a, n, False) for a, p, n in triplets]


def slow_triplet(z, target, margin, mining):
    triplets = TRIPLETS if target == "triplets" else slow_triplets(z, mining)
    values = [distance(z[a], z[p]) - distance(z[a], z[n]) + margin for a, p, n in triplets]
    if target == "classes" and mining == "all":
        return [v for v in values if v > 0]
    return [max(0, v) for v in values]


def slow_ntxent(z, target, temperature, normalize):
    def score(i, j):
        return float(z[i] @ z[j]) if normalize else -(distance(z[i], z[j]) ** 2)

    similar = {(i, j) for i, j in combinations(range(len(z)), 2) if LABELS[i] == LABELS[j]}
    if target == "pairs":
        similar = {(i, j) for (i, j), s in zip(PAIRS, PAIR_LABELS) if s}
    values = []
    for i in range(len(z)):
        positives = [j for j in range(len(z)) if j != i and {(i, j), (j, i)} & similar]
        total = sum(math.exp(score(i, j) / temperature) for j in range(len(z)) if j != i)
        if positives:
            logs = [score(i, j) / temperature - math.log(total) for j in positives]
            values.append(-sum(logs) / len(logs))
    return values


def slow_prototypical(z, temperature):
    values = []
    for i in range(len(z)):
        scores = {}
        for c in set(LABELS.tolist()):
            members = [j for j in range(len(z)) if LABELS[j] == c and j != i]
            if members:
                scores[c] = -(distance(z[i], z[members].mean(0)) ** 2) / temperature
        if LABELS[i] in scores:
            total = sum(map(math.exp, scores.values()))
            values.append(math.log(total) - scores[LABELS[i]])
    return values


def target_of(kind):
    if kind == "classes":
        return torch.from_numpy(LABELS)
    if kind == "pairs":
        return torch.from_numpy(PAIRS), torch.from_numpy(PAIR_LABELS)
    return torch.from_numpy(TRIPLETS), None


MININGS = pytest.mark.parametrize("mining", ["all", "batch_hard", "semi_hard"])
NORMALIZE = pytest.mark.parametrize("normalize", [True, False])


@NORMALIZE
@MININGS
@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("kind", ["classes", "pairs", "triplets"])
def test_contrastive(kind, squared, mining, normalize):
    loss = losses.Contrastive(1.3, mining, squared, normalize)
    values = loss(torch.from_numpy(RAW), target_of(kind)).numpy()
    slow = slow_contrastive(embed(RAW, normalize), kind, 1.3, mining, squared)
    np.testing.assert_allclose(values, slow, rtol=1e-9, atol=1e-12)
    assert (values > 0).any()


@NORMALIZE
@MININGS
@pytest.mark.parametrize("kind", ["classes", "triplets"])
def test_triplet(kind, mining, normalize):
    values = losses.Triplet(1.4, mining, normalize)(torch.from_numpy(RAW), target_of(kind))
    slow = slow_triplet(embed(RAW, normalize), kind, 1.4, mining)
    np.testing.assert_allclose(values.numpy(), slow, rtol=1e-9, atol=1e-12)
    assert (values > 0).any()


@NORMALIZE
@pytest.mark.parametrize("kind", ["classes", "pairs"])
def test_nt_xent(kind, normalize):
    values = losses.NTXent(0.3, normalize)(torch.from_numpy(RAW), target_of(kind))
    slow = slow_ntxent(embed(RAW, normalize), kind, 0.3, normalize)
    np.testing.assert_allclose(values.numpy(), slow, rtol=1e-9)


@NORMALIZE
def test_prototypical(normalize):
    loss = losses.Prototypical(0.7, normalize)
    values = loss(torch.from_numpy(RAW), target_of("classes"))
    np.testing.assert_allclose(
        values.numpy(), slow_prototypical(embed(RAW, normalize), 0.7), rtol=1e-9
    )


@MININGS
def test_miners(mining):
    raw = torch.from_numpy(RAW)
    found = MINERS[mining](squared_distances(raw, raw), torch.from_numpy(LABELS))
    assert found.tolist() == [list(t) for t in slow_triplets(RAW, mining)]


EVERY = [
    (losses.Contrastive(1.0, mining, squared, normalize), kind)
    for mining in ("all", "batch_hard", "semi_hard")
    for squared in (True, False)
    for normalize in (True, False)
    for kind in ("classes", "pairs", "triplets")
]
EVERY += [
    (losses.Triplet(0.2, mining, normalize), kind)
    for mining in ("all", "batch_hard", "semi_hard")
    for normalize in (True, False)
    for kind in ("classes", "triplets")
]
EVERY += [(losses.NTXent(0.1, n), kind) for n in (True, False) for kind in ("classes", "pairs")]
EVERY += [(losses.Prototypical(0.1, normalize), "classes") for normalize in (True, False)]


@pytest.mark.parametrize("loss, kind", EVERY)
@pytest.mark.parametrize("rows", ["equal", "zero", "two of a kind"])
def test_gradients_are_finite_at_distance_zero(loss, kind, rows):
    raw = {
        "equal": np.ones((11, 4)),
        "zero": np.zeros((11, 4)),
        "two of a kind": RAW[[0, 0, 1, 1, 0, 2, 3, 0, 0, 1, 2]],
    }[rows]
    raw = torch.tensor(raw, requires_grad=True)
    values = loss(raw, target_of(kind))
    assert torch.isfinite(values).all()
    values.sum().backward()
    assert torch.isfinite(raw.grad).all()


@pytest.mark.parametrize("loss, kind", EVERY)
def test_gradients(loss, kind):
    raw = torch.tensor(RAW, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: loss(x, target_of(kind)).sum(), raw)


def slow_values(loss, z):
    """What a loss of classes gives, by the loops above."""
    z, its = embed(z, loss.config["normalize"]), loss.config
    if isinstance(loss, losses.Contrastive):
        return slow_contrastive(z, "classes", its["margin"], its["mining"], its["squared"])
    if isinstance(loss, losses.Triplet):
        return slow_triplet(z, "classes", its["margin"], its["mining"])
    if isinstance(loss, losses.NTXent):
        return slow_ntxent(z, "classes", its["temperature"], its["normalize"])
    return slow_prototypical(z, its["temperature"])


@pytest.mark.parametrize("loss", [loss for loss, kind in EVERY if kind == "classes"])
@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [0]])
def test_batches_without_negatives_positives_or_both(loss, labels, monkeypatch):
    monkeypatch.setitem(globals(), "LABELS", np.array(labels))
    values = loss(torch.from_numpy(RAW[: len(labels)]), torch.tensor(labels))
    slow = slow_values(loss, RAW[: len(labels)])
    assert values.shape == (len(slow),)
    np.testing.assert_allclose(values, slow, rtol=1e-9, atol=1e-12)


def test_losses_can_be_made_again():
    for loss, kind in EVERY:
        again = type(loss)(**loss.config)
        raw = torch.from_numpy(RAW)
        assert torch.equal(loss(raw, target_of(kind)), again(raw, target_of(kind)))
