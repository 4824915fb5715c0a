"""What a parameter may be and what it means."""
