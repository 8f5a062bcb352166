"""Fitted models as ONNX files: converters by which skl2onnx can convert both classifiers.

The graph computes what :mod:`skbackprop.network` says, in the dtype of the fitted weights::

    A0 = cast(X)
    Zl = A(l-1) Wl + bl,  Al = φ(Zl)
    probabilities = softmax(ZL), for two classes softmax([-ZL, ZL] / 2), with multilabel targets sigmoid(ZL)
    label         = the class of the largest logit; with multilabel targets each ZL > 0

Nothing but this file imports skl2onnx, and that only when a function is called.
"""

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

from ._data.labels import Labels
from .activations import Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from .classifiers import BackpropClassifier, TwoLayerClassifier
from .network import resolve_activations

__all__ = ["ACTIVATION_NODES", "Graph", "input_feed", "register_converters", "to_onnx"]

CHECKED_SAMPLES = 1000  # samples of X whose probabilities are compared before a model is handed out
TOLERANCE = 1e-4  # what float32 scalers may differ by; our part of the graph stays within 1e-5


def to_onnx(model: Any, X: Any, *, target_opset: Any = None) -> Any:
    """Return a fitted model as an ONNX model with two outputs, ``label`` and ``probabilities``.

    Where onnxruntime is installed, the probabilities of both models are compared first, for up to 1,000 samples of X.

    Parameters
    ----------
    model : estimator
        A fitted classifier of this package, or a Pipeline, a search, a calibrated classifier or an ensemble that holds
        one, made of parts that skl2onnx converts.
    X : array-like, sparse matrix or DataFrame
        Samples like those to be predicted: they give the names, types and number of the inputs. An array becomes one
        input ``X``, a DataFrame one input for each column.
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
        If X has no samples, the labels are neither integers nor strings, a calibration is not by sigmoids, or the ONNX
        model gives other probabilities than the model.
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
    X = table(X)[:CHECKED_SAMPLES]
    P = model.predict_proba(X)  # which also checks X
    whole = unwrapped(model)
    options = {id(whole): {"zipmap": False}, **calibration_options(whole)}
    onnx_model = skl2onnx.to_onnx(whole, X[:1], target_opset=target_opset, options=options)
    if find_spec("onnxruntime"):
        check_probabilities(onnx_model, X, P)
    return onnx_model


def register_converters() -> None:
    """Make skl2onnx know the classifiers, for those who call its own ``convert_sklearn`` or ``to_onnx``."""
    try:
        from skl2onnx import update_registered_converter
    except ImportError:
        raise ImportError("ONNX models need skl2onnx: pip install 'skbackprop[onnx]'.") from None
    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "raw_scores": [True, False]}
    for classifier in (TwoLayerClassifier, BackpropClassifier):
        alias = f"Skbackprop{classifier.__name__}"
        update_registered_converter(classifier, alias, set_output_types, convert_classifier, options=options)


def input_feed(onnx_model: Any, X: Any) -> dict[str, Any]:
    """Return X as onnxruntime's ``session.run(None, ...)`` takes it: an array, or a column under each input's name."""
    names, X = [each.name for each in onnx_model.graph.input], table(X)
    if not hasattr(X, "iloc"):
        return {names[0]: X}
    columns = {name: X[[column]].to_numpy() for name, column in zip(names, X.columns, strict=True)}
    return {name: values if values.dtype.kind in "fiub" else values.astype(object) for name, values in columns.items()}


def table(X: Any) -> Any:
    """Return X as an array, or as the DataFrame that it is.

    Raises
    ------
    ValueError
        If it holds no samples, or is no table.
    """
    X = X.toarray() if sp.issparse(X) else X if hasattr(X, "iloc") else np.asarray(X)
    if len(X.shape) != 2 or 0 in X.shape:
        raise ValueError(f"X must be a table of one sample or more, to tell the inputs' types; got shape {X.shape}.")
    return X


def check_probabilities(onnx_model: Any, X: Any, P: Any) -> None:
    """Raise ValueError if the ONNX model does not give the probabilities P for the samples X."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 3  # below that it reports every constant that it removes
    options.intra_op_num_threads = 1  # a pool of threads that wait costs more than it brings here
    session = InferenceSession(onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    difference = np.abs(session.run(["probabilities"], input_feed(onnx_model, X))[0] - P).max()
    if not difference <= TOLERANCE:
        cause = "a part that skl2onnx converts otherwise, or float32 features of very different sizes (give float64)"
        raise ValueError(f"The ONNX model's probabilities differ by up to {difference:.2g}. Likely cause: {cause}.")


# ---------------------------------------------------------------------- what skl2onnx has to be told


def unwrapped(model: Any) -> Any:
    """Return the model inside a search or a FrozenEstimator, also where a Pipeline or a calibrator holds it."""
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
    held = [step for _, step in getattr(model, "steps", [])]
    held += [each.estimator for each in getattr(model, "calibrated_classifiers_", [])]
    for each in [*held, *getattr(model, "estimators_", []), getattr(model, "final_estimator_", None)]:
        yield from parts(each) if each is not None else ()


def calibration_options(model: Any) -> dict[int, dict[str, bool]]:
    """Return skl2onnx's options by which what is calibrated gives its logits, as scikit-learn takes them.

    Raises
    ------
    ValueError
        If a calibration is one that skl2onnx does not compute exactly.
    """
    options: dict[int, dict[str, bool]] = {}
    for part in [part for part in parts(model) if isinstance(part, CalibratedClassifierCV)]:
        if part.method != "sigmoid":
            raise ValueError(f"CalibratedClassifierCV: method={part.method!r} is not converted; use 'sigmoid' for it.")
        for each in part.calibrated_classifiers_:
            last = unwrapped(each.estimator)  # skl2onnx asks it for its logits, but of a Pipeline not the last step
            while isinstance(last, Pipeline):
                last = last.steps[-1][1]
            if isinstance(last, (TwoLayerClassifier, BackpropClassifier)):
                options[id(last)] = {"raw_scores": True, "zipmap": False}
    return options


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
    from onnx.helper import np_dtype_to_tensor_dtype

    return np_dtype_to_tensor_dtype(np.dtype(dtype))


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


# One function (graph, name of Z, activation) -> name of A for each class; a user's own class is one more entry.
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


# ---------------------------------------------------------------------- the converter


def set_output_types(operator: Any) -> None:
    """Tell skl2onnx the types and shapes of the outputs: skl2onnx's "shape calculator"."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    labels, n_samples = Labels.fitted(operator.raw_operator), operator.inputs[0].get_first_dimension()
    label_type = StringTensorType if onnx_classes(labels.classes).dtype.kind == "O" else Int64TensorType
    operator.outputs[0].set_type(label_type([n_samples, len(labels.classes)] if labels.multilabel else [n_samples]))
    operator.outputs[1].type.shape = [n_samples, len(labels.classes)]


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a classifier to skl2onnx's container."""
    from skl2onnx.common.data_types import guess_proto_type

    classifier, labels = operator.raw_operator, Labels.fitted(operator.raw_operator)
    graph = Graph(scope, container, classifier.coefs_[0].dtype)
    label, probabilities = (output.full_name for output in operator.outputs)

    Z = logits(graph, graph.cast(operator.inputs[0].full_name, graph.dtype), classifier)
    if labels.binary:
        Z = graph("Concat", graph("Neg", Z), Z, axis=1)
    if container.get_options(classifier, {"raw_scores": False})["raw_scores"]:
        scores = Z
    elif labels.multilabel:
        scores = graph("Sigmoid", Z)
    else:  # σ(z) = softmax([-z/2, z/2]), which runtimes compute exactly however small it is
        scores = graph("Softmax", graph("Mul", Z, graph.number(0.5)) if labels.binary else Z, axis=1)
    graph("Cast", scores, result=probabilities, to=guess_proto_type(operator.outputs[1].type))

    if labels.multilabel:
        graph.cast(graph("Greater", Z, graph.number(0)), np.int64, result=label)
    else:
        names = graph.constant(onnx_classes(labels.classes))
        graph("Gather", names, graph("ArgMax", Z, axis=1, keepdims=0), result=label)


def logits(graph: Graph, A: str, classifier: Any) -> str:
    """Add forward propagation; return the name of the logits."""
    activations = [*resolve_activations(classifier.activations_, len(classifier.coefs_) - 1), Identity()]
    for W, b, phi in zip(classifier.coefs_, classifier.intercepts_, activations, strict=True):
        if type(phi) not in ACTIVATION_NODES:
            place = f"skbackprop.onnx.ACTIVATION_NODES[{type(phi).__name__}]"
            raise TypeError(f"activation={phi!r} has no ONNX form; set {place} to a function (graph, Z, phi).")
        Z = graph("Add", graph("MatMul", A, graph.constant(W)), graph.constant(b))
        A = ACTIVATION_NODES[type(phi)](graph, Z, phi)
    return A


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
