"""Watching a fit: lines on the screen, and scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Any

from .defaults import searches
from .training import Trainer


class Watcher:
    """Told of each epoch by the trainer; prints, calls the callbacks, and stops training when one of them says so.

    Parameters
    ----------
    estimator : estimator
        The one that is being fitted.
    X, y, sample_weight
        As the user gave them: callbacks that score need the feature names and the labels.
    fitted : callable () -> dict
        Returns the fitted attributes as they stand, with copies of the weights.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, sample_weight: Any, fitted: Callable[[], dict[str, Any]]
    ) -> None:
        self.every = int(estimator.verbose)
        self.has_callbacks = bool(vars(estimator).get("_skl_callbacks"))
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.task = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.fitted = fitted
        self.is_watching = bool(self.every or self.has_callbacks)
        n_epochs = None if searches(estimator) else estimator.max_iter  # None: nobody knows yet
        self.context = estimator._init_callback_context(task_name="fit", max_subtasks=n_epochs)
        self.context.call_on_fit_task_begin(**self.task)

    def epoch_begins(self) -> None:
        """Tell the callbacks, if there are any."""
        if self.has_callbacks:
            self.epoch = self.context.subcontext(task_name="epoch").call_on_fit_task_begin(**self.task)

    def epoch_ended(self, trainer: Trainer) -> bool:
        """Print every so many epochs, tell the callbacks; return True to stop."""
        if self.every and trainer.n_iter % self.every == 0:
            print(progress_line(trainer), flush=True)
        if not self.has_callbacks:
            return False
        return bool(self.epoch.call_on_fit_task_end(**self.task, reconstruction_attributes=self.fitted))

    def fit_ended(self) -> None:
        """Tell the callbacks that training is over."""
        self.context.call_on_fit_task_end(**self.task, reconstruction_attributes=self.fitted)


def progress_line(trainer: Trainer) -> str:
    """Return what verbose prints of the last epoch."""
    last = trainer.history.last()
    parts = [f"Epoch {trainer.history.n_before + trainer.n_iter}", f"loss {last['loss']:.6f}"]
    if not isnan(last["validation_loss"]):
        parts.append(f"validation loss {last['validation_loss']:.6f}")
        if last["validation_score"] != -last["validation_loss"]:
            parts.append(f"validation score {last['validation_score']:.4f}")
    if not isnan(last["learning_rate"]):
        parts.append(f"learning rate {last['learning_rate']:.3g}")
    return " | ".join(parts)
