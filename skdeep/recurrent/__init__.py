"""Recurrent networks for series and texts."""
