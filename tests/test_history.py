"""The history: one record for each epoch, whether its gradient waits for others or not."""

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skbackprop import BackpropClassifier, Network, history
from skbackprop.arrays import Parameters
from skbackprop.history import History

X, y = make_classification(120, 6, random_state=0)
PLAIN = {"early_stopping": False, "n_iter_no_change": None, "random_state": 0}
RECORDED = ["gradient_norm_1", "gradient_norm_2", "gradient_norm_3", "dead_units"]


def columns_of_fit(max_iter, **params):
    return BackpropClassifier((5, 4), max_iter=max_iter, **(PLAIN | params)).fit(X, y).history_


@pytest.mark.parametrize("n_epochs", [1, 2, history.WAITING, history.WAITING + 1, 3 * history.WAITING + 5])
def test_every_epoch_has_the_norms_of_its_own_gradient(n_epochs):
    longer, shorter = columns_of_fit(n_epochs + 2), columns_of_fit(n_epochs)
    for name in RECORDED:
        assert longer[name][:n_epochs] == shorter[name]
        assert len(shorter[name]) == len(shorter["loss"]) == n_epochs


@pytest.mark.parametrize("limit", ["WAITING", "WAITING_BYTES"])
def test_the_numbers_do_not_depend_on_how_many_gradients_wait(monkeypatch, limit):
    usual = columns_of_fit(20)
    monkeypatch.setattr(history, limit, 1)
    alone = columns_of_fit(20)
    assert all(usual[name] == alone[name] for name in usual.keys() - {"seconds"})


def test_norms_and_dead_units_by_hand():
    gradients = Parameters([2, 2, 1])
    record = History(gradients)
    gradients.W[0][...], gradients.b[0][...] = [[3.0, 0.0], [0.0, 0.0]], [4.0, 0.0]
    gradients.W[1][...], gradients.b[1][...] = [[0.0], [0.0]], [-2.0]
    record.add(0.5, 0.1, np.nan, np.nan, 1.0)
    gradients.theta.fill(0.0)
    record.add(0.25, 0.1, np.nan, np.nan, 1.0)
    columns = record.columns()
    assert columns["loss"] == [0.5, 0.25]
    assert columns["gradient_norm_1"] == [5.0, 0.0]
    assert columns["gradient_norm_2"] == [2.0, 0.0]
    assert columns["dead_units"] == [0.5, 1.0]


def test_columns_go_on_from_those_before_and_are_filled_with_nan():
    record = History(Parameters([2, 1]), {"loss": [0.9], "validation_loss": [0.8]}, without=["validation_loss"])
    assert record.columns()["loss"] == [0.9]
    record.add(0.5, 0.1, np.nan, np.nan, 1.0)
    columns = record.columns()
    np.testing.assert_equal(columns["validation_loss"], [0.8, np.nan])
    np.testing.assert_equal(columns["learning_rate"], [np.nan, 0.1])
    assert columns["dead_units"][1] == 0.0  # there are no hidden units


def test_reading_the_columns_between_epochs_changes_nothing():
    gradients = Parameters([2, 2, 1])
    a, b = History(gradients), History(gradients)
    for epoch in range(history.WAITING + 3):
        gradients.theta[...] = np.arange(9.0) + epoch
        for record in (a, b):
            record.add(float(epoch), 0.1, np.nan, np.nan, 0.0)
        b.columns()
    np.testing.assert_equal(a.columns(), b.columns())


def test_numbers_too_large_to_square_are_recorded_without_a_warning():
    gradients = Parameters([2, 2, 1])
    gradients.theta[...] = 1e300
    record = History(gradients)
    record.add(1.0, 0.1, np.nan, np.nan, 0.0)
    assert record.columns()["gradient_norm_1"] == [np.inf]


def test_norms_of_a_gradient_and_of_several_are_the_same():
    net = Network([6, 5, 4, 1], random_state=0)
    gradients = net.backward(net.forward(X), y)
    several = gradients.norms_of(np.stack([gradients.theta, 2 * gradients.theta]))
    assert several[0].tolist() == gradients.norms()
    np.testing.assert_allclose(several[1], 2 * several[0], rtol=1e-15)
    np.testing.assert_allclose(
        several[0],
        [np.hypot(np.linalg.norm(W), np.linalg.norm(b)) for W, b in zip(gradients.W, gradients.b, strict=True)],
    )
