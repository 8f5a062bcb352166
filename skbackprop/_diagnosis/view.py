"""A network on some samples: its predictions and how certain they are, its gradients, and the state of its units."""

from functools import cached_property
from typing import Any, Self

import numpy as np

from .._core.kernels import Array
from .._core.layers import bind_activation
from .._data.samples import MIN_HELD_OUT
from .._data.table import Table
from .._fit.outcome import Outcome

NEIGHBOURS = 5  # a network should be as accurate as their vote; scikit-learn's default
STEEP = 0.05  # φ counts as flat if its slope is less than this share of its greatest slope


class View(Outcome):
    """A network on at most 2,048 samples; means are weighted by the sample weights that fit would use."""

    @classmethod
    def of(cls, clf: Any, X: Any, y: Any, names: str) -> Self:
        """Run a fitted classifier on samples.

        Raises
        ------
        ValueError
            If the samples are invalid, or too few.
        """
        try:
            network, X, Y, w, alpha, _ = clf._gradient_problem(X, y, None)
        except ValueError as error:
            raise ValueError(f"{names}: {error}") from None
        if len(Y) < MIN_HELD_OUT:
            raise ValueError(f"{names}: {len(Y)} samples tell too little; give {MIN_HELD_OUT} or more.")
        return cls(network, Table(X, Y, Y.shape[1], w, range(len(Y))), alpha)

    def mean(self, values: Array) -> float:
        """Return the weighted mean over the samples."""
        return float(np.average(values, weights=self.w))

    def noise(self, values: Array) -> float:
        """Return two standard errors of the weighted mean, which chance may explain."""
        w = np.ones(len(values)) if self.w is None else self.w
        return 2 * float(np.linalg.norm(w * (values - self.mean(values))) / w.sum())

    @cached_property
    def losses(self) -> Array:
        """The loss of each sample."""
        return self.network.loss_function.value(self.Z, self.Y, self.network.link)

    @cached_property
    def decisions(self) -> Array:
        """The predictions: class numbers of shape (m,), or True or False for each output."""
        return np.asarray(self.network.link.decide(self.Z))

    @property
    def several_labels(self) -> bool:
        """Whether a sample can have several labels."""
        return self.decisions.shape[1:] > (1,)

    @cached_property
    def classes(self) -> tuple[Array, Array]:
        """The true and the predicted class numbers, if each sample has one class."""
        return self.wanted(self.Y).astype(int).ravel(), self.decisions.astype(int).ravel()

    @cached_property
    def right(self) -> Array:
        """Whether each sample is predicted correctly; with several labels, the share that is."""
        return self.share_right(self.decisions)

    @cached_property
    def confidence(self) -> Array:
        """The probability of the prediction for each sample; with several labels, the mean over them."""
        P = self.network.link.probabilities(self.Z)
        return P.max(axis=1) if self.decisions.ndim == 1 else np.maximum(P, 1 - P).mean(axis=1)

    def wanted(self, targets: Array) -> Array:
        """Return the predictions that fit targets best, or means of targets."""
        return targets.argmax(axis=1) if self.decisions.ndim == 1 else np.greater(targets, 0.5)

    def share_right(self, decisions: Array) -> Array:
        """Return the share of correct predictions of each sample."""
        return (decisions == self.wanted(self.Y)).reshape(len(self.Y), -1).mean(axis=1)

    @cached_property
    def neighbours_right(self) -> float:
        """The accuracy of the vote of each sample's nearest neighbours among the others."""
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(self.cache.A[0])
        votes = self.Y[search.kneighbors(return_distance=False)].mean(axis=1)
        return self.mean(self.share_right(self.wanted(votes)))

    @cached_property
    def gradient_norms(self) -> Array:
        """The norm of dW and db of each layer, without the penalty."""
        return np.array(self.network.backward(self.cache, self.Y, self.w).norms())

    @cached_property
    def dead(self) -> list[float]:
        """The share of units of each hidden layer that give the same output for every sample."""
        return [float(np.mean(np.ptp(A, axis=0) == 0)) for A in self.cache.A[1:-1]]

    @cached_property
    def saturated(self) -> list[float]:
        """The share of the activations of each hidden layer where φ is flat; 0 for a φ that is unbounded."""
        hidden = zip(self.network.activations, self.cache.Z[:-1], strict=True)
        return [flat_share(phi, Z) for phi, Z in hidden]


def flat_share(phi: Any, Z: Array) -> float:
    """Return the share of Z where φ is flat, for a φ that is flat on both sides; else 0, as for relu."""
    everywhere = slopes(phi, np.linspace(-10, 10, 201, dtype=Z.dtype)[:, np.newaxis])
    least = STEEP * everywhere.max()
    return float(np.mean(slopes(phi, Z) < least)) if max(everywhere[0, 0], everywhere[-1, 0]) < least else 0.0


def slopes(phi: Any, Z: Array) -> Array:
    """Return |φ'(Z)|."""
    value, derivative = bind_activation(phi, Z)
    return np.abs(derivative(Z, value(Z, np.empty_like(Z)), np.empty_like(Z)))
