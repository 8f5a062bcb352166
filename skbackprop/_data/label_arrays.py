"""A user's labels, in any container, as an array of equal labels; missing ones are refused.

scikit-learn's validation turns nullable and pyarrow labels into floats, which merges integers above 2^53. NumPy turns a
missing label in a list of strings into a string. So labels become arrays here, before either sees them.
"""

from collections.abc import Set
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.multiclass import type_of_target

SEQUENCES = (list, tuple, set, np.ndarray)  # several labels for one sample, of which scikit-learn says what to do


def label_array(labels: Any, name: str) -> Any:
    """Return labels as an array; what is not array-like is returned as it is, for scikit-learn to refuse.

    Raises
    ------
    ValueError
        If a label is missing.
    TypeError
        If strings and other labels are mixed.
    """
    try:
        array = labels if isinstance(labels, np.ndarray) else np.asarray(labels)
    except ValueError:  # rows of several lengths
        return labels
    if array.ndim == 0:  # None, for example
        return labels
    if isinstance(labels, (list, tuple)) and array.dtype.kind in "Uf":  # to which NumPy converts several types
        objects = with_own_dtype(np.array(labels, object), name)
        array = array if array.dtype.kind == "U" else objects
    if array.dtype.kind == "O":
        array = with_own_dtype(array, name)
    if array.dtype.kind in "fmM" and (array != array).any():
        refuse_missing(array[array != array][0], name)
    return array


def with_own_dtype(objects: Any, name: str) -> Any:
    """Return an array of Python objects in a dtype of bools, integers or floats if they all are such, else unchanged.

    Raises
    ------
    ValueError
        If one of them is None, NaN, NA or NaT.
        If they are neither strings nor numbers, such as intervals and dates.
    TypeError
        If only some of them are strings.
    """
    types = set(map(type, objects.flat))
    are_strings = [issubclass(each, str) for each in types]
    if all(are_strings):
        return objects
    if all(issubclass(each, (Real, np.bool_)) for each in types):
        numbers = np.array(objects.tolist())
        if numbers.tolist() == objects.tolist():  # false for NaN, and for integers too large for any integer dtype
            return numbers
    import pandas as pd

    gaps = objects[pd.isna(objects)]
    if gaps.size:
        refuse_missing(gaps[0], name)
    if any(are_strings):
        names = ", ".join(sorted(each.__name__ for each in types))
        raise TypeError(f"{name} must hold labels of one kind, numbers or strings; got {names}.")
    if others := sorted(each.__name__ for each in types if not issubclass(each, (Real, np.bool_, *SEQUENCES))):
        kind = f"{name} holds labels of type {', '.join(others)}, which are neither strings nor numbers"
        raise ValueError(f"Unknown label type: {kind}; pass {name}.astype(str).")
    return objects


def refuse_missing(value: Any, name: str) -> None:
    """Raise ValueError for a missing label."""
    found = str(value).replace("nan", "NaN")
    raise ValueError(f"Input {name} contains {found}, a missing label; leave it out, or put a label in its place.")


def checked_labels(y: Any, name: str) -> Any:
    """Return the y of fit as an array: one label for each sample, or label indicators of 0 and 1 in several columns.

    Raises
    ------
    ValueError
        If a label is missing, several columns hold anything else, or y is a sparse matrix of one column.
    TypeError
        If strings and other labels are mixed.
    """
    if sp.issparse(y):
        if y.ndim == 1 or y.shape[1] == 1:
            raise ValueError(f"{name} is sparse and has one column; pass it as an array, {name}.toarray().ravel().")
        y = y.tocsr()
        values = label_array(y.data if y.nnz == np.prod(y.shape) else np.append(y.data, y.dtype.type(0)), name)
        check_indicators(values, y.shape, name)
        y = y.toarray()  # which adds up entries that are stored twice, so the sums are checked as well
    y = label_array(y, name)
    if isinstance(y, np.ndarray) and y.ndim == 2 and y.shape[1] > 1:
        check_indicators(y, y.shape, name)
    return y


def check_indicators(values: Any, shape: tuple[int, ...], name: str) -> None:
    """Raise ValueError, with the remedy where it is known, if label indicators hold anything but 0 and 1."""
    kind = values.dtype.kind
    if kind == "b" or (kind in "iuf" and ((values == 0) | (values == 1)).all()):
        return
    found = list(values.flat) if kind == "O" else np.unique(values).tolist()
    if kind in "iuf" and len(found) <= 2 and found[-1] != 0 and all(value % 1 == 0 for value in found):
        remedy = f"{name} == {found[-1]}" if found != [-1] else f"{name} > 0"
        raise ValueError(f"{name} must code label indicators as 0 and 1, or as bools; it holds {found}: pass {remedy}.")
    shown = f"{found[:5]} and more" if len(found) > 5 else found
    kinds = "a 1d array of labels, or label indicators of 0 and 1 in several columns"
    raise ValueError(f"{name} should be {kinds}; got an array of shape {shape} that holds {shown}.")


def class_array(classes: Any, *, sort: bool) -> Any:
    """Return the classes that partial_fit is given: sorted and unique, or, if they name columns of y, in their order.

    Raises
    ------
    ValueError
        If they are not labels, if they are fewer than two, or if they are a set although their order counts.
    TypeError
        If strings and other labels are mixed.
    """
    if isinstance(classes, Set) and not sort:
        raise ValueError(f"classes={classes!r} must be a list, in the order of the columns of y; a set has no order.")
    array = label_array(list(classes) if isinstance(classes, Set) else classes, "classes")
    is_vector = isinstance(array, np.ndarray) and array.ndim == 1
    if not is_vector or (len(array) and type_of_target(array, "classes") not in ("binary", "multiclass")):
        every = "all labels across calls to partial_fit"
        raise ValueError(f"classes must be a list or an array of {every}; got {classes!r}.")
    array = np.unique(array) if sort else array
    if len(array) < 2:
        count = "one class only" if len(array) else "no class"
        raise ValueError(f"classes={classes!r} names {count}; a classifier needs at least two classes.")
    return array
