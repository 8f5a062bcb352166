"""What a classifier can do once it has its fitted attributes: predict, and be copied, saved and loaded."""

import copy
import zlib
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._core.kernels import Array
from .._core.predict import logits
from .._data.label_arrays import checked_labels
from .._data.labels import Labels
from .._fit.recording import Columns
from ..network import Network, resolve_activations, resolve_link
from .inputs import fitted_network, float_dtypes
from .versions import completed, warn_of_version, with_version

# A history is a thousand numbers or more: in a file they are one string of bytes, and its views are names of columns.
HISTORIES = ("history_", "search_history_")
VIEWS = {"loss_curve_": "loss", "validation_scores_": "validation_score"}
MOST_NUMBERS = 10_000_000  # of a history in a file


class Predictor(ClassifierMixin, BaseEstimator):
    """A classifier that predicts without being changed, is copied as it is, and saved with packed histories."""

    def predict(self, X: Any) -> Any:
        """Return the most probable label of each row; with multilabel targets, an indicator matrix.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The labels; where two classes tie, the first.
        """
        fitted = self._as_it_stands()
        return Labels.fitted(fitted).decode(fitted._logits(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, or, with multilabel targets, of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``. Small probabilities are exact on both sides of a binary target.
        """
        fitted = self._as_it_stands()
        link = resolve_link(fitted.link_, fitted.n_outputs_)
        write = link.both_sides if Labels.fitted(fitted).binary else link.probabilities
        return fitted._logits(X, write, len(fitted.classes_))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of :meth:`predict_proba`, from the logits: finite where a probability rounds to zero.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

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

    def decision_function(self, X: Any) -> Array:
        """Return the logits Z_L.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        Z : ndarray of shape (n_samples,) for two classes, else (n_samples, n_outputs)
            The logits; for two classes, positive for ``classes_[1]``.
        """
        fitted = self._as_it_stands()
        Z = fitted._logits(X)
        return Z[:, 0] if Labels.fitted(fitted).binary else Z

    @property
    def network_(self) -> Network:
        """A Network with a copy of the fitted weights: forward, loss, backward and update, to look into.

        It has the activations that were trained, and the ``loss`` and the link of the classifier. What it predicts are
        class numbers, places in ``classes_``: ``np.searchsorted(clf.classes_, y)`` makes them of labels, and
        ``np.eye(K)[...]`` of those the targets of K > 2 classes.
        """
        fitted = self._as_it_stands()
        return fitted_network(fitted, *copy.deepcopy((fitted.activations_, fitted.loss)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
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
        """Return what predicts by the attributes of this moment, which a fit in another thread replaces all at once."""
        fitted: Any = object.__new__(type(self))
        fitted.__dict__ = vars(self)  # the same dict, without a copy: a fit puts another one in its place
        if not fitted.__sklearn_is_fitted__():  # asked first, since scikit-learn 1.6 takes 25 µs to ask the same
            check_is_fitted(fitted)
        return fitted

    @np.errstate(all="ignore")
    def _logits(self, X: Any, write: Any = np.positive, n_columns: int = 0) -> Array:
        """Return the logits, or what write makes of them; only on what :meth:`_as_it_stands` returns."""
        W, b = self.coefs_, self.intercepts_
        dtype, how = W[0].dtype, (W, b, resolve_activations(self.activations_, len(W) - 1), write, n_columns)
        plain = type(X) is np.ndarray and X.ndim == 2 and len(X) > 0 and X.shape[1] == self.n_features_in_
        if plain and X.dtype == dtype and "feature_names_in_" not in vars(self):
            Z, sound = logits(X, *how)  # an array that needs no check but for NaN and infinity, which show in Z1
            if sound:
                return Z
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=float_dtypes(X))
        Z, sound = logits(X.astype(dtype, copy=False), *how)
        if not sound and np.isnan(Z.min()):
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


def fitted_activations(activation: Any, n_hidden: int) -> list[Any]:
    """Return what the hidden layers are trained with: names as they are, objects copied, so that they stay the same."""
    specs = list(activation) if isinstance(activation, (list, tuple)) else [activation] * n_hidden
    return [spec if isinstance(spec, str) else copy.deepcopy(spec) for spec in specs]


def pack(history: Columns) -> dict[str, Any]:
    """Return a history as its names and a string of bytes, or as it is where that would be too long to be read back."""
    table = np.array(list(history.values()), np.float64)
    packed = {"names": list(history), "n_epochs": table.shape[1], "columns": zlib.compress(table.tobytes())}
    return packed if table.size <= MOST_NUMBERS else history


def history_from(saved: Any, name: str) -> Columns:
    """Return a history from what a file holds of it: packed, or the columns themselves.

    Raises
    ------
    ValueError
        If it is neither, or there are more than ten million numbers in a packed one.
    """
    try:
        if not isinstance(saved, dict):
            raise ValueError(f"it is no dict but a {type(saved).__name__}")
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
        raise ValueError("its names are no list of strings, or its columns no bytes")
    content = decompressor.decompress(content, 8 * MOST_NUMBERS + 1)  # one byte more, or the end would not be seen
    if not decompressor.eof or len(content) > 8 * MOST_NUMBERS:
        raise ValueError(f"it was cut short, or holds more than {MOST_NUMBERS} numbers")
    n_columns = len({*names})
    n_epochs = packed.get("n_epochs", len(content) // (8 * n_columns or 1))  # which files up to 0.1.0.dev2 do not tell
    if not isinstance(n_epochs, int) or n_columns < len(names) or len(content) != 8 * n_columns * n_epochs:
        raise ValueError(f"{len(content)} bytes are no {n_epochs} numbers for each of the columns {names!r:.200}")
    return dict(zip(names, np.frombuffer(content).reshape(n_columns, n_epochs).tolist(), strict=True))


def viewed(state: dict[str, Any], view: str) -> list[float]:
    """Return the column of the history that a view such as loss_curve_ stands for in a file."""
    if VIEWS[view] not in state.get("history_", ()):
        raise ValueError(f"The file is damaged: {view} is a column that history_ lacks. Save the model again.")
    return state["history_"][VIEWS[view]]
