"""A real cluster of two worker processes: searches, training and prediction over chunks, a worker that dies."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import TwoLayerClassifier

# What dask and distributed warn of (ports in use, slow event loops, their own deprecations) is none of our doing.
pytestmark = pytest.mark.filterwarnings("default")

GRID = {"alpha": [0.1, 0.01, 0.001], "activation": ["relu", "tanh"]}


@pytest.fixture(scope="module")
def client():
    for package in ("dask", "distributed", "dask_ml"):
        pytest.importorskip(package, reason="the extra dask is not installed")
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def data():
    return make_classification(300, 6, random_state=0)


def small(**params):
    return TwoLayerClassifier(
        4, max_iter=5, alpha=1e-3, n_iter_no_change=None, early_stopping=False, random_state=0, **params
    )


def chunked(*arrays):
    import dask.array as da

    return [da.from_array(array, chunks=(100, *array.shape[1:])) for array in arrays]


def assert_same_search(search, expected):
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])
    assert search.best_params_ == expected.best_params_
    for W, W_expected in zip(search.best_estimator_.coefs_, expected.best_estimator_.coefs_, strict=True):
        np.testing.assert_array_equal(W, W_expected)


def test_a_search_on_the_cluster_equals_the_search_here(client, data):
    X, y = data
    search = GridSearchCV(small(), GRID, cv=3, scoring="neg_log_loss")
    with joblib.parallel_config(backend="dask"):
        search.fit(X, y)
    assert_same_search(search, GridSearchCV(small(), GRID, cv=3, scoring="neg_log_loss").fit(X, y))


def test_the_script_of_the_page_runs_as_a_file(client, tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "scaling_out.md").read_text(encoding="utf-8")
    (script,) = (code for code in re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S) if "__main__" in code)
    (tmp_path / "search.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "search.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "2 candidates\n", done.stderr


class ScoreAndDieOnce:
    """Scores by accuracy; the first worker that is asked to dies of it, in the middle of its task."""

    def __init__(self, note):
        self.note = str(note)

    def __call__(self, estimator, X, y):
        try:
            os.close(os.open(self.note, os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)
        except FileExistsError:
            pass
        return accuracy_score(y, estimator.predict(X))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_worker_killed_in_the_middle_changes_nothing(client, data, tmp_path):
    X, y = data
    note = tmp_path / "one worker died"
    folds = list(StratifiedKFold(3).split(X, y))
    search = GridSearchCV(small(), GRID, cv=folds, scoring=ScoreAndDieOnce(note))
    # What is scattered is held by every worker, unless the memory manager takes a second copy for waste; what joblib
    # sends by itself is lost with the one worker that holds it.
    client.amm.stop()
    with joblib.parallel_config(backend="dask", scatter=[X, y, *(rows for fold in folds for rows in fold)]):
        search.fit(X, y)
    assert note.exists()
    assert_same_search(search, GridSearchCV(small(), GRID, cv=3, scoring="accuracy").fit(X, y))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_training_over_chunks_equals_partial_fit(client, data, solver):
    from dask_ml.wrappers import Incremental

    X, y = data
    model = Incremental(small(solver=solver), shuffle_blocks=False).fit(*chunked(X, y), classes=[0, 1])
    expected = small(solver=solver)
    for rows in np.split(np.arange(300), 3):
        expected.partial_fit(X[rows], y[rows], classes=[0, 1])
    np.testing.assert_array_equal(model.estimator_.coefs_[0], expected.coefs_[0])
    np.testing.assert_array_equal(model.predict_proba(chunked(X)[0]).compute(), expected.predict_proba(X))


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_prediction_over_chunks(client, data, method):
    from dask_ml.wrappers import ParallelPostFit

    X, y = data
    model = make_pipeline(StandardScaler(), small()).fit(X, y)
    lazy = getattr(ParallelPostFit(model), method)(chunked(X)[0])
    assert lazy.numblocks[0] == 3
    np.testing.assert_array_equal(lazy.compute(), getattr(model, method)(X))
