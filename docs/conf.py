"""How the documentation is built: ``python -m sphinx -W -b html docs docs/_build/html``, without any network."""

import contextlib
import io
import re
import sys
import warnings
from pathlib import Path

import matplotlib.animation
from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx import addnodes

import skbackprop

HERE = Path(__file__).parent
# extending.md shows the classes that the tests use
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from quoted import QUOTED  # noqa: E402

project = "skbackprop"
author = "The skbackprop developers"
copyright = author
release = version = skbackprop.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "source_code",
]
exclude_patterns = ["_build", "_templates", "_drawn"]
templates_path = ["_templates"]
nitpicky = False

# ---------------------------------------------------------------------- pages

myst_enable_extensions = [
    "dollarmath",
    "amsmath",
    "deflist",
    "colon_fence",
    "substitution",
]
myst_substitutions = QUOTED
myst_heading_anchors = 4

# ---------------------------------------------------------------------- reference

autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"  # the docstrings say it, with shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# ---------------------------------------------------------------------- gallery

# A gallery script must warn of nothing but what it catches itself; the agg backend has no window to show.
warnings.filterwarnings(
    "ignore", message="FigureCanvasAgg is non-interactive", category=UserWarning
)
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_)",  # the others are scripts to run, not pages
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("skbackprop",),
    "backreferences_dir": None,
    "abort_on_example_error": True,
    "show_memory": False,
    "plot_gallery": "True",
    "download_all_examples": False,
    "remove_config_comments": True,
    "write_computation_times": False,
    "capture_repr": (),
}

# A film's player would fetch an icon font for its buttons from elsewhere; here
# they have characters.
SIGNS = {"minus": "−", "pause": "‖", "play": "▶", "plus": "+"}
SIGNS |= {"fast-backward": "«", "step-backward": "‹"}
SIGNS |= {"step-forward": "›", "fast-forward": "»"}
SIGNS["play fa-flip-horizontal"] = "◀"
player = matplotlib.animation
_, script, rest = player.JS_INCLUDE.partition("<script")
player.JS_INCLUDE = script + rest
for name, sign in SIGNS.items():
    icon = f'<i class="fa fa-{name}"></i>'
    player.DISPLAY_TEMPLATE = player.DISPLAY_TEMPLATE.replace(icon, sign)

# ---------------------------------------------------------------------- look

html_theme = "pydata_sphinx_theme"
html_title = "skbackprop"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "header_links_before_dropdown": 5,
    "primary_sidebar_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_math_renderer = "mathml"


# Formulas become MathML, which browsers draw by themselves: no script to fetch, so the pages can be read offline too.
def _mathml(latex, block):
    tree = latex2mathml.tex2mathml(latex.strip(), as_block=block)
    return tree if isinstance(tree, str) else tree.toxml()


def _inline_math(self, node):
    self.body.append(_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def _block_math(self, node):
    latex = node.astext()
    if "&" in latex or "\\\\" in latex:
        latex = (
            latex
            if latex.lstrip().startswith("\\begin")
            else rf"\begin{{aligned}}{latex}\end{{aligned}}"
        )
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(_mathml(latex, block=True) + "</div>")
    raise nodes.SkipNode


# ---------------------------------------------------------------------- the figure of the start page


def draw_start(app):
    """Run the Python blocks of the start page, so that it shows the very figure that its reader would see."""
    import matplotlib

    matplotlib.use("agg")
    page = (HERE / "index.md").read_text(encoding="utf-8")
    namespace = {"__name__": "__main__"}
    for code in re.findall(
        r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    ):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, "index.md", "exec"), namespace)
    folder = HERE / "_drawn"
    folder.mkdir(exist_ok=True)
    figure = matplotlib.pyplot.gcf()
    figure.savefig(folder / "start.png", dpi=150, bbox_inches="tight")
    matplotlib.pyplot.close(figure)


def leave_out_sidebar(app, page, template, context, doctree):
    """Leave the sidebar out where it would be empty, and beside the wide code of an example."""
    below = app.env.toctree_includes
    is_alone = page in below["index"] and not below.get(page)
    if is_alone or page.startswith("auto_examples/plot_"):
        context["sidebars"] = []


def name_in_short(app, doctree):
    """Give what is documented by its module the short name, too.

    The pages of source link back to all names of a file by the prefix of the first one, which may be a short one.
    """
    for signature in doctree.findall(addnodes.desc_signature):
        if signature.get("module", "").startswith("skbackprop."):
            signature["ids"].append(f"skbackprop.{signature['fullname']}")


def setup(app):
    """Enter the renderer and what is done beside Sphinx's own work."""
    app.connect("html-page-context", leave_out_sidebar)
    app.connect("doctree-read", name_in_short)
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(_inline_math, None),
        block_renderers=(_block_math, None),
    )
    app.connect("builder-inited", draw_start)
