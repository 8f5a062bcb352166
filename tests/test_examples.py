"""The examples run from any folder, end well, warn of nothing, and say and save what they are there for."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PICTURES = find_spec("matplotlib") is not None

# The quick examples: the file, what its output must contain, in this order, and what its folder must hold then.
QUICK = [
    (
        "breast_cancer.py",
        [
            "about ten seconds",
            "Loaded 569 tumours",
            "Trained on 426 of them",
            "accuracy 0.9",
            "log loss 0.",
            "confusion matrix",
            "Searching 8 settings",
            "best: alpha",
            "accuracy 0.9",
            "with a standard error of 0.0",
            "Saved the model",
            "A second process loaded it and predicts the same, bit for bit.",
            "Drew the loss of each epoch" if PICTURES else "No picture of the loss",
        ],
        ["model.joblib", *(["loss.png"] if PICTURES else [])],
    ),
]


@pytest.mark.parametrize(("name", "lines", "files"), QUICK, ids=[name for name, *_ in QUICK])
def test_example(name, lines, files, tmp_path):
    here, output = tmp_path / "here", tmp_path / "output"
    here.mkdir()
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), "--output", str(output)],
        cwd=here,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    rest = done.stdout
    for line in lines:
        _, found, rest = rest.partition(line)
        assert found, f"no {line!r} after what came before it, in\n{done.stdout}"
    for file in files:
        assert (output / file).stat().st_size > 0
    assert list(here.iterdir()) == []  # it writes to its folder only
