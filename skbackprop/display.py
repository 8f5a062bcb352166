"""LossCurveDisplay: how the loss fell, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from ._sklearn.compat import check_matplotlib_support


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

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the curves are.
    figure_ : matplotlib Figure
        The figure that holds them.
    lines_ : list of matplotlib Line2D
        The curves, training and validation of each estimator in turn.

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

    loss_curves: Sequence[Any]
    _: KW_ONLY
    validation_curves: Sequence[Any] | None = None
    best_epochs: Sequence[int | None] | None = None
    names: Sequence[str] | None = None
    search_curves: Sequence[Any] | None = None

    @classmethod
    def from_estimator(
        cls, *estimators: Any, names: Sequence[str] | None = None, ax: Any = None, log_scale: bool = False, **style: Any
    ) -> Self:
        """Draw the history of one fitted estimator, or of several in one picture.

        Parameters
        ----------
        *estimators : TwoLayerClassifier, BackpropClassifier, or a Pipeline or search that ends in one
            Fitted estimators.
        names : sequence of str, default=None
            What each is called in the legend; by default its class, numbered if there are several.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        log_scale : bool, default=False
            Logarithmic loss axis.
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
            If there are not as many names as estimators.
        NotFittedError
            If an estimator is not fitted.
        """
        if not estimators:
            raise TypeError("from_estimator needs at least one fitted estimator.")
        steps = [_last_step(estimator) for estimator in estimators]
        if names is None:
            names = [type(step).__name__ + (f" {k}" if len(steps) > 1 else "") for k, step in enumerate(steps, start=1)]
        if len(names) != len(estimators):
            raise ValueError(f"names must be one for each of the {len(estimators)} estimators; got {names!r}.")
        display = cls(
            [step.history_["loss"] for step in steps],
            validation_curves=[step.history_.get("validation_loss") for step in steps],
            best_epochs=[_best_epoch(step) for step in steps],
            names=names,
            search_curves=[getattr(step, "search_history_", {}).get("validation_loss") for step in steps],
        )
        return display.plot(ax=ax, log_scale=log_scale, **style)

    def plot(self, ax: Any = None, *, log_scale: bool = False, **style: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        log_scale : bool, default=False
            Logarithmic loss axis.
        **style
            Passed on to ``ax.plot`` for every curve.

        Returns
        -------
        display : LossCurveDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, []
        n = len(self.loss_curves)
        others = self.validation_curves, self.search_curves, self.best_epochs, self.names
        columns = [values or [None] * n for values in others]
        for loss, validation, search, best, name in zip(self.loss_curves, *columns, strict=True):
            prefix = f"{name or ''}: " if n > 1 else ""
            self.lines_ += ax.plot(range(1, len(loss) + 1), loss, **({"label": f"{prefix}training"} | style))
            color = self.lines_[-1].get_color()
            dashed = {"label": f"{prefix}validation", "color": color, "linestyle": "--"} | style
            if validation is not None:
                self.lines_ += ax.plot(range(1, len(validation) + 1), validation, **dashed)
            if search is not None:
                ax.plot(range(1, len(search) + 1), search, **(dashed | {"alpha": 0.3, "label": None}))
            if best is not None:
                ax.axvline(best, color=color, linestyle=":", label=f"{prefix}best epoch ({best})")
        ax.set(xlabel="epoch", ylabel="loss", yscale="log" if log_scale else ax.get_yscale())
        ax.legend()
        return self


def _last_step(estimator: Any) -> Any:
    """Return the classifier itself, the last step of a pipeline, or the best estimator of a search."""
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return _last_step(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        return _last_step(estimator.steps[-1][1])
    if not hasattr(estimator, "history_"):
        raise TypeError(f"{type(estimator).__name__} has no loss curve to draw.")
    return estimator


def _best_epoch(estimator: Any) -> int | None:
    """Return the best epoch of the last fit, counted from the first epoch of the history; None where there is none."""
    best = getattr(estimator, "best_iter_", None)
    return None if best is None else len(estimator.history_["loss"]) - estimator.n_iter_ + best
