"""What is installed is whole: modules, type information, version, licence; and the code of the pages runs."""

import contextlib
import importlib
import importlib.metadata
import importlib.resources
import io
import pkgutil
import re
import shutil
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import skbackprop

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import make_distributions

ROOT = Path(__file__).parents[1]
LONG_AGO = 10**9  # when the distributions here are said to be built: 2001
# The pages whose code runs here, and what it needs.
PAGES = {
    "saving.md": ["skops"],
    "serving.md": [],
    "onnx.md": ["skl2onnx", "onnxruntime"],
    "security.md": ["skops"],
    "scaling_out.md": ["dask", "distributed", "dask_ml"],
}


def modules():
    found = pkgutil.walk_packages(skbackprop.__path__, prefix="skbackprop.")
    return sorted(module.name.removeprefix("skbackprop.") for module in found)


def test_every_module_is_there():
    assert {"network", "losses", "solvers", "classifiers", "onnx", "arrays", "_core.layers", "_fit.epochs"} <= set(
        modules()
    )


@pytest.mark.parametrize("name", modules())
def test_a_module_can_be_imported_alone(name):
    assert importlib.import_module(f"skbackprop.{name}").__doc__


def test_type_information_ships():
    assert (importlib.resources.files("skbackprop") / "py.typed").is_file()


def test_the_version_is_that_of_the_distribution():
    assert importlib.metadata.version("skbackprop") == skbackprop.__version__


def test_the_distribution_needs_no_extra_to_be_imported():
    required = [each for each in importlib.metadata.requires("skbackprop") if "extra ==" not in each]
    assert {re.match(r"[\w-]+", each)[0] for each in required} == {"numpy", "scikit-learn", "scipy", "joblib", "pandas"}


def test_the_lowest_versions_are_those_of_the_run_on_them():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [each for extra in ("plot", "progress", "onnx") for each in project["optional-dependencies"][extra]]
    lowest = dict(each.split(">=") for each in project["dependencies"] + asked)
    lines = (ROOT / "tools" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    for name, version in lowest.items():
        assert f"{pinned[name]}.".startswith(f"{version}."), name


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build the sdist and the wheel of the tracked files, twice, without the network."""
    pytest.importorskip("build", reason="build is not installed")
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("this is no git repository")
    if int(importlib.metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("setuptools is older than 77")
    sdist, wheel = make_distributions.build_twice(tmp_path_factory.mktemp("distributions"), LONG_AGO)
    return {"sdist": sdist, "wheel": wheel}


def test_two_builds_give_the_same_bytes(distributions):
    for path in distributions.values():
        first = path.parents[2] / "first" / "dist" / path.name
        assert path.read_bytes() == first.read_bytes()


def test_nothing_in_the_distributions_tells_who_built_them_and_when(distributions):
    with tarfile.open(distributions["sdist"]) as sdist:
        members = sdist.getmembers()
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in members} == {(LONG_AGO, 0, 0, "", "")}
    assert {each.mode for each in members} <= {0o644, 0o755}
    assert [each.name for each in members] == sorted(each.name for each in members)
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        infos = wheel.infolist()
    assert {(each.date_time, each.external_attr >> 16) for each in infos} == {((2001, 9, 9, 1, 46, 40), 0o100644)}


def test_the_wheel_holds_the_package_and_nothing_else(distributions):
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"skbackprop"}
    files = [path for kind in ("*.py", "*.html", "py.typed") for path in (ROOT / "skbackprop").rglob(kind)]
    expected = {path.relative_to(ROOT).as_posix() for path in files}
    assert {name for name in names if name.startswith("skbackprop/")} == expected
    assert any(name.endswith("LICENSE") for name in names)


def test_the_sdist_holds_what_it_takes_to_build_and_to_test(distributions):
    with tarfile.open(distributions["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    visible = {path for path in make_distributions.tracked_files() if not re.search(r"(^|/)\.", path)}
    assert visible <= names


# ---------------------------------------------------------------------- the pages


def blocks(page):
    """Yield (code, expected output or None) of each Python block of a page."""
    found = list(re.finditer(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    for this, following in zip(found, [*found[1:], None], strict=True):
        if this[1] == "python":
            yield this[2], following[2] if following is not None and following[1] == "text" else None


@pytest.mark.filterwarnings("default")  # the pages use other packages, which warn of themselves
@pytest.mark.parametrize("name", PAGES)
def test_the_code_of_a_page_runs(name, tmp_path, monkeypatch):
    page = ROOT / "docs" / name
    if not page.is_file():
        pytest.skip("the documentation is not here")
    for package in PAGES[name]:
        pytest.importorskip(package, reason="an extra is not installed")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    number_of_blocks = 0
    for code, printed in blocks(page):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(code, str(page), "exec"), namespace)
        if printed is not None:
            assert output.getvalue() == printed
        number_of_blocks += 1
    assert number_of_blocks
