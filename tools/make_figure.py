"""Draw the figure of the README, docs/two_moons.png: a network learns where one half moon ends and the other begins."""

import warnings
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import DecisionBoundaryDisplay

from skbackprop import BackpropClassifier

PATH = Path(__file__).parent.parent / "docs" / "two_moons.png"

X, y = make_moons(300, noise=0.15, random_state=0)
clf = BackpropClassifier(
    (16, 16),
    learning_rate=0.01,
    alpha=0.0,
    warm_start=True,
    early_stopping=False,
    n_iter_no_change=None,
    random_state=0,
)
fig, axes = plt.subplots(1, 4, figsize=(10, 2.7), sharey=True)
done = 0
for ax, epochs in zip(axes, [1, 5, 20, 100], strict=True):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch gives nearly the same answer everywhere
        clf.set_params(max_iter=epochs - done).fit(X, y)
    done = epochs
    DecisionBoundaryDisplay.from_estimator(
        clf, X, response_method="predict_proba", class_of_interest=1, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.6, ax=ax,
        grid_resolution=80, eps=0.3,
    )  # fmt: skip
    colours = np.where(y, "darkred", "navy")  # darker than the ground, as in the gallery
    ax.scatter(*X.T, c=colours, s=12, edgecolors="white", linewidths=0.4)
    ax.set(
        title=f"{epochs} epoch{'s' * (epochs > 1)}, loss {clf.loss_:.2f}", xticks=[], yticks=[], xlabel="", ylabel=""
    )
fig.tight_layout()
fig.savefig(PATH, dpi=80)
