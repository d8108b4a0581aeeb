"""What other programs read: `--json` of the verbs that answer on the screen."""

import json
from pathlib import Path

import pytest

import sofs_bayes as sb
from sofs_bayes.cli import main


def read(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    assert main([*words, "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_the_list_has_every_analysis_with_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    listed = read(capsys, "list")
    assert [each["name"] for each in listed] == [*sb.bundled_models()]
    for each in listed:
        assert sb.load(str(each["file"])).title == each["title"]


def test_a_verdict_says_evidence_status_and_every_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = sb.fit("icpc-printed")
    sb.save(run, tmp_path / "run")
    (verdict,) = read(capsys, "diagnose", str(tmp_path / "run"))
    assert verdict["status"] == "converged" and verdict["evidence"] == "published-inferred"
    assert verdict["fits"] == run.diagnostics["fits"]


def test_printed_tables_as_json_say_what_they_rest_on(capsys: pytest.CaptureFixture[str]) -> None:
    tables = read(capsys, "published", "icpc-printed")
    assert {each["evidence"] for each in tables} == {"published-inferred"}
    facts = read(capsys, "published", "--facts")
    assert len(facts) == 1 and len(facts[0]["rows"]) > 300  # type: ignore[arg-type]


def test_json_to_the_screen_and_a_file_are_not_both_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["published", "icpc-printed", "--json", "-o", str(tmp_path / "a.md")]) == 2
    assert "-o FILE.json" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
