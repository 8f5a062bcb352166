"""The learner: a network and all that its training remembers, which are saved, resumed and restored together."""

import copy
from math import nan
from operator import eq
from typing import Any, NamedTuple

from .._core.kernels import Array
from ..network import Network
from ..schedules import Schedule

AVERAGE_DECAY = 0.9  # of the average of the weights, per epoch
REMEMBERED = ("solver_state", "schedule_state", "learning_rate", "n_epochs")  # in a checkpoint, beside the parameters


class Plan(NamedTuple):
    """How to train: the estimator's parameters, checked and resolved."""

    solver: Any
    schedule: Schedule
    learning_rate: float
    batch_size: int
    max_iter: int
    alpha: float = 0.0
    dropout: float = 0.0
    shuffle: bool = True


class Learner:
    """A network and all that its training remembers.

    Parameters
    ----------
    network : Network
        Where training starts; its parameters change in place.
    plan : Plan
        Gives the solver and the schedule.
    state : dict
        What :meth:`state` returned after an earlier fit, or an empty dict. A solver or a schedule of the same class
        continues from there.
    n_epochs : int
        Epochs trained since the last fit that started from new weights; used if state does not hold them.

    Attributes
    ----------
    solver_state, schedule_state : dict
        What the solver and the schedule remember.
    average : Network or None
        The average of the parameters over the epochs, if one is kept; then it is evaluated in place of the network.
    learning_rate : float
        The learning rate of the last update.
    n_updates : int
        Updates in this fit.
    """

    def __init__(self, network: Network, plan: Plan, state: dict[str, Any], n_epochs: int) -> None:
        state = copy.deepcopy(state)  # the estimator's own state stays as it is, and may be read-only
        self.network, self.n_epochs = network, state.get("epochs", n_epochs)
        self.kind = [type(plan.solver).__name__, type(plan.schedule).__name__]
        same_solver, same_schedule = map(eq, state.get("kind", [None, None]), self.kind)
        self.solver_state = (state["solver"] if same_solver else {}) or plan.solver.init_state(network.theta)
        self.schedule_state = (state["schedule"] if same_schedule else {}) or plan.schedule.init_state()
        self.average: Network | None = None
        self.learning_rate, self.n_updates = nan, 0

    @property
    def evaluated(self) -> Network:
        """The network to evaluate: the average, if one is kept."""
        return self.network if self.average is None else self.average

    def follow(self, epoch: int) -> None:
        """Let the average follow the parameters, after the epoch-th epoch of the phase."""
        if self.average is not None:
            share = 1.0 - min(AVERAGE_DECAY, (epoch - 1) / epoch)
            self.average.theta += share * (self.network.theta - self.average.theta)

    def checkpoint(self) -> tuple[Array, dict[str, Any]]:
        """Return copies of the parameters that are evaluated, and of the attributes that belong to them."""
        return self.evaluated.theta.copy(), copy.deepcopy({name: vars(self)[name] for name in REMEMBERED})

    def restore(self, theta: Array, remembered: dict[str, Any]) -> None:
        """Go back to a checkpoint."""
        vars(self).update(remembered, average=None)
        self.network.theta[...] = theta

    def state(self) -> dict[str, Any]:
        """Return what another fit needs to continue from here, except the parameters, as plain arrays and numbers."""
        states = {"solver": self.solver_state, "schedule": self.schedule_state}
        return states | {"kind": self.kind, "epochs": self.n_epochs}
