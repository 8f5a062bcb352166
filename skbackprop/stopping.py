"""When training ends: patience used up, or the weights on their way out of the finite numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .activations import Array

EXPLODED = 1e6  # an epoch's loss beyond this many times that of the untrained network cannot come back
WORTHLESS = 10.0  # a fit that ends worse than it began, and this much worse than a constant answer, has failed


class Patience:
    """Stops after ``patience`` epochs in a row without an improvement of more than ``tol``; can keep the best weights.

    Parameters
    ----------
    patience : int or None
        None never stops.
    tol : float
        An epoch counts as an improvement if its loss is below the lowest so far by more than this.
    keep_best : bool
        Keep a copy of the weights of the lowest loss.
    """

    def __init__(self, patience: int | None, tol: float, keep_best: bool) -> None:
        self.patience = patience
        self.tol = tol
        self.keep_best = keep_best
        self.best_loss = np.inf
        self.best_epoch = 0  # epochs trained to reach the lowest loss
        self.best_theta: Array | None = None
        self.waited = 0

    def update(self, loss: float, epoch: int, theta: Array) -> bool:
        """Take note of the loss after ``epoch`` epochs; return True once patience is used up."""
        self.waited = 0 if loss < self.best_loss - self.tol else self.waited + 1
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            if self.keep_best:
                self.best_theta = theta.copy()
        return self.patience is not None and self.waited >= self.patience


class DivergenceError(ValueError):
    """Training left the finite numbers, or exploded while still finite.

    Parameters
    ----------
    message : str
        What happened, the likely cause and the remedy.
    epoch : int
        Epochs that were completed, the one that diverged included.
    history : dict of lists
        ``history_`` up to that epoch, so that the way there can be plotted.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skbackprop import DivergenceError, TwoLayerClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> try:
    ...     TwoLayerClassifier(solver="sgd", learning_rate=1e12, early_stopping=False, random_state=0).fit(X, y)
    ... except DivergenceError as error:
    ...     print(error.epoch, len(error.history["loss"]) == error.epoch)
    1 True
    """

    def __init__(self, message: str, epoch: int, history: dict[str, list[float]]) -> None:
        super().__init__(message, epoch, history)  # the arguments again, so that it can be pickled
        self.message = message
        self.epoch = epoch
        self.history = history

    def __str__(self) -> str:
        return self.message


def divergence_message(losses: list[float], epoch: int, X: Any, learning_rate: float, feature_names: Any = None) -> str:
    """Say what happened, which column of X is to blame if one is, and what to do."""
    shown = ", ".join(f"{loss:.4g}" for loss in losses[-3:])
    message = f"Training diverged in epoch {epoch}: the last losses were {shown}. "
    column, largest = largest_column(X)
    if largest > 100:
        name = f"{column}" if feature_names is None else f"{feature_names[column]!r} (column {column})"
        message += (
            f"Likely cause: unscaled features; the values of feature {name} reach {largest:.4g} in size. "
            "Remedy: scale the features, make_pipeline(StandardScaler(), ...)"
        )
        return message + f", or lower learning_rate={learning_rate:g}."
    return message + (
        f"Likely cause: learning_rate={learning_rate:g} is too high. Remedy: lower it (ten times to begin with), or "
        "bound the gradient, for example solver=SGD(max_grad_norm=1.0)."
    )


def largest_column(X: Any) -> tuple[int, float]:
    """Return the column with the largest absolute value, and that value."""
    sizes = abs(X).max(axis=0).toarray().ravel() if sp.issparse(X) else np.maximum(X.max(axis=0), -X.min(axis=0))
    return int(np.argmax(sizes)), float(np.max(sizes))
