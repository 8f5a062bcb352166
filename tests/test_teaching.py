"""The homework of the page on teaching: its grader passes what is right, and names what is wrong."""

import importlib.util
import re

import numpy as np
import pytest
from test_docs import DOCS, ROOT, blocks

PAGE = DOCS / "teach.md"
RIGHT = """
import numpy as np

def backward(X, Y, W1, b1, W2, b2):
    m = len(X)
    A1 = np.tanh(X @ W1 + b1)
    A2 = 1 / (1 + np.exp(-(A1 @ W2 + b2)))
    dZ2 = (A2 - Y) / m
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (1 - A1**2)
    arrays = {"A1": A1, "A2": A2, "dZ2": dZ2, "dA1": dA1, "dZ1": dZ1}
    arrays |= {"dW2": A1.T @ dZ2, "db2": dZ2.sum(axis=0)}
    return arrays | {"dW1": X.T @ dZ1, "db1": dZ1.sum(axis=0)}
"""
# What stands in the right lines, what a student has instead, and what the grader must say.
SLIPS = [
    ("(A2 - Y) / m", "A2 - Y", "dZ2: 1/m missing"),
    ("(A2 - Y) / m", "(Y - A2) / m", "dZ2: sign"),
    (" * (1 - A1**2)", "", "dZ1: φ' missing"),
    ("(1 - A1**2)", "(1 - np.tanh(A1) ** 2)", "dZ1: φ' taken at A instead of Z"),
    ("dZ1.sum(axis=0)", "dZ1.sum()", "db1: summed over all axes"),
    ("X.T @ dZ1", "(X.T @ dZ1).T", "dW1: transposed"),
    ('"dW1": X.T @ dZ1, ', "", "Not returned: dW1"),
    ("len(X)", "len(x)", "NameError: name 'x' is not defined"),
    ("dZ2 @ W2.T", "dZ2 @ W2", "ValueError: matmul"),
    ("return arrays |", "return 5 if X.shape[1] == 4 else arrays |", "TypeError: mine must be a dict"),
    ("import numpy as np", "raise SystemExit('bye')", "SystemExit: bye"),
    ("def backward", "def backwards", "KeyError: 'backward'"),
]


@pytest.fixture(scope="module")
def grader():
    specification = importlib.util.spec_from_file_location("grade_homework", ROOT / "examples" / "grade_homework.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_right_lines_pass(grader, tmp_path):
    (tmp_path / "ada.py").write_text(RIGHT, encoding="utf-8")
    assert grader.grade_file(tmp_path / "ada.py") == (True, "9 of 9 arrays are right.")


@pytest.mark.parametrize(("line", "slip", "remark"), SLIPS, ids=[remark for *_, remark in SLIPS])
def test_a_slip_fails_and_is_named(line, slip, remark, grader, tmp_path):
    assert RIGHT.count(line) == 1
    (tmp_path / "bob.py").write_text(RIGHT.replace(line, slip), encoding="utf-8")
    passed, said = grader.grade_file(tmp_path / "bob.py")
    assert not passed
    assert remark in said


def test_a_backward_that_spoils_what_it_is_given_harms_nobody_else(grader):
    namespace = {}
    exec(RIGHT, namespace)

    def backward(*given):
        arrays = namespace["backward"](*given)
        for array in given:
            array[...] = 0
        return arrays

    assert grader.grade(backward)[0]


def test_samples_in_columns_are_graded_too(grader):
    """As the page says: with the arrays handed over transposed."""

    def backward(X, Y, W1, b1, W2, b2):
        X, Y, W1, b1, W2, b2 = X.T, Y.T, W1.T, b1[:, np.newaxis], W2.T, b2[:, np.newaxis]
        A1 = np.tanh(W1 @ X + b1)
        dZ2 = (1 / (1 + np.exp(-(W2 @ A1 + b2))) - Y) / X.shape[1]
        dZ1 = W2.T @ dZ2 * (1 - A1**2)
        sums = {"db1": dZ1.sum(axis=1, keepdims=True), "db2": dZ2.sum(axis=1, keepdims=True)}
        return {"dZ2": dZ2, "dW2": dZ2 @ A1.T, "dZ1": dZ1, "dW1": dZ1 @ X.T, **sums}

    assert grader.grade(backward)[0]


def test_the_page_shows_what_the_grader_prints(grader, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    command, printed = re.search(
        r"^```sh\npython grade_homework.py (.*?)\n```\n\n```text\n(.*?)^```", text, re.M | re.S
    ).groups()
    exec([code for _, code, _ in blocks(PAGE) if "write_text" in code].pop(), {})
    grader.main(command.split())
    assert capsys.readouterr().out == printed
