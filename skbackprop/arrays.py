"""The arrays that a network works on: parameters as one flat vector with views, and what a batch leaves behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, pairwise, starmap
from typing import Any

import numpy as np
from scipy.linalg import blas

from .activations import Array

LARGE = 10_000  # numbers from which zeroing them takes longer than the set-up of matmul
NARROW = 16  # units; of wider layers the products by columns take longer
SHORT = 8192  # numbers up to which OpenBLAS's axpy and ger stay in a single thread
AXPY = {np.dtype(np.float64): blas.daxpy, np.dtype(np.float32): blas.saxpy}
GER = {np.dtype(np.float64): blas.dger, np.dtype(np.float32): blas.sger}

Product = Callable[[Any, Array, Array], Array]


class Parameters:
    """One flat vector with views: parameters θ, or their gradients dθ.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        The vector [W1 … WL | b1 … bL].
    weights : ndarray of shape (n_weights,)
        View of its first part, all W.
    W : list of ndarray of shape (n_(l-1), n_l)
        Views of the weights of each layer.
    b : list of ndarray of shape (n_l,)
        Views of the biases of each layer.

    Examples
    --------
    >>> from skbackprop.arrays import Parameters
    >>> grads = Parameters([2, 3, 1])
    >>> grads.W[0][...] = 2.0
    >>> grads.theta
    array([2., 2., 2., 2., 2., 2., 0., 0., 0., 0., 0., 0., 0.])
    """

    def __init__(self, layer_sizes: Sequence[int], dtype: Any = np.float64) -> None:
        shapes = list(pairwise(layer_sizes))
        n_weights = sum(fan_in * fan_out for fan_in, fan_out in shapes)
        self.theta: Array = np.zeros(n_weights + sum(layer_sizes[1:]), dtype)
        self.weights = self.theta[:n_weights]
        sizes = [fan_in * fan_out for fan_in, fan_out in shapes] + list(layer_sizes[1:])
        self._starts = list(accumulate(sizes, initial=0))[:-1]
        views = [self.theta[i : i + size] for i, size in zip(self._starts, sizes, strict=True)]
        self.W: list[Array] = [W.reshape(shape) for W, shape in zip(views, shapes, strict=False)]
        self.b: list[Array] = views[len(shapes) :]

    def norms(self) -> list[float]:
        """Return the Euclidean norm of each layer's W and b together."""
        return self.norms_of(self.theta[np.newaxis])[0].tolist()

    def norms_of(self, thetas: Array) -> Array:
        """Return the same for several such vectors, the rows of thetas: shape (n_vectors, n_layers)."""
        sums, L = np.add.reduceat(thetas * thetas, self._starts, axis=1), len(self.W)
        return np.sqrt(sums[:, :L] + sums[:, L:])

    def dead_units(self, gradients: Array) -> Array:
        """Return the share of hidden units whose bias gets no gradient, for each row of gradients."""
        hidden = gradients[:, self.weights.size : self._starts[-1]]
        return np.count_nonzero(hidden == 0, axis=1) / max(1, hidden.shape[1])


def addable(b: list[Array]) -> list[Array]:
    """Return views of the biases to add to Z: NumPy adds a number twice as fast as an array of one number."""
    return [each.reshape(()) if each.size == 1 else each for each in b]


def product_into(out: Array, sparse: bool = False) -> Product:
    """Return the function (A, B, out) that writes A B into an array like out, where A is dense or SparseRows.

    That is dot, which needs less set-up, unless out is large, for dot zeroes it first.
    """
    if sparse:
        return SparseRows.dot
    return np.ndarray.dot if out.size < LARGE else np.matmul


def product(A: Any, B: Array, out: Array) -> Array:
    """Return A B, written into out."""
    return product_into(out, isinstance(A, SparseRows))(A, B, out)


def axpy(a: float, x: Array, y: Array) -> None:
    """Do y ← y + a x for vectors, by the routine of this name in BLAS: one pass where NumPy needs two.

    For long vectors BLAS would start threads of its own, which get in the way of those that multiply matrices, so they
    go piece by piece; and all pieces in one call of C, in which no interrupt is heard, as θ needs it.
    """
    add, n = AXPY[x.dtype], x.size
    if n <= SHORT:
        add(x, y, n, a)
    else:
        deque(starmap(add, [(x, y, min(SHORT, n - i), a, i, 1, i) for i in range(0, n, SHORT)]), maxlen=0)


def row_adder(b: Array, Z: Array) -> Callable[[], Any]:
    """Return the function that does Z ← Z + 1 bᵀ for a bias as addable makes it: by ger, BLAS's update of rank one.

    NumPy, to which large Z are left, takes up to twice as long to add a short row to many.
    """
    if Z.size > SHORT or b.ndim == 0:
        return partial(np.add, Z, b, Z)
    return partial(GER[Z.dtype], 1.0, b, np.ones(len(Z), Z.dtype), 1, 1, Z.T, 1, 1, 1)  # the last 1: overwrite Z


class SparseRows:
    """A CSR matrix with the two products that the first layer needs, so that it is never made dense."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix
        self.shape = matrix.shape
        self.dtype = matrix.dtype

    @property
    def T(self) -> SparseRows:
        return SparseRows(self.matrix.T)

    def astype(self, dtype: Any) -> SparseRows:
        """Return the same matrix in another dtype."""
        return SparseRows(self.matrix.astype(dtype))

    def dot(self, B: Array, out: Array) -> Array:
        out[...] = self.matrix @ B
        return out


class Cache:
    """What forward computes and backward needs, for a batch of m rows.

    Attributes
    ----------
    Z : list of ndarray of shape (m, n_l)
        ``Z[0]`` is Z1, …, ``Z[-1]`` the logits.
    A : list of ndarray
        ``A[0]`` is X, ``A[1]`` is A1, …, ``A[-1]`` the probabilities.
    dZ : list of ndarray of shape (m, n_l)
        Filled by backward: ∂J/∂Z of each layer.
    slopes : list of ndarray of shape (m, n_l)
        Filled by backward: φ'(Z) of each hidden layer.
    masks : list of ndarray of shape (m, n_l)
        The dropout masks of the hidden layers; an empty list means no dropout.
    inputs : list of ndarray
        What each layer multiplies by its W: A, or A ∘ mask under dropout.

    Examples
    --------
    >>> from skbackprop import Network
    >>> cache = Network([2, 3, 1]).forward([[0.5, 0.8]])
    >>> [A.shape for A in cache.A], [Z.shape for Z in cache.Z]
    ([(1, 2), (1, 3), (1, 1)], [(1, 3), (1, 1)])
    """

    def __init__(self, layer_sizes: Sequence[int], n_rows: int, dtype: Any) -> None:
        self.n_rows = n_rows
        self.Z: list[Array] = [np.empty((n_rows, n), dtype) for n in layer_sizes[1:]]
        self.A: list[Any] = [None, *(np.empty((n_rows, n), dtype) for n in layer_sizes[1:])]
        self.inputs: list[Any] = self.A[:-1]
        self.b: list[Array] = []  # the biases as they are added, if prepare_blocks has prepared them
        self.masks: list[Array] = []
        self.dZ: list[Array] = []
        self.slopes: list[Array] = []

    def prepare_blocks(self, b: list[Array], by_columns: bool) -> None:
        """Get ready for many blocks that go forward with the biases b.

        They are repeated in Z's shape, since NumPy adds arrays of one shape faster than a row or a number to many.
        Narrow layers may be stored by columns, which suits BLAS better.
        """
        for l, Z in enumerate(self.Z[:-1]):
            if by_columns and Z.shape[1] <= NARROW and Z.size >= LARGE:
                self.Z[l], self.A[l + 1] = (np.empty(Z.shape, Z.dtype, "F") for _ in range(2))
        self.b = [np.empty_like(Z) for Z in self.Z]
        for repeated, each in zip(self.b, b, strict=True):
            repeated[...] = each
        self.inputs = self.A[:-1]

    def prepare_backward(self) -> None:
        """Make the arrays that only backward needs, once."""
        self.dZ = [np.empty_like(Z) for Z in self.Z]
        self.slopes = [np.empty_like(Z) for Z in self.Z[:-1]]
        self.ones = np.ones(self.n_rows, self.Z[0].dtype)

    def hold(self, masks: list[Array]) -> None:
        """Use these dropout masks, one for each hidden layer, until others are drawn."""
        self.masks = masks
        if masks:
            self.inputs = [None, *(np.empty_like(A) for A in self.A[1:-1])]

    def drop(self, dropout: float, rng: np.random.RandomState) -> None:
        """Draw a new mask for each hidden layer: 0 with probability dropout, else 1 / (1 - dropout)."""
        keep = 1.0 - dropout
        if not self.masks:
            self.hold([np.empty_like(A) for A in self.A[1:-1]])
        for mask in self.masks:
            np.divide(rng.random_sample(mask.shape) < keep, keep, out=mask, casting="same_kind")
