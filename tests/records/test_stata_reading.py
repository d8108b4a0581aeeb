"""Stata files that are read: every storage type, missing value, display format and version."""

import struct
from collections.abc import Mapping
from datetime import date
from itertools import batched
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.groups import read_groups
from sofs_bayes.records.referrals import open_referrals
from sofs_bayes.records.table_files import read_table
from sofs_bayes.spec import ChildrenAnalysis, parse

DAY = date(2014, 4, 30)
NUMBER = (DAY - date(1960, 1, 1)).days  # 19843
MILLISECONDS = NUMBER * 86_400_000


def analysis() -> ChildrenAnalysis:
    """An analysis with a code, a number and an outcome's date."""
    parsed = parse(
        {
            "kind": "children",
            "name": "small",
            "title": "A small analysis",
            "outcome": "ICPC",
            "why": "made up for a test",
            "records": {
                "columns": {"outcome_date": "icpc_date"},
                "window": {"days": 90},
                "years": [2013, 2014],
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


def frame(**columns: Any) -> pd.DataFrame:
    """Two referrals, with other columns in place of some."""
    given = {
        "child": ["x", "y"],
        "authority": ["Dell", "Esk"],
        "referral_date": [float(NUMBER), float(NUMBER + 1)],
        "icpc_date": [float(NUMBER + 90), np.nan],
        "sex": np.array([1, 2], dtype=np.int8),
        "age": np.array([3.5, np.nan]),
    }
    return pd.DataFrame(given | columns)


DAYS = {"referral_date": "%td", "icpc_date": "%td"}


def stata(
    data: pd.DataFrame, folder: Path, formats: Mapping[str, str] = DAYS, **options: Any
) -> Path:
    """The frame as a file of Stata 14 whose columns are shown in these formats."""
    path = folder / "referrals.dta"
    data.to_stata(path, **({"write_index": False, "version": 118} | options))
    content = bytearray(path.read_bytes())
    start = content.index(b"<formats>") + len(b"<formats>")
    for position, name in enumerate(data.columns):
        if name in formats:
            at = start + 57 * position
            content[at : at + 57] = formats[name].encode().ljust(57, b"\0")
    path.write_bytes(content)
    return path


def read(path: Path) -> list[tuple[Any, ...]]:
    with open_referrals(path, analysis()) as referrals:
        return referrals.connection.execute(
            "SELECT child, authority, referral_date, outcome, sex, age FROM referrals ORDER BY ALL"
        ).fetchall()


def refused(path: Path) -> str:
    with pytest.raises((BadInput, BadSpec)) as error:
        read(path)
    (line,) = str(error.value).splitlines()
    return line.removeprefix(f"{path}: ")


TWO = [("x", "Dell", DAY, 1, "a", 3.5), ("y", "Esk", date(2014, 5, 1), 0, "b", None)]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        *({"referral_date": np.array([NUMBER, NUMBER + 1], dtype=kind)} for kind in ("i2", "i4")),
        {"referral_date": np.array([NUMBER, NUMBER + 1], dtype="f4")},
        {"referral_date": [NUMBER + 0.25, NUMBER + 1.75]},  # Stata shows the day they are in
        {"icpc_date": np.array([NUMBER + 90, np.nan], dtype="f4")},
        {"sex": np.array([1, 2], dtype="i2")},
        {"sex": np.array([1, 2], dtype="i4")},
        {"sex": np.array([1, 2], dtype="f4")},
        {"sex": np.array([1, 2], dtype="f8")},
        {"sex": ["1", "2"]},
        {"sex": ["1", "2" + " " * 300]},  # str#
        {"age": np.array([3.5, np.nan], dtype="f4")},
        {"age": ["3.5", ""]},
    ],
)
def test_every_storage_type_is_read(changed: dict[str, Any], tmp_path: Path) -> None:
    assert read(stata(frame(**changed), tmp_path)) == TWO


@pytest.mark.parametrize("column", ["child", "authority", "sex", "age"])
@pytest.mark.parametrize("version", [117, 118, 119])
def test_long_texts_are_read(column: str, version: int, tmp_path: Path) -> None:
    texts = frame(sex=["1", "2"], age=["3.5", ""])
    path = tmp_path / "referrals.dta"
    days = dict.fromkeys(DAYS, "td")
    for name in DAYS:
        texts[name] = pd.Timestamp("1960-01-01") + pd.to_timedelta(texts[name], unit="D")
    texts.to_stata(
        path, write_index=False, version=version, convert_strl=[column], convert_dates=days
    )
    assert read(path) == TWO
    assert [record.fields[:2] for record in read_table(path).records] == [
        ("x", "Dell"),
        ("y", "Esk"),
    ]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = stata(frame(), tmp_path, convert_strl=["child"])
    content = path.read_bytes()
    assert content.count(b"\x82\x02\0\0\0x\0") == 1  # a text of two bytes, its end among them
    path.write_bytes(content.replace(b"\x82\x02\0\0\0x\0", b"\x81\x02\0\0\0x\0"))
    assert refused(path).startswith("column child: found bytes that are no text")


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_either_order_of_bytes_is_read(byteorder: str, tmp_path: Path) -> None:
    assert read(stata(frame(), tmp_path, byteorder=byteorder)) == TWO


MISSING = {  # the first, `.`, and `.a` to `.z` follow one another
    "i1": range(101, 128),
    "i2": range(32741, 32768),
    "i4": range(2147483621, 2147483648),
    "f4": [np.frombuffer(struct.pack("<I", 0x7F000000 + 0x800 * i), "<f4")[0] for i in range(27)],
    "f8": [
        np.frombuffer(struct.pack("<Q", 0x7FE0000000000000 + (i << 40)), "<f8")[0]
        for i in range(27)
    ],
}


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize("column", ["icpc_date", "sex", "age"])
def test_every_missing_code_is_missing(kind: str, column: str, tmp_path: Path) -> None:
    marks = [77, 78]  # stand where the codes will be, as pandas does not write them
    path = stata(frame(**{column: np.array(marks, dtype=kind)}), tmp_path)
    content = path.read_bytes()
    data = content.index(b"<data>")
    codes = [*MISSING[kind]]
    for first, second in [*batched(codes[:-1], 2), (codes[0], codes[-1])]:
        changed = content[data:]
        for mark, code in zip(marks, (first, second), strict=True):
            given, wanted = (np.array([x], dtype=kind).tobytes() for x in (mark, code))
            assert changed.count(given) == 1
            changed = changed.replace(given, wanted)
        path.write_bytes(content[:data] + changed)
        values = {"icpc_date": (3, 0), "sex": (4, "missing"), "age": (5, None)}[column]
        assert [row[values[0]] for row in read(path)] == [values[1]] * 2


@pytest.mark.parametrize(
    "shown",
    ["%td", "%d", "%tdCCYY-NN-DD", "%tdDD/NN/CCYY", "%-td", "%-tdD_m_Y", "%dD_m_Y", "%-d"],
)
def test_days_in_every_format_are_days(shown: str, tmp_path: Path) -> None:
    formats = {"referral_date": shown, "icpc_date": shown}
    assert read(stata(frame(), tmp_path, formats)) == TWO


@pytest.mark.parametrize("shown", ["%tc", "%-tc", "%tcCCYY-NN-DD_HH:MM:SS.sss"])
def test_times_are_the_days_they_are_in(shown: str, tmp_path: Path) -> None:
    times = [MILLISECONDS + 86_399_999.0, MILLISECONDS + 86_400_000.0]
    path = stata(frame(referral_date=times), tmp_path, DAYS | {"referral_date": shown})
    assert read(path) == TWO


@pytest.mark.parametrize(
    ("shown", "number", "found"),
    [
        ("%tC", MILLISECONDS, "times with leap seconds (%tC)"),
        ("%tw", 2825.0, "weeks (%tw)"),
        ("%tm", 651.0, "months (%tm)"),
        ("%tq", 217.0, "quarters (%tq)"),
        ("%th", 108.0, "half-years (%th)"),
        ("%ty", 2014.0, "years (%ty)"),
        ("%tmCCYY-NN", 651.0, "months (%tm)"),
        ("%tbnyse", 100.0, "business days (%tb)"),
    ],
)
def test_what_is_no_day_is_refused_by_its_format(
    shown: str, number: float, found: str, tmp_path: Path
) -> None:
    for column, rows in (("referral_date", 2), ("icpc_date", 1)):
        values = [number, number if rows == 2 else np.nan]
        path = stata(frame(**{column: values}), tmp_path, DAYS | {column: shown})
        assert refused(path) == (
            f"column {column}: found {found} in {rows} of 2 rows;"
            " allowed: days (%td), or times (%tc) stored as double"
        )


def test_times_in_single_precision_are_refused(tmp_path: Path) -> None:
    rounded = np.array([MILLISECONDS, MILLISECONDS + 86_400_000], dtype="f4")
    assert int(rounded[0]) != MILLISECONDS
    path = stata(frame(referral_date=rounded), tmp_path, DAYS | {"referral_date": "%tc"})
    assert "found times in single precision, which are wrong by up to minutes" in refused(path)


@pytest.mark.parametrize("number", [1e15, -1e15, 1e300])
def test_days_beyond_the_calendar_are_implausible(number: float, tmp_path: Path) -> None:
    path = stata(frame(referral_date=[number, NUMBER], icpc_date=np.nan), tmp_path)
    assert refused(path).startswith("column referral_date: found an implausible date in 1 of 2")


def test_numbers_shown_plainly_are_no_dates(tmp_path: Path) -> None:
    line = refused(stata(frame(), tmp_path, {"icpc_date": "%td"}))
    assert line.startswith("column referral_date: found no day of the calendar written YYYY-MM-DD")


def test_texts_in_another_encoding_are_refused(tmp_path: Path) -> None:
    path = stata(frame(authority=["Dell", "Zörbury"]), tmp_path)
    path.write_bytes(path.read_bytes().replace("ö".encode(), b"\xf6 "))
    assert refused(path).startswith("found texts that are not UTF-8")


def test_groups_take_days_and_name_what_is_none(tmp_path: Path) -> None:
    groups = pd.DataFrame(
        {
            "pilot": ["Dell"],
            "comparator": ["Esk"],
            "settling_in_start": [float(NUMBER)],
            "settling_in_end": [MILLISECONDS + 86_400_000.0 * 30],
        }
    )
    shown = {"settling_in_start": "%-td", "settling_in_end": "%tc"}
    (window,) = read_groups(stata(groups, tmp_path, shown)).windows
    assert (window.start, window.end) == (DAY, date(2014, 5, 30))
    path = stata(
        groups.assign(settling_in_start=651.0), tmp_path, shown | {"settling_in_start": "%tm"}
    )
    with pytest.raises(BadSpec) as error:
        read_groups(path)
    assert "column settling_in_start: found '651 months (%tm)'; allowed" in str(error.value)


# ---------------------------------------------------------------------------- old versions

TYPES = {"i2": "h", "f8": "d", "S8": "8s"}


def old_stata(version: int, columns: Mapping[str, tuple[str, str, list[Any]]]) -> bytes:
    """A file of before Stata 13: name → type, format, values."""

    def padded(text: str, size: int) -> bytes:
        return text.encode("latin-1").ljust(size, b"\0")

    old, kinds = version <= 108, [kind for kind, *_ in columns.values()]
    codes = {"i2": "i", "f8": "d"} if version <= 110 else {"i2": 252, "f8": 255}
    rows = [*zip(*(values for _, _, values in columns.values()), strict=True)]
    labels = 81 if version > 105 else 32
    out = struct.pack("<BBBBHI", version, 2, 1, 0, len(columns), len(rows)) + padded("", labels)
    out += padded("", 18) if version > 104 else b""
    for kind in kinds:
        code = codes.get(kind, 8 + 127 if version <= 110 else 8)
        out += bytes([ord(code) if isinstance(code, str) else code])
    width = 9 if old else 33
    out += b"".join(padded(name, width) for name in columns) + b"\0\0" * (len(columns) + 1)
    shown = 49 if version > 113 else 12 if version > 104 else 7
    out += b"".join(padded(form, shown) for _, form, _ in columns.values())
    out += padded("", width) * len(columns) + padded("", labels) * len(columns)
    out += b"\0" * (0 if version == 104 else 3 if version <= 108 else 5)
    layout = "<" + "".join(TYPES[kind] for kind in kinds)
    texts = ([v.encode("latin-1") if isinstance(v, str) else v for v in row] for row in rows)
    return out + b"".join(struct.pack(layout, *row) for row in texts)


@pytest.mark.parametrize("version", [104, 105, 108, 110, 111, 113, 114, 115])
def test_old_versions_are_read(version: int, tmp_path: Path) -> None:
    gone = 2.0**333 if version <= 105 else 2.0**1023  # `.` of a double
    content = old_stata(
        version,
        {
            "pilot": ("S8", "%8s", ["Dell", "Mön"]),
            "start": ("i2", "%d", [NUMBER, NUMBER + 1]),
            "number": ("f8", "%9.0g", [0.25, gone]),
        },
    )
    (tmp_path / "old.dta").write_bytes(content)
    found = read_table(tmp_path / "old.dta")
    assert found.header == ("pilot", "start", "number")
    assert [record.fields for record in found.records] == [
        ("Dell", "2014-04-30", "0.25"),
        ("Mön", "2014-05-01", ""),
    ]


@pytest.mark.parametrize("version", [1, 101, 112, 116, 120, 255])
def test_versions_that_are_none_are_refused(version: int, tmp_path: Path) -> None:
    (tmp_path / "old.dta").write_bytes(bytes([version]) + b"\2\1\0" * 100)
    with pytest.raises(BadInput, match="no Stata file, or one that is cut off"):
        read_table(tmp_path / "old.dta")
