"""
=====================================
A pole on a cart: policies from a log
=====================================

A cart is pushed to the left or to the right, so that a pole on it does not fall.
`FittedQClassifier` learns it twice: from logged rows alone, as there are in a shop, a clinic or a
controller, and by playing. The game is that of Barto, Sutton and Anderson (1983) with the constants
of gymnasium's CartPole-v1; ``gymnasium.make("CartPole-v1")`` can take its place.
"""

# %%
# The game
# --------
# An environment has two methods, `reset` and `step`. An episode ends when the pole leans by more
# than 12 degrees or the cart is 2.4 m away, and is cut off after 500 steps of 1/50 s.

import matplotlib.pyplot as plt
import numpy as np

from skdeep import FittedQClassifier
from skdeep.plotting import ActionValueDisplay, ReturnDisplay
from skdeep.policies import FittedQEvaluation, collect, play


class CartPole:
    class action_space:
        n = 2  # left, right

    def reset(self, seed=None):
        self.rng = np.random.default_rng(seed) if seed is not None else self.rng
        self.state, self.time = self.rng.uniform(-0.05, 0.05, 4), 0
        return self.state.astype(np.float32), {}

    def step(self, action):
        speed, angle, spin = self.state[1:]
        force = 10.0 if action == 1 else -10.0
        pull = (force + 0.05 * spin**2 * np.sin(angle)) / 1.1
        swing = 9.8 * np.sin(angle) - np.cos(angle) * pull
        swing /= 0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1)
        push = pull - 0.05 * swing * np.cos(angle) / 1.1
        self.state = self.state + 0.02 * np.array([speed, push, spin, swing])
        self.time += 1
        fell = bool(abs(self.state[0]) > 2.4 or abs(self.state[2]) > np.deg2rad(12))
        return self.state.astype(np.float32), 1.0, fell, self.time >= 500, {}


# %%
# From a log
# ----------
# The log is of somebody who pushes where the pole leans, or anywhere: an action is random with a
# probability that differs from part to part. `collect` gives what `fit` takes.


class Leaning:
    classes_ = np.array([0, 1])

    def predict(self, X):
        return (X[:, 2] > 0).astype(int)


parts = [
    collect(CartPole(), Leaning(), 1000, epsilon, random_state=i)
    for i, epsilon in enumerate((0.1, 0.3, 0.5, 0.7, 0.9))
]
log = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
log["episode"] = np.repeat(np.arange(5), 1000) * 1000 + log["episode"]

policy = FittedQClassifier(
    n_steps=5, learning_rate="cosine", learning_rate_init=0.003, target_update=0.02, random_state=0,
    device="cpu",
)  # fmt: skip
policy.fit(**log)
cloned = FittedQClassifier(max_iter=10, random_state=0, device="cpu").fit(log["X"], log["y"])

# %%
# The scorer estimates the discounted return from the log alone. What it says can be compared with
# the truth here, since there is a game to play.

score = FittedQEvaluation(gamma=0.99)
for name, found in (("fitted Q", policy), ("behaviour cloning", cloned)):
    returns = play(CartPole(), found, 10, random_state=1)
    discounted = np.mean((1 - 0.99**returns) / (1 - 0.99))
    print(f"{name:18s} return {returns.mean():5.1f}, discounted {discounted:5.1f}, ", end="")
    print(f"estimated from the log {score(found, **log):5.1f}")
print(f"{'the log itself':18s} return {len(log['y']) / len(np.unique(log['episode'])):5.1f}")

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, kind in zip(axes, ("action", "value")):
    ActionValueDisplay.from_estimator(policy, log["X"], (2, 3), kind=kind, ax=ax)
    ax.set(xlabel="angle", ylabel="angular velocity")

# %%
# By playing
# ----------
# The same estimator learns from an environment: `fit_env` takes steps, at first random ones, and
# keeps the best policy so far. Episodes without random actions in another environment judge it.

player = FittedQClassifier(n_steps=10, updates_per_iter=500, random_state=0, device="cpu")
player.fit_env(CartPole(), 15_000, eval_env=CartPole(), stop_return=500)
returns = play(CartPole(), player, 10, random_state=1)
print(f"by playing: return {returns.mean():.1f} after {player.n_steps_} steps")
ReturnDisplay.from_estimator(player)
plt.show()
