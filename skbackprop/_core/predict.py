"""Prediction: weights in, logits out, or what a link makes of them; for one sample without anything to set up."""

from collections.abc import Sequence
from math import isfinite, isnan
from typing import Any

import numpy as np
import scipy.sparse as sp

from .kernels import LARGE, Array, product_into
from .layers import Function, bind_activation, writing

Arrays = Sequence[Array]

BLOCK_SAMPLES = 2048  # samples that go through the layers together where a mini-batch or a table has more
BLOCK_NUMBERS = 2**17  # most numbers of a block's widest layer, so that it fits the processor's cache
PREDICTED_SAMPLES = 3072  # samples predicted together: of narrow layers still few enough for the cache
NARROW = 16  # units; of wider layers the products by columns take longer


def block_size(widths: Sequence[int], most: int, fewest: int = 512) -> int:
    """Return how many samples go through layers of these widths together: few for the cache, but enough for BLAS."""
    return min(most, max(fewest, BLOCK_NUMBERS // max(widths)))


def weight_of_correct(link: Any, Z: Array, Y: Array, w: Array | None = None) -> float:
    """Return the weight, or by default the number, of the samples whose class, or every label, is decided rightly.

    Parameters
    ----------
    link : Link
        What decides.
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
    """Return ZL for every sample, or what ``write`` makes of it, and whether all was finite: X, and this without NaN.

    The samples go through a block at a time, so that little more than the result is allocated. A NaN or an infinity in
    a sample makes its Z1 not finite, and one column of Z1 is much less to look at than X.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (m, n_features)
        In the weights' dtype.
    W, b : sequences of ndarray of shape (n_(l-1), n_l) and (n_l,)
        The parameters of each layer.
    activations : sequence of Activation
        φ of each hidden layer.
    write : callable (Z, out)
        Writes what is wanted into out, while a block's logits are still in the cache of the processor; by default Z.
    n_columns : int, default=0
        Columns of out; 0 means as many as Z has.
    """
    m, sparse, n_units = X.shape[0], sp.issparse(X), [len(each) for each in b]
    result = np.empty((m, n_columns or n_units[-1]), W[0].dtype)
    block = block_size([0 if sparse else X.shape[1], *n_units], PREDICTED_SAMPLES)
    sound, arrays = True, None
    for start in range(0, m, block):
        size = min(block, m - start)
        if arrays is None or len(arrays[0][0]) != size:
            arrays = work_arrays(size, n_units, W[0].dtype, by_columns=m > size and not sparse)
            biases, functions = b, [writing(phi.value) for phi in activations]
            if m > size:  # many blocks: NumPy adds arrays of one shape faster than a row or a number to many
                biases = [np.full_like(Z, each) for each, (Z, _) in zip(b, arrays, strict=True)]
                functions = [bind_activation(phi, Z)[0] for phi, (Z, _) in zip(activations, arrays, strict=False)]
        A, out = X[start : start + size], result[start : start + size]  # A0 = X            (size, n_0)
        for l, (Z, A_l) in enumerate(arrays):
            product_into(Z, sparse and l == 0)(A, W[l], Z)  # Zl = A(l-1) Wl + bl            (size, n_l)
            np.add(Z, biases[l], Z)
            if l < len(functions):
                A = functions[l](Z, A_l)  # Al = φ(Zl)                                       (size, n_l)
        write(Z, out)
        # the least of numbers among which there is a NaN is NaN
        sound = sound and isfinite(arrays[0][0][:, 0].sum()) and not isnan(out.min())
    return result, sound


def work_arrays(m: int, n_units: Sequence[int], dtype: Any, by_columns: bool) -> list[tuple[Array, Array]]:
    """Return arrays for Z and A of each layer; those of narrow hidden layers by columns, which suits BLAS better."""
    pairs = [(np.empty((m, n), dtype), np.empty((m, n), dtype)) for n in n_units]
    for l, n in enumerate(n_units[:-1] if by_columns else ()):
        if n <= NARROW and m * n >= LARGE:
            pairs[l] = np.empty((n, m), dtype).T, np.empty((n, m), dtype).T
    return pairs
