"""Values of a file's columns, as SQL: texts, dates and numbers from whatever type they have."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sofs_bayes.records.text_values import BLANKS, INSTANT, LONDON, NAIVE, NUMBER, TO_MINUTES, ZONE
from sofs_bayes.spec import OutcomeWindow

FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
WHOLE = (*SIGNED, *(f"U{kind}" for kind in SIGNED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A column as a file has it.

    Parameters
    ----------
    sql
        How a query over `Source.query` names it.
    type
        Its DuckDB type, as DESCRIBE prints it.
    labels
        Value labels: the number as text → what it stands for. Stata files have them.
    no_days
        What its numbers count, if a Stata file shows them as dates and they are no days.
    """

    sql: str
    type: str
    labels: Mapping[str, str] = field(default_factory=dict)
    no_days: str = ""

    @property
    def is_date(self) -> bool:
        """Whether it has days or times, with or without a zone."""
        return self.type.startswith(("DATE", "TIMESTAMP")) and "[" not in self.type

    @property
    def is_float(self) -> bool:
        """Whether it has numbers with decimals."""
        return self.type.startswith(FLOATS) and "[" not in self.type

    @property
    def is_number(self) -> bool:
        """Whether it has numbers of any kind."""
        return self.is_float or self.type in WHOLE

    @property
    def is_text(self) -> bool:
        """Whether it has something else than dates, numbers, true and false."""
        return not (self.is_date or self.is_number or self.type == "BOOLEAN")


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def text_value(source: Given, *, identifier: bool = False) -> str:
    """A column as text, NULL where empty; whole numbers without decimals.

    As an identifier, a number that its type does not hold exactly is NULL: from 2^53 on (in
    single precision from 2^24) whole numbers fall together, and children with them.
    """
    column = source.sql
    if source.type == "BOOLEAN":
        return f"CAST(CAST({column} AS TINYINT) AS VARCHAR)"
    if source.is_float:
        number = number_value(source)
        exact = 2**24 if source.type == "FLOAT" else 2**53
        whole = f"{number} = trunc({number}) AND abs({number}) < {exact}"
        other = "NULL" if identifier else f"CAST({number} AS VARCHAR)"
        integer = f"CAST(try_cast({number} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN {whole} THEN {integer} ELSE {other} END"
    return column if source.is_text else f"CAST({column} AS VARCHAR)"


def trimmed_text(text: str) -> str:
    """SQL for a text (SQL of one) without the blanks around it, NULL where nothing is left."""
    # Most texts begin and end with a sign of ASCII; the others are looked at sign by sign.
    whole = f"regexp_full_match({text}, '[!-~](.*[!-~])?')"
    return f"CASE WHEN {whole} THEN {text} ELSE nullif(trim({text}, {literal(BLANKS)}), '') END"


def date_value(source: Given) -> str:
    """A column as DATE, NULL where it is none; of an instant the day is London's."""
    if source.is_date:
        stamp = local = source.sql
        if is_zoned(source.type):
            stamp, local = f"CAST({stamp} AS TIMESTAMPTZ)", london_time(stamp)
        return f"CASE WHEN isfinite({stamp}) THEN CAST({local} AS DATE) END"
    text = text_value(source)
    zone = f"regexp_extract({text}, '{ZONE}$')"
    # Seconds are left out, as their fractions would be rounded; they change no day.
    instant = f"try_cast(left({text}, {TO_MINUTES}) || {zone} AS TIMESTAMPTZ)"
    return (
        f"CASE WHEN regexp_full_match({text}, '{NAIVE}') THEN try_cast(left({text}, 10) AS DATE)"
        f" WHEN regexp_full_match({text}, '{INSTANT}')"
        f" THEN CAST({london_time(instant)} AS DATE) END"
    )


def is_zoned(kind: str) -> bool:
    """Whether a DuckDB type is one of instants, in whatever unit."""
    return kind.startswith(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"))


def london_time(instant: str) -> str:
    """SQL for the time in London at an instant (SQL of one)."""
    return f"timezone('{LONDON}', CAST({instant} AS TIMESTAMPTZ))"


def number_value(source: Given) -> str:
    """A column as DOUBLE, NULL where it is none; not-a-number counts as an empty cell.

    True and false are no numbers, as they are none in a file of texts.
    """
    if source.is_number:
        return f"nullif(CAST({source.sql} AS DOUBLE), 'nan'::DOUBLE)"
    if source.type == "BOOLEAN":
        return "CAST(NULL AS DOUBLE)"
    text = text_value(source)
    return f"CASE WHEN regexp_full_match({text}, '{NUMBER}') THEN try_cast({text} AS DOUBLE) END"


def window_end(day: str, window: OutcomeWindow) -> str:
    """SQL for the last day of the outcome window of a referral on `day` (SQL of a date).

    Months are calendar months: twelve months after 29 February end on 28 February.
    """
    if window.months is None:
        return f"({day} + {window.days})"
    return f"CAST({day} + to_months({window.months}) AS DATE)"


def year_of(day: str, first_month: int) -> str:
    """SQL for the year that a day (SQL of a date) is in, by the calendar year it begins in."""
    return f"CAST(year({day}) - CAST(month({day}) < {first_month} AS INTEGER) AS INTEGER)"
