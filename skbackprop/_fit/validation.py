"""Evaluating a network on samples: its loss, and its score by any scorer."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import check_scoring, get_scorer_names

from .._core.predict import block_size
from .._data.table import Table
from ..network import Network
from .batches import bound_layers, bound_losses

EVALUATED_SAMPLES = 1024  # most samples evaluated together; larger work arrays would be slow to allocate


class Validation:
    """A validation set: evaluates a network after each epoch.

    Parameters
    ----------
    table : Table
        The validation set.
    score : callable (network) -> float, default=None
        Its score, greater is better; by default the negated loss.
    """

    def __init__(self, table: Table, score: Callable[[Network], float] | None = None) -> None:
        self.table, self.score = table, score
        self._bound = cache(partial(bound, table))

    def __call__(self, network: Network) -> tuple[float, float]:
        """Return the validation loss and the validation score."""
        loss = self.loss(network)
        return loss, -loss if self.score is None else self.score(network)

    @np.errstate(all="ignore")
    def loss(self, network: Network) -> float:
        """Return Σ w ℓ / Σ w; the samples go through the network a block at a time."""
        table, total, weight = self.table, 0.0, 0.0
        widths = [0 if table.sparse else table.X.shape[1], *network.layer_sizes[1:]]
        block = block_size(widths, EVALUATED_SAMPLES, fewest=128)
        for start in range(0, len(table), block):
            rows = table.rows[start : start + block]
            (forward, _, buffer, _), (ZL, Y, losses, _) = self._bound(network, len(rows))
            values = losses(forward(table.take(rows, buffer), ZL), table.take_targets(rows, Y))
            w = table.take_weights(rows)
            total += float(values.sum() if w is None else values.dot(w))
            weight += len(rows) if w is None else float(w.sum())
        return total / weight


def bound(table: Table, network: Network, m: int) -> tuple[Any, ...]:
    """Return the forward pass of m samples and their losses, without dropout and without a backward pass."""
    return bound_layers(network, table, 0.0, None, None, m), bound_losses(network, m)


def score_by(scoring: Any, candidate: Any, X: Any, y: Any, sample_weight: Any) -> float:
    """Return the score of a fitted estimator by any scorer that scikit-learn's ``check_scoring`` accepts.

    Parameters
    ----------
    scoring : str or callable (estimator, X, y) -> float
        It is given sample_weight too, if it has a parameter of this name.
    candidate : estimator
        The estimator to score.
    X, y, sample_weight
        The validation set.

    Raises
    ------
    ValueError
        If the score is not one finite number, or the scorer does not know which label is the positive one.
    """
    scorer: Any = check_scoring(candidate, scoring)
    weights = {"sample_weight": sample_weight} if sample_weight is not None and takes_weights(scorer) else {}
    try:
        score = scorer(candidate, X, y, **weights)
    except ValueError as error:
        if not (why := why_it_fails(str(error), scoring, scorer, candidate, y)):
            raise
        raise ValueError(f"scoring={scoring!r} {why}.") from error
    if not (isinstance(score, Real) and isfinite(score)):
        why = f". {one_sided(candidate, y)}".rstrip(" .")
        raise ValueError(f"scoring={scoring!r} must return one finite number; got {score!r}{why}.")
    return float(score)


def why_it_fails(error: str, scoring: Any, scorer: Any, candidate: Any, y: Any) -> str:
    """Return what is wrong with a scorer that has failed on labels y, and what to do; empty if not known."""
    classes = candidate.classes_.tolist()
    if "pos_label" in error:
        metric = getattr(getattr(scorer, "_score_func", scorer), "__name__", "metric")
        use = f"make_scorer({metric}, pos_label={classes[-1]!r}) or pos_label={classes[0]!r}"
        return f"does not know which label is the positive one; use {use}, whichever class you look for"
    names = get_scorer_names()
    if "multi" in error and {f"{scoring}_macro", f"{scoring}_ovr"} & {*names}:
        multilabel = "multilabel" in error  # else there is no mean over the labels of each sample
        kinds = [name for name in names if name.startswith(f"{scoring}_") and (multilabel or "_samples" not in name)]
        use = " or ".join(map(repr, kinds))
        return f"is for two classes only ({error}); use {use}"
    return f"cannot be computed ({error}). {why}" if (why := one_sided(candidate, y)) else ""


def one_sided(candidate: Any, y: Any) -> str:
    """Return what a validation set lacks, in words, if that is samples of some class, or with or without a label."""
    y, classes = y.toarray() if issparse(y) else np.asarray(y), candidate.classes_.tolist()
    if y.ndim == 2 and y.shape[1] > 1:
        rare = [label for label, column in zip(classes, y.T, strict=True) if column.min() == column.max()]
        lacks = "All samples of the validation set, or none, have the labels"
    else:
        present, lacks = {*y.ravel().tolist()}, "The validation set has no sample of the classes"
        rare = [label for label in classes if label not in present]
    return f"{lacks} {rare}: use scoring='loss', or give X_val and y_val with more samples" if rare else ""


def takes_weights(scorer: Any) -> bool:
    """Tell whether a scorer, or the metric that one of scikit-learn's scorers calls, has a parameter sample_weight."""
    try:
        parameters = inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
    except (TypeError, ValueError):  # a callable without a signature
        return False
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
