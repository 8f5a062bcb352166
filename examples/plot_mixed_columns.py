"""
Numbers and categories in one table
===================================

A typical table has numbers on different scales, missing values, and categories, some of them rare. A
``ColumnTransformer`` turns it into one matrix for the network, and a search over the whole pipeline finds good
settings.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skbackprop import LossCurveDisplay, TwoLayerClassifier

# %%
# Who cancels?
# ------------
#
# The table describes imaginary customers. Students cancel if they pay much, and pensioners if they have paid little for
# a long time. That is an interaction, which a linear model on the same columns cannot learn.

rng = np.random.default_rng(0)
n = 2000
table = pd.DataFrame(
    {
        "fee": rng.gamma(4, 10, n).round(2),
        "months": rng.integers(1, 120, n).astype(float),
        "calls": rng.poisson(2, n).astype(float),
        "kind": rng.choice(
            ["student", "worker", "pensioner"], n, p=[0.3, 0.5, 0.2]
        ),
        "region": rng.choice(
            ["north", "south", "east", "west", "island"],
            n,
            p=[0.3, 0.3, 0.2, 0.195, 0.005],
        ),
    }
)
score = 0.5 * table["calls"] - 2 + (table["region"] == "north")
score += np.where(table["kind"] == "student", 0.08 * (table["fee"] - 40), 0)
score += np.where(
    table["kind"] == "pensioner",
    0.03 * (table["months"] - 60) - 0.05 * (table["fee"] - 40),
    0,
)
cancels = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "cancels", "stays")
table.loc[rng.random(n) < 0.1, "fee"] = np.nan
table.loc[rng.random(n) < 0.05, "kind"] = None
print(table.head())
X_train, X_test, y_train, y_test = train_test_split(
    table, cancels, stratify=cancels, random_state=0
)

# %%
# The pipeline
# ------------

numbers = make_pipeline(
    SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
)
words = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20)
columns = make_column_transformer(
    (numbers, make_column_selector(dtype_include="number")),
    (words, make_column_selector(dtype_exclude="number")),
)
model = Pipeline(
    [("columns", columns), ("network", TwoLayerClassifier(random_state=0))]
)

# %%
# The search
# ----------
#
# The search draws twelve settings of the columns and of the network together, and fits each on three folds.

search = RandomizedSearchCV(
    model,
    {
        "columns__pipeline__simpleimputer__strategy": ["median", "mean"],
        "network__hidden_units": [8, 32, 100],
        "network__alpha": [1e-4, 1e-3, 1e-2],
        "network__activation": ["relu", "tanh"],
    },
    n_iter=12,
    scoring="neg_log_loss",
    cv=3,
    random_state=0,
).fit(X_train, y_train)
print("best:", search.best_params_)
results = pd.DataFrame(search.cv_results_).sort_values("rank_test_score")
print(
    results[
        [
            "param_network__hidden_units",
            "param_network__alpha",
            "mean_test_score",
        ]
    ]
    .head(3)
    .to_string(index=False)
)

# %%
# Compare the network with a linear model on the same columns, and with one that always predicts the shares of the
# classes.

linear = Pipeline(
    [("columns", columns), ("linear", LogisticRegression(max_iter=1000))]
).fit(X_train, y_train)
dummy = DummyClassifier(strategy="prior").fit(X_train, y_train)
losses = {}
for name, fitted in (
    ("shares of the classes", dummy),
    ("logistic regression", linear),
    ("network", search),
):
    losses[name] = log_loss(y_test, fitted.predict_proba(X_test))
    accuracy = np.mean(fitted.predict(X_test) == y_test)
    print(f"{name:22} log loss {losses[name]:.3f}, accuracy {accuracy:.3f}")

shares, line, network = losses.values()
assert network < line - 0.03 < shares - 0.06

# %%
# The left panel shows the training of the best network. The pale curves are the search for the number of epochs, with
# the validation loss dashed. From its best epoch, training continues on all samples with a falling rate. The right
# panel shows how much the log loss rises if one column is shuffled. The columns keep their names throughout.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.5, 4.5), layout="constrained"
)
LossCurveDisplay.from_estimator(search, ax=left)
left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15))
importance = permutation_importance(
    search, X_test, y_test, scoring="neg_log_loss", n_repeats=5, random_state=0
)
order = importance.importances_mean.argsort()
right.barh(
    table.columns[order],
    importance.importances_mean[order],
    xerr=importance.importances_std[order],
)
right.set(xlabel="log loss, shuffled minus as it is")
right.locator_params(axis="x", nbins=4)
plt.show()
