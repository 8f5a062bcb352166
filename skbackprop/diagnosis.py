"""diagnose: what a tutor would say of a fit, with the evidence and the remedy."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ._diagnosis.ailments import AILMENTS, OF_ERRORS, Finding
from ._diagnosis.evidence import Evidence

__all__ = ["Diagnosis", "Finding", "diagnose"]


@dataclass(frozen=True)
class Diagnosis:
    """What :func:`diagnose` returns: what is wrong with a fit; print it, or go through its findings.

    Attributes
    ----------
    findings : list of Finding
        The causes before what follows from them; empty where nothing is wrong.
    looked_at : list of str
        What there was to go by.
    missing : list of str
        What would have told more.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import BackpropClassifier, diagnose
    >>> X, y = load_wine(return_X_y=True)
    >>> clf = BackpropClassifier(random_state=0).fit(StandardScaler().fit_transform(X), y)
    >>> diagnosis = diagnose(clf)
    >>> print(diagnosis)
    Nothing wrong found. Looked at history_; X, y, X_val, y_val would tell more.
    >>> diagnosis.findings
    []
    """

    findings: list[Finding]
    looked_at: list[str]
    missing: list[str]

    def __str__(self) -> str:
        return "\n".join([self._headline(), *(f"{k}. {found}" for k, found in enumerate(self.findings, start=1))])

    def _headline(self) -> str:
        n = len(self.findings)
        verdict = (
            ("Nothing wrong found.", "One thing is wrong.")[n] if n < 2 else f"{n} things are wrong, causes first."
        )
        more = f"; {', '.join(self.missing)} would tell more" if self.missing else ""
        return f"{verdict} Looked at {', '.join(self.looked_at)}{more}."

    def _repr_html_(self) -> str:
        items = (
            f'<li style="margin-bottom: 0.75em"><b>{escape(found.what)}</b> <code>{escape(found.name)}</code>'
            f"<br>Evidence: {escape(found.evidence)}.<br>Remedy: {escape(found.remedy)}.</li>"
            for found in self.findings
        )
        findings = f"<ol>{''.join(items)}</ol>" if self.findings else ""
        return f'<div style="max-width: 50em"><p>{escape(self._headline())}</p>{findings}</div>'


def diagnose(clf: Any, X: Any = None, y: Any = None, *, X_val: Any = None, y_val: Any = None) -> Diagnosis:
    """Say what is wrong with a fit, what shows it, and what to change.

    Parameters
    ----------
    clf : fitted TwoLayerClassifier or BackpropClassifier, Pipeline or search that ends in one, or DivergenceError
        What is diagnosed; it is not changed. Its ``history_`` alone tells some things, and an error all that it knows.
    X : array-like or sparse matrix of shape (n_samples, n_features), default=None
        The samples it was trained on, of a Pipeline before its first step. Tells of features, and of hidden units. Of
        many samples 2,048 evenly spaced ones are looked at.
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
        If the samples cannot be used or are fewer than 10, or y is given without X, or X_val and y_val not together.
    NotFittedError
        If clf is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import TwoLayerClassifier, diagnose
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = TwoLayerClassifier(learning_rate=1e-6, early_stopping=False, random_state=0)
    >>> model = make_pipeline(StandardScaler(), clf).fit(X, y)
    >>> print(diagnose(model, X, y))
    2 things are wrong, causes first. Looked at history_, X, y; X_val, y_val would tell more.
    1. The learning rate is too low: the weights have hardly left their start. (rate_too_low)
       Evidence: one step moves the weights by at most 6e-06 of their size, where 1e-3 is usual;
       the loss is 0.6669, where equal probabilities have 0.6931.
       Remedy: learning_rate='auto', or learning_rate=0.0001.
    2. The network underfits: it has learned less than the samples tell. (underfitting)
       Evidence: the loss is 0.6669; the same answer for every sample has 0.6603.
       Remedy: max_iter=1000, n_iter_no_change=20, tol=1e-4, or better features.
    >>> model = model.set_params(twolayerclassifier__learning_rate="auto").fit(X, y)
    >>> [finding.name for finding in diagnose(model, X, y).findings]
    []
    """
    with np.errstate(all="ignore"):
        evidence = Evidence(clf, X, y, X_val, y_val)
        ailments = AILMENTS if evidence.error is None else OF_ERRORS
        findings = [found for ailment in ailments if (found := ailment(evidence)) is not None]
    return Diagnosis(findings, evidence.looked_at, evidence.missing)
