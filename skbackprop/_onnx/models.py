"""Whole models as ONNX nodes: the scores of a model that holds classifiers are computed here, as in scikit-learn.

skl2onnx has converters for these ensembles, but with other labels (thresholds are ignored, integers cut to 32 bits),
and for one column of a frame instead of all. It converts transformers, and classifiers that hold no other classifier.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from .._sklearn.compat import positive_label
from ..classifiers import BackpropClassifier, TwoLayerClassifier
from .graph import Columns, Graph, matrix, once
from .networks import network_scores
from .transformers import add_options, as_columns, by_skl2onnx, chosen, through

THRESHOLDS = (FixedThresholdClassifier, TunedThresholdClassifierCV)
TREES = (DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier, GradientBoostingClassifier)


class Threshold(NamedTuple):
    """How a model's labels follow from a score instead of the largest probability."""

    positive: int  # the number of the class whose score is compared
    value: float
    method: str  # "predict_proba" or "decision_function"


def threshold_of(model: Any) -> Threshold | None:
    """Return the decision threshold of a model's labels, or None if they are the most probable ones."""
    model = decider(model)
    if not isinstance(model, THRESHOLDS):
        return None
    method = model.response_method
    if method == "auto":
        method = "predict_proba" if hasattr(held_by(model), "predict_proba") else "decision_function"
    value = model.best_threshold_ if isinstance(model, TunedThresholdClassifierCV) else model.threshold
    value = {"predict_proba": 0.5, "decision_function": 0.0}[method] if isinstance(value, str) else value
    label, classes = positive_label(model), list(model.classes_)
    return Threshold(1 if label is None else classes.index(label), float(value), method)


def decider(model: Any) -> Any:
    """Return the part of a model whose ``predict`` gives the model's labels."""
    if isinstance(model, StackingClassifier):
        return decider(model.final_estimator_)
    if isinstance(model, Pipeline):
        return decider(model.steps[-1][1])
    held = None if isinstance(model, THRESHOLDS) else held_by(model)
    return model if held is None else decider(held)


def check_kind(model: Any) -> None:
    """Raise ValueError if a model has no probabilities, or predicts several targets."""
    name = type(decider(model)).__name__
    if not hasattr(model, "predict_proba"):
        remedy = "VotingClassifier has it with voting='soft', a search with refit=True"
        raise ValueError(f"{name} has no predict_proba here, and an ONNX model needs probabilities; {remedy}.")
    if isinstance(model.classes_, list):
        remedy = "convert each of its estimators_, or fit one classifier on the indicator matrix"
        raise ValueError(f"{name} predicts several targets, which is not converted; {remedy}.")


def held_by(model: Any) -> Any:
    """Return the fitted estimator whose scores are a model's own: a search's, a frozen one's; None for other models."""
    if hasattr(model, "best_estimator_"):
        return model.best_estimator_
    if isinstance(model, FrozenEstimator):
        return model.estimator
    if isinstance(model, (*THRESHOLDS, SelfTrainingClassifier)):
        return getattr(model, "estimator_", model.estimator)  # which may have been fitted before
    return None


@once
def scores(nodes: Graph, model: Any, X: Columns, method: str) -> str:
    """Add a fitted classifier; return the name of what its method gives, in the graph's dtype.

    The method is "predict_proba" or "decision_function"; the decision function of two classes is one column.
    """
    held = held_by(model)
    if held is not None:
        return scores(nodes, held, X, method)
    if isinstance(model, (TwoLayerClassifier, BackpropClassifier)):
        return network_scores(nodes, model, X, method)
    if isinstance(model, Pipeline):
        return scores(nodes, model.steps[-1][1], through(nodes, model.steps[:-1], X), method)
    for kind, add in ENSEMBLES.items():
        if isinstance(model, kind):
            return add(nodes, model, X, method)
    name = type(model).__name__
    if any(hasattr(value, "fit") for value in model.get_params(deep=False).values()):
        known = ", ".join(kind.__name__ for kind in (Pipeline, SelfTrainingClassifier, *THRESHOLDS, *ENSEMBLES))
        raise ValueError(f"{name} is not converted. Convert what it holds, or use a search or one of: {known}.")
    return others_scores(nodes, model, X, method)


def others_scores(nodes: Graph, model: Any, X: Columns, method: str) -> str:
    """Add a classifier by skl2onnx."""
    model = copy.copy(model)  # options belong to one id, and another use of the classifier may want others
    raw = method == "decision_function"
    if raw and not nodes.container.has_options(model, "raw_scores"):
        raise ValueError(f"{type(model).__name__}: skl2onnx does not convert its decision_function.")
    add_options(nodes, model, {"zipmap": False} | ({"raw_scores": True} if raw else {}))
    trees = Graph(nodes.scope, nodes.container, np.float32)  # scikit-learn's trees convert X to float32
    _, found = by_skl2onnx(trees if isinstance(model, TREES) else nodes, model, X)
    one_column = raw and len(model.classes_) == 2
    return nodes.cast(nodes.columns(found.full_name, [1]) if one_column else found.full_name, nodes.dtype)


# ---------------------------------------------------------------------- ensembles


def voting(nodes: Graph, model: VotingClassifier, X: Columns, method: str) -> str:
    """Add the weighted mean of the voters' probabilities."""
    weights = [1] * len(model.estimators) if model.weights is None else model.weights
    weights = [w for w, (_, estimator) in zip(weights, model.estimators, strict=True) if estimator != "drop"]
    return mean(nodes, [scores(nodes, each, X, method) for each in model.estimators_], weights)


def bagging(nodes: Graph, model: BaggingClassifier, X: Columns, method: str) -> str:
    """Add the mean of the models' scores, each on its own features."""
    X, every = matrix(nodes, X), range(model.n_features_in_)
    results = []
    for each, features in zip(model.estimators_, model.estimators_features_, strict=True):
        check_classes(model, each)
        results.append(scores(nodes, each, X if [*features] == [*every] else chosen(nodes, X, features), method))
    return mean(nodes, results)


def one_vs_rest(nodes: Graph, model: OneVsRestClassifier, X: Columns, method: str) -> str:
    """Add a column for each class, the score of its own classifier; probabilities of exclusive classes add to one."""
    if len(model.estimators_) == 1:
        return scores(nodes, model.estimators_[0], X, method)
    columns = [positive_score(nodes, each, X, method) for each in model.estimators_]
    side_by_side = nodes("Concat", *columns, axis=1)
    if method == "decision_function" or model.multilabel_:
        return side_by_side
    return normalised(nodes, side_by_side, empty=nodes.number(0))


def stacking(nodes: Graph, model: StackingClassifier, X: Columns, method: str) -> str:
    """Add the final classifier, on the scores of the others."""
    if set(model.stack_method_) - {"predict_proba", "decision_function"}:
        raise ValueError("StackingClassifier is converted on probabilities and decisions; use stack_method='auto'.")
    features = []
    for each, stacked in zip(model.estimators_, model.stack_method_, strict=True):
        add = positive_score if len(model.classes_) == 2 else scores
        features.append(add(nodes, each, X, stacked))
    features += matrix(nodes, X).names if model.passthrough else ()
    return scores(nodes, model.final_estimator_, as_columns(nodes, nodes("Concat", *features, axis=1)), method)


def calibrated(nodes: Graph, model: CalibratedClassifierCV, X: Columns, method: str) -> str:
    """Add the mean of the calibrated probabilities σ(-(a s + b)): s is a decision or, without one, a probability."""
    if model.method != "sigmoid":
        raise ValueError(f"CalibratedClassifierCV: method={model.method!r} is not converted; use 'sigmoid' for it.")
    results = []
    for each in model.calibrated_classifiers_:
        check_classes(model, each.estimator)
        response = "decision_function" if hasattr(each.estimator, "decision_function") else "predict_proba"
        add = positive_score if len(model.classes_) == 2 else scores
        a, b = (nodes.number([[getattr(one, name) for one in each.calibrators]]) for name in ("a_", "b_"))
        exponents = nodes("Add", nodes("Mul", add(nodes, each.estimator, X, response), a), b)
        if len(model.classes_) == 2:
            results.append(nodes("Sigmoid", nodes("Concat", exponents, nodes("Neg", exponents), axis=1)))
        else:
            even = nodes.number(1 / len(model.classes_))
            results.append(normalised(nodes, nodes("Sigmoid", nodes("Neg", exponents)), empty=even))
    return mean(nodes, results)


# The function that adds the scores of each.
ENSEMBLES: dict[type, Callable[[Graph, Any, Columns, str], str]] = {
    VotingClassifier: voting,
    BaggingClassifier: bagging,
    OneVsRestClassifier: one_vs_rest,
    StackingClassifier: stacking,
    CalibratedClassifierCV: calibrated,
}


def positive_score(nodes: Graph, model: Any, X: Columns, method: str) -> str:
    """Add a classifier of two classes; return the name of the second one's score, as a column."""
    result = scores(nodes, model, X, method)
    return nodes.columns(result, [1]) if method == "predict_proba" else result


def mean(nodes: Graph, results: Sequence[str], weights: Any = None) -> str:
    """Add the mean of matrices of one shape."""
    weights = np.ones(len(results)) if weights is None else np.array(weights, np.float64)
    shares = weights / weights.sum()
    return nodes("Sum", *(nodes("Mul", each, nodes.number(w)) for each, w in zip(results, shares, strict=True)))


def normalised(nodes: Graph, P: str, empty: str) -> str:
    """Divide each row by its sum; rows that hold only zeros become ``empty``."""
    total = nodes("ReduceSum", P, nodes.constant(np.array([1], np.int64)), keepdims=1)
    zero = nodes("Equal", total, nodes.number(0))
    return nodes("Where", zero, empty, nodes("Div", P, nodes("Where", zero, nodes.number(1), total)))


def check_classes(model: Any, part: Any) -> None:
    """Raise ValueError if a part of an ensemble was trained on samples that lacked a class."""
    if len(part.classes_) != len(model.classes_):
        lacking = f"a part of it was trained on {len(part.classes_)} of {len(model.classes_)} classes"
        raise ValueError(f"{type(model).__name__} is not converted: {lacking}; use fewer folds or more samples.")
