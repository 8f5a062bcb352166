"""PiecewiseLinearEncoder: its equations against plain NumPy, weights against repeated rows, and bad input in words."""

import datetime
import pickle
import tracemalloc
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import skbackprop
from skbackprop import TwoLayerClassifier
from skbackprop.preprocessing import PiecewiseLinearEncoder


def table(n=500, gaps=False, dtype=np.float64):
    """Return columns of several kinds: smooth, skewed, mostly zero, few values, two values, one value."""
    rng = np.random.default_rng(0)
    columns = [
        rng.normal(50, 3, n),
        rng.gamma(0.5, 20, n),
        rng.gamma(2, 1, n) * (rng.random(n) < 0.2),
        rng.integers(0, 4, n),
        rng.integers(0, 2, n),
        np.full(n, 7.0),
    ]
    X = np.column_stack(columns).astype(dtype)
    if gaps:
        X[::7, 0] = X[3::9, 2] = X[:5, 4] = np.nan
    return X


def network():
    return TwoLayerClassifier(8, max_iter=30, early_stopping=False, n_iter_no_change=None, random_state=0)


def averaged_inverted_cdf(x, k, n_bins):
    """Return the quantile k / n_bins in integers; NumPy's own takes 0.2 * 300 for more than 60."""
    x, n = np.sort(x), len(x)
    return (x[max(-(-k * n // n_bins) - 1, 0)] + x[min(k * n // n_bins, n - 1)]) / 2


def oracle_of_column(x, n_bins, x_train):
    """Encode a column as the docstring says, in plain NumPy: standardised value and ramps."""
    known = x_train[~np.isnan(x_train)]
    columns = [np.where(np.isnan(x), 0, (x - known.mean()) / known.std())]
    t = np.unique([averaged_inverted_cdf(known, k, n_bins) for k in range(n_bins + 1)])
    for left, right in pairwise(t):
        ramp, in_training = (np.clip((v - left) / (right - left), 0, 1) for v in (x, known))
        columns.append(np.where(np.isnan(x), 0, ramp - in_training.mean()))
    return np.column_stack(columns if len(np.unique(known)) > 2 else columns[:1])


def oracle(X, n_bins, X_train):
    parts = [oracle_of_column(x, n_bins, x_train) for x, x_train in zip(X.T, X_train.T, strict=True)]
    return np.hstack([*parts, np.isnan(X[:, np.isnan(X_train).any(axis=0)])])


# ---------------------------------------------------------------------- the equations


def test_a_column_by_hand():
    encoder = PiecewiseLinearEncoder(n_bins=2).fit([[0.0], [2.0], [4.0], [10.0]])
    np.testing.assert_array_equal(encoder.bin_edges_[0], [0, 3, 10])  # the median lies between two rows
    z = (np.array([0, 2, 4, 10]) - 4) / np.sqrt(14)
    ramps = np.array([[0, 0], [2 / 3, 0], [1, 1 / 7], [1, 1]]) - [2 / 3, 2 / 7]
    expected = np.column_stack([z, ramps])
    np.testing.assert_allclose(encoder.transform([[0.0], [2.0], [4.0], [10.0]]), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("n_bins", [1, 2, 5, 8, 40])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_equations_against_plain_numpy(n_bins, gaps, dtype):
    X, X_test = table(300, gaps, dtype)[:, :5], table(400, gaps, dtype)[:, :5] * dtype(1.1)
    encoder = PiecewiseLinearEncoder(n_bins).fit(X)
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    for each in (X, X_test):
        expected = oracle(each.astype(np.float64), n_bins, X.astype(np.float64))
        encoded = encoder.transform(each)
        assert encoded.dtype == dtype
        np.testing.assert_allclose(encoded, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("n_bins", [1, 3, 8])
def test_encoded_training_columns_are_centred(n_bins):
    X = table(300, gaps=True)
    encoder = PiecewiseLinearEncoder(n_bins).fit(X)
    n_indicators = len(encoder.missing_features_)
    assert n_indicators == 3
    np.testing.assert_allclose(encoder.transform(X)[:, :-n_indicators].mean(axis=0), 0, atol=1e-13)


@pytest.mark.parametrize(("n", "n_bins"), [(30, 4), (999, 4), (1000, 5), (1599, 7), (5000, 8)])
def test_auto_is_a_bin_for_every_two_hundred_rows(n, n_bins):
    x = np.random.default_rng(0).normal(size=(n, 1))
    assert len(PiecewiseLinearEncoder().fit(x).ramp_means_[0]) == n_bins


def test_auto_counts_the_rows_in_which_a_column_is_known():
    x = np.random.default_rng(0).normal(size=(1300, 2))
    x[:300, 1] = np.nan
    assert [len(means) for means in PiecewiseLinearEncoder().fit(x).ramp_means_] == [6, 5]


def test_beyond_the_training_range_ramps_stay_where_they_end():
    X = table()[:, :3]
    encoder = PiecewiseLinearEncoder(4).fit(X)
    ramps = ["ramp" in name for name in encoder.get_feature_names_out()]
    low, high = X.min(axis=0), X.max(axis=0)
    inside, outside = encoder.transform([low, high]), encoder.transform([low - 1e9, high + 1e9])
    np.testing.assert_array_equal(outside[:, ramps], inside[:, ramps])
    means = np.concatenate(encoder.ramp_means_)
    np.testing.assert_allclose(inside[:, ramps], np.array([0 * means, 0 * means + 1]) - means)


def test_columns_of_one_or_two_values_have_no_ramps():
    encoder = PiecewiseLinearEncoder().fit(table())
    assert [len(edges) > 0 for edges in encoder.bin_edges_] == [True, True, True, True, False, False]


def test_a_column_constant_in_training_is_zero_whatever_comes():
    X = np.column_stack([np.arange(10.0), np.full(10, 3.0), 0.3 + 1e-16 * (np.arange(10) % 2)])
    encoder = PiecewiseLinearEncoder(2).fit(X)
    largest = np.finfo(float).max
    assert (encoder.transform([[1, 4, 9], [1, -largest, largest], [1, np.nan, 3]])[:, -2:] == 0).all()


def test_a_column_that_is_always_missing_is_zero_and_has_no_indicator():
    X = np.column_stack([np.arange(10.0), np.full(10, np.nan)])
    encoder = PiecewiseLinearEncoder(2).fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x0_ramp_0", "x0_ramp_1", "x1"]
    assert (encoder.transform([[1, 5.0], [1, np.nan]])[:, -1] == 0).all()


def test_a_gap_is_the_mean_and_marked_where_training_had_gaps():
    X = np.array([[1.0, 1.0], [2.0, 5.0], [np.nan, 6.0], [4.0, 7.0]])
    encoder = PiecewiseLinearEncoder(2).fit(X)
    assert encoder.missing_features_.tolist() == [0]
    np.testing.assert_array_equal(encoder.transform([[np.nan, np.nan]]), [[0, 0, 0, 0, 0, 0, 1]])
    assert (encoder.transform([[3.0, np.nan]])[0, 3:] == 0).all()


def test_one_row():
    encoder = PiecewiseLinearEncoder().fit([[3.0, -1.0]])
    np.testing.assert_array_equal(encoder.transform([[3.0, -1.0], [4.0, 0.0]]), np.zeros((2, 2)))


NUMBERS = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, -0.0, 1.0, np.nan])


@settings(max_examples=100, deadline=None)
@given(
    X=arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=NUMBERS),
    n_bins=st.integers(1, 6),
)
def test_any_table_becomes_finite_centred_and_never_decreasing_columns(X, n_bins):
    encoder = PiecewiseLinearEncoder(n_bins).fit(X)
    encoded = encoder.transform(X)
    assert np.isfinite(encoded).all()
    n = encoded.shape[1] - len(encoder.missing_features_)
    np.testing.assert_allclose(encoded[:, :n].mean(axis=0), 0, atol=1e-6)
    end = 0
    for x, edges, means in zip(X.T, encoder.bin_edges_, encoder.ramp_means_, strict=True):
        assert (np.diff(edges) > 0).all()
        known = ~np.isnan(x)
        start, end = end, end + 1 + len(means)
        assert (np.diff(encoded[known, start:end][np.argsort(x[known])], axis=0) >= 0).all()


# ---------------------------------------------------------------------- weights


@pytest.mark.parametrize("n_bins", [1, 2, 3, 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_are_repeated_rows_to_the_bit(n_bins, dtype):
    rng = np.random.default_rng(1)
    X, w = table(120, gaps=True, dtype=dtype), rng.integers(0, 5, 120)
    weighted = PiecewiseLinearEncoder(n_bins).fit(X, sample_weight=w)
    repeated = PiecewiseLinearEncoder(n_bins).fit(np.repeat(X, w, axis=0)[rng.permutation(w.sum())])
    np.testing.assert_array_equal(weighted.transform(X), repeated.transform(X))
    np.testing.assert_array_equal(weighted.missing_features_, repeated.missing_features_)


def test_rows_of_weight_zero_do_not_count():
    X = np.array([[1.0], [2.0], [np.nan], [4.0], [100.0]])
    encoder = PiecewiseLinearEncoder(2).fit(X, sample_weight=[1, 1, 0, 1, 0])
    np.testing.assert_array_equal(encoder.transform(X), PiecewiseLinearEncoder(2).fit(X[[0, 1, 3]]).transform(X))


@pytest.mark.parametrize("factor", [0.1, 1e-300, 1e306])
def test_only_the_ratios_of_weights_count(factor):
    X, w = table(200)[:, :5], np.random.default_rng(0).integers(1, 100, 200)
    found, scaled = (PiecewiseLinearEncoder(4).fit(X, sample_weight=each).transform(X) for each in (w, w * factor))
    np.testing.assert_allclose(found, scaled, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("weight", [0.1, 1 / 3, 0.7])
def test_equal_weights_are_no_weights(weight):
    """Though sums of 0.1 are not exact, and the quantiles lie between two rows."""
    X = np.random.default_rng(0).normal(size=(1000, 2))
    plain, weighted = (PiecewiseLinearEncoder(8).fit(X, sample_weight=w) for w in (None, np.full(1000, weight)))
    np.testing.assert_allclose(weighted.bin_edges_, plain.bin_edges_, rtol=1e-14)


def test_a_pipeline_routes_weights_to_it():
    X, y = load_breast_cancer(return_X_y=True)
    w = np.random.default_rng(0).integers(0, 3, len(y))
    model = make_pipeline(PiecewiseLinearEncoder(3), network())
    model.fit(X, y, piecewiselinearencoder__sample_weight=w)
    expected = PiecewiseLinearEncoder(3).fit(X, sample_weight=w).transform(X)
    np.testing.assert_array_equal(model[0].transform(X), expected)


# ---------------------------------------------------------------------- as a scikit-learn transformer


@pytest.mark.parametrize("n_bins", ["auto", 1, 3])
def test_scikit_learns_own_checks(n_bins):
    check_estimator(PiecewiseLinearEncoder(n_bins))


def test_names():
    X = pd.DataFrame(table(300, gaps=True), columns=["size", "income", "zeros", "rooms", "garden", "seven"])
    encoder = PiecewiseLinearEncoder(2).fit(X)
    expected = ["size", "size_ramp_0", "size_ramp_1", "income", "income_ramp_0", "income_ramp_1", "zeros"]
    expected += ["zeros_ramp_0", "rooms", "rooms_ramp_0", "rooms_ramp_1", "garden", "seven"]
    expected += [f"missingindicator_{name}" for name in ("size", "zeros", "garden")]
    assert encoder.get_feature_names_out().tolist() == expected
    frame = encoder.set_output(transform="pandas").transform(X)
    assert frame.columns.tolist() == expected
    assert frame["missingindicator_zeros"].tolist() == X["zeros"].isna().tolist()


def test_polars_out():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1.0, 2.0, None, 5.0], "b": [1, 2, 3, 4]})
    encoder = PiecewiseLinearEncoder(2).set_output(transform="polars")
    encoded = encoder.fit_transform(frame)
    a, b = getattr(encoder, "feature_names_in_", ["x0", "x1"])  # scikit-learn 1.6 does not know those of every polars
    assert encoded.columns == [
        a,
        f"{a}_ramp_0",
        f"{a}_ramp_1",
        b,
        f"{b}_ramp_0",
        f"{b}_ramp_1",
        f"missingindicator_{a}",
    ]
    assert encoded[f"missingindicator_{a}"].to_list() == [0, 0, 1, 0]


CONTAINERS = {
    "float32": lambda X: X.astype(np.float32),
    "lists": lambda X: X.tolist(),
    "Fortran": np.asfortranarray,
    "objects": lambda X: np.where(np.isnan(X), None, X),
    "frame": pd.DataFrame,
    "nullable": lambda X: pd.DataFrame(X).convert_dtypes(),
    "float32 frame": lambda X: pd.DataFrame(X, dtype="float32"),
    "nullable float32": lambda X: pd.DataFrame(X, dtype="Float32"),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_containers(kind):
    X = np.round(table(300, gaps=True))
    given_X = CONTAINERS[kind](X)
    encoded = PiecewiseLinearEncoder(3).fit(given_X).transform(given_X)
    assert encoded.dtype == (np.float32 if "float32" in kind else np.float64)
    tolerance = 1e-5 if "float32" in kind else 0
    expected = PiecewiseLinearEncoder(3).fit(X).transform(X)
    np.testing.assert_allclose(encoded, expected, rtol=tolerance, atol=tolerance)


def test_fitted_on_float64_it_encodes_float32_samples_as_precisely_as_it_can():
    X = table(300, gaps=True) + 1e4
    encoder = PiecewiseLinearEncoder(3).fit(X)
    encoded = encoder.transform(X.astype(np.float32))
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, encoder.transform(X.astype(np.float32).astype(float)), rtol=1e-6, atol=1e-6)


def test_quantiles_that_float32_cannot_tell_apart_are_one():
    x = np.array([[1.0], [1.0 + 2**-23], [3.0], [4.0]], np.float32)
    encoder = PiecewiseLinearEncoder(4).fit(x)  # a quantile lies halfway between the first two
    assert encoder.bin_edges_[0].dtype == np.float32
    assert (np.diff(encoder.bin_edges_[0]) > 0).all()
    assert np.isfinite(encoder.transform(x)).all()


def test_x_is_not_written_to():
    X = table(100, gaps=True)
    X.setflags(write=False)
    before = X.copy()
    PiecewiseLinearEncoder().fit(X).transform(X)
    np.testing.assert_array_equal(X, before)


def test_set_params_after_fit_changes_nothing():
    X = table(300)
    encoder = PiecewiseLinearEncoder(3).fit(X)
    before = encoder.transform(X)
    np.testing.assert_array_equal(encoder.set_params(n_bins=5).transform(X), before)
    assert clone(encoder).n_bins == 5


def by_pickle(model, tmp_path):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    return joblib.load(tmp_path / "model.joblib", mmap_mode="r")


def by_skops(model, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(model)
    types = skops_io.get_untrusted_types(data=data)
    assert all(name.startswith("skbackprop.") for name in types)
    return skops_io.loads(data, trusted=types)


@pytest.mark.parametrize("through", [by_pickle, by_joblib, by_skops])
def test_a_saved_encoder_gives_the_same_bits(through, tmp_path):
    X = table(300, gaps=True)
    model = make_pipeline(PiecewiseLinearEncoder(), StandardScaler()).fit(X)
    np.testing.assert_array_equal(through(model, tmp_path).transform(X), model.transform(X))


def test_a_file_of_another_version_gets_the_defaults_of_newer_parameters():
    encoder = PiecewiseLinearEncoder(3).fit(table(100))
    state = encoder.__getstate__()
    assert state["_skbackprop_version"] == skbackprop.__version__
    del state["n_bins"]
    loaded = PiecewiseLinearEncoder.__new__(PiecewiseLinearEncoder)
    with pytest.warns(
        UserWarning, match="PiecewiseLinearEncoder was saved by version 0.0.7 of skbackprop and is loaded by"
    ):
        loaded.__setstate__(state | {"_skbackprop_version": "0.0.7"})
    assert loaded.n_bins == "auto"
    np.testing.assert_array_equal(loaded.transform(table(100)), encoder.transform(table(100)))
    del state["_skbackprop_version"]
    with pytest.raises(ValueError, match=r"not hold a whole PiecewiseLinearEncoder: it lacks \['n_bins'\]"):
        loaded.__setstate__(state)


def test_in_front_of_the_classifier_in_a_search():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.05)
    columns = make_column_transformer((PiecewiseLinearEncoder(), list(X.columns)))
    model = make_pipeline(columns, TwoLayerClassifier(random_state=0))
    grid = {"columntransformer__piecewiselinearencoder__n_bins": ["auto", 4]}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.93


def test_it_draws_what_a_straight_line_cannot():
    x = np.random.default_rng(0).uniform(-1, 1, (2000, 1))
    y = (np.abs(x[:, 0]) < 0.3).astype(int)
    logistic = {"hidden_units": 1, "activation": "identity", "random_state": 0}
    scores = [
        make_pipeline(first, TwoLayerClassifier(**logistic)).fit(x, y).score(x, y)
        for first in (StandardScaler(), PiecewiseLinearEncoder())
    ]
    assert scores[0] < 0.75
    assert scores[1] > 0.93


def test_memory_is_that_of_the_output():
    X = np.random.default_rng(0).normal(size=(200_000, 6))
    encoder = PiecewiseLinearEncoder(8)
    tracemalloc.start()
    try:
        encoder.fit(X)
        of_fit = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        encoded = encoder.transform(X)
        of_transform = tracemalloc.get_traced_memory()[1] - encoded.nbytes
    finally:
        tracemalloc.stop()
    assert of_fit < 3 * X.nbytes
    assert of_transform < 0.1 * encoded.nbytes


# ---------------------------------------------------------------------- bad input


def named(column):
    return pd.DataFrame({"age": [1.0, 2.0, 3.0], "fare": column})


BAD = {
    "text": (named(["S", "C", "Q"]), r"X holds something other than numbers in the columns \['fare'\]; encode .*'S'"),
    "some text": (named([1.0, "unknown", 3.0]), r"the columns \['fare'\].*'unknown'"),
    "categories": (named(pd.Categorical(["S", "C", "S"])), r"the columns \['fare'\]"),
    "text in lists": ([[1, "S"], [2, "C"]], r"the columns \[1\]"),
    "infinity": (named([1.0, -np.inf, 3.0]), r"X holds infinity in the columns \['fare'\]"),
    "infinity among objects": (
        named(pd.Series([1.0, None, np.inf], dtype=object)),
        r"infinity in the columns \['fare'\]",
    ),
    "infinity in an array": (np.array([[1.0, 2.0], [3.0, np.inf]]), r"infinity in the columns \[1\]"),
    "infinity among float32": (np.array([[np.inf], [1.0]], np.float32), r"infinity in the columns \[0\]"),
    "dates": (named(pd.to_datetime(["2020-01-01"] * 3)), r"the columns \['fare'\].*Dates are not numbers"),
    "dates alone": (named(pd.to_datetime(["2020-01-01", None, None]))[["fare"]], r"the columns \['fare'\]"),
    "durations": (np.array([[1], [2]], "m8[D]"), r"the columns \[0\]"),
    "dates in lists": ([[1, datetime.date(2020, 1, 1)]], r"the columns \[1\]"),
    "a huge span": (np.array([[1.0, -1e308], [2.0, 1.5e308]]), "Column 1 spans more than float64 holds"),
    "a huge span of a name": (named([-1e308, 1e308, 0.0]), "Column 'fare' spans more than float64"),
    "complex": (np.array([[1j], [2.0]]), "Complex data not supported"),
    "one dimension": ([1.0, 2.0], "Expected 2D array"),
    "no rows": (np.empty((0, 2)), "0 sample"),
    "no columns": (np.empty((2, 0)), "0 feature"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_tables_are_refused_with_the_name_of_the_column(kind):
    X, message = BAD[kind]
    with pytest.raises((TypeError, ValueError), match=message):
        PiecewiseLinearEncoder().fit(X)


@pytest.mark.parametrize("kind", ["text", "some text", "infinity", "dates"])
def test_bad_tables_are_refused_by_transform_too(kind):
    X, message = BAD[kind]
    encoder = PiecewiseLinearEncoder().fit(named([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match=message):
        encoder.transform(X)


def test_sparse_matrices_are_refused_in_words():
    with pytest.raises(TypeError, match=r"Sparse data was passed.*toarray"):
        PiecewiseLinearEncoder().fit(sparse.csr_matrix(np.eye(3)))


def test_other_columns_are_refused_by_name():
    encoder = PiecewiseLinearEncoder().fit(named([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time:\n- price\n.*now missing:\n- fare"):
        encoder.transform(named([1.0, 2.0, 3.0]).rename(columns={"fare": "price"}))
    with pytest.raises(ValueError, match="missing:\n- fare"):
        encoder.transform(named([1.0, 2.0, 3.0])[["age"]])
    with pytest.raises(ValueError, match="X has 1 features, but PiecewiseLinearEncoder is expecting 2"):
        PiecewiseLinearEncoder().fit([[1.0, 2.0]]).transform([[1.0]])


@pytest.mark.parametrize("n_bins", [0, -1, 2.5, "all", None])
def test_n_bins_is_a_count(n_bins):
    with pytest.raises(ValueError, match="The 'n_bins' parameter of PiecewiseLinearEncoder must be"):
        PiecewiseLinearEncoder(n_bins).fit([[1.0], [2.0]])


@pytest.mark.parametrize("w", [[1.0], [-1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [np.nan, 1.0, 1.0]])
def test_bad_weights(w):
    with pytest.raises(ValueError, match="sample_weight"):
        PiecewiseLinearEncoder().fit([[1.0], [2.0], [3.0]], sample_weight=w)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_of_any_size(dtype):
    large, small = np.finfo(dtype).max / 4, np.finfo(dtype).tiny * 64
    X = np.array([[1.0, -1.0], [2.0, 0.0], [3.0, 0.5], [4.0, 1.0]], dtype)
    for size in (large / 4, small):
        encoder, plain = PiecewiseLinearEncoder(2).fit(X * dtype(size)), PiecewiseLinearEncoder(2).fit(X)
        np.testing.assert_allclose(encoder.transform(X * dtype(size)), plain.transform(X), rtol=1e-5, atol=1e-6)
    assert np.isfinite(PiecewiseLinearEncoder(2).fit(X).transform([[np.finfo(dtype).max] * 2])).all()


# ---------------------------------------------------------------------- ONNX


def assert_same_answers(model, X, tolerance):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    from skbackprop.onnx import input_feed, to_onnx

    onnx_model = to_onnx(model, X)
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    _, P = session.run(["label", "probabilities"], input_feed(onnx_model, X))
    np.testing.assert_allclose(P, model.predict_proba(X), rtol=0, atol=tolerance)
    return session


def spread(X):
    """Return samples that lie beyond the training range as well, and one that is nothing but gaps."""
    return np.vstack([X, X.max(axis=0) * 2, X.min(axis=0) * 2 - 1, np.full_like(X[:1], np.nan)[0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pipeline_as_onnx(dtype):
    X = table(400, gaps=True, dtype=dtype)
    y = (np.nan_to_num(X[:, 1]) > 5).astype(int)
    model = make_pipeline(PiecewiseLinearEncoder(4), network()).fit(X, y)
    session = assert_same_answers(model, spread(np.nan_to_num(X)), 1e-5)
    assert session.get_inputs()[0].type == ("tensor(float)" if dtype == np.float32 else "tensor(double)")
    assert_same_answers(model, spread(X), 1e-5 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_table_of_mixed_columns_as_onnx(dtype):
    X = table(400, gaps=True)
    frame = pd.DataFrame(X[:, :5], columns=["size", "income", "zeros", "rooms", "garden"], dtype=dtype)
    frame["port"] = np.random.default_rng(0).choice(["C", "Q", "S"], len(frame))
    columns = make_column_transformer(
        (make_pipeline(PiecewiseLinearEncoder(), StandardScaler()), ["income", "size"]),
        (PiecewiseLinearEncoder(3), ["zeros", "rooms", "garden"]),
        (OneHotEncoder(), ["port"]),
    )
    model = make_pipeline(columns, network()).fit(frame, frame["income"] > 5)
    session = assert_same_answers(model, frame, 1e-5 if dtype == "float32" else 1e-9)
    types = {each.name: each.type for each in session.get_inputs()}
    assert types["income"] == ("tensor(float)" if dtype == "float32" else "tensor(double)")


def test_fitted_on_float64_and_given_float32_as_onnx():
    X = table(400, gaps=True) + 1e4
    model = make_pipeline(PiecewiseLinearEncoder(), network()).fit(X, X[:, 1] > 1e4 + 5)
    assert_same_answers(model, X.astype(np.float32), 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_skl2onnx_converts_the_encoder_alone(dtype):
    onnxruntime = pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    from skbackprop.onnx import register_converters

    register_converters()
    X = table(400, gaps=True, dtype=dtype)
    encoder = PiecewiseLinearEncoder().fit(X)
    onnx_model = skl2onnx.to_onnx(encoder, X[:1])
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString(), providers=["CPUExecutionProvider"])
    (encoded,) = session.run(None, {"X": spread(X)})
    assert encoded.dtype == dtype
    np.testing.assert_allclose(encoded, encoder.transform(spread(X)), rtol=1e-6, atol=1e-6)
