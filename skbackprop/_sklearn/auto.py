"""What each "auto" stands for, and how the estimator's parameters become a plan and a strategy."""

from difflib import get_close_matches
from math import sqrt
from typing import Any

from sklearn.metrics import get_scorer_names

from .._data.table import Table
from .._fit.learner import Plan
from .._fit.strategies import EarlyStopping, Plain, Search
from ..initializers import resolve_weight_init
from ..losses import LOSSES
from ..schedules import SCHEDULES, Constant, resolve_schedule
from ..solvers import SOLVERS

SMALL_TABLE = 64  # samples up to which batch_size="auto" is all of them
AUTO_BATCH = 32  # samples of a mini-batch above that
HELD_OUT = 8.0  # early_stopping="auto" holds out HELD_OUT / √n of n samples, within 0.1 … 0.5
FEWEST_SEARCHED = 30  # samples from which early_stopping="auto" holds some of them out
PRIOR_VARIANCE = 2.0  # of the weights, which alpha="auto" stands for
FEWEST_PENALISED = 30  # alpha="auto" is computed as if there were at least so many samples: four can teach XOR


def batch_samples(batch_size: int | str, n: int) -> int:
    """Return the samples of a mini-batch: batch_size, all for "full", and for "auto" 32, or all of at most 64."""
    if batch_size == "auto":
        return n if n <= SMALL_TABLE else AUTO_BATCH
    return n if batch_size == "full" else min(int(batch_size), n)


def auto_learning_rate(solver: Any, table: Table) -> float:
    """Return the solver's default rate, divided by the features' mean square if the solver asks for that."""
    rate = float(getattr(solver, "default_learning_rate", 1e-3))
    return rate / max(1.0, table.mean_square()) if getattr(solver, "rate_follows_scale", False) else rate


def penalty_strength(alpha: float | str, n: int) -> float:
    """Return alpha; "auto" is 1 / (2 max(n, 30)), a normal prior of variance 2 on each weight."""
    return 1.0 / (PRIOR_VARIANCE * max(n, FEWEST_PENALISED)) if isinstance(alpha, str) else float(alpha)


def check_parameters(estimator: Any) -> None:
    """Raise ValueError if a parameter is not valid, a name is not known, or two parameters contradict each other."""
    rate = estimator.learning_rate
    if isinstance(rate, str) and rate in SCHEDULES:
        raise ValueError(f"learning_rate must be a number or 'auto'; got {rate!r}. Use schedule={rate!r}.")
    weights = estimator.class_weight
    if hasattr(weights, "__iter__") and not isinstance(weights, (dict, str)):
        remedy = "pass dict(zip(np.unique(y), weights))"
        raise ValueError(f"class_weight={weights!r} must be a dict with the weight of each label; {remedy}.")
    units = getattr(estimator, "hidden_units", None)
    if isinstance(units, (tuple, list)):
        remedy = f"for several layers use BackpropClassifier(hidden_layer_sizes={tuple(units)!r})"
        raise ValueError(f"hidden_units={units!r} must be an int, the size of the one hidden layer; {remedy}.")
    estimator._validate_params()
    check_scoring_name(estimator.scoring)
    solver = SOLVERS.resolve(estimator.solver)
    resolve_schedule(estimator.schedule)
    LOSSES.resolve(estimator.loss)
    resolve_weight_init(estimator.weight_init)
    if needs_all_samples(estimator):
        cannot = f"cannot be used with solver={solver!r}, which needs all samples, and the same function, at every step"
        if estimator.dropout:
            raise ValueError(f"dropout={estimator.dropout!r} {cannot}. Use dropout=0, or a solver such as 'adam'.")
        if not isinstance(estimator.batch_size, str):
            raise ValueError(f"batch_size={estimator.batch_size!r} {cannot}. Use batch_size='auto' or 'full'.")


def check_scoring_name(scoring: Any) -> None:
    """Raise ValueError if scoring is a str that names no scorer."""
    if isinstance(scoring, str) and scoring != "loss" and scoring not in (names := get_scorer_names()):
        meant = ", ".join(map(repr, get_close_matches(scoring, names)))
        known = f"use {meant}, or " if meant else "use "
        raise ValueError(f"scoring={scoring!r} is not known; {known}another of sklearn.metrics.get_scorer_names().")


def make_plan(estimator: Any, table: Table, n: int, n_penalised: int, *, one_pass: bool = False) -> Plan:
    """Return the plan for training, from an estimator's checked parameters.

    Parameters
    ----------
    estimator : TwoLayerClassifier or BackpropClassifier
        The estimator.
    table : Table
        The training samples.
    n : int
        How many samples there are, those held out included.
    n_penalised : int
        The number of samples by which alpha="auto" is computed: in partial_fit, all samples so far.
    one_pass : bool, default=False
        Plan for partial_fit: one epoch at the plain learning rate.
    """
    solver, rate = SOLVERS.resolve(estimator.solver), estimator.learning_rate
    return Plan(
        solver=solver,
        schedule=Constant() if one_pass else resolve_schedule(estimator.schedule),
        learning_rate=auto_learning_rate(solver, table) if isinstance(rate, str) else float(rate),
        batch_size=n if needs_all_samples(estimator) else batch_samples(estimator.batch_size, n),
        max_iter=1 if one_pass else estimator.max_iter,
        alpha=penalty_strength(estimator.alpha, n_penalised),
        dropout=float(estimator.dropout),
        shuffle=estimator.shuffle,
    )


def choose_strategy(estimator: Any, n: int, *, validation_given: bool, resumed: bool) -> Plain:
    """Return the strategy that early_stopping stands for, with n samples."""
    patience, tol, early = estimator.n_iter_no_change, float(estimator.tol), estimator.early_stopping
    auto = isinstance(early, str)
    stops_early = (validation_given or needs_all_samples(estimator)) if auto else early
    if stops_early:
        return EarlyStopping(patience, tol, start_is_candidate=resumed and validation_given)
    if not auto or resumed:
        return Plain(patience, tol)
    return Plain(None, tol) if patience is None or n < FEWEST_SEARCHED else Search(patience, tol)


def held_out_fraction(estimator: Any, strategy: Plain, n: int) -> float:
    """Return the share of n samples to hold out; "auto" is 0.1, and for a search 8 / √n within 0.1 … 0.5."""
    if not isinstance(estimator.validation_fraction, str):
        return float(estimator.validation_fraction)
    return min(0.5, max(0.1, HELD_OUT / sqrt(n))) if strategy.searches else 0.1


def needs_all_samples(estimator: Any) -> bool:
    """Tell whether the solver needs all samples at every step."""
    return bool(getattr(SOLVERS.resolve(estimator.solver), "full_batch_only", False))
