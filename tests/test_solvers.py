"""Solvers: each against the published recursion, on parabolas and in Rosenbrock's valley, saved and resumed."""

import math
import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.arrays import Parameters
from skbackprop.solvers import LBFGS, SGD, SOLVERS, Adam, AdamW, RMSprop, SteppingSolver

STEPPING = sorted(name for name, make in SOLVERS.items() if not getattr(make(), "full_batch_only", False))
EVERY_STEPPING = pytest.mark.parametrize("name", STEPPING)
SIZES = [2, 3, 1]  # 9 weights, 4 biases
N_WEIGHTS = 9


class Bound:
    """A solver bound to parameters of its own, as training binds it."""

    def __init__(self, solver, theta, dtype=np.float64, state=None):
        self.parameters, self.gradients = Parameters(SIZES, dtype), Parameters(SIZES, dtype)
        self.parameters.theta[...] = theta
        self.state = solver.init_state(self.parameters.theta) if state is None else state
        self.step = solver.stepper(self.parameters, self.gradients, self.state)

    @property
    def theta(self):
        return self.parameters.theta

    def go(self, g, learning_rate):
        self.gradients.theta[...] = g
        self.step(learning_rate)
        return self.theta.copy()


def quadratic(seed):
    """Return the gradient of a random convex quadratic over 13 parameters, its minimum, and a start."""
    rng = np.random.RandomState(seed)
    root, minimum, start = rng.randn(13, 13), rng.randn(13), rng.randn(13)
    H = root @ root.T / 13 + 0.1 * np.eye(13)
    return lambda theta: H @ (theta - minimum), minimum, start


@EVERY_STEPPING
@pytest.mark.parametrize("options", [{}, {"max_grad_norm": 0.5}], ids=str)
def test_a_long_vector_is_changed_as_its_parts_would_be(name, options):
    # one hidden layer of so many units has more numbers than a solver takes at a time
    solver, sizes, rng = SOLVERS[name](**options), [1, 40_000, 1], np.random.RandomState(0)
    long, gradients = Parameters(sizes), Parameters(sizes)
    long.theta[...] = rng.randn(long.theta.size)
    step = solver.stepper(long, gradients, solver.init_state(long.theta))
    few = np.array([0, 1, 39_999, 40_000, 65_535, 65_536, 65_537, 79_998, 79_999, 80_000, 80_001, 100_000, 120_000])
    part = Bound(SOLVERS[name](), long.theta[few])  # 9 weights and 4 biases, as it has itself
    for _ in range(3):
        g = rng.randn(long.theta.size)
        gradients.theta[...] = g
        step(0.1)
        shortened = g * 0.5 / np.linalg.norm(g) if options else g
        np.testing.assert_allclose(part.go(shortened[few], 0.1), long.theta[few], rtol=1e-10)


# ---------------------------------------------------------------------- the published recursions, one number at a time


def textbook_sgd(theta, gradient, rates, momentum=0.0, nesterov=False):
    """Sutskever et al. (2013), equations 1 and 2: v ← μ v - η g, θ ← θ + v.

    Nesterov's form is equations 3 and 4, v ← μ v - η g(θ + μ v), θ ← θ + v, followed in the point θ + μ v where the
    gradient is taken, which is where the classifier's weights are.
    """
    x, v = list(theta), [0.0] * len(theta)
    for rate in rates:
        if nesterov:
            ahead = x  # = place + μ v
            place = [a - momentum * u for a, u in zip(ahead, v, strict=True)]
            v = [momentum * u - rate * g for u, g in zip(v, gradient(np.array(ahead)), strict=True)]
            place = [p + u for p, u in zip(place, v, strict=True)]
            x = [p + momentum * u for p, u in zip(place, v, strict=True)]
        else:
            v = [momentum * u - rate * g for u, g in zip(v, gradient(np.array(x)), strict=True)]
            x = [p + u for p, u in zip(x, v, strict=True)]
        yield np.array(x)


def textbook_rmsprop(theta, gradient, rates, rho=0.9, epsilon=1e-8):
    """Hinton's lecture 6e: the mean square is 0.9 of itself and 0.1 of the new square; divide by its root."""
    x, mean_square = list(theta), [0.0] * len(theta)
    for rate in rates:
        g = gradient(np.array(x))
        for i in range(len(x)):
            mean_square[i] = rho * mean_square[i] + (1 - rho) * g[i] ** 2
            x[i] -= rate * g[i] / (math.sqrt(mean_square[i]) + epsilon)
        yield np.array(x)


def textbook_adam(theta, gradient, rates, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0):
    """Kingma and Ba (2014), algorithm 1; with decay Loshchilov and Hutter (2017), algorithm 2, on the weights only."""
    x, m, v = list(theta), [0.0] * len(theta), [0.0] * len(theta)
    for t, rate in enumerate(rates, start=1):
        g = gradient(np.array(x))
        for i in range(len(x)):
            m[i] = beta_1 * m[i] + (1 - beta_1) * g[i]
            v[i] = beta_2 * v[i] + (1 - beta_2) * g[i] * g[i]
            m_hat, v_hat = m[i] / (1 - beta_1**t), v[i] / (1 - beta_2**t)
            shrink = rate * decay * x[i] if i < N_WEIGHTS else 0.0
            x[i] -= rate * m_hat / (math.sqrt(v_hat) + epsilon) + shrink
        yield np.array(x)


TEXTBOOK = [
    (SGD(), textbook_sgd, {}),
    (SGD(momentum=0.9), textbook_sgd, {"momentum": 0.9}),
    (SGD(momentum=0.5, nesterov=True), textbook_sgd, {"momentum": 0.5, "nesterov": True}),
    (SGD(nesterov=True), textbook_sgd, {}),  # without momentum there is nothing to look ahead by
    (RMSprop(), textbook_rmsprop, {}),
    (RMSprop(rho=0.5, epsilon=0.3), textbook_rmsprop, {"rho": 0.5, "epsilon": 0.3}),
    (RMSprop(rho=0), textbook_rmsprop, {"rho": 0}),
    (Adam(), textbook_adam, {}),
    (Adam(0.5, 0.8, 0.1), textbook_adam, {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 0.1}),
    (Adam(beta_1=0, beta_2=0), textbook_adam, {"beta_1": 0, "beta_2": 0}),
    (AdamW(), textbook_adam, {"decay": 0.01}),
    (AdamW(weight_decay=0.5, epsilon=0.1), textbook_adam, {"decay": 0.5, "epsilon": 0.1}),
    (AdamW(0.1, 0.6, 0.7, 0.2), textbook_adam, {"decay": 0.1, "beta_1": 0.6, "beta_2": 0.7, "epsilon": 0.2}),
    (AdamW(weight_decay=0), textbook_adam, {}),
]


@pytest.mark.parametrize(("solver", "textbook", "params"), TEXTBOOK, ids=[repr(case[0]) for case in TEXTBOOK])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_steps_are_those_of_the_publication(solver, textbook, params, dtype):
    gradient, _, start = quadratic(seed=1)
    start = start.astype(dtype).astype(float)
    rates = [0.1, 0.1, 0.03, 0.2, 0.05, 0.1, 0.1, 0.01]  # a schedule may move the rate at every step
    bound = Bound(solver, start, dtype)
    for expected, rate in zip(textbook(start, gradient, rates, **params), rates, strict=True):
        theta = bound.go(gradient(bound.theta.astype(float)), rate)
        assert theta.dtype == dtype
        np.testing.assert_allclose(
            theta, expected, rtol=1e-12 if dtype is np.float64 else 2e-5, atol=1e-6 * (dtype is np.float32)
        )


@pytest.mark.parametrize("betas", [(0.9, 0.95), (0.1, 0.9), (0.0, 0.0), (0.99, 0.999)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_means_of_adam_decay_as_published_over_many_steps(betas, dtype):
    # more steps than the factors of its means take to become small, and gradients that do not depend on rounding
    drawn = np.random.RandomState(0).randn(800, 13).astype(dtype) * np.logspace(-3, 3, 13).astype(dtype)
    of_step, rates = iter(drawn.astype(float)), [0.01] * len(drawn)
    *_, expected = textbook_adam(np.zeros(13), lambda theta: next(of_step), rates, *betas)
    bound = Bound(Adam(*betas), np.zeros(13), dtype)
    for g in drawn:
        theta = bound.go(g, 0.01)
    np.testing.assert_allclose(theta, expected, rtol=1e-10 if dtype is np.float64 else 1e-3, atol=1e-4)


def test_adam_goes_on_from_a_state_without_factors():
    gradient, _, start = quadratic(seed=4)
    new = Bound(Adam(), start)
    for _ in range(3):
        new.go(gradient(new.theta), 0.05)
    # as files of 0.1.0.dev2 hold it: the arrays alone, where a decay multiplies the array
    old = {"t": 3} | {name: new.state[name] * new.state[f"{name}_factor"] for name in "mv"}
    going_on = Bound(Adam(), new.theta, state=old)
    for _ in range(3):
        new.go(gradient(new.theta), 0.05)
        going_on.go(gradient(going_on.theta), 0.05)
    np.testing.assert_allclose(going_on.theta, new.theta, rtol=1e-12)


def test_every_stepping_solver_is_compared_with_its_publication():
    assert {SOLVERS[name] for name in STEPPING} == {type(case[0]) for case in TEXTBOOK}


# ---------------------------------------------------------------------- what the names stand for


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_first_step_has_the_size_of_the_rate_whatever_the_gradient(name, scale):
    # adam: m̂ / √v̂ = g / |g|; rmsprop has no correction: g / √(0.1 g²)
    g = scale * np.array([1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0, -10.0, 11.0, -12.0, 13.0])
    theta = Bound(SOLVERS[name](), np.zeros(13)).go(g, 0.01)
    size = 0.01 if name == "adam" else 0.01 / math.sqrt(0.1)
    np.testing.assert_allclose(theta, -size * np.sign(g), rtol=0.04)  # epsilon shows at 1e-6
    if scale == 1e6:
        np.testing.assert_allclose(theta, -size * np.sign(g), rtol=1e-12)


def test_adamw_takes_the_decay_off_the_weights_and_leaves_the_biases():
    start = np.arange(1.0, 14.0)
    theta = Bound(AdamW(weight_decay=0.1), start).go(np.zeros(13), 0.5)
    np.testing.assert_allclose(theta[:N_WEIGHTS], start[:N_WEIGHTS] * (1 - 0.5 * 0.1), rtol=1e-15)
    np.testing.assert_array_equal(theta[N_WEIGHTS:], start[N_WEIGHTS:])


@EVERY_STEPPING
def test_a_gradient_of_zero_and_no_decay_moves_nothing(name):
    solver = SOLVERS[name]()
    if "weight_decay" in solver.get_params():
        solver.set_params(weight_decay=0.0)
    start = np.arange(1.0, 14.0)
    bound = Bound(solver, start)
    for _ in range(3):
        np.testing.assert_array_equal(bound.go(np.zeros(13), 0.5), start)


@EVERY_STEPPING
def test_a_rate_of_zero_moves_nothing(name):
    start = np.arange(1.0, 14.0)
    bound = Bound(SOLVERS[name](), start)
    np.testing.assert_array_equal(bound.go(np.ones(13), 0.0), start)


@EVERY_STEPPING
def test_default_rates_are_positive_numbers(name):
    solver = SOLVERS[name]()
    assert solver.default_learning_rate > 0
    assert solver.rate_follows_scale in (True, False)


@EVERY_STEPPING
def test_default_rates_are_documented_where_auto_is(name):
    rate = f"{SOLVERS[name].default_learning_rate:g}"
    assert re.search(rf"{rate} for [\w, ]*\b{name}\b|for {name} {rate}\b", TwoLayerClassifier.__doc__)


def test_only_the_rate_of_plain_gradient_descent_follows_the_scale_of_the_features():
    assert [cls.rate_follows_scale for cls in (SGD, RMSprop, Adam, AdamW, LBFGS)] == [True, False, False, False, False]


# ---------------------------------------------------------------------- max_grad_norm


@pytest.mark.parametrize(
    "solver",
    [SOLVERS[name]() for name in STEPPING] + [SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True)],
    ids=repr,
)
def test_a_longer_gradient_is_shortened_and_a_shorter_one_left_alone(solver):
    bounded = clone(solver).set_params(max_grad_norm=2.0)
    plain, clipped = Bound(solver, np.zeros(13)), Bound(bounded, np.zeros(13))
    long, short = np.full(13, 3.0), np.full(13, 0.5)  # norms 3 √13 = 10.8 and 0.5 √13 = 1.803
    shortened = long * 2.0 / np.linalg.norm(long)
    for g, seen in [(long, shortened), (short, short), (-long, -shortened)]:
        np.testing.assert_allclose(clipped.go(g, 0.1), plain.go(seen, 0.1), rtol=1e-13)


@EVERY_STEPPING
def test_a_gradient_exactly_as_long_as_allowed_is_left_alone(name):
    g = np.zeros(13)
    g[[0, 5]] = 3.0, 4.0
    plain, bounded = Bound(SOLVERS[name](), np.ones(13)), Bound(SOLVERS[name](max_grad_norm=5.0), np.ones(13))
    np.testing.assert_array_equal(bounded.go(g, 0.1), plain.go(g, 0.1))


def test_max_grad_norm_bounds_the_step_of_a_fit():
    X, y = make_classification(60, 4, random_state=0)
    norms = []
    for bound in (None, 1e-3):
        clf = TwoLayerClassifier(
            3,
            solver=SGD(max_grad_norm=bound),
            learning_rate=1.0,
            batch_size="full",
            max_iter=1,
            alpha=0.0,
            n_iter_no_change=None,
            early_stopping=False,
            random_state=0,
        )
        start = clone(clf).set_params(learning_rate=1e-300).fit(X, y)
        clf.fit(X, y)
        norms.append(
            math.sqrt(
                sum(
                    np.sum((a - b) ** 2)
                    for a, b in zip(clf.coefs_ + clf.intercepts_, start.coefs_ + start.intercepts_, strict=True)
                )
            )
        )
    assert norms[0] > 1e-2
    assert norms[1] == pytest.approx(1e-3, rel=1e-9)


# ---------------------------------------------------------------------- where they get to


@EVERY_STEPPING
def test_each_solver_reaches_the_minimum_of_a_parabola(name):
    gradient, minimum, start = quadratic(seed=2)
    solver = SOLVERS[name]()
    if "weight_decay" in solver.get_params():
        solver.set_params(weight_decay=0.0)  # which would move the minimum
    bound = Bound(solver, start)
    for k in range(4000):
        bound.go(gradient(bound.theta), 0.1 if name == "sgd" else 0.1 / (1 + k / 100))
    np.testing.assert_allclose(bound.theta, minimum, atol=2e-3)


def rosenbrock(theta):
    """Return the value and the gradient of Rosenbrock's function of the first two of 13 parameters."""
    x, y = theta[:2]
    g = np.zeros(13)
    g[:2] = -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2, g


@pytest.mark.parametrize(
    ("solver", "rate"),
    [
        (SGD(momentum=0.9), 2e-4),
        (SGD(momentum=0.9, nesterov=True), 2e-4),
        (Adam(), 0.02),
        (AdamW(weight_decay=0.0), 0.02),
        (RMSprop(), 1e-3),
    ],
    ids=repr,
)
def test_steps_follow_rosenbrocks_valley_to_its_end(solver, rate):
    start = np.zeros(13)
    start[:2] = -1.2, 1.0
    bound = Bound(solver, start)
    for _ in range(8000):
        bound.go(rosenbrock(bound.theta)[1], rate)
    assert rosenbrock(start)[0] == pytest.approx(24.2)
    np.testing.assert_allclose(bound.theta[:2], [1.0, 1.0], atol=0.02)
    np.testing.assert_array_equal(bound.theta[2:], 0.0)


# ---------------------------------------------------------------------- saved in the middle


@pytest.mark.parametrize(
    "solver",
    [SOLVERS[name]() for name in STEPPING]
    + [SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), Adam(max_grad_norm=0.5)],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pickled_in_the_middle_it_goes_on_bit_for_bit(solver, dtype):
    gradient, _, start = quadratic(seed=3)
    whole = Bound(solver, start, dtype)
    for _ in range(7):
        whole.go(gradient(whole.theta), 0.05)

    half = Bound(solver, start, dtype)
    for _ in range(4):
        half.go(gradient(half.theta), 0.05)
    loaded_solver, theta, state = pickle.loads(pickle.dumps((solver, half.theta, half.state)))
    rest = Bound(loaded_solver, theta, dtype, state)
    for _ in range(3):
        rest.go(gradient(rest.theta), 0.05)
    np.testing.assert_array_equal(rest.theta, whole.theta)
    assert pickle.dumps(rest.state) == pickle.dumps(whole.state)


@EVERY_STEPPING
def test_the_state_is_arrays_and_numbers_in_the_dtype_of_the_parameters(name):
    solver = SOLVERS[name]()
    state = solver.init_state(np.zeros(13, np.float32))
    for value in state.values():
        assert isinstance(value, (int, float)) or (
            value.dtype == np.float32 and value.shape == (13,) and not value.any()
        )
    assert solver.init_state(np.zeros(13)) is not solver.init_state(np.zeros(13))


@EVERY_STEPPING
def test_two_networks_trained_by_one_solver_object_share_nothing(name):
    gradient, _, start = quadratic(seed=4)
    solver = SOLVERS[name]()
    alone, first, second = Bound(solver, start), Bound(solver, start), Bound(solver, -start)
    for _ in range(3):
        alone.go(gradient(alone.theta), 0.1)
    for _ in range(3):
        first.go(gradient(first.theta), 0.1)
        second.go(gradient(second.theta), 0.1)
    np.testing.assert_array_equal(first.theta, alone.theta)


# ---------------------------------------------------------------------- lbfgs


def run_lbfgs(solver, max_iter=200, stop_after=None):
    """Minimise Rosenbrock's function from (-1.2, 1); return whether it converged, and the iterates."""
    iterates = []

    def end_iteration(theta):
        iterates.append(theta.copy())
        return len(iterates) == stop_after

    start = np.zeros(13)
    start[:2] = -1.2, 1.0
    return solver.minimize(rosenbrock, start, max_iter, end_iteration), iterates


def test_lbfgs_reaches_the_end_of_rosenbrocks_valley():
    converged, iterates = run_lbfgs(LBFGS(gtol=1e-10, ftol=0.0))
    assert converged is True
    np.testing.assert_allclose(iterates[-1][:2], [1.0, 1.0], atol=1e-8)
    assert len(iterates) < 60
    values = [rosenbrock(theta)[0] for theta in iterates]
    assert (np.diff(values) < 0).all()  # the line search accepts nothing worse


def test_lbfgs_stops_at_max_iter_and_says_that_it_has_not_converged():
    for max_iter in (1, 5):
        converged, iterates = run_lbfgs(LBFGS(gtol=1e-10, ftol=0.0), max_iter=max_iter)
        assert converged is False
        assert len(iterates) == max_iter


def test_lbfgs_stops_when_it_is_told_to():
    converged, iterates = run_lbfgs(LBFGS(gtol=1e-10, ftol=0.0), stop_after=3)
    assert converged is False
    assert len(iterates) == 3


def test_each_parameter_of_lbfgs_changes_the_way():
    n_iterations = {
        name: len(run_lbfgs(solver)[1])
        for name, solver in {
            "tight": LBFGS(gtol=1e-10, ftol=0.0),
            "gtol": LBFGS(gtol=1.0, ftol=0.0),
            "ftol": LBFGS(gtol=1e-10, ftol=0.1),
        }.items()
    }
    assert n_iterations["gtol"] < n_iterations["tight"]
    assert n_iterations["ftol"] < n_iterations["tight"]
    few, many = run_lbfgs(LBFGS(memory=1), max_iter=8)[1], run_lbfgs(LBFGS(memory=10), max_iter=8)[1]
    assert not np.array_equal(few[5], many[5])


def test_lbfgs_reaches_a_known_minimum_through_the_classifier():
    # A feature of 0 and 1 makes two groups, with 1 of 4 and 3 of 5 rows of class 1. The best logits are their log odds.
    X, y = np.array([[0]] * 4 + [[1]] * 5), np.array([1, 0, 0, 0, 1, 1, 1, 0, 0])
    clf = BackpropClassifier(
        (),
        solver=LBFGS(gtol=1e-12, ftol=0.0),
        alpha=0.0,
        max_iter=50,
        early_stopping=False,
        n_iter_no_change=None,
        random_state=0,
    ).fit(X, y)
    assert clf.intercepts_[0][0] == pytest.approx(math.log(1 / 3), abs=1e-9)
    assert clf.coefs_[0][0, 0] == pytest.approx(math.log(3 / 2) - math.log(1 / 3), abs=1e-9)
    np.testing.assert_allclose(clf.predict_proba([[0], [1]])[:, 1], [1 / 4, 3 / 5], atol=1e-10)


def test_lbfgs_has_scipys_numbers_by_default():
    assert LBFGS().get_params() == {"memory": 10, "gtol": 1e-5, "ftol": 2.2e-9}


# ---------------------------------------------------------------------- wrong values


@pytest.mark.parametrize("cls", [SteppingSolver, SGD, RMSprop, Adam, AdamW])
def test_the_bound_on_the_gradient_is_given_by_name(cls):
    n_others = len(cls().get_params()) - 1
    with pytest.raises(TypeError, match="positional argument"):
        cls(*[0.5] * n_others, 1.0)


@pytest.mark.parametrize("cls", [SGD, RMSprop, Adam, AdamW])
@pytest.mark.parametrize("bad", [0, -1.0, math.nan, math.inf, "1", True])
def test_an_invalid_bound_on_the_gradient_raises(cls, bad):
    with pytest.raises(ValueError, match=rf"{cls.__name__}: max_grad_norm must be a number in \(0, inf\)"):
        cls(max_grad_norm=bad)


@pytest.mark.parametrize(
    ("cls", "parameter", "bad"),
    [
        (SGD, "momentum", [-0.1, 1, 1.5, math.nan, "0.9", None, True]),
        (RMSprop, "rho", [-0.1, 1, math.nan, None]),
        (RMSprop, "epsilon", [0, -1e-8, math.nan, math.inf, None]),
        (Adam, "beta_1", [-0.1, 1, math.nan, None]),
        (Adam, "beta_2", [-0.1, 1, math.nan, None]),
        (Adam, "epsilon", [0, -1e-8, math.nan, math.inf, None]),
        (AdamW, "beta_1", [1]),
        (AdamW, "weight_decay", [-0.1, math.nan, math.inf, None]),
        (LBFGS, "memory", [0, -1, 1.5, None, True]),
        (LBFGS, "gtol", [-1e-9, math.nan, math.inf, None]),
        (LBFGS, "ftol", [-1e-9, math.nan, math.inf, None]),
    ],
)
def test_wrong_parameters_raise_by_name(cls, parameter, bad):
    for value in bad:
        with pytest.raises(ValueError, match=rf"{cls.__name__}: {parameter} must be"):
            cls(**{parameter: value})


def test_an_unknown_name_raises_and_lists_the_known_ones():
    with pytest.raises(ValueError, match="solver='newton'") as caught:
        TwoLayerClassifier(solver="newton").fit([[0.0], [1.0]], [0, 1])
    for name in SOLVERS:
        assert repr(name) in str(caught.value)


def test_a_class_in_place_of_an_object_raises_and_says_what_to_write():
    with pytest.raises(TypeError, match=r"give an instance: Adam\(\)"):
        TwoLayerClassifier(solver=Adam).fit([[0.0], [1.0]], [0, 1])
