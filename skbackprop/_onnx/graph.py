"""Nodes, constants and variables of an ONNX graph that skl2onnx builds."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import numpy as np


class Graph:
    """Adds nodes to a skl2onnx container, each result under a name of its own.

    Parameters
    ----------
    scope, container
        What skl2onnx hands to a converter.
    dtype : dtype
        The dtype in which the graph computes: float32 or float64.
    """

    def __init__(self, scope: Any, container: Any, dtype: Any) -> None:
        self.scope, self.container, self.dtype = scope, container, np.dtype(dtype)
        self.added: dict[Any, Any] = {}

    def __call__(self, kind: str, *inputs: str, result: str | None = None, **attributes: Any) -> str:
        """Add one node; return the name of its result."""
        result = result or self.scope.get_unique_variable_name(kind.lower())
        name = self.scope.get_unique_operator_name(kind)
        self.container.add_node(kind, list(inputs), result, name=name, **attributes)
        return result

    def constant(self, values: Any) -> str:
        """Add an array that the graph holds."""
        values = np.asarray(values)
        name = self.scope.get_unique_variable_name("constant")
        content = [value.encode() for value in values] if values.dtype.kind == "O" else values.ravel()
        self.container.add_initializer(name, onnx_type(values.dtype), list(values.shape), content)
        return name

    def number(self, value: Any) -> str:
        """Add one number, or an array of them, in the graph's dtype."""
        return self.constant(np.array(value, self.dtype))

    def cast(self, X: str, dtype: Any, result: str | None = None) -> str:
        """Add a change of dtype."""
        return self("Cast", X, result=result, to=onnx_type(dtype))

    def columns(self, X: str, numbers: Any, result: str | None = None) -> str:
        """Add the choice of some columns, by their numbers."""
        return self("Gather", X, self.constant(np.array(numbers, np.int64)), result=result, axis=1)


class Columns(NamedTuple):
    """Features on their way through the graph: variables of skl2onnx, each one or more columns.

    The columns of a frame keep their names, by which a ColumnTransformer finds them in any order.
    """

    variables: tuple[Any, ...]
    column_names: tuple[Any, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the variables in the graph."""
        return tuple(variable.full_name for variable in self.variables)

    @property
    def text(self) -> bool:
        """Whether one of them holds strings."""
        return any(type(variable.type).__name__ == "StringTensorType" for variable in self.variables)


def once(add: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function so that it adds the nodes of a part only once for the same features."""

    @wraps(add)
    def adding(nodes: Graph, part: Any, X: Columns, *args: Any) -> Any:
        key = (add.__name__, id(part), X.names, *args)
        if key not in nodes.added:
            nodes.added[key] = add(nodes, part, X, *args)
        return nodes.added[key]

    return adding


def new_columns(nodes: Graph, dtype: Any = None, width: int | None = None) -> Columns:
    """Declare a matrix that a node is going to write."""
    kind = tensor_type(nodes.dtype if dtype is None else dtype)
    return Columns((nodes.scope.declare_local_variable("features", kind([None, width])),))


def matrix(nodes: Graph, X: Columns) -> Columns:
    """Join all columns to one matrix in the graph's dtype.

    Raises
    ------
    ValueError
        If a column holds strings.
    """
    if X.text:
        raise ValueError(f"Of the columns {list(X.names)} some hold strings; encode them in a ColumnTransformer.")
    wanted, joined = tensor_type(nodes.dtype), new_columns(nodes)
    parts = [
        each.full_name if isinstance(each.type, wanted) else nodes.cast(each.full_name, nodes.dtype)
        for each in X.variables
    ]
    nodes("Concat", *parts, result=joined.names[0], axis=1)
    return joined


def onnx_type(dtype: Any) -> int:
    """Return ONNX's number for a dtype."""
    from onnx.helper import np_dtype_to_tensor_dtype

    return np_dtype_to_tensor_dtype(np.dtype(dtype))


def tensor_type(dtype: Any) -> Any:
    """Return skl2onnx's class for a dtype; objects are strings."""
    from skl2onnx.common import data_types

    names = {"float32": "Float", "float64": "Double", "bool": "Boolean", "uint8": "UInt8", "object": "String"}
    name = str(np.dtype(dtype))
    return getattr(data_types, names.get(name, name.capitalize()) + "TensorType")
