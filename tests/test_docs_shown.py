"""What a reader of the pages sees: lines that fit, formulas that are rendered as meant, numbers that the code has."""

import ast
import importlib.util
import inspect
import re
import textwrap
import tomllib

import pytest
from test_docs import BLOCK, DOCS, MARKDOWN, ROOT, identity, source_of, without_code

from skbackprop import BackpropClassifier, TwoLayerClassifier

INCLUDES = re.compile(r"^```\{literalinclude\} (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SITE = [page for page in MARKDOWN if DOCS in page.parents]
TEXTS = [*MARKDOWN, *sorted((ROOT / "skbackprop").rglob("*.py")), *sorted((ROOT / "examples").rglob("*.py"))]
WIDEST = 80  # characters of a line of code, as docs/folding.py and docs/ruff.toml have it


def read(path):
    return path.read_text(encoding="utf-8")


def helper(name):
    """Return a module that helps to build the site."""
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def quoted():
    """The names that pages may quote, and the numbers of the code that stand for them."""
    return helper("quoted").QUOTED


# ---------------------------------------------------------------------- lines


def included(page):
    """Yield the options and the code of each literalinclude, as Sphinx selects and dedents it."""
    for path, options in INCLUDES.findall(read(page)):
        asked = dict(re.findall(r"^:([\w-]+): *(.*)$", options, re.MULTILINE))
        code = read((page.parent / path).resolve())
        if "pyobject" in asked:
            code = source_of(code, asked["pyobject"])
        lines = code.splitlines()
        for option, part in (("start-at", slice(None)), ("end-at", slice(1)), ("end-before", slice(0))):
            if option in asked:
                found = next(i for i, line in enumerate(lines) if asked[option] in line)
                lines = lines[found:] if option == "start-at" else lines[: found + part.stop]
        yield asked, textwrap.dedent("\n".join(lines))


@pytest.mark.parametrize("page", [page for page in SITE if INCLUDES.search(read(page))], ids=identity)
def test_included_source_is_dedented_and_fits(page):
    for asked, code in included(page):
        assert "dedent" in asked, asked
        shown = helper("folding").folded(code)
        assert max(map(len, shown.splitlines())) <= WIDEST, shown
        if "start-at" not in asked:
            assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(code))


@pytest.mark.parametrize("page", SITE, ids=identity)
def test_code_of_a_page_fits(page):
    for kind, code in BLOCK.findall(read(page)):
        if kind in ("python", "sh", "bat", "toml"):
            assert max(map(len, code.splitlines())) <= WIDEST, code


@pytest.mark.parametrize("path", [*TEXTS, *sorted(DOCS.glob("*.rst"))], ids=identity)
def test_fractions_have_braces(path):
    """The site's renderer takes the 12 of a brace-less one for its numerator."""
    assert not re.findall(r"\\[dt]?frac(?!\{)", read(path))


# ---------------------------------------------------------------------- numbers


def test_what_pages_quote_is_there_and_nothing_else(quoted):
    used = {name for page in SITE for name in re.findall(r"\{\{ (\w+) \}\}", without_code(page))}
    assert used <= set(quoted) <= used | set(STATED)
    for page in SITE:
        assert len(re.findall(r"\{\{ \w+ \}\}", read(page))) == len(re.findall(r"\{\{ \w+ \}\}", without_code(page))), (
            f"{page.name}: in code a name is shown as it is written"
        )


# Sentences that state a number of the code: in pages, the README, docstrings. The group is the number.
STATED = {
    "prior_variance": [r"1 ?/ ?\(([\d.]+) ?n\)", r"prior of variance ([\d.]+)"],
    "fewest_penalised": [r"1 / \d+ (?:for fewer than|below) (\d+) samples"],
    "fewest_searched": [r"[Bb]elow (\d+) samples it|at every size from (\d+) samples"],
    "fewest_held_out": [r"fewer than (\d+) (?:held-out )?samples (?:would be held out|say)"],
    "average_decay": [r"\(decay ([\d.]+)\)"],
    "final_epochs": [r"for ([\d.]+) T epochs"],
    "search_share": [r"(\d+ / √n) (?:of the samples|within)"],
    "patient_updates": [r"epochs and (\d+) updates"],
    "auto_batch": [r'"auto" is (\d+)(?:,| \(chosen)'],
    "small_table": [r"where there are at most (\d+)"],
    "sgd_rate": [r"for sgd ([\d.]+) divided"],
    "output_gain": [r"\(([\d.]+) / fan_in for the outputs\)"],
    "adam_rate": [r'"auto" is ([\d.]+) for adam', r"decays and a learning rate of ([\d.]+),"],
}


@pytest.mark.parametrize("name", STATED)
def test_stated_numbers_are_those_of_the_code(name, quoted):
    found = []
    for path in TEXTS:
        if path.name == "CHANGELOG.md":  # tells what was
            continue
        text = re.sub(r"\s+", " ", read(path))
        for pattern in STATED[name]:
            found += [(identity(path), next(filter(None, groups.groups()))) for groups in re.finditer(pattern, text)]
    assert found, "no text states it any more"
    assert [each for each in found if each[1] != str(quoted[name])] == []


def test_defaults_in_docstrings_are_those_of_the_signature():
    for kind in (TwoLayerClassifier, BackpropClassifier):
        for name, parameter in inspect.signature(kind).parameters.items():
            stated = re.search(rf"^    {name} : .*default=(.*)$", inspect.cleandoc(kind.__doc__), re.MULTILINE)
            stated = stated or re.search(rf"^{name} : .*default=(.*)$", inspect.cleandoc(kind.__doc__), re.MULTILINE)
            if stated:
                assert eval(stated[1]) == parameter.default, name


# ---------------------------------------------------------------------- installing


def test_nothing_is_promised_from_an_index():
    """The package is on no index: it is installed from a checkout."""
    for path in {*TEXTS} - {ROOT / "RELEASING.md"}:  # which tells how to put it on one
        assert not re.findall(r"pip install (?:-\S+ )*['\"]?skbackprop\b", read(path)), path


def test_the_page_on_installation_names_every_extra():
    extras = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    assert set(re.findall(r"^\| `(\w+)` \|", read(DOCS / "installation.md"), re.MULTILINE)) == set(extras)


# ---------------------------------------------------------------------- read where the repository is kept


def linked_from_the_readme():
    links = re.findall(r"\]\(([^)\s#:]+\.md)\)", read(ROOT / "README.md"))
    return sorted({(ROOT / link).resolve() for link in links})


@pytest.mark.parametrize("page", linked_from_the_readme(), ids=identity)
def test_pages_that_the_readme_links_to_are_plain_markdown(page):
    """A host of repositories shows directives, roles and names to be filled in as they are written."""
    assert re.findall(r"^```\{.*|\{[a-z]+\}`|\{\{ \w+ \}\}", read(page), re.MULTILINE) == []
