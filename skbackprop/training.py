"""Training: the epoch loop, and what one epoch hands to the next.

for each epoch:
    for each batch of the shuffled rows:
        forward, backward, step
    record the loss met on the way; stop if it diverges, or if patience is used up

A search for the number of epochs goes before the training on all rows: by one network on most of them, whose best
weights then cool down on all; or, where rows are few, by two networks, each on one half and judged on the other.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, nan
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .activations import Array
from .arrays import Parameters
from .batches import Group, groups_of
from .data import Rows, Table
from .evaluation import constant_loss, evaluate, total
from .history import VERDICT, Columns, History
from .network import BLOCK_ROWS, Network
from .schedules import FunctionOfProgress, Schedule
from .stopping import EXPLODED, WORTHLESS, DivergenceError, Patience, divergence_message
from .two_layers import Gradient

AVERAGE = 0.85  # decay, per epoch, of the average of the weights that is judged during a search
COOL_DOWN = 0.4  # epochs on all rows after a search, as a share of the epochs that led to its best weights
FIRST_ROWS = 512  # rows from which J before training is computed: it is close to that of equal probabilities

Judge = Callable[[Network], tuple[float, float]]  # its loss on validation rows, and its score (greater is better)


@dataclass(frozen=True)
class Plan:
    """How to train: the estimator's parameters, checked and resolved."""

    solver: Any
    schedule: Schedule
    learning_rate: float
    batch_size: int
    max_iter: int
    alpha: float = 0.0
    dropout: float = 0.0
    shuffle: bool = True
    patience: int | None = None
    tol: float = 0.0
    one_pass: bool = False
    feature_names: Any = None


class Bound(NamedTuple):
    """What batches of one size need, made once a fit."""

    gradient: Gradient
    buffer: Any  # where their rows are gathered
    mean: Array  # one over their number


class Run:
    """A network on its way: what it learns from, what its solver remembers, and how it is judged.

    Parameters
    ----------
    network : Network
        Changes in place.
    table : Table
        Its training rows.
    solver_state : dict
        Changes in place.
    judge : callable (network) -> (loss, score), default=None
        Judges it after each epoch.
    averages : bool, default=False
        Whether it is an average of the weights over the epochs that is judged.
    """

    def __init__(
        self,
        network: Network,
        table: Table,
        solver_state: dict[str, Any],
        judge: Judge | None = None,
        averages: bool = False,
    ) -> None:
        self.network, self.table, self.solver_state, self.judge = network, table, solver_state, judge
        self.judged = network.astype(network.dtype) if averages else network

    def average(self, n_epochs: int) -> None:
        """Let the average follow, after the n_epochs-th epoch."""
        if self.judged is not self.network:
            share = 1.0 - min(AVERAGE, (n_epochs - 1) / n_epochs)
            self.judged.theta += share * (self.network.theta - self.judged.theta)


class Trainer:
    """One fit: the network changes in place, the history grows.

    Parameters
    ----------
    network : Network
        Where training starts, and where it ends.
    table : Table
        The training rows.
    plan : Plan
        How to train.
    rng : RandomState
        Source of the permutations and of the dropout masks.
    state : dict, default=None
        What :meth:`state` of an earlier fit returned; training goes on from there.
    history : dict of lists, default=None
        The columns of the epochs before.
    judge : callable (network) -> (loss, score), default=None
        Judges the network after each epoch.
    stops_early : bool, default=False
        Whether patience watches the validation score, and the best weights are restored.
    whole : Table, default=None
        All rows, those held out included: after the search for the best epoch, train on them while the rate falls to 0.
    halves : list of (Table, judge), default=()
        Two halves of the table, each with the judge on the other: the search, after which the network is trained on
        the table for as many epochs.
    watcher : Watcher, default=None
        Told of each epoch's begin and end; ends training by returning True.
    """

    def __init__(
        self,
        network: Network,
        table: Table,
        plan: Plan,
        rng: np.random.RandomState,
        *,
        state: dict[str, Any] | None = None,
        history: Columns | None = None,
        judge: Judge | None = None,
        stops_early: bool = False,
        whole: Table | None = None,
        halves: Sequence[tuple[Table, Judge | None]] = (),
        watcher: Any = None,
    ) -> None:
        self.network, self.table, self.plan, self.rng = network, table, plan, rng
        self.whole, self.halves, self.watcher = whole, halves, watcher
        self.is_watched = watcher is not None and watcher.is_watching
        self.gradients = Parameters(network.layer_sizes, network.dtype)
        self.summed = np.empty_like(network.theta)  # over all blocks, where a batch has several
        state = copy.deepcopy(state or {})  # it stays as it was if training fails, and may be read-only
        kind = [type(plan.solver).__name__, type(plan.schedule).__name__]
        resumes = [old == new for old, new in zip(state.get("kind", [None, None]), kind, strict=True)]
        self.kind = kind
        self.solver_state = (resumes[0] and state["solver"]) or plan.solver.init_state(network.theta)
        self.schedule_state = (resumes[1] and state["schedule"]) or plan.schedule.init_state()
        self.runs = [Run(network, table, self.solver_state, judge, averages=whole is not None)]
        self.full_batch_only = getattr(plan.solver, "full_batch_only", False)
        self.is_judged = judge is not None or any(each is not None for _, each in halves)
        absent = {"learning_rate": self.full_batch_only} | dict.fromkeys(VERDICT, not self.is_judged)
        self.history = History(self.gradients, history, without=[name for name in absent if absent[name]])
        self.patience = Patience(plan.patience, plan.tol, keep_best=stops_early)
        self.first_objective = nan
        self.n_iter = 0
        self.n_searched = 0  # epochs that halves have taken
        self.n_updates = 0
        self.converged = False
        self.stopped_by_callback = False
        self.is_useless = False
        self.groups: dict[int, list[Group]] = {}  # by their number of rows
        self.bound: dict[tuple[Network, int], Bound] = {}

    # ------------------------------------------------------------------ the loop

    def run(self) -> None:
        """Train for max_iter epochs, or until a rule or the user ends it."""
        with np.errstate(all="ignore"):  # what overflows is judged below, in words
            for judge in [run.judge for run in self.runs] + [judge for _, judge in self.halves]:
                if judge is not None:
                    judge(self.network)  # a scorer that raises shall do so before any training is done
            self.first_objective = self._objective(FIRST_ROWS)
            if self.halves:
                self._search_halves()
            elif self.full_batch_only:
                self._run_lbfgs()
            else:
                self._run_epochs(self.plan.max_iter)
            if self.patience.best_theta is not None:
                self.network.theta[...] = self.patience.best_theta
            if self.whole is not None and not self.stopped_by_callback:
                self._cool_down(self.whole, self.patience.best_epoch)
            self._check_result()
        if self.watcher is not None:
            self.watcher.fit_ended()

    def _run_epochs(self, n_epochs: int) -> None:
        solver, gradients = self.plan.solver, self.gradients
        steps = [solver.stepper(run.network.parameters, gradients, run.solver_state) for run in self.runs]
        for epoch in range(n_epochs):
            started, loss = self._begin_epoch(), 0.0
            for run, step in zip(self.runs, steps, strict=True):
                self.network, self.table = run.network, run.table
                loss += self._epoch(step, epoch) / len(steps)
            if self._end_epoch(loss, started, self.learning_rate):
                break

    def _search_halves(self) -> None:
        """Train two networks, each on a half, while the other halves say it helps; then this one on all rows."""
        network, table, schedule_state = self.network, self.table, copy.deepcopy(self.schedule_state)
        copies = [(network.astype(network.dtype), copy.deepcopy(self.solver_state)) for _ in self.halves]
        self.runs = [
            Run(net, half, state, judge, averages=True)
            for (net, state), (half, judge) in zip(copies, self.halves, strict=True)
        ]
        self._run_epochs(self.plan.max_iter)
        converged, n_epochs = self.converged, self.patience.best_epoch or self.n_iter
        if self.stopped_by_callback:
            self.network, self.table = network, table
            return
        self.n_updates = 0  # of this network: interrupted before the first, the fit has not happened
        self.network, self.table, self.schedule_state = network, table, schedule_state
        self.runs, self.n_searched = [Run(network, table, self.solver_state, averages=True)], self.n_iter
        self.patience = Patience(None, 0.0, keep_best=False)
        self._run_epochs(n_epochs)
        network.theta[...] = self.runs[0].judged.theta
        self.converged = converged

    def _cool_down(self, whole: Table, best_epoch: int) -> None:
        """Train on all rows, from the best weights, while the rate falls to zero."""
        self.table, self.runs = whole, [Run(self.network, whole, self.solver_state)]
        self.patience = Patience(None, 0.0, keep_best=False)
        converged, n_epochs = self.converged, ceil(COOL_DOWN * best_epoch)
        rate = self.learning_rate / self.plan.learning_rate
        falling = FunctionOfProgress(lambda progress: rate * (1.0 - progress))
        self.plan = replace(self.plan, schedule=falling, max_iter=n_epochs)
        self._run_epochs(n_epochs)
        self.converged = converged

    def _epoch(self, step: Callable[[float], None], epoch: int) -> float:
        """Go through the table once, for the epoch-th time; return the loss met on the way."""
        network, table, plan = self.network, self.table, self.plan
        n, max_iter, learning_rate = table.n_rows, plan.max_iter, plan.learning_rate
        n_before, met = self.history.n_before + self.n_iter - self.n_searched, 0.0
        gradient, factor, schedule_state = self._gradient, plan.schedule.factor, self.schedule_state
        rows_e = table.shuffled(self.rng) if plan.shuffle and plan.batch_size < n else table.rows
        for group, batches, logits_g, targets in self.groups.get(n) or self._new_groups(n):
            rows_g = rows_e[group]
            Y, w = table.targets.take(rows_g, targets), table.take_weights(rows_g)
            penalty = network.penalty(plan.alpha)
            for batch, logits in batches:
                progress = (epoch + (group.start + batch.start) / n) / max_iter
                self.learning_rate = rate = learning_rate * factor(progress, n_before, schedule_state)
                gradient(rows_g[batch], Y[batch], None if w is None else w[batch], logits)
                step(rate)
                self.n_updates += 1
            losses = network.loss_function.value(logits_g, Y, network.link)
            met += (total(losses, w) + penalty * len(rows_g)) / n
        return met

    def _new_groups(self, n_rows: int) -> list[Group]:
        self.groups[n_rows] = groups_of(n_rows, self.plan.batch_size, self.network.layer_sizes[-1], self.network.dtype)
        return self.groups[n_rows]

    def _gradient(self, rows: Rows, Y: Array, w: Array | None, logits: Array) -> None:
        """Forward and backward for one batch; the logits are kept for the loss."""
        m, network = len(rows), self.network
        if m > BLOCK_ROWS:
            self._gradient_by_blocks(rows, Y, w, logits)
        else:
            gradient, buffer, mean = self.bound.get((network, m)) or self._bind(m)
            gradient(self.table.X.take(rows, buffer), Y, mean if w is None else w / m, logits)
        network.add_penalty(self.plan.alpha, self.gradients)

    def _gradient_by_blocks(self, rows: Rows, Y: Array, w: Array | None, logits: Array) -> None:
        m, summed = len(rows), self.summed
        summed.fill(0)
        for i in range(0, m, BLOCK_ROWS):
            block = slice(i, i + BLOCK_ROWS)
            rows_b, c = rows[block], 1.0 / m if w is None else w[block] / m
            gradient, buffer, _ = self.bound.get((self.network, len(rows_b))) or self._bind(len(rows_b))
            gradient(self.table.X.take(rows_b, buffer), Y[block], c, logits[block])
            summed += self.gradients.theta
        self.gradients.theta[...] = summed

    def _bind(self, n_rows: int) -> Bound:
        network, X, dropout = self.network, self.table.X, self.plan.dropout
        gradient = network.gradient_into(self.gradients, n_rows, X.sparse, dropout, self.rng)
        # a number as an array, since NumPy takes half as long to multiply by one of those
        bound = Bound(gradient, X.buffer(n_rows), np.array(1.0 / n_rows, network.dtype))
        self.bound[network, n_rows] = bound
        return bound

    def _run_lbfgs(self) -> None:
        network, table, alpha = self.network, self.table, self.plan.alpha
        rows, n = table.rows, table.n_rows
        logits = np.empty((n, network.layer_sizes[-1]), network.dtype)
        Y, w = table.targets.take(rows, np.empty_like(logits)), table.take_weights(rows)
        accepted = network.theta.astype(np.float64)
        J, J_accepted, started = nan, nan, perf_counter()

        def value_and_gradient(theta: Array) -> tuple[float, Array]:
            nonlocal J, J_accepted
            network.theta[...] = theta
            self._gradient(rows, Y, w, logits)
            losses = network.loss_function.value(logits, Y, network.link)
            J = total(losses, w) / n + network.penalty(alpha)
            if np.isnan(J_accepted):  # the first call is made at the start
                J_accepted = J
            return J, self.gradients.theta.astype(np.float64)

        def end_iteration(theta: Array) -> bool:
            nonlocal J_accepted, started
            accepted[...] = network.theta[...] = theta
            self.n_updates += 1
            self._begin_epoch()  # only now is it known that the iteration takes place
            stop = self._end_epoch(J_accepted, started)
            J_accepted, started = J, perf_counter()
            return stop

        try:
            done = self.plan.solver.minimize(value_and_gradient, accepted.copy(), self.plan.max_iter, end_iteration)
            self.converged = self.converged or done
        finally:  # whatever the line search tried last, keep the last iterate it accepted
            network.theta[...] = accepted

    # ------------------------------------------------------------------ around an epoch

    def _begin_epoch(self) -> float:
        if self.is_watched:
            self.watcher.epoch_begins()
        return perf_counter()

    def _end_epoch(self, loss: float, started: float, rate: float = nan) -> bool:
        """Record the epoch; return True if it was the last. Raises DivergenceError."""
        self.n_iter += 1
        diverged = not loss < EXPLODED * max(1.0, self.first_objective)
        for run in self.runs:
            run.average(self.n_iter - self.n_searched)
        validation_loss, validation_score = self._verdict(diverged) if self.is_judged else (nan, nan)
        self.history.add(loss, rate, validation_loss, validation_score, perf_counter() - started)
        if diverged:
            raise self._divergence()
        watched = -validation_score if self.patience.keep_best else loss
        self.plan.schedule.observe(watched, self.schedule_state)
        self.converged = self.patience.update(watched, self.n_iter, self.runs[0].judged.theta)
        self.stopped_by_callback = self.is_watched and self.watcher.epoch_ended(self)
        return self.converged or self.stopped_by_callback

    def _verdict(self, diverged: bool) -> Sequence[float]:
        """Return the validation loss and score, the means of those of all runs; NaN where there is no judge."""
        verdicts = [run.judge(run.judged) for run in self.runs if run.judge is not None and not diverged]
        return [sum(numbers) / len(numbers) for numbers in zip(*verdicts, strict=True)] or (nan, nan)

    def _check_result(self) -> None:
        """Raise DivergenceError unless the trained network is finite and, after a whole fit, worth something."""
        J = self._objective(BLOCK_ROWS)
        if not (EXPLODED * max(1.0, self.first_objective) > J and np.isfinite(self.network.theta).all()):
            raise self._divergence(J)
        if self.plan.one_pass:
            return
        constant = constant_loss(self.network, self.table.sample(BLOCK_ROWS))
        if self.first_objective < J and WORTHLESS * max(constant, 0.1) < J:
            raise self._divergence(J)
        worse = self.verdict.loss > constant * (1.01 if self.verdict.one_label else EXPLODED)
        self.is_useless = self.verdict.one_answer or (worse and self.verdict.loss > 0.1)

    def _objective(self, n_rows: int) -> float:
        self.verdict = evaluate(self.network, self.table.sample(n_rows))
        return self.verdict.loss + self.network.penalty(self.plan.alpha)

    def _divergence(self, *final: float) -> DivergenceError:
        plan, columns = self.plan, self.history.columns()
        message = divergence_message(
            [*columns["loss"], *final], self.n_iter, self.table.X.array, plan.learning_rate, plan.feature_names
        )
        return DivergenceError(message, self.n_iter, columns)

    def state(self) -> dict[str, Any]:
        """Return what another fit needs to go on from here, as plain arrays and numbers."""
        return {"kind": self.kind, "solver": self.solver_state, "schedule": self.schedule_state}
