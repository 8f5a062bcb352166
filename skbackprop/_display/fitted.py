"""What the displays read from a fitted estimator: its last step, its history, the names of features and classes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .._core.kernels import Array
from .._sklearn.base import BaseBackprop

# Where scikit-learn's meta-estimators keep fitted classifiers: calibration, ensembles, thresholds.
KEPT: dict[str, Callable[[Any], Any]] = {
    "calibrated_classifiers_[0].estimator": lambda model: model.calibrated_classifiers_[0].estimator,
    "estimators_[0]": lambda model: model.estimators_[0],
    "estimator_": lambda model: model.estimator_,
}


def last_step(estimator: Any) -> Any:
    """Return the classifier itself, the last step of a pipeline, or the best estimator of a search."""
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return last_step(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        return last_step(estimator.steps[-1][1])
    return estimator


def where_it_keeps_one(estimator: Any) -> str:
    """Return the end of an error message: which part of a meta-estimator to give; empty if it has none of ours."""
    for path, part_of in KEPT.items():
        try:
            if isinstance(last_step(part_of(estimator)), BaseBackprop):
                return f" Give its {path}."
        except (AttributeError, LookupError, TypeError, NotFittedError):  # of another kind, or not fitted
            continue
    return ""


def history_of(estimator: Any) -> Mapping[str, Any]:
    """Return the history of a fitted classifier.

    Raises
    ------
    TypeError
        If the estimator is not one of ours.
    ValueError
        If there is no history, or no epoch in it.
    """
    kind = type(estimator).__name__
    if not isinstance(estimator, BaseBackprop):
        raise TypeError(f"{kind} has no loss curve to draw.{where_it_keeps_one(estimator)}")
    if not hasattr(estimator, "history_"):
        raise ValueError(f"This {kind} holds no history_; it may come from an older file. Fit it again to draw it.")
    if not len(estimator.history_["loss"]):
        raise ValueError(f"history_ of this {kind} has no epoch: training was interrupted in the first one.")
    return estimator.history_


def search_history_of(estimator: Any) -> Mapping[str, Any]:
    """Return what the search of early_stopping="auto" recorded, or an empty dict if there was no search."""
    history = getattr(estimator, "search_history_", {})
    return history if len(history.get("loss", [])) else {}


def best_epoch(estimator: Any) -> int | None:
    """Return the best epoch of the last fit, counted from the first epoch of the history; None if there is none."""
    best = getattr(estimator, "best_iter_", None)
    return None if best is None else len(estimator.history_["loss"]) - estimator.n_iter_ + best


def known(history: Mapping[str, Any], name: str) -> Any:
    """Return a column of a history; None if it is absent or holds no finite number."""
    column = history.get(name)
    return None if column is None or not np.isfinite(column).any() else column


def penalty_is_known(history: Mapping[str, Any]) -> bool:
    """Tell whether the penalty is recorded for every epoch whose loss is finite."""
    return {"loss", "penalty"} <= {*history} and not (np.isnan(history["penalty"]) & np.isfinite(history["loss"])).any()


def data_term(history: Mapping[str, Any]) -> Array:
    """Return J minus the penalty for each epoch; J itself if the penalty is not known."""
    loss = np.asarray(history["loss"], np.float64)
    with np.errstate(invalid="ignore"):  # infinity minus infinity, if training diverged
        return loss - np.asarray(history["penalty"]) if penalty_is_known(history) else loss


def names_of_features(estimator: Any, names: Any = None) -> Any:
    """Return the names of the inputs of a fitted estimator's network, or None if they are not known."""
    if hasattr(estimator, "best_estimator_"):
        return names_of_features(estimator.best_estimator_, names)
    if not hasattr(estimator, "steps"):
        return getattr(estimator, "feature_names_in_", names)
    if len(estimator.steps) > 1:
        try:
            names = estimator[:-1].get_feature_names_out(names)
        except (AttributeError, ValueError):  # a step without feature names
            names = None
    return names_of_features(estimator.steps[-1][1], names)


def names_of_outputs(classifier: Any) -> list[str] | None:
    """Return the class of each output; for a single one, the class whose probability it is, and the other class."""
    classes = getattr(classifier, "classes_", None)
    if classes is None:
        return None
    if len(classifier.intercepts_[-1]) == 1 and len(classes) == 2:
        return [f"{classes[1]} (else {classes[0]})"]
    return [str(each) for each in classes]
