"""A network on an Axes: circles, lines, names and a legend, laid out so that nothing overlaps or is cut."""

from itertools import pairwise
from typing import Any

import numpy as np

from .._core.kernels import Array

COLORS = {True: "#0072B2", False: "#D55E00"}  # positive blue, others vermilion: every colour vision tells them apart
MEASURE = "Drawn are the units with the largest ‖weights in‖ · ‖weights out‖."
SHARE = 0.96  # of the width of a figure of our own; the rest is margin
ROW, COLUMN = 26.0, 165.0  # points between units and between layers, in a figure of our own
WIDEST, FAINTEST = 0.22, 0.15  # width of the line of a layer's largest weight, in diameters; opacity of the smallest


class Drawing:
    """The units of a network on an Axes: layer l at x = l, a unit's row its y.

    Parameters
    ----------
    units : list of ndarray of int
        The units to draw of each layer.
    sizes : list of int
        The number of units of each layer.
    ax : matplotlib Axes or None
        Where to draw; None makes a figure.

    Attributes
    ----------
    y : list of ndarray
        Where the units of each layer are, from top to bottom; the square of the biases is one row above the first.
    row, font_size, diameter : float
        Height of a row, of the letters, and diameter of a circle, in points.
    """

    def __init__(self, units: list[Array], sizes: list[int], ax: Any) -> None:
        import matplotlib.pyplot as plt

        self.units, self.sizes, self.last = units, sizes, len(sizes) - 1
        self.y = [(len(drawn) - 1) / 2 - np.arange(len(drawn)) for drawn in units]
        self.is_cut = [len(drawn) < n for drawn, n in zip(units, sizes, strict=True)]
        self.header = max(y[0] for y in self.y) + 2.2  # above the biases
        bottom = min(y[-1] - cut for y, cut in zip(self.y, self.is_cut, strict=True))
        low, high = bottom - (2.6 if any(self.is_cut) else 1.8), self.header + 1.0  # room for the legend and two lines
        self.has_own_figure = ax is None
        if ax is None:
            size = (self.last + 1) * COLUMN / 72, (high - low) * ROW / 72
            ax = plt.figure(figsize=size, layout="none").add_axes(((1 - SHARE) / 2, 0.0, SHARE, 1.0))
        self.ax, self.row = ax, ax.get_window_extent().height * 72 / ax.figure.dpi / (high - low)
        self.font_size = min(plt.rcParams["font.size"], 0.5 * self.row)
        self.diameter = min(1.8 * self.font_size, 0.75 * self.row)
        self.texts: list[Any] = []
        ax.set_ylim(low, high)
        ax.set_axis_off()

    def connect(self, l: int, W: Array, b: Array) -> Any:
        """Draw the weights and biases from layer l to the next, the largest last; return their LineCollection."""
        from matplotlib.collections import LineCollection
        from matplotlib.colors import to_rgba

        sources, targets = [self.y[l][0] + 1, *self.y[l]], self.y[l + 1]
        values = np.vstack([b, W[self.units[l]]])[:, self.units[l + 1]].astype(np.float64)
        largest = float(np.abs(values).max())
        drawn = sorted(
            (abs(value) / (largest or 1.0), bool(value > 0), (l, sources[i]), (l + 1, targets[j]))
            for (i, j), value in np.ndenumerate(values)
        )
        lines = LineCollection(
            [ends for _, _, *ends in drawn],
            linewidths=[WIDEST * self.diameter * size for size, *_ in drawn],
            colors=[to_rgba(COLORS[sign], FAINTEST + (1 - FAINTEST) * size) for size, sign, *_ in drawn],
            zorder=1,
        )
        self._write(f"W{l + 1}, b{l + 1}\nup to {largest:.3g}", l + 0.5, self.header)
        return self.ax.add_collection(lines)

    def draw_units(self) -> None:
        """Draw the circles, the numbers of the hidden units in them, and the squares of the biases."""
        import matplotlib.pyplot as plt

        ink, paper = plt.rcParams["text.color"], self.ax.get_facecolor()
        style = {"s": self.diameter**2, "facecolors": [paper], "edgecolors": ink, "linewidths": 0.8, "zorder": 2}
        for l, y in enumerate(self.y):
            self.ax.scatter(np.full_like(y, l), y, **style)
            small = {"fontsize": 0.75 * self.font_size, "ha": "center", "va": "center_baseline"}
            if 0 < l < self.last:
                for unit, height in zip(self.units[l], y, strict=True):
                    self.ax.text(l, height, str(unit), **small)
            if l < self.last:
                self.ax.scatter([l], [y[0] + 1], marker="s", **style | {"s": (0.7 * self.diameter) ** 2})
                self.ax.text(l, y[0] + 1, "1", **small)

    def draw_texts(self, features: list[str], outputs: list[str]) -> None:
        """Write the names of features and outputs, and above and below each layer how many units it has."""
        gap = self.diameter / 2 + 4
        for l, names, shift, side in ((0, features, -gap, "right"), (self.last, outputs, gap, "left")):
            for name, y in zip(names, self.y[l], strict=True):
                self._write(name, l, y, xytext=(shift, 0), ha=side, va="center_baseline")
        for l, n in enumerate(self.sizes):
            what = "feature" if l == 0 else "output" if l == self.last else "unit"
            self._write(f"{f'A{l}' if l else 'X'}\n{n} {what}{'s' * (n != 1)}", l, self.header)
            if self.is_cut[l]:
                self._write(f"… and {n - len(self.units[l])} more", l, self.y[l][-1] - 1)

    def explain(self) -> None:
        """Draw the legend: what the colours say, and which units are drawn."""
        from matplotlib.lines import Line2D

        width = WIDEST * self.diameter
        self.legend = self.ax.legend(
            handles=[
                Line2D([], [], color=COLORS[sign], linewidth=width, label=label)
                for sign, label in ((True, "positive"), (False, "negative"))
            ],
            title=MEASURE if any(self.is_cut) else None,
            loc="lower center",
            ncols=2,
            frameon=False,
            fontsize=self.font_size,
            title_fontsize=self.font_size,
        )

    def make_room(self) -> None:
        """Set the width of a figure of our own, and the horizontal limits so that all names lie within the Axes.

        In an Axes that is too narrow, the letters become smaller.
        """
        figure, width = self.ax.figure, self.ax.get_window_extent().width
        if self.has_own_figure:
            width = self._least_width(COLUMN * figure.dpi / 72)
            figure.set_figwidth(width / SHARE / figure.dpi)
        while not self.has_own_figure and (needed := self._least_width()) > width and self.font_size > 1:
            self.font_size *= min(width / needed, 0.98)  # again and again: letters do not shrink in exact proportion
            for text in [*self.texts, *self.legend.get_texts(), self.legend.get_title()]:
                text.set_fontsize(self.font_size)
        left, right = self._beside()
        between = max(width - left - right, 0.1 * width) / self.last  # pixels from layer to layer
        self.ax.set_xlim(-left / between, self.last + right / between)

    def _least_width(self, between: float = 0.0) -> float:
        """Return how many pixels all texts need, with layers at least so far apart that no header meets another."""
        above = sorted((text.xy[0], text.get_window_extent().width) for text in self.texts if text.xy[1] == self.header)
        widest = max(one + other for (_, one), (_, other) in pairwise(above))  # half a layer apart
        apart = max(between, widest + self.font_size * self.ax.figure.dpi / 72)
        return max(sum(self._beside()) + self.last * apart, self.legend.get_window_extent().width)

    def _beside(self) -> tuple[float, float]:
        """Return how many pixels the texts reach beyond the first and the last layer."""
        to_pixels = self.ax.transData.transform
        boxes = [(text.xy[0], to_pixels(text.xy)[0], text.get_window_extent()) for text in self.texts]
        left = max(anchor - box.x0 for x, anchor, box in boxes if x == 0)
        return left, max(box.x1 - anchor for x, anchor, box in boxes if x == self.last)

    def _write(self, text: str, x: float, y: float, **style: Any) -> None:
        place: dict[str, Any] = {"xytext": (0, 0), "ha": "center", "va": "center", "fontsize": self.font_size}
        self.texts.append(self.ax.annotate(text, (x, y), textcoords="offset points", **place | style))
