"""Policies, learned from logged transitions or from an environment."""

from skdeep.policies.environment import collect, play

__all__ = ["collect", "play"]
