"""Fitted transformers as ONNX nodes: those that combine or choose columns are converted here, others by skl2onnx."""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from .._sklearn.compat import column_numbers
from ..preprocessing import PiecewiseLinearEncoder
from .graph import Columns, Graph, matrix, new_columns, once
from .ramps import encoded

NARROW = ("BooleanTensorType", "Int8TensorType", "UInt8TensorType", "Int32TensorType")
SCALERS = (StandardScaler, RobustScaler, MaxAbsScaler)
ENCODERS = (OneHotEncoder, OrdinalEncoder, TargetEncoder)  # they take each column as it is: strings, integers


@once
def transformed(nodes: Graph, transformer: Any, X: Columns) -> Columns:
    """Add a fitted transformer; return the columns that come out of it."""
    if isinstance(transformer, FrozenEstimator):
        return transformed(nodes, transformer.estimator, X)
    if isinstance(transformer, Pipeline):
        return through(nodes, transformer.steps, X)
    if isinstance(transformer, ColumnTransformer):
        return column_by_column(nodes, transformer, X)
    if unchanged(transformer):
        return X
    if type(transformer) is SimpleImputer and not X.text:
        return imputed(nodes, transformer, X)
    if isinstance(transformer, PiecewiseLinearEncoder):
        return as_columns(nodes, encoded(nodes, transformer, X))
    (found,) = by_skl2onnx(nodes, transformer, X)
    return as_columns(nodes, found.full_name)


def unchanged(transformer: Any) -> bool:
    """Tell whether a step lets its columns through as they are."""
    identity = isinstance(transformer, FunctionTransformer) and transformer.func is None
    sampler = hasattr(transformer, "fit_resample")  # of imbalanced-learn, which is there for fit only
    return transformer is None or identity or sampler or isinstance(transformer, str)  # "passthrough"


def through(nodes: Graph, steps: Any, X: Columns) -> Columns:
    """Add the steps of a pipeline, one after the other."""
    for _, step in steps:
        X = transformed(nodes, step, X)
    return X


def column_by_column(nodes: Graph, transformer: ColumnTransformer, X: Columns) -> Columns:
    """Add a ColumnTransformer: what each part makes of its columns, side by side."""
    X, results = in_order(X, getattr(transformer, "feature_names_in_", ())), []
    weights, numbers = transformer.transformer_weights or {}, column_numbers(transformer)
    for name, part, _ in transformer.transformers_:
        if len(numbers.get(name, ())) and not (isinstance(part, str) and part == "drop"):
            result = matrix(nodes, transformed(nodes, part, chosen(nodes, X, numbers[name]))).names[0]
            results.append(nodes("Mul", result, nodes.number(weights[name])) if name in weights else result)
    return as_columns(nodes, nodes("Concat", *results, axis=1))


def in_order(X: Columns, names: Any) -> Columns:
    """Return the columns of a frame in the order that they had in fit; None stands for those that are not there."""
    if not X.column_names or not len(names):
        return X
    place = dict(zip(X.column_names, X.variables, strict=True))
    return Columns(tuple(place.get(name) for name in names), tuple(names))


def chosen(nodes: Graph, X: Columns, numbers: Any) -> Columns:
    """Return some columns by their numbers, out of a matrix or out of one variable for each."""
    if len(X.variables) > 1:
        names = tuple(X.column_names[i] for i in numbers) if X.column_names else ()
        return Columns(tuple(X.variables[i] for i in numbers), names)
    (variable,) = X.variables
    part = nodes.scope.declare_local_variable("columns", type(variable.type)([None, len(numbers)]))
    nodes.columns(variable.full_name, numbers, result=part.full_name)
    return Columns((part,))


def imputed(nodes: Graph, imputer: SimpleImputer, X: Columns) -> Columns:
    """Add a SimpleImputer of numbers; onnxruntime has none for float64, and skl2onnx's adds no indicators."""
    A = matrix(nodes, X).names[0]
    missing = is_missing(nodes, imputer.missing_values, A)
    kept = np.flatnonzero(~np.isnan(imputer.statistics_.astype(np.float64)))
    results = [nodes.columns(nodes("Where", missing, nodes.number(imputer.statistics_), A), kept)]
    if imputer.add_indicator:
        results.append(nodes.cast(nodes.columns(missing, imputer.indicator_.features_), nodes.dtype))
    return as_columns(nodes, nodes("Concat", *results, axis=1))


def is_missing(nodes: Graph, marker: Any, A: str) -> str:
    """Add nodes that tell which numbers of a matrix are missing."""
    return nodes("IsNaN", A) if marker is None or np.isnan(marker) else nodes("Equal", A, nodes.number(marker))


def as_columns(nodes: Graph, A: str) -> Columns:
    """Return a matrix in the graph's dtype, whatever dtype skl2onnx assumed for it."""
    X = new_columns(nodes)
    nodes.cast(A, nodes.dtype, result=X.names[0])
    return X


def by_skl2onnx(nodes: Graph, part: Any, X: Columns) -> Any:
    """Add a part by skl2onnx's own converter; return the variables that come out of it."""
    from skl2onnx._parse import _parse_sklearn

    if X.text or isinstance(part, ENCODERS):
        variables = [whole_numbers(nodes, variable) for variable in X.variables]
    else:
        variables = list(matrix(nodes, X).variables)
    if isinstance(part, SCALERS):  # they divide; skl2onnx would multiply, and trees notice the last digit
        add_options(nodes, part, {"div": "div"})
    return _parse_sklearn(nodes.scope, part, variables)


def add_options(nodes: Graph, part: Any, options: dict[str, Any]) -> None:
    """Tell skl2onnx how to convert a part."""
    nodes.scope.add_options(id(part), options)
    nodes.container.add_options(id(part), options)


def whole_numbers(nodes: Graph, variable: Any) -> Any:
    """Return a variable whose integers, if it holds some, are int64: the only ones that encoders take."""
    if type(variable.type).__name__ not in NARROW:
        return variable
    X = new_columns(nodes, np.int64, variable.type.shape[1])
    nodes.cast(variable.full_name, np.int64, result=X.names[0])
    return X.variables[0]
