"""Which slip explains a wrong array: each possible slip is made on purpose, and its result is compared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from .._core.kernels import Array
from .shapes import DETAILS, Layout
from .slips import PENALTY, Exercise, OfFactor, Slip, slips
from .steps import Arrays, parsed

CLOSER = 0.01  # a slip explains an array if it leaves at most this share of the difference
SOLVING = 6  # most steps of Newton's method; if the array depends linearly on the factor, one is enough
NUDGE = 1e-4  # finite difference in the factor, relative to the change that is as large as the array


@dataclass(frozen=True)
class Finding:
    """What is found out about one array.

    Attributes
    ----------
    right : bool
        Whether the array is right.
    slip : Slip or None
        The slip that explains a wrong array, if one does.
    line : str
        The array whose line has the slip: the array itself, or one before it that was not given.
    origin : str
        The wrong array that it follows from, if its own line is right.
    """

    right: bool
    slip: Slip | None = None
    line: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Explanation:
    """A slip in the line of one array, and the value that it gave this array, if the array was not given."""

    slip: Slip
    line: str
    supposed: Arrays


class Diagnosis:
    """A student's passes, examined from the first array to the last.

    Parameters
    ----------
    exercise : Exercise
        The passes, and the right arrays in float64.
    layout : Layout
        The student's arrays.
    ours : dict of str to ndarray
        The right arrays, as the network computes them in its own dtype.
    slack : dict of str to ndarray
        By how much rounding may change each number of ours.
    rtol : float
        The relative difference that is tolerated.

    Attributes
    ----------
    findings : dict of str to Finding
        By name, in the order of computation.
    """

    def __init__(self, exercise: Exercise, layout: Layout, ours: Arrays, slack: Arrays, rtol: float) -> None:
        self.exercise, self.steps, self.layout, self.given = exercise, exercise.steps, layout, layout.arrays
        self.ours, self.slack, self.rtol = ours, slack, rtol
        self.free = [name for name in self.steps.names if name not in self.given]
        self.arrays = self.steps.all(self.given)  # changed by a slip found in the line of an array that was not given
        self.culprits: dict[str, str] = {}  # for each line with a slip, the given array that shows it
        self.findings: dict[str, Finding] = {}
        for name in self.steps.names:
            finding = self._finding(name) if name in self.given else Finding(True)
            if name in layout.faults:
                fault = Slip(layout.faults[name], DETAILS[layout.faults[name]])
                finding = Finding(False, fault.along_with(finding.slip), name)
            if name in self.given or name in layout.faults:
                self.findings[name] = finding
            if not (finding.right or finding.origin):
                self.culprits[finding.line] = name

    @property
    def n_unexplained(self) -> int:
        """The number of wrong arrays that no slip explains."""
        return sum(not (each.right or each.origin or each.slip) for each in self.findings.values())

    def close(self, name: str, array: Array, expected: Array) -> bool:
        """Tell whether two arrays differ by rounding only; if the arrays they are made from are large, so is that."""
        made_from = {source: self.arrays[source] for source in self.steps.sources[name]}
        grown = max(1.0, *(self._size(each, it) for each, it in ({name: expected} | made_from).items()))
        return bool(np.all(np.abs(array - expected) <= self.rtol * np.abs(expected) + grown * self.slack[name]))

    def _size(self, name: str, array: Array) -> float:
        """Return the largest number of an array, relative to that of ours."""
        return float(np.abs(array).max() / (np.abs(self.exercise.truth[name]).max() or np.inf))

    def _finding(self, name: str) -> Finding:
        """Return the finding on an array that was given."""
        mine = self.given[name]
        if self.close(name, mine, self.ours[name]):
            return Finding(True)
        if self.close(name, mine, self.steps.make(name, self.arrays)):
            origin = self._origin(name)
            return Finding(not origin, origin=origin)
        with np.errstate(all="ignore"):  # a slip may overflow
            explanation = self._explanation(name)
        if explanation is None:
            return Finding(False, line=name)
        self.arrays = self.steps.changed(explanation.supposed, self.arrays, self.free)
        return Finding(False, explanation.slip, explanation.line)

    def _origin(self, name: str) -> str:
        """Return the nearest wrong array of those that an array is made from."""
        sources = {*self.steps.sources[name]}
        for earlier in reversed(self.steps.names[: self.steps.names.index(name)]):
            if earlier in sources and earlier in self.culprits:
                return self.culprits[earlier]
            if earlier in sources and not (earlier in self.findings and self.findings[earlier].right):
                sources |= {*self.steps.sources[earlier]}
        return ""

    def _explanation(self, name: str) -> Explanation | None:
        """Return the slip that explains a wrong array; among several, one that agrees with most of the other arrays."""
        way = [name]  # and the arrays before it that were not given: the slip may be in their lines, too
        for earlier in reversed(self.steps.names[: self.steps.names.index(name)]):
            if earlier not in self.given and any(earlier in self.steps.sources[line] for line in way):
                way.append(earlier)
        for solving in (False, True):  # a slip without an unknown factor is the better explanation
            found = [each for line in way for each in self._explanations(name, line, way, self.arrays, solving)]
            if found:
                return max(found, key=lambda each: self._agreement(name, each)) if len(found) > 1 else found[0]
            for each in self._explanations(name, name, way, self.exercise.truth, solving):
                return each  # the array was made from our arrays, not from those that were given
        return None

    def _agreement(self, name: str, explanation: Explanation) -> int:
        """Return how many other arrays agree with the explanation of one."""
        arrays = self.steps.changed(explanation.supposed, self.arrays, self.free)
        others = [(other, mine) for other, mine in self.given.items() if other != name]
        return sum(self.close(other, mine, self.steps.make(other, arrays)) for other, mine in others)

    def _explanations(
        self, name: str, line: str, way: list[str], arrays: Arrays, solving: bool
    ) -> Iterator[Explanation]:
        """Yield the slips in one line that explain an array, in this line or a later one."""
        mine, right = self.given[name], self.steps.make(name, arrays)
        kind, l = parsed(name)
        targets: list[tuple[Slip | None, Array]] = [(None, mine)]
        if line != name and kind == "dW" and self.steps.alpha:
            targets.append((Slip(PENALTY), mine + self.steps.alpha * self.steps.network.W[l - 1]))

        def outcome(value: Array) -> Array:
            if line == name:
                return value
            return self.steps.make(name, self.steps.changed({line: value}, arrays, reversed(way[1 : way.index(line)])))

        def explains(value: Array, target: Array) -> bool:
            made = outcome(value)
            near = np.abs(made - target).max() <= CLOSER * np.abs(mine - right).max()
            return bool(near) and self.close(name, target, made)

        for slip, (also, target) in product(slips(self.exercise, line, arrays), targets):
            if isinstance(slip, OfFactor) != solving:
                continue
            told, value = slip if not isinstance(slip, OfFactor) else solved(slip, outcome, target)
            if told and explains(value, target):
                yield Explanation(told.along_with(also), line, {line: value} if line != name else {})


def solved(slip: OfFactor, outcome: Callable[[Array], Array], target: Array) -> tuple[Slip | None, Array]:
    """Return the slip with the factor whose outcome is nearest to the target, and the array that it gives."""
    t, right, size = 0.0, slip.right, float(np.abs(slip.direction).max())
    nudge = NUDGE * (float(np.abs(right).max()) / size if size else 0.0) or NUDGE
    for _ in range(SOLVING):
        now = outcome(right - t * slip.direction)
        slope = (outcome(right - (t + nudge) * slip.direction) - now) / nudge
        if np.count_nonzero(slope) < 2:  # any single number has a factor that explains it
            return None, right
        step = float(np.vdot(slope, target - now) / np.vdot(slope, slope))
        t += step
        if abs(step) <= 1e-12 * abs(t):
            break
    return slip.told(t), right - t * slip.direction
