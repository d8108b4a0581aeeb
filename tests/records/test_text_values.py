"""Numbers and days as text: what is one, and that SQL reads what Python reads."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sofs_bayes.records.column_values import Given, date_value, number_value, trimmed_text
from sofs_bayes.records.text_values import BLANKS, day, number, trimmed

TEXT = Given(sql="value", type="VARCHAR")
Sql = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def sql() -> Iterator[Sql]:
    """The value of an expression over a text, in another zone than London."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Pacific/Kiritimati'")

        def asked(expression: str, text: str) -> Any:
            given_ = f"SELECT {trimmed_text('CAST(? AS VARCHAR)')} AS value"
            query = f"SELECT {expression} FROM ({given_.replace('?', '$1')})"
            ((found,),) = connection.execute(query, [text]).fetchall()
            return found

        yield asked


# ------------------------------------------------------------------------------- numbers

NUMBERS = {
    "0": 0.0,
    "5": 5.0,
    "+5": 5.0,
    "-0.0": 0.0,
    "007": 7.0,
    "2.50": 2.5,
    ".5": 0.5,
    "5.": 5.0,
    "1e3": 1000.0,
    "1E+05": 100000.0,
    "2.5e-1": 0.25,
    " 5": 5.0,
    "5\t": 5.0,
    "\xa05\u200b": 5.0,
    "\ufeff5": 5.0,
}
NO_NUMBERS = [
    *("", " ", ".", "-", "e", "1e", "e5", "1e1_0", "5.5.5", "--5", "+-5", "5 5", "5-"),
    *("1_0", "1__0", "1_0.5", "1.5_0", "1,5", "1,000", "1'000", "1 000", "1\xa0000", "1\u202f000"),
    *("0x1F", "0b1", "0o7", "5f", "5d", "5L", "1/2", "½", "50%", "£5"),
    *("٣", "５", "²", "三", "Ⅴ", "१२", "1\u200b0", "5\u0301", "−5", "\u20605\u0660"),
    *("inf", "-inf", "infinity", "nan", "NaN", "NA", "NULL", "None", "true", "1e400", "-1e999"),
    "1" * 400,
]


@pytest.mark.parametrize(("text", "value"), NUMBERS.items())
def test_what_is_a_number(text: str, value: float, sql: Sql) -> None:
    assert number(text) == value == sql(number_value(TEXT), text)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number(text: str, sql: Sql) -> None:
    assert math.isnan(number(text))
    found = sql(number_value(TEXT), text)
    assert found is None or math.isinf(found)  # which no range allows


SIGNS = "0123456789+-.eE_,'xX ٣５²\xa0\u200bNaIinf"


@given(text=st.text(SIGNS, max_size=8) | st.floats().map(str) | st.integers().map(str))
@settings(max_examples=300, deadline=None)
def test_python_and_sql_read_the_same_numbers(text: str, sql: Sql) -> None:
    found = sql(number_value(TEXT), text)
    mine = number(text)
    assert found == mine or (math.isnan(mine) and (found is None or math.isinf(found)))


# ---------------------------------------------------------------------------------- days

SUMMER = date(2018, 8, 7)
DAYS = {
    "2018-08-07": SUMMER,
    " 2018-08-07\u200b": SUMMER,
    "2018-08-07 23:30": SUMMER,
    "2018-08-07T23:30:00": SUMMER,
    "2018-08-07 23:59:59.9999999": SUMMER,
    "2018-08-07T22:30:00Z": SUMMER,
    "2018-08-07T23:00:00Z": date(2018, 8, 8),
    "2018-08-07 23:30:00+00:00": date(2018, 8, 8),
    "2018-08-07 22:59:59.9999999+00:00": SUMMER,
    "2018-08-07 23:30:00.0000000 +00:00": date(2018, 8, 8),  # as SQL Server writes it
    "2018-08-07 23:30:00+0100": SUMMER,
    "2018-08-08T00:30:00+01:00": date(2018, 8, 8),
    "2018-08-07T18:30:00-05": date(2018, 8, 8),
    "2018-08-07T17:30:00-05": SUMMER,
    "2018-08-08 12:59+14:00": SUMMER,
    "2018-08-07 23:30-00:00": date(2018, 8, 8),
    "2018-01-07T23:30:00Z": date(2018, 1, 7),  # in winter London has the time of Greenwich
    "2018-03-25T00:59:00Z": date(2018, 3, 25),
    "2018-10-27T23:30:00Z": date(2018, 10, 28),
    "2018-10-28T23:30:00Z": date(2018, 10, 28),
    "2016-02-29T23:30:00+00": date(2016, 2, 29),
}
NO_DAYS = [
    *("", "2018-8-7", "07/08/2018", "2018/08/07", "20180807", "2018-W32-2", "2018-219", "2018-08"),
    *(
        "2018-02-30",
        "2018-02-30T10:00:00Z",
        "2018-13-01",
        "2018-00-10",
        "2018-08-07x",
        "x2018-08-07",
    ),
    *("2018-08-07Z", "2018-08-07+01:00", "2018-08-07T", "2018-08-07 23", "2018-08-07 2330"),
    *("2018-08-07 24:00:00", "2018-08-07 23:60", "2018-08-07 23:30:60", "2018-08-07 25:00Z"),
    *("2018-08-07 23:30:00+24:00", "2018-08-07 23:30:00+14:30", "2018-08-07 23:30:00-15"),
    *("2018-08-07 23:30:00+1", "2018-08-07 23:30:00+01:60", "2018-08-07 23:30:00+010"),
    *(
        "2018-08-07 23:30:00z",
        "2018-08-07t23:30:00Z",
        "2018-08-07 23:30:00 UTC",
        "2018-08-07 23:30 BST",
    ),
    *(
        "2018-08-07 23:30:00ZZ",
        "2018-08-07 23:30:00+00:00Z",
        "2018-08-07  23:30",
        "2018-08-07\n23:30",
    ),
    *(
        "２０１８-08-07",
        "2018-08-0٧",
        "2018-08-07T23:30:00+0٠:00",
        "2018‐08‐07",
        "2018-08-\u200b07",
    ),
    *("infinity", "epoch", "today", "2018-08-\u200b07"),
]


@pytest.mark.parametrize(("text", "wanted"), DAYS.items())
def test_what_is_a_day(text: str, wanted: date, sql: Sql) -> None:
    assert day(text) == wanted == sql(date_value(TEXT), text)


@pytest.mark.parametrize("text", NO_DAYS)
def test_what_is_no_day(text: str, sql: Sql) -> None:
    assert day(text) is None
    assert sql(date_value(TEXT), text) is None


@given(
    instant=st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)),
    offset=st.integers(-14 * 60, 14 * 60),
    colon=st.sampled_from([":", ""]),
    sign=st.sampled_from(["T", " "]),
)
@example(instant=datetime(2018, 8, 7, 23, 30), offset=0, colon=":", sign="T")
@settings(max_examples=200, deadline=None)
def test_an_instant_is_the_day_in_london(
    instant: datetime, offset: int, colon: str, sign: str, sql: Sql
) -> None:
    local = instant.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=offset)))
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{colon}{abs(offset) % 60:02}"
    text = f"{local:%Y-%m-%d}{sign}{local:%H:%M:%S.%f}{zone}"
    wanted = instant.replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/London")).date()
    assert day(text) == wanted == sql(date_value(TEXT), text)


@given(text=st.text("0123456789-:T Z+.", max_size=28))
@settings(max_examples=300, deadline=None)
def test_python_and_sql_read_the_same_days(text: str, sql: Sql) -> None:
    assert day(text) == sql(date_value(TEXT), text)


# -------------------------------------------------------------------------------- blanks


@given(text=st.text(st.sampled_from([*BLANKS, "a", "é", "\u0301"]), max_size=6))
@settings(max_examples=200, deadline=None)
def test_python_and_sql_trim_the_same(text: str, sql: Sql) -> None:
    assert (trimmed(text) or None) == sql("value", text)


def test_every_blank_of_unicode_is_one() -> None:
    assert {chr(i) for i in range(0x110000) if chr(i).isspace()} <= set(BLANKS)
