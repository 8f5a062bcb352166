"""Random sequences of calls keep an estimator whole.

The quick ones run here; ``python tools/sequences.py --n 2000`` runs the long list.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import sequences


@pytest.mark.parametrize("seed", range(60))
def test_a_sequence_of_calls_keeps_the_estimator_whole(seed):
    sequences.run(seed)


def test_the_sequences_meet_everything_that_they_are_meant_to():
    counts = sum((sequences.run(seed) for seed in range(60)), sequences.collections.Counter())
    for outcome in ("fitted", "interrupted", "failing scorer", "divergence", "ValueError", "no partial_fit"):
        assert counts[outcome] >= 1, outcome
    for kind in ("set_params", "copies", "files"):
        assert counts[kind] >= 10, kind
