"""diagnose names the ailment of fits whose ailment was planted, and finds nothing in sane ones.

The tables of fits were written down before the code: for each ailment, what may be named first.
"""

import warnings
from functools import cache, partial

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_circles,
    make_classification,
    make_gaussian_quantiles,
    make_moons,
    make_multilabel_classification,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier, diagnose
from skbackprop.initializers import Normal
from skbackprop.solvers import SGD, Adam

FIRST = {  # ailment -> the names that count where it was planted
    "unscaled": {"unscaled_features"},
    "rate too high": {"rate_too_high", "diverged"},
    "rate too low": {"rate_too_low"},
    "ten epochs": {"stopped_too_soon"},
    "overfitting": {"overfitting"},
    "underfitting": {"underfitting"},
    "dead start": {"dead_units"},
    "eight layers of sigmoid": {"vanishing_gradients"},
    "start far too large": {"exploding_gradients", "saturated_units"},
    "one class in fifty": {"majority_class"},
    "too sure": {"overconfident", "overfitting"},  # weights that fit the noise make a network too sure
}


# ---------------------------------------------------------------- tables


def generated(n=600, n_features=20, n_informative=8, seed=0, **params):
    return make_classification(n, n_features, n_informative=n_informative, n_redundant=0, random_state=seed, **params)


def stretched(factor):
    """Return generated samples with one feature that is far larger than the others."""
    X, y = generated(seed=1)
    X[:, 3] *= factor
    return X, y


TABLES = {
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "iris": lambda: load_iris(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "generated": generated,
    "three classes": lambda: generated(900, n_classes=3, seed=2, n_clusters_per_class=1, class_sep=1.5),
    "one in euro cents": lambda: stretched(1e4),
    "one in nanometres": lambda: stretched(1e6),
    "moons": lambda: make_moons(500, noise=0.2, random_state=0),
    "circles": lambda: make_circles(500, noise=0.1, factor=0.5, random_state=0),
    "quantiles": lambda: make_gaussian_quantiles(n_samples=600, n_features=4, n_classes=3, random_state=0),
    "blobs": lambda: make_blobs(400, 6, centers=4, cluster_std=2.0, random_state=0),
    "sixty rows": lambda: generated(260, 30, 5, seed=3, flip_y=0.1),  # of which 60 are for training
    "a quarter flipped": lambda: generated(800, 20, 6, seed=4, flip_y=0.5),
    "three tenths flipped": lambda: generated(600, 10, 4, seed=5, flip_y=0.6),
    "98 : 2": lambda: generated(2000, 10, 2, seed=6, weights=[0.98], class_sep=0.4, flip_y=0.0),
    "97 : 3": lambda: generated(1500, 6, 3, seed=7, weights=[0.97], class_sep=0.3, flip_y=0.01),
    "95 : 3 : 2": lambda: generated(2500, 10, 4, seed=8, weights=[0.95, 0.03], n_classes=3, class_sep=0.3, flip_y=0.01),
    "labels": lambda: make_multilabel_classification(400, 20, n_classes=4, random_state=0),
}
TRAINING_ROWS = {"sixty rows": 60}


@cache
def rows(table, scaler=StandardScaler):
    """Return X, X_val, y, y_val; the scaler has seen the training rows only; None leaves them as they are."""
    X, y = TABLES[table]()
    stratify = y if y.ndim == 1 else None
    size = TRAINING_ROWS.get(table, 0.7)
    X, X_val, y, y_val = train_test_split(X, y, train_size=size, stratify=stratify, random_state=0)
    if scaler is not None:
        scaler = scaler().fit(X)
        X, X_val = scaler.transform(X), scaler.transform(X_val)
    return X, X_val, y, y_val


def two(hidden_units=100, **params):
    return TwoLayerClassifier(hidden_units, **({"random_state": 0} | params))


def deep(*sizes, **params):
    return BackpropClassifier(sizes, **({"random_state": 0} | params))


def epochs(n, **params):
    """Return parameters that train n epochs, whatever happens."""
    return {"max_iter": n, "early_stopping": False, "n_iter_no_change": None} | params


def patient(**params):
    """Return parameters that watch the training loss."""
    return {"early_stopping": False} | params


def negative(rng, fan_in, fan_out):
    """Return weights below zero: on features that are not, no relu ever fires."""
    return -np.abs(rng.standard_normal((fan_in, fan_out))) / np.sqrt(fan_in)


def momentum(mu=0.9):
    return SGD(momentum=mu)


# ---------------------------------------------------------------- fits whose ailment is known: table, scaler, network

RAW, STANDARD, UNIT = None, StandardScaler, MinMaxScaler
ABOVE_ZERO = partial(MinMaxScaler, (1, 2))  # so that units that are dead at the start stay so

PLANTED = {
    "unscaled": [
        ("breast cancer", RAW, two()),
        ("breast cancer", RAW, two(16, solver="sgd", learning_rate=0.01, **epochs(50))),
        ("breast cancer", RAW, two(activation="tanh")),
        ("wine", RAW, two()),
        ("wine", RAW, two(solver="lbfgs")),
        ("wine", RAW, two(16, solver="sgd", learning_rate=1e6, **epochs(50))),
        ("one in euro cents", RAW, deep(50, 20)),
        ("one in nanometres", RAW, two(30, activation="sigmoid", **patient())),
    ],
    "rate too high": [
        ("breast cancer", STANDARD, two(learning_rate=6.0)),
        ("digits", STANDARD, two(30, learning_rate=6.0, **epochs(30))),
        ("iris", STANDARD, two(solver="sgd", learning_rate=100.0, **epochs(50))),
        ("wine", STANDARD, two(solver=momentum(), learning_rate=100.0, **patient())),
        ("generated", STANDARD, two(learning_rate=6.0, **patient())),
        ("three classes", STANDARD, two(30, solver="sgd", learning_rate=100.0)),
        ("moons", STANDARD, two(activation="tanh", learning_rate=6.0, early_stopping=True)),
    ],
    "rate too low": [
        ("breast cancer", STANDARD, two(learning_rate=6e-6)),
        ("digits", STANDARD, two(30, learning_rate=6e-6, **epochs(20))),
        ("iris", STANDARD, two(learning_rate=6e-6, **patient())),
        ("wine", STANDARD, two(solver="sgd", learning_rate=1e-4, **epochs(200))),
        ("generated", STANDARD, two(solver=momentum(), learning_rate=1e-5, **epochs(100))),
        ("moons", STANDARD, two(activation="tanh", learning_rate=6e-6, **epochs(200))),
    ],
    "ten epochs": [
        ("breast cancer", STANDARD, two(solver="sgd", batch_size="full", **epochs(10))),
        ("digits", STANDARD, two(batch_size="full", **epochs(10))),
        ("wine", STANDARD, two(batch_size="full", max_iter=10, early_stopping=False)),
        ("iris", STANDARD, two(solver="sgd", max_iter=10)),
        ("three classes", STANDARD, two(solver="sgd", **epochs(10))),
        ("generated", STANDARD, deep(30, 30, solver="sgd", early_stopping=True, max_iter=10)),
    ],
    "overfitting": [
        ("sixty rows", STANDARD, two(500, alpha=0.0, **epochs(200))),
        ("sixty rows", STANDARD, deep(500, 500, alpha=0.0, **patient())),
        ("a quarter flipped", STANDARD, two(100, alpha=0.0, **epochs(200))),
        ("a quarter flipped", STANDARD, deep(100, 50, alpha=0.0, activation="tanh", **epochs(100))),
        ("three tenths flipped", STANDARD, two(200, alpha=0.0, solver="lbfgs", **epochs(200))),
        ("three tenths flipped", STANDARD, two(200, alpha=0.0, activation="silu", **epochs(200))),
    ],
    "underfitting": [
        ("digits", STANDARD, two(1)),
        ("quantiles", STANDARD, two(1)),
        ("circles", STANDARD, deep()),
        ("breast cancer", STANDARD, two(alpha=1.0)),
        ("generated", STANDARD, two(alpha=10.0)),
        ("moons", STANDARD, two(alpha=0.3)),
    ],
    "dead start": [
        ("breast cancer", ABOVE_ZERO, two(weight_init=negative, **epochs(50))),
        ("digits", ABOVE_ZERO, two(weight_init=negative)),
        ("wine", ABOVE_ZERO, two(weight_init=negative, **patient())),
        ("iris", ABOVE_ZERO, deep(30, 30, weight_init=negative, **epochs(50))),
    ],
    "eight layers of sigmoid": [
        ("breast cancer", STANDARD, deep(*[20] * 8, activation="sigmoid", weight_init="glorot")),
        ("digits", STANDARD, deep(*[20] * 8, activation="sigmoid", weight_init="glorot", **epochs(10))),
        ("iris", STANDARD, deep(*[10] * 8, activation="sigmoid", weight_init="glorot", **patient())),
        ("generated", STANDARD, deep(*[30] * 8, activation="sigmoid", weight_init="lecun", **epochs(30))),
    ],
    "start far too large": [
        ("breast cancer", STANDARD, deep(50, 50, 50, 50, weight_init=Normal(1.0), **epochs(30))),
        ("digits", STANDARD, deep(100, 100, 100, weight_init=Normal(1.0), **epochs(10))),
        ("generated", STANDARD, two(activation="tanh", weight_init=Normal(10.0))),
        ("iris", STANDARD, deep(50, 50, activation="sigmoid", weight_init=Normal(30.0), **epochs(50))),
    ],
    "one class in fifty": [
        ("98 : 2", STANDARD, two()),
        ("98 : 2", STANDARD, two(20, solver="sgd", early_stopping=True)),
        ("97 : 3", STANDARD, deep(30, 30)),
        ("95 : 3 : 2", STANDARD, two(50)),
    ],
    "too sure": [
        ("a quarter flipped", STANDARD, two(10, alpha=0.0, **epochs(300))),
        ("three tenths flipped", STANDARD, two(20, alpha=0.0, **epochs(300))),
        ("sixty rows", STANDARD, deep(alpha=0.0, learning_rate=0.1, **epochs(200))),
    ],
}

SANE = [
    ("iris", STANDARD, two()),
    ("iris", STANDARD, two(10, solver="lbfgs")),
    ("wine", STANDARD, two()),
    ("wine", UNIT, two(solver=momentum(), early_stopping=True)),
    ("breast cancer", STANDARD, two()),
    ("breast cancer", STANDARD, deep(30, 15, activation="tanh")),
    ("breast cancer", STANDARD, deep(solver="sgd")),
    ("breast cancer", UNIT, two(16, solver="sgd", batch_size="full", **epochs(1000, learning_rate=0.5))),
    ("digits", STANDARD, two(50)),
    ("digits", UNIT, two(50, dropout=0.2)),
    ("generated", STANDARD, two()),
    ("generated", STANDARD, two(30, activation="sigmoid", early_stopping=True)),
    ("generated", STANDARD, two(loss="squared_error")),
    ("three classes", STANDARD, two(activation="silu", schedule="cosine")),
    ("three classes", STANDARD, deep(50, 50, 50)),
    ("moons", STANDARD, two(30, activation="leaky_relu")),
    ("circles", STANDARD, deep(20, 20)),
    ("quantiles", STANDARD, two(60, activation="gelu")),
    ("blobs", STANDARD, two(solver=Adam(beta_1=0.8))),
    ("blobs", UNIT, deep(solver="lbfgs")),
    ("a quarter flipped", STANDARD, two(early_stopping=True)),
    ("98 : 2", STANDARD, two(class_weight="balanced")),
    ("labels", STANDARD, two(50)),
]


def diagnosis_of(table, scaler, clf):
    """Return what diagnose says of a fit, or of the error it ended in."""
    X, X_val, y, y_val = rows(table, scaler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return diagnose(clf.fit(X, y), X, y, X_val=X_val, y_val=y_val)
        except DivergenceError as error:
            return diagnose(error, X, y)
