"""The layers bound to their arrays, and prediction in blocks, against the formulas written out in plain NumPy."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf

from skbackprop import Network
from skbackprop._core.kernels import LARGE, SHORT
from skbackprop._core.layers import Cache, bind
from skbackprop._core.predict import NARROW, PREDICTED_SAMPLES, block_size, logits, work_arrays
from skbackprop.activations import ACTIVATIONS, Elu, LeakyRelu
from skbackprop.arrays import Parameters
from skbackprop.losses import LOSSES, LogLoss

HEADS = [(1, "sigmoid"), (3, "softmax"), (3, "sigmoid")]
LOSSES_TRIED = [*sorted(LOSSES), LogLoss(label_smoothing=0.2)]

# ---------------------------------------------------------------- the formulas


def sigma(z):
    return 1 / (1 + np.exp(-z))


def leaky(slope):
    return lambda z: np.where(z > 0, z, slope * z), lambda z: np.where(z > 0, 1.0, slope)


def elu(slope):
    return lambda z: np.where(z > 0, z, slope * (np.exp(z) - 1)), lambda z: np.where(z > 0, 1.0, slope * np.exp(z))


def normal_cdf(z):
    return 0.5 * (1 + erf(z / np.sqrt(2)))


# name: φ and φ'
FORMULAS = {
    "relu": leaky(0.0),
    "leaky_relu": leaky(0.01),
    "elu": elu(1.0),
    "gelu": (
        lambda z: z * normal_cdf(z),
        lambda z: normal_cdf(z) + z * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi),
    ),
    "silu": (lambda z: z * sigma(z), lambda z: sigma(z) + z * sigma(z) * (1 - sigma(z))),
    "softplus": (lambda z: np.log(1 + np.exp(z)), sigma),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigma, lambda z: sigma(z) * (1 - sigma(z))),
    "logistic": (sigma, lambda z: sigma(z) * (1 - sigma(z))),
    "identity": (lambda z: z, np.ones_like),
    "LeakyRelu(slope=0.3)": leaky(0.3),
    "LeakyRelu(slope=2.0)": leaky(2.0),
    "Elu(slope=0.5)": elu(0.5),
}


def smoothed(Y, s, link):
    return (1 - s) * Y + s / (2 if link == "sigmoid" else Y.shape[1])


def gradient_of_loss(A, Y, loss, link):
    """Return ∂ℓ/∂Z for probabilities A."""
    if loss != "squared_error":
        return A - smoothed(Y, getattr(loss, "label_smoothing", 0.0), link)
    if link == "sigmoid":
        return (A - Y) * A * (1 - A)
    return A * (A - Y - np.sum(A * (A - Y), axis=1, keepdims=True))


def by_the_formulas(net, phi, dphi, X, Y, c, loss, link, masks=()):
    """Return every Z, every A, every dZ and the gradient in the order of theta, all in float64."""
    W, b = ([array.astype(np.float64) for array in arrays] for arrays in (net.W, net.b))
    masks = masks or [1.0] * (len(W) - 1)
    Z, A, fed = [], [X.astype(np.float64)], [X.astype(np.float64)]
    for l in range(len(W)):
        Z.append(fed[l] @ W[l] + b[l])
        if l < len(W) - 1:
            A.append(phi(Z[l]))
            fed.append(A[-1] * masks[l])
    A.append(sigma(Z[-1]) if link == "sigmoid" else np.exp(Z[-1]) / np.exp(Z[-1]).sum(axis=1, keepdims=True))
    dZ = [c * gradient_of_loss(A[-1], Y.astype(np.float64), loss, link)]
    for l in reversed(range(len(W) - 1)):
        dZ.insert(0, (dZ[0] @ W[l + 1].T) * masks[l] * dphi(Z[l]))
    dW = [(fed[l].T @ dZ[l]).ravel() for l in range(len(W))]
    return Z, A, dZ, np.concatenate([*dW, *(each.sum(axis=0) for each in dZ)])


def batch_of(net, n_samples, seed=0):
    """Return samples, targets and the coefficients of a mini-batch."""
    rng = np.random.RandomState(seed)
    X = rng.randn(n_samples, net.layer_sizes[0]).astype(net.dtype)
    n_outputs = net.layer_sizes[-1]
    if n_outputs > 1 and type(net.link).__name__ == "SoftmaxLink":
        Y = np.eye(n_outputs, dtype=net.dtype)[rng.randint(n_outputs, size=n_samples)]
    else:
        Y = (rng.rand(n_samples, n_outputs) < 0.5).astype(net.dtype)
    return X, Y, rng.rand(n_samples, 1).astype(net.dtype)


def with_biases(net):
    for l, b in enumerate(net.b):
        net.b[l] = np.random.RandomState(1 + l).randn(len(b))
    return net


def assert_close(ours, formula, dtype):
    assert ours.dtype == dtype
    eps = np.finfo(dtype).eps
    assert_allclose(ours, formula, rtol=2000 * eps, atol=200 * eps * max(1.0, np.abs(formula).max(initial=0)))


class Bound:
    """A network's layers bound to arrays for mini-batches of one size."""

    def __init__(self, net, n_samples, sparse=False, dropout=0.0, rng=None):
        self.net, self.sparse = net, sparse
        self.cache = Cache(net.layer_sizes, n_samples, net.dtype, dropout)
        self.grads = Parameters(net.layer_sizes, net.dtype)
        self.forward, self.backward = bind(net, self.cache, self.grads, sparse=sparse, rng=rng)
        self.ZL = np.empty((n_samples, net.layer_sizes[-1]), net.dtype)

    def __call__(self, X, Y, c):
        """Run a step on arrays full of NaN: what stands there must not count."""
        cache = self.cache
        arrays = (*cache.Z, *cache.A[1:], *cache.dZ, *cache.slopes, *cache.masks, *cache.inputs)
        for array in (*arrays, self.ZL, self.grads.theta):
            array.fill(np.nan)
        X = sp.csr_matrix(X) if self.sparse else X
        assert self.forward(X, self.ZL) is self.ZL
        self.backward(X, self.ZL, Y, c)

    def assert_formulas(self, phi, dphi, X, Y, c, loss="log_loss", link="sigmoid"):
        cache, dtype = self.cache, self.net.dtype
        Z, A, dZ, gradient = by_the_formulas(self.net, phi, dphi, X, Y, c, loss, link, cache.masks)
        assert_close(self.ZL, Z[-1], dtype)
        for ours, formula in zip((*cache.Z[:-1], *cache.A[1:], *cache.dZ), (*Z[:-1], *A[1:], *dZ), strict=True):
            assert_close(ours, formula, dtype)
        for ours, z in zip(cache.slopes, Z[:-1], strict=True):
            assert_close(ours, dphi(z), dtype)
        assert_close(self.grads.theta, gradient, dtype)


def test_there_is_a_formula_for_every_activation_that_is_registered():
    assert ACTIVATIONS.keys() <= FORMULAS.keys()


# ---------------------------------------------------------------- the bound layers


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("loss", LOSSES_TRIED, ids=str)
@pytest.mark.parametrize(
    "activation", [*sorted(ACTIVATIONS), LeakyRelu(0.3), LeakyRelu(2.0), Elu(0.5)], ids=lambda each: str(each)
)
def test_the_layers_compute_their_formulas(activation, loss, head, dtype, sparse):
    n_outputs, link = head
    for hidden in ((), (5,), (5, 4), (5, 4, 3)):
        net = with_biases(Network([4, *hidden, n_outputs], activation, loss, link=link, random_state=0, dtype=dtype))
        X, Y, c = batch_of(net, 7)
        bound = Bound(net, 7, sparse)
        bound(X, Y, c)
        bound.assert_formulas(*FORMULAS[str(activation)], X, Y, c, loss, link)
        other_X, other_Y, _ = batch_of(net, 7, seed=1)
        bound(other_X, other_Y, np.array(1 / 7, dtype))  # one coefficient for all samples
        bound.assert_formulas(*FORMULAS[str(activation)], other_X, other_Y, 1 / 7, loss, link)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_samples", [1, 2, 60])
@pytest.mark.parametrize("n_hidden", [1, LARGE // 50])
def test_they_do_so_for_few_and_for_many_numbers(n_hidden, n_samples, sparse):
    for n_outputs in (1, LARGE // 40):  # so that each of the products is once small and once large
        net = with_biases(Network([55, n_hidden, n_outputs], random_state=0, link="sigmoid"))
        X, Y, c = batch_of(net, n_samples)
        bound = Bound(net, n_samples, sparse)
        for _ in range(2):
            bound(X, Y, c)
            bound.assert_formulas(*FORMULAS["relu"], X, Y, c)


def test_they_do_so_where_a_bias_is_added_to_many_samples():
    net = with_biases(Network([3, 4, 2], random_state=0))
    X, Y, c = batch_of(net, SHORT // 4 + 1)
    bound = Bound(net, len(X))
    bound(X, Y, c)
    bound.assert_formulas(*FORMULAS["relu"], X, Y, c, link="softmax")


@pytest.mark.parametrize("change", ["an update", "theta", "W and b", "one W", "in place"])
def test_the_weights_are_read_anew_at_each_call(change):
    net = with_biases(Network([3, 4, 1], "tanh", random_state=0))
    X, Y, c = batch_of(net, 6)
    bound, drawn = Bound(net, 6), np.random.RandomState(5)
    for _ in range(3):
        bound(X, Y, c)
        bound.assert_formulas(*FORMULAS["tanh"], X, Y, c)
        before = net.theta.copy()
        if change == "an update":
            net.update(bound.grads, 0.5)
        elif change == "theta":
            net.theta = drawn.randn(net.theta.size)
        elif change == "W and b":
            net.W, net.b = [drawn.randn(3, 4), drawn.randn(4, 1)], [drawn.randn(4), drawn.randn(1)]
        elif change == "one W":
            net.W[0] = drawn.randn(3, 4)
        else:
            net.b[1] += 0.3
        assert not np.array_equal(net.theta, before)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("hidden", [(), (5,), (5, 4), (5, 4, 3)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_dropout_multiplies_by_new_masks_at_each_call(activation, hidden, sparse, dtype):
    net = with_biases(Network([3, *hidden, 1], activation, random_state=0, dtype=dtype))
    X, Y, c = batch_of(net, 6)
    bound, rng = Bound(net, 6, sparse, dropout=0.4, rng=np.random.RandomState(3)), np.random.RandomState(3)
    seen = []
    for _ in range(3):
        bound(X, Y, c)
        assert len(bound.cache.masks) == len(hidden)
        for mask, n in zip(bound.cache.masks, hidden, strict=True):  # layer by layer, from the generator given
            assert_allclose(mask, (rng.random_sample((6, n)) < 0.6) / 0.6, rtol=1e-6)
        bound.assert_formulas(*FORMULAS[activation], X, Y, c)
        seen.append(bound.ZL.copy())
    assert bool(hidden) == (not np.array_equal(seen[0], seen[1]))


def test_forward_can_be_bound_without_backward():
    net = with_biases(Network([3, 4, 2], "tanh", random_state=0))
    X, _, _ = batch_of(net, 6)
    cache, ZL = Cache(net.layer_sizes, 6, net.dtype), np.empty((6, 2))
    forward, backward = bind(net, cache)
    assert backward is None
    assert_array_equal(forward(X, ZL), net.forward(X).Z[-1])
    assert cache.dZ == cache.slopes == ()


# ---------------------------------------------------------------- prediction, in blocks


def fitted_like(net):
    """Return what prediction takes: weights, biases and activations."""
    return [*net.W], [*net.b], net.activations


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [(), (5,), (NARROW,), (NARROW + 1,), (NARROW, 8), (40, 8)])
def test_prediction_in_blocks_gives_what_forward_gives(hidden, activation, sparse, dtype):
    net = with_biases(Network([3, *hidden, 2], activation, random_state=0, dtype=dtype))
    X = np.random.RandomState(0).randn(2 * PREDICTED_SAMPLES + 3, 3).astype(dtype)
    found, sound = logits(sp.csr_matrix(X) if sparse else X, *fitted_like(net))
    assert sound
    assert_close(found, net.forward(X).Z[-1].astype(np.float64), dtype)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_features", [3, 2000])
def test_any_number_of_samples_can_be_predicted(n_features, order):
    net = with_biases(Network([n_features, 4, 2], "tanh", random_state=0))
    block = block_size([n_features, 4, 2], PREDICTED_SAMPLES)
    X = np.asarray(np.random.RandomState(0).randn(2 * block + 1, n_features), order=order)
    expected = net.forward(X).Z[-1]
    for m in (0, 1, 2, block - 1, block, block + 1, 2 * block, 2 * block + 1):
        found, sound = logits(X[:m], *fitted_like(net))
        assert sound
        assert found.shape == (m, 2)
        assert_allclose(found, expected[:m], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("m", [5, PREDICTED_SAMPLES + 5])
def test_what_is_wanted_of_the_logits_is_written_block_by_block(m):
    net = with_biases(Network([3, 4, 1], random_state=0))
    X, blocks = np.random.RandomState(0).randn(m, 3), []

    def write(Z, out):
        blocks.append(len(Z))
        np.multiply(Z, [-1.0, 1.0], out=out)

    found, _ = logits(X, *fitted_like(net), write, 2)
    ZL = net.forward(X).Z[-1]
    assert_allclose(found, np.hstack([-ZL, ZL]), rtol=1e-12, atol=1e-13)
    assert sum(blocks) == m
    assert max(blocks) <= PREDICTED_SAMPLES


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, PREDICTED_SAMPLES, PREDICTED_SAMPLES + 6])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_samples_that_are_not_finite_are_noticed(activation, row, wrong):
    net = with_biases(Network([3, 4, 2], activation, random_state=0))
    X = np.random.RandomState(0).randn(PREDICTED_SAMPLES + 7, 3)
    assert logits(X, *fitted_like(net))[1]
    X[row, 1] = wrong
    assert not logits(X, *fitted_like(net))[1]


def test_the_arrays_of_narrow_hidden_layers_are_stored_by_columns():
    m, n_units = LARGE, [NARROW, NARROW + 1, 3, 1]
    for by_columns in (False, True):
        pairs = work_arrays(m, n_units, np.float32, by_columns)
        assert [(*Z.shape, *A.shape, Z.dtype) for Z, A in pairs] == [(m, n, m, n, np.float32) for n in n_units]
        stored_by_columns = [not Z.flags.c_contiguous for Z, _ in pairs]
        assert stored_by_columns == [by_columns, False, by_columns, False]  # never the logits


def test_prediction_keeps_no_memory_of_earlier_calls():
    net = with_biases(Network([3, 4, 2], random_state=0))
    X = np.random.RandomState(0).randn(10, 3)
    predict = partial(logits, X, *fitted_like(net))
    first = predict()[0]
    kept = first.copy()
    net.W[0] *= 2.0
    second = predict()[0]
    assert_array_equal(first, kept)
    assert_allclose(second, net.forward(X).Z[-1], rtol=1e-12)
    assert not np.array_equal(first, second)
