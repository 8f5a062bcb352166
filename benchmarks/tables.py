"""The real tables on which the defaults are judged, and how their rows become numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator
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

N_FOLDS = 3
MIN_MEMBERS = 2 * N_FOLDS  # rows of a class; smaller classes would be missing from a fold's training rows
CUT_ROWS = 200  # of the small cuts that stand for the many small tables of this world

OWN = {"breast_cancer": load_breast_cancer, "iris": load_iris, "wine": load_wine, "digits": load_digits}
CUTS = ["spambase", "phoneme", "satimage", "pendigits", "magic"]
FEW_ROWS = (30, 40, 60, 99)  # training rows, from the fewest that a default fit searches on
N_DRAWS = 6  # of so few rows from a table
MOST_TEST_ROWS = 2000  # of those that were not drawn


class TableOf(NamedTuple):
    name: str
    X: pd.DataFrame
    y: np.ndarray  # class numbers


class Fold(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def data_folder(given: str | None) -> Path | None:
    """--data, else $SKBACKPROP_DATA; None if there is no such folder."""
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
        tables += [cut(table, CUT_ROWS) for table in tables if table.name in CUTS]
    tables = [table for table in tables if not only or table.name in only]
    return sorted(tables, key=lambda table: len(table.y))


def table_of(name: str, frame: pd.DataFrame) -> TableOf:
    """Take the column "target" as y, without classes too small for the folds."""
    labels = frame["target"]
    kept = labels.map(labels.value_counts()) >= MIN_MEMBERS
    y = np.unique(labels[kept].astype(str), return_inverse=True)[1]
    return TableOf(name, frame[kept].drop(columns="target").reset_index(drop=True), y)


def cut(table: TableOf, n_rows: int) -> TableOf:
    """Return a fixed stratified sample of n_rows."""
    if len(table.y) <= n_rows:
        return table
    rows = train_test_split(np.arange(len(table.y)), train_size=n_rows, stratify=table.y, random_state=0)[0]
    return TableOf(f"{table.name}[{n_rows}]", table.X.iloc[rows].reset_index(drop=True), table.y[rows])


def folds(table: TableOf, seed: int) -> Iterator[Fold]:
    """Stratified folds."""
    splitter = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    for train, test in splitter.split(table.X, table.y):
        yield prepared(table, train, test)


def draw(table: TableOf, n_rows: int, seed: int) -> Fold:
    """Stratified training rows, few of them; the test rows are among the others."""
    sizes = {"train_size": n_rows, "test_size": min(MOST_TEST_ROWS, len(table.y) - n_rows)}
    return prepared(table, *train_test_split(np.arange(len(table.y)), **sizes, stratify=table.y, random_state=seed))


def can_be_drawn_from(table: TableOf) -> bool:
    """Tell whether every class has two rows or more in the smallest draw, and enough are left to test on."""
    shares = np.bincount(table.y) / len(table.y)
    return shares.min() * min(FEW_ROWS) >= 2 and len(table.y) >= max(FEW_ROWS) + 50


def prepared(table: TableOf, train: np.ndarray, test: np.ndarray) -> Fold:
    """Make numbers of rows; medians, means and categories are learned on the training rows."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    strings = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoder = make_column_transformer(
        (numbers, make_column_selector(dtype_include=np.number)),
        (strings, make_column_selector(dtype_exclude=np.number)),
    )
    X = np.ascontiguousarray(encoder.fit_transform(table.X.iloc[train]))
    X_test = np.ascontiguousarray(encoder.transform(table.X.iloc[test]))
    return Fold(X, table.y[train], X_test, table.y[test])
