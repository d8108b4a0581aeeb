"""Lines, headings and notes are the same for every format that shows a table."""

import math

import pytest

from sofs_bayes.tables.formats import (
    DIGITS_NOTE,
    EVIDENCE_LINES,
    Column,
    Table,
    lines_of,
    notes_of,
    unfolded,
)
from sofs_bayes.tables.model import last_digits, spans_of

NAN = math.nan
KEYS = ("target", "median", "lower", "upper", "unpooled_median", "P(above 0)")
FORMATS = ("text", "pp", "pp", "pp", "pp", "probability")
COLUMNS = tuple(
    Column(key=key, heading=key, format=how)  # type: ignore[arg-type]
    for key, how in zip(KEYS, FORMATS, strict=True)
)
ERRORS = {
    "median": (0.0009, NAN),
    "lower": (0.0028, NAN),
    "upper": (0.0002, NAN),
    "P(above 0)": (0.04, 0.004),
}


def table(**changes: object) -> Table:
    settings: dict[str, object] = {
        "name": "effects",
        "title": "Effects",
        "columns": COLUMNS,
        "rows": (
            ("pooled", -0.0266, -0.0921, 0.0394, 0.0123, 0.2665),
            ("Pilot 1", -0.0266, -0.0921, 0.0394, 0.0123, 0.2665),
        ),
        "evidence": "synthetic",
    }
    return Table(**(settings | changes))  # type: ignore[arg-type]


def test_an_interval_shares_the_digits_of_its_least_exact_number() -> None:
    first, second = lines_of(table(errors=ERRORS))
    assert first.cells == ("pooled", "−3", "−9", "+4", "+1.2", "0.3")
    assert second.cells == ("Pilot 1", "−3", "−9", "+4", "+1.2", "0.3")
    assert last_digits(table(errors=ERRORS)) == (None, 0, 0, 0, None, -1)


def test_a_column_has_the_digits_of_its_middle_row() -> None:
    rows = tuple((f"Pilot {i}", 0.0266, -0.0921, 0.0394, 0.0123, 0.2665) for i in range(3))
    errors = {"median": (0.0009, 0.02, 0.0009), "P(above 0)": (NAN, 0.004, 0.04)}
    found = lines_of(table(rows=rows, errors=errors))
    assert {line.cells[1] for line in found} == {"+2.7"}  # one row known badly changes nothing
    assert {line.cells[5] for line in found} == {"0.3"}  # of two the less exact one


def test_without_errors_a_format_has_its_own_digits() -> None:
    assert lines_of(table())[0].cells == ("pooled", "−2.7", "−9.2", "+3.9", "+1.2", "0.27")


def test_a_note_says_what_decided_the_digits_where_something_did() -> None:
    assert notes_of(table(errors=ERRORS, notes=("A.",))) == (
        "A.",
        DIGITS_NOTE,
        EVIDENCE_LINES["synthetic"],
    )
    unknown = {"median": (NAN, NAN)}
    assert notes_of(table(errors=unknown)) == (EVIDENCE_LINES["synthetic"],)


def test_errors_of_another_number_of_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        lines_of(table(errors={"median": (0.1,)}))


def test_estimates_say_that_errors_decided(folded_table: Table) -> None:
    assert DIGITS_NOTE in notes_of(folded_table)
    assert lines_of(folded_table)[0].cells == ("Effect", "−3\n(−9 to +4)", "1,234")


def test_a_bold_row_with_nothing_behind_its_name_is_a_heading() -> None:
    rows = (("Part", *[None] * 5), ("pooled", *[0.1] * 5), ("empty", *[None] * 5))
    found = lines_of(table(rows=rows, bold=(0, 1)))
    assert [(line.bold, line.heading) for line in found] == [
        (True, True),
        (True, False),
        (False, False),
    ]


def test_neighbours_of_one_group_share_a_heading() -> None:
    groups = ("", "A", "A", "", "A", "B")
    columns = tuple(
        Column(key=str(i), heading=str(i), group=group) for i, group in enumerate(groups)
    )
    assert spans_of(table(columns=columns)) == (("", 1), ("A", 2), ("", 1), ("A", 1), ("B", 1))
    assert spans_of(table()) == ()


def test_an_estimate_unfolds_into_numbers(folded_table: Table) -> None:
    found = unfolded(folded_table)
    assert [column.key for column in found.columns] == [
        "row",
        "linear_median",
        "linear_lower",
        "linear_upper",
        "children",
    ]
    assert [column.group for column in found.columns[1:4]] == ["ICPC: Linear"] * 3
    assert found.columns[4].holds == "children"
    assert found.rows == (
        ("Effect", -0.0266, -0.0921, 0.0394, 1234),
        ("Printed", 0.033, -0.033, 0.095, 5),
        ("Published", "0.04*", None, None, None),
    )
    assert lines_of(found)[0].cells == ("Effect", "−3", "−9", "+4", "1,234")
    assert lines_of(found)[1].cells[:2] == ("Printed", "+3")


def test_a_table_without_estimates_stays_itself() -> None:
    plain = table()
    assert unfolded(plain) is plain


def test_rows_of_a_table_keep_all_that_is_of_them() -> None:
    whole = Table(
        name="t",
        title="T",
        columns=(Column(key="n", heading="N", format="count"),),
        rows=((1,), (2,), (3,)),
        evidence="published",
        notes=("last",),
        errors={"n": (0.1, 0.2, 0.3)},
        bold=(0, 2),
        rests=("records", "published", "open-data"),
    )
    some = whole.of_rows((2, 1), "first")
    assert some.rows == ((3,), (2,))
    assert some.errors == {"n": (0.3, 0.2)}
    assert some.bold == (0,)
    assert some.rests == ("open-data", "published")
    assert some.notes == ("first", "last")
