"""Interrupts and failures in the middle: what is kept belongs together, and what would be a divergence is not kept.

Scorers that fail, and what they warn of, are heard too.
"""

import copy
import pickle
import warnings
from functools import cache
from math import ceil

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier
from skbackprop.solvers import SGD, SOLVERS, Adam, RMSprop

# Some of these fits take all their epochs, which is no news here.
pytestmark = pytest.mark.filterwarnings("ignore:Training ended after max_iter")

KINDS = [TwoLayerClassifier, BackpropClassifier]
STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@cache
def rows(n):
    X, y = make_classification(n, 6, n_informative=4, flip_y=0.1, random_state=0)
    return StandardScaler().fit_transform(X), y


def halves():
    X, y = breast_cancer()
    return X[::2], y[::2], {"X_val": X[1::2], "y_val": y[1::2]}


def make(kind=TwoLayerClassifier, **params):
    settings = {"early_stopping": True, "n_iter_no_change": None, "max_iter": 30, "random_state": 0, "alpha": 1e-3}
    size = {"hidden_units": 8} if kind is TwoLayerClassifier else {"hidden_layer_sizes": (8, 5)}
    return kind(**(size | settings | {"learning_rate": 0.02, "batch_size": 32} | params))


def weights(clf):
    return np.concatenate([array.ravel() for array in clf.coefs_ + clf.intercepts_])


def everything(clf):
    """Return all that an estimator holds, as bytes to compare."""
    return pickle.dumps(sorted(vars(clf).items(), key=lambda item: item[0]))


class Countdown:
    """Raises an error when it is called for the n-th time."""

    def __init__(self, n, error=KeyboardInterrupt):
        self.n, self.error, self.calls = n, error, 0

    def __call__(self):
        self.calls += 1
        if self.calls == self.n:
            raise self.error


class Interrupting:
    """A stepping solver that is interrupted before its n-th update; otherwise the one it is given."""

    full_batch_only = False

    def __init__(self, solver, n, error=KeyboardInterrupt):
        self.solver, self.countdown = SOLVERS.resolve(solver), Countdown(n, error)
        self.default_learning_rate = self.solver.default_learning_rate
        self.rate_follows_scale = self.solver.rate_follows_scale

    def init_state(self, theta):
        return self.solver.init_state(theta)

    def stepper(self, parameters, gradients, state):
        step = self.solver.stepper(parameters, gradients, state)

        def interrupted(learning_rate):
            self.countdown()
            step(learning_rate)

        return interrupted


class Scoring:
    """A scorer (the log loss) that keeps what it is shown and what it said, and is interrupted at its n-th call."""

    def __init__(self, n=10**9, error=KeyboardInterrupt):
        self.countdown, self.said, self.X, self.y = Countdown(n, error), [], None, None

    def __call__(self, estimator, X, y):
        self.countdown()
        self.X, self.y = X, y
        self.said.append(-log_loss(y, estimator.predict_proba(X)))
        return self.said[-1]

    def of(self, clf):
        return -log_loss(self.y, clf.predict_proba(self.X))


def interrupted(clf, *args, **kwargs):
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*args, **kwargs)
    return clf


def assert_together(clf):
    """Whatever an interrupt left, its parts belong together."""
    assert clf.loss_curve_ is clf.history_["loss"]
    assert {len(values) for values in clf.history_.values()} == {len(clf.loss_curve_)}
    present = [hasattr(clf, name) for name in ("validation_scores_", "best_validation_score_", "best_iter_")]
    assert all(present) or not any(present)
    if hasattr(clf, "search_history_"):
        assert list(clf.search_history_) == list(clf.history_)
        assert len({len(values) for values in clf.search_history_.values()}) == 1


# ---------------------------------------------------------------- early stopping


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", ["between epochs", "within an epoch"])
@pytest.mark.parametrize("n_epochs", [1, 2, 5, 12, 25])
def test_an_interrupt_keeps_the_best_weights_so_far(n_epochs, moment, kind):
    X, y, given = halves()
    n_steps = ceil(len(X) / 32)
    if moment == "between epochs":
        params = {"scoring": Scoring(n=n_epochs + 2)}  # it is asked once before training
    else:
        params = {"solver": Interrupting("adam", n_epochs * n_steps + n_steps // 2)}
    clf = interrupted(make(kind, **params), X, y, **given)
    whole = make(kind).fit(X, y, **given)
    scores = whole.validation_scores_[:n_epochs]
    assert_together(clf)
    assert clf.validation_scores_[:n_epochs] == pytest.approx(scores, rel=1e-9)
    assert clf.best_iter_ == 1 + int(np.argmax(scores))
    assert clf.best_validation_score_ == pytest.approx(max(scores), rel=1e-9)
    ours = -log_loss(given["y_val"], clf.predict_proba(given["X_val"]))
    assert ours == pytest.approx(clf.best_validation_score_, rel=1e-9)
    short = make(kind, early_stopping=False, max_iter=clf.best_iter_).fit(X, y)
    np.testing.assert_array_equal(weights(clf), weights(short))


def test_the_best_epoch_lies_before_the_last_in_these_tests():
    X, y, given = halves()
    whole = make().fit(X, y, **given)
    assert 1 < whole.best_iter_ < 12 < len(whole.validation_scores_)  # or the tests above would tell nothing


def test_an_interrupt_before_the_first_evaluation_keeps_the_last_update():
    X, y, given = halves()
    clf = interrupted(make(solver=Interrupting(SGD(), 4), learning_rate=0.05), X, y, **given)
    assert_together(clf)
    assert clf.loss_curve_ == []
    assert not hasattr(clf, "best_iter_")
    steps = []

    class Recording(SGD):
        def stepper(self, parameters, gradients, state):
            step = super().stepper(parameters, gradients, state)

            def recorded(learning_rate):
                step(learning_rate)
                steps.append(parameters.theta.copy())

            return recorded

    make(solver=Recording(), learning_rate=0.05, early_stopping=False, max_iter=1).fit(X, y)
    np.testing.assert_array_equal(weights(clf), steps[2])


@pytest.mark.parametrize("solver", STEPPING)
def test_after_an_interrupt_training_goes_on_from_the_best_with_its_memory(solver):
    X, y, given = halves()
    rate = {"learning_rate": 0.5 if solver == "sgd" else 0.1}
    params = {"warm_start": True, "shuffle": False, "solver": solver} | rate
    clf = interrupted(make(**params, scoring=Scoring(n=20)), X, y, **given)
    short = make(**params, early_stopping=False, max_iter=clf.best_iter_).fit(X, y)
    np.testing.assert_array_equal(weights(clf), weights(short))
    for each in (clf, short):
        each.set_params(early_stopping=False, scoring="loss", max_iter=2).fit(X, y)
    np.testing.assert_array_equal(weights(clf), weights(short))


@pytest.mark.parametrize("n_epochs", [1, 3])
def test_an_interrupted_refit_keeps_its_starting_weights_where_they_are_the_best(n_epochs):
    X, y, given = halves()
    clf = make(warm_start=True, learning_rate=0.005).fit(X, y, **given)
    before, score = weights(clf), clf.best_validation_score_
    clf.set_params(learning_rate=1.0, scoring=Scoring(n=n_epochs + 2))
    interrupted(clf, X, y, **given)
    assert_together(clf)
    np.testing.assert_array_equal(weights(clf), before)
    assert clf.best_iter_ == 0
    assert clf.best_validation_score_ == pytest.approx(score, rel=1e-9)


def test_monitored_rows_do_not_choose_the_weights():
    X, y, given = halves()
    clf = make(early_stopping=False, scoring=Scoring(n=14))
    interrupted(clf, X, y, **given)
    assert_together(clf)
    assert clf.n_iter_ == len(clf.loss_curve_)
    short = make(early_stopping=False, max_iter=12).fit(X, y)
    longer = make(early_stopping=False, max_iter=13).fit(X, y)  # its weights were there, its evaluation was not
    assert any(np.array_equal(weights(clf), weights(each)) for each in (short, longer))


# ---------------------------------------------------------------- the search


def searching(**params):
    return make(**({"early_stopping": "auto", "n_iter_no_change": 8, "tol": 0.0, "learning_rate": 0.1} | params))


@pytest.mark.parametrize("n", [60, 300, 1500])
@pytest.mark.parametrize("moment", ["between epochs", "within an epoch"])
@pytest.mark.parametrize("n_epochs", [1, 3, "all"])
def test_an_interrupted_search_keeps_its_best_average(n_epochs, moment, n):
    X, y = rows(n)
    scoring = Scoring()
    whole = searching(scoring=scoring).fit(X, y)
    n_training = n - len(scoring.y)
    batch_rows = min(32, n_training)
    n_steps = ceil(n_training / batch_rows)
    n_epochs = len(whole.search_history_["loss"]) - 1 if n_epochs == "all" else n_epochs
    if moment == "between epochs":
        params = {"scoring": Scoring(n=n_epochs + 2)}
    else:
        params = {"scoring": Scoring(), "solver": Interrupting("adam", n_epochs * n_steps + 1)}
    clf = interrupted(searching(**params), X, y)
    scores = whole.search_history_["validation_score"][:n_epochs]
    assert_together(clf)
    assert clf.best_iter_ == 1 + int(np.argmax(scores))
    assert clf.best_validation_score_ == pytest.approx(max(scores), rel=1e-9)
    assert scoring.of(clf) == pytest.approx(clf.best_validation_score_, rel=1e-9)
    assert clf.n_iter_ == len(clf.loss_curve_) == clf.best_iter_
    assert clf.loss_curve_ == whole.loss_curve_[: clf.best_iter_]
    assert len(clf.search_history_["loss"]) in (n_epochs, n_epochs + 1)


@pytest.mark.parametrize("solver", ["adam", "rmsprop", SGD(momentum=0.9)], ids=str)
def test_after_an_interrupted_search_training_goes_on(solver):
    X, y = rows(300)
    scoring = Scoring(n=9)
    clf = interrupted(searching(scoring=scoring, solver=solver, warm_start=True, learning_rate=0.01), X, y)
    loss, n_before = log_loss(y, clf.predict_proba(X)), len(clf.loss_curve_)
    again = pickle.loads(pickle.dumps(clf.set_params(scoring="loss")))
    for each in (clf, again):
        each.set_params(n_iter_no_change=None, max_iter=3).fit(X, y)
        assert each.n_iter_ == 3
        assert len(each.loss_curve_) == n_before + 3
        assert_together(each)
    np.testing.assert_array_equal(weights(clf), weights(again))
    assert log_loss(y, clf.predict_proba(X)) < 1.1 * loss
    clf.partial_fit(X, y)


def test_an_interrupted_search_starts_afresh_without_warm_start():
    X, y = rows(300)
    clf = interrupted(searching(scoring=Scoring(n=6)), X, y)
    clf.set_params(scoring="loss").fit(X, y)
    fresh = searching().fit(X, y)
    np.testing.assert_array_equal(weights(clf), weights(fresh))
    assert clf.loss_curve_ == fresh.loss_curve_


@pytest.mark.parametrize("at", ["the first update", "in the middle", "the last update"])
@pytest.mark.parametrize("n", [60, 300, 1500])
def test_an_interrupt_in_the_final_phase_keeps_the_last_update(n, at):
    X, y = rows(n)
    counting, batch_rows = Interrupting("adam", 10**9), 20 if n == 60 else 32
    whole = searching(batch_size=batch_rows, solver=counting).fit(X, y)
    n_final = ceil(0.75 * whole.best_iter_) * ceil(n / batch_rows)  # updates
    assert n_final >= 3
    before_the_end = {"the first update": n_final - 2, "in the middle": n_final // 2, "the last update": 0}[at]
    stopped = Interrupting("adam", counting.countdown.calls - before_the_end)
    clf = interrupted(searching(batch_size=batch_rows, solver=stopped), X, y)
    assert_together(clf)
    assert len(clf.search_history_["loss"]) == len(whole.search_history_["loss"])
    assert whole.best_iter_ <= clf.n_iter_ < whole.n_iter_
    assert clf.n_iter_ == len(clf.loss_curve_)
    assert clf.loss_curve_ == whole.loss_curve_[: clf.n_iter_]
    assert np.isfinite(clf.predict_proba(X)).all()


def test_an_interrupt_before_the_first_evaluation_of_a_search_keeps_the_last_update():
    X, y = rows(300)
    clf = interrupted(searching(solver=Interrupting("adam", 3)), X, y)
    assert_together(clf)
    assert clf.loss_curve_ == []
    assert not hasattr(clf, "best_iter_")
    assert np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
def test_an_interrupt_before_the_first_update_leaves_everything_as_it_was(early_stopping):
    X, y = rows(300)
    params = {"early_stopping": early_stopping, "n_iter_no_change": 3, "max_iter": 20}
    first = interrupted(make(solver=Interrupting("adam", 1), **params), X, y)
    assert not [name for name in vars(first) if name.endswith("_")]
    refit = make(early_stopping=False).fit(X, y).set_params(solver=Interrupting("adam", 1), **params)
    before = weights(refit), dict(vars(refit))
    interrupted(refit, X, y)
    np.testing.assert_array_equal(weights(refit), before[0])
    assert vars(refit).keys() == before[1].keys()


# ---------------------------------------------------------------- an interrupt on the way to divergence


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("n_updates", [2, 5, 11])
@pytest.mark.parametrize("solver", [SGD(), SGD(momentum=0.5), Adam(), RMSprop()], ids=str)
def test_a_refit_interrupted_while_it_diverges_changes_nothing(solver, n_updates, warm_start, early_stopping):
    X, y = breast_cancer()
    first = make(early_stopping=False, learning_rate=0.01, max_iter=10, warm_start=warm_start).fit(X, y)
    score, before = first.score(X, y), copy.deepcopy(vars(first))
    first.set_params(
        solver=Interrupting(solver, n_updates), learning_rate=1e9, early_stopping=early_stopping, n_iter_no_change=5
    )
    interrupted(first, X, y)
    assert first.score(X, y) == score
    np.testing.assert_equal(first.coefs_ + first.intercepts_, before["coefs_"] + before["intercepts_"])
    assert first.loss_curve_[:10] == before["loss_curve_"]
    if not (warm_start and early_stopping is True):  # there the weights that it started from may be the best so far
        for name, value in before.items():
            if name.endswith("_"):
                np.testing.assert_equal(getattr(first, name), value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_updates", [2, 5, 11])
def test_a_first_fit_interrupted_while_it_diverges_stays_unfitted(n_updates, kind):
    X, y = breast_cancer()
    clf = make(kind, solver=Interrupting(SGD(), n_updates), learning_rate=1e9, early_stopping=False)
    interrupted(clf, X, y)
    assert not [name for name in vars(clf) if name.endswith("_")]


@pytest.mark.parametrize("n_updates", [2, 5])
def test_a_stream_interrupted_while_it_diverges_stays_as_it_was(n_updates):
    X, y = breast_cancer()
    clf = make(learning_rate=0.01).partial_fit(X, y, classes=[0, 1])
    before = weights(clf), {name: list(values) for name, values in clf.history_.items()}
    clf.set_params(solver=Interrupting(SGD(), n_updates), learning_rate=1e9)
    with pytest.raises(KeyboardInterrupt):
        clf.partial_fit(X, y)
    np.testing.assert_array_equal(weights(clf), before[0])
    np.testing.assert_equal(clf.history_, before[1])


def test_what_would_not_have_diverged_is_kept():
    X, y = breast_cancer()
    clf = make(early_stopping=False, learning_rate=0.01, max_iter=10).fit(X, y)
    before = weights(clf)
    clf.set_params(solver=Interrupting("adam", 40), random_state=1)
    interrupted(clf, X, y)
    assert not np.array_equal(weights(clf), before)
    assert clf.score(X, y) > 0.9


def test_the_same_without_an_interrupt_is_a_divergence():
    X, y = breast_cancer()
    clf = make(early_stopping=False, learning_rate=0.01, max_iter=10).fit(X, y)
    before = everything(clf)
    with pytest.raises(DivergenceError):
        copy.deepcopy(clf).set_params(solver="sgd", learning_rate=1e9).fit(X, y)
    assert everything(clf) == before


# ---------------------------------------------------------------- scorers


@pytest.mark.parametrize("early_stopping", [True, "auto"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_scorer_that_fails_leaves_everything_as_it_was(n, early_stopping):
    X, y = rows(300)
    params = {"early_stopping": early_stopping, "n_iter_no_change": 5, "max_iter": 60}
    first = make(**params, scoring=Scoring(n, ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        first.fit(X, y)
    assert not [name for name in vars(first) if name.endswith("_")]
    refit = make(early_stopping=False, max_iter=3).fit(X, y)
    before = weights(refit), refit.loss_curve_, list(refit.loss_curve_)
    refit.set_params(**params, scoring=Scoring(n, ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        refit.fit(X, y)
    np.testing.assert_array_equal(weights(refit), before[0])
    assert refit.loss_curve_ is before[1]
    assert refit.loss_curve_ == before[2]
    assert not hasattr(refit, "best_iter_")


def divides(estimator, X, y):
    np.log(np.zeros(1))
    return estimator.score(X, y)


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
def test_the_warning_of_a_scorer_is_shown(early_stopping):
    X, y = rows(300)
    clf = make(early_stopping=early_stopping, scoring=divides, max_iter=2)
    given = {} if early_stopping is True else {"X_val": X, "y_val": y}
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        clf.fit(X, y, **given)
    if early_stopping == "auto":
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            clf.set_params(n_iter_no_change=1).fit(X, y)
        assert any("divide by zero" in str(each.message) for each in caught)


def test_a_scorer_runs_under_the_callers_settings():
    X, y = rows(300)
    clf = make(scoring=divides, max_iter=2)
    with np.errstate(divide="ignore"):
        clf.fit(X, y)  # nothing is warned of
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        clf.fit(X, y)
    with np.errstate(all="raise"):
        make(max_iter=2).fit(X, y)  # what overflows in training is judged in words
        with pytest.raises(DivergenceError):
            make(solver="sgd", learning_rate=1e200, early_stopping=False).fit(X, y)


def test_a_fit_leaves_the_callers_settings_alone():
    X, y = rows(300)
    with np.errstate(over="raise", divide="print", under="warn"):
        before = np.geterr()
        make(scoring="accuracy", max_iter=2).fit(X, y)
        assert np.geterr() == before
        with pytest.raises(ZeroDivisionError):
            make(scoring=Scoring(2, ZeroDivisionError)).fit(X, y)
        assert np.geterr() == before
