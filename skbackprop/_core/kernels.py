"""Functions that are here for speed alone, each with what it does in plain NumPy. A reader may skip this file.

Small batches are the common case, and with them the overhead of Python and NumPy takes longer than the arithmetic. So
arrays and constants are made once for each batch size, and each operation uses the function with the least overhead.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import starmap
from operator import call, setitem
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas
from scipy.sparse import _sparsetools  # what A @ B itself calls
from scipy.special import log1p

Array = NDArray[np.floating]

LARGE = 10_000  # array size from which filling it with zeros takes longer than the overhead of matmul
MANY = 32  # columns beyond which ``Z.max(axis=1)`` itself is fastest
SHORT = 8192  # array size up to which OpenBLAS's axpy and ger stay in a single thread
STRETCH = 2**16  # length of vectors that stay in the processor's cache from one operation to the next
SMALL_FACTOR = 1e-3  # additions to a decaying sum are divided by its factor, and must not overflow float32
AXPY = {np.dtype(np.float64): blas.daxpy, np.dtype(np.float32): blas.saxpy}
DOT = {np.dtype(np.float64): blas.ddot, np.dtype(np.float32): blas.sdot}
GER = {np.dtype(np.float64): blas.dger, np.dtype(np.float32): blas.sger}


def product_into(out: Array, sparse: bool = False) -> Callable[[Any, Array, Array], Any]:
    """Return the function (A, B, out) that does ``out[...] = A @ B`` for arrays like out; A may be sparse.

    This is dot, which has less overhead, unless out is large: dot fills it with zeros first, matmul does not.
    """
    if sparse:
        return sparse_product
    return np.ndarray.dot if out.size < LARGE else np.matmul


def sparse_product(A: Any, B: Array, out: Array) -> Array:
    """Do ``out[...] = A @ B`` for a CSR matrix A or its transpose, without the array that SciPy would allocate."""
    out.fill(0)
    add_product = _sparsetools.csr_matvecs if A.format == "csr" else _sparsetools.csc_matvecs
    add_product(*A.shape, B.shape[1], A.indptr, A.indices, A.data, B.reshape(-1), out.reshape(-1))
    return out


def row_adder(b: Array, Z: Array) -> Callable[[], Any]:
    """Return the function that does ``Z += b`` for a bias of shape (n,) and a Z of shape (m, n).

    For small Z this is ger, BLAS's rank-one update, since NumPy takes up to twice as long to broadcast a short row. A
    large Z is left to NumPy, and so is a single bias, which NumPy adds in half the time as a number.
    """
    if b.size == 1:
        return partial(np.add, Z, b.reshape(()), Z)
    if not 0 < Z.size <= SHORT:
        return partial(np.add, Z, b, Z)
    return partial(GER[Z.dtype], 1.0, b, np.ones(len(Z), Z.dtype), 1, 1, Z.T, 1, 1, 1)  # the last 1: overwrite Z


def adder(x: Array, y: Array) -> Callable[[float], Any]:
    """Return the function (a) that does ``y += a * x`` for vectors, by BLAS's axpy: one pass where NumPy needs two.

    Long vectors are added piece by piece, since BLAS would start threads for them, which get in the way of those that
    multiply matrices. No interrupt can come between the pieces, so that θ is never left half updated.
    """
    axpy, n = AXPY[x.dtype], x.size
    if n <= SHORT:
        return partial(axpy, x, y, n)
    return lambda a: at_once((axpy, (x, y, min(SHORT, n - i), a, i, 1, i)) for i in range(0, n, SHORT))


def square_sum(x: Array) -> Callable[[], float]:
    """Return the function that does ``float(x.dot(x))``, by BLAS's dot, which has a third of the overhead."""
    return partial(DOT[x.dtype], x, x)


def decayed(state: dict[str, Any], array: str, factor: str, beta: float) -> float:
    """Multiply a sum by beta, where the sum is ``state[factor] * state[array]``; return the new factor.

    Only the factor changes until it is small. Then the array is multiplied by it and the factor starts again at 1, and
    no interrupt can come between the two.
    """
    state[factor] = number = state[factor] * beta
    if number > SMALL_FACTOR:
        return number
    held = state[array]
    at_once([(np.multiply, (held, number, held)), (setitem, (state, factor, 1.0))])
    return 1.0


def stretches(*vectors: Array) -> list[tuple[Array, ...]]:
    """Cut vectors of one length into views, each short enough to stay in the cache through several operations."""
    return [tuple(x[i : i + STRETCH] for x in vectors) for i in range(0, vectors[0].size, STRETCH)]


def at_once(calls: Iterable[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
    """Do ``for function, arguments in calls: function(*arguments)``; for functions of C, no interrupt comes between."""
    deque(starmap(call, [(function, *arguments) for function, arguments in calls]), maxlen=0)


def log1p_exp_minus_abs(Z: Array, out: Array | None = None) -> Array:
    """Return ``log1p(exp(-abs(Z)))``, which does not overflow for any Z."""
    out = np.abs(Z, out=out)
    np.exp(np.negative(out, out), out)
    return log1p(out, out)  # SciPy's: NumPy's takes up to twice as long on a mixture of small and large numbers


def row_maxima(Z: Array, columns: Array | None = None) -> Array:
    """Return ``Z.max(axis=1, keepdims=True)``; columns is a work array of Z.T's shape."""
    if len(Z) == 1 or Z.shape[1] > MANY:
        return Z.max(axis=1, keepdims=True)
    columns = np.empty(Z.shape[::-1], Z.dtype) if columns is None else columns
    columns[...] = Z.T  # NumPy reduces short rows slowly
    return columns.max(axis=0)[:, np.newaxis]


def row_sums(A: Array, ones: Array | None = None) -> Array:
    """Return ``A.sum(axis=1, keepdims=True)``, by a product with a column of ones: NumPy reduces short rows slowly."""
    return A.dot(np.ones((A.shape[1], 1), A.dtype) if ones is None else ones)
