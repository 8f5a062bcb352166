"""scikit-learn's own checks, with the defaults and with one option at a time."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS, LeakyRelu
from skbackprop.initializers import INITIALIZERS, Normal
from skbackprop.losses import LOSSES, LogLoss
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SGD, SOLVERS, Adam, AdamW, RMSprop

# Mini-batches smaller than the 27 samples of these two cannot make weights equal to repeated samples, nor can dropout:
# the batches, and the masks, are other ones. test_weights_are_repeated_rows_in_expectation stands in for them.
WEIGHTS_ARE_REPEATED_ROWS = {
    "check_sample_weight_equivalence_on_dense_data": "batches smaller than the table, or dropout",
    "check_sample_weight_equivalence_on_sparse_data": "batches smaller than the table, or dropout",
}


def uniform(rng, fan_in, fan_out):
    return rng.uniform(-0.5, 0.5, (fan_in, fan_out))


def linear(progress):
    return 1.0 - progress


# One option at a time, on a network small enough to be quick.
QUICK = {"max_iter": 20, "learning_rate": 0.02, "random_state": 0}
VARIANTS = {
    "batch_size=1": {"batch_size": 1, "max_iter": 2, "early_stopping": False},  # "auto" would train 1000 epochs
    "batch_size=32": {"batch_size": 32},
    "batch_size=full": {"batch_size": "full", "learning_rate": 0.1},
    "class_weight=balanced": {"class_weight": "balanced"},
    "early_stopping": {"early_stopping": True},
    "early_stopping=False": {"early_stopping": False},
    "early_stopping on accuracy": {"early_stopping": True, "scoring": "accuracy"},
    "dropout": {"dropout": 0.2},
    "n_iter_no_change=None": {"n_iter_no_change": None},
    "shuffle=False": {"shuffle": False},
    "label_smoothing": {"loss": LogLoss(label_smoothing=0.1)},
    "alpha=0": {"alpha": 0.0},
    "activation=LeakyRelu(0.3)": {"activation": LeakyRelu(0.3)},
    "weight_init=Normal(0.5)": {"weight_init": Normal(0.5)},
    "weight_init=function": {"weight_init": uniform},
    "schedule=function": {"schedule": linear},
    "momentum": {"solver": SGD(momentum=0.9, nesterov=True), "learning_rate": "auto"},  # follows the features' scale
}
VARIANTS |= {f"solver={name}": {"solver": name, "learning_rate": "auto", "max_iter": 50} for name in SOLVERS}
VARIANTS |= {
    f"{type(solver).__name__}(max_grad_norm=1)": {"solver": solver}
    for solver in [
        SGD(max_grad_norm=1.0),
        Adam(max_grad_norm=1.0),
        AdamW(max_grad_norm=1.0),
        RMSprop(max_grad_norm=1.0),
    ]
}
VARIANTS |= {f"loss={name}": {"loss": name} for name in LOSSES}
VARIANTS |= {f"activation={name}": {"activation": name} for name in ACTIVATIONS}
VARIANTS |= {f"schedule={name}": {"schedule": name} for name in SCHEDULES}
VARIANTS |= {f"weight_init={name}": {"weight_init": name} for name in INITIALIZERS}

CASES = {"TwoLayerClassifier": TwoLayerClassifier(), "BackpropClassifier": BackpropClassifier()}
CASES |= {f"TwoLayerClassifier, {v}": TwoLayerClassifier(16, **QUICK | options) for v, options in VARIANTS.items()}
CASES |= {f"BackpropClassifier, {v}": BackpropClassifier((16,), **QUICK | options) for v, options in VARIANTS.items()}
CASES |= {
    "BackpropClassifier, two hidden layers": BackpropClassifier((16, 8), **QUICK),
    "BackpropClassifier, an activation per layer": BackpropClassifier((16, 8), activation=["relu", "tanh"], **QUICK),
    # Some of the checks do not scale the features, and leave a search few epochs.
    "BackpropClassifier, no hidden layer": BackpropClassifier((), **QUICK | {"learning_rate": 0.05}),
    "BackpropClassifier, no hidden layer, lbfgs": BackpropClassifier((), **QUICK | {"solver": "lbfgs"}),
}


def may_fail(clf):
    """Return the checks that cannot pass, with the reason: none with the defaults."""
    small_batches = isinstance(clf.batch_size, int) and clf.batch_size < 27
    return WEIGHTS_ARE_REPEATED_ROWS if small_batches or clf.dropout else {}


# The checks fit ten rows for few epochs, some with features around 100: both warnings are right there.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:early_stopping watches the training loss:UserWarning")
@pytest.mark.parametrize("clf", CASES.values(), ids=CASES)
def test_check_estimator(clf):
    results = check_estimator(clf, on_fail=None, on_skip=None, expected_failed_checks=may_fail(clf))
    failed = {result["check_name"]: repr(result["exception"]) for result in results if result["status"] == "failed"}
    assert failed == {}
    expected = {result["check_name"] for result in results if result["status"] == "xfail"}
    assert expected <= set(may_fail(clf))
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert skipped == set()  # conftest.py sees to it that those of the array API run
    assert sum(result["status"] == "passed" for result in results) > 50


def test_nothing_may_fail_with_the_defaults():
    assert may_fail(TwoLayerClassifier()) == may_fail(BackpropClassifier()) == {}


STAND_INS = {
    "batch_size=1": {"batch_size": 1, "learning_rate": 0.01},
    "batch_size=4": {"batch_size": 4, "learning_rate": 0.03},
    "dropout": {"batch_size": "full", "dropout": 0.3, "learning_rate": 0.3},
}


@pytest.mark.parametrize("options", STAND_INS.values(), ids=STAND_INS)
def test_weights_are_repeated_rows_in_expectation(options):
    X, y = load_iris(return_X_y=True)
    rng = np.random.RandomState(0)
    rows = rng.permutation(np.arange(50, 150))[:15]  # of the two species that overlap
    X, y, w = scale(X)[rows], y[rows], rng.randint(0, 6, 15)
    assert w.min() == 0

    def mean_logits(X_fit, y_fit, sample_weight, max_iter):
        fits = [
            TwoLayerClassifier(
                4,
                activation="tanh",
                solver="sgd",
                alpha=1e-3,
                max_iter=max_iter,
                early_stopping=False,
                n_iter_no_change=None,
                random_state=seed,
                **options,
            ).fit(X_fit, y_fit, sample_weight)
            for seed in range(25)
        ]
        return np.mean([clf.decision_function(X) for clf in fits], axis=0)

    # As many epochs as the other table has samples that count: both see as many, and make as many updates.
    many, few = (40, 40) if options["batch_size"] == "full" else (int(w.sum()), int((w > 0).sum()))
    weighted = mean_logits(X, y, w, many)
    repeated = mean_logits(X.repeat(w, axis=0), y.repeat(w), None, few)
    unweighted = mean_logits(X, y, None, many)
    assert np.abs(weighted - repeated).max() < 0.1 * np.abs(weighted - unweighted).max()
