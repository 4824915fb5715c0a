"""Policies, learned from logged transitions or from an environment."""
