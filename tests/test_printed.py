"""What Network, Cache, Parameters and GradientCheck print, and dA, which a cache shows beside dZ."""

import copy
import pickle
import re

import numpy as np
import pytest
import scipy.sparse as sp

from skbackprop import Network, check_gradients
from skbackprop._core.layers import Cache, bind
from skbackprop.arrays import Parameters
from skbackprop.gradient_check import GradientCheck


def small():
    net = Network([2, 2, 1], activation="relu", random_state=0)
    net.W = [[[0.5, -1.0], [0.25, 0.75]], [[2.0], [-2.0]]]
    net.b = [[0.5, -0.25], [-2.5]]
    return net


# ---------------------------------------------------------------------- printed


def test_a_small_network_prints_its_numbers():
    assert repr(small()) == (
        "Network([2, 2, 1], activation=Relu(), loss=LogLoss(), link=SigmoidLink()): 9 parameters\n"
        "  W1  (2, 2)  [[ 0.5  -1.  ]\n"
        "               [ 0.25  0.75]]\n"
        "  b1  (2,)    [ 0.5  -0.25]\n"
        "  W2  (2, 1)  [[ 2.]\n"
        "               [-2.]]\n"
        "  b2  (1,)    [-2.5]"
    )


def test_a_large_one_prints_its_shapes():
    net = Network([30, 100, 20, 3], activation=["tanh", "relu"], dtype=np.float32)
    title, *lines = repr(net).splitlines()
    assert title == (
        "Network([30, 100, 20, 3], activation=[Tanh(), Relu()], loss=LogLoss(), link=SoftmaxLink(), dtype='float32'): "
        "5183 parameters"
    )
    assert lines[:5] == ["  W1  (30, 100)", "  b1  (100,)", "  W2  (100, 20)", "  b2  (20,)", "  W3  (20, 3)"]
    assert lines[5:] == ["  b3  (3,)       [0. 0. 0.]"]
    assert "  W2  (12, 1)\n" in repr(Network([2, 12, 1]))  # a column takes a line for each number
    assert repr(Network([2, 1])).startswith("Network([2, 1], loss=LogLoss(), link=SigmoidLink()): 3 parameters\n")


def test_gradients_print_names_shapes_and_numbers():
    grads = Parameters([1, 2])
    grads.theta = [0.123456789, -2e-5, 0.0, 1.0]
    lines = repr(grads).splitlines()
    assert lines[0] == "Parameters([1, 2])"
    assert re.fullmatch(
        r"  W1  \(1, 2\)  \[\[ 1\.2346e-01 -2\.0000e-05\]\]", lines[1]
    )  # NumPy's own way with small ones
    assert lines[2] == "  b1  (2,)    [0. 1.]"


def names_of(printed):
    return [line.split()[0] for line in printed.splitlines()[1:] if line[2] != " "]


def test_a_cache_prints_its_arrays_in_the_order_of_computation():
    net = small()
    cache = net.forward([[1.0, 2.0], [3.0, -1.0]])
    assert repr(cache).startswith(
        "Cache of 2 samples\n  X   (2, 2)  [[ 1.  2.]\n               [ 3. -1.]]\n  Z1  (2, 2)  [[ 1.5 "
    )
    assert names_of(repr(cache)) == ["X", "Z1", "A1", "Z2", "A2"]
    net.backward(cache, [1, 0])
    assert names_of(repr(cache)) == ["X", "Z1", "A1", "Z2", "A2", "dZ2", "dA1", "dZ1"]
    assert "dZ2  (2, 1)" in repr(cache)


def test_caches_of_other_networks_print_their_arrays_in_that_order_too():
    dropped = Network([2, 3, 4, 1], random_state=0).forward(np.ones((1, 2)), dropout=0.5, random_state=0)
    assert names_of(repr(dropped)) == ["X", "Z1", "A1", "mask1", "Z2", "A2", "mask2", "Z3", "A3"]
    assert repr(dropped).startswith("Cache of 1 sample\n")
    sparse = Network([2, 1]).forward(sp.csr_matrix(np.ones((100, 2))))
    assert repr(sparse) == "Cache of 100 samples\n  X   (100, 2)\n  Z1  (100, 1)\n  A1  (100, 1)"
    assert names_of(repr(Cache([2, 3, 1], 4, np.float64))) == ["Z1", "A1", "Z2", "A2"]


def test_a_gradient_check_prints_where_and_what():
    check = check_gradients(small(), [[1.0, 2.0]], [1.0])
    pattern = r"GradientCheck\((\S+), parameter='([Wb][12]\[.*\])', backprop=(\S+), difference=(\S+), n_parameters=9\)"
    found = re.fullmatch(pattern, repr(check))
    assert float(found[1]) == pytest.approx(check, rel=1e-2)
    assert found[2] == check.parameter
    assert float(found[3]) == pytest.approx(check.backprop, rel=1e-5)
    assert float(found[4]) == pytest.approx(check.difference, rel=1e-5)
    assert f"{check:.3e}" == f"{float(check):.3e}"
    for other in (copy.copy(check), pickle.loads(pickle.dumps(check))):
        assert repr(other) == repr(check)
    assert repr(GradientCheck(0.25)) == "GradientCheck(0.25)"


# ---------------------------------------------------------------------- dA


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3), (5, 4, 3)], ids=str)
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_dA_is_dZ_of_the_layer_above_times_its_weights(hidden, dropout, n_outputs):
    rng = np.random.RandomState(0)
    net = Network([3, *hidden, n_outputs], activation="tanh", random_state=0)
    cache = net.forward(rng.standard_normal((6, 3)), dropout=dropout, random_state=0)
    assert cache.dA == ()
    net.backward(cache, np.eye(3)[rng.randint(0, 3, 6)][:, :n_outputs])
    assert len(cache.dA) == len(hidden)
    for l, dA in enumerate(cache.dA):
        mask = cache.masks[l] if dropout else 1.0
        np.testing.assert_allclose(dA, cache.dZ[l + 1] @ net.W[l + 1].T * mask, rtol=1e-13, atol=1e-17)
        np.testing.assert_allclose(cache.dZ[l], dA * (1 - cache.A[l + 1] ** 2), rtol=1e-13, atol=1e-17)
        assert not np.shares_memory(dA, cache.dZ[l])


def test_dA_is_the_derivative_in_A():
    rng = np.random.RandomState(0)
    net = Network([3, 4, 2], activation="sigmoid", random_state=0)
    Y, w = np.eye(2)[[0, 1, 1]], np.array([1.0, 2.0, 0.5])
    cache = net.forward(rng.standard_normal((3, 3)))
    net.backward(cache, Y, w)
    top = Network([4, 2], random_state=0)
    top.W[0], top.b[0] = net.W[1], net.b[1]

    def J(A):
        return top.loss(top.forward(A), Y, w)

    for i, j in np.ndindex(3, 4):
        step = np.zeros((3, 4))
        step[i, j] = 1e-5
        difference = (J(cache.A[1] + step) - J(cache.A[1] - step)) / 2e-5
        assert cache.dA[0][i, j] == pytest.approx(difference, rel=1e-6, abs=1e-11)


def test_in_a_training_step_dZ_takes_its_place():
    net = Network([3, 4, 2], activation="tanh", random_state=0)
    cache = Cache(net.layer_sizes, 5, net.dtype)
    bind(net, cache, Parameters(net.layer_sizes))
    assert cache.dA[0] is cache.dZ[0]
