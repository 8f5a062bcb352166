"""Log loss and accuracy of many classifiers on parts of tables, each measured once and kept in a file."""

from __future__ import annotations

import ast
import hashlib
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

import skbackprop

from .grid import MLP, OURS, Model
from .tables import FEATURES, Arrays, Part, TableOf, prepared

PACKAGE = Path(skbackprop.__file__).parent


class Job(NamedTuple):
    part: Part
    features: str
    model: Model


Score = tuple[float, float]  # log loss, accuracy


def code_of(paths: Iterable[Path]) -> str:
    """Return a hash of what modules do; comments and docstrings do not count."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
            ):
                body[0].value.value = None
        digest.update(f"{path.name}{ast.dump(tree)}".encode())
    return digest.hexdigest()[:16]


class Scores:
    """Measured scores, in memory and in a file with a line for each."""

    def __init__(self, path: Path, tables: list[TableOf], env: dict[str, object], n_processes: int) -> None:
        self.path, self.tables, self.n_processes = path, {table.name: table for table in tables}, n_processes
        self.known: dict[str, Score] = {}
        if path.exists():
            self.known = dict(map(json.loads, path.read_text(encoding="utf-8").splitlines()))
        encoder = {PACKAGE / "preprocessing.py"}
        versions = [env[name] for name in ("python", "numpy", "scipy", "sklearn")]
        self._ours = code_of({*PACKAGE.rglob("*.py")} - encoder)
        self._encoder = code_of(encoder)
        content = {t.name: [versions, t.X.to_csv(), t.y.tolist()] for t in tables}
        self._content = {name: hashlib.sha256(json.dumps(c).encode()).hexdigest()[:16] for name, c in content.items()}

    def key(self, job: Job) -> str:
        """Name a job, the code and the numbers that its scores depend on."""
        code = [self._content[job.part.table]]
        code += [self._ours] if job.model.kind == OURS.kind else []
        code += [self._encoder] if job.features == "encoder" else []
        return " ".join([str(job.model), job.features, *map(str, job.part), *code])

    def measure(self, jobs: Iterable[Job], what: str) -> pd.DataFrame:
        """Return the scores of jobs, one to a row; those that are not known yet are measured."""
        jobs = list(dict.fromkeys(jobs))
        missing: dict[tuple[Part, str], list[Model]] = defaultdict(list)
        for job in jobs:
            if self.key(job) not in self.known:
                missing[job.part, job.features].append(job.model)
        if missing:
            print(f"{what}: {sum(map(len, missing.values())):,} of {len(jobs):,} fits to be done", flush=True)
        tasks = (delayed(scores_of)(self.tables[part.table], part, f, models) for (part, f), models in missing.items())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            for done in Parallel(self.n_processes, return_as="generator_unordered")(tasks):
                for job, score in done:
                    self.known[self.key(job)] = score
                    file.write(json.dumps([self.key(job), score]) + "\n")
                file.flush()
        rows = [[str(job.model), job.features, *job.part, *self.known[self.key(job)]] for job in jobs]
        return pd.DataFrame(rows, columns=["model", "features", *Part._fields, "log_loss", "accuracy"])


def scores_of(table: TableOf, part: Part, features: str, models: list[Model]) -> list[tuple[Job, Score]]:
    """Fit each model on one part and score it; a probability of zero counts as the machine epsilon in the log loss."""
    scores = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few iterations, which are the defaults'
        for model in models:
            with model.made(random_state_of(part)) as classifier:
                arrays = prepared(table, part, features)  # here, since a model may change the encoder's constants
                classifier.fit(arrays.X, arrays.y)
            P = classifier.predict_proba(arrays.X_test)
            loss = log_loss(arrays.y_test, P, labels=np.arange(P.shape[1]))
            scores.append((Job(part, features, model), (loss, float(np.mean(P.argmax(axis=1) == arrays.y_test)))))
    return scores


def fit_seconds(tables: list[TableOf], n_repeats: int) -> pd.DataFrame:
    """Time fits of ours and of MLPClassifier in turn, so that other work on the machine affects all; one thread.

    A repeat is the first fold of a seed. Preprocessing is not timed.
    """
    rows = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in tables:
            for part in [Part(table.name, seed) for seed in range(n_repeats)]:
                contestants = {name: (OURS, prepared(table, part, name)) for name in FEATURES}
                contestants["mlp"] = MLP, contestants["scaler"][1]
                seconds = {name: seconds_of_fit(model, part, arrays) for name, (model, arrays) in contestants.items()}
                rows.append({"table": table.name, "seed": part.seed} | seconds)
    return pd.DataFrame(rows)


def seconds_of_fit(model: Model, part: Part, arrays: Arrays) -> float:
    with model.made(random_state_of(part)) as classifier:
        started = time.perf_counter()
        classifier.fit(arrays.X, arrays.y)
        return time.perf_counter() - started


def random_state_of(part: Part) -> int:
    return 100 * part.seed + part.fold
