"""Matched referrals in DuckDB, checked, with whole numbers in the place of texts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from sofs_bayes.cells.dataset import KEYS
from sofs_bayes.errors import BadInput
from sofs_bayes.matching.matched_file import read_label
from sofs_bayes.matching.matched_rows import MISSING, check_columns, check_rows, row_rules
from sofs_bayes.records.column_values import literal, quoted
from sofs_bayes.records.connections import connected
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.spec import ChildrenAnalysis, Levels, Number, fingerprint

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FRAME = "a frame of matched referrals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A connection that holds the view `coded`, and what the view's whole numbers stand for.

    `coded` has referral, child (a hash), outcome, weight, multiplicity, KEYS, the children's
    covariates that were asked for (numbers NULL where missing), and `<name> band` of those that
    the matching cuts.

    Attributes
    ----------
    labels
        Texts by column; a row holds the index.
    authorities
        Dims (authority, year): the authorities' covariates.
    """

    connection: "DuckDBPyConnection"
    evidence: Evidence
    labels: Mapping[str, tuple[str, ...]]
    authorities: xr.Dataset


def band(name: str) -> str:
    """The column of a number cut at the points of the analysis's matching."""
    return f"{name} band"


@contextmanager
def open_matched(
    matched: Path | str | pd.DataFrame,
    analysis: ChildrenAnalysis,
    *,
    covariates: tuple[str, ...],
    evidence: Evidence | None,
    memory: str,
    threads: int | None,
) -> Iterator[Source]:
    """Matched referrals, in a Parquet file or a frame, as a connection with the view `coded`.

    Parameters
    ----------
    covariates
        The children's covariates wanted.
    evidence
        What a frame is evidence of; a file says so itself.

    Raises
    ------
    BadInput
        No such file or column; a file of another analysis; a value the contract forbids; an
        authority's covariate that changes within a year.
    """
    with connected(memory=memory, threads=threads) as connection:
        connection.execute("SET preserve_insertion_order = false")
        found, file = _name_rows(connection, matched, analysis, evidence)
        _check(connection, analysis, covariates, file)
        labels = _labels(connection, analysis, covariates)
        _make_view(connection, analysis, covariates, labels)
        yield Source(
            connection=connection,
            evidence=found,
            labels=labels,
            authorities=_authorities(connection, analysis, labels["authority"], file),
        )


def _name_rows(
    connection: "DuckDBPyConnection",
    matched: Path | str | pd.DataFrame,
    analysis: ChildrenAnalysis,
    evidence: Evidence | None,
) -> tuple[Evidence, str]:
    """Make the view `given`; return the evidence and what to call the rows in messages."""
    if isinstance(matched, pd.DataFrame):
        if evidence is None:
            raise BadInput(FRAME, "evidence", "nothing", "synthetic or records")
        connection.register("given", matched)
        return evidence, FRAME
    label = read_label(matched)
    if label.analysis_sha256 != fingerprint(analysis):
        found = f"rows matched for {label.analysis} ({label.analysis_sha256[:12]})"
        wanted = f"{analysis.name} ({fingerprint(analysis)[:12]})"
        raise BadInput(matched, "analysis_sha256", found, wanted)
    if evidence not in (None, label.evidence):
        raise BadInput(matched, "evidence", label.evidence, str(evidence))
    connection.execute(f"CREATE VIEW given AS FROM read_parquet({literal(str(matched))})")
    return label.evidence, str(matched)


def _check(
    connection: "DuckDBPyConnection",
    analysis: ChildrenAnalysis,
    covariates: tuple[str, ...],
    file: str,
) -> None:
    others = ["referral", "child", "outcome", "weight", "multiplicity"]
    of_authorities = [each.name for each in analysis.records.authority_covariates]
    used = {*KEYS, *others, *covariates}
    check_columns(connection, "given", [*KEYS, *others, *covariates, *of_authorities], file=file)
    rules = {name: rule for name, rule in row_rules(analysis).items() if name in used}
    faulty = "weight IS NULL OR NOT isfinite(weight) OR weight <= 0"
    rules["weight"] = (faulty, "a number above 0")
    rules["years_since"] = ("years_since IS NULL", "a value")
    check_rows(connection, "given", rules, file=file)


def _lacks(name: str) -> str:
    column = f"{quoted(name)}::DOUBLE"
    return f"({column} IS NULL OR NOT isfinite({column}))"


def _labels(
    connection: "DuckDBPyConnection", analysis: ChildrenAnalysis, covariates: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    labels: dict[str, tuple[str, ...]] = {}
    for name in ("group", "authority"):
        rows = connection.execute(
            f"SELECT DISTINCT {quoted(name)}::VARCHAR FROM given ORDER BY 1"
        ).fetchall()
        labels[name] = tuple(row[0] for row in rows)
    for name in covariates:
        covariate = analysis.records.covariate(name)
        if isinstance(covariate, Levels):
            labels[name] = (*covariate.levels, MISSING)
        elif name in analysis.matching.cuts:
            labels[band(name)] = _bands(analysis.matching.cuts[name])
    return labels


def _bands(cuts: tuple[float, ...]) -> tuple[str, ...]:
    """The intervals between cuts, in words; a number that equals a cut is in the one below."""
    ends = [f"{cut:g}" for cut in cuts]
    middle = [f"above {low} to {high}" for low, high in pairwise(ends)]
    return (f"up to {ends[0]}", *middle, f"above {ends[-1]}", MISSING)


def _make_view(
    connection: "DuckDBPyConnection",
    analysis: ChildrenAnalysis,
    covariates: tuple[str, ...],
    labels: Mapping[str, tuple[str, ...]],
) -> None:
    columns = {
        "referral": "referral",
        "child": "hash(child::VARCHAR)",
        "outcome": "outcome::UTINYINT",
        "weight": "weight::DOUBLE",
        "multiplicity": "multiplicity::USMALLINT",
        "pilot": "pilot::TINYINT",
        "post": "post::TINYINT",
        "year": "year::SMALLINT",
        "years_since": "years_since::SMALLINT",
    }
    for name in ("group", "authority", *covariates):
        if name not in labels:
            columns[name] = f"CASE WHEN NOT {_lacks(name)} THEN {quoted(name)}::DOUBLE END"
        else:
            kind = quoted(f"{name} label")
            texts = ", ".join(map(literal, labels[name]))
            connection.execute(f"CREATE TYPE {kind} AS ENUM ({texts})")
            columns[name] = f"enum_code({quoted(name)}::VARCHAR::{kind})::SMALLINT"
    for name in covariates:
        if isinstance(analysis.records.covariate(name), Number) and band(name) in labels:
            cuts = analysis.matching.cuts[name]
            above = " + ".join(f"({quoted(name)}::DOUBLE > {cut!r})::SMALLINT" for cut in cuts)
            sql = f"CASE WHEN {_lacks(name)} THEN {len(cuts) + 1} ELSE {above} END"
            columns[band(name)] = f"({sql})::SMALLINT"
    chosen = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())
    connection.execute(f"CREATE VIEW coded AS SELECT {chosen} FROM given")


def _authorities(
    connection: "DuckDBPyConnection",
    analysis: ChildrenAnalysis,
    names: tuple[str, ...],
    file: str,
) -> xr.Dataset:
    """The authorities' covariates by authority and year; they must not change within a year."""
    covariates = [each.name for each in analysis.records.authority_covariates]
    ends = "".join(
        f", min({quoted(name)})::DOUBLE, max({quoted(name)})::DOUBLE" for name in covariates
    )
    rows = connection.execute(
        f"SELECT authority::VARCHAR, year{ends} FROM given GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    years = sorted({int(row[1]) for row in rows})
    values = np.full((len(covariates), len(names), len(years)), np.nan)
    for authority, year, *found in rows:
        at = names.index(authority), years.index(int(year))
        for k, name in enumerate(covariates):
            low, high = found[2 * k : 2 * k + 2]
            if low != high:
                place = f"{authority} in {year}, column {name}"
                raise BadInput(file, place, "several values", "one for an authority in a year")
            values[(k, *at)] = np.nan if low is None else low
    return xr.Dataset(
        {name: (("authority", "year"), values[k]) for k, name in enumerate(covariates)},
        coords={"authority": np.array(names, dtype=object), "year": np.array(years)},
    )
