"""Every default of the public names is frozen in frozen_defaults.txt: none changes without being noticed.

``python tests/test_frozen_defaults.py`` writes the file anew.
"""

import inspect
from pathlib import Path
from pkgutil import resolve_name

import skbackprop
import skbackprop.onnx
import skbackprop.preprocessing
from skbackprop.activations import ACTIVATIONS
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LINKS, LOSSES
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SOLVERS

FROZEN = Path(__file__).with_name("frozen_defaults.txt")
FAMILIES = [ACTIVATIONS, INITIALIZERS, LINKS, LOSSES, SCHEDULES, SOLVERS]
ASKED = ["default_learning_rate", "rate_follows_scale", "full_batch_only", "gain"]  # of a part, for "auto"

BEHIND_AUTO = {  # the numbers in the rules of "auto", by module
    "_sklearn.auto": "SMALL_TABLE AUTO_BATCH HELD_OUT FEWEST_SEARCHED PRIOR_VARIANCE FEWEST_PENALISED",
    "_fit.learner": "AVERAGE_DECAY",
    "_fit.strategies": "PATIENT_UPDATES FINAL_EPOCHS",
    "network": "OUTPUT_GAIN",
    "preprocessing": "ROWS_PER_BIN FEWEST_BINS MOST_BINS",
}

ADVICE = """
A default is what everybody gets who does not ask for something else. If the change is meant:
  1. python tests/test_frozen_defaults.py  writes frozen_defaults.txt anew; look at its diff.
  2. CHANGELOG.md names the old and the new value, under "Changed", and what becomes of a fit with the same seed.
  3. The docstring and docs/defaults.md say where the new value comes from.
  4. Files that were saved before must predict as they did: python -m pytest tests/test_golden.py
"What may change, and how" in CONTRIBUTING.md says in which release this may be."""


def defaults_of(make):
    """Yield a line for each parameter that has a default, and for what "auto" asks an object of the class for."""
    for parameter in inspect.signature(make).parameters.values():
        if parameter.default is not parameter.empty:
            yield f"{make.__name__}.{parameter.name} = {parameter.default!r}"


def current_defaults():
    """Return the lines of frozen_defaults.txt as they should be, sorted."""
    lines = set()
    for module in (skbackprop, skbackprop.onnx, skbackprop.preprocessing):
        for each in (getattr(module, name) for name in module.__all__):
            lines |= {*defaults_of(each)} if callable(each) else set()
    for module, names in BEHIND_AUTO.items():
        lines |= {f"auto: {name} = {resolve_name(f'skbackprop.{module}.{name}')!r}" for name in names.split()}
    for family in FAMILIES:
        for name, make in family.items():
            if make.__module__.startswith("skbackprop."):  # other tests register parts of their own
                lines |= {f"{family.parameter} {name!r} is {make.__name__}", *defaults_of(make)}
                part = make()
                lines |= {f"{make.__name__}: {a} = {getattr(part, a)!r}" for a in ASKED if hasattr(part, a)}
    return sorted(lines)


def test_no_default_has_changed():
    frozen, current = FROZEN.read_text(encoding="utf-8").splitlines(), current_defaults()
    changes = [f"  frozen:  {line}" for line in frozen if line not in current]
    changes += [f"  current: {line}" for line in current if line not in frozen]
    assert frozen == current, "\n".join(["the defaults are not the frozen ones", *changes, ADVICE])


def test_the_defaults_that_matter_most_are_among_the_frozen_ones():
    lines = FROZEN.read_text(encoding="utf-8").splitlines()
    for name in (
        "TwoLayerClassifier.solver",
        "BackpropClassifier.max_iter",
        "Adam.beta_2",
        "SGD: default_learning_rate",
        "PiecewiseLinearEncoder.n_bins",
        "auto: HELD_OUT",
    ):
        assert [line for line in lines if line.startswith(f"{name} = ")], name


if __name__ == "__main__":
    FROZEN.write_text("\n".join(current_defaults()) + "\n", encoding="utf-8", newline="\n")
