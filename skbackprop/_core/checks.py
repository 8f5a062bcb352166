"""Checks of what a Network is given: each returns it in the form to compute with, or raises and says what to do."""

from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .kernels import Array
from .layers import Cache
from .parameters import Parameters, named_parameters
from .types import SparseMatrix

CLASS_NUMBERS = "Labels of any kind become class numbers with np.unique(y, return_inverse=True)[1]"


def checked_sizes(layer_sizes: Any) -> list[int]:
    """Return the layer sizes as a list of int."""
    if not hasattr(layer_sizes, "__iter__"):
        raise ValueError(f"layer_sizes must be one list, as in Network([2, 3, 1]); got {layer_sizes!r}.")
    sizes = list(layer_sizes)
    if len(sizes) < 2 or not all(isinstance(n, Integral) and not isinstance(n, bool) and int(n) >= 1 for n in sizes):
        raise ValueError(f"layer_sizes must be at least two numbers of units, each >= 1 and an integer; got {sizes}.")
    return [int(n) for n in sizes]


def generator(random_state: Any) -> np.random.RandomState:
    """Return a RandomState as it is, or make one from a seed."""
    if isinstance(random_state, np.random.Generator):
        how = "Give a seed, random_state=0, or np.random.RandomState(0), which draws other numbers than a Generator"
        raise TypeError(f"random_state must be a seed or a RandomState, not a numpy Generator. {how}.")
    return random_state if isinstance(random_state, np.random.RandomState) else np.random.RandomState(random_state)


@np.errstate(over="ignore")  # an overflow from float64 to float32 is reported as an error below
def finite_numbers(name: str, values: Any, dtype: Any, remedy: str = "") -> Array:
    """Return values as an array of finite numbers."""
    try:
        array = np.asarray(values, dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers: {error}.{remedy}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN, or numbers that are infinite in {array.dtype}.")
    return array


def checked_samples(network: Any, X: Any) -> Array | SparseMatrix:
    """Return X in the network's dtype.

    Raises
    ------
    ValueError
        If it is empty, does not have two dimensions, has another number of columns than the network has inputs, or
        holds NaN or infinity.
    """
    if sp.issparse(X):
        X = sp.csr_matrix(X, dtype=network.dtype)
        finite_numbers("X", X.data, network.dtype)
    else:
        X = finite_numbers("X", X, network.dtype)
    if len(X.shape) != 2 or X.shape[1] != network.layer_sizes[0]:
        remedy = " Samples are rows here: give X.T." if X.shape[:-1] == (network.layer_sizes[0],) else ""
        raise ValueError(f"X must have shape (n_samples, {network.layer_sizes[0]}); got {X.shape}.{remedy}")
    if not X.shape[0]:
        raise ValueError(f"X must hold at least one sample; got shape {X.shape}.")
    return X


def checked_targets(network: Any, Y: Any, n_samples: int) -> Array:
    """Return Y in the network's dtype and with one column for each output.

    Raises
    ------
    ValueError
        If it has another shape, holds NaN or infinity, or numbers that the loss cannot take.
    """
    Y = finite_numbers("Y", Y, network.dtype, f" {CLASS_NUMBERS}.")
    m, n = n_samples, network.layer_sizes[-1]
    if Y.ndim == 1 and n == 1:
        Y = Y[:, np.newaxis]
    if Y.shape != (m, n):
        remedy = ""
        if n > 1 and Y.shape in ((m,), (m, 1)):
            first = f" - {Y.min():g}" if Y.min() > 0 and Y.max() == n else ""
            column = "y" if Y.ndim == 1 else "y[:, 0]"
            remedy = f" Class numbers become one-hot rows with np.eye({n})[{column}{first}]."
        elif n == 1 and Y.shape == (m, 2):
            remedy = " A single output takes the second column of one-hot rows, Y[:, 1]."
        elif Y.shape == (n, m):
            remedy = " Samples are rows here: give Y.T."
        raise ValueError(f"Y must have shape {(m, n)}, a column for each output; got {Y.shape}.{remedy}")
    if (check := getattr(network.loss_function, "check_targets", None)) is not None:
        check(Y, network.link)
    return Y


def checked_classes(y: Any, n_outputs: int, like: NDArray[Any]) -> NDArray[Any]:
    """Return y as ``predict`` would return it: class numbers of shape (m,), or the rows of label indicators.

    Parameters
    ----------
    y : array-like
        Class numbers, 0 and 1 where there is one output, or what the loss takes: a column, or one-hot rows.
    n_outputs : int
        The number of outputs.
    like : ndarray
        What predict returned.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    y, one_class_each = finite_numbers("y", y, np.float64, f" {CLASS_NUMBERS}."), like.ndim == 1
    if one_class_each and y.shape == (len(like), n_outputs):
        if n_outputs > 1 and not np.array_equal(np.sort(y), np.tile(np.eye(n_outputs)[-1], (len(y), 1))):
            raise ValueError(
                "Rows of y must be one-hot, a single 1 among zeros; or give class numbers, y.argmax(axis=1)."
            )
        y = y[:, 0] if n_outputs == 1 else y.argmax(axis=1)
    if y.shape != like.shape:
        kind = "class numbers" if one_class_each else "label indicators"
        raise ValueError(f"y must hold {kind} of shape {like.shape}; got {y.shape}.")
    n_classes = n_outputs if one_class_each and n_outputs > 1 else 2
    if not np.isin(y, range(n_classes)).all():
        found = f"it holds numbers from {y.min():g} to {y.max():g}"
        remedy = f"{CLASS_NUMBERS}; for targets that are real numbers, use net.loss"
        expected = "0 and 1" if n_classes == 2 else f"class numbers, 0 to {n_classes - 1}"
        raise ValueError(f"y must hold what predict returns, {expected}; {found}. {remedy}.")
    return y


def coefficients(network: Any, sample_weight: Any, n_samples: int) -> Array:
    """Return c_i = w_i / Σ w as a column.

    Raises
    ------
    ValueError
        If the weights are not n_samples finite, non-negative numbers, or all zero.
    """
    w = np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if w.shape != (n_samples,) or not (np.isfinite(w).all() and w.min() >= 0 and w.max() > 0):
        raise ValueError(f"sample_weight must be {n_samples} non-negative numbers, not all zero; got {w}.")
    w = w / w.max()  # so that 1e-300 and 1 give the same bits, and no sum overflows
    return (w / w.sum()).astype(network.dtype)[:, np.newaxis]


def check_cache(network: Any, cache: Any, at_these_parameters: bool) -> None:
    """Raise unless a cache fits the network's layers and, if asked for, was computed with its present parameters."""
    if not isinstance(cache, Cache):
        what = f"{type(cache).__name__}{getattr(cache, 'shape', '')}"
        raise TypeError(f"cache must be what forward returns, cache = net.forward(X); got {what}.")
    if (sizes := [A.shape[1] for A in cache.A]) != network.layer_sizes:
        raise ValueError(f"cache is from a network with layer sizes {sizes}; this network has {network.layer_sizes}.")
    theta: Any = cache.theta
    if at_these_parameters and not np.array_equal(theta, network.theta, equal_nan=True):
        why = "its arrays were computed with other weights than those that the gradient would use"
        raise ValueError(
            f"The parameters have changed since forward computed this cache, or it is another network's: {why}. "
            "Call cache = net.forward(X) again, and backward before update; net.loss(cache, Y) without alpha is fine."
        )


def checked_gradients(network: Any, grads: Any) -> Parameters:
    """Return a copy of the gradients in the network's dtype, which a solver may change."""
    if not isinstance(grads, Parameters):
        raise TypeError(f"grads must be what backward returns, grads = net.backward(cache, Y); got {grads!r}.")
    if grads.layer_sizes != network.layer_sizes:
        sizes = f"{grads.layer_sizes}; this network has {network.layer_sizes}"
        raise ValueError(f"grads are from a network with layer sizes {sizes}.")
    copied = Parameters(network.layer_sizes, network.dtype)
    copied.theta = grads.theta
    return copied


def check_finite(parameters: Parameters, what: str, n_updates: int) -> None:
    """Raise FloatingPointError if gradients or parameters are not finite, naming the first array that is not."""
    if not np.isfinite(parameters.theta).all():
        name = next(name for name, array in named_parameters(parameters).items() if not np.isfinite(array).all())
        raise diverged(f"{what.format(name)} not finite", n_updates)


def diverged(what: str, n_updates: int) -> FloatingPointError:
    """Return the error for numbers that became NaN or infinite in a training loop."""
    when = f" after {n_updates} update{'s' if n_updates > 1 else ''}" if n_updates else ""
    remedy = "standardise the features, lower the learning_rate, or bound the gradient, solver=SGD(max_grad_norm=1.0)"
    return FloatingPointError(f"{what}{when}. Likely cause: unscaled features, or too high a rate. Remedy: {remedy}.")
