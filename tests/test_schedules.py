"""Schedules: end points, direction, patience, functions of one's own, and where the rate is seen to move."""

import copy
import math

import numpy as np
import pytest

from skbackprop import BackpropClassifier
from skbackprop.schedules import (
    SCHEDULES,
    Adaptive,
    Constant,
    Cosine,
    InvScaling,
    OneCycle,
    Schedule,
    resolve_schedule,
)

EVERY = pytest.mark.parametrize("name", sorted(SCHEDULES))
PROGRESS = np.linspace(0, 1, 201)


def factors(schedule, epoch=0):
    """Return the factor all along one fit."""
    state = schedule.init_state()
    return np.array([schedule.factor(progress, epoch, state) for progress in PROGRESS])


def after(schedule, losses):
    """Return the factor after epochs with these losses, one after the other."""
    state, met = schedule.init_state(), []
    for epoch, loss in enumerate(losses):
        schedule.observe(loss, state)
        met.append(schedule.factor(0.5, epoch + 1, state))
    return met


# ---------------------------------------------------------------------- factors


@EVERY
def test_factors_are_between_zero_and_one(name):
    for epoch in (0, 1, 10**6):
        f = factors(SCHEDULES[name](), epoch)
        assert ((f >= 0) & (f <= 1)).all()


@EVERY
def test_asking_for_a_factor_changes_nothing(name):
    schedule = SCHEDULES[name]()
    state = schedule.init_state()
    before = copy.deepcopy(state)
    assert schedule.factor(0.3, 4, state) == schedule.factor(0.3, 4, state)
    assert state == before


@EVERY
def test_two_fits_do_not_share_what_a_schedule_remembers(name):
    schedule = SCHEDULES[name]()
    state = schedule.init_state()
    for _ in range(20):
        schedule.observe(1.0, state)
    assert schedule.init_state() == SCHEDULES[name]().init_state()


def test_constant_is_one():
    np.testing.assert_array_equal(factors(Constant(), epoch=99), 1.0)
    np.testing.assert_array_equal(after(Constant(), [1.0] * 20), 1.0)


@pytest.mark.parametrize(
    ("power", "epoch", "expected"),
    [(0.5, 0, 1.0), (0.5, 3, 0.5), (0.5, 99, 0.1), (1, 4, 0.2), (2, 2, 1 / 9), (0, 7, 1.0)],
)
def test_invscaling_falls_as_a_power_of_the_epoch(power, epoch, expected):
    np.testing.assert_allclose(factors(InvScaling(power), epoch), expected, rtol=1e-15)


def test_cosine_goes_from_one_to_zero_by_half_a_wave():
    f = factors(Cosine())
    assert f[0] == 1.0
    assert f[-1] == 0.0
    assert (np.diff(f) < 0).all()
    # cos(π / 3) = 1 / 2, cos(π / 2) = 0, cos(2 π / 3) = -1 / 2
    for progress, expected in [(1 / 3, 0.75), (1 / 2, 0.5), (2 / 3, 0.25)]:
        assert Cosine().factor(progress, 0, {}) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("peak", "start"), [(0.3, 0.04), (0.5, 0.0), (0.25, 0.5), (0.9, 0.1)])
def test_one_cycle_climbs_to_its_peak_and_then_falls_to_zero(peak, start):
    schedule = OneCycle(peak=peak, start=start)
    f = factors(schedule)
    assert f[0] == pytest.approx(start, abs=1e-16)
    assert schedule.factor(peak, 0, {}) == 1.0
    assert f[-1] == pytest.approx(0.0, abs=1e-16)
    assert (np.diff(f[peak >= PROGRESS]) > 0).all()
    assert (np.diff(f[peak <= PROGRESS]) < 0).all()
    # half the way up, and half the way down
    assert schedule.factor(peak / 2, 0, {}) == pytest.approx((start + 1) / 2, rel=1e-14)
    assert schedule.factor((1 + peak) / 2, 0, {}) == pytest.approx(0.5, rel=1e-14)
    # a third of the way each: (1 - cos(π / 3)) / 2 = 1 / 4
    assert schedule.factor(peak / 3, 0, {}) == pytest.approx(start + (1 - start) / 4, rel=1e-14)
    assert schedule.factor(peak + (1 - peak) / 3, 0, {}) == pytest.approx(0.75, rel=1e-14)


def test_one_cycle_has_pytorchs_numbers_by_default():
    assert OneCycle().factor(0.0, 0, {}) == pytest.approx(1 / 25)
    assert OneCycle().factor(0.3, 0, {}) == 1.0


# ---------------------------------------------------------------------- adaptive


def test_adaptive_divides_after_exactly_so_many_epochs_without_a_new_lowest_loss():
    assert after(Adaptive(divide_by=5, patience=3), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) == [
        1,
        1,
        1,
        0.2,
        0.2,
        0.2,
        0.04,
    ]


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_adaptive_counts_again_from_each_new_lowest_loss(patience):
    waits = [2.0] * (patience - 1)
    losses = [1.0, *waits, 0.9, *waits, 0.8, *waits, 0.7]
    assert after(Adaptive(patience=patience), losses) == [1.0] * len(losses)
    assert after(Adaptive(patience=patience), [*losses, *[2.0] * patience])[-2:] == [1.0, 0.2]


def test_adaptive_takes_the_smallest_fall_but_not_a_repeat_for_a_new_lowest_loss():
    schedule = Adaptive(divide_by=2, patience=1)
    assert after(schedule, [1.0, np.nextafter(1.0, 0)]) == [1.0, 1.0]
    assert after(schedule, [1.0, 1.0]) == [1.0, 0.5]
    assert after(schedule, [1.0, 2.0, 1.5]) == [1.0, 0.5, 0.25]  # 1.5 is a fall, but not below 1


def test_adaptive_has_mlpclassifiers_divisor_by_default():
    assert after(Adaptive(), [1.0] * 6)[-2:] == [1.0, 0.2]


# ---------------------------------------------------------------------- functions of progress, and bad ones


def test_a_function_of_progress_is_a_schedule():
    schedule = resolve_schedule(lambda progress: 1 - progress**2)
    np.testing.assert_allclose(factors(schedule, epoch=17), 1 - PROGRESS**2)
    assert isinstance(schedule, Schedule)


def test_a_function_may_return_an_int_or_a_numpy_number():
    assert resolve_schedule(lambda progress: 2).factor(0.5, 0, {}) == 2.0
    assert resolve_schedule(lambda progress: np.float32(0.5)).factor(0.5, 0, {}) == 0.5


@EVERY
def test_names_and_objects_are_resolved(name):
    schedule = SCHEDULES[name]()
    assert resolve_schedule(schedule) is schedule
    assert resolve_schedule(name) == schedule


@pytest.mark.parametrize(
    ("function", "where"),
    [
        (lambda progress: math.nan, "0"),
        (lambda progress: -1.0, "0"),
        (lambda progress: math.inf, "0"),
        (lambda progress: 0.5 - progress, "0.51"),
        (lambda progress: math.nan if progress == 1 else 1.0, "1"),
    ],
)
def test_factors_that_are_negative_or_not_finite_raise_before_any_training(function, where):
    with pytest.raises(ValueError, match=rf"schedule=.* must give non-negative factors; got .* at progress {where}\."):
        resolve_schedule(function)
    clf = BackpropClassifier((), schedule=function)
    with pytest.raises(ValueError, match="must give non-negative factors"):
        clf.fit([[0.0], [1.0]], [0, 1])
    assert not hasattr(clf, "coefs_")


def test_what_a_function_raises_comes_through():
    with pytest.raises(ZeroDivisionError):
        resolve_schedule(lambda progress: 1 / progress)


def test_a_factor_of_zero_is_allowed():
    assert resolve_schedule(lambda progress: 0.0).factor(0.5, 0, {}) == 0.0


def test_an_unknown_name_raises_and_lists_the_known_ones():
    with pytest.raises(ValueError, match="schedule='step'") as caught:
        resolve_schedule("step")
    for name in SCHEDULES:
        assert repr(name) in str(caught.value)


def test_a_class_in_place_of_an_object_raises_and_says_what_to_write():
    with pytest.raises(TypeError, match=r"give an instance: OneCycle\(\)"):
        resolve_schedule(OneCycle)


@pytest.mark.parametrize(
    ("cls", "parameter", "bad"),
    [
        (InvScaling, "power", [-1, math.nan, math.inf, "1"]),
        (Adaptive, "divide_by", [1, 0.5, math.nan, math.inf, None]),
        (Adaptive, "patience", [0, -1, 1.5, "3", True]),
        (OneCycle, "peak", [0, 1, 1.5, math.nan, "0.3"]),
        (OneCycle, "start", [-0.1, 1, math.nan, None]),
    ],
)
def test_wrong_parameters_raise_by_name(cls, parameter, bad):
    for value in bad:
        with pytest.raises(ValueError, match=rf"{cls.__name__}: {parameter} must be"):
            cls(**{parameter: value})


# ---------------------------------------------------------------------- as training sees them


def rates(schedule, max_iter, batch_size="full", **params):
    """Return the learning rate of the last step of each epoch of a fit."""
    X, y = np.random.RandomState(0).randn(8, 2), np.arange(8) % 2
    clf = BackpropClassifier(
        (),
        solver="sgd",
        learning_rate=0.5,
        schedule=schedule,
        batch_size=batch_size,
        max_iter=max_iter,
        n_iter_no_change=None,
        early_stopping=False,
        random_state=0,
        **params,
    )
    return np.array(clf.fit(X, y).history_["learning_rate"])


def test_progress_counts_the_batches_of_all_epochs():
    # 4 epochs of 4 batches of 2 rows: the last batch of epoch e begins when (e + 3 / 4) / 4 of the way is gone
    met = rates(lambda progress: progress, 4, batch_size=2)
    np.testing.assert_allclose(met, 0.5 * np.array([0.75, 1.75, 2.75, 3.75]) / 4, rtol=1e-15)


def test_the_first_step_is_at_progress_zero_and_invscaling_counts_epochs():
    np.testing.assert_allclose(rates("cosine", 2), 0.5 * np.array([1.0, 0.5]), rtol=1e-15)
    np.testing.assert_allclose(rates("invscaling", 4), 0.5 / np.sqrt([1, 2, 3, 4]), rtol=1e-15)


def test_adaptive_watches_the_training_loss():
    np.testing.assert_array_equal(rates(Adaptive(patience=1), 6), 0.5)  # the loss falls all the way

    class Still(Adaptive):
        """Adaptive, with a rate too small to change any loss."""

        def factor(self, progress, epoch, state):
            return 1e-300 * super().factor(progress, epoch, state)

    met = rates(Still(divide_by=10, patience=2), 6)
    np.testing.assert_allclose(met, 0.5e-300 * np.array([1, 1, 1, 0.1, 0.1, 0.01]), rtol=1e-12)
