"""
A notebook's network, and every "what happens if"
=================================================

A well-known exercise trains 30 → 16 → 1 units on scikit-learn's breast cancer table by hand: relu, log loss, plain
gradient descent on all samples. It prints the loss and the training accuracy every 50 epochs, and then asks: what
happens if there are more units, a higher rate, no scaling, a penalty, no relu, ten times the epochs, larger weights?
Here are its printed numbers beside ours, and then each question, tried out. Not all turns out as expected.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, LossCurveDisplay, Network, TwoLayerClassifier
from skbackprop.initializers import Normal

X, y = load_breast_cancer(return_X_y=True)
X_train_raw, X_test_raw, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
scaler = StandardScaler().fit(X_train_raw)
X_train, X_test = scaler.transform(X_train_raw), scaler.transform(X_test_raw)

# %%
# The printout
# ------------
#
# The notebook's cell that draws the weights was run twice, so its numbers belong to the second draw from seed 42.

rng = np.random.RandomState(42)
rng.standard_normal(30 * 16 + 16)
net = Network([30, 16, 1], weight_init=Normal(0.01), random_state=rng)

published = {0: (0.6932, 0.3714), 50: (0.6510, 0.6330), 100: (0.4344, 0.9341), 150: (0.2253, 0.9560)}
published |= {200: (0.1445, 0.9714), 250: (0.1116, 0.9736), 300: (0.0935, 0.9824), 350: (0.0833, 0.9824)}
published |= {400: (0.0767, 0.9824), 450: (0.0721, 0.9824)}

print("epoch | loss: published, ours | training accuracy: published, ours")
for epoch in range(500):
    cache = net.forward(X_train)
    if epoch in published:
        accuracy = np.mean((cache.A[2][:, 0] > 0.5) == y_train)
        ours = net.loss(cache, y_train), accuracy
        print(f"{epoch:5} | {published[epoch][0]:.4f} {ours[0]:.4f} | {published[epoch][1]:.4f} {ours[1]:.4f}")
    net.update(net.backward(cache, y_train), learning_rate=0.05)
test_accuracy = np.mean((net.forward(X_test).A[2][:, 0] > 0.5) == y_test)
print(f"test accuracy: published 0.9912280701754386, ours {test_accuracy}")

# %%
# What happens if the hidden layer has 2, 4, … 128 units?
# --------------------------------------------------------
#
# "Overfitting", one is told. After the exercise's 500 epochs at rate 0.05 there is none: training and test loss are
# nearly the same, and the widest network has the best test loss. Gradient descent has simply not gone far enough to
# overfit. At rate 0.5 and with 1,000 epochs it has: the training loss goes towards zero at every size, and the test
# loss is far above its best value, already with two units. It is the training time that overfits here, not the size.

plain = {
    "weight_init": Normal(0.01),
    "solver": "sgd",
    "batch_size": "full",
    "alpha": 0.0,
    "early_stopping": False,  # the test set is only monitored
    "n_iter_no_change": None,
    "random_state": 42,
}


def train(hidden_units=16, learning_rate=0.05, max_iter=500, **params):
    """Return a fitted classifier that has monitored the test set."""
    clf = TwoLayerClassifier(hidden_units, **{**plain, "learning_rate": learning_rate, "max_iter": max_iter, **params})
    return clf.fit(X_train, y_train, X_val=X_test, y_val=y_test)


sizes = [2, 4, 8, 16, 32, 64, 128]
short = [train(h) for h in sizes]
long = [train(h, learning_rate=0.5, max_iter=1000) for h in sizes]
fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for ax, fits, title in ((axes[0], short, "500 epochs at 0.05"), (axes[1], long, "1,000 epochs at 0.5")):
    ax.plot(sizes, [clf.loss_ for clf in fits], "o-", label="training loss")
    ax.plot(sizes, [clf.history_["validation_loss"][-1] for clf in fits], "s--", label="test loss, at the end")
    ax.plot(sizes, [min(clf.history_["validation_loss"]) for clf in fits], "^:", label="test loss, at its best epoch")
    ax.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="hidden units", title=title)
axes[0].set(ylabel="log loss", ylim=(0, 0.12))
axes[0].legend()
fig.tight_layout()

# %%
# What happens if the learning rate is 0.5, 5, 50?
# -------------------------------------------------
#
# "Divergence" comes late: the features are scaled and the weights small. 0.5 is ten times faster than 0.05 and ends
# lower on both sets; 5 reaches a training loss near zero within the 500 epochs, and overfits; only 50 diverges, and
# that raises.

fig, ax = plt.subplots()
usual = train()
fits = [usual, train(learning_rate=0.5), train(learning_rate=5)]
for clf in fits:
    (line,) = ax.plot(clf.loss_curve_, label=f"rate {clf.learning_rate:g}, training")
    ax.plot(clf.history_["validation_loss"], "--", color=line.get_color(), label=f"rate {clf.learning_rate:g}, test")
try:
    train(learning_rate=50)
except DivergenceError as error:
    print(error)
    ax.plot(error.history["loss"], "r.-", label="rate 50, training")
ax.set(xlabel="epoch", ylabel="log loss", yscale="log", ylim=(3e-4, 1e4))
ax.legend(fontsize="small")
fig.tight_layout()

# %%
# What happens without normalisation?
# -----------------------------------
#
# "Training destabilises": worse, it dies. The areas among the features are in the thousands, and so is the first
# gradient. A few steps take every hidden unit to where relu is zero for every sample; from there no gradient comes
# back. The loss is finite, but every tumour is predicted to be benign. Two warnings say so: one of the features, before
# training, and one of what came of it.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    unscaled = TwoLayerClassifier(16, **plain, learning_rate=0.05, max_iter=500).fit(X_train_raw, y_train)
for warning in caught:
    print(warning.message)
print("accuracy on the test set:", round(unscaled.score(X_test_raw, y_test), 4), "- benign:", round(y_test.mean(), 4))

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.plot(unscaled.loss_curve_[:20], "o-", label="unscaled")
left.plot(usual.loss_curve_[:20], "s-", label="scaled")
left.set(xlabel="epoch", ylabel="training loss", yscale="log")
left.legend()
right.plot(unscaled.history_["dead_units"][:20], "o-", label="unscaled")
right.plot(usual.history_["dead_units"][:20], "s-", label="scaled")
right.set(xlabel="epoch", ylabel="share of dead hidden units")
right.legend()
fig.tight_layout()

# %%
# What happens with an L2 penalty?
# --------------------------------
#
# "Generalisation improves": yes, compared with training just as long (2,000 epochs at rate 0.5) without one. Between
# none and too much there is a wide valley around 0.01. Stopping at the best epoch, without any penalty, does even a
# little better on this table.

alphas = [1e-4, 1e-3, 1e-2, 1e-1]
penalised = [train(learning_rate=0.5, max_iter=2000, alpha=alpha) for alpha in alphas]
without = train(learning_rate=0.5, max_iter=2000)
fig, ax = plt.subplots()
ax.plot(alphas, [log_loss(y_train, clf.predict_proba(X_train)) for clf in penalised], "o-", label="training")
ax.plot(alphas, [clf.history_["validation_loss"][-1] for clf in penalised], "s--", label="test")
ax.axhline(without.history_["validation_loss"][-1], color="C1", linestyle=":", label="test, no penalty, at the end")
ax.axhline(min(without.history_["validation_loss"]), color="C2", linestyle=":", label="test, no penalty, best epoch")
ax.set(xscale="log", xlabel="alpha", ylabel="log loss (without the penalty)")
ax.legend()
fig.tight_layout()

# %%
# What happens without relu?
# --------------------------
#
# With the identity in its place two layers are one: X W1 W2 is X times one vector, and the network is a logistic
# regression. On this table that is no loss: the classes can be told apart by a plane nearly as well.

linear, curved = train(activation="identity"), usual
for name, clf in (("identity", linear), ("relu", curved)):
    print(f"{name:>9}: training loss {clf.loss_:.4f}, test loss {clf.history_['validation_loss'][-1]:.4f}, "
          f"test accuracy {clf.score(X_test, y_test):.4f}")  # fmt: skip
one_layer = (linear.coefs_[0] @ linear.coefs_[1]).ravel()
one_bias = linear.intercepts_[0] @ linear.coefs_[1].ravel() + linear.intercepts_[1]
print(
    "largest difference to one layer:", np.abs(X_test @ one_layer + one_bias - linear.decision_function(X_test)).max()
)

# %%
# What happens with 5,000 epochs?
# -------------------------------
#
# The training loss goes on falling, the test loss turns round about a third of the way. The accuracy hardly tells.

ten_times = train(max_iter=5000)
best = int(np.argmin(ten_times.history_["validation_loss"]))
display = LossCurveDisplay.from_estimator(ten_times, log_scale=True)
display.ax_.axvline(best, color="gray", linestyle=":", label=f"least test loss (epoch {best})")
display.ax_.legend(["training", "test", f"least test loss (epoch {best})"])
display.figure_.tight_layout()

# %%
# What happens with large initial weights?
# ----------------------------------------
#
# The exercise's 0.01 costs it the first hundred epochs: with weights so small the gradient is small too. Around 1/√30
# the start is fast. From 1 on the network begins sure of wrong predictions; it still learns most of the training
# samples, but the random part of the weights stays, and the test loss with it.

scales = [0.01, 0.18, 1.0, 10.0]
fits = [train(weight_init=Normal(scale)) for scale in scales]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for scale, clf in zip(scales, fits, strict=True):
    left.plot(clf.loss_curve_, label=f"weights × {scale:g}")
    right.plot(clf.history_["validation_loss"])
left.set(xlabel="epoch", ylabel="log loss", yscale="log", title="training")
right.set(xlabel="epoch", title="test")
left.legend()
fig.tight_layout()

# %%
# Vanishing and exploding gradients need more layers to show. In a network of eight, at its first step, the length of
# the gradient of each layer, from the last one back to the first: with sigmoid units it shrinks from layer to layer
# whatever the scale; with relu units and "he" weights, made for them, it keeps its size; with twice the standard
# deviation it is some two hundred times longer throughout, with half of it small and dwindling towards the first
# layers.

settings = [
    ("sigmoid", "glorot", "C3"),
    ("tanh", "glorot", "C0"),
    ("relu", "he", "C2"),
    ("relu", lambda rng, fan_in, fan_out: 2 * rng.standard_normal((fan_in, fan_out)) * np.sqrt(2 / fan_in), "C1"),
    ("relu", lambda rng, fan_in, fan_out: 0.5 * rng.standard_normal((fan_in, fan_out)) * np.sqrt(2 / fan_in), "C4"),
]
names = ["sigmoid, glorot", "tanh, glorot", "relu, he", "relu, 2 × he", "relu, ½ × he"]
fig, ax = plt.subplots()
for (activation, weight_init, colour), name in zip(settings, names, strict=True):
    norms = []
    for seed in range(10):
        deep = Network([30, *[32] * 7, 1], activation=activation, weight_init=weight_init, random_state=seed)
        grads = deep.backward(deep.forward(X_train), y_train)
        norms.append([np.sqrt(np.sum(dW**2) + np.sum(db**2)) for dW, db in zip(grads.W, grads.b, strict=True)])
    ax.plot(range(1, 9), np.exp(np.log(norms).mean(axis=0)), "o-", color=colour, label=name)
ax.set(xlabel="layer", ylabel="length of the gradient (mean of ten draws)", yscale="log")
ax.legend()
fig.tight_layout()

# %%
# In training, ``history_`` keeps these norms for every epoch: ``gradient_norm_1`` and so on. The deep sigmoid network
# learns nothing for hundreds of epochs.

deep = BackpropClassifier(
    (32,) * 7, activation="sigmoid", **{**plain, "weight_init": "glorot"}, learning_rate=0.05, max_iter=300
)
deep.fit(X_train, y_train)
print("loss, first and last epoch:", round(deep.loss_curve_[0], 4), round(deep.loss_curve_[-1], 4))
print("gradient of layer 1 and of layer 8:", f"{deep.history_['gradient_norm_1'][-1]:.1e}",
      f"{deep.history_['gradient_norm_8'][-1]:.1e}")  # fmt: skip
plt.show()
