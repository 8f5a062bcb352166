"""Backpropagation against central differences of the very objective that is trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from .activations import Array
from .arrays import Parameters
from .network import Network

MOST_PARAMETERS = 1000  # of a larger network, as many are checked as are drawn at random
STEPS = (1e-4, 1e-5, 1e-6)  # a kink (of relu, say) inside one step seldom lies inside the shorter ones too


class GradientCheck(float):
    """The largest relative difference found: a float that knows where.

    Attributes
    ----------
    parameter : str
        Name of the worst parameter, ``"W1[3, 2]"`` say.
    backprop, difference : float
        The two values that were compared there.
    n_parameters : int
        How many parameters were checked.

    Examples
    --------
    >>> from skbackprop import Network, check_gradients
    >>> found = check_gradients(Network([2, 3, 1], activation="tanh", random_state=0), [[0.5, 0.8]], [1.0])
    >>> found < 1e-6, found.n_parameters
    (True, 13)
    """

    parameter: str
    backprop: float
    difference: float
    n_parameters: int


def check_gradients(estimator_or_network: Any, X: Any, y: Any, sample_weight: Any = None) -> GradientCheck:
    """Compare backpropagation with central differences.

    Parameters
    ----------
    estimator_or_network : TwoLayerClassifier, BackpropClassifier or Network
        A fitted estimator is checked at its weights, an unfitted one where its training would start; the objective is
        the one that its ``fit`` minimises, with class weights, penalty, label smoothing and one fixed draw of the
        dropout masks. Neither is changed.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        A handful of rows is enough.
    y : array-like
        Labels for an estimator, targets for a Network.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    worst : GradientCheck
        ``max |g - d| / max(|g|, |d|, 1e-3 max |g|)`` over the parameters (a thousand drawn at random if there are
        more), with g from backpropagation in the network's dtype and d the central difference in float64. About 1e-8
        is what a correct float64 gradient gives, 1e-4 a float32 one; an error in a formula gives 0.01 to 2.

    Raises
    ------
    ValueError
        If the data cannot be used.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import TwoLayerClassifier, check_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> worst = check_gradients(TwoLayerClassifier(5, activation="tanh", alpha=0.1, random_state=0), X, y)
    >>> bool(worst < 1e-6), worst.n_parameters
    (True, 43)
    """
    if isinstance(estimator_or_network, Network):
        network, X, Y = (
            estimator_or_network,
            estimator_or_network.rows(X),
            estimator_or_network.targets(y, np.shape(X)[0]),
        )
        c, alpha, dropout, rng = network.coefficients(sample_weight, X.shape[0]), 0.0, 0.0, np.random.RandomState(0)
    else:
        network, X, Y, c, alpha, dropout, rng = estimator_or_network._gradient_problem(X, y, sample_weight)
    cache = network.work_arrays(X.shape[0])
    if dropout:
        cache.drop(dropout, rng)
    grads = Parameters(network.layer_sizes, network.dtype)
    network.backpropagate(network.forward(X, cache), Y, c, grads)
    network.add_penalty(alpha, grads)
    g = grads.theta.astype(np.float64)

    exact = network.astype(np.float64)
    exact_cache = exact.work_arrays(X.shape[0])
    exact_cache.hold([mask.astype(np.float64) for mask in cache.masks])
    X, Y, c = X.astype(np.float64), Y.astype(np.float64), np.asarray(c, np.float64)

    def J() -> float:
        Z = exact.propagate(X, exact_cache)
        return float(np.sum(c[:, 0] * exact.loss_function.value(Z, Y, exact.link))) + exact.penalty(alpha)

    chosen = np.arange(g.size)
    if g.size > MOST_PARAMETERS:
        chosen = np.random.RandomState(0).choice(g.size, MOST_PARAMETERS, replace=False)
    scale = max(1e-3 * float(np.abs(g).max()), np.finfo(np.float64).tiny)
    return _worst(J, exact.theta, g, chosen, scale, network)


def _worst(J: Any, theta: Array, g: Array, chosen: Any, scale: float, network: Network) -> GradientCheck:
    worst = GradientCheck(-1.0)
    for k in chosen:
        candidates = []
        for h in STEPS:
            candidates += _differences(J, theta, k, h * max(1.0, abs(theta[k])))
        errors = [(abs(g[k] - d) / max(abs(g[k]), abs(d), scale), d) for d in candidates]
        error, d = min((np.inf if np.isnan(error) else error, d) for error, d in errors)
        if error > worst:
            worst = GradientCheck(error)
            worst.parameter = parameter_name(network, k)
            worst.backprop, worst.difference = float(g[k]), float(d)
    worst.n_parameters = len(chosen)
    return worst


def _differences(J: Any, theta: Array, k: int, h: float) -> list[float]:
    """Return the central difference; for a unit that sits exactly on its kink, the one-sided ones as well."""
    kept, here = theta[k], J()
    theta[k] = kept + h
    above = J()
    theta[k] = kept - h
    below = J()
    theta[k] = kept
    sides = [(above - here) / h, (here - below) / h]
    central = (above - below) / (2 * h)
    return [central, *sides] if abs(sides[0] - sides[1]) > 1e-3 * abs(central) else [central]


def parameter_name(network: Network, k: int) -> str:
    """Return the name of the k-th parameter of theta: ``"W1[3, 2]"`` or ``"b2[0]"``."""
    for letter, arrays in (("W", network.W), ("b", network.b)):
        for layer, array in enumerate(arrays, start=1):
            if k < array.size:
                place = ", ".join(str(i) for i in np.unravel_index(k, array.shape))
                return f"{letter}{layer}[{place}]"
            k -= array.size
    raise IndexError(k)
