"""Checked samples with encoded labels and weights w_i = sample_weight_i · class_weight[y_i]; some may be held out."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Self

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from .._core.kernels import Array
from .labels import Labels
from .table import Rows, Table, as_slice

MIN_HELD_OUT = 10  # a validation set of fewer samples says too little for early stopping


@dataclass(frozen=True)
class Samples:
    """Checked samples.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n, n_features)
        In the network's dtype.
    y : ndarray of shape (n,) or (n, n_labels)
        The labels as a scorer takes them.
    labels : Labels
        How labels map to outputs.
    codes : ndarray of shape (n,) or (n, n_labels)
        Class numbers, or label indicators.
    targets : ndarray of shape (n, n_outputs), or of int and shape (n,)
        The codes in the form in which a table takes its targets.
    sample_weight : ndarray of shape (n,), or None
        The user's weights, divided by the largest.
    weights : ndarray of shape (n,), or None
        sample_weight times the class weights; None if all are one.
    rows : range or ndarray of row numbers
        The samples of positive weight; only these are trained and evaluated on.
    given : tuple
        X, y and sample_weight as the user gave them, for scorers of the user's own.
    """

    X: Any
    y: Any
    labels: Labels
    codes: Any
    targets: Any
    sample_weight: Array | None
    weights: Array | None
    rows: Rows
    given: tuple[Any, Any, Any]

    @classmethod
    def of(
        cls, X: Any, y: Any, labels: Labels, sample_weight: Array | None, class_weight: Any, given: Any = None
    ) -> Self:
        """Encode the labels and combine the weights."""
        codes = labels.encode(y)
        weights = combined_weights(sample_weight, class_weight, codes, labels)
        rows = range(len(codes)) if weights is None or weights.min() > 0 else np.flatnonzero(weights)
        given = given or (X, y, sample_weight)
        return cls(X, y, labels, codes, labels.targets(codes, X.dtype), sample_weight, weights, rows, given)

    def table(self, rows: Rows | None = None, mean_weight: float | None = None) -> Table:
        """Return a table of some rows, by default all of positive weight, to train or to evaluate a network on.

        The weights are divided by mean_weight, by default the mean weight of these samples.
        """
        rows, weights = self.rows if rows is None else rows, self.weights
        if weights is None and mean_weight not in (None, 1.0):
            weights = np.ones(len(self.codes))
        if weights is not None:
            mean_weight = mean_weight or float(weights[as_slice(rows)].mean())
            weights = (weights / mean_weight).astype(self.X.dtype, copy=False)
        return Table(self.X, self.targets, self.labels.n_outputs, weights, rows)

    @property
    def total_weight(self) -> float:
        """The sum of the weights."""
        return float(len(self.rows) if self.weights is None else self.weights[as_slice(self.rows)].sum())


def held_out(samples: Samples, fraction: float, rng: np.random.RandomState) -> tuple[Rows, Rows] | None:
    """Return the row numbers of a training part and of a validation set, or None if one of them would be too small.

    max(⌈fraction · n⌉, number of classes) samples are held out: stratified by class, where there is one label for each
    sample, else at random. A class of a single sample stays in the training part.

    Parameters
    ----------
    samples : Samples
        Only those of positive weight are split.
    fraction : float
        Share of the samples to hold out.
    rng : RandomState
        Source of the split.
    """
    codes = samples.codes
    rows = np.arange(len(codes)) if isinstance(samples.rows, range) else samples.rows
    splitter, stratify, splittable, n_classes = ShuffleSplit, None, rows, 1
    if codes.ndim == 1:
        counts = np.bincount(codes[as_slice(samples.rows)])
        if 1 in counts:
            splittable = rows[counts[codes[rows]] > 1]
        stratify = codes if len(splittable) == len(codes) else codes[splittable]
        splitter, n_classes = StratifiedShuffleSplit, int(np.count_nonzero(counts > 1))
    n_held_out = max(ceil(fraction * len(rows)), n_classes)
    if n_held_out < MIN_HELD_OUT or len(splittable) - n_held_out < n_classes:
        return None
    # the training part, which scikit-learn makes as a list, is not used here, so ask for the smallest one allowed
    split = splitter(1, test_size=n_held_out, train_size=n_classes, random_state=rng).split(splittable, stratify)
    validation = np.sort(splittable[next(split)[1]])
    return np.setdiff1d(rows, validation, assume_unique=True), validation


def combined_weights(sample_weight: Array | None, class_weight: Any, codes: Any, labels: Labels) -> Array | None:
    """Return w_i = sample_weight_i · class_weight[y_i], shape (n,), or None if all are one.

    "balanced" gives every class the same total weight: Σw / (K Σ_{class k} w).

    Raises
    ------
    ValueError
        If class_weight does not fit the classes, or all weights are zero.
    """
    if class_weight is None:
        return sample_weight
    if labels.multilabel:
        raise ValueError(f"class_weight={class_weight!r} does not apply to multilabel targets; use sample_weight.")
    w = np.ones(len(codes)) if sample_weight is None else sample_weight
    w = w * class_weights(class_weight, w, codes, labels.classes).take(codes)
    if not w.max() > 0:
        raise ValueError(f"class_weight={class_weight!r} leaves no sample with a positive weight.")
    return w


def class_weights(class_weight: Any, w: Array, codes: Any, classes: Any) -> Array:
    """Return the weight of each class, in the order of the classes; keys of absent classes are ignored.

    Raises
    ------
    ValueError
        If no key is a class, or some are of another kind than the classes, or the weights are not finite,
        non-negative numbers, or all zero.
    """
    if isinstance(class_weight, str):
        totals = np.bincount(codes, w, minlength=len(classes))
        return totals.sum() / (len(classes) * np.where(totals > 0, totals, np.inf))
    known = classes.tolist()
    if class_weight and not any(label in class_weight for label in known):
        remedy = "its keys must be labels of y, numbers or strings as they are there"
        raise ValueError(f"class_weight={class_weight!r} names none of the classes {known}; {remedy}.")
    strange = [key for key in class_weight if isinstance(key, str) != isinstance(known[0], str)]
    if strange:
        raise ValueError(f"class_weight={class_weight!r} has keys of another type than the classes {known}: {strange}.")
    weights = np.array([class_weight.get(label, 1.0) for label in known], np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.max() > 0):
        raise ValueError(f"class_weight must hold finite, non-negative numbers, not all zero; got {class_weight!r}.")
    return weights


def check_two_classes(codes: Any, rows: Any, labels: Labels) -> None:
    """Raise ValueError if only one class has samples of positive weight."""
    if not labels.multilabel and not isinstance(rows, range):
        present = np.unique(codes[rows])
        if len(present) < 2:
            raise ValueError(f"Only one class, {labels.classes[present[0]]!r}, has positive weights; give two or more.")
