"""The game of the example is gymnasium's."""

import ast
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "plot_cart_pole_policies.py"


def test_equations_are_those_of_gymnasium():
    gymnasium = pytest.importorskip("gymnasium")
    tree = ast.parse(EXAMPLE.read_text())
    (game,) = [node for node in tree.body if getattr(node, "name", "") == "CartPole"]
    names = {"np": np}
    exec(compile(ast.Module([game], []), str(EXAMPLE), "exec"), names)
    ours, theirs = names["CartPole"](), gymnasium.make("CartPole-v1")
    rng = np.random.RandomState(0)
    for seed in range(30):
        ours.reset(seed=seed)
        theirs.reset(seed=seed)
        ours.state = np.array(theirs.unwrapped.state)
        for _ in range(600):
            state = ours.state
            balanced = int(3 * state[2] + state[3] + 0.1 * state[0] + 0.2 * state[1] > 0)
            action = balanced if seed % 2 and rng.rand() > 0.1 else rng.randint(2)
            one, two = ours.step(action), theirs.step(action)
            np.testing.assert_allclose(one[0], two[0], rtol=1e-5, atol=1e-6)
            assert one[1:4] == two[1:4]
            if one[2] or one[3]:
                break
        assert seed % 2 == 0 or ours.time > 100
