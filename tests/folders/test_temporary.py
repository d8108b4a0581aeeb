"""Temporary folders: where the environment says, for their owner alone, and never left behind."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.folders import temporary
from sofs_bayes.folders.temporary import LOCK, temporary_folder

HOLDER = """
import time
from sofs_bayes.folders.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "record").write_text("a child")
    print(folder, flush=True)
    time.sleep(3600)
"""


def test_it_is_its_owners_alone_and_goes_with_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with temporary_folder() as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "record").touch()
    with pytest.raises(RuntimeError), temporary_folder():
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["gone", "file", "locked"])
def test_a_place_that_cannot_be_used_is_refused_never_replaced(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.touch()
    if kind == "locked":
        place.mkdir()
        monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("TMPDIR", str(place))
    with pytest.raises(BadInput, match="place: TMPDIR: found no"), temporary_folder():
        pass


def test_what_a_killed_process_left_is_removed_and_the_livings_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    holders = [
        subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = [Path(holder.stdout.readline().strip()) for holder in holders if holder.stdout]
    holders[0].kill()
    holders[0].communicate()
    (tmp_path / "sofs-bayes-mine").mkdir()  # a name that only begins alike
    unlocked = tmp_path / f"sofs-bayes-{'a' * 16}"  # killed before it was locked
    unlocked.mkdir()
    with temporary_folder():
        there = {path.name for path in tmp_path.iterdir()}
    holders[1].kill()
    holders[1].communicate()
    assert folders[0].name not in there
    assert unlocked.name not in there
    assert {folders[1].name, "sofs-bayes-mine"} <= there


def test_a_folder_that_another_takes_for_a_dead_ones_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its making and its lock another process may remove it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    lock, taken = temporary.locked_file, list[Path]()

    def late(path: Path) -> int | None:
        if not taken:
            taken.append(path.parent)
            temporary._remove_if_dead(path.parent)
        return lock(path)

    monkeypatch.setattr(temporary, "locked_file", late)
    with temporary_folder() as folder:
        assert taken != [folder]
        assert [*tmp_path.iterdir()] == [folder]


def test_without_locks_nobody_is_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", none)
    living = tmp_path / f"sofs-bayes-{'a' * 16}"
    living.mkdir()
    (living / LOCK).touch()
    with temporary_folder():
        assert living.is_dir()


def test_a_folder_of_this_process_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the system gives a process the lock that it already has, as NFS does."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with temporary_folder() as outer:
        monkeypatch.setattr("fcntl.flock", lambda *_: None)
        with temporary_folder():
            assert outer.is_dir()
