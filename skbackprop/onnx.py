"""Fitted models as ONNX files, by skl2onnx: a converter for both classifiers, which all of skl2onnx then knows.

The graph computes what :mod:`skbackprop.network` says, in the dtype of the fitted weights::

    A0 = cast(X)
    Zl = A(l-1) Wl + bl,  Al = φ(Zl)
    probabilities = sigmoid(ZL), for two classes of both sides [-ZL, ZL], or softmax(ZL)
    label         = the class of the largest logit; with multilabel targets each ZL > 0

Nothing but this file imports skl2onnx, and that only when a function is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from .activations import Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from .classifiers import BackpropClassifier, TwoLayerClassifier
from .network import resolve_activations

__all__ = ["ACTIVATION_NODES", "Graph", "register_converters", "to_onnx"]


def to_onnx(model: Any, X: Any, *, target_opset: Any = None) -> Any:
    """Return a fitted model as an ONNX model with two outputs, ``label`` and ``probabilities``.

    Parameters
    ----------
    model : estimator
        A fitted classifier of this package, or a Pipeline, a search, a calibrated classifier or an ensemble that holds
        one, made of parts that skl2onnx converts.
    X : array-like, sparse matrix or DataFrame
        Rows like those that will come, at least one: they tell the names, types and number of the inputs. An array
        becomes one input ``X``, a DataFrame one input for each column.
    target_opset : int or dict, default=None
        The ONNX version to write; by default the latest that skl2onnx was tested with.

    Returns
    -------
    onnx_model : onnx.ModelProto
        ``onnx_model.SerializeToString()`` is what a file holds. The probabilities are one array, not a list of dicts
        (skl2onnx's ``zipmap`` is off). Labels are strings or int64 (booleans as 0 and 1).

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    NotFittedError
        If the model is not fitted.
    ValueError
        If X has no rows, or the labels are neither integers nor strings.
    TypeError
        If an activation has no entry in ``ACTIVATION_NODES``.
    """
    register_converters()
    import skl2onnx

    check_is_fitted(model)
    return skl2onnx.to_onnx(model, first_row(X), target_opset=target_opset, options={"zipmap": False})


def register_converters() -> None:
    """Make skl2onnx know the classifiers, for those who call its own ``convert_sklearn`` or ``to_onnx``."""
    try:
        from skl2onnx import update_registered_converter
    except ImportError:
        raise ImportError("ONNX models need skl2onnx: pip install 'skbackprop[onnx]'.") from None
    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "raw_scores": [True, False]}
    for classifier in (TwoLayerClassifier, BackpropClassifier):
        update_registered_converter(
            classifier, f"Skbackprop{classifier.__name__}", set_output_types, convert_classifier, options=options
        )


def first_row(X: Any) -> Any:
    """Return the first row of X, dense, which has the types of all.

    Raises
    ------
    ValueError
        If there is none, or X is no table.
    """
    X = X if hasattr(X, "iloc") or sp.issparse(X) else np.asarray(X)
    if len(X.shape) != 2 or X.shape[0] == 0:
        raise ValueError(f"X must be a table of at least one row, to tell the types of the inputs; got {X.shape}.")
    if sp.issparse(X):
        return X.tocsr()[:1].toarray()
    return X.iloc[:1] if hasattr(X, "iloc") else X[:1]


# ---------------------------------------------------------------------- the converter


def set_output_types(operator: Any) -> None:
    """Tell skl2onnx the types and shapes of the outputs: skl2onnx's "shape calculator"."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    classifier, n_rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    n_classes = len(classifier.classes_)
    label_type = StringTensorType if onnx_classes(classifier.classes_).dtype.kind == "O" else Int64TensorType
    operator.outputs[0].set_type(label_type([n_rows, n_classes] if is_multilabel(classifier) else [n_rows]))
    operator.outputs[1].type.shape = [n_rows, n_classes]


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a classifier to skl2onnx's container."""
    from skl2onnx.common.data_types import guess_proto_type

    classifier = operator.raw_operator
    graph = Graph(scope, container, classifier.coefs_[0].dtype)
    label, probabilities = (output.full_name for output in operator.outputs)

    Z = logits(graph, graph.cast(operator.inputs[0].full_name, graph.dtype), classifier)
    binary = len(classifier.classes_) == 2 and not is_multilabel(classifier)
    if binary:
        Z = graph("Concat", graph("Neg", Z), Z, axis=1)  # 1 - p would lose a small p to rounding
    scores = Z
    if not container.get_options(classifier, {"raw_scores": False})["raw_scores"]:
        scores = graph("Sigmoid", Z) if classifier.link_ == "sigmoid" else graph("Softmax", Z, axis=1)
    graph("Cast", scores, result=probabilities, to=guess_proto_type(operator.outputs[1].type))

    if is_multilabel(classifier):
        graph.cast(graph("Greater", Z, graph.number(0)), np.int64, result=label)
    else:
        number = graph("ArgMax", Z, axis=1, keepdims=0)
        graph("Gather", graph.constant(onnx_classes(classifier.classes_)), number, result=label)


def logits(graph: Graph, A: str, classifier: Any) -> str:
    """Add forward propagation; return the name of the logits."""
    activations = resolve_activations(classifier.activation, len(classifier.coefs_) - 1)
    Z = A
    for l, (W, b) in enumerate(zip(classifier.coefs_, classifier.intercepts_, strict=True)):
        Z = graph("Add", graph("MatMul", A, graph.constant(W)), graph.constant(b))
        if l < len(activations):
            A = activation(graph, Z, activations[l])
    return Z


def activation(graph: Graph, Z: str, phi: Any) -> str:
    """Add A = φ(Z)."""
    if type(phi) not in ACTIVATION_NODES:
        raise TypeError(
            f"activation={phi!r} has no ONNX form yet. Give one, a function that adds its nodes: "
            f"skbackprop.onnx.ACTIVATION_NODES[{type(phi).__name__}] = lambda graph, Z, phi: graph('Relu', Z)."
        )
    return ACTIVATION_NODES[type(phi)](graph, Z, phi)


def is_multilabel(classifier: Any) -> bool:
    """Tell whether each class has an output and a decision of its own."""
    return classifier.link_ == "sigmoid" and classifier.n_outputs_ == len(classifier.classes_)


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
    numbers = all(isinstance(value, (bool, int, float)) for value in values)
    if not numbers or any(value != int(value) for value in values):
        raise ValueError(f"ONNX labels must be all integers or all strings; got {classes!r}.")
    return np.array(values).astype(np.int64)


# ---------------------------------------------------------------------- nodes


class Graph:
    """Adds nodes to a skl2onnx container, each result under a name of its own.

    Parameters
    ----------
    scope, container
        What skl2onnx hands to a converter.
    dtype : dtype
        In which the network computes: float32 or float64.
    """

    def __init__(self, scope: Any, container: Any, dtype: Any) -> None:
        self.scope, self.container, self.dtype = scope, container, np.dtype(dtype)

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

    def number(self, value: float) -> str:
        """Add one number in the network's dtype."""
        return self.constant(np.array(value, self.dtype))

    def cast(self, X: str, dtype: Any, result: str | None = None) -> str:
        """Add a change of dtype."""
        return self("Cast", X, result=result, to=onnx_type(dtype))


def onnx_type(dtype: Any) -> int:
    """Return ONNX's number for a dtype."""
    from onnx import TensorProto

    names = {"float32": "FLOAT", "float64": "DOUBLE", "int64": "INT64", "object": "STRING"}
    return int(getattr(TensorProto, names[np.dtype(dtype).name]))


def leaky_relu(graph: Graph, Z: str, phi: LeakyRelu) -> str:
    """Z for z > 0, slope · z elsewhere; runtimes have no LeakyRelu for float64."""
    return graph("Where", graph("Greater", Z, graph.number(0)), Z, graph("Mul", Z, graph.number(phi.slope)))


def elu(graph: Graph, Z: str, phi: Elu) -> str:
    """max(z, 0) + slope · (exp(min(z, 0)) - 1)."""
    left = graph("Sub", graph("Exp", graph("Min", Z, graph.number(0))), graph.number(1))
    return graph("Add", graph("Relu", Z), graph("Mul", left, graph.number(phi.slope)))


def gelu(graph: Graph, Z: str, phi: Gelu) -> str:
    """Z · (1 + erf(z / √2)) / 2; runtimes have erf for float32 only, which is exact to 1e-7."""
    scaled = graph.cast(graph("Mul", Z, graph.number(np.sqrt(0.5))), np.float32)
    erf = graph.cast(graph("Erf", scaled), graph.dtype)
    return graph("Mul", Z, graph("Mul", graph("Add", erf, graph.number(1)), graph.number(0.5)))


def softplus(graph: Graph, Z: str, phi: Softplus) -> str:
    """max(z, 0) + log(1 + exp(-|z|)), which no z can overflow."""
    decay = graph("Exp", graph("Neg", graph("Abs", Z)))
    return graph("Add", graph("Relu", Z), graph("Log", graph("Add", decay, graph.number(1))))


# One function (graph, name of Z, activation) -> name of A for each class; a user's own class is one more entry.
ACTIVATION_NODES: dict[type, Callable[[Graph, str, Any], str]] = {
    Relu: lambda graph, Z, phi: graph("Relu", Z),
    LeakyRelu: leaky_relu,
    Elu: elu,
    Gelu: gelu,
    Silu: lambda graph, Z, phi: graph("Mul", Z, graph("Sigmoid", Z)),
    Softplus: softplus,
    Tanh: lambda graph, Z, phi: graph("Tanh", Z),
    Sigmoid: lambda graph, Z, phi: graph("Sigmoid", Z),
    Identity: lambda graph, Z, phi: Z,
}
