"""A student's arrays compared with those of backpropagation, with the likely slip behind each wrong one."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import isnan, nan
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
from .gradient_check import Classifier, in_float64, problem_of
from .network import Network
from .registry import check_number

COLUMNS = "array", "verdict", "largest difference", "at", "slip"
COLOURS = {"equal": "#1a7f37", "close": "#1a7f37", "wrong": "#cf222e", "follows": "#9a6700"}


@dataclass(frozen=True)
class ArrayComparison:
    """One array of :func:`compare_gradients`.

    Attributes
    ----------
    name : str
        For example ``"dW1"``.
    verdict : {"equal", "close", "wrong", "follows"}
        "equal" means to the bit, "close" up to rounding. An array is "wrong" if the error is in its own line, or in
        that of an array before it that was not given; it "follows" if its line is right, but an array that it is
        computed from is wrong.
    largest_difference : float
        Largest absolute difference from ours; NaN if the shape does not fit.
    index : tuple of int, or None
        The index of that difference in the array as it was given; None if the shape does not fit.
    slip : str or None
        The likely slip of a wrong array; None if no known slip explains it.
    line : str or None
        The array in whose line the slip is: the array itself, or one before it that was not given.
    origin : str or None
        The wrong array that this one follows from.
    detail : str
        A remark on the slip, or an empty string.

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
    """The result of :func:`compare_gradients`: it prints as a table, and is true if all arrays are right.

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
    """Compare your own arrays with those of the forward and the backward pass, and name the likely slips.

    Parameters
    ----------
    mine : dict of str to array-like
        Any of Z1, A1, Z2, A2, … and of the gradients dZ1, dA1, … (but not that of the last A), dW1, db1, …. The
        gradients are those of the mean loss at the network's present parameters. The arrays may be laid out as here,
        samples × units and W (fan_in, fan_out), or transposed.
    network_or_estimator : Network, TwoLayerClassifier or BackpropClassifier
        A fitted estimator is used with its weights, an unfitted one with those its training would start from; dropout
        is left out.
    X : array-like or sparse matrix of shape (m, n_features)
        The samples.
    Y : array-like
        Targets for a Network, as in :meth:`Network.loss`; labels for an estimator.
    sample_weight : array-like of shape (m,), default=None
        Weights of the samples, which are multiplied by an estimator's class weights.
    alpha : float, default=None
        Strength of the penalty; by default the estimator's own, and 0 for a Network.
    learning_rate : float, default=None
        The learning rate of the update, which helps to recognise arrays that were computed with the weights from after
        the update. By default it is solved for, which takes an array of two numbers or more.
    rtol : float, default=None
        Largest relative difference that is "close", in addition to what rounding explains. By default the square root
        of the machine epsilon: 1.5e-8 in float64, or 3.5e-4 in float32, which is used if any array is float32.

    Returns
    -------
    comparison : GradientComparison
        It prints as a table, and is true if all arrays are right; its ``entries`` hold the same as attributes.

    Raises
    ------
    TypeError
        If mine is not a dict, or there is neither a network nor an estimator.
    ValueError
        If an array has an unknown name, a shape that cannot be understood, or numbers that are not finite.

    Notes
    -----
    An array is compared with the right one first, and then with what its line makes of the arrays that were given: if
    only that fits, it "follows" from an earlier wrong array. To find the slip behind a wrong array, each known slip is
    made on purpose, in the line of that array or in the lines of those before it that were not given. The slip that
    reproduces the array, and most of the other arrays with it, is named.

    The layout of the arrays is decided once, by those that are not square (by their numbers, if all are square). The
    arrays of the samples and those of the weights are decided separately, if there are two or more of a kind and most
    of them agree; otherwise all arrays decide together, and in case of doubt they are read as laid out here. An array
    with another layout than its kind is "transposed".

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
    dW with another layout than the arrays of the samples is called "transposed", though it may be a convention. Where z
    is zero up to rounding, the slopes on both sides of a kink count as right.

    Examples
    --------
    A student forgot the derivative of tanh, and summed the gradient of the bias over the units, too:

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
    network, X, Y, weights, own_alpha, _ = problem_of("network_or_estimator", network_or_estimator, X, Y, sample_weight)
    for name, number in {"alpha": alpha, "learning_rate": learning_rate, "rtol": rtol}.items():
        if number is not None:
            check_number(network_or_estimator, name, number, 0)
    alpha = own_alpha if alpha is None else float(alpha)
    X = checked_samples(network, X)
    ours = arrays_of(network, X, Y, weights, alpha)
    exact = in_float64(network)
    Y = checked_targets(exact, Y, X.shape[0])
    w = np.ones(len(Y)) if weights is None else np.asarray(weights, np.float64)
    steps = Steps(exact, checked_samples(exact, X), Y, w, alpha)
    given = checked_arrays(mine, steps)
    precision = max((np.finfo(each.dtype) for each in [*given.values(), network.theta]), key=lambda each: each.eps)
    rtol = float(np.sqrt(precision.eps) if rtol is None else rtol)
    exercise = Exercise(steps, steps.all({}), learning_rate)
    return compared(given, ours, exercise, rounding(steps, exercise.truth, precision), rtol)


def arrays_of(network: Network, X: Any, Y: Any, weights: Any, alpha: float) -> Arrays:
    """Return every array of a forward and a backward pass, by name."""
    cache = network.forward(X)
    grads = network.backward(cache, Y, weights, alpha)
    arrays: Arrays = {}
    for l, (Z, A, dZ, dW, db) in enumerate(zip(cache.Z, cache.A[1:], cache.dZ, grads.W, grads.b, strict=True), start=1):
        arrays |= {f"Z{l}": Z, f"A{l}": A, f"dZ{l}": dZ, f"dW{l}": dW, f"db{l}": db}
    return arrays | {f"dA{l}": dA for l, dA in enumerate(cache.dA, start=1)}


def compared(mine: Arrays, ours: Arrays, exercise: Exercise, slack: Arrays, rtol: float) -> GradientComparison:
    """Return the comparison of a student's arrays with ours."""

    def fits(name: str, array: Array) -> bool:
        return bool(np.all(np.abs(array - ours[name]) <= rtol * np.abs(ours[name]) + slack[name]))

    candidates = layouts(mine, exercise.steps, fits)
    diagnoses = [Diagnosis(exercise, layout, ours, slack, rtol) for layout in candidates]
    diagnosis = min(diagnoses, key=lambda each: each.n_unexplained)
    layout, findings = diagnosis.layout, diagnosis.findings
    entries = tuple(entry_of(name, mine[name], ours[name], layout, finding) for name, finding in findings.items())
    return GradientComparison(entries, orientation_of(layout))


def orientation_of(layout: Layout) -> str:
    """Return a sentence that says how the arrays were read."""
    rows = "features × samples" if layout.transposed["samples"] else "samples × features"
    columns = "(fan_out, fan_in)" if layout.transposed["weights"] else "(fan_in, fan_out)"
    kinds = {parsed(name)[0] for name in layout.arrays} - {"db"}
    read = [f"dW as {columns}"] if "dW" in kinds else []
    if kinds - {"dW"}:
        read.insert(0, f"the arrays of the samples as {rows}")
    return f"Read {' and '.join(read)}." if read else ""


def entry_of(name: str, mine: Array, ours: Array, layout: Layout, finding: Finding) -> ArrayComparison:
    """Return the entry of one array."""
    largest, index = nan, None
    if name not in layout.faults:
        difference = layout.as_given(name, np.abs(layout.arrays[name] - ours), mine.shape)
        index = tuple(map(int, np.unravel_index(int(difference.argmax()), mine.shape)))
        largest = float(difference[index])
    if finding.right:
        return ArrayComparison(name, "close" if largest else "equal", largest, index)
    if finding.origin:
        return ArrayComparison(name, "follows", largest, index, origin=finding.origin)
    slip, detail = (finding.slip.name, finding.slip.detail) if finding.slip else (None, "")
    return ArrayComparison(name, "wrong", largest, index, slip, finding.line, detail=detail)
