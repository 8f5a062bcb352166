"""skbackprop: a scikit-learn classifier whose backpropagation is written out by hand in NumPy."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import sklearn  # noqa: F401  first, and from up here: from within modules within modules it takes a tenth longer

from ._fit.outcome import DivergenceError
from ._version import __version__
from .classifiers import BackpropClassifier, TwoLayerClassifier
from .explanation import explain_step
from .gradient_check import check_gradients
from .gradient_comparison import compare_gradients
from .network import Network

if TYPE_CHECKING:
    from .diagnosis import diagnose
    from .display import LossCurveDisplay
    from .network_display import NetworkDisplay
    from .training_display import TrainingDisplay

__all__ = [
    "BackpropClassifier",
    "DivergenceError",
    "LossCurveDisplay",
    "Network",
    "NetworkDisplay",
    "TrainingDisplay",
    "TwoLayerClassifier",
    "__version__",
    "check_gradients",
    "compare_gradients",
    "diagnose",
    "explain_step",
]

# Names whose modules are imported when they are first asked for: most programs draw nothing.
LATER = {
    "LossCurveDisplay": ".display",
    "NetworkDisplay": ".network_display",
    "TrainingDisplay": ".training_display",
    "diagnose": ".diagnosis",
}


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(LATER[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *LATER})
