"""The constants behind the defaults, the values of each in the grid, and classifiers made with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from pkgutil import resolve_name
from typing import NamedTuple
from unittest.mock import patch

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skbackprop import TwoLayerClassifier
from skbackprop.solvers import SOLVERS, Adam

CLASSIFIERS = {
    kind.__name__: kind
    for kind in (TwoLayerClassifier, MLPClassifier, LogisticRegression, HistGradientBoostingClassifier)
}

# At most four values of each, the default among them. A name with a dot is that of a constant in skbackprop, any other
# that of a parameter of TwoLayerClassifier.
GRID = {
    "solver": (Adam(beta_2=0.99), Adam(beta_2=0.999)),
    "solvers.SteppingSolver.default_learning_rate": (0.005, 0.006, 0.008, 0.01),
    "_sklearn.auto.AUTO_BATCH": (32, 64),
    "_sklearn.auto.PRIOR_VARIANCE": (1.0, 1.2, 2.0, inf),  # inf: no penalty
    "_sklearn.auto.FEWEST_PENALISED": (30, 100),
    "_sklearn.auto.HELD_OUT": (5.0, 8.0, 11.0),
    "n_iter_no_change": (3, 5, 8),
    "_fit.strategies.PATIENT_UPDATES": (0, 50),
    "_fit.strategies.FINAL_EPOCHS": (0.0, 0.5, 0.75, 1.0),  # 0: no final phase
    "_fit.learner.AVERAGE_DECAY": (0.0, 0.8, 0.85, 0.9),  # 0: no average
    "network.OUTPUT_GAIN": (0.09, 1.0),
    "preprocessing.ROWS_PER_BIN": (100, 200),
    "preprocessing.FEWEST_BINS": (2, 4),
    "preprocessing.MOST_BINS": (8, 12),
}


class Model(NamedTuple):
    """A classifier with its defaults, except for these changes, whose names and values are as in the grid."""

    kind: str
    changes: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(f'{name}={value}' for name, value in self.changes)})"

    @contextmanager
    def made(self, random_state: int) -> Iterator[object]:
        """Make the classifier; the constants have the changed values as long as the block lasts."""
        params = {name: value for name, value in self.changes if "." not in name}
        with ExitStack() as stack:
            for name, value in self.changes:
                if "." in name:
                    stack.enter_context(patch.object(*owner(name), value))
            yield CLASSIFIERS[self.kind](random_state=random_state, **params)


OURS, MLP, LOGISTIC, BOOSTING = (Model(kind) for kind in CLASSIFIERS)


def owner(name: str) -> tuple[object, str]:
    """Return the module or class that has a constant, and its name there."""
    where, _, constant = name.rpartition(".")
    return resolve_name(f"skbackprop.{where}"), constant


def default(name: str) -> object:
    """Return the value that a constant of the grid has in the package."""
    if "." in name:
        return getattr(*owner(name))
    value = getattr(OURS_AS_IT_COMES, name)
    return SOLVERS.resolve(value) if name == "solver" else value


OURS_AS_IT_COMES = TwoLayerClassifier()


def changed(**changes: object) -> Model:
    """Return ours with these changes; a value that equals the default is no change."""
    return Model(OURS.kind, tuple((name, value) for name, value in changes.items() if value != default(name)))


def one_at_a_time() -> dict[tuple[str, object], Model]:
    """Return a model for each value of each constant, the others at their defaults."""
    for name, values in GRID.items():
        if default(name) not in values or len(values) > 4:
            raise ValueError(f"the grid wants at most four values of {name}, the default {default(name)} among them")
    return {(name, value): changed(**{name: value}) for name, values in GRID.items() for value in values}
