"""Saving and loading: the same bits, training that goes on as if never interrupted, files that hold no ballast."""

import copy
import io
import pickle
import tracemalloc
import warnings
import zipfile
import zlib

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import skbackprop
from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop._sklearn import prediction
from skbackprop.activations import ACTIVATIONS, LeakyRelu
from skbackprop.losses import LOSSES, LogLoss
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SGD, SOLVERS, Adam

OPTIONS = {
    "learning_rate": 0.01,
    "batch_size": 32,
    "max_iter": 4,
    "alpha": 1e-3,
    "early_stopping": False,
    "n_iter_no_change": None,
    "random_state": 0,
}
STEPPING = [name for name in SOLVERS if name != "lbfgs"]  # the solvers with partial_fit


def make(hidden_units=8, **params):
    return TwoLayerClassifier(hidden_units, **OPTIONS | params)


def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), np.array(["setosa", "versicolor", "virginica"])[y]


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def by_pickle(model, tmp_path):
    return pickle.loads(pickle.dumps(model))


def by_old_pickle(model, tmp_path):
    return pickle.loads(pickle.dumps(model, protocol=2))


def by_deepcopy(model, tmp_path):
    return copy.deepcopy(model)


def by_joblib(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    return joblib.load(tmp_path / "model.joblib")


def by_compressed_joblib(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib.gz", compress=3)
    return joblib.load(tmp_path / "model.joblib.gz")


def by_memory_map(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    return joblib.load(tmp_path / "model.joblib", mmap_mode="r")


def by_skops(model, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(model)
    types = skops_io.get_untrusted_types(data=data)
    # Our classes and, in a search's results, scikit-learn's and NumPy's.
    assert all(name.startswith(("skbackprop.", "sklearn.", "numpy.")) for name in types), types
    return skops_io.loads(data, trusted=types)


WAYS = [by_pickle, by_old_pickle, by_deepcopy, by_joblib, by_compressed_joblib, by_memory_map, by_skops]
every_way = pytest.mark.parametrize("through", WAYS)


def assert_same_bits(model, loaded, X):
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X))


def assert_same_fit(clf, loaded):
    for ours, theirs in zip(clf.coefs_ + clf.intercepts_, loaded.coefs_ + loaded.intercepts_, strict=True):
        np.testing.assert_array_equal(theirs, ours)
        assert theirs.dtype == ours.dtype
    np.testing.assert_array_equal(loaded.classes_, clf.classes_)
    np.testing.assert_equal(loaded.history_, clf.history_)  # in which NaN is NaN
    np.testing.assert_equal(getattr(loaded, "search_history_", None), getattr(clf, "search_history_", None))
    for name in ("n_iter_", "n_layers_", "n_outputs_", "n_features_in_", "loss_"):
        assert getattr(loaded, name) == getattr(clf, name)


# ------------------------------------------------------------------ round trips

ENDS = {"n_iter_no_change": 2, "tol": 1e9, "max_iter": 60}  # patience is used up soon: no gain is larger than tol
MODELS = {
    "plain": make(),
    "float32": make(),
    "deep": BackpropClassifier((8, 4), **OPTIONS, activation=["relu", LeakyRelu(0.2)]),
    "no hidden layer": BackpropClassifier((), **OPTIONS),
    "early stopping": make(early_stopping=True),
    "early stopping, auto": make(early_stopping="auto", **ENDS),
    "warm start": make(warm_start=True),
    "objects": make(solver=Adam(beta_1=0.8), loss=LogLoss(0.1)),
    "lbfgs": make(solver="lbfgs", batch_size="full"),
}


@every_way
@pytest.mark.parametrize("name", MODELS)
def test_a_classifier(name, through, tmp_path):
    X, y = iris()
    X = X.astype(np.float32) if name == "float32" else X
    clf = clone(MODELS[name]).fit(X, y)
    loaded = through(clf, tmp_path)
    assert_same_bits(clf, loaded, X)
    assert_same_fit(clf, loaded)
    assert repr(loaded.get_params()) == repr(clf.get_params())
    assert_same_bits(clone(loaded).fit(X, y), clf, X)


@every_way
def test_a_classifier_that_is_not_fitted(through, tmp_path):
    X, y = iris()
    clf = make(solver=SGD(momentum=0.9))
    loaded = through(clf, tmp_path)
    assert loaded.get_params() == clf.get_params()
    assert_same_bits(clf.fit(X, y), loaded.fit(X, y), X)


@every_way
def test_a_pipeline_of_frames(through, tmp_path):
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), make()).set_output(transform="pandas").fit(X, y)
    loaded = through(model, tmp_path)
    assert_same_bits(model, loaded, X)
    np.testing.assert_array_equal(loaded[-1].feature_names_in_, X.columns)


@every_way
def test_a_search(through, tmp_path):
    X, y = breast_cancer()
    grid = {"twolayerclassifier__alpha": [1e-3, 1.0], "twolayerclassifier__solver__beta_1": [0.5, 0.9]}
    model = GridSearchCV(make_pipeline(StandardScaler(), make(solver=Adam())), grid, cv=2).fit(X, y)
    loaded = through(model, tmp_path)
    assert_same_bits(model, loaded, X)
    assert loaded.best_params_ == model.best_params_
    assert loaded.best_estimator_[-1].solver == model.best_estimator_[-1].solver


@pytest.mark.parametrize("through", [by_pickle, by_joblib, by_skops])
@pytest.mark.parametrize(
    ("name", "member"),
    [
        pytest.param(name, member, id=f"{name}={member}")
        for name, family in {
            "activation": ACTIVATIONS,
            "loss": LOSSES,
            "solver": SOLVERS,
            "schedule": SCHEDULES,
        }.items()
        for member in family
    ],
)
def test_each_member_of_a_family_by_name_and_by_object(name, member, through, tmp_path):
    X, y = iris()
    family = {"activation": ACTIVATIONS, "loss": LOSSES, "solver": SOLVERS, "schedule": SCHEDULES}[name]
    for given in (member, family.resolve(member)):
        clf = make(**{"batch_size": "auto", name: given}, warm_start=True).fit(X, y)
        loaded = through(clf, tmp_path)
        assert_same_bits(clf, loaded, X)
        assert_same_bits(clf.fit(X, y), loaded.fit(X, y), X)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_a_model_without_names_and_one_with():
    X, y = iris()
    frame = pd.DataFrame(X, columns=list("abcd"))
    named, plain = (by_pickle(make().fit(table, y), None) for table in (frame, X))
    np.testing.assert_array_equal(named.predict_proba(frame), plain.predict_proba(X))
    assert not hasattr(plain, "feature_names_in_")
    with pytest.raises(ValueError, match="same order"):
        named.predict(frame[list("bacd")])


# ------------------------------------------------------------------ training that goes on


@every_way
@pytest.mark.parametrize("solver", [*STEPPING, SGD(momentum=0.9)], ids=str)
def test_partial_fit_goes_on_as_if_never_saved(solver, through, tmp_path):
    X, y = iris()
    clf, untouched = (make(solver=solver, dropout=0.1) for _ in range(2))
    for model in (clf, untouched):
        model.partial_fit(X[::2], y[::2], classes=np.unique(y))
    clf = through(clf, tmp_path)
    for model in (clf, untouched):
        model.partial_fit(X[1::2], y[1::2]).partial_fit(X, y)
    assert_same_bits(untouched, clf, X)
    assert untouched.loss_curve_ == clf.loss_curve_


@every_way
@pytest.mark.parametrize("schedule", ["constant", "invscaling"])
@pytest.mark.parametrize("solver", [*STEPPING, SGD(momentum=0.9)], ids=str)
def test_a_warm_start_goes_on_as_if_never_saved(solver, schedule, through, tmp_path):
    X, y = iris()
    options = {"solver": solver, "schedule": schedule, "dropout": 0.1, "warm_start": True}
    clf = through(make(**options, max_iter=3).fit(X, y), tmp_path)
    clf.set_params(max_iter=5).fit(X, y)
    at_once = make(**options, max_iter=8).fit(X, y)
    assert_same_bits(at_once, clf, X)
    assert at_once.loss_curve_ == clf.loss_curve_


@every_way
@pytest.mark.parametrize("early_stopping", [True, "auto"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_with_whatever_else_is_remembered(solver, early_stopping, through, tmp_path):
    X, y = breast_cancer()
    options = {"solver": solver, "schedule": "adaptive", "early_stopping": early_stopping, "warm_start": True}
    clf = make(**options, **ENDS, batch_size="auto").fit(X, y)
    searched = early_stopping == "auto" and solver in STEPPING
    assert hasattr(clf, "search_history_") == searched
    loaded = through(clf, tmp_path)
    np.testing.assert_equal(loaded.validation_scores_, clf.validation_scores_)
    assert_same_bits(clf.fit(X, y), loaded.fit(X, y), X)
    assert loaded.loss_curve_ == clf.loss_curve_
    assert hasattr(loaded, "validation_scores_") == hasattr(clf, "validation_scores_") == (not searched)
    assert not hasattr(loaded, "search_history_")  # what goes on from a search holds nothing out


def test_a_memory_mapped_model_is_not_written_to(tmp_path):
    X, y = iris()
    clf = make(warm_start=True).partial_fit(X, y, classes=np.unique(y))
    joblib.dump(clf, tmp_path / "model.joblib")
    before = (tmp_path / "model.joblib").read_bytes()
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(loaded.coefs_[0], np.memmap)
    loaded.partial_fit(X, y).fit(X, y)
    assert (tmp_path / "model.joblib").read_bytes() == before
    assert_same_bits(clf.partial_fit(X, y).fit(X, y), loaded, X)


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_copies_share_nothing_that_training_changes(method):
    X, y = iris()
    clf = make(warm_start=True).fit(X, y)
    P, curve = clf.predict_proba(X), list(clf.loss_curve_)
    for other in (copy.deepcopy(clf), copy.copy(clf)):
        getattr(other, method)(X, y)
        assert not np.array_equal(other.predict_proba(X), P)
        np.testing.assert_array_equal(clf.predict_proba(X), P)
        assert clf.loss_curve_ == curve
    expected = getattr(copy.deepcopy(clf), method)(X, y).predict_proba(X)
    np.testing.assert_array_equal(getattr(clf, method)(X, y).predict_proba(X), expected)


# ------------------------------------------------------------------ what a file holds


def size_by_pickle(model, tmp_path):
    return len(pickle.dumps(model))


def size_by_joblib(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    return (tmp_path / "model.joblib").stat().st_size


def size_by_skops(model, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    skops_io.dump(model, tmp_path / "model.skops", compression=zipfile.ZIP_DEFLATED)
    return (tmp_path / "model.skops").stat().st_size


def wide_table(dtype=np.float64):
    rng = np.random.RandomState(0)
    return rng.standard_normal((200, 784)).astype(dtype), np.arange(200) % 10


SIZES = pytest.mark.parametrize("size", [size_by_pickle, size_by_joblib, size_by_skops])
EPOCH = 40  # bytes that the history of an epoch takes


def weight_bytes(clf):
    return sum(array.nbytes for array in clf.coefs_ + clf.intercepts_)


@SIZES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("early_stopping", [True, False, "auto"])
def test_a_file_holds_the_weights_once(size, early_stopping, dtype, tmp_path):
    X, y = wide_table(dtype)
    clf = make(100, early_stopping=early_stopping, **ENDS).fit(X, y)
    assert hasattr(clf, "search_history_") == (early_stopping == "auto")
    assert weight_bytes(clf) == (784 * 100 + 100 + 100 * 10 + 10) * np.dtype(dtype).itemsize
    clf.predict_proba(X)
    assert size(clf, tmp_path) < 1.1 * weight_bytes(clf) + 4096


@SIZES
@pytest.mark.parametrize(("resumable", "vectors"), [(False, 1), (True, 3)])
def test_a_small_network_makes_a_small_file(size, resumable, vectors, tmp_path):
    if resumable and size is size_by_skops:
        pytest.skip("skops describes each object in a file of its own")
    X, y = breast_cancer()
    clf = TwoLayerClassifier(16, warm_start=resumable, random_state=0).fit(X, y)
    n_epochs = clf.n_iter_ + len(clf.search_history_["loss"])
    assert size(clf, tmp_path) < vectors * 1.1 * weight_bytes(clf) + 4096 + EPOCH * n_epochs


@SIZES
def test_a_long_history_takes_little(size, tmp_path):
    X, y = breast_cancer()
    short, long = (make(max_iter=max_iter).fit(X, y) for max_iter in (10, 210))
    assert size(long, tmp_path) - size(short, tmp_path) < 200 * EPOCH


@every_way
def test_the_lists_are_the_same_lists_again(through, tmp_path):
    X, y = breast_cancer()
    loaded = through(make(early_stopping=True).fit(X, y), tmp_path)
    assert loaded.loss_curve_ is loaded.history_["loss"]
    assert loaded.validation_scores_ is loaded.history_["validation_score"]


@every_way
def test_the_history_of_a_search_comes_back(through, tmp_path):
    X, y = iris()
    clf = make(early_stopping="auto", **ENDS).fit(X, y)
    loaded = through(clf, tmp_path)
    np.testing.assert_equal(loaded.search_history_, clf.search_history_)
    assert all(type(values) is list for values in loaded.search_history_.values())
    assert len(loaded.search_history_["loss"]) >= loaded.best_iter_ == clf.best_iter_


@every_way
def test_a_loss_curve_of_ones_own_is_kept(through, tmp_path):
    X, y = breast_cancer()
    clf = make().fit(X, y)
    clf.loss_curve_ = clf.loss_curve_[:2]
    loaded = through(clf, tmp_path)
    assert loaded.loss_curve_ == clf.loss_curve_
    assert loaded.history_ == clf.history_
    del clf.history_
    assert through(clf, tmp_path).loss_curve_ == clf.loss_curve_


@SIZES
@pytest.mark.parametrize("asked_by", ["warm_start", "partial_fit"])
@pytest.mark.parametrize(
    ("solver", "vectors"), [("adam", 2), ("rmsprop", 1), ("sgd", 0), (SGD(momentum=0.9), 1)], ids=str
)
def test_what_resuming_needs_is_there_only_if_asked_for(size, solver, vectors, asked_by, tmp_path):
    X, y = wide_table()
    clf = make(100, solver=solver, warm_start=asked_by == "warm_start")
    clf.fit(X, y) if asked_by == "warm_start" else clf.partial_fit(X, y, classes=np.arange(10))
    weights = weight_bytes(clf)
    assert 0.9 * (1 + vectors) * weights < size(clf, tmp_path) < (1 + vectors) * 1.1 * weights + 4096
    clf.set_params(warm_start=False).fit(X, y)
    assert size(clf, tmp_path) < 1.1 * weights + 4096


@pytest.mark.parametrize("through", [by_pickle, by_joblib])
def test_a_loaded_model_is_saved_as_small_as_before(through, tmp_path):
    X, y = wide_table()
    clf = make(100, warm_start=True).fit(X, y)
    assert abs(size_by_pickle(through(clf, tmp_path), tmp_path) - size_by_pickle(clf, tmp_path)) < 512


# ------------------------------------------------------------------ files that are damaged, or hold something else


def raises(load, *args):
    try:
        load(*args)
    except Exception:  # of pickle's, joblib's or the standard library's choice
        return True
    return False


def test_a_file_cut_short_raises(tmp_path):
    X, y = iris()
    clf = make().fit(X, y)
    data = pickle.dumps(clf)
    path = tmp_path / "model.joblib"
    joblib.dump(clf, path)
    content = path.read_bytes()
    for share in np.linspace(0, 0.999, 200):
        assert raises(pickle.loads, data[: int(share * len(data))])
        path.write_bytes(content[: int(share * len(content))])
        assert raises(joblib.load, path)


def test_a_skops_file_cut_short_raises():
    skops_io = pytest.importorskip("skops.io")
    X, y = iris()
    data = skops_io.dumps(make().fit(X, y))
    types = skops_io.get_untrusted_types(data=data)
    for share in np.linspace(0, 0.999, 40):
        with pytest.raises(zipfile.BadZipFile):
            skops_io.loads(data[: int(share * len(data))], trusted=types)


@pytest.mark.parametrize("state", [{}, {"coefs_": []}, {"hidden_units": 3}, None, [1, 2], "state"], ids=repr)
def test_the_state_of_something_else_is_refused(state):
    with pytest.raises(ValueError, match=r"does not hold a whole TwoLayerClassifier.*activation.*Save"):
        object.__new__(TwoLayerClassifier).__setstate__(state)


NAMES = ["loss", "seconds"]


def packed(numbers=6, names=NAMES, **more):
    """Return a history as a file holds it."""
    return {"names": names, "columns": zlib.compress(np.zeros(numbers).tobytes())} | more


DAMAGED = {
    "None": None,
    "a list": [1.0, 2.0],
    "a list with the word": ["columns", "names"],
    "a number": 3,
    "a string": "columns",
    "bytes": b"columns",
    "an array": np.zeros(3),
    "an empty dict": {},
    "no zlib": {"names": NAMES, "columns": b"no zlib"},
    "no bytes": {"names": NAMES, "columns": [1.0]},
    "empty": {"names": NAMES, "columns": b""},
    "cut short": {"names": NAMES, "columns": packed(1000)["columns"][:-3]},
    "half a number": {"names": NAMES, "columns": zlib.compress(b"12345")},
    "half a row": packed(7),
    "no names": {"columns": packed()["columns"]},
    "names of None": packed(names=None),
    "one string of names": packed(names="loss, seconds"),
    "names that are no strings": packed(names=["loss", 2]),
    "names that cannot be hashed": packed(names=["loss", ["seconds"]]),
    "names twice": packed(names=["loss", "loss"]),
    "no names at all": packed(0, names=[]),
    "without the loss": packed(names=["seconds", "penalty"]),
    "three names for six columns": packed(60, names=["loss", "penalty", "seconds"], n_epochs=10),
    "six names for three columns": packed(30, names=["loss", *"abcde"], n_epochs=10),
    "a number of epochs that is none": packed(n_epochs="3"),
    "no number of epochs": packed(n_epochs=None),
    "half an epoch": packed(n_epochs=3.0),
    "a negative number of epochs": packed(n_epochs=-3),
    "columns of other lengths": {"loss": [1.0, 0.5], "seconds": [1.0]},
    "columns that are no lists": {"loss": 1.0, "seconds": 2.0},
    "columns of strings": {"loss": ["1.0"], "seconds": ["2.0"]},
    "columns of None": {"loss": [None], "seconds": [1.0]},
    "columns of lists": {"loss": [[1.0]], "seconds": [[1.0]]},
    "columns under numbers": {"loss": [1.0], 2: [1.0]},
    "columns without the loss": {"seconds": [1.0]},
}


def saved_as(through, change, monkeypatch, tmp_path):
    """Return the model as loaded from a file whose state was changed before it was written."""
    clf = make(early_stopping="auto", **ENDS).fit(*iris())
    state = change(clf.__getstate__())
    if through is None:
        loaded = object.__new__(TwoLayerClassifier)
        loaded.__setstate__(state)
        return loaded
    with monkeypatch.context() as patched:
        patched.setattr(TwoLayerClassifier, "__getstate__", lambda self: state)
        if through is by_joblib:
            joblib.dump(clf, tmp_path / "model.joblib")
        else:
            data = pickle.dumps(clf) if through is by_pickle else pytest.importorskip("skops.io").dumps(clf)
    if through is by_joblib:
        return joblib.load(tmp_path / "model.joblib")
    if through is by_pickle:
        return pickle.loads(data)
    import skops.io

    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


@pytest.mark.parametrize("through", [None, by_pickle, by_joblib, by_skops], ids=["state", "pickle", "joblib", "skops"])
@pytest.mark.parametrize("name", ["history_", "search_history_"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_history_is_refused_in_words(damage, name, through, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=rf"damaged: {name} cannot be read \(.*\)\. Save") as refused:
        saved_as(through, lambda state: state | {name: DAMAGED[damage]}, monkeypatch, tmp_path)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("through", [None, by_pickle, by_joblib, by_skops], ids=["state", "pickle", "joblib", "skops"])
@pytest.mark.parametrize("kind", ["packed", "packed without the number of epochs", "as it is", "not there"])
@pytest.mark.parametrize("name", ["history_", "search_history_"])
def test_a_sound_history_is_read_however_it_is_written(name, kind, through, monkeypatch, tmp_path):
    def written(state):
        clf = object.__new__(TwoLayerClassifier)
        clf.__setstate__(state)
        plain = vars(clf)[name]
        less = {key: value for key, value in state[name].items() if key != "n_epochs"}
        forms = {"packed": state[name], "packed without the number of epochs": less, "as it is": plain}
        keep = {key: value for key, value in state.items() if key != name}
        if kind == "not there":  # a user may have deleted it, and then the curves stand for themselves
            return keep | {view: [1.0] for view in ("loss_curve_", "validation_scores_")}
        return keep | {name: forms[kind]}

    loaded = saved_as(through, written, monkeypatch, tmp_path)
    if kind == "not there":
        assert not hasattr(loaded, name)
        return
    expected = make(early_stopping="auto", **ENDS).fit(*iris())
    columns = getattr(expected, name)
    assert list(getattr(loaded, name)) == list(columns)
    for column in columns.keys() - {"seconds"}:
        np.testing.assert_array_equal(getattr(loaded, name)[column], columns[column])


@pytest.mark.parametrize(
    ("view", "history"),
    [("loss_curve_", None), ("validation_scores_", None), ("validation_scores_", {"loss": [1.0], "seconds": [1.0]})],
    ids=str,
)
def test_a_view_of_a_column_that_is_not_there_is_refused(view, history):
    state = make(early_stopping="auto", **ENDS).fit(*iris()).__getstate__()
    del state["history_"]
    state |= {"loss_curve_": [], "validation_scores_": []} | {view: view} | ({"history_": history} if history else {})
    with pytest.raises(ValueError, match=rf"damaged.*{view}.*Save"):
        object.__new__(TwoLayerClassifier).__setstate__(state)


def test_a_fit_of_no_whole_epoch_goes_through_a_file():
    clf = make().fit(*iris())
    clf.history_ = {name: [] for name in clf.history_}  # as an interrupt in the first epoch leaves it
    loaded = pickle.loads(pickle.dumps(clf))
    assert loaded.history_ == clf.history_


@pytest.mark.parametrize("more", [0, 1])
def test_a_packed_history_has_a_limit(more, monkeypatch):
    monkeypatch.setattr(prediction, "MOST_NUMBERS", 2000)
    state = make().fit(*iris()).__getstate__() | {"loss_curve_": []}
    state["history_"] = packed(2 * (1000 + more), n_epochs=1000 + more)
    clf = object.__new__(TwoLayerClassifier)
    if more:
        with pytest.raises(ValueError, match=r"history_.*more than 2000"):
            clf.__setstate__(state)
    else:
        clf.__setstate__(state)
        assert [len(column) for column in clf.history_.values()] == [1000, 1000]


@pytest.mark.parametrize("through", [None, by_pickle, by_joblib, by_skops], ids=["state", "pickle", "joblib", "skops"])
def test_what_is_too_long_is_never_decompressed(through, monkeypatch, tmp_path):
    bomb = packed(32 * 10**6 // 8, n_epochs=16 * 10**6 // 8)  # 32 MB in 31 kB
    monkeypatch.setattr(prediction, "MOST_NUMBERS", 10**4)
    make(early_stopping="auto", **ENDS).fit(*iris())
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"more than 10000"):
            saved_as(through, lambda state: state | {"search_history_": bomb}, monkeypatch, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


def test_a_history_that_is_too_long_to_be_packed_is_written_as_it_is(monkeypatch):
    clf = make().fit(*iris())
    monkeypatch.setattr(prediction, "MOST_NUMBERS", 3)
    assert clf.__getstate__()["history_"] is clf.history_
    loaded = pickle.loads(pickle.dumps(clf))
    assert loaded.history_ == clf.history_
    assert loaded.loss_curve_ is loaded.history_["loss"]


# ------------------------------------------------------------------ versions


def other_version():
    """Return another version of as many letters."""
    version = skbackprop.__version__
    return "9" + version[1:] if version[0] != "9" else "8" + version[1:]


def test_a_file_of_another_version_warns():
    X, y = iris()
    clf = make().fit(X, y)
    data = pickle.dumps(clf)
    assert skbackprop.__version__.encode() in data
    with pytest.warns(UserWarning, match=other_version()) as caught:
        loaded = pickle.loads(data.replace(skbackprop.__version__.encode(), other_version().encode()))
    assert skbackprop.__version__ in str(caught[0].message)
    assert_same_bits(clf, loaded, X)


def test_a_file_of_this_version_does_not_warn():
    X, y = iris()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = pickle.load(io.BytesIO(pickle.dumps(make().fit(X, y))))
    assert loaded.predict(X).shape == (150,)


def test_copies_do_not_warn():
    X, y = iris()
    clf = make().fit(X, y)
    assert_same_bits(clf, copy.deepcopy(clf), X)
    assert_same_bits(clf, copy.copy(clf), X)
    assert clone(clf).get_params() == clf.get_params()
