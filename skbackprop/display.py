"""LossCurveDisplay: the loss against epochs."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ._display.curves import BESIDE, PALE, WIDTH, draw_curve, final_training, label_epochs, set_log_scale
from ._display.fitted import best_epoch, data_term, history_of, known, last_step, search_history_of
from ._sklearn.compat import check_matplotlib_support

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(eq=False, repr=False)
class LossCurveDisplay:
    """Training and validation loss against epochs.

    Use :meth:`from_estimator`, or give the constructor curves of your own and call :meth:`plot`.

    Parameters
    ----------
    loss_curves : list of array-like of shape (n_epochs,)
        Training loss of each epoch, one curve for each estimator.
    validation_curves : list of (array-like of shape (n_epochs,) or None), default=None
        Validation loss after each epoch.
    best_epochs : list of (int or None), default=None
        Epochs trained to reach the best validation score, counted from 1.
    names : list of str, default=None
        What each estimator is called in the legend.
    search_curves : list of (array-like of shape (n_epochs,) or None), default=None
        Validation loss of all epochs of a search (``early_stopping="auto"``), those beyond the best included; drawn
        pale.
    search_loss_curves : list of (array-like of shape (n_epochs,) or None), default=None
        Training loss of the same epochs, drawn pale. If it is given, of ``loss_curves`` only the final training is
        drawn, a line that leaves the pale one at the best epoch.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the curves are.
    figure_ : matplotlib Figure
        The figure that holds them.
    lines_ : list of matplotlib Line2D
        The curves of each estimator in turn: training and validation or, after a search, the final training, and
        training and validation in the search.

    See Also
    --------
    TrainingDisplay : Learning rate, gradient norms and dead units too.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import LossCurveDisplay, TwoLayerClassifier
    >>> clf = TwoLayerClassifier(random_state=0, early_stopping=True).fit(*load_iris(return_X_y=True))
    >>> display = LossCurveDisplay.from_estimator(clf)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    loss_curves: Sequence[ArrayLike]
    _: KW_ONLY
    validation_curves: Sequence[ArrayLike | None] | None = None
    best_epochs: Sequence[int | None] | None = None
    names: Sequence[str] | None = None
    search_curves: Sequence[ArrayLike | None] | None = None
    search_loss_curves: Sequence[ArrayLike | None] | None = None

    @classmethod
    def from_estimator(
        cls,
        *estimators: Any,
        names: Sequence[str] | None = None,
        ax: "Axes | None" = None,
        log_scale: bool = False,
        **style: Any,
    ) -> Self:
        """Draw the history of one fitted estimator, or of several in one picture.

        If there is a validation loss among the curves, the training losses are drawn without the penalty, which a
        validation loss does not have, so that they can be compared. If there is none, the training losses are J, which
        training minimises. A history without the penalty is drawn as it is.

        Parameters
        ----------
        *estimators : TwoLayerClassifier, BackpropClassifier, or a Pipeline or search that ends in one
            Fitted estimators.
        names : sequence of str, default=None
            What each is called in the legend; by default its class, numbered if there are several.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        log_scale : bool, default=False
            Logarithmic loss axis; where a loss is zero or negative, one that is linear around zero.
        **style
            Passed on to ``ax.plot`` for every curve.

        Returns
        -------
        display : LossCurveDisplay
            With the attributes ``ax_``, ``figure_`` and ``lines_``.

        Raises
        ------
        TypeError
            If an estimator has no loss curve, or none is given.
        ValueError
            If there are not as many names as estimators, or a history is missing or empty.
        NotFittedError
            If an estimator is not fitted.
        """
        if not estimators:
            raise TypeError("from_estimator needs at least one fitted estimator.")
        steps = [last_step(estimator) for estimator in estimators]
        if names is None:
            names = [type(step).__name__ + (f" {k}" if len(steps) > 1 else "") for k, step in enumerate(steps, start=1)]
        if len(names) != len(estimators):
            raise ValueError(f"names must be one for each of the {len(estimators)} estimators; got {names!r}.")
        histories, searches = [history_of(step) for step in steps], [search_history_of(step) for step in steps]
        validation = [None if s else known(h, "validation_loss") for h, s in zip(histories, searches, strict=True)]
        searched = [known(search, "validation_loss") for search in searches]
        alone = all(curve is None for curve in validation + searched)
        display = cls(
            [history["loss"] if alone else data_term(history) for history in histories],
            validation_curves=validation,
            best_epochs=[best_epoch(step) for step in steps],
            names=names,
            search_curves=searched,
            search_loss_curves=[data_term(search) if search else None for search in searches],
        )
        return display.plot(ax=ax, log_scale=log_scale, **style)

    def plot(self, ax: "Axes | None" = None, *, log_scale: bool = False, **style: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        log_scale : bool, default=False
            Logarithmic loss axis; where a loss is zero or negative, one that is linear around zero.
        **style
            Passed on to ``ax.plot`` for every curve.

        Returns
        -------
        display : LossCurveDisplay
            Itself.

        Raises
        ------
        ValueError
            If a loss curve is not a sequence of numbers, or another parameter does not have one entry for each curve.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        each, style = self._of_each_estimator(), normalize_kwargs(style, Line2D)
        opacity = style.pop("alpha", 1.0)
        legend = BESIDE if ax is None else {}
        ax = plt.subplots(figsize=(WIDTH, WIDTH / 2), layout="constrained")[1] if ax is None else ax
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, []
        for loss, validation, best, name, search, search_loss in each:
            prefix, color = f"{name or ''}: " if len(each) > 1 else "", None
            ends_search = search_loss is not None
            first, final = final_training(loss, best) if ends_search else (1, loss)
            for label, epoch, values, linestyle, strength in [
                ("final training" if ends_search else "training", first, final, "-", 1.0),
                ("validation", 1, validation, "--", 1.0),
                ("training in the search", 1, search_loss, "-", PALE),
                ("validation in the search", 1, search, "--", PALE),
            ]:
                if values is not None:
                    own = {"label": f"{prefix}{label}", "color": color, "linestyle": linestyle}
                    self.lines_.append(draw_curve(ax, values, epoch, **own | style, alpha=strength * opacity))
                    color = self.lines_[-1].get_color()
            if best is not None:
                ax.axvline(best, color=color, linestyle=":", label=f"{prefix}best epoch ({best})")
        label_epochs(ax)
        ax.set_ylabel("loss")
        if log_scale:
            set_log_scale(ax)
        ax.legend(**legend)
        return self

    def _of_each_estimator(self) -> list[tuple[Any, ...]]:
        """Return the entries of the parameters, estimator by estimator."""
        n = len(self.loss_curves)
        if n == 0 or any(np.ndim(curve) != 1 for curve in self.loss_curves):
            raise ValueError("loss_curves must be a list of curves, each a sequence of numbers; give [curve] for one.")
        columns: list[Any] = [self.loss_curves]
        for name in ("validation_curves", "best_epochs", "names", "search_curves", "search_loss_curves"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise ValueError(f"{name} must have one entry for each of the {n} loss curves; got {len(values)}.")
            columns.append([None] * n if values is None else values)
        return [*zip(*columns, strict=True)]
