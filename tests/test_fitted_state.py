"""A fitted estimator is its fitted attributes: parameters set afterwards, copies and old files change no answer."""

import copy
import pickle
import tracemalloc
import warnings
from functools import cache

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS, Elu, LeakyRelu, Relu, Sigmoid, Tanh
from skbackprop.losses import LogLoss
from skbackprop.solvers import SOLVERS, Adam

KINDS = [TwoLayerClassifier, BackpropClassifier]
STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(kind=TwoLayerClassifier, **params):
    settings = {"early_stopping": False, "n_iter_no_change": None, "max_iter": 3, "random_state": 0, "alpha": 1e-3}
    size = {"hidden_units": 6} if kind is TwoLayerClassifier else {"hidden_layer_sizes": (6, 5)}
    return kind(**(size | settings | {"learning_rate": 0.02} | params))


def answers(clf, X):
    return [getattr(clf, method)(X) for method in METHODS]


def assert_same_answers(before, after):
    for ours, theirs in zip(before, after, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def everything(clf):
    """Return all that an estimator holds, as bytes to compare."""
    return pickle.dumps(sorted(vars(clf).items(), key=lambda item: item[0]))


# ---------------------------------------------------------------- parameters set after a fit


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", [*ACTIVATIONS, LeakyRelu(0.3)], ids=str)
def test_another_activation_set_after_the_fit_changes_no_answer(given, kind):
    X, y = iris()
    clf = make(kind, activation=given).fit(X, y)
    before = answers(clf, X)
    for other in [*ACTIVATIONS, LeakyRelu(0.9), Elu(0.1)]:
        clf.set_params(activation=other)
        assert_same_answers(before, answers(clf, X))


OTHER_PARAMS = {
    "loss": "squared_error",
    "solver": "lbfgs",
    "learning_rate": 7.0,
    "schedule": "cosine",
    "batch_size": 3,
    "max_iter": 99,
    "alpha": 3.0,
    "dropout": 0.9,
    "class_weight": "balanced",
    "early_stopping": True,
    "validation_fraction": 0.4,
    "scoring": "accuracy",
    "tol": 9.0,
    "warm_start": True,
    "shuffle": False,
    "random_state": 9,
    "verbose": 1,
    "weight_init": "glorot",
    "activation": "softplus",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OTHER_PARAMS)
def test_no_parameter_set_after_the_fit_changes_an_answer(name, kind):
    X, y = iris()
    clf = make(kind).fit(X, y)
    before = answers(clf, X)
    clf.set_params(**{name: OTHER_PARAMS[name]})
    assert_same_answers(before, answers(clf, X))
    assert_same_answers(before, answers(pickle.loads(pickle.dumps(clf)), X))


def test_another_size_set_after_the_fit_changes_no_answer():
    X, y = iris()
    two, deep = make().fit(X, y), make(BackpropClassifier).fit(X, y)
    before = answers(two, X), answers(deep, X)
    assert_same_answers(before[0], answers(two.set_params(hidden_units=50), X))
    assert_same_answers(before[1], answers(deep.set_params(hidden_layer_sizes=(3,)), X))
    assert_same_answers(before[1], answers(deep.set_params(hidden_layer_sizes=()), X))


def test_an_object_changed_after_the_fit_changes_no_answer():
    X, y = iris()
    phi = LeakyRelu(slope=0.3)
    clf = make(activation=phi).fit(X, y)
    before = answers(clf, X)
    clf.activation.set_params(slope=5.0)
    assert_same_answers(before, answers(clf, X))
    phi.slope = 0.0
    assert_same_answers(before, answers(clf, X))
    clf.set_params(activation__slope=2.0)
    assert_same_answers(before, answers(clf, X))
    assert clf.activation is phi  # scikit-learn's rule: what the user gave is kept
    refit = clone(clf).fit(X, y)
    assert not np.array_equal(refit.predict_proba(X), before[1])  # it is the parameter that a new fit takes


def test_objects_of_several_layers_are_copies_too():
    X, y = iris()
    phi, given = LeakyRelu(0.2), ["relu", None]
    given[1] = phi
    clf = make(BackpropClassifier, activation=given).fit(X, y)
    before = answers(clf, X)
    phi.slope = 3.0
    given[0] = "tanh"
    assert_same_answers(before, answers(clf, X))


# ---------------------------------------------------------------- activations_


def test_activations_holds_names_as_strings_and_objects_as_copies():
    X, y = iris()
    phi = LeakyRelu(0.2)
    named, one = make(activation="relu").fit(X, y), make(activation=phi).fit(X, y)
    assert list(named.activations_) == ["relu"]
    assert list(one.activations_) == [phi]
    assert one.activations_[0] is not phi
    two = make(BackpropClassifier, activation="logistic").fit(X, y)
    assert list(two.activations_) == ["logistic", "logistic"]
    both = make(BackpropClassifier, activation=["tanh", phi]).fit(X, y)
    assert list(both.activations_) == ["tanh", phi]
    assert both.activations_[1] is not phi
    assert list(make(BackpropClassifier, activation=phi).fit(X, y).activations_) == [phi, phi]
    assert list(make(BackpropClassifier, hidden_layer_sizes=()).fit(X, y).activations_) == []
    assert not hasattr(make(), "activations_")


@pytest.mark.parametrize("how", ["partial_fit", "refit", "warm start"])
def test_activations_are_those_of_the_last_training(how):
    X, y = iris()
    clf = make(activation="tanh", warm_start=how == "warm start")
    if how == "partial_fit":
        clf.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    else:
        clf.fit(X, y).fit(X, y)
    assert list(clf.activations_) == ["tanh"]
    if how == "refit":
        assert list(clf.set_params(activation="relu").fit(X, y).activations_) == ["relu"]


def through_pickle(clf, tmp_path):
    return pickle.loads(pickle.dumps(clf))


def through_joblib(clf, tmp_path):
    joblib.dump(clf, tmp_path / "model.joblib")
    return joblib.load(tmp_path / "model.joblib", mmap_mode="r")


def through_deepcopy(clf, tmp_path):
    return copy.deepcopy(clf)


def through_copy(clf, tmp_path):
    return copy.copy(clf)


WAYS = pytest.mark.parametrize("through", [through_pickle, through_joblib, through_deepcopy, through_copy])


@WAYS
def test_a_copy_answers_by_what_it_was_trained_with(through, tmp_path):
    X, y = iris()
    phi = LeakyRelu(0.3)
    clf = make(BackpropClassifier, activation=["elu", phi]).fit(X, y)
    before = answers(clf, X)
    clf.set_params(activation="relu")
    phi.slope = 9.0
    other = through(clf, tmp_path)
    assert_same_answers(before, answers(other, X))
    assert list(other.activations_) == list(clf.activations_) == ["elu", LeakyRelu(0.3)]


@pytest.mark.parametrize("activation", ["tanh", LeakyRelu(0.4)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_activations_takes_them_from_its_parameter(kind, activation):
    X, y = iris()
    clf = make(kind, activation=activation).fit(X, y)
    state = clf.__getstate__()
    state.pop("activations_")
    loaded = object.__new__(kind)
    loaded.__setstate__(state)
    assert_same_answers(answers(clf, X), answers(loaded, X))
    loaded.partial_fit(X, y)
    assert list(loaded.activations_) == list(clf.activations_)
    with pytest.raises(ValueError, match="activation"):
        loaded.set_params(activation="softplus").partial_fit(X, y)


# ---------------------------------------------------------------- going on with another activation

OTHER = [
    ("relu", "tanh"),
    ("relu", LeakyRelu()),
    (LeakyRelu(0.3), LeakyRelu(0.2)),
    (LeakyRelu(0.3), "leaky_relu"),
    (Elu(0.5), LeakyRelu(0.5)),
    (Relu(), "softplus"),
]
SAME = [("relu", Relu()), (Relu(), "relu"), ("logistic", "sigmoid"), (Sigmoid(), "logistic"), ("elu", Elu(1.0))]
SAME += [(LeakyRelu(0.3), LeakyRelu(0.3)), (Tanh(), Tanh())]


def go_on(clf, how, X, y):
    return clf.partial_fit(X, y) if how == "partial_fit" else clf.fit(X, y)


@pytest.mark.parametrize("how", ["partial_fit", "warm start"])
@pytest.mark.parametrize(("first", "then"), OTHER, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_going_on_with_another_activation_raises_and_changes_nothing(kind, first, then, how):
    X, y = iris()
    clf = make(kind, activation=first, warm_start=True).fit(X, y)
    clf.set_params(activation=then)
    before, state = answers(clf, X), everything(clf)
    with pytest.raises(ValueError, match="activation"):
        go_on(clf, how, X, y)
    assert everything(clf) == state
    assert_same_answers(before, answers(clf, X))
    go_on(clf.set_params(activation=first), how, X, y)  # and with the first it goes on
    clf.set_params(activation=then, warm_start=False).fit(X, y)  # a fresh fit may take any


@pytest.mark.parametrize("how", ["partial_fit", "warm start"])
def test_an_object_changed_before_going_on_raises(how):
    X, y = iris()
    phi = LeakyRelu(0.3)
    clf = make(activation=phi, warm_start=True).fit(X, y)
    phi.slope = 0.5
    with pytest.raises(ValueError, match="activation"):
        go_on(clf, how, X, y)
    phi.slope = 0.3
    go_on(clf, how, X, y)


@pytest.mark.parametrize("how", ["partial_fit", "warm start"])
@pytest.mark.parametrize(("first", "then"), SAME, ids=str)
def test_the_same_activation_by_another_name_goes_on(first, then, how):
    X, y = iris()
    clf, plain = (make(activation=first, warm_start=True).fit(X, y) for _ in range(2))
    go_on(clf.set_params(activation=then), how, X, y)
    go_on(plain, how, X, y)
    assert_same_answers(answers(clf, X), answers(plain, X))


@pytest.mark.parametrize("how", ["partial_fit", "warm start"])
def test_one_layer_of_several_may_not_change_either(how):
    X, y = iris()
    clf = make(BackpropClassifier, activation=["relu", "tanh"], warm_start=True).fit(X, y)
    for other in (["relu", "elu"], ["tanh", "relu"], "relu"):
        with pytest.raises(ValueError, match="activation"):
            go_on(clf.set_params(activation=other), how, X, y)
    go_on(clf.set_params(activation=("relu", Tanh())), how, X, y)


# ---------------------------------------------------------------- streams


@pytest.mark.parametrize("weighted", [False, True])
def test_alpha_auto_counts_all_rows_of_the_stream(weighted):
    X, y = breast_cancer()
    w = np.random.RandomState(0).uniform(0.5, 2, len(y)) if weighted else None
    auto, by_hand = make(alpha="auto"), make()
    ends = [150, 300, 320, 569]
    for start, end in zip([0, *ends], ends, strict=False):
        rows = slice(start, end)
        weights = {} if w is None else {"sample_weight": w[rows]}
        by_hand.set_params(alpha=1.0 / (2 * end))
        for clf in (auto, by_hand):
            clf.partial_fit(X[rows], y[rows], classes=[0, 1], **weights)
        np.testing.assert_array_equal(auto.coefs_[0], by_hand.coefs_[0])


def test_alpha_auto_of_a_stream_counts_no_rows_of_weight_zero():
    X, y = breast_cancer()
    w = (np.arange(300) % 2).astype(float)
    auto, by_hand = make(alpha="auto"), make(alpha=1.0 / (2 * 150))
    auto.partial_fit(X[:300], y[:300], classes=[0, 1], sample_weight=w)
    by_hand.partial_fit(X[1:300:2], y[1:300:2], classes=[0, 1], sample_weight=w[1::2])
    np.testing.assert_array_equal(auto.coefs_[0], by_hand.coefs_[0])


def test_the_count_of_a_stream_survives_a_file():
    X, y = breast_cancer()
    clf, through_file = (make(alpha="auto").partial_fit(X[:200], y[:200], classes=[0, 1]) for _ in range(2))
    through_file = pickle.loads(pickle.dumps(through_file))
    for each in (clf, through_file):
        each.partial_fit(X[200:400], y[200:400])
    np.testing.assert_array_equal(clf.coefs_[0], through_file.coefs_[0])


def test_partial_fit_appends_to_the_history_without_copying_it():
    X, y = iris()
    clf = make().partial_fit(X, y, classes=[0, 1, 2])
    lists = {name: (values, list(values)) for name, values in clf.history_.items()}
    for n in range(2, 6):
        clf.partial_fit(X, y)
        for name, (values, first) in lists.items():
            assert clf.history_[name] is values
            assert len(values) == n
            np.testing.assert_array_equal(values[:1], first)
        assert clf.loss_curve_ is clf.history_["loss"]
        assert clf.n_iter_ == 1


def test_a_long_history_is_not_copied():
    X, y = iris()
    X, y = X[::50], y[::50]
    clf = make().partial_fit(X, y, classes=[0, 1, 2])
    tracemalloc.start()
    try:
        for values in clf.history_.values():
            values *= 200_000  # as if there had been that many calls
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        clf.partial_fit(X, y)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert len(clf.loss_curve_) == 200_001
    assert peak < 0.6 * 8 * 200_000 * len(clf.history_)  # a list that grows may move, but not all of them at a time


@WAYS
@pytest.mark.parametrize("trained", ["the original", "the copy", "both"])
def test_training_one_of_two_copies_leaves_the_others_history(trained, through, tmp_path):
    X, y = iris()
    clf = make().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    other = through(clf, tmp_path)
    kept = {name: list(values) for name, values in clf.history_.items()}
    untrained = [each for each, name in ((clf, "the copy"), (other, "the original")) if trained == name]
    before = answers(clf, X)
    for each in (clf, other):
        if each not in untrained:
            each.partial_fit(X, y).partial_fit(X, y)
            assert {len(values) for values in each.history_.values()} == {4}
            assert each.loss_curve_ is each.history_["loss"]
            for name in kept:
                np.testing.assert_array_equal(each.history_[name][:2], kept[name], err_msg=name)
    for each in untrained:
        assert {len(values) for values in each.history_.values()} == {2}
        np.testing.assert_equal(each.history_, kept)
        assert each.loss_curve_ == kept["loss"]
        assert_same_answers(before, answers(each, X))


@WAYS
@pytest.mark.parametrize("solver", STEPPING)
def test_two_copies_trained_alike_are_alike(solver, through, tmp_path):
    X, y = iris()
    clf = make(solver=solver, warm_start=True, dropout=0.2).fit(X, y)
    other = through(clf, tmp_path)
    for _ in range(2):
        for each in (clf, other):
            each.partial_fit(X, y)
        assert_same_answers(answers(clf, X), answers(other, X))
    assert_same_answers(answers(clf.fit(X, y), X), answers(other.fit(X, y), X))


@pytest.mark.parametrize("failure", ["divergence", "unknown label", "other width"])
def test_a_call_that_fails_leaves_the_history_as_it_was(failure):
    X, y = iris()
    clf = make().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    state, kept = everything(clf), {name: list(values) for name, values in clf.history_.items()}
    lists = dict(clf.history_)
    if failure == "divergence":
        clf.set_params(learning_rate=1e200, solver="sgd")
        state = everything(clf)
        with pytest.raises(DivergenceError):
            clf.partial_fit(X, y)
    elif failure == "unknown label":
        with pytest.raises(ValueError, match="y"):
            clf.partial_fit(X, y + 1)
    else:
        with pytest.raises(ValueError, match="features"):
            clf.partial_fit(X[:, :2], y)
    assert everything(clf) == state
    for name, values in kept.items():
        assert clf.history_[name] is lists[name]
        np.testing.assert_array_equal(clf.history_[name], values)


# ---------------------------------------------------------------- files of earlier versions


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fitted", [False, True])
def test_a_file_that_lacks_a_parameter_gets_the_default(fitted, kind):
    X, y = iris()
    clf = make(kind, loss=LogLoss(0.1), solver=Adam(beta_1=0.8))
    if fitted:
        clf.fit(X, y)
    state = clf.__getstate__()
    assert state["_skbackprop_version"] == skbackprop.__version__
    for name in kind().get_params(deep=False):
        loaded = object.__new__(kind)
        loaded.__setstate__({key: value for key, value in state.items() if key != name})
        expected = clf.get_params(deep=False) | {name: kind().get_params(deep=False)[name]}
        assert repr(loaded.get_params(deep=False)) == repr(expected)
        if fitted:
            assert_same_answers(answers(clf, X), answers(loaded, X))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_lacks_several_parameters_gets_the_defaults(kind):
    X, y = iris()
    clf = make(kind).fit(X, y)
    state = clf.__getstate__()
    for name in ("dropout", "scoring", "tol", "verbose"):
        del state[name]
    loaded = object.__new__(kind)
    loaded.__setstate__(state)
    assert loaded.get_params() == clf.get_params() | {"tol": kind().tol}
    assert_same_answers(answers(clf, X), answers(loaded, X))
    loaded.fit(X, y)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["tol", "solver", "activation"])
def test_a_state_without_version_that_lacks_a_parameter_is_refused(name, kind):
    X, y = iris()
    state = make(kind).fit(X, y).__getstate__()
    del state[name], state["_skbackprop_version"]
    with pytest.raises(ValueError, match=name):
        object.__new__(kind).__setstate__(state)


def test_a_file_of_another_version_that_lacks_a_parameter_warns_and_is_read():
    X, y = iris()
    clf = make().fit(X, y)
    state = clf.__getstate__() | {"_skbackprop_version": "0.0.9"}
    del state["schedule"]
    loaded = object.__new__(TwoLayerClassifier)
    with pytest.warns(UserWarning, match=r"0\.0\.9"):
        loaded.__setstate__(state)
    assert loaded.schedule == "constant"
    assert_same_answers(answers(clf, X), answers(loaded, X))


@WAYS
def test_the_history_of_a_search_travels_too(through, tmp_path):
    X, y = iris()
    clf = make(early_stopping="auto", n_iter_no_change=3, max_iter=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf.fit(X, y)
    other = through(clf, tmp_path)
    np.testing.assert_equal(other.search_history_, clf.search_history_)
    np.testing.assert_equal(other.history_, clf.history_)
    assert other.loss_curve_ is other.history_["loss"]
    assert other.validation_scores_ is other.history_["validation_score"]


def test_the_history_of_a_search_takes_little_room():
    X, y = iris()
    size = {}
    for max_iter in (20, 220):
        clf = make(early_stopping="auto", n_iter_no_change=300, max_iter=max_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clf.fit(X, y)
        size[max_iter] = len(pickle.dumps(clf)), len(clf.search_history_["loss"]) + clf.n_iter_
    (small, few), (large, many) = size[20], size[220]
    assert large - small < 80 * (many - few)
