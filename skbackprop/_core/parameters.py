"""The parameters of a network: one flat vector θ = [W1 … WL | b1 … bL], of which every W and b is a view.

A solver works on the whole vector, the penalty on its first part, which holds all weights.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .kernels import Array, adder, square_sum

Held = TypeVar("Held")

SHOWN_NUMBERS, SHOWN_ROWS = 16, 8  # largest array whose numbers are printed


class Views(tuple[Array, ...]):
    """A tuple of arrays that can be written to but not replaced: ``views[l] = values`` copies values into the l-th.

    Examples
    --------
    >>> from skbackprop import Network
    >>> net = Network([2, 3, 1])
    >>> net.W[1] = [[1.0], [2.0], [3.0]]
    >>> net.theta[6:9]
    array([1., 2., 3.])
    """

    __slots__ = ()

    def __setitem__(self, l: int | slice, values: ArrayLike | Sequence[ArrayLike]) -> None:
        write(values, self[l])


def write(values: Any, held: Array | tuple[Array, ...]) -> None:
    """Copy values into an array, or a list of arrays into a tuple of arrays; if one does not fit, copy nothing.

    Raises
    ------
    ValueError
        If there are more or fewer arrays than held, one has another shape, or one does not hold numbers.
    """
    arrays, views = (values, held) if isinstance(held, tuple) else ([values], (held,))
    expected = [view.shape for view in views]
    try:
        # copies, since the values may be views of the arrays that they are written to
        new = [np.array(array, views[0].dtype if views else None) for array in arrays]
    except (TypeError, ValueError) as error:
        raise ValueError(f"The shapes must be {expected}, of numbers: {error}") from None
    if (found := [array.shape for array in new]) != expected:
        raise ValueError(f"The shapes must be {expected}; got {found}.")
    for view, array in zip(views, new, strict=True):
        view[...] = array


class Written(Generic[Held]):
    """A descriptor for an attribute that holds an array or Views: an assignment copies the values into them."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, parameters: None, owner: type) -> Self: ...

    @overload
    def __get__(self, parameters: object, owner: type) -> Held: ...

    def __get__(self, parameters: object, owner: type | None = None) -> Any:
        return self if parameters is None else vars(parameters)[self.name]

    def __set__(self, parameters: object, values: ArrayLike | Sequence[ArrayLike]) -> None:
        write(values, vars(parameters)[self.name])


class Parameters:
    """One flat vector with views: the parameters θ of a network, or their gradients dθ.

    Assignments write into the vector: ``grads.W[0] = dW1``, ``grads.b = [db1, db2]`` and ``grads.theta = dtheta`` all
    change ``grads.theta`` in place. Copies, pickled ones included, own a vector of their own.

    Parameters
    ----------
    layer_sizes : sequence of int
        n_0, n_1, …, n_L.
    dtype : dtype, default=float64
        float64 or float32.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        The vector [W1 … WL | b1 … bL].
    weights : ndarray of shape (n_weights,)
        View of the first part of theta, all W.
    W : tuple of ndarray of shape (n_(l-1), n_l)
        Views of the weights of each layer.
    b : tuple of ndarray of shape (n_l,)
        Views of the biases of each layer.

    Examples
    --------
    >>> from skbackprop.arrays import Parameters
    >>> grads = Parameters([2, 3, 1])
    >>> grads.W[0][...] = 2.0
    >>> grads.b[1] = [7.0]
    >>> grads.theta
    array([2., 2., 2., 2., 2., 2., 0., 0., 0., 0., 0., 0., 7.])
    """

    theta: Written[Array] = Written()
    weights: Written[Array] = Written()
    W: Written[Views] = Written()
    b: Written[Views] = Written()

    def __init__(self, layer_sizes: Sequence[int], dtype: DTypeLike = np.float64) -> None:
        n_parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(layer_sizes))
        self._hold(np.zeros(n_parameters, dtype), layer_sizes)

    def _hold(self, theta: Array, layer_sizes: Sequence[int]) -> None:
        """Take a vector as theta, and cut it into views."""
        L, shapes = len(layer_sizes) - 1, [*pairwise(layer_sizes), *((n,) for n in layer_sizes[1:])]
        ends = [*accumulate(map(prod, shapes), initial=0)]
        views = [theta[i:j].reshape(shape) for (i, j), shape in zip(pairwise(ends), shapes, strict=True)]
        vars(self).update(theta=theta, weights=theta[: ends[L]], W=Views(views[:L]), b=Views(views[L:]))

    @property
    def layer_sizes(self) -> list[int]:
        return [len(self.W[0]), *map(len, self.b)]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.theta.dtype

    def norms(self) -> list[float]:
        """Return the Euclidean norm of each layer's W and b together."""
        return [float(np.hypot(np.linalg.norm(W), np.linalg.norm(b))) for W, b in zip(self.W, self.b, strict=True)]

    def __repr__(self) -> str:
        return described(f"{type(self).__name__}({self.layer_sizes})", named_parameters(self))

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("weights", "W", "b")} | {"sizes": self.layer_sizes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._hold(np.array(state.pop("theta")), state.pop("sizes"))
        vars(self).update(state)


def named_parameters(parameters: Parameters) -> dict[str, Array]:
    """Return every W and b by its name: W1, b1, W2, …"""
    layers = enumerate(zip(parameters.W, parameters.b, strict=True), start=1)
    return {name: array for l, (W, b) in layers for name, array in ((f"W{l}", W), (f"b{l}", b))}


def described(title: str, arrays: dict[str, Any]) -> str:
    """Return a title, and below it a line for each array: its name, its shape and, if they are few, its numbers."""
    names, shapes = max(map(len, arrays)), max(len(str(array.shape)) for array in arrays.values())
    lines = [title]
    for name, array in arrays.items():
        line = f"  {name:{names}}  {array.shape!s:{shapes}}  "
        few_rows = array.ndim == 1 or array.shape[0] <= SHOWN_ROWS
        if isinstance(array, np.ndarray) and 0 < array.size <= SHOWN_NUMBERS and few_rows:
            line += np.array2string(array, precision=4, prefix=line)
        lines.append(line.rstrip())
    return "\n".join(lines)


def penalty(weights: Array, alpha: float) -> float:
    """Return (alpha / 2) Σ_l ‖Wl‖² of all weights in one vector."""
    return half_squares(weights, alpha)() if alpha else 0.0


def half_squares(weights: Array, alpha: float) -> Callable[[], float]:
    """Return the function that returns (alpha / 2) ‖weights‖²."""
    squares = square_sum(weights)
    return lambda: 0.5 * alpha * squares()


def bind_penalty(weights: Array, alpha: float, gradients: Array) -> Callable[[], float]:
    """Return the function that adds the gradient and returns the penalty."""
    add_weights, value = adder(weights, gradients), half_squares(weights, alpha)

    def penalise() -> float:
        add_weights(alpha)  # dW ← dW + alpha W
        return value()

    return penalise
