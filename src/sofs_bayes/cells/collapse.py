"""Matched referrals → cells, out of core."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sofs_bayes.cells.counts import children_counts, overlapping_sets, pattern_counts
from sofs_bayes.cells.dataset import ALWAYS, KEYS, Cells, coded
from sofs_bayes.cells.matched_source import Source, band, open_matched
from sofs_bayes.cells.products import cross_products, layout_of
from sofs_bayes.errors import BadInput
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.spec import ChildrenAnalysis, Number, fingerprint

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
    counts = pattern_counts(source.connection, names, most=most, file=PLACE)
    overlaps = None
    if for_release:
        counts |= children_counts(source.connection, names)
        sets = overlapping_sets(source.connection, names)
        dims = {"n": "set", "events": "set", "of_set": "membership", "of_pattern": "membership"}
        overlaps = xr.Dataset({name: (dims[name], values) for name, values in sets.items()})
    labels = {name: source.labels[name] for name in names if name in source.labels}
    return Cells(
        patterns=coded("pattern", counts, labels).assign_attrs(attrs),
        products=_products(source, analysis, keys, attrs) if products else None,
        authorities=source.authorities.assign_attrs(attrs),
        overlaps=overlaps if overlaps is None else overlaps.assign_attrs(attrs),
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
