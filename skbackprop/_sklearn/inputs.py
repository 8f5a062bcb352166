"""Checks of what a user gives to fit, by scikit-learn's own validation, and what a resumed fit continues from.

Nothing here changes the estimator.
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import assert_all_finite, validate_data

from .._core.checks import generator
from .._core.kernels import Array
from .._data.feature_tables import check_dimensions, column_dtypes, has_dates, is_frame, what_is_missing, what_is_wrong
from .._data.label_arrays import checked_labels, class_array
from .._data.labels import Labels, is_multilabel
from .._data.samples import Samples
from ..initializers import zeros
from ..network import Network, resolve_activations
from ..registry import same
from .auto import check_parameters
from .compat import _check_sample_weight

FLOATS = [np.float64, np.float32]


class Checked(NamedTuple):
    """X, y and the weights, checked; the attributes that name the features; X, y and the weights as given."""

    X: Any
    y: Any
    sample_weight: Array | None
    names: dict[str, Any]
    given: tuple[Any, Any, Any]


def checked_inputs(estimator: Any, X: Any, y: Any, sample_weight: Any, *, resumed: bool) -> Checked:
    """Check the parameters and the data of fit or partial_fit, and with resumed, whether the data fit the network."""
    check_parameters(estimator)
    return checked(estimator, {}, X, y, sample_weight, estimator.coefs_[0].dtype if resumed else None)


def validation_set(estimator: Any, samples: Samples, names: dict[str, Any], X: Any, y: Any, w: Any) -> Samples | None:
    """Return the validation set that fit is given, or None.

    Raises
    ------
    ValueError
        If it cannot be used, or a part of it is missing.
    """
    if X is None and y is None and w is None:
        return None
    if X is None or y is None:
        raise ValueError("X_val and y_val must be given together, sample_weight_val only with them.")
    try:
        X, y, w, _, given = checked(estimator, names, X, y, w, samples.X.dtype, "_val")
        # divided by the largest, so that 1e-300 and 1 give the same bits
        return Samples.of(X, y, samples.labels, None if w is None else w / w.max(), estimator.class_weight, given)
    except (TypeError, ValueError) as error:
        raise (TypeError if isinstance(error, TypeError) else ValueError)(f"X_val, y_val: {error}") from None


def checked(estimator: Any, names: dict[str, Any], X: Any, y: Any, w: Any, dtype: Any, suffix: str = "") -> Checked:
    """Check samples by scikit-learn's validation, which writes the feature names to a copy of the estimator.

    Parameters
    ----------
    estimator : estimator
        What is copied.
    names : dict
        Attributes of the copy that name the features, in place of the estimator's own.
    X, y, w
        The samples, their labels and their weights.
    dtype : dtype or None
        That of the network, if X must have the features that the estimator or names hold; None if X defines them.
    suffix : str, default=""
        What error messages append to X, y and sample_weight.

    Raises
    ------
    ValueError
        If the samples cannot be used, or a value is too large for the dtype.
    """
    given_X, given_y = X, y
    probe = object.__new__(type(estimator))
    vars(probe).update(vars(estimator) | names)
    y = checked_labels(y, f"y{suffix}")
    X, y = validated(probe, X, f"X{suffix}", y=y, reset=dtype is None, multi_output=True)
    if dtype is not None and dtype != X.dtype:
        with np.errstate(over="ignore"):
            X = X.astype(dtype)
        assert_all_finite(X, input_name=f"X{suffix}")
    w = check_sample_weight(w, X, f"sample_weight{suffix}")
    found = {k: v for k, v in vars(probe).items() if k in ("n_features_in_", "feature_names_in_")}
    return Checked(X, y, w, found, (given_X, given_y, w))


def validated(estimator: Any, X: Any, name: str, **how: Any) -> Any:
    """Return what scikit-learn's validation makes of X; its errors name the columns that it cannot use."""
    check_dimensions(X, name)
    try:
        if has_dates(X):
            raise ValueError("Dates are not numbers.")  # NumPy would make huge ones of them, of missing dates too
        return validate_data(estimator, X, **{"accept_sparse": "csr", "dtype": float_dtypes(X)} | how)
    except (TypeError, ValueError) as error:
        gaps = what_is_missing(X, name) if "Input X contains NaN" in str(error) else None
        wrong = gaps or what_is_wrong(X, name)
        if wrong is None:
            raise
        raise (TypeError if isinstance(error, TypeError) else ValueError)(
            f"{wrong} ({str(error).splitlines()[0]})"
        ) from error


def float_dtypes(X: Any) -> list[Any]:
    """Return the dtypes that X may keep; any other dtype becomes the first of them.

    scikit-learn's validation looks for float32 among NumPy's dtypes only. It would convert nullable, pyarrow or sparse
    columns of pandas, and columns of polars, to float64, even if NumPy would promote them to float32.
    """
    if not is_frame(X):
        return FLOATS
    dtypes = [getattr(each, "numpy_dtype", getattr(each, "subtype", each)) for each in column_dtypes(X)]
    are_numbers = dtypes and all(isinstance(each, np.dtype) and each.kind in "biuf" for each in dtypes)
    return [np.float32] if are_numbers and np.result_type(*dtypes) == np.float32 else FLOATS


def check_sample_weight(sample_weight: Any, X: Any, name: str) -> np.ndarray | None:
    """Return the weights as float64 of shape (n,), or None if none were given.

    Raises
    ------
    ValueError
        If they are negative, not finite, all zero, or not one for each sample.
    """
    if sample_weight is None:
        return None
    try:
        w = np.asarray(sample_weight, np.float64)
        w = np.full(X.shape[0], w) if w.ndim == 0 else w  # one number stands for all samples, as in scikit-learn
        if w.ndim == 1 and len(w) != X.shape[0]:
            why = "A sampler of imbalanced-learn leaves weights as they were; use class_weight with it"
            raise ValueError(f"{name} has {len(w)} weights for {X.shape[0]} samples. {why}.")
        if w.size and not np.any(w):
            raise ValueError(f"{name} must have a positive entry; all of them are zero.")
        return _check_sample_weight(w, X, dtype=np.float64, ensure_non_negative=True)
    except (TypeError, ValueError) as error:
        message = str(error).replace("`sample_weight`", name).replace("sample_weight", name)
        raise ValueError(message if name in message else f"{name}: {message}") from None


def labels_of_fit(estimator: Any, y: Any, *, resumed: bool) -> Labels:
    """Return the labels of fit: those of y, where a resumed fit keeps the names that partial_fit gave its columns."""
    labels = Labels.of(y)
    fitted = Labels.fitted(estimator) if resumed and labels.multilabel else labels
    return fitted if fitted.multilabel and fitted.n_outputs == labels.n_outputs else labels


def labels_of_stream(estimator: Any, y: Any, classes: Any, *, resumed: bool) -> Labels:
    """Return the labels of partial_fit: those of the first call.

    Raises
    ------
    ValueError
        If the first call does not give them, or a later one gives different ones.
    """
    fitted = Labels.fitted(estimator) if resumed else None
    multilabel = is_multilabel(y) if fitted is None else fitted.multilabel
    given = None if classes is None else class_array(classes, sort=not multilabel)
    if fitted is None:
        if given is None and not multilabel:
            raise ValueError("classes, all labels across calls to partial_fit, must be given at the first call.")
        return Labels.of(y, given)
    if given is not None and not fitted.are(given):
        raise ValueError(f"classes={classes!r} are not those of the first call, {fitted.classes!r}; leave classes out.")
    return fitted


def state_of_training(estimator: Any, resumed: bool) -> tuple[dict[str, Any], np.random.RandomState]:
    """Return the state and the random stream to start from: those that the last fit left if resumed, else new ones."""
    state = vars(estimator).get("_training_state", {}) if resumed else {}
    # for None a new one, not NumPy's global one
    rng = generator(None if "rng" in state else estimator.random_state)
    if "rng" in state:
        rng.set_state(state["rng"])
    return state, rng


def encoded(
    checked: Checked, labels: Labels, class_weight: Any, stream: dict[str, float] | None = None
) -> tuple[Samples, dict[str, float]]:
    """Return the samples with encoded labels, and the number and total weight of all samples so far.

    The weights are divided by the largest one of the first samples, so that 1e-300 and 1 give the same bits.

    Parameters
    ----------
    checked : Checked
        The samples.
    labels : Labels
        How their labels map to outputs.
    class_weight : dict, "balanced" or None
        The estimator's parameter.
    stream : dict, default=None
        What the last call returned, if partial_fit continues.
    """
    w = checked.sample_weight
    before = stream or {"unit": 1.0 if w is None else float(w.max()), "sum": 0.0, "rows": 0.0}
    unit = before["unit"]
    if w is not None or unit != 1.0:
        w = (np.ones(checked.X.shape[0]) if w is None else w) / unit
    samples = Samples.of(checked.X, checked.y, labels, w, class_weight, checked.given)
    total, rows = before["sum"] + samples.total_weight, before["rows"] + len(samples.rows)
    return samples, {"unit": unit, "sum": total, "rows": rows}


def starting_network(estimator: Any, samples: Samples, rng: np.random.RandomState, resumed: bool) -> Network:
    """Return a new network, with the fitted weights if training is resumed.

    Raises
    ------
    ValueError
        If training cannot be resumed, because the classes, the layers or the activation have changed.
    """
    labels, activation = samples.labels, estimator.activation
    sizes = [samples.X.shape[1], *estimator._hidden_layers(), labels.n_outputs]
    if resumed:
        fitted_sizes = [len(estimator.coefs_[0]), *map(len, estimator.intercepts_)]
        if not labels.are(estimator.classes_) or labels.link != estimator.link_:
            remedy = "samples of every class, or partial_fit, or warm_start=False, which begins anew"
            held = f"y holds the classes {labels.classes!r}, but the network was fitted to {estimator.classes_!r}"
            raise ValueError(f"{held}; use {remedy}.")
        if sizes != fitted_sizes:
            raise ValueError(f"The layer sizes are {sizes}, but those of the fitted network are {fitted_sizes}.")
        if not same(*(resolve_activations(each, len(sizes) - 2) for each in (activation, estimator.activations_))):
            raise ValueError(f"activation={activation!r} is not that of the fit, {estimator.activations_!r}.")
        return fitted_network(estimator, activation, estimator.loss)
    options = {"link": labels.link, "weight_init": estimator.weight_init, "dtype": samples.X.dtype}
    return Network(sizes, activation, estimator.loss, random_state=rng, **options)


def fitted_network(estimator: Any, activation: Any, loss: Any) -> Network:
    """Return a network with this activation and loss that holds a copy of the fitted weights."""
    W, b = estimator.coefs_, estimator.intercepts_
    sizes, options = [len(W[0]), *map(len, b)], {"weight_init": zeros, "dtype": W[0].dtype}
    network = Network(sizes, activation, loss, link=estimator.link_, **options)
    network.W, network.b = W, b
    return network
