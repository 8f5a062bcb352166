"""ONNX models answer as the estimators do: over thousands of rows, alone and as parts of pipelines."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS, Elu, LeakyRelu, Tanh
from skbackprop.losses import LOSSES
from skbackprop.onnx import ACTIVATION_NODES, input_feed, register_converters, to_onnx

needs_onnx = pytest.mark.usefixtures("onnx_packages")
TOLERANCE = 1e-5


@pytest.fixture
def onnx_packages():
    pytest.importorskip("skl2onnx", reason="the extra onnx is not installed")
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


def small(**params):
    params = {"solver": "lbfgs", "max_iter": 20, "n_iter_no_change": None, "early_stopping": False, **params}
    return TwoLayerClassifier(8, alpha=1e-3, random_state=0, **params)


def binary(dtype=np.float64):
    X, y = make_classification(3000, 8, random_state=0)
    return X.astype(dtype), y


def multiclass(dtype=np.float64):
    X, y = make_classification(3000, 8, n_informative=6, n_classes=4, random_state=1)
    return X.astype(dtype), y


def multilabel(dtype=np.float64):
    X, y = make_multilabel_classification(3000, 8, n_classes=3, random_state=2)
    return (X / 10).astype(dtype), y


def run(onnx_model, X):
    """Return what onnxruntime makes of X: labels and probabilities."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = InferenceSession(onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], input_feed(onnx_model, X))


def assert_answers_alike(model, X, labels_as=None):
    labels, P_onnx = run(to_onnx(model, X[:50]), X)
    P, expected = model.predict_proba(X), model.predict(X)
    np.testing.assert_allclose(P_onnx, P, rtol=0, atol=TOLERANCE)
    if P.shape == expected.shape:  # multilabel: each label's margin is its own
        sure = np.abs(2 * P - 1) > TOLERANCE
    else:
        top = np.sort(P, axis=1)
        sure = top[:, -1] - top[:, -2] > TOLERANCE
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(labels[sure], expected.astype(labels_as or labels.dtype)[sure])
    return labels, P_onnx


@needs_onnx
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("data", [binary, multiclass, multilabel])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_and_kind_of_target(name, data, dtype):
    X, y = data(dtype)
    model = BackpropClassifier(
        (7, 5),
        activation=name,
        solver="lbfgs",
        max_iter=15,
        n_iter_no_change=None,
        early_stopping=False,
        random_state=0,
    ).fit(X[:300], y[:300])
    _, P = assert_answers_alike(model, X)
    assert P.dtype == dtype


@needs_onnx
@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("data", [binary, multiclass, multilabel])
def test_every_loss(loss, data):
    X, y = data()
    assert_answers_alike(small(loss=loss).fit(X[:300], y[:300]), X)


@needs_onnx
@pytest.mark.parametrize("sizes", [(), (5,), (12, 10, 8)])
@pytest.mark.parametrize("data", [binary, multiclass, multilabel])
def test_every_depth(sizes, data):
    X, y = data()
    model = BackpropClassifier(
        sizes, solver="lbfgs", max_iter=15, n_iter_no_change=None, early_stopping=False, random_state=0
    )
    assert_answers_alike(model.fit(X[:300], y[:300]), X)


@needs_onnx
@pytest.mark.parametrize("phi", [LeakyRelu(slope=0.3), Elu(slope=0.5)], ids=repr)
def test_the_slope_of_an_activation_is_kept(phi):
    X, y = binary()
    assert_answers_alike(small(activation=phi).fit(X[:300], y[:300]), X)


@needs_onnx
@pytest.mark.parametrize("classes", [["no", "yes"], [False, True], [-3, 7], [0.0, 1.0]], ids=str)
def test_labels_of_two_classes(classes):
    X, y = binary()
    assert_answers_alike(small().fit(X[:300], np.array(classes)[y[:300]]), X)


@needs_onnx
@pytest.mark.parametrize(
    "classes",
    [np.array(["ä", "b", "", "日本"]), np.array(["ä", "b", "", "日本"], dtype=object), np.array([-3, 0, 7, 2**40])],
    ids=["str", "object", "int"],
)
def test_labels_of_four_classes(classes):
    X, y = multiclass()
    assert_answers_alike(small().fit(X[:300], classes[y[:300]]), X)


@needs_onnx
def test_labels_that_onnx_cannot_hold_are_named():
    X, y = binary()
    model = small().fit(X, np.array([0.5, 1.5])[y].astype(object).astype(str))
    assert_answers_alike(model, X)  # as strings they can be held
    model.classes_ = np.array([0.5, 1.5])
    with pytest.raises(ValueError, match=r"all integers or all strings.*0\.5"):
        to_onnx(model, X)


@needs_onnx
def test_huge_logits_keep_exact_probabilities():
    X, y = binary()
    model = small().fit(X, y)
    for rows in (X * 1e4, X * 1e200):
        P = run(to_onnx(model, X), rows)[1]
        assert np.isfinite(P).all()
        np.testing.assert_allclose(P, model.predict_proba(rows), rtol=0, atol=TOLERANCE)


@needs_onnx
def test_both_columns_of_a_binary_target_are_exact():
    X, y = binary()
    model = small(max_iter=100).fit(X, y)
    rows = X * 3
    P_onnx, P = run(to_onnx(model, X), rows)[1], model.predict_proba(rows)
    assert P.min() < 1e-12
    kept = P.min(axis=1) > 1e-30
    np.testing.assert_allclose(P_onnx[kept], P[kept], rtol=1e-9, atol=0)


# ---------------------------------------------------------------------- parts of something larger

WRAPPERS = {
    "pipeline": lambda clf: make_pipeline(StandardScaler(), MinMaxScaler(), clf),
    "grid": lambda clf: GridSearchCV(clf, {"alpha": [0.1, 0.01]}, cv=2),
    "random": lambda clf: RandomizedSearchCV(clf, {"alpha": [0.1, 0.01]}, n_iter=2, cv=2, random_state=0),
    "grid of a pipeline": lambda clf: GridSearchCV(
        make_pipeline(StandardScaler(), clf), {"twolayerclassifier__alpha": [0.1, 0.01]}, cv=2
    ),
    "pipeline with a search": lambda clf: make_pipeline(
        StandardScaler(), RandomizedSearchCV(clf, {"alpha": [0.1, 0.01]}, n_iter=2, cv=2, random_state=0)
    ),
    "calibrated": lambda clf: CalibratedClassifierCV(clf, cv=2),
    "calibrated, one model": lambda clf: CalibratedClassifierCV(clf, cv=2, ensemble=False),
    "calibrated pipeline": lambda clf: CalibratedClassifierCV(make_pipeline(StandardScaler(), clf), cv=2),
    "calibrated search": lambda clf: CalibratedClassifierCV(
        GridSearchCV(make_pipeline(StandardScaler(), clf), {"twolayerclassifier__alpha": [0.1, 0.01]}, cv=2), cv=2
    ),
    "pipeline with a calibration": lambda clf: make_pipeline(StandardScaler(), CalibratedClassifierCV(clf, cv=2)),
    "search over calibrations": lambda clf: GridSearchCV(
        CalibratedClassifierCV(clf, cv=2), {"ensemble": [True, False]}, cv=2
    ),
    "voting": lambda clf: VotingClassifier(
        [("a", clf), ("b", LogisticRegression())], voting="soft", flatten_transform=False
    ),
    "stacking": lambda clf: StackingClassifier([("a", clf), ("b", LogisticRegression())], cv=2),
    "stacked on": lambda clf: StackingClassifier([("a", LogisticRegression())], final_estimator=clf, cv=2),
}


@needs_onnx
@pytest.mark.parametrize(("data", "dtype"), [(binary, np.float64), (multiclass, np.float32)])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_whole_models_convert(wrapper, data, dtype):
    X, y = data(dtype)
    assert_answers_alike(WRAPPERS[wrapper](small()).fit(X[:300], y[:300]), X)


@needs_onnx
def test_a_frozen_calibrated_model_converts():
    X, y = binary()
    frozen = make_pipeline(StandardScaler(), small()).fit(X[:300], y[:300])
    assert_answers_alike(CalibratedClassifierCV(FrozenEstimator(frozen)).fit(X[300:600], y[300:600]), X)


@needs_onnx
@pytest.mark.parametrize("wrapper", ["pipeline", "grid", "pipeline with a search"])
def test_multilabel_models_convert(wrapper):
    X, y = multilabel()
    assert_answers_alike(WRAPPERS[wrapper](small()).fit(X[:300], y[:300]), X)


def mixed_table(dtype):
    X, y = binary(dtype)
    table = pd.DataFrame(X, columns=[f"feature {i}" for i in range(X.shape[1])])
    table["kind"] = np.array(["u", "v", "w"])[np.arange(len(X)) % 3]
    table["count"] = np.arange(len(X)) % 7
    transformer = ColumnTransformer(
        [
            ("numbers", StandardScaler(), [*table.columns[:8]]),
            ("strings", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
            ("integers", StandardScaler(), ["count"]),
        ]
    )
    return table, y, make_pipeline(transformer, small())


@needs_onnx
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_of_mixed_columns(dtype):
    table, y, model = mixed_table(dtype)
    assert_answers_alike(model.fit(table[:300], y[:300]), table)


@needs_onnx
def test_one_input_for_each_column_of_a_table():
    table, y, model = mixed_table(np.float64)
    onnx_model = to_onnx(model.fit(table, y), table)
    assert len(onnx_model.graph.input) == table.shape[1]
    labels, P = run(onnx_model, table.iloc[:1])
    assert (labels.shape, P.shape) == ((1,), (1, 2))


@needs_onnx
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, bool])
def test_integer_and_boolean_features(dtype):
    X, y = binary()
    X = (X > 0.5).astype(dtype)
    assert_answers_alike(small().fit(X, y), X)


@needs_onnx
def test_float32_rows_for_a_float64_model():
    X, y = multiclass()
    assert_answers_alike(small().fit(X[:300], y[:300]), X.astype(np.float32))


@needs_onnx
def test_converting_changes_nothing():
    X, y = binary()
    model = CalibratedClassifierCV(make_pipeline(StandardScaler(), small()), cv=2).fit(X[:300], y[:300])
    X_before, P_before = X.copy(), model.predict_proba(X)
    first, second = to_onnx(model, X), to_onnx(model, X)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(model.predict_proba(X), P_before)
    np.testing.assert_array_equal(run(first, X)[1], run(second, X)[1])


@needs_onnx
def test_skl2onnx_knows_the_classifiers_once_they_are_registered():
    import skl2onnx

    X, y = binary(np.float32)
    model = make_pipeline(StandardScaler(), small()).fit(X, y)
    register_converters()
    P = run(skl2onnx.to_onnx(model, X[:1], options={"zipmap": False}), X)[1]
    np.testing.assert_allclose(P, model.predict_proba(X), rtol=0, atol=TOLERANCE)


@needs_onnx
@pytest.mark.parametrize("zipmap", [None, True, False, "columns"])
@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"], [0, 1, 2], ["a", "b", "c"]], ids=str)
def test_skl2onnx_gives_probabilities_in_each_of_its_forms(labels, bare, zipmap):
    """Its default is a list of dicts, by label."""
    import skl2onnx
    from onnxruntime import InferenceSession

    X, _ = binary(np.float32)
    y = np.array(labels)[np.digitize(X[:, 0], [0, 0.7][: len(labels) - 1])]
    model = small().fit(X, y) if bare else make_pipeline(StandardScaler(), small()).fit(X, y)
    register_converters()
    options = {} if zipmap is None else {"options": {id(model): {"zipmap": zipmap}}}
    content = skl2onnx.to_onnx(model, X[:1], **options).SerializeToString()
    label, *P = InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"X": X})
    np.testing.assert_array_equal(label, model.predict(X))
    if zipmap == "columns":
        P = np.column_stack(P)
    else:
        P = P[0] if zipmap is False else [[row[each] for each in model.classes_.tolist()] for row in P[0]]
    np.testing.assert_allclose(P, model.predict_proba(X), rtol=0, atol=TOLERANCE)


# ---------------------------------------------------------------------- what cannot be converted


class Cubic(Tanh):
    """An activation that ONNX knows nothing of; a subclass, so that no parent's node may be taken for it."""

    def value(self, Z, out):
        return np.multiply(Z, Z * Z, out=out)

    def derivative(self, Z, A, out):
        return np.multiply(3 * Z, Z, out=out)


@needs_onnx
def test_an_activation_of_ones_own_is_named_and_can_be_added(monkeypatch):
    X, y = binary()
    model = small(activation=Cubic(), max_iter=3).fit(X, y)
    with pytest.raises(TypeError, match=r"Cubic.*ACTIVATION_NODES\[Cubic\]"):
        to_onnx(model, X)
    monkeypatch.setitem(ACTIVATION_NODES, Cubic, lambda graph, Z, phi: graph("Mul", Z, graph("Mul", Z, Z)))
    assert_answers_alike(model, X)


@needs_onnx
def test_a_node_that_computes_something_else_is_found_out(monkeypatch):
    X, y = binary()
    model = small(activation="tanh").fit(X, y)
    monkeypatch.setitem(ACTIVATION_NODES, Tanh, lambda graph, Z, phi: graph("Relu", Z))
    with pytest.raises(ValueError, match="probabilities differ by up to"):
        to_onnx(model, X)


@needs_onnx
@pytest.mark.parametrize("inside", [False, True])
def test_a_calibration_that_would_come_out_wrong_is_refused(inside):
    X, y = binary()
    model = CalibratedClassifierCV(small(), method="isotonic", cv=2)
    model = (make_pipeline(StandardScaler(), model) if inside else model).fit(X, y)
    with pytest.raises(ValueError, match="method='isotonic'"):
        to_onnx(model, X)


@needs_onnx
@pytest.mark.parametrize("model", [small(), make_pipeline(StandardScaler(), small())], ids=["bare", "pipeline"])
def test_an_unfitted_model_is_refused(model):
    with pytest.raises(NotFittedError):
        to_onnx(clone(model), binary()[0])


@needs_onnx
@pytest.mark.parametrize("X", [np.empty((0, 8)), np.zeros(8), [[]]], ids=["no rows", "one dimension", "no columns"])
def test_rows_that_tell_nothing_are_refused(X):
    model = small().fit(*binary())
    with pytest.raises(ValueError, match="X must be"):
        to_onnx(model, X)


@needs_onnx
def test_rows_of_another_width_are_refused():
    model = small().fit(*binary())
    with pytest.raises(ValueError, match="8 features"):
        to_onnx(model, np.zeros((2, 5)))


def test_without_skl2onnx_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"the extra 'onnx'.*pip install -e '\.\[onnx\]'"):
        to_onnx(small(), np.zeros((1, 2)))


def test_importing_the_package_imports_nothing_of_onnx():
    code = "import sys, skbackprop.onnx; print({'skl2onnx', 'onnx', 'onnxruntime'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
