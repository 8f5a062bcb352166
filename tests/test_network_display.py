"""NetworkDisplay draws the units, weights, biases and names that a network has, and nothing on top of anything else."""

import copy
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skbackprop import BackpropClassifier, Network, TwoLayerClassifier

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402

from skbackprop import NetworkDisplay  # noqa: E402

pytestmark = pytest.mark.usefixtures("figures_are_closed")

BLUE, ORANGE = "#0072b2", "#d55e00"
W = [np.array([[1.0, -2.0, 0.0], [0.5, 0.25, -4.0]]), np.array([[3.0], [-1.0], [0.5]])]
b = [np.array([0.1, -0.2, 0.3]), np.array([6.0])]


@cache
def fitted(name, hidden=(100,), *, frame=True, **params):
    X, y = {"cancer": load_breast_cancer, "iris": load_iris, "digits": load_digits}[name](
        return_X_y=True, as_frame=frame
    )
    clf = BackpropClassifier(hidden, max_iter=3, early_stopping=False, n_iter_no_change=None, random_state=0, **params)
    return make_pipeline(StandardScaler(), clf).fit(X, y)


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def lines_of(display, l):
    """Return {((x, y), (x, y)): (width, color, opacity)} of the lines between layers l and l + 1."""
    drawn = display.lines_[l]
    ends = [tuple(map(tuple, segment)) for segment in drawn.get_segments()]
    looks = zip(drawn.get_linewidths(), drawn.get_colors(), strict=True)
    return {k: (width, to_hex(color), color[3]) for k, (width, color) in zip(ends, looks, strict=True)}


# ---------------------------------------------------------------- weights and biases


def test_every_weight_and_bias_is_a_line_from_its_unit_to_the_next():
    display = NetworkDisplay(W, b).plot()
    assert [len(drawn.get_segments()) for drawn in display.lines_] == [9, 4]
    first = lines_of(display, 0)
    features, units = [0.5, -0.5], [1.0, 0.0, -1.0]  # a row apart, around the middle
    for i, j in np.ndindex(2, 3):
        width, color, _ = first[(0, features[i]), (1, units[j])]
        assert width == pytest.approx(first[(0, -0.5), (1, -1.0)][0] * abs(W[0][i, j]) / 4)
        assert W[0][i, j] == 0 or color == (BLUE if W[0][i, j] > 0 else ORANGE)
    for j in range(3):
        width, color, _ = first[(0, 1.5), (1, units[j])]  # from the square above the features
        assert width == pytest.approx(first[(0, -0.5), (1, -1.0)][0] * abs(b[0][j]) / 4)
        assert color == (BLUE if b[0][j] > 0 else ORANGE)
    second = lines_of(display, 1)
    assert second[(1, 2.0), (2, 0.0)][0] == first[(0, -0.5), (1, -1.0)][0]  # the widest of their layers
    assert second[(1, 0.0), (2, 0.0)][0] == pytest.approx(second[(1, 2.0), (2, 0.0)][0] / 6)


def test_the_largest_lines_lie_on_top_and_are_the_least_transparent():
    for drawn in NetworkDisplay.from_estimator(fitted("iris")).lines_:
        widths, opacity = np.array(drawn.get_linewidths()), np.array(drawn.get_colors())[:, 3]
        assert np.all(np.diff(widths) >= 0)
        assert np.all(np.diff(opacity) >= 0)
        assert opacity[-1] == 1


def test_the_size_of_the_widest_line_is_written_above_its_layer():
    assert {"W1, b1\nup to 4", "W2, b2\nup to 6"} <= set(texts(NetworkDisplay(W, b).plot()))


def test_a_network_of_zeros_can_be_drawn():
    display = NetworkDisplay([np.zeros((2, 1))], [np.zeros(1)]).plot()
    assert list(display.lines_[0].get_linewidths()) == [0, 0, 0]


def test_a_network_and_an_estimator_of_the_same_weights_look_the_same():
    clf = fitted("iris", frame=False)[-1]
    net = Network([4, 100, 3])
    net.W, net.b = clf.coefs_, clf.intercepts_
    for ours, theirs in zip(
        NetworkDisplay.from_estimator(net).lines_, NetworkDisplay.from_estimator(clf).lines_, strict=True
    ):
        np.testing.assert_array_equal(ours.get_segments(), theirs.get_segments())
        np.testing.assert_array_equal(ours.get_colors(), theirs.get_colors())


def test_the_legend_says_which_color_is_which():
    legend = NetworkDisplay(W, b).plot().ax_.get_legend()
    told = dict(zip([t.get_text() for t in legend.get_texts()], legend.get_lines(), strict=True))
    assert {name: to_hex(line.get_color()) for name, line in told.items()} == {"positive": BLUE, "negative": ORANGE}


# ---------------------------------------------------------------- units


def test_the_largest_units_are_drawn_in_their_own_order():
    out, into = [[1.0], [5.0], [0.1], [2.0]], [[1.0, 1.0, 100.0, 2.0]]
    display = NetworkDisplay([np.array(into), np.array(out)], [np.zeros(4), np.zeros(1)]).plot(max_units=2)
    np.testing.assert_array_equal(display.units_[1], [1, 2])  # of 1, 5, 10 and 4
    assert "2" in texts(display)
    assert not {"0", "3"} & set(texts(display))
    assert "… and 2 more" in texts(display)
    assert [len(drawn.get_segments()) for drawn in display.lines_] == [4, 3]


def test_features_are_measured_by_what_leads_out_and_outputs_by_what_leads_in():
    display = NetworkDisplay([np.array([[1.0, 9.0, 3.0], [0.0, 1.0, 0.0], [2.0, 0.0, 8.0]])], [np.zeros(3)]).plot(
        max_units=2
    )
    np.testing.assert_array_equal(display.units_[0], [0, 2])
    np.testing.assert_array_equal(display.units_[1], [1, 2])


def test_the_measure_does_not_depend_on_which_side_of_a_unit_the_weights_are():
    moved = [W[0] * [10.0, 0.1, 1.0], W[1] / [[10.0], [0.1], [1.0]]]
    for max_units in (1, 2):
        expected = NetworkDisplay(W, b).plot(max_units=max_units).units_[1]
        np.testing.assert_array_equal(NetworkDisplay(moved, b).plot(max_units=max_units).units_[1], expected)


@pytest.mark.parametrize("max_units", [1, 5, 64, 99, 100, 1000])
def test_how_many_more_there_are(max_units):
    display = NetworkDisplay.from_estimator(fitted("digits"), max_units=max_units)
    more = [text for text in texts(display) if text.startswith("…")]
    assert more == [f"… and {n - max_units} more" for n in (64, 100, 10) if n > max_units]
    assert [len(units) for units in display.units_] == [min(n, max_units) for n in (64, 100, 10)]
    title = display.ax_.get_legend().get_title().get_text()
    assert bool(title) == bool(more)
    assert not more or "‖weights in‖ · ‖weights out‖" in title


# ---------------------------------------------------------------- names


def test_features_and_classes_by_name():
    data = load_iris(as_frame=True)
    y = np.array(data.target_names)[data.target]
    clf = TwoLayerClassifier(3, max_iter=50, early_stopping=False, n_iter_no_change=None, random_state=0)
    shown = texts(NetworkDisplay.from_estimator(clf.fit(data.data, y)))
    assert {*data.data.columns, *data.target_names} <= set(shown)
    assert {"X\n4 features", "A1\n3 units", "A2\n3 outputs"} <= set(shown)


def test_the_one_output_of_two_classes():
    shown = texts(NetworkDisplay.from_estimator(fitted("cancer")))
    assert "1 (else 0)" in shown
    assert "A2\n1 output" in shown


def test_labels_of_a_multilabel_classifier():
    X, y = load_iris(return_X_y=True)
    Y = np.eye(3, dtype=int)[y]
    Y[0] = 1  # not one label in every row, which fit would warn of
    clf = TwoLayerClassifier(3, max_iter=50, early_stopping=False, n_iter_no_change=None, random_state=0).fit(X, Y)
    display = NetworkDisplay.from_estimator(clf)
    assert list(display.output_names) == ["0", "1", "2"]


def test_names_where_there_are_none():
    shown = texts(NetworkDisplay.from_estimator(Network([2, 3, 2])))
    assert {"x0", "x1", "y0", "y1"} <= set(shown)


@pytest.mark.parametrize("kind", [list, np.array, tuple])
def test_names_of_ones_own(kind):
    display = NetworkDisplay.from_estimator(fitted("iris"), feature_names=kind(["a", "b", "c", "d"]))
    assert {"a", "b", "c", "d"} <= set(texts(display))
    assert "sepal length (cm)" not in texts(display)


def test_a_pipeline_names_what_the_network_is_fed_with():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 9, "color": ["red", "green", "red", "blue"] * 9})
    columns = ColumnTransformer([("n", "passthrough", ["size"]), ("c", OneHotEncoder(sparse_output=False), ["color"])])
    clf = TwoLayerClassifier(4, max_iter=20, early_stopping=False, n_iter_no_change=None, random_state=0)
    expected = {"n__size", "c__color_red", "c__color_green", "c__color_blue"}
    flat, nested = make_pipeline(columns, StandardScaler(), clf), make_pipeline(columns, make_pipeline(clf))
    for model in (flat, nested, GridSearchCV(flat, {"twolayerclassifier__alpha": [0.1]}, cv=2)):
        assert expected <= set(texts(NetworkDisplay.from_estimator(model.fit(table, [0, 1] * 18))))
    silent = make_pipeline(columns, FunctionTransformer(), clf).fit(table, [0, 1] * 18)  # tells no names
    assert {"x0", "x3"} <= set(texts(NetworkDisplay.from_estimator(silent)))


def test_a_network_of_scikit_learn_can_be_drawn():
    X, y = load_iris(return_X_y=True)
    clf = MLPClassifier((5,), solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    assert [len(units) for units in NetworkDisplay.from_estimator(clf).units_] == [4, 5, 3]


# ---------------------------------------------------------------- how it looks


def drawn(name):
    kinds = {
        "cancer": lambda ax: NetworkDisplay.from_estimator(fitted("cancer", (16,)), ax=ax),
        "iris": lambda ax: NetworkDisplay.from_estimator(fitted("iris"), ax=ax),
        "digits": lambda ax: NetworkDisplay.from_estimator(fitted("digits"), ax=ax),
        "deep": lambda ax: NetworkDisplay.from_estimator(fitted("cancer", (8, 6, 4)), ax=ax),
        "no hidden layer": lambda ax: NetworkDisplay.from_estimator(fitted("iris", ()), ax=ax),
        "one layer of many": lambda ax: NetworkDisplay.from_estimator(Network([30, 1], random_state=0), ax=ax),
        "one of each": lambda ax: NetworkDisplay.from_estimator(
            Network([2000, 1500, 1], random_state=0), max_units=1, ax=ax
        ),
        "long names": lambda ax: NetworkDisplay(
            W, b, feature_names=["the first of two features that have long names", "b"], output_names=["z" * 50]
        ).plot(ax),
    }
    return kinds[name]


KINDS = ["cancer", "iris", "digits", "deep", "no hidden layer", "one layer of many", "one of each", "long names"]


def overlap(one, other):
    return min(one.x1, other.x1) - max(one.x0, other.x0) > 0.5 and min(one.y1, other.y1) - max(one.y0, other.y0) > 0.5


def assert_nothing_overlaps_or_is_cut(display):
    display.figure_.canvas.draw()
    box, legend = display.ax_.get_window_extent(), display.ax_.get_legend().get_window_extent()
    boxes = {text: text.get_window_extent() for text in display.ax_.texts}
    for (a, one), (c, other) in combinations(boxes.items(), 2):
        assert not overlap(one, other), (a.get_text(), c.get_text())
    for text, each in [*boxes.items(), (None, legend)]:
        assert box.x0 - 0.5 <= each.x0, text
        assert each.x1 <= box.x1 + 0.5, text
        assert box.y0 <= each.y0, text
        assert each.y1 <= box.y1, text
        assert text is None or not overlap(each, legend), text


@pytest.mark.parametrize("style", ["default", "dark_background", {"font.size": 14}, {"figure.dpi": 200}])
@pytest.mark.parametrize("name", KINDS)
def test_in_a_figure_of_its_own_no_text_overlaps_another_or_is_cut(name, style):
    with plt.style.context(style):
        assert_nothing_overlaps_or_is_cut(drawn(name)(None))


@pytest.mark.parametrize("size", [(6, 4), (9, 3), (5, 8)])
@pytest.mark.parametrize("name", KINDS)
def test_in_a_given_axes_no_text_overlaps_another_or_is_cut(name, size):
    figure, ax = plt.subplots(figsize=size)
    display = drawn(name)(ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert tuple(figure.get_size_inches()) == size
    assert_nothing_overlaps_or_is_cut(display)


def test_names_that_cannot_fit_do_not_turn_the_picture_round():
    display = NetworkDisplay(W, b, feature_names=["a" * 2000, "b"]).plot(plt.subplots(figsize=(3, 3))[1])
    low, high = display.ax_.get_xlim()
    assert low < 0
    assert high > 2


def test_circles_do_not_touch():
    for size in ((6, 4), (4, 3), (12, 9)):
        display = drawn("digits")(plt.subplots(figsize=size)[1])
        per_row = np.diff(display.ax_.transData.transform([(0, 0), (0, 1)])[:, 1])[0] * 72 / display.figure_.dpi
        for circles in display.ax_.collections:
            if circles not in display.lines_:
                assert np.sqrt(circles.get_sizes()[0]) < per_row


def test_units_hide_the_lines_behind_them():
    display = drawn("iris")(None)
    for circles in display.ax_.collections:
        if circles not in display.lines_:
            assert circles.get_zorder() > max(lines.get_zorder() for lines in display.lines_)
            assert to_hex(circles.get_facecolor()[0]) == to_hex(display.ax_.get_facecolor())


def test_in_a_subfigure_and_drawn_again():
    left, _ = plt.figure(figsize=(12, 5)).subfigures(1, 2)
    display = drawn("iris")(left.subplots())
    assert display.figure_ is left
    assert display.plot() is display
    assert display.figure_ is not left


def test_drawing_changes_nothing_of_the_estimator():
    model = fitted("iris")
    before = copy.deepcopy(vars(model[-1]))
    NetworkDisplay.from_estimator(model)
    np.testing.assert_equal({**vars(model[-1])}, before)


# ---------------------------------------------------------------- what cannot be drawn


@pytest.mark.parametrize("max_units", [0, -3, 2.5, None, "all"])
def test_max_units_must_be_a_number_of_units(max_units):
    with pytest.raises(ValueError, match="max_units must be a whole number of units, 1 or more; got"):
        NetworkDisplay.from_estimator(Network([2, 1]), max_units=max_units)


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], "ab", []])
def test_there_is_a_name_for_each_feature(names):
    with pytest.raises(ValueError, match="feature_names must be 2 names"):
        NetworkDisplay.from_estimator(Network([2, 1]), feature_names=names)
    with pytest.raises(ValueError, match="output_names must be 2 names"):
        NetworkDisplay([np.ones((1, 2))], [np.ones(2)], output_names=names).plot()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["W1", "b2"])
def test_weights_that_are_not_finite_are_named(name, value):
    net = Network([2, 3, 1])
    (net.W if name[0] == "W" else net.b)[int(name[1]) - 1][0] = value
    with pytest.raises(ValueError, match=f"{name} holds NaN or infinity"):
        NetworkDisplay.from_estimator(net)


@pytest.mark.parametrize(
    ("coefs", "intercepts"),
    [([], []), ([np.ones((2, 3))], [np.ones(2)]), (W, b[:1]), ([np.ones(3)], [np.ones(3)]), (W[::-1], b[::-1])],
)
def test_arrays_that_are_no_network_raise(coefs, intercepts):
    with pytest.raises(ValueError, match="coefs and intercepts must be"):
        NetworkDisplay(coefs, intercepts).plot()


def test_what_has_no_network_raises():
    with pytest.raises(NotFittedError):
        NetworkDisplay.from_estimator(TwoLayerClassifier())
    with pytest.raises(TypeError, match="LogisticRegression has no network to draw"):
        NetworkDisplay.from_estimator(LogisticRegression().fit([[0], [1]], [0, 1]))
