"""A student's arrays compared with ours: their layout, how far they are off, and which slip explains that."""
