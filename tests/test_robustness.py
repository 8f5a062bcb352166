"""Damaged files of each kind: refused, or read as far as that goes; none kills, hangs or floods the process.

``python tools/robustness.py --files 20000`` is the long run.
"""

import os
import pickle
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from skbackprop._sklearn import prediction

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

if not Path("/proc/self/statm").exists():
    pytest.skip("the memory of a process is read from /proc", allow_module_level=True)

import robustness

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")


@pytest.mark.parametrize("kind", robustness.KINDS)
def test_a_damaged_file_does_no_harm(kind, tmp_path):
    missing = [module for module in robustness.KINDS[kind][2] if not find_spec(module)]
    if missing:
        pytest.skip(f"needs {missing[0]}")
    assert robustness.run(kind, 700, 0, tmp_path) == []


HARM = {
    "died": lambda: os._exit(3),
    "not done within": lambda: time.sleep(99),
    "KeyError": lambda: prediction.unpacked({}),
    "MemoryError": lambda: bytearray(2 * robustness.MEMORY),
}


@pytest.mark.parametrize("what", HARM)
def test_what_does_harm_is_found(what, tmp_path, monkeypatch):
    def load(content):
        try:
            return pickle.loads(content)
        except Exception:
            return HARM[what]()

    if what == "not done within":
        monkeypatch.setattr(robustness, "SECONDS", 3)
    monkeypatch.setattr(robustness, "damaged_zip", lambda content, rng: content[: rng.choice([len(content), 50])])
    monkeypatch.setitem(robustness.KINDS, "skops", (pickle.dumps, load, []))
    findings = robustness.run("skops", 6, 0, tmp_path)
    assert 1 <= len(findings) < 6
    assert all(what in finding for finding in findings)
    assert len([*tmp_path.iterdir()]) == len(findings)  # the files are kept to be looked at
