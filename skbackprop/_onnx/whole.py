"""A whole model as skl2onnx sees it: inputs of any type, probabilities, and the labels that the model predicts."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from .graph import Columns, Graph, tensor_type
from .models import Threshold, scores
from .networks import add_label, onnx_classes, set_outputs


class Whole(ClassifierMixin, BaseEstimator):
    """A fitted model with what its conversion depends on.

    Parameters
    ----------
    model : estimator
        The fitted model.
    dtype : dtype
        The dtype in which its features and probabilities are computed.
    multilabel : bool
        Whether it predicts an indicator matrix.
    threshold : Threshold or None
        The decision threshold of its labels, if it has one.
    column_names : tuple
        The names of a frame's columns.
    """

    def __init__(
        self, model: Any, dtype: Any, multilabel: bool, threshold: Threshold | None, column_names: tuple[Any, ...]
    ) -> None:
        self.model, self.dtype, self.multilabel = model, dtype, multilabel
        self.threshold, self.column_names = threshold, column_names

    @property
    def classes_(self) -> Any:
        """The labels, as ONNX holds them."""
        return onnx_classes(self.model.classes_)


def set_whole_output_types(operator: Any) -> None:
    """Tell skl2onnx the types and shapes of the outputs."""
    whole = operator.raw_operator
    operator.outputs[1].set_type(tensor_type(whole.dtype)([None, len(whole.classes_)]))
    set_outputs(operator, whole.classes_, whole.multilabel)


def convert_whole(scope: Any, operator: Any, container: Any) -> None:
    """Add a whole model to skl2onnx's container."""
    whole = operator.raw_operator
    X = Columns(tuple(operator.inputs), whole.column_names)
    nodes = Graph(scope, container, whole.dtype)
    label, probabilities = (output.full_name for output in operator.outputs)
    P = scores(nodes, whole.model, X, "predict_proba")
    nodes("Identity", P, result=probabilities)
    if whole.threshold is None:
        add_label(nodes, P, 0.5, whole.classes_, whole.multilabel, label)
    else:
        S = scores(nodes, whole.model, X, whole.threshold.method)
        add_thresholded_label(nodes, S, whole.threshold, whole.classes_, label)


def add_thresholded_label(nodes: Graph, S: str, threshold: Threshold, classes: Any, result: str) -> None:
    """Add the positive class where its score reaches the threshold, the other class elsewhere."""
    positive, value, method = threshold
    if method == "predict_proba":
        S = nodes.columns(S, [positive])
    elif positive == 0:
        S = nodes("Neg", S)
    S = nodes("Squeeze", nodes.cast(S, np.float64), nodes.constant(np.array([1], np.int64)))
    reached = nodes("GreaterOrEqual", S, nodes.constant(np.float64(value)))
    numbers = (nodes.constant(np.int64(positive)), nodes.constant(np.int64(1 - positive)))
    nodes("Gather", nodes.constant(classes), nodes("Where", reached, *numbers), result=result)
