"""Curves over epochs. Matplotlib is imported where it is used, so that importing skbackprop does not import it."""

from typing import Any

import numpy as np

PALE = 0.5  # opacity of the curves of a search
WIDTH = 8.0  # inches, of a figure of our own, with a legend beside the curves
BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "frameon": False}
AS_GOOD_AS_ZERO = 1e-100  # smallest linear threshold of a symlog axis; with more decades, matplotlib overflows


def final_training(curve: Any, best: int | None) -> tuple[int, Any]:
    """Return the epoch at which the final training leaves the search, and the curve from there on.

    The curve is None if there was no training after the search.
    """
    first = max(best or 0, 1)
    return first, curve[first - 1 :] if len(curve) > (best or 0) else None


def draw_curve(ax: Any, values: Any, first: int = 1, **style: Any) -> Any:
    """Draw values against epochs, counted from ``first``; a single value as a point, since a line would not show it."""
    marker = {"marker": "o"} if np.isfinite(values).sum() == 1 else {}
    (line,) = ax.plot(range(first, first + len(values)), values, **marker | style)
    return line


def label_epochs(ax: Any) -> None:
    """Label the axis of the epochs, which are whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel("epoch")
    if isinstance(ax.xaxis.get_major_locator(), MaxNLocator):
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def set_log_scale(ax: Any) -> None:
    """Make the vertical axis logarithmic; linear below the smallest positive value if some are zero or negative."""
    curves = [np.asarray(line.get_ydata(), np.float64) for line in ax.lines if line.get_transform() is ax.transData]
    values = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    if (values > 0).all():
        ax.set_yscale("log")
    else:
        smallest = min(values[values > 0], default=1.0)  # and the decade below it, so that no tick lies close to zero
        ax.set_yscale("symlog", linthresh=max(10.0 ** np.floor(np.log10(smallest)), AS_GOOD_AS_ZERO))
    ax.autoscale_view(scalex=False)  # limits that suited the scale before would be kept
