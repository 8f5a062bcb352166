"""What both classifiers share: check, delegate, and assign the fitted attributes at once."""

import copy
import warnings
from collections.abc import Set
from functools import partial
from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing

from .._core.checks import generator
from .._core.kernels import at_once
from .._core.types import MatrixLike, Weights
from .._data.labels import Labels
from .._data.samples import MIN_HELD_OUT, Samples, check_two_classes, held_out
from .._fit.epochs import Tables, Training
from .._fit.learner import Learner, Plan
from .._fit.recording import Monitor, joined
from .._fit.strategies import Plain
from .._fit.validation import Validation, score_by
from ..network import Network
from ..solvers import SOLVERS
from .auto import choose_strategy, held_out_fraction, make_plan, penalty_strength
from .compat import COUNT, FIT_STACKLEVEL, CallbackSupportMixin, Interval, StrOptions, with_callbacks
from .inputs import (
    checked_inputs,
    encoded,
    labels_of_fit,
    labels_of_stream,
    starting_network,
    state_of_training,
    validation_set,
)
from .likely_mistakes import warn_of_likely_mistakes, warn_of_uneven_features
from .methods import AvailableIf, check_names, in_our_words
from .prediction import Predictor, fitted_activations

NO_TOTALS = (
    "class_weight='balanced' needs the number of samples of each class, which a chunk does not tell, so there is no "
    "partial_fit. Give a dict, class_weight={label: n_samples / (n_classes * n_samples_of_label), ...}."
)
TOO_FEW = f"early_stopping watches the training loss: it cannot hold out {MIN_HELD_OUT} samples. Give X_val, y_val."


def _can_stream(estimator: Any) -> None:
    solver = SOLVERS.get(estimator.solver) if isinstance(estimator.solver, str) else estimator.solver
    if getattr(solver, "full_batch_only", False):
        raise AttributeError(f"solver={estimator.solver!r} needs all samples at once, so there is no partial_fit.")
    if isinstance(estimator.class_weight, str) and estimator.class_weight == "balanced":
        raise AttributeError(NO_TOTALS)


class Job(NamedTuple):
    """What belongs to one call of fit or partial_fit, besides the training."""

    labels: Labels
    names: dict[str, Any]  # of the features
    resumed: bool
    state: dict[str, Any]  # what the last call left for this one to continue from
    stream: dict[str, float]  # number and weight of all samples so far, for partial_fit
    rng: np.random.RandomState
    is_whole_fit: bool = False


class BaseBackprop(CallbackSupportMixin, Predictor):
    """What both classifiers share; each adds a method ``_hidden_layers``, which returns the sizes of these layers."""

    _parameter_constraints: dict[str, list[Any]] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "batch_size": [COUNT, StrOptions({"auto", "full"})],
        "max_iter": [COUNT],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), StrOptions({"auto"})],
        "scoring": [str, callable],
        "n_iter_no_change": [COUNT, None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor by name; ``solver__beta_1`` is the beta_1 of a given ``Adam()``.

        Parameters
        ----------
        **params
            The new values.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If a name is not known; where another library has it, the message says what it is called here.
        """
        check_names(self, params)
        return super().set_params(**params)

    @in_our_words
    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: Weights = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: Weights = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training samples. float32 stays float32, in DataFrames too, and everything else becomes float64. X is never
            written to, and only copied to change its dtype.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels of any kind, or label indicators: 0 and 1, or bools, in one column for each label. Indicators with
            exactly one 1 in every row cause a warning, since they look like one-hot classes, which belong in a vector.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero. Samples of weight zero are left out.
        X_val, y_val : array-likes, default=None
            Validation set. With ``early_stopping=False`` it is only monitored.
        sample_weight_val : array-like, default=None
            Weights of the validation set.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used; the estimator stays as it was.
        DivergenceError
            If training diverges; the estimator stays as it was.
        """
        resumed = self.warm_start and self.__sklearn_is_fitted__()
        checked = checked_inputs(self, X, y, sample_weight, resumed=resumed)
        samples, stream = encoded(checked, labels_of_fit(self, checked.y, resumed=resumed), self.class_weight)
        check_two_classes(samples.codes, samples.rows, samples.labels)
        given = validation_set(self, samples, checked.names, X_val, y_val, sample_weight_val)
        state, rng = state_of_training(self, resumed)
        network = starting_network(self, samples, rng, resumed)
        warn_of_likely_mistakes(samples, given, y, self.class_weight)
        job = Job(samples.labels, checked.names, resumed, state, stream, rng, is_whole_fit=True)
        strategy, tables = self._strategy(job, samples, given)
        plan = make_plan(self, tables.training, len(samples.rows), len(samples.rows))
        if not resumed:
            warn_of_uneven_features(self, tables.whole, checked.names)
        max_epochs = None if strategy.searches else self.max_iter  # unknown for a search
        monitor = Monitor(self, X, y, sample_weight, max_epochs, partial(self._fitted, job, copied=True))
        self._train(job, network, plan, strategy, tables, monitor)
        return self

    @AvailableIf(_can_stream)
    @in_our_words
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, classes: ArrayLike | Set[Any] | None = None, sample_weight: Weights = None
    ) -> Self:
        """Train for one pass over the samples given, from where the last call ended.

        Early stopping and validation data do not apply, and the schedule's factor is 1.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels.
        classes : array-like of shape (n_classes,) or set, default=None
            The labels across all calls to partial_fit; required at the first call. With multilabel targets it may be
            left out; if given, it is a list of labels for the columns of y, in their order.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero; they count relative to the mean weight of all samples so far.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data cannot be used; the estimator stays as it was.
        DivergenceError
            If training diverges; the estimator stays as it was.
        """
        resumed = self.__sklearn_is_fitted__()
        checked = checked_inputs(self, X, y, sample_weight, resumed=resumed)
        labels = labels_of_stream(self, checked.y, classes, resumed=resumed)
        state, rng = state_of_training(self, resumed)
        samples, stream = encoded(checked, labels, self.class_weight, state.get("stream"))
        network = starting_network(self, samples, rng, resumed)
        table = samples.table(mean_weight=stream["sum"] / stream["rows"])
        plan = make_plan(self, table, len(table), int(stream["rows"]), one_pass=True)
        job = Job(labels, checked.names, resumed, state, stream, rng)
        self._train(job, network, plan, Plain(None, 0.0), Tables(table, table, None))
        return self

    def _train(
        self, job: Job, network: Network, plan: Plan, strategy: Plain, tables: Tables, monitor: Monitor | None = None
    ) -> None:
        """Train by a strategy, then assign the fitted attributes, unless training has diverged."""
        learner = Learner(network, plan, job.state, len(self.history_["loss"]) if job.resumed else 0)
        training = Training(learner, plan, tables, job.rng, monitor, job.names.get("feature_names_in_"))
        try:
            if tables.validation is not None:
                tables.validation(network)  # a scorer that raises must do so before any training is done
            strategy.run(training)
        except KeyboardInterrupt:
            training.history.keep(training.progress.n_recorded)
            if learner.n_updates and not training.outcome().has_diverged(training.J_start, job.is_whole_fit):
                self._become(*self._fitted(job, training))
            raise
        outcome = training.outcome()
        if outcome.has_diverged(training.J_start, job.is_whole_fit):
            raise training.divergence(outcome.J)
        if monitor is not None:
            monitor.fit_ended(training)
        self._become(*self._fitted(job, training))
        warn = partial(warnings.warn, category=ConvergenceWarning, stacklevel=FIT_STACKLEVEL)
        if strategy.patience is not None and not (training.converged or training.stopped_by_callback):
            warn(too_soon(strategy, self.max_iter))
        if job.is_whole_fit and (why_useless := outcome.why_useless()) is not None:
            warn(f"The fitted network is useless: {why_useless}")

    def _fitted(self, job: Job, training: Training, *, copied: bool = False) -> tuple[dict[str, Any], list[Any]]:
        """Return every fitted attribute, and the calls that append this fit's epochs to the history."""
        network, labels, new = training.learner.evaluated, job.labels, training.history.columns()
        network = copy.copy(network) if copied else network
        history, appends = joined(self.history_ if job.resumed else {}, new, copied=copied)
        fitted = {
            **job.names,
            **predicting(labels, network),
            "activations_": fitted_activations(self.activation, len(network.activations)),
            "n_iter_": len(new["loss"]),
            "n_layers_": len(network.layer_sizes),
            "history_": history,
            "loss_curve_": history["loss"],
            "loss_": (new["loss"] or history["loss"] or [training.objective()])[-1],
        }
        if training.history.search is not None:
            fitted["search_history_"] = training.history.search
        scores = [score for score in new.get("validation_score", []) if not np.isnan(score)]
        if training.best is not None or scores:
            best = training.best or (1 + int(np.argmax(scores)), max(scores))
            fitted["best_iter_"], fitted["best_validation_score_"] = best
            fitted["validation_scores_"] = history["validation_score"]
        state = {"stream": job.stream}
        if self.warm_start or not job.is_whole_fit:
            state |= training.learner.state() | {"rng": job.rng.get_state(legacy=False)}
        return fitted | {"_training_state": state}, appends

    def _become(self, fitted: dict[str, Any], appends: list[Any]) -> None:
        """Replace all fitted attributes, and append to the history, in a single call, which no interrupt can split."""
        kept = {name: value for name, value in vars(self).items() if name.startswith("_") or not name.endswith("_")}
        at_once([*appends, (setattr, (self, "__dict__", kept | fitted))])

    def _strategy(self, job: Job, samples: Samples, given: Samples | None) -> tuple[Plain, Tables]:
        """Return the strategy, and the tables of the samples to train and to evaluate on."""
        n, whole = len(samples.rows), samples.table()
        strategy = choose_strategy(self, n, validation_given=given is not None, resumed=job.resumed)
        if given is not None:
            return strategy, Tables(whole, whole, self._validation(job, given))
        if strategy.holds_out:
            split = held_out(samples, held_out_fraction(self, strategy, n), job.rng)
            if split is not None:
                return strategy, Tables(samples.table(split[0]), whole, self._validation(job, samples, split[1]))
            if not isinstance(self.early_stopping, str):
                warnings.warn(TOO_FEW, stacklevel=FIT_STACKLEVEL)
            strategy = Plain(strategy.patience, strategy.tol)
        return strategy, Tables(whole, whole, None)

    def _validation(self, job: Job, samples: Samples, rows: Any = None) -> Validation:
        """Return the validation set; its samples are copied only if a scorer needs them.

        scikit-learn's scorers are given arrays, for which prediction is fastest; a callable is given what the user
        gave to fit, for example a DataFrame.
        """
        table, named = samples.table(rows), isinstance(self.scoring, str)
        if named and self.scoring == "loss":
            return Validation(table)
        arrays = (samples.X, samples.y, samples.sample_weight) if named else samples.given
        shown = [each if each is None or rows is None else _safe_indexing(each, rows) for each in arrays]

        def score(network: Network) -> float:
            candidate: Any = object.__new__(type(self))
            params, names = self.get_params(deep=False), {} if named else job.names
            vars(candidate).update(params | names | predicting(samples.labels, network))
            return score_by(self.scoring, candidate, *shown)

        return Validation(table, score)

    def _gradient_problem(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, ...]:
        """Return the objective of fit, for check_gradients: network, X, Y, weights, alpha, dropout."""
        resumed = self.__sklearn_is_fitted__()
        checked = checked_inputs(self, X, y, sample_weight, resumed=resumed)
        labels = Labels.fitted(self) if resumed else Labels.of(checked.y)
        samples = Samples.of(checked.X, checked.y, labels, checked.sample_weight, self.class_weight)
        rng = generator(0 if self.random_state is None else copy.deepcopy(self.random_state))
        network, n = starting_network(self, samples, rng, resumed), len(samples.codes)
        Y = samples.table().take_targets(range(n), np.empty((n, labels.n_outputs), samples.X.dtype))
        alpha = penalty_strength(self.alpha, len(samples.rows))
        return network, samples.X, Y, samples.weights, alpha, self.dropout


def too_soon(strategy: Plain, max_iter: int) -> str:
    """Return the warning that max_iter ended training, or its search, too soon, and what to do."""
    phases = " of search and a final phase" if strategy.searches else ""
    watched = "validation score" if strategy.holds_out else "training loss"
    what = f"Training ended after max_iter={max_iter} epochs{phases}, before the {watched} stopped improving"
    return f"{what}. Raise max_iter, or set n_iter_no_change=None to train for max_iter epochs without this warning."


def predicting(labels: Labels, network: Network) -> dict[str, Any]:
    """Return the fitted attributes that hold the labels and the parameters."""
    fitted = {"classes_": labels.classes, "link_": labels.link, "n_outputs_": labels.n_outputs}
    fitted |= {"n_features_in_": len(network.W[0]), "activations_": network.activations}
    return fitted | {"coefs_": [*network.W], "intercepts_": [*network.b]}
