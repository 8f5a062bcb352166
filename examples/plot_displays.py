"""
Look at a network, and at its training
======================================

Three displays work like those of scikit-learn. One draws a network, one shows what happened in training, and one shows
the loss of several networks in one picture. The examples use breast tumours, irises and handwritten digits.
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
# This network has thirty measurements of a tumour as inputs, and one output: the probability that it is malignant. The
# names of the features come from the table, through the scaler. Of the thirty inputs, only the twelve with the largest
# weights are drawn, and the same holds for the hidden units.

tumours = load_breast_cancer(as_frame=True)
y = tumours.target_names[tumours.target]
small = make_pipeline(
    StandardScaler(), TwoLayerClassifier(16, random_state=0)
).fit(tumours.data, y)
NetworkDisplay.from_estimator(small)
plt.show()

# %%
# You can read small networks. This one has four measurements of a flower and three species. Follow the lines from the
# petals through the hidden units to *virginica*, whose petals are long and wide, and to *setosa*, whose petals are
# short.

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
# The next network classifies handwritten digits. By default a search finds the number of epochs, with some samples held
# out; its curves are pale. The dotted line marks its best epoch. From there the final training continues on all
# samples, while the learning rate falls to zero. The loss is drawn in two parts, the data term and the penalty. Only
# the data term can be compared with the validation loss, which does not include the penalty.

X, y = load_digits(return_X_y=True)
TrainingDisplay.from_estimator(
    make_pipeline(StandardScaler(), TwoLayerClassifier(random_state=0)).fit(
        X, y
    )
)
plt.show()

# %%
# The display also shows what goes wrong, here in a network of eight layers of sigmoids. On its way back the gradient
# gets several times smaller with each layer. In the first layers only the gradient of the penalty is left, which pulls
# their weights to zero, and the loss stays the same. With tanh all layers learn.

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
# This display shows only the loss, here of two networks in one picture. The wider network is better on samples that
# neither has seen.

models = []
for units in (4, 64):
    network = TwoLayerClassifier(units, early_stopping=True, random_state=0)
    models.append(make_pipeline(StandardScaler(), network).fit(X, y))
names = ["4 units", "64 units"]
display = LossCurveDisplay.from_estimator(*models, names=names, log_scale=True)
plt.show()

narrow, wide = (min(model[-1].history_["validation_loss"]) for model in models)
assert wide < narrow / 2
