"""The same referrals in every format, as other programs write them, are read as the same."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.groups import read_groups
from sofs_bayes.records.referrals import open_referrals, register_referrals
from sofs_bayes.spec import ChildrenAnalysis, Columns, parse

Write = Callable[[pd.DataFrame, Path], Path | pd.DataFrame]


def analysis(*, flag: bool = False) -> ChildrenAnalysis:
    """An analysis with a code, a number, and an outcome's date or flag."""
    columns = Columns(outcome_flag="icpc") if flag else Columns(outcome_date="icpc_date")
    parsed = parse(
        {
            "kind": "children",
            "name": "small",
            "title": "A small analysis",
            "outcome": "ICPC",
            "why": "made up for a test",
            "records": {
                "columns": {
                    key: value
                    for key in ("outcome_flag", "outcome_date")
                    if (value := getattr(columns, key))
                },
                "window": {"days": 90},
                "years": [2016, 2017, 2018],
                "covariates": [
                    {
                        "kind": "levels",
                        "name": "sex",
                        "reference": "a",
                        "levels": {"a": ["1"], "b": ["2"]},
                    },
                    {"kind": "number", "name": "age", "unit": "years", "lowest": 0, "highest": 25},
                ],
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


def read(source: Path | pd.DataFrame, *, flag: bool = False) -> list[tuple[Any, ...]]:
    given = analysis(flag=flag)
    frame = isinstance(source, pd.DataFrame)
    with register_referrals(source, given) if frame else open_referrals(source, given) as opened:  # type: ignore[arg-type]
        rows: list[tuple[Any, ...]] = opened.connection.execute(
            "SELECT referral_date, outcome, sex, age FROM referrals ORDER BY referral"
        ).fetchall()
    return rows


def faults(source: Path | pd.DataFrame, *, flag: bool = False) -> list[str]:
    with pytest.raises(BadSpec) as error:
        read(source, flag=flag)
    return [line.partition(": ")[2] for line in str(error.value).splitlines()]


# ------------------------------------------------------------------------------- writers


def as_csv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "referrals.csv", index=False)
    return folder / "referrals.csv"


def as_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_parquet(folder / "referrals.parquet")
    return folder / "referrals.parquet"


def as_stata(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "referrals.dta"
    texts = dict.fromkeys(frame.select_dtypes("str").columns, object)
    frame.astype(texts).to_stata(path, write_index=False, version=118)
    return path


def as_stata_long(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "referrals.dta"
    texts = dict.fromkeys(frame.select_dtypes("str").columns, object)
    frame.astype(texts).to_stata(path, write_index=False, version=118, convert_strl=[*texts])
    return path


def as_frame(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return frame


def as_objects(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return frame.astype(object)


# ------------------------------------------------------------------------------ instants

INSTANTS = pd.to_datetime(
    ["2018-08-07T23:30Z", "2018-08-07T22:30Z", "2017-01-07T23:30Z", "2016-10-30T00:30Z"]
)
OUTCOMES = pd.to_datetime(["2018-11-05T22:30Z", None, "2017-04-07T23:30Z", "2016-10-30T00:45Z"])
IN_LONDON = [
    (date(2018, 8, 8), 1, "a", 3.0),
    (date(2018, 8, 7), 0, "b", 4.0),
    (date(2017, 1, 7), 0, "a", 5.0),  # the 91st day, by an hour
    (date(2016, 10, 30), 1, "b", 6.0),
]


def referrals(**columns: Any) -> pd.DataFrame:
    rows = {
        "child": ["p", "q", "r", "s"],
        "authority": ["Dell"] * 4,
        "referral_date": INSTANTS,
        "icpc_date": OUTCOMES,
        "sex": [1, 2, 1, 2],
        "age": [3.0, 4.0, 5.0, 6.0],
    }
    return pd.DataFrame(rows | columns)


def written(form: Callable[[pd.Timestamp], str]) -> pd.DataFrame:
    texts = {
        name: pd.Series(["" if pd.isna(t) else form(t) for t in times], dtype="str")
        for name, times in (("referral_date", INSTANTS), ("icpc_date", OUTCOMES))
    }
    return referrals(**texts)


def zoned(hours: int, text: str) -> Callable[[pd.Timestamp], str]:
    """Writes an instant in a zone so many hours from Greenwich."""
    return lambda t: f"{(t + pd.Timedelta(hours=hours)):%Y-%m-%dT%H:%M:%S}{text}"


FORMS = {
    "Z": zoned(0, "Z"),
    "+00:00": str,  # as pandas writes it
    "+01:00": zoned(1, "+01:00"),
    "+0100": zoned(1, "+0100"),
    "-05": zoned(-5, "-05"),
    "fractions": zoned(0, ".1234567Z"),
    "SQL Server": lambda t: f"{t:%Y-%m-%d %H:%M:%S}.0000000 +00:00",
}


@pytest.mark.parametrize("write", [as_csv, as_parquet, as_stata, as_stata_long, as_frame])
@pytest.mark.parametrize("form", FORMS)
def test_an_instant_written_out_is_its_day_in_london(
    write: Write, form: str, tmp_path: Path
) -> None:
    assert read(write(written(FORMS[form]), tmp_path)) == IN_LONDON


@pytest.mark.parametrize("write", [as_csv, as_parquet, as_frame, as_objects])
@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_an_instant_kept_as_such_is_its_day_in_london(
    write: Write, unit: str, tmp_path: Path
) -> None:
    frame = referrals(referral_date=INSTANTS.as_unit(unit), icpc_date=OUTCOMES.as_unit(unit))
    assert read(write(frame, tmp_path)) == IN_LONDON


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "UTC"])
@pytest.mark.parametrize("write", [as_csv, as_parquet, as_frame])
def test_the_machine_s_zone_has_no_part_in_it(
    write: Write, zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert read(write(referrals(), tmp_path)) == IN_LONDON
        local = referrals(
            referral_date=INSTANTS.tz_convert("Asia/Tokyo"),
            icpc_date=OUTCOMES.tz_convert("Asia/Tokyo"),
        )
        assert read(write(local, tmp_path)) == IN_LONDON
        assert groups_days(tmp_path) == (date(2014, 10, 1), date(2015, 3, 31))
    finally:
        monkeypatch.undo()
        time.tzset()


def groups_days(folder: Path) -> tuple[date, date]:
    """The days of a window given as instants in Parquet."""
    days = pd.to_datetime(["2014-09-30T23:30Z", "2015-03-31T22:30Z"])
    frame = pd.DataFrame({"pilot": ["Dell"], "comparator": ["Esk"]}).assign(
        settling_in_start=days[0], settling_in_end=days[1]
    )
    frame.to_parquet(folder / "g.parquet")
    (window,) = read_groups(folder / "g.parquet").windows
    return window.start, window.end


@pytest.mark.parametrize("name", ["g.csv", "g.dta", "g.xlsx"])
def test_windows_written_as_instants_are_days_in_london(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "pilot": ["Dell"],
            "comparator": ["Esk"],
            "settling_in_start": ["2014-09-30T23:30:00Z"],
            "settling_in_end": ["2015-03-31 23:30:00+01:00"],
        }
    )
    path = tmp_path / name
    writers: dict[str, Callable[..., Any]] = {
        "g.csv": frame.to_csv,
        "g.dta": lambda path, index: frame.astype(object).to_stata(path, write_index=index),
        "g.xlsx": frame.to_excel,
    }
    writers[name](path, index=False)
    (window,) = read_groups(path).windows
    assert (window.start, window.end) == (date(2014, 10, 1), date(2015, 3, 31))


@pytest.mark.parametrize("write", [as_csv, as_parquet, as_stata, as_frame])
def test_times_without_a_zone_stay_as_they_are(write: Write, tmp_path: Path) -> None:
    plain = [(day, *rest) for day, *rest in IN_LONDON]
    plain[0] = (date(2018, 8, 7), 1, "a", 3.0)
    frame = written(lambda t: f"{t:%Y-%m-%d %H:%M:%S}")
    assert [row[0] for row in read(write(frame, tmp_path))] == [row[0] for row in plain]


@pytest.mark.parametrize(
    "text", ["2018-08-07T25:00:00Z", "2018-08-07T23:30:00+15:00", "2018-08-07Z"]
)
@pytest.mark.parametrize("write", [as_csv, as_parquet, as_stata])
def test_instants_that_are_none_are_refused(write: Write, text: str, tmp_path: Path) -> None:
    source = write(written(lambda t: text).assign(icpc_date=""), tmp_path)
    assert faults(source) == [
        "column referral_date: found no day of the calendar written YYYY-MM-DD in 4 of 4 rows;"
        " allowed: dates such as 2014-04-30 or 2014-04-30T22:30:00Z"
    ]


# ------------------------------------------------------------------------- not-a-number

NAN = float("nan")


def as_arrow(frame: pd.DataFrame, folder: Path, kind: pa.DataType = None) -> Path:
    """Parquet with not-a-number kept apart from null, as Polars and DuckDB write it."""
    kind = kind or pa.float64()
    columns = {
        str(name): pa.array(
            [float(x) for x in values],
            kind if values.dtype.kind in "f" else None,
            from_pandas=False,
        )
        if values.dtype.kind == "f"
        else pa.array(values)
        for name, values in frame.items()
    }
    pq.write_table(pa.table(columns), folder / "referrals.parquet")
    assert any(
        pa.types.is_floating(column.type) and column.null_count == 0
        for column in pa.table(columns).columns
    )
    return folder / "referrals.parquet"


def as_arrow_single(frame: pd.DataFrame, folder: Path) -> Path:
    return as_arrow(frame, folder, pa.float32())


def as_arrow_frame(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return pq.read_table(as_arrow(frame, folder)).to_pandas(types_mapper=pd.ArrowDtype)


def as_masked_frame(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    floats = frame.select_dtypes("float").columns
    masked = {
        name: pd.arrays.FloatingArray(frame[name].to_numpy(), np.zeros(len(frame), dtype=bool))
        for name in floats
    }
    return frame.assign(**masked)


WITH_NAN: list[Write] = [
    *(as_arrow, as_arrow_single, as_arrow_frame, as_masked_frame),
    *(as_parquet, as_csv, as_frame, as_objects, as_stata),
]
DAYS = pd.to_datetime(["2018-08-08", "2018-08-07", "2017-01-07", "2016-10-30"]).astype("str")


@pytest.mark.parametrize("write", WITH_NAN)
def test_not_a_number_is_missing(write: Write, tmp_path: Path) -> None:
    frame = referrals(
        referral_date=DAYS,
        icpc_date=[NAN] * 4,
        sex=[1.0, NAN, 2.0, 1.0],
        age=[3.0, 4.0, NAN, 6.0],
    )
    rows = read(write(frame, tmp_path))
    assert [row[1:] for row in rows] == [
        (0, "a", 3.0),
        (0, "missing", 4.0),
        (0, "b", None),
        (0, "a", 6.0),
    ]


@pytest.mark.parametrize("write", WITH_NAN)
def test_not_a_number_is_missing_where_nothing_may_be(write: Write, tmp_path: Path) -> None:
    flagged = referrals(referral_date=DAYS, icpc=[1.0, NAN, 0.0, 1.0]).drop(columns="icpc_date")
    assert faults(write(flagged, tmp_path), flag=True) == [
        "column icpc: found neither 0 nor 1 in 1 of 4 rows; allowed: 0 or 1"
    ]
    frame = referrals(referral_date=DAYS, icpc_date="", child=[1.0, 2.0, NAN, 4.0])
    (line,) = faults(write(frame, tmp_path))
    assert line.startswith("column child: found no id")
    assert "in 1 of 4 rows" in line


@pytest.mark.parametrize("write", [as_arrow, as_arrow_single, as_frame])
@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinity_is_out_of_range(write: Write, infinite: float, tmp_path: Path) -> None:
    frame = referrals(referral_date=DAYS, icpc_date="", age=[3.0, NAN, infinite, 6.0])
    assert faults(write(frame, tmp_path)) == [
        "column age: found a number out of range in 1 of 4 rows; allowed: 0 to 25 (years)"
    ]
    frame = referrals(referral_date=DAYS, icpc_date="", sex=[1.0, 2.0, infinite, NAN])
    (line,) = faults(write(frame, tmp_path))
    assert line.startswith("column sex: found a code without a level in 1 of 4 rows")


# ------------------------------------------------------------------------ what is no number


@pytest.mark.parametrize("text", ["1_0", "٣", "５", "²", "1,5", "0x1F", "inf", "NaN"])
@pytest.mark.parametrize("write", [as_csv, as_parquet, as_stata, as_stata_long, as_frame])
def test_what_is_no_number_is_none_in_any_format(write: Write, text: str, tmp_path: Path) -> None:
    frame = referrals(referral_date=DAYS, icpc_date="", age=["3", text, "", " 6.0 "])
    assert faults(write(frame, tmp_path)) == [
        "column age: found no number in 1 of 4 rows; allowed: 0 to 25 (years)"
    ]


@pytest.mark.parametrize("write", [as_csv, as_parquet, as_stata, as_stata_long, as_frame])
def test_numbers_as_programs_write_them_are_read(write: Write, tmp_path: Path) -> None:
    frame = referrals(referral_date=DAYS, icpc_date="", age=["3e0", ".5", "+5.", "\xa06\u200b"])
    assert [row[3] for row in read(write(frame, tmp_path))] == [3.0, 0.5, 5.0, 6.0]


@pytest.mark.parametrize("write", [as_csv, as_parquet, as_frame, as_objects])
def test_true_and_false_are_no_numbers_in_any_format(write: Write, tmp_path: Path) -> None:
    frame = referrals(referral_date=DAYS, icpc_date="", age=[True, False, True, False])
    assert faults(write(frame, tmp_path)) == [
        "column age: found no number in 4 of 4 rows; allowed: 0 to 25 (years)"
    ]


# --------------------------------------------------------------------- names of columns


def with_more(frame: pd.DataFrame, name: str, path: Path) -> Path:
    """The file, in front of whose columns another one stands."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    other = pa.array([{"part": [1, 2], "age": 3}] * len(frame))
    names = [name, *table.column_names]
    pq.write_table(pa.Table.from_arrays([other, *table.columns], names=names), path)
    return path


@pytest.mark.parametrize("name", ["Age", "age_1", "AGE", "element"])
def test_a_column_of_parquet_is_found_by_its_very_name(name: str, tmp_path: Path) -> None:
    frame = referrals(referral_date=DAYS, icpc_date="", age=["3", "4", "5", "6"])
    path = with_more(frame, name, tmp_path / "referrals.parquet")
    assert [row[3] for row in read(path)] == [3.0, 4.0, 5.0, 6.0]


def test_a_column_that_stands_twice_in_parquet_is_refused_as_in_csv(tmp_path: Path) -> None:
    frame = referrals(referral_date=DAYS, icpc_date="", age=["3", "4", "5", "6"])
    (line,) = faults(with_more(frame, "age", tmp_path / "referrals.parquet"))
    assert line.startswith("column age: found it twice")


def test_a_folder_called_like_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "children.parquet").mkdir()
    with pytest.raises(BadInput, match="files of referrals: found none"):
        read(tmp_path)
