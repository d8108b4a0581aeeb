"""From records nobody has looked at to an analysis that is checked: init and check."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tests.other_study import CHILDREN, LINEAR, make

from sofs_bayes import spec
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.pipeline.before import pictures_before
from sofs_bayes.pipeline.beginning import Begun, check, init
from sofs_bayes.pipeline.draft import predictive, roles_of, scales_of
from sofs_bayes.pipeline.print_tables import effects_of_print
from sofs_bayes.records.profile import Profile, profile
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis, OpenAnalysis
from sofs_bayes.spec.years import years_of

OF_REPORT = spec.load("icpc-printed").from_table  # type: ignore[union-attr]

# What an analyst would put in the place of each mark, by the end of its key.
DECIDED: Mapping[str, str] = {
    "title": '"Plans"',
    "intervention": '"family hubs"',
    "why": '"The hubs were to keep families together."',
    "name": '"plan"',
    "plural": '"plans"',
    "unit": '"children"',
    "months": "6",
    "exact": '["sex"]',
    "authority": '"council"',
    "year": '"fin_year"',
    "pilot": '"site"',
    "comparator": '"compared_with"',
    "settling_in_start": '"first_day"',
    "settling_in_end": '"last_day"',
}


def decided(path: Path) -> Path:
    """The draft with every mark put right, in its place."""
    lines = []
    for line in path.read_text("utf-8").splitlines():
        key = line.partition(" = ")[0]
        lines.append(f"{key} = {DECIDED[key]}" if "DECIDE:" in line else line)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "records"
    make.write(folder)
    return folder


@pytest.fixture(scope="module")
def seen(records: Path) -> Profile:
    return profile(records)


@pytest.fixture
def begun(records: Path, tmp_path: Path) -> Begun:
    return init(records, tmp_path / "analysis", name="hubs")


def test_columns_are_seen_as_what_they_are(seen: Profile) -> None:
    assert {each.name: each.kind for each in seen.columns} == {
        "person_ref": "identifier",
        "council": "levels",
        "contact_date": "date",
        "plan_start": "date",
        "sex": "levels",
        "age_years": "number",
        "imd_quintile": "levels",
        "sen_status": "levels",
        "home_language": "levels",
    }
    by_name = {each.name: each for each in seen.columns}
    assert by_name["age_years"].share_missing == pytest.approx(0.01, abs=0.005)
    assert (by_name["age_years"].lowest, by_name["age_years"].highest) == ("0", "17")
    assert dict(by_name["sex"].levels).keys() == {"F", "M", "I"}
    assert sum(rows for _, rows in by_name["sex"].levels) == by_name["sex"].rows
    assert seen.evidence == "records"


def test_the_authority_is_the_column_that_the_groups_name(seen: Profile) -> None:
    assert roles_of(seen, [*make.PILOTS]).one("authority") == "council"
    without = roles_of(seen, [])
    assert without.one("authority") == ""
    assert "council" in without.authority


def test_what_could_be_two_things_is_left_to_the_analyst(records: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    text = (records / "referrals.csv").read_text("utf-8")
    header, *lines = text.splitlines()
    twice = [f"{header},second_date", *(f"{line},2020-01-01" for line in lines)]
    (folder / "referrals.csv").write_text("\n".join(twice), encoding="utf-8")
    init(folder, tmp_path / "analysis", name="hubs")
    draft = (tmp_path / "analysis" / "hubs-children.toml").read_text("utf-8")
    assert (
        'referral_date = "DECIDE: the date of referral; one of contact_date, second_date"' in draft
    )
    assert 'authority = "DECIDE: the column of the authority; one of council, ' in draft


def test_a_draft_is_refused_until_all_is_decided(begun: Begun, records: Path) -> None:
    path = begun.folder / "hubs-children.toml"
    marks = len(re.findall("DECIDE:", path.read_text("utf-8")))
    faults = check(records, path)
    assert len(faults) == marks > 5
    assert all("found DECIDE" in str(fault) for fault in faults)
    with pytest.raises(BadSpec, match="found DECIDE"):
        spec.load(path)


def test_a_draft_that_is_decided_can_be_used(begun: Begun, records: Path) -> None:
    for name in ("hubs-children", "hubs-linear", "hubs-logistic"):
        decided(begun.folder / f"{name}.toml")
    children = spec.load(begun.folder / "hubs-children.toml")
    assert isinstance(children, ChildrenAnalysis)
    assert children.records.years == make.YEARS
    assert children.records.columns.authority == "council"
    assert [each.name for each in children.records.authority_covariates] == [
        *("deprivation", "caseload")
    ]
    assert children.records.covariate("imd_quintile").missing_codes == ("NK",)
    for name in ("hubs-linear", "hubs-logistic"):
        assert isinstance(spec.load(begun.folder / f"{name}.toml"), HierarchicalAnalysis)
        assert check(records, begun.folder / f"{name}.toml") == ()


def test_priors_are_in_proportion_and_their_range_is_what_they_draw() -> None:
    few, many = scales_of(0.02, linear=True), scales_of(0.2, linear=True)
    assert many.reference == pytest.approx(10 * few.reference)
    assert scales_of(0.02, linear=False).reference == scales_of(0.2, linear=False).reference
    low, high = predictive(scales_of(0.06, linear=False), linear=False)["rate"]
    assert 0 < low < 0.06 < high < 0.5
    low, high = predictive(few, linear=True)["change"]
    assert (low, high) == pytest.approx((-1.645 * few.reference, 1.645 * few.reference), rel=0.05)


def test_the_verb_shows_what_it_saw(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(records), "-o", str(tmp_path / "new"), "--name", "hubs"]) == 0
    out = capsys.readouterr().out
    assert "| imd_quintile | levels | 6 | 0.0% |" in out
    assert "outcomes among rows, by authority and year" in out
    assert str(tmp_path / "new" / "hubs-linear.toml") in out
    assert out.partition("\n")[0] in (tmp_path / "new" / "seen.md").read_text("utf-8")


def test_no_value_of_a_single_child_is_shown(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "records"
    shutil.copytree(records, folder)
    file = folder / "referrals.csv"
    children = pd.read_csv(file, dtype=str, keep_default_na=False)
    planted = {"home_language": "Xanadic", "age_years": "4711", "contact_date": "1999-01-02"}
    for row, (column, value) in enumerate(planted.items()):
        children.loc[row, column] = value
    children.to_csv(file, index=False)
    assert main(["init", str(folder), "-o", str(tmp_path / "new"), "--name", "hubs"]) == 0
    told = capsys.readouterr().out
    told += "".join(path.read_text("utf-8") for path in (tmp_path / "new").iterdir())
    assert not [value for value in (*planted.values(), "1999") if value in told]
    assert "home_language 1" in told and "1 further value in 1 row" in told
    common = children["home_language"].value_counts().index[0]
    assert f"| home_language | {common} |" in told


def test_a_panel_of_counts_is_drafted_too(tmp_path: Path) -> None:
    rows = [
        f"Council {i},E0{i},{y},{5 + i},{100 + y - 2010}"
        for i in range(4)
        for y in range(2011, 2016)
    ]
    panel = tmp_path / "panel.csv"
    panel.write_text("\n".join(["authority,code,year,plans,children", *rows]), encoding="utf-8")
    begun = init(panel, tmp_path / "analysis", year_begins=1)
    [seen] = begun.tables
    assert seen.title == "panel.csv: plans among children, by authority and year"
    assert seen.notes == ("2015 begins in January 2015.",)
    path = tmp_path / "analysis" / "panel-counts.toml"
    text = path.read_text("utf-8")
    with pytest.raises(BadSpec, match=r"design\.pilots\.0\.authority: found DECIDE"):
        spec.load(path)
    for pilot in ("Council 0", "Council 1"):
        text = re.sub('authority = "DECIDE[^\n]*', f'authority = "{pilot}"', text, count=1)
    text = re.sub("settling_in = .*", "settling_in = [2013, 2013]", text)
    path.write_text(text, encoding="utf-8")
    found = spec.load(decided(path))
    assert isinstance(found, OpenAnalysis)
    assert (found.data.events, found.data.denominator) == ("plans", "children")
    assert years_of(found).name(2015) == "2015"
    assert years_of(spec.load("icpc-open-data")).name(2015) == "2015/16"
    lines: list[str] = []
    assert check(panel, path, noticed=lines.append) == ()
    assert lines == []
    panel.write_text(re.sub("(Council [02],.*,201[13]),[0-9]+,", r"\1,c,", panel.read_text()))
    assert check(panel, path, noticed=lines.append) == ()
    assert lines == [
        "Council 2: not compared: not observed in 2011, 2013",
        "Council 0: compared without 2011, 2013",  # when it is settling in
    ]


def test_all_faults_of_all_files_are_named_at_once(records: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for path in records.iterdir():
        text = path.read_text("utf-8")
        if path.name == "referrals.csv":
            text = text.replace(",NK,", ",??,").replace("2015-04-0", "2015-13-0", 1)
        if path.name == "groups.csv":
            text = text.replace("2018-03-31", "2018-02-31")
        if path.name == "authorities.csv":
            text = text.replace("caseload", "caselaod")
        (folder / path.name).write_text(text, encoding="utf-8")
    said = "\n".join(map(str, check(folder, CHILDREN)))
    for fault in (
        "a code without a level",
        "no day of the calendar",
        "settling_in_end",
        "caseload",
    ):
        assert fault in said
    assert "??" not in said


def test_what_the_files_are_together_is_checked(records: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for path in records.iterdir():
        text = path.read_text("utf-8").replace("Penrith,2019", "Penrithe,2019")
        (folder / path.name).write_text(text, encoding="utf-8")
    [fault] = check(folder, CHILDREN)
    assert "Penrith" in str(fault)
    assert main(["check", str(folder), str(CHILDREN)]) == 2
    assert main(["check", str(records), str(CHILDREN)]) == 0


def test_without_covariates_of_authorities_there_is_no_file_of_them(
    records: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for name in ("referrals.csv", "groups.csv"):
        (folder / name).write_text((records / name).read_text("utf-8"), encoding="utf-8")
    text = CHILDREN.read_text("utf-8")
    text = re.sub(r"\[\[records.authority_covariates\]\]\n(.+\n)+", "", text)
    text = re.sub("authority_covariates = .*", "", text)
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    assert check(folder, own) == ()
    assert main(["match", str(own), str(folder), "-o", str(tmp_path / "matched")]) == 0
    assert "authorities" in str(check(folder, CHILDREN)[0])


def test_a_declared_column_that_is_not_there_is_named(records: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(CHILDREN.read_text("utf-8").replace('"site"', '"sit"'), encoding="utf-8")
    [fault] = check(records, own)
    assert "groups.csv: line 1: found no column sit (did you mean site?)" in str(fault)


def test_years_may_begin_in_another_month(records: Path, tmp_path: Path) -> None:
    order = ["init", str(records), "-o", str(tmp_path / "new"), "--name", "hubs"]
    assert main([*order, "--year-begins", "1"]) == 0
    draft = (tmp_path / "new" / "hubs-children.toml").read_text("utf-8")
    # The made-up contacts run from April 2015 to March 2023.
    assert "years = [2015, 2016, 2017, 2018, 2019, 2020, 2021, 2022, 2023]" in draft
    assert "year_begins = 1 " in draft
    assert "2015 begins in January 2015" in (tmp_path / "new" / "seen.md").read_text("utf-8")
    with pytest.raises(BadInput, match="year_begins: found 13; allowed: a month, 1 to 12"):
        init(records, tmp_path / "other", year_begins=13)


def test_pictures_before_matching_hold_no_small_number(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "before"
    assert main(["check", str(records), str(LINEAR), "--pictures", str(folder)]) == 0
    assert str(folder / "rates-before-matching.png") in capsys.readouterr().out
    children = pd.read_csv(records / "referrals.csv", parse_dates=["contact_date", "plan_start"])
    day, plan = children["contact_date"], children["plan_start"]
    children["year"] = day.dt.year - (day.dt.month < 4)
    children["plan"] = plan <= day + pd.DateOffset(months=6)
    children["arm"] = (
        children["council"].isin([*make.PILOTS]).map({True: "pilots", False: "comparators"})
    )
    counts = children.groupby(["arm", "year"])["plan"].agg(["sum", "size"])
    few = counts[["sum"]].assign(others=counts["size"] - counts["sum"]).min(axis=1) < 10
    assert few.any() and not few.all()  # or nothing is tried
    shown = pd.read_csv(folder / "rates-before-matching.csv").set_index(["arm", "year"])["rate"]
    pd.testing.assert_series_equal(
        shown.sort_index(),
        (counts["sum"] / counts["size"]).mask(few).sort_index(),
        check_names=False,
        check_dtype=False,
        check_index_type=False,
    )
    assert not (folder / "pre-trend-distances.csv").exists()  # each council has few plans a year


def test_distances_are_those_of_the_choice(tmp_path: Path) -> None:
    make.write(tmp_path / "records", referrals=60_000)
    folder = pictures_before(tmp_path / "records", CHILDREN, tmp_path / "before", formats=["svg"])
    found = pd.read_csv(folder / "pre-trend-distances.csv")
    assert {*found["named"]} == {"yes"}
    assert found.groupby("pilot")["distance"].is_monotonic_increasing.all()
    svg = (folder / "pre-trend-distances.svg").read_text("utf-8")
    assert f"Ashby {found.loc[found['pilot'] == 'Ashby', 'distance'].min():.2f}" in svg
    assert len(found) < 5 * 14  # some rest on fewer than ten


OF_PRINT: Mapping[str, str] = {
    **DECIDED,
    "outcome": '"plans"',
    "source": '"Table 2 of Smith (2020)"',
    "did": '"-0.0184**"',
    "pilot": '"0.0210"',
    "did_se": '"(0.0081)"',
    "scale": '"risk"',
    "pilots": "6",
    "comparators": "9",
    "years_pre": "3",
    "years_post": "2",
    "base_rate": "0.2",
    "se_reading": '"authority"',
    "star_levels": "[0.1, 0.05, 0.01]",
    "sd": "0.1",
}


def test_a_child_that_is_a_number_is_pointed_at_and_left_to_decide(tmp_path: Path) -> None:
    make.write(tmp_path / "records")
    path = tmp_path / "records" / "referrals.csv"
    rows = pd.read_csv(path)
    rows["person_ref"] = rows["person_ref"].str[1:].astype(int) + 1
    rows.to_csv(path, index=False)
    init(tmp_path / "records", tmp_path / "drafts", name="hubs")
    text = (tmp_path / "drafts" / "hubs-children.toml").read_text("utf-8")
    different = rows["person_ref"].nunique()
    assert f'child = "DECIDE: the column of the child (person_ref has {different:,} num' in text


def test_a_number_below_the_only_effect_is_not_taken_for_its_error(tmp_path: Path) -> None:
    table = tmp_path / "wages.md"
    table.write_text("| | (1) |\n|---|---|\n| DiD | 0.058** |\n| | (2.27) |\n", encoding="utf-8")
    init(table, tmp_path / "drafts")
    text = (tmp_path / "drafts" / "wages-print.toml").read_text("utf-8")
    assert 'did = "0.058**"  # DiD' in text
    assert 'did_se = "DECIDE: (2.27), if it is its standard error, and no t or p"' in text


@pytest.mark.parametrize("below", ["[0.01, 0.11]", "0.01 to 0.11", "0.01–0.11"])
def test_two_numbers_below_the_only_effect_are_the_ends_of_an_interval(
    below: str, tmp_path: Path
) -> None:
    table = tmp_path / "wages.md"
    table.write_text(f"| | (1) |\n|---|---|\n| DiD | 0.06 |\n| | {below} |\n", encoding="utf-8")
    init(table, tmp_path / "drafts")
    text = (tmp_path / "drafts" / "wages-print.toml").read_text("utf-8")
    assert f'did_interval = ["DECIDE: its ends as two texts, of {below}"]' in text
    assert "did_se" not in text


def test_a_printed_table_that_was_typed_in_is_drafted(tmp_path: Path) -> None:
    table = tmp_path / "smith.md"
    rows = ["| | (1) |", "|---|---|", "| Treated | 0.0210 |", "| Treated × post | −0.0184** |"]
    table.write_text("\n".join([*rows, "| | (0.0081) |"]), encoding="utf-8")
    assert main(["init", str(table), "-o", str(tmp_path / "drafts")]) == 0
    path = tmp_path / "drafts" / "smith-print.toml"
    text = path.read_text("utf-8")
    with pytest.raises(BadSpec, match=r"as_printed\.did: found DECIDE"):
        spec.load(path)
    assert "one of Treated: 0.0210; Treated × post: −0.0184**" in text
    lines = []
    for line in text.splitlines():
        key = line.partition(" = ")[0]
        key = f"{key} = {OF_PRINT[key]}" if "DECIDE:" in line and key in OF_PRINT else line
        lines.append(key)
    text = "\n".join(lines).replace('"DECIDE: as the design"', '"risk"')
    text = text.replace('scale = "risk"\nwhy = ', "scale = 0.1\nwhy = ")  # of authorities
    path.write_text(text, encoding="utf-8")
    found = spec.load(path)
    assert isinstance(found, spec.PrintedAnalysis)
    [shown] = effects_of_print(found)
    assert shown.status == "converged"
    assert shown.evidence_line == (
        "Evidence: computed from numbers printed in Table 2 of Smith (2020) (published-inferred)."
    )
    of_report = replace(found, as_printed=None, from_table=OF_REPORT, intervention=None)
    [by_other] = effects_of_print(of_report)
    assert "Smith" not in by_other.evidence_line


def test_one_row_alone_is_filled_in_and_no_more(tmp_path: Path) -> None:
    table = tmp_path / "one.csv"
    table.write_text("row,a,b\nDiD,0.02*,0.03\n", encoding="utf-8")
    init(table, tmp_path / "drafts")
    drafts = sorted((tmp_path / "drafts").glob("*.toml"))
    assert [path.name for path in drafts] == ["one-1-a.toml", "one-2-b.toml"]
    text = drafts[0].read_text("utf-8")
    assert 'did = "0.02*"  # DiD' in text
    assert "pilot" not in text.partition("[design]")[0].partition("[as_printed]")[2]
    assert "priors.pilot_difference" not in text


CLEAN = "authority,code,year,plans,children"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('Council 9,E09,2011,5,"1,234"', "line 22, column children: found '1,234'"),
        ("Council 9,E09,2011/12,5,100", "line 22, column year: found '2011/12'"),
        ("Council 0,E00,2011,5,100", "line 22: found Council 0 in 2011 again"),
        ("Council 9,E09,2011,100,5", "found plans 100, more than children 5"),
        ("Council 9,,2011,5,100", "line 22: found no name or no code"),
    ],
)
def test_a_panel_that_no_fit_takes_is_refused(line: str, message: str, tmp_path: Path) -> None:
    rows = [f"Council {i},E0{i},{y},{5 + i},{100 + i}" for i in range(4) for y in range(2011, 2016)]
    panel = tmp_path / "panel.csv"
    panel.write_text("\n".join([CLEAN, *rows, line]), encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(message)):
        init(panel, tmp_path / "analysis")
    assert not (tmp_path / "analysis").exists()


@pytest.mark.parametrize("years", ["{}", "{}/12"])
@pytest.mark.parametrize(
    "header", ["Authority,Code,Year,Plans,Children", "Kommune,Kode,Jahr,Faelle,Kinder"]
)
def test_counts_under_other_headings_are_no_children(
    header: str, years: str, tmp_path: Path
) -> None:
    rows = [
        f"Council {i},E0{i},{years.format(y)},{5 + i},{100 + 7 * y}"
        for i in range(4)
        for y in range(2011, 2016)
    ]
    panel = tmp_path / "panel.csv"
    panel.write_text("\n".join([header, *rows]), encoding="utf-8")
    with pytest.raises(BadInput, match="years and numbers without a date; allowed: counts with"):
        init(panel, tmp_path / "analysis")
    assert not (tmp_path / "analysis").exists()


def test_check_says_what_counts_cannot_be_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    assert check([], "icpc-open-data", noticed=lines.append) == ()
    assert "City of London: not compared: not observed in 2013, 2014, 2017" in lines
    assert any(line.startswith("Bexley: not compared: excluded: ") for line in lines)
    assert main(["check", "icpc-open-data"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == lines


def test_print_needs_no_data_and_children_need_one_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "icpc-printed"]) == 0
    assert capsys.readouterr().out == "icpc-printed: nothing wrong was found\n"
    assert main(["check", str(tmp_path), "icpc-printed"]) == 2
    assert "a printed analysis has its own" in capsys.readouterr().err
    for given, found in (([], "nothing"), ([str(tmp_path)] * 2, "2 paths")):
        assert main(["check", *given, "icpc-children"]) == 2
        assert f"data: found {found}; allowed: one" in capsys.readouterr().err


def test_a_panel_of_one_year_or_without_counts_is_refused(tmp_path: Path) -> None:
    for name, years, count in (("one", [2011], "5"), ("none", [2011, 2012], "c")):
        rows = [f"Council {i},E0{i},{y},{count},100" for i in range(4) for y in years]
        panel = tmp_path / f"{name}.csv"
        panel.write_text("\n".join([CLEAN, *rows]), encoding="utf-8")
        with pytest.raises(BadInput, match=r"found 2011 to 2011|with both counts"):
            init(panel, tmp_path / "analysis")
