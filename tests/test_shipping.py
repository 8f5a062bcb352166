"""What is installed is whole: modules, type information, version, licence; and the code of the pages runs."""

import contextlib
import importlib
import importlib.metadata
import importlib.resources
import io
import pkgutil
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import skbackprop

ROOT = Path(__file__).parents[1]
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
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [each for extra in ("plot", "progress", "onnx") for each in project["optional-dependencies"][extra]]
    lowest = dict(each.split(">=") for each in project["dependencies"] + asked)
    lines = (ROOT / "tools" / "oldest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    for name, version in lowest.items():
        assert f"{pinned[name]}.".startswith(f"{version}."), name


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build the sdist and the wheel from a copy of the tree, without the network."""
    pytest.importorskip("build", reason="build is not installed")
    if not (ROOT / "skbackprop").is_dir():
        pytest.skip("the tests run outside the tree")
    if int(importlib.metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("setuptools is older than 77")
    folder = tmp_path_factory.mktemp("distributions")
    tree = folder / "tree"
    shutil.copytree(ROOT / "skbackprop", tree / "skbackprop", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(distributions):
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"skbackprop"}
    files = [path for kind in ("*.py", "*.html", "py.typed") for path in (ROOT / "skbackprop").rglob(kind)]
    expected = {path.relative_to(ROOT).as_posix() for path in files}
    assert {name for name in names if name.startswith("skbackprop/")} == expected
    assert any(name.endswith("LICENSE") for name in names)


def test_the_sdist_can_be_built_from(distributions):
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as sdist:
        names = {name.split("/", 1)[-1] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert {"skbackprop/py.typed", "skbackprop/network.py", "skbackprop/_pages/step.html"} <= names


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
