"""Judging a network: its loss on a table, its outputs for any number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite, isnan
from typing import Any, NamedTuple

import numpy as np

from .activations import Array, full
from .arrays import SHORT
from .data import DenseRows, Table, as_rows
from .network import BLOCK_ROWS, Network

BLOCK_NUMBERS = 2**17  # of the widest layer of a block
PREDICTED_ROWS = 3072  # rows predicted together: of narrow layers still few enough for the cache
JUDGED_ROWS = 1024  # rows of a table judged together: work arrays for more would come from the system anew each time
WEIGHTLESS = 1e-3  # weights all smaller than this have nothing to say on scaled features


def block_rows(X: DenseRows, network: Network, most: int) -> int:
    """Return how many rows go through the layers together: as many as stay in the cache, but enough for BLAS."""
    return min(most, max(BLOCK_ROWS // 4, BLOCK_NUMBERS // max(X.width, *network.layer_sizes[1:])))


def logits(
    network: Network, X: Any, write: Callable[[Array, Array], Any] = np.positive, n_columns: int = 0
) -> tuple[Array, bool]:
    """Return Z_L for every row of X, or what ``write`` makes of it, and whether X was finite and this holds no NaN.

    The rows go through a block at a time, so that little more than the result is allocated. A NaN or an infinity in a
    row makes its Z1 not finite, and one column of Z1 is much less to look at than X.

    Parameters
    ----------
    network : Network
        Where the weights are.
    X : ndarray or CSR matrix of shape (n, n_features)
        In the network's dtype.
    write : callable (Z, out)
        Writes what is wanted into out, while a block's logits are still in the cache of the processor; by default Z.
    n_columns : int, default=0
        Columns of out; 0 means as many as Z has.
    """
    rows, n = as_rows(X), X.shape[0]
    result = np.empty((n, n_columns or network.layer_sizes[-1]), network.dtype)
    cache, sound, block = None, True, block_rows(rows, network, PREDICTED_ROWS)
    for i in range(0, n, block):
        m = min(block, n - i)
        if cache is None or cache.n_rows != m:
            cache, buffer = network.work_arrays(m), rows.buffer(m)
            if n > m:
                cache.prepare_blocks(network.b, by_columns=not rows.sparse)
        out = result[i : i + m]
        write(network.propagate(rows.take(range(i, i + m), buffer), cache), out)
        # the least of numbers among which there is a NaN is NaN
        sound = sound and isfinite(cache.Z[0][:, 0].sum()) and not isnan(out.min())
    return result, sound


def total(losses: Array, w: Array | None) -> float:
    """Return Σ_i w_i ℓ_i for the losses of some rows and their weights as a column, None if all are one."""
    if w is not None:
        return float(losses.dot(w[:, 0]))
    short = len(losses) <= SHORT  # NumPy takes longer to set up a sum than BLAS to multiply by ones
    return float(losses.dot(full(losses.shape, 1, losses.dtype)) if short else np.add.reduce(losses))


class Verdict(NamedTuple):
    """What a network is worth on a table."""

    loss: float  # the data term of J
    one_answer: bool  # every row gets the same logits
    one_label: bool  # every row gets the same label


def evaluate(network: Network, table: Table) -> Verdict:
    """Judge a network on a table, a block of rows at a time."""
    X, rows, n = table.X, table.rows, table.n_rows
    loss, lowest, highest = 0.0, np.inf, -np.inf
    cache, decision, one_label = None, None, True
    block = block_rows(X, network, JUDGED_ROWS)
    for i in range(0, n, block):
        rows_b = rows[i : i + block]
        m = len(rows_b)
        if cache is None or cache.n_rows != m:
            cache = network.work_arrays(m)
            buffer, targets = X.buffer(m), table.targets.buffer(m)
        Z = network.propagate(X.take(rows_b, buffer), cache)
        losses = network.loss_function.value(Z, table.targets.take(rows_b, targets), network.link)
        w = table.take_weights(rows_b)
        loss += total(losses, w) / n
        lowest, highest = np.minimum(lowest, Z.min(axis=0)), np.maximum(highest, Z.max(axis=0))
        decisions = network.link.decide(Z)
        decision = decisions[0] if decision is None else decision
        one_label = one_label and bool(np.all(decisions == decision))
    one_answer = np.all(highest - lowest <= 100 * np.finfo(network.dtype).eps * np.abs(highest))
    return Verdict(loss, bool(one_answer), one_label)


def constant_loss(network: Network, table: Table) -> float:
    """Return the mean loss of the best constant answer, the mean of the targets."""
    Y_sum, w_sum = 0.0, 0.0
    for rows, Y, w in _targets(table):
        Y_sum += Y.sum(axis=0) if w is None else w[:, 0].dot(Y)
        w_sum += len(rows) if w is None else float(w.sum())
    eps = np.finfo(network.dtype).eps
    Z = network.link.inverse(np.clip(Y_sum / w_sum, eps, 1 - eps))[np.newaxis]
    loss = 0.0
    for _, Y, w in _targets(table):
        losses = network.loss_function.value(np.repeat(Z, len(Y), axis=0), Y, network.link)
        loss += total(losses, w) / w_sum
    return loss


def _targets(table: Table) -> Iterator[tuple[Any, Array, Array | None]]:
    for i in range(0, table.n_rows, BLOCK_ROWS):
        rows = table.rows[i : i + BLOCK_ROWS]
        yield rows, table.targets.take(rows, table.targets.buffer(len(rows))), table.take_weights(rows)


def why_useless(network: Network, table: Table, one_answer: bool) -> str:
    """Say why a network gives every row the same answer, or worse ones than a constant, and what to do about it."""
    rows = table.rows[:BLOCK_ROWS]
    cache = network.work_arrays(len(rows))
    with np.errstate(all="ignore"):  # numbers that overflow are a cause, not news
        network.propagate(table.X.take(rows, table.X.buffer(len(rows))), cache)
    remedy = "Remedy: make_pipeline(StandardScaler(), ...), or a lower learning_rate."
    for l, A in enumerate(cache.A[1:-1], start=1):
        if not np.ptp(A, axis=0).any():
            kind = "dead (zero for every row)" if not A.any() else "constant"
            return (
                f"it gives every row the same answer, for all {A.shape[1]} hidden units of layer {l} are {kind}. "
                f"Likely cause: unscaled features, or too high a learning_rate. {remedy}"
            )
    if float(np.abs(network.parameters.weights).max()) < WEIGHTLESS:
        return (
            "it gives every row the same answer, for all its weights have shrunk to nothing. Likely cause: alpha is "
            "too strong. Remedy: lower it."
        )
    if one_answer:
        return (
            "it gives every row the same answer. Likely cause: features that are the same in every row, or too strong "
            "an alpha. Remedy: other features, or a lower alpha."
        )
    return (
        "it is worse than the best constant answer. Likely cause: unscaled features, too high a learning_rate, or too "
        f"few epochs (if the loss still fell). {remedy[:-1]}, or a greater max_iter."
    )
