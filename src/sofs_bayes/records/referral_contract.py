"""The column contract of referrals, as SQL: what becomes of a column, and the rules it keeps.

A rule is an expression that is true of the rows that break it. Rules are counted, and a
message says how many rows break one: what stands in a child's record never leaves DuckDB.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sofs_bayes.errors import BadInput
from sofs_bayes.records.authority_names import LONGEST
from sofs_bayes.records.column_values import (
    Given,
    date_value,
    literal,
    number_value,
    quoted,
    text_value,
    trimmed_text,
    window_end,
)
from sofs_bayes.records.stata_files import DAYS_OR_TIMES
from sofs_bayes.records.text_values import EARLIEST, LATEST
from sofs_bayes.spec import ChildrenAnalysis, Levels, Number

MISSING = "missing"
OWN = "own_weight"  # what the column of own weights is called, of referrals and matched rows
DATES = "dates such as 2014-04-30 or 2014-04-30T22:30:00Z"

# Names that the pipeline gives to columns of its own.
RESERVED = (
    *("referral", "child", "authority", "referral_date", "outcome"),
    *("group", "pilot", "post", "year", "years_since", "stratum", "multiplicity", "weight"),
    OWN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What no row may have: SQL that is true where one has it, and its words in a message."""

    column: str
    found: str
    allowed: str
    broken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Queries from a file's columns to the canonical ones.

    Parameters
    ----------
    given
        First step: name → SQL over the file's columns.
    columns
        Second step, over those names: canonical column → SQL.
    rules
        Over those names too.
    """

    given: Mapping[str, str]
    columns: Mapping[str, str]
    rules: tuple[Rule, ...]


def check_names(analysis: ChildrenAnalysis) -> None:
    """Refuse covariates that are called as a column of the pipeline's own.

    Raises
    ------
    BadInput
        Such a name, in capitals or not; or two names that only capitals tell apart.
    """
    records = analysis.records
    taken = set(RESERVED)
    for each in (*records.covariates, *records.authority_covariates):
        if each.name.casefold() in taken:
            allowed = f"names of their own, none of {', '.join(RESERVED)}"
            raise BadInput(analysis.name, "covariates of the records", each.name, allowed)
        taken.add(each.name.casefold())


def wanted_columns(analysis: ChildrenAnalysis) -> tuple[str, ...]:
    """The columns a file of referrals must have, each once."""
    columns = analysis.records.columns
    outcome = columns.outcome_date or columns.outcome_flag or ""
    names = [columns.child, columns.authority, columns.referral_date, outcome]
    names += [columns.weight] if columns.weight else []
    names += [covariate.in_file for covariate in analysis.records.covariates]
    return tuple(dict.fromkeys(names))


def contract(given: Mapping[str, Given], analysis: ChildrenAnalysis, *, file: str) -> Contract:
    """The contract of a file with these columns, all of `wanted_columns` among them.

    Raises
    ------
    BadInput
        Value labels give a number another level than the analysis does.
    """
    names = analysis.records.columns
    parts = [
        _identifier("child", names.child, given),
        _identifier("authority", names.authority, given),
        _referral_date(names.referral_date, given),
        _outcome(analysis, given),
        *([_weight(names.weight, given[names.weight])] if names.weight else []),
    ]
    for each in analysis.records.covariates:
        if isinstance(each, Levels):
            parts.append(_levels(each, given[each.in_file], file))
        else:
            parts.append(_number(each, given[each.in_file]))
    return Contract(
        given={name: sql for part in parts for name, sql in part.given.items()},
        columns={name: sql for part in parts for name, sql in part.columns.items()},
        rules=tuple(rule for part in parts for rule in part.rules),
    )


# ------------------------------------------------------------------------ parts of a contract


def _identifier(name: str, column: str, given: Mapping[str, Given]) -> Contract:
    source = given[column]
    inexact = source.is_float
    found = "no id, or a number that its type does not hold exactly," if inexact else "no id"
    value, text = quoted(f"given {name}"), text_value(source, identifier=True)
    if source.labels:
        labels = " ".join(f"WHEN {literal(n)} THEN {literal(s)}" for n, s in source.labels.items())
        text = trimmed_text(f"CASE {text} {labels} ELSE {text} END")
    return Contract(
        given={f"given {name}": text},
        columns={name: value},
        rules=(
            Rule(column=column, found=found, allowed="an id", broken=f"{value} IS NULL"),
            Rule(
                column=column,
                found=f"an id of more than {LONGEST:,} characters",
                allowed="a shorter id",
                broken=f"length({value}) > {LONGEST}",
            ),
        ),
    )


def _referral_date(column: str, given: Mapping[str, Given]) -> Contract:
    source = given[column]
    there = quoted("there referral_date")
    empty = Rule(column=column, found="no date", allowed="a date", broken=f"NOT {there}")
    return Contract(
        given={
            "given referral_date": date_value(source),
            "there referral_date": f"{text_value(source)} IS NOT NULL",
        },
        columns={"referral_date": quoted("given referral_date")},
        rules=(empty, *_date_rules("referral_date", column, source)),
    )


def _outcome(analysis: ChildrenAnalysis, given: Mapping[str, Given]) -> Contract:
    columns, value = analysis.records.columns, quoted("given outcome")
    if columns.outcome_flag is not None:
        rule = Rule(
            column=columns.outcome_flag,
            found="neither 0 nor 1",
            allowed="0 or 1",
            broken=f"coalesce({value} NOT IN ('0', '0.0', '1', '1.0'), true)",
        )
        return Contract(
            given={"given outcome": text_value(given[columns.outcome_flag])},
            columns={"outcome": f"CAST({value} IN ('1', '1.0') AS INTEGER)"},
            rules=(rule,),
        )
    column = columns.outcome_date or ""
    referred = quoted("given referral_date")
    within = f"coalesce({value} <= {window_end(referred, analysis.records.window)}, false)"
    early = Rule(
        column=column,
        found=f"a date before {columns.referral_date}",
        allowed=f"the day of {columns.referral_date} or later",
        broken=f"{value} < {referred}",
    )
    return Contract(
        given={
            "given outcome": date_value(given[column]),
            "there outcome": f"{text_value(given[column])} IS NOT NULL",
        },
        columns={"outcome": f"CAST({within} AS INTEGER)"},
        rules=(*_date_rules("outcome", column, given[column]), early),
    )


def _weight(column: str, source: Given) -> Contract:
    value = quoted("given own_weight")
    rule = Rule(
        column=column,
        found="no number above 0",
        allowed="a number above 0",
        broken=f"coalesce(NOT ({value} > 0 AND isfinite({value})), true)",
    )
    return Contract(
        given={"given own_weight": number_value(source)}, columns={OWN: value}, rules=(rule,)
    )


def _date_rules(name: str, column: str, source: Given) -> tuple[Rule, Rule]:
    value, there = quoted(f"given {name}"), quoted(f"there {name}")
    span = f"DATE '{EARLIEST}' AND DATE '{LATEST}'"
    return (
        Rule(
            column=column,
            found=source.no_days or "no day of the calendar written YYYY-MM-DD",
            allowed=DAYS_OR_TIMES
            if source.no_days
            else "dates such as 2014-04-30 or 2014-04-30T22:30:00Z",
            broken=f"{there} AND {value} IS NULL",
        ),
        Rule(
            column=column,
            found="an implausible date",
            allowed=f"{EARLIEST} to {LATEST}",
            broken=f"{value} NOT BETWEEN {span}",
        ),
    )


def _levels(covariate: Levels, source: Given, file: str) -> Contract:
    value = quoted(f"given {covariate.name}")
    codes = _codes(covariate, source.labels, file)
    cases = " ".join(
        f"WHEN {value} IN ({', '.join(map(literal, spelled))}) THEN {literal(level)}"
        for level, spelled in codes.items()
        if spelled
    )
    level = f"CASE WHEN {value} IS NULL THEN {literal(MISSING)} {cases} END"
    listed = [code for codes in covariate.levels.values() for code in codes]
    empty = " or ".join(["an empty cell", *covariate.missing_codes])
    return Contract(
        given={f"given {covariate.name}": text_value(source)},
        columns={covariate.name: level},
        rules=(
            Rule(
                column=covariate.in_file,
                found="a code without a level",
                allowed=f"{', '.join(listed)}; missing: {empty}",
                broken=f"({level}) IS NULL",
            ),
        ),
    )


def _codes(covariate: Levels, labels: Mapping[str, str], file: str) -> dict[str, tuple[str, ...]]:
    """Level (`missing` is one) → how its codes may be spelled in the file."""
    codes = {**covariate.levels, MISSING: covariate.missing_codes}
    level_of = {code: level for level, codes in codes.items() for code in codes}
    spelled = {level: [*codes] for level, codes in codes.items()}
    for number, label in labels.items():
        labelled = level_of.get(label.strip())
        if labelled is None or level_of.get(number) == labelled:
            continue
        if number in level_of:
            found = f"value labels that call {labelled!r} what the analysis does not"
            allowed = "codes and value labels that agree"
            raise BadInput(file, f"column {covariate.in_file}", found, allowed)
        spelled[labelled].append(number)
    return {level: tuple(map(str, _with_decimal(codes))) for level, codes in spelled.items()}


def _with_decimal(codes: Sequence[str]) -> list[str]:
    """Codes, and whole numbers once more as 1.0: so they are written where some are missing."""
    return [*codes, *(f"{code}.0" for code in codes if re.fullmatch(r"-?[0-9]+", code))]


def _number(covariate: Number, source: Given) -> Contract:
    name, column = covariate.name, covariate.in_file
    value, there = quoted(f"given {name}"), quoted(f"there {name}")
    codes = ", ".join(repr(code) for code in covariate.missing_codes)
    number = f"CASE WHEN {value} NOT IN ({codes}) THEN {value} END" if codes else value
    span = f"{covariate.lowest:g} to {covariate.highest:g} ({covariate.unit})"
    rules = [
        Rule(
            column=column,
            found="no number",
            allowed=span,
            broken=f"{there} AND {value} IS NULL",
        ),
        Rule(
            column=column,
            found="a number out of range",
            allowed=span,
            broken=f"({number}) NOT BETWEEN {covariate.lowest!r} AND {covariate.highest!r}",
        ),
    ]
    if covariate.missing == "refuse":
        missing = f"NOT {there} OR ({number}) IS NULL AND {value} IS NOT NULL"
        rules.append(Rule(column=column, found="nothing", allowed=span, broken=missing))
    return Contract(
        given={
            f"given {name}": number_value(source),
            f"there {name}": f"{text_value(source)} IS NOT NULL",
        },
        columns={name: number},
        rules=tuple(rules),
    )
