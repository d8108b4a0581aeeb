"""What has been released of which children, so that nothing later tells the difference.

A ledger is a file, a line of JSON for each release. It holds counts, those too that were
suppressed, and stays with the custodian, where the records are. Every release is in it, whatever
its analysis is called: the same input, or the same authorities in the same years, are the same
children. What leaves has a copy of its own lines without the suppressed counts.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sofs_bayes.disclosure.arm_counts import ArmCount
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.lock import locked_file
from sofs_bayes.folders.places import is_result
from sofs_bayes.folders.whole import sync, sync_folder, write_all

NAME = "disclosure-ledger.jsonl"
VARIABLE = "SOFS_BAYES_LEDGER"
ABOUT = "Counts of people, suppressed ones too: stays with the custodian, where the records are."
FIRST = json.dumps({"about": ABOUT}, ensure_ascii=False) + "\n"
LEFT_OUT = "LEFT OUT, as asked for: what was released before was not looked at, nor this noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A count of a table: the labels of its place, and what of it did not leave.

    `events` is None where none are counted; `hidden` is empty, `events` or `all`.
    """

    place: tuple[str, ...]
    children: int
    events: int | None = None
    hidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTable:
    """Counts by some dimensions; those of one name can be compared.

    `partial` where places that are hidden are not among the counts.
    """

    name: str
    dims: tuple[str, ...]
    counts: tuple[Count, ...]
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What one release tells of children.

    Attributes
    ----------
    analysis, evidence
        Its name, which separates nothing, and what it rests on.
    inputs
        SHA-256 of what it was made from.
    authorities, years
        Of the children; empty if not known.
    counts
        Counts by arm and year, before and after, that are shown.
    arms
        Those of arms before and after alone, where years are not shown at all.
    tables
        Further counts.
    outside
        Counts by arm as a run that is made from these released cells has them.
    """

    analysis: str
    evidence: str
    inputs: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    counts: tuple[ArmCount, ...] = ()
    arms: tuple[ArmCount, ...] = ()
    tables: tuple[CountTable, ...] = ()
    outside: tuple[ArmCount, ...] = ()

    def shares_children(self, other: "Released") -> bool:
        """Whether both may be of the same children: the same input, or authorities and years."""
        if {*self.inputs} & {*other.inputs}:
            return True
        pairs = ((self.authorities, other.authorities), (self.years, other.years))
        return all(not a or not b or {*a} & {*b} for a, b in pairs)

    @property
    def totals(self) -> tuple[ArmCount, ...]:
        """Counts by arm, as far as they are shown."""
        return self.counts or self.arms

    def for_readers(self) -> "Released":
        """The same without what was suppressed."""
        tables = (
            replace(
                table, counts=tuple(each for each in table.counts if not each.hidden), partial=True
            )
            for table in self.tables
        )
        return replace(self, tables=tuple(tables))


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What was released before; `add` notes one more release.

    Attributes
    ----------
    path
        The file; None where the ledger was left out, and nothing is noted.
    before
        What the ledger and `--earlier` hold.
    """

    path: Path | None
    before: list[Released]
    _file: int | None = None
    _noted: list[Released] = field(default_factory=list)

    def add(self, releases: Iterable[Released]) -> None:
        """Note releases that leave now, before they do."""
        new = [each for each in releases if each.totals or each.tables]
        new = [each for each in dict.fromkeys(new) if each not in self.before]
        self.before += new
        if self._file is None or not new or self.path is None:
            return
        text = "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in new)
        size = os.fstat(self._file).st_size
        if not size:
            text = FIRST + text
        try:
            write_all(self._file, text.encode("utf-8"))
            sync(self._file)
            sync_folder(self.path.parent)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise _unusable(self.path, error) from error


@contextmanager
def open_ledger(
    ledger: Path | str | bool | None = None, *, earlier: Sequence[Path | str] = ()
) -> Iterator[Ledger]:
    """The ledger, kept from every other process meanwhile.

    Parameters
    ----------
    ledger
        Its file; False for none. Default: what the environment variable SOFS_BAYES_LEDGER says,
        or else `disclosure-ledger.jsonl` in the working folder or the nearest one above it.
    earlier
        Further ledgers, and folders of earlier exports with their `disclosure.json`.

    Raises
    ------
    BadInput
        A ledger that is damaged, another file, a link, in a result or cannot be written; an
        earlier export without one.
    """
    before = list(earlier_releases(map(Path, earlier)))
    if ledger is False:
        yield Ledger(path=None, before=before)
        return
    path = default_ledger() if ledger is None or ledger is True else Path(ledger)
    _check_apart(path)
    was_there = path.exists()
    try:
        file = locked_file(path, flags=os.O_APPEND, mode=0o600, wait=True)
    except OSError as error:
        raise _unusable(path, error) from error
    if file is None:  # only on Windows, which does not wait for ever
        raise BadInput(path, "", "a ledger that another process keeps", "to wait until it ends")
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):  # what is noted there is nowhere
            raise BadInput(path, "", "a device or a pipe", "a ledger that keeps what it is told")
        before += _read_ledger(path)
        _cut_tail(file, path)
        yield Ledger(path=path, before=before, _file=file)
    finally:
        if not was_there and not os.fstat(file).st_size:  # nothing was released
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        os.close(file)


def _check_apart(path: Path) -> None:
    """Refuse a ledger in a result, which would not be the same with it, nor leave with it."""
    for home in Path(os.path.realpath(path)).parents:
        if is_result(home):
            raise BadInput(path, "", f"a place inside the result {home}", "a ledger apart from it")


def _cut_tail(file: int, path: Path) -> None:
    """Remove a last line that was not written whole: what it was to note has not left."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.ftruncate(file, whole)


def default_ledger() -> Path:
    """Where the ledger is if nobody says otherwise: never inside a result."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    here = Path.cwd()
    homes = [here, *here.parents]
    inside = [place for place, home in enumerate(homes) if is_result(home)]
    above = [home / NAME for home in homes[max(inside, default=-1) + 1 :]]
    return next((path for path in above if path.is_file()), above[0])


def _unusable(path: Path, error: OSError) -> BadInput:
    allowed = f"a ledger that can be written: --ledger FILE or {VARIABLE}, or --no-ledger"
    return BadInput(path, "", error.strerror or "an error", allowed)


def _read_ledger(path: Path) -> Iterator[Released]:
    """The releases in a ledger; a last line that was cut off is of none that left."""
    try:
        *lines, cut = path.read_text(encoding="utf-8").split("\n")
        if not (json.loads(lines[0]).keys() == {"about"} if lines else FIRST.startswith(cut)):
            raise ValueError("another file")
        yield from [_released(json.loads(line)) for line in lines[1:]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = "a damaged ledger, or another file"
        raise BadInput(path, "", found, "a ledger as releases have written it") from error


def _released(document: Mapping[str, Any]) -> Released:
    found: dict[str, Any] = dict(document)
    for name in ("inputs", "authorities", "years"):
        found[name] = tuple(map(str, found[name]))
    for name in ("counts", "arms", "outside"):
        found[name] = tuple(ArmCount(**each) for each in found[name])
    found["tables"] = tuple(
        CountTable(
            name=table["name"],
            partial=table["partial"],
            dims=tuple(table["dims"]),
            counts=tuple(
                Count(**{**each, "place": tuple(each["place"])}) for each in table["counts"]
            ),
        )
        for table in found["tables"]
    )
    return Released(**found)


def releases_text(releases: Iterable[Released]) -> list[dict[str, Any]]:
    """What an export tells later ones of itself, as plain data: never a suppressed count."""
    return [asdict(each.for_readers()) for each in releases]


def earlier_releases(places: Iterable[Path]) -> Iterator[Released]:
    """What earlier exports have released: from ledgers, or those in the folders named."""
    allowed = f"a ledger, or a folder with the {EXPORTED} of an earlier export"
    for place in places:
        found = sorted(place.rglob(f"*{EXPORTED}")) if place.is_dir() else [place]
        if not found:
            raise BadInput(place, "", f"no {EXPORTED}", allowed)
        for path in found:
            if path.suffix == ".jsonl":
                yield from _read_ledger(path)
                continue
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
                releases = [_released(each) for each in document["releases"]]
            except OSError as error:
                raise BadInput(path, "", error.strerror or "an error", allowed) from error
            except (ValueError, KeyError, TypeError) as error:
                raise BadInput(path, "", "a damaged file", allowed) from error
            yield from releases


EXPORTED = "disclosure.json"
