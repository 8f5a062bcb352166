"""Training: the epoch loop, the strategies that use it, and what is recorded and checked on the way."""
