"""What cannot be a table of features, in words: images, and columns that hold no numbers."""

from typing import Any

import numpy as np


def check_dimensions(X: Any, name: str) -> None:
    """Raise ValueError, with the remedy, if X is an array of more than two dimensions, such as images."""
    if len(shape := getattr(X, "shape", ())) > 2:
        remedy = f"a sample is one row of features: pass {name}.reshape(len({name}), -1)"
        raise ValueError(f"Found array {name} with dim {len(shape)}, shape {shape}; {remedy}.")


def columns_without_numbers(X: Any) -> list[Any]:
    """Return the names, or without names the numbers, of the columns of X that hold something else than numbers."""
    columns: Any = enumerate(X.T) if isinstance(X, np.ndarray) and X.ndim == 2 else ()
    if hasattr(X, "columns"):
        columns = [(name, X[name]) for name in getattr(X, "column_names", X.columns)]  # pyarrow's columns are no names
    return [name for name, column in columns if not are_numbers(np.asarray(column))]


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
