r"""Activations: A = φ(Z), value and derivative side by side.

Arrays have shape (m, n): m samples, n units. ``Z`` holds the weighted sums, ``A`` the activations, ``out`` the result.

``value(Z, out)``
    out ← φ(Z)
``derivative(Z, A, out)``
    out ← φ'(Z); A = φ(Z) is passed too, since it often gives the derivative with less work. Backpropagation then
    multiplies: dZ = dA ∘ φ'(Z)
``bind(Z)``, optional
    Returns the same two functions for arrays of Z's shape, with constants and work arrays of their own, which are made
    once and not in every step
``gain``, optional
    1 / E[φ(z)²] for a standard normal z: with ``weight_init="auto"`` the next hidden layer's weights have the variance
    gain / fan_in, which keeps the size of the signal. 1 by default

The activations of the package can be called, too: ``Tanh()(z)`` and ``Tanh().derivative(z)`` take numbers of any shape.

To add an activation, write a class with the first two methods and register it with ``@ACTIVATIONS.register("name")``,
or just pass an instance.

References
----------
gain of relu and leaky_relu: He et al. (2015), arXiv:1502.01852, equations 10 and 15. elu: Clevert et al. (2015),
arXiv:1511.07289. gelu: Hendrycks and Gimpel (2016), arXiv:1606.08415. silu: Elfwing et al. (2017), arXiv:1702.03118.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import pi, sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, ndtr

from ._core.kernels import Array, log1p_exp_minus_abs
from .registry import Configurable, Registry, number

ACTIVATIONS: "Registry[Activation]" = Registry("activation", ("value", "derivative"))

Bound = tuple[Callable[..., Array], Callable[..., Array]]


class Activation(Protocol):
    """The protocol of an activation; inherit from ``Configurable`` for repr, clone and GridSearchCV."""

    def value(self, Z: Array, out: Array) -> Array:
        """Write φ(Z) into out and return it; all of shape (m, n)."""

    def derivative(self, Z: Array, A: Array, out: Array) -> Array:
        """Write φ'(Z) into out and return it; A is φ(Z), all of shape (m, n)."""


class Elementwise(Configurable):
    """The base class of the package's activations, which can be called like a function of NumPy.

    Examples
    --------
    >>> from skbackprop.activations import Relu, Sigmoid
    >>> Relu()([[-1, 2]]), Relu().derivative([[-1, 2]])
    (array([[0., 2.]]), array([[0., 1.]]))
    >>> print(Sigmoid()(0), Sigmoid().derivative(0))
    0.5 0.25
    """

    value: Callable[..., Array]
    derivative: Callable[..., Array]

    def __call__(self, z: ArrayLike) -> Array:
        """Return φ(z) for numbers of any shape, as a new array."""
        Z = floats(z)
        return self.value(Z, np.empty_like(Z))[()]  # [()] turns an array without dimensions into a number


def derivative_alone(phi: Elementwise, z: ArrayLike) -> Array:
    """Return φ'(z) for numbers of any shape, as a new array."""
    Z = floats(z)
    return phi.derivative(Z, phi.value(Z, np.empty_like(Z)), np.empty_like(Z))[()]


def floats(z: ArrayLike) -> Array:
    """Return numbers of any shape as an array: float32 as it is, anything else in float64."""
    Z = np.asarray(z)
    return Z if Z.dtype == np.float32 else Z.astype(np.float64)


@ACTIVATIONS.register("relu")
class Relu(Elementwise):
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
        return np.maximum(Z, 0, out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        # faster than A > 0, which makes booleans
        return np.minimum(np.ceil(A, out=out), 1, out=out)

    def bind(self, Z: Array) -> Bound:
        """Return the same functions with arrays of 0 and 1, with which NumPy compares three times faster."""
        zeros, ones, maximum, minimum, ceil = np.zeros_like(Z), np.ones_like(Z), np.maximum, np.minimum, np.ceil

        def value(Z: Array, out: Array) -> Array:
            return maximum(Z, zeros, out=out)

        def derivative(Z: Array, A: Array, out: Array) -> Array:
            return minimum(ceil(A, out), ones, out=out)

        return value, derivative


@ACTIVATIONS.register("leaky_relu")
@dataclass(eq=False, repr=False)
class LeakyRelu(Elementwise):
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

    slope: float = number(0.01)

    @property
    def gain(self) -> float:
        return 2.0 / (1.0 + self.slope**2)

    def value(self, Z: Array, out: Array) -> Array:
        np.multiply(Z, self.slope, out=out)
        return (np.maximum if self.slope <= 1 else np.minimum)(Z, out, out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        np.multiply(np.greater(Z, 0, out=out), 1.0 - self.slope, out=out)
        return np.add(out, self.slope, out=out)


@ACTIVATIONS.register("elu")
@dataclass(eq=False, repr=False)
class Elu(Elementwise):
    """z for z > 0, slope · (exp(z) - 1) elsewhere.

    Parameters
    ----------
    slope : float, default=1.0
        The slope just left of zero; far left of it, the function tends to -slope. With 1.0 the slope is continuous.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Elu
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Elu().value(Z, np.empty(3)).round(3)
    array([-0.632,  0.   ,  2.   ])
    """

    slope: float = number(1.0)

    @property
    def gain(self) -> float:
        return 1.0 / (0.5 + 0.14495 * self.slope**2)

    def value(self, Z: Array, out: Array, work: Array | None = None) -> Array:
        np.expm1(np.minimum(Z, 0, out=out), out=out)
        np.multiply(out, self.slope, out=out)
        return np.add(out, np.maximum(Z, 0, out=work), out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None, positive: Any = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        np.add(A, self.slope, out=out)  # slope · exp(z) where z <= 0
        np.copyto(out, 1, where=np.greater(Z, 0, out=positive))
        return out

    def bind(self, Z: Array) -> Bound:
        positive = np.empty(Z.shape, bool)
        return partial(self.value, work=np.empty_like(Z)), partial(self.derivative, positive=positive)


@ACTIVATIONS.register("gelu")
class Gelu(Elementwise):
    """z · Φ(z), where Φ is the standard normal distribution function (exact, not approximated by tanh).

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Gelu
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Gelu().value(Z, np.empty(3)).round(3)
    array([-0.159,  0.   ,  1.954])
    """

    gain = 2.35

    def value(self, Z: Array, out: Array) -> Array:
        return np.multiply(Z, ndtr(Z, out=out), out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None, work: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        work = np.empty_like(out) if work is None else work
        Z_near = np.clip(Z, -40, 40, out=out)  # beyond, the density is zero
        density = np.multiply(Z_near, Z_near, out=work)
        density *= -0.5
        np.exp(density, out=density)
        density *= Z_near
        density /= sqrt(2 * pi)
        return np.add(ndtr(Z, out=out), density, out=out)  # Φ(z) + z Φ'(z)

    def bind(self, Z: Array) -> Bound:
        return self.value, partial(self.derivative, work=np.empty_like(Z))


@ACTIVATIONS.register("silu")
class Silu(Elementwise):
    """z · σ(z).

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Silu
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Silu().value(Z, np.empty(3)).round(3)
    array([-0.269,  0.   ,  1.762])
    """

    gain = 2.81

    def value(self, Z: Array, out: Array) -> Array:
        return np.multiply(Z, expit(Z, out=out), out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None, work: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        S = expit(Z, out=work)
        np.multiply(A, np.subtract(1, S, out=out), out=out)  # z σ(z) (1 - σ(z))
        return np.add(out, S, out=out)

    def bind(self, Z: Array) -> Bound:
        return self.value, partial(self.derivative, work=np.empty_like(Z))


@ACTIVATIONS.register("softplus")
class Softplus(Elementwise):
    """log(1 + exp(z)), a smooth relu.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Softplus
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Softplus().value(Z, np.empty(3)).round(3)
    array([0.313, 0.693, 2.127])
    """

    gain = 1.09

    def value(self, Z: Array, out: Array, work: Array | None = None) -> Array:
        return softplus(Z, out, work)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        return expit(Z, out=out)

    def bind(self, Z: Array) -> Bound:
        return partial(self.value, work=np.empty_like(Z)), self.derivative


@ACTIVATIONS.register("tanh")
class Tanh(Elementwise):
    """tanh(z).

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Tanh
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Tanh().value(Z, np.empty(3)).round(3)
    array([-0.762,  0.   ,  0.964])
    """

    gain = 2.54

    def value(self, Z: Array, out: Array) -> Array:
        return np.tanh(Z, out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        return np.subtract(1, np.multiply(A, A, out=out), out=out)


@ACTIVATIONS.register("sigmoid", "logistic")
class Sigmoid(Elementwise):
    """σ(z) = 1 / (1 + exp(-z)); ``"logistic"`` is MLPClassifier's name for it.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import Sigmoid
    >>> Z = np.array([-1.0, 0.0, 2.0])
    >>> Sigmoid().value(Z, np.empty(3)).round(3)
    array([0.269, 0.5  , 0.881])
    """

    gain = 3.41

    def value(self, Z: Array, out: Array) -> Array:
        return expit(Z, out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        return np.multiply(A, np.subtract(1, A, out=out), out=out)


@ACTIVATIONS.register("identity")
class Identity(Elementwise):
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
        return np.positive(Z, out=out)

    def derivative(self, Z: ArrayLike, A: Any = None, out: Array | None = None) -> Array:
        if out is None:
            return derivative_alone(self, Z)
        out.fill(1)
        return out


def softplus(Z: Array, out: Array | None = None, work: Array | None = None) -> Array:
    """Return log(1 + exp(Z)) = max(Z, 0) + log(1 + exp(-|Z|))."""
    out = log1p_exp_minus_abs(Z, out)
    return np.add(out, np.maximum(Z, 0, out=work), out=out)
