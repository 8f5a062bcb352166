"""One array of a step of gradient descent, with all that a page says about it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .numbers import Used, plain, traced


@dataclass(frozen=True, eq=False, repr=False)
class Step:
    """One array of a step of gradient descent.

    Attributes
    ----------
    name : str
        ``"Z1"``, ``"dW2"``, ``"J"``, …; ``"W1_new"`` is W1 after the update.
    formula : str
        ``"Z1 = X W1 + b1"``; empty for what is given: samples, targets, weights and parameters.
    value : ndarray, CSR matrix or float
        Its numbers.
    phase : {"given", "forward", "loss", "backward", "update"}
        Where in the step it is computed.
    made_of : tuple of str
        The names of the arrays that it is computed from.
    worked : str
        One entry in numbers, ``"Z1[0, 1] = 0.5·1.62 + 0.8·(−0.61) − 0.53 = 0.79"``; empty for what is given.
    entry : tuple of int
        The index of that entry.
    used : mapping of str to tuple of (int or None)
        The index of what is used for that entry in each array of ``made_of``; None stands for a whole row or column.
    arithmetic : str
        What stands between the first and the last equals sign of ``worked``, each number with its origin.
    difference : float or None
        For the gradient of a parameter, the central difference of J for the same entry, in float64; otherwise None.
    one_sided : bool
        Whether the difference is one-sided: on a kink (of relu at 0, for example) J has two slopes, and backpropagation
        follows one of them.
    note : str
        A sentence on the formula, or empty.

    Examples
    --------
    >>> from skbackprop import Network, explain_step
    >>> net = Network([2, 1], random_state=0)
    >>> net.W[0] = [[0.5], [2.0]]
    >>> steps = {step.name: step for step in explain_step(net, [[1.0, -1.0]], [1.0]).steps}
    >>> steps["Z1"]
    Step(Z1 = X W1 + b1, shape (1, 1))
    >>> steps["Z1"].worked, steps["Z1"].made_of
    ('Z1[0, 0] = 1·0.5 − 1·2 + 0 = −1.5', ('X', 'W1', 'b1'))
    """

    name: str
    formula: str
    value: Any
    phase: str
    used: Used
    arithmetic: str = ""
    entry: tuple[int, ...] = ()
    difference: float | None = None
    one_sided: bool = False
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def made_of(self) -> tuple[str, ...]:
        return tuple(self.used)

    @property
    def traced(self) -> str:
        """The worked entry with each number's origin: see ``_pages.numbers``."""
        if not self.arithmetic:
            return ""
        return f"{self.place} = {self.arithmetic} = {traced(self.name, self.number)}"

    @property
    def worked(self) -> str:
        return plain(self.traced)

    @property
    def place(self) -> str:
        """``"Z1[0, 1]"``; for a single number, its name alone."""
        return f"{self.name}[{', '.join(map(str, self.entry))}]" if self.entry else self.name

    @property
    def number(self) -> float:
        """The entry's value."""
        return float(self.value[self.entry] if self.entry else self.value)

    def __repr__(self) -> str:
        return f"Step({self.formula or self.name}, shape {self.shape})"
