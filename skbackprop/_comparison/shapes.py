"""The layout of a student's arrays: checked, and turned to samples × units and (fan_in, fan_out)."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core.kernels import Array
from .steps import Steps, parsed

ALL_AXES = "summed over all axes"
NOT_SUMMED = "not summed"
TRANSPOSED = "transposed"
WRONG_AXIS = "summed over the wrong axis"
DETAILS = dict.fromkeys((WRONG_AXIS, ALL_AXES, NOT_SUMMED), "db is the sum over the samples")
DETAILS[TRANSPOSED] = "its layout is not that of the other arrays"


@dataclass
class Layout:
    """Arrays turned to the layout of ours.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The arrays that fit: samples × units, W (fan_in, fan_out), b (fan_out,).
    faults : dict of str to str
        What is wrong with the shape of an array, by its name. A transposed array is turned, and in ``arrays`` too.
    transposed : dict of str to bool
        Whether most arrays of a group, "samples" or "weights", are transposed.
    turned : set of str
        The names of the arrays that were turned.
    """

    arrays: dict[str, Array]
    faults: dict[str, str]
    transposed: dict[str, bool]
    turned: set[str]

    def as_given(self, name: str, array: Array, shape: tuple[int, ...]) -> Array:
        """Return an array of our layout in the layout and the shape in which the array of this name was given."""
        return (array.T if name in self.turned else array).reshape(shape)


def checked_arrays(mine: Any, steps: Steps) -> dict[str, Array]:
    """Return a student's arrays as they are, in the order of computation.

    Raises
    ------
    TypeError
        If mine is not a dict.
    ValueError
        If it is empty, or holds an unknown name or what is not an array of finite numbers.
    """
    if not isinstance(mine, Mapping):
        raise TypeError(f'mine must be a dict of arrays by name, {{"dW1": dW1, "db1": db1}} say; got {mine!r:.80}.')
    if not mine:
        raise ValueError(f"mine is empty: give one array or more, by the names {', '.join(steps.names)}.")
    for name in mine:
        check_name(name, steps)
    return {name: checked_array(name, mine[name]) for name in steps.names if name in mine}


def check_name(name: Any, steps: Steps) -> None:
    """Raise ValueError unless an array of the network has this name; the message suggests the name that was meant."""
    if name in steps.names:
        return
    from difflib import get_close_matches  # imported here, since it is seldom needed

    if name == f"dA{steps.n_layers}":
        hint = f"the loss is a function of the logits: backpropagation begins at dZ{steps.n_layers}; leave {name} out"
    else:
        plain = {known.lower(): known for known in steps.names}
        near = get_close_matches(re.sub(r"[^a-z0-9]", "", str(name).lower()), plain, n=1, cutoff=0.5)
        known = f"a network of {steps.n_layers} layers has {', '.join(steps.names)}"
        hint = f"did you mean {plain[near[0]]!r}? {known[0].upper()}{known[1:]}" if near else known
    raise ValueError(f"mine has an unknown name, {name!r}: {hint}.")


def checked_array(name: str, value: Any) -> Array:
    """Return a copy of an array in its own floating type; other numbers become float64."""
    try:
        array = np.array(value)
        array = array if array.dtype.kind == "f" else array.astype(np.float64, casting="same_kind")
    except (TypeError, ValueError) as error:
        raise ValueError(f"mine[{name!r}] must be an array of real numbers; got {value!r:.80} ({error}).") from None
    finite = np.isfinite(array)
    if not finite.all():
        where = np.unravel_index(int(np.argmin(finite)), array.shape)
        place = f" at [{', '.join(map(str, where))}]" if where else ""
        raise ValueError(f"mine[{name!r}] must hold finite numbers; it has {array[where]}{place}.")
    return array


def layouts(mine: Mapping[str, Array], steps: Steps, fits: Callable[[str, Array], bool]) -> list[Layout]:
    """Return the arrays turned to our layout; whether they are transposed is decided for a whole group of arrays.

    The arrays of the samples and those of the weights vote separately, by their shapes or, if all are square, by their
    numbers. A majority of two or more votes decides for a group; otherwise the votes of both groups together do. If
    nothing decides, both layouts are returned, ours first.

    Parameters
    ----------
    mine : dict of str to ndarray
        The arrays as they were given.
    steps : Steps
        What shapes they should have.
    fits : callable (name, array) -> bool
        Whether an array of the right shape holds our numbers.

    Raises
    ------
    ValueError
        If an array has a shape that no slip explains.
    """
    votes = {name: vote(array, steps.shape(name)) for name, array in mine.items() if parsed(name)[0] != "db"}
    groups = {group: [name for name in votes if group_of(name) == group] for group in ("samples", "weights")}
    for names in groups.values():
        if not any(votes[name] for name in names):
            for name in square(names, mine, steps):
                votes[name] = int(fits(name, mine[name].T)) - int(fits(name, mine[name]))
    transposed = {}
    for group, names in groups.items():
        own = [votes[name] for name in names if votes[name]]
        decided = len(own) > 1 and sum(own) != 0
        transposed[group] = (sum(own) if decided else sum(votes.values())) > 0
    found = [placed(mine, steps, transposed)]
    if not any(votes.values()) and square(votes, mine, steps):
        found.append(placed(mine, steps, dict.fromkeys(groups, True)))
    return found


def placed(mine: Mapping[str, Array], steps: Steps, transposed: dict[str, bool]) -> Layout:
    """Return the arrays turned to our layout, given which groups are transposed."""
    layout = Layout({}, {}, transposed, set())
    for name, array in mine.items():
        if parsed(name)[0] == "db":
            place_bias(layout, name, array, steps)
        else:
            place(layout, name, array, steps.shape(name))
    return layout


def group_of(name: str) -> str:
    """Return whether an array belongs to the "weights" or to the "samples"."""
    return "weights" if parsed(name)[0] == "dW" else "samples"


def square(names: Iterable[str], mine: Mapping[str, Array], steps: Steps) -> list[str]:
    """Return the names of the arrays that are square, rightly so, and have more than one number."""
    shapes = {name: mine[name].shape for name in names if mine[name].shape == steps.shape(name)}
    return [name for name, shape in shapes.items() if shape == shape[::-1] != (1, 1)]


def vote(array: Array, shape: tuple[int, ...]) -> int:
    """Return 1 if the shape is that of the transpose, -1 if it is the right one, 0 if it tells nothing."""
    return int(array.shape == shape[::-1]) - int(array.shape == shape)


def place(layout: Layout, name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Add an array of the samples or of the weights to a layout, and note it if it is laid out differently.

    Raises
    ------
    ValueError
        If neither its shape fits nor that of its transpose.
    """
    is_transposed = layout.transposed[group_of(name)]
    if array.ndim < 2 and array.size == max(shape) == np.prod(shape):
        layout.arrays[name] = array.reshape(shape)
    elif array.shape in (shape, shape[::-1]):
        fault = array.shape != (shape[::-1] if is_transposed else shape)
        if fault:
            layout.faults[name] = TRANSPOSED
        if fault != is_transposed:
            layout.turned.add(name)
        layout.arrays[name] = array.T if name in layout.turned else array
    else:
        remedy = "."
        if len({*array.shape}) == 1 and shape[1] == 1 < shape[0] == array.shape[0]:
            remedy = f": NumPy broadcast ({shape[0]}, 1) against ({shape[0]},). Give y the shape ({shape[0]}, 1)."
        raise ValueError(f"mine[{name!r}] must have shape {shape} or {shape[::-1]}; got {array.shape}{remedy}")


def place_bias(layout: Layout, name: str, array: Array, steps: Steps) -> None:
    """Add the gradient of a bias to a layout, flattened, and note it if its shape tells how it was summed wrongly.

    Raises
    ------
    ValueError
        If its shape is wrong and no slip explains it.
    """
    (n,), m = steps.shape(name), len(steps.Y)
    long = array.ndim <= 2 and array.size == max(array.shape, default=1)
    if long and array.size == n:
        layout.arrays[name] = array.reshape(n)
    elif long and array.size == m:
        layout.faults[name] = WRONG_AXIS
    elif array.size == 1:
        layout.faults[name] = ALL_AXES
    elif array.shape in ((m, n), (n, m)):
        layout.faults[name] = NOT_SUMMED
    else:
        raise ValueError(f"mine[{name!r}] must have shape ({n},), (1, {n}) or ({n}, 1); got {array.shape}.")
