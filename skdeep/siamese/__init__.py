"""Siamese networks: embeddings from comparisons."""
