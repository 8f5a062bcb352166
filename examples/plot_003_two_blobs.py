"""
A decision boundary as it forms
===============================

A notebook trains 2 → 8 → 4 → 1 sigmoid units on two blobs of a hundred points.
:class:`~skbackprop.BackpropClassifier` takes any number of layers; here is its training, the notebook's numbers
beside ours, and the boundary between the blobs, drawn while it forms.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import DecisionBoundaryDisplay

from skbackprop import BackpropClassifier

rng = np.random.default_rng(0)
X = np.vstack([rng.normal([-1, -1], 0.5, (100, 2)), rng.normal([1, 1], 0.5, (100, 2))])
y = np.repeat([0, 1], 100)


def from_the_same_stream(_, fan_in, fan_out):
    """Draw the weights from the generator that drew the points, as the notebook does."""
    return rng.normal(0, 1, (fan_in, fan_out)) * 0.3


# %%
# The notebook sums the gradient over its 200 samples with a rate of 0.1; the mean with a rate of 20 is the same. It
# prints the loss of epochs 400, 800, …, each at the weights before its update.

params = {"activation": "sigmoid", "solver": "sgd", "batch_size": "full", "alpha": 0.0}
params |= {"early_stopping": False, "n_iter_no_change": None}
clf = BackpropClassifier(
    (8, 4), weight_init=from_the_same_stream, learning_rate=0.1 * len(y), max_iter=400, warm_start=True, **params
)
published = {400: (0.0007, 1.0), 800: (0.0003, 1.0), 1200: (0.0002, 1.0), 1600: (0.0002, 1.0), 2000: (0.0001, 1.0)}
print("epoch | loss: published, ours | accuracy: published, ours")
for epoch, (loss, accuracy) in published.items():
    clf.fit(X, y)  # another 400 epochs: warm_start
    print(f"{epoch:5} | {loss:.4f} {clf.loss_curve_[-1]:.4f} | {accuracy:.3f} {clf.score(X, y):.3f}")

# %%
# The boundary
# ------------
#
# A network of the same shape, stopped on its way: the colour is the probability, white is one half. After the first
# epoch every point gets nearly the same probability; ten epochs later the boundary stands between the blobs, and from
# then on it turns a little and becomes sharper.


def draw(axes, clf, X, y, epochs):
    """Train on and draw the probabilities after each number of epochs."""
    done = 0
    for ax, epoch in zip(axes.ravel(), epochs, strict=True):
        with (
            warnings.catch_warnings()
        ):  # of a fit that ends after one epoch the package rightly says that it is useless
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.set_params(max_iter=epoch - done).fit(X, y)
        done = epoch
        DecisionBoundaryDisplay.from_estimator(
            clf, X, response_method="predict_proba", plot_method="pcolormesh", cmap="RdBu", vmin=0, vmax=1, ax=ax
        )
        ax.scatter(*X.T, c=y, cmap="RdBu", edgecolors="black", s=12)
        ax.set(title=f"epoch {epoch}: loss {clf.loss_:.3f}", xticks=(), yticks=(), xlabel="", ylabel="")


blobs = BackpropClassifier((8, 4), weight_init="glorot", learning_rate=5.0, warm_start=True, random_state=0, **params)
fig, axes = plt.subplots(2, 3, figsize=(9, 6))
draw(axes, blobs, X, y, [1, 10, 20, 40, 100, 2000])
fig.tight_layout()

# %%
# Where a line is not enough
# --------------------------
#
# Two blobs need no hidden layer at all. Two half moons do: relu units bend the boundary, a piece of a line at a time.

X_moons, y_moons = make_moons(300, noise=0.15, random_state=0)
moons = BackpropClassifier(
    (16, 16), solver="adam", learning_rate=0.01, batch_size=32, alpha=0.0, warm_start=True, early_stopping=False,
    n_iter_no_change=None, random_state=0,
)  # fmt: skip
fig, axes = plt.subplots(2, 3, figsize=(9, 6))
draw(axes, moons, X_moons, y_moons, [1, 3, 5, 10, 30, 100])
fig.tight_layout()
plt.show()
