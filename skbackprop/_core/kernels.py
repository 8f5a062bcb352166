"""What is there for speed alone, each function with what it does in plain NumPy. A reader may skip this file.

Small batches are the common case, and there Python's and NumPy's own share of a step is larger than the arithmetic. So
arrays and constants are made once for each batch size, and each operation goes the way that needs the least set-up.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import starmap
from operator import call
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas
from scipy.sparse import _sparsetools  # what A @ B itself calls
from scipy.special import log1p

Array = NDArray[np.floating]

LARGE = 10_000  # numbers from which zeroing them takes longer than the set-up of matmul
MANY = 32  # columns beyond which the maximum of each row is found fastest in place
SHORT = 8192  # numbers up to which OpenBLAS's axpy and ger stay in a single thread
STRETCH = 2**16  # numbers of a vector that operation after operation finds in the processor's cache
AXPY = {np.dtype(np.float64): blas.daxpy, np.dtype(np.float32): blas.saxpy}
GER = {np.dtype(np.float64): blas.dger, np.dtype(np.float32): blas.sger}


def product_into(out: Array, sparse: bool = False) -> Callable[[Any, Array, Array], Any]:
    """Return the function (A, B, out) that does ``out[...] = A @ B`` for arrays like out; A may be sparse.

    That is dot, which needs less set-up, or matmul where out is large, since dot fills it with zeros first.
    """
    if sparse:
        return sparse_product
    return np.ndarray.dot if out.size < LARGE else np.matmul


def sparse_product(A: Any, B: Array, out: Array) -> Array:
    """Do ``out[...] = A @ B`` for a CSR matrix A or the transpose of one, without the array that SciPy would return."""
    out.fill(0)
    add_product = _sparsetools.csr_matvecs if A.format == "csr" else _sparsetools.csc_matvecs
    add_product(*A.shape, B.shape[1], A.indptr, A.indices, A.data, B.reshape(-1), out.reshape(-1))
    return out


def row_adder(b: Array, Z: Array) -> Callable[[], Any]:
    """Return the function that does ``Z += b`` for a bias of shape (n,) and a Z of shape (m, n).

    By ger, BLAS's update of rank one, since NumPy takes up to twice as long to add a short row to many. Large Z are
    left to NumPy, and a single bias, as a number: NumPy adds that twice as fast as an array of one number.
    """
    if b.size == 1:
        return partial(np.add, Z, b.reshape(()), Z)
    if not 0 < Z.size <= SHORT:
        return partial(np.add, Z, b, Z)
    return partial(GER[Z.dtype], 1.0, b, np.ones(len(Z), Z.dtype), 1, 1, Z.T, 1, 1, 1)  # the last 1: overwrite Z


def adder(x: Array, y: Array) -> Callable[[float], Any]:
    """Return the function (a) that does ``y += a * x`` for vectors, by BLAS's axpy: one pass where NumPy needs two.

    For long vectors BLAS would start threads of its own, which get in the way of those that multiply matrices, so they
    go piece by piece; and all pieces at once, as θ needs it.
    """
    axpy, n = AXPY[x.dtype], x.size
    if n <= SHORT:
        return partial(axpy, x, y, n)
    return lambda a: at_once((axpy, (x, y, min(SHORT, n - i), a, i, 1, i)) for i in range(0, n, SHORT))


def stretches(*vectors: Array) -> list[tuple[Array, ...]]:
    """Cut vectors of one length into views, to go through many operations a stretch at a time."""
    return [tuple(x[i : i + STRETCH] for x in vectors) for i in range(0, vectors[0].size, STRETCH)]


def at_once(calls: Iterable[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
    """Do ``for function, arguments in calls: function(*arguments)``, where functions of C hear no interrupt between."""
    deque(starmap(call, [(function, *arguments) for function, arguments in calls]), maxlen=0)


def log1p_exp_minus_abs(Z: Array, out: Array | None = None) -> Array:
    """Return ``log1p(exp(-abs(Z)))``, which no Z can overflow."""
    out = np.abs(Z, out=out)
    np.exp(np.negative(out, out), out)
    return log1p(out, out)  # scipy's, since NumPy's takes up to twice as long where the numbers are mixed


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
