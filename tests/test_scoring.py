"""scoring: what a scorer is given, and what is said where it fails."""

import functools

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, issparse
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, fbeta_score, log_loss, make_scorer, recall_score
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, TwoLayerClassifier

SETTINGS = {"max_iter": 3, "n_iter_no_change": None, "random_state": 0}
KINDS = pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier])
STOPPING = pytest.mark.parametrize("early_stopping", [True, "auto", False])


@pytest.fixture
def data():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)[:200, :6]
    return X, y[:200], np.random.RandomState(0).uniform(0.5, 2, 200)


def fit(kind, scoring, X, y, w=None, *, early_stopping=True, given=False, **params):
    """Fit on the samples, with the last 50 of them as X_val if asked."""
    clf = kind(5, scoring=scoring, early_stopping=early_stopping, **SETTINGS | params)
    if not given:
        return clf.fit(X, y, w)
    take = (lambda each, part: each.iloc[part] if hasattr(each, "iloc") else each[part]) if len else None
    first, last = slice(None, -50), slice(-50, None)
    weights = (None, None) if w is None else (take(w, first), take(w, last))
    return clf.fit(
        take(X, first), take(y, first), weights[0],
        X_val=take(X, last), y_val=take(y, last), sample_weight_val=weights[1],
    )  # fmt: skip


@KINDS
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_callable_gets_weights_only_if_it_takes_them(kind, given, weighted, data):
    X, y, w = data
    seen = []

    def plain(estimator, X, y):
        return accuracy_score(y, estimator.predict(X))

    def takes(estimator, X, y, sample_weight=None):
        seen.append(sample_weight)
        return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)

    def takes_all(estimator, X, y, **more):
        seen.append(more.get("sample_weight"))
        return accuracy_score(y, estimator.predict(X), **more)

    for scoring in (plain, takes, takes_all, functools.partial(takes), make_scorer(accuracy_score)):
        clf = fit(kind, scoring, X, y, w if weighted else None, given=given)
        assert len(clf.validation_scores_) == 3
    assert seen
    assert all((weights is not None) == weighted for weights in seen)
    if weighted and given:
        np.testing.assert_array_equal(seen[0], w[-50:])  # as they were given


def test_a_metric_without_weights_is_left_without(data):
    X, y, w = data

    def share(y_true, y_pred):
        return float(np.mean(y_true == y_pred))

    clf = fit(TwoLayerClassifier, make_scorer(share), X, y, w)
    assert 0.5 < max(clf.validation_scores_) <= 1


@KINDS
@STOPPING
@pytest.mark.parametrize("given", [True, False])
def test_a_callable_sees_the_rows_as_they_were_given(kind, early_stopping, given, data):
    X, y, _ = data
    names = np.where(y == 1, "benign", "malignant")
    frame = pd.DataFrame(X, columns=list("abcdef"), index=[f"row {i}" for i in range(200)])
    labels, seen = pd.Series(names, index=frame.index), []

    def scorer(estimator, X, y):
        seen.append((X, y))
        assert list(estimator.feature_names_in_) == list("abcdef")
        return accuracy_score(y, estimator.predict(X))

    fit(kind, scorer, frame, labels, early_stopping=early_stopping, given=given)
    if early_stopping is False and not given:
        assert not seen
        return
    for X_seen, y_seen in seen:
        assert isinstance(X_seen, pd.DataFrame)
        assert isinstance(y_seen, pd.Series)
        pd.testing.assert_frame_equal(X_seen, frame.loc[X_seen.index])
        pd.testing.assert_series_equal(y_seen, labels.loc[X_seen.index])


@pytest.mark.parametrize(
    "make", [np.asarray, np.asfortranarray, csr_matrix, np.ndarray.tolist], ids=lambda f: f.__name__
)
def test_whatever_the_rows_come_in(make, data):
    X, y, _ = data
    seen = []

    def scorer(estimator, X, y):
        seen.append(X)
        return -log_loss(y, estimator.predict_proba(X))

    clf = fit(TwoLayerClassifier, scorer, make(X), y.tolist())
    assert issparse(seen[0]) if make is csr_matrix else type(seen[0]) is type(make(X))
    np.testing.assert_allclose(clf.validation_scores_, np.negative(clf.history_["validation_loss"]), rtol=1e-9)


def test_a_callable_and_its_name_agree(data):
    X, y, w = data
    frame = pd.DataFrame(X, columns=list("abcdef"))
    scores = [
        fit(TwoLayerClassifier, scoring, frame, y, w).validation_scores_
        for scoring in ("accuracy", make_scorer(accuracy_score))
    ]
    np.testing.assert_allclose(*scores, rtol=1e-12)


@KINDS
@pytest.mark.parametrize("scoring", ["recall", make_scorer(recall_score), make_scorer(fbeta_score, beta=2)], ids=str)
def test_words_as_labels_want_a_positive_one(kind, scoring, data):
    X, y, _ = data
    y = np.where(y == 1, "benign", "malignant")
    metric = "fbeta_score" if "fbeta" in str(scoring) else "recall_score"
    with pytest.raises(
        ValueError, match=rf"scoring=.*make_scorer\({metric}, pos_label='malignant'\) or pos_label='benign'"
    ):
        fit(kind, scoring, X, y)
    scorer = make_scorer(recall_score, pos_label="malignant")
    assert max(fit(kind, scorer, X, y).validation_scores_) > 0


def test_a_scorer_that_fails_for_another_reason_fails_in_its_own_words(data):
    X, y, _ = data

    def broken(estimator, X, y):
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match=r"^no such thing$"):
        fit(TwoLayerClassifier, broken, X, y)
