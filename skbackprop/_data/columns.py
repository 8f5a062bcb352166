"""The columns of a table as a user gives it: their names, and what is wrong with one of them, in words."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def is_frame(X: Any) -> bool:
    """Tell whether X is a pandas, polars or pyarrow table: columns of their own names and types."""
    return hasattr(X, "columns") and hasattr(X, "shape")


def labels_of(X: Any) -> tuple[Any, ...]:
    """Return the names of a frame's columns; an array has none."""
    return tuple(getattr(X, "column_names", X.columns)) if is_frame(X) else ()  # pyarrow's ``columns`` are not names


def dtypes_of(X: Any) -> list[Any]:
    """Return the dtypes of a table: of a pandas frame one for each column, of anything else NumPy's common one."""
    if hasattr(X, "iloc"):
        return list(X.dtypes)
    return [np.asarray(X[:0]).dtype] if is_frame(X) else [getattr(X, "dtype", None)]


def columns_of(X: Any) -> Iterator[tuple[str, Any]]:
    """Yield each column of a table as an array, with what a message calls it."""
    if is_frame(X):
        for i, label in enumerate(labels_of(X)):
            yield f"column {label!r}", np.asarray(X.iloc[:, i] if hasattr(X, "iloc") else X[label])
    else:
        table = X if isinstance(X, np.ndarray) else np.array(X, dtype=object)
        for i in range(table.shape[1] if table.ndim == 2 else 0):
            yield f"column {i}", table[:, i]


def has_dates(X: Any) -> bool:
    """Tell whether a table has columns of dates or durations, which NumPy would turn into huge numbers."""
    return any(getattr(dtype, "kind", None) in ("m", "M") for dtype in dtypes_of(X))


def what_is_wrong(X: Any) -> str | None:
    """Return which column holds dates, text or infinity, with the remedy; None if no column does."""
    for place, values in columns_of(X):
        if values.dtype.kind in "mM":
            return f"{place} holds dates; turn them into numbers, days since the first one, say."
        if values.dtype.kind in "OSU":
            for value in values:
                error = conversion_error(value)
                if error:
                    remedy = "leave it out, or encode it in a ColumnTransformer, by OneHotEncoder, say"
                    return f"{place} holds {value!r:.60}, which is no number; {remedy} ({error})."
        if values.dtype.kind in "fOSU" and np.isinf(values.astype(np.float64)).any():
            return f"{place} holds infinity; replace it by a number, or by NaN where the value is not known."
    return None


def conversion_error(value: Any) -> Exception | None:
    """Return why NumPy makes no float of an object; of None it makes NaN."""
    try:
        np.array([value], dtype=object).astype(np.float64)
    except (TypeError, ValueError) as error:
        return error
    return None
