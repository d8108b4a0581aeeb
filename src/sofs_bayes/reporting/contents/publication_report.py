"""Runs → Tables 5 to 7 in the report's own layout, with posteriors in place of stars."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sofs_bayes.published.facts import Fact
from sofs_bayes.reporting.contents.effects import extra_rows, interval_note, number_format
from sofs_bayes.reporting.contents.monte_carlo import first_prior, max_error
from sofs_bayes.reporting.contents.publication_numbers import overall
from sofs_bayes.reporting.contents.publication_rows import (
    Answer,
    ReportColumn,
    answer,
    answer_not_printed,
    not_printed,
    printed_cell,
    report_columns,
    table_facts,
)
from sofs_bayes.reporting.contents.replication import TITLES
from sofs_bayes.reporting.digits import GAP, Cell, Estimate, Format, last_digit, shown
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.table_model import Column, Table
from sofs_bayes.spec import Evidence

UNITS = {"log-odds": "log-odds", "risk": "percentage points"}
LAYOUT = (
    "Lines 'as printed' are the report's (published), with its stars: * p<0.1, ** p<0.05,"
    " *** p<0.01; in brackets the same number in percentage points where it is a change in"
    " probability. All other lines are posteriors: they rest on what the column 'Rests on' names,"
    " and a probability stands in place of the stars."
)
TURNED = (
    "Rows of comparators have the report's sign: a coefficient below 0 means that the outcome rose"
    " among pilots against these comparators."
)
IN_LOG_ODDS = "Coefficients printed for logistic regressions are log-odds."
FROM: Mapping[Evidence, str] = {
    "published": "posteriors from the printed tables",
    "published-inferred": "posteriors from the printed tables",
    "synthetic": "posteriors of made-up children",
    "open-data": "posteriors from open data",
    "records": "posteriors of children's records",
}
Ask = Callable[[ReportColumn, str], Answer | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The columns of one printed table whose posteriors rest on the same evidence."""

    number: int
    columns: tuple[ReportColumn, ...]
    risk: Format

    @property
    def evidence(self) -> Evidence:
        return self.columns[0].run.evidence

    def scales(self) -> list[str]:
        """The scales that some column's effects are on, the model's first."""
        there = {e.scale for c in self.columns for e in c.run.effects}
        return [scale for scale in UNITS if scale in there]


def report_layout_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """Each printed table that runs have columns of, and after it what its columns rest on.

    Runs of different evidence are never in one table.
    """
    found: dict[tuple[int, str], list[ReportColumn]] = {}
    for run in runs:
        for column in report_columns(run):
            found.setdefault((column.table, run.evidence), []).append(column)
    left_out = [run.analysis.name for run in runs if not report_columns(run)]
    tables = []
    for number, evidence in sorted(found):
        columns = tuple(sorted(found[number, evidence], key=_as_printed))
        group = _Group(number=number, columns=columns, risk=_risk_format(columns))
        tables += [_layout(group, left_out), _rests_on(group)]
    return tables


def _as_printed(column: ReportColumn) -> int:
    """The position of a column in its printed table."""
    return list(dict.fromkeys(f.column for f in table_facts(column.table))).index(column.name)


def _risk_format(columns: Sequence[ReportColumn]) -> Format:
    rows = [
        each
        for column in columns
        for each in column.run.effects
        if each.scale == "risk" and each.prior == first_prior(column.run)
    ]
    return number_format("risk", [row for row in rows if row.estimand.startswith("effect")])


def _layout(group: _Group, left_out: Sequence[str]) -> Table:
    lines = [line for row in _printed_rows(group) for line in _printed_lines(group, row)]
    for estimand in not_printed(group.columns):
        lines += _not_printed_lines(group, estimand)
    if lines:
        lines += _last_lines(group)
    width = 2 + len(group.columns)
    return Table(
        name=f"report-table-{group.number}-{group.evidence}",
        title=f"Table {group.number}. {TITLES[group.number]}: {FROM[group.evidence]}",
        columns=(
            Column(key="row", heading=f"Table {group.number}"),
            Column(key="evidence", heading="Rests on"),
            *(Column(key=name, heading=name, format=group.risk) for name in _headings(group)),
        ),
        rows=tuple((*line, *[None] * (width - len(line))) for line in lines),
        evidence=group.evidence,
        notes=tuple(_notes(group, left_out)),
        status=overall(column.run.status for column in group.columns),
        bold=tuple(i for i, line in enumerate(lines) if len(line) == 1),
    )


def _of_estimand(estimand: str, column: ReportColumn, scale: str) -> Answer | None:
    return answer_not_printed(column, estimand, scale)


def _headings(group: _Group) -> list[str]:
    """The report's headings; with what tells columns apart where several share one."""
    columns = group.columns
    names = [column.name for column in columns]
    headings = []
    for column in columns:
        own = [each for each in columns if each.name == column.name]
        readings = len({each.variant for each in own}) > 1
        analyses = len({each.run.analysis.name for each in own}) > 1
        added = [column.run.analysis.name] * analyses + [column.variant] * readings
        several = names.count(column.name) > 1 and not added
        added += [f"no. {own.index(column) + 1}"] * several
        headings.append(f"{column.name} ({', '.join(added)})" if added else column.name)
    return headings


# ------------------------------------------------------------------------------------- lines


def _printed_rows(group: _Group) -> Iterator[str]:
    """The printed rows, in the report's order, that some posterior answers."""
    for row in dict.fromkeys(fact.row for fact in table_facts(group.number)):
        if any(answer(c, row, s) for c in group.columns for s in group.scales()):
            yield row


def _printed_lines(group: _Group, row: str) -> Iterator[tuple[Cell, ...]]:
    """A heading, the printed cells, and the posteriors below them."""
    cells = [_with_points(printed_cell(group.number, row, c.name)) for c in group.columns]
    yield (row,)
    yield "as printed", "published", *cells
    yield from _posterior_lines(group, lambda column, scale: answer(column, row, scale))


def _not_printed_lines(group: _Group, estimand: str) -> Iterator[tuple[Cell, ...]]:
    yield (f"{estimand[:1].upper()}{estimand[1:]} (not in the report)",)
    yield from _posterior_lines(group, partial(_of_estimand, estimand))


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


def _posterior_lines(group: _Group, ask: Ask) -> Iterator[tuple[Cell, ...]]:
    """Median with the interval below it on each scale, then the probability of a rise."""
    asked = {s: [ask(column, s) for column in group.columns] for s in group.scales()}
    for scale, answers in asked.items():
        if any(answers):
            cells = [
                _estimate(column.run, a) for column, a in zip(group.columns, answers, strict=True)
            ]
            label = f"posterior median ({_percent(group)}interval), {UNITS[scale]}"
            # The columns' format is that of risks.
            texts = cells if scale == "risk" else [shown(cell, "signed2") for cell in cells]
            yield label, group.evidence, *(text if text is not None else GAP for text in texts)
    best = [next((a for a in each if a), None) for each in zip(*asked.values(), strict=True)]
    if any(each is not None and each.above_zero is not None for each in best):
        yield "probability that it is above 0", group.evidence, *map(_chance, best)


def _estimate(run: Run, found: Answer | None) -> Estimate | None:
    if found is None:
        return None
    effect = found.effect
    error = max_error(run, effect)
    return Estimate(median=effect.median, lower=effect.lower, upper=effect.upper, error=error)


def _chance(found: Answer | None) -> str:
    if found is None:
        return GAP
    return shown(found.above_zero, "probability", last_digit([found.mcse], "probability"))


def _percent(group: _Group) -> str:
    levels = {column.run.analysis.estimands.level for column in group.columns}
    return f"{100 * levels.pop():g}% " if len(levels) == 1 else ""


def _last_lines(group: _Group) -> Iterator[tuple[Cell, ...]]:
    runs = [column.run for column in group.columns]
    counts = [_authorities(run) for run in runs]
    if any(counts):
        yield "Authorities (pilots + comparators)", group.evidence, *(n or GAP for n in counts)
    yield "Prior of the effect", group.evidence, *map(first_prior, runs)
    yield "Draws", group.evidence, *(run.status for run in runs)


# ---------------------------------------------------------------------------- what they rest on


def _authorities(run: Run) -> str:
    pilots, comparators = _of_arm(run, "pilot"), _of_arm(run, "comparator")
    return f"{len(pilots)} + {len(comparators)}" if pilots or comparators else ""


def _of_arm(run: Run, arm: str) -> set[str]:
    rows = [*extra_rows(run, "authority_sizes"), *extra_rows(run, "authority_loo")]
    return {row.authority for row in rows if row.arm == arm}


def _referrals(run: Run, arm: str) -> int | None:
    """The matched referrals of an arm over all years; None where the run does not say."""
    rows = [
        row
        for row in extra_rows(run, "arm_years")
        if (row.kind, row.arm) == ("posterior", arm) and row.year.isdigit()
    ]
    return sum(row.children for row in rows) if rows else None


def _rests_on(group: _Group) -> Table:
    """Counts behind each column: in columns of their own, which a disclosure check can read."""
    lines = [
        (
            heading,
            column.run.analysis.name,
            _referrals(column.run, "pilot"),
            _referrals(column.run, "comparator"),
            len(_of_arm(column.run, "pilot")) or None,
            len(_of_arm(column.run, "comparator")) or None,
            first_prior(column.run),
            column.run.status,
        )
        for heading, column in zip(_headings(group), group.columns, strict=True)
    ]
    return Table(
        name=f"report-table-{group.number}-{group.evidence}-rests-on",
        title=(f"Table {group.number}, {FROM[group.evidence]}: what each column rests on"),
        columns=(
            Column(key="column", heading="Column"),
            Column(key="analysis", heading="Analysis"),
            Column(
                key="pilot_referrals",
                heading="Matched referrals: pilots'",
                format="integer",
                holds="children",
            ),
            Column(
                key="comparator_referrals",
                heading="comparators'",
                format="integer",
                holds="children",
            ),
            Column(key="pilots", heading="Pilots", format="integer"),
            Column(key="comparators", heading="Comparators", format="integer"),
            Column(key="prior", heading="Prior of the effect"),
            Column(key="status", heading="Draws"),
        ),
        rows=tuple(lines) if any(line[2] is not None for line in lines) else (),
        evidence=group.evidence,
        notes=("A referral counts once in each matched group that it stands in.",),
        status=overall(column.run.status for column in group.columns),
    )


def _notes(group: _Group, left_out: Sequence[str]) -> Iterable[str]:
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


def _is_printed(group: _Group, row: str) -> bool:
    """Whether the report has a number there in one of the columns."""
    cells = [printed_cell(group.number, row, column.name) for column in group.columns]
    return any(each.printed.value is not None for each in cells if each is not None)


def _is_turned(group: _Group, row: str) -> bool:
    found = [answer(c, row, s) for c in group.columns for s in group.scales()]
    return any(each.turned for each in found if each is not None)
