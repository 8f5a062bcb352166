#!/bin/sh
# Mutation testing of the core: one small change to the mathematics at a time, and the tests must notice.
#
#     sh tools/mutation.sh             every mutant (some 600, an hour or so)
#     sh tools/mutation.sh 100         a random hundred of them
#     sh tools/mutation.sh 0 solvers   all those of one module
#
# Needs cosmic-ray and the packages of the tests in the python that is first on the PATH: pip install -e ".[dev]".
# It works on a copy of the repository and prints the survivors, then the share of the mutants that survived, in per cent.
# mutation.toml says which files are mutated, how, and which tests run.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$root/skbackprop" "$root/tests" "$root/pyproject.toml" "$root/README.md" "$root/mutation.toml" "$copy"
cd "$copy"
export PYTHONPATH="$copy" PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1

cosmic-ray init mutation.toml mutants.sqlite
cr-filter-operators mutants.sqlite mutation.toml
python - "${1:-0}" "${2:-}" <<'EOF'
# Forget the mutants that were filtered out, those of other modules, and all but a random sample.
import random, sqlite3, sys

with sqlite3.connect("mutants.sqlite") as db:
    wanted = db.execute(
        "SELECT job_id FROM mutation_specs WHERE module_path LIKE ? AND job_id NOT IN (SELECT job_id FROM work_results)",
        (f"%{sys.argv[2]}.py",),
    ).fetchall()
    random.Random(0).shuffle(wanted)
    kept = wanted[: int(sys.argv[1]) or None]
    db.execute("CREATE TEMP TABLE kept (job_id PRIMARY KEY)")
    db.executemany("INSERT INTO kept VALUES (?)", kept)
    for table in ("work_results", "mutation_specs", "work_items"):
        db.execute(f"DELETE FROM {table} WHERE job_id NOT IN (SELECT job_id FROM kept)")
print(f"{len(kept)} of {len(wanted)} mutants")
EOF
cosmic-ray baseline mutation.toml # the tests must pass before anything is changed
cosmic-ray exec mutation.toml mutants.sqlite
cr-report --surviving-only --show-diff mutants.sqlite
cr-rate mutants.sqlite
