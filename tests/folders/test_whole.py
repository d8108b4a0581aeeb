"""Files and folders: whole or not at all, over nothing, and never into what they are made from."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.folders import whole
from sofs_bayes.folders.manifest import read_manifest
from sofs_bayes.folders.places import check_apart, check_target, paths
from sofs_bayes.folders.whole import claim, new_files, new_folder, write_new


def made(target: Path, text: str = "old", *, replace: bool = False, by: str = "fit") -> Path:
    with new_folder(target, written_by=by, replace=replace) as folder:
        (folder / "effects.csv").write_text(text, encoding="utf-8")
        (folder / "tables").mkdir()
        (folder / "tables" / "one.csv").write_text(text, encoding="utf-8")
    return target


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(params=["relative", "absolute", "dotted"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same place, named in each way a user may name it."""
    monkeypatch.chdir(tmp_path)
    named = {
        "relative": Path("results"),
        "absolute": tmp_path / "results",
        "dotted": Path("./deep/../results"),
    }
    (tmp_path / "deep").mkdir()
    return named[request.param]


# ---------------------------------------------------------------------------------- replacing


def test_a_folder_is_new_whole_and_lists_its_files(target: Path) -> None:
    made(target)
    manifest = read_manifest(target)
    assert set(manifest.files) == {"effects.csv", "tables/one.csv"}
    assert manifest.written_by == "fit"
    manifest.check()
    assert {path.name for path in Path.cwd().iterdir()} == {"results", "deep"}
    with pytest.raises(BadInput, match="found a folder that exists"):
        made(target)


def test_an_unchanged_result_of_the_same_verb_is_replaced_if_asked(target: Path) -> None:
    made(target)
    made(target, "new", replace=True)
    assert content(target)["tables/one.csv"] == "new"
    assert {path.name for path in Path.cwd().iterdir()} == {"results", "deep"}


def add(name: str) -> Callable[[Path], object]:
    def one(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine", encoding="utf-8")

    return one


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add("notes.docx"), "notes.docx: found a file that is not part of the result"),
        (add("sub/data.csv"), "data.csv: found a file that is not part of the result"),
        (add("effects.csv"), "effects.csv: found a file that was changed"),
        (lambda folder: (folder / "link").symlink_to(folder.parent), "link: found a file that is"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json: found no such file"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "found a damaged manifest"),
    ],
)
def test_what_is_not_the_result_there_is_named_and_never_deleted(
    tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    target = made(tmp_path / "run")
    change(target)
    before = content(target)
    with pytest.raises(BadInput, match=said):
        made(target, "new", replace=True)
    assert content(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_one_verb_does_not_replace_the_result_of_another(tmp_path: Path) -> None:
    made(tmp_path / "run")
    with pytest.raises(BadInput, match=r"found a result of fit; allowed: .* that reanalyse wrote"):
        made(tmp_path / "run", replace=True, by="reanalyse")
    assert content(tmp_path / "run")["effects.csv"] == "old"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_earlier_result_goes_only_when_the_new_one_is_there(
    tmp_path: Path, error: type[BaseException]
) -> None:
    made(tmp_path / "run")

    def half_way() -> None:
        with new_folder(tmp_path / "run", written_by="fit", replace=True) as folder:
            (folder / "effects.csv").write_text("half", encoding="utf-8")
            raise error("in the middle")

    with pytest.raises(error, match="in the middle"):
        half_way()
    assert content(tmp_path / "run")["effects.csv"] == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("at_once", [True, False])
def test_unfinished_work_beside_results_goes_over_to_the_new_ones(
    tmp_path: Path, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not at_once:
        monkeypatch.setattr(whole, "_exchange_at_once", lambda *_: False)
    target = tmp_path / "calibration"
    (target / "replicates").mkdir(parents=True)
    (target / "replicates" / "00001.piece").write_text("kept", encoding="utf-8")
    for text in ("old", "new"):
        with (
            claim(target, written_by="calibrate", replace=True, beside=["replicates"]) as place,
            place.folder() as folder,
        ):
            (folder / "sbc.csv").write_text(text, encoding="utf-8")
        found = content(target)
        assert (found["sbc.csv"], found["replicates/00001.piece"]) == (text, "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["calibration"]
    (target / "notes.txt").touch()
    with (
        pytest.raises(BadInput, match=r"notes\.txt: found a file that is not part"),
        claim(target, written_by="calibrate", replace=True, beside=["replicates"]),
    ):
        pass


# ------------------------------------------------------------------------- others at the place


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    "appear",
    [
        Path.mkdir,
        lambda path: (path.mkdir(), (path / "a").touch()),
        Path.touch,
        lambda path: path.symlink_to("nowhere"),
    ],
)
def test_a_target_that_appears_meanwhile_is_refused(
    tmp_path: Path, appear: Callable[[Path], object], replace: bool
) -> None:
    target = tmp_path / "run"
    with (
        pytest.raises(BadInput, match="run: "),
        new_folder(target, written_by="fit", replace=replace) as folder,
    ):
        (folder / "effects.csv").touch()
        appear(target)
    assert os.path.lexists(target)
    assert not (target / "effects.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


HOLDER = """
import sys, time
from pathlib import Path
from sofs_bayes.folders.whole import claim
with claim(Path(sys.argv[1]), written_by="fit") as place:
    with place.folder() as folder:
        (folder / "effects.csv").write_text("half")
        print("there", flush=True)
        time.sleep(3600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """A process that is at work on `run`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    return process


def test_two_processes_do_not_work_in_one_place(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    try:
        with pytest.raises(BadInput, match="another process is at work"):
            made(tmp_path / "run")
        made(tmp_path / "other")  # beside it there is room
        assert any(path.suffix == ".writing" for path in tmp_path.iterdir())
    finally:
        holder.kill()
        holder.communicate()


def test_what_a_killed_process_left_is_removed_by_the_next(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert {path.suffix for path in tmp_path.iterdir()} == {".lock", ".writing"}
    made(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_killed_between_two_renames_the_earlier_result_comes_back(tmp_path: Path) -> None:
    made(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / ".run.0123abcd.earlier")
    with claim(tmp_path / "run", written_by="fit", replace=True):
        assert content(tmp_path / "run")["effects.csv"] == "old"


def test_hidden_names_of_others_are_left_alone(tmp_path: Path) -> None:
    """Those of a target whose name begins alike, and those that only look so."""
    names = [".run.b.0123abcd.writing", ".run.notes.writing", ".run.0123abcd.draft"]
    for name in names:
        (tmp_path / name).mkdir()
    made(tmp_path / "run")
    assert {path.name for path in tmp_path.iterdir()} == {*names, "run"}


# ----------------------------------------------------------------------------- inputs and outputs


@pytest.fixture
def records(tmp_path: Path) -> Path:
    made(tmp_path / "matched", by="match")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "children.csv").touch()
    (tmp_path / "alias").symlink_to("matched")
    return tmp_path


@pytest.mark.parametrize(
    ("output", "given", "said"),
    [
        ("matched", "matched", "the same place as an input"),
        ("alias", "matched", "the same place as an input"),
        ("matched/sub", "matched", "a place inside the input"),
        ("alias/sub", "matched", "a place inside the input"),
        ("plain/out", "plain", "a place inside the input"),
        ("plain", "plain/children.csv", "a folder that holds the input"),
        (".", "plain/children.csv", "a folder that holds the input"),
        ("plain/children.csv", "plain/children.csv", "the same place as an input"),
    ],
)
def test_an_output_that_touches_an_input_is_refused(
    records: Path, output: str, given: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for here in ("", "relative"):
        if here:
            monkeypatch.chdir(records)
        base = Path() if here else records
        with pytest.raises(BadInput, match=said):
            check_apart(base / output, [base / given])


def test_results_may_lie_where_one_works(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(records / "plain")
    check_apart(Path("out"), [Path(), Path("children.csv")])
    monkeypatch.chdir(records / "matched")
    with pytest.raises(BadInput, match="a place inside the input"):
        check_apart(Path("out"), [Path()])


def test_an_input_inside_a_result_is_not_replaced(tmp_path: Path) -> None:
    made(tmp_path / "run")
    with pytest.raises(BadInput, match="a folder that holds the input"):
        check_target(
            tmp_path / "run",
            written_by="fit",
            inputs=[tmp_path / "run" / "effects.csv"],
            replace=True,
        )


@pytest.mark.parametrize("name", [".", "..", "/", "a/.."])
def test_a_target_has_a_name_of_its_own(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for replace in (False, True):
        with pytest.raises(BadInput, match="allowed: the name of what is to be new"):
            check_target(Path(name), written_by="fit", replace=replace)
    with pytest.raises(BadInput, match="allowed: the name of what is to be new"):
        write_new(Path(name), "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [245, 255, 300])
def test_a_name_too_long_for_what_it_is_called_meanwhile_is_refused_at_once(
    tmp_path: Path, length: int
) -> None:
    with pytest.raises(BadInput, match=r"(?i)file name too long"):
        check_target(tmp_path / ("x" * length), written_by="fit")
    with pytest.raises(BadInput, match=r"(?i)file name too long"):
        write_new(tmp_path / ("x" * length), "a")
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------- single files


def test_a_file_is_new_and_whole(target: Path) -> None:
    path = target / "table.csv"
    write_new(path, "a\r\nb\n")
    assert path.read_bytes() == b"a\r\nb\n"
    with pytest.raises(BadInput, match="found a file that exists"):
        write_new(path, "other")
    with pytest.raises(BadInput, match="allowed: a file to write"):
        write_new(path / "inside.csv", "a")
    assert [path.name for path in target.iterdir()] == ["table.csv"]


def test_a_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    for name, goal in (("log", precious), ("dangling", tmp_path / "nowhere")):
        (tmp_path / name).symlink_to(goal)
        with pytest.raises(BadInput, match="a file that exists"):
            write_new(tmp_path / name, "other")
    assert precious.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_partial_files_of_the_dead_are_removed_and_others_left(tmp_path: Path) -> None:
    (tmp_path / ".a.csv.0123abcd.partial").touch()
    (tmp_path / ".b.csv.0123abcd.partial").touch()
    write_new(tmp_path / "a.csv", "a")
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", ".b.csv.0123abcd.partial"}


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    monkeypatch.setattr(whole, "check_new", lambda _: path.write_text("theirs", encoding="utf-8"))
    with pytest.raises(BadInput, match="appeared there during the work"):
        write_new(path, "ours")
    assert path.read_text(encoding="utf-8") == "theirs"
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("gone", ["first", "last"])
def test_several_files_of_the_dead_are_removed_unless_the_last_was_there(
    tmp_path: Path, gone: str
) -> None:
    """The lock of a dead process says what it was putting there."""
    paths = [tmp_path / "log.md", tmp_path / "a.csv"]
    mine = [tmp_path / "mine.md", tmp_path / "a.csv"]
    hashes = [hashlib.sha256(each).hexdigest() for each in (b"log", b"a")]
    paths[0].write_bytes(b"log")
    if gone == "first":
        paths[1].write_bytes(b"a")
    (tmp_path / "mine.md").write_bytes(b"other than the dead process wrote")
    (tmp_path / ".a.csv.lock").write_text("\n".join(hashes), encoding="utf-8")
    if gone == "first":
        with pytest.raises(BadInput, match=r"a\.csv: found a file that exists"), new_files(paths):
            pass
        assert paths[0].is_file()
        return
    with pytest.raises(BadInput, match=r"mine\.md: found a file that exists"), new_files(mine):
        pass
    (tmp_path / ".a.csv.lock").write_text("\n".join(hashes), encoding="utf-8")
    with new_files(paths) as put:
        put(["log again", "a"])
    assert paths[0].read_text(encoding="utf-8") == "log again"
    assert {path.name for path in tmp_path.iterdir()} == {"log.md", "a.csv", "mine.md"}


def test_none_of_several_files_is_left_where_one_cannot_be_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = whole._rename_onto_nothing

    def full(scratch: Path, target: Path) -> None:
        if target.name == "c.csv":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(scratch, target)

    monkeypatch.setattr(whole, "_rename_onto_nothing", full)
    paths = [tmp_path / "new" / name for name in ("a.csv", "b.csv", "c.csv")]
    with pytest.raises(BadInput, match="no space left"), new_files(paths) as put:
        put(["a", "b", "c"])
    assert [*tmp_path.iterdir()] == []


# -------------------------------------------------------------------------------------- disks


@pytest.mark.parametrize("code", ["EINVAL", "ENOTSUP"])
def test_a_disk_that_syncs_or_locks_nothing_is_worked_on_all_the_same(
    tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(getattr(errno, code), "not on this disk")

    monkeypatch.setattr(os, "fsync", refused)
    monkeypatch.setattr("fcntl.flock", refused)
    made(tmp_path / "run")
    write_new(tmp_path / "a.csv", "a")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "a.csv"}


@pytest.mark.parametrize("place", ["mkdir", "write_text", "fsync"])
def test_a_full_disk_is_one_line_that_names_the_target(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner = os if place == "fsync" else Path
    with monkeypatch.context() as patch:
        patch.setattr(owner, place, full)
        with pytest.raises(BadInput, match="run: found no space left on device"):
            made(tmp_path / "run")
        with pytest.raises(BadInput, match="found no space left on device"):
            if place != "write_text":
                write_new(tmp_path / "new" / "a.csv", "a")
            else:
                made(tmp_path / "run")
    assert [*tmp_path.iterdir()] == []


def test_an_error_of_other_files_is_not_said_to_be_the_targets(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError),
        new_folder(tmp_path / "run", written_by="fit"),
    ):
        (tmp_path / "elsewhere").read_text(encoding="utf-8")


def test_every_file_reaches_the_disk_before_its_name_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, rename = os.fsync, Path.rename

    def named(number: int) -> str:
        return str(Path(f"/proc/self/fd/{number}").readlink())

    monkeypatch.setattr(
        os,
        "fsync",
        lambda number: (order.append(named(number)), sync(number))[1],
    )
    monkeypatch.setattr(
        Path, "rename", lambda self, to: (order.append(f"rename {to}"), rename(self, to))[1]
    )
    made(tmp_path / "run")
    renamed = order.index(f"rename {tmp_path / 'run'}")
    synced = {Path(name).name for name in order[:renamed]}
    assert {"effects.csv", "one.csv", "manifest.json", "tables"} <= synced
    assert order[-1] == str(tmp_path)


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write anywhere")
def test_a_place_without_the_right_to_write_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(BadInput, match="found no right to write there"):
        check_target(tmp_path / "locked" / "run", written_by="fit")


@pytest.mark.parametrize("given", [None, 3, b"panel.csv", [None], [3.5]])
def test_what_is_no_path_is_refused_in_a_line(given: Any) -> None:
    with pytest.raises(BadInput, match="data: found what is no path"):
        paths(given)
