"""What both classifiers share: validate, encode, delegate, and assign the fitted attributes in one block."""

from __future__ import annotations

import copy
import warnings
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import assert_all_finite, validate_data

from ._compat import FIT_STACKLEVEL, CallbackSupportMixin, Interval, StrOptions, check_sample_weight, with_callbacks
from .activations import Array
from .data import Table
from .defaults import (
    check_consistent,
    held_out_fraction,
    make_plan,
    penalty_strength,
    searches,
    searches_halves,
    stops_early,
)
from .evaluation import why_useless
from .initializers import zeros
from .labels import Labels, check_two_classes, is_multilabel, row_weights, same_labels
from .network import Network
from .prediction import FLOATS, Predictor
from .solvers import SOLVERS
from .training import Trainer
from .validation import Judge, split_rows
from .watching import Watcher


class Inputs(NamedTuple):
    """A checked table with its encoded labels and combined weights."""

    X: Any
    y: Any
    codes: Any
    weights: Array | None
    sample_weight: Array | None

    def table(self, labels: Labels, rows: Any = None, mean_weight: float | None = None) -> Table:
        """Return these rows, or some of them, as something to train or to judge a network on."""
        weights = self.weights
        if weights is not None:
            mean_weight = mean_weight or float((weights if rows is None else weights[rows]).mean())
            weights = (weights / mean_weight).astype(self.X.dtype, copy=False)
        return Table(self.X, labels.targets(self.codes, self.X.dtype), weights, rows)


def _cast(X: Any, dtype: Any, name: str) -> Any:
    """Return checked rows in the dtype of the weights; raises ValueError if a value is too large for it."""
    if X.dtype == dtype:
        return X
    with np.errstate(over="ignore"):
        X = X.astype(dtype)
    assert_all_finite(X, input_name=name)
    return X


def _scaled(w: Array | None) -> Array | None:
    """Divide weights by their largest, so that 1e-300 and 1 give the same bits."""
    return None if w is None else w / w.max()


def _solver_steps(estimator: Any) -> bool:
    solver = SOLVERS.get(estimator.solver, None) if isinstance(estimator.solver, str) else estimator.solver
    if getattr(solver, "full_batch_only", False):
        raise AttributeError(f"solver={estimator.solver!r} needs all rows at once, so there is no partial_fit.")
    return True  # also for a name that is not known, of which partial_fit itself will say so


class BaseBackprop(CallbackSupportMixin, Predictor):
    """What both classifiers share: everything but the parameter that gives the hidden layers."""

    _parameter_constraints: dict[str, list[Any]] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto", "full"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "scoring": [str, callable],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _hidden_layers(self) -> list[int]:
        raise NotImplementedError

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> BaseBackprop:
        """Train the network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training rows. float32 stays float32, everything else becomes float64. It is never written to, nor copied
            but to change its dtype.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels of any kind, or a label indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero.
        X_val, y_val : array-likes, default=None
            Validation rows and labels. With ``early_stopping=False`` they are only monitored.
        sample_weight_val : array-like, default=None
            Weights of the validation rows.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used; the estimator stays as it was.
        DivergenceError
            If training leaves the finite numbers or explodes; the estimator stays as it was.
        """
        self._check_params()
        resumed = self.warm_start and self.__sklearn_is_fitted__()
        X_in, y_in, w, names = self._check_rows(X, y, sample_weight, reset=not resumed)
        labels = Labels.of(y_in)
        codes = labels.encode(y_in)
        w = _scaled(w)
        inputs = Inputs(X_in, y_in, codes, row_weights(w, self.class_weight, codes, labels), w)
        check_two_classes(codes, inputs.weights, labels)
        state: dict[str, Any] = vars(self).get("_training_state", {}) if resumed else {}
        rng = self._random_state(state)
        network = self._network(X_in, labels, rng, resumed)
        watched = stops_early(self, len(codes), X_val is not None)
        parts = self._validation(inputs, labels, rng, (X_val, y_val, sample_weight_val), names, watched)
        tables = [(inputs.table(labels, rows), judge) for rows, judge in parts]
        search_rows = tables[0][0].n_rows if parts[0][0] is not None and searches(self) else 0
        halves = tables if len(parts) == 2 else []
        table, judge = (inputs.table(labels), None) if halves else tables[0]
        features = names.get("feature_names_in_")
        trainer = Trainer(
            network,
            table,
            make_plan(self, table, len(codes), watched=watched, search_rows=search_rows, feature_names=features),
            rng,
            state=state,
            history=self.history_ if resumed else None,
            judge=judge,
            stops_early=watched and tables[0][1] is not None,
            whole=inputs.table(labels) if search_rows and not halves else None,
            halves=halves,
            watcher=Watcher(self, X, y, sample_weight, lambda: self._fitted(trainer, names, labels, copied=True)),
        )
        self._train(trainer, names, labels, keeps_state=self.warm_start)
        self._warn_of_result(trainer)
        return self

    @available_if(_solver_steps)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> BaseBackprop:
        """Train for one pass over the rows given, from where the last call ended.

        Early stopping and validation data do not apply, and the schedule's factor is 1.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed at the first call, multilabel targets aside.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero; they count relative to the mean weight of all rows so far.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data cannot be used; the estimator stays as it was.
        DivergenceError
            If training leaves the finite numbers or explodes; the estimator stays as it was.
        """
        self._check_params()
        resumed = self.__sklearn_is_fitted__()
        X_in, y_in, w, names = self._check_rows(X, y, sample_weight, reset=not resumed)
        labels = self._labels_of_stream(y_in, classes, resumed)
        codes = labels.encode(y_in)
        state: dict[str, Any] = vars(self).get("_training_state", {})
        rng = self._random_state(state)
        network = self._network(X_in, labels, rng, resumed)
        w, weights, mean_weight, stream = self._stream_weights(w, codes, labels, state.get("stream"))
        table = Inputs(X_in, y_in, codes, weights, w).table(labels, mean_weight=mean_weight)
        plan = make_plan(self, table, len(codes), one_pass=True, feature_names=names.get("feature_names_in_"))
        trainer = Trainer(network, table, plan, rng, state=state, history=self.history_ if resumed else None)
        self._train(trainer, names, labels, keeps_state=True, stream=stream)
        return self

    def _train(
        self, trainer: Trainer, names: dict[str, Any], labels: Labels, *, keeps_state: bool, **stream: Any
    ) -> None:
        def state() -> dict[str, Any]:
            if not keeps_state:
                return {}
            return {"_training_state": trainer.state() | {"rng": trainer.rng.get_state(legacy=False)} | stream}

        try:
            trainer.run()
        except KeyboardInterrupt:
            if trainer.n_updates and np.isfinite(trainer.network.theta).all():
                self._become(self._fitted(trainer, names, labels) | state())
            raise
        self._become(self._fitted(trainer, names, labels) | state())

    def _fitted(self, trainer: Trainer, names: dict[str, Any], labels: Labels, copied: bool = False) -> dict[str, Any]:
        """Return every fitted attribute."""
        network, history = trainer.network, trainer.history.columns()
        losses = history["loss"]
        n_iter = len(losses) - trainer.history.n_before
        fitted = names | {
            "classes_": labels.classes,
            "coefs_": [W.copy() if copied else W for W in network.W],
            "intercepts_": [b.copy() if copied else b for b in network.b],
            "link_": labels.link,
            "n_iter_": n_iter,
            "n_layers_": len(network.layer_sizes),
            "n_outputs_": labels.n_outputs,
            "history_": history,
            "loss_curve_": losses,
            "loss_": losses[-1] if losses else trainer.first_objective,
        }
        scores = history.get("validation_score", [])
        latest = [score for score in scores[len(scores) - n_iter :] if not np.isnan(score)]
        if latest:
            fitted["validation_scores_"] = scores
            fitted["best_validation_score_"] = max(latest)
            fitted["best_iter_"] = 1 + latest.index(max(latest))
        return fitted

    def _become(self, fitted: dict[str, Any]) -> None:
        """Replace all fitted attributes in a single assignment, which no interrupt can cut in two."""
        kept = {
            name: value
            for name, value in vars(self).items()
            if name != "_training_state" and (name.startswith("_") or not name.endswith("_"))
        }
        self.__dict__ = kept | fitted

    def _check_params(self) -> None:
        if isinstance(self.learning_rate, str) and self.learning_rate in ("constant", "invscaling", "adaptive"):
            raise ValueError(
                f"learning_rate={self.learning_rate!r} is MLPClassifier's way to say schedule={self.learning_rate!r}; "
                "learning_rate is a number here, MLPClassifier's learning_rate_init."
            )
        self._validate_params()
        check_consistent(self)

    def _check_rows(
        self, X: Any, y: Any, sample_weight: Any, reset: bool
    ) -> tuple[Any, Any, Array | None, dict[str, Any]]:
        """Return X, y and the weights checked, and the attributes that name the features. Nothing on self changes."""
        probe = copy.copy(self)
        X, y = validate_data(probe, X, y, reset=reset, accept_sparse="csr", dtype=FLOATS, multi_output=True)
        if not reset:
            X = _cast(X, self.coefs_[0].dtype, "X")
        w = check_sample_weight(sample_weight, X, "sample_weight")
        names = {name: value for name, value in vars(probe).items() if name in ("n_features_in_", "feature_names_in_")}
        return X, y, w, names

    def _labels_of_stream(self, y: Any, classes: Any, resumed: bool) -> Labels:
        if not resumed:
            if classes is None and not is_multilabel(y):
                raise ValueError(
                    "classes must be given at the first call of partial_fit: all labels that will ever come."
                )
            return Labels.of(y, classes)
        labels = self._labels()
        if classes is not None and not same_labels(np.unique(classes), labels.classes):
            raise ValueError(f"classes={classes!r} are not those of the first call, {labels.classes!r}.")
        return labels

    def _stream_weights(
        self, w: Array | None, codes: Any, labels: Labels, stream: dict[str, float] | None
    ) -> tuple[Array | None, Array | None, float, dict[str, float]]:
        """Return a chunk's weights, alone and times the class weights, the mean weight of all rows so far, its sums."""
        if stream is None:
            stream = {"unit": 1.0 if w is None else float(w.max()), "sum": 0.0, "rows": 0.0}
        if w is None and stream["unit"] != 1.0:
            w = np.ones(len(codes))
        if w is not None:
            w = w / stream["unit"]  # the first chunk's largest, so that 1e-300 and 1 give the same bits
        weights = row_weights(w, self.class_weight, codes, labels)
        rows = stream["rows"] + len(codes)
        total = stream["sum"] + (len(codes) if weights is None else float(weights.sum()))
        if weights is None and total != rows:
            weights = np.ones(len(codes))
        return w, weights, total / rows, {"unit": stream["unit"], "sum": total, "rows": rows}

    def _random_state(self, state: dict[str, Any]) -> np.random.RandomState:
        if "rng" not in state and self.random_state is not None:
            return check_random_state(self.random_state)
        rng = np.random.RandomState()  # without a seed a stream of its own: NumPy's global one is left alone
        if "rng" in state:
            rng.set_state(state["rng"])
        return rng

    def _network(self, X: Any, labels: Labels, rng: np.random.RandomState, resumed: bool) -> Network:
        """Return a new network, holding the fitted weights if training is to go on from there."""
        sizes = [X.shape[1], *self._hidden_layers(), labels.n_outputs]
        if resumed:
            fitted_sizes = [len(self.coefs_[0]), *map(len, self.intercepts_)]
            if not same_labels(labels.classes, self.classes_) or labels.link != self.link_:
                raise ValueError(f"y holds the classes {labels.classes!r}, the fitted network {self.classes_!r}.")
            if sizes != fitted_sizes:
                raise ValueError(f"The layer sizes are {sizes}, those of the fitted network {fitted_sizes}.")
        network = Network(
            sizes,
            self.activation,
            self.loss,
            link=labels.link,
            weight_init=zeros if resumed else self.weight_init,
            random_state=rng,
            dtype=X.dtype,
        )
        if resumed:
            for ours, fitted in zip(network.W + network.b, self.coefs_ + self.intercepts_, strict=True):
                ours[...] = fitted
        return network

    def _validation(
        self,
        inputs: Inputs,
        labels: Labels,
        rng: np.random.RandomState,
        given: tuple[Any, Any, Any],
        names: dict[str, Any],
        watched: bool,
    ) -> list[tuple[Any, Judge | None]]:
        """Return the rows to train on (None: all) and the judge on others, if any; for halves two such pairs."""
        X_val, y_val, sample_weight_val = given
        if (X_val is None) != (y_val is None) or (X_val is None and sample_weight_val is not None):
            raise ValueError("X_val and y_val must be given together, sample_weight_val only with them.")
        if X_val is not None:
            return [(None, self._judge(self._check_validation(inputs, labels, *given, names), labels))]
        if not watched:
            return [(None, None)]
        n = len(inputs.codes)
        rows = split_rows(inputs.codes, inputs.weights, held_out_fraction(self, n), len(labels.classes), rng)
        if rows is None:
            if self.early_stopping is True:
                warnings.warn(
                    "early_stopping watches the training loss: no validation rows could be split off (a class of one "
                    "row, or too few rows). Give X_val and y_val, or more rows.",
                    stacklevel=FIT_STACKLEVEL,
                )
            return [(None, None)]
        splits = [rows, rows[::-1]] if searches_halves(self, n) else [rows]
        return [(training, self._judge(inputs, labels, held_out)) for training, held_out in splits]

    def _check_validation(
        self, inputs: Inputs, labels: Labels, X_val: Any, y_val: Any, sample_weight_val: Any, names: dict[str, Any]
    ) -> Inputs:
        probe = copy.copy(self)
        probe.__dict__.update(names)
        try:
            X, y = validate_data(probe, X_val, y_val, reset=False, accept_sparse="csr", dtype=FLOATS, multi_output=True)
            codes = labels.encode(y)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"X_val, y_val: {error}") from None
        X = _cast(X, inputs.X.dtype, "X_val")
        w = _scaled(check_sample_weight(sample_weight_val, X, "sample_weight_val"))
        return Inputs(X, y, codes, row_weights(w, self.class_weight, codes, labels), w)

    def _judge(self, inputs: Inputs, labels: Labels, rows: Any = None) -> Judge:
        """Return the judge on these rows; they are copied only where a scorer wants them as arrays."""

        def candidate(network: Network) -> Any:
            estimator = copy.copy(self)  # without feature names, since the rows have none any more
            estimator.__dict__.update(
                classes_=labels.classes,
                coefs_=network.W,
                intercepts_=network.b,
                link_=labels.link,
                n_features_in_=inputs.X.shape[1],
                n_outputs_=labels.n_outputs,
            )
            estimator.__dict__.pop("feature_names_in_", None)
            return estimator

        X, y, w = inputs.X, inputs.y, inputs.sample_weight
        if rows is not None and self.scoring != "loss":
            X, y, w = X[rows], y[rows], None if w is None else w[rows]
        return Judge(inputs.table(labels, rows), X, y, w, self.scoring, candidate)

    def _warn_of_result(self, trainer: Trainer) -> None:
        patience = trainer.plan.patience
        if patience is not None and not (trainer.converged or trainer.stopped_by_callback):
            warnings.warn(
                f"Training ended after max_iter={self.max_iter} epochs, before the loss had stopped improving for "
                f"n_iter_no_change={patience} epochs. Raise max_iter, or set n_iter_no_change=None if that number of "
                "epochs is meant.",
                ConvergenceWarning,
                stacklevel=FIT_STACKLEVEL,
            )
        if trainer.is_useless:
            one_answer = trainer.verdict.one_answer
            warnings.warn(
                f"The fitted network is useless: {why_useless(trainer.network, trainer.table, one_answer)}",
                ConvergenceWarning,
                stacklevel=FIT_STACKLEVEL,
            )

    def _gradient_problem(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, ...]:
        """Return the objective of fit, for check_gradients: network, X, Y, coefficients, alpha, dropout, rng."""
        self._check_params()
        fitted = self.__sklearn_is_fitted__()
        X, y, w, _ = self._check_rows(X, y, sample_weight, reset=not fitted)
        labels = self._labels() if fitted else Labels.of(y)
        codes = labels.encode(y)
        weights = row_weights(w, self.class_weight, codes, labels)
        rng = check_random_state(copy.deepcopy(self.random_state) if self.random_state is not None else 0)
        network = self._network(X, labels, rng, fitted)
        alpha = penalty_strength(self, len(codes))
        targets = labels.targets(codes, X.dtype)
        Y = targets.take(range(len(codes)), targets.buffer(len(codes)))
        return network, network.rows(X), Y, network.coefficients(weights, len(codes)), alpha, self.dropout, rng
