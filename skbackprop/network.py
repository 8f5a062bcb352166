"""The network in the open: forward, loss, backward and update, one at a time, on checked arrays.

The equations themselves stand in :mod:`skbackprop._core.layers`; fit and check_gradients use the same lines. The
objective is

    J = Σ_i w_i ℓ(zL_i, y_i) / Σ_i w_i + (alpha / 2) Σ_l ‖Wl‖²
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from ._core.kernels import Array
from ._core.layers import Cache, bind
from ._core.parameters import Parameters, add_penalty_gradient, penalty
from .activations import ACTIVATIONS, Activation
from .initializers import Normal, initial_weights, resolve_weight_init
from .losses import LINKS, LOSSES, Link

OUTPUT_GAIN = 0.09  # of weight_init="auto": the first probabilities are close to equal


class Network(Parameters):
    """A feed-forward network in the open: forward, loss, backward and update, one at a time.

    Parameters
    ----------
    layer_sizes : sequence of int
        [n_features, hidden units …, n_outputs].
    activation : str or Activation, or one for each hidden layer, default="relu"
        φ; see :mod:`skbackprop.activations`.
    loss : str or Loss, default="log_loss"
        ℓ; see :mod:`skbackprop.losses`.
    link : {"auto", "sigmoid", "softmax"} or Link, default="auto"
        How logits become probabilities: "auto" is sigmoid for one output, softmax for more; "sigmoid" with more outputs
        is the multilabel case.
    weight_init : str, Initializer or callable (rng, fan_in, fan_out) -> array, default="auto"
        Where the weights start; see :mod:`skbackprop.initializers`. Biases start at zero.
    random_state : int or numpy.random.RandomState, default=None
        Where W1, W2, … are drawn from, in this order.
    dtype : dtype, default=float64
        float64 or float32, for all parameters and arrays.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        All parameters in one vector, [W1 … WL | b1 … bL].
    W, b : tuples of ndarray of shape (n_(l-1), n_l) and (n_l,)
        Views into theta. Every assignment writes into it: ``net.W[0] = W1``,
        ``net.b = [b1, b2]``, ``net.theta = theta``.
    weights : ndarray of shape (n_weights,)
        The first part of theta, all W.
    activations : list of Activation
        φ of each hidden layer.
    loss_function : Loss
        ℓ.
    link : Link
        How logits become probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Network
    >>> net = Network([2, 3, 1], activation="tanh", random_state=0)
    >>> X, Y = np.array([[0.5, 0.8], [1.0, -1.0]]), np.array([[1.0], [0.0]])
    >>> for step in range(3):
    ...     cache = net.forward(X)
    ...     print(round(net.loss(cache, Y), 4))
    ...     net.update(net.backward(cache, Y), learning_rate=0.5)
    0.6475
    0.5039
    0.3981
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: Any = "relu",
        loss: Any = "log_loss",
        *,
        link: Any = "auto",
        weight_init: Any = "auto",
        random_state: int | np.random.RandomState | None = None,
        dtype: Any = np.float64,
    ) -> None:
        sizes = [int(n) for n in layer_sizes]
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"layer_sizes must be at least two numbers of units, each >= 1; got {list(layer_sizes)}.")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64; got {np.dtype(dtype)}.")
        super().__init__(sizes, np.dtype(dtype))
        self.activations = resolve_activations(activation, len(sizes) - 2)
        self.loss_function = LOSSES.resolve(loss)
        self.link = resolve_link(link, sizes[-1])
        gains = [1.0, *(getattr(phi, "gain", 1.0) for phi in self.activations)]  # of what each layer is fed with
        gains[-1] = OUTPUT_GAIN
        rng, initializer = generator(random_state), resolve_weight_init(weight_init)
        for W, gain in zip(self.W, gains, strict=True):
            W[...] = initial_weights(initializer or Normal(float(np.sqrt(gain / len(W)))), rng, *W.shape)

    def forward(
        self, X: Any, *, dropout: float = 0.0, random_state: int | np.random.RandomState | None = None
    ) -> Cache:
        """Compute every Z and A for the samples X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, n_features)
            The samples.
        dropout : float in [0, 1), default=0.0
            Probability with which a hidden unit is left out, by masks that backward uses again.
        random_state : int or numpy.random.RandomState, default=None
            Source of the masks.

        Returns
        -------
        cache : Cache
            ``cache.A[0]`` is X, ``cache.Z[0]`` is Z1, ``cache.A[1]`` is A1, …

        Raises
        ------
        ValueError
            If X does not have two dimensions, or another number of columns than the network has inputs, or if dropout
            is not in [0, 1).
        """
        X = checked_samples(self, X)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be a number in [0, 1); got {dropout!r}.")
        cache = Cache(self.layer_sizes, X.shape[0], self.dtype, dropout)
        cache.A = (X, *cache.A[1:])
        forward, _ = bind(self, cache, sparse=sp.issparse(X), rng=generator(random_state) if dropout else None)
        forward(X, cache.Z[-1])
        return cache

    def loss(self, cache: Cache, Y: Any, sample_weight: Any = None, alpha: float = 0.0) -> float:
        """Return J, Σ_i w_i ℓ(z_i, y_i) / Σ_i w_i + (alpha / 2) Σ_l ‖Wl‖².

        Parameters
        ----------
        cache : Cache
            From forward.
        Y : array-like of shape (m, n_outputs), or (m,) for one output
            Targets: 0 and 1, one-hot rows, label indicators, or real numbers for the squared error.
        sample_weight : array-like of shape (m,), default=None
            The weights w; by default all one.
        alpha : float, default=0.0
            Strength of the penalty.

        Raises
        ------
        ValueError
            If Y or sample_weight do not fit the samples of the cache.
        """
        Y, c = checked_targets(self, Y, cache.n_samples), coefficients(self, sample_weight, cache.n_samples)
        losses = self.loss_function.value(cache.Z[-1], Y, self.link)
        return float(np.sum(c[:, 0] * losses)) + penalty(self.weights, alpha)

    def backward(self, cache: Cache, Y: Any, sample_weight: Any = None, alpha: float = 0.0) -> Parameters:
        """Return the gradient of :meth:`loss` in every parameter, as ``grads.W``, ``grads.b`` and ``grads.theta``.

        Parameters
        ----------
        cache, Y, sample_weight, alpha
            As in :meth:`loss`.
        """
        Y, c = checked_targets(self, Y, cache.n_samples), coefficients(self, sample_weight, cache.n_samples)
        grads = Parameters(self.layer_sizes, self.dtype)
        X = cache.A[0]
        _, backward = bind(self, cache, grads, sparse=sp.issparse(X))
        backward(X, cache.Z[-1], Y, c)
        add_penalty_gradient(self.weights, alpha, grads.weights)
        return grads

    def objective(self, X: Any, Y: Any, sample_weight: Any = None, alpha: float = 0.0) -> tuple[float, Parameters]:
        """Return J and its gradient.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, n_features)
            The samples.
        Y, sample_weight, alpha
            As in :meth:`loss`.
        """
        cache = self.forward(X)
        return self.loss(cache, Y, sample_weight, alpha), self.backward(cache, Y, sample_weight, alpha)

    def update(self, grads: Parameters, learning_rate: float) -> None:
        """Take one step of plain gradient descent, θ ← θ - learning_rate · dθ."""
        np.subtract(self.theta, learning_rate * grads.theta, out=self.theta)


def generator(random_state: Any) -> np.random.RandomState:
    """Return a RandomState as it is, and one made of a seed."""
    return random_state if isinstance(random_state, np.random.RandomState) else np.random.RandomState(random_state)


def checked_samples(network: Network, X: Any) -> Any:
    """Return X in the network's dtype.

    Raises
    ------
    ValueError
        If it does not have two dimensions, or another number of columns than the network has inputs.
    """
    X = sp.csr_matrix(X, dtype=network.dtype) if sp.issparse(X) else np.asarray(X, network.dtype)
    if len(X.shape) != 2 or X.shape[1] != network.layer_sizes[0]:
        raise ValueError(f"X must have shape (n_samples, {network.layer_sizes[0]}); got {X.shape}.")
    return X


def checked_targets(network: Network, Y: Any, n_samples: int) -> Array:
    """Return Y in the network's dtype and with one column for each output.

    Raises
    ------
    ValueError
        If it has another shape.
    """
    Y, expected = np.asarray(Y, network.dtype), (n_samples, network.layer_sizes[-1])
    if Y.ndim == 1 and expected[1] == 1:
        Y = Y[:, np.newaxis]
    if Y.shape != expected:
        raise ValueError(f"Y must have shape {expected}, a column for each output; got {Y.shape}.")
    return Y


def coefficients(network: Network, sample_weight: Any, n_samples: int) -> Array:
    """Return c_i = w_i / Σ w as a column.

    Raises
    ------
    ValueError
        If the weights are not n_samples finite, non-negative numbers, or all zero.
    """
    w = np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if w.shape != (n_samples,) or not (np.isfinite(w).all() and w.min() >= 0 and w.max() > 0):
        raise ValueError(f"sample_weight must be {n_samples} non-negative numbers, not all zero; got {w}.")
    w = w / w.max()  # so that 1e-300 and 1 give the same bits, and no sum overflows
    return (w / w.sum()).astype(network.dtype)[:, np.newaxis]


def resolve_link(spec: Any, n_outputs: int) -> Link:
    """Return the output link; "auto" is sigmoid for one output and softmax for more."""
    if isinstance(spec, str) and spec == "auto":
        spec = "sigmoid" if n_outputs == 1 else "softmax"
    if spec == "softmax" and n_outputs == 1:
        raise ValueError("link='softmax' needs two outputs or more: a single one would always have probability 1.")
    return LINKS.resolve(spec)


def resolve_activations(spec: Any, n_hidden: int) -> list[Activation]:
    """Return one activation for each hidden layer, from one for all or a list of them."""
    specs = list(spec) if isinstance(spec, (list, tuple)) else [spec] * n_hidden
    if (n := len(specs)) != n_hidden:
        raise ValueError(f"activation must be one, or one for each of the {n_hidden} hidden layers; got {n} of them.")
    return [ACTIVATIONS.resolve(each) for each in specs]
