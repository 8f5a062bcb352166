"""LossCurveDisplay: how the loss fell, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.utils.validation import check_is_fitted

from ._compat import check_matplotlib_support


class LossCurveDisplay:
    """Training and validation loss against epochs.

    It is recommended to use :meth:`from_estimator`; the constructor only stores what is drawn.

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

    def __init__(
        self,
        loss_curves: Sequence[Any],
        *,
        validation_curves: Sequence[Any] | None = None,
        best_epochs: Sequence[int | None] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        self.loss_curves = loss_curves
        self.validation_curves = validation_curves
        self.best_epochs = best_epochs
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        *estimators: Any,
        names: Sequence[str] | None = None,
        ax: Any = None,
        log_scale: bool = False,
        **style: Any,
    ) -> LossCurveDisplay:
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
            If an estimator has no loss curve.
        NotFittedError
            If an estimator is not fitted.
        """
        if not estimators:
            raise TypeError("from_estimator needs at least one fitted estimator.")
        last_steps = [_last_step(estimator) for estimator in estimators]
        if names is None:
            numbers = [""] if len(estimators) == 1 else [f" {k}" for k in range(1, len(estimators) + 1)]
            names = [type(step).__name__ + number for step, number in zip(last_steps, numbers, strict=True)]
        if len(names) != len(estimators):
            raise ValueError(f"names must be one for each of the {len(estimators)} estimators; got {names!r}.")
        display = cls(
            [step.history_["loss"] for step in last_steps],
            validation_curves=[step.history_.get("validation_loss") for step in last_steps],
            best_epochs=[_best_epoch(step) for step in last_steps],
            names=names,
        )
        return display.plot(ax=ax, log_scale=log_scale, **style)

    def plot(self, ax: Any = None, *, log_scale: bool = False, **style: Any) -> LossCurveDisplay:
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

        if ax is None:
            _, ax = plt.subplots()
        n = len(self.loss_curves)
        nothing = [None] * n
        self.lines_: list[Any] = []
        for loss, validation, best, name in zip(
            self.loss_curves,
            self.validation_curves or nothing,
            self.best_epochs or nothing,
            self.names or [""] * n,
            strict=True,
        ):
            label = f"{name}: " if n > 1 else ""
            (line,) = ax.plot(range(1, len(loss) + 1), loss, **({"label": f"{label}training"} | style))
            self.lines_.append(line)
            if validation is not None:
                dashed = {"label": f"{label}validation", "color": line.get_color(), "linestyle": "--"}
                self.lines_ += ax.plot(range(1, len(validation) + 1), validation, **(dashed | style))
            if best is not None:
                ax.axvline(best, color=line.get_color(), linestyle=":", label=f"{label}best epoch ({best})")
        ax.set(xlabel="epoch", ylabel="loss")
        if log_scale:
            ax.set_yscale("log")
        ax.legend()
        self.ax_ = ax
        self.figure_ = ax.figure
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
    if not hasattr(estimator, "best_iter_"):
        return None
    return len(estimator.history_["loss"]) - estimator.n_iter_ + estimator.best_iter_
