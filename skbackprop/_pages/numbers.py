"""Numbers to four digits: alone, in arithmetic that knows where each comes from, and in aligned tables.

A *traced* text is arithmetic in which each number of an array is written ⟦name|four digits|full number⟧; :func:`plain`
removes these marks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._core.kernels import Array

Index = tuple[int | None, ...]  # of an entry; None stands for all of a row or a column
Used = Mapping[str, Index]  # array names and entries

MOST = 6  # rows and columns of an array that are shown, and terms of a sum
TRACED = re.compile(r"⟦([^|⟧]*)\|([^|⟧]*)\|([^|⟧]*)⟧")


def digits(x: Any) -> str:
    """Return a number to four significant digits, with a minus sign in place of the hyphen."""
    return f"{float(x) + 0.0:.4g}".replace("-", "−")  # adding zero makes 0 of -0


def traced(name: str, x: Any) -> str:
    """Return a number of an array as a piece of a traced text."""
    return f"⟦{name}|{digits(x)}|{float(x)!r}⟧"


def factor(name: str, x: Any) -> str:
    """Return a traced number that stands behind an operator: in parentheses if it is negative."""
    return f"({traced(name, x)})" if digits(x).startswith("−") else traced(name, x)


def plain(text: str) -> str:
    """Return a traced text without its marks."""
    return TRACED.sub(r"\2", text)


def total(terms: Sequence[str]) -> str:
    """Join terms by plus signs; a term that begins with a minus brings its own."""
    signed = [re.sub(r"^(⟦[^|]*\|)?−", r"\1− ", term) for term in terms[1:]]
    return " ".join([*terms[:1], *(term if plain(term).startswith("− ") else f"+ {term}" for term in signed)])


def long_total(term: Callable[[int], str], sizes: Any, *further: str) -> str:
    """Return the sum of a term for each of the sizes, and of further terms; if too many, the four largest and "…"."""
    n = len(sizes)
    if n <= MOST:
        return total([*map(term, range(n)), *further])
    largest = np.sort(np.argsort(-np.abs(sizes), kind="stable")[:4])
    return total([*map(term, largest.tolist()), "…", *further])


def inner_product(name_a: str, a: Array, name_b: str, b: Array, *further: str) -> str:
    """Return Σ_k a_k b_k, with further terms, as a traced text."""
    return long_total(lambda k: f"{traced(name_a, a[k])}·{factor(name_b, b[k])}", a * b, *further)


def corner(value: Any) -> Array:
    """Return the first rows and columns of an array as a table; a vector is one row."""
    table = value[:MOST, :MOST].toarray() if sp.issparse(value) else np.atleast_2d(value)[:MOST, :MOST]
    return np.asarray(table)


def aligned(column: Sequence[Any]) -> list[str]:
    """Return numbers as texts of one width, with their decimal points below each other."""
    texts = [digits(x) for x in column]
    ends = [re.match(r"−?\d*|.*", text).end() for text in texts]  # type: ignore[union-attr]  # matches anything
    before, after = max(ends), max(len(text) - end for text, end in zip(texts, ends, strict=True))
    return [text[:end].rjust(before) + text[end:].ljust(after) for text, end in zip(texts, ends, strict=True)]


def table_texts(value: Any) -> list[list[str]]:
    """Return the rows of an array's corner, each column aligned."""
    return [list(row) for row in zip(*map(aligned, corner(value).T), strict=True)]


def hidden(value: Any) -> tuple[bool, bool]:
    """Tell whether an array has more rows, and more columns, than its corner."""
    n_rows, n_columns = (1, 1, *np.shape(value))[-2:]
    return n_rows > MOST, n_columns > MOST
