"""
One sample, step by step; then 30 → 10 → 1, and a leak
======================================================

A notebook takes a single sample through a network of two hidden units, forward, loss, backward and update, and then
trains 30 → 10 → 1 units on the breast cancer table. Here is the same by :class:`~skbackprop.Network` and
:func:`~skbackprop.explain_step`, its printed numbers beside ours; and a look at what scaling before splitting, as it
does, lets slip.
"""

# %%
# The network, with the weights of the notebook
# ---------------------------------------------
#
# All weights and biases are drawn from seed 1. The notebook keeps W as (units, features), so it is transposed here.

# sphinx_gallery_capture_repr = ("_repr_html_",)
import numpy as np

from skbackprop import (
    Network,
    NetworkDisplay,
    compare_gradients,
    explain_step,
)

X, Y = np.array([[0.5, 0.8]]), np.array([1])
rng = np.random.RandomState(1)
net = Network([2, 2, 1])
net.W[0], net.b[0] = rng.randn(2, 2).T, rng.randn(2)
net.W[1], net.b[1] = rng.randn(1, 2).T, rng.randn(1)
display = NetworkDisplay.from_estimator(net)

# %%
# Forward, loss, backward, update
# -------------------------------
#
# The whole step as a page: each array by its formula, one entry worked out, and beside each gradient the central
# difference of the loss. The arrow keys step forward and back.

explain_step(net, X, Y, learning_rate=0.1)

# %%
# The lines of the notebook, in NumPy, and their verdict. It keeps samples in columns, here they are in rows;
# ``compare_gradients`` reads both.

(W1, W2), (b1, b2) = net.W, net.b
Z1 = X @ W1 + b1
A1 = np.maximum(0, Z1)
Z2 = A1 @ W2 + b2
A2 = 1 / (1 + np.exp(-Z2))
dZ2 = A2 - Y
dA1 = dZ2 @ W2.T
dZ1 = dA1 * (Z1 > 0)
mine = {
    "Z1": Z1,
    "A1": A1,
    "Z2": Z2,
    "A2": A2,
    "dZ2": dZ2,
    "dW2": A1.T @ dZ2,
    "db2": dZ2,
    "dA1": dA1,
    "dZ1": dZ1,
}
verdict = compare_gradients(mine | {"dW1": X.T @ dZ1, "db1": dZ1}, net, X, Y)
assert verdict
verdict

# %%
# With a slip: the slope of relu is forgotten. It shows, since the second hidden unit is off for this sample.

verdict = compare_gradients(
    {"dA1": dA1, "dZ1": dA1, "dW1": X.T @ dA1, "db1": dA1}, net, X, Y
)
assert not verdict
verdict

# %%
# What the notebook prints. The loss is that before the update; it adds 1e-8 inside its logarithm, the network nothing,
# which changes the eighth digit. The output is that of after the update: the cell was run once more.

cache = net.forward(X)
loss, A2 = net.loss(cache, Y), cache.A[2][0, 0]
net.update(net.backward(cache, Y), learning_rate=0.1)
output = net.forward(X).A[2][0, 0]
print(
    f"        published   ours\nloss    0.08748879  {-np.log(A2 + 1e-8):.8f} with its ε, {loss:.8f} without"
)
print(f"output  0.92135202  {output:.8f}")
assert (f"{-np.log(A2 + 1e-8):.8f}", f"{output:.8f}") == (
    "0.08748879",
    "0.92135202",
)

# %%
# On real data
# ------------
#
# Scaled on all samples before the split, as the notebook does; that is the only way to get its numbers.

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skbackprop import LossCurveDisplay, TwoLayerClassifier

X, y = load_breast_cancer(return_X_y=True)
X_scaled = StandardScaler().fit_transform(X)
X_train, X_test, y_train, y_test = train_test_split(
    X_scaled, y, test_size=0.2, random_state=42
)
params = {
    "solver": "sgd",
    "learning_rate": 0.1,
    "batch_size": "full",
    "max_iter": 1000,
    "alpha": 0.0,
}
params |= {
    "early_stopping": False,
    "n_iter_no_change": None,
    "random_state": 42,
}


def small_and_transposed(rng, fan_in, fan_out):
    """Draw weights as the notebook does: in the shape (units, inputs)."""
    return rng.standard_normal((fan_out, fan_in)).T * 0.01


clf = TwoLayerClassifier(10, weight_init=small_and_transposed, **params).fit(
    X_train, y_train
)
published = [
    0.6932,
    0.1465,
    0.0753,
    0.0622,
    0.0560,
    0.0520,
    0.0492,
    0.0468,
    0.0448,
    0.0430,
]
print("epoch | published | ours")
for epoch, loss in zip(range(0, 1000, 100), published, strict=True):
    print(f"{epoch:5} |    {loss:.4f} | {clf.loss_curve_[epoch]:.4f}")
print(
    f"test accuracy: published 99.12 %, ours {100 * clf.score(X_test, y_test):.2f} %"
)
assert np.array_equal(np.round(clf.loss_curve_[::100], 4), published)
assert f"{clf.score(X_test, y_test):.4f}" == "0.9912"
display = LossCurveDisplay.from_estimator(clf)

# %%
# Why scaling before splitting leaks
# ----------------------------------
#
# The mean and the standard deviation come from all samples, so the test set has had a hand in the training. How much
# does that bring? Here next to nothing, since 455 samples fix 30 means well enough either way.

from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

network = TwoLayerClassifier(10, weight_init=small_and_transposed, **params)
before = cross_val_score(network, X_scaled, y, cv=5, scoring="neg_log_loss")
inside = cross_val_score(
    make_pipeline(StandardScaler(), network), X, y, cv=5, scoring="neg_log_loss"
)
print(
    f"log loss, scaled before splitting {-before.mean():.4f}, in the pipeline {-inside.mean():.4f}"
)
assert abs(before.mean() - inside.mean()) < 0.1 * before.std()

# %%
# So why mind? Because the habit is the same for every step that learns from the samples, and with some of them it is a
# catastrophe. Take pure noise, 100 samples with 2,000 features and labels tossed by a coin. Select the 20 features that
# go best with the labels, *then* cross-validate: the network seems to predict four tosses of five and more. Selected
# inside the pipeline, from the training samples only, it knows what there is to know: nothing. (Ten such tables.)

import matplotlib.pyplot as plt
from sklearn.feature_selection import SelectKBest

network = TwoLayerClassifier(
    10,
    alpha=0.01,
    max_iter=15,
    n_iter_no_change=None,
    early_stopping=False,
    random_state=0,
)
leaking, honest = [], []
for seed in range(10):
    rng = np.random.default_rng(seed)
    noise, coin = rng.normal(size=(100, 2000)), rng.integers(0, 2, 100)
    selected = SelectKBest(k=20).fit_transform(noise, coin)
    leaking.append(
        cross_val_score(
            make_pipeline(StandardScaler(), network), selected, coin, cv=5
        ).mean()
    )
    inside = make_pipeline(SelectKBest(k=20), StandardScaler(), network)
    honest.append(cross_val_score(inside, noise, coin, cv=5).mean())
print(
    f"accuracy, selected before splitting {np.mean(leaking):.2f}, in the pipeline {np.mean(honest):.2f}"
)
fig, ax = plt.subplots(layout="constrained")
ax.boxplot([leaking, honest])
ax.set_xticklabels(["selected before splitting", "selected in the pipeline"])
ax.axhline(0.5, color="black", linestyle=":", label="guessing")
ax.set(
    ylabel="accuracy in cross-validation, on noise",
    ylim=(0, 1),
    title="20 of 2,000 features of noise",
)
ax.legend()

assert np.mean(leaking) > 0.8
assert abs(np.mean(honest) - 0.5) < 0.05
plt.show()
