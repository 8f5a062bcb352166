"""Labels of any kind, encoded as the targets of a network and decoded again."""

from contextlib import suppress
from typing import Any, Self

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from .._core.kernels import Array
from ..network import resolve_link


class Labels:
    """How labels map to outputs; the first y decides it for every later one.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The sorted labels; with multilabel targets, the names or numbers of the columns.
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
        self.classes, self.multilabel = classes, multilabel
        self.binary = not multilabel and len(classes) == 2
        self.n_outputs = 1 if self.binary else len(classes)
        self.link = "sigmoid" if self.binary or multilabel else "softmax"

    @classmethod
    def of(cls, y: Any, classes: Any = None) -> Self:
        """Return the labels of y, or those of the given classes.

        Raises
        ------
        ValueError
            If y does not hold class labels, holds one class only, or does not have one column for each class given.
        """
        if is_multilabel(y):
            n_columns = y.shape[1]
            if classes is not None and not len(classes) == len(np.unique(classes)) == n_columns:
                several = f"different labels, one for each of the {n_columns} columns of y"
                raise ValueError(f"classes={classes!r} must be {several}; or leave classes out.")
            return cls(np.arange(n_columns) if classes is None else classes, multilabel=True)
        classes = np.unique(flat(y)) if classes is None else classes
        if len(classes) < 2:
            raise ValueError(f"y holds one class only, {classes[0]!r}; a classifier needs at least two classes.")
        return cls(classes, multilabel=False)

    @classmethod
    def fitted(cls, estimator: Any) -> Self:
        """Return the labels of a fitted estimator."""
        multilabel = estimator.link_ == "sigmoid" and estimator.n_outputs_ == len(estimator.classes_)
        return cls(estimator.classes_, multilabel)

    def are(self, classes: Any) -> bool:
        """Tell whether these classes are the same labels in the same order."""
        return same_kind(self.classes, classes) and np.array_equal(self.classes, classes)

    def encode(self, y: Any) -> Any:
        """Return class numbers of shape (n,), or the indicator matrix as it is.

        Raises
        ------
        ValueError
            If y holds labels that are not among the classes, or is of another kind.
        """
        if is_multilabel(y) != self.multilabel or (self.multilabel and y.shape[1] != self.n_outputs):
            kind = f"an indicator matrix with {self.n_outputs} columns" if self.multilabel else "one label per sample"
            raise ValueError(f"y must be {kind}, as in the first fit; got shape {y.shape}.")
        if self.multilabel:
            return y
        y = flat(y, warn=True)
        if same_kind(y, self.classes):
            with suppress(TypeError):  # objects of another type cannot be compared with the classes
                codes = np.searchsorted(self.classes, y)
                if np.array_equal(self.classes.take(codes, mode="clip"), y):
                    return codes
        unknown = [label for label in dict.fromkeys(y.tolist()) if label not in self.classes.tolist()][:5]
        raise ValueError(f"y holds labels {unknown} that are not among the classes {self.classes!r}.")

    def targets(self, codes: Any, dtype: Any) -> Any:
        """Return encoded labels as a table takes its targets: as they are for softmax, else in columns of numbers."""
        if self.link == "softmax":
            return codes
        return np.ascontiguousarray(codes[:, np.newaxis] if self.binary else codes, dtype)

    def decode(self, Z: Array) -> Any:
        """Return the most probable label of each sample, or the labels with probability above one half."""
        decided = resolve_link(self.link, self.n_outputs).decide(Z)
        return decided.astype(np.int64) if self.multilabel else self.classes.take(decided.ravel())


def flat(y: Any, warn: bool = False) -> Any:
    """Return a checked y with one label for each sample as a vector; only a column needs scikit-learn for that."""
    return y if y.ndim == 1 else column_or_1d(y, warn=warn)


def same_kind(a: Any, b: Any) -> bool:
    """Tell whether two arrays of labels can be compared: both numbers, both strings, or one of them objects."""
    kinds = {"text" if array.dtype.kind in "US" else array.dtype.kind.replace("O", "") and "number" for array in (a, b)}
    return len(kinds - {""}) <= 1


def is_multilabel(y: Any) -> bool:
    """Tell whether a checked y is a label indicator matrix; anything but class labels raises ValueError."""
    if y.ndim == 2 and y.shape[1] > 1:
        return True
    if y.ndim > 1 or y.dtype.kind not in "ibu":  # the answer is known for bools and integers; the check takes 0.2 ms
        check_classification_targets(y)
    return False
