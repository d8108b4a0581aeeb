"""Tables land in one file of the format that was asked for, whole or not at all."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.tables.files import (
    BINARY,
    FORMATS,
    FileFormat,
    format_of,
    text_of,
    write_tables,
)
from sofs_bayes.tables.formats import Column, Table, to_csv, to_json

COLUMNS = (Column(key="target", heading="In"), Column(key="median", heading="Median", format="pp"))
ONE = Table(
    name="one",
    title="One, in pp",
    columns=COLUMNS,
    rows=(("pooled", 0.0123),),
    evidence="open-data",
)
TWO = replace(ONE, name="two", title="Two", rows=(("Pilot 1", -0.5), ("Pilot 2", 0.5)))
OTHER = replace(
    ONE, name="other", title="Other", columns=(Column(key="a", heading="A"),), rows=(("x",),)
)
TEXTS: tuple[FileFormat, ...] = ("md", "csv", "html", "tex", "json")


@pytest.mark.parametrize(
    ("path", "given", "found"),
    [
        (None, None, "md"),
        (None, "csv", "csv"),
        ("t.docx", None, "docx"),
        ("t.XLSX", None, "xlsx"),
        ("t.htm", None, "html"),
        ("t.markdown", None, "md"),
        ("tables", None, "md"),
        ("tables", "csv", "csv"),
        ("tables.txt", "csv", "csv"),
        ("t.html", "html", "html"),
    ],
)
def test_the_ending_says_the_format_unless_one_is_asked_for(
    path: str | None, given: FileFormat | None, found: FileFormat
) -> None:
    assert format_of(Path(path) if path else None, given) == found


@pytest.mark.parametrize(
    ("path", "given", "says"),
    [
        (None, "docx", "'docx' without a file"),
        (None, "xlsx", "-o FILE.xlsx"),
        ("t.doc", None, "'.doc'"),
        ("t.docx", "csv", "'.docx' with --format csv"),
    ],
)
def test_other_endings_are_refused(path: str | None, given: FileFormat | None, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        format_of(Path(path) if path else None, given)


def test_one_table_is_plain_csv() -> None:
    assert text_of([ONE], "csv") == to_csv(ONE)


def blocks(text: str) -> list[list[dict[str, str]]]:
    return [list(csv.DictReader(io.StringIO(part))) for part in text.split("\n\n")]


def test_tables_of_the_same_columns_share_a_header_in_csv() -> None:
    (rows,) = blocks(text_of([ONE, TWO], "csv"))
    assert [row["table"] for row in rows] == ["One, in pp", "Two", "Two"]
    assert [float(row["median"]) for row in rows] == [0.0123, -0.5, 0.5]


def test_an_empty_line_parts_tables_of_different_columns_in_csv() -> None:
    found = blocks(text_of([ONE, OTHER, TWO], "csv"))
    assert [list(block[0])[:2] for block in found] == [
        ["table", "target"],
        ["table", "a"],
        ["table", "target"],
    ]


def test_csv_keeps_what_each_table_rests_on() -> None:
    refused = replace(TWO, evidence="synthetic", status="not converged")
    (rows,) = blocks(text_of([ONE, refused], "csv"))
    assert [row["evidence"] for row in rows] == ["open-data", "synthetic", "synthetic"]
    assert [row["status"] for row in rows] == ["converged", "not converged", "not converged"]


def test_json_is_always_an_array() -> None:
    for tables in ([ONE], [ONE, TWO]):
        found = json.loads(text_of(tables, "json"))
        assert found == [json.loads(to_json(table)) for table in tables]


def test_html_is_a_whole_page(hard_table: Table) -> None:
    text = text_of([ONE, hard_table], "html")
    assert text.startswith("<!DOCTYPE html>")
    assert '<html lang="en-GB">' in text
    assert '<meta charset="utf-8">' in text
    assert "<title>One, in pp; NOT CONVERGED: Hard &amp; &lt;hard&gt; $1_2</title>" in text
    assert text.count("<table ") == 2
    assert "http:" not in text  # it needs no network


@pytest.mark.parametrize("how", FORMATS)
def test_every_format_is_written_to_a_file(how: FileFormat, tmp_path: Path) -> None:
    path = tmp_path / "new" / f"tables.{how}"
    write_tables(path, [ONE, OTHER], how)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    data = path.read_bytes()
    if how in BINARY:
        assert data.startswith(b"PK")
    else:
        assert data.decode() == text_of([ONE, OTHER], how)


def test_csv_without_an_ending_is_a_folder_with_a_file_for_each(tmp_path: Path) -> None:
    same = replace(OTHER, name="ONE")
    odd = replace(OTHER, name="../odd: a/b")
    write_tables(tmp_path / "tables", [ONE, same, odd], "csv")
    found = {path.name: path.read_text("utf-8") for path in (tmp_path / "tables").iterdir()}
    del found["manifest.json"]
    assert found == {
        "one.csv": to_csv(ONE),
        "ONE-2.csv": to_csv(same),
        "odd-a-b.csv": to_csv(odd),
    }


@pytest.mark.parametrize("how", FORMATS)
def test_what_exists_is_refused_and_kept(how: FileFormat, tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.write_text("mine")
    with pytest.raises(BadInput, match="exists"):
        write_tables(path, [ONE], how)
    assert [each.name for each in tmp_path.iterdir()] == ["there"]
    assert path.read_text() == "mine"
