r"""Initialisers: where the weights W (fan_in, fan_out) start. Biases start at zero.

An initialiser is any callable ``(rng, fan_in, fan_out) -> array``; the named ones draw ``rng.standard_normal`` of that
shape and multiply it by a standard deviation:

============  =======================  ==============================================
name          standard deviation       source
============  =======================  ==============================================
"he"          √(2 / fan_in)            He et al. (2015), arXiv:1502.01852
"glorot"      √(2 / (fan_in+fan_out))  Glorot and Bengio (2010), equation 16
"lecun"       √(1 / fan_in)            LeCun et al. (1998), "Efficient BackProp"
Normal(s)     s                        ``randn(fan_in, fan_out) * s``, as in many notebooks
"auto"        √(gain / fan_in)         gain: see below
============  =======================  ==============================================

"auto" keeps the size of the signal from layer to layer: the gain is 1 for W1, whose inputs are the features. A later
hidden layer has the gain of the activation before it (2 for relu, which lets half of the signal through: He et al.,
section 2.2). The output layer has 0.09, so that training starts from nearly equal probabilities; docs/defaults.md shows
what this gains.

To add an initialiser, write a callable class and register it with ``@INITIALIZERS.register("name")``, or just pass a
function.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ._core.kernels import Array
from .registry import Configurable, Registry, number

INITIALIZERS: "Registry[Initializer]" = Registry("weight_init", ("__call__",))


class Initializer(Protocol):
    """The protocol of an initialiser: it can be called."""

    def __call__(self, rng: np.random.RandomState, fan_in: int, fan_out: int, /) -> Array:
        """Return the initial weights, shape (fan_in, fan_out)."""


@dataclass(eq=False, repr=False)
class Normal(Configurable):
    """Normally distributed weights with a given standard deviation.

    Parameters
    ----------
    scale : float
        The standard deviation.

    Examples
    --------
    ``np.random.RandomState(42).randn(30, 16) * 0.01``, as in many notebooks:

    >>> import numpy as np
    >>> from skbackprop.initializers import Normal
    >>> Normal(0.01)(np.random.RandomState(42), 30, 16)[0, :3].round(4)
    array([ 0.005 , -0.0014,  0.0065])
    """

    scale: float = number()

    def __call__(self, rng: np.random.RandomState, fan_in: int, fan_out: int) -> Array:
        return rng.standard_normal((fan_in, fan_out)) * self.scale


@INITIALIZERS.register("he")
class He(Configurable):
    """√(2 / fan_in): keeps the variance of the signal through relu layers.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.initializers import He
    >>> print(He()(np.random.RandomState(0), 50, 20).std().round(2))
    0.2
    """

    def __call__(self, rng: np.random.RandomState, fan_in: int, fan_out: int) -> Array:
        return rng.standard_normal((fan_in, fan_out)) * np.sqrt(2.0 / fan_in)


@INITIALIZERS.register("glorot")
class Glorot(Configurable):
    """√(2 / (fan_in + fan_out)): a compromise between the signal forward and the gradient backward.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.initializers import Glorot
    >>> print(Glorot()(np.random.RandomState(0), 50, 20).std().round(2))
    0.17
    """

    def __call__(self, rng: np.random.RandomState, fan_in: int, fan_out: int) -> Array:
        scale = np.sqrt(2.0 / (fan_in + fan_out))
        return rng.standard_normal((fan_in, fan_out)) * scale


@INITIALIZERS.register("lecun")
class LeCun(Configurable):
    """√(1 / fan_in): keeps the variance of the signal through linear layers.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.initializers import LeCun
    >>> print(LeCun()(np.random.RandomState(0), 50, 20).std().round(2))
    0.14
    """

    def __call__(self, rng: np.random.RandomState, fan_in: int, fan_out: int) -> Array:
        return rng.standard_normal((fan_in, fan_out)) * np.sqrt(1.0 / fan_in)


def resolve_weight_init(spec: str | Initializer) -> Initializer | None:
    """Return an initialiser from a name or a callable; None for "auto", which depends on the layer."""
    return None if isinstance(spec, str) and spec == "auto" else INITIALIZERS.resolve(spec)


def zeros(rng: np.random.RandomState, fan_in: int, fan_out: int) -> Array:
    """Return zeros and draw nothing: for a network whose weights are set afterwards."""
    return np.zeros((fan_in, fan_out))


def initial_weights(weight_init: Initializer, rng: np.random.RandomState, fan_in: int, fan_out: int) -> Array:
    """Call an initialiser and check what it returns.

    Raises
    ------
    ValueError
        If the array has the wrong shape or is not finite.
    """
    W = np.asarray(weight_init(rng, fan_in, fan_out))
    if W.shape != (fan_in, fan_out) or W.dtype.kind not in "fiu":
        got = f"{weight_init!r} returned shape {W.shape}, dtype {W.dtype}"
        raise ValueError(f"weight_init must return numbers of shape (fan_in, fan_out) = {(fan_in, fan_out)}; {got}.")
    if not np.isfinite(W).all():
        raise ValueError(f"weight_init returned NaN or infinite weights for shape {(fan_in, fan_out)}.")
    return W
