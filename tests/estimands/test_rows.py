"""Statements are worded with their unit, and an effect on another scale is never mistaken."""

import pytest

from sofs_bayes.estimands.rows import statement_text
from sofs_bayes.spec import Statement


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (Statement(scale="risk", above=0.0), "above 0 pp"),
        (Statement(scale="risk", above=0.015), "above 1.5 pp"),
        (Statement(scale="risk", below=-0.02), "below -2 pp"),
        (Statement(scale="risk", within=(-0.01, 0.01)), "within -1 pp to 1 pp"),
        (Statement(scale="odds ratio", above=1.11), "above 1.11 (odds ratio)"),
        (Statement(scale="log-odds", below=-0.2), "below -0.2 (log-odds)"),
        (
            Statement(scale="odds ratio", within=(0.9, 1.11)),
            "within 0.9 (odds ratio) to 1.11 (odds ratio)",
        ),
        # A hundredth of a point is not 0.29000000000000004 of one.
        (Statement(scale="risk", below=0.0029), "below 0.29 pp"),
    ],
)
def test_a_statement_says_its_unit(statement: Statement, text: str) -> None:
    assert statement_text(statement) == text
