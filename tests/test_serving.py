"""One fitted model answers many at once: threads, and processes that share its weights in a memory-mapped file.

It may be refitted meanwhile. Fits beside each other do not disturb each other, nor repeat each other's random draws.
"""

import copy
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skbackprop import TwoLayerClassifier

N_THREADS = 16
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
# macOS can fork too, but its libraries do not survive it, which is why Python spawns there.
STARTS = ["fork", "spawn"] if sys.platform == "linux" else ["spawn"]
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
@pytest.mark.skipif("fork" not in STARTS, reason="fork is for Linux")
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


# ---------------------------------------------------------------- fits beside each other, without a random_state


def first_weights(number, X, y):
    """Fit without a random_state; return W1 as bytes."""
    return small().set_params(random_state=None).fit(X, y).coefs_[0].tobytes()


def fits_in_processes(start, X, y):
    with multiprocessing.get_context(start).Pool(2) as pool:  # which kills its workers when it is left
        return pool.map_async(partial(first_weights, X=X, y=y), range(N_THREADS), chunksize=4).get(timeout=300)


FITS = {
    "threads": lambda X, y: in_threads(lambda number: first_weights(number, X, y)),
    "loky": lambda X, y: joblib.Parallel(2)(joblib.delayed(first_weights)(number, X, y) for number in range(N_THREADS)),
} | {start: partial(fits_in_processes, start) for start in STARTS}


@forks_among_threads
@pytest.mark.parametrize("n_blas_threads", [1, 2])
@pytest.mark.parametrize("where", FITS)
def test_fits_without_a_random_state_all_differ_and_none_waits_for_another(where, n_blas_threads):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    with threadpool_limits(n_blas_threads):
        np.ones((500, 500)) @ np.ones((500, 500))  # starts the threads of the BLAS, which a fork does not take along
        first_weights(0, X, y)
        np.random.seed(0)  # forked processes share this stream
        assert len(set(FITS[where](X, y))) == N_THREADS


# ---------------------------------------------------------------- predictions beside a refit


def two_tables():
    """Return tables of the same features whose networks differ in everything: classes, link and hidden units."""
    X, y = load_iris(return_X_y=True)
    return (X, np.array(["no", "yes"])[(y > 0).astype(int)]), (X, y)


class Interrupted(TwoLayerClassifier):
    """A classifier that is refitted by "another thread" right after one of its attributes was read."""

    refit_at, n_reads, refit = -1, 0, None

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        if name not in ("refit", "__class__") and Interrupted.refit is not None:
            Interrupted.n_reads += 1
            if Interrupted.n_reads == Interrupted.refit_at:
                refit, Interrupted.refit = Interrupted.refit, None
                refit()
        return value


TABLES = {"array": np.asarray, "frame": partial(pd.DataFrame, columns=list("abcd")), "list": np.ndarray.tolist}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("method", METHODS)
def test_a_refit_between_any_two_reads_leaves_a_whole_answer(method, table):
    (X, y), (_, z) = two_tables()
    X = table(X)
    old = Interrupted(**small().get_params()).fit(X, y)
    new = Interrupted(**small().set_params(hidden_units=5).get_params()).fit(X, z)
    answers = [getattr(clf, method)(X) for clf in (old, new)]
    n_old = 0
    for refit_at in range(1, 1000):
        clf = copy.copy(old)
        Interrupted.refit_at, Interrupted.n_reads = refit_at, 0
        Interrupted.refit = lambda clf=clf: clf.set_params(hidden_units=5).fit(X, z)
        try:
            answer = getattr(clf, method)(X)
        finally:
            over, Interrupted.refit = Interrupted.refit is not None, None
        if over:  # there are not so many reads
            break
        is_old = [answer.tolist() == each.tolist() for each in answers]
        assert sum(is_old) == 1, f"a mixture, after {refit_at} reads"
        n_old += is_old[0]
    assert n_old >= 3


REFITS = {
    "fit": lambda clf, i: clf.set_params(hidden_units=5 + i % 2).fit(*two_tables()[i % 2]),
    "warm start": lambda clf, i: clf.set_params(warm_start=True).fit(*two_tables()[0]),
    "partial_fit": lambda clf, i: clf.partial_fit(*two_tables()[0]),
}


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
@pytest.mark.parametrize("how", REFITS)
def test_sixteen_threads_predict_beside_refits(how, method):
    X, y = two_tables()[0]
    clf = small().fit(X, y)
    states, refitted = [getattr(clf, method)(X).tobytes()], copy.deepcopy(clf)
    states += [getattr(REFITS[how](refitted, i), method)(X).tobytes() for i in range(20)]
    over, started = threading.Event(), threading.Barrier(N_THREADS + 1)

    def answers(number):
        started.wait()
        seen = set()
        while not over.is_set():
            seen.add(getattr(clf, method)(X).tobytes())
        return seen

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(N_THREADS) as pool:
            futures = [pool.submit(answers, number) for number in range(N_THREADS)]
            try:
                started.wait()
                for i in range(20):
                    REFITS[how](clf, i)
            finally:
                over.set()
            seen = set.union(*(future.result() for future in futures))
    finally:
        sys.setswitchinterval(interval)
    assert seen <= set(states)
    assert getattr(clf, method)(X).tobytes() == states[-1]
