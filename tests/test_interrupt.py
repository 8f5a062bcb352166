"""KeyboardInterrupt: it reaches the caller, and the estimator holds whole updates or is as it was."""

import copy
import inspect
import pickle
import signal
import sys
import threading
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import TwoLayerClassifier
from skbackprop._core.kernels import SHORT, adder
from skbackprop._fit.validation import Validation
from skbackprop.activations import Tanh
from skbackprop.losses import LogLoss
from skbackprop.schedules import Schedule
from skbackprop.solvers import SGD, SOLVERS

# Python drops an interrupt that comes during the callback of a weak reference; pytest would report that as a warning.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]


@cache
def ten_thousand_rows():
    return make_classification(10_000, 20, n_informative=8, random_state=0)


@cache
def few_rows():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X)[::5], y[::5]


def make(**params):
    settings = {"n_iter_no_change": None, "early_stopping": False, "random_state": 0, "max_iter": 3, "alpha": 1e-4}
    settings |= {"batch_size": 256, "learning_rate": 0.05, "solver": "sgd", "weight_init": "he"}
    return TwoLayerClassifier(6, **(settings | params))


class Recording:
    """A solver that keeps the parameters after every whole update; otherwise the one it is given."""

    def __init__(self, solver):
        self.solver = SOLVERS.resolve(solver)
        self.seen = set()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.solver, name)

    def init_state(self, theta):
        return self.solver.init_state(theta)

    def stepper(self, parameters, gradients, state):
        step = self.solver.stepper(parameters, gradients, state)

        def recorded(learning_rate):
            step(learning_rate)
            self.seen.add(parameters.theta.tobytes())

        return recorded


def weights(clf):
    """Return all parameters in one string of bytes, in the order of Network.theta."""
    return b"".join(a.tobytes() for a in clf.coefs_) + b"".join(a.tobytes() for a in clf.intercepts_)


def whole_updates(X, y, **params):
    """Return the parameters after each update of a fit that nothing interrupts."""
    recording = Recording(params.pop("solver", "sgd"))
    make(**params, solver=recording).fit(X, y)
    return recording.seen


def fitted(clf):
    """Return everything that fit assigned, as bytes to compare."""
    return pickle.dumps({name: value for name, value in sorted(vars(clf).items()) if name.endswith("_")})


def assert_whole(clf, before, updates, X, y):
    """The estimator is as it was, or it holds whole updates and everything that belongs to them."""
    if before is None and not hasattr(clf, "coefs_"):
        assert not [name for name in vars(clf) if name.endswith("_")]
        with pytest.raises(NotFittedError):
            clf.predict(X)
        return
    if before is not None and fitted(clf) == before:
        return
    assert weights(clf) in updates
    assert np.isfinite(clf.predict_proba(X)).all()
    assert set(clf.predict(X)) <= set(y)
    assert len({len(values) for values in clf.history_.values()}) <= 1
    assert clf.loss_curve_ == clf.history_.get("loss", [])
    assert clf.n_features_in_ == X.shape[1]
    copy.deepcopy(clf).partial_fit(X, y)


def assert_like_new(clf, fresh, X, y):
    """A second fit is a first one."""
    clf.set_params(**fresh.get_params())
    assert weights(clf.fit(X, y)) == weights(fresh.fit(X, y))


# ---------------------------------------------------------------- real signals

can_set_a_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no setitimer")


def interrupted(seconds, call, *args):
    """Make the call, with a KeyboardInterrupt by a real signal after so many seconds; tell whether it came in time."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    earlier = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        call(*args)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
    return False


def moments(seconds, n):
    """Return n moments between a ten-thousandth of a second and the length of the fit."""
    return np.geomspace(1e-4, max(seconds, 2e-4), n)


@can_set_a_timer
@pytest.mark.parametrize("refit", [False, True], ids=["first fit", "refit"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_interrupted_at_any_moment_a_fit_leaves_whole_updates(solver, refit):
    X, y = ten_thousand_rows()
    started = perf_counter()
    updates = whole_updates(X, y, solver=solver)
    seconds = perf_counter() - started  # the moments are spread over it; no verdict depends on it
    n_interrupted = 0
    for moment in moments(seconds, 20):
        clf, before = make(solver=solver), None
        if refit:
            clf.set_params(random_state=1, max_iter=1).fit(X, y)
            before = fitted(clf)
            clf.set_params(random_state=0, max_iter=3)
        n_interrupted += interrupted(moment, clf.fit, X, y)
        assert_whole(clf, before, updates, X, y)
    assert_like_new(clf, make(solver=solver), X, y)
    assert n_interrupted  # or nothing was tested


@can_set_a_timer
def test_an_interrupted_partial_fit_leaves_whole_updates():
    X, y = ten_thousand_rows()
    clf = make(solver="adam").partial_fit(X, y, classes=[0, 1])
    recording = Recording("adam")
    started = perf_counter()
    make(solver=recording).partial_fit(X, y, classes=[0, 1]).partial_fit(X, y)
    seconds = (perf_counter() - started) / 2
    for moment in moments(seconds, 15):
        trial = copy.deepcopy(clf)
        interrupted(moment, trial.partial_fit, X, y)
        assert_whole(trial, fitted(clf), recording.seen, X, y)


@can_set_a_timer
def test_an_interrupted_line_search_leaves_an_estimator_that_predicts():
    X, y = ten_thousand_rows()
    whole = make(solver="lbfgs", batch_size="full", max_iter=30)
    started = perf_counter()
    whole.fit(X, y)
    seconds = perf_counter() - started
    for moment in moments(seconds, 15):
        clf = make(solver="lbfgs", batch_size="full", max_iter=30)
        interrupted(moment, clf.fit, X, y)
        if hasattr(clf, "coefs_"):
            n = len(clf.loss_curve_)
            assert clf.loss_curve_ == whole.loss_curve_[:n]
            assert np.isfinite(clf.predict_proba(X)).all()
    assert_like_new(clf, make(solver="lbfgs", batch_size="full", max_iter=5), X, y)


@can_set_a_timer
def test_an_interrupt_waits_until_a_long_vector_is_changed_as_a_whole():
    x, y = np.ones(300 * SHORT), np.zeros(300 * SHORT)
    started = perf_counter()
    add = adder(x, y)
    add(1.0)
    seconds = perf_counter() - started
    n_interrupted = 0
    for moment in np.linspace(1e-5, seconds, 40):
        y[:] = 0
        n_interrupted += interrupted(moment, add, 1.0)
        assert y[0] == y[-1]
    assert n_interrupted


# ---------------------------------------------------------------- at every line of the package

PACKAGE = str(Path(skbackprop.__file__).parent)


class LineCounter:
    """Count the lines of the package that a call executes, and raise KeyboardInterrupt at one of them."""

    def __init__(self, stop_at=-1, where=PACKAGE):
        self.n_lines, self.stop_at, self.where = 0, stop_at, where

    def __call__(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(self.where):
            return None
        if event == "line":
            self.n_lines += 1
            if self.n_lines == self.stop_at:
                raise KeyboardInterrupt
        return self

    def run(self, call, *args):
        """Make the call; return whether it was interrupted."""
        earlier = sys.gettrace()
        sys.settrace(self)
        try:
            call(*args)
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(earlier)
        return False


@pytest.mark.parametrize(
    "kind",
    ["first fit", "refit", "warm fit", "partial_fit", "early stopping", "search", "lbfgs"],
)
def test_interrupted_at_any_line_a_fit_leaves_whole_updates(kind):
    X, y = few_rows()
    params = {"max_iter": 2, "batch_size": 16, "solver": "adam"}
    if kind == "early stopping":
        params |= {"early_stopping": True, "validation_fraction": 0.4}
    elif kind == "search":
        params |= {"early_stopping": "auto", "n_iter_no_change": 2, "tol": 1e9, "max_iter": 60}
        X, y = np.tile(X, (8, 1)), np.tile(y, 8)  # 8 updates an epoch: it waits for 7 epochs
    elif kind == "lbfgs":
        params |= {"solver": "lbfgs", "batch_size": "full"}
    elif kind == "warm fit":
        params |= {"warm_start": True}
    trained_before = kind in ("refit", "warm fit", "partial_fit")

    def start():
        clf = make(**params)
        return clf.fit(X, y) if trained_before else clf

    def go(clf):
        return clf.partial_fit(X, y) if kind == "partial_fit" else clf.set_params(random_state=1).fit(X, y)

    before = fitted(start()) if trained_before else None
    updates = None if kind == "lbfgs" else every_state(start, go)  # what a line search tries is no update
    go(start())  # so that what is remembered from call to call is there
    counter = LineCounter()
    counter.run(go, start())
    lines = range(1, counter.n_lines + 1)
    chosen = np.random.RandomState(0).choice(lines, min(100, len(lines)), replace=False)
    n_interrupted = 0
    for line in chosen:
        clf = start()
        n_interrupted += LineCounter(stop_at=line).run(go, clf)
        if updates is not None:
            assert_whole(clf, before, updates, X, y)
            if kind in ("early stopping", "search") and hasattr(clf, "best_iter_"):
                assert_best_of_its_scores(clf)
        elif hasattr(clf, "coefs_"):
            assert np.isfinite(clf.predict_proba(X)).all()
            assert len({len(values) for values in clf.history_.values()}) <= 1
        if kind not in ("warm fit", "partial_fit") and hasattr(clf, "coefs_"):
            assert clf.n_iter_ == len(clf.loss_curve_)
    assert n_interrupted > 0.9 * len(chosen)  # a line more or less from run to run is no matter
    assert_like_new(clf, make(**params | {"warm_start": False}), X, y)


def test_interrupted_at_any_line_of_errstate_a_fit_leaves_numpys_settings_as_they_were():
    X, y = few_rows()
    numpys = str(Path(inspect.getsourcefile(np.errstate.__enter__)).parent)
    make().fit(X, y)
    counter, settings = LineCounter(where=numpys), np.geterr()
    counter.run(make(max_iter=2).fit, X, y)
    assert counter.n_lines > 20
    n_interrupted = 0
    for line in range(1, counter.n_lines + 1):
        n_interrupted += LineCounter(line, numpys).run(make(max_iter=2).fit, X, y)
        assert np.geterr() == settings
    assert n_interrupted > 0.9 * counter.n_lines


def assert_best_of_its_scores(clf):
    """best_iter_ and best_validation_score_ tell of the epochs that are recorded."""
    scores = getattr(clf, "search_history_", clf.history_)["validation_score"]
    assert clf.best_validation_score_ == np.nanmax(scores)
    assert clf.best_iter_ == 1 + np.nanargmax(scores)
    assert clf.n_iter_ >= clf.best_iter_


def every_state(start, go):
    """Return the parameters after each update, those that were evaluated, and those of the finished fit."""
    seen = set()
    original, evaluate = SOLVERS["adam"].stepper, Validation.__call__

    def evaluated(self, network):
        seen.add(network.theta.tobytes())  # in a search an average, which no update leads to
        return evaluate(self, network)

    def stepper(self, parameters, gradients, state):
        step = original(self, parameters, gradients, state)

        def recorded(learning_rate):
            step(learning_rate)
            seen.add(parameters.theta.tobytes())

        return recorded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SOLVERS["adam"], "stepper", stepper)
        patch.setattr(Validation, "__call__", evaluated)
        seen.add(weights(go(start())))
    return seen


# ---------------------------------------------------------------- from inside the user's own objects


class Countdown:
    """Raises KeyboardInterrupt when it is called for the n-th time."""

    def __init__(self, n):
        self.n, self.calls = n, 0

    def __call__(self):
        self.calls += 1
        if self.calls == self.n:
            raise KeyboardInterrupt

    def __eq__(self, other):  # an activation stays the same one, however often it was called
        return type(other) is Countdown

    __hash__ = None

    def __deepcopy__(self, memo):  # what a fitted estimator keeps must not count down on its own
        return self


class CountingSchedule(Schedule):
    def __init__(self, countdown):
        self.countdown = countdown

    def factor(self, progress, epoch, state):
        self.countdown()
        return 1.0


class CountingActivation(Tanh):
    def __init__(self, countdown):
        self.countdown = countdown

    def value(self, Z, out):
        self.countdown()
        return super().value(Z, out)


class CountingLoss(LogLoss):
    def __init__(self, countdown):
        super().__init__()
        self.countdown = countdown

    def gradient(self, Z, A, Y, link, out):
        self.countdown()
        return super().gradient(Z, A, Y, link, out)


class CountingSolver(SGD):
    def __init__(self, countdown):
        super().__init__()
        self.countdown = countdown

    def stepper(self, parameters, gradients, state):
        step = super().stepper(parameters, gradients, state)

        def counted(learning_rate):
            self.countdown()
            step(learning_rate)

        return counted


def counting_init(countdown):
    def init(rng, fan_in, fan_out):
        countdown()
        return rng.standard_normal((fan_in, fan_out))

    return init


def counting_scorer(countdown):
    def scorer(estimator, X, y):
        countdown()
        return estimator.score(X, y)

    return scorer


OBJECTS = {
    "schedule": CountingSchedule,
    "activation": CountingActivation,
    "loss": CountingLoss,
    "solver": CountingSolver,
    "weight_init": counting_init,
    "scoring": counting_scorer,
}
QUIET = {"schedule": "constant", "activation": "tanh", "loss": "log_loss", "solver": "sgd"}


@pytest.mark.parametrize("parameter", OBJECTS)
@pytest.mark.parametrize("refit", [False, True], ids=["first fit", "refit"])
def test_an_interrupt_from_inside_leaves_whole_updates(parameter, refit):
    X, y = few_rows()
    params = {"batch_size": 8, "activation": "tanh"}
    if parameter == "scoring":
        params |= {"early_stopping": True, "validation_fraction": 0.4}
    calls = Countdown(-1)
    whole = make(**params | {parameter: OBJECTS[parameter](calls)})
    whole.fit(X, y)
    quiet = {} if parameter == "weight_init" else {parameter: QUIET.get(parameter, "accuracy")}
    init = counting_init(Countdown(-1)) if parameter == "weight_init" else "he"
    updates = whole_updates(X, y, **(params | quiet | {"weight_init": init}))
    assert weights(whole) in updates
    for n in np.unique(np.linspace(1, calls.calls, 25).astype(int)):
        clf, before = make(**params), None
        if refit:
            before = fitted(clf.set_params(random_state=1).fit(X, y))
            clf.set_params(random_state=0)
        clf.set_params(**{parameter: OBJECTS[parameter](Countdown(n))})
        with pytest.raises(KeyboardInterrupt):
            clf.fit(X, y)
        clf.set_params(**{parameter: OBJECTS[parameter](Countdown(-1))})
        assert_whole(clf, before, updates, X, y)
    assert_like_new(clf, make(**params), X, y)


def test_an_interrupt_keeps_the_updates_made_so_far():
    X, y = few_rows()  # 30 rows in batches of 10: three steps an epoch
    for n in range(2, 10):
        clf = make(batch_size=10, solver=CountingSolver(Countdown(n)))
        with pytest.raises(KeyboardInterrupt):
            clf.fit(X, y)
        assert len(clf.loss_curve_) == clf.n_iter_ == (n - 1) // 3
        recording = Recording("sgd")
        make(batch_size=10, solver=recording).fit(X, y)
        assert weights(clf) in recording.seen


def test_before_the_first_update_everything_is_as_it_was():
    X, y = few_rows()
    clf = make(solver=CountingSolver(Countdown(1)))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert not [name for name in vars(clf) if name.endswith("_")]
    clf.set_params(solver="sgd").fit(X, y)
    before = fitted(clf)
    clf.set_params(solver=CountingSolver(Countdown(1)), random_state=1)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert fitted(clf) == before


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", STEPPING)
def test_a_resumption_interrupted_before_its_first_update_can_be_taken_up_again(solver, go_on):
    X, y = few_rows()
    clf, other = (make(solver=solver, warm_start=True).fit(X, y) for _ in range(2))
    clf.set_params(loss=CountingLoss(Countdown(1)))
    with pytest.raises(KeyboardInterrupt):
        getattr(clf, go_on)(X, y)
    clf.set_params(loss="log_loss")
    assert weights(getattr(clf, go_on)(X, y)) == weights(getattr(other, go_on)(X, y))


@pytest.mark.parametrize("solver", STEPPING)
def test_an_interrupted_fit_can_be_resumed(solver):
    X, y = few_rows()
    calls = Countdown(-1)
    make(solver=solver, batch_size=10, loss=CountingLoss(calls)).fit(X, y)
    clf = make(solver=solver, warm_start=True, batch_size=10, loss=CountingLoss(Countdown(calls.calls // 2)))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    n = len(clf.loss_curve_)
    clf.set_params(loss="log_loss").fit(X, y)
    assert len(clf.loss_curve_) == n + 3
    assert {len(values) for values in clf.history_.values()} == {n + 3}
