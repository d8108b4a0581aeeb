"""Values of a file's columns, as SQL: texts, dates and numbers from whatever type they have."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        How a query names it.
    type
        Its DuckDB type, as DESCRIBE prints it.
    labels
        Value labels: the number as text → what it stands for. Stata files have them.
    """

    sql: str
    type: str
    labels: Mapping[str, str] = field(default_factory=dict)

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


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def text_value(source: Given, *, identifier: bool = False) -> str:
    """A column as trimmed text, NULL where empty; whole numbers without decimals.

    As an identifier, a number that its type does not hold exactly is NULL: from 2^53 on (in
    single precision from 2^24) whole numbers fall together, and children with them.
    """
    column = source.sql
    if source.type == "BOOLEAN":
        return f"CAST(CAST({column} AS TINYINT) AS VARCHAR)"
    if source.is_float:
        number = f"nullif(CAST({column} AS DOUBLE), 'nan'::DOUBLE)"
        exact = 2**24 if source.type == "FLOAT" else 2**53
        whole = f"{number} = trunc({number}) AND abs({number}) < {exact}"
        other = "NULL" if identifier else f"CAST({number} AS VARCHAR)"
        integer = f"CAST(try_cast({number} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN {whole} THEN {integer} ELSE {other} END"
    return f"nullif(trim(CAST({column} AS VARCHAR)), '')"


def date_value(source: Given) -> str:
    """A column as DATE, NULL where it is none; of a time of day only the date is taken."""
    if source.is_date:
        return f"CASE WHEN isfinite({source.sql}) THEN CAST({source.sql} AS DATE) END"
    text = text_value(source)
    day = f"left({text}, 10)"
    value = f"try_cast({day} AS DATE)"
    time = r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?Z?"
    ends = f"(length({text}) = 10 OR regexp_full_match(substring({text}, 11), '{time}'))"
    # The cast reads more than ISO dates; what it gives back must be what was there.
    return f"CASE WHEN CAST({value} AS VARCHAR) = {day} AND {ends} THEN {value} END"


def number_value(source: Given) -> str:
    """A column as DOUBLE, NULL where it is none; not-a-number counts as an empty cell."""
    if source.is_number:
        return f"nullif(CAST({source.sql} AS DOUBLE), 'nan'::DOUBLE)"
    return f"try_cast({text_value(source)} AS DOUBLE)"


def window_end(day: str, window: OutcomeWindow) -> str:
    """SQL for the last day of the outcome window of a referral on `day` (SQL of a date).

    Months are calendar months: twelve months after 29 February end on 28 February.
    """
    if window.months is None:
        return f"({day} + {window.days})"
    return f"CAST({day} + to_months({window.months}) AS DATE)"
