"""Workbooks read back with openpyxl: numbers are numbers, and no text is a formula."""

import io
import math
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from sofs_bayes.errors import BadInput
from sofs_bayes.tables.digits import Cell, Format, last_shown
from sofs_bayes.tables.excel import LINE_HEIGHT, sheet_names, write_workbook
from sofs_bayes.tables.excel_cells import LONGEST_TEXT, STARTS, cell_at, number_format, put
from sofs_bayes.tables.formats import EVIDENCE_LINES, Column, Table, notes_of
from sofs_bayes.tables.office_files import legal_text

NAN, INF = math.nan, math.inf


def table(*rows: tuple[Cell, ...], **changes: object) -> Table:
    given_: dict[str, object] = {
        "name": "effects",
        "title": "Effects",
        "columns": (
            Column(key="target", heading="In"),
            Column(key="median", heading="Median", format="pp"),
        ),
        "rows": rows or (("pooled", 0.0123),),
        "evidence": "open-data",
    }
    return Table(**(given_ | changes))  # type: ignore[arg-type]


def written(folder: Path, *tables: Table) -> Workbook:
    path = folder / "tables.xlsx"
    path.unlink(missing_ok=True)
    write_workbook(path, tables)
    return openpyxl.load_workbook(path)


def harmful(sheet: Worksheet) -> list[str]:
    """The cells that a spreadsheet calculates, and texts that it would once they are edited."""
    return [
        cell.coordinate
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type in ("f", "e")
        or (isinstance(cell.value, str) and cell.value.startswith(STARTS) and not cell.quotePrefix)
    ]


def test_numbers_can_be_calculated_with(tmp_path: Path) -> None:
    kinds: list[tuple[Format, Cell, object, str]] = [
        ("pp", 0.0123, pytest.approx(1.23), "+0.0;-0.0;0.0"),
        ("pp2", -0.0123, pytest.approx(-1.23), "+0.00;-0.00;0.00"),
        ("probability", 0.25, 0.25, "0.00"),
        ("probability", 0.999, 0.999, '">0.99"'),
        ("percent", 0.125, 0.125, "0.0%"),
        ("integer", 152_231, 152_231, "#,##0"),
        ("year", 2012, 2012, "0"),
        ("number", 0.01234, 0.01234, "#,##0.0000"),
        ("number", 1.2e-9, 1.2e-9, "0.00E+00"),
        ("signed", 12.34, 12.34, "+0.0;-0.0;0.0"),
        ("rhat", 1.0012, 1.0012, "0.000"),
        ("text", 0.5, 0.5, "General"),
    ]
    columns = tuple(Column(key=str(i), heading="H", format=kind[0]) for i, kind in enumerate(kinds))
    made = table(tuple(kind[1] for kind in kinds), columns=columns)
    row = written(tmp_path, made)["effects"][5]
    assert [cell.value for cell in row[: len(kinds)]] == [kind[2] for kind in kinds]
    assert [cell.number_format for cell in row[: len(kinds)]] == [kind[3] for kind in kinds]
    assert {cell.data_type for cell in row[: len(kinds)]} == {"n"}


def test_monte_carlo_errors_decide_the_formats(tmp_path: Path) -> None:
    made = table(("a", 0.0123), ("b", -0.0003), errors={"median": (0.004, 0.004)})
    sheet = written(tmp_path, made)["effects"]
    assert sheet["B5"].number_format == "+0;-0;0"
    assert sheet["B6"].number_format == "0;0"  # nought has no sign
    assert number_format(-26.5, "signed", 1) == "+0;-0;0"


@given(value=st.floats(-200.0, 200.0), last=st.integers(-2, 2))
def test_no_number_but_nought_loses_its_sign(value: float, last: int) -> None:
    decimals = max(-last_shown(value, "signed", last), 0)
    unsigned = not number_format(value, "signed", last).startswith("+")
    assert unsigned == (round(value, decimals) == 0)


def test_gaps_are_empty_and_what_is_no_number_is_text(tmp_path: Path) -> None:
    rows = [("gap", NAN), ("none", None), ("inf", INF), ("yes", True), ("text", "0.04*")]
    sheet = written(tmp_path, table(*rows))["effects"]
    assert [sheet.cell(5 + i, 2).value for i in range(5)] == [None, None, "∞", "yes", "0.04*"]


LABELS = st.text(min_size=1, max_size=20) | st.builds(
    str.__add__, st.sampled_from(STARTS), st.text(max_size=20)
)


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(LABELS, min_size=20, max_size=20))
def test_no_text_is_a_formula_and_all_of_it_comes_back(texts: list[str]) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    for i, text in enumerate(texts, start=1):
        put(cell_at(sheet, i, 1), text, "text", None, bold=False, border=None, indent=0)
    stream = io.BytesIO()
    book.save(stream)
    found = openpyxl.load_workbook(stream).worksheets[0]
    assert harmful(found) == []
    kept = [found.cell(i, 1).value for i in range(1, len(texts) + 1)]
    assert [text or "" for text in kept] == [legal_text(text) for text in texts]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-1+2", "#N/A"])
def test_the_check_notices_a_formula(text: str) -> None:
    sheet = Workbook().worksheets[0]
    sheet["A1"] = text
    assert harmful(sheet) == ["A1"]


def test_hard_texts_are_harmless_everywhere(tmp_path: Path, hard_table: Table) -> None:
    book = written(tmp_path, hard_table, table(title="=1+1", notes=("=2+2",)))
    for sheet in book.worksheets:
        assert harmful(sheet) == []
    values = [cell.value for row in book.worksheets[1].iter_rows(max_col=1) for cell in row]
    assert "=1+1" in values
    assert "two\nlines" in values
    assert not any("\x00" in str(value) for value in values)


def test_text_too_long_for_excel_is_cut_and_says_so(tmp_path: Path) -> None:
    found = written(tmp_path, table(("x" * 40_000, 0.1)))["effects"]["A5"].value
    assert len(found) == LONGEST_TEXT
    assert found.endswith("x…")


def test_the_first_sheet_leads_to_each_and_says_what_it_rests_on(
    tmp_path: Path, hard_table: Table
) -> None:
    book = written(tmp_path, table(), hard_table, table(name="it's"))
    first = book.worksheets[0]
    assert book.sheetnames[0] == first.title == "Contents"
    for row, name in enumerate(book.sheetnames[1:], start=4):
        place = first.cell(row, 2).hyperlink.location
        assert place == "'" + name.replace("'", "''") + "'!A1"
        back = book[name]["A2"].hyperlink.location
        assert back == "'Contents'!A1"
    assert first["A5"].value == "NOT CONVERGED: Hard & <hard> $1_2"
    assert (first["D4"].value, first["D5"].value) == ("converged", "not converged")
    assert first["C5"].value == EVIDENCE_LINES["synthetic"].removeprefix("Evidence: ")


def test_caption_header_notes_and_evidence_are_in_the_sheet(tmp_path: Path) -> None:
    made = table(notes=("A note.",), status="not converged")
    sheet = written(tmp_path, made)["effects"]
    assert sheet["A1"].value == "NOT CONVERGED: Effects"
    assert sheet["A1"].font.color.rgb.endswith("A00000")
    assert [cell.value for cell in sheet[4][:2]] == ["In", "Median"]
    below = [sheet.cell(row, 1).value for row in range(7, 9)]
    assert below == list(notes_of(made))
    assert sheet.freeze_panes == "B5"
    assert sheet.print_title_rows == "$4:$4"
    assert sheet.column_dimensions["A"].width > 6


def test_groups_stand_above_headings_and_estimates_have_three_columns(
    tmp_path: Path, folded_table: Table
) -> None:
    sheet = written(tmp_path, folded_table)["report"]
    assert [cell.value for cell in sheet[4][:5]] == [None, "ICPC: Linear", None, None, None]
    assert [cell.value for cell in sheet[5][:5]] == ["Row", "Median", "lower", "upper", "Children"]
    assert [cell.value for cell in sheet[6][1:5]] == [
        pytest.approx(-2.66),
        pytest.approx(-9.21),
        pytest.approx(3.94),
        1234,
    ]
    assert sheet["B6"].number_format == sheet["C6"].number_format == "+0;-0;0"
    assert sheet.freeze_panes == "B6"


def test_what_stands_above_one_column_has_two_lines_and_does_not_run_over(tmp_path: Path) -> None:
    group = "Probability that the effect is"
    columns = (
        Column(key="target", heading="In"),
        Column(key="p", heading="above 0", format="probability", group=group),
    )
    sheet = written(tmp_path, table(("pooled", 0.8), columns=columns))["effects"]
    assert sheet["B4"].value == group
    assert sheet["B4"].alignment.wrap_text
    assert sheet.column_dimensions["B"].width < len(group)
    assert sheet.row_dimensions[4].height > 2 * LINE_HEIGHT


NAMES = st.text(max_size=50) | st.sampled_from(
    ["Contents", "HISTORY", "a" * 31, "a" * 40, "'a'", "", "[", "a/b", "A/B", "A B"]
)


@given(names=st.lists(NAMES, min_size=1, max_size=12))
def test_sheet_names_are_what_excel_takes(names: list[str]) -> None:
    found = sheet_names([table(name=name) for name in names])
    assert len({name.lower() for name in found}) == len(names)
    for name in found:
        assert 1 <= len(name) <= 31
        assert not re.search(r"[\[\]:*?/\\\x00-\x1f]", name)
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.lower() not in ("contents", "history")


def test_the_same_tables_give_the_same_bytes_without_a_date(
    tmp_path: Path, hard_table: Table
) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(tmp_path / name, [hard_table, table()])
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        core = archive.read("docProps/core.xml").decode()
    assert "W3CDTF" not in core
    assert "Hard &amp; &lt;hard&gt;" in core


def test_a_file_that_exists_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_text("mine")
    with pytest.raises(BadInput, match="a file that exists"):
        write_workbook(tmp_path / "t.xlsx", [table()])
    assert [path.name for path in tmp_path.iterdir()] == ["t.xlsx"]
    assert (tmp_path / "t.xlsx").read_text() == "mine"
