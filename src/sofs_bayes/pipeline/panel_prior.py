"""A named panel → the prior of the correlation that a posterior from print needs."""

import json
from pathlib import Path

from sofs_bayes.bayes.panel_correlation import Window, windows
from sofs_bayes.bayes.panel_correlation import correlation_prior as prior_of
from sofs_bayes.records.value_panel import read_values
from sofs_bayes.spec import Beta
from sofs_bayes.tables.formats import Column, Table, table_of


def correlation_prior(
    column: str,
    panel: Path | str | None = None,
    *,
    denominator: str | None = None,
    years_pre: int,
    years_post: int,
    between: int = 0,
    log_odds: bool = False,
) -> Beta:
    """The prior of the correlation of a place's means before and after, from a panel.

    Parameters
    ----------
    column, denominator
        The outcome; with `denominator` a count of events among so many children, whose chance is
        then taken out.
    panel
        A table with the columns `authority` and `year`; without one the counts of the Department
        for Education that are part of the package.
    years_pre, years_post, between
        Years averaged before and after, and left out between them, as in the study.
    log_odds
        Whether rates are taken on log-odds.

    Returns
    -------
    Beta
        With the reason that says which panel it is from.

    Raises
    ------
    BadInput
        The panel cannot be used, or is too short.

    Examples
    --------
    >>> prior = sb.correlation_prior(
    ...     "ICPC_child", denominator="Started_child", years_pre=2, years_post=3, between=2
    ... )
    >>> prior.a > 0
    True
    """
    return correlation_of_panel(
        column,
        panel,
        denominator=denominator,
        years=(years_pre, between, years_post),
        log_odds=log_odds,
    )[0]


def correlation_of_panel(
    column: str,
    panel: Path | str | None,
    *,
    denominator: str | None,
    years: tuple[int, int, int],
    log_odds: bool,
) -> tuple[Beta, Table]:
    """The prior, and the table of the windows behind it with the line for an analysis file."""
    values = read_values(panel, column, denominator=denominator, log_odds=log_odds)
    before, between, after = years
    found = windows(values, before=before, between=between, after=after)
    prior = prior_of(found, called=values.called, before=before, between=between, after=after)
    return prior, _table(found, values.called, prior, known=panel is None)


def _table(found: tuple[Window, ...], called: str, prior: Beta, *, known: bool) -> Table:
    columns = [
        Column(key="first_year", heading="First year"),
        Column(key="last_year", heading="Last year"),
        Column(key="authorities", heading="Authorities", format="integer"),
        Column(key="correlation", heading="Correlation before and after", format="number"),
    ]
    return table_of(
        "correlation",
        f"Means of authorities before and after: {called}",
        found,
        columns,
        evidence="open-data" if known else "unknown-origin",
        notes=[
            "For an analysis file, under [priors]:"
            f" correlation = {{ a = {prior.a}, b = {prior.b}, why = {json.dumps(prior.why)} }}",
            "A prior for places like those of the panel, and an outcome like its own.",
        ],
    )
