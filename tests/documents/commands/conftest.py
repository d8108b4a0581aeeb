"""The reader's own shell, whose commands are written down and then run in this process.

The words of a command are those that the shell makes of its line: globs, quotes, comments and
continued lines are the shell's matter.
"""

import contextlib
import importlib.util
import io
import os
import runpy
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes.cli import _parser, main

ROOT = Path(__file__).parents[3]
# Verbs whose exit code may be a verdict on what is made up here; of all others it is 0.
VERDICTS = ("calibrate", "recover", "placebo", "disclose", "replicate")


# ------------------------------------------------------------------- a shell that records

END = "\x1e"  # behind the last word of a command
RECORDER = f"""#!/bin/sh
printf '%s\\0' "${{0##*/}}" "$@" '{END}' >> "$RECORDED"
"""
CHECKERS = ("ruff", "mypy", "lint-imports")
KNOWN = ("sofs-bayes", "make", "python", "python3", "python3.12", "py", "uv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The system's shell, in which known programs only write down what they were called with.

    Attributes
    ----------
    programs
        The folder of their stand-ins; there are no others, so that an unknown program fails.
    """

    programs: Path

    def words(self, line: str, *, at: Path, also: str = "") -> list[list[str]]:
        """The commands of a line, each as its words, as they come to the program.

        Parameters
        ----------
        at
            The folder it is typed in.
        also
            Where further programs are, as in `PATH`.
        """
        record = self.programs / "recorded"
        record.write_bytes(b"")
        path = os.pathsep.join(filter(None, (str(self.programs), also)))
        ended = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=at,
            env={"PATH": path, "RECORDED": str(record)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, (line, ended.stderr)
        found: list[list[str]] = [[]]
        for word in record.read_text(encoding="utf-8").split("\0")[:-1]:
            if word == END:
                found.append([])
            else:
                found[-1].append(word)
        return found[:-1]

    def stand_ins(self, folder: Path, names: Iterable[str] = KNOWN) -> None:
        """Put the programs into another folder, as a virtual environment has them."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            script = folder / name
            script.write_text(RECORDER, encoding="utf-8")
            script.chmod(script.stat().st_mode | stat.S_IXUSR)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell in which known programs are only written down."""
    found = Shell(programs=tmp_path_factory.mktemp("programs"))
    found.stand_ins(found.programs)
    return found


@pytest.fixture
def project(tmp_path: Path, shell: Shell) -> Path:
    """A folder with the project's Makefile and locks, and an environment of stand-ins."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-test.lock"):
        shutil.copy(ROOT / name, folder)
    for name in ("src", "models"):
        (folder / name).mkdir()
    shell.stand_ins(folder / ".venv" / "bin", ("sofs-bayes", "python", *CHECKERS))
    return folder


@pytest.fixture
def make(project: Path, shell: Shell) -> Callable[..., list[list[str]]]:
    """Runs make in that folder: what its recipes call, each as its words."""
    program = shutil.which("make") or pytest.skip("make is not installed")

    def made(*words: str) -> list[list[str]]:
        line = shlex.join([program, "--no-print-directory", *words, "PYTHON=python3"])
        return shell.words(line, at=project, also=os.environ["PATH"])

    return made


@pytest.fixture
def checked_elsewhere(make: Callable[..., list[list[str]]]) -> Callable[[list[str]], None]:
    """Checks, of a command of another program that cannot run here, what can be checked of it.

    Recipes of make are run by test_makefile.py. An environment is not made and nothing installed
    or locked, which would take the network. Tests, benchmarks and chapters are run by others.
    """

    def checked(words: list[str]) -> None:
        program, *rest = words
        if program == "make":
            assert make(*rest)
        elif program == "uv":
            _check_lock(rest)
        elif program in CHECKERS:
            assert Path(sys.executable).with_name(program).is_file()
        elif program == "pip":
            _check_pip(rest)
        elif program in KNOWN:
            _check_python(rest[1:] if rest[0] == "-3.12" else rest)
        else:
            raise AssertionError(f"{program}: nothing is known of it")

    return checked


@pytest.fixture
def typed(
    shortened: None, checked_elsewhere: Callable[[list[str]], None]
) -> Callable[[list[str], Path], None]:
    """Runs a command in a folder, or checks one of another program as far as can be."""

    def run(command: list[str], at: Path) -> None:
        program, *words = command
        if program != "sofs-bayes":
            checked_elsewhere(command)
            return
        said = io.StringIO()
        with contextlib.chdir(at), redirect_stdout(said), redirect_stderr(said):
            code = main(words)
        assert code == 0 or (code == 1 and words[0] in VERDICTS), (words, code, said.getvalue())
        made = [at / word for option, word in pairwise(words) if option == "-o"]
        assert made or said.getvalue(), words
        assert all(path.exists() for path in made), words

    return run


def _check_python(words: list[str]) -> None:
    if words[:2] == ["-m", "pip"]:
        _check_pip([word for word in words[2:] if word != "--disable-pip-version-check"])
    elif words[:2] in (["-m", "venv"], ["-m", "pytest"]):
        assert importlib.util.find_spec(words[1])
    elif words[:2] == ["-m", "sofs_bayes"]:
        assert importlib.util.find_spec("sofs_bayes.__main__")
        assert words[2:] == [] or _parser().parse_args(words[2:])
    elif words[:1] == ["-c"]:
        compile(words[1], "-c", "exec")
    elif words[:1] == ["make.py"]:
        runpy.run_path(str(ROOT / "make.py"))["parsed"](words[1:])
    elif words:
        name = words[1].replace(".", "/") if words[0] == "-m" else words[0].removesuffix(".py")
        file = ROOT / f"{name}.py"
        source = (file if file.is_file() else ROOT / name / "__main__.py").read_text("utf-8")
        assert all(f'"{word}"' in source for word in words if word.startswith("-") and word != "-m")


def _check_pip(words: list[str]) -> None:
    """Options are pip's, and the files there."""
    from pip._internal.commands import create_command

    options, given = create_command(words[0]).parse_args(words[1:])
    assert all((ROOT / name).is_file() for name in options.requirements)
    own = [".", *(f"sofs-bayes[{name}]" for name in _known()["project"]["optional-dependencies"])]
    assert options.requirements or {*given, *options.editables} <= {*own}


def _known() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def _check_lock(words: list[str]) -> None:
    """What the locks are made of is there."""
    groups = {"--group": _known()["dependency-groups"]}
    groups["--extra"] = _known()["project"]["optional-dependencies"]
    assert all(name in groups.get(option, [name]) for option, name in pairwise(words))
