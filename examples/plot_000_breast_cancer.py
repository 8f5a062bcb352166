"""
A notebook's network, and every "what happens if"
=================================================

A well-known exercise trains 30 → 16 → 1 units on scikit-learn's breast cancer table by hand, with relu, the log loss
and plain gradient descent on all samples. It prints the loss and the training accuracy every 50 epochs. Then it asks:
what happens if there are more units, a higher rate, no scaling, a penalty, no relu, ten times the epochs, or larger
weights? This example repeats the exercise cell by cell, with its printed numbers beside ours. Then it tries out each
question. Some answers are not the expected ones.
"""

# %%
# Step 1: the table
# -----------------

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True)
X_train_raw, X_test_raw, y_train, y_test = train_test_split(
    X, y, test_size=0.2, random_state=42
)
scaler = StandardScaler().fit(X_train_raw)
X_train, X_test = scaler.transform(X_train_raw), scaler.transform(X_test_raw)

# %%
# Step 2: the network
# -------------------
#
# The exercise's numbers belong to the second draw of weights from seed 42, because this cell was run twice.

from skbackprop import Network
from skbackprop.initializers import Normal

rng = np.random.RandomState(42)
for _ in range(2):
    net = Network([30, 16, 1], weight_init=Normal(0.01), random_state=rng)

# %%
# Steps 3 and 4: the functions, and the training loop
# ---------------------------------------------------
#
# There are no functions to write. The network has relu, sigmoid, the loss and their derivatives.

for epoch in range(500):
    cache = net.forward(X_train)
    if epoch % 50 == 0:
        loss, accuracy = net.loss(cache, y_train), net.score(X_train, y_train)
        print(f"Epoch {epoch} | Loss: {loss:.4f} | Train Acc: {accuracy:.4f}")
    net.update(net.backward(cache, y_train), learning_rate=0.05)

# %%
# Step 5: the test set
# --------------------

print("Test Accuracy:", net.score(X_test, y_test))

# %%
# The same in one call
# --------------------
#
# A classifier with the same settings and the same second draw trains the same network. Its ``history_`` holds the
# numbers that the loop printed. Here they stand beside those that the exercise prints.

from skbackprop import TwoLayerClassifier

plain = {
    "weight_init": Normal(0.01),
    "solver": "sgd",
    "batch_size": "full",
    "alpha": 0.0,
}
plain |= {"early_stopping": False, "n_iter_no_change": None, "random_state": 42}
rng = np.random.RandomState(42)
rng.standard_normal(30 * 16 + 16)  # the first draw
settings = plain | {"learning_rate": 0.05, "max_iter": 500}
clf = TwoLayerClassifier(16, **settings | {"random_state": rng})
clf.fit(X_train, y_train)

published = {
    0: (0.6932, 0.3714),
    50: (0.6510, 0.6330),
    100: (0.4344, 0.9341),
    150: (0.2253, 0.9560),
}
published |= {
    200: (0.1445, 0.9714),
    250: (0.1116, 0.9736),
    300: (0.0935, 0.9824),
    350: (0.0833, 0.9824),
}
published |= {400: (0.0767, 0.9824), 450: (0.0721, 0.9824)}
print("      |       loss        | training accuracy")
print("epoch | published |  ours | published |  ours")
for epoch, printed in published.items():
    ours = clf.history_["loss"][epoch], clf.history_["accuracy"][epoch]
    print(
        f"{epoch:5} |    {printed[0]:.4f} | {ours[0]:.4f} |   {printed[1]:.4f} | {ours[1]:.4f}"
    )
    assert np.array_equal(np.round(ours, 4), printed)
assert (
    clf.score(X_test, y_test) == net.score(X_test, y_test) == 0.9912280701754386
)
np.testing.assert_allclose(clf.coefs_[0], net.W[0])

# %%
# What happens if the hidden layer has 2, 4, … 128 units?
# --------------------------------------------------------
#
# "Overfitting" is the usual answer. After its 500 epochs at rate 0.05 there is none. Every network's test loss is still
# at its best, and the widest network has the lowest of all: gradient descent has not gone far enough to overfit. With
# 1,000 epochs at rate 0.5 it has, even with two units. At every size the training loss is less than a third of what it
# was, and the test loss is more than a tenth above its best value. So the training time causes the overfitting, not the
# size.

import matplotlib.pyplot as plt


def train(hidden_units=16, learning_rate=0.05, max_iter=500, **params):
    """Return a fitted classifier that has monitored the test set, which has no influence on the training."""
    clf = TwoLayerClassifier(
        hidden_units,
        **{
            **plain,
            "learning_rate": learning_rate,
            "max_iter": max_iter,
            **params,
        },
    )
    return clf.fit(X_train, y_train, X_val=X_test, y_val=y_test)


def test_loss(clf):
    """Return the log loss on the test set at the end of training, and at its best epoch."""
    return clf.history_["validation_loss"][-1], min(
        clf.history_["validation_loss"]
    )


sizes = [2, 4, 8, 16, 32, 64, 128]
short = [train(h) for h in sizes]
long = [train(h, learning_rate=0.5, max_iter=1000) for h in sizes]
fig, axes = plt.subplots(
    1, 2, figsize=(7.5, 3.6), sharey=True, layout="constrained"
)
for ax, fits, title in (
    (axes[0], short, "500 epochs at 0.05"),
    (axes[1], long, "1,000 epochs at 0.5"),
):
    ax.plot(sizes, [clf.loss_ for clf in fits], "o-", label="training loss")
    ax.plot(
        sizes,
        [test_loss(clf)[0] for clf in fits],
        "s--",
        label="test loss, at the end",
    )
    ax.plot(
        sizes,
        [test_loss(clf)[1] for clf in fits],
        "^:",
        label="test loss, at its best epoch",
    )
    ax.set(
        xscale="log",
        xticks=sizes,
        xticklabels=sizes,
        xlabel="hidden units",
        title=title,
    )
    ax.minorticks_off()
axes[0].set(ylabel="log loss", ylim=(0, None))
fig.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=3,
    fontsize="small",
)

ends, bests = np.transpose([test_loss(clf) for clf in short])
assert np.allclose(ends, bests, rtol=0.01)
assert np.argmin(ends) == len(sizes) - 1
ends, bests = np.transpose([test_loss(clf) for clf in long])
assert all(
    more.loss_ < less.loss_ / 3 for more, less in zip(long, short, strict=True)
)
assert np.all(ends > 1.1 * bests)

# %%
# What happens if the learning rate is 0.5, 5, 50?
# -------------------------------------------------
#
# "Divergence" is the usual answer. But the features are scaled and the weights are small, so it needs a very high rate.
# 0.5 is ten times faster than 0.05 and ends with a lower loss on both sets. 5 reaches a training loss below 0.001
# within the 500 epochs, and overfits. Only 50 diverges, which raises an error.

from skbackprop import DivergenceError

fig, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
usual, faster, fastest = fits = [
    train(learning_rate=rate) for rate in (0.05, 0.5, 5)
]
for clf in fits:
    (line,) = ax.plot(
        clf.loss_curve_, label=f"rate {clf.learning_rate:g}, training"
    )
    ax.plot(
        clf.history_["validation_loss"],
        "--",
        color=line.get_color(),
        label=f"rate {clf.learning_rate:g}, test",
    )
try:
    train(learning_rate=50)
except DivergenceError as error:
    print(error)
    ax.plot(error.history["loss"], "r.-", label="rate 50, training")
else:
    raise AssertionError("It should have diverged.")
ax.set(xlabel="epoch", ylabel="log loss", yscale="log", ylim=(3e-4, 1e4))
ax.legend(fontsize="small")

assert np.allclose(faster.loss_curve_[49], usual.loss_curve_[499], rtol=0.05)
assert faster.loss_ < usual.loss_
assert test_loss(faster)[0] < test_loss(usual)[0]
assert fastest.loss_ < 0.001
assert test_loss(fastest)[0] > 2 * test_loss(fastest)[1]

# %%
# What happens without normalisation?
# -----------------------------------
#
# "Training destabilises" is the usual answer. In fact it stops altogether. Some features are areas in the thousands,
# and the first gradient is as large. After a few steps every hidden unit is where relu is zero for every sample, and
# then no gradient reaches it. The loss is finite, but every tumour is predicted to be benign. Two warnings are printed
# here: one before training, about the features, and one after it, about the result. The scaled network learns in the
# same 500 epochs.

import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    unscaled = TwoLayerClassifier(
        16, **plain, learning_rate=0.05, max_iter=500
    ).fit(X_train_raw, y_train)
for warning in caught:
    print("Warning:", warning.message)
print(
    "accuracy on the test set:",
    round(unscaled.score(X_test_raw, y_test), 4),
    "- benign:",
    round(y_test.mean(), 4),
)

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.5, 3.6), layout="constrained"
)
for clf, name, style in ((unscaled, "unscaled", "-"), (usual, "scaled", "--")):
    left.plot(range(1, 501), clf.history_["accuracy"], style, label=name)
    right.plot(range(1, 501), clf.history_["dead_units"], style, label=name)
left.set(xlabel="epoch", ylabel="training accuracy", xscale="log")
right.set(xlabel="epoch", ylabel="share of dead hidden units", xscale="log")
right.legend(loc="center right")

assert any("useless" in str(warning.message) for warning in caught)
assert np.all(unscaled.predict(X_test_raw) == 1)
assert min(unscaled.history_["dead_units"][10:]) == 1.0
assert usual.history_["accuracy"][-1] > 0.98

# %%
# What happens with an L2 penalty?
# --------------------------------
#
# "Generalisation improves" is the usual answer. It does, for every penalty up to 0.03, compared with training just as
# long (2,000 epochs at rate 0.5) without one. A penalty of 0.1 is too strong. On this table, stopping at the best epoch
# without a penalty is slightly better still.

alphas = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
penalised = [
    train(learning_rate=0.5, max_iter=2000, alpha=alpha) for alpha in alphas
]
without = train(learning_rate=0.5, max_iter=2000)
tests = [test_loss(clf)[0] for clf in penalised]
fig, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
ax.plot(
    alphas,
    [clf.loss_ - clf.history_["penalty"][-1] for clf in penalised],
    "o-",
    label="training",
)
ax.plot(alphas, tests, "s--", label="test")
ax.axhline(
    test_loss(without)[0],
    color="C1",
    linestyle=":",
    label="test, no penalty, at the end",
)
ax.axhline(
    test_loss(without)[1],
    color="C2",
    linestyle=":",
    label="test, no penalty, best epoch",
)
ax.set(xscale="log", xlabel="alpha", ylabel="log loss (without the penalty)")
ax.legend()

print(
    {alpha: round(loss, 4) for alpha, loss in zip(alphas, tests, strict=True)}
)
print(
    "without, at the end and at the best epoch:",
    np.round(test_loss(without), 4),
)

assert max(tests[:-1]) < test_loss(without)[0] < tests[-1]
assert test_loss(without)[1] < min(tests)

# %%
# What happens without relu?
# --------------------------
#
# With the identity in place of relu, the two layers act as one: X W1 W2 is X times one vector, so the network is a
# logistic regression. On this table that is no disadvantage: its test loss is about a tenth lower.

linear = train(activation="identity")
for name, clf in (("identity", linear), ("relu", usual)):
    print(f"{name:>9}: training loss {clf.loss_:.4f}, test loss {test_loss(clf)[0]:.4f}, "
          f"test accuracy {clf.score(X_test, y_test):.4f}")  # fmt: skip
one_layer = (linear.coefs_[0] @ linear.coefs_[1]).ravel()
one_bias = (
    linear.intercepts_[0] @ linear.coefs_[1].ravel() + linear.intercepts_[1]
)
np.testing.assert_allclose(
    X_test @ one_layer + one_bias, linear.decision_function(X_test)
)

assert (
    0.85 * test_loss(usual)[0]
    < test_loss(linear)[0]
    < 0.95 * test_loss(usual)[0]
)

# %%
# What happens with 5,000 epochs?
# -------------------------------
#
# The training loss keeps falling, but the test loss rises from about a third of the way. The accuracy does not show it:
# at the end, one more tumour of the test set is classified correctly.

from skbackprop import LossCurveDisplay

ten_times = train(max_iter=5000)
best = int(np.argmin(ten_times.history_["validation_loss"]))
display = LossCurveDisplay.from_estimator(ten_times, log_scale=True)
print(
    f"least test loss: {test_loss(ten_times)[1]:.4f} in epoch {best + 1}; at the end: {test_loss(ten_times)[0]:.4f}"
)
for clf in (usual, ten_times):
    print(
        f"test accuracy after {clf.n_iter_} epochs: {clf.score(X_test, y_test):.4f}"
    )

assert np.all(np.diff(ten_times.loss_curve_) < 0)
assert 0.28 < best / 5000 < 0.38
assert (
    np.sum(ten_times.predict(X_test) == y_test)
    - np.sum(usual.predict(X_test) == y_test)
    == 1
)

# %%
# What happens with large initial weights?
# ----------------------------------------
#
# With the exercise's 0.01 hardly anything happens in the first hundred epochs: the weights are so small that the
# gradient is small too. With about 1/√30 the start is fast. From 1 on, the network starts with confident but wrong
# predictions. It still learns most of the training samples, but the random part of the weights remains and keeps the
# test loss high.

scales = [0.01, 0.18, 1.0, 10.0]
fits = [train(weight_init=Normal(scale)) for scale in scales]
fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.5, 4), sharey=True, layout="constrained"
)
for scale, clf in zip(scales, fits, strict=True):
    left.plot(clf.loss_curve_, label=f"weights × {scale:g}")
    right.plot(clf.history_["validation_loss"])
left.set(xlabel="epoch", ylabel="log loss", yscale="log", title="training")
right.set(xlabel="epoch", title="test")
fig.legend(loc="outside lower center", ncols=4, fontsize="small")
for scale, clf in zip(scales, fits, strict=True):
    print(f"weights × {scale:5}: loss in epoch 100 {clf.loss_curve_[100]:.3f}, at the end {clf.loss_:.3f}; "
          f"training accuracy {clf.score(X_train, y_train):.3f}, test loss {test_loss(clf)[0]:.3f}")  # fmt: skip

assert fits[1].loss_curve_[100] < fits[0].loss_curve_[100] / 2
assert fits[2].loss_curve_[0] > np.log(2)
assert fits[3].loss_curve_[0] > 10
assert min(clf.score(X_train, y_train) for clf in fits) > 0.98
assert (
    test_loss(fits[0])[0]
    < test_loss(fits[1])[0]
    < test_loss(fits[2])[0] / 2
    < test_loss(fits[3])[0] / 100
)

# %%
# Vanishing and exploding gradients need more layers. The figure shows the norm of each layer's gradient at the first
# step of a network of eight layers, from the last layer back to the first, the way the gradient is computed. With
# sigmoid units it shrinks from layer to layer, whether the weights have a standard deviation of 1/√fan_in, half of that
# or four times as much. With relu units and "he" weights, √2/√fan_in, it keeps its size. With weights twice as large it
# is some two hundred times longer, and with weights half as large it shrinks with each layer back.


def gradient_norms(activation, scale):
    """Return the length of the gradient of each layer, the mean of ten draws of weights."""
    norms = []
    for seed in range(10):
        sizes = [30, *[32] * 7, 1]  # "lecun": 1/√fan_in
        deep = Network(
            sizes, activation, weight_init="lecun", random_state=seed
        )
        deep.theta *= scale
        grads = deep.backward(deep.forward(X_train), y_train)
        norms.append(
            [
                np.hypot(*map(np.linalg.norm, layer))
                for layer in zip(grads.W, grads.b, strict=True)
            ]
        )
    return np.exp(np.log(norms).mean(axis=0))


fig, axes = plt.subplots(
    1, 2, figsize=(7.5, 4), sharey=True, layout="constrained"
)
norms = {}
for ax, activation, standard, scales in (
    (axes[0], "sigmoid", 1, (4, 1, 1 / 2)),
    (axes[1], "relu", np.sqrt(2), (2, 1, 1 / 2)),
):
    for scale in scales:
        norms[activation, scale] = gradient_norms(activation, scale * standard)
        ax.plot(
            range(1, 9),
            norms[activation, scale],
            "o-",
            label=f"weights × {scale:g}",
        )
    ax.set(
        xlabel="layer, from the last to the first",
        yscale="log",
        title=activation,
        xlim=(8.3, 0.7),
    )
    ax.legend(fontsize="small")
axes[0].set_ylabel("length of the gradient")

assert all(
    np.all(np.diff(norms["sigmoid", scale]) > 0) for scale in (4, 1, 1 / 2)
)
assert np.ptp(np.log(norms["relu", 1])) < np.log(1.5)
assert np.allclose(norms["relu", 2] / norms["relu", 1], 200, atol=100)
assert np.all(np.diff(norms["relu", 1 / 2]) > 0)

# %%
# During training, ``history_`` records these norms for every epoch, as ``gradient_norm_1`` and so on. In the deep
# sigmoid network, the gradient of the first epoch shrinks from layer 8 back to layer 1. After 300 epochs the network
# has learned nothing: its loss is that of a constant prediction, the share of benign tumours.

from skbackprop import BackpropClassifier

deep = BackpropClassifier(
    [32] * 7,
    activation="sigmoid",
    **plain | {"weight_init": "glorot"},
    max_iter=300,
)
with warnings.catch_warnings():  # that is to be shown
    warnings.filterwarnings("ignore", "The fitted network is useless")
    deep.fit(X_train, y_train)
first = [
    deep.history_[f"gradient_norm_{layer}"][0] for layer in range(8, 0, -1)
]
print("layer 8 to layer 1:", *(f"{norm:.1e}" for norm in first))
share = y_train.mean()
constant = -share * np.log(share) - (1 - share) * np.log(1 - share)
print(f"loss after 300 epochs: {deep.loss_:.4f}, of a constant: {constant:.4f}")

assert np.all(np.diff(first) < 0)
assert deep.loss_ > 0.999 * constant
plt.show()
