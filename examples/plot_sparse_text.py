"""
Sparse input: which part of scikit-learn is it from?
====================================================

Words make wide tables that are nearly all zeros. The network takes them as a CSR matrix and never makes them dense.
The texts are at hand on every machine that can run this: the docstrings of scikit-learn. The task: from a function's
or method's docstring alone, without names of modules, tell which part of the library it belongs to.
"""

import importlib
import inspect
import pkgutil
import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skbackprop import TwoLayerClassifier

PARTS = [
    "cluster",
    "datasets",
    "ensemble",
    "feature_extraction",
    "linear_model",
    "metrics",
    "model_selection",
]
PARTS += ["preprocessing", "utils"]


def docstrings(part):
    """Return the distinct docstrings of a subpackage's functions, classes and methods."""
    package = importlib.import_module(f"sklearn.{part}")
    texts = set()
    for info in pkgutil.iter_modules(package.__path__):
        if info.name in ("tests", "setup", "conftest"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = importlib.import_module(f"sklearn.{part}.{info.name}")
        except ImportError:
            continue
        for _, thing in inspect.getmembers(module):
            if getattr(
                thing, "__module__", None
            ) != module.__name__ or not callable(thing):
                continue
            things = (
                [thing, *vars(thing).values()]
                if inspect.isclass(thing)
                else [thing]
            )
            texts |= {
                str(each.__doc__)
                for each in things
                if callable(each) and each.__doc__
            }
    return sorted(text for text in texts if len(text) > 80)


texts, labels = [], []
for part in PARTS:
    for text in docstrings(part):
        texts.append(
            re.sub(r"[\w.]*(sklearn|" + "|".join(PARTS) + r")[\w.]*", " ", text)
        )
        labels.append(part)
labels = np.array(labels)
texts_train, texts_test, y_train, y_test = train_test_split(
    texts, labels, stratify=labels, random_state=0
)
print(
    f"scikit-learn {sklearn.__version__}: {len(texts)} docstrings,",
    {part: labels.tolist().count(part) for part in PARTS},
)

# %%
# Words to features
# -----------------

vectorizer = TfidfVectorizer(min_df=2, sublinear_tf=True, dtype=np.float32)
X_train, X_test = (
    vectorizer.fit_transform(texts_train),
    vectorizer.transform(texts_test),
)
print(f"{X_train.shape[0]} × {X_train.shape[1]}, {100 * X_train.nnz / np.prod(X_train.shape):.1f} % not zero: "
      f"{X_train.data.nbytes / 1e6:.1f} MB sparse, {np.prod(X_train.shape) * 4 / 1e6:.0f} MB dense")  # fmt: skip

# %%
# The network
# -----------
#
# Samples by tf-idf have length one, so there is nothing to scale. A float32 X makes a float32 network, half the size.
# Sparse X and dense X give the same network but for rounding:

network = TwoLayerClassifier(
    50, alpha=1e-4, max_iter=30, early_stopping=True, random_state=0
)
few = {"max_iter": 2, "n_iter_no_change": None, "early_stopping": False}
sparse = TwoLayerClassifier(10, random_state=0, **few).fit(
    X_train[:500], y_train[:500]
)
dense = TwoLayerClassifier(10, random_state=0, **few).fit(
    X_train[:500].toarray(), y_train[:500]
)
print(
    "dtype:",
    sparse.coefs_[0].dtype,
    "- largest difference:",
    np.abs(sparse.coefs_[0] - dense.coefs_[0]).max(),
)

# %%
# Against logistic regression, the usual choice for such samples:

for name, model in (
    ("network", network),
    ("logistic regression", LogisticRegression(C=10, max_iter=500)),
):
    fitted = make_pipeline(vectorizer, model).fit(texts_train, y_train)
    loss = log_loss(y_test, fitted.predict_proba(texts_test))
    print(
        f"{name:20} accuracy {fitted.score(texts_test, y_test):.3f}, log loss {loss:.3f}"
    )
    if name == "network":
        best = fitted

# %%
# Which part is taken for which? Most mistakes have to do with ``utils``, the largest part, which has a bit of
# everything: it is what is predicted, or what would have been right.

fig, ax = plt.subplots(figsize=(7, 6), layout="constrained")
display = ConfusionMatrixDisplay.from_estimator(
    best, texts_test, y_test, ax=ax, xticks_rotation="vertical", colorbar=False
)
predicted = best.predict(texts_test)
wrong = predicted != y_test
with_utils = (predicted == "utils") | (y_test == "utils")
print(f"{wrong.sum()} mistakes, {(wrong & with_utils).sum()} with utils")
assert (wrong & with_utils).sum() > wrong.sum() / 2
plt.show()
