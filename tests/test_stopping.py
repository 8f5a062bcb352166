"""When training ends, which weights remain, and what is said about it."""

import pickle
import re
import warnings
from functools import cache
from math import ceil

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, get_scorer, log_loss
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier
from skbackprop.solvers import LBFGS, SGD, SOLVERS


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def halves(table):
    """Return training and validation rows of a table."""
    X, y = table
    return X[::2], y[::2], {"X_val": X[1::2], "y_val": y[1::2]}


def make(**params):
    settings = {"early_stopping": True, "random_state": 1, "alpha": 1e-3, "max_iter": 60, "batch_size": 32}
    settings |= {"weight_init": "he", "activation": "relu", "solver": "adam"}
    return TwoLayerClassifier(8, **(settings | {"n_iter_no_change": None, "tol": 0.0, "learning_rate": 0.02} | params))


def motionless(progress):
    """Return a schedule's factor: the weights stay where they start, and so does every loss."""
    return 0.0


def stop_by_the_book(scores, patience, tol):
    """Return the number of epochs after which `patience` of them in a row brought no gain of more than tol."""
    best, waited = -np.inf, 0
    for epoch, score in enumerate(scores, start=1):
        waited = 0 if score > best + tol else waited + 1
        best = max(best, score)
        if waited >= patience:
            return epoch
    return None


def negative_squared_error(estimator, X, y):
    return -float(np.mean((estimator.predict_proba(X)[:, 1] - y) ** 2))


# ---------------------------------------------------------------- patience


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_n_epochs_without_improvement_are_n(patience, early_stopping):
    X, y, given = halves(breast_cancer())
    clf = make(early_stopping=early_stopping, n_iter_no_change=patience, schedule=motionless, batch_size="full")
    clf.fit(X, y, **given)
    assert clf.n_iter_ == 1 + patience  # the first epoch is the one that the others do not improve on
    assert len(set(clf.loss_curve_)) == 1


@pytest.mark.parametrize("tol", [0.0, 1e-3, 1e-2])
@pytest.mark.parametrize("patience", [1, 3, 8])
@pytest.mark.parametrize("scoring", ["loss", "accuracy", "roc_auc", negative_squared_error])
def test_patience_is_used_up_by_the_book(scoring, patience, tol):
    X, y, given = halves(breast_cancer())
    clf = make(scoring=scoring, n_iter_no_change=patience, tol=tol, max_iter=200).fit(X, y, **given)
    assert stop_by_the_book(clf.validation_scores_, patience, tol) == clf.n_iter_ == len(clf.loss_curve_)


@pytest.mark.parametrize("tol", [0.0, 1e-3])
@pytest.mark.parametrize("patience", [1, 4])
def test_patience_watches_the_training_loss_without_early_stopping(patience, tol):
    X, y, given = halves(iris())
    params = {"early_stopping": False, "n_iter_no_change": patience, "tol": tol, "max_iter": 500, "learning_rate": 0.1}
    clf = make(**params).fit(X, y, **given)
    assert stop_by_the_book([-loss for loss in clf.loss_curve_], patience, tol) == clf.n_iter_


@pytest.mark.parametrize("early_stopping", [False, True])
def test_no_patience_trains_to_the_end(early_stopping):
    X, y, given = halves(iris())
    clf = make(early_stopping=early_stopping, schedule=motionless, max_iter=15).fit(X, y, **given)
    assert clf.n_iter_ == len(clf.loss_curve_) == 15


# ---------------------------------------------------------------- the best weights come back


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", negative_squared_error])
def test_the_best_weights_are_restored(scoring, solver):
    X, y, given = halves(breast_cancer())
    batch_size = "full" if solver == "lbfgs" else 32
    clf = make(scoring=scoring, solver=solver, max_iter=25, batch_size=batch_size).fit(X, y, **given)
    scorer = scoring if callable(scoring) else get_scorer(scoring)
    assert scorer(clf, given["X_val"], given["y_val"]) == pytest.approx(clf.best_validation_score_, rel=1e-12)
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert clf.best_iter_ == 1 + int(np.argmax(clf.validation_scores_))  # the first of them, where several tie


def test_the_restored_weights_are_those_after_best_iter_epochs():
    X, y, given = halves(breast_cancer())
    clf = make(learning_rate=0.3).fit(X, y, **given)
    assert 1 < clf.best_iter_ < clf.n_iter_
    short = make(learning_rate=0.3, early_stopping=False, max_iter=clf.best_iter_).fit(X, y, **given)
    for ours, theirs in zip(clf.coefs_ + clf.intercepts_, short.coefs_ + short.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_validation_loss_is_that_of_the_restored_weights():
    X, y, given = halves(breast_cancer())
    clf = make(learning_rate=0.3).fit(X, y, **given)
    assert clf.best_validation_score_ == pytest.approx(-log_loss(given["y_val"], clf.predict_proba(given["X_val"])))
    assert clf.validation_scores_ == [-loss for loss in clf.history_["validation_loss"]]


def test_the_scores_of_a_metric_stand_beside_the_validation_loss():
    X, y, given = halves(iris())
    clf = make(scoring="accuracy", max_iter=10, early_stopping=False).fit(X, y, **given)
    assert len(clf.history_["validation_loss"]) == len(clf.validation_scores_) == 10
    last = log_loss(given["y_val"], clf.predict_proba(given["X_val"]))
    assert clf.history_["validation_loss"][-1] == pytest.approx(last)
    assert clf.validation_scores_[-1] == clf.score(given["X_val"], given["y_val"])


# ---------------------------------------------------------------- validation rows that were given


@pytest.mark.parametrize("solver", SOLVERS)
def test_without_early_stopping_given_rows_are_only_monitored(solver):
    X, y, given = halves(breast_cancer())
    params = {"early_stopping": False, "max_iter": 8, "solver": solver, "scoring": "accuracy"}
    params["batch_size"] = "full" if solver == "lbfgs" else 20
    watched, alone = make(**params).fit(X, y, **given), make(**params).fit(X, y)
    for ours, theirs in zip(watched.coefs_ + watched.intercepts_, alone.coefs_ + alone.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert watched.loss_curve_ == alone.loss_curve_
    assert len(watched.validation_scores_) == 8
    for name in ("validation_scores_", "best_validation_score_", "best_iter_"):
        assert hasattr(watched, name)
        assert not hasattr(alone, name)


def test_the_best_epoch_of_monitored_rows_is_theirs():
    X, y = breast_cancer()
    clf = make(early_stopping=False, max_iter=10).fit(X, y, X_val=X, y_val=1 - y)  # what is learnt is wrong there
    assert np.argmin(clf.loss_curve_) > 0
    assert clf.best_iter_ == 1 + np.argmax(clf.validation_scores_) == 1
    assert clf.best_validation_score_ == clf.validation_scores_[0] == max(clf.validation_scores_)


def test_given_rows_leave_all_others_for_training():
    X, y, given = halves(breast_cancer())
    clf = make(batch_size="full", weight_init="glorot", activation="tanh", max_iter=1).fit(X, y, **given)
    net = Network([30, 8, 1], activation="tanh", weight_init="glorot", random_state=1)
    assert clf.loss_curve_[0] == pytest.approx(net.objective(X, y, alpha=1e-3)[0], rel=1e-12)


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_validation_weights_count(scoring):
    X, y, given = halves(breast_cancer())
    w = np.random.RandomState(0).uniform(0, 3, len(given["y_val"]))
    clf = make(scoring=scoring, max_iter=4, early_stopping=False).fit(X, y, **given, sample_weight_val=w)
    loss = log_loss(given["y_val"], clf.predict_proba(given["X_val"]), sample_weight=w)
    assert clf.history_["validation_loss"][-1] == pytest.approx(loss)
    accuracy = accuracy_score(given["y_val"], clf.predict(given["X_val"]), sample_weight=w)
    assert clf.validation_scores_[-1] == pytest.approx(-loss if scoring == "loss" else accuracy)


def test_a_validation_row_of_weight_zero_is_no_row():
    X, y, given = halves(breast_cancer())
    w = np.ones(len(given["y_val"]))
    w[::3] = 0
    clf = make(max_iter=10).fit(X, y, **given, sample_weight_val=w)
    fewer = make(max_iter=10).fit(X, y, X_val=given["X_val"][w > 0], y_val=given["y_val"][w > 0])
    np.testing.assert_allclose(clf.validation_scores_, fewer.validation_scores_, rtol=1e-9)


@pytest.mark.parametrize("convert", [csr_matrix, np.asfortranarray, np.float32, np.ndarray.tolist], ids=str)
def test_given_rows_may_be_of_another_kind(convert):
    X, y, given = halves(iris())
    clf = make(max_iter=5).fit(X, y, X_val=convert(given["X_val"]), y_val=given["y_val"].tolist())
    np.testing.assert_allclose(
        clf.validation_scores_, make(max_iter=5).fit(X, y, **given).validation_scores_, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_val": None}, "together"),
        ({"X_val": None}, "together"),
        ({"X_val": None, "y_val": None, "sample_weight_val": np.ones(75)}, "sample_weight_val"),
        ({"X_val": np.zeros((75, 3))}, r"X_val.*features"),
        ({"X_val": np.full((75, 4), np.nan)}, r"X_val.*NaN"),
        ({"X_val": np.zeros((0, 4)), "y_val": []}, "X_val"),
        ({"y_val": np.full(75, 7)}, r"y_val.*7"),
        ({"y_val": np.zeros(74, int)}, r"y_val.*inconsistent"),
        ({"y_val": np.linspace(0, 1, 75)}, "y_val"),
        ({"sample_weight_val": np.zeros(75)}, "sample_weight_val"),
        ({"sample_weight_val": -np.ones(75)}, "sample_weight_val"),
        ({"sample_weight_val": np.ones(74)}, "sample_weight_val"),
    ],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_unusable_validation_rows_raise_before_training(change, message, early_stopping):
    X, y, given = halves(iris())
    clf = make(early_stopping=early_stopping)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y, **(given | change))
    assert not hasattr(clf, "coefs_")
    assert not hasattr(clf, "n_features_in_")


def test_feature_names_of_the_validation_rows_must_agree():
    X, y = load_iris(return_X_y=True, as_frame=True)
    make(max_iter=2).fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match=r"(?s)X_val.*feature names"):
        make().fit(X, y, X_val=X[X.columns[::-1]], y_val=y)


def test_validation_rows_pass_through_a_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    X, y, X_val, y_val = X[::2], y[::2], X[1::2], y[1::2]
    with sklearn.config_context(enable_metadata_routing=True):
        clf = make(max_iter=5).set_fit_request(X_val=True, y_val=True)
        model = Pipeline([("scale", StandardScaler()), ("net", clf)], transform_input=["X_val"])
        model.fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    by_hand = make(max_iter=5).fit(scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val)
    np.testing.assert_allclose(model[-1].validation_scores_, by_hand.validation_scores_, rtol=1e-9)


# ---------------------------------------------------------------- validation rows that are split off


class Watching:
    """A scorer that keeps the rows it is shown."""

    def __call__(self, estimator, X, y):
        self.X, self.y = X, y
        return estimator.score(X, y)


def held_out(X, y, fit_params=None, **params):
    """Return the rows that a fit holds out."""
    watching = Watching()
    make(scoring=watching, max_iter=1, **params).fit(X, y, **(fit_params or {}))
    return watching.X, watching.y


@pytest.mark.parametrize("fraction", [0.1, 0.15, 0.333, 0.5, 0.9])
@pytest.mark.parametrize("n", [569, 101])
def test_the_split_is_a_stratified_fraction(n, fraction):
    X, y = breast_cancer()
    X, y = X[:n], y[:n]
    _, y_val = held_out(X, y, validation_fraction=fraction)
    assert len(y_val) == ceil(fraction * n)
    assert np.abs(np.bincount(y_val) - fraction * np.bincount(y)).max() <= 1.5


def test_the_split_has_a_row_for_every_class():
    X, y = load_digits(return_X_y=True)
    X, y = X[:400] / 16, np.arange(400) % 13
    _, y_val = held_out(X, y, validation_fraction=0.001)
    np.testing.assert_array_equal(np.sort(y_val), np.arange(13))


def test_rows_held_out_are_not_trained_on():
    X, y = breast_cancer()
    X_val, _ = held_out(X, y, validation_fraction=0.2)
    training = ~(X[:, np.newaxis, :5] == X_val[np.newaxis, :, :5]).all(axis=2).any(axis=1)
    assert training.sum() == len(X) - len(X_val)
    params = {"batch_size": "full", "weight_init": "glorot", "activation": "tanh", "max_iter": 1}
    clf = make(validation_fraction=0.2, **params).fit(X, y)
    net = Network([30, 8, 1], activation="tanh", weight_init="glorot", random_state=1)
    J, _ = net.objective(X[training], y[training], alpha=1e-3)
    assert clf.loss_curve_[0] == pytest.approx(J, rel=1e-12)


def test_the_split_follows_random_state():
    X, y = breast_cancer()
    splits = [held_out(X, y, random_state=seed)[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(splits[0], splits[1])
    assert not np.array_equal(splits[0], splits[2])


def test_the_initial_weights_do_not_depend_on_the_split():
    X, y = breast_cancer()
    fits = [
        make(schedule=motionless, max_iter=1, early_stopping=early, batch_size="full").fit(X, y)
        for early in (True, False)
    ]
    for W, same in zip(fits[0].coefs_, fits[1].coefs_, strict=True):
        np.testing.assert_array_equal(W, same)


def test_weights_of_the_rows_held_out_reach_the_scorer():
    X, y = breast_cancer()
    w = np.random.RandomState(0).uniform(0.5, 2, len(y))
    shown = {}

    def scorer(estimator, X, y, sample_weight):
        shown["X"], shown["w"] = X, sample_weight
        return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)

    make(scoring=scorer, max_iter=1).fit(X, y, sample_weight=w)
    theirs = np.array([w[np.flatnonzero((row == X).all(axis=1))[0]] for row in shown["X"]])
    np.testing.assert_allclose(shown["w"] / shown["w"][0], theirs / theirs[0])


@pytest.mark.parametrize("early_stopping", [True, "auto"])
@pytest.mark.parametrize("scoring", ["loss", Watching()])
def test_a_class_of_one_sample_stays_in_the_training_part(scoring, early_stopping):
    X, y = iris()
    y = np.where(np.arange(len(y)) == 3, 9, y)
    params = {"n_iter_no_change": 3, "max_iter": 200, "learning_rate": 0.05, "tol": 1e-2}
    clf = make(early_stopping=early_stopping, scoring=scoring, **params).fit(X, y)  # nothing is warned of
    assert clf.classes_.tolist() == [0, 1, 2, 9]
    assert np.isfinite(clf.validation_scores_[: clf.best_iter_]).all()
    assert hasattr(clf, "search_history_") == (early_stopping == "auto")
    if scoring != "loss":
        assert set(scoring.y) == {0, 1, 2}
        assert not (X[3] == scoring.X).all(axis=1).any()
        fraction = 0.1 if early_stopping is True else 0.5
        assert len(scoring.y) in (ceil(fraction * 149), ceil(fraction * 150))


def test_two_classes_of_one_sample_are_learnt_and_not_held_out():
    X, y = iris()
    y = np.array(["setosa", "versicolor", "virginica"], object)[y]
    y[[3, 60]] = "first", "second"
    X_val, y_val = held_out(X, y, validation_fraction=0.3)
    assert set(y_val) == {"setosa", "versicolor", "virginica"}
    assert not (X_val[:, np.newaxis] == X[[3, 60]]).all(axis=2).any()


@pytest.mark.parametrize("kind", ["few rows", "nothing left to train on"])
def test_without_a_useful_split_the_training_loss_is_watched(kind):
    X, y = iris()
    fraction = 0.1
    if kind == "few rows":
        X, y = X[::3], y[::3]  # a tenth is 5 rows
    else:
        fraction = 0.99
    clf = make(n_iter_no_change=3, max_iter=1000, learning_rate=0.1, tol=1e-2, validation_fraction=fraction)
    with pytest.warns(UserWarning, match="training loss") as caught:
        clf.fit(X, y)
    assert len(caught) == 1
    assert not issubclass(caught[0].category, ConvergenceWarning)
    assert stop_by_the_book([-loss for loss in clf.loss_curve_], 3, 1e-2) == clf.n_iter_
    assert not hasattr(clf, "validation_scores_")


def test_rows_that_are_given_make_up_for_few_rows():
    X, y, given = halves(iris())
    clf = make(max_iter=3).fit(X[::2], y[::2], X_val=given["X_val"][::9], y_val=given["y_val"][::9])
    assert len(clf.validation_scores_) == 3


@pytest.mark.parametrize("kind", ["strings", "objects", "booleans", "negative", "multilabel", "csr", "float32"])
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_any_kind_of_data_can_be_held_out(kind, scoring):
    X, y = breast_cancer()
    if kind == "strings":
        y = np.array(["benign", "malignant"])[y]
    elif kind == "objects":
        y = np.array(["benign", "malignant"], object)[y]
    elif kind == "booleans":
        y = y == 1
    elif kind == "negative":
        y = -1 - y
    elif kind == "multilabel":
        y = np.stack([y, X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    elif kind == "csr":
        X = csr_matrix(np.where(X > 0, X, 0))
    else:
        X = X.astype(np.float32)
    clf = make(scoring=scoring, max_iter=6).fit(X, y)
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert clf.score(X, y) > 0.7


@pytest.mark.parametrize(
    ("scoring", "message"),
    [("no_such_score", "no_such_score"), (lambda estimator, X, y: {"a": 1.0}, "one .*number")],
)
def test_a_scoring_that_cannot_be_used_raises(scoring, message):
    X, y = breast_cancer()
    clf = make(scoring=scoring)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    assert not hasattr(clf, "coefs_")


def test_a_scorer_that_raises_does_so_at_once():
    class Broken:
        calls = 0

        def __call__(self, estimator, X, y):
            self.calls += 1
            raise RuntimeError("no score today")

    X, y = breast_cancer()
    broken = Broken()
    clf = make(scoring=broken)
    with pytest.raises(RuntimeError, match="no score today"):
        clf.fit(X, y)
    assert broken.calls == 1
    assert not hasattr(clf, "coefs_")


@pytest.mark.parametrize("call", [2, 4])
def test_a_scorer_that_raises_later_leaves_the_earlier_fit(call):
    X, y = breast_cancer()
    calls = []

    def scorer(estimator, X, y):
        calls.append(1)
        if len(calls) == call:
            raise RuntimeError("no score today")
        return 0.5

    clf = make(max_iter=2).fit(X, y)
    before = pickle.dumps({name: value for name, value in vars(clf).items() if name.endswith("_")})
    clf.set_params(scoring=scorer, max_iter=8, random_state=2)
    with pytest.raises(RuntimeError, match="no score today"):
        clf.fit(X, y)
    assert pickle.dumps({name: value for name, value in vars(clf).items() if name.endswith("_")}) == before


def test_scorers_see_a_fitted_estimator_with_the_users_labels():
    X, y = breast_cancer()
    y = np.array(["benign", "malignant"])[y]
    seen = []

    def scorer(estimator, X, y):
        seen.append((list(estimator.classes_), set(y), estimator.predict_proba(X).shape, set(estimator.predict(X))))
        return 0.5

    make(scoring=scorer, max_iter=2).fit(X, y)
    for classes, labels, shape, predicted in seen:
        assert classes == ["benign", "malignant"]
        assert labels == {"benign", "malignant"}
        assert shape == (57, 2)
        assert predicted <= labels


# ---------------------------------------------------------------- what is said at the end


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("patience", [1, 4])
def test_patience_used_up_in_the_last_epoch_is_no_reason_to_warn(patience, early_stopping):
    X, y, given = halves(iris())
    params = {"n_iter_no_change": patience, "schedule": motionless, "early_stopping": early_stopping}
    clf = make(**params, batch_size="full", max_iter=patience + 1).fit(X, y, **given)
    assert clf.n_iter_ == patience + 1
    with pytest.warns(ConvergenceWarning, match=f"max_iter={patience}") as caught:
        make(**params, batch_size="full", max_iter=patience).fit(X, y, **given)
    assert len(caught) == 1


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fit_cut_short_says_so_unless_that_was_asked_for(solver, early_stopping):
    X, y, given = halves(breast_cancer())
    params = {"solver": solver, "max_iter": 2, "early_stopping": early_stopping, "batch_size": "auto"}
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        make(**params, n_iter_no_change=5).fit(X, y, **given)
    clf = make(**params, n_iter_no_change=None).fit(X, y, **given)
    assert clf.n_iter_ == 2


STRATEGIES = {"training loss": False, "early stopping": True, "search": "auto"}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier])
def test_the_advice_of_the_warning_holds(kind, solver, strategy):
    X, y = breast_cancer()
    params = {"solver": solver, "early_stopping": STRATEGIES[strategy], "random_state": 0, "alpha": 0.1}
    clf = kind(**params, max_iter=3, n_iter_no_change=4)
    with pytest.warns(ConvergenceWarning, match="^Training ended after max_iter=3 epochs") as caught:
        clf.fit(X, y)
    message = str(caught[0].message)
    named = dict(re.findall(r"(\w+)=(\w+)", message))
    assert named == {"max_iter": "3", "n_iter_no_change": "None"}  # nothing that the user did not set
    searched = strategy == "search" and solver != "lbfgs"
    assert ("search" in message) == searched == hasattr(clf, "search_history_")
    assert ("validation score" in message) == hasattr(clf, "validation_scores_")
    assert ("training loss" in message) == (not hasattr(clf, "validation_scores_"))

    exact = kind(**params, max_iter=3, n_iter_no_change=None).fit(X, y)  # a warning would be an error here
    assert "train for max_iter epochs without this warning" in message
    assert exact.n_iter_ == len(exact.loss_curve_) == 3
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for max_iter in (3 * 4**i for i in range(1, 7)):
            caught.clear()
            clf.set_params(max_iter=max_iter).fit(X, y)
            if not caught:
                break
    assert not caught


def test_the_warning_points_at_the_line_that_fits():
    X, y = iris()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        BackpropClassifier((3,), max_iter=2, n_iter_no_change=5, early_stopping=False).fit(X, y)
    assert caught[0].filename == __file__


def test_a_line_search_that_converged_does_not_warn():
    X, y = iris()
    params = {"early_stopping": False, "batch_size": "full", "alpha": 0.1, "max_iter": 500, "n_iter_no_change": 400}
    clf = make(solver=LBFGS(), **params).fit(X, y)
    assert clf.n_iter_ < 400


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_line_search_that_patience_ended_does_not_warn(early_stopping):
    X, y, given = halves(iris())
    solver = LBFGS(gtol=0.0, ftol=0.0)
    params = {"early_stopping": early_stopping, "batch_size": "full", "n_iter_no_change": 3, "tol": 1e-2}
    clf = make(solver=solver, **params, max_iter=500).fit(X, y, **given)
    scores = clf.validation_scores_ if early_stopping else [-loss for loss in clf.loss_curve_]
    assert stop_by_the_book(scores, 3, 1e-2) == clf.n_iter_


def test_partial_fit_never_warns():
    X, y = iris()
    clf = make(n_iter_no_change=1, solver=SGD(), early_stopping=True)
    for _ in range(3):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    assert clf.n_iter_ == 1
