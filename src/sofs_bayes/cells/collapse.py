"""Matched referrals → cells, out of core."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sofs_bayes.cells.counts import children_counts, first_of_each, overlapping_sets, pattern_counts
from sofs_bayes.cells.dataset import ALWAYS, INTERCEPT, KEYS, OUTCOME, Cells, coded
from sofs_bayes.cells.matched_source import Source, band, open_matched
from sofs_bayes.errors import BadInput
from sofs_bayes.matching.matched_rows import MISSING
from sofs_bayes.records.column_values import quoted
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.spec import ChildrenAnalysis, Number, fingerprint

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]

# Rows fetched at a time are this many of DuckDB's vectors of 2048.
VECTORS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where regressors stand: the intercept, the child terms in the regressions' order, outcome.

    `levels` gives the index of each level's dummy by covariate (-1: the reference), also of
    whether a number is missing; `numbers` the index and the centre of each number. A missing
    number stands at the centre.
    """

    names: tuple[str, ...]
    levels: Mapping[str, npt.NDArray[np.int64]]
    numbers: Mapping[str, tuple[int, float]]


def layout_of(analysis: ChildrenAnalysis) -> Layout:
    """The regressors of an analysis, named as the regressions' child terms are."""
    names = [INTERCEPT]
    levels, numbers = {}, {}
    for name in analysis.regressions.covariates:
        covariate = analysis.records.covariate(name)
        if isinstance(covariate, Number):
            numbers[name] = len(names), covariate.centre
            levels[missing(name)] = np.array([-1, len(names) + 1])
            names += [name, f"{name}: {MISSING}"]
            continue
        index = []
        for level in (*covariate.levels, MISSING):
            index.append(-1 if level == covariate.reference else len(names))
            names += [] if level == covariate.reference else [f"{name}: {level}"]
        levels[name] = np.array(index)
    return Layout(names=(*names, OUTCOME), levels=levels, numbers=numbers)


def missing(name: str) -> str:
    """What is called whether a number is missing."""
    return f"{name} missing"


def cross_products(
    connection: "DuckDBPyConnection", keys: Sequence[str], analysis: ChildrenAnalysis
) -> dict[str, npt.NDArray[Any]]:
    """Σzz' and Σwzz' of z = (1, child terms, outcome) by cell, and the cells' keys.

    Rows with the same key, levels and weight are counted in DuckDB, with the sums and products
    of their numbers; dummies are constant among them.

    Returns
    -------
    dict
        `unweighted` and `weighted`, shape (cells, regressors, regressors); each key, shape
        (cells,), in order.
    """
    layout = layout_of(analysis)
    cells = _cells(connection, keys)
    size = len(layout.names)
    count = len(next(iter(cells.values())))
    sums = {name: np.zeros((count, size, size)) for name in ("unweighted", "weighted")}
    for cell, chunk in _chunks(connection, keys, layout):
        for row, column, value, i, j in _entries(chunk, layout):
            place = np.ravel_multi_index((cell, row, column), (count, size, size))
            keep = (i >= 0) & (j >= 0)
            for name, factor in (("unweighted", 1.0), ("weighted", chunk["weight"])):
                added = np.bincount(
                    place[keep], weights=(value * factor)[keep], minlength=sums[name].size
                )
                sums[name] += added.reshape(sums[name].shape)
    full = {name: upper + np.triu(upper, 1).transpose(0, 2, 1) for name, upper in sums.items()}
    return cells | full


def _cells(connection: "DuckDBPyConnection", keys: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    listed = ", ".join(map(quoted, keys))
    found = connection.execute(f"SELECT DISTINCT {listed} FROM coded ORDER BY {listed}")
    return {name: np.asarray(values) for name, values in found.fetchnumpy().items()}


def _chunks(
    connection: "DuckDBPyConnection", keys: Sequence[str], layout: Layout
) -> Iterator[tuple[npt.NDArray[np.intp], Columns]]:
    """Aggregated rows in the order of their cells, each with the index of its cell."""
    numbers = {
        name: f"coalesce({quoted(name)} - {c!r}, 0)" for name, (_, c) in layout.numbers.items()
    }
    chosen = {name: quoted(name) for name in (*keys, *layout.levels)}
    chosen |= {missing(name): f"({quoted(name)} IS NULL)::SMALLINT" for name in numbers}
    sums = {}
    for name, sql in numbers.items():
        sums[f"sum {name}"] = f"sum({sql})"
        sums[f"events {name}"] = f"coalesce(sum({sql}) FILTER (WHERE outcome = 1), 0)"
    for one, other in combinations_with_replacement(numbers, 2):
        sums[f"{one} {other}"] = f"sum({numbers[one]} * {numbers[other]})"
    sums |= {"n": "count(*)::DOUBLE", "events": "sum(outcome)::DOUBLE"}
    columns = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in (chosen | sums).items())
    listed = ", ".join(map(quoted, chosen))
    result = connection.execute(
        f"SELECT {columns}, weight FROM coded"
        f" GROUP BY {', '.join(chosen.values())}, weight ORDER BY {listed}, weight"
    )
    cell, last = -1, None
    while len(frame := result.fetch_df_chunk(VECTORS)):
        chunk = {str(name): frame[name].to_numpy() for name in frame}
        own = [chunk[name] for name in keys]
        begins = np.zeros(len(frame), dtype=np.intp)
        begins[first_of_each(own)] = 1
        begins[0] = last != [values[0] for values in own]
        index = cell + np.cumsum(begins)
        cell, last = int(index[-1]), [values[-1] for values in own]
        yield index, chunk


def _entries(chunk: Columns, layout: Layout) -> Iterator[tuple[Any, ...]]:
    """Upper-triangle entries: row, column, value, and what must not be negative (references)."""
    size = len(chunk["n"])
    at = {INTERCEPT: np.zeros(size, dtype=np.int64)}
    at |= {name: index[chunk[name]] for name, index in layout.levels.items()}
    outcome = np.full(size, len(layout.names) - 1)
    for one, other in combinations_with_replacement(at, 2):
        yield _entry(at[one], at[other], chunk["n"])
    for name in at:
        yield _entry(at[name], outcome, chunk["events"])
    yield _entry(outcome, outcome, chunk["events"])
    for number, (place, _) in layout.numbers.items():
        here = np.full(size, place)
        for name in at:
            yield _entry(at[name], here, chunk[f"sum {number}"])
        yield _entry(here, outcome, chunk[f"events {number}"])
    for one, other in combinations_with_replacement(layout.numbers, 2):
        here, there = (np.full(size, layout.numbers[name][0]) for name in (one, other))
        yield _entry(here, there, chunk[f"{one} {other}"])


def _entry(
    one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], value: Floats
) -> tuple[Any, ...]:
    row, column = np.minimum(one, other), np.maximum(one, other)
    return row.clip(min=0), column.clip(min=0), value, row, column


MOST_PATTERNS = 5_000_000
PLACE = "collapse"


def collapse(
    matched: Path | str | pd.DataFrame,
    analysis: ChildrenAnalysis,
    *,
    by: Sequence[str] = KEYS,
    covariates: Sequence[str] | None = None,
    bands: bool = False,
    products: bool = True,
    for_release: bool = False,
    evidence: Evidence | None = None,
    most_patterns: int = MOST_PATTERNS,
    memory: str = "1GB",
    threads: int | None = None,
) -> Cells:
    """The sufficient statistics of matched referrals, in a Parquet file or a frame.

    The likelihood of cells is that of the referrals, for any regression on the covariates
    (binomial from counts, Gaussian from cross-products), with the matching weights or without.

    Parameters
    ----------
    by
        What makes a cell, of KEYS; group, authority, pilot and post always do.
    covariates
        The children's covariates that the counts tell apart; default: the regressions'.
    bands
        Whether numbers among them are cut as in the matching; otherwise each value counts, and
        so does a missing one.
    products
        Whether to make the cross-products, always of the regressions' covariates.
    for_release
        Whether to count also what the disclosure check needs.
    evidence
        What a frame is evidence of; a file says so itself.
    memory, threads
        DuckDB's; it spills to temporary files beyond its memory.

    Raises
    ------
    BadInput
        A file, column or value that breaks the contract of matched referrals; a name that is
        no key or covariate; more than `most_patterns` patterns and weights.
    """
    keys = _keys(by)
    wanted = tuple(analysis.regressions.covariates if covariates is None else covariates)
    _check_covariates(wanted, analysis, bands=bands)
    needed = dict.fromkeys((*wanted, *(analysis.regressions.covariates if products else ())))
    with open_matched(
        matched,
        analysis,
        covariates=tuple(needed),
        evidence=evidence,
        memory=memory,
        threads=threads,
    ) as source:
        columns = [band(name) if bands and band(name) in source.labels else name for name in wanted]
        attrs = {
            "evidence": source.evidence,
            "analysis": analysis.name,
            "analysis_sha256": fingerprint(analysis),
            "threshold": 0,
            "by": json.dumps(keys),
            "covariates": json.dumps(columns),
        }
        return _cells_of(
            source,
            analysis,
            keys,
            columns,
            attrs,
            products=products,
            for_release=for_release,
            most=most_patterns,
        )


def _keys(by: Sequence[str]) -> tuple[str, ...]:
    if unknown := [name for name in by if name not in KEYS]:
        raise BadInput(PLACE, "by", repr(unknown[0]), ", ".join(KEYS))
    if lacking := [name for name in ALWAYS if name not in by]:
        raise BadInput(PLACE, "by", f"cells without {lacking[0]}", ", ".join(ALWAYS) + " and more")
    return tuple(name for name in KEYS if name in by)


def _check_covariates(wanted: tuple[str, ...], analysis: ChildrenAnalysis, *, bands: bool) -> None:
    known = {each.name: each for each in analysis.records.covariates}
    for name in wanted:
        if name not in known:
            raise BadInput(PLACE, "covariates", repr(name), ", ".join(known))
        if bands and isinstance(known[name], Number) and name not in analysis.matching.cuts:
            allowed = "numbers with cuts in the analysis's matching"
            raise BadInput(PLACE, "covariates", f"{name}, to be put in bands", allowed)
    if len(set(wanted)) < len(wanted):
        raise BadInput(PLACE, "covariates", "a name twice", "each name once")


def _cells_of(
    source: Source,
    analysis: ChildrenAnalysis,
    keys: tuple[str, ...],
    covariates: list[str],
    attrs: Mapping[str, Any],
    *,
    products: bool,
    for_release: bool,
    most: int,
) -> Cells:
    names = [*keys, *covariates]
    counts, by_weight = pattern_counts(source.connection, names, most=most, file=PLACE)
    overlaps = weights = None
    if for_release:
        counts |= children_counts(source.connection, names)
        sets = overlapping_sets(source.connection, names)
        dims = {"n": "set", "events": "set", "of_set": "membership", "of_pattern": "membership"}
        overlaps = xr.Dataset({name: (dims[name], values) for name, values in sets.items()})
        weights = xr.Dataset({name: ("rows", values) for name, values in by_weight.items()})
    labels = {name: source.labels[name] for name in names if name in source.labels}
    return Cells(
        patterns=coded("pattern", counts, labels).assign_attrs(attrs),
        products=_products(source, analysis, keys, attrs) if products else None,
        authorities=source.authorities.assign_attrs(attrs),
        overlaps=overlaps if overlaps is None else overlaps.assign_attrs(attrs),
        weights=weights if weights is None else weights.assign_attrs(attrs),
    )


def _products(
    source: Source, analysis: ChildrenAnalysis, keys: tuple[str, ...], attrs: Mapping[str, Any]
) -> xr.Dataset:
    found = cross_products(source.connection, keys, analysis)
    regressors: npt.NDArray[np.object_] = np.array(layout_of(analysis).names, dtype=object)
    labels = {name: source.labels[name] for name in keys if name in source.labels}
    keyed = coded("cell", {name: found[name] for name in keys}, labels)
    dims = ("cell", "regressor", "co_regressor")
    sums = {name: (dims, found[name]) for name in ("unweighted", "weighted")}
    named = {"regressor": regressors, "co_regressor": regressors}
    return keyed.assign(sums).assign_coords(named).assign_attrs(attrs)
