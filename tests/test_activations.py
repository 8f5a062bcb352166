"""Every activation: its values, its derivative, and what it does far out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from skbackprop.activations import ACTIVATIONS, Elu, LeakyRelu, Tanh, softplus

EVERY = pytest.mark.parametrize("name", sorted(ACTIVATIONS))
GRID = np.array([[-30.0, -7.0, -2.5, -1.0, -0.3, -0.01, 0.01, 0.3, 1.0, 2.5, 7.0, 30.0]])
FAR_OUT = {
    np.float64: [-1e300, -1e160, -1e5, -1e3, 1e3, 1e5, 1e160, 1e300],
    np.float32: [-1e38, -1e20, -1e5, -1e3, 1e3, 1e5, 1e20, 1e38],
}

# φ and φ' at -3, -0.5, 0 and 2.5. With mpmath at 50 digits: elu z if z > 0 else expm1(z); gelu z * ncdf(z), derivative
# ncdf(z) + z * npdf(z); silu z * s, derivative s * (1 + z * (1 - s)), with s = 1 / (1 + exp(-z)); softplus
# log1p(exp(z)); tanh; sigmoid s, derivative s * (1 - s). At a kink the derivative is the one from the left.
POINTS = [-3.0, -0.5, 0.0, 2.5]
GOLDEN = {
    "relu": ([0.0, 0.0, 0.0, 2.5], [0.0, 0.0, 0.0, 1.0]),
    "leaky_relu": ([-0.03, -0.005, 0.0, 2.5], [0.01, 0.01, 0.01, 1.0]),
    "elu": (
        [-0.950212931632136, -0.3934693402873666, 0.0, 2.5],
        [0.049787068367863944, 0.6065306597126334, 1.0, 1.0],
    ),
    "gelu": (
        [-0.0040496940948902835, -0.15426876936299344, 0.0, 2.4844758366855597],
        [-0.011945647204183927, 0.13250487534383715, 0.5, 1.037611085908145],
    ),
    "silu": (
        [-0.14227761953270035, -0.18877033439907273, 0.0, 2.310354549946891],
        [-0.08810410601516962, 0.2600388126973482, 0.5, 1.0994011113415267],
    ),
    "softplus": (
        [0.04858735157374206, 0.4740769841801067, 0.6931471805599453, 2.5788897342925496],
        [0.04742587317756678, 0.37754066879814546, 0.5, 0.9241418199787564],
    ),
    "tanh": (
        [-0.9950547536867305, -0.46211715726000974, 0.0, 0.9866142981514303],
        [0.00986603716544019, 0.7864477329659274, 1.0, 0.02659222668316062],
    ),
    "sigmoid": (
        [0.04742587317756678, 0.37754066879814546, 0.5, 0.9241418199787564],
        [0.04517665973091213, 0.2350037122015945, 0.25, 0.07010371654510816],
    ),
    "identity": (POINTS, [1.0, 1.0, 1.0, 1.0]),
}
GOLDEN["logistic"] = GOLDEN["sigmoid"]

# The derivative far to the left and far to the right.
FAR_SLOPES = {
    "relu": (0, 1),
    "leaky_relu": (0.01, 1),
    "elu": (0, 1),
    "gelu": (0, 1),
    "silu": (0, 1),
    "softplus": (0, 1),
    "tanh": (0, 0),
    "sigmoid": (0, 0),
    "logistic": (0, 0),
    "identity": (1, 1),
}
# The value far to the left; far to the right it is z where the slope is 1, and 1 where it is 0.
FAR_LEFT = {"elu": -1.0, "tanh": -1.0, "leaky_relu": None, "identity": None}


def value_and_derivative(phi, Z):
    """Return φ(Z) and φ'(Z), written over arrays full of NaN: nothing may be left of what was there."""
    A = phi.value(Z, np.full_like(Z, np.nan))
    return A, phi.derivative(Z, A, np.full_like(Z, np.nan))


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_values_and_derivatives_are_the_published_ones(name):
    A, slope = value_and_derivative(ACTIVATIONS[name](), np.array([POINTS]))
    np.testing.assert_allclose(A, [GOLDEN[name][0]], rtol=4e-15, atol=1e-17)
    np.testing.assert_allclose(slope, [GOLDEN[name][1]], rtol=4e-15, atol=1e-16)


@pytest.mark.parametrize(
    ("phi", "left", "left_slope"),
    [
        (LeakyRelu(0.3), -0.6, 0.3),
        (LeakyRelu(0.0), 0.0, 0.0),
        (LeakyRelu(2), -4.0, 2.0),
        (Elu(0.5), 0.5 * np.expm1(-2.0), 0.5 * np.exp(-2.0)),
        (Elu(3), 3 * np.expm1(-2.0), 3 * np.exp(-2.0)),
        (LeakyRelu(np.float64(0.3)), -0.6, 0.3),  # as GridSearchCV over np.linspace gives it
    ],
)
def test_a_slope_acts_left_of_zero_only(phi, left, left_slope):
    A, slope = value_and_derivative(phi, np.array([[-2.0, 0.0, 1.5]]))
    np.testing.assert_allclose(A, [[left, 0.0, 1.5]], rtol=1e-15)
    np.testing.assert_allclose(slope, [[left_slope, phi.slope, 1.0]], rtol=1e-15)  # at zero, the one from the left


@EVERY
def test_derivative_is_the_central_difference_of_the_value(name):
    phi, h = ACTIVATIONS[name](), 1e-5
    slope = value_and_derivative(phi, GRID)[1]
    above, below = phi.value(GRID + h, np.empty_like(GRID)), phi.value(GRID - h, np.empty_like(GRID))
    np.testing.assert_allclose(slope, (above - below) / (2 * h), atol=2e-9, rtol=1e-9)


@EVERY
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_far_out_everything_is_finite_and_nothing_warns(name, dtype):
    A, slope = value_and_derivative(ACTIVATIONS[name](), np.array([FAR_OUT[dtype]], dtype))
    assert np.isfinite(A).all()
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", sorted(FAR_SLOPES))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_far_out_values_and_slopes_are_the_limits(name, dtype):
    Z = np.array([FAR_OUT[dtype]], dtype)
    A, slope = value_and_derivative(ACTIVATIONS[name](), Z)
    left, right = FAR_SLOPES[name]
    expected = np.where(Z < 0, left, right)
    np.testing.assert_allclose(slope, expected, rtol=1e-6 if dtype is np.float32 else 1e-15)
    limit = np.where(Z < 0, FAR_LEFT.get(name, 0.0) if left == 0 else left * Z, Z if right else 1.0)
    np.testing.assert_allclose(A, limit, rtol=1e-6 if dtype is np.float32 else 1e-15)


@EVERY
def test_float32_stays_float32_and_says_the_same(name):
    phi, Z = ACTIVATIONS[name](), GRID.astype(np.float32)
    A, slope = value_and_derivative(phi, Z)
    assert A.dtype == slope.dtype == np.float32
    exact_A, exact_slope = value_and_derivative(phi, Z.astype(np.float64))
    np.testing.assert_allclose(A, exact_A, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(slope, exact_slope, rtol=2e-6, atol=1e-6)


@EVERY
def test_results_are_written_into_out_and_the_arguments_left_alone(name):
    phi, Z = ACTIVATIONS[name](), GRID.copy()
    A, slope = np.empty_like(Z), np.empty_like(Z)
    assert phi.value(Z, A) is A
    kept = A.copy()
    assert phi.derivative(Z, A, slope) is slope
    np.testing.assert_array_equal(Z, GRID)
    np.testing.assert_array_equal(A, kept)


@EVERY
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 1), (2, 5)])
def test_any_number_of_rows_and_units(name, shape):
    phi, Z = ACTIVATIONS[name](), np.linspace(-2, 3, int(np.prod(shape))).reshape(shape)
    A, slope = value_and_derivative(phi, Z)
    assert A.shape == slope.shape == shape
    for i, z in enumerate(Z):  # a row's result does not depend on the others
        A_i, slope_i = value_and_derivative(phi, z[np.newaxis])
        np.testing.assert_allclose(A[i], A_i[0], rtol=1e-15)
        np.testing.assert_allclose(slope[i], slope_i[0], rtol=1e-15)


# ---------------------------------------------------------------------- as functions of any array-like


@EVERY
def test_it_can_be_called_like_a_function_of_numpy(name):
    phi, Z = ACTIVATIONS[name](), GRID.copy()
    A, slope = value_and_derivative(phi, Z)
    np.testing.assert_array_equal(phi(Z), A)
    np.testing.assert_array_equal(phi.derivative(Z), slope)
    np.testing.assert_array_equal(Z, GRID)
    assert not np.shares_memory(phi(Z), Z)
    for same in (Z.tolist(), Z.reshape(3, 4).T, Z[:, ::-1], pd.Series(Z[0])):
        expected = np.asarray(same, np.float64)
        np.testing.assert_allclose(phi(same), [phi(z) for z in expected], rtol=1e-14)
        np.testing.assert_allclose(phi.derivative(same), [phi.derivative(z) for z in expected], rtol=1e-14)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_published_numbers_come_from_integers_and_single_numbers_too(name):
    phi, (values, slopes) = ACTIVATIONS[name](), GOLDEN[name]
    for z, value, slope in zip(POINTS, values, slopes, strict=True):
        assert phi(z) == pytest.approx(value, rel=4e-15, abs=1e-17)
        assert phi.derivative(z) == pytest.approx(slope, rel=4e-15, abs=1e-16)
        assert isinstance(phi(z), np.float64)
        assert isinstance(phi.derivative(z), np.float64)
    for integers in ([-3, 0], np.array([-3, 0]), np.array([-3, 0], np.int8), (-3, 0)):
        np.testing.assert_allclose(phi(integers), [values[0], values[2]], rtol=4e-15, atol=1e-17)
        np.testing.assert_allclose(phi.derivative(integers), [slopes[0], slopes[2]], rtol=4e-15, atol=1e-16)
        assert phi(integers).dtype == phi.derivative(integers).dtype == np.float64


@EVERY
def test_called_with_float32_it_answers_in_float32(name):
    phi, Z = ACTIVATIONS[name](), GRID.astype(np.float32)
    assert phi(Z).dtype == phi.derivative(Z).dtype == np.float32
    np.testing.assert_array_equal(phi.derivative(Z), value_and_derivative(phi, Z)[1])
    assert phi(np.empty((0, 3))).shape == phi.derivative(np.empty((0, 3))).shape == (0, 3)


def test_a_subclass_that_overrides_the_protocol_is_called_by_its_own():
    class Doubled(Tanh):
        def value(self, Z, out):
            return np.multiply(2, np.tanh(Z), out=out)

    assert Doubled()(0.5) == 2 * np.tanh(0.5)
    np.testing.assert_allclose(LeakyRelu(0.3)([-2.0, 1.0]), [-0.6, 1.0])
    np.testing.assert_allclose(LeakyRelu(0.3).derivative([-2.0, 1.0]), [0.3, 1.0])


@EVERY
def test_it_has_a_gain_to_start_weights_by(name):
    gain = ACTIVATIONS[name]().gain
    assert np.isfinite(gain)
    assert gain > 0


@pytest.mark.parametrize("phi", [*sorted(ACTIVATIONS), LeakyRelu(0.3), LeakyRelu(1.0)], ids=str)
def test_the_gain_keeps_the_mean_square_of_a_normal_signal(phi):
    phi = ACTIVATIONS.resolve(phi)
    z = np.linspace(-12, 12, 240_001)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    A = phi.value(z[np.newaxis], np.empty((1, z.size)))[0]
    assert phi.gain * np.sum(A * A * density) * (z[1] - z[0]) == pytest.approx(1.0, abs=5e-3)  # rounded numbers


@settings(deadline=None)  # a timing is no verdict
@given(arrays(np.float64, (1, 5), elements=st.floats(-1e300, 1e300)))
def test_softplus_of_z_and_of_minus_z_differ_by_z(Z):
    np.testing.assert_allclose(softplus(Z) - softplus(-Z), Z, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("cls", [LeakyRelu, Elu])
@pytest.mark.parametrize("slope", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_an_invalid_slope_raises(cls, slope):
    with pytest.raises(ValueError, match=r"slope must be a number in \[0, inf\)"):
        cls(slope)
