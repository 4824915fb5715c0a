"""Outlier detection by a masked autoencoder."""
