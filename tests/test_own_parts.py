"""Parts of one's own that treat ``out`` in their own way: they train exactly as a well-behaved part does."""

from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier, check_gradients
from skbackprop.activations import ACTIVATIONS, Softplus, Tanh
from skbackprop.losses import LOSSES, LogLoss, SquaredError
from skbackprop.registry import Configurable
from skbackprop.solvers import SOLVERS

HIDDEN = [(), (6,), (6, 5), (6, 5, 4)]


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X)[:200], y[:200]


def returns_only(result, out):
    """Return a new array and leave out as it is, or worse."""
    out[...] = np.nan
    return result


def leaves_out_alone(result, out):
    return result


def writes_only(result, out):
    """Write into out and return nothing."""
    out[...] = result


def does_both(result, out):
    out[...] = result
    return out


def returns_a_copy(result, out):
    out[...] = result
    return result


HABITS = [returns_only, leaves_out_alone, writes_only, returns_a_copy]
EVERY_HABIT = pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.__name__)


class TanhOfItsOwn(Configurable):
    """tanh, whose value and derivative hand over their results by habits of their own."""

    gain = 1.0

    def __init__(self, on_value=does_both, on_derivative=does_both):
        self.on_value, self.on_derivative = on_value, on_derivative

    def value(self, Z, out):
        return self.on_value(np.tanh(Z), out)

    def derivative(self, Z, A, out):
        return self.on_derivative(1 - A * A, out)


class LogLossOfItsOwn(Configurable):
    """The log loss, whose gradient is handed over by a habit of its own."""

    def __init__(self, on_gradient=does_both):
        self.on_gradient = on_gradient

    def value(self, Z, Y, link):
        return link.log_loss(Z, Y)

    def gradient(self, Z, A, Y, link, out):
        return self.on_gradient(A - Y, out)


class SquaresOfItsOwn(Configurable):
    """The squared error likewise."""

    def __init__(self, on_gradient=does_both):
        self.on_gradient = on_gradient

    def value(self, Z, Y, link):
        return 0.5 * ((link.probabilities(Z) - Y) ** 2).sum(axis=1)

    def gradient(self, Z, A, Y, link, out):
        return self.on_gradient(link.pullback(A, A - Y), out)


PARTS = {
    "value": lambda habit: {"activation": TanhOfItsOwn(on_value=habit)},
    "derivative": lambda habit: {"activation": TanhOfItsOwn(on_derivative=habit)},
    "value and derivative": lambda habit: {"activation": TanhOfItsOwn(habit, habit)},
    "log loss": lambda habit: {"loss": LogLossOfItsOwn(habit), "activation": TanhOfItsOwn()},
    "squared error": lambda habit: {"loss": SquaresOfItsOwn(habit), "activation": TanhOfItsOwn()},
    "all": lambda habit: {"loss": LogLossOfItsOwn(habit), "activation": TanhOfItsOwn(habit, habit)},
}
EVERY_PART = pytest.mark.parametrize("part", PARTS)


def make(kind, part, habit, **params):
    settings = {"early_stopping": False, "n_iter_no_change": None, "max_iter": 3, "random_state": 0, "alpha": 1e-3}
    return kind(**(PARTS[part](habit) | settings | {"batch_size": 32, "learning_rate": 0.02} | params))


def assert_same_fit(a, b, X):
    for ours, theirs in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_array_equal(ours, theirs)
    for name in a.history_.keys() - {"seconds"}:
        np.testing.assert_array_equal(a.history_[name], b.history_[name], err_msg=name)
    for method in ("predict_proba", "predict_log_proba", "decision_function", "predict"):
        np.testing.assert_array_equal(getattr(a, method)(X), getattr(b, method)(X), err_msg=method)


@EVERY_HABIT
@EVERY_PART
@pytest.mark.parametrize("batch_size", [32, "full"])
@pytest.mark.parametrize("table", [iris, breast_cancer])
def test_two_layers_train_as_with_a_well_behaved_part(table, batch_size, part, habit):
    X, y = table()
    ours, theirs = (
        make(TwoLayerClassifier, part, each, hidden_units=6, batch_size=batch_size).fit(X, y)
        for each in (habit, does_both)
    )
    assert_same_fit(ours, theirs, X)
    start = make(TwoLayerClassifier, part, habit, hidden_units=6, max_iter=1, learning_rate=1e-12).fit(X, y)
    assert ours.loss_ < start.loss_


@EVERY_HABIT
@EVERY_PART
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
def test_any_depth_trains_as_with_a_well_behaved_part(hidden, part, habit):
    X, y = iris()
    ours, theirs = (
        make(BackpropClassifier, part, each, hidden_layer_sizes=hidden).fit(X, y) for each in (habit, does_both)
    )
    assert_same_fit(ours, theirs, X)


@EVERY_HABIT
@EVERY_PART
@pytest.mark.parametrize(
    "params",
    [{"dropout": 0.3}, {"early_stopping": True, "validation_fraction": 0.3}, {"solver": "lbfgs", "batch_size": "full"}],
    ids=["dropout", "early stopping", "lbfgs"],
)
@pytest.mark.parametrize("hidden", [(6,), (6, 5)], ids=str)
def test_other_ways_to_train_do_so_too(hidden, params, part, habit):
    X, y = iris()
    ours, theirs = (
        make(BackpropClassifier, part, each, hidden_layer_sizes=hidden, **params).fit(X, y)
        for each in (habit, does_both)
    )
    assert_same_fit(ours, theirs, X)


@EVERY_HABIT
@EVERY_PART
def test_weights_many_rows_and_single_precision_make_no_difference(part, habit):
    X, y = iris()
    X, y = np.tile(X, (20, 1)).astype(np.float32), np.tile(y, 20)  # more rows than go through the layers together
    w = np.random.RandomState(0).uniform(0.5, 2, len(y))
    ours, theirs = (
        make(TwoLayerClassifier, part, each, hidden_units=6, batch_size="full").fit(X, y, w)
        for each in (habit, does_both)
    )
    assert ours.coefs_[0].dtype == np.float32
    assert_same_fit(ours, theirs, X)


@EVERY_HABIT
@EVERY_PART
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
def test_the_gradient_check_sees_the_gradient_that_trains(hidden, part, habit):
    X, y = iris()
    ours, theirs = (make(BackpropClassifier, part, each, hidden_layer_sizes=hidden) for each in (habit, does_both))
    found = check_gradients(ours, X[::10], y[::10])
    assert found < 1e-6
    assert found == check_gradients(theirs, X[::10], y[::10])


@EVERY_HABIT
@EVERY_PART
def test_a_network_in_the_open_computes_the_same(part, habit):
    X, y = iris()
    Y = np.eye(3)[y]
    nets = [Network([4, 6, 5, 3], **PARTS[part](each), random_state=0) for each in (habit, does_both)]
    for _ in range(3):
        caches = [net.forward(X) for net in nets]
        for ours, theirs in zip(caches[0].Z + caches[0].A[1:], caches[1].Z + caches[1].A[1:], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert nets[0].loss(caches[0], Y) == nets[1].loss(caches[1], Y)
        grads = [net.backward(cache, Y) for net, cache in zip(nets, caches, strict=True)]
        np.testing.assert_array_equal(grads[0].theta, grads[1].theta)
        assert np.abs(grads[0].theta).max() > 0
        for net, gradient in zip(nets, grads, strict=True):
            net.update(gradient, 0.5)
    assert check_gradients(nets[0], X[::10], Y[::10]) < 1e-6


@EVERY_HABIT
@EVERY_PART
@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "lbfgs"])
def test_partial_fit_trains_as_with_a_well_behaved_part(solver, part, habit):
    X, y = iris()
    ours, theirs = (
        make(TwoLayerClassifier, part, each, hidden_units=6, solver=solver).partial_fit(X, y, classes=[0, 1, 2])
        for each in (habit, does_both)
    )
    assert_same_fit(ours, theirs, X)


# ---------------------------------------------------------------- classes made from ours


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(6,), (6, 5)], ids=str)
def test_the_methods_of_a_subclass_of_an_activation_are_used(name, hidden):
    X, y = iris()
    methods = {"value": Softplus.value, "derivative": Softplus.derivative}
    softened = type("Softened", (ACTIVATIONS[name],), methods)()
    params = {"hidden_layer_sizes": hidden, "weight_init": "he"}
    ours, theirs = (
        BackpropClassifier(activation=phi, early_stopping=False, n_iter_no_change=None, max_iter=2, random_state=0)
        .set_params(**params)
        .fit(X, y)
        for phi in (softened, Softplus())
    )
    assert_same_fit(ours, theirs, X)
    assert check_gradients(ours, X[::10], y[::10]) < 1e-6


@pytest.mark.parametrize("name", LOSSES)
def test_the_methods_of_a_subclass_of_a_loss_are_used(name):
    X, y = iris()
    methods = {"value": SquaredError.value, "gradient": SquaredError.gradient}
    squared = type("Squared", (LOSSES[name],), methods)()
    settings = {"early_stopping": False, "n_iter_no_change": None, "max_iter": 2, "random_state": 0}
    ours, theirs = (TwoLayerClassifier(6, loss=loss, **settings).fit(X, y) for loss in (squared, SquaredError()))
    assert_same_fit(ours, theirs, X)
    assert check_gradients(ours, X[::10], y[::10]) < 1e-6


# ---------------------------------------------------------------- a part that binds


class ReturningTanh(Tanh):
    """Its bound functions return new arrays."""

    def bind(self, Z):
        def value(Z, out):
            return np.tanh(Z)

        return value, self.derivative


class ReturningLogLoss(LogLoss):
    """Its bound gradient returns a new array."""

    def bind(self, Z, link):
        def gradient(Z, A, Y, out):
            return A - Y

        return lambda Z, Y: link.log_loss(Z, Y), gradient


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"activation": ReturningTanh()}, r"activation=ReturningTanh\(\).*write into out"),
        ({"loss": ReturningLogLoss()}, r"loss=ReturningLogLoss\(\).*write into out"),
    ],
    ids=["activation", "loss"],
)
def test_bound_functions_that_do_not_write_are_refused_by_name(part, message):
    with pytest.raises(TypeError, match=message):
        Network([2, 3, 1], random_state=0, **part).forward(np.ones((4, 2)))
