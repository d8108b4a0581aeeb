"""How near authorities are before settling-in, and how near the chosen ones came.

Paths are log-odds per year, of counts with half an event and half a non-event added, so that
a rate of 0 has a place on them. A *trend* gap is what is left of the difference of two paths
when its mean over the years is taken away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.matching.choice import Choice, PreTrendRow, years_before
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import OpenDesign

Floats = npt.NDArray[np.float64]

POOLED = "pooled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTrendYear:
    """Rates in one year before settling-in, and the pilots' minus the comparators'."""

    year: int
    pilots: float
    comparators: float
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTrendFit:
    """How well comparators follow a pilot (or the pilots together) before settling-in.

    Attributes
    ----------
    target
        The pilot's name, or `pooled`.
    pilots
        The pilots it is about.
    years
        Rates per year, each the sum of events over the sum of denominators.
    trend_gap
        Root mean square trend gap between pilots and chosen comparators, log-odds; None with
        fewer than two years.
    trend_gap_all
        The same between pilots and all eligible authorities.
    """

    target: str
    pilots: tuple[str, ...]
    years: tuple[PreTrendYear, ...]
    trend_gap: float | None
    trend_gap_all: float | None


def pre_trend_rows(fits: Sequence[PreTrendFit]) -> tuple[PreTrendRow, ...]:
    """The fits as table lines, in their order and by year."""
    return tuple(
        PreTrendRow(
            target=fit.target,
            year=year.year,
            pilots=year.pilots,
            comparators=year.comparators,
            gap=year.gap,
            trend_gap=float("nan") if fit.trend_gap is None else fit.trend_gap,
            trend_gap_all=float("nan") if fit.trend_gap_all is None else fit.trend_gap_all,
        )
        for fit in fits
        for year in fit.years
    )


def log_odds(events: Floats, denominators: Floats) -> Floats:
    """log((e + 1/2) / (n - e + 1/2)), elementwise."""
    path: Floats = np.log((events + 0.5) / (denominators - events + 0.5))
    return path


def distances(
    panel: Panel,
    pilot: str,
    others: Sequence[str],
    years: Sequence[int],
    *,
    match_on: Literal["trend", "level and trend"],
) -> Floats:
    """Root mean square difference of each other authority's path from a pilot's.

    Parameters
    ----------
    years
        Years in which all of them are observed.
    match_on
        `trend` takes the mean difference over the years away first; `level and trend` not.

    Returns
    -------
    Log-odds, in the order of `others`.
    """
    mine = log_odds(*_counts(panel, [pilot], years))
    theirs = log_odds(*_counts(panel, others, years))
    return _root_mean_square(theirs - mine, centred=match_on == "trend")


def pre_trend_fit(panel: Panel, choice: Choice, design: OpenDesign) -> tuple[PreTrendFit, ...]:
    """The fit before settling-in of the pilots together, then of each, in the design's order.

    Together means: the pilots of the headline (without declared recording breaks, unless the
    design keeps them) that are observed in every year before the first of their settling-in
    years; so that the pooled rates are of the same authorities throughout. Each pilot stands
    in its own observed years. A pilot without comparators of its own is compared with all.

    Parameters
    ----------
    panel
        As `read_panel` gives it.
    choice
        As `choose_comparators` gives it.
    design
        That of the same analysis.

    Returns
    -------
    tuple of PreTrendFit
        Rates per year are shares of the denominator.

    Examples
    --------
    >>> analysis = sb.load("icpc-open-data-matched")
    >>> panel = sb.read_panel([], analysis.data)
    >>> choice = sb.choose_comparators(panel, analysis.design)
    >>> len(sb.pre_trend_fit(panel, choice, analysis.design)) > 1
    True
    """
    breaks = {declared.authority for declared in design.recording_breaks}
    headline = [p for p in design.pilots if design.breaks_in_headline or p.authority not in breaks]
    before = min((pilot.settling_in[0] for pilot in headline), default=panel.years[0])
    years = tuple(year for year in panel.years if year < before)
    whole = [pilot.authority for pilot in headline if set(years) <= set(years_before(panel, pilot))]
    fits = [fit_in_years(panel, choice, POOLED, whole, years)]
    for pilot in design.pilots:
        name = pilot.authority
        fits.append(fit_in_years(panel, choice, name, [name], years_before(panel, pilot)))
    return tuple(fits)


def fit_in_years(
    panel: Panel, choice: Choice, target: str, pilots: Sequence[str], years: Sequence[int]
) -> PreTrendFit:
    """The fit of the pilots together in years in which they and the comparators are observed."""
    if not pilots:
        return PreTrendFit(target=target, pilots=(), years=(), trend_gap=None, trend_gap_all=None)
    mine = _totals(panel, pilots, years)
    chosen = _totals(panel, choice.comparators_of(pilots), years)
    everyone = _totals(panel, choice.eligible, years)
    rates, their_rates = mine[0] / mine[1], chosen[0] / chosen[1]
    return PreTrendFit(
        target=target,
        pilots=tuple(pilots),
        years=tuple(
            PreTrendYear(year=year, pilots=float(a), comparators=float(b), gap=float(a - b))
            for year, a, b in zip(years, rates, their_rates, strict=True)
        ),
        trend_gap=_trend_gap(mine, chosen),
        trend_gap_all=_trend_gap(mine, everyone),
    )


def _trend_gap(mine: tuple[Floats, Floats], theirs: tuple[Floats, Floats]) -> float | None:
    if mine[0].size < 2:
        return None
    return float(_root_mean_square(log_odds(*mine) - log_odds(*theirs), centred=True))


def _root_mean_square(difference: Floats, *, centred: bool) -> Floats:
    """Over the last axis, less its mean if `centred`."""
    if centred:
        difference = difference - difference.mean(axis=-1, keepdims=True)
    return np.asarray(np.sqrt((difference**2).mean(axis=-1)), dtype=np.float64)


def _counts(
    panel: Panel, authorities: Sequence[str], years: Sequence[int]
) -> tuple[Floats, Floats]:
    """Events and denominators, shape (authority, year)."""
    chosen = panel.counts.sel(authority=list(authorities), year=list(years))
    return chosen["events"].values, chosen["denominator"].values


def _totals(
    panel: Panel, authorities: Sequence[str], years: Sequence[int]
) -> tuple[Floats, Floats]:
    """Events and denominators summed over authorities, shape (year,)."""
    events, denominators = _counts(panel, authorities, years)
    return events.sum(axis=0), denominators.sum(axis=0)
