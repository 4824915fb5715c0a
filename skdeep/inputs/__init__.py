"""What comes in: rows, arrays and sequences, checked."""
