"""
A decision boundary as it forms
===============================

A notebook trains 2 → 8 → 4 → 1 sigmoid units on two blobs of a hundred points.
:class:`~skbackprop.BackpropClassifier` takes any number of layers. This example repeats the training, shows the
notebook's numbers beside ours, and draws the boundary between the blobs while it forms.
"""

import numpy as np

from skbackprop import BackpropClassifier

rng = np.random.default_rng(0)
X = np.vstack(
    [rng.normal([-1, -1], 0.5, (100, 2)), rng.normal([1, 1], 0.5, (100, 2))]
)
y = np.repeat([0, 1], 100)


def from_the_same_stream(_, fan_in, fan_out):
    """Draw the weights from the generator that drew the points, as the notebook does."""
    return rng.normal(0, 1, (fan_in, fan_out)) * 0.3


# %%
# The notebook sums the gradient over its 200 samples and uses a rate of 0.1. The mean gradient with a rate of 20 is the
# same. The notebook prints the loss of epochs 400, 800, …, each computed before the update of that epoch.

params = {
    "activation": "sigmoid",
    "solver": "sgd",
    "batch_size": "full",
    "alpha": 0.0,
}
params |= {"early_stopping": False, "n_iter_no_change": None}
clf = BackpropClassifier(
    (8, 4),
    weight_init=from_the_same_stream,
    learning_rate=0.1 * len(y),
    max_iter=400,
    warm_start=True,
    **params,
)
published = {
    400: (0.0007, 1.0),
    800: (0.0003, 1.0),
    1200: (0.0002, 1.0),
    1600: (0.0002, 1.0),
    2000: (0.0001, 1.0),
}
print("      |        loss         |      accuracy")
print("epoch | published      ours | published      ours")
for epoch, (loss, accuracy) in published.items():
    clf.fit(X, y)  # another 400 epochs: warm_start
    ours = clf.history_["loss"][-1], clf.history_["accuracy"][-1]
    print(
        f"{epoch:5} |    {loss:.4f}    {ours[0]:.4f} |        {accuracy:.3f}     {ours[1]:.3f}"
    )
    assert (f"{ours[0]:.4f}", f"{ours[1]:.3f}") == (
        f"{loss:.4f}",
        f"{accuracy:.3f}",
    )

# %%
# The boundary
# ------------
#
# The pictures show a network of the same shape at several epochs. The colour is the probability, and white is one half.
# After the first epoch every point has nearly the same probability. Ten epochs later the boundary is between the blobs.
# From then on it turns a little and becomes sharper. (:doc:`A film <plot_film>` shows every epoch, with the hidden
# units.)

import warnings

import matplotlib.pyplot as plt
from sklearn.inspection import DecisionBoundaryDisplay

COLOURS = {0: "navy", 1: "darkred"}  # of the points, darker than the ground


def draw(axes, clf, X, y, epochs):
    """Train on and draw the probabilities after each number of epochs; return the fitted probabilities of each."""
    done, probabilities = 0, []
    for ax, epoch in zip(axes.ravel(), epochs, strict=True):
        with warnings.catch_warnings():  # after one epoch it is
            warnings.filterwarnings("ignore", "The fitted network is useless")
            clf.set_params(max_iter=epoch - done).fit(X, y)
        done = epoch
        DecisionBoundaryDisplay.from_estimator(
            clf, X, response_method="predict_proba", class_of_interest=1, plot_method="pcolormesh", cmap="RdBu_r",
            vmin=0, vmax=1, alpha=0.6, eps=0.3, ax=ax,
        )  # fmt: skip
        ax.scatter(
            *X.T,
            c=[COLOURS[label] for label in y],
            s=14,
            edgecolors="white",
            linewidths=0.5,
        )
        ax.set(
            title=f"epoch {epoch}: loss {clf.loss_:.3f}",
            xticks=(),
            yticks=(),
            xlabel="",
            ylabel="",
        )
        probabilities.append(clf.predict_proba(X)[:, 1])
    return probabilities


blobs = BackpropClassifier(
    (8, 4),
    weight_init="glorot",
    learning_rate=5.0,
    warm_start=True,
    random_state=0,
    **params,
)
fig, axes = plt.subplots(2, 3, figsize=(7.5, 5.2), layout="constrained")
first, second, *_ = draw(axes, blobs, X, y, [1, 10, 20, 40, 100, 2000])

assert np.ptp(first) < 0.1
assert np.mean((second > 0.5) == y) > 0.99

# %%
# Where a line is not enough
# --------------------------
#
# Two blobs need no hidden layer at all, but two half moons do. With relu units the boundary consists of straight
# pieces, with a bend between them.

from sklearn.datasets import make_moons

X_moons, y_moons = make_moons(300, noise=0.15, random_state=0)
settings = {
    "solver": "adam",
    "learning_rate": 0.01,
    "batch_size": 32,
    "max_iter": 100,
    "random_state": 0,
}
moons = BackpropClassifier(
    (16, 16), warm_start=True, **params | {"activation": "relu"} | settings
)
fig, axes = plt.subplots(2, 3, figsize=(7.5, 4.2), layout="constrained")
draw(axes, moons, X_moons, y_moons, [1, 3, 5, 10, 30, 100])
line = BackpropClassifier((), **params | settings).fit(X_moons, y_moons)
print(
    f"accuracy on the moons: a line {line.score(X_moons, y_moons):.3f}, "
    f"the network {moons.score(X_moons, y_moons):.3f}"
)
assert line.score(X_moons, y_moons) < 0.9 < 0.98 < moons.score(X_moons, y_moons)

line = BackpropClassifier((), **params | settings).fit(X, y)
print(f"accuracy on the blobs: a line {line.score(X, y):.3f}")
assert line.score(X, y) > 0.99
plt.show()
