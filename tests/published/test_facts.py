import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.published import facts
from sofs_bayes.published.facts import (
    GAPS,
    Fact,
    fact,
    load_facts,
    read_cell,
    read_printed,
    read_statements,
    read_table,
    stated,
    statements,
)

TABLES = Path(facts.__file__).parent / "tables"
TRANSCRIPTION = Path(__file__).parents[1] / "reference" / "transcription"
ROUNDING_SLACK = 1e-9  # a decimal fraction and half a unit are not exact in binary


def second_transcription(name: str) -> list[dict[str, str]]:
    with (TRANSCRIPTION / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------ double entry


def test_both_transcriptions_hold_the_same_cells() -> None:
    theirs = {
        (int(line["table"]), line["row"], line["column"]): line["printed"]
        for line in second_transcription("cells.csv")
    }
    ours = {(f.table, f.row, f.column): f.printed.text for f in load_facts()}
    assert ours == theirs  # in both directions: no cell missing on either side


def test_both_transcriptions_hold_the_same_statements() -> None:
    def without_markup(text: str) -> str:
        return text.replace("$", "")  # formula marks that the text conversion left in one note

    theirs = {
        line["key"]: without_markup(line["printed"])
        for line in second_transcription("statements.csv")
    }
    assert {key: without_markup(each.printed) for key, each in statements().items()} == theirs


def test_the_second_transcription_has_no_cell_twice() -> None:
    places = Counter(
        (line["table"], line["row"], line["column"]) for line in second_transcription("cells.csv")
    )
    assert max(places.values()) == 1


def test_a_cell_changed_on_one_side_is_noticed(tmp_path: Path) -> None:
    text = (TABLES / "table_5.csv").read_text(encoding="utf-8")
    (tmp_path / "table_5.csv").write_text(text.replace("-0.0635*", "-0.0653*"), encoding="utf-8")
    changed = {(f.row, f.column): f.printed.text for f in read_table(5, tmp_path)}
    ours = {(f.row, f.column): f.printed.text for f in load_facts() if f.table == 5}
    assert {place for place in ours if ours[place] != changed[place]} == {
        ("Pilot LA", "Linear model")
    }


# ----------------------------------------------------------------- printed numbers


@pytest.mark.parametrize(
    ("text", "value", "decimals", "stars", "gap"),
    [
        ("-0.0635*", -0.0635, 4, 1, None),
        ("0.1619***", 0.1619, 4, 3, None),
        ("152,231", 152231.0, 0, 0, None),
        ("8%", 8.0, 0, 0, None),
        ("-0.30***", -0.30, 2, 3, None),
        ("0", 0.0, 0, 0, None),
        (".05**", 0.05, 2, 2, None),
        ("N/A", None, None, 0, "N/A"),
        ("-", None, None, 0, "-"),
    ],
)
def test_reads_numbers_as_printed(
    text: str, value: float | None, decimals: int | None, stars: int, gap: str | None
) -> None:
    cell = read_printed(text)
    assert (cell.text, cell.value, cell.decimals, cell.stars, cell.gap) == (
        text,
        value,
        decimals,
        stars,
        gap,
    )


@pytest.mark.parametrize(
    "junk",
    [
        *("", " ", "*", "-*", "%", ".", "-.", "1.", "--1", "+1", "1 %", " 1", "1\n", "1,23"),
        *("1234,567", "0.5**x", "*0.5", "1e3", "nan", "inf", "٣", "−0.5", "n/a", "✓", "Linear"),
    ],
)
def test_refuses_what_is_not_a_printed_number(junk: str) -> None:
    with pytest.raises(ValueError, match="not a printed number"):
        read_printed(junk)


@given(
    whole=st.integers(0, 10**9),
    fraction=st.text("0123456789", max_size=6),
    minus=st.booleans(),
    commas=st.booleans(),
    percent=st.booleans(),
    stars=st.integers(0, 4),
)
def test_every_well_formed_number_is_read(
    *, whole: int, fraction: str, minus: bool, commas: bool, percent: bool, stars: int
) -> None:
    digits = f"{whole:,}" if commas else str(whole)
    number = ("-" if minus else "") + digits + (f".{fraction}" if fraction else "")
    cell = read_printed(number + ("%" if percent else "") + "*" * stars)
    assert cell.value == float(number.replace(",", ""))
    assert (cell.decimals, cell.stars, cell.gap) == (len(fraction), stars, None)


@given(st.text(alphabet="0123456789.,-*% N/A", max_size=12))
def test_what_is_read_says_what_the_text_says(text: str) -> None:
    try:
        cell = read_printed(text)
    except ValueError:
        return
    assert cell.text == text
    assert cell.stars == text.count("*")
    if cell.value is None:
        assert text in GAPS
    else:
        bare = text.rstrip("*").removesuffix("%").replace(",", "")
        assert cell.value == float(bare)
        assert cell.decimals == len(bare.partition(".")[2])


@given(st.floats(-999, 999), st.integers(0, 6))
def test_half_a_unit_bounds_the_rounding_error(true: float, decimals: int) -> None:
    cell = read_printed(f"{true:.{decimals}f}")
    assert cell.value is not None
    assert abs(cell.value - true) <= cell.half_unit * (1 + ROUNDING_SLACK) + ROUNDING_SLACK


@pytest.mark.parametrize(("text", "unit"), [("N/A", "probability"), ("✓", "used/not used")])
def test_half_a_unit_needs_a_decimal_number(text: str, unit: str) -> None:
    with pytest.raises(ValueError, match="no last decimal"):
        _ = read_cell(text, unit).half_unit


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("✓", "used/not used", 1.0),
        ("x", "used/not used", 0.0),
        ("Logistic", "regression model", None),
        ("No serial correlation detected (p=0.77)", "p-value", 0.77),
        ("Serial correlation detected (p=0.01)", "p-value", 0.01),
        ("3 out of 4 leads are insignificant", "leads", 3.0),
        ("-", "percent", None),
    ],
)
def test_reads_cells_by_their_unit(text: str, unit: str, value: float | None) -> None:
    assert read_cell(text, unit).value == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("✓", "percent"),
        ("0.5", "used/not used"),
        ("Probit", "regression model"),
        ("p=0.77", "p-value"),
        ("most leads are insignificant", "leads"),
        ("0.5", "furlongs"),
    ],
)
def test_refuses_what_the_unit_does_not_allow(text: str, unit: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        read_cell(text, unit)


# ------------------------------------------------------------------ finding a cell


def test_facts_have_their_places() -> None:
    found = fact(5, "Pilot LA", "Linear model")
    assert isinstance(found, Fact)
    assert (found.unit, found.printed.text) == ("probability", "-0.0635*")
    assert fact(7, "R²", "").printed.value == 0.0284
    assert fact(7, "Pilot LA", "Linear regression - clustered").unit == "probability"
    assert fact(7, "Pilot LA", "Logistic regression - clustered").unit == "log-odds"
    assert fact(5, "DiD in year t", "Linear model").printed.gap == "N/A"


def test_every_table_is_there_in_full() -> None:
    assert Counter(f.table for f in load_facts()) == {
        1: 18,
        2: 8,
        3: 144,
        4: 4,
        5: 37,
        6: 76,
        7: 57,
    }


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ((5, "Pilot", "Linear model"), "Pilot LA"),
        ((5, "Pilot LA", "Linear"), "Linear model"),
        ((5, "R²", "Linear model"), "''"),
        ((8, "Pilot LA", "Linear model"), "Tables 1 to 7"),
    ],
)
def test_an_absent_cell_is_refused_with_near_labels(place: tuple[int, str, str], hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        fact(*place)
    assert hint in caught.value.allowed
    assert "\n" not in str(caught.value)


def test_statements_have_place_and_unit() -> None:
    assert stated("table_5.n").printed == "152,231"
    assert all(each.place and each.unit and each.key == key for key, each in statements().items())


def test_an_absent_statement_is_refused_with_near_keys() -> None:
    with pytest.raises(BadInput, match=r"table_5\.n"):
        stated("table_5.N")


def test_loaded_statements_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        statements()["table_5.n"] = stated("table_7.n")  # type: ignore[index]


# --------------------------------------------------------------------- bad files

HEADER = "row,column,printed,unit\n"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("", "line 1"),
        ("row,column,printed\n", "line 1"),
        (HEADER + "a,b,0.5\n", "line 2"),
        (HEADER + "a,b,0.5,furlongs\n", "line 2, unit"),
        (HEADER + "a,b,half,percent\n", "line 2, printed"),
        (HEADER + "a,b,1%,percent\na,b,2%,percent\n", "line 3"),
    ],
)
def test_a_bad_table_is_refused_by_line(tmp_path: Path, content: str, place: str) -> None:
    (tmp_path / "table_1.csv").write_text(content, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_table(1, tmp_path)
    assert caught.value.place == place
    assert caught.value.file.endswith("table_1.csv")


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read_table(1, tmp_path)


def test_a_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table_1.csv").write_bytes(HEADER.encode() + "é,b,1%,percent\n".encode("latin-1"))
    with pytest.raises(BadInput, match="not UTF-8"):
        read_table(1, tmp_path)


def test_a_statement_twice_is_refused(tmp_path: Path) -> None:
    lines = "key,place,printed,unit\nn,note,5,count\nn,note,6,count\n"
    (tmp_path / "statements.csv").write_text(lines, encoding="utf-8")
    with pytest.raises(BadInput, match="each key once"):
        read_statements(tmp_path)


def test_facts_and_audit_need_no_scientific_package() -> None:
    code = (
        "import sys; from sofs_bayes.published.audit import audit; audit();"
        "heavy = {'numpy', 'scipy', 'pandas', 'xarray', 'pymc', 'pydantic', 'matplotlib'};"
        "sys.exit(', '.join(heavy & {name.partition('.')[0] for name in sys.modules}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
