"""How the documentation is built: ``python -m sphinx -W -b html docs docs/_build/html``, without any network."""

import sys
import warnings
from pathlib import Path

import matplotlib.animation
from docutils import nodes
from docutils.utils.math import latex2mathml

import skbackprop

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))  # extending.md shows the classes that the tests use

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
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
nitpicky = False

# ---------------------------------------------------------------------- pages

myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
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
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive", category=UserWarning)
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
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_nav_level": 2,
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
        latex = latex if latex.lstrip().startswith("\\begin") else rf"\begin{{aligned}}{latex}\end{{aligned}}"
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(_mathml(latex, block=True) + "</div>")
    raise nodes.SkipNode


def setup(app):
    """Enter the renderer."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline_math, None), block_renderers=(_block_math, None))
