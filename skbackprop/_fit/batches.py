"""The mini-batches of an epoch: the gradient of each in turn, and the mean objective of the epoch.

Small mini-batches are mostly overhead. So an epoch is split into *groups* of mini-batches, whose targets are gathered
and whose losses are computed together. The samples of a group go through the layers in *pieces*: one for each
mini-batch, or several if a mini-batch has more samples than fit the processor's cache. Then their gradients are added.
"""

import copy
from collections.abc import Iterator
from functools import cache, partial
from typing import Any, NamedTuple, Self

import numpy as np

from .._core.kernels import SHORT, Array
from .._core.layers import Cache, bind, bind_output
from .._core.parameters import Parameters, bind_penalty
from .._core.predict import BLOCK_SAMPLES, weight_of_correct
from .._data.table import Rows, Table
from ..network import Network
from .learner import Plan

GROUP_NUMBERS = 2**14  # most logits of a group, so that they stay in the processor's cache

Cut = tuple[int, int, int, bool]  # begin and end of a piece, samples of its mini-batch, and if it is the last of them
# Rows within the group, logits, targets, what bound_layers returns, samples of the mini-batch, and whether the piece is
# all of that, and the last of it. A plain tuple, since Python unpacks one ten times as fast as a named tuple.
Piece = tuple[slice, Array, Array, Any, int, bool, bool]


class Means(NamedTuple):
    """Means over the mini-batches of an epoch, each of them at the parameters before its update.

    Attributes
    ----------
    loss, penalty : float
        The two terms of the objective, each mini-batch weighted by its share of the samples.
    accuracy : float
        The weighted share of the samples that were predicted correctly.
    """

    loss: float
    penalty: float
    accuracy: float


class Batches:
    """The mini-batches of a table.

    Parameters
    ----------
    network : Network
        The network that is trained.
    table : Table
        The samples.
    plan : Plan
        Gives batch_size, alpha and dropout; the last mini-batch of an epoch takes the samples that are left.
    rng : RandomState
        Source of the dropout masks.

    Attributes
    ----------
    gradients : Parameters
        The gradient of the objective on the last mini-batch.
    means : Means
        Those of the last epoch.
    """

    means: Means

    def __init__(self, network: Network, table: Table, plan: Plan, rng: np.random.RandomState) -> None:
        self.network, self.table, self.plan = network, table, plan
        self.gradients = Parameters(network.layer_sizes, network.dtype)
        self._layers = cache(partial(bound_layers, network, table, plan.dropout, rng, self.gradients))
        self._losses = cache(partial(bound_losses, network))
        self._penalise = bind_penalty(network.weights, plan.alpha, self.gradients.weights)
        self._groups = self._split(len(table))

    def over(self, table: Table) -> Self:
        """Return the mini-batches of another table, which share the layers and the gradients of these."""
        other = copy.copy(self)
        other.table, other._groups = table, other._split(len(table))
        return other

    def gradient_of_each(self, order: Rows) -> Iterator[float]:
        """Compute the gradient of each mini-batch in turn; yield the share of the epoch that lies before it.

        Whoever iterates updates the parameters between two mini-batches.
        """
        table, n, gradients, alpha, link = self.table, len(order), self.gradients, self.plan.alpha, self.network.link
        take, penalise = table.take, self._penalise
        begin, loss, penalties, correct, weight = 0, 0.0, 0.0, 0.0, 0.0
        summed: Any = 0.0  # gradients of the pieces of a mini-batch but the last
        for group, pieces, (logits_g, targets_g, losses, ones) in self._groups:
            rows_g = order[group]
            table.take_targets(rows_g, targets_g)
            w = table.take_weights(rows_g)
            for rows, logits, Y, (forward, backward, buffer, mean), m, is_whole, is_last in pieces:
                X = take(rows_g[rows], buffer)
                forward(X, logits)
                share = mean if is_whole else 1.0 / m
                backward(X, logits, Y, share if w is None else w[rows, np.newaxis] / m)
                if not is_whole:
                    summed = summed + gradients.theta
                    if not is_last:
                        continue
                    gradients.theta[...], summed = summed, 0.0
                if alpha:
                    penalties += m * penalise()
                yield begin / n
                begin += m
            loss += float(losses(logits_g, targets_g).dot(ones if w is None else w))
            correct += weight_of_correct(link, logits_g, targets_g, w)
            weight += len(ones) if w is None else float(w.dot(ones))
        self.means = Means(loss / n, penalties / n, correct / weight)

    def _split(self, n: int) -> list[tuple[Any, ...]]:
        """Split an epoch into groups of pieces."""
        # at most SHORT samples, so that BLAS computes the dot products over a group in a single thread
        size, most = self.plan.batch_size, min(SHORT, GROUP_NUMBERS // self.table.n_outputs)
        groups: list[list[Cut]] = []
        for start in range(0, n, size):
            stop = min(start + size, n)
            for i in range(start, stop, BLOCK_SAMPLES):
                j = min(i + BLOCK_SAMPLES, stop)
                if not groups or j - groups[-1][0][0] > most:
                    groups.append([])
                groups[-1].append((i, j, stop - start, j == stop))
        return [self._group(cuts) for cuts in groups]

    def _group(self, cuts: list[Cut]) -> tuple[Any, ...]:
        """Return where a group lies in the epoch, its pieces, and its arrays, which groups of the same size share."""
        begin, size = cuts[0][0], cuts[-1][1] - cuts[0][0]
        logits, targets, losses, ones = self._losses(size)
        pieces: list[Piece] = []
        for i, j, m, is_last in cuts:
            rows = slice(i - begin, j - begin)
            pieces.append((rows, logits[rows], targets[rows], self._layers(j - i), m, j - i == m, is_last))
        return slice(begin, begin + size), pieces, (logits, targets, losses, ones)


def bound_losses(network: Network, m: int) -> tuple[Any, ...]:
    """Return arrays for the logits and the targets of m samples, the function of both that returns losses, and ones."""
    logits = np.empty((m, network.layer_sizes[-1]), network.dtype)
    losses = bind_output(network.loss_function, network.link, logits)[1]
    return logits, np.empty_like(logits), losses, np.ones(m, network.dtype)


def bound_layers(network: Network, table: Table, dropout: float, rng: Any, gradients: Any, m: int) -> tuple[Any, ...]:
    """Return forward and backward for m samples, an array to gather them in, and 1 / m."""
    work = Cache(network.layer_sizes, m, network.dtype, dropout)
    forward, backward = bind(network, work, gradients, sparse=table.sparse, rng=rng)
    # 1 / m as an array without dimensions, since NumPy takes half as long to multiply by it as by a number
    return forward, backward, table.buffer(m), np.array(1.0 / m, network.dtype)
