"""Runs → Tables 5 to 7 in the report's own layout, with posteriors in place of stars."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from sofs_bayes.published.facts import Fact
from sofs_bayes.reporting.contents.effects import interval_note
from sofs_bayes.reporting.contents.publication_groups import (
    FROM,
    UNITS,
    ReportGroup,
    headings,
    report_groups,
)
from sofs_bayes.reporting.contents.publication_numbers import overall
from sofs_bayes.reporting.contents.publication_rests_on import authorities, rests_on_table
from sofs_bayes.reporting.contents.publication_rows import (
    Answer,
    ReportColumn,
    answer,
    answer_not_printed,
    estimate_of,
    not_printed,
    printed_cell,
    report_columns,
    table_facts,
)
from sofs_bayes.reporting.contents.replication import TITLES
from sofs_bayes.reporting.digits import GAP, Cell, last_digit, shown
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.table_model import Column, Table
from sofs_bayes.spec.keys import Estimand

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
Ask = Callable[[ReportColumn, str], Answer | None]


def report_layout_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """Each printed table that runs have columns of, and after it what its columns rest on.

    Runs of different evidence are never in one table.
    """
    left_out = [run.analysis.name for run in runs if not report_columns(run)]
    tables = []
    for group in report_groups(runs):
        tables += [_layout(group, left_out), rests_on_table(group)]
    return tables


def _layout(group: ReportGroup, left_out: Sequence[str]) -> Table:
    lines = [line for row in _printed_rows(group) for line in _printed_lines(group, row)]
    for effect in not_printed(group.columns):
        lines += _not_printed_lines(group, effect)
    if lines:
        lines += _last_lines(group)
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


def _of_effect(effect: Estimand, column: ReportColumn, scale: str) -> Answer | None:
    return answer_not_printed(column, effect, scale)


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
    yield from _posterior_lines(group, lambda column, scale: answer(column, row, scale))


def _not_printed_lines(group: ReportGroup, effect: Estimand) -> Iterator[tuple[Cell, ...]]:
    words = str(effect)
    yield (f"{words[:1].upper()}{words[1:]} (not in the report)",)
    yield from _posterior_lines(group, partial(_of_effect, effect))


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


def _posterior_lines(group: ReportGroup, ask: Ask) -> Iterator[tuple[Cell, ...]]:
    """Median with the interval below it on each scale, then the probability of a rise."""
    asked = {s: [ask(column, s) for column in group.columns] for s in group.scales()}
    for scale, answers in asked.items():
        if any(answers):
            cells = [
                estimate_of(column.run, a) for column, a in zip(group.columns, answers, strict=True)
            ]
            label = f"posterior median, {_percent(group)}interval ({UNITS[scale]})"
            # The columns' format is that of risks.
            texts = cells if scale == "risk" else [shown(cell, "signed2") for cell in cells]
            yield label, group.evidence, *(text if text is not None else GAP for text in texts)
    best = [next((a for a in each if a), None) for each in zip(*asked.values(), strict=True)]
    if any(each is not None and each.above_zero is not None for each in best):
        yield "probability that it is above 0", group.evidence, *map(_chance, best)


def _chance(found: Answer | None) -> str:
    if found is None:
        return GAP
    return shown(found.above_zero, "probability", last_digit([found.mcse], "probability"))


def _percent(group: ReportGroup) -> str:
    levels = {column.run.level for column in group.columns}
    return f"{100 * levels.pop():g}% " if len(levels) == 1 else ""


def _last_lines(group: ReportGroup) -> Iterator[tuple[Cell, ...]]:
    yield ("Sources of the columns",)
    runs = [column.run for column in group.columns]
    counts = [authorities(run) for run in runs]
    if any(counts):
        yield "Authorities (pilots + comparators)", group.evidence, *(n or GAP for n in counts)
    yield "Prior of the effect", group.evidence, *(run.prior for run in runs)
    yield "Draws", group.evidence, *(run.status for run in runs)


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
