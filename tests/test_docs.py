"""The documentation says what is true: its code runs and prints what it says, its links and its source lines exist.

The Python blocks of a page are run in order, in one namespace, with warnings as errors; a block of ``text`` right after
one is what it prints. A block right after ``<!-- needs skrub 0.11 -->`` is left out where that is not installed, and
the test says so.
"""

import ast
import contextlib
import importlib.metadata
import inspect
import io
import re
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from sklearn.neural_network import MLPClassifier
from sklearn.utils.fixes import parse_version

import skbackprop
from skbackprop.activations import ACTIVATIONS
from skbackprop.initializers import INITIALIZERS
from skbackprop.losses import LINKS, LOSSES
from skbackprop.schedules import SCHEDULES
from skbackprop.solvers import SOLVERS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# The pages whose code runs here. What other pages show is run by tests of their own.
PAGES = [
    ROOT / "README.md",
    *(DOCS / name for name in ("index.md", "mathematics.md", "teach.md", "extending.md")),
    *sorted((DOCS / "user_guide").glob("*.md")),
    *sorted((DOCS / "coming_from").glob("*.md")),
]
# What a page needs that may not be installed, or not in this version; it is skipped then, and says so.
NEEDS = {"callbacks.md": ["sklearn.callback", "rich"], "plots.md": ["matplotlib"], "index.md": ["matplotlib"]}
MARKDOWN = [
    *ROOT.glob("*.md"),
    *(page for page in DOCS.rglob("*.md") if not {"_build", "generated", "auto_examples"} & set(page.parts)),
]
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def identity(page):
    return str(page.relative_to(ROOT))


def is_there(module):
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


# ---------------------------------------------------------------------- the code runs


def blocks(page):
    """Return (number of the line, code, expected output or None) of each Python block."""
    text = page.read_text(encoding="utf-8")
    found = list(BLOCK.finditer(text))
    for this, following in zip(found, [*found[1:], None], strict=False):
        if this[1] != "python":
            continue
        printed = None
        if following is not None and following[1] == "text" and not text[this.end() : following.start()].strip():
            printed = following[2]
        yield text[: this.start(2)].count("\n"), this[2], printed


def lacking(page, line):
    """Return what the comment above a block asks for and is not installed, or ""."""
    comment = page.read_text(encoding="utf-8").splitlines()[line - 2]
    needs = re.fullmatch(r"<!-- needs (\S+) (\S+) -->", comment)
    if needs is None:
        return ""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if parse_version(importlib.metadata.version(needs[1])) >= parse_version(needs[2]):
            return ""
    return f"{needs[1]} {needs[2]}"


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page))], ids=identity)
def test_code_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    missing = [module for module in NEEDS.get(page.name, []) if not is_there(module)]
    if missing:
        pytest.skip(f"needs {missing[0]}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    namespace, left_out = {"__name__": "__main__"}, []
    for line, code, printed in blocks(page):
        if lacks := lacking(page, line):
            left_out.append(f"that of line {line}, which needs {lacks}")
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
        if printed is not None:
            assert out.getvalue() == printed, f"{page.name}, line {line}"
    if is_there("matplotlib"):
        import matplotlib.pyplot as plt

        plt.close("all")
    if left_out:
        pytest.skip(f"all blocks ran but {' and '.join(left_out)}")


def test_the_pages_that_are_run_hold_code():
    assert sum(len(list(blocks(page))) for page in PAGES) > 30


# ---------------------------------------------------------------------- every public name is in the reference

FAMILIES = {
    "activations": ACTIVATIONS,
    "losses": LOSSES,
    "initializers": INITIALIZERS,
    "schedules": SCHEDULES,
    "solvers": SOLVERS,
}
PROTOCOLS = {
    "activations": ["Activation", "ACTIVATIONS"],
    "losses": ["Loss", "Link", "SigmoidLink", "SoftmaxLink", "LOSSES", "LINKS"],
    "initializers": ["Initializer", "Normal", "INITIALIZERS"],
    "schedules": ["Schedule", "SCHEDULES"],
    "solvers": ["Solver", "SteppingSolver", "SOLVERS"],
    "preprocessing": ["PiecewiseLinearEncoder"],
    "registry": ["Registry", "Configurable", "check_number"],
    "arrays": ["Cache", "Parameters"],
    "gradient_check": ["GradientCheck"],
    "explanation": ["Step", "StepExplanation"],
    "diagnosis": ["Diagnosis", "Finding"],
    "gradient_comparison": ["GradientComparison", "ArrayComparison"],
}


def reference():
    """Return the full names that docs/api.rst lists."""
    names, module = set(), ""
    for line in (DOCS / "api.rst").read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1]
        elif re.fullmatch(r"   [A-Za-z_]\w*", line):
            names.add(f"{module}.{line.strip()}")
        elif line.startswith(".. data:: "):
            names.add(f"{module}.{line.split()[-1]}")
    return names


def public_names():
    names = {f"skbackprop.{name}" for name in skbackprop.__all__ if not name.startswith("_")}
    for family, registry in FAMILIES.items():
        names |= {f"skbackprop.{family}.{cls.__name__}" for cls in registry.values()}
    for module, objects in PROTOCOLS.items():
        names |= {f"skbackprop.{module}.{name}" for name in objects}
    return names | {"skbackprop.onnx.to_onnx"}


def test_every_public_name_is_in_the_reference():
    assert public_names() <= reference()


@pytest.mark.parametrize("name", sorted(reference()))
def test_the_reference_lists_what_exists_and_is_documented(name):
    module, _, attribute = name.rpartition(".")
    documented = getattr(importlib.import_module(module), attribute)
    if not attribute.isupper() or len(attribute) <= 5:  # registries are documented in place
        assert inspect.getdoc(documented)


SHOWN_ELSEWHERE = {"Activation", "Loss", "Link", "Initializer", "Solver", "SteppingSolver", "Schedule", "check_number"}


@pytest.mark.parametrize("name", sorted(name for name in public_names() if not name.rpartition(".")[2].isupper()))
def test_every_public_name_has_an_example(name):
    module, _, attribute = name.rpartition(".")
    if attribute not in SHOWN_ELSEWHERE:  # what one's own must have is shown on the page on extending
        assert ">>> " in getattr(importlib.import_module(module), attribute).__doc__


@pytest.mark.parametrize(("family", "registry"), [*FAMILIES.items(), ("losses", LINKS)])
def test_the_reference_names_every_registered_name(family, registry):
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    for name in registry:
        assert f'``"{name}"``' in text, name


def test_every_parameter_of_mlpclassifier_is_translated():
    text = (DOCS / "coming_from" / "mlpclassifier.md").read_text(encoding="utf-8")
    for name in inspect.signature(MLPClassifier).parameters:
        assert f"\n| `{name}` |" in text, name


# ---------------------------------------------------------------------- links and included source resolve


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and myst-parser make them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", heading).strip().lower())
        found.add(re.sub(r"\s", "-", words))
    return found


def without_code(page):
    text = page.read_text(encoding="utf-8")
    return re.sub(r"`[^`\n]*`", lambda code: code[0] if "/" in code[0] or "<" in code[0] else "", BLOCK.sub("", text))


@pytest.mark.parametrize("page", MARKDOWN, ids=identity)
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"[a-z]+:", target):
            continue  # of the world outside
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{page.name}: {target}"


@pytest.mark.parametrize("page", MARKDOWN, ids=identity)
def test_references_between_pages_resolve(page):
    for target in re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", page.read_text(encoding="utf-8")):
        linked = (page.parent / target).resolve()
        example = ROOT / "examples" / f"{linked.name}.py"
        exists = linked.with_name(linked.name + ".md").exists() or linked.with_name(linked.name + ".rst").exists()
        is_example = linked.parent == DOCS / "auto_examples" and (linked.name == "index" or example.exists())
        assert exists or is_example, f"{page.name}: {target}"


@pytest.mark.parametrize("page", MARKDOWN, ids=identity)
def test_included_source_exists(page):
    text = page.read_text(encoding="utf-8")
    for path, options in re.findall(r"^```\{literalinclude\} (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        source = (page.parent / path).resolve().read_text(encoding="utf-8")
        asked = dict(re.findall(r"^:([\w-]+): (.*)$", options, re.MULTILINE))
        if "pyobject" in asked:
            source = source_of(source, asked["pyobject"])
            assert source, f"{page.name}: {path} has no {asked['pyobject']}"
        for option in ("start-at", "end-at", "start-after", "end-before"):
            assert asked.get(option, "") in source, f"{page.name}: {path}, {asked}"


def source_of(source, name):
    """Return the lines of a class, function or method, or "" if there is none of that name."""
    node = ast.parse(source)
    for part in name.split("."):
        node = next((each for each in getattr(node, "body", []) if getattr(each, "name", None) == part), None)
    return "" if node is None else ast.get_source_segment(source, node, padded=True)
