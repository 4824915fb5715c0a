"""Architectures: torch only, tensors in, tensors out."""
