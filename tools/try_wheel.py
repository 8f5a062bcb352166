"""Run the tests against the installed wheel, in an environment of its own and away from the source.

    python tools/try_wheel.py [pytest arguments]

The wheel is the one in dist/, where tools/make_distributions.py puts it. The tests run in a copy of the repository that
lacks the package, so that nothing but the installed one can be imported; those that read its source are left out.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(
    "skbackprop", "dist", "build", ".*", "*.egg-info", "__pycache__", "_build", "results"
)
READ_THE_SOURCE = [f"--ignore=tests/test_{name}.py" for name in ("docs", "house", "readme")]


def main() -> int:
    """Install, copy, run; return pytest's exit status."""
    wheels = [*(ROOT / "dist").glob("*.whl")]
    if len(wheels) != 1:
        sys.exit(f"dist/ must hold one wheel, not {len(wheels)}; python tools/make_distributions.py makes it.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment, tree = Path(folder, "venv"), Path(folder, "tree")
        venv.create(environment, with_pip=True)
        python = str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheels[0]}[test]"], check=True)
        shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *READ_THE_SOURCE, "tests", *sys.argv[1:]]
        return subprocess.run(command, cwd=tree, env=variables).returncode


if __name__ == "__main__":
    sys.exit(main())
