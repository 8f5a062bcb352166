"""What can be seen of a fit: its curve, and its network on some samples, before training and after."""

import copy
from functools import cached_property
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from .._core.kernels import Array
from .._data.scale import Scale
from .._data.table import Table
from .._fit.outcome import DivergenceError, Outcome
from ..losses import LOSSES
from ..network import Network, generator, resolve_link
from ..solvers import SOLVERS

NEIGHBOURS = 5  # whose vote a network should at least reach; scikit-learn's default


class View(Outcome):
    """A network on at most 2,048 samples; weighted means take the weights that fit would."""

    @classmethod
    def of(cls, clf: Any, X: Any, y: Any) -> Self:
        """Look at a fitted classifier."""
        network, X, Y, w, alpha, _ = clf._gradient_problem(X, y, None)
        return cls(network, Table(X, Y, Y.shape[1], w, range(X.shape[0])), alpha)

    def mean(self, values: Array) -> float:
        """Return the weighted mean over the samples."""
        return float(np.average(values, weights=self.w))

    def noise(self, values: Array) -> float:
        """Return two standard errors of that mean, what chance may explain; few heavy samples leave more to it."""
        w = np.ones(len(values)) if self.w is None else self.w
        return 2 * float(np.linalg.norm(w * (values - self.mean(values))) / w.sum())

    @cached_property
    def losses(self) -> Array:
        """The loss of each sample."""
        return self.network.loss_function.value(self.Z, self.Y, self.network.link)

    @cached_property
    def truth(self) -> Array:
        """What the network should decide: class numbers, or for sigmoid outputs a truth value for each."""
        return self.decisions_from(self.Y)

    @cached_property
    def right(self) -> Array:
        """Whether it decides right for each sample; with several labels the share of them."""
        return self.share_right(self.network.link.decide(self.Z))

    @cached_property
    def confidence(self) -> Array:
        """The probability of what it decides, for each sample; with several labels their mean."""
        P = self.network.link.probabilities(self.Z)
        return P.max(axis=1) if self.truth.ndim == 1 else np.maximum(P, 1 - P).mean(axis=1)

    @cached_property
    def classes(self) -> tuple[Array, Array]:
        """Class numbers, the true ones and the predicted ones."""
        return self.truth.astype(int).ravel(), np.asarray(self.network.link.decide(self.Z)).astype(int).ravel()

    def share_right(self, decisions: Array) -> Array:
        """Return the share of right decisions of each sample."""
        return (decisions == self.truth).reshape(len(self.Y), -1).mean(axis=1)

    def decisions_from(self, P: Array) -> Array:
        """Return what follows from probabilities."""
        eps = np.finfo(self.network.dtype).eps
        return self.network.link.decide(self.network.link.inverse(np.clip(P, eps, 1 - eps)))

    @cached_property
    def neighbours_right(self) -> float:
        """The accuracy that the nearest neighbours of each sample would have, with one vote each."""
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(self.Y) - 1)).fit(self.cache.A[0])
        votes = self.Y[search.kneighbors(return_distance=False)].mean(axis=1)
        return self.mean(self.share_right(self.decisions_from(votes)))

    @cached_property
    @np.errstate(all="ignore")
    def gradient_norms(self) -> Array:
        """The norm of dW and db of each layer, without the penalty."""
        grads = self.network.backward(self.cache, self.Y, self.w)
        return np.array([np.hypot(np.linalg.norm(dW), np.linalg.norm(db)) for dW, db in zip(grads.W, grads.b)])

    @cached_property
    def dead(self) -> list[float]:
        """The share of units of each hidden layer that are the same for every sample."""
        return [float(np.mean(np.ptp(A, axis=0) == 0)) for A in self.cache.A[1:-1]]

    @cached_property
    def saturated(self) -> list[float]:
        """The share of the activations of each hidden layer whose slope is next to nothing; 0 where φ is unbounded."""
        return [flat_share(phi, Z) for phi, Z in zip(self.network.activations, self.cache.Z)]


def flat_share(phi: Any, Z: Array) -> float:
    """Return the share of Z where φ' is below a twentieth of its maximum, if φ levels off on both sides, else 0."""

    def slope(Z: Array) -> Array:
        return np.abs(phi.derivative(Z, phi.value(Z, np.empty_like(Z)), np.empty_like(Z)))

    everywhere = slope(np.linspace(-10, 10, 201, dtype=Z.dtype)[:, np.newaxis])
    least = everywhere.max() / 20
    return float(np.mean(slope(Z) < least)) if max(everywhere[0, 0], everywhere[-1, 0]) < least else 0.0


class Evidence:
    """All that there is to go by.

    Parameters
    ----------
    given : fitted estimator or DivergenceError
        What is diagnosed.
    X, y : array-likes or None
        Training samples.
    X_val, y_val : array-likes or None
        Samples that it has not seen.

    Attributes
    ----------
    clf : TwoLayerClassifier, BackpropClassifier or None
        The classifier itself; None for an error.
    error : DivergenceError or None
        The error.
    looked_at : list of str
        What was given.
    history : dict of ndarray
        Its columns; those of the search, where there was one.
    scale : Scale or None
        Of the features, as the classifier sees them.
    training, validation : View or None
        The fitted network on samples; None where there are none, or no labels.
    activations : View or None
        The fitted network on X, with labels or without.
    """

    def __init__(self, given: Any, X: Any, y: Any, X_val: Any, y_val: Any) -> None:
        check_pairs(X, y, X_val, y_val)
        rows = {"X": X, "y": y, "X_val": X_val, "y_val": y_val}
        self.looked_at = ["history", *(name for name in rows if rows[name] is not None)]
        self.error = given if isinstance(given, DivergenceError) else None
        self.clf, steps = (None, []) if self.error is not None else unwrapped(given)
        for step in steps:
            X, X_val = (None if rows is None else step.transform(rows) for rows in (X, X_val))
        columns = self.error.history if self.error else getattr(self.clf, "search_history_", self.clf.history_)
        self.history = {name: np.array(column) for name, column in columns.items()}
        self.training = self.validation = self.activations = self.scale = None
        if self.clf is None:
            self.scale = None if X is None else scale_of(X)
            return
        if X is not None:
            self.activations = View.of(self.clf, X, self.clf.predict(X) if y is None else y)
            self.training = None if y is None else self.activations
            self.scale = Scale.of(self.activations.table, getattr(self.clf, "feature_names_in_", None))
        if X_val is not None:
            try:
                self.validation = View.of(self.clf, X_val, y_val)
            except ValueError as error:
                raise ValueError(f"X_val, y_val: {error}") from None

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
        return self.history["loss"] - self.history.get("penalty", 0.0)

    @cached_property
    def guessing(self) -> float:
        """The loss of equal probabilities."""
        K = self.clf.n_outputs_
        link = resolve_link(self.clf.link_, K)
        return float(LOSSES.resolve(self.clf.loss).value(np.zeros((1, K)), np.eye(1, K), link)[0])

    @property
    def loss_at_start(self) -> float:
        """The loss before training; without samples that of the first epoch, or, with "auto" weights, of guessing."""
        if self.start is not None:
            return self.start.loss
        return self.guessing if self.clf.weight_init == "auto" or not self.curve.size else float(self.curve[0])

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
    def ended_at_max_iter(self) -> bool:
        """Whether training used all its epochs."""
        n_epochs = len(self.curve) if hasattr(self.clf, "search_history_") else self.clf.n_iter_
        return bool(n_epochs >= self.clf.max_iter)

    @property
    def learning_rate(self) -> float | None:
        """The greatest rate; None where the solver has none."""
        rates = self.history.get("learning_rate", np.empty(0))
        return float(rates.max()) if rates.size else None

    @cached_property
    def gradient_norms(self) -> Array:
        """The norm of the gradient of each layer after each epoch, shape (n_epochs, n_layers)."""
        norms = [column for name, column in self.history.items() if name.startswith("gradient_norm_")]
        return np.column_stack(norms)

    @property
    def step(self) -> float | None:
        """The longest step of one update, relative to the weights; None where the solver has no rate.

        Descent moves θ by η ‖g‖, and momentum adds up to 1 / (1 - μ) of such steps; the solvers that divide by the size
        of the gradient move each weight by about η.
        """
        if self.learning_rate is None:
            return None
        weights, solver = np.concatenate([W.ravel() for W in self.clf.coefs_]), SOLVERS.resolve(self.clf.solver)
        size = float(np.linalg.norm(weights)) or 1.0
        if not getattr(solver, "rate_follows_scale", False):
            return self.learning_rate * float(np.sqrt(weights.size)) / size
        steps = self.history["learning_rate"] * np.linalg.norm(self.gradient_norms, axis=1)
        return float(steps.max()) / size / (1 - getattr(solver, "momentum", 0.0))


def check_pairs(X: Any, y: Any, X_val: Any, y_val: Any) -> None:
    """Raise ValueError where one of a pair is missing."""
    if y is not None and X is None:
        raise ValueError("y was given without X; give both.")
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together.")


def unwrapped(estimator: Any) -> tuple[Any, list[Any]]:
    """Return the classifier at the end of pipelines and searches, and the fitted transformers before it.

    Raises
    ------
    TypeError
        If there is none of this package's.
    NotFittedError
        If it is not fitted.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return unwrapped(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        clf, steps = unwrapped(estimator.steps[-1][1])
        return clf, ([estimator[:-1]] if len(estimator.steps) > 1 else []) + steps
    if hasattr(estimator, "_gradient_problem"):
        return estimator, []
    raise TypeError(
        "diagnose needs a fitted TwoLayerClassifier or BackpropClassifier, a Pipeline or search that ends in one, or a "
        f"DivergenceError; got {type(estimator).__name__}."
    )


def scale_of(X: Any) -> Scale:
    """Measure features that no classifier has checked."""
    names = getattr(X, "columns", None)
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    return Scale.of(Table(X, np.empty(0), 1, None, range(X.shape[0])), names)
