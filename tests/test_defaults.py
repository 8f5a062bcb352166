"""What "auto" means: the documented rules, seen from outside."""

from functools import cache
from math import ceil, sqrt

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SGD, SOLVERS, Adam

# The rules, as they are documented.
AUTO_BATCH = 32  # samples of a mini-batch, where there are more than
SMALL_TABLE = 64
FEWEST_PENALISED = 30  # samples below which the automatic penalty stays the same
FEWEST_SEARCHED = 30  # samples from which some are held out

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


@pytest.mark.parametrize("n", [12, FEWEST_SEARCHED - 1, 2 * FEWEST_SEARCHED])
def test_the_defaults_fit_few_rows_and_say_nothing(n):
    X, y = rows(n)
    assert TwoLayerClassifier(random_state=0).fit(X, y).score(X, y) > 0.7


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("n", [FEWEST_SEARCHED, 40, 60, 99])
def test_few_samples_are_worth_a_search(n):
    X, y = make_classification(2000, 10, n_informative=4, class_sep=0.7, flip_y=0.2, random_state=0)
    models = [TwoLayerClassifier(), TwoLayerClassifier(n_iter_no_change=None), MLPClassifier(), LogisticRegression()]
    losses = np.empty((6, 4))
    for draw in range(6):
        X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=n, stratify=y, random_state=draw)
        scaler = StandardScaler().fit(X_train)
        for i, model in enumerate(models):
            model.set_params(random_state=draw).fit(scaler.transform(X_train), y_train)
            losses[draw, i] = log_loss(y_test, model.predict_proba(scaler.transform(X_test)))
    ratio_to_200_epochs, ratio_to_mlp, ratio_to_logistic = np.exp(
        np.mean(np.log(losses[:, :1] / losses[:, 1:]), axis=0)
    )
    assert ratio_to_200_epochs < 0.9
    assert ratio_to_mlp < 0.95
    assert ratio_to_logistic < 1.05


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
def test_samples_of_a_mini_batch(kind, batch_size, n, n_steps):
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


@pytest.mark.filterwarnings("ignore:The features are on very different scales")  # so they are
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


@pytest.mark.parametrize("n", [12, FEWEST_PENALISED, 3 * FEWEST_PENALISED])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_automatic_penalty_is_a_normal_prior_of_variance_2(solver, n):
    X, y = rows(n)
    auto = make(solver=solver, alpha="auto").fit(X, y)
    assert weights(auto) == weights(make(solver=solver, alpha=1 / (2 * max(n, FEWEST_PENALISED))).fit(X, y))
    assert weights(auto) != weights(make(solver=solver, alpha=0.0).fit(X, y))


def test_rows_held_out_count_for_the_automatic_penalty():
    X, y = rows(300)
    params = {"early_stopping": True, "max_iter": 5}
    assert weights(make(alpha="auto", **params).fit(X, y)) == weights(make(alpha=1 / (2 * 300), **params).fit(X, y))


# ---------------------------------------------------------------- early_stopping

SEARCH = {"early_stopping": "auto", "n_iter_no_change": 3, "max_iter": 400}
SIZES = [2 * FEWEST_SEARCHED, 300, 1500]
may_be_cut_short = pytest.mark.filterwarnings("ignore:Training ended after max_iter")


def n_held_out(n):
    """Return how many samples early_stopping="auto" holds out."""
    return ceil(min(0.5, max(0.1, 8 / sqrt(n))) * n)


class SamplesSeen:
    """A scorer that keeps the samples that it is shown, and their labels."""

    X = y = None

    def __call__(self, estimator, X, y):
        assert self.X is None or np.array_equal(self.X, X)  # the same ones after each epoch
        self.X, self.y = X, y
        return estimator.score(X, y)


@pytest.mark.parametrize("n", [20, FEWEST_SEARCHED - 1])
def test_with_few_samples_auto_trains_to_the_end_on_all_of_them(n):
    X, y = rows(n)
    clf = make(early_stopping="auto", n_iter_no_change=1, tol=10.0, max_iter=20).fit(X, y)
    assert clf.n_iter_ == 20
    assert not hasattr(clf, "validation_scores_")
    assert not hasattr(clf, "search_history_")
    assert weights(clf) == weights(make(early_stopping=False, max_iter=20).fit(X, y))


@may_be_cut_short
@pytest.mark.parametrize("n", [FEWEST_SEARCHED, *SIZES, 7000])
@pytest.mark.parametrize("fraction", ["auto", 0.25])
def test_auto_holds_out_a_share_of_the_samples_at_every_other_size(n, fraction):
    X, y = rows(n)
    seen = SamplesSeen()
    fraction = 0.5 if fraction != "auto" and n < 40 else fraction  # a quarter would be too few
    settings = {"n_iter_no_change": 1, "max_iter": 40, "batch_size": 256}
    make(early_stopping="auto", validation_fraction=fraction, scoring=seen, **settings).fit(X, y)
    assert len(seen.X) == (n_held_out(n) if fraction == "auto" else ceil(fraction * n))
    assert {*map(bytes, seen.X)} < {*map(bytes, X)}
    assert set(seen.y) == {0, 1}


def searched_and_final(clf):
    """Return the number of epochs of the search, and of the final phase."""
    best, search = clf.best_iter_, clf.search_history_
    assert np.isfinite(search["validation_score"]).all()
    assert clf.best_validation_score_ == max(search["validation_score"])
    assert best == 1 + np.argmax(search["validation_score"])
    assert np.isnan(clf.validation_scores_[best:]).all()
    assert {len(values) for values in clf.history_.values()} == {clf.n_iter_}
    for name, values in clf.history_.items():
        np.testing.assert_array_equal(values[:best], search[name][:best])
    return len(search["loss"]), clf.n_iter_ - best


@may_be_cut_short
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("solver", STEPPING)
def test_auto_ends_with_a_final_phase_on_all_samples(solver, n):
    X, y = rows(n)
    clf = make(**SEARCH, learning_rate=0.02, solver=solver, schedule="constant").fit(X, y)
    n_searched, n_final = searched_and_final(clf)
    assert n_final == ceil(0.75 * clf.best_iter_)
    assert n_searched >= clf.best_iter_
    way_there, final = np.split(np.array(clf.history_["learning_rate"]), [clf.best_iter_])
    assert set(way_there) == {0.02}
    assert (np.diff(final) < 0).all()
    assert 0 < final[-1] <= 0.02 / n_final * (1 + 1e-12)


@may_be_cut_short
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("solver", STEPPING)
def test_a_search_evaluates_the_average_of_the_weights_of_a_plain_fit(solver, n):
    X, y = rows(n)
    seen, evaluated = SamplesSeen(), []

    def scoring(estimator, X, y):
        evaluated.append(estimator.coefs_[0].copy())
        return seen(estimator, X, y)

    params = {"learning_rate": 0.02, "solver": solver, "shuffle": False, "alpha": 1e-3, "max_iter": 4}
    make(**SEARCH | params, scoring=scoring).fit(X, y)
    training = ~(X[:, np.newaxis] == seen.X).all(axis=2).any(axis=1)
    assert training.sum() == n - n_held_out(n)
    average = 0.0
    for epoch in range(1, 5):
        share = 1 - min(0.9, (epoch - 1) / epoch)
        plain = make(**params | {"max_iter": epoch}, batch_size="auto" if n <= SMALL_TABLE else AUTO_BATCH)
        average = average + share * (plain.fit(X[training], y[training]).coefs_[0] - average)
        np.testing.assert_allclose(evaluated[epoch], average, rtol=1e-9, atol=1e-14)  # the first is the start


@pytest.mark.parametrize("solver", STEPPING)
def test_the_losses_of_a_search_are_those_of_a_fit_on_its_training_part(solver):
    X, y = rows(300)
    seen = SamplesSeen()
    params = {"learning_rate": 0.02, "solver": solver, "shuffle": False, "alpha": 1e-3}
    clf = make(**SEARCH, **params, scoring=seen).fit(X, y)
    training = ~(X[:, np.newaxis] == seen.X).all(axis=2).any(axis=1)
    n_searched, _ = searched_and_final(clf)
    plain = make(**params, max_iter=n_searched).fit(X[training], y[training])
    np.testing.assert_allclose(clf.search_history_["loss"], plain.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(("batch_size", "n_iter_no_change"), [(32, 2), (32, 40), (248, 2), (1, 2)])
@pytest.mark.parametrize("n", [300, 1500])
def test_the_search_of_auto_waits_for_fifty_updates(n, batch_size, n_iter_no_change):
    X, y = rows(n)
    n_training = n - n_held_out(n)
    params = {"batch_size": batch_size, "n_iter_no_change": n_iter_no_change, "tol": 1e9, "max_iter": 500}
    clf = make(early_stopping="auto", **params).fit(X, y)
    patience = max(n_iter_no_change, ceil(50 / ceil(n_training / batch_size)))
    assert len(clf.search_history_["loss"]) == 1 + patience
    plain = make(early_stopping=True, **params).fit(X, y)
    assert plain.n_iter_ == 1 + n_iter_no_change


@may_be_cut_short
@pytest.mark.parametrize("n", [300, 1500])
def test_the_final_phase_sees_every_sample(n):
    X, y = rows(n)
    steps = []
    params = {"solver": StepCounter(steps), "learning_rate": 0.01, "batch_size": 1, "max_iter": 3}
    clf = make(early_stopping="auto", n_iter_no_change=2, **params).fit(X, y)
    n_searched, n_final = searched_and_final(clf)
    assert len(steps) == n_searched * (n - n_held_out(n)) + n_final * n


@pytest.mark.parametrize("n", [300, 1500])
def test_samples_of_weight_zero_are_not_there_in_a_search(n):
    X, y = rows(n)
    w = (np.arange(n) % 3 > 0).astype(float)
    noisy = np.where(w > 0, y, 1 - y)
    fits = [make(**SEARCH).fit(X, labels, sample_weight=w) for labels in (y, noisy)]
    fits.append(make(**SEARCH).fit(X[w > 0], y[w > 0]))
    assert fits[0].n_iter_ == fits[1].n_iter_ == fits[2].n_iter_
    assert weights(fits[0]) == weights(fits[1])
    np.testing.assert_allclose(fits[0].coefs_[0], fits[2].coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("solver", WHOLE_TABLE)
def test_a_line_search_has_no_final_phase(solver):
    X, y = rows(300)
    clf = make(early_stopping="auto", solver=solver, max_iter=20).fit(X, y)
    assert clf.n_iter_ <= 20
    assert clf.best_iter_ == 1 + np.argmax(clf.validation_scores_)
    assert np.isfinite(clf.validation_scores_).all()
    assert not hasattr(clf, "search_history_")


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("solver", SOLVERS)
def test_auto_early_stopping_with_a_given_validation_set_is_true(solver, n):
    X, y = rows(n)
    X_val, y_val = rows(400)
    params = {"n_iter_no_change": 3, "max_iter": 300, "solver": solver, "tol": 1e-3}
    auto = make(early_stopping="auto", **params).fit(X, y, X_val=X_val, y_val=y_val)
    plain = make(early_stopping=True, **params).fit(X, y, X_val=X_val, y_val=y_val)
    assert auto.n_iter_ == plain.n_iter_ < 300
    assert weights(auto) == weights(plain)


@pytest.mark.parametrize("n", SIZES)
def test_auto_says_when_the_search_was_cut_short(n):
    X, y = rows(n)
    with pytest.warns(UserWarning, match="max_iter=2"):
        make(early_stopping="auto", n_iter_no_change=5, max_iter=2).fit(X, y)


@may_be_cut_short
@pytest.mark.parametrize("n", SIZES)
def test_auto_goes_on_with_warm_start(n):
    X, y = rows(n)
    clf = make(**SEARCH | {"max_iter": 60, "tol": 1e-3}, warm_start=True).fit(X, y)
    first = clf.n_iter_
    clf.fit(X, y)
    assert len(clf.loss_curve_) == first + clf.n_iter_
    assert clf.loss_curve_[first] < clf.loss_curve_[0]
    assert not hasattr(clf, "validation_scores_")  # a resumed fit holds nothing out
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 1
    assert {len(values) for values in clf.history_.values()} == {len(clf.loss_curve_)}
