"""
A homework, exercise by exercise
================================

A course's homework builds a network with sigmoid units and the square loss out of ten exercises, trains it on the
handwritten zeros and ones of MNIST, and prints a table at every step. Here is each exercise on the public interface,
its printed numbers beside ours; then why its network, after ten epochs, predicts the same for every image, and what
enough training does.

MNIST is not part of scikit-learn. This example looks into the folder given by ``--data`` or ``$SKBACKPROP_DATA``:
with the official training images (``mnist.npz`` as Keras keeps it, or ``train-images-idx3-ubyte.gz`` and
``train-labels-idx1-ubyte.gz``) the homework's own losses and accuracies are checked; with ``mnist10k.npz``, the
10,000 test images, it goes the same way with other numbers; with neither, it takes scikit-learn's small digits.
"""

import argparse
import gzip
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skbackprop import Network, TwoLayerClassifier
from skbackprop.activations import ACTIVATIONS

parser = argparse.ArgumentParser()
parser.add_argument("--data", default=os.environ.get("SKBACKPROP_DATA", ""), help="folder with MNIST")
folder = Path(parser.parse_args().data)


def compare(name, published, ours):
    """Print what the homework prints beside what we get, and whether all of its eight digits agree."""
    published, ours = np.ravel(published), np.ravel(ours)
    agree = np.allclose(published, ours, rtol=0, atol=0.51 * 10.0**-8)
    print(f"{name}: published {published[0]:.8f} …, ours {ours[0]:.8f} …, all {len(published)} agree: {agree}")


# %%
# Exercises 1 and 2: sizes, and random weights
# --------------------------------------------
#
# X has three samples of two features, and the targets are real numbers. The homework keeps samples in columns and W as
# (units, inputs); here both are the other way round, so what is drawn in its shape is transposed.

rng = np.random.RandomState(1)
X, Y = rng.randn(2, 3).T, rng.randn(1, 3).T


def homework_weights(rng, fan_in, fan_out):
    """Draw in the homework's shape, with a standard deviation of 1/√fan_in."""
    return rng.standard_normal((fan_out, fan_in)).T / np.sqrt(fan_in)


def homework_network(rng):
    """Return a network of 2 → 10 → 1 units, the next draw of the stream."""
    return Network(
        [2, 10, 1], activation="sigmoid", loss="squared_error", weight_init=homework_weights, random_state=rng
    )


net = homework_network(rng)
print("n_x, n_h, n_y:", *net.layer_sizes)
compare("first column of W1", [-0.17633148, -1.45673947, -0.27156744, -0.77774057, -0.62073964,
                               0.41211259, 0.8094419, 0.35531715, -0.48346861, -0.66168891], net.W[0][0])  # fmt: skip
compare("W2", [0.16771312, -0.21872233, -0.12546448, -0.21730309, -0.26727749, -0.21226666, -0.0040049,
               -0.35332456, 0.07412875, 0.52487553], net.W[1])  # fmt: skip

# %%
# Exercise 3: the sigmoid and its derivative
# ------------------------------------------

z = np.linspace(-5, 5, 10)
sigmoid = ACTIVATIONS["sigmoid"]()
a = sigmoid.value(z, np.empty(10))
slope = sigmoid.derivative(z, a, np.empty(10))
compare("sigmoid", [0.00669285, 0.02005754, 0.0585369, 0.1588691, 0.36457644, 0.63542356, 0.8411309, 0.9414631,
                    0.97994246, 0.99330715], a)  # fmt: skip
compare("derivative", [0.00664806, 0.01965523, 0.05511033, 0.13362971, 0.23166046, 0.23166046, 0.13362971,
                       0.05511033, 0.01965523, 0.00664806], slope)  # fmt: skip

# %%
# Exercises 4 and 5: forward, and the cost
# ----------------------------------------

cache = net.forward(X)
for name, published, ours in (
    ("mean of Z1", -0.19151237249896635, cache.Z[0].mean()),
    ("mean of A1", 0.4688525159515502, cache.A[1].mean()),
    ("mean of Z2", -0.3118444809339782, cache.Z[1].mean()),
    ("mean of A2", 0.42266909957970195, cache.A[2].mean()),
    ("cost      ", 0.5239053069310721, net.loss(cache, Y)),
):
    print(f"{name}: published {published!r}, ours {float(ours)!r}")

# %%
# Exercise 6: backpropagation
# ---------------------------

grads = net.backward(cache, Y)
compare("dW1", [[-0.00664941, 0.00551946], [0.00666033, -0.00568816], [0.00529232, -0.00427319],
                [0.01028577, -0.00799248], [0.01305662, -0.0099341], [0.008174, -0.0066037],
                [0.00021912, -0.00017832], [0.02062341, -0.01630933], [-0.004029, 0.00306173],
                [-0.02714012, 0.02102039]], grads.W[0].T)  # fmt: skip
compare("db1", [4.00223279e-04, -2.71719312e-03, -3.78546949e-04, -1.13124221e-03, -1.15711387e-03,
                -9.91044386e-04, -1.93340979e-06, 8.46922963e-04, 1.30854178e-04, 1.60536914e-03],
        grads.b[0])  # fmt: skip
compare("dW2", [0.04935606, 0.05904166, 0.04547199, 0.0361181, 0.03417343, -0.05364016, -0.01991294,
                0.00616847, 0.02248469, 0.02777064], grads.W[1])  # fmt: skip
compare("db2", [-0.0032622], grads.b[1])

# %%
# Exercise 7: update
# ------------------

net.update(grads, learning_rate=0.01)
compare("W1", [[-0.17626499, 1.03381124], [-1.45680607, -0.22792651], [-0.27162036, 0.80173879],
               [-0.77784343, -0.12184523], [-0.62087021, 0.02994897], [0.41203085, -0.77818925],
               [0.80943971, 0.6375227], [0.35511092, 0.63716444], [-0.48342832, -0.08692713],
               [-0.66141751, -0.18963568]], net.W[0].T)  # fmt: skip
compare("W2", [0.16721956, -0.21931275, -0.1259192, -0.21766427, -0.26761923, -0.21173026, -0.00380577,
               -0.35338624, 0.07390391, 0.52459783], net.W[1])  # fmt: skip
compare("b2", [3.262196e-05], net.b[1])

# %%
# Exercise 8: the training loop
# -----------------------------
#
# New weights, the next of the stream, and ten epochs.

net = homework_network(rng)
published = [0.5413416581298806, 0.5411639794561593, 0.5409863314471564, 0.540808715111546, 0.5406311314554088,
             0.5404535814821864, 0.5402760661926396, 0.5400985865848044, 0.5399211436539499,
             0.5397437383925353]  # fmt: skip
for epoch, printed in enumerate(published):
    cache = net.forward(X)
    print(f"epoch {epoch}: published {printed!r}, ours {net.loss(cache, Y)!r}")
    net.update(net.backward(cache, Y), learning_rate=0.01)

# %%
# Zeros and ones
# --------------


def read_idx(file, header):
    """Return the bytes of one of the official files after its header."""
    return np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header)


def read_digits():
    """Return the images as samples with features in [0, 1], the digits, and what they are."""
    if (folder / "mnist.npz").is_file():
        with np.load(folder / "mnist.npz") as data:
            return data["x_train"].reshape(len(data["x_train"]), -1) / 255.0, data["y_train"], "MNIST, training images"
    if (folder / "train-images-idx3-ubyte.gz").is_file():
        images = read_idx(folder / "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)
        return images / 255.0, read_idx(folder / "train-labels-idx1-ubyte.gz", 8), "MNIST, training images"
    if (folder / "mnist10k.npz").is_file():
        with np.load(folder / "mnist10k.npz") as data:
            return data["X"] / 255.0, data["y"], "MNIST, test images"
    X, y = load_digits(return_X_y=True)
    return X / 16.0, y, "scikit-learn's digits"


images, digits, source = read_digits()
chosen = digits < 2
X, y = images[chosen], digits[chosen]
side = int(np.sqrt(X.shape[1]))
is_official = X.shape == (12665, 784)
print(f"{source}: {len(X)} zeros and ones of {side} × {side} pixels")

# %%
# Five of them. The homework draws five of 12,665 numbers here, and the stream of its weights goes on from there.

fig, axes = plt.subplots(1, 5, figsize=(10, 2))
for ax, i in zip(axes, rng.choice(12_665, size=5, replace=False) % len(X), strict=True):
    ax.imshow(X[i].reshape(side, side), cmap="gray")
    ax.set(title=f"Label: {y[i]}")
    ax.axis("off")

# %%
# Ten epochs at rate 0.01
# -----------------------

params = {"activation": "sigmoid", "loss": "squared_error", "weight_init": homework_weights, "solver": "sgd"}
params |= {"batch_size": "full", "alpha": 0.0, "early_stopping": False, "n_iter_no_change": None}


def train(hidden_units, learning_rate, max_iter, random_state):
    """Return a classifier trained as in the homework; that all its predictions are the same is what is to be shown."""
    clf = TwoLayerClassifier(
        hidden_units, learning_rate=learning_rate, max_iter=max_iter, random_state=random_state, **params
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clf.fit(X, y)


published = [0.15423868236507246, 0.1538372075502308, 0.1534339482553399, 0.15302893320861544, 0.15262219214320855,
             0.15221375579440194, 0.15180365589554054, 0.15139192517266983, 0.15097859733785732,
             0.1505637070811758]  # fmt: skip
start = rng.get_state()


def homework_stream():
    """Return the homework's stream of random numbers as it stands here."""
    stream = np.random.RandomState()
    stream.set_state(start)
    return stream


barely = train(10, 0.01, 10, homework_stream())
for epoch in (0, 9):
    print(f"epoch {epoch}: published (official images) {published[epoch]:.8f}, ours {barely.loss_curve_[epoch]:.8f}")
if is_official:
    print("all ten agree:", np.allclose(barely.loss_curve_, published, rtol=1e-9, atol=0))
predicted = np.unique(barely.predict(X))
print(f"classes predicted: {predicted}, accuracy {barely.score(X, y):.4f}, share of ones {y.mean():.4f}")

# %%
# The eleven sizes
# ----------------
#
# The homework's last exercise prints the accuracy of networks of 5 to 100 units: each time 0.4677 or 0.5323, the share
# of zeros or of ones. Its networks predict one class for all images, and which one depends on the initial weights.
# Ours, from seed 1 and on the images at hand, are no better: some predict one class, and where the outputs of an
# untrained network happen to lie around 1/2, some images fall on one side and some on the other, rightly or wrongly.

sizes = [5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
published = [0.4677, 0.4677, 0.4677, 0.5323, 0.5323, 0.4677, 0.5323, 0.5323, 0.4677, 0.5323, 0.5323]
rng = np.random.RandomState(1)
print("units | published (official images) | ours | classes predicted")
for n_h, accuracy in zip(sizes, published, strict=True):
    clf = train(n_h, 0.01, 10, rng)
    print(f"{n_h:5} | {accuracy:.4f} | {clf.score(X, y):.4f} | {np.unique(clf.predict(X))}")

# %%
# Why one class for all?
# ----------------------
#
# Because nothing has been learned yet. On the left and in the middle, the outputs A2 of all images, before training and
# after the ten epochs: one narrow heap, on one side of 1/2, that has hardly moved. Ten steps of 0.01, with a gradient
# that carries the slopes of two sigmoids (at most 1/4 each), cannot take the classes apart, and as long as the whole
# heap is on one side, the same class is predicted for all images. On the right, from the same weights, 500 epochs at
# rate 1: two heaps.

enough = train(10, 1.0, 500, homework_stream())
untrained = Network(
    [X.shape[1], 10, 1],
    activation="sigmoid",
    loss="squared_error",
    weight_init=homework_weights,
    random_state=homework_stream(),
)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.2), sharex=True)
titles = ["untrained", "10 epochs at 0.01", "500 epochs at 1"]
for ax, A2, title in zip(
    axes,
    (untrained.forward(X).A[2][:, 0], barely.predict_proba(X)[:, 1], enough.predict_proba(X)[:, 1]),
    titles,
    strict=True,
):
    for digit in (0, 1):
        ax.hist(A2[y == digit], bins=np.linspace(0, 1, 41), alpha=0.6, label=f"digit {digit}")
    ax.axvline(0.5, color="black", linestyle=":")
    ax.set(title=title, xlabel="A2")
axes[0].legend()
fig.tight_layout()
print(f"accuracy after 500 epochs at rate 1: {enough.score(X, y):.4f}")

# %%
# The loss. Five epochs at rate 1 go about as far as five hundred at rate 0.01.

fig, ax = plt.subplots()
ax.plot(enough.loss_curve_, label="rate 1")
ax.plot(train(10, 0.01, 500, homework_stream()).loss_curve_, label="rate 0.01")
ax.set(xlabel="epoch", ylabel="squared error", yscale="log")
ax.legend()

# %%
# What the hidden units look like
# -------------------------------
#
# Each column of W1 has a weight for every pixel: an image. Red asks for a bright pixel, blue for a dark one. Much of it
# is still the noise of the start (pixels that are black in every image are never trained), but what was added to it is
# a one against the ring of a zero, or the other way round, so the change is drawn below. The title is the unit's weight
# in W2: positive speaks for a one.

order = np.argsort(enough.coefs_[1][:, 0])
fig, axes = plt.subplots(2, 10, figsize=(12, 3))
for column, unit in enumerate(order):
    start, end = untrained.W[0][:, unit], enough.coefs_[0][:, unit]
    for row, weights in enumerate((end, end - start)):
        size = np.abs(weights).max()
        axes[row, column].imshow(weights.reshape(side, side), cmap="RdBu_r", vmin=-size, vmax=size)
        axes[row, column].set(xticks=(), yticks=())
    axes[0, column].set_title(f"{enough.coefs_[1][unit, 0]:+.1f}", fontsize=9)
axes[0, 0].set_ylabel("W1")
axes[1, 0].set_ylabel("change")
fig.tight_layout()
plt.show()
