"""Judge the defaults on real tables, against three classifiers of scikit-learn with theirs.

    python -m benchmarks.defaults [--data DIR] [--seeds 5] [--quick] [--ours "TwoLayerClassifier(...)" ...]

Log loss, accuracy and fit time of each, a table for all seeds, and the promised sentences with a verdict for each seed.
Then the log loss of networks that are trained on 30 to 99 rows of each table.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import skbackprop
from skbackprop import initializers, losses, schedules, solvers

from .common import command_line, environment, print_environment, write_json
from .tables import (
    FEW_ROWS,
    N_DRAWS,
    N_FOLDS,
    TableOf,
    can_be_drawn_from,
    cut,
    data_folder,
    draw,
    folds,
    load_tables,
)

MLP, LOGISTIC = "MLPClassifier()", "LogisticRegression()"
COMPETITORS = {
    MLP: MLPClassifier,
    LOGISTIC: LogisticRegression,
    "HistGradientBoostingClassifier()": HistGradientBoostingClassifier,
}
SHORT = {MLP: "mlp", LOGISTIC: "logistic", "HistGradientBoostingClassifier()": "boosting"}
AT_MOST = {MLP: 0.95, LOGISTIC: 1.05}  # times their log loss on a few rows
MEASURES = ("log_loss", "accuracy", "seconds")
QUICK_ROWS = 1500

Scores = dict[str, float]  # a value for each of MEASURES


def from_text(text: str) -> object:
    """Build an estimator of ours from what was typed, such as ``TwoLayerClassifier(solver=Adam(beta_2=0.99))``."""
    names = {name: vars(module)[name] for module in (initializers, losses, schedules, solvers) for name in vars(module)}
    names |= {name: getattr(skbackprop, name) for name in ("TwoLayerClassifier", "BackpropClassifier")}
    return eval(text, names)


def score(model: object, table: TableOf, seed: int, n_rows: int | None = None) -> Scores:
    """The means over the folds, or the scores of one draw of n_rows. For the logarithm, zero is the machine epsilon."""
    totals = dict.fromkeys(MEASURES, 0.0)
    parts = [*folds(table, seed)] if n_rows is None else [draw(table, n_rows, seed)]
    for i, fold in enumerate(parts):
        model.set_params(random_state=N_FOLDS * seed + i)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of too few iterations, which are the defaults'
            started = time.perf_counter()
            model.fit(fold.X, fold.y)
            totals["seconds"] += time.perf_counter() - started
        P = model.predict_proba(fold.X_test)
        totals["log_loss"] += log_loss(fold.y_test, P, labels=np.arange(P.shape[1]))
        totals["accuracy"] += np.mean(P.argmax(axis=1) == fold.y_test)
    return {name: total / len(parts) for name, total in totals.items()}


class Cache:
    """The competitors' scores, which no change of ours touches: kept in a file, for the same versions and tables."""

    def __init__(self, path: Path, env: dict[str, object], fresh: bool) -> None:
        self.path = path
        kept = "{}" if fresh or not path.exists() else path.read_text(encoding="utf-8")
        self.scores: dict[str, Scores] = json.loads(kept)
        self.versions = [env[name] for name in ("python", "numpy", "scipy", "sklearn", "blas", "threads", "cpus")]
        self.used = 0

    def score(self, name: str, model: object, table: TableOf, seed: int, n_rows: int | None = None) -> Scores:
        content = [name, self.versions, table.X.to_csv(), table.y.tolist(), seed, n_rows or N_FOLDS]
        rows = "" if n_rows is None else f"[{n_rows}]"
        key = f"{name} {table.name}{rows} {seed} {hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]}"
        if key in self.scores:
            self.used += 1
        else:
            self.scores[key] = score(model, table, seed, n_rows)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.scores, indent=1), encoding="utf-8")
        return self.scores[key]


def geometric_mean(ratios: np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(ratios))))


def sentences(ours: dict[str, Scores], mlp: dict[str, Scores]) -> dict[str, tuple[float, str, bool]]:
    """The promises about the defaults, over tables by name: the measured number, what is asked, whether it holds."""
    loss, accuracy, seconds = (
        [np.array([scores[table][name] for table in mlp]) for scores in (ours, mlp)] for name in MEASURES
    )
    share = float(np.mean(loss[0] <= loss[1] + 0.002))
    ratio = geometric_mean(loss[0] / loss[1])
    gain = float(np.mean(accuracy[0] - accuracy[1]))
    speed = geometric_mean(seconds[1] / seconds[0])
    return {
        "tables where log loss is lower, or higher by at most 0.002": (share, "≥ 5/6", share >= 5 / 6),
        "geometric mean of the log-loss ratios": (ratio, "≤ 0.90", ratio <= 0.90),
        "mean gain in accuracy": (gain, "≥ 0.005", gain >= 0.005),
        "geometric mean of the speed-ups of fit": (speed, "≥ 5", speed >= 5),
    }


def average(by_seed: list[dict[str, Scores]]) -> dict[str, Scores]:
    """The means over seeds, for each table."""
    return {
        table: {name: float(np.mean([scores[table][name] for scores in by_seed])) for name in MEASURES}
        for table in by_seed[0]
    }


def print_table(tables: list[TableOf], results: dict[str, list[dict[str, Scores]]], ours: str) -> None:
    """A line for each table, the means over seeds; a * where ours has the lower log loss than MLPClassifier."""
    columns = {"ours": average(results[ours])} | {SHORT[name]: average(results[name]) for name in COMPETITORS}
    heads = "".join(f"{name:>9}" for name in columns)
    print(f"\n{'':<24}{'':>14} | {'log loss':^36} | {'accuracy':^36} | {'fit seconds':^36}")
    print(f"{'table':<24}{'rows × cols':>14} |{heads} |{heads} |{heads}")
    for table in tables:
        cells = [
            "".join(f"{scores[table.name][name]:9.3f}" if name == "seconds" else f"{scores[table.name][name]:9.4f}"
                    for scores in columns.values())
            for name in MEASURES
        ]  # fmt: skip
        won = columns["ours"][table.name]["log_loss"] <= columns["mlp"][table.name]["log_loss"]
        shape = f"{len(table.y):,} × {table.X.shape[1]}"
        print(f"{table.name:<24}{shape:>14} |{' |'.join(cells)} {'*' if won else ''}")
    base = columns["mlp"]
    for name, scores in columns.items():
        ratio = geometric_mean(np.array([scores[t]["log_loss"] / base[t]["log_loss"] for t in base]))
        accuracy = np.mean([scores[t]["accuracy"] for t in base])
        speed = geometric_mean(np.array([base[t]["seconds"] / scores[t]["seconds"] for t in base]))
        print(
            f"  {name:<9} log-loss ratio to mlp {ratio:.3f}, mean accuracy {accuracy:.4f}, fits {speed:.2f} × as fast"
        )


def groups(tables: list[TableOf]) -> dict[str, list[str]]:
    """The tables to judge together: as they are, and with the small cuts of some."""
    whole = [table.name for table in tables if "[" not in table.name]
    every = {f"{len(tables)} tables": [table.name for table in tables]}
    return {f"{len(whole)} tables": whole} | every if 0 < len(whole) < len(tables) else every


def print_sentences(verdicts: list[dict[str, tuple[float, str, bool]]], seeds: range, group: str) -> bool:
    print(f"\n{group:<60} {'asked':>8} " + "".join(f"{f'seed {seed}':>16}" for seed in seeds))
    for sentence, (_, asked, _) in verdicts[0].items():
        cells = [f"{v[sentence][0]:8.3f} {'holds' if v[sentence][2] else 'SHORT':>7}" for v in verdicts]
        print(f"{sentence:<60} {asked:>8} " + "".join(f"{cell:>16}" for cell in cells))
    return all(holds for v in verdicts for _, _, holds in v.values())


Losses = dict[int, dict[str, np.ndarray]]  # rows -> name -> log loss of each draw (down) and table (across)


def losses_on_few_rows(settings: list[str], tables: list[TableOf], cache: Cache, n_draws: int) -> Losses:
    """The log losses of our settings, MLPClassifier and LogisticRegression on draws of few rows."""
    losses: Losses = {}
    for n_rows in FEW_ROWS:
        losses[n_rows] = {name: np.empty((n_draws, len(tables))) for name in [*settings, *AT_MOST]}
        for j, table in enumerate(tables):
            for seed in range(n_draws):
                for text in settings:
                    losses[n_rows][text][seed, j] = score(from_text(text), table, seed, n_rows)["log_loss"]
                for name in AT_MOST:
                    scores = cache.score(name, COMPETITORS[name](), table, seed, n_rows)
                    losses[n_rows][name][seed, j] = scores["log_loss"]
        print(f"{n_rows} rows: done", flush=True)
    return losses


def print_few_rows(losses: Losses, ours: str, tables: list[TableOf]) -> list[dict[str, object]]:
    """A line for each number of rows and competitor: the ratio of the log losses, and whether it is small enough."""
    verdicts = []
    print(f"\nfew rows of {len(tables)} tables: {ours}")
    print(
        f"{'rows':>4} {'log loss, times that of':<24}{'ratio':>7}{'asked':>9}{'':>7}{'draws':>16}   tables won, worst"
    )
    for n_rows, by_name in losses.items():
        for name, asked in AT_MOST.items():
            ratios = by_name[ours] / by_name[name]
            ratio, draws = geometric_mean(ratios), [geometric_mean(row) for row in ratios]
            by_table = [geometric_mean(column) for column in ratios.T]
            holds, worst = ratio <= asked, int(np.argmax(by_table))
            print(
                f"{n_rows:>4} {name:<24}{ratio:7.3f}{f'≤ {asked:.2f}':>9}{'holds' if holds else 'SHORT':>7}"
                f"{f'{min(draws):.3f} – {max(draws):.3f}':>16}   {np.sum(np.array(by_table) <= 1)} of {len(tables)}, "
                f"{tables[worst].name} {by_table[worst]:.2f}"
            )
            verdicts.append({"rows": n_rows, "against": name, "ratio": ratio, "asked": asked, "holds": bool(holds)})
    return verdicts


def main(arguments: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("--data", help="folder of NAME.csv.gz tables with a column target; by default $SKBACKPROP_DATA")
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds of the folds")
    parser.add_argument("--quick", action="store_true", help=f"one seed, at most {QUICK_ROWS} rows a table")
    parser.add_argument("--ours", action="append", metavar="CODE", help="a setting of ours to judge; repeat for more")
    parser.add_argument("--fresh", action="store_true", help="measure the competitors again, not from the cache")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a sentence of the first setting fails")
    args = parser.parse_args(arguments)

    env = environment(args.threads)
    print_environment(env)
    settings = args.ours or ["TwoLayerClassifier()"]
    seeds = range(1 if args.quick else args.seeds)
    tables = load_tables(data_folder(args.data), args.tables)
    drawn_from = [table for table in tables if "[" not in table.name and can_be_drawn_from(table)]
    if args.quick:
        tables = [cut(table, QUICK_ROWS) for table in tables]
    cache = Cache(args.output / "defaults_cache.json", env, args.fresh)

    results = {name: [{} for _ in seeds] for name in [*settings, *COMPETITORS]}  # name -> seed -> table -> scores
    with threadpool_limits(args.threads):
        for table in tables:
            for seed in seeds:
                for text in settings:
                    results[text][seed][table.name] = score(from_text(text), table, seed)
                for name, make in COMPETITORS.items():
                    results[name][seed][table.name] = cache.score(name, make(), table, seed)
            print(f"{table.name}: done", flush=True)
        losses = losses_on_few_rows(settings, drawn_from, cache, 2 if args.quick else N_DRAWS) if drawn_from else {}
    if cache.used:
        print(f"{cache.used} scores and times of the competitors are from {cache.path}; --fresh measures them again")

    verdicts, few_rows = {}, {}
    for text in settings:
        print(f"\n{'=' * 20} {text}, {len(tables)} tables, {len(seeds)} seeds of {N_FOLDS} folds")
        print_table(tables, results, text)
        for group, names in groups(tables).items():
            ours, mlp = ([{name: scores[name] for name in names} for scores in results[key]] for key in (text, MLP))
            verdicts[text, group] = [sentences(*scores) for scores in zip(ours, mlp, strict=True)]
            holds = print_sentences(verdicts[text, group], seeds, group)
            print("Every sentence holds." if holds else "Not every sentence holds.")
        few_rows[text] = print_few_rows(losses, text, drawn_from)
    named = {f"{text}, {group}": verdict for (text, group), verdict in verdicts.items()}
    content = {"environment": env, "scores": results, "sentences": named, "few_rows": few_rows}
    write_json(args.output, "defaults", content)
    first = [holds for (text, _), v in verdicts.items() if text == settings[0] for s in v for _, _, holds in s.values()]
    first += [verdict["holds"] for verdict in few_rows[settings[0]]]
    return int(args.strict and not all(first))


if __name__ == "__main__":
    raise SystemExit(main())
