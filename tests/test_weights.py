"""Sample weights in training: samples that carry none, rows that are as good as absent, classes of a single row."""

import warnings
from functools import cache
from math import ceil

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks, shuffle

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.solvers import SOLVERS

STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]


@cache
def rows(n):
    """Return n standardised rows of two classes."""
    X, y = make_classification(n, 8, n_informative=6, class_sep=1.5, random_state=0)
    return StandardScaler().fit_transform(X), y


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(**params):
    settings = {"early_stopping": False, "n_iter_no_change": None, "max_iter": 4, "random_state": 0}
    return TwoLayerClassifier(8, **(settings | params))


def quick(**params):
    """Return a classifier whose early stopping ends soon."""
    return make(**{"max_iter": 60, "n_iter_no_change": 3, "tol": 1e-3, "learning_rate": 0.02} | params)


def fit(clf, X, y, w=None, **given):
    """Fit; that training took all its epochs is no news here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training ended after max_iter")
        return clf.fit(X, y, w, **given)


def assert_same_fit(a, b):
    """Same bits: weights and everything recorded but the time it took."""
    for ours, theirs in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert a.n_iter_ == b.n_iter_
    for kind in ("history_", "search_history_"):
        ours, theirs = getattr(a, kind, {}), getattr(b, kind, {})
        assert ours.keys() == theirs.keys()
        for name in ours.keys() - {"seconds"}:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=f"{kind} {name}")


class Watching:
    """A scorer that keeps the rows it is shown."""

    def __call__(self, estimator, X, y, sample_weight=None):
        self.X, self.y = X, y
        return -log_loss(y, estimator.predict_proba(X), labels=estimator.classes_, sample_weight=sample_weight)


# ---------------------------------------------------------------- weights in a pattern, and very uneven ones


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("period", [2, 4, 8, 16])
def test_weight_on_every_other_row_is_no_obstacle(period, solver, early_stopping):
    # Rows taken at even distances from 4,096 are all of weight zero, or none of them is.
    X, y = rows(4096)
    for offset in (0, 1):
        w = (np.arange(4096) % period == offset).astype(float)
        clf = fit(quick(solver=solver, learning_rate="auto", early_stopping=early_stopping, max_iter=3), X, y, w)
        assert np.isfinite(clf.predict_proba(X)).all()
        assert np.isfinite(clf.history_["learning_rate"]).all()
        assert clf.score(X[w > 0], y[w > 0]) > 0.6


def test_the_automatic_rate_is_that_of_the_rows_with_weight():
    X, y = rows(4096)
    X = X * np.where(np.arange(4096) % 2, 10.0, 1.0)[:, np.newaxis]
    w = (np.arange(4096) % 2).astype(float)
    clf = make(solver="sgd", max_iter=1).fit(X, y, w)
    alone = make(solver="sgd", max_iter=1).fit(X[1::2], y[1::2])
    assert clf.history_["learning_rate"] == pytest.approx(alone.history_["learning_rate"], rel=1e-9)


@cache
def rare_and_hard(n):
    """Return rows of which one in ten is positive, and that say so little that all answers are the same label."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.7, 1.7, (n, 4))
    return X, (rng.uniform(size=n) < 1 / (1 + np.exp(2.3 - X[:, 0]))).astype(int)


PATTERNS = {
    "every other row": lambda n: np.arange(n) % 2 + 0.0,
    "the other rows": lambda n: (np.arange(n) + 1) % 2 + 0.0,
    "all but every fourth": lambda n: np.arange(n) % 4 > 0,
    "every fourth": lambda n: np.arange(n) % 4 == 0,
    "even rows weigh more": lambda n: np.where(np.arange(n) % 2, 0.1, 2.0),
    "odd rows weigh more": lambda n: np.where(np.arange(n) % 2, 2.0, 0.1),
    "every fourth weighs more": lambda n: np.where(np.arange(n) % 4, 0.1, 5.0),
    "the first half weighs more": lambda n: np.where(np.arange(n) < n // 2, 2.0, 0.5),
    "lognormal": lambda n: np.random.RandomState(0).lognormal(0, 1, n),
    "lognormal, uneven": lambda n: np.random.RandomState(1).lognormal(0, 1.5, n),
    "lognormal, sorted": lambda n: np.sort(np.random.RandomState(2).lognormal(0, 1, n)),
}


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
@pytest.mark.parametrize("n", [4096, 5000, 8192])
@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_uneven_weights_raise_no_false_alarm(pattern, n, early_stopping):
    X, y = rare_and_hard(n)
    w = pattern(n)
    clf = fit(quick(early_stopping=early_stopping, max_iter=12, learning_rate=0.006), X, y, w)  # a warning is an error
    best_constant = log_loss(y, np.full(n, np.average(y, weights=w)), sample_weight=w)
    assert log_loss(y, clf.predict_proba(X), sample_weight=w) < best_constant


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_a_useless_network_is_still_named_with_weights(pattern, early_stopping):
    X, y = rare_and_hard(4096)
    with pytest.warns(UserWarning, match="useless"):
        fit(quick(early_stopping=early_stopping, max_iter=3), np.zeros_like(X), y, pattern(4096))


@pytest.mark.parametrize("light", [0.0, 1e-3])
@pytest.mark.parametrize("useless", [True, False])
def test_the_best_constant_is_that_of_the_weights(useless, light):
    # One feature, close to 1, and one weight, -0.1: every row is of class 0, and not surely so.
    X = np.random.RandomState(0).uniform(0.9, 1.1, (2000, 1))
    heavy, row = np.arange(2000) % 2 > 0, np.arange(2000) // 2
    # Without the weights one in two rows is of class 1, or one in four; with them it is the other way round.
    y = np.where(heavy, row % 10 == 0 if useless else row % 2, useless).astype(int)
    clf = BackpropClassifier(
        (),
        weight_init=lambda rng, fan_in, fan_out: np.full((fan_in, fan_out), -0.1),
        solver="sgd",
        learning_rate=1e-9,
        max_iter=1,
        n_iter_no_change=None,
        early_stopping=False,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, y, np.where(heavy, 1.0, light))
    assert ["worse than the best constant" in str(each.message) for each in caught] == [True] * useless


# ---------------------------------------------------------------- rows of weight zero are as good as absent


def some_zero(y, seed=0):
    """Return weights, a third of them zero."""
    rng = np.random.RandomState(seed)
    return np.where(rng.uniform(size=len(y)) < 1 / 3, 0.0, rng.uniform(0.5, 2.0, len(y)))


SETTINGS = {
    "plain": {},
    "everything automatic": {"alpha": "auto", "learning_rate": "auto"},
    "sgd, automatic rate": {"solver": "sgd", "learning_rate": "auto"},
    "full batch": {"batch_size": "full"},
    "dropout": {"dropout": 0.3},
    "balanced": {"class_weight": "balanced"},
    "a scorer": {"scoring": Watching()},
    "lbfgs": {"solver": "lbfgs"},
}


@pytest.mark.parametrize("table", [iris, breast_cancer])
@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
def test_a_row_of_weight_zero_is_no_row(params, early_stopping, table):
    X, y = table()
    w = some_zero(y)
    X = np.where(w[:, np.newaxis] > 0, X, 50.0)  # what stands in such a row says nothing, not even its size
    clf, fewer = (quick(early_stopping=early_stopping, **params) for _ in range(2))
    fit(clf, X, y, w)
    fit(fewer, X[w > 0], y[w > 0], w[w > 0])
    assert_same_fit(clf, fewer)


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
def test_weights_of_zero_and_one_choose_rows(early_stopping):
    X, y = breast_cancer()
    w = (some_zero(y) > 0).astype(float)
    clf = fit(quick(early_stopping=early_stopping, alpha="auto"), X, y, w)
    fewer = fit(quick(early_stopping=early_stopping, alpha="auto"), X[w > 0], y[w > 0])
    assert clf.n_iter_ == fewer.n_iter_
    np.testing.assert_allclose(clf.predict_proba(X), fewer.predict_proba(X), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_kept", [20, 29, 30, 50])
def test_few_rows_are_counted_without_those_of_weight_zero(n_kept):
    X, y = rows(300)
    w = (np.arange(300) < n_kept).astype(float)
    clf = fit(quick(early_stopping="auto", learning_rate=0.01), X, y, w)
    fewer = fit(quick(early_stopping="auto", learning_rate=0.01), X[:n_kept], y[:n_kept], np.ones(n_kept))
    assert_same_fit(clf, fewer)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_validation_row_of_weight_zero_is_no_row(early_stopping):
    X, y = breast_cancer()
    X_val, y_val, w = X[1::2], y[1::2], some_zero(y[1::2])
    X_val = np.where(w[:, np.newaxis] > 0, X_val, 50.0)
    clf, fewer = (quick(early_stopping=early_stopping) for _ in range(2))
    fit(clf, X[::2], y[::2], X_val=X_val, y_val=y_val, sample_weight_val=w)
    keep = w > 0
    fit(fewer, X[::2], y[::2], X_val=X_val[keep], y_val=y_val[keep], sample_weight_val=w[keep])
    assert_same_fit(clf, fewer)


def test_rows_that_only_their_class_weight_makes_zero_are_no_rows_either():
    X, y = iris()
    clf = fit(quick(early_stopping=True, class_weight={2: 0.0}), X, y)
    by_weights = fit(quick(early_stopping=True), X, y, (y != 2).astype(float))
    assert clf.classes_.tolist() == by_weights.classes_.tolist() == [0, 1, 2]
    assert_same_fit(clf, by_weights)


# ---------------------------------------------------------------- classes that class_weight names and y lacks

WEIGHT_OF = {0: 1.0, 1: 2.0, 2: 5.0}
LABELS = {
    "numbers": np.array([0, 1, 2]),
    "strings": np.array(["a", "b", "c"]),
    "objects": np.array(["a", "b", "c"], object),
    "floats": np.array([0.0, 1.0, 2.0]),
}


def weighted(labels, numbers=WEIGHT_OF, **params):
    """Return a classifier with a weight for each of these labels, by their numbers."""
    return quick(class_weight={labels[k]: weight for k, weight in numbers.items()}, **params)


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_key_without_a_class_changes_nothing(labels, early_stopping):
    X, y = iris()
    X, y = X[y != 2], labels[y[y != 2]]
    clf = fit(weighted(labels, early_stopping=early_stopping), X, y)
    assert clf.classes_.tolist() == labels[:2].tolist()
    assert_same_fit(clf, fit(weighted(labels, {0: 1.0, 1: 2.0}, early_stopping=early_stopping), X, y))
    by_weights = fit(quick(early_stopping=early_stopping), X, y, np.where(y == labels[1], 2.0, 1.0))
    np.testing.assert_allclose(clf.coefs_[0], by_weights.coefs_[0], rtol=1e-7)
    assert not np.allclose(clf.coefs_[0], fit(quick(early_stopping=early_stopping), X, y).coefs_[0])


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_fold_that_lacks_a_class_is_fitted(labels):
    X, y = iris()
    rows = np.r_[np.arange(100).reshape(2, 50).T.ravel(), 100:103]  # the last class is in the last of three folds only
    options = {"cv": KFold(3), "error_score": "raise", "return_estimator": True}
    scores = cross_validate(weighted(labels, max_iter=300), X[rows], labels[y[rows]], **options)
    assert [len(clf.classes_) for clf in scores["estimator"]] == [3, 3, 2]
    assert np.isfinite(scores["test_score"]).all()
    search = GridSearchCV(weighted(labels, max_iter=300), {"hidden_units": [5, 8]}, cv=KFold(3), error_score="raise")
    search.fit(X[rows], labels[y[rows]])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_partial_fit_takes_keys_without_a_class_and_chunks_without_a_key(labels):
    X, y = iris()
    params = {"learning_rate": 0.02, "alpha": 1e-3}
    clf, other = weighted(labels, **params), weighted(labels, {0: 1.0, 1: 2.0}, **params)
    for chunk in (y == 0, y == 1, y < 2):  # the second class alone, which has its key; and the first
        for each in (clf, other):
            each.partial_fit(X[chunk], labels[y[chunk]], classes=labels[:2])
    assert_same_fit(clf, other)
    stream = weighted(labels, {2: 5.0}, **params).partial_fit(X[:100], labels[y[:100]], classes=labels)
    assert stream.classes_.tolist() == labels.tolist()  # the class of the only key is still to come


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_keys_of_which_none_is_a_class_are_refused(labels, call):
    X, y = iris()
    X, y = X[y != 2], labels[y[y != 2]]
    clf = quick(class_weight={labels[2]: 5.0, "another": 1.0})
    with pytest.raises(ValueError, match=r"class_weight=.*another.*names none of the classes \["):
        clf.fit(X, y) if call == "fit" else clf.partial_fit(X, y, classes=labels[:2])
    assert not hasattr(clf, "coefs_")


# ---------------------------------------------------------------- what rows of weight zero still say


@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
def test_labels_of_rows_of_weight_zero_belong_to_the_classes(early_stopping):
    X, y = iris()
    w = (y != 2).astype(float)
    clf = fit(quick(early_stopping=early_stopping), X, y, w)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert clf.predict_proba(X).shape == (150, 3)
    other = fit(quick(early_stopping=early_stopping), np.where(w[:, np.newaxis] > 0, X, -7.0), y, w)
    assert_same_fit(clf, other)


@pytest.mark.parametrize("solver", STEPPING)
@pytest.mark.parametrize("params", [{}, {"alpha": "auto", "learning_rate": "auto"}, {"batch_size": 7}], ids=str)
def test_partial_fit_leaves_rows_of_weight_zero_out(params, solver):
    X, y = iris()
    w = some_zero(y)
    X = np.where(w[:, np.newaxis] > 0, X, 50.0)
    clf, fewer = (make(**{"learning_rate": 0.02, "alpha": 1e-3} | params | {"solver": solver}) for _ in range(2))
    for chunk in (np.arange(150) % 3 == k for k in range(3)):
        clf.partial_fit(X[chunk], y[chunk], classes=[0, 1, 2], sample_weight=w[chunk])
        kept = chunk & (w > 0)
        fewer.partial_fit(X[kept], y[kept], classes=[0, 1, 2], sample_weight=w[kept])
    assert_same_fit(clf, fewer)


# ---------------------------------------------------------------- a weight of two is two rows


@pytest.mark.parametrize("seed", [42, 0, 1, 2, 3])
@pytest.mark.parametrize(
    "kind", [TwoLayerClassifier(solver="lbfgs"), BackpropClassifier((20, 10), solver="lbfgs")], ids=["two", "deep"]
)
def test_lbfgs_takes_weights_for_repeated_rows(kind, seed):
    # scikit-learn's own comparison, with its data (seed 42) and others like them, 1e-7 in the probabilities and logits;
    # alpha is given, since "auto" counts the rows
    rng = np.random.RandomState(seed)
    X, y, w = rng.rand(15, 30), rng.randint(0, 3, 15), rng.randint(0, 5, 15)
    params = kind.get_params() | {"alpha": 1 / 60, "random_state": 0}
    repeated, weighted = (type(kind)(**params) for _ in range(2))
    repeated.fit(X.repeat(w, axis=0), y.repeat(w))
    weighted.fit(*shuffle(X, y, w, random_state=0))
    for method in ("predict_proba", "decision_function"):
        ours, theirs = getattr(weighted, method)(X), getattr(repeated, method)(X)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(weighted.predict(X), repeated.predict(X))


@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd"])
def test_scikit_learns_check_of_weights_passes_strictly(solver):
    estimator_checks.check_sample_weight_equivalence_on_dense_data(
        "TwoLayerClassifier", TwoLayerClassifier(solver=solver)
    )


# ---------------------------------------------------------------- a class of a single row


def with_single_rows(n_single=1, table=iris):
    """Return a table in which so many rows are the only ones of their class."""
    X, y = table()
    y = y.copy()
    y[5 : 5 + 7 * n_single : 7] = 90 + np.arange(n_single)
    return X, y


@pytest.mark.parametrize("n_single", [1, 3])
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_a_class_of_a_single_row_does_not_turn_validation_off(scoring, n_single):
    X, y = with_single_rows(n_single)
    clf = fit(quick(early_stopping=True, scoring=scoring, validation_fraction=0.2), X, y)  # nothing is warned of
    assert len(clf.validation_scores_) == clf.n_iter_
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert clf.classes_.tolist() == [0, 1, 2, *range(90, 90 + n_single)]


@pytest.mark.parametrize("early_stopping", [True, "auto"])
@pytest.mark.parametrize("n_single", [1, 3])
def test_a_class_of_a_single_row_stays_in_the_training_part(n_single, early_stopping):
    X, y = with_single_rows(n_single)
    watching = Watching()
    clf = quick(early_stopping=early_stopping, scoring=watching, validation_fraction=0.3, max_iter=3)
    fit(clf, X, y)
    assert len(watching.y) == ceil(0.3 * len(y))
    assert set(watching.y) == {0, 1, 2}
    assert hasattr(clf, "search_history_") == (early_stopping == "auto")


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_a_class_with_a_single_row_of_weight_does_not_turn_validation_off(early_stopping):
    X, y = breast_cancer()
    y = np.where(np.arange(len(y)) % 57 == 0, 9, y)
    w = np.where(y == 9, 0.0, 1.0)
    w[57] = 1.0
    watching = Watching()
    clf = fit(quick(early_stopping=early_stopping, scoring=watching, max_iter=3), X, y, w)
    assert 9 not in watching.y
    assert len(clf.validation_scores_) == len(clf.loss_curve_)
    assert hasattr(clf, "search_history_") == (early_stopping == "auto")


def test_auto_searches_although_a_class_has_a_single_row():
    X, y = with_single_rows(1, breast_cancer)
    clf = fit(quick(early_stopping="auto", max_iter=200), X, y)
    plain = fit(quick(early_stopping="auto", max_iter=200), *breast_cancer())
    assert len(clf.search_history_["loss"]) < 4 * len(plain.search_history_["loss"])
    assert np.isfinite(clf.search_history_["validation_score"]).all()


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_only_single_rows_leave_nothing_to_hold_out(early_stopping):
    X, _ = iris()
    y = np.arange(40)
    clf = quick(early_stopping=early_stopping, max_iter=2)
    if early_stopping is True:
        with pytest.warns(UserWarning, match="training loss"):
            fit(clf, X[:40], y)
    else:
        fit(clf, X[:40], y)
    assert clf.predict_proba(X[:40]).shape == (40, 40)
    assert not hasattr(clf, "validation_scores_")
