"""The table of all counts: what is bundled, how it is made, and that it serves as files do."""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.records import counts_table
from sofs_bayes.records.counts_table import BUNDLED, COLUMNS, PLACES, about_columns
from sofs_bayes.records.known_files import department_files
from sofs_bayes.records.make_counts import counts_table as make
from sofs_bayes.records.notices import Kind
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.spec import OpenAnalysis, OpenCounts, bundled_models, load

LARGEST = 400_000  # bytes
DFE = Path(__file__).parents[1] / "data" / "dfe"
CARE = OpenCounts(
    events="CLA_started", denominator="population_estimate", first_year=2009, last_year=2018
)
OPENED = [name for name in bundled_models() if "open-data" in name]
REAL = os.environ.get("SOFS_BAYES_OPEN_DATA", "")
needs_files = pytest.mark.skipif(
    not REAL, reason="SOFS_BAYES_OPEN_DATA names no folder of DfE files"
)


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(BUNDLED.read_text(encoding="utf-8"))))


def real_files() -> list[Path]:
    """The Department's files, whatever else lies beside them."""
    named = {source["file"] for about in about_columns().values() for source in about["sources"]}
    named |= {"SFR41_ADM2016.csv", "SFR50_ADM2017.csv"}  # of years that are corrected later
    return sorted(path for path in Path(REAL).rglob("*.csv") if path.name in named)


def test_the_bundled_table_is_small_sorted_and_whole() -> None:
    assert BUNDLED.stat().st_size < LARGEST
    found = rows()
    assert tuple(found[0]) == PLACES + COLUMNS
    keys = [(row["code"], int(row["year"])) for row in found]
    assert keys == sorted(set(keys))
    assert Counter(key[1] for key in keys)[2018] == 152


def test_the_companion_names_every_symbol_and_where_it_stands() -> None:
    for column, about in about_columns().items():
        stands: dict[str, dict[str, list[str]]] = {}
        for row in rows():
            if row[column] and not row[column].isdecimal():
                of_symbol = stands.setdefault(row[column], {})
                of_symbol.setdefault(row["authority"], []).append(row["year"])
        in_words = {
            symbol: "; ".join(f"{name} {', '.join(years)}" for name, years in sorted(of.items()))
            for symbol, of in stands.items()
        }
        assert about["symbols"] == in_words


def years_of(column: str) -> set[int]:
    return {int(row["year"]) for row in rows() if row[column]}


@pytest.mark.parametrize("column", COLUMNS)
def test_the_companion_says_where_each_year_is_from(column: str) -> None:
    about = about_columns()[column]
    sources = [year for source in about["sources"] for year in source["years"]]
    filled = [y for n in about.get("notes", ()) if n["kind"] == "interpolated" for y in n["years"]]
    assert Counter(sources + filled) == Counter(years_of(column))
    assert all(source["sha256"] in department_files() for source in about["sources"])
    kinds = {note["kind"] for note in about.get("notes", ())}
    assert kinds <= set(Kind.__args__)
    assert about["what"] and about["rounding"] and about["gaps"]


def test_the_bundled_table_is_known_by_its_hash() -> None:
    assert sha256(BUNDLED.read_bytes()).hexdigest() in department_files()
    assert read_panel((), CARE).evidence == "open-data"


def test_a_changed_copy_of_it_is_of_unknown_origin(tmp_path: Path) -> None:
    copy = tmp_path / "open_counts.csv"
    copy.write_text(BUNDLED.read_text(encoding="utf-8").replace(",York,", ",York,"), "utf-8")
    assert read_panel([copy], CARE).evidence == "open-data"
    copy.write_text(copy.read_text(encoding="utf-8").replace(",69,35331", ",70,35331"), "utf-8")
    changed = read_panel([copy], CARE)
    assert changed.evidence == "unknown-origin"
    assert float(changed.counts["events"].sel(authority="York", year=2018)) == 70


def test_what_is_to_be_known_of_its_columns_is_noticed() -> None:
    found = read_panel((), CARE).notices
    interpolated = [n for n in found if n.kind == "interpolated"]
    assert [n.year for n in interpolated] == [2010, 2011]
    assert "mid-2009 to mid-2012" in interpolated[0].detail
    files = {n.file for n in found if n.kind == "vintage"}
    assert "SFR34_ADM2015.csv" in files and len(files) == 9
    late = read_panel((), replace(CARE, first_year=2012))
    assert not [n for n in late.notices if n.kind == "interpolated"]


def test_a_column_or_a_year_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(BadInput, match="no column CLA_ceased"):
        read_panel((), replace(CARE, events="CLA_ceased"))
    with pytest.raises(BadInput, match="no local authority in the financial year 2020"):
        read_panel((), replace(CARE, last_year=2020))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("York,816,2018", "York,816,2017", "again"),
        ("York,816,2018", "York,8l6,2018", "'8l6'"),
        ("York,816,2018", "York,816,18", "column year"),
        ("York,816,2018", ",816,2018", "''"),
        (",69,35331", ",6.9,35331", "'6.9'"),
    ],
)
def test_a_table_that_is_not_as_it_should_be_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = BUNDLED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "counts.csv"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        read_panel([path], CARE)
    assert says in str(refused.value)


def test_it_stands_alone(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a panel beside other files"):
        read_panel([BUNDLED, DFE / "conferences.csv"], CARE)
    with pytest.raises(BadInput, match="a table that was made of such files"):
        make([BUNDLED])
    with pytest.raises(BadInput, match="no column CLA_started"):
        make(sorted(DFE.glob("*.csv")))
    with pytest.raises(BadInput, match=r"FILES: line 1: found no column ICPC_child"):
        make([])


@pytest.fixture(scope="module")
def made() -> Iterator[str]:
    text, _ = make(real_files())
    yield text


@needs_files
class TestRealFiles:
    """The table and the files that it was made of."""

    def test_the_files_remake_the_table_to_the_byte(self, made: str) -> None:
        assert made.encode("utf-8") == BUNDLED.read_bytes()

    def test_the_companion_has_the_hashes_of_the_files(self) -> None:
        found = {path.name: sha256(path.read_bytes()).hexdigest() for path in real_files()}
        for about in counts_table.about_columns().values():
            for source in about["sources"]:
                assert found[source["file"]] == source["sha256"]

    @pytest.mark.parametrize("name", OPENED)
    def test_an_analysis_counts_the_same_with_and_without_files(self, name: str) -> None:
        analysis = load(name)
        assert isinstance(analysis, OpenAnalysis)
        given = read_panel(real_files(), analysis.data)
        bundled = read_panel((), analysis.data)
        assert given.counts.identical(bundled.counts)
        assert given.evidence == bundled.evidence == "open-data"
        assert {source.file for source in bundled.sources} == {BUNDLED.name}
        assert BUNDLED.name not in {source.file for source in given.sources}
