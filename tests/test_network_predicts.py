"""Network.predict, predict_proba and score, and the Network of a fitted classifier."""

import pickle
import re

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier, check_gradients
from skbackprop.activations import LeakyRelu
from skbackprop.losses import LogLoss

KINDS = ["binary", "multiclass", "multilabel"]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def labelled(kind, dtype=np.float64):
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(dtype)
    return X, {
        "binary": np.where(y == 1, "yes", "no"),
        "multiclass": np.array(["red", "green", "blue"])[y],
        "multilabel": np.stack([y == 1, X[:, 0] > 0, y > 0], axis=1).astype(int),
    }[kind]


def fitted(kind, dtype=np.float64, hidden=(5,), **params):
    settings = {"activation": "tanh", "max_iter": 5, "n_iter_no_change": None, "early_stopping": False}
    return BackpropClassifier(hidden, random_state=0, **settings | params).fit(*labelled(kind, dtype))


def numbered(clf, y):
    """Return labels as class numbers; label indicators as they are."""
    return y if y.ndim == 2 else np.searchsorted(clf.classes_, y)


# ---------------------------------------------------------------------- predict, predict_proba, score


def passing_on(n_outputs, link="auto"):
    """Return a network without hidden layers whose logits are X."""
    net = Network([n_outputs, n_outputs], link=link)
    net.W[0] = np.eye(n_outputs)
    return net


def test_one_output_predicts_0_and_1():
    net, X = passing_on(1), np.log([[3.0], [1 / 3], [1.0], [9.0]])
    np.testing.assert_allclose(net.predict_proba(X), [[1 / 4, 3 / 4], [3 / 4, 1 / 4], [1 / 2, 1 / 2], [1 / 10, 9 / 10]])
    predicted = net.predict(X)
    np.testing.assert_array_equal(predicted, [1, 0, 0, 1])
    assert predicted.dtype == np.int64
    for y in ([1, 0, 1, 1], [[1], [0], [1], [1]], np.array([True, False, True, True]), [1.0, 0.0, 1.0, 1.0]):
        assert net.score(X, y) == 0.75  # a column against a vector would be 0.5


def test_softmax_predicts_class_numbers():
    net, X = passing_on(3), np.log([[1.0, 2.0, 1.0], [6.0, 1.0, 1.0], [1.0, 1.0, 2.0]])
    np.testing.assert_allclose(
        net.predict_proba(X), [[1 / 4, 1 / 2, 1 / 4], [3 / 4, 1 / 8, 1 / 8], [1 / 4, 1 / 4, 1 / 2]]
    )
    np.testing.assert_array_equal(net.predict(X), [1, 0, 2])
    for y in ([1, 0, 0], np.eye(3)[[1, 0, 0]], [1.0, 0.0, 0.0]):
        assert net.score(X, y) == pytest.approx(2 / 3)


def test_labels_that_do_not_exclude_each_other_are_right_all_at_once():
    net, X = passing_on(2, "sigmoid"), np.array([[1.0, -1.0], [2.0, 2.0], [-1.0, -1.0]])
    np.testing.assert_array_equal(net.predict(X), [[1, 0], [1, 1], [0, 0]])
    np.testing.assert_allclose(net.predict_proba(X), 1 / (1 + np.exp(-X)))
    assert net.score(X, [[1, 0], [1, 0], [0, 0]]) == pytest.approx(2 / 3)


def test_small_probabilities_are_exact_on_both_sides():
    P = passing_on(1).predict_proba([[40.0], [-40.0]])
    assert P[0, 0] == pytest.approx(np.exp(-40), rel=1e-12)
    assert P[1, 1] == pytest.approx(np.exp(-40), rel=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_single_sample_and_a_sparse_one_are_predicted(n_outputs):
    net, X = Network([4, 3, n_outputs], random_state=0), load_iris().data
    for make in (np.asarray, sp.csr_matrix, lambda X: X.tolist()):
        assert net.predict(make(X[:1])).shape == (1,)
        np.testing.assert_allclose(net.predict_proba(make(X)), net.predict_proba(X), rtol=1e-12)
    np.testing.assert_allclose(net.predict_proba(X)[:, -n_outputs:], net.forward(X).A[-1], rtol=1e-12)


@pytest.mark.parametrize(
    ("n_outputs", "y", "match"),
    [
        (1, [-1, 1, 1], "0 and 1; it holds numbers from -1 to 1"),
        (1, [0, 1, 2], "0 and 1; it holds numbers from 0 to 2"),
        (1, [0.2, 0.7, 1.0], "for targets that are real numbers, use net.loss"),
        (1, [0, 1], r"class numbers of shape \(3,\); got \(2,\)"),
        (1, np.eye(2)[[0, 1, 1]], r"class numbers of shape \(3,\); got \(3, 2\)"),
        (1, [[0, 1, 1]], r"shape \(3,\); got \(1, 3\)"),
        (1, ["no", "yes", "no"], re.escape("np.unique(y, return_inverse=True)[1]")),
        (1, [0, np.nan, 1], "y holds NaN"),
        (3, [1, 2, 3], "class numbers, 0 to 2; it holds numbers from 1 to 3"),
        (3, [[0], [1], [2]], r"shape \(3,\); got \(3, 1\)"),
        (3, np.ones((3, 3)), "one-hot"),
        (3, np.full((3, 3), 1 / 3), "one-hot"),
        (3, np.zeros((3, 3)), "one-hot"),
    ],
)
def test_a_score_of_what_predict_never_returns_raises(n_outputs, y, match):
    with pytest.raises(ValueError, match=match):
        Network([2, n_outputs], random_state=0).score(np.ones((3, 2)), y)


def test_label_indicators_of_another_shape_raise():
    net = Network([2, 3], link="sigmoid", random_state=0)
    for y in ([0, 1, 2], [[0], [1], [1]]):
        with pytest.raises(ValueError, match=r"label indicators of shape \(3, 3\)"):
            net.score(np.ones((3, 2)), y)


# ---------------------------------------------------------------------- network_


@EVERY_KIND
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)], ids=str)
def test_the_network_of_a_classifier_predicts_as_it_does(hidden, dtype, kind):
    (X, y), clf = labelled(kind, dtype), fitted(kind, dtype, hidden)
    net = clf.network_
    np.testing.assert_array_equal(net.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(net.predict(X), numbered(clf, clf.predict(X)))
    assert net.score(X, numbered(clf, y)) == clf.score(X, y)
    assert net.layer_sizes == [4, *hidden, clf.n_outputs_]
    assert net.dtype == dtype
    Z = clf.decision_function(X)
    np.testing.assert_allclose(net.forward(X).Z[-1].reshape(Z.shape), Z, rtol=1e-5 if dtype is np.float32 else 1e-12)


@EVERY_KIND
def test_it_is_a_copy_that_trains_on_and_leaves_the_classifier_alone(kind):
    (X, y), clf = labelled(kind), fitted(kind)
    net, before = clf.network_, clf.predict_proba(X)
    Y = numbered(clf, y)
    Y = np.eye(3)[Y] if kind == "multiclass" else Y
    J = net.loss(net.forward(X), Y)
    for _ in range(20):
        net.update(net.backward(net.forward(X), Y), 0.01, "adam")
    assert net.loss(net.forward(X), Y) < J
    assert check_gradients(net, X[:5], Y[:5]) < 1e-6
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    np.testing.assert_array_equal(clf.network_.predict_proba(X), before)


def test_it_has_the_activations_that_were_trained_the_loss_and_the_link():
    phi, loss = LeakyRelu(0.3), LogLoss(0.1)
    clf = fitted("binary", hidden=(5, 4), activation=["tanh", phi], loss=loss)
    expected = clf.predict_proba(labelled("binary")[0])
    clf.set_params(activation="relu")
    phi.set_params(slope=0.9)
    net = clf.network_
    assert repr(net.activations) == "[Tanh(), LeakyRelu(slope=0.3)]"
    assert net.loss_function == loss
    assert net.loss_function is not loss
    assert repr(net.link) == "SigmoidLink()"
    net.activations[1].set_params(slope=0.5)
    np.testing.assert_array_equal(clf.network_.predict_proba(labelled("binary")[0]), expected)


def test_its_loss_and_gradient_are_those_of_the_fit():
    X, y = labelled("multiclass")
    clf = fitted(
        "multiclass", solver="sgd", learning_rate=0.1, batch_size="full", alpha=0.2, warm_start=True, max_iter=1
    )
    net, Y = clf.network_, np.eye(3)[numbered(clf, y)]
    J, grads = net.objective(X, Y, alpha=0.2)
    clf.fit(X, y)
    assert clf.loss_ == pytest.approx(J, rel=1e-12)
    net.update(grads, 0.1, "sgd")
    np.testing.assert_array_equal(net.W[0], clf.coefs_[0])


@EVERY_KIND
def test_it_is_there_after_a_file(kind):
    X, clf = labelled(kind)[0], fitted(kind)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.network_.predict_proba(X), clf.predict_proba(X))
    assert "network_" not in vars(loaded)


@pytest.mark.parametrize("make", [TwoLayerClassifier, BackpropClassifier])
def test_before_fit_it_is_not_there(make):
    assert not hasattr(make(), "network_")
    with pytest.raises(NotFittedError, match=rf"This {make.__name__} instance is not fitted yet"):
        _ = make().network_
