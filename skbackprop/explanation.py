"""One step of gradient descent, array by array: forward, loss, backward and update with the numbers shown.

:func:`explain_step` runs the lines of :class:`~skbackprop.Network` once and keeps every array under its name, with its
formula, the arrays that it is computed from, and one entry worked out. The worked entries follow one sample through one
unit of each layer, those with the largest dZ, so that the result of one line is used in the next.
"""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from numpy.typing import ArrayLike

from ._core.types import MatrixLike, Weights
from ._pages.step import Step
from .gradient_check import Classifier, problem_of
from .network import Network
from .registry import check_number

# What makes the pages is imported where it is used, so that importing the package takes no longer.

__all__ = ["Step", "StepExplanation", "explain_step"]


@dataclass(frozen=True, eq=False, repr=False)
class StepExplanation:
    """The result of :func:`explain_step`: a page as text or HTML, and its steps as objects.

    ``print`` shows it as text, a notebook shows it as a page to step through.

    Attributes
    ----------
    steps : list of Step
        One for each array, in the order of computation, those of the given arrays first.
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
        """Write the page as one self-contained HTML file: it loads no script, style or font from elsewhere.

        Parameters
        ----------
        path : str or path-like
            The file to write, for example ``"step.html"``.
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
        The samples; a handful is enough. All of them are used; of large arrays, only a corner is shown.
    Y : array-like
        Targets for a Network, labels for an estimator.
    learning_rate : float, default=None
        The learning rate of the update, which is plain gradient descent whatever the estimator's solver. If None, there
        is no update.
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

    network, X, Y, w, own_alpha, dropout = problem_of("network_or_estimator", network_or_estimator, X, Y, sample_weight)
    alpha = own_alpha if alpha is None else alpha
    check_number(network_or_estimator, "alpha", alpha, 0)
    if learning_rate is not None:
        check_number(network_or_estimator, "learning_rate", learning_rate, 0, open_low=True)
    run = Run.of(network, X, Y, w, float(alpha), dropout)
    return StepExplanation(steps_of(run, learning_rate), facts(run, type(network_or_estimator).__name__, learning_rate))
