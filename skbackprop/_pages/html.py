"""An explanation as HTML: a fragment for notebooks, whose styles apply to nothing else, and a document around it.

The template, with styles and script, is ``step.html`` beside this module. Without scripts, as on a printed page, the
steps stand one below the other.
"""

import hashlib
import json
import re
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from .numbers import TRACED, corner, digits, hidden, table_texts

PHASES = {"given": "Given", "forward": "Forward", "loss": "Loss", "backward": "Backward", "update": "Update"}
ROWS = ["given", "forward", "backward", "gradients", "update"]  # of the map
ARROWS = {"forward": "forward →", "backward": "← backward"}
SMALL = {"ᵀ": "<sup>T</sup>", "ᵢ": "<sub><i>i</i></sub>", "ₖ": "<sub><i>k</i></sub>", "ⱼ": "<sub><i>j</i></sub>"}
DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>One step of gradient descent</title>
</head>
<body class="skbackprop-page">
{}
</body>
</html>
"""


def document(explanation: Any) -> str:
    """Return a page that stands alone."""
    return DOCUMENT.format(fragment(explanation))


def fragment(explanation: Any) -> str:
    """Return the element that a notebook shows; several can stand on one page."""
    steps = explanation.steps
    mark = hashlib.sha256(str(explanation).encode()).hexdigest()[:8]
    page = _Page(f"skbackprop-{mark}", {step.name for step in steps})
    template = Template((files(__package__) / "step.html").read_text(encoding="utf-8"))
    phases = dict.fromkeys(step.phase for step in steps)
    return template.substitute(
        root=page.root,
        facts="".join(f"<li>{escape(fact)}</li>" for fact in explanation.facts),
        phases="".join(f'<button type="button" data-phase="{phase}">{PHASES[phase]}</button>' for phase in phases),
        map=page.map(steps),
        steps="\n".join(page.article(step) for step in steps),
    )


class _Page:
    """How names, formulas and numbers are set, with links between the arrays of one page.

    Parameters
    ----------
    root : str
        The id of the element that holds the page.
    names : set of str
        The arrays there are.
    """

    def __init__(self, root: str, names: set[str]) -> None:
        self.root = root
        longest_first = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
        self.names = re.compile(rf"(?<![A-Za-z0-9_])(?:{longest_first})(?![A-Za-z0-9_])")

    def link(self, name: str, *, kind: str = "name", inside: str = "") -> str:
        """Return a link to an array's step."""
        return f'<a class="{kind}" href="#{self.root}-{name}" data-ref="{name}">{inside}{symbol(name)}</a>'

    def formula(self, text: str) -> str:
        """Return a formula with its arrays as links and its words marked as such."""
        text = re.sub(r"\b(alpha|learning_rate)\b", r'<span class="word">\1</span>', escape(text, quote=False))
        text = re.sub(r"\bm\b", "<i>m</i>", self.names.sub(lambda found: self.link(found[0]), text))
        return re.sub("[ᵀᵢₖⱼ]", lambda found: SMALL[found[0]], text)

    def map(self, steps: list[Any]) -> str:
        """Return all arrays as tiles on a grid: a column for each layer, a row for each phase."""
        n_layers = sum(step.name.startswith("Z") for step in steps)
        cells: dict[tuple[int, int], str] = {}
        for step in steps:
            cell = place(step.name, step.phase, n_layers)
            tile = self.link(step.name, kind="tile", inside='<span class="mini"></span>')
            there, leftward = cells.get(cell, ""), cell[0] == ROWS.index("backward")
            cells[cell] = tile + there if leftward else there + tile
        rows = [row for row in range(len(ROWS)) if any(cell[0] == row for cell in cells)]
        heads = ["", "data", *(f"layer {l}" for l in range(1, n_layers + 1)), "loss"]
        lines = ["".join(f'<span class="column">{head}</span>' for head in heads)]
        for row in rows:
            tiles = (f'<div class="cell">{cells.get((row, column), "")}</div>' for column in range(n_layers + 2))
            lines.append(f'<span class="row">{ARROWS.get(ROWS[row], ROWS[row])}</span>{"".join(tiles)}')
        return f'<div class="grid" style="--columns: {n_layers + 2}">{"".join(lines)}</div>'

    def article(self, step: Any) -> str:
        """Return a step: formula, shape, numbers, worked entry, central difference."""
        used = json.dumps({name: (None,) * (2 - len(index)) + index for name, index in step.used.items()})
        shape = f'<span class="shape">{step.shape}</span>' if step.shape else ""
        parts = [
            f'<article id="{self.root}-{step.name}" data-name="{step.name}" data-phase="{step.phase}"'
            f' data-used="{escape(used)}" aria-label="{escape(step.formula or step.name)}">',
            f'<p class="phase">{PHASES[step.phase]}</p>',
            f'<h3><span class="formula">{self.formula(step.formula or step.name)}</span>{shape}</h3>',
            f'<p class="note">{self.formula(step.note)}</p>' if step.note else "",
            self.worked(step) if step.arithmetic else "",
            f'<div class="arrays">{table(step)}</div>',
            "</article>",
        ]
        return "\n".join(filter(None, parts))

    def worked(self, step: Any) -> str:
        """Return the worked entry, and the central difference beside it."""
        hues = {name: k for k, name in enumerate(step.used)}

        def number(found: re.Match[str]) -> str:
            name, text, value = found.groups()
            hue = f' data-part="{hues[name] % 3}"' if name in hues else ""
            return f'<data value="{value}" data-value="{value}"{hue}>{text}</data>'

        left, right = escape(step.traced, quote=False).split(" = ", 1)
        place = f'{symbol(step.name)}<span class="index">{escape(left[len(step.name) :])}</span>'
        lines = f'<p class="worked">{place} = {TRACED.sub(number, right)}</p>'
        if step.difference is not None:
            J, at = "<i>J</i>", symbol(step.name[1:]) + f'<span class="index">{escape(left[len(step.name) :])}</span>'
            kind = f"central difference ({J}({at} + <i>h</i>) − {J}({at} − <i>h</i>)) / 2<i>h</i>"
            kind = f"one-sided difference, on a kink where {J} has two slopes:" if step.one_sided else kind + " ="
            value = f"{step.difference!r}"
            number_shown = f'<data value="{value}" data-value="{value}">{digits(step.difference)}</data>'
            lines += f'<p class="difference">{kind} {number_shown}</p>'
        return f'<div class="entry-worked">{lines}</div>'


def symbol(name: str) -> str:
    """Return a name as mathematics: a letter in italics with a subscript, or a word as it is."""
    found = re.fullmatch(r"(d?)([A-Zbcw])(\d*)(_new)?", name)
    if found is None:
        word = re.sub(r"(\d+)$", r"<sub>\1</sub>", name)
        return f'<span class="symbol">{word}</span>'
    d, letter, layer, new = found.groups()
    subscript = f"<sub>{layer}</sub>" if layer else ""
    new = "<small> new</small>" if new else ""
    return f'<span class="symbol">{d}<i>{letter}</i>{subscript}{new}</span>'


def place(name: str, phase: str, n_layers: int) -> tuple[int, int]:
    """Return row and column of an array on the map; data stand left of the layers, the loss right."""
    found = re.fullmatch(r"[A-Za-z]+?(\d+)(?:_new)?", name)
    if found:
        return (3 if re.match("d[Wb]", name) else ROWS.index(phase)), int(found[1])
    if name == "X":
        return ROWS.index("forward"), 0
    return ROWS.index("forward" if phase == "loss" else phase), n_layers + 1


def table(step: Any) -> str:
    """Return the corner of an array as a table, coloured lightly by sign and size."""
    values, texts, (more_rows, more_columns) = corner(step.value), table_texts(step.value), hidden(step.value)
    finite = np.abs(values[np.isfinite(values)])
    scale, dimensions = float(finite.max(initial=0.0)) or 1.0, len(step.shape)
    entry = (0, 0, *step.entry)[-2:] if step.arithmetic else None
    head = "".join(f'<th scope="col">{j}</th>' for j in range(values.shape[1])) + "<th>…</th>" * more_columns
    lines = [f"<thead><tr>{'<td></td>' * (dimensions > 1)}{head}</tr></thead>"] if dimensions else []
    for i, row in enumerate(values):
        cells = f'<th scope="row">{i}</th>' if dimensions > 1 else ""
        for j, value in enumerate(row):
            kinds = ["negative"] * bool(value < 0) + ["entry"] * ((i, j) == entry)
            kind = f' class="{" ".join(kinds)}"' if kinds else ""
            size = f"{min(abs(value) / scale, 1):.2f}" if np.isfinite(value) else "1"
            cells += f'<td{kind} style="--size: {size}" data-value="{float(value)!r}">{padded(texts[i][j])}</td>'
        lines.append(f"<tr>{cells}{'<td>…</td>' * more_columns}</tr>")
    lines += [f"<tr><th>⋮</th>{'<td></td>' * (values.shape[1] + more_columns)}</tr>"] * more_rows
    caption = f"<caption>{symbol(step.name)}</caption>"
    return f'<div class="scroll"><table>{caption}{"".join(lines)}</table></div>'


def padded(text: str) -> str:
    """Return an aligned number, padded on its right with spaces as wide as a decimal point and as digits."""
    number = text.strip()
    pad = len(text) - len(text.rstrip())
    return number + ("" if "." in number or not pad else "\u2008") + "\u2007" * (pad - (pad > 0 and "." not in number))
