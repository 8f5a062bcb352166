"""Prediction: from fitted weights to logits, probabilities and labels. Nothing here changes the estimator."""

from __future__ import annotations

import warnings
import zlib
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ._version import __version__
from .activations import Array
from .evaluation import logits
from .labels import Labels
from .network import Network, resolve_activations, resolve_link

FLOATS = [np.float64, np.float32]


class Predictor(ClassifierMixin, BaseEstimator):
    """What a classifier can do once it has its fitted attributes."""

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
        Z = self._logits(X)
        return self._labels().decode(Z)

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
        self._check_is_fitted()
        link = resolve_link(self.link_, self.n_outputs_)
        write = link.both_sides if self._labels().binary else link.probabilities
        return self._logits(X, write, len(self.classes_))

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
        self._check_is_fitted()
        link, labels = resolve_link(self.link_, self.n_outputs_), self._labels()

        def write(Z: Array, out: Array) -> None:
            out[...] = labels.log_probabilities(Z, link)

        return self._logits(X, write, len(self.classes_))

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
        Z = self._logits(X)
        return Z[:, 0] if self._labels().binary else Z

    def _check_is_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():  # asked first, since scikit-learn 1.6 takes 25 µs to ask the same
            check_is_fitted(self)

    def _logits(self, X: Any, write: Any = np.positive, n_columns: int = 0) -> Array:
        self._check_is_fitted()
        network = Network.from_parameters(
            self.coefs_, self.intercepts_, resolve_activations(self.activation, len(self.coefs_) - 1)
        )
        plain = (
            type(X) is np.ndarray
            and X.dtype == network.dtype
            and X.ndim == 2
            and len(X) > 0
            and X.shape[1] == self.n_features_in_
            and "feature_names_in_" not in vars(self)
        )
        if plain:  # an array that needs no check but for NaN and inf, which show in Z1
            with np.errstate(all="ignore"):
                Z, sound = logits(network, X, write, n_columns)
            if sound:
                return Z
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=FLOATS)
        with np.errstate(all="ignore"):
            Z, sound = logits(network, X.astype(network.dtype, copy=False), write, n_columns)
        if not sound and np.isnan(Z.min()):
            raise ValueError(
                f"X holds values so large that the network's sums overflow {network.dtype}; scale the features."
            )
        return Z

    def _labels(self) -> Labels:
        return Labels(self.classes_, multilabel=self.link_ == "sigmoid" and self.n_outputs_ == len(self.classes_))

    def __copy__(self) -> Predictor:
        copied = object.__new__(type(self))
        copied.__dict__.update(vars(self))  # as it is, not as it is saved
        return copied

    def __getstate__(self) -> dict[str, Any]:
        return {**_packed(super().__getstate__()), "_skbackprop_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        missing = set(self._get_param_names()) - set(state if isinstance(state, dict) else ())
        if missing:
            raise ValueError(
                f"The file holds no {type(self).__name__}, or a damaged one: {', '.join(sorted(missing))} missing. "
                "Save the model again, with the versions that wrote it if they were others."
            )
        state = _unpacked(state)
        version = state.pop("_skbackprop_version", __version__)
        if version != __version__:
            warnings.warn(
                f"This {type(self).__name__} was saved by version {version} of skbackprop and is loaded by "
                f"{__version__}. Files of earlier versions are read, those of later ones perhaps not: compare some "
                "answers, then save it again.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)

    def __sklearn_is_fitted__(self) -> bool:
        return "coefs_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = self.class_weight is None
        return tags


# A history is a thousand numbers or more: in a file they are one string of bytes, and its views are names of columns.
VIEWS = {"loss_curve_": "loss", "validation_scores_": "validation_score"}


def _packed(state: dict[str, Any]) -> dict[str, Any]:
    history = state.get("history_")
    if not history:
        return state
    columns = zlib.compress(np.array(list(history.values()), np.float64).tobytes())
    views = {name: column for name, column in VIEWS.items() if state.get(name) is history.get(column, state)}
    return state | {"history_": {"names": list(history), "columns": columns}} | views


def _unpacked(state: dict[str, Any]) -> dict[str, Any]:
    packed = state.get("history_", {})
    if "columns" not in packed:  # not fitted, or from a file of 0.1.0.dev0, where it is a dict of lists
        return dict(state)
    try:
        columns = np.frombuffer(zlib.decompress(packed["columns"])).reshape(len(packed["names"]), -1)
    except (zlib.error, ValueError) as error:
        raise ValueError(f"The file is damaged: history_ cannot be read ({error}). Save the model again.") from None
    history = dict(zip(packed["names"], columns.tolist(), strict=True))
    views = {name: history[column] for name, column in VIEWS.items() if isinstance(state.get(name), str)}
    return state | {"history_": history} | views
