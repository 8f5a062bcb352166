"""One hidden layer: what a batch goes through, forward and backward, line by line and without a loop over the layers.

These are the equations of :mod:`skbackprop.network`, in the same order and with the same bits; the tests see to that.
They stand here once more because small batches are the common case, and Python's own share of their time is large: with
every array bound to its name once a fit, a step of 32 rows takes a sixth less time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .activations import Array
from .arrays import Parameters, addable, product_into, row_adder

if TYPE_CHECKING:
    from .network import Network

Gradient = Callable[[Any, Array, Any, Array], None]


def two_layer_gradient(network: Network, grads: Parameters, n_rows: int, sparse: bool = False) -> Gradient:
    """Return gradient(X, Y, c, Z2), which writes the logits into Z2 and Σ_i c_i ∂ℓ_i/∂θ into grads.

    Parameters
    ----------
    network : Network
        With one hidden layer.
    grads : Parameters
        Overwritten by each call.
    n_rows : int
        Rows of the batches.
    sparse : bool, default=False
        Whether X comes as SparseRows.
    """
    cache = network.work_arrays(n_rows)
    cache.prepare_backward()
    phi, loss, link = network.activations[0], network.loss_function, network.link
    (W1, W2), (b1, b2), (dW1, dW2), (db1, db2) = network.W, addable(network.b), grads.W, grads.b
    Z1, A1, A2, slope, (dZ1, dZ2) = cache.Z[0], cache.A[1], cache.A[2], cache.slopes[0], cache.dZ
    A1_T, W2_T, ones, add, multiply = A1.T, W2.T, cache.ones, np.add, np.multiply
    product_Z1, product_dW1, add_b1 = product_into(Z1, sparse), product_into(dW1, sparse), row_adder(b1, Z1)
    product_Z2, product_dW2 = product_into(cache.Z[1]), product_into(dW2)

    def gradient(X: Any, Y: Array, c: Any, Z2: Array) -> None:
        product_Z1(X, W1, Z1)
        add_b1()  # Z1 = X W1 + b1
        phi.value(Z1, A1)  # A1 = φ(Z1)
        product_Z2(A1, W2, Z2)
        add(Z2, b2, Z2)  # Z2 = A1 W2 + b2
        link.probabilities(Z2, A2)  # A2 = link(Z2)

        loss.gradient(Z2, A2, Y, link, dZ2)
        multiply(dZ2, c, dZ2)  # dZ2 = c ∘ ∂ℓ/∂Z2
        product_dW2(A1_T, dZ2, dW2)  # dW2 = A1ᵀ dZ2
        ones.dot(dZ2, db2)  # db2 = 1ᵀ dZ2
        dA1 = dZ2.dot(W2_T, dZ1)  # dA1 = dZ2 W2ᵀ
        multiply(dA1, phi.derivative(Z1, A1, slope), dZ1)  # dZ1 = dA1 ∘ φ'(Z1), in dA1's place
        product_dW1(X.T, dZ1, dW1)  # dW1 = Xᵀ dZ1
        ones.dot(dZ1, db1)  # db1 = 1ᵀ dZ1

    return gradient
