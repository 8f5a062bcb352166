"""What belongs together in training is kept together: the average, the schedule's memory, the accepted iterate."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from skbackprop import Network, TwoLayerClassifier
from skbackprop._data.table import Table
from skbackprop._fit.learner import Learner, Plan
from skbackprop._fit.outcome import Outcome
from skbackprop.initializers import Normal
from skbackprop.losses import LogLoss
from skbackprop.schedules import Adaptive, Constant
from skbackprop.solvers import SGD


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def weights(clf):
    return np.concatenate([array.ravel() for array in clf.coefs_ + clf.intercepts_])


def test_the_average_forgets_by_a_tenth_an_epoch():
    network = Network([2, 3, 1], random_state=0)
    learner = Learner(network, Plan(SGD(), Constant(), 0.1, 32, 10), {}, 0)
    learner.average = copy.copy(network)
    expected = network.theta.copy()
    for epoch in range(1, 15):
        network.theta[...] = np.sin(epoch + np.arange(network.theta.size))
        learner.follow(epoch)
        share = max(0.1, 1 / epoch)  # the plain mean, until it would forget more slowly than that
        expected += share * (network.theta - expected)
        np.testing.assert_allclose(learner.evaluated.theta, expected, rtol=1e-12)


def test_the_best_weights_come_back_with_the_schedules_memory_of_them():
    X, y = breast_cancer()
    given = {"X_val": X[1::2], "y_val": y[1::2]}
    options = {"early_stopping": True, "n_iter_no_change": 6, "tol": 0.0, "warm_start": True, "max_iter": 200}
    schedule = Adaptive(divide_by=2.0, patience=1)
    clf = TwoLayerClassifier(8, schedule=schedule, learning_rate=0.05, random_state=0, **options)
    clf.fit(X[::2], y[::2], **given)
    rates, best = clf.history_["learning_rate"], clf.best_iter_
    assert rates[-1] < rates[best]  # the schedule went on after the best epoch
    n = len(rates)
    clf.set_params(max_iter=1, n_iter_no_change=None).fit(X[::2], y[::2], **given)
    assert clf.history_["learning_rate"][n] == rates[best]


class Interrupting(LogLoss):
    """Raises KeyboardInterrupt when the gradient is asked for the n-th time."""

    def __init__(self, n):
        super().__init__()
        self.n, self.calls = n, 0

    def gradient(self, Z, A, Y, link, out):
        self.calls += 1
        if self.calls == self.n:
            raise KeyboardInterrupt
        return super().gradient(Z, A, Y, link, out)


def test_an_interrupted_line_search_leaves_the_last_iterate_that_it_accepted():
    X, y = breast_cancer()
    plain = {"solver": "lbfgs", "early_stopping": False, "n_iter_no_change": None, "random_state": 0}
    plain |= {"activation": "tanh", "weight_init": Normal(2.0)}  # a start from which the line search has work to do
    accepted = []
    for max_iter in range(1, 9):
        with np.errstate(all="ignore"):
            accepted.append(weights(TwoLayerClassifier(5, max_iter=max_iter, **plain).fit(X, y)).tolist())
    counting = Interrupting(-1)
    TwoLayerClassifier(5, max_iter=8, loss=counting, **plain).fit(X, y)
    assert counting.calls > 9  # the line search tried more than one point somewhere
    n_left = 0
    for n in range(1, counting.calls + 1):
        clf = TwoLayerClassifier(5, max_iter=8, loss=Interrupting(n), **plain)
        with pytest.raises(KeyboardInterrupt):
            clf.fit(X, y)
        if hasattr(clf, "coefs_"):
            n_left += 1
            assert weights(clf).tolist() in accepted
    assert n_left >= 7


# ---------------------------------------------------------------- the best constant, and when a network is useless


@pytest.mark.parametrize("rows", [range(6), np.array([0, 1, 3, 5])], ids=["all", "some"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["class numbers", "numbers"])
def test_the_mean_of_the_targets_is_weighted(kind, weighted, rows):
    codes = np.array([0, 2, 1, 2, 2, 0])
    w = np.array([1.0, 3.0, 0.5, 2.0, 4.0, 0.25]) if weighted else None
    one_hot = np.eye(3)[codes]
    table = Table(np.zeros((6, 2)), codes if kind == "class numbers" else one_hot, 3, w, rows)
    expected = np.average(one_hot[np.array(rows)], axis=0, weights=None if w is None else w[np.array(rows)])
    np.testing.assert_allclose(table.mean_targets(), expected, rtol=1e-14)


@pytest.mark.parametrize(("times", "useless"), [(0.9, False), (1.005, False), (1.05, True), (1.45, True)])
def test_a_network_that_gives_one_label_is_useless_if_it_is_worse_than_the_best_constant(times, useless):
    # 60 of 100 samples are positive, so the best constant's loss is 0.6730; all logits are positive, none the same
    y = (np.arange(100) < 60).astype(float)[:, np.newaxis]
    rng = np.random.RandomState(0)
    X = rng.uniform(1, 2, (100, 1)) if times >= 1 else y + rng.uniform(1, 1.1, (100, 1))
    network = Network([1, 1], weight_init="he", random_state=0)
    network.W[0] = [[0.01 if times >= 1 else 0.8]]
    table, best = Table(X, y, 1, None, range(100)), -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    for b in np.linspace(-0.7 if times < 1 else 0.4, 3, 20_000):
        network.b[0] = [b]
        outcome = Outcome(network, table, 0.0)
        if outcome.Z.min() > 0 and outcome.loss >= times * best:
            break
    assert outcome.loss == pytest.approx(times * best, rel=2e-2 if times < 1 else 1e-3)
    assert (outcome.why_useless() is not None) == useless
