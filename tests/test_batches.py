"""An epoch goes through every sample once, whatever its mini-batches and the groups that they are gathered in."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from skbackprop import Network, TwoLayerClassifier
from skbackprop._core.kernels import SHORT
from skbackprop._core.predict import BLOCK_SAMPLES
from skbackprop._data.labels import Labels
from skbackprop._data.samples import Samples
from skbackprop._fit.batches import GROUP_NUMBERS, Batches
from skbackprop._fit.learner import Plan

ALPHA = 0.1


def stepped_by_hand(X, Y, rng, batch_size, learning_rate, n_units, link, alpha):
    """One epoch of plain gradient descent by Network, batch after batch of the same permutation; return its means."""
    net = Network([X.shape[1], n_units, Y.shape[1]], link=link, random_state=rng)
    order, J, data_term = rng.permutation(len(X)), 0.0, 0.0
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        cache, share = net.forward(X[rows]), len(rows) / len(X)
        J += share * net.loss(cache, Y[rows], alpha=alpha)
        data_term += share * net.loss(cache, Y[rows])
        net.update(net.backward(cache, Y[rows], alpha=alpha), learning_rate)
    return net, J, J - data_term


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_more", [1, 100, 130])
@pytest.mark.parametrize("batch_size", [128, 3000])
@pytest.mark.parametrize("alpha", [0.0, ALPHA])
def test_an_epoch_of_several_groups_is_one_pass_over_the_samples(n_classes, n_more, batch_size, alpha):
    n_outputs = 1 if n_classes == 2 else n_classes
    n = min(SHORT, GROUP_NUMBERS // n_outputs) // 128 * 128 + n_more  # a little more than a group of whole batches
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((n, 2)), rng.randint(n_classes, size=n)
    Y = y[:, np.newaxis].astype(float) if n_classes == 2 else np.eye(n_classes)[y]
    settings = {"solver": "sgd", "learning_rate": 0.1, "early_stopping": False, "n_iter_no_change": None}
    settings |= {"alpha": alpha, "batch_size": batch_size, "max_iter": 1, "random_state": 1}
    clf = TwoLayerClassifier(3, **settings).fit(X, y)
    net, J, penalty = stepped_by_hand(X, Y, np.random.RandomState(1), batch_size, 0.1, 3, clf.link_, alpha)
    for ours, by_hand in zip(clf.coefs_ + clf.intercepts_, net.W + net.b, strict=True):
        assert_allclose(ours, by_hand, rtol=1e-9, atol=1e-12)
    assert_allclose(clf.loss_curve_, [J], rtol=1e-12)
    assert_allclose(clf.history_["penalty"], [penalty], rtol=1e-9, atol=1e-15)


# ---------------------------------------------------------------- the gradient of each mini-batch


def samples_of(n, n_outputs, *, weighted=False, sparse=False, dtype=np.float64):
    """Return random samples, and the X, the targets and the weights that they hold."""
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((n, 4)).astype(dtype), rng.randint(max(2, n_outputs), size=n)
    w = rng.uniform(0.0, 2.0, n) if weighted else None
    labels = Labels(np.arange(max(2, n_outputs)), multilabel=False)
    samples = Samples.of(sp.csr_matrix(X) if sparse else X, y, labels, w, None)
    Y = y[:, np.newaxis].astype(dtype) if n_outputs == 1 else np.eye(n_outputs, dtype=dtype)[y]
    return samples, X, Y, np.ones(n) if w is None else w


def batches_of(net, table, batch_size, alpha=ALPHA, dropout=0.0, seed=0):
    plan = Plan(None, None, 0.0, batch_size, max_iter=1, alpha=alpha, dropout=dropout)  # nothing is updated here
    return Batches(net, table, plan, np.random.RandomState(seed))


def by_hand(net, X, Y, w, rows, alpha):
    """Return (1/m) Σ w_i ∇ℓ_i and (1/m) Σ w_i ℓ_i, and the penalty whose gradient is added to the first."""
    cache = net.forward(X[rows])
    scale = w[rows].mean()  # Network divides by Σ w, a mini-batch by m
    penalty = net.loss(cache, Y[rows], w[rows], alpha) - net.loss(cache, Y[rows], w[rows])
    data_term, penalised = (net.backward(cache, Y[rows], w[rows], a).theta for a in (0.0, alpha))
    return scale * data_term + (penalised - data_term), scale * net.loss(cache, Y[rows], w[rows]), penalty


SIZES = [(1, 1), (7, 1), (64, 64), (65, 64), (10, 99), (100, 32), (96, 32)]
LARGE_SIZES = [(BLOCK_SAMPLES + 1, BLOCK_SAMPLES), (5000, 4500), (5000, 5000), (2 * BLOCK_SAMPLES, 10**9)]


@pytest.mark.parametrize("group_numbers", [1, 100, GROUP_NUMBERS])
@pytest.mark.parametrize(("n", "batch_size"), SIZES + LARGE_SIZES)
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_sample_is_used_once_and_in_order(monkeypatch, shuffled, n_outputs, n, batch_size, group_numbers):
    monkeypatch.setattr("skbackprop._fit.batches.GROUP_NUMBERS", group_numbers)
    samples, X, Y, w = samples_of(n, n_outputs)
    table, net = samples.table(), Network([4, 3, n_outputs], "tanh", random_state=0)
    batches = batches_of(net, table, batch_size)
    order = table.shuffled(np.random.RandomState(1)) if shuffled else table.rows
    numbers = np.random.RandomState(1).permutation(n) if shuffled else np.arange(n)
    shares, J, penalties = [], 0.0, 0.0
    for k, share in enumerate(batches.gradient_of_each(order)):
        rows = numbers[k * batch_size : (k + 1) * batch_size]
        gradient, loss, penalty = by_hand(net, X, Y, w, rows, ALPHA)
        assert_allclose(batches.gradients.theta, gradient, rtol=1e-9, atol=1e-13)
        shares.append(share)
        J, penalties = J + loss * len(rows) / n, penalties + penalty * len(rows) / n
        net.update(batches.gradients, 0.05)  # the next mini-batch is met at other parameters
    assert_allclose(shares, np.arange(0, n, batch_size) / n)
    assert batches.means.loss == pytest.approx(J, rel=1e-10)
    assert batches.means.penalty == pytest.approx(penalties, rel=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("n", "batch_size"), [(100, 32), (5000, 4500)])
def test_samples_of_any_kind_and_weight(n, batch_size, sparse, weighted, dtype):
    samples, X, Y, w = samples_of(n, 3, weighted=weighted, sparse=sparse, dtype=dtype)
    rows = np.random.RandomState(3).permutation(n)[: n - 7]  # seven of them do not belong to the table
    table = samples.table(rows, mean_weight=0.9)
    w = w / 0.9
    net = Network([4, 3, 3], "tanh", random_state=0, dtype=dtype)
    batches = batches_of(net, table, batch_size)
    tolerance = 1e-9 if dtype is np.float64 else 1e-4
    for epoch in range(2):
        order, J, n_batches = table.shuffled(np.random.RandomState(epoch)), 0.0, 0
        for k, _ in enumerate(batches.gradient_of_each(order)):
            chosen = order[k * batch_size : (k + 1) * batch_size]
            gradient, loss, _ = by_hand(net, X, Y, w, chosen, ALPHA)
            assert_allclose(batches.gradients.theta, gradient, rtol=tolerance, atol=tolerance / 100)
            J, n_batches = J + loss * len(chosen) / len(rows), n_batches + 1
        assert n_batches == -(-len(rows) // batch_size)
        assert batches.means.loss == pytest.approx(J, rel=tolerance)


@pytest.mark.parametrize(("n", "batch_size"), [(100, 32), (5000, 4500)])
def test_the_batches_of_another_table_write_into_the_same_gradients(n, batch_size):
    samples, X, Y, w = samples_of(n, 1)
    net = Network([4, 3, 1], "tanh", random_state=0)
    batches = batches_of(net, samples.table(), batch_size)
    few = np.arange(5, n, 3)
    others = batches.over(samples.table(few))
    assert others.gradients is batches.gradients
    for each, rows in ((others, few), (batches, np.arange(n)), (others, few)):
        J = 0.0
        for k, _ in enumerate(each.gradient_of_each(each.table.rows)):
            chosen = rows[k * batch_size : (k + 1) * batch_size]
            gradient, loss, _ = by_hand(net, X, Y, w, chosen, ALPHA)
            assert_allclose(batches.gradients.theta, gradient, rtol=1e-9, atol=1e-13)
            J += loss * len(chosen) / len(rows)
        assert each.means.loss == pytest.approx(J, rel=1e-10)


@pytest.mark.parametrize(("batch_size", "n_masks"), [(50, [50, 50]), (100, [100]), (5000, [100])])
def test_dropout_draws_new_masks_for_each_mini_batch(batch_size, n_masks):
    samples, X, Y, _ = samples_of(100, 1)
    table, net = samples.table(), Network([4, 6, 1], "tanh", random_state=0)
    batches = batches_of(net, table, batch_size, alpha=0.0, dropout=0.5, seed=2)
    rng, start = np.random.RandomState(2), 0
    for m, _ in zip(n_masks, batches.gradient_of_each(table.rows), strict=True):
        rows = slice(start, start + m)
        cache = net.forward(X[rows], dropout=0.5, random_state=rng)
        assert_allclose(batches.gradients.theta, net.backward(cache, Y[rows]).theta, rtol=1e-9, atol=1e-14)
        start += m


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize(("n_outputs", "batch_size"), [(1, 256), (10, 256), (1, 10**9)])
def test_an_epoch_needs_little_memory(n_outputs, batch_size):
    samples, X, _, _ = samples_of(100_000, n_outputs)
    table, net = samples.table(), Network([4, 3, n_outputs], "tanh", random_state=0)
    tracemalloc.start()
    try:
        batches = batches_of(net, table, batch_size)
        for _ in batches.gradient_of_each(table.rows):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2e6 < X.nbytes
