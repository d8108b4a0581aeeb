"""What ends a command before its time: one line that quotes nothing, and the code it is owed."""

import errno
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from sofs_bayes.cli import main, printed
from sofs_bayes.errors import BadInput, BadParameter

SECRET = "a value of a record"


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(printed, "_tables", fail)


def test_an_unforeseen_fault_is_one_line_without_any_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, KeyError(SECRET))
    assert main(["published"]) == 70
    assert capsys.readouterr().err == (
        "an unforeseen fault (KeyError); with --debug its traceback is written to a file\n"
    )


def test_a_parameter_is_called_by_its_option_and_a_file_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, BadParameter("denominator", "nothing", "a column", "its place"))
    assert main(["published"]) == 2
    assert capsys.readouterr().err == (
        "--denominator: its place: found nothing; allowed: a column\n"
    )
    failing(monkeypatch, BadInput("denominator", "", "no such file", "a file"))
    assert main(["published"]) == 2
    assert capsys.readouterr().err == "denominator: found no such file; allowed: a file\n"


def test_a_folder_may_be_called_as_an_option_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "icpc-linear", "draws", "-o", "run"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("draws: ")


def test_a_parameter_comes_home_from_a_worker_as_it_was() -> None:
    sent = BadParameter("workers", "0", "at least 1", "here")
    home = pickle.loads(pickle.dumps(sent))
    assert (type(home), str(home), home.place) == (BadParameter, str(sent), "here")


def test_asked_for_the_traceback_is_in_a_file_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, KeyError(SECRET))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["published", "--debug"]) == 70
    message = capsys.readouterr().err
    (file,) = tmp_path.iterdir()
    assert str(file) in message
    assert SECRET not in message
    assert SECRET in file.read_text("utf-8")
    assert file.stat().st_mode & 0o077 == 0


def test_a_full_disk_anywhere_is_one_line_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/file"))
    assert main(["published"]) == 2
    assert capsys.readouterr().err == (
        "/somewhere/file: found no space left; allowed: a place with room enough\n"
    )


SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from sofs_bayes.cli import main, printed
def slow(_):
    print("there", flush=True)
    try:
        time.sleep(3600)
    except KeyboardInterrupt:
        if sys.argv[1:]:  # as DuckDB does in the midst of a query
            raise RuntimeError("Query interrupted") from None
        raise
printed._tables = slow
sys.exit(main(["published"]))
"""


@pytest.mark.parametrize("as_another", [[], ["as another error"]])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_end_is_an_interrupt(number: signal.Signals, as_another: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *as_another],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    process.send_signal(number)
    _, message = process.communicate()
    assert process.returncode == 130
    assert message == "interrupted; nothing is written\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("efects run", "invalid choice: 'efects' (did you mean effects?)"),
        ("fit icpc-printed --qick", "unrecognized arguments: --qick (did you mean --quick?)"),
        ("effects run --levl=0.5", "unrecognized arguments: --levl=0.5 (did you mean --level?)"),
        ("effects run --table Pilots", "'Pilots' (did you mean pilots?)"),
        ("figure run --format svgg", "invalid choice: 'svgg' (did you mean svg?)"),
        ("report run --nope 3", "unrecognized arguments: --nope 3 (see"),
    ],
)
def test_a_word_that_is_none_is_guessed(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_an_analysis_in_capitals_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "ICPC-printed"]) == 2
    assert "no such analysis (did you mean icpc-printed?)" in capsys.readouterr().err


@pytest.mark.parametrize("analysis", ["icpc-printed", "icpc-open-data"])
def test_draws_of_no_fit_again_are_refused(
    analysis: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fit", analysis, "--draws", "200", "-o", "run"]) == 2
    assert capsys.readouterr().err.startswith("--draws: found no fits to be sampled again;")
    assert not [*tmp_path.iterdir()]
