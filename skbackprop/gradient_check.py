"""Check backpropagation against central differences of the objective that training minimises."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from ._core.checks import checked_samples, checked_targets, coefficients
from ._core.kernels import Array
from ._core.layers import bind
from ._core.types import MatrixLike, Weights
from .initializers import zeros
from .network import Network, gradient_at, objective_at

MOST_PARAMETERS = 1000  # most parameters to check; of a larger network, so many are drawn at random
STEPS = (1e-4, 1e-5, 1e-6)  # a kink (of relu, for example) inside one step seldom lies inside the shorter ones too


class GradientCheck(float):
    """The largest relative difference found: a float, with attributes that say where it is.

    Attributes
    ----------
    parameter : str
        Name of the parameter with the largest difference, for example ``"W1[3, 2]"``.
    backprop, difference : float
        The two values that were compared there: the one by backpropagation, or by the function given, and the central
        difference.
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

    def __repr__(self) -> str:
        details = {k: f"{v:.6g}" if isinstance(v, float) else repr(v) for k, v in vars(self).items()}
        return f"GradientCheck({', '.join([f'{float(self):.3g}', *(f'{k}={v}' for k, v in details.items())])})"


class Classifier(Protocol):
    """A classifier of the package, by the one method that is asked here: this floor knows nothing of scikit-learn."""

    def _gradient_problem(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, ...]:
        """Return network, X, Y, weights, alpha and dropout of the objective that fit minimises."""


def check_gradients(
    estimator_or_network: Network | Classifier,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: Weights = None,
    *,
    gradient: Callable[[Array, Any, Any], ArrayLike] | None = None,
) -> GradientCheck:
    """Compare backpropagation, or a gradient function of your own, with central differences.

    Parameters
    ----------
    estimator_or_network : TwoLayerClassifier, BackpropClassifier or Network
        A fitted estimator is checked at its weights, an unfitted one where its training would start; the objective is
        the one that its ``fit`` minimises, with class weights, penalty, label smoothing and one fixed draw of the
        dropout masks. Neither an estimator nor a network is changed.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        A handful of samples is enough.
    y : array-like
        Labels for an estimator, targets for a Network.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    gradient : callable (theta, X, y) -> array-like of shape (n_parameters,), default=None
        A function of your own to check in place of backpropagation; only with a Network. It is given a copy of theta,
        and X and y as they are, and returns the gradient of the mean loss in the order of ``network.theta``,
        [W1 … WL | b1 … bL].

    Returns
    -------
    worst : GradientCheck
        ``max |g - d| / max(|g|, |d|, 1e-3 max |g|)`` over the parameters (a thousand drawn at random if there are
        more), where g is computed by backpropagation in the network's dtype, and d is the central difference in
        float64. Three step sizes are tried, and at a kink one-sided differences too; d is the one nearest to g. A
        correct gradient gives about 1e-8 in float64 and 1e-4 in float32, an error in a formula 0.01 to 2.

    Raises
    ------
    ValueError
        If the data cannot be used, or gradient returns another number of values, or values that are not finite.
    TypeError
        If the first argument is neither an estimator of this package nor a Network, if gradient is not a function, or
        if it is given along with an estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import TwoLayerClassifier, check_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> worst = check_gradients(TwoLayerClassifier(5, activation="tanh", alpha=0.1, random_state=0), X, y)
    >>> bool(worst < 1e-6), worst.n_parameters
    (True, 43)

    A function of your own, which sums the gradient of logistic regression over the samples instead of averaging:

    >>> import numpy as np
    >>> from skbackprop import Network
    >>> def gradient(theta, X, Y):
    ...     dZ = 1 / (1 + np.exp(-(X @ theta[:2] + theta[2]))) - Y
    ...     return np.append(X.T @ dZ, dZ.sum())
    >>> X, Y = np.array([[0.5, 0.8], [1.0, -1.0]]), np.array([1.0, 0.0])
    >>> worst = check_gradients(Network([2, 1], random_state=0), X, Y, gradient=gradient)
    >>> round(worst.backprop / worst.difference, 6)
    2.0
    """
    problem = Problem(*problem_of("estimator_or_network", estimator_or_network, X, y, sample_weight))
    is_network = isinstance(estimator_or_network, Network)
    if gradient is not None and not (is_network and callable(gradient)):
        raise TypeError("gradient must be a function (theta, X, y), and needs a Network: an estimator's y are labels.")
    network, g = problem.network, problem.gradient()
    if gradient is not None:
        g = checked_gradient(gradient(network.theta.copy(), X, y), network)
    chosen = np.sort(np.random.RandomState(0).permutation(g.size)[:MOST_PARAMETERS])
    scale = max(1e-3 * float(np.abs(g).max()), np.finfo(np.float64).tiny)
    J, theta = problem.objective_in_float64()
    here, worst = J(), GradientCheck(-1.0)
    for k in chosen:
        candidates = [d for h in STEPS for d in differences(J, here, theta, k, h * max(1.0, abs(theta[k])))]
        errors = [(abs(g[k] - d) / max(abs(g[k]), abs(d), scale), d) for d in candidates]
        error, d = min((np.inf if np.isnan(error) else error, d) for error, d in errors)
        if error > worst:
            worst = GradientCheck(error)
            worst.parameter, worst.backprop, worst.difference = parameter_name(network, k), float(g[k]), float(d)
    worst.n_parameters = len(chosen)
    return worst


class Problem:
    """The objective whose gradient is checked: a network on samples, with one fixed draw of the dropout masks.

    Parameters
    ----------
    network : Network
        The network, at whose parameters the gradient is checked.
    X, Y, sample_weight, alpha
        As in :meth:`Network.objective`.
    dropout : float, default=0.0
        Probability with which a hidden unit is left out.
    """

    def __init__(
        self, network: Network, X: Any, Y: Any, sample_weight: Any = None, alpha: float = 0.0, dropout: float = 0.0
    ) -> None:
        self.network, self.X, self.dropout = network, checked_samples(network, X), dropout
        self.targets = Y, sample_weight, alpha

    def gradient(self) -> Array:
        """Return the gradient by backpropagation, computed in the network's dtype by the lines that fit runs."""
        cache = self.network.forward(self.X, dropout=self.dropout, random_state=0)
        return gradient_at(self.network, cache, *self.targets_for(self.network)).theta.astype(np.float64)

    def objective_in_float64(self) -> tuple[Callable[[], float], Array]:
        """Return a function that computes J in float64, and the array of parameters that it reads at each call."""
        exact, rng = in_float64(self.network), np.random.RandomState(0)
        X = checked_samples(exact, self.X)
        cache = exact.forward(X, dropout=self.dropout, random_state=rng)
        forward, _ = bind(exact, cache, sparse=sp.issparse(X), rng=rng)  # once, for thousands of calls
        targets = self.targets_for(exact)

        def J() -> float:
            rng.seed(0)  # the same dropout masks
            forward(X, cache.Z[-1])
            return objective_at(exact, cache.Z[-1], *targets)

        return J, exact.theta

    def targets_for(self, network: Network) -> tuple[Array, Array, float]:
        """Return checked targets and the coefficients c in a network's dtype, and alpha."""
        Y, sample_weight, alpha = self.targets
        m = self.X.shape[0]
        return checked_targets(network, Y, m), coefficients(network, sample_weight, m), alpha


def problem_of(parameter: str, given: Any, X: Any, Y: Any, sample_weight: Any) -> tuple[Any, ...]:
    """Return network, X, Y, weights, alpha and dropout: of a Network as given, of an estimator those of its fit.

    Raises
    ------
    TypeError
        If it is neither a Network nor a classifier of this package; the message names the parameter.
    """
    if isinstance(given, Network):
        return given, X, Y, sample_weight, 0.0, 0.0
    if isinstance(given, type) or not hasattr(given, "_gradient_problem"):
        what = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
        hint = " Of a pipeline give the last step, and X as its earlier steps transform it." * hasattr(given, "steps")
        raise TypeError(f"{parameter} must be a Network, or a classifier of skbackprop; got {what}.{hint}")
    return given._gradient_problem(X, Y, sample_weight)


def checked_gradient(g: Any, network: Network) -> Array:
    """Return the gradient that a user's function returned, in float64.

    Raises
    ------
    ValueError
        If it is not a finite number for each parameter, in one dimension.
    """
    n, order = network.theta.size, "in the order of network.theta, [W1 … WL | b1 … bL]"
    try:
        array = np.asarray([] if g is None else g, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"gradient must return {n} numbers, {order}; got {g!r:.80} ({error}).") from None
    if array.shape != (n,):
        got = "None; is there a return?" if g is None else f"shape {array.shape}."
        raise ValueError(f"gradient must return an array of shape ({n},), {order}; got {got}")
    if not np.isfinite(array).all():
        k = int(np.argmin(np.isfinite(array)))
        raise ValueError(f"gradient must return finite numbers; got {array[k]} for {parameter_name(network, k)}.")
    return array


def in_float64(network: Network) -> Network:
    """Return a copy of a network that computes in float64."""
    parts = network.activations, network.loss_function
    exact = Network(network.layer_sizes, *parts, link=network.link, weight_init=zeros)
    exact.theta = network.theta
    return exact


def differences(J: Callable[[], float], here: float, theta: Array, k: Any, h: float) -> list[float]:
    """Return the central difference and, at a kink, the one-sided ones.

    ``here`` is J at theta.
    """
    kept = theta[k]
    theta[k] = kept + h
    above = J()
    theta[k] = kept - h
    below = J()
    theta[k] = kept
    sides = [(above - here) / h, (here - below) / h]
    central = (above - below) / (2 * h)
    has_kink = abs(sides[0] - sides[1]) > 1e-3 * abs(central)
    return [central, *sides] if has_kink else [central]


def parameter_name(network: Network, k: Any) -> str:
    """Return the name of the k-th parameter of theta: ``"W1[3, 2]"`` or ``"b2[0]"``."""
    for letter, arrays in (("W", network.W), ("b", network.b)):
        for layer, array in enumerate(arrays, start=1):
            if k < array.size:
                return f"{letter}{layer}[{', '.join(map(str, np.unravel_index(k, array.shape)))}]"
            k -= array.size
    raise IndexError(k)
