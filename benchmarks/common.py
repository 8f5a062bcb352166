"""What the benchmarks share: the two classifiers with equal settings, paired timing, memory, environment, output."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.sparse import csr_matrix, random as random_sparse
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

import skbackprop
from skbackprop import BackpropClassifier, TwoLayerClassifier

RESULTS = Path(__file__).parent / "results"
MB = 1e6
ALPHA = 1e-4  # MLPClassifier's default penalty

# ---------------------------------------------------------------- the two classifiers, doing the same work

# Every mechanism of ours that MLPClassifier does not have, switched off; and exactly max_iter epochs.
PLAIN = {"early_stopping": False, "n_iter_no_change": None, "schedule": "constant", "dropout": 0.0}


Units = int | tuple[int, ...]  # of the one hidden layer, or of each of any number of them


def our_classifier(
    units: Units, epochs: int, batch_size: int, alpha: float = ALPHA, **params
) -> TwoLayerClassifier | BackpropClassifier:
    """alpha as MLPClassifier counts it: it divides the penalty by the size of the batch, we do not."""
    settings = PLAIN | {"solver": "adam", "learning_rate": 1e-3, "random_state": 0} | params
    classifier = BackpropClassifier if isinstance(units, tuple) else TwoLayerClassifier
    return classifier(units, max_iter=epochs, batch_size=batch_size, alpha=alpha / batch_size, **settings)


def mlp_classifier(units: Units, epochs: int, batch_size: int, alpha: float = ALPHA, **params) -> MLPClassifier:
    settings = {"solver": "adam", "learning_rate_init": 1e-3, "random_state": 0, "tol": 0.0, "n_iter_no_change": 10**9}
    layers = units if isinstance(units, tuple) else (units,)
    return MLPClassifier(layers, max_iter=epochs, batch_size=batch_size, alpha=alpha, **(settings | params))


def breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """The 455 training rows of the documents, standardised."""
    X, y = load_breast_cancer(return_X_y=True)
    X, _, y, _ = train_test_split(X, y, test_size=0.2, random_state=42)
    return StandardScaler().fit_transform(X), y


def standardised(load: Callable) -> tuple[np.ndarray, np.ndarray]:
    """A whole table of scikit-learn's."""
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def sparse_table(n_rows: int, n_features: int, density: float) -> tuple[csr_matrix, np.ndarray]:
    """Uniform numbers in random places, by rows; the label tells on which side of the median a linear model has it."""
    X = random_sparse(n_rows, n_features, density, format="csr", random_state=0)
    X.sort_indices()
    scores = X @ np.random.default_rng(0).standard_normal(n_features)
    return X, (scores > np.median(scores)).astype(np.int64)


def random_table(n_rows: int, n_features: int, n_classes: int = 2, dtype=np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Normal features; the label is what a random linear model of them with noise says is most likely."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype)
    scores = X[:, :20] @ rng.standard_normal((min(20, n_features), n_classes), dtype)
    return X, (scores + rng.standard_normal(scores.shape, dtype)).argmax(axis=1)


# ---------------------------------------------------------------- time

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def seconds(function: Callable[[], object], clock: str = "wall") -> float:
    """Time one call. A function that times something itself returns the seconds as a float."""
    now = CLOCKS[clock]
    started = now()
    told = function()
    return told if isinstance(told, float) else now() - started


def paired(ours: Callable, theirs: Callable, pairs: int, clock: str = "wall") -> tuple[list[float], list[float]]:
    """Time ours, theirs, ours, theirs, …: what else the machine does then hits both. The first pair only warms up."""
    times = [(seconds(ours, clock), seconds(theirs, clock)) for _ in range(pairs + 1)][1:]
    return [a for a, _ in times], [b for _, b in times]


def quartiles(values: list[float]) -> tuple[float, float, float]:
    return tuple(statistics.quantiles(values, n=4, method="inclusive")) if len(values) > 1 else (values[0],) * 3


def in_words(t: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if t >= size:
            return f"{t / size:.3g} {unit}"
    return f"{t * 1e6:.3g} µs"


@contextmanager
def quietly():
    """The fits are short on purpose; scikit-learn's warning of it is not news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


# ---------------------------------------------------------------- memory


def own_memory() -> int:
    """Bytes of this process that no file stands behind (RssAnon): mapped files, such as a memory map, do not count."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


def can_measure_memory() -> bool:
    try:
        return own_memory() > 0
    except (OSError, StopIteration):
        return False


class PeakMemory:
    """The most own memory in use during a block, above that at its start, as ``.bytes``.

    A thread looks every millisecond. What the block leaves behind (its result) counts too. To be used in a fresh
    process, whose allocator has no freed memory to give out again.
    """

    def __enter__(self) -> PeakMemory:
        self.start = self.highest = own_memory()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(1e-3):
            self.highest = max(self.highest, own_memory())

    def __exit__(self, *exception) -> None:
        self._over.set()
        self._watcher.join()
        self.bytes = max(self.highest, own_memory()) - self.start


def kept_memory(function: Callable[[], object]) -> int:
    """Bytes of Python and NumPy that a call leaves behind when it returns, before any garbage collection.

    tracemalloc counts them, since freed memory that the allocator holds on to would count as the process's own.
    """
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = function()  # what it returns stays, too
        kept = tracemalloc.get_traced_memory()[0] - before
        del result
    finally:
        tracemalloc.stop()
        gc.enable()
    return kept


def in_fresh_process(function: Callable, *arguments, threads: int = 1):
    """Return function(*arguments) as computed by a new process. Both must be importable, not local."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_with_threads, threads, function, *arguments).result()


def _with_threads(threads: int, function: Callable, *arguments):
    with threadpool_limits(threads), quietly():
        return function(*arguments)


# ---------------------------------------------------------------- command line and output


def command_line(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--threads", type=int, default=1, help="BLAS and OpenMP threads")
    return parser


def environment(threads: int) -> dict[str, object]:
    blas = sorted({f"{lib['internal_api']} {lib['version']}" for lib in threadpool_info() if lib["user_api"] == "blas"})
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "skbackprop": skbackprop.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "sklearn": sklearn.__version__,
        "blas": ", ".join(blas),
        "threads": threads,
        "cpus": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def print_environment(env: dict[str, object]) -> None:
    print(" | ".join(f"{name} {value}" for name, value in env.items()))


def write_json(folder: Path, name: str, content: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")
    print(f"written: {path}")


def pyplot():
    """matplotlib's pyplot without a screen; None, saying so, where it is not installed."""
    try:
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt
    except ImportError:
        print("no figure: matplotlib is not installed")
        return None
    return plt


def write_figure(folder: Path, name: str, figure) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=120, bbox_inches="tight")
    print(f"written: {path}")
