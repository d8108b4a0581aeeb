"""Runs of open data → tables of their counts, comparators and what was noticed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.matching.choice import LeftOut, Match, PreTrendRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Evidence
from sofs_bayes.spec.years import years_of
from sofs_bayes.tables.contents.effect_columns import interval_columns
from sofs_bayes.tables.contents.effects import interval_note, rate_format, rate_notes, run_table
from sofs_bayes.tables.formats import Column, Table, table_of

if TYPE_CHECKING:
    from sofs_bayes.records.notices import Notice


def pre_trend_table(run: Run) -> Table:
    """Rates of pilots and comparators before settling-in, together and by pilot.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it. Of open counts.

    Returns
    -------
    Table
        Rates in per cent of the denominator.

    Examples
    --------
    >>> run = sb.fit("icpc-open-data", quick=True)
    >>> len(sb.pre_trend_table(run).rows) > 0
    True
    """
    columns = [
        Column(key="target", heading="Pilots"),
        Column(key="year", heading=years_of(run.analysis).heading, format="year"),
        Column(key="pilots", heading="Their rate", format=rate_format(run)),
        Column(key="comparators", heading="Comparators' rate", format=rate_format(run)),
        gap_column(run),
        Column(key="trend_gap", heading="Trend gap (log-odds)", format="number"),
        Column(key="trend_gap_all", heading="with all others", format="number"),
    ]
    return run_table(
        run,
        "pre_trend",
        "before settling-in",
        run.rows(PreTrendRow),
        columns,
        "Trend gap: root mean square difference of the log-odds after taking out each"
        " one's mean; with the chosen comparators, and with all eligible ones.",
        *rate_notes(run),
        checked=False,
    )


def gap_column(run: Run) -> Column:
    """The column of differences between rates: in percentage points, or in the rates' own unit."""
    if run.analysis.estimands.per:
        return Column(key="gap", heading="Gap", format="per10000")
    return Column(key="gap", heading="Gap (pp)", format="pp")


def rates_table(run: Run) -> Table:
    """The pilots' rate by year beside the counterfactual one.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it. Of open counts or children.

    Returns
    -------
    Table
        Rates in per cent.

    Examples
    --------
    >>> run = sb.fit("icpc-open-data", quick=True)
    >>> sb.rates_table(run).evidence
    'open-data'
    """
    _, *ends = interval_columns(run.level, rate_format(run), prefix="counterfactual_")
    columns = [
        Column(key="year", heading=years_of(run.analysis).heading, format="year"),
        Column(key="period", heading="Period"),
        Column(key="observed", heading="Pilots", format=rate_format(run)),
        Column(key="counterfactual", heading="Without the programme", format=rate_format(run)),
        *ends,
        Column(key="comparators", heading="Comparators", format=rate_format(run)),
    ]
    rows = run.rows(YearlyRateRow)
    return run_table(
        run,
        "rates",
        "rates by year",
        rows,
        columns,
        interval_note(run),
        *_not_the_same([row.pilots for row in rows]),
        *rate_notes(run),
    )


def _not_the_same(pilots: Sequence[int]) -> Iterator[str]:
    """A sentence where years differ in how many pilots their rate is of."""
    if len({*pilots}) > 1:
        yield (
            "Pilots that are settling in are left out: by year the rate is of"
            f" {min(pilots)} to {max(pilots)} pilots, and may differ for that alone."
        )


def notices_table(notices: Iterable["Notice"], evidence: Evidence = "open-data") -> Table:
    """All that was noticed while reading open data.

    Parameters
    ----------
    notices
        As a panel's `notices`.
    evidence
        Of the files.

    Returns
    -------
    Table
        Authority, year, kind and detail, a line each.

    Examples
    --------
    >>> panel = sb.read_panel([], sb.load("icpc-open-data").data)
    >>> sb.notices_table(panel.notices).evidence
    'open-data'
    """
    columns = [
        Column(key="kind", heading="What"),
        Column(key="authority", heading="Authority"),
        Column(key="year", heading="Year", format="year"),
        Column(key="file", heading="File"),
        Column(key="detail", heading="Detail"),
    ]
    title = "Noticed while reading the counts"
    return table_of("notices", title, list(notices), columns, evidence=evidence)


def left_out_table(run: Run) -> Table:
    """The authorities that could not serve as comparators, and why."""
    columns = [
        Column(key="authority", heading="Authority"),
        Column(key="reason", heading="Why"),
    ]
    rows = run.rows(LeftOut)
    return run_table(run, "left_out", "not among the comparators", rows, columns, checked=False)


def matches_table(run: Run) -> Table:
    """Each pilot's comparators, nearest first.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it. Of open counts with matched comparators.

    Returns
    -------
    Table
        A line per pilot and comparator, with the distance in log-odds.

    Examples
    --------
    >>> run = sb.fit("icpc-open-data-matched", quick=True)
    >>> len(sb.matches_table(run).rows) > 0
    True
    """
    columns = [
        Column(key="pilot", heading="Pilot"),
        Column(key="rank", heading="Rank", format="integer"),
        Column(key="comparator", heading="Comparator"),
        Column(key="distance", heading="Distance (log-odds)", format="number"),
    ]
    rows = run.rows(Match)
    return run_table(run, "matches", "comparators by pre-trend", rows, columns, checked=False)
