"""The two classifiers: what their parameters are called, what they mean, and where the defaults come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from numbers import Integral
from typing import Any

from ._compat import Interval
from .estimator import BaseBackprop

RENAMED = {  # MLPClassifier's names that are other ones here
    "learning_rate_init": "learning_rate (a number)",
    "power_t": "schedule=InvScaling(power=...)",
    "momentum": "solver=SGD(momentum=...)",
    "nesterovs_momentum": "solver=SGD(momentum=..., nesterov=True)",
    "beta_1": "solver=Adam(beta_1=...)",
    "beta_2": "solver=Adam(beta_2=...)",
    "epsilon": "solver=Adam(epsilon=...)",
    "max_fun": "max_iter",
    "hidden_layer_sizes": "hidden_units, or BackpropClassifier(hidden_layer_sizes=...)",
}


def explains_renamed(init: Callable[..., None]) -> Callable[..., None]:
    """Make a constructor tell MLPClassifier's users the new name of a parameter that it does not have."""
    own = init.__code__.co_varnames

    @wraps(init)
    def __init__(self: Any, *args: Any, **params: Any) -> None:
        for name in params:
            if name in RENAMED and name not in own:
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}; use {RENAMED[name]}.")
        init(self, *args, **params)

    return __init__


class TwoLayerClassifier(BaseBackprop):
    """DOC

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    """

    _parameter_constraints = BaseBackprop._parameter_constraints | {
        "hidden_units": [Interval(Integral, 1, None, closed="left")],
    }

    @explains_renamed
    def __init__(
        self,
        hidden_units: int = 100,
        *,
        activation: Any = "relu",
        loss: Any = "log_loss",
        weight_init: Any = "auto",
        solver: Any = "adam",
        learning_rate: float | str = "auto",
        schedule: Any = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 100,
        alpha: float = 1e-3,
        dropout: float = 0.0,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: Any = "loss",
        n_iter_no_change: int | None = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_units = hidden_units
        self.activation = activation
        self.loss = loss
        self.weight_init = weight_init
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.alpha = alpha
        self.dropout = dropout
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose

    def _hidden_layers(self) -> list[int]:
        return [self.hidden_units]


class BackpropClassifier(BaseBackprop):
    """DOC"""

    @explains_renamed
    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        *,
        activation: Any = "relu",
        loss: Any = "log_loss",
        weight_init: Any = "auto",
        solver: Any = "adam",
        learning_rate: float | str = "auto",
        schedule: Any = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 100,
        alpha: float = 1e-3,
        dropout: float = 0.0,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: Any = "loss",
        n_iter_no_change: int | None = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.weight_init = weight_init
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.alpha = alpha
        self.dropout = dropout
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose

    def _hidden_layers(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
        if not all(isinstance(n, Integral) and n >= 1 for n in sizes):
            raise ValueError(
                f"hidden_layer_sizes must be numbers of units, each >= 1; got {self.hidden_layer_sizes!r}."
            )
        return sizes
