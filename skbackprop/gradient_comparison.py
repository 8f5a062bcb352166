"""A student's arrays against backpropagation, with the likely slip of each wrong one."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import isnan, nan
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._comparison.diagnosis import Diagnosis, Finding
from ._comparison.shapes import Layout, checked_arrays, layouts
from ._comparison.slips import Exercise
from ._comparison.steps import Arrays, Steps, parsed, rounding
from ._core.checks import checked_samples, checked_targets
from ._core.kernels import Array
from ._core.types import MatrixLike, Weights
from .gradient_check import Classifier, in_float64
from .network import Network

COLUMNS = "array", "verdict", "largest difference", "at", "slip"
COLOURS = {"equal": "#1a7f37", "close": "#1a7f37", "wrong": "#cf222e", "follows": "#9a6700"}


@dataclass(frozen=True)
class ArrayComparison:
    """One array of :func:`compare_gradients`.

    Attributes
    ----------
    name : str
        ``"dW1"`` say.
    verdict : {"equal", "close", "wrong", "follows"}
        "equal" is equal to the bit, "close" equal but for rounding, "wrong" is wrong by itself; an array that "follows"
        is what ours would be, made from the wrong arrays before it.
    largest_difference : float
        Largest absolute difference from ours; NaN if the shape does not fit.
    index : tuple of int, or None
        Where it is, in the array as it was given; None if the shape does not fit.
    slip : str or None
        The likely slip of a wrong array, None if it cannot be told.
    line : str or None
        The array in whose line the slip is: the array itself, or one before it that was not given.
    origin : str or None
        The wrong array that this one follows from.
    detail : str
        More of the slip, in words.

    Examples
    --------
    >>> from skbackprop import Network, compare_gradients
    >>> net = Network([1, 1])
    >>> compare_gradients({"db1": [0.5]}, net, [[0.0]], [0.0]).entries[0]
    ArrayComparison(name='db1', verdict='equal', largest_difference=0.0, index=(0,),
                    slip=None, line=None, origin=None, detail='')
    """

    name: str
    verdict: str
    largest_difference: float
    index: tuple[int, ...] | None
    slip: str | None = None
    line: str | None = None
    origin: str | None = None
    detail: str = ""

    @property
    def remark(self) -> str:
        """The slip or the origin, in words."""
        if self.verdict == "follows":
            return f"follows from {self.origin}"
        if self.verdict != "wrong":
            return ""
        told = self.slip or "no known slip explains it"
        if self.line not in (None, self.name):
            told += f" in {self.line}, which is not given"
        return f"{told}: {self.detail}" if self.detail else told


class GradientComparison:
    """What :func:`compare_gradients` returns: printed it is a table, and as a truth value whether all arrays are right.

    Attributes
    ----------
    entries : tuple of ArrayComparison
        One for each array, in the order of computation.
    orientation : str
        How the arrays were read.

    Examples
    --------
    >>> from skbackprop import Network, compare_gradients
    >>> net, X, Y = Network([2, 1], random_state=0), [[0.5, 0.8], [1.0, -1.0]], [1.0, 0.0]
    >>> A1 = net.forward(X).A[1]
    >>> bool(compare_gradients({"A1": A1}, net, X, Y))
    True
    """

    def __init__(self, entries: tuple[ArrayComparison, ...], orientation: str) -> None:
        self.entries, self.orientation = entries, orientation

    def __bool__(self) -> bool:
        return all(entry.verdict in ("equal", "close") for entry in self.entries)

    @property
    def summary(self) -> str:
        """One sentence or two: how many are right, and where to begin."""
        n_right = sum(entry.verdict in ("equal", "close") for entry in self.entries)
        wrong = [entry for entry in self.entries if entry.verdict == "wrong"]
        counted = f"{n_right} of {len(self.entries)} arrays {'is' if n_right == 1 else 'are'} right."
        return counted + (f" Begin with {wrong[0].name}: {wrong[0].remark}." if wrong else "")

    def _rows(self) -> list[tuple[str, ...]]:
        """Return the cells of the table."""
        rows: list[tuple[str, ...]] = []
        for each in self.entries:
            difference = "-" if isnan(each.largest_difference) else f"{each.largest_difference:.3g}"
            at = f"[{', '.join(map(str, each.index))}]" if each.index and each.verdict != "equal" else ""
            rows.append((each.name, each.verdict, difference, at, each.remark))
        return rows

    def __repr__(self) -> str:
        rows = [COLUMNS, *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(f"{cell:{n}}" for cell, n in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([line for line in (self.summary, self.orientation) if line] + ["", *lines])

    def _repr_html_(self) -> str:
        style = "padding: 2px 8px; text-align: left; vertical-align: top"
        head = "".join(f'<th scope="col" style="{style}">{column}</th>' for column in COLUMNS)
        body = ""
        for row in self._rows():
            cells = [f'<td style="{style}">{escape(cell)}</td>' for cell in row]
            cells[1] = f'<td style="{style}; color: {COLOURS[row[1]]}; font-weight: bold">{row[1]}</td>'
            body += f"<tr>{''.join(cells)}</tr>"
        caption = "".join(f"<p>{escape(line)}</p>" for line in (self.summary, self.orientation) if line)
        table = f'<table style="border-collapse: collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        return f'<div style="overflow-x: auto">{caption}{table}</div>'


def compare_gradients(
    mine: Mapping[str, ArrayLike],
    network_or_estimator: Network | Classifier,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    sample_weight: Weights = None,
    alpha: float | None = None,
    learning_rate: float | None = None,
    rtol: float | None = None,
) -> GradientComparison:
    """Compare someone's own arrays with those of the forward and the backward pass, and name the likely slips.

    Parameters
    ----------
    mine : dict of str to array-like
        Any of Z1, A1, Z2, A2, …, and of their gradients dZ1, dA1, … (not that of the last A), dW1, db1, …, all of the
        mean loss and at the network's present parameters. They may lie as ours do, samples × units and W (fan_in,
        fan_out), or the other way.
    network_or_estimator : Network, TwoLayerClassifier or BackpropClassifier
        A fitted estimator is taken at its weights, an unfitted one where its training would start; dropout is left out.
    X : array-like or sparse matrix of shape (m, n_features)
        The samples.
    Y : array-like
        Targets for a Network, as in :meth:`Network.loss`; labels for an estimator.
    sample_weight : array-like of shape (m,), default=None
        Weights; an estimator's class weights are multiplied in.
    alpha : float, default=None
        Strength of the penalty; by default the estimator's own, and 0 for a Network.
    learning_rate : float, default=None
        That of the update, by which the use of W of after the update is told. By default it is solved for, which
        takes two numbers or more.
    rtol : float, default=None
        Relative difference that still is "close", besides what rounding explains. By default the square root of the
        unit in the last place: 1.5e-8 in float64, 3.5e-4 in float32, in which all is judged if any array is float32.

    Returns
    -------
    comparison : GradientComparison
        A table if printed, true if all arrays are right; its ``entries`` are there to program with.

    Raises
    ------
    TypeError
        If mine is not a dict, or there is neither a network nor an estimator.
    ValueError
        If an array has an unknown name, a shape that cannot be understood, or numbers that are not finite.

    Notes
    -----
    An array is judged by ours, then by what ours would be if made from the arrays that were given: one that is right
    but for an earlier wrong one "follows" from that. To find the slip, each known one is made on purpose, in the line
    of the wrong array or in the lines of those before it that were not given, and the one that gives the array at hand,
    and most of the others with it, is named.

    Which way the arrays lie is decided once, by those that are not square (by their numbers, where all are square):
    for the arrays of the samples and for those of the weights apart, unless only one of a kind has a say or they are
    balanced; then by all together, and in case of doubt as ours lie. One that lies otherwise is "transposed".

    The slips that are named: "1/m missing" (a sum instead of a mean), "1/m twice", "1/m in place of 1/Σw", "weights
    left out", "sign", "transposed", "φ' missing", "φ' taken at A instead of Z", "φ' as a formula in A, given Z" (1 -
    Z² in place of 1 - A²), "φ in place of φ'", "φ' of another φ", "another φ" (softmax and sigmoid among them), "φ
    missing", "penalty left out", "penalty times m", "penalty divided by m", "penalty without its ½", "another
    penalty", "penalty on b", "summed over the wrong axis", "summed over all axes", "not summed", "W of after the
    update", "W of before an update" (the network was updated since), "W transposed", "Z in place of A", "b left out",
    "label smoothing left out", "gradient of the squared error", "gradient of the log loss", "softmax's derivative
    without its off-diagonal", "softmax over the wrong axis", "all zero", and factors: "factor 2", "factor 1/2",
    "1/n_outputs too many", "another factor". Two in one line are joined by a semicolon.

    Some slips cannot be told apart, and the first of these is named: with two samples "1/m missing" and a factor of 2;
    in an array of one number, any two slips with the same result. With one sample, 1/m changes nothing. A single
    dW that lies otherwise than the arrays of the samples is called "transposed", though it may be a convention. Where z
    is zero but for rounding, the slopes on both sides of a kink count as right.

    Examples
    --------
    A student has forgotten the slope of tanh, and summed the gradient of the bias over the units, too:

    >>> import numpy as np
    >>> from skbackprop import Network, compare_gradients
    >>> net = Network([2, 3, 1], activation="tanh", random_state=0)
    >>> X, Y = np.array([[0.5, 0.8], [1.0, -1.0]]), np.array([[1.0], [0.0]])
    >>> (W1, W2), (b1, b2) = net.W, net.b
    >>> A1 = np.tanh(X @ W1 + b1)
    >>> A2 = 1 / (1 + np.exp(-(A1 @ W2 + b2)))
    >>> dZ2 = (A2 - Y) / 2
    >>> dZ1 = dZ2 @ W2.T
    >>> mine = {"A1": A1, "A2": A2, "dZ2": dZ2, "dZ1": dZ1, "dW1": X.T @ dZ1, "db1": dZ1.sum()}
    >>> comparison = compare_gradients(mine, net, X, Y)
    >>> bool(comparison)
    False
    >>> for entry in comparison.entries[-3:]:
    ...     print(entry.name, entry.verdict, entry.slip or entry.origin)
    dZ1 wrong φ' missing
    dW1 follows dZ1
    db1 wrong summed over all axes
    """
    network, X, Y, weights, penalty = problem_of(network_or_estimator, X, Y, sample_weight)
    alpha = penalty if alpha is None else checked_number("alpha", alpha)
    learning_rate = None if learning_rate is None else checked_number("learning_rate", learning_rate)
    X = checked_samples(network, X)
    ours = arrays_of(network, X, Y, weights, alpha)
    exact = in_float64(network)
    Y = checked_targets(exact, Y, X.shape[0])
    w = np.ones(len(Y)) if weights is None else np.asarray(weights, np.float64)
    steps = Steps(exact, checked_samples(exact, X), Y, w, alpha)
    given = checked_arrays(mine, steps)
    precision = max((np.finfo(each.dtype) for each in [*given.values(), network.theta]), key=lambda each: each.eps)
    rtol = float(np.sqrt(precision.eps)) if rtol is None else checked_number("rtol", rtol)
    exercise = Exercise(steps, steps.all({}), learning_rate)
    return judged(given, ours, exercise, rounding(steps, exercise.truth, precision), rtol)


def problem_of(given: Any, X: Any, Y: Any, sample_weight: Any) -> tuple[Network, Any, Any, Any, float]:
    """Return the network, its samples, targets and weights, and the strength of its penalty.

    Raises
    ------
    TypeError
        If given is neither a Network nor an estimator of this package.
    """
    if isinstance(given, Network):
        return given, X, Y, sample_weight, 0.0
    if not hasattr(given, "_gradient_problem"):
        raise TypeError(f"network_or_estimator must be a Network or a classifier of skbackprop; got {given!r:.80}.")
    return given._gradient_problem(X, Y, sample_weight)[:5]


def arrays_of(network: Network, X: Any, Y: Any, weights: Any, alpha: float) -> Arrays:
    """Return every array of a forward and a backward pass, by name."""
    cache = network.forward(X)
    grads = network.backward(cache, Y, weights, alpha)
    arrays: Arrays = {}
    for l, (Z, A, dZ, dW, db) in enumerate(zip(cache.Z, cache.A[1:], cache.dZ, grads.W, grads.b, strict=True), start=1):
        arrays |= {f"Z{l}": Z, f"A{l}": A, f"dZ{l}": dZ, f"dW{l}": dW, f"db{l}": db}
    return arrays | {f"dA{l}": dA for l, dA in enumerate(cache.dA, start=1)}


def judged(mine: Arrays, ours: Arrays, exercise: Exercise, slack: Arrays, rtol: float) -> GradientComparison:
    """Return the comparison of someone's arrays with ours."""

    def fits(name: str, array: Array) -> bool:
        return bool(np.all(np.abs(array - ours[name]) <= rtol * np.abs(ours[name]) + slack[name]))

    found = layouts(mine, exercise.steps, fits)
    diagnoses = [Diagnosis(exercise, layout, ours, slack, rtol) for layout in found]
    diagnosis = min(diagnoses, key=lambda each: each.n_unexplained)
    layout, findings = diagnosis.layout, diagnosis.findings
    entries = tuple(entry_of(name, mine[name], ours[name], layout, found) for name, found in findings.items())
    return GradientComparison(entries, orientation_of(layout))


def orientation_of(layout: Layout) -> str:
    """Return a sentence that says how the arrays were read."""
    rows = "features × samples" if layout.transposed[False] else "samples × features"
    columns = "(fan_out, fan_in)" if layout.transposed[True] else "(fan_in, fan_out)"
    kinds = {parsed(name)[0] for name in layout.arrays} - {"db"}
    read = [f"dW as {columns}"] if "dW" in kinds else []
    if kinds - {"dW"}:
        read.insert(0, f"the arrays of the samples as {rows}")
    return f"Read {' and '.join(read)}." if read else ""


def entry_of(name: str, mine: Array, ours: Array, layout: Layout, found: Finding) -> ArrayComparison:
    """Return the entry of one array."""
    largest, index = nan, None
    if name not in layout.faults:
        difference = layout.as_given(name, np.abs(layout.arrays[name] - ours), mine.shape)
        index = tuple(map(int, np.unravel_index(int(difference.argmax()), mine.shape)))
        largest = float(difference[index])
    if found.right:
        return ArrayComparison(name, "close" if largest else "equal", largest, index)
    if found.origin:
        return ArrayComparison(name, "follows", largest, index, origin=found.origin)
    slip, detail = (found.slip.name, found.slip.detail) if found.slip else (None, "")
    return ArrayComparison(name, "wrong", largest, index, slip, found.line, detail=detail)


def checked_number(name: str, value: Any) -> float:
    """Return a number that is finite and not negative.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < np.inf:
        raise ValueError(f"{name} must be a number >= 0; got {value!r}.")
    return float(value)
