"""Runs → Tables 5 to 7 in the report's layout, or another study's regressions and posteriors."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.frequentist.term import DID, since_name
from sofs_bayes.published.facts import Fact
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import FittedAnalysis, HierarchicalAnalysis
from sofs_bayes.spec.keys import AFTER, IN_YEAR, Estimand
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import denominator_of, printed_in, words_of
from sofs_bayes.tables.contents.effects import (
    AUTHORITIES,
    COUNTS,
    interval_note,
    not_shown,
    own_words,
)
from sofs_bayes.tables.contents.publication_beside import ReplicatedFolder, replicated_folders
from sofs_bayes.tables.contents.publication_numbers import overall
from sofs_bayes.tables.contents.replication import TITLES
from sofs_bayes.tables.contents.report_columns import (
    FROM,
    OF_CHILDREN,
    UNITS,
    Answer,
    ReportColumn,
    ReportGroup,
    answer,
    answer_not_printed,
    estimate_of,
    headings,
    not_printed,
    printed_cell,
    report_columns,
    report_groups,
    table_facts,
)
from sofs_bayes.tables.digits import GAP, Cell, Estimate, Format, Look
from sofs_bayes.tables.model import SUPPRESSED, Column, Holds, Table

if TYPE_CHECKING:
    from sofs_bayes.frequentist.published_analysis import TermRow

LAYOUT = (
    "Lines 'as printed' are the report's (published), with its stars: * p<0.1, ** p<0.05,"
    " *** p<0.01; below, in brackets, the same number in percentage points (pp), in which all"
    " changes in risk are. All other lines are posteriors: their source is in the column"
    " 'Source'; they average over the pilots' children after settling-in, and have a probability"
    " in place of stars."
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
    return _table(
        group,
        lines,
        heading=f"Table {group.number} (risk: pp)",
        title=f"{TITLES[group.number]} (Table {group.number} of the report): ",
        notes=_notes(group, left_out),
    )


def _table(
    group: ReportGroup,
    lines: Sequence[tuple[Cell, ...]],
    *,
    heading: str,
    title: str,
    notes: Iterable[str],
) -> Table:
    """A column for each of the group's; lines of one cell are headings of those below."""
    every = [*lines, *last_lines(group)] if lines else []
    width = 2 + len(group.columns)
    return Table(
        name=f"report-{group.key}-{group.evidence}",
        title=f"{title}{FROM[group.evidence]}",
        columns=(
            Column(key="row", heading=heading),
            Column(key="evidence", heading="Source"),
            *(Column(key=name, heading=name, format=group.risk) for name in headings(group)),
        ),
        rows=tuple((*line, *[None] * (width - len(line))) for line in every),
        evidence=group.evidence,
        study=printed_in(group.columns[0].run.analysis),
        notes=tuple(notes),
        status=overall(column.run.status for column in group.columns),
        bold=tuple(i for i, line in enumerate(every) if len(line) == 1),
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
    yield (f"{capital(str(effect))} (not in the report)",)
    yield from posterior_lines(group, effect)


def _with_points(fact: Fact | None) -> Cell:
    """A printed coefficient as printed; a probability's in percentage points below it."""
    if fact is None:
        return None
    value, decimals = fact.printed.value, fact.printed.decimals
    if value is None or decimals is None:
        return fact.printed.text
    points = Look(factor=100.0, decimals=max(decimals - 2, 0), signed=True)
    return Estimate(
        median=value,
        mark="*" * fact.printed.stars,
        look=Look(decimals=decimals),
        bracket=(value,) * (fact.unit == "probability"),
        bracket_look=points,
    )


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


REGRESSED = (
    "Lines 'regression' are confidence intervals of the regression of the same {whom}: in"
    " brackets the standard error, or from … to … the 95% interval of the wild bootstrap. All"
    " other lines are posteriors; they average over the pilots' {whom} after settling-in, and"
    " have a probability in place of stars."
)
POSTERIORS = "Posteriors average over the pilots' {whom} after settling-in."
NOT_BESIDE = "No folder that replicate wrote is beside these runs (--beside)."


def own_layout_table(group: ReportGroup, beside: Sequence[Path]) -> Table:
    """The effects of a study's runs, a column each; regressions above posteriors."""
    folders = replicated_folders(beside)
    lines: list[tuple[Cell, ...]] = []
    for effect in not_printed(group.columns):
        lines.append((capital(str(effect)),))
        lines += _regression_line(group, effect, folders)
        lines += posterior_lines(group, effect)
    regressed = any(line[0] == REGRESSION for line in lines)
    about = group.columns[0].run.analysis
    whom = words_of(about).whom
    posteriors = f"{POSTERIORS} {NOT_BESIDE}" if _is_matched(about) else POSTERIORS
    intervals = dict.fromkeys(interval_note(column.run) for column in group.columns)
    return _table(
        group,
        lines,
        heading="Effect (risk: pp)",
        title=f"{group.about}: {'regressions and ' * regressed}",
        notes=[
            (REGRESSED if regressed else posteriors).format(whom=whom),
            *own_words(column.run.analysis for column in group.columns),
            *intervals,
        ],
    )


def _is_matched(analysis: FittedAnalysis) -> bool:
    """Whether what is counted was matched and can be regressed: whole authorities are neither."""
    return isinstance(analysis, HierarchicalAnalysis)


REGRESSION, BOOTSTRAP = "regression (standard error)", "wild bootstrap"


def _regression_line(
    group: ReportGroup, effect: Estimand, folders: Sequence[ReplicatedFolder]
) -> Iterator[tuple[Cell, ...]]:
    cells = [_regressed(column, effect, folders) for column in group.columns]
    if any(cells):
        yield REGRESSION, group.evidence, *cells


def _regressed(
    column: ReportColumn, effect: Estimand, folders: Sequence[ReplicatedFolder]
) -> Estimate | None:
    """The regression's estimate of an effect, in pp or log-odds; None where there is none."""
    analysis, terms = column.run.analysis, _terms_of(effect, column.run.analysis)
    if not isinstance(analysis, HierarchicalAnalysis):
        return None
    for folder in folders:
        if folder.analysis != analysis.children or folder.evidence != column.run.evidence:
            continue
        for row in folder.terms:
            if row.regression == analysis.column and row.term in terms:
                factor, unit = (100.0, "pp") if row.model == "linear" else (1.0, "log-odds")
                found = Estimate(
                    median=terms[row.term] * row.coefficient,
                    bracket=(row.standard_error,),
                    look=Look(factor=factor, decimals=2, signed=True, end=f" {unit}"),
                )
                known = not math.isnan(row.standard_error)
                return found if known else _bootstrapped(found, folder, row, terms[row.term])
    return None


def _bootstrapped(found: Estimate, folder: ReplicatedFolder, row: "TermRow", sign: int) -> Estimate:
    for each in folder.further:
        if (each.regression, each.term, each.method) == (row.regression, row.term, BOOTSTRAP):
            lower, upper = sorted((sign * each.lower, sign * each.upper))
            return replace(found, bracket=(), lower=lower, upper=upper)
    return found


def _terms_of(effect: Estimand, analysis: FittedAnalysis) -> dict[str, int]:
    """The terms of regressions that are an effect, with their signs; none where none is."""
    if effect.role == AFTER:
        rests_on = isinstance(analysis, HierarchicalAnalysis) and analysis.regression.rests_on
        return {} if rests_on else {DID: 1}  # beside a modifier it is the effect where that is 0
    if effect.role == IN_YEAR and effect.year is not None:
        return {since_name(effect.year): 1}
    return {term: sign for term, (each, sign) in OF_CHILDREN.items() if each == effect}


Ask = Callable[[ReportColumn, str], Answer | None]


def posterior_lines(group: ReportGroup, effect: Estimand) -> Iterator[tuple[Cell, ...]]:
    """The lines of an effect that no printed row asks for."""
    return answer_lines(group, lambda column, scale: answer_not_printed(column, effect, scale))


def answer_lines(group: ReportGroup, ask: Ask) -> Iterator[tuple[Cell, ...]]:
    """Median with the interval below it on each scale, then the probability of a rise."""
    asked = {s: [ask(column, s) for column in group.columns] for s in group.scales()}
    for scale, answers in asked.items():
        if any(answers):
            cells = [
                estimate_of(column.run, a) for column, a in zip(group.columns, answers, strict=True)
            ]
            label = f"posterior median, {_percent(group)}interval ({UNITS[scale]})"
            # The columns' format is that of risks.
            look: Format | None = None if scale == "risk" else "signed2"
            yield label, group.evidence, *(cell and replace(cell, look=look) for cell in cells)
    best = [next((a for a in each if a), None) for each in zip(*asked.values(), strict=True)]
    if any(each is not None and each.above_zero is not None for each in best):
        yield "probability that it is above 0", group.evidence, *map(_chance, best)


def _chance(found: Answer | None) -> Estimate | None:
    if found is None or found.above_zero is None:
        return None
    return Estimate(median=found.above_zero, error=found.mcse, look="probability")


def _percent(group: ReportGroup) -> str:
    levels = {column.run.level for column in group.columns}
    return f"{100 * levels.pop():g}% " if len(levels) == 1 else ""


def last_lines(group: ReportGroup) -> Iterator[tuple[Cell, ...]]:
    """What the columns rest on: authorities, priors, draws."""
    yield ("Sources of the columns",)
    runs = [column.run for column in group.columns]
    counts = [authorities(run) for run in runs]
    if any(counts):
        yield "Authorities (pilots + comparators)", group.evidence, *(n or GAP for n in counts)
    yield "Prior of the effect", group.evidence, *(run.prior for run in runs)
    yield "Draws", group.evidence, *(run.status for run in runs)


PERIODS, ARMS = ("before", "after"), ("pilot", "comparator")


def authorities(run: Run) -> str:
    """The numbers of pilots and comparators of a run; nothing where it does not say."""
    numbers = [_of_arm(run, arm) for arm in ARMS]
    if SUPPRESSED in numbers:
        return SUPPRESSED
    return " + ".join(map(str, numbers)) if all(numbers) else ""


def _of_arm(run: Run, arm: str) -> int | str | None:
    """How many authorities an arm has; None where the run does not say.

    Suppressed where a disclosure check took single authorities away: not all are left.
    """
    if not_shown(run, AUTHORITIES):
        return SUPPRESSED
    sizes, left = run.rows(AuthoritySizeRow), run.rows(AuthorityLooRow)
    found = {row.authority for row in sizes if row.arm == arm}
    found |= {row.authority for row in left if row.arm == arm}
    return len(found) or None


def _referrals(run: Run, arm: str) -> int | str | None:
    """The matched referrals of an arm, before and after; None where the run does not say both.

    Suppressed where a disclosure check took one of them away. Not the sum of its years, of which
    some may be withheld.
    """
    rows = [
        row
        for row in run.rows(ArmYearCheck)
        if (row.kind, row.arm) == ("posterior", arm) and row.year in PERIODS
    ]
    if len(rows) == len(PERIODS):
        return sum(row.children for row in rows)
    return SUPPRESSED if not_shown(run, COUNTS) else None


def _by_arm(group: str, key: str, *, holds: Holds = "") -> Iterator[Column]:
    for arm in ARMS:
        yield Column(
            key=key.format(arm),
            heading=f"{arm}s".capitalize(),
            format="integer",
            holds=holds,
            group=group,
        )


def rests_on_table(group: ReportGroup) -> Table:
    """Counts behind each column: in columns of their own, which a disclosure check can read."""
    lines = [
        (
            heading,
            column.run.analysis.name,
            *(_referrals(column.run, arm) for arm in ARMS),
            *(_of_arm(column.run, arm) for arm in ARMS),
            column.run.prior,
            column.run.status,
        )
        for heading, column in zip(headings(group), group.columns, strict=True)
    ]
    about = group.columns[0].run.analysis
    among, matched = denominator_of(about), _is_matched(about)
    return Table(
        name=f"counts-{group.key}-{group.evidence}",
        title=f"Sources of the columns: {group.about}, {FROM[group.evidence]}",
        columns=(
            Column(key="column", heading="Column"),
            Column(key="analysis", heading="Analysis"),
            *_by_arm(
                f"Matched {among}" if matched else capital(among), "{}_referrals", holds="children"
            ),
            *_by_arm("Authorities", "{}s"),
            Column(key="prior", heading="Prior of the effect"),
            Column(key="status", heading="Draws"),
        ),
        rows=tuple(lines) if any(set(line[2:6]) != {None} for line in lines) else (),
        evidence=group.evidence,
        study=printed_in(about),
        notes=(
            *["Each counts once in each matched group that it stands in."] * matched,
            *dict.fromkeys(note for column in group.columns for note in column.run.withheld),
        ),
        status=overall(column.run.status for column in group.columns),
    )
