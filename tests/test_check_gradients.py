"""check_gradients: right where backpropagation is right, loud where it is not, and without side effects."""

import copy
import pickle
from functools import cache

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier, check_gradients
from skbackprop.activations import ACTIVATIONS, Gelu, LeakyRelu, Tanh
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LOSSES, LogLoss, SquaredError
from skbackprop.solvers import SOLVERS

TARGETS = ["binary", "multiclass", "multilabel"]
SIZES = [(), (5,), (5, 4), (5, 4, 3)]
RIGHT = 2e-6  # about 1e-8 is typical, kinks of relu and cancellation leave room for more
RIGHT_FLOAT32 = 5e-3
WRONG = 1e-2


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)[::6] + 0.01  # no feature is exactly zero, where relu has its kink
    return X, np.array(["red", "green", "blue"])[y[::6]]


def problem(targets="multiclass"):
    X, y = iris()
    if targets == "binary":
        y = y == "red"
    elif targets == "multilabel":
        y = np.stack([y == "red", X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    return X, y


def make(hidden=(5,), **params):
    settings = {"random_state": 1, "alpha": 0.1, "activation": "tanh", "max_iter": 5, "n_iter_no_change": None}
    settings |= {"weight_init": "glorot", "solver": "adam", "learning_rate": 0.01}
    return BackpropClassifier(hidden, **(settings | {"early_stopping": False} | params))


def layer(check):
    """Return the number of the layer that holds the worst parameter."""
    name, _, place = check.parameter.partition("[")
    assert name[0] in "Wb"
    assert place.endswith("]")
    return int(name[1:])


# ---------------------------------------------------------------- what comes back


def test_it_is_a_number_that_says_where():
    X, y = problem()
    check = check_gradients(make(), X, y)
    assert isinstance(check, float)
    assert 0 <= check < RIGHT
    assert layer(check) in (1, 2)
    assert check.n_parameters == 4 * 5 + 5 + 5 * 3 + 3
    scale = max(abs(check.backprop), abs(check.difference))
    assert abs(check.backprop - check.difference) <= check * scale * (1 + 1e-9) or scale < 1e-3


def test_a_large_network_is_checked_in_part():
    X, y = problem()
    check = check_gradients(make((60, 20)), X, y)
    assert check < RIGHT
    assert 500 <= check.n_parameters < 4 * 60 + 60 + 60 * 20 + 20 + 20 * 3 + 3


# ---------------------------------------------------------------- right everywhere


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("loss", [*LOSSES, LogLoss(label_smoothing=0.2)], ids=str)
@pytest.mark.parametrize("hidden", SIZES, ids=str)
def test_every_loss_depth_and_kind_of_target(hidden, loss, targets):
    X, y = problem(targets)
    assert check_gradients(make(hidden, loss=loss), X, y) < RIGHT


@pytest.mark.parametrize("activation", [*ACTIVATIONS, LeakyRelu(0.3)], ids=str)
@pytest.mark.parametrize("hidden", [(6,), (4, 5)], ids=str)
def test_every_activation(hidden, activation):
    X, y = problem()
    assert check_gradients(make(hidden, activation=activation), X, y) < RIGHT


@pytest.mark.parametrize("weight_init", INITIALIZERS)
def test_every_initializer(weight_init):
    X, y = problem()
    assert check_gradients(make((4, 5), weight_init=weight_init), X, y) < RIGHT


def test_an_activation_for_each_layer():
    X, y = problem()
    assert check_gradients(make((5, 4, 3), activation=["tanh", LeakyRelu(0.5), "gelu"]), X, y) < RIGHT


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("fitted", [False, True])
def test_fitted_or_not(fitted, solver):
    X, y = problem()
    clf = make(solver=solver)
    assert check_gradients(clf.fit(X, y) if fitted else clf, X, y) < RIGHT


def test_a_fitted_estimator_is_checked_at_its_weights():
    X, y = problem()
    clf = make(max_iter=200, alpha=0.0, solver="lbfgs").fit(X, y)
    at_the_minimum = check_gradients(clf, X, y)
    assert abs(at_the_minimum.backprop) < 1e-2  # the gradients have gone
    clf.coefs_[0][...] = clf.coefs_[0] + 1.0
    assert abs(check_gradients(clf, X, y).backprop - at_the_minimum.backprop) > 0


COMBINATIONS = [
    {"targets": targets, "weights": weights, "sparse": sparse, "dropout": dropout, "class_weight": class_weight}
    for targets in TARGETS
    for weights in (False, True)
    for sparse in (False, True)
    for dropout in (0.0, 0.4)
    for class_weight in (None, "balanced", "dict")
    if targets != "multilabel" or class_weight is None
]


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda options: "-".join(map(str, options.values())))
@pytest.mark.parametrize("loss", [LogLoss(label_smoothing=0.1), SquaredError()], ids=["log_loss", "squared_error"])
def test_all_options_together(options, loss):
    X, y = problem(options["targets"])
    class_weight = options["class_weight"]
    if class_weight == "dict":
        class_weight = {label: 1.0 + k for k, label in enumerate(np.unique(y))}
    w = np.linspace(0.0, 2.0, len(X)) if options["weights"] else None
    X = csr_matrix(np.where(np.abs(X) > 0.5, X, 0)) if options["sparse"] else X
    clf = make((5, 4), loss=loss, dropout=options["dropout"], class_weight=class_weight)
    assert check_gradients(clf, X, y, sample_weight=w) < RIGHT


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_float32(dropout, sparse, targets):
    X, y = problem(targets)
    X = X.astype(np.float32)
    check = check_gradients(make((5, 4), dropout=dropout), csr_matrix(X) if sparse else X, y)
    assert 1e-12 < check < RIGHT_FLOAT32


@pytest.mark.parametrize("sizes", [[4, 1], [4, 3], [4, 5, 1], [4, 5, 4, 3]], ids=str)
@pytest.mark.parametrize("loss", LOSSES)
def test_networks_with_real_targets(loss, sizes):
    X, _ = problem()
    Y = np.random.RandomState(0).standard_normal((len(X), sizes[-1]))
    if loss == "log_loss":
        Y = np.abs(Y) / np.abs(Y).sum(axis=1, keepdims=True)
    net = Network(sizes, activation="silu", loss=loss, random_state=0)
    assert check_gradients(net, X, Y, sample_weight=np.arange(len(X))) < RIGHT


def test_two_layer_classifier_and_plain_lists():
    X, y = problem()
    assert check_gradients(TwoLayerClassifier(3, activation="softplus", random_state=0), X.tolist(), y.tolist()) < RIGHT


# ---------------------------------------------------------------- loud where something is wrong


class WrongTanh(Tanh):
    """tanh with the derivative that forgets a square."""

    def derivative(self, Z, A, out):
        return np.subtract(1, np.abs(A), out=out)


class SlightlyWrongTanh(Tanh):
    """tanh with a derivative that is two per cent too large."""

    def derivative(self, Z, A, out):
        super().derivative(Z, A, out)
        out *= 1.02
        return out


class WrongGelu(Gelu):
    """gelu without the second term of its derivative."""

    def derivative(self, Z, A, out):
        np.divide(A, Z, out=out)
        return out


class WrongLogLoss(LogLoss):
    """A gradient that forgets the label smoothing."""

    def gradient(self, Z, A, Y, link, out):
        return np.subtract(A, Y, out=out)


class WrongSquaredError(SquaredError):
    """A gradient without the link's Jacobian."""

    def gradient(self, Z, A, Y, link, out):
        return np.subtract(A, Y, out=out)


@pytest.mark.parametrize("wrong", [WrongTanh(), SlightlyWrongTanh(), WrongGelu()], ids=lambda phi: type(phi).__name__)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_wrong_derivative_is_found_in_its_layer(place, wrong):
    X, y = problem()
    activation = ["tanh", "tanh", "tanh"]
    activation[place - 1] = wrong
    check = check_gradients(make((5, 4, 3), activation=activation, alpha=0.0), X, y)
    assert check > WRONG
    assert layer(check) <= place  # a wrong φ' of layer l spoils dZ of the layers 1 … l, and nothing above
    assert check.backprop != pytest.approx(check.difference, rel=WRONG)


@pytest.mark.parametrize("loss", [WrongLogLoss(label_smoothing=0.3), WrongSquaredError()], ids=["log_loss", "squared"])
@pytest.mark.parametrize("targets", TARGETS)
def test_a_wrong_loss_gradient_is_found(targets, loss):
    X, y = problem(targets)
    check = check_gradients(make((), loss=loss), X, y)
    assert check > WRONG
    assert layer(check) == 1
    assert check_gradients(make((4,), loss=loss), X, y) > WRONG


def test_a_wrong_derivative_is_found_in_a_network():
    X, y = problem("binary")
    net = Network([4, 5, 1], activation=WrongTanh(), random_state=0)
    check = check_gradients(net, X, y.astype(float))
    assert check > WRONG
    assert layer(check) == 1


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("options", [{"dropout": 0.3}, {"class_weight": "balanced"}, {}], ids=str)
def test_no_option_hides_a_wrong_derivative(options, fitted):
    X, y = problem()
    clf = make((5, 4), activation=WrongTanh(), **options)
    assert check_gradients(clf.fit(X, y) if fitted else clf, X.astype(np.float32), y) > WRONG


# ---------------------------------------------------------------- no side effects


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_estimator_stays_as_it_was(dropout, fitted):
    X, y = problem()
    clf = make(random_state=np.random.RandomState(7), dropout=dropout, warm_start=True)
    if fitted:
        clf.fit(X, y)
    before = pickle.dumps(clf)
    first = check_gradients(clf, X, y)
    assert pickle.dumps(clf) == before
    assert check_gradients(clf, X, y) == first  # not even its random stream has moved


def test_the_network_stays_as_it_was():
    X, y = problem("binary")
    net = Network([4, 5, 1], activation="tanh", random_state=0)
    theta, arrays = net.theta.copy(), [*net.W, *net.b]
    check_gradients(net, X, y.astype(float))
    np.testing.assert_array_equal(net.theta, theta)
    assert all(a is b for a, b in zip(arrays, [*net.W, *net.b], strict=True))


@pytest.mark.parametrize("convert", [np.copy, csr_matrix, np.asfortranarray])
def test_the_data_stay_as_they_were(convert):
    X, y = problem()
    X, y, w = convert(X), y.copy(), np.linspace(0, 1, len(y))
    for array in (X.data if convert is csr_matrix else X, y, w):
        array.flags.writeable = False
    before = copy.deepcopy((X, y, w))
    check_gradients(make(dropout=0.3), X, y, sample_weight=w)
    assert pickle.dumps((X, y, w)) == pickle.dumps(before)


def test_the_global_random_state_is_left_alone():
    X, y = problem()
    before = pickle.dumps(np.random.get_state())
    check_gradients(make((60, 20), dropout=0.2), X, y)
    assert pickle.dumps(np.random.get_state()) == before


@pytest.mark.parametrize("fitted", [False, True])
def test_unusable_data_raise(fitted):
    X, y = problem()
    clf = make().fit(X, y) if fitted else make()
    with pytest.raises(ValueError, match="NaN"):
        check_gradients(clf, np.full_like(X, np.nan), y)
    with pytest.raises(ValueError, match="inconsistent"):
        check_gradients(clf, X, y[:-1])
    with pytest.raises(ValueError, match="sample_weight"):
        check_gradients(clf, X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(ValueError, match=r"class"):
        check_gradients(clf, X[:5], np.full(5, "red" if not fitted else "purple"))


# ---------------------------------------------------------------- a function of one's own


def logistic(theta, X, Y):
    """Return the gradient of logistic regression, worked by hand."""
    dZ = (1 / (1 + np.exp(-(X @ theta[:-1] + theta[-1]))) - Y) / len(X)
    return np.append(X.T @ dZ, dZ.sum())


def logistic_problem():
    X, y = problem("binary")
    return Network([4, 1], random_state=0), X, y.astype(float)


def test_a_correct_gradient_function_passes():
    net, X, Y = logistic_problem()
    check = check_gradients(net, X, Y, gradient=logistic)
    assert 0 <= check < RIGHT
    assert check.n_parameters == 5
    backward = net.objective(X, Y)[1].theta
    assert check_gradients(net, X, Y, gradient=lambda theta, X, Y: backward.tolist()) < RIGHT


def test_a_function_of_a_hidden_layer_is_in_the_order_of_theta():
    net = Network([4, 3, 1], activation="tanh", random_state=0)
    X, Y = logistic_problem()[1:]

    def gradient(theta, X, Y):
        W1, W2, b1, b2 = theta[:12].reshape(4, 3), theta[12:15], theta[15:18], theta[18]
        A1 = np.tanh(X @ W1 + b1)
        dZ2 = (1 / (1 + np.exp(-(A1 @ W2 + b2))) - Y) / len(X)
        dZ1 = np.outer(dZ2, W2) * (1 - A1**2)
        return np.concatenate([(X.T @ dZ1).ravel(), A1.T @ dZ2, dZ1.sum(axis=0), [dZ2.sum()]])

    assert check_gradients(net, X, Y, gradient=gradient) < RIGHT
    swapped = check_gradients(net, X, Y, gradient=lambda *given: np.roll(gradient(*given), 4))
    assert swapped > WRONG


@pytest.mark.parametrize(("k", "name"), [(0, "W1[0, 0]"), (3, "W1[3, 0]"), (4, "b1[0]")])
def test_a_wrong_entry_of_ones_own_is_found_in_its_place(k, name):
    net, X, Y = logistic_problem()

    def wrong(theta, X, Y):
        g = logistic(theta, X, Y)
        g[k] *= 1.1
        return g

    check = check_gradients(net, X, Y, gradient=wrong)
    assert check > WRONG
    assert check.parameter == name
    assert check.backprop == pytest.approx(1.1 * check.difference, rel=1e-5)


def test_a_sum_instead_of_a_mean_is_wrong_and_weights_are_the_objectives():
    net, X, Y = logistic_problem()
    assert check_gradients(net, X, Y, gradient=lambda *given: len(X) * logistic(*given)) > WRONG
    w = np.linspace(1, 3, len(X))

    def weighted(theta, X, Y):
        dZ = (1 / (1 + np.exp(-(X @ theta[:-1] + theta[-1]))) - Y) * w / w.sum()
        return np.append(X.T @ dZ, dZ.sum())

    assert check_gradients(net, X, Y, sample_weight=w, gradient=weighted) < RIGHT
    assert check_gradients(net, X, Y, sample_weight=w, gradient=logistic) > WRONG


def test_a_function_of_ones_own_gets_what_was_given_and_cannot_change_the_network():
    net, X, Y = logistic_problem()
    before, seen = net.theta.copy(), []

    def gradient(theta, X, Y):
        seen.append((X, Y))
        g = logistic(theta, X, Y)
        theta[...] = 7.0
        return g

    assert check_gradients(net, X, Y, gradient=gradient) < RIGHT
    np.testing.assert_array_equal(net.theta, before)
    assert len(seen) == 1
    assert seen[0][0] is X
    assert seen[0][1] is Y


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (np.ones(4), r"shape \(5,\).*got shape \(4,\)"),
        (np.ones((5, 1)), r"got shape \(5, 1\)"),
        (None, "got None; is there a return"),
        ("abc", "must return 5 numbers"),
        ([[1.0], [2.0, 3.0]], "must return 5 numbers"),
        ([1.0, 2.0, np.nan, 0.0, 0.0], r"finite numbers; got nan for W1\[2, 0\]"),
        ([1.0, 2.0, 0.0, 0.0, np.inf], r"got inf for b1\[0\]"),
    ],
    ids=str,
)
def test_a_result_that_cannot_be_used_raises_in_words(result, words):
    net, X, Y = logistic_problem()
    with pytest.raises(ValueError, match=words):
        check_gradients(net, X, Y, gradient=lambda theta, X, Y: result)


def test_only_a_function_and_only_of_a_network():
    net, X, Y = logistic_problem()
    with pytest.raises(TypeError, match="gradient must be a function"):
        check_gradients(net, X, Y, gradient=np.ones(5))
    with pytest.raises(TypeError, match="needs a Network"):
        check_gradients(make(), *problem(), gradient=logistic)


@pytest.mark.parametrize(
    ("given", "named"), [("relu", "a str"), (TwoLayerClassifier, "the class TwoLayerClassifier"), (None, "a NoneType")]
)
def test_what_is_neither_an_estimator_nor_a_network_raises(given, named):
    with pytest.raises(TypeError, match=f"estimator_or_network must be a Network, or a classifier .* got {named}"):
        check_gradients(given, *problem())
