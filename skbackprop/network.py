r"""The network: forward, loss, backward, update. Everything that is trained goes through these lines.

For a batch X of m rows and layers l = 1 … L, with layer sizes n_0 (features), n_1, …, n_L (outputs)::

    forward     A0 = X                                  (m, n_0)
                Zl = A(l-1) Wl + bl                     (m, n_l)     Wl (n_(l-1), n_l), bl (n_l,)
                Al = φ(Zl)          for l < L           (m, n_l)
                AL = link(ZL)       sigmoid or softmax  (m, n_L)

    objective   J = Σ_i w_i ℓ(zL_i, y_i) / Σ_i w_i + (alpha / 2) Σ_l ‖Wl‖²

    backward    dZL = c ∘ ∂ℓ/∂ZL                        (m, n_L)     c_i = w_i / Σ w, one for each row
                dWl = A(l-1)ᵀ dZl + alpha Wl            (n_(l-1), n_l)
                dbl = 1ᵀ dZl                            (n_l,)
                dA(l-1) = dZl Wlᵀ                       (m, n_(l-1))
                dZ(l-1) = dA(l-1) ∘ φ'(Z(l-1))          (m, n_(l-1))

    update      θ ← θ - learning_rate · dθ

Python counts from zero, so ``W[0]`` is W1, ``b[0]`` b1 and ``Z[0]`` Z1, while ``A[0]`` is X and ``A[1]`` A1. All
parameters live in one flat vector θ = [W1 … WL | b1 … bL], of which W and b are views: a solver sees one vector, the
penalty one prefix of it. With dropout the next layer sees A ∘ mask instead of A (the mask holds 0 or 1 / (1 - p)), and
dA is multiplied by the same mask on the way back.

Training a network of one hidden layer runs the same lines without the loop over l, :mod:`skbackprop.two_layers`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .activations import ACTIVATIONS, Activation, Array
from .arrays import Cache, Parameters, SparseRows, addable, axpy, product
from .initializers import Normal, initial_weights, resolve_weight_init
from .losses import LINKS, LOSSES, Link
from .two_layers import Gradient, two_layer_gradient

OUTPUT_GAIN = 0.09  # of weight_init="auto": the first answers are close to equal probabilities
BLOCK_ROWS = 2048  # rows that go through the layers together where a batch or a table has more


class Network:
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
        float64 or float32, for all parameters and work.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        All parameters in one vector.
    W, b : lists of ndarray of shape (n_(l-1), n_l) and (n_l,)
        Views into theta; write through them: ``net.W[0][...] = W1``.

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
        self.layer_sizes = [int(n) for n in layer_sizes]
        if len(self.layer_sizes) < 2 or min(self.layer_sizes) < 1:
            raise ValueError(f"layer_sizes must be at least two numbers of units, each >= 1; got {list(layer_sizes)}.")
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64; got {self.dtype}.")
        self.activations = resolve_activations(activation, len(self.layer_sizes) - 2)
        self.loss_function = LOSSES.resolve(loss)
        self.link = resolve_link(link, self.layer_sizes[-1])
        self._hold(Parameters(self.layer_sizes, self.dtype))
        self._initialize(weight_init, random_state)

    def _hold(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.theta, self.W, self.b = parameters.theta, parameters.W, parameters.b
        self._W_T = [W.T for W in self.W]
        self._b = addable(self.b)

    @classmethod
    def from_parameters(cls, W: list[Array], b: list[Array], activations: list[Activation]) -> Network:
        """Return a network that computes logits and nothing else, around weights that stand elsewhere."""
        net = object.__new__(cls)
        net.W, net.b, net.activations = W, b, activations
        net._b = addable(b)
        net.layer_sizes = [W[0].shape[0], *(len(each) for each in b)]
        net.dtype = W[0].dtype
        return net

    def _initialize(self, weight_init: Any, random_state: Any) -> None:
        rng = random_state if isinstance(random_state, np.random.RandomState) else np.random.RandomState(random_state)
        gains = [1.0, *(getattr(phi, "gain", 1.0) for phi in self.activations)]  # of what each layer is fed with
        gains[-1] = OUTPUT_GAIN
        chosen = resolve_weight_init(weight_init)
        for W, gain in zip(self.W, gains, strict=True):
            W[...] = initial_weights(chosen or Normal(float(np.sqrt(gain / W.shape[0]))), rng, *W.shape)

    def forward(self, X: Any, cache: Cache | None = None) -> Cache:
        """Compute every Z and A for the rows of X.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (m, n_features)
            The rows.
        cache : Cache, default=None
            Work arrays of m rows to write into, for a checked X; by default new ones.

        Returns
        -------
        cache : Cache
            ``cache.A[0]`` is X, ``cache.Z[0]`` is Z1, ``cache.A[1]`` is A1, …
        """
        if cache is None:
            X = self.rows(X)
            cache = self.work_arrays(X.shape[0])
        Z = self.propagate(X, cache)
        self.link.probabilities(Z, cache.A[-1])
        return cache

    def propagate(self, X: Any, cache: Cache) -> Array:
        """Compute every Z, and every A but the last; return the logits, ``cache.Z[-1]``."""
        cache.A[0] = cache.inputs[0] = X
        A, W, b, inputs, masks = cache.A, self.W, cache.b or self._b, cache.inputs, cache.masks
        for l, phi in enumerate(self.activations):
            Z = product(inputs[l], W[l], cache.Z[l])  # Z = A W + b
            np.add(Z, b[l], Z)
            phi.value(Z, A[l + 1])  # A = φ(Z)
            if masks:
                np.multiply(A[l + 1], masks[l], out=inputs[l + 1])
        ZL = product(inputs[-1], W[-1], cache.Z[-1])
        return np.add(ZL, b[-1], ZL)

    def loss(self, cache: Cache, Y: Any, sample_weight: Any = None) -> float:
        """Return the data term of J, Σ_i w_i ℓ(z_i, y_i) / Σ_i w_i.

        Parameters
        ----------
        cache : Cache
            From forward.
        Y : array-like of shape (m, n_outputs), or (m,) for one output
            Targets: 0 and 1, one-hot rows, label indicators, or real numbers for the squared error.
        sample_weight : array-like of shape (m,), default=None
            The weights w; by default all one.
        """
        Y, c = self.targets(Y, cache.n_rows), self.coefficients(sample_weight, cache.n_rows)
        return float(np.sum(c * self.loss_function.value(cache.Z[-1], Y, self.link)[:, np.newaxis]))

    def backward(self, cache: Cache, Y: Any, sample_weight: Any = None) -> Parameters:
        """Return the gradient of :meth:`loss` in every parameter, as ``grads.W``, ``grads.b`` and ``grads.theta``."""
        grads = Parameters(self.layer_sizes, self.dtype)
        c = self.coefficients(sample_weight, cache.n_rows)
        return self.backpropagate(cache, self.targets(Y, cache.n_rows), c, grads)

    def backpropagate(self, cache: Cache, Y: Array, c: Array | float, grads: Parameters) -> Parameters:
        """Write Σ_i c_i ∂ℓ_i/∂θ into grads: the backward pass itself, on checked arrays.

        Parameters
        ----------
        cache : Cache
            From forward.
        Y : ndarray of shape (m, n_outputs)
            Targets.
        c : float or ndarray of shape (m, 1)
            Coefficient of each row's loss.
        grads : Parameters
            Overwritten.
        """
        if not cache.dZ:
            cache.prepare_backward()
        Z, A, inputs, ones, masks = cache.Z, cache.A, cache.inputs, cache.ones, cache.masks
        dZ = self.loss_function.gradient(Z[-1], A[-1], Y, self.link, cache.dZ[-1])
        np.multiply(dZ, c, dZ)
        for l in range(len(Z) - 1, -1, -1):
            product(inputs[l].T, dZ, grads.W[l])  # dW = A(l-1)ᵀ dZ
            ones.dot(dZ, grads.b[l])  # db = 1ᵀ dZ
            if l:
                dA = dZ.dot(self._W_T[l], cache.dZ[l - 1])  # dA(l-1) = dZ Wᵀ
                if masks:
                    np.multiply(dA, masks[l - 1], out=dA)
                slope = self.activations[l - 1].derivative(Z[l - 1], A[l], cache.slopes[l - 1])
                dZ = np.multiply(dA, slope, dA)  # dZ(l-1) = dA(l-1) ∘ φ'(Z(l-1)), in dA's place
        return grads

    def gradient_into(
        self,
        grads: Parameters,
        n_rows: int,
        sparse: bool = False,
        dropout: float = 0.0,
        rng: Any = None,
    ) -> Gradient:
        """Return gradient(X, Y, c, ZL): forward and backpropagate for batches of n_rows, into arrays bound here.

        The logits are written into ZL, the gradient into grads. ``sparse`` tells whether X comes as SparseRows; with
        dropout the masks of each call are drawn from rng.
        """
        if len(self.W) == 2 and not dropout:
            return two_layer_gradient(self, grads, n_rows, sparse)
        cache = self.work_arrays(n_rows)

        def gradient(X: Any, Y: Array, c: Any, ZL: Array) -> None:
            cache.Z[-1] = ZL
            if dropout:
                cache.drop(dropout, rng)
            self.backpropagate(self.forward(X, cache), Y, c, grads)

        return gradient

    def penalty(self, alpha: float) -> float:
        """Return (alpha / 2) Σ_l ‖Wl‖²."""
        return 0.5 * alpha * float(self.parameters.weights.dot(self.parameters.weights)) if alpha else 0.0

    def add_penalty(self, alpha: float, grads: Parameters) -> None:
        """Add the gradient of the penalty, alpha W, to grads."""
        if alpha:
            axpy(alpha, self.parameters.weights, grads.weights)

    def objective(self, X: Any, Y: Any, sample_weight: Any = None, alpha: float = 0.0) -> tuple[float, Parameters]:
        """Return J and its gradient.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (m, n_features)
            The rows.
        Y : array-like of shape (m, n_outputs), or (m,) for one output
            Targets.
        sample_weight : array-like of shape (m,), default=None
            The weights w; by default all one.
        alpha : float, default=0.0
            Strength of the penalty.
        """
        cache = self.forward(X)
        grads = self.backward(cache, Y, sample_weight)
        self.add_penalty(alpha, grads)
        return self.loss(cache, Y, sample_weight) + self.penalty(alpha), grads

    def update(self, grads: Parameters, learning_rate: float) -> None:
        """Take one step of plain gradient descent, θ ← θ - learning_rate · dθ."""
        np.subtract(self.theta, learning_rate * grads.theta, out=self.theta)

    def work_arrays(self, n_rows: int) -> Cache:
        """Return a Cache for batches of n_rows, to be handed to forward again and again."""
        return Cache(self.layer_sizes, n_rows, self.dtype)

    def astype(self, dtype: Any) -> Network:
        """Return a copy of the network in another dtype."""
        net = copy.copy(self)
        net.dtype = np.dtype(dtype)
        net._hold(Parameters(self.layer_sizes, dtype))
        net.theta[...] = self.theta
        return net

    def rows(self, X: Any) -> Any:
        """Return X checked, in the network's dtype.

        Raises
        ------
        ValueError
            If it does not have two dimensions, or another number of columns than the network has inputs.
        """
        X = SparseRows(sp.csr_matrix(X, dtype=self.dtype)) if sp.issparse(X) else np.asarray(X, self.dtype)
        if len(X.shape) != 2 or X.shape[1] != self.layer_sizes[0]:
            raise ValueError(f"X must have shape (n_rows, {self.layer_sizes[0]}); got {X.shape}.")
        return X

    def targets(self, Y: Any, n_rows: int) -> Array:
        """Return Y checked, in the network's dtype and with one column for each output.

        Raises
        ------
        ValueError
            If it has another shape.
        """
        Y = np.asarray(Y, self.dtype)
        if Y.ndim == 1 and self.layer_sizes[-1] == 1:
            Y = Y[:, np.newaxis]
        if Y.shape != (n_rows, self.layer_sizes[-1]):
            raise ValueError(
                f"Y must have shape {(n_rows, self.layer_sizes[-1])}, a column for each output; got {Y.shape}."
            )
        return Y

    def coefficients(self, sample_weight: Any, n_rows: int) -> Array:
        """Return c_i = w_i / Σ w as a column.

        Raises
        ------
        ValueError
            If the weights are not n_rows finite, non-negative numbers, or all zero.
        """
        w = np.ones(n_rows) if sample_weight is None else np.asarray(sample_weight, np.float64)
        if w.shape != (n_rows,) or not (np.isfinite(w).all() and w.min() >= 0 and w.max() > 0):
            raise ValueError(
                f"sample_weight must be {n_rows} non-negative numbers, not all zero; got {sample_weight!r}."
            )
        w = w / w.max()  # so that 1e-300 and 1 give the same bits, and no sum overflows
        return (w / w.sum()).astype(self.dtype)[:, np.newaxis]


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
    if len(specs) != n_hidden:
        raise ValueError(
            f"activation must be one, or one for each of the {n_hidden} hidden layers; got {len(specs)} of them."
        )
    return [ACTIVATIONS.resolve(each) for each in specs]
