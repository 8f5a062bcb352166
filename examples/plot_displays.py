"""
Look at a network, and at its training
======================================

Three displays in the manner of scikit-learn's: the network drawn, what happened in training, and the loss of several
networks in one picture. Here they look at breast tumours, irises and handwritten digits.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import (
    BackpropClassifier,
    LossCurveDisplay,
    NetworkDisplay,
    TrainingDisplay,
    TwoLayerClassifier,
)

# %%
# The network
# -----------
#
# Thirty measurements of a tumour, one output: the probability that it is malignant. The features have their names from
# the table, through the scaler. Of the thirty the twelve largest are drawn, and so of the hidden units.

tumours = load_breast_cancer(as_frame=True)
y = tumours.target_names[tumours.target]
small = make_pipeline(
    StandardScaler(), TwoLayerClassifier(16, random_state=0)
).fit(tumours.data, y)
NetworkDisplay.from_estimator(small)
plt.show()

# %%
# Small networks can be read. Four measurements of a flower, three species: follow the lines from the petals, by way of
# the hidden units, to *virginica*, whose petals are long and wide, and to *setosa*, whose petals are short.

irises = load_iris(as_frame=True)
flowers = make_pipeline(
    StandardScaler(), TwoLayerClassifier(4, activation="tanh", random_state=0)
)
flowers.fit(irises.data, irises.target_names[irises.target])
NetworkDisplay.from_estimator(flowers)
plt.show()

# %%
# The training
# ------------
#
# Handwritten digits. By default a search finds the number of epochs with samples held out; what it saw is pale. From
# its best epoch on, the dotted line, the final training goes on with all samples, while the learning rate falls to
# zero. The loss is drawn in its two parts, data term and penalty: only the former can be compared with the validation
# loss, which knows no penalty.

X, y = load_digits(return_X_y=True)
TrainingDisplay.from_estimator(
    make_pipeline(StandardScaler(), TwoLayerClassifier(random_state=0)).fit(
        X, y
    )
)
plt.show()

# %%
# A picture of what goes wrong: eight layers of sigmoids. On its way back the gradient is several times smaller from
# layer to layer, so the first layers hardly learn, and the loss stays where it is. With tanh all layers learn.

plain = {
    "early_stopping": False,
    "max_iter": 15,
    "n_iter_no_change": None,
    "random_state": 0,
}
figure = plt.figure(figsize=(13, 8), layout="constrained")
for part, activation in zip(
    figure.subfigures(1, 2), ("sigmoid", "tanh"), strict=True
):
    deep = BackpropClassifier(
        [20] * 8, activation=activation, weight_init="glorot", **plain
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # fit says so too: the sigmoids have learnt nothing
        model = make_pipeline(StandardScaler(), deep).fit(X, y)
    TrainingDisplay.from_estimator(model, figure=part)
    part.suptitle(activation)
plt.show()

# %%
# Several networks
# ----------------
#
# The loss alone, of two networks in one picture. The wider one is better on samples that neither has seen.

watched = {"early_stopping": True, "random_state": 0}
models = [
    make_pipeline(StandardScaler(), TwoLayerClassifier(units, **watched)).fit(
        X, y
    )
    for units in (4, 64)
]
LossCurveDisplay.from_estimator(
    *models, names=["4 units", "64 units"], log_scale=True
)
plt.show()
