"""What differs between scikit-learn 1.6 and 1.9, and every private import from it: one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    FIT_STACKLEVEL = 4  # from a method that fit calls to the line that calls fit, through the wrapper of with_callbacks
except ImportError:  # before scikit-learn 1.9
    FIT_STACKLEVEL = 3

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's: there is no set_callbacks, and the context does nothing."""

        def _init_callback_context(self, **kwargs: Any) -> NoCallbacks:
            return NoCallbacks()

    def with_callbacks(fit: Callable[..., Any]) -> Callable[..., Any]:
        """Return fit as it is."""
        return fit


class NoCallbacks:
    """A callback context that does nothing."""

    def subcontext(self, **kwargs: Any) -> NoCallbacks:
        return self

    def call_on_fit_task_begin(self, **kwargs: Any) -> NoCallbacks:
        return self

    def call_on_fit_task_end(self, **kwargs: Any) -> bool:
        return False


def check_sample_weight(sample_weight: Any, X: Any, name: str) -> np.ndarray | None:
    """Return the weights as float64 of shape (n,), or None if none were given.

    Raises
    ------
    ValueError
        If they are negative, not finite, all zero, or not one per row.
    """
    if sample_weight is None:
        return None
    try:
        sample_weight = np.asarray(sample_weight, np.float64)
        if sample_weight.ndim == 0:  # one number stands for all rows, as in scikit-learn
            sample_weight = np.full(X.shape[0], sample_weight)
        if sample_weight.size and not np.any(sample_weight):
            raise ValueError(f"{name} must have a positive entry; all of them are zero.")
        return _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    except (TypeError, ValueError) as error:
        message = str(error).replace("`sample_weight`", name).replace("sample_weight", name)
        raise ValueError(message if name in message else f"{name}: {message}") from None


__all__ = [
    "FIT_STACKLEVEL",
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "NoCallbacks",
    "Options",
    "StrOptions",
    "check_matplotlib_support",
    "check_sample_weight",
    "with_callbacks",
]
