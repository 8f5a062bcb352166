"""Choose the constants of the defaults on some real tables, and judge them on others.

    python -m benchmarks.defaults [--data DIR] [--seeds 5] [--processes 2] [--repeats 2] [--quick] [--strict]

Ours is fitted behind StandardScaler and behind PiecewiseLinearEncoder, three classifiers of scikit-learn with their
defaults behind StandardScaler. The verdict is on tables that took no part in choosing the constants of the fits.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from .choice import N_THIRDS, choose, geometric_mean, losses, thirds
from .common import command_line, environment, print_environment, write_json
from .grid import BOOSTING, LOGISTIC, MLP, OURS, Model, changed, default, one_at_a_time
from .scores import Job, Scores, fit_seconds
from .tables import FEATURES, FEW_ROWS, N_FOLDS, Part, TableOf, can_be_drawn_from, data_folder, load_tables, sample

COMPETITORS = {MLP: "mlp", BOOSTING: "boosting", LOGISTIC: "logistic"}
N_DRAWS = 6  # of each number of few rows
GRID_SEEDS, GRID_DRAWS = 3, 2  # the grid fits the first fold of each seed, and so many draws
GRID_ROWS = 8000  # of a table at most
ONE_FOLD_ROWS = 4000  # of a table that has more, only the first fold of each seed: it scatters less, and takes long
LARGE = 2000
FEWEST = (30, 40, 60, 99)
QUICK_ROWS = 1500
ASKED = {  # features -> ratio to MLPClassifier's log loss, gain in accuracy, times as fast
    "scaler": (0.90, 0.007, 7.0),
    "encoder": (0.865, 0.010, 4.5),
}
ASKED_FEW = 0.92  # times MLPClassifier's log loss, on 30 to 99 rows
ASKED_LARGE = {"scaler": 0.90, "boosting": 1.05}  # times their log loss, behind the encoder

Verdict = tuple[str, float, str, bool]  # sentence, what was measured, what is asked, whether it holds


# ---------------------------------------------------------------- what is fitted


def folds_and_draws(tables: list[TableOf], n_seeds: int, n_folds: int, n_draws: int) -> list[Part]:
    """Return folds of every table, and draws of few rows from those that are not small cuts themselves."""
    folds = {table.name: range(1 if len(table.y) > ONE_FOLD_ROWS else n_folds) for table in tables}
    parts = [Part(name, seed, fold) for name in folds for seed in range(n_seeds) for fold in folds[name]]
    whole = [table for table in tables if "[" not in table.name]
    drawn = [(table.name, n_rows) for table in whole for n_rows in FEW_ROWS if can_be_drawn_from(table, n_rows)]
    return parts + [Part(name, seed, 0, n_rows) for name, n_rows in drawn for seed in range(n_draws)]


def ours_of(parts: Iterable[Part], models: Iterable[Model]) -> list[Job]:
    return [Job(part, features, model) for part in parts for features in FEATURES for model in models]


def competitors_of(parts: Iterable[Part]) -> list[Job]:
    return [Job(part, "scaler", model) for part in parts for model in COMPETITORS]


def with_names(scores: pd.DataFrame) -> pd.DataFrame:
    """Add a column "name": the features for ours, a short name for a competitor."""
    short = {str(model): name for model, name in COMPETITORS.items()}
    return scores.assign(name=scores["model"].map(short).fillna(scores["features"]))


# ---------------------------------------------------------------- what is printed


def print_tables(scores: pd.DataFrame, tables: list[TableOf]) -> None:
    """Print a line for each table: the log loss and accuracy of each classifier."""
    names = [*FEATURES, *COMPETITORS.values()]
    by_table = with_names(scores[scores["n_rows"] == 0]).groupby(["table", "name"])[["log_loss", "accuracy"]].mean()
    heads = "".join(f"{name:>10}" for name in names)
    print(f"\n{'':<40} | {'log loss':^50} | {'accuracy':^50}\n{'table':<24}{'rows × cols':>16} |{heads} |{heads}")
    for table in tables:
        shape = f"{len(table.y):,} × {table.X.shape[1]}"
        cells = ["".join(f"{by_table.at[(table.name, name), m]:10.4f}" for name in names) for m in by_table.columns]
        print(f"{table.name:<24}{shape:>16} |{cells[0]} |{cells[1]}")


def print_summary(scores: pd.DataFrame, title: str) -> None:
    """Print a line for each number of training rows: log loss and accuracy, compared with MLPClassifier's."""
    scores = with_names(scores)
    by_name = losses(scores, "name")[[*FEATURES, *COMPETITORS.values()]]
    gains = gains_in_accuracy(scores)
    print(f"\n{title}: times MLPClassifier's log loss, and what is added to its accuracy")
    print(f"{'training rows':<24}{'tables':>7}" + "".join(f"{name:>18}" for name in by_name))
    for n_rows, group in by_name.groupby("n_rows"):
        ratios = {name: geometric_mean(group[name] / group["mlp"]) for name in by_name}
        cells = [f"{ratio:9.3f}  {gains.at[n_rows, name]:+.4f}" for name, ratio in ratios.items()]
        print(f"{n_rows or 'two thirds of a table':<24}{len(group):>7}" + "".join(f"{cell:>18}" for cell in cells))


def gains_in_accuracy(scores: pd.DataFrame) -> pd.DataFrame:
    """Return what each adds to MLPClassifier's accuracy, as a mean over tables: a row for each number of rows drawn."""
    accuracy = (
        scores.groupby(["n_rows", "table", "name"])["accuracy"].mean().groupby(["n_rows", "name"]).mean().unstack()
    )
    return accuracy.sub(accuracy["mlp"], axis=0)


def print_grid(losses_of: dict[str, pd.DataFrame], choices: list[dict[str, object]]) -> None:
    """Print a line for each value of each constant: its log loss, and in how many rotations it was chosen."""
    print(
        "\none constant at a time, log loss as a multiple of the defaults' (*), and in how many rotations it was chosen"
    )
    print(f"{'':<54}" + "".join(f"{name:>10}{'few rows':>10}" for name in losses_of) + f"{'chosen':>8}")
    for (name, value), model in one_at_a_time().items():
        cells = []
        for frame in losses_of.values():
            ratios, few = frame[str(model)] / frame[str(OURS)], frame.index.get_level_values("n_rows") > 0
            cells += [f"{geometric_mean(ratios[rows]):10.3f}" if rows.any() else f"{'':10}" for rows in (~few, few)]
        times = sum(choice[name] == value for choice in choices)
        mark = "*" if value == default(name) else ""
        print(f"{name.split('.')[-1]:<24}{value!s:>28}{mark:<2}" + "".join(cells) + f"{times or '':>8}")


def verdicts(scores: pd.DataFrame, tables: list[TableOf], seconds: pd.DataFrame | None) -> list[Verdict]:
    """Return the promises, each with what was measured."""
    scores = with_names(scores)
    every, gains = losses(scores, "name"), gains_in_accuracy(scores)
    by_table = every.xs(0, level="n_rows")
    large = by_table.loc[[table.name for table in tables if len(table.y) >= LARGE]]
    few = every[every.index.get_level_values("n_rows").isin(FEWEST)]
    found: list[Verdict] = []

    def at_most(sentence: str, ratio: float, asked: float) -> None:
        found.append((sentence, ratio, f"≤ {asked:.3f}", ratio <= asked))

    def at_least(sentence: str, value: float, asked: float) -> None:
        found.append((sentence, value, f"≥ {asked:.3f}", value >= asked))

    for name, (ratio, gain, speed) in ASKED.items():
        at_most(f"{name}: log loss, times MLPClassifier's", geometric_mean(by_table[name] / by_table["mlp"]), ratio)
        at_least(f"{name}: accuracy, more than MLPClassifier's", gains.at[0, name], gain)
        if seconds is not None:
            at_least(f"{name}: fit, times as fast", geometric_mean(seconds["mlp"] / seconds[name]), speed)
        if len(few):
            at_most(f"{name}: log loss on 30 to 99 rows", geometric_mean(few[name] / few["mlp"]), ASKED_FEW)
    for name, ratio in ASKED_LARGE.items() if len(large) else ():
        ratios = large["encoder"] / large[name]
        at_most(f"encoder: from {LARGE:,} rows up, times {name}'s log loss", geometric_mean(ratios), ratio)
    return found


def print_verdicts(found: list[Verdict]) -> None:
    print(f"\n{'the verdict, on tables that did not choose':<60}{'measured':>10}{'asked':>10}")
    for sentence, value, asked, holds in found:
        print(f"{sentence:<60}{value:10.4f}{asked:>10}  {'holds' if holds else 'SHORT'}")


# ---------------------------------------------------------------- the command


def main(arguments: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("--data", help="folder of NAME.csv.gz tables with a column target; by default $SKBACKPROP_DATA")
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds of the folds")
    parser.add_argument("--processes", type=int, default=2, help="how many fit side by side; times are measured in one")
    parser.add_argument("--repeats", type=int, default=2, help="fits of each table that are timed; 0 for none")
    parser.add_argument("--quick", action="store_true", help=f"one seed, one draw, at most {QUICK_ROWS} rows a table")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a sentence of the verdict falls short")
    args = parser.parse_args(arguments)

    env = environment(args.threads)
    print_environment(env)
    tables = load_tables(data_folder(args.data), args.tables)
    n_seeds, n_draws = args.seeds, N_DRAWS
    if args.quick:
        tables, n_seeds, n_draws = [sample(table, QUICK_ROWS) for table in tables], 1, 1
    kept = Scores(args.output / "defaults_scores.jsonl", tables, env, args.processes)

    n_rows_of = {table.name: len(table.y) for table in tables}
    parts = folds_and_draws(tables, min(n_seeds, GRID_SEEDS), 1, min(n_draws, GRID_DRAWS))
    parts = [p for p in parts if p.n_rows in FEW_ROWS[::2] or (not p.n_rows and n_rows_of[p.table] <= GRID_ROWS)]
    grid = kept.measure(ours_of(parts, one_at_a_time().values()), "the grid")
    losses_of = {features: losses(scores, "model") for features, scores in grid.groupby("features")}
    names = [table.name for table in tables]
    choices = [choose(losses_of, {*names} - third) for third in thirds(names)]

    parts = folds_and_draws(tables, n_seeds, N_FOLDS, n_draws)
    theirs = kept.measure(competitors_of(parts), "the competitors")
    shipped = kept.measure(ours_of(parts, [OURS]), "the defaults")
    judged = []
    for third, choice in zip(thirds(names), choices, strict=True):
        jobs = ours_of([part for part in parts if part.table in third], [changed(**choice)])
        judged.append(kept.measure(jobs, "what two thirds chose, on the other third"))
    judged = pd.concat([*judged, theirs])
    seconds = fit_seconds(tables, args.repeats) if args.repeats else None

    print_grid(losses_of, choices)
    print_tables(pd.concat([shipped, theirs]), tables)
    print_summary(pd.concat([shipped, theirs]), f"the defaults as they are, {n_seeds} seeds")
    print_summary(judged, f"chosen on two thirds of the tables, {N_THIRDS} rotations")
    found = verdicts(judged, tables, seconds)
    print_verdicts(found)
    write_json(args.output, "defaults", {"environment": env, "verdict": found})
    return int(args.strict and not all(holds for *_, holds in found))


if __name__ == "__main__":
    raise SystemExit(main())
