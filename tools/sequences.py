"""Make random sequences of calls on one estimator, and check that it is always in a consistent state.

A sequence makes an estimator, then fits it, continues with partial_fit, sets parameters, copies and pickles it,
interrupts it, lets its scorer fail, and passes other widths, dtypes and labels. After every call

- a call that failed has changed nothing, and one that was interrupted has changed nothing or left a complete fit;
- the columns of a history have the same length, the shapes of the weights agree, and the predictions are finite;
- the records of the validation rows agree with each other;
- setting parameters, or saving and loading with pickle, has changed no prediction;
- a copy has not changed when the original has, or the reverse.

    python tools/sequences.py --n 2000 --seed 0

prints the counts and the sequences that broke a rule. The exit code is the number of these sequences.
"""

from __future__ import annotations

import argparse
import collections
import copy
import pickle
import re
import sys
import time
import traceback
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier
from skbackprop.activations import LeakyRelu
from skbackprop.solvers import SGD, SOLVERS

CALLS = 12  # calls in a sequence
COLUMNS = 4
ROWS = 90

PARAMS: dict[str, list[Any]] = {
    "early_stopping": [False, True, "auto", "auto"],
    "n_iter_no_change": [None, 1, 3],
    "max_iter": [1, 2, 5],
    "warm_start": [False, True],
    "solver": ["adam", "sgd", "rmsprop", "adamw", "momentum", "lbfgs"],
    "activation": ["relu", "tanh", "logistic", "slope"],
    "learning_rate": ["auto", 0.01, 0.05, 0.3],
    "schedule": ["constant", "adaptive", "one_cycle", "invscaling"],
    "batch_size": ["auto", "full", 8],
    "alpha": ["auto", 0.0, 0.1],
    "dropout": [0.0, 0.0, 0.3],
    "scoring": ["loss", "loss", "accuracy"],
    "shuffle": [True, False],
    "validation_fraction": ["auto", 0.3, 0.5],
    "tol": [0.0, 1e-3],
    "random_state": [0, 1],
}
LABELS = ["two", "three", "words", "several", "other"]
FAULTS = ["none"] * 10 + ["interrupted step"] * 5 + ["interrupted scorer", "failing scorer"] * 3
FAULTS += ["divergence", "hole", "no rows", "wrong parameter"]
EXPECTED = (
    ValueError,
    TypeError,
    NotImplementedError,
)  # of calls that cannot be served; DivergenceError is a ValueError
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
VALIDATION = ("validation_scores_", "best_validation_score_", "best_iter_")


class FindingError(AssertionError):
    """A rule that a sequence broke."""


class ScorerError(Exception):
    """What a failing scorer raises."""


class Faulty:
    """Wraps a function, and raises an error at the n-th call."""

    full_batch_only = False

    def __init__(self, inner: Any, n: int, error: type[BaseException]) -> None:
        self.inner, self.n, self.error, self.calls = inner, n, error, 0
        self.default_learning_rate = getattr(inner, "default_learning_rate", 0.0)
        self.rate_follows_scale = getattr(inner, "rate_follows_scale", False)

    def count(self) -> None:
        self.calls += 1
        if self.calls == self.n:
            raise self.error


class FaultySolver(Faulty):
    """A solver whose n-th step is interrupted."""

    def init_state(self, theta: Any) -> Any:
        return self.inner.init_state(theta)

    def stepper(self, parameters: Any, gradients: Any, state: Any) -> Any:
        step = self.inner.stepper(parameters, gradients, state)

        def counted(learning_rate: float) -> None:
            self.count()
            step(learning_rate)

        return counted


class FaultyScorer(Faulty):
    """A scorer that fails, or is interrupted, at its n-th call."""

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        self.count()
        return float(estimator.score(X, y, sample_weight))


def require(condition: Any, rule: str) -> None:
    """Raise FindingError unless a condition holds."""
    if not condition:
        raise FindingError(rule)


# ---------------------------------------------------------------------- what an estimator holds


def contents(value: Any) -> Any:
    """Return a value as something that compares equal only to the same content, bit for bit."""
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, value.tobytes() if value.dtype != object else tuple(value.tolist()))
    if isinstance(value, dict):
        return {name: contents(each) for name, each in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, float) for each in value):
        return np.array(value).tobytes()
    if isinstance(value, (list, tuple)):
        return tuple(contents(each) for each in value)
    return repr(value)


def fitted(estimator: Any) -> dict[str, Any]:
    """Return the content of every fitted attribute."""
    names = [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]
    return {name: contents(vars(estimator)[name]) for name in sorted(names)}


def answers(estimator: Any, X: Any) -> list[Any]:
    """Return all predictions of an estimator for some rows."""
    return [getattr(estimator, method)(X) for method in METHODS]


def same(ours: list[Any], theirs: list[Any]) -> bool:
    """Tell whether two lists of arrays are equal, bit for bit."""
    return all(contents(a) == contents(b) for a, b in zip(ours, theirs, strict=True))


def check_whole(estimator: Any, X: Any) -> None:
    """Raise FindingError unless an estimator is not fitted at all, or its fitted attributes are consistent."""
    held = [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]
    if not hasattr(estimator, "coefs_"):
        require(not held, f"not fitted, but it has {held}")
        try:
            estimator.predict(X)
        except NotFittedError:
            return
        raise FindingError("not fitted, but it predicts")
    check_weights(estimator)
    check_history(estimator)
    check_validation(estimator)
    X = X[:, : estimator.n_features_in_]
    said = dict(zip(METHODS, answers(estimator, X), strict=True))
    P, n_classes = said["predict_proba"], len(estimator.classes_)
    require(P.shape == (len(X), n_classes), "the probabilities have another shape")
    require(np.isfinite(P).all() and P.min() >= 0 and P.max() <= 1, "a probability is not one")
    require(not np.isnan(said["predict_log_proba"]).any(), "a log-probability is NaN")
    require(np.isfinite(said["decision_function"]).all(), "a logit is not finite")
    if said["predict"].ndim == 1:
        require(np.allclose(P.sum(axis=1), 1, atol=1e-5), "the probabilities of a row do not sum to one")
        require(np.isin(said["predict"], estimator.classes_).all(), "a predicted label is not among the classes")


def check_weights(estimator: Any) -> None:
    """Raise FindingError unless the shapes of the weights of all layers agree."""
    W, b = estimator.coefs_, estimator.intercepts_
    sizes = [estimator.n_features_in_, *(len(each) for each in b)]
    require([each.shape for each in W] == list(pairwise(sizes)), "the shapes of coefs_ do not chain")
    require(sizes[-1] == estimator.n_outputs_, "n_outputs_ is not that of the last layer")
    require(estimator.n_layers_ == len(sizes), "n_layers_ is not the number of layers")
    require(len({each.dtype for each in W + b}) == 1, "the weights have several dtypes")
    require(W[0].dtype in (np.float32, np.float64), "the weights are not floats")
    require(all(np.isfinite(each).all() for each in W + b), "a weight is not finite")
    require(len(estimator.activations_) == len(W) - 1, "activations_ has not one for each hidden layer")


def check_history(estimator: Any) -> None:
    """Raise FindingError unless the columns of the history agree."""
    history, curve = estimator.history_, estimator.loss_curve_
    require(curve is history["loss"], "loss_curve_ is not the loss column")
    require({len(values) for values in history.values()} == {len(curve)}, "the columns are of several lengths")
    require(0 <= estimator.n_iter_ <= len(curve), "n_iter_ is more than there are epochs")
    require(np.isfinite(curve).all(), "a loss is not finite")
    require(np.isfinite(estimator.loss_), "loss_ is not finite")
    require(not curve or estimator.loss_ == curve[-1], "loss_ is not the last of the curve")
    search = getattr(estimator, "search_history_", None)
    if search is None:
        return
    require(list(search) == list(history), "search_history_ has other columns")
    require(len({len(values) for values in search.values()}) == 1, "search_history_ has columns of several lengths")
    require(np.isfinite(search["validation_score"]).all(), "an epoch of the search has no score")
    best = getattr(estimator, "best_iter_", 0)
    for name, values in history.items():
        require(contents(values[:best]) == contents(search[name][:best]), f"{name} is not that of the search")


def check_validation(estimator: Any) -> None:
    """Raise FindingError unless the records of the validation rows agree with each other."""
    present = [hasattr(estimator, name) for name in VALIDATION]
    require(all(present) or not any(present), f"of {VALIDATION} only some are present")
    column, n = estimator.history_.get("validation_score", []), estimator.n_iter_
    latest = np.array(column[len(column) - n :], float)
    if not any(present):
        require(not np.isfinite(latest).any(), "there are scores, but no best one")
        return
    best, score = estimator.best_iter_, estimator.best_validation_score_
    require(estimator.validation_scores_ is column, "validation_scores_ is not the column of scores")
    require(np.isfinite(score), "the best score is not finite")
    require(0 <= best <= n, "best_iter_ is not among the epochs of the last fit")
    search = getattr(estimator, "search_history_", None)
    scores = latest if search is None else np.array(search["validation_score"])
    scores = scores[np.isfinite(scores)]
    if best:
        require(score == scores.max(), "the best score is not the greatest")
        require(best == 1 + int(np.argmax(scores)), "best_iter_ is not the epoch of the best score")
    else:
        require(not len(scores) or score >= scores.max(), "starting weights won, though some epoch was better")


# ---------------------------------------------------------------------- the sequence


class Sequence:
    """One estimator and what happens to it.

    Parameters
    ----------
    seed : int
        Determines all calls and all data.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.RandomState(seed)
        self.log: list[str] = []
        self.counts: collections.Counter[str] = collections.Counter()
        self.X = self.rng.standard_normal((ROWS, COLUMNS))
        self.signal = self.X[:, 0] + 0.5 * self.X[:, 1] + 0.3 * self.rng.standard_normal(ROWS)
        self.labels = self.pick(["two", "three", "words", "several"])
        self.width = COLUMNS
        self.witnesses: list[tuple[Any, Any, str]] = []
        hidden = {"hidden_units": 3}
        kind: Any = TwoLayerClassifier
        if self.rng.randint(2):
            kind, hidden = BackpropClassifier, {"hidden_layer_sizes": self.pick([(), (3,), (3, 2)])}
        chosen = {name: self.value(name) for name in PARAMS}
        self.estimator = kind(**hidden | chosen)
        self.log.append(f"{kind.__name__}({hidden | chosen})")

    def pick(self, choices: Any) -> Any:
        """Return one of them."""
        return choices[self.rng.randint(len(choices))]

    def value(self, name: str) -> Any:
        """Return a value for a parameter; objects are made anew, so that sequences share none."""
        value = self.pick(PARAMS[name])
        objects = {"momentum": lambda: SGD(momentum=0.9), "slope": lambda: LeakyRelu(0.3)}
        return objects[value]() if value in ("momentum", "slope") else value

    def run(self) -> None:
        """Make all calls; raise FindingError at the first rule that one of them breaks."""
        for _ in range(CALLS):
            action = self.pick([self.train] * 6 + [self.set_params] * 3 + [self.duplicate] * 2 + [self.save])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("error", RuntimeWarning)
                action()
                check_whole(self.estimator, self.X)
                for witness, before, how in self.witnesses:
                    require(fitted(witness) == before, f"what happened to one of two changed the other ({how})")

    # ------------------------------------------------------------------ training

    def target(self, kind: str) -> Any:
        """Return labels of a kind for all rows."""
        codes = np.digitize(self.signal, [-0.4, 0.4])
        if kind == "two":
            return (self.signal > 0).astype(int)
        if kind == "three":
            return codes
        if kind == "words":
            return np.array(["low", "mid", "top"])[codes]
        if kind == "several":
            return np.stack([self.signal > 0, self.X[:, 2] > 0], axis=1).astype(int)
        return codes + 7

    def train(self) -> None:
        """Call fit or partial_fit on some rows, perhaps with a fault; check the outcome."""
        estimator, rng = self.estimator, self.rng
        method = self.pick(["fit", "fit", "partial_fit"])
        labels = self.pick(LABELS) if rng.randint(6) == 0 else self.labels
        width = self.pick([2, 3]) if rng.randint(8) == 0 else self.width
        dtype = np.float32 if rng.randint(5) == 0 else np.float64
        n = self.pick([20, 40, 60])
        rows = rng.permutation(ROWS)[:n]
        X, y = self.X[rows][:, :width].astype(dtype), self.target(labels)[rows]
        extra: dict[str, Any] = {}
        if rng.randint(4) == 0:
            extra["sample_weight"] = rng.uniform(0.5, 2, n) * (rng.uniform(size=n) > 0.2)
        if method == "fit" and rng.randint(3) == 0:
            extra |= {"X_val": self.X[:, :width], "y_val": self.target(labels)}
        if method == "partial_fit" and labels != "several":
            extra["classes"] = np.unique(self.target(labels))
        fault = self.pick(FAULTS)
        self.log.append(f"{method}(n={n}, {width=}, {labels=}, {dtype.__name__}, {sorted(extra)}, {fault=})")
        set_back = self.prepare(fault)
        if fault == "hole":
            X[0, 0] = np.nan
        elif fault == "no rows":
            X, y = X[:0], y[:0]
            extra.pop("sample_weight", None)
        before, resumed = fitted(estimator), hasattr(estimator, "coefs_") and (estimator.warm_start or method != "fit")
        future = self.future()
        scored_by_loss = estimator.scoring == "loss"
        outcome = self.call(method, X, y, extra)
        estimator.set_params(**set_back)
        self.counts[outcome] += 1
        self.log[-1] += f" -> {outcome}"
        after = fitted(estimator)
        if outcome == "interrupted":
            require(fault.startswith("interrupted"), "an interrupt came from nowhere")
        elif outcome != "fitted":
            require(
                after == before,
                f"{outcome} changed {sorted(k for k in after | before if after.get(k) != before.get(k))}",
            )
            require(same(future, self.future()), f"{outcome} changed how training goes on")
        if outcome == "fitted":
            require(
                fault in ("none", "divergence") or fault.startswith(("interrupted", "failing")), f"{fault} was not seen"
            )
            self.check_trained(method, resumed, y, extra, scored_by_loss)
        if after != before:
            self.labels, self.width = labels, width

    def prepare(self, fault: str) -> dict[str, Any]:
        """Set the parameters that make a fault; return the ones to be set back."""
        estimator, n = self.estimator, int(self.rng.geometric(0.1))
        old = estimator.get_params(deep=False)
        solver = estimator.solver
        if fault == "interrupted step" and solver != "lbfgs":
            inner = SOLVERS.resolve(solver)
            kind = type(f"Faulty{type(inner).__name__}", (FaultySolver,), {})  # what one remembers is not another's
            estimator.set_params(solver=kind(inner, n, KeyboardInterrupt))
            return {"solver": old["solver"]}
        if fault in ("interrupted scorer", "failing scorer"):
            error = KeyboardInterrupt if fault.startswith("interrupted") else ScorerError
            estimator.set_params(scoring=FaultyScorer(None, n, error))
            return {"scoring": old["scoring"]}
        if fault == "divergence":
            estimator.set_params(learning_rate=1e12)
            return {"learning_rate": old["learning_rate"]}
        if fault == "wrong parameter":
            name, wrong = self.pick(
                [("max_iter", 0), ("alpha", -1.0), ("solver", "none"), ("tol", "x"), ("dropout", 1.0)]
            )
            estimator.set_params(**{name: wrong})
            return {name: old[name]}
        return {}

    def call(self, method: str, X: Any, y: Any, extra: dict[str, Any]) -> str:
        """Make a call; return its outcome."""
        if method == "partial_fit" and not hasattr(self.estimator, "partial_fit"):
            return "no partial_fit"
        kept = X.copy(), y.copy()
        try:
            getattr(self.estimator, method)(X, y, **extra)
        except KeyboardInterrupt:
            return "interrupted"
        except ScorerError:
            return "failing scorer"
        except DivergenceError as error:
            require(
                {len(values) for values in error.history.values()} <= {len(error.history["loss"])}, "ragged history"
            )
            return "divergence"
        except EXPECTED as error:
            return f"{type(error).__name__}"
        finally:
            require(same(list(kept), [X, y]), "the data were written to")
        return "fitted"

    def check_trained(self, method: str, resumed: bool, y: Any, extra: dict[str, Any], scored_by_loss: bool) -> None:
        """Raise FindingError unless a successful call had the documented effect."""
        estimator = self.estimator
        require(hasattr(estimator, "coefs_"), "fitted, but it has no weights")
        if not resumed:
            require(estimator.n_iter_ == len(estimator.loss_curve_), "n_iter_ is not the length of a fresh fit's curve")
        if method == "partial_fit":
            require(estimator.n_iter_ == 1, "partial_fit is not one epoch")
            require(not hasattr(estimator, "best_iter_"), "partial_fit has a best epoch")
        searched = hasattr(estimator, "search_history_")
        if searched:
            require(method == "fit" and estimator.early_stopping == "auto" and not resumed, "a search out of place")
        else:
            require(estimator.n_iter_ <= estimator.max_iter or method == "partial_fit", "more epochs than max_iter")
        chosen = method == "fit" and estimator.early_stopping in (True, "auto") and "X_val" in extra
        if chosen and scored_by_loss and y.ndim == 1 and "best_iter_" in vars(estimator):
            P = estimator.predict_proba(extra["X_val"]).astype(float)
            loss = log_loss(extra["y_val"], P / P.sum(axis=1, keepdims=True), labels=estimator.classes_)
            near = 1e-3 if estimator.coefs_[0].dtype == np.float32 else 1e-7
            require(
                abs(loss + estimator.best_validation_score_) < near * max(1, loss), "the best score is of other weights"
            )

    def future(self) -> list[Any]:
        """Return the predictions of a copy that trains on; they are the same before and after a call that failed."""
        estimator = self.estimator
        if not hasattr(estimator, "coefs_") or estimator.link_ != "softmax":
            return []
        other = copy.deepcopy(estimator)
        try:
            other.set_params(solver="adam", dropout=0.0, scoring="loss", learning_rate=0.01, batch_size=16, tol=1e-3)
            other.set_params(alpha=0.1, max_iter=1, activation=estimator.activations_)
            if isinstance(other, TwoLayerClassifier):
                other.set_params(activation=estimator.activations_[0], hidden_units=len(estimator.intercepts_[0]))
            else:
                other.set_params(hidden_layer_sizes=[len(b) for b in estimator.intercepts_[:-1]])
            X = self.X[:20, : estimator.n_features_in_]
            other.partial_fit(X, estimator.classes_[np.arange(20) % len(estimator.classes_)])
        except DivergenceError:
            return [np.zeros(1)]
        return answers(other, X)

    # ------------------------------------------------------------------ everything else

    def set_params(self) -> None:
        """Set some parameters: no prediction changes."""
        estimator = self.estimator
        before, held = self.say(), fitted(estimator)
        names = self.rng.permutation(list(PARAMS))[: self.rng.randint(1, 4)]
        changed = {str(name): self.value(name) for name in names}
        self.log.append(f"set_params({changed})")
        estimator.set_params(**changed)
        if isinstance(estimator.activation, LeakyRelu) and self.rng.randint(2):
            estimator.activation.set_params(slope=self.pick([0.1, 0.3, 0.5]))
            self.log[-1] += ", and the slope of the activation"
        require(same(before, self.say()), "setting parameters changed an answer")
        require(fitted(estimator) == held, "setting parameters changed what is fitted")
        self.counts["set_params"] += 1

    def say(self) -> list[Any]:
        """Return the estimator's predictions, none before it is fitted."""
        if not hasattr(self.estimator, "coefs_"):
            return []
        return answers(self.estimator, self.X[:, : self.estimator.n_features_in_])

    def duplicate(self) -> None:
        """Copy the estimator; continue with one of the two, and check that the other stays as it is."""
        how = self.pick([copy.copy, copy.deepcopy, lambda estimator: pickle.loads(pickle.dumps(estimator))])
        name = getattr(how, "__name__", "").replace("<lambda>", "pickle")
        other = how(self.estimator)
        require(fitted(other) == fitted(self.estimator), f"the copy holds something else ({name})")
        goes_on, stays = (other, self.estimator) if self.rng.randint(2) else (self.estimator, other)
        self.log.append(f"{name}, and go on with {'the copy' if goes_on is other else 'the original'}")
        self.estimator = goes_on
        self.witnesses = [*self.witnesses[-2:], (stays, fitted(stays), name)]
        self.counts["copies"] += 1

    def save(self) -> None:
        """Save and load the estimator: everything is as before."""
        before, held = self.say(), fitted(self.estimator)
        self.log.append("pickle")
        self.estimator = pickle.loads(pickle.dumps(self.estimator))
        require(fitted(self.estimator) == held, "a file holds something else")
        require(same(before, self.say()), "a file gives other answers")
        self.counts["files"] += 1


def run(seed: int) -> collections.Counter[str]:
    """Run one sequence; return the outcomes of its calls. Raises FindingError, with all calls, if it broke a rule."""
    sequence = Sequence(seed)
    try:
        sequence.run()
    except Exception as error:
        calls = "\n  ".join(sequence.log)
        kind = "" if isinstance(error, FindingError) else f"{type(error).__name__}: "
        raise FindingError(f"seed {seed}: {kind}{error}\n  {calls}") from error
    return sequence.counts


def main() -> None:
    """Read the command line, run the sequences, print what was found."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trace", action="store_true", help="print where each finding was made")
    arguments = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    findings, start = [], time.time()
    for number, seed in enumerate(range(arguments.seed, arguments.seed + arguments.n), 1):
        try:
            counts += run(seed)
        except FindingError as finding:
            findings.append(str(finding))
            if arguments.trace:
                traceback.print_exc()
        if number % 200 == 0:
            print(f"{number:5d} sequences, {time.time() - start:4.0f} s, {len(findings)} findings", flush=True)
    kinds: dict[str, list[str]] = {}
    for text in findings:
        kinds.setdefault(re.sub(r"^seed \d+: ", "", text.splitlines()[0]), []).append(text)
    for kind, texts in kinds.items():
        print(f"\n--- {len(texts)} times: {kind}\n{min(texts, key=len)}")
    print(f"\n{arguments.n} sequences, {time.time() - start:.0f} s: {dict(counts)}, {len(findings)} findings")
    sys.exit(min(len(findings), 100))


if __name__ == "__main__":
    main()
