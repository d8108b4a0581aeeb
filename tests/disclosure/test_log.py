"""The log as a custodian reads it."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import date
from importlib.metadata import version

import pytest

from sofs_bayes.disclosure.exported import log_of, log_texts
from sofs_bayes.disclosure.ledger import Released
from sofs_bayes.disclosure.log import LogLine, log_markdown, summary
from sofs_bayes.disclosure.rules import OutputRule

REFUSED = LogLine(
    output="a.py", what="file .py", rule="a known kind of file", result="refused", affected=1
)
HIDDEN = LogLine(
    output="counts.csv", what="counts", rule="at least 10", result="suppressed", affected=2
)
PASSED = LogLine(
    output="effects.csv",
    what="effects",
    rule="at least 10",
    result="passed",
    vouched="its manifest",
)


def test_outputs_of_which_the_same_is_said_stand_together() -> None:
    log = [REFUSED, replace(REFUSED, output="b.py"), HIDDEN, PASSED]
    text = log_markdown(log_of(log, rule=OutputRule()))
    assert "### File .py: 2 outputs\n\na.py, b.py." in text
    assert text.count("a known kind of file") == 1
    assert "### counts.csv\n\nCounts." in text
    assert "| effects.csv | effects | at least 10 | its manifest |" in text


def test_outputs_that_differ_in_anything_do_not() -> None:
    log = [REFUSED, replace(REFUSED, output="b.py", affected=2)]
    text = log_markdown(log_of(log, rule=OutputRule()))
    assert "### a.py" in text
    assert "### b.py" in text


def test_every_output_counts_in_the_summary() -> None:
    log = [REFUSED, replace(REFUSED, output="b.py"), HIDDEN, PASSED]
    said = "1 cleared for release, 1 with something suppressed, 2 not cleared"
    assert summary(log) == f"4 outputs: {said}"
    assert summary(log[:1]) == "1 output: 1 not cleared"


TOLD = Released(
    analysis="icpc-linear",
    evidence="records",
    inputs=("ab" * 32,),
    authorities=("Ashmere", "Dell"),
    years=("2012", "2013"),
)


def test_a_custodian_reads_when_by_what_and_of_whom_and_signs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    files = {"effects.csv": "cd" * 32}
    table, page, document = log_texts([PASSED], rule=OutputRule(), told=[TOLD], digests=files)
    assert date.fromisoformat(json.loads(document)["date"]) <= date.today()
    for said in (
        f"Date: {json.loads(document)['date']}.",
        f"Made by: sofs-bayes {version('sofs-bayes')}.",
        "icpc-linear: evidence records.",
        "Authorities: Ashmere, Dell.",
        "Years: 2012, 2013.",
        "ab" * 32,
        hashlib.sha256(document.encode()).hexdigest(),
        "\nName: ___",
        "\nDate: ___",
        "\nSignature: ___",
    ):
        assert said in page, said
    assert json.loads(document)["log"] == [asdict(PASSED)]
    assert "its manifest" in table


def test_the_same_day_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    one, other = (log_texts([PASSED], rule=OutputRule(), told=[TOLD]) for _ in range(2))
    assert one == other
    assert "Date: 2023-11-14." in one[1]
