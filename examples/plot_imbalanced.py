"""
One in twenty: class weights and thresholds
===========================================

A rare class can be given more weight while the network is trained, or a lower threshold when it decides. Both are
shown on the same samples, and what they do to the probabilities.
"""

import matplotlib.pyplot as plt
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
print(f"{'':24} precision  recall  balanced accuracy  average precision")
for name, model in models.items():
    predicted, ranks = model.predict(X_test), model.predict_proba(X_test)[:, 1]
    scores = [
        score(y_test, predicted)
        for score in (precision_score, recall_score, balanced_accuracy_score)
    ]
    print(
        f"{name:24} {scores[0]:9.3f} {scores[1]:7.3f} {scores[2]:18.3f} {average_precision_score(y_test, ranks):18.3f}"
    )

# %%
# The plain network misses nearly two of three positive samples, though it ranks best: its average precision is the
# highest, and the threshold does not change it.
# Weights and threshold both trade precision for recall, and end at much the same place.
#
# Where they stand on the curves
# ------------------------------
#
# The points are where each model decides. On the right, what becomes of the probabilities: the plain network's lie not
# far from the diagonal (of the samples that get 0.4, about 40 % are positive); those of the weighted one are far too
# high, since to it half of all samples seemed positive. Where probabilities count, tune the threshold.

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 5))
for name, model in (("plain", plain), ("class_weight='balanced'", weighted)):
    PrecisionRecallDisplay.from_estimator(
        model, X_test, y_test, name=name, ax=left
    )
    CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=8, strategy="uniform", name=name, ax=right
    )
for (name, model), marker in zip(models.items(), "os^", strict=True):
    predicted = model.predict(X_test)
    recall, precision = (
        recall_score(y_test, predicted),
        precision_score(y_test, predicted),
    )
    left.plot(recall, precision, f"k{marker}", label=f"decides: {name}")
left.legend(fontsize="small")
fig.tight_layout()
plt.show()
