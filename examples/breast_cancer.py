"""Tell malignant from benign tumours: a whole job on real data, from loading it to using the model somewhere else.

python examples/breast_cancer.py [--output FOLDER]

It takes some ten seconds, most of them for the search, and says what it is about to do.
The folder (by default a new temporary one) receives the model, what a second process that uses it reads and writes, and
a picture of the loss if matplotlib is installed.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    train_test_split,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import LossCurveDisplay, TwoLayerClassifier

# What a second Python runs that knows nothing but three file names.
SECOND_PROCESS = """
import sys, joblib
model_file, samples_file, result_file = sys.argv[1:]
model, samples = joblib.load(model_file), joblib.load(samples_file)
joblib.dump(model.predict_proba(samples), result_file)
"""


def load():
    """Return the measurements as a DataFrame, and the diagnoses as strings: labels need not be numbers."""
    data = load_breast_cancer(as_frame=True)
    diagnoses = data.target_names[data.target]
    print(f"Loaded {len(data.data)} tumours with {data.data.shape[1]} measurements each.")
    return data.data, diagnoses


def build():
    """Return the pipeline: a network wants features of about the same size, hence the scaler."""
    return Pipeline([("scale", StandardScaler()), ("network", TwoLayerClassifier(hidden_units=16, random_state=0))])


def report(title, model, X_test, y_test):
    """Print how well a fitted model does on samples that it has not seen."""
    predicted, probabilities = model.predict(X_test), model.predict_proba(X_test)
    print(f"\n{title}, on {len(y_test)} tumours that it has not seen:")
    print(f"  accuracy {accuracy_score(y_test, predicted):.4f}")
    print(f"  log loss {log_loss(y_test, probabilities, labels=model.classes_):.4f}")
    print("  confusion matrix (rows: the truth, columns: the prediction)")
    print(" " * 14 + "".join(f"{name:>11}" for name in model.classes_))
    for name, counts in zip(model.classes_, confusion_matrix(y_test, predicted, labels=model.classes_), strict=True):
        print(f"  {name:>12}" + "".join(f"{count:11d}" for count in counts))


def search(X_train, y_train):
    """Return the best of eight networks by cross-validation, trained on the whole training set."""
    grid = {"network__hidden_units": [16, 64], "network__alpha": [1e-3, 3e-3, 1e-2, 3e-2]}
    print(f"\nSearching {len(ParameterGrid(grid))} settings with 5 folds each, for some seconds ...", flush=True)
    tried = GridSearchCV(build(), grid, scoring="neg_log_loss", cv=5, n_jobs=2).fit(X_train, y_train)
    best = ", ".join(f"{name.removeprefix('network__')} {value}" for name, value in tried.best_params_.items())
    print(f"  best: {best} (log loss {-tried.best_score_:.4f} in cross-validation)")
    return tried.best_estimator_


def compare(before, after, X_test, y_test):
    """Print how much better one model is than another on the same samples, and whether these can tell.

    A search takes the best of many noisy scores, so its winner owes some of its score to luck, which does not come
    along to the test samples. There it may well be behind the model that it is to replace.
    """
    truth = np.searchsorted(after.classes_, y_test)
    losses = [-model.predict_log_proba(X_test)[np.arange(len(truth)), truth] for model in (before, after)]
    gains = losses[0] - losses[1]
    gain, error = gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains))
    print(
        f"  log loss {'lower' if gain > 0 else 'higher'} by {abs(gain):.4f}, with a standard error of {error:.4f}:",
        end=" ",
    )
    if abs(gain) > 2 * error:
        print("that is more than chance.")
    else:
        print(f"{len(gains)} tumours cannot tell the two apart.")


def save_and_use_elsewhere(model, X_test, folder):
    """Save the model, have a second process load it, and check that it predicts the same bits."""
    files = [folder / name for name in ("model.joblib", "samples.joblib", "probabilities.joblib")]
    print("\nStarting a second Python, which loads the model and predicts ...", flush=True)
    joblib.dump(model, files[0])
    joblib.dump(X_test, files[1])
    subprocess.run([sys.executable, "-c", SECOND_PROCESS, *map(str, files)], check=True)
    if not np.array_equal(joblib.load(files[2]), model.predict_proba(X_test)):
        raise SystemExit("The second process predicts something else.")
    print(f"Saved the model, {files[0].stat().st_size / 1000:.0f} kB: {files[0]}")
    print("A second process loaded it and predicts the same, bit for bit.")


def plot(model, folder):
    """Draw the training and the validation loss of each epoch, if matplotlib is installed."""
    try:
        import matplotlib
    except ImportError:
        print("\nNo picture of the loss: matplotlib is not installed.")
        return
    matplotlib.use("agg")  # draws into files, needs no screen
    display = LossCurveDisplay.from_estimator(model)
    display.figure_.savefig(folder / "loss.png")
    print(f"\nDrew the loss of each epoch: {folder / 'loss.png'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder for the model and the picture; by default a temporary one")
    output = parser.parse_args().output
    folder = Path(tempfile.mkdtemp(prefix="breast_cancer_")) if output is None else output
    folder.mkdir(parents=True, exist_ok=True)

    print("Trains, searches, saves, and predicts again in a second process: about ten seconds.", flush=True)
    X, y = load()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)

    model = build().fit(X_train, y_train)
    network = model["network"]
    print(f"Trained on {len(X_train)} of them: {network.best_iter_} epochs, found with some of them held out,")
    print(f"then {network.n_iter_ - network.best_iter_} epochs on all, with a falling learning rate.")
    report("The network", model, X_test, y_test)

    best = search(X_train, y_train)
    report("The best network of the search", best, X_test, y_test)
    compare(model, best, X_test, y_test)

    save_and_use_elsewhere(best, X_test, folder)
    plot(best, folder)


if __name__ == "__main__":
    main()
