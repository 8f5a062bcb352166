"""The real tables on which the defaults are judged, and how their rows become numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skbackprop.preprocessing import PiecewiseLinearEncoder

N_FOLDS = 3
MIN_MEMBERS = 2 * N_FOLDS  # rows of a class; smaller classes would be missing from a fold's training rows
MOST_ROWS = 10_000  # larger tables are cut, since MLPClassifier takes half a minute for each of their folds
CUT_ROWS = 200  # of the small cuts that stand for the many small tables of this world
FEW_ROWS = (30, 40, 60, 99, 150, 300)  # training rows of a draw, from the fewest that a default fit searches on
MOST_TEST_ROWS = 2000  # of those that were not drawn
FEWEST_TEST_ROWS = 50

OWN = {"breast_cancer": load_breast_cancer, "iris": load_iris, "wine": load_wine, "digits": load_digits}
CUTS = ["spambase", "phoneme", "satimage", "pendigits", "magic"]

# What stands in front of the network, for the columns of numbers.
FEATURES = {
    "scaler": lambda: make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
    "encoder": PiecewiseLinearEncoder,
}


class TableOf(NamedTuple):
    name: str
    X: pd.DataFrame
    y: np.ndarray  # class numbers


class Part(NamedTuple):
    """Rows to train and to test on: a fold of a table, or a draw of a few rows."""

    table: str
    seed: int
    fold: int = 0
    n_rows: int = 0  # training rows of a draw; 0 for a fold


class Arrays(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def data_folder(given: str | None) -> Path | None:
    """Return the folder of --data, else of $SKBACKPROP_DATA; None if there is no such folder."""
    folder = given or os.environ.get("SKBACKPROP_DATA")
    return Path(folder) if folder and Path(folder).is_dir() else None


def load_tables(folder: Path | None, only: list[str] | None = None) -> list[TableOf]:
    """Return the folder's tables and small cuts of some, or scikit-learn's own without a folder; smallest first."""
    if folder is None:
        print(f"no folder of tables (--data or $SKBACKPROP_DATA): scikit-learn's own instead, {', '.join(OWN)}")
        tables = [table_of(name, load(as_frame=True).frame) for name, load in OWN.items()]
    else:
        files = sorted(folder.glob("*.csv.gz"))
        tables = [table_of(path.name.removesuffix(".csv.gz"), pd.read_csv(path)) for path in files]
        tables += [cut(table) for table in tables if table.name in CUTS]
        tables = [sample(table, MOST_ROWS) for table in tables]
    tables = [table for table in tables if not only or table.name in only]
    return sorted(tables, key=lambda table: len(table.y))


def table_of(name: str, frame: pd.DataFrame) -> TableOf:
    """Take the column "target" as y, without classes too small for the folds."""
    labels = frame["target"]
    kept = labels.map(labels.value_counts()) >= MIN_MEMBERS
    y = np.unique(labels[kept].astype(str), return_inverse=True)[1]
    return TableOf(name, frame[kept].drop(columns="target").reset_index(drop=True), y)


def sample(table: TableOf, n_rows: int) -> TableOf:
    """Return a fixed stratified sample of n_rows, or the table if it has no more."""
    if len(table.y) <= n_rows:
        return table
    rows = train_test_split(np.arange(len(table.y)), train_size=n_rows, stratify=table.y, random_state=0)[0]
    return TableOf(table.name, table.X.iloc[rows].reset_index(drop=True), table.y[rows])


def cut(table: TableOf) -> TableOf:
    """Return a small sample as a table of its own."""
    return sample(table, CUT_ROWS)._replace(name=f"{table.name}[{CUT_ROWS}]")


def can_be_drawn_from(table: TableOf, n_rows: int) -> bool:
    """Tell whether every class has two rows or more in the smallest draw, and enough are left to test on."""
    shares = np.bincount(table.y) / len(table.y)
    return shares.min() * min(FEW_ROWS) >= 2 and len(table.y) >= n_rows + FEWEST_TEST_ROWS


def split(table: TableOf, part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the training rows and of the test rows, stratified."""
    if not part.n_rows:
        splitter = StratifiedKFold(N_FOLDS, shuffle=True, random_state=part.seed)
        return [*splitter.split(table.X, table.y)][part.fold]
    sizes = {"train_size": part.n_rows, "test_size": min(MOST_TEST_ROWS, len(table.y) - part.n_rows)}
    return train_test_split(np.arange(len(table.y)), **sizes, stratify=table.y, random_state=part.seed)


def prepared(table: TableOf, part: Part, features: str) -> Arrays:
    """Turn rows into numbers; medians, means, quantiles and categories are learned on the training rows."""
    train, test = split(table, part)
    strings = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (FEATURES[features](), make_column_selector(dtype_include=np.number)),
        (strings, make_column_selector(dtype_exclude=np.number)),
    )
    X = np.ascontiguousarray(columns.fit_transform(table.X.iloc[train]))
    X_test = np.ascontiguousarray(columns.transform(table.X.iloc[test]))
    return Arrays(X, table.y[train], X_test, table.y[test])
