"""No parameter is inert: each changes the fit in some combination, and the table below is complete."""

import inspect
import re
from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS
from skbackprop.initializers import INITIALIZERS, Normal
from skbackprop.losses import LOSSES
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SOLVERS

KINDS = [TwoLayerClassifier, BackpropClassifier]
BASE = {
    "activation": "tanh",
    "loss": "log_loss",
    "weight_init": "glorot",
    "solver": "adam",
    "learning_rate": 0.01,
    "schedule": "constant",
    "batch_size": 32,
    "max_iter": 8,
    "alpha": 1e-3,
    "dropout": 0.0,
    "class_weight": None,
    "early_stopping": False,
    "validation_fraction": 0.2,
    "scoring": "loss",
    "n_iter_no_change": None,
    "tol": 0.0,
    "warm_start": False,
    "shuffle": True,
    "random_state": 0,
    "verbose": 0,
}
PATIENT = {"n_iter_no_change": 3, "max_iter": 300, "learning_rate": 0.1}
EARLY = {"early_stopping": True, "max_iter": 30, "learning_rate": 0.1}

# parameter: (two values, what else must be set for them to differ)
CHANGES = {
    "hidden_units": (5, 6, {}),
    "hidden_layer_sizes": ((5,), (5, 4), {}),
    "activation": ("tanh", "relu", {}),
    "loss": ("log_loss", "squared_error", {}),
    "weight_init": ("glorot", "he", {}),
    "solver": ("adam", "rmsprop", {}),
    "learning_rate": (0.01, 0.02, {}),
    "schedule": ("constant", "cosine", {}),
    "batch_size": (32, 16, {}),
    "max_iter": (8, 9, {}),
    "alpha": (1e-3, 1e-2, {}),
    "dropout": (0.0, 0.3, {}),
    "class_weight": (None, "balanced", {}),
    "early_stopping": (False, True, EARLY),
    "validation_fraction": (0.2, 0.3, EARLY),
    "scoring": ("loss", "accuracy", EARLY),
    "n_iter_no_change": (2, 6, PATIENT),
    "tol": (1e-4, 0.1, PATIENT),
    "shuffle": (True, False, {}),
    "random_state": (0, 1, {}),
}
SHOWN_APART = {"verbose", "warm_start"}  # they change what is printed, and the second fit


@cache
def iris():
    X, y = load_iris(return_X_y=True)
    rows = np.r_[0:50, 50:90, 100:120]  # classes of 50, 40 and 20
    X = StandardScaler().fit_transform(X) + np.random.RandomState(0).normal(0, 0.5, X.shape)
    return X[rows], y[rows]


def make(kind, **params):
    size = "hidden_units" if kind is TwoLayerClassifier else "hidden_layer_sizes"
    return kind(**({size: 5 if kind is TwoLayerClassifier else (5,)} | BASE | params))


def weights(clf):
    return [array.tolist() for array in clf.coefs_ + clf.intercepts_]


def parameters():
    return [(kind, name) for kind in KINDS for name in kind().get_params(deep=False) if name not in SHOWN_APART]


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_complete(kind):
    names = set(kind().get_params(deep=False))
    assert names <= CHANGES.keys() | SHOWN_APART
    assert names == BASE.keys() | {"hidden_units" if kind is TwoLayerClassifier else "hidden_layer_sizes"}
    assert names == set(inspect.signature(kind).parameters)


@pytest.mark.parametrize(("kind", "name"), parameters())
def test_every_parameter_changes_the_fit(kind, name):
    X, y = iris()
    value, other, setting = CHANGES[name]
    one, same, two = (make(kind, **setting | {name: v}).fit(X, y) for v in (value, value, other))
    assert weights(one) == weights(same)
    assert weights(one) != weights(two)


@pytest.mark.parametrize("kind", KINDS)
def test_verbose_prints_every_so_many_epochs(kind, capsys):
    X, y = iris()
    fits, printed = [], []
    for verbose in (0, 1, 3, True):
        fits.append(weights(make(kind, verbose=verbose).fit(X, y)))
        printed.append(capsys.readouterr().out.splitlines())
    assert [len(lines) for lines in printed] == [0, 8, 2, 8]
    assert fits == fits[:1] * 4
    clf = make(kind, verbose=3).fit(X, y, X_val=X[:20], y_val=y[:20])
    for epoch, line in zip((3, 6), capsys.readouterr().out.splitlines(), strict=True):
        numbers = [float(number) for number in re.findall(r"\d+\.?\d*", line)]
        assert numbers[0] == epoch
        assert pytest.approx(clf.loss_curve_[epoch - 1], rel=1e-4) in numbers
        assert pytest.approx(clf.history_["validation_loss"][epoch - 1], rel=1e-4) in numbers


def test_verbose_counts_on_over_warm_fits(capsys):
    X, y = iris()
    make(TwoLayerClassifier, verbose=1, max_iter=2, warm_start=True).fit(X, y).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [re.search(r"\d+", line)[0] for line in lines] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("kind", KINDS)
def test_warm_start_changes_the_second_fit(kind):
    X, y = iris()
    warm, cold = make(kind, warm_start=True).fit(X, y), make(kind, warm_start=False).fit(X, y)
    assert weights(warm) == weights(cold)
    assert weights(warm.fit(X, y)) != weights(cold.fit(X, y))
    assert (len(warm.loss_curve_), len(cold.loss_curve_)) == (16, 8)


# ---------------------------------------------------------------- parameters of fit


def given():
    X, y = iris()
    w = np.linspace(0.5, 2, len(y))
    return {
        "sample_weight": ({}, {"sample_weight": w}),
        "X_val": ({"X_val": X[::2], "y_val": y[::2]}, {"X_val": X[::2] + 1, "y_val": y[::2]}),
        "y_val": ({"X_val": X[::2], "y_val": y[::2]}, {"X_val": X[::2], "y_val": y[::-2]}),
        "sample_weight_val": (
            {"X_val": X[::2], "y_val": y[::2]},
            {"X_val": X[::2], "y_val": y[::2], "sample_weight_val": w[::2] ** 4},
        ),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_fit_parameters_is_complete(kind):
    names = set(inspect.signature(kind.fit).parameters) - {"self", "X", "y"}
    assert names == given().keys()


@pytest.mark.parametrize("name", given())
@pytest.mark.parametrize("kind", KINDS)
def test_every_fit_parameter_changes_the_fit(kind, name):
    X, y = iris()
    one, two = (
        make(kind, **EARLY | {"max_iter": 60, "learning_rate": 0.3}).fit(X, y, **params) for params in given()[name]
    )
    assert weights(one) != weights(two)


@pytest.mark.parametrize("kind", KINDS)
def test_every_partial_fit_parameter_changes_the_fit(kind):
    X, y = iris()
    assert set(inspect.signature(kind.partial_fit).parameters) - {"self", "X", "y"} == {"classes", "sample_weight"}
    plain = make(kind).partial_fit(X, y, classes=[0, 1, 2])
    weighted = make(kind).partial_fit(X, y, classes=[0, 1, 2], sample_weight=np.linspace(0.5, 2, len(y)))
    assert weights(plain) != weights(weighted)
    assert make(kind).partial_fit(X, y, classes=[0, 1, 2, 3]).predict_proba(X).shape == (len(y), 4)


# ---------------------------------------------------------------- parameters of the objects

# class.parameter: (another value than the default, what else must be set, on the object and on the classifier)
OBJECT_CHANGES = {
    "LeakyRelu.slope": (0.3, {}, {}),
    "Elu.slope": (0.5, {}, {}),
    "LogLoss.label_smoothing": (0.2, {}, {}),
    "InvScaling.power": (1.0, {}, {}),
    "Adaptive.divide_by": (2.0, {"patience": 1}, {"learning_rate": 1.0}),
    "Adaptive.patience": (1, {}, {"learning_rate": 1.0}),
    "OneCycle.peak": (0.5, {}, {}),
    "OneCycle.start": (0.5, {}, {}),
    "SGD.momentum": (0.9, {}, {}),
    "SGD.nesterov": (True, {"momentum": 0.5}, {}),
    "RMSprop.rho": (0.5, {}, {}),
    "Adam.beta_1": (0.5, {}, {}),
    "Adam.beta_2": (0.5, {}, {}),
    "AdamW.weight_decay": (0.5, {}, {}),
    "AdamW.beta_1": (0.5, {}, {}),
    "AdamW.beta_2": (0.5, {}, {}),
    "LBFGS.memory": (1, {}, {"batch_size": "full", "max_iter": 20}),
    "LBFGS.gtol": (1e-2, {}, {"batch_size": "full", "max_iter": 200, "alpha": 0.1}),
    "LBFGS.ftol": (1e-2, {}, {"batch_size": "full", "max_iter": 200, "alpha": 0.1}),
    "Normal.scale": (0.5, {"scale": 0.1}, {}),
}
ANY_CLASS = {"epsilon": (1e-2, {}, {}), "max_grad_norm": (0.01, {}, {})}
FAMILIES = {
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "solver": SOLVERS,
    "weight_init": INITIALIZERS,
    "schedule": SCHEDULES,
}


def object_parameters():
    """Return (classifier parameter, class, its parameter) for all that are registered, and for Normal."""
    found = {("weight_init", Normal, "scale")}
    for family, registry in FAMILIES.items():
        for make_one in registry.values():
            kind = type(make_one())
            found |= {(family, kind, name) for name in getattr(make_one(), "get_params", dict)()}
    return sorted(found, key=lambda row: (row[0], row[1].__name__, row[2]))


@pytest.mark.parametrize(("family", "kind", "name"), object_parameters())
def test_every_parameter_of_an_object_changes_the_fit(family, kind, name):
    X, y = iris()
    value, own, setting = OBJECT_CHANGES.get(f"{kind.__name__}.{name}") or ANY_CLASS[name]
    one = make(TwoLayerClassifier, **setting | {family: kind(**own)})
    two = make(TwoLayerClassifier, **setting | {family: kind(**(own | {name: value}))})
    assert weights(one.fit(X, y)) != weights(two.fit(X, y))
    reached = clone(one).set_params(**{f"{family}__{name}": value})
    assert weights(reached.fit(X, y)) == weights(two)
    assert weights(one.fit(X, y)) != weights(two)  # the clone's object was its own


@pytest.mark.parametrize("family", FAMILIES)
def test_every_registered_name_gives_a_fit_of_its_own(family):
    X, y = iris()
    fits = {}
    for name in FAMILIES[family]:
        setting = {"batch_size": "full"} if name == "lbfgs" else {}
        if family == "schedule":
            setting = {"learning_rate": 1.0, "max_iter": 40}  # the loss must rise at times for "adaptive" to act
        clf = make(TwoLayerClassifier, **setting | {family: name}).fit(X, y)
        fits.setdefault(str(weights(clf)), []).append(name)
    aliases = [names for names in fits.values() if len(names) > 1]
    assert all(len({type(FAMILIES[family][name]()) for name in names}) == 1 for names in aliases)
