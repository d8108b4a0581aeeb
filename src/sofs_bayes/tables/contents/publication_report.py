"""Runs → Tables 5 to 7 in the report's own layout, with posteriors in place of stars."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sofs_bayes.published.facts import Fact
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.keys import Estimand
from sofs_bayes.tables.contents.effects import interval_note
from sofs_bayes.tables.contents.publication_groups import (
    FROM,
    ReportGroup,
    headings,
    report_groups,
)
from sofs_bayes.tables.contents.publication_lines import (
    answer_lines,
    last_lines,
    posterior_lines,
)
from sofs_bayes.tables.contents.publication_numbers import overall
from sofs_bayes.tables.contents.publication_own import own_layout_table
from sofs_bayes.tables.contents.publication_rests_on import rests_on_table
from sofs_bayes.tables.contents.publication_rows import (
    answer,
    not_printed,
    printed_cell,
    report_columns,
    table_facts,
)
from sofs_bayes.tables.contents.replication import TITLES
from sofs_bayes.tables.digits import Cell
from sofs_bayes.tables.model import Column, Table

LAYOUT = (
    "Lines 'as printed' are the report's (published), with its stars: * p<0.1, ** p<0.05,"
    " *** p<0.01; in brackets the same number in percentage points (pp), in which all changes in"
    " risk are. All other lines are posteriors: their source is in the column 'Source'; they"
    " average over the pilots' children after settling-in, and have a probability in place of"
    " stars."
)
TURNED = (
    "Rows of comparators have the report's sign: a coefficient below 0 means that the outcome rose"
    " among pilots against these comparators."
)
IN_LOG_ODDS = "Coefficients printed for logistic regressions are log-odds."


def report_layout_tables(runs: Sequence[Run], beside: Sequence[Path]) -> list[Table]:
    """Each printed table that runs have columns of, and after it what its columns rest on.

    Of another study than the report's: regressions beside posteriors. Runs of different evidence
    are never in one table.
    """
    left_out = [run.analysis.name for run in runs if not report_columns(run)]
    tables = []
    for group in report_groups(runs):
        of_report = group.number > 0
        made = _layout(group, left_out) if of_report else own_layout_table(group, beside)
        tables += [made, rests_on_table(group)]
    return tables


def _layout(group: ReportGroup, left_out: Sequence[str]) -> Table:
    lines = [line for row in _printed_rows(group) for line in _printed_lines(group, row)]
    for effect in not_printed(group.columns):
        lines += _not_printed_lines(group, effect)
    if lines:
        lines += last_lines(group)
    width = 2 + len(group.columns)
    return Table(
        name=f"report-{group.number}-{group.evidence}",
        title=(
            f"{TITLES[group.number]} (Table {group.number} of the report): {FROM[group.evidence]}"
        ),
        columns=(
            Column(key="row", heading=f"Table {group.number} (risk: pp)"),
            Column(key="evidence", heading="Source"),
            *(Column(key=name, heading=name, format=group.risk) for name in headings(group)),
        ),
        rows=tuple((*line, *[None] * (width - len(line))) for line in lines),
        evidence=group.evidence,
        notes=tuple(_notes(group, left_out)),
        status=overall(column.run.status for column in group.columns),
        bold=tuple(i for i, line in enumerate(lines) if len(line) == 1),
    )


# ------------------------------------------------------------------------------------- lines


def _printed_rows(group: ReportGroup) -> Iterator[str]:
    """The printed rows, in the report's order, that some posterior answers."""
    for row in dict.fromkeys(fact.row for fact in table_facts(group.number)):
        if any(answer(c, row, s) for c in group.columns for s in group.scales()):
            yield row


def _printed_lines(group: ReportGroup, row: str) -> Iterator[tuple[Cell, ...]]:
    """A heading, the printed cells, and the posteriors below them."""
    cells = [_with_points(printed_cell(group.number, row, c.name)) for c in group.columns]
    yield (row,)
    yield "as printed", "published", *cells
    yield from answer_lines(group, lambda column, scale: answer(column, row, scale))


def _not_printed_lines(group: ReportGroup, effect: Estimand) -> Iterator[tuple[Cell, ...]]:
    words = str(effect)
    yield (f"{words[:1].upper()}{words[1:]} (not in the report)",)
    yield from posterior_lines(group, effect)


def _with_points(fact: Fact | None) -> str:
    """A printed coefficient as printed; a probability's in percentage points behind it."""
    if fact is None:
        return "–"
    text = fact.printed.text.replace("-", "\N{MINUS SIGN}")
    value, decimals = fact.printed.value, fact.printed.decimals
    if value is None or decimals is None or fact.unit != "probability":
        return text
    points = f"{100 * value:+.{max(decimals - 2, 0)}f}".replace("-", "\N{MINUS SIGN}")
    return f"{text} ({points})"


def _notes(group: ReportGroup, left_out: Sequence[str]) -> Iterable[str]:
    yield LAYOUT
    if "log-odds" in group.scales():
        yield IN_LOG_ODDS
    yield from dict.fromkeys(interval_note(column.run) for column in group.columns)
    rows = list(dict.fromkeys(fact.row for fact in table_facts(group.number)))
    answered = list(_printed_rows(group))
    if any(_is_turned(group, row) for row in answered):
        yield TURNED
    kept_out = [row for row in rows if row not in answered and _is_printed(group, row)]
    years = [row for row in kept_out if row.startswith("Year dummy ")]
    named = [row for row in kept_out if row not in years]
    if years:
        span = f"{years[0]} to {years[-1].removeprefix('Year dummy ')}"
        named.append(span if len(years) > 1 else years[0])
    if named:
        yield f"Rows of the report without a posterior here: {'; '.join(named)}."
    if left_out:
        yield f"Runs that stand for no column of the report: {', '.join(left_out)}."


def _is_printed(group: ReportGroup, row: str) -> bool:
    """Whether the report has a number there in one of the columns."""
    cells = [printed_cell(group.number, row, column.name) for column in group.columns]
    return any(each.printed.value is not None for each in cells if each is not None)


def _is_turned(group: ReportGroup, row: str) -> bool:
    found = [answer(c, row, s) for c in group.columns for s in group.scales()]
    return any(each.turned for each in found if each is not None)
