"""fit warns, once and cheaply, of features on very different scales; of no table that a scaler has seen."""

import warnings
from contextlib import suppress

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier
from skbackprop._data.scale import Scale, may_be_large
from skbackprop._data.table import Table

UNEVEN = "The features are on very different scales"


def quick(**params):
    """Return a classifier that trains one short epoch."""
    settings = {"max_iter": 1, "batch_size": "full", "early_stopping": False, "n_iter_no_change": None}
    return TwoLayerClassifier(2, random_state=0, **(settings | params))


def warnings_of(X, y=None, clf=None, **params):
    """Return what fit says of the features of X."""
    y = np.arange(X.shape[0]) % 2 if y is None else y
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with suppress(DivergenceError):  # as a raw table may end, after the warning
            (clf or quick()).fit(X, y, **params)
    return [warning for warning in caught if UNEVEN in str(warning.message)]


def features(*sizes, n=40):
    """Return columns of these root mean squares."""
    signs = np.where(np.random.default_rng(0).random((n, len(sizes))) < 0.5, -1.0, 1.0)
    return signs * sizes


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("sizes", "warns"),
    [
        ((1.0, 99.0), False),  # not larger than 100
        ((0.001, 99.0), False),
        ((1.0, 101.0), True),
        ((2.0, 101.0), False),  # fifty times the smallest
        ((2.0, 201.0), True),
        ((500.0, 600.0, 700.0), False),  # large, but all of a size
        ((500.0,), False),
        ((0.0, 500.0), False),  # a feature that is always zero is no small one
        ((0.0, 1.0, 500.0), True),
        ((1.0,) * 2000, False),  # together they are large
    ],
)
@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, np.float32, sp.csr_matrix])
def test_the_largest_exceeds_100_and_a_hundred_times_the_smallest(sizes, warns, kind):
    assert bool(warnings_of(kind(features(*sizes)))) == warns


def test_samples_of_weight_zero_do_not_count():
    X, w = features(1.0, 1.0), np.ones(40)
    X[::4, 0], w[::4] = 1e4, 0.0
    assert warnings_of(X)
    assert not warnings_of(X, sample_weight=w)


def test_evenly_spaced_samples_are_enough():
    X = features(1.0, 1.0, n=4096)  # of which every second one is looked at
    X[1::2, 0] = 1e4
    assert not warnings_of(X)
    X[:, 0] = X[::-1, 0]
    assert warnings_of(X)


def test_numbers_too_large_to_be_squared_are_large():
    assert warnings_of(np.float32(features(1.0, 1e30)), clf=quick(learning_rate=1e-30, loss="squared_error"))


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_raw_tables_of_uneven_features(load):
    assert len(warnings_of(*load(return_X_y=True))) == 1


@pytest.mark.parametrize("load", [load_iris, load_digits])
def test_raw_tables_of_even_features(load):
    assert not warnings_of(*load(return_X_y=True))


# ---------------------------------------------------------------- what it says


def test_it_names_the_columns_and_the_scaler():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    (warning,) = warnings_of(X, y)
    sizes = np.sqrt((X**2).mean())
    assert warning.category is UserWarning
    assert warning.filename == __file__  # the line that calls fit
    assert str(warning.message) == (
        f"{UNEVEN}, so the network hardly sees the small ones: "
        f"the root mean square of feature 'worst area' (column 23) is {sizes.max():.4g}, "
        f"that of feature 'fractal dimension error' (column 19) {sizes.min():.4g}. "
        "Scale them: make_pipeline(StandardScaler(), TwoLayerClassifier(...))."
    )


def test_without_names_it_gives_the_numbers_of_columns():
    (warning,) = warnings_of(features(3.0, 1.0, 500.0), clf=BackpropClassifier((), max_iter=1, n_iter_no_change=None))
    assert "feature 2 is 500, that of feature 1 1. Scale" in str(warning.message)
    assert "make_pipeline(StandardScaler(), BackpropClassifier(...))" in str(warning.message)


def test_the_scaler_for_sparse_samples_keeps_zeros():
    X = sp.random(100, 50, 0.2, format="csr", random_state=0).multiply(np.where(np.arange(50) == 7, 1e4, 1.0)).tocsr()
    (warning,) = warnings_of(X)
    assert "the root mean square of feature 7 is " in str(warning.message)
    assert "make_pipeline(MaxAbsScaler(), " in str(warning.message)
    assert not warnings_of(MaxAbsScaler().fit_transform(X))


# ---------------------------------------------------------------- once


def test_partial_fit_does_not_warn():
    X = features(1.0, 500.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick().partial_fit(X, np.arange(40) % 2, classes=[0, 1])


def test_a_resumed_fit_does_not_warn_again():
    clf, X = quick(warm_start=True), features(1.0, 500.0)
    assert [len(warnings_of(X, clf=clf)) for _ in range(3)] == [1, 0, 0]


def test_a_fit_anew_warns_again():
    clf, X = quick(), features(1.0, 500.0)
    assert [len(warnings_of(X, clf=clf)) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_held_out_samples_are_not_told_of_apart(early_stopping):
    X = np.random.default_rng(0).standard_normal((200, 2)) * [1, 500]
    y = (X[:, 0] > 0).astype(int)
    assert len(warnings_of(X, y, clf=quick(early_stopping=early_stopping, max_iter=5, n_iter_no_change=5))) == 1


def test_a_search_over_scaled_samples_is_silent():
    X, y = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), quick())
    assert not warnings_of(X, y, clf=GridSearchCV(model, {"twolayerclassifier__hidden_units": [1, 2]}, cv=3))


# ---------------------------------------------------------------- the measure


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, np.float32, sp.csr_matrix])
@pytest.mark.parametrize("n", [50, 3000])
def test_sizes_are_root_mean_squares(kind, n):
    X = np.random.default_rng(0).standard_normal((n, 5)) * [1, 2, 0, 4, 1000]
    rows = np.arange(n) if n <= 2048 else np.arange(2048) * n // 2048
    table = Table(kind(X), np.zeros((n, 1)), 1, None, range(n))
    np.testing.assert_allclose(Scale.of(table).sizes, np.sqrt(np.mean(X[rows] ** 2, axis=0)), rtol=1e-6)


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, np.float32, sp.csr_matrix])
def test_one_product_tells_that_all_are_small(kind):
    small, large = (Table(kind(features(*sizes)), None, 1, None, range(40)) for sizes in [(90.0, 40.0), (1.0, 101.0)])
    assert not may_be_large(small)
    assert may_be_large(large)


# ---------------------------------------------------------------- the tables that the defaults are judged on


@pytest.fixture(scope="module")
def tables():
    suite = pytest.importorskip("benchmarks.tables", reason="needs the benchmarks beside the tests")
    folder = suite.data_folder(None)
    if folder is None:
        pytest.skip("needs the tables of $SKBACKPROP_DATA")
    return suite.load_tables(folder)


def prepared(table, *steps):
    """Return the numbers of a table, through some steps, beside its one-hot encoded strings, and its labels."""
    encoder = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), *steps), make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=np.number)),
    )
    return encoder.fit_transform(table.X).astype(np.float64), table.y


def test_raw_tables_with_numbers_in_the_hundreds(tables):
    warned = {table.name for table in tables if warnings_of(*prepared(table))}
    assert {"credit_default", "german_credit", "heart_cleveland", "magic", "segment", "spambase"} <= warned


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), OneHotEncoder(max_categories=10)])
def test_no_false_alarm_on_a_scaled_or_one_hot_table(tables, scaler):
    assert [table.name for table in tables if warnings_of(*prepared(table, scaler))] == []
