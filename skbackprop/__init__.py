"""skbackprop: a scikit-learn classifier whose backpropagation is written out by hand in NumPy."""

import sklearn  # noqa: F401  first, and from up here: from within modules within modules it takes a tenth longer

from ._fit.outcome import DivergenceError
from ._version import __version__
from .classifiers import BackpropClassifier, TwoLayerClassifier
from .diagnosis import diagnose
from .display import LossCurveDisplay
from .gradient_check import check_gradients
from .network import Network

__all__ = [
    "BackpropClassifier",
    "DivergenceError",
    "LossCurveDisplay",
    "Network",
    "TwoLayerClassifier",
    "__version__",
    "check_gradients",
    "diagnose",
]
