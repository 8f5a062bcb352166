"""The samples to predict, as the inputs of an ONNX model: an array, or a frame column by column."""

from collections.abc import Container
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._data.feature_tables import is_frame, labels_of

HELD = ("float32", "float64", "int64", "int32", "int8", "uint8", "bool")
OUTPUTS = ("label", "probabilities")


def table(X: Any, most: int | None = None) -> Any:
    """Return X, or its first samples: a frame as it is, anything else as an array.

    Raises
    ------
    ValueError
        If it holds no samples, or is not a table.
    """
    if sp.issparse(X):
        X = X.tocsr()[:most].toarray()
    X = X if is_frame(X) else np.asarray(X)
    if len(X.shape) != 2 or 0 in X.shape:
        raise ValueError(f"X must be a table of at least one sample, to show the inputs' types; got shape {X.shape}.")
    return X[:most]


def named_columns(X: Any, wanted: Container[str] | None = None) -> dict[str, Any]:
    """Return the inputs that X fills, of two dimensions each: an array as ``X``, a frame's columns under their names.

    A name that another column or an output has already gets a ``_`` at its end. Only the wanted columns of a frame, by
    default all, must be such that ONNX holds them; None stands for the others.
    """
    if not is_frame(X):
        return {"X": held("X", X).reshape(X.shape)}
    columns: dict[str, Any] = {}
    for i, name in enumerate(labels_of(X)):
        unique = str(name)
        while unique in columns or unique in OUTPUTS or not unique:
            unique += "_"
        columns[unique] = None
        if wanted is None or unique in wanted:
            values = X.iloc[:, i] if hasattr(X, "iloc") else X[name]
            columns[unique] = held(f"column {name!r}", values)[:, np.newaxis]
    return columns


def held(place: str, values: Any) -> Any:
    """Return values as a vector of a dtype that ONNX holds; objects must be strings, or numbers and missing values.

    Raises
    ------
    ValueError
        If they are neither numbers nor strings, or some strings are missing.
    """
    values = np.asarray(values).ravel()
    if values.dtype.kind in "fiub":
        nearest = {"f": np.float32 if values.dtype.itemsize < 4 else np.float64}.get(values.dtype.kind, np.int64)
        return values if values.dtype.name in HELD else values.astype(nearest)
    if values.dtype.kind not in "OUT":
        remedy = "convert it first, or leave it out of X if the model drops it"
        raise ValueError(f"{place} has dtype {values.dtype}, and ONNX holds numbers and strings only; {remedy}.")
    values = values.astype(object)
    texts = np.array([isinstance(value, str) for value in values])
    if texts.all():
        return values
    if texts.any():
        remedy = "fill what is missing before fitting, and give tables of mixed columns as a DataFrame"
        raise ValueError(f"{place} holds strings and other values, which ONNX keeps apart; {remedy}.")
    import pandas

    numbers, known = np.full(len(values), np.nan), ~pandas.isna(values)
    numbers[known] = values[known].astype(np.float64)
    return numbers


def input_feed(onnx_model: Any, X: Any) -> dict[str, Any]:
    """Return X as onnxruntime's ``session.run(None, ...)`` takes it: an array, or a column for each input.

    Parameters
    ----------
    onnx_model : onnx.ModelProto
        What :func:`to_onnx` returned, or ``onnx.load`` read.
    X : array-like, sparse matrix or DataFrame
        Samples. A DataFrame's columns are found by their names, an array's by their order.

    Returns
    -------
    feed : dict of str to ndarray
        An array for each input, in the dtype that the input has.

    Raises
    ------
    ValueError
        If X lacks a column, or holds values that an input cannot.
    """
    from onnx.helper import tensor_dtype_to_np_dtype

    inputs, remedy = list(onnx_model.graph.input), "Convert X to the dtypes that it had in to_onnx"
    feed = {}
    for each, values in zip(inputs, columns_for(inputs, table(X)), strict=True):
        dtype = tensor_dtype_to_np_dtype(each.type.tensor_type.elem_type)
        if (values.dtype.kind == "O") != (dtype.kind == "O") or not np.can_cast(values.dtype, dtype, "same_kind"):
            raise ValueError(
                f"Input {each.name!r} of the ONNX model holds {dtype}; X gives it {values.dtype}. {remedy}."
            )
        feed[each.name] = values.astype(dtype, copy=False)
    return feed


def columns_for(inputs: Any, X: Any) -> list[Any]:
    """Return the part of X for each input of an ONNX model; an input's ``doc_string`` is the name of its column.

    Raises
    ------
    ValueError
        If X lacks a column.
    """
    names = [each.doc_string for each in inputs]
    by_name = is_frame(X) and all(names)
    columns = named_columns(X, names if by_name else None)
    if by_name:
        lacking = [name for name in names if name not in columns]
        if lacking:
            raise ValueError(f"X lacks the columns {lacking}, which are inputs of the ONNX model.")
        return [columns[name] for name in names]
    parts = list(columns.values())
    if len(inputs) == 1:
        return [np.hstack(parts)]
    parts = np.hsplit(parts[0], parts[0].shape[1]) if len(parts) == 1 else parts
    if len(parts) != len(inputs):
        raise ValueError(f"X has {len(parts)} columns, but the ONNX model has {len(inputs)} inputs.")
    return parts
