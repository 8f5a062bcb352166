"""Every wrapper around a classifier, with every kind of label, is converted rightly or refused in words.

The export's own check is switched off here, so that a model is right by construction or a test fails.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

import skbackprop.onnx
from skbackprop import TwoLayerClassifier
from skbackprop._onnx import whole
from skbackprop.onnx import input_feed, to_onnx

pytest.importorskip("skl2onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

FIT, ASKED = slice(0, 200), slice(200, 700)
TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-7}


@pytest.fixture
def unchecked(monkeypatch):
    """Convert as where onnxruntime is not installed."""
    monkeypatch.setattr(skbackprop.onnx, "find_spec", lambda name: None)


def net(**params):
    params = {"solver": "lbfgs", "max_iter": 8, "n_iter_no_change": None, "early_stopping": False, **params}
    return TwoLayerClassifier(5, random_state=0, **params)


def pipe():
    return make_pipeline(StandardScaler(), net())


def grid(model, name):
    return GridSearchCV(model, {name: [0.1, 0.01]}, cv=2)


def tuned(model, positive=None, **params):
    scoring = "balanced_accuracy" if positive is None else make_scorer(f1_score, pos_label=positive)
    return TunedThresholdClassifierCV(model, scoring=scoring, cv=2, thresholds=20, **params)


def fixed(model, positive=None, threshold=0.3, **params):
    return FixedThresholdClassifier(model, threshold=threshold, pos_label=positive, **params)


def two(first, second=None):
    return [("a", first), ("b", LogisticRegression() if second is None else second)]


def run(onnx_model, X):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], input_feed(onnx_model, X))


def assert_same_answers(model, X):
    """Compare labels and probabilities on 500 samples; a label may differ where rounding decides."""
    labels, P_onnx = run(to_onnx(model, X[:50]), X)
    P, expected = model.predict_proba(X), model.predict(X)
    tolerance = TOLERANCE[P_onnx.dtype]
    np.testing.assert_allclose(P_onnx, P, rtol=0, atol=tolerance)
    assert labels.dtype == (object if isinstance(expected.ravel()[0], str) else np.int64)
    wrong = labels != expected.astype(labels.dtype)
    assert wrong.sum() <= (1 if P_onnx.dtype == np.float32 else 0), f"{wrong.sum()} labels differ"


# Each makes a model, given the label that a threshold is for. The first are for two classes only.
THRESHOLDS = {
    "tuned": lambda positive: tuned(net(), positive),
    "tuned pipeline": lambda positive: tuned(pipe(), positive),
    "tuned decision": lambda positive: tuned(pipe(), positive, response_method="decision_function"),
    "tuned search": lambda positive: tuned(grid(pipe(), "twolayerclassifier__alpha"), positive),
    "pipeline with tuned": lambda positive: make_pipeline(StandardScaler(), tuned(net(), positive)),
    "search over tuned": lambda positive: grid(tuned(pipe(), positive), "estimator__twolayerclassifier__alpha"),
    "tuned, calibrated inside": lambda positive: tuned(CalibratedClassifierCV(net(), cv=2), positive),
    "fixed": lambda positive: fixed(net(), positive),
    "fixed at auto": lambda positive: fixed(net(), positive, threshold="auto"),
    "fixed pipeline": lambda positive: fixed(pipe(), positive),
    "fixed decision": lambda positive: fixed(pipe(), positive, 0.7, response_method="decision_function"),
    "pipeline with fixed": lambda positive: make_pipeline(StandardScaler(), fixed(net(), positive)),
    "search over fixed": lambda positive: grid(fixed(net(), positive), "threshold"),
    "fixed around tuned": lambda positive: fixed(tuned(net(), positive), positive),
    "fixed decision of bags": lambda positive: fixed(
        BaggingClassifier(net(), 2, random_state=0), positive, -0.4, response_method="decision_function"
    ),
    "fixed decision of a stack": lambda positive: fixed(
        StackingClassifier(two(net()), final_estimator=LogisticRegression(), cv=2),
        positive,
        -0.4,
        response_method="decision_function",
    ),
}
OTHERS = {
    "bare": lambda _: net(),
    "pipeline": lambda _: pipe(),
    "search": lambda _: grid(net(), "alpha"),
    "calibrated": lambda _: CalibratedClassifierCV(pipe(), cv=2),
    "calibrated votes": lambda _: CalibratedClassifierCV(VotingClassifier(two(net()), voting="soft"), cv=2),
    "calibrated stack": lambda _: CalibratedClassifierCV(
        StackingClassifier(two(net()), final_estimator=LogisticRegression(), cv=2), cv=2
    ),
    "calibrated one against the rest": lambda _: CalibratedClassifierCV(OneVsRestClassifier(net()), cv=2),
    "calibrated bags": lambda _: CalibratedClassifierCV(BaggingClassifier(net(), 2, random_state=0), cv=2),
    "votes": lambda _: VotingClassifier(two(pipe()), voting="soft"),
    "weighted votes": lambda _: VotingClassifier(
        [("a", pipe()), ("none", "drop"), ("b", LogisticRegression())], voting="soft", weights=[3, 5, 1]
    ),
    "votes of trees": lambda _: VotingClassifier(
        [
            ("a", net()),
            ("b", RandomForestClassifier(3, random_state=0)),
            ("c", DecisionTreeClassifier(max_depth=3, random_state=0)),
            ("d", ExtraTreesClassifier(3, random_state=0)),
            ("e", GradientBoostingClassifier(n_estimators=2, random_state=0)),
        ],
        voting="soft",
    ),
    "stack": lambda _: StackingClassifier(two(pipe(), grid(net(), "alpha")), cv=2),
    "stack and features": lambda _: StackingClassifier(two(pipe()), passthrough=True, cv=2),
    "stack of decisions": lambda _: StackingClassifier(two(pipe()), stack_method="decision_function", cv=2),
    "stacked on": lambda _: StackingClassifier([("a", LogisticRegression())], net(), cv=2),
    "bags": lambda _: BaggingClassifier(pipe(), 3, random_state=0),
    "bags of features": lambda _: BaggingClassifier(net(), 3, max_features=4, random_state=0),
    "one against the rest": lambda _: OneVsRestClassifier(pipe()),
}
THRESHOLDS_INSIDE = {  # where they decide nothing, or all
    "calibrated tuned": lambda _: CalibratedClassifierCV(tuned(net()), cv=2),
    "votes with tuned": lambda _: VotingClassifier(two(tuned(net())), voting="soft"),
    "one against the rest, tuned": lambda _: OneVsRestClassifier(tuned(net())),
    "stacked on tuned": lambda _: StackingClassifier([("a", LogisticRegression())], tuned(net()), cv=2),
    "stack of tuned": lambda _: StackingClassifier(two(tuned(net())), cv=2),
    "bags of tuned": lambda _: BaggingClassifier(tuned(net()), 2, random_state=0),
}
MAKERS = THRESHOLDS | OTHERS | THRESHOLDS_INSIDE

LABELS = {  # the labels, and the positive one
    "0/1": ([0, 1], None),
    "0/1, 1 positive": ([0, 1], 1),
    "0/1, 0 positive": ([0, 1], 0),
    "-1/1": ([-1, 1], None),
    "-3/7": ([-3, 7], 7),
    "0.0/1.0": ([0.0, 1.0], 1.0),
    "beyond 32 bits": ([1, 2**40], 1),
    "uint8": (np.array([0, 1], np.uint8), 1),
    "bool": ([False, True], True),
    "words": (["no", "yes"], "yes"),
    "words, first positive": (["no", "yes"], "no"),
    "object words": (np.array(["ä", "日本"], object), "ä"),
}
SEVERAL = {"four integers": np.array([-3, 0, 7, 2**40]), "four words": np.array(["ä", "b", "", "日本"])}
FRAMES = {
    "float32 array": lambda X: X.astype(np.float32),
    "DataFrame": lambda X: pd.DataFrame(X, columns=[f"feature {i}" for i in range(X.shape[1])]),
    "float32 DataFrame": lambda X: pd.DataFrame(X.astype(np.float32), columns=[*"abcdef"]),
}


def samples(n_classes):
    weights = [0.7, 0.3] if n_classes == 2 else None
    X, y = make_classification(
        700, 6, n_informative=5, n_redundant=0, n_classes=n_classes, weights=weights, flip_y=0.1, random_state=1
    )
    return X, y


def fitted(maker, classes, positive, form=np.asarray):
    """Return a fitted model and 500 other samples."""
    X, y = samples(len(classes))
    X, y = form(X), np.asarray(classes)[y]
    return MAKERS[maker](positive).fit(X[FIT], y[FIT]), X[ASKED]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("maker", MAKERS)
def test_two_classes(maker, labels):
    assert_same_answers(*fitted(maker, *LABELS[labels]))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("labels", SEVERAL)
@pytest.mark.parametrize("maker", OTHERS)
def test_four_classes(maker, labels):
    assert_same_answers(*fitted(maker, SEVERAL[labels], None))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("form", FRAMES)
@pytest.mark.parametrize("maker", MAKERS)
def test_every_kind_of_table(maker, form):
    assert_same_answers(*fitted(maker, ["no", "yes"], None, FRAMES[form]))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("maker", ["bare", "pipeline", "one against the rest"])
def test_indicator_matrices(maker):
    X, Y = make_multilabel_classification(700, 6, n_classes=3, random_state=2)
    assert_same_answers(MAKERS[maker](None).fit(X[FIT] / 10, Y[FIT]), X[ASKED] / 10)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("inside", [pipe(), fixed(pipe())], ids=["pipeline", "threshold"])
def test_self_training(inside):
    X, y = samples(2)
    assert_same_answers(
        SelfTrainingClassifier(inside).fit(X[FIT], np.where(np.arange(200) < 150, y[FIT], -1)), X[ASKED]
    )


@pytest.mark.usefixtures("unchecked")
def test_a_threshold_changes_labels_here():
    """The samples tell a threshold from none, else the tests above would not."""
    for maker in THRESHOLDS:
        model, X = fitted(maker, [0, 1], 1)
        differ = model.predict(X) != model.predict_proba(X).argmax(axis=1)
        assert differ.sum() > 5 or maker == "fixed at auto", maker


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("frozen", [False, True])
def test_a_threshold_on_a_fitted_model(frozen):
    X, y = samples(2)
    model = pipe().fit(X[FIT], y[FIT])
    model = fixed(FrozenEstimator(model)).fit(X[FIT], y[FIT]) if frozen else fixed(model)
    assert_same_answers(model, X[ASKED])


@pytest.mark.usefixtures("unchecked")
def test_a_threshold_on_decisions_holds_where_probabilities_are_all_one():
    X, y = samples(2)
    X = X.astype(np.float32)
    model = net().fit(X[FIT], y[FIT])
    model.coefs_ = [model.coefs_[0], 300 * model.coefs_[1]]
    threshold = float(np.quantile(model.decision_function(X[ASKED]), 0.95))
    model = fixed(model, threshold=threshold, response_method="decision_function")
    assert (model.predict_proba(X[ASKED])[:, 1] == 1).sum() > model.predict(X[ASKED]).sum() > 5
    assert_same_answers(model, X[ASKED])


def test_a_model_is_written_once_though_its_label_asks_for_more_than_probabilities():
    X, y = samples(2)
    model = fixed(net().fit(X, y), response_method="decision_function")
    kinds = [each.op_type for each in to_onnx(model, X).graph.node]
    assert kinds.count("MatMul") == 2


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trees_compare_float32_numbers_as_in_scikit_learn(dtype):
    """Whole numbers that were scaled meet a tree's thresholds by a last digit."""
    X, y = samples(2)
    X = X.round().astype(dtype)
    scaler = StandardScaler().fit(X[FIT])
    if (scaler.transform(X) != (X - scaler.mean_.astype(dtype)) / scaler.scale_.astype(dtype)).any():
        pytest.skip("this release of scikit-learn scales float32 numbers in float64")
    votes = VotingClassifier(two(net(), RandomForestClassifier(5, random_state=0)), voting="soft")
    assert_same_answers(make_pipeline(StandardScaler(), votes).fit(X[FIT], y[FIT]), X[ASKED])


# ---------------------------------------------------------------------- what is refused


class Opposite(VotingClassifier):
    """Predicts the class that is least probable."""

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmin(axis=1)]


REFUSED = {
    "hard votes": (lambda: VotingClassifier(two(net())), "VotingClassifier has no predict_proba.*voting='soft'"),
    "search over hard votes": (
        lambda: GridSearchCV(VotingClassifier(two(net())), {"weights": [None]}, cv=2),
        "VotingClassifier has no predict_proba.*voting='soft'",
    ),
    "not refitted": (lambda: GridSearchCV(net(), {"alpha": [0.1]}, refit=False, cv=2), "GridSearchCV.*refit=True"),
    "one against one": (lambda: OneVsOneClassifier(net()), "OneVsOneClassifier has no predict_proba"),
    "output codes": (lambda: OutputCodeClassifier(net(), random_state=0), "OutputCodeClassifier has no predict_proba"),
    "stacked on a ridge": (
        lambda: StackingClassifier([("a", net())], RidgeClassifier(), cv=2),
        "RidgeClassifier has no predict_proba",
    ),
    "boosting": (lambda: AdaBoostClassifier(net(), n_estimators=2), "AdaBoostClassifier is not converted.*one of:.*"),
    "pipeline with boosting": (
        lambda: make_pipeline(StandardScaler(), AdaBoostClassifier(net(), n_estimators=2)),
        "AdaBoostClassifier is not converted",
    ),
    "stack of labels": (
        lambda: StackingClassifier(two(net()), stack_method="predict", cv=2),
        "StackingClassifier.*use stack_method='auto'",
    ),
    "calibrated decisions of others": (
        lambda: CalibratedClassifierCV(StackingClassifier([("a", net())], QuadraticDiscriminantAnalysis(), cv=2), cv=2),
        "QuadraticDiscriminantAnalysis: skl2onnx does not convert its decision_function",
    ),
    "isotonic": (lambda: CalibratedClassifierCV(net(), method="isotonic", cv=2), "method='isotonic'.*'sigmoid'"),
    "two targets": (
        lambda: MultiOutputClassifier(net()),
        "MultiOutputClassifier predicts several targets.*estimators_",
    ),
    "a chain": (lambda: ClassifierChain(net()), "ClassifierChain predicts several targets"),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", REFUSED)
def test_what_would_come_out_wrong_is_refused_by_name(name):
    maker, message = REFUSED[name]
    X, y = samples(2)
    model = maker().fit(X, np.c_[y, 1 - y] if name in ("two targets", "a chain") else y)
    with pytest.raises(ValueError, match=message):
        to_onnx(model, X)


@pytest.mark.usefixtures("unchecked")
def test_bags_that_lack_a_class_are_refused():
    X, y = samples(4)
    y = np.where(np.arange(700) < 3, 4, y)
    model = BaggingClassifier(pipe(), 3, max_samples=0.1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"BaggingClassifier.*trained on 4 of 5 classes"):
        to_onnx(model, X)


# ---------------------------------------------------------------------- the check of what is handed out


def test_labels_are_compared_too(monkeypatch):
    X, y = samples(2)
    model = fixed(net(), threshold=0.2).fit(X, y)
    add = whole.add_thresholded_label
    monkeypatch.setattr(whole, "add_thresholded_label", lambda nodes, S, *rest: add(nodes, nodes("Abs", S), *rest))
    to_onnx(model, X)
    monkeypatch.setattr(whole, "add_thresholded_label", lambda nodes, S, *rest: add(nodes, nodes("Sqrt", S), *rest))
    with pytest.raises(ValueError, match=r"other labels for \d+ of 700 samples"):
        to_onnx(model, X)


def test_a_predict_of_ones_own_is_found_out():
    X, y = samples(2)
    model = Opposite(two(net()), voting="soft").fit(X, y)
    with pytest.raises(ValueError, match=r"Opposite\.predict does not choose"):
        to_onnx(model, X)


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_a_label_at_the_very_threshold_is_not_held_against_the_model(method):
    X, y = samples(2)
    model, X = net().fit(X, y), X.astype(np.float32)  # float64 scores, which the file rounds to float32
    responses = getattr(model, method)(X)
    differ = 0
    for response in (responses[:, 1] if method == "predict_proba" else responses)[:10]:
        at = fixed(model, threshold=response, response_method=method)
        differ += (run(to_onnx(at, X), X)[0] != at.predict(X)).sum()
    assert differ > 0  # so that the check had something to overlook
