"""The table: samples that are gathered a mini-batch at a time, in whatever form X is stored.

X, y and the weights are never copied as a whole and never written to.
"""

from sys import float_info
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from .._core.kernels import Array

Rows = Any  # a range, or an array of row numbers
MEASURED_SAMPLES = 2048  # far fewer already give the size of a feature to a few percent


def as_slice(rows: Rows) -> Any:
    """Return row numbers in the form that is fastest to index with: a slice for a range."""
    return slice(rows.start, rows.stop) if isinstance(rows, range) else rows


class Table:
    """Samples with targets and weights: what a network is trained or evaluated on.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, n_features)
        In the network's dtype.
    targets : ndarray of shape (n, n_outputs), or of int and shape (n,)
        Targets, or class numbers, which become one-hot rows where they are taken.
    n_outputs : int
        Columns of the targets.
    weights : ndarray of shape (n,), or None
        w_i / w̄, in the network's dtype, where w̄ is the mean weight; None if all are one.
    rows : range or ndarray of row numbers
        The samples that belong to the table.
    """

    def __init__(self, X: Any, targets: Any, n_outputs: int, weights: Array | None, rows: Rows) -> None:
        self.sparse = sp.issparse(X)
        self.X = X if self.sparse else np.asarray(X)  # a memory map as a plain array, which is faster to slice
        self.targets, self.n_outputs, self.weights, self.rows = targets, n_outputs, weights, rows
        self.gathers = not self.sparse and self.X.flags.c_contiguous  # in another order, take would copy all of X

    def __len__(self) -> int:
        return len(self.rows)

    def buffer(self, n_samples: int) -> Any:
        """Return an array into which take can gather n_samples samples; None if X is sparse."""
        return None if self.sparse else np.empty((n_samples, self.X.shape[1]), self.X.dtype)

    def take(self, rows: Rows, out: Any) -> Any:
        """Return the samples of some rows: gathered into out, or as a view if the rows are a range."""
        if self.gathers and not isinstance(rows, range):
            return self.X.take(rows, 0, out, "clip")  # without "clip", take writes to a copy of out first
        X = self.X[as_slice(rows)]
        if self.gathers or self.sparse:
            return X
        out[...] = X
        return out

    def take_targets(self, rows: Rows, out: Array) -> Array:
        """Return the targets of some rows, written into out of shape (n_rows, n_outputs)."""
        if self.targets.ndim > 1 and not isinstance(rows, range):
            return self.targets.take(rows, 0, out, "clip")
        chosen = self.targets[as_slice(rows)]
        if chosen.ndim > 1:
            out[...] = chosen
        else:
            out.fill(0)
            out.reshape(-1)[chosen + np.arange(0, out.size, self.n_outputs)] = 1
        return out

    def take_weights(self, rows: Rows) -> Array | None:
        """Return the weights of some rows, or None if all are one."""
        return None if self.weights is None else self.weights[as_slice(rows)]

    def shuffled(self, rng: np.random.RandomState) -> Rows:
        """Return the row numbers in a random order."""
        return rng.permutation(len(self.rows) if isinstance(self.rows, range) else self.rows)

    def sample(self, n_samples: int) -> Self:
        """Return a table of n_samples evenly spaced samples of this one, or this table if it has no more."""
        n = len(self.rows)
        if n <= n_samples:
            return self
        chosen = np.arange(n_samples) * n // n_samples
        rows = chosen if isinstance(self.rows, range) else self.rows[chosen]
        return type(self)(self.X, self.targets, self.n_outputs, self.weights, rows)

    def mean_targets(self) -> Array:
        """Return the weighted mean of the targets, shape (n_outputs,)."""
        chosen, w = self.targets[as_slice(self.rows)], self.take_weights(self.rows)
        if chosen.ndim == 1:
            counts = np.bincount(chosen, w, minlength=self.n_outputs)
            return counts / counts.sum()
        return np.average(chosen, axis=0, weights=w)

    def mean_square(self) -> float:
        """Return the weighted mean of the squared features, of at most 2,048 evenly spaced samples; always finite."""
        sample = self.sample(MEASURED_SAMPLES)
        with np.errstate(over="ignore"):
            mean = np.average(sample.mean_squares(), weights=sample.take_weights(sample.rows))
            return min(float(mean), float_info.max)

    def mean_squares(self) -> Array:
        """Return the mean of the squared features of each sample, shape (n,); always finite."""
        X = self.X[as_slice(self.rows)].astype(np.float64)
        with np.errstate(over="ignore"):
            squares = X.multiply(X).mean(axis=1) if self.sparse else np.einsum("ij,ij->i", X, X) / X.shape[1]
        return np.minimum(np.asarray(squares).ravel(), float_info.max)
