"""An epoch goes through every row once, whatever its batches and the groups they are gathered in."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skbackprop import Network, TwoLayerClassifier
from skbackprop.batches import GROUP_BYTES, groups_of


def stepped_by_hand(X, Y, rng, batch_size, learning_rate, n_units, link):
    """One epoch of plain gradient descent by Network, batch after batch of the same permutation; and the loss met."""
    net = Network([X.shape[1], n_units, Y.shape[1]], link=link, random_state=rng)
    order, loss = rng.permutation(len(X)), 0.0
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        cache = net.forward(X[rows])
        loss += net.loss(cache, Y[rows]) * len(rows) / len(X)
        net.update(net.backward(cache, Y[rows]), learning_rate)
    return net, loss


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_more", [1, 100, 130])
@pytest.mark.parametrize("batch_size", [128, 3000])
def test_an_epoch_of_several_groups_is_one_pass_over_the_rows(n_classes, n_more, batch_size):
    n_outputs = 1 if n_classes == 2 else n_classes
    n = GROUP_BYTES // (16 * n_outputs) // 128 * 128 + n_more  # a little more than one group of whole batches
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((n, 2)), rng.randint(n_classes, size=n)
    Y = y[:, np.newaxis].astype(float) if n_classes == 2 else np.eye(n_classes)[y]
    settings = {"solver": "sgd", "learning_rate": 0.1, "alpha": 0, "early_stopping": False, "n_iter_no_change": None}
    clf = TwoLayerClassifier(3, **settings, batch_size=batch_size, max_iter=1, random_state=1).fit(X, y)
    net, loss = stepped_by_hand(X, Y, np.random.RandomState(1), batch_size, 0.1, 3, clf.link_)
    for ours, by_hand in zip(clf.coefs_ + clf.intercepts_, net.W + net.b, strict=True):
        assert_allclose(ours, by_hand, rtol=1e-9, atol=1e-12)
    assert_allclose(clf.loss_curve_, [loss], rtol=1e-12)


@pytest.mark.parametrize("group_bytes", [1, 1000, 2**18])
@pytest.mark.parametrize(("n_rows", "batch_size"), [(1, 1), (7, 1), (64, 64), (65, 64), (10, 99), (100, 32), (96, 32)])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_groups_of_batches_cover_the_rows_once_and_in_order(monkeypatch, group_bytes, n_rows, batch_size, n_outputs):
    monkeypatch.setattr("skbackprop.batches.GROUP_BYTES", group_bytes)
    groups = groups_of(n_rows, batch_size, n_outputs, np.float32)
    seen = []
    for group in groups:
        rows = np.arange(n_rows)[group.rows]
        assert group.logits.shape == group.targets.shape == (len(rows), n_outputs)
        assert group.logits.dtype == group.targets.dtype == np.float32
        for batch in group.batches:
            group.logits[...] = np.arange(len(rows))[:, np.newaxis]
            assert batch.logits[:, 0].tolist() == np.arange(len(rows))[batch.rows].tolist()
            seen.append(rows[batch.rows].tolist())
    assert [row for rows in seen for row in rows] == list(range(n_rows))
    assert [len(rows) for rows in seen[:-1]] == [min(batch_size, n_rows)] * (len(seen) - 1)
    assert len(seen) == -(-n_rows // batch_size)


def test_the_arrays_of_a_group_stay_small():
    logits, targets = groups_of(1_000_000, 256, 1, np.float64)[0][2:]
    assert logits.nbytes + targets.nbytes <= GROUP_BYTES
