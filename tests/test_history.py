"""The history: one record for each epoch, whether its gradient waits for others or not."""

from math import nan

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skbackprop import BackpropClassifier, Network
from skbackprop._fit import recording
from skbackprop._fit.recording import NUMBERS, WAITING, History, joined
from skbackprop.arrays import Parameters

X, y = make_classification(120, 6, random_state=0)
PLAIN = {"early_stopping": False, "n_iter_no_change": None, "random_state": 0}
RECORDED = ["gradient_norm_1", "gradient_norm_2", "gradient_norm_3", "dead_units"]


def columns_of_fit(max_iter, **params):
    return BackpropClassifier((5, 4), max_iter=max_iter, **(PLAIN | params)).fit(X, y).history_


@pytest.mark.parametrize("n_epochs", [1, 2, WAITING, WAITING + 1, 3 * WAITING + 5])
def test_every_epoch_has_the_norms_of_its_own_gradient(n_epochs):
    longer, shorter = columns_of_fit(n_epochs + 2), columns_of_fit(n_epochs)
    for name in RECORDED:
        assert longer[name][:n_epochs] == shorter[name]
        assert len(shorter[name]) == len(shorter["loss"]) == n_epochs


@pytest.mark.parametrize("limit", ["WAITING", "WAITING_BYTES"])
def test_the_numbers_do_not_depend_on_how_many_gradients_wait(monkeypatch, limit):
    usual = columns_of_fit(20)
    monkeypatch.setattr(recording, limit, 1)
    alone = columns_of_fit(20)
    assert all(usual[name] == alone[name] for name in usual.keys() - {"seconds"})


def add(record, **numbers):
    """Record an epoch: NaN for what it does not have."""
    record.add(*(numbers.get(name, nan) for name in NUMBERS))


def test_norms_and_dead_units_by_hand():
    gradients = Parameters([2, 2, 1])
    record = History(gradients)
    gradients.W[0][...], gradients.b[0][...] = [[3.0, 0.0], [0.0, 0.0]], [4.0, 0.0]
    gradients.W[1][...], gradients.b[1][...] = [[0.0], [0.0]], [-2.0]
    add(record, loss=0.5, penalty=0.1)
    gradients.theta.fill(0.0)
    add(record, loss=0.25, seconds=1.0)
    columns = record.columns()
    assert columns["loss"] == [0.5, 0.25]
    np.testing.assert_equal(columns["penalty"], [0.1, nan])
    np.testing.assert_equal(columns["seconds"], [nan, 1.0])
    assert columns["gradient_norm_1"] == [5.0, 0.0]
    assert columns["gradient_norm_2"] == [2.0, 0.0]
    assert columns["dead_units"] == [0.5, 1.0]


def test_numbers_that_no_epoch_has_have_no_column():
    record = History(Parameters([2, 1]), without=["validation_loss"])
    add(record, loss=0.5, validation_loss=0.3, validation_score=0.2)
    columns = record.columns()
    assert "validation_loss" not in columns
    assert columns["validation_score"] == [0.2]
    assert columns["dead_units"] == [0.0]  # there are no hidden units
    assert record.last()["loss"] == 0.5


@pytest.mark.parametrize("copied", [False, True])
def test_columns_go_on_from_those_before_and_are_filled_with_nan(copied):
    before, new = {"loss": [0.9], "validation_loss": [0.8]}, {"loss": [0.5, 0.4], "learning_rate": [0.1, 0.2]}
    columns, appends = joined(before, new, copied=copied)
    if not copied:
        assert columns["loss"] is before["loss"]  # appended to, however long it is, and only when asked for
        assert before == {"loss": [0.9], "validation_loss": [0.8]}
        for append, arguments in appends:
            append(*arguments)
    else:
        assert appends == []
        assert before == {"loss": [0.9], "validation_loss": [0.8]}
    assert columns["loss"] == [0.9, 0.5, 0.4]
    np.testing.assert_equal(columns["validation_loss"], [0.8, nan, nan])
    np.testing.assert_equal(columns["learning_rate"], [nan, 0.1, 0.2])
    assert new == {"loss": [0.5, 0.4], "learning_rate": [0.1, 0.2]}


def test_a_first_fit_has_nothing_to_go_on_from():
    columns, appends = joined({}, {"loss": [0.5], "seconds": [1.0]}, copied=False)
    for append, arguments in appends:
        append(*arguments)
    assert columns == {"loss": [0.5], "seconds": [1.0]}


@pytest.mark.parametrize("kept", [0, 1, WAITING, WAITING + 2])
def test_epochs_that_are_not_kept_leave_no_trace(kept):
    gradients = Parameters([2, 2, 1])
    longer, shorter = History(gradients), History(gradients)
    for epoch in range(WAITING + 3):
        gradients.theta[...] = np.arange(9.0) + epoch
        add(longer, loss=float(epoch))
        if epoch < kept:
            add(shorter, loss=float(epoch))
    longer.keep(kept)
    assert len(longer) == kept
    gradients.theta[...] = 7.0
    for record in (longer, shorter):
        add(record, loss=0.5)
    np.testing.assert_equal(longer.columns(), shorter.columns())


def test_the_search_is_kept_as_a_whole_beside_the_way_to_its_best_epoch():
    gradients = Parameters([2, 1])
    record = History(gradients)
    for epoch in range(5):
        add(record, loss=float(epoch))
    assert record.search is None
    record.end_search(2)
    assert record.search["loss"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    add(record, loss=9.0)
    assert record.columns()["loss"] == [0.0, 1.0, 9.0]
    assert record.search["loss"] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_reading_the_columns_between_epochs_changes_nothing():
    gradients = Parameters([2, 2, 1])
    a, b = History(gradients), History(gradients)
    for epoch in range(WAITING + 3):
        gradients.theta[...] = np.arange(9.0) + epoch
        for record in (a, b):
            add(record, loss=float(epoch), learning_rate=0.1)
        b.columns()
    np.testing.assert_equal(a.columns(), b.columns())


def test_numbers_too_large_to_square_are_recorded_without_a_warning():
    gradients = Parameters([2, 2, 1])
    gradients.theta[...] = 1e300
    record = History(gradients)
    add(record, loss=1.0)
    assert record.columns()["gradient_norm_1"] == [np.inf]


def test_norms_are_those_of_each_layers_dw_and_db_together():
    net = Network([6, 5, 4, 1], random_state=0)
    gradients = net.backward(net.forward(X), y)
    record = History(gradients)
    for _ in range(2):
        add(record, loss=1.0)
        gradients.theta *= 2.0
    columns = record.columns()
    for l, (W, b) in enumerate(zip(gradients.W, gradients.b, strict=True), start=1):
        norm = np.hypot(np.linalg.norm(W), np.linalg.norm(b)) / 4
        np.testing.assert_allclose(columns[f"gradient_norm_{l}"], [norm, 2 * norm], rtol=1e-14)
