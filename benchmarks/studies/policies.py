"""Policies: returns from logged transitions and by playing, scores beside the truth.

    OMP_NUM_THREADS=1 python benchmarks/studies/policies.py [--seeds 5] [--first 0] [--only online]

Needs gymnasium. CPU time is that of the process.
"""

import argparse
import time

import gymnasium
import numpy as np
from scipy.stats import spearmanr
from sklearn import set_config
from sklearn.base import clone
from sklearn.model_selection import GroupShuffleSplit, ParameterSampler

from skdeep import FittedQClassifier
from skdeep.policies import FittedQEvaluation, collect, play

RANDOM = {"n_steps": 5, "learning_rate": "cosine", "target_update": 0.02, "device": "cpu"}
RANDOM |= {"early_stopping": False}
LOGGED = {**RANDOM, "learning_rate_init": 0.003, "early_stopping": True}
ONLINE = {"n_steps": 10, "updates_per_iter": 500, "device": "cpu"}
ACROBOT = {"n_steps": 5, "updates_per_iter": 2000, "device": "cpu"}
SPACE = {
    "n_steps": [1, 3, 10, 30],
    "gamma": [0.9, 0.97, 0.99],
    "learning_rate_init": [1e-4, 1e-3, 3e-3],
    "conservative": [0.0, 0.1, 1.0],
    "max_iter": [2, 8, 24],
}


def cart_pole(n=None):
    """One environment, or a vector of them in NumPy."""
    if n is None:
        return gymnasium.make("CartPole-v1")
    return gymnasium.make_vec("CartPole-v1", n, "vector_entry_point")


def timed(function):
    """A result and its CPU seconds."""
    started = time.process_time()
    return function(), time.process_time() - started


def mixed_log(seed, n_samples=10_000):
    """Transitions of policies from a random one to one that plays for 200 steps."""
    half = FittedQClassifier(**ONLINE, random_state=seed).fit_env(
        cart_pole(), 20_000, eval_env=cart_pole(), stop_return=150
    )
    shares = (0.1, 0.3, 0.5, 0.7, 1.0)
    parts = [
        collect(cart_pole(), half, n_samples // len(shares), share, random_state=seed)
        for share in shares
    ]
    log = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    shift = np.repeat(np.arange(len(parts)), [len(part["y"]) for part in parts])
    log["episode"] = log["episode"] + 100_000 * shift
    _, lengths = np.unique(log["episode"], return_counts=True)
    return log, lengths.mean()


def logged(seed, log, parameters):
    """Return of a policy from logged transitions."""
    policy = FittedQClassifier(**parameters, random_state=seed)
    policy, seconds = timed(lambda: policy.fit(**log))
    return play(cart_pole(20), policy, 20, random_state=seed).mean(), seconds


def random_rows(seed):
    found, seconds = logged(seed, collect(cart_pole(), n_steps=2000, random_state=seed), RANDOM)
    return f"return {found:6.1f}, {seconds:5.1f} s", found


def mixed_rows(seed):
    log, length = mixed_log(seed)
    found, seconds = logged(seed, log, LOGGED)
    return f"return {found:6.1f} (log {length:5.1f}), {seconds:5.1f} s", found


def online(seed):
    policy = FittedQClassifier(**ONLINE, random_state=seed)
    options = {"eval_env": cart_pole(20), "n_eval_episodes": 20, "stop_return": 500}
    policy, seconds = timed(lambda: policy.fit_env(cart_pole(), 50_000, **options))
    found = play(cart_pole(100), policy, 100, random_state=seed).mean()
    return f"return {found:6.1f}, {policy.n_steps_} steps, {seconds:5.1f} s", found


def acrobot(seed):
    make = lambda: gymnasium.make("Acrobot-v1")  # noqa: E731
    policy = FittedQClassifier(**ACROBOT, random_state=seed)
    options = {"eval_env": make(), "n_eval_episodes": 10, "updates_per_step": 0.5}
    policy, seconds = timed(lambda: policy.fit_env(make(), 100_000, **options))
    found = play(make(), policy, 100, random_state=seed).mean()
    return f"return {found:6.1f}, {policy.n_steps_} steps, {seconds:5.1f} s", found


def ranks(seed, n_candidates=10):
    """Rank correlation of a score on held-out episodes with the return."""
    log, _ = mixed_log(seed)
    split = GroupShuffleSplit(1, test_size=0.3, random_state=seed)
    train, test = next(split.split(log["X"], groups=log["episode"]))
    score, scores, returns = FittedQEvaluation(gamma=0.99), [], []
    base = FittedQClassifier(device="cpu", early_stopping=False, random_state=seed)
    for parameters in ParameterSampler(SPACE, n_candidates, random_state=seed):
        policy = clone(base).set_params(**parameters).fit(**{k: v[train] for k, v in log.items()})
        scores.append(score(policy, **{k: v[test] for k, v in log.items()}))
        returns.append(play(cart_pole(20), policy, 20, random_state=seed).mean())
    found = spearmanr(scores, returns)[0]
    best = returns[int(np.argmax(scores))]
    return f"rank correlation {found:5.2f}, chosen {best:5.1f}, best {max(returns):5.1f}", found


STUDIES = {
    "CartPole, 10,000 logged": ("mixed", mixed_rows),
    "CartPole, 2,000 random": ("random", random_rows),
    "CartPole by playing": ("online", online),
    "Acrobot by playing": ("acrobot", acrobot),
    "10 candidates": ("ranks", ranks),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", nargs="*", choices=[name for name, _ in STUDIES.values()])
    args = parser.parse_args()
    set_config(enable_metadata_routing=True)
    for title, (name, study) in STUDIES.items():
        if args.only and name not in args.only:
            continue
        found = []
        for seed in range(args.first, args.first + args.seeds):
            line, value = study(seed)
            found.append(value)
            print(f"{title}, seed {seed}: {line}", flush=True)
        print(f"{title}: mean {np.mean(found):.2f}, worst {np.min(found):.2f}", flush=True)


if __name__ == "__main__":
    main()
