"""Fitted models as ONNX files, by skl2onnx: a converter for both classifiers, which all of skl2onnx then knows.

The graph computes what :mod:`skbackprop.network` says, in the dtype of the fitted weights::

    A0 = cast(X)
    Zl = A(l-1) Wl + bl,  Al = φ(Zl)
    probabilities = softmax(ZL), for two classes softmax([-ZL, ZL] / 2), with multilabel targets sigmoid(ZL)
    label         = the class of the largest logit; with multilabel targets each ZL > 0

Nothing but this file imports skl2onnx, and that only when a function is called.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .activations import Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from .classifiers import BackpropClassifier, TwoLayerClassifier
from .network import resolve_activations

__all__ = ["ACTIVATION_NODES", "Graph", "input_feed", "register_converters", "to_onnx"]

CHECKED_ROWS = 1000  # rows of X whose answers are compared before a model is handed out
TOLERANCE = 1e-4  # what float32 scalers may differ by; our part of the graph stays within 1e-5


def to_onnx(model: Any, X: Any, *, target_opset: Any = None) -> Any:
    """Return a fitted model as an ONNX model with two outputs, ``label`` and ``probabilities``.

    Where onnxruntime is installed, the ONNX model first has to answer as the model does, for (at most 1,000) rows of X.

    Parameters
    ----------
    model : estimator
        A fitted classifier of this package, or a Pipeline, a search, a calibrated classifier or an ensemble that holds
        one, made of parts that skl2onnx converts.
    X : array-like, sparse matrix or DataFrame
        Rows like those that will come: they tell the names, types and number of the inputs. An array becomes one input
        ``X``, a DataFrame one input for each column.
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
        If X has no rows, the labels are neither integers nor strings, a calibration is not by sigmoids, or the ONNX
        model answers otherwise than the model.
    TypeError
        If an activation has no entry in ``ACTIVATION_NODES``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import TwoLayerClassifier
    >>> from skbackprop.onnx import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> onnx_model = to_onnx(TwoLayerClassifier(random_state=0).fit(X, y), X)
    >>> [output.name for output in onnx_model.graph.output]
    ['label', 'probabilities']
    """
    register_converters()
    import skl2onnx

    check_is_fitted(model)
    X = table(X)[:CHECKED_ROWS]
    P = model.predict_proba(X)  # which also checks X
    whole = unwrapped(model)
    options = {id(whole): {"zipmap": False}, **calibration_options(whole)}
    onnx_model = skl2onnx.to_onnx(whole, X[:1], target_opset=target_opset, options=options)
    if find_spec("onnxruntime"):
        check_answers(onnx_model, X, P)
    return onnx_model


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


def input_feed(onnx_model: Any, X: Any) -> dict[str, Any]:
    """Return X as onnxruntime's ``session.run(None, ...)`` takes it: an array, or a column under each input's name."""
    names = [each.name for each in onnx_model.graph.input]
    X = table(X)
    if not hasattr(X, "iloc"):
        return {names[0]: X}
    columns = {name: X[[column]].to_numpy() for name, column in zip(names, X.columns, strict=True)}
    return {name: values if values.dtype.kind in "fiub" else values.astype(object) for name, values in columns.items()}


def table(X: Any) -> Any:
    """Return X as an array, or as the DataFrame that it is.

    Raises
    ------
    ValueError
        If it holds no rows, or is no table.
    """
    X = X.toarray() if sp.issparse(X) else X if hasattr(X, "iloc") else np.asarray(X)
    if len(X.shape) != 2 or 0 in X.shape:
        raise ValueError(f"X must be a table of at least one row, to tell the types of the inputs; got {X.shape}.")
    return X


def check_answers(onnx_model: Any, X: Any, P: Any) -> None:
    """Raise ValueError if the ONNX model does not give the probabilities P for the rows X."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 3  # it tells of every constant that it removes
    options.intra_op_num_threads = 1  # a pool of threads that wait costs more than it brings here
    session = InferenceSession(onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    answers = session.run(["probabilities"], input_feed(onnx_model, X))[0]
    difference = np.abs(answers - P).max()
    if not difference <= TOLERANCE:
        raise ValueError(
            f"The ONNX model answers otherwise than the model: a probability differs by {difference:.2g}. Some part is "
            "not converted faithfully by skl2onnx, or float32 inputs of very different sizes are too coarse for its "
            "scalers (give X as float64)."
        )


# ---------------------------------------------------------------------- what skl2onnx has to be told


def unwrapped(model: Any) -> Any:
    """Return the one that answers in the place of a search or a frozen one, also inside a Pipeline or a calibrator."""
    if hasattr(model, "best_estimator_"):
        return unwrapped(model.best_estimator_)
    if isinstance(model, FrozenEstimator):
        return unwrapped(model.estimator)
    if isinstance(model, Pipeline):
        return Pipeline([(name, unwrapped(step)) for name, step in model.steps])
    if isinstance(model, CalibratedClassifierCV):
        model = copy.copy(model)
        model.calibrated_classifiers_ = [copy.copy(each) for each in model.calibrated_classifiers_]
        for each in model.calibrated_classifiers_:
            each.estimator = unwrapped(each.estimator)
    return model


def parts(model: Any) -> Iterator[Any]:
    """Yield a model and all fitted models that it holds."""
    yield model
    children = [step for _, step in getattr(model, "steps", [])]
    children += [each.estimator for each in getattr(model, "calibrated_classifiers_", [])]
    children += list(getattr(model, "estimators_", []))
    children += [each for each in [getattr(model, "final_estimator_", None)] if each is not None]
    for child in children:
        yield from parts(child)


def calibration_options(model: Any) -> dict[int, dict[str, bool]]:
    """Return skl2onnx's options by which what is calibrated gives its logits, as scikit-learn takes them.

    Raises
    ------
    ValueError
        If a calibration is one that skl2onnx does not compute exactly.
    """
    options: dict[int, dict[str, bool]] = {}
    for part in parts(model):
        if not isinstance(part, CalibratedClassifierCV):
            continue
        if part.method != "sigmoid":
            raise ValueError(
                f"CalibratedClassifierCV(method={part.method!r}) cannot be converted: skl2onnx computes only "
                "method='sigmoid' exactly."
            )
        for each in part.calibrated_classifiers_:
            last = unwrapped(
                each.estimator
            )  # skl2onnx asks it for its logits, but a Pipeline does not ask its last step
            while isinstance(last, Pipeline):
                last = unwrapped(last.steps[-1][1])
            if isinstance(last, (TwoLayerClassifier, BackpropClassifier)):
                options[id(last)] = {"raw_scores": True, "zipmap": False}
    return options


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
        Z = graph("Concat", graph("Neg", Z), Z, axis=1)
    scores = Z
    if not container.get_options(classifier, {"raw_scores": False})["raw_scores"]:
        if binary:  # σ(z) = softmax([-z/2, z/2]), which runtimes compute exactly however small it is
            scores = graph("Softmax", graph("Mul", Z, graph.number(0.5)), axis=1)
        else:
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
