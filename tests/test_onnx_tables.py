"""Tables of every kind as inputs of ONNX models: mixed columns, integers, missing values, frames of other libraries."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

import skbackprop.onnx
from skbackprop import TwoLayerClassifier
from skbackprop.onnx import input_feed, to_onnx

pytest.importorskip("skl2onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    """Convert as where onnxruntime is not installed: a model is right by construction, or a test fails."""
    monkeypatch.setattr(skbackprop.onnx, "find_spec", lambda name: None)


def net(**params):
    params = {"solver": "lbfgs", "max_iter": 15, "n_iter_no_change": None, "early_stopping": False, **params}
    return TwoLayerClassifier(5, random_state=0, **params)


def run(onnx_model, X):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], input_feed(onnx_model, X))


def assert_same_answers(model, X, tolerance=1e-7):
    onnx_model = to_onnx(model, X[:50])
    labels, P = run(onnx_model, X)
    np.testing.assert_allclose(P, model.predict_proba(X), rtol=0, atol=tolerance)
    assert (labels != model.predict(X)).sum() <= (1 if P.dtype == np.float32 else 0)
    return onnx_model


def people(n=600, missing=False):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "fare": rng.gamma(2, 20, n),
            "sex": rng.choice(["f", "m"], n),
            "class": rng.integers(1, 4, n),
            "returning": rng.random(n) < 0.5,
            "share": rng.random(n).astype(np.float32),
            "since": rng.integers(10**9, 10**9 + 100, n),
        }
    )
    table["port"] = pd.Categorical(rng.choice(["C", "Q", "S"], n))
    y = (table["age"] + table["fare"] + 20 * (table["sex"] == "m") > 90).to_numpy().astype(int)
    if missing:
        table.loc[::7, "fare"] = np.nan
    return table, y


def encode():
    return OneHotEncoder(handle_unknown="ignore")


def columns():
    return make_column_transformer((StandardScaler(), ["age", "fare"]), (encode(), ["sex", "class"]))


def readme(**imputer):
    return make_column_transformer(
        (make_pipeline(SimpleImputer(**imputer), StandardScaler()), make_column_selector(dtype_include="number")),
        (encode(), make_column_selector(dtype_exclude="number")),
    )


TRANSFORMERS = {
    "scaled and encoded": columns,
    "README": lambda: readme(strategy="median"),
    "README, with indicators": lambda: readme(add_indicator=True),
    "README, constants": lambda: readme(strategy="constant", fill_value=-1),
    "encoded integers, booleans, categories": lambda: make_column_transformer(
        (encode(), ["class", "returning", "port"])
    ),
    "passed through": lambda: make_column_transformer(
        (encode(), ["sex"]), ("drop", ["since", "port"]), remainder="passthrough"
    ),
    "large integers": lambda: make_column_transformer((StandardScaler(), ["since"]), (encode(), ["sex"])),
    "ordinal": lambda: make_column_transformer((OrdinalEncoder(), ["sex", "class", "port"]), (MinMaxScaler(), ["age"])),
    "weighted": lambda: ColumnTransformer(
        [("numbers", StandardScaler(), ["age", "fare"]), ("words", encode(), ["sex"])],
        transformer_weights={"numbers": 2.0},
    ),
    "nested": lambda: make_column_transformer(
        (make_column_transformer((StandardScaler(), ["fare"]), (MinMaxScaler(), ["age"])), ["age", "fare"]),
        (FunctionTransformer(), ["share"]),
    ),
}


def filled(table):
    return table.assign(fare=table["fare"].fillna(0))


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("dtype", [None, np.float32])
def test_columns_of_all_types(name, dtype):
    table, y = people(missing=True)
    table = table if "README" in name else filled(table)
    table = table if dtype is None else table.astype({"age": dtype, "fare": dtype})
    assert_same_answers(make_pipeline(TRANSFORMERS[name](), net()).fit(table[:300], y[:300]), table, 1e-6)


AROUND = {
    "search": lambda model: GridSearchCV(model, {"twolayerclassifier__alpha": [0.1, 0.01]}, cv=2),
    "threshold": lambda model: TunedThresholdClassifierCV(model, cv=2),
    "calibrated": lambda model: CalibratedClassifierCV(model, cv=2),
    "votes": lambda model: VotingClassifier(
        [("a", model), ("b", make_pipeline(columns(), LogisticRegression()))], voting="soft"
    ),
    "stack": lambda model: StackingClassifier(
        [("a", model), ("b", make_pipeline(columns(), LogisticRegression()))], cv=2
    ),
}


@pytest.mark.parametrize("name", AROUND)
def test_what_is_around_a_table_pipeline(name):
    table, y = people()
    assert_same_answers(AROUND[name](make_pipeline(columns(), net())).fit(table[:300], y[:300]), table)


def test_a_table_into_a_bare_classifier():
    """Every column is an input, and all of them reach the network."""
    table, y = people()
    table = table[["age", "fare", "share"]] / 100
    onnx_model = assert_same_answers(net().fit(table, y), table)
    assert [each.name for each in onnx_model.graph.input] == ["age", "fare", "share"]


@pytest.mark.parametrize(
    "names",
    [range(3), ["label", "probabilities", "X"], ["a b", "1", "ä/ö"], ["concat", "features", "cast"], ["x", "y", ""]],
    ids=str,
)
def test_names_of_any_kind(names):
    table, y = people()
    table = (table[["age", "fare", "share"]] / 100).set_axis(names, axis=1)
    onnx_model = assert_same_answers(net().fit(table, y), table)
    assert [each.name for each in onnx_model.graph.output] == ["label", "probabilities"]


def test_columns_are_found_by_name_in_any_order():
    table, y = people()
    model = make_pipeline(columns(), net()).fit(table, y)
    backwards = table[table.columns[::-1]].drop(columns="port")
    onnx_model = assert_same_answers(model, backwards)
    for other in (table, table.sample(frac=1, axis=1, random_state=0), table.assign(more="x")):
        np.testing.assert_allclose(run(onnx_model, other)[1], model.predict_proba(table), rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match=r"X lacks the columns \['fare'\]"):
        input_feed(onnx_model, table.drop(columns="fare"))


def test_an_array_goes_column_by_column():
    table, y = people()
    table = table[["age", "fare"]] / 100
    model = net().fit(table, y)
    onnx_model = to_onnx(model, table)
    np.testing.assert_allclose(run(onnx_model, table.to_numpy())[1], model.predict_proba(table), rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match="3 columns, but the ONNX model has 2 inputs"):
        input_feed(onnx_model, np.zeros((4, 3)))


def test_columns_that_are_no_inputs_may_hold_anything():
    table, y = people()
    table = table[["age", "fare"]] / 100
    onnx_model = to_onnx(net().fit(table, y), table)
    more = table.assign(day=pd.Timestamp("2026-01-01"), mixed=[1, "two"] * (len(table) // 2))
    feed, expected = input_feed(onnx_model, more), input_feed(onnx_model, table)
    assert [*feed] == [*expected]
    for name, values in feed.items():
        np.testing.assert_array_equal(values, expected[name])
    with pytest.raises(ValueError, match=r"column 'day' has dtype datetime64.*leave it out of X if the model drops it"):
        to_onnx(make_pipeline(make_column_transformer((StandardScaler(), ["age", "fare"])), net()).fit(more, y), more)


def test_a_path_in_place_of_samples_is_refused_in_words():
    table, y = people()
    with pytest.raises(ValueError, match="X must be a table"):
        to_onnx(net().fit(table[["age", "fare"]] / 100, y), "model.onnx")


def test_a_column_that_an_input_cannot_hold_is_named():
    table, y = people()
    table = table[["age", "class"]]
    onnx_model = to_onnx(make_pipeline(StandardScaler(), net()).fit(table, y), table)
    with pytest.raises(ValueError, match=r"Input 'age' of the ONNX model holds int64; X gives it float64\. Convert X"):
        input_feed(onnx_model, table.astype({"age": float}))
    with pytest.raises(ValueError, match="Input 'class' of the ONNX model holds int64; X gives it object"):
        input_feed(onnx_model, table.assign(**{"class": "x"}))


def test_missing_values_of_nullable_columns():
    table, y = people()
    table = table[["age", "fare"]].astype({"age": "Int64", "fare": "Float64"})
    table.loc[::5, "age"] = pd.NA
    assert_same_answers(make_pipeline(SimpleImputer(), StandardScaler(), net()).fit(table, y), table)


@pytest.mark.filterwarnings("ignore:Skipping features:UserWarning")
def test_a_column_without_a_single_value_is_left_out_as_by_the_imputer():
    table, y = people()
    X = table[["age", "fare"]].to_numpy(float)
    X[:300, 1] = np.nan
    assert_same_answers(make_pipeline(SimpleImputer(), StandardScaler(), net()).fit(X[:300], y[:300]), X[300:])


def test_strings_that_are_missing_are_refused_with_the_column():
    table, y = people()
    table["sex"] = table["sex"].astype(object).where(np.arange(len(table)) % 9 > 0, None)
    model = make_pipeline(make_column_transformer((encode(), ["sex"]), (StandardScaler(), ["age"])), net())
    with pytest.raises(ValueError, match=r"column 'sex' holds strings and other values.*fill"):
        to_onnx(model.fit(table, y), table)


def test_dates_are_refused_with_the_column():
    table, y = people()
    table["when"] = pd.Timestamp("2020-02-02")
    with pytest.raises(ValueError, match="column 'when' has dtype datetime64"):
        to_onnx(make_pipeline(columns(), net()).fit(table, y), table)


def test_a_transformer_that_knows_float32_only_names_the_remedy():
    table, y = people()
    X = table[["age", "fare"]].to_numpy() / 100
    model = make_pipeline(PolynomialFeatures(), net())
    with pytest.raises(ValueError, match=r"converted in float32 only; give X\.astype\('float32'\)"):
        to_onnx(model.fit(X, y), X)
    X = X.astype("float32")
    assert_same_answers(model.fit(X, y), X, 1e-5)


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    table, y = people()
    frame = polars.DataFrame({name: table[name].tolist() for name in table.columns})
    assert_same_answers(make_pipeline(columns(), net()).fit(frame, y), frame)
    numbers = frame.select("age", "fare", "returning")
    assert_same_answers(make_pipeline(StandardScaler(), net()).fit(numbers, y), numbers)


def test_tables_of_pyarrow():
    pyarrow = pytest.importorskip("pyarrow")
    table, y = people()
    numbers = pyarrow.table(table[["age", "fare", "returning"]].to_dict("list"))
    assert_same_answers(make_pipeline(StandardScaler(), net()).fit(numbers, y), numbers)


@pytest.mark.parametrize("sampler", ["RandomOverSampler", "SMOTE", "RandomUnderSampler", "TomekLinks"])
@pytest.mark.parametrize("around", ["nothing", "search", "calibration", "threshold"])
def test_samplers_of_imbalanced_learn_are_for_fit_only(sampler, around):
    pytest.importorskip("imblearn")
    from imblearn import over_sampling, under_sampling
    from imblearn.pipeline import make_pipeline as make_sampling_pipeline

    table, y = people()
    make = getattr(over_sampling, sampler, None) or getattr(under_sampling, sampler)
    params = {} if sampler == "TomekLinks" else {"random_state": 0}
    model = make_sampling_pipeline(columns(), make(**params), net())
    wrap = {
        "nothing": lambda model: model,
        "search": lambda model: GridSearchCV(model, {"twolayerclassifier__alpha": [0.1, 0.01]}, cv=2),
        "calibration": lambda model: CalibratedClassifierCV(model, cv=2),
        "threshold": lambda model: TunedThresholdClassifierCV(model, cv=2, scoring="f1"),
    }[around]
    assert_same_answers(wrap(model).fit(table, y), table)


@pytest.mark.parametrize("name", ["BalancedBaggingClassifier", "EasyEnsembleClassifier"])
def test_ensembles_of_imbalanced_learn(name):
    ensemble = pytest.importorskip("imblearn.ensemble")
    table, y = people()
    X = table[["age", "fare"]].to_numpy() / 100
    model = getattr(ensemble, name)(estimator=make_pipeline(StandardScaler(), net()), n_estimators=3, random_state=0)
    assert_same_answers(model.fit(X, y), X)


def test_an_ensemble_that_is_not_converted_is_named():
    ensemble = pytest.importorskip("imblearn.ensemble")
    table, y = people()
    X = table[["age", "fare"]].to_numpy() / 100
    model = ensemble.RUSBoostClassifier(estimator=net(), n_estimators=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="RUSBoostClassifier is not converted"):
        to_onnx(model, X)
