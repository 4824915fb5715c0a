"""Rows, batches and splits."""
