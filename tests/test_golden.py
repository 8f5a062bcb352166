"""Files that earlier versions wrote load for ever, and answer as they did. tools/make_golden.py writes them."""

import json
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path for suffix in ("joblib", "skops") for path in GOLDEN.glob(f"*/*.{suffix}"))

# A file of another version of skbackprop, scikit-learn or skops says so when it is loaded; that it still answers as it
# did is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*version.*")


def load(path):
    if path.suffix == ".joblib":
        if b"numpy._core" in path.read_bytes() and find_spec("numpy._core") is None:
            pytest.skip("NumPy 2 wrote this pickle; it names numpy._core, which this version of NumPy does not have")
        return joblib.load(path)
    skops_io = pytest.importorskip("skops.io", reason="the extra skops is not installed")
    types = skops_io.get_untrusted_types(file=path)
    assert all(name.startswith("skbackprop.") for name in types), types
    return skops_io.load(path, trusted=types)


def rows_and_answers(path):
    record = json.loads((path.parent / "answers.json").read_text(encoding="utf-8"))
    return np.array(record["rows"]), np.array(record["probabilities"][path.stem])


def file_id(path):
    return f"{path.parent.name}-{path.name}"


def test_there_are_golden_files():
    assert {path.suffix for path in FILES} == {".joblib", ".skops"}


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_a_golden_file_answers_as_it_did(path):
    X, P = rows_and_answers(path)
    model = load(path)
    np.testing.assert_allclose(model.predict_proba(X), P, rtol=1e-5 if path.stem == "float32" else 1e-12)
    assert model.predict(X).shape[0] == len(X)
    assert repr(model)


@pytest.mark.parametrize("path", [path for path in FILES if path.stem == "resumable"], ids=file_id)
def test_a_golden_file_is_trained_further(path):
    X, _ = rows_and_answers(path)
    model = load(path)
    before = list(model.loss_curve_)
    model.fit(X, (X[:, 0] > 0).astype(int))
    assert model.loss_curve_[: len(before)] == before
    assert len(model.loss_curve_) == 2 * len(before)


@pytest.mark.parametrize("path", [path for path in FILES if path.stem == "auto"], ids=file_id)
def test_a_golden_search_goes_on(path):
    X, _ = rows_and_answers(path)
    model = load(path)
    before = list(model.loss_curve_)
    assert model.best_iter_ <= len(before)
    model.fit(X, (X[:, 0] * X[:, 1] > 0).astype(int))
    assert model.loss_curve_[: len(before)] == before
    assert len(model.loss_curve_) == len(before) + model.n_iter_


@pytest.mark.parametrize("path", [path for path in FILES if path.stem == "streamed"], ids=file_id)
def test_a_golden_stream_goes_on(path):
    X, _ = rows_and_answers(path)
    model = load(path)
    before = model.coefs_[0].copy()
    model.partial_fit(X, (X[:, 0] > 0).astype(int))
    assert not np.array_equal(model.coefs_[0], before)
