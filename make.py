"""The set-up of the project, and its two commands for machines without make; Python is enough.

    python make.py reanalyse [WORDS]     sets up, then the whole re-analysis (WORDS: its options)
    python make.py test [WORDS]          sets up, then all checks and tests (WORDS: pytest's)
    python make.py environment           sets up: .venv with the locked, hashed packages
    python make.py environment --tests   … and with those that the tests need
    python make.py bundle                project and packages in one file for a secure setting
    python make.py verify FOLDER         is that file, unpacked, what its list of checksums says?

`--wheelhouse FOLDER` installs from that folder, with no network. uv installs where it is
present, pip otherwise. The Makefile calls this, too.
"""

import argparse
import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
LOCK, TEST_LOCK = "requirements.lock", "requirements-test.lock"
FIRST, LAST = (3, 12), (3, 14)
RESULTS = "results/reanalysis"
SUMS = "SHA256SUMS"
CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
)
NOT_LONG = ("-m", "not long")
OWN_TESTS = r"[/\\]tests?[/\\]"  # of the packages
ON_TWO = ("--numprocesses", "2", "--dist", "loadscope", "--no-loadscope-reorder")


class Failed(Exception):
    """What cannot be done, in one line."""


def main(words=None):
    """Do what the words say; the exit code."""
    options, rest = parsed(words)
    try:
        if not FIRST <= sys.version_info[:2] <= LAST:
            raise Failed(refusal(sys.executable, sys.version.split()[0]))
        return DO[options.what](options, rest)
    except Failed as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        return error.returncode
    except KeyboardInterrupt:
        return 130


def parsed(words):
    """The options, and further words that are another program's."""
    parser = argparse.ArgumentParser(prog="make.py", description=__doc__.splitlines()[0])
    parser.add_argument("--wheelhouse", type=Path, metavar="FOLDER", help="install from there")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name in DO:
        each = what.add_parser(name, help=DO[name].__doc__.splitlines()[0])
        each.add_argument("--wheelhouse", type=Path, default=argparse.SUPPRESS, metavar="FOLDER")
        if name in ("environment", "bundle"):
            each.add_argument("--tests", action="store_true", help="what the tests need, too")
        if name == "verify":
            each.add_argument("folder", type=Path)
    options, rest = parser.parse_known_args(words)
    if rest and options.what not in ("reanalyse", "test"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options, rest


def refusal(program, version):
    """What is said of another Python."""
    known = "{}.{} to {}.{}".format(*FIRST, *LAST)
    return (
        f"sofs_bayes needs Python {known}; `{program}` is Python {version}.\n"
        "Install one of them, or name it: /path/to/python3.12 make.py …, or make PYTHON=…"
    )


# ------------------------------------------------------------------------------ the commands


def reanalyse(options, rest):
    """Set up, then re-analyse everything; further words are options of that command."""
    environment(options)
    newer = os.environ.get("SOFS_BAYES_OPEN_DATA")
    if newer and "--open-data" not in rest:
        rest = ["--open-data", newer, *rest]
    if not {"-o", "--output"} & set(rest):
        rest = [*rest, "-o", RESULTS, "--replace"]
    beside = sorted(str(path.parent) for path in ROOT.glob("results/placebo/*/manifest.json"))
    if beside and "--beside" not in rest:
        rest = [*rest, "--beside", *beside]
    return subprocess.call([BIN / "sofs-bayes", "reanalyse", *rest], cwd=ROOT)


def test(options, rest):
    """Set up, then run all checks and tests; further words are pytest's, for `-m "not long"`."""
    options.tests = True
    environment(options)
    for check in CHECKS:
        call(BIN / check[0], *check[1:])
    words = [BIN / "python", "-m", "pytest", *(rest or NOT_LONG), *ON_TWO]
    return subprocess.call(words, cwd=ROOT, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})


def environment(options, rest=()):
    """Make .venv what locks and project say, unless it is already."""
    folder = options.wheelhouse and options.wheelhouse.resolve()
    if folder and not folder.is_dir():
        raise Failed(f"{folder}: found no such folder; allowed: the wheelhouse of a bundle")
    if stale(".locked", LOCK):
        call(sys.executable, "-m", "venv", "--clear", VENV)
        install_locked(LOCK, folder)
        (VENV / ".locked").touch()
    if stale(".package", LOCK, "pyproject.toml"):
        install("--no-index", "--no-deps", "--no-build-isolation", "--editable", ".")
        (VENV / ".package").touch()
    if getattr(options, "tests", False) and stale(".test", TEST_LOCK, LOCK, "pyproject.toml"):
        install_locked(TEST_LOCK, folder)
        (VENV / ".test").touch()
    return 0


def bundle(options, rest=()):
    """Pack project and packages for a secure setting: a zip with a list of checksums."""
    environment(options)
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch) / "bundle"
        wheels = top / "wheelhouse"
        wheels.mkdir(parents=True)
        for lock in (LOCK, TEST_LOCK)[: 1 + options.tests]:
            download(lock, wheels, options.wheelhouse)
        call(BIN / "python", "-m", "hatchling", "build", "-t", "sdist", "-d", scratch)
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as source:
            source.extractall(top, filter="data")
        project = top / archive.name[: -len(".tar.gz")]
        shutil.copy(project / "docs" / "custodian.md", top / "FOR-THE-CUSTODIAN.md")
        (top / "packages.csv").write_text(packages(wheels), encoding="utf-8", newline="")
        (top / SUMS).write_text(sums(top), encoding="utf-8", newline="\n")
        name = "-".join([project.name, "bundle", sys.implementation.cache_tag, platform()])
        (ROOT / "dist").mkdir(exist_ok=True)
        made = shutil.make_archive(str(ROOT / "dist" / name), "zip", scratch, "bundle")
    print(f"{made}\n{digest(Path(made))}")
    return 0


def verify(options, rest=()):
    """Compare an unpacked bundle with its list of checksums, file by file."""
    folder, faults = options.folder, []
    if not (folder / SUMS).is_file():
        raise Failed(f"{folder}: found no {SUMS}; allowed: an unpacked bundle")
    listed = dict(
        reversed(line.split("  ", 1))
        for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()
    )
    there = {name for name in files(folder) if name != SUMS}
    faults += [f"{name}: is listed, and not there" for name in sorted(listed.keys() - there)]
    faults += [f"{name}: is there, and not listed" for name in sorted(there - listed.keys())]
    for name in sorted(there & listed.keys()):
        if digest(folder / name) != listed[name]:
            faults.append(f"{name}: differs")
    print("\n".join(faults) or f"{len(there)} files, each as listed")
    return 1 if faults else 0


DO = {each.__name__: each for each in (reanalyse, test, environment, bundle, verify)}


# --------------------------------------------------------------------------------- installing


def call(*words):
    """Run a program in the project's folder; a failure of it is one here."""
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True)


def stale(stamp, *sources):
    """Whether anything that a stamp stands for has changed since, or it is not there."""
    mark = VENV / stamp
    if not mark.exists() or not BIN.exists():
        return True
    return any((ROOT / name).stat().st_mtime > mark.stat().st_mtime for name in sources)


def install(*words):
    """Install into .venv: with uv where that is present and can, else with pip."""
    uv = shutil.which("uv")
    python = BIN / "python"
    if uv:
        asked = [uv, "pip", "install", "--quiet", "--python", str(python), *words]
        if subprocess.call(asked, cwd=ROOT) == 0:
            return
    pip = (python, "-m", "pip", "--disable-pip-version-check")
    call(*pip, "install", "--quiet", "--no-compile", *words)


def install_locked(lock, wheelhouse):
    """Install what a lock says, from wheels alone, each with the hash that the lock has.

    Compiled is what may be imported, on all cores: pip would take a third of its time for it.
    """
    words = ("--require-hashes", "--only-binary", ":all:", "-r", lock)
    install(*offline(wheelhouse), *words)
    packages = VENV / ("Lib" if os.name == "nt" else "lib")
    compiled = (BIN / "python", "-m", "compileall", "-qq", "-j", "0", "-x", OWN_TESTS, packages)
    subprocess.call([str(word) for word in compiled])


def offline(wheelhouse):
    """Options that keep an installer off the network."""
    return ("--no-index", "--find-links", str(wheelhouse)) if wheelhouse else ()


# ------------------------------------------------------------------------------- the bundle


def download(lock, folder, wheelhouse):
    """Put the wheels of a lock into a folder, those for this system and Python."""
    words = ("--quiet", "--only-binary", ":all:", "--require-hashes", "-d", folder, "-r", lock)
    pip = (BIN / "python", "-m", "pip", "--disable-pip-version-check")
    call(*pip, "download", *offline(wheelhouse and wheelhouse.resolve()), *words)


def packages(wheels):
    """What each wheel is and under which licence it says it is, as CSV."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["package", "version", "licence", "file", "sha256"])
        for path in sorted(wheels.glob("*.whl")):
            about = metadata(path)
            row = [about["Name"], about["Version"], licence(about), path.name, digest(path)]
            table.writerow(row)
        file.seek(0)
        return file.read()


def metadata(wheel):
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
        return HeaderParser().parsestr(archive.read(name).decode("utf-8"))


def licence(about):
    """The licence that a package names: an expression, else a classifier, else its first line."""
    named = [
        each.split("::")[-1] for each in about.get_all("Classifier") or () if "License" in each
    ]
    said = about["License-Expression"] or "; ".join(each.strip() for each in named)
    return said or (about["License"] or "not said").strip().splitlines()[0]


def files(folder):
    """The files of a folder, as POSIX paths, in order."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def sums(folder):
    """Checksums as `sha256sum --check` reads them."""
    return "".join(f"{digest(folder / name)}  {name}\n" for name in files(folder))


def digest(path):
    """The SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            found.update(part)
    return found.hexdigest()


def platform():
    """The system and processor that wheels are for."""
    import sysconfig

    return re.sub(r"[^\w]+", "_", sysconfig.get_platform())


if __name__ == "__main__":
    sys.exit(main())
