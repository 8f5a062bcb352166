"""What users of other libraries were surprised by: refused in words that name the argument and the remedy, or right."""

import copy
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, TwoLayerClassifier, diagnose
from skbackprop._sklearn.methods import HIDDEN_NAMES, INSTEAD
from skbackprop.schedules import InvScaling
from skbackprop.solvers import SGD, Adam

rng = np.random.RandomState(0)
X = rng.standard_normal((120, 4))
THREE = np.where(X[:, 0] > 0.3, 2, X[:, 1] > 0).astype(int)
TWO = (THREE > 0).astype(int)
MULTILABEL = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 1]).astype(int)
OPTIONS = {"max_iter": 3, "n_iter_no_change": None, "early_stopping": False, "random_state": 0}
KINDS = pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier])


def make(**params):
    return TwoLayerClassifier(4, **OPTIONS | params)


def frame(**columns):
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1]} | columns)


# ------------------------------------------------------------------ set_params, and so every search


@KINDS
@pytest.mark.parametrize("prefix", ["", "optimizer__", "module__", "fit__", "model__"])
@pytest.mark.parametrize("name", sorted({*INSTEAD, *HIDDEN_NAMES.split()}))
def test_set_params_names_what_to_use_instead(kind, prefix, name):
    if prefix + name in kind().get_params():
        return
    with pytest.raises(ValueError, match=rf"^{kind.__name__} has no parameter '{prefix}{name}'; use .+\.$"):
        kind().set_params(**{prefix + name: 1})


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("lr", "learning_rate"),
        ("optimizer__lr", "learning_rate"),
        ("optimizer__learning_rate", "learning_rate"),
        ("optimizer__weight_decay", "alpha"),
        ("optimizer__momentum", r"solver=SGD\(momentum=\.\.\.\)"),
        ("optimizer", "solver"),
        ("optimizer__nobody_knows", "solver"),
        ("model__hidden_units", "hidden_units"),
        ("callbacks__lr_scheduler__policy", "set_callbacks"),
        ("solver__lr", "learning_rate"),
    ],
)
def test_a_search_by_the_names_of_others(name, instead):
    alone, pipeline = GridSearchCV(make(), {name: [1]}), GridSearchCV(Pipeline([("n", make())]), {f"n__{name}": [1]})
    for search in (alone, pipeline):
        with pytest.raises(ValueError, match=rf"^TwoLayerClassifier has no parameter '{name}'.*; use {instead}"):
            search.fit(X, TWO)


@pytest.mark.parametrize("part", ["solver", "activation", "loss", "weight_init", "schedule", "alpha", "hidden_units"])
def test_a_name_has_no_parameters_of_its_own(part):
    clf = make()
    given = re.escape(f"since {part}={getattr(clf, part)!r} is not an object with parameters; use ")
    with pytest.raises(ValueError, match=rf"has no parameter '{part}__power', {given}such an object"):
        clf.set_params(**{f"{part}__power": 1})


def test_neither_has_a_class():
    with pytest.raises(ValueError, match=r"solver=<class '.*SGD'> is not an object with parameters; use solver=SGD\("):
        make(solver=SGD).set_params(solver__momentum=0.5)


def test_parameters_of_objects_are_set_as_before():
    clf = make(solver=SGD()).set_params(solver__momentum=0.5, hidden_units=3)
    assert (clf.solver, clf.hidden_units) == (SGD(momentum=0.5), 3)
    assert clf.set_params(solver=Adam(), solver__beta_1=0.7).solver == Adam(0.7)
    assert clf.set_params(schedule=InvScaling(), schedule__power=0.3).schedule == InvScaling(0.3)
    with pytest.raises(ValueError, match="Adam has no parameter 'nonsense'"):
        clf.set_params(solver__nonsense=1)
    with pytest.raises(ValueError, match="Invalid parameter 'nonsense'"):
        clf.set_params(nonsense=1)


# ------------------------------------------------------------------ a validation set that was not transformed


def scaled(X):
    return 100 * X + 500


CASES = {
    "raw beside scaled": (X, scaled(X), True),
    "scaled beside raw": (scaled(X), X, True),
    "raw, sparse": (csr_matrix(X), csr_matrix(scaled(X)), True),
    "bytes beside fractions": (abs(X) / 255, abs(X), True),
    "the same": (X, X[:50], False),
    "both raw": (scaled(X), scaled(X[:50]), False),
    "somewhat larger": (X, 3 * X, False),
    "an outlier": (X, np.vstack([X, [[1e6, 0, 0, 0]]]), False),
    "nothing but zeros": (X, 0 * X, False),
}


@pytest.mark.parametrize("early_stopping", [True, "auto", False])
@pytest.mark.parametrize("name", CASES)
def test_a_validation_set_of_another_scale(name, early_stopping):
    features, X_val, warns = CASES[name]
    y_val = np.resize(TWO, X_val.shape[0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(early_stopping=early_stopping, learning_rate=1e-3).fit(features, TWO, X_val=X_val, y_val=y_val)
    told = [each for each in caught if "X_val is on a different scale from X" in str(each.message)]
    assert len(told) == warns
    for each in told:
        assert "transform_input=['X_val']" in str(each.message)
        assert each.filename == __file__


def test_the_size_of_both_is_told():
    X_val = np.full((20, 4), 30.0)
    with pytest.warns(UserWarning, match=r"root mean square of a typical sample is 0\.9\d* in X, 30 in X_val"):
        make().fit(X, TWO, X_val=X_val, y_val=TWO[:20])


def test_in_a_pipeline_the_remedy_helps():
    fitted = {"X_val": scaled(X[:50]), "y_val": TWO[:50]}
    with sklearn.config_context(enable_metadata_routing=True):
        net = make().set_fit_request(X_val=True, y_val=True)
        Pipeline([("scale", StandardScaler()), ("net", net)], transform_input=["X_val"]).fit(scaled(X), TWO, **fitted)
    with pytest.warns(UserWarning, match="X_val is on a different scale"):
        make_pipeline(StandardScaler(), make()).fit(
            scaled(X), TWO, **{f"twolayerclassifier__{name}": value for name, value in fitted.items()}
        )


def test_a_validation_set_whose_squares_overflow_is_still_compared_by_size():
    with pytest.warns(UserWarning, match="X_val is on a different scale"):  # any other warning is an error
        make().fit(X, TWO, X_val=X[:6] * 1e250, y_val=TWO[:6])


# ------------------------------------------------------------------ scorers that cannot score

RARE = THREE.copy()
RARE[:3] = 7, 7, 8


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "roc_auc_ovo", "neg_log_loss", "top_k_accuracy"])
@pytest.mark.parametrize("given", [True, False])
def test_a_validation_set_without_a_sample_of_some_classes(scoring, given):
    clf = make(scoring=scoring, early_stopping=True)
    validation = {"X_val": X[3:40], "y_val": THREE[3:40]} if given else {}
    with pytest.raises(ValueError, match=rf"^scoring='{scoring}' .*no sample of the classes \[7, 8\]: use scoring"):
        clf.fit(X, RARE, **validation)
    assert not hasattr(clf, "coefs_")
    assert make(early_stopping=True).fit(X, RARE, **validation).validation_scores_  # the remedy


def test_so_does_a_scorer_of_ones_own():
    scorer = make_scorer(log_loss, response_method="predict_proba", greater_is_better=False)
    with pytest.raises(ValueError, match=r"^scoring=make_scorer.*no sample of the classes \[7, 8\]"):
        make(scoring=scorer).fit(X, RARE, X_val=X[3:40], y_val=pd.Series(THREE[3:40], dtype="Int64"))


def test_a_label_that_all_validation_samples_have():
    y_val = MULTILABEL[:40].copy()
    y_val[:, 1] = 1
    with pytest.raises(ValueError, match=r"All samples of the validation set, or none, have the labels \[1\]"):
        make(scoring=lambda estimator, X, y: np.nan).fit(X, MULTILABEL, X_val=X[:40], y_val=y_val)


@pytest.mark.filterwarnings("ignore:Precision is ill-defined")
@pytest.mark.parametrize("scoring", ["f1", "precision", "recall", "jaccard", "roc_auc"])
def test_a_scorer_for_two_classes_names_those_for_more(scoring):
    with pytest.raises(ValueError, match=rf"^scoring='{scoring}' is for two classes only .*; use '{scoring}_") as error:
        make(scoring=scoring, early_stopping=True).fit(X, THREE)
    named = {*re.findall(rf"'({scoring}_\w+)'", str(error.value))} - {f"{scoring}_samples"}  # for multilabel targets
    assert len(named) > 2
    for scorer in named:
        make(scoring=scorer, early_stopping=True).fit(X, THREE)
    assert make(scoring=scoring, early_stopping=True).fit(X, TWO).validation_scores_


@pytest.mark.parametrize("scoring", ["f1", "precision", "recall", "jaccard"])
def test_so_it_does_with_multilabel_targets(scoring):
    with pytest.raises(ValueError, match=rf"^scoring='{scoring}' is for two classes only .*'{scoring}_samples'"):
        make(scoring=scoring, early_stopping=True).fit(X, MULTILABEL)


def test_the_positive_label_is_told_as_it_is_written():
    with pytest.raises(ValueError, match=r"make_scorer\(recall_score, pos_label='yes'\)"):
        make(scoring="recall", early_stopping=True).fit(X, np.where(TWO, "yes", "no"))


# ------------------------------------------------------------------ a stream of named columns that a fit goes on with


@pytest.mark.parametrize("names", [["z", "a", "m"], [5, 3, 4], np.array(["b", "c", "a"], object)], ids=str)
@pytest.mark.parametrize("between", [copy.copy, lambda clf: pickle.loads(pickle.dumps(clf))], ids=["copy", "file"])
def test_a_fit_goes_on_with_named_columns(names, between):
    """The columns keep their names and their order, whether they are sorted or not."""
    clf = make(warm_start=True, batch_size="full").partial_fit(X, MULTILABEL, classes=names)
    plain = make(warm_start=True, batch_size="full").partial_fit(X, MULTILABEL)
    clf, plain = between(clf).fit(X, MULTILABEL), between(plain).fit(X, MULTILABEL)
    assert clf.classes_.tolist() == list(names)
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))
    clf.partial_fit(X, MULTILABEL, classes=names)
    assert len(clf.loss_curve_) == 5


def test_another_number_of_columns_is_still_refused():
    clf = make(warm_start=True).partial_fit(X, MULTILABEL, classes=["z", "a", "m"])
    with pytest.raises(ValueError, match="y holds the classes"):
        clf.fit(X, MULTILABEL[:, :2])
    assert make(warm_start=False).partial_fit(X, MULTILABEL, classes=[7, 8, 9]).fit(X, MULTILABEL).classes_[0] == 0


def test_a_warm_start_that_lacks_a_class_names_the_ways_out():
    clf = make(warm_start=True).fit(X, THREE)
    some = THREE < 2
    with pytest.raises(ValueError, match=r"y holds the classes.*use samples of every class, or partial_fit, or warm"):
        clf.fit(X[some], THREE[some])
    clf.partial_fit(X[some], THREE[some])
    assert clf.set_params(warm_start=False).fit(X[some], THREE[some]).classes_.tolist() == [0, 1]


# ------------------------------------------------------------------ features that are no table of numbers

CALLS = {
    "fit": lambda X: make().fit(X, TWO),
    "partial_fit": lambda X: make().partial_fit(X, TWO, classes=[0, 1]),
    "predict": lambda given: make().fit(X, TWO).predict(given),
}
COLUMNS = {
    "strings": ["red", "blue"] * 60,
    "categories": pd.Categorical(["red", "blue"] * 60),
    "dates": pd.date_range("2026-01-01", periods=120),
    "spans of time": pd.to_timedelta(np.arange(120), "D"),
    "periods": pd.period_range("2026-01", periods=120, freq="M"),
    "strings and gaps": ["red", None] * 60,
}


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_that_are_no_numbers_are_named(call, name):
    given = frame(color=COLUMNS[name], c=1.0)
    with pytest.raises((TypeError, ValueError), match=r"^X holds something other .* \['color'\]; encode or drop"):
        CALLS[call](given)


@pytest.mark.parametrize("module", ["polars", "pyarrow"])
def test_those_of_other_frames_too(module):
    library = pytest.importorskip(module)
    columns = {"a": X[:, 0].tolist(), "color": ["red", "blue"] * 60}
    given = library.DataFrame(columns) if module == "polars" else library.table(columns)
    with pytest.raises((TypeError, ValueError), match=r"^X holds something other .*columns \['color'\]"):
        make().fit(given, TWO)


def test_columns_without_a_name_have_a_number():
    given = np.column_stack([X.astype(object), ["red"] * 120])
    with pytest.raises(ValueError, match=r"^X holds something other than numbers in the columns \[4\]"):
        make().fit(given, TWO)
    with pytest.raises(ValueError, match=r"columns \[0, 1, 2, 3, 4\] and 2 more"):
        make().fit(np.full((120, 7), "red"), TWO)
    with pytest.raises(ValueError, match=r"X_val holds something other than numbers in the columns \[4\]"):
        make().fit(np.column_stack([X, X[:, 0]]), TWO, X_val=given, y_val=TWO)


@pytest.mark.filterwarnings("ignore:X has feature names")  # predict checks them before the numbers
@pytest.mark.parametrize("call", CALLS)
def test_columns_with_gaps_are_named(call):
    for gaps in (pd.array([1, None] * 60, "Int64"), np.where(np.arange(120) == 7, np.nan, 1.0)):
        with pytest.raises(ValueError, match=r"^X has missing values in the columns \['c'\]; fill them .*contains NaN"):
            CALLS[call](frame(c=gaps))
    with pytest.raises(ValueError, match=r"^X has missing values in the columns \[2\]"):
        make().fit(np.where(np.arange(4) == 2, np.nan, X[:, :4]), TWO)


def test_gaps_are_not_blamed_for_another_mistake():
    fitted = make().fit(frame(c=1.0), TWO)
    with pytest.raises(ValueError, match=r"^The feature names should match"):
        fitted.predict(frame(d=np.nan))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("shape", [(120, 2, 2), (120, 2, 1, 2)])
def test_images_are_to_be_made_rows(call, shape):
    with pytest.raises(ValueError, match=rf"^Found array X with dim {len(shape)}, .*pass X\.reshape\(len\(X\), -1\)"):
        CALLS[call](X.reshape(shape))


# ------------------------------------------------------------------ labels, class weights, sample weights

OBJECTS = {
    "Interval": pd.Series(pd.cut(X[:, 0], [-9, 0, 9])),
    "Period": pd.Series(pd.PeriodIndex(np.array(["2026-01", "2026-02"])[TWO], freq="M")),
    "date": pd.Series(pd.to_datetime(np.array(["2026-01-01", "2026-02-01"])[TWO]).date),
    "complex": pd.Series(TWO + 0j, dtype=object),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_labels_that_are_neither_strings_nor_numbers(kind):
    y = OBJECTS[kind]
    with pytest.raises(ValueError, match=rf"y holds labels of type {kind}, .*pass y\.astype\(str\)"):
        make().fit(X, y)
    assert make().fit(X, y.astype(str)).score(X, y.astype(str)) > 0  # the remedy


@KINDS
@pytest.mark.parametrize("weights", [[1, 2], (1, 2), np.array([1.0, 2.0]), pd.Series([1, 2])], ids=repr)
def test_class_weights_without_labels_are_refused_with_the_dict(kind, weights):
    with pytest.raises(ValueError, match=r"(?s)^class_weight=.* must be a dict .*dict\(zip\(np\.unique\(y\)"):
        kind(class_weight=weights, **OPTIONS).fit(X, TWO)
    assert kind(class_weight=dict(zip(np.unique(TWO), weights, strict=True)), **OPTIONS).fit(X, TWO).classes_.size == 2


@pytest.mark.parametrize(
    ("class_weight", "y"),
    [
        ({"0": 2, 1: 1}, TWO),
        ({0: 2, "1": 1}, TWO.astype(str)),
        ({"0": 3, 0: 2}, TWO),
        ({1: 2, "no": 1}, TWO == 1),
    ],
    ids=str,
)
def test_keys_of_another_kind_than_the_labels_are_not_ignored(class_weight, y):
    with pytest.raises(ValueError, match="has keys of another type than the classes"):
        make(class_weight=class_weight).fit(X, y)


@pytest.mark.parametrize("kind", [int, str, bool, float, np.int8])
def test_keys_of_the_kind_of_the_labels_count(kind):
    y = TWO.astype(kind)
    labels = np.unique(y).tolist()
    weighted = make(class_weight={labels[0]: 1.0, labels[1]: 3.0}, max_iter=30).fit(X, y)
    by_sample = make(max_iter=30).fit(X, y, np.where(TWO, 3.0, 1.0))
    np.testing.assert_allclose(weighted.coefs_[0], by_sample.coefs_[0], rtol=1e-12)


def test_weights_do_not_follow_a_sampler():
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline as make_sampling_pipeline

    y = (X[:, 0] > 1).astype(int)
    model = make_sampling_pipeline(RandomOverSampler(random_state=0), make())
    with pytest.raises(ValueError, match=r"sample_weight has 120 weights for \d+ samples\. .*use class_weight"):
        model.fit(X, y, twolayerclassifier__sample_weight=np.ones(120))


# ------------------------------------------------------------------ what goes well here


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda clf: pickle.loads(pickle.dumps(clf))])
def test_the_history_of_a_stream_may_be_emptied(through):
    clf, kept = (make().partial_fit(X, TWO, classes=[0, 1]).partial_fit(X, TWO) for _ in range(2))
    for column in clf.history_.values():
        column.clear()
    clf = through(clf).partial_fit(X, TWO)
    kept.partial_fit(X, TWO)
    assert clf.loss_curve_ == kept.loss_curve_[2:]
    assert {len(column) for column in clf.history_.values()} == {1}
    np.testing.assert_array_equal(clf.coefs_[0], kept.coefs_[0])


def test_equal_weights_are_no_weights():
    plain = TwoLayerClassifier(4, random_state=0, max_iter=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first, *others = (plain.fit(X, THREE, w).predict_proba(X) for w in (None, np.ones(120), np.full(120, 7.0)))
    for other in others:
        np.testing.assert_array_equal(first, other)


# ---------------------------------------------------------------------- names that are nearly right


@pytest.mark.parametrize(
    ("weights", "key", "label"), [({"no": 2, "Yes": 1}, "Yes", "yes"), ({"yes": 2, "noo": 1}, "noo", "no")]
)
def test_a_key_of_class_weight_like_a_class_without_a_weight_warns(weights, key, label):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    with pytest.warns(UserWarning, match=f"the key '{key}', .* none for the class '{label}'"):
        make(class_weight=weights, max_iter=2).fit(X, y)


@pytest.mark.parametrize(
    "weights", [{"no": 2, "yes": 3, "maybe": 4}, {"no": 2, "other": 4}, {"no": 2}, "balanced"], ids=str
)
def test_other_keys_of_class_weight_do_not_warn(weights):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        make(class_weight=weights, max_iter=2).fit(X, y)


@pytest.mark.parametrize(
    ("scoring", "meant"), [("rocauc", "'roc_auc'"), ("log_loss", "'neg_log_loss'"), ("accurracy", "'accuracy'")]
)
@pytest.mark.parametrize("early_stopping", [False, True, "auto"])
def test_an_unknown_scorer_is_named_with_the_likely_one(scoring, meant, early_stopping):
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(ValueError, match=f"scoring='{scoring}' is not known; use .*{meant}.*get_scorer_names"):
        make(scoring=scoring, early_stopping=early_stopping).fit(X, X[:, 0] > 0)


def test_scorers_of_label_sets_are_not_proposed_for_classes():
    X = np.random.default_rng(0).normal(size=(300, 2))
    with pytest.raises(ValueError, match="'f1_macro'") as caught:
        make(scoring="f1", early_stopping=True).fit(X, np.digitize(X[:, 0], [-0.4, 0.4]))
    assert "samples" not in str(caught.value).partition("use ")[2]


def test_diagnose_says_that_class_weights_weight_its_figures():
    X = np.random.default_rng(0).normal(size=(90, 2))
    y = (X[:, 0] > 0.5).astype(int)
    looked_at = [diagnose(make(class_weight=w, max_iter=3).fit(X, y), X, y).looked_at for w in (None, "balanced")]
    assert "class_weight, which weights every figure" not in looked_at[0]
    assert "class_weight, which weights every figure" in looked_at[1]
