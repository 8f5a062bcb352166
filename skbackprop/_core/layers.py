r"""The layers: forward and backward, for any depth. Everything that is trained or checked goes through these lines.

For a mini-batch X of m samples and layers l = 1 … L, with layer sizes n_0 (features), n_1, …, n_L (outputs)::

    forward     A0 = X                                 (m, n_0)
                Zl = A(l-1) Wl + bl                    (m, n_l)
                Al = φ(Zl)         for l < L           (m, n_l)
                AL = link(ZL)      sigmoid or softmax  (m, n_L)

    backward    dZL = c ∘ ∂ℓ/∂ZL                       (m, n_L)
                dWl = A(l-1)ᵀ dZl                      (n_(l-1), n_l)
                dbl = 1ᵀ dZl                           (n_l,)
                dA(l-1) = dZl Wlᵀ                      (m, n_(l-1))
                dZ(l-1) = dA(l-1) ∘ φ'(Z(l-1))         (m, n_(l-1))

Wl has the shape (n_(l-1), n_l), bl the shape (n_l,), and c_i = w_i / Σ w is the share of each sample, (m, 1).

With dropout the next layer sees A ∘ mask instead of A, where the mask holds 0 or 1 / (1 - p), and dA is multiplied by
the same mask on the way back.

Each layer is *bound* to its arrays once for each batch size: its forward and its backward pass become closures over
these arrays, so that a step spends its time on arithmetic. Python counts from zero: ``W[0]`` is W1 and ``Z[0]`` Z1,
while ``A[0]`` is X and ``A[1]`` A1.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..losses import BoundLink, gradient_with
from .kernels import Array, product_into, row_adder
from .parameters import Parameters, described

Function = Callable[..., Any]
Forward = Callable[[Any, Array], Array]  # (X, ZL)
Layer = Callable[[Any], Any]  # forward pass: (A_below), backward pass: (A_belowᵀ)


class Cache:
    """What forward computes and backward needs, for m samples.

    Attributes
    ----------
    Z : tuple of ndarray of shape (m, n_l)
        ``Z[0]`` is Z1, …, ``Z[-1]`` the logits.
    A : tuple of ndarray
        ``A[0]`` is X, ``A[1]`` is A1, …, ``A[-1]`` the probabilities.
    dZ : tuple of ndarray of shape (m, n_l)
        Filled by backward: ∂J/∂Z of each layer; empty before.
    dA : tuple of ndarray of shape (m, n_l)
        Filled by backward: ∂J/∂A of each hidden layer, ``dA[0]`` is dA1; empty before.
    slopes : tuple of ndarray of shape (m, n_l)
        Filled by backward: φ'(Z) of each hidden layer; empty before.
    masks : tuple of ndarray of shape (m, n_l)
        The dropout masks of the hidden layers; empty without dropout.
    inputs : tuple of ndarray of shape (m, n_l)
        What each hidden layer passes to the next: A, or A ∘ mask with dropout.
    theta : ndarray of shape (n_parameters,), or None
        A copy of the parameters that ``Network.forward`` used.

    Examples
    --------
    >>> from skbackprop import Network
    >>> cache = Network([2, 3, 1]).forward([[0.5, 0.8]])
    >>> [A.shape for A in cache.A], [Z.shape for Z in cache.Z]
    ([(1, 2), (1, 3), (1, 1)], [(1, 3), (1, 1)])
    """

    def __init__(self, layer_sizes: Sequence[int], n_samples: int, dtype: DTypeLike, dropout: float = 0.0) -> None:
        self.n_samples, self.dropout = n_samples, dropout
        self.Z = tuple(np.empty((n_samples, n), dtype) for n in layer_sizes[1:])
        self.A: tuple[Any, ...] = (None, *(np.empty_like(Z) for Z in self.Z))
        self.dZ: tuple[Array, ...] = ()
        self.dA: tuple[Array, ...] = ()
        self.slopes: tuple[Array, ...] = ()
        self.masks = tuple(np.empty_like(A) for A in self.A[1:-1]) if dropout else ()
        self.inputs = tuple(np.empty_like(A) for A in self.A[1:-1]) if dropout else self.A[1:-1]
        self.theta: Array | None = None

    def __repr__(self) -> str:
        samples = "1 sample" if self.n_samples == 1 else f"{self.n_samples} samples"
        return described(f"Cache of {samples}", named_arrays(self))


def named_arrays(cache: Cache) -> dict[str, Any]:
    """Return the arrays of a cache by name, in the order of computation: X, Z1, A1, …, dZ2, dA1, dZ1."""
    arrays = {} if cache.A[0] is None else {"X": cache.A[0]}
    for l, (Z, A) in enumerate(zip(cache.Z, cache.A[1:], strict=True)):
        arrays |= {f"Z{l + 1}": Z, f"A{l + 1}": A}
        arrays |= {f"mask{l + 1}": mask for mask in cache.masks[l : l + 1]}
    for l in reversed(range(len(cache.dZ))):
        arrays |= {f"dA{l + 1}": dA for dA in cache.dA[l : l + 1]}
        arrays |= {f"dZ{l + 1}": cache.dZ[l]}
    return arrays


def bind(
    network: Any,
    cache: Cache,
    gradients: Parameters | None = None,
    *,
    sparse: bool = False,
    rng: Any = None,
    keeps_dA: bool = False,
) -> tuple[Forward, Any]:
    """Return forward(X, ZL) and backward(X, ZL, Y, c), bound to the arrays of a cache.

    forward fills Z and A of each hidden layer and the probabilities ``A[-1]``, writes the logits into ZL, and returns
    ZL; backward fills every dZ, dW and db.

    Parameters
    ----------
    network : Network
        Each call uses the parameters that it has at that moment.
    cache : Cache
        Its arrays are overwritten by each call, except ``A[0]`` and ``Z[-1]``: X and ZL are used in their place.
    gradients : Parameters, default=None
        Overwritten by each call of backward. If None, None is returned in place of backward.
    sparse : bool, default=False
        Whether X comes as a CSR matrix.
    rng : RandomState, default=None
        Source of the dropout masks; each call of forward draws new ones.
    keeps_dA : bool, default=False
        Whether dA has arrays of its own; by default dZ overwrites dA, which saves time and memory.
    """
    if gradients is not None:
        cache.dZ = tuple(np.empty_like(Z) for Z in cache.Z)
        cache.slopes = tuple(np.empty_like(Z) for Z in cache.Z[:-1])
        cache.dA = tuple(np.empty_like(Z) for Z in cache.Z[:-1]) if keeps_dA else cache.dZ[:-1]
    hidden = range(len(network.activations))
    functions = [bind_activation(phi, Z) for phi, Z in zip(network.activations, cache.Z[:-1], strict=True)]
    layers = [hidden_forward(network, cache, l, functions[l][0], sparse and l == 0, rng) for l in hidden]
    output, loss_gradient = output_layer(network, cache, sparse and not hidden)

    def forward(X: Any, ZL: Array) -> Array:
        A = X
        for layer in layers:
            A = layer(A)
        return output(A, ZL)

    if gradients is None:
        return forward, None
    lowest = weight_gradients(cache, gradients, -1, sparse and not hidden)
    upper = []  # of all layers but the first, each with its inputs transposed
    for l in reversed(hidden):
        upper.append((lowest, cache.inputs[l].T))
        derivative, from_X = functions[l][1], sparse and l == 0
        lowest = hidden_backward(network, cache, gradients, l, derivative, from_X)

    def backward(X: Any, ZL: Array, Y: Array, c: Any) -> None:
        loss_gradient(ZL, Y, c)
        for layer, A_below_T in upper:
            layer(A_below_T)
        lowest(X.T)

    return forward, backward


def hidden_forward(network: Any, cache: Cache, l: int, value: Function, sparse: bool, rng: Any) -> Layer:
    """Return the forward pass of hidden layer l + 1."""
    W, Z, A = network.W[l], cache.Z[l], cache.A[l + 1]
    product, add_b = product_into(Z, sparse), row_adder(network.b[l], Z)

    def forward(A_below: Any) -> Array:  # (m, fan_in)
        product(A_below, W, Z)  # Z = A_below W + b            (m, fan_out)
        add_b()
        value(Z, A)  # A = φ(Z)                                (m, fan_out)
        return A

    if not cache.dropout:
        return forward
    mask, dropped, keep = cache.masks[l], cache.inputs[l], 1.0 - cache.dropout

    def forward_and_drop(A_below: Any) -> Array:
        forward(A_below)
        kept = rng.random_sample(mask.shape) < keep
        np.divide(kept, keep, out=mask, casting="same_kind")
        return np.multiply(A, mask, out=dropped)  # A ∘ mask   (m, fan_out)

    return forward_and_drop


def hidden_backward(network: Any, cache: Cache, grads: Parameters, l: int, derivative: Function, sparse: bool) -> Layer:
    """Return the backward pass of hidden layer l + 1."""
    Z, A, dZ, slope, dZ_above = cache.Z[l], cache.A[l + 1], cache.dZ[l], cache.slopes[l], cache.dZ[l + 1]
    dA = cache.dA[l]  # in a training step the same array as dZ
    W_above_T, multiply, mask = network.W[l + 1].T, np.multiply, cache.masks[l] if cache.masks else None
    add_up = weight_gradients(cache, grads, l, sparse)

    def backward(A_below_T: Any) -> None:  # (fan_in, m)
        dZ_above.dot(W_above_T, dA)  # dA = dZ_above W_aboveᵀ         (m, fan_out)
        if mask is not None:
            multiply(dA, mask, dA)
        multiply(dA, derivative(Z, A, slope), dZ)  # dZ = dA ∘ φ'(Z)  (m, fan_out)
        add_up(A_below_T)

    return backward


def weight_gradients(cache: Cache, grads: Parameters, l: int, sparse: bool) -> Layer:
    """Return the function that turns the dZ of a layer into its dW and db."""
    dZ, dW, db = cache.dZ[l], grads.W[l], grads.b[l]
    product, sum_rows = product_into(dW, sparse), np.ones(len(dZ), dZ.dtype).dot

    def backward(A_below_T: Any) -> None:  # (fan_in, m)
        product(A_below_T, dZ, dW)  # dW = A_belowᵀ dZ                (fan_in, fan_out)
        sum_rows(dZ, db)  # db = 1ᵀ dZ                                (fan_out,)

    return backward


def output_layer(network: Any, cache: Cache, sparse: bool) -> tuple[Forward, Callable[[Array, Array, Any], None]]:
    """Return the forward pass of the output layer, and the function that fills its dZ from the loss."""
    W, b, A = network.W[-1], network.b[-1], cache.A[-1]
    dZ = cache.dZ[-1] if cache.dZ else A  # without gradients, nothing calls loss_gradient
    b = b.reshape(()) if b.size == 1 else b  # NumPy adds a number twice as fast as an array of one number
    probabilities, _, gradient = bind_output(network.loss_function, network.link, A)
    product, add, multiply = product_into(A, sparse), np.add, np.multiply

    def forward(A_below: Any, Z: Array) -> Array:  # (m, fan_in)
        product(A_below, W, Z)  # Z = A_below W + b            (m, n_L)
        add(Z, b, Z)
        probabilities(Z, A)  # A = link(Z)                     (m, n_L)
        return Z

    def loss_gradient(Z: Array, Y: Array, c: Any) -> None:
        gradient(Z, A, Y, dZ)
        multiply(dZ, c, dZ)  # dZ = c ∘ ∂ℓ/∂Z                  (m, n_L)

    return forward, loss_gradient


# The functions that an activation, a loss or a link returns from its own method bind must write into out and return
# out; they are tried once, and an error names the part that does not. Its plain methods may write into out, return
# their result, or do both: the function writing sees to it that the result is in out.


def bind_activation(phi: Any, Z: Array) -> tuple[Function, Function]:
    """Return value(Z, out) and derivative(Z, A, out) of an activation, for arrays of Z's shape and dtype."""
    if not binds(phi, "value", "derivative"):
        return writing(phi.value), writing(phi.derivative)
    value, derivative = phi.bind(Z)
    zeros, A, slope = np.zeros_like(Z), np.empty_like(Z), np.empty_like(Z)
    if value(zeros, A) is not A or derivative(zeros, A, slope) is not slope:
        raise TypeError(f"activation={phi!r}: the functions that bind returns must write into out and return it.")
    return value, derivative


def bind_output(loss: Any, link: Any, Z: Array) -> tuple[Function, Function, Function]:
    """Return probabilities(Z, out) of a link, value(Z, Y) and gradient(Z, A, Y, out) of a loss, for logits like Z."""
    bound = BoundLink(writing(link.probabilities), link.log_loss, writing(link.pullback), link.n_sides)
    if binds(link, "probabilities", "log_loss", "pullback"):
        bound = link.bind(Z)
    if not binds(loss, "value", "gradient"):
        return bound.probabilities, partial(loss.value, link=link), writing(gradient_with(loss, link))
    value, gradient = loss.bind(Z, bound)
    zeros, out = np.zeros_like(Z), np.empty_like(Z)
    if gradient(zeros, bound.probabilities(zeros, np.empty_like(Z)), zeros, out) is not out:
        raise TypeError(f"loss={loss!r}: the gradient that bind returns must write into out and return it.")
    return bound.probabilities, value, gradient


def binds(part: Any, *methods: str) -> bool:
    """Tell whether a part's bind can be used in place of its methods.

    It cannot if a subclass, or the object itself, overrides one of the methods without a bind to match.
    """
    order = type(part).__mro__

    def depth(name: str) -> int:
        return next((i for i, cls in enumerate(order) if name in vars(cls)), len(order))

    return depth("bind") <= min(map(depth, methods)) < len(order) and not {*methods} & {*getattr(part, "__dict__", ())}


def writing(function: Function) -> Function:
    """Return a function whose result is always in its last argument, out.

    The function that is given may write its result into out, return it, or do both.
    """

    def into_out(*arguments: Any) -> Any:
        out = arguments[-1]
        result = function(*arguments)
        if result is not None and result is not out:
            out[...] = result
        return out

    return into_out
