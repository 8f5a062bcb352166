"""How the documentation is built: ``python -m sphinx -W -b html docs docs/_build/html``, without any network."""

import re
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

# The player of a film would fetch an icon font for its buttons from elsewhere; here they are characters.
SIGNS = {"minus": "−", "fast-backward": "«", "step-backward": "‹", "play fa-flip-horizontal": "◀", "pause": "‖"}
SIGNS |= {"play": "▶", "step-forward": "›", "fast-forward": "»", "plus": "+"}
player = matplotlib.animation
player.JS_INCLUDE = re.sub(r"<link[^>]*>", "", player.JS_INCLUDE)
for icon, sign in SIGNS.items():
    player.DISPLAY_TEMPLATE = player.DISPLAY_TEMPLATE.replace(f'<i class="fa fa-{icon}"></i>', sign)

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
