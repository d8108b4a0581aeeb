"""Covariates of authorities by year, from a file: CSV, Stata, Parquet or Excel."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.authority_names import faults_of_names
from sofs_bayes.records.csv_text import CsvText, did_you_mean, with_names
from sofs_bayes.records.table_files import read_table, table_in
from sofs_bayes.records.text_values import number, trimmed
from sofs_bayes.spec import AuthorityColumns, AuthorityCovariate, ChildrenAnalysis

AUTHORITY, YEAR = "authority", "year"


def no_authorities() -> pd.DataFrame:
    """No authority's covariates, for an analysis that declares none."""
    return pd.DataFrame({AUTHORITY: pd.Series(dtype="str"), YEAR: pd.Series(dtype="int64")})


def read_authorities(path: Path | str, analysis: ChildrenAnalysis) -> pd.DataFrame:
    """The authorities' covariates in a file, or in that called `authorities` in a folder.

    Columns `authority`, `year` (by the calendar year it begins in) and those that
    `analysis.records.authority_covariates` names; others are ignored. Every authority and
    year stands there once, every number is given.

    Returns
    -------
    DataFrame
        `authority` (text), `year` (int64) and the covariates (float64) in the analysis' order,
        a row per authority and year, in alphabetical order.

    Raises
    ------
    BadInput
        The file cannot be read.
    BadSpec
        All faults: missing columns; by column and rule no name, no year, no number, a number
        out of range, an authority and year twice, a covariate of an authority that changes
        though it is declared the same every year. The first line with it is named. Names that
        are too long, or only look the same.
    """
    path = Path(path)
    declared = analysis.records.authority_covariates
    called = asdict(analysis.records.authority_columns or AuthorityColumns())
    table = read_table(
        table_in(path, "authorities") if path.is_dir() else path,
        numbers=(called[YEAR], *(each.name for each in declared)),
    )
    table = with_names(table, called)
    _check_header(table, [AUTHORITY, YEAR, *(each.name for each in declared)])
    text = pd.DataFrame(
        [record.fields for record in table.records], columns=list(table.header), dtype=object
    ).map(trimmed)
    lines = pd.Series([record.line for record in table.records])
    frame = pd.DataFrame({AUTHORITY: text[AUTHORITY], YEAR: text[YEAR].map(_year)})
    for each in declared:
        frame[each.name] = text[each.name].map(number)
    faults = [
        _fault(table, lines[broken], rule)
        for broken, *rule in _broken(frame, declared)
        if broken.any()
    ]
    places = zip(frame[AUTHORITY], (f"line {line}" for line in lines), strict=True)
    faults += faults_of_names(table.path, places)
    if faults:
        raise BadSpec(faults)
    frame[YEAR] = frame[YEAR].astype("int64")
    return frame.sort_values([AUTHORITY, YEAR], ignore_index=True)


def _check_header(table: CsvText, wanted: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in table.header]
    if missing:
        allowed = "the columns " + ", ".join(wanted)
        raise BadSpec(
            [
                BadInput(
                    table.path,
                    "line 1",
                    f"no column {name}{did_you_mean(name, table.header)}",
                    allowed,
                )
                for name in missing
            ]
        )


def _year(text: str) -> float:
    """The year in four digits, NaN if it is none."""
    return float(text) if re.fullmatch(r"(19|20)[0-9]{2}", text) else math.nan


def _broken(
    frame: pd.DataFrame, declared: Sequence[AuthorityCovariate]
) -> Iterator[tuple["pd.Series[bool]", str, str, str]]:
    """Rows that break a rule, with the rule's column, what is found and what is allowed."""
    yield frame[AUTHORITY] == "", AUTHORITY, "no name", "the name of an authority"
    allowed = "a year by the calendar year it begins in, such as 2014"
    yield frame[YEAR].isna(), YEAR, "no year", allowed
    twice = frame.duplicated([AUTHORITY, YEAR]) & frame[YEAR].notna()
    yield twice, f"{AUTHORITY} and {YEAR}", "the same once more", "each authority and year once"
    for each in declared:
        values = frame[each.name]
        lowest = -math.inf if each.lowest is None else each.lowest
        highest = math.inf if each.highest is None else each.highest
        span = f"a number from {lowest:g} to {highest:g}"
        yield values.isna(), each.name, "no number", span
        yield (values < lowest) | (values > highest), each.name, "a number out of range", span
        if each.same_every_year:
            first = values.groupby(frame[AUTHORITY]).transform("first")
            changed = values.notna() & (values != first)
            allowed = "one number of an authority in every year"
            yield changed, each.name, "a number that changes", allowed


def _fault(table: CsvText, lines: "pd.Series[int]", rule: Sequence[str]) -> BadInput:
    column, found, allowed = rule
    more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    place = f"column {column}"
    return BadInput(table.path, place, f"{found} on line {lines.iloc[0]}{more}", allowed)
