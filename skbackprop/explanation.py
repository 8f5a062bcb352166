"""One step of gradient descent, array by array: forward, loss, backward and update with the numbers shown.

:func:`explain_step` runs the lines of :class:`~skbackprop.Network` once and keeps every array under its name, with its
formula, what it is made of, and one entry worked out. The worked entries follow one sample through one unit of each
layer, those with the largest dZ, so that the number one line ends with is a number the next begins with.
"""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from ._core.types import MatrixLike, Weights
from ._pages.step import Step
from .gradient_check import Classifier
from .network import Network
from .registry import check_number

# What makes the pages is imported where it is used, so that importing the package costs no more.

__all__ = ["Step", "StepExplanation", "explain_step"]


@dataclass(frozen=True, eq=False, repr=False)
class StepExplanation:
    """What :func:`explain_step` returns: a page, as text, as HTML, and as objects.

    ``print`` shows it as text, a notebook as a page to step through.

    Attributes
    ----------
    steps : list of Step
        Every array in the order in which it is computed, the given ones first.
    facts : list of str
        What was explained: sizes, parts and settings.

    Examples
    --------
    >>> from skbackprop import Network, explain_step
    >>> explanation = explain_step(Network([2, 3, 1], random_state=0), [[0.5, 0.8]], [1.0])
    >>> [step.name for step in explanation.steps if step.phase == "backward"]
    ['dZ2', 'dW2', 'db2', 'dA1', 'dZ1', 'dW1', 'db1']
    """

    steps: list[Step]
    facts: list[str]

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page as one HTML file, which needs nothing else: no script, style or font from elsewhere.

        Parameters
        ----------
        path : str or path-like
            Where to, ``"step.html"`` say.
        """
        from ._pages.html import document

        Path(path).write_text(document(self), encoding="utf-8")

    def __str__(self) -> str:
        from ._pages.text import text_page

        return text_page(self)

    def __repr__(self) -> str:
        return f"StepExplanation({', '.join(self.facts)}; arrays {', '.join(step.name for step in self.steps)})"

    def _repr_html_(self) -> str:
        from ._pages.html import fragment

        return fragment(self)


def explain_step(
    network_or_estimator: Network | Classifier,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    learning_rate: float | None = None,
    sample_weight: Weights = None,
    alpha: float | None = None,
) -> StepExplanation:
    """Explain one step of gradient descent with its numbers: forward pass, loss, backward pass and update.

    Parameters
    ----------
    network_or_estimator : Network, TwoLayerClassifier or BackpropClassifier
        A fitted estimator is explained at its weights, an unfitted one where its training would start, with its class
        weights and one fixed draw of its dropout masks. Neither is changed.
    X : array-like or sparse matrix of shape (m, n_features)
        The samples; a handful is enough. All of them are computed with, and of large arrays the corner is shown.
    Y : array-like
        Targets for a Network, labels for an estimator.
    learning_rate : float, default=None
        Of the update, which is plain gradient descent whatever the estimator's solver; without, there is no update.
    sample_weight : array-like of shape (m,), default=None
        Weights of the samples.
    alpha : float, default=None
        Strength of the penalty; by default the estimator's own, and 0 for a Network.

    Returns
    -------
    explanation : StepExplanation
        ``print`` it, look at it in a notebook, save it as a page with ``explanation.save("step.html")``, or read
        ``explanation.steps``.

    Raises
    ------
    TypeError
        If the first argument is neither a Network nor a classifier of this package.
    ValueError
        If the data cannot be used, or a number is out of range.

    Examples
    --------
    >>> from skbackprop import Network, explain_step
    >>> net = Network([2, 2, 1], activation="tanh", random_state=0)
    >>> explanation = explain_step(net, [[0.5, 0.8], [1.0, -1.0]], [1, 0], learning_rate=0.1)
    >>> for step in explanation.steps[6:10]:
    ...     print(step.formula, step.shape)
    Z1 = X W1 + b1 (2, 2)
    A1 = tanh(Z1) (2, 2)
    Z2 = A1 W2 + b2 (2, 1)
    A2 = sigmoid(Z2) (2, 1)
    >>> print(explanation.steps[6].worked)
    Z1[1, 0] = 1·1.247 − 1·0.6921 + 0 = 0.5553
    """
    from ._pages.passes import Run, facts, steps_of

    network, X, Y, w, own_alpha, dropout = _problem(network_or_estimator, X, Y, sample_weight)
    alpha = own_alpha if alpha is None else alpha
    check_number(network_or_estimator, "alpha", alpha, 0)
    if learning_rate is not None:
        check_number(network_or_estimator, "learning_rate", learning_rate, 0, open_low=True)
    run = Run.of(network, X, Y, w, float(alpha), dropout)
    return StepExplanation(steps_of(run, learning_rate), facts(run, type(network_or_estimator).__name__, learning_rate))


def _problem(given: Any, X: Any, Y: Any, sample_weight: Any) -> tuple[Any, ...]:
    """Return network, X, Y, weights, alpha and dropout of a network, or of an estimator."""
    if isinstance(given, Network):
        return given, X, Y, sample_weight, 0.0, 0.0
    if isinstance(given, type) or not hasattr(given, "_gradient_problem"):
        what = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
        hint = " Of a pipeline give the last step, and X as its earlier steps transform it." * hasattr(given, "steps")
        raise TypeError(f"network_or_estimator must be a Network, or a classifier of skbackprop; got {what}.{hint}")
    return given._gradient_problem(X, Y, sample_weight)
