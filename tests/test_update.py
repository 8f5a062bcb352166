"""Network.update with a solver: the steps of fit, a memory that goes with the network, and words where it cannot be."""

import copy
import re

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier
from skbackprop.arrays import Parameters
from skbackprop.registry import Configurable
from skbackprop.solvers import LBFGS, SGD, Adam, AdamW, RMSprop


class AdaGrad(Configurable):
    """A solver of one's own, with what the protocol asks for and no more."""

    full_batch_only, rate_follows_scale, default_learning_rate = False, False, 0.01

    def __init__(self, epsilon=1e-8):
        self.epsilon = epsilon

    def init_state(self, theta):
        return {"sum": np.zeros_like(theta)}

    def stepper(self, parameters, gradients, state):
        def step(learning_rate):
            state["sum"] += gradients.theta**2
            gradients.theta /= np.sqrt(state["sum"]) + self.epsilon
            parameters.theta -= learning_rate * gradients.theta

        return step


STEPPING = [
    "sgd",
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    SGD(max_grad_norm=0.05),
    "rmsprop",
    "adam",
    Adam(beta_1=0.5, max_grad_norm=0.05),
    "adamw",
    AdamW(weight_decay=0.1),
    AdaGrad(),
]
EVERY_SOLVER = pytest.mark.parametrize("solver", STEPPING, ids=str)
PLAIN = {"early_stopping": False, "n_iter_no_change": None, "random_state": 0, "shuffle": False, "alpha": 0.01}


def table(n_features=5, dtype=np.float64):
    X, y = make_classification(50, n_features, random_state=0)
    return X.astype(dtype), y


def parameters_of(clf):
    return np.concatenate([array.ravel() for array in clf.coefs_ + clf.intercepts_])


def stepped(net, solver, n_steps=1, rate=0.05, data=None):
    X, y = data or table()
    for _ in range(n_steps):
        net.update(net.backward(net.forward(X), y, alpha=0.01), rate, solver)
    return net


def fresh():
    return Network([5, 4, 1], activation="tanh", random_state=0)


# ---------------------------------------------------------------------- the steps of fit


@EVERY_SOLVER
@pytest.mark.parametrize("batch_size", [50, 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_loop_by_hand_ends_at_the_bits_of_fit(solver, batch_size, dtype):
    X, y = table(dtype=dtype)
    clf = TwoLayerClassifier(4, solver=solver, learning_rate=0.05, batch_size=batch_size, max_iter=6, **PLAIN).fit(X, y)
    net, losses = Network([5, 4, 1], random_state=0, dtype=dtype), []
    for _ in range(6):
        losses.append(0.0)
        for i in range(0, 50, batch_size):
            rows = slice(i, i + batch_size)
            cache = net.forward(X[rows])
            losses[-1] += len(y[rows]) / 50 * net.loss(cache, y[rows], alpha=0.01)
            net.update(net.backward(cache, y[rows], alpha=0.01), learning_rate=0.05, solver=solver)
    np.testing.assert_array_equal(net.theta, parameters_of(clf))
    np.testing.assert_allclose(losses, clf.loss_curve_, rtol=1e-5 if dtype is np.float32 else 1e-12)


@EVERY_SOLVER
def test_a_loop_by_hand_ends_at_the_bits_of_partial_fit_chunk_by_chunk(solver):
    X, y = table()
    clf = BackpropClassifier((4, 3), solver=solver, learning_rate=0.05, batch_size="full", **PLAIN)
    net = Network([5, 4, 3, 1], random_state=0)
    for rows in np.array_split(np.arange(50), 5):
        clf.partial_fit(X[rows], y[rows], classes=[0, 1])
        stepped(net, solver, data=(X[rows], y[rows]))
        np.testing.assert_array_equal(net.theta, parameters_of(clf))


def test_momentum_by_hand():
    net, grads = Network([1, 1], random_state=0), Parameters([1, 1])
    net.theta, grads.theta = [1.0, 2.0], [0.5, -1.0]
    for _ in range(2):  # v = -0.1 g, then 0.9 v - 0.1 g = -0.19 g
        net.update(grads, 0.1, SGD(momentum=0.9))
    np.testing.assert_allclose(net.theta, [1.0 - 0.29 * 0.5, 2.0 + 0.29], rtol=1e-15)
    np.testing.assert_array_equal(grads.theta, [0.5, -1.0])


# ---------------------------------------------------------------------- what a network remembers


@EVERY_SOLVER
def test_gradients_are_not_changed(solver):
    net = fresh()
    X, y = table()
    grads = net.backward(net.forward(X), y)
    before = grads.theta.copy()
    net.update(grads, 0.05, solver)
    np.testing.assert_array_equal(grads.theta, before)
    assert not np.shares_memory(grads.theta, net.theta)


@pytest.mark.parametrize(
    ("first", "second"),
    [("adam", Adam()), (Adam(), "adam"), (SGD(momentum=0.9), SGD(0.9)), (AdaGrad(), AdaGrad())],
    ids=str,
)
def test_an_equal_solver_goes_on(first, second):
    ours, expected = stepped(stepped(fresh(), first, 3), second, 3), stepped(fresh(), first, 6)
    np.testing.assert_array_equal(ours.theta, expected.theta)


@pytest.mark.parametrize(
    ("first", "second"),
    [("adam", "rmsprop"), ("adam", Adam(beta_2=0.99)), ("adam", "adamw"), (SGD(momentum=0.9), SGD(momentum=0.8))],
    ids=str,
)
def test_another_solver_begins_afresh(first, second):
    ours, expected = stepped(fresh(), first, 3), fresh()
    expected.theta = ours.theta
    stepped(ours, second, 3)
    stepped(expected, second, 3)
    np.testing.assert_array_equal(ours.theta, expected.theta)
    again = fresh()
    again.theta = ours.theta
    np.testing.assert_array_equal(stepped(ours, first).theta, stepped(again, first).theta)  # and so does the first one


def test_parameters_set_on_the_given_solver_make_it_another():
    solver, ours, expected = SGD(momentum=0.9), fresh(), fresh()
    stepped(ours, solver, 3)
    expected.theta = ours.theta
    stepped(ours, solver.set_params(momentum=0.5), 2)
    np.testing.assert_array_equal(ours.theta, stepped(expected, SGD(momentum=0.5), 2).theta)


def test_a_step_without_a_solver_leaves_what_one_remembers():
    X, y = table()
    ours, expected = stepped(fresh(), "adam", 3), stepped(fresh(), "adam", 3)
    grads = ours.backward(ours.forward(X), y)
    ours.update(grads, 0.3)
    expected.theta -= 0.3 * grads.theta  # plain descent
    np.testing.assert_array_equal(ours.theta, expected.theta)
    np.testing.assert_array_equal(stepped(ours, "adam").theta, stepped(expected, "adam").theta)


def test_a_fit_knows_nothing_of_a_networks_solver():
    assert "_solver" not in vars(TwoLayerClassifier(3, max_iter=2, **PLAIN).fit(*table()).network_)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_of_the_other_dtype_are_taken(dtype):
    other = np.float32 if dtype is np.float64 else np.float64
    net, grads = Network([2, 1], random_state=0, dtype=dtype), Parameters([2, 1], other)
    grads.theta[...] = 0.5
    before = net.theta.copy()
    net.update(grads, 0.5, "sgd")
    net.update(grads, 0.5)
    np.testing.assert_allclose(net.theta, before - 0.5, rtol=1e-6)
    assert net.theta.dtype == dtype


# ---------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize("solver", ["lbfgs", LBFGS(memory=3)], ids=str)
def test_a_solver_that_needs_all_samples_raises(solver):
    net = fresh()
    with pytest.raises(ValueError, match=r"solver=LBFGS\(.*all samples.*BackpropClassifier\(solver=...\)"):
        stepped(net, solver)
    np.testing.assert_array_equal(net.theta, fresh().theta)


def test_a_solver_that_is_not_known_raises():
    with pytest.raises(ValueError, match=r"solver='adm' is not known; the known names are 'adam'"):
        stepped(fresh(), "adm")


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), "0.1", None, True, [0.1]])
@pytest.mark.parametrize("solver", [None, "adam"])
def test_an_invalid_learning_rate_raises_and_changes_nothing(rate, solver):
    net = fresh()
    with pytest.raises(ValueError, match=rf"learning_rate must be a number in \[0, inf\); got {re.escape(repr(rate))}"):
        stepped(net, solver, rate=rate)
    np.testing.assert_array_equal(net.theta, fresh().theta)


@pytest.mark.parametrize("rate", [0, 0.1, np.float32(0.1), np.int64(1)])
def test_a_rate_may_be_any_kind_of_number(rate):
    assert (rate == 0) == np.array_equal(stepped(fresh(), None, rate=rate).theta, fresh().theta)


@pytest.mark.parametrize("grads", [None, np.ones(29), [np.ones((5, 4))], 0.5], ids=repr)
def test_gradients_that_backward_did_not_return_raise(grads):
    with pytest.raises(TypeError, match=r"grads must be what backward returns, grads = net.backward\(cache, Y\); got"):
        fresh().update(grads, 0.1)


def test_gradients_of_a_network_of_other_sizes_raise():
    other = Network([5, 3, 1], random_state=0)
    with pytest.raises(ValueError, match=r"layer sizes \[5, 3, 1\]; this network has \[5, 4, 1\]"):
        fresh().update(other.backward(other.forward(np.ones((2, 5))), [0, 1]), 0.1)


# ---------------------------------------------------------------------- a loop that diverges says so


@pytest.mark.parametrize("solver", [None, "sgd", "adam", SGD(momentum=0.9)], ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_gradients_that_are_not_finite_raise_and_leave_everything_as_it_was(solver, bad):
    ours, expected = (stepped(fresh(), solver, 2) for _ in range(2))
    grads = Parameters([5, 4, 1])
    grads.W[1][2] = bad
    with pytest.raises(FloatingPointError, match=r"dW2 is not finite after 2 updates.*standardise.*learning_rate"):
        ours.update(grads, 0.1, solver)
    np.testing.assert_array_equal(ours.theta, expected.theta)
    np.testing.assert_array_equal(stepped(ours, solver).theta, stepped(expected, solver).theta)


@pytest.mark.parametrize("solver", [None, "sgd", SGD(momentum=0.9)], ids=str)
def test_a_step_out_of_the_finite_numbers_raises_and_leaves_everything_as_it_was(solver):
    ours, expected = (stepped(fresh(), solver) for _ in range(2))
    grads = Parameters([5, 4, 1])
    grads.b[0][1] = 1e300
    with pytest.raises(FloatingPointError, match=r"b1 would be not finite after 1 update\."):
        ours.update(grads, 1e300, solver)
    np.testing.assert_array_equal(ours.theta, expected.theta)
    np.testing.assert_array_equal(stepped(ours, solver).theta, stepped(expected, solver).theta)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_loop_that_diverges_ends_in_words(by_hand):
    X, y = table()
    net = Network([5, 4, 1], activation="identity", loss="squared_error", link=Linear(), random_state=0)

    def loop():
        for _ in range(1000):
            cache = net.forward(X)
            net.loss(cache, y)
            grads = net.backward(cache, y)
            if by_hand:
                net.theta -= 1e3 * grads.theta
            else:
                net.update(grads, 1e3)

    with pytest.raises(FloatingPointError, match=r"The loss is (inf|nan)|d?[Wb][12] (is|would be) not finite"):
        loop()
    assert by_hand or np.isfinite(net.theta).all()


class Linear(Configurable):
    """A link that hands the logits on, so that nothing holds a network back."""

    def probabilities(self, Z, out=None):
        return np.positive(Z, out=out)

    def log_probabilities(self, Z):
        raise NotImplementedError

    def log_loss(self, Z, Y):
        raise NotImplementedError

    def pullback(self, A, dA):
        return dA

    def n_sides(self, n_outputs):
        return 1


@pytest.mark.parametrize("method", ["loss", "backward", "predict", "predict_proba", "score"])
def test_every_method_refuses_parameters_that_are_not_finite(method):
    net, (X, y) = fresh(), table()
    net.b[0][0] = np.nan
    with pytest.raises(FloatingPointError, match=r"(is|are) (nan|not finite)\. Likely cause"):
        getattr(net, method)(
            *((net.forward(X), y) if method in ("loss", "backward") else (X, y)[: 1 + (method == "score")])
        )


def test_a_copy_remembers_on_its_own():
    ours = stepped(fresh(), "adam", 3)
    other = copy.copy(ours)
    stepped(other, "adam", 5)
    np.testing.assert_array_equal(stepped(ours, "adam", 3).theta, stepped(fresh(), "adam", 6).theta)
    np.testing.assert_array_equal(other.theta, stepped(fresh(), "adam", 8).theta)


def test_defaults_of_rmsprop_are_met_by_its_name():
    np.testing.assert_array_equal(stepped(fresh(), "rmsprop", 3).theta, stepped(fresh(), RMSprop(), 3).theta)
