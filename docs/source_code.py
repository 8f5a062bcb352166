"""``literalinclude`` for a page: a signature that is too long for it is folded, and any other line that is, refused."""

from docutils import nodes
from folding import WIDEST, folded
from sphinx.directives.code import LiteralInclude
from sphinx.util import logging


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
