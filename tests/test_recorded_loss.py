"""The recorded objective is that of the mini-batches before their updates: penalty, clipping, losses to all digits."""

import math
import warnings
from decimal import Decimal, localcontext
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS, Relu
from skbackprop.arrays import Parameters
from skbackprop.losses import LogLoss, SigmoidLink, SoftmaxLink
from skbackprop.solvers import LBFGS, SGD, Adam, AdamW, RMSprop


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(kind=TwoLayerClassifier, **params):
    settings = {"early_stopping": False, "n_iter_no_change": None, "max_iter": 3, "random_state": 1}
    settings |= {"solver": "sgd", "learning_rate": 0.1, "alpha": 0.1, "batch_size": 32, "shuffle": False}
    return kind(**(settings | params))


def by_hand(net, X, Y, w, *, alpha, batch_size, learning_rate, n_epochs):
    """Train by plain gradient descent; return the mean loss and penalty of each epoch, weighted by rows."""
    n, losses, penalties = len(X), [], []
    w = np.ones(n) if w is None else w / w.mean()
    for _ in range(n_epochs):
        loss = penalty = 0.0
        for start in range(0, n, batch_size):
            rows = slice(start, start + batch_size)
            m, share = (
                len(X[rows]),
                w[rows].mean(),
            )  # the loss of a batch is a mean over its rows, weights relative to w̄
            cache = net.forward(X[rows])
            at_these = 0.5 * alpha * sum(float((W**2).sum()) for W in net.W)
            loss += m / n * share * net.loss(cache, Y[rows], w[rows])
            penalty += m / n * at_these
            grads = net.backward(cache, Y[rows], w[rows])
            gradient = share * grads.theta
            n_weights = sum(W.size for W in net.W)
            gradient[:n_weights] += alpha * net.theta[:n_weights]
            net.theta[...] -= learning_rate * gradient
        losses.append(loss)
        penalties.append(penalty)
    return np.array(losses), np.array(penalties)


# ---------------------------------------------------------------- the loss curve and the penalty


@pytest.mark.parametrize("alpha", [0.1, 0.01, 0.0])
@pytest.mark.parametrize("batch_size", [32, 7, 200, "full"])
def test_the_loss_curve_is_the_mean_objective_of_the_mini_batches(batch_size, alpha):
    X, y = breast_cancer()
    clf = make(hidden_units=16, alpha=alpha, batch_size=batch_size).fit(X, y)
    net = Network([30, 16, 1], random_state=1)
    size = len(X) if batch_size == "full" else batch_size
    options = {"alpha": alpha, "batch_size": size, "learning_rate": 0.1, "n_epochs": 3}
    losses, penalties = by_hand(net, X, y[:, np.newaxis].astype(float), None, **options)
    assert clf.loss_curve_[0] == pytest.approx(losses[0] + penalties[0], rel=1e-12)
    np.testing.assert_allclose(clf.loss_curve_, losses + penalties, rtol=1e-11)
    np.testing.assert_allclose(clf.coefs_[0], net.W[0], rtol=1e-9, atol=1e-12)


def test_the_loss_curve_is_that_of_the_mini_batches_in_the_order_that_was_drawn():
    X, y = breast_cancer()
    clf = make(hidden_units=16, shuffle=True, max_iter=1).fit(X, y)
    rng = np.random.RandomState(1)
    net = Network([30, 16, 1], random_state=rng)
    order = rng.permutation(len(X))  # drawn after the weights
    options = {"alpha": 0.1, "batch_size": 32, "learning_rate": 0.1, "n_epochs": 1}
    losses, penalties = by_hand(net, X[order], y[order, np.newaxis].astype(float), None, **options)
    assert clf.loss_curve_[0] == pytest.approx(losses[0] + penalties[0], rel=1e-12)
    np.testing.assert_allclose(clf.coefs_[0], net.W[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sizes", [(), (16,), (8, 5)], ids=str)
def test_the_penalty_is_recorded_beside_the_loss(sizes, weighted):
    X, y = iris()
    w = np.random.RandomState(0).uniform(0.5, 2, len(y)) if weighted else None
    clf = make(BackpropClassifier, hidden_layer_sizes=sizes).fit(X, y, w)
    net = Network([4, *sizes, 3], random_state=1)
    options = {"alpha": 0.1, "batch_size": 32, "learning_rate": 0.1, "n_epochs": 3}
    losses, penalties = by_hand(net, X, np.eye(3)[y], w, **options)
    np.testing.assert_allclose(clf.loss_curve_, losses + penalties, rtol=1e-11)
    np.testing.assert_allclose(clf.history_["penalty"], penalties, rtol=1e-11)
    np.testing.assert_allclose(np.subtract(clf.history_["loss"], clf.history_["penalty"]), losses, rtol=1e-9)


def test_without_a_penalty_it_is_recorded_as_zero():
    X, y = iris()
    clf = make(alpha=0.0).fit(X, y)
    assert clf.history_["penalty"] == [0.0] * 3


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_the_validation_loss_has_no_penalty(early_stopping):
    X, y = breast_cancer()
    settings = {"early_stopping": early_stopping, "alpha": 10.0, "learning_rate": 1e-9, "max_iter": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf = make(**settings, n_iter_no_change=1).fit(X, y)
    assert clf.history_["validation_loss"][0] < 1.0 < clf.history_["penalty"][0]


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_a_full_batch_records_the_objective_before_its_update(solver):
    X, y = breast_cancer()
    clf = make(solver=solver, hidden_units=5, learning_rate=0.01, batch_size="full", max_iter=4, alpha=0.2).fit(X, y)
    net = Network([30, 5, 1], random_state=1)
    assert clf.loss_curve_[0] == pytest.approx(net.objective(X, y, alpha=0.2)[0], rel=1e-12)
    penalty = 0.1 * sum(float((W**2).sum()) for W in net.W)
    assert clf.history_["penalty"][0] == pytest.approx(penalty, rel=1e-12)


# ---------------------------------------------------------------- a line search that finds nothing to do


@pytest.mark.filterwarnings("ignore:The fitted network is useless")
@pytest.mark.parametrize("weighted", [False, True])
def test_a_line_search_without_an_iteration_reports_the_loss_of_all_rows(weighted):
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((3000, 6)), rng.randint(0, 2, 3000)
    w = rng.uniform(0.1, 3, 3000) if weighted else None
    clf = make(solver=LBFGS(gtol=1e10), batch_size="full", hidden_units=8, alpha=0.1).fit(X, y, w)
    net = Network([6, 8, 1], random_state=1)
    assert clf.n_iter_ == 0
    assert clf.loss_curve_ == []
    assert clf.loss_ == pytest.approx(net.objective(X, y, w, alpha=0.1)[0], rel=1e-12)
    np.testing.assert_array_equal(clf.coefs_[0], net.W[0])


# ---------------------------------------------------------------- the gradient's norm is bounded whatever its size


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e20), (np.float32, 1e37), (np.float64, 1e160)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("max_grad_norm", [1.0, 0.01, 100.0])
def test_a_huge_gradient_is_shortened_to_the_bound(max_grad_norm, sign, dtype, size):
    parameters, gradients = Parameters([3, 4, 2], dtype), Parameters([3, 4, 2], dtype)
    direction = np.random.RandomState(0).uniform(0.1, 1.0, parameters.theta.size)
    gradients.theta[...] = sign * size * direction
    solver = SGD(max_grad_norm=max_grad_norm)
    step = solver.stepper(parameters, gradients, solver.init_state(parameters.theta))
    step(0.5)
    moved = parameters.theta.astype(np.float64)
    assert np.linalg.norm(moved) == pytest.approx(0.5 * max_grad_norm, rel=1e-5)
    np.testing.assert_allclose(moved / np.linalg.norm(moved), -sign * direction / np.linalg.norm(direction), rtol=1e-4)


@pytest.mark.parametrize("solver", [Adam, AdamW, RMSprop, SGD], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e20), (np.float64, 1e160)])
def test_every_solver_takes_the_step_of_the_shortened_gradient(solver, dtype, size):
    direction = np.random.RandomState(0).uniform(-1.0, 1.0, 20)
    moved = []
    for scale in (size, 1.0):
        parameters, gradients = Parameters([4, 3, 1], dtype), Parameters([4, 3, 1], dtype)
        direction = direction[: parameters.theta.size]
        bounded = solver(max_grad_norm=0.1)
        step = bounded.stepper(parameters, gradients, bounded.init_state(parameters.theta))
        for _ in range(2):
            gradients.theta[...] = scale * direction
            step(0.5)
        moved.append(parameters.theta)
    assert np.isfinite(moved[0]).all()
    np.testing.assert_allclose(moved[0], moved[1], rtol=1e-3)


def test_a_short_gradient_is_left_as_it_is():
    for dtype in (np.float32, np.float64):
        parameters, gradients = Parameters([3, 4, 2], dtype), Parameters([3, 4, 2], dtype)
        gradients.theta[...] = 0.1
        solver = SGD(max_grad_norm=1.0)
        solver.stepper(parameters, gradients, {})(0.5)
        np.testing.assert_allclose(parameters.theta, -0.05, rtol=1e-6)
        tiny = Parameters([3, 4, 2], dtype)
        solver.stepper(parameters, tiny, {})(0.5)  # a gradient of zero has no direction
        np.testing.assert_allclose(parameters.theta, -0.05, rtol=1e-6)


# ---------------------------------------------------------------- logarithms of probabilities close to one


def exact_log_probabilities(z):
    """Return log softmax of a list of numbers, worked out with four hundred digits."""
    with localcontext() as context:
        context.prec = 400
        exact = [Decimal(float(number)) for number in z]
        log_sum = sum(number.exp() for number in exact).ln()
        return [float(number - log_sum) for number in exact]


ROWS = {
    "sure": [40.0, 0.0, 0.0],
    "sure of the last": [0.0, 0.0, 40.0],
    "as sure as it gets": [100.0, 0.0, -3.0],
    "two tie": [40.0, 40.0, 0.0],
    "all tie": [3.0, 3.0, 3.0],
    "all tie at zero": [0.0, 0.0, 0.0],
    "nearly a tie": [1.0, 1.0 + 1e-9, -50.0],
    "plain": [0.3, -1.2, 2.0],
    "far below zero": [-700.0, -745.0, -800.0],
    "two classes": [20.0, -20.0],
    "many": [37.0] + [0.5] * 60,
}


@pytest.mark.parametrize("z", ROWS.values(), ids=ROWS)
def test_log_probabilities_are_exact_where_the_probability_is_close_to_one(z):
    ours = SoftmaxLink().log_probabilities(np.array([z]))[0]
    np.testing.assert_allclose(ours, exact_log_probabilities(z), rtol=1e-12, atol=0)


def test_the_known_number():
    log_A = SoftmaxLink().log_probabilities(np.array([[40.0, 0.0, 0.0]]))
    assert math.log1p(2 * math.exp(-40.0)) == pytest.approx(8.496708e-18, rel=1e-6, abs=0)
    assert log_A[0, 0] == pytest.approx(-8.496708e-18, rel=1e-6, abs=0)


@pytest.mark.parametrize("z", ROWS.values(), ids=ROWS)
def test_the_log_loss_is_exact_where_the_probability_is_close_to_one(z):
    exact = exact_log_probabilities(z)
    Z, Y = np.repeat([z], len(z), axis=0), np.eye(len(z))
    np.testing.assert_allclose(LogLoss().value(Z, Y, SoftmaxLink()), np.negative(exact), rtol=1e-12, atol=0)


@pytest.mark.parametrize("m", [1, 3, 50])
def test_rows_do_not_disturb_each_other(m):
    rng = np.random.RandomState(m)
    for n_classes in (2, 3, 40):
        Z = rng.standard_normal((m, n_classes)) * rng.choice([1.0, 10.0, 40.0], (m, 1))
        exact = [exact_log_probabilities(z) for z in Z]
        np.testing.assert_allclose(SoftmaxLink().log_probabilities(Z), exact, rtol=1e-11, atol=0)
        y = rng.randint(0, n_classes, m)
        losses = LogLoss().value(Z, np.eye(n_classes)[y], SoftmaxLink())
        np.testing.assert_allclose(losses, [-row[k] for row, k in zip(exact, y, strict=True)], rtol=1e-11, atol=0)


def test_smoothed_targets_are_exact_too():
    z, s = [40.0, 0.0, 0.0], 0.3
    exact = exact_log_probabilities(z)
    target = np.array([1 - s + s / 3, s / 3, s / 3])
    loss = LogLoss(label_smoothing=s).value(np.array([z]), np.eye(3)[:1], SoftmaxLink())
    assert loss[0] == pytest.approx(-float(target @ exact), rel=1e-14)


def test_single_precision_is_as_exact_as_it_can_be():
    Z = np.array([[40, 0, 0], [15, 15, 0], [10, 0, 0]], np.float32)
    exact = [exact_log_probabilities(z) for z in Z]
    ours = SoftmaxLink().log_probabilities(Z)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, exact, rtol=1e-6, atol=0)
    np.testing.assert_allclose(
        LogLoss().value(Z, np.eye(3, dtype=np.float32), SoftmaxLink())[0], -exact[0][0], rtol=1e-6
    )


@pytest.mark.parametrize("z", [40.0, -40.0, 0.0, 3.0, -700.0])
def test_the_sigmoid_is_exact_on_both_sides(z):
    exact = exact_log_probabilities([0.0, z])
    log_a = SigmoidLink().log_probabilities(np.array([[z], [-z]]))[:, 0]
    np.testing.assert_allclose(log_a, exact[::-1], rtol=1e-14)
    losses = LogLoss().value(np.array([[z], [z]]), np.array([[1.0], [0.0]]), SigmoidLink())
    np.testing.assert_allclose(losses, np.negative(exact[::-1]), rtol=1e-13)


def test_predicted_logarithms_are_exact_where_the_model_is_sure():
    X, y = iris()
    clf = make(max_iter=20).fit(X, y)
    clf.coefs_ = [clf.coefs_[0], 60.0 * clf.coefs_[1]]
    Z = clf.decision_function(X)
    exact = [exact_log_probabilities(z) for z in Z]
    assert np.max(exact) > -1e-17
    np.testing.assert_allclose(clf.predict_log_proba(X), exact, rtol=1e-11, atol=0)


# ---------------------------------------------------------------- numbers without dimensions


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("z", [-1.5, 0.0, 2.0])
def test_an_activation_of_a_single_number(name, z):
    phi, Z = ACTIVATIONS[name](), np.array(z)
    A = phi.value(Z, np.empty(()))
    slope = phi.derivative(Z, np.asarray(A), np.empty(()))
    row = np.array([z])
    A_row = phi.value(row, np.empty(1))
    np.testing.assert_array_equal(A, A_row[0])
    np.testing.assert_array_equal(slope, phi.derivative(row, A_row, np.empty(1))[0])


def test_relu_of_a_single_number():
    assert Relu().value(np.array(2.0), np.empty(())) == 2.0
    assert Relu().value(np.array(-2.0), np.empty(())) == 0.0
