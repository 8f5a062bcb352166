"""The arrays of one step of gradient descent, each with its formula and one entry in numbers.

The numbers are those of the network's own forward, loss and backward; the worked entries follow one sample through one
unit of each layer, those with the largest dZ among the entries that are shown.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from .._core.checks import checked_targets, coefficients
from .._core.kernels import Array
from .._core.layers import Cache, writing
from .._core.parameters import Parameters, penalty
from ..activations import ACTIVATIONS
from ..gradient_check import STEPS, Problem, differences, parameter_name
from ..losses import LINKS, LOSSES, gradient_with
from ..network import Network
from .formulas import OutputWords, activation_notes, part_name
from .numbers import Index, corner, digits, factor, inner_product, long_total, total, traced
from .step import Step


@dataclass(frozen=True)
class Run:
    """One forward and one backward pass, and the entries that are worked out: sample i, unit units[l] of layer l."""

    network: Network
    cache: Cache
    grads: Parameters
    problem: Problem
    Y: Array
    w: Any
    c: Array
    alpha: float
    J: float
    i: int
    units: list[int]

    @classmethod
    def of(cls, network: Network, X: Any, Y: Any, w: Any, alpha: float, dropout: float) -> "Run":
        """Run the network, and choose the entries that are worked out."""
        cache = network.forward(X, dropout=dropout, random_state=0)
        Y, c = checked_targets(network, Y, cache.n_samples), coefficients(network, w, cache.n_samples)
        J, grads = network.loss(cache, Y, w, alpha), network.backward(cache, Y, w, alpha)
        errors = corner(cache.dZ[-1])
        i, _ = np.unravel_index(np.argmax(np.abs(errors)), errors.shape)
        rows = [cache.A[0], *cache.dZ]
        units = [int(np.argmax(np.abs(corner(array)[i]))) for array in rows]
        problem = Problem(network, X, Y, w, alpha, dropout)
        return cls(network, cache, grads, problem, Y, w, c, alpha, J, int(i), units)

    @property
    def layers(self) -> range:
        return range(1, len(self.network.W) + 1)

    def below(self, l: int) -> tuple[str, Any]:
        """Return name and array of the input of layer l: X, A(l-1), or D(l-1) with dropout."""
        if l == 1:
            return "X", self.cache.A[0]
        return f"{'D' if self.cache.masks else 'A'}{l - 1}", self.cache.inputs[l - 2]

    def output(self) -> OutputWords:
        """Return the equations of the output layer, in words."""
        L, i, Z, A = self.layers[-1], self.i, self.cache.Z[-1], self.cache.A[-1]
        network, k = self.network, self.units[-1]
        return OutputWords(network.loss_function, network.link, f"Z{L}", f"A{L}", Z[i], A[i], self.Y[i], i, k)

    def differences(self) -> Callable[[int], tuple[float, bool]]:
        """Return a function of k: the difference of J in parameter k, as in check_gradients, and if it is one-sided."""
        J, theta = self.problem.objective_in_float64()
        here, largest = J(), float(np.abs(self.grads.theta).max())

        def difference(k: int) -> tuple[float, bool]:
            g = float(self.grads.theta[k])
            with np.errstate(all="ignore"):
                found = [differences(J, here, theta, k, h * max(1.0, abs(theta[k]))) for h in STEPS]
            central, best = (min(each, key=lambda d: abs(d - g)) for each in ([d[0] for d in found], chain(*found)))
            near = abs(central - g) <= 1e-3 * max(abs(g), 1e-3 * largest)  # sides of a tiny slope differ by rounding
            return float(central if near else best), not near and best != central

        return difference


def steps_of(run: Run, learning_rate: float | None) -> list[Step]:
    """Return every array in the order in which it is computed; with a learning rate, the update too."""
    steps = [*given_steps(run), *forward_steps(run), *loss_steps(run), *backward_steps(run)]
    return steps if learning_rate is None else [*steps, *update_steps(run, float(learning_rate))]


def facts(run: Run, title: str, learning_rate: float | None) -> list[str]:
    """Return what the heading says: what is explained, its sizes, parts and settings."""
    network, m = run.network, run.cache.n_samples
    phis = dict.fromkeys(part_name(ACTIVATIONS, phi) for phi in network.activations)
    told = [f"{title} {' → '.join(map(str, network.layer_sizes))}", *phis]
    told += [part_name(LINKS, network.link), part_name(LOSSES, network.loss_function)]
    told.append("1 sample" if m == 1 else f"{m} samples")
    told += [f"alpha = {digits(run.alpha)}"] * bool(run.alpha)
    told += [f"dropout = {digits(run.cache.dropout)}"] * bool(run.cache.dropout)
    return told if learning_rate is None else [*told, f"learning_rate = {digits(learning_rate)}"]


def dense_row(table: Any, i: int) -> Array:
    """Return row i of an array or a CSR matrix."""
    return table[i].toarray()[0] if hasattr(table, "toarray") else table[i]


def dense_column(table: Any, j: int) -> Array:
    """Return column j of an array or a CSR matrix."""
    return table[:, [j]].toarray()[:, 0] if hasattr(table, "toarray") else table[:, j]


def given_steps(run: Run) -> Iterator[Step]:
    """Yield samples, targets, weights, parameters and dropout masks, as copies that a later update leaves alone."""
    network = run.network

    def given(name: str, value: Any, note: str) -> Step:
        return Step(name, "", value.copy(), "given", {}, note=note)

    yield given("X", run.cache.A[0], "the samples, one a row")
    yield given("Y", run.Y, "the targets, one row for each sample, one column for each output")
    if run.w is not None:
        note = "the weights of the samples, times those of their classes; only their ratios count"
        yield given("w", np.asarray(run.w, np.float64), note)
    for l in run.layers:
        yield given(f"W{l}", network.W[l - 1], f"weights of layer {l}: a row for each input, a column for each unit")
        yield given(f"b{l}", network.b[l - 1], f"biases of layer {l}, one for each unit")
    for l, mask in enumerate(run.cache.masks, start=1):
        yield given(f"mask{l}", mask, f"dropout: 0 for a unit that is left out, else {digits(mask.max())}")


def forward_steps(run: Run) -> Iterator[Step]:
    """Yield Z and A of each layer, and what dropout leaves of A."""
    cache, i = run.cache, run.i
    for l in run.layers:
        (below, table), W, b, Z, A = run.below(l), f"W{l}", f"b{l}", f"Z{l}", f"A{l}"
        j, weights, biases = run.units[l], run.network.W[l - 1], run.network.b[l - 1]
        worked = inner_product(below, dense_row(table, i), W, weights[:, j], traced(b, biases[j]))
        used: dict[str, Index] = {below: (i, None), W: (None, j), b: (j,)}
        yield Step(Z, f"{Z} = {below} {W} + {b}", cache.Z[l - 1], "forward", used, worked, (i, j))
        if l == run.layers[-1]:
            words = run.output().probabilities()
            formula, note = f"{A} = {words.formula}", words.note
            yield Step(A, formula, cache.A[l], "forward", words.used, words.worked, (i, j), note=note)
            return
        phi = run.network.activations[l - 1]
        name, (note, _) = part_name(ACTIVATIONS, phi), activation_notes(phi)
        worked = f"{name}({traced(Z, cache.Z[l - 1][i, j])})"
        yield Step(A, f"{A} = {name}({Z})", cache.A[l], "forward", {Z: (i, j)}, worked, (i, j), note=note)
        if cache.masks:
            D, mask, kept = f"D{l}", f"mask{l}", cache.inputs[l - 1]
            worked = f"{traced(A, cache.A[l][i, j])}·{traced(mask, cache.masks[l - 1][i, j])}"
            used = {A: (i, j), mask: (i, j)}
            yield Step(D, f"{D} = {A} ∘ {mask}", kept, "forward", used, worked, (i, j), note="dropout")


def loss_steps(run: Run) -> Iterator[Step]:
    """Yield the loss of each sample, their shares if there are weights, the penalty if there is one, and J."""
    network, i, m, words = run.network, run.i, run.cache.n_samples, run.output().losses()
    losses = np.array(network.loss_function.value(run.cache.Z[-1], run.Y, network.link))
    formula = f"losses = {words.formula}"
    yield Step("losses", formula, losses, "loss", words.used, words.worked, (i,), note=words.note)
    used: dict[str, Index] = {"losses": (None,)}
    share, worked = "mean(losses)", f"({long_total(lambda k: traced('losses', losses[k]), losses)}) / {m}"
    if run.w is not None:
        w, note = np.asarray(run.w, np.float64), "the share of each sample"
        division = f"{traced('w', w[i])} / ({long_total(lambda k: traced('w', w[k]), w)})"
        yield Step("c", "c = w / Σᵢ wᵢ", run.c, "loss", {"w": (None,)}, division, (i, 0), note=note)
        share, used = "Σᵢ cᵢ lossesᵢ", {"c": (None, None), **used}
        worked = inner_product("c", run.c[:, 0], "losses", losses)
    if run.alpha:
        value, theta, sizes = penalty(network.weights, run.alpha), network.weights, [1.0] * len(network.W)
        formula = f"penalty = alpha/2 ({long_total(lambda l: f'‖W{l + 1}‖²', sizes)})"
        squares = long_total(lambda k: f"{factor(parameter_name(network, k).split('[')[0], theta[k])}²", theta)
        of_all = {f"W{l}": (None, None) for l in run.layers}
        note = f"alpha = {digits(run.alpha)}; biases are not penalised"
        yield Step("penalty", formula, value, "loss", of_all, f"{digits(run.alpha)}/2·({squares})", note=note)
        share, used, worked = f"{share} + penalty", used | {"penalty": ()}, total([worked, traced("penalty", value)])
    yield Step("J", f"J = {share}", run.J, "loss", used, worked, note="the objective, which training minimises")


def backward_steps(run: Run) -> Iterator[Step]:
    """Yield dA, dZ, dW and db, from the last layer to the first."""
    difference = run.differences()
    for l in reversed(run.layers):
        yield from error_steps(run, l)
        yield from gradient_steps(run, l, difference)


def error_steps(run: Run, l: int) -> Iterator[Step]:
    """Yield dA and dZ of a layer; of the output layer dZ alone."""
    cache, i, j, dZ, entry = run.cache, run.i, run.units[l], f"dZ{l}", (run.i, run.units[l])
    if l == run.layers[-1]:
        gradient = writing(gradient_with(run.network.loss_function, run.network.link))
        value = gradient(cache.Z[-1], cache.A[-1], run.Y, np.empty_like(cache.Z[-1]))[entry]
        words, m = run.output().gradient(float(value)), cache.n_samples
        formula, worked, used = f"{dZ} = {words.formula} / m", f"{words.worked} / {m}", words.used
        note = f"{dZ} stands for ∂J/∂Z{l}; m = {m} samples"
        if run.w is not None:
            formula, worked = f"{dZ} = c ∘ {words.formula}", f"{traced('c', run.c[i, 0])}·{words.worked}"
            note, used = f"{dZ} stands for ∂J/∂Z{l}", {"c": (i, 0), **used}
        note = f"{note}; {words.note}" if words.note else note
        yield Step(dZ, formula, cache.dZ[-1], "backward", used, worked, entry, note=note)
        return
    dA, above, W, Z, phi = f"dA{l}", f"dZ{l + 1}", f"W{l + 1}", f"Z{l}", run.network.activations[l - 1]
    weights, error, value = run.network.W[l], cache.dZ[l][i], cache.dA[l - 1]
    formula, worked = f"{dA} = {above} {W}ᵀ", inner_product(above, error, W, weights[j])
    used = {above: (i, None), W: (j, None)}
    if cache.masks:
        mask = f"mask{l}"
        formula, used = f"{dA} = ({above} {W}ᵀ) ∘ {mask}", used | {mask: entry}
        worked = f"({worked})·{traced(mask, cache.masks[l - 1][entry])}"
    yield Step(dA, formula, value, "backward", used, worked, entry)
    name, slope = part_name(ACTIVATIONS, phi), cache.slopes[l - 1][entry]
    worked = f"{traced(dA, value[entry])}·{name}'({traced(Z, cache.Z[l - 1][entry])})"
    worked += f" = {traced(dA, value[entry])}·{factor('', slope)}"
    formula, note = f"{dZ} = {dA} ∘ {name}'({Z})", activation_notes(phi)[1]
    yield Step(dZ, formula, cache.dZ[l - 1], "backward", {dA: entry, Z: entry}, worked, entry, note=note)


def gradient_steps(run: Run, l: int, difference: Any) -> Iterator[Step]:
    """Yield dW and db of a layer, each with the central difference of its worked entry."""
    (below, table), dZ, errors = run.below(l), f"dZ{l}", run.cache.dZ[l - 1]
    j_below, j, W, weights = run.units[l - 1], run.units[l], f"W{l}", run.network.W[l - 1]
    formula, worked = f"d{W} = {below}ᵀ {dZ}", inner_product(below, dense_column(table, j_below), dZ, errors[:, j])
    used: dict[str, Index] = {below: (None, j_below), dZ: (None, j)}
    if run.alpha:
        formula, used = f"{formula} + alpha {W}", used | {W: (j_below, j)}
        worked = total([worked, f"{digits(run.alpha)}·{factor(W, weights[j_below, j])}"])
    before = sum(each.size for each in run.network.W[: l - 1])
    k = before + int(np.ravel_multi_index((j_below, j), weights.shape))
    dW = run.grads.W[l - 1]
    yield Step(f"d{W}", formula, dW, "backward", used, worked, (j_below, j), *difference(k))
    before = run.network.weights.size + sum(each.size for each in run.network.b[: l - 1])
    worked = long_total(lambda i: traced(dZ, errors[i, j]), errors[:, j])
    formula, used = f"db{l} = Σᵢ {dZ}[i]", {dZ: (None, j)}
    yield Step(f"db{l}", formula, run.grads.b[l - 1], "backward", used, worked, (j,), *difference(before + j))


def update_steps(run: Run, learning_rate: float) -> Iterator[Step]:
    """Yield the parameters of a copy of the network after a step of plain descent, and J there."""
    moved, rate = copy.deepcopy(run.network), digits(learning_rate)
    moved.update(run.grads, learning_rate)
    for l in run.layers:
        for letter, entry in (("W", (run.units[l - 1], run.units[l])), ("b", (run.units[l],))):
            name, d = f"{letter}{l}", f"d{letter}{l}"
            old, gradient, new = (getattr(of, letter)[l - 1] for of in (run.network, run.grads, moved))
            worked = f"{traced(name, old[entry])} − {rate}·{factor(d, gradient[entry])}"
            formula = f"{name} ← {name} − learning_rate {d}"
            note = f"learning_rate = {rate}"
            yield Step(f"{name}_new", formula, new, "update", {name: entry, d: entry}, worked, entry, note=note)
    cache = moved.forward(run.problem.X, dropout=run.problem.dropout, random_state=0)
    J, names = moved.loss(cache, run.Y, run.w, run.alpha), [f"{x}{l}_new" for l in run.layers for x in "Wb"]
    note = f"J was {digits(run.J)}: the step {'lowers' if J < run.J else 'does not lower'} it"
    note += f" by {digits(run.J - J)}" if J < run.J else ""
    yield Step("J_new", "J_new = J at the new parameters", J, "update", dict.fromkeys(names, (None, None)), note=note)
