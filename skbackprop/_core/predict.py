"""Prediction: samples and weights in, logits out, or what a link makes of them. A single sample needs no set-up."""

from collections.abc import Sequence
from math import isfinite, isnan
from typing import Any

import numpy as np
import scipy.sparse as sp

from .kernels import LARGE, Array, product_into
from .layers import Function, bind_activation, writing

Arrays = Sequence[Array]

BLOCK_SAMPLES = 2048  # most samples of a mini-batch or a table that go through the layers together
BLOCK_NUMBERS = 2**17  # most numbers in the widest layer of a block, so that it fits the processor's cache
PREDICTED_SAMPLES = 1536  # most samples that are predicted together; with narrow layers these still fit the cache
NARROW = 16  # units up to which products with arrays in column-major order take less time


def block_size(widths: Sequence[int], most: int, fewest: int = 512) -> int:
    """Return how many samples to pass through layers of these widths at once: few for the cache, enough for BLAS."""
    return min(most, max(fewest, BLOCK_NUMBERS // max(widths)))


def weight_of_correct(link: Any, Z: Array, Y: Array, w: Array | None = None) -> float:
    """Return the total weight of the samples that are predicted correctly, or without w their number.

    With label indicators, a sample counts if every label is correct.

    Parameters
    ----------
    link : Link
        Its ``decide`` turns logits into predictions.
    Z, Y : ndarray of shape (m, n_L)
        Logits and targets.
    w : ndarray of shape (m,), default=None
        Weights.
    """
    m, n = Z.shape
    if Z.size > BLOCK_NUMBERS // 4 and m > 1:  # in two halves, so that little is allocated
        halves = slice(m // 2), slice(m // 2, m)
        return sum(weight_of_correct(link, Z[half], Y[half], None if w is None else w[half]) for half in halves)
    decided = link.decide(Z)
    if decided.ndim == 1:  # class numbers
        right = Y[np.arange(m), decided] > 0.5
    else:
        right = decided == (Y > 0.5)
        right = right.all(axis=1) if n > 1 else right
    return float(np.count_nonzero(right)) if w is None else float(w.dot(right.reshape(m)))


def logits(
    X: Any, W: Arrays, b: Arrays, activations: Sequence[Any], write: Function = np.positive, n_columns: int = 0
) -> tuple[Array, bool]:
    """Return ZL of every sample, or what ``write`` makes of it, and whether X is finite and the result free of NaN.

    The samples go through the layers a block at a time, so that little more than the result is allocated. A NaN or an
    infinity in a sample makes all of its Z1 not finite, so it is enough to look at one column of Z1 instead of X.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (m, n_features)
        In the weights' dtype.
    W, b : sequences of ndarray of shape (n_(l-1), n_l) and (n_l,)
        The parameters of each layer.
    activations : sequence of Activation
        φ of each hidden layer.
    write : callable (Z, out)
        Writes a block's result into out while its logits Z are still in the processor's cache; by default Z itself.
    n_columns : int, default=0
        Columns of out; 0 means as many as Z has.
    """
    m, sparse, n_units = X.shape[0], sp.issparse(X), [len(each) for each in b]
    result = np.empty((m, n_columns or n_units[-1]), W[0].dtype)
    block = block_size([0 if sparse else X.shape[1], *n_units], PREDICTED_SAMPLES)
    is_finite, arrays = True, None
    for start in range(0, m, block):
        size = min(block, m - start)
        if arrays is None or len(arrays[0][0]) != size:
            arrays = work_arrays(size, n_units, W[0].dtype, by_columns=m > size and not sparse)
            biases, functions = b, [writing(phi.value) for phi in activations]
            if m > size:  # several blocks: NumPy adds arrays of one shape faster than it broadcasts a row or a number
                biases = [np.full_like(Z, each) for each, (Z, _) in zip(b, arrays, strict=True)]
                functions = [bind_activation(phi, Z)[0] for phi, (Z, _) in zip(activations, arrays, strict=False)]
        A, out = X[start : start + size], result[start : start + size]  # A0 = X            (size, n_0)
        for l, (Z, A_l) in enumerate(arrays):
            product_into(Z, sparse and l == 0)(A, W[l], Z)  # Zl = A(l-1) Wl + bl            (size, n_l)
            np.add(Z, biases[l], Z)
            if l < len(functions):
                A = functions[l](Z, A_l)  # Al = φ(Zl)                                       (size, n_l)
        write(Z, out)
        # the minimum is NaN if one number is
        is_finite = is_finite and isfinite(arrays[0][0][:, 0].sum()) and not isnan(out.min())
    return result, is_finite


def work_arrays(m: int, n_units: Sequence[int], dtype: Any, by_columns: bool) -> list[tuple[Array, Array]]:
    """Return arrays for Z and A of each layer; with by_columns, those of narrow hidden layers are column-major.

    BLAS multiplies these faster.
    """
    pairs = [(np.empty((m, n), dtype), np.empty((m, n), dtype)) for n in n_units]
    for l, n in enumerate(n_units[:-1] if by_columns else ()):
        if n <= NARROW and m * n >= LARGE:
            pairs[l] = np.empty((n, m), dtype).T, np.empty((n, m), dtype).T
    return pairs
