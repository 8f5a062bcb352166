"""Training: the epoch loop, and L-BFGS, each iteration of which counts as an epoch.

for each epoch:
    for each mini-batch of the shuffled samples:
        forward, backward, update
    evaluate and record; stop if training diverges, if patience is used up, or if a callback says so

A *phase* is a number of epochs on one table; the strategies (:mod:`skbackprop._fit.strategies`) are made of phases.
"""

from math import nan
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .._core.kernels import Array
from .._core.parameters import penalty
from .._data.table import Table
from ..schedules import Schedule
from .batches import Batches, Means
from .learner import Learner, Plan
from .outcome import START_SAMPLES, DivergenceError, Outcome, divergence, has_exploded
from .recording import VALIDATION, History
from .validation import Validation


class Tables(NamedTuple):
    """The samples to train and to evaluate on."""

    training: Table  # all samples, or those that are not held out
    whole: Table  # all samples
    validation: Validation | None  # given or held out


class Phase(NamedTuple):
    """Some epochs on one table.

    Attributes
    ----------
    table : Table
        The training samples.
    n_epochs : int
        Maximum number of epochs; the progress that a schedule sees is the share of them that is over.
    schedule : Schedule
        What the learning rate is multiplied by.
    patience : int or None
        The phase ends after so many epochs in a row without an improvement of more than tol; with None, it does not.
    tol : float
        See patience.
    validation : Validation or None
        Evaluated after each epoch.
    keeps_best : bool
        Whether patience watches the validation score instead of the training loss, and the best epoch is kept.
    name : str
        What verbose prints before the number of an epoch.
    """

    table: Table
    n_epochs: int
    schedule: Schedule
    patience: int | None = None
    tol: float = 0.0
    validation: Validation | None = None
    keeps_best: bool = False
    name: str = ""


class Progress(NamedTuple):
    """How far a phase has come after its last whole epoch; replaced as a whole, so no interrupt leaves it half updated.

    Attributes
    ----------
    n_recorded : int
        Epochs in the history.
    best : tuple or None
        The learner's checkpoint at the best epoch so far, if the phase keeps it.
    best_epoch : int
        The number of that epoch in the history; 0 stands for the start of training.
    best_value : float
        The lowest value so far of what patience watches.
    waited : int
        Epochs since the last improvement by more than tol.
    """

    n_recorded: int
    best: tuple[Array, dict[str, Any]] | None = None
    best_epoch: int = 0
    best_value: float = np.inf
    waited: int = 0


class Training:
    """One call of fit: what is trained, how, and what is recorded.

    Parameters
    ----------
    learner : Learner
        The network to train, and what its training remembers; changed in place.
    plan : Plan
        How to train.
    tables : Tables
        The samples to train and to evaluate on.
    rng : RandomState
        Source of the permutations and the dropout masks.
    monitor : Monitor or None
        Prints lines and calls callbacks for each epoch.
    names : ndarray of str, or None
        Names of the features, for error messages.

    Attributes
    ----------
    history : History
        One record for each epoch.
    progress : Progress
        How far the present phase has come.
    best : (int, float) or None
        The number of the best epoch and its validation score, once the learner has gone back to it.
    J_start : float
        The objective before training, on a few samples.
    converged : bool
        Whether patience, or the solver itself, ended a phase.
    stopped_by_callback : bool
        Whether a callback ended a phase.
    """

    def __init__(self, learner: Learner, plan: Plan, tables: Tables, rng: Any, monitor: Any, names: Any) -> None:
        self.learner, self.plan, self.tables, self.rng = learner, plan, tables, rng
        self.monitor, self.names = monitor, names
        self.batches = Batches(learner.network, tables.training, plan, rng)
        absent = {"learning_rate": plan.solver.full_batch_only} | dict.fromkeys(VALIDATION, tables.validation is None)
        self.history = History(self.batches.gradients, without=[name for name in absent if absent[name]])
        self.progress = Progress(0)
        self.best: tuple[int, float] | None = None
        self.J_start = Outcome(learner.network, tables.training, plan.alpha, START_SAMPLES).J
        self.converged = self.stopped_by_callback = False

    def end_epoch(self, phase: Phase, started: float, means: Means) -> bool:
        """Evaluate and record an epoch of a phase; return True if it was the last one.

        Raises
        ------
        DivergenceError
            If the mean objective of the epoch is not finite, or so large that training cannot recover.
        """
        learner, J, scores = self.learner, means.loss + means.penalty, (nan, nan)
        exploded = has_exploded(J, self.J_start)
        learner.n_epochs += 1
        learner.follow(len(self.history) + 1)
        if phase.validation is not None and not exploded:
            scores = phase.validation(learner.evaluated)
        self.history.add(J, means.penalty, means.accuracy, learner.learning_rate, *scores, perf_counter() - started)
        if exploded:
            raise self.divergence()
        watched = -scores[1] if phase.keeps_best else J
        phase.schedule.observe(watched, learner.schedule_state)
        self.progress = self.advanced(phase, watched)
        self.stopped_by_callback = self.monitor is not None and self.monitor.epoch_ended(self, phase.name)
        ended = phase.patience is not None and self.progress.waited >= phase.patience
        self.converged |= ended
        return ended or self.stopped_by_callback

    def advanced(self, phase: Phase, watched: float) -> Progress:
        """Return the progress after an epoch; ``watched`` is the value that patience watches, lower is better."""
        before, epoch = self.progress, len(self.history)
        waited = 0 if watched < before.best_value - phase.tol else before.waited + 1
        if not watched < before.best_value:
            return before._replace(n_recorded=epoch, waited=waited)
        return Progress(epoch, self.learner.checkpoint() if phase.keeps_best else None, epoch, watched, waited)

    def restore_best(self) -> None:
        """Go back to the best epoch of the phase, if one has been evaluated."""
        self.history.keep(self.progress.n_recorded)
        if self.progress.best is not None:
            self.learner.restore(*self.progress.best)
            self.best = self.progress.best_epoch, -self.progress.best_value
        self.learner.average = None

    def batches_over(self, table: Table) -> Batches:
        """Return the mini-batches of a table."""
        return self.batches if table is self.tables.training else self.batches.over(table)

    def outcome(self) -> Outcome:
        """Return the outcome of training, estimated on some of the samples."""
        return Outcome(self.learner.network, self.tables.whole, self.plan.alpha)

    def objective(self) -> float:
        """Return J on all samples."""
        network = self.learner.evaluated
        return Validation(self.tables.whole).loss(network) + penalty(network.weights, self.plan.alpha)

    def divergence(self, *final: float) -> DivergenceError:
        """Return the error for a training that ended at these objectives, after those in the history."""
        return divergence(self.history.columns(), final, self.tables.whole.X, self.plan.learning_rate, self.names)


def run_epochs(training: Training, phase: Phase) -> None:
    """Train through a phase: for each epoch, for each mini-batch, forward, backward and update."""
    learner, plan, table = training.learner, training.plan, phase.table
    batches = training.batches_over(table)
    update = plan.solver.stepper(learner.network, batches.gradients, learner.solver_state)
    factor, eta, n_epochs = phase.schedule.factor, plan.learning_rate, phase.n_epochs
    shuffles = plan.shuffle and plan.batch_size < len(table)
    for epoch in range(n_epochs):
        started = perf_counter()
        if training.monitor is not None:
            training.monitor.epoch_begins()
        with np.errstate(all="ignore"):  # what overflows is reported by end_epoch
            for share in batches.gradient_of_each(table.shuffled(training.rng) if shuffles else table.rows):
                rate = eta * factor((epoch + share) / n_epochs, learner.n_epochs, learner.schedule_state)
                update(rate)
                learner.n_updates += 1
        learner.learning_rate = rate
        if training.end_epoch(phase, started, batches.means):
            break


def run_lbfgs(training: Training, phase: Phase) -> None:
    """Train through a phase, as :func:`run_epochs` does; the loss of an epoch is J before its update."""
    network, batches = training.learner.network, training.batches_over(phase.table)
    accepted, started = network.theta.astype(np.float64), perf_counter()
    means: Any = None  # at the last iterate accepted; the first is the start

    @np.errstate(all="ignore")
    def value_and_gradient(theta: Array) -> tuple[float, Array]:
        nonlocal means
        network.theta[...] = theta
        for _ in batches.gradient_of_each(phase.table.rows):
            pass  # all samples are one mini-batch
        means = means or batches.means
        return batches.means.loss + batches.means.penalty, batches.gradients.theta.astype(np.float64)

    def end_iteration(theta: Array) -> bool:
        nonlocal means, started
        accepted[...] = network.theta[...] = theta
        training.learner.n_updates += 1
        if training.monitor is not None:  # only now is it known that the iteration takes place
            training.monitor.epoch_begins()
        stop = training.end_epoch(phase, started, means)
        means, started = batches.means, perf_counter()
        return stop

    try:
        done = training.plan.solver.minimize(value_and_gradient, accepted.copy(), phase.n_epochs, end_iteration)
        training.converged |= done
    finally:  # whatever the line search tried last, keep the last iterate that it accepted
        network.theta[...] = accepted
