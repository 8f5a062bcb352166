"""The house: rooms depend downward only, a module can be imported alone, functions fit a screen, numbers are true."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "skbackprop"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The lowest floor first; a module uses its own floor and lower ones.
FLOORS = [
    ["_version", "registry", "_core/kernels", "_core/parameters", "_core/types"],
    ["activations", "losses", "initializers", "solvers", "schedules"],
    ["_core/layers", "_core/predict", "_core/checks"],
    ["arrays", "network"],
    ["gradient_check", "gradient_comparison"]
    + [f"_comparison/{name}" for name in ("steps", "shapes", "slips", "diagnosis")],
    ["_data/table", "_data/feature_tables", "_data/label_arrays", "_data/labels", "_data/samples", "_data/scale"],
    ["_fit/learner", "_fit/batches", "_fit/validation", "_fit/outcome", "_fit/recording", "_fit/epochs"],
    ["_fit/strategies"],
    [
        "_sklearn/compat",
        "_sklearn/versions",
        "_sklearn/inputs",
        "_sklearn/likely_mistakes",
        "_sklearn/auto",
        "_sklearn/methods",
        "_sklearn/prediction",
    ],
    ["_sklearn/base"],
    ["classifiers", "preprocessing"],
    ["_pages/numbers", "_pages/formulas", "_pages/step"],
    ["_pages/passes", "_pages/text", "_pages/html"],
    ["_onnx/graph", "_onnx/inputs"],
    ["_onnx/ramps"],
    ["_onnx/networks", "_onnx/transformers"],
    ["_onnx/models"],
    ["_onnx/whole", "_onnx/check"],
    ["_display/fitted", "_display/curves", "_display/drawing"],
    ["_diagnosis/view", "_diagnosis/evidence", "_diagnosis/remedies", "_diagnosis/ailments"],
    ["display", "network_display", "training_display", "explanation", "diagnosis", "onnx"],
    ["__init__"],
]
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}


def name_of(path):
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def imports_of(path):
    """Return the modules of the package that a module imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1]
            if node.module:
                found.add((folder / node.module.replace(".", "/")).relative_to(PACKAGE).as_posix())
            else:
                found |= {(folder / alias.name).relative_to(PACKAGE).as_posix() for alias in node.names}
    return found


def code_lines(path):
    """Return the numbers of the lines that are neither blank nor comments nor in docstrings."""
    text = path.read_text(encoding="utf-8")
    docs = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            docs |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return {i for i, line in lines if line.strip() and not line.strip().startswith("#") and i not in docs}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent == PACKAGE or path.stem != "__init__"], ids=name_of
)
def test_a_module_uses_its_own_floor_and_lower_ones(path):
    assert name_of(path) in FLOOR, "a new module wants a floor"
    for other in imports_of(path):
        assert FLOOR[other] <= FLOOR[name_of(path)], f"{name_of(path)} uses {other}"


def test_no_module_imports_itself_by_a_detour():
    graph = {name_of(path): imports_of(path) for path in MODULES}

    def visit(module, way):
        assert module not in way, " -> ".join([*way, module])
        for other in graph.get(module, ()):
            visit(other, [*way, module])

    for module in graph:
        visit(module, [])


def test_the_mathematics_knows_nothing_of_scikit_learn():
    for module in [name for floor in FLOORS[:5] for name in floor]:
        assert not re.search(
            r"^\s*(from|import) (sklearn|pandas)", (PACKAGE / f"{module}.py").read_text(encoding="utf-8"), re.MULTILINE
        )


@pytest.mark.parametrize("part", range(4))
def test_every_module_can_be_imported_first(part):
    names = ["skbackprop." + name_of(path).replace("/", ".") for path in MODULES if path.stem != "__init__"]
    for name in names[part::4]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_function_fits_a_screen(path):
    code = code_lines(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            length = len(code & set(range(node.lineno, node.end_lineno + 1)))
            assert length <= 40, f"{node.name} has {length} lines of code"


def test_the_readme_knows_how_much_code_there_is():
    (told,) = re.findall(r"([\d,]+) lines of code", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert int(told.replace(",", "")) == pytest.approx(sum(len(code_lines(path)) for path in MODULES), rel=0.02)
