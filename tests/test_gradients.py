"""Backpropagation against central differences, over everything that can be combined; and the checker itself."""

import itertools
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier, check_gradients
from skbackprop.activations import ACTIVATIONS, Elu, LeakyRelu, Tanh
from skbackprop.gradient_check import Problem
from skbackprop.losses import LOSSES, LogLoss

TARGETS = {"binary": ("sigmoid", 1), "multiclass": ("softmax", 3), "multilabel": ("sigmoid", 2)}
DEPTHS = [(), (3,), (3, 2)]
ALPHAS = [0.0, 0.3]
N_ROWS, N_FEATURES = 6, 3


def make_rows(kind, rng):
    """Return X and Y for a network with outputs of this kind."""
    n_outputs = TARGETS[kind][1]
    X = rng.randn(N_ROWS, N_FEATURES)
    if kind == "multiclass":
        return X, np.eye(3)[rng.randint(0, 3, N_ROWS)]
    return X, rng.randint(0, 2, (N_ROWS, n_outputs)).astype(float)


def make_network(kind, hidden, activation, loss, dtype=np.float64):
    link, n_outputs = TARGETS[kind]
    net = Network(
        [N_FEATURES, *hidden, n_outputs], activation, loss, link=link, weight_init="lecun", random_state=5, dtype=dtype
    )
    net.theta += 0.3 * np.random.RandomState(6).randn(net.theta.size).astype(dtype)  # biases too
    return net


def differences(objective, theta, h=1e-6):
    """Return the central difference of objective() in every entry of theta."""
    d = np.empty(theta.size)
    for k in range(theta.size):
        kept = theta[k]
        theta[k] = kept + h
        above = objective()
        theta[k] = kept - h
        below = objective()
        theta[k] = kept
        d[k] = (above - below) / (2 * h)
    return d


def slopes_along(directions, objective, theta, h=1e-6):
    """Return the central difference of objective() along directions that change every entry of theta at once.

    An error in any one entry of a gradient shows along each of them, and there are fewer of them than entries.
    """
    start, d = theta.copy(), []
    for direction in directions:
        theta[...] = start + h * direction
        above = objective()
        theta[...] = start - h * direction
        d.append((above - objective()) / (2 * h))
    theta[...] = start
    return np.array(d)


def objective_alone(net, X, Y, w=None, alpha=0.0):
    """Return J without its gradient."""
    return net.loss(net.forward(X), Y, w, alpha)


def close(g, d, tolerance):
    """Compare relative to the largest entry."""
    np.testing.assert_allclose(g, d, rtol=tolerance, atol=tolerance * max(np.abs(d).max(), 1e-3))


def weights_of_every_kind(rng):
    return {"none": None, "random": rng.rand(N_ROWS) + 0.1, "with zeros": rng.rand(N_ROWS) * (np.arange(N_ROWS) % 2)}


# ---------------------------------------------------------------------- the whole grid


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"logistic"}))  # which is sigmoid's other name
@pytest.mark.parametrize("kind", sorted(TARGETS))
def test_backward_is_the_derivative_of_the_objective(loss, activation, kind):
    rng = np.random.RandomState(0)
    X, Y = make_rows(kind, rng)
    for hidden, alpha, (weighting, w) in itertools.product(DEPTHS, ALPHAS, weights_of_every_kind(rng).items()):
        if not hidden and activation != "relu":
            continue  # without a hidden layer there is no activation
        net = make_network(kind, hidden, activation, loss)
        value, grads = net.objective(X, Y, w, alpha)
        J = partial(objective_alone, net, X, Y, w, alpha)
        assert value == J(), (hidden, alpha, weighting)
        directions = rng.randn(3, net.theta.size)
        d = slopes_along(directions, J, net.theta)
        close(directions @ grads.theta, d, 1e-6)
        single = make_network(kind, hidden, activation, loss, np.float32)
        g = single.objective(X, Y, w, alpha)[1].theta
        assert g.dtype == np.float32, (hidden, alpha, weighting)
        close(directions @ g, d, 1e-3)


@pytest.mark.parametrize("activation", [LeakyRelu(0.3), LeakyRelu(0), Elu(0.5), Elu(3), ["tanh", "gelu"]], ids=str)
def test_activations_with_a_slope_and_mixed_ones(activation):
    net = make_network("multiclass", (4, 3), activation, "log_loss")
    X, Y = make_rows("multiclass", np.random.RandomState(1))
    close(net.objective(X, Y)[1].theta, differences(lambda: net.objective(X, Y)[0], net.theta), 1e-6)


@pytest.mark.parametrize("kind", sorted(TARGETS))
@pytest.mark.parametrize("s", [0.1, 0.9])
def test_label_smoothing(kind, s):
    net = make_network(kind, (4,), "tanh", LogLoss(label_smoothing=s))
    X, Y = make_rows(kind, np.random.RandomState(1))
    close(net.objective(X, Y)[1].theta, differences(lambda: net.objective(X, Y)[0], net.theta), 1e-6)


def test_real_valued_targets_of_the_squared_error():
    net = make_network("binary", (4,), "tanh", "squared_error")
    rng = np.random.RandomState(1)
    X, Y = rng.randn(N_ROWS, N_FEATURES), 3 * rng.randn(N_ROWS, 1)
    close(net.objective(X, Y)[1].theta, differences(lambda: net.objective(X, Y)[0], net.theta), 1e-6)


@pytest.mark.parametrize("kind", sorted(TARGETS))
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_dropout_with_its_masks_held(kind, activation):
    net = make_network(kind, (6, 5), activation, "log_loss")
    X, Y = make_rows(kind, np.random.RandomState(1))
    forward = partial(net.forward, X, dropout=0.4, random_state=2)  # the same masks each time
    g = net.backward(forward(), Y).theta
    without = net.objective(X, Y)[1].theta
    assert not np.allclose(g, without)
    close(g, differences(lambda: net.loss(forward(), Y), net.theta), 1e-6)


@pytest.mark.parametrize("kind", sorted(TARGETS))
@pytest.mark.parametrize("hidden", DEPTHS)
def test_sparse_rows(kind, hidden):
    rng = np.random.RandomState(1)
    net = make_network(kind, hidden, "tanh", "log_loss")
    X, Y = make_rows(kind, rng)
    X *= rng.rand(*X.shape) < 0.5
    w, sparse = rng.rand(N_ROWS), sp.csr_matrix(X)
    g = net.objective(sparse, Y, w, 0.1)[1].theta
    np.testing.assert_allclose(g, net.objective(X, Y, w, 0.1)[1].theta, rtol=1e-12, atol=1e-15)
    close(g, differences(lambda: net.objective(sparse, Y, w, 0.1)[0], net.theta), 1e-6)


def test_far_out_the_gradient_is_finite_and_saturated():
    for activation, loss in itertools.product(sorted(ACTIVATIONS), sorted(LOSSES)):
        net = make_network("multiclass", (4,), activation, loss)
        X, Y = make_rows("multiclass", np.random.RandomState(1))
        value, grads = net.objective(X * 1e100, Y)
        assert np.isfinite(value)
        assert np.isfinite(grads.theta).all()


# ---------------------------------------------------------------------- the objective that fit minimises


X_TABLE = np.random.RandomState(0).randn(12, N_FEATURES)
Y_TABLES = {
    "binary": np.array(["no", "yes"])[[0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0]],
    "multiclass": np.array([0, 1, 2, 0, 1, 0, 0, 0, 1, 0, 2, 0]),
    "multilabel": np.random.RandomState(1).randint(0, 2, (12, 3)),
}
OPTIONS = {
    "plain": {},
    "alpha": {"alpha": 0.5},
    "squared error": {"loss": "squared_error"},
    "label smoothing": {"loss": LogLoss(0.2)},
    "dropout": {"dropout": 0.4},
    "balanced": {"class_weight": "balanced"},
    "all at once": {"alpha": 0.5, "loss": LogLoss(0.2), "dropout": 0.4, "class_weight": "balanced"},
}


@pytest.mark.parametrize("kind", sorted(Y_TABLES))
@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_estimators_pass_with_every_option(kind, option):
    params = dict(OPTIONS[option])
    if kind == "multilabel":
        params.pop("class_weight", None)
    w = np.random.RandomState(2).rand(12)
    for hidden in DEPTHS:
        clf = BackpropClassifier(hidden, activation="tanh", random_state=0, **params)
        for weights in (None, w):
            worst = check_gradients(clf, X_TABLE, Y_TABLES[kind], weights)
            assert 0 <= worst < 1e-6, (hidden, worst.parameter)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_two_layers_pass_with_every_activation_and_loss(activation, loss):
    clf = TwoLayerClassifier(5, activation=activation, loss=loss, alpha=0.01, random_state=0)
    worst = check_gradients(clf, X_TABLE, Y_TABLES["multiclass"])
    assert 0 <= worst < 1e-6
    assert worst.n_parameters == 3 * 5 + 5 * 3 + 5 + 3


def test_a_fitted_estimator_is_checked_at_its_weights_and_left_alone():
    clf = TwoLayerClassifier(4, max_iter=3, n_iter_no_change=None, early_stopping=False, random_state=0)
    clf.fit(X_TABLE, Y_TABLES["binary"])
    before = [array.copy() for array in clf.coefs_ + clf.intercepts_]
    state = dict(vars(clf))
    fresh = check_gradients(clone(clf), X_TABLE, Y_TABLES["binary"])
    fitted = check_gradients(clf, X_TABLE, Y_TABLES["binary"])
    assert fitted < 1e-6
    assert (fitted.parameter, fitted.backprop) != (fresh.parameter, fresh.backprop)
    for array, kept in zip(clf.coefs_ + clf.intercepts_, before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert vars(clf) == state


def test_an_unfitted_estimator_stays_unfitted_and_its_random_state_where_it_was():
    rng = np.random.RandomState(3)
    clf = TwoLayerClassifier(4, dropout=0.3, random_state=rng)
    first, second = (check_gradients(clf, X_TABLE, Y_TABLES["binary"]) for _ in range(2))
    assert (first, first.parameter) == (second, second.parameter)
    assert not hasattr(clf, "coefs_")
    assert rng.rand() == np.random.RandomState(3).rand()


def test_it_checks_where_training_starts():
    clf = TwoLayerClassifier(4, activation="tanh", dropout=0.0, alpha=0.3, random_state=3)
    worst = check_gradients(clf, X_TABLE, Y_TABLES["binary"])
    net = Network([N_FEATURES, 4, 1], activation="tanh", random_state=3)
    grads = net.objective(X_TABLE, Y_TABLES["binary"] == "yes", alpha=0.3)[1]
    letter, layer = worst.parameter[0], int(worst.parameter[1]) - 1
    place = tuple(int(i) for i in worst.parameter.split("[")[1][:-1].split(","))
    assert worst.backprop == pytest.approx((grads.W if letter == "W" else grads.b)[layer][place], rel=1e-12)
    assert worst.difference == pytest.approx(worst.backprop, rel=1e-6)


def test_class_weights_count_in_the_objective_that_is_checked():
    # All the weight on one class: its rows alone make the gradient of the output's bias.
    clf = BackpropClassifier((), class_weight={"no": 0.0, "yes": 1.0}, weight_init=np_zeros, alpha=0.0)
    y = Y_TABLES["binary"]
    worst = check_gradients(clf, np.ones((12, 1)), y)
    assert worst.backprop == pytest.approx(-0.5)  # σ(0) - 1, for W1 and b1 alike
    assert worst.n_parameters == 2


def np_zeros(rng, fan_in, fan_out):
    return np.zeros((fan_in, fan_out))


# ---------------------------------------------------------------------- float32, sparse rows, networks


@pytest.mark.parametrize("kind", sorted(Y_TABLES))
def test_float32_estimators_pass_within_their_precision(kind):
    clf = TwoLayerClassifier(4, activation="tanh", alpha=0.1, random_state=0)
    worst = check_gradients(clf, X_TABLE.astype(np.float32), Y_TABLES[kind])
    assert 1e-9 < worst < 1e-2


def test_sparse_rows_pass_like_dense_ones():
    X = X_TABLE * (np.abs(X_TABLE) > 0.5)
    clf = TwoLayerClassifier(4, activation="tanh", dropout=0.2, random_state=0)
    assert check_gradients(clf, sp.csr_matrix(X), Y_TABLES["multiclass"]) < 1e-6


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("hidden", DEPTHS)
def test_networks_pass_and_are_left_alone(dtype, hidden):
    net = make_network("multiclass", hidden, "silu", "log_loss", dtype)
    before = net.theta.copy()
    X, Y = make_rows("multiclass", np.random.RandomState(0))
    for w in weights_of_every_kind(np.random.RandomState(1)).values():
        assert 0 <= check_gradients(net, X, Y, w) < (1e-6 if dtype is np.float64 else 1e-2)
    np.testing.assert_array_equal(net.theta, before)
    assert net.dtype == dtype


def test_of_a_large_network_a_thousand_parameters_are_checked():
    net = Network([40, 30, 1], activation="tanh", random_state=0)
    worst = check_gradients(net, np.random.RandomState(0).randn(3, 40), [0, 1, 1])
    assert worst.n_parameters == 1000
    assert worst < 1e-5


# ---------------------------------------------------------------------- the checker finds what is wrong


class WrongTanh(Tanh):
    """tanh with a derivative that is a tenth too large."""

    def derivative(self, Z, A, out):
        return np.multiply(super().derivative(Z, A, out), 1.1, out=out)


class WrongLogLoss(LogLoss):
    """The log loss with the gradient of another label smoothing."""

    def gradient(self, Z, A, Y, link, out):
        return LogLoss(0.05).gradient(Z, A, Y, link, out)


class NaNTanh(Tanh):
    """tanh with a derivative that is no number."""

    def derivative(self, Z, A, out):
        out.fill(np.nan)
        return out


def test_a_wrong_derivative_is_found_in_the_first_layer():
    worst = check_gradients(TwoLayerClassifier(4, activation=WrongTanh(), random_state=0), X_TABLE, Y_TABLES["binary"])
    assert worst > 0.05
    assert worst.parameter.startswith(("W1[", "b1["))
    assert worst.backprop == pytest.approx(1.1 * worst.difference, rel=0.2)


def test_a_wrong_loss_is_found():
    assert (
        check_gradients(TwoLayerClassifier(4, loss=WrongLogLoss(), random_state=0), X_TABLE, Y_TABLES["binary"]) > 0.01
    )


def test_a_gradient_that_is_no_number_is_the_worst_of_all():
    worst = check_gradients(TwoLayerClassifier(4, activation=NaNTanh(), random_state=0), X_TABLE, Y_TABLES["binary"])
    assert not worst < 1e9
    assert worst.parameter.startswith(("W1[", "b1["))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_a_unit_exactly_at_its_kink_is_no_error(activation):
    # Biases start at zero, so a row of zeros has Z1 = 0, where relu has one slope to the left and one to the right.
    X = np.vstack([np.zeros(N_FEATURES), X_TABLE])
    y = np.append("yes", Y_TABLES["binary"])
    assert check_gradients(TwoLayerClassifier(4, activation=activation, random_state=0), X, y) < 1e-4


@pytest.mark.parametrize("k", [0, 4, 5, 9, 11, 12, 15, 17])
def test_the_parameter_that_is_wrong_is_named(k, monkeypatch):
    # theta of a 2-3-3... network: [W1 (2, 3) | W2 (3, 2) | b1 (3) | b2 (2)] has these names, one for each entry
    names = [f"W1[{i}, {j}]" for i in range(2) for j in range(3)] + [
        f"W2[{i}, {j}]" for i in range(3) for j in range(2)
    ]
    names += [f"b1[{j}]" for j in range(3)] + [f"b2[{j}]" for j in range(2)]

    right = Problem.gradient

    def wrong_in_one_place(problem):
        g = right(problem)
        if k < g.size:
            g[k] += 10.0
        return g

    monkeypatch.setattr(Problem, "gradient", wrong_in_one_place)
    net = Network([2, 3, 2], activation="tanh", random_state=0)
    worst = check_gradients(net, np.random.RandomState(0).randn(5, 2), np.eye(2)[[0, 1, 1, 0, 1]])
    if k < len(names):
        assert worst.parameter == names[k]
        assert worst.backprop - worst.difference == pytest.approx(10.0, rel=1e-6)
    else:
        assert worst < 1e-6


@pytest.mark.parametrize(
    ("X", "y", "w"),
    [
        (X_TABLE, Y_TABLES["binary"][:-1], None),
        (X_TABLE, np.full(12, "no"), None),
        (X_TABLE, Y_TABLES["binary"], -np.ones(12)),
        (np.full((12, 3), np.nan), Y_TABLES["binary"], None),
    ],
)
def test_data_that_cannot_be_used_raise(X, y, w):
    with pytest.raises(ValueError, match=r"inconsistent|one class|[Nn]egative|NaN"):
        check_gradients(TwoLayerClassifier(4), X, y, w)


def test_parameters_that_cannot_be_used_raise():
    with pytest.raises(ValueError, match="hidden_units"):
        check_gradients(TwoLayerClassifier(0), X_TABLE, Y_TABLES["binary"])
