"""LossCurveDisplay draws what history_ holds."""

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


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


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
    assert_draws(training, clf.loss_curve_)
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


# ---------------------------------------------------------------- several, pipelines and searches


def test_several_estimators_in_one_picture():
    display = LossCurveDisplay.from_estimator(plain(), stopped())
    assert len(display.lines_) == 3
    assert_draws(display.lines_[0], plain().loss_curve_)
    assert_draws(display.lines_[1], stopped().loss_curve_)
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


def test_style_reaches_every_curve():
    display = LossCurveDisplay.from_estimator(stopped(), linewidth=3.5, color="black", alpha=0.5)
    for line in display.lines_:
        assert (line.get_linewidth(), line.get_color(), line.get_alpha()) == (3.5, "black", 0.5)
    assert display.lines_[1].get_linestyle() == "--"


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


def test_a_divergence_can_be_drawn():
    with pytest.raises(DivergenceError) as caught:
        make(solver="sgd", learning_rate=1e3, loss="log_loss").fit(*load_breast_cancer(return_X_y=True))
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
