"""The ledger: a line for each release, whole whatever happens to the process that writes it."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from sofs_bayes.disclosure.arm_counts import ArmCount
from sofs_bayes.disclosure.ledger import Released, open_ledger
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import write_manifest


def released(name: str) -> Released:
    count = ArmCount(arm="pilot", year="2016", children=20, events=10, exact=True)
    return Released(analysis=name, evidence="records", authorities=("Alpha",), counts=(count,))


def test_releases_are_noted_once_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for names in (["one"], ["one", "two"]):
        with open_ledger(path) as ledger:
            ledger.add([released(name) for name in names])
    with open_ledger(path) as ledger:
        assert [each.analysis for each in ledger.before] == ["one", "two"]
        assert all(each.shares_children(released("three")) for each in ledger.before)
    assert path.stat().st_mode & 0o077 == 0


def test_a_line_that_was_not_written_whole_is_of_nothing_that_left(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path) as ledger:
        ledger.add([released("one")])
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"analysis": "two", "evid')
    with open_ledger(path) as ledger:
        assert [each.analysis for each in ledger.before] == ["one"]
        ledger.add([released("three")])
    with open_ledger(path) as ledger:
        assert [each.analysis for each in ledger.before] == ["one", "three"]


def test_a_line_that_was_changed_is_refused_and_no_link_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"analysis": 3}\n', encoding="utf-8")
    with pytest.raises(BadInput, match="a damaged ledger"), open_ledger(path):
        pass
    (tmp_path / "link.jsonl").symlink_to(path)
    with (
        pytest.raises(BadInput, match="allowed: a ledger that can be written"),
        open_ledger(tmp_path / "link.jsonl"),
    ):
        pass


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no line end",
        b'{"other": 1}',
        b'{"other": 1}\nlast',
        b"a\nb\nlast",
        b"\x89HDF\n\xff",
        b"[1]\n",
    ],
)
def test_another_file_is_no_ledger_and_stays_as_it_is(content: bytes, tmp_path: Path) -> None:
    """Neither cut where its last line has no end, nor removed where nothing is released."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    if content:
        with pytest.raises(BadInput, match="or another file"), open_ledger(path):
            pass
    else:
        with open_ledger(path):
            pass
    assert path.read_bytes() == content


def test_a_first_line_that_was_not_written_whole_is_of_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path) as ledger:
        ledger.add([released("one")])
    path.write_bytes(path.read_bytes()[:30])
    with open_ledger(path) as ledger:
        ledger.add([released("two")])
    with open_ledger(path) as ledger:
        assert [each.analysis for each in ledger.before] == ["two"]


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0c"])
def test_a_name_that_breaks_lines_elsewhere_breaks_none_here(mark: str, tmp_path: Path) -> None:
    path, one = tmp_path / "ledger.jsonl", replace(released("one"), authorities=(f"A{mark}b",))
    with open_ledger(path) as ledger:
        ledger.add([one])
    with open_ledger(path) as ledger:
        assert ledger.before == [one]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_ledger_keeps_what_it_is_told() -> None:
    """Nothing that is noted in a device is found again, so that a release there is not noted."""
    with pytest.raises(BadInput, match="a device or a pipe"), open_ledger("/dev/full"):
        pass
    assert Path("/dev/full").exists()


def test_a_ledger_lies_apart_from_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "run"
    (home / "sub").mkdir(parents=True)
    write_manifest(home, {}, written_by="fit")
    for place in (home, home / "sub"):
        with pytest.raises(BadInput, match="a place inside the result"), open_ledger(place / "l"):
            pass
    assert sorted(path.name for path in home.rglob("*")) == ["manifest.json", "sub"]
    monkeypatch.delenv("SOFS_BAYES_LEDGER", raising=False)
    monkeypatch.chdir(home / "sub")
    with open_ledger() as ledger:
        assert ledger.path == tmp_path / "disclosure-ledger.jsonl"


def test_nothing_is_left_where_nothing_was_released(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.jsonl"):
        pass
    with open_ledger(False) as ledger:
        ledger.add([released("one")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 7, 200])
def test_a_full_disk_leaves_the_ledger_as_it_was(
    tmp_path: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write of which only a part fits says so by how much it wrote, and only the next fails."""
    path, write, left = tmp_path / "ledger.jsonl", os.write, [room]
    with open_ledger(path) as ledger:
        ledger.add([released("one")])
    before = path.read_bytes()

    def nearly_full(file: int, content: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(file, content[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(BadInput, match="No space left"), open_ledger(path) as ledger:
        ledger.add([released("two")])
    assert path.read_bytes() == before


def test_a_ledger_that_fails_before_its_first_release_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), open_ledger(tmp_path / "ledger.jsonl"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_knows_no_locks_has_a_ledger_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    for _ in range(2):
        with open_ledger(tmp_path / "ledger.jsonl") as ledger:
            ledger.add([released("one")])
    assert [each.analysis for each in ledger.before] == ["one"]
