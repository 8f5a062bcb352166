"""Network and Parameters do what a student's lines say, and copies of them own what they hold."""

import copy
import pickle
import re

import joblib
import numpy as np
import pytest

from skbackprop import Network, check_gradients
from skbackprop.activations import LeakyRelu
from skbackprop.arrays import Parameters
from skbackprop.solvers import SGD

SIZES = [4, 5, 3, 2]  # no two layers alike, so that a transposed or swapped array never fits
SHAPES_W = [(4, 5), (5, 3), (3, 2)]
SHAPES_B = [(5,), (3,), (2,)]


def network(seed=0, dtype=np.float64, sizes=SIZES):
    return Network(sizes, activation="tanh", random_state=seed, dtype=dtype)


def batch():
    rng = np.random.RandomState(7)
    return rng.standard_normal((6, 4)), np.eye(2)[rng.randint(0, 2, 6)]


def drawn(shapes, seed=1):
    rng = np.random.RandomState(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def flat(W, b):
    """Return [W1 … WL | b1 … bL] as one vector."""
    return np.concatenate([np.ravel(each) for each in [*W, *b]])


def holding(theta, dtype=np.float64, sizes=SIZES):
    """Return a network that holds theta, written in the one way that cannot be misunderstood."""
    net = network(seed=99, dtype=dtype, sizes=sizes)
    net.theta[...] = theta
    return net


def gradients_holding(theta, sizes=SIZES):
    grads = Parameters(sizes)
    grads.theta[...] = theta
    return grads


def work(net):
    """Return all that a network computes from its parameters, the update that comes of it included."""
    X, Y = batch()
    cache = net.forward(X)
    grads = net.backward(cache, Y)
    numbers = [net.theta.copy(), *map(np.copy, net.W), *map(np.copy, net.b)]
    numbers += [*map(np.copy, cache.Z), *map(np.copy, cache.A[1:])]
    numbers += [np.array(net.loss(cache, Y)), grads.theta.copy(), *map(np.copy, grads.W), *map(np.copy, grads.b)]
    J, dJ = net.objective(X, Y, alpha=0.3)
    numbers += [np.array(J), dJ.theta.copy(), np.array(float(check_gradients(net, X, Y)))]
    net.update(grads, 0.1)
    return [*numbers, net.theta.copy(), *map(np.copy, net.W), *map(np.copy, net.b)]


def assert_works_like(net, theta):
    """Everything that net computes is what a network that holds theta computes, to the bit."""
    for ours, theirs in zip(work(net), work(holding(theta, net.dtype)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def assert_one_memory(parameters):
    """W and b are views of theta, each at its own place."""
    theta = parameters.theta
    np.testing.assert_array_equal(flat(parameters.W, parameters.b), theta)
    before = theta.copy()
    theta[...] = np.arange(theta.size)
    try:
        np.testing.assert_array_equal(flat(parameters.W, parameters.b), theta)
        assert all(np.shares_memory(each, theta) for each in [*parameters.W, *parameters.b])
    finally:
        theta[...] = before


# ---------------------------------------------------------------- a network's own parameters


@pytest.mark.parametrize("l", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_weight_matrix_can_be_assigned(l, dtype):
    net, W = network(dtype=dtype), drawn(SHAPES_W)
    theta = flat([W[l] if k == l else net.W[k] for k in range(3)], net.b)
    net.W[l] = W[l]
    assert_one_memory(net)
    assert_works_like(net, theta)


@pytest.mark.parametrize("l", [0, 1, 2, -1])
def test_one_bias_can_be_assigned(l):
    net, b = network(), drawn(SHAPES_B)
    theta = flat(net.W, [b[l] if k == l % 3 else net.b[k] for k in range(3)])
    net.b[l] = b[l]
    assert_one_memory(net)
    assert_works_like(net, theta)


@pytest.mark.parametrize("as_given", [list, tuple, lambda arrays: [each.tolist() for each in arrays]])
def test_all_weights_and_all_biases_can_be_assigned(as_given):
    net, W, b = network(), drawn(SHAPES_W), drawn(SHAPES_B)
    net.W = as_given(W)
    net.b = as_given(b)
    assert_one_memory(net)
    assert_works_like(net, flat(W, b))


def test_theta_can_be_assigned():
    net, theta = network(), flat(drawn(SHAPES_W), drawn(SHAPES_B))
    net.theta = theta
    assert_one_memory(net)
    assert_works_like(net, theta)


def test_what_was_assigned_is_copied():
    net, theta, W, b = network(), flat(drawn(SHAPES_W), drawn(SHAPES_B)), drawn(SHAPES_W, 5), drawn(SHAPES_B, 6)
    expected = flat([W[0], *drawn(SHAPES_W)[1:]], [*drawn(SHAPES_B)[:2], b[2]])
    net.theta = theta
    net.W[0] = W[0]
    net.b[2] = b[2]
    for array in (theta, W[0], b[2]):
        array[...] = np.nan
    assert_works_like(net, expected)


def test_the_network_does_not_change_what_was_assigned():
    net, W, theta = network(), drawn(SHAPES_W), flat(drawn(SHAPES_W), drawn(SHAPES_B))
    kept = [each.copy() for each in W], theta.copy()
    X, Y = batch()
    net.theta = theta
    net.update(net.backward(net.forward(X), Y), 0.1)
    net.W = W
    net.update(net.backward(net.forward(X), Y), 0.1)
    np.testing.assert_array_equal(theta, kept[1])
    for ours, theirs in zip(W, kept[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_references_taken_before_an_assignment_go_on_showing_the_network():
    net, theta = network(), flat(drawn(SHAPES_W), drawn(SHAPES_B))
    seen, W1, b2, W = net.theta, net.W[0], net.b[1], net.W
    net.theta = theta
    np.testing.assert_array_equal(seen, theta)
    np.testing.assert_array_equal(W1, net.W[0])
    net.W[0] = np.ones((4, 5))
    net.b[1] = np.full(3, 2.0)
    assert (W1 == 1).all()
    assert (b2 == 2).all()
    assert (W[0] == 1).all()


@pytest.mark.parametrize("line", ["-=", "= … -", "theta -=", "theta = theta -", "view -="])
def test_a_step_of_descent_can_be_written_by_hand(line):
    net, by_update = network(), network()
    X, Y = batch()
    for _ in range(4):
        grads = net.backward(net.forward(X), Y)
        by_update.update(by_update.backward(by_update.forward(X), Y), 0.5)
        if line == "theta -=":
            net.theta -= 0.5 * grads.theta
        elif line == "theta = theta -":
            net.theta = net.theta - 0.5 * grads.theta
        for l in range(3) if "theta" not in line else []:
            if line == "-=":
                net.W[l] -= 0.5 * grads.W[l]
                net.b[l] -= 0.5 * grads.b[l]
            elif line == "view -=":
                W, b = net.W[l], net.b[l]
                W -= 0.5 * grads.W[l]
                b -= 0.5 * grads.b[l]
            else:
                net.W[l] = net.W[l] - 0.5 * grads.W[l]
                net.b[l] = net.b[l] - 0.5 * grads.b[l]
        assert_one_memory(net)
        np.testing.assert_array_equal(net.theta, by_update.theta)
    assert_works_like(net, by_update.theta)


def test_lists_of_new_weights_make_a_step_too():
    net, by_update = network(), network()
    X, Y = batch()
    for _ in range(3):
        grads = net.backward(net.forward(X), Y)
        by_update.update(by_update.backward(by_update.forward(X), Y), 0.5)
        net.W = [W - 0.5 * dW for W, dW in zip(net.W, grads.W, strict=True)]
        net.b = [b - 0.5 * db for b, db in zip(net.b, grads.b, strict=True)]
    np.testing.assert_array_equal(net.theta, by_update.theta)


def test_parts_of_a_weight_matrix_can_be_assigned():
    net = network()
    theta = net.theta.copy()
    net.W[1][2, 0] = 7.0
    net.W[0][:, 1] = 0.0
    net.b[0][3] = -1.0
    expected = holding(theta)
    expected.W[1][2, 0], expected.b[0][3] = 7.0, -1.0
    expected.W[0][:, 1] = 0.0
    assert_works_like(net, expected.theta)


def test_a_square_layer_can_be_transposed_and_layers_can_be_exchanged():
    net = network(sizes=[3, 3, 3])
    W1, W2 = (W.copy() for W in net.W)
    net.W[0] = net.W[0].T
    np.testing.assert_array_equal(net.W[0], W1.T)
    net.W = [net.W[1], net.W[0]]
    np.testing.assert_array_equal(net.W[0], W2)
    np.testing.assert_array_equal(net.W[1], W1.T)
    assert_one_memory(net)


def test_a_cache_of_earlier_weights_does_not_stop_new_ones():
    net, W = network(), drawn(SHAPES_W)
    X, Y = batch()
    cache = net.forward(X)
    net.backward(cache, Y)
    net.W = W
    again, fresh = net.forward(X), holding(net.theta.copy()).forward(X)
    np.testing.assert_array_equal(again.A[-1], fresh.A[-1])
    assert net.loss(again, Y) == holding(net.theta.copy()).loss(fresh, Y)


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("how", ["one matrix", "all of them", "theta", "in place", "one bias"])
def test_changed_gradients_are_what_update_takes(how):
    net, by_hand = network(), network()
    X, Y = batch()
    grads = net.backward(net.forward(X), Y)
    W, b, dW, db = net.W, net.b, [each.copy() for each in grads.W], [each.copy() for each in grads.b]
    if how == "one matrix":
        grads.W[0] = grads.W[0] + 0.1 * W[0]
        dW[0] = dW[0] + 0.1 * W[0]
    elif how == "all of them":
        grads.W = [each + 0.1 * other for each, other in zip(grads.W, W, strict=True)]
        dW = [each + 0.1 * other for each, other in zip(dW, W, strict=True)]
    elif how == "theta":
        grads.theta = 2.0 * grads.theta
        dW, db = [2.0 * each for each in dW], [2.0 * each for each in db]
    elif how == "in place":
        grads.W[1] += 0.1 * W[1]
        dW[1] += 0.1 * W[1]
    else:
        grads.b[2] = b[2] + 1.0
        db[2] = b[2] + 1.0
    assert_one_memory(grads)
    np.testing.assert_array_equal(grads.theta, flat(dW, db))
    net.update(grads, 0.5)
    by_hand.update(gradients_holding(flat(dW, db)), 0.5)
    assert_one_memory(net)
    np.testing.assert_array_equal(net.theta, by_hand.theta)


def test_a_penalty_added_by_hand_is_that_of_alpha():
    net, by_alpha = network(), network()
    X, Y = batch()
    for _ in range(3):
        grads = net.backward(net.forward(X), Y)
        for l in range(3):
            grads.W[l] = grads.W[l] + 0.3 * net.W[l]
        net.update(grads, 0.5)
        by_alpha.update(by_alpha.objective(X, Y, alpha=0.3)[1], 0.5)
    np.testing.assert_allclose(net.theta, by_alpha.theta, rtol=1e-12)


# ---------------------------------------------------------------- what does not fit

WRONG_W = {
    "transposed": np.ones((5, 4)),
    "a row that would be repeated": np.ones(5),
    "one more column": np.ones((4, 6)),
    "three dimensions": np.ones((1, 4, 5)),
    "empty": np.ones((0, 5)),
    "ragged": [[1.0, 2.0], [3.0]],
}


@pytest.mark.parametrize("kind", ["network", "gradients"])
@pytest.mark.parametrize("wrong", WRONG_W.values(), ids=WRONG_W)
def test_a_wrong_weight_matrix_raises_at_its_line_and_changes_nothing(kind, wrong):
    target = network() if kind == "network" else gradients_holding(network().theta)
    before = target.theta.copy()
    with pytest.raises(ValueError, match=re.escape("(4, 5)")):
        target.W[0] = wrong
    with pytest.raises(ValueError, match=re.escape("(4, 5)")):
        target.W = [wrong, *drawn(SHAPES_W)[1:]]
    np.testing.assert_array_equal(target.theta, before)
    assert_one_memory(target)


@pytest.mark.parametrize("kind", ["network", "gradients"])
@pytest.mark.parametrize("wrong", [np.ones(4), np.ones((1, 3)), np.ones((3, 1)), np.ones(1), []], ids=np.shape)
def test_a_wrong_bias_raises_at_its_line_and_changes_nothing(kind, wrong):
    target = network() if kind == "network" else gradients_holding(network().theta)
    before = target.theta.copy()
    with pytest.raises(ValueError, match=re.escape("(3,)")):
        target.b[1] = wrong
    with pytest.raises(ValueError, match=re.escape("(3,)")):
        target.b = [np.ones(5), wrong, np.ones(2)]
    np.testing.assert_array_equal(target.theta, before)
    assert_one_memory(target)


@pytest.mark.parametrize("kind", ["network", "gradients"])
@pytest.mark.parametrize("wrong", [50, 52, (51, 1), ()], ids=str)
def test_a_wrong_theta_raises_at_its_line_and_changes_nothing(kind, wrong):
    target = network() if kind == "network" else gradients_holding(network().theta)
    before = target.theta.copy()
    assert before.shape == (20 + 15 + 6 + 5 + 3 + 2,)
    with pytest.raises(ValueError, match=re.escape(str(before.shape))):
        target.theta = np.ones(wrong)
    np.testing.assert_array_equal(target.theta, before)
    assert_one_memory(target)


@pytest.mark.parametrize("kind", ["network", "gradients"])
def test_a_list_whose_last_matrix_is_wrong_changes_none(kind):
    target = network() if kind == "network" else gradients_holding(network().theta)
    before = target.theta.copy()
    W, b = drawn(SHAPES_W), drawn(SHAPES_B)
    with pytest.raises(ValueError, match=re.escape("(3, 2)")):
        target.W = [*W[:2], np.ones((2, 3))]
    with pytest.raises(ValueError, match=re.escape("(2,)")):
        target.b = [*b[:2], np.ones(3)]
    np.testing.assert_array_equal(target.theta, before)
    if kind == "network":
        assert_works_like(target, before)


@pytest.mark.parametrize("kind", ["network", "gradients"])
@pytest.mark.parametrize("n", [0, 2, 4])
def test_a_list_of_another_length_raises_and_changes_nothing(kind, n):
    target = network() if kind == "network" else gradients_holding(network().theta)
    before = target.theta.copy()
    with pytest.raises(ValueError, match="3"):
        target.W = (drawn(SHAPES_W) * 2)[:n]
    with pytest.raises(ValueError, match="3"):
        target.b = (drawn(SHAPES_B) * 2)[:n]
    np.testing.assert_array_equal(target.theta, before)
    assert_one_memory(target)


# ---------------------------------------------------------------- copies


def by_copy(what, tmp_path):
    return copy.copy(what)


def by_deepcopy(what, tmp_path):
    return copy.deepcopy(what)


def by_pickle(what, tmp_path):
    return pickle.loads(pickle.dumps(what))


def by_joblib(what, tmp_path):
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.joblib"  # a file that is mapped must not be written anew
    joblib.dump(what, path)
    return joblib.load(path)


def by_memory_map(what, tmp_path):
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.joblib"  # a file that is mapped must not be written anew
    joblib.dump(what, path)
    return joblib.load(path, mmap_mode="r")


EVERY_WAY = pytest.mark.parametrize("through", [by_copy, by_deepcopy, by_pickle, by_joblib, by_memory_map])


def make_deep():
    return Network(SIZES, activation=["relu", LeakyRelu(0.2)], loss="squared_error", random_state=3)


def make_float32():
    return network(dtype=np.float32)


@EVERY_WAY
@pytest.mark.parametrize("make", [network, make_deep, make_float32])
def test_a_copy_of_a_network_owns_its_theta(through, make, tmp_path):
    net = make()
    other = through(net, tmp_path)
    before = net.theta.copy()
    assert other.theta.dtype == net.theta.dtype
    np.testing.assert_array_equal(other.theta, before)
    assert not np.shares_memory(other.theta, net.theta)
    assert_one_memory(other)
    assert_one_memory(net)
    other.theta[...] = 1.0
    other.W[0] = np.zeros((4, 5))
    np.testing.assert_array_equal(net.theta, before)
    net.b[2] = np.full(2, 9.0)
    assert (other.b[2] == 1).all()


@EVERY_WAY
@pytest.mark.parametrize("make", [network, make_deep, make_float32])
def test_a_copy_of_a_network_trains_on_as_the_original(through, make, tmp_path):
    net, untouched = make(), make()
    X, Y = batch()
    for _ in range(3):
        for each in (net, untouched):
            each.update(each.backward(each.forward(X), Y), 0.5)
    other = through(net, tmp_path)
    for _ in range(3):
        for each in (net, untouched, other):
            each.update(each.backward(each.forward(X), Y), 0.5)
        np.testing.assert_array_equal(net.theta, untouched.theta)
        np.testing.assert_array_equal(other.theta, untouched.theta)
    for ours, theirs in zip(work(other), work(untouched), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(make().theta, other.theta)


@EVERY_WAY
@pytest.mark.parametrize("solver", ["adam", SGD(momentum=0.9)], ids=str)
def test_a_copy_remembers_what_the_solver_of_the_original_does(through, solver, tmp_path):
    X, Y = batch()

    def trained(net, n):
        for _ in range(n):
            net.update(net.backward(net.forward(X), Y), 0.05, solver)
        return net.theta.copy()

    net = network()
    trained(net, 3)
    other = through(through(net, tmp_path), tmp_path)
    expected = trained(network(), 5)
    np.testing.assert_array_equal(trained(other, 2), expected)
    np.testing.assert_array_equal(trained(net, 2), expected)  # the copy's steps have not touched its memory


@EVERY_WAY
def test_a_copy_of_a_network_takes_the_same_assignments(through, tmp_path):
    other, W, b = through(network(), tmp_path), drawn(SHAPES_W), drawn(SHAPES_B)
    other.W = W
    other.b = b
    assert_works_like(other, flat(W, b))
    other.W[1] = other.W[1] - 0.5 * W[1]
    assert_works_like(through(other, tmp_path), other.theta.copy())
    with pytest.raises(ValueError, match=re.escape("(4, 5)")):
        other.W[0] = np.ones((5, 4))


@EVERY_WAY
def test_a_copy_of_a_copy_is_no_less(through, tmp_path):
    net = network()
    other = through(through(net, tmp_path), tmp_path)
    assert_works_like(other, net.theta.copy())


def test_a_memory_mapped_network_does_not_write_to_its_file(tmp_path):
    joblib.dump(network(), tmp_path / "net.joblib")
    before = (tmp_path / "net.joblib").read_bytes()
    net = joblib.load(tmp_path / "net.joblib", mmap_mode="r")
    X, Y = batch()
    net.update(net.backward(net.forward(X), Y), 0.5)
    net.theta = np.zeros(net.theta.shape)
    net.W[0][...] = 3.0
    assert net.theta.flags.writeable
    assert (tmp_path / "net.joblib").read_bytes() == before


@EVERY_WAY
def test_a_copy_of_gradients_owns_its_theta(through, tmp_path):
    grads = gradients_holding(network().theta)
    other = through(grads, tmp_path)
    before = grads.theta.copy()
    np.testing.assert_array_equal(other.theta, before)
    assert_one_memory(other)
    other.theta *= 2.0
    other.W[0] = np.zeros((4, 5))
    other.b[0] = np.zeros(5)
    np.testing.assert_array_equal(grads.theta, before)
    assert_one_memory(grads)
    net, by_hand = network(), network()
    net.update(other, 0.5)
    by_hand.update(gradients_holding(other.theta.copy()), 0.5)
    np.testing.assert_array_equal(net.theta, by_hand.theta)
    assert not np.shares_memory(other.theta, grads.theta)


def test_the_norms_of_gradients_are_by_layer():
    grads = Parameters([2, 1, 1])
    grads.W, grads.b = [[[3.0], [0.0]], [[-5.0]]], [[4.0], [12.0]]
    assert grads.norms() == [pytest.approx(5.0), pytest.approx(13.0)]
