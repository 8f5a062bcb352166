"""What a Network is given is checked, and the remedy that the error names works."""

import re

import numpy as np
import pytest
import scipy.sparse as sp

from skbackprop import Network, check_gradients
from skbackprop.losses import LOSSES, LogLoss, SigmoidLink
from skbackprop.registry import Configurable

X = np.random.RandomState(0).standard_normal((4, 2))


def network(n_outputs=1, **params):
    return Network([2, 3, n_outputs], **{"activation": "tanh", "random_state": 0} | params)


def refused(net, Y, match):
    """Every method that takes targets refuses these, with these words."""
    cache = net.forward(X)
    for judge in (net.loss, net.backward):
        with pytest.raises(ValueError, match=match):
            judge(cache, Y)
    for judge in (net.objective, lambda X, Y: check_gradients(net, X, Y)):
        with pytest.raises(ValueError, match=match):
            judge(X, Y)


# ---------------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("y", "remedy", "targets"),
    [
        ([-1, 1, 1, -1], "(y + 1) / 2", [0, 1, 1, 0]),
        ([-1, -1, -1, -1], "(y + 1) / 2", [0, 0, 0, 0]),
        ([1, 2, 2, 1], "y - 1", [0, 1, 1, 0]),
        ([4, 2, 2, 4], "(y - 2) / 2", [1, 0, 0, 1]),
        ([0, 255, 0, 255], "y / 255", [0, 1, 0, 1]),
        ([-3, -2, -2, -3], "y + 3", [0, 1, 1, 0]),
    ],
)
@pytest.mark.parametrize("loss", ["log_loss", LogLoss(0.1)], ids=str)
def test_labels_that_are_not_0_and_1_raise_with_a_formula_that_mends_them(y, remedy, targets, loss):
    refused(network(loss=loss), y, rf"Y must hold 0 and 1.* in \[0, 1\].* become targets with {re.escape(remedy)}\.")
    refused(network(loss=loss), np.array(y)[:, np.newaxis], re.escape(remedy))
    np.testing.assert_array_equal(eval(remedy, {"y": np.array(y)}), targets)
    network(loss=loss).objective(X, eval(remedy, {"y": np.array(y)}))


@pytest.mark.parametrize(
    ("y", "remedy"),
    [([0, 1, 2, 1], "np.eye(3)[y]"), ([1, 2, 3, 4], "np.eye(4)[y - 1]"), ([3, 5, 4, 3], "np.eye(3)[y - 3]")],
)
def test_class_numbers_given_to_a_single_output_raise_and_want_more(y, remedy):
    refused(network(), y, rf"3 outputs|4 outputs, one for each class, with {re.escape(remedy)}")
    Y = eval(remedy, {"y": np.array(y), "np": np})
    network(Y.shape[1]).objective(X, Y)


@pytest.mark.parametrize(("y", "remedy"), [([0, 1, 2, 1], "np.eye(3)[y]"), ([1, 2, 3, 1], "np.eye(3)[y - 1]")])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_class_numbers_given_to_softmax_raise(y, remedy, loss):
    refused(network(3, loss=loss), y, rf"Y must have shape \(4, 3\).*{re.escape(remedy)}")
    refused(network(3, loss=loss), np.array(y)[:, np.newaxis], r"Y must have shape \(4, 3\).*np.eye\(3\)\[y\[:, 0\]")
    network(3, loss=loss).objective(X, eval(remedy, {"y": np.array(y), "np": np}))


@pytest.mark.parametrize("y", [[0.3, 1.7, 0.5, 0.6], [-0.5, 0.2, 0.3, 0.4], [2, 2, 2, 2], [1 + 1e-9, 0, 1, 0]], ids=str)
def test_real_numbers_raise_for_the_log_loss_and_pass_for_the_squared_error(y):
    refused(network(), y, r"Y must hold 0 and 1, or probabilities in \[0, 1\].*loss='squared_error'")
    assert np.isfinite(network(loss="squared_error").objective(X, y)[0])


@pytest.mark.parametrize("row", [[0, 0, 0], [1, 1, 0], [1, 1, 1], [0.3, 0.3, 0.3], [0.5, 0.4, 0.099]], ids=str)
def test_rows_that_do_not_sum_to_one_raise_for_softmax_alone(row):
    Y = np.eye(3)[[0, 1, 2, 0]]
    Y[2] = row
    refused(network(3), Y, rf"sum to one for softmax; row 2 sums to {np.sum(row):g}.*np.eye\(3\)\[y\].*link='sigmoid'")
    for others in ({"link": "sigmoid"}, {"loss": "squared_error"}):
        assert np.isfinite(network(3, **others).objective(X, Y)[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_targets_too(dtype):
    soft = np.random.RandomState(0).dirichlet(np.ones(50), 4).astype(np.float32)
    assert np.isfinite(network(50, dtype=dtype).objective(X, soft)[0])
    assert np.isfinite(network(dtype=dtype).objective(X, [0.0, 1.0, 0.25, 0.5])[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_targets_that_are_not_finite_raise_for_every_loss(loss, bad):
    refused(network(loss=loss), [0, 1, bad, 1], "Y holds NaN, or numbers that are infinite")
    refused(network(loss=loss, dtype=np.float32), [0, 1, 1e300, 1], "infinite in float32")


def test_labels_that_are_no_numbers_raise_and_the_remedy_works():
    y = np.array(["red", "green", "red", "green"])
    refused(network(), y, re.escape("class numbers with np.unique(y, return_inverse=True)[1]"))
    assert np.isfinite(network().objective(X, np.unique(y, return_inverse=True)[1])[0])


def test_one_hot_rows_and_transposed_targets_raise_with_a_remedy():
    refused(network(), np.eye(2)[[0, 1, 1, 0]], re.escape("Y[:, 1]"))
    refused(network(), [[0, 1, 1, 0]], re.escape("Samples are rows here: give Y.T"))
    refused(network(3), np.eye(3)[[0, 1, 2, 0]].T, re.escape("give Y.T"))


def test_a_loss_of_ones_own_says_what_it_takes_and_one_that_does_not_takes_all():
    class Hinge(Configurable):
        def value(self, Z, Y, link):
            return np.maximum(0, 1 - Y * Z).sum(axis=1)

        def gradient(self, Z, A, Y, link, out):
            return np.multiply(-Y, Z * Y < 1, out=out)

    class Judging(Hinge):
        def check_targets(self, Y, link):
            assert isinstance(link, SigmoidLink)
            if not np.isin(Y, [-1, 1]).all():
                raise ValueError("Y must hold -1 and 1: 2 * y - 1.")

    assert np.isfinite(network(loss=Hinge()).objective(X, [0, 1, 1, 5])[0])
    assert np.isfinite(network(loss=Judging()).objective(X, [-1, 1, 1, -1])[0])
    refused(network(loss=Judging()), [0, 1, 1, 0], re.escape("2 * y - 1"))


# ---------------------------------------------------------------------- samples, sizes, seeds


@pytest.mark.parametrize("method", ["forward", "predict", "predict_proba"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("make", [np.array, sp.csr_matrix])
def test_samples_that_are_not_finite_raise(method, bad, make):
    with pytest.raises(ValueError, match="X holds NaN, or numbers that are infinite in float64"):
        getattr(network(), method)(make([[0.5, bad], [1.0, 2.0]]))


def test_transposed_samples_and_words_raise_with_a_remedy():
    with pytest.raises(
        ValueError, match=re.escape("X must have shape (n_samples, 2); got (2, 4). Samples are rows here")
    ):
        network().forward(X.T)
    with pytest.raises(ValueError, match="X must hold numbers: could not convert"):
        network().forward([["a", "b"]])


@pytest.mark.parametrize("sizes", [2, 2.5, None])
def test_layer_sizes_that_are_no_list_raise(sizes):
    with pytest.raises(
        ValueError, match=re.escape(f"layer_sizes must be one list, as in Network([2, 3, 1]); got {sizes}")
    ):
        Network(sizes)
    with pytest.raises(ValueError, match=re.escape("as in Network([2, 3, 1])")):
        Network(2, 3, 1)


@pytest.mark.parametrize("sizes", [[2, 3.7, 1], [2, 3.0, 1], [2, True, 1], "231", [2, None, 1]], ids=str)
def test_layer_sizes_that_are_no_integers_raise(sizes):
    with pytest.raises(ValueError, match="two numbers of units, each >= 1 and an integer"):
        Network(sizes)


def test_layer_sizes_may_be_any_sequence_of_integers():
    for sizes in ((2, 3, 1), np.array([2, 3, 1]), range(2, 4)):
        assert Network(sizes).layer_sizes == [*sizes]


def test_a_generator_of_numpys_raises_and_the_remedies_work():
    rng = np.random.default_rng(0)
    for make in (
        lambda rng: network(random_state=rng),
        lambda rng: network().forward(X, dropout=0.2, random_state=rng),
    ):
        with pytest.raises(TypeError, match=r"not a numpy Generator.*random_state=0, or np.random.RandomState\(0\)"):
            make(rng)
        make(0)
        make(np.random.RandomState(0))
    assert rng.random() == np.random.default_rng(0).random()  # and nothing was drawn


@pytest.mark.parametrize("dropout", ["0.2", None, [0.2], 1])
def test_dropout_that_is_no_number_raises(dropout):
    with pytest.raises(ValueError, match=r"dropout must be a number in \[0, 1\)"):
        network().forward(X, dropout=dropout)


@pytest.mark.parametrize("alpha", [-0.1, np.nan, "auto", None])
def test_an_invalid_alpha_raises(alpha):
    cache = network().forward(X)
    for judge in (network().loss, network().backward):
        with pytest.raises(ValueError, match=r"alpha must be a number in \[0, inf\)"):
            judge(cache, [0, 1, 1, 0], alpha=alpha)


# ---------------------------------------------------------------------- caches


@pytest.mark.parametrize("method", ["loss", "backward"])
def test_samples_in_place_of_a_cache_raise(method):
    for given in (X, X.tolist(), None):
        with pytest.raises(TypeError, match=r"cache must be what forward returns, cache = net.forward\(X\); got"):
            getattr(network(), method)(given, [0, 1, 1, 0])


@pytest.mark.parametrize("method", ["loss", "backward"])
@pytest.mark.parametrize("sizes", [[2, 4, 1], [2, 1], [2, 3, 3, 1]])
def test_a_cache_of_a_network_of_other_sizes_raises(method, sizes):
    cache = Network(sizes).forward(X)
    with pytest.raises(ValueError, match=re.escape(f"layer sizes {sizes}; this network has [2, 3, 1]")):
        getattr(network(), method)(cache, [0, 1, 1, 0])


def assign_w(net):
    net.W[0] = np.ones((2, 3))


def change_w(net):
    net.W[1] -= 0.5


def change_one_number(net):
    net.b[0][2] += 1e-12


def change_theta(net):
    net.theta[...] = 0.25


def assign_theta(net):
    net.theta = net.theta[::-1]


def update(net):
    net.update(net.backward(net.forward(X), [0, 1, 1, 0]), 0.1)


def update_by_adam(net):
    net.update(net.backward(net.forward(X), [0, 1, 1, 0]), 0.1, "adam")


CHANGES = [assign_w, change_w, change_one_number, change_theta, assign_theta, update, update_by_adam]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_old_cache_has_a_loss_but_no_gradient_and_no_penalty(change):
    net, Y = network(), [0, 1, 1, 0]
    cache = net.forward(X)
    J, A = net.loss(cache, Y), cache.A[-1].copy()
    net.backward(cache, Y)
    change(net)
    assert net.loss(cache, Y) == J  # loops print the loss after the update
    np.testing.assert_array_equal(cache.A[-1], A)
    for judge in (lambda: net.backward(cache, Y), lambda: net.loss(cache, Y, alpha=0.1)):
        with pytest.raises(ValueError, match=r"parameters have changed since forward.*cache = net.forward\(X\) again"):
            judge()
    net.backward(net.forward(X), Y, alpha=0.1)


def test_parameters_that_come_back_make_the_cache_good_again():
    net, Y = network(), [0, 1, 1, 0]
    cache, theta = net.forward(X), net.theta.copy()
    expected = net.backward(cache, Y).theta.copy()
    update(net)
    net.theta = theta
    np.testing.assert_array_equal(net.backward(cache, Y).theta, expected)


def test_the_cache_of_another_network_of_these_sizes_raises():
    with pytest.raises(ValueError, match="or it is another network's"):
        network().backward(network(random_state=1).forward(X), [0, 1, 1, 0])
