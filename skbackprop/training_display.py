"""TrainingDisplay: loss, learning rate, gradient norms and dead units against epochs."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ._display.curves import BESIDE, PALE, WIDTH, draw_curve, final_training, label_epochs, set_log_scale
from ._display.fitted import (
    best_epoch,
    data_term,
    history_of,
    known,
    last_step,
    penalty_is_known,
    search_history_of,
)
from ._sklearn.compat import check_matplotlib_support

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

PANEL_HEIGHT = 1.9  # inches
SHADES = {True: (0.35, 1.0), False: (0.0, 0.85)}  # of viridis, first to last layer, on a dark ground (True) or not
LEAST_SHARE = 0.1  # of dead units at the top of their axis, so that a handful does not look like many
MOST_LAYERS = 6  # up to so many layers, the legend names each; of more, it names the first and the last

Panels = dict[str, dict[str, Any]]


@dataclass(eq=False, repr=False)
class TrainingDisplay:
    """Loss, learning rate, gradient norms and dead units against epochs, one below the other.

    Use :meth:`from_estimator`, or give the constructor a history, for example that of a
    :class:`~skbackprop.DivergenceError`, and call :meth:`plot`. What a history does not hold has no panel, such as the
    learning rate of ``solver="lbfgs"`` or the dead units of a network without hidden layers.

    - Loss: J is drawn in its two parts. "training" is the data term, which can be compared with "validation"; "penalty"
      is the other term, if it is not zero. If the history does not hold the penalty, J is drawn.
    - Learning rate: that of the epoch's last update.
    - Gradient norm: of each layer's dW and db together, in the epoch's last mini-batch.
    - Dead units: the share of hidden units that the gradient of that mini-batch does not reach.

    With ``early_stopping="auto"``, the curves of the search are pale; the final training leaves them at the best epoch.

    Parameters
    ----------
    history : dict of array-like of shape (n_epochs,)
        Columns as in ``history_``.
    search_history : dict of array-like of shape (n_search_epochs,), default=None
        Columns as in ``search_history_``, which has all epochs of the search.
    best_epoch : int, default=None
        The epoch with the best validation score, counted from 1.

    Attributes
    ----------
    axes_ : dict of str to matplotlib Axes
        The panels by name: "loss", "learning rate", "gradient norm" and "dead units", those of them that have data.
    figure_ : matplotlib Figure
        The figure that holds them.

    See Also
    --------
    LossCurveDisplay : The loss alone, of several estimators in one picture.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import TrainingDisplay, TwoLayerClassifier
    >>> clf = TwoLayerClassifier(random_state=0).fit(*load_iris(return_X_y=True))
    >>> display = TrainingDisplay.from_estimator(clf)
    >>> list(display.axes_)
    ['loss', 'learning rate', 'gradient norm', 'dead units']
    """

    history: Mapping[str, ArrayLike]
    _: KW_ONLY
    search_history: Mapping[str, ArrayLike] | None = None
    best_epoch: int | None = None

    @classmethod
    def from_estimator(cls, estimator: Any, *, figure: "Figure | SubFigure | None" = None) -> Self:
        """Draw the history of a fitted estimator.

        Parameters
        ----------
        estimator : TwoLayerClassifier, BackpropClassifier, or a Pipeline or search that ends in one
            A fitted estimator.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw; by default a new figure.

        Returns
        -------
        display : TrainingDisplay
            With the attributes ``axes_`` and ``figure_``.

        Raises
        ------
        TypeError
            If the estimator is none of these.
        ValueError
            If its history is missing or empty.
        NotFittedError
            If it is not fitted.
        """
        step = last_step(estimator)
        display = cls(history_of(step), search_history=search_history_of(step), best_epoch=best_epoch(step))
        return display.plot(figure=figure)

    def plot(self, *, figure: "Figure | SubFigure | None" = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw; by default a new figure.

        Returns
        -------
        display : TrainingDisplay
            Itself.

        Raises
        ------
        ValueError
            If the history has no finite number to draw.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        panels, searched = panels_of(self.history), panels_of(self.search_history or {})
        if not panels:
            raise ValueError(f"history must have columns such as 'loss', with finite numbers; got {[*self.history]}.")
        if figure is None:
            figure = plt.figure(figsize=(WIDTH, 0.6 + PANEL_HEIGHT * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        self.figure_, self.axes_ = figure, dict(zip(panels, axes, strict=True))
        for name, ax in self.axes_.items():
            self._draw(ax, panels[name], searched.get(name, {}))
            ax.set_ylabel(name)
            finish(ax, name)
        label_epochs(axes[-1])
        figure.align_ylabels(axes)
        return self

    def _draw(self, ax: Any, curves: dict[str, Any], searched: dict[str, Any]) -> None:
        """Draw the curves of a panel, those of a search pale, and the best epoch."""
        styles = styles_of([*{**curves, **searched}], on_dark=bool(np.mean(ax.get_facecolor()[:3]) < 0.5))
        for label, style in styles.items():
            if label not in searched:
                draw_curve(ax, curves[label], **style)
                continue
            is_loss = label in ("training", "validation", "J")
            first, final = final_training(curves.get(label, []), self.best_epoch)
            if final is not None and np.isfinite(final[1:]).any():  # the first is where it leaves the search
                draw_curve(ax, final, first, **style | {"label": f"final {label}" if is_loss else style["label"]})
            told = f"{label} in the search" if is_loss else None
            draw_curve(ax, searched[label], **style | {"label": told, "alpha": PALE})
        if self.best_epoch is not None:
            told = f"best epoch ({self.best_epoch})" if "layer 1" not in styles else None  # once is enough
            ax.axvline(self.best_epoch, color="C0", linestyle=":", label=told)


def panels_of(history: Mapping[str, ArrayLike]) -> Panels:
    """Return the curves of each panel by name, without those that hold no number."""
    columns = {name: column for name in history if (column := known(history, name)) is not None}
    told_apart = penalty_is_known(history)
    losses = {"training" if told_apart else "J": data_term(history) if "loss" in columns else None}
    losses["validation"] = columns.get("validation_loss")
    losses["penalty"] = columns.get("penalty") if told_apart and np.any(history["penalty"]) else None
    norms = [name for name in columns if name.startswith("gradient_norm_")]
    panels = {
        "loss": losses,
        "learning rate": {"learning rate": columns.get("learning_rate")},
        "gradient norm": {f"layer {name.rpartition('_')[2]}": columns[name] for name in norms},
        "dead units": {"dead units": columns.get("dead_units") if len(norms) > 1 else None},  # else none are hidden
    }
    present = {name: {k: v for k, v in curves.items() if v is not None} for name, curves in panels.items()}
    return {name: curves for name, curves in present.items() if curves}


def styles_of(labels: list[str], *, on_dark: bool) -> dict[str, dict[str, Any]]:
    """Return how each curve of a panel is drawn; the layers brighten from the first to the last."""
    import matplotlib as mpl

    styles: dict[str, dict[str, Any]] = {label: {"color": "C0", "label": label} for label in labels}
    layers = [label for label in labels if label.startswith("layer ")]
    for label, shade in zip(layers, np.linspace(*SHADES[on_dark], len(layers)), strict=True):
        styles[label]["color"] = mpl.colormaps["viridis"](shade)
        if len(layers) > MOST_LAYERS and label not in (layers[0], layers[-1]):
            styles[label]["label"] = None
    for label, own in {
        "validation": {"color": "C1", "linestyle": "--"},
        "penalty": {"color": "C2", "linestyle": "-."},
    }.items():
        if label in styles:
            styles[label] |= own
    return styles


def finish(ax: Any, name: str) -> None:
    """Give a panel its scale, on which zero is visible if it is linear, and a legend beside it."""
    from matplotlib.ticker import PercentFormatter

    if name == "gradient norm":
        set_log_scale(ax)
    else:
        ax.update_datalim([(1, 0), (1, LEAST_SHARE if name == "dead units" else 0)])
        ax.autoscale_view()
    if name == "dead units":
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if name in ("loss", "gradient norm"):
        ax.legend(**BESIDE)
