"""The validation rows: given, or held out of the training table; and the judge that scores a network on them."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, isfinite
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from .activations import Array
from .data import Table
from .evaluation import evaluate, total
from .network import BLOCK_ROWS, Network

MIN_HOLDOUT = 10  # rows below which a held-out part says too little to stop by


def split_rows(
    codes: Any, weights: Array | None, fraction: float, n_classes: int, rng: np.random.RandomState
) -> tuple[Any, Any] | None:
    """Return the training and the held-out row numbers, or None where no useful split can be made.

    Parameters
    ----------
    codes : ndarray of shape (n,) or (n, n_labels)
        Class numbers, by which the split is stratified, or label indicators, by which it is not.
    weights : ndarray of shape (n,), or None
        Rows of weight zero stay in the training part, where they do nothing.
    fraction : float
        Share of the rows to hold out; max(⌈fraction · n⌉, n_classes) rows are.
    n_classes : int
        Number of classes (or labels).
    rng : RandomState
        Source of the split.
    """
    counting = np.arange(len(codes)) if weights is None else np.flatnonzero(weights)
    n_held_out = max(ceil(fraction * len(counting)), n_classes)
    stratify = None if codes.ndim > 1 else codes if weights is None else codes[counting]
    too_small = n_held_out < MIN_HOLDOUT or len(counting) - n_held_out < n_classes
    if too_small or (stratify is not None and 1 in np.bincount(stratify)):
        return None
    splitter = ShuffleSplit if stratify is None else StratifiedShuffleSplit
    sizes = {"test_size": n_held_out, "train_size": n_classes}  # a training part that is not used: it would be a list
    held_out = counting[next(splitter(1, **sizes, random_state=rng).split(counting, stratify))[1]]
    training = np.ones(len(codes), bool)
    training[held_out] = False
    return np.flatnonzero(training), np.sort(held_out)


class Judge:
    """Scores a network on validation rows after each epoch.

    Parameters
    ----------
    table : Table
        The validation rows.
    X, y : ndarrays
        The same rows as a scorer takes them.
    sample_weight : ndarray or None
        Their weights.
    scoring : str or callable
        "loss", or what scikit-learn's ``check_scoring`` takes.
    candidate : callable (network) -> estimator
        Returns a fitted estimator around a network, for the scorer.
    """

    def __init__(
        self,
        table: Table,
        X: Any,
        y: Any,
        sample_weight: Array | None,
        scoring: Any,
        candidate: Callable[[Network], Any],
    ) -> None:
        self.table, self.X, self.y = table, X, y
        self.weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.scoring, self.candidate = scoring, candidate
        self.cache: Any = None

    def loss(self, network: Network) -> float:
        """Return the mean loss; the rows and work arrays of a small table are kept from epoch to epoch."""
        table, n = self.table, self.table.n_rows
        if n > BLOCK_ROWS:
            return evaluate(network, table).loss
        if self.cache is None:
            self.cache = network.work_arrays(n)
            self.rows = table.X.take(table.rows, table.X.buffer(n))
            self.Y, self.w = table.targets.take(table.rows, table.targets.buffer(n)), table.take_weights(table.rows)
        losses = network.loss_function.value(network.propagate(self.rows, self.cache), self.Y, network.link)
        return total(losses, self.w) / n

    def __call__(self, network: Network) -> tuple[float, float]:
        """Return the validation loss and the validation score (greater is better)."""
        loss = self.loss(network)
        if self.scoring == "loss":
            return loss, -loss
        estimator = self.candidate(network)
        score: Any = check_scoring(estimator, self.scoring)(estimator, self.X, self.y, **self.weights)
        if not (isinstance(score, Real) and isfinite(score)):
            raise ValueError(f"scoring={self.scoring!r} must return one finite number; got {score!r}.")
        return loss, float(score)
