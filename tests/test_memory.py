"""What a fit takes beyond X, and that nothing of it is left when it returns."""

import gc
import sys
import tracemalloc
import warnings
import weakref

import numpy as np
import pytest
import scipy
import scipy.sparse as sp
from sklearn.utils.fixes import parse_version

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier, check_gradients

try:
    from sklearn.callback import ScoringMonitor  # noqa: F401
except ImportError:
    has_callbacks = False
else:
    has_callbacks = True

MB = 10**6


def make(kind=TwoLayerClassifier, **params):
    settings = {"early_stopping": False, "n_iter_no_change": None, "max_iter": 1, "random_state": 0}
    size = {"hidden_units": 4} if kind is TwoLayerClassifier else {}
    return kind(**(size | settings | {"learning_rate": 0.01} | params))


@pytest.fixture
def traced():
    """Trace allocations; NumPy's arrays are among them."""
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.fixture
def no_collector():
    """Free only what nothing refers to: what waits for the garbage collector stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def allocated():
    return tracemalloc.get_traced_memory()[0]


def peak_of(call, *args, **kwargs):
    """Return the most memory that a call takes beyond what was there before it."""
    before = allocated()
    tracemalloc.reset_peak()
    call(*args, **kwargs)
    return tracemalloc.get_traced_memory()[1] - before


# ---------------------------------------------------------------- many classes


@pytest.mark.parametrize("method", ["partial_fit", "fit", "early stopping", "check_gradients"])
@pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier])
def test_many_classes_take_no_square_of_their_number(kind, method, traced):
    n_classes = 2000 if method == "check_gradients" else 4000
    rng = np.random.RandomState(0)
    n = 64 if method in ("partial_fit", "check_gradients") else n_classes + 100
    X, y = rng.standard_normal((n, 5)), np.arange(n) % n_classes
    clf = make(kind, **({} if kind is TwoLayerClassifier else {"hidden_layer_sizes": (3, 2)}))
    classes = np.arange(n_classes)
    clf.partial_fit(X[:8], y[:8], classes=classes[: n_classes if method == "partial_fit" else 8])
    if method == "partial_fit":
        peak = peak_of(clf.partial_fit, X, y)
    elif method == "check_gradients":
        clf = make(kind).partial_fit(X, y, classes=classes)
        peak = peak_of(check_gradients, clf, X[:2], y[:2])
    elif method == "fit":
        peak = peak_of(clf.fit, X, y)
    else:
        peak = peak_of(clf.set_params(early_stopping=True).fit, X, y, X_val=X[:50], y_val=y[:50])
    square = n_classes * n_classes * 8
    assert peak < (0.5 if n == 64 else 0.75) * square


# ---------------------------------------------------------------- what is left behind


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("kind", ["two layers", "deep"])
def test_wide_full_batch_fits_leave_nothing_allocated(kind, activation, traced):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((900, 10))
    y = (X[:, 0] > 0).astype(int)

    def fit(n_units):
        params = {"batch_size": "full", "activation": activation, "learning_rate": 1e-3}
        if kind == "two layers":
            make(hidden_units=n_units, **params).fit(X, y)
        else:
            make(BackpropClassifier, hidden_layer_sizes=(n_units, 5), **params).fit(X, y)

    fit(3)  # what is remembered of any fit
    gc.collect()
    before = allocated()
    for n_units in range(500, 881, 95):
        fit(n_units)
    gc.collect()
    assert allocated() - before < MB / 2


@pytest.mark.parametrize("n_rows", [700, 3000])
def test_predictions_of_wide_networks_leave_nothing_allocated(n_rows, traced):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_rows, 10))
    y = (X[:, 0] > 0).astype(int)
    models = [make(hidden_units=n_units).fit(X[:50], y[:50]) for n_units in range(500, 881, 95)]
    models[0].predict_proba(X[:2])
    gc.collect()
    before = allocated()
    for model in models:
        model.predict_proba(X), model.predict(X), model.predict_log_proba(X)
    gc.collect()
    assert allocated() - before < MB / 2


def table(dtype=np.int16, n=20_000, n_columns=50):
    rng = np.random.RandomState(0)
    X = rng.randint(-2, 3, (n, n_columns)).astype(dtype)
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def scorer(estimator, X, y):
    return float(np.mean(estimator.predict(X) == y))


class Quiet:
    """A callback that does nothing."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        return False


FITS = {
    "plain": {},
    "early stopping": {"early_stopping": True},
    "search": {"early_stopping": "auto", "n_iter_no_change": 1},
    "search, warm start": {"early_stopping": "auto", "n_iter_no_change": 1, "warm_start": True},
    "lbfgs": {"solver": "lbfgs", "max_iter": 2},
    "lbfgs, early stopping": {"solver": "lbfgs", "max_iter": 2, "early_stopping": True},
    "a metric": {"early_stopping": True, "scoring": "accuracy"},
    "a scorer, search": {"early_stopping": "auto", "n_iter_no_change": 1, "scoring": scorer},
    "full batch": {"batch_size": "full"},
    "dropout": {"dropout": 0.2},
    "sgd, adaptive": {"solver": "sgd", "schedule": "adaptive", "learning_rate": "auto"},
    "verbose": {"verbose": 1},
    "callback": {"callback": True},
    "callback, search": {"callback": True, "early_stopping": "auto", "n_iter_no_change": 1},
}


def fit(clf, X, y, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf.fit(X, y, *args, **kwargs)
    return clf


def classifier(callback=False, kind=TwoLayerClassifier, **params):
    clf = make(kind, batch_size=params.pop("batch_size", "auto"), **{"max_iter": 2} | params)
    if callback:
        if not has_callbacks:
            pytest.skip("callbacks came with scikit-learn 1.9")
        clf.set_callbacks(Quiet())
    return clf


@pytest.mark.parametrize("params", FITS.values(), ids=FITS)
@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_nothing_of_a_fit_outlives_it(dtype, params, traced, no_collector):
    X, y = table(dtype)
    fit(classifier(**params), X[:200], y[:200])  # what is remembered of any fit
    before = allocated()
    clf = fit(classifier(**params), X, y)
    assert allocated() - before < X.size  # its copy in floats would be eight times as much
    shown, labels = weakref.ref(X), weakref.ref(y)
    del X, y
    assert shown() is None
    assert labels() is None
    seen = weakref.ref(clf)
    del clf
    assert seen() is None


@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_validation_rows_and_weights_do_not_outlive_a_fit(dtype, traced, no_collector):
    X, y = table(dtype)
    X_val, y_val = table(dtype)
    w, w_val = np.ones(len(y)), np.ones(len(y))
    clf = classifier(early_stopping=True)
    references = [weakref.ref(each) for each in (X, y, w, X_val, y_val, w_val)]
    before = allocated()
    fit(clf, X, y, w, X_val=X_val, y_val=y_val, sample_weight_val=w_val)
    assert allocated() - before < X.size
    del X, y, w, X_val, y_val, w_val
    assert [reference() for reference in references] == [None] * 6


@pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier])
def test_nothing_of_partial_fit_outlives_it(kind, traced, no_collector):
    X, y = table()
    clf = make(kind)
    clf.partial_fit(X[:200], y[:200], classes=[0, 1])
    before = allocated()
    for _ in range(2):
        clf.partial_fit(X, y)
    assert allocated() - before < X.size
    reference = weakref.ref(X)
    del X
    assert reference() is None


def test_a_sparse_table_does_not_outlive_a_fit(no_collector):
    X, y = table(np.float64, 500)
    X = sp.csr_matrix(X)
    clf = fit(classifier(early_stopping=True), X, y)
    reference = weakref.ref(X.data)
    del X
    assert reference() is None
    assert clf.n_iter_


@pytest.mark.parametrize("failure", [DivergenceError, KeyboardInterrupt, ZeroDivisionError])
def test_nothing_of_a_fit_that_failed_outlives_it(failure, no_collector):
    X, y = table(np.float64, 2000)
    calls = []

    def failing(estimator, X, y):
        calls.append(1)
        if len(calls) > 2:
            raise failure
        return 0.5

    params = {"early_stopping": True, "max_iter": 9, "scoring": failing}
    if failure is DivergenceError:
        params = {"solver": "sgd", "learning_rate": 1e12}
    clf = classifier(**params)
    failed = False
    try:
        fit(clf, X, y)
    except failure:
        failed = True
    assert failed
    reference = weakref.ref(X)
    del X
    assert reference() is None


def test_twenty_models_take_the_memory_of_their_weights(traced, no_collector):
    X, y = table(np.int16, 20_000)
    fit(classifier(), X, y)
    before = allocated()
    models = [fit(classifier(random_state=seed), X, y) for seed in range(6)]
    assert allocated() - before < X.size
    assert len(models) == 6


MANY = {
    "plain": {},
    "search": {"early_stopping": "auto", "n_iter_no_change": 1},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.4},
    "warm start": {"warm_start": True},
    "partial_fit": {},
}
if parse_version(scipy.__version__) >= parse_version(
    "1.11"
):  # whose own objects do not refer to each other in a circle
    MANY["lbfgs"] = {"solver": "lbfgs"}


def test_thousands_of_fits_leave_neither_objects_nor_work_for_the_garbage_collector(no_collector):
    X, y = table(np.float64, 30, 3)
    kept = make(warm_start=True)

    def call(how):
        if how == "partial_fit":
            clf = make().partial_fit(X, y, classes=[0, 1])
        else:
            clf = fit(kept if how == "warm start" else make(**MANY[how]), X, y)
        clf.predict(X), clf.predict_proba(X)
        if how == "warm start":  # its history is meant to grow
            kept.history_ = {name: [] for name in kept.history_}

    for how in 200 * [*MANY]:  # by then what the interpreter and NumPy keep in stock has all but stopped growing
        call(how)
    gc.collect()
    before = sys.getallocatedblocks()
    for how in 400 * [*MANY]:
        call(how)
    unreachable = gc.collect()
    assert unreachable < 300  # objects that refer to each other in a circle
    assert sys.getallocatedblocks() - before < 300  # one a fit of one kind would be 400
