"""Of a path that is not there, every verb says first that it is not there, whatever its ending."""

import argparse
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from sofs_bayes.cli import _parser, main
from sofs_bayes.folders import manifest
from sofs_bayes.spec import bundled_models

ENDINGS = ("", ".csv", ".xls", ".jsonl")

# For each verb, the words in which a path to read stands, `PATH`; of some there are several.
READS: Mapping[str, tuple[str, ...]] = {
    "reanalyse files": ("reanalyse", "PATH"),
    "reanalyse open_data": ("reanalyse", "--open-data", "PATH"),
    "open-data files": ("open-data", "PATH"),
    "published panel": (
        *("published", "icpc-printed", "--correlation", "events", "--denominator", "children"),
        *("--panel", "PATH"),
    ),
    "init data": ("init", "PATH"),
    "check data": ("check", "PATH", "icpc-children"),
    "match children": ("match", "icpc-children", "PATH"),
    "match authorities": (*("match", "icpc-children", "."), "--authorities", "PATH"),
    "match groups": (*("match", "icpc-children", "."), "--groups", "PATH"),
    "collapse matched": ("collapse", "icpc-children", "PATH"),
    "collapse earlier": ("collapse", "icpc-children", "run", "--earlier", "PATH"),
    "replicate matched": ("replicate", "icpc-children", "PATH"),
    "fit data": ("fit", "icpc-linear", "PATH"),
    "diagnose runs": ("diagnose", "PATH"),
    "effects runs": ("effects", "PATH"),
    "effects beside": ("effects", "run", "--table", "comparison", "--beside", "PATH"),
    "effects earlier": ("effects", "run", "--earlier", "PATH"),
    "figure runs": ("figure", "PATH"),
    "figure earlier": ("figure", "run", "--earlier", "PATH"),
    "calibrate data": ("calibrate", "icpc-linear", "PATH"),
    "recover data": ("recover", "icpc-linear", "PATH"),
    "placebo data": ("placebo", "icpc-open-data", "PATH"),
    "disclose folder": ("disclose", "PATH"),
    "disclose earlier": ("disclose", "run", "--earlier", "PATH"),
    "report runs": ("report", "PATH"),
    "reanalyse beside": ("reanalyse", "--beside", "PATH"),
    "report beside": ("report", "run", "--beside", "PATH"),
    "report earlier": ("report", "run", "--earlier", "PATH"),
}
OF_COUNTS = tuple((verb, "icpc-open-data", "PATH") for verb in ("fit", "calibrate", "placebo"))
WRITTEN = ("output", "notices", "ledger", "pictures")

# An analysis that each verb takes.
OWN: Mapping[str, str] = {
    **dict.fromkeys(("check", "match", "collapse", "replicate"), "icpc-children"),
    **dict.fromkeys(("fit", "calibrate", "recover"), "icpc-linear"),
    "placebo": "icpc-open-data",
}

VERBS: Mapping[str, argparse.ArgumentParser] = next(
    each.choices for each in _parser()._actions if isinstance(each.choices, dict)
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, and with empty files where those of records would be."""
    folder = tmp_path_factory.mktemp("place")
    assert main(["fit", "icpc-printed", "-o", str(folder / "run")]) == 0
    for name in ("children.csv", "authorities.csv", "groups.csv"):
        (folder / name).touch()
    return folder


def test_every_path_that_is_read_is_among_those_tried() -> None:
    found = {
        f"{verb} {action.dest}"
        for verb, parser in VERBS.items()
        for action in parser._actions
        if action.type is Path and action.dest not in WRITTEN
    }
    assert found == {*READS}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("words", [*READS.values(), *OF_COUNTS], ids=" ".join)
def test_a_path_that_is_not_there_is_said_not_to_be_there(
    words: tuple[str, ...],
    ending: str,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    capsys.readouterr()
    assert main([f"nowhere{ending}" if word == "PATH" else word for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"nowhere{ending}: found no such file or folder; allowed: ")
    assert said.count("\n") == 1
    assert sorted(place.rglob("*")) == before


# What any folder of ours may be given to; or what is read after referrals, which are not there.
ELSEWHERE = ("earlier", "disclose folder", "match authorities", "match groups")


@pytest.mark.parametrize("inside", ["", "/effects.csv"])
@pytest.mark.parametrize(
    "words",
    [
        *(words for name, words in READS.items() if not name.endswith(ELSEWHERE)),
        *OF_COUNTS,
        ("check", "PATH", "icpc-linear"),
        ("fit", "icpc-printed", "PATH"),
    ],
    ids=" ".join,
)
def test_a_result_that_is_not_wanted_is_called_what_it_is(
    words: tuple[str, ...],
    inside: str,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    files = {"effects.csv": manifest.sha256(Path("run/effects.csv"))}
    Path("other").mkdir(exist_ok=True)
    shutil.copy("run/effects.csv", "other")
    document = {"written_by": "figure", "files_sha256": files}
    Path("other/manifest.json").write_text(json.dumps(document))
    if inside and (words[0] in ("diagnose", "effects", "figure", "report") or "--beside" in words):
        inside = ""  # these take folders alone
    capsys.readouterr()
    assert main([f"other{inside}" if word == "PATH" else word for word in words]) == 2
    faults = capsys.readouterr().err.splitlines()  # of check all, of others one
    found = "data" if words[:2] == ("fit", "icpc-printed") else "a result of figure"
    assert any(each.startswith(f"other{inside}: found {found}; ") for each in faults), faults


@pytest.mark.parametrize("words", [*READS.values(), *OF_COUNTS], ids=" ".join)
def test_a_name_that_no_file_can_have_is_refused_in_lines(
    words: tuple[str, ...],
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    capsys.readouterr()
    assert main(["x" * 300 if word == "PATH" else word for word in words]) == 2
    assert "found file name too long; allowed: " in capsys.readouterr().err


@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize(
    "words",
    [*READS.values(), *OF_COUNTS, ("simulate", "icpc", "-o", "PATH"), ("fit", "x", "-o", "PATH")],
    ids=" ".join,
)
def test_an_empty_word_is_not_the_working_folder(
    words: tuple[str, ...],
    empty: str,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit, match="2"):
        main([empty if word == "PATH" else word for word in words])
    said = capsys.readouterr().err
    assert f"{empty!r} is no file or folder" in said
    assert said.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("words", [*READS.values(), *OF_COUNTS], ids=" ".join)
def test_what_has_no_end_is_not_waited_for(
    words: tuple[str, ...], ending: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object) -> None:
        raise AssertionError("it waits for the pipe")

    monkeypatch.chdir(place)
    before, pipe = signal.signal(signal.SIGALRM, late), Path(f"pipe{ending}")
    os.mkfifo(pipe)
    signal.alarm(600)
    try:
        assert main([str(pipe) if word == "PATH" else word for word in words]) == 2
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        pipe.unlink()


@pytest.mark.parametrize(
    "words",
    [
        *((verb, "nowhere.toml") for verb in ("fit", "published")),
        *((verb, "nowhere.toml", ".") for verb in ("match", "collapse", "replicate")),
        *((verb, "nowhere.toml") for verb in ("calibrate", "recover", "simulate")),
        ("simulate", "icpc", "--scenario", "nowhere.toml"),
        ("open-data", ".", "--analysis", "nowhere.toml"),
    ],
    ids=" ".join,
)
def test_so_is_an_analysis_or_a_scenario(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("nowhere.toml: found no such file or folder; ")


@pytest.mark.parametrize(
    "words",
    [
        ("check", "nowhere", "own.toml"),
        *((verb, "own.toml", "nowhere") for verb in ("match", "collapse", "replicate")),
        *((verb, "own.toml", "nowhere") for verb in ("fit", "calibrate", "recover", "placebo")),
        ("fit", "icpc-linear", "nowhere"),
    ],
    ids=" ".join,
)
def test_an_analysis_and_its_data_may_stand_in_either_order(
    words: tuple[str, str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(bundled_models()[OWN[words[0]]], "own.toml")
    verb, first, second = words
    said = []
    for ordered in ([verb, first, second], [verb, second, first]):
        assert main(ordered) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1]
    assert said[0].startswith("nowhere: found no such file or folder; allowed: ")


def test_a_folder_called_as_an_analysis_is_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("icpc-children").mkdir()
    assert main(["check", "icpc-children", "icpc-children"]) == 2
    assert capsys.readouterr().err.startswith("icpc-children")
    assert main(["match", "nowhere", "icpc-children"]) == 2  # no word of it is an analysis
    assert capsys.readouterr().err.startswith("nowhere: found no such analysis; allowed: ")
