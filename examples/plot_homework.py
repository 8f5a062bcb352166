"""
Homework: a backward pass of one's own
======================================

The homework of :doc:`the lesson <../teach>` as a notebook. You write ``backward`` in NumPy; it is compared with ours,
array by array, and the first wrong one is named with the likely slip. Download the notebook at the end of this page,
and put your own lines into the second cell.
"""

# %%
# The task
# --------
#
# A network of tanh units and one sigmoid, two half moons of points, and the mean log loss:
#
# - Z1 = X W1 + b1, A1 = tanh(Z1), Z2 = A1 W2 + b2, A2 = sigmoid(Z2),
# - J = the mean over the samples of -Y log A2 - (1 - Y) log(1 - A2).
#
# Write ``backward``, which returns the gradients of J as a dictionary. Required are dW1, db1, dW2 and db2; return Z1,
# A1, dZ2, … too, and the verdict is more exact.

# sphinx_gallery_capture_repr = ("_repr_html_",)
import numpy as np
from sklearn.datasets import make_moons

from skbackprop import Network, check_gradients, compare_gradients

X, y = make_moons(200, noise=0.12, random_state=0)
Y = y.reshape(-1, 1)
net = Network([2, 8, 1], activation="tanh", weight_init="lecun", random_state=0)

# %%
# Your lines
# ----------
#
# These are those of a student who has made two slips.


def backward(X, Y, W1, b1, W2, b2):
    """Return the gradients of the mean log loss, and what leads to them."""
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    A2 = 1 / (1 + np.exp(-(A1 @ W2 + b2)))
    dZ2 = A2 - Y
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (1 - Z1**2)
    gradients = {"dW1": X.T @ dZ1, "db1": dZ1.sum(axis=0)}
    gradients |= {"dW2": A1.T @ dZ2, "db2": dZ2.sum(axis=0)}
    return gradients | {"A1": A1, "A2": A2, "dZ2": dZ2, "dA1": dA1, "dZ1": dZ1}


# %%
# The verdict
# -----------
#
# An array that is wrong only because an earlier one is "follows" from it. So begin with the first that is wrong.

(W1, W2), (b1, b2) = net.W, net.b
verdict = compare_gradients(backward(X, Y, W1, b1, W2, b2), net, X, Y)
assert not verdict
verdict

# %%
# Both lines mended:


def backward(X, Y, W1, b1, W2, b2):
    """Return the gradients of the mean log loss, and what leads to them."""
    A1 = np.tanh(X @ W1 + b1)
    A2 = 1 / (1 + np.exp(-(A1 @ W2 + b2)))
    dZ2 = (A2 - Y) / len(X)
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (1 - A1**2)
    gradients = {"dW1": X.T @ dZ1, "db1": dZ1.sum(axis=0)}
    gradients |= {"dW2": A1.T @ dZ2, "db2": dZ2.sum(axis=0)}
    return gradients | {"A1": A1, "A2": A2, "dZ2": dZ2, "dA1": dA1, "dZ1": dZ1}


verdict = compare_gradients(backward(X, Y, W1, b1, W2, b2), net, X, Y)
assert verdict
verdict

# %%
# A second opinion
# ----------------
#
# ``check_gradients`` compares a function with differences of the loss itself, (J(θ + h) - J(θ - h)) / 2h, in every
# parameter. It wants one vector in the order of ``net.theta``: W1, W2, b1, b2. A right gradient differs by less than a
# millionth.


def gradient(theta, X, Y):
    """Return the gradient as one vector."""
    W1, W2 = theta[:16].reshape(2, 8), theta[16:24].reshape(8, 1)
    d = backward(X, Y, W1, theta[24:32], W2, theta[32:])
    return np.concatenate([d[k].ravel() for k in ("dW1", "dW2", "db1", "db2")])


worst = check_gradients(net, X, Y, gradient=gradient)
print(f"largest difference {worst:.1e}, at {worst.parameter}")
assert worst < 1e-6

# %%
# Let it learn
# ------------
#
# The training loop is yours too: every assignment writes into the network.

for _ in range(3000):
    d = backward(X, Y, W1, b1, W2, b2)
    W1 -= 1.0 * d["dW1"]
    b1 -= 1.0 * d["db1"]
    W2 -= 1.0 * d["dW2"]
    b2 -= 1.0 * d["db2"]
print(f"loss {net.loss(net.forward(X), Y):.4f}, accuracy {net.score(X, y)}")
assert net.score(X, y) > 0.99

# %%
# What the network has learned: the probability on the plane.

import matplotlib.pyplot as plt

side = np.linspace(-1.5, 2.5, 100), np.linspace(-1.1, 1.6, 70)
plane = np.stack(np.meshgrid(*side), axis=-1)
P = net.predict_proba(plane.reshape(-1, 2))[:, 1].reshape(plane.shape[:2])
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
filled = ax.pcolormesh(*side, P, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.6)
fig.colorbar(filled, label="probability of class 1")
colours = np.where(y, "darkred", "navy")
ax.scatter(*X.T, c=colours, s=14, edgecolors="white", linewidths=0.5)
ax.set(xticks=(), yticks=(), aspect="equal")
plt.show()
