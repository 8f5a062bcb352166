"""What a classifier can do once it has its fitted attributes: predict, and be copied, saved and loaded."""

import copy
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from .._core.kernels import Array
from .._core.predict import logits
from .._core.types import MatrixLike, Weights
from .._data.label_arrays import checked_labels
from .._data.labels import Labels
from .._fit.recording import Columns
from ..activations import Activation
from ..network import Network, resolve_activations, resolve_link
from .inputs import fitted_network, validated
from .versions import completed, warn_of_version, with_version

# In a file, the thousand or more numbers of a history are one string of bytes. Its views, which are columns of the
# history, are the names of these columns there.
HISTORIES = ("history_", "search_history_")
VIEWS = {"loss_curve_": "loss", "validation_scores_": "validation_score"}
MOST_NUMBERS = 10_000_000  # of a history in a file


class Predictor(ClassifierMixin, BaseEstimator):
    """A classifier that predicts without changing, can be copied, and is saved with its histories packed."""

    classes_: NDArray[Any]
    coefs_: list[Array]
    intercepts_: list[Array]
    activations_: list[str | Activation]
    link_: str
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    history_: Columns
    search_history_: Columns
    loss_curve_: list[float]
    loss_: float
    validation_scores_: list[float]
    best_validation_score_: float
    best_iter_: int

    def predict(self, X: MatrixLike) -> NDArray[Any]:
        """Return the most probable label of each sample; with multilabel targets, an indicator matrix.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The labels; of classes that tie, the first.
        """
        fitted = self._as_it_stands()
        return Labels.fitted(fitted).decode(fitted._logits(X))

    def predict_proba(self, X: MatrixLike) -> Array:
        """Return the probability of each class, or, with multilabel targets, of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``. With two classes, both probabilities are exact, however small they are.
        """
        fitted = self._as_it_stands()
        link = resolve_link(fitted.link_, fitted.n_outputs_)
        write = getattr(link, "both_sides" if Labels.fitted(fitted).binary else "probabilities")
        return fitted._logits(X, write, len(fitted.classes_))

    def predict_log_proba(self, X: MatrixLike) -> Array:
        """Return the logarithms of :meth:`predict_proba`, from the logits: finite where a probability rounds to zero.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        log_P : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``.
        """
        fitted = self._as_it_stands()
        link, binary = resolve_link(fitted.link_, fitted.n_outputs_), Labels.fitted(fitted).binary

        def write(Z: Array, out: Array) -> None:
            out[...] = link.log_probabilities(np.hstack([-Z, Z]) if binary else Z)

        return fitted._logits(X, write, len(fitted.classes_))

    def decision_function(self, X: MatrixLike) -> Array:
        """Return the logits Z_L.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        Z : ndarray of shape (n_samples,) for two classes, else (n_samples, n_outputs)
            The logits; with two classes, a positive one stands for ``classes_[1]``.
        """
        fitted = self._as_it_stands()
        Z = fitted._logits(X)
        return Z[:, 0] if Labels.fitted(fitted).binary else Z

    @property
    def network_(self) -> Network:
        """A Network with a copy of the fitted weights, to run forward, loss, backward and update on.

        It has the activations that were trained, and the ``loss`` and the link of the classifier. It predicts class
        numbers, which are indices into ``classes_``: ``np.searchsorted(clf.classes_, y)`` turns labels into class
        numbers, and ``np.eye(K)[...]`` turns class numbers into targets for K > 2 classes.
        """
        fitted = self._as_it_stands()
        return fitted_network(fitted, *copy.deepcopy((fitted.activations_, fitted.loss)))

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: Weights = None) -> float:
        """Return the accuracy; with multilabel targets, the share of samples with every label right.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        score : float
            From 0 to 1.
        """
        return super().score(X, checked_labels(y, "y"), sample_weight)

    def _as_it_stands(self) -> Any:
        """Return an estimator that keeps the present attributes, even if a fit in another thread replaces them."""
        fitted: Any = object.__new__(type(self))
        fitted.__dict__ = vars(self)  # the same dict, without a copy: a fit replaces the dict of self by another one
        if not fitted.__sklearn_is_fitted__():  # asked first, since scikit-learn 1.6 takes 25 µs to ask the same
            check_is_fitted(fitted)
        return fitted

    @np.errstate(all="ignore")
    def _logits(self, X: Any, write: Any = np.positive, n_columns: int = 0) -> Array:
        """Return the logits, or what ``write(Z, out)`` makes of them; call it on what :meth:`_as_it_stands` returns."""
        W, b = self.coefs_, self.intercepts_
        dtype, how = W[0].dtype, (W, b, resolve_activations(self.activations_, len(W) - 1), write, n_columns)
        plain = type(X) is np.ndarray and X.ndim == 2 and len(X) > 0 and X.shape[1] == self.n_features_in_
        if plain and X.dtype == dtype and "feature_names_in_" not in vars(self):
            Z, is_finite = logits(X, *how)  # here, only NaN and infinity remain to be checked, and these show in Z1
            if is_finite:
                return Z
        X = validated(self, X, "X", reset=False)
        Z, is_finite = logits(X.astype(dtype, copy=False), *how)
        if not is_finite and np.isnan(Z.min()):
            raise ValueError(f"X holds values so large that the network's sums overflow {dtype}; scale the features.")
        return Z

    def __sklearn_is_fitted__(self) -> bool:
        return "coefs_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = self.class_weight is None
        return tags

    def __copy__(self) -> Any:
        copied: Any = object.__new__(type(self))
        vars(copied).update(vars(self))
        if "history_" in vars(copied):  # partial_fit appends to its lists
            history = copied.history_ = {name: [*column] for name, column in copied.history_.items()}
            vars(copied).update({view: history[name] for view, name in VIEWS.items() if view in vars(copied)})
        return copied

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        history = state.get("history_") or {}
        state |= {view: name for view, name in VIEWS.items() if name in history and state.get(view) is history[name]}
        packed = {name: pack(state[name]) for name in HISTORIES if state.get(name)}
        return with_version(state | packed)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state, version = completed(self, state)
        state |= {name: history_from(state[name], name) for name in HISTORIES if name in state}
        state |= {view: viewed(state, view) for view in VIEWS if isinstance(state.get(view), str)}
        if "coefs_" in state and "activations_" not in state:
            state["activations_"] = fitted_activations(state["activation"], len(state["coefs_"]) - 1)
        warn_of_version(self, version)
        super().__setstate__(state)


def fitted_activations(activation: Any, n_hidden: int) -> list[str | Activation]:
    """Return the activations of the hidden layers: names as they are, objects as copies, which nobody can change."""
    specs = list(activation) if isinstance(activation, (list, tuple)) else [activation] * n_hidden
    return [spec if isinstance(spec, str) else copy.deepcopy(spec) for spec in specs]


def pack(history: Columns) -> dict[str, Any]:
    """Return a history as its names and a string of bytes, or as it is if that would be too long to be read back."""
    table = np.array(list(history.values()), np.float64)
    packed = {"names": list(history), "n_epochs": table.shape[1], "columns": zlib.compress(table.tobytes())}
    return packed if table.size <= MOST_NUMBERS else history


def history_from(saved: Any, name: str) -> Columns:
    """Return a history from the form that it has in a file: packed, or the columns themselves.

    Raises
    ------
    ValueError
        If it is neither, or a packed one has more than ten million numbers.
    """
    try:
        if not isinstance(saved, dict):
            raise ValueError(f"it is not a dict but a {type(saved).__name__}")
        history = unpacked(saved) if "columns" in saved else saved
        if "loss" not in history or not all(isinstance(column, str) for column in history):
            raise ValueError(f"its columns are {[*history]!r:.200}")
        if not all(isinstance(numbers, list) for numbers in history.values()) or len({*map(len, history.values())}) > 1:
            raise ValueError("its columns are not lists of one length")
        if not all(isinstance(number, (int, float)) for numbers in history.values() for number in numbers):
            raise ValueError("its columns hold something other than numbers")
        return history
    except (zlib.error, ValueError) as error:
        raise ValueError(f"The file is damaged: {name} cannot be read ({error}). Save the model again.") from None


def unpacked(packed: dict[str, Any]) -> Columns:
    """Return the columns of a packed history; never more than ten million numbers are decompressed."""
    names, content, decompressor = packed.get("names"), packed["columns"], zlib.decompressobj()
    if not (isinstance(names, list) and isinstance(content, bytes) and all(isinstance(name, str) for name in names)):
        raise ValueError("its names are not a list of strings, or its columns are not bytes")
    content = decompressor.decompress(content, 8 * MOST_NUMBERS + 1)  # one byte more, or the end would not be seen
    if not decompressor.eof or len(content) > 8 * MOST_NUMBERS:
        raise ValueError(f"it was cut short, or holds more than {MOST_NUMBERS} numbers")
    n_columns = len({*names})
    n_epochs = packed.get("n_epochs", len(content) // (8 * n_columns or 1))  # absent in files up to 0.1.0.dev2
    if not isinstance(n_epochs, int) or n_columns < len(names) or len(content) != 8 * n_columns * n_epochs:
        raise ValueError(f"{len(content)} bytes are not {n_epochs} numbers for each of the columns {names!r:.200}")
    return dict(zip(names, np.frombuffer(content).reshape(n_columns, n_epochs).tolist(), strict=True))


def viewed(state: dict[str, Any], view: str) -> list[float]:
    """Return the column of the history whose name stands for a view, such as loss_curve_, in a file."""
    if VIEWS[view] not in state.get("history_", ()):
        raise ValueError(f"The file is damaged: {view} is a column that history_ lacks. Save the model again.")
    return state["history_"][VIEWS[view]]
