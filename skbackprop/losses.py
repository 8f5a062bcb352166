r"""Losses on logits, and the links that turn logits into probabilities.

Logits Z, targets Y and probabilities A all have shape (n_rows, n_outputs).

**Links.** Both are the gradient of a log-partition function F, which is what makes the log loss so simple:

=========  ================================  ==============================  =============================
link       A = ∇F(z)                         F(z), per row                   dZ from dA (the full Jacobian)
=========  ================================  ==============================  =============================
sigmoid    a_k = 1 / (1 + exp(-z_k))         Σ_k log(1 + exp(z_k))           dA ∘ A ∘ (1 - A)
softmax    a_k = exp(z_k) / Σ_j exp(z_j)     log Σ_k exp(z_k)                A ∘ (dA - Σ_k a_k dA_k)
=========  ================================  ==============================  =============================

**Losses**, per row:

==============  =========================  ==================================
loss            ℓ(z, y)                    dZ = ∂ℓ/∂z
==============  =========================  ==================================
log_loss        F(z) - Σ_k y_k z_k         A - Y
squared_error   ½ Σ_k (a_k - y_k)²         the link's Jacobian times (A - Y)
==============  =========================  ==================================

One output is the binary case, softmax over K outputs the multiclass case with one-hot Y, sigmoid over L outputs the
multilabel case (their sum over labels). Nothing is clipped and no ε is added: the terms of F(z) - Σ y z that cancel are
taken off each other first, so that the log loss of any logits is exact.

To add a loss, write a class with ``value`` and ``gradient`` and enter it with ``@LOSSES.register("name")``.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from .activations import Array, full, log1p_exp_minus_abs, positive_part
from .registry import Configurable, Registry, check_number

MANY = 32  # outputs beyond which a row's maximum is found fastest where it stands

LINKS = Registry("link", ("probabilities", "log_probabilities", "log_loss", "pullback", "n_sides"))
LOSSES = Registry("loss", ("value", "gradient"))


class Link(Protocol):
    """What an output link must have."""

    def probabilities(self, Z: Array, out: Array | None = None) -> Array:
        """Return A, written into out if given."""

    def both_sides(self, Z: Array, out: Array) -> Array:
        """Write 1 - a and a of a single output into the two columns of out; of the links of one output only."""

    def log_probabilities(self, Z: Array) -> Array:
        """Return log A, exact where A itself rounds to 0 or 1."""

    def log_loss(self, Z: Array, Y: Array) -> Array:
        """Return F(z) - Σ_k y_k z_k of each row, shape (n_rows,)."""

    def pullback(self, A: Array, dA: Array) -> Array:
        """Turn dA = ∂ℓ/∂A into dZ, in place, and return it."""

    def n_sides(self, n_outputs: int) -> int:
        """Return the number of outcomes among which a probability of one is shared."""

    def decide(self, Z: Array) -> Any:
        """Return the most probable outcome of each row: a truth value for each output, or the number of one."""

    def inverse(self, A: Array) -> Array:
        """Return logits whose probabilities are A."""


class Loss(Protocol):
    """What a loss must have."""

    def value(self, Z: Array, Y: Array, link: Link) -> Array:
        """Return ℓ of each row, shape (n_rows,)."""

    def gradient(self, Z: Array, A: Array, Y: Array, link: Link, out: Array) -> Array:
        """Write ∂ℓ/∂Z of each row into out and return it; A is link.probabilities(Z)."""


@LINKS.register("sigmoid")
class SigmoidLink(Configurable):
    """Each output is a probability of its own: binary (one output) and multilabel targets.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import SigmoidLink
    >>> SigmoidLink().probabilities(np.array([[0.0], [2.0]])).round(3)
    array([[0.5  ],
           [0.881]])
    """

    def probabilities(self, Z: Array, out: Array | None = None) -> Array:
        return expit(Z, out)

    def both_sides(self, Z: Array, out: Array) -> Array:
        """Write 1 - a and a of one output into the two columns of out; neither is taken from one, which loses digits.

        The exponential is most of the work, and both share it. It may overflow: to an infinity, whose inverse is right.
        """
        E = np.exp(-Z)
        np.reciprocal(E, out[:, :1])
        out[:, 1:] = E
        out += 1  # 1 - a = 1 / (1 + exp(z)) and a = 1 / (1 + exp(-z))
        return np.reciprocal(out, out)

    def log_probabilities(self, Z: Array) -> Array:
        return np.minimum(Z, 0) - log1p_exp_minus_abs(Z)

    def log_loss(self, Z: Array, Y: Array) -> Array:
        losses, work = positive_part(Z), Y * Z
        losses -= work  # log(1 + exp(z)) = max(z, 0) + log1p(exp(-|z|)), and y z is taken off the first term
        losses += log1p_exp_minus_abs(Z, work)
        return losses[:, 0] if losses.shape[1] == 1 else losses.sum(axis=1)

    def pullback(self, A: Array, dA: Array) -> Array:
        dA *= A
        dA *= 1 - A
        return dA

    def n_sides(self, n_outputs: int) -> int:
        return 2

    def decide(self, Z: Array) -> Any:
        return Z > 0

    def inverse(self, A: Array) -> Array:
        return np.log(A) - np.log1p(-A)


@LINKS.register("softmax")
class SoftmaxLink(Configurable):
    """The outputs share a probability of one: multiclass targets.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import SoftmaxLink
    >>> SoftmaxLink().probabilities(np.array([[0.0, 2.0]])).round(3)
    array([[0.119, 0.881]])
    """

    def probabilities(self, Z: Array, out: Array | None = None) -> Array:
        A = np.subtract(Z, row_maxima(Z), out=out)
        np.exp(A, out=A)
        return np.divide(A, row_sums(A), out=A)

    def log_probabilities(self, Z: Array) -> Array:
        D, F = shifted(Z)
        return np.subtract(D, F, out=D)

    def log_loss(self, Z: Array, Y: Array) -> Array:
        D, F = shifted(Z)  # F(z) - Σ_k y_k z_k is the same for both, since the y of a row sum to one
        D *= Y
        F -= row_sums(D)
        return F[:, 0]

    def pullback(self, A: Array, dA: Array) -> Array:
        dA -= np.einsum("ik,ik->i", A, dA)[:, np.newaxis]
        dA *= A
        return dA

    def n_sides(self, n_outputs: int) -> int:
        return n_outputs

    def decide(self, Z: Array) -> Any:
        return Z.argmax(axis=1)

    def inverse(self, A: Array) -> Array:
        return np.log(A)


@LOSSES.register("log_loss")
class LogLoss(Configurable):
    """The negative log-likelihood F(z) - Σ_k y_k z_k.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.0
        Share of each target that is spread evenly over the classes: y becomes (1 - s) y + s / K, with K = 2 for a
        sigmoid output (Szegedy et al., 2015, arXiv:1512.00567, section 7).

    Examples
    --------
    Exact where the probability rounds to one:

    >>> import numpy as np
    >>> from skbackprop.losses import LogLoss, SigmoidLink
    >>> LogLoss().value(np.array([[1000.0]]), np.array([[0.0]]), SigmoidLink())
    array([1000.])
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        check_number(self, "label_smoothing", label_smoothing, 0, 1)
        self.label_smoothing = label_smoothing

    def value(self, Z: Array, Y: Array, link: Link) -> Array:
        return link.log_loss(Z, self._smooth(Y, link))

    def gradient(self, Z: Array, A: Array, Y: Array, link: Link, out: Array) -> Array:
        return np.subtract(A, self._smooth(Y, link), out)

    def _smooth(self, Y: Array, link: Link) -> Array:
        s = self.label_smoothing
        return (1 - s) * Y + s / link.n_sides(Y.shape[1]) if s else Y


@LOSSES.register("squared_error")
class SquaredError(Configurable):
    """Half the squared distance between probabilities and targets, ½ Σ_k (a_k - y_k)².

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import SigmoidLink, SquaredError
    >>> SquaredError().value(np.array([[0.0]]), np.array([[1.0]]), SigmoidLink())
    array([0.125])
    """

    def value(self, Z: Array, Y: Array, link: Link) -> Array:
        E = link.probabilities(Z) - Y
        return 0.5 * np.einsum("ik,ik->i", E, E)

    def gradient(self, Z: Array, A: Array, Y: Array, link: Link, out: Array) -> Array:
        return link.pullback(A, np.subtract(A, Y, out=out))


def shifted(Z: Array) -> tuple[Array, Array]:
    """Return Z less the greatest number of each row, which no exponential can overflow, and softmax's F of that."""
    D = Z - row_maxima(Z)
    return D, np.log(row_sums(np.exp(D)))


def row_maxima(Z: Array) -> Array:
    """Return the greatest number of each row, as a column."""
    if len(Z) == 1 or Z.shape[1] > MANY:
        return Z.max(axis=1, keepdims=True)
    return Z.T.copy().max(axis=0)[:, np.newaxis]  # NumPy reduces short rows slowly


def row_sums(A: Array) -> Array:
    """Return the sum of each row, as a column: by a product, since NumPy reduces short rows slowly."""
    return A.dot(full((A.shape[1], 1), 1, A.dtype))
