"""What `published` and `open-data` write where a file of tables is asked for."""

from pathlib import Path

import openpyxl
import pytest

from sofs_bayes.cli import main

DFE = Path(__file__).parents[1] / "data" / "dfe"


def texts_of(path: Path) -> set[str]:
    """All that stands in a workbook as text."""
    book = openpyxl.load_workbook(path)
    cells = (cell for sheet in book for row in sheet.values for cell in row)
    return {cell for cell in cells if isinstance(cell, str)}


def test_published_tables_become_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "tables.xlsx"
    assert main(["published", "--audit", "-o", str(path)]) == 0
    assert any(text.startswith("Evidence: computed from what") for text in texts_of(path))


@pytest.mark.parametrize("suffix", [".md", ".csv"])
def test_published_tables_become_text(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"tables{suffix}"
    assert main(["published", "--audit", "-o", str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["published", "--audit"]) == 0
    printed = capsys.readouterr().out.split()
    assert (path.read_text("utf-8").split() == printed) == (suffix == ".md")


def test_other_endings_are_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["published", "--audit", "-o", str(tmp_path / "tables.doc")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "found '.doc'; allowed: .md, .csv, .html, .docx, .xlsx" in said.err
    assert len(said.err.splitlines()) == 1
    (tmp_path / "there.xlsx").touch()
    assert main(["published", "--audit", "-o", str(tmp_path / "there.xlsx")]) == 2
    assert "a file that exists" in capsys.readouterr().err


def test_counts_become_a_workbook_with_numbers_and_symbols(tmp_path: Path) -> None:
    path = tmp_path / "counts.xlsx"
    assert main(["open-data", str(DFE), "-o", str(path)]) == 0
    sheet = openpyxl.load_workbook(path)["counts"]
    rows = [row for row in sheet.values if isinstance(row[2], int) and row[0]]
    assert len(rows) > 20
    counts = [cell for row in rows for cell in row[3:5]]
    assert {type(cell) for cell in counts} == {int, str}
