"""How someone's arrays lie: checked, and turned to samples by units and (fan_in, fan_out)."""

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
DETAILS[TRANSPOSED] = "it lies otherwise than the other arrays"


@dataclass
class Layout:
    """Arrays turned to lie as ours do.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The arrays that fit, samples by units, W (fan_in, fan_out), b (fan_out,).
    faults : dict of str to str
        What is wrong with the shape of an array; of a transposed one, the turned array is in arrays.
    transposed : dict of bool to bool
        Whether the arrays of weights (True), and the others (False), lie the other way.
    turned : set of str
        The names of the arrays that were turned.
    """

    arrays: dict[str, Array]
    faults: dict[str, str]
    transposed: dict[bool, bool]
    turned: set[str]

    def as_given(self, name: str, array: Array, shape: tuple[int, ...]) -> Array:
        """Return an array that lies as ours do in the shape, and turned the way, that the one of this name came in."""
        return (array.T if name in self.turned else array).reshape(shape)


def checked_arrays(mine: Any, steps: Steps) -> dict[str, Array]:
    """Return someone's arrays as they are.

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
    """Raise ValueError unless an array of the network has this name; the message holds the one that was meant."""
    if name in steps.names:
        return
    from difflib import get_close_matches  # here, since few need it

    if name == f"dA{steps.n_layers}":
        hint = f"the loss is taken of the logits, so the way back begins at dZ{steps.n_layers}; leave {name} out"
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
    """Return the arrays turned to lie as ours, which way is decided for all of a kind together.

    The arrays of the samples and those of the weights vote apart, by their shapes, or, if all are square, by their
    numbers. Two votes or more that are not balanced decide for their kind. One by itself goes with all the rest. Where
    nothing decides, both ways are returned, ours first.

    Parameters
    ----------
    mine : dict of str to ndarray
        The arrays as they came.
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
    kinds = {for_weights: [name for name in votes if is_weights(name) == for_weights] for for_weights in (False, True)}
    for names in kinds.values():
        if not any(votes[name] for name in names):
            for name in square(names, mine, steps):
                votes[name] = int(fits(name, mine[name].T)) - int(fits(name, mine[name]))
    transposed = {}
    for for_weights, names in kinds.items():
        own = [votes[name] for name in names if votes[name]]
        decided = len(own) > 1 and sum(own) != 0
        transposed[for_weights] = (sum(own) if decided else sum(votes.values())) > 0
    found = [placed(mine, steps, transposed)]
    if not any(votes.values()) and square(votes, mine, steps):
        found.append(placed(mine, steps, {False: True, True: True}))
    return found


def placed(mine: Mapping[str, Array], steps: Steps, transposed: dict[bool, bool]) -> Layout:
    """Return the arrays turned to lie as ours, given which kinds lie the other way."""
    layout = Layout({}, {}, transposed, set())
    for name, array in mine.items():
        if parsed(name)[0] == "db":
            place_bias(layout, name, array, steps)
        else:
            place(layout, name, array, steps.shape(name))
    return layout


def is_weights(name: str) -> bool:
    return parsed(name)[0] == "dW"


def square(names: Iterable[str], mine: Mapping[str, Array], steps: Steps) -> list[str]:
    """Return the names of the arrays that are square, as they should be, and have more than one number."""
    shapes = {name: mine[name].shape for name in names if mine[name].shape == steps.shape(name)}
    return [name for name, shape in shapes.items() if shape == shape[::-1] != (1, 1)]


def vote(array: Array, shape: tuple[int, ...]) -> int:
    """Return 1 if the shape is that of the transpose, -1 if it is the right one, 0 if it tells nothing."""
    return int(array.shape == shape[::-1]) - int(array.shape == shape)


def place(layout: Layout, name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Turn an array of the samples or of weights, and note it if it lies otherwise than its kind.

    Raises
    ------
    ValueError
        If its shape fits neither way.
    """
    other_way = layout.transposed[is_weights(name)]
    if array.ndim < 2 and array.size == max(shape) == np.prod(shape):
        layout.arrays[name] = array.reshape(shape)
    elif array.shape in (shape, shape[::-1]):
        fault = array.shape != (shape[::-1] if other_way else shape)
        if fault:
            layout.faults[name] = TRANSPOSED
        if fault != other_way:
            layout.turned.add(name)
        layout.arrays[name] = array.T if name in layout.turned else array
    else:
        remedy = "."
        if len({*array.shape}) == 1 and shape[1] == 1 < shape[0] == array.shape[0]:
            remedy = f": NumPy broadcast ({shape[0]}, 1) against ({shape[0]},). Give y the shape ({shape[0]}, 1)."
        raise ValueError(f"mine[{name!r}] must have shape {shape} or {shape[::-1]}; got {array.shape}{remedy}")


def place_bias(layout: Layout, name: str, array: Array, steps: Steps) -> None:
    """Flatten the gradient of a bias, and note it if its shape tells that it was summed over the wrong axis.

    Raises
    ------
    ValueError
        If it tells nothing.
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
