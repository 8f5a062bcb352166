import os

# scikit-learn's estimator checks hand over array-API inputs only if this was set before SciPy was imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
