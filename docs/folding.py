"""Signatures that are too long for a page, folded: the parameters on lines of their own, as many on a line as fit."""

import re
import textwrap

WIDEST = 80  # characters of a line that is shown


def folded(code):
    """Return code with each too long signature on several lines."""
    return "\n".join(map(folded_signature, code.splitlines()))


def folded_signature(line):
    """Return a line as it is, or, if it is a too long signature, as several."""
    parts = re.fullmatch(r"( *)((?:class|def) \w+\()(.*)(\).*:)", line)
    if parts is None or len(line) <= WIDEST:
        return line
    indent, head, parameters, tail = parts.groups()
    # textwrap breaks lines at spaces, so those within a parameter are taken out of its sight
    parameters = re.sub(r", (?=\*|\w+[:=,]|\w+$)", ",\n", parameters)
    parameters = parameters.replace(" ", "\0").replace("\n", " ")
    inner = {
        "initial_indent": indent + " " * 4,
        "subsequent_indent": indent + " " * 4,
    }
    lines = textwrap.wrap(parameters, WIDEST, **inner)
    return "\n".join([indent + head, *lines, indent + tail]).replace("\0", " ")
