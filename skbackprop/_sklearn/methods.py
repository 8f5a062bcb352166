"""Methods whose errors explain themselves: what an unknown parameter is called here, why a method is not available."""

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import update_wrapper, wraps
from types import MethodType
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
Method = TypeVar("Method", bound=Callable[..., Any])

HIDDEN = {
    "TwoLayerClassifier": "hidden_units, or BackpropClassifier(hidden_layer_sizes=...)",
    "BackpropClassifier": "hidden_layer_sizes, a number for each hidden layer",
}
HIDDEN_NAMES = (
    "hidden hidden_units hidden_layer_sizes hidden_layers hidden_size hidden_dim n_hidden units layers num_units"
)

# What to use here: the names of MLPClassifier, Keras, skorch, PyTorch, XGBoost and LightGBM that it stands for.
CALLED = {
    "max_iter": "epoch epochs max_epochs n_epochs num_epochs nb_epoch max_fun n_estimators num_boost_round",
    "learning_rate (a number)": "learning_rate_init lr eta eta0",
    "solver": "optimizer",
    "solver=SGD(momentum=...)": "momentum",
    "solver=SGD(momentum=..., nesterov=True)": "nesterovs_momentum nesterov",
    "solver=Adam(beta_1=...)": "beta_1",
    "solver=Adam(beta_2=...)": "beta_2",
    "solver=Adam(epsilon=...)": "epsilon",
    "solver=Adam(max_grad_norm=...)": "clipnorm gradient_clip_value max_grad_norm",
    "schedule": "lr_scheduler lr_schedule scheduler learning_rate_schedule",
    "schedule=InvScaling(power=...)": "power_t",
    "loss": "criterion objective loss_function",
    "alpha": "weight_decay l2 l2_reg reg_lambda kernel_regularizer",
    "alpha=1 / (C * n_samples)": "C",
    "dropout": "dropout_rate dropout_prob",
    "activation": "activation_function nonlinearity hidden_activation",
    "weight_init": "kernel_initializer initializer init",
    "batch_size": "minibatch_size iterator_train__batch_size",
    "validation_fraction": "validation_split val_split train_split",
    "n_iter_no_change": "patience early_stopping_rounds",
    "tol": "min_delta",
    "scoring": "metrics metric eval_metric",
    "class_weight={label: weight, ...}": "scale_pos_weight class_weights",
    "random_state": "seed random_seed",
    "fit(X, y, X_val=..., y_val=...)": "validation_data eval_set",
    "fit(X, y, sample_weight_val=...)": "sample_weight_eval_set eval_sample_weight",
    "set_callbacks(...) (scikit-learn 1.9 or newer)": "callbacks",
    "n_jobs of GridSearchCV or cross_val_score": "n_jobs",
}
INSTEAD = {name: use for use, names in CALLED.items() for name in names.split()}


def in_our_words(method: Callable[P, R]) -> Callable[P, R]:
    """Decorate a constructor or a fit: the error for an unknown parameter names the class and what to use instead.

    NumPy's error settings are as before when the method returns or raises.
    """
    signature = inspect.signature(method)
    name = method.__name__

    @wraps(method)
    def checking(self: Any, *args: Any, **params: Any) -> Any:
        try:
            signature.bind(self, *args, **params)
        except TypeError as error:
            called = type(self).__name__ + ("" if name == "__init__" else f".{name}()")
            unknown = [param for param in params if param not in signature.parameters]
            uses = {param: instead(type(self), name, param) or alike(param, signature.parameters) for param in unknown}
            known = {param: use for param, use in uses.items() if use}
            said = "; ".join(f"{called} has no parameter {param!r}; use {use}" for param, use in known.items())
            raise TypeError(f"{said or f'{called}: {error}'}.") from None
        with np.errstate():  # restores NumPy's settings, even if an interrupt comes just before an inner errstate does
            return method(self, *args, **params)

    return cast(Callable[P, R], checking)


def instead(cls: type, method: str, name: str) -> str:
    """Return what to use instead of a parameter, or an empty string if that is not known."""
    own = inspect.signature(cls).parameters
    if name in HIDDEN_NAMES.split() and name not in own:
        use = next((HIDDEN[base.__name__] for base in cls.__mro__ if base.__name__ in HIDDEN), "")
    else:
        use = INSTEAD.get(name, "") or ("" if name in own else alike(name, own))
    if method != "__init__" and (name in own or use.split("=")[0].split(" ")[0] in own):
        use = f"the constructor's {use or name}"
    return use


def alike(name: str, names: Iterable[str]) -> str:
    """Return which of the names a misspelt one means, or an empty string if none is much like it."""
    return next(iter(get_close_matches(name, names, 1, cutoff=0.8)), "")


def check_names(estimator: Any, params: dict[str, Any]) -> None:
    """Raise ValueError if set_params is given a name for what is called something else here.

    Such is another library's name for a parameter, alone or behind the name of its part (``optimizer__lr``), or a
    parameter of a part that has none: ``solver__beta_1`` needs an ``Adam()``, of which "adam" is only the name.
    """
    cls, own = type(estimator), inspect.signature(type(estimator)).parameters
    for name in params:
        part, nested, inner = name.partition("__")
        value: Any = params.get(part, getattr(estimator, part, None))
        settable: dict[str, Any] = {} if isinstance(value, type) else getattr(value, "get_params", dict)()
        if part in own and (not nested or inner in settable):
            continue
        last, why = inner.rpartition("__")[2] or part, ""
        use = last if last in own else instead(cls, "__init__", last) or instead(cls, "__init__", part)
        if part in own and not settable:
            why, use = f", since {part}={value!r} is not an object with parameters", use or "such an object"
        if use:
            raise ValueError(f"{cls.__name__} has no parameter {name!r}{why}; use {use}.")


class AvailableIf:
    """A decorator like scikit-learn's ``available_if``, whose AttributeError says why a method is not available.

    Parameters
    ----------
    check : callable (instance) -> None
        Raises AttributeError if the instance does not have the method.
    """

    def __init__(self, check: Callable[[Any], None]) -> None:
        self.check = check

    def __call__(self, method: Method) -> Method:
        self.method = method
        return cast(Method, update_wrapper(self, method))  # called on an instance, it is the method

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self.method
        self.check(instance)
        return MethodType(self.method, instance)
