r"""Solvers: how a gradient g becomes a change of the parameters θ.

A stepping solver holds only its hyper-parameters; what it remembers between steps is a plain dict, made by
``init_state``, so that training can be saved and resumed. ``stepper(parameters, gradients, state)`` binds the arrays
once and returns ``step(learning_rate)``, which reads g = gradients.theta and changes θ = parameters.theta in place.
The last call of every step is the one that changes θ, so an interrupt never leaves half an update behind.

================  =========================================================================================
solver            one step, with learning rate η
================  =========================================================================================
sgd               θ ← θ - η g
sgd, momentum μ   v ← μ v - η g;  θ ← θ + v   (Nesterov: θ ← θ + μ v - η g)
rmsprop           v ← ρ v + (1 - ρ) g²;  θ ← θ - η g / (√v + ε)
adam              m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²;  θ ← θ - η m̂ / (√v̂ + ε),
                  with m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)
adamw             as adam, with θ ← θ - η (m̂ / (√v̂ + ε) + λ W) for the weights W; biases do not decay
lbfgs             SciPy's L-BFGS on all samples; its line search chooses the step, so there is no learning rate
================  =========================================================================================

To add a solver, write a class that has what :class:`Solver` lists, and register it with ``@SOLVERS.register("name")``.

References
----------
momentum: Sutskever et al. (2013). rmsprop: Hinton, lecture 6e of "Neural networks for machine learning" (2012). adam:
Kingma and Ba (2014), arXiv:1412.6980. adamw: Loshchilov and Hutter (2017), arXiv:1711.05101. max_grad_norm: Pascanu et
al. (2012), arXiv:1211.5063.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, sqrt
from typing import Any, Protocol

import numpy as np

from ._core.kernels import Array, adder, decayed, stretches
from ._core.parameters import Parameters
from .registry import Configurable, Registry, number

State = dict[str, Any]
Step = Callable[[float], None]
Objective = Callable[[Array], tuple[float, Array]]

SOLVERS: "Registry[Solver | LBFGS]" = Registry("solver", ("init_state",))


class Solver(Protocol):
    """The protocol of a stepping solver."""

    default_learning_rate: float  # what learning_rate="auto" means
    rate_follows_scale: bool  # whether "auto" divides it by the mean square of the features, where that is above 1
    full_batch_only: bool  # whether it needs all samples at every step

    def init_state(self, theta: Array) -> State:
        """Return what the solver remembers before the first step: arrays and numbers only."""

    def stepper(self, parameters: Parameters, gradients: Parameters, state: State) -> Step:
        """Return step(learning_rate), which changes parameters.theta in place by gradients.theta."""


@dataclass(eq=False, repr=False, kw_only=True)
class SteppingSolver(Configurable):
    """The base class of the stepping solvers, with a bound on the gradient's norm.

    Parameters
    ----------
    max_grad_norm : float, default=None
        A gradient with a larger norm is scaled down to this norm before the step. None sets no bound.
    """

    default_learning_rate = 8e-3  # chosen on the benchmark tables, docs/defaults.md
    rate_follows_scale = False
    full_batch_only = False

    max_grad_norm: float | None = number(None, open_low=True)

    def clip(self, g: Array) -> None:
        """Shorten g in place to the norm max_grad_norm, if it is longer."""
        if self.max_grad_norm is None:
            return
        with np.errstate(over="ignore"):
            norm = sqrt(g.dot(g))
        if norm == inf:  # the squares overflow; the norm itself may not
            g /= np.abs(g).max()
            g *= self.max_grad_norm / sqrt(g.dot(g))
        elif norm > self.max_grad_norm:
            g *= self.max_grad_norm / norm


@SOLVERS.register("sgd")
@dataclass(eq=False, repr=False)
class SGD(SteppingSolver):
    """Gradient descent, plain or with momentum.

    Parameters
    ----------
    momentum : float in [0, 1), default=0.0
        Share of the last step that is kept; 0 is plain gradient descent.
    nesterov : bool, default=False
        Look ahead by one momentum step. No effect without momentum.
    max_grad_norm : float, default=None
        Bound on the gradient's norm.

    Examples
    --------
    >>> from skbackprop.solvers import SGD
    >>> SGD(momentum=0.9, nesterov=True)
    SGD(momentum=0.9, nesterov=True)
    """

    default_learning_rate = 0.1  # notebooks use 0.05 or 0.1, on standardised features
    rate_follows_scale = True  # gradients grow with the features, and this solver does not normalise them

    momentum: float = number(0.0, 0, 1)
    nesterov: bool = False

    def init_state(self, theta: Array) -> State:
        return {"v": np.zeros_like(theta)} if self.momentum else {}

    def stepper(self, parameters: Parameters, gradients: Parameters, state: State) -> Step:
        theta, g = parameters.theta, gradients.theta
        add_to_theta = adder(g, theta)

        def descend(learning_rate: float) -> None:
            self.clip(g)
            add_to_theta(-learning_rate)

        if not self.momentum:
            return descend
        v, mu = state["v"], np.array(self.momentum, theta.dtype)
        change = np.empty_like(theta) if self.nesterov else v
        add_to_v, add_to_change = adder(g, v), adder(g, change)

        def step(learning_rate: float) -> None:
            self.clip(g)
            np.multiply(v, mu, out=v)
            add_to_v(-learning_rate)
            if self.nesterov:
                np.multiply(v, mu, out=change)
                add_to_change(-learning_rate)
            np.add(theta, change, out=theta)

        return step


@SOLVERS.register("rmsprop")
@dataclass(eq=False, repr=False)
class RMSprop(SteppingSolver):
    """Each parameter's step divided by the recent root mean square of its gradient.

    Parameters
    ----------
    rho : float in [0, 1), default=0.9
        Decay of the mean of squares (Hinton's lecture).
    epsilon : float, default=1e-8
        Keeps the division finite.
    max_grad_norm : float, default=None
        Bound on the gradient's norm.

    Examples
    --------
    >>> from skbackprop.solvers import RMSprop
    >>> RMSprop(rho=0.99).get_params()
    {'rho': 0.99, 'epsilon': 1e-08, 'max_grad_norm': None}
    """

    rho: float = number(0.9, 0, 1)
    epsilon: float = number(1e-8, open_low=True)

    def init_state(self, theta: Array) -> State:
        return {"v": np.zeros_like(theta)}

    def stepper(self, parameters: Parameters, gradients: Parameters, state: State) -> Step:
        theta, change = parameters.theta, np.empty_like(parameters.theta)
        rho, epsilon = np.array([self.rho, self.epsilon], theta.dtype)
        cut = [(g, v, delta, adder(delta, v)) for g, v, delta in stretches(gradients.theta, state["v"], change)]
        add_change = adder(change, theta)

        def step(learning_rate: float) -> None:
            self.clip(gradients.theta)
            for g, v, delta, add_squares in cut:
                np.multiply(g, g, out=delta)
                np.multiply(v, rho, out=v)
                add_squares(1 - self.rho)
                np.sqrt(v, out=delta)
                np.add(delta, epsilon, out=delta)
                np.divide(g, delta, out=delta)
            add_change(-learning_rate)

        return step


@SOLVERS.register("adam")
@dataclass(eq=False, repr=False)
class Adam(SteppingSolver):
    """Momentum and a step size for each parameter, both corrected for their start at zero.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        Decay of the mean of gradients (the paper's default).
    beta_2 : float in [0, 1), default=0.999
        Decay of the mean of squares (the paper's default).
    epsilon : float, default=1e-8
        Keeps the division finite (the paper's default).
    max_grad_norm : float, default=None
        Bound on the gradient's norm.

    Examples
    --------
    >>> from skbackprop.solvers import Adam
    >>> Adam(beta_2=0.99)
    Adam(beta_2=0.99)
    """

    weight_decay: float = field(default=0.0, init=False)  # declared first, since it is AdamW's first parameter
    beta_1: float = number(0.9, 0, 1)
    beta_2: float = number(0.999, 0, 1)
    epsilon: float = number(1e-8, open_low=True)

    def init_state(self, theta: Array) -> State:
        m, v = np.zeros_like(theta), np.zeros_like(theta)
        return {"t": 0, "m": m, "v": v, "m_factor": 1.0, "v_factor": 1.0}

    def stepper(self, parameters: Parameters, gradients: Parameters, state: State) -> Step:
        """Return step(learning_rate): θ ← θ - η (m̂ / (√v̂ + ε) + λ W).

        λ is zero except in AdamW. Each mean is held as an array and a factor,
        which saves four passes over the parameters. Adam's m is
        (1 - β₁) m_factor m, and its v is (1 - β₂) v_factor v. A decay changes only
        the factor; what is added to the array is divided by it first. With
        p = (1 - β₁) m_factor, q = (1 - β₂) v_factor and c = √(q / (1 - β₂ᵗ)):
        m̂ / (√v̂ + ε) = [p / ((1 - β₁ᵗ) c)] · m / (√v + ε / c).
        """
        theta, weights = parameters.theta, parameters.weights
        change, bounded = np.empty_like(theta), self.max_grad_norm is not None
        b1, b2, epsilon = self.beta_1, self.beta_2, self.epsilon
        multiply, add, root, divide = np.multiply, np.add, np.sqrt, np.divide
        eps = np.array(0.0, theta.dtype)  # an array: NumPy adds it in half the time
        add_change = adder(change, theta)
        decay = adder(weights, change[: weights.size])
        arrays = stretches(gradients.theta, state["m"], state["v"], change)
        cut = [(g, m, v, d, adder(g, m), adder(d, v)) for g, m, v, d in arrays]
        state.setdefault("m_factor", 1.0)  # not in files of 0.1.0.dev2
        state.setdefault("v_factor", 1.0)

        def step(learning_rate: float) -> None:
            if bounded:
                self.clip(gradients.theta)
            state["t"] = t = state["t"] + 1
            m_factor = decayed(state, "m", "m_factor", b1)
            v_factor = decayed(state, "v", "v_factor", b2)
            c = sqrt((1 - b2) * v_factor / (1 - b2**t))
            scale = (1 - b1) * m_factor / ((1 - b1**t) * c)
            eps[...] = epsilon / c
            for g, m, v, delta, add_gradient, add_squares in cut:
                add_gradient(1 / m_factor)
                multiply(g, g, delta)
                add_squares(1 / v_factor)
                root(v, delta)
                add(delta, eps, delta)
                divide(m, delta, delta)
            if self.weight_decay:
                decay(self.weight_decay / scale)
            add_change(-learning_rate * scale)

        return step


@SOLVERS.register("adamw")
@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay, which is not divided by the gradient's size, as the penalty's gradient is.

    Parameters
    ----------
    weight_decay : float, default=0.01
        λ: each step subtracts η λ W from the weights (PyTorch's default). Biases do not decay.
    beta_1, beta_2, epsilon, max_grad_norm
        As in :class:`Adam`.

    Examples
    --------
    >>> from skbackprop.solvers import AdamW
    >>> AdamW(weight_decay=0.1)
    AdamW(weight_decay=0.1)
    """

    weight_decay: float = number(0.01)


@SOLVERS.register("lbfgs")
@dataclass(eq=False, repr=False)
class LBFGS(Configurable):
    """Limited-memory BFGS, by ``scipy.optimize.minimize``, on all samples at each iteration.

    An epoch is one iteration. ``learning_rate``, ``schedule``, ``shuffle`` and ``batch_size="auto"`` have no effect;
    dropout or an int batch_size raises, since a line search needs the same function throughout.

    Parameters
    ----------
    memory : int, default=10
        Number of past gradients from which the curvature is estimated (scipy's default).
    gtol : float, default=1e-5
        Training has converged when no component of the gradient is larger in absolute value (scipy's default).
    ftol : float, default=2.2e-9
        Training has converged when an iteration lowers the objective by a smaller share of it (scipy's default).

    References
    ----------
    Liu and Nocedal (1989), "On the limited memory BFGS method for large scale optimization".

    Examples
    --------
    >>> from skbackprop.solvers import LBFGS
    >>> LBFGS(gtol=1e-10, ftol=0.0)
    LBFGS(gtol=1e-10, ftol=0.0)
    """

    default_learning_rate = 1.0
    rate_follows_scale = False
    full_batch_only = True

    memory: int = number(10, 1, integer=True)
    gtol: float = number(1e-5)
    ftol: float = number(2.2e-9)

    def init_state(self, theta: Array) -> State:
        return {}

    def minimize(
        self, objective: Objective, theta: Array, max_iter: int, end_iteration: Callable[[Array], bool]
    ) -> bool:
        """Minimise objective(theta) -> (value, gradient) from theta; tell whether it converged.

        ``end_iteration(theta)`` is called with each accepted iterate; if it returns True, minimisation stops.
        """
        from scipy.optimize import minimize  # imported here, since it takes a tenth of a second

        def callback(theta: Array) -> None:
            if end_iteration(theta):
                raise StopIteration

        options = {"maxcor": self.memory, "gtol": self.gtol, "ftol": self.ftol}
        options |= {"maxiter": max_iter, "maxfun": 20 * max_iter + 20}
        held = [objective]
        try:
            result = minimize(
                lambda theta: held[0](theta), theta, jac=True, method="L-BFGS-B", callback=callback, options=options
            )
        except StopIteration:  # scipy before 1.11 does not catch it itself
            return False
        finally:
            held.clear()  # so that the reference cycles that old releases of scipy leave behind hold no samples
        return bool(result.success)
