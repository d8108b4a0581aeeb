"""A table is exact in CSV, readable in Markdown and HTML, and always says what it rests on."""

import csv
import io
import json
import math
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.records.csv_rows import harmless, read_rows
from sofs_bayes.spec import Evidence
from sofs_bayes.tables.formats import (
    DIGITS_NOTE,
    EVIDENCE_LINES,
    Cell,
    Column,
    Format,
    Table,
    rows_to_csv,
    shown,
    table_of,
    to_csv,
    to_html,
    to_json,
    to_markdown,
)

NAN, INF = math.nan, math.inf


def table(*rows: tuple[Cell, ...], **changes: object) -> Table:
    settings: dict[str, object] = {
        "name": "effects",
        "title": "Effects",
        "columns": (
            Column(key="target", heading="In"),
            Column(key="median", heading="Median", format="pp"),
        ),
        "rows": rows,
        "evidence": "open-data",
    }
    return Table(**(settings | changes))  # type: ignore[arg-type]


# ----------------------------------------------------------------------------- one cell


@pytest.mark.parametrize(
    ("cell", "how", "text"),
    [
        (0.0123, "pp", "+1.2"),
        (-0.0123, "pp", "−1.2"),
        (-0.01234, "pp2", "−1.23"),
        (0.00123, "per10000", "12.3"),
        (0.5, "probability", "0.50"),
        (0.9951, "probability", ">0.99"),
        (0.9949, "probability", "0.99"),
        (0.0049, "probability", "<0.01"),
        (0.005, "probability", "0.01"),
        (1.0, "probability", "1.00"),
        (0.0, "probability", "0.00"),
        (0.012345, "number", "0.0123"),
        (-12.345, "number", "−12.3"),
        (12345.6, "number", "12,346"),
        (152231, "integer", "152,231"),
        (0.1234, "percent", "12.3%"),
        (2012, "year", "2012"),
        (0, "year", "–"),
        (1.00449, "rhat", "1.004"),
        (0.25, "text", "0.25"),
        (NAN, "pp", "–"),
        (None, "number", "–"),
        (INF, "number", "∞"),
        (-INF, "pp", "−∞"),
        (True, "text", "yes"),
        (False, "number", "no"),
        ("as-is", "pp", "as-is"),
        (np.float64(-0.5), "number", "−0.5"),
    ],
)
def test_a_cell_as_a_reader_sees_it(cell: Cell, how: Format, text: str) -> None:
    assert shown(cell, how) == text


NUMBERS = st.floats(-1e300, 1e300) | st.sampled_from([NAN, INF, -INF])


@given(value=NUMBERS, how=st.sampled_from(get_args(Format)))
def test_any_number_can_be_shown_and_no_hyphen_stands_for_minus(value: float, how: Format) -> None:
    text = shown(value, how)
    assert text
    assert "nan" not in text
    assert "inf" not in text
    assert not re.search(r"-", text)


# ---------------------------------------------------------------------------------- CSV


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_csv_is_exact_and_gaps_are_empty() -> None:
    rows = [("a, b", 0.1 + 0.2), ('say "so"', NAN), ("two\nlines", None), ("x", -INF)]
    found = read(to_csv(table(*rows)))
    assert found[0] == ["target", "median", "evidence", "status"]
    assert [row[:2] for row in found[1:]] == [
        ["a, b", "0.30000000000000004"],
        ['say "so"', ""],
        ["two\nlines", ""],
        ["x", "-inf"],
    ]
    assert {tuple(row[2:]) for row in found[1:]} == {("open-data", "converged")}


def test_csv_has_plain_numbers_of_numpys_own() -> None:
    assert read(to_csv(table(("a", np.float64(0.1)))))[1][:2] == ["a", "0.1"]


@given(values=st.lists(st.floats(allow_nan=False), min_size=1))
def test_csv_gives_every_number_back(values: list[float]) -> None:
    found = read(to_csv(table(*(("a", value) for value in values))))
    assert [float(row[1]) for row in found[1:]] == values


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    target: str
    median: float
    draws: int
    whole: bool


ROWS = (
    Row(target="pooled", median=-0.01, draws=4000, whole=True),
    Row(target="Aldmoor", median=NAN, draws=0, whole=False),
)


def test_rows_have_a_column_per_field() -> None:
    assert rows_to_csv(Row, ROWS) == (
        "target,median,draws,whole\npooled,-0.01,4000,yes\nAldmoor,,0,no\n"
    )
    assert rows_to_csv(Row, ()) == "target,median,draws,whole\n"


def test_a_table_of_rows_takes_the_columns_named() -> None:
    columns = [
        Column(key="draws", heading="Draws", format="integer"),
        Column(key="target", heading="In"),
    ]
    made = table_of("draws", "Draws", ROWS, columns, evidence="records", notes=["A note."])
    assert made.rows == ((4000, "pooled"), (0, "Aldmoor"))
    assert made.notes == ("A note.",)
    assert made.status == "converged"
    with pytest.raises(AttributeError, match="nothing"):
        table_of("x", "X", ROWS, [Column(key="nothing", heading="")], evidence="records")


# ------------------------------------------------------------------- CSV in a spreadsheet


def calculates(cell: str) -> bool:
    """Whether a spreadsheet would calculate a cell of a CSV, not show it."""
    if cell[:1] not in tuple("=+-@\t\r\n＝＋－＠"):
        return False
    number = re.sub(r"\*{1,3}$|\+{1,2}$", "", cell).removesuffix("%")  # with the report's stars
    try:
        float(number)
    except ValueError:
        return number not in ("", "+", "-")
    return False


@given(
    text=st.text(min_size=1)
    | st.builds(str.__add__, st.sampled_from("=+-@\t\r\n＝＋－＠"), st.text())
)
def test_no_label_is_a_formula_and_each_can_be_read_again(text: str) -> None:
    made = table((text, -0.5), columns=(Column(key="=k", heading=""), Column(key="n", heading="")))
    header, row = read(to_csv(made))
    assert not any(calculates(cell) for cell in (header[0], row[0]))
    assert row[0] in (text, f"'{text}")
    assert row[1] == "-0.5"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1.2 pp", "-1+2", "@A1", "\t=1", "＝1", "-cmd|' /C x'!A0"]
)
def test_the_check_notices_a_formula(text: str) -> None:
    assert calculates(text)
    assert calculates(read(_unescaped(text))[0][0])
    assert harmless(text) == f"'{text}"


def _unescaped(text: str) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([text])
    return out.getvalue()


@pytest.mark.parametrize("text", ["-0.5", "+1.2", "-1e-05", "+12%", "−1.2", "a=b", "1-2", ""])
def test_numbers_and_harmless_labels_stay(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("text", ["=1+1", "'=1+1", "''@A1", "'quoted'", "-0.5", "' =x", "plain"])
def test_files_that_are_read_back_are_escaped_and_give_back_what_was_written(
    text: str, tmp_path: Path
) -> None:
    rows = [replace(ROWS[0], target=text)]
    path = tmp_path / "rows.csv"
    path.write_text(rows_to_csv(Row, rows), encoding="utf-8", newline="")
    assert not calculates(read(path.read_text(encoding="utf-8"))[1][0])
    assert read_rows(path, Row) == rows


def test_csv_has_columns_for_an_estimates_ends(folded_table: Table) -> None:
    found = read(to_csv(folded_table))
    assert found[0][:5] == ["row", "linear_median", "linear_lower", "linear_upper", "children"]
    assert found[1][:5] == ["Effect", "-0.0266", "-0.0921", "0.0394", "1234"]
    assert found[3][:5] == ["Published", "0.04*", "", "", ""]


# ------------------------------------------------------------------------------ JSON


def test_json_has_numbers_as_stored_and_as_shown() -> None:
    rows = (("Aldmoor", 0.1 + 0.2), ("x", NAN), ("y", -INF), ("z", np.float64(0.5)))
    errors = {"median": (0.004, NAN, NAN, NAN)}
    found = json.loads(to_json(table(*rows, notes=("A.",), errors=errors)))
    assert found["evidence"] == "open-data"
    assert found["evidence_line"] == EVIDENCE_LINES["open-data"]
    assert found["status"] == "converged"
    assert found["notes"] == ["A.", DIGITS_NOTE]
    assert found["columns"][1] == {
        "key": "median",
        "heading": "Median",
        "group": "",
        "format": "pp",
    }
    assert [row["median"] for row in found["rows"]] == [
        {"value": 0.1 + 0.2, "shown": "+30", "mcse": 0.004},
        {"value": None, "shown": "–"},
        {"value": "-Infinity", "shown": "−∞"},
        {"value": 0.5, "shown": "+50"},
    ]
    assert float(found["rows"][2]["median"]["value"]) == -INF


def test_json_takes_any_table(hard_table: Table, folded_table: Table) -> None:
    found = json.loads(to_json(hard_table))
    assert found["rows"][1]["label"]["value"] == "=1+1"
    estimate = json.loads(to_json(folded_table))["rows"][0]["linear"]
    assert estimate["value"] == {"median": -0.0266, "lower": -0.0921, "upper": 0.0394}
    assert estimate["mcse"] == 0.0028


def test_two_columns_of_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="two columns of one key"):
        to_json(table(columns=(Column(key="a", heading="A"), Column(key="a", heading="B"))))


# ----------------------------------------------------------------------- for readers


class Cells(HTMLParser):
    """The text of each cell, row by row, and of the rest, with tags in balance."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.rest = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.rows[-1][-1] += "\n"
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        else:
            self.rest += data


def parsed(markup: str) -> Cells:
    parser = Cells()
    parser.feed(markup)
    parser.close()
    assert parser.open == []
    return parser


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1)


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_html_shows_any_text_as_text(texts: list[str]) -> None:
    made = table(*((text, 0.01) for text in texts), title=f"<b>{texts[0]}", notes=(texts[-1],))
    found = parsed(to_html(made))
    assert found.rows == [["In", "Median"], *([text, "+1.0"] for text in texts)]
    assert f"<b>{texts[0]}" in found.rest
    assert texts[-1] in found.rest


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_markdown_has_a_line_per_row_whatever_a_cell_holds(texts: list[str]) -> None:
    lines = to_markdown(table(*((text, 0.01) for text in texts))).split("\n")
    start = lines.index("| In | Median |")
    assert lines[start + 1] == "| --- | ---: |"
    for text, line in zip(texts, lines[start + 2 :], strict=False):
        cells = re.split(r"(?<!\\)\|", line)
        assert len(cells) == 4
        assert cells[1][1:-1].replace("\\|", "|") == text
        assert cells[2] == " +1.0 "
    assert lines[start + 2 + len(texts)] == ""


def test_a_line_break_in_a_cell_does_not_break_a_markdown_row() -> None:
    assert "| two lines | +1.0 |" in to_markdown(table(("two\nlines", 0.01)))


@pytest.mark.parametrize("evidence", get_args(Evidence))
def test_every_table_says_what_it_rests_on(evidence: Evidence) -> None:
    made = table(("a", 0.01), evidence=evidence)
    assert EVIDENCE_LINES[evidence] in to_markdown(made)
    assert EVIDENCE_LINES[evidence] in parsed(to_html(made)).rest


def test_a_refused_result_is_marked_in_front() -> None:
    refused = table(("a", 0.01), status="not converged")
    assert refused.caption == "NOT CONVERGED: Effects"
    assert to_markdown(refused).startswith("**NOT CONVERGED: Effects**")
    assert parsed(to_html(refused)).rest.startswith("NOT CONVERGED: Effects")
    for text in (to_markdown(table()), to_html(table())):
        assert "NOT CONVERGED" not in text


def test_columns_and_rows_have_headers_for_screen_readers() -> None:
    markup = to_html(table(("Aldmoor", 0.01)))
    assert markup.count('<th scope="col"') == 2
    assert '<th scope="row">Aldmoor</th>' in markup
    assert '<td class="num">+1.0</td>' in markup


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        to_markdown(table(("a",)))


def test_headings_above_headings_bold_rows_and_stretches(folded_table: Table) -> None:
    made = replace(folded_table, rows=(("Part", None, None), *folded_table.rows), bold=(0, 1))
    markup = to_html(made)
    assert '<th scope="colgroup" class="group" colspan="1">ICPC</th>' in markup
    found = parsed(markup)
    assert found.rows[0] == ["", "ICPC", ""]
    assert found.rows[2] == ["Part"]
    assert found.rows[3] == ["Effect", "−3\n(−9 to +4)", "1,234"]
    assert '<tr class="bold"><th scope="rowgroup" colspan="3">Part</th></tr>' in markup
    assert "<strong>1,234</strong>" in markup
    lines = to_markdown(made).split("\n")
    assert "| Row | ICPC: Linear | Children |" in lines
    assert "| **Part** |  |  |" in lines
    assert "| **Effect** | **−3 (−9 to +4)** | **1,234** |" in lines


def test_any_table_can_be_shown(hard_table: Table) -> None:
    found = parsed(to_html(hard_table))
    assert found.rest.startswith("NOT CONVERGED: Hard & <hard> $1_2")
    assert len(found.rows) == 2 + len(hard_table.rows)
    assert to_markdown(hard_table).count("\n| ") >= 2 + len(hard_table.rows)
