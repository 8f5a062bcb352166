"""Where weights start: the draws, their scale and order, and initialisers that go wrong."""

import numpy as np
import pytest

from skbackprop import BackpropClassifier, Network
from skbackprop.initializers import INITIALIZERS, Normal
from skbackprop.network import OUTPUT_GAIN

EVERY = pytest.mark.parametrize("name", sorted(INITIALIZERS))

# The published standard deviation for fan_in = 8, fan_out = 24.
STANDARD_DEVIATION = {"he": (2 / 8) ** 0.5, "glorot": (2 / 32) ** 0.5, "lecun": (1 / 8) ** 0.5}


class Faulty:
    """An initialiser that returns what it was told to."""

    def __init__(self, array):
        self.array = array

    def __call__(self, rng, fan_in, fan_out):
        return self.array


@pytest.mark.parametrize("name", sorted(STANDARD_DEVIATION))
def test_weights_are_standard_normals_times_the_published_scale(name):
    W = INITIALIZERS[name]()(np.random.RandomState(7), 8, 24)
    expected = np.random.RandomState(7).standard_normal((8, 24)) * STANDARD_DEVIATION[name]
    np.testing.assert_allclose(W, expected, rtol=1e-15)


def test_normal_has_the_scale_it_was_given():
    W = Normal(0.01)(np.random.RandomState(42), 30, 16)
    np.testing.assert_array_equal(W, np.random.RandomState(42).randn(30, 16) * 0.01)


@EVERY
def test_draws_have_mean_zero_and_the_same_deviation_whichever_way_they_are_looked_at(name):
    W = INITIALIZERS[name]()(np.random.RandomState(0), 200, 300)
    assert W.shape == (200, 300)
    # 60,000 draws: the mean is within 5 / √60,000 deviations of 0, the deviation within 5 / √120,000 of itself
    assert abs(W.mean()) < 0.021 * W.std()
    np.testing.assert_allclose([W[:100].std(), W[100:].std(), W[:, :150].std(), W[:, 150:].std()], W.std(), rtol=0.03)


@EVERY
def test_the_deviation_falls_with_the_number_of_inputs(name):
    narrow = INITIALIZERS[name]()(np.random.RandomState(0), 10, 50)
    wide = INITIALIZERS[name]()(np.random.RandomState(0), 1000, 50)
    assert wide.std() < 0.5 * narrow.std()


@EVERY
def test_a_network_draws_w1_then_w2_then_w3_and_starts_its_biases_at_zero(name):
    net = Network([3, 4, 5, 2], weight_init=name, random_state=11)
    rng = np.random.RandomState(11)
    for W in net.W:
        np.testing.assert_array_equal(W, INITIALIZERS[name]()(rng, *W.shape))
    for b in net.b:
        np.testing.assert_array_equal(b, 0.0)


@pytest.mark.parametrize(
    ("activation", "gains"),
    [
        ("relu", [1.0, 2.0, OUTPUT_GAIN]),
        (["relu", "tanh"], [1.0, 2.0, OUTPUT_GAIN]),
        (["gelu", "identity"], [1.0, 2.35, OUTPUT_GAIN]),
        (["tanh", "relu"], [1.0, 2.54, OUTPUT_GAIN]),
        (["identity", "sigmoid"], [1.0, 1.0, OUTPUT_GAIN]),
    ],
)
def test_auto_makes_up_for_the_activation_before_and_starts_with_small_logits(activation, gains):
    net = Network([3, 4, 5, 2], activation=activation, weight_init="auto", random_state=11)
    rng = np.random.RandomState(11)
    for W, gain in zip(net.W, gains, strict=True):
        np.testing.assert_allclose(W, rng.standard_normal(W.shape) * (gain / len(W)) ** 0.5, rtol=4e-15)


def test_the_stream_goes_on_where_a_random_state_stands():
    rng, same = np.random.RandomState(5), np.random.RandomState(5)
    first = Network([3, 2], weight_init="lecun", random_state=rng)
    second = Network([3, 2], weight_init="lecun", random_state=rng)
    for net in (first, second):
        np.testing.assert_array_equal(net.W[0], INITIALIZERS["lecun"]()(same, 3, 2))
    assert rng.rand() == same.rand()  # and nothing else was drawn


def test_the_global_stream_is_left_alone():
    before = np.random.get_state()[1].copy()
    Network([3, 2], random_state=0)
    Network([3, 2], random_state=None)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_float32_weights_are_the_rounded_float64_draws():
    single, double = (Network([3, 4, 1], weight_init="he", random_state=3, dtype=dtype) for dtype in ("f4", "f8"))
    np.testing.assert_array_equal(single.theta, double.theta.astype(np.float32))


@pytest.mark.parametrize("array", [np.ones((3, 2), int), [[1, 2], [3, 4], [5, 6]], np.ones((3, 2), np.float32)])
def test_any_array_of_numbers_will_do(array):
    np.testing.assert_array_equal(Network([3, 2], weight_init=Faulty(array)).W[0], array)


@pytest.mark.parametrize(
    "array",
    [
        np.ones((2, 3)),  # transposed
        np.ones(6),
        np.ones((3, 1)),
        1.0,
        None,
        np.ones((3, 2), complex),
        np.ones((3, 2), bool),
        np.full((3, 2), "1"),
    ],
)
def test_another_shape_or_dtype_raises(array):
    with pytest.raises(ValueError, match=r"weight_init must return numbers of shape .* \(3, 2\)") as caught:
        Network([3, 2], weight_init=Faulty(array))
    assert f"returned shape {np.shape(array)}" in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_raise(bad):
    W = np.ones((3, 2))
    W[2, 1] = bad
    with pytest.raises(ValueError, match=r"weight_init returned NaN or infinite weights for shape \(3, 2\)"):
        Network([3, 2], weight_init=Faulty(W))


def test_what_an_initializer_raises_comes_through():
    def broken(rng, fan_in, fan_out):
        raise OSError("no weights at hand")

    with pytest.raises(OSError, match="no weights at hand"):
        Network([3, 2], weight_init=broken)


def test_a_faulty_initializer_leaves_the_estimator_unfitted():
    clf = BackpropClassifier((2,), weight_init=Faulty(np.ones((9, 9))))
    with pytest.raises(ValueError, match="weight_init must return numbers of shape"):
        clf.fit([[0.0], [1.0]], [0, 1])
    assert not hasattr(clf, "coefs_")


def test_an_unknown_name_raises_and_lists_the_known_ones():
    with pytest.raises(ValueError, match="weight_init='zeros'") as caught:
        Network([3, 2], weight_init="zeros")
    for name in INITIALIZERS:
        assert repr(name) in str(caught.value)


@pytest.mark.parametrize("scale", [-1.0, float("nan"), float("inf"), "1", None, True])
def test_an_invalid_scale_raises(scale):
    with pytest.raises(ValueError, match=r"Normal: scale must be a number in \[0, inf\)"):
        Normal(scale)


def test_a_scale_of_zero_is_valid():
    np.testing.assert_array_equal(Network([3, 2], weight_init=Normal(0)).W[0], 0.0)
