"""diagnose: what a tutor would say of a fit, with the evidence and the remedy."""

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from ._diagnosis.ailments import AILMENTS, OF_ERRORS, Finding
from ._diagnosis.evidence import Evidence

__all__ = ["Diagnosis", "Finding", "diagnose"]


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a fit; print it, or go through its findings.

    Attributes
    ----------
    findings : list of Finding
        The causes before what follows from them; empty where nothing is wrong.
    looked_at : list of str
        What there was to go by.
    """

    findings: list[Finding]
    looked_at: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join([self._headline(), *(f"{k}. {found}" for k, found in enumerate(self.findings, start=1))])

    def _headline(self) -> str:
        n, missing = len(self.findings), [name for name in ("X", "y", "X_val", "y_val") if name not in self.looked_at]
        verdict = (
            ["Nothing wrong found.", "One thing is wrong."][n] if n < 2 else f"{n} things are wrong, causes first."
        )
        more = f"; {', '.join(missing)} would tell more" if missing else ""
        return f"{verdict} Looked at {', '.join(self.looked_at)}{more}."

    def _repr_html_(self) -> str:
        items = (
            f"<li><b>{escape(found.what)}</b> <code>{escape(found.name)}</code><br>Evidence: {escape(found.evidence)}."
            f"<br>Remedy: {escape(found.remedy)}.</li>"
            for found in self.findings
        )
        return f"<div><p>{escape(self._headline())}</p><ol>{''.join(items)}</ol></div>"


def diagnose(clf: Any, X: Any = None, y: Any = None, *, X_val: Any = None, y_val: Any = None) -> Diagnosis:
    """Say what is wrong with a fit, what shows it, and what to change.

    Parameters
    ----------
    clf : fitted TwoLayerClassifier or BackpropClassifier, Pipeline or search that ends in one, or DivergenceError
        What is diagnosed; it is not changed. Its history alone tells some things.
    X : array-like or sparse matrix of shape (n_samples, n_features), default=None
        The samples it was trained on; with a Pipeline, as that was given them, and with a DivergenceError, as the
        classifier itself was. Tells of features, and of hidden units. Of many samples 2,048 evenly spaced ones are used.
    y : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
        Their labels. Tells, with X, of gradients at the start, of a rare class, and of underfitting.
    X_val, y_val : array-likes, default=None
        Samples that it was not trained on. Tells of overfitting, and of probabilities that are too sure.

    Returns
    -------
    diagnosis : Diagnosis
        Its ``str`` is the whole in words; ``diagnosis.findings`` lists what was found, each with the attributes name,
        what, evidence and remedy. The names are "unscaled_features", "diverged", "exploding_gradients",
        "rate_too_high", "vanishing_gradients", "dead_units", "saturated_units", "rate_too_low", "overfitting",
        "stopped_too_soon", "majority_class", "underfitting" and "overconfident", in this order, in which one leads to
        another.

    Raises
    ------
    TypeError
        If clf is none of these.
    ValueError
        If the samples cannot be used, or y is given without X, or X_val and y_val not together.
    NotFittedError
        If clf is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import TwoLayerClassifier, diagnose
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), TwoLayerClassifier(learning_rate=1e-5, random_state=0)).fit(X, y)
    >>> print(diagnose(model, X, y))
    >>> model.set_params(twolayerclassifier__learning_rate="auto").fit(X, y)
    >>> [finding.name for finding in diagnose(model, X, y).findings]
    []
    """
    with np.errstate(all="ignore"):
        evidence = Evidence(clf, X, y, X_val, y_val)
        ailments = AILMENTS if evidence.error is None else OF_ERRORS
        findings = [found for ailment in ailments if (found := ailment(evidence)) is not None]
    return Diagnosis(findings, evidence.looked_at)
