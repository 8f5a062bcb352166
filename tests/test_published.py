"""Every number that the source documents print comes out of the public interface.

The documents are five public notebooks and articles that train such a network by hand; docs/published.md says what each
does. Their numbers are in published/numbers.json, under the number of the document. What a document prints with up to
eight digits is compared digit by digit, sixteen digits to a relative error of 1e-12 (the order of a sum is free to
change), and the long reference traces to 1e-9.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS
from skbackprop.initializers import Normal

PUBLISHED = json.loads((Path(__file__).parent / "published" / "numbers.json").read_text(encoding="utf-8"))

# Plain gradient descent on the mean loss of all rows, for a given number of epochs.
PLAIN = {
    "solver": "sgd",
    "schedule": "constant",
    "batch_size": "full",
    "alpha": 0.0,
    "dropout": 0.0,
    "early_stopping": False,
    "n_iter_no_change": None,
}


def printed(values, form):
    """Return numbers as a document prints them, so that they compare digit by digit; 0 and -0 print alike."""
    return [format(float(v) + 0.0, form) for v in np.ravel(values)]


def transposed(scale):
    """Return an initialiser for documents that keep W as (fan_out, fan_in): drawn in that shape, then transposed."""
    return lambda rng, fan_in, fan_out: rng.standard_normal((fan_out, fan_in)).T * scale(fan_in)


transposed_lecun = transposed(lambda fan_in: 1 / np.sqrt(fan_in))


def accuracy(clf, X, y):
    """Score each epoch faster than the scorer of that name, which checks its arguments thousands of times."""
    return float(np.mean(clf.predict(X) == y))


def data_file(name):
    folder = os.environ.get("SKBACKPROP_DATA")
    if not folder or not (Path(folder) / name).exists():
        pytest.skip(f"needs {name} in the folder that $SKBACKPROP_DATA names")
    return Path(folder) / name


# ---------------------------------------------------------------------- 000: breast cancer, 30 -> 16 -> 1


def breast_cancer_000():
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test


def second_draw():
    """Return RandomState(42) after one set of weights: the document's printed trace starts from the second."""
    rng = np.random.RandomState(42)
    rng.standard_normal(30 * 16 + 16)
    return rng


def classifier_000(rng):
    return TwoLayerClassifier(
        16, weight_init=Normal(0.01), learning_rate=0.05, max_iter=500, scoring=accuracy, random_state=rng, **PLAIN
    )


def test_000_loss_accuracy_and_test_accuracy():
    expected = PUBLISHED["000"]
    X_train, X_test, y_train, y_test = breast_cancer_000()
    clf = classifier_000(second_draw()).fit(X_train, y_train, X_val=X_train, y_val=y_train)
    assert printed(clf.loss_curve_[::50], ".4f") == printed(expected["loss_every_50"], ".4f")
    # the document's accuracy of an epoch is the one before its update, ours the one after it: epoch 50 is our 49
    start = Network([30, 16, 1], weight_init=Normal(0.01), random_state=second_draw())
    accuracy_0 = np.mean((start.forward(X_train).A[-1][:, 0] > 0.5) == y_train)
    accuracies = [accuracy_0, *clf.validation_scores_[49::50]][:10]
    assert printed(accuracies, ".4f") == printed(expected["train_accuracy_every_50"], ".4f")
    assert clf.score(X_test, y_test) == expected["test_accuracy"]


def test_000_stepped_by_hand():
    expected = PUBLISHED["000"]
    X_train, X_test, y_train, y_test = breast_cancer_000()
    net = Network([30, 16, 1], weight_init=Normal(0.01), random_state=second_draw())
    losses, accuracies = [], []
    for _ in range(500):
        cache = net.forward(X_train)
        losses.append(net.loss(cache, y_train))
        accuracies.append(np.mean((cache.A[-1][:, 0] > 0.5) == y_train))
        net.update(net.backward(cache, y_train), learning_rate=0.05)
    assert printed(losses[::50], ".4f") == printed(expected["loss_every_50"], ".4f")
    assert printed(accuracies[::50], ".4f") == printed(expected["train_accuracy_every_50"], ".4f")
    assert np.mean((net.forward(X_test).A[-1][:, 0] > 0.5) == y_test) == expected["test_accuracy"]


def test_000_with_the_first_draw():
    expected = PUBLISHED["000"]["first_draw"]
    X_train, X_test, y_train, y_test = breast_cancer_000()
    clf = classifier_000(42).fit(X_train, y_train)
    assert printed(clf.loss_curve_[:150:50], ".4f") == printed(expected["loss_every_50"], ".4f")
    assert printed([clf.score(X_test, y_test)], ".5f") == printed([expected["test_accuracy"]], ".5f")


# ---------------------------------------------------------------------- 001: Wisconsin original, 9 -> 15 -> 1


def test_001_reference_trace():
    expected = PUBLISHED["001"]
    table = pd.read_csv(data_file("breast_cancer_original.csv.gz")).dropna()
    assert len(table) == expected["n_rows"]
    X, y = table.drop(columns="target"), table["target"]  # 2 is benign, 4 malignant
    scaler = MinMaxScaler().fit(X[:500])
    X_train, X_val = scaler.transform(X[:500]), scaler.transform(X[500:])
    assert len(X_val) == expected["n_validation"]
    clf = TwoLayerClassifier(
        15, weight_init=transposed_lecun, learning_rate=0.003, max_iter=15_000, random_state=1, **PLAIN
    ).fit(X_train, y[:500])
    np.testing.assert_allclose(clf.loss_curve_[::500], expected["loss_every_500"], rtol=1e-9, atol=0)
    assert clf.score(X_train, y[:500]) == expected["train_accuracy"]
    assert clf.score(X_val, y[500:]) == expected["validation_accuracy"]


# ---------------------------------------------------------------------- 002: one sample, then breast cancer


def test_002_one_sample():
    expected = PUBLISHED["002"]
    rng = np.random.RandomState(1)
    net = Network([2, 2, 1])
    net.W[0][...] = rng.standard_normal((2, 2)).T
    net.b[0][...] = rng.standard_normal(2)
    net.W[1][...] = rng.standard_normal((1, 2)).T
    net.b[1][...] = rng.standard_normal(1)
    X, y = np.array([[0.5, 0.8]]), np.array([1.0])
    cache = net.forward(X)
    A2 = cache.A[-1].copy()
    assert printed(A2, ".8f") == printed([expected["output"]], ".8f")
    assert printed(-np.log(A2 + 1e-8), ".8f") == printed([expected["loss"]], ".8f")
    np.testing.assert_allclose(net.loss(cache, y), -np.log(A2[0, 0]), rtol=1e-12, atol=0)  # the network's own has no ε
    # the printed output is that of the cell run again, after the update
    net.update(net.backward(cache, y), learning_rate=0.1)
    assert printed(net.forward(X).A[-1], ".8f") == printed([expected["output_after_one_update"]], ".8f")


def test_002_breast_cancer():
    expected = PUBLISHED["002"]
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)  # on all rows, as the document does
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
    clf = TwoLayerClassifier(
        10,
        weight_init=transposed(lambda fan_in: 0.01),
        learning_rate=0.1,
        max_iter=1000,
        random_state=42,
        **PLAIN,
    ).fit(X_train, y_train)
    assert printed(clf.loss_curve_[::100], ".4f") == printed(expected["loss_every_100"], ".4f")
    assert printed([100 * clf.score(X_test, y_test)], ".2f") == printed([expected["test_accuracy_percent"]], ".2f")


# ---------------------------------------------------------------------- 003: two blobs, 2 -> 8 -> 4 -> 1, all sigmoid


def test_003_three_layers():
    expected = PUBLISHED["003"]
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal([-1, -1], 0.5, (100, 2)), rng.normal([1, 1], 0.5, (100, 2))])
    y = np.repeat([0, 1], 100)
    clf = BackpropClassifier(
        (8, 4),
        activation="sigmoid",
        # the weights come from the generator that drew the data
        weight_init=lambda _, fan_in, fan_out: rng.normal(0, 1, (fan_in, fan_out)) * 0.3,
        learning_rate=0.1 * len(y),  # the document sums the gradient over the rows
        max_iter=2000,
        scoring=accuracy,
        **PLAIN,
    ).fit(X, y, X_val=X, y_val=y)
    # it prints after epochs 400, 800, … what it met in them, before their update
    assert printed(clf.loss_curve_[399::400], ".4f") == printed(expected["loss_every_400"], ".4f")
    assert printed(clf.validation_scores_[398::400], ".3f") == printed(expected["accuracy_every_400"], ".3f")


# ---------------------------------------------------------------------- 004: squared error, sigmoid on both layers


def network_004(rng, n_hidden=10, n_features=2):
    return Network(
        [n_features, n_hidden, 1],
        activation="sigmoid",
        loss="squared_error",
        weight_init=transposed_lecun,
        random_state=rng,
    )


@pytest.fixture
def exercises():
    """Return X, Y (real-valued targets), the network at its start, and the stream that goes on from there."""
    rng = np.random.RandomState(1)
    X, Y = rng.standard_normal((2, 3)).T, rng.standard_normal((1, 3)).T
    return X, Y, network_004(rng), rng


def assert_tables(parameters, expected):
    """Compare with printed tables of (fan_out, fan_in) weights and (fan_out, 1) biases."""
    for letter, arrays in (("W", parameters.W), ("b", parameters.b)):
        for l, array in enumerate(arrays, start=1):
            # NumPy prints eight decimals, those of the mantissa where an array holds a number below 1e-4
            table = np.array(expected[f"{letter}{l}"])
            form = ".8e" if 0 < np.abs(table).min() < 1e-4 else ".8f"
            ours = array.T if letter == "W" else array[:, np.newaxis]
            assert ours.shape == table.shape
            assert printed(ours, form) == printed(table, form), f"{letter}{l}"


def test_004_sigmoid_and_its_derivative():
    Z = np.linspace(-5, 5, 10)
    sigmoid = ACTIVATIONS["sigmoid"]()
    A = sigmoid.value(Z, np.empty(10))
    assert printed(A, ".8f") == printed(PUBLISHED["004"]["sigmoid"], ".8f")
    slope = sigmoid.derivative(Z, A, np.empty(10))
    assert printed(slope, ".8f") == printed(PUBLISHED["004"]["sigmoid_derivative"], ".8f")


def test_004_initial_parameters(exercises):
    _, _, net, _ = exercises
    assert_tables(net, PUBLISHED["004"]["initial"])


def test_004_forward_and_cost(exercises):
    X, Y, net, _ = exercises
    cache = net.forward(X)
    arrays = {"Z1": cache.Z[0], "A1": cache.A[1], "Z2": cache.Z[1], "A2": cache.A[2]}
    for name, mean in PUBLISHED["004"]["means"].items():
        np.testing.assert_allclose(arrays[name].mean(), mean, rtol=1e-12, atol=0, err_msg=name)
    np.testing.assert_allclose(net.loss(cache, Y), PUBLISHED["004"]["cost"], rtol=1e-12, atol=0)


def test_004_gradients_and_update(exercises):
    X, Y, net, _ = exercises
    grads = net.backward(net.forward(X), Y)
    assert_tables(grads, PUBLISHED["004"]["gradients"])
    net.update(grads, learning_rate=0.01)
    assert_tables(net, PUBLISHED["004"]["updated"])


def test_004_ten_losses(exercises):
    X, Y, _, rng = exercises
    net = network_004(rng)  # drawn again, further down the same stream
    losses = []
    for _ in range(10):
        loss, grads = net.objective(X, Y)
        losses.append(loss)
        net.update(grads, learning_rate=0.01)
    np.testing.assert_allclose(losses, PUBLISHED["004"]["losses"], rtol=1e-12, atol=0)


# ---------------------------------------------------------------------- 004 on MNIST, digits 0 and 1, 784 -> 10 -> 1


@pytest.fixture(scope="module")
def zeros_and_ones():
    with np.load(data_file("mnist10k.npz")) as mnist:
        chosen = mnist["y"] < 2
        return mnist["X"][chosen] / 255.0, mnist["y"][chosen]


def classifier_004(learning_rate, max_iter, rng):
    return TwoLayerClassifier(
        10,
        activation="sigmoid",
        loss="squared_error",
        weight_init=transposed_lecun,
        learning_rate=learning_rate,
        max_iter=max_iter,
        random_state=rng,
        **PLAIN,
    )


def test_004_mnist_ten_epochs(zeros_and_ones):
    X, y = zeros_and_ones
    assert X.shape == (PUBLISHED["004_mnist"]["n_images"], 784)
    clf = classifier_004(0.01, 10, 1).fit(X, y)
    np.testing.assert_allclose(clf.loss_curve_, PUBLISHED["004_mnist"]["loss"], rtol=1e-9, atol=0)


def test_004_mnist_trained(zeros_and_ones):
    X, y = zeros_and_ones
    clf = classifier_004(1.0, 500, 1).fit(X, y)
    np.testing.assert_allclose(
        clf.loss_curve_[::50], PUBLISHED["004_mnist"]["trained_loss_every_50"], rtol=1e-9, atol=0
    )
    assert clf.score(X, y) == PUBLISHED["004_mnist"]["trained_accuracy"]


# a network that answers every row alike may well be warned of: here that is the published result
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_004_mnist_from_the_documents_own_start(zeros_and_ones, exercises):
    """The document trains on other images, but after ten small steps still gives every one of these the same answer."""
    X, y = zeros_and_ones
    _, _, _, rng = exercises
    network_004(rng)  # the exercises' second network
    rng.choice(12_665, size=5, replace=False)  # five images to look at
    clf = classifier_004(0.01, 10, rng).fit(X, y)
    assert np.unique(clf.predict(X)).tolist() == [1]
    assert clf.score(X, y) == PUBLISHED["004_mnist"]["constant_answer_accuracy"]
    # the mean loss on its training images, of which nearly the same share are ones
    np.testing.assert_allclose(clf.loss_curve_, PUBLISHED["004_mnist"]["training_image_losses"], rtol=0.01)
