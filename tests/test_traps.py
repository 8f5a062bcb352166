"""Bugs of other small neural-network classifiers, one test each: none of them may be ours."""

import copy
import pickle
import pickletools
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import joblib
import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin, clone, is_classifier
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_info

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier
from skbackprop.losses import LOSSES
from skbackprop.solvers import SGD, SOLVERS

KINDS = [TwoLayerClassifier, BackpropClassifier]
STEPPING = [name for name in SOLVERS if not getattr(SOLVERS[name](), "full_batch_only", False)]


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(kind=TwoLayerClassifier, **params):
    settings = {"n_iter_no_change": None, "early_stopping": False, "random_state": 0, "max_iter": 10, "alpha": 1e-3}
    settings |= {"weight_init": "he", "activation": "relu"}
    return kind(**(settings | {"batch_size": 32, "learning_rate": 0.02, "solver": "adam"} | params))


def weights(clf):
    return [array.tolist() for array in clf.coefs_ + clf.intercepts_]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("rate", [1e12, 1e200])
def test_trap_01_silent_divergence(rate, scaled, early_stopping):
    # Others return a model of accuracy 0, or of NaN, without a word.
    X, y = iris() if scaled else load_iris(return_X_y=True)
    clf = make(solver="sgd", learning_rate=rate, early_stopping=early_stopping)
    with pytest.raises(DivergenceError, match="epoch"):
        clf.fit(X, y)
    with pytest.raises(NotFittedError):
        clf.predict_proba(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("targets", ["binary", "multiclass", "multilabel"])
def test_trap_02_log_of_a_rounded_probability(targets, dtype):
    # log(softmax) is -inf far out, with a RuntimeWarning.
    X, y = iris()
    y = {"binary": y == 1, "multiclass": y, "multilabel": np.stack([y == 0, y == 1], axis=1).astype(int)}[targets]
    clf = make().fit(X.astype(dtype), y)
    far = (X * 1e5).astype(dtype)
    log_P, P, Z = clf.predict_log_proba(far), clf.predict_proba(far), clf.decision_function(far).astype(np.float64)
    assert log_P.dtype == P.dtype == dtype
    assert np.isfinite(log_P).all()
    assert (P == 0).any()  # where the logarithm of P would be -inf
    if targets == "multilabel":
        expected = -np.logaddexp(0, -Z)
    else:
        expected = log_softmax(np.stack([np.zeros_like(Z), Z], axis=1) if targets == "binary" else Z, axis=1)
    np.testing.assert_allclose(log_P, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_trap_03_a_single_class(kind):
    # Others fit, and return probabilities of another shape than classes_.
    X, y = iris()
    for call in (
        lambda: make(kind).fit(X[:50], y[:50]),
        lambda: make(kind).fit(X, y, sample_weight=y == 2),
        lambda: make(kind).partial_fit(X, y, classes=[0]),
    ):
        with pytest.raises(ValueError, match=r"(?i)one class only|only one class"):
            call()


@pytest.mark.parametrize("call", ["partial_fit", "fit"])
@pytest.mark.parametrize("solver", [*STEPPING, SGD(momentum=0.9)], ids=str)
def test_trap_04_training_a_memory_mapped_model(solver, call, tmp_path):
    # Weights updated in place: "output array is read-only".
    X, y = iris()
    clf = make(solver=solver, warm_start=True).fit(X, y)
    joblib.dump(clf, tmp_path / "model.joblib")
    content = (tmp_path / "model.joblib").read_bytes()
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert not loaded.coefs_[0].flags.writeable
    assert weights(getattr(loaded, call)(X, y)) == weights(getattr(clf, call)(X, y))
    assert (tmp_path / "model.joblib").read_bytes() == content


@pytest.mark.parametrize("through", [pickle, copy])
@pytest.mark.parametrize("solver", STEPPING)
def test_trap_05_partial_fit_after_a_copy(solver, through):
    # An optimiser that holds references to the old parameters trains those, and coefs_ stay.
    X, y = iris()
    clf = make(solver=solver).partial_fit(X, y, classes=[0, 1, 2])
    before = weights(clf)
    second = copy.deepcopy(clf) if through is copy else pickle.loads(pickle.dumps(clf))
    assert weights(second.partial_fit(X, y)) != before
    assert weights(clf) == before
    assert weights(clf.partial_fit(X, y)) == weights(second)


@pytest.mark.parametrize("solver", SOLVERS)
def test_trap_06_warm_start_with_another_architecture(solver):
    # A changed number of hidden units is ignored, and the optimiser forgets.
    X, y = iris()
    batch_size = 32 if solver in STEPPING else "full"
    clf = make(solver=solver, hidden_units=5, warm_start=True, batch_size=batch_size, max_iter=3).fit(X, y)
    before = weights(clf)
    with pytest.raises(ValueError, match=r"\[4, 7, 3\]"):
        clf.set_params(hidden_units=7).fit(X, y)
    assert weights(clf) == before
    if solver in STEPPING:
        clf = make(solver=solver, warm_start=True, max_iter=1)
        assert weights(clf.fit(X, y).fit(X, y).fit(X, y)) == weights(make(solver=solver, max_iter=3).fit(X, y))


def test_trap_07_penalty_and_weights_in_minibatches():
    # alpha divided by the batch's weights; a batch of zero weights divides by zero; negative weights pass;
    # tiny ones blow up the penalty.
    X, y = iris()
    sizes = []
    for batch_size in (5, 30, 150):
        clf = make(alpha=0.3, batch_size=batch_size, solver="sgd", learning_rate=0.05, max_iter=8 * batch_size)
        sizes.append(np.abs(clf.fit(X, y).coefs_[0]).max())
    assert max(sizes) < 1.2 * min(sizes)

    w = np.ones(150)
    w[:70] = 0
    clf = make(batch_size=10, shuffle=False, max_iter=2).fit(X, y, sample_weight=w)
    assert np.isfinite(clf.predict_proba(X)).all()

    w = np.random.RandomState(0).uniform(0.5, 2, 150)
    fits = [weights(make().fit(X, y, sample_weight=w * unit)) for unit in (1.0, 2.0**-990, 2.0**900)]
    assert fits[0] == fits[1] == fits[2]
    same = make().fit(X, y, sample_weight=np.full(150, 1e-300))
    assert weights(same) == weights(make().fit(X, y, sample_weight=np.ones(150)))

    for bad in (-w, np.zeros(150), np.where(w > 1, np.nan, 1), np.where(w > 1, np.inf, 1)):
        with pytest.raises(ValueError, match=r"(?i)sample_weight|weights"):
            make().fit(X, y, sample_weight=bad)


@pytest.mark.filterwarnings("ignore:early_stopping watches the training loss")  # the checks' tables are small
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # and their fits have few epochs
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_trap_08_checks_with_early_stopping():
    # MLPClassifier fails seven of the checks with early_stopping=True.
    results = check_estimator(make(early_stopping=True, max_iter=20, batch_size="full", learning_rate=0.1))
    assert len(results) > 40
    assert {result["status"] for result in results} <= {"passed", "skipped"}


def test_trap_08_early_stopping_on_anything():
    # String labels crash, a class of one member crashes, patience is off by one, accuracy on 15 rows is a plateau,
    # and partial_fit raises.
    X, y = iris()
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    for scoring in ("loss", "accuracy"):
        clf = make(early_stopping=True, scoring=scoring).fit(X, names)
        assert set(clf.predict(X)) <= set(names)

    alone = np.where(np.arange(150) == 7, "lonely", names)
    clf = make(early_stopping=True).fit(X, alone)  # nothing is warned of
    assert "lonely" in clf.classes_
    assert np.isfinite(clf.validation_scores_).all()

    params = {"n_iter_no_change": 5, "schedule": lambda progress: 0.0, "batch_size": "full"}
    assert make(early_stopping=True, **params).fit(X, y).n_iter_ == 1 + 5

    clf = make(early_stopping=True, n_iter_no_change=10, max_iter=1000, tol=1e-4, learning_rate=0.01).fit(X, y)
    assert clf.score(X, y) > 0.93

    clf = make(early_stopping=True).partial_fit(X, names, classes=np.unique(names))
    assert clf.partial_fit(X, names).n_iter_ == 1


@pytest.mark.parametrize("kind", KINDS)
def test_trap_09_not_taken_for_a_classifier(kind):
    # Then cross-validation is not stratified: score 0.000 on sorted iris.
    X, y = iris()
    assert is_classifier(make(kind))
    assert issubclass(kind, ClassifierMixin)
    tags = make(kind).__sklearn_tags__()
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert tags.input_tags.sparse
    assert cross_val_score(make(kind), X, y, cv=3).min() > 0.8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", ["predict", "predict_proba", "predict_log_proba", "decision_function", "partial_fit"])
def test_trap_10_permuted_columns(kind, call):
    # Column names are ignored, and permuted columns accepted.
    X, y = load_iris(return_X_y=True, as_frame=True)
    clf = make(kind).fit(X, y)
    assert list(clf.feature_names_in_) == list(X.columns)
    permuted = X[X.columns[::-1]]
    with pytest.raises(ValueError, match="feature names"):
        clf.partial_fit(permuted, y) if call == "partial_fit" else getattr(clf, call)(permuted)
    with pytest.warns(UserWarning, match="feature names"):
        clf.predict(X.to_numpy())


class Interrupting(SGD):
    """Plain gradient descent until Ctrl-C is pressed after so many steps."""

    def __init__(self, after=0):
        super().__init__()
        self.after = after

    def stepper(self, parameters, gradients, state):
        step, taken = super().stepper(parameters, gradients, state), iter(range(self.after))

        def interrupted(learning_rate):
            if next(taken, None) is None:
                raise KeyboardInterrupt
            step(learning_rate)

        return interrupted


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_trap_11_a_swallowed_interrupt(call):
    # Ctrl-C is turned into a warning, or into nothing, or into SystemExit.
    X, y = iris()
    params = {} if call == "fit" else {"classes": [0, 1, 2]}
    clf = make(solver=Interrupting(0))
    with pytest.raises(KeyboardInterrupt):
        getattr(clf, call)(X, y, **params)
    with pytest.raises(NotFittedError):
        clf.predict(X)
    clf = make(solver=Interrupting(3))
    with pytest.raises(KeyboardInterrupt):
        getattr(clf, call)(X, y, **params)
    P = clf.predict_proba(X)
    assert np.isfinite(P).all()
    assert len(np.unique(P, axis=0)) > 1
    clf.set_params(solver="sgd").partial_fit(X, y)


def test_trap_12_parameters_that_nothing_reads():
    # dropout never read; early stopping ignored by lbfgs; options of another solver ignored.
    X, y = breast_cancer()
    assert weights(make(dropout=0.5).fit(X, y)) != weights(make(dropout=0.0).fit(X, y))

    quasi_newton = {"solver": "lbfgs", "batch_size": "full", "max_iter": 200, "alpha": 0.0}
    stopped = make(**quasi_newton, early_stopping=True, n_iter_no_change=5).fit(X, y)
    assert stopped.n_iter_ < make(**quasi_newton).fit(X, y).n_iter_
    assert len(stopped.validation_scores_) == stopped.n_iter_

    # What would be lost raises, and says how to get it.
    for params, hint in [
        ({"solver": "lbfgs", "batch_size": "full", "dropout": 0.5}, "dropout"),
        ({"solver": "lbfgs", "batch_size": 32}, "batch_size"),
        ({"learning_rate": "adaptive"}, "schedule='adaptive'"),
    ]:
        with pytest.raises(ValueError, match=hint):
            make(**params).fit(X, y)
    with pytest.raises(ValueError, match="class_weight"):
        make(class_weight="balanced").fit(X, np.stack([y, 1 - y], axis=1))
    for old in ("power_t", "momentum", "nesterovs_momentum", "beta_1", "epsilon", "learning_rate_init", "max_fun"):
        with pytest.raises(TypeError, match=r"(?s)no parameter.*use "):
            TwoLayerClassifier(**{old: 0.5})

    search = GridSearchCV(make(batch_size="auto"), {"solver": list(SOLVERS)}, cv=2, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_trap_13_float32_and_float64(kind):
    # float64 X raises, or float32 is widened silently.
    X, y = iris()
    X32 = X.astype(np.float32)
    narrow, wide = make(kind).fit(X32, y), make(kind).fit(X, y)
    for clf, dtype in ((narrow, np.float32), (wide, np.float64)):
        assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(dtype)}
        for table in (X, X32, X.tolist(), (X * 10).astype(int)):
            for call in (clf.predict_proba, clf.predict_log_proba, clf.decision_function):
                assert call(table).dtype == dtype
    np.testing.assert_array_equal(narrow.predict_proba(X), narrow.predict_proba(X32))
    np.testing.assert_allclose(narrow.predict_proba(X), wide.predict_proba(X), atol=1e-3)
    narrow.set_params(warm_start=True).fit(X, y).partial_fit(X, y)
    assert narrow.coefs_[0].dtype == np.float32
    assert make(kind).fit(X.astype(np.float16), y).coefs_[0].dtype == np.float64


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("targets", ["binary", "multiclass"])
@pytest.mark.parametrize("kind", KINDS)
def test_trap_14_invalid_probabilities(kind, targets, loss):
    # A loss on logits where probabilities are expected: rows sum to -0.83, the loss is NaN, and nobody says so.
    X, y = iris()
    y = y if targets == "multiclass" else y == 1
    clf = make(kind, loss=loss, max_iter=100, alpha=0.0).fit(X, y)
    P = clf.predict_proba(X)
    assert P.shape == (150, len(clf.classes_))
    assert (P >= 0).all()
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[P.argmax(axis=1)])
    assert log_loss(y, P) < 0.5 * np.log(len(clf.classes_))
    assert np.isfinite(clf.loss_curve_).all()
    assert clf.score(X, y) > 0.9


@pytest.mark.parametrize("solver", SOLVERS)
def test_trap_15_global_state(solver, capsys):
    # A fit that moves the global random stream, thread limits, warnings or NumPy's error state, or prints tips.
    X, y = iris()

    def state():
        threads = sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info())
        return pickle.dumps(np.random.get_state()), threads, np.geterr(), list(warnings.filters)

    clf = make(solver=solver, dropout=0.2 if solver in STEPPING else 0.0, early_stopping=True, batch_size="auto")
    clf.fit(X, y)  # loads whatever is loaded late
    before = state()
    clf.fit(X, y).predict_proba(X)
    if solver in STEPPING:
        clf.partial_fit(X, y)
    assert state() == before
    unseeded = clone(clf).set_params(random_state=None)
    assert weights(unseeded.fit(X, y)) != weights(clone(unseeded).fit(X, y))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_trap_16_classes_in_chunks(kind):
    # classes_ is overwritten by the labels of each chunk; unsorted or repeated classes; multilabel targets.
    X, y = iris()
    labels = np.array(["c", "a", "b"])[y]
    clf = make(kind).partial_fit(X[:60], labels[:60], classes=["b", "a", "c", "a"])
    for rows in (slice(0, 50), slice(50, 100), slice(100, 150)):  # one label each
        clf.partial_fit(X[rows], labels[rows])
        assert clf.classes_.tolist() == ["a", "b", "c"]
        assert clf.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="not among the classes"):
        clf.partial_fit(X, np.where(y == 0, "d", labels))
    with pytest.raises(ValueError, match="classes"):
        make(kind).partial_fit(X, labels)

    many = np.stack([y == 0, y == 1, X[:, 0] > 0, y < 3], axis=1).astype(int)
    clf = make(kind)
    for rows in (slice(0, 50), slice(50, 150)):
        clf.partial_fit(X[rows], many[rows])
    assert clf.predict_proba(X).shape == clf.predict(X).shape == (150, 4)
    with pytest.raises(ValueError, match="4 columns"):
        clf.partial_fit(X, many[:, :2])


def classes_in(pickled):
    """Return the modules and names of all classes and functions that a pickle refers to."""
    found, strings = set(), []
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL":
            found.add(tuple(argument.split(" ")))
        elif opcode.name == "STACK_GLOBAL":
            found.add(tuple(strings[-2:]))
        elif isinstance(argument, str):
            strings.append(argument)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_trap_17_what_is_in_a_file(kind):
    # The optimiser and a copy of the best weights are pickled too, and objects that a loader must be told to trust.
    X, y = breast_cancer()
    size = {"hidden_units": 200} if kind is TwoLayerClassifier else {"hidden_layer_sizes": (200,)}
    clf = make(kind, **size, early_stopping=True, max_iter=3).fit(X, y)
    n_bytes = sum(array.nbytes for array in clf.coefs_ + clf.intercepts_)
    assert len(pickle.dumps(clf)) < n_bytes + 8000
    resumable = make(kind, **size, max_iter=3, warm_start=True).fit(X, y)
    assert len(pickle.dumps(resumable)) < 3 * n_bytes + 16000  # adam's two moments
    assert len(pickle.dumps(clf.partial_fit(X, y))) < 3 * n_bytes + 16000
    assert len(pickle.dumps(clf.fit(X, y))) < n_bytes + 8000
    for model in (clf, resumable):
        for module, name in classes_in(pickle.dumps(model, protocol=2)):
            ours = (module, name) == (kind.__module__, kind.__name__)
            assert ours or module.split(".")[0] in ("numpy", "__builtin__", "copy_reg", "_codecs"), (module, name)


@pytest.mark.parametrize("call", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_trap_18_memory_of_predict(call):
    # All hidden activations at once: 100 units for 60,000 rows are 48 MB.
    X, y = breast_cancer()
    clf = make(hidden_units=100, max_iter=1).fit(X, y)
    table = np.tile(X, (106, 1))
    extra = []
    for rows in (table[:15_000], table[:60_000]):
        tracemalloc.start()
        try:
            result = getattr(clf, call)(rows)
            extra.append(tracemalloc.get_traced_memory()[1] - 8 * len(rows) * 4)  # the result, and its parts
        finally:
            tracemalloc.stop()
        assert len(result) == len(rows)
    assert extra[1] < 8e6


def test_trap_18_many_threads_and_processes():
    # predict that keeps something on self; workers that hang on the BLAS of the parent.
    X, y = breast_cancer()
    clf = make().fit(X, y)
    alone = clf.predict_proba(X)
    with ThreadPoolExecutor(8) as pool:
        for P in pool.map(clf.predict_proba, [X] * 16):
            np.testing.assert_array_equal(P, alone)
    parallel = cross_val_score(make(), X, y, cv=3, n_jobs=2)
    np.testing.assert_array_equal(parallel, cross_val_score(make(), X, y, cv=3))
    assert parallel.min() > 0.5 * LogisticRegression().fit(X, y).score(X, y)
