"""Embeddings of images: sizes of all kinds, places kept."""

import numpy as np
import pytest
import torch

from skdeep.nets.conv import draw_weights
from skdeep.nets.siamese import ConvEmbedding, ImageBlocks

SHAPES = [(1, 1, 1), (1, 2, 3), (1, 8, 8), (3, 28, 28), (1, 20, 90), (2, 66, 64)]


@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradient(shape):
    net = ConvEmbedding(shape, 7, (4, 6, 8, 8)).double()
    draw_weights(net, np.random.RandomState(0))
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(0)).double()
    out = net(x)
    assert out.shape == (5, 7)
    torch.testing.assert_close(net.head(net.features(x)), out)
    net.eval()  # as in training, an image of one pixel has no gradient left after normalising
    net(x).sin().sum().backward()
    parameters = list(net.parameters())
    g = torch.Generator().manual_seed(1)
    ways = [torch.randn(p.shape, generator=g).double() for p in parameters]
    values = []
    with torch.no_grad():
        for step in (1e-9, -2e-9):
            for p, way in zip(parameters, ways):
                p.add_(way, alpha=step)
            values.append(net(x).sin().sum())
    slope = sum((p.grad * way).sum() for p, way in zip(parameters, ways))
    torch.testing.assert_close((values[0] - values[1]) / 2e-9, slope, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape, grid", [((1, 28, 28), (3, 3)), ((1, 300, 20), (4, 2))])
def test_a_grid_of_places_is_left(shape, grid):
    net = ImageBlocks(shape, (2, 2, 2, 5))
    assert net.grid == grid and net.width == 5 * grid[0] * grid[1]
    draw_weights(net, np.random.RandomState(0))
    x = torch.zeros(2, *shape)
    x[0, :, :4, :4], x[1, :, -4:, -4:] = 1.0, 1.0  # the same mark in two corners
    blank = net.eval()(torch.zeros(1, *shape))
    changed = (net(x) - blank).abs().reshape(2, 5, *grid).sum(1) > 1e-6
    assert changed[0, 0, 0] and not changed[0, -1, -1]
    assert changed[1, -1, -1] and not changed[1, 0, 0]


def test_small_images_are_not_shrunk_away():
    sizes = {side: ImageBlocks((1, side, side), (1, 1, 1, 1)).grid[0] for side in (1, 3, 5, 8, 15)}
    assert sizes == {1: 1, 3: 3, 5: 2, 8: 2, 15: 3}
