"""The network: one step worked by hand, its parts, and what must come out the same in two ways."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import LogisticRegression

from skbackprop import BackpropClassifier, Network
from skbackprop._core.kernels import LARGE, SHORT, adder, product_into, row_adder
from skbackprop.activations import ACTIVATIONS
from skbackprop.arrays import Parameters
from skbackprop.losses import LOSSES, LogLoss
from skbackprop.network import resolve_activations, resolve_link
from skbackprop.solvers import LBFGS, SGD

# ---------------------------------------------------------------------- one step by hand

L = math.log(3)  # chosen so that the probabilities come out as 1/2 and 3/4


@pytest.fixture
def hand():
    """A 2-2-1 network whose numbers can be worked out on paper."""
    net = Network([2, 2, 1], activation="relu", loss="log_loss", random_state=0)
    net.W[0][...] = [[0.5, -1.0], [0.25, 0.75]]
    net.b[0][...] = [0.5, -0.25]
    net.W[1][...] = [[2 * L], [-2 * L]]
    net.b[1][...] = [-2.5 * L]
    return net


X_HAND = np.array([[1.0, 2.0], [3.0, -1.0]])
Y_HAND = np.array([[1.0], [0.0]])


def close(actual, desired):
    np.testing.assert_allclose(actual, desired, rtol=1e-14, atol=1e-15)


def test_forward_by_hand(hand):
    cache = hand.forward(X_HAND)
    # Z1 = X W1 + b1: row 1: 0.5 + 2 · 0.25 + 0.5 = 1.5 and -1 + 2 · 0.75 - 0.25 = 0.25
    #                 row 2: 1.5 - 0.25 + 0.5 = 1.75 and -3 - 0.75 - 0.25 = -4
    close(cache.Z[0], [[1.5, 0.25], [1.75, -4.0]])
    close(cache.A[1], [[1.5, 0.25], [1.75, 0.0]])
    # Z2: row 1: 1.5 · 2L - 0.25 · 2L - 2.5L = 0; row 2: 1.75 · 2L - 2.5L = L
    close(cache.Z[1], [[0.0], [L]])
    close(cache.A[2], [[1 / 2], [3 / 4]])  # 1 / (1 + exp(-log 3)) = 3 / 4
    assert cache.A[0] is X_HAND
    assert len(cache.Z) == 2
    assert len(cache.A) == 3


def test_loss_and_backward_by_hand(hand):
    cache = hand.forward(X_HAND)
    # ℓ = (-log 1/2, -log(1 - 3/4)) = (log 2, 2 log 2)
    assert hand.loss(cache, Y_HAND) == pytest.approx(1.5 * math.log(2), rel=1e-15)
    grads = hand.backward(cache, Y_HAND)
    # dZ2 = (A2 - Y) / 2
    close(cache.dZ[1], [[-1 / 4], [3 / 8]])
    # dW2 = A1ᵀ dZ2 = (1.5 · -1/4 + 1.75 · 3/8, 0.25 · -1/4 + 0)
    close(grads.W[1], [[0.28125], [-0.0625]])
    close(grads.b[1], [1 / 8])
    # dA1 = dZ2 W2ᵀ = (-L/2, L/2), (3L/4, -3L/4); the last unit of row 2 is off: φ'(-4) = 0
    close(cache.dZ[0], [[-L / 2, L / 2], [3 * L / 4, 0.0]])
    # dW1 = Xᵀ dZ1 = (-L/2 + 3 · 3L/4, L/2), (2 · -L/2 - 3L/4, 2 · L/2)
    close(grads.W[0], [[1.75 * L, 0.5 * L], [-1.75 * L, L]])
    close(grads.b[0], [L / 4, L / 2])


def test_update_by_hand(hand):
    hand.update(hand.backward(hand.forward(X_HAND), Y_HAND), learning_rate=0.5)
    close(hand.W[0], [[0.5 - 0.875 * L, -1 - 0.25 * L], [0.25 + 0.875 * L, 0.75 - 0.5 * L]])
    close(hand.b[0], [0.5 - L / 8, -0.25 - L / 4])
    close(hand.W[1], [[2 * L - 0.140625], [-2 * L + 0.03125]])
    close(hand.b[1], [-2.5 * L - 1 / 16])


def test_weights_and_penalty_by_hand(hand):
    # w = (3, 1), so c = (3/4, 1/4); ‖W1‖² = 1/4 + 1 + 1/16 + 9/16 = 15/8, ‖W2‖² = 8 L²; biases are not penalised
    w, alpha = [3.0, 1.0], 0.2
    value, grads = hand.objective(X_HAND, Y_HAND, w, alpha)
    data = 3 / 4 * math.log(2) + 1 / 4 * math.log(4)
    assert hand.loss(hand.forward(X_HAND), Y_HAND, w) == pytest.approx(data, rel=1e-15)
    assert value == pytest.approx(data + 0.1 * (15 / 8 + 8 * L**2), rel=1e-15)
    assert hand.loss(hand.forward(X_HAND), Y_HAND, w, alpha) == value
    # dZ2 = (3/4 · -1/2, 1/4 · 3/4) = (-3/8, 3/16)
    close(grads.W[1], [[1.5 * -3 / 8 + 1.75 * 3 / 16 + 0.4 * L], [0.25 * -3 / 8 - 0.4 * L]])
    close(grads.b[1], [-3 / 16])
    # dZ1 = (-3L/4, 3L/4), (3L/8, 0)
    close(grads.b[0], [-3 * L / 8, 3 * L / 4])
    close(
        grads.W[0],
        [[-0.75 * L + 3 * 0.375 * L + 0.1, 0.75 * L - 0.2], [-1.5 * L - 0.375 * L + 0.05, 1.5 * L + 0.15]],
    )


def test_fit_does_the_same_step(hand):
    clf = BackpropClassifier(
        (2,),
        solver="sgd",
        learning_rate=0.5,
        alpha=0.0,
        weight_init=lambda rng, fan_in, fan_out: hand.W[0 if fan_in == fan_out else 1].copy(),
        max_iter=1,
        n_iter_no_change=None,
        early_stopping=False,
    )
    hand.b[0][...] = hand.b[1][...] = 0  # where every fit starts
    loss = hand.loss(hand.forward(X_HAND), Y_HAND)
    clf.fit(X_HAND, Y_HAND[:, 0])
    hand.update(hand.backward(hand.forward(X_HAND), Y_HAND), 0.5)
    assert clf.loss_curve_ == [pytest.approx(loss, rel=1e-14)]
    for ours, theirs in zip(clf.coefs_ + clf.intercepts_, hand.W + hand.b, strict=True):
        close(ours, theirs)


# ---------------------------------------------------------------------- against the formulas, written out in loops


def in_loops(net, phi, X, Y, w, alpha, loss, link):
    """Return J, row by row and unit by unit."""
    total = 0.0
    for x, y, w_i in zip(X, Y, w, strict=True):
        a = list(x)
        for l, (W, b) in enumerate(zip(net.W, net.b, strict=True)):
            z = [sum(a[j] * W[j, k] for j in range(len(a))) + b[k] for k in range(len(b))]
            a = [phi(z_k) for z_k in z] if l < len(net.W) - 1 else z
        if link == "sigmoid":
            p = [1 / (1 + math.exp(-z_k)) for z_k in z]
            log_loss = -sum(y_k * math.log(p_k) + (1 - y_k) * math.log(1 - p_k) for y_k, p_k in zip(y, p, strict=True))
        else:
            p = [math.exp(z_k) / sum(map(math.exp, z)) for z_k in z]
            log_loss = -sum(y_k * math.log(p_k) for y_k, p_k in zip(y, p, strict=True))
        squared = 0.5 * sum((p_k - y_k) ** 2 for p_k, y_k in zip(p, y, strict=True))
        total += w_i * (log_loss if loss == "log_loss" else squared)
    return total / sum(w) + alpha / 2 * sum(float(W_jk) ** 2 for W in net.W for W_jk in W.ravel())


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize(("link", "n_outputs"), [("sigmoid", 1), ("softmax", 3), ("sigmoid", 3)])
@pytest.mark.parametrize("hidden", [[], [4], [4, 2], [3, 3, 3]])
@pytest.mark.parametrize(("name", "phi"), [("relu", lambda z: max(z, 0.0)), ("tanh", math.tanh)])
def test_the_objective_is_its_formula(loss, link, n_outputs, hidden, name, phi):
    rng = np.random.RandomState(3)
    net = Network([3, *hidden, n_outputs], activation=name, loss=loss, link=link, random_state=1)
    net.theta += 0.1 * rng.randn(net.theta.size)
    X, Y, w = rng.randn(5, 3), np.eye(max(n_outputs, 2))[rng.randint(0, 2, 5), :n_outputs], [1.0, 0.0, 2.5, 0.3, 1.0]
    assert net.objective(X, Y, w, 0.3)[0] == pytest.approx(in_loops(net, phi, X, Y, w, 0.3, loss, link), rel=1e-13)
    ones = [1.0] * 5
    assert net.objective(X, Y)[0] == pytest.approx(in_loops(net, phi, X, Y, ones, 0, loss, link), rel=1e-13)


# ---------------------------------------------------------------------- the parameters


def test_theta_is_all_weights_and_then_all_biases():
    net = Network([2, 3, 4, 1], random_state=0)
    assert [W.shape for W in net.W] == [(2, 3), (3, 4), (4, 1)]
    assert [b.shape for b in net.b] == [(3,), (4,), (1,)]
    net.theta[...] = np.arange(net.theta.size)
    flat = np.concatenate([array.ravel() for array in net.W + net.b])
    np.testing.assert_array_equal(flat, np.arange(6 + 12 + 4 + 3 + 4 + 1))


def test_w_and_b_are_views_that_can_be_assigned():
    net = Network([2, 3, 1], random_state=0)
    for array in net.W + net.b:
        array[...] = 7.0
    np.testing.assert_array_equal(net.theta, 7.0)
    parameters = Parameters([2, 3, 1])
    parameters.W[0], parameters.W[1] = np.ones((2, 3)), np.full((3, 1), 2.0)
    np.testing.assert_array_equal(parameters.weights, [1.0] * 6 + [2.0] * 3)
    np.testing.assert_array_equal(parameters.theta, [1.0] * 6 + [2.0] * 3 + [0.0] * 4)


def test_a_network_of_another_dtype_can_be_given_the_same_parameters():
    net, single = (Network([2, 3, 1], random_state=seed, dtype=dtype) for seed, dtype in ((0, "f8"), (1, "f4")))
    theta, before = single.theta, net.theta.copy()
    single.theta = net.theta
    assert single.theta is theta
    np.testing.assert_array_equal(theta, net.theta.astype(np.float32))
    single.theta[...] = 1.0
    np.testing.assert_array_equal(net.theta, before)
    np.testing.assert_array_equal(single.W[1], 1.0)
    assert single.dtype == single.forward(np.ones((2, 2))).A[-1].dtype == np.float32
    # backward goes through the network's own weights: with all ones, dZ1 = dZ2 for each active unit
    cache = single.forward(np.ones((2, 2)))
    single.backward(cache, [1, 0])
    np.testing.assert_array_equal(cache.dZ[0], np.repeat(cache.dZ[1], 3, axis=1))


def test_update_changes_theta_in_place_and_the_gradients_not_at_all():
    net = Network([2, 3, 1], random_state=0)
    theta, grads = net.theta, Parameters([2, 3, 1])
    grads.theta[...] = 2.0
    before = theta.copy()
    net.update(grads, 0.25)
    assert net.theta is theta
    np.testing.assert_array_equal(theta, before - 0.5)
    np.testing.assert_array_equal(grads.theta, 2.0)


# ---------------------------------------------------------------------- forward and backward, more than once


def test_looking_changes_nothing():
    net, rng = Network([3, 4, 2], random_state=0), np.random.RandomState(0)
    X, Y, w = rng.randn(6, 3), np.eye(2)[rng.randint(0, 2, 6)], rng.rand(6)
    kept = [array.copy() for array in (net.theta, X, Y, w)]
    for array in (X, Y, w):
        array.flags.writeable = False
    first = net.objective(X, Y, w, 0.1)
    second = net.objective(X, Y, w, 0.1)
    assert first[0] == second[0]
    np.testing.assert_array_equal(first[1].theta, second[1].theta)
    for array, before in zip((net.theta, X, Y, w), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_a_cache_can_be_used_again_whatever_came_between():
    net, rng = Network([3, 4, 2], random_state=0), np.random.RandomState(0)
    first, second = rng.randn(5, 3), rng.randn(5, 3)
    Y, Y_second = np.eye(2)[[0, 1, 1, 0, 1]], np.eye(2)[[1, 1, 0, 0, 0]]
    cache = net.forward(first)
    grads = net.backward(cache, Y)
    kept = [array.copy() for array in (*cache.A, *cache.Z, grads.theta)]
    net.objective(second, Y_second)
    other_grads = net.backward(cache, Y_second)
    assert not np.array_equal(other_grads.theta, kept[-1])
    for array, before in zip((*cache.A, *cache.Z, grads.theta), kept, strict=True):
        np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(net.backward(cache, Y).theta, kept[-1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_stays_in_the_networks_dtype(dtype):
    rng = np.random.RandomState(0)
    for name in sorted(ACTIVATIONS):
        for loss in sorted(LOSSES):
            net = Network([3, 4, 2], activation=name, loss=loss, random_state=0, dtype=dtype)
            cache = net.forward(rng.randn(5, 3))
            grads = net.backward(cache, np.eye(2)[[0, 1, 1, 0, 1]], np.arange(5), alpha=0.1)
            net.update(grads, 0.1)
            met = [net.theta, grads.theta, *cache.Z, *cache.A, *cache.dZ, *cache.slopes]
            assert {array.dtype for array in met} == {np.dtype(dtype)}


def test_float32_says_nearly_the_same_as_float64():
    rng = np.random.RandomState(0)
    X, Y = rng.randn(20, 3).astype(np.float32), np.eye(2)[rng.randint(0, 2, 20)]
    single, double = (Network([3, 4, 2], activation="tanh", random_state=0, dtype=dtype) for dtype in ("f4", "f8"))
    (J_single, single_grads), (J_double, double_grads) = single.objective(X, Y), double.objective(X, Y)
    assert J_single == pytest.approx(J_double, rel=1e-6)
    np.testing.assert_allclose(single_grads.theta, double_grads.theta, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.coo_matrix])
@pytest.mark.parametrize("hidden", [[], [4]])
def test_sparse_rows_give_what_dense_rows_give(make, hidden):
    rng = np.random.RandomState(0)
    X = rng.randn(20, 6) * (rng.rand(20, 6) < 0.3)
    X[3] = 0.0
    Y, w = np.eye(3)[rng.randint(0, 3, 20)], rng.rand(20)
    net = Network([6, *hidden, 3], activation="tanh", random_state=0)
    J, grads = net.objective(X, Y, w, 0.1)
    J_sparse, sparse_grads = net.objective(make(X), Y, w, 0.1)
    assert J_sparse == pytest.approx(J, rel=1e-14)
    np.testing.assert_allclose(sparse_grads.theta, grads.theta, atol=1e-15)


def test_lists_and_one_column_targets_are_taken():
    net = Network([2, 3, 1], random_state=0)
    X, y = [[1, 2], [3, 4], [5, 6]], [0, 1, 1]
    value, grads = net.objective(X, y)
    array_value, array_grads = net.objective(np.array(X, float), np.array(y, float)[:, np.newaxis])
    assert value == array_value
    np.testing.assert_array_equal(grads.theta, array_grads.theta)


def test_one_activation_for_all_layers_or_one_for_each():
    X = np.random.RandomState(0).randn(5, 2)
    same = Network([2, 3, 3, 1], activation="tanh", random_state=0).forward(X)
    listed = Network([2, 3, 3, 1], activation=["tanh", "tanh"], random_state=0).forward(X)
    mixed = Network([2, 3, 3, 1], activation=("tanh", "relu"), weight_init="lecun", random_state=0).forward(X)
    np.testing.assert_array_equal(same.A[-1], listed.A[-1])
    np.testing.assert_allclose(mixed.A[1], np.tanh(mixed.Z[0]))
    np.testing.assert_array_equal(mixed.A[2], np.maximum(mixed.Z[1], 0))


@pytest.mark.parametrize("method", ["forward", "predict", "predict_proba"])
@pytest.mark.parametrize("X", [np.empty((0, 2)), sp.csr_matrix((0, 2))], ids=["dense", "sparse"])
def test_an_empty_batch_raises(method, X):
    with pytest.raises(ValueError, match=r"X must hold at least one sample; got shape \(0, 2\)"):
        getattr(Network([2, 3, 1]), method)(X)


# ---------------------------------------------------------------------- dropout


def test_masks_hold_zero_or_the_inverse_of_what_is_kept():
    net, X = Network([2, 200, 100, 1], random_state=0), np.ones((50, 2))
    cache = net.forward(X, dropout=0.2, random_state=0)
    assert [mask.shape for mask in cache.masks] == [(50, 200), (50, 100)]
    for mask in cache.masks:
        assert set(np.unique(mask)) == {0.0, 1.25}
        # 10,000 and 5,000 draws: within 5 deviations of 0.2
        assert np.mean(mask == 0) == pytest.approx(0.2, abs=5 * 0.4 / mask.size**0.5)
    again, other = (net.forward(X, dropout=0.2, random_state=seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.masks[0], cache.masks[0])
    assert not np.array_equal(other.masks[0], cache.masks[0])


def test_without_dropout_there_are_no_masks_and_nothing_is_drawn():
    net, rng = Network([2, 3, 1], random_state=0), np.random.RandomState(0)
    cache = net.forward(np.ones((4, 2)), random_state=rng)
    assert cache.masks == ()
    assert rng.rand() == np.random.RandomState(0).rand()
    for A, same in zip(cache.A, net.forward(np.ones((4, 2))).A, strict=True):
        np.testing.assert_array_equal(A, same)


def test_masks_are_drawn_layer_by_layer_from_the_generator_given():
    net, given, rng = Network([2, 4, 3, 1], random_state=0, dtype=np.float32), *map(np.random.RandomState, (0, 0))
    for _ in range(2):  # the second time from where the first one ended
        for mask in net.forward(np.ones((5, 2)), dropout=0.5, random_state=given).masks:
            np.testing.assert_array_equal(mask, 2.0 * (rng.random_sample(mask.shape) < 0.5))
            assert mask.dtype == np.float32


def test_the_next_layer_sees_the_masked_units():
    net, X = Network([2, 4, 3, 1], activation="tanh", random_state=0), np.random.RandomState(0).randn(5, 2)
    cache = net.forward(X, dropout=0.5, random_state=1)
    close(cache.Z[0], X @ net.W[0] + net.b[0])
    close(cache.A[1], np.tanh(cache.Z[0]))
    close(cache.Z[1], (cache.A[1] * cache.masks[0]) @ net.W[1] + net.b[1])
    close(cache.Z[2], (np.tanh(cache.Z[1]) * cache.masks[1]) @ net.W[2] + net.b[2])


# ---------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize("sizes", [[], [3], [3, 0, 1], [0, 1], [3, -2]])
def test_invalid_layer_sizes_raise(sizes):
    with pytest.raises(ValueError, match="layer_sizes must be at least two numbers of units, each >= 1"):
        Network(sizes)


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128, bool])
def test_another_dtype_raises(dtype):
    with pytest.raises(ValueError, match="dtype must be float32 or float64"):
        Network([2, 1], dtype=dtype)


@pytest.mark.parametrize(
    "X", [np.ones((3, 3)), np.ones(2), np.ones((2, 2, 2)), np.float64(1), sp.csr_matrix(np.ones((3, 3)))]
)
def test_rows_of_another_shape_raise(X):
    with pytest.raises(ValueError, match=r"X must have shape \(n_samples, 2\)"):
        Network([2, 1]).forward(X)


@pytest.mark.parametrize("dropout", [1.0, -0.1, math.nan])
def test_invalid_dropout_raises(dropout):
    with pytest.raises(ValueError, match=r"dropout must be a number in \[0, 1\)"):
        Network([2, 3, 1]).forward(np.ones((3, 2)), dropout=dropout)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("shape", [(3, 2), (3, 1, 1), (), (3, 4)])
def test_targets_of_another_shape_raise(n_outputs, shape):
    net = Network([2, 5, n_outputs])
    cache = net.forward(np.ones((3, 2)))
    for method in (net.loss, net.backward):
        with pytest.raises(ValueError, match=rf"Y must have shape \(3, {n_outputs}\), a column for each output; got"):
            method(cache, np.zeros(shape))


def test_one_column_of_targets_for_more_outputs_raises():
    net = Network([2, 3])
    with pytest.raises(ValueError, match="Y must have shape"):
        net.loss(net.forward(np.ones((3, 2))), [0, 1, 2])


@pytest.mark.parametrize("n_rows", [1, 2, 4])
def test_targets_for_another_number_of_rows_raise(n_rows):
    net = Network([2, 1])
    cache = net.forward(np.ones((3, 2)))
    for method in (net.loss, net.backward):
        with pytest.raises(ValueError, match=rf"Y must have shape \(3, 1\), .*; got \({n_rows}, 1\)"):
            method(cache, np.zeros((n_rows, 1)))


@pytest.mark.parametrize(
    "w",
    [
        [1.0, -1.0, 1.0],
        [1.0, math.nan, 1.0],
        [1.0, math.inf, 1.0],
        [0.0, 0.0, 0.0],
        [1.0, 1.0],
        [[1.0, 1.0, 1.0]],
        1.0,
    ],
)
def test_invalid_sample_weights_raise(w):
    net = Network([2, 1])
    with pytest.raises(ValueError, match="sample_weight must be 3 non-negative numbers, not all zero"):
        net.objective(np.ones((3, 2)), [0, 1, 1], w)


def test_as_many_activations_as_hidden_layers_are_wanted():
    with pytest.raises(ValueError, match=r"a list with one for each of the 2 hidden layers; got a list of 1"):
        Network([2, 3, 3, 1], activation=["relu"])
    assert resolve_activations("relu", 0) == []


def test_names_that_are_not_known_raise():
    with pytest.raises(ValueError, match=r"activation='swish'.*known names are 'elu'"):
        Network([2, 3, 1], activation="swish")
    with pytest.raises(ValueError, match=r"loss='hinge'.*known names are 'log_loss'"):
        Network([2, 1], loss="hinge")
    with pytest.raises(ValueError, match=r"link='probit'.*known names are 'sigmoid'"):
        Network([2, 1], link="probit")


def test_the_link_follows_the_number_of_outputs():
    assert resolve_link("auto", 1) == resolve_link("sigmoid", 4)
    assert resolve_link("auto", 2) == resolve_link("auto", 7) == resolve_link("softmax", 3)
    assert resolve_link("auto", 1) != resolve_link("auto", 2)
    with pytest.raises(ValueError, match="link='softmax' needs two outputs or more"):
        Network([2, 1], link="softmax")


# ---------------------------------------------------------------------- the same in two ways


PLAIN = {"early_stopping": False, "n_iter_no_change": None, "random_state": 0, "learning_rate": 0.1, "alpha": 0.0}


def parameters_of(clf):
    return np.concatenate([array.ravel() for array in clf.coefs_ + clf.intercepts_])


def fit(X, y, sample_weight=None, hidden=(4,), **params):
    """Return all fitted parameters in one vector."""
    clf = BackpropClassifier(hidden, **{**PLAIN, "max_iter": 5, "activation": "tanh", **params})
    return parameters_of(clf.fit(X, y, sample_weight))


@pytest.fixture(scope="module")
def table():
    """A small binary table with weights."""
    X, y = make_classification(50, 5, random_state=0)
    return X, y, np.random.RandomState(0).rand(50)


@pytest.fixture(scope="module")
def three_classes():
    X, y = load_iris(return_X_y=True)
    return (X[::3] - X.mean(axis=0)) / X.std(axis=0), y[::3]


@pytest.mark.parametrize("solver", ["sgd", SGD(momentum=0.9), "rmsprop", "adam", "adamw", "lbfgs"])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_integer_weights_are_repeated_rows(table, solver, loss):
    X, y, _ = table
    w = np.arange(50) % 4
    params = {"solver": solver, "loss": loss, "batch_size": "full", "alpha": 0.1}
    repeated = fit(np.repeat(X, w, axis=0), np.repeat(y, w), **params)
    np.testing.assert_allclose(fit(X, y, w, **params), repeated, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_batch_of_n_rows_or_more_is_the_full_batch_to_the_bit(table, solver, dtype):
    X, y, w = table
    full = fit(X.astype(dtype), y, w, solver=solver, batch_size="full")
    for batch_size in (50, 51, 10**9):
        np.testing.assert_array_equal(fit(X.astype(dtype), y, w, solver=solver, batch_size=batch_size), full)
    np.testing.assert_array_equal(fit(X.astype(dtype), y, w, solver=solver, batch_size="full", shuffle=False), full)
    assert not np.array_equal(fit(X.astype(dtype), y, w, solver=solver, batch_size=49), full)


def test_fit_is_the_loop_that_a_network_can_be_led_through(table):
    X, y, w = table
    clf = BackpropClassifier(
        (4, 3), activation="tanh", solver="sgd", batch_size="full", max_iter=20, **{**PLAIN, "alpha": 0.01}
    ).fit(X, y, w)
    net, losses = Network([5, 4, 3, 1], activation="tanh", random_state=0), []
    for _ in range(20):
        J, grads = net.objective(X, y, w, alpha=0.01)
        losses.append(J)
        net.update(grads, 0.1)
    np.testing.assert_allclose(clf.loss_curve_, losses, rtol=1e-12)
    np.testing.assert_allclose(parameters_of(clf), net.theta, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("loss", ["log_loss", LogLoss(0.1)])
def test_one_sigmoid_is_a_softmax_of_two_whose_logits_differ_by_it(loss):
    rng = np.random.RandomState(0)
    X, y = rng.randn(9, 3), rng.randint(0, 2, 9)
    one = Network([3, 4, 1], activation="tanh", loss=loss, random_state=0)
    one.b[1][...] = 0.3
    two = Network([3, 4, 2], activation="tanh", loss=loss, random_state=0)
    two.W[0][...] = one.W[0]
    two.W[1][...] = np.hstack([-one.W[1] / 2, one.W[1] / 2])
    two.b[1][...] = -0.15, 0.15
    one_cache, two_cache = one.forward(X), two.forward(X)
    np.testing.assert_allclose(one_cache.Z[1][:, 0], two_cache.Z[1][:, 1] - two_cache.Z[1][:, 0], rtol=1e-12)
    np.testing.assert_allclose(one_cache.A[2][:, 0], two_cache.A[2][:, 1], rtol=1e-13)
    J_one, one_grads = one.objective(X, y)
    J_two, two_grads = two.objective(X, np.eye(2)[y])
    assert J_one == pytest.approx(J_two, rel=1e-13)
    np.testing.assert_allclose(one_grads.W[0], two_grads.W[0], rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(two_grads.W[1], np.hstack([-one_grads.W[1], one_grads.W[1]]), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("C", [0.1, 10.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_no_hidden_layer_is_logistic_regression(three_classes, C, weighted, n_classes):
    X, y = three_classes[0], np.minimum(three_classes[1], n_classes - 1)
    w = np.random.RandomState(1).rand(len(y)) + 0.1 if weighted else np.ones(len(y))
    ours = BackpropClassifier(
        (), solver=LBFGS(gtol=1e-10, ftol=0.0), max_iter=2000, **{**PLAIN, "alpha": 1 / (C * w.sum())}
    ).fit(X, y, w)
    theirs = LogisticRegression(C=C, tol=1e-12, solver="newton-cholesky", max_iter=1000).fit(X, y, w)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-7)
    np.testing.assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=1e-6 * C)
    if n_classes == 2:
        np.testing.assert_allclose(ours.intercepts_[0], theirs.intercept_, atol=1e-6 * C)


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1000, 0.5])
@pytest.mark.parametrize("batch_size", ["full", 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_times_a_power_of_two_give_the_same_bits(table, scale, batch_size, dtype):
    X, y, w = table
    params = {"batch_size": batch_size, "solver": "adam", "alpha": 0.1}
    np.testing.assert_array_equal(fit(X.astype(dtype), y, w * scale, **params), fit(X.astype(dtype), y, w, **params))


@pytest.mark.parametrize("scale", [1e-300, 1e-320, 0.1, 3.0, 1e300, 1e308])
@pytest.mark.parametrize("batch_size", ["full", 7])
def test_equal_weights_of_any_size_give_the_bits_of_ones(table, scale, batch_size):
    X, y, _ = table
    params = {"batch_size": batch_size, "solver": "adam", "alpha": 0.1}
    ones = fit(X, y, np.ones(50), **params)
    np.testing.assert_array_equal(fit(X, y, np.full(50, scale), **params), ones)
    np.testing.assert_array_equal(fit(X, y, **params), ones)


@pytest.mark.parametrize("scale", [1e-300, 1e-320, 0.1, 3.0, 1e300, 1e308])
def test_in_a_network_too_equal_weights_of_any_size_give_the_bits_of_ones(table, scale):
    X, y, _ = table
    net = Network([5, 4, 1], random_state=0)
    (J_ones, ones_grads), (J, grads) = net.objective(X, y, np.ones(50)), net.objective(X, y, np.full(50, scale))
    assert J == J_ones == net.objective(X, y)[0]
    np.testing.assert_array_equal(grads.theta, ones_grads.theta)


def test_a_row_of_weight_zero_is_not_there(table):
    X, y, w = table
    w = w * (np.arange(50) % 3 > 0)
    params = {"batch_size": "full", "solver": "adam", "alpha": 0.1, "max_iter": 10}
    np.testing.assert_allclose(fit(X, y, w, **params), fit(X[w > 0], y[w > 0], w[w > 0], **params), rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 5, 10, 25])
def test_the_gradients_of_the_batches_average_to_that_of_the_table(table, weighted, batch_size):
    # With so small a rate, the steps of an epoch all start from the same weights as far as the digits looked at go.
    X, y, w = table
    rate, params = 1e-7, {"solver": "sgd", "learning_rate": 1e-7, "shuffle": False, "max_iter": 1, "alpha": 0.1}
    w = w if weighted else None
    net = Network([5, 4, 1], activation="tanh", random_state=0)
    gradient = net.objective(X, y, w, alpha=0.1)[1].theta
    moved = net.theta - fit(X, y, w, batch_size=batch_size, **params)
    np.testing.assert_allclose(moved / (rate * 50 / batch_size), gradient, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 20, "full"])
def test_the_penalty_is_as_strong_in_a_batch_of_any_size(table, weighted, batch_size):
    # The weight of a feature that is zero throughout feels the penalty alone: each step takes the share η alpha of it.
    X, y, w = table
    X = np.column_stack([np.zeros(50), X])
    steps = 3 * (1 if batch_size == "full" else math.ceil(50 / batch_size))
    theta = fit(
        X,
        y,
        w if weighted else None,
        hidden=(),
        solver="sgd",
        learning_rate=0.1,
        alpha=0.5,
        max_iter=3,
        batch_size=batch_size,
    )
    start = Network([6, 1], random_state=0).theta[0]
    assert theta[0] == pytest.approx(start * (1 - 0.1 * 0.5) ** steps, rel=1e-12)


@pytest.mark.parametrize("batch_size", ["full", 7])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_sparse_tables_give_what_dense_tables_give(table, batch_size, solver):
    if solver == "lbfgs" and batch_size != "full":
        batch_size = "auto"
    X, y, w = table
    X = X * (np.abs(X) > 0.7)
    params = {"batch_size": batch_size, "solver": solver}
    np.testing.assert_allclose(fit(sp.csr_matrix(X), y, w, **params), fit(X, y, w, **params), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("batch_size", ["full", 7])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_order_in_memory_makes_no_difference_to_a_bit(table, batch_size, shuffle):
    X, y, w = table
    params = {"batch_size": batch_size, "solver": "adam", "shuffle": shuffle}
    expected = fit(X, y, w, **params)
    backwards = X[::-1].copy()[::-1]
    inner = np.zeros((50, 10))
    inner[:, ::2] = X
    for same in (np.asfortranarray(X), backwards, inner[:, ::2], np.ascontiguousarray(X[:, ::-1])[:, ::-1]):
        assert not same.flags.c_contiguous
        np.testing.assert_array_equal(fit(same, y, w, **params), expected)


@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adam", "adamw", "lbfgs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_float32_stays_float32_all_the_way(table, solver, weighted):
    X, y, w = table
    clf = BackpropClassifier((4,), activation="tanh", solver=solver, max_iter=5, **PLAIN)
    clf.fit(X.astype(np.float32), y, w if weighted else None)
    X = X.astype(np.float32)
    arrays = [*clf.coefs_, *clf.intercepts_, clf.predict_proba(X), clf.predict_log_proba(X), clf.decision_function(X)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    np.testing.assert_allclose(
        parameters_of(clf), fit(X.astype(float), y, w if weighted else None, solver=solver), atol=2e-3
    )


def test_a_table_of_more_rows_than_a_block_is_still_one_batch():
    # The full batch goes through the layers in blocks of rows; the gradient must be that of all of them at once.
    rng = np.random.RandomState(0)
    X, w = rng.randn(4500, 3), rng.rand(4500)
    y = (X[:, 0] > 0).astype(int)
    theta = fit(X, y, w, hidden=(2,), solver="sgd", batch_size="full", max_iter=2, alpha=0.01)
    net = Network([3, 2, 1], activation="tanh", random_state=0)
    for _ in range(2):
        net.update(net.objective(X, y, w, 0.01)[1], 0.1)
    np.testing.assert_allclose(theta, net.theta, rtol=1e-11)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_columns", [LARGE // 100 - 1, LARGE // 100])
def test_a_product_is_the_same_by_either_way(n_columns, sparse):
    rng = np.random.RandomState(0)
    A, B = rng.standard_normal((100, 7)), rng.standard_normal((7, n_columns))
    out = np.full((100, n_columns), np.nan)  # what stands there must not count
    product_into(out, sparse)(sp.csr_matrix(A) if sparse else A, B, out)
    assert_allclose(out, A @ B, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1, 7, SHORT, SHORT + 1, 3 * SHORT])
def test_a_multiple_is_added_in_place(size, dtype):
    rng = np.random.RandomState(0)
    x, y = rng.randn(2, size).astype(dtype)
    kept, expected = x.copy(), y + dtype(0.3) * x
    adder(x, y)(0.3)
    assert_allclose(y, expected, rtol=1e-6 if dtype is np.float32 else 1e-14, atol=1e-7)
    assert_array_equal(x, kept)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_columns", [1, 2, 16])
@pytest.mark.parametrize("n_rows", [1, 3, SHORT // 16, SHORT // 16 + 1, SHORT + 1])
def test_a_row_is_added_to_the_bits_of_numpy(n_rows, n_columns, dtype):
    rng = np.random.RandomState(0)
    b, Z = rng.randn(n_columns).astype(dtype), rng.randn(n_rows, n_columns).astype(dtype)
    Z[0], b[-1] = -np.inf, 0
    add_row = row_adder(b, Z)
    for _ in range(2):
        b[0] += 1  # it is b as it is at the time of the call that is added
        expected = Z + b
        add_row()
        assert_array_equal(Z, expected)
