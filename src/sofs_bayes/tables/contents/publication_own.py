"""Runs of another study than the report's → regressions beside posteriors, effect by effect."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sofs_bayes.frequentist.term import since_name
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.spec.keys import AFTER, IN_YEAR, Estimand
from sofs_bayes.spec.study import printed_in
from sofs_bayes.tables.contents.effects import interval_note
from sofs_bayes.tables.contents.publication_beside import ReplicatedFolder, replicated_folders
from sofs_bayes.tables.contents.publication_groups import FROM, ReportGroup, headings
from sofs_bayes.tables.contents.publication_lines import last_lines, posterior_lines
from sofs_bayes.tables.contents.publication_numbers import overall
from sofs_bayes.tables.contents.publication_rows import OF_CHILDREN, ReportColumn, not_printed
from sofs_bayes.tables.digits import GAP, MINUS, Cell
from sofs_bayes.tables.model import Column, Table

REGRESSED = (
    "Lines 'regression' are confidence intervals of the regression of the same children: in"
    " brackets the standard error, or in square brackets the interval of the wild bootstrap. All"
    " other lines are posteriors; they average over the pilots' children after settling-in, and"
    " have a probability in place of stars."
)
POSTERIORS = "Posteriors average over the pilots' children after settling-in."
NOT_BESIDE = "No folder that replicate wrote is beside these runs (--beside)."


def own_layout_table(group: ReportGroup, beside: Sequence[Path]) -> Table:
    """The effects of a study's runs, a column each; regressions above posteriors."""
    folders = replicated_folders(beside)
    lines: list[tuple[Cell, ...]] = []
    for effect in not_printed(group.columns):
        words = str(effect)
        lines.append((f"{words[:1].upper()}{words[1:]}",))
        lines += _regression_line(group, effect, folders)
        lines += posterior_lines(group, effect)
    if lines:
        lines += last_lines(group)
    regressed = any(line[0] == REGRESSION for line in lines)
    width = 2 + len(group.columns)
    return Table(
        name=f"report-{group.key}-{group.evidence}",
        title=f"{group.about}: {'regressions and ' * regressed}{FROM[group.evidence]}",
        columns=(
            Column(key="row", heading="Effect (risk: pp)"),
            Column(key="evidence", heading="Source"),
            *(Column(key=name, heading=name, format=group.risk) for name in headings(group)),
        ),
        rows=tuple((*line, *[None] * (width - len(line))) for line in lines),
        evidence=group.evidence,
        study=printed_in(group.columns[0].run.analysis),
        notes=tuple(_notes(group, regressed=regressed)),
        status=overall(column.run.status for column in group.columns),
        bold=tuple(i for i, line in enumerate(lines) if len(line) == 1),
    )


REGRESSION = "regression (standard error)"


def _regression_line(
    group: ReportGroup, effect: Estimand, folders: Sequence[ReplicatedFolder]
) -> Iterator[tuple[Cell, ...]]:
    cells = [_regressed(column, effect, folders) for column in group.columns]
    if any(cells):
        yield REGRESSION, group.evidence, *(cell or GAP for cell in cells)


def _regressed(column: ReportColumn, effect: Estimand, folders: Sequence[ReplicatedFolder]) -> str:
    """The regression's estimate of an effect, in pp or log-odds; empty where there is none."""
    analysis, term = column.run.analysis, _term_of(effect)
    if not isinstance(analysis, HierarchicalAnalysis):
        return ""
    for folder in folders:
        if folder.analysis != analysis.children or folder.evidence != column.run.evidence:
            continue
        for row in folder.terms:
            if (row.regression, row.term) == (analysis.column, term):
                factor, unit = (100.0, "pp") if row.model == "linear" else (1.0, "log-odds")
                middle = f"{factor * row.coefficient:+.2f} {unit}"
                if not math.isnan(row.standard_error):
                    return _minus(f"{middle} ({factor * row.standard_error:.2f})")
                return _minus(f"{middle}{_bootstrapped(folder, row.regression, term, factor)}")
    return ""


def _bootstrapped(folder: ReplicatedFolder, regression: str, term: str, factor: float) -> str:
    for each in folder.further:
        if (each.regression, each.term, each.method) == (regression, term, "wild bootstrap"):
            return f" [{factor * each.lower:+.2f}, {factor * each.upper:+.2f}]"
    return " (–)"


def _minus(text: str) -> str:
    return text.replace("-", MINUS)


def _term_of(effect: Estimand) -> str:
    """The term of a regression that is an effect; empty where none is."""
    if effect.role == AFTER:
        return "did"
    if effect.role == IN_YEAR and effect.year is not None:
        return since_name(effect.year)
    found = (term for term, (each, _) in OF_CHILDREN.items() if each == effect)
    return next(found, "")


def _notes(group: ReportGroup, *, regressed: bool) -> Iterable[str]:
    yield REGRESSED if regressed else f"{POSTERIORS} {NOT_BESIDE}"
    yield from dict.fromkeys(interval_note(column.run) for column in group.columns)
