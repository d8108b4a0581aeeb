"""Releases on children looked after, extracts of the tool and mid-year estimates, as published."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.records import known_files
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import OpenCounts

COUNTS = OpenCounts(
    events="CLA_started", denominator="population_estimate", first_year=2009, last_year=2013
)
AUTHORITIES = {"901": "Fernhill", "902": "Dunstow", "903": "Brackmoor, City of"}
RELEASES = {
    2009: ("SFR27_2010_Started.csv", "StartTotal_2010"),
    2010: ("SFE21_ADM.csv", "CLA_started2011"),
    2011: ("SFR20_ADM2012.csv", "CLA_started2012"),
}


def started(code: str, year: int) -> int:
    """Made-up children starting to be looked after."""
    return int(code) % 100 * 20 + year - 2009


@dataclass(frozen=True)
class Folder:
    """Made-up files of every kind: three releases, an extract, two of populations."""

    path: Path

    @property
    def files(self) -> list[Path]:
        return sorted(self.path.glob("*.csv"))

    def read(self) -> Panel:
        return read_panel(self.files, COUNTS)

    def edit(self, name: str, old: str, new: str, encoding: str = "latin-1") -> Path:
        path = self.path / name
        text = path.read_text(encoding="latin-1")
        assert old in text
        path.write_bytes(text.replace(old, new).encode(encoding))
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for year, (name, column) in RELEASES.items():
        put(tmp_path / name, release(column, {c: str(started(c, year)) for c in AUTHORITIES}))
    people = {code: f"{int(code) % 100}0000" for code in AUTHORITIES}
    put(tmp_path / "SFR27_2010_March.csv", release("Mid2009Pop0-17", people, level="GOR"))
    put(tmp_path / "tool.csv", extract(range(2012, 2014)))
    put(tmp_path / "people.csv", estimates(range(2012, 2015)))
    return Folder(tmp_path)


def put(path: Path, lines: Sequence[str]) -> Path:
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("latin-1"))
    return path


def release(column: str, values: dict[str, str], *, level: str = "REGION") -> list[str]:
    national = sum(int(value) for value in values.values() if value.isdecimal())
    return [
        f"geog_l,geog_c,geog_n,{column}",
        f"NATIONAL,999,ENGLAND,{national}",
        f"{level},A,NORTH EAST,{national}",
        *(f'LA,{code},"{AUTHORITIES[code]} ",{value}' for code, value in values.items()),
    ]


def extract(years: Sequence[int]) -> list[str]:
    lines = ["Short Desc,Years,LA and Regions,Values,LA Number,Region"]
    for year in years:
        for code, name in AUTHORITIES.items():
            lines.append(f'LACnum_Start,{year + 1},"{name}",{started(code, year)},{code}.0,South')
        whole = sum(started(code, year) for code in AUTHORITIES)
        lines.append(f"LACnum_Start,{year + 1},England,{whole},970.0,NA")
        lines.append(f"LACnum_Start,{year + 1},London,5,986.0,NA")
        lines.append(f"LACnum_Start,{year + 1},Newtown,-,904.0,South")
        lines.append(f"LACnum_Other,{year + 1},Fernhill,7,901.0,South")
    return lines


def estimates(years: Sequence[int]) -> list[str]:
    lines = [
        "time_period,time_identifier,geographic_level,country_code,country_name,region_code,"
        "region_name,old_la_code,new_la_code,la_name,age_group,population_estimate"
    ]
    for year in years:
        start = f"{year},Reporting year"
        whole = 0
        for code, name in AUTHORITIES.items():
            people = int(code) % 100 * 10_000 + 300 * (year - 2009)
            whole += people
            lines.append(
                f"{start},Local authority,E92000001,England,E12000001,South,{code},"
                f'E06000{code},"{name}",Children aged 0 to 17 years,{people}'
            )
        lines.append(f"{start},National,E92000001,England,,,,,,Children aged 0 to 17 years,{whole}")
    return lines


def of_kind(panel: Panel, kind: str) -> list[Notice]:
    return [notice for notice in panel.notices if notice.kind == kind]


def test_a_series_of_several_files_is_one(folder: Folder) -> None:
    panel = folder.read()
    assert panel.years == (2009, 2010, 2011, 2012, 2013)
    assert panel.authorities == ("Brackmoor, City of", "Dunstow", "Fernhill")
    for code, name in AUTHORITIES.items():
        found = panel.counts["events"].sel(authority=name).values.tolist()
        assert found == [started(code, year) for year in panel.years]
    assert bool(panel.observed.all())
    assert panel.evidence == "unknown-origin"


def test_a_mid_year_estimate_is_of_the_financial_year_it_lies_in(folder: Folder) -> None:
    people = folder.read().counts["denominator"].sel(authority="Fernhill").values.tolist()
    assert people == [10_000, 10_300, 10_600, 10_900, 11_200]  # 2010 and 2011 between


def test_what_was_interpolated_taken_and_left_out_is_said(folder: Folder) -> None:
    panel = folder.read()
    assert [notice.year for notice in of_kind(panel, "interpolated")] == [2010, 2011]
    vintages = {(n.year, n.file) for n in of_kind(panel, "vintage")}
    assert {(2009, "SFR27_2010_Started.csv"), (2012, "tool.csv"), (2013, "tool.csv")} <= vintages
    left = " ".join(notice.detail for notice in of_kind(panel, "left out"))
    assert "Newtown: '-' in 2012, 2013" in left and "2 rows of other indicators" in left
    assert of_kind(panel, "national total") == []


def test_the_latest_release_of_a_year_is_taken(folder: Folder) -> None:
    put(
        folder.path / "SFR36_ADM2013.csv",
        release("CLA_started2013", dict.fromkeys(AUTHORITIES, "5")),
    )
    panel = folder.read()
    assert float(panel.counts["events"].sel(authority="Fernhill", year=2012)) == started(
        "901", 2012
    )
    (found,) = [n for n in of_kind(panel, "vintage") if n.year == 2012 and "CLA" in n.detail]
    assert found.file == "tool.csv" and "SFR36_ADM2013.csv" in found.detail


def test_two_vintages_of_one_date_that_differ_are_refused(folder: Folder) -> None:
    twin = folder.path / "twin_2012.csv"
    twin.write_bytes((folder.path / "SFR20_ADM2012.csv").read_bytes())
    assert bool(folder.read().observed.all())
    folder.edit("twin_2012.csv", f",{started('902', 2011)}", ",77")
    with pytest.raises(
        BadInput, match=r"twin_2012\.csv: column CLA_started, authority 902 in 2011"
    ):
        folder.read()


def test_a_year_that_no_file_has_is_refused(folder: Folder) -> None:
    (folder.path / "SFE21_ADM.csv").unlink()
    with pytest.raises(BadInput, match="no local authority in the financial year 2010"):
        folder.read()


def test_an_interpolation_needs_both_ends(folder: Folder) -> None:
    (folder.path / "SFR27_2010_March.csv").unlink()
    with pytest.raises(BadInput, match="no local authority in the financial year 2009"):
        folder.read()


def test_counts_that_are_no_stock_are_never_interpolated(folder: Folder) -> None:
    (folder.path / "SFR20_ADM2012.csv").unlink()
    with pytest.raises(BadInput, match="no local authority in the financial year 2011"):
        folder.read()


def test_a_suppressed_count_keeps_its_symbol(folder: Folder) -> None:
    folder.edit("SFE21_ADM.csv", f",{started('901', 2010)}", ",x")
    panel = folder.read()
    assert panel.counts["events_symbol"].sel(authority="Fernhill", year=2010).item() == "x"
    assert not bool(panel.observed.sel(authority="Fernhill", year=2010))


def test_latin_1_is_read_and_codes_join_names_that_differ(folder: Folder) -> None:
    folder.edit("SFE21_ADM.csv", "Dunstow ", "Dünstow")
    panel = folder.read()
    assert panel.authorities == ("Brackmoor, City of", "Dunstow", "Fernhill")
    (found,) = of_kind(panel, "name changed")
    assert found.authority == "Dunstow" and "Dünstow in 2010" in found.detail


def test_latin_1_of_another_file_is_still_refused(folder: Folder) -> None:
    folder.edit("people.csv", "Dunstow", "Dünstow")
    with pytest.raises(BadInput, match=r"people\.csv: line \d+: found byte 0xFC"):
        folder.read()


def test_empty_columns_at_the_end_of_a_release_are_dropped(folder: Folder) -> None:
    straight = folder.read()
    folder.edit("SFE21_ADM.csv", "\n", ",,\n")
    assert folder.read().counts.identical(straight.counts)
    folder.edit("SFE21_ADM.csv", "ENGLAND,123,", "ENGLAND,123,1")
    with pytest.raises(BadInput, match="a column without a name"):
        folder.read()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("CLA_started2011", "SCLA_male", "no column of a known series"),
        ("CLA_started2011", "CLA_started2012", "no local authority in the financial year 2010"),
        ("geog_n,CLA_started2011", "geog_n,CLA_started2011,CLA_started2012", "fields"),
        ("LA,901", "LA,9O1", "'9O1' of Fernhill"),
        ("LA,902", "LA,901", "again"),
        ("LA,902", "DISTRICT,902", "'DISTRICT'"),
        (",geog_c,", ",code,", "no column geog_c"),
    ],
)
def test_a_release_that_is_not_as_releases_are_is_refused(
    folder: Folder, old: str, new: str, says: str
) -> None:
    folder.edit("SFE21_ADM.csv", old, new)
    if "2012" in new and "geog" not in new:
        (folder.path / "SFR20_ADM2012.csv").unlink()
    with pytest.raises(BadInput) as refused:
        folder.read()
    assert says in str(refused.value)


def test_a_column_named_after_another_year_is_believed_of_a_known_release_alone(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.edit("SFR20_ADM2012.csv", "CLA_started2012", "CLA_started2011")
    with pytest.raises(BadInput, match="CLA_started2011 in a file named after 2012"):
        folder.read()
    digest = sha256((folder.path / "SFR20_ADM2012.csv").read_bytes()).hexdigest()
    monkeypatch.setattr(known_files, "department_files", lambda: {digest: "Looked after, 2012"})
    assert bool(folder.read().observed.all())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("LACnum_Start", "LACnum_Ceased", "no row with LACnum_Start"),
        (",2013,", ",2012/13,", "column Years"),
        (",901.0,", ",9.0,", "'9.0' of Fernhill"),
    ],
)
def test_an_extract_that_is_not_as_extracts_are_is_refused(
    folder: Folder, old: str, new: str, says: str
) -> None:
    folder.edit("tool.csv", old, new)
    with pytest.raises(BadInput) as refused:
        folder.read()
    assert says in str(refused.value)
