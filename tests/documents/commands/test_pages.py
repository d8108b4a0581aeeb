"""Every command that a page shows runs, from a folder of its own, as a reader would type it.

`../conftest.py` says what is shortened. Pages are found by themselves, and so are their commands: a
command of a new page runs here without a line being added. Commands of other programs are looked
at by `checked_elsewhere`, which refuses those that it does not know.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes.cli import _parser

ROOT = Path(__file__).parents[3]
MANUAL = ROOT / "src" / "sofs_bayes" / "manual"
VERBS = next(each.choices for each in _parser()._actions if isinstance(each.choices, dict))
DOCS = sorted((ROOT / "docs").rglob("*.md"))
READMES = (ROOT / "README.md", ROOT / "models" / "README.md")
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in (*READMES, *DOCS, *sorted(MANUAL.glob("*.md")))
}
# Their commands are those of the manual's pages, one after the other.
TWICE = ("README.md", *(path.relative_to(ROOT).as_posix() for path in DOCS))


# ------------------------------------------------------------------------ what pages show

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\s*(?:\S*[/\\])?(?:sofs-bayes|make|python[\d.]*|py|pip|uv|git)\s")


def lines_of(text: str) -> Iterator[str]:
    """Every line of commands in the fenced blocks of a document, as POSIX would have it."""
    for language, block in FENCED.findall(text):
        if language == "sh":
            yield from filter(str.strip, block.replace("\\\n", " ").splitlines())
        elif language == "bat":
            yield from block.replace("\\", "/").replace(".venv/Scripts/", ".venv/bin/").splitlines()
        else:
            assert not any(map(COMMAND.match, block.splitlines())), block


def inline(text: str) -> Iterator[list[str]]:
    """Commands in running text, as words; messages of the program are none."""
    prose = re.sub(r"^## When something goes wrong$.*?(?=^## )", "", text, flags=re.M | re.S)
    paragraphs = re.split(r"\n\s*\n|\n(?=\|)", FENCED.sub("", prose).replace("\\", "/"))
    for code in (code for each in paragraphs for code in re.findall(r"`([^`]+)`", each)):
        if COMMAND.match(code):
            yield shlex.split(code)


def files_named(text: str) -> set[str]:
    """Files and folders that a manual page says are read or written, as `name.csv` or `name/`.

    Not those where results go if no other folder is named, as examples name others.
    """
    said = re.search(r"^## Reads and writes$(.*?)^## ", text, flags=re.M | re.S)
    whatever = re.sub(r"\([^)]*if no other is named\)", "", said[1] if said else "")
    named = re.findall(r"`([\w-]+(?:\.[a-z]+|/))`", whatever)
    return {each.removesuffix("/").removeprefix("synthetic-") for each in named}


# ------------------------------------------------------------------------------ they run


@pytest.fixture
def page(tmp_path: Path, shell: Any) -> Path:
    """A folder of its own for a page, where an environment of the project's may stand."""
    folder = tmp_path / "page"
    shell.stand_ins(folder / ".venv" / "bin")
    return folder


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if name in TWICE else ()) for name in PAGES],
)
def test_every_command_of_a_page_runs(
    name: str, shelf: Any, shell: Any, page: Path, typed: Callable[[list[str], Path], None]
) -> None:
    lines = list(lines_of(PAGES[name].read_text("utf-8")))
    shown = [words for line in lines for words in shell.words(line, at=page)]
    shelf.fill(page, shown)
    verb = PAGES[name].stem
    assert verb not in VERBS or ["sofs-bayes", verb] in [words[:2] for words in shown]
    for line in lines:
        commands = shell.words(line, at=page)
        assert commands, f"{line}: nothing is run"
        for words in commands:
            typed(words, page)
    there = {path.name.removeprefix("synthetic-") for path in page.rglob("*")}
    assert files_named(PAGES[name].read_text("utf-8")) <= there


@pytest.mark.parametrize("name", TWICE)
def test_what_runs_at_length_has_commands_that_there_are(
    name: str, shell: Any, page: Path, checked_elsewhere: Callable[[list[str]], None]
) -> None:
    for line in lines_of(PAGES[name].read_text("utf-8")):
        for program, *words in shell.words(line, at=page):
            if program == "sofs-bayes":
                assert _parser().parse_args(words)
            else:
                checked_elsewhere([program, *words])


def test_what_pages_presuppose_is_made_as_they_show(shelf: Any, shell: Any, page: Path) -> None:
    shown = {
        " ".join(words[1:])
        for path in PAGES.values()
        for line in lines_of(path.read_text("utf-8"))
        for words in shell.words(line, at=page)
    }
    assert {*shelf.shown.values()} <= shown


@pytest.mark.parametrize("name", PAGES)
def test_commands_in_running_text_have_verbs_and_options_that_there_are(
    name: str, checked_elsewhere: Callable[[list[str]], None]
) -> None:
    for program, *words in inline(PAGES[name].read_text("utf-8")):
        if program != "sofs-bayes":
            checked_elsewhere([Path(program).name, *words])
            continue
        (verb,) = {*words[:1]} - {"VERB"} or {"list"}
        options = {option for each in VERBS[verb]._actions for option in each.option_strings}
        assert {word.strip("[]") for word in words if word.strip("[").startswith("-")} <= options


# --------------------------------------------------------------------------- what is noticed


@pytest.mark.parametrize(
    "line",
    [
        "sofs-bayes fit icpc-linear nowhere",
        "sofs-bayes fit icpc-printed --no-such-option",
        "sofs-bayes no-such-verb",
        "sofs-bayes list > there.csv; false",
        "sofs-bayes published --facts -o there.csv",
        "make no-such-target",
        "python -m pip install -r no-such.lock",
        "python -m pip install --no-such-option .",
        "python -m tests.no_such_module",
        "curl example.org",
    ],
)
def test_a_line_that_does_not_run_is_noticed(
    line: str, shell: Any, page: Path, typed: Callable[[list[str], Path], None]
) -> None:
    (page / "there.csv").touch()
    with pytest.raises((AssertionError, OSError, SystemExit)):
        for words in shell.words(line, at=page):
            typed(words, page)
