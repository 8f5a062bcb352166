"""What stands around the package agrees: addresses, pinned versions, workflows; and nothing assumes Linux."""

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
if not WORKFLOWS:
    pytest.skip("the tests run outside the repository", allow_module_level=True)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md")]
TEXTS = [*PAGES, *ROOT.glob("*.cff"), *ROOT.glob("*.toml"), *ROOT.glob(".github/**/*.yml"), *ROOT.glob("docs/**/*.md")]
FOLDERS = ["skbackprop", "tests", "tools", "benchmarks", "examples"]
SOURCES = [path for folder in FOLDERS for path in sorted(ROOT.glob(f"{folder}/**/*.py"))]


def text_of(*parts):
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def pinned_for_developers(package):
    pins = dict(each.split("==") for each in PROJECT["optional-dependencies"]["dev"] if "==" in each)
    return pins[package]


# ---------------------------------------------------------------- addresses and versions


def test_the_repository_has_one_address():
    source = PROJECT["urls"]["Source"]
    for path in TEXTS:
        for address in re.findall(r"https://github\.com/[\w.-]+/skbackprop\b", path.read_text(encoding="utf-8")):
            assert address == source, path.name
    assert {url for url in PROJECT["urls"].values() if url.startswith(source)} == {*PROJECT["urls"].values()}
    assert f"repository-code: {source}\n" in text_of("CITATION.cff")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_links_to_files_that_are_there(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("package", ["ruff", "check-jsonschema"])
def test_the_hooks_have_the_versions_of_the_developers(package):
    assert f'["{package}=={pinned_for_developers(package)}"]' in text_of(".pre-commit-config.yaml")


def test_the_lowest_versions_are_those_that_the_workflow_tries():
    lowest, workflow = PROJECT["requires-python"].removeprefix(">="), text_of(".github", "workflows", "ci.yml")
    assert re.findall(r'^ +python: \["([\d.]+)",', workflow, re.MULTILINE) == [lowest]
    (sklearn,) = [each.split(">=")[1] for each in PROJECT["dependencies"] if each.startswith("scikit-learn")]
    assert re.findall(r'^ +scikit-learn: \["==([\d.]+)\.\*"', workflow, re.MULTILINE) == [sklearn]
    tried = [each.split(" :: ")[-1] for each in PROJECT["classifiers"] if re.search(r":: Python :: \d\.\d", each)]
    assert tried[0] == lowest
    assert f'target-version = "py{lowest.replace(".", "")}"' in text_of("pyproject.toml")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit(path):
    used = re.findall(r"^ +- uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_an_action_has_one_version_everywhere():
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))}
    assert len(used) == len({line.split("@")[0] for line in used})


# ---------------------------------------------------------------- other systems


def test_paths_can_be_checked_out_everywhere():
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("this is no git repository")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    paths = done.stdout.split("\0")[:-1]
    assert len({path.casefold() for path in paths}) == len(paths) > 100  # Windows and macOS do not tell a from A
    for path in paths:
        assert len(path) <= 100, f"{path}: Windows knows no more than 260 characters, with the folder that it is in"
        for name in PurePosixPath(path).parts:
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]|[ .]$', name), path
            assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name), path


def calls_without_encoding(source):
    """Return the lines of calls that open a text file in the encoding of the system."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = getattr(getattr(node.func, "value", None), "id", None)
        mode = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        opens = name == "open" and owner in (None, "io", "codecs") and not any("b" in each for each in mode[-1:])
        if (opens or name in ("read_text", "write_text")) and "encoding" not in {each.arg for each in node.keywords}:
            lines.append(node.lineno)
    return lines


def test_calls_without_encoding_are_found():
    assert calls_without_encoding("path.read_text()\nopen(path)\nopen(path, 'w')\npath.write_text('x')") == [1, 2, 3, 4]
    assert not calls_without_encoding("path.read_text(encoding='utf-8')\nopen(path, 'rb')\ntarfile.open(path)")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_files_have_a_named_encoding(path):
    assert calls_without_encoding(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", ["fcntl", "grp", "pwd", "resource", "termios"])
def test_the_package_needs_no_module_that_only_unix_has(module):
    for path in (ROOT / "skbackprop").rglob("*.py"):
        assert not re.search(rf"^\s*(import|from) {module}\b", path.read_text(encoding="utf-8"), re.MULTILINE), path
