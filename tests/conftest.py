import os

import pytest

# scikit-learn's estimator checks hand over array-API inputs only if this was set before SciPy was imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")


def pytest_collection_modifyitems(items):
    """Refuse names of tests that hold an address: pytest-xdist's workers would then collect different tests."""
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: give this case a name of its own; an address changes by process.")


@pytest.fixture
def figures_are_closed():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
