"""One fitted model answers many at once: threads, and processes that share its weights in a memory-mapped file."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import TwoLayerClassifier

N_THREADS = 16
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
STARTS = [name for name in ("fork", "spawn") if name in multiprocessing.get_all_start_methods()]
# Python warns of fork where other threads run; these processes only read, and hold no lock while they fork.
forks_among_threads = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")


def small(**params):
    return TwoLayerClassifier(
        16, max_iter=3, alpha=1e-3, n_iter_no_change=None, early_stopping=False, random_state=0, **params
    )


DATA = {
    "binary": lambda: load_breast_cancer(return_X_y=True),
    "multiclass": lambda: load_iris(return_X_y=True),
    "multilabel": lambda: make_multilabel_classification(200, 6, n_classes=3, random_state=0),
}


def in_threads(work):
    """Run work(number) in 16 threads that start together; return the results in order."""
    barrier = threading.Barrier(N_THREADS)

    def start(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(start, range(N_THREADS)))


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("method", METHODS)
def test_threads_get_the_same_bits(kind, method):
    X, y = DATA[kind]()
    model = make_pipeline(StandardScaler(), small()).fit(X, y)
    expected = getattr(model, method)(X)
    for results in in_threads(lambda number: [getattr(model, method)(X) for _ in range(5)]):
        for result in results:
            np.testing.assert_array_equal(result, expected)


def test_threads_with_rows_of_their_own_do_not_mix():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), small()).fit(X, y)
    expected = model.predict_proba(X)

    def every_sixteenth_row(number):
        return np.concatenate([model.predict_proba(X[[i]]) for i in range(number, len(X), N_THREADS)])

    for number, P in enumerate(in_threads(every_sixteenth_row)):
        np.testing.assert_allclose(P, expected[number::N_THREADS], rtol=1e-12)


def test_prediction_leaves_the_estimator_alone():
    X, y = load_iris(return_X_y=True)
    model = small().fit(X, y)
    before = joblib.hash(model)
    for method in METHODS:
        getattr(model, method)(X)
    assert joblib.hash(model) == before


def test_threads_that_fit_do_not_disturb_each_other():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    seeds = [number % 4 for number in range(N_THREADS)]
    expected = [small().set_params(random_state=seed).fit(X, y).coefs_[0] for seed in range(4)]
    for seed, W1 in zip(
        seeds,
        in_threads(lambda number: small().set_params(random_state=seeds[number]).fit(X, y).coefs_[0]),
        strict=True,
    ):
        np.testing.assert_array_equal(W1, expected[seed])


def answers_from_file(path, X):
    """Load the model with its weights mapped, not read; return its probabilities and how the weights are held."""
    model = joblib.load(path, mmap_mode="r")
    W1 = model[-1].coefs_[0]
    return model.predict_proba(X), isinstance(W1, np.memmap), W1.flags.writeable


@forks_among_threads
@pytest.mark.parametrize("start", STARTS)
def test_processes_share_a_mapped_file(start, tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), small()).fit(X, y)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    content = path.read_bytes()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as pool:
        for P, mapped, writeable in pool.map(answers_from_file, [path] * 4, [X] * 4):
            np.testing.assert_array_equal(P, model.predict_proba(X))
            assert mapped
            assert not writeable
    assert path.read_bytes() == content


FORKED = {}


def answers_from_memory(X):
    """Return the probabilities of the model that the parent process had before it forked."""
    return FORKED["model"].predict_proba(X)


@forks_among_threads
@pytest.mark.skipif("fork" not in STARTS, reason="this system cannot fork")
def test_processes_share_the_memory_they_were_forked_from():
    X, y = load_breast_cancer(return_X_y=True)
    FORKED["model"] = make_pipeline(StandardScaler(), small()).fit(X, y)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        for P in pool.map(answers_from_memory, [X] * 4):
            np.testing.assert_array_equal(P, FORKED["model"].predict_proba(X))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_workers_get_the_same_bits(backend):
    X, y = load_iris(return_X_y=True)
    model = small().fit(X, y)
    results = joblib.Parallel(2, backend=backend)(joblib.delayed(model.predict_proba)(X) for _ in range(4))
    for P in results:
        np.testing.assert_array_equal(P, model.predict_proba(X))


def test_one_row_is_answered_as_it_is_among_many():
    X, y = load_iris(return_X_y=True)
    model = small().fit(X, y)
    np.testing.assert_allclose(
        np.concatenate([model.predict_proba(X[[i]]) for i in range(len(X))]), model.predict_proba(X), rtol=1e-12
    )
