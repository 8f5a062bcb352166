"""The heart of the network: its equations, its parameters, and the tricks that make them fast."""
