"""Parameters times data, drawn by hypothesis: a clear error, or finite probabilities, twice the same, inputs untouched.

The quick profile runs here; ``python tools/fuzz.py --cases 20000 --seed 0`` is the long one.
"""

import sys
from pathlib import Path

from hypothesis import HealthCheck, given, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import fuzz

QUICK_CASES = 150


@settings(
    max_examples=QUICK_CASES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(case=fuzz.cases())
def test_any_case_ends_well(case):
    fuzz.check(case)
