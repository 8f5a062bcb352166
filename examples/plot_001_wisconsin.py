"""
From a CSV to a loss landscape
==============================

An article trains 9 → 15 → 1 units on the original Wisconsin breast cancer table. It has nine marks from 1 to 10 for
each of 683 tumours. The marks are scaled to [0, 1], and plain gradient descent runs for 15,000 iterations. This example
does all of it with pandas and a pipeline. Then it tries what the article only mentions: mini-batches and single
samples, other solvers, the squared error, other sizes, and the landscape through which gradient descent moves.

The table is not part of scikit-learn. If the environment variable ``SKBACKPROP_DATA`` names a folder that holds
``breast_cancer_original.csv.gz`` (nine features and ``target``, 2 for benign and 4 for malignant), this example uses
that file. Otherwise it makes a similar table from scikit-learn's newer breast cancer data: nine features of 569
tumours, each binned into ten grades.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler

from skbackprop import (
    BackpropClassifier,
    LossCurveDisplay,
    Network,
    TwoLayerClassifier,
)

file = (
    Path(os.environ.get("SKBACKPROP_DATA", ""))
    / "breast_cancer_original.csv.gz"
)


def write_substitute(file):
    """Write a CSV of the same kind from a table that scikit-learn has."""
    data = load_breast_cancer(as_frame=True)
    grades = (
        KBinsDiscretizer(
            10, encode="ordinal", strategy="uniform"
        ).fit_transform(data.data.iloc[:, :9])
        + 1
    )
    table = pd.DataFrame(grades.astype(int), columns=data.feature_names[:9])
    table["target"] = np.where(data.target == 0, 4, 2)
    table.to_csv(file, index=False)


# %%
# The table
# ---------
#
# Sixteen rows of the original have no mark for the bare nuclei, and the article drops them. It trains on the first 500
# rows and validates on the rest.

is_original = file.exists()
if not is_original:
    file = Path(tempfile.mkdtemp()) / "substitute.csv.gz"
    write_substitute(file)
print(
    "the original table"
    if is_original
    else "a substitute: the original is not here"
)
table = pd.read_csv(file).dropna()
X, y = (
    table.drop(columns="target"),
    table["target"].map({2: "benign", 4: "malignant"}),
)
n_train = 500 if is_original else 400
X_train, X_val, y_train, y_val = (
    X[:n_train],
    X[n_train:],
    y[:n_train],
    y[n_train:],
)
print(f"{len(X_train)} samples to train on, {len(X_val)} to validate")

# %%
# 15,000 iterations
# -----------------


def article_weights(rng, fan_in, fan_out):
    """Draw as the article does: in the shape (units, inputs), with a standard deviation of 1/√fan_in."""
    return rng.standard_normal((fan_out, fan_in)).T / np.sqrt(fan_in)


plain = {
    "weight_init": article_weights,
    "solver": "sgd",
    "alpha": 0.0,
    "early_stopping": False,
}
plain |= {"n_iter_no_change": None, "random_state": 1}
model = make_pipeline(
    MinMaxScaler(),
    TwoLayerClassifier(
        15, learning_rate=0.003, batch_size="full", max_iter=15_000, **plain
    ),
).fit(X_train, y_train)
losses = model[-1].loss_curve_
for iteration in range(0, 15_000, 1500):
    print(f"Cost after iteration {iteration:5}: {losses[iteration]:.6f}")
display = LossCurveDisplay.from_estimator(model)

# %%
# The article prints no numbers. A plain NumPy loop with its settings, run on the original table, gives these:

if is_original:
    reference = [
        0.673967,
        0.413320,
        0.252091,
        0.183966,
        0.154208,
        0.139259,
        0.130704,
        0.125205,
        0.121338,
        0.118358,
    ]
    assert np.array_equal(np.round(losses[::1500], 6), reference)

# %%
# The confusion matrix shows the two kinds of mistakes separately. The worse one is to call a malignant tumour benign.

print(
    f"training accuracy {model.score(X_train, y_train):.3f}, validation accuracy {model.score(X_val, y_val):.3f}"
)
display = ConfusionMatrixDisplay.from_estimator(
    model, X_val, y_val, colorbar=False
)

# %%
# All samples, mini-batches of thirty-two, one sample at a time
# -------------------------------------------------------------
#
# An epoch of the full batch has one update. An epoch of mini-batches of 32 has about fifteen, and an epoch of single
# samples has one for each sample. So at the same rate the full batch has hardly begun after thirty epochs. The price of
# small batches is noise, since each update follows only a few samples. The right panel shows how noisy the path is, by
# the loss of the whole table after each update, at a rate high enough for the noise to matter.

scaled, target = (
    MinMaxScaler().fit_transform(X_train),
    (y_train == "malignant").to_numpy(float),
)
fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.5, 3.8), layout="constrained"
)
ends, steps = {}, {}
for name, size in (
    ("all samples", "full"),
    ("32 samples", 32),
    ("1 sample", 1),
):
    clf = TwoLayerClassifier(
        15, learning_rate=0.03, batch_size=size, max_iter=30, **plain
    ).fit(scaled, y_train)
    left.plot(range(1, 31), clf.loss_curve_, label=name)
    ends[name] = clf.loss_
left.set(xlabel="epoch", ylabel="training loss", title="rate 0.03")
for name, size in (
    ("all samples", n_train),
    ("32 samples", 32),
    ("1 sample", 1),
):
    net, path, order = (
        Network([9, 15, 1], weight_init=article_weights, random_state=1),
        [],
        np.random.RandomState(0),
    )
    for _ in range(300):
        rows = order.choice(n_train, size, replace=False)
        net.update(
            net.backward(net.forward(scaled[rows]), target[rows]),
            learning_rate=0.3,
        )
        path.append(net.loss(net.forward(scaled), target))
    right.plot(path, linewidth=1, zorder=2 + size)  # the smoothest on top
    steps[name] = np.diff(path)
right.set(xlabel="update", ylabel="loss of the whole table", title="rate 0.3")
fig.legend(loc="outside lower center", ncols=3)
raised = {name: float(np.mean(step > 0)) for name, step in steps.items()}
print(
    "share of updates that raise the loss:",
    {name: round(share, 2) for name, share in raised.items()},
)

assert ends["1 sample"] < ends["32 samples"] < ends["all samples"]
assert raised["all samples"] == 0 < raised["32 samples"] < raised["1 sample"]

# %%
# Other solvers
# -------------
#
# These are trainings of the same network on mini-batches of 32, each solver with its default rate. Only L-BFGS needs
# all samples in each iteration. "adamw" also lets the weights decay, by so little that its curve coincides with that of
# "adam".

fig, ax = plt.subplots(layout="constrained")
curves = {}
for solver in ("sgd", "rmsprop", "adam", "adamw", "lbfgs"):
    settings = {
        **plain,
        "solver": solver,
        "max_iter": 40,
        "batch_size": "full" if solver == "lbfgs" else 32,
    }
    curves[solver] = (
        TwoLayerClassifier(15, **settings).fit(scaled, y_train).loss_curve_
    )
    style = {
        "adam": {"linewidth": 5, "alpha": 0.4},
        "adamw": {"color": "black", "linestyle": "--"},
    }.get(solver, {})
    ax.plot(
        range(1, len(curves[solver]) + 1), curves[solver], label=solver, **style
    )
ax.set(xlabel="epoch", ylabel="training loss")
ax.legend()

np.testing.assert_allclose(curves["adamw"], curves["adam"], rtol=0.02)

# %%
# Squared error on the same data
# ------------------------------
#
# The two losses have different scales, so the plot compares accuracies. From ordinary initial weights, both end at
# nearly the same accuracy. With weights ten times as large, the network starts with confident and often wrong
# predictions. There the squared error learns more slowly, because its gradient has the factor A2 (1 − A2), which is
# almost zero.

fig, axes = plt.subplots(
    1, 2, figsize=(7.5, 3.8), sharey=True, layout="constrained"
)
reached = {}
for ax, factor in zip(axes, (1, 10), strict=True):
    for loss in ("log_loss", "squared_error"):
        accuracies = np.empty((5, 300))
        for seed in range(5):
            net = Network(
                [9, 15, 1], loss=loss, weight_init="lecun", random_state=seed
            )
            net.theta *= factor
            for epoch in range(300):
                accuracies[seed, epoch] = net.score(scaled, target)
                net.update(
                    net.backward(net.forward(scaled), target), learning_rate=0.3
                )
        reached[loss, factor] = accuracies.mean(axis=0)
        ax.plot(reached[loss, factor], label=loss)
    ax.set(xlabel="epoch", title=f"weights × {factor}")
axes[0].set_ylabel("training accuracy (mean of five starts)")
axes[1].legend()
for key, curve in reached.items():
    print(
        key,
        "accuracy after 10, 100 and 300 epochs:",
        curve[[10, 100, 299]].round(3),
    )

assert reached["log_loss", 1][-1] - reached["squared_error", 1][-1] < 0.02
assert reached["log_loss", 10][-1] - reached["squared_error", 10][-1] > 0.03

# %%
# How many layers, how many units?
# --------------------------------
#
# A search by cross-validation compares the sizes. The network without a hidden layer, logistic regression, is the
# worst. The bars are the standard deviation over the folds. It is larger than the differences between the networks that
# have a hidden layer.

candidates = [(), (2,), (5,), (15,), (50,), (15, 15)]
search = GridSearchCV(
    make_pipeline(MinMaxScaler(), BackpropClassifier(random_state=0)),
    {"backpropclassifier__hidden_layer_sizes": candidates},
    scoring="neg_log_loss",
    cv=3,
).fit(X, y)
fig, ax = plt.subplots(layout="constrained")
scores, spread = (
    -search.cv_results_["mean_test_score"],
    search.cv_results_["std_test_score"],
)
ax.errorbar(range(len(candidates)), scores, spread, fmt="o", capsize=4)
ax.set(
    xticks=range(len(candidates)),
    xticklabels=map(str, candidates),
    ylabel="log loss in cross-validation",
)
ax.set(xlabel="hidden layers", ylim=(0, None))
print(
    {
        size: f"{score:.4f} ± {s:.4f}"
        for size, score, s in zip(candidates, scores, spread, strict=True)
    }
)

assert np.argmax(scores) == 0
assert np.ptp(scores[1:]) < spread[1:].min()

# %%
# The landscape and the path
# --------------------------
#
# J is a function of all 166 parameters, but a picture has room for two directions. We take the two in which the path of
# training moves most: its principal components, about its end. They show nearly all of the movement. The contours are J
# on the plane through the end of the path. Gradient descent crosses them at right angles, first straight down and then
# along the bottom of a valley. The path of single samples is a noisy version on the same landscape.


def walk(size, steps, rate):
    """Return θ after each step."""
    net, thetas, order = (
        Network([9, 15, 1], weight_init=article_weights, random_state=1),
        [],
        np.random.RandomState(0),
    )
    for _ in range(steps):
        thetas.append(net.theta.copy())
        rows = order.choice(n_train, size, replace=False)
        net.update(
            net.backward(net.forward(scaled[rows]), target[rows]),
            learning_rate=rate,
        )
    return net, np.array(thetas)


net, path = walk(n_train, 1500, 0.1)
_, noisy = walk(1, 1500, 0.1)
end = path[-1]
_, sizes, directions = np.linalg.svd(path - end, full_matrices=False)
share = (sizes[:2] ** 2).sum() / (sizes**2).sum()
print(f"share of the path's movement in the plane: {share:.3f}")
assert share > 0.99
u, v = (path - end) @ directions[:2].T, (noisy - end) @ directions[:2].T
both = np.vstack([u, v])
low, high = both.min(axis=0) - 1, both.max(axis=0) + 1
grid_x, grid_y = (
    np.linspace(low[0], high[0], 40),
    np.linspace(low[1], high[1], 40),
)
J = np.empty((40, 40))
for i, b in enumerate(grid_y):
    for j, a in enumerate(grid_x):
        net.theta[...] = end + a * directions[0] + b * directions[1]
        J[i, j] = net.loss(net.forward(scaled), target)
fig, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
contours = ax.contourf(grid_x, grid_y, np.log10(J), levels=25, cmap="viridis")
fig.colorbar(contours, label="log10 J")
ax.plot(*v.T, color="orange", linewidth=0.6, label="one sample at a time")
ax.plot(*u.T, color="red", linewidth=2, label="all samples")
ax.plot(*u[0], "wo", markeredgecolor="black", label="start")
ax.plot(
    *u[-1],
    "w*",
    markeredgecolor="black",
    markersize=12,
    label="end (all samples)",
)
ax.set(xlabel="first direction", ylabel="second direction", aspect="equal")
ax.legend()
plt.show()
