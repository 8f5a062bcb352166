"""The examples run from any folder, end well, warn of nothing, and say and save what they are there for.

Those of the gallery are run when the documentation is built, and as notebooks by tools/run_notebooks.py.
"""

import re
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


# ---------------------------------------------------------------------- documents 000 and 004, cell by cell

# Lines of code that the document takes for the same, without comments and blank lines; in 004 with the lines
# that students fill in. 004 loads its images with another library, and its drawings are ours.
DOCUMENTS = {
    "plot_000_breast_cancer.py": {
        "Step 1: the table": 14,
        "Step 2: the network": 7,
        "Steps 3 and 4: the functions, and the training loop": 32,
        "Step 5: the test set": 6,
    },
    "plot_004_square_loss.py": {
        "Exercises 1 and 2: sizes, and random weights": 26,
        "Exercise 3: the sigmoid and its derivative": 9,
        "Exercises 4 and 5: forward, and the cost": 21,
        "Exercise 6: backpropagation": 27,
        "Exercise 7: update": 23,
        "Exercise 8: the training loop": 12,
        "Exercise 10: the eleven sizes": 8,
    },
}


def first_cells(path):
    """Return the code of the first cell below each heading."""
    found = {}
    for cell in re.split(r"^# %%.*\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading = re.match(r"# (.*)\n# -+\n", cell)
        if heading:
            found[heading[1]] = [line for line in cell.splitlines() if line.strip() and not line.startswith("#")]
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_cell_is_longer_than_the_documents(name):
    cells = first_cells(EXAMPLES / name)
    for heading, lines in DOCUMENTS[name].items():
        assert 0 < len(cells[heading]) <= lines, heading
