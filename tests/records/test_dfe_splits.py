"""DfE files with joint rows of two authorities, or split by further columns."""

from dataclasses import replace
from pathlib import Path

import pytest

from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.matching.authorities import choose_comparators
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel import Panel
from sofs_bayes.records.panel_csv import panel_stata, panel_text
from sofs_bayes.spec import (
    Comparators,
    OpenAnalysis,
    OpenCounts,
    OpenDesign,
    Pilot,
    fingerprint,
    load,
    parse,
    to_document,
)

COUNTS = OpenCounts(events="ev", denominator="den", first_year=2016, last_year=2018)
YEARS = (2017, 2018, 2019)
PLACES = {"901": "Ashby", "902": "Birch", "903": "Corley"}
HEAD = "time_period,time_identifier,geographic_level,old_la_code,new_la_code,la_name"
TYPES = ("Children ceasing", "Children on 31 March", "Children starting")


def row(year: int, code: str, name: str, *rest: object, new: str = "") -> str:
    return ",".join(map(str, (year, "Reporting year", "Local authority", code, new, name, *rest)))


def plain(*more: str) -> str:
    rows = [row(y, c, n, 10 + int(c) - 900, 200) for y in YEARS for c, n in PLACES.items()]
    return "\n".join([f"{HEAD},ev,den", *rows, *more, ""])


def split(column: str = "population_type", values: tuple[str, ...] = TYPES) -> str:
    rows = [
        row(y, c, n, value, 10 * i + int(c) - 900, 200)
        for y in YEARS
        for c, n in PLACES.items()
        for i, value in enumerate(values)
    ]
    return "\n".join([f"{HEAD},{column},ev,den", *rows, ""])


def panel_of(text: str, folder: Path, counts: OpenCounts = COUNTS) -> Panel:
    (folder / "counts.csv").write_text(text, encoding="utf-8")
    return read_panel([folder / "counts.csv"], counts)


def refused(text: str, folder: Path, counts: OpenCounts = COUNTS) -> str:
    with pytest.raises(BadInput) as error:
        panel_of(text, folder, counts)
    assert "\n" not in str(error.value)
    return str(error.value)


# --------------------------------------------------------------------------- joint rows


@pytest.mark.parametrize(
    "code", ["904 / 905", "904/905", "904 & 905", "904, 905", "904 / 905 / 906", "904 and 905"]
)
def test_authorities_that_report_together_are_left_out(code: str, tmp_path: Path) -> None:
    name = "Dale North / Dale South"
    joint = [row(y, f'"{code}"', name, 20, 300, new="E06900004 / E06900005") for y in YEARS[1:]]
    found = panel_of(plain(*joint), tmp_path)
    assert found.counts.identical(panel_of(plain(), tmp_path).counts)
    (notice,) = [each for each in found.notices if each.kind == "joint row"]
    assert (notice.authority, notice.file) == (name, "counts.csv")
    assert notice.detail == f"{code} report together in 2017, 2018; left out"


def test_an_authority_with_rows_of_its_own_keeps_them(tmp_path: Path) -> None:
    own = [row(2017, "904", "Dale North", 9, 90), row(2017, "905", "Dale South", 8, 90)]
    joint = [row(y, "904 / 905", "Dale North / Dale South", 20, 300) for y in YEARS[1:]]
    found = panel_of(plain(*own, *joint), tmp_path)
    assert float(found.counts["events"].sel(authority="Dale North", year=2016)) == 9
    gaps = [n.authority for n in found.notices if n.kind == "not observed in every year"]
    assert gaps == ["Dale North", "Dale South"]


def design_of(*names: str) -> OpenDesign:
    pilots = tuple(Pilot(authority=name, wave=1, settling_in=(2017, 2017)) for name in names)
    rule = Comparators(rule="all", why="made up for a test")
    return OpenDesign(pilots=pilots, comparators=rule)


def test_a_joint_row_is_refused_only_where_one_of_them_is_named(tmp_path: Path) -> None:
    joint = [row(y, "904 / 905", "Dale North / Dale South", 20, 300) for y in YEARS]
    found = panel_of(plain(*joint), tmp_path)
    assert choose_comparators(found, design_of("Ashby", "Birch")).comparators == ("Corley",)
    with pytest.raises(BadInput) as error:
        choose_comparators(found, design_of("Ashby", "Dale South"), file="a.toml")
    assert str(error.value) == (
        "a.toml: design.pilots: found 'Dale South', not in the data but within 'Dale North / Dale"
        " South' (904 / 905 report together in 2016, 2017, 2018; left out); allowed: an authority's"
        " name as in the data"
    )


@pytest.mark.parametrize("code", ["904 / 90", "904 /", "/", "9045", "904 - 905", "904 905"])
def test_codes_that_are_none_are_still_refused(code: str, tmp_path: Path) -> None:
    line = refused(plain(row(2017, code, "Dale", 1, 2)), tmp_path)
    assert f"column old_la_code: found {code!r}; allowed: three digits, or nothing" in line


# ------------------------------------------------------------------------- split files


def where(**chosen: str) -> OpenCounts:
    return replace(COUNTS, where=chosen)


def test_what_splits_a_file_is_named_with_its_values(tmp_path: Path) -> None:
    assert refused(split(), tmp_path) == (
        f"{tmp_path}/counts.csv: line 3: found Ashby (901) in 2016 again (first on line 2): the"
        " file is split by population_type ('Children ceasing', 'Children on 31 March', 'Children"
        " starting'); allowed: an authority-year once: --where 'population_type=Children ceasing',"
        " or where under [data] of the analysis"
    )
    totals = split("gender", ("Male", "Female", "Total"))
    line = refused(totals, tmp_path)
    assert "gender ('Total', 'Male', 'Female'); allowed: an authority-year once: --where" in line
    assert "--where 'gender=Total'" in line
    many = split("need", tuple(f"need {i}" for i in range(40)))
    assert "'need 11' and 28 more" in refused(many, tmp_path)


def test_rows_that_differ_in_counts_alone_are_not_called_split(tmp_path: Path) -> None:
    line = refused(plain(row(2017, "901", "Ashby", 99, 200)), tmp_path)
    assert line.endswith("again (first on line 2); allowed: an authority-year once")


def test_one_value_of_a_split_file_is_chosen(tmp_path: Path) -> None:
    for i, value in enumerate(TYPES):
        found = panel_of(split(), tmp_path, where(population_type=value))
        assert float(found.counts["events"].sel(authority="Ashby", year=2016)) == 10 * i + 1
        assert found.where == {"population_type": value}
    counts = panel_of(split(), tmp_path, where(population_type=TYPES[0])).counts
    total = panel_of(plain(), tmp_path).counts
    assert counts["denominator"].identical(total["denominator"])


def test_a_file_without_the_column_keeps_its_rows(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(split().replace(",den", ",other"), encoding="utf-8")
    (tmp_path / "d.csv").write_text(plain().replace("ev,", "different,"), encoding="utf-8")
    found = read_panel(sorted(tmp_path.glob("*.csv")), where(population_type=TYPES[1]))
    assert float(found.counts["events"].sel(authority="Birch", year=2017)) == 12
    assert float(found.counts["denominator"].sel(authority="Birch", year=2017)) == 200


@pytest.mark.parametrize("other", ["Children Starting", "Children  starting"])
def test_a_value_in_two_spellings_is_not_chosen_in_one_alone(other: str, tmp_path: Path) -> None:
    text = split().replace(TYPES[2], other, 1)
    line = refused(text, tmp_path, where(population_type=TYPES[2]))
    assert "which look the same; allowed: one spelling of each value" in line


@pytest.mark.parametrize("level", ["Local Authority", "local authority", "Local authority ", ""])
def test_a_level_that_is_nearly_the_authorities_is_not_passed_over(
    level: str, tmp_path: Path
) -> None:
    text = plain().replace("Local authority", level, 1)
    line = refused(text, tmp_path)
    assert "counts.csv: line 2, column geographic_level: found" in line


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (
            {"population_typ": TYPES[0]},
            "counts.csv: where: found no column population_typ (did you mean population_type?);"
            " allowed: population_type, ev, den",
        ),
        (
            {"population_type": "Children on 31 Mar"},
            "counts.csv: where, column population_type: found no row with 'Children on 31 Mar' (did"
            " you mean Children on 31 March?); allowed: 'Children ceasing', 'Children on 31 March',"
            " 'Children starting'",
        ),
    ],
)
def test_what_no_file_has_cannot_be_chosen(
    chosen: dict[str, str], found: str, tmp_path: Path
) -> None:
    assert refused(split(), tmp_path, where(**chosen)) == found


# ------------------------------------------------------------------ panels, options, TOML


def test_a_panel_says_which_rows_it_has(tmp_path: Path) -> None:
    chosen = where(population_type=TYPES[1])
    found = panel_of(split(), tmp_path, chosen)
    text = panel_text(found)
    assert text.splitlines()[:2] == [
        "authority,code,year,ev,den,population_type",
        "Ashby,901,2016,11,200,Children on 31 March",
    ]
    assert panel_of(text, tmp_path, chosen).counts.identical(found.counts)
    (tmp_path / "counts.dta").write_bytes(panel_stata(found))
    assert read_panel([tmp_path / "counts.dta"], chosen).counts.identical(found.counts)
    for other, line in (
        (COUNTS, "found counts of 'Children on 31 March'; allowed: no such column"),
        (where(population_type=TYPES[0]), f"March'; allowed: {TYPES[0]!r}, as in data.where"),
        (where(population_type=TYPES[1], sex="a"), "column sex: found no such column; allowed"),
    ):
        assert line in refused(text, tmp_path, other)
    mixed = text.replace(TYPES[1], TYPES[0], 1)
    assert "found counts of 'Children ceasing', 'Children on" in refused(mixed, tmp_path, chosen)


def test_rows_are_chosen_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "counts.csv"
    text = (
        split()
        .replace("population_type", "sex,population_type")
        .replace(",Children", ",x,Children")
    )
    path.write_text(text, encoding="utf-8")
    words = ["open-data", str(path), "--events", "ev", "--denominator", "den"]
    words += ["--years", "2016", "2018", "--where", f"population_type={TYPES[2]}"]
    assert main([*words, "--where", "sex=x"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "authority,code,year,ev,den,population_type,sex",
        "Ashby,901,2016,21,200,Children starting,x",
    ]
    assert main([*words, "--where", "sex=y"]) == 2
    assert capsys.readouterr().err.startswith(
        "counts.csv: where, column sex: found no row with 'y'"
    )
    for odd in ("sex", "=x", "sex=", ""):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--where", odd])
        assert ended.value.code == 2
        assert f"{odd!r} is no COLUMN=VALUE" in capsys.readouterr().err


def test_rows_chosen_are_part_of_what_an_analysis_says(tmp_path: Path) -> None:
    analysis = load("icpc-open-data")
    assert isinstance(analysis, OpenAnalysis)
    document = to_document(analysis)
    assert "where" not in document["data"]  # or every fingerprint of before would be another
    document["data"]["where"] = {"population_type": TYPES[0]}
    chosen = parse(document, file="a.toml")
    assert isinstance(chosen, OpenAnalysis)
    assert chosen.data.where == {"population_type": TYPES[0]}
    assert parse(to_document(chosen), file="a.toml") == chosen
    assert fingerprint(chosen) != fingerprint(analysis)
    document["data"]["where"] = {"population_type": TYPES[1]}
    assert fingerprint(parse(document, file="a.toml")) != fingerprint(chosen)
