"""Diagnosis: what can be seen of a fit, and what it tells; :func:`skbackprop.diagnose` is the way in."""
