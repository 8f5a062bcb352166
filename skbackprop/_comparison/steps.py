"""A forward and a backward pass as single steps, so that each array can be made from arrays other than ours.

:mod:`skbackprop._core.layers` computes whole passes, with which a student's arrays are compared. Here, each array is
made from those it depends on: what would dW1 be, given this dZ1?
"""

import copy
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from .._core.kernels import Array
from .._core.layers import writing
from ..losses import gradient_with
from ..network import Network

Arrays = dict[str, Array]
NOISE = 64  # units in the last place: more than a sum changes by when it is added up in another order
DRAWS = 24  # of the noise; with a probability of 1e-7, all of them fall on the same side of a kink


class Steps:
    """The passes of a network on m samples, a step for each array.

    Parameters
    ----------
    network : Network
        In float64.
    X : ndarray or CSR matrix of shape (m, n_features)
        The samples.
    Y : ndarray of shape (m, n_outputs)
        The targets.
    weights : ndarray of shape (m,)
        The weights w.
    alpha : float
        Strength of the penalty.

    Attributes
    ----------
    names : list of str
        Every array, in the order of computation: Z1, A1, …, dZ2, dW2, db2, dA1, dZ1, …
    sources : dict of str to list of str
        The arrays that each one is made from, besides X and the parameters.
    c : ndarray of shape (m, 1)
        w_i / Σ w.
    n_layers : int
        L.
    """

    def __init__(self, network: Network, X: Any, Y: Array, weights: Array, alpha: float) -> None:
        self.network, self.X, self.Y, self.weights, self.alpha = network, X, Y, weights, alpha
        self.c, self.n_layers = (weights / weights.sum())[:, np.newaxis], len(network.W)
        layers = range(1, self.n_layers + 1)
        self.names = [f"{kind}{l}" for l in layers for kind in ("Z", "A")]
        self.names += [f"{kind}{l}" for l in reversed(layers) for kind in ("dA", "dZ", "dW", "db")]
        self.names.remove(f"dA{self.n_layers}")  # the loss is a function of the logits
        self.sources = {name: self._sources(name) for name in self.names}

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array, samples by units for those of the samples."""
        kind, l = parsed(name)
        n_below, n = self.network.layer_sizes[l - 1 : l + 1]
        return {"dW": (n_below, n), "db": (n,)}.get(kind, (len(self.Y), n))

    def _sources(self, name: str) -> list[str]:
        """Return the arrays that an array is made from."""
        kind, l = parsed(name)
        below = [f"A{l - 1}"] if l > 1 else []
        output = [f"Z{l}", f"A{l}"]
        return {
            "Z": below,
            "A": [f"Z{l}"],
            "dZ": output if l == self.n_layers else [f"dA{l}", *output],
            "dA": [f"dZ{l + 1}"],
            "dW": [*below, f"dZ{l}"],
            "db": [f"dZ{l}"],
        }[kind]

    def make(self, name: str, arrays: Mapping[str, Array]) -> Array:
        """Return an array, made from those it depends on."""
        kind, l = parsed(name)
        W = self.network.W
        if kind == "Z":
            return self.below(l, arrays) @ W[l - 1] + self.network.b[l - 1]
        if kind == "A":
            return self.activation(l, arrays[f"Z{l}"])
        if kind == "dA":
            return arrays[f"dZ{l + 1}"] @ W[l].T
        if kind == "dW":
            return self.below(l, arrays).T @ arrays[f"dZ{l}"] + self.alpha * W[l - 1]
        if kind == "db":
            return arrays[f"dZ{l}"].sum(axis=0)
        Z, A = arrays[f"Z{l}"], arrays[f"A{l}"]
        return self.c * self.loss_gradient(Z, A) if l == self.n_layers else arrays[f"dA{l}"] * self.derivative(l, Z, A)

    def below(self, l: int, arrays: Mapping[str, Array]) -> Any:
        """Return the input of layer l."""
        return arrays[f"A{l - 1}"] if l > 1 else self.X

    def activation(self, l: int, Z: Array) -> Array:
        """Return φ(Z) of a hidden layer, the probabilities of the last."""
        network = self.network
        value = network.link.probabilities if l == self.n_layers else network.activations[l - 1].value
        return writing(value)(Z, np.empty_like(Z))

    def derivative(self, l: int, Z: Array, A: Array) -> Array:
        """Return φ'(Z) of a hidden layer."""
        return writing(self.network.activations[l - 1].derivative)(Z, A, np.empty_like(Z))

    def loss_gradient(self, Z: Array, A: Array) -> Array:
        """Return ∂ℓ/∂Z of each sample."""
        gradient = writing(gradient_with(self.network.loss_function, self.network.link))
        return gradient(Z, A, self.Y, np.empty_like(Z))

    def all(self, given: Mapping[str, Array]) -> Arrays:
        """Return all arrays of the passes: those given as they are, the others made from them."""
        arrays: Arrays = {}
        for name in self.names:
            arrays[name] = given[name] if name in given else self.make(name, arrays)
        return arrays

    def changed(self, instead: Arrays, arrays: Arrays, among: Iterable[str]) -> Arrays:
        """Return all arrays with some replaced, and those in ``among`` that depend on these made anew."""
        new, stale = arrays | instead, {*instead}
        for name in among:
            if name not in instead and not stale.isdisjoint(self.sources[name]):
                new[name] = self.make(name, new)
                stale.add(name)
        return new


@cache
def parsed(name: str) -> tuple[str, int]:
    """Return the kind of an array and the number of its layer: "dW" and 1."""
    kind = name.rstrip("0123456789")
    return kind, int(name[len(kind) :])


def rounding(steps: Steps, truth: Arrays, precision: np.finfo) -> Arrays:
    """Return by how much each number may differ from ours because it was rounded differently.

    The passes are run DRAWS times, with noise of a few units in the last place in every array, to see how far each
    number moves. So cancellation, saturation and units on the kink of their activation are taken into account.

    Parameters
    ----------
    steps : Steps
        The passes.
    truth : dict of str to ndarray
        All their arrays.
    precision : numpy.finfo
        The precision of the coarsest dtype among the arrays.
    """
    rng, slack = np.random.RandomState(0), {name: np.zeros_like(array) for name, array in truth.items()}
    relative, absolute = NOISE * float(precision.eps), float(precision.tiny)  # below tiny, numbers lose their digits

    def noise(array: Array) -> Array:
        return rng.uniform(-1, 1, array.shape)

    def noisy(array: Array) -> Array:
        return array * (1 + relative * noise(array)) + absolute * (array != 0) * noise(array)  # 0 stays 0

    network = copy.deepcopy(steps.network)
    for _ in range(DRAWS):
        network.theta = noisy(steps.network.theta)
        shaken, arrays = Steps(network, steps.X, noisy(steps.Y), steps.weights, steps.alpha), Arrays()
        for name in steps.names:
            arrays[name] = noisy(shaken.make(name, arrays))
            if parsed(name)[0] == "Z":  # a zero may be a kink
                arrays[name] += relative * (np.abs(arrays[name]).max() or 1.0) * noise(arrays[name])
            np.maximum(slack[name], np.abs(arrays[name] - truth[name]), out=slack[name])
    return slack
