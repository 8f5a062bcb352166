"""skbackprop: a scikit-learn classifier whose backpropagation is written out by hand in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sklearn  # noqa: F401  first, and from up here: from within modules within modules it takes a tenth longer

from ._version import __version__
from .classifiers import BackpropClassifier, TwoLayerClassifier
from .gradient_check import check_gradients
from .network import Network
from .stopping import DivergenceError

if TYPE_CHECKING:
    from .display import LossCurveDisplay


__all__ = [
    "BackpropClassifier",
    "DivergenceError",
    "LossCurveDisplay",
    "Network",
    "TwoLayerClassifier",
    "__version__",
    "check_gradients",
]


def __getattr__(name: str) -> Any:
    if name == "LossCurveDisplay":  # imported when it is asked for
        from .display import LossCurveDisplay

        return LossCurveDisplay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
