"""All that a diagnosis is based on: the history of a fit, and its network on samples, before and after training."""

import copy
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._core.checks import generator
from .._core.kernels import Array
from .._data.scale import Scale
from .._display.fitted import best_epoch, data_term, names_of_features, search_history_of, where_it_keeps_one
from .._fit.outcome import DivergenceError
from .._sklearn.auto import penalty_strength
from .._sklearn.base import BaseBackprop
from ..losses import LOSSES
from ..network import Network, resolve_link
from ..solvers import SOLVERS
from .view import View


class Evidence:
    """All that a diagnosis is based on.

    Parameters
    ----------
    given : fitted estimator or DivergenceError
        What to diagnose.
    X, y : array-likes or None
        Training samples and their labels.
    X_val, y_val : array-likes or None
        Samples that it has not seen, and their labels.

    Attributes
    ----------
    clf : TwoLayerClassifier, BackpropClassifier or None
        The classifier itself; None for an error.
    error : DivergenceError or None
        The error.
    looked_at, missing : list of str
        The names of the sources that were given, and of those that were not.
    history : dict of ndarray
        The columns of the history; those of the search, if there was one.
    scale : Scale or None
        The size of the features, as the classifier sees them.
    training, validation : View or None
        The fitted network on samples with labels; None without them.
    activations : View or None
        The fitted network on X, with or without labels.
    """

    def __init__(self, given: Any, X: Any, y: Any, X_val: Any, y_val: Any) -> None:
        check_pairs(X, y, X_val, y_val)
        self.clf: Any = None
        self.missing: list[str] = []
        self.error = given if isinstance(given, DivergenceError) else None
        self.scale: Scale | None = None
        self.training: View | None = None
        self.validation: View | None = None
        self.activations: View | None = None
        if self.error is not None:  # it already names a feature that is to blame
            self.looked_at = ["the error"]
            self.history = columns(self.error.history)
        else:
            self._look(given, {"X": X, "y": y, "X_val": X_val, "y_val": y_val})

    def _look(self, given: Any, rows: dict[str, Any]) -> None:
        """Read a fitted estimator, and run its network on the samples."""
        self.looked_at = ["history_", *(name for name in rows if rows[name] is not None)]
        self.missing = [name for name in rows if rows[name] is None]
        X, y, X_val, y_val = rows.values()
        self.clf, steps = unwrapped(given)
        if getattr(self.clf, "class_weight", None) is not None:
            self.looked_at.append("class_weight, which weights every figure")
        self.history = columns(search_history_of(self.clf) or getattr(self.clf, "history_", {}))
        names = names_of_features(given, getattr(X, "columns", None)) if X is not None else None
        for step in steps:
            X, X_val = (None if samples is None else step.transform(samples) for samples in (X, X_val))
        if X is not None:  # without labels any will do, since activations do not depend on them
            self.activations = View.of(self.clf, X, self.clf.predict(X) if y is None else y, "X, y")
            self.training = None if y is None else self.activations
            self.scale = Scale.of(self.activations.table, names)
        if X_val is not None:
            self.validation = View.of(self.clf, X_val, y_val, "X_val, y_val")

    @cached_property
    def start(self) -> View | None:
        """The network before training, on the training samples."""
        if self.training is None:
            return None
        fitted, clf = self.training.network, self.clf
        options = {"link": fitted.link, "weight_init": clf.weight_init, "dtype": fitted.dtype}
        rng = generator(0 if clf.random_state is None else copy.deepcopy(clf.random_state))
        network = Network(fitted.layer_sizes, fitted.activations, fitted.loss_function, random_state=rng, **options)
        return View(network, self.training.table, 0.0)

    @cached_property
    def curve(self) -> Array:
        """The loss of each epoch, without the penalty."""
        return data_term(self.history) if self.history else np.empty(0)

    @property
    def held_out_losses(self) -> Array:
        """The validation loss of each epoch, if training watched it; else empty."""
        unseen = self.history.get("validation_loss", np.empty(0))
        watched = search_history_of(self.clf) or self.clf.early_stopping
        return unseen if watched and np.isfinite(unseen).all() else np.empty(0)

    @property
    def milestones(self) -> tuple[float, float, float]:
        """The loss that training watched, in the first, the middle and the last epoch; NaN with fewer than two."""
        watched = self.held_out_losses if self.held_out_losses.size else self.curve
        n = len(watched)
        return (watched[0], watched[(n - 1) // 2], watched[-1]) if n > 1 else (np.nan,) * 3

    @cached_property
    def guessing(self) -> float:
        """The loss of equal probabilities."""
        K = self.clf.n_outputs_
        link = resolve_link(self.clf.link_, K)
        return float(LOSSES.resolve(self.clf.loss).value(np.zeros((1, K)), np.eye(1, K), link)[0])

    @property
    def loss_at_start(self) -> float:
        """The loss before training; without samples that of the first epoch, or of guessing for "auto" weights."""
        if self.start is not None:
            return self.start.loss
        return self.guessing if self.starts_by_default or not self.curve.size else float(self.curve[0])

    @property
    def loss(self) -> float:
        """The loss on the training samples that the fit ended with, without the penalty."""
        if self.training is not None:
            return self.training.loss
        return float(self.curve[-1]) if self.curve.size else np.nan

    @property
    def has_learned(self) -> bool:
        """Whether the loss is below half of that of guessing."""
        return self.loss < self.guessing / 2

    @property
    def losses_in_history(self) -> tuple[float, float]:
        """The training and the validation loss of the epoch whose weights were kept; NaN if they are not known.

        After a search, the final phase trains on the held-out samples too, so their losses say nothing about the
        weights.
        """
        unseen, clf = self.history.get("validation_loss", np.empty(0)), self.clf
        if search_history_of(clf) or not np.isfinite(unseen).any():
            return np.nan, np.nan
        last, best = len(unseen), best_epoch(clf)
        epoch = best if clf.early_stopping and best else last
        return float(self.curve[epoch - 1]), float(unseen[epoch - 1])

    @property
    def ended_at_max_iter(self) -> bool:
        """Whether training used all its epochs."""
        n_epochs = len(self.curve) if search_history_of(self.clf) else self.clf.n_iter_
        return bool(n_epochs >= self.clf.max_iter)

    @property
    def learning_rate(self) -> float | None:
        """The greatest learning rate; None if the solver has none."""
        rates = self.history.get("learning_rate", np.empty(0))
        return float(rates.max()) if np.isfinite(rates).any() else None

    @cached_property
    def gradient_norms(self) -> Array:
        """The norm of the gradient of each layer after each epoch, shape (n_epochs, n_layers)."""
        names = [f"gradient_norm_{l}" for l in range(1, len(self.clf.coefs_) + 1)]
        return np.column_stack([self.history.get(name, np.empty(0)) for name in names])

    @property
    def median_gradient_norms(self) -> Array:
        """The median over the epochs of each layer's gradient norm, shape (n_layers,)."""
        norms = self.gradient_norms
        return np.median(norms, axis=0) if len(norms) else np.zeros(norms.shape[1])

    @property
    def dead_in_history(self) -> float:
        """The smallest share of dead units among the last ten epochs in which the outputs still learned."""
        learning = self.gradient_norms[-10:, -1] > 0
        dead = self.history.get("dead_units", np.zeros(len(learning)))
        return float(np.min(dead[-10:][learning], initial=1.0)) if learning.any() else 0.0

    @property
    def units(self) -> list[int]:
        """The size of each hidden layer."""
        return [len(b) for b in self.clf.intercepts_[:-1]]

    @property
    def alpha(self) -> float | None:
        """The strength of the penalty; None if it depends on a number of samples that is not known."""
        if isinstance(self.clf.alpha, str) and self.activations is None:
            return None
        return penalty_strength(self.clf.alpha, len(self.activations.table) if self.activations is not None else 0)

    @property
    def starts_by_default(self) -> bool:
        """Whether weight_init is "auto"."""
        return isinstance(self.clf.weight_init, str) and self.clf.weight_init == "auto"

    @property
    def step(self) -> float | None:
        """The longest step of one update, relative to the weights; None if the solver has no learning rate.

        Gradient descent moves θ by η ‖g‖, and with momentum by up to 1 / (1 - μ) times as much. Solvers that divide by
        the size of the gradient move each weight by about η.
        """
        if self.learning_rate is None:
            return None
        weights, solver = np.concatenate([W.ravel() for W in self.clf.coefs_]), SOLVERS.resolve(self.clf.solver)
        size = float(np.linalg.norm(weights)) or 1.0
        if not getattr(solver, "rate_follows_scale", False):
            n_parameters = weights.size + sum(b.size for b in self.clf.intercepts_)
            return self.learning_rate * float(np.sqrt(n_parameters)) / size
        steps = self.history["learning_rate"] * np.linalg.norm(self.gradient_norms, axis=1)
        return float(np.nanmax(steps)) / size / (1 - getattr(solver, "momentum", 0.0))


def columns(history: Any) -> dict[str, Array]:
    """Return the columns of a history as arrays."""
    return {name: np.array(column, np.float64) for name, column in history.items()}


def check_pairs(X: Any, y: Any, X_val: Any, y_val: Any) -> None:
    """Raise ValueError if one of a pair is missing."""
    if y is not None and X is None:
        raise ValueError("y was given without X; give both.")
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together.")


def unwrapped(given: Any) -> tuple[Any, list[Any]]:
    """Return the classifier at the end of pipelines and searches, and the fitted transformers before it.

    Raises
    ------
    TypeError
        If it does not end in a classifier of this package.
    NotFittedError
        If the classifier is not fitted.
    """
    if isinstance(given, BaseBackprop):
        check_is_fitted(given)
        return given, []
    if hasattr(given, "steps"):
        check_is_fitted(given)
        clf, steps = unwrapped(given.steps[-1][1])
        return clf, ([given[:-1]] if len(given.steps) > 1 else []) + steps
    if hasattr(given, "refit") and not hasattr(given, "estimator_"):  # a search; a tuned threshold may be refitted too
        check_is_fitted(given, "best_estimator_")
        return unwrapped(given.best_estimator_)
    what = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
    raise TypeError(
        "diagnose takes a fitted TwoLayerClassifier or BackpropClassifier, a Pipeline or search that ends in one, or a "
        f"DivergenceError; got {what}.{where_it_keeps_one(given)}"
    )
