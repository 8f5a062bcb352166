"""Features that are float32 stay float32, in whatever frame; everything else becomes float64."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from skbackprop import TwoLayerClassifier

needs_pyarrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="needs pyarrow")
needs_polars = pytest.mark.skipif(find_spec("polars") is None, reason="needs polars")
NAMES = ["a", "b", "c"]
X = np.random.RandomState(0).standard_normal((120, 3)).round(2)
y = np.where(X[:, 0] > 0.3, 2, X[:, 1] > 0).astype(int)
OPTIONS = {"batch_size": "full", "max_iter": 5, "early_stopping": False, "n_iter_no_change": None, "random_state": 0}


def make(**params):
    return TwoLayerClassifier(4, **OPTIONS | params)


def frame(X, *dtypes):
    """Return a pandas frame, the columns of which have the dtypes in turn."""
    columns = {name: pd.Series(X[:, j]) for j, name in enumerate(NAMES)}
    return pd.DataFrame({name: columns[name].astype(dtypes[j % len(dtypes)]) for j, name in enumerate(NAMES)})


def polars_frame(X, *dtypes):
    """Return a polars frame, the columns of which have the dtypes in turn."""
    import polars as pl

    columns = {name: pl.Series(X[:, j]) for j, name in enumerate(NAMES)}
    return pl.DataFrame(
        {name: columns[name].cast(getattr(pl, dtypes[j % len(dtypes)])) for j, name in enumerate(NAMES)}
    )


def arrow_table(X, dtype):
    import pyarrow as pa

    return pa.table({name: pa.array(X[:, j].astype(dtype)) for j, name in enumerate(NAMES)})


def pandas_frames(*cases):
    names = ["+".join(map(str, case)) for case in cases]
    marks = [needs_pyarrow if "pyarrow" in name else () for name in names]
    return [
        pytest.param(frame, case, marks=m, id=f"pandas {n}") for case, n, m in zip(cases, names, marks, strict=True)
    ]


def polars_frames(*cases):
    return [pytest.param(polars_frame, case, marks=needs_polars, id="polars " + "+".join(case)) for case in cases]


STAY_FLOAT32 = [
    *pandas_frames(
        ["float32"],
        ["Float32"],
        ["float[pyarrow]"],
        ["Float32", "float32"],
        ["float32", "float[pyarrow]", "Float32"],
        [pd.SparseDtype("float32", 0)],
        # with a small integer or a bool, NumPy has float32 as well
        ["float32", "bool"],
        ["Float32", "boolean"],
        ["Float32", "Int16", "bool"],
        ["float[pyarrow]", "bool[pyarrow]", "int8[pyarrow]"],
    ),
    *polars_frames(["Float32"], ["Float32", "Boolean"], ["Float32", "Int16"]),
    pytest.param(arrow_table, ["float32"], marks=needs_pyarrow, id="pyarrow table"),
]
BECOME_FLOAT64 = [
    *pandas_frames(
        ["float64"],
        ["Float64"],
        ["double[pyarrow]"],
        ["Float32", "Float64"],
        ["float32", "Float32", "float64"],
        ["Float32", "double[pyarrow]"],
        ["float[pyarrow]", "float64"],
        [pd.SparseDtype("float64", 0)],
        ["Float32", "Int32"],
        ["Float32", "int64"],
        ["float[pyarrow]", "int64[pyarrow]"],
        ["float16"],
        ["Int16"],
        ["int8[pyarrow]"],
        ["boolean"],
        ["bool"],
        ["object"],
        ["Float32", "object"],
        ["Float32", "category"],
    ),
    *polars_frames(["Float64"], ["Float32", "Float64"], ["Float32", "Int32"], ["Int8"], ["Boolean"]),
    pytest.param(arrow_table, ["float64"], marks=needs_pyarrow, id="pyarrow table"),
]
float32_frames = pytest.mark.parametrize(("container", "dtypes"), STAY_FLOAT32)
float64_frames = pytest.mark.parametrize(("container", "dtypes"), BECOME_FLOAT64)


def table(container, dtypes):
    """Return a frame, and an array of the same numbers."""
    names = " ".join(map(str, dtypes)).lower()
    numbers = X > 0 if "bool" in names else X.round() if "int" in names else X
    given = container(numbers.astype(np.float64), *dtypes)
    return given, np.column_stack([np.asarray(given[name], np.float64) for name in NAMES])


def is_sparse(dtypes):
    """Tell whether X will be sparse, so that products are summed in another order."""
    return isinstance(dtypes[0], pd.SparseDtype)


def assert_dtype(clf, dtype, given):
    assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(dtype)}
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        assert getattr(clf, method)(given).dtype == dtype


def assert_same_model(clf, plain, given, array):
    for ours, others in zip(clf.coefs_ + clf.intercepts_, plain.coefs_ + plain.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, others)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(clf, method)(given), getattr(plain, method)(array))


def check(container, dtypes, dtype):
    """Assert that a frame gives the model, the validation losses and the predictions of an array of the dtype."""
    given, array = table(container, dtypes)
    array = array.astype(dtype)
    sparse = is_sparse(dtypes)
    for train in (
        lambda X: make().fit(X, y),
        lambda X: make().fit(X, y, X_val=X, y_val=y),
        lambda X: make(early_stopping=True).fit(X, y),
        lambda X: make(solver="lbfgs", batch_size="auto").fit(X, y),
        lambda X: make().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y),
    ):
        clf, plain = train(given), train(array)
        assert_dtype(clf, dtype, given)
        if not sparse:
            assert_same_model(clf, plain, given, array)
            assert clf.history_.get("validation_loss") == plain.history_.get("validation_loss")


@float32_frames
def test_float32_stays(container, dtypes):
    check(container, dtypes, np.float32)


@float64_frames
def test_everything_else_becomes_float64(container, dtypes):
    check(container, dtypes, np.float64)


@float32_frames
def test_float32_frames_reach_the_network_without_a_copy_in_float64(container, dtypes, monkeypatch):
    """Predictions are of the model's dtype anyway: what is asked here is what scikit-learn's validation hands on."""
    import skbackprop._sklearn.prediction as prediction

    given, _ = table(container, dtypes)
    clf, seen = make().fit(given, y), []
    validated = prediction.validated

    def recording(*args, **kwargs):
        seen.append(validated(*args, **kwargs))
        return seen[-1]

    monkeypatch.setattr(prediction, "validated", recording)
    clf.predict(given)
    assert [X.dtype for X in seen] == [np.float32]


@pytest.mark.parametrize("model", [np.float32, np.float64])
@pytest.mark.parametrize(("container", "dtypes"), STAY_FLOAT32 + BECOME_FLOAT64)
def test_the_model_keeps_its_dtype(container, dtypes, model):
    given, array = table(container, dtypes)
    array = array.astype(model)
    named = pd.DataFrame(array, columns=NAMES)
    clf, plain = make().fit(named, y), make().fit(named, y)
    for each in (clf, plain):
        assert_dtype(each, model, given)
    clf.partial_fit(given, y)
    plain.partial_fit(named, y)
    assert_dtype(clf, model, given)
    if not is_sparse(dtypes):
        assert_same_model(clf, plain, given, named)


@pytest.mark.parametrize(
    ("container", "dtypes"),
    [*pandas_frames(["Float32"], ["float[pyarrow]"], ["Float32", "boolean"]), *polars_frames(["Float32"])],
)
def test_a_missing_value_is_refused(container, dtypes):
    given, _ = table(container, dtypes)
    clf = make().fit(given, y)
    missing = given.copy() if container is frame else given.to_pandas().convert_dtypes()
    missing.loc[3, "a"] = None
    if container is polars_frame:
        import polars as pl

        missing = given.with_columns(a=pl.Series([None, *given["a"].to_list()[1:]], dtype=pl.Float32))
    for call in (lambda: make().fit(missing, y), lambda: clf.predict(missing), lambda: clf.partial_fit(missing, y)):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            call()


@pytest.mark.parametrize("dtypes", [["Float32"], pytest.param(["float[pyarrow]"], marks=needs_pyarrow)])
def test_a_frame_that_is_no_numbers_is_refused(dtypes):
    words = frame(X, *dtypes).assign(b="word")
    with pytest.raises(ValueError, match="could not convert string to float"):
        make().fit(words, y)


@pytest.mark.parametrize(
    ("given", "message"),
    [(pd.Series(X[:, 0], dtype="Float32"), "2D|2-dimensional"), (pd.DataFrame(index=range(120)), "at least one")],
)
def test_what_has_no_columns_is_refused(given, message):
    clf = make().fit(X, y)
    for call in (lambda: make().fit(given, y), lambda: clf.predict(given)):
        with pytest.raises(ValueError, match=message):
            call()
