"""Every verb that writes, killed at any step and out of disk at any write: whole or not at all.

What is computed is shortened as `tests/documents` has it, and computed once: killed is what writes.
"""

import functools
import io
import json
import re
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.documents.conftest import Shelf, dfe, shelf, shelf_folder, shortened
from tests.fuzz.trying import COUNTS, LONG, TIMES
from tests.pipeline import kills
from tests.pipeline.kills import (
    HIDDEN,
    TEMPORARY,
    States,
    content,
    copied,
    full_from,
    kill_at,
    run,
)

from sofs_bayes.cli import main
from sofs_bayes.disclosure.ledger import NAME as LEDGER
from sofs_bayes.disclosure.ledger import Ledger
from sofs_bayes.errors import BadInput
from sofs_bayes.folders import whole
from sofs_bayes.folders.manifest import FILES, NAME, read_manifest

__all__ = ["dfe", "shelf", "shelf_folder", "shortened"]

pytestmark = pytest.mark.alone

type Content = dict[str, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command that writes.

    Attributes
    ----------
    line
        Its words.
    given
        What of the shelf it reads; it must stay as it is.
    makes
        The folder or files it makes, that which vouches for the others last.
    beside
        Folders in it that keep finished work.
    replaces
        Whether it can be told to replace an earlier result.
    """

    line: str
    given: tuple[str, ...] = ()
    makes: tuple[str, ...] = ("new",)
    beside: tuple[str, ...] = ()
    replaces: bool = True

    @property
    def words(self) -> list[str]:
        return self.line.split()

    @property
    def target(self) -> str:
        return self.makes[-1]

    @property
    def is_file(self) -> bool:
        return "." in self.target


MATCHED, RUN = ("matched",), ("runs/icpc-lagged",)
LOGS = tuple(f"deep/new.xlsx.disclosure.{ending}" for ending in ("csv", "md", "json"))
CASES = {
    "simulate": Case(line="simulate icpc -o new"),
    "init": Case(line="init children -o new", given=("children",)),
    "check": Case(line="check children icpc-children --pictures new", given=("children",)),
    "match": Case(line="match icpc-children children -o new", given=("children",)),
    "collapse": Case(line="collapse icpc-children matched -o new", given=MATCHED),
    "replicate": Case(line="replicate icpc-children matched -o new", given=MATCHED),
    "fit": Case(
        line="fit icpc-lagged matched --quick -o deep/new", given=MATCHED, makes=("deep/new",)
    ),
    "calibrate": Case(
        line="calibrate icpc-printed -o new", beside=("replicates", "coverage"), replaces=False
    ),
    "recover": Case(
        line="recover icpc-linear --effect 0 --heterogeneity 0 -o new",
        beside=("replicates",),
        replaces=False,
    ),
    "placebo": Case(
        line="placebo icpc-open-data dfe-files -o new",
        given=("dfe-files",),
        beside=("replicates",),
        replaces=False,
    ),
    "reanalyse": Case(line="reanalyse -o new"),
    "report": Case(line="report runs/icpc-lagged --format html -o new", given=RUN),
    "disclose": Case(line="disclose runs/icpc-lagged -o new", given=RUN),
    "figure": Case(line="figure runs/icpc-lagged -o new", given=RUN),
    "effects": Case(
        line="effects runs/icpc-lagged -o deep/new.xlsx",
        given=RUN,
        makes=(*LOGS, "deep/new.xlsx"),
        replaces=False,
    ),
    "effects-csv": Case(
        line="effects runs/icpc-lagged --format csv -o new", given=RUN, replaces=False
    ),
    "open-data": Case(
        line="open-data dfe-files -o new.csv --notices notices.csv",
        given=("dfe-files",),
        makes=("notices.csv", "new.csv"),
        replaces=False,
    ),
    "published": Case(
        line="published icpc-printed -o new.xlsx", makes=("new.xlsx",), replaces=False
    ),
    "manual": Case(line="manual --all -o new", replaces=False),
}

# Whose earlier results are replaced; in the small version two, as one mechanism replaces for all.
REPLACING = [name for name, case in CASES.items() if case.replaces or case.beside]
OVER_EARLIER = REPLACING if LONG else ["simulate", "disclose"]


# --------------------------------------------------------------------------- short work


ONCE = (
    "sofs_bayes.disclosure.release.release",
    "sofs_bayes.pipeline.disclosure.cleared_runs",
    "sofs_bayes.pipeline.disclosure.judged_folder",
    "sofs_bayes.pipeline.recovery.prepared",
    "sofs_bayes.pipeline.simulation._drawn",
    "sofs_bayes.figures.drawing._picture",
    "sofs_bayes.pages.pictures.drawings",
    "sofs_bayes.pages.replication_page.replication_tables",
    "sofs_bayes.runs.run_folder.read",
    "sofs_bayes.pages.report_page.report_page",
    "sofs_bayes.folders.manifest.version",
)


@pytest.fixture(scope="module", autouse=True)
def _brief(shortened: None) -> Iterator[None]:
    """What is computed from the same things is computed once; of pages and pictures there are few.

    Fits keep two pieces while they are at work.
    """
    from sofs_bayes.pipeline import did_fits, replicates

    fit, bench = did_fits.fit_did, replicates._here
    made: dict[Any, Any] = {}

    def fitted(*words: Any, store: Any, **how: Any) -> Any:
        for name in ("one", "two"):
            if store is not None and store.get(name) is None:
                store.put(name, b"draws")
        return fit(*words, **how)

    def here(job: Any, numbers: Sequence[int]) -> Iterator[tuple[int, Any]]:
        if left := [number for number in numbers if (job.key, number) not in made]:
            made.update({(job.key, number): result for number, result in bench(job, left)})
        return ((number, made[job.key, number]) for number in numbers)

    with pytest.MonkeyPatch.context() as patch:
        for place in ONCE:
            _remember(patch, place)
        patch.setattr(did_fits, "fit_did", fitted)
        patch.setattr(replicates, "_here", here)
        yield


def _remember(patch: pytest.MonkeyPatch, place: str) -> None:
    """Have a function give what it first gave to the same names of files and formats."""
    module, _, name = place.rpartition(".")
    real, found = getattr(__import__(module, fromlist=[name]), name), dict[Any, Any]()

    def remembered(*words: Any, **how: Any) -> Any:
        key = tuple(each.name for each in words if isinstance(each, Path))
        key += tuple(each for each in words if isinstance(each, str))
        if key not in found:
            found[key] = _part_of(real(*words, **how))
        return found[key]

    patch.setattr(place, remembered)


def _part_of(made: Any) -> Any:
    """The first few of many drawings or parts of a page."""
    if hasattr(made, "parts"):
        return replace(made, parts=tuple(each for each in made.parts if each.tables)[:2])
    if isinstance(made, Iterator):  # which could be gone through once
        made = tuple(made)
    return made[:3] if isinstance(made, tuple | list) and len(made) > 3 else made


# ------------------------------------------------------------------------------- a case


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A case at work in folders of its own.

    Attributes
    ----------
    home
        Holds them.
    before
        The folder before the command: what it is given, and an earlier result if there is one.
    whole
        What the command makes, undisturbed, by path.
    code
        Its exit code then.
    states
        In which kills leave the folder.
    """

    case: Case
    name: str
    home: Path
    before: Path
    given: tuple[str, ...]
    whole: Content
    code: int
    earlier: bool
    states: States

    @property
    def words(self) -> list[str]:
        return [*self.case.words, *(["--replace"] if self.earlier and self.case.replaces else [])]

    def folder(self, name: str, state: Path | None = None) -> Path:
        """A new folder as before the command, or as a kill has left it."""
        folder = self.home / name
        if state is None:
            copied(self.before, folder)
        else:
            copied(state, folder)
            for each in self.given:
                shutil.copytree(self.before / each, folder / each)
        return folder


@pytest.fixture(scope="module")
def bench(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bench]:
    """Makes a case ready, with or without an earlier result, and watches it once."""

    @functools.cache
    def made(name: str, *, earlier: bool = False) -> Bench:
        case, home = CASES[name], tmp_path_factory.mktemp(name)
        before, first = home / "before", home / "first"
        before.mkdir()
        for each in case.given:
            shelf.put(each, before)
        copied(before, first)
        with pytest.MonkeyPatch.context() as patch:  # in this process, which keeps what it computes
            patch.chdir(first)
            patch.delenv("SOFS_BAYES_LEDGER", raising=False)
            patch.setattr("time.perf_counter", lambda: 0.0)
            code = in_this_process(case.words)
        given = tuple(each.split("/")[0] for each in case.given)
        whole = content(first, given)
        if earlier:
            copied(first, before)
        return watched(
            Bench(
                case=case,
                name=name,
                home=home,
                before=before,
                given=given,
                whole=whole,
                code=code,
                earlier=earlier,
                states=States(home / "watched", home / "states", given),
            )
        )

    return made


def watched(at_work: Bench) -> Bench:
    """The same, after its command was run once for its states."""
    ended = run(at_work.folder(at_work.states.folder.name), at_work.words, at_work.states.step)
    assert ended.code == at_work.code, ended.said
    return at_work


def in_this_process(words: Sequence[str]) -> int:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main(words)
    assert code in (0, 1), said.getvalue()
    return code


def remove(folder: Path, case: Case) -> None:
    for name in case.makes:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)


# -------------------------------------------------------------------------- what may be


def wrong_in(bench: Bench, folder: Path) -> list[str]:
    """What is wrong in a folder in which a command was killed, or has run out of disk."""
    wrong, target = [], folder / bench.case.target
    for name in bench.given:
        if (folder / name).exists() and content(folder / name) != content(bench.before / name):
            wrong.append("input changed")
    there = target.is_file() if bench.case.is_file else is_whole(target)
    if target.is_dir() and not there and not names_in(target) <= {*bench.case.beside}:
        wrong.append("half-written")
    if bench.case.is_file and there:
        made = {name: each for name, each in content(folder).items() if name in bench.case.makes}
        if plain(made) != plain({name: bench.whole[name] for name in bench.case.makes}):
            wrong.append("half-written")
    if bench.earlier and not there:
        wrong.append("lost")
    if there and missing_in_ledger(bench, folder):
        wrong.append("not in the ledger")
    return wrong


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def is_whole(target: Path) -> bool:
    try:
        read_manifest(target).check()
    except BadInput:
        return False
    return True


def missing_in_ledger(bench: Bench, folder: Path) -> bool:
    """Whether any release is not noted that the whole command notes."""
    noted, path = bench.whole.get(LEDGER) or b"", folder / LEDGER
    found = path.read_bytes() if path.is_file() else b""
    lines = found[: found.rfind(b"\n") + 1].splitlines()
    return not {*noted.splitlines()} <= {*lines}


def left_in(folder: Path, *, unfinished: bool = False) -> list[str]:
    """What lies there that is no result; unfinished work may, if so said."""

    def is_left(name: str) -> bool:
        if unfinished and ".unfinished" in name:
            return False
        return name.startswith(f"{TEMPORARY}/") or any(map(HIDDEN.fullmatch, name.split("/")))

    return [name for name in content(folder) if is_left(name)]


def plain(found: Content) -> dict[str, Any]:
    """Contents as they are to be each time: how many releases were known before may differ."""
    return {
        name: _plain(name, each) for name, each in found.items() if not name.startswith(TEMPORARY)
    }


def _plain(name: str, given: bytes | None) -> Any:
    if given is None:
        return None
    if name.endswith(NAME):
        document = json.loads(given)
        return document | {FILES: sorted(document[FILES])}
    given = re.sub(rb"\d+ releases? in", b"releases in", given)
    # The page to sign names the hash of the file that says so.
    return re.sub(rb"(disclosure\.json \(SHA-256) [0-9a-f]{64}", rb"\1", given)


def given_again(bench: Bench, number: int, folder: Path | None = None) -> list[str]:
    """Give the command again where a kill before a step has left it; what is wrong then."""
    folder = folder or bench.folder(f"again-{number}", bench.states.found[number])
    words, target = bench.case.words, folder / bench.case.target
    if is_whole(target) and bench.case.replaces:
        words = [*words, "--replace"]
    elif not bench.case.beside and (target.is_file() or is_whole(target)):
        remove(folder, bench.case)  # nobody would give it again; but what it left must go
    ended = run(folder, words)
    if ended.code != bench.code:
        return [f"step {number}: refused ({ended.code}): {ended.said}"]
    wrong = wrong_in(bench, folder)
    found, whole = plain(content(folder, bench.given)), plain(bench.whole)
    if left := left_in(folder):
        wrong.append(f"left behind: {left}")
    elif found != whole:
        differ = [name for name in {*found, *whole} if found.get(name, 0) != whole.get(name, 0)]
        wrong.append(f"other files: {differ}")
    shutil.rmtree(folder)
    return [f"step {number}: {each}" for each in wrong]


# ------------------------------------------------------------------------------ the tests


@pytest.mark.parametrize(
    "name",
    # The main job goes on after each of its parts, which `test_reanalysis.py` interrupts.
    [pytest.param(name, marks=pytest.mark.long if name == "reanalyse" else ()) for name in CASES],
)
def test_killed_at_any_step(name: str, bench: Callable[..., Bench]) -> None:
    assert not killed(bench(name))


@pytest.mark.parametrize("name", OVER_EARLIER)
def test_killed_over_an_earlier_result(name: str, bench: Callable[..., Bench]) -> None:
    assert not killed(bench(name, earlier=True))


@pytest.mark.parametrize("name", CASES)
def test_a_full_disk_is_one_line_and_leaves_nothing(name: str, bench: Callable[..., Bench]) -> None:
    assert not filled(bench(name))


def killed(at_work: Bench) -> Counter[str]:
    """Kill a command at its steps; how often what was wrong.

    Every state is looked at; from some of them, in the long version more, it is given again. Once
    it is really killed.
    """
    wrong = looked_at(at_work)
    *some, really = telling(at_work)
    again = spread([*at_work.states.found]) if LONG else some
    for number in again:
        wrong.update(given_again(at_work, number))
    folder = at_work.folder(f"killed-{really}")
    assert run(folder, at_work.words, kill_at(really)).code == -signal.SIGKILL
    state = at_work.states.found[really]
    assert shapes(content(folder, at_work.given)) == shapes(content(state))
    wrong.update(wrong_in(at_work, folder))
    wrong.update(given_again(at_work, really, folder))
    counts = COUNTS[f"killed: {at_work.name}{' over earlier' if at_work.earlier else ''}"]
    counts["cases"] += at_work.states.steps
    counts["accepted"] += len(again) + 1
    counts["half-written"] += wrong.total()
    return wrong


def spread(steps: Sequence[int]) -> list[int]:
    """As many of the steps as everything is tried, from the first to the last."""
    places = {round(i * (len(steps) - 1) / (TIMES - 1)) for i in range(TIMES)}
    return [steps[place] for place in sorted(places)]


def looked_at(at_work: Bench) -> Counter[str]:
    """What is wrong in the states that kills leave, and in the folder where there was none."""
    wrong = Counter(wrong_in(at_work, at_work.states.folder))
    for state in at_work.states.found.values():
        wrong.update(wrong_in(at_work, state))
    return wrong


def telling(at_work: Bench) -> list[int]:
    """Two states: a temporary folder without its lock, or the middle; and before the result."""
    numbers = [*at_work.states.found]
    there = [
        i
        for i, number in enumerate(numbers)
        if (at_work.states.found[number] / at_work.case.target).exists()
    ]
    first = there[0] if there and not (at_work.case.beside or at_work.earlier) else len(numbers) - 2
    homes = {number: at_work.states.found[number] / TEMPORARY for number in numbers}
    unlocked = [n for n, home in homes.items() if names_in(home) and not [*home.glob("*/lock")]]
    return [(unlocked or [numbers[len(numbers) // 2]])[0], numbers[first - 1]]


def shapes(found: Content) -> list[str]:
    """The names in a folder, without what is random in them."""
    return sorted(re.sub(r"[0-9a-f]{8,16}", "#", name) for name in found)


def filled(at_work: Bench) -> Counter[str]:
    """Fill the disk from some of the steps on that need room; how often what was wrong."""
    wrong, steps = Counter[str](), at_work.states.needing_room
    counts = COUNTS[f"full disk: {at_work.name}"]
    for number in spread(steps) if LONG else (steps[len(steps) // 2], steps[-4]):
        folder = at_work.folder(f"full-{number}")
        ended = run(folder, at_work.words, full_from(number))
        counts["cases"] += 1
        counts["refused"] += ended.code == 2
        found = wrong_in(at_work, folder)
        if ended.code != 2 or len(ended.said.splitlines()) != 1:
            found.append(f"ended {ended.code}: {ended.said}")
        if left := [*left_in(folder, unfinished=True), *made_in(at_work, folder)]:
            found.append(f"left behind: {left}")
        counts["half-written"] += len(found)
        wrong.update(f"step {number}: {each}" for each in found)
        shutil.rmtree(folder)
    return wrong


def made_in(at_work: Bench, folder: Path) -> list[str]:
    """What a command has made that failed: nothing but the whole result, or what it goes on from.

    A release may be noted that did not leave after all.
    """
    target = folder / at_work.case.target
    kept = (LEDGER, *(f"{at_work.case.target}/{each}" for each in at_work.case.beside))
    found, before = content(folder), content(at_work.before)
    if target.is_file() or is_whole(target):
        return []
    return [
        name
        for name in found
        if name not in before
        and name != TEMPORARY
        and not name.startswith(kept)
        and ".unfinished" not in name
        and not ((folder / name).is_dir() and any((folder / name).iterdir()))
    ]


# --------------------------------------------------------------------- the suite itself fails


@contextmanager
def plainly(paths: Sequence[Path]) -> Iterator[Callable[[Sequence[str | bytes]], None]]:
    """New files, one after the other, in their places."""

    def put(contents: Sequence[str | bytes]) -> None:
        for path, each in zip(paths, contents, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each.encode() if isinstance(each, str) else each)

    yield put


@pytest.mark.parametrize(
    ("name", "owner", "function", "instead", "said"),
    [
        ("effects", whole, "new_files", plainly, "half-written"),
        ("effects", whole, "_remove_some_of", lambda *_: None, "found a file that exists"),
        ("effects", Ledger, "add", lambda *_: None, "not in the ledger"),
        ("effects-csv", Ledger, "add", lambda *_: None, "not in the ledger"),
        ("effects-csv", whole, "_settle", lambda *_: None, "left behind"),
    ],
)
def test_a_fault_is_found(  # noqa: PLR0917 - parameters of a test
    name: str,
    owner: Any,
    function: str,
    instead: Any,
    said: str,
    bench: Callable[..., Bench],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = bench(name)
    monkeypatch.setattr(owner, function, instead)
    states = States(tmp_path / "watched", tmp_path / "states", good.given)
    bad = watched(replace(good, home=tmp_path, states=states))
    wrong = looked_at(bad)
    if said not in wrong:
        wrong.update(given_again(bad, telling(bad)[1]))
    assert any(said in each for each in wrong), wrong


@pytest.mark.parametrize(
    ("function", "instead", "said"),
    [
        ("unwritable", lambda *_: RuntimeError(), "ended 70"),
        ("_parents_of", lambda path: nullcontext(path.parent.mkdir(exist_ok=True)), "left behind"),
    ],
)
def test_a_fault_on_a_full_disk_is_found(
    function: str,
    instead: Any,
    said: str,
    bench: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = bench("effects")
    monkeypatch.setattr(whole, function, instead)
    wrong = filled(replace(good, name="a fault is planted"))
    assert any(said in each for each in wrong), wrong


def test_a_command_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "IDLE", 0.1)
    monkeypatch.setattr(kills, "main", lambda _: time.sleep(3600))
    with pytest.raises(AssertionError, match=r"(?s)hung: simulate icpc.*Aborted.*in <lambda>"):
        run(tmp_path, ["simulate", "icpc"])


def test_no_process_with_threads_is_forked(tmp_path: Path) -> None:
    stop = threading.Event()
    (other := threading.Thread(target=stop.wait)).start()
    try:
        with pytest.raises(AssertionError, match="a process with threads"):
            run(tmp_path, ["simulate", "icpc"])
    finally:
        stop.set()
        other.join()
