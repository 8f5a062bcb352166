"""Someone else's arrays against ours: how they lie, how far they are off, and what slip explains it."""
