"""Load damaged files: each is refused or answers as it can, and none kills, hangs or floods the process.

    python tools/robustness.py --files 700 --seed 0

writes small models with pickle, joblib, skops and ONNX, changes some bytes of each copy, or a value of skops's schema,
and loads it in a process of its own that may take 2 GB more than it has. A changed skops file is zipped again, so that
its checksums are right. It prints what became of the files, and the findings; the exit code is their number. 700 files
of each kind take ten seconds.

Findings are: the process died, or was not done within 30 seconds; memory ran out over a skops file that listed nothing
but our classes; our own code raised something other than a ValueError. Whatever else a damaged pickle does is pickle's:
it is a program.

The other promises of this kind are kept by tests/test_memory.py (thousands of fits), tests/test_serving.py (fits and
predictions in threads and in processes, forked and spawned), tests/test_persistence.py (damaged histories),
tools/fuzz.py and tools/sequences.py.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import multiprocessing
import pickle
import resource
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from skbackprop import BackpropClassifier, TwoLayerClassifier
from skbackprop.activations import LeakyRelu
from skbackprop.losses import LogLoss
from skbackprop.solvers import SGD

SECONDS = 30  # that a file may take
MEMORY = 2 * 2**30  # bytes that a process may take beyond what it has when it starts
X = np.round(np.random.RandomState(0).standard_normal((80, 3)), 3)
SAME, OTHER, NO_MODEL = "same answers", "other answers", "something else was in it"

# ---------------------------------------------------------------------- the files


def models() -> list[Any]:
    """Return fitted models that hold whatever a file may hold."""
    words = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    parts = {"activation": [LeakyRelu(0.2), "gelu"], "loss": LogLoss(0.1), "solver": SGD(momentum=0.9)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few epochs
        return [
            TwoLayerClassifier(3, warm_start=True, max_iter=30, random_state=0).fit(X, words),
            BackpropClassifier((3, 2), max_iter=4, random_state=0, **parts).fit(X, np.digitize(X[:, 1], [-0.4, 0.4])),
            TwoLayerClassifier(3, max_iter=4, random_state=0).partial_fit(X, (X > 0).astype(int)),
        ]


def by_joblib(model: Any) -> bytes:
    """Return the content of a joblib file."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def load_skops(content: bytes) -> Any:
    """Load a skops file as the documentation says."""
    import skops.io

    types = skops.io.get_untrusted_types(data=content)
    if not all(name.startswith("skbackprop.") for name in types):
        raise PermissionError("it wants to build types that are not ours")
    return skops.io.loads(content, trusted=types)


def by_skops(model: Any) -> bytes:
    """Return the content of a skops file."""
    import skops.io

    return skops.io.dumps(model)


def by_onnx(model: Any) -> bytes:
    """Return the content of an ONNX file."""
    from skbackprop.onnx import to_onnx

    return to_onnx(model, X).SerializeToString()


def load_onnx(content: bytes) -> Any:
    """Return what answers for an ONNX file as a classifier would."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: X}
    return type("Session", (), {"predict_proba": lambda self, _: session.run(None, feed)[1]})()


Kind = tuple[Callable[[Any], bytes], Callable[[bytes], Any], list[str]]
KINDS: dict[str, Kind] = {
    "pickle": (pickle.dumps, pickle.loads, []),
    "joblib": (by_joblib, lambda content: joblib.load(io.BytesIO(content)), []),
    "skops": (by_skops, load_skops, ["skops"]),
    "onnx": (by_onnx, load_onnx, ["skl2onnx", "onnxruntime"]),
}

# ---------------------------------------------------------------------- the damage


def damaged(content: bytes, rng: np.random.RandomState) -> bytes:
    """Return bytes of which some were changed, cut out, doubled or put in."""
    start = rng.randint(len(content))
    end = min(len(content), start + int(rng.choice([1, 1, 1, 4, 30])))
    noise = rng.bytes(end - start)
    parts = [noise, b"", 2 * content[start:end], noise + content[start:end], b"\xff" * len(noise), b"\0" * len(noise)]
    return content[:start] + parts[rng.randint(len(parts))] + content[end:]


STRANGE: list[Any] = [None, [], {}, "", "x", -1, 0, 2**40, 1.5, True, ["loss"], {"a": 1}, "builtins", "object", "eval"]


def damaged_value(tree: Any, rng: np.random.RandomState) -> Any:
    """Change one value of a tree of dicts and lists in place: to something strange, or to another value beside it."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    key = keys[rng.randint(len(keys))]
    if isinstance(tree[key], (dict, list)) and tree[key] and rng.randint(8):
        damaged_value(tree[key], rng)
    elif rng.randint(3):
        tree[key] = STRANGE[rng.randint(len(STRANGE))]
    else:
        tree[key] = tree[keys[rng.randint(len(keys))]]
    return tree


def damaged_zip(content: bytes, rng: np.random.RandomState) -> bytes:
    """Return a zip file of which one member was damaged."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "schema.json" if rng.randint(2) else str(rng.choice([*members]))
    if name == "schema.json" and rng.randint(4):
        members[name] = json.dumps(damaged_value(json.loads(members[name]), rng)).encode()
    else:
        members[name] = damaged(members[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return buffer.getvalue()


# ---------------------------------------------------------------------- what becomes of a file


def try_file(kind: str, content: bytes, P: np.ndarray) -> tuple[str, str]:
    """Load a file and let it answer; return what became of it, and what is wrong with that, or an empty string."""
    step, loaded = "loading", None
    try:
        loaded = KINDS[kind][1](content)
        step = "answering"
        answers = np.asarray(loaded.predict_proba(X)) if hasattr(loaded, "predict_proba") else None
    except Exception as error:
        raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
        ours = step == "loading" and "/skbackprop/" in raised_in and not isinstance(error, ValueError)
        flooded = kind == "skops" and isinstance(error, MemoryError)
        wrong = "".join(traceback.format_exception(error)[-4:]) if ours or flooded else ""
        return f"{type(error).__name__} while {step}", wrong
    if answers is None:
        return NO_MODEL, ""
    return SAME if answers.shape == P.shape and np.allclose(answers, P, rtol=1e-6, atol=1e-9) else OTHER, ""


def work(connection: Any, kind: str) -> None:
    """Try the files that come, in a process whose memory is limited."""
    warnings.simplefilter("ignore")
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    while (task := connection.recv()) is not None:
        connection.send(try_file(kind, *task))


class Worker:
    """A process that tries files; another one takes its place where it dies or hangs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.start()

    def start(self) -> None:
        """Start a process."""
        context = multiprocessing.get_context("fork")  # a new process has everything imported
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, self.kind), daemon=True)
        self.process.start()
        theirs.close()

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.connection.close()

    def try_file(self, content: bytes, P: np.ndarray) -> tuple[str, str]:
        """Return what became of a file, and what is wrong with that."""
        try:
            self.connection.send((content, P))
            if self.connection.poll(SECONDS):
                return self.connection.recv()
            what = f"not done within {SECONDS} seconds"
        except (EOFError, OSError):
            self.process.join()
            what = f"the process died, exit code {self.process.exitcode}"
        self.stop()
        self.start()
        return what, what


def run(kind: str, n_files: int, seed: int, folder: Path) -> list[str]:
    """Try n_files damaged files of a kind; print what became of them, return the findings."""
    save, _, needed = KINDS[kind]
    if not all(find_spec(module) for module in needed):
        print(f"{kind}: skipped, it needs {', '.join(needed)}")
        return []
    rng, counts, findings, started = np.random.RandomState(seed), collections.Counter[str](), [], time.time()
    files = [(save(model), np.asarray(model.predict_proba(X))) for model in models()]
    worker = Worker(kind)
    for content, P in files:  # a file that is whole must pass
        outcome, wrong = worker.try_file(content, P)
        findings += [f"{kind}, undamaged: {outcome} {wrong}"] * (outcome != SAME)
    for number in range(n_files):
        content, P = files[number % len(files)]
        broken = (damaged_zip if kind == "skops" else damaged)(content, rng)
        outcome, wrong = worker.try_file(broken, P)
        counts[outcome] += 1
        if wrong:
            path = folder / f"{kind}-{seed}-{number}"
            path.write_bytes(broken)
            findings.append(f"{path}: {wrong}")
    worker.stop()
    print(f"\n{kind}: {n_files} files, {time.time() - started:.0f} s, {len(findings)} findings", flush=True)
    for outcome, count in counts.most_common():
        print(f"{count:6d}  {outcome}")
    return findings


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--files", type=int, default=700, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[*KINDS])
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="damaged-"))
    findings = [finding for kind in arguments.kinds for finding in run(kind, arguments.files, arguments.seed, folder)]
    for finding in findings:
        print(f"\n--- {finding}")
    if not any(folder.iterdir()):
        folder.rmdir()
    sys.exit(min(len(findings), 100))


if __name__ == "__main__":
    main()
