"""How an epoch goes through its rows: in batches, and in groups of them whose loss is computed together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .activations import Array

GROUP_BYTES = 2**18  # logits and targets of so many batches together stay in the cache of the processor


class Batch(NamedTuple):
    """The rows of one step, within their group."""

    rows: slice
    logits: Array  # theirs, kept until the group's loss is computed


class Group(NamedTuple):
    """Batches in a row, and arrays for the logits and targets of all of them, which the next group writes over."""

    rows: slice
    batches: list[Batch]
    logits: Array
    targets: Array


def groups_of(n_rows: int, batch_size: int, n_outputs: int, dtype: Any) -> list[Group]:
    """Split an epoch of n_rows into groups of whole batches; the last batch takes what is left."""
    size = min(batch_size, n_rows)
    most = min(n_rows, size * max(1, GROUP_BYTES // (16 * n_outputs * size)))
    logits = np.empty((most, n_outputs), dtype)
    targets = np.empty_like(logits)

    def batches(m: int) -> list[Batch]:
        parts = [slice(i, min(i + size, m)) for i in range(0, m, size)]
        return [Batch(rows, logits[rows]) for rows in parts]

    whole, n_left = batches(most), n_rows % most
    groups = [Group(slice(i, i + most), whole, logits, targets) for i in range(0, n_rows - n_left, most)]
    if n_left:
        groups.append(Group(slice(n_rows - n_left, n_rows), batches(n_left), logits[:n_left], targets[:n_left]))
    return groups
