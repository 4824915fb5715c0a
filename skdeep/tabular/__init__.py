"""RealMLP and TabM, for mixed tables."""
