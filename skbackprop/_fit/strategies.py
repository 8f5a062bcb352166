"""Strategies: what early_stopping=False, True and "auto" do, each in a few lines made of phases of training."""

import copy
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from ..schedules import FunctionOfProgress
from .epochs import Phase, Progress, Training, run_epochs, run_lbfgs

PATIENT_UPDATES = 50  # fewest updates without improvement that end a search
FINAL_EPOCHS = 0.75  # epochs of the final phase, as a share of the epochs up to the best one of the search


@dataclass(frozen=True)
class Plain:
    """Train on all samples; the training loss is watched.

    Attributes
    ----------
    patience : int or None
        Epochs without improvement that end training; None trains max_iter epochs.
    tol : float
        Only an improvement by more than this counts.
    holds_out : bool
        Whether the strategy needs a validation set, which is held out if none is given.
    searches : bool
        Whether the strategy searches for the best number of epochs, and a final phase follows.
    """

    holds_out: ClassVar[bool] = False
    searches: ClassVar[bool] = False
    patience: int | None
    tol: float

    def run(self, training: Training) -> None:
        """Train, phase by phase."""
        run(training, self.phase(training))

    def phase(self, training: Training) -> Phase:
        """Return a phase of max_iter epochs on the training part."""
        plan, tables = training.plan, training.tables
        return Phase(tables.training, plan.max_iter, plan.schedule, self.patience, self.tol, tables.validation)


@dataclass(frozen=True)
class EarlyStopping(Plain):
    """Train on the training part; the validation score is watched, and the best epoch is restored.

    Attributes
    ----------
    start_is_candidate : bool
        Whether the parameters that training starts from may turn out to be the best.
    """

    holds_out: ClassVar[bool] = True
    start_is_candidate: bool = False

    def run(self, training: Training) -> None:
        validation = training.tables.validation
        if self.start_is_candidate and validation is not None:
            _, score = validation(training.learner.network)
            training.progress = Progress(0, training.learner.checkpoint(), best_value=-score)
        run(training, self.phase(training)._replace(keeps_best=True))


@dataclass(frozen=True)
class Search(Plain):
    """Search for the best number of epochs with a validation set, then continue from there on all samples.

    The search evaluates the average of the weights over the epochs, and its patience is at least PATIENT_UPDATES
    updates. The final phase starts from the best average; its learning rate falls linearly to zero from that of the
    best epoch.
    """

    holds_out: ClassVar[bool] = True
    searches: ClassVar[bool] = True

    def run(self, training: Training) -> None:
        plan, learner, tables = training.plan, training.learner, training.tables
        learner.average = copy.copy(learner.network)
        # an epoch has ⌈samples / batch_size⌉ updates
        patience = max(self.patience or 0, ceil(PATIENT_UPDATES / ceil(len(tables.training) / plan.batch_size)))
        try:
            run(training, self.phase(training)._replace(patience=patience, keeps_best=True, name="search, "))
        finally:  # also for an interrupt
            n_epochs = training.progress.best_epoch
            training.history.end_search(n_epochs)
        if training.stopped_by_callback:
            return
        factor = learner.learning_rate / plan.learning_rate
        falling = FunctionOfProgress(lambda progress: factor * (1.0 - progress))
        training.progress = Progress(n_epochs)
        run(training, Phase(tables.whole, ceil(FINAL_EPOCHS * n_epochs), falling, name="final phase, "))


def run(training: Training, phase: Phase) -> None:
    """Train through a phase by the loop that the solver needs, and go back to its best epoch if the phase keeps it."""
    try:
        (run_lbfgs if training.plan.solver.full_batch_only else run_epochs)(training, phase)
    finally:  # also for an interrupt
        training.restore_best()
