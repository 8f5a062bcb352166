"""Write the golden files: small models as this version saves them, with their predictions.

    python tools/make_golden.py

makes ``tests/golden/<version>/``. If the version is a release and the folder exists, it raises an error, since the
files of a release must not change: ``tests/test_golden.py`` loads them with every later version. Run it once for each
release. The files of a development version are overwritten.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import LeakyRelu
from skbackprop.losses import LogLoss
from skbackprop.preprocessing import PiecewiseLinearEncoder
from skbackprop.solvers import SGD

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
FIXED = {
    "max_iter": 4,
    "alpha": 1e-3,
    "batch_size": 8,
    "n_iter_no_change": None,
    "early_stopping": False,
    "random_state": 0,
}


def rows() -> np.ndarray:
    """Return the rows that every golden model is trained on and predicts."""
    return np.round(np.random.RandomState(0).standard_normal((24, 3)), 3)


def models() -> dict[str, Any]:
    """Return fitted models, one for each kind of content of a file."""
    X = rows()
    two, three = (X[:, 0] > 0).astype(int), np.digitize(X[:, 1], [-0.4, 0.4])
    resumable = TwoLayerClassifier(3, warm_start=True, learning_rate=0.01, **FIXED)
    streamed = TwoLayerClassifier(3, learning_rate=0.01, **FIXED)
    objects = BackpropClassifier(
        (3, 2),
        activation=[LeakyRelu(slope=0.2), "gelu"],
        loss=LogLoss(label_smoothing=0.1),
        solver=SGD(momentum=0.9, nesterov=True),
        learning_rate=0.05,
        **FIXED,
    )
    many = np.random.RandomState(1).standard_normal((300, 3))
    auto = TwoLayerClassifier(3, learning_rate=0.02, max_iter=40, warm_start=True, random_state=0)
    return {
        "auto": auto.fit(many, (many[:, 0] * many[:, 1] > 0).astype(int)),
        "binary": TwoLayerClassifier(3, learning_rate=0.01, **FIXED).fit(X, np.array(["no", "yes"])[two]),
        "multiclass": BackpropClassifier((3, 2), learning_rate=0.01, **FIXED).fit(X, three),
        "multilabel": TwoLayerClassifier(3, learning_rate=0.01, **FIXED).fit(X, (X > 0).astype(int)),
        "float32": TwoLayerClassifier(3, learning_rate=0.01, **FIXED).fit(X.astype(np.float32), two),
        "objects": objects.fit(X, three),
        "resumable": resumable.fit(X, two),
        "streamed": streamed.partial_fit(X, two, classes=[0, 1]),
        "pipeline": make_pipeline(StandardScaler(), TwoLayerClassifier(3, learning_rate=0.01, **FIXED)).fit(X, two),
        "encoded": make_pipeline(PiecewiseLinearEncoder(n_bins=3), TwoLayerClassifier(3, **FIXED)).fit(X, two),
    }


def main() -> None:
    """Write the files of this version."""
    folder = GOLDEN / skbackprop.__version__
    if folder.exists() and "dev" not in folder.name:
        sys.exit(f"{folder} is there already: golden files stay as they are.")
    folder.mkdir(parents=True, exist_ok=True)
    answers = {}
    for name, model in models().items():
        joblib.dump(model, folder / f"{name}.joblib")
        skops.io.dump(model, folder / f"{name}.skops", compression=zipfile.ZIP_DEFLATED, compresslevel=9)
        answers[name] = model.predict_proba(rows()).tolist()
    content = json.dumps({"rows": rows().tolist(), "probabilities": answers})
    (folder / "answers.json").write_text(content, encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{len(list(folder.iterdir()))} files, {size} bytes in {folder}")


if __name__ == "__main__":
    main()
