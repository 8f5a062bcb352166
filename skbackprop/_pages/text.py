"""An explanation as a page of text, 100 columns wide."""

import re
import textwrap
from typing import Any

from .numbers import digits, hidden, table_texts

WIDTH = 100


def text_page(explanation: Any) -> str:
    """Return the whole page."""
    lines, phase = ["One step of gradient descent", *wrapped(", ".join(explanation.facts))], ""
    for step in explanation.steps:
        if step.phase != phase:
            phase = step.phase
            lines += ["", "", f"{phase} ".upper().ljust(WIDTH, "─")]
        lines += ["", *step_lines(step)]
    return "\n".join(line.rstrip() for line in lines)


def step_lines(step: Any) -> list[str]:
    """Return formula and shape, numbers, worked entry and central difference of a step."""
    shape = f"   {step.shape}" if step.shape else ""
    note = f"   {step.note}" if step.note else ""
    head = f"{step.formula or step.name}{shape}"
    lines = wrapped(head + note) if len(head + note) <= WIDTH else [*wrapped(head), *wrapped(step.note, "    ")]
    lines += ["    " + line for line in table_lines(step.value)]
    if step.arithmetic:
        lines += wrapped(step.worked, "    ")
    if step.difference is not None:
        kind = "one-sided difference of J, on a kink," if step.one_sided else "central difference of J"
        lines += wrapped(f"{kind} at {step.place[1:]}: {digits(step.difference)}", "    ")
    return lines


def table_lines(value: Any) -> list[str]:
    """Return the lines of an array's corner, with … where it goes on."""
    more_rows, more_columns = hidden(value)
    lines = ["   ".join(row) + "   …" * more_columns for row in table_texts(value)]
    return lines + ["⋮"] * more_rows


def wrapped(text: str, indent: str = "") -> list[str]:
    """Return the lines of a text that may be long, later ones indented; indices such as [0, 1] stay together."""
    text = re.sub(r"(\[\d+), ", "\\1,\u00a0", text)
    lines = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "    ", break_long_words=False)
    return [line.replace("\u00a0", " ") for line in lines]
