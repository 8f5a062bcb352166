#!/usr/bin/env bash
# Build the sdist and the wheel, check both, and run tests against the installed wheel from outside the tree.
#
#     bash tools/ship.sh [pytest arguments]
#
# Needs build, twine and check-wheel-contents in the environment of $PYTHON (default: .venv/bin/python). What it builds is
# left in dist/.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath -s "${PYTHON:-.venv/bin/python}")
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT

rm -rf dist
"$python" -m build --outdir dist .
"$python" -m twine check --strict dist/*
"$python" -m check_wheel_contents dist/*.whl

"$python" -m venv "$outside/venv"
"$outside/venv/bin/pip" install --quiet "$(echo "$PWD"/dist/*.whl)[test]"
cp -r tests tools pyproject.toml "$outside"
cd "$outside"
venv/bin/python -m pytest -q -p no:cacheprovider --rootdir "$outside" "${@:-tests/test_shipping.py}"
