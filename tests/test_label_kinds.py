"""Labels in every container come back equal to the user's own; what cannot be used is refused by name."""

import pickle
import re
import warnings
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from skbackprop import TwoLayerClassifier, check_gradients

X = np.random.RandomState(0).standard_normal((120, 4))
CODES = np.where(X[:, 0] > 0.3, 2, X[:, 1] > 0).astype(int)
OPTIONS = {"batch_size": "full", "max_iter": 5, "early_stopping": False, "n_iter_no_change": None, "random_state": 0}

needs_pyarrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="needs pyarrow")
needs_polars = pytest.mark.skipif(find_spec("polars") is None, reason="needs polars")


def make(**params):
    return TwoLayerClassifier(4, **OPTIONS | params)


def polars():
    import polars

    return polars


def arrow_dtype(values):
    import pyarrow as pa

    return pd.ArrowDtype(pa.uint64() if max(values, key=str) in KINDS["unsigned"] else pa.array(values).type)


def assert_same_weights(clf, other):
    for ours, others in zip(clf.coefs_ + clf.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, others)


@contextmanager
def refused(clf, message, error=ValueError):
    """Assert that the block raises an error that matches the message, and leaves the estimator as it was."""
    before = pickle.dumps(vars(clf))
    with pytest.raises(error, match=message) as caught:
        yield caught
    assert pickle.dumps(vars(clf)) == before


# ------------------------------------------------------------------ labels as they were given

KINDS = {
    "integers": [1, 2, 5],
    "beyond 2^53": [2**53, 2**53 + 1, 2**53 + 2],
    "unsigned": [2**63, 2**63 + 1, 2**63 + 2],
    "bools": [False, True],
    "floats": [0.0, 1.0, 2.0],
    "strings": ["a", "b", "c"],
}
NULLABLE = {"integers": "Int64", "beyond 2^53": "Int64", "unsigned": "UInt64", "bools": "boolean", "floats": "Float64"}
NULLABLE = {tuple(labels): NULLABLE.get(kind, "string") for kind, labels in KINDS.items()}


def nullable(values):
    return pd.Series(values, dtype=NULLABLE[tuple(sorted(set(values)))])


def arrow(values):
    return pd.Series(values, dtype=arrow_dtype(values))


CONTAINERS = {
    "array": np.array,
    "list": list,
    "tuple": tuple,
    "object array": lambda v: np.array(v, object),
    "Series": pd.Series,
    "Index": pd.Index,
    "object Series": lambda v: pd.Series(v, dtype=object),
    "categorical Series": lambda v: pd.Series(v).astype("category"),
    "nullable Series": nullable,
    "nullable array": lambda v: nullable(v).array,
    "nullable categories": lambda v: nullable(v).astype("category"),
    "nullable Series to NumPy": lambda v: nullable(v).to_numpy(object),
    "column of a nullable frame": lambda v: pd.DataFrame({"y": nullable(v), "z": nullable(v)})["y"],
    "sparse Series": lambda v: pd.Series(pd.arrays.SparseArray(np.array(v))),
    "pyarrow Series": pytest.param(arrow, marks=needs_pyarrow),
    "pyarrow array": pytest.param(lambda v: arrow(v).array, marks=needs_pyarrow),
    "pyarrow categories": pytest.param(lambda v: arrow(v).astype("category"), marks=needs_pyarrow),
    "array of pyarrow": pytest.param(lambda v: arrow(v).array.__arrow_array__(), marks=needs_pyarrow),
    "polars Series": pytest.param(lambda v: polars().Series(np.array(v)), marks=needs_polars),
}
COLUMNS = {
    "frame": lambda v: pd.DataFrame({"y": v}),
    "nullable frame": lambda v: pd.DataFrame({"y": nullable(v)}),
    "object column": lambda v: np.array(v, object)[:, np.newaxis],
    "pyarrow frame": pytest.param(lambda v: pd.DataFrame({"y": arrow(v)}), marks=needs_pyarrow),
    "polars frame": pytest.param(lambda v: polars().DataFrame({"y": np.array(v)}), marks=needs_polars),
}


def each(cases):
    """Return the cases as parameters, each with its name."""
    values = [case.values[0] if hasattr(case, "marks") else case for case in cases.values()]
    marks = [case.marks if hasattr(case, "marks") else () for case in cases.values()]
    return [pytest.param(v, marks=m, id=name) for name, v, m in zip(cases, values, marks, strict=True)]


every_kind = pytest.mark.parametrize("kind", KINDS)
every_container = pytest.mark.parametrize("container", each(CONTAINERS))


def table(kind):
    """Return labels of a kind as a list, and as an array that holds the same."""
    labels = [KINDS[kind][code % len(KINDS[kind])] for code in CODES]
    return labels, np.array(labels)


def assert_own_labels(clf, kind):
    """Assert that classes_ and what is predicted are labels of the very kind that was given."""
    assert clf.classes_.tolist() == KINDS[kind]
    for found in (clf.classes_, clf.predict(X)):
        assert {type(label) for label in found.tolist()} == {type(KINDS[kind][0])}


@every_container
@every_kind
def test_fit(kind, container):
    labels, array = table(kind)
    clf = make(max_iter=30).fit(X, container(labels))
    plain = make(max_iter=30).fit(X, array)
    assert_own_labels(clf, kind)
    assert_same_weights(clf, plain)
    np.testing.assert_array_equal(clf.predict(X), plain.predict(X))


@pytest.mark.parametrize("container", each(COLUMNS))
@every_kind
def test_fit_with_a_column(kind, container):
    labels, array = table(kind)
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        clf = make().fit(X, container(labels))
    assert_own_labels(clf, kind)
    assert_same_weights(clf, make().fit(X, array))


@every_container
@every_kind
def test_early_stopping_by_a_score(kind, container):
    labels, array = table(kind)
    options = {"early_stopping": True, "scoring": "accuracy", "max_iter": 10, "n_iter_no_change": None}
    clf = make(**options).fit(X, container(labels), X_val=X, y_val=container(labels))
    plain = make(**options).fit(X, array, X_val=X, y_val=array)
    assert clf.validation_scores_ == plain.validation_scores_
    assert clf.best_validation_score_ == np.mean(clf.predict(X) == array)
    assert_same_weights(make(**options).fit(X, container(labels)), make(**options).fit(X, array))  # a part held out


@every_container
@pytest.mark.parametrize("labels", [[0, 1], [False, True]], ids=["0 and 1", "bools"])
def test_early_stopping_by_f1(labels, container):
    y = [labels[code % 2] for code in CODES]
    NULLABLE.setdefault((0, 1), "Int64")
    options = {"early_stopping": True, "scoring": "f1", "max_iter": 10, "n_iter_no_change": None}
    scores = make(**options).fit(X, container(y), X_val=X, y_val=container(y)).validation_scores_
    assert scores == make(**options).fit(X, y, X_val=X, y_val=y).validation_scores_


@every_container
@every_kind
def test_partial_fit(kind, container):
    labels, array = table(kind)
    classes = KINDS[kind]
    clf = make().partial_fit(X[:30], container(labels[:30]), classes=container(classes))
    clf.partial_fit(X[30:], container(labels[30:]), classes=container(classes))
    plain = make().partial_fit(X[:30], array[:30], classes=classes).partial_fit(X[30:], array[30:])
    assert_own_labels(clf, kind)
    assert_same_weights(clf, plain)


@every_container
@every_kind
def test_score(kind, container):
    labels, array = table(kind)
    clf = make(max_iter=30).fit(X, container(labels))
    assert clf.score(X, container(labels)) == np.mean(clf.predict(X) == array) < 1
    w = np.arange(1.0, 121)
    assert clf.score(X, container(labels), w) == pytest.approx(np.average(clf.predict(X) == array, weights=w))


@needs_polars
def test_polars_categories():
    names = np.array(["a", "b", "c"])[CODES]
    for dtype in (polars().Categorical, polars().Enum(["c", "b", "a"])):
        clf = make().fit(X, polars().Series(names).cast(dtype))
        assert clf.classes_.tolist() == ["a", "b", "c"]
        assert_same_weights(clf, make().fit(X, names))


def test_objects_of_several_numeric_types_are_numbers():
    y = np.array([np.int8(1), 2.0, np.True_], object)[CODES]
    assert make().fit(X, y).classes_.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "container", [list, tuple, lambda v: np.array(v, object), pd.Series], ids=["list", "tuple", "array", "Series"]
)
@pytest.mark.parametrize("labels", [["a", 1], [1, "a"], [True, "a"]], ids=repr)
def test_labels_of_two_kinds(labels, container):
    y = [labels[code % 2] for code in CODES]
    clf = make()
    with refused(clf, r"^y must hold labels of one kind, numbers or strings; got (str|int|bool)", TypeError):
        clf.fit(X, container(y))
    with refused(clf, "classes must hold labels of one kind", TypeError):
        clf.partial_fit(X, CODES, classes=container(labels))
    with refused(clf, "y_val must hold labels of one kind", TypeError):
        clf.fit(X, CODES, X_val=X, y_val=container(y))


@pytest.mark.parametrize("container", [list, lambda v: np.array(v, object)], ids=["list", "array"])
def test_integers_that_fit_into_no_integer_dtype_do_not_merge(container):
    y = [[-1, 2**63, 2**63 + 1][code] for code in CODES]  # as floats, the last two are the same
    clf = make()
    with refused(clf, "Unknown label type"):
        clf.fit(X, container(y))


def test_no_labels_at_all():
    for y in (None, 3, "labels", {0, 1}, [[0, 1], [1]] * 60):
        clf = make()
        with refused(clf, "requires y to be passed" if y is None else r"^(?!.*missing).*", (ValueError, TypeError)):
            clf.fit(X, y)


# ------------------------------------------------------------------ missing labels

MISSING = {"None": None, "NaN": np.nan, "<NA>": pd.NA, "NaT": pd.NaT}
MISSING_IN = {
    "a list": list,
    "a tuple": tuple,
    "an object array": lambda v: np.array(v, object),
    "an object Series": lambda v: pd.Series(v, dtype=object),
    "an object column": lambda v: pd.DataFrame({"y": pd.Series(v, dtype=object)}),
}


def with_missing(labels, missing):
    return [missing if i == 7 else labels[code % len(labels)] for i, code in enumerate(CODES)]


@pytest.mark.parametrize("container", MISSING_IN.values(), ids=MISSING_IN)
@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("labels", [["a", "b"], [0, 1], [False, True]], ids=["strings", "integers", "bools"])
def test_a_missing_label(labels, missing, container):
    y = [labels[code % 2] for code in CODES]
    given, clf = container(with_missing(labels, MISSING[missing])), make()
    found = rf"contains (NaN|{missing}), a missing label; leave it out, or put a label in its place"
    with refused(clf, rf"^Input y {found}"):
        clf.fit(X, given)
    with refused(clf, rf"^X_val, y_val: Input y_val {found}"):
        clf.fit(X, y, X_val=X, y_val=given)
    with refused(clf, rf"^Input y {found}"):
        clf.partial_fit(X, given, classes=labels)
    clf.partial_fit(X, y, classes=labels)
    with refused(clf, rf"^Input y {found}"):
        clf.partial_fit(X, given)
    with pytest.raises(ValueError, match=rf"^Input y {found}"):
        clf.score(X, given)


TYPED_MISSING = {
    "Int64": lambda: pd.Series(with_missing([0, 1], None), dtype="Int64"),
    "boolean": lambda: pd.Series(with_missing([False, True], None), dtype="boolean"),
    "string": lambda: pd.Series(with_missing(["a", "b"], None), dtype="string"),
    "default strings": lambda: pd.Series(with_missing(["a", "b"], None)),
    "category": lambda: pd.Series(with_missing(["a", "b"], None), dtype="category"),
    "category of integers": lambda: pd.Series(with_missing([0, 1], None), dtype="category"),
    "floats": lambda: np.array(with_missing([0.0, 1.0], np.nan)),
    "dates": lambda: np.array(with_missing(["2024-01-01", "2025-01-01"], "NaT"), "M8[D]"),
    "two columns": lambda: pd.DataFrame({"a": pd.Series(with_missing([0, 1], None), dtype="Int64"), "b": 1}),
    "pyarrow": pytest.param(lambda: pd.Series(with_missing([0, 1], None), dtype="int64[pyarrow]"), marks=needs_pyarrow),
    "polars integers": pytest.param(lambda: polars().Series(with_missing([0, 1], None)), marks=needs_polars),
    "polars strings": pytest.param(lambda: polars().Series(with_missing(["a", "b"], None)), marks=needs_polars),
}


@pytest.mark.parametrize("given", each(TYPED_MISSING))
def test_a_missing_label_of_a_typed_column(given):
    clf = make()
    with refused(clf, "^Input y contains .*, a missing label; leave it out"):
        clf.fit(X, given())
    with refused(clf, "Input y_val contains .*, a missing label; leave it out"):
        clf.fit(X, CODES, X_val=X, y_val=given())


# ------------------------------------------------------------------ classes of partial_fit

SETS = {"set": {2, 0, 1}, "frozenset": frozenset([0, 1, 2]), "keys": dict.fromkeys([1, 0, 2]).keys()}
CLASSES = SETS | {"range": range(3), "repeated": [0, 1, 1, 2], "unsorted": np.array([2, 1, 0])}


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_classes(classes):
    clf = make().partial_fit(X, CODES, classes=classes).partial_fit(X, CODES, classes=classes)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert_same_weights(clf, make().partial_fit(X, CODES, classes=[0, 1, 2]).partial_fit(X, CODES))


def test_a_set_of_strings():
    names = np.array(["c", "a", "b"])[CODES]
    clf = make().partial_fit(X, names, classes=set(names))
    assert_same_weights(clf, make().partial_fit(X, names, classes=["a", "b", "c"]))
    assert clf.classes_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("first", [True, False], ids=["first call", "later call"])
@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 1, 2, None], "classes contains None, a missing label; leave it out"),
        ([0, 1, 2, np.nan], "classes contains NaN, a missing label; leave it out"),
        ([0, 1, 2, pd.NA], "classes contains <NA>, a missing label; leave it out"),
        ({0, 1, 2, None}, "classes contains None, a missing label; leave it out"),
        (["a", "b", None], "classes contains None, a missing label; leave it out"),
        (pd.Series([0, 1, 2, None], dtype="Int64"), "classes contains .*, a missing label; leave it out"),
        (3, "classes must be a list or an array of all labels.*got 3"),
        ("abc", "classes must be a list or an array of all labels.*got 'abc'"),
        ({0: "a", 1: "b", 2: "c"}, "classes must be a list or an array of all labels"),
        ([[0, 1], [1, 2]], "classes must be a list or an array of all labels"),
        (sparse.csr_matrix([[0, 1, 2]]), "classes must be a list or an array of all labels"),
        ([0.5, 1.0, 2.0], "classes must be a list or an array of all labels"),
        ([[0, 1], [2]], "classes must be a list or an array of all labels"),
        ([], "classes=.* names no class; a classifier needs at least two"),
        ([1], "classes=.* names one class only; a classifier needs at least two"),
        ({1}, "classes=.* names one class only; a classifier needs at least two"),
    ],
    ids=repr,
)
def test_classes_that_cannot_be_used(classes, message, first):
    clf = make()
    if not first:
        clf.partial_fit(X, CODES, classes=[0, 1, 2])
    with refused(clf, message):
        clf.partial_fit(X, CODES, classes=classes)


Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0.3]).astype(int)


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2, 3], ["a", "b", "b"], ["a", "b", "c", "c"]], ids=repr)
def test_classes_that_do_not_fit_the_columns(classes):
    clf = make()
    with refused(clf, "classes.* one for each of the 3 columns of y"):
        clf.partial_fit(X, Y, classes=classes)


@pytest.mark.parametrize("classes", [[0, 1, 2], ["red", "green", "blue"]], ids=repr)
def test_classes_name_the_columns_in_their_order(classes):
    clf = make().partial_fit(X, Y, classes=classes).partial_fit(X, Y).partial_fit(X, Y, classes=classes)
    assert clf.classes_.tolist() == classes
    assert_same_weights(clf, make().partial_fit(X, Y).partial_fit(X, Y).partial_fit(X, Y))
    with refused(clf, "not those of the first call"):
        clf.partial_fit(X, Y, classes=classes[::-1])


def test_a_set_has_no_order_for_the_columns():
    clf = make()
    with refused(clf, "classes.*a set has no order"):
        clf.partial_fit(X, Y, classes={"red", "green", "blue"})


# ------------------------------------------------------------------ label indicators

CODINGS = {"-1 and 1": (-1, 1), "1 and 2": (1, 2), "0 and 2": (0, 2), "0 and 255": (0, 255)}


def indicators(coding):
    return np.where(Y, coding[1], coding[0])


def arrow_frame(Y):
    dtype = {"f": "double[pyarrow]", "b": "bool[pyarrow]"}.get(Y.dtype.kind, "int64[pyarrow]")
    return pd.DataFrame(Y, columns=["a", "b", "c"]).astype(dtype)


INDICATORS = {
    "array": np.array,
    "Fortran order": np.asfortranarray,
    "list": lambda Y: Y.tolist(),
    "object array": lambda Y: Y.astype(object),
    "csr_matrix": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "csc_matrix": sparse.csc_matrix,
    "coo_array": sparse.coo_array,
    "lil_array": sparse.lil_array,
    "DataFrame": pd.DataFrame,
    "nullable frame": lambda Y: pd.DataFrame(Y).astype({"f": "Float64", "b": "boolean"}.get(Y.dtype.kind, "Int64")),
    "pyarrow frame": pytest.param(arrow_frame, marks=needs_pyarrow),
    "polars frame": pytest.param(lambda Y: polars().DataFrame(Y, schema=["a", "b", "c"]), marks=needs_polars),
}
every_indicator = pytest.mark.parametrize("container", each(INDICATORS))


@contextmanager
def refused_with_remedy(clf, values, name="y"):
    """Assert that the block is refused for the values; yields a list that will hold the remedy."""
    remedy = []
    with refused(clf, rf"{name} .*0 and 1.*{re.escape(str(values))}") as caught:
        yield remedy
    remedy += re.findall(rf"pass ({name} [^;.]+\d)", str(caught.value))


def remedied(remedy, y, name="y"):
    """Return y as the message says to write it."""
    return eval(remedy, {name: np.asarray(y) if isinstance(y, list) else y})


@every_indicator
@pytest.mark.parametrize("dtype", [int, float])
@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
def test_another_coding(coding, dtype, container):
    given, right = container(indicators(coding).astype(dtype)), Y
    values = np.array(coding, dtype).tolist()
    clf, plain = make(), make().fit(X, right)
    with refused_with_remedy(clf, values) as remedy:
        clf.fit(X, given)
    assert_same_weights(make().fit(X, remedied(*remedy, given)), plain)
    with refused_with_remedy(clf, values, "y_val") as remedy:
        clf.fit(X, right, X_val=X, y_val=given)
    expected = make().fit(X, right, X_val=X, y_val=right).history_["validation_loss"]
    assert (
        make().fit(X, right, X_val=X, y_val=remedied(*remedy, given, "y_val")).history_["validation_loss"] == expected
    )
    with refused_with_remedy(clf, values):
        clf.partial_fit(X, given)
    clf.partial_fit(X, container(right))
    with refused_with_remedy(clf, values) as remedy:
        clf.partial_fit(X, given)
    clf.partial_fit(X, remedied(*remedy, given))
    assert_same_weights(clf, make().partial_fit(X, right).partial_fit(X, right))


@every_indicator
@pytest.mark.parametrize("value", [-1, 2, 255])
def test_a_chunk_of_one_value_that_is_neither_0_nor_1(value, container):
    clf = make().partial_fit(X, Y)
    with refused_with_remedy(clf, [value]) as remedy:
        clf.partial_fit(X[:5], container(np.full((5, 3), value)))
    assert np.all(remedied(*remedy, np.full((5, 3), value)) == (value > 0))


@every_indicator
def test_a_chunk_may_hold_zeros_or_ones_alone(container):
    clf, plain = make().partial_fit(X, Y), make().partial_fit(X, Y)
    for chunk in (np.zeros((5, 3), int), np.ones((5, 3), int), np.tile([1, 0, 1], (5, 1)), np.eye(3, dtype=int)):
        clf.partial_fit(X[: len(chunk)], container(chunk))
        plain.partial_fit(X[: len(chunk)], chunk.astype(bool))
    assert_same_weights(clf, plain)


@every_indicator
@pytest.mark.parametrize(
    "column", [[-1, 0, 1], [0, 1, 2], [0.1, 0.9, 0.5], [-1, 1, 7]], ids=["with 0 for unknown", "classes", "soft", "odd"]
)
def test_more_than_two_values(column, container):
    wrong, clf = Y.astype(np.array(column).dtype), make().partial_fit(X, Y)
    wrong[:, 1] = np.array(column)[CODES]
    for call in (make().fit, make().partial_fit, clf.partial_fit):
        with pytest.raises(ValueError, match=r"y should be a 1d array.*0 and 1.*shape \(120, 3\) that holds \["):
            call(X, container(wrong))
    with refused(clf, r"y_val should be a 1d array.*0 and 1.*shape \(120, 3\) that holds \["):
        clf.fit(X, Y, X_val=X, y_val=container(wrong))


@pytest.mark.parametrize("values", [[-1, 0], [0.1, 0.9], [0.5, 1.0]], ids=str)
def test_two_values_without_a_known_remedy(values):
    with pytest.raises(
        ValueError, match=r"y should be a 1d array.*shape \(120, 3\) that holds " + re.escape(str(values))
    ):
        make().fit(X, np.where(Y, values[1], values[0]))


def test_a_sparse_matrix_too_wide_for_memory_is_refused_before_it_is_made_dense():
    wide = sparse.csr_array(([2], ([0], [0])), shape=(120, 10**10))
    with pytest.raises(ValueError, match=r"y must code .*\[0, 2\]"):
        make().fit(X, wide)


def test_strings_in_two_columns():
    with pytest.raises(ValueError, match=r"y should be a 1d array.*0 and 1.*shape \(120, 3\) that holds \['0', '1'\]"):
        make().fit(X, Y.astype(str))


def test_entries_that_are_stored_twice_count_twice():
    twice = sparse.csr_matrix((np.ones(4), np.array([0, 0, 1, 2]), np.array([0, 2, 4])), shape=(2, 3))
    with refused_with_remedy(make(), [0.0, 1.0, 2.0]):
        make().fit(X[:2], twice)


def test_the_gradient_check_refuses_another_coding():
    with pytest.raises(ValueError, match=r"^y .*0 and 1"):
        check_gradients(make(), X, 2 * Y)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array, sparse.csc_matrix])
def test_a_sparse_column(container):
    column, clf = container((CODES % 2)[:, np.newaxis]), make()
    said = r"sparse .*one column; pass .*toarray\(\)\.ravel\(\)"
    for call in (clf.fit, clf.partial_fit):
        with refused(clf, f"^y is {said}"):
            call(X, column)
    with refused(clf, f"y_val is {said}"):
        clf.fit(X, CODES % 2, X_val=X, y_val=column)
    with refused(clf, f"^y is {said}"):
        clf.partial_fit(X, column, classes=[0, 1])
    assert_same_weights(clf.fit(X, column.toarray().ravel()), make().fit(X, CODES % 2))


# ------------------------------------------------------------------ one-hot rows

ONE_HOT = np.eye(3, dtype=int)[CODES]


@pytest.mark.parametrize("dtype", [int, float, bool])
@every_indicator
def test_one_hot_rows_cause_a_warning(container, dtype):
    with pytest.warns(UserWarning, match=r"exactly one 1.*y\.argmax\(axis=1\)") as caught:
        clf = make().fit(X, container(ONE_HOT.astype(dtype)))
    assert caught[0].filename == __file__
    assert clf.predict(X).shape == (120, 3)


def test_one_hot_rows_of_two_columns_cause_a_warning():
    with pytest.warns(UserWarning, match=r"exactly one 1"):
        make(learning_rate=0.1).fit(X, np.eye(2, dtype=int)[CODES % 2])


def test_no_warning_where_there_is_no_evidence_of_one_hot_rows():
    none, two = ONE_HOT.copy(), ONE_HOT.copy()
    none[7], two[7] = 0, [1, 1, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the single row
        make().fit(X, none)
        make().fit(X, two)
        make().fit(X[:1], ONE_HOT[:1])
        make().fit(X, Y, X_val=X, y_val=ONE_HOT)
        make().partial_fit(X, ONE_HOT).partial_fit(X[:1], ONE_HOT[:1])
        make().fit(X, ONE_HOT.argmax(axis=1))
