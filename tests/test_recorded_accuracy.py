"""history_["accuracy"]: the share of the training samples predicted correctly during the epoch, computed by hand."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.preprocessing import StandardScaler, scale

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier
from skbackprop._core.predict import BLOCK_NUMBERS, weight_of_correct
from skbackprop.losses import LINKS, SigmoidLink, SoftmaxLink

SETTINGS = {"solver": "sgd", "learning_rate": 0.3, "early_stopping": False, "n_iter_no_change": None}
SETTINGS |= {"max_iter": 4, "shuffle": False, "random_state": 1}


def table(kind):
    """Return X, y, and the targets of a network."""
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    if kind == "multilabel":
        X, y = make_multilabel_classification(150, 4, n_classes=3, random_state=0)
        return StandardScaler().fit_transform(X), y, y.astype(float)
    if kind == "binary":
        return X, y == 1, (y == 1)[:, np.newaxis].astype(float)
    return X, y, np.eye(3)[y]


def right(net, X, Y):
    """Tell of each sample whether the network has it right, from the probabilities."""
    A = net.forward(X).A[-1]
    if isinstance(net.link, SoftmaxLink):
        return A.argmax(axis=1) == Y.argmax(axis=1)
    return ((A > 0.5) == (Y > 0.5)).all(axis=1)


def by_hand(net, X, Y, w, batch_size, n_epochs):
    """Return the accuracy of each epoch of plain gradient descent; it changes the network."""
    accuracy = []
    for _ in range(n_epochs):
        correct = 0.0
        for i in range(0, len(X), batch_size):
            batch = slice(i, i + batch_size)
            correct += float(w[batch] @ right(net, X[batch], Y[batch]))
            grads = net.objective(X[batch], Y[batch], w[batch])[1]
            net.update(grads, 0.3 * w[batch].mean() / w.mean())  # fit divides by the mean weight of all samples
        accuracy.append(correct / w.sum())
    return accuracy


@pytest.mark.filterwarnings("ignore:The fitted network is useless")  # after four updates
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [32, 7, "full"])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_it_is_the_weighted_share_of_each_mini_batch_before_its_update(kind, loss, batch_size, weighted):
    X, y, Y = table(kind)
    w = np.random.RandomState(0).uniform(0.1, 3, len(X)) if weighted else None
    clf = TwoLayerClassifier(6, loss=loss, batch_size=batch_size, alpha=0.0, **SETTINGS).fit(X, y, w)
    link = "sigmoid" if kind == "multilabel" else "auto"
    net = Network([4, 6, Y.shape[1]], loss=loss, link=link, random_state=1)
    size = len(X) if batch_size == "full" else batch_size
    expected = by_hand(net, X, Y, np.ones(len(X)) if w is None else w, size, 4)
    np.testing.assert_allclose(clf.history_["accuracy"], expected, rtol=1e-12)
    np.testing.assert_allclose(clf.coefs_[0], net.W[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_in_a_full_batch_it_is_the_score_before_the_update(solver):
    X, y, _ = table("multiclass")
    clf = BackpropClassifier((5,), **SETTINGS | {"solver": solver, "learning_rate": 0.05}, batch_size="full")
    clf.fit(X, y)
    before = [BackpropClassifier(**clf.get_params() | {"max_iter": n}).fit(X, y).score(X, y) for n in range(1, 4)]
    np.testing.assert_allclose(clf.history_["accuracy"][1:], before, rtol=1e-12)


def test_a_chunk_of_a_stream_is_divided_by_its_own_weight():
    X, y, _ = table("binary")
    clf = TwoLayerClassifier(4, batch_size="full", random_state=0)
    for scale_of_weights in (1.0, 100.0):
        clf.partial_fit(X, y, [False, True], np.full(len(X), scale_of_weights))
    assert all(0 <= share <= 1 for share in clf.history_["accuracy"])


def test_resuming_appends_to_it():
    X, y, _ = table("binary")
    whole = TwoLayerClassifier(4, **SETTINGS).fit(X, y)
    resumed = TwoLayerClassifier(4, **SETTINGS | {"max_iter": 1}, warm_start=True)
    for _ in range(4):
        resumed.fit(X, y)
    assert resumed.history_["accuracy"] == whole.history_["accuracy"]


@pytest.mark.parametrize("n_outputs", [1, 3, 200])
@pytest.mark.parametrize("link", sorted(LINKS))
def test_many_logits_are_looked_at_in_parts(link, n_outputs):
    if (link, n_outputs) == ("softmax", 1):
        pytest.skip("a single softmax output is refused")
    rng = np.random.RandomState(0)
    m = BLOCK_NUMBERS // n_outputs + 3
    Z, w = rng.randn(m, n_outputs), rng.rand(m)
    Y = np.eye(n_outputs)[rng.randint(n_outputs, size=m)] if link == "softmax" else (Z + rng.randn(m, 1) > 0) * 1.0
    decided = Z.argmax(axis=1) == Y.argmax(axis=1) if link == "softmax" else ((Z > 0) == Y).all(axis=1)
    assert weight_of_correct(LINKS[link](), Z, Y) == np.count_nonzero(decided) > 0
    assert weight_of_correct(LINKS[link](), Z, Y, w) == pytest.approx(w @ decided, rel=1e-12)


def test_a_logit_of_zero_decides_for_the_first_class():
    assert weight_of_correct(SigmoidLink(), np.array([[0.0], [0.0]]), np.array([[0.0], [1.0]])) == 1
