"""The nodes of a PiecewiseLinearEncoder, and the functions that skl2onnx needs to convert one."""

from typing import Any

import numpy as np

from ..preprocessing import PiecewiseLinearEncoder, Ramps
from .graph import Columns, Graph, matrix


def encoded(nodes: Graph, encoder: PiecewiseLinearEncoder, X: Columns, result: str | None = None) -> str:
    """Add a fitted encoder to a graph; return the name of its output, in the graph's dtype."""
    ramps = Ramps.of(encoder, nodes.dtype)
    graph = Graph(nodes.scope, nodes.container, np.result_type(nodes.dtype, ramps.start))  # as transform computes
    A = graph.cast(matrix(nodes, X).names[0], graph.dtype)
    start, width, low, high, centre = map(graph.number, ramps[1:])
    x = graph("Div", graph("Sub", graph.columns(A, ramps.source), start), width)
    heights = graph("Sub", graph("Min", graph("Max", x, low), high), centre)
    parts = [graph("Where", graph("IsNaN", x), graph.number(0), heights)]
    if len(encoder.missing_features_):
        parts.append(graph.cast(graph("IsNaN", graph.columns(A, encoder.missing_features_)), graph.dtype))
    return graph.cast(graph("Concat", *parts, axis=1), nodes.dtype, result=result)


def set_encoder_output_types(operator: Any) -> None:
    """Tell skl2onnx the type and the shape of the output."""
    from skl2onnx.common.data_types import guess_tensor_type

    n_columns = len(operator.raw_operator.get_feature_names_out())
    operator.outputs[0].type = guess_tensor_type(operator.inputs[0].type)
    operator.outputs[0].type.shape = [operator.inputs[0].get_first_dimension(), n_columns]


def convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an encoder to skl2onnx's container."""
    from skl2onnx.common.data_types import DoubleTensorType

    (output,) = operator.outputs
    dtype = np.float64 if isinstance(output.type, DoubleTensorType) else np.float32
    encoded(Graph(scope, container, dtype), operator.raw_operator, Columns(tuple(operator.inputs)), output.full_name)
