"""Measure how a search scales over the worker processes of a local dask cluster.

    python tools/scaling.py --workers 1 2

prints, for each number of workers, the seconds that a GridSearchCV takes, and the ratio of its speed to the ideal one.
"""

from __future__ import annotations

import argparse
import os
import time

import joblib
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV

from skbackprop import TwoLayerClassifier

GRID = {"alpha": [1e-4, 1e-3, 1e-2, 1e-1], "hidden_units": [32, 64]}


def seconds_of_search(n_workers: int, n_rows: int) -> float:
    """Return the seconds of a search of 24 fits and a refit, on workers that are already warmed up."""
    from dask.distributed import Client, LocalCluster

    X, y = make_classification(n_rows, 30, n_informative=10, random_state=0)
    classifier = TwoLayerClassifier(
        max_iter=20, n_iter_no_change=None, early_stopping=False, batch_size=128, random_state=0
    )
    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        joblib.Parallel()(joblib.delayed(classifier.fit)(X[:200], y[:200]) for _ in range(4 * n_workers))  # warm up
        start = time.perf_counter()
        GridSearchCV(classifier, GRID, cv=3).fit(X, y)
        return time.perf_counter() - start


def main() -> None:
    """Read the command line and print the curve."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rows", type=int, default=4000)
    arguments = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # the workers inherit it
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before\nworkers  seconds  of the ideal speed")
    base = None
    for n_workers in arguments.workers:
        seconds = seconds_of_search(n_workers, arguments.rows)
        base = base or seconds * n_workers
        print(f"{n_workers:7d}  {seconds:7.1f}  {base / (n_workers * seconds):.0%}", flush=True)


if __name__ == "__main__":
    main()
