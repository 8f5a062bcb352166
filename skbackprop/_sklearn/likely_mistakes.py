"""Warnings of what is allowed, but is likely a mistake. Only fit may call them, since they point at its caller."""

import warnings
from typing import Any

import numpy as np

from .._data.samples import Samples
from .._data.scale import Scale, may_be_large
from .._data.table import MEASURED_SAMPLES, Table
from .compat import FIT_STACKLEVEL
from .methods import alike

ONE_HOT = (
    "Every row of y holds exactly one 1, and yet each column is predicted on its own, as a label indicator: a sample "
    "can get none of the labels, or several. If each sample has one class, pass {}."
)

OTHER_SCALE = 5.0  # times as large, or as small, as X: scaled features beside raw ones
ANOTHER_SCALE = (
    "X_val is on a different scale from X: the root mean square of a typical sample is {0:.3g} in X, {1:.3g} in X_val. "
    "Transform X_val as X was transformed; Pipeline(..., transform_input=['X_val']) does it."
)
MISSPELT = (
    "class_weight has the key {0!r}, which is no class of y, and none for the class {1!r}. Did you mean that one?"
)
UNEVEN = "The features are on very different scales, so the network hardly sees the small ones"


def classes_of_one_hot(y: Any) -> str:
    """Return the expression that makes one class a sample of one-hot rows, by their kind."""
    if hasattr(y, "idxmax"):  # of pandas, whose columns are the names of the classes
        return "y.idxmax(axis=1)"
    array = "y" if isinstance(y, np.ndarray) else "y.toarray()" if hasattr(y, "toarray") else "np.asarray(y)"
    return f"{array}.argmax(axis=1)"


def warn_of_likely_mistakes(samples: Samples, given: Samples | None, y: Any, class_weight: Any) -> None:
    """Warn of what is allowed, but is likely a mistake. Only fit may call it.

    Such are label indicators that look like one-hot classes, a key of class_weight that looks like a misspelt class,
    and an X_val that is on another scale than X.

    A single row is no evidence of classes. Of X and X_val the median samples are compared, so that outliers do not
    matter.
    """
    if samples.labels.multilabel and len(samples.codes) > 1 and (samples.codes.sum(axis=1) == 1).all():
        warnings.warn(ONE_HOT.format(classes_of_one_hot(y)), stacklevel=FIT_STACKLEVEL)
    for key, label in misspelt_classes(class_weight, samples.labels.classes).items():
        warnings.warn(MISSPELT.format(key, label), stacklevel=FIT_STACKLEVEL)
    sets = [] if given is None else [samples, given]
    sizes = [float(np.median(np.sqrt(each.table().sample(MEASURED_SAMPLES).mean_squares()))) for each in sets]
    if sizes and min(sizes) > 0 and max(sizes) > OTHER_SCALE * min(sizes):
        warnings.warn(ANOTHER_SCALE.format(*sizes), stacklevel=FIT_STACKLEVEL)


def misspelt_classes(class_weight: Any, classes: Any) -> dict[str, str]:
    """Return the keys of class_weight that are no class, but much like one without a weight, and that class."""
    if not isinstance(class_weight, dict):
        return {}
    known = [label for label in classes.tolist() if isinstance(label, str)]
    free = {label.casefold(): label for label in known if label not in class_weight}
    strange = [key for key in class_weight if isinstance(key, str) and key not in known]
    return {key: free[name] for key in strange if (name := alike(key.casefold(), free))}


def warn_of_uneven_features(estimator: Any, table: Table, names: dict[str, Any]) -> None:
    """Warn if a feature is large and dwarfs another, which a scaler would mend. Only fit may call it."""
    if not may_be_large(table):
        return
    scale = Scale.of(table, names.get("feature_names_in_"))
    if scale.is_uneven:
        remedy = f"make_pipeline({scale.scaler}(), {type(estimator).__name__}(...))"
        warnings.warn(f"{UNEVEN}: {scale.evidence}. Scale them: {remedy}.", stacklevel=FIT_STACKLEVEL)
