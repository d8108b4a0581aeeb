"""Matched referrals → the columns of a regression, by the names of their terms.

A frame of matched referrals has a row for each referral in each matched group it stands in,
with the columns of `matching.strata.MATCHED` beside the covariates. The same functions serve
frames of cells, as long as the columns they need are there.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.frequentist.term import (
    DID,
    FIXED,
    INTERCEPT,
    MODIFIER,
    OTHERS,
    OWN_OTHERS,
    OWN_SCORE,
    PILOT,
    POST,
    modified_name,
    post_name,
    since_name,
)
from sofs_bayes.spec import ChildrenAnalysis, Levels, Number, OwnTreatment, Regression

MISSING = "missing"

# A column whose squared length left over, after the columns before it, is below this share of
# the whole is counted as their combination (Gram matrices carry about 1e-15).
ALIASED = 1e-10

# A year before settling-in with a smaller share of the pilots' rows before is no reference.
SPARSE = 0.01

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The numbers of one regression.

    Parameters
    ----------
    outcome
        0 or 1, shape (rows,).
    terms
        Regressors by name, float64, shape (rows, terms); no column is a combination of others.
    weights
        Matching weights, shape (rows,).
    authority, child
        Whom a row belongs to, as integers from 0, shape (rows,).
    treated
        Whether a row is a pilot's after settling-in, shape (rows,).
    dropped
        Terms that combinations of earlier ones, or nothing but zeros, made impossible.
    """

    outcome: Floats
    terms: pd.DataFrame
    weights: Floats
    authority: npt.NDArray[np.int64]
    child: npt.NDArray[np.int64]
    treated: npt.NDArray[np.bool_]
    dropped: tuple[str, ...]


def design(matched: pd.DataFrame, analysis: ChildrenAnalysis, regression: Regression) -> Design:
    """The outcome, terms, weights and clusters of a regression on matched referrals.

    Terms stand in this order: intercept, years (the first is the reference), fixed effects of
    authorities, treatment, child covariates, authorities' covariates, `post`. The last is
    identified by staggered timing alone; where the years take it up it is dropped.

    Parameters
    ----------
    matched
        As `read_matched` gives it.
    analysis
        That of children's records.
    regression
        One of `analysis.regressions.columns`.

    Returns
    -------
    Design
        `terms` (rows × terms), `outcome`, `weights` and cluster numbers (rows).

    Raises
    ------
    BadInput
        `without` names no matched group; a covariate has a level that the analysis does not
        name; a term has values that are no numbers.

    Examples
    --------
    >>> analysis = sb.load("icpc-children")
    >>> frame = sb.read_matched(sb.matched_file("matched"), analysis)
    >>> design = sb.regression_design(frame, analysis, analysis.regressions.columns[0])
    >>> len(design.terms) == len(design.outcome)
    True
    """
    kept = kept_rows(matched, regression)
    blocks = [
        base_terms(kept, analysis),
        *([authority_terms(kept)] if regression.authorities == "fixed" else []),
        treatment_terms(kept, regression),
        child_terms(kept, analysis),
        authority_covariate_terms(kept, analysis, regression),
        kept[[POST]].astype(np.float64),
    ]
    terms = pd.concat(blocks, axis="columns")
    for name in terms.columns:
        if not np.isfinite(terms[name].to_numpy()).all():
            raise BadInput("matched referrals", str(name), "values that are no numbers", "numbers")
    weights = kept["weight"].to_numpy(np.float64)
    independent = independent_columns(terms.to_numpy(), weights)
    return Design(
        outcome=kept["outcome"].to_numpy(np.float64),
        terms=terms.loc[:, independent],
        weights=weights,
        authority=pd.factorize(kept["authority"], sort=True)[0].astype(np.int64),
        child=pd.factorize(kept["child"], sort=True)[0].astype(np.int64),
        treated=((kept[PILOT] == 1) & (kept[POST] == 1)).to_numpy(np.bool_),
        dropped=tuple(terms.columns[~independent]),
    )


def kept_rows(matched: pd.DataFrame, regression: Regression) -> pd.DataFrame:
    """The rows that a regression uses: all but those of the groups it goes without.

    Raises
    ------
    BadInput
        `without` names no matched group.
    """
    if not regression.without:
        return matched
    groups = sorted(matched["group"].unique())
    for name in regression.without:
        if name not in groups:
            place = f"regressions.columns, {regression.name!r}, without"
            raise BadInput("the analysis", place, f"{name!r}", "one of " + ", ".join(groups))
    return matched[~matched["group"].isin(regression.without)]


def base_terms(frame: pd.DataFrame, analysis: ChildrenAnalysis) -> pd.DataFrame:
    """The intercept and a dummy for each year of the analysis but its first."""
    years = {
        f"year {year}": (frame["year"] == year).to_numpy(np.float64)
        for year in analysis.records.years[1:]
    }
    return pd.DataFrame({INTERCEPT: np.ones(len(frame))} | years, index=frame.index)


def authority_terms(frame: pd.DataFrame) -> pd.DataFrame:
    """A dummy for each authority but the first by name."""
    names = sorted(frame["authority"].unique())[1:]
    dummies = {f"{FIXED}{name}": frame["authority"] == name for name in names}
    return pd.DataFrame(dummies, index=frame.index).astype(np.float64)


def treatment_terms(
    frame: pd.DataFrame, regression: Regression, rows: Floats | None = None
) -> pd.DataFrame:
    """The pilot difference and what replaces or refines the DiD (pilot × post).

    Lags and leads are dummies of a pilot's years since settling-in (0 is the first year after
    its end), separate and not cumulative. The reference is the last year before its start: -1,
    or -2 where the outcome window takes a whole year, so that -1 holds less than `SPARSE` of
    the pilots' rows before; those count with the reference.
    Comparators score 0. Where comparators are told apart, pilots are the reference. What may
    change the effect stands by itself, too.

    Parameters
    ----------
    rows
        How many referrals each row of a frame of cells stands for; default: one.
    """
    pilot = frame[PILOT].to_numpy(np.float64)
    post = frame[POST].to_numpy(np.float64)
    if (own := regression.rests_on) is not None:
        named = isinstance(regression.treatment, str)
        return pd.DataFrame(_on_covariate(frame, own, named=named), index=frame.index)
    columns: dict[str, Floats]
    match regression.treatment:
        case "did":
            columns = {PILOT: pilot, DID: pilot * post}
        case "lags":
            columns = {PILOT: pilot} | _years_since(frame, pilot, rows, since=0)
        case _:
            columns = {PILOT: pilot} | _years_since(frame, pilot, rows, since=None)
    return pd.DataFrame(columns, index=frame.index)


def _on_covariate(frame: pd.DataFrame, own: OwnTreatment, *, named: bool) -> dict[str, Floats]:
    """The terms of a treatment that rests on a covariate; `named` are those of the report."""
    pilot, post, value = (frame[name].to_numpy(np.float64) for name in (PILOT, POST, own.column))
    match own.kind:
        case "score":
            name = own.label if named else OWN_SCORE
            return {name: value * pilot, post_name(name): value * pilot * post}
        case "comparators":
            kinds = (value * (1 - pilot), (1 - value) * (1 - pilot))
            columns = dict(zip(OTHERS if named else OWN_OTHERS, kinds, strict=True))
            return columns | {post_name(name): kind * post for name, kind in columns.items()}
        case "modifier":
            name = own.label if named else MODIFIER
            product = {modified_name(name): pilot * post * value}
            return {PILOT: pilot, DID: pilot * post, name: value} | product


def _years_since(
    frame: pd.DataFrame, pilot: Floats, rows: Floats | None, *, since: int | None
) -> dict[str, Floats]:
    """Dummies of the pilots' years since settling-in, from `since` on (None: all)."""
    years = frame["years_since"].to_numpy()
    present, place = np.unique(years[pilot == 1], return_inverse=True)
    counts = np.bincount(place, None if rows is None else rows[pilot == 1])
    fewest = SPARSE * counts[present < 0].sum()
    usual = present[(present < 0) & (counts >= fewest)]
    reference = int(usual.max()) if len(usual) else 0
    wanted = [
        int(year)
        for year in present
        if not reference <= year < 0 and (since is None or year >= since)
    ]
    return {since_name(year): np.where(years == year, pilot, 0.0) for year in wanted}


def child_terms(frame: pd.DataFrame, analysis: ChildrenAnalysis) -> pd.DataFrame:
    """Dummies of the children's levels (missing among them) and centred numbers.

    A missing number stands at the centre and has a dummy of its own, as a missing level has.

    Parameters
    ----------
    frame
        Rows with the analysis's covariates.
    analysis
        Of children's records.

    Returns
    -------
    DataFrame
        A column per term, a row per row of `frame`.

    Examples
    --------
    >>> analysis = sb.load("icpc-children")
    >>> frame = sb.read_matched(sb.matched_file("matched"), analysis)
    >>> len(sb.covariate_terms(frame, analysis)) == len(frame)
    True
    """
    columns: dict[str, Floats] = {}
    for name in analysis.regressions.covariates:
        covariate = analysis.records.covariate(name)
        if isinstance(covariate, Number):
            values = frame[name].to_numpy(np.float64) - covariate.centre
            absent = np.isnan(values)
            columns[name] = np.where(absent, 0.0, values)
            if absent.any():
                columns[f"{name}: {MISSING}"] = absent.astype(np.float64)
        else:
            columns |= _dummies(frame[name], covariate)
    return pd.DataFrame(columns, index=frame.index)


def _dummies(values: "pd.Series[str]", covariate: Levels) -> dict[str, Floats]:
    levels = [*covariate.levels, MISSING]
    if unknown := int((~values.isin(levels)).sum()):
        found = f"{counted(unknown, 'row')} with another level"
        raise BadInput("matched referrals", covariate.name, found, ", ".join(levels))
    codes = values.to_numpy()
    return {
        f"{covariate.name}: {level}": np.where(codes == level, 1.0, 0.0)
        for level in levels
        if level != covariate.reference
    }


def authority_covariate_terms(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, regression: Regression
) -> pd.DataFrame:
    """The authorities' covariates, by default at mean 0 and sd 1 over the rows.

    Those in `regressions.unscaled` enter as they are; what may change the effect is left out, as
    it is a term of the treatment.
    """
    own = regression.rests_on
    modifier = own.column if own is not None and own.kind == "modifier" else None
    wanted = [name for name in analysis.regressions.authority_covariates if name != modifier]
    values = frame[wanted].astype(np.float64)
    if not analysis.regressions.standardise:
        return values
    scaled = [name for name in wanted if name not in analysis.regressions.unscaled]
    spread = values[scaled].std(ddof=0)
    standardised = (values[scaled] - values[scaled].mean()) / spread.where(spread > 0, 1.0)
    return values.assign(**standardised)


def independent_columns(columns: Floats, weights: Floats) -> npt.NDArray[np.bool_]:
    """Which columns are no combination of those before them; shape (columns,)."""
    return independent_products(columns.T @ (weights[:, None] * columns))


def independent_products(gram: Floats) -> npt.NDArray[np.bool_]:
    """Which columns are no combination of those before them, from their cross-products."""
    scale = np.sqrt(np.diag(gram))
    left = gram / np.outer(scale, scale).clip(min=np.finfo(np.float64).tiny)
    kept = np.zeros(len(scale), dtype=np.bool_)
    for i in range(len(scale)):
        if scale[i] > 0 and left[i, i] > ALIASED:
            kept[i] = True
            left = left - np.outer(left[:, i], left[i]) / left[i, i]
    return kept
