"""
One sample, step by step; then 30 → 10 → 1, and a leak
======================================================

A notebook takes a single sample through a network of two hidden units, forward, loss, backward and update, and then
trains 30 → 10 → 1 units on the breast cancer table. Here is the same by :class:`~skbackprop.Network`, its printed
numbers beside ours; and a look at what scaling before splitting, as it does, lets slip.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import LossCurveDisplay, Network, TwoLayerClassifier

# %%
# The network, with the weights of the notebook
# ---------------------------------------------
#
# All weights and biases are drawn from seed 1. The notebook keeps W as (units, features), so it is transposed here.

rng = np.random.RandomState(1)
net = Network([2, 2, 1], activation="relu")
net.W[0] = rng.randn(2, 2).T
net.b[0] = rng.randn(2, 1).ravel()
net.W[1] = rng.randn(1, 2).T
net.b[1] = rng.randn(1, 1).ravel()
X, Y = np.array([[0.5, 0.8]]), np.array([[1.0]])

# %%
# Forward
# -------

cache = net.forward(X)
for name, array in (("X", cache.A[0]), ("Z1", cache.Z[0]), ("A1", cache.A[1]), ("Z2", cache.Z[1]), ("A2", cache.A[2])):
    print(f"{name:>3} {array.shape} {array.round(6)}")

# %%
# Loss
# ----
#
# The notebook adds 1e-8 inside its logarithm, the network nothing; that changes the eighth digit.

A2 = cache.A[2][0, 0]
print(f"published      0.08748879\nours, with ε   {-np.log(A2 + 1e-8):.8f}\nours           {net.loss(cache, Y):.8f}")

# %%
# Backward
# --------
#
# Each line of the notebook, and what the network has in its place.

grads = net.backward(cache, Y)
Z1, A1, W2 = cache.Z[0], cache.A[1], net.W[1]
dZ2 = cache.A[2] - Y
dW2, db2 = A1.T @ dZ2, dZ2.sum(axis=0)
dA1 = dZ2 @ W2.T
dZ1 = dA1 * (Z1 > 0)
dW1, db1 = X.T @ dZ1, dZ1.sum(axis=0)
by_hand = {"dZ2": dZ2, "dW2": dW2, "db2": db2, "dZ1": dZ1, "dW1": dW1, "db1": db1}
ours = {"dZ2": cache.dZ[1], "dW2": grads.W[1], "db2": grads.b[1]}
ours |= {"dZ1": cache.dZ[0], "dW1": grads.W[0], "db1": grads.b[0]}
for name, array in by_hand.items():
    print(f"{name} {array.shape!s:>7} equal: {np.allclose(array, ours[name])}  {ours[name].ravel().round(6)}")

# %%
# Update
# ------
#
# The output that the notebook prints is the one after the update: the cell was run once more.

net.update(grads, learning_rate=0.1)
print(f"published 0.92135202\nours      {net.forward(X).A[2][0, 0]:.8f}")

# %%
# On real data
# ------------
#
# Scaled on all samples before the split, as the notebook does; that is the only way to get its numbers.

X, y = load_breast_cancer(return_X_y=True)
X_scaled = StandardScaler().fit_transform(X)
X_train, X_test, y_train, y_test = train_test_split(X_scaled, y, test_size=0.2, random_state=42)
params = {"solver": "sgd", "learning_rate": 0.1, "batch_size": "full", "max_iter": 1000, "alpha": 0.0}
params |= {"early_stopping": False, "n_iter_no_change": None, "random_state": 42}


def small_and_transposed(rng, fan_in, fan_out):
    """Draw weights as the notebook does: in the shape (units, inputs)."""
    return rng.standard_normal((fan_out, fan_in)).T * 0.01


clf = TwoLayerClassifier(10, weight_init=small_and_transposed, **params).fit(X_train, y_train)
published = [0.6932, 0.1465, 0.0753, 0.0622, 0.0560, 0.0520, 0.0492, 0.0468, 0.0448, 0.0430]
print("epoch | published | ours")
for epoch, loss in zip(range(0, 1000, 100), published, strict=True):
    print(f"{epoch:5} |    {loss:.4f} | {clf.loss_curve_[epoch]:.4f}")
print(f"test accuracy: published 99.12 %, ours {100 * clf.score(X_test, y_test):.2f} %")
LossCurveDisplay.from_estimator(clf)

# %%
# Why scaling before splitting leaks
# ----------------------------------
#
# The mean and the standard deviation come from all samples, so the test set has had a hand in the training. How much
# does that bring? Here next to nothing, since 455 samples fix 30 means well enough either way.

network = TwoLayerClassifier(10, weight_init=small_and_transposed, **params)
before = cross_val_score(network, X_scaled, y, cv=5, scoring="neg_log_loss")
inside = cross_val_score(make_pipeline(StandardScaler(), network), X, y, cv=5, scoring="neg_log_loss")
print(f"log loss, scaled before splitting {-before.mean():.4f}, in the pipeline {-inside.mean():.4f}")

# %%
# So why mind? Because the habit is the same for every step that learns from the samples, and with some of them it is a
# catastrophe. Take pure noise, 100 samples with 2,000 features and labels tossed by a coin. Select the 20 features that
# go best with the labels, *then* cross-validate: the network seems to predict a coin. Selected inside the pipeline,
# from the training samples only, it knows what there is to know: nothing. (The mean of ten such tables.)

network = TwoLayerClassifier(10, alpha=0.01, max_iter=15, n_iter_no_change=None, early_stopping=False, random_state=0)
leaking, honest = [], []
for seed in range(10):
    rng = np.random.default_rng(seed)
    noise, coin = rng.normal(size=(100, 2000)), rng.integers(0, 2, 100)
    selected = SelectKBest(k=20).fit_transform(noise, coin)
    leaking.append(cross_val_score(make_pipeline(StandardScaler(), network), selected, coin, cv=5).mean())
    inside = make_pipeline(SelectKBest(k=20), StandardScaler(), network)
    honest.append(cross_val_score(inside, noise, coin, cv=5).mean())
print(
    f"accuracy on coin tosses: selected before splitting {np.mean(leaking):.2f}, in the pipeline {np.mean(honest):.2f}"
)
fig, ax = plt.subplots()
ax.boxplot([leaking, honest])
ax.set_xticklabels(["before splitting", "in the pipeline"])
ax.axhline(0.5, color="black", linestyle=":", label="guessing")
ax.set(ylabel="accuracy in cross-validation, on noise", ylim=(0, 1), title="20 of 2,000 features selected …")
ax.legend()
plt.show()
