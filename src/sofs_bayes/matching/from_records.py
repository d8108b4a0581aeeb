"""Comparators chosen from the referrals themselves, where the groups name none.

As with open counts, the choice rests on rates before settling-in alone: what the outcome did
afterwards has no part in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from sofs_bayes.errors import BadInput, BadSpec, counted
from sofs_bayes.matching.authorities import nearest_first
from sofs_bayes.matching.choice import Choice, LeftOut, Match, PreTrendRow
from sofs_bayes.matching.pre_trend import PreTrendFit, distances, fit_in_years, pre_trend_rows
from sofs_bayes.matching.stacking import days_sql, unknown_authorities
from sofs_bayes.published.printed_report import PrintedReport, printed_report
from sofs_bayes.published.samples import tables_of, used_pilots
from sofs_bayes.records.groups import Groups, Pair, Window
from sofs_bayes.records.panel import Panel
from sofs_bayes.records.referrals import Referrals
from sofs_bayes.spec import AuthorityMatching, ChildrenAnalysis

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


LEAST_DAYS = 183  # of a year, for a rate that stands beside those of whole years


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChoice:
    """Comparators chosen for the pilots that had none.

    Parameters
    ----------
    groups
        All groups, with the comparators chosen.
    matches
        The comparators chosen, per pilot and nearest first.
    next_best
        Per pilot, who would have been next; not where nobody was left.
    pre_trend
        Rates per year before settling-in of each pilot matched and of its
        comparators together, with the gap between their trends.
    left_out
        Authorities that could not serve a pilot, and why.
    """

    groups: Groups
    matches: tuple[Match, ...]
    next_best: tuple[Match, ...]
    pre_trend: tuple[PreTrendRow, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedCount:
    """A number of authorities here, beside those the report prints for the outcome."""

    quantity: Literal["pilots", "comparators"]
    here: int
    printed: int
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """A pilot to be matched: its years before, counts in them, and who could serve it."""

    pilot: str
    years: tuple[int, ...]
    panel: Panel
    eligible: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def choose_from_records(
    referrals: Referrals, groups: Groups, analysis: ChildrenAnalysis
) -> GroupChoice:
    """The groups with comparators for every pilot, by `analysis.matching.authorities`.

    Candidates of a pilot are all authorities that are no pilots and have referrals in each
    year in which the pilot has some before its settling-in, and some after it. The
    nearest are taken, by the distance of `pre_trend.distances` on the log-odds of the outcome
    per year. A year that settling-in cuts short counts with the days left, the same for all,
    and not at all with less than half a year of them: a few referrals would weigh as much as
    a whole year's. Without `reuse` a comparator serves once, those that the groups name among
    them.

    Raises
    ------
    BadInput
        A pilot has referrals in fewer than two years before settling-in, so no trend; or
        there are too few candidates.
    BadSpec
        Authorities of the groups have no referrals.
    """
    if faults := unknown_authorities(referrals.connection, groups):
        raise BadSpec(faults)
    rule = analysis.matching.authorities
    wanted = [window for window in groups.windows if window.pilot in groups.unmatched]
    count_by_day(referrals.connection, analysis)
    named = () if rule.reuse else groups.comparators
    found = [candidates_of(referrals.connection, window, groups, named) for window in wanted]
    offers = _offers(found, rule)
    pilots = [each.pilot for each in found]
    matches = nearest_first(offers, pilots, per_pilot=rule.per_pilot, reuse=rule.reuse)
    _check_served(matches, found, rule, groups)
    return GroupChoice(
        groups=_filled(groups, matches),
        matches=matches,
        next_best=_next_best(offers, matches, pilots, rule),
        pre_trend=tuple(row for each in found for row in pre_trend_rows([_fit(each, matches)])),
        left_out=tuple(dict.fromkeys(gone for each in found for gone in each.left_out)),
    )


def compare_with_print(
    groups: Groups, outcome: str, report: PrintedReport | None = None
) -> tuple[PrintedCount, ...]:
    """The numbers of pilots and comparators beside the printed ones of an outcome.

    Table 1 ticks the pilots of each analysis (six for ICPC, seven for CLA); the notes of its
    tables state pilots and comparators (6 and 5; 7 and 6).

    Parameters
    ----------
    outcome
        ICPC or CLA.
    report
        By default the bundled facts.
    """
    report = printed_report() if report is None else report
    table = tables_of(outcome)[0]
    pilots, comparators = len(groups.pilots), len(groups.comparators)
    return (
        PrintedCount(
            quantity="pilots",
            here=pilots,
            printed=len(used_pilots(report, outcome)),
            place=f"Table 1, Outcome: {outcome} rate",
        ),
        PrintedCount(
            quantity="pilots",
            here=pilots,
            printed=int(report.number(f"{table}.pilots")),
            place=report.stated[f"{table}.pilots"].place,
        ),
        PrintedCount(
            quantity="comparators",
            here=comparators,
            printed=int(report.number(f"{table}.comparators")),
            place=report.stated[f"{table}.comparators"].place,
        ),
    )


# ------------------------------------------------------------------------------- the steps


def count_by_day(connection: "DuckDBPyConnection", analysis: ChildrenAnalysis) -> None:
    """The tables `days` of the analysis, and `by_day`: an authority's referrals and outcomes."""
    connection.execute(f"CREATE OR REPLACE TABLE days AS {days_sql(analysis)}")
    connection.execute("""
        CREATE OR REPLACE TABLE by_day AS
        SELECT authority, day, year, closes, count(*) AS referrals, sum(outcome) AS outcomes
        FROM referrals JOIN days ON referral_date = day
        GROUP BY ALL""")


def candidates_of(
    connection: "DuckDBPyConnection", window: Window, groups: Groups, named: Sequence[str]
) -> Candidates:
    """Who could serve a pilot but for those named, from the tables of `count_by_day`.

    Raises
    ------
    BadInput
        The pilot has referrals in fewer than two years before settling-in.
    """
    counts = _counts_before(connection, window.start)
    after = _seen_after(connection, window.end)
    long_enough = _years_before(connection, window.start)
    years = tuple(year for year in long_enough if (window.pilot, year) in counts)
    if len(years) < 2:
        seen = ", ".join(map(str, years)) or "no year"
        found = f"referrals before settling-in in {seen}"
        allowed = "two years at least, as one has no trend; or comparators by name"
        raise BadInput(groups.file, f"pilot {window.pilot}", found, allowed)
    eligible, left_out = [], []
    for name in sorted({name for name, _ in counts} | after):
        if name in groups.pilots or name in named:
            continue
        gaps = [str(year) for year in years if (name, year) not in counts]
        if gaps or name not in after:
            side = f"before it in {', '.join(gaps)}" if gaps else "after it"
            reason = f"no referrals for the settling-in of {window.pilot}: none {side}"
            left_out.append(LeftOut(authority=name, reason=reason))
        else:
            eligible.append(name)
    return Candidates(
        pilot=window.pilot,
        years=years,
        panel=_panel(counts, [window.pilot, *eligible], years),
        eligible=tuple(eligible),
        left_out=tuple(left_out),
    )


def _years_before(connection: "DuckDBPyConnection", start: date) -> tuple[int, ...]:
    """The years with days enough whose outcome window ends by `start`."""
    rows = connection.execute(
        "SELECT year FROM days WHERE closes <= ? GROUP BY year HAVING count(*) >= ? ORDER BY year",
        [start, LEAST_DAYS],
    )
    return tuple(year for (year,) in rows.fetchall())


def _counts_before(
    connection: "DuckDBPyConnection", start: date
) -> dict[tuple[str, int], tuple[int, int]]:
    """Authority and year → outcomes and referrals whose window ends by `start`."""
    rows = connection.execute(
        "SELECT authority, year, CAST(sum(outcomes) AS BIGINT), CAST(sum(referrals) AS BIGINT)"
        " FROM by_day WHERE closes <= ? GROUP BY ALL",
        [start],
    ).fetchall()
    return {(name, year): (outcomes, referrals) for name, year, outcomes, referrals in rows}


def _seen_after(connection: "DuckDBPyConnection", end: date) -> set[str]:
    rows = connection.execute("SELECT DISTINCT authority FROM by_day WHERE day > ?", [end])
    return {name for (name,) in rows.fetchall()}


def _panel(
    counts: Mapping[tuple[str, int], tuple[int, int]],
    authorities: Sequence[str],
    years: Sequence[int],
) -> Panel:
    cells = np.array(
        [[counts[name, year] for year in years] for name in authorities], dtype=np.float64
    )
    dims = ("authority", "year")
    dataset = xr.Dataset(
        {"events": (dims, cells[..., 0]), "denominator": (dims, cells[..., 1])},
        coords={
            "authority": np.array(authorities, dtype=object),
            "year": np.array(years, dtype=np.int64),
        },
    )
    return Panel(counts=dataset, notices=(), sources=())


def _offers(found: Sequence[Candidates], rule: AuthorityMatching) -> list[tuple[float, int, str]]:
    """Distance, pilot's position and candidate, nearest first."""
    offers = []
    for position, each in enumerate(found):
        gaps = distances(each.panel, each.pilot, each.eligible, each.years, match_on=rule.match_on)
        offers += [
            (float(gap), position, name) for gap, name in zip(gaps, each.eligible, strict=True)
        ]
    return sorted(offers)


def _check_served(
    matches: Sequence[Match],
    found: Sequence[Candidates],
    rule: AuthorityMatching,
    groups: Groups,
) -> None:
    for each in found:
        served = sum(match.pilot == each.pilot for match in matches)
        if served < rule.per_pilot:
            count = (
                f"{counted(served, 'comparator')} among {counted(len(each.eligible), 'candidate')}"
            )
            allowed = f"matching.authorities.per_pilot = {rule.per_pilot}, or comparators by name"
            raise BadInput(groups.file, f"pilot {each.pilot}", count, allowed)


def _next_best(
    offers: Sequence[tuple[float, int, str]],
    matches: Sequence[Match],
    pilots: Sequence[str],
    rule: AuthorityMatching,
) -> tuple[Match, ...]:
    """The nearest candidate of each pilot that was not taken, by it or (no reuse) by any."""
    found: dict[int, Match] = {}
    for distance, position, name in offers:
        pilot = pilots[position]
        gone = {match.comparator for match in matches if not rule.reuse or match.pilot == pilot}
        if name not in gone and position not in found:
            rank = rule.per_pilot + 1
            found[position] = Match(pilot=pilot, comparator=name, rank=rank, distance=distance)
    return tuple(match for _, match in sorted(found.items()))


def _fit(each: Candidates, matches: Sequence[Match]) -> PreTrendFit:
    mine = tuple(match for match in matches if match.pilot == each.pilot)
    choice = Choice(
        pilots=(each.pilot,),
        comparators=tuple(sorted(match.comparator for match in mine)),
        eligible=each.eligible,
        matches=mine,
        left_out=each.left_out,
    )
    return fit_in_years(each.panel, choice, each.pilot, [each.pilot], each.years)


def _filled(groups: Groups, matches: Sequence[Match]) -> Groups:
    pairs: list[Pair] = []
    for window in groups.windows:
        chosen = [match.comparator for match in matches if match.pilot == window.pilot]
        pairs += [
            Pair(pilot=window.pilot, comparator=name, start=window.start, end=window.end)
            for name in groups.comparators_of(window.pilot) or chosen
        ]
    return replace(groups, pairs=tuple(pairs))
