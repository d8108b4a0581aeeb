"""Names of authorities over several files: one spelling, or a line that says where two are."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.matching.from_records import choose_from_records
from sofs_bayes.matching.stacking import stack
from sofs_bayes.records.authority_file import read_authorities
from sofs_bayes.records.authority_names import meant
from sofs_bayes.records.groups import read_groups
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.referrals import register_referrals
from sofs_bayes.records.table_files import table_in
from sofs_bayes.spec import ChildrenAnalysis, OpenCounts, parse

NAME = "Zörby & Kent"
ALIKE = {
    "decomposed": "Zo\u0308rby & Kent",
    "in small letters": "zörby & kent",
    "a no-break space": "Zörby\u00a0& Kent",
    "two spaces": "Zörby  & Kent",
    "a zero-width space": "Zör\u200bby & Kent",
    "a soft hyphen": "Zörby & Ke\u00adnt",
    "a mark of direction": "Zörby \u200e& Kent",
    "a Cyrillic letter": "Zörby & K\u0435nt",
    "a Greek letter": "Zörby & \u039aent",
    "wide letters": "Zörby ＆ Ｋent",
}
UNLIKE = ["Zorby & Kent", "Zörby and Kent", "Zörby & Kents", "Zörby-Kent", "Zörby &Kent"]
DIFFERING = "capitals, blanks or letters of other scripts"


def analysis() -> ChildrenAnalysis:
    parsed = parse(
        {
            "kind": "children",
            "name": "small",
            "title": "A small analysis",
            "outcome": "ICPC",
            "why": "made up for a test",
            "records": {
                "columns": {"outcome_flag": "icpc"},
                "window": {"days": 30},
                "years": [2012, 2013, 2014],
                "covariates": [
                    {
                        "kind": "levels",
                        "name": "sex",
                        "reference": "a",
                        "levels": {"a": ["1"], "b": ["2"]},
                    }
                ],
                "authority_covariates": [{"name": "ofsted"}],
            },
            "matching": {"exact": ["sex"], "balance": ["sex"]},
            "regressions": {
                "covariates": ["sex"],
                "columns": [{"name": "Linear", "model": "linear"}],
            },
        },
        file="made up",
    )
    assert isinstance(parsed, ChildrenAnalysis)
    return parsed


def said(act: Callable[[], object]) -> list[str]:
    with pytest.raises((BadInput, BadSpec)) as error:
        act()
    return str(error.value).splitlines()


def groups_file(folder: Path, *pairs: tuple[str, str]) -> Path:
    rows = "".join(f"{pilot},{other},2013-04-01,2013-09-30\n" for pilot, other in pairs)
    path = folder / "groups.csv"
    path.write_text("pilot,comparator,settling_in_start,settling_in_end\n" + rows, "utf-8")
    return path


def authorities_file(folder: Path, *names: str) -> Path:
    rows = "".join(f"{name},{year},2\n" for name in names for year in (2012, 2013, 2014))
    path = folder / "authorities.csv"
    path.write_text("authority,year,ofsted\n" + rows, "utf-8")
    return path


def referrals(*names: str) -> pd.DataFrame:
    """Referrals of each authority before and after settling-in."""
    days = [date(2012, 6, 1), date(2012, 7, 1), date(2014, 6, 1), date(2014, 7, 1)]
    rows = [(name, day, i % 2, 1 + i % 2) for name in names for i, day in enumerate(days)]
    frame = pd.DataFrame(rows, columns=["authority", "referral_date", "icpc", "sex"])
    return frame.assign(child=[f"secret-{i}" for i in range(len(frame))])


# ------------------------------------------------------------------------- in one file


@pytest.mark.parametrize("other", ALIKE.values(), ids=list(ALIKE))
def test_two_spellings_in_a_file_are_refused_with_their_lines(other: str, tmp_path: Path) -> None:
    spelt = sorted([(NAME, "line 2"), (other, "line 5")])
    (line,) = said(lambda: read_authorities(authorities_file(tmp_path, NAME, other), analysis()))
    where = " and ".join(f"{name!a} on {place}" for name, place in spelt)
    assert line == (
        f"{tmp_path}/authorities.csv: found {where}, which look the same but for {DIFFERING};"
        " allowed: one spelling of each authority"
    )
    (line,) = said(lambda: read_groups(groups_file(tmp_path, ("Dell", NAME), ("Esk", other))))
    assert f"{other!a} on line 3" in line
    (line,) = said(lambda: read_groups(groups_file(tmp_path, (NAME, other))))
    assert "on line 2" in line


@pytest.mark.parametrize("other", ALIKE.values(), ids=list(ALIKE))
def test_two_spellings_in_the_records_are_refused_without_quoting(other: str) -> None:
    (line,) = said(lambda: register_referrals(referrals("Dell", NAME, other), analysis()))
    assert line == (
        f"the frame: column authority: found names that look the same but for {DIFFERING} in"
        " 8 of 12 rows; allowed: one spelling of each authority"
    )


@pytest.mark.parametrize("other", UNLIKE)
def test_names_that_look_different_are_different(other: str, tmp_path: Path) -> None:
    read = read_authorities(authorities_file(tmp_path, NAME, other), analysis())
    assert set(read["authority"]) == {NAME, other}
    register_referrals(referrals(NAME, other), analysis()).close()


BLANKS = [" ", "\t", "\u00a0", "\u200b", "\ufeff", "\u3000", "\r\n"]


@pytest.mark.parametrize("blank", BLANKS)
def test_blanks_around_a_name_are_no_part_of_it(blank: str, tmp_path: Path) -> None:
    wrapped = f'"{blank}{NAME}{blank}"'
    read = read_authorities(authorities_file(tmp_path, NAME.replace("Z", "Y"), wrapped), analysis())
    assert NAME in set(read["authority"])
    assert read_groups(groups_file(tmp_path, (wrapped, "Dell"))).pilots == (NAME,)
    with register_referrals(referrals(f"{blank}{NAME}{blank}", NAME), analysis()) as opened:
        names = opened.connection.execute("SELECT DISTINCT authority FROM referrals").fetchall()
    assert names == [(NAME,)]


def test_a_panel_has_one_spelling_of_an_authority(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    rows = [
        f"{name},{code},{year},1,9"
        for name, code in ((NAME, 1), (NAME.upper(), 2))
        for year in (2012, 2013)
    ]
    path.write_text("\n".join(["authority,code,year,e,d", *rows, ""]), "utf-8")
    counts = OpenCounts(events="e", denominator="d", first_year=2012, last_year=2013)
    (line,) = said(lambda: read_panel([path], counts))
    assert "on line 4 and" in line and "on line 2, which look the same" in line


@pytest.mark.parametrize("length", [1001, 10**6])
def test_a_name_of_absurd_length_is_refused(length: int, tmp_path: Path) -> None:
    name = "x" * length if length < 100_000 else "x" * 100_000
    found = f"found a name of {len(name):,} characters; allowed: at most 1,000"
    (line,) = said(lambda: read_groups(groups_file(tmp_path, ("Dell", name))))
    assert line.endswith(f"line 2: {found}")
    (line,) = said(lambda: read_authorities(authorities_file(tmp_path, name), analysis()))
    assert line.endswith(f"line 2: {found}")
    (line,) = said(lambda: register_referrals(referrals("Dell", "x" * length), analysis()))
    assert line == (
        "the frame: column authority: found an id of more than 1,000 characters in 4 of 8 rows;"
        " allowed: a shorter id"
    )
    parquet = tmp_path / "groups.parquet"
    pd.DataFrame(
        {
            "pilot": ["Dell"],
            "comparator": ["x" * length],
            "settling_in_start": ["2013-04-01"],
            "settling_in_end": ["2013-09-30"],
        }
    ).to_parquet(parquet)
    (line,) = said(lambda: read_groups(parquet))
    assert len(line) < 300
    assert f"a name of {length:,} characters" in line


def test_a_name_that_is_not_seen_is_none(tmp_path: Path) -> None:
    (line,) = said(lambda: read_groups(groups_file(tmp_path, ("Dell", "\u2061\u3164"))))
    assert "line 2: found '\\u2061\\u3164', of which nothing is seen; allowed: the name" in line


# ------------------------------------------------------------------------ between files


@pytest.mark.parametrize("other", ALIKE.values(), ids=list(ALIKE))
def test_another_spelling_in_the_groups_is_named(other: str, tmp_path: Path) -> None:
    groups = read_groups(groups_file(tmp_path, ("Dell", other)))
    known = read_authorities(authorities_file(tmp_path, "Dell", other), analysis())
    with register_referrals(referrals("Dell", NAME), analysis()) as opened:
        (line,) = said(lambda: stack(opened, groups, known, analysis()))
    assert line == (
        f"{tmp_path}/groups.csv: column comparator: found {other}, which has no referrals as"
        f" {other!a}; a name there looks the same but for {DIFFERING}; allowed: authorities as the"
        " referrals call them"
    )


def test_another_spelling_of_the_authorities_is_named(tmp_path: Path) -> None:
    groups = read_groups(groups_file(tmp_path, ("Dell", NAME)))
    path = authorities_file(tmp_path, "Dell", NAME.upper())
    known = read_authorities(path, analysis())
    with register_referrals(referrals("Dell", NAME), analysis()) as opened:
        lines = said(lambda: stack(opened, groups, known, analysis(), file=path))
    assert [line.partition(": found")[0] for line in lines] == [
        f"{path}: {NAME}, 2012",
        f"{path}: {NAME}, 2014",
    ]
    assert all("no row as" in line and "looks the same" in line for line in lines)


def test_a_pilot_without_referrals_is_said_before_comparators_are_chosen(tmp_path: Path) -> None:
    groups = read_groups(groups_file(tmp_path, (NAME.lower(), "")))
    with register_referrals(referrals("Dell", NAME), analysis()) as opened:
        (line,) = said(lambda: choose_from_records(opened, groups, analysis()))
    assert "column pilot: found zörby & kent, which has no referrals as" in line


# ---------------------------------------------------------------- zeros, and files by name


def test_zeros_that_a_workbook_lost_are_offered(tmp_path: Path) -> None:
    rows = {"pilot": [1], "comparator": [2], "settling_in_start": ["2013-04-01"]}
    frame = pd.DataFrame(rows | {"settling_in_end": ["2013-09-30"]})
    frame.to_excel(tmp_path / "groups.xlsx", index=False)
    known = pd.DataFrame({"authority": [1, 2], "year": [2012, 2012], "ofsted": [2.0, 2.0]})
    known.to_excel(tmp_path / "authorities.xlsx", index=False)
    groups, path = read_groups(tmp_path), tmp_path / "authorities.xlsx"
    authorities = read_authorities(tmp_path, analysis())
    with register_referrals(referrals("001", "0002"), analysis()) as opened:
        lines = said(lambda: stack(opened, groups, authorities, analysis(), file=path))
        assert [line.removeprefix(f"{tmp_path}/groups.xlsx: ") for line in lines] == [
            f"column {column}: found {name}, which has no referrals (did you mean {padded}?"
            " Programs for tables change the zeros of codes); allowed: authorities as the referrals"
            " call them"
            for column, name, padded in (("pilot", "1", "001"), ("comparator", "2", "0002"))
        ]
        mended = read_groups(groups_file(tmp_path, ("001", "0002")))
        lines = said(lambda: stack(opened, mended, authorities, analysis(), file=path))
    assert lines[0].startswith(f"{path}: 0002, 2012: found no row (did you mean 2? Programs")


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("Dell", {"Esk"}, ""),
        ("1", {"10", "01x", "Dell"}, ""),
        ("1", {"٠٠١"}, ""),
        ("1", {"0001"}, " (did you mean 0001? Programs for tables change the zeros of codes)"),
        ("1", {"1.0"}, " (did you mean 1.0? Programs for tables change the zeros of codes)"),
        ("nan", {"NaN2", "inf"}, ""),
        ("007", {"7"}, " (did you mean 7? Programs for tables change the zeros of codes)"),
    ],
)
def test_what_is_offered_for_an_unknown_name(name: str, known: set[str], hint: str) -> None:
    assert meant(name, known) == hint


def test_a_table_is_found_by_its_name(tmp_path: Path) -> None:
    assert said(lambda: table_in(tmp_path, "groups"))[0] == (
        f"{tmp_path}: files of groups: found none; allowed: one of groups.csv, groups.dta,"
        " groups.parquet, groups.xlsx"
    )
    (tmp_path / "icpc-groups.dta").touch()
    assert table_in(tmp_path, "groups").name == "icpc-groups.dta"
    (tmp_path / "groups.xlsx").touch()
    assert table_in(tmp_path, "groups").name == "groups.xlsx"
    (tmp_path / "groups.csv").touch()
    assert "found groups.csv, groups.xlsx" in said(lambda: table_in(tmp_path, "groups"))[0]
