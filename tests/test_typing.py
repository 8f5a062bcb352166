"""Types, as mypy sees them in a user's program: what is right passes, what is wrong is refused."""

import re
import sys
from pathlib import Path

import pytest

import skbackprop

api = pytest.importorskip("mypy.api", reason="mypy is not installed")
SITE = Path(skbackprop.__file__).parents[1]

RIGHT = """
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from skbackprop import BackpropClassifier, LossCurveDisplay, Network, TwoLayerClassifier
from skbackprop import check_gradients, compare_gradients, explain_step
from skbackprop.activations import ACTIVATIONS, Activation, LeakyRelu, Tanh
from skbackprop.arrays import Cache, Parameters
from skbackprop.losses import LogLoss, SigmoidLink, SoftmaxLink
from skbackprop.schedules import Cosine, Schedule
from skbackprop.solvers import LBFGS, SGD, Adam, Solver

Floats = NDArray[np.floating[Any]]
X, y = np.zeros((20, 3)), np.arange(20) % 2
w: list[float] = [1.0] * 20


class Cube:
    def value(self, Z: Floats, out: Floats) -> Floats:
        return np.power(Z, 3, out=out)

    def derivative(self, Z: Floats, A: Floats, out: Floats) -> Floats:
        return np.multiply(3 * Z, Z, out=out)


class Sign:
    default_learning_rate, rate_follows_scale, full_batch_only = 0.01, False, False

    def init_state(self, theta: Floats) -> dict[str, Any]:
        return {}

    def stepper(self, parameters: Parameters, gradients: Parameters, state: dict[str, Any]) -> Any:
        return lambda rate: None


def uniform(rng: np.random.RandomState, n: int, m: int) -> NDArray[np.float64]:
    return rng.uniform(-0.1, 0.1, (n, m))


def halves(progress: float) -> float:
    return 1 - progress / 2


def score(estimator: TwoLayerClassifier, X: Any, y: Any) -> float:
    return estimator.score(X, y)


counts: dict[str, int] = {"a": 1, "b": 2}
clf = TwoLayerClassifier(8, activation=Cube(), solver=Sign(), weight_init=uniform, schedule=halves, scoring=score)
clf = TwoLayerClassifier(activation="tanh", loss=LogLoss(0.1), class_weight=counts, solver=LBFGS(), random_state=0)
deep = BackpropClassifier((8, 4), activation=["tanh", LeakyRelu()], solver=SGD(momentum=0.9), schedule=Cosine())
clf = clf.fit(X, y).fit(X.tolist(), ["a", "b"] * 10, sample_weight=w, X_val=X, y_val=y)
clf.fit(pd.DataFrame(X), pd.Series(y)).fit(sp.csr_array(X), y, w)
clf.partial_fit(X, y, classes={0, 1}).partial_fit(X, y)
P: Floats = clf.predict_proba(X)
labels: NDArray[Any] = clf.predict(pd.DataFrame(X))
share: float = clf.score(X, y, sample_weight=w)
weights: list[Floats] = deep.coefs_
epochs: int = deep.n_iter_
curve: list[float] = deep.history_["loss"]
inner: Network = clf.network_

net = Network([3, 4, 1], activation=Tanh(), link=SigmoidLink(), dtype=np.float32, random_state=np.random.RandomState(0))
cache: Cache = net.forward(X)
grads: Parameters = net.backward(cache, y, alpha=0.1)
net.W[0] -= 0.1 * grads.W[0]
net.W = [np.zeros((3, 4)), np.zeros((4, 1))]
net.theta = np.zeros(21)
net.update(grads, 0.1, Adam())
net.update(grads, 0.1, "adam")
first: Floats = net.W[0]
J: float = net.loss(cache, y)
numbers: NDArray[np.int64] = net.predict(X)
Network([3, 2], link=SoftmaxLink())

worst: float = check_gradients(clf, X, y) + check_gradients(net, X, y)
right: bool = bool(compare_gradients({"dW1": np.zeros((3, 4))}, net, X, y))
explain_step(net, X, y, learning_rate=0.1).save("step.html")
phi: Activation = ACTIVATIONS.resolve("relu")
slope: Floats = Tanh().derivative([0.5])
schedule: Schedule = Cosine()
solver: Solver = Adam(beta_2=0.99)
LossCurveDisplay([[1.0, 0.5]], validation_curves=[None]).plot(log_scale=True)
"""

# Each line that mypy must refuse ends in the code of its error.
WRONG = """
import numpy as np

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier, check_gradients, compare_gradients, explain_step
from skbackprop.activations import Relu
from skbackprop.losses import LogLoss
from skbackprop.solvers import LBFGS, Adam

X, y = np.zeros((20, 3)), np.arange(20) % 2
clf, net = TwoLayerClassifier(), Network([3, 4, 1])
cache = net.forward(X)

TwoLayerClassifier("many")  # arg-type
TwoLayerClassifier(8, "tanh")  # call-arg
TwoLayerClassifier(hidden_layer_sizes=(8,))  # call-arg
TwoLayerClassifier(activation=3)  # arg-type
TwoLayerClassifier(activation=["tanh"])  # arg-type
TwoLayerClassifier(loss=Relu())  # arg-type
TwoLayerClassifier(solver=LogLoss())  # arg-type
TwoLayerClassifier(learning_rate="fast")  # arg-type
TwoLayerClassifier(batch_size="all")  # arg-type
TwoLayerClassifier(class_weight="even")  # arg-type
TwoLayerClassifier(early_stopping="yes")  # arg-type
TwoLayerClassifier(random_state=np.random.default_rng(0))  # arg-type
BackpropClassifier(8)  # arg-type
clf.fit(X)  # call-arg
clf.fit(X, None)  # arg-type
clf.fit(object(), y)  # arg-type
clf.fit(X, y, weights=y)  # call-arg
clf.fit(X, y, X, y)  # call-arg
clf.partial_fit(X, y, classes=print)  # arg-type
clf.predict_proba({"a": 1})  # arg-type
name: str = clf.predict_proba(X)  # assignment
count: str = clf.n_iter_  # assignment
Network(3)  # arg-type
Network([3, 1], link=LogLoss())  # arg-type
net.loss(X, y)  # arg-type
net.update(cache, 0.1)  # arg-type
net.update(net.backward(cache, y), "0.1")  # arg-type
net.update(net.backward(cache, y), 0.1, LBFGS())  # arg-type
net.W[0] = print  # assignment
net.nonsense  # attr-defined
check_gradients("net", X, y)  # arg-type
compare_gradients([X], net, X, y)  # arg-type
explain_step(net, X, y, 0.1)  # call-arg
Adam(beta_3=0.9)  # call-arg
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what mypy says of both programs, as sets of (file, line, code), and its whole output."""
    folder = tmp_path_factory.mktemp("programs")
    files = [folder / "right.py", folder / "wrong.py"]
    for path, program in zip(files, (RIGHT, WRONG), strict=True):
        path.write_text(program, encoding="utf-8")
    (folder / "mypy.ini").write_text(
        "[mypy]\nstrict = true\n[mypy-pandas.*,scipy.*,sklearn.*,matplotlib.*]\nignore_missing_imports = true\n",
        encoding="utf-8",
    )
    options = ["--config-file", str(folder / "mypy.ini"), "--cache-dir", str(folder / "cache"), "--no-color-output"]
    with pytest.MonkeyPatch.context() as patch:
        if "site-packages" not in SITE.parts:  # where mypy looks by itself, and only there
            patch.setenv("MYPYPATH", str(SITE))
        output, errors, _ = api.run([*options, "--python-executable", sys.executable, *map(str, files)])
    assert not errors, errors
    lines = re.findall(r"(right|wrong)\.py:(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE)
    return {(name, int(line), code) for name, line, code in lines}, output


def test_a_program_with_types_is_right(found):
    errors, output = found
    assert not [error for error in errors if error[0] == "right"], output


def test_each_wrong_line_is_refused(found):
    errors, output = found
    lines = enumerate(WRONG.splitlines(), start=1)
    marked = {("wrong", number, line.rpartition("  # ")[2]) for number, line in lines if "  # " in line}
    assert {error for error in errors if error[0] == "wrong"} == marked, output


def test_the_package_itself_is_found_with_its_types(found):
    assert "import-untyped" not in found[1]
    assert "import-not-found" not in found[1]
