"""Convolutional networks for images and series."""
