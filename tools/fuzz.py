"""Fuzz the classifiers: parameters times data, of every kind that a user may come with.

Each case must either raise ValueError, TypeError or DivergenceError with a message that names what is wrong, or give
finite probabilities whose rows sum to one (multilabel aside), the same ones when it is run again; and in both cases
leave its inputs and its parameters as they were.

    python tools/fuzz.py --cases 20000 --seed 0

prints what became of the cases, and the findings, each smallest case first. The exit code is the number of findings.
"""

from __future__ import annotations

import argparse
import collections
import copy
import pickle
import re
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from sklearn.base import clone

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS, Elu, LeakyRelu
from skbackprop.initializers import INITIALIZERS, Normal
from skbackprop.losses import LOSSES, LogLoss
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SGD, SOLVERS, Adam, AdamW, RMSprop

# What a message may name: a parameter, an argument, or a part of the data.
CULPRITS = re.compile(
    r"\b(X|y|X_val|y_val|Y|sample_weight\w*|class_weight|class\w*|label\w*|feature\w*|column\w*|row\w*|sample\w*|sparse"
    r"|NaN|infinity|dtype|float\w*|string|multi\w*|one.?hot|indicator|Complex data|Found array with dim"
    r"|hidden_units|hidden_layer_sizes|activation|loss|weight_init|solver|learning.?rate\w*|schedule|batch_size|max_iter"
    r"|alpha|dropout|early_stopping|validation_fraction|scoring|n_iter_no_change|tol|warm_start|shuffle|random_state"
    r"|verbose)\b"
)


@dataclass
class Case:
    """One fit: how the estimator is built, and what it is given."""

    classifier: type
    params: dict[str, Any]
    X: Any
    y: Any
    sample_weight: Any = None
    fit_params: dict[str, Any] = field(default_factory=dict)
    method: str = "fit"

    def __repr__(self) -> str:
        parts = [f"{self.classifier.__name__}(**{self.params!r}).{self.method}"]
        for name in ("X", "y", "sample_weight", "fit_params"):
            value = getattr(self, name)
            shown = f"{type(value).__module__}.{type(value).__name__} {getattr(value, 'shape', '')}"
            shown += f" {getattr(value, 'dtype', getattr(value, 'dtypes', ''))}"
            content = value.toarray() if sp.issparse(value) else value
            with np.printoptions(threshold=60, edgeitems=2), pd.option_context("display.max_rows", 8):
                parts.append(f"  {name}: {shown}\n{content!r}")
        return "\n".join(parts)


# ---------------------------------------------------------------------- parameters

RATES = [1e-300, 1e-5, 1e-3, 0.1, 1, 1e3, 1e200, np.float32(0.01)]
BAD = [-1, 0, 1.5, np.nan, np.inf, "no such name", None, True, [], 10**9, b"x", object]


def uniform_weights(rng: np.random.RandomState, fan_in: int, fan_out: int) -> np.ndarray:
    """Draw from another distribution."""
    return rng.uniform(-0.1, 0.1, (fan_in, fan_out))


def falling(progress: float) -> float:
    """Fall linearly."""
    return 1 - progress / 2


PARAMS: dict[str, list[Any]] = {
    "activation": [*ACTIVATIONS, LeakyRelu(slope=0.5), Elu(slope=2.0)],
    "loss": [*LOSSES, LogLoss(label_smoothing=0.1)],
    "weight_init": ["auto", *INITIALIZERS, Normal(0.01), Normal(100.0), uniform_weights],
    "solver": [*SOLVERS, SGD(momentum=0.9, nesterov=True, max_grad_norm=1.0), Adam(beta_1=0.5), AdamW(), RMSprop()],
    "learning_rate": ["auto", *RATES],
    "schedule": [*SCHEDULES, falling],
    "batch_size": ["auto", "full", 1, 2, 7, 1000, np.int64(3)],
    "max_iter": [1, 2, 5],
    "alpha": [0, 1e-3, 1.0, 1e5],
    "dropout": [0.0, 0.5, 0.99],
    "class_weight": [None, "balanced", "balanced", {0: 2.0}, {0: 0.0, 1: 1.0}, {"a": 3.0}, {}],
    "early_stopping": [True, False, "auto"],
    "validation_fraction": [0.1, 0.5, 0.999, 1e-9],
    "scoring": ["loss", "accuracy", "neg_log_loss", "f1_macro", "roc_auc_ovr"],
    "n_iter_no_change": [None, 1, 3],
    "tol": [0, 1e-4, 1e9],
    "warm_start": [False, True],
    "shuffle": [True, False],
    "random_state": [0, 7, 2**32 - 1],
    "verbose": [0],
}


@st.composite
def estimators(draw: Any) -> tuple[type, dict[str, Any]]:
    """Draw a class and its parameters: some set, now and then one that cannot be."""
    classifier = draw(st.sampled_from([TwoLayerClassifier, BackpropClassifier]))
    params: dict[str, Any] = {"max_iter": 2, "random_state": 0}
    names = draw(st.lists(st.sampled_from(sorted(PARAMS)), max_size=6, unique=True))
    for name in names:
        params[name] = draw(st.sampled_from(PARAMS[name]))
    if classifier is TwoLayerClassifier:
        params["hidden_units"] = draw(st.sampled_from([1, 2, 5, np.int32(3)]))
    else:
        params["hidden_layer_sizes"] = draw(st.sampled_from([(), (1,), (3,), [2, 2], (4, 3, 2), np.array([2, 3])]))
    if draw(st.integers(0, 19)) == 0:  # one that cannot be
        name = draw(st.sampled_from(sorted(PARAMS)))
        params[name] = draw(st.sampled_from([bad for bad in BAD if not (name == "max_iter" and bad == 10**9)]))
    return classifier, params


# ---------------------------------------------------------------------- data

SCALES = [1.0, 1e-300, 1e-12, 1e6, 1e12, 1e100, 1e300]
NAMES = ["a", "b c", "ä", "", "x__y", "0", "1", "[", "<", "feature", "Z1", "label", "if"]


@st.composite
def tables(draw: Any, n_rows: int, n_columns: int) -> Any:
    """Draw X: what stands in it, then how it is stored."""
    rng = np.random.RandomState(draw(st.integers(0, 1000)))
    X = rng.standard_normal((n_rows, n_columns))
    kind = draw(
        st.sampled_from(["plain", "scaled", "columns scaled", "constant", "zero", "repeated", "integer", "hole"])
    )
    if kind == "scaled":
        X *= draw(st.sampled_from(SCALES))
    elif kind == "columns scaled":
        X *= rng.choice(SCALES, n_columns)
    elif kind == "constant":
        X[:, rng.randint(n_columns)] = draw(st.sampled_from([0.0, 1.0, -1e9]))
    elif kind == "zero":
        X[...] = 0.0
    elif kind == "repeated":
        X[...] = X[0]
    elif kind == "integer":
        X = np.round(X * 3)
    elif kind == "hole":
        X[rng.randint(n_rows), rng.randint(n_columns)] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1.7e308]))
    return draw(stored(X, kind))


@st.composite
def stored(draw: Any, X: np.ndarray, kind: str) -> Any:
    """Draw how X is stored."""
    how = draw(
        st.sampled_from(
            ["C", "F", "negative strides", "view", "read-only", "float32", "float16", "int", "uint8", "bool", "object"]
            + [
                "list",
                "csr",
                "csc",
                "coo",
                "csr32",
                "frame",
                "mixed frame",
                "memmap",
                "matrix of str",
                "complex",
                "1-d",
            ]
            + ["3-d", "longdouble"]
        )
    )
    whole = kind not in ("hole", "scaled", "columns scaled")
    with np.errstate(all="ignore"):
        if how == "F":
            return np.asfortranarray(X)
        if how == "negative strides":
            return X[::-1, ::-1]
        if how == "view":
            return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
        if how == "read-only":
            X.flags.writeable = False
            return X
        if how in ("float32", "float16", "longdouble"):
            return X.astype(how)
        if how in ("int", "uint8", "bool") and whole:
            return X.astype(how)
        if how in ("object", "complex"):
            return X.astype(how)
        if how == "list":
            return X.tolist()
        if how in ("csr", "csc", "coo"):
            return getattr(sp, f"{how}_matrix")(X * (np.abs(X) > 0.5))
        if how == "csr32":
            return sp.csr_array(X.astype(np.float32))
        if how in ("frame", "mixed frame"):
            unique = draw(st.integers(0, 9)) > 0
            names = draw(st.lists(st.sampled_from(NAMES), min_size=X.shape[1], max_size=X.shape[1], unique=unique))
            frame = pd.DataFrame(X, columns=names)
            if how == "mixed frame" and whole:
                return pd.concat([frame, pd.DataFrame({"n": np.arange(len(X)), "b": X[:, 0] > 0})], axis=1)
            return frame
        if how == "memmap":
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the map outlives the name
                np.save(f"{folder}/X.npy", X)
                return np.load(f"{folder}/X.npy", mmap_mode="r")
        if how == "matrix of str":
            return X.astype(str)
        if how == "1-d":
            return X[:, 0]
        if how == "3-d":
            return X[:, :, np.newaxis]
    return X


LABELS: list[list[Any]] = [
    [0, 1],
    [-1, 1],
    [3, 8, 40],
    ["a", "b"],
    ["", "ä", "z z"],
    [False, True],
    [0.0, 1.0],
    [-(2**40), 2**40],
    list(range(7)),
]


@st.composite
def labels(draw: Any, n_rows: int) -> Any:
    """Draw y."""
    rng = np.random.RandomState(draw(st.integers(0, 1000)))
    kind = draw(st.sampled_from(["labels"] * 16 + ["multilabel"] * 3 + ["sparse multilabel", "odd"]))
    if kind.endswith("multilabel"):
        Y = rng.randint(0, 2, (n_rows, draw(st.sampled_from([2, 3]))))
        return sp.csr_matrix(Y) if kind == "sparse multilabel" else Y
    if kind == "odd":
        odd = [
            np.zeros(n_rows),
            np.full(n_rows, np.nan),
            np.array([None, 1] * n_rows, dtype=object)[:n_rows],
            rng.standard_normal(n_rows),
            np.array([0.5, 1.5] * n_rows)[:n_rows],
            np.zeros((n_rows, 2)),
            np.ones((n_rows, 1), int),
            np.arange(n_rows),
            np.array(["a", 1] * n_rows, dtype=object)[:n_rows],
            np.zeros((n_rows, 2, 2)),
            np.array([0, 1] * n_rows)[: n_rows + 1],
            None,
            np.datetime64("2020-01-01") + rng.randint(0, 2, n_rows),
        ]
        return odd[draw(st.integers(0, len(odd) - 1))]
    known = draw(st.sampled_from(LABELS))
    y = np.array(known)[rng.permutation(np.arange(n_rows) % len(known))]
    if draw(st.integers(0, 9)) == 0:
        y = y[rng.randint(0, n_rows, n_rows)]  # some of them may be missing
    how = draw(
        st.sampled_from(["array"] * 3 + ["object", "list", "series", "categorical", "column", "read-only", "frame"])
    )
    if how == "object":
        return y.astype(object)
    if how == "list":
        return y.tolist()
    if how == "series":
        return pd.Series(y, index=np.arange(n_rows)[::-1])
    if how == "categorical":
        return pd.Series(pd.Categorical(y))
    if how == "column":
        return y[:, np.newaxis]
    if how == "frame":
        return pd.DataFrame({"y": y})
    if how == "read-only":
        y.flags.writeable = False
    return y


@st.composite
def weights(draw: Any, n_rows: int) -> Any:
    """Draw sample weights, or None."""
    rng = np.random.RandomState(draw(st.integers(0, 1000)))
    w = rng.uniform(0.1, 2, n_rows)
    kind = draw(st.sampled_from(["none"] * 6 + ["plain"] * 3 + ["some zero", "scaled", "bad"]))
    kind = draw(st.sampled_from(["all zero", "negative", "hole", "odd", "odd"])) if kind == "bad" else kind
    if kind == "none":
        return None
    if kind == "some zero":
        w[rng.random_sample(n_rows) < 0.5] = 0
    elif kind == "all zero":
        w[...] = 0
    elif kind == "negative":
        w[0] = -1
    elif kind == "hole":
        w[0] = draw(st.sampled_from([np.nan, np.inf]))
    elif kind == "scaled":
        w *= draw(st.sampled_from([1e-300, 5e-324, 1e300, 1.7e308 / 2]))
    elif kind == "odd":
        odd = [w[:-1], w[:, np.newaxis], 2.0, 1, w.astype(str), "balanced", w.astype(np.float32), w.tolist()]
        odd += [pd.Series(w), (w * 3).astype(int), w > 1, w.astype(object), np.empty(0)]
        return odd[draw(st.integers(0, len(odd) - 1))]
    return w


@st.composite
def cases(draw: Any) -> Case:
    """Draw a case."""
    classifier, params = draw(estimators())
    n_rows = draw(st.sampled_from([1, 2, 3, 5, 12, 12, 24, 24, 40, 70, 120]))
    n_columns = draw(st.sampled_from([1, 2, 4, 9]))
    X, y, w = draw(tables(n_rows, n_columns)), draw(labels(n_rows)), draw(weights(n_rows))
    fit_params: dict[str, Any] = {}
    method = draw(st.sampled_from(["fit"] * 4 + ["partial_fit", "fit with validation rows"]))
    if method == "partial_fit" and getattr(y, "ndim", 1) == 1:
        known = np.unique(y) if getattr(y, "dtype", None) is not None and y.dtype.kind in "iufbU" else y
        fit_params["classes"] = draw(st.sampled_from([known] * 8 + [None, [0, 1], ["a", "b"], [-1, 1]]))
    elif method == "fit with validation rows":
        if draw(st.booleans()):
            fit_params = {"X_val": X, "y_val": y, "sample_weight_val": w}
        else:
            m = draw(st.sampled_from([1, 6]))
            fit_params = {"X_val": draw(tables(m, n_columns)), "y_val": draw(labels(m))}
            fit_params["sample_weight_val"] = draw(weights(m))
    return Case(classifier, params, X, y, w, fit_params, method.split()[0])


# ---------------------------------------------------------------------- the check


class FindingError(AssertionError):
    """What a case should not have done."""


def snapshot(value: Any) -> bytes:
    """Return the whole content of an input."""
    if isinstance(value, dict):
        return pickle.dumps({name: snapshot(each) for name, each in value.items()})
    if sp.issparse(value):  # beside its arrays it remembers what was found out about them
        names = ("data", "row", "col") if value.format == "coo" else ("data", "indices", "indptr")
        return pickle.dumps([value.shape, *(getattr(value, name) for name in names)])
    return pickle.dumps(np.asarray(value) if isinstance(value, np.memmap) else value)


def train(case: Case) -> tuple[Any, Any]:
    """Run a case once: the fitted estimator and its probabilities."""
    params = {name: clone(value, safe=False) for name, value in case.params.items()}
    estimator = case.classifier(**params)
    if case.method == "partial_fit":
        if not hasattr(estimator, "partial_fit"):
            balanced = isinstance(estimator.class_weight, str) and estimator.class_weight == "balanced"
            estimator.set_params(solver="adam", class_weight=None if balanced else estimator.class_weight)
        for _ in range(2):
            estimator.partial_fit(case.X, case.y, sample_weight=case.sample_weight, **case.fit_params)
    else:
        estimator.fit(case.X, case.y, case.sample_weight, **case.fit_params)
    return estimator, estimator.predict_proba(case.X)


def check(case: Case) -> str:
    """Run a case twice; return what became of it, or raise FindingErrorError."""
    inputs = [case.X, case.y, case.sample_weight, case.fit_params]
    before = [snapshot(value) for value in inputs]
    params_before = copy.deepcopy(case.params)
    outcome, P = "fitted", None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # ConvergenceWarning is one, too
        warnings.simplefilter("error", RuntimeWarning)
        warnings.filterwarnings("ignore", "invalid value encountered in reduce")  # scikit-learn's look for infinities
        try:
            estimator, P = train(case)
        except (ValueError, TypeError) as error:
            outcome = type(error).__name__
            if not CULPRITS.search(str(error)):
                raise FindingError(f"the message names no culprit: {outcome}: {error}") from error
        except Exception as error:
            raise FindingError(f"{type(error).__name__}: {error}") from error
        if P is not None:
            check_answers(estimator, case, P)
            repeatable = case.params.get("random_state", 0) is not None
            if repeatable and not np.array_equal(train(case)[1], P):
                raise FindingError("the second run gives other probabilities")
    for name, value, old in zip(["X", "y", "sample_weight", "fit_params"], inputs, before, strict=True):
        if snapshot(value) != old:
            raise FindingError(f"{name} was changed")
    for name, old in params_before.items():
        if repr(case.params[name]) != repr(old):
            raise FindingError(f"the parameter {name} was changed")
    return outcome


def check_answers(estimator: Any, case: Case, P: np.ndarray) -> None:
    """Raise FindingError if the probabilities are none, or the labels do not belong to them."""
    if not np.isfinite(P).all():
        raise FindingError("a probability is not finite")
    if P.min() < 0 or P.max() > 1:
        raise FindingError("a probability lies outside [0, 1]")
    multilabel = estimator.predict(case.X).ndim == 2
    if not multilabel and not np.allclose(P.sum(axis=1), 1, rtol=0, atol=1e-5):
        raise FindingError("the probabilities of a row do not sum to one")
    if np.isnan(estimator.predict_log_proba(case.X)).any():
        raise FindingError("a log-probability is NaN")
    if not multilabel and not np.isin(estimator.predict(case.X), estimator.classes_).all():
        raise FindingError("a predicted label is not among the classes")


# ---------------------------------------------------------------------- the long run


def long_run(n_cases: int, first_seed: int) -> int:
    """Run the cases in rounds of 1,000, each with its own seed; print counts and findings; return their number."""
    counts: collections.Counter[str] = collections.Counter()
    findings: dict[str, str] = {}
    start = time.time()

    def one(case: Case) -> None:
        try:
            counts[check(case)] += 1
        except FindingError as finding:
            counts["finding"] += 1
            kind = re.sub(r"[-+\d.e]+|'[^']*'", "*", str(finding).splitlines()[0])[:100]
            text = f"{finding}\n{case!r}"
            if kind not in findings or len(text) < len(findings[kind]):
                findings[kind] = text

    rounds = -(-n_cases // 1000)
    for number in range(rounds):
        size = min(1000, n_cases - 1000 * number)
        options = settings(
            max_examples=size,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seed(first_seed + number)(options(given(cases())(one)))()
        done = sum(counts.values())
        print(f"{done:6d} cases, {time.time() - start:5.0f} s: {dict(counts)}", flush=True)
    for number, text in enumerate(findings.values(), 1):
        print(f"\n--- finding {number}: {text}")
    print(f"\nseeds {first_seed} to {first_seed + rounds - 1}: {sum(counts.values())} cases, {len(findings)} findings")
    return len(findings)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.exit(min(long_run(arguments.cases, arguments.seed), 100))


if __name__ == "__main__":
    main()
