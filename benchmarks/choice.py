"""Choosing the constants of the defaults by their log losses on some tables, to judge the choice on others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .grid import GRID, one_at_a_time

N_THIRDS = 3


def losses(scores: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return log losses: a row for each table and number of training rows drawn, columns by a column of scores.

    They are averaged over the folds of a seed; over seeds the geometric mean is taken.
    """
    log_loss = np.log(scores.groupby(["table", "n_rows", by, "seed"])["log_loss"].mean())
    return np.exp(log_loss.groupby(["table", "n_rows", by]).mean()).unstack(by)


def geometric_mean(values: pd.Series | pd.DataFrame) -> float:
    return float(np.exp(np.log(values).to_numpy().mean()))


def thirds(names: list[str]) -> list[set[str]]:
    """Divide tables into three parts, of like sizes if the names are in order of size; a cut stays with its table."""
    originals = list(dict.fromkeys(map(original, names)))
    return [{name for name in names if originals.index(original(name)) % N_THIRDS == i} for i in range(N_THIRDS)]


def original(name: str) -> str:
    return name.split("[")[0]


def choose(losses_of: dict[str, pd.DataFrame], names: set[str]) -> dict[str, object]:
    """Return the value of each constant that is best on some tables, the others at their defaults.

    Best is the lowest geometric mean over features and tables; all draws of few rows of a table count as one table.

    Parameters
    ----------
    losses_of : dict of DataFrame
        The log losses by the name of the features, with a column for each model of the grid.
    names : set of str
        The tables.
    """
    means = sum(mean_of_logs(frame, names) for frame in losses_of.values())
    models = one_at_a_time()
    return {name: min(values, key=lambda value: means[str(models[name, value])]) for name, values in GRID.items()}


def mean_of_logs(losses: pd.DataFrame, names: set[str]) -> pd.Series:
    table, n_rows = (losses.index.get_level_values(level) for level in ("table", "n_rows"))
    seen = table.isin(names)
    return np.log(losses[seen]).groupby([table[seen], n_rows[seen] > 0]).mean().mean()
