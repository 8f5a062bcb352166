"""Training: the epoch loop, the strategies that stand on it, and what is recorded and checked on the way."""
