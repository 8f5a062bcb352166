"""
One in twenty: class weights and thresholds
===========================================

There are two ways to treat a rare class: give it more weight in training, or lower the threshold of the decision. This
example shows both on the same samples, and their effect on the probabilities.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    balanced_accuracy_score,
    precision_score,
    recall_score,
)
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import TwoLayerClassifier

X, y = make_classification(
    8000,
    20,
    n_informative=8,
    n_clusters_per_class=3,
    weights=[0.95],
    flip_y=0.02,
    class_sep=0.7,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, random_state=0
)
print(f"{y_train.mean():.3f} of the training samples are positive")

# %%
# Three ways
# ----------

network = TwoLayerClassifier(32, early_stopping=True, random_state=0)
plain = make_pipeline(StandardScaler(), network).fit(X_train, y_train)
network = TwoLayerClassifier(
    32, class_weight="balanced", early_stopping=True, random_state=0
)
weighted = make_pipeline(StandardScaler(), network).fit(X_train, y_train)
tuned = TunedThresholdClassifierCV(
    plain, scoring="balanced_accuracy", cv=3
).fit(X_train, y_train)
print(f"tuned threshold: {tuned.best_threshold_:.3f}\n")

models = {
    "plain": plain,
    "class_weight='balanced'": weighted,
    "tuned threshold": tuned,
}
table = {}
print(f"{'':24} precision  recall  balanced accuracy  average precision")
for name, model in models.items():
    predicted, ranks = model.predict(X_test), model.predict_proba(X_test)[:, 1]
    table[name] = [
        precision_score(y_test, predicted),
        recall_score(y_test, predicted),
        balanced_accuracy_score(y_test, predicted),
        average_precision_score(y_test, ranks),
    ]
    print("{:24} {:9.3f} {:7.3f} {:18.3f} {:18.3f}".format(name, *table[name]))

# %%
# The plain network misses nearly two of three positive samples, although it ranks the samples best: its average
# precision is the highest, and a threshold does not change that. Class weights and a lower threshold both increase
# recall and decrease precision. On this table the threshold loses less precision and reaches the better balanced
# accuracy.

precision, recall, balanced, average = zip(*table.values(), strict=True)
assert 0.6 < 1 - recall[0] < 2 / 3
assert average[0] == average[2] > average[1]
assert precision[1] < precision[2] < precision[0]
assert balanced[0] < balanced[1] < balanced[2]

# %%
# Where they stand on the curves
# ------------------------------
#
# The points mark each model's decision threshold. Tuning the threshold moves the point along the curve of the plain
# network; class weights make another network with another curve. The right panel shows how well the probabilities are
# calibrated. Those of the plain network are close to the diagonal. Those of the weighted network are far too high,
# because with its weights half of the training samples seem positive. If you need probabilities, tune the threshold.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.5, 5.5), layout="constrained"
)
for name, model in (("plain", plain), ("weighted", weighted)):
    PrecisionRecallDisplay.from_estimator(
        model, X_test, y_test, name=name, ax=left
    )
    CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=8, strategy="uniform", name=name, ax=right
    )
for name, marker, p, r in zip(table, "os^", precision, recall, strict=True):
    left.plot(r, p, f"k{marker}", label=f"decides: {name}")
for ax in (left, right):
    ax.set(xlabel=ax.get_xlabel().split(" (")[0])
    ax.set(ylabel=ax.get_ylabel().split(" (")[0])
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15))

P = plain.predict_proba(X_test)[:, 1], weighted.predict_proba(X_test)[:, 1]
too_high = [p.mean() / y_test.mean() for p in P]
print("mean probability over the share of positives:", np.round(too_high, 2))
assert abs(too_high[0] - 1) < 0.25
assert too_high[1] > 3
plt.show()
