"""
Look at a network, and at its training
======================================

Three displays in the manner of scikit-learn's: the network drawn, what happened in training, and the loss of several
networks in one picture. Here they look at breast tumours, irises and handwritten digits.
"""

import warnings
from itertools import pairwise

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
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
display = NetworkDisplay.from_estimator(flowers)
plt.show()

samples = irises.data.median().to_frame().T.loc[[0, 0]]
samples.iloc[:, 2:] = [[6.5, 2.3], [1.2, 0.2]]  # long petals, and short ones
assert flowers.predict(samples).tolist() == ["virginica", "setosa"]

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
# A picture of what goes wrong: eight layers of sigmoids. On its way back the gradient gets several times smaller with
# each layer, until that of the penalty is all that is left, which draws the weights of the first layers to zero; the
# loss stays where it is. With tanh all layers learn.

settings = {"early_stopping": False, "max_iter": 15, "n_iter_no_change": None}
settings |= {"weight_init": "glorot", "random_state": 0}
figure = plt.figure(figsize=(7.5, 13), layout="constrained")
above, below = figure.subfigures(2, 1)
deep = {}
for part, activation in ((above, "sigmoid"), (below, "tanh")):
    network = BackpropClassifier([20] * 8, activation=activation, **settings)
    with warnings.catch_warnings():  # the sigmoids have learnt nothing
        warnings.filterwarnings("ignore", "The fitted network is useless")
        model = make_pipeline(StandardScaler(), network).fit(X, y)
    display = TrainingDisplay.from_estimator(model, figure=part)
    part.suptitle(activation)
    deep[activation] = model[-1].history_
plt.show()

first = [deep["sigmoid"][f"gradient_norm_{layer}"][0] for layer in range(1, 10)]
print("sigmoid, first epoch, from layer 9 back to layer 1:")
print(*(f"{norm:.0e}" for norm in first[::-1]))
assert all(2 * norm < after for norm, after in pairwise(first[3:]))
assert deep["sigmoid"]["loss"][-1] > 0.98 * deep["sigmoid"]["loss"][0]
assert deep["tanh"]["loss"][-1] < 0.2 * deep["tanh"]["loss"][0]

# %%
# Several networks
# ----------------
#
# The loss alone, of two networks in one picture. The wider one is better on samples that neither has seen.

models = []
for units in (4, 64):
    network = TwoLayerClassifier(units, early_stopping=True, random_state=0)
    models.append(make_pipeline(StandardScaler(), network).fit(X, y))
names = ["4 units", "64 units"]
display = LossCurveDisplay.from_estimator(*models, names=names, log_scale=True)
plt.show()

narrow, wide = (min(model[-1].history_["validation_loss"]) for model in models)
assert wide < narrow / 2
