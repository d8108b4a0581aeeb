"""A printed table that someone typed in: what is read of it, and what is refused."""

from pathlib import Path

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.published.as_written import typed_table

CELLS = [["", "(1)", "(2)"], ["Treated", "0.021", "0,021"], ["Post", "−0.018**", ""]]
ERRORS = ["", "(0.008)", ""]


def typed(folder: Path, ending: str) -> Path:
    lines = [*CELLS, ERRORS]
    if ending == ".md":
        rows = ["| " + " | ".join(line) + " |" for line in lines]
        rows.insert(1, "| --- | ---: | :---: |")
    elif ending == ".tsv":
        rows = ["\t".join(line) for line in lines]
    else:
        rows = [",".join(f'"{cell}"' for cell in line) for line in lines]
    path = folder / f"table{ending}"
    path.write_text("Table 2\n\n" * (ending == ".md") + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", [".md", ".tsv", ".csv"])
def test_every_way_of_typing_says_the_same(tmp_path: Path, ending: str) -> None:
    found = typed_table(typed(tmp_path, ending))
    assert found is not None
    assert [(c.row, c.column, c.text, c.error, c.value, c.stars) for c in found] == [
        ("Treated", "(1)", "0.021", "", 0.021, 0),
        ("Post", "(1)", "−0.018**", "(0.008)", -0.018, 2),
        ("Treated", "(2)", "0,021", "", None, 0),
    ]
    assert found[2].fault == "a decimal point and no comma (-0.018, 1234.5)"


def test_a_file_of_another_kind_is_no_typed_table(tmp_path: Path) -> None:
    plain = tmp_path / "referrals.csv"
    plain.write_text("child,when\nA,2014-04-01\n", encoding="utf-8")
    assert typed_table(plain) is None
    assert typed_table(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "effect", "fault"),
    [
        (";a, b;c\nDiD;-0,018**;0.1\n;(0,008);(0.2)\n", None, "a decimal point and no comma"),
        ("Row,Coef,p\nBefore,0.021,0.34\nDiD,-0.018,0.041\n", -0.018, ""),
        (",(1)\nDiD,-0.018\n,(0.008)\n", -0.018, ""),
        (",(1)\nDiD,−0·018 ∗∗\n,(0·008)\n", -0.018, ""),
        (",(1)\nDiD,0.07\n,0.05–0.09\n", 0.07, ""),
        (",(1)\nDiD,** -0.018\n,(0.008)\n", None, "a number with stars"),
    ],
)
def test_a_csv_is_known_for_a_table(
    tmp_path: Path, text: str, effect: float | None, fault: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    found = typed_table(path)
    assert found is not None
    cell = next(each for each in found if each.row == "DiD")
    assert cell.value == effect
    assert cell.fault.startswith(fault)


def test_nothing_that_stands_below_a_number_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    text = ",(1)\nDiD,-0.018\n,(0.008)\n,-0.034 to -0.002\nBefore,0.021\n"
    path.write_text(text, encoding="utf-8")
    found = typed_table(path)
    assert found is not None
    assert [cell.error for cell in found] == ["(0.008) -0.034 to -0.002", ""]


@pytest.mark.parametrize(
    "text",
    [
        "child,age,when\n1,3.5,2014-04-01\n2,4.5,2014-04-02\n",
        "child,age,when\n1,3.5,1.4.2014\n",
        "authority,code,year,events,children\nDell,E1,2014,3,40\n",
        "authority,code,year,events,children\nDell,E1,2014,*,40\n",
        "child,place,age\n1,Dell,3.5\n",
        "site,year,n\n" + "1,2014,3.5\n" * 100,
    ],
)
def test_records_and_panels_are_no_typed_tables(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    assert typed_table(path) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no table here", "found no table"),
        ("| | (1) |\n| a | 0.1* | 0.2 |", "row 2 of the table: found 3 cells; allowed: 2"),
        ("| | (1) |\n" * 20_000, "found a file of more than 100 kB"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        typed_table(path)
