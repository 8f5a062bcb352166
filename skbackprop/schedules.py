r"""Schedules: how the learning rate moves. The rate of a step is learning_rate times a factor.

===============  ====================================================================  =============
schedule         factor                                                                uses max_iter
===============  ====================================================================  =============
"constant"       1                                                                     no
"invscaling"     1 / (1 + epoch)^power                                                 no
"adaptive"       divided by 5 when the loss has not fallen for ``patience`` epochs     no
"cosine"         (1 + cos(π · progress)) / 2                                           yes
"one_cycle"      up to 1 over the first part of training, then down to 0               yes
callable         callable(progress)                                                    yes
===============  ====================================================================  =============

``progress`` runs from 0 to 1 over the max_iter epochs of one fit, ``epoch`` counts all epochs since the last fit that
started from new weights. A schedule holds only its hyper-parameters; what it remembers (only "adaptive" does) is a
plain dict from ``init_state``.

To add a schedule, subclass :class:`Schedule` and register it with ``@SCHEDULES.register("name")``, or just pass a
function of progress.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi
from typing import Any

from .registry import Configurable, Registry, number

State = dict[str, Any]

SCHEDULES: "Registry[Schedule]" = Registry("schedule", ("init_state", "factor", "observe"))


class Schedule(Configurable):
    """The protocol of a schedule; this base class keeps the rate constant."""

    def init_state(self) -> State:
        """Return what the schedule remembers before the first epoch: a dict of numbers."""
        return {}

    def factor(self, progress: float, epoch: int, state: State) -> float:
        """Return the factor of one step's learning rate."""
        return 1.0

    def observe(self, loss: float, state: State) -> None:
        """Update the state after an epoch, given what patience watches: the training loss, or the negated score."""


@SCHEDULES.register("constant")
class Constant(Schedule):
    """The same rate throughout.

    Examples
    --------
    >>> from skbackprop.schedules import Constant
    >>> Constant().factor(0.5, 3, {})
    1.0
    """


@SCHEDULES.register("invscaling")
@dataclass(eq=False, repr=False)
class InvScaling(Schedule):
    """The rate falls as a power of the epochs trained.

    Parameters
    ----------
    power : float, default=0.5
        The exponent (MLPClassifier's default for power_t, which counts samples instead of epochs).

    Examples
    --------
    >>> from skbackprop.schedules import InvScaling
    >>> InvScaling().factor(0.0, 3, {})
    0.5
    """

    power: float = number(0.5)

    def factor(self, progress: float, epoch: int, state: State) -> float:
        return (1.0 + epoch) ** -self.power


@SCHEDULES.register("adaptive")
@dataclass(eq=False, repr=False)
class Adaptive(Schedule):
    """The rate is divided whenever the loss stops falling; when training ends is left to ``n_iter_no_change``.

    Parameters
    ----------
    divide_by : float, default=5.0
        What the rate is divided by (MLPClassifier's value).
    patience : int, default=5
        Epochs without a new lowest loss after which the rate is divided. n_iter_no_change has the same default: for
        training to continue at lower rates, set it to a larger number, or to None.

    Examples
    --------
    >>> from skbackprop.schedules import Adaptive
    >>> schedule = Adaptive(patience=2)
    >>> state = schedule.init_state()
    >>> for loss in [0.5, 0.6, 0.7]: schedule.observe(loss, state)
    >>> schedule.factor(0.0, 3, state)
    0.2
    """

    divide_by: float = number(5.0, 1, open_low=True)
    patience: int = number(5, 1, integer=True)

    def init_state(self) -> State:
        return {"factor": 1.0, "best": inf, "waited": 0}

    def factor(self, progress: float, epoch: int, state: State) -> float:
        return state["factor"]

    def observe(self, loss: float, state: State) -> None:
        state["waited"] = 0 if loss < state["best"] else state["waited"] + 1
        state["best"] = min(loss, state["best"])
        if state["waited"] >= self.patience:
            state["factor"] /= self.divide_by
            state["waited"] = 0


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """Half a cosine wave from 1 down to 0 (Loshchilov and Hutter, 2016, arXiv:1608.03983, without restarts).

    Examples
    --------
    >>> from skbackprop.schedules import Cosine
    >>> [round(Cosine().factor(progress, 0, {}), 3) for progress in (0.0, 0.5, 1.0)]
    [1.0, 0.5, 0.0]
    """

    def factor(self, progress: float, epoch: int, state: State) -> float:
        return 0.5 * (1.0 + cos(pi * progress))


@SCHEDULES.register("one_cycle")
@dataclass(eq=False, repr=False)
class OneCycle(Schedule):
    """Warm up, then cool down, in cosine arcs (Smith and Topin, 2017, arXiv:1708.07120).

    Parameters
    ----------
    peak : float in (0, 1), default=0.3
        The progress at which the factor is 1 (PyTorch's default).
    start : float in [0, 1), default=0.04
        The factor at the beginning (PyTorch's default, 1 / 25).

    Examples
    --------
    >>> from skbackprop.schedules import OneCycle
    >>> [round(OneCycle().factor(progress, 0, {}), 3) for progress in (0.0, 0.3, 1.0)]
    [0.04, 1.0, 0.0]
    """

    peak: float = number(0.3, 0, 1, open_low=True)
    start: float = number(0.04, 0, 1)

    def factor(self, progress: float, epoch: int, state: State) -> float:
        if progress < self.peak:
            return self.start + (1.0 - self.start) * 0.5 * (1.0 - cos(pi * progress / self.peak))
        return 0.5 * (1.0 + cos(pi * (progress - self.peak) / (1.0 - self.peak)))


@dataclass(eq=False, repr=False)
class FunctionOfProgress(Schedule):
    """A user's own function of progress.

    Parameters
    ----------
    function : callable
        Takes progress in [0, 1], returns a non-negative factor.

    Examples
    --------
    >>> from skbackprop.schedules import FunctionOfProgress
    >>> FunctionOfProgress(lambda progress: 1.0 - progress).factor(0.25, 0, {})
    0.75
    """

    function: Callable[[float], float]

    def factor(self, progress: float, epoch: int, state: State) -> float:
        return float(self.function(progress))


def resolve_schedule(spec: Any) -> Schedule:
    """Return a schedule from a name, a schedule, or a function of progress.

    Raises
    ------
    ValueError
        If a name is not known, or the factor is negative or not finite at some progress from 0 to 1.
    """
    is_function = callable(spec) and not isinstance(spec, type) and not hasattr(spec, "factor")
    schedule = FunctionOfProgress(spec) if is_function else SCHEDULES.resolve(spec)
    for progress in [] if isinstance(spec, str) else [k / 100 for k in range(101)]:
        got = schedule.factor(progress, 0, schedule.init_state())
        if not 0 <= got < inf:
            raise ValueError(f"schedule={spec!r} must give non-negative factors; got {got!r} at progress {progress:g}.")
    return schedule
