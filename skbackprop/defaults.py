"""The rules behind every "auto", and the estimator's parameters turned into a checked plan."""

from __future__ import annotations

from math import ceil
from typing import Any

from .data import Table
from .initializers import resolve_weight_init
from .losses import LOSSES
from .schedules import Constant, resolve_schedule
from .solvers import SOLVERS
from .training import Plan

SMALL_TABLE = 64  # rows up to which batch_size="auto" is the whole table
AUTO_BATCH = 32  # rows of a batch above that
ENOUGH_ROWS = 100  # rows from which early_stopping="auto" holds some of them out
PRIOR_VARIANCE = 1.2  # of the weights, which alpha="auto" stands for
FEWEST_ROWS = 100  # rows below which alpha="auto" does not grow any more
FEW_ROWS = 1000  # rows below which it searches with two halves
PATIENT_UPDATES = 50  # fewest updates without improvement that end its search


def batch_rows(batch_size: int | str, n_rows: int) -> int:
    """Return the rows of a batch: batch_size, all rows for "full", and for "auto" 32, or all of at most 64."""
    if batch_size == "auto":
        return n_rows if n_rows <= SMALL_TABLE else AUTO_BATCH
    return n_rows if batch_size == "full" else min(int(batch_size), n_rows)


def auto_learning_rate(solver: Any, table: Table) -> float:
    """Return the solver's default rate, divided by the features' mean square where the solver wants that."""
    rate = float(getattr(solver, "default_learning_rate", 1e-3))
    if getattr(solver, "rate_follows_scale", False):
        rate /= max(1.0, table.mean_square())
    return rate


def penalty_strength(estimator: Any, n_rows: int) -> float:
    """Return alpha; "auto" is 1 / (1.2 n), a normal prior of variance 1.2 on the weights, at most for 100 rows."""
    auto = isinstance(estimator.alpha, str)
    return 1.0 / (PRIOR_VARIANCE * max(n_rows, FEWEST_ROWS)) if auto else float(estimator.alpha)


def check_consistent(estimator: Any) -> None:
    """Raise ValueError if a name among the parameters is not known, or two parameters contradict each other."""
    solver = SOLVERS.resolve(estimator.solver)
    resolve_schedule(estimator.schedule)
    LOSSES.resolve(estimator.loss)
    resolve_weight_init(estimator.weight_init)
    if getattr(solver, "full_batch_only", False):
        if estimator.dropout:
            raise ValueError(
                f"dropout={estimator.dropout!r} cannot be used with solver={solver!r}: a line search needs the same "
                "function at every step. Use dropout=0 or a stepping solver such as 'adam'."
            )
        if not isinstance(estimator.batch_size, str):
            raise ValueError(
                f"batch_size={estimator.batch_size!r} cannot be used with solver={solver!r}, which needs all rows at "
                "every step. Use batch_size='auto' or 'full'."
            )


def make_plan(
    estimator: Any,
    table: Table,
    n_rows: int,
    *,
    watched: bool = False,
    search_rows: int = 0,
    one_pass: bool = False,
    feature_names: Any = None,
) -> Plan:
    """Resolve an estimator's parameters, already checked, for a table.

    Parameters
    ----------
    estimator : TwoLayerClassifier or BackpropClassifier
        Whose parameters.
    table : Table
        The training rows.
    n_rows : int
        How many rows there are, those held out included.
    watched : bool, default=False
        Whether training stops early; without, early_stopping="auto" means to train max_iter epochs.
    search_rows : int, default=0
        If that is the search of early_stopping="auto": the rows that a network learns from in it.
    one_pass : bool, default=False
        Plan for partial_fit: one epoch at the plain learning rate, without patience.
    feature_names : ndarray of str, default=None
        Names for error messages.
    """
    solver = SOLVERS.resolve(estimator.solver)
    full = getattr(solver, "full_batch_only", False)
    auto_rate, trains_all_epochs = isinstance(estimator.learning_rate, str), is_auto(estimator)
    batch_size = n_rows if full else batch_rows(estimator.batch_size, n_rows)
    patience = None if one_pass or (trains_all_epochs and not watched) else estimator.n_iter_no_change
    if search_rows and patience is not None:  # an epoch of few rows is few updates, after which little can be told
        patience = max(patience, ceil(PATIENT_UPDATES / ceil(search_rows / batch_size)))
    return Plan(
        solver=solver,
        schedule=Constant() if one_pass else resolve_schedule(estimator.schedule),
        learning_rate=auto_learning_rate(solver, table) if auto_rate else float(estimator.learning_rate),
        batch_size=batch_size,
        max_iter=1 if one_pass else estimator.max_iter,
        alpha=penalty_strength(estimator, n_rows),
        dropout=float(estimator.dropout),
        shuffle=estimator.shuffle,
        patience=patience,
        tol=float(estimator.tol),
        one_pass=one_pass,
        feature_names=feature_names,
    )


def stops_early(estimator: Any, n_rows: int, given: bool) -> bool:
    """Tell whether validation rows decide when to stop; "auto": where they are given, or there are enough."""
    return (given or n_rows >= ENOUGH_ROWS) if is_auto(estimator) else bool(estimator.early_stopping)


def held_out_fraction(estimator: Any, n_rows: int) -> float:
    """Return validation_fraction, or a half for a search by halves."""
    return 0.5 if searches_halves(estimator, n_rows) else estimator.validation_fraction


def searches_halves(estimator: Any, n_rows: int) -> bool:
    """Tell whether the search for the number of epochs is that by two halves."""
    return searches(estimator) and n_rows < FEW_ROWS


def is_auto(estimator: Any) -> bool:
    """Tell whether early_stopping is "auto"."""
    return isinstance(estimator.early_stopping, str)


def searches(estimator: Any) -> bool:
    """Tell whether a fit is a search for the number of epochs, where rows allow one, and then training on all rows."""
    return is_auto(estimator) and not getattr(SOLVERS.resolve(estimator.solver), "full_batch_only", False)
