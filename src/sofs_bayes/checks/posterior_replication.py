"""A column of the regression tables: printed, estimated, and the posterior of two models."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr

from sofs_bayes.estimands.effects import interval_of
from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.printed_rows import printed_column, term_of
from sofs_bayes.frequentist.term import effect_terms
from sofs_bayes.spec import HierarchicalAnalysis

# What the posterior of the regression itself is held to: its mean within this many posterior
# standard deviations of the estimate, its sd within this share of the standard error.
MEAN_WITHIN = 0.1
SD_WITHIN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PosteriorBeside:
    """One coefficient, on the model's scale; NaN where there is none.

    Attributes
    ----------
    table, column, row, term, analysis
        The printed place, the regression's term and the hierarchical analysis.
    published
        The printed coefficient.
    estimate, error, error_child, error_authority
        The frequentist estimate on these children, with the standard error that takes children
        as independent, and those clustered on the child and on the authority.
    within, within_error
        The estimate with fixed effects of authorities, and its error clustered on the authority.
    treated
        Whether the coefficient is an effect.
    mean, sd
        Posterior of the regression itself: flat priors, no random effects, no shocks.
    apart, ratio
        (mean - estimate) / sd, and sd / error.
    met
        Whether both are as close as they must be.
    no_shocks_sd
        Posterior sd of the hierarchical model without authority-by-year shocks.
    hierarchical_mean, hierarchical_sd, lower, upper, level
        Posterior of the hierarchical model, with its interval.
    wider
        hierarchical_sd / sd.
    status
        `converged` if all three posteriors did.
    """

    table: int
    column: str
    row: str
    term: str
    analysis: str
    published: float
    estimate: float
    error: float
    error_child: float
    error_authority: float
    within: float
    within_error: float
    treated: bool
    mean: float
    sd: float
    apart: float
    ratio: float
    met: bool
    no_shocks_sd: float
    hierarchical_mean: float
    hierarchical_sd: float
    lower: float
    upper: float
    level: float
    wider: float
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PosteriorsOfColumn:
    """Draws of `coefficient` (chain, draw, term): the regression itself, and two models."""

    regression: xr.DataArray
    no_shocks: xr.DataArray
    hierarchical: xr.DataArray
    status: str


def posterior_beside(
    analysis: HierarchicalAnalysis,
    fits: Mapping[str, DidFit],
    draws: PosteriorsOfColumn,
) -> tuple[PosteriorBeside, ...]:
    """The printed rows of a column, one by one.

    Parameters
    ----------
    fits
        The same regression with errors of clusters `none`, `child` and `authority`, and as
        `within` with fixed effects of authorities.
    """
    rows = []
    for fact in printed_column(analysis.regression):
        term = term_of(fact.row)
        if term is None or term not in fits["none"].terms:
            continue
        assert fact.table is not None and fact.column is not None
        rows.append(
            _row(
                (int(fact.table), fact.column, fact.row, term),
                _printed(fact.printed.value),
                analysis,
                fits,
                draws,
            )
        )
    return tuple(rows)


def _printed(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _row(
    place: tuple[int, str, str, str],
    published: float,
    analysis: HierarchicalAnalysis,
    fits: Mapping[str, DidFit],
    draws: PosteriorsOfColumn,
) -> PosteriorBeside:
    table, column, row, term = place
    own = draws.regression.sel(term=term)
    whole = draws.hierarchical.sel(term=term)
    mean, sd = float(own.mean()), float(own.std(ddof=1))
    estimate, error = fits["none"].coefficient(term), fits["none"].standard_error(term)
    apart, ratio = (mean - estimate) / sd, sd / error
    lower, upper = interval_of(whole, analysis.estimands)
    within = fits["within"] if term in fits["within"].terms else None
    return PosteriorBeside(
        table=table,
        column=column,
        row=row,
        term=term,
        analysis=analysis.name,
        published=published,
        estimate=estimate,
        error=error,
        error_child=fits["child"].standard_error(term),
        error_authority=fits["authority"].standard_error(term),
        within=math.nan if within is None else within.coefficient(term),
        within_error=math.nan if within is None else within.standard_error(term),
        treated=term in effect_terms([term]),
        mean=mean,
        sd=sd,
        apart=apart,
        ratio=ratio,
        met=abs(apart) <= MEAN_WITHIN and abs(ratio - 1) <= SD_WITHIN,
        no_shocks_sd=float(draws.no_shocks.sel(term=term).std(ddof=1)),
        hierarchical_mean=float(whole.mean()),
        hierarchical_sd=float(whole.std(ddof=1)),
        lower=float(lower),
        upper=float(upper),
        level=analysis.estimands.level,
        wider=float(whole.std(ddof=1)) / sd,
        status=draws.status,
    )
