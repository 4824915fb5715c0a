"""What every estimator does."""
