"""Parameters under the names of other libraries: the message says what they are called here, and names the class."""

import inspect

import pytest

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop._sklearn.methods import CALLED, HIDDEN_NAMES, INSTEAD

KINDS = pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier])
OURS = {name for kind in (TwoLayerClassifier, BackpropClassifier) for name in inspect.signature(kind).parameters}
X, Y = [[0.0], [1.0]], [0, 1]

EXPECTED = {
    "epochs": "max_iter",
    "max_epochs": "max_iter",
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "callbacks": "set_callbacks",
    "validation_data": "X_val",
    "eval_set": "X_val",
    "validation_split": "validation_fraction",
    "train_split": "validation_fraction",
    "optimizer": "solver",
    "criterion": "loss",
    "momentum": "SGD(momentum=...)",
    "early_stopping_rounds": "n_iter_no_change",
    "seed": "random_state",
    "reg_lambda": "alpha",
    "scale_pos_weight": "class_weight",
    "n_estimators": "max_iter",
    "power_t": "InvScaling",
}


class Mine(TwoLayerClassifier):
    """A user's own class."""


@KINDS
@pytest.mark.parametrize("name", sorted({*INSTEAD, *HIDDEN_NAMES.split()}))
def test_the_constructor_names_what_to_use_instead(kind, name):
    if name in inspect.signature(kind).parameters:
        return
    with pytest.raises(TypeError, match=rf"^{kind.__name__} has no parameter '{name}'; use .+") as caught:
        kind(**{name: 1})
    if name in EXPECTED:
        assert EXPECTED[name] in str(caught.value)


@KINDS
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", sorted({*INSTEAD, *OURS, *EXPECTED}))
def test_fit_names_what_to_use_instead(kind, method, name):
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.{method}\(\) has no parameter '{name}'; use .+"):
        getattr(kind(), method)(X, Y, **{name: 1})


@KINDS
def test_hidden_layers_go_by_the_name_of_the_class(kind):
    own, other = ("hidden_units", "hidden_layer_sizes")[:: 1 if kind is TwoLayerClassifier else -1]
    with pytest.raises(TypeError, match=f"use {own}"):
        kind(**{other: 3})


@pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier, Mine])
@pytest.mark.parametrize(
    ("method", "arguments"), [("fit", (X,)), ("fit", ()), ("partial_fit", (X,)), ("fit", (X,) * 5)]
)
def test_a_type_error_names_the_class_that_was_called(kind, method, arguments):
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.{method}\(\): (missing a required|too many positional)"):
        getattr(kind(), method)(*arguments)


@pytest.mark.parametrize("method", ["fit", "__init__"])
def test_an_unknown_name_is_said_to_be_unknown(method):
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'nonsense'\.$"):
        Mine().fit(X, Y, nonsense=1) if method == "fit" else Mine(nonsense=1)


@pytest.mark.parametrize(("slip", "meant"), [("alpah", "alpha"), ("batchsize", "batch_size"), ("verbos", "verbose")])
def test_a_misspelt_parameter_is_recognised(slip, meant):
    with pytest.raises(TypeError, match=rf"^Mine has no parameter '{slip}'; use {meant}\.$"):
        Mine(**{slip: 1})
    with pytest.raises(TypeError, match=rf"^Mine\.fit\(\) has no parameter '{slip}'; use the constructor's {meant}\.$"):
        Mine().fit(X, Y, **{slip: 1})
    with pytest.raises(ValueError, match=rf"^Mine has no parameter '{slip}'; use {meant}\.$"):
        Mine().set_params(**{slip: 1})


def test_a_misspelt_argument_of_fit_is_recognised():
    with pytest.raises(TypeError, match=r"has no parameter 'sample_weights'; use sample_weight\.$"):
        Mine().fit(X, Y, sample_weights=[1, 1])


def test_what_is_recommended_exists():
    for use in CALLED:
        first = use.split("=")[0].split(" ")[0].split("(")[0]
        assert first in OURS | {"fit", "set_callbacks", "n_jobs"}, use


def test_no_name_of_ours_is_told_to_be_anothers():
    assert not OURS & {*INSTEAD}


@pytest.mark.parametrize("kind", [TwoLayerClassifier, BackpropClassifier])
def test_balanced_class_weights_have_no_partial_fit(kind):
    clf = kind(class_weight="balanced")
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError, match=r"class_weight='balanced'.*class_weight=\{label: n_samples / \(n_classes"):
        clf.partial_fit(X, Y, [0, 1])
    assert not hasattr(clf.set_params(early_stopping=False, max_iter=1, n_iter_no_change=None).fit(X, Y), "partial_fit")
    assert hasattr(clf.set_params(class_weight={0: 1.0, 1: 2.0}), "partial_fit")
    assert hasattr(kind, "partial_fit")
