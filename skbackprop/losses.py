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

One output is the binary case, softmax over K outputs the multiclass case with one-hot Y, sigmoid over L outputs the
multilabel case (their sum over labels). Nothing is clipped and no ε is added: the terms of F(z) - Σ y z that cancel are
taken off each other first, so that the log loss of any logits is exact.

To add a loss, write a class with ``value`` and ``gradient`` and enter it with ``@LOSSES.register("name")``. Losses and
links may have a method ``bind`` too, which returns functions with work arrays of their own, made once and not in every
step; and ``check_targets``, which says what is wrong with targets that they cannot take.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.special import expit

from ._core.kernels import Array, log1p_exp_minus_abs, row_maxima, row_sums
from .registry import Configurable, Registry, number

LINKS = Registry("link", ("probabilities", "log_probabilities", "log_loss", "pullback", "n_sides"))
LOSSES = Registry("loss", ("value", "gradient"))
SUM_TOLERANCE = 1e-4  # what targets of a sample may differ from a sum of one, in float32 and with many classes too


class Link(Protocol):
    """What an output link has: to train a ``Network`` needs what the registry asks for, prediction the rest.

    A method ``check_targets(Y)`` may raise for targets of which ``log_loss`` makes no sense, as in :class:`Loss`.
    """

    def probabilities(self, Z: Array, out: Array | None = None) -> Array:
        """Return A of shape (m, n_outputs), written into out if given."""

    def both_sides(self, Z: Array, out: Array) -> Array:
        """Write 1 - a and a of a single output into the two columns of out; of the links of one output only."""

    def log_probabilities(self, Z: Array) -> Array:
        """Return log A of shape (m, n_outputs), exact where A itself rounds to 0 or 1."""

    def log_loss(self, Z: Array, Y: Array) -> Array:
        """Return F(z) - Σ_k y_k z_k of each sample, shape (m,)."""

    def pullback(self, A: Array, dA: Array) -> Array:
        """Turn dA = ∂ℓ/∂A of shape (m, n_outputs) into dZ, in place, and return it."""

    def n_sides(self, n_outputs: int) -> int:
        """Return the number of outcomes among which a probability of one is shared."""

    def decide(self, Z: Array) -> Any:
        """Return the most probable outcome of each sample: a truth value for each output, or the number of one."""

    def inverse(self, A: Array) -> Array:
        """Return logits whose probabilities are A."""


class Loss(Protocol):
    """What a loss must have.

    A method ``check_targets(Y, link)`` may raise a ValueError that names the remedy, for finite targets of shape
    (m, n_outputs) that the loss cannot take; without it, all are taken. ``Network`` asks it.
    """

    def value(self, Z: Array, Y: Array, link: Link) -> Array:
        """Return ℓ of each sample, shape (m,), for logits and targets of shape (m, n_outputs)."""

    def gradient(self, Z: Array, A: Array, Y: Array, link: Link, out: Array) -> Array:
        """Write ∂ℓ/∂Z of each sample into out, shape (m, n_outputs), and return it; A is link.probabilities(Z)."""


class BoundLink(NamedTuple):
    """What a loss asks of a link, with work arrays for logits of one shape."""

    probabilities: Callable[..., Array]
    log_loss: Callable[..., Array]
    pullback: Callable[..., Array]
    n_sides: Callable[[int], int]


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
        return expit(Z, out=out)

    def both_sides(self, Z: Array, out: Array) -> Array:
        """Write 1 - a and a of one output into the two columns of out; neither is taken from one, which loses digits.

        The exponential is most of the work, and both share it. It may overflow: to an infinity, whose inverse is right.
        """
        E = np.exp(-Z)
        np.reciprocal(E, out[:, :1])
        out[:, 1:] = E
        return np.reciprocal(np.add(out, 1, out), out)  # 1 - a = 1 / (1 + exp(z)) and a = 1 / (1 + exp(-z))

    def log_probabilities(self, Z: Array) -> Array:
        return np.minimum(Z, 0) - log1p_exp_minus_abs(Z)

    def log_loss(self, Z: Array, Y: Array, zeros: Any = 0, losses: Any = None, work: Any = None) -> Array:
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
        return BoundLink(self.probabilities, log_loss, partial(self.pullback, work=work), self.n_sides)

    def n_sides(self, n_outputs: int) -> int:
        return 2

    def decide(self, Z: Array) -> Any:
        return Z > 0

    def inverse(self, A: Array) -> Array:
        return np.log(A) - np.log1p(-A)

    def check_targets(self, Y: Array) -> None:
        check_between_0_and_1(Y)


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

    def probabilities(self, Z: Array, out: Array | None = None, columns: Any = None, ones: Any = None) -> Array:
        A = np.subtract(Z, row_maxima(Z, columns), out=out)
        np.exp(A, out=A)
        return np.divide(A, row_sums(A, ones), out=A)

    def log_probabilities(self, Z: Array) -> Array:
        D, F = shifted(Z)
        return np.subtract(D, F, out=D)

    def log_loss(self, Z: Array, Y: Array, work: Any = (None,)) -> Array:
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

    def decide(self, Z: Array) -> Any:
        return Z.argmax(axis=1)

    def inverse(self, A: Array) -> Array:
        return np.log(A)

    def check_targets(self, Y: Array) -> None:
        check_between_0_and_1(Y)
        sums = Y.sum(axis=1)
        i = int(np.argmax(np.abs(sums - 1)))
        if abs(sums[i] - 1) > SUM_TOLERANCE:
            remedy = f"Class numbers y become such rows with np.eye({Y.shape[1]})[y]"
            remedy += "; labels that do not exclude each other want link='sigmoid'"
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
    Exact where the probability rounds to one:

    >>> import numpy as np
    >>> from skbackprop.losses import LogLoss, SigmoidLink
    >>> LogLoss().value(np.array([[1000.0]]), np.array([[0.0]]), SigmoidLink())
    array([1000.])
    """

    label_smoothing: float = number(0.0, 0, 1)

    def value(self, Z: Array, Y: Array, link: Any, work: Array | None = None) -> Array:
        return link.log_loss(Z, self._smooth(Y, link, work))

    def gradient(self, Z: Array, A: Array, Y: Array, link: Any, out: Array) -> Array:
        return np.subtract(A, self._smooth(Y, link, out), out)

    def _smooth(self, Y: Array, link: Any, out: Array | None) -> Array:
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

    def check_targets(self, Y: Array, link: Any) -> None:
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

    def value(self, Z: Array, Y: Array, link: Any, work: Array | None = None) -> Array:
        E = link.probabilities(Z, work)
        E -= Y
        return 0.5 * np.einsum("ik,ik->i", E, E)

    def gradient(self, Z: Array, A: Array, Y: Array, link: Any, out: Array) -> Array:
        return link.pullback(A, np.subtract(A, Y, out=out))

    def bind(self, Z: Array, link: BoundLink) -> tuple[Callable[..., Array], Callable[..., Array]]:
        """Return value(Z, Y) and gradient(Z, A, Y, out) for logits like Z."""
        return partial(self.value, link=link, work=np.empty_like(Z)), gradient_with(self, link)


def gradient_with(loss: Loss, link: Any) -> Callable[..., Array]:
    """Return gradient(Z, A, Y, out) of a loss with this link."""

    def gradient(Z: Array, A: Array, Y: Array, out: Array) -> Array:
        return loss.gradient(Z, A, Y, link, out)

    return gradient


def shifted(Z: Array, ones: Any = None, columns: Any = None, D: Any = None, E: Any = None, ties: Any = None) -> Any:
    """Return D, Z less the maximum of each sample, which no exponential can overflow, and softmax's F of that.

    F = log Σ_k exp(d_k), where the exponential of the maximum is one: log1p of the others keeps the digits that a sum
    with a one in it would lose. The last five are work arrays: a column of ones, one like Z.T, and three like Z.
    """
    D = np.subtract(Z, row_maxima(Z, columns), out=D)
    E = np.exp(D, out=E)
    ties = np.floor(E, out=ties)  # 1 for the maximum, and for what ties with it
    E -= ties
    return D, np.log1p(row_sums(E, ones) + (row_sums(ties, ones) - 1))


def check_between_0_and_1(Y: Array) -> None:
    """Raise ValueError, with the remedy, for targets that are neither 0 and 1 nor probabilities."""
    low, high = Y.min(), Y.max()
    if low < 0 or high > 1:
        found = f"it holds numbers from {low:g} to {high:g}"
        raise ValueError(f"Y must lie in [0, 1], 0 and 1 or probabilities; {found}. {remedy_for(np.unique(Y))}")


def remedy_for(values: Array) -> str:
    """Say how to make targets of labels that are other numbers than 0 and 1, of which these are the different ones."""
    low, high = float(values[0]), float(values[-1])
    low, high = (-1.0, 1.0) if low == -1 and high in (-1, 1) else (low, high)
    shifted = "y" if low == 0 else f"y {'-' if low > 0 else '+'} {abs(low):g}"
    whole = low < high and (values == np.floor(values)).all()
    if whole and len(values) <= 2:
        formula = (f"({shifted}) / {high - low:g}" if low else f"y / {high:g}") if high - low > 1 else shifted
        return f"Labels {low:g} and {high:g} become targets with {formula}."
    if whole and low >= 0:
        K = f"{high - low + 1:g}"
        return f"Class numbers become targets of {K} outputs, one for each class, with np.eye({K})[{shifted}]."
    return "Make them 0 and 1, or take loss='squared_error' for targets that are real numbers."
