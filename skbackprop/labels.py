"""Labels of any kind, as the targets of a network and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from .activations import Array
from .data import DenseRows, OneHotRows
from .network import resolve_link


class Labels:
    """How labels map to outputs: fixed by the first y, the same for every later one.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The sorted labels; with multilabel targets, the column numbers.
    multilabel : bool
        Whether y is an indicator matrix with one column for each label.

    Attributes
    ----------
    n_outputs : int
        1 for two classes, else one for each class or label.
    link : {"sigmoid", "softmax"}
        The output link that belongs to the targets.
    """

    def __init__(self, classes: Any, multilabel: bool) -> None:
        self.classes = classes
        self.multilabel = multilabel
        self.binary = not multilabel and len(classes) == 2
        self.n_outputs = 1 if self.binary else len(classes)
        self.link = "sigmoid" if self.binary or multilabel else "softmax"

    @classmethod
    def of(cls, y: Any, classes: Any = None) -> Labels:
        """Read the labels off y, or take the given classes.

        Raises
        ------
        ValueError
            If y is no kind of class labels, or holds one class only.
        """
        if is_multilabel(y):
            return cls(np.arange(y.shape[1]) if classes is None else np.unique(classes), multilabel=True)
        try:
            classes = np.unique(flat(y) if classes is None else classes)
        except TypeError:
            kinds = sorted({type(label).__name__ for label in y})
            raise TypeError(f"y must hold labels of one kind, which can be sorted; got {', '.join(kinds)}.") from None
        if len(classes) < 2:
            raise ValueError(f"y holds one class only, {classes[0]!r}; a classifier needs at least two classes.")
        return cls(classes, multilabel=False)

    def encode(self, y: Any) -> Any:
        """Return class numbers of shape (n,), or the indicator matrix as it is.

        Raises
        ------
        ValueError
            If y holds labels that are not among the classes, or is of another kind.
        """
        if is_multilabel(y) != self.multilabel or (self.multilabel and y.shape[1] != self.n_outputs):
            expected = f"an indicator matrix with {self.n_outputs} columns" if self.multilabel else "one label per row"
            raise ValueError(f"y must be {expected}, as in the first fit; got shape {y.shape}.")
        if self.multilabel:
            return y.toarray() if sp.issparse(y) else y
        y = flat(y, warn=True)
        codes, known = None, np.zeros(len(y), bool)
        if same_kind(y, self.classes):
            try:
                codes = np.searchsorted(self.classes, y)
                known = self.classes.take(codes, mode="clip") == y
            except TypeError:  # objects of another type have no place in the order of the classes
                pass
        if not np.all(known):
            unknown = list(dict.fromkeys(np.asarray(y)[~known].tolist()))[:5]
            raise ValueError(f"y holds labels {unknown} that are not among the classes {self.classes!r}.")
        return codes

    def targets(self, codes: Any, dtype: Any) -> DenseRows | OneHotRows:
        """Wrap encoded labels as the targets of a training table."""
        if self.multilabel:
            return DenseRows(np.ascontiguousarray(codes, dtype))
        if self.binary:
            return DenseRows(codes.astype(dtype)[:, np.newaxis])
        return OneHotRows(codes, len(self.classes), dtype)

    def decode(self, Z: Array) -> Any:
        """Return the most probable label of each row of logits, or the labels with probability above one half."""
        decided = resolve_link(self.link, self.n_outputs).decide(Z)
        return decided.astype(np.int64) if self.multilabel else self.classes.take(decided.ravel())

    def log_probabilities(self, Z: Array, link: Any) -> Array:
        """Return the logarithms, exact where the probabilities round to 0 or 1."""
        return link.log_probabilities(np.hstack([-Z, Z]) if self.binary else Z)


def flat(y: Any, warn: bool = False) -> Any:
    """Return a checked y with one label per row as a vector; scikit-learn is asked only about a single column."""
    return y if y.ndim == 1 else column_or_1d(y, warn=warn)


def same_kind(a: Any, b: Any) -> bool:
    """Tell whether two arrays of labels can be compared: both numbers, both strings, or one of them objects."""
    kinds = {"text" if array.dtype.kind in "US" else array.dtype.kind.replace("O", "") and "number" for array in (a, b)}
    return len(kinds - {""}) <= 1


def same_labels(a: Any, b: Any) -> bool:
    """Tell whether two arrays hold the same labels."""
    return same_kind(a, b) and np.array_equal(a, b)


def is_multilabel(y: Any) -> bool:
    """Tell whether y is a label indicator matrix; anything but class labels raises ValueError."""
    if getattr(y, "ndim", 0) == 1 and y.dtype.kind in "ibu":
        return False  # what type_of_target would find out in 0.2 ms
    try:
        check_classification_targets(y)
    except TypeError as error:  # NumPy could not sort them
        raise TypeError(f"y must hold labels of one kind, numbers or strings; {error}.") from None
    return bool(type_of_target(y, input_name="y") == "multilabel-indicator")


def row_weights(sample_weight: Array | None, class_weight: Any, codes: Any, labels: Labels) -> Array | None:
    """Return w_i = sample_weight_i · class_weight[y_i], or None if all are one.

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
        raise ValueError(f"class_weight={class_weight!r} leaves no row with a positive weight.")
    return w


def check_two_classes(codes: Any, weights: Array | None, labels: Labels) -> None:
    """Raise ValueError if only one class has rows of positive weight."""
    if weights is not None and not labels.multilabel:
        present = np.unique(codes[weights > 0])
        if len(present) < 2:
            raise ValueError(
                f"Only one class, {labels.classes[present[0]]!r}, has rows of positive weight; "
                "a classifier needs at least two classes."
            )


def class_weights(class_weight: Any, w: Array, codes: Any, classes: Any) -> Array:
    """Return the weight of each class, in the order of the classes."""
    if isinstance(class_weight, str):
        totals = np.bincount(codes, w, minlength=len(classes))
        return w.sum() / (len(classes) * np.where(totals > 0, totals, np.inf))
    known = classes.tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise ValueError(f"class_weight names {unknown!r}, not among the classes {classes!r}.")
    weights = np.array([class_weight.get(label, 1.0) for label in known], np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.max() > 0):
        raise ValueError(f"class_weight must hold finite, non-negative numbers, not all zero; got {class_weight!r}.")
    return weights
