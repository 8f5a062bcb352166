r"""Activations: A = φ(Z), value and derivative side by side.

Every activation writes into an array that is handed in, so that a training step allocates nothing:

``value(Z, out)``
    out ← φ(Z)
``derivative(Z, A, out)``
    out ← φ'(Z), where A = φ(Z) is there to be used; backpropagation multiplies: dZ = dA ∘ φ'(Z)
``gain``
    1 / E[φ(z)²] for a standard normal z: what the next layer's weights must make up for; ``weight_init="auto"`` uses it

To add one, write a class with these three and enter it with ``@ACTIVATIONS.register("name")``, or just pass an
instance.

References
----------
gain of relu and leaky_relu: He et al. (2015), arXiv:1502.01852, equations 10 and 15. elu: Clevert et al. (2015),
arXiv:1511.07289. gelu: Hendrycks and Gimpel (2016), arXiv:1606.08415. silu: Elfwing et al. (2017), arXiv:1702.03118.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log1p, ndtr

from .registry import Configurable, Registry, check_number

Array = NDArray[np.floating]

ACTIVATIONS = Registry("activation", ("value", "derivative"))


class Activation(Protocol):
    """What an activation must have; ``Configurable`` adds printing, cloning and searching for nothing."""

    gain: float

    def value(self, Z: Array, out: Array) -> Array:
        """Write φ(Z) into out and return it."""

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        """Write φ'(Z) into out and return it; A is φ(Z)."""


@lru_cache(maxsize=32)
def full(shape: tuple[int, ...], value: int, dtype: np.dtype, strides: tuple[int, ...] = (0,)) -> Array:
    """Return an array of zeros or ones, the same for the same arguments: it cannot be written to.

    NumPy takes the maximum of two arrays up to three times faster than that of an array and a number, if both are
    stored by rows or both by columns, as the strides tell.
    """
    array = (np.ones if value else np.zeros)(shape, dtype, "F" if strides[0] < strides[-1] else "C")
    array.flags.writeable = False
    return array


@ACTIVATIONS.register("relu")
class Relu(Configurable):
    """max(z, 0); the derivative at 0 is taken to be 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Relu
    >>> Z = np.array([-1.0, 2.0])
    >>> A = Relu().value(Z, np.empty(2))
    >>> A, Relu().derivative(Z, A, np.empty(2))
    (array([0., 2.]), array([0., 1.]))
    """

    gain = 2.0

    def value(self, Z: Array, out: Array) -> Array:
        return positive_part(Z, out)

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        np.ceil(A, out)  # 0 or at least 1; with the next line faster than A > 0, which makes booleans
        return np.minimum(out, full(A.shape, 1, A.dtype, A.strides), out=out)


@ACTIVATIONS.register("leaky_relu")
class LeakyRelu(Configurable):
    """z for z > 0, slope · z elsewhere.

    Parameters
    ----------
    slope : float, default=0.01
        The slope left of zero; the default is that of the paper which introduced it (Maas et al., 2013).

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import LeakyRelu
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> LeakyRelu().value(Z, np.empty(3)).round(3)
    array([-0.01,  0.  ,  2.  ])
    """

    def __init__(self, slope: float = 0.01) -> None:
        check_number(self, "slope", slope, 0)
        self.slope = slope

    @property
    def gain(self) -> float:
        return 2.0 / (1.0 + self.slope**2)

    def value(self, Z: Array, out: Array) -> Array:
        np.multiply(Z, self.slope, out=out)
        np.copyto(out, Z, where=Z > 0)
        return out

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        np.greater(Z, 0, out=out)
        out *= 1.0 - self.slope
        out += self.slope
        return out


@ACTIVATIONS.register("elu")
class Elu(Configurable):
    """z for z > 0, slope · (exp(z) - 1) elsewhere.

    Parameters
    ----------
    slope : float, default=1.0
        The slope just left of zero, and minus the value far left of it; with 1.0 the derivative is continuous.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Elu
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Elu().value(Z, np.empty(3)).round(3)
    array([-0.632,  0.   ,  2.   ])
    """

    gain = 1.55  # 1 / E[φ(z)²] for a standard normal z

    def __init__(self, slope: float = 1.0) -> None:
        check_number(self, "slope", slope, 0)
        self.slope = slope

    def value(self, Z: Array, out: Array) -> Array:
        np.expm1(np.minimum(Z, 0, out=out), out=out)
        out *= self.slope
        out += np.maximum(Z, 0)
        return out

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        np.add(A, self.slope, out=out)  # slope · exp(z) where z <= 0
        np.copyto(out, 1, where=Z > 0)
        return out


@ACTIVATIONS.register("gelu")
class Gelu(Configurable):
    """z · Φ(z), Φ the standard normal distribution function (the exact one, by erf).

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Gelu
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Gelu().value(Z, np.empty(3)).round(3)
    array([-0.159,  0.   ,  1.954])
    """

    gain = 2.35  # 1 / E[φ(z)²] for a standard normal z

    def value(self, Z: Array, out: Array) -> Array:
        ndtr(Z, out=out)
        out *= Z
        return out

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        Z_near = np.clip(Z, -40, 40)  # beyond, the density is zero, and Z² may overflow
        ndtr(Z, out=out)
        out += Z_near * np.exp(-0.5 * Z_near * Z_near) / Z.dtype.type(np.sqrt(2 * np.pi))
        return out


@ACTIVATIONS.register("silu")
class Silu(Configurable):
    """z · σ(z).

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Silu
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Silu().value(Z, np.empty(3)).round(3)
    array([-0.269,  0.   ,  1.762])
    """

    gain = 2.81  # 1 / E[φ(z)²] for a standard normal z

    def value(self, Z: Array, out: Array) -> Array:
        expit(Z, out=out)
        out *= Z
        return out

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        S = expit(Z)
        np.subtract(1, S, out=out)
        out *= A  # z σ(z) (1 - σ(z))
        out += S
        return out


@ACTIVATIONS.register("softplus")
class Softplus(Configurable):
    """log(1 + exp(z)), a smooth relu.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Softplus
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Softplus().value(Z, np.empty(3)).round(3)
    array([0.313, 0.693, 2.127])
    """

    gain = 1.0

    def value(self, Z: Array, out: Array) -> Array:
        return softplus(Z, out)

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        return expit(Z, out=out)


@ACTIVATIONS.register("tanh")
class Tanh(Configurable):
    """tanh(z).

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Tanh
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Tanh().value(Z, np.empty(3)).round(3)
    array([-0.762,  0.   ,  0.964])
    """

    gain = 1.0

    def value(self, Z: Array, out: Array) -> Array:
        return np.tanh(Z, out=out)

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        np.multiply(A, A, out=out)
        return np.subtract(1, out, out=out)


@ACTIVATIONS.register("sigmoid", "logistic")
class Sigmoid(Configurable):
    """σ(z) = 1 / (1 + exp(-z)); ``"logistic"`` is MLPClassifier's name for it.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Sigmoid
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Sigmoid().value(Z, np.empty(3)).round(3)
    array([0.269, 0.5  , 0.881])
    """

    gain = 1.0

    def value(self, Z: Array, out: Array) -> Array:
        return expit(Z, out=out)

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        np.subtract(1, A, out=out)
        out *= A
        return out


@ACTIVATIONS.register("identity")
class Identity(Configurable):
    """z itself: the network stays linear.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Identity
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Identity().value(Z, np.empty(3)).round(3)
    array([-1.,  0.,  2.])
    """

    gain = 1.0

    def value(self, Z: Array, out: Array) -> Array:
        np.copyto(out, Z)
        return out

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        out.fill(1)
        return out


def positive_part(Z: Array, out: Array | None = None) -> Array:
    """Return max(Z, 0)."""
    return np.maximum(Z, full(Z.shape, 0, Z.dtype, Z.strides), out=out)


def log1p_exp_minus_abs(Z: Array, out: Array | None = None) -> Array:
    """Return log(1 + exp(-|Z|)), which no Z can overflow."""
    out = np.abs(Z, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    return log1p(out, out)  # scipy's, since NumPy's takes up to twice as long where the numbers are mixed


def softplus(Z: Array, out: Array | None = None) -> Array:
    """Return log(1 + exp(Z)) = max(Z, 0) + log(1 + exp(-|Z|))."""
    out = log1p_exp_minus_abs(Z, out)
    out += positive_part(Z)
    return out
