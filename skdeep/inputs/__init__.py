"""Checks of input data: rows, arrays and sequences."""
