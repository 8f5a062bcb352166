"""What activations, links and losses are called on a page, and their equations in words and in numbers.

Nothing is computed here: the numbers come from a network's own arrays. A part that is not the package's own is called
by the name of its class.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from .._core.kernels import Array
from ..activations import ACTIVATIONS, Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from ..losses import LINKS, LOSSES, LogLoss, SigmoidLink, SoftmaxLink, SquaredError
from .numbers import MOST, Used, digits, factor, long_total, traced

# φ(z) and φ'(z)
ACTIVATION_WORDS = {
    Relu: ("max(z, 0)", "1 where z > 0, else 0"),
    LeakyRelu: ("z where z > 0, else slope·z", "1 where z > 0, else slope"),
    Elu: ("z where z > 0, else slope·(exp(z) − 1)", "1 where z > 0, else slope·exp(z)"),
    Gelu: ("z·Φ(z) with the normal distribution function Φ", "Φ(z) + z·exp(−z²/2)/√(2π)"),
    Silu: ("z·σ(z) with σ(z) = 1 / (1 + exp(−z))", "σ(z) + z·σ(z)·(1 − σ(z))"),
    Softplus: ("log(1 + exp(z))", "1 / (1 + exp(−z))"),
    Tanh: ("(exp(z) − exp(−z)) / (exp(z) + exp(−z))", "1 − tanh(z)²"),
    Sigmoid: ("1 / (1 + exp(−z))", "sigmoid(z)·(1 − sigmoid(z))"),
    Identity: ("z", "1"),
}


class Words(NamedTuple):
    """One equation.

    Attributes
    ----------
    formula : str
        Its right side.
    worked : str
        The same for one entry, in numbers: a traced text.
    used : mapping of str to Index
        The entries of arrays that go into it.
    note : str
        What the formula does not say.
    """

    formula: str
    worked: str
    used: Used
    note: str = ""


def part_name(registry: Any, part: Any) -> str:
    """Return the registered name of an activation, a loss or a link; for any other part, the name of its class."""
    names = (name for name, cls in registry.items() if cls is type(part))
    return next(names, type(part).__name__)


def activation_notes(phi: Any) -> tuple[str, str]:
    """Return the equations of φ and of φ'; empty strings for an activation that is not the package's own."""
    if type(phi) not in ACTIVATION_WORDS:
        return "", ""
    name, words = part_name(ACTIVATIONS, phi), ACTIVATION_WORDS[type(phi)]
    value, slope = (text.replace("slope", digits(getattr(phi, "slope", 0))) for text in words)
    return f"{name}(z) = {value}", f"{name}'(z) = {slope}"


@dataclass(frozen=True)
class OutputWords:
    """The equations of the output layer, for output k of sample i.

    Attributes
    ----------
    loss, link : Loss, Link
        Of the network.
    Z, A : str
        What its logits and its probabilities are called.
    z, a, y : ndarray of shape (n_outputs,)
        Logits, probabilities and targets of the sample.
    i, k : int
        The sample and the output.
    """

    loss: Any
    link: Any
    Z: str
    A: str
    z: Array
    a: Array
    y: Array
    i: int
    k: int

    def probabilities(self) -> Words:
        """Return A = link(Z)."""
        name, Z, z, k = part_name(LINKS, self.link), self.Z, self.z, self.k
        formula = f"{name}({Z})"
        if type(self.link) is SigmoidLink:
            worked = f"1 / (1 + exp(−{factor(Z, z[k])}))"
            return Words(formula, worked, {Z: (self.i, k)}, "sigmoid(z) = 1 / (1 + exp(−z))")
        if type(self.link) is SoftmaxLink:
            worked = f"exp({traced(Z, z[k])}) / ({self._exponentials()})"
            return Words(formula, worked, {Z: (self.i, None)}, "softmax(z)ₖ = exp(zₖ) / Σⱼ exp(zⱼ), row by row")
        worked = f"{name}({vector(Z, z)})" + (f"[{k}]" if len(z) > 1 else "")
        return Words(formula, worked, {Z: (self.i, None)})

    def losses(self) -> Words:
        """Return the loss of each sample."""
        Z, A, targets, kind, link = self.Z, self.A, self._targets("Y"), type(self.loss), type(self.link)
        single, used = len(self.z) == 1, {self.Z: (self.i, None), "Y": (self.i, None)}
        if kind is LogLoss and link is SigmoidLink:
            formula = f"log(1 + exp({Z})) − {targets} {Z}"
            formula = formula if single else f"Σₖ (log(1 + exp({Z})) − {targets} {Z})"
            note = f"the same as −Y log {A} − (1 − Y) log(1 − {A}), and exact where {A} rounds to 0 or 1"
            terms = self._sum(lambda k: f"log(1 + exp({traced(Z, self.z[k])})) − {self._product(k)}", "({})")
            return Words(formula, terms, used, "" if self.loss.label_smoothing else note)
        if kind is LogLoss and link is SoftmaxLink:
            counted = [k for k, y in enumerate(self.y) if y or self.loss.label_smoothing] or [0]
            taken = long_total(lambda k: self._product(counted[k]), self.y[counted])
            taken = taken if len(counted) == 1 else f"({taken})"
            note = f"the same as −log {A} at the class of the sample, and exact where {A} rounds to 0"
            note = "" if self.loss.label_smoothing else note
            formula = f"log Σₖ exp({Z}) − Σₖ {targets} {Z}"
            return Words(formula, f"log({self._exponentials()}) − {taken}", used, note)
        if kind is SquaredError:
            formula = f"½ ({A} − Y)²" if single else f"½ Σₖ ({A} − Y)²"
            terms = self._sum(lambda k: f"({traced(A, self.a[k])} − {factor('Y', self.y[k])})²", "{}")
            return Words(formula, f"½·{terms}" if single else f"½·({terms})", {A: (self.i, None), "Y": (self.i, None)})
        name = part_name(LOSSES, self.loss)
        return Words(f"{name}({Z}, Y)", f"{name}({vector(Z, self.z)}, {vector('Y', self.y)})", used)

    def gradient(self, value: float) -> Words:
        """Return ∂ℓ/∂Z of each sample; value is that of the entry, for a loss whose equation is not known."""
        A, a, entry, kind, link = self.A, self.a, (self.i, self.k), type(self.loss), type(self.link)
        error = f"({traced(A, a[self.k])} − {self._target(self.k)})"
        if kind is LogLoss:
            return Words(f"({A} − {self._targets('Y')})", error, {A: entry, "Y": entry})
        if kind is SquaredError and link is SigmoidLink:
            worked = f"{error}·{traced(A, a[self.k])}·(1 − {traced(A, a[self.k])})"
            return Words(f"({A} − Y) ∘ {A} ∘ (1 − {A})", worked, {A: entry, "Y": entry})
        if kind is SquaredError and link is SoftmaxLink:
            means = self._sum(lambda k: f"{traced(A, a[k])}·({traced(A, a[k])} − {self._target(k)})", "{}")
            row = (self.i, None)
            formula = f"{A} ∘ (E − Σₖ {A} ∘ E)"
            return Words(formula, f"{traced(A, a[self.k])}·({error} − ({means}))", {A: row, "Y": row}, f"E = {A} − Y")
        row = (self.i, None)
        return Words("∂losses/∂" + self.Z, f"({digits(value)})", {self.Z: row, A: row, "Y": row})

    def _sum(self, term: Any, several: str) -> str:
        """Return Σ_k of a term; ``several`` is the format of each term if there are several outputs."""
        return term(0) if len(self.z) == 1 else long_total(lambda k: several.format(term(k)), self.a)

    def _exponentials(self) -> str:
        return long_total(lambda k: f"exp({traced(self.Z, self.z[k])})", self.a)

    def _product(self, k: int) -> str:
        """Return y_k z_k."""
        return f"{self._target(k)}·{factor(self.Z, self.z[k])}"

    def _target(self, k: int) -> str:
        """Return y_k; with label smoothing, as the loss sees it."""
        return self._targets(factor("Y", self.y[k]), "·")

    def _targets(self, y: str, times: str = " ") -> str:
        s = getattr(self.loss, "label_smoothing", 0) if type(self.loss) is LogLoss else 0
        if not s:
            return y
        return f"({digits(1 - s)}{times}{y} + {digits(s / self.link.n_sides(len(self.z)))})"


def vector(name: str, row: Array) -> str:
    """Return the first numbers of a row, in brackets unless there is only one."""
    numbers = [traced(name, x) for x in row[:MOST]] + ["…"] * (len(row) > MOST)
    return numbers[0] if len(row) == 1 else f"[{', '.join(numbers)}]"
