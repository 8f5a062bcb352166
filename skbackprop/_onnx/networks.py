"""A network as ONNX nodes: what :mod:`skbackprop.network` computes, in the dtype of the fitted weights.

::

    A0 = cast(X)
    Zl = A(l-1) Wl + bl,  Al = φ(Zl)
    probabilities = softmax(ZL), for two classes softmax([-ZL, ZL] / 2), with multilabel targets sigmoid(ZL)
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._data.labels import Labels
from ..activations import Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from ..network import resolve_activations
from .graph import Columns, Graph, matrix, once

# ---------------------------------------------------------------------- activations


def leaky_relu(graph: Graph, Z: str, phi: LeakyRelu) -> str:
    """Z for z > 0, slope · z elsewhere; onnxruntime has no LeakyRelu for float64."""
    return graph("Where", graph("Greater", Z, graph.number(0)), Z, graph("Mul", Z, graph.number(phi.slope)))


def elu(graph: Graph, Z: str, phi: Elu) -> str:
    """max(z, 0) + slope · (exp(min(z, 0)) - 1)."""
    left = graph("Sub", graph("Exp", graph("Min", Z, graph.number(0))), graph.number(1))
    return graph("Add", graph("Relu", Z), graph("Mul", left, graph.number(phi.slope)))


def gelu(graph: Graph, Z: str, phi: Gelu) -> str:
    """Z · (1 + erf(z / √2)) / 2; onnxruntime has erf for float32 only, which is exact to 1e-7."""
    scaled = graph.cast(graph("Mul", Z, graph.number(np.sqrt(0.5))), np.float32)
    erf = graph.cast(graph("Erf", scaled), graph.dtype)
    return graph("Mul", Z, graph("Mul", graph("Add", erf, graph.number(1)), graph.number(0.5)))


def silu(graph: Graph, Z: str, phi: Silu) -> str:
    """Z / (1 + exp(-z)); older releases of onnxruntime fuse z · σ(z) into a node that they have for float32 only."""
    return graph("Div", Z, graph("Add", graph("Exp", graph("Neg", Z)), graph.number(1)))


def softplus(graph: Graph, Z: str, phi: Softplus) -> str:
    """max(z, 0) + log(1 + exp(-|z|)), which no z can overflow."""
    decay = graph("Exp", graph("Neg", graph("Abs", Z)))
    return graph("Add", graph("Relu", Z), graph("Log", graph("Add", decay, graph.number(1))))


# For each class a function (graph, name of Z, activation) -> name of A; users can add entries for their own classes.
ACTIVATION_NODES: dict[type, Callable[[Graph, str, Any], str]] = {
    Relu: lambda graph, Z, phi: graph("Relu", Z),
    LeakyRelu: leaky_relu,
    Elu: elu,
    Gelu: gelu,
    Silu: silu,
    Softplus: softplus,
    Tanh: lambda graph, Z, phi: graph("Tanh", Z),
    Sigmoid: lambda graph, Z, phi: graph("Sigmoid", Z),
    Identity: lambda graph, Z, phi: Z,
}


# ---------------------------------------------------------------------- forward propagation


@once
def logits(nodes: Graph, classifier: Any, X: Columns) -> str:
    """Add forward propagation; return the name of the logits, in the dtype of the weights."""
    graph = Graph(nodes.scope, nodes.container, classifier.coefs_[0].dtype)
    A = graph.cast(matrix(nodes, X).names[0], graph.dtype)
    activations = [*resolve_activations(classifier.activations_, len(classifier.coefs_) - 1), Identity()]
    for W, b, phi in zip(classifier.coefs_, classifier.intercepts_, activations, strict=True):
        if type(phi) not in ACTIVATION_NODES:
            place = f"skbackprop.onnx.ACTIVATION_NODES[{type(phi).__name__}]"
            raise TypeError(f"activation={phi!r} has no ONNX form; set {place} to a function (graph, Z, phi).")
        Z = graph("Add", graph("MatMul", A, graph.constant(W)), graph.constant(b))
        A = ACTIVATION_NODES[type(phi)](graph, Z, phi)
    return A


def network_scores(nodes: Graph, classifier: Any, X: Columns, method: str) -> str:
    """Add a fitted classifier of this package; return the name of its logits, or of its probabilities."""
    Z, labels = logits(nodes, classifier, X), Labels.fitted(classifier)
    graph = Graph(nodes.scope, nodes.container, classifier.coefs_[0].dtype)
    if method == "decision_function":
        scores = Z
    elif labels.multilabel:
        scores = graph("Sigmoid", Z)
    elif labels.binary:  # σ(z) = softmax([-z/2, z/2]), which runtimes compute exactly however small it is
        scores = graph("Softmax", graph("Mul", both_sides(graph, Z), graph.number(0.5)), axis=1)
    else:
        scores = graph("Softmax", Z, axis=1)
    return graph.cast(scores, nodes.dtype)


def both_sides(graph: Graph, Z: str) -> str:
    """Add [-z, z], the scores of two classes."""
    return graph("Concat", graph("Neg", Z), Z, axis=1)


# ---------------------------------------------------------------------- what skl2onnx is told of the two classes


def set_output_types(operator: Any) -> None:
    """Tell skl2onnx the types and shapes of the outputs: skl2onnx's "shape calculator"."""
    labels = Labels.fitted(operator.raw_operator)
    set_outputs(operator, onnx_classes(labels.classes), labels.multilabel)


def set_outputs(operator: Any, classes: Any, multilabel: bool) -> None:
    """Give both outputs their shapes, and the label int64 or strings."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    n_samples = operator.inputs[0].get_first_dimension()
    label_type = StringTensorType if classes.dtype.kind == "O" else Int64TensorType
    operator.outputs[0].set_type(label_type([n_samples, len(classes)] if multilabel else [n_samples]))
    operator.outputs[1].type.shape = [n_samples, len(classes)]


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a classifier to skl2onnx's container."""
    from skl2onnx.common.data_types import guess_proto_type

    classifier, labels, X = operator.raw_operator, Labels.fitted(operator.raw_operator), Columns(tuple(operator.inputs))
    graph = Graph(scope, container, classifier.coefs_[0].dtype)
    label, probabilities = (output.full_name for output in operator.outputs)
    Z = logits(graph, classifier, X)
    Z = both_sides(graph, Z) if labels.binary else Z
    raw = container.get_options(classifier, {"raw_scores": False})["raw_scores"]
    scores = Z if raw else network_scores(graph, classifier, X, "predict_proba")
    graph("Cast", scores, result=probabilities, to=guess_proto_type(operator.outputs[1].type))
    add_label(graph, Z, 0, onnx_classes(labels.classes), labels.multilabel, label)


def add_label(graph: Graph, scores: str, cut: float, classes: Any, multilabel: bool, result: str) -> None:
    """Add the class of the largest score, or with multilabel targets 1 for each score above the cut."""
    if multilabel:
        graph.cast(graph("Greater", scores, graph.number(cut)), np.int64, result=result)
    else:
        graph("Gather", graph.constant(classes), graph("ArgMax", scores, axis=1, keepdims=0), result=result)


def onnx_classes(classes: Any) -> Any:
    """Return the labels as int64, or as an object array of strings: what ONNX can hold.

    Raises
    ------
    ValueError
        If they are anything else.
    """
    values = np.asarray(classes).tolist()
    if all(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    if not all(isinstance(value, (bool, int, float)) and value % 1 == 0 for value in values):
        raise ValueError(f"ONNX labels must be all integers or all strings; got {classes!r}.")
    return np.array(values).astype(np.int64)
