"""explain_step: the numbers are the network's own, the arithmetic adds up, the page needs nothing but itself."""

import copy
import json
import pickle
import re
from html.parser import HTMLParser
from itertools import chain

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import expit, ndtr
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier, explain_step
from skbackprop.activations import ACTIVATIONS, LeakyRelu
from skbackprop.explanation import StepExplanation
from skbackprop.losses import LogLoss, SigmoidLink

X = np.random.RandomState(7).standard_normal((5, 3)).round(2)
Y_BINARY = np.array([[1.0], [0.0], [1.0], [1.0], [0.0]])
Y_ONE_HOT = np.eye(3)[[0, 2, 1, 1, 0]]
Y_LABELS = np.array([[1.0, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])
W = np.array([1.0, 2, 0.5, 1, 3])
TARGETS = {  # output units and settings, targets
    "binary": (1, {}, Y_BINARY),
    "softmax": (3, {}, Y_ONE_HOT),
    "multilabel": (3, {"link": "sigmoid"}, Y_LABELS),
    "squared": (1, {"loss": "squared_error"}, Y_BINARY),
    "squared softmax": (3, {"loss": "squared_error"}, Y_ONE_HOT),
    "squared multilabel": (3, {"loss": "squared_error", "link": "sigmoid"}, Y_LABELS),
    "smoothed": (1, {"loss": LogLoss(0.1)}, Y_BINARY),
    "smoothed softmax": (3, {"loss": LogLoss(0.1)}, Y_ONE_HOT),
}
HIDDEN = [(), (4,), (4, 3), (4, 3, 2)]
PHIS = ["tanh", "sigmoid", "softplus"]
EXTRAS = {"plain": {}, "weights and penalty": {"sample_weight": W, "alpha": 0.1}}


def problem(targets="binary", hidden=(4,), **settings):
    n_outputs, given, Y = TARGETS[targets]
    parts = {"activation": PHIS[: len(hidden)], "random_state": 1, "weight_init": "lecun"}
    net = Network([3, *hidden, n_outputs], **(parts | given | settings))
    rng = np.random.RandomState(5)
    net.b = [rng.standard_normal(b.shape).round(1) for b in net.b]
    return net, Y


def by_name(explanation):
    return {step.name: step for step in explanation.steps}


class Page(HTMLParser):
    """The steps of a page: attributes, rows of cells, and numbers in running text."""

    def __init__(self, html):
        super().__init__()
        self.articles, self.cell, self.ids, self.tags = {}, None, [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "article":
            self.article = {"rows": [], "worked": [], **attributes}
            self.articles[attributes["data-name"]] = self.article
        elif tag == "tr":
            self.article["rows"].append([])
        elif "data-value" in attributes:
            self.cell = [attributes, ""]
            (self.article["rows"][-1] if tag == "td" else self.article["worked"]).append(self.cell)

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[1] += data

    def handle_endtag(self, tag):
        self.cell = None if tag in ("td", "data") else self.cell

    def values(self, name):
        rows = [[float(cell["data-value"]) for cell, _ in row] for row in self.articles[name]["rows"]]
        return np.array([row for row in rows if row])

    def parts(self, name):
        return list(json.loads(self.articles[name]["data-used"]))


def own_arrays(net, X, Y, learning_rate, sample_weight=None, alpha=0.0):
    """Return what a network's own methods compute, by name."""
    cache = net.forward(X)
    grads, J = net.backward(cache, Y, sample_weight, alpha), net.loss(cache, Y, sample_weight, alpha)
    after = copy.deepcopy(net)
    after.update(grads, learning_rate)
    arrays = {"X": X, "Y": Y, "J": J, "J_new": after.loss(after.forward(X), Y, sample_weight, alpha)}
    for l in range(1, len(net.W) + 1):
        arrays |= {f"Z{l}": cache.Z[l - 1], f"A{l}": cache.A[l], f"dZ{l}": cache.dZ[l - 1]}
        arrays |= {f"dA{l}": dA for dA in cache.dA[l - 1 : l]}
        for letter in "Wb":
            arrays[f"{letter}{l}"] = getattr(net, letter)[l - 1]
            arrays[f"d{letter}{l}"] = getattr(grads, letter)[l - 1]
            arrays[f"{letter}{l}_new"] = getattr(after, letter)[l - 1]
    return arrays


# ---------------------------------------------------------------- the numbers


@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("targets", TARGETS)
def test_the_numbers_on_the_page_are_the_network_s_own(targets, hidden, extras):
    net, Y = problem(targets, hidden)
    explanation = explain_step(net, X, Y, learning_rate=0.5, **EXTRAS[extras])
    page, steps = Page(explanation._repr_html_()), by_name(explanation)
    arrays = own_arrays(net, X, Y, 0.5, **EXTRAS[extras])
    beside = {"losses"} | ({"w", "c", "penalty"} if EXTRAS[extras] else set())
    assert set(page.articles) == set(steps) == set(arrays) | beside
    for name, array in arrays.items():
        np.testing.assert_array_equal(page.values(name), np.atleast_2d(array), err_msg=name)
        np.testing.assert_array_equal(steps[name].value, array, err_msg=name)
        assert steps[name].shape == np.shape(array)
    losses = net.loss_function.value(net.forward(X).Z[-1], Y, net.link)
    np.testing.assert_array_equal(page.values("losses")[0], losses)
    if EXTRAS[extras]:
        np.testing.assert_allclose(page.values("c")[:, 0], W / W.sum())
        assert steps["J"].value == pytest.approx(np.average(losses, weights=W) + steps["penalty"].value)
        assert steps["penalty"].value == pytest.approx(0.05 * sum(np.sum(each**2) for each in net.W))


def test_a_number_shows_four_digits_of_its_value():
    page = Page(explain_step(*problem_with_large_numbers())._repr_html_())
    shown = [cell for article in page.articles.values() for row in article["rows"] for cell in row]
    shown += [cell for article in page.articles.values() for cell in article["worked"]]
    assert len(shown) > 100
    for attributes, text in shown:
        number = re.sub(r"\s", "", text).replace("−", "-")
        assert float(number) == float(f"{float(attributes['data-value']):.4g}")


def problem_with_large_numbers():
    net, Y = problem("softmax", (4,), activation="identity")
    net.W[1] *= 1e-4
    return net, X * [1e-7, 1e6, 1.0], Y


def test_numbers_are_aligned_at_their_decimal_points():
    net, Y = problem()
    lines = str(explain_step(net, X, Y)).splitlines()
    start = lines.index("X   (5, 3)   the samples, one a row") + 1
    columns = [[found.start() for found in re.finditer(r"\.", line)] for line in lines[start : start + 5]]
    assert len(set(chain(*columns))) == 3


def test_float32_numbers_are_shown_as_they_are():
    net, Y = problem("softmax", (4,), dtype=np.float32)
    page, cache = Page(explain_step(net, X, Y)._repr_html_()), net.forward(X)
    np.testing.assert_array_equal(page.values("A2").astype(np.float32), cache.A[2])
    assert float(by_name(explain_step(net, X, Y))["dW1"].difference) == pytest.approx(
        by_name(explain_step(net, X, Y))["dW1"].number, rel=1e-2
    )


@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("targets", TARGETS)
def test_the_central_difference_agrees(targets, hidden, extras):
    net, Y = problem(targets, hidden)
    for step in explain_step(net, X, Y, learning_rate=0.5, **EXTRAS[extras]).steps:
        if re.match("d[Wb]", step.name):
            assert step.difference == pytest.approx(step.number, rel=1e-5, abs=1e-9)
            assert not step.one_sided
        else:
            assert step.difference is None


class WrongSlope:
    def value(self, Z, out):
        return np.tanh(Z, out=out)

    def derivative(self, Z, A, out):
        out[...] = 2.0
        return out


def test_the_central_difference_shows_a_wrong_derivative():
    net, Y = problem(activation=WrongSlope())
    steps = by_name(explain_step(net, X, Y))
    assert steps["dW2"].difference == pytest.approx(steps["dW2"].number)
    assert abs(steps["dW1"].difference - steps["dW1"].number) > 0.1 * abs(steps["dW1"].number)
    assert not steps["dW1"].one_sided


def test_on_a_kink_the_difference_is_that_of_one_side():
    net = Network([2, 2, 1], random_state=0)
    net.W = [[[1.0, 1.0], [1.0, 1.0]], [[1.0], [0.5]]]
    net.b = [[0.0, 0.0], [-1.0]]
    xor = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]  # Z1 of the first sample is exactly zero
    explanation = explain_step(net, xor, [0, 1, 1, 0])
    db1 = by_name(explanation)["db1"]
    assert db1.one_sided
    assert db1.difference == pytest.approx(db1.number, abs=1e-4)
    assert "one-sided difference of J, on a kink, at b1[0]" in str(explanation)
    assert "one-sided difference, on a kink" in explanation._repr_html_()


# ---------------------------------------------------------------- the worked entries


FUNCTIONS = {"exp": np.exp, "log": np.log, "ndtr": ndtr, "expit": expit, "sqrt": np.sqrt, "pi": np.pi}


def evaluate(text):
    """Evaluate arithmetic as a page writes it."""
    functions = dict(FUNCTIONS)
    for name in ACTIVATIONS:
        phi = ACTIVATIONS.resolve(name)
        functions |= {name: phi, f"{name}_slope": phi.derivative}
    for sign, operator in {"−": "-", "·": "*", "²": "**2", "½": "0.5", "'": "_slope"}.items():
        text = text.replace(sign, operator)
    return float(eval(text, functions))


def check_worked(step):
    """Assert that a worked entry names its place and that its sides agree; tell whether there was one to check."""
    if not step.worked:
        return False
    place, *sides, result = step.worked.split(" = ")
    index = f"[{', '.join(map(str, step.entry))}]" if step.entry else ""
    assert place == step.name + index
    assert float(result.replace("−", "-")) == float(f"{float(np.asarray(step.value)[step.entry]):.4g}")
    numbers = [float(x) for x in re.findall(r"[\d.]+(?:e[+-]\d+)?", step.worked.replace("−", "-"))]
    for side in sides:
        if "…" not in side:
            assert evaluate(side) == pytest.approx(step.number, rel=4e-3, abs=1e-3 * max(numbers)), step.worked
    return all("…" not in side for side in sides)


@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("targets", TARGETS)
def test_worked_entries_come_to_what_they_say(targets, hidden, extras):
    net, Y = problem(targets, hidden)
    explanation = explain_step(net, X, Y, learning_rate=0.5, **EXTRAS[extras])
    checked = {step.name for step in explanation.steps if check_worked(step)}
    computed = {step.name for step in explanation.steps if step.phase != "given"}
    assert checked >= computed - {"J_new", "penalty"}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_worked_entries_of_every_activation(name):
    net, Y = problem(activation=name)
    steps = by_name(explain_step(net, X, Y))
    assert steps["A1"].formula == f"A1 = {steps['A1'].worked.split(' = ')[1].split('(')[0]}(Z1)"
    assert all(check_worked(steps[each]) for each in ("A1", "dZ1"))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_notes_say_what_each_activation_and_its_derivative_are(name):
    net, Y = problem(activation=name)
    steps, phi = by_name(explain_step(net, X, Y)), ACTIVATIONS.resolve(name)
    for step, function in ((steps["A1"], phi), (steps["dZ1"], phi.derivative)):
        text = step.note.split(" = ", 1)[1].split(" with ")[0]
        for replaced, by in {
            r"(.*) where z > 0, else (.*)": r"\1 if z > 0 else \2",
            "Φ": "ndtr",
            "σ": "expit",
            "√": "sqrt",
            "2π": "2*pi",
            r"(tanh|sigmoid)\(z\)": lambda found: {"tanh": "(2*expit(2*z) - 1)", "sigmoid": "expit(z)"}[found[1]],
            "²": "**2",
            "·": "*",
            "−": "-",
        }.items():
            text = re.sub(replaced, by, text)
        for z in (-1.3, 0.4):
            assert eval(text, {"max": max, "z": z, **FUNCTIONS}) == pytest.approx(float(function(z))), step.note


def test_a_worked_entry_written_out():
    net = Network([2, 2, 1], activation="tanh", random_state=0)
    net.W = [[[1.5, 1.62], [-1.0, -0.61]], [[0.5], [1.0]]]
    net.b = [[0.25, -0.53], [0.1]]
    steps = by_name(explain_step(net, [[0.5, 0.8]], [[1.0]], learning_rate=0.1, alpha=0.4))
    assert steps["Z1"].worked == "Z1[0, 1] = 0.5·1.62 + 0.8·(−0.61) − 0.53 = −0.208"
    assert steps["A1"].worked == "A1[0, 1] = tanh(−0.208) = −0.2051"
    assert steps["dZ2"].worked == "dZ2[0, 0] = (0.4984 − 1) / 1 = −0.5016"
    assert steps["db2"].worked == "db2[0] = −0.5016 = −0.5016"
    assert steps["dW2"].worked == "dW2[1, 0] = −0.2051·(−0.5016) + 0.4·1 = 0.5029"
    assert steps["W2_new"].worked == "W2_new[1, 0] = 1 − 0.1·0.5029 = 0.9497"
    assert steps["penalty"].worked == "penalty = 0.4/2·(1.5² + 1.62² + (−1)² + (−0.61)² + 0.5² + 1²) = 1.499"


def test_long_sums_are_abbreviated_to_their_largest_terms():
    net = Network([50, 1], random_state=0)
    row = np.zeros((1, 50))
    row[0, [3, 20, 30, 40, 49]] = [1.0, 0.1, 2.0, 3.0, 4.0]
    net.W[0] = np.ones((50, 1))
    worked = by_name(explain_step(net, row, [1]))["Z1"].worked
    assert worked == "Z1[0, 0] = 1·1 + 2·1 + 3·1 + 4·1 + … + 0 = 10.1"


def test_the_worked_entries_are_one_path_through_the_network():
    net, Y = problem("softmax", (4, 3))
    steps = by_name(explain_step(net, X, Y, learning_rate=0.1))
    i, k = steps["dZ3"].entry
    assert abs(steps["dZ3"].value[i, k]) == np.abs(steps["dZ3"].value).max()
    for l in (1, 2):
        assert steps[f"Z{l}"].entry == steps[f"A{l}"].entry == steps[f"dA{l}"].entry == steps[f"dZ{l}"].entry
        assert steps[f"dZ{l}"].entry == (i, steps[f"dW{l + 1}"].entry[0])
        assert steps[f"dW{l}"].entry[1:] == steps[f"db{l}"].entry == steps[f"dZ{l}"].entry[1:]


@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize("targets", TARGETS)
def test_the_numbers_of_a_worked_entry_are_where_the_page_lights_up(targets, extras):
    net, Y = problem(targets, (4, 3))
    explanation = explain_step(net, X, Y, learning_rate=0.5, **EXTRAS[extras])
    page, steps, found = Page(explanation._repr_html_()), by_name(explanation), 0
    for name, article in page.articles.items():
        used = json.loads(article["data-used"])
        lit = []
        for part, (row, column) in used.items():
            entries = np.atleast_2d(steps[part].value)
            rows, columns = (slice(None) if at is None else [at] for at in (row, column))
            lit.append(entries[rows][:, columns].ravel().tolist())
        for attributes, _ in article["worked"]:
            if "data-part" in attributes:
                hue = int(attributes["data-part"])
                assert float(attributes["data-value"]) in set(chain(*lit[hue::3])), name
                found += 1
    assert found > 50


# ---------------------------------------------------------------- formulas, and what is made of what


def test_formulas_and_what_each_array_is_made_of():
    net, Y = problem("binary", (4,))
    told = {step.name: (step.formula, step.made_of) for step in explain_step(net, X, Y, learning_rate=0.1).steps}
    given = dict.fromkeys(["X", "Y", "W1", "b1", "W2", "b2"], ("", ()))
    assert list(told)[:6] == list(given)
    assert told == given | {
        "Z1": ("Z1 = X W1 + b1", ("X", "W1", "b1")),
        "A1": ("A1 = tanh(Z1)", ("Z1",)),
        "Z2": ("Z2 = A1 W2 + b2", ("A1", "W2", "b2")),
        "A2": ("A2 = sigmoid(Z2)", ("Z2",)),
        "losses": ("losses = log(1 + exp(Z2)) − Y Z2", ("Z2", "Y")),
        "J": ("J = mean(losses)", ("losses",)),
        "dZ2": ("dZ2 = (A2 − Y) / m", ("A2", "Y")),
        "dW2": ("dW2 = A1ᵀ dZ2", ("A1", "dZ2")),
        "db2": ("db2 = Σᵢ dZ2[i]", ("dZ2",)),
        "dA1": ("dA1 = dZ2 W2ᵀ", ("dZ2", "W2")),
        "dZ1": ("dZ1 = dA1 ∘ tanh'(Z1)", ("dA1", "Z1")),
        "dW1": ("dW1 = Xᵀ dZ1", ("X", "dZ1")),
        "db1": ("db1 = Σᵢ dZ1[i]", ("dZ1",)),
        "W1_new": ("W1 ← W1 − learning_rate dW1", ("W1", "dW1")),
        "b1_new": ("b1 ← b1 − learning_rate db1", ("b1", "db1")),
        "W2_new": ("W2 ← W2 − learning_rate dW2", ("W2", "dW2")),
        "b2_new": ("b2 ← b2 − learning_rate db2", ("b2", "db2")),
        "J_new": ("J_new = J at the new parameters", ("W1_new", "b1_new", "W2_new", "b2_new")),
    }


def test_formulas_with_weights_penalty_and_softmax():
    net, Y = problem("softmax", ())
    told = {
        step.name: (step.formula, step.made_of)
        for step in explain_step(net, X, Y, **EXTRAS["weights and penalty"]).steps
    }
    assert told["A1"] == ("A1 = softmax(Z1)", ("Z1",))
    assert told["losses"] == ("losses = log Σₖ exp(Z1) − Σₖ Y Z1", ("Z1", "Y"))
    assert told["c"] == ("c = w / Σᵢ wᵢ", ("w",))
    assert told["penalty"] == ("penalty = alpha/2 (‖W1‖²)", ("W1",))
    assert told["J"] == ("J = Σᵢ cᵢ lossesᵢ + penalty", ("c", "losses", "penalty"))
    assert told["dZ1"] == ("dZ1 = c ∘ (A1 − Y)", ("c", "A1", "Y"))
    assert told["dW1"] == ("dW1 = Xᵀ dZ1 + alpha W1", ("X", "dZ1", "W1"))


@pytest.mark.parametrize(
    ("targets", "losses", "dZ"),
    [
        ("multilabel", "Σₖ (log(1 + exp(Z2)) − Y Z2)", "(A2 − Y) / m"),
        ("squared", "½ (A2 − Y)²", "(A2 − Y) ∘ A2 ∘ (1 − A2) / m"),
        ("squared softmax", "½ Σₖ (A2 − Y)²", "A2 ∘ (E − Σₖ A2 ∘ E) / m"),
        ("smoothed", "log(1 + exp(Z2)) − (0.9 Y + 0.05) Z2", "(A2 − (0.9 Y + 0.05)) / m"),
    ],
)
def test_formulas_of_the_losses(targets, losses, dZ):
    steps = by_name(explain_step(*problem(targets)[:1], X, TARGETS[targets][2]))
    assert (steps["losses"].formula, steps["dZ2"].formula) == (f"losses = {losses}", f"dZ2 = {dZ}")


@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
def test_an_array_is_made_of_earlier_ones(hidden):
    net, Y = problem("softmax", hidden)
    explanation = explain_step(net, X, Y, learning_rate=0.1, **EXTRAS["weights and penalty"])
    page, known = Page(explanation._repr_html_()), set()
    for step in explanation.steps:
        assert set(step.made_of) <= known
        assert bool(step.made_of) == (step.phase != "given")
        assert page.parts(step.name) == list(step.made_of)
        known.add(step.name)


# ---------------------------------------------------------------- parts of one's own


class Cube:
    def value(self, Z, out):
        return np.power(Z, 3, out=out)

    def derivative(self, Z, A, out):
        return np.multiply(3, Z**2, out=out)


class Hinge:
    def value(self, Z, Y, link):
        return np.maximum(1 - (2 * Y - 1) * Z, 0).sum(axis=1)

    def gradient(self, Z, A, Y, link, out):
        out[...] = -(2 * Y - 1) * ((2 * Y - 1) * Z < 1)
        return out


class Tempered(SigmoidLink):
    def probabilities(self, Z, out=None):
        return expit(Z / 2, out=out)


def test_parts_of_one_s_own_go_by_their_class():
    net, Y = problem("multilabel", activation=Cube(), loss=Hinge(), link=Tempered())
    explanation = explain_step(net, X, Y)
    steps = by_name(explanation)
    assert steps["A1"].formula == "A1 = Cube(Z1)"
    assert steps["dZ1"].formula == "dZ1 = dA1 ∘ Cube'(Z1)"
    assert steps["A2"].formula == "A2 = Tempered(Z2)"
    assert steps["losses"].formula == "losses = Hinge(Z2, Y)"
    assert steps["dZ2"].formula == "dZ2 = ∂losses/∂Z2 / m"
    i, j = steps["dZ2"].entry
    assert evaluate(steps["dZ2"].worked.split(" = ")[1]) == pytest.approx(steps["dZ2"].number, rel=1e-3)
    assert re.fullmatch(rf"A2\[{i}, {j}\] = Tempered\(\[.*, .*, .*\]\)\[{j}\] = [\d.]+", steps["A2"].worked)
    assert re.fullmatch(r"losses\[\d\] = Hinge\(\[.*\], \[.*\]\) = [\d.]+", steps["losses"].worked)
    assert "Cube" in explanation._repr_html_()


def test_settings_of_an_activation_are_in_its_note():
    net, Y = problem(activation=LeakyRelu(0.2))
    steps = by_name(explain_step(net, X, Y))
    assert steps["A1"].note == "leaky_relu(z) = z where z > 0, else 0.2·z"
    assert steps["dZ1"].note == "leaky_relu'(z) = 1 where z > 0, else 0.2"


# ---------------------------------------------------------------- estimators


def iris(n=12):
    X, y = load_iris(return_X_y=True)
    rows = np.linspace(0, 149, n).astype(int)
    return StandardScaler().fit_transform(X)[rows], np.array(["red", "green", "blue"])[y[rows]]


@pytest.mark.parametrize("fitted", [False, True])
def test_an_estimator_is_explained_by_labels_with_its_own_penalty_and_weights(fitted):
    X, y = iris()
    clf = BackpropClassifier((4, 3), alpha=0.3, class_weight={"red": 2.0}, random_state=3, max_iter=3)
    if fitted:
        clf.fit(X, y)
    before = pickle.dumps(clf)
    steps = by_name(explain_step(clf, X, y, learning_rate=0.1))
    assert pickle.dumps(clf) == before
    np.testing.assert_array_equal(steps["Y"].value, y[:, np.newaxis] == ["blue", "green", "red"])
    ratios = steps["w"].value / steps["w"].value.min()
    np.testing.assert_array_equal(ratios, np.where(y == "red", 2, 1))
    start = (
        clf.coefs_
        if fitted
        else BackpropClassifier(**clf.get_params()).set_params(alpha=0)._gradient_problem(X, y, None)[0].W
    )
    np.testing.assert_array_equal(steps["W1"].value, start[0])
    assert steps["penalty"].value == pytest.approx(0.15 * sum(np.sum(each**2) for each in start))
    np.testing.assert_allclose(steps["W1_new"].value, start[0] - 0.1 * steps["dW1"].value, atol=1e-15)


def test_alpha_can_be_given():
    X, y = iris()
    clf = TwoLayerClassifier(3, alpha=0.3, random_state=0)
    assert "penalty" not in by_name(explain_step(clf, X, y, alpha=0))
    assert by_name(explain_step(clf, X, y, alpha=0.6))["penalty"].value == pytest.approx(
        2 * by_name(explain_step(clf, X, y))["penalty"].value
    )


def test_dropout_is_one_fixed_draw():
    X, y = iris()
    clf = BackpropClassifier((5, 4), dropout=0.4, activation="tanh", alpha=0, random_state=1)
    explanation = explain_step(clf, X, y)
    steps = by_name(explanation)
    assert steps["D1"].formula == "D1 = A1 ∘ mask1"
    assert steps["Z2"].made_of == ("D1", "W2", "b2")
    assert steps["dA1"].made_of == ("dZ2", "W2", "mask1")
    assert steps["dA1"].formula == "dA1 = (dZ2 W2ᵀ) ∘ mask1"
    assert steps["dW2"].made_of == ("D1", "dZ2")
    np.testing.assert_array_equal(steps["D1"].value, steps["A1"].value * steps["mask1"].value)
    np.testing.assert_allclose(steps["Z2"].value, steps["D1"].value @ steps["W2"].value + steps["b2"].value)
    np.testing.assert_allclose(
        steps["dA1"].value, steps["dZ2"].value @ steps["W2"].value.T * steps["mask1"].value, atol=1e-15
    )
    assert set(np.unique(steps["mask1"].value)) == {0.0, 1 / 0.6}
    for name in ("dW1", "db1", "dW2", "dW3"):
        assert steps[name].difference == pytest.approx(steps[name].number, rel=1e-5, abs=1e-9)
    assert all(check_worked(steps[name]) for name in ("D1", "dA1"))
    assert Page(explanation._repr_html_()).parts("D2") == ["A2", "mask2"]


# ---------------------------------------------------------------- nothing is changed


def test_the_network_is_not_changed_and_a_later_update_does_not_change_the_explanation():
    net, Y = problem("softmax")
    before = pickle.dumps(net)
    explanation = explain_step(net, X, Y, learning_rate=0.5)
    assert pickle.dumps(net) == before
    text = str(explanation)
    net.W[0][...] = 0
    assert str(explanation) == text


def test_without_a_learning_rate_there_is_no_update():
    net, Y = problem()
    assert {step.phase for step in explain_step(net, X, Y).steps} == {"given", "forward", "loss", "backward"}
    last = explain_step(net, X, Y, learning_rate=1e-3).steps[-1]
    assert last.phase == "update"
    assert re.fullmatch(r"J was [\d.]+: the step lowers it by [\d.e−]+", last.note)
    assert explain_step(net, X, Y, learning_rate=1e3).steps[-1].note.endswith("the step does not lower it")


# ---------------------------------------------------------------- large and sparse arrays


def test_of_large_arrays_the_corner_is_shown():
    net = Network([40, 20, 1], random_state=0)
    rows = np.random.RandomState(0).standard_normal((30, 40))
    explanation = explain_step(net, rows, (rows[:, 0] > 0).astype(float))
    page, steps = Page(explanation._repr_html_()), by_name(explanation)
    for name in ("X", "W1", "Z1", "dW1"):
        np.testing.assert_array_equal(page.values(name), steps[name].value[:6, :6])
        assert all(index < 6 for index in steps[name].entry)
    assert steps["X"].value.shape == (30, 40)
    lines = str(explanation).splitlines()
    start = lines.index("X   (30, 40)   the samples, one a row")
    assert all(line.endswith("   …") for line in lines[start + 1 : start + 7])
    assert lines[start + 7].strip() == "⋮"
    assert len(explanation._repr_html_()) < 100_000


def test_exactly_as_much_as_fits_is_shown_whole():
    net = Network([6, 1], random_state=0)
    text = str(explain_step(net, np.random.RandomState(0).standard_normal((6, 6)), [0, 1, 0, 1, 0, 1]))
    assert "⋮" not in text
    assert "…" not in text


def test_a_sparse_table_is_explained_like_a_dense_one():
    rng = np.random.RandomState(0)
    rows = np.where(rng.uniform(size=(8, 12)) < 0.3, rng.standard_normal((8, 12)), 0.0)
    net = Network([12, 3, 1], activation="tanh", random_state=0)
    Y = (rows.sum(axis=1) > 0).astype(float)
    dense, sparse = (
        explain_step(net, rows, Y, learning_rate=0.1),
        explain_step(net, csr_matrix(rows), Y, learning_rate=0.1),
    )
    assert str(sparse) == str(dense)
    np.testing.assert_array_equal(Page(sparse._repr_html_()).values("X"), rows[:6, :6])


# ---------------------------------------------------------------- text and page


def test_the_text_is_a_page_in_order():
    net, Y = problem("binary", (4,))
    text = str(explain_step(net, X, Y, learning_rate=0.5, alpha=0.1))
    heads = ["One step of gradient descent", "Network 3 → 4 → 1, tanh, sigmoid, log_loss, 5 samples, alpha = 0.1"]
    heads += [
        "GIVEN ──",
        "W1   (3, 4)",
        "FORWARD ──",
        "Z1 = X W1 + b1   (5, 4)",
        "    Z1[",
        "A2 = sigmoid(Z2)   (5, 1)",
    ]
    heads += ["LOSS ──", "J = mean(losses) + penalty", "BACKWARD ──", "dW2 = A1ᵀ dZ2 + alpha W2   (4, 1)", "    dW2["]
    heads += ["    central difference of J at W2[", "dA1 = dZ2 W2ᵀ   (5, 4)", "UPDATE ──"]
    heads += ["W1 ← W1 − learning_rate dW1   (3, 4)   learning_rate = 0.5", "J_new = J at the new parameters"]
    places = [text.index(f"\n{head}") if k else text.index(head) for k, head in enumerate(heads)]
    assert places == sorted(places)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e7])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_text_fits_100_columns(targets, scale):
    net = Network([40, 30, 20, 10, TARGETS[targets][0]], activation="softplus", random_state=0, **TARGETS[targets][1])
    net.theta = net.theta * 0.01
    rows = np.random.RandomState(0).standard_normal((5, 40)) * scale
    explanation = explain_step(net, rows, TARGETS[targets][2], learning_rate=1e-9, **EXTRAS["weights and penalty"])
    assert max(map(len, str(explanation).splitlines())) <= 100


def test_the_page_asks_for_nothing(tmp_path):
    net, Y = problem("softmax", (4, 3))
    explanation = explain_step(net, X, Y, learning_rate=0.1)
    explanation.save(tmp_path / "step.html")
    html = (tmp_path / "step.html").read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert explanation._repr_html_() in html
    for word in ("http", "//cdn", "url(", "@import", "fetch(", "XMLHttp", "import("):
        assert word not in html
    page = Page(html)
    assert not [tag for tag, given in page.tags if tag == "link" or {"src", "srcset", "action", "ping"} & set(given)]
    links = [given["href"] for tag, given in page.tags if tag == "a"]
    assert {link.removeprefix("#") for link in links} <= set(page.ids)
    assert "width=device-width" in html
    assert 'charset="utf-8"' in html


def test_each_array_has_a_tile_and_a_step():
    net, Y = problem("binary", (4,))
    explanation = explain_step(net, X, Y, learning_rate=0.1)
    page = Page(explanation._repr_html_())
    tiles = [given["data-ref"] for tag, given in page.tags if given.get("class") == "tile"]
    assert sorted(tiles) == sorted(step.name for step in explanation.steps)
    assert [given["data-name"] for tag, given in page.tags if tag == "article"] == [
        step.name for step in explanation.steps
    ]
    assert all(given["aria-label"] for tag, given in page.tags if tag == "article")


def test_two_pages_in_one_notebook_share_nothing():
    net, Y = problem()
    one, other = (explain_step(net, rows, Y)._repr_html_() for rows in (X, X + 1))
    ids = [set(Page(html).ids) for html in (one, other)]
    assert not ids[0] & ids[1]
    root = Page(one).ids[0]
    style = re.search("<style>(.*?)</style>", one, re.DOTALL)[1]
    outside = re.sub(r"\{[^{}]*\}", "", re.sub(rf"(?s)#{root} \{{.*^\}}", "", style, flags=re.MULTILINE)).strip()
    assert outside == "body.skbackprop-page"  # every other rule is inside the page's own element
    assert one == explain_step(net, X, Y)._repr_html_()  # the same bytes again, for notebooks under version control


def test_names_are_escaped():
    phi = type("Less<b>", (WrongSlope,), {})()
    net, Y = problem(activation=phi)
    html = explain_step(net, X, Y)._repr_html_()
    assert "Less<b>" not in html
    assert "Less&lt;b&gt;(" in html


def test_an_explanation_can_be_pickled_and_has_a_short_repr():
    net, Y = problem()
    explanation = explain_step(net, X, Y)
    assert isinstance(explanation, StepExplanation)
    assert str(pickle.loads(pickle.dumps(explanation))) == str(explanation)
    assert repr(explanation).startswith("StepExplanation(Network 3 → 4 → 1, tanh")
    assert repr(explanation.steps[6]) == "Step(Z1 = X W1 + b1, shape (5, 4))"


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"network_or_estimator": "relu"}, TypeError, "must be a Network, or a classifier of skbackprop; got a str"),
        ({"network_or_estimator": TwoLayerClassifier}, TypeError, "got the class TwoLayerClassifier"),
        (
            {"network_or_estimator": make_pipeline(StandardScaler(), TwoLayerClassifier())},
            TypeError,
            "got a Pipeline. Of a pipeline give the last step",
        ),
        ({"learning_rate": 0}, ValueError, r"learning_rate must be a number in \(0, inf\); got 0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate must be"),
        ({"learning_rate": "adam"}, ValueError, "learning_rate must be"),
        ({"alpha": -1}, ValueError, r"alpha must be a number in \[0, inf\); got -1"),
        ({"alpha": "auto"}, ValueError, "alpha must be"),
        ({"X": X[:, :2]}, ValueError, "X must have"),
        ({"X": X[:0], "Y": Y_BINARY[:0]}, ValueError, "X"),
        ({"Y": Y_BINARY[:3]}, ValueError, "Y must have"),
        ({"sample_weight": -W}, ValueError, "sample_weight must be"),
    ],
)
def test_bad_input_is_refused_in_words(change, error, words):
    net, Y = problem()
    given = {"network_or_estimator": net, "X": X, "Y": Y} | change
    with pytest.raises(error, match=words):
        explain_step(given.pop("network_or_estimator"), given.pop("X"), given.pop("Y"), **given)


def test_a_step_that_leaves_the_finite_numbers_says_so():
    net, Y = problem("squared", activation="identity")
    net.W[0] *= 1e200
    with pytest.raises(FloatingPointError, match="The loss is inf"):
        explain_step(net, X, Y, learning_rate=1e308, alpha=1e10)


def test_of_a_search_the_best_estimator_is_asked_for():
    clf = TwoLayerClassifier(2, max_iter=30, n_iter_no_change=None, random_state=0)
    search = GridSearchCV(clf, {"alpha": [0.1]}, cv=2).fit(X[:4], [0, 1, 0, 1])
    with pytest.raises(TypeError, match=r"got a GridSearchCV\. Give its best_estimator_\.$"):
        explain_step(search, X, [0, 1, 0, 1, 1])
