"""Print what is promised of speed, as ratios, and of memory, as measured in this run, and say what falls short.

python -m benchmarks [--threads 2] [--only WORD] [--strict]
"""

from __future__ import annotations

import statistics
from math import ceil

from threadpoolctl import threadpool_limits

from .common import (
    CLOCKS,
    MB,
    can_measure_memory,
    command_line,
    environment,
    in_words,
    paired,
    print_environment,
    pyplot,
    quartiles,
    quietly,
    write_figure,
    write_json,
)
from .rows import MEMORY, RACES, Memory, Options, Race


def run_race(race: Race, pairs: int, clock: str) -> dict[str, object]:
    """The ratio is the median of the pairs' ratios."""
    a, b = paired(race.ours, race.theirs, ceil(race.share * pairs), clock)
    ratios = [y / x if race.at_least else x / y for x, y in zip(a, b, strict=True)]
    low, ratio, high = quartiles(ratios)
    target = race.at_least or race.at_most
    return {
        "work": race.work,
        "against": race.against,
        "ratio": ratio,
        "quartiles": [low, high],
        "asked": f"{'≥' if race.at_least else '≤'} {target:g} ×",
        "holds": ratio >= target if race.at_least else ratio <= target,
        "margin": ratio / target if race.at_least else target / ratio,
        "unit": race.unit,
        "ours": statistics.median(a) / race.count,
        "theirs": statistics.median(b) / race.count,
    }


def in_line(result: dict[str, object]) -> str:
    if "skipped" in result:
        return f"{result['work']:<62}  skipped: {result['skipped']}"
    verdict = "holds" if result["holds"] else "FALLS SHORT"
    head = f"{result['work']:<50}  {result['against']:<27}"
    if "bytes" in result:
        return f"{head} {result['bytes'] / MB:7.1f} MB {'':15} {result['asked']:>9}  {verdict}"
    low, high = result["quartiles"]
    spread = f"({low:.2f} – {high:.2f})"
    each = f" {result['unit']}" if result["unit"] else ""
    times = f"{in_words(result['ours'])} : {in_words(result['theirs'])}{each}"
    return f"{head} {result['ratio']:7.2f} ×  {spread:<15} {result['asked']:>9}  {verdict:<11}  {times}"


def run_memory(row: Memory) -> dict[str, object]:
    return {
        "work": row.work,
        "against": row.against,
        "bytes": row.used,
        "asked": f"≤ {row.limit / MB:.0f} MB",
        "holds": row.used <= row.limit,
        "margin": row.limit / max(row.used, 1.0),
    }


def measure(make: object, options: Options, pairs: int) -> dict[str, object]:
    if make in MEMORY and not can_measure_memory():
        return {"work": make.__name__, "skipped": "there is no RssAnon in /proc/self/status to read"}
    try:
        row = make(options)
    except ImportError as error:
        return {"work": make.__name__, "skipped": f"{error.name or error} is not installed"}
    return run_memory(row) if isinstance(row, Memory) else run_race(row, pairs, options.clock)


def draw(plt: object, results: list[dict[str, object]], env: dict[str, object]) -> object:
    rows = [r for r in results if "margin" in r][::-1]
    figure, ax = plt.subplots(figsize=(10, 0.4 * len(rows) + 1.5))
    colors = ["tab:blue" if r["holds"] else "tab:red" for r in rows]
    ax.barh([f"{r['work']}\nagainst: {r['against']}" for r in rows], [r["margin"] for r in rows], color=colors)
    ax.axvline(1.0, color="black", linewidth=1)
    ax.set(xscale="log", xlabel="measured / asked (to the right of 1: holds)")
    names = ("numpy", "sklearn", "blas", "threads")
    ax.set_title(", ".join(f"{name} {env[name]}" for name in names), fontsize=8)
    ax.tick_params(axis="y", labelsize=6)
    return figure


def main(arguments: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="how often a pair is timed, of short ones a multiple")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="cpu suits a busy machine and one thread")
    parser.add_argument("--only", default="", metavar="WORD", help="only the rows whose function's name contains it")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a row falls short")
    args = parser.parse_args(arguments)

    options = Options(args.threads, args.clock)
    env = environment(args.threads) | {"clock": args.clock}
    print_environment(env)
    print(f"ratios: the median of {args.pairs} pairs, of some rows fewer or more (quartiles); times: ours : theirs\n")
    results = []
    with threadpool_limits(args.threads), quietly():
        for make in RACES + MEMORY:
            if args.only in make.__name__:
                results.append({"row": make.__name__} | measure(make, options, args.pairs))
                print(in_line(results[-1]), flush=True)

    short = [f"{r['work']} / {r['against']}" for r in results if not r.get("holds", True)]
    measured = sum("holds" in r for r in results)
    print(f"\n{measured - len(short)} of {measured} rows hold." + "".join(f"\n  falls short: {row}" for row in short))
    write_json(args.output, f"speed_{args.threads}_threads", {"environment": env, "rows": results})
    if results and (plt := pyplot()):
        write_figure(args.output, f"speed_{args.threads}_threads", draw(plt, results, env))
    return int(args.strict and bool(short))


if __name__ == "__main__":
    raise SystemExit(main())
