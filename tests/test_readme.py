"""What the README says of the source is true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \[\S+\]\((\S+\.py)\) \| (\d+) \| (\d+) \|", README, re.MULTILINE)


def test_the_reading_order_takes_an_hour():
    assert sum(int(minutes) for _, minutes, _ in ROWS) == 60


@pytest.mark.parametrize(("path", "lines"), [(path, int(lines)) for path, _, lines in ROWS])
def test_a_file_is_about_as_long_as_the_readme_says(path, lines):
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) == pytest.approx(lines, rel=0.1)
