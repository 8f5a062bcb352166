"""How each epoch is recorded and reported: the history, the lines that verbose prints, scikit-learn's callbacks.

An epoch on a small table takes a tenth of a millisecond, and recording it must take next to nothing. So its numbers are
appended to one long list (a list for each epoch would keep the garbage collector busy), and its last gradient is
copied, so that the norms of several gradients can be computed at once.
"""

from collections.abc import Callable, Sequence
from math import isnan, nan
from typing import Any

import numpy as np

from .._core.parameters import Parameters

WAITING = 64  # most gradients that wait for their norms to be computed together …
WAITING_BYTES = 2**18  # … and most memory that they take, unless there is only one

VALIDATION = ("validation_loss", "validation_score")
NUMBERS = ("loss", "penalty", "accuracy", "learning_rate", *VALIDATION, "seconds")

Columns = dict[str, list[float]]


class History:
    """One record for each epoch of a fit.

    Parameters
    ----------
    gradients : Parameters
        Holds the gradient of an epoch's last mini-batch when the epoch is added.
    without : sequence of str, default=()
        Names of the columns that this fit does not have.

    Attributes
    ----------
    search : dict of lists, or None
        The columns of all epochs of the search, once it has ended.
    """

    def __init__(self, gradients: Parameters, without: Sequence[str] = ()) -> None:
        self.gradients, self.without = gradients, without
        self.search: Columns | None = None
        self.numbers: list[float] = []  # of the first epoch, of the second, …
        self.of_gradients: list[float] = []  # likewise, without the epochs whose gradients wait
        self.columns_of_gradients = [*(f"gradient_norm_{l}" for l in range(1, len(gradients.W) + 1)), "dead_units"]
        self.starts = np.cumsum([0, *(array.size for array in gradients.W + gradients.b)])[:-1]
        n_waiting = min(WAITING, max(1, WAITING_BYTES // gradients.theta.nbytes))
        self.waiting = np.empty((n_waiting, gradients.theta.size), gradients.theta.dtype)

    def __len__(self) -> int:
        return len(self.numbers) // len(NUMBERS)

    def add(self, *numbers: float) -> None:
        """Record an epoch: its NUMBERS, with NaN for those that it does not have."""
        n_waiting = self._n_waiting()
        if n_waiting == len(self.waiting):
            self._condense()
            n_waiting = 0
        self.waiting[n_waiting] = self.gradients.theta
        self.numbers += numbers  # last, and all at once, so that an interrupt never leaves half a record

    def keep(self, n_epochs: int) -> None:
        """Forget the epochs after the first n_epochs."""
        self._condense()
        del self.of_gradients[n_epochs * len(self.columns_of_gradients) :]
        del self.numbers[n_epochs * len(NUMBERS) :]

    def end_search(self, n_epochs: int) -> None:
        """Keep all epochs so far as those of the search; the history continues from the first n_epochs of them."""
        self.search = self.columns()
        self.keep(n_epochs)

    def last(self) -> dict[str, float]:
        """Return the NUMBERS of the last epoch."""
        return dict(zip(NUMBERS, self.numbers[-len(NUMBERS) :], strict=True))

    def columns(self) -> Columns:
        """Return the columns, lists of equal length; NaN stands where an epoch has no such number."""
        self._condense()
        columns = {name: self.numbers[i :: len(NUMBERS)] for i, name in enumerate(NUMBERS) if name not in self.without}
        names = self.columns_of_gradients
        return columns | {name: self.of_gradients[i :: len(names)] for i, name in enumerate(names)}

    def _n_waiting(self) -> int:
        return len(self) - len(self.of_gradients) // len(self.columns_of_gradients)

    @np.errstate(all="ignore")
    def _condense(self) -> None:
        """Compute the norm of each layer's dW and db together, and the share of hidden units whose db is zero."""
        gradients, L = self.waiting[: self._n_waiting()], len(self.gradients.W)
        squares = np.add.reduceat(gradients * gradients, self.starts, axis=1)
        hidden = gradients[:, self.gradients.weights.size : self.starts[-1]]
        dead = np.count_nonzero(hidden == 0, axis=1) / max(1, hidden.shape[1])
        self.of_gradients += np.column_stack([np.sqrt(squares[:, :L] + squares[:, L:]), dead]).ravel().tolist()


def joined(before: Columns, new: Columns, *, copied: bool) -> tuple[Columns, list[tuple[Callable[..., Any], Any]]]:
    """Return the columns of earlier fits, and the calls that append the epochs of a new fit to them in place.

    NaN stands where an epoch has no such number. Until the calls are made, the lists of before stay as they are. With
    copied, the columns are new lists that hold the new epochs, too, and no calls are left to make.
    """
    n_before, n_new = len(before.get("loss", [])), len(new["loss"])
    columns = {name: before.get(name, [nan] * n_before) for name in {**new, **before}}
    more = {name: new.get(name, [nan] * n_new) for name in columns}
    if copied:
        return {name: column + more[name] for name, column in columns.items()}, []
    return columns, [(column.extend, (more[name],)) for name, column in columns.items()]


class Monitor:
    """Reports each epoch: prints lines, calls the callbacks, and says when one of them asks training to end.

    Parameters
    ----------
    estimator : estimator
        The one that is being fitted.
    X, y, sample_weight
        As the user gave them: callbacks that score need the feature names and the labels.
    max_epochs : int or None
        Maximum number of epochs of the fit; None if it is not known beforehand.
    fitted : callable (training) -> (dict, list)
        Returns the fitted attributes at that moment, with copies of the weights, and an empty list.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any, max_epochs: Any, fitted: Any) -> None:
        self.every, self.fitted = int(estimator.verbose), fitted
        self.has_callbacks = bool(vars(estimator).get("_skl_callbacks"))
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.task = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.context = estimator._init_callback_context(task_name="fit", max_subtasks=max_epochs)
        self.context.call_on_fit_task_begin(**self.task)

    def epoch_begins(self) -> None:
        """Call the callbacks, if there are any."""
        if self.has_callbacks:
            self.epoch = self.context.subcontext(task_name="epoch").call_on_fit_task_begin(**self.task)

    def epoch_ended(self, training: Any, phase: str) -> bool:
        """Print a line every ``verbose`` epochs, call the callbacks, and return True to stop."""
        epoch = training.learner.n_epochs
        if self.every and epoch % self.every == 0:
            print(progress_line(training.history.last(), phase, epoch), flush=True)
        return self.has_callbacks and bool(self._ended(self.epoch, training))

    def fit_ended(self, training: Any) -> None:
        """Call the callbacks for the end of training."""
        self._ended(self.context, training)

    def _ended(self, context: Any, training: Any) -> Any:
        return context.call_on_fit_task_end(**self.task, reconstruction_attributes=lambda: self.fitted(training)[0])


def progress_line(last: dict[str, float], phase: str, epoch: int) -> str:
    """Return the line that verbose prints for an epoch."""
    parts = [f"{phase}epoch {epoch}".capitalize(), f"loss {last['loss']:.6f}"]
    if not isnan(last["validation_loss"]):
        parts.append(f"validation loss {last['validation_loss']:.6f}")
        if last["validation_score"] != -last["validation_loss"]:
            parts.append(f"validation score {last['validation_score']:.4f}")
    if not isnan(last["learning_rate"]):
        parts.append(f"learning rate {last['learning_rate']:.3g}")
    return " | ".join(parts)
