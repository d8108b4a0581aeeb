"""Referrals from files and frames: one canonical table, and rules that quote no record."""

import gzip
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.referrals import open_referrals, register_referrals
from sofs_bayes.spec import ChildrenAnalysis, Columns, Levels, Number, load, parse

CANONICAL = [
    *("referral", "child", "authority", "referral_date", "outcome"),
    *("gender", "age", "disabled", "school_phase", "low_income", "ethnic_group", "main_need"),
]


@pytest.fixture(scope="module")
def analysis() -> ChildrenAnalysis:
    loaded = load("icpc-children")
    assert isinstance(loaded, ChildrenAnalysis)
    return loaded


@pytest.fixture
def frame() -> pd.DataFrame:
    """Five referrals; words and numbers that no message has a reason to contain."""
    return pd.DataFrame(
        {
            "child": ["QX71", "QX72", "QX73", "QX71", "QX75"],
            "authority": ["Zorbury", "Zorbury", "Quillshire", "Quillshire", "Quillshire"],
            "referral_date": ["2013-05-17", "2013-05-18", "2014-07-29", "2016-02-29", "2017-03-31"],
            "icpc_date": ["2013-08-15", "2013-08-17", None, "2016-02-29", "2018-01-19"],
            "gender": ["1", "2", "0", "9", None],
            "age": [4.5, 0.0, -0.25, None, 17.0],
            "disabled": ["no", "1", "0", "9", None],
            "school_phase": ["before school", "primary", "secondary", "missing", "primary"],
            "low_income": ["0", "1", "2", "9", "below school age"],
            "ethnic_group": ["White", "Mixed", "Chinese", "any other", "unclassified"],
            "main_need": ["N1", "N0", "N9", "abuse or neglect", None],
            "a note nobody asked for": ["secret-a", "secret-b", "secret-c", "secret-d", "secret-e"],
        }
    )


EXPECTED = pd.DataFrame(
    {
        "referral": [0, 1, 2, 3, 4],
        "child": ["QX71", "QX72", "QX73", "QX71", "QX75"],
        "authority": ["Zorbury", "Zorbury", "Quillshire", "Quillshire", "Quillshire"],
        "referral_date": [
            *(date(2013, 5, 17), date(2013, 5, 18), date(2014, 7, 29)),
            *(date(2016, 2, 29), date(2017, 3, 31)),
        ],
        "outcome": [1, 0, 0, 1, 0],  # 90 days; 91 days; none; the same day; too late
        "gender": ["male", "female", "other or unborn", "missing", "missing"],
        "age": [4.5, 0.0, -0.25, None, 17.0],
        "disabled": ["no", "yes", "no", "missing", "missing"],
        "school_phase": ["before school", "primary", "secondary", "missing", "primary"],
        "low_income": ["no", "yes", "below school age", "missing", "below school age"],
        "ethnic_group": ["White", "Mixed", "Chinese", "any other", "unclassified"],
        "main_need": [
            *("abuse or neglect", "not stated", "cases other than children in need"),
            *("abuse or neglect", "missing"),
        ],
    }
)


def canonical(source: Path | pd.DataFrame, analysis: ChildrenAnalysis) -> list[tuple[Any, ...]]:
    opened = (
        register_referrals(source, analysis)
        if isinstance(source, pd.DataFrame)
        else open_referrals(source, analysis)
    )
    with opened as referrals:
        result = referrals.connection.execute("SELECT * FROM referrals ORDER BY referral")
        names = [column[0] for column in result.description or []]
        assert names[:5] == CANONICAL[:5]
        assert names[5:] == [each.name for each in analysis.records.covariates]
        rows = result.fetchall()
        assert referrals.rows == len(rows)
    return rows


def expected() -> list[tuple[Any, ...]]:
    plain = EXPECTED.astype(object).where(EXPECTED.notna(), None)
    return [tuple(row) for row in plain.itertuples(index=False)]


def refused(source: Path | pd.DataFrame, analysis: ChildrenAnalysis) -> list[str]:
    """The lines of a refusal."""
    with pytest.raises((BadInput, BadSpec)) as error:
        canonical(source, analysis)
    assert error.value.__cause__ is None  # a reader's own error would quote the file
    assert error.value.__context__ is None or error.value.__suppress_context__
    return str(error.value).splitlines()


def nothing_quoted(lines: list[str], frame: pd.DataFrame, *but: str) -> None:
    """No line has a value of a record, of three signs or more, that is no code of the analysis."""
    codes = {"primary", "secondary", "before school", "missing", "White", "Mixed", "Chinese"}
    codes |= {"any other", "unclassified", "below school age", "abuse or neglect", *but}
    values = {str(value) for column in frame.columns for value in frame[column].dropna()}
    hidden = {value for value in values if len(value) > 2} - codes
    assert hidden
    for line in lines:
        assert not [value for value in hidden if value in line], line


# ------------------------------------------------------------------------------- formats


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with dates as dates and codes as the numbers they are."""
    return frame.assign(
        referral_date=pd.to_datetime(frame["referral_date"]),
        icpc_date=pd.to_datetime(frame["icpc_date"]),
        gender=frame["gender"].astype(float),
        disabled=frame["disabled"].map({"no": 0.0, "1": 1.0, "0": 0.0, "9": 9.0}),
        low_income=frame["low_income"].replace("below school age", "2").astype(int),
    )


def as_csv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "referrals.csv", index=False)
    return folder / "referrals.csv"


def as_csv_with_a_mark(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "referrals.csv", index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return folder / "referrals.csv"


def as_quoted_csv(frame: pd.DataFrame, folder: Path) -> Path:
    numbered(frame).to_csv(folder / "referrals.csv", index=False, quoting=1)  # floats as "1.0"
    return folder / "referrals.csv"


def as_gzip(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "referrals.csv.gz", index=False)
    return folder / "referrals.csv.gz"


def as_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_parquet(folder / "referrals.parquet")
    return folder / "referrals.parquet"


def as_typed_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    numbered(frame).to_parquet(folder / "referrals.parquet")
    return folder / "referrals.parquet"


def as_stata(frame: pd.DataFrame, folder: Path) -> Path:
    typed = numbered(frame).rename(columns={"a note nobody asked for": "note"})
    typed["main_need"] = typed["main_need"].fillna("")
    typed.to_stata(
        folder / "referrals.dta",
        write_index=False,
        version=118,
        convert_dates={"referral_date": "td", "icpc_date": "td"},
    )
    return folder / "referrals.dta"


def as_frame(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return frame


def as_typed_frame(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return numbered(frame).astype({"authority": "category"})


Writer = Callable[[pd.DataFrame, Path], Path | pd.DataFrame]
WRITERS: list[Writer] = [
    *(as_csv, as_csv_with_a_mark, as_quoted_csv, as_gzip, as_parquet, as_typed_parquet),
    *(as_stata, as_frame, as_typed_frame),
]


@pytest.mark.parametrize("write", WRITERS)
def test_every_format_gives_one_table(
    write: Writer, frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    before = frame.copy(deep=True)
    assert canonical(write(frame, tmp_path), analysis) == expected()
    pd.testing.assert_frame_equal(frame, before)


def test_rows_that_differ_give_tables_that_differ(
    frame: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    frame.loc[1, "icpc_date"] = "2013-08-16"  # the 90th day
    assert canonical(frame, analysis) != expected()


def test_a_path_that_looks_like_a_pattern_is_one_file(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    folder = tmp_path / "year=2013 [copy] 'a'"
    folder.mkdir()
    for write in (as_csv, as_parquet):
        path = write(frame, folder)
        assert canonical(path, analysis) == expected()
        for name in ("referrals*", "referrals[1-9]"):
            like = path.with_name(name + path.suffix)
            write(frame.iloc[:2], folder).rename(like)
            write(frame, folder).rename(path.with_name("referrals5" + path.suffix))
            assert canonical(like, analysis) == expected()[:2]


def test_the_ending_of_a_name_may_be_in_capitals(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    for write in (as_csv, as_gzip, as_parquet, as_stata):
        path = write(frame, tmp_path)
        assert canonical(path.rename(path.with_name(path.name.upper())), analysis) == expected()


def test_spaces_around_values_and_times_of_day_are_no_fault(
    frame: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    frame["child"] = " " + frame["child"] + "  "
    frame["gender"] = frame["gender"] + " "
    frame["referral_date"] = frame["referral_date"] + " 00:00:00"
    frame.loc[0, "icpc_date"] = "2013-08-15T23:59:59.5"
    frame["age"] = frame["age"].astype(str).replace("nan", "  ")
    assert canonical(frame, analysis) == expected()


def test_rows_keep_the_order_of_the_file(analysis: ChildrenAnalysis, frame: pd.DataFrame) -> None:
    repeated = frame.iloc[np.zeros(300_000, dtype=int)]
    numbered_ = repeated.assign(child=np.arange(len(repeated)))
    with register_referrals(numbered_, analysis, threads=2) as referrals:
        unlike = referrals.connection.execute(
            "SELECT count(*) FROM referrals WHERE referral <> CAST(child AS BIGINT)"
        ).fetchone()
    assert unlike == (0,)


# ------------------------------------------------------------------------------- outcomes


def one(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    return frame.iloc[[0]].assign(**values)


def with_records(analysis: ChildrenAnalysis, **changes: Any) -> ChildrenAnalysis:
    return replace(analysis, records=replace(analysis.records, **changes))


@pytest.mark.parametrize(
    ("referred", "happened", "outcome"),
    [
        ("2012-02-29", "2013-02-28", 1),  # twelve months after 29 February end on the 28th
        ("2012-02-29", "2013-03-01", 0),
        ("2013-04-30", "2014-04-30", 1),
        ("2013-04-30", "2014-05-01", 0),
        ("2013-04-30", "2013-04-30", 1),
        ("2013-04-30", None, 0),
    ],
)
def test_a_window_of_months_is_one_of_the_calendar(
    referred: str, happened: str | None, outcome: int, frame: pd.DataFrame
) -> None:
    cla = load("cla-children")
    assert isinstance(cla, ChildrenAnalysis)
    row = one(frame, referral_date=referred, care_date=pd.Series([happened], dtype=object))
    assert canonical(row, cla)[0][4] == outcome


@pytest.mark.parametrize("flags", [["1", "0"], [1, 0], [1.0, 0.0], [True, False], ["1.0", "0.0"]])
def test_an_outcome_may_be_a_flag(
    flags: list[object], frame: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    flagged = with_records(analysis, columns=Columns(outcome_flag="icpc"))
    rows = canonical(frame.iloc[:2].assign(icpc=flags), flagged)
    assert [row[4] for row in rows] == [1, 0]


@pytest.mark.parametrize("flag", ["2", "", None, "yes"])
def test_a_flag_is_0_or_1(flag: object, frame: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    flagged = with_records(analysis, columns=Columns(outcome_flag="icpc"))
    lines = refused(frame.assign(icpc=pd.Series([flag] * 5, dtype=object)), flagged)
    assert lines == [
        "the frame: column icpc: found neither 0 nor 1 in 5 of 5 rows; allowed: 0 or 1"
    ]


def small(name: str = "sex", **records: object) -> ChildrenAnalysis:
    """An analysis with one covariate."""
    level = {"levels": {"a": ["1"], "b": ["2"]}, "kind": "levels", "reference": "a"}
    document = {
        "kind": "children",
        "name": "small",
        "title": "A small analysis",
        "outcome": "ICPC",
        "why": "made up for a test",
        "records": {
            "columns": {"outcome_date": "icpc_date"},
            "window": {"days": 90},
            "years": [2012, 2013],
            "covariates": [{"name": name, "column": "sex", **level}],
            **records,
        },
        "matching": {"exact": [name], "balance": [name]},
        "regressions": {
            "covariates": [name],
            "columns": [{"name": "Linear", "model": "linear"}],
        },
    }
    parsed = parse(document, file="made up")
    assert isinstance(parsed, ChildrenAnalysis)
    return parsed


@given(
    days=st.integers(1, 400),
    referred=st.dates(date(2008, 4, 1), date(2019, 3, 31)),
    later=st.integers(0, 800),
)
@settings(deadline=None, max_examples=30)
def test_an_outcome_counts_up_to_the_last_day_of_the_window(
    days: int, referred: date, later: int
) -> None:
    analysis = small(window={"days": days})
    rows = pd.DataFrame(
        {
            "child": ["x"],
            "authority": ["y"],
            "referral_date": [referred],
            "icpc_date": [referred + timedelta(days=later)],
            "sex": [2],
        }
    )
    assert canonical(rows, analysis) == [(0, "x", "y", referred, int(later <= days), "b")]


# ------------------------------------------------------------------------------- rules


def change(column: str, *values: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The frame with these values in the first rows of a column."""

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        column_ = frame[column].astype(object)
        column_.iloc[: len(values)] = list(values)
        return frame.assign(**{column: column_})

    return changed


DAYS = "dates such as 2014-04-30 or 2014-04-30T22:30:00Z"
AGES = "-1 to 25 (years at referral)"


@pytest.mark.parametrize(
    ("spoil", "column", "found", "allowed"),
    [
        (change("child", "", None), "child", "no id in 2 of 5 rows", "an id"),
        (change("child", "   "), "child", "no id in 1 of 5 rows", "an id"),
        (change("authority", None), "authority", "no id in 1 of 5 rows", "an id"),
        (change("referral_date", None), "referral_date", "no date in 1 of 5 rows", "a date"),
        *(
            (
                change(column, *texts),
                column,
                f"no day of the calendar written YYYY-MM-DD in {len(texts)} of 5 rows",
                DAYS,
            )
            for column in ("referral_date", "icpc_date")
            for texts in (
                ["17/05/2013", "2013-5-17"],
                ["2013-02-30"],
                ["20130517", "2013-05-17x", "infinity", "41411"],
                ["2013/05/17", "epoch"],
            )
        ),
        (
            change("referral_date", "1900-01-01", "2013-05-18", "2206-05-17"),
            "referral_date",
            "an implausible date in 2 of 5 rows",
            "1990-01-01 to 2100-12-31",
        ),
        (
            change("icpc_date", "9999-12-31"),
            "icpc_date",
            "an implausible date in 1 of 5 rows",
            "1990-01-01 to 2100-12-31",
        ),
        (
            change("icpc_date", "2013-05-16"),
            "icpc_date",
            "a date before referral_date in 1 of 5 rows",
            "the day of referral_date or later",
        ),
        (
            change("gender", "7777", "-1"),
            "gender",
            "a code without a level in 2 of 5 rows",
            "1, male, 2, female, 0, other or unborn; missing: an empty cell or 9 or missing",
        ),
        (change("gender", "Male"), "gender", "a code without a level in 1 of 5 rows", None),
        (change("gender", "1.5"), "gender", "a code without a level in 1 of 5 rows", None),
        (change("age", "four"), "age", "no number in 1 of 5 rows", AGES),
        (change("age", "88.5", "-1.01"), "age", "a number out of range in 2 of 5 rows", AGES),
        (change("age", "inf", "NaN"), "age", "no number in 2 of 5 rows", AGES),
    ],
)
def test_a_broken_rule_is_named_with_its_count(
    *,
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    column: str,
    found: str,
    allowed: str | None,
    frame: pd.DataFrame,
    analysis: ChildrenAnalysis,
    tmp_path: Path,
) -> None:
    spoiled = spoil(frame)
    path = as_csv(spoiled, tmp_path)
    lines = refused(path, analysis)
    assert lines[0].startswith(f"{path}: column {column}: found {found}; allowed: {allowed or ''}")
    assert len(lines) == 1
    nothing_quoted(lines, spoiled)


def test_all_faults_are_named_at_once(frame: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    for column, value in {
        "child": None,
        "referral_date": "yesterday",
        "icpc_date": "never",
        "gender": "purple",
        "age": "young",
        "disabled": "perhaps",
        "main_need": "N77",
    }.items():
        frame = change(column, value)(frame)
    lines = refused(frame, analysis)
    assert [line.split(": ")[1] for line in lines] == [
        *("column child", "column referral_date", "column icpc_date", "column gender"),
        *("column age", "column disabled", "column main_need"),
    ]
    nothing_quoted(lines, frame)


def test_a_referral_stands_there_once(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    twice = pd.concat([frame, frame.iloc[[1, 1, 3]]])
    twice.iloc[-1, twice.columns.get_loc("age")] = 3.0  # the same in what counts
    path = as_csv(twice, tmp_path)
    lines = refused(path, analysis)
    assert lines == [
        f"{path}: columns child, authority, referral_date: found the same three values in"
        " 5 of 8 rows; allowed: a child's referral on a day once"
    ]


def test_a_child_may_be_referred_twice_on_a_day_by_two_authorities(
    frame: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    both = pd.concat([frame.iloc[[0]], frame.iloc[[0]].assign(authority="Quillshire")])
    assert len(canonical(both, analysis)) == 2


def test_a_number_may_have_codes_for_missing_or_have_to_be_there(
    frame: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    age = Number(
        kind="number", name="age", unit="years", lowest=0, highest=25, missing_codes=(-0.25, 99.0)
    )
    covariates = tuple(age if c.name == "age" else c for c in analysis.records.covariates)
    coded = with_records(analysis, covariates=covariates)
    assert [row[6] for row in canonical(frame, coded)] == [4.5, 0.0, None, None, 17.0]
    needed = tuple(replace(c, missing="refuse") if c is age else c for c in covariates)
    lines = refused(frame, with_records(analysis, covariates=needed))
    assert lines == [
        "the frame: column age: found nothing in 2 of 5 rows; allowed: 0 to 25 (years)"
    ]


def test_columns_may_be_called_otherwise(frame: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    other = with_records(
        analysis,
        columns=Columns(child="PersonID", referral_date="ref_date", outcome_date="icpc_date"),
        covariates=tuple(
            replace(c, column="Gender of child") if c.name == "gender" else c
            for c in analysis.records.covariates
        ),
    )
    renamed = frame.rename(
        columns={"child": "PersonID", "referral_date": "ref_date", "gender": "Gender of child"}
    )
    assert canonical(renamed, other) == expected()


@pytest.mark.parametrize("name", ["child", "Group", "weight", "YEAR"])
def test_a_covariate_is_not_called_as_a_column_of_the_pipeline(
    name: str, frame: pd.DataFrame
) -> None:
    (line,) = refused(frame.assign(sex=1), small(name))
    assert line.startswith(f"small: covariates of the records: found {name}; allowed: names of")


def test_names_that_capitals_alone_tell_apart_are_refused(frame: pd.DataFrame) -> None:
    (line,) = refused(frame.assign(sex=1), small(authority_covariates=[{"name": "Sex"}]))
    assert line.startswith("small: covariates of the records: found Sex; allowed: names of their")


@given(order=st.permutations(range(5)))
@settings(deadline=None, max_examples=5)
def test_the_order_of_rows_changes_their_numbers_alone(order: list[int]) -> None:
    analysis = load("icpc-children")
    assert isinstance(analysis, ChildrenAnalysis)
    source = EXPECTED.drop(columns=["referral", "outcome"]).assign(icpc_date=None)
    rows = canonical(source.iloc[order], analysis)
    assert [row[0] for row in rows] == list(range(5))
    plain = canonical(source, analysis)
    assert [row[1:] for row in rows] == [plain[i][1:] for i in order]


# ------------------------------------------------------------------------------- columns


def test_a_missing_column_is_named_with_a_similar_one(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    renamed = frame.rename(columns={"referral_date": "referal_date", "gender": "Gender"})
    for path in (as_csv(renamed, tmp_path), as_parquet(renamed, tmp_path)):
        lines = refused(path, analysis)
        allowed = "allowed: the column once (the analysis says what columns are called)"
        assert lines == [
            f"{path}: column referral_date: found no such column (did you mean referal_date?);"
            f" {allowed}",
            f"{path}: column gender: found no such column (did you mean Gender?); {allowed}",
        ]


def test_a_first_record_in_the_place_of_a_header_is_not_quoted(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / "referrals.csv"
    frame.loc[0, "child"] = "childe"  # it resembles a column's name
    frame.to_csv(path, index=False, header=False)
    lines = refused(path, analysis)
    assert len(lines) == 11
    assert not [line for line in lines if "did you mean" in line]
    nothing_quoted(lines, frame.drop(columns="child"))


def test_a_column_twice_is_refused(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    doubled = pd.concat([frame, frame[["age"]]], axis="columns")
    for source in (as_csv(doubled, tmp_path), doubled):
        (line,) = refused(source, analysis)
        assert "column age: found it twice" in line


# ------------------------------------------------------------------------------- files


def test_a_folder_has_one_file_of_referrals(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    (line,) = refused(tmp_path, analysis)
    assert "found none" in line
    path = as_csv(frame, tmp_path)
    for name in ("authorities.csv", "groups.csv", "notes.txt"):
        (tmp_path / name).write_text("x\n")
    assert canonical(tmp_path, analysis) == expected()
    frame.iloc[:2].to_parquet(tmp_path / "icpc-synthetic-Children.parquet")
    assert canonical(tmp_path, analysis) == expected()[:2]
    (tmp_path / "icpc-synthetic-Children.parquet").rename(tmp_path / "other.parquet")
    (line,) = refused(tmp_path, analysis)
    assert f"found other.parquet, {path.name}" in line


@pytest.mark.parametrize("name", ["referrals.xlsx", "referrals", "referrals.txt"])
def test_other_formats_are_refused(name: str, analysis: ChildrenAnalysis, tmp_path: Path) -> None:
    (tmp_path / name).write_text("child\n")
    (line,) = refused(tmp_path / name, analysis)
    assert "found a name with another ending; allowed: a file of referrals: .csv" in line


def test_a_file_that_is_not_there(analysis: ChildrenAnalysis, tmp_path: Path) -> None:
    (line,) = refused(tmp_path / "referrals.csv", analysis)
    assert line.endswith(
        "found no such file or folder; allowed: a file of referrals: .csv, .csv.gz, .parquet, .dta"
    )


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".dta"])
def test_empty_and_foreign_files_are_refused_in_a_line(
    suffix: str, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / f"referrals{suffix}"
    path.write_bytes(b"")
    (line,) = refused(path, analysis)
    assert line.startswith(f"{path}: found an empty file;")
    noise = np.random.default_rng(1).bytes(5000)
    for content in (noise, b"PK\x03\x04" + noise, b"\x8c\x0d\x04" + noise):
        path.write_bytes(content)
        (line,) = refused(path, analysis)
        assert line.startswith(f"{path}: ")


@pytest.mark.parametrize("write", [as_gzip, as_parquet, as_stata])
def test_a_file_cut_off_is_refused_in_a_line(
    write: Callable[[pd.DataFrame, Path], Path],
    frame: pd.DataFrame,
    analysis: ChildrenAnalysis,
    tmp_path: Path,
) -> None:
    path = write(frame, tmp_path)
    content = path.read_bytes()
    for kept in (20, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:kept])
        lines = refused(path, analysis)
        assert len(lines) == 1
        nothing_quoted(lines, frame)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda text: text.replace("QX72,Zorbury,", "QX72,"), "line 3: found 11 fields"),
        (lambda text: text.replace("QX72,", "QX72,,"), "line 3: found 13 fields"),
        (lambda text: text.replace("QX72", '"QX72'), "found a quote that does not end"),
        (lambda text: text.replace("QX72", '"QX"72'), "found a quote"),
        (lambda text: text.encode("utf-16").decode("latin-1"), "found text in UTF-16"),
    ],
)
def test_a_csv_file_that_is_none_is_refused_without_its_line(
    spoil: Callable[[str], str],
    found: str,
    frame: pd.DataFrame,
    analysis: ChildrenAnalysis,
    tmp_path: Path,
) -> None:
    path = as_csv(frame, tmp_path)
    path.write_text(spoil(path.read_text()), encoding="latin-1")
    lines = refused(path, analysis)
    assert len(lines) == 1
    assert found in lines[0]
    nothing_quoted(lines, frame)


def test_a_csv_file_in_another_encoding_is_refused(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = as_csv(change("authority", "Zörbury")(frame), tmp_path)
    assert canonical(path, analysis)[0][2] == "Zörbury"
    path.write_text(path.read_text(encoding="utf-8"), encoding="latin-1")
    (line,) = refused(path, analysis)
    assert "is not UTF-8" in line
    nothing_quoted([line], frame)


def test_a_header_alone_is_refused(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    for write in (as_csv, as_parquet, as_gzip, as_stata, as_frame):
        (line,) = refused(write(frame.iloc[:0], tmp_path), analysis)
        assert "found a header and no rows" in line


def test_an_encrypted_parquet_file_is_refused(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = as_parquet(frame, tmp_path)
    path.write_bytes(path.read_bytes()[:-4] + b"PARE")  # the mark of an encrypted footer
    (line,) = refused(path, analysis)
    assert "encrypted" in line


# ------------------------------------------------------------------------------- Stata


def labelled(frame: pd.DataFrame, folder: Path, **labels: dict[float, str]) -> Path:
    typed = numbered(frame)[[*CANONICAL[1:4], "icpc_date", *CANONICAL[5:]]]
    typed["main_need"] = typed["main_need"].fillna("")
    typed = typed.assign(authority=[1, 1, 2, 2, 2])
    labels.setdefault("authority", {1: "Zorbury", 2: "Quillshire"})
    path = folder / "referrals.dta"
    typed.to_stata(
        path,
        write_index=False,
        version=118,
        convert_dates={"referral_date": "td", "icpc_date": "td"},
        value_labels=dict(labels),
    )
    return path


def test_stata_labels_stand_for_their_numbers(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    sex = Levels(
        kind="levels",
        name="gender",
        levels={"male": ("Boy",), "female": ("Girl",), "other or unborn": ("0",)},
        reference="male",
        missing_codes=("Not known",),
    )
    covariates = tuple(sex if c.name == "gender" else c for c in analysis.records.covariates)
    path = labelled(frame, tmp_path, gender={1: "Boy", 2: "Girl", 9: "Not known"})
    assert canonical(path, with_records(analysis, covariates=covariates)) == expected()
    agreeing = labelled(frame, tmp_path, gender={1: "male", 2: "female", 0: "Anything"})
    assert canonical(agreeing, analysis) == expected()


def test_stata_labels_that_contradict_the_codes_are_refused(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = labelled(frame, tmp_path, gender={1: "female", 2: "male"})
    (line,) = refused(path, analysis)
    assert line == (
        f"{path}: column gender: found value labels that call 'female' what the analysis does"
        " not; allowed: codes and value labels that agree"
    )


def test_a_stata_file_is_read_in_portions(
    frame: pd.DataFrame,
    analysis: ChildrenAnalysis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sofs_bayes.records.referral_files.PORTION", 2)
    assert canonical(as_stata(frame, tmp_path), analysis) == expected()
    whole = frame.assign(age=[4, 3, 2, None, 17])  # missing in the second portion alone
    rows = canonical(as_stata(whole, tmp_path), analysis)
    assert [row[6] for row in rows] == [4.0, 3.0, 2.0, None, 17.0]
    assert canonical(labelled(frame, tmp_path), analysis) == expected()


def test_ids_that_a_number_cannot_hold_are_refused(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    exact = frame.assign(child=np.array([2**53 - 1, 1, 2, 3, 4], dtype=np.float64))
    assert canonical(exact, analysis)[0][1] == "9007199254740991"
    large = frame.assign(child=np.array([123456789, 123456790, 1, 2, 3], dtype=np.float32))
    for source in (as_stata(large, tmp_path), as_typed_parquet(large, tmp_path)):
        (line,) = refused(source, analysis)
        assert "column child: found no id, or a number that its type does not hold" in line
        assert "in 2 of 5 rows" in line


# ------------------------------------------------------------------------------- handles


def test_closing_removes_what_was_written(
    frame: pd.DataFrame,
    analysis: ChildrenAnalysis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with register_referrals(frame, analysis) as referrals:
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o077 == 0  # nobody else may read it
        assert "QX71" not in repr(referrals)
    assert not list(tmp_path.iterdir())
    refused(change("gender", "purple")(frame), analysis)
    assert not list(tmp_path.iterdir())


def test_evidence_travels_with_the_referrals(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = as_parquet(frame, tmp_path)
    with open_referrals(path, analysis) as plain, plain.connection.cursor() as cursor:
        assert plain.evidence == "records"
        marked = tmp_path / "marked.parquet"
        cursor.execute(
            f"COPY (FROM '{path}') TO '{marked}' (KV_METADATA {{evidence: 'synthetic'}})"
        )
    named = path.rename(tmp_path / "synthetic-children.parquet")
    for source in (marked, named):
        with open_referrals(source, analysis) as referrals:
            assert referrals.evidence == "synthetic"
    with register_referrals(frame, analysis, evidence="synthetic") as referrals:
        assert referrals.evidence == "synthetic"


@pytest.mark.parametrize("setting", [{"memory": "lots"}, {"threads": 0}])
def test_settings_that_are_none_are_refused(
    setting: dict[str, Any], frame: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    with pytest.raises(BadInput, match="memory: found"):
        register_referrals(frame, analysis, **setting)


def test_a_frame_of_the_caller_is_out_of_reach(
    frame: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    with register_referrals(frame, analysis) as referrals, pytest.raises(Exception, match="frame"):
        referrals.connection.execute("SELECT * FROM frame")


def test_gzip_by_another_name_is_refused(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = as_csv(frame, tmp_path)
    path.write_bytes(gzip.compress(path.read_bytes()))
    (line,) = refused(path, analysis)
    assert "no text in UTF-8" in line
