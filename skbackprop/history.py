"""The history: what is recorded of each epoch.

An epoch of a small table takes a tenth of a millisecond, of which its record must take next to nothing. So its numbers
go to the end of one long list (a row for each epoch would keep the garbage collector busy), and of the last batch's
gradient a copy is kept, until the norms of several are computed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from .arrays import Parameters

WAITING = 64  # epochs at most whose gradients are condensed together …
WAITING_BYTES = 2**18  # … and the memory that their copies may take, if they are more than one

VERDICT = ("validation_loss", "validation_score")
NUMBERS = ("loss", "learning_rate", *VERDICT, "seconds")

Columns = dict[str, list[float]]


class History:
    """One record for each epoch of a fit; it is read as columns, which go on from those of the fits before.

    Parameters
    ----------
    gradients : Parameters
        Where the gradient of an epoch's last batch stands when the epoch is added.
    before : dict of lists, default=None
        The columns of the fits before.
    without : sequence of str, default=()
        Names of numbers that no epoch of this fit has.
    """

    def __init__(self, gradients: Parameters, before: Columns | None = None, without: Sequence[str] = ()) -> None:
        self.gradients, self.before, self.without = gradients, before or {}, without
        self.n_before = len(self.before.get("loss", []))
        self.numbers: list[float] = []  # of the first epoch, of the second, …
        self.norms_and_dead: list[float] = []  # likewise, but for the epochs whose gradients wait
        self.layers = [*(f"gradient_norm_{l}" for l in range(1, len(gradients.W) + 1)), "dead_units"]
        n_rows = min(WAITING, max(1, WAITING_BYTES // gradients.theta.nbytes))
        self.waiting = np.empty((n_rows, gradients.theta.size), gradients.theta.dtype)

    def add(self, *numbers: float) -> None:
        """Record an epoch: its NUMBERS, NaN for what it does not have."""
        i = self._n_waiting()
        if i == len(self.waiting):
            self._condense()
            i = 0
        self.waiting[i] = self.gradients.theta
        self.numbers += numbers  # last, and in one go: an interrupt never leaves half a record

    def _n_waiting(self) -> int:
        return len(self.numbers) // len(NUMBERS) - len(self.norms_and_dead) // len(self.layers)

    def _condense(self) -> None:
        gradients = self.waiting[: self._n_waiting()]
        with np.errstate(all="ignore"):
            table = np.column_stack([self.gradients.norms_of(gradients), self.gradients.dead_units(gradients)])
        self.norms_and_dead += table.ravel().tolist()

    def last(self) -> dict[str, float]:
        """Return the NUMBERS of the last epoch."""
        return dict(zip(NUMBERS, self.numbers[-len(NUMBERS) :], strict=True))

    def columns(self) -> Columns:
        """Return lists of equal length; NaN stands where an epoch had no such number."""
        self._condense()
        own = columns_of(NUMBERS, self.numbers) | columns_of(self.layers, self.norms_and_dead)
        for name in self.without:
            del own[name]
        none_before, none_now = [nan] * self.n_before, [nan] * len(own["loss"])
        return {name: self.before.get(name, none_before) + own.get(name, none_now) for name in {**own, **self.before}}


def columns_of(names: Sequence[str], numbers: list[float]) -> Columns:
    """Return the lists whose first entries stand first in numbers, then all second ones, and so on."""
    return {name: numbers[i :: len(names)] for i, name in enumerate(names)}
