"""The one place for what differs between scikit-learn 1.6 and 1.9, and for every private import from it."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, Self, TypeVar

from sklearn.utils._optional_dependencies import check_matplotlib_support as check_matplotlib_support
from sklearn.utils._param_validation import Interval as Interval, StrOptions as StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in as _check_feature_names_in,
    _check_sample_weight as _check_sample_weight,
)

Fit = TypeVar("Fit", bound=Callable[..., Any])

COUNT = Interval(Integral, 1, None, closed="left")


class NoCallbacks:
    """A callback context that does nothing."""

    def subcontext(self, **kwargs: Any) -> Self:
        return self

    call_on_fit_task_begin = call_on_fit_task_end = subcontext


try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin, with_callbacks as wrapper

    FIT_STACKLEVEL = 5  # from a method that fit calls to the line that calls fit, through the wrappers of fit
except ImportError:  # before scikit-learn 1.9
    FIT_STACKLEVEL = 4

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's: there is no set_callbacks, and the context does nothing."""

        def _init_callback_context(self, **kwargs: Any) -> NoCallbacks:
            return NoCallbacks()

    def wrapper(fit: Any) -> Any:
        """Return fit as it is."""
        return fit


with_callbacks: Callable[[Fit], Fit] = wrapper  # whose own types do not say that the parameters stay the same


def column_numbers(transformer: Any) -> dict[str, Any]:
    """Return the numbers of the columns that each part of a fitted ColumnTransformer takes."""
    return transformer._transformer_to_input_indices


def positive_label(model: Any) -> Any:
    """Return the label whose score a fitted threshold classifier compares; None stands for the second label."""
    return model._curve_scorer._get_pos_label() if hasattr(model, "_curve_scorer") else model.pos_label
