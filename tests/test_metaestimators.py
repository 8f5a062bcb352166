"""The classifiers inside scikit-learn's meta-estimators, searches, pipelines and inspection tools."""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris, make_classification, make_multilabel_classification
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import DecisionBoundaryDisplay, partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, get_scorer, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale
from sklearn.semi_supervised import SelfTrainingClassifier
from threadpoolctl import threadpool_limits

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS, LeakyRelu
from skbackprop.initializers import INITIALIZERS, Normal
from skbackprop.losses import LOSSES, LogLoss
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import LBFGS, SGD, SOLVERS, Adam, AdamW

OPTIONS = {
    "learning_rate": 0.02,
    "batch_size": 32,
    "max_iter": 15,
    "alpha": 1e-3,
    "early_stopping": False,
    "n_iter_no_change": None,
    "random_state": 0,
}


def make(hidden_units=8, **params):
    return TwoLayerClassifier(hidden_units, **OPTIONS | params)


def iris():
    """Return iris, scaled; its rows are sorted by class, so that unstratified folds would show."""
    X, y = load_iris(return_X_y=True)
    return scale(X), y


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


# ------------------------------------------------------------------ clone and parameters


def own(progress):
    return 1.0 - progress


@pytest.mark.parametrize("cls", [TwoLayerClassifier, BackpropClassifier])
def test_clone(cls):
    X, y = iris()
    params = {"solver": Adam(beta_1=0.8), "loss": LogLoss(0.1), "activation": LeakyRelu(0.2), "schedule": own}
    clf = cls(**OPTIONS | params | {"weight_init": Normal(0.3), "class_weight": {0: 2.0}}).fit(X, y)
    copy = clone(clf)
    assert not hasattr(copy, "coefs_")
    assert copy.get_params() == clf.get_params()
    assert copy.solver is not clf.solver
    assert copy.solver == clf.solver
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), clf.predict_proba(X))


FAMILIES = {
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "solver": SOLVERS,
    "weight_init": INITIALIZERS,
    "schedule": SCHEDULES,
}
MEMBERS = [pytest.param(name, key, id=f"{name}={key}") for name, family in FAMILIES.items() for key in family]


@pytest.mark.parametrize(("name", "key"), MEMBERS)
def test_each_member_of_a_family_is_cloned_and_searched_like_an_estimator(name, key):
    member = FAMILIES[name].resolve(key)
    copy = clone(member)
    assert type(copy) is type(member)
    assert copy is not member
    assert copy.get_params() == member.get_params()
    clf = TwoLayerClassifier(**{name: member})
    for parameter, value in member.get_params().items():
        assert clf.get_params()[f"{name}__{parameter}"] == value
        clf.set_params(**{f"{name}__{parameter}": value})
    with pytest.raises(ValueError, match="no_such"):
        clf.set_params(**{f"{name}__no_such": 1})


@pytest.mark.parametrize(("name", "key"), MEMBERS)
def test_a_name_and_its_object_are_the_same(name, key):
    X, y = iris()
    options = {"batch_size": "auto", "max_iter": 5}
    by_name = make(**options | {name: key}).fit(X, y)
    by_object = make(**options | {name: FAMILIES[name].resolve(key)}).fit(X, y)
    np.testing.assert_array_equal(by_name.predict_proba(X), by_object.predict_proba(X))


def test_it_is_a_classifier():
    assert is_classifier(TwoLayerClassifier())
    assert is_classifier(BackpropClassifier())


# ------------------------------------------------------------------ searches


def test_grid_search_in_two_processes():
    X, y = breast_cancer()
    pipeline = make_pipeline(StandardScaler(), make())
    grid = {"twolayerclassifier__hidden_units": [2, 8], "twolayerclassifier__alpha": [1e-4, 10.0]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2, scoring="neg_log_loss").fit(X, y)
    alone = GridSearchCV(pipeline, grid, cv=3, n_jobs=1, scoring="neg_log_loss").fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.best_params_["twolayerclassifier__alpha"] == 1e-4  # 10 leaves next to nothing of the weights
    assert search.score(X, y) == pytest.approx(-log_loss(y, search.predict_proba(X)), rel=1e-12)
    assert search.best_estimator_[-1].coefs_[0].shape == (30, search.best_params_["twolayerclassifier__hidden_units"])
    assert accuracy_score(y, search.predict(X)) > 0.95


KINDS_OF_STEP = {
    "mini-batches": {},
    "full batch": {"batch_size": "full"},
    "lbfgs": {"solver": "lbfgs", "batch_size": "full"},
}


@pytest.mark.parametrize("n_blas_threads", [1, 2])
@pytest.mark.parametrize("params", KINDS_OF_STEP.values(), ids=KINDS_OF_STEP)
def test_a_search_in_two_processes_and_the_threads_of_the_blas(params, n_blas_threads):
    X, y = breast_cancer()
    search = GridSearchCV(make(100, max_iter=5, **params), {"alpha": [1e-4, 1.0]}, cv=5, scoring=KeepsWeights())
    with threadpool_limits(n_blas_threads):  # of this process; each worker has one
        here = search.set_params(refit=False).fit(X, y).cv_results_
        with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
            there = search.fit(X, y).cv_results_
    columns = [name for name in here if re.match(r"split\d_test_", name)]
    assert len(columns) == 5 * 3
    for name in columns:
        if n_blas_threads == 1:
            np.testing.assert_array_equal(there[name], here[name])
        else:  # sums in another order: their last bits may differ
            np.testing.assert_allclose(there[name], here[name], rtol=1e-12)


class KeepsWeights:
    """Scores by the log loss, and hands out two of the fitted numbers as they are, since a loss may hide their bits."""

    def __call__(self, clf, X, y):
        loss = log_loss(y, clf.predict_proba(X))
        return {"loss": -loss, "W1": clf.coefs_[0].flat[np.argmax(clf.coefs_[0])], "b2": clf.intercepts_[1][0]}


def test_a_parameter_of_a_given_solver_is_searched():
    X, y = iris()
    solver = Adam()
    search = GridSearchCV(make(solver=solver), {"solver__beta_1": [0.0, 0.5, 0.9]}, cv=3, scoring="neg_log_loss")
    search.fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    assert search.best_estimator_.solver == Adam(beta_1=search.best_params_["solver__beta_1"])
    assert solver == Adam()
    by_hand = [
        cross_val_score(make(solver=Adam(b)), X, y, cv=3, scoring="neg_log_loss").mean() for b in (0.0, 0.5, 0.9)
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], by_hand, rtol=1e-12)


def test_a_search_over_solvers_by_name_and_by_object():
    X, y = iris()
    solvers = [*SOLVERS, SGD(momentum=0.9), AdamW(weight_decay=0.1), LBFGS(memory=5)]
    clf = make(batch_size="auto", learning_rate="auto", max_iter=60)
    search = GridSearchCV(clf, {"solver": solvers}, cv=3).fit(X, y)
    assert search.cv_results_["mean_test_score"].min() > 0.75
    assert search.best_score_ > 0.9
    assert search.best_params_["solver"] in solvers


def test_a_search_over_every_family():
    X, y = iris()
    grid = [{name: list(family)} for name, family in FAMILIES.items() if name != "solver"]
    search = GridSearchCV(make(), grid, cv=3).fit(X, y)
    assert len(search.cv_results_["params"]) == sum(len(FAMILIES[name]) for name in FAMILIES if name != "solver")
    assert search.cv_results_["mean_test_score"].min() > 0.6
    assert search.best_score_ > 0.9


def test_a_search_over_depth():
    X, y = iris()
    sizes = [(), (4,), (8, 8), (8, 4, 4)]
    search = GridSearchCV(BackpropClassifier(**OPTIONS), {"hidden_layer_sizes": sizes}, cv=3).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_estimator_.n_layers_ == len(search.best_params_["hidden_layer_sizes"]) + 2


def test_randomized_search():
    X, y = iris()
    distributions = {"alpha": loguniform(1e-6, 1e2), "learning_rate": loguniform(1e-4, 1e-1)}
    search = RandomizedSearchCV(make(), distributions, n_iter=6, cv=3, random_state=0).fit(X, y)
    assert 1e-6 <= search.best_params_["alpha"] <= 1e2
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0.02  # it does matter
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("resource", ["n_samples", "max_iter"])
def test_halving_search(resource):
    X, y = breast_cancer()
    options = {"max_resources": 27, "min_resources": 3} if resource == "max_iter" else {}
    search = HalvingGridSearchCV(
        make(), {"alpha": [1e-3, 1e-2, 1.0, 100.0]}, resource=resource, cv=3, random_state=0, **options
    ).fit(X, y)
    assert search.best_params_["alpha"] < 100
    assert search.n_iterations_ > 1
    if resource == "max_iter":
        assert search.best_estimator_.n_iter_ == search.n_resources_[-1]


# ------------------------------------------------------------------ cross-validation


@pytest.mark.parametrize("cls", [TwoLayerClassifier, BackpropClassifier])
def test_cross_val_score(cls):
    X, y = iris()
    scores = cross_val_score(cls(**OPTIONS), X, y, cv=5)  # stratified, as for every classifier
    assert scores.shape == (5,)
    assert scores.mean() > 0.9
    by_hand = [cls(**OPTIONS).fit(X[a], y[a]).score(X[b], y[b]) for a, b in StratifiedKFold(5).split(X, y)]
    np.testing.assert_array_equal(scores, by_hand)


def test_cross_validate():
    X, y = iris()
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    scoring = ["accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro", "neg_brier_score"]
    if sklearn.__version__.startswith(("1.6", "1.7")):
        scoring.remove("neg_brier_score")  # for two classes only, until scikit-learn 1.8
    result = cross_validate(make(), X, names, cv=3, scoring=scoring, return_estimator=True, return_train_score=True)
    for clf, (_, test), accuracy in zip(
        result["estimator"], StratifiedKFold(3).split(X, y), result["test_accuracy"], strict=True
    ):
        assert clf.score(X[test], names[test]) == accuracy
    assert result["test_roc_auc_ovr"].min() > 0.95
    assert np.isfinite(result["test_neg_log_loss"]).all()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_cross_val_predict(method):
    X, y = iris()
    got = cross_val_predict(make(), X, y, cv=3, method=method)
    for train, test in StratifiedKFold(3).split(X, y):
        np.testing.assert_array_equal(got[test], getattr(make().fit(X[train], y[train]), method)(X[test]))


@pytest.mark.parametrize("exploit", [False, True])
def test_learning_curve(exploit):
    X, y = breast_cancer()
    clf = make(max_iter=15, batch_size=4)
    sizes, train, test = learning_curve(
        clf, X, y, train_sizes=[20, 80, 300], cv=3, shuffle=True, random_state=0, exploit_incremental_learning=exploit
    )
    assert list(sizes) == [20, 80, 300]
    assert train.shape == test.shape == (3, 3)
    assert test[-1].mean() > max(test[0].mean(), 0.9)


# ------------------------------------------------------------------ ensembles


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method):
    X, y = make_classification(600, 10, n_informative=3, flip_y=0.2, random_state=0)
    overconfident = make(64, alpha=0.0, max_iter=100)
    train, test = slice(0, 400), slice(400, 600)
    calibrated = CalibratedClassifierCV(overconfident, method=method, cv=3).fit(X[train], y[train])
    P = calibrated.predict_proba(X[test])
    uncalibrated = overconfident.fit(X[train], y[train]).predict_proba(X[test])
    assert log_loss(y[test], P) < 0.8 * log_loss(y[test], uncalibrated)
    if method == "sigmoid":  # which starts from the logits
        first = calibrated.calibrated_classifiers_[0]
        one = first.calibrators[0].predict(first.estimator.decision_function(X[test]))
        np.testing.assert_allclose(first.predict_proba(X[test])[:, 1], one)


def test_calibration_of_a_frozen_classifier():
    X, y = iris()
    clf = make().fit(X[::2], y[::2])
    P = clf.predict_proba(X)
    frozen = FrozenEstimator(clf)
    assert frozen.fit(X, y[::-1]) is frozen
    np.testing.assert_array_equal(frozen.predict_proba(X), P)
    calibrated = CalibratedClassifierCV(frozen).fit(X[1::2], y[1::2])
    np.testing.assert_array_equal(clf.predict_proba(X), P)
    assert calibrated.score(X, y) > 0.9


def test_bagging():
    X, y = breast_cancer()
    bagging = BaggingClassifier(
        make(4, random_state=None), n_estimators=12, max_samples=0.5, max_features=0.5, oob_score=True, random_state=0
    ).fit(X, y)
    assert bagging.oob_score_ > 0.9
    assert {clf.n_features_in_ for clf in bagging.estimators_} == {15}
    first, second = bagging.estimators_[:2]
    assert not np.array_equal(first.coefs_[0], second.coefs_[0])  # seeded one by one
    again = clone(bagging).fit(X, y)
    np.testing.assert_array_equal(bagging.predict_proba(X), again.predict_proba(X))


def test_soft_voting():
    X, y = iris()
    members = [("shallow", make()), ("deep", BackpropClassifier((8, 8), **OPTIONS)), ("linear", LogisticRegression())]
    voting = VotingClassifier(members, voting="soft", weights=[1, 2, 1]).fit(X, y)
    by_hand = np.average([clone(clf).fit(X, y).predict_proba(X) for _, clf in members], axis=0, weights=[1, 2, 1])
    np.testing.assert_allclose(voting.predict_proba(X), by_hand, rtol=1e-12)
    assert voting.score(X, y) > 0.9


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_stacking(method):
    X, y = breast_cancer()
    members = [("shallow", make()), ("deep", BackpropClassifier((4, 4), **OPTIONS))]
    stacking = StackingClassifier(members, final_estimator=make(4), stack_method=method, cv=3).fit(X, y)
    assert stacking.score(X, y) > 0.95
    assert stacking.final_estimator_.n_features_in_ == 2  # of two classes, one column each
    for column, (name, _) in enumerate(members):
        outputs = getattr(stacking.named_estimators_[name], method)(X)
        np.testing.assert_array_equal(stacking.transform(X)[:, column], outputs[:, 1] if outputs.ndim == 2 else outputs)


def test_boosting_by_sample_weight():
    X, y = breast_cancer()
    boosting = AdaBoostClassifier(make(2, max_iter=2), n_estimators=5, random_state=0).fit(X, y)
    assert len(boosting.estimators_) > 1
    assert not np.array_equal(boosting.estimators_[0].coefs_[0], boosting.estimators_[1].coefs_[0])
    assert boosting.score(X, y) >= boosting.estimators_[0].score(X, y)


def test_tuned_threshold():
    X, y = make_classification(600, 8, n_informative=3, weights=[0.9], flip_y=0.1, class_sep=0.7, random_state=0)
    train, test = slice(0, 400), slice(400, 600)
    tuned = TunedThresholdClassifierCV(make(), scoring="balanced_accuracy", cv=3).fit(X[train], y[train])
    assert tuned.best_threshold_ < 0.5  # few rows are positive
    plain = make().fit(X[train], y[train])
    assert balanced_accuracy_score(y[test], tuned.predict(X[test])) > balanced_accuracy_score(
        y[test], plain.predict(X[test])
    )
    np.testing.assert_array_equal(
        tuned.predict(X[test]), (tuned.predict_proba(X[test])[:, 1] >= tuned.best_threshold_).astype(int)
    )


def test_one_against_the_rest():
    X, y = iris()
    clf = OneVsRestClassifier(make()).fit(X, y)
    assert [each.n_outputs_ for each in clf.estimators_] == [1, 1, 1]
    for k, each in enumerate(clf.estimators_):
        np.testing.assert_array_equal(each.predict_proba(X), make().fit(X, (y == k).astype(int)).predict_proba(X))
    assert clf.score(X, y) > 0.9
    online = OneVsRestClassifier(make(batch_size=4))
    for _ in range(10):
        online.partial_fit(X, y, classes=[0, 1, 2])
    assert online.score(X, y) > 0.8


def test_one_against_the_rest_on_multilabel_targets():
    X, Y = make_multilabel_classification(200, 10, n_classes=3, random_state=0)
    clf = OneVsRestClassifier(make()).fit(scale(X), Y)
    assert clf.predict(scale(X)).shape == Y.shape
    assert (clf.predict(scale(X)) == Y).mean() > 0.8


def test_classifier_chain():
    X, Y = make_multilabel_classification(200, 10, n_classes=3, random_state=0)
    X = scale(X)
    chain = ClassifierChain(make(), order=[2, 0, 1]).fit(X, Y)
    assert [each.n_features_in_ for each in chain.estimators_] == [10, 11, 12]
    np.testing.assert_array_equal(
        chain.estimators_[0].predict_proba(X), make().fit(X, Y[:, 2].astype(float)).predict_proba(X)
    )
    assert (chain.predict(X) == Y).mean() > 0.8
    assert chain.predict_proba(X).shape == Y.shape


def test_self_training():
    X, y = breast_cancer()
    rng = np.random.RandomState(0)
    hidden = rng.uniform(size=len(y)) < 0.9
    partly = np.where(hidden, -1, y)
    clf = SelfTrainingClassifier(make(), threshold=0.9).fit(X, partly)
    labelled = (clf.labeled_iter_ > 0) & hidden
    assert labelled.sum() > 200
    assert (clf.transduction_[labelled] == y[labelled]).mean() > 0.9
    assert clf.score(X, y) > 0.9


# ------------------------------------------------------------------ inspection


def test_permutation_importance():
    X, y = make_classification(300, 5, n_informative=2, n_redundant=0, shuffle=False, random_state=0)
    result = permutation_importance(make().fit(X, y), X, y, n_repeats=5, random_state=0)
    assert result.importances_mean[:2].min() > result.importances_mean[2:].max()


@pytest.mark.parametrize("method", ["average", "individual"])
def test_partial_dependence(method):
    X, y = breast_cancer()
    frame = pd.DataFrame(X[:, :3], columns=["radius", "texture", "perimeter"])
    linear = BackpropClassifier((), **OPTIONS).fit(frame, y)
    result = partial_dependence(linear, frame, ["radius"], kind=method, grid_resolution=20)
    slopes = np.diff(result[method], axis=-1)
    sign = np.sign(linear.coefs_[0][0, 0])
    assert np.all(sign * slopes >= 0)  # a logistic regression goes one way
    assert np.any(slopes)


def test_decision_boundary():
    pytest.importorskip("matplotlib").use("Agg")
    X, y = breast_cancer()
    clf = make().fit(X[:, :2], y)
    for method in ("predict_proba", "decision_function", "predict"):
        display = DecisionBoundaryDisplay.from_estimator(clf, X[:, :2], response_method=method, grid_resolution=7)
        grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
        expected = getattr(clf, method)(grid)
        expected = expected[:, 1] if method == "predict_proba" else expected
        np.testing.assert_array_equal(display.response.ravel(), expected)
        display.figure_.clear()


# ------------------------------------------------------------------ pipelines


def test_a_pipeline_of_frames():
    X, y = load_iris(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), make()).set_output(transform="pandas").fit(X, y)
    assert list(pipeline[-1].feature_names_in_) == list(X.columns)
    plain = make_pipeline(StandardScaler(), make()).fit(X.to_numpy(), y.to_numpy())
    np.testing.assert_array_equal(pipeline.predict_proba(X), plain.predict_proba(X.to_numpy()))


@pytest.mark.parametrize("sparse_threshold", [0.0, 1.0])
def test_a_column_transformer(sparse_threshold):
    rng = np.random.RandomState(0)
    frame = pd.DataFrame({"size": rng.standard_normal(300), "colour": rng.choice(["red", "green", "blue"], 300)})
    y = np.where((frame["size"] > 0) ^ (frame["colour"] == "red"), "yes", "no")
    transformer = ColumnTransformer(
        [("numbers", StandardScaler(), ["size"]), ("words", OneHotEncoder(), ["colour"])],
        sparse_threshold=sparse_threshold,
    )
    pipeline = make_pipeline(transformer, make(max_iter=60)).fit(frame, y)
    assert pipeline[-1].n_features_in_ == 4
    assert pipeline.score(frame, y) > 0.95  # no linear classifier gets there
    assert list(pipeline.classes_) == ["no", "yes"]


# ------------------------------------------------------------------ metadata routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_weights_through_a_pipeline_by_name():
    X, y = iris()
    w = np.random.RandomState(0).uniform(size=len(y))
    pipeline = Pipeline([("scale", StandardScaler()), ("net", make())]).fit(X, y, net__sample_weight=w)
    by_hand = make().fit(StandardScaler().fit_transform(X), y, sample_weight=w)
    np.testing.assert_array_equal(pipeline[-1].coefs_[0], by_hand.coefs_[0])


@pytest.mark.usefixtures("routing")
def test_weights_through_a_pipeline_and_a_search_by_routing():
    X, y = iris()
    w = np.random.RandomState(0).uniform(size=len(y))
    net = make().set_fit_request(sample_weight=True)
    accuracy = get_scorer("accuracy").set_score_request(sample_weight=True)
    pipeline = Pipeline([("scale", StandardScaler().set_fit_request(sample_weight=False)), ("net", net)])
    search = GridSearchCV(pipeline, {"net__alpha": [1e-3, 1.0]}, cv=3, scoring=accuracy).fit(X, y, sample_weight=w)
    for alpha, score in zip([1e-3, 1.0], search.cv_results_["mean_test_score"], strict=True):
        by_hand = []
        for train, test in StratifiedKFold(3).split(X, y):
            scaler = StandardScaler().fit(X[train])
            clf = make(alpha=alpha).fit(scaler.transform(X[train]), y[train], w[train])
            by_hand.append(clf.score(scaler.transform(X[test]), y[test], w[test]))
        assert score == pytest.approx(np.mean(by_hand), rel=1e-12)


@pytest.mark.usefixtures("routing")
def test_weights_that_nobody_asked_for_are_not_dropped_in_silence():
    X, y = iris()
    search = GridSearchCV(make(), {"alpha": [1e-3]}, cv=3)
    with pytest.raises(ValueError, match="sample_weight"):
        search.fit(X, y, sample_weight=np.ones(len(y)))


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("early_stopping", [True, False])
def test_validation_rows_through_a_pipeline(early_stopping):
    X, y = breast_cancer()
    X = 10 * X + 3
    train, val = slice(0, 400), slice(400, 500)
    net = make(early_stopping=early_stopping).set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", net)], transform_input=["X_val"])
    pipeline.fit(X[train], y[train], X_val=X[val], y_val=y[val])
    scaler = StandardScaler().fit(X[train])
    by_hand = make(early_stopping=early_stopping).fit(
        scaler.transform(X[train]), y[train], X_val=scaler.transform(X[val]), y_val=y[val]
    )
    assert pipeline[-1].validation_scores_ == by_hand.validation_scores_
    np.testing.assert_array_equal(pipeline.predict_proba(X), by_hand.predict_proba(scaler.transform(X)))
    last = log_loss(y[val], pipeline.predict_proba(X[val]))
    expected = pipeline[-1].best_validation_score_ if early_stopping else pipeline[-1].validation_scores_[-1]
    assert -last == pytest.approx(expected, rel=1e-9)  # scaled like the training rows


class Recording(TwoLayerClassifier):
    """Takes note of how many rows it was given."""

    rows = []

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        self.rows.append((len(X), len(X_val), len(y_val)))
        return super().fit(X, y, sample_weight, X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val)


@pytest.mark.usefixtures("routing")
def test_a_search_slices_whatever_has_as_many_rows_as_x():
    # A trap of scikit-learn's: validation rows that happen to be as many as the training rows are taken for something
    # that belongs to them row by row, and cut to the fold. One row more or less, and they arrive whole.
    X, y = breast_cancer()
    clf = Recording(4, **OPTIONS).set_fit_request(X_val=True, y_val=True)
    search = GridSearchCV(clf, {"alpha": [1e-3]}, cv=2, refit=False)
    Recording.rows.clear()
    search.fit(X[:200], y[:200], X_val=X[200:400], y_val=y[200:400])
    assert Recording.rows == [(100, 100, 100)] * 2
    Recording.rows.clear()
    search.fit(X[:200], y[:200], X_val=X[200:401], y_val=y[200:401])
    assert Recording.rows == [(100, 201, 201)] * 2


@pytest.mark.usefixtures("routing")
def test_partial_fit_and_score_can_be_asked_for_weights():
    clf = make().set_partial_fit_request(sample_weight=True, classes=True).set_score_request(sample_weight="w")
    requests = clf.get_metadata_routing()
    assert requests.partial_fit.requests == {"sample_weight": True, "classes": True}
    assert requests.score.requests == {"sample_weight": "w"}


@pytest.mark.usefixtures("routing")
def test_a_scorer_for_early_stopping_under_routing():
    X, y = iris()
    clf = make(early_stopping=True, scoring="accuracy", validation_fraction=0.2).fit(X, y)
    assert 0 <= clf.best_validation_score_ <= 1
    assert get_scorer("accuracy")(clf, X, y) > 0.8
