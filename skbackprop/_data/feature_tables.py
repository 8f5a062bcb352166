"""A table of features as a user passes it: its columns by name, and messages about columns that cannot be used."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def is_frame(X: Any) -> bool:
    """Tell whether X is a pandas, polars or pyarrow table, whose columns have names and types of their own."""
    return hasattr(X, "columns") and hasattr(X, "shape")


def labels_of(X: Any) -> tuple[Any, ...]:
    """Return the names of a frame's columns; an array has none."""
    return tuple(getattr(X, "column_names", X.columns)) if is_frame(X) else ()  # pyarrow's ``columns`` are not names


def columns_of(X: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the name of each column, or its number if there are no names, and its values."""
    if is_frame(X):
        for i, label in enumerate(labels_of(X)):
            yield label, np.asarray(X.iloc[:, i] if hasattr(X, "iloc") else X[label])
    elif isinstance(X, (np.ndarray, list, tuple)):
        table = X if isinstance(X, np.ndarray) else np.array(X, dtype=object)
        yield from enumerate(table.T if table.ndim == 2 else ())


def column_dtypes(X: Any) -> list[Any]:
    """Return the dtypes of a frame's columns; of polars and pyarrow, the single one that NumPy gives to all of them."""
    return list(X.dtypes) if hasattr(X, "iloc") else [np.asarray(X[:0]).dtype]


def has_dates(X: Any) -> bool:
    """Tell whether a table has columns of dates or durations."""
    dtypes = column_dtypes(X) if is_frame(X) else [getattr(X, "dtype", None)]
    return any(getattr(dtype, "kind", None) in ("m", "M") for dtype in dtypes)


def check_dimensions(X: Any, name: str) -> None:
    """Raise ValueError if X is an array of more than two dimensions, such as images, and say what to do."""
    if len(shape := getattr(X, "shape", ())) > 2:
        remedy = f"a sample is one row of features: pass {name}.reshape(len({name}), -1)"
        raise ValueError(f"Found array {name} with dim {len(shape)}, shape {shape}; {remedy}.")


def what_is_wrong(X: Any, name: str) -> str | None:
    """Return a message about columns with infinity or values that are not numbers; None if there are none."""
    if columns := columns_where(X, lambda values: not are_numbers(values)):
        remedy = "encode or drop them, in a ColumnTransformer"
        return f"{name} holds something other than numbers in the columns {columns}; {remedy}."
    if columns := columns_where(X, has_infinity):
        return f"{name} holds infinity in the columns {columns}; replace it by finite numbers."
    return None


def what_is_missing(X: Any, name: str) -> str | None:
    """Return which columns have missing values, with the remedy; None if there are no such columns."""
    import pandas as pd

    if columns := columns_where(X, lambda values: bool(pd.isna(values).any())):
        remedy = "fill them in a pipeline, by SimpleImputer(add_indicator=True), or use PiecewiseLinearEncoder"
        return f"{name} has missing values in the columns {columns}; {remedy}."
    return None


def columns_where(X: Any, is_so: Callable[[Any], bool]) -> str:
    """Return the names of the columns for which is_so is true, as text; an empty string if there are none."""
    columns = [name for name, values in columns_of(X) if is_so(values)]
    return f"{columns[:5]}{f' and {len(columns) - 5} more' if len(columns) > 5 else ''}" if columns else ""


def has_infinity(values: Any) -> bool:
    """Tell whether an array has infinite numbers."""
    import pandas as pd

    return values.dtype.kind in "fO" and bool(np.isinf(values[~pd.isna(values)].astype(np.float64)).any())


def are_numbers(values: Any) -> bool:
    """Tell whether all values of an array are numbers, or strings of digits, or missing."""
    import pandas as pd

    if values.dtype.kind in "biufcmM":
        return values.dtype.kind not in "mM"
    try:
        values[~pd.isna(values)].astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True
