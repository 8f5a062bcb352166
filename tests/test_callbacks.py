"""scikit-learn's callbacks: alone, in a pipeline, in a search; and fits without them, on every version."""

import pickle
import warnings
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.solvers import SOLVERS

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:
    ProgressBar = ScoringMonitor = None

KINDS = [TwoLayerClassifier, BackpropClassifier]
needs_callbacks = pytest.mark.skipif(ScoringMonitor is None, reason="callbacks came with scikit-learn 1.9")


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["red", "green", "blue"])[y]


def make(kind=TwoLayerClassifier, **params):
    settings = {"n_iter_no_change": None, "early_stopping": False, "random_state": 0, "max_iter": 4}
    settings |= {"weight_init": "he", "activation": "relu", "solver": "adam"}
    return kind(**(settings | {"batch_size": 32, "learning_rate": 0.05, "alpha": 1e-3, "verbose": 0} | params))


# A search that patience ends: no gain is larger than tol.
SEARCH = {"early_stopping": "auto", "n_iter_no_change": 3, "tol": 1e9, "max_iter": 60, "learning_rate": 0.02}


class Recorder:
    """A callback that keeps what its hooks are given."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.note("setup", estimator, context)

    def teardown(self, estimator, context):
        self.note("teardown", estimator, context)

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.note("begin", estimator, context, X=X, y=y, metadata=metadata)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.note("end", estimator, context, X=X, y=y, metadata=metadata, fitted=fitted_estimator)

    def note(self, hook, estimator, context, **given):
        self.calls.append(SimpleNamespace(hook=hook, task=context.task_name, estimator=estimator, **given))

    def of(self, hook, task=None):
        return [call for call in self.calls if call.hook == hook and task in (None, call.task)]


class EndsTraining(Recorder):
    """A callback that ends training after so many epochs."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        super().on_fit_task_end(estimator, context)
        return len(self.of("end", "epoch")) >= self.after


class Raises(Recorder):
    """A callback whose hook raises."""

    def __init__(self, hook, error):
        super().__init__()
        self.hook, self.error = hook, error

    def note(self, hook, estimator, context, **given):
        super().note(hook, estimator, context, **given)
        if (hook, context.task_name) == self.hook:
            raise self.error


def assert_same_weights(a, b):
    for ours, theirs in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# ---------------------------------------------------------------- without callbacks


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_needs_no_callbacks(kind):
    X, y = iris()
    clf = make(kind)
    assert hasattr(clf, "set_callbacks") == (ScoringMonitor is not None)
    assert clf.fit(X, y).n_iter_ == 4


# ---------------------------------------------------------------- the hooks


@needs_callbacks
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_task_begins_and_ends(kind, solver):
    X, y = iris()
    params = {"batch_size": "auto", "solver": solver}
    recorder = Recorder()
    clf = make(kind, **params).set_callbacks(recorder)
    assert clf.fit(X, y) is clf
    hooks = [(call.hook, call.task) for call in recorder.calls]
    epoch = [("begin", "epoch"), ("end", "epoch")]
    assert hooks == [("setup", "fit"), ("begin", "fit"), *epoch * clf.n_iter_, ("end", "fit"), ("teardown", "fit")]
    assert_same_weights(clf, make(kind, **params).fit(X, y))  # looking on changes nothing


@needs_callbacks
def test_a_line_search_that_converges_ends_every_task_that_it_began():
    X, y = iris()
    recorder = Recorder()
    clf = make(solver="lbfgs", batch_size="full", alpha=1.0, max_iter=500).set_callbacks(recorder).fit(X, y)
    assert clf.n_iter_ < 500
    assert len(recorder.of("begin", "epoch")) == len(recorder.of("end", "epoch")) == clf.n_iter_


@needs_callbacks
@pytest.mark.parametrize("solver", SOLVERS)
def test_callbacks_see_every_epoch_of_the_search_and_of_the_final_phase(solver):
    X, y = iris()
    recorder = Recorder()
    params = {**SEARCH, "solver": solver, "batch_size": "auto"}
    clf = make(**params).set_callbacks(recorder).fit(X, y)
    n_epochs = clf.n_iter_
    if solver != "lbfgs":
        n_epochs += len(clf.search_history_["loss"]) - clf.best_iter_
    assert len(recorder.of("begin", "epoch")) == len(recorder.of("end", "epoch")) == n_epochs
    assert_same_weights(recorder.of("end", "fit")[0].fitted, clf)
    assert_same_weights(make(**params).fit(X, y), clf)


@needs_callbacks
@pytest.mark.parametrize("n_tiles", [1, 8])
@pytest.mark.parametrize("phase", ["search", "final phase"])
def test_a_callback_ends_the_search_or_the_final_phase(phase, n_tiles):
    X, y = iris()
    X, y = np.tile(X, (n_tiles, 1)), np.tile(y, n_tiles)
    whole = make(**SEARCH).fit(X, y)
    n_searched, best = len(whole.search_history_["loss"]), whole.best_iter_
    after = n_searched - 2 if phase == "search" else n_searched + 1
    clf = make(**SEARCH).set_callbacks(EndsTraining(after=after)).fit(X, y)
    np.testing.assert_equal(clf.search_history_["loss"], whole.search_history_["loss"][:after])
    if phase == "search":  # which leaves the best average so far, and no final phase
        assert clf.n_iter_ == clf.best_iter_ == 1 + np.argmax(whole.search_history_["validation_score"][:after])
    else:
        assert clf.n_iter_ == best + 1 < whole.n_iter_
    assert clf.loss_curve_ == whole.loss_curve_[: clf.n_iter_]
    assert clf.score(X, y) > 0.7


@needs_callbacks
@pytest.mark.parametrize("weighted", [False, True])
def test_the_hooks_are_given_the_users_own_data(weighted):
    X, y = load_iris(return_X_y=True, as_frame=True)
    y = y.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    w = np.linspace(1, 2, len(y)) if weighted else None
    recorder = Recorder()
    clf = make().set_callbacks(recorder).fit(X, y, sample_weight=w)
    for call in recorder.of("begin") + recorder.of("end"):
        assert call.estimator is clf
        assert call.X is X
        assert call.y is y
        assert call.metadata.keys() == ({"sample_weight"} if weighted else set())
        assert not weighted or call.metadata["sample_weight"] is w


@needs_callbacks
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("y_kind", ["strings", "binary", "multilabel"])
def test_each_epoch_hands_over_a_fitted_estimator_of_its_own(kind, y_kind):
    X, y = iris()
    if y_kind == "binary":
        y = y == "red"
    elif y_kind == "multilabel":
        y = np.stack([y == "red", y == "blue"], axis=1).astype(int)
    recorder = Recorder()
    clf = make(kind, max_iter=5).set_callbacks(recorder).fit(X, y)
    ends = recorder.of("end", "epoch")
    for epoch, call in enumerate(ends, start=1):
        short = make(kind, max_iter=epoch).fit(X, y)
        assert call.fitted is not clf
        assert_same_weights(call.fitted, short)
        np.testing.assert_array_equal(call.fitted.predict(X), short.predict(X))
        np.testing.assert_array_equal(call.fitted.predict_proba(X), short.predict_proba(X))
        np.testing.assert_array_equal(call.fitted.decision_function(X), short.decision_function(X))
        assert call.fitted.n_iter_ == epoch
        assert call.fitted.loss_curve_ == short.loss_curve_
        assert call.fitted.loss_ == short.loss_
        assert {len(values) for values in call.fitted.history_.values()} == {epoch}
        assert call.fitted.n_features_in_ == X.shape[1]
        assert call.fitted.score(X, y) == short.score(X, y)
        pickle.loads(pickle.dumps(call.fitted)).predict(X)
    assert_same_weights(recorder.of("end", "fit")[0].fitted, clf)


@needs_callbacks
def test_training_on_does_not_change_what_was_handed_over():
    X, y = iris()
    recorder = Recorder()
    clf = make(warm_start=True).set_callbacks(recorder).fit(X, y)
    before = [call.fitted.predict_proba(X) for call in recorder.of("end")]
    clf.fit(X, y).partial_fit(X, y)
    for call, P in zip(recorder.of("end"), before, strict=False):
        np.testing.assert_array_equal(call.fitted.predict_proba(X), P)


@needs_callbacks
def test_with_early_stopping_the_last_one_holds_the_restored_weights():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    recorder = Recorder()
    clf = make(early_stopping=True, max_iter=15, learning_rate=0.3).set_callbacks(recorder).fit(X, y)
    ends = recorder.of("end", "epoch")
    assert clf.best_iter_ < clf.n_iter_
    assert_same_weights(ends[clf.best_iter_ - 1].fitted, clf)
    assert_same_weights(recorder.of("end", "fit")[0].fitted, clf)
    assert [call.fitted.validation_scores_[-1] for call in ends] == clf.validation_scores_
    best_so_far = np.maximum.accumulate(clf.validation_scores_)
    assert [call.fitted.best_validation_score_ for call in ends] == best_so_far.tolist()


@needs_callbacks
@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_partial_fit_calls_no_hooks(go_on):
    X, y = iris()
    recorder = Recorder()
    clf = make().set_callbacks(recorder).partial_fit(X, y, classes=np.unique(y))
    assert not recorder.calls
    getattr(clf, go_on)(X, y)
    assert bool(recorder.calls) == (go_on == "fit")


@needs_callbacks
def test_nothing_of_a_fit_with_callbacks_stays_behind():
    X, y = iris()
    clf = make().fit(X, y)
    watched = make().set_callbacks(Recorder()).fit(X, y)
    public = [name for name in vars(watched) if not name.startswith("_")]
    assert public == [name for name in vars(clf) if not name.startswith("_")]
    assert_same_weights(clone(watched).fit(X, y), clf)


# ---------------------------------------------------------------- ending training


@needs_callbacks
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("after", [1, 3])
def test_a_callback_ends_training(after, solver):
    X, y = iris()
    params = {"solver": solver, "batch_size": "auto"}
    clf = make(**params, max_iter=20, n_iter_no_change=19).set_callbacks(EndsTraining(after)).fit(X, y)  # no warning
    assert clf.n_iter_ == len(clf.loss_curve_) == after
    assert_same_weights(clf, make(**params, max_iter=after).fit(X, y))


@needs_callbacks
@pytest.mark.parametrize("hook", [("setup", "fit"), ("begin", "fit"), ("begin", "epoch"), ("end", "epoch")])
@pytest.mark.parametrize("error", [RuntimeError("no more"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("refit", [False, True])
def test_the_error_of_a_callback_reaches_the_caller(hook, error, refit):
    X, y = iris()
    clf = make(random_state=1)
    if refit:
        clf.fit(X, y)
    names = {name for name in vars(clf) if name.endswith("_")}
    before = [W.copy() for W in clf.coefs_] if refit else None
    callback = Raises(hook, error)
    clf.set_callbacks(callback)
    with pytest.raises(type(error)):
        clf.fit(X, y)
    assert callback.calls[-1].hook == "teardown"
    if type(error) is RuntimeError or hook != ("end", "epoch"):
        assert {name for name in vars(clf) if name.endswith("_")} == names
        if refit:
            assert all(np.array_equal(W, old) for W, old in zip(clf.coefs_, before, strict=True))
    else:  # an interrupt keeps the updates of the epoch that was over
        assert_same_weights(clf, make(random_state=1, max_iter=1).fit(X, y))
    assert_same_weights(clf.set_callbacks().fit(X, y), make(random_state=1).fit(X, y))


# ---------------------------------------------------------------- scikit-learn's own callbacks


def scores(monitor, name="accuracy"):
    """Return the logged scores of the epochs of the last run, in order."""
    return [row[name] for row in monitor.get_logs().data if row["task_name"] == "epoch"]


@needs_callbacks
@pytest.mark.parametrize("weighted", [False, True])
def test_scoring_monitor_alone(weighted):
    X, y = iris()
    w = np.linspace(0, 2, len(y)) if weighted else None
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    clf = make().set_callbacks(monitor).fit(X, y, sample_weight=w)
    for name in ("accuracy", "neg_log_loss"):
        assert len(scores(monitor, name)) == clf.n_iter_
    (last,) = [row for row in monitor.get_logs().data if row["task_name"] == "fit"]
    assert last["accuracy"] == scores(monitor)[-1]
    assert last["accuracy"] == pytest.approx(accuracy_score(y, clf.predict(X), sample_weight=w))
    assert last["neg_log_loss"] == pytest.approx(-log_loss(y, clf.predict_proba(X), sample_weight=w))


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [False, True])
def test_scoring_monitor_warns_of_nothing_with_a_data_frame(early_stopping):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = (X - X.mean()) / X.std()
    monitor = ScoringMonitor(scoring="accuracy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(early_stopping=early_stopping).set_callbacks(monitor).fit(X, y)
    assert len(scores(monitor)) == 4


@needs_callbacks
def test_scoring_monitor_in_a_pipeline():
    X, y = load_iris(return_X_y=True, as_frame=True)
    monitor = ScoringMonitor(scoring="accuracy")
    model = make_pipeline(StandardScaler(), make().set_callbacks(monitor)).fit(X, y)
    assert len(scores(monitor)) == 4
    assert scores(monitor)[-1] == model.score(X, y)


@needs_callbacks
def test_scoring_monitor_in_a_search():
    X, y = iris()
    monitor = ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(make().set_callbacks(monitor), {"hidden_units": [2, 3]}, cv=2, n_jobs=2).fit(X, y)
    assert len(scores(monitor)) == 5 * 4  # two candidates on two folds, and the refit, of four epochs each
    assert search.best_score_ > 0


@needs_callbacks
@pytest.mark.parametrize("where", ["alone", "pipeline", "search"])
def test_progress_bar(where, capsys):
    pytest.importorskip("rich")
    X, y = iris()
    bar = ProgressBar(max_propagation_depth=None)
    model = make()
    if where == "pipeline":
        model = make_pipeline(StandardScaler(), model)
    elif where == "search":
        model = GridSearchCV(
            make_pipeline(StandardScaler(), model), {"twolayerclassifier__alpha": [0, 1]}, cv=2, n_jobs=2
        )
    model.set_callbacks(bar).fit(X, y)
    shown = capsys.readouterr().out
    assert "TwoLayerClassifier" in shown
    assert "100%" in shown
    plain = clone(model).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


@needs_callbacks
def test_progress_bar_of_a_fit_that_ends_early(capsys):
    pytest.importorskip("rich")
    X, y = iris()
    clf = make(max_iter=50).set_callbacks(ProgressBar(), EndsTraining(2)).fit(X, y)
    assert clf.n_iter_ == 2
    assert "TwoLayerClassifier" in capsys.readouterr().out


@needs_callbacks
def test_an_estimator_with_callbacks_can_be_pickled():
    X, y = iris()
    clf = make().set_callbacks(Recorder()).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).predict(X), clf.predict(X))
