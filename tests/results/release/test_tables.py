"""Tables, by what their columns hold."""

from dataclasses import replace
from typing import Any

import pytest

from sofs_bayes.release.tables import SUPPRESSED, cleared_table
from sofs_bayes.tables.formats import Column, Table, to_markdown

COLUMNS = (
    Column(key="arm", heading="Arm"),
    Column(key="children", heading="Children", format="integer", holds="children"),
    Column(key="events", heading="Events", format="integer", holds="events"),
    Column(key="rate", heading="Rate", format="percent", holds="rate"),
    Column(key="median", heading="Median", format="pp"),
)


def table(*rows: tuple[Any, ...], **changes: Any) -> Table:
    made = Table(name="counts", title="Counts", columns=COLUMNS, rows=rows, evidence="synthetic")
    return replace(made, **changes)


FINE = ("pilots", 500, 60, 0.12, 0.01)
OTHER = ("comparators", 800, 90, 0.1125, 0.02)


def test_enough_of_everything_passes() -> None:
    out, log = cleared_table(table(FINE, OTHER))
    assert out == table(FINE, OTHER)
    assert {line.result for line in log} == {"passed"}


@pytest.mark.parametrize(
    "bad",
    [
        ("few", 9, 4, 4 / 9, 0.01),
        ("few events", 500, 6, 0.012, 0.01),
        ("no events", 500, 0, 0.0, 0.01),
        ("few others", 500, 495, 0.99, 0.01),
        ("all", 500, 500, 1.0, 0.01),
        ("events not shown", 500, None, 0.012, 0.01),
        ("rate not shown", 500, 495, None, 0.01),
    ],
)
def test_small_counts_are_shown_as_suppressed(bad: tuple[Any, ...]) -> None:
    out, log = cleared_table(table(FINE, bad, OTHER))
    assert out.rows[1] == (bad[0], SUPPRESSED, SUPPRESSED, SUPPRESSED, 0.01)
    assert out.rows[0] == FINE
    assert any(line.result == "suppressed" for line in log)
    assert SUPPRESSED in to_markdown(out)
    assert "“suppressed”" in to_markdown(out)


def test_a_total_tells_so_another_row_goes_too() -> None:
    rows = [("a", 500), ("b", 7), ("c", 300), ("all", 807)]
    made = table(*rows, columns=COLUMNS[:2])
    out, _ = cleared_table(made)
    hidden = [row[0] for row in out.rows if row[1] == SUPPRESSED]
    assert "b" in hidden
    assert len(hidden) > 1


def test_smallest_and_largest_values_are_dropped() -> None:
    columns = (COLUMNS[0], Column(key="oldest", heading="Oldest", holds="extreme"))
    out, log = cleared_table(table(("pilots", 17.9), columns=columns))
    assert [column.key for column in out.columns] == ["arm"]
    assert out.rows == (("pilots",),)
    assert "17.9" not in to_markdown(out)
    assert log[0].result == "suppressed"


def test_errors_of_suppressed_numbers_go_too() -> None:
    made = table(FINE, ("few", 9, 4, 0.4, 0.01), errors={"rate": (0.001, 0.002)})
    out, _ = cleared_table(made)
    assert out.errors["rate"][0] == 0.001
    assert out.errors["rate"][1] != out.errors["rate"][1]


def test_public_numbers_pass() -> None:
    few = ("few", 9, 4, 4 / 9, 0.01)
    out, (line,) = cleared_table(table(few, evidence="published"))
    assert out.rows == (few,)
    assert "public already" in line.rule


def test_counts_of_unknown_origin_are_checked_unless_they_are_declared_published() -> None:
    few = table(FINE, ("few", 9, 4, 4 / 9, 0.01), OTHER, evidence="unknown-origin")
    assert cleared_table(few)[0].rows[1][1] == SUPPRESSED
    out, (line,) = cleared_table(few, published="Annual report, 2019, our website")
    assert out.rows == few.rows
    assert "Annual report, 2019, our website" in line.rule
    assert "Annual report, 2019, our website" in to_markdown(out)
