"""Numbers stand below each other by their points; stars and brackets hang at their right."""

import math
import re
from pathlib import Path

import docx
import openpyxl
import pytest

from sofs_bayes.published.facts import load_facts
from sofs_bayes.tables.contents.report_layout import _with_points
from sofs_bayes.tables.digits import Estimate, Look, shown
from sofs_bayes.tables.files import to_excel, to_word
from sofs_bayes.tables.formats import Column, Table, lines_of, to_csv, to_html, to_json
from sofs_bayes.tables.latex import to_latex

FOUR = Look(decimals=4)
CELLS = (
    Estimate(median=-0.0318, mark="**", bracket=(0.0123,), look=FOUR),
    Estimate(median=0.5, mark="*", bracket=(math.nan,), look=FOUR),
    Estimate(median=12.25, look=Look(decimals=2)),
    Estimate(median=0.1, lower=-0.2, upper=0.3, look="signed2"),
    Estimate(median=0.97, error=0.01, look="probability"),
    None,
    "N/A",
)
TABLE = Table(
    name="coefficients",
    title="Coefficients",
    columns=(
        Column(key="term", heading="Term"),
        Column(key="linear", heading="Linear", format="number"),
    ),
    rows=tuple((f"row {i}", cell) for i, cell in enumerate(CELLS)),
    evidence="published",
)
# Text and what it lacks: with them, all lines with a point are as wide behind it.
LINES = [
    [("−0.0318**", ")"), ("(0.0123)", "**")],
    [("0.5000*", "*)"), ("(–)", ".0000**)")],
    [("12.25", "00**)")],
    [("+0.10", "00**)"), ("(−0.20 to +0.30)", "")],
    [("0.97", "00**)")],
    [("–", "")],
    [("N/A", "")],
]


def test_each_line_knows_what_it_lacks_at_the_right_of_its_point() -> None:
    for line, wanted in zip(lines_of(TABLE), LINES, strict=True):
        found = [*zip(line.cells[1].split("\n"), line.pads[1], strict=False)]
        assert [text for text, _ in found] == [text for text, _ in wanted]
        assert [sorted(pad) for _, pad in found] == [sorted(pad) for _, pad in wanted]
        assert line.pads[0] == ("",)


def test_numbers_of_the_same_decimals_lack_nothing() -> None:
    columns = (TABLE.columns[0], Column(key="x", heading="X", format="pp"))
    plain = Table(
        name="x", title="X", columns=columns, rows=(("a", 0.01), ("b", None)), evidence="published"
    )
    assert {pad for line in lines_of(plain) for own in line.pads for pad in own} == {""}
    assert "data-pad" not in to_html(plain) and "hphantom" not in to_latex(plain)


def test_html_has_room_for_it_that_is_not_in_the_text() -> None:
    text = to_html(TABLE)
    assert 'class="num">−0.0318**<span data-pad=")"></span><br>(0.0123)<span data-pad="**">' in text
    assert "−0.0318**<br>(0.0123)" in re.sub("</?span[^>]*>", "", text)


def test_latex_has_room_for_it() -> None:
    text = to_latex(TABLE)
    assert r"$-$0.0318{*}{*}\hphantom{)} \\ (0.0123)\hphantom{{*}{*}}" in text


def test_word_indents_each_line_by_it(tmp_path: Path) -> None:
    to_word([TABLE], tmp_path / "t.docx")
    [grid] = docx.Document(str(tmp_path / "t.docx")).tables
    number, error = grid.cell(1, 1).paragraphs
    assert grid.cell(1, 1).text == "−0.0318**\n(0.0123)"
    size = number.runs[0].font.size
    assert number.paragraph_format.right_indent == pytest.approx(0.333 * size, abs=700)
    assert error.paragraph_format.right_indent == pytest.approx(2 * 0.389 * size, abs=700)
    assert grid.cell(4, 1).paragraphs[1].paragraph_format.right_indent is None


def test_excel_has_numbers_stars_and_errors_each_in_a_column(tmp_path: Path) -> None:
    to_excel([TABLE], tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["coefficients"]
    heads = [cell.value for cell in sheet[5]][:6]
    assert heads == ["Term", "Median", "lower", "upper", "mark", "in brackets"]
    first, _, third, fourth, chance = ([cell.value for cell in sheet[i]][1:6] for i in range(6, 11))
    assert first == [-0.0318, None, None, "**", 0.0123]
    assert third[0] == 12.25 and fourth[:3] == [0.1, -0.2, 0.3] and chance[0] == 0.97
    assert [sheet.cell(i, 2).number_format for i in (6, 8, 9)] == [
        "0.0000",
        "0.00_0_0",
        "+0.00_0_0;-0.00_0_0;0.00_0_0",
    ]


def test_csv_and_json_have_the_numbers() -> None:
    header, first, *_ = to_csv(TABLE).splitlines()
    assert header.startswith("term,linear_median,linear_lower,linear_upper,linear_mark,linear_br")
    assert first.startswith("row 0,-0.0318,,,**,0.0123,")
    assert '"mark": "**"' in to_json(TABLE)


def test_without_intervals_the_number_keeps_its_key() -> None:
    table = Table(
        name="x", title="X", columns=TABLE.columns, rows=TABLE.rows[:1], evidence="published"
    )
    assert to_csv(table).startswith("term,linear,linear_mark,linear_bracket,")


def test_every_printed_coefficient_stands_as_printed() -> None:
    facts = [fact for fact in load_facts() if fact.table >= 5 and fact.printed.value is not None]
    assert len(facts) > 100
    for fact in facts:
        text = shown(_with_points(fact), "pp").split("\n")[0]
        assert text == fact.printed.text.replace("-", "\N{MINUS SIGN}")


def test_excel_shows_counts_and_shares_as_other_formats_do(tmp_path: Path) -> None:
    cells = (
        Estimate(median=24_764.0, look=Look(decimals=0)),
        Estimate(median=0.585, look=Look(factor=100.0, decimals=1, end="%")),
        Estimate(median=-0.0318, look=Look(factor=100.0, decimals=2, signed=True, end=" pp")),
    )
    table = Table(
        name="x",
        title="X",
        columns=TABLE.columns,
        rows=tuple((f"row {i}", cell) for i, cell in enumerate(cells)),
        evidence="published",
    )
    assert [line.cells[1] for line in lines_of(table)] == ["24,764", "58.5%", "−3.18 pp"]
    to_excel([table], tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["x"]
    shown_so = [(sheet.cell(i, 2).value, sheet.cell(i, 2).number_format) for i in (5, 6, 7)]
    values, formats = zip(*shown_so, strict=True)
    assert values == pytest.approx((24_764, 0.585, -3.18))
    assert [text.split(";")[0].partition("_")[0] for text in formats] == [
        "#,##0",
        "0.0%",
        '+0.00" pp"',
    ]
