"""The lines of a table in the report's layout: posteriors, and what the columns rest on."""

from collections.abc import Callable, Iterator

from sofs_bayes.spec.keys import Estimand
from sofs_bayes.tables.contents.publication_groups import UNITS, ReportGroup
from sofs_bayes.tables.contents.publication_rests_on import authorities
from sofs_bayes.tables.contents.publication_rows import (
    Answer,
    ReportColumn,
    answer_not_printed,
    estimate_of,
)
from sofs_bayes.tables.digits import GAP, Cell, last_digit, shown

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


def last_lines(group: ReportGroup) -> Iterator[tuple[Cell, ...]]:
    """What the columns rest on: authorities, priors, draws."""
    yield ("Sources of the columns",)
    runs = [column.run for column in group.columns]
    counts = [authorities(run) for run in runs]
    if any(counts):
        yield "Authorities (pilots + comparators)", group.evidence, *(n or GAP for n in counts)
    yield "Prior of the effect", group.evidence, *(run.prior for run in runs)
    yield "Draws", group.evidence, *(run.status for run in runs)
