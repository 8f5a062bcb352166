"""The rows of the speed table: each a small function that returns two functions to time, and what is asked of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skbackprop import TwoLayerClassifier
from skbackprop.initializers import Normal

from . import common
from .baselines import matrix_products, notebook_loop, torch_loop
from .common import (
    MB,
    PeakMemory,
    Units,
    breast_cancer,
    kept_memory,
    mlp_classifier,
    our_classifier,
    random_table,
    sparse_table,
    standardised,
)


class Options(NamedTuple):
    threads: int = 1
    clock: str = "wall"


class Race(NamedTuple):
    """Two functions to be timed in pairs, and what is asked of the median ratio of their times."""

    work: str
    against: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    at_least: float | None = None  # theirs / ours
    at_most: float | None = None  # ours / theirs
    count: int = 1  # of the units that both do in one call …
    unit: str = ""  # … and what such a unit is, for the printed times
    share: float = 1.0  # of the pairs: less where one takes long, more where they differ much


class Memory(NamedTuple):
    """Bytes, and the most they may be."""

    work: str
    against: str
    used: float
    limit: float


RACES: list[Callable[[Options], Race]] = []
MEMORY: list[Callable[[Options], Memory]] = []


def race(function: Callable[[Options], Race]) -> Callable[[Options], Race]:
    RACES.append(function)
    return function


def memory(function: Callable[[Options], Memory]) -> Callable[[Options], Memory]:
    MEMORY.append(function)
    return function


# ---------------------------------------------------------------- training


def small(units: Units, at_least: float, epochs: int = 80, activation: str = "relu") -> Race:
    """455 × 30 → units → 1 in batches of 32."""
    X, y = breast_cancer()
    ours, theirs = (make(units, epochs, 32, activation=activation) for make in (our_classifier, mlp_classifier))
    layers = " → ".join(map(str, (30, *(units if isinstance(units, tuple) else (units,)), 1)))
    work = f"455 × {layers}, batch 32, adam" + (f", {activation}" if activation != "relu" else "")
    steps = epochs * -(-len(X) // 32)
    fits = lambda: ours.fit(X, y), lambda: theirs.fit(X, y)
    return Race(work, "MLPClassifier", *fits, at_least=at_least, count=steps, unit="a step", share=3.0)


@race
def small_step(options: Options, epochs: int = 80) -> Race:
    return small(16, at_least=6.5, epochs=epochs)


@race
def small_step_torch(options: Options, epochs: int = 80) -> Race:
    X, y = breast_cancer()
    theirs = torch_loop(X, y, 16, 32, epochs, common.ALPHA, options.threads)
    row = small_step(options, epochs)
    return row._replace(against="PyTorch, eager, fused Adam", theirs=theirs, at_least=10.0)


@race
def small_step_deep(options: Options) -> Race:
    return small((16, 16), at_least=6.0)


@race
def small_step_logistic(options: Options) -> Race:
    return small((), at_least=9.0)


@race
def small_step_tanh(options: Options) -> Race:
    return small(16, at_least=6.0, activation="tanh")


@race
def small_step_sigmoid(options: Options) -> Race:
    return small(16, at_least=6.0, activation="logistic")


@race
def digits_step(options: Options, epochs: int = 20) -> Race:
    X, y = standardised(load_digits)
    ours, theirs = our_classifier(100, epochs, 32), mlp_classifier(100, epochs, 32)
    work = "digits, 1,797 × 64 → 100 → 10, batch 32"
    steps = epochs * -(-len(X) // 32)
    fits = lambda: ours.fit(X, y), lambda: theirs.fit(X, y)
    return Race(work, "MLPClassifier", *fits, at_least=2.5, count=steps, unit="a step", share=2.0)


@race
def sparse(options: Options, epochs: int = 3) -> Race:
    X, y = sparse_table(20_000, 5_000, density=0.004)
    ours, theirs = our_classifier(64, epochs, 256), mlp_classifier(64, epochs, 256)
    work = "CSR 20,000 × 5,000 (0.4 %) → 64 → 1, batch 256"
    fits = lambda: ours.fit(X, y), lambda: theirs.fit(X, y)
    return Race(work, "MLPClassifier", *fits, at_least=1.5, count=epochs, unit="an epoch", share=2.0)


def document_000(epochs: int) -> tuple[np.ndarray, np.ndarray, Callable[[], object]]:
    X, y = breast_cancer()
    settings = {"solver": "sgd", "learning_rate": 0.05, "weight_init": Normal(0.01)}
    ours = our_classifier(16, epochs, batch_size=len(X), alpha=0.0, **settings)
    return X, y, lambda: ours.fit(X, y)


@race
def full_batch_notebook(options: Options, epochs: int = 500) -> Race:
    X, y, ours = document_000(epochs)
    work = f"455 × 30 → 16 → 1, full batch, sgd, {epochs} epochs"
    theirs = lambda: notebook_loop(X, y, 16, 0.05, epochs)  # noqa: E731
    return Race(work, "the notebook's loop", ours, theirs, at_least=1.25, count=epochs, unit="an epoch", share=15.0)


@race
def full_batch_mlp(options: Options, epochs: int = 500) -> Race:
    X, y, ours = document_000(epochs)
    theirs = mlp_classifier(16, epochs, len(X), alpha=0.0, solver="sgd", learning_rate_init=0.05, momentum=0.0)
    row = full_batch_notebook(options, epochs)
    return row._replace(against="MLPClassifier", ours=ours, theirs=lambda: theirs.fit(X, y), at_least=2.2, share=3.0)


def tall(dtype: type, at_least: float, epochs: int = 5) -> Race:
    X, y = random_table(50_000, 50, dtype=dtype)
    ours, theirs = our_classifier(64, epochs, 256), mlp_classifier(64, epochs, 256)
    work = f"50,000 × 50 → 64 → 1, batch 256, {np.dtype(dtype)}"
    fits = lambda: ours.fit(X, y), lambda: theirs.fit(X, y)
    return Race(work, "MLPClassifier", *fits, at_least=at_least, count=epochs, unit="an epoch")


@race
def tall_float64(options: Options) -> Race:
    return tall(np.float64, at_least=2.6)


@race
def tall_float32(options: Options) -> Race:
    return tall(np.float32, at_least=4.0)


@race
def wide(options: Options, epochs: int = 10) -> Race:
    X, y = random_table(10_000, 784, 10)
    ours, theirs = our_classifier(100, epochs, 200), mlp_classifier(100, epochs, 200)
    work = "10,000 × 784 → 100 → 10, batch 200, float64"
    fits = lambda: ours.fit(X, y), lambda: theirs.fit(X, y)
    return Race(work, "MLPClassifier", *fits, at_least=1.2, count=epochs, unit="an epoch")


@race
def wide_products(options: Options, epochs: int = 10) -> Race:
    X, _ = random_table(10_000, 784, 10)
    row = wide(options, epochs)
    theirs = matrix_products(X, 100, 10, 200, epochs)
    return row._replace(against="its matrix products alone", theirs=theirs, at_least=None, at_most=1.6, share=3.0)


def searches(epochs: int = 20, n_jobs: int = 1) -> tuple[GridSearchCV, GridSearchCV]:
    """24 candidates × 5 folds over each of the two, with equal settings and epochs."""
    units, penalties, rates = [4, 8, 16, 32], [1e-5, 1e-4, 1e-3], [1e-3, 1e-2]
    our_grid = {"hidden_units": units, "alpha": [a / 32 for a in penalties], "learning_rate": rates}
    mlp_grid = {"hidden_layer_sizes": [(h,) for h in units], "alpha": penalties, "learning_rate_init": rates}
    return (
        GridSearchCV(our_classifier(16, epochs, 32), our_grid, cv=5, n_jobs=n_jobs, error_score="raise"),
        GridSearchCV(mlp_classifier(16, epochs, 32), mlp_grid, cv=5, n_jobs=n_jobs, error_score="raise"),
    )


@race
def grid_search(options: Options) -> Race:
    X, y = breast_cancer()
    ours, theirs = searches()
    fits = lambda: ours.fit(X, y), lambda: theirs.fit(X, y)
    return Race("GridSearchCV, 24 × 5 fits, breast cancer", "the same, MLPClassifier", *fits, at_least=5.5, share=0.4)


def default_fit(name: str, load: Callable, at_least: float, share: float) -> Race:
    """Nothing set but random_state: each has the layer of 100 units and stops when its own rules say so."""
    X, y = standardised(load)
    ours, theirs = TwoLayerClassifier(random_state=0), MLPClassifier(random_state=0)
    work = f"default fit, {name}, {len(X):,} × {X.shape[1]}"
    fits = lambda: ours.fit(X, y), lambda: theirs.fit(X, y)
    return Race(work, "MLPClassifier's", *fits, at_least=at_least, unit="a fit", share=share)


@race
def default_fit_breast_cancer(options: Options) -> Race:
    return default_fit("breast cancer", load_breast_cancer, at_least=8.0, share=3.0)


@race
def default_fit_digits(options: Options) -> Race:
    return default_fit("digits", load_digits, at_least=5.0, share=1.5)


# ---------------------------------------------------------------- prediction, import


def fitted(units: int, n_features: int = 30) -> tuple:
    X, y = random_table(2_000, n_features)
    return our_classifier(units, 1, 200).fit(X, y), mlp_classifier(units, 1, 200).fit(X, y)


def predict_many(units: int) -> Race:
    X, _ = random_table(1_000_000, 30)
    ours, theirs = fitted(units)
    calls = lambda: ours.predict_proba(X), lambda: theirs.predict_proba(X)
    return Race(f"predict_proba, 1,000,000 × 30, {units} units", "MLPClassifier", *calls, at_least=1.6, share=3.0)


@race
def predict_many_16(options: Options) -> Race:
    return predict_many(16)


@race
def predict_many_100(options: Options) -> Race:
    return predict_many(100)


@race
def predict_one(options: Options, calls: int = 300) -> Race:
    x = random_table(1, 30)[0]
    ours, theirs = fitted(16)

    def repeat(model) -> Callable[[], None]:
        def call() -> None:
            for _ in range(calls):
                model.predict_proba(x)

        return call

    work = "predict_proba, one row of 30"
    return Race(work, "MLPClassifier", repeat(ours), repeat(theirs), at_least=4.0, count=calls, unit="a call")


@race
def import_time(options: Options) -> Race:
    def load(module: str) -> Callable[[], float]:
        now = {"wall": "perf_counter", "cpu": "process_time"}[options.clock]
        code = f"from time import {now} as now; t = now(); import {module}; print(now() - t)"

        def run() -> float:
            env = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
            env.pop("PYTHONDONTWRITEBYTECODE", None)  # the first call compiles, as an installation does
            command = [sys.executable, "-c", code]
            return float(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)

        return run

    loads = load("skbackprop"), load("sklearn.neural_network")
    return Race("import skbackprop", "import sklearn.neural_network", *loads, at_most=1.1, share=2.0)


# ---------------------------------------------------------------- memory, each in a process of its own


def memory_of_predict(n_rows: int) -> tuple[int, int]:
    model, _ = fitted(16)
    X = np.empty((n_rows, 30))
    np.random.default_rng(0).standard_normal(out=X)
    with PeakMemory() as peak:
        P = model.predict_proba(X)
    return peak.bytes, P.nbytes


@memory
def predict_memory(options: Options) -> Memory:
    peak, output = common.in_fresh_process(memory_of_predict, 1_000_000, threads=options.threads)
    return Memory("predict_proba, 1,000,000 × 30, memory", "beyond the output", peak - output, 64 * MB)


def memory_of_fit(n_rows: int, n_features: int, early_stopping: bool) -> tuple[int, int, bool]:
    """Bytes above those of X and y, during fit and when it has returned, and whether X is what it was."""
    X = np.empty((n_rows, n_features))
    np.random.default_rng(0).standard_normal(out=X)
    y = (X[:, 0] > 0).astype(np.int64)
    checksum = X[::1000].copy()
    warm = our_classifier(64, 1, 256, early_stopping=early_stopping)
    warm.fit(X[:1000], y[:1000])  # imports, BLAS buffers
    model = our_classifier(64, 2, 256, early_stopping=early_stopping)
    with PeakMemory() as peak:
        model.fit(X, y)
    left = kept_memory(lambda: clone(model).fit(X, y))
    return peak.bytes, left, bool(np.array_equal(checksum, X[::1000]))


def fit_memory(options: Options, early_stopping: bool, afterwards: bool = False) -> Memory:
    """The limits: eight vectors of n float64, and 16 MB for batch, weights and the interpreter; X is 100 of them.

    Afterwards: no vector of n float32.
    """
    n_rows, n_features = 500_000, 100
    arguments = n_rows, n_features, early_stopping
    used, left, unchanged = common.in_fresh_process(memory_of_fit, *arguments, threads=options.threads)
    if not unchanged:
        raise AssertionError("fit has changed X")
    how = "early stopping" if early_stopping else "no early stopping"
    work = f"fit, 500,000 × 100 float64 (400 MB), {how}"
    if afterwards:
        return Memory(work, "left when it returns", left, 4 * n_rows)
    return Memory(work, "beyond X", used, 8 * 8 * n_rows + 16 * MB)


@memory
def fit_memory_plain(options: Options) -> Memory:
    return fit_memory(options, early_stopping=False)


@memory
def fit_memory_early(options: Options) -> Memory:
    return fit_memory(options, early_stopping=True)


@memory
def fit_memory_left(options: Options) -> Memory:
    return fit_memory(options, early_stopping=True, afterwards=True)
