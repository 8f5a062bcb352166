"""The slips that students make, each with the array that it would give."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from .._core.kernels import Array
from .._core.layers import Function, writing
from ..activations import ACTIVATIONS
from ..losses import LINKS, LogLoss, SquaredError
from .shapes import DETAILS, TRANSPOSED, WRONG_AXIS
from .steps import Arrays, Steps, parsed

MEAN, SIGN, SLOPE = "1/m missing", "sign", "φ' missing"
SLOPE_AT_A, SLOPE_OF_A = "φ' taken at A instead of Z", "φ' as a formula in A, given Z"
PENALTY, UPDATED, NOT_UPDATED = "penalty left out", "W of after the update", "W of before an update"
SAME = 1e-6  # relative difference up to which a factor that was solved for counts as one of the known factors


@dataclass(frozen=True)
class Slip:
    """A slip: its name, and the details as a sentence fragment."""

    name: str
    detail: str = ""

    def along_with(self, other: "Slip | None") -> "Slip":
        """Return this slip and another as one."""
        return Slip(f"{self.name}; {other.name}", self.detail or other.detail) if other else self


@dataclass(frozen=True)
class OfFactor:
    """A slip with an unknown factor t: the array would be right - t · direction."""

    right: Array
    direction: Array
    told: Callable[[float], Slip]


@dataclass(frozen=True)
class Exercise:
    """What is known when slips are looked for: the passes, our arrays, and the learning rate, if it is given."""

    steps: Steps
    truth: Arrays
    learning_rate: float | None


Found = Iterator[tuple[Slip, Array] | OfFactor]


def slips(exercise: Exercise, name: str, arrays: Mapping[str, Array]) -> Found:
    """Yield the slips possible in the line that makes an array from the others, the most specific first."""
    right = exercise.steps.make(name, arrays)
    kind, l = parsed(name)
    yield from IN_LINE[kind](exercise, l, arrays)
    yield from factors(exercise.steps, kind, right)
    if right.ndim == 2 and right.shape == right.T.shape:
        yield Slip(TRANSPOSED, DETAILS[TRANSPOSED]), right.T
    yield OfFactor(right, right, times)


def slips_in_Z(exercise: Exercise, l: int, arrays: Mapping[str, Array]) -> Found:
    """Yield the slips of Zl = A(l-1) Wl + bl."""
    steps = exercise.steps
    W, b, A_below = steps.network.W[l - 1], steps.network.b[l - 1], steps.below(l, arrays)
    yield Slip("b left out"), A_below @ W
    if W.shape == W.T.shape:
        yield Slip("W transposed"), A_below @ W.T + b
    right = A_below @ W + b
    for gradients in (exercise.truth, arrays):  # the update may have used our gradients, or the student's
        dW, db = gradients[f"dW{l}"], gradients[f"db{l}"]
        yield from updated(exercise, right, A_below @ dW + db)
        yield from updated(exercise, right, A_below @ dW)


def slips_in_A(exercise: Exercise, l: int, arrays: Mapping[str, Array]) -> Found:
    """Yield the slips of Al = φ(Zl)."""
    Z = arrays[f"Z{l}"]
    yield Slip("φ missing", f"A{l} is Z{l}"), Z
    values: dict[str, Function] = {name: link().probabilities for name, link in LINKS.items()}
    values |= {name: phi().value for name, phi in ACTIVATIONS.items()}
    for name, value in values.items():
        yield Slip("another φ", f"{name}"), writing(value)(Z, np.empty_like(Z))
    yield Slip("softmax over the wrong axis"), LINKS["softmax"]().probabilities(Z.T.copy()).T


def slips_in_dZ(exercise: Exercise, l: int, arrays: Mapping[str, Array]) -> Found:
    """Yield the slips of dZl = dAl ∘ φ'(Zl); for the output layer, those of dZL = c ∘ ∂ℓ/∂ZL."""
    steps = exercise.steps
    if l == steps.n_layers:
        yield from slips_in_dZL(steps, arrays[f"Z{l}"], arrays[f"A{l}"])
        return
    Z, A, dA = arrays[f"Z{l}"], arrays[f"A{l}"], arrays[f"dA{l}"]
    yield Slip(SLOPE, f"dZ{l} = dA{l} ∘ φ'(Z{l})"), dA
    yield Slip(SLOPE_AT_A, f"dZ{l} = dA{l} ∘ φ'(Z{l})"), dA * steps.derivative(l, A, steps.activation(l, A))
    yield Slip(SLOPE_OF_A, f"the formula takes A{l}"), dA * steps.derivative(l, Z, Z)
    yield Slip("φ in place of φ'", f"A{l} is no slope"), dA * A
    for name, make in ACTIVATIONS.items():
        phi = make()
        value = writing(phi.value)(Z, np.empty_like(Z))
        yield Slip("φ' of another φ", name), dA * writing(phi.derivative)(Z, value, np.empty_like(Z))


def slips_in_dZL(steps: Steps, Z: Array, A: Array) -> Found:
    """Yield the slips of dZL = c ∘ ∂ℓ/∂ZL."""
    Y, c, link, loss = steps.Y, steps.c, steps.network.link, steps.network.loss_function
    names = {LogLoss: "label smoothing left out", SquaredError: SLOPE}
    yield Slip(names.get(type(loss), "gradient of the log loss"), "it is A - Y"), c * (A - Y)
    yield Slip(SLOPE_AT_A, "take the link's slope at Z"), c * link.pullback(steps.activation(steps.n_layers, A), A - Y)
    yield Slip(SLOPE_OF_A, "the formula takes A"), c * link.pullback(Z, A - Y)
    yield Slip("gradient of the squared error"), c * link.pullback(A, A - Y)
    yield Slip("softmax's derivative without its off-diagonal"), c * LINKS["sigmoid"]().pullback(A, A - Y)
    yield Slip("weights left out", "every sample counts alike"), steps.loss_gradient(Z, A) / len(Y)


def slips_in_dA(exercise: Exercise, l: int, arrays: Mapping[str, Array]) -> Found:
    """Yield the slips of dAl = dZ(l+1) W(l+1)ᵀ."""
    dZ, W = arrays[f"dZ{l + 1}"], exercise.steps.network.W[l]
    if W.shape == W.T.shape:
        yield Slip("W transposed"), dZ @ W
    yield from updated(exercise, dZ @ W.T, dZ @ arrays[f"dW{l + 1}"].T)


def slips_in_dW(exercise: Exercise, l: int, arrays: Mapping[str, Array]) -> Found:
    """Yield the slips of dWl = A(l-1)ᵀ dZl + alpha Wl."""
    steps, dZ = exercise.steps, arrays[f"dZ{l}"]
    W, A_below, alpha = steps.network.W[l - 1], steps.below(l, arrays), steps.alpha
    data = A_below.T @ dZ
    if alpha:
        yield Slip(PENALTY, f"dW{l} has the term alpha W{l}"), data
        for slip, wrong in factors(steps, "dW", data):
            yield slip, wrong + alpha * W
            yield slip.along_with(Slip(PENALTY)), wrong
    if l < steps.n_layers:
        yield Slip(SLOPE, f"dA{l} is used in place of dZ{l}"), A_below.T @ arrays[f"dA{l}"] + alpha * W
    if l > 1:
        yield Slip("Z in place of A", f"Z{l - 1}"), arrays[f"Z{l - 1}"].T @ dZ + alpha * W
    yield OfFactor(data + alpha * W, W, lambda t: penalty_of(alpha - t, alpha, len(steps.Y)))


def slips_in_db(exercise: Exercise, l: int, arrays: Mapping[str, Array]) -> Found:
    """Yield the slips of dbl = 1ᵀ dZl."""
    steps, dZ = exercise.steps, arrays[f"dZ{l}"]
    if dZ.shape == dZ.T.shape:
        yield Slip(WRONG_AXIS, DETAILS[WRONG_AXIS]), dZ.sum(axis=1)
    if l < steps.n_layers:
        yield Slip(SLOPE, f"dA{l} is used in place of dZ{l}"), arrays[f"dA{l}"].sum(axis=0)
    if steps.alpha:
        b = steps.network.b[l - 1]
        yield Slip("penalty on b", "biases are not penalised"), dZ.sum(axis=0) + steps.alpha * b


IN_LINE: dict[str, Callable[[Exercise, int, Mapping[str, Array]], Any]] = {
    "Z": slips_in_Z,
    "A": slips_in_A,
    "dZ": slips_in_dZ,
    "dA": slips_in_dA,
    "dW": slips_in_dW,
    "db": slips_in_db,
}


def factors(steps: Steps, kind: str, right: Array) -> Iterator[tuple[Slip, Array]]:
    """Yield the slips that multiply an array by a known factor."""
    m, total, n_outputs = len(steps.Y), float(steps.weights.sum()), steps.network.layer_sizes[-1]
    known = {1.0: ""}
    if kind not in ("Z", "A"):
        missing = f"a sum over the samples, {m} times their mean"
        known |= {total / m: "1/m in place of 1/Σw", 1 / m: "1/m twice", 1 / total: "1/m twice"}
        known |= {2.0: "factor 2", 0.5: "factor 1/2", 1 / n_outputs: "1/n_outputs too many"}
        known |= {float(m): MEAN, total: MEAN, 1.0: ""}
    for sign, (factor, name) in product((1, -1), known.items()):
        if sign * factor != 1:
            names = [SIGN] * (sign < 0) + [name] * (factor != 1)
            yield Slip("; ".join(names), missing if name == MEAN else ""), sign * factor * right


def updated(exercise: Exercise, right: Array, direction: Array) -> Found:
    """Yield the slips of using W after the update, W - learning_rate · dW, or W before the update that led to ours."""

    def told(t: float) -> Slip:
        rate = f"the learning rate was {abs(t):.4g}"
        return (
            Slip(UPDATED, f"use W from before it; {rate}")
            if t > 0
            else Slip(NOT_UPDATED, f"the network has been updated since; {rate}")
        )

    if exercise.learning_rate is None:
        yield OfFactor(right, direction, told)
    else:
        for t in (exercise.learning_rate, -exercise.learning_rate):
            yield told(t), right - t * direction


def penalty_of(strength: float, alpha: float, m: int) -> Slip:
    """Return the slip that makes a penalty of another strength."""
    for factor, name in {m: "penalty times m", 1 / m: "penalty divided by m", 2: "penalty without its ½"}.items():
        if alpha and abs(strength - factor * alpha) <= SAME * abs(factor * alpha):
            return Slip(name)
    return Slip("another penalty", f"alpha is {alpha:.4g}, not {strength:.4g}")


def times(t: float) -> Slip:
    """Return the slip of a factor 1 - t."""
    return Slip("all zero") if abs(1 - t) <= SAME else Slip("another factor", f"{1 - t:.4g} times what it should be")
