r"""Losses on logits, and the links that turn logits into probabilities.

Logits Z, targets Y and probabilities A all have shape (m, n_outputs), for m samples.

**Links.** Both are the gradient of a log-partition function F, which is what makes the log loss so simple:

=========  ================================  ==============================  =============================
link       A = ∇F(z)                         F(z), per sample                dZ from dA (the full Jacobian)
=========  ================================  ==============================  =============================
sigmoid    a_k = 1 / (1 + exp(-z_k))         Σ_k log(1 + exp(z_k))           dA ∘ A ∘ (1 - A)
softmax    a_k = exp(z_k) / Σ_j exp(z_j)     log Σ_k exp(z_k)                A ∘ (dA - Σ_k a_k dA_k)
=========  ================================  ==============================  =============================

**Losses**, per sample:

==============  =========================  ==================================
loss            ℓ(z, y)                    dZ = ∂ℓ/∂z
==============  =========================  ==================================
log_loss        F(z) - Σ_k y_k z_k         A - Y
squared_error   ½ Σ_k (a_k - y_k)²         the link's Jacobian times (A - Y)
==============  =========================  ==================================

Sigmoid with one output is the binary case, softmax over K outputs the multiclass case with one-hot Y, and sigmoid over
several outputs the multilabel case, where the losses of the labels add up. Nothing is clipped and no ε is added: the
terms of F(z) - Σ y z that cancel are subtracted from each other first, so that the log loss is exact for any logits.

To add a loss, write a class with ``value`` and ``gradient`` and register it with ``@LOSSES.register("name")``. Losses
and links may also have a method ``bind``, which returns functions with work arrays of their own, made once and not in
every step, and a method ``check_targets``, which raises for targets that they cannot take and says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ._core.kernels import Array, log1p_exp_minus_abs, row_maxima, row_sums
from .registry import Configurable, Registry, number

Work = Array | None  # an array to write into, which a training step has made once

LINKS: "Registry[Link]" = Registry("link", ("probabilities", "log_probabilities", "log_loss", "pullback", "n_sides"))
LOSSES: "Registry[Loss]" = Registry("loss", ("value", "gradient"))
SUM_TOLERANCE = 1e-4  # by how much the sum of a sample's targets may differ from one: enough for float32, many classes


class Link(Protocol):
    """The protocol of an output link: training a ``Network`` needs the methods that ``LINKS`` requires.

    Prediction needs ``decide``, and for a single output ``both_sides(Z, out)``, which writes 1 - a and a into the two
    columns of out and returns it. A method ``check_targets(Y)`` may raise for targets that ``log_loss`` cannot take, as
    in :class:`Loss`.
    """

    def probabilities(self, Z: Array, out: Array | None = None) -> Array:
        """Return A of shape (m, n_outputs), written into out if given."""

    def log_probabilities(self, Z: Array) -> Array:
        """Return log A of shape (m, n_outputs), exact where A itself rounds to 0 or 1."""

    def log_loss(self, Z: Array, Y: Array) -> Array:
        """Return F(z) - Σ_k y_k z_k of each sample, shape (m,)."""

    def pullback(self, A: Array, dA: Array) -> Array:
        """Turn dA = ∂ℓ/∂A of shape (m, n_outputs) into dZ, in place, and return it."""

    def n_sides(self, n_outputs: int) -> int:
        """Return the number of outcomes whose probabilities sum to one: 2 for sigmoid, n_outputs for softmax."""

    def decide(self, Z: Array) -> NDArray[Any]:
        """Return the most probable outcome of each sample: a bool for each output, or the index of one output."""

    def inverse(self, A: Array) -> Array:
        """Return logits whose probabilities are A."""


class Loss(Protocol):
    """The protocol of a loss.

    A method ``check_targets(Y, link)``, which ``Network`` calls, may raise a ValueError that says what to do, for
    finite targets of shape (m, n_outputs) that the loss cannot take. Without this method, all targets are accepted.
    """

    def value(self, Z: Array, Y: Array, link: Link) -> Array:
        """Return ℓ of each sample, shape (m,), for logits and targets of shape (m, n_outputs)."""

    def gradient(self, Z: Array, A: Array, Y: Array, link: Link, out: Array) -> Array:
        """Write ∂ℓ/∂Z of each sample into out, shape (m, n_outputs), and return it; A is link.probabilities(Z)."""


class BoundLink(NamedTuple):
    """The functions of a link that a loss needs, with work arrays for logits of one shape."""

    probabilities: Callable[..., Array]
    log_loss: Callable[..., Array]
    pullback: Callable[..., Array]
    n_sides: Callable[[int], int]


@LINKS.register("sigmoid")
class SigmoidLink(Configurable):
    """Each output has a probability of its own: for binary targets (one output) and multilabel targets.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import SigmoidLink
    >>> SigmoidLink().probabilities(np.array([[0.0], [2.0]])).round(3)
    array([[0.5  ],
           [0.881]])
    """

    def probabilities(self, Z: Array, out: Array | None = None) -> Array:
        return expit(Z, out=out)

    def both_sides(self, Z: Array, out: Array) -> Array:
        """Write 1 - a and a of one output into the two columns of out, neither by subtraction, which loses digits.

        Both use the same exponential, which is most of the work. If it overflows to infinity, its inverse 0 is right.
        """
        E = np.exp(-Z)
        np.reciprocal(E, out[:, :1])
        out[:, 1:] = E
        return np.reciprocal(np.add(out, 1, out), out)  # 1 - a = 1 / (1 + exp(z)) and a = 1 / (1 + exp(-z))

    def log_probabilities(self, Z: Array) -> Array:
        return np.minimum(Z, 0) - log1p_exp_minus_abs(Z)

    def log_loss(self, Z: Array, Y: Array, zeros: ArrayLike = 0, losses: Work = None, work: Work = None) -> Array:
        losses, work = np.maximum(Z, zeros, out=losses), np.multiply(Y, Z, out=work)
        losses -= work  # max(z, 0) - y z
        losses += log1p_exp_minus_abs(Z, work)  # + log(1 + exp(-|z|))
        return losses[:, 0] if losses.shape[1] == 1 else losses.sum(axis=1)

    def pullback(self, A: Array, dA: Array, work: Array | None = None) -> Array:
        dA *= A
        return np.multiply(dA, np.subtract(1, A, out=work), out=dA)

    def bind(self, Z: Array) -> BoundLink:
        zeros, losses, work = np.zeros_like(Z), np.empty_like(Z), np.empty_like(Z)
        log_loss = partial(self.log_loss, zeros=zeros, losses=losses, work=work)
        return BoundLink(expit, log_loss, partial(self.pullback, work=work), self.n_sides)

    def n_sides(self, n_outputs: int) -> int:
        return 2

    def decide(self, Z: Array) -> NDArray[Any]:
        return Z > 0

    def inverse(self, A: Array) -> Array:
        return np.log(A) - np.log1p(-A)

    def check_targets(self, Y: Array) -> None:
        check_between_0_and_1(Y)


@LINKS.register("softmax")
class SoftmaxLink(Configurable):
    """The probabilities of the outputs sum to one: for multiclass targets.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.losses import SoftmaxLink
    >>> SoftmaxLink().probabilities(np.array([[0.0, 2.0]])).round(3)
    array([[0.119, 0.881]])
    """

    def probabilities(self, Z: Array, out: Work = None, columns: Work = None, ones: Work = None) -> Array:
        A = np.subtract(Z, row_maxima(Z, columns), out=out)
        np.exp(A, out=A)
        return np.divide(A, row_sums(A, ones), out=A)

    def log_probabilities(self, Z: Array) -> Array:
        D, F = shifted(Z)
        return np.subtract(D, F, out=D)

    def log_loss(self, Z: Array, Y: Array, work: tuple[Work, ...] = (None,)) -> Array:
        # F(d) - Σ_k y_k d_k = F(z) - Σ_k y_k z_k, as the y_k sum to one
        D, F = shifted(Z, *work)
        D *= Y
        return (F - row_sums(D, work[0]))[:, 0]

    def pullback(self, A: Array, dA: Array) -> Array:
        dA -= np.einsum("ik,ik->i", A, dA)[:, np.newaxis]
        return np.multiply(A, dA, out=dA)

    def bind(self, Z: Array) -> BoundLink:
        ones, columns = np.ones((Z.shape[1], 1), Z.dtype), np.empty(Z.shape[::-1], Z.dtype)
        work = ones, columns, np.empty_like(Z), np.empty_like(Z), np.empty_like(Z)
        probabilities = partial(self.probabilities, columns=columns, ones=ones)
        return BoundLink(probabilities, partial(self.log_loss, work=work), self.pullback, self.n_sides)

    def n_sides(self, n_outputs: int) -> int:
        return n_outputs

    def decide(self, Z: Array) -> NDArray[Any]:
        return Z.argmax(axis=1)

    def inverse(self, A: Array) -> Array:
        return np.log(A)

    def check_targets(self, Y: Array) -> None:
        check_between_0_and_1(Y)
        sums = Y.sum(axis=1)
        i = int(np.argmax(np.abs(sums - 1)))
        if abs(sums[i] - 1) > SUM_TOLERANCE:
            remedy = f"Class numbers y become such rows with np.eye({Y.shape[1]})[y]"
            remedy += "; for labels that do not exclude each other, use link='sigmoid'"
            raise ValueError(f"Each row of Y must sum to one for softmax; row {i} sums to {sums[i]:g}. {remedy}.")


@LOSSES.register("log_loss")
@dataclass(eq=False, repr=False)
class LogLoss(Configurable):
    """The negative log-likelihood F(z) - Σ_k y_k z_k.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.0
        Share of each target that is spread evenly over the classes: y becomes (1 - s) y + s / K, with K = 2 for a
        sigmoid output (Szegedy et al., 2015, arXiv:1512.00567, section 7).

    Examples
    --------
    The loss is exact even where the probability rounds to one:

    >>> import numpy as np
    >>> from skbackprop.losses import LogLoss, SigmoidLink
    >>> LogLoss().value(np.array([[1000.0]]), np.array([[0.0]]), SigmoidLink())
    array([1000.])
    """

    label_smoothing: float = number(0.0, 0, 1)

    def value(self, Z: Array, Y: Array, link: Link | BoundLink, work: Array | None = None) -> Array:
        return link.log_loss(Z, self._smooth(Y, link, work))

    def gradient(self, Z: Array, A: Array, Y: Array, link: Link | BoundLink, out: Array) -> Array:
        return np.subtract(A, self._smooth(Y, link, out), out)

    def _smooth(self, Y: Array, link: Link | BoundLink, out: Array | None) -> Array:
        s = self.label_smoothing
        if not s:
            return Y
        share = s / link.n_sides(Y.shape[1])
        return np.add(np.multiply(Y, 1 - s, out=out), share, out=out)

    def bind(self, Z: Array, link: BoundLink) -> tuple[Callable[..., Array], Callable[..., Array]]:
        """Return value(Z, Y) and gradient(Z, A, Y, out) for logits like Z."""
        if not self.label_smoothing:
            return link.log_loss, lambda Z, A, Y, out: np.subtract(A, Y, out)
        return partial(self.value, link=link, work=np.empty_like(Z)), gradient_with(self, link)

    def check_targets(self, Y: Array, link: Link) -> None:
        if hasattr(link, "check_targets"):
            link.check_targets(Y)


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

    def value(self, Z: Array, Y: Array, link: Link | BoundLink, work: Array | None = None) -> Array:
        E = link.probabilities(Z, work)
        E -= Y
        return 0.5 * np.einsum("ik,ik->i", E, E)

    def gradient(self, Z: Array, A: Array, Y: Array, link: Link | BoundLink, out: Array) -> Array:
        return link.pullback(A, np.subtract(A, Y, out=out))

    def bind(self, Z: Array, link: BoundLink) -> tuple[Callable[..., Array], Callable[..., Array]]:
        """Return value(Z, Y) and gradient(Z, A, Y, out) for logits like Z."""
        return partial(self.value, link=link, work=np.empty_like(Z)), gradient_with(self, link)


def gradient_with(loss: Loss, link: Any) -> Callable[..., Array]:
    """Return gradient(Z, A, Y, out) of a loss with this link."""

    def gradient(Z: Array, A: Array, Y: Array, out: Array) -> Array:
        return loss.gradient(Z, A, Y, link, out)

    return gradient


def shifted(
    Z: Array, ones: Work = None, columns: Work = None, D: Work = None, E: Work = None, ties: Work = None
) -> tuple[Array, Array]:
    """Return D, which is Z minus the maximum of each sample, and F(D) = log Σ_k exp(d_k).

    No exponential of D overflows, and that of the maximum is 1: log1p of the sum of the others keeps the digits that a
    sum with this 1 would lose. The last five are work arrays: a column of ones, one like Z.T, and three like Z.
    """
    D = np.subtract(Z, row_maxima(Z, columns), out=D)
    E = np.exp(D, out=E)
    ties = np.floor(E, out=ties)  # 1 for the maximum and its equals, else 0
    E -= ties
    return D, np.log1p(row_sums(E, ones) + (row_sums(ties, ones) - 1))


def check_between_0_and_1(Y: Array) -> None:
    """Raise ValueError, with the remedy, for targets that are neither 0 and 1 nor probabilities."""
    low, high = Y.min(), Y.max()
    if low < 0 or high > 1:
        found = f"it holds numbers from {low:g} to {high:g}"
        raise ValueError(f"Y must hold 0 and 1, or probabilities in [0, 1]; {found}. {remedy_for(np.unique(Y))}")


def remedy_for(values: Array) -> str:
    """Return a sentence that says how to turn labels with these distinct values into targets."""
    low, high = float(values[0]), float(values[-1])
    low, high = (-1.0, 1.0) if low == -1 and high in (-1, 1) else (low, high)
    from_zero = "y" if low == 0 else f"y {'-' if low > 0 else '+'} {abs(low):g}"
    whole = low < high and (values == np.floor(values)).all()
    if whole and len(values) <= 2:
        formula = (f"({from_zero}) / {high - low:g}" if low else f"y / {high:g}") if high - low > 1 else from_zero
        return f"Labels {low:g} and {high:g} become targets with {formula}."
    if whole and low >= 0:
        K = f"{high - low + 1:g}"
        return f"Class numbers become targets of {K} outputs, one for each class, with np.eye({K})[{from_zero}]."
    return "Make them 0 and 1, or use loss='squared_error' for targets that are real numbers."
