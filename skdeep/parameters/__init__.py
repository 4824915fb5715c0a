"""Table of parameters: valid values and descriptions."""
