"""The log as a custodian reads it."""

from dataclasses import replace

from sofs_bayes.disclosure.log import LogLine, log_markdown, summary

REFUSED = LogLine(
    output="a.py", what="file .py", rule="a known kind of file", result="refused", affected=1
)
HIDDEN = LogLine(
    output="counts.csv", what="counts", rule="at least 10", result="suppressed", affected=2
)
PASSED = LogLine(output="effects.csv", what="effects", rule="at least 10", result="passed")


def test_outputs_of_which_the_same_is_said_stand_together() -> None:
    log = [REFUSED, replace(REFUSED, output="b.py"), HIDDEN, PASSED]
    text = log_markdown(log, rule="threshold 10")
    assert "### File .py: 2 outputs\n\na.py, b.py." in text
    assert text.count("a known kind of file") == 1
    assert "### counts.csv\n\nCounts." in text
    assert "| effects.csv | effects | at least 10 |" in text


def test_outputs_that_differ_in_anything_do_not() -> None:
    log = [REFUSED, replace(REFUSED, output="b.py", affected=2)]
    text = log_markdown(log, rule="threshold 10")
    assert "### a.py" in text
    assert "### b.py" in text


def test_every_output_counts_in_the_summary() -> None:
    log = [REFUSED, replace(REFUSED, output="b.py"), HIDDEN, PASSED]
    assert (
        summary(log) == "1 outputs cleared for release, 1 with something suppressed, 2 not cleared"
    )
