"""Benchmarks: ``python -m benchmarks`` and its companions; README.md says what each of them measures."""
