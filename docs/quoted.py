"""The numbers that pages quote, each read from the code. A page writes ``{{ max_iter }}``, say, outside its code."""

import ast
import re
import tomllib
from inspect import signature
from pathlib import Path

from sklearn.neural_network import (
    _base,
    _multilayer_perceptron,
    _stochastic_optimizers,
)

from skbackprop import TwoLayerClassifier, onnx
from skbackprop._data.samples import MIN_HELD_OUT
from skbackprop._fit.learner import AVERAGE_DECAY
from skbackprop._fit.strategies import FINAL_EPOCHS, PATIENT_UPDATES
from skbackprop._onnx.check import TOLERANCE
from skbackprop._sklearn import auto
from skbackprop._sklearn.prediction import MOST_NUMBERS
from skbackprop.activations import ACTIVATIONS
from skbackprop.network import OUTPUT_GAIN
from skbackprop.network_display import MAX_UNITS
from skbackprop.solvers import SOLVERS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PROJECT["project"]


def lines_of_code(*paths):
    """Return the number of lines that are neither blank nor comments nor in docstrings."""
    total = 0
    for path in paths:
        text, inside = Path(path).read_text(encoding="utf-8"), set()
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
                and ast.get_docstring(node) is not None
            ):
                inside |= set(
                    range(node.body[0].lineno, node.body[0].end_lineno + 1)
                )
        lines = enumerate(map(str.strip, text.splitlines()), start=1)
        total += sum(
            bool(line) and not line.startswith("#") and i not in inside
            for i, line in lines
        )
    return f"{total:,}"


def reading_hour():
    """Return the files of the README's reading hour."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return [
        ROOT / path
        for path in re.findall(
            r"^\| \[\S+\]\((\S+\.py)\) \| \d+ ", readme, re.MULTILINE
        )
    ]


def lowest(package):
    """Return the lowest version of a required package."""
    return next(
        each.split(">=")[1]
        for each in PROJECT["dependencies"]
        if each.startswith(f"{package}>=")
    )


QUOTED = {
    "max_iter": signature(TwoLayerClassifier).parameters["max_iter"].default,
    # what "auto" stands for
    "prior_variance": f"{auto.PRIOR_VARIANCE:g}",
    "fewest_penalised": auto.FEWEST_PENALISED,
    "auto_batch": auto.AUTO_BATCH,
    "small_table": auto.SMALL_TABLE,
    "adam_rate": SOLVERS.resolve("adam").default_learning_rate,
    "sgd_rate": SOLVERS.resolve("sgd").default_learning_rate,
    "output_gain": OUTPUT_GAIN,
    **{
        f"{name}_gain": f"{ACTIVATIONS.resolve(name).gain:.3g}"
        for name in ("relu", "tanh", "sigmoid")
    },
    # early stopping
    "fewest_searched": auto.FEWEST_SEARCHED,
    "search_share": f"{auto.HELD_OUT:g} / √n",
    "average_decay": AVERAGE_DECAY,
    "patient_updates": PATIENT_UPDATES,
    "final_epochs": FINAL_EPOCHS,
    "fewest_held_out": MIN_HELD_OUT,
    # limits
    "max_units": MAX_UNITS,
    "most_numbers": f"{MOST_NUMBERS:,}",
    "checked_samples": f"{onnx.CHECKED_SAMPLES:,}",
    "onnx_tolerance": f"{TOLERANCE:.4f}",
    # the project
    "python": PROJECT["requires-python"].removeprefix(">="),
    "scikit_learn": lowest("scikit-learn"),
    "lines_of_package": lines_of_code(*(ROOT / "skbackprop").rglob("*.py")),
    "lines_of_core": lines_of_code(*reading_hour()),
    "lines_of_mlpclassifier": lines_of_code(
        *(
            module.__file__
            for module in (
                _base,
                _multilayer_perceptron,
                _stochastic_optimizers,
            )
        )
    ),
}
