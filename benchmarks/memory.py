"""Fit and predict a memory-mapped table much larger than what the process may take: its own memory is measured.

    python -m benchmarks.memory [--gigabytes 2] [--folder DIR]

Measured is RssAnon: pages that no file stands behind. The pages of the mapped X are the operating system's, which takes
them back when it likes.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from .common import (
    MB,
    PeakMemory,
    can_measure_memory,
    command_line,
    environment,
    in_fresh_process,
    our_classifier,
    print_environment,
    write_json,
)

N_FEATURES = 100
BATCH = 256
UNITS = 64
LIMIT = 400 * MB


def write_table(folder: Path, gigabytes: float) -> int:
    """Write X (float32) and y a block at a time; return the number of rows."""
    n, block = int(gigabytes * 1e9 / (4 * N_FEATURES)), 50_000
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=np.float32, shape=(n, N_FEATURES))
    y = np.empty(n, np.int64)
    for i in range(0, n, block):
        rows = rng.standard_normal((min(block, n - i), N_FEATURES), np.float32)
        X[i : i + block] = rows
        y[i : i + block] = rows[:, 0] + rows[:, 1] * rows[:, 2] > 0
    X.flush()
    np.save(folder / "y.npy", y)
    return n


def fit_and_predict(folder: str, early_stopping: bool) -> list[dict[str, object]]:
    """Run in a fresh process: fit, then predict_proba, each with the most memory it took above its start."""
    X, y = np.load(Path(folder) / "X.npy", mmap_mode="r"), np.load(Path(folder) / "y.npy")
    our_classifier(UNITS, 1, BATCH, early_stopping=early_stopping).fit(X[:1000], y[:1000])  # imports, BLAS buffers
    model = our_classifier(UNITS, 1, BATCH, early_stopping=early_stopping)
    results = []
    for call, run in (("fit", lambda: model.fit(X, y)), ("predict_proba", lambda: model.predict_proba(X))):
        started = time.perf_counter()
        with PeakMemory() as peak:
            result = run()
        results.append(
            {
                "call": call,
                "early_stopping": early_stopping,
                "bytes": peak.bytes,
                "output_bytes": getattr(result, "nbytes", 0),
                "seconds": time.perf_counter() - started,
                "holds": peak.bytes <= LIMIT,
            }
        )
    return results


def main(arguments: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of X")
    parser.add_argument("--folder", help="where the temporary table is written; by default the system's place for them")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a limit is passed")
    args = parser.parse_args(arguments)
    if not can_measure_memory():
        print("skipped: there is no RssAnon in /proc/self/status to read")
        return 0

    env = environment(args.threads)
    print_environment(env)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        n = write_table(Path(folder), args.gigabytes)
        size = 4 * n * N_FEATURES / MB
        print(f"X: {n:,} × {N_FEATURES} float32, {size:,.0f} MB, memory-mapped; {UNITS} units, batch {BATCH}")
        results = []
        for early_stopping in (False, True):
            results += in_fresh_process(fit_and_predict, folder, early_stopping, threads=args.threads)
    for r in results:
        how = "with" if r["early_stopping"] else "without"
        output = f"  (its output: {r['output_bytes'] / MB:.0f} MB)" if r["output_bytes"] else ""
        print(
            f"{r['call']:<14} {how + ' early stopping':<23} {r['seconds']:6.1f} s  own memory above start "
            f"{r['bytes'] / MB:4.0f} MB, asked ≤ {LIMIT / MB:.0f}: {'holds' if r['holds'] else 'FALLS SHORT'}{output}"
        )
    write_json(args.output, "memory", {"environment": env, "rows": n, "results": results})
    return int(args.strict and not all(r["holds"] for r in results))


if __name__ == "__main__":
    raise SystemExit(main())
