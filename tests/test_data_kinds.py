"""Tables and labels of every kind: what they are stored as changes nothing but, for float32, the precision."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES
from skbackprop.solvers import SOLVERS

PREDICTIONS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
OPTIONS = {
    "learning_rate": 0.01,
    "batch_size": 32,
    "max_iter": 5,
    "early_stopping": False,
    "n_iter_no_change": None,
    "random_state": 0,
}


def make(hidden_units=8, **params):
    return TwoLayerClassifier(hidden_units, **OPTIONS | params)


def tables():
    """Return a binary, a multiclass and a multilabel table, each with both signs in X."""
    X_binary, y_binary = load_breast_cancer(return_X_y=True)
    X_iris, y_iris = load_iris(return_X_y=True)
    X_multi, Y_multi = make_multilabel_classification(200, 12, n_classes=4, random_state=0)
    return {
        "binary": (scale(X_binary)[:200], y_binary[:200]),
        "multiclass": (scale(X_iris), y_iris),
        "multilabel": (scale(X_multi), Y_multi),
    }


TABLES = tables()
X, y = TABLES["multiclass"]
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def assert_same_model(clf, other, X):
    """Assert that two models, and what they say of X, have the same bits."""
    for ours, others in zip(clf.coefs_ + clf.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, others)
    for method in PREDICTIONS[1:]:
        np.testing.assert_array_equal(getattr(clf, method)(X), getattr(other, method)(X))


# ------------------------------------------------------------------ labels

NAMES = np.array(["setosa", "versicolor", "virginica"])
LABELS = {
    "strings": NAMES[y],
    "objects": NAMES.astype(object)[y],
    "negative": np.array([-7, -1, 3])[y],
    "floats": np.array([0.0, 1.0, 2.0])[y],
    "unsigned bytes": y.astype(np.uint8),
    "gaps": np.array([10, 200, 3000])[y],
    "list": y.tolist(),
    "list of strings": NAMES[y].tolist(),
    "Series of strings": pd.Series(NAMES[y]),
    "Series with another index": pd.Series(y, index=np.arange(150)[::-1]),
    "categories": pd.Series(pd.Categorical(NAMES[y])),
    "nullable integers": pd.Series(y, dtype="Int64"),
    "memory order": np.stack([y, y], axis=1)[:, 0],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels(labels):
    clf, plain = make().fit(X, labels), make().fit(X, y)
    assert_same_model(clf, plain, X)
    np.testing.assert_array_equal(clf.classes_, np.unique(np.asarray(labels)))
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[plain.predict(X)])
    assert clf.score(X, labels) == plain.score(X, y) > 0.6


@pytest.mark.parametrize(
    "pair", [[False, True], ["no", "yes"], [-1, 1], [-5, -3], [0.0, 1.0], [2**40, 2**41]], ids=repr
)
def test_binary_labels(pair):
    X, y = TABLES["binary"]
    labels = np.array(pair)[y]
    clf, plain = make().fit(X, labels), make().fit(X, y)
    assert_same_model(clf, plain, X)
    assert clf.classes_.dtype == labels.dtype
    assert list(clf.classes_) == pair
    assert clf.n_outputs_ == 1
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[(clf.decision_function(X) > 0).astype(int)])
    assert clf.score(X, labels) > 0.8


def test_classes_are_sorted_whatever_the_order_of_the_rows():
    order = np.argsort(-y, kind="stable")
    clf = make(batch_size="full").fit(X[order], NAMES[y][order])
    assert list(clf.classes_) == ["setosa", "versicolor", "virginica"]
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[clf.predict_proba(X).argmax(axis=1)])


def test_partial_fit_takes_the_classes_in_any_order():
    clf = make().partial_fit(X[:60], NAMES[y][:60], classes=NAMES[[2, 0, 1]])
    assert list(clf.classes_) == list(NAMES)


MULTILABEL = {
    "integers": lambda Y: Y,
    "bool": lambda Y: Y.astype(bool),
    "floats": lambda Y: Y.astype(np.float64),
    "Fortran order": np.asfortranarray,
    "list of lists": lambda Y: Y.tolist(),
    "DataFrame": pd.DataFrame,
    "sparse": sparse.csr_matrix,
}


@pytest.mark.parametrize("convert", MULTILABEL.values(), ids=MULTILABEL)
def test_multilabel(convert):
    X, Y = TABLES["multilabel"]
    clf, plain = make(max_iter=30).fit(X, convert(Y)), make(max_iter=30).fit(X, Y)
    assert_same_model(clf, plain, X)
    P = clf.predict_proba(X)
    assert P.shape == Y.shape
    assert clf.predict(X).shape == Y.shape
    assert set(np.unique(clf.predict(X))) == {0, 1}
    np.testing.assert_array_equal(clf.predict(X), P > 0.5)
    np.testing.assert_array_equal(clf.classes_, np.arange(4))
    assert np.ptp(P.sum(axis=1)) > 0.1  # each label is a question of its own
    assert clf.score(X, Y) > 0.4


def test_multilabel_with_a_label_that_all_or_no_rows_have():
    X, Y = TABLES["multilabel"]
    Y = np.column_stack([Y[:, 0], np.ones(len(X), int), np.zeros(len(X), int)])
    P = make(max_iter=30).fit(X, Y).predict_proba(X)
    assert P.shape == (200, 3)
    assert P[:, 1].mean() > 0.9
    assert P[:, 2].mean() < 0.1


@pytest.mark.parametrize("labels", [y, NAMES[y], TABLES["binary"][1][:150]], ids=["int", "str", "binary"])
def test_a_column_of_labels(labels):
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        clf = make().fit(X, labels[:, np.newaxis])
    assert_same_model(clf, make().fit(X, labels), X)
    assert clf.predict(X).shape == (150,)


# ------------------------------------------------------------------ dtypes


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [True, False, "auto"])
@every_table
def test_float32_is_kept(table, solver, early_stopping):
    X, y = table
    batches = {} if solver == "lbfgs" else {"batch_size": 32}
    options = OPTIONS | {"solver": solver, "early_stopping": early_stopping, "batch_size": "auto"} | batches
    clf = TwoLayerClassifier(8, **options).fit(X.astype(np.float32), y)
    assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(np.float32)}
    for method in PREDICTIONS[1:]:
        assert getattr(clf, method)(X.astype(np.float32)).dtype == np.float32
    if solver != "lbfgs" and early_stopping is False:
        clf.partial_fit(X.astype(np.float32), y)
        assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.int8, np.uint8, np.bool_, object, np.longdouble, ">f8"])
@every_table
def test_everything_else_becomes_float64(table, dtype):
    X, y = table
    X = np.round(3 * X).clip(-100, 100).astype(dtype)
    clf = make().fit(X, y)
    assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(np.float64)}
    assert_same_model(clf, make().fit(X.astype(np.float64), y), X)
    assert clf.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("model", [np.float32, np.float64])
@every_table
def test_prediction_in_the_dtype_of_the_model(table, model):
    X, y = table
    X32 = X.astype(np.float32)
    clf = make().fit(X32.astype(model), y)
    for method in PREDICTIONS[1:]:
        for rows in (X32, X32.astype(np.float64), X32.astype(object), sparse.csr_matrix(X32)):
            assert getattr(clf, method)(rows).dtype == model
        np.testing.assert_array_equal(getattr(clf, method)(X32), getattr(clf, method)(X32.astype(np.float64)))


@pytest.mark.parametrize("model", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_resuming_keeps_the_dtype_of_the_model(model, method):
    other = np.float64 if model == np.float32 else np.float32
    X32 = X.astype(np.float32)
    clf, same = (make(warm_start=True).fit(X32.astype(model), y) for _ in range(2))
    getattr(clf, method)(X32.astype(other), y)
    getattr(same, method)(X32.astype(model), y)
    assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(model)}
    assert_same_model(clf, same, X)


def test_float32_and_float64_agree():
    options = {"batch_size": "full", "max_iter": 20}
    single, double = make(**options).fit(X.astype(np.float32), y), make(**options).fit(X, y)
    np.testing.assert_allclose(single.predict_proba(X), double.predict_proba(X), atol=1e-4)


# ------------------------------------------------------------------ how X is stored


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def memory_mapped(X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def strided(X):
    wide = np.full((2 * len(X), 2 * X.shape[1]), np.nan, X.dtype)
    wide[::2, ::2] = X
    return wide[::2, ::2]


def unaligned(X):
    buffer = np.empty(X.nbytes + 1, np.uint8)
    array = np.frombuffer(buffer.data, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    array[...] = X
    assert not array.flags.aligned
    return array


STORED = {
    "read-only": lambda X, _: read_only(X),
    "memory-mapped": memory_mapped,
    "Fortran order": lambda X, _: np.asfortranarray(X),
    "rows backwards": lambda X, _: X[::-1].copy()[::-1],
    "columns backwards": lambda X, _: X[:, ::-1].copy()[:, ::-1],
    "strides": lambda X, _: strided(X),
    "unaligned": lambda X, _: unaligned(X),
    "list": lambda X, _: X.tolist(),
    "DataFrame": lambda X, _: pd.DataFrame(X),
    "DataFrame with another index": lambda X, _: pd.DataFrame(X, index=np.arange(len(X))[::-1]),
}
every_storage = pytest.mark.parametrize("store", STORED.values(), ids=STORED)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_storage
def test_storage(store, dtype, tmp_path):
    plain = X.astype(dtype)
    stored = store(plain, tmp_path)
    if isinstance(stored, list) and dtype == np.float32:
        plain = plain.astype(np.float64)  # Python's numbers
    for options in ({}, {"batch_size": "full"}, {"early_stopping": "auto"}, {"solver": "lbfgs", "batch_size": "auto"}):
        clf, expected = make(**options).fit(stored, y), make(**options).fit(plain, y)
        # BLAS may sum in another order for another memory order, so all but the last bits are compared.
        rtol = 1e-3 if dtype == np.float32 else 1e-9
        for method in PREDICTIONS[1:]:
            ours, theirs = getattr(clf, method)(stored), getattr(expected, method)(plain)
            np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)
            assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(np.asarray(stored), np.asarray(plain))


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_table
def test_sparse(table, dtype, container):
    X, y = table
    X = np.where(np.abs(X) > 0.5, X, 0.0).astype(dtype)
    S = container(X)
    for options in ({}, {"batch_size": "full"}, {"early_stopping": True}):
        clf, dense = make(**options).fit(S, y), make(**options).fit(X, y)
        rtol = 2e-3 if dtype == np.float32 else 1e-9
        for method in PREDICTIONS[1:]:
            np.testing.assert_allclose(getattr(clf, method)(S), getattr(dense, method)(X), rtol=rtol, atol=rtol)
            np.testing.assert_allclose(getattr(clf, method)(S), getattr(clf, method)(X), rtol=rtol, atol=rtol)
    clf.partial_fit(S, y)
    np.testing.assert_array_equal(S.toarray(), X)


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_indices_of_a_sparse_matrix(index_dtype):
    S = sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0))
    expected = make().fit(S, y)
    S.indices, S.indptr = S.indices.astype(index_dtype), S.indptr.astype(index_dtype)
    assert_same_model(make().fit(S, y), expected, S)


def test_a_read_only_sparse_matrix():
    S = sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0))
    for array in (S.data, S.indices, S.indptr):
        array.flags.writeable = False
    clf = make().fit(S, y)
    assert clf.predict_proba(S).shape == (150, 3)


def test_a_sparse_matrix_with_unsorted_and_repeated_entries():
    S = sparse.csr_matrix((np.array([1.0, 2.0, 3.0, -1.0]), np.array([2, 0, 0, 1]), np.array([0, 3, 4])), shape=(2, 3))
    before = (S.data.copy(), S.indices.copy(), S.indptr.copy())
    X = np.vstack([np.array([[5.0, 0.0, 1.0], [0.0, -1.0, 0.0]])] * 5)
    clf = make().fit(X, [0, 1] * 5)
    np.testing.assert_allclose(clf.decision_function(S), clf.decision_function(X[:2]), rtol=1e-12)
    for ours, theirs in zip((S.data, S.indices, S.indptr), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_sample_weights_of_any_storage():
    w = 1.0 + np.arange(150) % 3
    expected = make().fit(X, y, w)
    for weights in (w.astype(int), w.tolist(), read_only(w), pd.Series(w), np.repeat(w, 2)[::2], w.astype(np.float32)):
        assert_same_model(make().fit(X, y, weights), expected, X)


@pytest.mark.parametrize(
    "options", [{}, {"batch_size": "full"}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str
)
@every_table
def test_nothing_that_is_given_is_written_to(table, options):
    X, y = (array.copy() for array in table)
    w, X_val, y_val = np.ones(len(X)), X[:50].copy(), y[:50].copy()
    given = [X, y, w, X_val, y_val]
    before = [array.copy() for array in given]
    options = {"batch_size": "auto"} | options
    clf = make(**options).fit(X, y, w, X_val=X_val, y_val=y_val)
    for method in PREDICTIONS:
        getattr(clf, method)(X)
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)


# ------------------------------------------------------------------ DataFrames


@pytest.mark.parametrize("cls", [TwoLayerClassifier, BackpropClassifier])
def test_a_frame_keeps_its_names(cls):
    frame = pd.DataFrame(X, columns=["sepal length", "sepal width", "petal length", "petal width"])
    clf = cls(**OPTIONS).fit(frame, y)
    assert clf.n_features_in_ == 4
    np.testing.assert_array_equal(clf.feature_names_in_, frame.columns)
    np.testing.assert_array_equal(clf.predict_proba(frame), cls(**OPTIONS).fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="same order"):
        clf.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(X)
    clf.partial_fit(frame, y)
    np.testing.assert_array_equal(clf.feature_names_in_, frame.columns)
    assert not hasattr(clf.fit(X, y), "feature_names_in_")


def test_a_frame_of_mixed_and_nullable_columns():
    frame = pd.DataFrame(
        {
            "float32": X[:, 0].astype(np.float32),
            "integers": np.round(X[:, 1]).astype(np.int16),
            "bool": X[:, 2] > 0,
            "nullable": pd.Series(X[:, 3], dtype="Float64"),
        }
    )
    clf = make().fit(frame, y)
    assert clf.coefs_[0].dtype == np.float64
    assert clf.score(frame, y) > 0.5


# ------------------------------------------------------------------ predictions


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_table
def test_many_rows_are_predicted_as_one_by_one(table, dtype):
    X, y = table
    clf = make().fit(X.astype(dtype), y)
    many = np.tile(X, (7000 // len(X) + 1, 1)).astype(dtype)  # more rows than go through the layers together
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    for method in PREDICTIONS[1:]:
        one_by_one = np.concatenate([getattr(clf, method)(row[np.newaxis]) for row in X[:20].astype(dtype)])
        got = getattr(clf, method)(many)
        assert len(got) == len(many)
        for start in range(0, len(many) - 20, len(X)):
            np.testing.assert_allclose(got[start : start + 20], one_by_one, rtol=rtol, atol=rtol)
    np.testing.assert_array_equal(clf.predict(many)[: len(X)], clf.predict(X.astype(dtype)))


@pytest.mark.parametrize("n", [1, 2, 3071, 3072, 3073, 6144, 6145])
def test_any_number_of_rows(n):
    X, y = TABLES["binary"]
    clf = make().fit(X, y)
    many = np.resize(X, (n, X.shape[1]))
    P = clf.predict_proba(many)
    assert P.shape == (n, 2)
    np.testing.assert_allclose(P[-1:], clf.predict_proba(many[-1:]), rtol=1e-12)
    np.testing.assert_allclose(clf.predict_proba(sparse.csr_matrix(many)), P, rtol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@every_table
def test_shapes_and_consistency(table, activation, loss):
    X, y = table
    clf = make(activation=activation, loss=loss, max_iter=10).fit(X, y)
    P, log_P, Z, labels = (getattr(clf, method)(X) for method in PREDICTIONS[1:] + PREDICTIONS[:1])
    n_columns = len(clf.classes_)
    assert P.shape == log_P.shape == (len(X), n_columns)
    assert Z.shape == ((len(X),) if n_columns == 2 else (len(X), n_columns))
    assert np.all(P > 0)
    assert np.all(P < 1)
    np.testing.assert_allclose(np.exp(log_P), P, rtol=1e-12)
    if y.ndim == 2:
        np.testing.assert_array_equal(labels, Z > 0)
        np.testing.assert_allclose(P, 1 / (1 + np.exp(-Z)), rtol=1e-12)
    else:
        np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-12)
        np.testing.assert_array_equal(labels, clf.classes_[P.argmax(axis=1)])
        if n_columns == 2:
            np.testing.assert_array_equal(labels, clf.classes_[(Z > 0).astype(int)])
            np.testing.assert_allclose(log_P[:, 1] - log_P[:, 0], Z, rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_array_equal(labels, clf.classes_[Z.argmax(axis=1)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e5, 1e15, 1e30])
@every_table
def test_log_probabilities_are_finite_far_out(table, factor, dtype):
    X, y = table
    clf = make(max_iter=20).fit(X.astype(dtype), y)
    X = (X * factor).astype(dtype)
    log_P, P = clf.predict_log_proba(X), clf.predict_proba(X)
    assert np.isfinite(log_P).all()
    assert np.all(log_P <= 0)
    assert np.isfinite(P).all()
    assert log_P.min() < -100
    assert (P == 0).any()  # of which the logarithm would be -inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_columns_of_a_binary_table_are_exact_on_their_own(dtype):
    clf = BackpropClassifier((), **OPTIONS).fit(X[:100].astype(dtype), y[:100])
    clf.coefs_[0][...] = [[1], [0], [0], [0]]
    clf.intercepts_[0][...] = 0
    z = np.array([-80.0, -50.0, -20.0, -1.0, 0.0, 1.0, 20.0, 50.0, 80.0])
    rows = np.zeros((len(z), 4), dtype)
    rows[:, 0] = z
    P, log_P = clf.predict_proba(rows), clf.predict_log_proba(rows)
    exact = np.column_stack([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))])  # neither as one minus the other
    exact_log = np.column_stack([-np.logaddexp(0, z), -np.logaddexp(0, -z)])
    rtol = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(P, exact, rtol=10 * rtol)
    np.testing.assert_allclose(log_P, exact_log, rtol=rtol)
    assert P[-1, 0] > 0
    assert P[0, 1] > 0


@pytest.mark.parametrize("size", [1e100, 1e200, 1e300])
@every_table
def test_huge_finite_values(table, size):
    X, y = table
    clf = make().fit(X, y)
    for rows in (size * np.sign(X), sparse.csr_matrix(size * np.sign(X)), pd.DataFrame(size * np.sign(X))):
        P = clf.predict_proba(rows)
        assert np.all((P >= 0) & (P <= 1))
        assert not np.isnan(clf.decision_function(rows)).any()
        assert clf.predict(rows).shape == y.shape


@every_table
def test_values_that_overflow_on_the_way_never_come_out_as_nan(table):
    X, y = table
    clf = make().fit(X, y)
    largest = np.full(X.shape, np.finfo(np.float64).max)
    for method in PREDICTIONS:
        with suppress(ValueError):  # to refuse them is as good
            assert not np.isnan(getattr(clf, method)(largest)).any()


@pytest.mark.parametrize("method", [*PREDICTIONS, "score"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_row_that_is_not_finite(method, value):
    clf = make().fit(X, y)
    row = X[:1].copy()
    row[0, 2] = value
    with pytest.raises(ValueError, match="Input X contains"):
        getattr(clf, method)(*([row, y[:1]] if method == "score" else [row]))


@every_table
def test_score_with_weights(table):
    X, y = table
    clf = make(max_iter=2).fit(X, y)
    w = np.random.RandomState(0).uniform(size=len(X))
    assert clf.score(X, y) == accuracy_score(y, clf.predict(X))
    assert clf.score(X, y, w) == accuracy_score(y, clf.predict(X), sample_weight=w)
    assert clf.score(X, y, w) != clf.score(X, y)


# ------------------------------------------------------------------ nothing on the side


@every_table
def test_prediction_keeps_nothing(table):
    X, y = table
    clf = make().fit(X, y)
    before = dict(vars(clf))
    weights = [array.copy() for array in clf.coefs_ + clf.intercepts_]
    for method in PREDICTIONS:
        getattr(clf, method)(X)
        getattr(clf, method)(sparse.csr_matrix(X))
    clf.score(X, y)
    assert vars(clf).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(clf).items())
    for array, copy in zip(clf.coefs_ + clf.intercepts_, weights, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_table
def test_eight_threads_predict_at_once(table):
    X, y = table
    clf = make().fit(X, y)
    tables = [np.roll(np.tile(X, (20, 1)), shift, axis=0) for shift in range(8)]
    one_after_another = [clf.predict_proba(rows) for rows in tables]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for got, expected in zip(pool.map(clf.predict_proba, tables), one_after_another, strict=True):
                np.testing.assert_array_equal(got, expected)


def test_eight_threads_fit_at_once():
    expected = make(random_state=1).fit(X, y)
    with ThreadPoolExecutor(8) as pool:
        for clf in pool.map(lambda _: make(random_state=1).fit(X, y), range(8)):
            assert_same_model(clf, expected, X)


@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)], ids=["None", "int", "RandomState"])
def test_the_global_random_state_is_left_alone(random_state):
    np.random.seed(3)
    expected = np.random.random_sample(3)
    np.random.seed(3)
    clf = make(random_state=0 if random_state is None else random_state, dropout=0.1, early_stopping=True)
    clf.fit(X, y).predict_proba(X)
    clf.partial_fit(X, y)
    np.testing.assert_array_equal(np.random.random_sample(3), expected)


def test_floating_point_and_warning_settings_are_left_alone():
    before = np.geterr(), list(warnings.filters)
    clf = make(early_stopping=True).fit(X, y)
    clf.predict_proba(1e30 * X)
    assert (np.geterr(), list(warnings.filters)) == before


@pytest.mark.parametrize("solver", SOLVERS)
@every_table
def test_the_same_seed_gives_the_same_bits(table, solver):
    X, y = table
    options = {"solver": solver, "batch_size": "auto", "early_stopping": True}
    options |= {} if solver == "lbfgs" else {"dropout": 0.2, "batch_size": 16}
    fits = [make(**options | {"random_state": seed}).fit(X, y) for seed in (5, 5, np.random.RandomState(5), 6)]
    assert_same_model(fits[0], fits[1], X)
    assert_same_model(fits[0], fits[2], X)
    assert fits[0].loss_curve_ == fits[1].loss_curve_
    assert not np.array_equal(fits[0].coefs_[0], fits[3].coefs_[0])


def test_a_random_state_object_is_drawn_from():
    rng = np.random.RandomState(0)
    first, second = make(random_state=rng).fit(X, y), make(random_state=rng).fit(X, y)
    assert not np.array_equal(first.coefs_[0], second.coefs_[0])


def test_without_a_seed_each_fit_differs():
    first, second = make(random_state=None).fit(X, y), make(random_state=None).fit(X, y)
    assert not np.array_equal(first.coefs_[0], second.coefs_[0])
