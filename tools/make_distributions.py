"""Build the sdist and the wheel of the files that git tracks, to the same bytes each time.

    python tools/make_distributions.py

puts them into dist/, which is made anew, and has twine and check-wheel-contents look them over. Each is built twice, in
different folders and under different umasks, and compared. Times are that of the last commit, or $SOURCE_DATE_EPOCH;
owners and permissions are the same for everybody. Other releases of setuptools, or of the zlib that Python has, may
compress and describe in another way: pyproject.toml pins the one, and releases are built by one version of Python.

Needs git, and what ``pip install -e ".[dev]"`` installs.
"""

import argparse
import gzip
import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def output_of(*command: str) -> str:
    """Return what a command prints, run in the repository."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout


def tracked_files() -> list[str]:
    """Return the paths of the files that git tracks and that are there, with slashes."""
    return [path for path in output_of("git", "ls-files", "-z").split("\0") if path and (ROOT / path).is_file()]


def time_of_commit() -> int:
    """Return $SOURCE_DATE_EPOCH, or else the time of the last commit, in seconds since 1970."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or output_of("git", "log", "-1", "--format=%ct"))


def build(folder: Path, when: int) -> list[Path]:
    """Build both distributions in a folder, from a copy of the tracked files, and return their paths."""
    tree, built = folder / "tree", folder / "dist"
    for path in tracked_files():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tree / path)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(built), str(tree)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(when)}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        raise RuntimeError(f"The build has failed.\n{done.stdout}")
    (sdist,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
    repack_sdist(sdist, when)
    repack_wheel(wheel, when)
    return [sdist, wheel]


def repack_sdist(path: Path, when: int) -> None:
    """Give all members of an sdist one time, nobody's ownership and plain permissions, and sort them by name."""
    with tarfile.open(path) as archive:
        members = [
            (info, archive.extractfile(info)) for info in sorted(archive.getmembers(), key=lambda info: info.name)
        ]
        contents = [(info, None if file is None else file.read()) for info, file in members]
    with (
        open(path, "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=when) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for info, content in contents:
            plain = tarfile.TarInfo(info.name)
            plain.type, plain.size, plain.mtime = info.type, info.size, when
            plain.mode = 0o755 if info.isdir() else 0o644
            archive.addfile(plain, None if content is None else io.BytesIO(content))


def repack_wheel(path: Path, when: int) -> None:
    """Give all members of a wheel one time and plain permissions, in the order they have."""
    with zipfile.ZipFile(path) as archive:
        contents = [(name, archive.read(name)) for name in archive.namelist()]
    moment = time.gmtime(max(when, 315532800))[:6]  # a zip file knows no time before 1980
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents:
            plain = zipfile.ZipInfo(name, moment)
            plain.compress_type, plain.create_system = zipfile.ZIP_DEFLATED, 3  # Unix, where permissions count
            plain.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(plain, content)


def build_twice(folder: Path, when: int) -> list[Path]:
    """Build in two folders under different umasks, and return the paths of the second.

    Raises
    ------
    RuntimeError
        If the bytes differ.
    """
    usual = os.umask(0o022)
    try:
        first = build(folder / "first", when)
        os.umask(0o077)
        second = build(folder / "second", when)
    finally:
        os.umask(usual)
    for one, other in zip(first, second, strict=True):
        if one.read_bytes() != other.read_bytes():
            raise RuntimeError(f"{one.name} has other bytes when it is built again.")
    return second


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--outdir", type=Path, default=ROOT / "dist", help="emptied first; default: dist")
    arguments = parser.parse_args()
    when = time_of_commit()
    print(f"time {when}, Python {sys.version.split()[0]}, setuptools {version('setuptools')}, build {version('build')}")
    with tempfile.TemporaryDirectory() as folder:
        built = build_twice(Path(folder), when)
        shutil.rmtree(arguments.outdir, ignore_errors=True)
        arguments.outdir.mkdir(parents=True)
        paths = [Path(shutil.copyfile(path, arguments.outdir / path.name)) for path in built]
    for path in paths:
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}")
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, paths)], check=True)
    subprocess.run([sys.executable, "-m", "check_wheel_contents", str(paths[1])], check=True)


if __name__ == "__main__":
    main()
