"""Names for the members of a family (activations, losses, solvers, ...), and objects that know their parameters.

A family is a :class:`Registry`. A class and one ``register`` line are all it takes to add a member; from then on its
name is understood by every estimator, listed by every error message and met by every test that walks the registry.
"""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Registry(dict[str, Callable[[], Any]]):
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
        self.parameter = parameter
        self.required = required

    def register(self, *names: str) -> Callable[[T], T]:
        """Return a decorator that enters a class (or a function without arguments) under the given names."""

        def enter(make: Any) -> Any:
            self.update(dict.fromkeys(names, make))
            return make

        return enter

    def resolve(self, spec: Any, parameter: str | None = None) -> Any:
        """Turn a name into an object; hand an object back once it is seen to have the required methods.

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
        if isinstance(spec, str):
            if spec not in self:
                raise ValueError(
                    f"{parameter}={spec!r} is not known; the known names are {', '.join(map(repr, sorted(self)))}. "
                    f"An object with {self._needs()} is taken too."
                )
            return self[spec]()
        missing = [name for name in self.required if not callable(getattr(spec, name, None))]
        if missing or isinstance(spec, type):
            hint = f"give an instance: {spec.__name__}()" if isinstance(spec, type) else f"it has no {missing[0]}"
            raise TypeError(
                f"{parameter} must be one of {', '.join(map(repr, sorted(self)))}, or an object with {self._needs()}; "
                f"got {spec!r} ({hint})."
            )
        return spec

    def _needs(self) -> str:
        return " and ".join(f"{name}()" for name in self.required)


class Configurable:
    """An object that is its constructor's parameters: printed, compared, cloned and searched by them.

    This is the part of scikit-learn's ``BaseEstimator`` that ``clone`` and ``GridSearchCV`` rely on
    (``solver__beta_1`` reaches the ``beta_1`` of a given ``Adam()``), without scikit-learn.

    Examples
    --------
    >>> from skbackprop.solvers import Adam
    >>> solver = Adam(beta_2=0.99)
    >>> solver.set_params(beta_1=0.8)
    Adam(beta_1=0.8, beta_2=0.99)
    >>> solver == Adam(0.8, 0.99)
    True
    """

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name; ``deep`` is accepted for scikit-learn's sake."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Configurable:
        """Set constructor parameters by name and return self.

        Raises
        ------
        ValueError
            If a name is not a parameter of the constructor.
        """
        unknown = [name for name in params if name not in self._parameter_names()]
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no parameter {unknown[0]!r}; it has {self._parameter_names()}."
            )
        type(self).__init__(self, **{**self.get_params(), **params})  # checks the values as at construction
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = {k: v for k, v in self.get_params().items() if v != defaults[k].default}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(vars(self).items()))))


def check_number(
    owner: Any,
    name: str,
    value: Any,
    low: float,
    high: float = float("inf"),
    *,
    open_low: bool = False,
    integer: bool = False,
) -> None:
    """Raise ValueError unless value is a number in [low, high), or (low, high) with open_low."""
    kind = numbers.Integral if integer else numbers.Real
    inside = isinstance(value, kind) and not isinstance(value, bool) and low <= float(value) < high
    if not inside or (open_low and value == low):
        interval = f"{'(' if open_low else '['}{low:g}, {high:g})"
        raise ValueError(
            f"{type(owner).__name__}: {name} must be {'an integer' if integer else 'a number'} in {interval}; "
            f"got {value!r}."
        )
