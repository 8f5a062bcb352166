"""Whether an ONNX model predicts the same as the model that it was made from."""

from typing import Any

import numpy as np
from scipy.special import expit

from .inputs import input_feed
from .models import Threshold

TOLERANCE = 1e-4  # what float32 scalers may differ by; our part of the graph stays within 1e-5


def check_answers(onnx_model: Any, model: Any, X: Any, threshold: Threshold | None) -> None:
    """Raise ValueError if the ONNX model does not run, or gives other probabilities or labels than the model."""
    found, P_found = run(onnx_model, X)
    P, labels = model.predict_proba(X), np.asarray(model.predict(X))
    difference = np.abs(P_found - P).max()
    if not difference <= TOLERANCE:
        cause = "a part that skl2onnx converts otherwise, or float32 features on very different scales (give float64)"
        raise ValueError(f"The ONNX model's probabilities differ by up to {difference:.2g}. Likely cause: {cause}.")
    labels = labels.astype(object if found.dtype.kind == "O" else found.dtype)
    wrong = (found != labels) & sure(model, X, P, labels.ndim == 2, threshold)
    if wrong.any():
        how = f"Likely cause: {type(model).__name__}.predict does not choose the class of the largest probability"
        raise ValueError(f"The ONNX model gives other labels for {wrong.sum()} of {len(labels)} samples. {how}.")


def sure(model: Any, X: Any, P: Any, multilabel: bool, threshold: Threshold | None) -> Any:
    """Tell which labels are sure: those that no change of the probabilities within the tolerance would change."""
    if threshold is not None:
        positive, value, method = threshold
        if method == "predict_proba":
            margin = np.abs(P[:, positive] - value)
        else:
            margin = np.abs(expit((2 * positive - 1) * model.decision_function(X)) - expit(value))
        return margin > TOLERANCE
    if multilabel:
        return np.abs(P - 0.5) > TOLERANCE
    largest = np.sort(P, axis=1)
    return largest[:, -1] - largest[:, -2] > 2 * TOLERANCE


def run(onnx_model: Any, X: Any) -> list[Any]:
    """Return the labels and the probabilities that onnxruntime computes."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 4  # below that it reports every constant that it removes, and errors twice
    options.intra_op_num_threads = 1  # a pool of waiting threads costs more than it gains here
    try:
        session = InferenceSession(onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(["label", "probabilities"], input_feed(onnx_model, X))
    except Exception as error:  # the classes of its errors are not public
        raise ValueError(f"onnxruntime does not run the ONNX model. It says: {error}") from error
