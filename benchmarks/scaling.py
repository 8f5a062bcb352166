"""How the time of an epoch grows with rows, features, units and batch size, against the bare matrix products.

    python -m benchmarks.scaling [--quick]

Also: one BLAS thread against two, and a grid search with n_jobs 1 and 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from .baselines import matrix_products
from .common import (
    breast_cancer,
    command_line,
    environment,
    in_words,
    our_classifier,
    print_environment,
    pyplot,
    quietly,
    random_table,
    seconds,
    write_figure,
    write_json,
)
from .rows import searches


class Shape(NamedTuple):
    rows: int = 8192
    features: int = 50
    units: int = 64
    batch: int = 256
    classes: int = 2


AXES = {
    "rows": [256, 1024, 4096, 16_384, 65_536],
    "features": [4, 16, 64, 256, 1024],
    "units": [4, 16, 64, 256, 1024],
    "batch": [8, 32, 128, 512, 2048, 8192],
}
THREAD_SHAPES = {
    "455 × 30 → 16 → 1, batch 32": Shape(455, 30, 16, 32),
    "8,192 × 50 → 64 → 1, batch 256": Shape(),
    "10,000 × 784 → 100 → 10, batch 200": Shape(10_000, 784, 100, 200, 10),
    "8,192 × 784 → 512 → 10, batch 1,024": Shape(8192, 784, 512, 1024, 10),
}


def fastest(functions: list, repeats: int) -> list[float]:
    """The least time of each function over interleaved rounds: noise only ever adds."""
    times = [[seconds(f) for f in functions] for _ in range(repeats + 1)]
    return [min(column) for column in zip(*times[1:], strict=True)]


def epoch_times(shape: Shape, repeats: int) -> dict[str, float]:
    """Seconds of one epoch: of fit (several epochs in it), and of the matrix products of as many steps."""
    X, y = random_table(shape.rows, shape.features, shape.classes)
    outputs = 1 if shape.classes == 2 else shape.classes
    steps = -(-shape.rows // shape.batch)
    epochs = max(2, min(64, 64 // steps))  # enough steps that what fit does once does not count
    model = our_classifier(shape.units, epochs, shape.batch)
    products = matrix_products(X, shape.units, outputs, shape.batch, epochs)
    fit, bare = fastest([lambda: model.fit(X, y), products], repeats)
    return {"fit": fit / epochs, "products": bare / epochs, "steps": steps}


def exponent(x: list[float], t: list[float]) -> float:
    """The slope of log t over log x: t grows as x to this power."""
    return float(np.polyfit(np.log(x), np.log(t), 1)[0])


def measure_axis(axis: str, values: list[int], repeats: int) -> dict[str, object]:
    times = [epoch_times(Shape(**{axis: value}), repeats) for value in values]
    fit, products = ([t[name] for t in times] for name in ("fit", "products"))
    overhead = [f / p for f, p in zip(fit, products, strict=True)]
    close = [value for value, ratio in zip(values, overhead, strict=True) if ratio < 2.0]
    half = len(values) // 2
    result = {
        "axis": axis,
        "values": values,
        "fit": fit,
        "products": products,
        "exponent": exponent(values, fit),
        "exponent_upper_half": exponent(values[half:], fit[half:]),
        "exponent_of_products": exponent(values, products),
        "within_twice_the_products": close,
    }
    print(f"\n{axis}: " + ", ".join(f"{v} {name}" for name, v in Shape()._asdict().items() if name != axis))
    for value, f, p, ratio, t in zip(values, fit, products, overhead, times, strict=True):
        each = in_words(f / t["steps"])
        print(f"  {value:>7,}: epoch {in_words(f):>8}, step {each:>8}, products {in_words(p):>8}: {ratio:5.2f} × them")
    print(
        f"  time ~ {axis}^{result['exponent']:.2f} (upper half ^{result['exponent_upper_half']:.2f}, products "
        f"^{result['exponent_of_products']:.2f}); "
        + (f"within twice the products at {', '.join(map(str, close))}" if close else "never within twice the products")
    )
    return result


def measure_threads(repeats: int) -> list[dict[str, object]]:
    """One thread against two; and whether the weights come out the same to the last bit."""
    results = []
    print("\nBLAS threads")
    for name, shape in THREAD_SHAPES.items():
        X, y = random_table(shape.rows, shape.features, shape.classes)
        models = {n: our_classifier(shape.units, 3, shape.batch) for n in (1, 2)}

        def fit(n: int, models=models, X=X, y=y) -> None:
            with threadpool_limits(n):
                models[n].fit(X, y)

        one, two = fastest([lambda: fit(1), lambda: fit(2)], repeats)
        same = all(np.array_equal(a, b) for a, b in zip(models[1].coefs_, models[2].coefs_, strict=True))
        print(
            f"  {name:<37} one {in_words(one):>8}, two {in_words(two):>8}: {one / two:.2f} × faster, same bits: {same}"
        )
        results.append({"shape": name, "one": one, "two": two, "same_bits": same})
    return results


def measure_jobs(repeats: int) -> list[dict[str, object]]:
    """A grid search of 120 fits with one and two processes."""
    X, y = breast_cancer()
    results = []
    print("\nGridSearchCV, 24 candidates × 5 folds, breast cancer, 20 epochs")
    for n_jobs in (1, 2):
        ours, theirs = searches(n_jobs=n_jobs)
        a, b = fastest([lambda s=ours: s.fit(X, y), lambda s=theirs: s.fit(X, y)], repeats)
        print(f"  n_jobs={n_jobs}: ours {in_words(a)}, MLPClassifier {in_words(b)}: {b / a:.2f} × faster")
        results.append({"n_jobs": n_jobs, "ours": a, "mlp": b})
    return results


def draw(plt: object, axes: list[dict[str, object]]) -> object:
    figure, panels = plt.subplots(1, len(axes), figsize=(4 * len(axes), 3.5), sharey=True)
    for ax, result in zip(panels, axes, strict=True):
        ax.loglog(result["values"], result["fit"], "o-", label=f"fit ~ {result['axis']}^{result['exponent']:.2f}")
        ax.loglog(result["values"], result["products"], "s--", label="its matrix products alone")
        ax.set_xlabel(result["axis"])
        ax.legend(fontsize=8)
    panels[0].set_ylabel("seconds an epoch")
    return figure


def main(arguments: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer points, once each")
    args = parser.parse_args(arguments)
    repeats = 1 if args.quick else 5

    env = environment(args.threads)
    print_environment(env)
    with threadpool_limits(args.threads), quietly():
        axes = [measure_axis(axis, v[:3] if args.quick else v, repeats) for axis, v in AXES.items()]
        jobs = measure_jobs(1 if args.quick else 2)
    with quietly():
        threads = measure_threads(repeats)
    write_json(args.output, "scaling", {"environment": env, "axes": axes, "threads": threads, "jobs": jobs})
    if plt := pyplot():
        write_figure(args.output, "scaling", draw(plt, axes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
