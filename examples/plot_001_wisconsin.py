"""
From a CSV to a loss landscape
==============================

An article trains 9 → 15 → 1 units on the original Wisconsin breast cancer table: nine marks from 1 to 10 for each of
683 tumours, scaled to [0, 1], plain gradient descent for 15,000 iterations. Here is the whole way with pandas and a
pipeline; then what the article only talks about: mini-batches and single samples, other solvers, the squared error,
other sizes, and the landscape through which gradient descent walks.

The table is not part of scikit-learn. Given a folder that holds ``breast_cancer_original.csv.gz`` (nine features and
``target``, 2 for benign and 4 for malignant) by ``--data`` or ``$SKBACKPROP_DATA``, this example uses it. Without it,
it makes a table of the same kind from scikit-learn's newer breast cancer data: nine features of 569 tumours, each cut
into ten grades.
"""

import argparse
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

from skbackprop import BackpropClassifier, LossCurveDisplay, Network, TwoLayerClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--data", default=os.environ.get("SKBACKPROP_DATA", ""), help="folder with the CSV file")
file = Path(parser.parse_args().data) / "breast_cancer_original.csv.gz"


def write_substitute(file):
    """Write a CSV of the same kind from a table that scikit-learn has."""
    data = load_breast_cancer(as_frame=True)
    grades = KBinsDiscretizer(10, encode="ordinal", strategy="uniform").fit_transform(data.data.iloc[:, :9]) + 1
    table = pd.DataFrame(grades.astype(int), columns=data.feature_names[:9])
    table["target"] = np.where(data.target == 0, 4, 2)
    table.to_csv(file, index=False)


# %%
# The table
# ---------
#
# Sixteen rows of the original have no mark for the bare nuclei; the article drops them. Its first 500 rows are to train
# on, the rest to validate.

is_original = file.exists()
if not is_original:
    file = Path(tempfile.mkdtemp()) / "substitute.csv.gz"
    write_substitute(file)
print("the original table" if is_original else "a substitute: the original is not here")
table = pd.read_csv(file).dropna()
X, y = table.drop(columns="target"), table["target"].map({2: "benign", 4: "malignant"})
n_train = 500 if is_original else 400
X_train, X_val, y_train, y_val = X[:n_train], X[n_train:], y[:n_train], y[n_train:]
print(f"{len(X_train)} samples to train on, {len(X_val)} to validate")

# %%
# 15,000 iterations
# -----------------


def article_weights(rng, fan_in, fan_out):
    """Draw as the article does: in the shape (units, inputs), with a standard deviation of 1/√fan_in."""
    return rng.standard_normal((fan_out, fan_in)).T / np.sqrt(fan_in)


plain = {"weight_init": article_weights, "solver": "sgd", "alpha": 0.0, "early_stopping": False}
plain |= {"n_iter_no_change": None, "random_state": 1}
model = make_pipeline(
    MinMaxScaler(), TwoLayerClassifier(15, learning_rate=0.003, batch_size="full", max_iter=15_000, **plain)
).fit(X_train, y_train)
losses = model[-1].loss_curve_
reference = {0: 0.67397, 1500: 0.41332, 3000: 0.25209, 6000: 0.15421, 9000: 0.13070, 12000: 0.12134, 13500: 0.11836}
print("iteration | a plain NumPy loop, on the original table | ours")
for iteration, loss in reference.items():
    print(f"{iteration:9} | {loss:.5f} | {losses[iteration]:.5f}")
LossCurveDisplay.from_estimator(model)

# %%
# The confusion matrix tells the two mistakes apart; a malignant tumour taken for benign is the worse one.

print(f"training accuracy {model.score(X_train, y_train):.3f}, validation accuracy {model.score(X_val, y_val):.3f}")
ConfusionMatrixDisplay.from_estimator(model, X_val, y_val)

# %%
# All samples, mini-batches of thirty-two, one sample at a time
# -------------------------------------------------------------
#
# With the same rate, an epoch of mini-batches of 32 takes sixteen updates instead of one, an epoch of single samples
# five hundred: after thirty epochs the full batch has hardly begun. The price is noise: each update follows a few
# samples only. How noisy the path is shows in the loss of the whole table after each update, on the right, at a rate
# high enough for it to matter.

scaled, target = MinMaxScaler().fit_transform(X_train), (y_train == "malignant").to_numpy(float)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
for name, size in (("all samples", "full"), ("32 samples", 32), ("1 sample", 1)):
    clf = TwoLayerClassifier(15, learning_rate=0.03, batch_size=size, max_iter=30, **plain).fit(scaled, y_train)
    left.plot(range(1, 31), clf.loss_curve_, label=name)
left.set(xlabel="epoch", ylabel="training loss", title="rate 0.03, epochs")
left.legend()
for name, size in (("all samples", n_train), ("32 samples", 32), ("1 sample", 1)):
    net, path, order = Network([9, 15, 1], weight_init=article_weights, random_state=1), [], np.random.RandomState(0)
    for _ in range(300):
        rows = order.choice(n_train, size, replace=False)
        net.update(net.backward(net.forward(scaled[rows]), target[rows]), learning_rate=0.3)
        path.append(net.loss(net.forward(scaled), target))
    right.plot(path, label=name, linewidth=1)
right.set(xlabel="update", title="rate 0.3, updates: loss of the whole table")
right.legend()
fig.tight_layout()

# %%
# Other solvers
# -------------
#
# The same network, mini-batches of 32, each solver with its default rate. L-BFGS needs all samples in each iteration.

fig, ax = plt.subplots()
for solver in ("sgd", "rmsprop", "adam", "adamw", "lbfgs"):
    settings = {**plain, "solver": solver, "max_iter": 40, "batch_size": "full" if solver == "lbfgs" else 32}
    clf = TwoLayerClassifier(15, **settings).fit(scaled, y_train)
    ax.plot(range(1, clf.n_iter_ + 1), clf.loss_curve_, label=solver)
ax.set(xlabel="epoch", ylabel="training loss")
ax.legend()

# %%
# Squared error on the same data
# ------------------------------
#
# The two losses are different yardsticks, so the accuracy is compared. From an ordinary start there is little between
# them. From weights ten times as large the network begins by being sure, and often wrong; the squared error's gradient
# has the factor A2 (1 − A2), next to nothing there, and learns more slowly.

fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for ax, factor in zip(axes, (1, 10), strict=True):
    for loss in ("log_loss", "squared_error"):
        accuracies = []
        for seed in range(5):
            net = Network([9, 15, 1], loss=loss, weight_init="lecun", random_state=seed)
            net.theta[...] *= factor
            correct = []
            for _ in range(300):
                cache = net.forward(scaled)
                correct.append(np.mean((cache.A[2][:, 0] > 0.5) == target))
                net.update(net.backward(cache, target), learning_rate=0.3)
            accuracies.append(correct)
        ax.plot(np.mean(accuracies, axis=0), label=loss)
    ax.set(xlabel="epoch", title=f"weights × {factor}")
axes[0].set_ylabel("training accuracy (mean of five starts)")
axes[0].legend()
fig.tight_layout()

# %%
# How many layers, how many units?
# --------------------------------
#
# A search by cross-validation; no hidden layer at all is logistic regression, and the worst. The bars are the spread
# over the folds: among the others it is larger than what the sizes differ by. Two units do nearly as well as fifty.

candidates = [(), (2,), (5,), (15,), (50,), (15, 15)]
search = GridSearchCV(
    make_pipeline(MinMaxScaler(), BackpropClassifier(random_state=0)),
    {"backpropclassifier__hidden_layer_sizes": candidates},
    scoring="neg_log_loss",
    cv=3,
).fit(X, y)
fig, ax = plt.subplots()
scores, spread = -search.cv_results_["mean_test_score"], search.cv_results_["std_test_score"]
ax.errorbar(range(len(candidates)), scores, spread, fmt="o", capsize=4)
ax.set(xticks=range(len(candidates)), xticklabels=map(str, candidates), ylabel="log loss in cross-validation")
ax.set(xlabel="hidden layers", ylim=(0, None))

# %%
# The landscape and the path
# --------------------------
#
# J is a function of all 166 parameters; a picture has room for two directions. The two in which the path of training
# moves most (its principal components, about its end) show nearly all of it. The contours are J on the plane through
# the end of the path: descent goes across them, at a right angle but for the axes' scales, straight down at first and
# then along the bottom of a valley. The path of single samples trembles over the same landscape.


def walk(size, steps, rate):
    """Return θ after each step."""
    net, thetas, order = Network([9, 15, 1], weight_init=article_weights, random_state=1), [], np.random.RandomState(0)
    for _ in range(steps):
        thetas.append(net.theta.copy())
        rows = order.choice(n_train, size, replace=False)
        net.update(net.backward(net.forward(scaled[rows]), target[rows]), learning_rate=rate)
    return net, np.array(thetas)


net, path = walk(n_train, 1500, 0.1)
_, noisy = walk(1, 1500, 0.1)
end = path[-1]
_, sizes, directions = np.linalg.svd(path - end, full_matrices=False)
print(f"share of the path's movement in the plane: {(sizes[:2] ** 2).sum() / (sizes**2).sum():.3f}")
u, v = (path - end) @ directions[:2].T, (noisy - end) @ directions[:2].T
both = np.vstack([u, v])
low, high = both.min(axis=0) - 1, both.max(axis=0) + 1
grid_x, grid_y = np.linspace(low[0], high[0], 40), np.linspace(low[1], high[1], 40)
J = np.empty((40, 40))
for i, b in enumerate(grid_y):
    for j, a in enumerate(grid_x):
        net.theta[...] = end + a * directions[0] + b * directions[1]
        J[i, j] = net.loss(net.forward(scaled), target)
fig, ax = plt.subplots(figsize=(7, 5))
contours = ax.contourf(grid_x, grid_y, np.log10(J), levels=25, cmap="viridis")
fig.colorbar(contours, label="log10 J")
ax.plot(*v.T, color="orange", linewidth=0.6, label="one sample at a time")
ax.plot(*u.T, color="red", linewidth=2, label="all samples")
ax.plot(*u[0], "wo", label="start")
ax.plot(*u[-1], "w*", markersize=12, label="end (all samples)")
ax.set(xlabel="first direction", ylabel="second direction")
ax.legend()
plt.show()
