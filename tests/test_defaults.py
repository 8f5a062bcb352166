"""What "auto" means: the documented rules, seen from outside."""

from functools import cache
from math import ceil, sqrt

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_classification
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.defaults import AUTO_BATCH, ENOUGH_ROWS, FEWEST_ROWS, PATIENT_UPDATES, SMALL_TABLE
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SGD, SOLVERS, Adam
from skbackprop.training import COOL_DOWN

KINDS = [TwoLayerClassifier, BackpropClassifier]
LOADERS = [load_iris, load_wine, load_breast_cancer]
STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]
WHOLE_TABLE = [name for name in SOLVERS if name not in STEPPING]
FOLLOWS_SCALE = [name for name in STEPPING if getattr(SOLVERS[name](), "rate_follows_scale", False)]


@cache
def rows(n):
    """Return n standardised rows."""
    X, y = make_classification(n, 6, n_informative=4, random_state=0)
    return StandardScaler().fit_transform(X), y


def make(kind=TwoLayerClassifier, **params):
    settings = {"random_state": 0, "early_stopping": False, "n_iter_no_change": None, "max_iter": 3}
    return kind(**(settings | params))


def weights(clf):
    return [array.tolist() for array in clf.coefs_ + clf.intercepts_]


class StepCounter(SGD):
    """Plain gradient descent that counts its steps."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def stepper(self, parameters, gradients, state):
        step = super().stepper(parameters, gradients, state)

        def counted(learning_rate):
            self.steps.append(learning_rate)
            step(learning_rate)

        return counted


# ---------------------------------------------------------------- the defaults as a whole


def test_both_classifiers_have_the_same_defaults():
    two, deep = TwoLayerClassifier().get_params(), BackpropClassifier().get_params()
    hidden = [two.pop("hidden_units")]
    assert hidden == list(deep.pop("hidden_layer_sizes"))
    assert two == deep


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("load", LOADERS)
def test_the_defaults_fit_scaled_tables_and_say_nothing(load, kind):
    X, y = load(return_X_y=True)
    clf = kind(random_state=0).fit(StandardScaler().fit_transform(X), y)  # a warning is an error here
    assert clf.score(StandardScaler().fit_transform(X), y) > 0.95


@pytest.mark.parametrize("n", [12, ENOUGH_ROWS - 1, ENOUGH_ROWS])
def test_the_defaults_fit_few_rows_and_say_nothing(n):
    X, y = rows(n)
    assert TwoLayerClassifier(random_state=0).fit(X, y).score(X, y) > 0.7


# ---------------------------------------------------------------- batch_size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("batch_size", "n", "n_steps"),
    [
        ("auto", SMALL_TABLE // 2, 1),
        ("auto", SMALL_TABLE, 1),
        ("auto", SMALL_TABLE + 1, ceil((SMALL_TABLE + 1) / AUTO_BATCH)),
        ("auto", 10 * AUTO_BATCH, 10),
        ("full", 200, 1),
        (200, 200, 1),
        (1000, 200, 1),
        (199, 200, 2),
        (7, 200, 29),
        (1, 50, 50),
    ],
)
def test_rows_of_a_step(kind, batch_size, n, n_steps):
    X, y = rows(n)
    steps = []
    clf = make(kind, batch_size=batch_size, solver=StepCounter(steps), learning_rate=1e-3)
    clf.fit(X, y)
    assert len(steps) == 3 * n_steps
    clf.partial_fit(X, y)
    assert len(steps) == 4 * n_steps


@pytest.mark.parametrize(("n", "explicit"), [(SMALL_TABLE, "full"), (SMALL_TABLE + 1, AUTO_BATCH)])
def test_automatic_batches_are_no_others_than_those_asked_for(n, explicit):
    X, y = rows(n)
    assert weights(make(batch_size="auto").fit(X, y)) == weights(make(batch_size=explicit).fit(X, y))


# ---------------------------------------------------------------- learning_rate


def rate(clf):
    """Return the learning rate, one and the same in all epochs."""
    (rate,) = set(clf.history_["learning_rate"])
    return rate


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
@pytest.mark.parametrize(
    "solver", [name for name in STEPPING if name not in FOLLOWS_SCALE] + [Adam(beta_1=0.5)], ids=str
)
def test_the_automatic_rate_of_a_solver_that_scales_its_steps(solver, scale):
    X, y = rows(80)
    clf = make(solver=solver, schedule="constant").fit(X * scale, y)
    assert rate(clf) == SOLVERS.resolve(solver).default_learning_rate


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", [*FOLLOWS_SCALE, SGD(momentum=0.5)], ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of the features of size 1000
def test_the_automatic_rate_of_gradient_descent_follows_the_features(solver, call):
    X, y = rows(80)
    default = SOLVERS.resolve(solver).default_learning_rate
    for scale, expected in [(1e-3, default), (0.5, default), (1.0, default), (3.0, default / 9), (30.0, default / 900)]:
        clf = make(solver=solver, schedule="constant")
        clf.fit(X * scale, y) if call == "fit" else clf.partial_fit(X * scale, y, classes=[0, 1])
        assert rate(clf) == pytest.approx(expected, rel=1e-6)


def test_rows_of_weight_zero_do_not_count_for_the_automatic_rate():
    X, y = rows(80)
    X = np.where(np.arange(80)[:, np.newaxis] < 40, X, 1000.0)
    w = np.where(np.arange(80) < 40, 3.0, 0.0)
    clf = make(solver="sgd").fit(X, y, sample_weight=w)
    assert rate(clf) == pytest.approx(SGD.default_learning_rate / max(1.0, np.mean(X[:40] ** 2)), rel=1e-6)


@pytest.mark.parametrize("load", LOADERS)
def test_the_automatic_rate_does_not_diverge_on_unscaled_features(load):
    X, y = load(return_X_y=True)
    clf = make(solver="sgd", max_iter=20, batch_size="full", activation="tanh").fit(X, y)
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_explicit_rate_is_taken_as_it_is(schedule):
    X, y = rows(80)
    steps = []
    clf = make(solver=StepCounter(steps), learning_rate=0.25, schedule=schedule, max_iter=8).fit(X * 10, y)
    factor = SCHEDULES[schedule]()
    assert max(steps) <= 0.25 * max(factor.factor(k / 80, 0, factor.init_state()) for k in range(81)) * (1 + 1e-12)
    assert clf.history_["learning_rate"][0] == steps[ceil(80 / AUTO_BATCH) - 1]


@pytest.mark.parametrize("solver", WHOLE_TABLE)
def test_a_line_search_has_no_rate(solver):
    X, y = rows(80)
    fits = [make(solver=solver, learning_rate=asked).fit(X, y) for asked in ("auto", 1e-5, 10.0)]
    assert weights(fits[0]) == weights(fits[1]) == weights(fits[2])
    assert "learning_rate" not in fits[0].history_


# ---------------------------------------------------------------- alpha


@pytest.mark.parametrize("n", [30, FEWEST_ROWS, 3 * FEWEST_ROWS])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_automatic_penalty_is_a_normal_prior_of_variance_three_halves(solver, n):
    X, y = rows(n)
    auto = make(solver=solver, alpha="auto").fit(X, y)
    assert weights(auto) == weights(make(solver=solver, alpha=1 / (1.5 * max(n, FEWEST_ROWS))).fit(X, y))
    assert weights(auto) != weights(make(solver=solver, alpha=0.0).fit(X, y))


def test_rows_held_out_count_for_the_automatic_penalty():
    X, y = rows(300)
    params = {"early_stopping": True, "max_iter": 5}
    assert weights(make(alpha="auto", **params).fit(X, y)) == weights(make(alpha=1 / (1.5 * 300), **params).fit(X, y))


# ---------------------------------------------------------------- early_stopping


class RowsSeen:
    """A scorer that remembers how many rows it was shown, of which classes."""

    def __call__(self, estimator, X, y):
        self.n, self.classes = len(y), set(y)
        return estimator.score(X, y)


@pytest.mark.parametrize("n", [20, ENOUGH_ROWS - 1])
def test_with_few_rows_auto_trains_to_the_end_on_all_of_them(n):
    X, y = rows(n)
    clf = make(early_stopping="auto", n_iter_no_change=1, tol=10.0, max_iter=20).fit(X, y)
    assert clf.n_iter_ == 20
    assert not hasattr(clf, "validation_scores_")
    assert weights(clf) == weights(make(early_stopping=False, max_iter=20).fit(X, y))


@pytest.mark.parametrize("fraction", [0.05, 0.25])
@pytest.mark.parametrize("n", [ENOUGH_ROWS, 500, 2000])
def test_with_enough_rows_auto_holds_some_out(n, fraction):
    X, y = rows(n)
    seen = RowsSeen()
    make(early_stopping="auto", validation_fraction=fraction, scoring=seen).fit(X, y)
    assert seen.n == ceil(max(fraction, min(3 / sqrt(n), 0.3)) * n)
    assert seen.classes == {0, 1}


@pytest.mark.parametrize("solver", STEPPING)
def test_auto_ends_with_a_cool_down_on_all_rows(solver):
    X, y = rows(300)
    params = {"n_iter_no_change": 3, "max_iter": 400, "learning_rate": 0.02, "solver": solver, "schedule": "constant"}
    clf = make(early_stopping="auto", **params).fit(X, y)
    n_searched = int(np.isfinite(clf.validation_scores_).sum())
    n_cooling = ceil(COOL_DOWN * clf.best_iter_)
    assert clf.n_iter_ == n_searched + n_cooling
    assert {len(values) for values in clf.history_.values()} == {clf.n_iter_}
    assert clf.best_validation_score_ == np.nanmax(clf.validation_scores_)
    assert clf.best_iter_ == 1 + np.nanargmax(clf.validation_scores_)
    searching, cooling = np.split(np.array(clf.history_["learning_rate"]), [n_searched])
    assert set(searching) == {0.02}
    assert (np.diff(cooling) < 0).all()
    assert cooling[-1] < 0.02 / n_cooling
    assert np.isnan(clf.validation_scores_[n_searched:]).all()


@pytest.mark.parametrize(("batch_size", "n_iter_no_change"), [(32, 2), (32, 40), (248, 2), (1, 2)])
def test_the_search_of_auto_waits_for_a_hundred_updates(batch_size, n_iter_no_change):
    X, y = rows(300)
    n_training = 300 - ceil(min(3 / sqrt(300), 0.3) * 300)
    params = {"batch_size": batch_size, "n_iter_no_change": n_iter_no_change, "tol": 1e9, "max_iter": 500}
    clf = make(early_stopping="auto", **params).fit(X, y)
    patience = max(n_iter_no_change, ceil(PATIENT_UPDATES / ceil(n_training / batch_size)))
    assert np.isfinite(clf.validation_scores_).sum() == 1 + patience
    plain = make(early_stopping=True, **params).fit(X, y)
    assert plain.n_iter_ == 1 + n_iter_no_change


def test_the_cool_down_sees_every_row():
    X, y = rows(300)
    steps = []
    clf = make(early_stopping="auto", solver=StepCounter(steps), learning_rate=0.01, batch_size=1, max_iter=2).fit(X, y)
    n_held_out = ceil(min(3 / sqrt(300), 0.3) * 300)
    assert len(steps) == 2 * (300 - n_held_out) + ceil(COOL_DOWN * clf.best_iter_) * 300


@pytest.mark.parametrize("solver", WHOLE_TABLE)
def test_a_line_search_does_not_cool_down(solver):
    X, y = rows(300)
    clf = make(early_stopping="auto", solver=solver, max_iter=20).fit(X, y)
    assert clf.n_iter_ <= 20
    assert clf.best_iter_ == 1 + np.argmax(clf.validation_scores_)
    assert np.isfinite(clf.validation_scores_).all()


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("solver", SOLVERS)
def test_auto_early_stopping_with_given_rows_is_true(solver, n):
    X, y = rows(n)
    X_val, y_val = rows(400)
    params = {"n_iter_no_change": 3, "max_iter": 300, "solver": solver, "tol": 1e-3}
    auto = make(early_stopping="auto", **params).fit(X, y, X_val=X_val, y_val=y_val)
    plain = make(early_stopping=True, **params).fit(X, y, X_val=X_val, y_val=y_val)
    assert auto.n_iter_ == plain.n_iter_ < 300
    assert weights(auto) == weights(plain)


def test_auto_says_when_the_search_was_cut_short():
    X, y = rows(300)
    with pytest.warns(UserWarning, match="max_iter=2"):
        make(early_stopping="auto", n_iter_no_change=5, max_iter=2).fit(X, y)


def test_auto_goes_on_with_warm_start():
    X, y = rows(300)
    clf = make(early_stopping="auto", warm_start=True, max_iter=4).fit(X, y)
    first = clf.n_iter_
    clf.fit(X, y)
    assert len(clf.loss_curve_) == first + clf.n_iter_
    assert clf.loss_curve_[first] < clf.loss_curve_[0]
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 1
    assert {len(values) for values in clf.history_.values()} == {len(clf.loss_curve_)}
