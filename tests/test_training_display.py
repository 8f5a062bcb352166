"""TrainingDisplay draws what history_ holds of each epoch, one panel below the other, and no empty panel."""

import copy
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, DivergenceError, TwoLayerClassifier

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402

from skbackprop import TrainingDisplay  # noqa: E402

pytestmark = pytest.mark.usefixtures("figures_are_closed")

PANELS = ["loss", "learning rate", "gradient norm", "dead units"]


@cache
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(hidden=(8,), **params):
    settings = {"early_stopping": False, "n_iter_no_change": None, "random_state": 0, "max_iter": 6, "alpha": 1e-3}
    return BackpropClassifier(hidden, **(settings | {"learning_rate": 0.01, "batch_size": 32} | params))


@cache
def stopped():
    return make((8, 4), early_stopping=True, max_iter=12).fit(*breast_cancer())


@cache
def searched():
    return make(early_stopping="auto", max_iter=40, n_iter_no_change=3).fit(*breast_cancer())


def curves(ax):
    """Return the curves of a panel by label, the best epoch's line aside."""
    return {line.get_label(): line for line in ax.lines if line.get_transform() is ax.transData}


def assert_draws(line, values, first=1):
    np.testing.assert_array_equal(line.get_xdata(), np.arange(first, first + len(values)))
    np.testing.assert_array_equal(line.get_ydata(), values)


# ---------------------------------------------------------------- the panels


def test_the_panels_of_a_fit_with_a_validation_set():
    clf = stopped()
    display = TrainingDisplay.from_estimator(clf)
    history, axes = clf.history_, display.axes_
    assert list(axes) == PANELS == [ax.get_ylabel() for ax in display.figure_.axes]
    loss = curves(axes["loss"])
    assert list(loss) == ["training", "validation", "penalty"]
    assert_draws(loss["training"], np.subtract(history["loss"], history["penalty"]))
    assert_draws(loss["validation"], history["validation_loss"])
    assert_draws(loss["penalty"], history["penalty"])
    assert_draws(curves(axes["learning rate"])["learning rate"], history["learning_rate"])
    norms = curves(axes["gradient norm"])
    assert list(norms) == ["layer 1", "layer 2", "layer 3"]
    for l in (1, 2, 3):
        assert_draws(norms[f"layer {l}"], history[f"gradient_norm_{l}"])
    assert_draws(curves(axes["dead units"])["dead units"], history["dead_units"])
    for ax in axes.values():
        best = [line for line in ax.lines if line not in curves(ax).values()]
        assert [set(line.get_xdata()) for line in best] == [{clf.best_iter_}]


def test_the_curves_of_a_panel_have_different_colors():
    for ax in TrainingDisplay.from_estimator(stopped()).axes_.values():
        colors = [matplotlib.colors.to_hex(line.get_color()) for line in curves(ax).values()]
        assert len(set(colors)) == len(colors)


@pytest.mark.parametrize(
    ("params", "missing", "loss"),
    [
        ({}, set(), ["training", "penalty"]),
        ({"alpha": 0.0}, set(), ["training"]),
        ({"solver": "lbfgs", "batch_size": "full"}, {"learning rate"}, ["training", "penalty"]),
        ({"hidden": ()}, {"dead units"}, ["training", "penalty"]),
    ],
)
def test_what_the_history_does_not_hold_is_not_drawn(params, missing, loss):
    display = TrainingDisplay.from_estimator(make(**params).fit(*breast_cancer()))
    assert list(display.axes_) == [name for name in PANELS if name not in missing]
    assert list(curves(display.axes_["loss"])) == loss
    assert len(display.figure_.axes) == len(display.axes_)


def test_an_older_history_shows_j():
    clf = copy.copy(stopped())
    del clf.history_["penalty"]
    loss = curves(TrainingDisplay.from_estimator(clf).axes_["loss"])
    assert list(loss) == ["J", "validation"]
    assert_draws(loss["J"], clf.loss_curve_)
    only = TrainingDisplay({"loss": [0.5, 0.4]}).plot()
    assert list(only.axes_) == ["loss"]


def test_the_search_is_pale_and_the_final_training_leaves_it_at_the_best_epoch():
    clf = searched()
    search, best = clf.search_history_, clf.best_iter_
    assert 1 < best < len(search["loss"]) < len(clf.loss_curve_)
    axes = TrainingDisplay.from_estimator(clf).axes_
    loss = curves(axes["loss"])
    told = [text.get_text() for text in axes["loss"].get_legend().get_texts()]
    assert told == [
        "final training",
        "training in the search",
        "validation in the search",
        "penalty",
        f"best epoch ({best})",
    ]
    assert_draws(loss["validation in the search"], search["validation_loss"])
    assert_draws(loss["training in the search"], np.subtract(search["loss"], search["penalty"]))
    final = np.subtract(clf.loss_curve_, clf.history_["penalty"])[best - 1 :]
    assert_draws(loss["final training"], final, first=best)
    strong, pale = axes["learning rate"].lines[:2]
    assert_draws(strong, clf.history_["learning_rate"][best - 1 :], first=best)
    assert_draws(pale, search["learning_rate"])
    assert strong.get_color() == pale.get_color()
    assert strong.get_alpha() is None
    assert pale.get_alpha() < 1


def test_partial_fit_from_its_first_pass_on():
    clf, (X, y) = make(), breast_cancer()
    display = TrainingDisplay.from_estimator(clf.partial_fit(X, y, classes=[0, 1]))
    assert list(display.axes_) == PANELS
    assert all(line.get_marker() == "o" for ax in display.axes_.values() for line in ax.lines)
    for _ in range(4):
        clf.partial_fit(X, y)
    lines = curves(TrainingDisplay.from_estimator(clf).axes_["loss"])
    assert len(lines["training"].get_xdata()) == 5


def test_epochs_without_a_validation_set_leave_a_gap():
    clf, (X, y) = make(), breast_cancer()
    clf.fit(X, y, X_val=X[::9], y_val=y[::9]).partial_fit(X, y)
    loss = curves(TrainingDisplay.from_estimator(clf).axes_["loss"])
    assert np.isnan(loss["validation"].get_ydata()[-1])
    assert len(loss["training"].get_xdata()) == 7


def test_a_divergence_can_be_drawn():
    with pytest.raises(DivergenceError) as caught:
        make(solver="sgd", learning_rate=1e3, alpha=1.0).fit(*breast_cancer())
    display = TrainingDisplay(caught.value.history).plot()
    display.figure_.canvas.draw()
    assert list(display.axes_) == PANELS


def test_numbers_that_are_not_finite_are_gaps():
    history = {"loss": [1.0, np.inf], "penalty": [0.5, np.inf], "gradient_norm_1": [1.0, np.inf]}
    display = TrainingDisplay(history).plot()
    np.testing.assert_equal(curves(display.axes_["loss"])["training"].get_ydata(), [0.5, np.nan])
    rates_only = TrainingDisplay({"loss": [np.nan], "learning_rate": [0.1]}).plot()
    assert list(rates_only.axes_) == ["learning rate"]


# ---------------------------------------------------------------- how it looks


@pytest.mark.parametrize("clf", [stopped, searched])
@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_everything_lies_within_its_panel_and_its_figure(clf, style):
    with plt.style.context(style):
        display = TrainingDisplay.from_estimator(clf())
        display.figure_.canvas.draw()
    boxes = [ax.get_tightbbox() for ax in display.axes_.values()]  # labels and legends included
    figure = display.figure_.bbox
    for box in boxes:
        assert figure.x0 <= box.x0 < box.x1 <= figure.x1
        assert figure.y0 <= box.y0 < box.y1 <= figure.y1
    for upper, lower in pairwise(boxes):
        assert lower.y1 < upper.y0
    for ax in display.axes_.values():
        for line in curves(ax).values():
            y = np.asarray(line.get_ydata())
            low, high = ax.get_ylim()
            assert low < np.nanmin(y)
            assert np.nanmax(y) < high


def test_gradient_norms_are_on_a_log_scale_that_shows_zero_too():
    norms = {"gradient_norm_1": [0.0, 1e-3, 1e-2], "gradient_norm_2": [1.0, 0.5, 0.25]}
    (ax,) = [TrainingDisplay({"loss": [3.0, 2.0, 1.0]} | norms, best_epoch=2).plot().axes_["gradient norm"]]
    low, high = ax.get_ylim()
    assert ax.get_yscale() == "symlog"
    assert -1e-3 < low < 0
    assert 1 < high < 10
    assert TrainingDisplay.from_estimator(stopped()).axes_["gradient norm"].get_yscale() == "log"


def test_scales_of_shares_and_rates_begin_at_zero():
    axes = TrainingDisplay.from_estimator(stopped()).axes_
    for name in ("loss", "learning rate", "dead units"):
        low, high = axes[name].get_ylim()
        assert -0.1 * high < low < 0
    assert axes["dead units"].get_ylim()[1] >= 0.1
    axes["dead units"].figure.canvas.draw()
    assert "10%" in [text.get_text() for text in axes["dead units"].get_yticklabels()]


def test_the_panels_share_their_epochs_and_only_the_last_names_them():
    axes = [*TrainingDisplay.from_estimator(stopped()).axes_.values()]
    assert len({ax.get_xlim() for ax in axes}) == 1
    assert [ax.get_xlabel() for ax in axes] == ["", "", "", "epoch"]
    assert all(tick == round(tick) for tick in axes[-1].get_xticks())


@pytest.mark.parametrize(("n_layers", "named"), [(6, 6), (7, 2)])
def test_of_many_layers_the_legend_names_the_first_and_the_last(n_layers, named):
    history = {"loss": [1.0, 0.5]} | {f"gradient_norm_{l}": [0.1 * l, 0.2 * l] for l in range(1, n_layers + 1)}
    ax = TrainingDisplay(history).plot().axes_["gradient norm"]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(ax.lines) == n_layers
    assert len(texts) == named
    assert (texts[0], texts[-1]) == ("layer 1", f"layer {n_layers}")


@pytest.mark.parametrize(("style", "ground"), [("default", 1.0), ("dark_background", 0.0)])
def test_every_layer_stands_out_from_the_ground(style, ground):
    with plt.style.context(style):
        lines = curves(TrainingDisplay.from_estimator(stopped()).axes_["gradient norm"]).values()
    for line in lines:
        assert abs(np.dot(line.get_color()[:3], [0.299, 0.587, 0.114]) - ground) > 0.25


def test_a_given_figure_is_drawn_in():
    left, right = plt.figure().subfigures(1, 2)
    display = TrainingDisplay.from_estimator(
        make_pipeline(StandardScaler(), make()).fit(*breast_cancer()), figure=right
    )
    assert display.figure_ is right
    assert len(right.axes) == 4
    assert not left.axes


def test_drawing_changes_nothing_of_the_estimator():
    before = copy.deepcopy(searched().history_), copy.deepcopy(searched().search_history_)
    TrainingDisplay.from_estimator(searched())
    np.testing.assert_equal((searched().history_, searched().search_history_), before)


# ---------------------------------------------------------------- what cannot be drawn


def test_what_has_no_history_raises():
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(TwoLayerClassifier())
    with pytest.raises(TypeError, match="LogisticRegression has no loss curve"):
        TrainingDisplay.from_estimator(LogisticRegression().fit(*breast_cancer()))
    with pytest.raises(ValueError, match=r"history must have columns such as 'loss'.*got \['epochs'\]"):
        TrainingDisplay({"epochs": [1]}).plot()
    clf = copy.copy(stopped())
    del clf.history_
    with pytest.raises(ValueError, match="holds no history_"):
        TrainingDisplay.from_estimator(clf)
