"""Run notebooks under a Jupyter kernel, two at once: python tools/run_notebooks.py FOLDER

Each runs in an empty folder of its own, as after a download. One fails whose cell raises or writes to stderr, where
warnings go.
"""

import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

SECONDS = 300  # at most for a cell


def failure(path: Path) -> str:
    """Run a notebook and return what went wrong, or an empty string."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": folder}})
        client.extra_arguments = ["--IPKernelApp.log_level=ERROR"]  # its warnings would stand among the cells' own
        try:
            client.execute()
        except CellExecutionError as error:
            return re.sub(r"\x1b\[[\d;]*m", "", str(error))  # without colours
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output["text"] for output in outputs if output.get("name") == "stderr")


def run(path: Path) -> bool:
    """Run a notebook, print how it went and return whether it went well."""
    start = time.perf_counter()
    found = failure(path)
    print(f"{'FAILED' if found else 'ran'} {path.name}, {time.perf_counter() - start:.0f} s", flush=True)
    if found:
        print(found, flush=True)
    return not found


def main(folder: str) -> None:
    """Run all notebooks of a folder, the largest first.

    Raises
    ------
    SystemExit
        If there is none, or one fails.
    """
    paths = sorted(Path(folder).glob("*.ipynb"), key=lambda path: -path.stat().st_size)
    if not paths:
        raise SystemExit(f"There are no notebooks in {folder}.")
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, paths))
    if not all(results):
        raise SystemExit(f"{results.count(False)} of {len(paths)} notebooks failed.")


if __name__ == "__main__":
    main(*sys.argv[1:])
