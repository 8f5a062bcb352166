"""``literalinclude`` for a page: a signature that is too long for it is folded, and any other line that is, refused."""

import re
import textwrap

from docutils import nodes
from sphinx.directives.code import LiteralInclude
from sphinx.util import logging

WIDEST = 80  # characters of a line that is shown


def folded(code):
    """Return code with the parameters of each too long ``def`` on lines of their own, as many on a line as fit."""
    return "\n".join(map(folded_signature, code.splitlines()))


def folded_signature(line):
    parts = re.fullmatch(r"( *)((?:class|def) \w+\()(.*)(\).*:)", line)
    if parts is None or len(line) <= WIDEST:
        return line
    indent, head, parameters, tail = parts.groups()
    whole = (
        re.sub(r", (?=\*|\w+[:=,]|\w+$)", ",\n", parameters)
        .replace(" ", "\0")
        .replace("\n", " ")
    )
    lines = textwrap.wrap(
        whole,
        WIDEST,
        initial_indent=f"{indent}    ",
        subsequent_indent=f"{indent}    ",
    )
    return "\n".join([indent + head, *lines, indent + tail]).replace("\0", " ")


class FoldedInclude(LiteralInclude):
    """Include source, folded."""

    def run(self):
        found = super().run()
        for block in (
            block
            for each in found
            for block in each.findall(nodes.literal_block)
        ):
            block.rawsource = code = folded(block.astext())
            block.clear()
            block += nodes.Text(code)
            for line in code.splitlines():
                if len(line) > WIDEST:
                    message = f"{self.arguments[0]}: a line of more than {WIDEST} characters: {line.strip()}"
                    logging.getLogger(__name__).warning(
                        message, location=self.get_location()
                    )
        return found


def setup(app):
    """Take the place of Sphinx's own directive."""
    app.add_directive("literalinclude", FoldedInclude, override=True)
    return {"parallel_read_safe": True}
