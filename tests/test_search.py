"""The search of early_stopping="auto": when there is one, what it holds out, what is recorded, how it ends.

The best number of epochs is looked for on some of the rows; then training goes on from there on all of them, while the
learning rate falls to zero.
"""

import copy
import re
import warnings
from functools import cache
from math import ceil, sqrt

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, LossCurveDisplay, TwoLayerClassifier
from skbackprop.schedules import SCHEDULES, Adaptive, Cosine, OneCycle
from skbackprop.solvers import SGD, SOLVERS

try:
    from sklearn.callback import ScoringMonitor  # noqa: F401
except ImportError:
    has_callbacks = False
else:
    has_callbacks = True

needs_callbacks = pytest.mark.skipif(not has_callbacks, reason="callbacks came with scikit-learn 1.9")
KINDS = [TwoLayerClassifier, BackpropClassifier]
STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]
FINAL = 0.75  # epochs of the final phase, as a share of those that led to the best


@cache
def rows(n):
    """Return n standardised rows that cannot be told apart quite."""
    X, y = make_classification(n, 6, n_informative=4, flip_y=0.1, random_state=0)
    return StandardScaler().fit_transform(X), y


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(kind=TwoLayerClassifier, **params):
    settings = {"early_stopping": "auto", "n_iter_no_change": 4, "tol": 1e-3, "max_iter": 80, "random_state": 0}
    settings |= {"learning_rate": 0.02, "solver": "adam", "alpha": 1e-3}
    return kind(**(settings | params))


def fit(clf, X, y, w=None, **given):
    """Fit; that training took all its epochs is no news here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training ended after max_iter")
        return clf.fit(X, y, w, **given)


def weights(clf):
    return np.concatenate([array.ravel() for array in clf.coefs_ + clf.intercepts_])


def assert_same_fit(a, b):
    """Same bits: weights and everything recorded but the time it took."""
    np.testing.assert_array_equal(weights(a), weights(b))
    assert a.n_iter_ == b.n_iter_
    assert a.history_.keys() == b.history_.keys()
    for name in a.history_.keys() - {"seconds"}:
        np.testing.assert_array_equal(a.history_[name], b.history_[name], err_msg=name)


class Watching:
    """A scorer (the log loss) that keeps the rows it is shown."""

    X = y = None

    def __call__(self, estimator, X, y):
        self.X, self.y = X, y
        return -log_loss(y, estimator.predict_proba(X), labels=estimator.classes_)


class StepCounter(SGD):
    """Plain gradient descent that keeps the rate of every step."""

    def __init__(self, rates):
        super().__init__()
        self.rates = rates

    def stepper(self, parameters, gradients, state):
        step = super().stepper(parameters, gradients, state)

        def counted(learning_rate):
            self.rates.append(learning_rate)
            step(learning_rate)

        return counted


def n_searched(clf):
    return len(clf.search_history_["loss"])


# ---------------------------------------------------------------- what is held out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [30, 31, 64, 99, 100, 101, 256, 300, 999, 1000, 2500, 6400, 9000])
def test_one_rule_says_what_is_held_out(n, kind):
    X, y = rows(n)
    watching = Watching()
    clf = fit(make(kind, scoring=watching, max_iter=2, batch_size=256), X, y)
    fraction = min(max(8 / sqrt(n), 0.1), 0.5)
    assert len(watching.y) == ceil(fraction * n)
    assert len(np.unique(watching.X, axis=0)) == len(watching.y)  # rows of the table, each once
    assert {*map(bytes, watching.X)} < {*map(bytes, X)}
    assert np.abs(np.bincount(watching.y) - fraction * np.bincount(y)).max() <= 1.5
    assert n_searched(clf) == 2


@pytest.mark.parametrize("n", [120, 1000, 2500])
def test_a_tenth_is_held_out_where_early_stopping_is_true(n):
    X, y = rows(n)
    watching = Watching()
    fit(make(early_stopping=True, scoring=watching, max_iter=2), X, y)
    assert len(watching.y) == ceil(0.1 * n)


@pytest.mark.parametrize("early_stopping", [True, "auto"])
@pytest.mark.parametrize("fraction", [0.15, 0.3, 0.7])
@pytest.mark.parametrize("n", [100, 1500])
def test_a_fraction_that_is_given_counts_as_given(n, fraction, early_stopping):
    X, y = rows(n)
    watching = Watching()
    fit(make(early_stopping=early_stopping, validation_fraction=fraction, scoring=watching, max_iter=2), X, y)
    assert len(watching.y) == ceil(fraction * n)


def test_the_default_fraction_is_automatic_and_can_be_named():
    X, y = rows(300)
    assert TwoLayerClassifier().validation_fraction == BackpropClassifier().validation_fraction == "auto"
    assert_same_fit(fit(make(validation_fraction="auto"), X, y), fit(make(), X, y))


@pytest.mark.parametrize("fraction", ["some", 0.0, 1.0, 1.5, None])
def test_an_impossible_fraction_raises(fraction):
    with pytest.raises(ValueError, match="validation_fraction"):
        make(validation_fraction=fraction).fit(*rows(300))


@pytest.mark.parametrize("n", [60, 300, 1200])
def test_the_search_trains_on_the_other_rows_and_the_final_phase_on_all(n):
    X, y = rows(n)
    rates = []
    params = {"solver": StepCounter(rates), "batch_size": 1, "learning_rate": 0.01, "max_iter": 3}
    clf = fit(make(**params), X, y)
    held_out = ceil(min(max(8 / sqrt(n), 0.1), 0.5) * n)
    assert len(rates) == n_searched(clf) * (n - held_out) + ceil(FINAL * clf.best_iter_) * n


def test_rows_held_out_say_nothing_in_the_search_but_their_score():
    X, y = rows(300)
    watching = Watching()
    clf = fit(make(scoring=watching, batch_size="full"), X, y)
    training = ~(X[:, np.newaxis] == watching.X).all(axis=2).any(axis=1)
    alone = make(early_stopping=False, n_iter_no_change=None, max_iter=n_searched(clf), batch_size="full")
    alone.fit(X[training], y[training])
    np.testing.assert_allclose(clf.search_history_["loss"], alone.loss_curve_, rtol=1e-9)


# ---------------------------------------------------------------- what is recorded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("n", [40, 300, 1500])
def test_the_history_is_the_way_to_the_best_epoch_and_the_final_phase(n, scoring, kind):
    X, y = rows(n)
    clf = fit(make(kind, scoring=scoring), X, y)
    best, n_final = clf.best_iter_, ceil(FINAL * clf.best_iter_)
    search, history = clf.search_history_, clf.history_
    assert list(search) == list(history)
    assert {len(values) for values in search.values()} == {n_searched(clf)}
    assert {len(values) for values in history.values()} == {best + n_final}
    assert n_searched(clf) >= best
    for name in history:
        np.testing.assert_array_equal(history[name][:best], search[name][:best], err_msg=name)
    assert clf.n_iter_ == len(clf.loss_curve_) == best + n_final
    assert clf.loss_curve_ is history["loss"]
    assert clf.loss_ == clf.loss_curve_[-1]
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("n", [40, 300, 1500])
def test_the_validation_columns_are_those_of_the_search(n, scoring):
    X, y = rows(n)
    clf = fit(make(scoring=scoring), X, y)
    best = clf.best_iter_
    for name in ("validation_loss", "validation_score"):
        assert np.isfinite(clf.search_history_[name]).all()
        assert np.isfinite(clf.history_[name][:best]).all()
        assert np.isnan(clf.history_[name][best:]).all()
    scores = clf.search_history_["validation_score"]
    assert clf.best_validation_score_ == max(scores)
    assert best == 1 + int(np.argmax(scores))  # the first of them, where several tie
    assert clf.validation_scores_ is clf.history_["validation_score"]


def test_the_curve_has_no_jump():
    X, y = rows(6400)
    clf = fit(make(learning_rate=0.002, hidden_units=10), X, y)
    best, curve = clf.best_iter_, clf.loss_curve_
    assert best >= 3
    assert curve[best] < 1.2 * curve[best - 1]
    assert curve[-1] < curve[0]


@pytest.mark.parametrize("n", [60, 300, 1500])
def test_the_search_evaluates_an_average_of_the_weights(n):
    # Steps that jump about the best weights: each of them is bad, their average is not.
    X, y = rows(n)
    watching = Watching()
    params = {"solver": "sgd", "learning_rate": 1.0, "batch_size": 8, "shuffle": False}
    clf = fit(make(**params, scoring=watching), X, y)
    training = ~(X[:, np.newaxis] == watching.X).all(axis=2).any(axis=1)
    average = 0.0
    for epoch in range(1, 6):
        alone = make(**params, early_stopping=False, n_iter_no_change=None, max_iter=epoch)
        alone.fit(X[training], y[training])
        share = 1 - min(0.9, (epoch - 1) / epoch)
        average = average + share * (weights(alone) - average)
        judged = copy.copy(alone)
        judged.coefs_, judged.intercepts_ = parts_of(average, alone)
        loss = log_loss(watching.y, judged.predict_proba(watching.X))
        assert clf.search_history_["validation_loss"][epoch - 1] == pytest.approx(loss, rel=1e-9)


def parts_of(theta, clf):
    """Return a vector cut into coefs_ and intercepts_ of the shapes of clf's."""
    shapes = [array.shape for array in clf.coefs_ + clf.intercepts_]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
    parts = [part.reshape(shape) for part, shape in zip(np.split(theta, ends[:-1]), shapes, strict=True)]
    return parts[: len(clf.coefs_)], parts[len(clf.coefs_) :]


def test_two_searches_with_one_seed_are_one():
    X, y = rows(300)
    assert_same_fit(fit(make(dropout=0.2), X, y), fit(make(dropout=0.2), X, y))
    assert not np.array_equal(weights(fit(make(random_state=1), X, y)), weights(fit(make(), X, y)))


@pytest.mark.parametrize("n", [300, 1500])
def test_fitting_again_is_fitting_anew(n):
    X, y = rows(n)
    clf = fit(fit(make(schedule="adaptive"), X[::2], y[::2]), X, y)
    assert_same_fit(clf, fit(make(schedule="adaptive"), X, y))


# ---------------------------------------------------------------- where there is no search

NO_SEARCH = {
    "early_stopping=False": {"early_stopping": False},
    "early_stopping=True": {"early_stopping": True},
    "no patience": {"n_iter_no_change": None},
    "lbfgs": {"solver": "lbfgs"},
}


@pytest.mark.parametrize("params", NO_SEARCH.values(), ids=NO_SEARCH)
@pytest.mark.parametrize("searched_before", [False, True])
def test_without_a_search_there_is_no_search_history(searched_before, params):
    X, y = rows(300)
    clf = make()
    if searched_before:
        fit(clf, X, y)
        assert hasattr(clf, "search_history_")
    fit(clf.set_params(**params), X, y)
    assert not hasattr(clf, "search_history_")


@pytest.mark.parametrize("n", [10, 29])
def test_few_rows_train_all_epochs(n):
    X, y = rows(300)
    clf = make(max_iter=7).fit(X[:n], y[:n])  # nothing is warned of
    plain = make(max_iter=7, early_stopping=False, n_iter_no_change=None).fit(X[:n], y[:n])
    assert clf.n_iter_ == 7
    assert not hasattr(clf, "search_history_")
    assert not hasattr(clf, "best_iter_")
    assert_same_fit(clf, plain)


@pytest.mark.parametrize("n", [20, 60, 300, 1500])
def test_without_patience_nothing_is_searched_for(n):
    X, y = rows(n)
    clf = make(n_iter_no_change=None, max_iter=6).fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 6
    assert not hasattr(clf, "search_history_")
    assert not hasattr(clf, "validation_scores_")
    assert_same_fit(clf, make(n_iter_no_change=None, max_iter=6, early_stopping=False).fit(X, y))


@pytest.mark.parametrize("n", [20, 300])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("patience", [3, None])
def test_with_given_rows_auto_is_true(patience, solver, n):
    X, y = rows(n)
    X_val, y_val = rows(400)
    params = {"solver": solver, "n_iter_no_change": patience, "max_iter": 40}
    auto, plain = (
        fit(make(**params, early_stopping=early), X, y, X_val=X_val, y_val=y_val) for early in ("auto", True)
    )
    assert_same_fit(auto, plain)
    assert not hasattr(auto, "search_history_")
    assert auto.best_iter_ == 1 + int(np.argmax(auto.validation_scores_))


@pytest.mark.parametrize("n", [120, 300, 1500])
def test_for_a_line_search_auto_is_true(n):
    X, y = rows(n)
    auto, plain = (fit(make(solver="lbfgs", early_stopping=early), X, y) for early in ("auto", True))
    assert_same_fit(auto, plain)
    assert auto.best_iter_ == 1 + int(np.argmax(auto.validation_scores_))


@pytest.mark.parametrize("n", [15, 60])
def test_a_line_search_on_few_rows_watches_the_training_loss_and_says_nothing(n):
    X, y = rows(n)
    clf = fit(make(solver="lbfgs"), X, y)  # nothing is warned of, since nobody asked for True
    with pytest.warns(UserWarning, match="training loss"):
        plain = fit(make(solver="lbfgs", early_stopping=True), X, y)
    assert_same_fit(clf, plain)
    assert_same_fit(clf, fit(make(solver="lbfgs", early_stopping=False), X, y))


@pytest.mark.parametrize("flag", [True, np.True_], ids=["True", "np.True_"])
def test_early_stopping_on_few_rows_says_that_it_watches_the_training_loss(flag):
    X, y = rows(60)
    with pytest.warns(UserWarning, match="training loss"):
        clf = fit(make(early_stopping=flag), X, y)
    assert not hasattr(clf, "validation_scores_")
    assert_same_fit(clf, fit(make(early_stopping=False), X, y))


# ---------------------------------------------------------------- the rate of the final phase


class Bumpy(Adaptive):
    """Divide the rate at the first epoch that is no better."""

    def __init__(self):
        super().__init__(divide_by=3.0, patience=1)


SCHEDULES_TRIED = {name: name for name in SCHEDULES}
SCHEDULES_TRIED |= {
    "one cycle, early peak": OneCycle(peak=0.1),
    "adaptive, at once": Bumpy(),
    "a function of progress": lambda progress: 1.0 - 0.9 * progress,
    "cosine object": Cosine(),
}


@pytest.mark.parametrize("schedule", SCHEDULES_TRIED.values(), ids=SCHEDULES_TRIED)
@pytest.mark.parametrize("n", [300, 1200])
def test_the_final_phase_falls_from_the_rate_of_the_best_epoch_to_zero(n, schedule):
    X, y = rows(n)
    clf = fit(make(schedule=schedule, max_iter=40, learning_rate=0.01, n_iter_no_change=10), X, y)
    best, rates = clf.best_iter_, np.array(clf.history_["learning_rate"])
    n_final = ceil(FINAL * best)
    assert best >= 3
    at_best, final = rates[best - 1], rates[best:]
    assert len(final) == n_final >= 2
    assert clf.search_history_["learning_rate"][best - 1] == at_best
    assert (np.diff(final) < 0).all()
    np.testing.assert_allclose(np.diff(final), np.diff(final)[0], rtol=1e-6)  # a straight line
    # What is recorded is the rate of the last update of an epoch; a line from at_best to zero falls by this an epoch.
    assert -np.diff(final)[0] * n_final == pytest.approx(at_best, rel=1e-6)
    assert at_best * (1 - 1 / n_final) <= final[0] < at_best
    assert 0 < final[-1] <= at_best / n_final


@pytest.mark.parametrize("schedule", ["constant", "one_cycle", "cosine"])
def test_every_step_of_the_final_phase_is_smaller_than_the_one_before(schedule):
    X, y = rows(300)
    rates = []
    params = {"schedule": schedule, "solver": StepCounter(rates), "learning_rate": 0.05, "max_iter": 40}
    clf = fit(make(**params, n_iter_no_change=10), X, y)
    n_final = ceil(FINAL * clf.best_iter_) * ceil(300 / 32)
    final = np.array(rates[-n_final:])
    assert (np.diff(final) < 0).all()
    assert final[0] == pytest.approx(clf.history_["learning_rate"][clf.best_iter_ - 1], rel=1e-9)
    assert final[-1] < 1.5 * final[0] / n_final


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "adaptive"])
def test_the_rows_held_out_teach_something_whatever_the_schedule(schedule):
    # To the rate at the end of the search, which may be next to nothing, the final phase owes nothing.
    X, y = rows(300)
    clf = fit(make(schedule=schedule, max_iter=40, n_iter_no_change=40), X, y)
    at_best = clf.history_["learning_rate"][clf.best_iter_ - 1]
    assert clf.history_["learning_rate"][clf.best_iter_] > 0.5 * at_best
    assert clf.search_history_["learning_rate"][-1] < 0.1 * at_best or schedule == "adaptive"


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_progress_in_the_search_is_that_of_max_iter(schedule):
    X, y = rows(300)
    clf = fit(make(schedule=schedule, max_iter=30), X, y)
    plain = fit(make(schedule=schedule, max_iter=30, early_stopping=True, n_iter_no_change=None), X, y)
    n = n_searched(clf)
    np.testing.assert_allclose(clf.search_history_["learning_rate"], plain.history_["learning_rate"][:n], atol=2e-3)


# ---------------------------------------------------------------- patience


@pytest.mark.parametrize(("batch_size", "n_iter_no_change"), [(32, 2), (32, 40), (256, 2), (1, 2), ("full", 3)])
@pytest.mark.parametrize("n", [60, 300, 1200])
def test_the_search_waits_for_fifty_updates_at_least(n, batch_size, n_iter_no_change):
    X, y = rows(n)
    n_training = n - ceil(min(max(8 / sqrt(n), 0.1), 0.5) * n)
    n_steps = 1 if batch_size == "full" else ceil(n_training / min(batch_size, n_training))
    params = {"batch_size": batch_size, "n_iter_no_change": n_iter_no_change, "tol": 1e9, "max_iter": 100}
    clf = make(**params, learning_rate=1e-3).fit(X, y)  # an improvement by more than tol there is none
    assert n_searched(clf) == 1 + max(n_iter_no_change, ceil(50 / n_steps))


def test_a_search_cut_short_is_said_to_be():
    X, y = rows(300)
    with pytest.warns(UserWarning, match="max_iter=2"):
        make(max_iter=2, n_iter_no_change=5).fit(X, y)


# ---------------------------------------------------------------- going on after a search


@pytest.mark.parametrize("solver", STEPPING)
@pytest.mark.parametrize("n", [60, 300, 1200])
def test_a_warm_start_after_a_search_holds_nothing_out(n, solver):
    X, y = rows(n)
    clf = fit(make(warm_start=True, solver=solver), X, y)
    first, curve = clf.n_iter_, list(clf.loss_curve_)
    plain = copy.deepcopy(clf).set_params(early_stopping=False)
    fit(clf, X, y)
    assert_same_fit(clf, fit(plain, X, y))
    assert clf.loss_curve_ == curve + clf.loss_curve_[first:]
    assert len(clf.loss_curve_) == first + clf.n_iter_
    assert not hasattr(clf, "search_history_")
    assert {len(values) for values in clf.history_.values()} == {len(clf.loss_curve_)}


def test_a_warm_start_after_a_search_watches_the_training_loss():
    X, y = rows(300)
    clf = fit(make(warm_start=True), X, y)
    first = clf.n_iter_
    clf.set_params(tol=1e9, n_iter_no_change=3).fit(X, y)
    assert clf.n_iter_ == 1 + 3
    clf.set_params(n_iter_no_change=None, max_iter=9).fit(X, y)
    assert clf.n_iter_ == 9
    assert len(clf.loss_curve_) == first + 4 + 9
    assert np.isnan(clf.history_["validation_score"][first:]).all()


def test_a_warm_start_after_a_search_starts_from_the_weights_that_predict():
    X, y = rows(300)
    clf = fit(make(warm_start=True, solver="sgd"), X, y)
    before = weights(clf)
    fit(clf.set_params(learning_rate=1e-300, max_iter=2), X, y)
    np.testing.assert_array_equal(weights(clf), before)
    moved = fit(clf.set_params(learning_rate=0.02), X, y)
    assert not np.array_equal(weights(moved), before)


@pytest.mark.parametrize("solver", STEPPING)
def test_partial_fit_after_a_search_goes_on_too(solver):
    X, y = rows(300)
    clf = fit(make(warm_start=True, solver=solver, learning_rate=0.003), X, y)
    n = clf.n_iter_
    before = log_loss(y, clf.predict_proba(X))
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 1
    assert {len(values) for values in clf.history_.values()} == {n + 1} == {len(clf.loss_curve_)}
    assert log_loss(y, clf.predict_proba(X)) < 1.2 * before


# ---------------------------------------------------------------- looking on


class EndsTraining:
    """A callback that ends training after so many epochs, and counts them."""

    def __init__(self, after):
        self.after, self.n_epochs, self.subtasks, self.fitted = after, 0, [], None

    def setup(self, estimator, context):
        self.subtasks.append(context.max_subtasks)

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.n_epochs += 1
        else:
            self.fitted = fitted_estimator
        return context.task_name == "epoch" and self.n_epochs >= self.after


@needs_callbacks
@pytest.mark.parametrize("n", [60, 300, 1500])
def test_callbacks_see_every_epoch_of_both_phases(n):
    X, y = rows(n)
    callback = EndsTraining(after=10**9)
    clf = fit(make().set_callbacks(callback), X, y)
    assert callback.n_epochs == n_searched(clf) + ceil(FINAL * clf.best_iter_)
    assert callback.subtasks == [None]  # how many epochs there will be, nobody knows
    np.testing.assert_array_equal(weights(callback.fitted), weights(clf))
    assert_same_fit(clf, fit(make(), X, y))


@needs_callbacks
@pytest.mark.parametrize("n", [60, 300, 1500])
@pytest.mark.parametrize("stop", ["at once", "at the best", "one epoch later", "before patience is used up"])
def test_a_callback_that_stops_the_search_ends_the_fit_at_the_best_average(stop, n):
    X, y = rows(n)
    whole = fit(make(tol=0.0), X, y)
    best = whole.best_iter_
    after = {"at once": 1, "at the best": best, "one epoch later": best + 1}.get(stop, n_searched(whole) - 1)
    watching, callback = Watching(), EndsTraining(after)
    clf = make(tol=0.0, scoring=watching).set_callbacks(callback).fit(X, y)  # nothing is warned of
    assert callback.n_epochs == n_searched(clf) == after
    assert clf.best_iter_ == 1 + int(np.argmax(clf.search_history_["validation_score"]))
    assert clf.best_iter_ == min(after, best) or stop == "at once"
    assert clf.n_iter_ == len(clf.loss_curve_) == clf.best_iter_
    assert clf.loss_curve_ == whole.loss_curve_[: clf.best_iter_]
    assert watching(clf, watching.X, watching.y) == pytest.approx(clf.best_validation_score_, rel=1e-9)
    np.testing.assert_array_equal(weights(callback.fitted), weights(clf))


@needs_callbacks
def test_a_callback_that_stops_the_final_phase_keeps_what_was_trained():
    X, y = rows(300)
    whole = fit(make(), X, y)
    best = whole.best_iter_
    assert ceil(FINAL * best) > 1
    clf = make().set_callbacks(EndsTraining(n_searched(whole) + 1)).fit(X, y)
    assert n_searched(clf) == n_searched(whole)
    assert clf.n_iter_ == len(clf.loss_curve_) == best + 1
    assert clf.loss_curve_ == whole.loss_curve_[: best + 1]
    assert not np.array_equal(weights(clf), weights(whole))


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("n", [60, 300, 1500])
def test_verbose_names_the_phase(n, every, capsys):
    X, y = rows(n)
    clf = fit(make(verbose=every), X, y)
    lines = capsys.readouterr().out.strip().splitlines()
    searching = [set(re.findall(r"[a-z]+", line.lower())) for line in lines if "validation" in line]
    final = [set(re.findall(r"[a-z]+", line.lower())) for line in lines if "validation" not in line]
    assert len(searching) == n_searched(clf) // every
    assert len(final) in (ceil(FINAL * clf.best_iter_) // every, ceil(FINAL * clf.best_iter_) // every + 1)
    if final:
        columns = {"validation", "score", "loss", "rate", "learning", "epoch", "e"}
        assert set.intersection(*searching) - set.union(*final) - columns  # a word that only this phase has
        assert set.intersection(*final) - set.union(*searching) - columns


def test_verbose_names_no_phase_where_there_is_one_only(capsys):
    X, y = rows(300)
    fit(make(verbose=1), X, y)
    searching = capsys.readouterr().out.splitlines()[0]
    fit(make(verbose=1, early_stopping=False), X, y)
    plain = capsys.readouterr().out.splitlines()[0]
    assert set(re.findall(r"[a-z]+", plain.lower())) < set(re.findall(r"[a-z]+", searching.lower()))


def test_the_curve_of_a_search_can_be_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    X, y = rows(300)
    clf = fit(make(), X, y)
    try:
        display = LossCurveDisplay.from_estimator(clf)
        drawn = [np.asarray(line.get_ydata(), float) for line in display.ax_.get_lines()]
        final = np.subtract(clf.loss_curve_, clf.history_["penalty"])[clf.best_iter_ - 1 :]
        assert any(np.array_equal(each, final) for each in drawn)
    finally:
        pyplot.close("all")


# ---------------------------------------------------------------- resuming with validation rows


def given_halves():
    X, y = breast_cancer()
    return X[::2], y[::2], {"X_val": X[1::2], "y_val": y[1::2]}


@pytest.mark.parametrize("early_stopping", [True, "auto"])
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_fit_never_ends_worse_than_it_began(kind, scoring, early_stopping):
    X, y, given = given_halves()
    params = {"early_stopping": early_stopping, "scoring": scoring, "warm_start": True, "n_iter_no_change": None}
    clf = make(kind, **params, max_iter=30, learning_rate=0.005).fit(X, y, **given)
    before, score, n_before = weights(clf), clf.best_validation_score_, clf.n_iter_
    clf.set_params(learning_rate=1.0, max_iter=4).fit(X, y, **given)  # much too high
    assert clf.best_iter_ == 0
    assert clf.best_validation_score_ == score
    assert max(clf.validation_scores_[n_before:]) <= score
    np.testing.assert_array_equal(weights(clf), before)
    assert {len(values) for values in clf.history_.values()} == {len(clf.loss_curve_)} == {n_before + 4}


def test_a_resumed_fit_that_finds_better_weights_keeps_those():
    X, y, given = given_halves()
    clf = make(early_stopping=True, warm_start=True, n_iter_no_change=None, max_iter=2, learning_rate=0.002)
    clf.fit(X, y, **given)
    score = clf.best_validation_score_
    clf.fit(X, y, **given)
    assert clf.best_iter_ in (1, 2)
    assert clf.best_validation_score_ == max(clf.validation_scores_[2:]) > score
    assert -log_loss(given["y_val"], clf.predict_proba(given["X_val"])) == pytest.approx(clf.best_validation_score_)


def test_a_first_fit_has_no_weights_to_go_back_to():
    X, y, given = given_halves()
    clf = make(early_stopping=True, n_iter_no_change=None, max_iter=3).fit(X, 1 - y, **given)  # it gets ever worse
    assert clf.best_iter_ >= 1
    clf.fit(X, 1 - y, **given)  # without warm_start a fit is a first one
    assert clf.best_iter_ >= 1


@pytest.mark.parametrize("solver", STEPPING)
def test_the_best_weights_come_back_with_the_solvers_memory_of_them(solver):
    X, y, given = given_halves()
    params = {"solver": solver, "shuffle": False, "warm_start": True, "n_iter_no_change": None, "batch_size": 16}
    params |= {"learning_rate": 0.2 if solver == "sgd" else 0.02}
    clf = make(**params, early_stopping=True, max_iter=40).fit(X, y, **given)
    best = clf.best_iter_
    assert best < 40
    short = make(**params, early_stopping=False, max_iter=best).fit(X, y, **given)
    np.testing.assert_array_equal(weights(clf), weights(short))
    for each in (clf, short):
        each.set_params(early_stopping=False, max_iter=3).fit(X, y, **given)
    np.testing.assert_array_equal(weights(clf), weights(short))


def test_the_iris_search_ends_with_a_good_model():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    clf = TwoLayerClassifier(random_state=0).fit(X, y)  # with the defaults, and nothing is warned of
    assert clf.score(X, y) > 0.95
    assert hasattr(clf, "search_history_")
