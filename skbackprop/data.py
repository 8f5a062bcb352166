"""The training table: rows gathered a batch at a time, whatever the table is stored as.

X, y and the weights are never copied and never written to. ``take(rows, out)`` returns the wanted rows: a view where
the rows are a range, else gathered into ``out``, an array that is used again and again.
"""

from __future__ import annotations

import copy
from sys import float_info
from typing import Any

import numpy as np
import scipy.sparse as sp

from .activations import Array
from .arrays import SparseRows

Rows = Any  # a range, or an array of row numbers


class DenseRows:
    """Rows of a C-contiguous array."""

    array: Any
    sparse = False  # whether take returns SparseRows

    def __init__(self, array: Any) -> None:
        self.array = array

    @property
    def width(self) -> int:
        """Numbers that a row takes where it is gathered."""
        return self.array.shape[1]

    def buffer(self, n_rows: int) -> Any:
        """Return an array for ``take`` to gather n_rows into."""
        return np.empty((n_rows, *self.array.shape[1:]), self.array.dtype)

    def take(self, rows: Rows, out: Any) -> Any:
        if isinstance(rows, range):
            return self.array[rows.start : rows.stop]
        return self.array.take(rows, 0, out, "clip")  # without "clip", take writes to a copy of out first

    def square_sums(self, rows: Rows) -> Array:
        """Return the sum of squares of each row, in float64."""
        X = self.array[rows].astype(np.float64)
        return np.asarray(X.multiply(X).sum(axis=1)).ravel() if sp.issparse(X) else np.einsum("ij,ij->i", X, X)


class StridedRows(DenseRows):
    """Rows of an array in any other order, of which ``take`` would copy the whole for every batch."""

    def take(self, rows: Rows, out: Any) -> Any:
        out[...] = self.array[rows.start : rows.stop] if isinstance(rows, range) else self.array[rows]
        return out


class CsrRows(DenseRows):
    """Rows of a CSR matrix; they stay sparse."""

    sparse = True

    @property
    def width(self) -> int:
        return 0

    def buffer(self, n_rows: int) -> None:
        return None

    def take(self, rows: Rows, out: Any) -> Any:
        return SparseRows(self.array[rows.start : rows.stop] if isinstance(rows, range) else self.array[rows])


class OneHotRows:
    """Multiclass targets: class numbers, turned into one-hot rows when they are taken."""

    def __init__(self, codes: Any, n_classes: int, dtype: Any) -> None:
        self.codes = codes
        self.one_hot = np.eye(n_classes, dtype=dtype)

    def buffer(self, n_rows: int) -> Array:
        """Return an array for ``take`` to gather n_rows into."""
        return np.empty((n_rows, len(self.one_hot)), self.one_hot.dtype)

    def take(self, rows: Rows, out: Any) -> Any:
        codes = self.codes[rows.start : rows.stop] if isinstance(rows, range) else self.codes.take(rows)
        return self.one_hot.take(codes, 0, out, "clip")


def as_rows(X: Any) -> DenseRows:
    """Wrap a checked X."""
    if sp.issparse(X):
        return CsrRows(X)
    X = np.asarray(X)  # a memory map as a plain array, which is faster to slice
    return DenseRows(X) if X.flags.c_contiguous else StridedRows(X)


class Table:
    """Rows of X with targets and weights: what a network is trained or judged on.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, n_features)
        In the network's dtype.
    targets : DenseRows or OneHotRows
        The encoded targets.
    weights : ndarray of shape (n,), or None
        w_i / w̄, in the network's dtype, where w̄ is the mean weight; None if all are one.
    rows : ndarray of row numbers, default=None
        The rows that belong to the table; by default all.
    """

    def __init__(self, X: Any, targets: Any, weights: Array | None, rows: Any = None) -> None:
        self.X = as_rows(X)
        self.targets = targets
        self.weights = weights
        self.n_features = X.shape[1]
        self.rows: Rows = range(X.shape[0]) if rows is None else rows
        self.n_rows = len(self.rows)

    def shuffled(self, rng: np.random.RandomState) -> Rows:
        """Return the row numbers in a random order."""
        order = rng.permutation(self.n_rows)
        return order if isinstance(self.rows, range) else self.rows.take(order)

    def sample(self, n_rows: int) -> Table:
        """Return a table of n_rows of these rows, evenly spaced, or of all if there are no more."""
        if self.n_rows <= n_rows:
            return self
        table = copy.copy(self)
        chosen = np.arange(n_rows) * self.n_rows // n_rows
        table.rows = chosen if isinstance(self.rows, range) else self.rows.take(chosen)
        table.n_rows = n_rows
        return table

    def take_weights(self, rows: Rows) -> Array | None:
        """Return the weights of rows as a column, or None if all are one."""
        if self.weights is None:
            return None
        w: Any = self.weights[rows.start : rows.stop] if isinstance(rows, range) else self.weights.take(rows)
        return w[:, np.newaxis]

    def mean_square(self) -> float:
        """Return the weighted mean of the squared features, of at most 2,048 evenly spaced rows; always finite."""
        rows = np.asarray(self.rows)[:: max(1, self.n_rows // 2048)]
        w = self.take_weights(rows)
        with np.errstate(over="ignore"):
            squares = np.minimum(self.X.square_sums(rows), float_info.max)  # infinity times a weight of 0 were NaN
            mean = squares.mean() if w is None else squares.dot(w[:, 0]) / w.sum()
        return min(float(mean) / self.n_features, float_info.max)
