"""Resuming: warm_start and partial_fit go on with the weights, the optimiser's state and the random stream."""

import copy
import pickle
from functools import cache

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, Network, TwoLayerClassifier
from skbackprop.activations import LeakyRelu
from skbackprop.schedules import SCHEDULES, Adaptive, InvScaling
from skbackprop.solvers import SGD, SOLVERS, Adam, RMSprop


def steps_one_batch_at_a_time(name):
    return not getattr(SOLVERS[name](), "full_batch_only", False)


def looks_ahead(name):
    """Tell whether a schedule's factor depends on how much of the fit is over."""
    schedule = SCHEDULES[name]()
    return len({schedule.factor(progress, 3, schedule.init_state()) for progress in (0.0, 0.25, 0.5, 1.0)}) > 1


STEPPING = [name for name in SOLVERS if steps_one_batch_at_a_time(name)]
WHOLE_TABLE = [name for name in SOLVERS if not steps_one_batch_at_a_time(name)]
WITHOUT_HORIZON = [name for name in SCHEDULES if not looks_ahead(name)]
WITH_HORIZON = [name for name in SCHEDULES if looks_ahead(name)]
WITH_OPTIONS = [
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True, max_grad_norm=0.5),
    Adam(beta_1=0.5, max_grad_norm=0.1),
    RMSprop(rho=0.5),
]
N = 4  # epochs


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[::2], y[::2]
    X.flags.writeable = y.flags.writeable = False
    return X, y


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X)[:120], y[:120]


def make(kind=TwoLayerClassifier, **params):
    size = {"hidden_units": 5} if kind is TwoLayerClassifier else {"hidden_layer_sizes": (5, 4)}
    settings = {"early_stopping": False, "n_iter_no_change": None, "random_state": 3, "alpha": 0.01, "max_iter": N}
    settings |= {"weight_init": "he", "activation": "relu"}
    return kind(**(size | settings | {"learning_rate": 0.05, "batch_size": 32, "schedule": "constant"} | params))


def unchanged(clf):
    return clf


def through_pickle(clf):
    return pickle.loads(pickle.dumps(clf))


def assert_same_fit(a, b):
    """Same bits: weights and everything recorded but the time it took."""
    for ours, theirs in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert a.loss_curve_ == b.loss_curve_
    assert a.history_.keys() == b.history_.keys()
    for name in a.history_.keys() - {"seconds"}:
        np.testing.assert_array_equal(a.history_[name], b.history_[name], err_msg=name)


def in_steps(clf, X, y, n=N, between=unchanged, **fit_params):
    """Fit max_iter=1 epoch n times over."""
    clf.set_params(max_iter=1, warm_start=True)
    for _ in range(n):
        clf = between(clf.fit(X, y, **fit_params))
        assert clf.n_iter_ == 1
    return clf


# ---------------------------------------------------------------- n × fit(max_iter=1) is fit(max_iter=n)


@pytest.mark.parametrize("schedule", WITHOUT_HORIZON)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("batch_size", ["full", 7, 32])
@pytest.mark.parametrize("solver", STEPPING)
def test_n_fits_of_one_epoch_are_one_fit_of_n(solver, batch_size, dropout, schedule):
    X, y = iris()
    params = {"solver": solver, "batch_size": batch_size, "dropout": dropout, "schedule": schedule}
    assert_same_fit(in_steps(make(**params), X, y), make(**params).fit(X, y))


@pytest.mark.parametrize("solver", WITH_OPTIONS, ids=repr)
def test_n_fits_are_one_with_a_solver_object(solver):
    X, y = iris()
    assert_same_fit(in_steps(make(solver=solver), X, y), make(solver=solver).fit(X, y))


@pytest.mark.parametrize("schedule", [Adaptive(patience=1, divide_by=2.0), InvScaling(power=1.0)], ids=repr)
def test_n_fits_are_one_while_the_schedule_moves(schedule):
    X, y = iris()
    params = {"solver": SGD(momentum=0.9), "schedule": schedule, "learning_rate": 1.0, "dropout": 0.2}
    whole = make(**params, max_iter=12).fit(X, y)
    assert len(set(whole.history_["learning_rate"])) > 2
    assert_same_fit(in_steps(make(**params), X, y, 12), whole)


@pytest.mark.parametrize("between", [through_pickle, copy.deepcopy])
@pytest.mark.parametrize("solver", [*STEPPING, *WITH_OPTIONS], ids=str)
def test_n_fits_are_one_through_a_file(solver, between):
    X, y = iris()
    params = {"solver": solver, "dropout": 0.3, "schedule": Adaptive(patience=1), "batch_size": 20}
    assert_same_fit(in_steps(make(**params), X, y, between=between), make(**params).fit(X, y))


@pytest.mark.parametrize("solver", [*STEPPING, *WITH_OPTIONS], ids=str)
def test_n_fits_are_one_through_a_memory_map(solver, tmp_path):
    X, y = iris()

    def through_memory_map(clf):
        joblib.dump(clf, tmp_path / "model.joblib")
        return joblib.load(tmp_path / "model.joblib", mmap_mode="r")

    params = {"solver": solver, "schedule": Adaptive(patience=1)}
    assert_same_fit(in_steps(make(**params), X, y, between=through_memory_map), make(**params).fit(X, y))


@pytest.mark.parametrize(
    "params",
    [
        {"kind": BackpropClassifier},
        {"kind": BackpropClassifier, "hidden_layer_sizes": ()},
        {"loss": "squared_error"},
        {"shuffle": False},
        {"class_weight": "balanced"},
        {"random_state": np.random.RandomState(5)},
    ],
    ids=lambda params: "-".join(params),
)
def test_n_fits_are_one_whatever_else_is_set(params):
    X, y = iris()
    whole = make(**copy.deepcopy(params)).fit(X, y)
    assert_same_fit(in_steps(make(**params), X, y), whole)


@pytest.mark.parametrize("kind", ["float32", "csr", "fortran", "binary", "multilabel", "strings", "weights"])
def test_n_fits_are_one_whatever_the_data(kind):
    X, y = iris()
    weights = None
    if kind == "float32":
        X = X.astype(np.float32)
    elif kind == "csr":
        X = csr_matrix(np.where(X > 0, X, 0))
    elif kind == "fortran":
        X = np.asfortranarray(X)
    elif kind == "binary":
        y = y > 0
    elif kind == "multilabel":
        y = np.stack([y > 0, y > 1], axis=1).astype(int)
    elif kind == "strings":
        y = np.array(["red", "green", "blue"])[y]
    else:
        weights = np.random.RandomState(0).uniform(0.1, 0.7, len(y))
    whole = make(dropout=0.2).fit(X, y, sample_weight=weights)
    assert_same_fit(in_steps(make(dropout=0.2), X, y, sample_weight=weights), whole)


def test_monitoring_validation_rows_changes_nothing():
    X, y = iris()
    given = {"X_val": X[:30], "y_val": y[:30]}
    whole = make().fit(X, y, **given)
    assert_same_fit(in_steps(make(), X, y, **given), whole)
    assert len(whole.validation_scores_) == N


def test_n_iter_counts_the_last_fit_and_the_history_all_of_them():
    X, y = iris()
    clf = make(warm_start=True, max_iter=3).fit(X, y)
    clf.set_params(max_iter=2).fit(X, y)
    assert clf.n_iter_ == 2
    assert len(clf.loss_curve_) == 5
    assert {len(values) for values in clf.history_.values()} == {5}
    assert clf.loss_ == clf.loss_curve_[-1]


def test_a_fit_without_warm_start_forgets_the_earlier_ones():
    X, y = iris()
    clf = in_steps(make(), X, y)
    clf.set_params(warm_start=False, max_iter=N).fit(X, y)
    assert_same_fit(clf, make().fit(X, y))


def test_early_stopping_goes_on_from_the_restored_weights():
    X, y = breast_cancer()
    clf = make(early_stopping=True, warm_start=True, max_iter=3, validation_fraction=0.2, solver="adam").fit(X, y)
    assert clf.set_params(max_iter=1, learning_rate=1e-12).fit(X, y) is clf
    assert clf.n_iter_ == 1
    assert len(clf.loss_curve_) == len(clf.validation_scores_) == 4
    restored = make(early_stopping=True, warm_start=True, max_iter=3, validation_fraction=0.2, solver="adam").fit(X, y)
    for ours, theirs in zip(clf.coefs_, restored.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("solver", WHOLE_TABLE)
def test_a_line_search_solver_goes_on_from_the_weights(solver):
    X, y = iris()
    params = {"solver": solver, "batch_size": "full", "max_iter": 3}
    clf = make(warm_start=True, **params).fit(X, y)
    there = make(**params, random_state=3).fit(X, y)
    value_there = loss_of(there, X, y)
    clf.fit(X, y)
    assert clf.loss_curve_[3] == pytest.approx(value_there, rel=1e-9)  # an epoch's loss is that before its update
    assert loss_of(clf, X, y) < value_there


def loss_of(clf, X, y):
    """Return the objective that fit minimises, alpha included."""
    log_loss = -clf.predict_log_proba(X)[np.arange(len(y)), y].mean()
    return log_loss + 0.5 * clf.alpha * sum((W**2).sum() for W in clf.coefs_)


# ---------------------------------------------------------------- schedules


@pytest.mark.parametrize("schedule", WITH_HORIZON)
def test_a_schedule_with_a_horizon_runs_over_each_fit(schedule):
    X, y = iris()
    clf = make(schedule=schedule, warm_start=True).fit(X, y)
    first = list(clf.history_["learning_rate"])
    assert len(set(first)) > 1
    assert clf.fit(X, y).history_["learning_rate"] == first + first


@pytest.mark.parametrize("schedule", [*SCHEDULES, lambda progress: 0.5 * progress])
def test_partial_fit_uses_the_plain_rate(schedule):
    X, y = iris()
    clf, plain = make(schedule=schedule), make(schedule="constant")
    for _ in range(3):
        clf.partial_fit(X, y, classes=[0, 1, 2])
        plain.partial_fit(X, y, classes=[0, 1, 2])
    assert_same_fit(clf, plain)
    assert clf.history_["learning_rate"] == [0.05] * 3


# ---------------------------------------------------------------- partial_fit


@pytest.mark.parametrize("between", [unchanged, through_pickle])
@pytest.mark.parametrize("solver", [*STEPPING, *WITH_OPTIONS], ids=str)
def test_n_passes_of_partial_fit_are_one_fit_of_n_epochs(solver, between):
    X, y = iris()
    clf = make(solver=solver, dropout=0.3)
    for _ in range(N):
        clf = between(clf.partial_fit(X, y, classes=[0, 1, 2]))
    assert_same_fit(clf, make(solver=solver, dropout=0.3).fit(X, y))


def test_partial_fit_goes_on_where_a_warm_fit_ended():
    X, y = iris()
    clf = make(max_iter=N - 1, warm_start=True, solver="adam").fit(X, y).partial_fit(X, y)
    assert_same_fit(clf, make(solver="adam").fit(X, y))


def test_partial_fit_takes_the_weights_of_a_plain_fit():
    X, y = iris()
    clf = make(solver="sgd").fit(X, y)
    before = copy.deepcopy(clf.coefs_)
    clf.set_params(learning_rate=1e-9).partial_fit(X, y)
    for ours, theirs in zip(clf.coefs_, before, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
        assert not np.array_equal(ours, theirs)


def test_the_random_stream_goes_on():
    X, y = iris()
    sizes = []  # of the gradient of each row, from a network that learns next to nothing
    clf = make(batch_size=1, learning_rate=1e-12, solver=GradientSpy(sizes), warm_start=True, max_iter=1)
    clf.fit(X, y).fit(X, y).partial_fit(X, y)
    passes = np.round(sizes, 6).reshape(3, len(y)).tolist()
    assert passes[0] != passes[1] != passes[2] != passes[0]  # the rows in another order each time
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])


class GradientSpy(SGD):
    """Plain gradient descent that notes the size of each gradient."""

    def __init__(self, notes):
        super().__init__()
        self.notes = notes

    def stepper(self, parameters, gradients, state):
        step = super().stepper(parameters, gradients, state)

        def noted(learning_rate):
            self.notes.append(float(np.abs(gradients.theta).sum()))
            step(learning_rate)

        return noted


def test_early_stopping_does_not_apply_to_partial_fit():
    X, y = breast_cancer()
    clf = make(early_stopping=True).partial_fit(X, y, classes=[0, 1])
    assert_same_fit(clf, make(early_stopping=False).partial_fit(X, y, classes=[0, 1]))
    assert not hasattr(clf, "validation_scores_")


@pytest.mark.parametrize("name", SOLVERS)
def test_partial_fit_is_there_unless_the_solver_needs_all_rows(name):
    assert hasattr(make(solver=name, batch_size="auto"), "partial_fit") == (name in STEPPING)


def weighted_chunks():
    X, y = breast_cancer()
    rng = np.random.RandomState(1)
    rows = [slice(0, 40), slice(40, 70), slice(70, 120)]
    return [(X[r], y[r], w * rng.uniform(0.5, 1.5, len(y[r]))) for r, w in zip(rows, (1.0, 4.0, 0.2), strict=True)]


def test_weights_in_partial_fit_count_relative_to_the_running_mean():
    clf = make(solver="sgd", batch_size="full", learning_rate=0.1, alpha=0.05, activation="tanh", weight_init="glorot")
    net = Network([30, 5, 1], activation="tanh", weight_init="glorot", random_state=3)
    total, n_rows = 0.0, 0
    for X, y, w in weighted_chunks():
        clf.partial_fit(X, y, classes=[0, 1], sample_weight=w)
        total, n_rows = total + w.sum(), n_rows + len(w)
        _, grads = net.objective(X, y, sample_weight=w)  # Σ w ∇ℓ / Σ w of the chunk
        share = w.mean() / (total / n_rows)  # what makes it Σ (w / w̄) ∇ℓ / m
        decay = [0.05 * W for W in net.W]
        for W, dW, penalty in zip(net.W, grads.W, decay, strict=True):
            W -= 0.1 * (share * dW + penalty)
        for b, db in zip(net.b, grads.b, strict=True):
            b -= 0.1 * share * db
    for ours, theirs in zip(clf.coefs_ + clf.intercepts_, net.W + net.b, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [0.3, 2.0, 1e12, 1e-200])
def test_the_unit_of_the_weights_does_not_matter_to_partial_fit(scale):
    clf, scaled = make(solver="adam"), make(solver="adam")
    for X, y, w in weighted_chunks():
        clf.partial_fit(X, y, classes=[0, 1], sample_weight=w)
        scaled.partial_fit(X, y, classes=[0, 1], sample_weight=w * scale)
    for ours, theirs in zip(clf.coefs_, scaled.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("constant", [0.3, 1.0, 2.0])
def test_equal_weights_are_no_weights_to_partial_fit(constant):
    clf, weighted = make(solver="sgd"), make(solver="sgd")
    for X, y, w in weighted_chunks():
        clf.partial_fit(X, y, classes=[0, 1])
        weighted.partial_fit(X, y, classes=[0, 1], sample_weight=np.full_like(w, constant))
    for ours, theirs in zip(clf.coefs_, weighted.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- what must not change between two fits


def warm(clf, X, y):
    return clf.fit(X, y)


def partial(clf, X, y):
    return clf.partial_fit(X, y)


def changed_units(clf, X, y):
    return clf.set_params(hidden_units=6), X, y


def changed_features(clf, X, y):
    return clf, X[:, :3], y


def changed_names(clf, X, y):
    return clf, X.rename(columns={X.columns[0]: "new"}), y


def changed_order(clf, X, y):
    return clf, X[X.columns[::-1]], y


def changed_activation(clf, X, y):
    return clf.set_params(activation="tanh"), X, y


def changed_slope(clf, X, y):
    clf.set_params(activation=LeakyRelu(0.1), warm_start=False).fit(X, y)
    return clf.set_params(activation=LeakyRelu(0.2), warm_start=True), X, y


def another_class(clf, X, y):
    return clf, X, np.where(y == 2, 7, y)


def one_more_class(clf, X, y):
    return clf, X, np.append(y[:-1], 3)


def another_kind_of_label(clf, X, y):
    return clf, X, y.astype(str)


def multilabel_after_multiclass(clf, X, y):
    return clf, X, np.eye(3, dtype=int)[y]


def continuous(clf, X, y):
    return clf, X, y + 0.5


CHANGES = [
    changed_units,
    changed_activation,
    changed_slope,
    changed_features,
    another_class,
    one_more_class,
    another_kind_of_label,
    multilabel_after_multiclass,
    continuous,
]


def assert_refused(clf, go_on, X, y, match):
    before = pickle.dumps({name: value for name, value in vars(clf).items() if name.endswith("_")})
    with pytest.raises(ValueError, match=match):
        go_on(clf, X, y)
    assert pickle.dumps({name: value for name, value in vars(clf).items() if name.endswith("_")}) == before


@pytest.mark.parametrize("go_on", [warm, partial])
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_problem_raises_and_leaves_the_fit(change, go_on):
    X, y = iris()
    clf = make(warm_start=True).fit(X, y)
    assert_refused(
        *place_last(change(clf, X, y), go_on), match=r"(?i)classes|layer sizes|activation|features|y must|label"
    )


def place_last(changed, go_on):
    clf, X, y = changed
    return clf, go_on, X, y


@pytest.mark.parametrize("go_on", [warm, partial])
@pytest.mark.parametrize("change", [changed_names, changed_order])
def test_changed_feature_names_raise_and_leave_the_fit(change, go_on):
    X, y = load_iris(return_X_y=True, as_frame=True)
    clf = make(warm_start=True).fit(X, y)
    assert_refused(*place_last(change(clf, X, y), go_on), match="feature names")


def test_warm_start_wants_every_class_again_but_partial_fit_does_not():
    X, y = iris()
    clf = make(warm_start=True).fit(X, y)
    assert_refused(clf, warm, X[y < 2], y[y < 2], match="classes")
    clf.partial_fit(X[y < 2], y[y < 2])
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])


def test_classes_of_a_later_partial_fit_must_be_the_same():
    X, y = iris()
    clf = make().partial_fit(X, y, classes=[2, 0, 1, 1])
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])
    clf.partial_fit(X, y, classes=[1, 2, 0])
    with pytest.raises(ValueError, match="classes"):
        clf.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="classes"):
        make().partial_fit(X, y)


@pytest.mark.parametrize("first", ["sgd", SGD(momentum=0.9), "adam", "rmsprop"], ids=str)
@pytest.mark.parametrize("second", STEPPING)
def test_another_solver_may_go_on(first, second):
    X, y = iris()
    clf = make(solver=first, learning_rate="auto", warm_start=True).fit(X, y)
    clf.set_params(solver=second).fit(X, y)
    assert np.isfinite(clf.loss_curve_).all()
    assert len(clf.loss_curve_) == 2 * N


# ---------------------------------------------------------------- a failed continuation


@pytest.mark.parametrize("go_on", [warm, partial])
@pytest.mark.parametrize("solver", [*STEPPING, SGD(momentum=0.9)], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what overflows on the way is another test's business
def test_a_continuation_that_diverges_can_be_taken_up_again(solver, go_on):
    X, y = iris()
    clf, other = (make(solver=solver, warm_start=True, schedule="adaptive").fit(X, y) for _ in range(2))
    clf.set_params(learning_rate=1e200)
    with pytest.raises(DivergenceError):
        go_on(clf, X, y)
    clf.set_params(learning_rate=0.05)
    assert_same_fit(go_on(clf, X, y), go_on(other, X, y))


@pytest.mark.parametrize("solver", STEPPING)
def test_going_on_with_a_copy_leaves_the_original(solver):
    X, y = iris()
    clf, other = (make(solver=solver, warm_start=True).fit(X, y) for _ in range(2))
    copy.copy(clf).fit(X, y)
    assert_same_fit(clf.fit(X, y), other.fit(X, y))
