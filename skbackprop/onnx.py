"""Fitted models as ONNX files, and the converters by which skl2onnx can convert the classifiers and the encoder.

skl2onnx is imported only when a function of this module is called.
"""

import copy
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.utils.validation import check_is_fitted

from ._core.types import MatrixLike
from ._data.feature_tables import labels_of
from ._onnx.check import check_answers
from ._onnx.graph import Graph, tensor_type
from ._onnx.inputs import input_feed, named_columns, table
from ._onnx.models import check_kind, threshold_of
from ._onnx.networks import ACTIVATION_NODES, convert_classifier, set_output_types
from ._onnx.ramps import convert_encoder, set_encoder_output_types
from ._onnx.whole import Whole, convert_whole, set_whole_output_types
from .classifiers import BackpropClassifier, TwoLayerClassifier
from .preprocessing import PiecewiseLinearEncoder

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["ACTIVATION_NODES", "Graph", "input_feed", "register_converters", "to_onnx"]

CHECKED_SAMPLES = 1000  # samples of X whose predictions are compared before a model is returned


def to_onnx(model: Any, X: MatrixLike, *, target_opset: int | dict[str, int] | None = None) -> "ModelProto":
    """Return a fitted model as an ONNX model with two outputs, ``label`` and ``probabilities``.

    If onnxruntime is installed, the predictions of both models are compared first, for up to 1,000 samples of X: the
    probabilities, and the labels unless a probability is too close to the threshold.

    Parameters
    ----------
    model : estimator
        A fitted classifier of this package, or a model that holds one: a Pipeline, a search, FixedThresholdClassifier,
        TunedThresholdClassifierCV, CalibratedClassifierCV, VotingClassifier, StackingClassifier, BaggingClassifier,
        OneVsRestClassifier, SelfTrainingClassifier. Transformers and other classifiers in it are left to skl2onnx.
    X : array-like, sparse matrix or DataFrame
        Samples like those to be predicted: they give the names, types and number of the inputs. An array becomes one
        input ``X``, a DataFrame (of pandas, polars or pyarrow) one input for each column. The model computes in float32
        where all numbers are float32, and in float64 elsewhere.
    target_opset : int or dict, default=None
        The ONNX version to write; by default the latest that skl2onnx was tested with.

    Returns
    -------
    onnx_model : onnx.ModelProto
        ``onnx_model.SerializeToString()`` is what a file holds. The probabilities are one array, not a list of dicts
        (skl2onnx's ``zipmap`` is off). Labels are strings or int64 (booleans as 0 and 1), those that ``predict`` gives:
        a decision threshold is part of the file.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    NotFittedError
        If the model is not fitted.
    ValueError
        If X has no samples, or columns that are neither numbers nor strings; if the labels are neither integers nor
        strings; if the model has no probabilities, or holds classifiers in a way that is not converted; if a
        calibration is not by sigmoids; or if the ONNX model predicts something else than the model.
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
    if not isinstance(model, FixedThresholdClassifier):  # which may hold a fitted model without being fitted itself
        check_is_fitted(model)
    check_kind(model)
    X = table(X, CHECKED_SAMPLES)
    multilabel = np.ndim(model.predict(X)) == 2  # predict also checks X
    columns = named_columns(X)
    numbers = {values.dtype for values in columns.values()} - {np.dtype(object)}
    dtype = np.float32 if numbers == {np.dtype(np.float32)} else np.float64
    whole = Whole(model, dtype, multilabel, threshold_of(model), labels_of(X))
    try:
        return converted(whole, columns, X, target_opset)
    except Exception as error:
        if dtype == np.float64 and works_in_float32(copy.copy(whole), columns, X, target_opset):
            remedy = "give X.astype('float32'), of a DataFrame the columns of numbers, to fit and to to_onnx"
            raise ValueError(f"A part of the model is converted in float32 only; {remedy}. ({error})") from error
        raise


def converted(whole: Whole, columns: dict[str, Any], X: Any, target_opset: Any) -> Any:
    """Return the ONNX model of a whole model, checked as far as the installed packages allow."""
    import skl2onnx
    from onnx.checker import check_model

    types = [(name, tensor_type(values.dtype)([None, values.shape[1]])) for name, values in columns.items()]
    options = {id(whole): {"zipmap": False}}
    onnx_model = skl2onnx.to_onnx(whole, initial_types=types, target_opset=target_opset, options=options)
    for each, name in zip(onnx_model.graph.input, columns, strict=True):
        each.doc_string = name  # its own name is what skl2onnx makes of it: "a b" becomes "a_b"
    check_model(onnx_model, full_check=True)
    if find_spec("onnxruntime"):
        check_answers(onnx_model, whole.model, X, whole.threshold)
    return onnx_model


def works_in_float32(whole: Whole, columns: dict[str, Any], X: Any, target_opset: Any) -> bool:
    """Tell whether a model whose conversion in float64 fails can be converted in float32."""
    try:
        return bool(converted(whole.set_params(dtype=np.float32), columns, X, target_opset))
    except Exception:
        return False


def register_converters() -> None:
    """Register classifiers and encoder with skl2onnx, so that its ``convert_sklearn`` and ``to_onnx`` convert them."""
    try:
        from skl2onnx import update_registered_converter
    except ImportError:
        how = "install the extra 'onnx': pip install -e '.[onnx]' in the checkout of skbackprop"
        raise ImportError(f"ONNX models need skl2onnx; {how}.") from None
    switch = [True, False]
    options = {"zipmap": [*switch, "columns"], "nocl": switch, "output_class_labels": switch, "raw_scores": switch}
    for kind, set_types, convert in (
        (TwoLayerClassifier, set_output_types, convert_classifier),
        (BackpropClassifier, set_output_types, convert_classifier),
        (Whole, set_whole_output_types, convert_whole),
    ):
        update_registered_converter(kind, f"Skbackprop{kind.__name__}", set_types, convert, options=options)
    name = f"Skbackprop{PiecewiseLinearEncoder.__name__}"
    update_registered_converter(PiecewiseLinearEncoder, name, set_encoder_output_types, convert_encoder)
