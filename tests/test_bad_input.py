"""What cannot be used is refused: by an error that names it, before anything has changed."""

import inspect
import pickle
from contextlib import contextmanager, suppress

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LOSSES, LogLoss
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import LBFGS, SGD, SOLVERS, Adam

# Two epochs train nothing worth having, as fit says where it is so.
pytestmark = pytest.mark.filterwarnings("ignore:The fitted network:sklearn.exceptions.ConvergenceWarning")

CLASSIFIERS = [TwoLayerClassifier, BackpropClassifier]
PREDICTIONS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
GOOD = {
    "activation": "relu",
    "loss": "log_loss",
    "weight_init": "auto",
    "solver": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "batch_size": "auto",
    "max_iter": 2,
    "alpha": 1e-3,
    "dropout": 0.0,
    "class_weight": None,
    "early_stopping": False,
    "validation_fraction": 0.2,
    "scoring": "loss",
    "n_iter_no_change": None,
    "tol": 1e-4,
    "shuffle": True,
    "random_state": 0,
    "verbose": 0,
}


def read_only(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X[:100, :5]), y[:100]


X, y = read_only(*breast_cancer())  # nobody may write to them
w = np.ones(100)


def with_entry(array, value, at=(3, 1)):
    """Return a copy of an array that holds a value at one place."""
    array = array.astype(np.result_type(array, np.float64))
    array[at[: array.ndim]] = value
    return array


def good_params(clf):
    return GOOD | ({"hidden_units": 3} if isinstance(clf, TwoLayerClassifier) else {"hidden_layer_sizes": (3,)})


@pytest.fixture(params=["new", "fitted", "to be resumed"])
def make(request):
    """Return a function that makes a classifier, fits it or not, and then sets parameters."""

    def make(cls=TwoLayerClassifier, **params):
        clf = cls(warm_start=request.param == "to be resumed")
        clf.set_params(**good_params(clf))
        if request.param != "new":
            clf.fit(X, y)
        return clf.set_params(**params)

    return make


@contextmanager
def refused(clf, message, error=(ValueError, TypeError), X=X):
    """Expect an error whose message matches, and a classifier to which nothing has happened; hand out the error."""

    def outputs():
        bad = {name: getattr(clf, name) for name in good_params(clf)}
        P = clf.set_params(**good_params(clf)).predict_proba(X) if hasattr(clf, "coefs_") else None
        clf.set_params(**bad)
        return P

    before, P = pickle.dumps(vars(clf)), outputs()
    with pytest.raises(error, match=message) as caught:
        yield caught
    assert pickle.dumps(vars(clf)) == before
    np.testing.assert_array_equal(outputs(), P)


# ------------------------------------------------------------------ tables

BAD_TABLES = {
    "NaN in X": (with_entry(X, np.nan), y, None, "Input X contains NaN"),
    "NaN in the first entry": (with_entry(X, np.nan, (0, 0)), y, None, "Input X contains NaN"),
    "NaN in the last entry": (with_entry(X, np.nan, (-1, -1)), y, None, "Input X contains NaN"),
    "inf in X": (with_entry(X, np.inf), y, None, "Input X contains infinity"),
    "-inf in X": (with_entry(X, -np.inf), y, None, "Input X contains infinity"),
    "NaN in a sparse X": (sparse.csr_matrix(with_entry(X, np.nan)), y, None, "Input X contains NaN"),
    "no rows": (X[:0], y[:0], None, "0 sample"),
    "no columns": (X[:, :0], y, None, "0 feature"),
    "1-D X": (X[:, 0], y, None, "Expected 2D array"),
    "3-D X": (X[:, :, np.newaxis], y, None, "dim 3"),
    "a number as X": (1.0, y, None, "Expected 2D array"),
    "strings in X": (np.full((100, 5), "x", object), y, None, "could not convert string to float"),
    "complex X": (X.astype(complex), y, None, "Complex data not supported"),
    "no y": (X, None, None, "y"),
    "y too short": (X, y[:-1], None, "inconsistent numbers of samples"),
    "NaN in y": (X, with_entry(y, np.nan), None, "Input y contains NaN"),
    "inf in y": (X, with_entry(y, np.inf), None, "Input y contains infinity"),
    "numbers that are no labels": (X, y + 0.5 * X[:, 0], None, "Unknown label type"),
    "two columns of classes": (X, np.column_stack([y, y + 1]), None, "y should be a 1d array"),
    "a negative weight": (X, y, with_entry(w, -1.0), "sample_weight"),
    "all weights zero": (X, y, 0.0 * w, "sample_weight"),
    "all weights zero, one number": (X, y, 0.0, "sample_weight"),
    "NaN among the weights": (X, y, with_entry(w, np.nan), "sample_weight"),
    "inf among the weights": (X, y, with_entry(w, np.inf), "sample_weight"),
    "weights too short": (X, y, w[:-1], "sample_weight"),
    "weights too long": (X, y, np.append(w, 1.0), "sample_weight"),
    "weights in a column": (X, y, w[:, np.newaxis], "[Ss]ample.weight"),
    "weights that are no numbers": (X, y, np.full(100, "heavy"), "sample_weight"),
}
ONE_CLASS = {  # which a chunk for partial_fit may well hold
    "one class": (X, np.zeros(100, int), None, "class"),
    "one class of strings": (X, np.full(100, "only"), None, "class"),
    "one row": (X[:1], y[:1], None, "class"),
    "one class of positive weight": (X, y, 1.0 * (y == 0), "class"),
}


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("case", (BAD_TABLES | ONE_CLASS).values(), ids=BAD_TABLES | ONE_CLASS)
def test_tables_that_fit_refuses(make, cls, case):
    X, y, sample_weight, message = case
    clf = make(cls)
    with refused(clf, message):
        clf.fit(X, y, sample_weight)


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("case", BAD_TABLES.values(), ids=BAD_TABLES)
def test_tables_that_partial_fit_refuses(make, cls, case):
    X, y, sample_weight, message = case
    clf = make(cls)
    with refused(clf, message):
        clf.partial_fit(X, y, [0, 1], sample_weight)


@pytest.mark.parametrize("label", [0, "only"])
def test_one_class_says_so(label):
    with pytest.raises(ValueError, match=f"one class only, {label!r};"):
        TwoLayerClassifier().fit(X, np.full(100, label))


def test_one_class_of_positive_weight_by_class_weight(make):
    clf = make(class_weight={0: 0.0, 1: 1.0})
    with refused(clf, "class"):
        clf.fit(X, y)


def test_partial_fit_takes_a_chunk_of_one_class():
    clf = TwoLayerClassifier(3, **GOOD).partial_fit(X[y == 0], y[y == 0], classes=[0, 1])
    assert clf.predict_proba(X).shape == (100, 2)


BAD_ROWS = {
    "NaN": (with_entry(X, np.nan), "Input X contains NaN"),
    "inf": (with_entry(X, np.inf), "Input X contains infinity"),
    "one row with NaN": (with_entry(X, np.nan)[3:4], "Input X contains NaN"),
    "float32 with inf": (with_entry(X, -np.inf).astype(np.float32), "Input X contains infinity"),
    "sparse with NaN": (sparse.csr_matrix(with_entry(X, np.nan)), "Input X contains NaN"),
    "no rows": (X[:0], "0 sample"),
    "1-D": (X[0], "Expected 2D array"),
    "too few columns": (X[:, :4], "X has 4 features, but .* is expecting 5 features"),
    "too many columns": (np.hstack([X, X]), "X has 10 features, but .* is expecting 5 features"),
    "text": (np.full((100, 5), "x", object), "could not convert string to float"),
    "complex": (X.astype(complex), "Complex data not supported"),
}


@pytest.mark.parametrize("method", [*PREDICTIONS, "score"])
@pytest.mark.parametrize(("rows", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_tables_that_prediction_refuses(method, rows, message):
    clf = TwoLayerClassifier(3, **GOOD).fit(X, y)
    arguments = [rows, y[: rows.shape[0]]] if method == "score" else [rows]
    with refused(clf, message):
        getattr(clf, method)(*arguments)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_prediction_refuses_what_is_not_finite_wherever_it_stands(activation, value):
    # Units that are dead, or weights that are zero, must not hide it.
    clf = TwoLayerClassifier(3, **GOOD | {"activation": activation}).fit(X, y)
    clf.coefs_[0][1] = 0.0
    clf.coefs_[0][2, 0] = 0.0
    for column in range(5):
        with pytest.raises(ValueError, match="Input X contains"):
            clf.predict_proba(with_entry(X[:5], value, (4, column)))


@pytest.mark.parametrize("row", [0, 4000, 7999])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_prediction_refuses_what_is_not_finite_in_any_of_many_rows(value, row):
    clf = TwoLayerClassifier(3, **GOOD).fit(X, y)
    many = np.resize(X, (8000, X.shape[1]))  # more than go through the layers together
    with refused(clf, "Input X contains"):
        clf.predict_proba(with_entry(many, value, (row, 2)))


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
@pytest.mark.parametrize("make_rows", [np.asarray, pd.DataFrame, sparse.csr_matrix])
def test_prediction_refuses_sums_that_overflow_behind_the_first_layer(make_rows, method):
    clf = TwoLayerClassifier(2, **GOOD).fit(X, np.arange(len(X)) % 3)
    clf.coefs_[0][...], clf.intercepts_[0][...] = 1.0, 0.0
    clf.coefs_[1][...] = 1e200
    rows = np.vstack([np.full((1, 5), 1e200), np.ones((3, 5))])  # Z1 is finite, Z2 is not, the softmax of it NaN
    with refused(clf, "sums overflow float64; scale the features"):
        getattr(clf, method)(make_rows(rows))


@pytest.mark.parametrize("make_rows", [np.asarray, sparse.csr_matrix])
def test_prediction_takes_large_values_whose_sums_are_finite(make_rows):
    clf = TwoLayerClassifier(2, **GOOD).fit(X, y)
    clf.coefs_[0][...], clf.intercepts_[0][...] = 1.0, 0.0
    clf.coefs_[1][...], clf.intercepts_[1][...] = 1e-308, 0.0
    rows = np.zeros((4, 5))
    rows[:, 0] = 1.5e308  # the sum of such a column of Z1 overflows, none of its numbers does
    np.testing.assert_allclose(clf.decision_function(make_rows(rows)), np.full(4, 3.0))


@pytest.mark.parametrize("method", [*PREDICTIONS, "score"])
def test_prediction_before_fit(method):
    with pytest.raises(NotFittedError):
        getattr(TwoLayerClassifier(), method)(*([X, y] if method == "score" else [X]))


# ------------------------------------------------------------------ columns

FRAME = pd.DataFrame(X, columns=list("abcde"))
OTHER_COLUMNS = {
    "permuted": (FRAME[list("bacde")], "same order"),
    "renamed": (FRAME.rename(columns={"a": "z"}), "unseen at fit time"),
    "one missing": (FRAME[list("abcd")], "missing"),
    "one more": (FRAME.assign(f=0.0), "unseen at fit time"),
}


@pytest.mark.parametrize(("rows", "message"), OTHER_COLUMNS.values(), ids=OTHER_COLUMNS)
@pytest.mark.parametrize("method", [*PREDICTIONS, "partial_fit", "fit", "X_val"])
def test_other_columns(method, rows, message):
    clf = TwoLayerClassifier(3, warm_start=True, **GOOD).fit(FRAME, y)
    calls = {
        "fit": lambda: clf.fit(rows, y),
        "partial_fit": lambda: clf.partial_fit(rows, y),
        "X_val": lambda: clf.fit(FRAME, y, X_val=rows, y_val=y),
    }
    with refused(clf, message, X=FRAME):
        calls.get(method, lambda: getattr(clf, method)(rows))()


# ------------------------------------------------------------------ parameters


class NoNumber:
    def __repr__(self):
        return "NoNumber()"


def nan_from_half(progress):
    return np.nan if progress > 0.5 else 1.0


def negative_at_the_end(progress):
    return 0.5 - progress


def infinite_at_first(progress):
    return 1 / progress if progress else np.inf


def transposed(rng, fan_in, fan_out):
    return rng.standard_normal((fan_out, fan_in))


def scalar(rng, fan_in, fan_out):
    return 0.0


def nan_weights(rng, fan_in, fan_out):
    return np.full((fan_in, fan_out), np.nan)


def text_weights(rng, fan_in, fan_out):
    return np.full((fan_in, fan_out), "0")


BAD_VALUES = {
    "activation": ["reluu", "", None, 3, NoNumber(), ACTIVATIONS["relu"], ["relu", "relu"], [], ["reluu"]],
    "loss": ["hinge", "", None, 3, NoNumber(), LogLoss],
    "solver": ["adamm", "", None, 3, NoNumber(), Adam],
    "weight_init": ["xavier", "", None, 3, NoNumber(), transposed, scalar, nan_weights, text_weights],
    "schedule": ["linear", "", None, 3, NoNumber(), nan_from_half, negative_at_the_end, infinite_at_first],
    "learning_rate": [0, 0.0, -1e-3, np.nan, np.inf, "adaptive", "constant", "invscaling", "fast", None, [0.1]],
    "batch_size": [0, -1, 2.5, "all", None, np.nan],
    "max_iter": [0, -1, 2.5, "many", None],
    "alpha": [-1e-9, np.nan, np.inf, "1", None],
    "dropout": [1.0, 1.5, -0.1, np.nan, "half", None],
    "class_weight": ["uniform", {0: -1.0}, {0: np.nan}, {0: np.inf}, {0: 0.0, 1: 0.0}, {7: 1.0}, {"0": 1.0}, 3, [1, 2]],
    "early_stopping": ["yes", None, 3],
    "validation_fraction": [0.0, 1.0, -0.1, 1.5, np.nan, None],
    "scoring": [None, 3],
    "n_iter_no_change": [0, -1, 2.5, "never"],
    "tol": [-1e-9, np.nan, "1", None],
    "warm_start": ["yes", None],
    "shuffle": ["yes", None],
    "random_state": [-1, "zero", 0.5],
    "verbose": ["loud", -1, None],
}
BAD_LAYERS = {
    TwoLayerClassifier: {"hidden_units": [0, -1, 2.5, "3", None, (3,), [3]]},
    BackpropClassifier: {
        "hidden_layer_sizes": [0, -1, (0,), (3, -1), (2.5,), 2.5, ("3",), "33", None, (None,), ((3,),)]
    },
}
BAD_PARAMS = [
    # A function by its name: its repr holds an address, and each of pytest's workers has its own.
    pytest.param(cls, name, value, id=f"{cls.__name__}, {name}={getattr(value, '__name__', repr(value))}")
    for cls in CLASSIFIERS
    for name, values in (BAD_LAYERS[cls] | BAD_VALUES).items()
    for value in values
]


@pytest.mark.parametrize(("cls", "name", "value"), BAD_PARAMS)
def test_values_that_fit_refuses(make, cls, name, value):
    if name == "weight_init" and callable(value):
        clf = make(cls, warm_start=False, weight_init=value)  # resumed training draws no weights
    else:
        clf = make(cls, **{name: value})
    with refused(clf, name):
        clf.fit(X, y)


@pytest.mark.parametrize("units", [(3, 2), [3, 2]], ids=str)
def test_several_layers_are_sent_to_the_other_class(units):
    with pytest.raises(ValueError, match=r"BackpropClassifier\(hidden_layer_sizes=\(3, 2\)\)\.$"):
        TwoLayerClassifier(units).fit(X, y)


@pytest.mark.parametrize(("cls", "name", "value"), BAD_PARAMS)
def test_values_that_partial_fit_refuses(cls, name, value):
    clf = cls()
    clf.set_params(**good_params(clf) | {name: value})
    with refused(clf, name):
        clf.partial_fit(X, y, classes=[0, 1])


FAMILIES = {
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "solver": SOLVERS,
    "weight_init": INITIALIZERS,
    "schedule": SCHEDULES,
}


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("name", FAMILIES)
def test_an_unknown_name_is_answered_with_the_known_ones(make, cls, name):
    clf = make(cls, **{name: "nosuchname"})
    with refused(clf, f"{name}='nosuchname'", ValueError) as caught:
        clf.fit(X, y)
    for known in FAMILIES[name]:
        assert repr(known) in str(caught.value)


@pytest.mark.parametrize(
    ("make_object", "name"),
    [
        (lambda: Adam(beta_1=1.0), "beta_1"),
        (lambda: SGD(momentum=-0.1), "momentum"),
        (lambda: SGD(max_grad_norm=0.0), "max_grad_norm"),
        (lambda: LBFGS(memory=0), "memory"),
        (lambda: LogLoss(label_smoothing=1.0), "label_smoothing"),
        (lambda: Adam().set_params(beta_2=2.0), "beta_2"),
        (lambda: Adam().set_params(momentum=0.9), "momentum"),
    ],
    ids=["beta_1", "momentum", "max_grad_norm", "memory", "label_smoothing", "beta_2 set", "no such parameter set"],
)
def test_objects_check_their_own_parameters(make_object, name):
    with pytest.raises(ValueError, match=name):
        make_object()


@pytest.mark.parametrize("solver", ["lbfgs", LBFGS()])
@pytest.mark.parametrize("lost", [{"dropout": 0.1}, {"batch_size": 16}])
def test_lbfgs_refuses_what_would_be_lost(make, solver, lost):
    clf = make(solver=solver, **lost)
    with refused(clf, f"{next(iter(lost))}=.*solver="):
        clf.fit(X, y)


def test_lbfgs_has_no_partial_fit():
    clf = TwoLayerClassifier(solver="lbfgs")
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit"):
        clf.partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0}])
def test_class_weight_with_multilabel_targets(class_weight):
    clf = TwoLayerClassifier(3, **GOOD | {"class_weight": class_weight})
    with refused(clf, "class_weight.*multilabel"):
        clf.fit(X, np.column_stack([y, 1 - y]))


# ------------------------------------------------------------------ names that MLPClassifier's users know


@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("name", inspect.signature(MLPClassifier).parameters)
def test_each_parameter_of_mlp_classifier_is_known_or_explained(cls, name):
    if name in inspect.signature(cls).parameters:
        cls(**{name: getattr(MLPClassifier(), name)})
    else:
        with pytest.raises(TypeError, match=f"{cls.__name__} has no parameter '{name}'; use .+"):
            cls(**{name: getattr(MLPClassifier(), name)})


@pytest.mark.parametrize(
    ("params", "new_name"),
    [
        ({"learning_rate_init": 0.01}, "learning_rate"),
        ({"momentum": 0.9}, r"SGD\(momentum="),
        ({"nesterovs_momentum": True}, "nesterov=True"),
        ({"beta_1": 0.9}, r"Adam\(beta_1="),
        ({"power_t": 0.5}, r"InvScaling\(power="),
        ({"max_fun": 100}, "max_iter"),
        ({"hidden_layer_sizes": (10,)}, "hidden_units"),
    ],
)
def test_a_migrator_is_told_the_new_name(params, new_name):
    with pytest.raises(TypeError, match=f"{next(iter(params))}.*{new_name}"):
        TwoLayerClassifier(**params)


@pytest.mark.parametrize("name", ["constant", "invscaling", "adaptive"])
def test_a_migrator_is_told_where_the_schedule_went(make, name):
    with refused(clf := make(learning_rate=name), f"schedule='{name}'", ValueError):
        clf.fit(X, y)


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_an_unknown_parameter(cls):
    with pytest.raises(TypeError, match="no_such_parameter"):
        cls(no_such_parameter=1)
    with pytest.raises(ValueError, match="no_such_parameter"):
        cls().set_params(no_such_parameter=1)


# ------------------------------------------------------------------ validation data

X_val, y_val = X[:20], y[:20]
BAD_VALIDATION = {
    "X_val alone": ({"X_val": X_val}, "X_val and y_val"),
    "y_val alone": ({"y_val": y_val}, "X_val and y_val"),
    "sample_weight_val alone": ({"sample_weight_val": w[:20]}, "sample_weight_val"),
    "another width": ({"X_val": X_val[:, :4], "y_val": y_val}, "X_val.*4 features"),
    "NaN": ({"X_val": with_entry(X_val, np.nan), "y_val": y_val}, "X_val.*NaN"),
    "1-D": ({"X_val": X_val[:, 0], "y_val": y_val}, "X_val"),
    "no rows": ({"X_val": X_val[:0], "y_val": y_val[:0]}, "X_val"),
    "other lengths": ({"X_val": X_val, "y_val": y_val[:-1]}, "X_val"),
    "other labels": ({"X_val": X_val, "y_val": y_val + 1}, "y_val.*not among the classes"),
    "text labels": ({"X_val": X_val, "y_val": y_val.astype(str)}, "y_val.*not among the classes"),
    "object labels": ({"X_val": X_val, "y_val": y_val.astype(str).astype(object)}, "y_val.*not among the classes"),
    "text rows": ({"X_val": np.full((20, 5), "x", object), "y_val": y_val}, "X_val"),
    "multilabel": ({"X_val": X_val, "y_val": np.column_stack([y_val, 1 - y_val])}, "y_val"),
    "weights too short": ({"X_val": X_val, "y_val": y_val, "sample_weight_val": w[:19]}, "sample_weight_val"),
    "weights negative": ({"X_val": X_val, "y_val": y_val, "sample_weight_val": -w[:20]}, "sample_weight_val"),
    "weights zero": ({"X_val": X_val, "y_val": y_val, "sample_weight_val": 0 * w[:20]}, "sample_weight_val"),
    "weights NaN": ({"X_val": X_val, "y_val": y_val, "sample_weight_val": np.nan * w[:20]}, "sample_weight_val"),
}


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize(("given", "message"), BAD_VALIDATION.values(), ids=BAD_VALIDATION)
def test_validation_data_that_fit_refuses(make, early_stopping, given, message):
    clf = make(early_stopping=early_stopping)
    with refused(clf, message):
        clf.fit(X, y, **given)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(20))
def test_a_value_that_overflows_gives_no_warning_of_numpy(seed):
    X = np.random.RandomState(0).standard_normal((5, 9))
    X[3, 5] = 1.7e308
    with suppress(DivergenceError):
        BackpropClassifier((2, 2), max_iter=2, random_state=seed, early_stopping=True).fit(X, [0, 1, 2, 2, 0])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(20))
def test_squares_that_overflow_leave_sgd_a_rate(seed):
    X = 1e300 * np.random.RandomState(seed).standard_normal((120, 4))
    with suppress(DivergenceError):
        TwoLayerClassifier(2, solver="sgd", max_iter=2, random_state=0).fit(X, np.arange(120) % 2)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_matrix])
def test_squares_that_overflow_in_rows_of_weight_zero(stored):
    X = 1e300 * np.random.RandomState(0).standard_normal((70, 2))
    w = np.where(np.arange(70) % 3, 1.9, 0.0)
    clf = TwoLayerClassifier(3, solver="sgd", random_state=0)
    with suppress(DivergenceError):
        clf.partial_fit(stored(X), np.arange(70) % 2, classes=[0, 1], sample_weight=w)


@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_matrix])
def test_a_value_too_large_for_the_dtype_of_the_weights(stored):
    narrow = X.astype(np.float32)
    wide = stored(np.where(np.arange(5) == 2, 1e300, X_val))
    clf = TwoLayerClassifier(3, **GOOD)
    with refused(clf, "X_val.*too large.*float32"):
        clf.fit(narrow, y, X_val=wide, y_val=y_val)
    clf.set_params(warm_start=True).fit(narrow, y)
    for train in (clf.fit, clf.partial_fit):
        with pytest.raises(ValueError, match=r"Input X .*too large.*float32"):
            train(wide, y_val)


def test_validation_labels_of_two_kinds():
    clf = TwoLayerClassifier(3, **GOOD)
    with refused(clf, "y_val.*labels of one kind", error=TypeError):
        clf.fit(X, y, X_val=X_val[:2], y_val=np.array(["a", 1], object))


def test_numbers_as_validation_labels_of_a_model_of_strings():
    clf = TwoLayerClassifier(3, **GOOD)
    with refused(clf, "y_val.*not among the classes"):
        clf.fit(X, y.astype(str).astype(object), X_val=X_val, y_val=y_val)


class BadScorer:
    """A scorer that fails, or answers nonsense, from its n-th call on."""

    def __init__(self, n, answer):
        self.n = n
        self.answer = answer

    def __call__(self, clf, X, y):
        self.n -= 1
        if self.n > 0:
            return 0.5
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def __getstate__(self):
        return {}  # what is left to count is no part of the estimator


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_scorer_that_raises(make, n):
    clf = make(early_stopping=True, max_iter=10, scoring=BadScorer(n, LookupError("the scorer's own")))
    with refused(clf, "the scorer's own", LookupError):
        clf.fit(X, y)


@pytest.mark.parametrize("answer", ["good", None, [0.5, 0.5], {"accuracy": 0.5}, np.nan])
def test_a_scorer_that_does_not_return_a_number(make, answer):
    clf = make(early_stopping=True, scoring=BadScorer(1, answer))
    with refused(clf, "scoring"):
        clf.fit(X, y)


def test_an_unknown_scorer(make):
    clf = make(early_stopping=True, scoring="no_such_scorer")
    with refused(clf, "scoring"):
        clf.fit(X, y)


# ------------------------------------------------------------------ what cannot be resumed

NEW_CLASSES = {
    "an unknown number": y + 1,
    "strings": y.astype(str),
    "objects": y.astype(str).astype(object),
    "a third class": np.where(np.arange(100) < 5, 2, y),
    "multilabel": np.column_stack([y, 1 - y]),
}


@pytest.mark.parametrize("labels", NEW_CLASSES.values(), ids=NEW_CLASSES)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_other_classes_than_before(method, labels):
    clf = TwoLayerClassifier(3, warm_start=True, **GOOD).fit(X, y)
    with refused(clf, "class|y must be|layer sizes"):
        getattr(clf, method)(X, labels)


def test_a_class_is_missing():
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    clf = TwoLayerClassifier(3, warm_start=True, **GOOD).fit(X, y)
    with refused(clf, "class", X=X):
        clf.fit(X[:100], y[:100])
    clf.partial_fit(X[:100], y[:100])  # a chunk need not hold them all
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])


@pytest.mark.parametrize("classes", [[0, 1, 2], [0], ["0", "1"], [1, 2]])
def test_partial_fit_with_other_classes_than_at_first(classes):
    clf = TwoLayerClassifier(3, **GOOD).partial_fit(X, y, classes=[0, 1])
    with refused(clf, "classes"):
        clf.partial_fit(X, y, classes=classes)


@pytest.mark.parametrize("classes", [None, [0], [1, 2], ["0", "1"], [0.5, 1.5]], ids=repr)
@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_partial_fit_at_first(cls, classes):
    clf = cls(**GOOD)
    with refused(clf, "class"):
        clf.partial_fit(X, y, classes=classes)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_multilabel_with_another_number_of_labels(method):
    Y = np.column_stack([y, 1 - y, y])
    clf = TwoLayerClassifier(3, warm_start=True, **GOOD).fit(X, Y)
    with refused(clf, "y must be|class|layer sizes"):
        getattr(clf, method)(X, Y[:, :2])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("cls", "other"),
    [
        (TwoLayerClassifier, {"hidden_units": 4}),
        (BackpropClassifier, {"hidden_layer_sizes": (4,)}),
        (BackpropClassifier, {"hidden_layer_sizes": (3, 3)}),
        (BackpropClassifier, {"hidden_layer_sizes": ()}),
    ],
)
def test_another_architecture(cls, other, method):
    clf = cls(warm_start=True)
    clf.set_params(**good_params(clf)).fit(X, y)
    clf.set_params(**other)
    with refused(clf, "layer|hidden"):
        getattr(clf, method)(X, y)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("other", [X[:, :4], np.hstack([X, X])], ids=["fewer", "more"])
def test_another_number_of_features(method, other):
    clf = TwoLayerClassifier(3, warm_start=True, **GOOD).fit(X, y)
    with refused(clf, "features"):
        getattr(clf, method)(other, y)


# ------------------------------------------------------------------ training that fails on the way


@pytest.mark.parametrize("rate", [1e12, 1e200])
@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "lbfgs"])  # which takes no learning rate
def test_a_fit_that_diverges_changes_nothing(make, solver, rate):
    clf = make(solver=solver, learning_rate=rate, max_iter=20)
    with refused(clf, "diverged", DivergenceError):
        clf.fit(1e6 * X, y)


@pytest.mark.parametrize("solver", ["sgd", "adam", SGD(momentum=0.9)], ids=repr)
def test_training_goes_on_after_a_chunk_that_diverged_as_if_it_had_not_come(solver):
    clf, untroubled = (TwoLayerClassifier(3, **GOOD | {"solver": solver}) for _ in range(2))
    for each in (clf, untroubled):
        each.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(DivergenceError):
        clf.set_params(learning_rate=1e200).partial_fit(1e100 * X, y)
    clf.set_params(learning_rate=GOOD["learning_rate"])
    for each in (clf, untroubled):
        each.partial_fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), untroubled.predict_proba(X))


def test_a_divergence_error_can_be_pickled():
    with pytest.raises(DivergenceError) as caught:
        TwoLayerClassifier(3, **GOOD | {"solver": "sgd", "learning_rate": 1e12}).fit(1e3 * X, y)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.epoch) == (DivergenceError, str(caught.value), caught.value.epoch)
    assert repr(copy.history) == repr(caught.value.history)  # as text, in which one NaN is like another


def test_warnings_point_at_the_line_that_called_fit():
    clf = TwoLayerClassifier(3, **GOOD | {"n_iter_no_change": 10})
    with pytest.warns(UserWarning, match="max_iter=2") as caught:
        clf.fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    clf = TwoLayerClassifier(3, **GOOD | {"early_stopping": True})
    with pytest.warns(UserWarning, match="early_stopping") as caught:
        clf.fit(X[:20], y[:20])
    assert [warning.filename for warning in caught] == [__file__]
