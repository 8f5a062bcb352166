"""The pass that is written out for one hidden layer gives the bits of the loops over the layers."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skbackprop import Network
from skbackprop.activations import ACTIVATIONS
from skbackprop.arrays import LARGE, Parameters, SparseRows
from skbackprop.losses import LOSSES, LogLoss

HEADS = [(1, "sigmoid"), (3, "softmax"), (3, "sigmoid")]


def batch_of(net, n_rows, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n_rows, net.layer_sizes[0]).astype(net.dtype)
    n_outputs = net.layer_sizes[-1]
    if n_outputs > 1 and type(net.link).__name__ == "SoftmaxLink":
        Y = np.eye(n_outputs, dtype=net.dtype)[rng.randint(n_outputs, size=n_rows)]
    else:
        Y = (rng.rand(n_rows, n_outputs) < 0.5).astype(net.dtype)
    return X, Y, rng.rand(n_rows, 1).astype(net.dtype)


def assert_same_pass(net, X, Y, c, sparse=False):
    """The bound gradient, called twice, against forward and backpropagate."""
    rows = SparseRows(sp.csr_matrix(X)) if sparse else X
    expected = Parameters(net.layer_sizes, net.dtype)
    cache = net.forward(rows, net.work_arrays(len(X)))
    net.backpropagate(cache, Y, c, expected)

    grads = Parameters(net.layer_sizes, net.dtype)
    gradient = net.gradient_into(grads, len(X), sparse)
    for _ in range(2):
        grads.theta.fill(np.nan)  # what stands there must not count
        logits = np.full_like(cache.Z[-1], np.nan)
        gradient(rows, Y, c, logits)
        assert_array_equal(logits, cache.Z[-1])
        assert_array_equal(grads.theta, expected.theta)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("loss", [*sorted(LOSSES), LogLoss(label_smoothing=0.2)])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_it_gives_the_bits_of_the_loops(activation, loss, head, dtype, sparse):
    net = Network([4, 5, head[0]], activation, loss, link=head[1], random_state=0, dtype=dtype)
    for b in net.b:
        b[...] = np.random.RandomState(1).randn(len(b))
    X, Y, w = batch_of(net, 7)
    assert_same_pass(net, X, Y, w, sparse)
    assert_same_pass(net, X, Y, np.array(1 / 7, dtype), sparse)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, 60])
@pytest.mark.parametrize("n_hidden", [1, LARGE // 50])
def test_it_does_so_for_few_and_for_many_numbers(n_hidden, n_rows, sparse):
    for n_outputs in (1, LARGE // 40):  # so that each of the products is once small and once large
        net = Network([55, n_hidden, n_outputs], random_state=0)
        assert_same_pass(net, *batch_of(net, n_rows), sparse)


def test_the_weights_are_read_anew_at_each_call():
    net = Network([3, 4, 1], "tanh", random_state=0)
    X, Y, c = batch_of(net, 6)
    grads = Parameters(net.layer_sizes)
    gradient = net.gradient_into(grads, 6)
    for _ in range(3):
        gradient(X, Y, c, np.empty((6, 1)))
        expected = net.backpropagate(net.forward(X), Y, c, Parameters(net.layer_sizes))
        assert_array_equal(grads.theta, expected.theta)
        net.update(grads, 0.5)


@pytest.mark.parametrize("hidden", [(5,), (5, 4), ()])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_any_network_binds_its_arrays(hidden, dropout):
    # Deeper networks, none at all and dropout go through the loops; the masks come from the generator that is given.
    net = Network([3, *hidden, 1], "tanh", random_state=0)
    X, Y, c = batch_of(net, 6)
    grads, expected = Parameters(net.layer_sizes), Parameters(net.layer_sizes)
    gradient = net.gradient_into(grads, 6, dropout=dropout, rng=np.random.RandomState(3))
    rng, cache, logits = np.random.RandomState(3), net.work_arrays(6), np.empty((6, 1))
    for _ in range(3):
        if dropout:
            cache.drop(dropout, rng)
        net.backpropagate(net.forward(X, cache), Y, c, expected)
        gradient(X, Y, c, logits)
        assert_array_equal(logits, cache.Z[-1])
        assert_array_equal(grads.theta, expected.theta)
