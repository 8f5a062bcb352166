"""What :func:`skbackprop.diagnose` looks at, and how it judges it."""
