"""Losses and links: values at ordinary and at huge logits, gradients, probabilities of both sides."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from skbackprop import BackpropClassifier, Network
from skbackprop.losses import LINKS, LOSSES, LogLoss, SigmoidLink, SoftmaxLink, SquaredError

SIGMOID, SOFTMAX = SigmoidLink(), SoftmaxLink()
HUGE = [(np.float64, size) for size in (1e3, 1e5, 1e300)] + [(np.float32, size) for size in (1e3, 1e5, 1e38)]
EVERY_LOSS = pytest.mark.parametrize("loss", sorted(LOSSES))
EVERY_LINK = pytest.mark.parametrize("link", sorted(LINKS))
EVERY_HUGE = pytest.mark.parametrize(("dtype", "size"), HUGE)

# With mpmath at 50 digits: log1p(exp(z)), 1 / (1 + exp(-z)) and -log1p(exp(-z)).
SIGMOID_GOLDEN = [  # z, F(z), p, log p
    (-40.0, 4.248354255291589e-18, 4.248354255291589e-18, -40.0),
    (-1.0, 0.3132616875182228, 0.2689414213699951, -1.3132616875182228),
    (0.0, 0.6931471805599453, 0.5, -0.6931471805599453),
    (0.5, 0.9740769841801067, 0.6224593312018546, -0.4740769841801067),
    (20.0, 20.000000002061153, 0.9999999979388464, -2.061153620314381e-09),
    (40.0, 40.0, 1.0, -4.248354255291589e-18),
]
# With mpmath at 50 digits, F = log(sum(exp(z))): exp(z - F) and z - F.
SOFTMAX_GOLDEN = [
    (
        [1.0, 2.0, 3.0],
        [0.09003057317038046, 0.24472847105479764, 0.6652409557748219],
        [-2.40760596444438, -1.4076059644443804, -0.4076059644443803],
    ),
    (
        [-2.5, 0.5, 30.0],
        [7.68120468520085e-15, 1.542811203191638e-13, 0.999999999999838],
        [-32.50000000000016, -29.500000000000163, -1.6196232500437776e-13],
    ),
]


def loss_and_gradient(loss, Z, Y, link):
    """Return ℓ and ∂ℓ/∂Z, the latter written over an array full of NaN."""
    A = link.probabilities(Z)
    return loss.value(Z, Y, link), loss.gradient(Z, A, Y, link, np.full_like(Z, np.nan))


# ---------------------------------------------------------------------- ordinary logits


@pytest.mark.parametrize(("z", "F", "p", "log_p"), SIGMOID_GOLDEN)
def test_sigmoid_link_has_the_published_values(z, F, p, log_p):
    Z = np.array([[z]])
    np.testing.assert_allclose(SIGMOID.log_loss(Z, np.zeros((1, 1))), [F], rtol=4e-16)
    np.testing.assert_allclose(SIGMOID.log_loss(Z, np.ones((1, 1))), [-log_p], rtol=4e-16)
    np.testing.assert_allclose(SIGMOID.probabilities(Z), [[p]], rtol=4e-16)
    np.testing.assert_allclose(SIGMOID.log_probabilities(Z), [[log_p]], rtol=4e-16)


@pytest.mark.parametrize("n_rows", [1, 2])
def test_sigmoid_link_sums_the_log_loss_over_the_labels_only(n_rows):
    Z = np.array([[golden[0] for golden in SIGMOID_GOLDEN]] * n_rows)
    expected = sum(golden[1] for golden in SIGMOID_GOLDEN)
    np.testing.assert_allclose(SIGMOID.log_loss(Z, np.zeros_like(Z)), [expected] * n_rows, rtol=1e-15)


@pytest.mark.parametrize(("z", "p", "log_p"), SOFTMAX_GOLDEN)
def test_softmax_link_has_the_published_values(z, p, log_p):
    Z = np.array([z, z[::-1]])
    np.testing.assert_allclose(SOFTMAX.probabilities(Z), [p, p[::-1]], rtol=2e-14)
    np.testing.assert_allclose(SOFTMAX.log_probabilities(Z), [log_p, log_p[::-1]], rtol=4e-16, atol=3e-16)
    np.testing.assert_allclose(SOFTMAX.log_loss(np.array([z] * 3), np.eye(3)), -np.array(log_p), rtol=4e-16, atol=3e-16)


@EVERY_LINK
def test_inverse_gives_logits_of_the_probabilities_that_are_asked_for(link):
    link = LINKS[link]()
    P = np.array([[0.2, 0.3, 0.5], [1e-12, 0.25, 0.75 - 1e-12]])
    np.testing.assert_allclose(link.probabilities(link.inverse(P)), P, rtol=1e-13)


def test_decisions_are_the_most_probable_outcomes():
    Z = np.array([[1.0, -2.0, 3.0], [0.0, 1e-300, -1.0], [2.0, 2.0, 1.0]])
    # of each label on its own, one half is not yet a yes; among classes, the first of those that tie
    np.testing.assert_array_equal(SIGMOID.decide(Z), [[True, False, True], [False, True, False], [True, True, True]])
    np.testing.assert_array_equal(SOFTMAX.decide(Z), [2, 1, 0])


def test_a_probability_of_one_is_shared_by_two_sides_or_by_all_classes():
    assert [SIGMOID.n_sides(n) for n in (1, 2, 5)] == [2, 2, 2]
    assert [SOFTMAX.n_sides(n) for n in (2, 5)] == [2, 5]


@EVERY_LINK
def test_links_write_into_out_where_one_is_given(link):
    link, Z = LINKS[link](), np.random.RandomState(0).randn(4, 3)
    kept, out = Z.copy(), np.full_like(Z, np.nan)
    assert link.probabilities(Z, out) is out
    np.testing.assert_array_equal(out, link.probabilities(Z))
    np.testing.assert_array_equal(Z, kept)


@EVERY_LINK
def test_pullback_is_the_product_with_the_jacobian_of_the_link(link):
    link, rng, h = LINKS[link](), np.random.RandomState(0), 1e-6
    Z, dA = rng.randn(5, 3), rng.randn(5, 3)
    dZ = link.pullback(link.probabilities(Z), dA.copy())
    for k in range(3):
        step = h * np.eye(3)[k]
        dA_dz = (link.probabilities(Z + step) - link.probabilities(Z - step)) / (2 * h)
        np.testing.assert_allclose(dZ[:, k], np.sum(dA * dA_dz, axis=1), atol=1e-9)


@EVERY_LINK
def test_pullback_works_in_place(link):
    link = LINKS[link]()
    A, dA = link.probabilities(np.array([[0.3, -1.0]])), np.array([[1.0, 2.0]])
    assert link.pullback(A, dA) is dA


@pytest.mark.parametrize(("y", "expected"), [(0.0, 0.9740769841801067), (1.0, 0.4740769841801067)])
def test_binary_log_loss_by_hand(y, expected):
    # softplus(0.5) - y * 0.5; the gradient is sigmoid(0.5) - y
    value, dZ = loss_and_gradient(LogLoss(), np.array([[0.5]]), np.array([[y]]), SIGMOID)
    np.testing.assert_allclose(value, [expected], rtol=1e-15)
    np.testing.assert_allclose(dZ, [[0.6224593312018546 - y]], rtol=1e-15)


def test_multiclass_log_loss_by_hand():
    # logsumexp(1, 2, 3) - z_y; the gradient is softmax(1, 2, 3) - y
    value, dZ = loss_and_gradient(LogLoss(), np.array([[1.0, 2.0, 3.0]] * 3), np.eye(3), SOFTMAX)
    np.testing.assert_allclose(value, 3.40760596444438 - np.array([1.0, 2.0, 3.0]), rtol=4e-15)
    np.testing.assert_allclose(dZ, np.array([SOFTMAX_GOLDEN[0][1]] * 3) - np.eye(3), rtol=1e-14)


def test_multilabel_log_loss_is_the_sum_of_its_binary_ones():
    rng = np.random.RandomState(0)
    Z, Y = rng.randn(6, 4), (rng.rand(6, 4) > 0.5).astype(float)
    value, dZ = loss_and_gradient(LogLoss(0.1), Z, Y, SIGMOID)
    singles = [loss_and_gradient(LogLoss(0.1), Z[:, [k]], Y[:, [k]], SIGMOID) for k in range(4)]
    np.testing.assert_allclose(value, sum(single[0] for single in singles), rtol=1e-14)
    np.testing.assert_allclose(dZ, np.hstack([single[1] for single in singles]), rtol=1e-14)


def test_squared_error_by_hand():
    # softmax(log 1, log 2, log 5) = (1, 2, 5) / 8. With y = (0, 0, 1): E = (1, 2, -3) / 8, ℓ = ½ (1 + 4 + 9) / 64,
    # Σ a E = (1 + 4 - 15) / 64 = -10 / 64, dZ = a (E - Σ a E) = (1, 2, 5) / 8 · (8 + 10, 16 + 10, -24 + 10) / 64
    Z, Y = np.log([[1.0, 2.0, 5.0]]), np.array([[0.0, 0.0, 1.0]])
    value, dZ = loss_and_gradient(SquaredError(), Z, Y, SOFTMAX)
    np.testing.assert_allclose(value, [7 / 64], rtol=1e-14)
    np.testing.assert_allclose(dZ, np.array([[18, 52, -70]]) / 512, rtol=1e-14)
    # sigmoid(log 3) = 3 / 4. With the real-valued target 2: E = -5 / 4, ℓ = 25 / 32, dZ = E · 3 / 4 · 1 / 4 = -15 / 64
    value, dZ = loss_and_gradient(SquaredError(), np.log([[3.0]]), np.array([[2.0]]), SIGMOID)
    np.testing.assert_allclose(value, [25 / 32], rtol=1e-14)
    np.testing.assert_allclose(dZ, [[-15 / 64]], rtol=1e-14)


@pytest.mark.parametrize(
    ("link", "y", "smooth"),
    [
        (SIGMOID, [1.0], [0.85]),  # 0.7 · 1 + 0.3 / 2
        (SIGMOID, [0.0], [0.15]),
        (SIGMOID, [0.0, 1.0], [0.15, 0.85]),  # each label has two sides
        (SOFTMAX, [0.0, 1.0, 0.0], [0.1, 0.8, 0.1]),  # 0.7 · 1 + 0.3 / 3
        (SOFTMAX, [0.0, 1.0, 0.0, 0.0, 0.0], [0.06, 0.76, 0.06, 0.06, 0.06]),
    ],
)
def test_label_smoothing_is_the_log_loss_of_smoothed_targets(link, y, smooth):
    Z = np.random.RandomState(0).randn(1, len(y))
    value, dZ = loss_and_gradient(LogLoss(label_smoothing=0.3), Z, np.array([y]), link)
    expected_value, expected_dZ = loss_and_gradient(LogLoss(), Z, np.array([smooth]), link)
    np.testing.assert_allclose(value, expected_value, rtol=1e-14)
    np.testing.assert_allclose(dZ, expected_dZ, rtol=1e-13)


@pytest.mark.parametrize("s", [-0.1, 1.0, 2, float("nan"), "0.1", None, False])
def test_an_invalid_label_smoothing_raises(s):
    with pytest.raises(ValueError, match=r"LogLoss: label_smoothing must be a number in \[0, 1\)"):
        LogLoss(label_smoothing=s)


@EVERY_LOSS
@EVERY_LINK
@pytest.mark.parametrize("n_outputs", [1, 2, 4])
def test_gradient_is_the_central_difference_of_the_value(loss, link, n_outputs):
    loss, link, rng, h = LOSSES[loss](), LINKS[link](), np.random.RandomState(0), 1e-6
    Z, Y = 3 * rng.randn(20, n_outputs), np.eye(n_outputs)[rng.randint(0, n_outputs, 20)]
    dZ = loss_and_gradient(loss, Z, Y, link)[1]
    for k in range(n_outputs):
        step = h * np.eye(n_outputs)[k]
        difference = (loss.value(Z + step, Y, link) - loss.value(Z - step, Y, link)) / (2 * h)
        np.testing.assert_allclose(dZ[:, k], difference, atol=2e-9)


@EVERY_LOSS
@EVERY_LINK
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_shapes_and_dtypes_are_kept_and_nothing_else_is_written_to(loss, link, dtype):
    loss, link, rng = LOSSES[loss](), LINKS[link](), np.random.RandomState(0)
    Z, Y = rng.randn(5, 3).astype(dtype), np.eye(3, dtype=dtype)[[0, 1, 2, 1, 0]]
    A = link.probabilities(Z)
    before, out = [Z.copy(), A.copy(), Y.copy()], np.empty_like(Z)
    value = loss.value(Z, Y, link)
    assert loss.gradient(Z, A, Y, link, out) is out
    assert value.shape == (5,)
    assert value.dtype == A.dtype == link.log_probabilities(Z).dtype == link.log_loss(Z, Y).dtype == dtype
    for array, kept in zip([Z, A, Y], before, strict=True):
        np.testing.assert_array_equal(array, kept)


@settings(deadline=None)  # a timing is no verdict
@given(arrays(np.float64, (3, 4), elements=st.floats(-1e300, 1e300)))
def test_probabilities_are_probabilities_whatever_the_logits(Z):
    for link in LINKS.values():
        A, log_A = link().probabilities(Z), link().log_probabilities(Z)
        assert ((A >= 0) & (A <= 1)).all()
        assert ((log_A <= 1e-15) & np.isfinite(log_A)).all()
        near = log_A > -700  # exp of anything less rounds to zero, or nearly so
        np.testing.assert_allclose(A[near], np.exp(log_A[near]), rtol=1e-10)
    np.testing.assert_allclose(SOFTMAX.probabilities(Z).sum(axis=1), 1.0, rtol=1e-15)


# ---------------------------------------------------------------------- huge logits


@EVERY_HUGE
def test_binary_log_loss_of_huge_logits_is_exact(dtype, size):
    Z = np.array([[size], [size], [-size], [-size]], dtype)
    Y = np.array([[1], [0], [1], [0]], dtype)
    value, dZ = loss_and_gradient(LogLoss(), Z, Y, SIGMOID)
    # right: 0 = -log 1; wrong: -log σ(-|z|) = |z| + log1p(exp(-|z|)), which rounds to |z|
    np.testing.assert_array_equal(value, np.array([0, size, size, 0], dtype))
    np.testing.assert_array_equal(dZ, [[0], [1], [-1], [0]])


@EVERY_HUGE
def test_multiclass_log_loss_of_huge_logits_is_exact(dtype, size):
    Z = np.array([[size, 0, -size]] * 3, dtype)
    value, dZ = loss_and_gradient(LogLoss(), Z, np.eye(3, dtype=dtype), SOFTMAX)
    np.testing.assert_array_equal(value, np.array([0, size, dtype(size) + dtype(size)], dtype))
    np.testing.assert_array_equal(dZ, [[0, 0, 0], [1, -1, 0], [1, 0, -1]])


@EVERY_HUGE
@pytest.mark.parametrize("sign", [1, -1])
def test_equal_huge_logits_share_the_probability(dtype, size, sign):
    Z = np.full((1, 4), sign * size, dtype)
    np.testing.assert_array_equal(SOFTMAX.probabilities(Z), [[0.25] * 4])
    np.testing.assert_allclose(SOFTMAX.log_probabilities(Z), [[-np.log(4)] * 4], rtol=1e-6)


@EVERY_HUGE
@pytest.mark.parametrize("sign", [1, -1])
def test_log_loss_of_equal_huge_logits_is_that_of_a_guess(dtype, size, sign):
    Z, Y = np.full((1, 4), sign * size, dtype), np.eye(4, dtype=dtype)[[2]]
    value, dZ = loss_and_gradient(LogLoss(), Z, Y, SOFTMAX)
    np.testing.assert_allclose(value, [np.log(4)], rtol=1e-6)
    np.testing.assert_array_equal(dZ, [[0.25, 0.25, -0.75, 0.25]])


@EVERY_HUGE
def test_squared_error_of_huge_logits_is_exact(dtype, size):
    Z = np.array([[size, -size], [-size, size]], dtype)
    Y = np.array([[1, 0], [1, 0]], dtype)
    for link in (SIGMOID, SOFTMAX):
        value, dZ = loss_and_gradient(SquaredError(), Z, Y, link)
        np.testing.assert_array_equal(value, [0, 1])  # ½ (1 + 1) where both are wrong
        np.testing.assert_array_equal(dZ, np.zeros((2, 2)))  # it saturates, unlike the log loss


@EVERY_HUGE
def test_label_smoothing_of_huge_logits_is_finite_and_in_proportion(dtype, size):
    # targets 0.9 and 0.1: softplus(z) - 0.9 z = 0.1 |z| where right, 0.9 |z| where wrong
    Z = np.array([[size], [-size]], dtype)
    value, dZ = loss_and_gradient(LogLoss(0.2), Z, np.ones((2, 1), dtype), SIGMOID)
    rtol = 1e-5 if dtype is np.float32 else 1e-14
    np.testing.assert_allclose(value, [0.1 * size, 0.9 * size], rtol=rtol)
    np.testing.assert_allclose(dZ, [[0.1], [-0.9]], rtol=rtol)


@EVERY_HUGE
def test_log_probabilities_of_huge_logits_are_exact(dtype, size):
    np.testing.assert_array_equal(
        SIGMOID.log_probabilities(np.array([[size, -size]], dtype)), np.array([[0, -size]], dtype)
    )
    np.testing.assert_array_equal(
        SOFTMAX.log_probabilities(np.array([[size, 0]], dtype)), np.array([[0, -size]], dtype)
    )


@EVERY_HUGE
@EVERY_LOSS
@pytest.mark.parametrize(("link", "n_outputs"), [("sigmoid", 1), ("softmax", 3), ("sigmoid", 3)])
def test_a_network_with_huge_logits_has_a_finite_loss_and_gradient(dtype, size, loss, link, n_outputs):
    net = Network([1, n_outputs], loss=loss, link=link, random_state=0, dtype=dtype)
    net.theta[...] = 0
    net.W[0][0, 0] = size
    X, Y = np.array([[1.0], [-1.0]], dtype), np.eye(n_outputs, dtype=dtype)[[0, -1]]
    value, grads = net.objective(X, Y)
    assert np.isfinite(value)
    assert np.isfinite(grads.theta).all()
    if loss == "log_loss" and n_outputs == 1:  # z = (size, -size), y = (1, 1): ℓ = (0, size), dz = (0, -1)
        assert value == pytest.approx(size / 2, rel=1e-6)
        np.testing.assert_array_equal(grads.theta, [0.5, -0.5])


# ---------------------------------------------------------------------- huge logits, seen through the classifier


def linear_classifier(n_classes, dtype):
    """Return a fitted classifier whose logits are its features."""
    n_outputs = 1 if n_classes == 2 else n_classes
    X, y = np.random.RandomState(0).randn(12, n_outputs).astype(dtype), np.arange(12) % n_classes
    clf = BackpropClassifier((), max_iter=1, n_iter_no_change=None, early_stopping=False, random_state=0).fit(X, y)
    clf.coefs_[0][...] = np.eye(n_outputs)
    clf.intercepts_[0][...] = 0
    return clf


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_sides_of_a_binary_probability_are_exact(dtype):
    clf = linear_classifier(2, dtype)
    Z = np.array([[golden[0]] for golden in SIGMOID_GOLDEN], dtype)
    p_1 = np.array([golden[2] for golden in SIGMOID_GOLDEN])
    # σ(-z), with mpmath at 50 digits as 1 / (1 + exp(z)): 1 - σ(z) would be 0 at z = 40
    p_0 = [1.0, 0.7310585786300049, 0.5, 0.37754066879814546, 2.0611536181902037e-09, 4.248354255291589e-18]
    P = clf.predict_proba(Z)
    assert P.dtype == dtype
    np.testing.assert_allclose(P, np.column_stack([p_0, p_1]), rtol=5e-7 if dtype is np.float32 else 4e-16)


@EVERY_HUGE
def test_binary_predictions_from_huge_logits(dtype, size):
    clf = linear_classifier(2, dtype)
    X = np.array([[size], [-size], [0]], dtype)
    np.testing.assert_array_equal(clf.predict_proba(X), [[0, 1], [1, 0], [0.5, 0.5]])
    log_half = np.log(dtype(0.5))
    expected = np.array([[-size, 0], [0, -size], [log_half, log_half]], dtype)
    np.testing.assert_allclose(clf.predict_log_proba(X), expected, rtol=1e-6)
    np.testing.assert_array_equal(clf.decision_function(X), X[:, 0])
    np.testing.assert_array_equal(clf.predict(X), [1, 0, 0])


@EVERY_HUGE
def test_multiclass_predictions_from_huge_logits(dtype, size):
    clf = linear_classifier(3, dtype)
    X = np.array([[size, 0, -size], [-size, 0, 0]], dtype)
    np.testing.assert_array_equal(clf.predict_proba(X), [[1, 0, 0], [0, 0.5, 0.5]])
    log_half = np.log(dtype(0.5))
    twice = dtype(size) + dtype(size)
    expected = np.array([[0, -size, -twice], [log_half - size, log_half, log_half]], dtype)
    np.testing.assert_allclose(clf.predict_log_proba(X), expected, rtol=1e-6 if dtype is np.float32 else 1e-15)
    np.testing.assert_array_equal(clf.decision_function(X), X)
