"""
What one hidden unit can draw
=============================

A hidden unit sees a standardised column as a straight line, bent once. In front of a piecewise-linear encoding it sees
a ramp for each bin, and its line can bend at every quantile.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import TwoLayerClassifier
from skbackprop.preprocessing import PiecewiseLinearEncoder

# %%
# A column
# --------
#
# Ages of some 4,000 people, more of them young than old. The probability of the class rises, falls and rises again.

rng = np.random.default_rng(0)
age = 18 + rng.gamma(3, 11, 4000)
age = age[age < 90]
probability = (
    0.1
    + 0.75 * np.exp(-(((age - 32) / 6) ** 2))
    + 0.6 / (1 + np.exp(-(age - 68) / 3))
)
y = rng.random(len(age)) < probability
X = age[:, np.newaxis]

# %%
# Its ramps
# ---------
#
# The bins hold equally many people, so they are narrow where there are many. Each ramp rises from 0 to 1 within its
# bin, less its mean.

encoder = PiecewiseLinearEncoder().fit(X)
edges = encoder.bin_edges_[0]
print(f"{len(edges) - 1} bins between {edges.round(1)}")

grid = np.linspace(18, 90, 500)[:, np.newaxis]
figure, (above, below) = plt.subplots(
    2, 1, figsize=(8, 6), sharex=True, layout="constrained"
)
above.hist(age, bins=72, color="lightgrey")
above.set_ylabel("people")
encoded = encoder.transform(grid)
below.plot(
    grid, encoded[:, 0], color="black", linestyle="--", label="standardised"
)
below.plot(
    grid, encoded[:, 1:], label=encoder.get_feature_names_out(["age"])[1:]
)
below.set(xlabel="age", ylabel="encoded", ylim=(-1.5, 2.5))
below.legend(ncols=3, fontsize="small")
for axes in (above, below):
    for edge in edges:
        axes.axvline(edge, color="grey", linewidth=0.5)
plt.show()

# %%
# One hidden unit
# ---------------
#
# Networks of a single hidden unit, on the standardised column and on the encoded one. The steps are the share of the
# class among people of nearly the same age.

models = [
    make_pipeline(
        first, TwoLayerClassifier(1, activation="tanh", random_state=0)
    ).fit(X, y)
    for first in (StandardScaler(), PiecewiseLinearEncoder())
]
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
groups = np.linspace(18, 90, 25)
known, _ = np.histogram(age, groups)
positive, _ = np.histogram(age[y], groups)
axes.stairs(
    positive / np.maximum(known, 1),
    groups,
    fill=True,
    color="lightgrey",
    label="share",
)
for model in models:
    name = type(model[0]).__name__
    axes.plot(grid, model.predict_proba(grid)[:, 1], label=name)
    print(f"{name:22} accuracy {model.score(X, y):.3f}")
axes.set(xlabel="age", ylabel="probability", ylim=(0, 1))
axes.legend()
plt.show()
