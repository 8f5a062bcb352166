"""The network, step by step: forward, loss, backward and update, one at a time, on checked arrays.

The equations themselves stand in :mod:`skbackprop._core.layers`; fit and check_gradients use the same lines. The
objective is

    J = Σ_i w_i ℓ(zL_i, y_i) / Σ_i w_i + (alpha / 2) Σ_l ‖Wl‖²
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ._core.checks import (
    check_cache,
    check_finite,
    checked_classes,
    checked_gradients,
    checked_samples,
    checked_sizes,
    checked_targets,
    coefficients,
    diverged,
    generator,
)
from ._core.kernels import Array
from ._core.layers import Cache, Function, bind, writing
from ._core.parameters import Parameters, bind_penalty, described, named_parameters, penalty
from ._core.predict import logits
from ._core.types import MatrixLike, Weights
from .activations import ACTIVATIONS, Activation
from .initializers import Initializer, Normal, initial_weights, resolve_weight_init
from .losses import LINKS, LOSSES, Link, Loss
from .registry import check_number, same
from .solvers import SOLVERS, Solver, State

OUTPUT_GAIN = 0.09  # of weight_init="auto": the first probabilities are close to equal


class Network(Parameters):
    """A feed-forward network that is run step by step: forward, loss, backward and update, one at a time.

    Every argument is checked, and an error message says what to do instead. When a training loop of your own diverges
    to NaN or infinity, loss, backward and update raise FloatingPointError, and the parameters stay as they were.

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
        Source of W1, W2, …, drawn in this order. A numpy.random.Generator, which draws other numbers, is refused.
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
    >>> net.predict(X), net.score(X, [1, 0])
    (array([1, 0]), 1.0)
    """

    _solver: Any = None  # the solver that update was last given
    _solver_state: State = {}  # what it remembers
    _n_updates = 0

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "log_loss",
        *,
        link: str | Link = "auto",
        weight_init: str | Initializer = "auto",
        random_state: int | np.random.RandomState | None = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        sizes = checked_sizes(layer_sizes)
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64; got {np.dtype(dtype)}.")
        super().__init__(sizes, np.dtype(dtype))
        self.activations = resolve_activations(activation, len(sizes) - 2)
        self.loss_function = LOSSES.resolve(loss)
        self.link = resolve_link(link, sizes[-1])
        rng, initializer = generator(random_state), resolve_weight_init(weight_init)
        # of the activation before each layer: 1 for the features
        gains = [1.0, *(getattr(phi, "gain", 1.0) for phi in self.activations)]
        gains[-1] = OUTPUT_GAIN
        for W, gain in zip(self.W, gains, strict=True):
            draw = initializer or Normal(float(np.sqrt(gain / len(W))))
            W[...] = initial_weights(draw, rng, *W.shape)

    @np.errstate(all="ignore")
    def forward(
        self, X: MatrixLike, *, dropout: float = 0.0, random_state: int | np.random.RandomState | None = None
    ) -> Cache:
        """Compute every Z and A for the samples X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, n_features)
            The samples.
        dropout : float in [0, 1), default=0.0
            Probability with which a hidden unit is left out. The cache holds the masks, which backward uses again.
        random_state : int or numpy.random.RandomState, default=None
            Source of the masks.

        Returns
        -------
        cache : Cache
            ``cache.A[0]`` is X, ``cache.Z[0]`` is Z1, ``cache.A[1]`` is A1, …

        Raises
        ------
        ValueError
            If X is empty, not a table of finite numbers with a column for each input, or dropout is not in [0, 1).
        TypeError
            If random_state is a numpy.random.Generator.
        """
        X = checked_samples(self, X)
        check_number(self, "dropout", dropout, 0, 1)
        cache = Cache(self.layer_sizes, X.shape[0], self.dtype, dropout)
        cache.A, cache.theta = (X, *cache.A[1:]), self.theta.copy()
        rng = generator(random_state) if dropout else None
        forward, _ = bind(self, cache, sparse=sp.issparse(X), rng=rng)
        forward(X, cache.Z[-1])
        return cache

    @np.errstate(all="ignore")
    def loss(self, cache: Cache, Y: ArrayLike, sample_weight: Weights = None, alpha: float = 0.0) -> float:
        """Return J, Σ_i w_i ℓ(z_i, y_i) / Σ_i w_i + (alpha / 2) Σ_l ‖Wl‖².

        Parameters
        ----------
        cache : Cache
            From forward. After an update, its loss is still that of the parameters before the update; with a penalty,
            which would be that of the new parameters, it is refused.
        Y : array-like of shape (m, n_outputs), or (m,) for one output
            Targets: 0 and 1, one-hot rows, label indicators, or real numbers for the squared error.
        sample_weight : array-like of shape (m,), default=None
            The weights w; by default all one.
        alpha : float, default=0.0
            Strength of the penalty.

        Raises
        ------
        ValueError
            If Y or sample_weight do not fit the samples of the cache, if the loss cannot take such Y, or if there is a
            penalty and the parameters have changed since forward.
        TypeError
            If cache is not what forward returns.
        FloatingPointError
            If the loss is not finite.
        """
        check_number(self, "alpha", alpha, 0)
        check_cache(self, cache, at_these_parameters=alpha > 0)
        Y, c = checked_targets(self, Y, cache.n_samples), coefficients(self, sample_weight, cache.n_samples)
        J = objective_at(self, cache.Z[-1], Y, c, alpha)
        if not np.isfinite(J):
            raise diverged(f"The loss is {J}", self._n_updates)
        return J

    @np.errstate(all="ignore")
    def backward(self, cache: Cache, Y: ArrayLike, sample_weight: Weights = None, alpha: float = 0.0) -> Parameters:
        """Return the gradient of :meth:`loss` for all parameters, as ``grads.W``, ``grads.b`` and ``grads.theta``.

        Afterwards the cache also holds every dZ, and dA of the hidden layers.

        Parameters
        ----------
        cache : Cache
            From forward, computed with the present parameters.
        Y, sample_weight, alpha
            As in :meth:`loss`.

        Raises
        ------
        ValueError
            As in :meth:`loss`, and if the parameters have changed since forward.
        TypeError
            If cache is not what forward returns.
        FloatingPointError
            If the gradient is not finite.
        """
        check_number(self, "alpha", alpha, 0)
        check_cache(self, cache, at_these_parameters=True)
        Y, c = checked_targets(self, Y, cache.n_samples), coefficients(self, sample_weight, cache.n_samples)
        grads = gradient_at(self, cache, Y, c, alpha)
        check_finite(grads, "d{} is", self._n_updates)
        return grads

    def objective(
        self, X: MatrixLike, Y: ArrayLike, sample_weight: Weights = None, alpha: float = 0.0
    ) -> tuple[float, Parameters]:
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

    @np.errstate(all="ignore")
    def update(self, grads: Parameters, learning_rate: float, solver: str | Solver | None = None) -> None:
        """Take one step of a solver; by default of plain gradient descent, θ ← θ - learning_rate · dθ.

        Parameters
        ----------
        grads : Parameters
            From backward; they are not changed.
        learning_rate : float
            The learning rate, not negative.
        solver : str or Solver, default=None
            "adam", ``SGD(momentum=0.9)``, …; see :mod:`skbackprop.solvers`. The network and its copies keep what it
            remembers until they are given another solver, which starts anew. A step without a solver keeps it as is.

        Raises
        ------
        ValueError
            If the learning rate is negative or not a number, grads are from a network with other layer sizes, or the
            solver needs all samples at once.
        TypeError
            If grads are not what backward returns.
        FloatingPointError
            If grads, or the parameters after the step, are not finite; those of the network stay as they were.

        Examples
        --------
        >>> from skbackprop import Network
        >>> net = Network([2, 3, 1], random_state=0)
        >>> for step in range(100):
        ...     grads = net.backward(net.forward([[0.5, 0.8], [1.0, -1.0]]), [1, 0])
        ...     net.update(grads, learning_rate=0.05, solver="adam")
        >>> net.predict_proba([[0.5, 0.8]]).round(2)
        array([[0., 1.]])
        """
        check_number(self, "learning_rate", learning_rate, 0)
        grads, moved = checked_gradients(self, grads), Parameters(self.layer_sizes, self.dtype)
        check_finite(grads, "d{} is", self._n_updates)
        if solver is None:
            np.subtract(self.theta, learning_rate * grads.theta, out=moved.theta)
            memory = {}
        else:
            moved.theta, memory = self.theta, self._remembered(SOLVERS.resolve(solver))
            memory["_solver"].stepper(moved, grads, memory["_solver_state"])(learning_rate)
        check_finite(moved, "{} would be", self._n_updates)
        self.theta = moved.theta
        vars(self).update(memory, _n_updates=self._n_updates + 1)

    def predict_proba(self, X: MatrixLike) -> Array:
        """Return the probability of each class, or, with link="sigmoid" and several outputs, of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, n_features)
            The samples.

        Returns
        -------
        P : ndarray of shape (m, n_classes)
            For a single output 1 - a and a, both exact, as scikit-learn's classifiers return them; otherwise AL.

        Raises
        ------
        ValueError
            As :meth:`forward` does.
        FloatingPointError
            If the probabilities are not finite.
        """
        single = self.layer_sizes[-1] == 1
        return self._outputs(X, getattr(self.link, "both_sides" if single else "probabilities"), 2 if single else 0)

    def predict(self, X: MatrixLike) -> NDArray[np.int64]:
        """Return the number of each sample's most probable class, or 1 for each label of probability above one half.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, n_features)
            The samples.

        Returns
        -------
        y : ndarray of int of shape (m,), or (m, n_outputs) with link="sigmoid" and several outputs
            For one output, 0 and 1.
        """
        decided = np.asarray(self.link.decide(self._outputs(X)), np.int64)
        return decided[:, 0] if decided.ndim == 2 and decided.shape[1] == 1 else decided

    def score(self, X: MatrixLike, y: ArrayLike) -> float:
        """Return the accuracy: the share of samples that :meth:`predict` gets right, label indicators in every label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, n_features)
            The samples.
        y : array-like of shape (m,) or (m, n_outputs)
            What predict should return. A column of 0 and 1, or one-hot rows, as :meth:`loss` takes them, will do.

        Raises
        ------
        ValueError
            If y is none of these.
        """
        predicted = self.predict(X)
        right = predicted == checked_classes(y, self.layer_sizes[-1], predicted)
        return float(np.mean(right if right.ndim == 1 else right.all(axis=1)))

    def __repr__(self) -> str:
        phis, parts = self.activations, {"loss": self.loss_function, "link": self.link}
        if phis:
            parts = {"activation": phis[0] if all(same(phi, phis[0]) for phi in phis) else phis} | parts
        if self.dtype != np.float64:
            parts["dtype"] = self.dtype.name
        details = ", ".join(f"{name}={part!r}" for name, part in parts.items())
        title = f"Network({self.layer_sizes}, {details}): {self.theta.size} parameters"
        return described(title, named_parameters(self))

    def _remembered(self, solver: Any) -> dict[str, Any]:
        """Return the attributes that are to hold a solver and what it remembers, after a step by it.

        Both are copies: a step that fails changes nothing, and copies of a network can share what is remembered.
        """
        if getattr(solver, "full_batch_only", False):
            instead = "its line search needs all samples. Give it to BackpropClassifier(solver=...)"
            raise ValueError(f"solver={solver!r} does not take single steps: {instead}, or use 'adam', 'sgd', ….")
        goes_on = self._solver is not None and same(solver, self._solver)
        state = copy.deepcopy(self._solver_state) if goes_on else solver.init_state(self.theta)
        return {"_solver": copy.deepcopy(solver), "_solver_state": state}

    @np.errstate(all="ignore")
    def _outputs(self, X: MatrixLike, write: Function = np.positive, n_columns: int = 0) -> Array:
        """Return the logits, or what ``write(Z, out)`` makes of them."""
        X = checked_samples(self, X)
        outputs, is_finite = logits(X, self.W, self.b, self.activations, writing(write), n_columns)
        if not is_finite and np.isnan(outputs.min()):
            raise diverged("The outputs are nan", self._n_updates)
        return outputs


def objective_at(network: Network, Z: Array, Y: Array, c: Array, alpha: float) -> float:
    """Return J for logits Z, checked targets Y and coefficients c, with the penalty of the network's weights."""
    losses = network.loss_function.value(Z, Y, network.link)
    return float(np.sum(c[:, 0] * losses)) + penalty(network.weights, alpha)


def gradient_at(network: Network, cache: Cache, Y: Array, c: Array, alpha: float) -> Parameters:
    """Return the gradient of J at the cache's logits, and fill every dZ and dA of the cache."""
    grads, X = Parameters(network.layer_sizes, network.dtype), cache.A[0]
    _, backward = bind(network, cache, grads, sparse=sp.issparse(X), keeps_dA=True)
    backward(X, cache.Z[-1], Y, c)
    if alpha:
        bind_penalty(network.weights, alpha, grads.weights)()
    return grads


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
        each = f"a list with one for each of the {n_hidden} hidden layers"
        raise ValueError(f"activation must be a single one, or {each}; got a list of {n}.")
    return [ACTIVATIONS.resolve(each) for each in specs]
