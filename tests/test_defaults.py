"""What "auto" means: the documented rules, seen from outside."""

from functools import cache
from math import ceil

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_classification
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.defaults import AUTO_BATCH, ENOUGH_ROWS, FEW_ROWS, FEWEST_ROWS, PATIENT_UPDATES, SMALL_TABLE
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SGD, SOLVERS, Adam
from skbackprop.training import AVERAGE, COOL_DOWN

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
def test_the_automatic_penalty_is_a_normal_prior_of_variance_1_2(solver, n):
    X, y = rows(n)
    auto = make(solver=solver, alpha="auto").fit(X, y)
    assert weights(auto) == weights(make(solver=solver, alpha=1 / (1.2 * max(n, FEWEST_ROWS))).fit(X, y))
    assert weights(auto) != weights(make(solver=solver, alpha=0.0).fit(X, y))


def test_rows_held_out_count_for_the_automatic_penalty():
    X, y = rows(300)
    params = {"early_stopping": True, "max_iter": 5}
    assert weights(make(alpha="auto", **params).fit(X, y)) == weights(make(alpha=1 / (1.2 * 300), **params).fit(X, y))


# ---------------------------------------------------------------- early_stopping


class RowsSeen:
    """A scorer that remembers which rows it was shown, and of which classes they were."""

    def __init__(self):
        self.parts = {}

    def __call__(self, estimator, X, y):
        self.parts[X.tobytes()] = X
        self.classes = set(y)
        return estimator.score(X, y)


@pytest.mark.parametrize("n", [20, ENOUGH_ROWS - 1])
def test_with_few_rows_auto_trains_to_the_end_on_all_of_them(n):
    X, y = rows(n)
    clf = make(early_stopping="auto", n_iter_no_change=1, tol=10.0, max_iter=20).fit(X, y)
    assert clf.n_iter_ == 20
    assert not hasattr(clf, "validation_scores_")
    assert weights(clf) == weights(make(early_stopping=False, max_iter=20).fit(X, y))


MANY = FEW_ROWS + 200
SEARCH = {"early_stopping": "auto", "n_iter_no_change": 3, "max_iter": 400}


@pytest.mark.parametrize("fraction", [0.05, 0.25])
@pytest.mark.parametrize("n", [FEW_ROWS, 2 * FEW_ROWS])
def test_with_many_rows_auto_holds_some_out(n, fraction):
    X, y = rows(n)
    seen = RowsSeen()
    make(early_stopping="auto", validation_fraction=fraction, scoring=seen).fit(X, y)
    (part,) = seen.parts.values()
    assert len(part) == ceil(fraction * n)
    assert seen.classes == {0, 1}


@pytest.mark.parametrize("n", [ENOUGH_ROWS, 301, FEW_ROWS - 1])
def test_with_fewer_rows_auto_judges_each_half_by_the_other(n):
    X, y = rows(n)
    seen = RowsSeen()
    make(early_stopping="auto", scoring=seen).fit(X, y)
    one, other = seen.parts.values()
    assert abs(len(one) - len(other)) <= 1
    assert {*map(bytes, one), *map(bytes, other)} == {*map(bytes, X)}
    assert len(one) + len(other) == n
    assert seen.classes == {0, 1}


def searched_and_rest(clf):
    """Return the number of epochs that the search took, and of those after it."""
    n_searched = int(np.isfinite(clf.validation_scores_).sum())
    assert np.isnan(clf.validation_scores_[n_searched:]).all()
    assert {len(values) for values in clf.history_.values()} == {clf.n_iter_}
    assert clf.best_validation_score_ == np.nanmax(clf.validation_scores_)
    assert clf.best_iter_ == 1 + np.nanargmax(clf.validation_scores_)
    return n_searched, clf.n_iter_ - n_searched


@pytest.mark.parametrize("solver", STEPPING)
def test_auto_ends_with_a_cool_down_on_all_of_many_rows(solver):
    X, y = rows(MANY)
    clf = make(**SEARCH, learning_rate=0.02, solver=solver, schedule="constant").fit(X, y)
    n_searched, n_cooling = searched_and_rest(clf)
    assert n_cooling == ceil(COOL_DOWN * clf.best_iter_)
    searching, cooling = np.split(np.array(clf.history_["learning_rate"]), [n_searched])
    assert set(searching) == {0.02}
    assert (np.diff(cooling) < 0).all()
    assert cooling[-1] < 0.02 / n_cooling


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "cosine"])
@pytest.mark.parametrize("solver", STEPPING)
def test_auto_ends_with_as_many_epochs_on_all_of_fewer_rows(solver, schedule):
    X, y = rows(300)
    clf = make(**SEARCH, learning_rate=0.02, solver=solver, schedule=schedule).fit(X, y)
    n_searched, n_training = searched_and_rest(clf)
    assert n_training == clf.best_iter_
    searching, training = np.split(np.array(clf.history_["learning_rate"]), [n_searched])
    steps = ceil(150 / AUTO_BATCH), ceil(300 / AUTO_BATCH)
    if steps[0] == steps[1] or schedule == "constant":
        np.testing.assert_allclose(training, searching[:n_training], rtol=1e-12)
    else:  # an epoch of all rows ends a little later than one of a half
        np.testing.assert_allclose(training, searching[:n_training], rtol=0.05)


@pytest.mark.parametrize("solver", STEPPING)
def test_after_a_search_by_halves_the_answer_is_the_average_of_a_plain_fit(solver):
    X, y = rows(301)
    params = {"learning_rate": 0.02, "solver": solver, "shuffle": False}
    clf = make(**SEARCH, **params).fit(X, y)
    average = np.zeros(clf.coefs_[0].shape)
    for epochs in range(1, clf.best_iter_ + 1):
        share = 1 - min(AVERAGE, (epochs - 1) / epochs)
        average += share * (make(**params, max_iter=epochs).fit(X, y).coefs_[0] - average)
    np.testing.assert_allclose(clf.coefs_[0], average, rtol=1e-9)


@pytest.mark.parametrize("solver", STEPPING)
def test_a_search_by_halves_is_two_fits_on_halves(solver):
    X, y = rows(300)
    seen = RowsSeen()
    params = {"learning_rate": 0.02, "solver": solver, "shuffle": False, "alpha": 1e-3, "max_iter": 1}
    clf = make(early_stopping="auto", **params, scoring=seen).fit(X, y)
    halves = {each: [bytes(row) in {*map(bytes, part)} for row in X] for each, part in enumerate(seen.parts.values())}
    losses = []
    for held_out in map(np.array, halves.values()):
        one = make(**params).fit(X[~held_out], y[~held_out], X_val=X[held_out], y_val=y[held_out])
        losses.append((one.loss_curve_[0], one.history_["validation_loss"][0]))
    loss, validation_loss = np.mean(losses, axis=0)
    assert clf.loss_curve_[0] == pytest.approx(loss, rel=1e-12)
    assert clf.history_["validation_loss"][0] == pytest.approx(validation_loss, rel=1e-12)


@pytest.mark.parametrize(("batch_size", "n_iter_no_change"), [(32, 2), (32, 40), (248, 2), (1, 2)])
@pytest.mark.parametrize("n", [300, MANY])
def test_the_search_of_auto_waits_for_fifty_updates(n, batch_size, n_iter_no_change):
    X, y = rows(n)
    n_training = 150 if n == 300 else n - ceil(0.1 * n)
    params = {"batch_size": batch_size, "n_iter_no_change": n_iter_no_change, "tol": 1e9, "max_iter": 500}
    clf = make(early_stopping="auto", **params).fit(X, y)
    patience = max(n_iter_no_change, ceil(PATIENT_UPDATES / ceil(n_training / batch_size)))
    assert np.isfinite(clf.validation_scores_).sum() == 1 + patience
    plain = make(early_stopping=True, **params).fit(X, y)
    assert plain.n_iter_ == 1 + n_iter_no_change


@pytest.mark.parametrize("n", [300, MANY])
def test_what_follows_the_search_sees_every_row(n):
    X, y = rows(n)
    steps = []
    clf = make(early_stopping="auto", solver=StepCounter(steps), learning_rate=0.01, batch_size=1, max_iter=2).fit(X, y)
    if n < FEW_ROWS:
        assert len(steps) == (2 + clf.best_iter_) * n
    else:
        assert len(steps) == 2 * (n - ceil(0.1 * n)) + ceil(COOL_DOWN * clf.best_iter_) * n


@pytest.mark.parametrize("n", [300, MANY])
def test_rows_of_weight_zero_say_nothing_in_a_search(n):
    X, y = rows(n)
    w = (np.arange(n) % 3 > 0).astype(float)
    noisy = np.where(w > 0, y, 1 - y)
    fits = [make(**SEARCH, shuffle=False).fit(X, labels, sample_weight=w) for labels in (y, noisy)]
    assert fits[0].n_iter_ == fits[1].n_iter_
    assert weights(fits[0]) == weights(fits[1])


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


@pytest.mark.parametrize("n", [300, MANY])
def test_auto_says_when_the_search_was_cut_short(n):
    X, y = rows(n)
    with pytest.warns(UserWarning, match="max_iter=2"):
        make(early_stopping="auto", n_iter_no_change=5, max_iter=2).fit(X, y)


@pytest.mark.parametrize("n", [300, MANY])
def test_auto_goes_on_with_warm_start(n):
    X, y = rows(n)
    clf = make(early_stopping="auto", warm_start=True, max_iter=4).fit(X, y)
    first = clf.n_iter_
    clf.fit(X, y)
    assert len(clf.loss_curve_) == first + clf.n_iter_
    assert clf.loss_curve_[first] < clf.loss_curve_[0]
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 1
    assert {len(values) for values in clf.history_.values()} == {len(clf.loss_curve_)}
