"""NetworkDisplay: a network drawn, its units as circles, its weights and biases as lines."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ._core.kernels import Array
from ._display.drawing import Drawing
from ._display.fitted import last_step, names_of_features, names_of_outputs
from ._sklearn.compat import check_matplotlib_support
from .network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_UNITS = 12


@dataclass(eq=False, repr=False)
class NetworkDisplay:
    """A network drawn: layers from left to right, units as circles, weights and biases as lines.

    Use :meth:`from_estimator`, or give the constructor weights of your own and call :meth:`plot`.

    The colour of a line shows the sign of its weight: blue is positive, orange is negative. Width and opacity show the
    weight's size, on a scale of its own for each layer: above a layer stands the size of its widest line. The biases
    are the lines that leave the squares marked 1. The numbers in the circles count from 0: hidden unit 3 has the
    weights ``W1[:, 3]`` and ``W2[3, :]``.

    If a layer has more than ``max_units`` units, only the largest are drawn, in their original order. The size of a
    unit is the norm of the weights that lead into it times the norm of those that lead out of it; features have only
    the latter, outputs only the former. It does not change if the weights into a unit are multiplied by a factor and
    those out of it are divided by the same factor. (With relu, and the bias multiplied too, nor do the outputs.)

    Parameters
    ----------
    coefs : list of array-like of shape (fan_in, fan_out)
        W1, W2, …
    intercepts : list of array-like of shape (fan_out,)
        b1, b2, …
    feature_names : sequence of str, default=None
        Names of the inputs; by default x0, x1, …
    output_names : sequence of str, default=None
        Names of the outputs; by default y0, y1, …

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the network is.
    figure_ : matplotlib Figure
        The figure that holds it.
    units_ : list of ndarray of int
        The units drawn of each layer, features first.
    lines_ : list of matplotlib LineCollection
        The lines of W1 and b1, of W2 and b2, …, the largest last, so that it lies on top.

    See Also
    --------
    Network : The network itself, one step at a time.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import NetworkDisplay, TwoLayerClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = TwoLayerClassifier(100, random_state=0).fit(X, y)
    >>> display = NetworkDisplay.from_estimator(clf, max_units=6)
    >>> [len(units) for units in display.units_]
    [4, 6, 3]
    """

    coefs: Sequence[ArrayLike]
    intercepts: Sequence[ArrayLike]
    _: KW_ONLY
    feature_names: Sequence[str] | None = None
    output_names: Sequence[str] | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator_or_network: Any,
        *,
        feature_names: Sequence[str] | None = None,
        max_units: int = MAX_UNITS,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw a fitted estimator or a Network.

        Parameters
        ----------
        estimator_or_network : TwoLayerClassifier, BackpropClassifier, a Pipeline or search that ends in one, or Network
            Estimators must be fitted.
        feature_names : sequence of str, default=None
            Names of the inputs; by default those seen during fit, or for a pipeline those from its
            ``get_feature_names_out``, or x0, x1, … if there are none.
        max_units : int, default=12
            Most units to draw of each layer.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure, as large as the network needs.

        Returns
        -------
        display : NetworkDisplay
            With the attributes ``ax_``, ``figure_``, ``units_`` and ``lines_``.

        Raises
        ------
        TypeError
            If the estimator has no network.
        ValueError
            If max_units is less than 1, there are more or fewer names than units, or a weight is not finite.
        NotFittedError
            If an estimator is not fitted.
        """
        if isinstance(estimator_or_network, Network):
            W, b, names, outputs = estimator_or_network.W, estimator_or_network.b, None, None
        else:
            step = last_step(estimator_or_network)
            if not hasattr(step, "coefs_"):
                raise TypeError(f"{type(step).__name__} has no network to draw.")
            W, b = step.coefs_, step.intercepts_
            names, outputs = names_of_features(estimator_or_network), names_of_outputs(step)
        names = names if feature_names is None else feature_names
        return cls(W, b, feature_names=names, output_names=outputs).plot(ax, max_units=max_units)

    def plot(self, ax: "Axes | None" = None, *, max_units: int = MAX_UNITS) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure, as large as the network needs.
        max_units : int, default=12
            Most units to draw of each layer.

        Returns
        -------
        display : NetworkDisplay
            Itself.

        Raises
        ------
        ValueError
            If max_units is less than 1, there are more or fewer names than units, or a weight is not finite.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if not isinstance(max_units, Integral) or max_units < 1:
            raise ValueError(f"max_units must be a whole number of units, 1 or more; got {max_units!r}.")
        W, b = checked_weights(self.coefs, self.intercepts)
        features = checked_names("feature_names", self.feature_names, "x", len(W[0]))
        outputs = checked_names("output_names", self.output_names, "y", len(b[-1]))
        self.units_ = largest_units(W, max_units)
        drawing = Drawing(self.units_, [len(W[0]), *map(len, b)], ax)
        self.ax_, self.figure_ = drawing.ax, drawing.ax.figure
        self.lines_ = [drawing.connect(l, *parameters) for l, parameters in enumerate(zip(W, b, strict=True))]
        drawing.draw_units()
        drawing.draw_texts([features[i] for i in self.units_[0]], [outputs[i] for i in self.units_[-1]])
        drawing.explain()
        drawing.make_room()
        return self


def checked_weights(coefs: Sequence[ArrayLike], intercepts: Sequence[ArrayLike]) -> tuple[list[Array], list[Array]]:
    """Return W1, W2, … and b1, b2, … as arrays.

    Raises
    ------
    ValueError
        If they do not fit together, or a number is not finite.
    """
    W, b = [np.asarray(each) for each in coefs], [np.asarray(each) for each in intercepts]
    shapes = [each.shape for each in W], [each.shape for each in b]
    sizes = [*(shape[0] for shape in shapes[0] if shape), *(shapes[1][-1] if shapes[1] else ())]
    if not W or shapes != ([*pairwise(sizes)], [(n,) for n in sizes[1:]]) or 0 in sizes:
        raise ValueError(f"coefs and intercepts must be W1, W2, … and b1, b2, … of a network; got shapes {shapes}.")
    for letter, arrays in (("W", W), ("b", b)):
        for l, array in enumerate(arrays, start=1):
            if not np.isfinite(array).all():
                raise ValueError(f"{letter}{l} holds NaN or infinity, so the network cannot be drawn.")
    return W, b


def checked_names(parameter: str, names: Sequence[str] | None, letter: str, n: int) -> list[str]:
    """Return the names of n units; by default a letter and a number.

    Raises
    ------
    ValueError
        If there are more or fewer than n.
    """
    if names is None:
        return [f"{letter}{k}" for k in range(n)]
    if isinstance(names, str) or len(names) != n:
        raise ValueError(f"{parameter} must be {n} names, one for each; got {names!r}.")
    return [str(name) for name in names]


def largest_units(W: list[Array], max_units: int) -> list[Array]:
    """Return, for each layer, the units with the largest norm of weights in times norm of weights out, in order."""
    into = [1.0, *(np.linalg.norm(each, axis=0) for each in W)]
    out = [*(np.linalg.norm(each, axis=1) for each in W), 1.0]
    return [np.sort(np.argsort(-(i * o), kind="stable")[:max_units]) for i, o in zip(into, out, strict=True)]
