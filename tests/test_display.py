"""LossCurveDisplay draws what history_ holds."""

import copy
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402

from skbackprop import LossCurveDisplay  # noqa: E402

pytestmark = pytest.mark.usefixtures("figures_are_closed")


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(kind=TwoLayerClassifier, **params):
    settings = {"n_iter_no_change": None, "early_stopping": False, "random_state": 0, "max_iter": 6, "alpha": 1e-3}
    settings |= {"weight_init": "he", "activation": "relu", "solver": "adam"}
    return kind(**(settings | {"learning_rate": 0.1, "batch_size": 32} | params))


@cache
def plain():
    return make().fit(*breast_cancer())


@cache
def stopped():
    return make(BackpropClassifier, early_stopping=True, max_iter=12).fit(*breast_cancer())


@cache
def searched():
    return make(early_stopping="auto", max_iter=40, n_iter_no_change=3).fit(*breast_cancer())


def data_term(history):
    return np.subtract(history["loss"], history["penalty"])


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def assert_draws(line, values):
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, len(values) + 1))
    np.testing.assert_array_equal(line.get_ydata(), values)


# ---------------------------------------------------------------- one estimator


def test_one_estimator_without_validation():
    display = LossCurveDisplay.from_estimator(plain())
    (line,) = display.lines_
    assert_draws(line, plain().loss_curve_)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
    assert display.ax_.get_yscale() == "linear"
    assert len(display.ax_.lines) == 1
    assert labels(display.ax_) == ["training"]
    assert display.figure_ is display.ax_.figure


def test_one_estimator_with_validation():
    clf = stopped()
    display = LossCurveDisplay.from_estimator(clf)
    training, validation = display.lines_
    assert_draws(training, data_term(clf.history_))
    assert np.all(training.get_ydata() < clf.loss_curve_)
    assert_draws(validation, clf.history_["validation_loss"])
    assert training.get_color() == validation.get_color()
    assert training.get_linestyle() != validation.get_linestyle()
    (best,) = [line for line in display.ax_.lines if line not in display.lines_]
    assert set(best.get_xdata()) == {clf.best_iter_}
    assert labels(display.ax_) == ["training", "validation", f"best epoch ({clf.best_iter_})"]


def test_a_metric_is_not_drawn_on_the_axis_of_the_loss():
    clf = make(early_stopping=True, scoring="accuracy").fit(*breast_cancer())
    display = LossCurveDisplay.from_estimator(clf)
    assert_draws(display.lines_[1], clf.history_["validation_loss"])


def test_the_best_epoch_of_a_continued_fit_is_where_the_validation_loss_says():
    X, y = breast_cancer()
    clf = make(warm_start=True, max_iter=5, learning_rate=0.01)
    for _ in range(2):
        clf.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    display = LossCurveDisplay.from_estimator(clf)
    (best,) = [line for line in display.ax_.lines if line not in display.lines_]
    assert_draws(display.lines_[1], clf.history_["validation_loss"])
    assert len(display.lines_[0].get_xdata()) == 10
    assert best.get_xdata()[0] == 5 + clf.best_iter_
    assert clf.validation_scores_[best.get_xdata()[0] - 1] == clf.best_validation_score_


@pytest.mark.parametrize("known", [None, 0, 5])
def test_a_history_that_does_not_tell_the_penalty_of_every_epoch_is_drawn_as_it_is(known):
    clf = copy.copy(stopped())
    if known is None:
        del clf.history_["penalty"]
    else:
        clf.history_["penalty"][known:] = [np.nan] * (len(clf.loss_curve_) - known)
    assert_draws(LossCurveDisplay.from_estimator(clf).lines_[0], clf.loss_curve_)


def test_the_search_is_pale_and_the_final_training_leaves_it_at_the_best_epoch():
    clf = searched()
    search, best, n = clf.search_history_, clf.best_iter_, len(clf.loss_curve_)
    assert 1 < best < len(search["loss"]) < n  # or the picture would be another
    display = LossCurveDisplay.from_estimator(clf)
    final, training, validation = display.lines_
    np.testing.assert_array_equal(final.get_xdata(), np.arange(best, n + 1))
    np.testing.assert_array_equal(final.get_ydata(), data_term(clf.history_)[best - 1 :])
    assert_draws(training, data_term(search))
    assert_draws(validation, search["validation_loss"])
    assert training.get_ydata()[best - 1] == final.get_ydata()[0]
    assert training.get_alpha() == validation.get_alpha() < final.get_alpha() == 1
    assert {line.get_color() for line in display.ax_.lines} == {final.get_color()}
    assert [line.get_linestyle() for line in display.lines_] == ["-", "-", "--"]
    assert labels(display.ax_) == [
        "final training",
        "training in the search",
        "validation in the search",
        f"best epoch ({best})",
    ]


def test_a_search_that_was_all_there_was_has_no_final_training():
    clf = copy.copy(searched())
    clf.history_ = {name: column[: clf.best_iter_] for name, column in clf.history_.items()}
    clf.n_iter_ = clf.best_iter_
    assert labels(LossCurveDisplay.from_estimator(clf).ax_)[:2] == [
        "training in the search",
        "validation in the search",
    ]


def test_a_single_epoch_is_a_point():
    X, y = breast_cancer()
    display = LossCurveDisplay.from_estimator(make().partial_fit(X, y, classes=[0, 1]))
    assert display.lines_[0].get_marker() == "o"
    assert LossCurveDisplay.from_estimator(plain()).lines_[0].get_marker() == "None"


@pytest.mark.parametrize("n_epochs", [1, 2, 4, 50])
def test_epochs_are_whole_numbers(n_epochs):
    display = LossCurveDisplay([np.ones(n_epochs)]).plot()
    display.figure_.canvas.draw()
    ticks = display.ax_.get_xticks()
    assert len(ticks)
    np.testing.assert_array_equal(ticks, np.round(ticks))


# ---------------------------------------------------------------- several, pipelines and searches


def test_several_estimators_in_one_picture():
    display = LossCurveDisplay.from_estimator(plain(), stopped())
    assert len(display.lines_) == 3
    assert_draws(display.lines_[0], data_term(plain().history_))  # to be compared with what is beside it
    assert_draws(display.lines_[1], data_term(stopped().history_))
    assert display.lines_[0].get_color() != display.lines_[1].get_color()
    assert labels(display.ax_) == [
        "TwoLayerClassifier 1: training",
        "BackpropClassifier 2: training",
        "BackpropClassifier 2: validation",
        f"BackpropClassifier 2: best epoch ({stopped().best_iter_})",
    ]


def test_names_in_the_legend():
    display = LossCurveDisplay.from_estimator(plain(), plain(), names=["wide", "narrow"])
    assert labels(display.ax_) == ["wide: training", "narrow: training"]


@pytest.mark.parametrize("depth", [1, 2])
def test_a_pipeline_shows_its_last_step(depth):
    model = make()
    for _ in range(depth):
        model = make_pipeline(StandardScaler(), model)
    model.fit(*breast_cancer())
    clf = model[-1] if depth == 1 else model[-1][-1]
    assert_draws(LossCurveDisplay.from_estimator(model).lines_[0], clf.loss_curve_)


def test_a_search_shows_its_best_estimator():
    search = GridSearchCV(make_pipeline(StandardScaler(), make()), {"twolayerclassifier__hidden_units": [2, 9]}, cv=2)
    search.fit(*breast_cancer())
    display = LossCurveDisplay.from_estimator(search)
    assert_draws(display.lines_[0], search.best_estimator_[-1].loss_curve_)


# ---------------------------------------------------------------- how it looks


def test_a_given_ax_is_drawn_on():
    figure, (left, right) = plt.subplots(1, 2)
    display = LossCurveDisplay.from_estimator(plain(), ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.lines
    LossCurveDisplay.from_estimator(stopped(), ax=right)
    assert len(right.lines) == 4


@pytest.mark.parametrize("log_scale", [False, True])
def test_log_scale(log_scale):
    display = LossCurveDisplay.from_estimator(plain(), log_scale=log_scale)
    assert display.ax_.get_yscale() == ("log" if log_scale else "linear")
    assert display.plot(log_scale=not log_scale).ax_.get_yscale() == ("linear" if log_scale else "log")


@pytest.mark.parametrize("width", ["linewidth", "lw"])
def test_style_reaches_every_curve(width):
    display = LossCurveDisplay.from_estimator(stopped(), **{width: 3.5}, color="black", alpha=0.5)
    for line in display.lines_:
        assert (line.get_linewidth(), line.get_color(), line.get_alpha()) == (3.5, "black", 0.5)
    assert display.lines_[1].get_linestyle() == "--"
    searching = LossCurveDisplay.from_estimator(searched(), alpha=0.5).lines_
    assert searching[1].get_alpha() < searching[0].get_alpha() == 0.5


def is_within(line, ax):
    """Tell whether every finite point of a line lies inside the axes, with the scale as it is."""
    points = np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float)
    pixels = ax.transData.transform(points[np.isfinite(points[:, 1])])
    box = ax.get_window_extent()
    return np.all((pixels >= box.min) & (pixels <= box.max))


CURVES = {
    "positive": [1.0, 1e-3, 1e-9],
    "zero": [1.0, 1e-3, 0.0],
    "negative": [1.0, 1e-3, -2e-3],
    "never positive": [0.0, -1.0, -2.0],
    "subnormal": [1.0, 5e-324, 0.0],
    "not a number": [1.0, np.nan, 1e-3],
}


@pytest.mark.parametrize("best", [None, 2])
@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_nothing_is_clipped_by_a_log_scale(curve, best):
    other = [0.7, 0.5, 0.6]
    display = LossCurveDisplay([curve], validation_curves=[other], best_epochs=[best]).plot(log_scale=True)
    expected = "symlog" if np.nanmin(curve) <= 0 else "log"
    assert display.ax_.get_yscale() == expected
    assert all(is_within(line, display.ax_) for line in display.lines_)


def test_a_log_scale_does_not_clip_what_an_axes_held_before():
    _, ax = plt.subplots()
    (line,) = ax.plot([1, 2], [0.0, 0.5])
    LossCurveDisplay([[1.0, 1e-4]]).plot(ax, log_scale=True)
    assert is_within(line, ax)


@pytest.mark.parametrize("log_scale", [False, True])
@pytest.mark.parametrize("clf", [plain, stopped, searched])
def test_labels_lie_within_the_figure_and_the_legend_beside_the_curves(clf, log_scale):
    display = LossCurveDisplay.from_estimator(clf(), log_scale=log_scale)
    display.figure_.canvas.draw()
    figure, axes = display.figure_.bbox, display.ax_.get_tightbbox()
    assert figure.x0 <= axes.x0
    assert axes.x1 <= figure.x1
    assert figure.y0 <= axes.y0
    assert axes.y1 <= figure.y1
    assert display.ax_.get_legend().get_window_extent().x0 > display.ax_.get_window_extent().x1


def test_drawing_again_takes_a_new_figure():
    display = LossCurveDisplay.from_estimator(plain())
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


def test_curves_of_ones_own():
    display = LossCurveDisplay(
        [[3.0, 2.0], [1.0]], validation_curves=[None, [4.0]], best_epochs=[2, None], names=["a", "b"]
    )
    display.plot()
    assert [line.get_ydata().tolist() for line in display.lines_] == [[3.0, 2.0], [1.0], [4.0]]
    assert labels(display.ax_) == ["a: training", "a: best epoch (2)", "b: training", "b: validation"]
    assert len(LossCurveDisplay([[3.0, 2.0]]).plot().lines_) == 1


def test_arrays_of_ones_own():
    curves = np.array([[3.0, 2.0], [1.0, 0.5]])
    display = LossCurveDisplay(
        curves, validation_curves=curves + 1, best_epochs=np.array([1, 2]), names=np.array(["a", "b"])
    )
    drawn = [line.get_ydata().tolist() for line in display.plot().lines_]
    assert drawn == [[3.0, 2.0], [4.0, 3.0], [1.0, 0.5], [2.0, 1.5]]
    assert labels(display.ax_)[2] == "a: best epoch (1)"


def test_a_divergence_can_be_drawn():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.raises(DivergenceError) as caught, pytest.warns(UserWarning, match="very different scales"):
        make(solver="sgd", learning_rate=1e3, loss="log_loss").fit(X, y)
    history = caught.value.history
    display = LossCurveDisplay([history["loss"]]).plot(log_scale=True)
    assert_draws(display.lines_[0], history["loss"])
    display.figure_.canvas.draw()


def test_drawing_changes_neither_estimator_nor_figures_beside_it():
    _, ax = plt.subplots()
    before = dict(vars(stopped()))
    LossCurveDisplay.from_estimator(stopped())
    assert vars(stopped()) == before
    assert not ax.lines


# ---------------------------------------------------------------- what cannot be drawn


@pytest.mark.parametrize("model", [make(), make_pipeline(StandardScaler(), make()), GridSearchCV(make(), {})])
def test_what_is_not_fitted_raises(model):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(model)


def test_what_has_no_loss_curve_raises():
    with pytest.raises(TypeError, match="LogisticRegression has no loss curve"):
        LossCurveDisplay.from_estimator(LogisticRegression().fit(*breast_cancer()))
    with pytest.raises(TypeError, match="at least one"):
        LossCurveDisplay.from_estimator()


@pytest.mark.parametrize("curves", [[], [1.0, 0.5], [[[1.0]]]])
def test_invalid_loss_curves_raise(curves):
    with pytest.raises(ValueError, match="loss_curves must be a list of curves"):
        LossCurveDisplay(curves).plot()


@pytest.mark.parametrize("name", ["validation_curves", "best_epochs", "names", "search_curves", "search_loss_curves"])
def test_an_entry_for_each_curve_is_needed(name):
    with pytest.raises(ValueError, match=f"{name} must have one entry for each of the 2 loss curves; got 1"):
        LossCurveDisplay([[1.0], [2.0]], **{name: [None]}).plot()


def test_a_classifier_without_a_history_says_so():
    clf = copy.copy(plain())
    clf.history_ = {name: [] for name in clf.history_}
    with pytest.raises(ValueError, match="TwoLayerClassifier has no epoch"):
        LossCurveDisplay.from_estimator(clf)
    del clf.history_
    with pytest.raises(ValueError, match=r"TwoLayerClassifier holds no history_.*Fit it again"):
        LossCurveDisplay.from_estimator(clf)


# ---------------------------------------------------------------- what an import costs


DISPLAYS = ["LossCurveDisplay", "NetworkDisplay", "TrainingDisplay"]


def test_importing_the_package_imports_nothing_that_draws():
    code = """
import sys, skbackprop
drawing = [name for name in sys.modules if "matplotlib" in name or name.startswith("skbackprop") and "display" in name]
assert not drawing, drawing
assert {names} <= set(dir(skbackprop)), dir(skbackprop)
from skbackprop import {list}
assert "matplotlib" not in sys.modules
"""
    code = code.replace("{names}", repr(set(DISPLAYS))).replace("{list}", ", ".join(DISPLAYS))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_name_that_is_not_there_is_an_attribute_error():
    import skbackprop

    with pytest.raises(AttributeError, match="'skbackprop' has no attribute 'LossDisplay'"):
        _ = skbackprop.LossDisplay


@pytest.mark.parametrize("name", DISPLAYS)
def test_without_matplotlib_a_display_says_how_to_install_it(name, monkeypatch):
    import skbackprop

    display = getattr(skbackprop, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=f"{name}.plot requires matplotlib.*pip install matplotlib"):
        display.from_estimator(plain())
