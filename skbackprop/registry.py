"""Names for the members of a family (activations, losses, solvers, ...), and objects that know their parameters.

A family is a :class:`Registry`. A class and one ``register`` line are all it takes to add a member: every estimator
then accepts its name, error messages list it, and the tests that loop over the registry cover it.
"""

import inspect
import numbers
from collections.abc import Callable
from dataclasses import MISSING, field, fields
from math import inf
from typing import Any, Self, TypeVar, cast

import numpy as np

T = TypeVar("T")  # what a member of a family is
Make = TypeVar("Make", bound=Callable[[], Any])


class Registry(dict[str, Callable[[], T]]):
    """The known names of one family.

    Parameters
    ----------
    parameter : str
        The constructor parameter that takes a member of this family; error messages name it.
    required : tuple of str
        The methods that an object must have to be accepted in place of a name; ``"__call__"`` means any callable.

    Examples
    --------
    >>> from skbackprop.activations import ACTIVATIONS
    >>> sorted(ACTIVATIONS)[:3]
    ['elu', 'gelu', 'identity']
    >>> ACTIVATIONS.resolve("tanh")
    Tanh()
    """

    def __init__(self, parameter: str, required: tuple[str, ...]) -> None:
        super().__init__()
        self.parameter, self.required = parameter, required

    def register(self, *names: str) -> Callable[[Make], Make]:
        """Return a decorator that registers a class (or a function without arguments) under the given names."""

        def enter(make: Make) -> Make:
            self.update(dict.fromkeys(names, make))
            return make

        return enter

    def resolve(self, spec: str | T, parameter: str | None = None) -> T:
        """Turn a name into an object; return an object as it is, if it has the required methods.

        Parameters
        ----------
        spec : str or object
            What the user gave.
        parameter : str, default=None
            The name to use in error messages; by default the family's own.

        Raises
        ------
        ValueError
            If a name is not known; the message lists the known ones.
        TypeError
            If an object lacks a required method.
        """
        parameter = parameter or self.parameter
        if isinstance(spec, str) and spec in self:
            return self[spec]()
        missing = [name for name in self.required if not callable(getattr(spec, name, None))]
        if not missing and not isinstance(spec, type):
            return cast(T, spec)
        names, methods = ", ".join(map(repr, sorted(self))), " and ".join(f"{name}()" for name in self.required)
        if isinstance(spec, str):
            known = f"the known names are {names}. An object with {methods} is taken too"
            raise ValueError(f"{parameter}={spec!r} is not known; {known}.")
        hint = f"give an instance: {spec.__name__}()" if isinstance(spec, type) else f"it has no {missing[0]}"
        raise TypeError(f"{parameter} must be one of {names}, or an object with {methods}; got {spec!r} ({hint}).")


class Configurable:
    """An object that holds its constructor's parameters and nothing else: it is printed, compared and cloned by them.

    This is the part of scikit-learn's ``BaseEstimator`` that ``clone`` and ``GridSearchCV`` rely on
    (``solver__beta_1`` reaches the ``beta_1`` of a given ``Adam()``), without scikit-learn. A subclass has an
    ``__init__`` of its own, or is a ``@dataclass(eq=False, repr=False)``; fields made by :func:`number` are checked.

    Examples
    --------
    >>> from skbackprop.solvers import Adam
    >>> solver = Adam(beta_2=0.99)
    >>> solver.set_params(beta_1=0.8)
    Adam(beta_1=0.8, beta_2=0.99)
    >>> solver == Adam(0.8, 0.99)
    True
    """

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]  # only a dataclass calls this
            value = getattr(self, each.name)
            if each.metadata and not (value is None and each.default is None):
                check_number(self, each.name, value, **each.metadata)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name; ``deep`` has no effect, since there are no nested ones."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set constructor parameters by name and return self.

        Raises
        ------
        ValueError
            If a name is not a parameter of the constructor, or it refuses a value; the object stays as it was.
        """
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {[*known]}.")
        vars(self).update(vars(type(self)(**known | params)))
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = {k: v for k, v in self.get_params().items() if v != defaults[k].default}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(vars(self).items()))))


def same(a: Any, b: Any) -> bool:
    """Tell whether two objects have the same type and equal contents, those of lists, dicts and attributes included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b) or (hasattr(a, "__dict__") and not callable(a) and same(vars(a), vars(b)))


def number(default: Any = MISSING, low: float = 0, high: float = inf, **limits: bool) -> Any:
    """Return a dataclass field for a Configurable: a number, which :func:`check_number` checks.

    Parameters
    ----------
    default : float or None
        The default; None is a valid value only if it is the default. Without a default, the parameter is required.
    low, high, **limits
        As in :func:`check_number`.
    """
    return field(default=default, metadata={"low": low, "high": high, **limits})


def check_number(
    owner: Any, name: str, value: Any, low: float, high: float = inf, *, open_low: bool = False, integer: bool = False
) -> None:
    """Raise ValueError unless value is a number in [low, high), or (low, high) with open_low."""
    kind = numbers.Integral if integer else numbers.Real
    inside = isinstance(value, kind) and not isinstance(value, bool) and low <= value < high  # type: ignore[operator]
    if not inside or (open_low and value == low):
        expected = f"{'an integer' if integer else 'a number'} in {'(' if open_low else '['}{low:g}, {high:g})"
        raise ValueError(f"{type(owner).__name__}: {name} must be {expected}; got {value!r}.")
