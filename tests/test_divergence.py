"""A fit ends well, or says that it did not: no silently bad model, no false alarm."""

import itertools
import pickle
import re
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier
from skbackprop.initializers import Normal
from skbackprop.losses import LOSSES
from skbackprop.solvers import SGD, SOLVERS

LOADERS = {"breast cancer": load_breast_cancer, "iris": load_iris, "wine": load_wine}
STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]
UNEVEN = "The features are on very different scales"  # as fit says of them before training, whatever comes of it
RATES = [1e-3, 1e-1, 10.0, 1e3, 1e6, 1e12, 1e50, 1e200]


@cache
def table(name, scaled):
    X, y = LOADERS[name](return_X_y=True)
    return (StandardScaler().fit_transform(X) if scaled else X), y


def make(**params):
    settings = {"n_iter_no_change": None, "early_stopping": False, "random_state": 0, "max_iter": 20, "alpha": 1e-4}
    settings |= {"weight_init": "he", "activation": "relu"}
    if params.get("solver") in STEPPING:
        settings["batch_size"] = 32
    return TwoLayerClassifier(16, **(settings | params))


def mean_loss(loss, P, y):
    """Return the mean loss of probabilities P, as defined for one sigmoid output or for softmax."""
    if loss == "squared_error":
        return 0.5 * ((P - np.eye(P.shape[1])[y]) ** 2).sum(axis=1).mean() / (2 if P.shape[1] == 2 else 1)
    with np.errstate(divide="ignore"):
        return -np.log(P[np.arange(len(y)), y]).mean()


def is_sane(clf, X, y):
    """Finite probabilities, a loss not much above the constant answer's, and more than one answer if it is above."""
    P = clf.predict_proba(X)
    ours = mean_loss(clf.loss, P, y)
    constant = mean_loss(clf.loss, np.tile(np.bincount(y) / len(y), (len(y), 1)), y)
    better = ours < 1.05 * constant
    return np.isfinite(P).all() and ours < 10 * constant and (better or len(set(clf.predict(X))) > 1)


def outcome(clf, X, y):
    """Return how a fit ended: "raised", "warned", "sane", or else "silently bad"."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", UNEVEN)
        try:
            clf.fit(X, y)
        except DivergenceError:
            return "raised"
    for warning in caught:
        assert issubclass(warning.category, UserWarning), warning  # in words, not a RuntimeWarning of NumPy's
    if caught:
        return "warned"
    return "sane" if is_sane(clf, X, y) else "silently bad"


# ---------------------------------------------------------------- no silently bad model


def wild_fits():
    """Return 32 fits drawn from all combinations of table, scaling, solver, loss, early stopping and rate."""
    everything = list(itertools.product([*LOADERS], [True, False], STEPPING, [*LOSSES], [False, True], RATES))
    return [everything[i] for i in np.random.RandomState(1).choice(len(everything), 32, replace=False)]


@pytest.mark.parametrize(("name", "scaled", "solver", "loss", "early_stopping", "rate"), wild_fits())
def test_a_wild_fit_raises_warns_or_is_sane(name, scaled, solver, loss, early_stopping, rate):
    X, y = table(name, scaled)
    clf = make(solver=solver, loss=loss, early_stopping=early_stopping, learning_rate=rate)
    assert outcome(clf, X, y) != "silently bad"


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", [*LOADERS])
@pytest.mark.parametrize("solver", [*STEPPING, SGD(momentum=0.9)], ids=str)
@pytest.mark.parametrize("rate", [1e3, 1e12, 1e200])
def test_rates_far_too_high_on_unscaled_data_never_pass(rate, solver, name, early_stopping):
    X, y = table(name, scaled=False)
    clf = make(solver=solver, learning_rate=rate, early_stopping=early_stopping)
    assert outcome(clf, X, y) in ("raised", "warned")


@pytest.mark.parametrize("solver", STEPPING)
@pytest.mark.parametrize("scaled", [True, False])
def test_outputs_that_saturate_are_not_passed_over(solver, scaled):
    X, y = table("iris", scaled)
    clf = make(solver=solver, loss="squared_error", learning_rate=1e3)
    assert outcome(clf, X, y) != "silently bad"


@pytest.mark.parametrize("scale", [1e12, 1e200])
@pytest.mark.parametrize("solver", SOLVERS)
def test_enormous_features_never_pass(solver, scale):
    X, y = table("iris", scaled=True)
    assert outcome(make(solver=solver), X * scale, y) in ("raised", "warned")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_that_leaves_the_finite_numbers_raises(dtype, early_stopping):
    X, y = table("breast cancer", scaled=True)
    clf = make(solver="sgd", learning_rate=1e200 if dtype is np.float64 else 1e30, early_stopping=early_stopping)
    with pytest.raises(DivergenceError, match="diverged"):
        clf.fit(X.astype(dtype), y)


def test_divergence_changes_no_global_settings():
    X, y = table("iris", scaled=True)
    settings, filters = np.geterr(), list(warnings.filters)
    with pytest.raises(DivergenceError):
        make(solver="sgd", learning_rate=1e200).fit(X, y)
    assert np.geterr() == settings
    assert warnings.filters == filters


# ---------------------------------------------------------------- no false alarm


def tame_fits():
    """Return 60 fits: all combinations of table, solver, loss and batch size, with rate and early stopping in turn."""
    fits = itertools.product([*LOADERS], SOLVERS, LOSSES, ["full", 32])
    for i, (name, solver, loss, batch_size) in enumerate(fits):
        batch_size = batch_size if solver in STEPPING else "auto"
        yield name, solver, loss, batch_size, (0.01, "auto", 0.003)[i % 3], bool(i // 2 % 2)


@pytest.mark.parametrize(("name", "solver", "loss", "batch_size", "rate", "early_stopping"), list(tame_fits()))
def test_a_tame_fit_raises_and_warns_of_nothing(name, solver, loss, batch_size, rate, early_stopping):
    X, y = table(name, scaled=True)
    params = {"batch_size": batch_size, "learning_rate": rate, "early_stopping": early_stopping, "loss": loss}
    clf = make(solver=solver, **params).fit(X, y)  # warnings are errors here
    assert is_sane(clf, X, y)


@pytest.mark.parametrize("solver", SOLVERS)
def test_with_patience_and_epochs_enough_nothing_is_said_either(solver):
    X, y = table("iris", scaled=True)
    clf = make(solver=solver, n_iter_no_change=5, tol=1e-3, max_iter=2000, learning_rate="auto").fit(X, y)
    assert clf.n_iter_ < 2000
    assert is_sane(clf, X, y)


@pytest.mark.parametrize("max_iter", [1, 10])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("rate", [0.01, "auto"])
@pytest.mark.parametrize("solver", [*SOLVERS, SGD(momentum=0.9)], ids=str)
def test_a_start_from_weights_times_100_is_left_alone(solver, rate, loss, max_iter):
    X, y = table("breast cancer", scaled=True)
    clf = make(solver=solver, learning_rate=rate, warm_start=True, loss=loss, max_iter=3, alpha=0.0).fit(X, y)
    for W in clf.coefs_:
        W *= 100
    clf.set_params(max_iter=max_iter).fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.parametrize("name", ["breast cancer", "wine"])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("solver", [*STEPPING, SGD(momentum=0.9)], ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the first fit, unscaled, may be no good
@pytest.mark.filterwarnings(f"ignore:{UNEVEN}")
def test_partial_fit_on_relabelled_rows_is_left_alone(solver, scaled, name):
    X, y = table(name, scaled)
    rate = "auto" if isinstance(solver, SGD) or solver == "sgd" else 0.01
    for batch_size in ("full", 32):
        clf = make(solver=solver, learning_rate=rate, max_iter=10, warm_start=True, batch_size=batch_size).fit(X, y)
        for _ in range(4):
            clf.partial_fit(X, y.max() - y)
        assert np.isfinite(clf.predict_proba(X)).all()


def test_one_answer_that_is_right_is_no_reason_to_warn():
    X, _ = table("iris", scaled=True)
    y = np.zeros(150, int)
    y[::30] = 1  # the majority answer is the best there is
    clf = make(learning_rate=0.01).fit(np.random.RandomState(0).permutation(X), y)
    assert set(clf.predict(X)) == {0}


# ---------------------------------------------------------------- what the error says


def diverge(clf, X, y, call="fit", **params):
    with pytest.raises(DivergenceError) as caught:
        getattr(clf, call)(X, y, **params)
    return caught.value


def test_the_error_carries_the_way_there():
    X, y = table("iris", scaled=True)

    def jump(progress):
        return 1.0 if progress < 0.5 else 1e12

    error = diverge(make(solver="sgd", learning_rate=0.1, max_iter=10, schedule=jump), X, y)
    assert isinstance(error, ValueError)
    assert 6 <= error.epoch <= 10
    assert {len(values) for values in error.history.values()} == {error.epoch}
    assert len(pd.DataFrame(error.history)) == error.epoch
    assert error.history["loss"][4] < error.history["loss"][0] < 10
    assert f"epoch {error.epoch}" in str(error)


def test_the_error_names_losses_cause_and_remedy():
    X, y = table("breast cancer", scaled=True)
    error = diverge(make(solver="sgd", learning_rate=1e12), X, y)
    message = str(error)
    assert f"{error.history['loss'][-1]:.3g}"[:4] in message
    assert "learning_rate=1e+12" in message
    assert "max_grad_norm" in message
    assert "scal" not in message  # the features are not to blame


@pytest.mark.filterwarnings(f"ignore:{UNEVEN}")
@pytest.mark.parametrize("convert", [np.asarray, csr_matrix], ids=["dense", "csr"])
def test_the_error_names_the_column_to_blame(convert):
    X, y = table("breast cancer", scaled=True)
    X = X.copy()
    X[:, 17] *= -1e6
    message = str(diverge(make(solver="sgd", learning_rate=1.0), convert(X), y))
    assert "feature 17" in message
    assert "StandardScaler" in message
    assert f"{np.abs(X[:, 17]).max():.2g}"[:3] in message


@pytest.mark.filterwarnings(f"ignore:{UNEVEN}")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_error_names_the_column_of_a_data_frame(early_stopping):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    error = diverge(make(solver="sgd", learning_rate=1e12, early_stopping=early_stopping), X, y)
    assert "'worst area' (column 23)" in str(error)
    partial = diverge(make(solver="sgd", learning_rate=1e12), X, y, "partial_fit", classes=[0, 1])
    assert "'worst area' (column 23)" in str(partial)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_the_error_can_be_pickled(protocol):
    X, y = table("iris", scaled=False)
    error = diverge(make(solver="sgd", learning_rate=1e12), X, y)
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is DivergenceError
    assert (str(copy), copy.epoch) == (str(error), error.epoch)
    assert pickle.dumps(copy.history) == pickle.dumps(error.history)  # there may be NaN in it
    assert copy.args == error.args or "nan" in repr(error.args)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")  # those of the rate that diverges
def test_a_search_goes_on_past_a_divergence():
    X, y = table("iris", scaled=True)
    search = GridSearchCV(make(solver="sgd"), {"learning_rate": [0.1, 1e200]}, cv=2)
    with pytest.warns(FitFailedWarning, match="DivergenceError"):
        search.fit(X, y)
    assert search.best_params_ == {"learning_rate": 0.1}


# ---------------------------------------------------------------- what the estimator is afterwards


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", STEPPING)
def test_the_earlier_fit_is_kept(solver, call, warm_start):
    X, y = table("iris", scaled=True)
    clf = make(solver=solver, warm_start=warm_start, max_iter=5).fit(X, y)
    clf.set_params(learning_rate=1e200)
    before = pickle.dumps(clf)
    diverge(clf, X, y, call)
    assert pickle.dumps(clf) == before


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_first_fit_that_diverges_leaves_nothing(call):
    X, y = table("iris", scaled=True)
    clf = make(solver="sgd", learning_rate=1e200)
    diverge(clf, X, y, call, **({"classes": [0, 1, 2]} if call == "partial_fit" else {}))
    assert not [name for name in vars(clf) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        clf.predict(X)


# ---------------------------------------------------------------- dead networks


def test_the_notebook_without_its_scaler_warns_of_dead_units():
    X, y = load_breast_cancer(return_X_y=True)
    X_train, _, y_train, _ = train_test_split(X, y, test_size=0.2, random_state=42)
    clf = TwoLayerClassifier(
        16,
        solver="sgd",
        learning_rate=0.05,
        max_iter=500,
        batch_size="full",
        weight_init=Normal(0.01),
        alpha=0.0,
        n_iter_no_change=None,
        early_stopping=False,
        random_state=np.random.RandomState(42),
    )
    dead = "all 16 hidden units of layer 1 are dead.*StandardScaler"
    with pytest.warns(UserWarning, match=f"{UNEVEN}|{dead}") as caught:
        clf.fit(X_train, y_train)
    before, after = caught
    assert UNEVEN in str(before.message)
    assert after.category is ConvergenceWarning
    assert re.search(dead, str(after.message))
    assert clf.history_["dead_units"][-1] == 1.0
    assert len(set(clf.predict_proba(X_train)[:, 1])) == 1


def kill(layer):
    """Return an initialiser that leaves one layer without a positive Z, if the features are positive."""

    def init(rng, fan_in, fan_out):
        init.calls += 1
        sign = -1.0 if init.calls == layer else 1.0
        return sign * np.abs(rng.standard_normal((fan_in, fan_out)))

    init.calls = 0
    return init


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_the_warning_names_the_dead_layer(layer):
    X, y = table("iris", scaled=False)  # positive features
    clf = BackpropClassifier(
        (5, 4, 3), weight_init=kill(layer), n_iter_no_change=None, early_stopping=False, max_iter=2, random_state=0
    )
    units = {1: 5, 2: 4, 3: 3}[layer]
    with pytest.warns(ConvergenceWarning, match=f"all {units} hidden units of layer {layer} are dead"):
        clf.fit(X, y)


def test_a_penalty_that_leaves_no_weights_is_named():
    X, y = table("iris", scaled=True)
    clf = make(solver="sgd", alpha=1e5, learning_rate=1e-5, max_iter=100, activation="tanh")
    with pytest.warns(ConvergenceWarning, match="alpha"):
        clf.fit(X, y)


@pytest.mark.parametrize("make_rows", [np.ones, csr_matrix], ids=["dense", "sparse"])
def test_features_that_never_vary_are_named_as_the_cause(make_rows):
    clf = TwoLayerClassifier(random_state=0, max_iter=3, n_iter_no_change=None, early_stopping=False)
    with pytest.warns(ConvergenceWarning, match="features that are the same in every sample"):
        clf.fit(make_rows((60, 3)), np.arange(60) % 2)
